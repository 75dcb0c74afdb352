"""Handing rows to the store while the next ones are read."""

from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

import pyarrow as pa

from gnomon.repository.harvest_report import HarvestReport
from gnomon.store import AppendResult, Store

__all__ = ["Storing"]

_SOURCE = "harvest"


class Storing:
    """A thread that stores what it is handed, one table at a time, in order.

    Leaving its context waits for the last one. An error of the store is raised where the next table is handed
    over, or at the end.

    Parameters
    ----------
    store
        The store.
    report
        Where what became of the rows is added up.
    """

    def __init__(self, store: Store, report: HarvestReport) -> None:
        self._store = store
        self._report = report
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="gnomon-store")
        self._waiting: Future[AppendResult] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            # After an error what is being stored is finished, and counts or not.
            if error is None:
                self._wait()
        finally:
            self._executor.shutdown(wait=True)

    def put(self, rows: pa.Table, observations: pa.Table) -> None:
        """Hand over rows; wait until those before are stored.

        Parameters
        ----------
        rows
            In `gnomon.measurements.rows.SCHEMA`; all rows of a dataset are in one table.
        observations
            In `gnomon.measurements.observations.SCHEMA`.

        Raises
        ------
        StoreError
            If those before could not be stored.
        """
        self._wait()
        self._waiting = self._executor.submit(self._keep, rows, observations)

    def _keep(self, rows: pa.Table, observations: pa.Table) -> AppendResult:
        # First these: once its rows are there, a dataset is not looked at again.
        if len(observations):
            self._store.keep_observations(observations)
        return self._store.append(rows, source=_SOURCE)

    def _wait(self) -> None:
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            self._report.add(waiting.result())
