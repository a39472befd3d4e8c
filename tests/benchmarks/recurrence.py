"""Recurrence: 1,000 calendars of ten series, one month, against dateutil from DTSTART and recurring-ical-events."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events
from dateutil.rrule import rruleset, rrulestr

from bookings.engine.recurrence import RecurrenceSet, parse_rule

HERE = Path(__file__).parent
CALENDARS = 1000
SAMPLE = 60  # the references are so slow that they see a part, and the ratio is of times a calendar
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
        ours, mine = _timed(lambda: [_starts(each, window) for each in sets])
        slow, theirs = _timed(lambda: [_dateutil(each, window) for each in calendars[:SAMPLE]])
        texts = [path.read_text() for path in sorted(folder.iterdir())[:SAMPLE]]
        slower, third = _timed(lambda: [_library(text, window) for text in texts])
        assert mine[:SAMPLE] == theirs == third, "not the same sets"
        each = ours / CALENDARS
        print(
            f"recurrence, one month: {1000 * each:.3f} ms a calendar   dateutil {slow / SAMPLE / each:.0f}x slower"
            f"   recurring-ical-events {slower / SAMPLE / each:.0f}x slower"
        )


def _timed(work: Any) -> tuple[float, Any]:
    work()
    begin = time.perf_counter()
    result = work()
    return time.perf_counter() - begin, result


def _wall(text: str) -> int:
    return int((dt.datetime.fromisoformat(text) - _EPOCH).total_seconds())


def _compiled(event: dict[str, Any], tzid: str) -> tuple[str, RecurrenceSet, list[tuple[RecurrenceSet, int]]]:
    rules = (parse_rule(event["rrule"]),) if event["rrule"] else ()
    moved = [(each["recurrence_id_local"], each["start_local"]) for each in event["overrides"]]
    dates = (*map(_wall, event["exdates_local"]), *(_wall(original) for original, _ in moved))
    base = RecurrenceSet(_wall(event["start_local"]), tzid, rules, (), tuple(dates))
    return event["uid"], base, [(RecurrenceSet(_wall(start), tzid), 0) for _, start in moved]


def _starts(compiled: list[Any], window: list[dt.datetime]) -> list[tuple[str, int]]:
    lo, hi = (int((each - _EPOCH).total_seconds()) for each in window)
    found = []
    for uid, base, moved in compiled:
        starts = base.starts(lo, hi)
        for single, _ in moved:
            starts = starts + single.starts(lo, hi)
        found += [(uid, start) for start in starts]
    return sorted(found)


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
    return sorted(found)


def _library(text: str, window: list[dt.datetime]) -> list[tuple[str, int]]:
    lo, hi = (int((each - _EPOCH).total_seconds()) for each in window)
    day = dt.timedelta(days=1)
    events = recurring_ical_events.of(icalendar.Calendar.from_ical(text)).between(window[0] - day, window[1] + day)
    found = [(str(event["UID"]), int(event["DTSTART"].dt.timestamp())) for event in events]
    return sorted((uid, start) for uid, start in found if lo <= start < hi)
