"""Events as they are written to Google (discovery document of calendar v3, schema `Event`).

What is managed is written whole; reminders and colours are given with the create and are the host's after that.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from bookings.domain.rooms import MEET, PENDING, REQUESTED
from bookings.engine.zones import DAY, zone
from bookings.formats import icalendar
from bookings.formats.event import DECLINED, EventData, Person
from bookings.formats.times import local, read_duration
from providers.base import Answer, Push
from providers.google.wire import (
    ANSWERS,
    COLOURS,
    ENDED,
    GUESTS,
    INSTALLATION,
    OCCURRENCE,
    REVISION,
    SERIES,
    TAG,
    private,
)
from providers.rest import Json

_LONGEST_VALUE = 1024
_LONGEST_ALARM = 40_320
_MOST_ALARMS = 5
_VISIBILITY = {"public": "default", "private": "private", "secret": "confidential"}
_COLOUR_IDS = {value: key for key, value in COLOURS.items()}


def event_id(key: uuid.UUID) -> str:
    """The id we give an event: base32hex without padding, 26 characters of a-v and 0-9."""
    return base64.b32hexencode(key.bytes).decode().rstrip("=").lower()


def create_body(push: Push) -> Json:
    """The event or master as it is created."""
    data = push.events[0]
    body = {"id": event_id(push.key), **_managed(push, data), **_once(data)}
    if people := _guests(data) if push.leads else []:
        body["attendees"] = people
    if push.leads:
        body |= _room_request(push, data)
    stated: Json = _without_nulls(body)
    return stated


def change_body(push: Push, data: EventData, current: Json) -> Json:
    """The whole managed state, to be patched over `current`; guests keep their answers, the host their additions."""
    body = _managed(push, data)
    if data.recurrence_wall is None and (data_recurs(data) or current.get("recurrence")):
        body.setdefault("recurrence", [])
    if push.leads:
        body["attendees"] = _merged_guests(data, current)
        body |= _room_change(push, data, current.get("conferenceData") or {})
    return body


def _managed(push: Push, data: EventData) -> Json:
    body: Json = {
        "summary": data.title,
        "description": _description(push, data),
        "location": data.location or _address(push, data),
        "start": time_of(data, data.start_wall),
        "end": _end(data),
        "status": data.status,
        # What the owner declined is free here; what it is to others does not change by that.
        "transparency": "transparent" if data.free_busy_status == "free" and DECLINED not in data.raw else "opaque",
        "visibility": _VISIBILITY.get(data.privacy, "default"),
        "extendedProperties": {"private": _marks(push, data), "shared": {TAG: _shared_tag(push)}},
    }
    if data.recurrence_wall is None and data_recurs(data):
        body["recurrence"] = recurrence_of(data)
    return body


def _once(data: EventData) -> Json:
    """What only the create says."""
    body: Json = {"guestsCanModify": False, "reminders": _reminders(data)}
    if colour := _COLOUR_IDS.get(data.colour.lower()):
        body["colorId"] = colour
    return body


def _marks(push: Push, data: EventData) -> Json:
    tag, _, revision = push.tag.rpartition("|")
    invited = ",".join(_short(person.email) for person in _invited(data)) if push.leads else ""
    return {
        TAG: tag,
        REVISION: revision,
        INSTALLATION: tag.partition("|")[0],
        # With very many guests we no longer know which were ours, and then decide on all of them.
        GUESTS: invited if len(invited) <= _LONGEST_VALUE else None,
        OCCURRENCE: None if data.recurrence_wall is None else "1",
        ENDED: "1" if data.status == "cancelled" else None,
    }


def _shared_tag(push: Push) -> str:
    """Installation and event, which copies in the guests' calendars carry too: so ours are never busy twice."""
    return "|".join(push.tag.split("|")[:2])


def time_of(data: EventData, wall: int) -> Json:
    """A start of this event. Offset and zone together, so that a repeated hour has no two meanings; the other kind of
    time is cleared, because a patch merges."""
    if data.all_day:
        return {"date": local(wall)[:10], "dateTime": None, "timeZone": None}
    return _timed(zone(data.timezone).to_utc(wall), data.timezone)


def start_text(data: EventData, wall: int) -> str:
    """A start of this event as the API asks for it: a date, or RFC 3339."""
    return local(wall)[:10] if data.all_day else rfc3339(zone(data.timezone).to_utc(wall), data.timezone)


def _end(data: EventData) -> Json:
    if data.all_day:
        return time_of(data, data.start_wall + max(data.duration, DAY))
    return _timed(zone(data.timezone).to_utc(data.start_wall) + data.duration, data.timezone)


def _timed(instant: int, tzid: str) -> Json:
    return {"dateTime": rfc3339(instant, tzid), "timeZone": tzid, "date": None}


def rfc3339(instant: int, tzid: str = "UTC") -> str:
    offset = zone(tzid).to_wall(instant) - instant
    if offset % 60:  # local mean time, which RFC 3339 cannot say
        offset = 0
    sign, size = ("-", -offset) if offset < 0 else ("+", offset)
    return f"{local(instant + offset)}{sign}{size // 3600:02d}:{size // 60 % 60:02d}"


def data_recurs(data: EventData) -> bool:
    return bool(data.recurrence_rules or data.recurrence_dates)


def recurrence_of(data: EventData) -> list[str]:
    """RRULE, EXRULE, RDATE and EXDATE lines, as RFC 5545 writes them for this start."""
    bare = EventData(
        title="",
        start_wall=data.start_wall,
        timezone=data.timezone,
        duration=data.duration,
        uid="x",
        all_day=data.all_day,
        recurrence_rules=data.recurrence_rules,
        exclusion_rules=data.exclusion_rules,
        recurrence_dates=data.recurrence_dates,
        excluded_dates=data.excluded_dates,
    )
    text = icalendar.render(bare, stamp=datetime.now(UTC)).replace("\r\n ", "").replace("\r\n", "\n")
    lines = text.partition("BEGIN:VEVENT\n")[2].split("\n")
    return [line for line in lines if line.partition(":")[0].partition(";")[0] in SERIES]


def _description(push: Push, data: EventData) -> str:
    parts = [data.description]
    url = str(data.conference.get("url", ""))
    if data.location and url and not _is_own_meet(push, data):
        parts.append(url)
    if not push.leads and (guests := _invited(data)):
        # Who comes; they are invited from the calendar that leads, and only from there.
        # Google reads descriptions as HTML, so no address stands in angle brackets.
        parts.append("\n".join(f"{person.name} ({person.email})" if person.name else person.email for person in guests))
    return "\n\n".join(part for part in parts if part)


def _address(push: Push, data: EventData) -> str:
    return "" if _is_own_meet(push, data) else str(data.conference.get("url", ""))


def _is_own_meet(push: Push, data: EventData) -> bool:
    return push.leads and data.conference.get("kind") == MEET


def _room_request(push: Push, data: EventData) -> Json:
    """Ask for a Meet room. The same request id makes no second one."""
    if data.conference.get("kind") != MEET or data.conference.get("state") not in (REQUESTED, PENDING):
        return {}
    request = {"requestId": _request_id(push), "conferenceSolutionKey": {"type": "hangoutsMeet"}}
    return {"conferenceData": {"createRequest": request}}


def _room_change(push: Push, data: EventData, there: Json) -> Json:
    """Ask for a room where there is none; take away the one we asked for when it is not wanted any more."""
    if not there:
        return _room_request(push, data)
    ours = there.get("createRequest", {}).get("requestId") == _request_id(push)
    return {"conferenceData": None} if ours and data.conference.get("kind") != MEET else {}


def _request_id(push: Push) -> str:
    return str(uuid.uuid5(push.key, "room"))


def _reminders(data: EventData) -> Json:
    if data.use_default_alerts:
        return {"useDefault": True}
    found = [each for alert in data.alerts.values() if (each := _reminder(alert))]
    return {"useDefault": False, "overrides": found[:_MOST_ALARMS]} if found else {"useDefault": False}


def _reminder(alert: Mapping[str, Any]) -> Json | None:
    trigger = alert.get("trigger") or {}
    offset = read_duration(str(trigger.get("offset", "")))
    if offset is None or trigger.get("relativeTo") == "end":
        return None
    minutes = -(offset[0] * DAY + offset[1]) // 60
    if not 0 <= minutes <= _LONGEST_ALARM:
        return None
    return {"method": "email" if alert.get("action") == "email" else "popup", "minutes": minutes}


def _invited(data: EventData) -> list[Person]:
    return [person for person in data.people if person.role == "attendee" and person.email]


def _guests(data: EventData) -> list[Json]:
    """Guests as they are first invited. Hosts are left out: their own calendars show the event."""
    return [_guest(person) for person in _invited(data)]


def _guest(person: Person) -> Json:
    named = {"displayName": person.name} if person.name else {}
    return {"email": person.email, **named, "responseStatus": "needsAction"}


def _merged_guests(data: EventData, current: Json) -> list[Json]:
    """Our guests with the answers they gave; guests that the host added; the host's own entry."""
    before: dict[str, Json] = {str(each.get("email", "")).casefold(): each for each in current.get("attendees", ())}
    ours = {person.email.casefold(): person for person in _invited(data)}
    unmanaged = {person.email.casefold() for person in data.people if person.role != "attendee"}
    marks = private(current)
    known = set(marks[GUESTS].split(",")) if GUESTS in marks else None
    kept = [
        each
        for email, each in before.items()
        if email not in ours and (each.get("self") or email in unmanaged or _was_added(email, known))
    ]
    return [*kept, *(before.get(email) or _guest(person) for email, person in ours.items())]


def _was_added(email: str, known: Collection[str] | None) -> bool:
    """Whether somebody else than us invited this guest, as far as we know whom we invited."""
    return known is not None and _short(email) not in known


def _short(email: str) -> str:
    return hashlib.sha256(email.casefold().encode()).hexdigest()[:8]


def _without_nulls(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: _without_nulls(each) for name, each in value.items() if each is not None}


def answer_body(entry: Json, answer: Answer) -> Json:
    """The owner's answer and nothing else of the event: the other guests are left out, which changes none of them."""
    said = {"comment": answer.comment} if answer.comment else {}
    own = {"email": entry["email"], "responseStatus": ANSWERS[answer.rsvp], **said}
    return {"attendeesOmitted": True, "attendees": [own]}


def is_answered(entry: Json, answer: Answer) -> bool:
    """Whether that answer is there already, so that saying it again would only mail the organiser again."""
    same = entry.get("responseStatus") == ANSWERS[answer.rsvp]
    return same and answer.comment in ("", entry.get("comment", ""))
