"""Running tasks over the synthetic night's visits in a real repository."""

import gc
import itertools
import json
import shutil
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result
from lsst.ctrl.mpexec.cli.pipetask import cli as pipetask
from lsst.daf.butler import Butler
from lsst.daf.butler.cli.utils import LogCliRunner
from lsst.pipe.base import PipelineTask, TaskMetadata
from lsst.pipe.base.pipeline_graph import PipelineGraph
from lsst.pipe.base.simple_pipeline_executor import SimplePipelineExecutor


@dataclass(frozen=True)
class Ran:
    """What a task left in the repository, in a run of its own."""

    butler: Butler
    label: str
    run: str

    def written(self, dataset_type: str) -> list[dict[str, Any]]:
        """Give the data IDs of the datasets of a type."""
        refs = self.butler.query_datasets(dataset_type, collections=self.run, explain=False, limit=None)
        return [dict(ref.dataId.required) for ref in refs]

    def get(self, dataset_type: str, **data_id: Any) -> Any:
        """Read one dataset."""
        return self.butler.get(dataset_type, collections=self.run, **data_id)

    def metadata(self, **data_id: Any) -> TaskMetadata:
        """Read what the quantum of the task under test recorded of itself."""
        metadata: TaskMetadata = self.get(f"{self.label}_metadata", **data_id)[self.label]
        return metadata


RunTask = Callable[..., Ran]


@pytest.fixture(scope="session")
def shared_repository(night_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository to which the tests write, each into a run of its own."""
    return shutil.copytree(night_repository, tmp_path_factory.mktemp("tasks") / "repo")


_numbers = itertools.count(1)


@pytest.fixture
def run_task(shared_repository: Path) -> Iterator[RunTask]:
    """Run a task class over everything in the repository, or where a condition holds."""
    opened: list[Butler] = []

    def run(task: type[PipelineTask], *, where: str = "", **config: Any) -> Ran:
        configured = task.ConfigClass()
        configured.update(**config)
        graph = PipelineGraph()
        graph.add_task(task._DefaultName, task, configured)
        output = f"measured/{next(_numbers)}"
        collections: dict[str, Any] = {"output": output, "output_run": f"{output}/run"}
        butler = SimplePipelineExecutor.prep_butler(
            str(shared_repository), ["DemoCamera/catalogs"], **collections
        )
        opened.append(butler)
        executor = SimplePipelineExecutor.from_pipeline_graph(
            graph, butler=butler, where=where, **collections
        )
        executor.run(register_dataset_types=True)
        return Ran(butler, task._DefaultName, collections["output_run"])

    yield run
    for butler in opened:
        butler.close()


@dataclass(frozen=True)
class Piped:
    """What ``pipetask run`` did with a pipeline, and what ``pipetask report`` says of it."""

    repository: Path
    run: str
    status: int
    output: str
    report: dict[str, Any]

    def caveats(self, label: str) -> dict[str, list[int]]:
        """Give the visits of a task's quanta that succeeded with a caveat, by the caveat's code."""
        by_code: dict[str, list[dict[str, Any]]] = self.report[label]["caveats"]
        return {
            code: sorted(data_id["visit"] % 100 for data_id in data_ids) for code, data_ids in by_code.items()
        }

    def counts(self, label: str) -> dict[str, int]:
        """Give how many of a task's quanta ended in which way; ways that none took are left out."""
        ways = ("successful", "failed", "blocked", "unknown", "wonky")
        counts: dict[str, int] = {way: self.report[label][f"n_{way}"] for way in ways}
        return {way: count for way, count in counts.items() if count}

    def butler(self) -> Butler:
        """Open the repository."""
        return Butler.from_config(str(self.repository), collections=self.run)

    def measurements(self, dataset_type: str) -> dict[Any, Any]:
        """Give the measurements of a type by the last two digits of the visit, or by day or `None`."""
        with self.butler() as butler:
            if not butler.registry.queryDatasetTypes(dataset_type):
                return {}
            refs = butler.query_datasets(dataset_type, explain=False, limit=None)
            return {_short(dict(ref.dataId.required)): butler.get(ref) for ref in refs}


def _short(data_id: dict[str, Any]) -> Any:
    return data_id["visit"] % 100 if "visit" in data_id else data_id.get("day_obs")


RunPipeline = Callable[..., Piped]


def _invoke(*arguments: str) -> Result:
    with warnings.catch_warnings():
        # A process of its own would end here and with it the connections that the command leaves open.
        warnings.simplefilter("ignore", ResourceWarning)
        result = LogCliRunner().invoke(pipetask, arguments)
        gc.collect()
    return result


@pytest.fixture
def run_pipeline(repository: Path, tmp_path: Path) -> RunPipeline:
    """Run a pipeline with ``pipetask run``; then let ``pipetask report`` tell how its quanta ended.

    Labels and dataset types of other tests are not in the way: the repository is this test's own.
    """

    def run(
        tasks: dict[str, Any] | Path,
        *arguments: str,
        inputs: str = "DemoCamera/catalogs",
        where: str = "",
        graph_first: bool = False,
    ) -> Piped:
        number = next(_numbers)
        pipeline, graph, report = (tmp_path / f"{number}.{end}" for end in ("yaml", "qg", "json"))
        if isinstance(tasks, Path):
            pipeline = tasks
        else:
            whole = tasks if "imports" in tasks else {"tasks": tasks}
            pipeline.write_text(yaml.safe_dump({"description": "Under test.", **whole}))
        root, output_run = str(repository), f"piped/{number}/run"
        output = ["-o", f"piped/{number}", "--output-run", output_run]
        planned = ["-b", root, "-p", str(pipeline), "-i", inputs, *output, "-d", where, *arguments]
        if graph_first:
            assert _invoke("qgraph", *planned, "--save-qgraph", str(graph)).exit_code == 0
            planned = ["-b", root, *output, "-g", str(graph)]
        else:
            planned += ["--save-qgraph", str(graph)]
        done = _invoke("run", *planned, "--register-dataset-types")
        with Butler.from_config(root) as butler:
            ran = bool(butler.collections.query(f"{output_run}*"))
        assert ran or done.exit_code == 0, done.output
        found: dict[str, Any] = {}
        if ran:
            told = _invoke("report", root, str(graph), "--force-v2", "--full-output-filename", str(report))
            assert told.exit_code == 0, told.output
            found = json.loads(report.read_text())["tasks"]
        return Piped(repository, output_run, done.exit_code, done.output, found)

    return run
