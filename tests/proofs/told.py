"""What can be told of a drawn configuration without the product's own decision."""

from __future__ import annotations

import datetime as dt
from collections.abc import Container
from functools import cache
from zoneinfo import ZoneInfo

import holidays

from bookings.engine.intervals import Interval, subtract, union
from bookings.engine.zones import DAY
from bookings.models import Host
from tests.proofs.configurations import Blocks, Extra, as_date
from tests.proofs.organisations import World


def reasons(world: World, host: Host, start: int, length: int, before: int, after: int) -> set[str]:
    """What of hours, calendars and claims stands against a slot, told from the drawing alone."""
    end, found = start + length, set()
    hours = open_time(world, world.hosts.index(host))
    if hours is not None and not any(begin <= start and end <= stop for begin, stop in hours):
        found.add("outside_hours")
    if any(begin < end + after and start - before < stop for begin, stop in world.blocking[host.pk]):
        found.add("busy")
    if any(
        begin < end + max(pad_before, after) and start - max(pad_after, before) < stop
        for begin, stop, pad_before, pad_after in world.claimed[host.pk]
    ):
        found.add("booked")
    return found


def open_time(world: World, number: int) -> list[Interval] | None:
    """When a host works around the listed days, by zoneinfo; None where two exceptions speak of the same day."""
    person, found, weekly, closed, spoken_of = world.configuration.people[number], [], [], [], []
    home = ZoneInfo(person.timezone)
    for date in range(world.lo // DAY - 4, world.hi // DAY + 4):
        on_it = [each for each in person.exceptions if 0 <= date - world.configuration.today - each.first < each.days]
        hours = [each for each in on_it if each.kind == "hours"]
        trips = [each for each in on_it if each.kind == "travel"]
        if len(hours) > 1 or len(trips) > 1:
            return None
        there = ZoneInfo((trips[0].timezone if trips else "") or person.timezone)
        is_closed, is_holiday = len(on_it) > len(trips) + len(hours), as_date(date) in _holidays(person.country)
        usual = () if is_closed or is_holiday else (world.own_week or person.week)[as_date(date).weekday()]
        found += _on_date(there, date, hours[0].blocks if hours else usual)
        weekly += [interval for extra in person.extras if extra.week for interval in _of_extra(extra, date)]
        whole_day = [(_instant(home, date, 0), _instant(home, date + 1, 0))]
        closed += whole_day if is_closed else []
        spoken_of += whole_day if is_closed or is_holiday or hours else []
    if world.own_week is not None:
        return union(found)
    once = [(world.base + each.at * 60, each.minutes * 60) for each in person.extras if each.week is None]
    return union(
        found, subtract(weekly, spoken_of), subtract([(start, start + length) for start, length in once], closed)
    )


def _of_extra(extra: Extra, date: int) -> list[Interval]:
    return _on_date(ZoneInfo(extra.timezone), date, extra.week[as_date(date).weekday()] if extra.week else ())


def _on_date(there: ZoneInfo, date: int, blocks: Blocks) -> list[Interval]:
    if _instant(there, date, 0) == _instant(there, date + 1, 0):
        return []  # the zone skips this date
    return [(_instant(there, date, start), _instant(there, date, stop)) for start, stop in blocks]


def _instant(at: ZoneInfo, date: int, minute: int) -> int:
    wall = dt.datetime.combine(as_date(date), dt.time()) + dt.timedelta(minutes=minute)
    return int(wall.replace(tzinfo=at).timestamp())


@cache
def _holidays(country: str) -> Container[dt.date]:
    known = country in holidays.list_supported_countries()
    return holidays.country_holidays(country, years=range(2008, 2034)) if known else ()
