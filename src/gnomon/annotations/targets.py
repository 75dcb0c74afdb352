"""What an annotation can be about.

Equal keys, same thing: a target is compared, looked up and indexed by its `Target.key` alone, and
whatever else it carries is there to be shown. A dataset's key is its UUID without the repository, since a
dataset keeps its UUID wherever it is transferred; a collection's name means something in one repository only.
"""

import hashlib
import json
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, Self, get_args

from gnomon import dataids
from gnomon.annotations import checks
from gnomon.errors import AnnotationError, nearest

__all__ = ["Target", "TargetKind"]

TargetKind = Literal[
    "dataset", "dimension", "data_id", "timespan", "collection", "query", "measurement", "pending"
]
"""The kinds of targets."""

_MAX_KEY = 2000  # PostgreSQL cannot index a text much longer
_MAX_WHERE = 100_000
# A value that JSON writes as it is; anything else goes the long way.
_PLAIN = re.compile(r"[A-Za-z0-9_.+/-]{1,100}")


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """One thing that an annotation is about; made by the constructors below.

    Parameters
    ----------
    kind
        What sort of thing it is.
    key
        Its canonical name: equal keys, same thing.
    values
        What else is known of it, as plain JSON values; the properties below read them.
    """

    kind: TargetKind
    key: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def __eq__(self, other: object) -> bool:
        return self.key == other.key if isinstance(other, Target) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.key)

    def __post_init__(self) -> None:
        if len(self.key) > _MAX_KEY:
            raise AnnotationError(
                f"The key of a {self.kind} has {len(self.key)} characters; at most {_MAX_KEY} are kept."
            )

    @property
    def repository(self) -> str | None:
        """The label of a Butler repository, if it matters or is known."""
        return self.values.get("repository")

    @property
    def dataset_id(self) -> uuid.UUID | None:
        """The UUID of a dataset, or of the dataset that holds a measurement."""
        value = self.values.get("dataset_id")
        return None if value is None else uuid.UUID(value)

    @property
    def name(self) -> str | None:
        """The name of a collection, or of the metric of a measurement."""
        return self.values.get("name")

    @property
    def element(self) -> str | None:
        """The dimension of which a record is meant."""
        return self.values.get("element")

    @property
    def dataset_type(self) -> str | None:
        """The dataset type of a data ID or of a query."""
        return self.values.get("dataset_type")

    @property
    def data_id(self) -> Mapping[str, int | str] | None:
        """Identifying dimensions and their values; of timespans and pending observations the instrument."""
        return self.values.get("data_id")

    @property
    def begin(self) -> int | None:
        """The begin of a timespan, TAI microseconds since 1970-01-01 TAI."""
        return self.values.get("begin")

    @property
    def end(self) -> int | None:
        """The end of a timespan, no part of it."""
        return self.values.get("end")

    @property
    def instrument(self) -> str | None:
        """The instrument, where there is one."""
        value = (self.values.get("data_id") or {}).get("instrument")
        return None if value is None else str(value)

    @property
    def obs_id(self) -> str | None:
        """The observation id of a pending observation."""
        return self.values.get("obs_id")

    @property
    def standing(self) -> bool:
        """Whether a query is evaluated anew whenever it matters, and not once for all."""
        return bool(self.values.get("standing", False))

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
        identifier = str(checks.identifier(dataset_id, "a dataset"))
        values = {"dataset_id": identifier}  # a hundred thousand of them are made at once
        if repository is not None:
            values = _values(repository=repository, **values)
        return cls("dataset", f"dataset:{identifier}", values)

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
        if (quick := _quickly(element, data_id)) is not None:
            text, identifying = quick
            return cls("dimension", f"dimension:{text}", {"element": element, "data_id": identifying})
        dataids.check_dimensions([element, *data_id])
        identifying = _identifying(data_id)
        specific = _specific(identifying)
        if element not in specific:
            raise AnnotationError(
                f"{dataids.format(data_id)} stands for {' and '.join(sorted(specific))}, not for {element}."
            )
        key = f"dimension:{_json(identifying)}"
        return cls("dimension", key, {"element": element, "data_id": identifying})

    @classmethod
    def of_data_id(cls, data_id: dataids.DataId, *, dataset_type: str | None = None) -> Self:
        """Mean a data ID: the record that it names, or the datasets of one type that have it.

        Parameters
        ----------
        data_id
            Dimensions and values, complete.
        dataset_type
            Only datasets of this type, present and future; None means the record itself.

        Returns
        -------
        Target
            Without a dataset type, the same as `dimension` of the most specific one.

        Raises
        ------
        AnnotationError
            If a text cannot be kept.
        DataIdError
            If the data ID is not complete, or has an unknown dimension.
        """
        if dataset_type is None:
            dataids.check_dimensions(data_id)
            return cls.dimension(dataids.most_specific(data_id), data_id)
        name = checks.label(dataset_type, "dataset type")
        if (quick := _quickly(None, data_id)) is not None:
            text, identifying = quick
        else:
            dataids.check_dimensions(data_id)
            identifying = _identifying(data_id)
            text = _json(identifying)
        key = f"data_id:[{_json(name)},{text}]"
        return cls("data_id", key, {"dataset_type": name, "data_id": identifying})

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
        name = checks.label(name, "name of a collection")
        values = _values(repository=repository, name=name)
        return cls("collection", f"collection:{_json([values.get('repository'), name])}", values)

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
        return cls(
            "timespan",
            f"timespan:{_json([instrument, begin, end])}",
            {"data_id": {"instrument": instrument}, "begin": begin, "end": end},
        )

    @classmethod
    def measurement(cls, dataset_id: uuid.UUID | str, metric: str, repository: str | None = None) -> Self:
        """Mean one stored measurement: one metric's value in one dataset.

        Parameters
        ----------
        dataset_id
            The UUID of the dataset that holds it.
        metric
            The full name of the metric.
        repository
            The label of the repository; not part of the key.

        Returns
        -------
        Target
            The measurement.

        Raises
        ------
        AnnotationError
            If ``dataset_id`` is not a UUID, or a name cannot be kept.
        """
        identifier = str(checks.identifier(dataset_id, "a dataset"))
        name = checks.label(metric, "name of a metric")
        return cls(
            "measurement",
            f"measurement:{_json([identifier, name])}",
            _values(repository=repository, dataset_id=identifier, name=name),
        )

    @classmethod
    def pending(cls, obs_id: str, instrument: str) -> Self:
        """Mean an observation that no registry knows yet, such as the one that is being taken now.

        Parameters
        ----------
        obs_id
            Its observation id, such as ``AT_O_20220208_000143``.
        instrument
            The instrument.

        Returns
        -------
        Target
            The observation; `gnomon.annotations.Annotations.resolve` tells later which record it became.

        Raises
        ------
        AnnotationError
            If a name cannot be kept.
        """
        obs_id, instrument = checks.label(obs_id, "observation id"), checks.label(instrument, "instrument")
        return cls(
            "pending",
            f"pending:{_json([instrument, obs_id])}",
            {"obs_id": obs_id, "data_id": {"instrument": instrument}},
        )

    @classmethod
    def query(
        cls,
        where: str,
        *,
        of: str,
        collections: Iterable[str] = (),
        repository: str | None = None,
        results: Iterable["Target"] | None = None,
    ) -> Self:
        """Mean the result of a query of a repository.

        Parameters
        ----------
        where
            The condition, in the Butler's language.
        of
            The dimension or dataset type that is asked for.
        collections
            Where datasets are looked for.
        repository
            The label of the repository; part of the key.
        results
            What the query gave. With them it is *frozen*: it means these things and no others, and they are
            to stand beside it among the targets of the annotation. Without, it is *standing*: whatever
            fulfils the condition when it is asked, which needs a Butler and is no business of this room.

        Returns
        -------
        Target
            The query.

        Raises
        ------
        AnnotationError
            If a text cannot be kept, or there are no results.
        """
        where = checks.text(where, "condition of a query")
        if len(where) > _MAX_WHERE:
            raise AnnotationError(f"The condition of a query has at most {_MAX_WHERE} characters.")
        values = _values(repository=repository) | {
            "where": where,
            "dataset_type": checks.label(of, "what a query asks for"),
            "collections": [checks.label(c, "name of a collection") for c in collections],
            "standing": results is None,
        }
        if results is not None:
            keys = sorted(result.key for result in results)
            if not keys:
                raise AnnotationError("A query that is to be frozen gave nothing: there is nothing to mean.")
            values["results"] = len(keys)
            values["results_digest"] = hashlib.sha256("\n".join(keys).encode()).hexdigest()
        return cls("query", f"query:{hashlib.sha256(_json(values).encode()).hexdigest()}", values)

    def to_dict(self) -> dict[str, Any]:
        """Write the target as plain JSON values.

        Returns
        -------
        dict
            ``kind`` and whatever else is set, without the key, which follows from the rest.
        """
        return {"kind": self.kind, **self.values}

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
        if not isinstance(values, Mapping):
            raise AnnotationError(f"{values!r} is not a target.")
        kind = values.get("kind")
        try:
            match kind:
                case "dimension":
                    return cls.dimension(values["element"], values["data_id"])
                case "dataset":
                    return cls.dataset(values["dataset_id"], values.get("repository"))
                case "data_id":
                    return cls.of_data_id(values["data_id"], dataset_type=values["dataset_type"])
                case "collection":
                    return cls.collection(values["name"], values.get("repository"))
                case "timespan":
                    return cls.timespan(values["begin"], values["end"], values["data_id"]["instrument"])
                case "measurement":
                    return cls.measurement(values["dataset_id"], values["name"], values.get("repository"))
                case "pending":
                    return cls.pending(values["obs_id"], values["data_id"]["instrument"])
                case "query":
                    return cls._query_from(values)
        except KeyError as error:
            raise AnnotationError(f"A target of kind {kind} lacks its {error.args[0]}.") from None
        except (TypeError, AttributeError):
            raise AnnotationError(f"{dict(values)!r} is not a target of kind {kind}.") from None
        raise AnnotationError(
            f"{kind!r} is not a kind of target that can be made.{nearest(str(kind), get_args(TargetKind))}"
        )

    @classmethod
    def _query_from(cls, values: Mapping[str, Any]) -> Self:
        standing = cls.query(
            values["where"],
            of=values["dataset_type"],
            collections=values["collections"],
            repository=values.get("repository"),
        )
        if values["standing"]:
            return standing
        if type(values["results"]) is not int:
            raise AnnotationError(f"The number of results of a query is no integer: {values['results']!r}.")
        whole = {
            **standing.values,
            "standing": False,
            "results": values["results"],
            "results_digest": checks.label(values["results_digest"], "digest of the results"),
        }
        return cls("query", f"query:{hashlib.sha256(_json(whole).encode()).hexdigest()}", whole)

    def __str__(self) -> str:
        data_id = self.data_id
        match self.kind:
            case "dimension":
                return dataids.format(data_id or {})
            case "data_id":
                return f"{self.dataset_type} of {dataids.format(data_id or {})}"
            case "pending":
                return f"{self.instrument} {self.obs_id} (pending)"
            case "query":
                standing = "standing" if self.standing else f"{self.values['results']} results"
                return f"{self.dataset_type} where {self.values['where']} ({standing})"
        return self.key


def _identifying(data_id: dataids.DataId) -> dict[str, int | str]:
    identifying: dict[str, int | str] = json.loads(dataids.key(data_id))
    for name, value in identifying.items():
        if isinstance(value, str):
            checks.label(value, name)
    return identifying


def _specific(identifying: Iterable[str]) -> frozenset[str]:
    names = frozenset(identifying)
    return names - frozenset[str]().union(*(dataids.REQUIRED.get(name, frozenset()) for name in names))


def _quickly(element: str | None, data_id: dataids.DataId) -> tuple[str, dict[str, int | str]] | None:
    """Write a data ID of a known shape with plain values as JSON; None if it has to go the long way."""
    # Thousands of targets of one shape are asked about at once, so a shape is checked only once.
    shape = _shape(element, tuple(data_id))
    if shape is None:
        return None
    identifying: dict[str, int | str] = {}
    parts = []
    for name, integer, quoted in shape:
        value = data_id[name]
        if integer and type(value) is int:
            parts.append(f"{quoted}:{value}")
        elif not integer and type(value) is str and _PLAIN.fullmatch(value):
            parts.append(f'{quoted}:"{value}"')
        else:
            return None
        identifying[name] = value
    return f"{{{','.join(parts)}}}", identifying


@lru_cache(maxsize=1024)
def _shape(element: str | None, names: tuple[str, ...]) -> tuple[tuple[str, bool, str], ...] | None:
    """Check the dimensions of a data ID; None if its values have to be seen too, or something is wrong."""
    present = frozenset(names)
    if dataids.required(present) != present or any(
        n.rstrip("0123456789") not in dataids.REQUIRED for n in names
    ):
        return None
    if element is not None and element not in _specific(present):
        return None
    if not present or any(dataids.REQUIRED.get(n, present) - present for n in names):
        return None
    return tuple((name, dataids.takes_integer(name), f'"{name}"') for name in sorted(names))


def _values(*, repository: str | None = None, **values: str) -> dict[str, Any]:
    if repository is None:
        return dict(values)
    return {"repository": checks.label(repository, "label of a repository"), **values}


def _json(values: Any) -> str:
    return json.dumps(values, separators=(",", ":"), ensure_ascii=False)
