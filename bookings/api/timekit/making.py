"""From what a request wants booked to a booking: whose time, under which terms, for whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bookings.api.base import Principal
from bookings.api.reader import Reader
from bookings.api.timekit import finding, graphs, wire
from bookings.api.timekit.availability import check_length
from bookings.api.timekit.booking_wire import AskedBooking, zone_of
from bookings.api.timekit.times import Clock
from bookings.domain import calendar, refs, reserve
from bookings.domain.audit import Actor
from bookings.domain.availability import Terms
from bookings.formats.event import Person
from bookings.models import Booking, EventType, Host

_UNUSABLE = "is not the id of a {}."


class Plan:
    """What one request wants, with its names replaced by our things. Problems go to the reader."""

    def __init__(
        self, principal: Principal, asked: AskedBooking, project: EventType | None, clock: Clock, reader: Reader
    ) -> None:
        self.principal, self.asked, self.project = principal, asked, project
        self.usual = _usual(project)
        self.host = self._host(reader)
        self.home = self.host.timezone if self.host is not None else principal.organisation.timezone
        self.start, self.end = (stamp.at(clock.zone(self.home)) if stamp else 0 for stamp in (asked.start, asked.end))
        self.clock = clock
        if asked.start and asked.end and self.end <= self.start:
            reader.wrong("end", "invalid", "end must be after start.")
        if project is not None and finding.is_widget(principal):
            check_length(project, self.end - self.start, "end", reader)

    def _host(self, reader: Reader) -> Host | None:
        """The resource that is named, by itself or by its calendar; None where a project chooses."""
        asked, own = self.asked, self.principal.key.host
        place = finding.calendar_called(self.principal, asked.calendar_id) if asked.calendar_id else None
        if asked.calendar_id and place is None:
            reader.wrong("calendar_id", "invalid", f"calendar_id {_UNUSABLE.format('calendar')}")
        if asked.resource_id:
            host = finding.hosts_called(self.principal, [asked.resource_id]).get(asked.resource_id)
            if host is None:
                reader.wrong("resource_id", "invalid", f"resource_id {_UNUSABLE.format('resource')}")
            elif place is not None and place.account.host_id != host.pk:
                reader.wrong("calendar_id", "invalid", "The calendar is not one of that resource.")
            elif not may_name(self.principal, self.project, host):
                reader.wrong("resource_id", "invalid", "The resource is not one of the project's.")
            return host
        if place is not None or own is not None:
            return place.account.host if place is not None else own
        if self.project is None:
            reader.wrong("resource_id", "required", "resource_id or project_id is required.")
        return None

    def terms(self) -> Terms:
        """Any minute will do: whether the time can be had decides, not how slots were listed."""
        length = self.end - self.start
        hosts = [self.host] if self.host is not None else []
        return _terms(self.principal, self.project, hosts, length)

    @property
    def graph(self) -> str:
        """The graph asked for, else the project's. A page cannot get past a confirmation that its project needs."""
        usual = graphs.INSTANT
        if self.project is not None and self.project.needs_confirmation:
            usual = graphs.CONFIRM_DECLINE
        if self.project is not None and finding.is_widget(self.principal):
            return usual
        return self.asked.graph or usual

    def wish(self) -> reserve.Wish:
        asked, project, customer = self.asked, self.project, self.asked.customer
        waits = self.graph == graphs.CONFIRM_DECLINE
        # Waiting for an answer blocks nothing in this graph, unless the project's own policy says so.
        keeps_time = project is not None and project.needs_confirmation and project.pending_blocks
        return reserve.Wish(
            title=asked.what or self.usual.get("what") or (project.name if project is not None else ""),
            timezone=zone_of(customer, self.clock, self.home),
            name=customer.name,
            email=customer.email,
            phone=customer.phone,
            description=asked.description or self.usual.get("description", ""),
            location=asked.where or (project.place_detail if project is not None else ""),
            answers=customer.extra,
            guests=tuple(Person(each) for each in self._guests()),
            surface=wire.SURFACE,
            event_type=project,
            group_rule=project.group_rule if project is not None else None,
            confirmed=not waits,
            keeps_time=keeps_time,
            notify=not asked.quiet,
        )

    def _guests(self) -> list[str]:
        """Who comes along: participants besides the customer and the resource."""
        known = {self.asked.customer.email.casefold(), self.host.email.casefold() if self.host else ""}
        return [each for each in self.asked.participants if each.casefold() not in known]

    @property
    def kept(self) -> dict[str, Any]:
        """What has no column, for reads to give back."""
        asked = self.asked
        told = {
            "customer": asked.customer.kept,
            "meta": asked.meta,
            "participants": list(asked.participants),
            "invite": asked.invite,
            "my_rsvp": asked.my_rsvp,
        }
        return {"graph": self.graph, **{name: value for name, value in told.items() if value}}


def may_name(principal: Principal, project: EventType | None, host: Host) -> bool:
    """Pages book the resources that their project has; programs any."""
    if project is None or not finding.is_widget(principal):
        return True
    return any(each.pk == host.pk for each in finding.project_terms(project, [], None).hosts)


def terms_with(principal: Principal, booking: Booking, host: Host, length: int) -> Terms:
    """The terms under which another resource takes a booking over, for so many seconds: as with any booking that moves,
    without notice."""
    return replace(_terms(principal, booking.event_type, [host], length), notice=0)


def _terms(principal: Principal, project: EventType | None, hosts: Sequence[Host], length: int) -> Terms:
    if project is None:
        return replace(finding.own_terms(principal, hosts, length), step=60)
    whole = finding.project_terms(project, [], length)
    # Where several must be there, naming one of them changes nothing.
    terms = whole if whole.required > 1 else finding.project_terms(project, hosts, length)
    return replace(terms, step=60, first_only=False)


def _usual(project: EventType | None) -> dict[str, str]:
    """What a project says in the bookings made with it, unless they say it themselves."""
    if project is None:
        return {}
    said = refs.kept(wire.SURFACE, "event_type", [project])[project.pk].get("booking", {})
    return {name: text for name in ("what", "description") if isinstance(text := said.get(name), str)}


def book(plan: Plan) -> Booking:
    """Book what is planned. Raises SlotTaken and what else `reserve.book` raises."""
    actor, organisation = plan.principal.actor, plan.principal.organisation
    if plan.asked.forced:
        finding.may_force(plan.principal)
    made = reserve.book(organisation, plan.terms(), plan.start, plan.wish(), actor=actor, forced=plan.asked.forced)
    refs.keep(wire.SURFACE, "booking", made, plan.kept)
    tell(made, plan.kept, actor=actor)
    return made


def tell(booking: Booking, kept: dict[str, Any], *, actor: Actor) -> None:
    """Bring the booking's event in line with what was asked about its people: who comes along, the answer of its owner,
    invitations. What came along with a booking that held no time yet is only known here."""
    event = booking.event
    if event is None:
        return
    data = calendar.data_of(event)
    there = {person.email.casefold() for person in data.people}
    late = [Person(each) for each in kept.get("participants", ()) if each.casefold() not in there]
    people = [*data.people, *late]
    rsvp = kept.get("my_rsvp")
    named = {each.casefold() for each in kept.get("participants", ())}
    if rsvp is not None:
        answer = wire.RSVP[rsvp]
        people = [
            replace(person, rsvp=answer) if person.role == "owner" and person.email.casefold() in named else person
            for person in people
        ]
    fresh = replace(data, people=tuple(people), notify_guests=data.notify_guests or bool(kept.get("invite")))
    if fresh != data:
        calendar.change(event, fresh, actor=actor)
