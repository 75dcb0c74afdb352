"""What is different between two jobs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gnomon.measurements.job import Job
from gnomon.measurements.measurement import Measurement

__all__ = ["Difference", "job_differences", "own_metadata"]

type Kind = Literal["measurement", "metric", "specification", "metadata"]
type Change = Literal["only in a", "only in b", "changed"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same in two jobs.

    Attributes
    ----------
    kind
        What it is.
    name
        Its name, or the key of metadata.
    change
        Whether it is in one of the jobs only, or in both and different.
    a, b
        What it is in each, for people; empty where it is not there.
    """

    kind: Kind
    name: str
    change: Change
    a: str = ""
    b: str = ""


def job_differences(a: Job, b: Job) -> list[Difference]:
    """Say what is different between two jobs.

    Parameters
    ----------
    a, b
        The jobs.

    Returns
    -------
    list of Difference
        Measurements first, then metrics, specifications and the jobs' own metadata, each sorted by name.
        Identifiers do not count, and the same quantity in another unit is the same.
    """
    kinds: tuple[tuple[Kind, Mapping[Any, Any], Mapping[Any, Any]], ...] = (
        ("measurement", dict(a.measurements.items()), dict(b.measurements.items())),
        ("metric", dict(a.metrics.items()), dict(b.metrics.items())),
        ("specification", dict(a.specs.items()), dict(b.specs.items())),
        ("metadata", own_metadata(a), own_metadata(b)),
    )
    return [difference for kind, mine, theirs in kinds for difference in _differences(kind, mine, theirs)]


def own_metadata(job: Job) -> dict[str, Any]:
    """Give the metadata that are the job's own and no notes of its measurements.

    Parameters
    ----------
    job
        The job.

    Returns
    -------
    dict
        Keys and values.
    """
    notes = {key for _, measurement in job.measurements.items() for key in measurement.notes}
    return {key: value for key, value in job.meta.items() if key not in notes}


def _differences(kind: Kind, a: Mapping[Any, Any], b: Mapping[Any, Any]) -> Iterator[Difference]:
    for name in sorted(a.keys() | b.keys(), key=str):
        if name not in b:
            yield Difference(kind, str(name), "only in a", a=_words(a[name]))
        elif name not in a:
            yield Difference(kind, str(name), "only in b", b=_words(b[name]))
        elif a[name] != b[name]:
            yield Difference(kind, str(name), "changed", *_both(a[name], b[name]))


def _both(a: Any, b: Any) -> tuple[str, str]:
    words = _words(a), _words(b)
    if words[0] != words[1] or not isinstance(a, Measurement):
        return words
    # The value is the same, so it is what explains it.
    notes = [f"{key}: {b.notes.get(key)}" for key in b.notes if a.notes.get(key) != b.notes.get(key)]
    was = [f"{key}: {a.notes.get(key)}" for key in a.notes if a.notes.get(key) != b.notes.get(key)]
    if notes or was:
        return ", ".join(was), ", ".join(notes)
    blobs = sorted(
        name
        for name in a.blobs.keys() | b.blobs.keys()
        if dict(a.blobs.get(name, {}).items()) != dict(b.blobs.get(name, {}).items())
    )
    return words[0], f"{words[1]}, other data in {', '.join(blobs)}"


def _words(value: Any) -> str:
    if isinstance(value, Measurement):
        if value.quantity is None:
            return "not measured"
        return f"{value.value:.10g} {value.unit_str}".rstrip()
    return str(value)
