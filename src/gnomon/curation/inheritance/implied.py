"""The dimensions that data IDs imply: the night, the filter and the band of a visit or exposure."""

from itertools import batched

import polars as pl
from lsst.daf.butler import Butler

from gnomon.dataids import IMPLIED

__all__ = ["with_implied"]

_ELEMENTS = ("exposure", "visit")
_BATCH = 1000


def with_implied(things: pl.DataFrame, names: frozenset[str], *, butler: Butler) -> pl.DataFrame:
    """Add dimensions to data IDs that their visits and exposures imply.

    Parameters
    ----------
    things
        In the schema `gnomon.curation.inheritance.covering.THINGS`.
    names
        Which dimensions are of interest: nothing is asked unless one of them is implied.
    butler
        The repository's client, asked once for each thousand visits or exposures.

    Returns
    -------
    polars.DataFrame
        The same rows, and a column ``implied`` for each dimension that was added, null where it is not known.
    """
    result = things
    for element in _ELEMENTS:
        wanted = sorted(names & IMPLIED[element])
        if not wanted:
            continue
        keyed = result.with_columns(
            pl.col("data_id").str.json_path_match("$.instrument").alias("instrument"),
            pl.col("data_id").str.json_path_match(f"$.{element}").cast(pl.Int64).alias(element),
        )
        keys = keyed.select("instrument", element).drop_nulls().unique()
        if keys.is_empty():
            continue
        schema = {"instrument": pl.String, element: pl.Int64} | {
            f"implied={name}": pl.String for name in wanted
        }
        rows = []
        for (instrument,), part in keys.group_by("instrument"):
            for batch in batched(part[element].to_list(), _BATCH):
                with butler.query() as query:
                    some = query.join_dimensions([element]).where(
                        f"{element} IN (numbers)", bind={"numbers": list(batch)}, instrument=str(instrument)
                    )
                    rows += [
                        (data_id["instrument"], data_id[element], *(str(data_id[name]) for name in wanted))
                        for data_id in some.data_ids([element])
                    ]
        known = pl.DataFrame(rows, schema=schema, orient="row")
        joined = keyed.join(
            known, on=["instrument", element], how="left", maintain_order="left", suffix="_new"
        )
        result = joined.with_columns(
            pl.coalesce(f"implied={name}", f"implied={name}_new").alias(f"implied={name}")
            for name in wanted
            if f"implied={name}_new" in joined.columns
        ).select(pl.exclude("instrument", element, "^.*_new$"))
    return result
