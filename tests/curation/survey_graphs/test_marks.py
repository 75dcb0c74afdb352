"""What marks of all kinds take out of graphs of a survey."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from lsst.daf.butler import (  # type: ignore[attr-defined]
    Butler,
    CollectionType,
)

from gnomon import times
from gnomon.annotations import Annotations, Target
from gnomon.repository.configuration import open_butler
from gnomon.testing.surveys import Survey

from .taking_apart import (
    ALICE,
    BOT,
    CAMERA,
    Key,
    Quantum,
    asked,
    closure,
    exposure,
    find,
    graph_of,
    mark,
    raw,
    stock,
    taken_apart,
)


def test_a_flagged_exposure_takes_its_visit_with_it_only_by_inheritance(
    butler: Butler, survey: Survey, log: Annotations, everything: dict[Key, Quantum]
) -> None:
    _, second = survey.exposures_of(survey.visit_ids[1])
    mark(log, exposure(second))
    alone = taken_apart(graph_of(butler, survey, asked(log, butler, inherit=None)).components)
    assert alone == closure(
        everything,
        quantum=lambda key, one: one.data_id.get("exposure") == second,
        dataset=lambda one: one[0] in ("raw", "detrended") and one[1][2] == second,
    )
    assert ("measure", (CAMERA, 0, survey.visit_ids[1])) in alone
    whole = graph_of(butler, survey, asked(log, butler))
    assert taken_apart(whole.components) == closure(
        everything,
        quantum=lambda key, one: (
            one.data_id.get("exposure") == second or one.data_id.get("visit") == survey.visit_ids[1]
        ),
        dataset=lambda one: one[0] == "raw" and one[1][2] == second,
    )
    inherited = {one.why.reason for one in whole.left_out if one.why.rule == "inherited"}
    assert len(inherited) == 1
    assert "1 of 2 exposures is junk" in inherited.pop()


def test_one_detector_s_raw_goes_from_among_what_reads_many(
    butler: Butler, survey: Survey, log: Annotations, everything: dict[Key, Quantum]
) -> None:
    gone = [raw(butler, survey, place, 1) for place in (4, 5)]  # both exposures of the third visit
    mark(log, *(Target.dataset(ref.id) for ref in gone))
    graph = graph_of(butler, survey, asked(log, butler))
    ours = taken_apart(graph.components)
    ids = {ref.id for ref in gone}
    assert ours == closure(everything, quantum=lambda *_: False, dataset=lambda one: one[2] in ids)
    third = survey.visit_ids[2]
    table = ours["visit", (CAMERA, third)]
    assert {one[1][1] for one in table.reads if one[0] == "catalog"} == {0, 2}
    assert [(one.task, one.data_id["detector"]) for one in graph.pruned] == [
        ("detrend", 1), ("detrend", 1), ("measure", 1)
    ]  # fmt: skip
    lost = {
        task.label: (task.expected - task.remaining, task.inputs_expected - task.inputs_remaining)
        for task in graph.tasks
    }
    assert lost == {"detrend": (2, 4), "measure": (1, 2), "visit": (0, 1), "night": (0, 1)}


def test_a_mark_on_a_data_id_of_a_type_covers_what_is_yet_to_be_made(
    butler: Butler, survey: Survey, log: Annotations, everything: dict[Key, Quantum]
) -> None:
    third = survey.visit_ids[2]
    data_id: dict[str, int | str] = {"instrument": CAMERA, "visit": third, "detector": 1}
    mark(log, Target.of_data_id(data_id, dataset_type="catalog"))
    graph = graph_of(butler, survey, asked(log, butler))
    assert taken_apart(graph.components) == closure(
        everything,
        quantum=lambda *_: False,
        dataset=lambda one: one[0] == "catalog" and one[1] == (CAMERA, 1, third),
    )
    assert ("measure", (CAMERA, 1, third)) in taken_apart(graph.components)
    assert Counter((one.effect, one.what) for one in graph.left_out) == {("output", "catalog"): 1}


def test_what_nothing_comes_of_any_more_is_pruned_and_counted(
    butler: Butler, survey: Survey, log: Annotations
) -> None:
    options: dict[str, Any] = {"prune_unanchored_quanta": ("detrend", "night")}
    second = survey.visit_ids[1]  # the only one of its night and filter
    for detector in range(3):
        data_id: dict[str, int | str] = {"instrument": CAMERA, "visit": second, "detector": detector}
        mark(log, Target.of_data_id(data_id, dataset_type="catalog"))
    everything = stock(butler, survey, **options)
    graph = graph_of(butler, survey, asked(log, butler), **options)
    ours = taken_apart(graph.components)
    gone = {second, *survey.exposures_of(second)}
    assert ours.keys() == {
        key
        for key, one in everything.items()
        if gone.isdisjoint((one.data_id.get("visit"), one.data_id.get("exposure")))
        and not (
            key[0] == "night"
            and one.data_id["physical_filter"] == "i"
            and key[1][1] == survey.night_of(second)
        )
    }
    counted = {task.label: (task.expected, task.pruned, task.remaining) for task in graph.tasks}
    assert counted == {"detrend": (36, 6, 30), "measure": (18, 3, 15), "visit": (6, 1, 5), "night": (4, 1, 3)}


def test_a_night_a_detector_and_a_filter_cover_what_they_are_part_of(
    butler: Butler, survey: Survey, log: Annotations, everything: dict[Key, Quantum]
) -> None:
    night = survey.night_of(survey.visit_ids[0])
    mark(
        log,
        Target.dimension("day_obs", {"instrument": CAMERA, "day_obs": night}),
        Target.dimension("detector", {"instrument": CAMERA, "detector": 2}),
        Target.dimension("physical_filter", {"instrument": CAMERA, "physical_filter": "i"}),
    )

    def bad(one: Mapping[str, Any]) -> bool:
        return one.get("day_obs") == night or one.get("detector") == 2 or one.get("physical_filter") == "i"

    ours = taken_apart(graph_of(butler, survey, asked(log, butler)).components)
    assert ours == closure(
        everything,
        quantum=lambda key, one: bad(one.data_id),
        dataset=lambda one: one[0] == "bias" and one[1][1] == 2,
    )
    assert ours


def test_a_timespan_leaves_out_the_exposures_and_visits_that_overlap_it(
    butler: Butler, survey: Survey, log: Annotations
) -> None:
    (record,) = butler.query_dimension_records("exposure", instrument=CAMERA, exposure=survey.exposures[2])
    begin, end = (int(times.to_tai_us(t)) for t in (record.timespan.begin, record.timespan.end))
    gap = Target.timespan(end, end + 5_000_000, CAMERA)  # between two exposures
    mark(log, Target.timespan(end - 1_000_000, end + 1_000_000, CAMERA), flag="clouds")
    mark(log, gap)
    of_clouds = asked(log, butler, exclude_flags=("clouds",))
    data_ids: list[dict[str, int | str]] = [
        {"instrument": CAMERA, "exposure": one} for one in survey.exposures
    ]
    assert [place for place, why in enumerate(of_clouds.of_data_ids(data_ids)) if why] == [2]
    visits: list[dict[str, int | str]] = [{"instrument": CAMERA, "visit": one} for one in survey.visit_ids]
    assert [place for place, why in enumerate(of_clouds.of_data_ids(visits)) if why] == [1]
    # The gap lies within the visit, whose exposures it does not touch.
    of_gap = asked(log, butler)
    assert not any(of_gap.of_data_ids(data_ids))
    assert [place for place, why in enumerate(of_gap.of_data_ids(visits)) if why] == [1]
    assert begin < end


def test_what_overlaps_timespans_with_several_flags_has_all_of_them(
    butler: Butler, survey: Survey, log: Annotations
) -> None:
    number = survey.exposures[4]
    (record,) = butler.query_dimension_records("exposure", instrument=CAMERA, exposure=number)
    begin, end = (int(times.to_tai_us(one)) for one in (record.timespan.begin, record.timespan.end))
    spans = [
        Target.timespan(begin - before, end + after, instrument=CAMERA)
        for before, after in ((0, 0), (1, 1), (2, 0))
    ]
    for span, flag in zip(spans, ("clouds", "trailed", "fault"), strict=True):
        mark(log, span, flag=flag)
    detectors: list[dict[str, Any]] = [
        {"instrument": CAMERA, "exposure": number, "detector": n} for n in range(3)
    ]

    def left_out(*flags: str) -> list[bool]:
        exclusions = asked(log, butler, exclude_flags=flags, inherit=None)
        return [one is not None for one in exclusions.of_data_ids(detectors)]

    every = ("clouds", "trailed", "fault")
    assert left_out(*every) == [True] * 3
    one = Target.dimension("detector", detectors[1])
    for flag in every:
        assert left_out(*every) == [True] * 3  # by those that nobody cleared
        mark(log, one, flag=flag, actor=ALICE, state="clear")
    assert left_out(*every) == [True, False, True]
    # The exposure is part of the timespan.
    mark(log, exposure(number), flag="clouds", actor=ALICE, state="clear")
    assert left_out("clouds") == [False] * 3


def test_a_standing_query_leaves_out_what_it_gives_now(
    butler: Butler, survey: Survey, log: Annotations
) -> None:
    query = Target.query("exposure.seq_num < 3 AND instrument = 'SurveyCamera'", of="exposure")
    mark(log, query)
    log.add(targets=[query], tags=["twilight"], actor=BOT)
    data_ids: list[dict[str, int | str]] = [{"instrument": CAMERA, "exposure": n} for n in survey.exposures]
    early = [n % 100_000 < 3 for n in survey.exposures]
    for selection in ({}, {"exclude_flags": (), "exclude_tags": ("twilight",)}):
        answers = asked(log, butler, **selection).of_data_ids(data_ids)
        assert [why is not None for why in answers] == early
    visits: list[dict[str, int | str]] = [{"instrument": CAMERA, "visit": n} for n in survey.visit_ids]
    inherited = asked(log, butler).of_data_ids(visits)
    assert [why is not None for why in inherited] == [n % 100_000 < 3 for n in survey.visit_ids]


def test_a_flagged_run_and_tagged_collection_leave_out_their_datasets_and_a_chain_is_named(
    own_survey: Survey, log: Annotations
) -> None:
    survey = own_survey
    with open_butler(survey.folder, writeable=True) as butler:
        everything = stock(butler, survey)
        butler.collections.register("tagged", CollectionType.TAGGED)
        gone = raw(butler, survey, 3, 0)
        butler.registry.associate("tagged", [gone])
        mark(log, Target.collection("tagged"), flag="clouds")
        mark(log, Target.collection(survey.raw_run), flag="fault")
        mark(log, Target.collection(survey.calibrations), Target.collection("elsewhere"))
        tagged = graph_of(butler, survey, asked(log, butler, exclude_flags=("clouds",)))
        assert taken_apart(tagged.components) == closure(
            everything, quantum=lambda *_: False, dataset=lambda one: one[2] == gone.id
        )
        refs = [raw(butler, survey, 0, 0), find(butler, "reference_stars", survey)]
        of_run = asked(log, butler, exclude_flags=("fault",)).of_datasets(refs)
        assert [one is None for one in of_run] == [False, True]
        chained = graph_of(butler, survey, asked(log, butler))
        assert taken_apart(chained.components) == everything
        (warning,) = chained.warnings
        assert "leaves out nothing: it is a CHAINED collection" in warning
