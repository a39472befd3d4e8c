"""Taking time: booking one slot, holding it for a while."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.utils.timezone import now as utc_now

from bookings.domain import ledger
from bookings.domain.assign import Assignment, assign
from bookings.domain.audit import Actor
from bookings.domain.errors import Invalid, LinkClosed, NotAllowed, SlotTaken
from bookings.domain.ledger import Wish
from bookings.domain.locks import lock_hosts
from bookings.domain.reserve.writing import (
    FORCED_LANE,
    check_wish,
    require,
    reserving,
    with_alternatives,
    write_booking,
)
from bookings.domain.statements import insert
from bookings.domain.terms import Terms
from bookings.models import Booking, Claim, Organisation, SchedulerRequest


def book(
    organisation: Organisation,
    terms: Terms,
    start: int,
    wish: Wish,
    *,
    actor: Actor,
    forced: bool = False,
    held: Sequence[Claim] = (),
) -> Booking:
    """Book one slot, or raise SlotTaken with the reason and the next free starts.

    An event type that needs confirmation makes it held (its time is kept), or merely asked for. For a scheduler
    request at most one booking lives: asking again for the same start returns it, for another raises NotAllowed.

    `forced` books whatever stands in the way, and displaces nothing: what was booked stays, and from now on both block.
    `held` is what `hold` gave the same customer: it becomes the booking, and stays a hold when that is refused.
    """
    check_wish(terms, wish)
    if terms.capacity > 1:
        raise Invalid("This event type has seats: take one.", field="event_type")
    try:
        return _book(organisation, terms, start, wish, actor, forced, held)
    except SlotTaken as refusal:
        raise with_alternatives(refusal, terms, start) from None


@reserving
def _book(
    organisation: Organisation,
    terms: Terms,
    start: int,
    wish: Wish,
    actor: Actor,
    forced: bool,
    held: Sequence[Claim],
) -> Booking:
    fresh = ledger.lock(terms.hosts)
    if wish.scheduler_request is not None and (earlier := _living(wish.scheduler_request, start)):
        return earlier
    _let_holds_go(held)
    verdict = require(terms, start, forced=forced)
    chosen = assign(terms, verdict.hosts) if verdict.ok else forced_assignment(terms)
    lane = 0 if verdict.ok else FORCED_LANE
    return write_booking(organisation, terms, start, wish, chosen.with_hosts(fresh), actor, lane=lane)


def forced_assignment(terms: Terms) -> Assignment:
    """Who takes a booking that nobody is free for: the first hosts asked for."""
    if not terms.hosts:
        raise Invalid("Nobody can be booked here.", field="host")
    return Assignment(terms.hosts[: max(1, terms.required)], {"rule": "forced"})


def hold(organisation: Organisation, terms: Terms, start: int, *, seconds: int = 300) -> list[Claim]:
    """Keep a slot for a short while, without a booking; returns its claims. Raises SlotTaken."""

    @reserving
    def run() -> list[Claim]:
        ledger.lock(terms.hosts)
        hosts = assign(terms, require(terms, start).hosts).hosts
        expires = int(utc_now().timestamp()) + seconds
        claims = ledger.claims_of(organisation.pk, terms, start, hosts, state=Claim.State.HOLD, expires_s=expires)
        insert(*claims)
        return claims

    return run()


def release(claims: Sequence[Claim]) -> None:
    """Let a hold go before it expires."""
    with transaction.atomic():
        lock_hosts(claim.host_id for claim in claims)
        _let_holds_go(claims)


def _let_holds_go(claims: Sequence[Claim]) -> None:
    if claims:
        holds = Claim.everywhere.filter(pk__in=[claim.pk for claim in claims], state=Claim.State.HOLD)
        holds.update(state=Claim.State.RELEASED)


def _living(request: SchedulerRequest, start: int) -> Booking | None:
    """The booking a request already has, if it is for this start. Raises LinkClosed for one taken back meanwhile."""
    fresh = SchedulerRequest.everywhere.select_for_update().get(pk=request.pk)
    if fresh.is_expired or fresh.state in (SchedulerRequest.State.WITHDRAWN, SchedulerRequest.State.DECLINED):
        raise LinkClosed("This link is no longer open.")
    booking: Booking | None = Booking.everywhere.filter(scheduler_request=request, state__in=Booking.LIVE).first()
    if booking is not None and booking.start_s != start:
        raise NotAllowed("A time has already been chosen with this link.", code="already_booked")
    return booking
