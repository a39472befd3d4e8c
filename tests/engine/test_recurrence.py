"""Expansion of recurring events: the oracle, dateutil on random rules, clock changes, and hostile rules."""

from __future__ import annotations

import contextlib
import re
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bookings.engine import zones
from bookings.engine.recurrence import RecurrenceSet, RuleError, TooMany, parse_rule
from bookings.engine.zones import DAY, zone
from tests.engine.support import naive, naive_seconds, oracle, reference_utc

CASES = [case for case in oracle("recurrence.json")["cases"] if case["tier"] == "A" and case["rfc5545_valid"]]
HOSTILE = [case for case in oracle("hostile.json")["cases"] if case["kind"] == "rrule"]
BERLIN = "Europe/Berlin"


def wall(text: str) -> int:
    """Wall seconds of an iCalendar date or date-time."""
    form = "%Y%m%dT%H%M%S" if "T" in text else "%Y%m%d"
    return naive_seconds(datetime.strptime(text.rstrip("Z"), form))


def series(start: str, *rules: str, tzid: str | None = None, **more: Any) -> RecurrenceSet:
    return RecurrenceSet(wall(start), tzid, tuple(map(parse_rule, rules)), **more)


def shown(found: list[int]) -> list[str]:
    return [naive(each).strftime("%Y%m%dT%H%M") for each in found]


ALWAYS = (0, zones.wall(2100, 1, 1))


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
def test_the_oracle_agrees(case: dict[str, Any]) -> None:
    tzid = case["tzid"] if case["kind"] == "zoned" else None
    found = series(
        case["dtstart"],
        *case["rrules"],
        tzid=tzid,
        rdates=tuple(map(wall, case["rdates"])),
        exdates=tuple(map(wall, case["exdates"])),
        exrules=tuple(map(parse_rule, case["exrules"])),
    )
    expected = [wall(text) for text in case.get("expected_utc") or case["expected"]]
    lo = zone(tzid or "UTC").to_utc(wall(case.get("from") or case["dtstart"]))
    if case.get("limit") is None:
        last = found.last()
        assert last is not None
        assert not expected or last == expected[-1]
        hi = last + DAY
    else:
        hi = expected[-1] + 1 if expected else lo + 1
    assert found.starts(lo, hi) == expected


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in HOSTILE])
def test_a_hostile_rule_is_refused_or_answered_at_once(case: dict[str, Any]) -> None:
    start = re.search(r"DTSTART[^:]*:(\S+)", case["ics"])
    rule = re.search(r"RRULE:(.*?)\r", case["ics"])
    assert start
    assert rule
    window = (zones.wall(2027, 1, 1), zones.wall(2028, 2, 5))
    for ask in (
        lambda each: each.starts(*window),
        lambda each: each.last(),
        lambda each: each.starts(0, 10**12),
    ):
        began = time.thread_time()
        with contextlib.suppress(RuleError, TooMany):
            found = ask(series(start[1], rule[1]))
            assert not isinstance(found, list) or len(found) <= 5000
        assert time.thread_time() - began < 0.5


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30;COUNT=5",
        "FREQ=HOURLY;INTERVAL=2;BYHOUR=1;BYMONTH=2;BYMONTHDAY=31",
        "FREQ=SECONDLY;INTERVAL=2;BYSECOND=1",
        "FREQ=SECONDLY;INTERVAL=7200;BYHOUR=1,3,5;BYSECOND=" + ",".join(map(str, range(60))),
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=1",
        "FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=2",
        "FREQ=MONTHLY;BYDAY=6MO",
        "FREQ=YEARLY;BYYEARDAY=366;BYMONTH=1;COUNT=3",
        "FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO;BYMONTH=6;COUNT=9",
        "FREQ=WEEKLY;BYDAY=MO;BYSETPOS=2;COUNT=9",
        "FREQ=YEARLY;INTERVAL=1000000000;BYMONTHDAY=31;BYMONTH=4",
    ],
)
def test_a_rule_that_never_matches_stops(rule: str) -> None:
    began = time.thread_time()
    for ask in (lambda each: each.starts(wall("20270101"), wall("20280201")), lambda each: each.last()):
        with contextlib.suppress(TooMany):
            assert ask(series("20260101T090000", rule)) in ([], None)
    assert time.thread_time() - began < 1


def test_more_occurrences_than_asked_for_are_refused_not_cut() -> None:
    daily = series("20270101T090000", "FREQ=DAILY")
    window = (wall("20270101"), wall("20270111"))
    assert len(daily.starts(*window, limit=10)) == 10
    with pytest.raises(TooMany):
        daily.starts(*window, limit=9)
    with pytest.raises(TooMany):
        series("20270101T090000", "FREQ=MINUTELY").starts(*window)


def test_without_rules_the_start_and_the_extra_dates_happen() -> None:
    single = series("20270101T090000", rdates=(wall("20270105T100000"),))
    assert shown(single.starts(*ALWAYS)) == ["20270101T0900", "20270105T1000"]
    assert single.last() == wall("20270105T100000")


def test_a_window_holds_its_beginning_but_not_its_end() -> None:
    daily = series("20270101T090000", "FREQ=DAILY")
    assert shown(daily.starts(wall("20270102T090000"), wall("20270103T090000"))) == ["20270102T0900"]


def test_an_old_series_costs_no_more_than_a_new_one() -> None:
    window = (wall("20270301"), wall("20270308"))
    for rule in (
        "FREQ=DAILY",
        "FREQ=WEEKLY;BYDAY=TU",
        "FREQ=MONTHLY;BYDAY=1TU",
        "FREQ=HOURLY",
        "FREQ=DAILY;BYHOUR=9,10",
    ):
        old = series("19000101T090000", rule)
        began = time.thread_time()
        assert old.starts(*window)
        assert time.thread_time() - began < 0.01


def test_a_weekly_rule_without_weekday_keeps_that_of_its_start() -> None:
    wednesdays = series("20200101T090000", "FREQ=WEEKLY")
    assert shown(wednesdays.starts(wall("20270301"), wall("20270315"))) == ["20270303T0900", "20270310T0900"]


def test_a_series_keeps_its_local_hour_when_clocks_change() -> None:
    daily = series("20270327T090000", "FREQ=DAILY;COUNT=3", tzid=BERLIN)
    assert shown(daily.starts(*ALWAYS)) == ["20270327T0800", "20270328T0700", "20270329T0700"]
    assert shown(daily.walls(*ALWAYS)) == ["20270327T0900", "20270328T0900", "20270329T0900"]


def test_a_time_missing_in_a_gap_moves_forward_for_that_day() -> None:
    daily = series("20270327T023000", "FREQ=DAILY;COUNT=3", tzid=BERLIN)
    assert shown([wall for _, wall in daily.occurrences(*ALWAYS)]) == [
        "20270327T0230",
        "20270328T0330",
        "20270329T0230",
    ]


def test_two_wall_times_that_become_one_instant_are_one_occurrence() -> None:
    hourly = series("20270328T010000", "FREQ=HOURLY;COUNT=3", tzid=BERLIN)
    assert shown(hourly.starts(*ALWAYS)) == ["20270328T0000", "20270328T0100"]


def test_a_removed_date_may_be_given_as_the_moved_or_the_missing_time() -> None:
    for removed in ("20270328T023000", "20270328T033000"):
        daily = series("20270327T023000", "FREQ=DAILY;COUNT=3", tzid=BERLIN, exdates=(wall(removed),))
        assert shown(daily.walls(*ALWAYS)) == ["20270327T0230", "20270329T0230"]


@pytest.mark.parametrize(
    ("until", "days"),
    [
        ("20270103T080000Z", 3),
        ("20270103T075959Z", 2),
        ("20270103T090000", 3),
        ("20270103T085959", 2),
        ("20270103", 3),
    ],
)
def test_until_is_inclusive_in_each_of_its_forms(until: str, days: int) -> None:
    daily = series("20270101T090000", f"FREQ=DAILY;UNTIL={until}", tzid=BERLIN)
    assert len(daily.starts(*ALWAYS)) == days
    assert daily.last() == daily.starts(*ALWAYS)[-1]


def test_until_inside_a_repeated_hour_is_exact() -> None:
    # 02:45 local comes at 00:45Z for the first time; 01:30Z is already in the second pass.
    rule = "FREQ=MINUTELY;INTERVAL=15;UNTIL=20271031T013000Z"
    found = series("20271031T020000", rule, tzid=BERLIN).starts(*ALWAYS)
    assert shown(found) == ["20271031T0000", "20271031T0015", "20271031T0030", "20271031T0045"]


def test_the_last_occurrence_is_one_that_was_not_removed() -> None:
    rule = "FREQ=DAILY;COUNT=400"
    days = [wall("20270101T090000") + at * DAY for at in range(400)]
    assert series("20270101T090000", rule, exdates=tuple(days[1:])).last() == days[0]
    assert series("20270101T090000", rule, exdates=tuple(days)).last() == days[0]
    weekends = (parse_rule("FREQ=DAILY;BYDAY=SA,SU"),)
    assert shown([series("20270101T090000", "FREQ=DAILY;COUNT=3", exrules=weekends).last() or 0]) == ["20270101T0900"]


@pytest.mark.parametrize("rule", ["FREQ=DAILY", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=DAILY;COUNT=1000000000"])
def test_a_series_without_end_has_no_last_occurrence(rule: str) -> None:
    assert series("20270101T090000", rule).last() is None


@pytest.mark.parametrize(
    ("skip", "expected"),
    [
        ("OMIT", ["20270131", "20270331"]),
        ("BACKWARD", ["20270131", "20270228", "20270331", "20270430"]),
        ("FORWARD", ["20270131", "20270301", "20270331", "20270501"]),
    ],
)
def test_a_day_its_month_lacks_is_left_out_or_moved(skip: str, expected: list[str]) -> None:
    monthly = series("20270131", f"RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP={skip}")
    assert shown(monthly.starts(0, wall("20270502"))) == [f"{each}T0000" for each in expected]
    assert shown(monthly.starts(wall("20270301"), wall("20270302"))) == (["20270301T0000"] if skip == "FORWARD" else [])


WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
plain_days = st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=4, unique=True).map(",".join)
numbered_days = st.lists(
    st.tuples(st.sampled_from((1, 2, 3, 4, 5, -1, -2)), st.sampled_from(WEEKDAYS)).map(
        lambda each: f"{each[0]}{each[1]}"
    ),
    min_size=1,
    max_size=3,
    unique=True,
).map(",".join)


def numbers(low: int, high: int, size: int = 3) -> Any:
    return st.lists(st.integers(low, high), min_size=1, max_size=size, unique=True).map(
        lambda each: ",".join(map(str, each))
    )


monthdays = st.lists(st.integers(-31, 31).filter(lambda day: day != 0), min_size=1, max_size=3, unique=True).map(
    lambda each: ",".join(map(str, each))
)
PARTS: dict[str, dict[str, Any]] = {
    "DAILY": {"BYMONTH": numbers(1, 12), "BYDAY": plain_days, "BYMONTHDAY": monthdays},
    "WEEKLY": {"BYMONTH": numbers(1, 12), "BYDAY": plain_days},
    "MONTHLY": {
        "BYMONTH": numbers(1, 12),
        "BYDAY": st.one_of(plain_days, numbered_days),
        "BYMONTHDAY": monthdays,
    },
    "YEARLY": {
        "BYMONTH": numbers(1, 12),
        "BYDAY": st.one_of(plain_days, numbered_days),
        "BYMONTHDAY": monthdays,
        "BYYEARDAY": numbers(1, 366),
    },
    "HOURLY": {
        "BYMONTH": numbers(1, 12),
        "BYDAY": plain_days,
        "BYMONTHDAY": monthdays,
        "BYHOUR": numbers(0, 23),
    },
}


@st.composite
def rules(draw: st.DrawFn) -> str:
    freq = draw(st.sampled_from(sorted(PARTS)))
    parts = {"FREQ": freq, "INTERVAL": str(draw(st.sampled_from((1, 1, 2, 3, 5, 7, 13))))}
    for name, values in PARTS[freq].items():
        if draw(st.integers(0, 2)) == 0:
            parts[name] = draw(values)
    # dateutil walks to the year 9999 after a day that never comes, UNTIL or not.
    assume("BYMONTH" not in parts or not re.search(r"29|30|31", parts.get("BYMONTHDAY", "")))
    if re.search(r"\d", parts.get("BYDAY", "")):
        assume("BYMONTHDAY" not in parts and "BYYEARDAY" not in parts)
    if freq != "HOURLY" and draw(st.integers(0, 3)) == 0:
        parts["BYHOUR"] = draw(numbers(0, 23, 2))
        parts["BYMINUTE"] = draw(numbers(0, 59, 2))
    # Not for weeks: dateutil counts positions of the first one from the start, not from the week's beginning.
    if freq != "WEEKLY" and len(parts) > 2 and draw(st.integers(0, 3)) == 0:
        parts["BYSETPOS"] = draw(st.sampled_from(("1", "-1", "1,-1")))
    if freq == "WEEKLY":
        parts["WKST"] = draw(st.sampled_from(("MO", "SU", "WE")))
    if draw(st.integers(0, 2)) == 0:
        parts["COUNT"] = str(draw(st.integers(1, 300)))
    return ";".join(f"{name}={value}" for name, value in parts.items())


def by_dateutil(rule: str, start: datetime, lo: datetime, hi: datetime, most: int = 6000) -> list[datetime]:
    """The starts in [lo, hi] by walking from DTSTART, as far as that ends soon."""
    found = []
    try:
        for at, each in enumerate(rrulestr(rule, dtstart=start, cache=False)):
            assume(at < most)
            if each > hi:
                break
            if each >= lo:
                found.append(each)
    except ValueError as refusal:
        # Some rules that never match are refused, a few of them only on the way.
        if "empty rule" not in str(refusal) and "Invalid rrule" not in str(refusal):
            raise
    return found


begins = st.integers(zones.wall(2024, 1, 1) // 900, zones.wall(2026, 6, 1) // 900).map(lambda at: naive(at * 900))
tzids = st.sampled_from((None, BERLIN, "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia"))


@settings(deadline=None, max_examples=250)
@given(rules(), begins, tzids, st.integers(0, 900 * 24), st.integers(1, 90 * 24))
def test_any_rule_in_any_window_is_what_dateutil_makes_of_it(
    rule: str, start: datetime, tzid: str | None, offset: int, length: int
) -> None:
    lo = start + timedelta(hours=offset)
    hi = lo + timedelta(hours=length)
    # Where starts are years apart, end dateutil's walk by UNTIL instead of COUNT.
    bounded = rule if "COUNT" in rule else f"{rule};UNTIL={hi + timedelta(days=3):%Y%m%dT%H%M%S}"
    if "COUNT" in rule:
        assume("BYMONTH" not in rule and "BYSETPOS" not in rule and "BYHOUR" not in rule)
    walls = by_dateutil(bounded, start, lo - timedelta(days=2), hi + timedelta(days=2))
    window = (reference_utc(lo, tzid or "UTC"), reference_utc(hi, tzid or "UTC"))
    instants = {reference_utc(each, tzid or "UTC") for each in walls}
    expected = sorted(each for each in instants if window[0] <= each < window[1])
    assert RecurrenceSet(naive_seconds(start), tzid, (parse_rule(rule),)).starts(*window, limit=10_000) == expected


STEPS = {"HOURLY": 3600, "MINUTELY": 60, "SECONDLY": 1}


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(sorted(STEPS)),
    st.sampled_from((1, 2, 7, 24, 45, 60, 61, 90, 1440)),
    st.dictionaries(
        st.sampled_from(("BYHOUR", "BYMINUTE", "BYSECOND")),
        st.sets(st.integers(0, 23), min_size=1, max_size=4),
    ),
    st.integers(0, 10**6),
    st.one_of(st.none(), st.integers(1, 500)),
)
def test_a_rule_faster_than_daily_is_what_stepping_through_it_finds(
    freq: str, interval: int, filters: dict[str, set[int]], offset: int, count: int | None
) -> None:
    # Only what limits: the parts finer than FREQ would multiply.
    filters = {name: values for name, values in filters.items() if STEPS[freq] <= STEPS[f"{name[2:]}LY"]}
    start, step = wall("20260101T011110"), interval * STEPS[freq]
    lo = start + offset * STEPS[freq] // 50
    hi = lo + 300 * step
    found = []
    for each in range(start, hi, step):
        clock = {"BYHOUR": each // 3600 % 24, "BYMINUTE": each // 60 % 60, "BYSECOND": each % 60}
        if all(clock[name] in values for name, values in filters.items()):
            found.append(each)
    if count is not None:
        found = found[:count]
    parts = [f"FREQ={freq}", f"INTERVAL={interval}", *([f"COUNT={count}"] if count else [])]
    parts += [f"{name}={','.join(map(str, sorted(values)))}" for name, values in filters.items()]
    assert series("20260101T011110", ";".join(parts)).starts(lo, hi) == [each for each in found if each >= lo]


@settings(deadline=None, max_examples=100)
@given(rules(), begins, tzids)
def test_the_last_occurrence_is_the_last_one_listed(rule: str, start: datetime, tzid: str | None) -> None:
    until = naive(naive_seconds(start) + 200 * DAY)
    text = rule if "COUNT" in rule else f"{rule};UNTIL={until:%Y%m%dT%H%M%S}"
    found = RecurrenceSet(naive_seconds(start), tzid, (parse_rule(text),))
    try:
        last = found.last()
        listed = found.starts(naive_seconds(start) - DAY, (last or 0) + DAY, limit=50_000)
    except TooMany:
        return
    assert last is None or last == (listed[-1] if listed else zone(tzid or "UTC").to_utc(naive_seconds(start)))
