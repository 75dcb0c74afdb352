"""What is left out: effective flags, ready to be asked about data IDs and datasets."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from gnomon.annotations import Annotations, EffectiveFlag

__all__ = ["Vetoes", "exclusions"]


def exclusions(annotations: Annotations, *, flags: Iterable[str]) -> list[EffectiveFlag]:
    """Find everything for which one of some flags is set, by the word that counts.

    Parameters
    ----------
    annotations
        The log.
    flags
        The flags that exclude.

    Returns
    -------
    list of EffectiveFlag
        Those that are *set*; a flag that somebody of more weight cleared, or found examined and good, is not.
    """
    return annotations.effective(None, flags=sorted(set(flags)), state="set")


class Vetoes:
    """Effective flags arranged so that each data ID and dataset is answered in a moment.

    Parameters
    ----------
    flags
        Flags on datasets and on data IDs; only those that are *set* veto. A flag on a data ID covers every
        data ID that contains it: one on a visit covers each of its detectors. Flags on other kinds of targets
        are passed over.
    """

    def __init__(self, flags: Iterable[EffectiveFlag]) -> None:
        self._datasets: dict[UUID, EffectiveFlag] = {}
        self._data_ids: dict[tuple[str, ...], dict[tuple[int | str, ...], EffectiveFlag]] = {}
        for flag in flags:
            if flag.state != "set":
                continue
            target = flag.target
            if target.dataset_id is not None:
                self._datasets.setdefault(target.dataset_id, flag)
            elif target.kind == "dimension" and target.data_id is not None:
                names = tuple(sorted(target.data_id))
                values = tuple(target.data_id[name] for name in names)
                self._data_ids.setdefault(names, {}).setdefault(values, flag)

    def __bool__(self) -> bool:
        return bool(self._datasets or self._data_ids)

    def of(self, data_id: Mapping[str, int | str], dataset_id: UUID | None = None) -> EffectiveFlag | None:
        """Say what excludes a dataset or quantum.

        Parameters
        ----------
        data_id
            Its data ID, implied dimensions included.
        dataset_id
            The dataset's UUID, if it is one and exists.

        Returns
        -------
        EffectiveFlag or None
            That of the dataset itself before those of its data ID; `None` if nothing excludes it.
        """
        if dataset_id is not None and (flag := self._datasets.get(dataset_id)) is not None:
            return flag
        for names, flagged in self._data_ids.items():
            try:
                values = tuple(data_id[name] for name in names)
            except KeyError:
                continue
            if (flag := flagged.get(values)) is not None:
                return flag
        return None
