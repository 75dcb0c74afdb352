"""What was made from bad data says so, with how many of its inputs are, and which."""

import uuid
from pathlib import Path

import pytest
from lsst.daf.butler import Butler, DatasetRef
from tests.curation.inheritance.made import ADA, BOT, CAM, held, of

from gnomon.annotations import Annotations, Assertion, EffectiveFlag, Target, open_annotations
from gnomon.curation.inheritance import (
    Inheritance,
    InheritanceRules,
    InheritedFlag,
    find_inherited,
    inherit,
    load_inheritance,
    parse_inheritance,
)
from gnomon.errors import InheritanceError
from gnomon.repository.lineage import Dataset, Edge, Lineage, open_lineage

STANDARD = load_inheritance("standard@1")


def rules(**flow: object) -> InheritanceRules:
    return parse_inheritance(
        {"inheritance": "site", "version": 1, "flows": [{"from": "input", "to": "output", **flow}]}
    )


def catalogs(butler: Butler, run: str, visits: range) -> list[DatasetRef]:
    return [butler.put({}, "catalog", instrument=CAM, visit=visit, detector=1, run=run) for visit in visits]


def coadd(butler: Butler, run: str) -> DatasetRef:
    return butler.put({}, "coadd", skymap="sky", tract=7, band="r", run=run)


def told(flags: list[InheritedFlag], dataset: uuid.UUID) -> list[str]:
    return [f"{flag.flag}: {flag.reason}" for flag in flags if flag.target == Target.dataset(dataset)]


def test_a_coadd_says_how_many_of_its_inputs_are_bad_and_is_not_left_out(
    butler: Butler, run: str, lineage: Lineage
) -> None:
    inputs, made = catalogs(butler, run, range(1, 9)), coadd(butler, run)
    lineage.record(Edge(made.id, one.id) for one in inputs)
    flags = [
        held(of("exposure", exposure=2), "questionable"),
        held(of("visit", visit=3), "questionable"),
        held(Target.dataset(inputs[6].id), "questionable"),
        held(of("visit", visit=8, detector=2), "questionable"),
    ]
    asked = [Target.dataset(made.id)]
    assert inherit(flags, STANDARD, butler=butler, lineage=lineage, targets=asked) == []
    (found,) = inherit(flags, STANDARD, butler=butler, lineage=lineage, targets=asked, advisory=True)
    assert found.reason == (
        "3 of 8 catalog are questionable: catalog Cam visit=2 detector=1, catalog Cam visit=3 detector=1, "
        "catalog Cam visit=7 detector=1"
    )
    assert (found.effect, found.of, len(found.causes)) == ("informs", 8, 3)
    assert {cause.target.kind for cause in found.causes} == {"dimension", "dataset"}


def test_everything_made_from_a_bad_raw_says_so_and_nothing_else(
    butler: Butler, run: str, lineage: Lineage
) -> None:
    raws = [
        butler.put({}, "raw", instrument=CAM, exposure=number, detector=1, run=run) for number in (1, 2, 3)
    ]
    inputs, made = catalogs(butler, run, range(1, 4)), coadd(butler, run)
    lineage.record(
        [
            *(Edge(child.id, parent.id) for child, parent in zip(inputs, raws, strict=True)),
            *(Edge(made.id, one.id) for one in inputs[1:]),
        ]
    )
    bad = [held(Target.dataset(raws[1].id), "junk")]
    found = inherit(bad, STANDARD, butler=butler, lineage=lineage, advisory=True)
    assert {flag.target for flag in found} == {Target.dataset(inputs[1].id), Target.dataset(made.id)}
    assert told(found, made.id) == ["junk: 1 of 2 raw is junk: raw Cam exposure=2 detector=1"]
    # The same by the mark of its exposure: its data ID says that it is one of them.
    bad = [held(of("exposure", exposure=2), "junk")]
    found = inherit(bad, STANDARD, butler=butler, lineage=lineage, advisory=True)
    assert {flag.target.dataset_id for flag in found if flag.target.kind == "dataset"} == {
        inputs[1].id,
        made.id,
    }


@pytest.mark.parametrize(
    ("flow", "counted"),
    [
        ({"when": "any"}, "1 of 2 raw"),
        ({"when": "all"}, None),
        ({"when": {"fraction": 0.5}}, "1 of 2 raw"),
        ({"when": {"number": 2}}, None),
        ({"depth": 2}, "1 of 2 raw"),
        ({"depth": 1}, None),
        ({"kinds": ["read"]}, "1 of 2 raw"),
        ({"kinds": ["used"]}, None),
        ({"kinds": ["predicted", "read"]}, "1 of 3 raw"),
        ({"inputs": ["ra?"]}, "1 of 2 raw"),
        ({"inputs": ["catalog"]}, None),
        ({"outputs": ["catalog"]}, None),
        ({"outputs": ["coa*"]}, "1 of 2 raw"),
    ],
)
def test_a_rule_says_how_far_along_which_steps_and_of_how_many(
    butler: Butler, run: str, lineage: Lineage, flow: dict[str, object], counted: str | None
) -> None:
    raws = [
        butler.put({}, "raw", instrument=CAM, exposure=number, detector=1, run=run) for number in (1, 2, 3)
    ]
    inputs, made = catalogs(butler, run, range(1, 3)), coadd(butler, run)
    lineage.record(
        [
            *(Edge(child.id, raw.id, "read") for child, raw in zip(inputs, raws[:2], strict=True)),
            *(Edge(made.id, one.id, "read") for one in inputs),
            # A graph predicted one more, which the task then did not read.
            Edge(inputs[0].id, raws[2].id, "predicted"),
        ]
    )
    compiled = Inheritance([held(Target.dataset(raws[0].id))], rules(**flow), butler=butler, lineage=lineage)
    found = told(compiled.of_datasets([made]), made.id)
    assert [text.partition(" is")[0] for text in found] == ([] if counted is None else [f"clouds: {counted}"])


def test_a_persons_clear_of_the_output_stands(butler: Butler, run: str, lineage: Lineage) -> None:
    inputs, made = catalogs(butler, run, range(1, 2)), coadd(butler, run)
    lineage.record([Edge(made.id, inputs[0].id)])
    cause = held(Target.dataset(inputs[0].id))
    counts = rules()
    for clear, inherits in ((BOT, True), (ADA, False)):
        flags = [cause, held(Target.dataset(made.id), state="clear", by=clear)]
        assert bool(inherit(flags, counts, butler=butler, lineage=lineage)) is inherits


def test_a_circle_in_the_lineage_ends(butler: Butler, run: str, lineage: Lineage) -> None:
    one, two, three = catalogs(butler, run, range(1, 4))
    lineage.record([Edge(one.id, two.id), Edge(two.id, three.id), Edge(three.id, one.id)])
    found = inherit([held(Target.dataset(one.id))], rules(), butler=butler, lineage=lineage)
    assert {flag.target.dataset_id for flag in found} == {two.id, three.id}


def test_inputs_that_were_removed_are_counted_and_named(butler: Butler, run: str, lineage: Lineage) -> None:
    made = coadd(butler, run)
    gone = [uuid.uuid4(), uuid.uuid4()]
    lineage.record(
        [Edge(made.id, one) for one in gone],
        datasets=[Dataset(gone[0], "catalog", {"instrument": CAM, "visit": 1, "detector": 1}, "old")],
    )
    flags = [held(of("visit", visit=1)), held(Target.dataset(gone[1]), "junk")]
    found = inherit(flags, STANDARD, butler=butler, lineage=lineage, advisory=True)
    assert told(found, made.id) == [
        "clouds: 1 of 1 catalog is clouds: catalog Cam visit=1 detector=1",
        f"junk: 1 of 1 inputs of no known type is junk: {gone[1]}",
    ]


def test_rules_that_count_on_lineage_refuse_to_do_without(butler: Butler) -> None:
    with pytest.raises(InheritanceError, match="no lineage was given"):
        inherit([held(of("visit", visit=1))], rules(), butler=butler)


def test_a_lineage_in_which_nothing_is_recorded_is_none_to_count_on(
    butler: Butler, run: str, tmp_path: Path
) -> None:
    one, two = catalogs(butler, run, range(1, 3))
    flags = [held(Target.dataset(one.id))]
    with open_lineage(tmp_path / "mistyped.db") as lineage:
        assert inherit(flags, STANDARD, butler=butler, lineage=lineage, advisory=True) == []
        with pytest.raises(InheritanceError, match=r"the lineage at .*mistyped.db has nothing recorded"):
            inherit(flags, rules(), butler=butler, lineage=lineage)
        lineage.record([Edge(two.id, one.id)])
        assert len(inherit(flags, rules(), butler=butler, lineage=lineage)) == 1


@pytest.fixture
def log(tmp_path: Path) -> Annotations:
    return open_annotations(tmp_path / "annotations.db", origin="summit")


def test_a_log_is_asked_about_all_that_is_said_in_it(
    butler: Butler, run: str, lineage: Lineage, log: Annotations
) -> None:
    (one,) = catalogs(butler, run, range(1, 2))
    log.add(targets=[of("exposure", exposure=1)], flags=[Assertion("user/ghosts", "set")], actor=BOT)
    log.add(targets=[of("exposure", exposure=1)], flags=[Assertion("clouds", "set")], actor=BOT)
    before = log.cut()
    log.add(targets=[of("visit", visit=1)], flags=[Assertion("clouds", "clear")], actor=ADA)

    def found(**options: object) -> set[str]:
        flags = find_inherited(
            log,
            [Target.dataset(one.id)],
            butler=butler,
            lineage=lineage,
            **options,  # type: ignore[arg-type]
        )
        return {flag.flag for flag in flags}

    assert log.asserted_flags() == ["clouds", "user/ghosts"]
    assert found() == {"user/ghosts"}
    assert found(at=before) == {"clouds", "user/ghosts"}
    assert found(at=before, flags=["cloudy", "unusable"]) == {"clouds", "unusable"}
    with log:
        assert found(flags=["junk"]) == set()


def test_no_answer_depends_on_the_order_of_what_is_given(butler: Butler, run: str, lineage: Lineage) -> None:
    inputs, made = catalogs(butler, run, range(1, 9)), coadd(butler, run)
    lineage.record(Edge(made.id, one.id) for one in inputs)
    flags: list[EffectiveFlag] = [held(of("exposure", exposure=n), "questionable") for n in range(1, 6)]
    flags += [held(Target.dataset(one.id), "junk") for one in inputs[::2]]

    def answer(given: list[EffectiveFlag]) -> list[InheritedFlag]:
        return inherit(given, STANDARD, butler=butler, lineage=lineage, advisory=True)

    assert answer(flags) == answer(flags[::-1]) == answer([*flags, *flags])
