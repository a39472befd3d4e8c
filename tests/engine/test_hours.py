"""Weekly hours, overrides, closed days and travel as open intervals."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bookings.engine import zones
from bookings.engine.hours import Block, WeeklyHours, open_intervals
from bookings.engine.intervals import clip, union
from bookings.engine.zones import DAY, day, zone
from tests.engine.support import ZONES, intervals, naive, oracle, reference_utc, utc, wall

CASES = oracle("timezones_slots.json")["working_hours"]
NINE_TO_FIVE = ((540, 1020),)
WORKDAYS: WeeklyHours = (NINE_TO_FIVE,) * 5 + ((), ())
ALWAYS: WeeklyHours = (((0, 1440),),) * 7


def minutes(text: str) -> int:
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
def test_the_oracle_agrees(case: dict[str, Any]) -> None:
    begin, end = case["weekly"]["mon-fri"]
    weekly = (((minutes(begin), minutes(end)),),) * 5 + ((), ())
    overrides = {
        wall(date) // DAY: tuple((minutes(a), minutes(b)) for a, b in blocks)
        for date, blocks in case["date_overrides"].items()
    }
    lo, hi = map(utc, case["window"])
    assert open_intervals(case["zone"], weekly, lo, hi, overrides=overrides) == intervals(case["expect_ranges_utc"])


def around(date: int, tzid: str) -> tuple[int, int]:
    return zone(tzid).day_bounds(date)


def test_hours_keep_their_wall_time_when_clocks_change() -> None:
    lo, hi = utc("2027-03-25T00:00:00Z"), utc("2027-03-31T00:00:00Z")
    starts = [start for start, _ in open_intervals("Europe/Berlin", WORKDAYS, lo, hi)]
    assert [naive(start).hour for start in starts] == [8, 8, 7, 7]


@pytest.mark.parametrize(("date", "hours"), [((2027, 3, 28), 23), ((2027, 10, 31), 25), ((2027, 6, 1), 24)])
def test_a_day_open_round_the_clock_is_as_long_as_the_day(date: tuple[int, int, int], hours: int) -> None:
    lo, hi = around(day(*date), "Europe/Berlin")
    assert open_intervals("Europe/Berlin", ALWAYS, lo, hi) == [(lo, hi)]
    assert hi - lo == hours * 3600


def test_a_block_that_begins_in_a_gap_begins_later_by_the_gap() -> None:
    date = day(2027, 3, 28)
    found = open_intervals("Europe/Berlin", (((150, 300),),) * 7, *around(date, "Europe/Berlin"))
    assert found == [(utc("2027-03-28T01:30:00Z"), utc("2027-03-28T03:00:00Z"))]


def test_a_repeated_hour_inside_a_block_is_open_in_one_stretch() -> None:
    date = day(2027, 10, 31)
    found = open_intervals("Europe/Berlin", (((60, 240),),) * 7, *around(date, "Europe/Berlin"))
    assert found == [(utc("2027-10-30T23:00:00Z"), utc("2027-10-31T03:00:00Z"))]


def test_a_date_the_zone_skips_has_no_hours() -> None:
    lo, hi = utc("2011-12-29T10:00:00Z"), utc("2011-12-31T10:00:00Z")
    found = open_intervals("Pacific/Apia", WORKDAYS, lo, hi)
    assert found == [(utc("2011-12-29T19:00:00Z"), utc("2011-12-30T03:00:00Z"))]


def test_a_block_past_midnight_runs_into_the_next_day_whatever_its_hours() -> None:
    friday_night: WeeklyHours = ((), (), (), (), ((1320, 1560),), (), ())
    saturday = around(day(2027, 6, 5), "Europe/Berlin")
    assert open_intervals("Europe/Berlin", friday_night, *saturday) == [(saturday[0], saturday[0] + 2 * 3600)]


def test_an_override_replaces_the_weekly_hours_and_an_empty_one_closes() -> None:
    monday, tuesday = day(2027, 6, 7), day(2027, 6, 8)
    found = open_intervals(
        "UTC", WORKDAYS, monday * DAY, (tuesday + 1) * DAY, overrides={monday: ((600, 660),), tuesday: ()}
    )
    assert found == [(monday * DAY + 36000, monday * DAY + 39600)]


def test_a_closed_day_has_no_weekly_hours_but_keeps_its_override() -> None:
    monday, tuesday = day(2027, 6, 7), day(2027, 6, 8)
    found = open_intervals(
        "UTC",
        WORKDAYS,
        monday * DAY,
        (tuesday + 1) * DAY,
        overrides={monday: ((600, 660),)},
        closed_days={monday, tuesday},
    )
    assert found == [(monday * DAY + 36000, monday * DAY + 39600)]


def test_travel_puts_the_wall_hours_into_the_other_zone() -> None:
    monday, tuesday = day(2027, 6, 7), day(2027, 6, 8)
    found = open_intervals(
        "Europe/Berlin",
        WORKDAYS,
        utc("2027-06-06T12:00:00Z"),
        utc("2027-06-09T00:00:00Z"),
        travel=[(tuesday, tuesday, "America/New_York")],
    )
    assert found == [
        (zone("Europe/Berlin").to_utc(monday * DAY + 9 * 3600), utc("2027-06-07T15:00:00Z")),
        (zone("America/New_York").to_utc(tuesday * DAY + 9 * 3600), utc("2027-06-08T21:00:00Z")),
    ]


def test_touching_and_overlapping_blocks_merge() -> None:
    weekly: WeeklyHours = (((540, 720), (720, 800), (700, 1020)),) * 7
    monday = day(2027, 6, 7) * DAY
    assert open_intervals("UTC", weekly, monday, monday + DAY) == [(monday + 9 * 3600, monday + 17 * 3600)]


def test_an_empty_window_is_never_open() -> None:
    assert open_intervals("UTC", ALWAYS, 1000, 1000) == []


blocks = st.lists(
    st.tuples(st.integers(0, 1439), st.integers(1, 1500)).map(lambda pair: (pair[0], min(pair[0] + pair[1], 2880))),
    max_size=3,
).map(tuple)
weeks = st.tuples(*[blocks] * 7)


def by_datetimes(tzid: str, weekly: WeeklyHours, lo: int, hi: int, overrides: dict[int, tuple[Block, ...]]) -> Any:
    found = []
    for date in range(lo // DAY - 4, hi // DAY + 4):
        midnight = naive(date * DAY)
        for start, end in overrides.get(date, weekly[midnight.weekday()]):
            edges = (midnight + timedelta(minutes=start), midnight + timedelta(minutes=end))
            found.append(tuple(reference_utc(edge, tzid) for edge in edges))
    return clip(union(found), lo, hi)


@settings(deadline=None, max_examples=120)
@given(
    st.sampled_from(ZONES),
    weeks,
    st.integers(zones.wall(2024, 1, 1), zones.wall(2030, 1, 1)),
    st.integers(1, 20 * DAY),
    st.dictionaries(st.integers(0, 20), blocks, max_size=3),
)
def test_open_time_is_what_aware_datetimes_say(
    tzid: str, weekly: WeeklyHours, lo: int, length: int, shifted: dict[int, tuple[Block, ...]]
) -> None:
    overrides = {lo // DAY + at: each for at, each in shifted.items()}
    hi = lo + length
    expected = by_datetimes(tzid, weekly, lo, hi, overrides)
    assert open_intervals(tzid, weekly, lo, hi, overrides=overrides) == expected
