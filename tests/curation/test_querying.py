"""Code that asks the Butler moves by changing one call, and gets the same without what is marked."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lsst.daf.butler import Butler, DatasetRef, DatasetType, EmptyQueryResultError

import gnomon
from gnomon.annotations import Actor, Annotations, Assertion, Target, open_annotations
from gnomon.errors import ExclusionError, ExclusionsUnavailableError
from gnomon.testing.surveys import Survey, make_survey

RAW = "raw"
CAMERA = "SurveyCamera"


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    """Visits of two exposures each, and catalogs of the visits in two runs."""
    survey = make_survey(tmp_path_factory.mktemp("querying"), visits=4, detectors=2, nights=2, snaps=2)
    with Butler.from_config(survey.folder, writeable=True) as butler:
        kind = DatasetType(
            "visit_note",
            ("instrument", "visit", "detector"),
            "StructuredDataDict",
            universe=butler.dimensions,
        )
        butler.registry.registerDatasetType(kind)
        for run, visits in (("new", survey.visit_ids), ("old", survey.visit_ids[:2])):
            butler.collections.register(run)
            for visit in visits:
                for detector in (0, 1):
                    butler.put({}, kind, instrument=CAMERA, visit=visit, detector=detector, run=run)
    return survey


@pytest.fixture
def butler(survey: Survey) -> Iterator[Butler]:
    with Butler.from_config(survey.folder) as butler:
        yield butler


def of(element: str, **data_id: int | str) -> Target:
    return Target.dimension(element, {"instrument": CAMERA, **data_id})


def mark(log: Annotations, actor: Actor, target: Target, flag: str = "clouds", **more: Any) -> None:
    log.add(targets=[target], flags=[Assertion(flag, "set", "seen")], actor=actor, **more)


def test_without_a_selection_the_answer_is_the_butlers(butler: Butler, survey: Survey) -> None:
    ours = gnomon.query_datasets(butler, RAW, survey.raw_run, order_by=["exposure", "-detector"])
    assert list(ours) == butler.query_datasets(RAW, survey.raw_run, order_by=["exposure", "-detector"])
    assert ours.left_out == ()
    records = gnomon.query_dimension_records(butler, "visit", order_by="visit")
    assert list(records) == butler.query_dimension_records("visit", order_by="visit")


def test_what_is_marked_is_left_out_and_told(
    butler: Butler, survey: Survey, log: Annotations, bot: Actor, alice: Actor
) -> None:
    first, second = survey.visit_ids[:2]
    everything = butler.query_datasets("visit_note", "new")
    mark(log, bot, of("visit", visit=first))
    bad = next(ref for ref in everything if ref.dataId["visit"] == second and ref.dataId["detector"] == 1)
    mark(log, alice, Target.dataset(bad.id), "junk", text="trailed stars")
    found = gnomon.query_datasets(
        butler, "visit_note", "new", exclude_flags=["clouds", "junk"], annotations=log
    )
    assert isinstance(found, list)
    assert {ref.id for ref in found} == {
        ref.id for ref in everything if ref.dataId["visit"] != first and ref.id != bad.id
    }
    assert found.reasons == {("exclude-flag", "clouds"): 2, ("exclude-flag", "junk"): 1}
    assert found.explain() == [
        f"2 left out by exclude-flag clouds: SurveyCamera visit={first} (cloud-bot: seen).",
        f"1 left out by exclude-flag junk: visit_note SurveyCamera visit={second} detector=1 in new "
        "(alice: seen).",
    ]
    assert {one.what for one in found.left_out} == set(everything) - set(found)
    assert (str(found.exclusions.cut), found.exclusions.policy) == ("summit:2", "standard@1")


def test_a_visit_is_left_out_for_its_exposure_unless_nothing_is_to_be_inherited(
    butler: Butler, survey: Survey, log: Annotations, bot: Actor
) -> None:
    visit = survey.visit_ids[0]
    mark(log, bot, of("exposure", exposure=survey.exposures_of(visit)[1]))
    options: dict[str, Any] = {"exclude_flags": ["clouds"], "annotations": log, "order_by": "visit"}
    found = gnomon.query_dimension_records(butler, "visit", **options)
    assert [record.id for record in found] == list(survey.visit_ids[1:])
    assert [one.why.rule for one in found.left_out] == ["inherited"]
    assert len(gnomon.query_dimension_records(butler, "visit", inherit=None, **options)) == 4
    assert len(gnomon.query_datasets(butler, "visit_note", "new", **options)) == 6


def test_a_night_or_band_that_is_marked_covers_its_records(
    butler: Butler, survey: Survey, log: Annotations, alice: Actor
) -> None:
    visit = survey.visit_ids[0]
    night = survey.night_of(visit)
    mark(log, alice, of("day_obs", day_obs=night), "fault")
    found = gnomon.query_dimension_records(butler, "visit", exclude_flags=["fault"], annotations=log)
    assert {record.day_obs for record in found} == {
        record.day_obs for record in butler.query_dimension_records("visit")
    } - {night}
    band = butler.query_dimension_records("physical_filter", instrument=CAMERA)[0].band
    mark(log, alice, Target.dimension("band", {"band": band}), "junk")
    found = gnomon.query_dimension_records(butler, "exposure", exclude_flags=["junk"], annotations=log)
    filters = {
        record.name for record in butler.query_dimension_records("physical_filter") if record.band == band
    }
    assert found.left_out
    assert {one.what.physical_filter for one in found.left_out} == filters
    assert filters.isdisjoint(record.physical_filter for record in found)


def test_what_the_butler_takes_passes_through(
    butler: Butler, survey: Survey, log: Annotations, bot: Actor
) -> None:
    mark(log, bot, of("visit", visit=survey.visit_ids[0]))
    options: dict[str, Any] = {
        "where": "visit IN (wanted)",
        "bind": {"wanted": list(survey.visit_ids[:2])},
        "detector": 1,
        "instrument": CAMERA,
        "order_by": "-visit",
    }
    (ref,) = gnomon.query_datasets(
        butler, "visit_note", "new", exclude_flags=["clouds"], annotations=log, with_dimension_records=True,
        **options,
    )  # fmt: skip
    assert (ref.dataId["visit"], ref.dataId["detector"]) == (survey.visit_ids[1], 1)
    assert ref.dataId.hasRecords()


def test_a_limit_counts_what_is_left(
    butler: Butler, survey: Survey, log: Annotations, bot: Actor, caplog: pytest.LogCaptureFixture
) -> None:
    mark(log, bot, of("visit", visit=survey.visit_ids[0]))
    options: dict[str, Any] = {"exclude_flags": ["clouds"], "annotations": log, "order_by": "visit"}
    found = gnomon.query_dimension_records(butler, "visit", limit=2, **options)
    assert [record.id for record in found] == list(survey.visit_ids[1:3])
    assert not caplog.records
    with caplog.at_level(logging.WARNING):
        assert len(gnomon.query_dimension_records(butler, "visit", limit=-2, **options)) == 2
    assert "limit of 2" in caplog.text
    assert gnomon.query_datasets(butler, "visit_note", "new", limit=0, **options) == []


def test_a_shadowed_dataset_takes_the_place_only_if_asked(
    butler: Butler, survey: Survey, log: Annotations, bot: Actor
) -> None:
    first = survey.visit_ids[0]
    (bad,) = butler.query_datasets("visit_note", "new", instrument=CAMERA, visit=first, detector=0)
    (older,) = butler.query_datasets("visit_note", "old", instrument=CAMERA, visit=first, detector=0)
    mark(log, bot, Target.dataset(bad.id), "junk")
    options: dict[str, Any] = {"exclude_flags": ["junk"], "annotations": log, "with_dimension_records": True}

    def ask(**more: Any) -> set[DatasetRef]:
        return set(gnomon.query_datasets(butler, "visit_note", ["new", "old"], **options, **more))

    assert bad not in ask()
    assert older not in ask()
    assert older in ask(on_shadow="fall-back")
    assert older in ask(
        on_shadow="fall-back", where="visit = first", bind={"first": first}, instrument=CAMERA
    )
    assert older in ask(
        on_shadow="fall-back", where="detector = 0", data_id={"instrument": CAMERA, "visit": first}
    )
    # What takes the place has to be what was asked for.
    assert older not in ask(on_shadow="fall-back", where="visit_note.collection = 'new'")
    assert all(ref.dataId.hasRecords() for ref in ask(on_shadow="fall-back"))
    # Whoever wants all of them gets the older one anyway.
    assert older in ask(find_first=False)
    with pytest.raises(ExclusionError, match=r"on_shadow is 'fallback'. Did you mean fall-back\?"):
        ask(on_shadow="fallback")


def test_an_empty_answer_says_whether_marks_are_the_cause(
    butler: Butler, survey: Survey, log: Annotations, bot: Actor
) -> None:
    mark(log, bot, Target.dimension("instrument", {"instrument": CAMERA}), "fault")
    options: dict[str, Any] = {"exclude_flags": ["fault"], "annotations": log}
    with pytest.raises(EmptyQueryResultError, match="8 left out by exclude-flag fault: SurveyCamera"):
        gnomon.query_datasets(butler, "visit_note", "new", **options)
    with pytest.raises(EmptyQueryResultError, match=r"doomed|No datasets|empty"):
        gnomon.query_datasets(butler, "visit_note", "new", instrument=CAMERA, visit=1, **options)
    found = gnomon.query_datasets(butler, "visit_note", "new", explain=False, **options)
    assert (len(found), len(found.left_out)) == (0, 8)


def test_the_answer_as_of_a_cut_does_not_change(
    butler: Butler, survey: Survey, log: Annotations, bot: Actor
) -> None:
    mark(log, bot, of("visit", visit=survey.visit_ids[0]))
    before = log.cut()
    mark(log, bot, of("visit", visit=survey.visit_ids[1]))
    options: dict[str, Any] = {"exclude_flags": ["clouds"], "annotations": log}
    assert len(gnomon.query_dimension_records(butler, "visit", at=before, **options)) == 3
    assert len(gnomon.query_dimension_records(butler, "visit", **options)) == 2


def test_what_nobody_examined_lacks_a_required_flag(
    butler: Butler, survey: Survey, log: Annotations, alice: Actor
) -> None:
    mark(log, alice, of("visit", visit=survey.visit_ids[2]), "recovered")
    found = gnomon.query_datasets(butler, "visit_note", "new", require_flags=["recovered"], annotations=log)
    assert {ref.dataId["visit"] for ref in found} == {survey.visit_ids[2]}
    assert found.reasons == {("require-flag", "recovered"): 6}


def test_no_answer_is_given_where_the_marks_cannot_be_read(butler: Butler, tmp_path: Path) -> None:
    log = open_annotations(tmp_path / "closed.db", origin="summit")
    log.close()
    with pytest.raises(ExclusionsUnavailableError):
        gnomon.query_datasets(butler, "visit_note", "new", exclude_flags=["clouds"], annotations=log)


def test_the_settings_say_where_the_log_is(
    butler: Butler,
    survey: Survey,
    log: Annotations,
    bot: Actor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mark(log, bot, of("visit", visit=survey.visit_ids[0]))
    monkeypatch.setenv("GNOMON_ANNOTATIONS", str(tmp_path / "annotations.db"))
    assert len(gnomon.query_datasets(butler, "visit_note", "new", exclude_flags=["clouds"])) == 6
    place = tmp_path / "annotations.db"
    assert (
        len(gnomon.query_datasets(butler, "visit_note", "new", exclude_flags=["clouds"], annotations=place))
        == 6
    )


def test_a_name_that_gnomon_has_not_is_an_error_as_of_every_module() -> None:
    assert "query_datasets" in dir(gnomon)
    with pytest.raises(AttributeError, match="no attribute 'query_dataset'"):
        _ = gnomon.query_dataset


def test_who_says_of_a_visit_that_clouds_did_no_harm_says_it_of_those_of_its_exposures(
    butler: Butler, survey: Survey, log: Annotations, bot: Actor, alice: Actor
) -> None:
    for visit in survey.visit_ids[:2]:
        mark(log, bot, of("exposure", exposure=survey.exposures_of(visit)[0]))
    mark(log, alice, of("visit", visit=survey.visit_ids[0]), "recovered")
    found = gnomon.query_dimension_records(butler, "visit", exclude_flags=["unusable"], annotations=log)
    assert [one.what.id for one in found.left_out] == [survey.visit_ids[1]]
