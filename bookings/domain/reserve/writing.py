"""What every reservation shares: the decision asked again under the lock, the rows it writes, its refusals."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import IntegrityError, transaction
from django.utils.timezone import now as utc_now

from bookings.domain import availability, ledger, links, messages
from bookings.domain.assign import Assignment
from bookings.domain.audit import Actor, entry
from bookings.domain.availability import REFUSALS, Verdict
from bookings.domain.errors import Invalid, NotAllowed, SlotTaken
from bookings.domain.ledger import Wish
from bookings.domain.locks import lock_hosts_of
from bookings.domain.statements import Query, Write, insertion, update, write
from bookings.domain.terms import Terms, of_event_type
from bookings.engine.zones import canonical, zone
from bookings.models import Booking, Claim, Event, Host, Organisation, SchedulerRequest
from bookings.models.guard import NAME as GUARD
from bookings.models.ledger import LONGEST_CLAIM

P = ParamSpec("P")
R = TypeVar("R")

FORCED_LANE = 1
"""Where claims go that were made over taken time on explicit request: the guard lets them, everybody else sees them."""

_FRESH = Query(Booking, "event", "contact", lock=True)


def reserving(verb: Callable[P, R]) -> Callable[P, R]:
    """Turn the guard's own refusal into the same answer as the decision's."""

    @wraps(verb)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            with transaction.atomic():
                return verb(*args, **kwargs)
        except IntegrityError as error:
            if GUARD not in str(error):
                raise
            raise SlotTaken(REFUSALS["booked"], reason="booked") from error

    return run


def check_wish(terms: Terms, wish: Wish) -> None:
    """Raise Invalid for what no booking can be made of."""
    if canonical(wish.timezone) is None:
        raise Invalid("This is not a time zone we know.", field="timezone")
    check_length(terms)


def check_length(terms: Terms) -> None:
    """Raise Invalid for what lasts longer than a claim can."""
    if terms.length > LONGEST_CLAIM:
        raise Invalid("A booking can last 31 days at most.", field="duration")


def require(terms: Terms, start: int, *, forced: bool = False) -> Verdict:
    """The decision, which is yes. Raises SlotTaken, unless `forced`: then it may be a no."""
    verdict = availability.check(terms, start)
    if not (verdict.ok or forced):
        raise SlotTaken(verdict.message, reason=verdict.code)
    return verdict


def with_alternatives(refusal: SlotTaken, terms: Terms, start: int) -> SlotTaken:
    """The refusal with the next free starts. Call after the transaction: it need not hold the locks."""
    return replace(refusal, next_free=availability.next_free(terms, max(start, 0)))


def write_booking(
    organisation: Organisation,
    terms: Terms,
    start: int,
    wish: Wish,
    assignment: Assignment,
    actor: Actor,
    *,
    series: uuid.UUID | None = None,
    lane: int = 0,
) -> Booking:
    """Contact, booking, claims, event and outbox, under the lock."""
    state = _first_state(wish)
    holds = state in Booking.LIVE
    status = Event.Status.CONFIRMED if state == Booking.State.CONFIRMED else Event.Status.TENTATIVE
    tzid = canonical(wish.timezone) or "UTC"
    booking_id = uuid.uuid4()
    hosts = assignment.hosts
    meeting = ledger.appointment(terms, start, wish, hosts, status=status, key=booking_id) if holds else None
    booking = Booking(
        pk=booking_id,
        organisation=organisation,
        event_type=wish.event_type,
        scheduler_request=wish.scheduler_request,
        group_rule=wish.group_rule,
        event=meeting.event if meeting else None,
        contact=ledger.contact_of(organisation, wish),
        title=wish.title,
        description=wish.description,
        location=meeting.location if meeting else ledger.location_of(wish),
        start_s=start,
        end_s=start + terms.length,
        timezone=tzid,
        start_wall=zone(tzid).to_wall(start),
        state=state,
        series=series,
        answers=wish.answers or {},
        assignment=assignment.why | {"hosts": [str(host.pk) for host in hosts]},
        manage_digest=links.digest(links.token("booking", booking_id)),
        surface=wish.surface,
        forced=lane > 0,
    )
    names = [host.name for host in hosts]
    after = {"start_s": start, "state": state, "hosts": names} | ({"forced": True} if lane else {})
    made = entry(actor, "booking.made", booking, after=after)
    told = _told(booking, hosts, meeting, actor, notify=wish.notify)
    if meeting is None:
        write(insertion(booking), insertion(made), *told)
    else:
        claims = ledger.claims_of(
            organisation.pk, terms, start, hosts, state=Claim.State.BOOKED, booking=booking, lane=lane
        )
        write(*map(insertion, (*meeting.rows, booking, *claims, made)), *told)
        meeting.show()
    if wish.scheduler_request is not None:
        SchedulerRequest.everywhere.filter(pk=wish.scheduler_request.pk).update(
            state=SchedulerRequest.State.BOOKED, updated_at=utc_now()
        )
    return booking


def _told(
    booking: Booking, hosts: Sequence[Host], meeting: ledger.Appointment | None, actor: Actor, *, notify: bool
) -> tuple[Write, ...]:
    """Who is told of a new booking."""
    event = meeting.event if meeting else None
    if meeting is not None:
        event.people = meeting.people  # type: ignore[union-attr]  # as of a light row: they are not in the table yet
    step = messages.BOOKED if booking.state == Booking.State.CONFIRMED else messages.PENDING
    told = messages.about(booking, step, actor=actor, notify=notify, hosts=hosts, event=event)
    if event is not None:
        del event.people  # type: ignore[attr-defined]
    return told


def _first_state(wish: Wish) -> str:
    asked = wish.event_type is not None and wish.event_type.needs_confirmation
    if wish.confirmed or (wish.confirmed is None and not asked):
        return Booking.State.CONFIRMED
    usual = wish.event_type is None or wish.event_type.pending_blocks
    return Booking.State.HELD if (usual if wish.keeps_time is None else wish.keeps_time) else Booking.State.REQUESTED


def locked(booking: Booking) -> Booking:
    """The booking with its event as it is now, its hosts locked."""
    lock_hosts_of([booking.pk])
    return _FRESH([booking.pk])[0]


def become(booking: Booking, state: str) -> None:
    """Take the next state, which is not saved yet. Raises NotAllowed outside the lifecycle."""
    if not booking.may_become(state):
        raise NotAllowed(f"A booking that is {booking.get_state_display().lower()} cannot become {state}.")
    booking.state = state


def save(booking: Booking, *names: str) -> None:
    """Write these fields of a booking, as its next revision."""
    booking.revision += 1
    update(booking, "revision", *names)


def terms_of(booking: Booking) -> Terms:
    """The terms of the booking's event type, or plain ones, for the hosts it was assigned to and its own length."""
    chosen = Host.everywhere.select_related("schedule").filter(pk__in=booking.assignment.get("hosts", []))
    hosts = tuple(chosen.order_by("pk"))
    if not hosts:
        raise NotAllowed("The hosts of this booking are gone.")
    length = booking.end_s - booking.start_s
    terms = of_event_type(booking.event_type) if booking.event_type else Terms(hosts, length, step=60)
    return replace(
        terms, hosts=hosts, required=len(hosts), length=length, notice=0, preference=(), first_only=False, capacity=1
    )
