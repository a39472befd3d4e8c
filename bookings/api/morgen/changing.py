"""What creates, updates, deletes and answers mean for a plain event, a booking, a series and one of its occurrences."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bookings.api.morgen.asked import wrong
from bookings.api.morgen.finding import Found
from bookings.domain import agenda, calendar
from bookings.domain.audit import Actor
from bookings.engine.zones import zone
from bookings.formats.event import EventData
from bookings.formats.jscalendar import Unreadable
from bookings.formats.jspatch import QUARTET, patched
from bookings.models import Calendar

_OF_SERIES = ("recurrenceRules", "excludedRecurrenceRules", "recurrenceOverrides")
_TEXTS = ("title", "description", "location")


def read(data: EventData, part: dict[str, Any], home: str) -> EventData:
    """The event with these properties of JSCalendar. Raises Refusal."""
    try:
        return patched(data, part, default_timezone=home)
    except Unreadable as error:
        raise wrong(error.field, str(error)) from None


def with_room(data: EventData, room: str | None, place: Calendar) -> EventData:
    return data


def update(found: Found, part: dict[str, Any], room: str | None, mode: str, actor: Actor) -> Found:
    """Change what was found, as far as the mode reaches. A whole series that was named is changed as a whole."""
    if found.entry.booking is not None:
        return _update_booking(found, part, room, actor)
    data = with_room(read(calendar.data_of(found.event), part, found.home), room, found.place)
    calendar.change(found.event, data, actor=actor)
    return _again(found)


def _update_booking(found: Found, part: dict[str, Any], room: str | None, actor: Actor) -> Found:
    """Its time is asked for as any booking's is; the rest is said in its event."""
    part = {name: value for name, value in part.items() if name != "status"}
    if any(part.get(name) for name in _OF_SERIES):
        raise wrong("recurrenceRules", "A booking cannot be made to repeat.")
    before = calendar.data_of(found.event)
    after = read(before, part, found.home)
    if after.all_day or (after.floating and not before.floating):
        raise wrong("showWithoutTime" if after.all_day else "timeZone", "A booking has a time of day in a time zone.")
    start = zone(after.timezone).to_utc(after.start_wall)
    texts = {name: getattr(after, name) for name in _TEXTS if getattr(after, name) != getattr(before, name)}
    moved = {"start_s": start, "end_s": start + after.duration} if set(part) & set(QUARTET) else {}
    entry = agenda.change(found.entry, actor=actor, **moved, **texts)
    assert entry.event is not None
    now = calendar.data_of(entry.event)
    said = with_room(
        replace(after, start_wall=now.start_wall, timezone=now.timezone, duration=now.duration), room, found.place
    )
    if replace(said, sequence=now.sequence) != now:
        calendar.change(entry.event, said, actor=actor)
    return _again(found)


def delete(found: Found, mode: str, actor: Actor) -> None:
    """Take back what was found, as far as the mode reaches."""
    agenda.cancel(found.entry, actor=actor)


def _again(found: Found) -> Found:
    entry = agenda.find(found.event.organisation, found.entry.key)
    return Found(entry, found.place)
