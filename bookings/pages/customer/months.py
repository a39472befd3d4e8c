"""Free starts as people look for them: months of days, and the times of a day, on a wall clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.dates import MONTHS
from django.utils.formats import date_format
from django.utils.translation import ngettext, pgettext

from bookings.engine.zones import day, weekday, ymd, zone
from bookings.templatetags.when import clock

_EPOCH = date(1970, 1, 1).toordinal()
_YEARS = range(1971, 9000)


@dataclass(frozen=True)
class Day:
    """A day of the month shown. `label` is its accessible name; `free` counts its times."""

    number: int
    iso: str
    free: int
    label: str
    is_chosen: bool
    is_today: bool


@dataclass(frozen=True)
class Time:
    """A start in UTC seconds with its label; `offset` tells two passes of a repeated hour apart, `note` says more."""

    start: int
    label: str
    offset: str = ""
    note: str = ""


@dataclass(frozen=True)
class Month:
    """One month: weeks of seven entries, None outside the month. Months are named YYYY-MM.

    `next_free` is the first day with times after a month that has none.
    """

    name: str
    title: str
    weeks: list[list[Day | None]]
    previous: str
    next: str
    free: int
    next_free: Day | None


class Choice:
    """The free starts of an offer, on the wall clock of one zone.

    `until` is how far ahead can be looked, in UTC seconds, where that is further than the last start given.
    `week_begins`: 0 is Monday.
    """

    def __init__(self, starts: Sequence[int], tzid: str, now: int, *, until: int = 0, week_begins: int = 0) -> None:
        self._clock = zone(tzid)
        self._tzid = tzid
        self._until = self._clock.day_of(until) if until else 0
        self._week_begins = week_begins
        self.today = self._clock.day_of(now)
        self.by_day: dict[int, list[int]] = {}
        for start in starts:
            self.by_day.setdefault(self._clock.day_of(start), []).append(start)

    @property
    def first_day(self) -> int | None:
        return min(self.by_day, default=None)

    def day_named(self, iso: str) -> int | None:
        """The day number of an ISO date, or None for anything else."""
        try:
            found = date.fromisoformat(iso)
        except ValueError:
            return None
        return found.toordinal() - _EPOCH if found.year in _YEARS else None

    def month(self, name: str, chosen: int | None) -> Month:
        """The month called YYYY-MM; anything else is the month of the chosen day, the first free one or today."""
        year, number = _parse(name) or ymd(chosen or self.first_day or self.today)[:2]
        first, after = day(year, number, 1), day(*_later(year, number, 1), 1)
        counts = Counter({each: len(starts) for each, starts in self.by_day.items() if first <= each < after})
        cells: list[Day | None] = [None] * ((weekday(first) - self._week_begins) % 7)
        cells += [self._day(each, counts[each], each == chosen) for each in range(first, after)]
        cells += [None] * (-len(cells) % 7)
        return Month(
            name=f"{year:04}-{number:02}",
            title=month_title(year, number),
            weeks=[cells[at : at + 7] for at in range(0, len(cells), 7)],
            previous=self._neighbour(year, number, -1),
            next=self._neighbour(year, number, 1),
            free=counts.total(),
            next_free=None if counts else self._first_from(after),
        )

    def times(self, chosen: int) -> list[Time]:
        """The free times of a day; where the clocks repeat an hour, each with its offset."""
        starts = self.by_day.get(chosen, [])
        labels = [clock(start, self._tzid) for start in starts]
        often = Counter(labels)
        return [
            Time(start, label, self._offset(start) if often[label] > 1 else "")
            for start, label in zip(starts, labels, strict=True)
        ]

    def _first_from(self, first: int) -> Day | None:
        later = min((each for each in self.by_day if each >= first), default=None)
        return self._day(later, len(self.by_day[later]), False) if later is not None else None

    def _day(self, number: int, free: int, is_chosen: bool) -> Day:
        when = date.fromordinal(number + _EPOCH)
        name = date_format(when, pgettext("date format", "l j F"))
        label = ngettext("%(day)s, %(free)d time free", "%(day)s, %(free)d times free", free)
        return Day(
            number=when.day,
            iso=when.isoformat(),
            free=free,
            label=label % {"day": name, "free": free} if free else name,
            is_chosen=is_chosen,
            is_today=number == self.today,
        )

    def _neighbour(self, year: int, number: int, step: int) -> str:
        """The month before or after, where it is between today and the last free day; else empty."""
        year, number = _later(year, number, step)
        first, after = day(year, number, 1), day(*_later(year, number, 1), 1)
        last = max(max(self.by_day, default=self.today), self._until)
        return f"{year:04}-{number:02}" if after > self.today and first <= last else ""

    def _offset(self, start: int) -> str:
        minutes = self._clock.offset(start) // 60
        return f"UTC{'−' if minutes < 0 else '+'}{abs(minutes) // 60}:{abs(minutes) % 60:02}"


def month_title(year: int, number: int) -> str:
    """March 2027."""
    return pgettext("month and year", "%(month)s %(year)s") % {"month": MONTHS[number], "year": year}


def month_end(name: str) -> int | None:
    """The day after the last of the month called YYYY-MM, as a day number."""
    found = _parse(name)
    return day(*_later(*found, 1), 1) if found else None


def _parse(name: str) -> tuple[int, int] | None:
    year, _, month = name.partition("-")
    if len(name) == 7 and name.isascii() and year.isdigit() and month.isdigit() and 1 <= int(month) <= 12:
        return (int(year), int(month)) if int(year) in _YEARS else None
    return None


def _later(year: int, month: int, step: int) -> tuple[int, int]:
    index = year * 12 + month - 1 + step
    return index // 12, index % 12 + 1
