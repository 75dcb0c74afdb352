"""Prerequisite inputs, found as the middleware finds them, less what is left out."""

from collections.abc import Callable, Mapping, Sequence

from lsst.daf.butler import (
    Butler,
    CalibrationLookupError,
    DataCoordinate,
    DatasetRef,
    Timespan,
)
from lsst.pipe.base.pipeline_graph import PipelineGraph, ReadEdge, TaskNode
from lsst.pipe.base.prerequisite_helpers import PrerequisiteFinder, PrerequisiteInfo
from lsst.sphgeom import RangeSet

from gnomon.curation.exclusions import Exclusion, Exclusions
from gnomon.curation.graphs.falling_back import OnShadow, searched

__all__ = ["ExcludingFinder", "find_instead", "minimum_of"]

type Told = Callable[[DataCoordinate, DatasetRef, Exclusion, DatasetRef | None], None]
"""Told of each quantum's data ID and dataset that is left out, why, and what takes its place."""


type Doomed = Callable[[DataCoordinate, DatasetRef, Exclusion], None]
"""Told of each quantum's data ID that cannot be run, and of one dataset that it lacks, and why."""


class ExcludingFinder(PrerequisiteFinder):
    """Finds the prerequisite inputs of one connection, less what is left out.

    Parameters
    ----------
    finder
        The middleware's, which does the search.
    info
        The task's.
    pipeline_graph
        The pipeline.
    exclusions
        What is left out.
    on_shadow
        Whether a dataset of the same data ID in a later collection takes the place of one that is left out.
    told
        Told what was left out.
    doomed
        Told of each quantum that is left with fewer datasets than its task needs. It is given all of them
        all the same, since the search comes too late to take the quantum out: the graph is to be built once
        more without it.
    """

    def __init__(
        self,
        finder: PrerequisiteFinder,
        info: PrerequisiteInfo,
        pipeline_graph: PipelineGraph,
        *,
        exclusions: Exclusions,
        on_shadow: OnShadow,
        told: Told,
        doomed: Doomed | None = None,
    ) -> None:
        super().__init__(finder.edge, info.bounds, pipeline_graph)
        self._finder = finder
        self._exclusions = exclusions
        self._on_shadow = on_shadow
        self._told = told
        self._doomed = doomed
        self._minimum = minimum_of(self.task_node, finder.edge)

    def find(
        self,
        butler: Butler,
        input_collections: Sequence[str],
        data_id: DataCoordinate,
        skypix_bounds: Mapping[str, RangeSet],
        timespan: Timespan | None,
    ) -> list[DatasetRef]:
        """Find the datasets for one quantum.

        Parameters
        ----------
        butler, input_collections, data_id, skypix_bounds, timespan
            As of the middleware's finder.

        Returns
        -------
        list of DatasetRef
            Those that are not left out.
        """
        refs = list(self._finder.find(butler, input_collections, data_id, skypix_bounds, timespan))
        found = self._exclusions.of_datasets(refs)
        gone = {ref.dataId: (ref, why) for ref, why in zip(refs, found, strict=True) if why is not None}
        if not gone:
            return refs
        kept = [ref for ref, why in zip(refs, found, strict=True) if why is None]
        instead: dict[DataCoordinate, DatasetRef] = {}
        if self._on_shadow == "fall-back":
            for collection in searched(butler, input_collections):
                if len(instead) == len(gone):
                    break
                others = self._finder.find(butler, [collection], data_id, skypix_bounds, timespan)
                for ref, why in zip(others, self._exclusions.of_datasets(others), strict=True):
                    if why is None and ref.dataId in gone:
                        instead.setdefault(ref.dataId, ref)
        kept += instead.values()
        if self._doomed is not None and len(kept) < self._minimum <= len(refs):
            self._doomed(data_id, *next(iter(gone.values())))
            return refs
        for where, (ref, why) in gone.items():
            self._told(data_id, ref, why, instead.get(where))
        return kept


def minimum_of(task: TaskNode, edge: ReadEdge) -> int:
    """Say how many datasets of one connection a task needs.

    Parameters
    ----------
    task
        The task.
    edge
        The connection.

    Returns
    -------
    int
        With fewer, a quantum has nothing to do, or cannot be run.
    """
    minimum: int = getattr(task.get_connections(), edge.connection_name).minimum
    return minimum


def find_instead(
    label: str,
    dataset_type: str,
    data_id: DataCoordinate,
    *,
    pipeline_graph: PipelineGraph,
    butler: Butler,
    collections: Sequence[str],
    exclusions: Exclusions,
    lost: Sequence[tuple[DatasetRef, Exclusion]],
    told: Told,
) -> list[DatasetRef]:
    """Search anew for a quantum whose prerequisites were found together with all others.

    Parameters
    ----------
    label, data_id
        The task and the quantum's data ID.
    dataset_type
        The dataset type of which a dataset is left out.
    pipeline_graph
        The pipeline.
    butler, collections
        Where to look.
    exclusions
        What is left out.
    lost
        What the quantum would have read and is left out, and why.
    told
        Told what takes the place of what is left out.

    Returns
    -------
    list of DatasetRef
        Prerequisites of this type for the quantum, those among them that take a place.
    """
    info = PrerequisiteInfo(pipeline_graph.tasks[label], pipeline_graph)
    info.update_bounds()
    pixels = info.bounds.make_skypix_bounds_builder(data_id).finish()
    timespan = info.bounds.make_timespan_builder(data_id).finish()
    refs: dict[DatasetRef, None] = {}
    for finder in info.finders.values():
        if finder.dataset_type_node.name == dataset_type:
            watched = ExcludingFinder(
                finder, info, pipeline_graph, exclusions=exclusions, on_shadow="fall-back", told=told
            )
            try:
                found = watched.find(butler, collections, data_id, pixels, timespan)
            except NotImplementedError:
                # The middleware finds some calibrations only together with all others; each has a data ID.
                found = []
                for ref, why in lost:
                    instead = _of_same_data_id(butler, collections, ref, timespan, exclusions)
                    told(data_id, ref, why, instead)
                    found += [] if instead is None else [instead]
            refs.update(dict.fromkeys(found))
    return list(refs)


def _of_same_data_id(
    butler: Butler,
    collections: Sequence[str],
    ref: DatasetRef,
    timespan: Timespan | None,
    exclusions: Exclusions,
) -> DatasetRef | None:
    for collection in searched(butler, collections):
        try:
            one = butler.find_dataset(
                ref.datasetType, ref.dataId, collections=[collection], timespan=timespan
            )
        except CalibrationLookupError:
            continue  # several hold at that time, and none of them is the one
        if one is not None and exclusions.of_datasets([one]) == [None]:
            return one.expanded(ref.dataId) if ref.dataId.hasRecords() else one
    return None
