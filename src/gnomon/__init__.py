"""Quality control for data repositories managed by the Rubin Data Butler.

gnomon measures data, judges the measurements, marks the data and makes the marks count. Importing this
package loads nothing else: each room (`gnomon.store`, `gnomon.annotations`, ...) is imported where it is
used, so that a command that needs one of them does not wait for the others.
"""

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gnomon.curation.querying import query_datasets, query_dimension_records

__all__ = ["__version__", "query_datasets", "query_dimension_records"]

try:
    __version__ = version("gnomon")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"


def __getattr__(name: str) -> Any:
    # What needs a Butler is imported when it is first used.
    if name in ("query_datasets", "query_dimension_records"):
        try:
            from gnomon.curation import querying
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] != "lsst":
                raise
            from gnomon.errors import MissingExtraError

            raise MissingExtraError(
                f"gnomon.{name} needs {error.name}, which is not installed; the extra butler has it: "
                "pip install 'gnomon[butler]'."
            ) from error
        return getattr(querying, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
