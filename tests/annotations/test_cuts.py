from collections.abc import Callable

import pytest
from astropy.time import Time

from gnomon import times
from gnomon.annotations import Actor, Annotations, Assertion, Cut, Target, open_annotations
from gnomon.errors import AnnotationNotFoundError, CutError

Visit = Callable[[int], Target]


def test_what_was_left_out_at_a_cut_is_said_again_whatever_was_edited_or_taken_back_since(
    log: Annotations, alice: Actor, bot: Actor, visit: Visit
) -> None:
    marked = log.add(targets=[visit(1), visit(2)], flags=[Assertion("junk", "set", "dark")], actor=bot)
    said = log.add(targets=[visit(2)], text="first", flags=[Assertion("junk", "clear")], actor=alice)
    cut = log.cut()
    log.edit(said.id, actor=alice, expected=said.event_id, text="second", flags=[Assertion("junk", "set")])
    log.retract(marked.id, actor=bot)
    now = {flag.target: (flag.state, flag.text) for flag in log.effective([visit(1), visit(2)])}
    assert now == {visit(2): ("set", "second")}
    then = log.effective(None, flags=["junk"], at=cut)
    assert [(flag.target, flag.state, flag.text) for flag in then] == [
        (visit(1), "set", ""),
        (visit(2), "clear", "first"),
    ]
    assert {flag.cut for flag in then} == {cut}
    assert [reason.rule for reason in then[1].reasons] == ["human over bot", "human over bot"]
    assert log.get(said.id, at=cut).text == "first"
    assert log.coverage([visit(1)], flag="junk", at=cut) == {visit(1): "set"}
    with pytest.raises(AnnotationNotFoundError):
        log.get(said.id, at=Cut())
    assert log.effective([visit(1)], at=Cut()) == []


def test_a_moment_is_turned_into_a_cut(
    log: Annotations, alice: Actor, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = 1_800_000_000_000_000
    for minute in range(4):
        monkeypatch.setattr(times, "now", lambda minute=minute: at + minute * 60_000_000)
        log.add(targets=[visit(minute)], text="x", actor=alice)
    assert str(log.cut()) == "summit:4"
    assert str(log.cut(at - 1000)) == ""
    assert str(log.cut(at)) == "summit:1"
    assert str(log.cut(at + 119_000_000)) == "summit:2"
    assert str(log.cut(times.from_tai_us(at + 120_000_000))) == "summit:3"
    assert str(log.cut(Time("2040-01-01", scale="tai"))) == "summit:4"


def test_late_events_of_another_site_change_the_answer_for_a_moment_and_never_for_its_cut(
    log: Annotations, alice: Actor, bruno: Actor, visit: Visit, tmp_path: object
) -> None:
    with open_annotations(f"{tmp_path}/other.db", origin="usdf") as other:
        other.add(targets=[visit(1)], flags=[Assertion("junk", "set")], actor=bruno)
        log.add(targets=[visit(1)], flags=[Assertion("junk", "clear")], actor=alice)
        moment = times.now()
        cut = log.cut(moment)
        assert log.take_in(other.events()).recorded == 1
    assert [flag.state for flag in log.effective([visit(1)], at=cut)] == ["clear"]
    (late,) = log.effective([visit(1)], at=moment)
    assert (late.state, late.conflict, str(late.cut)) == ("set", True, "summit:1,usdf:1")


def test_a_cut_that_the_log_does_not_reach_is_refused(log: Annotations, alice: Actor, visit: Visit) -> None:
    log.add(targets=[visit(1)], text="x", actor=alice)
    for cut in ("summit:2", "summit:1,usdf:1"):
        for ask in (
            lambda cut: log.effective([visit(1)], at=cut),
            lambda cut: log.cut(cut),
            lambda cut: log.digest(cut),
            lambda cut: log.export("nowhere", after=cut),
        ):
            with pytest.raises(CutError):
                ask(Cut.parse(cut))


@pytest.mark.parametrize(
    "text", ["summit", "summit:", "summit:x", "summit:0x1", "a:1,a:2", "a b:1", "a:1;b:2"]
)
def test_what_is_no_cut_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(CutError, match="summit:1042"):
        Cut.parse(text)


def test_a_cut_is_written_in_one_way() -> None:
    assert str(Cut.parse(" usdf:7, summit:12 ")) == "summit:12,usdf:7"
    assert Cut.parse("a:1") <= Cut.parse("a:2,b:1")
    assert not Cut.parse("a:1,b:1") <= Cut.parse("a:2")
    assert not Cut()
