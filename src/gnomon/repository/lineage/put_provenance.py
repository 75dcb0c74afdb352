"""What a file says of how its dataset was made.

The middleware hands to a formatter what the task was given before it wrote the dataset, and whatever the task
declared of these inputs. gnomon's own files keep that in one text under `KEY`; tables keep it flattened among
their metadata. Both are read here, and become edges.

A task declares what it used with the middleware's additional provenance, under the key ``used``::

    butlerQC.add_additional_provenance(ref, {"used": True})

after it got the input and before it puts what it made of it. ``True`` means for all that it puts; a text
names the dataset types for which it was used, separated by commas; ``False`` says that it was discarded.
"""

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from lsst.daf.butler import DatasetProvenance

from gnomon.errors import FormatError
from gnomon.repository.lineage.edges import Dataset, Edge

__all__ = [
    "KEY",
    "USED",
    "PutInput",
    "PutProvenance",
    "from_flat",
    "in_arrow_metadata",
    "in_file",
    "provenance_text",
]

KEY = "gnomon_provenance"
"""The key under which gnomon's files of measurements keep where they come from."""

USED = "used"
"""The key of additional provenance under which a task says that it used an input."""

# With more inputs than that, only their UUIDs are written: a file of one number must not grow to megabytes.
_DESCRIBED = 1000

_TABLE_KEY = b"table_meta_yaml"
_FLAT = b"LSST.BUTLER."
_FLAT_INPUT = re.compile(r"INPUT\.(\d+)\.(.+)", re.ASCII | re.IGNORECASE)
_IN_YAML = re.compile(rb"^" + KEY.encode() + rb": '([ -&(-~]*)'$", re.MULTILINE)
_IN_JSON = re.compile(rb'"' + KEY.encode() + rb'": ?("(?:[^"\\]|\\.)*")')


@dataclass(frozen=True)
class PutInput:
    """An input that a task was given.

    Attributes
    ----------
    dataset
        Which, and as much as is known of it.
    used
        What the task declared: `None` if nothing.
    """

    dataset: Dataset
    used: bool | str | None = None

    def used_for(self, dataset_type: str) -> bool:
        """Say whether the task declared that it used this for a dataset of some type.

        Parameters
        ----------
        dataset_type
            What it put.

        Returns
        -------
        bool
            Whether it did.
        """
        if isinstance(self.used, str):
            return dataset_type in [name.strip() for name in self.used.split(",")]
        return bool(self.used)


@dataclass(frozen=True)
class PutProvenance:
    """What a file says of how its dataset was made.

    Attributes
    ----------
    inputs
        What the task was given before.
    quantum
        Its quantum.
    dropped
        How many further inputs there were, that the file does not name.
    """

    inputs: tuple[PutInput, ...] = ()
    quantum: uuid.UUID | None = None
    dropped: int = 0

    def edges(self, dataset_id: uuid.UUID, dataset_type: str, *, task: str | None = None) -> list[Edge]:
        """Give the edges that follow.

        Parameters
        ----------
        dataset_id, dataset_type
            The dataset in whose file it stands.
        task
            The label of the task, where it is known.

        Returns
        -------
        list of Edge
            For each input one of kind *read*, and for each that was declared one of kind *used*.
        """
        found = []
        for given in self.inputs:
            if given.dataset.id == dataset_id:
                continue
            found.append(Edge(dataset_id, given.dataset.id, "read", self.quantum, task))
            if given.used_for(dataset_type):
                found.append(Edge(dataset_id, given.dataset.id, "used", self.quantum, task))
        return found


def provenance_text(provenance: DatasetProvenance | None) -> str | None:
    """Write what the middleware hands to a formatter.

    Parameters
    ----------
    provenance
        As the middleware has it.

    Returns
    -------
    str or None
        A JSON object without any apostrophe, in ASCII; `None` if there is nothing to say.
    """
    if provenance is None or (provenance.quantum_id is None and not provenance.inputs):
        return None
    entries: list[Any] = []
    for ref in provenance.inputs:
        entry: dict[str, Any] = {"id": str(ref.id)}
        if len(provenance.inputs) <= _DESCRIBED:
            if ref.datasetType is not None:
                entry["datasettype"] = ref.datasetType.name
            if ref.run is not None:
                entry["run"] = ref.run
            if ref.dataId is not None:
                entry["dataid"] = dict(ref.dataId.dataId)
        entry |= {str(key): _plain(value) for key, value in provenance.extras.get(ref.id, {}).items()}
        # What is nothing but a UUID takes no object.
        entries.append(entry if len(entry) > 1 else entry["id"])
    document: dict[str, Any] = {"inputs": entries}
    if provenance.quantum_id is not None:
        document["quantum"] = str(provenance.quantum_id)
    return json.dumps(document, separators=(",", ":"), sort_keys=True).replace("'", "\\u0027")


def in_file(content: bytes) -> PutProvenance | None:
    """Read what a file of measurements says.

    Parameters
    ----------
    content
        YAML of a measurement, or JSON of several.

    Returns
    -------
    PutProvenance or None
        `None` if it says nothing.

    Raises
    ------
    FormatError
        If it says something that cannot be understood.
    """
    if (found := _IN_YAML.search(content)) is not None:
        return _parse(found[1])
    if (found := _IN_JSON.search(content)) is not None:
        return _parse(json.loads(found[1]))
    return None


def _parse(text: str | bytes) -> PutProvenance:
    try:
        document = json.loads(text)
        inputs = []
        for given in document.get("inputs", ()):
            entry: dict[str, Any] = {"id": given} if isinstance(given, str) else given
            data_id = entry.get("dataid")
            dataset = Dataset(
                uuid.UUID(entry["id"]),
                entry.get("datasettype"),
                None if data_id is None else dict(data_id),
                entry.get("run"),
            )
            inputs.append(PutInput(dataset, _declared(entry.get(USED))))
        quantum = document.get("quantum")
        return PutProvenance(tuple(inputs), None if quantum is None else uuid.UUID(quantum))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise FormatError(f"What it says under {KEY} is no provenance: {error}") from error


def in_arrow_metadata(metadata: Mapping[bytes, bytes] | None) -> PutProvenance | None:
    """Read what the footer of a Parquet file says that the Butler wrote of an Astropy table.

    Parameters
    ----------
    metadata
        That of the file.

    Returns
    -------
    PutProvenance or None
        `None` if it says nothing.

    Raises
    ------
    FormatError
        If it says something that cannot be understood.
    """
    text = (metadata or {}).get(_TABLE_KEY, b"")
    if _FLAT not in text:
        return None
    _, _, own = text.partition(b"\nmeta:")
    try:
        pairs = yaml.load(b"meta:" + own, Loader=_Lenient)["meta"]
        flat = dict(pairs if isinstance(pairs, list) else pairs.items())
        return from_flat(flat)
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise FormatError(f"Its metadata hold no provenance that can be read: {error}") from error


def from_flat(flat: Mapping[str, Any]) -> PutProvenance | None:
    """Read provenance that the middleware flattened.

    Parameters
    ----------
    flat
        Keys such as ``LSST.BUTLER.INPUT.0.ID``.

    Returns
    -------
    PutProvenance or None
        `None` if there is none.
    """
    prefix = _FLAT.decode()
    own = {key[len(prefix) :]: value for key, value in flat.items() if str(key).startswith(prefix)}
    if not own:
        return None
    inputs: dict[int, dict[str, Any]] = {}
    for key, value in own.items():
        if (found := _FLAT_INPUT.fullmatch(key)) is not None:
            inputs.setdefault(int(found[1]), {})[found[2].lower()] = value
    made = tuple(
        PutInput(
            Dataset(uuid.UUID(str(entry["id"])), entry.get("datasettype"), None, entry.get("run")),
            _declared(entry.get(USED)),
        )
        for _, entry in sorted(inputs.items())
    )
    quantum = own.get("QUANTUM")
    count = int(own.get("N_INPUTS", len(made)))
    return PutProvenance(
        made, None if quantum is None else uuid.UUID(str(quantum)), max(count - len(made), 0)
    )


class _Lenient(yaml.CSafeLoader):
    """Passes over whatever else stands among a table's metadata, such as units."""


def _nothing(loader: yaml.CSafeLoader, suffix: str, node: yaml.Node) -> None:
    del loader, suffix, node


_Lenient.add_multi_constructor("!", _nothing)


def _declared(value: Any) -> bool | str | None:
    """Read what a task declared: a truth, a number, or the names of dataset types."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        word = value.strip().lower()
        if word in ("true", "yes", "1"):
            return True
        return False if word in ("false", "no", "0", "") else value
    return bool(value)


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)
