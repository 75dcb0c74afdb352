"""A process that is killed at any moment: nothing acknowledged is lost, nothing is doubled or halved."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from gnomon.store import Store, open_store

PER_BATCH = 30

CHILD = """
import datetime
import sys

from gnomon.measurements.rows import from_records
from gnomon.store import open_store

folder, what, start = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = open_store(folder)


def row(number, place, kind):
    data_id = {"instrument": "Cam", "visit": number % 50}
    if place % 2:
        data_id["detector"] = place
    dataset = place if kind == "single" else place // 10
    return {
        "dataset_id": (number * 1000 + dataset).to_bytes(16),
        "metric": f"demo.m{place % 10}",
        "value": float(number),
        "unit": "mmag",
        "run": "run",
        "dataset_type": f"metricvalue_demo_m{place % 10}" if kind == "single" else "metricbundle_demo_x",
        "measured_at": 1,
        "extras": str(number),
        **(data_id if kind == "single" else {"instrument": "Cam", "visit": number % 50}),
    }


def batch(number, kind):
    return [row(number, place, kind) for place in range(30)]


print("ready", flush=True)
number = start
while True:
    kind = "single" if number % 2 else "bundle"
    if what == "append":
        store.append(from_records(batch(number, kind)), source="killed")
    elif what == "write":
        with store.writer(source="killed") as writer:
            writer.write_table(from_records(batch(number, kind)))
            print(number, flush=True)
    elif what == "compact":
        store.append(from_records(batch(number, kind)), source="killed")
        store.compact(whole=number % 3 == 0)
    elif what == "vacuum":
        former = [item | {"measured_at": 0} for item in batch(number, kind)]
        store.append(from_records(former), source="killed")
        store.append(from_records(batch(number, kind)), source="killed")
        store.compact()
        nothing = datetime.timedelta(0)
        store.vacuum(retention=nothing, grace=nothing, alone=True)
    print(number, flush=True)
    number += 1
"""


def kill(folder: Path, what: str, start: int, delay: float) -> tuple[set[int], int]:
    """Run a process and kill it; give the batches that it acknowledged, and the next number to use."""
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder), what, str(start)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate(timeout=60)
    acknowledged = {int(line) for line in rest.splitlines()}
    return acknowledged, max(acknowledged, default=start - 1) + 2


def check(store: Store, acknowledged: set[int]) -> None:
    found = store.load(columns=["dataset_id", "metric", "value"]).polars()
    assert not found.select("dataset_id", "metric").is_duplicated().any()
    counts = Counter(int(value) for value in found["value"])
    assert set(counts.values()) <= {PER_BATCH}
    assert acknowledged <= counts.keys()


@pytest.mark.long
@pytest.mark.parametrize("what", ["append", "write", "compact", "vacuum"])
def test_nothing_is_lost_doubled_or_halved_by_kills_at_random(tmp_path: Path, what: str) -> None:
    # GNOMON_TEST_KILLS asks for more of them than a run of all tests has time for.
    kills = int(os.environ.get("GNOMON_TEST_KILLS", "8"))
    seed = random.randrange(2**32)
    moments = random.Random(seed)
    folder = tmp_path / "store"
    acknowledged: set[int] = set()
    start = 0
    for number in range(kills):
        done, start = kill(folder, what, start, moments.uniform(0, 0.6))
        acknowledged |= done
        if folder.exists():
            try:
                check(open_store(folder), acknowledged)
            except AssertionError as error:
                error.add_note(f"kill {number} of seed {seed}")
                raise
    store = open_store(folder)
    store.flush()
    check(store, acknowledged)
    store.compact(whole=True)
    check(store, acknowledged)
    assert acknowledged
