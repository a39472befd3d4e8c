"""When a host works: weekly hours, date overrides, closed days and travel, as open UTC intervals."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

from bookings.engine.intervals import Interval, union
from bookings.engine.zones import DAY, Zone, weekday, zone

Block = tuple[int, int]
"""(start, end) in wall minutes of the day; an end past 1440 (up to 2880) runs into the next day."""
WeeklyHours = tuple[tuple[Block, ...], ...]
"""Seven days, Monday first; each day its blocks in any order."""
Trip = tuple[int, int, str]
"""(first day, last day, tzid): on these local dates the wall hours are those of that zone."""

_NO_OVERRIDES: Mapping[int, tuple[Block, ...]] = MappingProxyType({})


def open_intervals(
    tzid: str,
    weekly: WeeklyHours,
    lo: int,
    hi: int,
    *,
    overrides: Mapping[int, tuple[Block, ...]] = _NO_OVERRIDES,
    closed_days: Collection[int] = (),
    travel: Sequence[Trip] = (),
) -> list[Interval]:
    """Open time in [lo, hi), in UTC seconds, merged and sorted.

    Built per local date and never by 24 hours, so that a block keeps its wall times when clocks change.
    Block edges in a gap or an overlap follow RFC 5545 3.3.5; a repeated hour inside a block is
    open for both passes, as the one stretch of time it is. A date the zone skips has no hours.

    :param overrides: blocks by day number; they replace that day's weekly hours, () closes the day.
    :param closed_days: day numbers without weekly hours (holidays). An override for such a day
        stands, because it speaks of that very date. The part after midnight of a block belongs
        to the day on which the block begins.
    :param travel: later entries win where trips overlap.
    :raises UnknownZone: for a name that is not an IANA zone.
    """
    home = zone(tzid)
    if lo >= hi:
        return []
    # A block may reach a whole day further, and a travel zone's date may differ by one.
    first, last = home.day_of(lo) - 3, home.day_of(hi - 1) + 1
    built = _build(
        tzid,
        weekly,
        first,
        last,
        tuple(sorted((day, tuple(blocks)) for day, blocks in overrides.items() if first <= day <= last)),
        tuple(sorted(day for day in closed_days if first <= day <= last)),
        tuple(trip for trip in travel if trip[0] <= last and trip[1] >= first),
    )
    return _cut(built, lo, hi)


def _cut(intervals: tuple[Interval, ...], lo: int, hi: int) -> list[Interval]:
    """Clip, given sorted and disjoint intervals; those wholly inside stay the same objects."""
    inside = [interval for interval in intervals if interval[1] > lo and interval[0] < hi]
    if inside and inside[0][0] < lo:
        inside[0] = (lo, inside[0][1])
    if inside and inside[-1][1] > hi:
        inside[-1] = (inside[-1][0], hi)
    return inside


@lru_cache(maxsize=2048)
def _build(
    tzid: str,
    weekly: WeeklyHours,
    first: int,
    last: int,
    overrides: tuple[tuple[int, tuple[Block, ...]], ...],
    closed: tuple[int, ...],
    travel: tuple[Trip, ...],
) -> tuple[Interval, ...]:
    home = zone(tzid)
    own, shut = dict(overrides), frozenset(closed)
    found: list[Interval] = []
    for day in range(first, last + 1):
        blocks = own.get(day, () if day in shut else weekly[weekday(day)])
        if blocks:
            found += _of_day(_zone_on(day, travel) or home, day, blocks)
    return tuple(union(found))


def _zone_on(day: int, travel: tuple[Trip, ...]) -> Zone | None:
    for first, last, tzid in reversed(travel):
        if first <= day <= last:
            return zone(tzid)
    return None


def _of_day(there: Zone, day: int, blocks: tuple[Block, ...]) -> list[Interval]:
    begin, end = there.day_bounds(day)
    if begin == end:
        return []
    midnight, to_utc = day * DAY, there.to_utc
    return [(to_utc(midnight + 60 * start), to_utc(midnight + 60 * stop)) for start, stop in blocks]
