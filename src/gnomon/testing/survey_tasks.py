"""Tasks that read the survey of `gnomon.testing.surveys`: four steps that only count what they are given."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from lsst.daf.butler import DataCoordinate, DatasetRef, DatasetType
from lsst.daf.butler.registry import Registry
from lsst.pex.config import Field
from lsst.pipe.base import (
    Pipeline,
    PipelineTask,
    PipelineTaskConfig,
    PipelineTaskConnections,
    Struct,
    connectionTypes,
)

__all__ = ["DetrendTask", "MeasureTask", "NightTask", "VisitTask", "survey_pipeline"]

_DICT = "StructuredDataDict"


def survey_pipeline(tasks: Sequence[str] = ("detrend", "measure", "visit", "night")) -> Pipeline:
    """Give a pipeline of the survey's tasks.

    Parameters
    ----------
    tasks
        The labels of those that are wanted.

    Returns
    -------
    Pipeline
        From raws (exposure, detector) over catalogs (visit, detector) to tables of visits and of nights.
    """
    pipeline = Pipeline("the survey")
    for label, task in _TASKS.items():
        if label in tasks:
            pipeline.addTask(task, label)
    return pipeline


class _Counting(PipelineTask):
    """Counts what it is given."""

    ConfigClass: ClassVar[Any]
    output: ClassVar[str]

    def run(self, **inputs: Any) -> Struct:
        """Count.

        Parameters
        ----------
        **inputs
            Datasets, or lists of them.

        Returns
        -------
        lsst.pipe.base.Struct
            How many of each.
        """
        counts = {name: len(got) if isinstance(got, list) else 1 for name, got in inputs.items()}
        return Struct(**{self.output: counts})


class DetrendConnections(PipelineTaskConnections, dimensions=("instrument", "exposure", "detector")):
    """A raw and its bias."""

    raw = connectionTypes.Input(
        doc="A raw.", name="raw", storageClass=_DICT, dimensions=("instrument", "exposure", "detector")
    )
    bias = connectionTypes.PrerequisiteInput(
        doc="A bias.",
        name="bias",
        storageClass=_DICT,
        dimensions=("instrument", "detector"),
        isCalibration=True,
    )
    detrended = connectionTypes.Output(
        doc="Without bias.",
        name="detrended",
        storageClass=_DICT,
        dimensions=("instrument", "exposure", "detector"),
    )


class DetrendConfig(PipelineTaskConfig, pipelineConnections=DetrendConnections):
    """Nothing to configure."""


class DetrendTask(_Counting):
    """Takes the bias off."""

    ConfigClass = DetrendConfig
    _DefaultName = "detrend"
    output = "detrended"


def _stars(
    dataset_type: DatasetType, registry: Registry, data_id: DataCoordinate, collections: Sequence[str]
) -> Iterable[DatasetRef]:
    found = registry.findDataset(dataset_type, instrument=data_id["instrument"], collections=collections)
    return [] if found is None else [found]


class MeasureConnections(PipelineTaskConnections, dimensions=("instrument", "visit", "detector")):
    """The exposures of a visit on one detector."""

    detrended = connectionTypes.Input(
        doc="Without bias.",
        name="detrended",
        storageClass=_DICT,
        dimensions=("instrument", "exposure", "detector"),
        multiple=True,
    )
    catalog = connectionTypes.Output(
        doc="Stars.", name="catalog", storageClass=_DICT, dimensions=("instrument", "visit", "detector")
    )


class MeasureConfig(PipelineTaskConfig, pipelineConnections=MeasureConnections):
    """Nothing to configure."""


class MeasureTask(_Counting):
    """Measures the stars of one detector."""

    ConfigClass = MeasureConfig
    _DefaultName = "measure"
    output = "catalog"


class VisitConnections(PipelineTaskConnections, dimensions=("instrument", "visit")):
    """The catalogs of a visit, and stars that a function of the task finds."""

    catalogs = connectionTypes.Input(
        doc="Stars.",
        name="catalog",
        storageClass=_DICT,
        dimensions=("instrument", "visit", "detector"),
        multiple=True,
    )
    stars = connectionTypes.PrerequisiteInput(
        doc="Reference stars.",
        name="reference_stars",
        storageClass=_DICT,
        dimensions=("instrument",),
        lookupFunction=_stars,
        minimum=0,
        multiple=True,
    )
    table = connectionTypes.Output(
        doc="All stars.", name="visit_table", storageClass=_DICT, dimensions=("instrument", "visit")
    )

    def __init__(self, *, config: Any = None) -> None:
        super().__init__(config=config)
        if config is not None and config.needs_stars:
            self.stars = replace(self.stars, minimum=1)


class VisitConfig(PipelineTaskConfig, pipelineConnections=VisitConnections):
    """Whether there is anything to do without reference stars."""

    needs_stars = Field[bool](  # type: ignore[no-untyped-call]
        doc="Whether reference stars are needed.", default=False
    )


class VisitTask(_Counting):
    """Puts the catalogs of a visit together."""

    ConfigClass = VisitConfig
    _DefaultName = "visit"
    output = "table"


class NightConnections(PipelineTaskConnections, dimensions=("instrument", "day_obs", "physical_filter")):
    """The catalogs of a night in one filter, as the inputs of a coadd."""

    catalogs = connectionTypes.Input(
        doc="Stars.",
        name="catalog",
        storageClass=_DICT,
        dimensions=("instrument", "visit", "detector"),
        multiple=True,
    )
    stack = connectionTypes.Output(
        doc="All of them.",
        name="night_stack",
        storageClass=_DICT,
        dimensions=("instrument", "day_obs", "physical_filter"),
    )


class NightConfig(PipelineTaskConfig, pipelineConnections=NightConnections):
    """Nothing to configure."""


class NightTask(_Counting):
    """Stacks the catalogs of a night."""

    ConfigClass = NightConfig
    _DefaultName = "night"
    output = "stack"


_TASKS: Mapping[str, type[PipelineTask]] = {
    "detrend": DetrendTask,
    "measure": MeasureTask,
    "visit": VisitTask,
    "night": NightTask,
}
