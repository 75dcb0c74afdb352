"""Where a store is: a folder of a local disk, or a prefix in a bucket.

Everything that is no Delta table goes through here: the marker, the catalog, the list of tables. Credentials
and the endpoint of a bucket come from the environment, as its other clients have them.
"""

import os
import re
import time
import uuid
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import url2pathname

from pyarrow import fs

from gnomon.errors import StoreError
from gnomon.settings import redact

__all__ = ["Entry", "Place"]

# What Delta Lake cannot have in a path: some end in a panic of its own, some in another folder's name.
_UNUSABLE = re.compile(r"[\[\]\\^|\x00-\x1f\x7f]|%[0-9A-Fa-f]{2}")
_BUCKETS = ("s3", "s3a")
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "S3_ENDPOINT_URL")
_UNFINISHED = ".unfinished-"


class Entry(NamedTuple):
    """A file, whatever it is.

    Attributes
    ----------
    name
        Relative to the store.
    size
        In bytes.
    age
        Seconds since it was written last.
    """

    name: str
    size: int
    age: float


class Place:
    """A folder that holds a store, wherever that is.

    Parameters
    ----------
    uri
        A local folder, as a path or with ``file://``, or ``s3://bucket/prefix``.

    Raises
    ------
    StoreError
        If a store cannot be there.

    Attributes
    ----------
    uri : str
        As a person would write it, without secrets.
    storage_options : dict or None
        What Delta Lake and Polars need to know to reach it; `None` for a local folder.
    """

    def __init__(self, uri: str) -> None:
        self.storage_options: dict[str, str] | None = None
        scheme = uri.partition("://")[0] if "://" in uri else ""
        if scheme in _BUCKETS:
            self._open_bucket(uri)
        else:
            self._open_folder(uri)

    def _open_folder(self, uri: str) -> None:
        path = url2pathname(uri.removeprefix("file://")) if uri.startswith("file:///") else uri
        if "://" in path:
            raise StoreError(f"A store is a local folder or s3://bucket/prefix; {redact(uri)!r} is neither.")
        if not path:
            raise StoreError("A store is a local folder or s3://bucket/prefix; none was named.")
        folder = Path(path).absolute()
        if found := _UNUSABLE.search(str(folder.resolve())):
            raise StoreError(
                f"A store's path cannot have {found[0]!r} in it, which Delta Lake does not take: {folder} "
                "has it."
            )
        self.uri = str(folder)
        self.folder: Path | None = folder.resolve()
        self._root = str(self.folder)
        self._files: fs.FileSystem = fs.LocalFileSystem()

    def _open_bucket(self, uri: str) -> None:
        parts = urlsplit(uri)
        prefix = parts.path.strip("/")
        if not parts.netloc or "@" in parts.netloc:
            raise StoreError(
                f"A store in a bucket is s3://bucket/prefix; {redact(uri)!r} is not. Credentials come from "
                "the environment."
            )
        if found := _UNUSABLE.search(prefix):
            raise StoreError(
                f"A store's prefix cannot have {found[0]!r} in it, which Delta Lake does not take."
            )
        self._root = f"{parts.netloc}/{prefix}".rstrip("/")
        self.uri = f"s3://{self._root}"
        self.folder = None
        endpoint = next((os.environ[name] for name in _ENDPOINTS if os.environ.get(name)), None)
        options: dict[str, str] = {}
        if endpoint is not None:
            options["aws_endpoint_url"] = endpoint
            if endpoint.startswith("http://"):
                options["aws_allow_http"] = "true"
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        options["aws_region"] = region
        self.storage_options = options
        self._files = fs.S3FileSystem(region=region, endpoint_override=endpoint, request_timeout=60)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Place) and other._root == self._root

    def __hash__(self) -> int:
        return hash(self._root)

    def table(self, name: str) -> str:
        """Give the URI of a Delta table.

        Parameters
        ----------
        name
            Its folder, relative to the store.
        """
        if self.folder is not None:
            return (self.folder / name).as_uri()
        return f"{self.uri}/{name}"

    def file(self, name: str) -> str:
        """Give the name of a file as Polars and Parquet readers take it, relative to the store."""
        return f"{self._root}/{name}" if self.folder is not None else f"{self.uri}/{name}"

    def exists(self, name: str) -> bool:
        """Say whether there is a file or a folder of that name."""
        return bool(self._info(name).type != fs.FileType.NotFound)

    def read(self, name: str) -> bytes | None:
        """Read a file whole.

        Returns
        -------
        bytes or None
            `None` where there is no such file.

        Raises
        ------
        StoreError
            If it cannot be read.
        """
        try:
            with self._files.open_input_stream(self._at(name)) as stream:
                return bytes(stream.read())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise StoreError(f"{self.uri}/{name} cannot be read: {redact(str(error))}") from error

    def write(self, name: str, content: bytes) -> None:
        """Write a file, which is whole or absent whenever the process dies.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        if self.folder is None:
            with self._files.open_output_stream(self._at(name)) as stream:
                stream.write(content)
            return
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # The name is this process's own, since another one may be at the same place.
        unfinished = path.with_name(f"{path.name}{_UNFINISHED}{uuid.uuid4().hex}")
        try:
            unfinished.write_bytes(content)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)

    def output(self, name: str) -> Any:
        """Open a file to write to, which is not whole until it is closed."""
        if self.folder is not None:
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        return self._files.open_output_stream(self._at(name))

    def input(self, name: str) -> Any:
        """Open a file to read from any place in it.

        Raises
        ------
        OSError
            If it cannot be opened.
        """
        return self._files.open_input_file(self._at(name))

    def size(self, name: str) -> int:
        """Give the size of a file in bytes."""
        return int(self._info(name).size)

    def stamp(self, name: str) -> tuple[int, int, int] | None:
        """Tell a file from another one of the same name: number, time, size; `None` if there is none."""
        if self.folder is not None:
            try:
                status = os.stat(f"{self._root}/{name}")  # noqa: PTH116 - several times as quick
            except OSError:
                return None
            return status.st_ino, status.st_mtime_ns, status.st_size
        info = self._info(name)
        return None if info.type != fs.FileType.File else (0, info.mtime_ns or 0, info.size or 0)

    def delete(self, name: str) -> None:
        """Delete a file or a folder with all that is in it; what is not there need not be deleted."""
        info = self._info(name)
        if info.type == fs.FileType.Directory:
            self._files.delete_dir(self._at(name))
        elif info.type == fs.FileType.File:
            self._files.delete_file(self._at(name))

    def files(self, name: str) -> list[str]:
        """Name the files in a folder, sorted; none where there is no folder. Unfinished ones do not count."""
        return self._inside(name, fs.FileType.File)

    def folders(self, name: str) -> list[str]:
        """Name the folders in a folder, sorted; none where there is no folder."""
        return self._inside(name, fs.FileType.Directory)

    def tree(self, name: str, *, recursive: bool = True) -> list[Entry]:
        """Give all files in a folder and in those below it, unfinished ones too.

        Parameters
        ----------
        name
            The folder; an empty one is the store's own.
        recursive
            Whether to look into those below.

        Raises
        ------
        StoreError
            If they cannot be listed.
        """
        selector = fs.FileSelector(self._at(name), allow_not_found=True, recursive=recursive)
        now = time.time()
        try:
            found = self._files.get_file_info(selector)
        except OSError as error:
            raise StoreError(f"{self.uri}/{name} cannot be read: {redact(str(error))}") from error
        start = len(self._root) + 1
        return [
            Entry(info.path[start:], info.size or 0, now - (info.mtime_ns or 0) / 1e9)
            for info in found
            if info.type == fs.FileType.File
        ]

    def _inside(self, name: str, kind: fs.FileType) -> list[str]:
        if self.folder is not None:  # several times as quick as the file system's own listing
            try:
                with os.scandir(self.folder / name) as entries:
                    wanted = kind == fs.FileType.Directory
                    names = [entry.name for entry in entries if entry.is_dir() == wanted]
            except (FileNotFoundError, NotADirectoryError):
                return []
            except OSError as error:
                raise StoreError(f"The folder {self.uri}/{name} cannot be read: {error}") from error
        else:
            selector = fs.FileSelector(self._at(name), allow_not_found=True)
            try:
                found = self._files.get_file_info(selector)
            except OSError as error:
                raise StoreError(f"{self.uri}/{name} cannot be read: {redact(str(error))}") from error
            names = [info.base_name for info in found if info.type == kind]
        return sorted(name for name in names if _UNFINISHED not in name)

    def _info(self, name: str) -> fs.FileInfo:
        try:
            return self._files.get_file_info(self._at(name))
        except OSError as error:
            raise StoreError(f"{self.uri}/{name} cannot be read: {redact(str(error))}") from error

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root
