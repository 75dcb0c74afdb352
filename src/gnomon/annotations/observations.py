"""What is known of exposures, so that gaps and nights can be shown without a Butler."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gnomon.annotations import checks
from gnomon.annotations.targets import Target
from gnomon.errors import AnnotationError

__all__ = ["Observation", "VirtualExposure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One exposure.

    Parameters
    ----------
    instrument, obs_id
        Together they name it.
    exposure
        Its number in the registry, once that knows it.
    day_obs, seq_num
        Night and place in the night.
    begin, end
        TAI microseconds since 1970-01-01 TAI.
    type
        Such as science or flat.

    Raises
    ------
    AnnotationError
        If a name cannot be kept, a number is none of 64 bits, or it ends before it begins.
    """

    instrument: str
    obs_id: str
    exposure: int | None = None
    day_obs: int | None = None
    seq_num: int | None = None
    begin: int | None = None
    end: int | None = None
    type: str | None = None

    def __post_init__(self) -> None:
        checks.label(self.instrument, "instrument")
        checks.label(self.obs_id, "observation id")
        for name in ("exposure", "begin", "end"):
            if (value := getattr(self, name)) is not None:
                checks.moment(value, name)
        for name in ("day_obs", "seq_num"):
            if (value := getattr(self, name)) is not None and (type(value) is not int or abs(value) >= 2**31):
                raise AnnotationError(f"The {name} must be an integer of 32 bits, not {value!r}.")
        if self.type is not None:
            checks.label(self.type, "type of an observation")
        if self.begin is not None and self.end is not None and self.end < self.begin:
            raise AnnotationError(f"The observation {self.obs_id} ends before it begins.")

    def to_dict(self) -> dict[str, Any]:
        """Write it as plain JSON values.

        Returns
        -------
        dict
            What is known.
        """
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: value for name, value in values.items() if value is not None}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Observation":
        """Read what `to_dict` wrote.

        Parameters
        ----------
        values
            Plain JSON values.

        Returns
        -------
        Observation
            The observation.

        Raises
        ------
        AnnotationError
            If it is none.
        """
        try:
            return cls(**values)
        except TypeError as error:
            raise AnnotationError(f"This is no observation: {error}.") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualExposure:
    """A stretch of time without an exposure, shown among the exposures.

    Parameters
    ----------
    target
        The timespan.
    after, closed_by
        The exposures between which it lies, as far as they are known.
    """

    target: Target
    after: Observation | None
    closed_by: Observation | None
