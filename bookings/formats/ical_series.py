"""Series in iCalendar: which occurrence a component changes, which version counts, and how far a change reaches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from typing import NamedTuple

from bookings.engine.recurrence import RecurrenceSet, TooMany, parse_rule
from bookings.engine.zones import DAY, zone

from .event import EventData, is_datable

MAX_OVERRIDES = 1_000
"""Changed occurrences of one series."""
MAX_CHANGED = 25_000
"""Changed occurrences of one file."""
MAX_RANGES = 50
"""Changes of all following occurrences in one file."""

_YEAR = 366 * DAY

ONE, FOLLOWING, IMPLIED = "one", "following", "implied"


class Moment(NamedTuple):
    """A time as written. `tzid` is None for floating times and dates."""

    wall: int
    tzid: str | None
    is_date: bool

    def day_in(self, tzid: str) -> int:
        """The date meant where whole days are named by a time, as wall seconds of its midnight.

        Midnight anywhere is that date, since most programs only append zeros; else it is an instant in that zone.
        """
        if self.tzid is None or self.wall % DAY == 0:
            return self.wall // DAY * DAY
        return zone(tzid).to_wall(zone(self.tzid).to_utc(self.wall)) // DAY * DAY


class Changed(NamedTuple):
    """An occurrence that differs from its series, and its RECURRENCE-ID as written.

    `reach`: it alone, all that follow as well, or that it differs only by what its master says (a period).
    """

    event: EventData
    origin: Moment
    reach: str = ONE


def join(masters: list[EventData], changed: list[Changed]) -> tuple[list[EventData], list[str]]:
    """Events and the changed occurrences of their series, each named as its master's clock shows it.

    :returns: the events, masters first, and the uids of series that have more changed occurrences than are taken.
    """
    current = _newest(masters)
    by_uid = {event.uid: event for event in current}
    placed = [each._replace(event=_placed(each, by_uid)) for each in changed]
    said = _newest([each.event for each in placed if each.reach != IMPLIED])
    beyond: list[str] = []
    implied = _unsaid(said, _implied(placed, said, by_uid, beyond))
    kept = list(_bounded(chain(said, implied), beyond))
    return [*current, *kept], sorted(set(beyond))


def _newest(events: list[EventData]) -> list[EventData]:
    """Without the older versions of an event (RFC 5546 2.1.5). Equals stay: they are events that share a name."""
    latest: dict[tuple[str, int | None], int] = {}
    for event in events:
        latest[_key(event)] = max(latest.get(_key(event), 0), event.sequence)
    return [event for event in events if event.sequence == latest[_key(event)]]


def _key(event: EventData) -> tuple[str, int | None]:
    return event.uid, event.recurrence_wall


def _placed(each: Changed, masters: dict[str, EventData]) -> EventData:
    return replace(each.event, recurrence_wall=_original(each.origin, masters.get(each.event.uid, each.event)))


def _original(origin: Moment, master: EventData) -> int:
    if master.all_day:
        return origin.day_in(master.timezone)
    if origin.is_date:
        # Only the day is named: the occurrence of that day is meant.
        return origin.wall + master.start_wall % DAY
    if origin.tzid in (None, master.timezone):
        return origin.wall
    return zone(master.timezone).to_wall(zone(origin.tzid or "UTC").to_utc(origin.wall))


def _implied(
    placed: list[Changed], said: list[EventData], masters: dict[str, EventData], beyond: list[str]
) -> Iterator[EventData]:
    """Changed occurrences without a component of their own, the later of two changes first."""
    current = set(map(id, said))
    ranges = [each.event for each in placed if each.reach == FOLLOWING and id(each.event) in current]
    beyond += [event.uid for event in ranges[MAX_RANGES:]]
    for event in sorted(ranges[:MAX_RANGES], key=lambda one: one.recurrence_wall or 0, reverse=True):
        master = masters.get(event.uid)
        if master and event.uid not in beyond:
            try:
                yield from _following(master, event)
            except TooMany:
                beyond.append(event.uid)
    for each in placed:
        if each.reach == IMPLIED:
            yield each.event


def _following(master: EventData, change: EventData) -> list[EventData]:
    """The later occurrences of a series, moved as this one was (RFC 5545 3.2.13, THISANDFUTURE)."""
    clock, own = zone(master.timezone), zone(change.timezone)
    origin = clock.to_utc(change.recurrence_wall or 0)
    shift = change.start_wall - own.to_wall(origin)
    return [
        replace(change, start_wall=own.to_wall(instant) + shift, recurrence_wall=wall)
        for instant, wall in _later(master, origin)[: MAX_OVERRIDES + 1]
    ]


def _later(master: EventData, origin: int) -> list[tuple[int, int]]:
    """Instant and wall time of the occurrences after one, of so many years that they are not too many to be told."""
    series = RecurrenceSet(
        master.start_wall,
        master.timezone,
        tuple(map(parse_rule, master.recurrence_rules)),
        master.recurrence_dates,
        master.excluded_dates,
        tuple(map(parse_rule, master.exclusion_rules)),
    )
    for years in (40, 10):
        try:
            return series.occurrences(origin + 1, origin + years * _YEAR)
        except TooMany:
            continue
    return series.occurrences(origin + 1, origin + _YEAR)


def _unsaid(said: list[EventData], implied: Iterable[EventData]) -> Iterator[EventData]:
    taken = {_key(event) for event in said}
    for event in implied:
        if _key(event) not in taken and is_datable(event):
            taken.add(_key(event))
            yield event


def _bounded(changed: Iterable[EventData], beyond: list[str]) -> Iterator[EventData]:
    """The first changed occurrences of each series."""
    counts: dict[str, int] = {}
    for number, event in enumerate(changed):
        counts[event.uid] = counts.get(event.uid, 0) + 1
        if counts[event.uid] <= MAX_OVERRIDES and number < MAX_CHANGED:
            yield event
        else:
            beyond.append(event.uid)
