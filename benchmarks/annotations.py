"""Annotations: a million of them on a million exposures, on SQLite and on PostgreSQL.

Beside the figures stands what a plain table does in the same run: one table of messages with an index on
the exposure, as an exposure log keeps them, asked exposure by exposure or by ``LIKE``, and filled row by row.

Run it with ``.venv/bin/python benchmarks/annotations.py [--events 1000000] [--postgresql URI]``. Without a
URI it starts Debian's PostgreSQL in a temporary folder, or else the one of the wheel, which has no
``pg_trgm``. CPU time is that of this process; on PostgreSQL the server's comes on top, so that wall time
stands beside it.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import batched
from pathlib import Path

import sqlalchemy

from gnomon.annotations import Actor, Annotations, Assertion, Draft, Target, open_annotations

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.timing import show, timed

WORDS = (  # of a night
    *("clouds", "cirrus", "west", "east", "zenith", "seeing", "image", "stars", "trailed", "hexapod", "jump"),
    *("dome", "vignetting", "wind", "gust", "focus", "donut", "guider", "lost", "tracking", "fault", "bias"),
    *("shutter", "readout", "flat", "dark", "twilight", "moon", "bright", "sky", "satellite", "streak"),
    *("cosmic", "rays", "detector", "amplifier", "saturated", "glow", "reflection", "ghost", "mirror"),
)
PERSONS = [Actor(name, "human") for name in ("ada", "bruno", "chen", "dora")]
BOT = Actor("seeing-bot", "bot", agent="gnomon rules", agent_version="1")
ASKED = 10_000


def exposure(number: int) -> Target:
    """Name an exposure."""
    return Target.dimension("exposure", {"instrument": "LSSTCam", "exposure": 2025_000_000_000 + number})


def drafts(first: int, last: int, chance: random.Random) -> Iterator[Draft]:
    """Make annotations: a sentence, a flag on nine of ten, and each twentieth thing flagged twice."""
    for number in range(first, last):
        words = chance.choices(WORDS, k=12)
        if number % 5000 == 0:
            words[3] = f"needle{number}"
        target = exposure(number - 1 if number % 20 == 0 and number else number)
        flags = (
            [Assertion(chance.choice(["clouds", "junk", "questionable"]), "set", "seen")]
            if number % 10
            else []
        )
        yield Draft(targets=[target], text=" ".join(words), flags=flags, tags=[chance.choice(WORDS)])


def measure(log: Annotations, uri: str, number: int) -> None:
    """Print the figures of one database."""
    chance = random.Random(1)
    batch = 10_000
    wall = cpu = 0.0
    for first in range(0, number, batch):
        items = list(drafts(first, min(first + batch, number), chance))
        actor = BOT if first // batch % 4 else PERSONS[first // batch % 3]
        seconds, processor, _ = timed(lambda items=items, actor=actor: log.add_many(items, actor=actor))  # type: ignore[misc]
        wall, cpu = wall + seconds, cpu + processor
    show(f"append {number:,} in bulks of {batch:,}", wall, cpu, f"{number / wall:,.0f} events/s")
    plain(uri, number)

    singles = 300
    more = list(drafts(number, number + singles, chance))

    def append() -> None:
        for draft in more:
            log.add(targets=draft.targets, text=draft.text, flags=draft.flags, tags=draft.tags, actor=BOT)

    wall, cpu, _ = timed(append)
    show("append one", wall / singles, cpu / singles)

    wall, cpu, count = timed(log.rebuild)
    show(f"rebuild the projections of {count:,}", wall, cpu)

    asked = [exposure(n) for n in chance.sample(range(number), min(ASKED, number))]
    wall, cpu, held = timed(lambda: log.effective(asked), 5)
    show(f"effective flags of {len(asked):,} exposures", wall, cpu, f"{len(held)} flags")
    wall, cpu, held = timed(lambda: log.effective(asked, flags=["junk", "clouds"]), 5)
    show("  the same, two flags", wall, cpu, f"{len(held)} flags")
    cut = log.cut()
    wall, cpu, held = timed(lambda: log.effective(asked, at=cut), 5)
    show("  the same, as of a cut", wall, cpu, f"{len(held)} flags")
    wall, cpu, _ = timed(lambda: [exposure(n) for n in range(ASKED)], 3)
    show(f"  naming {ASKED:,} exposures", wall, cpu)
    many = [exposure(n) for n in chance.sample(range(number), min(10 * ASKED, number))]
    wall, cpu, held = timed(lambda: log.effective(many), 3)
    show(f"effective flags of {len(many):,} exposures", wall, cpu, f"{len(held)} flags")

    wall, cpu, held = timed(lambda: log.effective(many, at=cut), 3)
    show("  the same, as of a cut", wall, cpu, f"{len(held)} flags")
    wall, cpu, held = timed(lambda: log.effective(many, state="set"), 3)
    show("  the same, only what is set", wall, cpu, f"{len(held)} flags")
    wall, cpu, _ = timed(lambda: [flag.reason for flag in held], 1)
    show("  looking at the reason of each", wall, cpu)
    datasets(log, 10 * ASKED)

    for what, conditions in {
        "a rare piece of a text": {"text": "needle5000"},
        "a frequent piece of a text": {"text": "irr"},
        "a piece that is nowhere": {"text": "nowhere to be seen"},
        "a rare word": {"words": "needle5000"},
        "a frequent word": {"words": "cirrus"},
        "two frequent words": {"words": "cirrus hexapod"},
        "a frequent flag": {"flag": "junk"},
        "a frequent piece, a flag and a tag": {"text": "irr", "flag": "junk", "tag": "zenith"},
    }.items():
        wall, cpu, page = timed(lambda c=conditions: log.search(limit=50, newest=True, **c), 5)  # type: ignore[misc]
        show(f"search: {what}", wall, cpu, f"{len(page)} shown")
    page = log.search(limit=50, newest=True)
    for _ in range(20):
        page = log.search(limit=50, newest=True, after=page.next)
    wall, cpu, _ = timed(lambda: log.search(limit=50, newest=True, after=page.next), 5)
    show("a page of 50, after 20 others", wall, cpu)


def datasets(log: Annotations, number: int) -> None:
    """Print what questions about datasets take, of which every second one has a flag."""
    ids = [uuid.UUID(int=place, version=4) for place in range(number)]
    flags = [Assertion("questionable", "set", "zero point off its trend")]
    drafts = [Draft(targets=[Target.dataset(one)], flags=flags) for one in ids[::2]]
    for batch in batched(drafts, ASKED):
        log.add_many(batch, actor=BOT)
    random.Random(2).shuffle(ids)
    named = [Target.dataset(one) for one in ids]
    wall, cpu, held = timed(lambda: log.effective(named), 3)
    show(f"effective flags of {number:,} datasets", wall, cpu, f"{len(held)} flags")
    wall, cpu, _ = timed(lambda: [Target.dataset(one) for one in ids], 3)
    show("  naming them", wall, cpu)
    pending = [Target.pending(f"X_O_{place}", "X") for place in range(100)]
    log.add(targets=pending, flags=flags, actor=BOT)
    log.resolve({one: exposure(place) for place, one in enumerate(pending)}, actor=BOT)
    wall, cpu, held = timed(lambda: log.effective(named), 3)
    show("  after a hundred observations were resolved", wall, cpu)


def plain(uri: str, number: int) -> None:
    """Print what a plain table of messages does with the same rows."""
    address = uri if "://" in uri else f"sqlite:///{uri}.plain"
    engine = sqlalchemy.create_engine(address)
    metadata = sqlalchemy.MetaData()
    table = sqlalchemy.Table(
        "plain_message",
        metadata,
        sqlalchemy.Column("id", sqlalchemy.Integer, primary_key=True),
        sqlalchemy.Column("exposure", sqlalchemy.Text, index=True),
        sqlalchemy.Column("flag", sqlalchemy.Text),
        sqlalchemy.Column("text", sqlalchemy.Text),
    )
    metadata.drop_all(engine)
    metadata.create_all(engine)
    chance = random.Random(1)
    rows = []
    for draft in drafts(0, number, chance):
        (target,), flags = list(draft.targets), list(draft.flags)
        rows.append({"exposure": target.key, "flag": flags[0].flag if flags else None, "text": draft.text})
    few = rows[:500]

    def one_by_one() -> None:
        for row in few:
            with engine.begin() as connection:
                connection.execute(table.insert(), row)

    wall, cpu, _ = timed(one_by_one)
    show("beside it, a plain table: insert one", wall / len(few), cpu / len(few))
    with engine.begin() as connection:
        connection.execute(table.insert(), rows[500:])
    asked = [exposure(n).key for n in chance.sample(range(number), 1000)]

    def ask() -> None:
        with engine.connect() as connection:
            for key in asked:
                connection.execute(table.select().where(table.c.exposure == key)).all()

    wall, cpu, _ = timed(ask)
    show("beside it: ask exposure by exposure, for 10,000", wall * 10, cpu * 10)

    def like() -> None:
        with engine.connect() as connection:
            query = table.select().where(table.c.text.like("%nowhere to be seen%")).limit(50)
            connection.execute(query).all()

    wall, cpu, _ = timed(like, 3)
    show("beside it: LIKE '%nowhere to be seen%'", wall, cpu)
    metadata.drop_all(engine)
    engine.dispose()


@contextmanager
def places(given: str | None) -> Iterator[dict[str, str]]:
    """Give the databases to measure."""
    with tempfile.TemporaryDirectory() as folder:
        if given is not None:
            yield {"SQLite": f"{folder}/annotations.db", "PostgreSQL": given}
            return
        tool = Path(__file__).parents[1] / "tools" / "postgresql.py"
        server = subprocess.Popen(
            [sys.executable, tool, f"{folder}/server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if server.stdout is None:
            raise RuntimeError("The server says nothing.")
        address, name = server.stdout.readline().split()
        yield {"SQLite": f"{folder}/annotations.db", f"PostgreSQL {name}": address}
        server.communicate("")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--postgresql")
    parser.add_argument("--only", choices=["SQLite", "PostgreSQL"])
    arguments = parser.parse_args()
    with places(arguments.postgresql) as found:
        for name, uri in found.items():
            if arguments.only and not name.startswith(arguments.only):
                continue
            print(name, flush=True)
            with open_annotations(uri, origin="summit") as log:
                measure(log, uri, arguments.events)


if __name__ == "__main__":
    main()
