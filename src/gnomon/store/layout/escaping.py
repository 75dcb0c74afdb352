"""Text in the names of folders and columns.

Delta Lake and the engines that read its tables take neither blanks nor most punctuation there, and disagree
about percent signs, so that a tilde stands for them.
"""

from urllib.parse import quote, unquote

__all__ = ["escaped", "unescaped"]


def escaped(text: str, *, safe: str = "") -> str:
    """Write a text so that it can be in a name.

    Parameters
    ----------
    text
        Any text.
    safe
        Characters that may stay besides letters, digits and ``_.-``.

    Returns
    -------
    str
        Different for different texts.

    Examples
    --------
    >>> escaped("adu / pix", safe="/")
    'adu~20/~20pix'
    """
    return quote(text, safe=safe).replace("~", "%7E").replace("%", "~")


def unescaped(name: str) -> str:
    """Read a text back that `escaped` wrote."""
    return unquote(name.replace("~", "%"))
