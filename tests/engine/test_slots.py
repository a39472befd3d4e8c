"""Slot starts of one host: the oracle's tables, the grid, clock changes, and listing against judging."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bookings.engine import slots, zones
from bookings.engine.hours import WeeklyHours, open_intervals
from bookings.engine.intervals import Interval
from bookings.engine.slots import Grid, fits, one
from bookings.engine.zones import DAY, day, zone
from tests.engine.support import ZONES, intervals, naive, oracle, utc

DATA = oracle("timezones_slots.json")
MONDAY = zones.wall(2027, 6, 7)
HOUR = 3600
FAR = MONDAY + 10 * DAY


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in DATA["slots"]])
def test_the_oracle_agrees(case: dict[str, Any]) -> None:
    grid = Grid(length=60 * case["length"], step=60 * case["step"])
    open_, busy = intervals(case["free"]), intervals(case.get("busy", []))
    lo = utc(case["now"]) + 60 * case["notice"]
    found = one(open_, busy, grid, lo, open_[-1][1], case.get("zone", "UTC"))
    if "expect" in case:
        assert found == [utc(text) for text in case["expect"]]
    if "expect_count" in case:
        assert len(found) == case["expect_count"]
    if "expect_last" in case:
        assert found[-1] == utc(case["expect_last"])


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case["id"]) for case in DATA["local_days"] if "whole_30min_slots" in case]
)
def test_a_day_open_round_the_clock_has_as_many_half_hours_as_the_clock(case: dict[str, Any]) -> None:
    lo, hi = utc(case["day_start_utc"]), utc(case["day_end_utc"])
    assert len(one([(lo, hi)], [], Grid(1800, 1800), lo, hi, case["zone"])) == case["whole_30min_slots"]


def starts(open_: list[Interval], grid: Grid, tzid: str = "UTC", busy: list[Interval] | None = None) -> list[str]:
    found = one(open_, busy or [], grid, MONDAY - DAY, FAR, tzid)
    return [naive(zone(tzid).to_wall(start)).strftime("%H:%M") for start in found]


def between(start: float, end: float) -> Interval:
    return MONDAY + int(start * HOUR), MONDAY + int(end * HOUR)


@pytest.mark.parametrize(
    ("opens", "minutes", "expected"),
    [
        (9, 30, ["09:00", "09:30", "10:00", "10:30", "11:00", "11:30"]),
        (9 + 10 / 60, 30, ["09:30", "10:00", "10:30", "11:00", "11:30"]),
        (9, 45, ["09:00", "09:45", "10:30", "11:15"]),
        (10, 45, ["10:00", "10:45", "11:30"]),
        (9, 120, ["09:00", "11:00"]),
        (9 + 5 / 60, 12, ["09:05", "09:17", "09:29", "09:41", "09:53"]),
    ],
)
def test_the_grid_begins_where_the_hours_do(opens: float, minutes: int, expected: list[str]) -> None:
    assert starts([between(opens, 12)], Grid(900, 60 * minutes))[: len(expected)] == expected


def test_hours_through_midnight_begin_the_grid_anew_there() -> None:
    found = starts([between(22, 26)], Grid(2700, 2700))
    assert found == ["22:00", "22:45", "23:30", "00:00", "00:45"]


def test_a_busy_interval_does_not_shift_the_grid() -> None:
    assert starts([between(9, 11)], Grid(1800, 1800), busy=[between(9, 9.25)]) == ["09:30", "10:00", "10:30"]


def test_a_slot_may_touch_busy_time_but_not_enter_it() -> None:
    assert starts([between(9, 11)], Grid(1800, 1800), busy=[between(9.5, 10)]) == ["09:00", "10:00", "10:30"]


def test_buffers_keep_busy_time_away_on_their_side_only() -> None:
    busy = [between(10, 10.5)]
    assert starts([between(9, 12)], Grid(1800, 1800, before=600), busy=busy) == [
        "09:00",
        "09:30",
        "11:00",
        "11:30",
    ]
    assert starts([between(9, 12)], Grid(1800, 1800, after=600), busy=busy) == [
        "09:00",
        "10:30",
        "11:00",
        "11:30",
    ]


def test_buffers_may_lie_outside_the_open_hours() -> None:
    assert starts([between(9, 10)], Grid(HOUR, HOUR, before=HOUR, after=HOUR)) == ["09:00"]


def test_an_empty_busy_interval_blocks_nothing() -> None:
    assert starts([between(9, 10)], Grid(HOUR, HOUR), busy=[between(9.5, 9.5), between(9.8, 9.2)]) == ["09:00"]


def test_busy_time_far_outside_and_very_long_is_no_burden() -> None:
    busy = [(-(10**15), MONDAY), (MONDAY + 10 * HOUR, 10**15), (10**15, 10**16)]
    assert starts([between(9, 11)], Grid(HOUR, HOUR), busy=busy) == ["09:00"]


def test_the_window_bounds_the_whole_slot() -> None:
    lo, hi = MONDAY + 9 * HOUR + 1, MONDAY + 11 * HOUR + 1799
    assert one([between(9, 17)], [], Grid(HOUR, 1800), lo, hi, "UTC") == [
        MONDAY + 9 * HOUR + 1800,
        MONDAY + 10 * HOUR,
    ]


def test_a_window_smaller_than_a_slot_has_none() -> None:
    assert one([between(9, 17)], [], Grid(HOUR, HOUR), MONDAY + 9 * HOUR, MONDAY + 9 * HOUR + 60, "UTC") == []
    assert one([], [], Grid(HOUR, HOUR), MONDAY, FAR, "UTC") == []


def test_the_grid_lies_on_the_hosts_wall_clock() -> None:
    begin = zone("Asia/Kathmandu").to_utc(MONDAY + 9 * HOUR)
    assert starts([(begin, begin + 2 * HOUR)], Grid(HOUR, HOUR), "Asia/Kathmandu") == ["09:00", "10:00"]


def test_an_anchor_puts_the_grid_on_another_wall_clock() -> None:
    begin = zone("Asia/Kathmandu").to_utc(MONDAY + 9 * HOUR)
    found = starts([(begin, begin + 2 * HOUR)], Grid(HOUR, HOUR, anchor="UTC"), "Asia/Kathmandu")
    assert found == ["09:45"]


def test_a_change_by_half_an_hour_leaves_starts_on_the_wall_clock() -> None:
    lo, hi = zone("Australia/Lord_Howe").day_bounds(day(2027, 10, 3))
    found = one([(lo, hi)], [], Grid(1800, HOUR), lo, hi, "Australia/Lord_Howe")
    walls = [naive(zone("Australia/Lord_Howe").to_wall(start)) for start in found]
    assert [each.hour for each in walls] == [0, 1, *range(3, 24)]
    assert {each.minute for each in walls} == {0}


@pytest.mark.parametrize("tzid", ZONES)
def test_starts_have_the_configured_wall_time_on_every_day_of_2024_to_2030(tzid: str) -> None:
    weekly: WeeklyHours = (((540, 720),),) * 7
    clock, grid = zone(tzid), Grid(1800, 1800)
    for year in range(2024, 2031):
        lo, hi = clock.day_bounds(day(year, 1, 1))[0], clock.day_bounds(day(year + 1, 1, 1))[0]
        found = one(open_intervals(tzid, weekly, lo, hi), [], grid, lo, hi, tzid)
        expected = [
            date * DAY + 9 * HOUR + at
            for date in range(day(year, 1, 1), day(year + 1, 1, 1))
            for at in range(0, 10800, 1800)
        ]
        assert [clock.to_wall(start) for start in found] == expected
        assert not any(clock.is_gap(wall) for wall in expected)


zones_in_use = st.sampled_from(ZONES)
bases = st.integers(zones.wall(2024, 1, 1) // 60, zones.wall(2030, 1, 1) // 60).map(lambda minute: minute * 60)
units = st.sampled_from((60, 300, 900, 1800))


@st.composite
def scenes(draw: st.DrawFn) -> tuple[list[Interval], list[Interval], Grid, int, int, str]:
    """A few days of one host, often at a clock change, on grids good and bad."""
    tzid = draw(zones_in_use)
    base = draw(bases)
    changes = zone(tzid).offsets(base, base + 400 * DAY)[1:]
    if changes and draw(st.booleans()):
        base = changes[0][0] - DAY
    unit = draw(units)
    spans = st.tuples(st.integers(0, 4 * DAY // unit), st.integers(0, 12 * HOUR // unit))

    def times() -> list[Interval]:
        pairs = draw(st.lists(spans, max_size=6))
        return [(base + at * unit, base + (at + length) * unit) for at, length in pairs]

    open_ = times()
    grid = Grid(
        length=60 * draw(st.sampled_from((5, 8, 15, 30, 60, 90))),
        step=60 * draw(st.sampled_from((5, 7, 8, 12, 15, 30, 45, 60, 90, 120, 1440))),
        before=60 * draw(st.sampled_from((0, 0, 5, 10, 60))),
        after=60 * draw(st.sampled_from((0, 0, 5, 15, 30))),
        anchor=draw(st.sampled_from((None, None, None, "Asia/Kathmandu"))),
    )
    lo = base + draw(st.integers(-DAY, 3 * DAY))
    return open_, times(), grid, lo, lo + draw(st.integers(0, 5 * DAY)), tzid


def minute_by_minute(open_: list[Interval], busy: list[Interval], grid: Grid, lo: int, hi: int, tzid: str) -> list[int]:
    """The definition of a slot, tried on every minute with sets of minutes."""
    free = {at for start, end in open_ for at in range(start, end, 60)}
    taken = {at for start, end in busy for at in range(start, end, 60)}
    clock = zone(grid.anchor or tzid)
    found = []
    for start in sorted(free):
        if not (lo <= start and start + grid.length <= hi):
            continue
        if not all(at in free for at in range(start, start + grid.length, 60)):
            continue
        if any(at in taken for at in range(start - grid.before, start + grid.length + grid.after, 60)):
            continue
        begin = start
        while begin - 60 in free:
            begin -= 60
        unit = next(unit for unit in (3600, 1800, 1200, 900, 600, 300, 60) if grid.step % unit == 0)
        opened, shown = clock.to_wall(begin), clock.to_wall(start)
        origin = -(-opened // unit) * unit if opened // DAY == shown // DAY else shown // DAY * DAY
        if (shown - origin) % grid.step == 0:
            found.append(start)
    return found


@settings(deadline=None, max_examples=150)
@given(scenes())
def test_slots_are_those_found_minute_by_minute(scene: Any) -> None:
    assert one(*scene) == minute_by_minute(*scene)


@settings(deadline=None, max_examples=150)
@given(scenes(), st.lists(st.integers(-2 * DAY // 60, 7 * DAY // 60), min_size=1, max_size=30))
def test_a_start_fits_exactly_when_it_is_listed(scene: Any, minutes: list[int]) -> None:
    open_, busy, grid, lo, _, tzid = scene
    tried = [lo // 60 * 60 + 60 * minute for minute in minutes]
    window = (min(tried) - DAY, max(tried) + 2 * DAY)
    listed = one(open_, busy, grid, *window, tzid)
    for start in listed:
        assert fits(open_, busy, grid, start, tzid) is None
    for start in set(tried) - set(listed):
        assert fits(open_, busy, grid, start, tzid) in ("outside_hours", "off_grid", "busy")
    assert {start for start in tried if fits(open_, busy, grid, start, tzid) is None} == set(tried) & set(listed)


def test_the_reason_names_the_first_rule_that_fails() -> None:
    grid, open_, busy = Grid(HOUR, HOUR), [between(9, 12)], [between(10, 11)]
    assert fits(open_, busy, grid, MONDAY + 9 * HOUR, "UTC") is None
    assert fits(open_, busy, grid, MONDAY + 8 * HOUR, "UTC") == "outside_hours"
    assert fits(open_, busy, grid, MONDAY + 9 * HOUR + 900, "UTC") == "off_grid"
    assert fits(open_, busy, grid, MONDAY + 10 * HOUR, "UTC") == "busy"


@pytest.mark.parametrize("wrong", [{"length": 0}, {"step": 0}, {"before": -1}, {"after": -60}])
def test_a_grid_without_sense_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="positive"):
        slots.Grid(**{"length": 60, "step": 60, **wrong})
