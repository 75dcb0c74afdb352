"""Required metrics: conditions over what the store holds, asked of the data IDs that were measured."""

import hashlib
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from operator import itemgetter
from typing import Any

import astropy.units as u
import numpy as np
import polars as pl
from astropy.time import Time
from lsst.daf.butler import DatasetRef

from gnomon import dataids, expressions, times
from gnomon.algorithms.settled_units import settle_units
from gnomon.annotations import Cut, Target
from gnomon.curation.exclusions.exclusion import Exclusion
from gnomon.curation.exclusions.freshness import check_moment
from gnomon.curation.exclusions.requirements import OBSERVATIONS, Requirement
from gnomon.curation.exclusions.selection import Selection
from gnomon.curation.exclusions.visits import VisitsOf
from gnomon.definitions.units import convert, parse_unit
from gnomon.errors import ExclusionError, MetricNotFoundError
from gnomon.expressions import Expression
from gnomon.measurements import other_dimensions
from gnomon.measurements.observations import METADATA
from gnomon.measurements.rows import DATA_ID_COLUMNS, OTHER_DIMENSIONS
from gnomon.store import Store

__all__ = ["RequiredMetric", "RequiredMetrics", "find_required"]

type _Values = tuple[Any, ...]

_COLUMNS = ("dataset_id", "metric", "value", "unit", "run", *DATA_ID_COLUMNS, OTHER_DIMENSIONS, "measured_at")


@dataclass(frozen=True)
class RequiredMetrics:
    """What is required of metrics.

    Parameters
    ----------
    requirements
        One a condition.
    as_of
        The moment whose measurements count, ISO 8601 in UTC.
    """

    requirements: tuple["RequiredMetric", ...]
    as_of: str


@dataclass(frozen=True)
class _Judged:
    """What a condition says of all that was measured with one set of dimensions."""

    names: tuple[str, ...]
    rows: pl.DataFrame  # the dimensions, ``passed`` (null where unknown), ``said``, ``run``
    places: Mapping[Any, int]

    def target(self, row: int) -> Target:
        return Target.of_data_id(dict(zip(self.names, self.rows.select(self.names).row(row), strict=True)))


class RequiredMetric(Requirement):
    """A condition over metrics that has to be fulfilled at the data ID, or at what contains it.

    Parameters
    ----------
    name
        The condition as it was given.
    judged
        What it says of what was measured.
    visits
        Tells to which visits an exposure belongs.
    """

    rule = "require-metric"

    def __init__(self, name: str, judged: Sequence[_Judged], visits: VisitsOf) -> None:
        super().__init__(name, visits)
        self._judged = tuple(judged)
        self._passed = [one.rows["passed"].to_list() for one in self._judged]

    @property
    def digest(self) -> str:
        """Names what was measured and fulfils it, and what does not."""
        parts = hashlib.sha256()
        for one in self._judged:
            rows = one.rows.select(*one.names, "passed").sort(one.names)
            parts.update("\t".join(one.names).encode())
            parts.update(rows.write_csv(include_header=False).encode())
        return parts.hexdigest()

    def records(self) -> list[Exclusion]:
        """Say what was measured and does not fulfil it."""
        return [
            self._failing(one, row)
            for one, passed in zip(self._judged, self._passed, strict=True)
            for row, fulfilled in enumerate(passed)
            if not fulfilled
        ]

    def asks(self, names: Sequence[str]) -> bool:
        """Say whether things name an observation, and are as fine as what was measured."""
        return not OBSERVATIONS.isdisjoint(names) and any(
            set(self._known(names)) >= set(one.names) for one in self._judged
        )

    @staticmethod
    def _known(names: Sequence[str]) -> tuple[str, ...]:
        return (*names, "visit") if "exposure" in names and "visit" not in names else tuple(names)

    def of_shape(
        self,
        names: Sequence[str],
        values: Sequence[_Values],
        visits: Sequence[Sequence[int]],
        refs: Sequence[DatasetRef] | None,
        dataset_type: str | None,  # noqa: ARG002
    ) -> list[Exclusion | None]:
        """Judge many things of one shape."""
        known = self._known(names)
        positions = {name: place for place, name in enumerate(known)}
        getters = [
            (
                place,
                "visit" in one.names and "visit" not in names,
                itemgetter(*(positions[n] for n in one.names)),
            )
            for place, one in enumerate(self._judged)
            if positions.keys() >= set(one.names)
        ]
        result: list[Exclusion | None] = []
        for place, one in enumerate(values):
            measured = False
            failing: Exclusion | None = None
            for number, through_visit, values_of in getters:
                judged, passed = self._judged[number], self._passed[number]
                whole = [(*one, visit) for visit in visits[place]] if through_visit else [(*one, None)]
                for data_id in whole:
                    if (row := judged.places.get(values_of(data_id))) is not None:
                        measured = True
                        if not passed[row]:
                            failing = failing or self._failing(judged, row)
            if failing is None and not measured:
                target = (
                    Target.dataset(refs[place].id)
                    if refs is not None
                    else Target.of_data_id({n: v for n, v in zip(names, one, strict=True) if v is not None})
                )
                failing = Exclusion(self.rule, self.name, target, reason="never measured")
            result.append(failing)
        return result

    def _failing(self, judged: _Judged, row: int) -> Exclusion:
        said, run = judged.rows["said"][row], judged.rows["run"][row]
        return Exclusion(self.rule, self.name, judged.target(row), by=run, by_kind="metrics", reason=said)


def find_required(
    selection: Selection,
    store: Store,
    *,
    collections: Sequence[str] | str | None,
    visits: VisitsOf,
    max_age: timedelta | None,
    distrusted: Iterable[Target] = (),
) -> RequiredMetrics:
    """Evaluate conditions over all that was measured.

    Parameters
    ----------
    selection
        With the conditions.
    store
        Where the measurements are.
    collections
        Whose measurements count, first match first; None means the last of each metric and data ID.
    visits
        Tells to which visits an exposure belongs.
    max_age
        How long ago the newest measurement of each metric may have been computed.
    distrusted
        Measurements that are marked themselves, and count as if nobody had made them.

    Returns
    -------
    RequiredMetrics
        One requirement a condition.

    Raises
    ------
    ExclusionError
        If a condition names no metric, metrics that were measured of different things, or what nobody
        measured in these collections.
    ExclusionsOutOfDateError
        If the newest measurement is too old.
    ExpressionError, UnitMismatchError
        If a condition cannot be understood, or its units do not convert.
    MetricNotFoundError
        If the store has never seen a metric.
    """
    as_of = selection.metrics_at
    if as_of is None and selection.at is not None and not isinstance(selection.at, Cut):
        as_of = selection.at
    moment = times.from_tai_us(as_of) if isinstance(as_of, int) else as_of
    reading = _Reading(
        store,
        collections,
        moment,
        max_age,
        {(uuid.UUID(target.values["dataset_id"]).bytes, str(target.values["name"])) for target in distrusted},
    )
    requirements = tuple(
        RequiredMetric(text, reading.judge(expressions.parse(text)), visits)
        for text in selection.require_metrics
    )
    counted = times.now() if moment is None else int(times.to_tai_us(moment))
    return RequiredMetrics(requirements, times.to_utc_iso(counted, precision=6))


@dataclass(frozen=True)
class _Reading:
    store: Store
    collections: Sequence[str] | str | None
    as_of: Time | None
    max_age: timedelta | None
    distrusted: Collection[tuple[bytes, str]]  # dataset and metric

    def judge(self, condition: Expression) -> list[_Judged]:
        metrics = sorted(condition.names - {*DATA_ID_COLUMNS, *METADATA})
        if not metrics:
            raise ExclusionError(
                f"The condition {condition.text!r} names no metric; expected is for example "
                "seeing < 1.2 arcsec."
            )
        about = sorted(condition.names & set(METADATA))
        units: dict[str, u.UnitBase] = {}
        shapes: dict[str, list[tuple[tuple[str, ...], pl.DataFrame]]] = {}
        for name in metrics:
            rows, units[name] = self.rows(name, about)
            shapes[name] = _by_shape(rows.rename({"value": name}))
        frames = shapes[metrics[0]] if len(metrics) == 1 else [_joined(condition, shapes)]
        settled = settle_units(condition, units)
        return [_judged(settled, metrics, units, names, frame) for names, frame in frames]

    def rows(self, name: str, about: Sequence[str]) -> tuple[pl.DataFrame, u.UnitBase]:
        """Load one metric by its full or short name, in one unit."""
        where = "" if self.collections is None else f" in {_list(self.collections)}"
        try:
            rows = self.store.load(
                name if "." in name else f"*.{name}",
                collections=self.collections,
                latest=self.collections is None,
                as_of=self.as_of,
                columns=_COLUMNS,
                metadata=about or False,
            ).polars()
        except MetricNotFoundError as error:
            raise MetricNotFoundError(f"{error.message} It is asked for by a required metric.") from error
        found = rows["metric"].unique().sort().to_list()
        if len(found) > 1:
            raise ExclusionError(f"Several metrics are called {name}: write one of {', '.join(found)}.")
        rows = rows.filter(other_dimensions.as_text() == "")
        if self.distrusted:
            of_it = [one for one, metric in self.distrusted if metric == found[0]]
            rows = rows.filter(~pl.col("dataset_id").is_in(pl.Series(of_it, dtype=pl.Binary).implode()))
        if rows.is_empty():
            raise ExclusionError(
                f"Nothing was measured of {name}{where}: a condition on it would leave out everything."
            )
        if self.max_age is not None:
            newest = rows["measured_at"].max()
            moment = None if newest is None else times.from_datetime(newest)  # type: ignore[arg-type]
            check_moment(moment, self.max_age, f"measurement of {found[0]}")
        return _in_one_unit(rows)


def _list(names: Sequence[str] | str) -> str:
    return names if isinstance(names, str) else ", ".join(names)


def _in_one_unit(rows: pl.DataFrame) -> tuple[pl.DataFrame, u.UnitBase]:
    names = rows["unit"].unique(maintain_order=True).to_list()
    unit = parse_unit(names[0])
    if len(names) > 1:
        values, given = rows["value"].to_numpy().copy(), rows["unit"].to_numpy()
        for other in names[1:]:
            some = given == other
            values[some] = np.asarray(convert(values[some], parse_unit(other), unit))
        rows = rows.with_columns(pl.Series("value", values))
    return rows, unit


def _by_shape(rows: pl.DataFrame) -> list[tuple[tuple[str, ...], pl.DataFrame]]:
    """Part measurements by the dimensions that they have, each with those that identify."""
    parts = rows.with_columns(pl.concat_str(pl.col(n).is_null() for n in DATA_ID_COLUMNS).alias("shape"))
    result = []
    for part in parts.partition_by("shape", maintain_order=True):
        present = [name for name in DATA_ID_COLUMNS if part[name][0] is not None]
        result.append((tuple(sorted(dataids.required(present))), part.drop("shape")))
    return result


def _joined(
    condition: Expression, shapes: Mapping[str, list[tuple[tuple[str, ...], pl.DataFrame]]]
) -> tuple[tuple[str, ...], pl.DataFrame]:
    """Set metrics beside each other: what was measured of a visit beside what was of its detectors."""
    for name, parts in shapes.items():
        if len(parts) > 1:
            raise ExclusionError(
                f"In {condition.text!r}, {name} was measured of different things "
                f"({'; '.join(', '.join(names) for names, _ in parts)}) and cannot be set beside others: "
                "write one condition for each metric."
            )
    ordered = sorted(((*parts[0], name) for name, parts in shapes.items()), key=lambda one: -len(one[0]))
    finest, frame, _ = ordered[0]
    present = {name for name in DATA_ID_COLUMNS if frame[name][0] is not None}
    for names, other, metric in ordered[1:]:
        if not present >= set(names):
            raise ExclusionError(
                f"In {condition.text!r}, {metric} was measured of {', '.join(names)}, and "
                f"{ordered[0][2]} of {', '.join(finest)}: write one condition for each."
            )
        frame = frame.join(
            other.select(*names, metric).unique(names, keep="first", maintain_order=True),
            on=names,
            how="left",
        )
    return finest, frame


def _judged(
    condition: Expression,
    metrics: Sequence[str],
    units: Mapping[str, u.UnitBase],
    names: tuple[str, ...],
    frame: pl.DataFrame,
) -> _Judged:
    said = pl.concat_str(
        [
            pl.format(f"{name} = {{}}{_shown(units[name])}", pl.col(name).round_sig_figs(4).fill_null(np.nan))
            for name in metrics
        ],
        separator=", ",
    )
    passed = condition.to_polars(frame, condition=True)
    rows = (
        frame.select(*names, passed.alias("passed"), said.alias("said"), "run")
        # What was measured twice has to fulfil it twice: what does not comes first and stays.
        .sort("passed", nulls_last=True, maintain_order=True)
        .unique(names, keep="first", maintain_order=True)
    )
    keys = rows.select(names).rows() if len(names) > 1 else rows[names[0]].to_list()
    return _Judged(names, rows, dict(zip(keys, range(len(rows)), strict=True)))


def _shown(unit: u.UnitBase) -> str:
    text = unit.to_string()
    return f" {text}" if text else ""
