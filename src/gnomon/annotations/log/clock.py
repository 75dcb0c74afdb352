"""A hybrid logical clock: an order of events that no wall clock can turn round.

A reading is one 64-bit integer, the milliseconds of TAI since 1970 in the upper 48 bits and a counter in
the lower 16, so that readings compare as numbers and fit a database column. It stays close to the wall
clock, but never repeats and never goes back: when the wall clock does, the counter goes on, and a full
counter carries into the milliseconds. Nothing here reads a clock; the caller passes what its clock says.

After Kulkarni, Demirbas et al. (2014), "Logical Physical Clocks and Consistent Snapshots in Globally
Distributed Databases".
"""

from gnomon.errors import AnnotationError

__all__ = ["MAX_AHEAD_MS", "last_of", "moment", "receive", "tick"]

_COUNTER_BITS = 16

MAX_AHEAD_MS = 3_600_000
"""How far ahead of the own wall clock another site's reading may be, in milliseconds.

Without a bound, one computer that believes to live in 2090 would drag every other clock there for good.
"""


def tick(last: int, wall: int) -> int:
    """Give the reading of an event that happens here and now.

    Parameters
    ----------
    last
        The greatest reading seen so far; 0 if there is none.
    wall
        What the wall clock says, TAI microseconds since 1970-01-01 TAI.

    Returns
    -------
    int
        A reading greater than ``last``.

    Examples
    --------
    >>> first = tick(0, 1_800_000_000_000_000)
    >>> second = tick(first, 1_700_000_000_000_000)  # the wall clock was set back
    >>> second - first
    1
    """
    return max(last + 1, _reading(wall))


def receive(last: int, remote: int, wall: int) -> int:
    """Give the reading at which an event of another site is taken in.

    Parameters
    ----------
    last
        The greatest reading seen here so far.
    remote
        The reading that the event carries.
    wall
        What the own wall clock says, TAI microseconds since 1970-01-01 TAI.

    Returns
    -------
    int
        A reading greater than both ``last`` and ``remote``, so that what is recorded here afterwards is
        ordered after what it may answer.

    Raises
    ------
    AnnotationError
        If ``remote`` is more than `MAX_AHEAD_MS` ahead of ``wall``.
    """
    ahead = (remote - _reading(wall)) >> _COUNTER_BITS
    if ahead > MAX_AHEAD_MS:
        raise AnnotationError(
            f"An event of another site carries a clock {ahead / 1000:.0f} s ahead of this one; at most "
            f"{MAX_AHEAD_MS / 1000:.0f} s are accepted. One of the two clocks is wrong."
        )
    return tick(max(last, remote), wall)


def moment(reading: int) -> int:
    """Give the time that a reading stands for.

    Parameters
    ----------
    reading
        What `tick` or `receive` gave.

    Returns
    -------
    int
        TAI microseconds since 1970-01-01 TAI, to the millisecond.
    """
    return (reading >> _COUNTER_BITS) * 1000


def last_of(wall: int) -> int:
    """Give the greatest reading that stands for a moment.

    Parameters
    ----------
    wall
        TAI microseconds since 1970-01-01 TAI.

    Returns
    -------
    int
        What was recorded up to that millisecond has this reading or a smaller one.
    """
    return _reading(wall) + (1 << _COUNTER_BITS) - 1


def _reading(wall: int) -> int:
    return (wall // 1000) << _COUNTER_BITS
