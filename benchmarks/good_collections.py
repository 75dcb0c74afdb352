"""What it takes to keep a collection up to what was said, to list that, and to spread standing queries.

A repository of 1,000 visits with 100 detectors has 100,000 datasets (in the registry alone: no files).
Fifty visits and 500 single datasets are flagged. The collection is filled once; then ten more visits are
flagged and it is brought up to that; then again, with nothing to do. Beside it stands what a script without
gnomon would do with the same knowledge: find all datasets, take everything out and put in what is good.
``said`` is the list of flags of all 100,000 datasets, by every record that they are of; ``standing`` spreads
one flag on a query over half of the datasets.

CPU seconds of one process, with the repository open. Run it with
``.venv/bin/python benchmarks/good_collections.py [VISITS]``.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from astropy.time import Time, TimeDelta
from lsst.daf.butler import (  # type: ignore[attr-defined]
    Butler,
    CollectionType,
    DataCoordinate,
    DatasetType,
    Timespan,
)

from gnomon.annotations import Actor, Annotations, Assertion, Target, open_annotations
from gnomon.curation.exclusions import Exclusions, Selection, find_exclusions
from gnomon.curation.good_collections import Source, SyncReport, sync
from gnomon.curation.marking import Request, find
from gnomon.curation.said import said_of
from gnomon.curation.standing_queries import expand
from gnomon.repository.configuration import open_butler

CAMERA, DETECTORS = "Bench", 100
BOT = Actor("bench-bot", "bot")
SOURCE = Source(collections=("all",), dataset_types=("raw",))


def make_repository(folder: Path, visits: int) -> None:
    """Make a repository whose registry knows many datasets."""
    Butler.makeRepo(str(folder))
    with open_butler(folder, writeable=True) as butler:
        begin = Time("2025-01-01T12:00:00", scale="tai")

        def insert(element: str, *records: dict[str, Any]) -> None:
            butler.registry.insertDimensionData(element, *({"instrument": CAMERA} | r for r in records))

        butler.registry.insertDimensionData("instrument", {"name": CAMERA, "class_name": "none"})
        insert("physical_filter", {"name": "R", "band": "r"})
        insert("day_obs", {"id": 20250101, "timespan": Timespan(begin, begin + TimeDelta(1, format="jd"))})
        insert("detector", *({"id": number, "full_name": f"D{number}"} for number in range(DETECTORS)))
        insert(
            "visit",
            *(
                {"id": v, "name": f"V{v}", "physical_filter": "R", "day_obs": 20250101, "seq_num": v}
                for v in range(visits)
            ),
        )
        kind = DatasetType(
            "raw", ("instrument", "visit", "detector"), "ArrowTable", universe=butler.dimensions
        )
        butler.registry.registerDatasetType(kind)
        butler.collections.register("all")
        data_ids = [
            DataCoordinate.standardize(
                instrument=CAMERA, visit=v, detector=d, physical_filter="R", day_obs=20250101, band="r",
                universe=butler.dimensions,
            )
            for v in range(visits)
            for d in range(DETECTORS)
        ]  # fmt: skip
        butler.registry.insertDatasets(kind, data_ids, run="all", expand=False)


def flag(log: Annotations, targets: list[Target]) -> None:
    """Flag many things at once."""
    log.add(targets=targets, flags=[Assertion("junk", "set", "bench")], actor=BOT)


def visit(number: int) -> Target:
    """Mean a visit."""
    return Target.dimension("visit", {"instrument": CAMERA, "visit": number})


@contextmanager
def timed(label: str) -> Iterator[None]:
    """Print how much CPU time something takes."""
    begin = time.process_time()
    yield
    print(f"{label:55} {time.process_time() - begin:8.2f} s")


def refill(butler: Butler, exclusions: Exclusions) -> None:
    """Do what a script would: find all, take out all, put in what is good."""
    if "refilled" not in butler.collections.query("*"):
        butler.collections.register("refilled", CollectionType.TAGGED)
    refs = butler.query_datasets("raw", "all", limit=None)
    present = butler.query_datasets("raw", "refilled", limit=None, explain=False)
    good = [ref for ref, one in zip(refs, exclusions.of_datasets(refs), strict=True) if one is None]
    with butler.registry.transaction():
        butler.registry.disassociate("refilled", present)
        butler.registry.associate("refilled", good)


def main() -> None:
    """Measure and print."""
    visits = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    with tempfile.TemporaryDirectory(prefix="gnomon-") as name:
        folder = Path(name)
        make_repository(folder / "repo", visits)
        with (
            open_butler(folder / "repo", writeable=True) as butler,
            open_annotations(folder / "annotations.db", origin="bench") as log,
        ):
            refs = butler.query_datasets("raw", "all", limit=None)
            flag(log, [visit(number) for number in range(50)])
            flag(log, [Target.dataset(ref.id) for ref in refs[50_00 : 50_00 + 5_000 : 10]])

            def exclusions() -> Exclusions:
                asked = Selection(exclude_flags=("junk",), inherit=None)
                return find_exclusions(asked, annotations=log, butler=butler)

            def once() -> SyncReport:
                return sync(butler, collection="good", source=SOURCE, exclusions=exclusions(), by="bench")

            steps: list[tuple[str, Callable[[], Any]]] = [
                ("a script that fills a collection", lambda: refill(butler, exclusions())),
                ("sync: the first time", once),
                ("flag ten more visits", lambda: flag(log, [visit(n) for n in range(500, 510)])),
                ("a script that takes all out and puts all in", lambda: refill(butler, exclusions())),
                ("sync: ten visits leave", once),
                ("sync: nothing to do", once),
            ]
            print(f"{len(refs)} datasets")
            for label, step in steps:
                with timed(label):
                    done = step()
                if isinstance(done, SyncReport):
                    record = done.record
                    print(f"    {record.entered} entered, {record.left} left, {record.kept} stayed")
            with timed("said: flags of all datasets"):
                found = find(butler, Request(dataset_types=("raw",), collections=("all",)))
                said = said_of(log, found.things, flags=["junk"])
            print(f"    {len(said)} flags")
            where = f"instrument = '{CAMERA}' AND visit >= {visits // 2}"
            query = Target.query(where, of="raw", collections=["all"])
            log.add(targets=[query], flags=[Assertion("clouds", "set")], actor=BOT)
            with timed("standing: one flag spread over a query"):
                spread = expand(log.effective(None, flags=["clouds"]), butler=butler)
            print(f"    {len(spread)} flags")


if __name__ == "__main__":
    main()
