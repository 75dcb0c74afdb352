"""Inheritance: 50 flagged exposures among 10,000 visits of two exposures, and a coadd of many inputs.

Beside the figures stands what the Butler alone takes in the same run: its two queries for the visit
definitions, and asking for them exposure by exposure.

Run it with ``.venv/bin/python benchmarks/inheritance.py [--visits 10000] [--inputs 5000]``.
"""

import argparse
import random
import sys
import tempfile
import uuid
from pathlib import Path

from lsst.daf.butler import Butler

from gnomon.annotations import Actor, Assertion, Target, open_annotations
from gnomon.curation.inheritance import inherit, load_inheritance
from gnomon.repository.lineage import Dataset, Edge, open_lineage

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.timing import show, timed

CAMERA = "Cam"
FLAGGED = 50


def make(folder: Path, visits: int) -> None:
    """Make the repository."""
    Butler.makeRepo(folder)
    with Butler.from_config(folder, writeable=True) as butler, butler.transaction():
        insert = butler.registry.insertDimensionData
        insert("instrument", {"name": CAMERA, "visit_system": 0})
        insert("physical_filter", {"instrument": CAMERA, "name": "r_03", "band": "r"})
        insert("day_obs", {"instrument": CAMERA, "id": 20250101})
        exposures = range(2 * visits)
        insert("group", *({"instrument": CAMERA, "name": f"g{n}"} for n in exposures))
        common = {"instrument": CAMERA, "day_obs": 20250101, "physical_filter": "r_03"}
        insert(
            "exposure",
            *({**common, "id": n, "obs_id": f"E{n}", "group": f"g{n}", "seq_num": n} for n in exposures),
        )
        insert("visit", *({**common, "id": n, "name": f"V{n}", "seq_num": n} for n in range(visits)))
        insert(
            "visit_definition",
            *({"instrument": CAMERA, "visit": n // 2, "exposure": n} for n in exposures),
        )


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--visits", type=int, default=10_000)
    parser.add_argument("--inputs", type=int, default=5_000)
    arguments = parser.parse_args()
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        make(folder / "repo", arguments.visits)
        flagged = sorted(chance.sample(range(2 * arguments.visits), FLAGGED))
        with (
            open_annotations(folder / "annotations.db", origin="summit") as log,
            Butler.from_config(folder / "repo") as butler,
            open_lineage(folder / "lineage.db") as lineage,
        ):
            log.add(
                targets=[
                    Target.dimension("exposure", {"instrument": CAMERA, "exposure": n}) for n in flagged
                ],
                flags=[Assertion("clouds", "set", "cirrus")],
                actor=Actor("cloud-bot", "bot"),
            )
            flags = log.effective(None, flags=["clouds"])
            rules = load_inheritance("standard@1")

            def definitions(dimension: str, numbers: list[int]) -> list[object]:
                with butler.query() as query:
                    some = query.join_dimensions(["visit", "exposure"]).where(instrument=CAMERA)
                    some = some.where(f"{dimension} IN (numbers)", bind={"numbers": numbers})
                    return list(some.dimension_records("visit_definition"))

            def alone() -> None:
                definitions("exposure", flagged)
                definitions("visit", [number // 2 for number in flagged])

            def one_by_one() -> None:
                for number in flagged:
                    definitions("exposure", [number])

            wall, cpu, _ = timed(alone)
            show("the Butler's two queries for visit definitions", wall, cpu)
            before = cpu
            wall, cpu, found = timed(lambda: inherit(flags, rules, butler=butler))
            show(
                f"what is inherited from {FLAGGED} of {2 * arguments.visits:,} exposures",
                wall,
                cpu,
                f"{len(found)} flags; {1000 * (cpu - before):.0f} ms beyond the Butler",
            )
            wall, cpu, _ = timed(one_by_one, 2)
            show("beside it: the Butler asked exposure by exposure", wall, cpu)

            coadd = uuid.uuid4()
            inputs = [
                Dataset(uuid.uuid4(), "warp", {"instrument": CAMERA, "visit": n, "detector": 1}, "run")
                for n in range(arguments.inputs)
            ]
            lineage.record([Edge(coadd, one.id) for one in inputs], datasets=inputs)
            asked = [Target.dataset(coadd)]
            wall, cpu, found = timed(
                lambda: inherit(flags, rules, butler=butler, lineage=lineage, targets=asked, advisory=True)
            )
            assert isinstance(found, list)
            show(f"a coadd of {arguments.inputs:,} inputs", wall, cpu, found[0].reason[:40])


if __name__ == "__main__":
    main()
