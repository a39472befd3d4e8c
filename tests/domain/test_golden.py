"""The golden corpus: what calendar programs really write, and the busy time that each file means.

Every file in tests/golden has its expectation beside it in expected.json, worked out from the named rule and not from
this program. `window` and `busy` are UTC; touching busy time of one class is one interval.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bookings.domain import busy
from bookings.domain.calendar import occurrences
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
    "020-six-hours-in-the-night-the-clocks-change.ics": "There hours are counted on the wall clock.",
}
"""Where recurring_ical_events answers otherwise, and why we do not."""


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
    assert set(DIFFERENCES) <= set(CASES)


@pytest.mark.parametrize("name", READABLE)
def test_a_file_makes_the_busy_time_its_writer_meant(name, monkeypatch):
    there = holding(name, source(name), CASES[name]["zone"], monkeypatch)
    assert busy_time(there, *window(name)) == expected(name)
    assert len(read(name).problems) == CASES[name]["problems"]
    assert bool(there.quarantined) is bool(CASES[name]["problems"])


@pytest.mark.parametrize("name", [name for name in CASES if name not in READABLE])
def test_what_is_no_calendar_is_refused_whole(name):
    with pytest.raises(Malformed):
        read(name)


@pytest.mark.parametrize("name", [name for name in READABLE if name not in DIFFERENCES])
def test_an_independent_expander_agrees(name, monkeypatch):
    lo, hi = window(name)
    home = read(name).timezone or CASES[name]["zone"]
    theirs = expanded(source(name), lo, hi, home, owners(name))
    assert clip(theirs, lo, hi) == clip(union((start, end) for _, start, end in expected(name)), lo, hi)


@pytest.mark.parametrize("name", [name for name in READABLE if name not in DIFFERENCES])
def test_fifty_windows_show_what_an_independent_expander_finds_in_them(name, monkeypatch):
    begin, end = window(name)[0], window(name)[1] + 400 * DAY
    home = read(name).timezone or CASES[name]["zone"]
    there = holding(name, source(name), CASES[name]["zone"], monkeypatch)
    theirs = expanded(source(name), begin, end, home, owners(name))
    chance = random.Random(name)
    for _ in range(50):
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
