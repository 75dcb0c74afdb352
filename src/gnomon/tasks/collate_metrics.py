"""Many measurements in one Parquet file, a row each."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from lsst.daf.butler import DatasetRef
from lsst.pex.config import Field, ListField
from lsst.pipe.base import (
    InputQuantizedConnection,
    NoWorkFound,
    OutputQuantizedConnection,
    PipelineTask,
    PipelineTaskConfig,
    PipelineTaskConnections,
    QuantumContext,
    Struct,
    connectionTypes,
)

from gnomon.definitions import MetricSet
from gnomon.errors import GnomonError, MetricNotFoundError, SettingsError, nearest
from gnomon.measurements import Measurement
from gnomon.repository.configuration import require_enabled
from gnomon.repository.measurement_rows import make_table, row_of
from gnomon.repository.metric_tables import PREFIX, for_butler
from gnomon.repository.metric_tables import STORAGE_CLASS as TABLE
from gnomon.tasks.measuring import STORAGE_CLASS, dataset_type_name

__all__ = ["CollateMetricsConfig", "CollateMetricsConnections", "CollateMetricsTask"]


class CollateMetricsConnections(
    PipelineTaskConnections, defaultTemplates={"package": ""}, dimensions=("instrument",)
):
    """The measurements of the metrics that are named, and the table that is made of them."""

    config: "CollateMetricsConfig"

    table = connectionTypes.Output(
        name=PREFIX + "{package}",
        doc="The measurements in the columns of gnomon.measurements.rows, a row each.",
        storageClass=TABLE,
        dimensions=("instrument",),
    )

    def __init__(self, *, config: "CollateMetricsConfig | None" = None) -> None:
        super().__init__(config=config)
        require_enabled()
        self.dimensions = set(self.config.dimensions)
        own = self.table
        self.table = connectionTypes.Output(
            name=own.name, doc=own.doc, storageClass=own.storageClass, dimensions=frozenset(self.dimensions)
        )
        for metric, dimensions in self.config.collated().items():
            connection = connectionTypes.Input(
                name=dataset_type_name(self.config.connections.package, metric),
                doc=f"The measurements of {metric}.",
                storageClass=STORAGE_CLASS,
                dimensions=dimensions,
                multiple=True,
                # Metrics that nobody measured leave the others to be collated.
                minimum=0,
            )
            setattr(self, f"measurements_{metric}", connection)


class CollateMetricsConfig(PipelineTaskConfig, pipelineConnections=CollateMetricsConnections):
    """Which measurements come into the table."""

    metrics = ListField[str](  # type: ignore[no-untyped-call]
        doc="The metrics, each without its package; by default all that the definition package has for this "
        "package and of which it says the dimensions.",
        default=None,
        optional=True,
    )
    definitions = Field[str](  # type: ignore[no-untyped-call]
        doc="The definition package that says at which dimensions each metric is measured: its folder or "
        "name.",
        default="",
    )
    inputDimensions = ListField[str](  # type: ignore[no-untyped-call]
        doc="The dimensions of metrics of which no definition says them.",
        default=["instrument", "visit", "detector"],
    )
    dimensions = ListField[str](  # type: ignore[no-untyped-call]
        doc="The dimensions of the table; an empty list for one of everything.", default=["instrument"]
    )

    def collated(self) -> dict[str, tuple[str, ...]]:
        """Say which metrics come into the table, and their dimensions.

        Returns
        -------
        dict
            The dimensions of each metric.

        Raises
        ------
        SettingsError
            If no metric is named and none defined.
        MetricNotFoundError
            If a metric is not defined.
        DefinitionError
            If the definition package cannot be read.
        """
        default = tuple(self.inputDimensions)
        names: Sequence[str] | None = self.metrics
        if not self.definitions:
            if not names:
                raise SettingsError(
                    "Set 'metrics' to those to collate, or 'definitions' to what defines them."
                )
            return dict.fromkeys(names, default)
        package: str = self.connections.package
        known = {
            str(name.metric): metric.dimensions
            for name, metric in MetricSet.load_metrics_package(self.definitions, package).items()
        }
        for name in names or ():
            if name not in known:
                raise MetricNotFoundError(
                    f"{self.definitions} does not define the metric {name!r} of {package}."
                    f"{nearest(name, known)}"
                )
        chosen = names or [name for name, dimensions in known.items() if dimensions is not None]
        if not chosen:
            raise SettingsError(
                f"{self.definitions} says of no metric of {package} at which dimensions it is."
            )
        return {name: known[name] or default for name in chosen}

    def validate(self) -> None:
        """Refuse a configuration that collates nothing.

        Raises
        ------
        SettingsError
            If no metric is named and none defined.
        MetricNotFoundError
            If a metric is not defined.
        """
        super().validate()  # type: ignore[no-untyped-call]
        self.collated()


class CollateMetricsTask(PipelineTask):
    """Put measurements into one table, which is read in a moment, also by harvest.

    Each row has the identifier of the dataset that it was, so that the store takes the two for one. What
    computed the values is left out, since only the repository knows it; harvest adds it.
    """

    ConfigClass: ClassVar[type[CollateMetricsConfig]] = CollateMetricsConfig
    config: CollateMetricsConfig
    _DefaultName: ClassVar[str] = "collateMetrics"

    def run(self, measurements: Sequence[tuple[DatasetRef, Measurement]]) -> Struct:
        """Make the table.

        Parameters
        ----------
        measurements
            Each with the dataset that holds it. One whose uncertainty or count cannot be stored is left out
            and logged.

        Returns
        -------
        lsst.pipe.base.Struct
            With ``table``, a `pyarrow.Table` of a row each, as `gnomon.repository.metric_tables` has it.

        Raises
        ------
        lsst.pipe.base.NoWorkFound
            If there is no measurement.
        """
        rows: list[Mapping[str, Any]] = []
        for ref, measurement in measurements:
            try:
                rows.append(row_of(ref, measurement))
            except GnomonError as error:
                self.log.warning("%s is left out: %s", ref, error)
        if not rows:
            raise NoWorkFound("There is no measurement to collate.")
        return Struct(table=for_butler(make_table(rows)))

    def runQuantum(
        self,
        butlerQC: QuantumContext,
        inputRefs: InputQuantizedConnection,
        outputRefs: OutputQuantizedConnection,
    ) -> None:
        """Read the measurements and write the table.

        Parameters
        ----------
        butlerQC
            Reads and writes datasets.
        inputRefs, outputRefs
            The quantum's datasets.

        Raises
        ------
        lsst.pipe.base.NoWorkFound
            If there is no measurement.
        """
        refs: list[DatasetRef] = [
            ref for name in sorted(inputRefs.keys()) for ref in getattr(inputRefs, name)
        ]
        result = self.run([(ref, butlerQC.get(ref)) for ref in refs])
        butlerQC.put(result.table, outputRefs.table)
