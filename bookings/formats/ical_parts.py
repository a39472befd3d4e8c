"""The parts of an event that are objects of their own in iCalendar: people, alarms, rooms, and what we do not map."""

from __future__ import annotations

from typing import Any

from .event import Person
from .lines import Component, Line, unescape
from .times import duration, local, read_duration, read_wall

MAX_ALERTS = 20
MAX_PEOPLE = 1_000
MAX_KEPT = 50
MAX_KEPT_VALUE = 4_096

MAPPED = frozenset(
    {"DTSTART", "DTEND", "DURATION", "RRULE", "EXRULE", "RDATE", "EXDATE", "RECURRENCE-ID", "UID", "SEQUENCE"}
    | {"SUMMARY", "DESCRIPTION", "LOCATION", "STATUS", "TRANSP", "X-MICROSOFT-CDO-BUSYSTATUS", "CLASS", "COLOR"}
    | {"ORGANIZER", "ATTENDEE", "CONFERENCE", "X-GOOGLE-CONFERENCE", "X-MICROSOFT-SKYPETEAMSMEETINGURL"}
    | {"DTSTAMP", "LAST-MODIFIED", "CREATED"}
)
"""Properties that have a field of their own, or are made anew with every rendering."""

_RSVP = {"ACCEPTED": "accepted", "DECLINED": "declined", "TENTATIVE": "tentative"}
_ROOMS = ("X-GOOGLE-CONFERENCE", "X-MICROSOFT-SKYPETEAMSMEETINGURL")


def people_of(part: Component) -> tuple[Person, ...]:
    """The organiser first, then the others in their order. An organiser who also attends is one person."""
    found: dict[str, Person] = {}
    if organiser := part.first("ORGANIZER"):
        person = _person(organiser, "owner")
        found[person.email.casefold() or person.name] = person
    for line in part.all("ATTENDEE")[:MAX_PEOPLE]:
        role = "host" if line.params.get("ROLE", "").upper() == "CHAIR" else "attendee"
        person = _person(line, role)
        key = person.email.casefold() or person.name
        if (same := found.get(key)) and same.role == "owner":
            person = Person(same.email, same.name or person.name, "owner", person.rsvp, comment=person.comment)
        found[key] = person
    return tuple(person for person in found.values() if person.email or person.name)


def _person(line: Line, role: str) -> Person:
    return Person(
        email=address(line),
        name=line.params.get("CN", "").strip()[:200],
        role=role,
        rsvp=_RSVP.get(line.params.get("PARTSTAT", "").upper(), "needs-action"),
        comment=line.params.get("X-RESPONSE-COMMENT", ""),
    )


def address(line: Line) -> str:
    """The mail address of a CAL-ADDRESS; servers that use other URIs give it as EMAIL parameter."""
    value = line.value.strip()
    if value[:7].casefold() == "mailto:":
        return value[7:].strip()[:320]
    return line.params.get("EMAIL", "").strip()[:320]


def alerts_of(part: Component) -> dict[str, Any]:
    """Alarms as JSCalendar alerts (RFC 8984 4.5.2), by their UID or number."""
    alarms = [each for each in part.parts if each.name == "VALARM"][:MAX_ALERTS]
    found: dict[str, Any] = {}
    for number, alarm in enumerate(alarms, 1):
        line = alarm.first("TRIGGER")
        trigger = _trigger(line) if line else None
        if trigger:
            action = "email" if alarm.text("ACTION").upper() == "EMAIL" else "display"
            key = alarm.text("UID").strip()[:100] or str(number)
            found[key] = {"@type": "Alert", "trigger": trigger, "action": action}
    return found


def _trigger(line: Line) -> dict[str, str] | None:
    if length := read_duration(line.value):
        days, seconds = length
        offset = duration(days * 86_400 + seconds)
        relative = "end" if line.params.get("RELATED", "").upper() == "END" else "start"
        return {"@type": "OffsetTrigger", "offset": offset, "relativeTo": relative}
    if (at := read_wall(line.value)) is not None:
        return {"@type": "AbsoluteTrigger", "when": f"{local(at)}Z"}
    return None


def conference_of(part: Component) -> dict[str, Any]:
    """The virtual room: CONFERENCE (RFC 7986 5.11), or what Google and Microsoft write instead."""
    if line := part.first("CONFERENCE"):
        label = line.params.get("LABEL", "")
        return {"kind": "link", "url": line.value.strip()} | ({"label": label} if label else {})
    for name in _ROOMS:
        if url := part.text(name).strip():
            return {"kind": "link", "url": url}
    return {}


def unmapped(part: Component, mapped: frozenset[str]) -> list[Any]:
    """[name, parameters, raw value] of the properties we have no field for, so that writing back keeps them.

    Inline attachments and very long values stay out: they are many times the size of all else.
    """
    kept = [line for line in part.lines if line.name not in mapped and len(line.value) <= MAX_KEPT_VALUE]
    return [[line.name, line.params, line.value] for line in kept[:MAX_KEPT]]


def kept_property(raw: dict[str, Any], name: str) -> str:
    """The text of a property that `unmapped` kept, empty when there is none."""
    return next((unescape(value) for kept, _, value in raw.get("properties", ()) if kept == name), "")
