"""Answers arranged by place: one look for a dataset, a run, a record or a data ID that contains it."""

from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any
from uuid import UUID

from gnomon.annotations import Target

__all__ = ["Matcher", "Places", "Shape", "within"]

type _Values = tuple[Any, ...]

type Shape = tuple[str, tuple[str, ...]]
"""What sort of data ID carries something: its dataset type (empty for any), and its dimensions, sorted."""


def within(specific: Shape, shape: Shape) -> bool:
    """Say whether things of one shape are parts of things of another.

    Parameters
    ----------
    specific
        The shape of what may be a part, such as a detector of a visit.
    shape
        The shape of what may contain it, such as a visit.

    Returns
    -------
    bool
        False for the same shape.
    """
    return specific != shape and shape[0] in ("", specific[0]) and set(specific[1]) >= set(shape[1])


class Matcher[V]:
    """Looks up data IDs of one shape.

    Parameters
    ----------
    tables
        For each shape of which something is known: the places of its dimensions in a data ID's tuple, and
        what is known by value.

    Attributes
    ----------
    reach
        How many leading values of a data ID it looks at; 0 if it can find nothing.
    """

    def __init__(self, tables: Sequence[tuple[Shape, tuple[int, ...], dict[Any, V]]]) -> None:
        self.reach = max((1 + max(positions, default=-1) for _, positions, _ in tables), default=0)
        self._tables: list[tuple[Callable[[_Values], Any], dict[Any, V], Shape]] = [
            (itemgetter(*positions) if positions else _nothing, table, shape)
            for shape, positions, table in tables
        ]
        self._some = bool(tables)

    def __bool__(self) -> bool:
        return self._some

    def find(self, values: _Values) -> V | None:
        """Look up one data ID.

        Parameters
        ----------
        values
            Its values, in the order for which the matcher was made; those beyond `reach` may be missing.

        Returns
        -------
        object or None
            What was put at a place that the data ID contains.
        """
        for values_of, table, _ in self._tables:
            if (found := table.get(values_of(values))) is not None:
                return found
        return None

    def every(self, values: _Values) -> Iterator[tuple[Shape, V]]:
        """Look up one data ID at all shapes.

        Parameters
        ----------
        values
            As of `find`.

        Yields
        ------
        tuple
            The shape, and what was put at the place of that shape.
        """
        for values_of, table, shape in self._tables:
            if (found := table.get(values_of(values))) is not None:
                yield shape, found


def _nothing(values: _Values) -> _Values:  # noqa: ARG001
    return ()


class Places[V]:
    """What is known of datasets, runs, records, and data IDs of one dataset type.

    What stands at a record covers every data ID that contains it: at a visit each of its detectors. The first
    thing that is put at a place stays.

    Parameters
    ----------
    cleared
        Where nothing is put: what was said of this very place goes before what was said of a timespan, a
        collection or a query that brought it there.
    """

    def __init__(self, *, cleared: "Places[V] | None" = None) -> None:
        self.datasets: dict[UUID, V] = {}
        self.runs: dict[str, V] = {}
        self._tables: dict[Shape, dict[Any, V]] = {}
        self._cleared = cleared

    def __bool__(self) -> bool:
        return bool(self.datasets or self.runs or self._tables)

    def named(self) -> Iterator[str]:
        """Name every place at which something stands, in order.

        Yields
        ------
        str
            Once each.
        """
        yield from sorted(one.hex for one in self.datasets)
        yield from sorted(self.runs)
        for shape, table in sorted(self._tables.items()):
            yield from sorted(f"{shape} {values}" for values in table)

    @property
    def types(self) -> frozenset[str]:
        """The dataset types of which something is known at data IDs."""
        return frozenset(kind for kind, _ in self._tables if kind)

    def put(self, target: Target, value: V) -> bool:
        """Put something at a target.

        Parameters
        ----------
        target
            A dataset, a record, or a data ID of one dataset type.
        value
            What is known.

        Returns
        -------
        bool
            False if it is another kind of target, which has no place here.
        """
        against = self._cleared
        if target.kind == "dataset":
            dataset = UUID(target.values["dataset_id"])
            if against is None or dataset not in against.datasets:
                self.datasets.setdefault(dataset, value)
        elif target.kind in ("dimension", "data_id"):
            data_id = target.values["data_id"]
            names = tuple(sorted(data_id))
            values = tuple(data_id[name] for name in names)
            shape = (target.dataset_type or "", names)
            # A getter of one place gives the value itself and no tuple.
            place = values[0] if len(values) == 1 else values
            if against is None or place not in against._tables.get(shape, ()):
                self._tables.setdefault(shape, {}).setdefault(place, value)
        else:
            return False
        return True

    def put_run(self, name: str, value: V) -> None:
        """Put something at all datasets of a RUN collection.

        Parameters
        ----------
        name
            The collection.
        value
            What is known.
        """
        self.runs.setdefault(name, value)

    def matcher(self, names: Sequence[str], dataset_type: str | None = None) -> Matcher[V]:
        """Make ready for many data IDs of one shape.

        Parameters
        ----------
        names
            The dimensions, in the order in which their values will come.
        dataset_type
            The dataset type whose data IDs they are, if they are those of datasets.

        Returns
        -------
        Matcher
            For tuples of values.
        """
        positions = {name: place for place, name in enumerate(names)}
        if dataset_type is not None:
            dataset_type = dataset_type.partition(".")[
                0
            ]  # what is said of a dataset is said of its components
        return Matcher(
            [
                (shape, tuple(positions[name] for name in shape[1]), table)
                for shape, table in self._tables.items()
                if shape[0] in ("", dataset_type) and positions.keys() >= set(shape[1])
            ]
        )
