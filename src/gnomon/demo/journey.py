"""The whole way of the data, on one night: observe, measure, keep, judge, mark, measure again, tell."""

import fcntl
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from hashlib import sha256
from importlib.resources import as_file, files
from pathlib import Path
from typing import Protocol

import polars as pl
from lsst.daf.butler import Butler
from lsst.pipe.base import Instrument
from sqlalchemy.exc import DBAPIError

from gnomon.annotations import Actor, Annotations, Assertion, Target, open_annotations
from gnomon.curation.exclusions import Selection, find_exclusions
from gnomon.curation.graphs import build_graph
from gnomon.curation.rules import RuleRun, load_rules, run_rules
from gnomon.definitions import MetricSet, SpecificationSet
from gnomon.demo.camera import DemoCamera
from gnomon.demo.ingest import CATALOGS_RUN, make_repository
from gnomon.demo.night import Night, find_table, read_night
from gnomon.demo.outcome import Outcome, Run
from gnomon.demo.pipetask import run_pipetask, typed
from gnomon.errors import NotOursError, RepositoryError
from gnomon.judgement import compare, judge
from gnomon.repository.configuration import open_butler
from gnomon.repository.harvest import harvest
from gnomon.repository.lineage import Lineage, open_lineage
from gnomon.store import Store, open_store

__all__ = ["Reporter", "run_demo"]

_MARKER = "gnomon-demo.json"
_UNFINISHED = "gnomon-demo.unfinished"
_FORMAT = 1
_PACKAGE = "demo"
_FIRST, _SECOND = "demo/all", "demo/unflagged"
_EXCLUDING = ("junk", "questionable")
_PERSON = Actor("demo observer", "human", agent="gnomon demo")
_SHIPPED = {
    "night.yaml": "pipelines/night.yaml",
    "rules.yaml": "rules/zero_point.yaml",
    "definitions": "definitions",
}

type Progress = Callable[[int, int | None], None]


class Reporter(Protocol):
    """Shows how far the demonstration is."""

    def step(self, what: str) -> AbstractContextManager[Progress]:
        """Begin a step; give what is to be told how much of it is done, of how much if that is known."""
        ...


def run_demo(folder: Path, *, table: Path | None = None, report: Reporter) -> Outcome:
    """Take a night the whole way.

    What an earlier run of the demonstration left in the folder is kept: the repository, whatever was measured
    and said. Each call measures anew, into run collections of its own, so that one which was interrupted
    leaves at most an unfinished run behind, which nothing reads.

    Parameters
    ----------
    folder
        Where everything goes; made if it does not exist.
    table
        The night's table, see `gnomon.demo.night`; by default the one that comes with the data package.
    report
        Shows progress.

    Returns
    -------
    Outcome
        What was found. The page is not written yet.

    Raises
    ------
    NotOursError
        If the folder holds something else, or another night. Nothing is changed then.
    GnomonError
        If a step fails.
    """
    folder = folder.absolute()
    _refuse_foreign(folder)
    night = read_night(table or find_table())
    _claim(folder, night)
    try:
        with _alone(folder):
            return _travel(folder, night, report)
    except DBAPIError as error:
        raise RepositoryError(f"The repository's database failed: {error.orig}.") from error


def _travel(folder: Path, night: Night, report: Reporter) -> Outcome:
    with report.step("Making a repository with the night's observations") as progress:
        if not (folder / "repo").exists():
            make_repository(folder / "repo", night, progress=progress)
    _copy_shipped(folder)
    metrics = MetricSet.load_metrics_package(str(folder / "definitions"))
    specifications = SpecificationSet.load_metrics_package(str(folder / "definitions"))
    store = open_store(folder / "store")
    with (
        open_butler(folder / "repo", writeable=True) as butler,
        closing(open_annotations(folder / "annotations.db")) as annotations,
        open_lineage(str(folder / "lineage.db")) as lineage,
    ):
        with report.step("Measuring every visit and the night with pipetask") as progress:
            before = _measure(
                folder, butler, store, lineage, _FIRST, report=progress, arguments=["-p", "night.yaml"]
            )
        with report.step("Judging the measurements"):
            verdicts = judge(before.rows, specifications)
        with report.step("Marking what is out of line"):
            rule_runs = run_rules(
                store, annotations, load_rules(folder / "rules.yaml"), collections=before.name
            )
            spoken_of = _speak(annotations, before.rows, rule_runs)
        with report.step("Measuring again without the flagged visits") as progress:
            excluded = find_exclusions(
                Selection(exclude_flags=_EXCLUDING), annotations=annotations, butler=butler
            )
            output_run = _new_run(_SECOND)
            graph = build_graph(
                butler,
                folder / "night.yaml",
                exclusions=excluded,
                inputs=[CATALOGS_RUN],
                output_run=output_run,
                output=_SECOND,
            )
            graph.write(folder / "unflagged.qg")
            after = _measure(
                folder,
                butler,
                store,
                lineage,
                _SECOND,
                output_run=output_run,
                report=progress,
                arguments=["-g", "unflagged.qg"],
            )
        with report.step("Comparing the two runs"):
            comparison = compare(before.rows, after.rows)
        visits = [_visit_target(visit) for visit in before.visits]
        said = {
            annotation.id: annotation
            for annotation in annotations.search()
            if _about(annotation.targets, visits)
        }
        return Outcome(
            folder=folder,
            source=night.source,
            metrics=metrics,
            before=before,
            after=after,
            verdicts=verdicts,
            annotations=sorted(said.values(), key=lambda annotation: (annotation.recorded_at, annotation.id)),
            history=[] if spoken_of is None else annotations.history(spoken_of),
            flags=annotations.effective(visits),
            excluded=excluded.marks,
            comparison=comparison,
        )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder against a second demonstration at the same time; the end of the process lets it go."""
    with (folder / _MARKER).open("rb") as marker:
        try:
            fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotOursError(f"Another `gnomon demo` is at work in {folder}; wait for its end.") from None
        yield


def _refuse_foreign(folder: Path) -> None:
    if not folder.exists() or (folder / _MARKER).is_file():
        return
    if not folder.is_dir():
        raise NotOursError(f"{folder} exists and is not a folder.")
    # An interruption can leave the marker under its unfinished name, alone.
    if any(path.name != _UNFINISHED for path in folder.iterdir()):
        raise NotOursError(
            f"{folder} exists and was not made by `gnomon demo` (it has no {_MARKER}). Nothing was changed; "
            "give another folder."
        )


def _claim(folder: Path, night: Night) -> None:
    """Write down whose folder this is, and of which night; a folder of another night is refused."""
    marker = folder / _MARKER
    wanted = {"format": _FORMAT, "source": night.source, "sha256": night.digest}
    if marker.exists():
        try:
            found = json.loads(marker.read_text(encoding="utf-8"))
        except ValueError:
            found = None
        if found != wanted:
            of = f"of {found.get('source')!r}" if isinstance(found, dict) else "that cannot be read"
            raise NotOursError(
                f"{folder} holds a demonstration {of}, not of {night.source!r}. Nothing was changed; give "
                "another folder."
            )
        return
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = marker.with_name(_UNFINISHED)
    unfinished.write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")
    unfinished.replace(marker)


def _copy_shipped(folder: Path) -> None:
    """Copy the pipeline, rules and definitions, for the user to read and change; what is there stays."""
    for name, shipped in _SHIPPED.items():
        target = folder / name
        if target.exists():
            continue
        unfinished = folder / f"{name}_unfinished"
        with as_file(files("gnomon.demo").joinpath(shipped)) as source:
            if source.is_dir():
                shutil.rmtree(unfinished, ignore_errors=True)
                shutil.copytree(source, unfinished)
            else:
                shutil.copyfile(source, unfinished)
        unfinished.replace(target)


def _measure(
    folder: Path,
    butler: Butler,
    store: Store,
    lineage: Lineage,
    output: str,
    *,
    arguments: list[str],
    report: Progress,
    output_run: str | None = None,
) -> Run:
    """Run the pipeline into a new run, and bring its measurements into the store."""
    output_run = output_run or _new_run(output)
    command = [
        "run", "-b", "repo", *arguments, "-i", CATALOGS_RUN, "-o", output, "--output-run", output_run,
        "--register-dataset-types",
    ]  # fmt: skip
    log = folder / "logs" / f"{output_run.replace('/', '-')}.log"
    run_pipetask(command, cwd=folder, log=log, progress=lambda done: report(done, None))
    butler.registry.refresh()
    harvest(butler, store, collections=output, lineage=lineage)
    return Run(output_run, typed(command), store.load(f"{_PACKAGE}.*", collections=output_run).polars())


def _new_run(output: str) -> str:
    return f"{output}/{Instrument.makeCollectionTimestamp()}"


def _speak(annotations: Annotations, rows: pl.DataFrame, rule_runs: list[RuleRun]) -> Target | None:
    """Say what a person says of the visit with the worst astrometry among those that no bot complains of.

    The bot examined that visit for its zero point and found it good; the person flags it all the same. Both
    stay in the history, and the person's word counts.
    """
    complained_of = {p.target for run in rule_runs for p in run.proposals if p.state == "set"}
    offsets = rows.filter(
        pl.col("metric") == f"{_PACKAGE}.astrometric_offset", pl.col("value").is_finite()
    ).sort("value", descending=True)
    for row in offsets.select("visit", "value", "unit").iter_rows(named=True):
        target = _visit_target(row["visit"])
        if target in complained_of:
            continue
        text = (
            f"The stars lie {row['value']:.0f} {row['unit']} from their mean positions, further than in any "
            "other visit that the rules let pass. I leave it out until somebody has looked at the images."
        )
        reason = f"astrometric offset {row['value']:.1f} {row['unit']}"
        annotations.add(
            targets=[target],
            text=text,
            flags=[Assertion("questionable", "set", reason)],
            actor=_PERSON,
            key=sha256(f"{target.key} {reason} {text}".encode()).hexdigest(),
        )
        return target
    return None


def _visit_target(visit: int) -> Target:
    return Target.dimension("visit", {"instrument": DemoCamera.getName(), "visit": visit})


def _about(targets: tuple[Target, ...], visits: list[Target]) -> bool:
    return not set(visits).isdisjoint(targets)
