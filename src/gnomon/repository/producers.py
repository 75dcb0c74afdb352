"""Which task of a run wrote the datasets of a type.

The registry does not say it. What says it is the configuration of each task, which the run keeps: the names
of its connections, which are the dataset types that it reads and writes. It is a Python file; it is read as
text here, and nothing in it is run.
"""

import ast
import re
from collections.abc import Iterable

from lsst.daf.butler import Butler, DatasetType

from gnomon.repository.file_places import file_places
from gnomon.repository.file_reading import read_files
from gnomon.repository.finding import DATASET_ID, RUN, dataset_types_in, find

__all__ = ["Producers", "connected"]

_CONFIG, _METADATA = "_config", "_metadata"
_SETTING = re.compile(r"^config\.connections\.(\w+)\s*=\s*(['\"].*['\"])\s*$", re.M)
_FIELD = re.compile(r"\{(\w+)\}")


def connected(text: str) -> frozenset[str]:
    r"""Give the dataset types that a task's configuration names.

    Parameters
    ----------
    text
        The configuration, as it is written into a run.

    Returns
    -------
    frozenset of str
        Names of its connections, with what the templates among the settings stand for put in.

    Examples
    --------
    >>> sorted(connected("config.connections.metrics='{name}_metrics'\nconfig.connections.name='core'"))
    ['core', 'core_metrics']
    """
    settings: dict[str, str] = {}
    for name, literal in _SETTING.findall(text):
        try:
            value = ast.literal_eval(literal)
        except (ValueError, SyntaxError):
            continue
        if isinstance(value, str):
            settings[name] = value
    # Not `str.format`, which obeys what stands in the braces.
    return frozenset(
        _FIELD.sub(lambda match: settings.get(match[1], match[0]), value) for value in settings.values()
    )


class Producers:
    """The tasks of runs, and the dataset types that each can have written.

    Parameters
    ----------
    butler
        The repository's client.
    runs
        The RUN collections.
    """

    def __init__(self, butler: Butler, runs: Iterable[str]) -> None:
        self._butler = butler
        self._runs = list(runs)
        kinds = {kind.name: kind for kind in butler.registry.queryDatasetTypes() if not kind.isComponent()}
        self._metadata = {
            name.removesuffix(_METADATA): kind
            for name, kind in kinds.items()
            if name.endswith(_METADATA) and kind.storageClass_name == "TaskMetadata"
        }
        self._configs = {
            label: kind
            for label in self._metadata
            if (kind := kinds.get(label + _CONFIG)) is not None and kind.storageClass_name == "Config"
        }
        self._connected: dict[str, dict[str, frozenset[str]]] | None = None
        self._types: dict[str, frozenset[str]] | None = None

    def metadata_of(self, dataset_type: DatasetType) -> dict[str, list[DatasetType]]:
        """Say where it stands when the datasets of a type were computed.

        Parameters
        ----------
        dataset_type
            A type of datasets that some task writes.

        Returns
        -------
        dict
            The types of task metadata by run: those of the tasks whose quanta are of the same dimensions and
            whose configuration names the type. Whoever reads what another task wrote names its type too, but
            ends later. Where no configuration names it, the one task of the run with these dimensions, if
            there is only one.
        """
        group = dataset_type.dimensions
        alike = {
            label for label, kind in self._metadata.items() if kind.dimensions.required == group.required
        }
        result: dict[str, list[DatasetType]] = {}
        for run in self._runs:
            tasks = self._of_runs().get(run, {})
            labels = [
                label for label, names in tasks.items() if label in alike and dataset_type.name in names
            ]
            if not labels:
                present = self._present().get(run, frozenset())
                labels = [label for label in sorted(alike) if self._metadata[label].name in present]
                labels = labels if len(labels) == 1 else []
            if labels:
                result[run] = [self._metadata[label] for label in labels]
        return result

    def _present(self) -> dict[str, frozenset[str]]:
        """Give the dataset types that runs have or had datasets of."""
        if self._types is None:
            self._types = dataset_types_in(self._butler, self._runs)
        return self._types

    def _of_runs(self) -> dict[str, dict[str, frozenset[str]]]:
        if self._connected is None:
            self._connected = {}
            for label, kind in self._configs.items():
                datasets = find(self._butler, kind, self._runs)
                places = file_places(self._butler, datasets[DATASET_ID].to_list())
                runs = datasets[RUN].to_list()
                for position, names in read_files(places, _names):
                    if isinstance(names, frozenset):
                        self._connected.setdefault(runs[position], {})[label] = names
        return self._connected


def _names(content: bytes, file: str) -> frozenset[str]:
    del file
    return connected(content.decode())
