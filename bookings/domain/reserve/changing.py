"""What may happen to a booking afterwards: confirm, decline, move, describe, cancel, what came of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db import transaction
from django.utils.timezone import now as utc_now

from bookings.domain import calendar, ledger, messages, rooms, rows
from bookings.domain.audit import Actor, entry, record
from bookings.domain.errors import Invalid, NotAllowed, SlotTaken
from bookings.domain.ledger import Wish
from bookings.domain.reserve.writing import (
    FORCED_LANE,
    become,
    check_length,
    locked,
    require,
    reserving,
    save,
    terms_of,
    with_alternatives,
)
from bookings.domain.statements import change, insert, insertion, write
from bookings.domain.terms import Terms
from bookings.engine.zones import zone
from bookings.formats.event import Person
from bookings.models import AuditEntry, Booking, Claim, Contact, Event, Host, Participant, SchedulerRequest


@reserving
def confirm(booking: Booking, *, actor: Actor, notify: bool = True) -> Booking:
    """Confirm what was held or asked for, or take a cancellation back. What holds no time is reserved now, or raises
    SlotTaken and stays as it was. Nobody is told without `notify`."""
    booking = locked(booking)
    if booking.state == Booking.State.CONFIRMED:
        return booking
    holds = booking.state in Booking.LIVE
    become(booking, Booking.State.CONFIRMED)
    if not holds:
        _reserve_again(booking, actor)
    elif booking.event is not None:
        data = replace(calendar.data_of(booking.event), status=Event.Status.CONFIRMED)
        calendar.change(booking.event, data, actor=actor)
    save(booking, "state", "event", "location", "cancelled_by", "cancel_reason")
    record(actor, "booking.confirmed", booking)
    messages.tell(booking, messages.BOOKED, actor=actor, notify=notify)
    return booking


def decline(booking: Booking, *, actor: Actor, reason: str = "", notify: bool = True) -> Booking:
    """Say no to what was held or asked for: its time is free again."""
    with transaction.atomic():
        booking = locked(booking)
        if booking.state == Booking.State.DECLINED:
            return booking
        become(booking, Booking.State.DECLINED)
        booking.cancelled_by, booking.cancel_reason = Booking.By.HOST, reason
        _end(booking, entry(actor, "booking.declined", booking, reason=reason), actor, messages.DECLINED, notify)
    return booking


def cancel(booking: Booking, *, by: str, actor: Actor, reason: str = "", notify: bool = True) -> Booking:
    """Cancel for the host, the invitee or the system (`Booking.By`): frees the time and withdraws the event.

    Cancelling what is cancelled already changes nothing. Nobody is told without `notify`.
    """
    with transaction.atomic():
        booking = locked(booking)
        if booking.state != Booking.State.CANCELLED:
            let_go(booking, by, reason, actor, notify)
    return booking


@transaction.atomic
def supersede(booking: Booking, *, actor: Actor, reason: str = "", notify: bool = True) -> Booking:
    """End a booking as rescheduled: its time is free, and a new one is made for another time. Twice is once."""
    booking = locked(booking)
    if booking.state != Booking.State.RESCHEDULED:
        become(booking, Booking.State.RESCHEDULED)
        booking.cancelled_by, booking.cancel_reason = Booking.By.INVITEE, reason
        told = entry(actor, "booking.rescheduled", booking, reason=reason)
        _end(booking, told, actor, messages.CANCELLED, notify)
    return booking


def mark_no_show(booking: Booking, *, actor: Actor) -> Booking:
    """The customer did not come. Only for bookings that have begun."""
    return _has_been(booking, Booking.State.NO_SHOW, "booking.no_show", actor)


def complete(booking: Booking, *, actor: Actor) -> Booking:
    """The customer came. Only for bookings that have begun."""
    return _has_been(booking, Booking.State.COMPLETED, "booking.completed", actor)


@transaction.atomic
def _has_been(booking: Booking, state: str, action: str, actor: Actor) -> Booking:
    booking = locked(booking)
    if booking.start_s > utc_now().timestamp():
        raise NotAllowed("This booking has not begun yet.")
    if booking.state != state:
        become(booking, state)
        save(booking, "state")
        record(actor, action, booking)
    return booking


@transaction.atomic
def invalidate(booking: Booking, *, actor: Actor, reason: str = "") -> Booking:
    """It was no booking at all (spam, a mistake): its time is free again. Twice is once."""
    booking = locked(booking)
    if booking.state != Booking.State.INVALID:
        become(booking, Booking.State.INVALID)
        told = entry(actor, "booking.invalidated", booking, reason=reason)
        _end(booking, told, actor, messages.CANCELLED, notify=False)
    return booking


def move(
    booking: Booking, terms: Terms, start: int, *, actor: Actor, forced: bool = False, notify: bool = True
) -> Booking:
    """Move a live booking to another start with the same hosts. Raises SlotTaken; then nothing has changed.

    `forced` moves it whatever stands in the way, as in `book`. Raises Invalid for longer than a booking may be.
    Nobody is told without `notify`.
    """
    hosts = tuple(Host.everywhere.select_related("schedule").filter(claims__booking=booking).distinct().order_by("pk"))
    terms = replace(terms, hosts=hosts, required=len(hosts), preference=(), capacity=1, ignore_booking=booking.pk)
    check_length(terms)
    try:
        return _move(booking, terms, start, actor, forced, notify)
    except SlotTaken as refusal:
        raise with_alternatives(refusal, terms, start) from None


@reserving
def _move(booking: Booking, terms: Terms, start: int, actor: Actor, forced: bool, notify: bool) -> Booking:
    ledger.lock(terms.hosts)
    booking = locked(booking)
    if booking.state not in Booking.LIVE:
        raise NotAllowed("Only a live booking can be moved.")
    lane = 0 if require(terms, start, forced=forced).ok else FORCED_LANE
    before = {"start_s": booking.start_s}
    was = {"start_s": booking.start_s, "end_s": booking.end_s}
    booking.claims.filter(state=Claim.State.BOOKED).update(start_s=start, end_s=start + terms.length, lane=lane)
    booking.start_s, booking.end_s, booking.forced = start, start + terms.length, lane > 0
    booking.start_wall = zone(booking.timezone).to_wall(start)
    save(booking, "start_s", "end_s", "start_wall", "forced")
    if booking.event is not None:
        tzid, start_wall = ledger.on_the_clock(terms.hosts[0].timezone, start)
        data = replace(calendar.data_of(booking.event), start_wall=start_wall, timezone=tzid, duration=terms.length)
        calendar.change(booking.event, data, actor=actor)
    record(actor, "booking.moved", booking, before=before, after={"start_s": start})
    messages.tell(booking, messages.MOVED, actor=actor, notify=notify, before=was)
    return booking


@transaction.atomic
def describe(
    booking: Booking,
    *,
    actor: Actor,
    title: str | None = None,
    description: str | None = None,
    location: str | None = None,
    answers: dict[str, Any] | None = None,
    notes: str | None = None,
    contact: Contact | None = None,
    notify: bool = True,
) -> Booking:
    """Say something else about a booking, and in its event; None leaves as it is. Notes are for staff alone.

    Another contact is the customer from now on; who stands in the event is said by changing the event.

    :raises Invalid: with the field's name, as for events.
    """
    booking = locked(booking)
    asked: dict[str, Any] = {"title": title, "description": description, "location": location}
    asked |= {"answers": answers, "notes": notes, "contact": contact}
    changes = {name: value for name, value in asked.items() if value is not None and value != getattr(booking, name)}
    if not changes:
        return booking
    if changes.get("title") == "":
        raise Invalid("A title is needed.", field="title")
    before = {name: _told(getattr(booking, name)) for name in changes}
    for name, value in changes.items():
        setattr(booking, name, value)
    shown: dict[str, Any] = {name: changes[name] for name in ("title", "description", "location") if name in changes}
    if shown and booking.event is not None and booking.event.deleted_at is None:
        calendar.change(booking.event, replace(calendar.data_of(booking.event), **shown), actor=actor)
    save(booking, *changes)
    after = {name: _told(value) for name, value in changes.items()}
    record(actor, "booking.described", booking, before=before, after=after)
    _tell_described(booking, shown, before, actor, notify)
    return booking


def _tell_described(
    booking: Booking, shown: dict[str, Any], before: dict[str, Any], actor: Actor, notify: bool
) -> None:
    """Bring messages that wait up to date; where they have been sent, another title or place is told."""
    if not shown or booking.state not in Booking.LIVE or messages.retell(booking, booking.event):
        return
    if "title" in shown or "location" in shown:
        messages.tell(booking, messages.CHANGED, actor=actor, notify=notify, before=before)


def _told(value: Any) -> Any:
    return str(value.pk) if isinstance(value, Contact) else value


def _reserve_again(booking: Booking, actor: Actor) -> None:
    """Take the time of a booking that holds none, by the same decision as any booking."""
    terms = terms_of(booking)
    ledger.lock(terms.hosts)
    require(terms, booking.start_s)
    if booking.scheduler_request is not None:
        _take_link_again(booking.scheduler_request)
    contact = booking.contact
    wish = Wish(
        booking.title,
        booking.timezone,
        name=contact.name if contact else "",
        email=contact.email if contact else "",
        description=booking.description,
        location=booking.location,
        guests=guests_of(booking.event) if booking.event else (),
        event_type=booking.event_type,
        room=room_of(booking.event) if booking.event else None,
    )
    status = Event.Status.CONFIRMED
    meeting = ledger.appointment(terms, booking.start_s, wish, terms.hosts, status=status, key=booking.pk)
    booking.location = meeting.location
    booking.event, booking.cancelled_by, booking.cancel_reason = meeting.event, "", ""
    claims = ledger.claims_of(
        booking.organisation_id, terms, booking.start_s, terms.hosts, state=Claim.State.BOOKED, booking=booking
    )
    insert(*meeting.rows, *claims)
    meeting.show()


def room_of(event: Event) -> str:
    """The kind of virtual room that a booking's event has, "" for none."""
    kind = event.conference.get("kind")
    return kind if kind in rooms.KINDS else ""


def guests_of(event: Event) -> tuple[Person, ...]:
    """Who came along with the customer, as a booking's event says it."""
    others = (person for person in calendar.data_of(event).people if person.role == Participant.Role.ATTENDEE)
    return tuple(person for person in others if person.key != "guest")


def _take_link_again(request: SchedulerRequest) -> None:
    """A request has one live booking at most: what was chosen since by the same link stays. Raises NotAllowed."""
    fresh = SchedulerRequest.everywhere.select_for_update().get(pk=request.pk)
    if fresh.state == fresh.State.BOOKED:
        raise NotAllowed("Another time has been chosen with this link since.", code="already_booked")
    fresh.state = fresh.State.BOOKED
    fresh.save(update_fields=["state", "updated_at"])


def _end(booking: Booking, told: AuditEntry, actor: Actor, step: str, notify: bool) -> None:
    """Free the time and withdraw the event, and tell so."""
    booking.revision += 1
    firm = booking.event is not None and booking.event.status == Event.Status.CONFIRMED
    ended = change(booking, "revision", "state", "cancelled_by", "cancel_reason")
    withdrawn = ledger.withdrawn(booking.event) if booking.event else ()
    news = messages.about(booking, step, actor=actor, notify=notify, firm=firm)
    write(ended, rows.releasing(booking.pk), *withdrawn, insertion(told), *news)


def let_go(booking: Booking, by: str, reason: str, actor: Actor, notify: bool = True) -> None:
    """`cancel` for a booking that is locked already."""
    become(booking, Booking.State.CANCELLED)
    booking.cancelled_by, booking.cancel_reason = by, reason
    told = entry(actor, "booking.cancelled", booking, after={"by": by}, reason=reason)
    _end(booking, told, actor, messages.CANCELLED, notify)
    if booking.scheduler_request is not None:
        request = booking.scheduler_request
        # A customer who cancels may choose again by the same link; one cancelled by the host may not.
        request.state = request.State.WITHDRAWN if by == Booking.By.HOST else request.State.OPEN
        request.save(update_fields=["state", "updated_at"])
