"""The times of next week that rules leave, asked of the one decision that the customer's page asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from django.utils.formats import date_format
from django.utils.timezone import now

from bookings.domain import availability
from bookings.domain.availability import Terms
from bookings.engine.zones import DAY, weekday, zone

_EPOCH = date(1970, 1, 1).toordinal()


class PreviewDay(NamedTuple):
    """A day with the clock times at which it can be booked."""

    name: str
    short: str
    times: list[str]


@dataclass(frozen=True)
class Preview:
    """Next week, Monday to Sunday, on the first host's clock; `later` has the next free starts when it has none."""

    days: list[PreviewDay]
    timezone: str
    noon: int
    later: list[int]

    @property
    def total(self) -> int:
        return sum(len(day.times) for day in self.days)


def of(terms: Terms) -> Preview:
    """What `terms` offer next week."""
    moment = int(now().timestamp())
    clock = zone(terms.timezone)
    today = clock.day_of(moment)
    monday = today - weekday(today) + 7
    lo, hi = clock.day_bounds(monday)[0], clock.day_bounds(monday + 6)[1]
    starts = availability.offer(terms, lo, hi + terms.length, now=moment).starts
    by_day: dict[int, list[str]] = {day: [] for day in range(monday, monday + 7)}
    for start in starts:
        if (day := clock.day_of(start)) in by_day:
            minute = clock.to_wall(start) % DAY // 60
            by_day[day].append(f"{minute // 60}:{minute % 60:02}")
    later = [] if starts or not terms.hosts else availability.next_free(terms, hi, 3, now=moment)
    return Preview([_day(day, times) for day, times in by_day.items()], terms.timezone, lo + DAY // 2, later)


def _day(number: int, times: list[str]) -> PreviewDay:
    when = date.fromordinal(number + _EPOCH)
    return PreviewDay(date_format(when, "l j F"), date_format(when, "D j M"), times)
