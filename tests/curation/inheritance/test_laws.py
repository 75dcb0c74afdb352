"""Whatever is flagged, visits inherit what one finds by looking at each of them, in any order."""

import random
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lsst.daf.butler import Butler
from tests.curation.inheritance.made import ADA, BOT, held, of

from gnomon.annotations import EffectiveFlag, Target
from gnomon.annotations.model import FlagState
from gnomon.curation.inheritance import Inheritance, InheritedFlag, inherit, parse_inheritance

LAW = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
MEMBERS = {
    **{number: (number,) for number in range(1, 9)},
    **{100 + first: (first, first + 1) for first in (1, 3, 5, 7)},
}
"""The exposures of each visit of the survey."""

WHENS: dict[str, object] = {"any": "any", "all": "all", "half": {"fraction": 0.5}, "two": {"number": 2}}

STATES: list[FlagState] = ["set", "clear", "examined"]
flagged = st.builds(
    lambda element, number, detector, state, by: held(
        of(
            element,
            **{element: number},
            **({} if detector is None else {"detector": detector}),
        ),
        state=state,
        by=by,
    ),
    st.just("exposure"),
    st.integers(1, 8),
    st.sampled_from([None, 0, 1]),
    st.sampled_from(STATES),
    st.sampled_from([ADA, BOT]),
)
of_visits = st.builds(
    lambda number, detector, state, by: held(
        of("visit", visit=number, **({} if detector is None else {"detector": detector})), state=state, by=by
    ),
    st.sampled_from(sorted(MEMBERS)),
    st.sampled_from([None, 0, 1]),
    st.sampled_from(STATES),
    st.sampled_from([ADA, BOT]),
)
flags = st.lists(st.one_of(flagged, flagged, of_visits), max_size=12, unique_by=lambda flag: flag.target.key)


def looked_up(given_flags: list[EffectiveFlag], when: str) -> set[str]:
    """Go through every visit and detector, and look at each of its exposures."""
    at = {flag.target: flag for flag in given_flags}

    def sets(target: Target) -> bool:
        return target in at and at[target].state == "set"

    found = set()
    for (visit, exposures), detector in product(MEMBERS.items(), (None, 0, 1)):
        part = {} if detector is None else {"detector": detector}
        target = of("visit", visit=visit, **part)
        bad = [
            number
            for number in exposures
            if sets(of("exposure", exposure=number)) or sets(of("exposure", exposure=number, **part))
        ]
        own = any(sets(of("exposure", exposure=number, **part)) for number in exposures)
        enough = {
            "any": bool(bad),
            "all": len(bad) == len(exposures),
            "half": 2 * len(bad) >= len(exposures) and bool(bad),
            "two": len(bad) >= 2,
        }[when]
        cleared = target in at and at[target].state == "clear" and at[target].by.is_human
        if enough and own and not cleared:
            found.add(f"{target}: {len(bad)} of {len(exposures)}")
    return found


def written(found: list[InheritedFlag]) -> set[str]:
    return {f"{flag.target}: {len(flag.sources)} of {flag.of}" for flag in found}


@pytest.mark.parametrize("when", WHENS)
def test_what_visits_inherit_is_what_one_finds_looking_at_each(when: str, butler: Butler) -> None:
    rules = parse_inheritance(
        {
            "inheritance": "site",
            "version": 1,
            "flows": [{"from": "exposure", "to": "visit", "when": WHENS[when]}],
        }
    )

    @LAW
    @given(flags)
    def law(given_flags: list[EffectiveFlag]) -> None:
        assert written(inherit(given_flags, rules, butler=butler)) == looked_up(given_flags, when)

    law()


def test_neither_order_nor_repetition_of_flags_and_flows_changes_anything(butler: Butler) -> None:
    flows = [
        {"name": "a", "from": "exposure", "to": "visit"},
        {"name": "b", "from": "exposure", "to": "visit", "when": "all", "effect": "informs"},
        {"name": "c", "from": "visit", "to": "exposure", "when": {"fraction": 0.5}},
    ]

    @LAW
    @given(flags, st.randoms(use_true_random=False))
    def law(given_flags: list[EffectiveFlag], chance: random.Random) -> None:
        answers = []
        for _ in range(2):
            ordered = chance.sample(flows, len(flows))
            rules = parse_inheritance({"inheritance": "site", "version": 1, "flows": ordered})
            many = chance.sample([*given_flags, *given_flags], 2 * len(given_flags))
            answers.append(inherit(many, rules, butler=butler, advisory=True))
        assert answers[0] == answers[1]

    law()


def test_what_is_inherited_anywhere_is_what_each_thing_says_when_it_is_asked(butler: Butler) -> None:
    rules = parse_inheritance(
        {"inheritance": "site", "version": 1, "flows": [{"from": "exposure", "to": "visit"}]}
    )

    @LAW
    @given(flags)
    def law(given_flags: list[EffectiveFlag]) -> None:
        compiled = Inheritance(given_flags, rules, butler=butler)
        for flag in compiled.everywhere():
            assert flag in compiled.of_targets([flag.target])

    law()
