"""What is in which table: metrics, dataset types and runs, without opening the tables.

An entry is a small file that is written before the rows that it tells of, so that the catalog names at
least what there is. Its name is the digest of its content: the same entry twice is one, writers never meet,
and what was read once need not be read again. Maintenance makes one entry of many.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import polars as pl

from gnomon.errors import StoreError
from gnomon.measurements.rows import NO_METRIC
from gnomon.store.layout.place import Place
from gnomon.store.layout.schema import TableName

__all__ = ["Catalog", "Contents", "Known", "names_of", "with_rows"]

_FOLDER = "catalog"


@dataclass
class Contents:
    """What a table has of one dataset type.

    Attributes
    ----------
    metrics
        Names of metrics.
    runs
        Names of RUN collections.
    """

    metrics: set[str] = field(default_factory=set)
    runs: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.metrics or self.runs)


type Known = dict[TableName, dict[str, Contents]]


class Catalog:
    """The catalog of a store.

    Parameters
    ----------
    place
        Where the store is.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._entries: set[str] = set()
        # Entries only ever grow in sum, so that what was read once holds for good.
        self._known: Known = {}

    def load(self) -> Known:
        """Read what is in which table.

        Returns
        -------
        dict
            Contents by table and dataset type; not to be changed.

        Raises
        ------
        StoreError
            If an entry cannot be read.
        """
        missing: list[str] = []
        for _ in range(3):
            missing = [name for name in self._place.files(_FOLDER) if not self._fetch(name)]
            if not missing:
                return self._known
            # Maintenance has put entries together meanwhile.
        raise StoreError(
            f"The catalog of {self._place.uri} cannot be read: {missing[0]} is gone. "
            "`gnomon store check --repair` makes it anew."
        )

    def _fetch(self, name: str) -> bool:
        if name in self._entries:
            return True
        # A file that was changed since this process read it, as nobody should, is read again.
        stamp = self._place.stamp(f"{_FOLDER}/{name}")
        known = _PARSED.get((name, stamp))
        content = b"" if known is not None else self._place.read(f"{_FOLDER}/{name}")
        if content is None:
            return False
        try:
            if known is None:
                known = _parsed(content)
                if len(_PARSED) >= _MOST_PARSED:
                    _PARSED.pop(next(iter(_PARSED)), None)
                _PARSED[name, stamp] = known
            self._remember(name, *known)
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise StoreError(
                f"The entry {_FOLDER}/{name} of the catalog of {self._place.uri} cannot be read: {error}. "
                "`gnomon store check --repair` makes it anew."
            ) from error
        return True

    def add(self, table: TableName, rows: pl.DataFrame) -> None:
        """Tell of rows that are going to be appended to a table.

        Parameters
        ----------
        table
            The table.
        rows
            Its rows: dataset type, metric and run at least.

        Raises
        ------
        OSError
            If the entry cannot be written.
        """
        known = self._known.get(table, {})
        fresh: dict[str, Contents] = {}
        for dataset_type, found in _contents(rows).items():
            there = known.get(dataset_type)
            if there is None:
                fresh[dataset_type] = found
            elif lacking := Contents(found.metrics - there.metrics, found.runs - there.runs):
                fresh[dataset_type] = lacking
        if fresh:
            self._write(table, fresh)

    def _remember(self, name: str, table: TableName, types: Mapping[str, Contents]) -> None:
        self._entries.add(name)
        known = self._known.setdefault(table, {})
        for dataset_type, contents in types.items():
            there = known.setdefault(dataset_type, Contents())
            there.metrics |= contents.metrics
            there.runs |= contents.runs

    def _write(self, table: TableName, types: Mapping[str, Contents]) -> str:
        content = _written(table, types)
        name = _name_of(content)
        self._place.write(f"{_FOLDER}/{name}", content)
        self._remember(name, table, types)
        return name

    def inspect(self) -> tuple[Known, dict[str, str]]:
        """Read what can be read, and say of the rest why not.

        Returns
        -------
        tuple
            Contents by table and dataset type, and what is wrong by the name of the entry.
        """
        fresh = Catalog(self._place)
        damaged = {}
        for name in self._place.files(_FOLDER):
            try:
                content = self._place.read(f"{_FOLDER}/{name}")
                if content is not None and _name_of(content) != name:
                    damaged[name] = "This entry was changed after it was written"
                else:
                    fresh._fetch(name)
            except StoreError as error:
                damaged[name] = error.message.partition(". `gnomon")[0]
        return fresh._known, damaged

    def mend(self, contents: Known, damaged: Iterable[str]) -> None:
        """Tell of all that the tables have, besides what the catalog told of already.

        Parameters
        ----------
        contents
            Contents by table and dataset type.
        damaged
            Names of entries that cannot be read, which go.
        """
        written = {self._write(*item) for item in contents.items()}
        for name in set(damaged) - written:
            self._place.delete(f"{_FOLDER}/{name}")
        self._entries.clear()
        self._known.clear()

    def compact(self) -> None:
        """Make one entry a table of those that there are."""
        known = self.load()
        old = set(self._place.files(_FOLDER)) & self._entries
        kept = {self._write(table, dict(types)) for table, types in list(known.items())}
        for name in old - kept:
            self._place.delete(f"{_FOLDER}/{name}")

    def replace(self, contents: Mapping[TableName, Mapping[str, Contents]]) -> None:
        """Write the catalog anew, as the tables have it.

        Parameters
        ----------
        contents
            Contents by table and dataset type.
        """
        old = self._place.files(_FOLDER)
        kept = {self._write(*item) for item in contents.items()}
        for name in set(old) - kept:
            self._place.delete(f"{_FOLDER}/{name}")
        self._entries.clear()
        self._known.clear()


def _name_of(content: bytes) -> str:
    return f"{hashlib.sha256(content).hexdigest()[:32]}.json"


_PARSED: dict[tuple[str, object], tuple[TableName, Mapping[str, Contents]]] = {}
_MOST_PARSED = 4096


def _parsed(content: bytes) -> tuple[TableName, Mapping[str, Contents]]:
    """Read an entry."""
    entry = json.loads(content)
    names = entry["dataset_types"]
    types = {kind: Contents(set(metrics)) for kind, metrics in zip(names, entry["metrics"], strict=True)}
    for run, places in entry["runs"].items():
        for place in places:
            types[names[place]].runs.add(run)
    return TableName.of_folder(entry["table"]), types


def _written(table: TableName, types: Mapping[str, Contents]) -> bytes:
    """Write an entry; runs name dataset types by their places, since most have most of them."""
    names = sorted(types)
    runs: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        for run in types[name].runs:
            runs.setdefault(run, []).append(place)
    entry = {
        "table": table.folder,
        "dataset_types": names,
        "metrics": [sorted(types[name].metrics) for name in names],
        "runs": dict(sorted(runs.items())),
    }
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode()


def _contents(rows: pl.DataFrame) -> dict[str, Contents]:
    """Give what is in rows by dataset type."""
    found: dict[str, Contents] = {}
    for dataset_type, metric in rows.select("dataset_type", "metric").unique().iter_rows():
        there = found.setdefault(dataset_type, Contents())
        if metric != NO_METRIC:
            there.metrics.add(metric)
    for dataset_type, run in rows.select("dataset_type", "run").unique().iter_rows():
        found[dataset_type].runs.add(run)
    return found


def with_rows(known: Known, divided: Iterable[tuple[TableName, pl.DataFrame]]) -> Known:
    """Add what is in rows that no table has yet.

    Parameters
    ----------
    known
        What `Catalog.load` gave; it stays as it is.
    divided
        Rows by table.
    """
    result = dict(known)
    for table, rows in divided:
        types = {
            kind: Contents(set(held.metrics), set(held.runs)) for kind, held in known.get(table, {}).items()
        }
        for dataset_type, contents in _contents(rows).items():
            there = types.setdefault(dataset_type, Contents())
            there.metrics |= contents.metrics
            there.runs |= contents.runs
        result[table] = types
    return result


def names_of(known: Known, of: str) -> Iterable[str]:
    """Give all metrics or all runs.

    Parameters
    ----------
    known
        What `Catalog.load` gave.
    of
        ``metrics`` or ``runs``.
    """
    every = (contents for types in known.values() for contents in types.values())
    return set[str]().union(*(getattr(contents, of) for contents in every))
