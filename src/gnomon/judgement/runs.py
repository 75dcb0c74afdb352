"""Two runs compared straight from the metrics store."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gnomon.errors import MeasurementError, MeasurementNotFoundError, nearest
from gnomon.judgement.comparison import READ, Comparison, compare

if TYPE_CHECKING:
    from gnomon.store import Result, Store

__all__ = ["SIDES", "compare_runs"]

SIDES = ("run", "software")
"""What two sides of a comparison can be."""

type Names = str | Sequence[str]


def compare_runs(
    store: "Store",
    a: Names,
    b: Names,
    *,
    metrics: Names | None = None,
    by: str = "run",
    rtol: float = 0.0,
    collections: Names | None = None,
    dataset_type: Names | None = None,
    where: str | None = None,
    bind: Mapping[str, Any] | None = None,
) -> Comparison:
    """Compare two runs, or two versions of the software.

    Parameters
    ----------
    store
        The metrics store.
    a, b
        With ``by="run"`` collections: RUN, CHAINED or TAGGED, one or several, of which the first that has a
        dataset counts. With ``by="software"`` versions of what computed the values, by name or shell pattern.
    metrics
        Only these, by name or shell pattern; all by default.
    by
        ``run`` or ``software``.
    rtol
        The largest relative difference that does not count as a change.
    collections
        With ``by="software"``, only what is in these collections.
    dataset_type
        Only of these dataset types, by name or shell pattern.
    where, bind
        As `gnomon.store.Store.load` takes them.

    Returns
    -------
    Comparison
        Of ``a`` and ``b``, paired by metric and data ID. Where one side has several values of a data ID, the
        newest counts.

    Raises
    ------
    MeasurementError
        If the sides cannot be what ``by`` says, or ``rtol`` is negative or NaN.
    MeasurementNotFoundError
        If nothing was computed by such a version.
    GnomonError
        As `gnomon.store.Store.load`.

    Examples
    --------
    >>> import tempfile
    >>> from gnomon.measurements import rows
    >>> from gnomon.store import open_store
    >>> store = open_store(tempfile.mkdtemp() + "/store")
    >>> table = rows.from_records(
    ...     {
    ...         "dataset_id": bytes([visit]) * 8 + run.encode(),
    ...         "metric": "demo.seeing",
    ...         "value": 0.7 + visit / 10,
    ...         "unit": "arcsec",
    ...         "run": run,
    ...         "dataset_type": "metricvalue_demo_seeing",
    ...         "instrument": "LSSTCam",
    ...         "visit": visit,
    ...     }
    ...     for run in ("night/01", "night/02")
    ...     for visit in (1, 2, 3)
    ... )
    >>> _ = store.append(table, source="an example")
    >>> found = compare_runs(store, "night/01", "night/02")
    >>> len(found.matched), found.identical
    (3, True)
    """
    if by not in SIDES:
        raise MeasurementError(f"Two sides cannot be compared by {by!r}.{nearest(by, SIDES)}")
    if by == "run" and collections is not None:
        raise MeasurementError(
            "The two sides are collections already: `collections` goes with by='software'."
        )

    for side in (a, b):
        if not side:
            raise MeasurementError("A side of a comparison has no name.")

    def load(side: Names) -> "Result":
        asked: dict[str, Any] = {"collections": side} if by == "run" else {"software": side}
        if collections is not None:
            asked["collections"] = collections
        return store.load(metrics, dataset_type=dataset_type, where=where, bind=bind, columns=READ, **asked)

    sides = [load(side) for side in (a, b)]
    if by == "software":
        for name, found in zip((a, b), sides, strict=True):
            if not len(found):
                _refuse_unknown(store, name)
    comparison = compare(*(measured.polars() for measured in sides), rtol=rtol)
    return replace(comparison, a=_label(a), b=_label(b))


def _label(side: Names) -> str:
    return side if isinstance(side, str) else ", ".join(side)


def _refuse_unknown(store: "Store", software: Names) -> None:
    """Say that nothing was computed by a version, unless it was, and other conditions left nothing of it."""
    if len(store.load(software=software, columns=["metric"])):
        return
    known = store.load(columns=["software"]).polars()["software"].drop_nulls().unique()
    raise MeasurementNotFoundError(
        f"Nothing in the store was computed by {_label(software)!r}.{nearest(_label(software), known)}"
    )
