"""Running a task over the synthetic night's visits in a real repository."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lsst.daf.butler import Butler
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
