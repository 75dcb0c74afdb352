"""The instrument of the demonstration, as the Butler knows instruments."""

from typing import Any

from lsst.daf.butler.formatters.astropyTable import AstropyTableFormatter
from lsst.daf.butler.registry import Registry
from lsst.pipe.base import Instrument

__all__ = ["DemoCamera"]


class DemoCamera(Instrument):
    """A camera with one detector, which takes one exposure a visit."""

    @classmethod
    def getName(cls) -> str:
        """Give the name by which data IDs know the instrument."""
        return "DemoCamera"

    def register(self, registry: Registry, *, update: bool = False) -> None:
        """Tell a registry of the instrument and its detector; filters follow with the observations.

        Parameters
        ----------
        registry
            The registry.
        update
            Whether records that differ are replaced.
        """
        name = self.getName()
        with registry.transaction():
            registry.syncDimensionData(
                "instrument",
                {
                    "name": name,
                    "class_name": f"{type(self).__module__}.{type(self).__qualname__}",
                    "detector_max": 1,
                    "visit_max": 10**13,
                    "exposure_max": 10**13,
                    "visit_system": 0,
                },
                update=update,
            )
            registry.syncDimensionData(
                "detector",
                {"instrument": name, "id": 0, "full_name": "CCD", "purpose": "SCIENCE"},
                update=update,
            )

    def getRawFormatter(self, dataId: Any) -> type[AstropyTableFormatter]:  # noqa: ARG002
        """Give the formatter of raw data: there are none but tables.

        Parameters
        ----------
        dataId
            Not used.
        """
        return AstropyTableFormatter
