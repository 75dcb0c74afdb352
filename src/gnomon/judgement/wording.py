"""How verdicts write numbers and quantities, in Polars expressions."""

import polars as pl

__all__ = ["encodable", "number", "quantity"]


def encodable(text: str) -> str:
    """Replace what no encoding has: halves of pairs, which JSON can carry.

    Parameters
    ----------
    text
        Any string.

    Returns
    -------
    str
        The same, with question marks in their place.
    """
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def number(value: pl.Expr, close: pl.Expr, *, figures: int = 6) -> pl.Expr:
    """Write numbers in as many digits as matter.

    Parameters
    ----------
    value
        The numbers.
    close
        Whether a few digits might show one as something else, so that all are needed.
    figures
        How many significant figures else.

    Returns
    -------
    polars.Expr
        Strings; null where the number is.
    """
    shown = pl.when(close).then(value).otherwise(value.round_sig_figs(figures))
    return shown.cast(pl.String).str.strip_suffix(".0")


def quantity(value: pl.Expr, unit: pl.Expr, close: pl.Expr, uncertainty: pl.Expr | None = None) -> pl.Expr:
    """Write quantities.

    Parameters
    ----------
    value
        The numbers.
    unit
        The strings of their units; empty for dimensionless ones.
    close
        As for `number`.
    uncertainty
        Standard uncertainties in the same unit, to be shown where they are not null.

    Returns
    -------
    polars.Expr
        Such as ``12.5 mmag`` or ``12 ± 1 mmag``; null where the number is.
    """
    text = number(value, close)
    if uncertainty is not None:
        spread = pl.lit(" ± ") + number(uncertainty, close, figures=3)
        text = text + spread.fill_null("")
    return (text + " " + unit).str.strip_chars_end()
