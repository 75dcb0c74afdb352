"""A mend for a defect of some versions of Python that breaks reading parts of large quantum graphs.

A quantum graph is a zip file of which quanta are read one by one. In CPython 3.12.1 and 3.13.0, a relative
seek in one member of a zip file starts from where another member was read last (gh-127847), so that reading
single quanta of a graph of thousands ends in `EOFError`. Later versions are right. What is looked for here is
the defect, not the version.
"""

import io
import os
import zipfile
from typing import Any

__all__ = ["mend_zip_seeking", "seeks_rightly"]

_SIZE = 20_000  # half of it is more than is read ahead


def seeks_rightly() -> bool:
    """Try whether seeking in one member of a zip file pays no heed to the reading of another.

    Returns
    -------
    bool
        Whether it does as it should.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for letter in "ab":
            archive.writestr(letter, letter * _SIZE)
    with zipfile.ZipFile(content) as archive, archive.open("a") as first, archive.open("b") as second:
        first.read(1)
        second.read(1)
        first.seek(_SIZE // 2)
        return first.read(1) == b"a"


def mend_zip_seeking() -> None:
    """Mend relative seeks in zip files in this process, if they need it."""
    if not seeks_rightly():
        # The class is private; only versions that have the defect, and have it so, come here.
        zipfile._SharedFile.seek = _seek  # type: ignore[attr-defined]


def _seek(self: Any, offset: int, whence: int = os.SEEK_SET) -> int:
    with self._lock:
        if self._writing():
            raise ValueError("A zip file cannot be read at another place while it is being written.")
        if whence == os.SEEK_CUR:
            self._file.seek(self._pos + offset)
        else:
            self._file.seek(offset, whence)
        self._pos = self._file.tell()
        return int(self._pos)
