"""Making an appointment: whose it is, under which terms, where, and what it becomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction

from bookings.api.base import Principal, Refusal
from bookings.api.leadconnector import finding, places, wire
from bookings.api.leadconnector.places import Place
from bookings.api.leadconnector.shown import Row
from bookings.api.leadconnector.wire import SURFACE, Asked
from bookings.api.reader import Reader
from bookings.domain import agenda, availability, refs, reserve
from bookings.domain.audit import Actor
from bookings.domain.availability import Terms
from bookings.domain.reserve import Wish
from bookings.models import Booking, Contact, EventType, Host, Seat

OUTCOMES = {
    "cancelled": lambda booking, actor, notify: reserve.cancel(booking, by=Booking.By.HOST, actor=actor, notify=notify),
    "showed": lambda booking, actor, notify: reserve.complete(booking, actor=actor),
    "noshow": lambda booking, actor, notify: reserve.mark_no_show(booking, actor=actor),
    "invalid": lambda booking, actor, notify: reserve.invalidate(booking, actor=actor),
}
"""What a status means for a booking that is confirmed."""


@dataclass(frozen=True)
class Plan:
    """What is to be booked, with the names of a request replaced by our things."""

    event_type: EventType
    contact: Contact
    terms: Terms
    place: Place
    start: wire.Moment
    wish: Wish


@transaction.atomic
def make(principal: Principal, asked: Asked, home: str) -> Row:
    """Book what was asked for, with its ids and what else was said of it; of a series its first date. Raises Refusal,
    SlotTaken and what the verbs of reservations raise; then nothing has been made."""
    plan = _plan(principal, asked, home)
    organisation, actor = principal.organisation, principal.actor
    raw = _raw(asked, plan)
    if asked.rule and asked.forced:
        return _make_series(principal, asked, plan, raw)
    if plan.terms.capacity > 1 and not asked.forced:
        seat = reserve.take_seat(organisation, plan.terms, plan.start.at, plan.wish, actor=actor)
        return _made_seat(principal, asked, seat, raw)
    terms = replace(plan.terms, capacity=1)
    booking = reserve.book(organisation, terms, plan.start.at, plan.wish, actor=actor, forced=asked.forced)
    refs.keep(SURFACE, "booking", booking, raw)
    come_to(booking, asked.status, actor, asked.tells)
    return Row(agenda.find(organisation, booking.pk))


def come_to(booking: Booking, status: str, actor: Actor, notify: bool) -> None:
    if status in OUTCOMES:
        OUTCOMES[status](booking, actor, notify)


def _make_series(principal: Principal, asked: Asked, plan: Plan, raw: dict[str, Any]) -> Row:
    """Every date is a booking of its own, called after the series; what was said is kept with the series."""
    reader = Reader()
    rule = wire.read_rule(asked.rule, plan.terms.timezone, reader)
    reader.finish()
    made = reserve.book_series(
        principal.organisation,
        replace(plan.terms, capacity=1),
        plan.start.at,
        rule.text,
        plan.wish,
        actor=principal.actor,
        forced=True,
        without=rule.without,
    )
    series_id = refs.ref(SURFACE, "series", made[0])
    refs.keep(SURFACE, "series", made[0], raw | {"rrule": asked.rule})
    dates = [(each, wire.instance_id(series_id, each.start_s, each.end_s)) for each in made]
    refs.name_new(SURFACE, "booking", dates)
    for booking in made:
        come_to(booking, asked.status, principal.actor, asked.tells)
    return Row(agenda.find(principal.organisation, made[0].pk))


def _made_seat(principal: Principal, asked: Asked, seat: Seat, raw: dict[str, Any]) -> Row:
    said = {"title": asked.title, "description": asked.description}
    refs.keep(SURFACE, "seat", seat, raw | {key: value for key, value in said.items() if value})
    if asked.status == "cancelled":
        reserve.leave_seat(seat, by=Booking.By.HOST, actor=principal.actor, notify=asked.tells)
        seat.refresh_from_db()
    return Row(agenda.find(principal.organisation, seat.booking_id), seat)


def _plan(principal: Principal, asked: Asked, home: str) -> Plan:
    assert asked.start is not None
    event_type = finding.event_type(principal, asked.calendar_id)
    if event_type is None:
        raise finding.unknown("calendar")
    if not event_type.is_active:
        raise Refusal(400, "inactive", "The calendar is inactive.")
    contact = finding.contact_or_stub(principal, asked.contact_id)
    user = host_asked(principal, asked.user_id)
    terms = terms_for(event_type, contact, user, asked)
    kept = refs.kept(SURFACE, "event_type", [event_type])[event_type.pk]
    place = places.chosen(asked, places.configured(event_type, kept, asked.user_id), event_type)
    zone = contact.timezone or (terms.timezone if terms.hosts else home)
    wish = _wish(asked, event_type, contact, place, zone)
    return Plan(event_type, contact, terms, place, asked.start, wish)


def host_asked(principal: Principal, user_id: str) -> Host | None:
    """The host that a request assigns; that of the token when it names none. Raises Refusal."""
    if not user_id:
        return principal.host
    user = finding.host(principal, user_id)
    if user is None:
        raise finding.not_in_team()
    return user


def terms_for(event_type: EventType, contact: Contact | None, user: Host | None, asked: Asked) -> Terms:
    """The calendar's terms for the length and the user that were asked for."""
    terms = availability.of_event_type(event_type, contact=contact)
    if user is not None:
        terms = narrowed(terms, [user])
    if asked.start is not None and asked.end is not None:
        terms = replace(terms, length=asked.end.at - asked.start.at)
    if asked.any_date or asked.forced:
        terms = replace(terms, notice=0, earliest=0, latest=None)
    return terms


def narrowed(terms: Terms, users: Sequence[Host]) -> Terms:
    """The same for some of the team only; where everybody is needed, everybody stays, these first.

    Raises Refusal for somebody who is not in the team."""
    wanted, team = {user.pk for user in users}, {each.pk for each in terms.hosts}
    if not wanted <= team:
        raise finding.not_in_team()
    if terms.required > 1:
        return replace(terms, hosts=tuple(sorted(terms.hosts, key=lambda each: each.pk not in wanted)), preference=())
    return replace(terms, hosts=tuple(each for each in terms.hosts if each.pk in wanted), preference=())


def _wish(asked: Asked, event_type: EventType, contact: Contact, place: Place, zone: str) -> Wish:
    first, _, last = contact.name.partition(" ")
    person = {"name": contact.name, "first_name": first, "last_name": last, "email": contact.email}
    default = wire.titled(event_type.title_template, event_type.name, person | {"phone": contact.phone})
    confirmed = {"": None, "new": False}.get(asked.status, True)
    return Wish(
        title=asked.title or default,
        timezone=zone,
        name=contact.name,
        email=contact.email,
        phone=contact.phone,
        description=asked.description or "",
        location=place.text,
        room=place.room,
        locale=contact.locale,
        surface=SURFACE,
        event_type=event_type,
        group_rule=event_type.group_rule,
        contact=contact,
        confirmed=confirmed,
        notify=asked.tells,
    )


def _raw(asked: Asked, plan: Plan) -> dict[str, Any]:
    """What is kept beside the booking, so that reads return what was written."""
    raw = asked.raw | {"meetingLocationType": plan.place.type, "offset": plan.start.offset}
    raw["endOffset"] = asked.end.offset if asked.end is not None else plan.start.offset
    return raw | ({"assignedUserId": asked.user_id} if asked.user_id else {})
