"""Formatters: how gnomon's datasets are written to files and read back.

Each file also keeps which datasets the task was given before it wrote this one, where that is known. It is
nothing of the measurement's own, so that whoever reads the dataset does not see it.
"""

import json
from typing import Any, NamedTuple

from lsst.daf.butler import DatasetProvenance, FormatterV2
from lsst.resources import ResourcePath

from gnomon.measurements import Job, Measurement
from gnomon.measurements.yaml_codec import from_yaml, to_yaml
from gnomon.repository.lineage.put_provenance import KEY, provenance_text

__all__ = ["BundleFormatter", "MeasurementFormatter"]


class _Made(NamedTuple):
    """A dataset on its way into a file, with the text of where it comes from."""

    dataset: Any
    provenance: str


class _Remembering(FormatterV2):
    """A formatter that takes provenance with the dataset to where it is written."""

    def add_provenance(
        self, in_memory_dataset: Any, /, *, provenance: DatasetProvenance | None = None
    ) -> Any:
        """Put beside the dataset where it comes from.

        Parameters
        ----------
        in_memory_dataset
            The dataset, which is not touched.
        provenance
            What the task was given before.

        Returns
        -------
        object
            For `to_bytes`: the dataset, with a text if there is something to say.
        """
        text = provenance_text(provenance)
        return in_memory_dataset if text is None else _Made(in_memory_dataset, text)


class MeasurementFormatter(_Remembering):
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

    def to_bytes(self, in_memory_dataset: Measurement | _Made) -> bytes:
        """Write one measurement.

        Parameters
        ----------
        in_memory_dataset
            The measurement.

        Returns
        -------
        bytes
            UTF-8 encoded YAML. Established readers pass over a key that they do not know.
        """
        if isinstance(in_memory_dataset, _Made):
            return to_yaml(in_memory_dataset.dataset) + f"{KEY}: '{in_memory_dataset.provenance}'\n".encode()
        return to_yaml(in_memory_dataset)


class BundleFormatter(_Remembering):
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
        job = Job.parse(uri.read(), file=str(uri))
        job.meta.pop(KEY, None)
        return job

    def to_bytes(self, in_memory_dataset: Job | _Made) -> bytes:
        """Write the measurements.

        Parameters
        ----------
        in_memory_dataset
            They, in a job.

        Returns
        -------
        bytes
            UTF-8 encoded JSON. Established readers refuse keys of a job that they do not know, but take any
            among its metadata.
        """
        if not isinstance(in_memory_dataset, _Made):
            return in_memory_dataset.text().encode()
        document = json.loads(in_memory_dataset.dataset.text())
        document["meta"][KEY] = in_memory_dataset.provenance
        return json.dumps(document, indent=2, sort_keys=True, allow_nan=False).encode()
