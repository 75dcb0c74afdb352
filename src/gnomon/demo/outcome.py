"""What the demonstration found, as plain data: the same for the terminal, the page and ``--json``."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from gnomon import dataids, times
from gnomon.annotations import Annotation, EffectiveFlag, Event
from gnomon.curation.exclusions import Exclusion
from gnomon.definitions import MetricSet
from gnomon.judgement import Comparison, Verdicts
from gnomon.measurements.rows import DATA_ID_COLUMNS

__all__ = ["Outcome", "Run", "VisitMark"]


@dataclass(frozen=True)
class Run:
    """One run of the pipeline.

    Attributes
    ----------
    name
        The RUN collection.
    command
        What was typed.
    rows
        Its measurements, in the schema of `gnomon.measurements.rows`.
    """

    name: str
    command: str
    rows: pl.DataFrame

    @property
    def visits(self) -> list[int]:
        """The visits that were measured, sorted."""
        return self.rows["visit"].drop_nulls().unique().sort().to_list()

    def night_metrics(self) -> dict[str, Any]:
        """Give the metrics that are not of a visit: value, or values by data ID if there are several."""
        of_night = self.rows.filter(pl.col("visit").is_null())
        return {
            name: _described(group) for (name,), group in of_night.group_by("metric", maintain_order=True)
        }

    def night_dataset(self) -> uuid.UUID | None:
        """Give a dataset that holds a metric of the whole night."""
        found = self.rows.filter(pl.col("visit").is_null()).sort("metric")["dataset_id"]
        return None if found.is_empty() else uuid.UUID(bytes=found[0])


@dataclass(frozen=True)
class VisitMark:
    """What somebody said of one visit, and what became of it.

    Attributes
    ----------
    visit, seq_num
        Which visit.
    flag, state, reason
        What was said.
    by, kind
        Who said it: a person, a bot or a pipeline.
    text
        The text of the annotation.
    recorded_at
        When it was said, TAI microseconds since 1970-01-01 TAI.
    outcome, rule
        Whether it holds, was overruled or challenges, and by which rule of precedence.
    annotation
        Identifier of the annotation.
    """

    visit: int
    seq_num: int
    flag: str
    state: str
    reason: str
    by: str
    kind: str
    text: str
    recorded_at: int
    outcome: str
    rule: str
    annotation: str

    def to_dict(self) -> dict[str, Any]:
        """Write the mark as plain JSON values; the time in UTC."""
        return {
            "visit": self.visit,
            "seq_num": self.seq_num,
            "flag": self.flag,
            "state": self.state,
            "reason": self.reason,
            "by": self.by,
            "kind": self.kind,
            "text": self.text,
            "recorded_at": times.to_utc_iso(self.recorded_at),
            "outcome": self.outcome,
            "rule": self.rule,
            "annotation": self.annotation,
        }


@dataclass(frozen=True)
class Outcome:
    """All that the demonstration found.

    Attributes
    ----------
    folder
        Where everything is.
    source
        Name of the night's table.
    metrics
        The definitions.
    before, after
        The runs with all visits and without those that are flagged.
    verdicts
        Of the first run.
    annotations
        Everything that was said about the night, in order of time.
    history
        The events of the visit that a person spoke about; empty if nobody did.
    flags
        The effective flags of the visits.
    excluded
        For what visits are left out of the second run.
    comparison
        Of the two runs.
    """

    folder: Path
    source: str
    metrics: MetricSet
    before: Run
    after: Run
    verdicts: Verdicts
    annotations: Sequence[Annotation]
    history: Sequence[Event]
    flags: Sequence[EffectiveFlag]
    excluded: Sequence[Exclusion]
    comparison: Comparison

    @property
    def page(self) -> Path:
        """Where the page is written."""
        return self.folder / "night.html"

    @cached_property
    def sequence(self) -> dict[int, int]:
        """The place of each visit in the night, from 1, by visit."""
        observed = self.before.rows.filter(pl.col("visit").is_not_null()).sort("obs_begin")
        visits = observed["visit"].unique(maintain_order=True).to_list()
        return {visit: place for place, visit in enumerate(visits, start=1)}

    @property
    def left_out(self) -> list[int]:
        """The places of the visits that the second run leaves out, sorted."""
        return sorted(self.sequence[visit] for visit in set(self.before.visits) - set(self.after.visits))

    def visit_marks(self) -> list[VisitMark]:
        """Give everything that was said of visits that are or were flagged, and what became of it."""
        sequence = self.sequence
        marks = []
        for flag in self.flags:
            visit = _visit(flag)
            if visit is None or all(reason.claim.state != "set" for reason in flag.reasons):
                continue
            marks += [
                VisitMark(
                    visit=visit,
                    seq_num=sequence.get(visit, 0),
                    flag=reason.claim.flag,
                    state=reason.claim.state,
                    reason=reason.claim.reason,
                    by=reason.claim.actor.name,
                    kind=reason.claim.actor.kind,
                    text=reason.claim.text,
                    recorded_at=reason.claim.recorded_at,
                    outcome=reason.outcome,
                    rule=reason.rule,
                    annotation=str(reason.claim.annotation_id),
                )
                for reason in flag.reasons
            ]
        return sorted(marks, key=lambda mark: (mark.seq_num, mark.recorded_at))

    def to_dict(self) -> dict[str, Any]:
        """Write the outcome as plain JSON values; NaN and null are null, times are UTC.

        Returns
        -------
        dict
            With the keys ``metrics``, ``verdicts``, ``annotations``, ``excluded_visits`` and ``runs``, and
            what goes with them.
        """
        sequence = self.sequence
        observed = self.before.rows.filter(pl.col("visit").is_not_null())
        return {
            "night": {
                "source": self.source,
                "visits": len(self.before.visits),
                "day_obs": self.before.rows["day_obs"].drop_nulls().unique().sort().to_list(),
                "begin": _utc(observed["obs_begin"].min()),
                "end": _utc(observed["obs_end"].max()),
            },
            "metrics": self.described_metrics(),
            "verdicts": self._verdicts(),
            "annotations": [_annotation(annotation) for annotation in self.annotations],
            "marks": [mark.to_dict() for mark in self.visit_marks()],
            "history": [event.to_dict() for event in self.history],
            "excluded_visits": [
                {
                    "visit": visit,
                    "seq_num": sequence[visit],
                    "flag": one.name,
                    "by": one.by,
                    "kind": one.by_kind,
                    "reason": one.reason,
                }
                for one in self.excluded
                if (visit := _visit(one)) in sequence
            ],
            "runs": {
                "before": self._run(self.before),
                "after": self._run(self.after),
                "comparison": _plain(self.comparison.summary().to_dicts()),
            },
            "page": str(self.page),
        }

    def described_metrics(self) -> dict[str, Any]:
        """Describe each metric of the first run: of visits by all values, of the night by its one."""
        result = {}
        for (name,), rows in self.before.rows.group_by("metric", maintain_order=True):
            described = _described(rows)
            if name in self.metrics:
                described["description"] = self.metrics[name].description
                described["better"] = self.metrics[name].better
            result[name] = described
        return result

    def _verdicts(self) -> dict[str, Any]:
        return {
            "counts": self.verdicts.counts(),
            "by_specification": _plain(self.verdicts.by_specification().to_dicts()),
        }

    def _run(self, run: Run) -> dict[str, Any]:
        return {
            "run": run.name,
            "command": run.command,
            "visits": len(run.visits),
            "metrics": run.night_metrics(),
        }


def _described(rows: pl.DataFrame) -> dict[str, Any]:
    """Describe one metric: of a night by its value, of visits by all their values and the median."""
    unit = rows["unit"][0]
    if rows["visit"].null_count() < len(rows):
        ordered = rows.sort("obs_begin")
        finite = ordered.filter(pl.col("value").is_finite())
        worst = finite.sort("value")[-1] if len(finite) else None
        return {
            "value": _number(finite["value"].median()),
            "value_is": "the median over the visits",
            "unit": unit,
            "per": "visit",
            "count": len(ordered),
            "minimum": _number(finite["value"].min()),
            "maximum": _number(finite["value"].max()),
            "largest_at_visit": None if worst is None else worst["visit"][0],
            "first": _number(ordered["value"][0]),
            "last": _number(ordered["value"][-1]),
            "values": {str(v): _number(x) for v, x in ordered.select("visit", "value").iter_rows()},
        }
    if len(rows) == 1:
        described = {"unit": unit, "per": "night", "value": _number(rows["value"][0])}
        if (uncertainty := rows["uncertainty"][0]) is not None:
            described["uncertainty"] = _number(uncertainty)
        return described
    by_data_id = {
        dataids.key({name: row[name] for name in DATA_ID_COLUMNS if row[name] is not None}): _number(
            row["value"]
        )
        for row in rows.iter_rows(named=True)
    }
    return {"unit": unit, "per": "night", "value": None, "values": by_data_id}


def _annotation(annotation: Annotation) -> dict[str, Any]:
    return {
        "id": str(annotation.id),
        "recorded_at": times.to_utc_iso(annotation.recorded_at),
        "by": annotation.actor.name,
        "kind": annotation.actor.kind,
        "text": annotation.text,
        "tags": list(annotation.tags),
        "state": annotation.state,
        "targets": len(annotation.targets),
        "flags": [
            {
                "flag": assertion.flag,
                "state": assertion.state,
                "reason": assertion.reason,
                "target": None if assertion.target is None else dict(assertion.target.data_id or {}),
            }
            for assertion in annotation.assertions
        ],
    }


def _visit(said: EffectiveFlag | Exclusion) -> int | None:
    visit = (said.target.data_id or {}).get("visit")
    return visit if isinstance(visit, int) else None


def _number(value: Any) -> float | None:
    """Give a JSON number; JSON knows no NaN."""
    return float(value) if value is not None and float("-inf") < value < float("inf") else None


def _plain(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {name: _number(value) if isinstance(value, float) else value for name, value in row.items()}
        for row in rows
    ]


def _utc(moment: Any) -> str | None:
    if moment is None:
        return None
    return times.to_utc_iso(times.from_datetime(moment))
