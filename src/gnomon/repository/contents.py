"""What is in the files of measurements, whatever form they have."""

from collections.abc import Callable

from gnomon.measurements import Job
from gnomon.measurements.metric_bundle import read_bundle
from gnomon.measurements.quick_yaml import read_values
from gnomon.measurements.values import NOT_MEASURED, Values, values_of
from gnomon.measurements.yaml_codec import from_yaml
from gnomon.repository.configuration import BUNDLE, ESTABLISHED_BUNDLE, SINGLE

__all__ = ["parse"]


def parse(content: bytes, storage_class: str, *, file: str) -> list[Values]:
    """Read the measurements in a file.

    Parameters
    ----------
    content
        The file's content.
    storage_class
        Of the dataset, one of `gnomon.repository.finding.FORMS`.
    file
        What to call it in messages.

    Returns
    -------
    list of Values
        One for each measurement that has a value, and if there is none, `NOT_MEASURED`.

    Raises
    ------
    FormatError
        If the file is not of that form.
    MeasurementError
        If an uncertainty or a count cannot be stored.
    """
    found = [values for values in _READERS[storage_class](content, file) if values.value is not None]
    return found or [NOT_MEASURED]


def _single(content: bytes, file: str) -> list[Values]:
    return [read_values(content) or values_of(from_yaml(content, file=file))]


def _job(content: bytes, file: str) -> list[Values]:
    return [values_of(measurement) for measurement in Job.parse(content, file=file).measurements.values()]


def _established(content: bytes, file: str) -> list[Values]:
    return read_bundle(content, file=file)


_READERS: dict[str, Callable[[bytes, str], list[Values]]] = {
    SINGLE: _single,
    BUNDLE: _job,
    ESTABLISHED_BUNDLE: _established,
}
