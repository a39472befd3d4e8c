"""Bookings with seats: customers who are strangers to each other share one session."""

from __future__ import annotations

import uuid
from dataclasses import replace

from django.db import transaction
from django.utils.timezone import now as utc_now

from bookings.domain import availability, ledger, links, messages
from bookings.domain.assign import assign
from bookings.domain.audit import Actor, record
from bookings.domain.errors import Invalid, SlotTaken
from bookings.domain.ledger import Wish
from bookings.domain.reserve.changing import let_go
from bookings.domain.reserve.writing import check_wish, locked, reserving, with_alternatives, write_booking
from bookings.domain.statements import write
from bookings.domain.terms import Terms
from bookings.models import Booking, Organisation, Seat


def take_seat(organisation: Organisation, terms: Terms, start: int, wish: Wish, *, actor: Actor) -> Seat:
    """Take one seat of a session, opening it when this is the first. The server chooses the number.

    The same customer asking again for the same session gets the seat they have. Raises SlotTaken.
    """
    check_wish(terms, wish)
    if not wish.email and wish.contact is None:
        raise Invalid("An e-mail address is needed for a seat.", field="email")
    try:
        return _take_seat(organisation, terms, start, wish, actor)
    except SlotTaken as refusal:
        raise with_alternatives(refusal, terms, start) from None


@reserving
def _take_seat(organisation: Organisation, terms: Terms, start: int, wish: Wish, actor: Actor) -> Seat:
    fresh = ledger.lock(terms.hosts)
    verdict = availability.check(terms, start)
    if earlier := _own_seat(terms, start, wish):
        return earlier
    if not verdict.ok:
        raise SlotTaken(verdict.message, reason=verdict.code)
    if verdict.session is None:
        session = write_booking(
            organisation,
            terms,
            start,
            replace(wish, name="", email="", contact=None, notify=False),
            assign(terms, verdict.hosts).with_hosts(fresh),
            actor,
        )
    else:
        session = Booking.everywhere.select_for_update().get(pk=verdict.session)
    taken = set(session.seats.filter(cancelled_at__isnull=True).values_list("number", flat=True))
    seat_id = uuid.uuid4()
    seat: Seat = Seat.everywhere.create(
        pk=seat_id,
        organisation=organisation,
        booking=session,
        number=next(number for number in range(1, terms.capacity + 1) if number not in taken),
        contact=ledger.contact_of(organisation, wish),
        manage_digest=links.digest(links.token("seat", seat_id)),
    )
    _count_seats(session)
    record(actor, "seat.taken", seat, after={"number": seat.number})
    step = messages.BOOKED if session.state == Booking.State.CONFIRMED else messages.PENDING
    write(*messages.about_seat(seat, step, actor=actor, notify=wish.notify))
    return seat


def leave_seat(seat: Seat, *, by: str, actor: Actor, reason: str = "", notify: bool = True) -> None:
    """Give one seat back; nobody else's is touched. The session ends with its last seat."""
    with transaction.atomic():
        session = locked(seat.booking)
        left = Seat.everywhere.filter(pk=seat.pk, cancelled_at__isnull=True).update(cancelled_at=utc_now())
        if not left:
            return
        record(actor, "seat.left", seat, after={"by": by}, reason=reason)
        write(*messages.about_seat(seat, messages.CANCELLED, actor=actor, notify=notify))
        if _count_seats(session) == 0 and session.state in Booking.LIVE:
            let_go(session, by, reason, actor, notify=False)


def _own_seat(terms: Terms, start: int, wish: Wish) -> Seat | None:
    who = {"contact": wish.contact} if wish.contact is not None else {"contact__email__iexact": wish.email}
    seat: Seat | None = Seat.everywhere.filter(
        booking__event_type_id=terms.event_type_id,
        booking__start_s=start,
        booking__state__in=Booking.LIVE,
        cancelled_at__isnull=True,
        **who,
    ).first()
    return seat


def _count_seats(session: Booking) -> int:
    session.seats_taken = session.seats.filter(cancelled_at__isnull=True).count()
    session.save(update_fields=["seats_taken"])
    return session.seats_taken
