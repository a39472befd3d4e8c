"""Handing a booking over: the same booking, from now on with other hosts or of another event type."""

from __future__ import annotations

from dataclasses import replace

from bookings.domain import ledger, messages, rows
from bookings.domain.assign import assign
from bookings.domain.audit import Actor, record
from bookings.domain.errors import Invalid, NotAllowed, SlotTaken
from bookings.domain.ledger import Wish
from bookings.domain.reserve.changing import guests_of, room_of
from bookings.domain.reserve.taking import forced_assignment
from bookings.domain.reserve.writing import FORCED_LANE, locked, require, reserving, save, with_alternatives
from bookings.domain.statements import Write, insert, write
from bookings.domain.terms import Terms
from bookings.engine.zones import zone
from bookings.models import Booking, Claim, Event, EventType, Host


def hand_over(
    booking: Booking,
    terms: Terms,
    start: int,
    *,
    actor: Actor,
    event_type: EventType | None,
    forced: bool = False,
    notify: bool = True,
) -> Booking:
    """Let those of `terms` who are free at `start` (UTC seconds) have a live booking, decided as any booking is.

    Its event is made anew in their calendars and withdrawn from those it was in. `forced` hands it over whatever
    stands in the way, as in `book`.

    :param event_type: of which it is from now on; it belongs to the terms.
    :raises SlotTaken: when nobody can have it; then nothing has changed.
    :raises NotAllowed: when it is not live.
    """
    if terms.capacity > 1:
        raise Invalid("This event type has seats: take one.", field="event_type")
    terms = replace(terms, ignore_booking=booking.pk)
    try:
        return _hand_over(booking, terms, start, actor, event_type, forced, notify)
    except SlotTaken as refusal:
        raise with_alternatives(refusal, terms, start) from None


@reserving
def _hand_over(
    booking: Booking,
    terms: Terms,
    start: int,
    actor: Actor,
    event_type: EventType | None,
    forced: bool,
    notify: bool,
) -> Booking:
    had = Host.everywhere.filter(claims__booking=booking, claims__state=Claim.State.BOOKED).distinct()
    fresh = ledger.lock([*terms.hosts, *had])
    booking = locked(booking)
    if booking.state not in Booking.LIVE or booking.event is None:
        raise NotAllowed("Only a live booking can be handed over.")
    verdict = require(terms, start, forced=forced)
    chosen = (assign(terms, verdict.hosts) if verdict.ok else forced_assignment(terms)).with_hosts(fresh)
    lane = 0 if verdict.ok else FORCED_LANE
    before = {"start_s": booking.start_s, "hosts": booking.assignment.get("hosts", [])}
    wish = _same_wish(booking, event_type)
    status = booking.event.status
    meeting = ledger.appointment(terms, start, wish, chosen.hosts, status=status, key=booking.pk)
    withdrawn = ledger.withdrawn(booking.event)
    write(rows.releasing(booking.pk), *withdrawn, *_farewell(booking, status, actor, notify))
    was = {"start_s": booking.start_s, "end_s": booking.end_s}
    claims = ledger.claims_of(
        booking.organisation_id, terms, start, chosen.hosts, state=Claim.State.BOOKED, booking=booking, lane=lane
    )
    insert(*meeting.rows, *claims)
    booking.event, booking.event_type, booking.location = meeting.event, event_type, meeting.location
    booking.assignment = chosen.why | {"hosts": [str(host.pk) for host in chosen.hosts]}
    booking.start_s, booking.end_s, booking.forced = start, start + terms.length, lane > 0
    booking.start_wall = zone(booking.timezone).to_wall(start)
    save(booking, "event", "event_type", "location", "assignment", "start_s", "end_s", "forced", "start_wall")
    meeting.show()
    after = {"start_s": start, "hosts": booking.assignment["hosts"]}
    record(actor, "booking.handed_over", booking, before=before, after=after)
    messages.tell(booking, messages.MOVED, actor=actor, notify=notify, before=was)
    return booking


def _farewell(booking: Booking, status: str, actor: Actor, notify: bool) -> tuple[Write, ...]:
    """The event with the earlier hosts leaves the customer's calendar: another organiser needs another event."""
    firm = status == Event.Status.CONFIRMED
    return messages.about(booking, messages.CANCELLED, actor=actor, notify=notify and firm, firm=firm)


def _same_wish(booking: Booking, event_type: EventType | None) -> Wish:
    """What was wished for, as the booking and its event say it now."""
    assert booking.event is not None
    contact = booking.contact
    return Wish(
        booking.title,
        booking.timezone,
        name=contact.name if contact else "",
        email=contact.email if contact else "",
        phone=contact.phone if contact else "",
        description=booking.description,
        location=booking.event.location,
        guests=guests_of(booking.event),
        event_type=event_type,
        room=room_of(booking.event),
    )
