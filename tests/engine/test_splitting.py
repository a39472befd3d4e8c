"""A series cut in two: together both parts are what it was."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bookings.engine import zones
from bookings.engine.recurrence import RecurrenceSet, RuleError, TooMany, parse_rule
from bookings.engine.splitting import earlier, is_first, later, moved
from bookings.engine.zones import DAY, zone
from tests.engine.support import ZONES, oracle
from tests.engine.test_recurrence import series, shown, wall

CASES = [
    case
    for case in oracle("recurrence.json")["cases"]
    if case["tier"] == "A" and case["rfc5545_valid"] and not any("SECONDLY" in rule for rule in case["rrules"])
]


def of(case: dict[str, Any]) -> RecurrenceSet:
    return series(
        case["dtstart"],
        *case["rrules"],
        tzid=case["tzid"] if case["kind"] == "zoned" else None,
        rdates=tuple(map(wall, case["rdates"])),
        exdates=tuple(map(wall, case["exdates"])),
        exrules=tuple(map(parse_rule, case["exrules"])),
    )


def starts(each: RecurrenceSet) -> list[int]:
    """Some two hundred of them, from the first on."""
    begin = min(map(zone(each.tzid or "UTC").to_utc, (each.start, *each.rdates)))
    for years in (20, 3, 0.2, 0.01):
        try:
            if found := each.starts(begin, begin + int(years * 366 * DAY)):
                return found[:200]
        except TooMany:
            continue
    return []


def check_cut(whole: RecurrenceSet, at: int, known: list[int]) -> None:
    before, after = earlier(whole, at, "utc"), later(whole, at)
    begin, end = known[0], known[-1] + 1
    assert before.starts(begin, end) == [each for each in known if each < at]
    assert after.starts(begin, end) == [each for each in known if each >= at]
    assert before.last() == max(each for each in known if each < at)
    assert zone(after.tzid or "UTC").to_utc(after.start) == at
    assert is_first(after, at)
    assert not is_first(whole, at)


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
def test_every_series_of_the_oracle_falls_into_two_that_are_the_same(case: dict[str, Any]) -> None:
    whole = of(case)
    known = starts(whole)
    for at in (known[1:3] + known[len(known) // 2 :][:1]) if len(known) > 2 else ():
        check_cut(whole, at, known)


RULES = st.builds(
    "{};INTERVAL={}{}{}".format,
    st.sampled_from(
        [
            "FREQ=DAILY",
            "FREQ=DAILY;BYDAY=MO,TU,SA",
            "FREQ=WEEKLY",
            "FREQ=WEEKLY;BYDAY=MO,WE,SU;WKST=SU",
            "FREQ=MONTHLY",
            "FREQ=MONTHLY;BYDAY=-1FR",
            "FREQ=MONTHLY;BYMONTHDAY=1,-1",
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
            "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD",
            "FREQ=YEARLY",
            "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
            "FREQ=HOURLY;BYHOUR=1,2,3",
        ]
    ),
    st.integers(1, 5),
    st.sampled_from(["", ";COUNT=1", ";COUNT=7", ";COUNT=40"]),
    st.just(""),
)


@given(
    rule=RULES,
    tzid=st.sampled_from(ZONES),
    start=st.integers(zones.wall(2023, 1, 1) // 900, zones.wall(2026, 1, 1) // 900),
    cut=st.integers(1, 40),
    without=st.sets(st.integers(0, 40)),
)
@settings(max_examples=150, deadline=None)
def test_any_series_falls_into_two_that_are_the_same(
    rule: str, tzid: str, start: int, cut: int, without: set[int]
) -> None:
    whole = RecurrenceSet(start * 900, tzid, (parse_rule(rule),))
    known = starts(whole)
    gone = tuple(zone(tzid).to_wall(known[each]) for each in without if each < len(known))
    whole = replace(whole, exdates=gone)
    known = starts(whole)
    if len(known) > cut:
        try:
            check_cut(whole, known[cut], known)
        except RuleError as error:
            # Hours that fall together when clocks change cannot be told apart.
            assert error.code == "phase"  # noqa: PT017
            assert "HOURLY" in rule


def test_counts_and_ends_are_shared_out() -> None:
    whole = series("20240101T090000", "FREQ=DAILY;COUNT=10", tzid="Europe/Berlin")
    at = starts(whole)[4]
    assert [str(rule) for rule in earlier(whole, at, "utc").rules] == ["FREQ=DAILY;COUNT=4"]
    assert [str(rule) for rule in later(whole, at).rules] == ["FREQ=DAILY;COUNT=6"]
    endless = series("20240101T090000", "FREQ=WEEKLY;BYDAY=MO,FR", tzid="Europe/Berlin")
    at = starts(endless)[2]
    ends = {kind: str(earlier(endless, at, kind).rules[0]) for kind in ("utc", "local", "date")}
    assert ends == {
        "utc": "FREQ=WEEKLY;UNTIL=20240105T080000Z;BYDAY=MO,FR",
        "local": "FREQ=WEEKLY;UNTIL=20240105T090000;BYDAY=MO,FR",
        "date": "FREQ=WEEKLY;UNTIL=20240105;BYDAY=MO,FR",
    }
    assert later(endless, at).rules == endless.rules


def test_a_rule_that_is_over_does_not_go_on() -> None:
    whole = series("20240101T090000", "FREQ=DAILY;UNTIL=20240103T090000Z", rdates=(wall("20240110T120000"),))
    rest = later(whole, starts(whole)[3])
    assert (rest.rules, rest.rdates, shown(starts(rest))) == ((), (), ["20240110T1200"])


def test_a_series_cut_at_an_added_date_keeps_its_own_days() -> None:
    whole = series("20240101T090000", "FREQ=WEEKLY;COUNT=9", rdates=(wall("20240117T140000"),), tzid="Europe/Berlin")
    known = starts(whole)
    check_cut(whole, known[3], known)


def test_an_occurrence_that_clocks_moved_does_not_move_the_others() -> None:
    whole = series("20240329T023000", "FREQ=DAILY;COUNT=5", tzid="Europe/Berlin")
    rest = later(whole, starts(whole)[2])  # at 02:30 on the day without that time
    assert [zones.zone("Europe/Berlin").to_wall(at) % DAY // 60 for at in starts(rest)] == [210, 150, 150]


def test_what_cannot_go_on_from_there_is_refused() -> None:
    whole = series("20240101T090000", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", rdates=(wall("20240110T090000"),))
    with pytest.raises(RuleError) as refused:
        later(whole, starts(whole)[1])
    assert refused.value.code == "phase"


def test_only_what_happens_counts_as_earlier() -> None:
    whole = series("20240101T090000", "FREQ=DAILY", exdates=(wall("20240101T090000"),))
    assert is_first(whole, wall("20240102T090000"))
    assert not is_first(whole, wall("20240103T090000"))


@pytest.mark.parametrize(
    ("rule", "start", "new", "expected"),
    [
        ("FREQ=WEEKLY;BYDAY=MO", "20240101T090000", "20240102T100000", "FREQ=WEEKLY;BYDAY=TU"),
        ("FREQ=WEEKLY;BYDAY=MO,WE", "20240101T090000", "20240102T090000", "FREQ=WEEKLY;BYDAY=TU,WE"),
        ("FREQ=WEEKLY;BYDAY=MO,TU", "20240101T090000", "20240102T090000", "FREQ=WEEKLY;BYDAY=MO,TU"),
        ("FREQ=MONTHLY;BYDAY=2MO", "20240108T090000", "20240116T090000", "FREQ=MONTHLY;BYDAY=3TU"),
        ("FREQ=MONTHLY;BYDAY=-1WE", "20240131T090000", "20240123T090000", "FREQ=MONTHLY;BYDAY=-2TU"),
        ("FREQ=MONTHLY;BYMONTHDAY=15", "20240115T090000", "20240116T090000", "FREQ=MONTHLY;BYMONTHDAY=16"),
        (
            "FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=31",
            "20240131T090000",
            "20240201T090000",
            "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=1",
        ),
        (
            "FREQ=DAILY;BYHOUR=9;BYMINUTE=0",
            "20240101T090000",
            "20240101T103000",
            "FREQ=DAILY;BYHOUR=10;BYMINUTE=30",
        ),
        ("FREQ=WEEKLY", "20240101T090000", "20240102T090000", "FREQ=WEEKLY"),
    ],
)
def test_a_rule_moves_along_with_its_start(rule: str, start: str, new: str, expected: str) -> None:
    assert str(moved(parse_rule(rule), wall(start), wall(new))) == expected


def test_what_would_take_too_long_to_cut_is_refused() -> None:
    whole = series("20240101T090000", "FREQ=SECONDLY;COUNT=1000000")
    with pytest.raises(TooMany):
        earlier(whole, wall("20240105T090000"), "utc")
    with pytest.raises(TooMany):
        later(whole, wall("20240105T090000"))
