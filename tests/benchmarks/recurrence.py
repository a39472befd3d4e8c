"""Recurrence: 1,000 calendars of ten series, one month, against dateutil from DTSTART and recurring-ical-events."""

from __future__ import annotations

import datetime as dt
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events
from dateutil.rrule import rruleset, rrulestr

from bookings.engine.recurrence import RecurrenceSet, parse_rule
from bookings.engine.zones import zone

HERE = Path(__file__).parent
CALENDARS = 1000
ROUNDS = 7
SAMPLE = 20  # the references are so slow that they see a part, and the ratio is of times a calendar
_EPOCH = dt.datetime(1970, 1, 1)


def run() -> None:
    with tempfile.TemporaryDirectory() as name:
        spec, folder = Path(name) / "r.json", Path(name) / "ics"
        command = [sys.executable, str(HERE / "workload.py"), "recurring", "--calendars", str(CALENDARS)]
        subprocess.run([*command, "--out", str(spec), "--ics", str(folder)], check=True)
        given = json.loads(spec.read_text())
        window = [dt.datetime.fromisoformat(each) for each in given["windows"]["1m"]]
        calendars = given["calendars"]
        sets = [[_compiled(event, each["tz"]) for event in each["events"]] for each in calendars]
        texts = [path.read_text() for path in sorted(folder.iterdir())[:SAMPLE]]
        mine = [_starts(each, window) for each in sets]
        theirs = [_dateutil(each, window) for each in calendars[:SAMPLE]]
        third = [_library(text, window) for text in texts]
        for three in zip(mine, theirs, third, strict=False):
            assert len({tuple(sorted(each)) for each in three}) == 1, "not the same sets"
        ours, slow, slower = _side_by_side(
            lambda: [_starts(each, window) for each in sets],
            lambda: [_dateutil(each, window) for each in calendars[:SAMPLE]],
            lambda: [_library(text, window) for text in texts],
        )
        each = ours / CALENDARS
        print(
            f"recurrence, one month: {1000 * each:.3f} ms a calendar   dateutil {slow / SAMPLE / each:.0f}x slower"
            f"   recurring-ical-events {slower / SAMPLE / each:.0f}x slower"
        )


def _side_by_side(*works: Callable[[], Any]) -> list[float]:
    """The processor seconds of each, as the median of rounds that take turns."""
    rounds: list[list[float]] = []
    for _ in range(ROUNDS):
        taken = []
        for work in works:
            begin = time.process_time()
            work()
            taken.append(time.process_time() - begin)
        rounds.append(taken)
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


def _wall(text: str) -> int:
    return int((dt.datetime.fromisoformat(text) - _EPOCH).total_seconds())


def _compiled(event: dict[str, Any], tzid: str) -> tuple[str, RecurrenceSet, list[int]]:
    """As the product keeps them: rules parsed, and changed occurrences as events of their own with their instants."""
    rules = (parse_rule(event["rrule"]),) if event["rrule"] else ()
    moved = [(each["recurrence_id_local"], each["start_local"]) for each in event["overrides"]]
    dates = (*map(_wall, event["exdates_local"]), *(_wall(original) for original, _ in moved))
    base = RecurrenceSet(_wall(event["start_local"]), tzid, rules, (), tuple(dates))
    return event["uid"], base, [zone(tzid).to_utc(_wall(start)) for _, start in moved]


def _starts(compiled: list[Any], window: list[dt.datetime]) -> list[tuple[str, int]]:
    lo, hi = (int((each - _EPOCH).total_seconds()) for each in window)
    found = []
    for uid, base, moved in compiled:
        found += [(uid, start) for start in base.starts(lo, hi)]
        found += [(uid, start) for start in moved if lo <= start < hi]
    return found


def _dateutil(calendar: dict[str, Any], window: list[dt.datetime]) -> list[tuple[str, int]]:
    zone = ZoneInfo(calendar["tz"])
    lo, hi = (int((each - _EPOCH).total_seconds()) for each in window)
    found = []
    for event in calendar["events"]:
        every = rruleset()
        start = dt.datetime.fromisoformat(event["start_local"])
        if event["rrule"]:
            every.rrule(rrulestr(event["rrule"].replace("Z", ""), dtstart=start))
        else:
            every.rdate(start)
        for text in event["exdates_local"]:
            every.exdate(dt.datetime.fromisoformat(text))
        for each in event["overrides"]:
            every.exdate(dt.datetime.fromisoformat(each["recurrence_id_local"]))
            every.rdate(dt.datetime.fromisoformat(each["start_local"]))
        walls = every.between(window[0] - dt.timedelta(days=2), window[1] + dt.timedelta(days=2), inc=True)
        instants = (int(wall.replace(tzinfo=zone).timestamp()) for wall in walls)
        found += [(event["uid"], instant) for instant in instants if lo <= instant < hi]
    return found


def _library(text: str, window: list[dt.datetime]) -> list[tuple[str, int]]:
    lo, hi = (int((each - _EPOCH).total_seconds()) for each in window)
    day = dt.timedelta(days=1)
    events = recurring_ical_events.of(icalendar.Calendar.from_ical(text)).between(window[0] - day, window[1] + day)
    found = [(str(event["UID"]), int(event["DTSTART"].dt.timestamp())) for event in events]
    return [(uid, start) for uid, start in found if lo <= start < hi]
