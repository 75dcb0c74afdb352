"""Metrics of an alert-production database (APDB).

This is the one module that uses ``lsst-dax-apdb``, and only when a database is opened: that package is under
the GPL, and comes with the extra ``apdb``.
"""

import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from astropy import units as u
from lsst.daf.butler import DataCoordinate
from lsst.pex.config import Config, ConfigurableField, Field
from lsst.pipe.base import (
    InputQuantizedConnection,
    OutputQuantizedConnection,
    QuantumContext,
    Struct,
    Task,
    connectionTypes,
)

from gnomon.errors import MissingExtraError, SettingsError
from gnomon.measurements import Measurement
from gnomon.tasks.metric_task import MetricConnections, MetricTask, MetricTaskConfig

if TYPE_CHECKING:
    from lsst.dax.apdb import Apdb

__all__ = [
    "ApdbLoader",
    "ApdbMetricConfig",
    "ApdbMetricConnections",
    "ApdbMetricTask",
    "NoApdbLoader",
    "TotalUnassociatedDiaObjectsConfig",
    "TotalUnassociatedDiaObjectsConnections",
    "TotalUnassociatedDiaObjectsMetricTask",
    "UrlApdbLoader",
    "UrlApdbLoaderConfig",
    "open_apdb",
]


def open_apdb(uri: str) -> "Apdb":
    """Open an alert-production database; one that is open in this process is used again.

    Parameters
    ----------
    uri
        Where the configuration is that ``apdb-cli`` wrote, or ``label:`` and a name of the index of
        databases.

    Returns
    -------
    lsst.dax.apdb.Apdb
        The handle.

    Raises
    ------
    MissingExtraError
        If the extra ``apdb`` is not installed.
    SettingsError
        If the database cannot be opened.
    """
    return _open(uri, os.getpid())


@lru_cache(maxsize=4)
def _open(uri: str, process: int) -> "Apdb":  # noqa: ARG001  # a child process opens its own
    try:
        from lsst.dax.apdb import Apdb
    except ImportError as error:
        raise MissingExtraError(
            "Metrics of an alert-production database need lsst-dax-apdb: install gnomon[apdb]."
        ) from error
    try:
        return Apdb.from_uri(uri)
    except Exception as error:  # a missing file, a wrong schema, a database that does not answer
        raise SettingsError(f"The alert-production database of {uri!r} cannot be opened: {error}") from error


class ApdbLoader(Task):
    """Opens the database that a dataset leads to; subclasses override `run`."""

    ConfigClass: ClassVar[type[Config]] = Config
    _DefaultName: ClassVar[str] = "apdbLoader"

    def run(self, dbInfo: Any) -> Struct:
        """Open the database.

        Parameters
        ----------
        dbInfo
            A dataset of the input connection ``dbInfo``.

        Returns
        -------
        lsst.pipe.base.Struct
            With ``apdb``, the handle; `None` if there is nothing to measure.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say how to open: override `run`.")


class NoApdbLoader(ApdbLoader):
    """Stands where no loader was chosen."""


class UrlApdbLoaderConfig(Config):
    """Where the address stands."""

    field = Field[str](  # type: ignore[no-untyped-call]
        doc="The field of the dataset that holds the address of the database's configuration; dots lead into "
        "fields of fields.",
        default="apdb_config_url",
    )


class UrlApdbLoader(ApdbLoader):
    """Opens the database whose address stands in a field of the dataset, which is a task's configuration."""

    ConfigClass: ClassVar[type[Config]] = UrlApdbLoaderConfig
    config: UrlApdbLoaderConfig

    def run(self, dbInfo: Any) -> Struct:
        """Open the database.

        Parameters
        ----------
        dbInfo
            A configuration.

        Returns
        -------
        lsst.pipe.base.Struct
            With ``apdb``, the handle.

        Raises
        ------
        SettingsError
            If the field is not there or is no address, or the database cannot be opened.
        """
        value = dbInfo
        for name in self.config.field.split("."):
            value = getattr(value, name, None)
        if not isinstance(value, str) or not value:
            raise SettingsError(
                f"The dataset has no address of a database in its field {self.config.field!r}; that is "
                f"{value!r:.60}."
            )
        return Struct(apdb=open_apdb(value))


class ApdbMetricConnections(
    MetricConnections,
    defaultTemplates={"package": "", "metric": ""},
    dimensions=("instrument",),
):
    """Datasets which say that a visit's results are in the database, and may say in which."""

    dbInfo = connectionTypes.Input(
        name="apdb_marker",
        doc="Written when a quantum's results are in the database.",
        storageClass="Config",
        dimensions=("instrument", "visit", "detector"),
        multiple=True,
    )

    def configure(self) -> None:
        """Leave the input out where nobody waits for it."""
        if not self.config.doReadMarker:
            del self.dbInfo


class ApdbMetricConfig(MetricTaskConfig, pipelineConnections=ApdbMetricConnections):
    """Where the database is: either an address, or a loader that finds it by the datasets of ``dbInfo``."""

    apdb_config_url = Field[str](  # type: ignore[no-untyped-call]
        doc="Where the database's configuration is, as apdb-cli wrote it.",
        default=None,
        optional=True,
    )
    dbLoader = ConfigurableField[Config](  # type: ignore[no-untyped-call]
        doc="Opens the database that a dataset of dbInfo leads to. There is no default: a loader is chosen "
        "by retarget, or there is an address.",
        target=NoApdbLoader,
    )
    doReadMarker = Field[bool](  # type: ignore[no-untyped-call]
        doc="Whether a quantum waits for the datasets of dbInfo. Without them it is made for every data ID "
        "of its dimensions.",
        default=True,
    )

    def validate(self) -> None:
        """Refuse a configuration from which nobody knows the database, or that gives it twice.

        Raises
        ------
        SettingsError
            If there is neither an address nor a loader, or both, or a loader has nothing to read.
        NameFormatError
            If it names no metric.
        """
        super().validate()
        chosen = self.dbLoader.target is not NoApdbLoader
        if chosen == bool(self.apdb_config_url):
            raise SettingsError(
                "The alert-production database is given "
                + ("twice" if chosen else "nowhere")
                + ": set apdb_config_url, or choose a loader by config.dbLoader.retarget(…)."
            )
        if chosen and not self.doReadMarker:
            raise SettingsError("A dbLoader reads datasets of dbInfo, which doReadMarker=False leaves out.")


class ApdbMetricTask(MetricTask):
    """A task that measures a metric of an alert-production database.

    Subclasses override `makeMeasurement`.
    """

    ConfigClass: ClassVar[type[ApdbMetricConfig]] = ApdbMetricConfig
    config: ApdbMetricConfig
    _DefaultName: ClassVar[str] = "apdbMetric"
    dbLoader: ApdbLoader

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.makeSubtask("dbLoader")

    def makeMeasurement(self, dbHandle: "Apdb", outputDataId: DataCoordinate) -> Measurement | None:
        """Measure.

        Parameters
        ----------
        dbHandle
            The database.
        outputDataId
            The data ID of the measurement: what of the database is to be measured.

        Returns
        -------
        Measurement or None
            Of the metric that the configuration names; `None` if there is nothing to measure.

        Raises
        ------
        MetricComputationError
            If the database holds something that makes no measurement.
        """
        raise NotImplementedError(
            f"{type(self).__name__} does not say what to measure: override `makeMeasurement`."
        )

    def readInputs(
        self,
        butlerQC: QuantumContext,
        inputRefs: InputQuantizedConnection,
        outputRefs: OutputQuantizedConnection,
    ) -> Mapping[str, Any]:
        """Read one dataset of those that lead to the database, since all lead to the same.

        Parameters
        ----------
        butlerQC
            Reads datasets.
        inputRefs, outputRefs
            The quantum's datasets.

        Returns
        -------
        Mapping
            With ``dbInfo``, empty if there is an address, and ``outputDataId``.
        """
        read = [] if self.config.apdb_config_url else [butlerQC.get(inputRefs.dbInfo[0])]
        return {"dbInfo": read, "outputDataId": outputRefs.measurement.dataId}

    def run(self, dbInfo: Sequence[Any], outputDataId: DataCoordinate) -> Struct:
        """Open the database and measure.

        Parameters
        ----------
        dbInfo
            Datasets of which the first leads to the database; not used if there is an address.
        outputDataId
            The data ID of the measurement.

        Returns
        -------
        lsst.pipe.base.Struct
            With ``measurement``, as `makeMeasurement` gives it.

        Raises
        ------
        SettingsError
            If the database cannot be opened.
        MetricComputationError
            If it holds something that makes no measurement.
        """
        handle: Apdb | None = None
        if self.config.apdb_config_url:
            handle = open_apdb(self.config.apdb_config_url)
        elif dbInfo:
            handle = self.dbLoader.run(dbInfo[0]).apdb
        return Struct(measurement=None if handle is None else self.makeMeasurement(handle, outputDataId))


class TotalUnassociatedDiaObjectsConnections(
    ApdbMetricConnections,
    defaultTemplates={"package": "ap_association", "metric": "totalUnassociatedDiaObjects"},
    dimensions=("instrument",),
):
    """As for every metric of the database."""


class TotalUnassociatedDiaObjectsConfig(
    ApdbMetricConfig, pipelineConnections=TotalUnassociatedDiaObjectsConnections
):
    """As for every metric of the database."""

    def validate(self) -> None:
        """Refuse a granularity at which the number would be that of the whole database all the same.

        Raises
        ------
        SettingsError
            If the dimensions are finer than ``instrument``, or the database is not given.
        NameFormatError
            If it names no metric.
        """
        super().validate()
        if finer := sorted({*(self.dimensions or ())} - {"instrument"}):
            raise SettingsError(
                f"The objects of a whole database are counted; the dimensions {finer} are too fine for that."
            )


class TotalUnassociatedDiaObjectsMetricTask(ApdbMetricTask):
    """Count the objects of the database that consist of a single source."""

    ConfigClass: ClassVar[type[ApdbMetricConfig]] = TotalUnassociatedDiaObjectsConfig
    _DefaultName: ClassVar[str] = "totalUnassociatedDiaObjects"

    def makeMeasurement(
        self,
        dbHandle: "Apdb",
        outputDataId: DataCoordinate,  # noqa: ARG002
    ) -> Measurement:
        """Count.

        Parameters
        ----------
        dbHandle
            The database.
        outputDataId
            Not used.

        Returns
        -------
        Measurement
            In counts.
        """
        return Measurement(self.config.metricName, dbHandle.countUnassociatedObjects() * u.count)
