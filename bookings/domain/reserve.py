"""The one writer of bookings: takes the hosts' locks, asks availability again, writes claim, event, booking and outbox.

Every verb is one short transaction without network, mail or rendering. The database's own guard stands below it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import IntegrityError, transaction
from django.utils.timezone import now as utc_now

from bookings.domain import availability, calendar, ledger, links, rows
from bookings.domain.assign import Assignment, assign
from bookings.domain.audit import Actor, entry, record
from bookings.domain.availability import REFUSALS, Verdict
from bookings.domain.errors import Invalid, LinkClosed, NotAllowed, SlotTaken
from bookings.domain.ledger import Wish
from bookings.domain.locks import lock_hosts, lock_hosts_of
from bookings.domain.statements import Query, change, insert, insertion, update, write
from bookings.domain.terms import Terms, of_event_type
from bookings.engine.recurrence import RecurrenceSet, RuleError, TooMany, parse_rule, validate_written
from bookings.engine.zones import DAY, canonical, zone
from bookings.models import AuditEntry, Booking, Claim, Event, Host, Organisation, SchedulerRequest, Seat
from bookings.models.guard import NAME as GUARD
from bookings.models.ledger import LONGEST_CLAIM

__all__ = [
    "SeriesTaken",
    "Wish",
    "book",
    "book_series",
    "cancel",
    "cancel_series",
    "confirm",
    "decline",
    "hold",
    "leave_seat",
    "mark_no_show",
    "move",
    "release",
    "take_seat",
]

_FRESH = Query(Booking, "event", lock=True)

P = ParamSpec("P")
R = TypeVar("R")


@dataclass
class SeriesTaken(SlotTaken):
    """Some dates of a series cannot be had; `refused` lists (start, reason code). Nothing was stored."""

    code: str = "series_taken"
    refused: list[tuple[int, str]] = field(default_factory=list)


def _reserving(verb: Callable[P, R]) -> Callable[P, R]:
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


def book(organisation: Organisation, terms: Terms, start: int, wish: Wish, *, actor: Actor) -> Booking:
    """Book one slot, or raise SlotTaken with the reason and the next free starts.

    An event type that needs confirmation makes it held (its time is kept), or merely asked for. For a scheduler
    request at most one booking lives: asking again for the same start returns it, for another raises NotAllowed.
    """
    _check_wish(terms, wish)
    if terms.capacity > 1:
        raise Invalid("This event type has seats: take one.", field="event_type")
    try:
        return _book(organisation, terms, start, wish, actor)
    except SlotTaken as refusal:
        raise _with_alternatives(refusal, terms, start) from None


@_reserving
def _book(organisation: Organisation, terms: Terms, start: int, wish: Wish, actor: Actor) -> Booking:
    fresh = ledger.lock(terms.hosts)
    if wish.scheduler_request is not None and (earlier := _living(wish.scheduler_request, start)):
        return earlier
    chosen = assign(terms, _require(terms, start).hosts)
    return _write(organisation, terms, start, wish, chosen.with_hosts(fresh), actor)


def take_seat(organisation: Organisation, terms: Terms, start: int, wish: Wish, *, actor: Actor) -> Seat:
    """Take one seat of a session, opening it when this is the first. The server chooses the number.

    The same customer asking again for the same session gets the seat they have. Raises SlotTaken.
    """
    _check_wish(terms, wish)
    if not wish.email:
        raise Invalid("An e-mail address is needed for a seat.", field="email")
    try:
        return _take_seat(organisation, terms, start, wish, actor)
    except SlotTaken as refusal:
        raise _with_alternatives(refusal, terms, start) from None


@_reserving
def _take_seat(organisation: Organisation, terms: Terms, start: int, wish: Wish, actor: Actor) -> Seat:
    ledger.lock(terms.hosts)
    verdict = availability.check(terms, start)
    if earlier := _own_seat(terms, start, wish):
        return earlier
    if not verdict.ok:
        raise SlotTaken(verdict.message, reason=verdict.code)
    if verdict.session is None:
        session = _write(
            organisation, terms, start, replace(wish, name="", email=""), assign(terms, verdict.hosts), actor
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
    return seat


def leave_seat(seat: Seat, *, by: str, actor: Actor, reason: str = "") -> None:
    """Give one seat back; nobody else's is touched. The session ends with its last seat."""
    with transaction.atomic():
        session = _locked(seat.booking)
        left = Seat.everywhere.filter(pk=seat.pk, cancelled_at__isnull=True).update(cancelled_at=utc_now())
        if not left:
            return
        record(actor, "seat.left", seat, after={"by": by}, reason=reason)
        if _count_seats(session) == 0 and session.state in Booking.LIVE:
            _cancel(session, by, reason, actor)


def hold(organisation: Organisation, terms: Terms, start: int, *, seconds: int = 300) -> list[Claim]:
    """Keep a slot for a short while, without a booking; returns its claims. Raises SlotTaken."""

    @_reserving
    def run() -> list[Claim]:
        ledger.lock(terms.hosts)
        hosts = assign(terms, _require(terms, start).hosts).hosts
        expires = int(utc_now().timestamp()) + seconds
        claims = ledger.claims_of(organisation.pk, terms, start, hosts, state=Claim.State.HOLD, expires_s=expires)
        insert(*claims)
        return claims

    return run()


def release(claims: Sequence[Claim]) -> None:
    """Let a hold go before it expires."""
    with transaction.atomic():
        lock_hosts(claim.host_id for claim in claims)
        Claim.everywhere.filter(pk__in=[claim.pk for claim in claims], state=Claim.State.HOLD).update(
            state=Claim.State.RELEASED
        )


@_reserving
def confirm(booking: Booking, *, actor: Actor) -> Booking:
    """Confirm what was held or asked for, or take a cancellation back. What holds no time is reserved now, or raises
    SlotTaken and stays as it was."""
    booking = _locked(booking)
    if booking.state == Booking.State.CONFIRMED:
        return booking
    holds = booking.state in Booking.LIVE
    _move_to(booking, Booking.State.CONFIRMED)
    if not holds:
        _reserve_again(booking, actor)
    elif booking.event is not None:
        data = replace(calendar.data_of(booking.event), status=Event.Status.CONFIRMED)
        calendar.change(booking.event, data, actor=actor)
    _save(booking, "state", "event", "cancelled_by", "cancel_reason")
    record(actor, "booking.confirmed", booking)
    return booking


def decline(booking: Booking, *, actor: Actor, reason: str = "") -> Booking:
    """Say no to what was held or asked for: its time is free again."""
    with transaction.atomic():
        booking = _locked(booking)
        if booking.state == Booking.State.DECLINED:
            return booking
        _move_to(booking, Booking.State.DECLINED)
        booking.cancelled_by, booking.cancel_reason = Booking.By.HOST, reason
        _let_go(booking, entry(actor, "booking.declined", booking, reason=reason))
    return booking


def cancel(booking: Booking, *, by: str, actor: Actor, reason: str = "") -> Booking:
    """Cancel for the host, the invitee or the system (`Booking.By`): frees the time and withdraws the event.

    Cancelling what is cancelled already changes nothing.
    """
    with transaction.atomic():
        booking = _locked(booking)
        if booking.state != Booking.State.CANCELLED:
            _cancel(booking, by, reason, actor)
    return booking


def mark_no_show(booking: Booking, *, actor: Actor) -> Booking:
    """The customer did not come. Only for bookings that have begun."""
    with transaction.atomic():
        booking = _locked(booking)
        if booking.start_s > utc_now().timestamp():
            raise NotAllowed("This booking has not begun yet.")
        if booking.state != Booking.State.NO_SHOW:
            _move_to(booking, Booking.State.NO_SHOW)
            _save(booking, "state")
            record(actor, "booking.no_show", booking)
    return booking


def move(booking: Booking, terms: Terms, start: int, *, actor: Actor) -> Booking:
    """Move a live booking to another start with the same hosts. Raises SlotTaken; then nothing has changed."""
    hosts = tuple(Host.everywhere.select_related("schedule").filter(claims__booking=booking).distinct().order_by("pk"))
    terms = replace(terms, hosts=hosts, required=len(hosts), preference=(), capacity=1, ignore_booking=booking.pk)
    try:
        return _move(booking, terms, start, actor)
    except SlotTaken as refusal:
        raise _with_alternatives(refusal, terms, start) from None


@_reserving
def _move(booking: Booking, terms: Terms, start: int, actor: Actor) -> Booking:
    ledger.lock(terms.hosts)
    booking = _locked(booking)
    if booking.state not in Booking.LIVE:
        raise NotAllowed("Only a live booking can be moved.")
    _require(terms, start)
    before = {"start_s": booking.start_s}
    booking.claims.filter(state=Claim.State.BOOKED).update(start_s=start, end_s=start + terms.length)
    booking.start_s, booking.end_s = start, start + terms.length
    booking.start_wall = zone(booking.timezone).to_wall(start)
    _save(booking, "start_s", "end_s", "start_wall")
    if booking.event is not None:
        tzid, start_wall = ledger.on_the_clock(terms.hosts[0].timezone, start)
        data = replace(calendar.data_of(booking.event), start_wall=start_wall, timezone=tzid, duration=terms.length)
        calendar.change(booking.event, data, actor=actor)
    record(actor, "booking.moved", booking, before=before, after={"start_s": start})
    return booking


def book_series(
    organisation: Organisation,
    terms: Terms,
    start: int,
    rule: str,
    wish: Wish,
    *,
    actor: Actor,
    skip_taken: bool = False,
) -> list[Booking]:
    """Book every date of an RFC 5545 rule that begins at `start`, in the first host's zone: all of them or none.

    With `skip_taken` the dates that cannot be had are left out. Raises SeriesTaken with each refused date and its
    reason, and Invalid (field rrule) for a rule without COUNT or UNTIL, or with too many dates.
    """
    _check_wish(terms, wish)
    starts = _dates(terms, start, rule)

    @_reserving
    def run() -> list[Booking]:
        ledger.lock(terms.hosts)
        series, made = uuid.uuid4(), []
        refused: list[tuple[int, str]] = []
        for each in starts:
            verdict = availability.check(terms, each)
            if not verdict.ok:
                refused.append((each, verdict.code))
            elif not refused or skip_taken:
                made.append(_write(organisation, terms, each, wish, assign(terms, verdict.hosts), actor, series=series))
        if refused and (not skip_taken or not made):
            raise SeriesTaken("Some dates of the series cannot be had.", reason=refused[0][1], refused=refused)
        return made

    return run()


def cancel_series(
    booking: Booking, *, by: str, actor: Actor, reason: str = "", following_only: bool = False
) -> list[Booking]:
    """Cancel every live booking of a series, or this one and those after it. The set is computed once."""
    with transaction.atomic():
        chosen = Booking.everywhere.filter(series=booking.series, state__in=Booking.LIVE).order_by("start_s")
        if following_only:
            chosen = chosen.filter(start_s__gte=booking.start_s)
        bookings = list(chosen)
        lock_hosts_of(booking.pk for booking in bookings)
        return [cancel(each, by=by, actor=actor, reason=reason) for each in bookings]


def _check_wish(terms: Terms, wish: Wish) -> None:
    if canonical(wish.timezone) is None:
        raise Invalid("This is not a time zone we know.", field="timezone")
    if terms.length > LONGEST_CLAIM:
        raise Invalid("A booking can last 31 days at most.", field="duration")


def _require(terms: Terms, start: int) -> Verdict:
    verdict = availability.check(terms, start)
    if not verdict.ok:
        raise SlotTaken(verdict.message, reason=verdict.code)
    return verdict


def _living(request: SchedulerRequest, start: int) -> Booking | None:
    """The booking a request already has, if it is for this start. Raises LinkClosed for one taken back meanwhile."""
    fresh = SchedulerRequest.everywhere.select_for_update().get(pk=request.pk)
    if fresh.is_expired or fresh.state in (SchedulerRequest.State.WITHDRAWN, SchedulerRequest.State.DECLINED):
        raise LinkClosed("This link is no longer open.")
    booking: Booking | None = Booking.everywhere.filter(scheduler_request=request, state__in=Booking.LIVE).first()
    if booking is not None and booking.start_s != start:
        raise NotAllowed("A time has already been chosen with this link.", code="already_booked")
    return booking


def _own_seat(terms: Terms, start: int, wish: Wish) -> Seat | None:
    seat: Seat | None = Seat.everywhere.filter(
        booking__event_type_id=terms.event_type_id,
        booking__start_s=start,
        booking__state__in=Booking.LIVE,
        contact__email__iexact=wish.email,
        cancelled_at__isnull=True,
    ).first()
    return seat


def _count_seats(session: Booking) -> int:
    session.seats_taken = session.seats.filter(cancelled_at__isnull=True).count()
    session.save(update_fields=["seats_taken"])
    return session.seats_taken


def _write(
    organisation: Organisation,
    terms: Terms,
    start: int,
    wish: Wish,
    assignment: Assignment,
    actor: Actor,
    series: uuid.UUID | None = None,
) -> Booking:
    """Contact, booking, claims, event and outbox, under the lock."""
    state = _first_state(wish)
    holds = state in Booking.LIVE
    status = Event.Status.CONFIRMED if state == Booking.State.CONFIRMED else Event.Status.TENTATIVE
    tzid = canonical(wish.timezone) or "UTC"
    meeting = ledger.appointment(terms, start, wish, assignment.hosts, status=status) if holds else None
    booking_id = uuid.uuid4()
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
        location=wish.location,
        start_s=start,
        end_s=start + terms.length,
        timezone=tzid,
        start_wall=zone(tzid).to_wall(start),
        state=state,
        series=series,
        answers=wish.answers or {},
        assignment=assignment.why | {"hosts": [str(host.pk) for host in assignment.hosts]},
        manage_digest=links.digest(links.token("booking", booking_id)),
        surface=wish.surface,
    )
    names = [host.name for host in assignment.hosts]
    made = entry(actor, "booking.made", booking, after={"start_s": start, "state": state, "hosts": names})
    if meeting is None:
        insert(booking, made)
    else:
        claims = ledger.claims_of(
            organisation.pk, terms, start, assignment.hosts, state=Claim.State.BOOKED, booking=booking
        )
        insert(*meeting.rows, booking, *claims, made)
        meeting.show()
    if wish.scheduler_request is not None:
        SchedulerRequest.everywhere.filter(pk=wish.scheduler_request.pk).update(
            state=SchedulerRequest.State.BOOKED, updated_at=utc_now()
        )
    return booking


def _first_state(wish: Wish) -> str:
    if wish.event_type is None or not wish.event_type.needs_confirmation:
        return Booking.State.CONFIRMED
    return Booking.State.HELD if wish.event_type.pending_blocks else Booking.State.REQUESTED


def _reserve_again(booking: Booking, actor: Actor) -> None:
    """Take the time of a booking that holds none, by the same decision as any booking."""
    terms = _terms_again(booking)
    ledger.lock(terms.hosts)
    _require(terms, booking.start_s)
    contact = booking.contact
    wish = Wish(
        booking.title,
        booking.timezone,
        name=contact.name if contact else "",
        email=contact.email if contact else "",
        description=booking.description,
        location=booking.location,
    )
    status = Event.Status.CONFIRMED
    meeting = ledger.appointment(terms, booking.start_s, wish, terms.hosts, status=status)
    booking.event, booking.cancelled_by, booking.cancel_reason = meeting.event, "", ""
    claims = ledger.claims_of(
        booking.organisation_id, terms, booking.start_s, terms.hosts, state=Claim.State.BOOKED, booking=booking
    )
    insert(*meeting.rows, *claims)
    meeting.show()


def _terms_again(booking: Booking) -> Terms:
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


def _locked(booking: Booking) -> Booking:
    """The booking with its event as it is now, its hosts locked."""
    lock_hosts_of([booking.pk])
    return _FRESH([booking.pk])[0]


def _move_to(booking: Booking, state: str) -> None:
    if not booking.may_become(state):
        raise NotAllowed(f"A booking that is {booking.get_state_display().lower()} cannot become {state}.")
    booking.state = state


def _save(booking: Booking, *names: str) -> None:
    booking.revision += 1
    update(booking, "revision", *names)


def _let_go(booking: Booking, told: AuditEntry) -> None:
    """Free the time and withdraw the event, and tell so."""
    booking.revision += 1
    ended = change(booking, "revision", "state", "cancelled_by", "cancel_reason")
    withdrawn = ledger.withdrawn(booking.event) if booking.event else ()
    write(ended, rows.releasing(booking.pk), *withdrawn, insertion(told))


def _cancel(booking: Booking, by: str, reason: str, actor: Actor) -> None:
    _move_to(booking, Booking.State.CANCELLED)
    booking.cancelled_by, booking.cancel_reason = by, reason
    _let_go(booking, entry(actor, "booking.cancelled", booking, after={"by": by}, reason=reason))
    if booking.scheduler_request is not None:
        request = booking.scheduler_request
        # A customer who cancels may choose again by the same link; one cancelled by the host may not.
        request.state = request.State.WITHDRAWN if by == Booking.By.HOST else request.State.OPEN
        request.save(update_fields=["state", "updated_at"])


def _dates(terms: Terms, start: int, rule: str) -> list[int]:
    """The starts of a series, in UTC seconds. Wall times stay; a date whose time is skipped moves as RFC 5545 says."""
    tzid, wall = ledger.on_the_clock(terms.timezone, start)
    try:
        parsed = parse_rule(rule)
        validate_written(parsed)
        dates = RecurrenceSet(wall, tzid, (parsed,))
        last = dates.last()
        if last is None:
            raise Invalid("A series needs an end: COUNT or UNTIL.", field="rrule")
        return dates.starts(start, last + DAY)
    except (RuleError, TooMany) as error:
        raise Invalid(str(error), field="rrule") from None


def _with_alternatives(refusal: SlotTaken, terms: Terms, start: int) -> SlotTaken:
    return replace(refusal, next_free=availability.next_free(terms, max(start, 0)))
