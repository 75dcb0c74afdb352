"""Lineage: which datasets a dataset was made from, and which were made from it."""

import os
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple, Self

import polars as pl
from sqlalchemy import Connection, func, select

from gnomon import settings
from gnomon.databases import Database, open_database
from gnomon.errors import LineageError
from gnomon.repository.lineage import tables
from gnomon.repository.lineage.edges import (
    DATASETS,
    EDGES,
    KINDS,
    DatasetsLike,
    EdgesLike,
    bits_of,
    dataset_frame,
    edge_frame,
    identifier,
)
from gnomon.repository.lineage.looking_up import (
    asked_among,
    described,
    has_source,
    identifiers,
    quanta,
    unions,
)
from gnomon.repository.lineage.recording import merge_datasets, merge_edges, numbers_of
from gnomon.repository.lineage.walking import Direction, only_strongest, reach, reached_edges

__all__ = ["Added", "Lineage", "Ways", "open_lineage"]

_CHUNK = 10_000

type Identifier = uuid.UUID | bytes | str


class Added(NamedTuple):
    """What a recording changed.

    Attributes
    ----------
    edges, datasets
        How many were added, or are known better than before.
    """

    edges: int
    datasets: int


@dataclass(frozen=True)
class Ways:
    """All that a dataset was made from, or that was made from it, with the ways between.

    Attributes
    ----------
    start
        The UUID of the dataset, 16 bytes.
    direction
        ``up`` towards what it was made from, ``down`` to what was made from it.
    nodes
        The columns ``dataset``, ``dataset_type``, ``data_id`` (a JSON object), ``run``, ``kind`` and
        ``depth``: the dataset itself with depth 0, and the others by depth. ``kind`` is the strongest word
        with which every step of some way is known; null of the dataset itself.
    edges
        The columns ``child``, ``parent``, ``kinds`` (a list of names, the strongest first), ``quantum`` and
        ``task``.
    """

    start: bytes
    direction: Direction
    nodes: pl.DataFrame
    edges: pl.DataFrame


class Lineage:
    """A database of edges between datasets.

    What is recorded only ever grows: edges and words about them are added beside others. Recording the same
    again changes nothing, and neither does the order. Several processes record at once.

    Parameters
    ----------
    database
        Where it is kept; see `open_lineage`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def place(self) -> str:
        """Where it is kept, without passwords."""
        return self._database.place

    def close(self) -> None:
        """Close the database; closing twice is no mistake."""
        self._database.close()

    def record(
        self,
        edges: EdgesLike = (),
        *,
        datasets: DatasetsLike = (),
        asked: Iterable[Identifier] = (),
        source: str | None = None,
    ) -> Added:
        """Record what was made from what, all or nothing.

        Parameters
        ----------
        edges
            A table in the schema `gnomon.repository.lineage.EDGES` or edges.
        datasets
            What is known of datasets, those of the edges or others: a table in the schema
            `gnomon.repository.lineage.DATASETS` or datasets. It is kept, so that what is removed from the
            repository can still be named.
        asked
            Datasets whose own files were asked, so that they need not be asked again.
        source
            A name of where all this comes from, such as a graph's, so that it need not be read again.

        Returns
        -------
        Added
            What has changed by it.

        Raises
        ------
        LineageError
            If it is not what it should be, or the database fails; nothing is recorded then.
        """
        ways, known = edge_frame(edges), dataset_frame(datasets)
        whose = pl.Series([identifier(one) for one in asked], dtype=pl.Binary)
        nothing = [pl.lit(None, pl.String).alias(name) for name in DATASETS.names()[1:]]
        ends = pl.concat([ways["child"], ways["parent"]]).unique().alias("dataset").to_frame()
        every = pl.concat(
            [
                known.with_columns(pl.lit(False).alias("asked")),
                ends.with_columns(*nothing, pl.lit(False).alias("asked")),
                whose.alias("dataset").to_frame().with_columns(*nothing, pl.lit(True).alias("asked")),
            ]
        )
        if every.is_empty() and source is None:
            return Added(0, 0)
        with self._database.write() as connection:
            changed = merge_datasets(connection, every)
            added = merge_edges(connection, ways) if len(ways) else 0
            if source is not None and not has_source(connection, source):
                mark = "?" if self._database.dialect == "sqlite" else "%s"
                connection.exec_driver_sql(
                    f"INSERT INTO source (name) VALUES ({mark}) ON CONFLICT DO NOTHING", (source,)
                )
        return Added(added, changed)

    def ancestors(
        self,
        dataset_ids: Iterable[Identifier],
        *,
        kinds: Iterable[str] | None = None,
        strongest: bool = False,
        depth: int | None = None,
    ) -> pl.DataFrame:
        """Say what datasets were made from.

        Parameters
        ----------
        dataset_ids
            UUIDs of datasets. Of those that nobody recorded, nothing is said.
        kinds
            Which edges to follow, by how they are known: ``predicted``, ``read``, ``used``. None means all.
        strongest
            Whether to follow, of the edges to what a dataset was made from, only those of which the strongest
            word is known: where a task said what it used, only that; else what it read; else what was
            predicted.
        depth
            How many steps at most; None means all.

        Returns
        -------
        polars.DataFrame
            The columns ``dataset`` and ``ancestor`` (UUIDs of 16 bytes), ``kind`` and ``depth``: each
            ancestor of each dataset once. ``depth`` is the number of steps on the shortest way, ``kind`` the
            strongest word with which every step of some way is known.

        Raises
        ------
        LineageError
            If a UUID is none, a kind unknown, or the database fails.
        """
        return self._reached(dataset_ids, "up", "ancestor", kinds=kinds, strongest=strongest, depth=depth)

    def descendants(
        self,
        dataset_ids: Iterable[Identifier],
        *,
        kinds: Iterable[str] | None = None,
        strongest: bool = False,
        depth: int | None = None,
    ) -> pl.DataFrame:
        """Say what was made from datasets.

        Parameters
        ----------
        dataset_ids, kinds, strongest, depth
            As of `ancestors`.

        Returns
        -------
        polars.DataFrame
            The columns ``dataset``, ``descendant``, ``kind`` and ``depth``, as of `ancestors`.

        Raises
        ------
        LineageError
            As of `ancestors`.
        """
        return self._reached(dataset_ids, "down", "descendant", kinds=kinds, strongest=strongest, depth=depth)

    def ways(
        self,
        dataset_id: Identifier,
        *,
        down: bool = False,
        kinds: Iterable[str] | None = None,
        strongest: bool = False,
        depth: int | None = None,
    ) -> Ways:
        """Give what a dataset was made from with all that is between, or what was made from it.

        Parameters
        ----------
        dataset_id
            The UUID of a dataset.
        down
            Whether to go to what was made from it.
        kinds, strongest, depth
            As of `ancestors`.

        Returns
        -------
        Ways
            Only the dataset itself if nobody recorded anything of it.

        Raises
        ------
        LineageError
            As of `ancestors`.
        """
        start, direction = identifier(dataset_id), _direction(down)
        mask, depth = bits_of(kinds), _checked_depth(depth)
        with self._database.read() as connection:
            own = numbers_of(connection, tables.dataset, pl.Series([start]))
            numbers = own["no"].to_list()
            edges = _edges(
                connection,
                numbers,
                direction,
                mask=mask,
                strongest=strongest,
                depth=depth,
                quanta=True,
            )
            found = reach(edges, numbers, direction, depth=depth)
            known = described(connection, [*numbers, *found["no"]])
            makers = quanta(connection, edges["quantum"].unique())
        there = pl.concat(
            [
                pl.DataFrame(
                    {"no": numbers, "kinds": [0] * len(numbers), "depth": [0] * len(numbers)},
                    schema={"no": pl.Int64, "kinds": pl.Int64, "depth": pl.Int64},
                ),
                found.select("no", "kinds", "depth"),
            ]
        ).unique("no", keep="first", maintain_order=True)
        nodes = there.join(known, on="no", how="left", maintain_order="left").select(
            *DATASETS.names(), _name_of_kind().alias("kind"), "depth"
        )
        if not numbers:
            nodes = pl.DataFrame([(start, None, None, None, None, 0)], schema=nodes.schema, orient="row")
        ids = known.select("no", "dataset")
        inside = edges.join(there.select(pl.col("no").alias("child")), on="child", how="semi").join(
            there.select(pl.col("no").alias("parent")), on="parent", how="semi"
        )
        ways = (
            inside.join(
                ids.select(pl.col("no").alias("child"), pl.col("dataset").alias("child_id")), on="child"
            )
            .join(ids.select(pl.col("no").alias("parent"), pl.col("dataset").alias("parent_id")), on="parent")
            .join(makers, left_on="quantum", right_on="no", how="left")
            .select(
                pl.col("child_id").alias("child"),
                pl.col("parent_id").alias("parent"),
                _names_of_kinds().alias("kinds"),
                pl.col("id").alias("quantum"),
                "task",
            )
            .sort("child", "parent")
        )
        return Ways(start, direction, nodes, ways)

    def datasets(self, dataset_ids: Iterable[Identifier]) -> pl.DataFrame:
        """Say what is known of datasets.

        Parameters
        ----------
        dataset_ids
            UUIDs.

        Returns
        -------
        polars.DataFrame
            In the schema `gnomon.repository.lineage.DATASETS`, those that were recorded.

        Raises
        ------
        LineageError
            If a UUID is none, or the database fails.
        """
        ids = pl.Series([identifier(one) for one in dataset_ids], dtype=pl.Binary)
        with self._database.read() as connection:
            numbers = numbers_of(connection, tables.dataset, ids.unique())["no"].to_list()
            return described(connection, numbers).select(DATASETS.names()).sort("dataset")

    def known(self) -> pl.DataFrame:
        """Say what is known of every dataset that was recorded.

        Returns
        -------
        polars.DataFrame
            In the schema `gnomon.repository.lineage.DATASETS`, in no order.

        Raises
        ------
        LineageError
            If the database fails.
        """
        query = "SELECT id, dataset_type, data_id, run FROM dataset"
        with self._database.read() as connection:
            return pl.DataFrame(connection.exec_driver_sql(query).all(), schema=DATASETS, orient="row")

    def edges(self, dataset_ids: Iterable[Identifier]) -> pl.DataFrame:
        """Give the edges that lead directly to what datasets were made from.

        Parameters
        ----------
        dataset_ids
            UUIDs of the datasets that were made.

        Returns
        -------
        polars.DataFrame
            In the schema `gnomon.repository.lineage.EDGES`, a row for each kind.

        Raises
        ------
        LineageError
            If a UUID is none, or the database fails.
        """
        ids = pl.Series([identifier(one) for one in dataset_ids], dtype=pl.Binary)
        with self._database.read() as connection:
            numbers = numbers_of(connection, tables.dataset, ids.unique())["no"].to_list()
            found = reached_edges(connection, numbers, "up", mask=bits_of(None), depth=1)
            known = described(connection, pl.concat([found["child"], found["parent"]]).unique().to_list())
            makers = quanta(connection, found["quantum"].unique())
        names = known.select("no", "dataset")
        return (
            found.with_columns(_names_of_kinds().alias("kind"))
            .explode("kind")
            .join(names.rename({"dataset": "child_id"}), left_on="child", right_on="no")
            .join(names.rename({"dataset": "parent_id"}), left_on="parent", right_on="no")
            .join(makers, left_on="quantum", right_on="no", how="left")
            .select(
                pl.col("child_id").alias("child"),
                pl.col("parent_id").alias("parent"),
                "kind",
                pl.col("id").alias("quantum"),
                "task",
            )
            .sort(EDGES.names())
        )

    def not_asked(self, dataset_ids: pl.Series) -> pl.Series:
        """Say which datasets' own files were not asked yet.

        Parameters
        ----------
        dataset_ids
            UUIDs of 16 bytes.

        Returns
        -------
        polars.Series
            Those of them whose files were not.
        """
        frame = dataset_ids.alias("id").to_frame()
        with self._database.read() as connection:
            asked = pl.DataFrame(
                connection.execute(select(tables.dataset.c.id).where(tables.dataset.c.asked)).all()
                if len(frame) > _CHUNK
                else asked_among(connection, dataset_ids),
                schema={"id": pl.Binary},
                orient="row",
            )
        return frame.join(asked, on="id", how="anti")["id"]

    def has_source(self, name: str) -> bool:
        """Say whether a source was recorded under a name.

        Parameters
        ----------
        name
            The name.

        Returns
        -------
        bool
            Whether it was.
        """
        with self._database.read() as connection:
            return has_source(connection, name)

    @property
    def empty(self) -> bool:
        """Whether no edge at all is recorded, as in a database that was only just made."""
        with self._database.read() as connection:
            return connection.execute(select(tables.edge.c.child).limit(1)).first() is None

    def counts(self) -> dict[str, int]:
        """Say how much is recorded.

        Returns
        -------
        dict
            The numbers of ``datasets``, ``edges``, ``quanta`` and ``sources``.
        """
        counted = {
            "datasets": tables.dataset,
            "edges": tables.edge,
            "quanta": tables.quantum,
            "sources": tables.source,
        }
        with self._database.read() as connection:
            return {
                name: int(connection.execute(select(func.count()).select_from(table)).scalar_one())
                for name, table in counted.items()
            }

    def _reached(
        self,
        dataset_ids: Iterable[Identifier],
        direction: Direction,
        column: str,
        *,
        kinds: Iterable[str] | None,
        strongest: bool,
        depth: int | None,
    ) -> pl.DataFrame:
        mask, depth = bits_of(kinds), _checked_depth(depth)
        ids = pl.Series([identifier(one) for one in dataset_ids], dtype=pl.Binary).unique()
        with self._database.read() as connection:
            starts = numbers_of(connection, tables.dataset, ids)
            numbers = starts["no"].to_list()
            edges = _edges(connection, numbers, direction, mask=mask, strongest=strongest, depth=depth)
            found = reach(edges, numbers, direction, depth=depth)
            names = identifiers(connection, found["no"].unique())
        return (
            found.join(
                starts.rename({"id": "dataset"}), left_on="start", right_on="no", maintain_order="left"
            )
            .join(names.rename({"id": column}), on="no", maintain_order="left")
            .select("dataset", column, _name_of_kind().alias("kind"), "depth")
        )


def open_lineage(uri: str | os.PathLike[str] | None = None) -> Lineage:
    """Open the lineage; make the database if there is none.

    Parameters
    ----------
    uri
        A path, ``sqlite:///path`` or ``postgresql+psycopg://host/database``. By default that of the
        settings: ``GNOMON_LINEAGE``, or ``lineage.db`` in the home.

    Returns
    -------
    Lineage
        To be closed, or used as a context.

    Raises
    ------
    LineageError
        If the place cannot be understood or opened, or has the tables of a newer gnomon.
    NotOursError
        If it is a file or database of something else.
    MissingExtraError
        If PostgreSQL is asked for and its driver is not installed.
    """
    return Lineage(open_database(settings.load().lineage if uri is None else uri, tables.KIND))


def _direction(down: bool) -> Direction:
    return "down" if down else "up"


def _checked_depth(depth: int | None) -> int | None:
    if depth is not None and (type(depth) is not int or depth < 1):
        raise LineageError(f"The depth is a number of steps from 1, not {depth!r}.")
    return depth


def _edges(
    connection: Connection,
    numbers: Sequence[int],
    direction: Direction,
    *,
    mask: int,
    strongest: bool,
    depth: int | None,
    quanta: bool = False,
) -> pl.DataFrame:
    edges = reached_edges(connection, numbers, direction, mask=mask, depth=depth, quanta=quanta)
    return only_strongest(edges, unions(connection, edges["child"].unique())) if strongest else edges


def _name_of_kind() -> pl.Expr:
    """Name the strongest of the kinds."""
    name = pl.lit(None, pl.String)
    for kind, bit in KINDS.items():
        name = pl.when(pl.col("kinds") & bit != 0).then(pl.lit(kind)).otherwise(name)
    return name


def _names_of_kinds() -> pl.Expr:
    """Name all of the kinds, the strongest first."""
    return pl.concat_list(
        pl.when(pl.col("kinds") & bit != 0).then(pl.lit(kind)) for kind, bit in reversed(list(KINDS.items()))
    ).list.drop_nulls()
