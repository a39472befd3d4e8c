"""Busy time against other projects: their test vectors, and an independent expander on a corpus of real habits."""

from __future__ import annotations

import json
import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import icalendar as third_party
import pytest
import recurring_ical_events

from bookings.domain import busy
from bookings.domain.calendar import Changes, PulledObject, apply, occurrences
from bookings.engine.intervals import clip, union
from bookings.engine.zones import zone
from bookings.formats.icalendar import parse
from bookings.models import Busy, Calendar
from tests import factories

pytestmark = pytest.mark.django_db

ORACLE = json.loads((Path(__file__).parents[1] / "oracles" / "events_freebusy.json").read_text())
ALL_TIME = (0, 7_000_000_000)
KINDS = {"busy": "BUSY", "tentative": "BUSY-TENTATIVE", "away": "BUSY-UNAVAILABLE"}

DIFFERENCES = {
    "ev-09": "It ends before it starts. There: read as it stands. Here: quarantined, and its first day is busy.",
    "ev-12": "Nothing is expected there but an end of the search.",
    "sabre-fb-13": "The periods after the first were cut off in the extraction, but are still expected.",
    "sabre-fb-21": "VAVAILABILITY: working hours are a host's schedule here, never part of a calendar.",
    "sabre-fb-22": "VAVAILABILITY, as above.",
    "sabre-fb-23": "VAVAILABILITY, as above.",
}
"""Where we mean to answer otherwise, and why. Each has its own expectation in a test below."""


def seconds(text: str) -> int:
    return int(datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp())


def calendar_of(
    text: str, timezone: str, monkeypatch: pytest.MonkeyPatch, horizon: tuple[int, int] = ALL_TIME
) -> Calendar:
    """A connected calendar that holds the file, with busy rows for a fixed time instead of the rolling horizon."""
    monkeypatch.setattr(busy, "horizon", lambda: horizon)
    there = factories.caldav_calendar(factories.host(timezone=timezone))
    Calendar.everywhere.filter(pk=there.pk).update(expanded_until_s=0)
    there.refresh_from_db()
    parsed = parse(text, default_timezone=timezone)
    apply(there, Changes([PulledObject("/x.ics", "1", parsed.events, parsed.problems)], [], True, ""))
    return there


def freebusy(there: Calendar, lo: int, hi: int) -> list[tuple[str, int, int]]:
    """Merged busy time by type, as a free/busy answer tells it."""
    found = []
    for kind, name in KINDS.items():
        rows = Busy.everywhere.filter(calendar=there, kind=kind).values_list("start_s", "end_s")
        found += [(name, start, end) for start, end in clip(union(rows), lo, hi)]
    return sorted(found, key=lambda each: each[1])


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


def test_a_rule_that_never_matches_ends_the_search(monkeypatch):
    there = calendar_of(of("ev-12")["icalendar"], "UTC", monkeypatch)
    assert occurrences([there], *ALL_TIME) == []


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


# ── An independent expander ──

HABITS = {
    "weekly without a weekday, as Google and Zoom write it": (
        "DTSTART;TZID=America/New_York:20240305T093000",
        "DTEND;TZID=America/New_York:20240305T101500",
        "RRULE:FREQ=WEEKLY",
    ),
    "fifteen years old": (
        "DTSTART;TZID=Europe/Berlin:20110105T090000",
        "DTEND;TZID=Europe/Berlin:20110105T100000",
        "RRULE:FREQ=WEEKLY",
    ),
    "every second week on two days": (
        "DTSTART;TZID=Europe/Paris:20250106T140000",
        "DURATION:PT30M",
        "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH",
    ),
    "last Friday of the month": (
        "DTSTART;TZID=Asia/Kolkata:20250131T160000",
        "DURATION:PT1H",
        "RRULE:FREQ=MONTHLY;BYDAY=-1FR",
    ),
    "the 31st": (
        "DTSTART:20250131T100000Z",
        "DURATION:PT1H",
        "RRULE:FREQ=MONTHLY;BYMONTHDAY=31",
    ),
    "until in UTC": (
        "DTSTART;TZID=Australia/Sydney:20260105T080000",
        "DURATION:PT2H",
        "RRULE:FREQ=DAILY;UNTIL=20270301T210000Z",
    ),
    "a count": (
        "DTSTART;TZID=Europe/London:20260601T090000",
        "DURATION:PT1H",
        "RRULE:FREQ=DAILY;INTERVAL=3;COUNT=100",
    ),
    "exceptions": (
        "DTSTART;TZID=Europe/Berlin:20260601T090000",
        "DURATION:PT1H",
        "RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE",
        "EXDATE;TZID=Europe/Berlin:20260602T090000,20260928T090000",
        "EXDATE;TZID=Europe/Berlin:20261103T090000",
    ),
    "additional dates": (
        "DTSTART:20260601T090000Z",
        "DURATION:PT1H",
        "RRULE:FREQ=MONTHLY",
        "RDATE:20260615T120000Z,20270220T120000Z",
    ),
    "half-hour summer time": (
        "DTSTART;TZID=Australia/Lord_Howe:20260101T120000",
        "DURATION:PT1H",
        "RRULE:FREQ=WEEKLY",
    ),
    "yearly on a weekday": (
        "DTSTART;TZID=Europe/Berlin:20200915T180000",
        "DURATION:PT3H",
        "RRULE:FREQ=YEARLY;BYMONTH=9;BYDAY=3TU",
    ),
    "all-day birthdays": (
        "DTSTART;VALUE=DATE:19900412",
        "RRULE:FREQ=YEARLY",
    ),
    "all-day Fridays": (
        "DTSTART;VALUE=DATE:20250103",
        "DTEND;VALUE=DATE:20250104",
        "RRULE:FREQ=WEEKLY",
    ),
    "three days every quarter": (
        "DTSTART;VALUE=DATE:20250110",
        "DTEND;VALUE=DATE:20250113",
        "RRULE:FREQ=MONTHLY;INTERVAL=3",
    ),
    "floating": (
        "DTSTART:20260101T070000",
        "DURATION:PT45M",
        "RRULE:FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR",
    ),
    "single": (
        "DTSTART;TZID=Asia/Tokyo:20260704T100000",
        "DTEND;TZID=Asia/Tokyo:20260704T113000",
    ),
    "a changed occurrence": (
        "DTSTART;TZID=Europe/Berlin:20260601T090000",
        "DURATION:PT1H",
        "RRULE:FREQ=WEEKLY",
        "END:VEVENT",
        "BEGIN:VEVENT",
        "UID:x",
        "DTSTAMP:20260101T000000Z",
        "RECURRENCE-ID;TZID=Europe/Berlin:20260803T090000",
        "DTSTART;TZID=Europe/Berlin:20260820T150000",
        "DURATION:PT2H",
    ),
    "a changed occurrence named in UTC": (
        "DTSTART;TZID=America/New_York:20260601T090000",
        "DURATION:PT1H",
        "RRULE:FREQ=WEEKLY",
        "END:VEVENT",
        "BEGIN:VEVENT",
        "UID:x",
        "DTSTAMP:20260101T000000Z",
        "RECURRENCE-ID:20260803T130000Z",
        "DTSTART;TZID=America/New_York:20260804T090000",
        "DURATION:PT1H",
    ),
    "an occurrence without its series": (
        "RECURRENCE-ID;TZID=Europe/Berlin:20260803T090000",
        "DTSTART;TZID=Europe/Berlin:20260804T090000",
        "DURATION:PT1H",
    ),
}


def as_file(*lines: str) -> str:
    head = ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", "BEGIN:VEVENT", "UID:x", "DTSTAMP:20260101T000000Z")
    return "\n".join([*head, *lines, "END:VEVENT", "END:VCALENDAR", ""])


def instant(value: date, home: str) -> int:
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    return int((value if value.tzinfo else value.replace(tzinfo=ZoneInfo(home))).timestamp())


def theirs(text: str, lo: int, hi: int, home: str) -> list[tuple[int, int]]:
    """The independent expander's answer, asked for two days more on either side and cut to the window."""
    begin, end = (datetime.fromtimestamp(at, UTC) for at in (lo, hi))
    found = recurring_ical_events.of(third_party.Calendar.from_ical(text)).between(
        begin - timedelta(days=5), end + timedelta(days=5)
    )
    spans = [(instant(each.start, home), instant(each.end, home)) for each in found]
    return sorted(span for span in spans if span[0] < hi and span[1] > lo)


@pytest.mark.parametrize("name", HABITS)
def test_occurrences_are_those_an_independent_expander_finds(name, monkeypatch):
    home, text = "Europe/Berlin", as_file(*HABITS[name])
    there = calendar_of(text, home, monkeypatch, (seconds("20250101T000000Z"), seconds("20290101T000000Z")))
    chance = random.Random(name)
    for _ in range(25):
        lo = chance.randrange(seconds("20260101T000000Z"), seconds("20280101T000000Z"), 900)
        hi = lo + chance.choice([1, 7, 31]) * 86_400
        ours = [(each.start_s, each.end_s) for each in occurrences([there], lo, hi)]
        assert ours == theirs(text, lo, hi, home)
        rows = Busy.everywhere.filter(calendar=there).values_list("start_s", "end_s")
        assert clip(rows, lo, hi) == clip(ours, lo, hi)


def test_a_night_of_six_hours_has_six_hours_also_when_the_clocks_change(monkeypatch):
    # The independent expander counts on the wall clock; RFC 5545 3.3.6 makes hours exact.
    night = ("DTSTART;TZID=America/New_York:20260101T230000", "DURATION:PT6H", "RRULE:FREQ=DAILY")
    there = calendar_of(as_file(*night), "Europe/Berlin", monkeypatch, (0, seconds("20290101T000000Z")))
    found = occurrences([there], seconds("20260201T000000Z"), seconds("20261201T000000Z"))
    assert {each.end_s - each.start_s for each in found} == {6 * 3600}
    assert {zone("America/New_York").to_wall(each.start_s) % 86_400 for each in found} == {23 * 3600}
