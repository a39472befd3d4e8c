"""Busy time against other projects: their test vectors, and files that break other programs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bookings.domain.calendar import Changes, PulledObject, apply, occurrences
from bookings.engine.zones import zone
from bookings.formats.icalendar import Malformed, parse, render
from bookings.models import Busy, Calendar
from tests import factories
from tests.domain.reading import ALL_TIME, busy_time, calendar_of, seconds
from tests.formats.test_icalendar import FILES

pytestmark = pytest.mark.django_db

ORACLE = json.loads((Path(__file__).parents[1] / "oracles" / "events_freebusy.json").read_text())
KINDS = {"busy": "BUSY", "tentative": "BUSY-TENTATIVE", "away": "BUSY-UNAVAILABLE"}

DIFFERENCES = {
    "ev-09": "It ends before it starts. There: read as it stands. Here: quarantined, and its first day is busy.",
    "ev-12": "There only an end of the search is expected.",
    "sabre-fb-13": "The periods after the first were cut off in the extraction, but are still expected.",
    "sabre-fb-21": "VAVAILABILITY: working hours are a host's schedule here, never part of a calendar.",
    "sabre-fb-22": "VAVAILABILITY, as above.",
    "sabre-fb-23": "VAVAILABILITY, as above.",
}
"""Where we mean to answer otherwise, and why. Each has its own expectation in a test below."""


def freebusy(there: Calendar, lo: int, hi: int) -> list[tuple[str, int, int]]:
    """Merged busy time by type, as a free/busy answer tells it."""
    return [(KINDS[kind], start, end) for kind, start, end in busy_time(there, lo, hi)]


def same_cases(group: str) -> list[Any]:
    return [pytest.param(case, id=case["id"]) for case in ORACLE[group] if case["id"] not in DIFFERENCES]


@pytest.mark.parametrize("case", same_cases("freebusy"))
def test_free_and_busy_as_another_project_tells_it(case, monkeypatch):
    lo, hi = map(seconds, case["window"])
    there = calendar_of(case["icalendar"], case["default_tz"], monkeypatch)
    expected = [(each["type"], seconds(each["start"]), seconds(each["end"])) for each in case["expected"]]
    assert freebusy(there, lo, hi) == expected


@pytest.mark.parametrize("case", same_cases("events"))
def test_starts_as_another_project_tells_them(case, monkeypatch):
    there = calendar_of(case["icalendar"], case.get("default_tz", "UTC"), monkeypatch)
    lo, hi = map(seconds, case["window"]) if "window" in case else ALL_TIME
    if "expect_error" in case:
        assert len(Calendar.everywhere.get(pk=there.pk).quarantined) == 1
        return
    found = [each.start_s for each in occurrences([there], lo, hi)]
    assert found == sorted(map(seconds, case["expected_starts"]))


def of(case_id: str) -> dict[str, Any]:
    return next(case for group in ("events", "freebusy") for case in ORACLE[group] if case["id"] == case_id)


def test_an_end_before_the_start_is_quarantined_and_keeps_the_first_day_busy(monkeypatch):
    there = calendar_of(of("ev-09")["icalendar"], "Europe/Berlin", monkeypatch)
    day = zone("Europe/Berlin").day_bounds(seconds("20151012T000000Z") // 86_400)
    assert list(Busy.everywhere.values_list("start_s", "end_s")) == [day]
    assert Calendar.everywhere.get(pk=there.pk).quarantined[0]["reason"] == "It ends before it starts."


def test_a_rule_that_never_matches_ends_the_search_and_leaves_the_start(monkeypatch):
    there = calendar_of(of("ev-12")["icalendar"], "UTC", monkeypatch)
    assert [each.start_s for each in occurrences([there], *ALL_TIME)] == [seconds("20070925T200000Z")]


def test_published_busy_times_are_busy(monkeypatch):
    case = of("sabre-fb-13")
    there = calendar_of(case["icalendar"], case["default_tz"], monkeypatch)
    first = case["expected"][0]
    assert freebusy(there, *ALL_TIME) == [("BUSY", seconds(first["start"]), seconds(first["end"]))]


@pytest.mark.parametrize("case_id", ["sabre-fb-21", "sabre-fb-22", "sabre-fb-23"])
def test_events_are_busy_whatever_a_vavailability_says(case_id, monkeypatch):
    case = of(case_id)
    there = calendar_of(case["icalendar"], case["default_tz"], monkeypatch)
    told = [(each["type"], seconds(each["start"]), seconds(each["end"])) for each in case["expected"]]
    assert freebusy(there, *map(seconds, case["window"])) == [each for each in told if each[0] == "BUSY"]


# ── Hostile files ──


def as_file(*lines: str) -> str:
    head = ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", "BEGIN:VEVENT", "UID:x", "DTSTAMP:20260101T000000Z")
    return "\n".join([*head, *lines, "END:VEVENT", "END:VCALENDAR", ""])


EDGES = {
    f"{start} {rule}": as_file(f"DTSTART{start}", *([f"RRULE:{rule}"] if rule else []), *more)
    for start in (
        ":99991231T235959Z",
        ":99701231T235959Z",
        ";TZID=Asia/Tokyo:99991231T235959",
        ";VALUE=DATE:99991231",
        ":00010101T000000Z",
        ";VALUE=DATE:00010101",
        ";TZID=Pacific/Apia:20111230T120000",
        ";VALUE=DATE:20111230",
    )
    for rule in ("", "FREQ=DAILY", "FREQ=YEARLY;INTERVAL=900", "FREQ=MINUTELY;COUNT=1000000000")
    for more in ((), ("DURATION:P24000D",))
}


@pytest.mark.parametrize("name", [*FILES, *EDGES])
def test_no_file_stops_a_calendar_from_being_read_and_written(name):
    there = factories.caldav_calendar(factories.host(timezone="Europe/Berlin"))
    try:
        parsed = parse((FILES | EDGES)[name], default_timezone="Europe/Berlin")
    except Malformed:
        return
    good = parse(as_file("DTSTART:20270301T090000Z").replace("UID:x", "UID:good"), default_timezone="UTC").events
    objects = [PulledObject("/x.ics", "1", parsed.events, parsed.problems), PulledObject("/good.ics", "1", good)]
    applied = apply(there, Changes(objects, [], True, "t"))
    assert applied.changed == 2
    now = int(datetime.now(UTC).timestamp())
    assert len(occurrences([there], now, now + 31 * 86_400)) <= 5_000
    assert Busy.everywhere.filter(calendar=there).count() <= 25_000
    for event in parsed.events:
        assert len(parse(render(event, stamp=datetime.now(UTC)), default_timezone="UTC").events) == 1
