"""What is left out, in the forms that unmodified tools take: a condition, a list of observations, a table.

Tools that know no marks still take a condition on data IDs (``-d``, ``dataQuery``) or a table of data IDs
(``--data-id-table``). Both are coarser than a graph of ours: they are about data IDs, so where one dataset is
left out, whatever else has its data ID goes too.
"""

import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from astropy.table import Table
from lsst.daf.butler import Butler, DatasetRef

from gnomon.curation.exclusions import Exclusion, Exclusions
from gnomon.curation.exclusions.visits import VisitsOf
from gnomon.curation.selecting import explained, shortened
from gnomon.errors import ExclusionError

__all__ = ["MAX_TERMS", "LeftOut", "Observations", "left_out_of"]

MAX_TERMS = 900
"""How many values a condition may name: registries in SQLite refuse expressions deeper than 1000."""

_GOVERNORS = ("instrument", "skymap")
_OBSERVATIONS = ("visit", "exposure")
_OUT = "left out"
_PLAIN = frozenset(string.printable) - set("'\\\r\n\t\x0b\x0c")


@dataclass(frozen=True)
class Observations:
    """Observations of which something is left out.

    Attributes
    ----------
    dimension
        ``visit`` or ``exposure``.
    whole
        Instrument and number of those of which everything is left out, sorted.
    in_part
        Of those of which something remains: instrument, number, how many datasets are left out, and of how
        many.
    """

    dimension: str
    whole: tuple[tuple[str, int], ...]
    in_part: tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True)
class LeftOut:
    """The datasets of one type, with what leaves each of them out; from `left_out_of`.

    Attributes
    ----------
    dataset_type
        The dataset type.
    dimensions
        Its dimensions, those of which a data ID must have a value.
    datasets
        All of them, each data ID once.
    why
        What leaves out each of them; `None` if nothing does.
    unsaid
        What is marked and is a dataset of another type, or will be one: no condition on these says it.
    data_query
        The condition by which they were chosen; empty for all.
    """

    dataset_type: str
    dimensions: tuple[str, ...]
    datasets: tuple[DatasetRef, ...]
    why: tuple[Exclusion | None, ...]
    unsaid: tuple[Exclusion, ...] = ()
    data_query: str = ""

    @property
    def number(self) -> int:
        """How many are left out."""
        return len(self.datasets) - self.why.count(None)

    @cached_property
    def _frame(self) -> pl.DataFrame:
        """A row for each dataset: its data ID, and whether it is left out."""
        values = [ref.dataId.required_values for ref in self.datasets]
        columns = zip(*values, strict=True) if values else ((),) * len(self.dimensions)
        frame = pl.DataFrame(
            [pl.Series(name, column) for name, column in zip(self.dimensions, columns, strict=True)]
        )
        return frame.with_columns(pl.Series(_OUT, [one is not None for one in self.why], pl.Boolean))

    def table(self) -> Table:
        """Give the data IDs that remain.

        Returns
        -------
        astropy.table.Table
            A column for each dimension. ``--data-id-table`` joins it: what is not in it is not processed.
        """
        remaining = self._frame.filter(~pl.col(_OUT)).sort(self.dimensions).select(self.dimensions)
        # Texts of one length are written plainly, and objects as JSON.
        columns = {name: np.asarray(remaining[name].to_list()) for name in self.dimensions}
        return Table(columns)

    def observations(self) -> Observations:
        """Give the observations of which something is left out.

        Returns
        -------
        Observations
            Visits, or exposures where the dataset type has these.

        Raises
        ------
        ExclusionError
            If its data IDs name no observation.
        """
        found = next((name for name in _OBSERVATIONS if name in self.dimensions), None)
        if found is None:
            raise ExclusionError(
                f"The datasets of type {self.dataset_type!r} are of no visit or exposure, but of "
                f"{', '.join(self.dimensions)}. Use the form `table`, or another dataset type."
            )
        counts = (
            self._frame.group_by("instrument", found)
            .agg(out=pl.col(_OUT).sum(), all=pl.len())
            .filter(pl.col("out") > 0)
            .sort("instrument", found)
        )
        whole = pl.col("out") == pl.col("all")
        return Observations(
            found,
            tuple(counts.filter(whole).select("instrument", found).iter_rows()),
            tuple(counts.filter(~whole).iter_rows()),
        )

    def where(self) -> str:
        """Give a condition that leaves out the same data IDs.

        Returns
        -------
        str
            In the Butler's language, together with the condition by which the datasets were chosen; what was
            not among them is not left out.

        Raises
        ------
        ExclusionError
            If it would be too long for the registry.
        """
        terms = _Terms(self._frame, self.dimensions)
        if terms.number > MAX_TERMS:
            raise ExclusionError(
                f"A condition that leaves out {self.number:,} of {len(self.datasets):,} data IDs would name "
                f"{terms.number:,} values, and a registry takes about {MAX_TERMS}. Use the form `table`, or "
                "build the graph with `gnomon qgraph build`."
            )
        given = [f"({self.data_query})"] if self.data_query and terms.conditions else [self.data_query]
        return " AND ".join(part for part in (*given, *terms.conditions) if part)


def left_out_of(
    butler: Butler,
    dataset_type: str,
    *,
    collections: Sequence[str],
    exclusions: Exclusions,
    where: str = "",
) -> LeftOut:
    """Find out which datasets of a type are left out.

    A dataset of an exposure is left out with any visit of which the exposure is a part, since without it the
    visit is not processed.

    Parameters
    ----------
    butler
        Client of the repository.
    dataset_type
        The dataset type from which processing starts, such as ``raw``.
    collections
        Where to look, in order; of each data ID the first counts.
    exclusions
        What is left out.
    where
        A condition on data IDs, in the Butler's language.

    Returns
    -------
    LeftOut
        The datasets, with what leaves out each.

    Raises
    ------
    DatasetTypeNotFoundError
        If the repository has no such dataset type.
    CollectionNotFoundError
        If one of the collections does not exist.
    ExpressionError
        If the Butler does not understand ``where``.
    ExclusionError
        If there are no such datasets.
    """
    with explained(butler, where=where, collections=collections, dataset_type=dataset_type):
        dimensions = tuple(butler.get_dataset_type(dataset_type).dimensions.required)
        found = butler.query_datasets(
            dataset_type,
            collections=list(collections),
            where=where,
            find_first=True,
            limit=None,
            explain=False,
        )
    if not found:
        raise ExclusionError(
            f"{', '.join(collections)} has no datasets of type {dataset_type!r}"
            f"{f' where {shortened(where)}' if where else ''}."
        )
    why = exclusions.of_datasets(found)
    if "exposure" in dimensions and "visit" not in dimensions:
        _add_visits(butler, found, why, exclusions)
    return LeftOut(
        dataset_type,
        dimensions,
        tuple(found),
        tuple(why),
        tuple(_unsaid(found, dataset_type, exclusions)),
        where,
    )


def _add_visits(
    butler: Butler, refs: Sequence[DatasetRef], why: list[Exclusion | None], exclusions: Exclusions
) -> None:
    """Leave out what is part of a visit that is left out."""
    rest = [place for place, one in enumerate(why) if one is None]
    data_ids = [dict(refs[place].dataId.required) for place in rest]
    visits = VisitsOf(butler).of([(str(one["instrument"]), int(one.pop("exposure"))) for one in data_ids])
    asked = [
        (place, {**data_id, "visit": visit})
        for place, data_id, of_it in zip(rest, data_ids, visits, strict=True)
        for visit in of_it
    ]
    answers = exclusions.of_data_ids([data_id for _, data_id in asked], required=False)
    for (place, _), answer in zip(asked, answers, strict=True):
        why[place] = why[place] or answer


def _unsaid(refs: Sequence[DatasetRef], dataset_type: str, exclusions: Exclusions) -> Iterator[Exclusion]:
    known = {ref.id for ref in refs}
    for mark in exclusions.marks:
        target = mark.target
        if (target.kind == "dataset" and target.dataset_id not in known) or (
            target.kind == "data_id" and target.dataset_type not in (None, dataset_type)
        ):
            yield mark


class _Terms:
    """Conditions that leave out exactly the data IDs of a frame that are to be left out.

    A dimension whose value alone decides, such as a visit that is left out whole, is named alone. Of the
    rest, all data IDs that share everything but the last dimension become one condition, and those of which
    the last dimension has the same values, such as one bad detector of many visits, another.
    """

    def __init__(self, frame: pl.DataFrame, dimensions: Sequence[str]) -> None:
        self.number = 0
        governors = [name for name in dimensions if name in _GOVERNORS]
        # The observation, or else the first of the others, is what most is said of.
        others = sorted(
            (name for name in dimensions if name not in _GOVERNORS),
            key=lambda name: name not in _OBSERVATIONS,
        )
        same = {name: frame[name].unique().to_list() for name in governors}
        self._named = [name for name, values in same.items() if len(values) > 1]
        self.conditions = [
            f"{name} = {_literal(values[0])}" for name, values in same.items() if len(values) == 1
        ]
        if not frame[_OUT].any():
            self.conditions = []
            return
        if not others:
            self._add(frame.filter(_OUT), {})
            return
        coarse, *finer = others
        keys = [*governors, coarse]
        frame = frame.sort(keys)
        counts = frame.group_by(keys, maintain_order=True).agg(whole=pl.col(_OUT).all())
        self._add_lists(counts.filter("whole").select(keys), coarse)
        if not finer:
            return
        rest = frame.filter(_OUT).join(counts.filter(~pl.col("whole")), on=keys, how="semi")
        last = finer[-1]
        lists = rest.group_by([*keys, *finer[:-1]], maintain_order=True).agg(pl.col(last).sort())
        for group in lists.partition_by([*governors, *finer[:-1], last], maintain_order=True):
            self._add(group, {coarse: group[coarse].to_list(), last: group[last].to_list()[0]}, finer[:-1])

    def _add_lists(self, frame: pl.DataFrame, coarse: str) -> None:
        for group in frame.partition_by(self._named, maintain_order=True) if self._named else [frame]:
            if len(group):
                self._add(group, {coarse: group[coarse].to_list()})

    def _add(self, group: pl.DataFrame, lists: dict[str, list[int | str]], equal: Sequence[str] = ()) -> None:
        parts = [f"{name} = {_literal(group[name].to_list()[0])}" for name in (*self._named, *equal)]
        self.number += len(parts)
        for name, values in lists.items():
            written = _ranges(values)
            self.number += len(written)
            parts.append(
                f"{name} = {written[0]}"
                if len(written) == 1 and ".." not in written[0]
                else f"{name} IN ({', '.join(written)})"
            )
        # `NOT (a OR b)` of many would be multiplied out by the Butler; one `NOT` each is not.
        self.conditions.append(f"NOT ({' AND '.join(parts)})")


def _ranges(values: Sequence[int | str]) -> list[str]:
    """Write values, runs of three integers or more as ranges."""
    ordered = sorted(set(values))
    if not ordered or isinstance(ordered[0], str):
        return [_literal(value) for value in ordered]
    series = pl.Series(ordered)
    runs = pl.DataFrame({"value": series, "run": series - pl.int_range(len(series), eager=True)})
    found = runs.group_by("run", maintain_order=True).agg(
        first=pl.col("value").min(), last=pl.col("value").max()
    )
    written: list[str] = []
    for _, first, last in found.iter_rows():
        if last - first < 2:
            written += [str(value) for value in range(first, last + 1)]
        else:
            written.append(f"{first}..{last}")
    return written


def _literal(value: int | str) -> str:
    if isinstance(value, int):
        return str(value)
    if not _PLAIN.issuperset(value):
        raise ExclusionError(f"A condition cannot name {value!r}; use the form `table`.")
    return f"'{value}'"
