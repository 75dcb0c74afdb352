"""JSON Schemas of the files of a definition package, for editors and other tools."""

from importlib.resources import files

__all__ = ["read_schema"]


def read_schema(kind: str) -> str:
    """Give the JSON Schema of a kind of file.

    Parameters
    ----------
    kind
        ``metrics`` or ``specifications``; the latter is about one document of a file.

    Returns
    -------
    str
        The schema (draft 7, which editors know best) as JSON.
    """
    return (files(__name__) / f"{kind}.schema.json").read_text(encoding="utf-8")
