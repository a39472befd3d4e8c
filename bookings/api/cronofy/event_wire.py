"""What Cronofy's clients write of an event. How events are told is in `event_shown`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from bookings.api.cronofy import times
from bookings.api.cronofy.times import Time
from bookings.api.reader import Reader
from bookings.domain.agenda import Entry
from bookings.engine.zones import DAY, zone
from bookings.formats.event import EventData, Person
from bookings.formats.times import read_wall
from bookings.models import Event, Host

FIELDS = {
    "title": "summary",
    "start_wall": "start",
    "duration": "end",
    "end": "end",
    "timezone": "tzid",
    "location": "location.description",
    "people": "attendees.invite",
    "colour": "color",
    "alerts": "reminders",
    "raw": "event",
}
"""Where the domain's fields stand in an event's body."""

LONGEST_ID = 400
LONGEST_URL = 2000
DEFAULT_ZONE = "Etc/UTC"
DEFAULT_ROOM, INTEGRATED_ROOM = "default", "integrated"
_MOST_PEOPLE, _MOST_REMINDERS, _FURTHEST_REMINDER = 500, 10, 40_320

_BUSY = {
    "opaque": Event.Busy.BUSY,
    "transparent": Event.Busy.FREE,
    "working_elsewhere": Event.Busy.FREE,
    "tentative": Event.Busy.TENTATIVE,
    "out_of_office": Event.Busy.AWAY,
    "unknown": Event.Busy.BUSY,
}
_KEPT = ("url", "subscriptions", "conferencing", "extended_transparency")
_UID = re.compile(r"(.+?)(?:_(\d{8}T\d{6}))?", re.ASCII | re.DOTALL)


@dataclass(frozen=True)
class Written:
    """What a write says: None for times it leaves alone; `changes` are fields of EventData."""

    start: Time | None
    end: Time | None
    tzid: str
    changes: dict[str, Any]
    alerts: dict[str, Any] | None
    alerts_once: bool
    invite: tuple[Person, ...]
    remove: frozenset[str]
    room: str
    """DEFAULT_ROOM or INTEGRATED_ROOM when a virtual room shall be made, else empty."""
    kept: dict[str, Any]

    @property
    def is_all_day(self) -> bool:
        return self.start is not None and self.start.day is not None

    def onto(self, before: EventData | None, host: Host) -> EventData:
        """The event's new state: the whole of a new one, or what was there before with what is said now."""
        data = before or EventData(title="", start_wall=0, timezone=DEFAULT_ZONE, duration=0)
        data = replace(data, **self.changes, **self._times(data))
        if self.alerts is not None and not (before and self.alerts_once):
            data = replace(data, alerts=self.alerts)
        if self.invite or self.remove:
            data = replace(data, people=self._people(data, host), notify_guests=data.notify_guests or bool(self.invite))
        return data

    def bounds(self, entry: Entry) -> tuple[int, int]:
        """When it takes place, in UTC seconds, of an entry that takes place then."""
        tzid = self.tzid or entry.timezone
        start = entry.start_s if self.start is None else self.start.instant(tzid)
        if self.end is None:
            return start, start + entry.end_s - entry.start_s
        return start, self.end.instant(tzid)

    def _times(self, data: EventData) -> dict[str, Any]:
        if self.start is None or self.end is None:
            return {}
        tzid = self.tzid or data.timezone
        if self.start.day is not None and self.end.day is not None:
            # The end is the day after the last one; that of the start means that day too.
            days = max(self.end.day - self.start.day, 1)
            return {
                "start_wall": self.start.day * DAY,
                "duration": days * DAY,
                "timezone": tzid,
                "all_day": True,
                "floating": False,
            }
        start, end = self.start.instant(tzid), self.end.instant(tzid)
        if zone(tzid).to_utc(zone(tzid).to_wall(start)) != start:
            tzid = DEFAULT_ZONE  # the second of two equal hours has no name in its own zone
        wall = zone(tzid).to_wall(start)
        return {"start_wall": wall, "duration": end - start, "timezone": tzid, "all_day": False, "floating": False}

    def _people(self, data: EventData, host: Host) -> tuple[Person, ...]:
        there = {person.email.lower(): person for person in data.people}
        for person in self.invite:
            known = there.get(person.email.lower())
            there[person.email.lower()] = replace(known, name=person.name or known.name) if known else person
        people = [person for email, person in there.items() if email not in self.remove or person.role != "attendee"]
        if people and host.email and not any(person.role == "owner" for person in people):
            people.insert(0, Person(host.email, host.name, role="owner", rsvp="accepted"))
        return tuple(people)


def split_uid(uid: str) -> tuple[str, int | None]:
    """The name of an event, and of an occurrence of a series its original start in wall seconds."""
    match = _UID.fullmatch(uid)
    return (match[1], read_wall(match[2]) if match[2] else None) if match else (uid, None)


def read(body: dict[str, Any], reader: Reader, *, whole: bool) -> Written:
    """Read an event's body: a `whole` one, or one that leaves out what shall stay."""
    tzid = times.zone_name(body, "tzid", "tzid", reader)
    start, end = (times.read(body, key, key, reader, required=whole) for key in ("start", "end"))
    _check_times(start, end, reader)
    invite, remove = _attendees(body, reader)
    once = body.get("reminders_create_only")
    if once not in (None, True, False):
        reader.wrong("reminders_create_only", "invalid", "reminders_create_only must be true or false.")
    return Written(
        start=start,
        end=end,
        tzid=(start.tzid if start else "") or tzid,
        changes=_texts(body, reader, whole) | _manner(body, reader) | _place(body, reader, whole) | _room(body, reader),
        alerts=_reminders(body, reader),
        alerts_once=once is True,
        invite=invite,
        remove=remove,
        room=_wanted_room(body),
        kept=_unmapped(body, reader),
    )


def _check_times(start: Time | None, end: Time | None, reader: Reader) -> None:
    if start is None or end is None:
        return
    if (start.day is None) != (end.day is None):
        reader.wrong("end", "invalid", "start and end must both be times or both be dates.")
    elif (end.at_s or end.day or 0) < (start.at_s or start.day or 0):
        reader.wrong("end", "invalid", "end must not be before start.")


def _texts(body: dict[str, Any], reader: Reader, whole: bool) -> dict[str, Any]:
    found = {}
    if whole or body.get("summary") is not None:
        found["title"] = reader.text(body, "summary", "summary", required=True, longest=1024)
    if whole or body.get("description") is not None:
        found["description"] = reader.text(body, "description", "description", one_line=False)
        found["description_type"] = "text/plain"
    if body.get("color") is not None:
        found["colour"] = reader.text(body, "color", "color", longest=32)
    return found


def _manner(body: dict[str, Any], reader: Reader) -> dict[str, Any]:
    """Whether it takes time, and whether it is private."""
    found: dict[str, Any] = {}
    for key in ("transparency", "extended_transparency"):
        manner = reader.text(body, key, key)
        if manner and manner not in _BUSY:
            reader.wrong(key, "invalid", f"{key} must be one of {', '.join(_BUSY)}.")
        elif manner:
            found["free_busy_status"] = _BUSY[manner]
    private = body.get("event_private")
    if private not in (None, True, False):
        reader.wrong("event_private", "invalid", "event_private must be true or false.")
    elif private is not None:
        found["privacy"] = Event.Privacy.PRIVATE if private else Event.Privacy.PUBLIC
    return found


def _place(body: dict[str, Any], reader: Reader, whole: bool) -> dict[str, Any]:
    if not whole and body.get("location") is None:
        return {}
    location = reader.object(body, "location", "location") or {}
    name = reader.text(location, "description", "location.description", longest=1024, one_line=False)
    lat, long = (_degrees(location, key, most, reader) for key, most in (("lat", 90), ("long", 180)))
    spot = {"@type": "Location", "name": name, "coordinates": f"geo:{lat},{long}"}
    return {"location": " ".join(name.split()), "locations": {"1": spot} if lat and long else {}}


def _degrees(location: dict[str, Any], key: str, most: int, reader: Reader) -> str:
    """A coordinate, which clients write as a text or as a number."""
    value = location.get(key)
    if value is None or value == "":
        return ""
    try:
        degrees = float(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else None
    except (ValueError, OverflowError):
        degrees = None
    if degrees is None or not -most <= degrees <= most:
        reader.wrong(f"location.{key}", "invalid", f"location.{key} must be degrees from -{most} to {most}.")
        return ""
    return f"{degrees:.6f}".rstrip("0").rstrip(".")


def _wanted_room(body: dict[str, Any]) -> str:
    """Which of the rooms that are made here is asked for: the host's usual one, or that of the calendar's service."""
    conferencing = body.get("conferencing")
    profile = conferencing.get("profile_id") if isinstance(conferencing, dict) else None
    return profile if profile in (DEFAULT_ROOM, INTEGRATED_ROOM) else ""


def _room(body: dict[str, Any], reader: Reader) -> dict[str, Any]:
    """A virtual room that the application has already."""
    conferencing = reader.object(body, "conferencing", "conferencing")
    if conferencing is None:
        return {}
    path = "conferencing.join_url"
    url = reader.text(conferencing, "join_url", path, longest=LONGEST_URL).strip()
    label = reader.text(conferencing, "provider_description", "conferencing.provider_description", longest=200)
    if url and not url.lower().startswith(("https://", "http://")):
        reader.wrong(path, "invalid", f"{path} must be the address of a page.")
    if not url:
        return {"conference": {}} if conferencing.get("profile_id") == "none" else {}
    return {"conference": {"kind": "link", "url": url, "state": "ready"} | ({"label": label} if label else {})}


def _reminders(body: dict[str, Any], reader: Reader) -> dict[str, Any] | None:
    if body.get("reminders") is None:
        return None
    given = reader.array(body, "reminders", "reminders")
    if len(given) > _MOST_REMINDERS:
        reader.wrong("reminders", "invalid", f"At most {_MOST_REMINDERS} reminders are possible.")
    found = {}
    for place, reminder in enumerate(given[:_MOST_REMINDERS]):
        path = f"reminders[{place}]"
        if not isinstance(reminder, dict):
            reader.wrong(path, "invalid", f"{path} must be an object.")
            continue
        minutes = reader.integer(reminder, "minutes", f"{path}.minutes", least=0, most=_FURTHEST_REMINDER)
        if minutes is not None:
            trigger = {"@type": "OffsetTrigger", "offset": f"-PT{minutes}M", "relativeTo": "start"}
            found[str(place + 1)] = {"@type": "Alert", "trigger": trigger, "action": "display"}
    return found


def _attendees(body: dict[str, Any], reader: Reader) -> tuple[tuple[Person, ...], frozenset[str]]:
    attendees = reader.object(body, "attendees", "attendees") or {}
    invited = [
        Person(email, reader.text(each, "display_name", f"{path}.display_name", longest=200))
        for each, path, email in _people(attendees, "invite", reader)
    ]
    removed = frozenset(email.lower() for _, _, email in _people(attendees, "remove", reader))
    return tuple(invited), removed


def _people(holder: dict[str, Any], key: str, reader: Reader) -> list[tuple[dict[str, Any], str, str]]:
    """Each with where it stands and its mail address."""
    given = reader.array(holder, key, f"attendees.{key}")
    if len(given) > _MOST_PEOPLE:
        reader.wrong(f"attendees.{key}", "invalid", f"At most {_MOST_PEOPLE} people are possible.")
    found = []
    for place, each in enumerate(given[:_MOST_PEOPLE]):
        path = f"attendees.{key}[{place}]"
        if isinstance(each, dict):
            email = reader.text(each, "email", f"{path}.email", required=True, longest=320).strip()
            found.append((each, path, email))
        else:
            reader.wrong(path, "invalid", f"{path} must be an object.")
    return found


def _unmapped(body: dict[str, Any], reader: Reader) -> dict[str, Any]:
    """Documented fields that an event has no column for, kept as they came."""
    url = reader.text(body, "url", "url", longest=LONGEST_URL)
    if url and not url.lower().startswith(("https://", "http://")):
        reader.wrong("url", "invalid", "url must be the address of a page.")
    return {name: body[name] for name in _KEPT if body.get(name) is not None}
