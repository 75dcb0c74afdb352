"""Reading many small files at once."""

import os
import zipfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import batched, chain

from lsst.resources import ResourcePath

from gnomon.repository.file_places import Place
from gnomon.repository.object_reading import ObjectReader

__all__ = ["Outcome", "read_files"]

type Outcome[T] = T | Exception
"""What was made of a file, or why nothing."""

# Local files come at once, and what reads them is bound to one processor; those of an object store take their
# time on the way, and wait together.
_LOCAL_THREADS, _LOCAL_CHUNK = 2, 500
_REMOTE_THREADS, _REMOTE_CHUNK = 64, 4
_AHEAD = 4
_BLOCK = 2**16
_MEMBER = "zip-path="


def read_files[T](
    places: Sequence[Place], make: Callable[[bytes, str], T]
) -> Iterator[tuple[int, Outcome[T]]]:
    """Read files, in parallel, and make something of each.

    Parameters
    ----------
    places
        Where they are: on local disk, in an object store, within archives.
    make
        Takes the content of a file and its name, and is called in several threads.

    Yields
    ------
    tuple
        The position in ``places``, and what was made of that file, or the error that reading or making ended
        with. Every position comes once, in no particular order.
    """
    local: list[int] = []
    remote: list[int] = []
    archives: dict[ResourcePath, list[int]] = {}
    for position, place in enumerate(places):
        if place.path is not None:
            local.append(position)
        elif place.uri is None:
            yield position, FileNotFoundError(place.missing)
        elif place.uri.unquoted_fragment.startswith(_MEMBER):
            archives.setdefault(place.uri.replace(fragment=""), []).append(position)
        else:
            remote.append(position)

    def read_some(read: Callable[[Place], bytes], positions: Sequence[int]) -> list[tuple[int, Outcome[T]]]:
        return [(position, _outcome(read, make, places[position])) for position in positions]

    def read_archive(archive: ResourcePath, positions: Sequence[int]) -> list[tuple[int, Outcome[T]]]:
        try:
            with archive.as_local() as file, zipfile.ZipFile(file.ospath) as members:
                return read_some(lambda place: members.read(_member(place)), positions)
        except Exception as error:  # an archive that is not there or none: each kind of place has its own
            return [(position, error) for position in positions]

    objects = ObjectReader(_REMOTE_THREADS)

    def read_remote(place: Place) -> bytes:
        assert place.uri is not None
        return objects.read(place.uri)

    calls: Iterator[Callable[[], list[tuple[int, Outcome[T]]]]] = chain(
        (partial(read_some, _read_local, chunk) for chunk in batched(local, _LOCAL_CHUNK)),
        (partial(read_archive, archive, positions) for archive, positions in archives.items()),
        (partial(read_some, read_remote, chunk) for chunk in batched(remote, _REMOTE_CHUNK)),
    )
    threads = _REMOTE_THREADS if remote else _LOCAL_THREADS
    with ThreadPoolExecutor(threads, thread_name_prefix="gnomon-read") as executor:
        waiting: deque[Future[list[tuple[int, Outcome[T]]]]] = deque()
        try:
            for call in calls:
                waiting.append(executor.submit(call))
                # What was read shall not pile up where nobody takes it yet.
                if len(waiting) >= threads * _AHEAD:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            executor.shutdown(wait=False, cancel_futures=True)


def _outcome[T](read: Callable[[Place], bytes], make: Callable[[bytes, str], T], place: Place) -> Outcome[T]:
    try:
        return make(read(place), str(place))
    except Exception as error:  # whatever is wrong with one file, the others are read
        return error


def _read_local(place: Place) -> bytes:
    # Opening a file object takes as long again as reading so little.
    descriptor = os.open(place.path or "", os.O_RDONLY)
    try:
        blocks = [os.read(descriptor, _BLOCK)]
        while len(blocks[-1]) == _BLOCK:
            blocks.append(os.read(descriptor, _BLOCK))
    finally:
        os.close(descriptor)
    return b"".join(blocks)


def _member(place: Place) -> str:
    return "" if place.uri is None else place.uri.unquoted_fragment.removeprefix(_MEMBER)
