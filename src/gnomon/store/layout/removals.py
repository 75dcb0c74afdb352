"""What was removed from a store, by dataset or by run."""

from dataclasses import dataclass

import polars as pl

from gnomon.store.layout.schema import RECORDED_AT
from gnomon.store.layout.tables import collect

__all__ = ["Removals"]


@dataclass(frozen=True)
class Removals:
    """What was removed, and when for the last time.

    Attributes
    ----------
    datasets
        ``dataset_id`` and ``removed_at``.
    runs
        ``run`` and ``removed_at``.
    """

    datasets: pl.DataFrame
    runs: pl.DataFrame

    @classmethod
    def of(cls, frame: pl.LazyFrame, *, as_of: int | None = None) -> "Removals":
        """Take them from the table of removals, as it was at a moment."""
        if as_of is not None:
            frame = frame.filter(pl.col(RECORDED_AT).cast(pl.Int64) <= as_of)
        whole = collect(frame)
        newest = pl.col(RECORDED_AT).max().alias("removed_at")
        datasets, runs = (whole.drop_nulls(key).group_by(key).agg(newest) for key in ("dataset_id", "run"))
        return cls(datasets, runs)

    def moments(self, frame: pl.DataFrame) -> pl.Series:
        """Say when the dataset of each row was removed after the row had come in; null if it was not."""
        by_dataset, by_run = (
            frame.select(key).join(removed, on=key, how="left", maintain_order="left")["removed_at"]
            for key, removed in (("dataset_id", self.datasets), ("run", self.runs))
        )
        at = pl.max_horizontal(by_dataset, by_run)
        return frame.select(pl.when(at > pl.col(RECORDED_AT)).then(at).alias("removed_at")).to_series()

    def apply(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Leave out what was removed."""
        if frame.is_empty() or (self.datasets.is_empty() and self.runs.is_empty()):
            return frame
        return frame.filter(self.moments(frame).is_null())
