"""Walking along edges, beside a graph library's answers."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.repository.lineage import strategies
from tests.repository.lineage.strategies import IDS, QUANTA

from gnomon.errors import LineageError
from gnomon.repository.lineage import KINDS, Edge, Lineage, open_lineage

RAW, FLAT, IMAGE, COADD, CATALOG = IDS[:5]


def expected(edges: Iterable[Edge], *, down: bool) -> set[tuple[bytes, bytes, str, int]]:
    """Say what is reached from where: the steps by the shortest way, the word by the surest."""
    graphs = {}
    for kind, bit in KINDS.items():
        graphs[kind] = networkx.DiGraph()
        for edge in edges:
            if KINDS[edge.kind] >= bit:
                graphs[kind].add_edge(*((edge.parent, edge.child) if down else (edge.child, edge.parent)))
    found = set()
    for start in graphs["predicted"]:
        for end, steps in networkx.single_source_shortest_path_length(graphs["predicted"], start).items():
            sure = [
                kind
                for kind in KINDS
                if start in graphs[kind]
                and end in graphs[kind]
                and networkx.has_path(graphs[kind], start, end)
            ]
            if steps:
                found.add((start.bytes, end.bytes, sure[-1], steps))
    return found


@settings(max_examples=20)
@given(st.lists(strategies.edges, max_size=14))
def test_both_ways_give_what_a_graph_library_gives_circles_too(edges: list[Edge]) -> None:
    with tempfile.TemporaryDirectory() as folder, open_lineage(Path(folder) / "lineage.db") as lineage:
        lineage.record(edges)
        assert set(lineage.ancestors(IDS).rows()) == expected(edges, down=False)
        assert set(lineage.descendants(IDS).rows()) == expected(edges, down=True)


CHAIN = [
    Edge(IMAGE, RAW, "predicted"),
    Edge(IMAGE, RAW, "read", QUANTA[0], "isr"),
    Edge(IMAGE, FLAT, "predicted"),
    Edge(COADD, IMAGE, "predicted"),
    Edge(CATALOG, COADD, "used", QUANTA[1], "detect"),
    Edge(CATALOG, IMAGE, "read", QUANTA[1], "detect"),
]


def test_the_databases_walk_alike(address: str) -> None:
    with open_lineage(address) as lineage:
        lineage.record(CHAIN)
        assert set(lineage.ancestors([CATALOG]).rows()) == {
            (CATALOG.bytes, COADD.bytes, "used", 1),
            (CATALOG.bytes, IMAGE.bytes, "read", 1),
            (CATALOG.bytes, RAW.bytes, "read", 2),
            (CATALOG.bytes, FLAT.bytes, "predicted", 2),
        }
        near = lineage.descendants([RAW, FLAT], depth=1)
        assert set(near.rows()) == {
            (RAW.bytes, IMAGE.bytes, "read", 1),
            (FLAT.bytes, IMAGE.bytes, "predicted", 1),
        }
        ways = lineage.ways(RAW, down=True, depth=2)
        assert set(ways.nodes["dataset"]) == {one.bytes for one in (RAW, IMAGE, COADD, CATALOG)}
        assert set(ways.edges.select("child", "task").rows()) == {
            (IMAGE.bytes, "isr"),
            (IMAGE.bytes, None),
            (COADD.bytes, None),
            (CATALOG.bytes, "detect"),
        }


@pytest.fixture
def chain(lineage: Lineage) -> Lineage:
    lineage.record(CHAIN)
    return lineage


def test_only_some_kinds_are_followed(chain: Lineage) -> None:
    assert chain.ancestors([CATALOG], kinds=["used"])["ancestor"].to_list() == [COADD.bytes]
    assert set(chain.ancestors([CATALOG], kinds=["read"])["ancestor"]) == {IMAGE.bytes, RAW.bytes}


def test_of_each_dataset_the_strongest_word_alone_can_be_followed(chain: Lineage) -> None:
    found = chain.ancestors([CATALOG], strongest=True)
    # Its task said that it used the coadd, and so not the image; of the image, reading is the strongest word.
    assert dict(found.select("ancestor", "depth").rows()) == {COADD.bytes: 1, IMAGE.bytes: 2, RAW.bytes: 3}
    assert CATALOG.bytes not in chain.descendants([IMAGE], strongest=True, depth=1)["descendant"]
    assert set(chain.ways(CATALOG, strongest=True).nodes["dataset"]) == {
        one.bytes for one in (CATALOG, COADD, IMAGE, RAW)
    }


def test_of_what_nobody_recorded_nothing_is_said(chain: Lineage) -> None:
    assert chain.ancestors([IDS[7]]).is_empty()
    assert chain.datasets([IDS[7]]).is_empty()
    ways = chain.ways(IDS[7])
    assert (ways.nodes.height, ways.edges.height) == (1, 0)


@pytest.mark.parametrize("depth", [0, -1, 1.5])
def test_a_depth_that_is_none_is_refused(chain: Lineage, depth: int) -> None:
    with pytest.raises(LineageError, match="number of steps"):
        chain.ancestors([RAW], depth=depth)


def test_a_kind_that_is_none_is_refused(chain: Lineage) -> None:
    with pytest.raises(LineageError, match="Did you mean used"):
        chain.ancestors([RAW], kinds=["use"])
