"""Calendars that hold a given file, and their busy time: what the tests about read calendars share."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar as third_party
import pytest
import recurring_ical_events
from icalendar.timezone import tzp

from bookings.domain import busy
from bookings.domain.calendar import Changes, PulledObject, apply
from bookings.engine.intervals import clip, union
from bookings.formats.icalendar import parse
from bookings.models import Busy, Calendar
from tests import factories

ALL_TIME = (0, 7_000_000_000)
CLASSES = ("busy", "tentative", "away")
"""The classes of busy time that a calendar's policy can let block; free time never does."""


def seconds(text: str) -> int:
    """UTC seconds of 20270301T093000Z or 2027-03-01T09:30Z."""
    plain = text.replace("-", "").replace(":", "").removesuffix("Z").ljust(15, "0")
    return int(datetime.strptime(plain, "%Y%m%dT%H%M%S").replace(tzinfo=UTC).timestamp())


def calendar_of(
    source: str | bytes | Sequence[str],
    timezone: str,
    monkeypatch: pytest.MonkeyPatch,
    horizon: tuple[int, int] = ALL_TIME,
    owners: Collection[str] = (),
) -> Calendar:
    """A connected calendar that holds the file (or files), with busy rows for a fixed time, not the rolling horizon.

    It is in `timezone`, like its host, unless the file names a zone of its own (X-WR-TIMEZONE).
    """
    monkeypatch.setattr(busy, "horizon", lambda: horizon)
    sources = [source] if isinstance(source, str | bytes) else source
    files = [parse(each, default_timezone=timezone, owner_emails=owners) for each in sources]
    own = next((each.timezone for each in files if each.timezone), "")
    there = factories.caldav_calendar(factories.host(timezone=timezone), timezone=own, expanded_until_s=0)
    objects = [PulledObject(f"/{n}.ics", "1", each.events, each.problems) for n, each in enumerate(files)]
    apply(there, Changes(objects, [], True, ""))
    there.refresh_from_db()
    return there


def busy_time(there: Calendar, lo: int, hi: int) -> list[tuple[str, int, int]]:
    """Merged busy time of each class in [lo, hi), by start."""
    found = []
    for kind in CLASSES:
        rows = Busy.everywhere.filter(calendar=there, kind=kind).values_list("start_s", "end_s")
        found += [(kind, start, end) for start, end in clip(union(rows), lo, hi)]
    return sorted(found, key=lambda each: each[1:])


# ── An independent expander ──


def expanded(source: str | bytes, lo: int, hi: int, home: str, owners: Collection[str] = ()) -> list[tuple[int, int]]:
    """What recurring_ical_events finds in a file in [lo, hi), without events that are free, cancelled or declined.

    It is asked for some days more on either side, because it looks for all-day events in UTC.
    """
    tzp.use_default()  # forgets zones of other files that have the same name
    begin, end = (datetime.fromtimestamp(at, UTC) for at in (lo, hi))
    files = third_party.Calendar.from_ical(source, multiple=True)
    found = [
        each
        for file in files
        for each in recurring_ical_events.of(file).between(begin - timedelta(days=5), end + timedelta(days=5))
        if _blocks(each, owners)
    ]
    spans = [(_instant(each.start, home), _instant(each.end, home)) for each in found]
    return sorted(span for span in spans if span[0] < hi and span[1] > lo)


def _blocks(event: third_party.Event, owners: Collection[str]) -> bool:
    attendees = event.get("ATTENDEE", [])
    people = attendees if isinstance(attendees, list) else [attendees]
    declined = {each.lower().removeprefix("mailto:") for each in people if each.params.get("PARTSTAT") == "DECLINED"}
    return not (
        event.get("TRANSP") == "TRANSPARENT" or event.get("STATUS") == "CANCELLED" or declined.intersection(owners)
    )


def _instant(value: date, home: str) -> int:
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    return int((value if value.tzinfo else value.replace(tzinfo=ZoneInfo(home))).timestamp())
