"""What a rule says now beside what it said before: the changes, found for all things at once."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from gnomon.annotations import Word
from gnomon.curation.rules.evaluation import Proposals
from gnomon.curation.rules.things import data_id_of_key
from gnomon.errors import DefinitionError
from gnomon.measurements.rows import DATA_ID_COLUMNS

__all__ = ["Scope", "changes_of", "inside_rows", "said_before"]

_WORDS = {
    "key": pl.String,
    "flag": pl.String,
    "state": pl.String,
    "version": pl.Int64,
    "reason": pl.String,
    "clock": pl.Int64,
    "event": pl.String,
    "annotation": pl.String,
    "tags": pl.String,
}


@dataclass(frozen=True)
class Scope:
    """Over which measurements a rule was run, as tags of its annotations.

    Parameters
    ----------
    over
        The tag for the store and the collections.
    where
        The tag for the further condition; `None` for none.
    """

    over: str
    where: str | None

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags."""
        return (self.over,) if self.where is None else (self.over, self.where)

    def covers(self, tags: str) -> bool:
        """Say whether what was said in a run with these tags would be said again in this one."""
        told = json.loads(tags)
        return self.over in told and (self.where is None or self.where in told)


def said_before(words: Iterable[Word]) -> pl.DataFrame:
    """Give the words of a rule as a table.

    Parameters
    ----------
    words
        As `gnomon.annotations.Annotations.words` gives them.

    Returns
    -------
    polars.DataFrame
        The fields of a `Word`, the target's as ``key``; several rows for what was said several times.
    """
    return pl.DataFrame(list(words), schema=_WORDS, orient="row")


def changes_of(
    proposals: Proposals,
    flag: str,
    said: pl.DataFrame,
    scope: Scope,
    inside: Callable[[pl.Series], Sequence[bool]],
) -> pl.DataFrame:
    """Say what a rule has to say anew.

    Parameters
    ----------
    proposals
        What it says now.
    flag
        The flag, by the name that the log has for it.
    said
        What it said before, as `said_before` gives it.
    scope
        Over which measurements it is run.
    inside
        Says of keys of targets of which the rule has nothing to say any more whether they belong to these
        measurements. It is asked only where the scope leaves that open.

    Returns
    -------
    polars.DataFrame
        ``key``, ``flag``, ``state`` (*withdrawn* where it has nothing to say any more), ``before`` (null
        where it had said nothing) and ``place``, the place among the proposals. A reason that is worded
        otherwise is no change.

    Raises
    ------
    DefinitionError
        If a later version of the rule has spoken.
    """
    rule = proposals.rule
    now = pl.DataFrame(
        {"key": proposals.keys, "state": proposals.states, "place": pl.int_range(len(proposals), eager=True)},
        schema={"key": pl.String, "state": pl.String, "place": pl.Int64},
    ).with_columns(pl.lit(flag).alias("flag"))
    # Two datasets can measure the same thing; then it is bad if it is in one of them.
    now = now.sort(pl.col("state") != "set", maintain_order=True).unique("key", keep="first").sort("place")
    last = said.sort("clock").unique(["key", "flag"], keep="last", maintain_order=True)
    latest = max(last["version"], default=0)
    if latest > rule.version:
        raise DefinitionError(
            f"The rule {rule.name} has spoken as version {latest} already, and this is version "
            f"{rule.version}: raise it to {latest + 1}, or withdraw what was said: gnomon rules withdraw "
            f"--rule {rule.name} --version {latest}."
        )
    last = last.filter(pl.col("state") != "withdrawn")
    beside = now.join(
        last.select(
            "key", "flag", pl.col("state").alias("before"), pl.col("version").alias("version_before")
        ),
        on=["key", "flag"],
        how="left",
        maintain_order="left",
    )
    same = (pl.col("before") == pl.col("state")) & (pl.col("version_before") == rule.version)
    anew = beside.filter(~same.fill_null(value=False)).select("key", "flag", "state", "before", "place")
    silent = last.join(now, on=["key", "flag"], how="anti", maintain_order="left")
    if len(silent):
        told = {tags: scope.covers(tags) for tags in silent["tags"].unique()}
        covered = silent["tags"].replace_strict(told, return_dtype=pl.Boolean)
        if not covered.all():
            asked = silent.filter(~covered)["key"]
            found = dict(zip(asked, inside(asked), strict=True))
            covered = pl.Series([c or found[k] for c, k in zip(covered, silent["key"], strict=True)])
        silent = silent.filter(covered)
    taken_back = silent.select(
        "key", "flag", pl.lit("withdrawn").alias("state"), pl.col("state").alias("before"),
        pl.lit(None, pl.Int64).alias("place"),
    )  # fmt: skip
    return pl.concat([anew, taken_back])


def inside_rows(keys: pl.Series, rows: pl.DataFrame) -> list[bool]:
    """Say of which targets there is a measurement among some rows.

    Parameters
    ----------
    keys
        Keys of targets.
    rows
        Stored measurements.

    Returns
    -------
    list of bool
        For each key whether one of the rows has its data ID, or more than that.
    """
    found = [False] * len(keys)
    shapes: dict[tuple[str, ...], list[int]] = defaultdict(list)
    data_ids = []
    datasets = set(rows["dataset_id"].bin.encode("hex").unique())
    for place, key in enumerate(keys):
        data_ids.append(data_id := data_id_of_key(key))
        shapes[tuple(data_id)].append(place)
        if key.startswith("dataset:"):
            found[place] = key.removeprefix("dataset:").replace("-", "") in datasets
    for names, places in shapes.items():
        if not names or not frozenset(names) <= frozenset(DATA_ID_COLUMNS):
            continue
        asked = pl.DataFrame([data_ids[place] for place in places]).with_columns(place=pl.Series(places))
        there = rows.select(pl.col(name).cast(asked.schema[name]) for name in names).unique()
        for place in asked.join(there, on=list(names), how="semi")["place"]:
            found[place] = True
    return found
