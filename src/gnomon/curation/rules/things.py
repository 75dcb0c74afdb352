"""What is marked: targets by the keys that the log has for them, for many rows at once."""

import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from gnomon import dataids
from gnomon.annotations import Target
from gnomon.curation.rules.measured import OTHERS, Shaped
from gnomon.curation.rules.rule import Rule
from gnomon.errors import DefinitionError
from gnomon.measurements.rows import OTHER_DIMENSIONS

__all__ = ["data_id_of_key", "target_keys", "target_of", "target_of_key", "targets_of"]

_HEX = ((0, 8), (8, 4), (12, 4), (16, 4), (20, 12))


def target_keys(rule: Rule, part: Shaped) -> pl.Series:
    """Give the key of what is marked, for each row.

    Parameters
    ----------
    rule
        The rule.
    part
        Rows of one shape.

    Returns
    -------
    polars.Series
        What `gnomon.annotations.Target.key` of `target_of` is.

    Raises
    ------
    DefinitionError
        If a metric was measured of the repository as a whole, which no flag can mark.
    """
    frame = part.frame
    if rule.marks_datasets:
        digits = pl.col("dataset_id").bin.encode("hex")
        pieces = [digits.str.slice(start, length) for start, length in _HEX]
        return frame.select(
            pl.concat_str(pl.lit("dataset:"), pl.concat_str(pieces, separator="-"))
        ).to_series()
    if OTHERS in part.key:
        # Dimensions without a column are rare, and a map is no column.
        keys = [target_of(rule, row).key for row in _rows(frame, part)]
        return pl.Series("key", keys, pl.String)
    if not part.key:
        raise _no_target(rule)
    texts: list[pl.Expr] = []
    for place, name in enumerate(sorted(part.key)):
        texts.append(pl.lit(f'{"," if place else "{"}"{name}":'))
        texts.append(_as_json(frame, name))
    data_id = pl.concat_str(*texts, pl.lit("}"))
    if rule.dataset_type is None:
        return frame.select(pl.concat_str(pl.lit("dimension:"), data_id)).to_series()
    return frame.select(
        pl.concat_str(pl.lit(f"data_id:[{json.dumps(rule.dataset_type)},"), data_id, pl.lit("]"))
    ).to_series()


def targets_of(rule: Rule, part: Shaped) -> Iterator[Target]:
    """Give what is marked, for each row.

    Parameters
    ----------
    rule
        The rule.
    part
        Rows of one shape.

    Yields
    ------
    Target
        As `target_of`.
    """
    plain = rule.dataset_type is None and not rule.marks_datasets and part.key and OTHERS not in part.key
    if not plain:
        yield from (target_of(rule, row) for row in _rows(part.frame, part))
        return
    # Of dimensions that are known to identify, nothing is to be found out row by row.
    element = dataids.most_specific(dict.fromkeys(part.key, ""))
    for row in part.frame.select(part.key).iter_rows(named=True):
        yield Target.dimension(element, row)


def target_of(rule: Rule, row: Mapping[str, Any]) -> Target:
    """Give what is marked where one row is the measurement.

    Parameters
    ----------
    rule
        The rule.
    row
        The data-ID columns that are not null, the other dimensions, and of a rule that marks datasets the
        dataset.

    Returns
    -------
    Target
        The target.

    Raises
    ------
    DefinitionError
        If nothing is named.
    """
    if rule.marks_datasets:
        return Target.dataset(uuid.UUID(bytes=row["dataset_id"]))
    data_id = {
        name: value
        for name, value in row.items()
        if value is not None and name not in ("dataset_id", OTHER_DIMENSIONS)
    }
    for other in row.get(OTHER_DIMENSIONS) or ():
        name, value = other["key"], other["value"]
        data_id[name] = int(value) if dataids.takes_integer(name) else value
    if not data_id:
        raise _no_target(rule)
    if rule.dataset_type is not None:
        return Target.of_data_id(data_id, dataset_type=rule.dataset_type)
    return Target.dimension(dataids.most_specific(data_id), data_id)


def data_id_of_key(key: str) -> dict[str, int | str]:
    """Give the data ID in the key of a target; empty if it has none."""
    kind, _, rest = key.partition(":")
    if kind == "dimension":
        return dict(json.loads(rest))
    return dict(json.loads(rest)[1]) if kind == "data_id" else {}


def target_of_key(key: str) -> Target:
    """Give the target that a rule once marked, from its key.

    Parameters
    ----------
    key
        What `target_keys` gave.

    Returns
    -------
    Target
        The target.
    """
    kind, _, rest = key.partition(":")
    if kind == "dataset":
        return Target.dataset(uuid.UUID(rest))
    data_id = data_id_of_key(key)
    if kind == "data_id":
        return Target.of_data_id(data_id, dataset_type=str(json.loads(rest)[0]))
    return Target.dimension(dataids.most_specific(data_id), data_id)


def _rows(frame: pl.DataFrame, part: Shaped) -> Iterator[dict[str, Any]]:
    yield from frame.select(*part.dimensions, "dataset_id", OTHER_DIMENSIONS).iter_rows(named=True)


def _as_json(frame: pl.DataFrame, name: str) -> pl.Expr:
    if frame.schema[name].is_integer():
        return pl.col(name).cast(pl.String)
    values = frame[name].unique().to_list()
    return pl.col(name).replace_strict(
        {value: json.dumps(value, ensure_ascii=False) for value in values}, return_dtype=pl.String
    )


def _no_target(rule: Rule) -> DefinitionError:
    metric = next(iter(rule.uses.values())).metric
    return DefinitionError(
        f"The rule {rule.name} cannot mark what {metric} was measured of: the whole repository."
    )
