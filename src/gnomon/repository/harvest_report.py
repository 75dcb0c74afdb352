"""What a harvest found and did."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from gnomon.store import AppendResult

__all__ = ["HarvestReport", "TypeReport", "Unreadable"]

_FIELDS = tuple(item.name for item in fields(AppendResult))
_NAMED = 10_000  # unreadable datasets that are named; of a bucket that is gone there may be millions


@dataclass(frozen=True)
class Unreadable:
    """A dataset that could not be read, and why.

    Attributes
    ----------
    dataset_id
        Its UUID.
    dataset_type
        The name of its type.
    run
        Its run.
    place
        Where its file is or should be.
    reason
        What is wrong with it.
    """

    dataset_id: str
    dataset_type: str
    run: str
    place: str
    reason: str


@dataclass
class TypeReport:
    """What was found of one dataset type.

    Attributes
    ----------
    found
        Datasets that the registry has, or that stand in tables.
    known
        Of those, how many the store had before.
    read
        How many of the others were read.
    unreadable
        How many could not be read.
    measurements
        How many measurements those that were read hold.
    """

    found: int = 0
    known: int = 0
    read: int = 0
    unreadable: int = 0
    measurements: int = 0


@dataclass
class HarvestReport:
    """What a harvest found and did.

    Attributes
    ----------
    runs
        The RUN collections that were searched.
    types
        What was found of each dataset type, by its name; those of which nothing was found are left out.
    appended
        What became of the rows; of a dry run, nothing.
    pruned
        How many datasets the store had that the registry no longer has; 0 unless pruning was asked for.
    gone
        Runs that the store knows and the registry no longer does; none unless pruning was asked for.
    unreadable
        What could not be read, at most 10,000 of those; ``types`` counts all.
    calibrations
        CALIBRATION collections that were met. They take no part; their datasets are found in their runs.
    edges
        How many edges of lineage are new, or known better than before.
    lineage_error
        Why lineage was not recorded, or not to the end.
    """

    runs: list[str] = field(default_factory=list)
    types: dict[str, TypeReport] = field(default_factory=dict)
    appended: AppendResult = field(default_factory=lambda: AppendResult(**dict.fromkeys(_FIELDS, 0)))
    pruned: int = 0
    gone: list[str] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    calibrations: list[str] = field(default_factory=list)
    edges: int = 0
    lineage_error: str | None = None

    @property
    def found(self) -> int:
        """Datasets that hold measurements, or held them before those were put into a table."""
        return sum(one.found for one in self.types.values())

    @property
    def known(self) -> int:
        """Of those, how many the store had before."""
        return sum(one.known for one in self.types.values())

    @property
    def measurements(self) -> int:
        """Measurements that were read and stored."""
        return sum(one.measurements for one in self.types.values())

    @property
    def not_read(self) -> int:
        """How many datasets could not be read, tables among them."""
        return sum(one.unreadable for one in self.types.values())

    def of(self, dataset_type: str) -> TypeReport:
        """Give what was found of a dataset type, to be added to.

        Parameters
        ----------
        dataset_type
            Its name.

        Returns
        -------
        TypeReport
            The report's own.
        """
        return self.types.setdefault(dataset_type, TypeReport())

    def could_not_read(self, dataset: Unreadable) -> None:
        """Add a dataset that could not be read.

        Parameters
        ----------
        dataset
            Which, and why.
        """
        self.of(dataset.dataset_type).unreadable += 1
        if len(self.unreadable) < _NAMED:
            self.unreadable.append(dataset)

    def add(self, result: AppendResult) -> None:
        """Add what became of some rows.

        Parameters
        ----------
        result
            What the store said.
        """
        self.appended = AppendResult(
            **{name: getattr(self.appended, name) + getattr(result, name) for name in _FIELDS}
        )

    def document(self) -> dict[str, Any]:
        """Give it as plain values.

        Returns
        -------
        dict
            What JSON can hold.
        """
        names = ("found", "known", "measurements", "not_read")
        return {**asdict(self), **{name: getattr(self, name) for name in names}}
