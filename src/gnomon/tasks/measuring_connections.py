"""The connections of tasks that measure: which granularity, which inputs, and what if some are missing.

An input is *missing* if the quantum graph predicted it and the task that was to make it did not. Of an input
that was not there when the graph was built, in a repository that was processed before, nobody knows that it
ought to be; ``minimumInputs`` says how many a quantum needs at least.
"""

import uuid
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from lsst.daf.butler import DataCoordinate, DatasetRef, DimensionUniverse
from lsst.pex.config import ChoiceField, DictField, ListField
from lsst.pipe.base import NoWorkFound, PipelineTaskConnections
from lsst.pipe.base.connections import QuantaAdjuster
from lsst.pipe.base.connectionTypes import BaseInput, Output

from gnomon.errors import SettingsError, nearest
from gnomon.repository.configuration import require_enabled
from gnomon.tasks.measuring import MetricConfig

__all__ = ["MeasuringConfig", "MeasuringConnections", "was_partial"]

_MEASURE, _REFUSE = "measure", "refuse"

type Inputs = dict[str, tuple[BaseInput, Collection[DatasetRef]]]
type Outputs = dict[str, tuple[Output, Collection[DatasetRef]]]

# Identifiers of the outputs of the quanta that are about to run with inputs missing: a task cannot ask its
# connections, and the executor tells the connections in the same process just before it runs the task.
_partial: set[uuid.UUID] = set()


def was_partial(refs: Iterable[DatasetRef]) -> bool:
    """Say whether a quantum was started with inputs missing; the next time it is forgotten.

    Parameters
    ----------
    refs
        The quantum's measurements.

    Returns
    -------
    bool
        Whether an input was missing that the graph predicted.
    """
    ids = {ref.id for ref in refs}
    found = not _partial.isdisjoint(ids)
    _partial.difference_update(ids)
    return found


class MeasuringConfig(MetricConfig):
    """What every task that measures can be told of its quanta."""

    dimensions = ListField[str](  # type: ignore[no-untyped-call]
        doc="The granularity: the dimensions of a measurement, so of a quantum; an empty list for one "
        "measurement of the whole repository. By default those of the connections class. Where they are "
        "fewer than an input's, that input must take several datasets.",
        default=None,
        optional=True,
    )
    partialInput = ChoiceField[str](  # type: ignore[no-untyped-call]
        doc="What to do where an input is missing that the quantum graph predicted, and others are there.",
        allowed={
            _MEASURE: "Measure what is there, and say so in the note partial_input.",
            _REFUSE: "Measure nothing; that is no failure.",
        },
        default=_MEASURE,
    )
    minimumInputs = DictField[str, int](  # type: ignore[no-untyped-call]
        doc="How many datasets a quantum needs at least, by name of the input connection; with fewer nothing "
        "is measured, and that is no failure.",
        keytype=str,
        itemtype=int,
        default={},
    )


class MeasuringConnections(PipelineTaskConnections, dimensions=()):
    """What the connections of all tasks that measure do with their configuration.

    A subclass whose dimensions or inputs depend on the configuration overrides `configure`.
    """

    config: Any

    def __init__(self, *, config: Any = None) -> None:
        super().__init__(config=config)
        require_enabled()
        self._predicted: set[DataCoordinate] | None = None
        self.configure()
        if config.dimensions is not None:
            self.dimensions = set(config.dimensions)
        if not config.enabled:
            # What nobody measures must not be searched for either, lest its absence empties the graph.
            for name in [*self.inputs, *self.prerequisiteInputs]:
                delattr(self, name)
            return
        if config.dimensions is not None:
            self._refuse_finer_inputs()
        if unknown := config.minimumInputs.keys() - self.inputs - self.prerequisiteInputs:
            given = min(unknown)
            raise SettingsError(
                f"minimumInputs names {given!r}, which is no input.{nearest(given, self.inputs)}"
            )

    def configure(self) -> None:
        """Change dimensions and inputs as the configuration says, before anything is checked.

        The default changes nothing. Dimensions that the configuration gives as such come afterwards.
        """

    def _refuse_finer_inputs(self) -> None:
        universe = DimensionUniverse()
        known = set(universe.dimensions.names)
        if not self.dimensions <= known:
            return  # the repository may know more; if it does not, the graph builder says so
        available = set(universe.conform(self.dimensions).names)
        for name in sorted(self.inputs):
            connection = getattr(self, name)
            finer = set(connection.dimensions) & known - available
            if finer and not connection.multiple:
                raise SettingsError(
                    f"The measurement cannot have the dimensions {sorted(self.dimensions)}: the input {name} "
                    f"({connection.name}) has {sorted(finer)} too, and takes a single dataset."
                )

    def adjust_all_quanta(self, adjuster: QuantaAdjuster) -> None:
        """Take note that a graph is being built.

        Parameters
        ----------
        adjuster
            Not used.
        """
        self._predicted = set()
        super().adjust_all_quanta(adjuster)

    def adjustQuantum(
        self, inputs: Inputs, outputs: Outputs, label: str, data_id: DataCoordinate
    ) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Leave out a quantum that is switched off, has too few inputs, or lacks some where that is refused.

        Parameters
        ----------
        inputs, outputs
            The quantum's datasets by connection.
        label
            The task's label.
        data_id
            The quantum's data ID.

        Returns
        -------
        tuple
            As the base class gives it.

        Raises
        ------
        lsst.pipe.base.NoWorkFound
            If the quantum is to be left out.
        """
        if not self.config.enabled:
            raise NoWorkFound(f"{label} is switched off.")
        for name, least in self.config.minimumInputs.items():
            found = len(inputs[name][1])
            if found < least:
                raise NoWorkFound(f"{label} needs {least} datasets for {name}; there are {found}.")
        if self._lacks_predicted(data_id):
            if self.config.partialInput == _REFUSE:
                raise NoWorkFound(f"{label} measures nothing where inputs are missing.")
            _partial.update(ref.id for _, refs in outputs.values() for ref in refs)
        adjusted: tuple[Mapping[str, Any], Mapping[str, Any]] = super().adjustQuantum(
            inputs, outputs, label, data_id
        )
        return adjusted

    def _lacks_predicted(self, data_id: DataCoordinate) -> bool:
        # The builder of a graph announces itself, and then asks of each quantum once. An executor asks of a
        # quantum only if an input that was predicted is not there.
        if self._predicted is None or data_id in self._predicted:
            return True
        self._predicted.add(data_id)
        return False
