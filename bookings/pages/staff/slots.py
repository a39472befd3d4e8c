"""Real free times to choose from, for staff who book or move for somebody."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.utils.formats import date_format
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.domain import availability
from bookings.domain.availability import Terms
from bookings.engine.zones import DAY, zone
from bookings.pages.staff.refusing import Refusing

_EPOCH = dt.date(1970, 1, 1)
_DAYS = 7
_SHOWN_STEP = 900
_MOST_YEARS = range(1971, 9000)


@dataclass(frozen=True)
class SlotDay:
    name: str
    times: list[tuple[int, str]]


@dataclass(frozen=True)
class Slots:
    """A week of free times from a day on, on the clock of a zone; `first_day`, `before` and `after` as ISO dates."""

    days: list[SlotDay]
    timezone: str
    first_day: str
    before: str
    after: str
    later: list[int]


class TimeForm(Refusing):
    """A free time, or one typed in; `forced` takes it whatever stands in the way."""

    names = {"start": "day"}

    start = forms.IntegerField(required=False, min_value=0, max_value=2**40)
    day = forms.DateField(
        label=gettext_lazy("Another day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    time = forms.TimeField(
        label=gettext_lazy("Time"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
    )
    forced = forms.BooleanField(label=gettext_lazy("Even outside the rules"), required=False)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if given.get("start") is None and not (given.get("day") and given.get("time")):
            self.add_error(None, _("Choose a time, or name a day and a time."))
        if given.get("day") and given["day"].year not in _MOST_YEARS:
            self.add_error("day", _("This day cannot be used."))
        return given

    def chosen(self, tzid: str) -> int:
        """UTC seconds of what was typed in on that clock, or else of the time that was ticked."""
        given = self.cleaned_data
        if given["day"] and given["time"]:
            wall = (given["day"] - _EPOCH).days * DAY + given["time"].hour * 3600 + given["time"].minute * 60
            return zone(tzid).to_utc(wall)
        start: int = given["start"]
        return start


def of(terms: Terms, day: str) -> Slots:
    """Free times from a day (ISO; anything else is today) on. Of those that follow each other by the minute only the
    quarters of an hour are shown; any other can be typed in."""
    terms = replace(terms, step=max(terms.step, _SHOWN_STEP))
    moment = int(now().timestamp())
    clock = zone(terms.timezone)
    first = max(_number(day, clock.day_of(moment)), clock.day_of(moment))
    lo, hi = clock.day_bounds(first)[0], clock.day_bounds(first + _DAYS - 1)[1]
    starts = availability.offer(terms, lo, hi + terms.length, now=moment).starts
    by_day: dict[int, list[tuple[int, str]]] = {number: [] for number in range(first, first + _DAYS)}
    for start in starts:
        if (number := clock.day_of(start)) in by_day:
            minute = clock.to_wall(start) % DAY // 60
            by_day[number].append((start, f"{minute // 60}:{minute % 60:02}"))
    days = [SlotDay(date_format(_date(number), "l j F"), times) for number, times in by_day.items() if times]
    later = [] if days or not terms.hosts else availability.next_free(terms, hi, 3, now=moment)
    before = "" if first <= clock.day_of(moment) else _date(max(first - _DAYS, clock.day_of(moment))).isoformat()
    return Slots(days, terms.timezone, _date(first).isoformat(), before, _date(first + _DAYS).isoformat(), later)


def _number(iso: str, fallback: int) -> int:
    try:
        found = dt.date.fromisoformat(iso)
    except ValueError:
        return fallback
    return (found - _EPOCH).days if found.year in _MOST_YEARS else fallback


def _date(number: int) -> dt.date:
    return _EPOCH + dt.timedelta(days=number)
