"""Several processes at once, and one that is killed."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from gnomon.annotations import Actor, Annotations, Assertion, Draft, Target, open_annotations

Visit = Callable[[int], Target]

EDITOR = """
import sys
from gnomon.annotations import Actor, open_annotations
from gnomon.errors import ConcurrencyError

path, annotation, expected, me = sys.argv[1:]
with open_annotations(path, origin="summit") as log:
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        log.edit(annotation, actor=Actor(me, "human"), expected=expected, text=me)
        print("won")
    except ConcurrencyError:
        print("told")
"""

OPENER = """
import sys
from gnomon.annotations import Actor, Target, open_annotations

print("ready", flush=True)
sys.stdin.readline()
with open_annotations(sys.argv[1], origin="summit") as log:
    for number in range(5):
        log.add(targets=[Target.collection("c")], text=str(number), actor=Actor(sys.argv[2], "bot"))
"""

WRITER = """
import sys
from gnomon.annotations import Actor, Assertion, Target, open_annotations

visits = [Target.dimension("visit", {"instrument": "X", "visit": n}) for n in range(30)]
with open_annotations(sys.argv[1], origin="summit") as log:
    while True:
        added = log.add(
            targets=visits, flags=[Assertion("clouds", "set")], actor=Actor("writer", "pipeline")
        )
        print(added.id, flush=True)
"""


BULKS = """
import sys
from gnomon.annotations import Actor, Assertion, Draft, Target, open_annotations

with open_annotations(sys.argv[1], origin="summit") as log:
    number = 0
    while True:
        items = [
            Draft(targets=[Target.dimension("visit", {"instrument": "X", "visit": n})], text="said",
                  flags=[Assertion("clouds", "set")])
            for n in range(200)
        ]
        log.add_many(items, actor=Actor("writer", "pipeline"), key=f"bulk {number}")
        number += 1
        print(number, flush=True)
"""

REBUILDER = """
import sys
from gnomon.annotations import open_annotations

with open_annotations(sys.argv[1], origin="summit") as log:
    print("ready", flush=True)
    while True:
        log.rebuild(progress=lambda done, total: print("working", flush=True))
"""


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def at_once(processes: list[subprocess.Popen[str]]) -> list[str]:
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0].strip() for process in processes]
    assert all(process.returncode == 0 for process in processes)
    return said


def test_of_eight_processes_that_edit_one_annotation_one_wins_and_seven_are_told(
    log: Annotations, address: str, alice: Actor, visit: Visit
) -> None:
    added = log.add(targets=[visit(1)], text="a", actor=alice)
    said = at_once([start(EDITOR, address, added.id, added.event_id, f"editor-{n}") for n in range(8)])
    assert sorted(said) == ["told"] * 7 + ["won"]
    assert log.get(added.id).text == f"editor-{said.index('won')}"
    assert len(log.history(added.id)) == 2
    assert log.check() == []


def test_processes_that_make_a_log_at_once_share_one(address: str) -> None:
    at_once([start(OPENER, address, f"bot-{n}") for n in range(3)])
    with open_annotations(address, origin="summit") as log:
        history = log.history(Target.collection("c"))
        assert [event.origin_seq for event in history] == list(range(1, 16))
        assert log.check() == []


@pytest.mark.parametrize("acknowledged", [1, 5, 17])
def test_a_killed_writer_loses_nothing_that_was_acknowledged(address: str, acknowledged: int) -> None:
    writer = start(WRITER, address)
    assert writer.stdout is not None
    seen = [writer.stdout.readline().strip() for _ in range(acknowledged)]
    writer.kill()
    seen += writer.stdout.read().split()
    writer.communicate()
    with open_annotations(address, origin="summit") as log:
        kept = {str(annotation.id) for annotation in log.search()}
        assert set(seen) <= kept
        assert len(kept) <= len(seen) + 1
        assert log.check() == []
        log.add(targets=[Target.collection("c")], text="goes on", actor=Actor("alice", "human"))
        assert log.check() == []


@pytest.mark.parametrize("acknowledged", [1, 4])
def test_a_bulk_whose_writer_is_killed_is_there_as_a_whole_or_not_at_all_and_can_be_sent_again(
    address: str, acknowledged: int
) -> None:
    writer = start(BULKS, address)
    assert writer.stdout is not None
    for _ in range(acknowledged):
        writer.stdout.readline()
    writer.kill()
    # Read as before: `communicate` would leave out what lies in the buffer.
    seen = acknowledged + len(writer.stdout.read().split())
    writer.communicate()
    visits = [Target.dimension("visit", {"instrument": "X", "visit": n}) for n in range(200)]
    items = [Draft(targets=[v], text="said", flags=[Assertion("clouds", "set")]) for v in visits]
    with open_annotations(address, origin="summit") as log:
        kept = len(log.search())
        assert kept in (200 * seen, 200 * (seen + 1))
        assert log.check() == []
        again = log.add_many(items, actor=Actor("writer", "pipeline"), key=f"bulk {seen}")
        assert all(item.repeated == (kept > 200 * seen) for item in again)
        assert len(log.search()) == 200 * (seen + 1)
        assert log.check() == []


def test_a_rebuild_that_is_killed_leaves_everything_as_it_was(
    address: str, log: Annotations, alice: Actor, visit: Visit
) -> None:
    log.add_many([Draft(targets=[visit(n)], text=f"number {n}") for n in range(500)], actor=alice)
    before = log.fingerprint()
    rebuilder = start(REBUILDER, address)
    assert rebuilder.stdout is not None
    for _ in range(3):
        rebuilder.stdout.readline()
    rebuilder.kill()
    rebuilder.communicate()
    assert log.fingerprint() == before
    assert len(log.search(words="number", limit=1000)) == 500
    assert log.check() == []
