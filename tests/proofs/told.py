"""What can be told of a drawn configuration without the product's own decision."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from functools import cache
from zoneinfo import ZoneInfo

import holidays

from bookings.engine.intervals import Interval, subtract, union
from bookings.engine.zones import DAY
from bookings.models import Booking, Host
from tests.proofs.configurations import Blocks, Extra, as_date
from tests.proofs.organisations import World

CODES = {"inactive", "stale_calendar", "outside_hours", "busy", "booked", "limit_day", "limit_week", "limit_month"}
"""The reasons that can be told."""

_PERIODS: dict[str, Callable[[dt.date], object]] = {
    "limit_day": lambda date: date,
    "limit_week": lambda date: date.isocalendar()[:2],
    "limit_month": lambda date: (date.year, date.month),
}


@dataclass
class Told:
    """The reasons against a slot of so many seconds with so much kept free around it."""

    world: World
    length: int
    before: int
    after: int

    def __post_init__(self) -> None:
        world = self.world
        self.hours = {host.pk: None if world.has_stand_ins else open_time(world, at) for at, host in _all(world)}
        self.stale = _stale(world)
        self.full = {host.pk: _full_for_host(world, at, host) for at, host in _all(world)}
        self.full_for_all = _full_for_everybody(world)

    def against_all(self, start: int) -> set[str]:
        """Limits that are used up whoever of the hosts is free."""
        return _codes(self.full_for_all, start)

    def against(self, host: Host, start: int) -> set[str]:
        """What stands against one host; hours are not told where somebody may stand in for somebody."""
        end, found = start + self.length, _codes(self.full[host.pk], start)
        if not host.is_active:
            found.add("inactive")
        if host.pk in self.stale:
            found.add("stale_calendar")
        hours = self.hours[host.pk]
        if hours is not None and not any(begin <= start and end <= stop for begin, stop in hours):
            found.add("outside_hours")
        if any(begin < end + self.after and start - self.before < stop for begin, stop in self.world.blocking[host.pk]):
            found.add("busy")
        if any(
            begin < end + max(before, self.after) and start - max(after, self.before) < stop
            for begin, stop, before, after in self.world.claimed[host.pk]
        ):
            found.add("booked")
        return found

    def may_be(self, hosts: Iterable[Host], start: int, code: str) -> bool:
        """Whether a refusal with this code is borne out, as far as it can be told."""
        hosts = tuple(hosts)
        if code not in CODES or self.world.has_stand_ins:
            return True
        if code == "outside_hours" and any(self.hours[host.pk] is None for host in hosts):
            return True
        return code in self.against_all(start) or any(code in self.against(host, start) for host in hosts)


def _all(world: World) -> Iterable[tuple[int, Host]]:
    return enumerate(world.hosts)


def _stale(world: World) -> set[uuid.UUID]:
    """Hosts with a blocking calendar elsewhere that was not read in the last hour, where that matters."""
    if world.event_type is not None and not world.rules.refuse_unknown:
        return set()
    return {
        calendar.account.host_id
        for calendar, agenda in zip(world.calendars, world.agendas, strict=True)
        if world.blocks(calendar) and not agenda.local and (agenda.verified is None or agenda.verified > 60)
    }


_Full = list[tuple[str, ZoneInfo, set[object]]]


def _full_for_everybody(world: World) -> _Full:
    """Of the event type and of its customer, in the first host's days."""
    if world.event_type is None:
        return []
    at = ZoneInfo(next((host.timezone for host in world.asked if host.is_active), "UTC"))
    ours = [booking for booking in world.bookings if booking.event_type_id == world.event_type.pk]
    return _full(world.rules.limits, ours, at) + _full_for_customer(world, at)


def _full_for_customer(world: World, at: ZoneInfo) -> _Full:
    """Of the customer who asks, with their seats."""
    theirs = [booking for booking in world.bookings if world.customer in world.guests_of[booking.pk]]
    return _full(world.rules.customer_limits, theirs, at) if world.customer else []


def _full_for_host(world: World, at: int, host: Host) -> _Full:
    person, mine = world.configuration.people[at], [each for each in world.bookings if host in world.hosts_of[each.pk]]
    is_member = world.group is not None and host in world.asked
    cap = (person.cap or 0, 0, 0) if is_member else (0, 0, 0)
    return [full for limits in (person.limits, cap) for full in _full(limits, mine, ZoneInfo(host.timezone))]


def _full(limits: tuple[int, int, int], bookings: list[Booking], at: ZoneInfo) -> _Full:
    """For each limit the periods in which it is used up."""
    dates = [_date(booking.start_s, at) for booking in bookings if booking.state in ("confirmed", "held")]
    found: _Full = []
    for (code, period), most in zip(_PERIODS.items(), limits, strict=True):
        numbers = [period(date) for date in dates]
        if most:
            found.append((code, at, {number for number in numbers if numbers.count(number) >= most}))
    return found


def _codes(full: _Full, start: int) -> set[str]:
    return {code for code, at, numbers in full if numbers and _PERIODS[code](_date(start, at)) in numbers}


def _date(second: int, at: ZoneInfo) -> dt.date:
    return dt.datetime.fromtimestamp(second, at).date()


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
