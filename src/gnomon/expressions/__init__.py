"""The one expression language: conditions on metrics, flags and data IDs, parsed once, evaluated by Polars.

::

    demo.zero_point > 0.02 AND NOT (airmass < 1.1 | clouds & !recovered)
    instrument = 'LSSTCam' AND visit IN (1..100:2, 205) AND detector != :broken
    visit.begin >= T'2025-06-21T03:04:05' AND abs(offset - 3) <= 2 * sigma

From the loosest to the tightest: ``OR`` (``|``); ``AND`` (``&``); ``NOT`` (``!``); comparisons (``=`` or
``==``, ``!=``, ``<``, ``<=``, ``>``, ``>=``), ``IN (...)``, ``NOT IN (...)``, ``IS NULL`` and ``IS NOT
NULL``, which do not chain; ``+`` and ``-``; ``*``, ``/`` and ``%``; the sign. Words of the language and
names of functions are the same in upper and lower case; names of columns are not. A name may have dots.
``:name`` stands for a value that is given at evaluation, in ``IN`` for several. Text stands in single
quotes, a quote in it is doubled. ``IN`` takes numbers, text, times, values given, and ranges of integers
with both ends (``1..10``, ``1..10:3``).

A time is ``T'2025-06-21T03:04:05'``; ``/utc``, ``/tai``, ``/tt`` or ``/tdb`` after it names its scale and
``iso/``, ``isot/``, ``mjd/``, ``jd/``, ``yday/`` or ``unix/`` before it the format. Without them, a bare
number is an MJD in TAI and a date is in UTC. Columns of times hold TAI without a time zone, as everywhere
in gnomon.

All this holds for the Butler's ``where`` expressions too, and what they can say of data IDs can be said
here, with the same meaning, save for regions, ``OVERLAPS`` and globs, for bind names without their colon
and for the sign of ``%``. As there, ``x = NULL`` is another spelling of ``x IS NULL``.

**The unknown.** Null means that there is no value, and NaN that there is none that could be compared. A
comparison with either is unknown, and so is its ``NOT``: neither ``x > 2`` nor ``NOT x > 2`` selects a row
without an x. ``AND`` and ``OR`` go by three-valued logic: ``FALSE AND unknown`` is false, ``TRUE OR
unknown`` is true. Polars shows the unknown as null, and a filter drops it. ``IS NULL`` and ``isnull(x)`` are
true of null alone, ``isnan(x)`` of NaN alone, ``isfinite(x)`` of what is a number; these are never unknown.
Arithmetic passes null and NaN on, ``min`` and ``max`` too, null before NaN.

**Functions.** ``abs``, ``sqrt``, ``exp``, ``ln``, ``log10``, ``pow(x, y)``, ``hypot(x, y)``, ``floor``,
``ceil``; ``sin``, ``cos``, ``tan`` of radians, ``atan2(y, x)``, ``radians``, ``degrees``; ``min`` and
``max`` of two or more; ``isnan``, ``isfinite`` and ``isnull``.

**Units.** A number may have a unit, ``seeing > 2 arcsec`` or ``rate < 3 [mmag / h]``: one word, or anything
that astropy understands in brackets. It is converted into the unit of what it meets, where that is known, as
in conditions over metrics; elsewhere it is refused.

**Numbers.** ``/`` gives a float, and by zero infinity or NaN; ``%`` has the sign of its divisor, and by
zero gives null of integers and NaN of floats. All is computed in 64 bits: a column in 32 is widened first,
and integers wrap beyond 64.
"""

from gnomon.expressions.expression import Expression, parse

__all__ = ["Expression", "parse"]
