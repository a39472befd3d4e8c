"""What has to be sent so that an event there says what it should: only what differs, and nothing people may change.

Any change that is sent is mailed to everybody whom the event names, so an update that would change nothing sends
nothing. Categories, reminders, attachments and everything else without a word here belongs to the host.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy

from bookings.domain.rooms import TEAMS
from bookings.engine.zones import zone
from bookings.formats.event import EventData
from providers.microsoft import wire
from providers.microsoft.recurrence import rule_of
from providers.microsoft.wire import Json, Owner, Part
from providers.microsoft.zones import iana, windows

Spelling = Json
Whole = Callable[[str], Json | None]
"""Reads an event again with its body as HTML."""


def patch_for(current: Json, data: EventData, owner: Owner, asked: Part, *, whole: Whole) -> Json:
    """The PATCH that brings `current` to `data`, {} when it is there; raises recurrence.Unsayable.

    `asked` is what a new event would have in this calendar; whom it names and its room stay once they are there.
    """
    invites = asked.invites or bool(current.get("attendees"))
    part = Part(invites, asked.room or _is_teams(current))
    wanted = wire.event_of(data, owner, part)
    patch = {name: wanted[name] for name in ("subject", "showAs", "sensitivity") if not _same(current, wanted, name)}
    return patch | {
        **_location(current, wanted),
        **_times(current, wanted),
        **_body(current, wanted, whole),
        **(_guests(current, data) if invites else {}),
        **(wire.TEAMS_MEETING if asked.room and not current.get("isOnlineMeeting") else {}),
    }


def _is_teams(current: Json) -> bool:
    return wire.room_of(current).get("kind") == TEAMS


def _same(current: Json, wanted: Json, name: str) -> bool:
    return str(current.get(name) or "").strip() == str(wanted[name]).strip()


def _location(current: Json, wanted: Json) -> Json:
    """Where a meeting is online and has no other place, Exchange may name the place itself."""
    there = str((current.get("location") or {}).get("displayName") or "").strip()
    ours = wanted["location"]["displayName"].strip()
    same = there == ours or (not ours and bool(current.get("isOnlineMeeting")))
    return {} if same else {"location": wanted["location"]}


def _times(current: Json, wanted: Json) -> Json:
    """Times and pattern go together: Exchange checks one against the other, and forgets changed occurrences."""
    moments = {name: wanted[name] for name in ("start", "end", "isAllDay")}
    there, ours = current.get("recurrence"), wanted.get("recurrence")
    if _is_at(current, wanted) and _pattern(there) == _pattern(ours):
        return {}
    if there or ours:
        moments["recurrence"] = ours
    return moments


def _is_at(current: Json, wanted: Json) -> bool:
    if bool(current.get("isAllDay")) != wanted["isAllDay"]:
        return False
    names = ("start", "end")
    if wanted["isAllDay"]:
        return all(
            str((current.get(name) or {}).get("dateTime"))[:10] == wanted[name]["dateTime"][:10] for name in names
        )
    return all(wire.seconds(current.get(name) or {}) == wire.seconds(wanted[name]) for name in names)


def _day(moment: Json | None) -> str:
    return str((moment or {}).get("dateTime"))[:10]


def _pattern(recurrence: Json | None) -> tuple[str, ...]:
    """What a recurrence means: its rule, and how its zone's clocks go at its start."""
    if not recurrence:
        return ()
    try:
        return rule_of(recurrence), _clock(str((recurrence.get("range") or {}).get("recurrenceTimeZone") or ""))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        return ("unreadable",)


def _clock(name: str) -> str:
    """Exchange answers a zone by its Windows name, which stands for several of IANA's."""
    tzid = iana(name, "UTC")
    return windows(tzid) or zone(tzid).key


def _body(current: Json, wanted: Json, whole: Whole) -> Json:
    """A meeting's join text is part of its body, and without it the meeting is gone: there only what stands between our
    marks is exchanged, and where the marks are gone the body is left alone."""
    ours, there = wanted["body"], (current.get("body") or {}).get("content") or ""
    if not current.get("isOnlineMeeting"):
        return {} if wire.same_words(wire.marked_part(there), wire.marked_part(ours["content"])) else {"body": ours}
    again = whole(current["id"])
    there = str(((again or {}).get("body") or {}).get("content") or "")
    text = wire.replaced(there, ours["content"])
    if text is None or wire.same_words(wire.marked_part(there), wire.marked_part(ours["content"])):
        return {}
    return {"body": {"contentType": "html", "content": text}}


def _guests(current: Json, data: EventData) -> Json:
    """Guests keep what is said of them there; their answers are theirs."""
    held = {next(iter(wire.addresses([each])), ""): each for each in current.get("attendees") or ()}
    people = {each.email.casefold(): each for each in data.people if each.email and each.role != "owner"}
    wanted = {
        address: held.get(address) or wire.attendee(person)
        for address, person in people.items()
        if address in held or person.role == "attendee"
    }
    rooms = {address: each for address, each in held.items() if each.get("type") == "resource"}
    organiser = wire.addresses([current.get("organizer") or {}])
    wanted |= {address: each for address, each in held.items() if address in organiser} | rooms
    return {} if wanted.keys() == held.keys() else {"attendees": list(wanted.values())}


def spellings(body: Json) -> Iterator[Spelling]:
    """The same write with its zones by their Windows names, then a single event's times in UTC."""
    if not isinstance(body.get("start"), dict):
        return
    tzid = body["start"]["timeZone"]
    if (name := windows(tzid)) and name != tzid:
        spelt = deepcopy(body)
        spelt["start"]["timeZone"] = spelt["end"]["timeZone"] = name
        if spelt.get("recurrence"):
            spelt["recurrence"]["range"]["recurrenceTimeZone"] = name
        yield spelt
    if not body.get("recurrence") and not body.get("isAllDay"):
        yield body | {each: wire.moment(wire.seconds(body[each]), "UTC") for each in ("start", "end")}
