"""What everything that can be written as JSON has in common."""

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

__all__ = ["JsonSerializationMixin", "write_text"]


class JsonSerializationMixin(ABC):
    """Something with a ``json`` property of plain dictionaries, lists, strings, numbers and `None`."""

    __slots__ = ()

    @property
    @abstractmethod
    def json(self) -> Any:
        """Plain values that the standard library's `json` can write; NaN and the infinities are `None`."""

    @staticmethod
    def jsonify_dict(d: Mapping[str, Any]) -> dict[str, Any]:
        """Give a mapping with the ``json`` of everything in it that has one.

        Parameters
        ----------
        d
            The mapping; lists, tuples, sets and mappings in it are gone through.

        Returns
        -------
        dict
            Plain values, as far as they were plain or have a ``json``.
        """
        return {key: _plain(value) for key, value in d.items()}

    def write_json(self, filepath: str | os.PathLike[str]) -> None:
        """Write ``json`` to a file, keys sorted.

        Parameters
        ----------
        filepath
            The file; it is there whole or not at all.
        """
        write_text(filepath, json.dumps(self.json, sort_keys=True, indent=2, allow_nan=False))


def _plain(value: Any) -> Any:
    if isinstance(value, JsonSerializationMixin):
        return value.json
    if isinstance(value, Mapping):
        return JsonSerializationMixin.jsonify_dict(value)
    return [_plain(item) for item in value] if isinstance(value, list | tuple | set) else value


def write_text(filepath: str | os.PathLike[str], text: str) -> None:
    """Write a file so that it is there whole or not at all.

    Parameters
    ----------
    filepath
        The file; folders above it are made.
    text
        What it shall hold, in UTF-8.
    """
    path = Path(filepath)
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(
        "w", dir=path.parent, prefix=f".{path.name}.", encoding="utf-8", delete=False
    ) as file:
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            # A temporary file is for its owner alone; this one shall be as any other.
            mask = os.umask(0)
            os.umask(mask)
            Path(file.name).chmod(0o666 & ~mask)
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
