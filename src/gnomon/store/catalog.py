"""What is in which table: metrics, dataset types and runs, without opening the tables.

An entry is a small file that is written before the rows that it tells of, so that the catalog names at
least what there is. Its name is the digest of its content: the same entry twice is one, writers never meet,
and what was read once need not be read again. Maintenance makes one entry of many.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import polars as pl

from gnomon.errors import StoreError
from gnomon.measurements.rows import NO_METRIC
from gnomon.store.place import Place
from gnomon.store.schema import TableName

__all__ = ["Catalog", "Contents", "Known", "names_of", "with_rows"]

_FOLDER = "catalog"


@dataclass
class Contents:
    """What a table has of one dataset type.

    Attributes
    ----------
    metrics
        Names of metrics.
    runs
        Names of RUN collections.
    """

    metrics: set[str] = field(default_factory=set)
    runs: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.metrics or self.runs)


type Known = dict[TableName, dict[str, Contents]]


class Catalog:
    """The catalog of a store.

    Parameters
    ----------
    place
        Where the store is.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._entries: dict[str, tuple[TableName, str, Contents]] = {}
        # Entries only ever grow in sum, so that what was read once holds for good.
        self._known: Known = {}

    def load(self) -> Known:
        """Read what is in which table.

        Returns
        -------
        dict
            Contents by table and dataset type; not to be changed.

        Raises
        ------
        StoreError
            If an entry cannot be read.
        """
        missing: list[str] = []
        for _ in range(3):
            missing = [name for name in self._place.files(_FOLDER) if not self._fetch(name)]
            if not missing:
                return self._known
            # Maintenance has put entries together meanwhile.
        raise StoreError(
            f"The catalog of {self._place.uri} cannot be read: {missing[0]} is gone. "
            "`gnomon store check --repair` makes it anew."
        )

    def _fetch(self, name: str) -> bool:
        if name in self._entries:
            return True
        content = self._place.read(f"{_FOLDER}/{name}")
        if content is None:
            return False
        try:
            entry = json.loads(content)
            table = TableName.of_folder(entry["table"])
            contents = Contents(set(entry["metrics"]), set(entry["runs"]))
            self._remember(name, table, entry["dataset_type"], contents)
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"The entry {_FOLDER}/{name} of the catalog of {self._place.uri} cannot be read: {error}. "
                "`gnomon store check --repair` makes it anew."
            ) from error
        return True

    def add(self, table: TableName, rows: pl.DataFrame) -> None:
        """Tell of rows that are going to be appended to a table.

        Parameters
        ----------
        table
            The table.
        rows
            Its rows: dataset type, metric and run at least.

        Raises
        ------
        OSError
            If the entry cannot be written.
        """
        known = self._known.get(table, {})
        for (kind,), group in rows.partition_by("dataset_type", as_dict=True).items():
            dataset_type = str(kind)
            found = Contents(set(group["metric"].unique()) - {NO_METRIC}, set(group["run"].unique()))
            there = known.get(dataset_type, Contents())
            fresh = Contents(found.metrics - there.metrics, found.runs - there.runs)
            if fresh or dataset_type not in known:
                self._write(table, dataset_type, fresh)

    def _remember(self, name: str, table: TableName, dataset_type: str, contents: Contents) -> None:
        self._entries[name] = (table, dataset_type, contents)
        there = self._known.setdefault(table, {}).setdefault(dataset_type, Contents())
        there.metrics |= contents.metrics
        there.runs |= contents.runs

    def _write(self, table: TableName, dataset_type: str, contents: Contents) -> str:
        entry = {
            "table": table.folder,
            "dataset_type": dataset_type,
            "metrics": sorted(contents.metrics),
            "runs": sorted(contents.runs),
        }
        content = json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode()
        name = _name_of(content)
        self._place.write(f"{_FOLDER}/{name}", content)
        self._remember(name, table, dataset_type, contents)
        return name

    def inspect(self) -> tuple[Known, dict[str, str]]:
        """Read what can be read, and say of the rest why not.

        Returns
        -------
        tuple
            Contents by table and dataset type, and what is wrong by the name of the entry.
        """
        fresh = Catalog(self._place)
        damaged = {}
        for name in self._place.files(_FOLDER):
            try:
                content = self._place.read(f"{_FOLDER}/{name}")
                if content is not None and _name_of(content) != name:
                    damaged[name] = "This entry was changed after it was written"
                else:
                    fresh._fetch(name)
            except StoreError as error:
                damaged[name] = error.message.partition(". `gnomon")[0]
        return fresh._known, damaged

    def mend(self, contents: Known, damaged: Iterable[str]) -> None:
        """Tell of all that the tables have, besides what the catalog told of already.

        Parameters
        ----------
        contents
            Contents by table and dataset type.
        damaged
            Names of entries that cannot be read, which go.
        """
        written = {self._write(*item) for item in _items(contents)}
        for name in set(damaged) - written:
            self._place.delete(f"{_FOLDER}/{name}")
        self._entries.clear()
        self._known.clear()

    def compact(self) -> None:
        """Make one entry a table and dataset type of those that there are."""
        known = self.load()
        old = set(self._place.files(_FOLDER)) & self._entries.keys()
        kept = {self._write(*item) for item in list(_items(known))}
        for name in old - kept:
            self._place.delete(f"{_FOLDER}/{name}")

    def replace(self, contents: Mapping[TableName, Mapping[str, Contents]]) -> None:
        """Write the catalog anew, as the tables have it.

        Parameters
        ----------
        contents
            Contents by table and dataset type.
        """
        old = self._place.files(_FOLDER)
        kept = {self._write(*item) for item in _items(contents)}
        for name in set(old) - kept:
            self._place.delete(f"{_FOLDER}/{name}")
        self._entries.clear()
        self._known.clear()


def _name_of(content: bytes) -> str:
    return f"{hashlib.sha256(content).hexdigest()[:32]}.json"


def _items(
    known: Mapping[TableName, Mapping[str, Contents]],
) -> Iterator[tuple[TableName, str, Contents]]:
    for table, types in known.items():
        for dataset_type, contents in types.items():
            yield table, dataset_type, contents


def with_rows(known: Known, divided: Iterable[tuple[TableName, pl.DataFrame]]) -> Known:
    """Add what is in rows that no table has yet.

    Parameters
    ----------
    known
        What `Catalog.load` gave; it stays as it is.
    divided
        Rows by table.
    """
    result = dict(known)
    for table, rows in divided:
        types = {
            kind: Contents(set(held.metrics), set(held.runs)) for kind, held in known.get(table, {}).items()
        }
        for (kind,), group in rows.partition_by("dataset_type", as_dict=True).items():
            there = types.setdefault(str(kind), Contents())
            there.metrics |= set(group["metric"].unique()) - {NO_METRIC}
            there.runs |= set(group["run"].unique())
        result[table] = types
    return result


def names_of(known: Known, of: str) -> Iterable[str]:
    """Give all metrics or all runs.

    Parameters
    ----------
    known
        What `Catalog.load` gave.
    of
        ``metrics`` or ``runs``.
    """
    return set[str]().union(*(getattr(item[2], of) for item in _items(known)))
