"""What creates, updates, deletes and answers mean for a plain event, a booking, a series and one of its occurrences."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from bookings.api.morgen import wire
from bookings.api.morgen.answering import answer, own_answer
from bookings.api.morgen.asked import wrong
from bookings.api.morgen.finding import Found, occurrence
from bookings.domain import agenda, calendar, rooms, series
from bookings.domain.audit import Actor
from bookings.domain.errors import NotFound
from bookings.engine.zones import zone
from bookings.formats.event import EventData
from bookings.formats.jscalendar import Unreadable, to_jscalendar
from bookings.formats.jspatch import QUARTET, patched
from bookings.models import Account, Calendar, Event

_SERVICES: dict[str, str] = {Account.Provider.GOOGLE: rooms.MEET, Account.Provider.MICROSOFT: rooms.TEAMS}
_ROOMS = {"googleMeet": rooms.MEET, "microsoftTeams": rooms.TEAMS}
_OF_SERIES = ("recurrenceRules", "excludedRecurrenceRules", "recurrenceOverrides")
_TEXTS = ("title", "description", "location")


def read(data: EventData, part: dict[str, Any], home: str) -> EventData:
    """The event with these properties of JSCalendar. Raises Refusal."""
    try:
        return patched(data, part, default_timezone=home)
    except Unreadable as error:
        raise wrong(error.field, str(error)) from None


def with_room(data: EventData, room: str | None, place: Calendar, before: EventData | None = None) -> EventData:
    """The event with the virtual room that is asked for. One that was asked for before stays (docs.morgen.so/events).

    Raises Refusal when the calendar's service does not have such rooms.
    """
    attached = before.conference if before is not None else {}
    if attached.get("request_id"):
        return data if data.conference.get("url") else replace(data, conference=attached)
    if room is None:
        return data
    kind = _kind(room, place)
    return replace(data, conference=rooms.request(kind, host=place.account.host, key=data.uid or uuid.uuid4()))


def _kind(room: str, place: Calendar) -> str:
    service = _SERVICES.get(place.account.provider)
    if room == "default":
        return service or (rooms.LINK if place.account.host.room_url else rooms.JITSI)
    if _ROOMS[room] != service:
        raise wrong(wire.ROOM, f"A calendar of {wire.integration(place.account)} has no {room}.")
    return _ROOMS[room]


def update(found: Found, part: dict[str, Any], room: str | None, mode: str, actor: Actor) -> Found:
    """Change what was found, as far as the mode reaches. A series named by its own id is changed as a whole.

    What the part says about the account owner's own participation is their answer to the invitation.

    :returns: what it is now: of a series the occurrence that was named, if there still is one.
    """
    before = calendar.data_of(found.event)
    status = own_answer(found, before, read(before, part, found.home)) if "participants" in part else None
    if status is not None:
        answer(found, status, comment="", notify=True, mode=mode, actor=actor)
        found = _again(found, found.series or found.event, found.entry.recurrence_wall)
    if found.entry.booking is not None:
        return _update_booking(found, part, room, actor)
    if found.series is not None:
        return _UPDATES[mode](found, found.series, _of_occurrence(part, found.series), room, actor)
    before = calendar.data_of(found.event)
    data = with_room(read(before, part, found.home), room, found.place, before)
    if data != before:
        calendar.change(found.event, data, actor=actor)
    return _again(found, found.event)


def _of_occurrence(part: dict[str, Any], master: Event) -> dict[str, Any]:
    """Without rules that were only sent back as an occurrence showed them: they speak of the whole series."""
    shown = to_jscalendar(calendar.data_of(master)).get("recurrenceRules")
    return {name: value for name, value in part.items() if name != "recurrenceRules" or value != shown}


def _update_one(found: Found, master: Event, part: dict[str, Any], room: str | None, actor: Actor) -> Found:
    part = {name: value for name, value in part.items() if name not in _OF_SERIES}
    before = series.occurrence(master, found.wall)
    data = with_room(read(before, part, found.home), room, found.place, before)
    if data != before:
        series.change_occurrence(master, found.wall, data, actor=actor)
    return _again(found, master, found.wall)


def _update_following(found: Found, master: Event, part: dict[str, Any], room: str | None, actor: Actor) -> Found:
    before = series.following(master, found.wall)
    data = with_room(_moved(found, before, part), room, found.place, before)
    if data == before:
        return found
    made = series.change_following(master, found.wall, data, actor=actor)
    return _again(found, made, made.start_wall)


def _update_all(found: Found, master: Event, part: dict[str, Any], room: str | None, actor: Actor) -> Found:
    before = calendar.data_of(master)
    data = with_room(_moved(found, before, part), room, found.place, before)
    if data != before:
        calendar.change(master, data, actor=actor)
    return _again(found, master, found.wall + data.start_wall - before.start_wall)


_UPDATES = {"single": _update_one, "future": _update_following, "all": _update_all}


def _moved(found: Found, data: EventData, part: dict[str, Any]) -> EventData:
    """A series with these properties. Its start moves by as much as that of the occurrence they were given for."""
    shown = found.event.start_wall if found.event.recurrence_wall is not None else found.wall
    after = read(replace(data, start_wall=shown), part, found.home)
    return replace(after, start_wall=data.start_wall + after.start_wall - shown)


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
    told: dict[str, Any] = {name: new for name in _TEXTS if (new := getattr(after, name)) != getattr(before, name)}
    if set(part) & set(QUARTET):
        told |= {"start_s": start, "end_s": start + after.duration}
    entry = agenda.change(found.entry, actor=actor, **told)
    assert entry.event is not None
    now = calendar.data_of(entry.event)
    said = with_room(
        replace(after, start_wall=now.start_wall, timezone=now.timezone, duration=now.duration), room, found.place, now
    )
    if replace(said, sequence=now.sequence) != now:
        calendar.change(entry.event, said, actor=actor)
    return _again(found, entry.event)


def delete(found: Found, mode: str, actor: Actor) -> None:
    """Take back what was found, as far as the mode reaches. A series named by its own id goes as a whole."""
    if found.series is None:
        agenda.cancel(found.entry, actor=actor)
    elif mode == "single":
        calendar.exclude_occurrence(found.series, found.wall, actor=actor)
    elif mode == "future":
        series.delete_following(found.series, found.wall, actor=actor)
    else:
        calendar.delete(found.series, actor=actor)


def _again(found: Found, event: Event, wall: int | None = None) -> Found:
    """An event as it is after a change, and the occurrence of it that is meant, unless it no longer repeats there."""
    entry = agenda.find(event.organisation, event.pk)
    whole = Found(entry, found.place)
    if wall is None:
        return whole
    try:
        return occurrence(whole, wall)
    except NotFound:
        return whole
