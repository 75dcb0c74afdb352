"""Rows for people, made of the outcome: the terminal and the page show the same ones."""

import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gnomon.demo.camera import DemoCamera
from gnomon.demo.ingest import CATALOGS_RUN
from gnomon.demo.outcome import Outcome

__all__ = [
    "NightRow",
    "SpecificationRow",
    "next_steps",
    "night_rows",
    "quantity_text",
    "short_name",
    "specification_rows",
]


@dataclass(frozen=True)
class NightRow:
    """A metric of the night in both runs, as text."""

    metric: str
    description: str
    before: str
    after: str
    difference: str


@dataclass(frozen=True)
class SpecificationRow:
    """A specification and what came of it, as text; ``passed`` counts visits where there are several."""

    specification: str
    requirement: str
    measured: str
    verdict: str
    words: str
    passed: int
    failed: int


def short_name(name: str) -> str:
    """Leave a name's package out: in the demonstration it is always the same.

    Parameters
    ----------
    name
        Fully qualified name of a metric or specification.

    Returns
    -------
    str
        What follows the package.
    """
    return name.partition(".")[2]


def quantity_text(value: float | None, unit: str, *, sign: bool = False) -> str:
    """Write a value with its unit for people.

    Parameters
    ----------
    value
        The value, `None` where there is none.
    unit
        Its unit; empty for none.
    sign
        Whether a positive value gets its sign.

    Returns
    -------
    str
        Four significant digits.
    """
    if value is None:
        return "—"
    return f"{value:{'+' if sign else ''}.4g} {unit}".rstrip()


def night_rows(outcome: Outcome) -> list[NightRow]:
    """Put the metrics of the night in both runs side by side.

    Parameters
    ----------
    outcome
        What was found.

    Returns
    -------
    list of NightRow
        Metrics in order of name; of a table with several nights or filters, those with one value only.
    """
    after = outcome.after.night_metrics()
    rows = []
    for name, first in outcome.before.night_metrics().items():
        second = after.get(name, {"value": None, "unit": first["unit"]})
        known = first["value"] is not None and second["value"] is not None
        difference = second["value"] - first["value"] if known else None
        rows.append(
            NightRow(
                metric=name,
                description=outcome.metrics[name].description if name in outcome.metrics else "",
                before=quantity_text(first["value"], first["unit"]),
                after=quantity_text(second["value"], second["unit"]),
                difference=quantity_text(difference, first["unit"], sign=True),
            )
        )
    return rows


def specification_rows(outcome: Outcome) -> list[SpecificationRow]:
    """Say of each specification whether it is met: of one for visits, by how many of them.

    Parameters
    ----------
    outcome
        What was found.

    Returns
    -------
    list of SpecificationRow
        In the order of the verdicts.
    """
    metrics = outcome.described_metrics()
    return [_specification_row(row, metrics) for row in outcome.verdicts.by_specification().to_dicts()]


def _specification_row(row: dict[str, Any], metrics: dict[str, Any]) -> SpecificationRow:
    passed, failed = row["pass"], row["fail"]
    if passed + failed == 0:
        verdict = words = "not applicable" if row["not_applicable"] else "not measured"
    else:
        verdict = "fail" if failed else "pass"
        several = passed + failed > 1
        words = f"{passed} of {passed + failed} visits pass" if several else verdict
    measured = metrics.get(row["metric"])
    if measured is None:
        text = "—"
    elif measured["per"] == "visit":
        span = f"{quantity_text(measured['minimum'], '')} to {quantity_text(measured['maximum'], '')}"
        text = f"{span} {measured['unit']}".rstrip()
    else:
        text = quantity_text(measured["value"], measured["unit"])
    requirement = row["requirement"]
    if row["kind"] == "threshold":
        requirement = f"{row['operator']} {quantity_text(row['threshold'], row['threshold_unit'])}"
    return SpecificationRow(
        specification=row["specification"],
        requirement=f"{short_name(row['metric'])} {requirement}",
        measured=text,
        verdict=verdict,
        words=words,
        passed=passed,
        failed=failed,
    )


def next_steps(outcome: Outcome) -> list[tuple[str, str]]:
    """Give things to try, each with its reason.

    Parameters
    ----------
    outcome
        What was found.

    Returns
    -------
    list of tuple of str
        Why, and the command to type.
    """
    here = Path.cwd()
    folder = outcome.folder.relative_to(here) if outcome.folder.is_relative_to(here) else outcome.folder
    place = shlex.quote(str(folder))
    chain = outcome.before.name.rpartition("/")[0]
    steps = []
    if shutil.which("gnomon") is None:
        activate = Path(sys.prefix) / "bin" / "activate"
        shown = activate.relative_to(here) if activate.is_relative_to(here) else activate
        steps.append(("Activate the environment.", f"source {shlex.quote(str(shown))}"))
    steps += [
        (
            "Tell the Butler's commands of gnomon's datasets.",
            'export DAF_BUTLER_CONFIG_PATH="$(gnomon repo config)"',
        ),
        (
            "Measure again by hand, as it is or after changing night.yaml.",
            f"pipetask run -b {place}/repo -p {place}/night.yaml -i {CATALOGS_RUN} -o {chain}",
        ),
        (
            "Bring what you measured into the store.",
            f"gnomon harvest {place}/repo --collections {chain} --store {place}/store",
        ),
        (
            "Look at a metric.",
            f"gnomon load demo.zero_point_offset --collections {chain} --store {place}/store",
        ),
        (
            "Change the rule in rules.yaml, and see what it would say now.",
            f"gnomon rules test {place}/rules.yaml --collections {chain} --store {place}/store "
            f"--annotations {place}/annotations.db",
        ),
    ]
    if (dataset := outcome.before.night_dataset()) is not None:
        steps.append(
            (
                "See from what a figure of the night was made, and what was said of that.",
                f"gnomon lineage {place}/repo {dataset} --annotations {place}/annotations.db "
                f"--lineage {place}/lineage.db",
            )
        )
    steps.append(
        ("See what was left out of the second run, and why.", f"gnomon qgraph explain {place}/unflagged.qg")
    )
    if marks := outcome.visit_marks():
        mark = marks[-1]
        about = f"instrument={DemoCamera.getName()} visit={mark.visit}"
        log = f"--annotations {place}/annotations.db"
        steps += [
            (
                f"See what was said of visit {mark.seq_num}, by whom and when.",
                f"gnomon annotations history {about} {log}",
            ),
            (
                "Say something yourself, and run the demonstration again: your word counts.",
                f'gnomon flag questionable {about} --state clear --reason "looks fine to me" {log}',
            ),
        ]
    return steps
