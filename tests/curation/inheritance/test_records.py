"""A visit has flags from its exposures, whatever visit systems there are, unless a person cleared them."""

import pytest
from lsst.daf.butler import Butler
from tests.curation.inheritance.made import ADA, BOT, held, of

from gnomon.annotations import EffectiveFlag, Target
from gnomon.curation.inheritance import (
    InheritanceRules,
    InheritedFlag,
    inherit,
    load_inheritance,
    parse_inheritance,
)
from gnomon.errors import InheritanceError

STANDARD = load_inheritance("standard@1")


def rules(*flows: dict[str, object]) -> InheritanceRules:
    return parse_inheritance({"inheritance": "site", "version": 1, "flows": list(flows)})


def names(found: list[InheritedFlag]) -> list[str]:
    return sorted(f"{flag.target} {flag.flag}" for flag in found)


def test_an_exposure_belongs_to_a_visit_of_each_system(butler: Butler) -> None:
    found = inherit([held(of("exposure", exposure=3))], STANDARD, butler=butler)
    assert names(found) == ["Cam visit=103 clouds", "Cam visit=3 clouds"]
    pair, single = sorted(found, key=lambda flag: flag.of, reverse=True)
    assert (pair.of, single.of) == (2, 1)
    assert pair.reason == "1 of 2 exposures is clouds: Cam exposure=3"
    assert [(cause.target, cause.reason) for cause in pair.causes] == [(of("exposure", exposure=3), "cirrus")]
    assert pair.counts
    assert pair.rule == "standard@1: exposures to visit"


def test_instruments_are_kept_apart(butler: Butler) -> None:
    other = Target.dimension("exposure", {"instrument": "OtherCam", "exposure": 1})
    found = inherit([held(other), held(of("exposure", exposure=2))], STANDARD, butler=butler)
    assert names(found) == ["Cam visit=101 clouds", "Cam visit=2 clouds", "OtherCam visit=1 clouds"]


def test_a_detector_of_an_exposure_is_that_detector_of_the_visit(butler: Butler) -> None:
    flags = [held(of("exposure", exposure=3, detector=2)), held(of("exposure", exposure=4))]
    found = {str(flag.target): flag for flag in inherit(flags, STANDARD, butler=butler)}
    assert sorted(found) == [
        "Cam visit=103",
        "Cam visit=103 detector=2",
        "Cam visit=3 detector=2",
        "Cam visit=4",
    ]
    # The whole of the other exposure covers the detector, too.
    assert found["Cam visit=103 detector=2"].reason == (
        "2 of 2 exposures are clouds: Cam exposure=3 detector=2, Cam exposure=4"
    )
    assert found["Cam visit=103"].reason == "1 of 2 exposures is clouds: Cam exposure=4"


@pytest.mark.parametrize(
    ("when", "exposures", "inherits"),
    [
        ("any", (1,), True),
        ("all", (1,), False),
        ("all", (1, 2), True),
        ({"fraction": 0.5}, (1,), True),
        ({"fraction": 0.6}, (1,), False),
        ({"number": 2}, (1,), False),
        ({"number": 2}, (1, 2), True),
    ],
)
def test_a_rule_says_of_how_many_exposures_a_flag_must_hold(
    butler: Butler, when: object, exposures: tuple[int, ...], inherits: bool
) -> None:
    site = rules({"from": "exposure", "to": "visit", "when": when, "visit_systems": ["pairs"]})
    flags = [held(of("exposure", exposure=number)) for number in exposures]
    assert bool(inherit(flags, site, butler=butler)) is inherits


def test_two_detectors_make_no_visit_of_two_exposures(butler: Butler) -> None:
    site = rules({"from": "exposure", "to": "visit", "when": "all", "visit_systems": ["pairs"]})
    flags = [held(of("exposure", exposure=1, detector=1)), held(of("exposure", exposure=2, detector=2))]
    assert inherit(flags, site, butler=butler) == []


def test_a_visit_is_good_only_if_all_of_its_exposures_are(butler: Butler) -> None:
    flags = [held(of("exposure", exposure=number), "recovered") for number in (1, 2, 3)]
    assert names(inherit(flags, STANDARD, butler=butler)) == [
        "Cam visit=1 recovered",
        "Cam visit=101 recovered",
        "Cam visit=2 recovered",
        "Cam visit=3 recovered",
    ]


def test_a_rule_may_name_a_visit_system(butler: Butler) -> None:
    site = rules({"from": "exposure", "to": "visit", "visit_systems": ["one-to-one"]})
    assert names(inherit([held(of("exposure", exposure=1))], site, butler=butler)) == ["Cam visit=1 clouds"]
    with pytest.raises(InheritanceError, match=r"no visit system 'pair'. Did you mean pairs\?"):
        inherit(
            [held(of("exposure", exposure=1))],
            rules({"from": "exposure", "to": "visit", "visit_systems": ["pair"]}),
            butler=butler,
        )


def test_a_rule_may_name_flags(butler: Butler) -> None:
    flags = [held(of("exposure", exposure=1), flag) for flag in ("clouds", "junk", "trailed")]
    site = rules({"from": "exposure", "to": "visit", "flags": ["clouds", "junk"], "except": ["junk"]})
    assert {flag.flag for flag in inherit(flags, site, butler=butler)} == {"clouds"}


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"flags": ["cluods"]}, r"'exposure to visit': 'cluods' is not a flag. Did you mean clouds\?"),
        ({"except": ["jnuk"]}, r"Did you mean junk\?"),
        ({"flags": ["cloudy"]}, "say 'clouds' instead of 'cloudy'"),
        ({"flags": ["unusable"]}, "unusable is a virtual flag: it follows from"),
    ],
)
def test_a_rule_that_names_a_flag_that_would_never_flow_is_refused(
    named: dict[str, list[str]], message: str, butler: Butler
) -> None:
    site = rules({"from": "exposure", "to": "visit", **named})
    with pytest.raises(InheritanceError, match=message):
        inherit([held(of("exposure", exposure=1))], site, butler=butler)


def test_only_what_is_set_flows(butler: Butler) -> None:
    flags = [
        held(of("exposure", exposure=1), state="clear"),
        held(of("exposure", exposure=2), state="examined"),
    ]
    assert inherit(flags, STANDARD, butler=butler) == []


def test_a_persons_clear_of_the_visit_stands_and_a_programs_does_not(butler: Butler) -> None:
    flags = [
        held(of("exposure", exposure=1)),
        held(of("visit", visit=1), state="clear", by=ADA),
        held(of("visit", visit=101), state="clear", by=BOT),
    ]
    assert names(inherit(flags, STANDARD, butler=butler)) == ["Cam visit=101 clouds"]


def test_what_holds_of_a_visit_holds_of_its_detectors_but_where_a_person_cleared_it(butler: Butler) -> None:
    flags = [
        held(of("visit", visit=5)),
        held(of("exposure", exposure=1)),
        held(of("detector", detector=3), "fault"),
        held(of("visit", visit=5, detector=1), state="clear", by=ADA),
        held(of("visit", visit=101, detector=1), state="clear", by=ADA),
    ]
    asked = [of("visit", visit=visit, detector=detector) for visit in (5, 101) for detector in (1, 2, 3)]
    found = inherit(flags, STANDARD, butler=butler, targets=asked)
    assert [f"{flag.target} {flag.flag} <- {flag.reason}" for flag in found] == [
        "Cam visit=101 detector=2 clouds <- 1 of 2 exposures is clouds: Cam exposure=1",
        "Cam visit=5 detector=2 clouds <- Cam visit=5 is clouds",
        "Cam visit=101 detector=3 clouds <- 1 of 2 exposures is clouds: Cam exposure=1",
        "Cam visit=101 detector=3 fault <- Cam detector=3 is fault",
        "Cam visit=5 detector=3 clouds <- Cam visit=5 is clouds",
        "Cam visit=5 detector=3 fault <- Cam detector=3 is fault",
    ]


def test_what_holds_of_a_night_holds_of_its_visits(butler: Butler) -> None:
    night = held(of("day_obs", day_obs=20250101), "fault")
    asked = [of("visit", visit=2), of("exposure", exposure=2, detector=1), of("detector", detector=1)]
    found = inherit([night], STANDARD, butler=butler, targets=asked)
    assert names(found) == ["Cam exposure=2 detector=1 fault", "Cam visit=2 fault"]


def test_from_a_visit_to_its_exposures_only_where_a_rule_says_so(butler: Butler) -> None:
    visit = held(of("visit", visit=103))
    assert inherit([visit], STANDARD, butler=butler) == []
    back = rules({"from": "visit", "to": "exposure"})
    assert names(inherit([visit], back, butler=butler)) == ["Cam exposure=3 clouds", "Cam exposure=4 clouds"]


def test_a_circle_of_rules_ends(butler: Butler) -> None:
    both = rules({"from": "exposure", "to": "visit"}, {"from": "visit", "to": "exposure"})
    found = inherit([held(of("exposure", exposure=1))], both, butler=butler)
    # By way of the pair 101 the other exposure has it, and by that one its own visit; nothing has it from
    # itself.
    assert names(found) == [
        "Cam exposure=2 clouds",
        "Cam visit=1 clouds",
        "Cam visit=101 clouds",
        "Cam visit=2 clouds",
    ]
    assert all(flag.causes[0].target == of("exposure", exposure=1) for flag in found)


def test_what_only_informs_is_given_on_request_and_does_not_flow_on(butler: Butler) -> None:
    site = rules(
        {"from": "exposure", "to": "visit", "effect": "informs"}, {"from": "visit", "to": "exposure"}
    )
    flags = [held(of("exposure", exposure=1))]
    assert inherit(flags, site, butler=butler) == []
    assert names(inherit(flags, site, butler=butler, advisory=True)) == [
        "Cam visit=1 clouds",
        "Cam visit=101 clouds",
    ]


def test_what_has_no_visits_or_no_data_id_is_passed_over(butler: Butler) -> None:
    flags = [
        held(of("exposure", exposure=999)),
        held(Target.collection("run/1")),
        held(Target.timespan(0, 1, "Cam")),
        held(Target.of_data_id({"instrument": "Cam", "exposure": 1}, dataset_type="raw")),
    ]
    assert inherit(flags, STANDARD, butler=butler) == []


def test_a_virtual_flag_is_evaluated_where_its_parts_arrive(butler: Butler) -> None:
    def unusable(found: list[EffectiveFlag]) -> list[str]:
        return names(
            [
                flag
                for flag in inherit(found, STANDARD, butler=butler, virtual=["unusable"])
                if flag.flag == "unusable"
            ]
        )

    clouds = held(of("exposure", exposure=1))
    assert unusable([clouds]) == ["Cam visit=1 unusable", "Cam visit=101 unusable"]
    fine = held(of("visit", visit=1), "recovered", by=ADA)
    assert unusable([clouds, fine]) == ["Cam visit=101 unusable"]
