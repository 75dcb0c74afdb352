"""The task that leaves a record in a run when the run is initialized, and never runs itself."""

from typing import Any

from lsst.pex.config import Field
from lsst.pipe.base import PipelineTask, PipelineTaskConfig, PipelineTaskConnections
from lsst.pipe.base.connectionTypes import InitOutput

from gnomon.curation.graphs.record import decode

__all__ = ["DATASET_TYPE", "RecordExclusionsConfig", "RecordExclusionsTask"]

DATASET_TYPE = "gnomon_exclusions"
"""The dataset type of the record, and the label of the task."""


class RecordExclusionsConnections(PipelineTaskConnections, dimensions=()):
    """The record."""

    exclusions = InitOutput(
        doc="What was left out of the graph, and why.", name=DATASET_TYPE, storageClass="ArrowTable"
    )


class RecordExclusionsConfig(PipelineTaskConfig, pipelineConnections=RecordExclusionsConnections):
    """Holds the record."""

    record = Field[str](  # type: ignore[no-untyped-call]
        doc="The record, as gnomon.curation.graphs.record.encode wrote it.", default=""
    )

    def setDefaults(self) -> None:
        """Keep no log: nothing is run."""
        super().setDefaults()  # type: ignore[no-untyped-call]
        self.saveLogOutput = False


class RecordExclusionsTask(PipelineTask):
    """Has no quanta, and the record as its init-output.

    Parameters
    ----------
    **kwargs
        As of every task.
    """

    ConfigClass = RecordExclusionsConfig
    _DefaultName = DATASET_TYPE

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        config: Any = self.config
        self.exclusions = decode(config.record)
