"""Lineage with what was said of it: what is wrong upstream, and what a bad raw has touched."""

import json
import re
import shutil
import uuid
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from lsst.daf.butler import Butler
from tests.repository.lineage.steps import INPUTS, RAW, Processed

from gnomon.annotations import Actor, Annotations, Assertion, Target
from gnomon.curation.marked_lineage import MarkedLineage, mark_lineage, to_document, to_dot, to_tree
from gnomon.errors import AnnotationError
from gnomon.repository.lineage import Dataset, Edge, Lineage, open_lineage
from gnomon.repository.lineage.gathering import gather, record_graph

pytestmark = pytest.mark.xdist_group("lineage")

NIGHT = 20260301
OF_A_VISIT = ("calibrated", "metricvalue_lineage_stars", "metricbundle_lineage_all")
OF_A_VISIT_TOO = ("calibrate_metadata", "calibrate_log", "measure_metadata", "measure_log")
OF_ALL = ("stacked", "stacked_inputs", "stack_metadata", "stack_log")


@pytest.fixture(scope="module")
def recorded(processed: Processed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lineage]:
    with open_lineage(tmp_path_factory.mktemp("recorded") / "lineage.db") as lineage:
        with processed.butler() as butler:
            gather(butler, lineage, collections=processed.run)
        record_graph(lineage, str(processed.finished))
        yield lineage


@pytest.fixture
def butler(processed: Processed) -> Iterator[Butler]:
    with processed.butler() as opened:
        yield opened


@pytest.fixture
def visits(processed: Processed) -> list[int]:
    return sorted(processed.ids(RAW, collections=INPUTS))


def texts(marked: MarkedLineage, dataset: uuid.UUID) -> set[str]:
    """Give all that was said of a dataset and of what its data ID names."""
    return {annotation.text for mark in marked.nodes[dataset].marks for annotation in mark.annotations}


def visit_of(number: int, **others: int | str) -> Target:
    return Target.dimension("visit", {"instrument": "DemoCamera", "visit": number, **others})


def test_a_bad_raw_colours_everything_made_from_it_and_nothing_else(
    processed: Processed, recorded: Lineage, butler: Butler, log: Annotations, bot: Actor, visits: list[int]
) -> None:
    raws = processed.ids(RAW, collections=INPUTS)
    bad = visits[2]
    log.add(targets=[Target.dataset(raws[bad])], flags=[Assertion("junk", "set", "torn")], actor=bot)
    # By the definition of the pipeline: what has the visit of the raw, and what is made of all visits.
    made = {processed.ids(name)[bad] for name in (*OF_A_VISIT, *OF_A_VISIT_TOO)}
    made |= {processed.ids(name)[NIGHT] for name in OF_ALL}
    down = mark_lineage(recorded.ways(raws[bad], down=True), annotations=log, butler=butler)
    assert down.nodes[raws[bad]].bad
    assert {node.id for node in down.nodes.values() if node.touched} == made == set(down.nodes) - {raws[bad]}
    # From any other end the same things are coloured.
    for name in ("calibrated", "stacked"):
        for number, identifier in processed.ids(name).items():
            up = mark_lineage(recorded.ways(identifier), annotations=log, butler=butler)
            assert up.nodes[identifier].touched == (identifier in made), (name, number)
            assert {node.id for node in up.nodes.values() if node.bad} <= {raws[bad]}


def test_what_was_discarded_is_not_touched_where_only_what_was_used_is_followed(
    processed: Processed, recorded: Lineage, visits: list[int]
) -> None:
    raws, stacked = processed.ids(RAW, collections=INPUTS), processed.ids("stacked")[NIGHT]
    used = {visit for visit in visits if stacked.bytes in made_from(recorded, raws[visit], strongest=True)}
    assert used == {visit for visit in visits if visit % 2}
    assert all(stacked.bytes in made_from(recorded, raws[visit], strongest=False) for visit in visits)


def made_from(lineage: Lineage, dataset: uuid.UUID, *, strongest: bool) -> set[bytes]:
    return set(lineage.descendants([dataset], strongest=strongest)["descendant"])


def test_marks_of_every_record_that_a_data_id_names_are_shown(
    processed: Processed, recorded: Lineage, butler: Butler, log: Annotations, alice: Actor, visits: list[int]
) -> None:
    one, two, three = visits[:3]
    camera = {"instrument": "DemoCamera"}
    said = {
        "night": Target.dimension("day_obs", {**camera, "day_obs": NIGHT}),
        "exposure": Target.dimension("exposure", {**camera, "exposure": one}),
        "visit": visit_of(two),
        "detector": visit_of(three, detector=0),
        "filter": Target.dimension("physical_filter", {**camera, "physical_filter": "V"}),
        "run": Target.collection(processed.run),
        "future": Target.of_data_id({**camera, "visit": one}, dataset_type="calibrated"),
        "another": visit_of(two, detector=9),
    }
    for text, target in said.items():
        log.add(targets=[target], text=text, actor=alice)
    marked = mark_lineage(recorded.ways(processed.ids("stacked")[NIGHT]), annotations=log, butler=butler)
    calibrated = processed.ids("calibrated")
    always = {"night", "filter", "run"}
    assert texts(marked, calibrated[one]) == {*always, "exposure", "future"}
    assert texts(marked, calibrated[two]) == {*always, "visit"}
    assert texts(marked, calibrated[three]) == {*always, "detector"}
    assert texts(marked, calibrated[visits[3]]) == always
    raws = processed.ids(RAW, collections=INPUTS)
    assert texts(marked, raws[one]) == {"night", "filter", "exposure"}


def test_a_persons_word_stands_and_an_older_answer_can_be_had(
    processed: Processed,
    recorded: Lineage,
    butler: Butler,
    log: Annotations,
    alice: Actor,
    bot: Actor,
    visits: list[int],
) -> None:
    log.add(targets=[visit_of(visits[0])], flags=[Assertion("questionable", "set")], actor=bot)
    before = log.cut()
    log.add(targets=[visit_of(visits[0])], flags=[Assertion("questionable", "clear", "seen")], actor=alice)
    ways = recorded.ways(processed.ids("calibrated")[visits[0]])
    now = mark_lineage(ways, annotations=log, butler=butler)
    then = mark_lineage(ways, annotations=log, butler=butler, at=before)
    assert not any(node.bad for node in now.nodes.values())
    assert all(node.bad for node in then.nodes.values())
    assert (str(then.cut), then.policy) == (str(before), "standard@1")
    others = mark_lineage(ways, annotations=log, butler=butler, flags=["clouds"])
    assert not any(node.flags for node in others.nodes.values())
    with pytest.raises(AnnotationError, match="Did you mean clouds"):
        mark_lineage(ways, annotations=log, flags=["cloud"])


def test_a_persons_word_on_a_part_stands_against_what_was_said_of_the_whole(
    processed: Processed,
    recorded: Lineage,
    butler: Butler,
    log: Annotations,
    alice: Actor,
    bot: Actor,
    visits: list[int],
) -> None:
    one, two, three, four = visits[:4]
    calibrated = processed.ids("calibrated")
    targets = [visit_of(number) for number in visits[:4]]
    log.add(targets=targets, flags=[Assertion("questionable", "set")], actor=bot)
    for part, actor in (
        (visit_of(one, detector=0), alice),
        (Target.dataset(calibrated[two]), alice),
        (visit_of(three, detector=9), alice),
        (visit_of(four, detector=0), bot),
    ):
        log.add(targets=[part], flags=[Assertion("questionable", "clear", "seen")], actor=actor)
    marked = mark_lineage(recorded.ways(processed.ids("stacked")[NIGHT]), annotations=log, butler=butler)
    bad = {number for number, identifier in calibrated.items() if marked.nodes[identifier].bad}
    assert bad == {three, four}
    raws = processed.ids(RAW, collections=INPUTS)
    assert {number for number, identifier in raws.items() if marked.nodes[identifier].bad} == {
        two,
        three,
        four,
    }


def test_a_mark_on_a_band_is_a_mark_on_what_was_taken_in_it(
    processed: Processed, recorded: Lineage, butler: Butler, log: Annotations, bot: Actor
) -> None:
    log.add(targets=[Target.of_data_id({"band": "V"})], flags=[Assertion("junk", "set")], actor=bot)
    log.add(targets=[Target.of_data_id({"band": "R"})], text="another", actor=bot)
    marked = mark_lineage(recorded.ways(processed.ids("stacked")[NIGHT]), annotations=log, butler=butler)
    for identifier in processed.ids("calibrated").values():
        assert marked.nodes[identifier].bad
        assert not texts(marked, identifier) - {""}


def test_a_flag_that_does_not_mean_bad_colours_nothing(
    processed: Processed, recorded: Lineage, butler: Butler, log: Annotations, alice: Actor, visits: list[int]
) -> None:
    log.add(targets=[visit_of(visits[0])], flags=[Assertion("needs_followup", "set")], actor=alice)
    marked = mark_lineage(recorded.ways(processed.ids("stacked")[NIGHT]), annotations=log, butler=butler)
    assert any(node.flags for node in marked.nodes.values())
    assert not any(node.bad or node.touched for node in marked.nodes.values())


def test_a_visit_of_several_exposures_has_the_marks_of_each(
    processed: Processed, recorded: Lineage, log: Annotations, alice: Actor, visits: list[int], tmp_path: Path
) -> None:
    first, second, third = visits[:3]
    for number in (first, second, third):
        target = Target.dimension("exposure", {"instrument": "DemoCamera", "exposure": number, "detector": 0})
        log.add(targets=[target], text=str(number), actor=alice)
    root = shutil.copytree(processed.root, tmp_path / "repo")
    calibrated = processed.ids("calibrated")[first]
    with Butler.from_config(str(root), writeable=True) as butler:
        butler.registry.insertDimensionData(
            "visit_definition", {"instrument": "DemoCamera", "visit": first, "exposure": second}
        )
        marked = mark_lineage(recorded.ways(calibrated), annotations=log, butler=butler)
    assert texts(marked, calibrated) == {str(first), str(second)}


def test_marks_of_a_time_and_of_a_query_reach_what_they_are_about(
    processed: Processed, recorded: Lineage, butler: Butler, log: Annotations, alice: Actor, visits: list[int]
) -> None:
    with butler.query() as query:
        records = query.where(instrument="DemoCamera").dimension_records("visit")
        begin, end = {record.id: record.timespan for record in records}[visits[1]].nsec
    span = Target.timespan(begin // 1000 + 1, end // 1000, "DemoCamera")
    log.add(targets=[span], text="gust", flags=[Assertion("clouds", "set")], actor=alice)
    other = Target.timespan(begin // 1000 + 1, end // 1000, "AnotherCamera")
    log.add(targets=[other], text="elsewhere", actor=alice)
    where = f"instrument='DemoCamera' AND visit > {visits[-2]}"
    log.add(targets=[Target.query(where, of="visit")], text="late", actor=alice)
    marked = mark_lineage(recorded.ways(processed.ids("stacked")[NIGHT]), annotations=log, butler=butler)
    found = {visit: texts(marked, one) for visit, one in processed.ids("calibrated").items()}
    assert found.pop(visits[1]) == {"gust"}
    assert found.pop(visits[-1]) == {"late"}
    assert not any(found.values())
    bad = {node.data_id["visit"] for node in marked.nodes.values() if node.bad}
    assert bad == {visits[1]}


def test_what_is_no_longer_there_is_shown_as_gone(
    processed: Processed, recorded: Lineage, butler: Butler
) -> None:
    made = uuid.uuid4()
    stacked = processed.ids("stacked")[NIGHT]
    with_gone = recorded.ways(stacked)
    assert all(node.present for node in mark_lineage(with_gone, butler=butler).nodes.values())
    assert {node.present for node in mark_lineage(with_gone).nodes.values()} == {None}
    ways = recorded.ways(made)
    marked = mark_lineage(ways, butler=butler)
    assert marked.nodes[made].present is False
    assert "no longer in the repository" in str(to_tree(marked)[0])


COADD = uuid.UUID(int=1)


@pytest.fixture
def coadd(tmp_path: Path, log: Annotations, bot: Actor) -> MarkedLineage:
    """A coadd of 57 images, each of a raw and a flat that all share; three of the raws are flagged."""
    images, raws = ([uuid.UUID(int=base + n) for n in range(57)] for base in (100, 200))
    flat = uuid.UUID(int=9)
    camera: dict[str, int | str] = {"instrument": "A", "detector": 3}
    with open_lineage(tmp_path / "coadd.db") as lineage:
        lineage.record(
            [
                edge
                for image, raw in zip(images, raws, strict=True)
                for edge in (Edge(COADD, image, "read"), Edge(image, raw, "read"), Edge(image, flat, "read"))
            ],
            datasets=[
                Dataset(COADD, "coadd", {"skymap": "s", "tract": 1, "band": "r"}, "out"),
                Dataset(flat, "flat", camera, "calib"),
                *(Dataset(one, "calexp", {**camera, "visit": n}, "out") for n, one in enumerate(images)),
                *(Dataset(one, "raw", {**camera, "exposure": n}, "raw") for n, one in enumerate(raws)),
            ],
        )
        for number in (3, 20, 50):
            target = Target.dimension("exposure", {"instrument": "A", "exposure": number})
            log.add(targets=[target], flags=[Assertion("questionable", "set", f"no {number}")], actor=bot)
        return mark_lineage(lineage.ways(COADD), annotations=log)


def test_a_large_tree_shows_what_is_flagged_and_counts_the_rest(coadd: MarkedLineage) -> None:
    lines = [str(line) for line in to_tree(coadd)]
    shown = [line for line in lines if re.search(r"(calexp|raw) A", line)]
    assert [int(re.search(r"(visit|exposure)=(\d+)", line)[2]) for line in shown] == [3, 3, 20, 20, 50, 50]  # type: ignore[index]
    assert sum("questionable set by cloud-bot: no" in line for line in lines) == 3
    assert lines[-1] == "└── ... 54 more calexp [read] without a flag or a person's word, and 54 behind them"
    # The flat is shown once with what it is, and then referred to.
    assert sum("flat A detector=3 in calib" in line for line in lines) == 1
    assert sum("flat A detector=3 [read] (shown above)" in line for line in lines) == 2


def test_everything_is_drawn_if_asked_for(coadd: MarkedLineage) -> None:
    lines = [str(line) for line in to_tree(coadd, fold=None)]
    for node in coadd.nodes.values():
        assert sum(str(node.id) in line for line in lines) == 1


def test_styles_tell_bad_from_touched(coadd: MarkedLineage) -> None:
    styles = {line.text.split()[0]: line.style for line in to_tree(coadd) if "more" not in line.style}
    assert (styles["coadd"], styles["calexp"], styles["raw"], styles["flat"]) == (
        "touched",
        "touched",
        "bad",
        "dataset",
    )


def test_json_is_complete(coadd: MarkedLineage) -> None:
    document = json.loads(json.dumps(to_document(coadd)))
    assert len(document["datasets"]) == 1 + 57 + 57 + 1
    assert len(document["edges"]) == 3 * 57
    bad = [one for one in document["datasets"] if one["bad"]]
    assert sorted(one["data_id"]["exposure"] for one in bad) == [3, 20, 50]
    assert bad[0]["marks"][0]["flags"][0]["reason"] == "no 3"
    assert sum(one["touched"] for one in document["datasets"]) == 4


def test_a_graph_for_graphviz_is_complete_and_coloured(coadd: MarkedLineage) -> None:
    text = to_dot(coadd)
    assert text.count(" -> ") == 3 * 57
    assert text.count("#f4b6b6") == 3
    assert text.count("#fbeab0") == 4
    assert text.count('style="dashed"') == 3 * 57


def test_deep_and_circular_lineage_is_drawn(tmp_path: Path) -> None:
    ids = [uuid.UUID(int=n + 1) for n in range(300)]
    with open_lineage(tmp_path / "deep.db") as lineage:
        lineage.record([Edge(ids[n], ids[(n + 1) % 300], "used") for n in range(300)])
        marked = mark_lineage(lineage.ways(ids[0]))
    lines = [str(line) for line in to_tree(marked)]
    assert len(lines) == 301
    assert "shown above" in lines[-1]


def test_names_with_quotes_stay_names(tmp_path: Path) -> None:
    with open_lineage(tmp_path / "quotes.db") as lineage:
        lineage.record([Edge(COADD, uuid.UUID(int=2))], datasets=[Dataset(COADD, 'a"b\\c', {}, "r[bold]un")])
        marked = mark_lineage(lineage.ways(COADD))
    assert 'label="a\\"b\\\\c"' in to_dot(marked)
    assert "r[bold]un" in str(to_tree(marked)[0])


def reachable(edges: pl.DataFrame, start: bytes) -> set[bytes]:
    """Walk from a dataset along the edges, one by one."""
    behind: dict[bytes, list[bytes]] = {}
    for child, parent in edges.select("child", "parent").iter_rows():
        behind.setdefault(child, []).append(parent)
    found, waiting = {start}, deque([start])
    while waiting:
        for one in behind.get(waiting.popleft(), ()):
            if one not in found:
                found.add(one)
                waiting.append(one)
    return found


def test_the_edges_given_are_those_between_the_datasets_given(
    processed: Processed, recorded: Lineage
) -> None:
    ways = recorded.ways(processed.ids("stacked")[NIGHT])
    assert reachable(ways.edges, ways.start) == set(ways.nodes["dataset"])
