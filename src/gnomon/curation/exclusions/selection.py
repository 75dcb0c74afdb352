"""What is asked to be left out."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from astropy.time import Time

from gnomon import times
from gnomon.annotations import Cut
from gnomon.errors import ExclusionError

__all__ = ["Selection"]

_LISTS = ("exclude_flags", "require_flags", "exclude_tags", "require_metrics")


@dataclass(frozen=True)
class Selection:
    """Which data are wanted: what marks and metrics leave out, and as of when.

    Parameters
    ----------
    exclude_flags
        What has one of these flags *set*, by the word that counts, is left out; virtual flags too.
    require_flags
        An input that names an observation (a visit or exposure) is left out unless each of these flags is
        *set* on it, on a record that its data ID contains, or on its visit. What nobody examined lacks the
        flag. Calibrations and sky maps name no observation and are not asked.
    exclude_tags
        What an annotation with one of these tags is about is left out.
    require_metrics
        Conditions such as ``seeing < 1.2 arcsec``, over what the store holds. An input that names an
        observation is left out unless each of them is fulfilled; what nobody measured fulfils none.
    policy
        By which policy flags count, as ``name@version``; None means the one that counts by default.
    at
        As of which cut or moment of the annotations (a time, or TAI microseconds); None means now.
    inherit
        The rule by which flags flow, ``name@version`` or a file; None means that nothing is inherited.
    metrics_at
        As of which moment the metrics count; None means ``at`` if that is a moment, and otherwise now.

    Raises
    ------
    ExclusionError
        If one of them cannot be what it is to be.
    """

    exclude_flags: tuple[str, ...] = ()
    require_flags: tuple[str, ...] = ()
    exclude_tags: tuple[str, ...] = ()
    require_metrics: tuple[str, ...] = ()
    policy: str | None = None
    at: Cut | Time | int | None = None
    inherit: str | None = "standard@1"
    metrics_at: Time | int | None = None

    def __post_init__(self) -> None:
        for name in _LISTS:
            given: Any = getattr(self, name)
            if isinstance(given, str) or not isinstance(given, Iterable):
                raise ExclusionError(
                    f"{name} takes several names, for example ('{given}',); given was {given!r}."
                )
            names = tuple(dict.fromkeys(given))
            if wrong := [one for one in names if not isinstance(one, str) or not one.strip()]:
                raise ExclusionError(f"{name} takes names; {wrong[0]!r} is none.")
            object.__setattr__(self, name, names)
        for name, kinds in (("at", (Cut, Time, int)), ("metrics_at", (Time, int))):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, kinds) or isinstance(value, bool)):
                raise ExclusionError(
                    f"{name} is a moment{' or a cut' if name == 'at' else ''}, not {value!r}."
                )
        if both := set(self.exclude_flags) & set(self.require_flags):
            raise ExclusionError(
                f"The flag {min(both)!r} is both excluded and required: nothing would be left."
            )

    @property
    def asks_annotations(self) -> bool:
        """Whether annotations are needed to answer."""
        return bool(self.exclude_flags or self.require_flags or self.exclude_tags)

    @property
    def asks_metrics(self) -> bool:
        """Whether the metrics store is needed to answer."""
        return bool(self.require_metrics)

    def __bool__(self) -> bool:
        return self.asks_annotations or self.asks_metrics

    def to_dict(self) -> dict[str, Any]:
        """Write the selection as plain JSON values.

        Returns
        -------
        dict
            Only what was asked for.
        """
        values: dict[str, Any] = {name: list(getattr(self, name)) for name in _LISTS if getattr(self, name)}
        if self.policy is not None:
            values["policy"] = self.policy
        values["inherit"] = self.inherit
        if self.at is not None:
            values["at"] = _written(self.at)
        if self.metrics_at is not None:
            values["metrics_at"] = _written(self.metrics_at)
        return values


def _written(moment: Cut | Time | int) -> str:
    if isinstance(moment, Cut):
        return str(moment)
    return times.to_utc_iso(moment if isinstance(moment, int) else int(times.to_tai_us(moment)))
