"""The golden corpus: what calendar programs really write, and the busy time that each file means.

Every file in tests/golden has its expectation beside it in expected.json, worked out from the named rule and not from
this program. `window` and `busy` are UTC; touching busy time of one class is one interval.
"""

from __future__ import annotations

import json
import os
import random
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bookings.domain import busy
from bookings.domain.calendar import Changes, PulledObject, apply, occurrences
from bookings.engine.intervals import clip, union
from bookings.engine.zones import DAY
from bookings.formats.event import EventData
from bookings.formats.icalendar import Malformed, Parsed, parse, render
from bookings.models import Calendar
from tests.domain.reading import busy_time, calendar_of, expanded, seconds

pytestmark = pytest.mark.django_db

FOLDER = Path(__file__).parents[1] / "golden"
CASES: dict[str, dict[str, Any]] = json.loads((FOLDER / "expected.json").read_text())
READABLE = [name for name, case in CASES.items() if not case.get("refused")]
STAMP = datetime(2027, 1, 1, tzinfo=UTC)

DIFFERENCES = {
    "020": "There six hours are counted on the wall clock.",
    "024": "A zone by its display name is floating there.",
    "026": "A zone with a colon in its name cannot be read there.",
    "037": "An end on the day of the start leaves no day there.",
    "041": "There only TRANSP makes an event free.",
    "044": "Published free and busy times are not looked at there.",
    "048": "There Z and GMT+0200 are unknown, and float.",
    "050": "There the first of two zones that share a name counts in both calendars.",
    "052": "There europe/berlin is unknown, because it is in lower case.",
    "058": "There a RECURRENCE-ID that is a date changes nothing in a series with times, and both are shown.",
    "066": "There UNTIL as a date ends a series at midnight, before the evening it names.",
    "073": "The time that does not exist lasts until before it starts there.",
    "074": "The time that comes twice lasts until the second half past two there.",
    "076": "There start and end are exchanged. Here that is reported, and its day is busy.",
    "078": "There 24 hours are counted on the wall clock.",
    "084": "There the last of several events with one UID counts.",
    "088": "EXRULE is not looked at there.",
    "089": "SKIP cannot be read there.",
    "096": "There EXDATE takes away the changed occurrence too.",
    "100": "Carriage returns alone cannot be read there.",
    "102": "Doubled carriage returns cannot be read there.",
    "106": "UTF-16 cannot be read there.",
    "108": "Times in lower case cannot be read there.",
    "109": "Blanks around times cannot be read there.",
    "113": "One date beyond all calendars costs every event there.",
    "114": "One broken rule costs every event there.",
    "115": "A file that breaks off is no calendar there.",
    "117": "One time in a wrong form costs every event there.",
    "119": "An event that lost its END costs every event there.",
}
"""By the number of the file: where recurring_ical_events answers otherwise, or cannot answer, and why we do."""
WINDOWS = int(os.environ.get("CONVENE_GOLDEN_WINDOWS", "10"))
COMPARABLE = [name for name in READABLE if name[:3] not in DIFFERENCES]


def source(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


def window(name: str) -> tuple[int, int]:
    lo, hi = map(seconds, CASES[name]["window"])
    return lo, hi


def expected(name: str) -> list[tuple[str, int, int]]:
    return [(kind, seconds(start), seconds(end)) for kind, start, end in CASES[name]["busy"]]


def read(name: str) -> Parsed:
    return parse(source(name), default_timezone=CASES[name]["zone"], owner_emails=owners(name))


def owners(name: str) -> list[str]:
    return [CASES[name]["owner"]] if "owner" in CASES[name] else []


def holding(name: str, files: bytes | list[str], zone: str, monkeypatch: pytest.MonkeyPatch) -> Calendar:
    """A calendar that was read at the beginning of the window."""
    return calendar_of(files, zone, monkeypatch, busy.horizon(window(name)[0]), owners(name))


def test_every_file_has_its_expectation():
    assert sorted(CASES) == sorted(path.name for path in FOLDER.glob("*.ics"))
    assert set(DIFFERENCES) <= {name[:3] for name in CASES}


@pytest.mark.parametrize("name", READABLE)
def test_a_file_makes_the_busy_time_its_writer_meant(name, monkeypatch):
    there = holding(name, source(name), CASES[name]["zone"], monkeypatch)
    assert busy_time(there, *window(name)) == expected(name)
    assert len(read(name).problems) == CASES[name]["problems"]
    assert bool(there.quarantined) is bool(CASES[name]["problems"])


@pytest.mark.parametrize("name", READABLE)
def test_a_file_read_again_with_a_new_tag_makes_the_same_busy_time(name, monkeypatch):
    there, parsed = holding(name, source(name), CASES[name]["zone"], monkeypatch), read(name)
    apply(there, Changes([PulledObject("/0.ics", "2", parsed.events, parsed.problems)], [], True, ""))
    assert busy_time(there, *window(name)) == expected(name)


@pytest.mark.parametrize("name", [name for name in CASES if name not in READABLE])
def test_what_is_no_calendar_is_refused_whole(name):
    with pytest.raises(Malformed):
        read(name)


@pytest.mark.parametrize("name", COMPARABLE)
def test_an_independent_expander_agrees(name, monkeypatch):
    lo, hi = window(name)
    home = read(name).timezone or CASES[name]["zone"]
    theirs = expanded(source(name), lo, hi, home, owners(name))
    assert clip(theirs, lo, hi) == clip(union((start, end) for _, start, end in expected(name)), lo, hi)


@pytest.mark.parametrize("name", COMPARABLE)
def test_random_windows_show_what_an_independent_expander_finds_in_them(name, monkeypatch):
    begin, end = window(name)[0], window(name)[1] + 400 * DAY
    home = read(name).timezone or CASES[name]["zone"]
    there = holding(name, source(name), CASES[name]["zone"], monkeypatch)
    theirs = expanded(source(name), begin, end, home, owners(name))
    chance = random.Random(name)
    for _ in range(WINDOWS):
        lo = chance.randrange(begin, end - 31 * DAY, 900)
        hi = lo + chance.choice([1, 7, 31]) * DAY
        shown = [each for each in occurrences([there], lo, hi) if busy.kind_of(each.event) not in (None, "free")]
        assert clip([(each.start_s, each.end_s) for each in shown], lo, hi) == clip(theirs, lo, hi)


@pytest.mark.parametrize("name", [name for name in READABLE if not CASES[name]["problems"]])
def test_a_file_written_again_means_the_same_busy_time(name, monkeypatch):
    parsed = read(name)
    objects: dict[str, list[EventData]] = defaultdict(list)
    for event in parsed.events:
        objects[event.uid].append(event)
    written = [render(each, stamp=STAMP) for each in objects.values()]
    there = holding(name, written, parsed.timezone or CASES[name]["zone"], monkeypatch)
    assert busy_time(there, *window(name)) == expected(name)
