"""Slot starts as JSON: {"2027-03-08": ["2027-03-08T09:00:00+01:00", …], …}, keyed by local date.

Formatting each start through datetime costs more than computing all of them; here a start is the label of its day and
the label of its minute put together.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache

import orjson

from bookings.engine.zones import DAY, ymd, zone


def by_day(starts: Sequence[int], tzid: str) -> dict[str, list[str]]:
    """Ascending starts (UTC seconds, whole minutes) as ISO 8601 with offset, grouped by local date in a zone."""
    days: dict[str, list[str]] = {}
    if not starts:
        return days
    changes = zone(tzid).offsets(starts[0], starts[-1] + 1)
    at = 0
    for index, (_, shift) in enumerate(changes):
        until = bisect_left(starts, changes[index + 1][0]) if index + 1 < len(changes) else len(starts)
        clock = _clock(shift)
        while at < until:
            day = (starts[at] + shift) // DAY
            midnight = day * DAY - shift
            end = bisect_left(starts, midnight + DAY, at, until)
            date = _date(day)
            days.setdefault(date, []).extend([date + clock[(start - midnight) // 60] for start in starts[at:end]])
            at = end
    return days


def to_json(starts: Sequence[int], tzid: str) -> bytes:
    """`by_day` as JSON."""
    return orjson.dumps(by_day(starts, tzid))


@lru_cache(maxsize=4096)
def _date(day: int) -> str:
    return "{:04}-{:02}-{:02}".format(*ymd(day))


@lru_cache(maxsize=64)
def _clock(shift: int) -> tuple[str, ...]:
    """The rest of the label for each minute of a day at an offset."""
    sign, minutes = ("-" if shift < 0 else "+"), abs(shift) // 60
    suffix = f"{sign}{minutes // 60:02}:{minutes % 60:02}"
    return tuple(f"T{minute // 60:02}:{minute % 60:02}:00{suffix}" for minute in range(1440))
