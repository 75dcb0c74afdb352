"""Telling the Butler of gnomon's storage classes and formatters, without editing anybody's installation.

The Butler reads configuration folders named in ``DAF_BUTLER_CONFIG_PATH`` before its own defaults; that is
the one public way that reaches every command (``butler``, ``pipetask``, batch jobs) and needs no change to
a repository. gnomon ships two such folders: its formatters, always used, and the Python types to which it
redirects stock storage classes, used only where the original type cannot be imported.
"""

import os
from collections.abc import Mapping, MutableMapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lsst.daf.butler import Butler, StorageClassConfig, StorageClassFactory

from gnomon.errors import RepositoryError

__all__ = [
    "BUNDLE",
    "ESTABLISHED_BUNDLE",
    "SEARCH_PATH_VARIABLE",
    "SINGLE",
    "config_path",
    "enable",
    "environment",
    "open_butler",
    "original_importable",
    "require_enabled",
]

SEARCH_PATH_VARIABLE = "DAF_BUTLER_CONFIG_PATH"
_CONFIGS = Path(__file__).parent / "configs"
SINGLE = "MetricValue"
"""The storage class of one measurement."""
BUNDLE = "GnomonMetricBundle"
"""The storage class of several measurements in one dataset."""
ESTABLISHED_BUNDLE = "MetricMeasurementBundle"
"""The storage class of several measurements as established pipelines write them; it is read only."""
_ORIGINALS = {SINGLE: "lsst.verify"}


def config_path() -> str:
    """Give the search path with which Butler commands know gnomon's datasets.

    Returns
    -------
    str
        Folders separated as in ``PATH``; the value for ``DAF_BUTLER_CONFIG_PATH``.
    """
    folders = [_CONFIGS / "formatters"]
    if not all(map(original_importable, _ORIGINALS)):
        folders.append(_CONFIGS / "types")
    return os.pathsep.join(str(folder) for folder in folders)


def environment(base: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give an environment for a Butler command.

    Parameters
    ----------
    base
        The environment to start from; this process's own by default.

    Returns
    -------
    dict
        A copy in which gnomon's folders lead the Butler's search path.
    """
    result = dict(os.environ if base is None else base)
    _prepend(result)
    return result


def enable() -> None:
    """Make this process, and the children that it starts, know gnomon's datasets.

    Safe to call at any time and any number of times. A storage class whose stock Python type cannot be
    imported is replaced even where a Butler was already opened, since nobody in this process can be using it.
    """
    _prepend(os.environ)
    # A Butler that was opened before has read its configuration without ours.
    import_module("gnomon.repository.established")
    factory = StorageClassFactory()
    definitions = _CONFIGS / "types" / "storageClasses.yaml"
    for name in StorageClassConfig(str(definitions), mergeDefaults=False):
        if name in factory and not _usable(factory, name):
            # The factory has no public way to correct one definition; `reset` would drop everybody's.
            factory._unregisterStorageClass(name)
            factory.addFromConfig(StorageClassConfig())
    if BUNDLE not in factory:
        factory.addFromConfig(StorageClassConfig())


def require_enabled() -> None:
    """Refuse to go on where the Butler does not know gnomon's datasets.

    Raises
    ------
    RepositoryError
        If a storage class leads to a type that cannot be imported, with what to do about it.
    """
    factory = StorageClassFactory()
    for name in (*_ORIGINALS, BUNDLE):
        if name not in factory or not _usable(factory, name):
            raise RepositoryError(
                f"The Butler cannot write datasets of storage class {name}, since it was not told how. "
                f'Before the command, say: export {SEARCH_PATH_VARIABLE}="$(gnomon repo config)"'
            )


def open_butler(repository: str | os.PathLike[str], **options: Any) -> Butler:
    """Open a repository with gnomon's datasets known.

    Parameters
    ----------
    repository
        Folder, URI or configuration file of the repository.
    **options
        As `lsst.daf.butler.Butler.from_config` takes them.

    Returns
    -------
    Butler
        The client.

    Raises
    ------
    RepositoryError
        If there is no repository at that place, or the Butler cannot open it.
    """
    enable()
    try:
        return Butler.from_config(os.fspath(repository), **options)
    except FileNotFoundError as error:
        raise RepositoryError(f"There is no Butler repository at {os.fspath(repository)!r}.") from error
    except Exception as error:  # a broken file, database or object store: each has errors of its own
        reason = str(error).partition("\n")[0]
        raise RepositoryError(f"The Butler cannot open {os.fspath(repository)!r}: {reason}") from error


def _prepend(variables: MutableMapping[str, str]) -> None:
    ours = config_path().split(os.pathsep)
    given = [path for path in variables.get(SEARCH_PATH_VARIABLE, "").split(os.pathsep) if path]
    variables[SEARCH_PATH_VARIABLE] = os.pathsep.join([*ours, *(p for p in given if p not in ours)])


def original_importable(storage_class: str) -> bool:
    """Say whether the Python type that the stock configuration gives a storage class can be imported.

    Parameters
    ----------
    storage_class
        One that gnomon redirects, such as ``MetricValue``.

    Returns
    -------
    bool
        Whether the package is installed.
    """
    try:
        return find_spec(_ORIGINALS[storage_class]) is not None
    except ModuleNotFoundError:
        return False


def _usable(factory: StorageClassFactory, name: str) -> bool:
    try:
        return factory.getStorageClass(name).pytype is not None
    except ImportError:
        return False
