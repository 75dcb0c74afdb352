"""Formatters: how gnomon's datasets are written to files and read back."""

from typing import Any

from lsst.daf.butler import FormatterV2
from lsst.resources import ResourcePath

from gnomon.measurements import Job, Measurement
from gnomon.measurements.yaml_codec import from_yaml, to_yaml

__all__ = ["BundleFormatter", "MeasurementFormatter"]


class MeasurementFormatter(FormatterV2):
    """The established YAML of a measurement, read without building any object that a file asks for."""

    default_extension = ".yaml"
    unsupported_parameters = None
    can_read_from_uri = True

    def read_from_uri(
        self,
        uri: ResourcePath,
        component: str | None = None,  # noqa: ARG002
        expected_size: int = -1,  # noqa: ARG002
    ) -> Any:
        """Read one measurement.

        Parameters
        ----------
        uri
            The file.
        component
            Not used: a measurement has no components.
        expected_size
            Not used.

        Returns
        -------
        Measurement
            What the file holds.

        Raises
        ------
        FormatError
            If the file is not a measurement.
        """
        return from_yaml(uri.read(), file=str(uri))

    def to_bytes(self, in_memory_dataset: Measurement) -> bytes:
        """Write one measurement.

        Parameters
        ----------
        in_memory_dataset
            The measurement.

        Returns
        -------
        bytes
            UTF-8 encoded YAML.
        """
        return to_yaml(in_memory_dataset)


class BundleFormatter(FormatterV2):
    """Several measurements in one file: the established JSON of a job."""

    default_extension = ".json"
    unsupported_parameters = None
    can_read_from_uri = True

    def read_from_uri(
        self,
        uri: ResourcePath,
        component: str | None = None,  # noqa: ARG002
        expected_size: int = -1,  # noqa: ARG002
    ) -> Any:
        """Read the measurements.

        Parameters
        ----------
        uri
            The file.
        component
            Not used: a bundle has no components.
        expected_size
            Not used.

        Returns
        -------
        Job
            What the file holds.

        Raises
        ------
        FormatError
            If the file is not a job's.
        """
        return Job.parse(uri.read(), file=str(uri))

    def to_bytes(self, in_memory_dataset: Job) -> bytes:
        """Write the measurements.

        Parameters
        ----------
        in_memory_dataset
            They, in a job.

        Returns
        -------
        bytes
            UTF-8 encoded JSON.
        """
        return in_memory_dataset.text().encode()
