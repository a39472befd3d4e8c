"""Wall time and UTC: gaps, overlaps, days that are long, short or missing, and the names of zones."""

from __future__ import annotations

import random
import zoneinfo
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bookings.engine import zones
from bookings.engine.windows_zones import WINDOWS_ZONES
from bookings.engine.zones import DAY, UnknownZone, canonical, zone
from tests.engine.support import ZONES, aware, naive, naive_seconds, oracle, reference_utc, utc, wall

DATA = oracle("timezones_slots.json")
YEARS_2024_2030 = (zones.wall(2024, 1, 1), zones.wall(2031, 1, 1))


def by_id(cases: list[dict[str, Any]]) -> Any:
    return pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in cases])


def known_to_the_wheel(case: dict[str, Any]) -> bool:
    return all(each["crosscheck"]["tzdata_wheel_2026.6"] == "agree" for each in case["transitions"])


@by_id([case for case in DATA["transitions"] if known_to_the_wheel(case)])
def test_a_zone_changes_its_offset_exactly_when_the_tz_database_says(case: dict[str, Any]) -> None:
    clock, year = zone(case["zone"]), case["year"]
    lo, hi = utc(f"{year}-01-01T00:00:00Z"), utc(f"{year + 1}-01-01T00:00:00Z")
    expected = {(utc(each["at_utc"]), each["offset_after_s"]) for each in case["transitions"]}
    found = set(clock.offsets(lo, hi)[1:])
    # Newer data may know of a further change (Morocco gave up its summer time in September 2026).
    assert expected <= found
    assert all(aware(at, clock.key).utcoffset() != aware(at - 1, clock.key).utcoffset() for at, _ in found)
    for each in case["transitions"]:
        at = utc(each["at_utc"])
        assert (clock.offset(at - 1), clock.offset(at)) == (each["offset_before_s"], each["offset_after_s"])


@by_id([case for case in DATA["transitions"] if known_to_the_wheel(case)])
def test_only_the_wall_times_of_a_change_are_missing_or_repeated(case: dict[str, Any]) -> None:
    clock = zone(case["zone"])
    for each in case["transitions"]:
        first, last = wall(each["local_from"]), wall(each["local_to"]) - 1
        gap = each["kind"] == "gap"
        for at in (first, (first + last) // 2, last):
            assert (clock.is_gap(at), clock.is_overlap(at)) == (gap, not gap)
        for at in (first - 1, last + 1):
            assert not clock.is_gap(at)
            assert not clock.is_overlap(at)


def day_is_known_to_the_wheel(case: dict[str, Any]) -> bool:
    # The oracle's README: this change is in tz 2025b but no longer in the wheel.
    return (case["zone"], case["local_date"]) != ("America/Havana", "2026-11-01")


@by_id([case for case in DATA["local_days"] if day_is_known_to_the_wheel(case)])
def test_a_local_day_has_the_bounds_of_the_tz_database(case: dict[str, Any]) -> None:
    clock, date = zone(case["zone"]), wall(case["local_date"]) // DAY
    start = case["day_start_utc"] or case["day_start_utc_if_moved_forward"]
    assert clock.day_bounds(date) == (utc(start), utc(case["day_end_utc"]))
    if "minutes" in case:
        assert utc(case["day_end_utc"]) - utc(start) == 60 * case["minutes"]
    if case["hours_09_17_utc"][0]:
        nine_to_five = [clock.to_utc(date * DAY + hour * 3600) for hour in (9, 17)]
        assert nine_to_five == [utc(text) for text in case["hours_09_17_utc"]]


@by_id(DATA["local_time_resolution"])
def test_a_missing_time_moves_forward_and_a_repeated_one_means_the_first(case: dict[str, Any]) -> None:
    clock, local = zone(case["zone"]), wall(case["local"])
    assert clock.to_utc(local) == utc(case["rfc5545_utc"])
    assert (clock.is_gap(local), clock.is_overlap(local)) == (
        case["kind"] == "gap",
        case["kind"] == "overlap",
    )
    if case["kind"] == "gap":
        assert clock.to_wall(clock.to_utc(local)) == wall(case["local_after_moving_forward"])
    else:
        assert clock.to_wall(utc(case["second_utc"])) == local


@pytest.mark.parametrize("tzid", ZONES)
def test_every_sampled_hour_of_2024_to_2030_agrees_with_zoneinfo_both_ways(tzid: str) -> None:
    clock, sample = zone(tzid), random.Random(tzid)
    for hour in range(YEARS_2024_2030[0], YEARS_2024_2030[1], 11 * 3600):
        instant = hour + sample.randrange(11 * 3600)
        local = aware(instant, tzid)
        assert clock.to_wall(instant) == naive_seconds(local.replace(tzinfo=None))
        assert clock.to_utc(instant) == reference_utc(naive(instant), tzid)
        assert clock.day_of(instant) == local.date().toordinal() - datetime(1970, 1, 1).toordinal()
        if not local.fold:
            assert clock.to_utc(clock.to_wall(instant)) == instant


@pytest.mark.parametrize("tzid", ZONES)
def test_every_minute_around_a_change_agrees_with_zoneinfo(tzid: str) -> None:
    clock = zone(tzid)
    for at, _ in clock.offsets(*YEARS_2024_2030)[1:5]:
        for instant in range(at - 3 * 3600, at + 3 * 3600, 300):
            local = aware(instant, tzid)
            assert clock.to_wall(instant) == naive_seconds(local.replace(tzinfo=None))
            assert clock.is_overlap(clock.to_wall(instant)) == (
                local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
            )


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(sorted(zoneinfo.available_timezones())), st.integers(-(10**9) * 2, 6 * 10**9))
def test_any_zone_agrees_with_zoneinfo_in_any_year(tzid: str, instant: int) -> None:
    assert zone(tzid).to_wall(instant) == naive_seconds(aware(instant, tzid).replace(tzinfo=None))
    assert zone(tzid).to_utc(instant) == reference_utc(naive(instant), tzid)


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(ZONES), st.lists(st.integers(0, 2 * 10**9)))
def test_converting_many_wall_times_at_once_is_converting_each(tzid: str, walls: list[int]) -> None:
    clock = zone(tzid)
    assert clock.to_utc_all(sorted(walls)) == [clock.to_utc(each) for each in sorted(walls)]


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(ZONES), st.integers(10_000, 25_000))
def test_the_days_of_a_zone_follow_each_other_without_hole(tzid: str, date: int) -> None:
    clock = zone(tzid)
    start, end = clock.day_bounds(date)
    assert clock.day_bounds(date + 1)[0] == end
    if start < end:
        assert clock.day_of(start) == clock.day_of(end - 1) == date
        assert clock.day_of(start - 1) < date


def test_the_day_apia_skipped_is_empty() -> None:
    start, end = zone("Pacific/Apia").day_bounds(zones.day(2011, 12, 30))
    assert start == end == utc("2011-12-30T10:00:00Z")


def test_instants_outside_the_calendar_are_answered_without_filling_memory() -> None:
    clock = zone("Europe/Berlin")
    known = len(clock._tables)
    for power in range(12, 19):
        assert clock.to_utc(10**power) == 10**power - clock.offset(10**power)
        clock.offset(-(10**power))
    assert len(clock._tables) <= known + 2


def test_dates_and_day_numbers_convert_both_ways() -> None:
    for date in range(zones.day(1999, 12, 1), zones.day(2001, 2, 1)):
        expected = datetime(1970, 1, 1) + timedelta(days=date)
        assert zones.ymd(date) == (expected.year, expected.month, expected.day)
        assert zones.day(*zones.ymd(date)) == date
        assert zones.weekday(date) == expected.weekday()
    assert zones.wall(2027, 3, 28, 2, 30, 5) == naive_seconds(datetime(2027, 3, 28, 2, 30, 5))


@pytest.mark.parametrize(
    "tzid", ["", "Mars/Olympus", "../../../etc/passwd", "europe/berlin", "Europe", "/etc/localtime"]
)
def test_a_name_that_is_not_iana_is_refused(tzid: str) -> None:
    with pytest.raises(UnknownZone):
        zone(tzid)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/BERLIN", "Europe/Berlin"),
        ('"Europe/Berlin"', "Europe/Berlin"),
        ("/mozilla.org/20070129_1/Europe/Berlin", "Europe/Berlin"),
        ("/freeassociation.sourceforge.net/America/Argentina/Salta", "America/Argentina/Salta"),
        ("tzone://Microsoft/Utc", "UTC"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("eastern standard time", "America/New_York"),
        ("India Standard Time", "Asia/Kolkata"),
        ("UTC", "UTC"),
        ("(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", None),
        ("Customized Time Zone", None),
        ("", None),
        ("/", None),
        ("../../etc/passwd", None),
    ],
)
def test_the_names_calendars_use_are_understood(name: str, expected: str | None) -> None:
    assert canonical(name) == expected


@pytest.mark.parametrize(
    ("place", "zones_there"),
    [("berlin", ("Europe/Berlin",)), ("Mexico City", ("America/Mexico_City",)), ("Atlantis", ()), ("", ())],
)
def test_zones_are_found_by_their_place(place: str, zones_there: tuple[str, ...]) -> None:
    assert zones.named_after(place) == zones_there


def test_every_windows_zone_is_a_zone() -> None:
    assert len(WINDOWS_ZONES) > 130
    for target in WINDOWS_ZONES.values():
        assert zone(target).key == target
