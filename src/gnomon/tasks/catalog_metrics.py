"""Metrics without Python: measured from catalogs, as their own YAML says.

The task connects; what a metric is stands in its recipe (`gnomon.definitions.recipe`), and what that gives
for a table is calculated by `gnomon.algorithms.recipes`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from lsst.daf.butler import DatasetRef, DimensionUniverse, StorageClassFactory
from lsst.pex.config import Field, ListField
from lsst.pipe.base import (
    InputQuantizedConnection,
    NoWorkFound,
    OutputQuantizedConnection,
    PipelineTaskConfig,
    QuantumContext,
    Struct,
    connectionTypes,
)

from gnomon.algorithms.catalogs import Catalog
from gnomon.algorithms.recipes import Grouped, measure_groups
from gnomon.definitions import Metric
from gnomon.errors import GnomonError, MetricComputationError, SettingsError
from gnomon.measurements import Measurement
from gnomon.names import Name
from gnomon.tasks.measuring import metric_output
from gnomon.tasks.measuring_connections import MeasuringConfig, MeasuringConnections, was_partial
from gnomon.tasks.metric_task import MeasuringTask
from gnomon.tasks.recipe_plans import Plan, granularity, make_plans, read_metrics

__all__ = ["CatalogMetricConfig", "CatalogMetricConnections", "CatalogMetricTask"]

_DEFAULT = ("instrument", "visit", "detector")
_SHOWN = 5


class CatalogMetricConnections(MeasuringConnections, defaultTemplates={"package": ""}, dimensions=_DEFAULT):
    """Catalogs, and one output for each metric.

    The granularity is that which the metrics state, unless the configuration has ``dimensions``; see
    `gnomon.tasks.recipe_plans`.
    """

    catalog = connectionTypes.Input(
        name="catalog",
        doc="The catalogs; set connections.catalog to their dataset type.",
        storageClass="ArrowAstropy",
        dimensions=_DEFAULT,
        multiple=True,
        deferLoad=True,
    )

    def __init__(self, *, config: "CatalogMetricConfig | None" = None) -> None:
        super().__init__(config=config)
        self._refuse_coarser_catalogs()
        for plan in self.config.plans(self.dimensions):
            output = metric_output(
                self.config.connections.package, plan.name, dimensions=tuple(sorted(plan.dimensions))
            )
            setattr(self, _output(plan), replace(output, multiple=bool(plan.split)))

    def _refuse_coarser_catalogs(self) -> None:
        universe = DimensionUniverse()
        given: list[str] = list(self.config.catalogDimensions)
        if lacking := set(self.dimensions) - set(universe.conform(given).names):
            raise SettingsError(
                f"The catalogs have the dimensions {given}, a quantum {sorted(self.dimensions)}: nothing "
                f"says which rows are of which {min(lacking)}. If that is a column, put it into 'group_by'; "
                "if the catalogs' dimensions are others, set 'catalogDimensions'."
            )

    def configure(self) -> None:
        """Take the granularity that the metrics state, and the catalogs as they are configured.

        Raises
        ------
        SettingsError
            If the metrics do not agree.
        """
        super().configure()
        self.dimensions = set(granularity(self.config.chosen, self.config.dimensions, self.dimensions))
        self.catalog = replace(
            self.catalog,
            dimensions=frozenset(self.config.catalogDimensions),
            storageClass=self.config.storageClass,
        )


class CatalogMetricConfig(MeasuringConfig, PipelineTaskConfig, pipelineConnections=CatalogMetricConnections):
    """Which metrics are measured, and from which catalogs."""

    definitions = Field[str](  # type: ignore[no-untyped-call]
        doc="The definition package that says how the metrics are measured: its folder, or a name such as "
        "my_metrics, of which the variable MY_METRICS_DIR holds the folder.",
        default="",
    )
    metrics = ListField[str](  # type: ignore[no-untyped-call]
        doc="The metrics to measure, each without its package; by default all of the package that say how.",
        default=None,
        optional=True,
    )
    skip = ListField[str](  # type: ignore[no-untyped-call]
        doc="Those of them not to measure, so that one can be switched off without naming the others.",
        default=[],
    )
    catalogDimensions = ListField[str](  # type: ignore[no-untyped-call]
        doc="The dimensions of the catalogs' dataset type.", default=list(_DEFAULT)
    )
    storageClass = Field[str](  # type: ignore[no-untyped-call]
        doc="The storage class in which the catalogs are read. ArrowAstropy reads every table in Parquet, "
        "only the columns that are needed, with their units; AstropyTable those in FITS and ECSV.",
        default="ArrowAstropy",
    )

    @property
    def chosen(self) -> tuple[Metric, ...]:
        """The metrics that are to be measured."""
        return read_metrics(self.definitions, self.connections.package, self.metrics, self.skip)

    def plans(self, quantum: Sequence[str]) -> tuple[Plan, ...]:
        """Say how each metric's measurements are written.

        Parameters
        ----------
        quantum
            The dimensions of a quantum.

        Returns
        -------
        tuple of Plan
            One for each metric that is to be measured.

        Raises
        ------
        SettingsError
            If a metric is split by a dimension that needs another one.
        """
        return make_plans(self.chosen, quantum)

    def validate(self) -> None:
        """Refuse metrics that nobody could measure.

        Raises
        ------
        SettingsError
            If no definition package is given, or a metric has no recipe.
        MetricNotFoundError
            If a metric is not defined.
        DefinitionError
            If the definition package is not there, or its file is wrong.
        """
        super().validate()  # type: ignore[no-untyped-call]
        _ = self.chosen


class CatalogMetricTask(MeasuringTask):
    """Measure metrics from catalogs as their recipes say; one that fails does not take the others with it.

    All catalogs of a quantum are one table. The dimensions of their data IDs stand in expressions like
    columns, unless a column has the same name.
    """

    ConfigClass: ClassVar[type[CatalogMetricConfig]] = CatalogMetricConfig
    config: CatalogMetricConfig
    _DefaultName: ClassVar[str] = "catalogMetrics"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        connections = self.config.connections.ConnectionsClass(config=self.config)
        self._plans = self.config.plans(connections.dimensions)

    def run(self, catalog: Sequence[Any]) -> Struct:
        """Measure every metric that is switched on.

        Parameters
        ----------
        catalog
            Deferred handles of the catalogs, or tables.

        Returns
        -------
        lsst.pipe.base.Struct
            With ``measurements``: a `Measurement` for each metric that could be measured, by name;
            ``groups``: for each metric that is split into groups of finer data IDs, a list of `Grouped`, by
            name; and ``failures``: the error of each metric that could not be measured.

        Raises
        ------
        lsst.pipe.base.NoWorkFound
            If there is no catalog.
        """
        measurements: dict[str, Measurement] = {}
        groups: dict[str, list[Grouped]] = {}
        failures: dict[str, MetricComputationError] = {}
        if not len(catalog):
            raise NoWorkFound("There is no catalog.")
        try:
            table: Catalog | None = self._read(catalog)
        except GnomonError as error:
            failures = {plan.name: _failure(error) for plan in self._plans}
            table = None
        for plan in self._plans if table is not None else ():
            try:
                found = measure_groups(plan.metric, table, split=plan.split)
            except MetricComputationError as error:
                failures[plan.name] = error
                continue
            if plan.split:
                groups[plan.name] = [one for one in found if one.measurement is not None]
            elif (measurement := found[0].measurement) is not None:
                measurements[plan.name] = measurement
        for metric, failure in failures.items():
            self._failed(metric, failure)
        return Struct(measurements=measurements, groups=groups, failures=failures)

    def _read(self, catalogs: Sequence[Any]) -> Catalog:
        needed = frozenset[str]().union(*(_needed(plan.metric) for plan in self._plans))
        return Catalog.joined([_one(catalog, needed) for catalog in catalogs])

    def runQuantum(
        self,
        butlerQC: QuantumContext,
        inputRefs: InputQuantizedConnection,
        outputRefs: OutputQuantizedConnection,
    ) -> None:
        """Read the catalogs, measure, and write each measurement that there is.

        Parameters
        ----------
        butlerQC
            Reads and writes datasets.
        inputRefs, outputRefs
            The quantum's datasets.

        Raises
        ------
        lsst.pipe.base.NoWorkFound
            If there is nothing to measure at all, or a metric failed; see `gnomon.tasks.measuring`.
        MetricComputationError
            If a metric failed and ``failQuantum`` is set; nothing is written then.
        """
        refs = {plan.name: _listed(getattr(outputRefs, _output(plan))) for plan in self._plans}
        partial = was_partial(ref for group in refs.values() for ref in group)
        result = self.run(**self.readInputs(butlerQC, inputRefs, outputRefs))
        failures: dict[str, MetricComputationError] = dict(result.failures)
        found = {name: [Grouped({}, measurement)] for name, measurement in result.measurements.items()}
        found.update(result.groups)
        placed: list[tuple[Name, Measurement, DatasetRef]] = []
        for plan in self._plans:
            by_group = {tuple(ref.dataId[name] for name in plan.split): ref for ref in refs[plan.name]}
            nowhere = []
            for one in found.get(plan.name, ()):
                key = tuple(_plain(one.group[name]) for name in plan.split)
                if one.measurement is not None and key in by_group:
                    placed.append((plan.metric.name, one.measurement, by_group[key]))
                else:
                    nowhere.append(" ".join(f"{name}={value}" for name, value in one.group.items()))
            if nowhere:
                more = f" and {len(nowhere) - _SHOWN} more" if len(nowhere) > _SHOWN else ""
                failures[plan.name] = MetricComputationError(
                    f"{plan.metric.name}: the catalogs have rows of {', '.join(nowhere[:_SHOWN])}{more}, "
                    "which are no data IDs here."
                )
                self._failed(plan.name, failures[plan.name])
        if self.config.failQuantum:
            self._report(failures, len(placed))
        for name, measurement, ref in placed:
            self._write(butlerQC, measurement, name, ref, partial=partial)
        self._report(failures, len(placed))


def _output(plan: Plan) -> str:
    # Prefixed, since a metric may be called what a connections class has already.
    return f"measurement_{plan.name}"


def _needed(metric: Metric) -> frozenset[str]:
    return metric.measure.columns if metric.measure is not None else frozenset()


def _one(catalog: Any, needed: frozenset[str]) -> Catalog:
    """Read one catalog, as little of it as is possible."""
    if not hasattr(catalog, "dataId"):
        return Catalog.of(catalog, needed)
    data_id: Mapping[str, Any] = getattr(catalog.dataId, "mapping", catalog.dataId)
    if _reads_columns(catalog):
        names = [str(name) for name in catalog.get(component="columns")]
        wanted = [name for name in names if name in needed] or names[:1]
        read = Catalog.of(catalog.get(parameters={"columns": wanted}) if wanted else catalog.get())
        table = replace(read, names=read.names | frozenset(names))
    else:
        table = Catalog.of(catalog.get(), needed)
    constants = {name: value for name, value in data_id.items() if name in needed}
    known = table.with_constants(constants)
    return replace(known, names=known.names | frozenset(data_id))


def _reads_columns(handle: Any) -> bool:
    ref = getattr(handle, "ref", None)
    storage_class = handle.storageClass or (None if ref is None else ref.datasetType.storageClass)
    if isinstance(storage_class, str):
        storage_class = StorageClassFactory().getStorageClass(storage_class)
    return storage_class is not None and "columns" in storage_class.parameters


def _listed(refs: Any) -> list[DatasetRef]:
    return list(refs) if isinstance(refs, list | tuple) else [refs]


def _plain(value: Any) -> Any:
    # A column with gaps holds integers as floats.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _failure(error: GnomonError) -> MetricComputationError:
    failure = MetricComputationError(str(error))
    failure.__cause__ = error
    return failure
