"""Writing a schedulingEvent, from an entry of the agenda."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bookings.api.morph import wire
from bookings.api.morph.asked import Attendee, is_answer
from bookings.domain.agenda import Entry
from bookings.domain.event_rows import data_of
from bookings.formats.event import Person, plain
from bookings.models import Booking, Event, Host

_STATUS_OF = {
    Booking.State.REQUESTED: "requested",
    Booking.State.HELD: "requested",
    Booking.State.CONFIRMED: "planned",
    Booking.State.IN_PROGRESS: "inProgress",
    Booking.State.COMPLETED: "completed",
    Booking.State.NO_SHOW: "completed",
}
_STATUS_OF_PLAIN = {Event.Status.CONFIRMED: "planned", Event.Status.TENTATIVE: "requested"}


def status_of(entry: Entry) -> str:
    """What a booking's state, or a plain event's status, is called here; every other one is canceled."""
    if entry.booking is not None:
        return _STATUS_OF.get(Booking.State(entry.booking.state), "canceled")
    return _STATUS_OF_PLAIN.get(Event.Status(entry.status), "canceled")


@dataclass(frozen=True)
class Names:
    """What the things of some entries are called here, by our ids; and what else is needed to show them.

    `shown` holds, by their ids here, resources that stand in place of their refs (the parameter `expand`).
    """

    bookings: Mapping[uuid.UUID, str] = field(default_factory=dict)
    events: Mapping[uuid.UUID, str] = field(default_factory=dict)
    event_types: Mapping[uuid.UUID, str] = field(default_factory=dict)
    hosts: Mapping[uuid.UUID, str] = field(default_factory=dict)
    kept: Mapping[uuid.UUID, dict[str, Any]] = field(default_factory=dict)
    remote: Mapping[uuid.UUID, str] = field(default_factory=dict)
    shown: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    def link(self, model: str, resource_id: str) -> dict[str, Any]:
        return self.shown.get(resource_id) or wire.ref(model, resource_id)


def hosts_of(entry: Entry) -> list[uuid.UUID]:
    """Whose time it takes, the organizer first."""
    host: Host | None = entry.host
    first = [host.pk] if host else []
    assigned = entry.booking.assignment.get("hosts", []) if entry.booking else []
    return first + [each for each in map(uuid.UUID, assigned) if each not in first]


def series_key(event: Event) -> uuid.UUID:
    """The series of an occurrence, or the event itself."""
    return event.master_id or event.pk


def event_id(entry: Entry, names: Names) -> str:
    if entry.booking is not None:
        return names.bookings[entry.booking.pk]
    assert entry.event is not None
    named = names.events[series_key(entry.event)]
    return named if entry.recurrence_wall is None else wire.occurrence_id(named, entry.recurrence_wall)


def event_ref(entry: Entry, names: Names) -> dict[str, Any]:
    return wire.ref(wire.EVENT, event_id(entry, names), _remote(entry, names))


def event_resource(entry: Entry, names: Names) -> dict[str, Any]:
    thing = entry.thing
    fields = event_fields(entry, names)
    remote = _remote(entry, names)
    return wire.resource(wire.EVENT, event_id(entry, names), fields, thing.created_at, thing.updated_at, remote)


def _remote(entry: Entry, names: Names) -> str:
    return names.remote.get(series_key(entry.event), "") if entry.event else ""


def event_fields(entry: Entry, names: Names) -> dict[str, Any]:
    booking = entry.booking
    hosts = [names.link(wire.USER, names.hosts[each]) for each in hosts_of(entry) if each in names.hosts]
    minutes = (entry.end_s - entry.start_s) / 60
    fields: dict[str, Any] = {}
    if booking is not None and booking.event_type_id is not None:
        fields["eventType"] = names.link(wire.EVENT_TYPE, names.event_types[booking.event_type_id])
    fields |= {
        "title": entry.title,
        "description": _description(entry),
        "status": status_of(entry),
        "startTime": wire.instant(entry.start_s),
        "endTime": wire.instant(entry.end_s),
        "duration": int(minutes) if minutes.is_integer() else minutes,
        "attendees": hosts[1:],
        "externalAttendees": _external(entry, names.kept.get(entry.key, {})),
    }
    if hosts:
        fields["organizer"] = hosts[0]
    fields["answers"] = {key: _answer(value) for key, value in booking.answers.items()} if booking else {}
    return fields


def _description(entry: Entry) -> str:
    event = entry.event
    if entry.booking is None and event is not None and event.description_type == "text/html":
        return plain(data_of(event))
    return entry.description


def _external(entry: Entry, kept: dict[str, Any]) -> list[dict[str, str]]:
    """Guests with an address, in the order and with the split of names in which they were written, as long as the name
    is still the same."""
    written = {each["email"].casefold(): each for each in kept.get("externalAttendees", ())}
    order = list(written)
    people = [(one.email.casefold(), one) for one in _guests(entry) if one.email]
    people.sort(key=lambda each: order.index(each[0]) if each[0] in written else len(order))
    return [_guest(person, written.get(address, {})) for address, person in people]


def _guests(entry: Entry) -> list[Person]:
    contact = entry.booking.contact if entry.booking else None
    if entry.event is None:
        return [Person(contact.email, contact.name, phone=contact.phone)] if contact else []
    people = [one for one in entry.people if one.role == "attendee"]
    known = contact.phone if contact else ""
    same = contact.email.casefold() if contact else ""
    return [
        Person(one.email, one.name, phone=one.phone or (known if one.email.casefold() == same else ""))
        for one in people
    ]


def _guest(person: Person, written: dict[str, str]) -> dict[str, str]:
    first, last = written.get("firstName", ""), written.get("lastName", "")
    if f"{first} {last}".strip() != person.name:
        first, _, last = person.name.partition(" ")
    return Attendee(person.email, first, last.strip(), person.phone).said


def _answer(value: Any) -> Any:
    """Pages may keep what this record of strings, lists and numbers has no form for."""
    if is_answer(value):
        return value
    return [str(each) for each in value] if isinstance(value, list) else str(value)
