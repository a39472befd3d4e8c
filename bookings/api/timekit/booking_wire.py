"""Bookings in Timekit's words, both ways."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bookings.api.reader import Reader
from bookings.api.timekit import graphs, wire
from bookings.api.timekit.times import Clock, Stamp
from bookings.api.timekit.wire import Names, addresses, flag, stamp
from bookings.domain.agenda import Entry
from bookings.domain.event_rows import is_address
from bookings.engine.zones import canonical
from bookings.models import Booking, Contact, Host

_NATIVE = ("id", "name", "email", "phone", "voip", "timezone", "first_name", "last_name")


@dataclass(frozen=True)
class Customer:
    """Who books. `extra` is what else a form asked them."""

    name: str = ""
    email: str = ""
    phone: str = ""
    voip: str = ""
    timezone: str = ""
    extra: dict[str, Any] | None = None

    @property
    def kept(self) -> dict[str, Any]:
        return {"voip": self.voip} if self.voip else {}


@dataclass(frozen=True)
class AskedBooking:
    """What a request wants booked; empty for what it does not say. Ids are those of the request."""

    graph: str
    action: str
    start: Stamp | None
    end: Stamp | None
    what: str
    where: str
    description: str
    resource_id: str
    calendar_id: str
    customer: Customer
    participants: tuple[str, ...]
    invite: bool
    quiet: bool  # it was said that nobody is invited
    my_rsvp: str | None
    meta: dict[str, Any]
    forced: bool
    owner_booking_id: str


def read_booking(given: dict[str, Any], reader: Reader, clock: Clock, *, in_project: bool) -> AskedBooking:
    """Read what to book. Older clients put what concerns the event into an object of that name."""
    body = {**(reader.object(given, "event", "event") or {}), **given}
    settings = reader.object(body, "settings", "settings") or {}
    related = reader.object(body, "related", "related") or {}
    graph, action = _graph(body, reader)
    return AskedBooking(
        graph=graph,
        action=action,
        start=stamp(body, "start", reader, clock, required=True),
        end=stamp(body, "end", reader, clock, required=True),
        what=reader.text(body, "what", "what", required=not in_project, longest=1024),
        where=reader.text(body, "where", "where", required=not in_project, longest=1024, one_line=False),
        description=reader.text(body, "description", "description", one_line=False),
        resource_id=reader.text(body, "resource_id", "resource_id"),
        calendar_id=reader.text(body, "calendar_id", "calendar_id"),
        customer=_customer(body, reader),
        participants=addresses(body, "participants", reader) or (),
        invite=bool(flag(body, "invite", reader)),
        quiet=body.get("invite") is False,
        my_rsvp=wire.my_rsvp(body, reader),
        meta=reader.object(body, "meta", "meta") or {},
        forced=bool(flag(settings, "allow_double_bookings", reader)),
        owner_booking_id=reader.text(related, "owner_booking_id", "related.owner_booking_id"),
    )


def _graph(body: dict[str, Any], reader: Reader) -> tuple[str, str]:
    graph, action = (reader.text(body, name, name) for name in ("graph", "action"))
    if graph and graph not in graphs.FIRST_ACTION:
        reader.wrong("graph", "invalid", f"graph must be one of {', '.join(graphs.FIRST_ACTION)}.")
    elif graph and action and action != graphs.FIRST_ACTION[graph]:
        reader.wrong("action", "invalid", f"A booking of graph {graph} begins with {graphs.FIRST_ACTION[graph]}.")
    return graph, action


def _customer(body: dict[str, Any], reader: Reader) -> Customer:
    said = reader.object(body, "customer", "customer") or {}
    texts = {
        name: reader.text(said, name, f"customer.{name}", longest=longest)
        for name, longest in (
            *(("name", 200), ("email", 320), ("phone", 50), ("voip", 200)),
            *(("timezone", 64), ("first_name", 100), ("last_name", 100)),
        )
    }
    zone = canonical(texts["timezone"]) if texts["timezone"] else ""
    if zone is None:
        reader.wrong("customer.timezone", "invalid", "customer.timezone is not a time zone we know.")
    email = texts["email"].strip()
    if email and not is_address(email):
        reader.wrong("customer.email", "invalid", "customer.email must be an e-mail address.")
    return Customer(
        name=texts["name"] or f"{texts['first_name']} {texts['last_name']}".strip(),
        email=email,
        phone=texts["phone"],
        voip=texts["voip"],
        timezone=zone or "",
        extra={name: value for name, value in said.items() if name not in _NATIVE},
    )


@dataclass(frozen=True)
class Shown:
    """What it takes to show bookings: their names here, what was kept of them, and their resources by id."""

    names: Names
    kept: Mapping[uuid.UUID, dict[str, Any]]
    hosts: Mapping[uuid.UUID, Host]
    clock: Clock
    now: float
    includes: frozenset[str] = frozenset()
    public: bool = False
    """Shown to a page: nothing of how a resource is connected or reached."""

    def host_of(self, booking: Booking) -> Host | None:
        """Whose time it is, first of several."""
        known = (self.hosts.get(pk) for pk in host_ids(booking))
        return next((host for host in known if host is not None), None)


def host_ids(booking: Booking) -> list[uuid.UUID]:
    return [uuid.UUID(each) for each in booking.assignment.get("hosts", ())]


def booking(entry: Entry, shown: Shown) -> dict[str, Any]:
    thing = entry.booking
    assert thing is not None
    kept = shown.kept.get(thing.pk, {})
    state = graphs.state_of(thing, shown.now)
    actions = graphs.possible_actions(state)
    resource = shown.host_of(thing)
    place = entry.event.calendar if entry.event is not None else resource.booking_calendar if resource else None
    project = thing.event_type
    body = {
        "id": shown.names[thing.pk],
        "graph": graphs.graph_of(thing, kept.get("graph", "")),
        "state": state,
        "completed": graphs.is_final(state),
        "possible_actions": actions,
        "available_actions": actions,
        "created_at": shown.clock.noted(thing.created_at.timestamp()),
        "updated_at": shown.clock.noted(thing.updated_at.timestamp()),
        "attributes": _attributes(entry, shown, kept, shown.names[place.pk] if place is not None else None),
        "calendar": wire.calendar(place, shown.names, shown.clock, public=shown.public) if place is not None else None,
        "customers": _customers(thing, shown, kept),
        "resource": _resource(resource, shown),
        "project_id": shown.names[project.pk] if project is not None else None,
        "meta": kept.get("meta", {}),
    }
    return body | _included(entry, shown, resource)


def _attributes(entry: Entry, shown: Shown, kept: dict[str, Any], calendar_id: str | None) -> dict[str, Any]:
    thing = entry.booking
    assert thing is not None
    resource = shown.host_of(thing)
    home = resource.timezone if resource is not None else "UTC"
    people = wire.participants(entry, public=shown.public) if entry.event is not None else kept.get("participants", [])
    info = {
        "start": shown.clock.show(thing.start_s, home),
        "end": shown.clock.show(thing.end_s, home),
        "what": thing.title,
        "where": thing.location,
        "description": thing.description,
        "calendar_id": calendar_id,
        "participants": people,
        "invite": entry.event.notify_guests if entry.event is not None else bool(kept.get("invite")),
        "my_rsvp": wire.rsvp(entry, resource) if resource is not None else "accepted",
    }
    found: dict[str, Any] = {"event_info": info}
    if thing.event_type is not None and thing.event_type.capacity > 1:
        found["group_booking"] = {"max_seats": thing.event_type.capacity, "current_seats": thing.seats_taken}
    if thing.cancel_reason:
        found["message"] = thing.cancel_reason
    return found


def _customers(thing: Booking, shown: Shown, kept: dict[str, Any]) -> list[dict[str, Any]]:
    if thing.contact is None:
        return []
    said = kept.get("customer", {})
    return [{**thing.answers, **customer(thing.contact, shown.names), "voip": said.get("voip", "")}]


def customer(contact: Contact, names: Names) -> dict[str, Any]:
    return {
        "id": names[contact.pk],
        "name": contact.name,
        "email": contact.email,
        "phone": contact.phone,
        "timezone": contact.timezone,
    }


def _included(entry: Entry, shown: Shown, resource: Host | None) -> dict[str, Any]:
    """What `?include=` adds."""
    found: dict[str, Any] = {}
    if "event" in shown.includes:
        found["event"] = _event(entry, shown) if entry.event is not None else None
    if "user" in shown.includes:
        found["user"] = _resource(resource, shown)
    return found


def _event(entry: Entry, shown: Shown) -> dict[str, Any]:
    assert entry.event is not None
    return wire.event(entry, shown.names, shown.clock, public=shown.public)


def _resource(resource: Host | None, shown: Shown) -> dict[str, Any] | None:
    if resource is None:
        return None
    found = wire.bookable(resource, shown.names)
    return found if shown.public else found | {"email": resource.email}


def zone_of(customer: Customer, clock: Clock, home: str) -> str:
    """The zone in which a customer is told their time."""
    return customer.timezone or clock.timezone or home
