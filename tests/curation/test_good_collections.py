"""Collections that follow a flag: exactly what nothing excludes, and a record of every change."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from astropy.table import Table
from click.testing import Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lsst.daf.butler import Butler, CollectionType, Config, DatasetRef  # type: ignore[attr-defined]
from lsst.daf.butler.cli.utils import LogCliRunner
from lsst.pipe.base.quantum_graph import PredictedQuantumGraph

from gnomon.annotations import Actor, Annotations, Assertion, Cut, Target, open_annotations
from gnomon.curation.exclusions import Exclusions, Selection, find_exclusions
from gnomon.curation.good_collections import Source, SyncReport, find_contents, history, sync, write_table
from gnomon.errors import (
    CollectionNotFoundError,
    ConcurrencyError,
    ExclusionsUnavailableError,
    NotOursError,
    RepositoryError,
)
from gnomon.repository.configuration import open_butler

CATALOGS, GOOD = "DemoCamera/catalogs", "good/catalogs"
PIPELINE = Path(__file__).parents[2] / "src" / "gnomon" / "demo" / "pipelines" / "night.yaml"
SOURCE = Source(collections=(CATALOGS,), dataset_types=("star_catalog",))

pytestmark = pytest.mark.xdist_group("good collections")


@pytest.fixture
def butler(repository: Path) -> Iterator[Butler]:
    with open_butler(repository, writeable=True) as client:
        yield client


@pytest.fixture
def say(log: Annotations, alice: Actor, visit: Callable[[int], Target]) -> Callable[..., None]:
    def one(number: int, state: Any = "set", reason: str = "") -> None:
        log.add(targets=[visit(number)], flags=[Assertion("junk", state, reason)], actor=alice)

    return one


def left_out(log: Annotations, butler: Butler, **asked: Any) -> Exclusions:
    return find_exclusions(
        Selection(exclude_flags=("junk",), inherit=None, **asked), annotations=log, butler=butler
    )


def synced(log: Annotations, butler: Butler, source: Source = SOURCE, **options: Any) -> SyncReport:
    exclusions = options.pop("exclusions", None) or left_out(log, butler)
    return sync(butler, collection=GOOD, source=source, exclusions=exclusions, by="campaign", **options)


def places(butler: Butler, collection: str = GOOD) -> set[int]:
    found = butler.query_datasets("star_catalog", collection, explain=False)
    return {int(ref.dataId["visit"]) - 2026030100000 for ref in found}


def test_what_is_flagged_leaves_what_is_cleared_comes_back_and_the_record_says_why(
    log: Annotations, butler: Butler, say: Callable[..., None]
) -> None:
    say(3, reason="trailed")
    first = synced(log, butler)
    assert places(butler) == {1, 2, 4, 5, 6, 7, 8}
    assert (first.made, first.record.entered, first.record.left) == (True, 7, 0)
    say(5, reason="clouds")
    second = synced(log, butler)
    assert (second.record.entered, second.record.left, second.record.kept) == (0, 1, 6)
    say(5, "clear")
    synced(log, butler)
    assert places(butler) == {1, 2, 4, 5, 6, 7, 8}
    [in_, out, back] = history(butler, GOOD, data_id={"instrument": "DemoCamera", "visit": 2026030100005})
    assert [(c.change, c.rule, c.name, c.by, c.reason) for r in (in_, out, back) for c in r.changes] == [
        ("entered", "nothing-excludes", "", "", ""),
        ("left", "exclude-flag", "junk", "alice", "clouds"),
        ("entered", "nothing-excludes", "", "", ""),
    ]
    assert in_.at < out.at < back.at
    assert (out.number, str(out.cut), out.policy, out.by) == (2, "summit:2", "standard@1", "campaign")
    assert out.changes[0].annotation_id is not None
    assert log.get(out.changes[0].annotation_id).assertions[0].reason == "clouds"
    assert history(butler, GOOD, dataset_ids=[out.changes[0].dataset_id]) == [in_, out, back]
    assert history(butler, GOOD, data_id={"visit": 202603010000}) == []
    with pytest.raises(CollectionNotFoundError, match="Did you mean good/catalogs"):
        history(butler, "good/catalog")
    assert history(butler, GOOD, since=back.at)[0].number == 3
    assert history(butler, GOOD, until=out.at)[0].number == 1


def test_a_sync_that_finds_nothing_to_do_leaves_no_trace(
    log: Annotations, butler: Butler, say: Callable[..., None]
) -> None:
    say(3)
    synced(log, butler)
    before = set(butler.collections.query("*"))
    again = synced(log, butler)
    assert not again.changed
    assert again.excluded == {("exclude-flag", "junk"): 1}
    assert set(butler.collections.query("*")) == before
    assert len(history(butler, GOOD)) == 1


def test_a_dry_run_says_the_same_and_changes_nothing(
    log: Annotations, repository: Path, say: Callable[..., None]
) -> None:
    say(3)
    with open_butler(repository) as reader:
        report = synced(log, reader, dry_run=True)
        assert (report.record.entered, report.record.number, report.made) == (7, 0, True)
        assert GOOD not in reader.collections.query("*")


def test_a_collection_that_gnomon_did_not_make_is_left_alone_until_it_is_adopted(
    log: Annotations, butler: Butler, say: Callable[..., None]
) -> None:
    say(3)
    butler.collections.register(GOOD, CollectionType.TAGGED, doc="picked by hand")
    by_hand = butler.query_datasets("star_catalog", CATALOGS)[2]
    butler.registry.associate(GOOD, [by_hand])
    with pytest.raises(NotOursError, match="was not made by gnomon"):
        synced(log, butler)
    assert places(butler) == {3}
    adopted = synced(log, butler, adopt=True)
    assert [c.rule for c in adopted.record.changes if c.change == "left"] == ["exclude-flag"]
    assert places(butler) == {1, 2, 4, 5, 6, 7, 8}
    assert not synced(log, butler).changed


def test_only_a_tagged_collection_that_is_no_part_of_its_own_source_can_follow(
    log: Annotations, butler: Butler, say: Callable[..., None]
) -> None:
    say(3)
    with pytest.raises(NotOursError, match="is a RUN collection"):
        sync(butler, collection=CATALOGS, source=SOURCE, exclusions=left_out(log, butler), by="me")
    with pytest.raises(RepositoryError, match=r"'good/\*' is a pattern"):
        sync(butler, collection="good/*", source=SOURCE, exclusions=left_out(log, butler), by="me")
    synced(log, butler)
    butler.collections.register("defaults", CollectionType.CHAINED)
    butler.collections.redefine_chain("defaults", [GOOD, CATALOGS])
    with pytest.raises(RepositoryError, match="is part of defaults"):
        synced(log, butler, Source(collections=("defaults",), dataset_types=("star_catalog",)))


def test_an_empty_log_or_one_that_lost_events_touches_nothing(
    log: Annotations, butler: Butler, say: Callable[..., None], tmp_path: Path
) -> None:
    with open_annotations(tmp_path / "empty.db", origin="summit") as empty:
        with pytest.raises(ExclusionsUnavailableError, match="has no event at all"):
            synced(empty, butler)
        assert GOOD not in butler.collections.query("*")
        say(3)
        say(4)
        synced(log, butler)
        empty.add(targets=[Target.collection("x")], text="a log from before", actor=Actor("eve", "human"))
        with pytest.raises(ExclusionsUnavailableError, match=r"go to summit:1, and the last sync.*summit:2"):
            synced(empty, butler)
    assert places(butler) == {1, 2, 5, 6, 7, 8}
    pinned = left_out(log, butler, at=Cut.parse("summit:1"))
    assert synced(log, butler, exclusions=pinned).record.entered == 1


def test_a_source_that_has_nothing_does_not_empty_a_collection(
    log: Annotations, butler: Butler, say: Callable[..., None]
) -> None:
    say(3)
    synced(log, butler)
    nothing = Source(
        collections=(CATALOGS,),
        dataset_types=("star_catalog",),
        where="instrument = 'DemoCamera' AND visit < 0",
    )
    with pytest.raises(RepositoryError, match="holds 7 datasets, and nothing would be left"):
        synced(log, butler, nothing)
    with pytest.raises(CollectionNotFoundError, match="Did you mean DemoCamera/catalogs"):
        synced(log, butler, Source(collections=("DemoCamera/catalog",), dataset_types=("star_catalog",)))
    assert len(places(butler)) == 7
    report = synced(log, butler, nothing, allow_empty=True)
    assert {c.rule for c in report.record.changes} == {"not-in-source"}
    assert report.asked_otherwise


@pytest.fixture
def newer(butler: Butler) -> list[DatasetRef]:
    """A second run with the catalogs of the first three visits."""
    old = butler.query_datasets("star_catalog", CATALOGS, order_by="visit")[:3]
    butler.collections.register("newer")
    return [butler.put(butler.get(ref), "star_catalog", ref.dataId, run="newer") for ref in old]


def test_where_two_runs_have_a_data_id_the_excluded_first_one_is_dropped_or_falls_back(
    log: Annotations, butler: Butler, alice: Actor, newer: list[DatasetRef]
) -> None:
    log.add(targets=[Target.dataset(newer[0].id)], flags=[Assertion("junk", "set")], actor=alice)
    both = ("newer", CATALOGS)
    synced(log, butler, Source(collections=both, dataset_types=("star_catalog",)))
    assert places(butler) == {2, 3, 4, 5, 6, 7, 8}
    falling = Source(collections=both, dataset_types=("star_catalog",), on_shadow="fall-back")
    report = synced(log, butler, falling)
    assert [(c.change, c.run) for c in report.record.changes] == [("entered", CATALOGS)]
    runs = {ref.run for ref in butler.query_datasets("star_catalog", GOOD)}
    assert runs == {"newer", CATALOGS}


def test_a_newer_run_takes_the_place_of_an_older_one_in_one_step(
    log: Annotations, butler: Butler, say: Callable[..., None], newer: list[DatasetRef]
) -> None:
    say(8)
    synced(log, butler)
    report = synced(log, butler, Source(collections=("newer", CATALOGS), dataset_types=("star_catalog",)))
    assert (report.record.entered, report.record.left, report.record.kept) == (3, 3, 4)
    assert {c.rule for c in report.record.changes if c.change == "left"} == {"shadowed"}
    assert {ref.id for ref in butler.query_datasets("star_catalog", GOOD)} >= {ref.id for ref in newer}


def at_once(log: Annotations, repository: Path, number: int) -> list[Exception]:
    """Let several sync at the same moment, and say what went wrong."""
    together = threading.Barrier(number)
    failures: list[Exception] = []

    def work() -> None:
        with open_butler(repository, writeable=True) as mine:
            exclusions = left_out(log, mine)
            together.wait()
            try:
                synced(log, mine, exclusions=exclusions)
            except Exception as error:
                failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


def test_of_two_syncs_at_once_each_change_is_made_and_recorded_once(
    log: Annotations, repository: Path, say: Callable[..., None]
) -> None:
    say(3)
    assert at_once(log, repository, 3) == []
    with open_butler(repository) as butler:
        assert places(butler) == {1, 2, 4, 5, 6, 7, 8}
        assert [record.number for record in history(butler, GOOD)] == [1]


@pytest.mark.long
def test_at_a_registry_on_postgresql_each_change_is_made_and_recorded_once_too(
    postgresql: None,
    log: Annotations,
    night_repository: Path,
    say: Callable[..., None],
    serve: Callable[..., str],
    tmp_path: Path,
) -> None:
    server = serve("--careless")
    engine = sqlalchemy.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("CREATE EXTENSION btree_gist"))
    engine.dispose()
    Butler.makeRepo(str(tmp_path / "site"), config=Config({"registry": {"db": server}}))
    with open_butler(night_repository) as old, open_butler(tmp_path / "site", writeable=True) as new:
        refs = old.query_datasets("star_catalog", CATALOGS)
        new.transfer_from(old, refs, "copy", register_dataset_types=True, transfer_dimensions=True)
    for number in (3, 4):
        say(number)
        assert at_once(log, tmp_path / "site", 4) == []
    with open_butler(tmp_path / "site") as butler:
        assert places(butler) == {1, 2, 5, 6, 7, 8}
        assert [(r.number, r.entered, r.left) for r in history(butler, GOOD)] == [(1, 7, 0), (2, 0, 1)]


@pytest.mark.long
def test_a_sync_that_is_killed_has_done_nothing_and_the_next_one_all(
    log: Annotations, repository: Path, say: Callable[..., None], tmp_path: Path
) -> None:
    say(3)
    script = f"""
import os
from gnomon.annotations import open_annotations
from gnomon.curation.exclusions import Selection, find_exclusions
from gnomon.curation.good_collections import Source, sync
from gnomon.repository.configuration import open_butler

with open_butler({str(repository)!r}, writeable=True) as butler:
    log = open_annotations({str(tmp_path / "annotations.db")!r}, origin="summit")
    exclusions = find_exclusions(
        Selection(exclude_flags=("junk",), inherit=None), annotations=log, butler=butler
    )
    # After the record is written and before its transaction ends.
    type(butler.registry).associate = lambda *args: os._exit(9)
    source = Source(collections=({CATALOGS!r},), dataset_types=("star_catalog",))
    sync(butler, collection={GOOD!r}, source=source, exclusions=exclusions, by="killed")
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 9
    with open_butler(repository, writeable=True) as butler:
        assert places(butler) == set()
        assert history(butler, GOOD) == []
        synced(log, butler)
        assert places(butler) == {1, 2, 4, 5, 6, 7, 8}
        assert [(r.number, r.by, len(r.changes)) for r in history(butler, GOOD)] == [(1, "campaign", 7)]


def test_whoever_knew_less_does_not_undo_the_work_of_a_quicker_one(
    log: Annotations, butler: Butler, say: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    say(3)
    late = left_out(log, butler)
    say(4)

    # The slow one has looked at the collection, and before it writes the quick one is done.
    looked = find_contents

    def slowly(client: Butler, source: Source, exclusions: Exclusions) -> Any:
        found = looked(client, source, exclusions)
        if exclusions is late and GOOD not in client.collections.query("*"):
            synced(log, client)
        return found

    monkeypatch.setattr("gnomon.curation.good_collections.syncing.find_contents", slowly)
    with pytest.raises((ConcurrencyError, ExclusionsUnavailableError)):
        synced(log, butler, exclusions=late)
    assert places(butler) == {1, 2, 5, 6, 7, 8}


@pytest.mark.long
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.lists(st.tuples(st.integers(1, 8), st.sampled_from(["set", "clear"])), max_size=3),
        min_size=1,
        max_size=3,
    )
)
def test_the_collection_is_what_a_recount_gives_and_what_its_records_add_up_to(
    log: Annotations, butler: Butler, say: Callable[..., None], steps: list[list[tuple[int, str]]]
) -> None:
    say(1, "examined")
    for step in steps:
        for number, state in step:
            say(number, state)
        synced(log, butler, allow_empty=True)
        bad = {
            int(flag.target.data_id["visit"]) - 2026030100000
            for flag in log.effective(None, flags=["junk"], state="set")
            if flag.target.data_id is not None
        }
        assert places(butler) == set(range(1, 9)) - bad
        standing: set[Any] = set()
        for record in history(butler, GOOD):
            left = {c.dataset_id for c in record.changes if c.change == "left"}
            entered = {c.dataset_id for c in record.changes if c.change == "entered"}
            assert left <= standing
            assert not entered & standing
            standing = (standing - left) | entered
        assert standing == {ref.id for ref in butler.query_datasets("star_catalog", GOOD, explain=False)}


def test_a_table_of_data_ids_says_what_remains(
    log: Annotations, butler: Butler, say: Callable[..., None], tmp_path: Path
) -> None:
    say(3)
    contents = find_contents(butler, SOURCE, left_out(log, butler))
    assert write_table(contents.good.values(), tmp_path / "good.ecsv") == 7
    table = Table.read(tmp_path / "good.ecsv")
    assert set(table.colnames) == {"instrument", "visit", "detector"}
    assert set(table["visit"] - 2026030100000) == {1, 2, 4, 5, 6, 7, 8}
    with pytest.raises(RepositoryError, match="with at least one data ID"):
        write_table([], tmp_path / "none.ecsv")
    with pytest.raises(RepositoryError, match="ECSV"):
        write_table(contents.good.values(), tmp_path / "good.csv")


def graph_of(repository: Path, file: Path, *options: str) -> set[int]:
    """Let ``pipetask qgraph`` build a graph, and say which visits its catalogs are of."""
    from lsst.ctrl.mpexec.cli.pipetask import cli

    given = ["qgraph", "-b", str(repository), "-p", str(PIPELINE), "-o", "out", *options]
    result: Result = LogCliRunner().invoke(cli, [*given, "--save-qgraph", str(file)])
    assert result.exit_code == 0, result.output
    with PredictedQuantumGraph.open(file) as reader:
        reader.read_execution_quanta()
        graph = reader.finish()
    return {
        int(ref.dataId["visit"]) - 2026030100000
        for quantum in graph.build_execution_quanta().values()
        for refs in quantum.inputs.values()
        for ref in refs
        if ref.datasetType.name == "star_catalog"
    }


def test_in_a_chain_of_defaults_the_good_collection_replaces_the_run(
    log: Annotations, butler: Butler, repository: Path, say: Callable[..., None], tmp_path: Path
) -> None:
    say(3)
    synced(log, butler)
    for name, members in {"defaults": [GOOD], "careless": [GOOD, CATALOGS]}.items():
        butler.collections.register(name, CollectionType.CHAINED)
        butler.collections.redefine_chain(name, members)
    good = {1, 2, 4, 5, 6, 7, 8}
    assert graph_of(repository, tmp_path / "good.qg", "-i", "defaults") == good
    # Left in behind the good one, the run gives back what is not in it.
    assert graph_of(repository, tmp_path / "careless.qg", "-i", "careless") == good | {3}
    write_table(find_contents(butler, SOURCE, left_out(log, butler)).good.values(), tmp_path / "good.ecsv")
    table = ("--data-id-table", str(tmp_path / "good.ecsv"))
    assert graph_of(repository, tmp_path / "table.qg", "-i", "careless", *table) == good
