"""Quality control for data repositories managed by the Rubin Data Butler.

gnomon measures data, judges the measurements, marks the data and makes the marks count. Importing this
package loads nothing else: each room (`gnomon.store`, `gnomon.annotations`, ...) is imported where it is
used, so that a command that needs one of them does not wait for the others.
"""

from importlib.metadata import PackageNotFoundError, version

__all__ = ["__version__"]

try:
    __version__ = version("gnomon")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"
