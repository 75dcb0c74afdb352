"""What an annotation can be about.

Equal keys, same thing: a target is compared, looked up and indexed by its `Target.key` alone, and
whatever else it carries is there to be shown. A dataset's key is its UUID without the repository, since a
dataset keeps its UUID wherever it is transferred; a collection's name means something in one repository only.
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

from gnomon import dataids
from gnomon.annotations import checks
from gnomon.errors import AnnotationError, nearest

__all__ = ["Target", "TargetKind"]

TargetKind = Literal["dataset", "dimension", "timespan", "collection", "query", "measurement", "pending"]
"""The kinds of targets. The last three are words of the model that nothing makes yet."""

_MAX_KEY = 2000  # PostgreSQL cannot index a text much longer


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """One thing that an annotation is about; made by the constructors below.

    Parameters
    ----------
    kind
        What sort of thing it is.
    key
        Its canonical name: equal keys, same thing.
    repository
        The label of a Butler repository, if it matters or is known.
    dataset_id
        The UUID of a dataset.
    name
        The name of a collection.
    element
        The dimension of which a record is meant.
    data_id
        Identifying dimensions and their values; of a timespan, the instrument.
    begin, end
        A timespan, TAI microseconds since 1970-01-01 TAI; ``end`` is no part of it.
    """

    kind: TargetKind
    key: str
    repository: str | None = None
    dataset_id: uuid.UUID | None = None
    name: str | None = None
    element: str | None = None
    data_id: Mapping[str, int | str] | None = None
    begin: int | None = None
    end: int | None = None

    def __eq__(self, other: object) -> bool:
        return self.key == other.key if isinstance(other, Target) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.key)

    def __post_init__(self) -> None:
        if len(self.key) > _MAX_KEY:
            raise AnnotationError(
                f"The key of a {self.kind} has {len(self.key)} characters; at most {_MAX_KEY} are kept."
            )

    @classmethod
    def dataset(cls, dataset_id: uuid.UUID | str, repository: str | None = None) -> Self:
        """Mean one dataset.

        Parameters
        ----------
        dataset_id
            Its UUID.
        repository
            The label of the repository in which it was seen; not part of the key.

        Returns
        -------
        Target
            The dataset.

        Raises
        ------
        AnnotationError
            If ``dataset_id`` is not a UUID.
        """
        identifier = checks.identifier(dataset_id, "a dataset")
        return cls("dataset", f"dataset:{identifier}", _repository(repository), dataset_id=identifier)

    @classmethod
    def dimension(cls, element: str, data_id: dataids.DataId) -> Self:
        """Mean what a data ID names, such as a visit, or one detector of a visit.

        Parameters
        ----------
        element
            The dimension that is meant: the most specific one of the data ID, or one of them if there are
            several, such as either of visit and detector.
        data_id
            Dimensions and values. Implied dimensions (the band of a visit) may be there and are dropped.

        Returns
        -------
        Target
            The thing.

        Raises
        ------
        AnnotationError
            If ``element`` is not a most specific dimension of ``data_id``, or a text cannot be kept.
        DataIdError
            If ``element`` is no dimension, or the data ID is not complete.

        Examples
        --------
        >>> Target.dimension("visit", {"instrument": "LSSTCam", "visit": 42, "band": "r"}).key
        'dimension:{"instrument":"LSSTCam","visit":42}'
        """
        dataids.check_dimensions([element, *data_id])
        key = dataids.key(data_id)
        identifying: dict[str, int | str] = json.loads(key)
        for name, value in identifying.items():
            if isinstance(value, str):
                checks.label(value, name)
        needed = frozenset[str]().union(
            *(dataids.REQUIRED.get(name, frozenset()) for name in identifying),
        )
        specific = identifying.keys() - needed
        if element not in specific:
            raise AnnotationError(
                f"{dataids.format(data_id)} stands for {' and '.join(sorted(specific))}, not for {element}."
            )
        return cls("dimension", f"dimension:{key}", element=element, data_id=identifying)

    @classmethod
    def collection(cls, name: str, repository: str | None = None) -> Self:
        """Mean a collection.

        Parameters
        ----------
        name
            Its name.
        repository
            The label of the repository that has it; part of the key.

        Returns
        -------
        Target
            The collection.

        Raises
        ------
        AnnotationError
            If a name cannot be kept.
        """
        name, repository = checks.label(name, "name of a collection"), _repository(repository)
        return cls("collection", f"collection:{_json([repository, name])}", repository=repository, name=name)

    @classmethod
    def timespan(cls, begin: int, end: int, instrument: str) -> Self:
        """Mean a stretch of an instrument's time, such as a gap between exposures.

        Parameters
        ----------
        begin, end
            TAI microseconds since 1970-01-01 TAI; ``end`` is no part of it.
        instrument
            Whose time it is.

        Returns
        -------
        Target
            The timespan.

        Raises
        ------
        AnnotationError
            If ``begin`` is not before ``end``, or one of the three cannot be kept.
        """
        begin, end = checks.moment(begin, "begin of a timespan"), checks.moment(end, "end of a timespan")
        if begin >= end:
            raise AnnotationError(f"A timespan begins before it ends; given were {begin} and {end}.")
        instrument = checks.label(instrument, "instrument")
        key = f"timespan:{_json([instrument, begin, end])}"
        return cls("timespan", key, data_id={"instrument": instrument}, begin=begin, end=end)

    def to_dict(self) -> dict[str, Any]:
        """Write the target as plain JSON values.

        Returns
        -------
        dict
            ``kind`` and whatever else is set, without the key, which follows from the rest.
        """
        values = {
            "kind": self.kind,
            "repository": self.repository,
            "dataset_id": None if self.dataset_id is None else str(self.dataset_id),
            "name": self.name,
            "element": self.element,
            "data_id": None if self.data_id is None else dict(self.data_id),
            "begin": self.begin,
            "end": self.end,
        }
        return {name: value for name, value in values.items() if value is not None}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote.

        Parameters
        ----------
        values
            Plain JSON values.

        Returns
        -------
        Target
            The target, checked as if it were made anew.

        Raises
        ------
        AnnotationError
            If the values are not those of a target.
        """
        kind = values.get("kind")
        try:
            if kind == "dataset":
                return cls.dataset(values["dataset_id"], values.get("repository"))
            if kind == "dimension":
                return cls.dimension(values["element"], values["data_id"])
            if kind == "collection":
                return cls.collection(values["name"], values.get("repository"))
            if kind == "timespan":
                return cls.timespan(values["begin"], values["end"], values["data_id"]["instrument"])
        except KeyError as error:
            raise AnnotationError(f"A target of kind {kind} lacks its {error.args[0]}.") from None
        raise AnnotationError(
            f"{kind!r} is not a kind of target that can be made."
            f"{nearest(str(kind), get_args(TargetKind)[:4])}"
        )

    def __str__(self) -> str:
        if self.kind == "dimension" and self.data_id is not None:
            return dataids.format(self.data_id)
        return self.key


def _repository(label: str | None) -> str | None:
    return None if label is None else checks.label(label, "label of a repository")


def _json(values: list[str | int | None]) -> str:
    return json.dumps(values, separators=(",", ":"), ensure_ascii=False)
