"""Which packages the arguments of the linter stand for."""

import os
from collections.abc import Iterable
from pathlib import Path

from gnomon.definitions.packages import find_package
from gnomon.errors import PackageNotFoundError

__all__ = ["find_packages"]


def find_packages(arguments: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Find the packages that directories, names and files stand for.

    Parameters
    ----------
    arguments
        Directories, names (see `gnomon.definitions.find_package`), and files below ``metrics`` or ``specs``
        of a package, each of which stands for the whole, since bases cross files.

    Returns
    -------
    list of pathlib.Path
        Each package once, in the order in which they come up.

    Raises
    ------
    PackageNotFoundError
        If there is none for an argument (also an `OSError`).
    """
    found: dict[Path, Path] = {}
    for argument in arguments:
        path = Path(argument)
        root = _package_of(path) if path.is_file() else find_package(argument)
        found.setdefault(root.resolve(), root)
    return list(found.values())


def _package_of(file: Path) -> Path:
    # Above a bare name there is nothing to see; what is relative stays so for messages.
    folders = list(file.parents)
    if not file.is_absolute():
        here = Path.cwd()
        folders = [*folders[:-1], here, *here.parents]
    of_metrics = folders[0].parent if folders[0].name == "metrics" else None
    of_specs = next((folder.parent for folder in folders if folder.name == "specs"), None)
    if of_metrics is not None and of_specs is not None:
        # Either name may be that of a folder inside or around the package.
        nested = (of_specs / "metrics").is_dir() and not (of_metrics / "specs").is_dir()
        return of_specs if nested else of_metrics
    root = of_metrics or of_specs
    if root is None:
        raise PackageNotFoundError(
            f"{file} belongs to no definition package: it is not below metrics/ or specs/."
        )
    return root
