"""Time zones in iCalendar: finding out which zone a file means, and describing ours (RFC 5545 3.6.5)."""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache

from bookings.engine.recurrence import RecurrenceSet, Rule, RuleError, TooMany, parse_rule
from bookings.engine.windows_zones import WINDOWS_ZONES
from bookings.engine.zones import DAY, UnknownZone, zone
from bookings.engine.zones import wall as date_wall

from .lines import Component, Line
from .times import basic, offset_seconds, offset_text, read_wall
from .zone_names import fixed, known

MAX_OBSERVANCES = 200
_YEAR = 366 * DAY
_PRESENT = date_wall(2026, 7, 1)


def match(definition: Component, wall: int, default: str) -> str | None:
    """The IANA zone that behaves like a VTIMEZONE of unknown name in the year around a wall time, or None.

    The file's own rules are used only to recognise a zone, never to convert: they are often wrong outside the year
    they were made for, or make today's rules hold for ever. The default zone wins where it fits, then the zones that
    Windows names, then a fixed offset.
    """
    located = definition.first("X-LIC-LOCATION")
    if located and (found := known(located.value)):
        return found
    for at in (wall, _PRESENT):
        onsets = _onsets(definition, at)
        if onsets and (found := _alike(onsets, at, default)):
            return found
    return fixed(_offset_at(onsets, _PRESENT)) if onsets else None


def _alike(onsets: list[tuple[int, int]], wall: int, default: str) -> str | None:
    samples = range(wall - _YEAR // 2, wall + _YEAR // 2, 14 * DAY)
    wanted = [_offset_at(onsets, at) for at in samples]
    for name in dict.fromkeys([default, *WINDOWS_ZONES.values()]):
        try:
            clock = zone(name)
        except UnknownZone:
            continue
        if all(clock.offset(at - offset) == offset for at, offset in zip(samples, wanted, strict=True)):
            return name
    return None


def _onsets(definition: Component, wall: int) -> list[tuple[int, int]]:
    """(local time from which on, UTC offset in seconds) of a VTIMEZONE around a wall time, in order."""
    found: list[tuple[int, int]] = []
    observances = [part for part in definition.parts if part.name in ("STANDARD", "DAYLIGHT")]
    for each in observances[:MAX_OBSERVANCES]:
        start, to = each.first("DTSTART"), each.first("TZOFFSETTO")
        begin, offset = read_wall(start.value) if start else None, offset_seconds(to.value) if to else None
        if begin is None or offset is None:
            continue
        found += [(at, offset) for at in _repeated(each, begin, wall)]
    return sorted(found)


def _repeated(observance: Component, begin: int, wall: int) -> list[int]:
    rules = [rule for line in observance.all("RRULE") if (rule := _yearly(line.value))]
    dates = [at for line in observance.all("RDATE") for text in line.value.split(",") if (at := read_wall(text))]
    series = RecurrenceSet(begin, None, tuple(rules), (begin, *dates[:MAX_OBSERVANCES]))
    try:
        near = series.starts(wall - 2 * _YEAR, wall + 2 * _YEAR, MAX_OBSERVANCES)
    except TooMany:
        near = []
    return near or [begin]


def _yearly(text: str) -> Rule | None:
    """The rule, when it is one by which clocks are changed anywhere."""
    try:
        rule = parse_rule(text)
    except RuleError:
        return None
    return rule if rule.freq == "YEARLY" else None


def _offset_at(onsets: list[tuple[int, int]], wall: int) -> int:
    return onsets[max(bisect_right(onsets, (wall, DAY)) - 1, 0)][1]


@lru_cache(maxsize=256)
def describe(tzid: str, lo: int, hi: int) -> tuple[Line, ...]:
    """A VTIMEZONE of an IANA zone with every change of its clocks in [lo, hi), as content lines.

    Changes of one kind share a component and stand there as RDATEs: exact also where no yearly rule fits.
    """
    changes = zone(tzid).offsets(lo, hi)
    kinds: dict[tuple[int, int], list[int]] = {}
    before = changes[0][1]
    for at, offset in changes:
        kinds.setdefault((before, offset), []).append(at + before)
        before = offset
    lowest = min(offset for _, offset in changes)
    lines = [Line("BEGIN", {}, "VTIMEZONE"), Line("TZID", {}, tzid)]
    for (start, to), walls in kinds.items():
        lines += _observance("STANDARD" if to == lowest else "DAYLIGHT", start, to, walls)
    return (*lines, Line("END", {}, "VTIMEZONE"))


def _observance(kind: str, start: int, to: int, walls: list[int]) -> list[Line]:
    dates = [Line("RDATE", {}, ",".join(map(basic, walls[1:])))] if walls[1:] else []
    return [
        Line("BEGIN", {}, kind),
        Line("DTSTART", {}, basic(walls[0])),
        *dates,
        Line("TZOFFSETFROM", {}, offset_text(start)),
        Line("TZOFFSETTO", {}, offset_text(to)),
        Line("END", {}, kind),
    ]
