"""Availability constraints: rules that allow or block hours, days of the week and periods.

Rules of one kind add up (two `allow_hours` are both allowed), rules of different kinds narrow each other, and every
allowing kind blocks what it does not name (developers.timekit.io/reference/constraints). Hours and days are those of
each resource's own zone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bookings.api.reader import Reader
from bookings.api.timekit.times import Clock, Stamp, Unreadable
from bookings.engine.hours import WeeklyHours, open_intervals
from bookings.engine.intervals import Interval, intersect, subtract, union
from bookings.engine.zones import DAY, canonical, weekday, zone

MOST = 500
_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WHOLE_DAY = 1440
_TIME = re.compile(r"(\d{1,2})(?::(\d\d))?(?::\d\d)?", re.ASCII)

Block = tuple[int, int]
Week = tuple[tuple[Block, ...], ...]
ALWAYS: Week = (((0, _WHOLE_DAY),),) * 7


@dataclass(frozen=True)
class Period:
    """A stretch of time; wall times are read in `timezone`, or in the resource's zone when that is empty."""

    start: Stamp
    end: Stamp
    timezone: str = ""

    def on(self, tzid: str) -> Interval:
        where = self.timezone or tzid
        return self.start.at(where), self.end.at(where)


@dataclass(frozen=True)
class Rules:
    """Constraints as they were understood: the week they leave open, and periods."""

    week: Week = ALWAYS
    allowed: tuple[Period, ...] = ()
    blocked: tuple[Period, ...] = ()

    def __bool__(self) -> bool:
        return self != Rules()

    def open(self, tzid: str, lo: int, hi: int) -> list[Interval]:
        """What they leave open in [lo, hi), for a resource of that zone; sorted, merged, UTC seconds."""
        found = open_intervals(tzid, self.week, lo, hi)
        if self.allowed:
            found = intersect(found, union([_in_order(each.on(tzid)) for each in self.allowed]))
        return subtract(found, union([_in_order(each.on(tzid)) for each in self.blocked]))

    def narrowed(self, week: Sequence[Sequence[Sequence[int]]]) -> WeeklyHours:
        """These weekly hours, without what the rules block."""
        return tuple(
            tuple(intersect([(start, end) for start, end in day], _with_night(self.week, index)))
            for index, day in enumerate(week)
        )

    def days(self, tzid: str, first: int, last: int) -> dict[int, tuple[Block, ...]]:
        """The days from `first` to `last` (day numbers) on which periods leave other hours than the week does."""
        clock = zone(tzid)
        spans = {
            kind: union([_in_order((clock.to_wall(lo), clock.to_wall(hi))) for lo, hi in (p.on(tzid) for p in periods)])
            for kind, periods in (("allow", self.allowed), ("block", self.blocked))
        }
        found: dict[int, tuple[Block, ...]] = {}
        for start, end in union(*spans.values()):
            for day in range(max(first, start // DAY), min(last, (end - 1) // DAY) + 1):
                found[day] = self._hours_of(day, spans["allow"], spans["block"])
        return found

    def _hours_of(self, day: int, allowed: list[Interval], blocked: list[Interval]) -> tuple[Block, ...]:
        midnight = day * DAY
        left: list[Interval] = [(midnight + start * 60, midnight + end * 60) for start, end in self.week[weekday(day)]]
        if self.allowed:
            left = intersect(left, allowed)
        left = subtract(left, blocked)
        return tuple((-(-(start - midnight) // 60), (end - midnight) // 60) for start, end in left if end - start >= 60)

    @property
    def usual_week(self) -> list[list[list[int]]]:
        """The hours of days without periods: none where only periods are allowed."""
        return [[] for _ in range(7)] if self.allowed else [[list(block) for block in day] for day in self.week]


def _in_order(span: Interval) -> Interval:
    return (span[0], max(span))


def _with_night(week: Week, index: int) -> list[Block]:
    """The open minutes of a day and of the next, which hours past midnight reach into."""
    following = [(start + _WHOLE_DAY, end + _WHOLE_DAY) for start, end in week[(index + 1) % 7]]
    return union([*week[index], *following])


def read(given: Any, name: str, reader: Reader, clock: Clock) -> Rules:
    """Read a list of constraints such as `{"allow_hours": {"start": 9, "end": 17}}`. Problems go to the reader."""
    found = _Collected(reader, clock)
    items = reader.array({name: given}, name, name)
    if len(items) > MOST:
        reader.wrong(name, "invalid", f"At most {MOST} constraints are possible.")
        return Rules()
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            reader.wrong(f"{name}.{index}", "invalid", f"{name}.{index} must be an object.")
            continue
        for kind, details in item.items():
            found.take(kind, details if isinstance(details, dict) else {}, f"{name}.{index}.{kind}")
    return found.rules()


class _Collected:
    """Rules being gathered, by kind; a day's number stands before its blocks."""

    def __init__(self, reader: Reader, clock: Clock) -> None:
        self.reader, self.clock = reader, clock
        self.allowed: dict[str, list[tuple[int, Block]]] = {}
        self.blocked: list[tuple[int, Block]] = []
        self.periods: dict[bool, list[Period]] = {True: [], False: []}

    def take(self, kind: str, details: dict[str, Any], path: str) -> None:
        verb, _, what = kind.partition("_")
        reading: dict[str, Callable[[dict[str, Any], str], list[tuple[int, Block]]]] = {
            "day": self._days,
            "days": self._days,
            "weekdays": lambda details, path: _on(range(5)),
            "weekends": lambda details, path: _on(range(5, 7)),
            "hours": lambda details, path: self._hours(range(7), details, path),
            "day_and_time": lambda details, path: self._hours(self._numbers(details, path), details, path),
        }
        if verb not in ("allow", "block") or (what != "period" and what not in reading):
            self.reader.wrong(path, "invalid", f"{kind[:60]} is not a constraint.")
        elif what == "period":
            self.periods[verb == "allow"] += self._period(details, path)
        elif verb == "allow":
            group = "days" if what in ("day", "days", "weekdays", "weekends") else what
            self.allowed.setdefault(group, []).extend(reading[what](details, path))
        else:
            self.blocked += reading[what](details, path)

    def rules(self) -> Rules:
        week = []
        for day in range(7):
            left: list[Interval] = [(0, _WHOLE_DAY)]
            for group in self.allowed.values():
                left = intersect(left, union([block for number, block in group if number == day]))
            closed = union([block for number, block in self.blocked if number == day])
            week.append(tuple(subtract(left, closed)))
        return Rules(tuple(week), tuple(self.periods[True]), tuple(self.periods[False]))

    def _days(self, details: dict[str, Any], path: str) -> list[tuple[int, Block]]:
        return _on(self._numbers(details, path))

    def _numbers(self, details: dict[str, Any], path: str) -> list[int]:
        """Days of the week, 0 for Monday, from `day` or `days`."""
        given = details.get("day", details.get("days"))
        named = given if isinstance(given, list) else [given]
        numbers = [_number(each) for each in named]
        if not numbers or None in numbers:
            self.reader.wrong(f"{path}.day", "invalid", f"{path}.day must be a day of the week.")
        return [number for number in numbers if number is not None]

    def _hours(self, days: Sequence[int] | range, details: dict[str, Any], path: str) -> list[tuple[int, Block]]:
        start, end = (self._minute(details, name, path) for name in ("start", "end"))
        if start is None or end is None:
            return []
        if start < end:
            return [(day, (start, end)) for day in days]
        # Hours over midnight, such as 22 to 6.
        late = [(day, (start, _WHOLE_DAY)) for day in days]
        return late + [((day + 1) % 7, (0, end)) for day in days if end]

    def _minute(self, details: dict[str, Any], name: str, path: str) -> int | None:
        """A time of day in minutes: 9, 17.5, "9", "09:30"."""
        given = details.get(name)
        minute: int | None = None
        if isinstance(given, (int, float)) and not isinstance(given, bool):
            minute = round(given * 60) if 0 <= given <= 24 else None
        elif isinstance(given, str) and (match := _TIME.fullmatch(given.strip())):
            minute = int(match[1]) * 60 + int(match[2] or 0)
        if minute is None or minute > _WHOLE_DAY:
            self.reader.wrong(f"{path}.{name}", "invalid", f"{path}.{name} must be a time of day, such as 9 or 09:30.")
            return None
        return minute

    def _period(self, details: dict[str, Any], path: str) -> list[Period]:
        """A period; a date means its midnight, so that the day of `end` is outside."""
        start, end = (self._stamp(details, name, path) for name in ("start", "end"))
        given = details.get("timezone")
        tzid = canonical(given) if isinstance(given, str) and given else ""
        if tzid is None:
            self.reader.wrong(f"{path}.timezone", "invalid", "This is not a time zone we know.")
        return [Period(start, end, tzid)] if start and end and tzid is not None else []

    def _stamp(self, details: dict[str, Any], name: str, path: str) -> Stamp | None:
        text = self.reader.text(details, name, f"{path}.{name}", required=True)
        try:
            return self.clock.read(text) if text.strip() else None
        except Unreadable as error:
            self.reader.wrong(f"{path}.{name}", "invalid", f"{path}.{name} {error}.")
            return None


def _on(days: Sequence[int] | range) -> list[tuple[int, Block]]:
    return [(day, (0, _WHOLE_DAY)) for day in days]


def _number(given: Any) -> int | None:
    word = given.strip().lower() if isinstance(given, str) else ""
    return next((number for number, name in enumerate(_NAMES) if word in (name, name[:3])), None) if word else None


def of_week(week: Sequence[Sequence[Sequence[int]]]) -> list[dict[str, Any]]:
    """Weekly hours as constraints."""
    return [
        {"allow_day_and_time": {"day": _NAMES[index].capitalize(), "start": _clock(start), "end": _clock(end)}}
        for index, day in enumerate(week)
        for start, end in day
    ]


def _clock(minute: int) -> int | str:
    """Whole hours as the vendor's documentation writes them; others as a time of day."""
    minute = minute if minute <= _WHOLE_DAY else minute % _WHOLE_DAY
    return f"{minute // 60:02}:{minute % 60:02}" if minute % 60 else minute // 60
