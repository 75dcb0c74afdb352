"""Interrupting the demonstration at any moment, and running it again."""

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from gnomon.annotations import open_annotations

from .conftest import GNOMON, Demonstration, environment_of_a_shell, run_demo, write_night

pytestmark = pytest.mark.long


@pytest.mark.xdist_group("again")
def test_running_again_keeps_what_was_said_and_gives_the_same_figures(tmp_path: Path) -> None:
    table = write_night(tmp_path, visits=8).path
    first = run_demo(tmp_path / "demo", "--table", str(table))
    second = run_demo(tmp_path / "demo", "--table", str(table))
    assert second.found["annotations"] == first.found["annotations"]
    assert second.found["runs"]["before"]["run"] != first.found["runs"]["before"]["run"]
    for metric, measured in first.found["metrics"].items():
        assert second.found["metrics"][metric] == measured
    assert second.found["excluded_visits"] == first.found["excluded_visits"]


@pytest.mark.xdist_group("again")
def test_a_persons_word_given_by_hand_counts_the_next_time(tmp_path: Path) -> None:
    table = write_night(tmp_path, visits=8).path
    first = run_demo(tmp_path / "demo", "--table", str(table))
    (bots,) = (item for item in first.found["excluded_visits"] if item["kind"] == "bot")
    log = tmp_path / "demo" / "annotations.db"
    subprocess.run(
        [
            GNOMON, "flag", "questionable", "instrument=DemoCamera", f"visit={bots['visit']}",
            "--state", "clear", "--user", "ada", "--annotations", str(log),
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    second = run_demo(tmp_path / "demo", "--table", str(table))
    assert bots["visit"] not in {item["visit"] for item in second.found["excluded_visits"]}


def _interrupt(folder: Path, table: Path, sent: signal.Signals, after: float) -> int:
    process = subprocess.Popen(
        [GNOMON, "demo", str(folder), "--table", str(table)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # so that the signal reaches pipetask too, as from a terminal
    )
    time.sleep(after)
    if process.poll() is None:
        os.killpg(process.pid, sent)
    return process.wait()


@pytest.mark.xdist_group("interruptions")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_an_interruption_at_any_moment_is_made_good_by_running_again(
    tmp_path: Path, sent: signal.Signals
) -> None:
    table = write_night(tmp_path, visits=6).path
    undisturbed = run_demo(tmp_path / "undisturbed", "--table", str(table))
    folder = tmp_path / "demo"
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201  # shown when the test fails
    moments = random.Random(seed)
    # From before the folder exists to after the second run has begun.
    for after in sorted(moments.uniform(0.2, 20.0) for _ in range(8)):
        _interrupt(folder, table, sent, after)
        if (folder / "annotations.db").exists():
            with open_annotations(folder / "annotations.db") as log:
                assert log.check() == []
    again = run_demo(folder, "--table", str(table))
    assert _values(again) == _values(undisturbed)
    kinds = [(said["by"], said["state"]) for said in again.found["annotations"]]
    assert kinds == [(said["by"], said["state"]) for said in undisturbed.found["annotations"]]
    assert json.dumps(again.found["excluded_visits"]) == json.dumps(undisturbed.found["excluded_visits"])


def _values(demonstration: Demonstration) -> dict[str, object]:
    return {name: (m["value"], m["unit"]) for name, m in demonstration.found["metrics"].items()}


@pytest.mark.xdist_group("again")
def test_what_the_demonstration_says_to_try_next_works(tmp_path: Path) -> None:
    table = write_night(tmp_path, visits=6).path
    done = subprocess.run(
        [GNOMON, "demo", "demo", "--table", str(table)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    _, _, steps = done.stdout.partition("What to try next")
    commands = [
        line.strip() for line in steps.splitlines() if line.strip() and not line.strip().startswith("#")
    ]
    assert {command.split()[0] for command in commands} >= {"export", "pipetask", "gnomon"}
    tried = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(commands)],
        cwd=tmp_path,
        env=environment_of_a_shell(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert tried.returncode == 0, tried.stderr
    assert "zero_point_offset" in tried.stdout
