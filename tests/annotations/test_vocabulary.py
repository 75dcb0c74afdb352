"""Flags: curated, of a site, free, and virtual."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gnomon.annotations import NEVER_EXAMINED, Actor, Annotations, Assertion, Target, open_annotations
from gnomon.annotations.vocabulary import load_vocabulary
from gnomon.errors import AnnotationError, VocabularyError

Visit = Callable[[int], Target]

SITE: dict[str, Any] = {
    "vocabulary": "cam",
    "version": 1,
    "instruments": ["LSSTCam"],
    "flags": {
        "ghosts": {"severity": "low", "set_means": "bad", "description": "Ghosts.", "aliases": ["ghost"]},
        "photometric": {"severity": "low", "set_means": "good", "description": "A clear sky."},
        "old": {"severity": "low", "set_means": "bad", "description": "Old.", "deprecated": "Use ghosts."},
        "per_visit": {"severity": "low", "set_means": "bad", "description": "x", "targets": ["visit"]},
    },
    "virtual": {
        "doubtful": {"severity": "low", "expression": "ghosts | !photometric", "description": "Doubtful."},
        "worse": {"severity": "low", "expression": "doubtful & (junk | user.me.odd)", "description": "x"},
    },
}


@pytest.fixture
def site(log: Annotations, alice: Actor) -> Annotations:
    log.lay_down(SITE, actor=alice)
    return log


def say(log: Annotations, target: Target, actor: Actor, **flags: Any) -> None:
    log.add(targets=[target], flags=[Assertion(f, s) for f, s in flags.items()], actor=actor)


def states(log: Annotations, target: Target, *flags: str) -> dict[str, str]:
    return {held.flag: held.state for held in log.effective([target], flags=flags)}


def test_flags_of_a_site_are_known_after_they_were_laid_down_and_to_all_who_share_the_log(
    site: Annotations, address: str, alice: Actor, visit: Visit, tmp_path: Path
) -> None:
    say(site, visit(1), alice, ghost="set")
    assert states(site, visit(1), "ghosts") == {"ghosts": "set"}
    assert site.get(site.search()[0].id).assertions == (Assertion("ghosts", "set"),)
    with open_annotations(address, origin="other") as log:
        assert log.vocabulary.flags["ghosts"].vocabulary == "cam@1"
        assert set(log.vocabularies) == {"standard@1", "cam@1"}
    with open_annotations(tmp_path / "copy.db", origin="usdf") as copy:
        copy.take_in(site.events())
        assert states(copy, visit(1), "ghost") == {"ghosts": "set"}


def test_a_flag_has_a_scope(site: Annotations, alice: Actor, visit: Visit) -> None:
    exposure = Target.dimension("exposure", {"instrument": "LSSTCam", "exposure": 1})
    with pytest.raises(AnnotationError, match="per_visit is a flag of visit, not of exposure"):
        say(site, exposure, alice, per_visit="set")
    with pytest.raises(AnnotationError, match="a flag of LSSTCam, not of LATISS"):
        say(site, Target.dimension("visit", {"instrument": "LATISS", "visit": 1}), alice, ghosts="set")
    say(site, visit(1), alice, per_visit="set")


def test_a_deprecated_flag_is_read_and_no_longer_asserted(
    site: Annotations, alice: Actor, visit: Visit
) -> None:
    with pytest.raises(AnnotationError, match="Use ghosts"):
        say(site, visit(1), alice, old="set")
    assert states(site, visit(1), "old") == {}


def test_where_set_means_good_the_worse_of_two_persons_words_is_that_it_is_not(
    site: Annotations, alice: Actor, bruno: Actor, visit: Visit
) -> None:
    say(site, visit(1), alice, photometric="set")
    site.add(targets=[visit(1)], flags=[Assertion("photometric", "clear")], actor=bruno, parents=[])
    (held,) = site.effective([visit(1)])
    assert (held.state, held.conflict) == ("clear", True)


def test_a_virtual_flag_follows_from_others_and_names_its_causes(
    log: Annotations, alice: Actor, bot: Actor, visit: Visit
) -> None:
    say(log, visit(1), bot, clouds="set", bad_focus="examined")
    (held,) = log.effective([visit(1)], flags=["unusable"])
    assert (held.state, held.by) == ("set", bot)
    assert [(cause.flag, cause.state) for cause in held.causes] == [("clouds", "set")]
    say(log, visit(1), alice, recovered="set")
    assert states(log, visit(1), "unusable") == {}
    flags = ("junk", "trailed", "donuts", "vignetting", "tracking", "fault")
    say(log, visit(1), bot, **dict.fromkeys(flags, "examined"))
    assert states(log, visit(1), "unusable") == {"unusable": "examined"}
    assert log.coverage([visit(1), visit(2)], flag="unusable") == {
        visit(1): "examined",
        visit(2): NEVER_EXAMINED,
    }
    assert [f.target for f in log.effective(None, flags=["unusable"], state="set")] == []


def test_what_nobody_examined_never_hides_a_fault(site: Annotations, alice: Actor, visit: Visit) -> None:
    say(site, visit(1), alice, ghosts="examined")
    assert states(site, visit(1), "doubtful") == {"doubtful": "set"}  # nobody said that it is photometric
    say(site, visit(1), alice, photometric="set")
    assert states(site, visit(1), "doubtful") == {"doubtful": "examined"}


def test_virtual_flags_build_on_one_another(site: Annotations, alice: Actor, visit: Visit) -> None:
    site.add(targets=[visit(1)], flags=[Assertion("user/me/odd", "set")], actor=alice)
    say(site, visit(1), alice, ghosts="set")
    assert states(site, visit(1), "worse", "user/me/odd") == {"worse": "set", "user/me/odd": "set"}
    (held,) = site.effective(None, flags=["worse"])
    assert {cause.flag for cause in held.causes} == {"doubtful", "user/me/odd"}


def test_a_virtual_flag_is_not_asserted(log: Annotations, alice: Actor, visit: Visit) -> None:
    with pytest.raises(AnnotationError, match="unusable is a virtual flag"):
        say(log, visit(1), alice, unusable="set")


def test_a_virtual_flag_as_of_a_cut_is_that_of_the_vocabulary_at_the_cut(
    site: Annotations, alice: Actor, visit: Visit
) -> None:
    say(site, visit(1), alice, ghosts="set", photometric="set")
    cut = site.cut()
    changed = {**SITE, "version": 2, "virtual": {**SITE["virtual"]}}
    changed["virtual"]["doubtful"] = {"severity": "low", "expression": "ghosts & junk", "description": "x"}
    site.lay_down(changed, actor=alice)
    assert states(site, visit(1), "doubtful") == {}
    (held,) = site.effective([visit(1)], flags=["doubtful"], at=cut)
    assert held.state == "set"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"virtual": {"a": {"severity": "low", "expression": "b", "description": "x"},
                      "b": {"severity": "low", "expression": "!a", "description": "x"}}}, "a -> b -> a"),
        ({"virtual": {"a": {"severity": "low", "expression": "a | junk", "description": "x"}}}, "a -> a"),
        ({"virtual": {"a": {"severity": "low", "expression": "jnk", "description": "x"}}}, "mean junk"),
        ({"virtual": {"a": {"severity": "low", "expression": "junk > 2", "description": "x"}}}, "stand fl"),
        ({"virtual": {"a": {"severity": "low", "expression": "junk &", "description": "x"}}}, "flag a"),
        ({"flags": {"junk": {"severity": "low", "set_means": "bad", "description": "x"}}}, "by standard@1"),
        ({"flags": {"x": {"severity": "low", "set_means": "bad", "description": "x", "aliases": ["cloudy"]}}},
         "defined by standard@1"),
        ({"flags": {"x": {"severity": "lo", "set_means": "bad", "description": "x"}}}, "Did you mean low"),
        ({"flags": {"x": {"severity": "low", "set_means": "bad"}}}, "description must be a text"),
        ({"flags": {"X y": {"severity": "low", "set_means": "bad", "description": "x"}}}, "name of a flag"),
        ({"flags": {"x": {"severity": "low", "set_means": "bad", "description": "x", "targets": ["vist"]}}},
         "Did you mean visit"),
        ({"flags": {"x": {"severity": "low", "set_means": "bad", "description": "x", "aliases": ["x"]}}},
         "stands for"),
        ({"flags": {}}, "defines no flags"),
        ({"vocabulary": "standard", "version": 2}, "choose another name"),
        ({"vocabulary": 3}, "must be a text"),
    ],
)  # fmt: skip
def test_a_vocabulary_that_contradicts_itself_or_what_is_known_is_refused(
    log: Annotations, alice: Actor, change: dict[str, Any], told: str
) -> None:
    flags = {"fine": {"severity": "low", "set_means": "bad", "description": "Fine."}}
    with pytest.raises(VocabularyError, match=told):
        log.lay_down({"vocabulary": "mine", "version": 1, "flags": flags} | change, actor=alice)
    assert not log.cut()


def test_a_version_means_the_same_for_ever(site: Annotations, alice: Actor) -> None:
    cut = site.cut()
    assert site.lay_down(SITE, actor=alice) == "cam@1"
    assert site.cut() == cut
    with pytest.raises(VocabularyError, match="raise its version"):
        site.lay_down({**SITE, "instruments": []}, actor=alice)


def test_a_file_that_is_no_vocabulary_is_told_with_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "flags.yaml"
    file.write_text("vocabulary: x\nversion: 1\nflags: {a: [}\n", encoding="utf-8")
    with pytest.raises(VocabularyError, match=r"flags\.yaml:3"):
        load_vocabulary(file)
    file.write_bytes(b"\xff")
    with pytest.raises(VocabularyError, match="not UTF-8"):
        load_vocabulary(file)
    with pytest.raises(VocabularyError, match="cannot be read"):
        load_vocabulary(tmp_path / "nothing.yaml")
