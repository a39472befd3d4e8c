"""Weekly hours keep their wall times through every change of the clocks, in zones that do it in every way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bookings.domain.availability import check, of_host, offer
from bookings.engine.zones import DAY, day, weekday, ymd, zone
from tests import factories

pytestmark = pytest.mark.django_db

ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",  # changes by half an hour
    "Asia/Kathmandu",
    "Pacific/Chatham",
    "Africa/Casablanca",
    "Pacific/Apia",
    "Antarctica/Troll",  # changes by two hours
    "America/St_Johns",
    "America/Havana",  # changes at midnight
    "Asia/Kolkata",
    "Europe/Dublin",
]
FIRST, LAST = day(2024, 1, 1), day(2030, 12, 31)
HOURS = [[[0, 240], [540, 720]]] * 5 + [[], [[60, 180]]]


@pytest.mark.parametrize("tzid", ZONES)
def test_every_start_of_seven_years_has_the_configured_wall_time_and_each_once(tzid):
    host = factories.host(timezone=tzid, weekly=HOURS)
    clock = zone(tzid)
    terms = replace(of_host(host, minutes=30, notice=0), latest=2**31)
    starts = offer(terms, clock.day_bounds(FIRST)[0], clock.day_bounds(LAST)[1], now=0).starts
    seen: set[int] = set()
    for start in starts:
        wall = clock.to_wall(start)
        minute = wall % DAY // 60
        assert any(begin <= minute < end for begin, end in HOURS[weekday(wall // DAY)]), (
            tzid,
            ymd(wall // DAY),
            minute,
        )
        assert minute % 30 == 0
        assert clock.to_utc(wall) == start, "a time that the clocks skip, or show for the second time"
        assert wall not in seen
        seen.add(wall)
    quiet = [number for number in range(FIRST, LAST + 1) if len(clock.offsets(*clock.day_bounds(number))) == 1]
    expected = sum((end - begin) // 30 for number in quiet for begin, end in HOURS[weekday(number)])
    by_day = dict.fromkeys(quiet, 0)
    for wall in seen:
        if wall // DAY in by_day:
            by_day[wall // DAY] += 1
    assert sum(by_day.values()) == expected


@pytest.mark.parametrize("tzid", ["Europe/Berlin", "Australia/Lord_Howe", "America/Havana"])
def test_what_is_listed_on_the_day_of_a_change_is_what_can_be_booked(tzid):
    host = factories.host(timezone=tzid, weekly=factories.ALWAYS)
    clock = zone(tzid)
    terms = replace(of_host(host, minutes=30, notice=0), latest=2**31)
    changes = [
        at for at, _ in clock.offsets(clock.day_bounds(day(2027, 1, 1))[0], clock.day_bounds(day(2028, 1, 1))[0])
    ]
    for at in changes[1:]:
        lo, hi = at - 3 * 3600, at + 4 * 3600
        listed = set(offer(terms, lo, hi, now=0).starts)
        for start in range(lo, hi - 1800, 900):
            verdict = check(terms, start, now=0)
            assert verdict.ok is (start in listed), (start - at, verdict)
