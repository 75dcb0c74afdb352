"""What is left out: marks and requirements as of one cut, asked about data IDs and datasets."""

import datetime as dt
import shutil
import sqlite3
import uuid
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lsst.daf.butler import DataCoordinate, DatasetRef, DatasetType, DimensionUniverse

from gnomon import times
from gnomon.annotations import Actor, Annotations, Assertion, Cut, Draft, Target, open_annotations
from gnomon.curation.exclusions import Exclusion, Exclusions, Selection, find_exclusions
from gnomon.curation.graphs.warnings import tags_of_nothing
from gnomon.errors import (
    AnnotationError,
    CutError,
    ExclusionError,
    ExclusionsOutOfDateError,
    ExclusionsUnavailableError,
    GnomonError,
    MetricNotFoundError,
    PolicyError,
    UnitMismatchError,
)
from gnomon.store import Store, open_store

DATASET = uuid.UUID("01920000-0000-7000-8000-000000000001")
DATA_ID: dict[str, int | str] = {
    "instrument": "DemoCamera",
    "visit": 2026030100004,
    "detector": 0,
    "day_obs": 20260301,
    "physical_filter": "V",
    "band": "V",
}

type Visit = Callable[..., Target]


def say(log: Annotations, who: Actor, target: Target, state: str, flag: str = "junk") -> uuid.UUID:
    said = log.add(targets=[target], flags=[Assertion(flag, state)], actor=who)  # type: ignore[arg-type]
    return said.id


def left_out(log: Annotations, *flags: str, **asked: Any) -> Exclusions:
    return find_exclusions(Selection(exclude_flags=flags, **asked), annotations=log)


def found(log: Annotations, *flags: str, **asked: Any) -> list[tuple[str, str]]:
    return [(str(mark.target), mark.name) for mark in left_out(log, *flags or ["junk"], **asked).marks]


def why(exclusions: Exclusions, data_id: Mapping[str, int | str] = DATA_ID, **other: Any) -> Exclusion | None:
    (answer,) = exclusions.of_data_ids([{**data_id, **other}])
    return answer


def of_visit(log: Annotations, who: Actor, *targets: Target) -> Exclusions:
    for target in targets:
        say(log, who, target, "set")
    return left_out(log, "junk")


def test_what_is_flagged_is_left_out(log: Annotations, bot: Actor, alice: Actor, visit: Visit) -> None:
    say(log, bot, visit(1), "set")
    say(log, alice, visit(2), "set", "clouds")
    assert found(log) == [("DemoCamera visit=2026030100001", "junk")]
    assert len(found(log, "junk", "clouds")) == 2
    assert found(log, "fault") == []


def test_a_person_s_clear_beats_a_bot_s_set_in_either_order(
    log: Annotations, bot: Actor, alice: Actor, visit: Visit
) -> None:
    say(log, bot, visit(1), "set")
    say(log, alice, visit(1), "clear")
    say(log, alice, visit(2), "clear")
    say(log, bot, visit(2), "set")
    assert found(log) == []


def test_what_was_examined_and_found_good_is_not_left_out(
    log: Annotations, bot: Actor, alice: Actor, visit: Visit
) -> None:
    say(log, bot, visit(1), "examined")
    say(log, bot, visit(2), "set")
    say(log, alice, visit(2), "examined")
    assert found(log) == []


def test_what_is_retracted_does_not_count(log: Annotations, bot: Actor, visit: Visit) -> None:
    log.retract(say(log, bot, visit(1), "set"), actor=bot)
    assert found(log) == []


def test_only_the_target_that_is_meant_is_left_out(log: Annotations, bot: Actor, visit: Visit) -> None:
    log.add(
        targets=[visit(1), visit(2)],
        flags=[Assertion("junk", "set", target=visit(2)), Assertion("junk", "examined", target=visit(1))],
        actor=bot,
    )
    assert found(log) == [("DemoCamera visit=2026030100002", "junk")]


def test_a_flag_that_nobody_knows_is_refused(log: Annotations, bot: Actor, visit: Visit) -> None:
    say(log, bot, visit(1), "set")
    with pytest.raises(AnnotationError, match="Did you mean junk"):
        left_out(log, "jnuk")
    with pytest.raises(PolicyError, match="standard@1"):
        left_out(log, "junk", policy="standrad@1")


def test_a_virtual_flag_leaves_out_with_what_it_follows_from(
    log: Annotations, bot: Actor, visit: Visit
) -> None:
    say(log, bot, visit(4), "set", "trailed")
    (mark,) = left_out(log, "unusable").marks
    assert mark.name == "unusable"
    assert [cause.flag for cause in mark.causes] == ["trailed"]


def test_an_answer_says_who_said_so_and_where(log: Annotations, bot: Actor, visit: Visit) -> None:
    said = log.add(targets=[visit(4)], flags=[Assertion("junk", "set", "too dark")], actor=bot)
    answer = why(left_out(log, "junk"))
    assert answer == Exclusion("exclude-flag", "junk", visit(4), "cloud-bot", "bot", "too dark", said.id)
    assert str(answer) == "exclude-flag junk at DemoCamera visit=2026030100004 by cloud-bot: too dark"


def test_a_flag_on_a_visit_covers_its_detectors(log: Annotations, bot: Actor, visit: Visit) -> None:
    asked = of_visit(log, bot, visit(4))
    assert why(asked) is not None
    assert why(asked, visit=2026030100005) is None
    assert why(asked, instrument="OtherCamera") is None


def test_a_flag_on_one_detector_of_a_visit_covers_neither_the_visit_nor_the_others(
    log: Annotations, bot: Actor
) -> None:
    target = Target.dimension("detector", {n: DATA_ID[n] for n in ("instrument", "visit", "detector")})
    asked = of_visit(log, bot, target)
    assert why(asked) is not None
    assert why(asked, detector=1) is None
    assert why(asked, {name: value for name, value in DATA_ID.items() if name != "detector"}) is None


def test_a_flag_on_a_day_covers_its_visits(log: Annotations, bot: Actor) -> None:
    asked = of_visit(log, bot, Target.dimension("day_obs", {"instrument": "DemoCamera", "day_obs": 20260301}))
    assert why(asked) is not None


@pytest.mark.parametrize(("by_person", "covered"), [(True, False), (False, True)])
def test_a_person_can_clear_one_detector_of_a_flagged_visit_and_a_program_cannot(
    log: Annotations, bot: Actor, alice: Actor, visit: Visit, *, by_person: bool, covered: bool
) -> None:
    detector = Target.dimension("detector", {n: DATA_ID[n] for n in ("instrument", "visit", "detector")})
    say(log, bot, visit(4), "set")
    say(log, bot, visit(4), "set", "trailed")
    say(log, alice if by_person else bot, detector, "clear")
    asked = left_out(log, "junk")
    assert (why(asked) is not None) == covered
    assert why(asked, detector=1) is not None
    # What was cleared is one flag; another one still stands.
    answer = why(left_out(log, "junk", "trailed"))
    assert answer is not None
    assert answer.name == ("trailed" if by_person else answer.name)


def test_where_a_clear_is_on_the_whole_a_flag_on_a_part_stands(
    log: Annotations, bot: Actor, alice: Actor, visit: Visit
) -> None:
    detector = Target.dimension("detector", {n: DATA_ID[n] for n in ("instrument", "visit", "detector")})
    say(log, alice, visit(4), "clear")
    say(log, bot, detector, "set")
    asked = left_out(log, "junk")
    assert why(asked) is not None
    assert why(asked, detector=1) is None


def test_marks_of_a_measurement_or_pending_observation_leave_out_nothing_and_are_named(
    log: Annotations, bot: Actor
) -> None:
    asked = of_visit(log, bot, Target.measurement(DATASET, "demo.seeing"), Target.pending("X1", "DemoCamera"))
    assert not asked
    assert {one.exclusion.target.kind for one in asked.unapplied} == {"measurement", "pending"}


def test_what_only_a_butler_can_place_is_refused_without_one(log: Annotations, bot: Actor) -> None:
    with pytest.raises(ExclusionError, match="only be told with a Butler"):
        of_visit(log, bot, Target.timespan(1, 2, "DemoCamera"))


def test_an_answer_as_of_a_cut_does_not_change(log: Annotations, bot: Actor, visit: Visit) -> None:
    say(log, bot, visit(1), "set")
    first = left_out(log, "junk")
    say(log, bot, visit(2), "set")
    log.retract(next(iter(log.search())).id, actor=bot)
    again = find_exclusions(first.pinned(), annotations=log)
    assert (again.marks, again.digest, again.cut) == (first.marks, first.digest, first.cut)
    now = left_out(log, "junk")
    assert now.digest != first.digest
    assert [str(mark.target) for mark in now.marks] == ["DemoCamera visit=2026030100002"]
    with pytest.raises(CutError, match="summit"):
        left_out(log, "junk", at=Cut.parse("summit:99"))


def test_what_a_tag_is_about_is_left_out_as_of_a_cut(
    log: Annotations, bot: Actor, alice: Actor, visit: Visit
) -> None:
    first = log.add(targets=[visit(1), visit(2)], text="dome", tags=["dome", "wind"], actor=bot)
    second = log.add(targets=[visit(3)], text="gone", tags=["dome"], actor=bot)
    third = log.add(targets=[visit(5)], text="none", tags=["wind"], actor=bot)
    cut = log.cut()
    log.edit(first.id, tags=["wind"], actor=alice, expected=first.event_id)
    log.retract(second.id, actor=alice)
    log.edit(third.id, tags=["dome"], actor=alice, expected=third.event_id)
    fourth = log.add(targets=[visit(6)], text="later", tags=["dome"], actor=bot)

    def places(**asked: Any) -> set[tuple[int, uuid.UUID | None]]:
        marks = find_exclusions(Selection(exclude_tags=("dome",), **asked), annotations=log).marks
        return {(int((m.target.data_id or {})["visit"]) % 1000, m.annotation_id) for m in marks}

    assert places() == {(5, third.id), (6, fourth.id)}
    assert places(at=cut) == {(1, first.id), (2, first.id), (3, second.id)}


def test_a_required_flag_counts_what_nobody_examined_as_lacking(
    log: Annotations, bot: Actor, alice: Actor, visit: Visit
) -> None:
    say(log, bot, visit(1), "set", "recovered")
    say(log, bot, visit(2), "set", "recovered")
    log.add(targets=[visit(2)], flags=[Assertion("recovered", "clear", "not at all")], actor=alice)
    say(log, bot, visit(3), "examined", "recovered")
    asked = find_exclusions(Selection(require_flags=("recovered",)), annotations=log)
    answers = [why(asked, visit=2026030100000 + place) for place in (1, 2, 3, 4)]
    assert answers[0] is None
    assert [(one.reason, one.by) for one in answers[1:] if one is not None] == [
        ("cleared: not at all", "alice"),
        ("examined and not set", "cloud-bot"),
        ("never examined", ""),
    ]
    # What names no observation, such as a calibration, is not asked.
    assert why(asked, {"instrument": "DemoCamera", "detector": 3}) is None
    assert len(asked.records()) == 2


@pytest.fixture
def store(tmp_path: Path, rows: Callable[..., pl.DataFrame]) -> Store:
    made = open_store(tmp_path / "store")
    made.append(rows("demo.seeing", [0.8, 1.3, float("nan"), 1.199], unit="arcsec").to_arrow(), source="test")
    made.append(rows("demo.airmass", [1.0, 1.1, 1.2, 2.5], unit="").to_arrow(), source="test")
    fine = rows("demo.sky", [50.0, 90.0, 50.0, 50.0], unit="adu", detector=0)
    made.append(fine.to_arrow(), source="test")
    return made


def seen(store: Store, *conditions: str, **asked: Any) -> dict[int, str]:
    exclusions = find_exclusions(Selection(require_metrics=conditions), store=store, **asked)
    answers = {place: why(exclusions, visit=2026030100000 + place) for place in range(1, 6)}
    return {place: answer.reason for place, answer in answers.items() if answer is not None}


def test_a_required_metric_leaves_out_what_fails_and_what_nobody_measured(store: Store) -> None:
    assert seen(store, "demo.seeing < 1.2 arcsec") == {
        2: "demo.seeing = 1.3 arcsec",
        3: "demo.seeing = NaN arcsec",
        5: "never measured",
    }
    # In another unit, by a short name, and in a run.
    assert seen(store, "seeing < 1200 mas", metric_collections=["night/1"]).keys() == {2, 3, 5}


def test_several_metrics_are_set_beside_each_other_also_from_visit_to_detector(store: Store) -> None:
    assert seen(store, "seeing < 1.2 arcsec AND airmass < 2").keys() == {2, 3, 4, 5}
    assert seen(store, "seeing < 1.2 arcsec", "airmass < 2").keys() == {2, 3, 4, 5}
    assert seen(store, "sky < 80 OR seeing > 1.25 arcsec") == {5: "never measured"}
    assert seen(store, "seeing < 1.2 arcsec AND band = 'V'").keys() == {2, 3, 5}


def test_a_required_flag_that_a_person_cleared_on_one_detector_is_lacking_there(
    log: Annotations, bot: Actor, alice: Actor, visit: Visit
) -> None:
    detectors: list[dict[str, Any]] = [
        {"instrument": "DemoCamera", "visit": 2026030100001, "detector": n} for n in range(3)
    ]
    say(log, alice, visit(1), "set")
    say(log, bot, Target.dimension("detector", detectors[1]), "clear")
    say(log, alice, Target.dimension("detector", detectors[2]), "clear")
    exclusions = find_exclusions(Selection(require_flags=("junk",)), annotations=log)
    first, second, third = exclusions.of_data_ids(detectors)
    assert (first, second) == (None, None)
    assert third is not None
    assert (third.by, third.reason.partition(":")[0]) == ("alice", "cleared")


def test_a_clear_that_leaves_out_less_gives_another_digest(
    log: Annotations, bot: Actor, alice: Actor, visit: Visit
) -> None:
    say(log, bot, visit(1), "set")
    selection = Selection(exclude_flags=("junk",))
    before = find_exclusions(selection, annotations=log)
    where: dict[str, Any] = {"instrument": "DemoCamera", "visit": 2026030100001, "detector": 1}
    say(log, alice, Target.dimension("detector", where), "clear")
    after = find_exclusions(selection, annotations=log)
    assert before.of_data_ids([where]) != after.of_data_ids([where]) == [None]
    assert before.digest != after.digest
    assert find_exclusions(before.pinned(), annotations=log).digest == before.digest


def test_a_tag_is_found_in_any_case_and_one_that_nothing_has_is_named(
    log: Annotations, bot: Actor, visit: Visit
) -> None:
    log.add(text="clouds", tags=["bad_weather"], targets=[visit(1)], actor=bot)
    selection = Selection(exclude_tags=("Bad_Weather", "bad_wether"))
    exclusions = find_exclusions(selection, annotations=log)
    assert why(exclusions, visit=2026030100001) is not None
    (word,) = tags_of_nothing(exclusions)
    assert "'bad_wether'" in word


def test_inheritance_that_nobody_knows_is_refused_also_while_nothing_inherits(
    log: Annotations, bot: Actor, visit: Visit
) -> None:
    say(log, bot, visit(1), "clear")
    with pytest.raises(GnomonError, match="standrad@1"):
        find_exclusions(Selection(exclude_flags=("clouds",), inherit="standrad@1"), annotations=log)


def test_a_mark_on_the_data_id_of_a_type_covers_its_components(
    log: Annotations, bot: Actor, visit: Visit
) -> None:
    universe = DimensionUniverse()
    kind = DatasetType("image", ("instrument", "visit"), "ExposureF", universe=universe)
    data_id = DataCoordinate.standardize(instrument="DemoCamera", visit=2026030100001, universe=universe)
    ref = DatasetRef(kind, data_id, "run")
    say(log, bot, Target.of_data_id(dict(data_id.required), dataset_type="image"), "set")
    exclusions = left_out(log, "junk")
    component = DatasetRef(kind.makeComponentDatasetType("wcs"), data_id, "run", id=ref.id)
    assert None not in exclusions.of_datasets([ref, component])


def test_a_marked_measurement_counts_as_if_nobody_had_made_it(
    store: Store, log: Annotations, bot: Actor
) -> None:
    first = store.load("demo.seeing").polars()["dataset_id"][0]
    say(log, bot, Target.measurement(uuid.UUID(bytes=first), "demo.seeing"), "set")
    selection = Selection(exclude_flags=("junk",), require_metrics=("seeing < 1.2 arcsec",))
    answer = why(find_exclusions(selection, annotations=log, store=store), visit=2026030100001)
    assert answer is not None
    assert answer.reason == "never measured"


@pytest.mark.parametrize(
    ("condition", "error", "message"),
    [
        ("visit > 3", ExclusionError, "names no metric"),
        ("demo.seing < 1", MetricNotFoundError, "Did you mean demo.seeing"),
        ("seeing < 1 m", UnitMismatchError, "cannot be compared"),
    ],
)
def test_a_condition_that_cannot_be_asked_is_refused(
    store: Store, condition: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        seen(store, condition)


def test_the_metrics_of_a_run_without_any_are_refused_instead_of_leaving_out_everything(
    store: Store, rows: Callable[..., pl.DataFrame]
) -> None:
    store.append(rows("demo.airmass", [1.0], unit="", run="night/2").to_arrow(), source="test")
    with pytest.raises(ExclusionError, match=r"Nothing was measured of demo\.seeing in night/2"):
        seen(store, "demo.seeing < 1.2 arcsec", metric_collections="night/2")


def test_metrics_count_as_of_a_moment(store: Store, rows: Callable[..., pl.DataFrame]) -> None:
    before = times.now()
    again = rows("demo.seeing", [2.0], unit="arcsec")
    again = again.with_columns(measured_at=dt.datetime(2040, 1, 1), dataset_id=pl.lit(b"x" * 16))
    store.append(again.to_arrow(), source="test")
    now = find_exclusions(Selection(require_metrics=("seeing < 1.2 arcsec",)), store=store)
    then = find_exclusions(Selection(require_metrics=("seeing < 1.2 arcsec",), at=before), store=store)
    assert why(now, visit=2026030100001) is not None
    assert why(then, visit=2026030100001) is None
    assert then.metrics_at == times.to_utc_iso(before, precision=6)
    pinned = find_exclusions(now.pinned(), store=store)
    assert (pinned.digest, pinned.metrics_at) == (now.digest, now.metrics_at)
    assert now.digest != then.digest


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"exclude_flags": "junk"}, r"for example \('junk',\)"),
        ({"exclude_tags": [""]}, "takes names"),
        ({"at": "now"}, "a moment or a cut"),
        ({"exclude_flags": ["junk"], "require_flags": ["junk"]}, "both excluded and required"),
    ],
)
def test_a_selection_that_cannot_be_one_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ExclusionError, match=message):
        Selection(**given)


def test_without_annotations_or_store_nothing_is_answered(store: Store, log: Annotations) -> None:
    with pytest.raises(ExclusionsUnavailableError, match="no annotations are given"):
        find_exclusions(Selection(exclude_flags=("junk",)))
    with pytest.raises(ExclusionsUnavailableError, match="no store is given"):
        find_exclusions(Selection(require_metrics=("seeing < 1",)))
    with pytest.raises(ExclusionsUnavailableError, match="Is it the right one"):
        left_out(log, "junk")
    assert not find_exclusions(Selection())


def test_a_log_that_was_closed_or_damaged_is_refused(
    log: Annotations, bot: Actor, visit: Visit, tmp_path: Path
) -> None:
    log.add_many(
        [Draft(targets=[visit(n + 1)], flags=[Assertion("junk", "set")]) for n in range(99)], actor=bot
    )
    log.close()
    with pytest.raises(ExclusionsUnavailableError, match="annotations cannot be read"):
        left_out(log, "junk")
    path = tmp_path / "annotations.db"
    with open_annotations(shutil.copy(path, tmp_path / "damaged.db")) as damaged:
        content = bytearray(path.read_bytes())
        content[8192:] = b"\xff" * (len(content) - 8192)
        (tmp_path / "damaged.db").write_bytes(content)
        with pytest.raises(ExclusionsUnavailableError) as caught:
            left_out(damaged, "junk")
    assert caught.value.code == "exclusions_unavailable"
    with open_annotations(shutil.copy(path, tmp_path / "emptied.db")) as emptied:
        with closing(sqlite3.connect(tmp_path / "emptied.db")) as connection:
            connection.execute("DROP TABLE assertion")
        with pytest.raises(ExclusionsUnavailableError, match="no such table"):
            left_out(emptied, "junk")


def test_a_store_whose_files_are_gone_is_refused(store: Store) -> None:
    seen(store, "seeing < 1.2 arcsec")
    store.flush()
    for path in Path(store.uri).rglob("*.parquet"):
        path.unlink()
    with pytest.raises(ExclusionsUnavailableError, match="metrics store cannot be read"):
        seen(open_store(store.uri), "seeing < 1.2 arcsec")


def test_what_is_older_than_allowed_is_refused(
    log: Annotations,
    bot: Actor,
    visit: Visit,
    store: Store,
    rows: Callable[..., pl.DataFrame],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    say(log, bot, visit(1), "set")
    selection = Selection(exclude_flags=("junk",))
    assert find_exclusions(selection, annotations=log, max_age=dt.timedelta(hours=1))
    with pytest.raises(ExclusionsOutOfDateError, match="The newest event of the annotations is of"):
        find_exclusions(selection, annotations=log, max_age=dt.timedelta(0))
    monkeypatch.setenv("GNOMON_MAX_AGE", "0 s")
    with pytest.raises(ExclusionsOutOfDateError, match="The newest event"):
        find_exclusions(selection, annotations=log)
    with pytest.raises(ExclusionsOutOfDateError, match=r"no measurement of demo\.seeing at all"):
        seen(store, "seeing < 1.2 arcsec", max_age=dt.timedelta(days=1))
    old = rows("demo.old", [1.0]).with_columns(measured_at=dt.datetime(2020, 1, 1))
    store.append(old.to_arrow(), source="test")
    with pytest.raises(
        ExclusionsOutOfDateError, match=r"newest measurement of demo\.old is of 2019-12-31T23"
    ):
        seen(store, "old > 0 mmag", max_age=dt.timedelta(days=1))


STATES = st.sampled_from(["set", "clear", "examined"])
WORDS = st.lists(
    st.tuples(
        st.sampled_from(["alice", "bob", "cloud-bot", "seeing-bot"]),
        st.integers(1, 4),
        st.sampled_from([None, 0, 1]),
        STATES,
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=15)
@given(words=WORDS, kept=st.integers(0, 12))
def test_what_is_left_out_is_what_a_replay_of_the_events_leaves_out(
    words: list[tuple[str, int, int | None, str]], kept: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Recounted by hand: the last word of a person, or else of a program; on a part, before its whole."""
    folder = tmp_path_factory.mktemp("replay")
    with open_annotations(folder / "log.db", origin="summit") as log:
        for who, number, detector, state in words:
            data_id: dict[str, int | str] = {"instrument": "DemoCamera", "visit": number}
            element = "visit"
            if detector is not None:
                data_id["detector"], element = detector, "detector"
            actor = Actor(who, "bot" if who.endswith("bot") else "human")
            say(log, actor, Target.dimension(element, data_id), state)
        events = list(log.events())[: max(kept, 1)]
        cut = Cut.of({"summit": len(events)})
        exclusions = find_exclusions(
            Selection(exclude_flags=("junk",), at=cut, inherit=None), annotations=log
        )
    last: dict[tuple[int, int | None], dict[str, str]] = {}
    for who, number, detector, state in words[: len(events)]:
        last.setdefault((number, detector), {})["program" if who.endswith("bot") else "person"] = state

    def holds(number: int, detector: int | None) -> tuple[str | None, bool]:
        said = last.get((number, detector), {})
        return said.get("person", said.get("program")), "person" in said

    for number in range(1, 5):
        for detector in (0, 1):
            whole, _ = holds(number, None)
            part, by_person = holds(number, detector)
            expected = part == "set" or (whole == "set" and not (part == "clear" and by_person))
            data_id = {"instrument": "DemoCamera", "visit": number, "detector": detector}
            assert (why(exclusions, data_id) is not None) == expected
