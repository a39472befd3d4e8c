"""The one writer of bookings: takes the hosts' locks, asks availability again, writes claim, event, booking and outbox.

Every verb is one short transaction without network, mail or rendering. The database's own guard stands below it.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Max, Q
from django.utils.timezone import now as utc_now

from bookings.domain import availability, calendar, links, outbox
from bookings.domain.accounts import ensure_local
from bookings.domain.audit import Actor, record
from bookings.domain.availability import REFUSALS, Terms
from bookings.domain.errors import Invalid, NotAllowed, SlotTaken
from bookings.domain.locks import lock_hosts
from bookings.engine.zones import canonical, zone
from bookings.formats.event import EventData, Person
from bookings.models import (
    Booking,
    Calendar,
    Claim,
    Contact,
    Event,
    EventType,
    GroupRule,
    Host,
    Organisation,
    SchedulerRequest,
)
from bookings.models.guard import NAME as GUARD
from bookings.models.ledger import LONGEST_CLAIM


@dataclass(frozen=True)
class Wish:
    """Who wants what: everything about a booking but its time and hosts. `timezone` is the customer's (IANA)."""

    title: str
    timezone: str
    name: str = ""
    email: str = ""
    phone: str = ""
    description: str = ""
    location: str = ""
    locale: str = ""
    answers: dict[str, Any] | None = None
    surface: str = "staff"
    event_type: EventType | None = None
    group_rule: GroupRule | None = None
    scheduler_request: SchedulerRequest | None = None


def book(organisation: Organisation, terms: Terms, start: int, wish: Wish, *, actor: Actor) -> Booking:
    """Book one slot, or raise SlotTaken with the reason and the next free starts.

    For a scheduler request at most one booking lives: asking again for the same start returns it, asking for another
    raises NotAllowed.
    """
    _check_wish(terms, wish)
    try:
        with transaction.atomic():
            _lock(terms)
            if wish.scheduler_request is not None:
                earlier = _living(wish.scheduler_request, start)
                if earlier is not None:
                    return earlier
            verdict = availability.check(terms, start)
            if not verdict.ok:
                raise SlotTaken(verdict.message, reason=verdict.code)
            return _write(organisation, terms, start, wish, _assign(terms, verdict.hosts), actor)
    except SlotTaken as refusal:
        raise _with_alternatives(refusal, terms, start) from None
    except IntegrityError as error:
        if GUARD not in str(error):
            raise
        raise _with_alternatives(SlotTaken(REFUSALS["booked"], reason="booked"), terms, start) from error


def hold(organisation: Organisation, terms: Terms, start: int, *, seconds: int = 300) -> list[Claim]:
    """Keep a slot for a short while, without a booking; returns its claims. Raises SlotTaken."""
    with transaction.atomic():
        _lock(terms)
        verdict = availability.check(terms, start)
        if not verdict.ok:
            raise SlotTaken(verdict.message, reason=verdict.code)
        expires = int(utc_now().timestamp()) + seconds
        hosts = _assign(terms, verdict.hosts).hosts
        return _claims(organisation.pk, terms, start, hosts, state=Claim.State.HOLD, expires_s=expires)


def release(claims: list[Claim]) -> None:
    """Let a hold go before it expires."""
    with transaction.atomic():
        lock_hosts({claim.host_id for claim in claims})
        Claim.everywhere.filter(pk__in=[claim.pk for claim in claims], state=Claim.State.HOLD).update(
            state=Claim.State.RELEASED
        )


def cancel(booking: Booking, *, by: str, actor: Actor, reason: str = "") -> Booking:
    """Cancel for the host, the invitee or the system (`Booking.By`): frees the time and withdraws the event.

    Cancelling what is cancelled already changes nothing.
    """
    with transaction.atomic():
        booking = _locked(booking)
        if booking.state == Booking.State.CANCELLED:
            return booking
        _move_to(booking, Booking.State.CANCELLED)
        booking.cancelled_by, booking.cancel_reason = by, reason
        booking.revision += 1
        booking.save()
        booking.claims.update(state=Claim.State.RELEASED)
        if booking.event is not None:
            calendar.delete(booking.event, actor=actor)
        if booking.scheduler_request is not None:
            request = booking.scheduler_request
            # A customer who cancels may choose again by the same link; one cancelled by the host may not.
            request.state = request.State.WITHDRAWN if by == Booking.By.HOST else request.State.OPEN
            request.save(update_fields=["state", "updated_at"])
        record(actor, "booking.cancelled", booking, after={"by": by}, reason=reason)
    return booking


def move(booking: Booking, terms: Terms, start: int, *, actor: Actor) -> Booking:
    """Move a live booking to another start with the same hosts. Raises SlotTaken; then nothing has changed."""
    hosts = tuple(Host.everywhere.select_related("schedule").filter(claims__booking=booking).distinct())
    terms = replace(terms, hosts=hosts, required=len(hosts), preference=(), ignore_booking=booking.pk)
    try:
        with transaction.atomic():
            _lock(terms)
            booking = _locked(booking)
            if booking.state not in Booking.LIVE:
                raise NotAllowed("Only a live booking can be moved.")
            verdict = availability.check(terms, start)
            if not verdict.ok:
                raise SlotTaken(verdict.message, reason=verdict.code)
            return _shift(booking, terms, start, actor)
    except SlotTaken as refusal:
        raise _with_alternatives(refusal, terms, start) from None


def _check_wish(terms: Terms, wish: Wish) -> None:
    if canonical(wish.timezone) is None:
        raise Invalid("This is not a time zone we know.", field="timezone")
    if terms.length > LONGEST_CLAIM:
        raise Invalid("A booking can last 31 days at most.", field="duration")


def _lock(terms: Terms) -> None:
    """Take the hosts' locks, then let go of their expired holds: the guard cannot see that they expired."""
    ids = {host.pk for host in terms.hosts}
    lock_hosts(ids)
    now = int(utc_now().timestamp())
    Claim.everywhere.filter(host__in=ids, state=Claim.State.HOLD, expires_s__lte=now).update(state=Claim.State.RELEASED)


def _living(request: SchedulerRequest, start: int) -> Booking | None:
    """The booking a request already has, if it is for this start."""
    SchedulerRequest.everywhere.select_for_update().get(pk=request.pk)
    booking: Booking | None = Booking.everywhere.filter(scheduler_request=request, state__in=Booking.LIVE).first()
    if booking is not None and booking.start_s != start:
        raise NotAllowed("A time has already been chosen with this link.", code="already_booked")
    return booking


@dataclass(frozen=True)
class _Assignment:
    hosts: tuple[Host, ...]
    why: dict[str, Any]


def _assign(terms: Terms, free: tuple[Host, ...]) -> _Assignment:
    """Who takes it: by priority, then by the least share of bookings for their weight, then the longest idle."""
    if terms.required >= len(free):
        return _Assignment(free, {"rule": "everyone_needed"})
    preference = dict(zip((host.pk for host in terms.hosts), terms.preference, strict=False))
    since = int((utc_now() - timedelta(days=30)).timestamp())
    recent = Q(claims__state=Claim.State.BOOKED, claims__start_s__gte=since)
    load = {
        pk: (count, last)
        for pk, count, last in Host.everywhere.filter(pk__in=[host.pk for host in free])
        .annotate(count=Count("claims", filter=recent), last=Max("claims__created_at", filter=recent))
        .values_list("pk", "count", "last")
    }
    never = datetime.min.replace(tzinfo=UTC)

    def rank(host: Host) -> tuple[int, float, datetime, str]:
        priority, weight = preference.get(host.pk, (0, 100))
        count, last = load[host.pk]
        return -priority, count / max(weight, 1), last or never, str(host.pk)

    ranked = sorted(free, key=rank)
    chosen = tuple(ranked[: terms.required])
    return _Assignment(
        chosen,
        {
            "rule": "priority_share_idle",
            "candidates": [{"host": str(host.pk), "recent": load[host.pk][0]} for host in ranked],
        },
    )


def _write(
    organisation: Organisation, terms: Terms, start: int, wish: Wish, assignment: _Assignment, actor: Actor
) -> Booking:
    """Contact, booking, claims, event and outbox, under the lock."""
    event = _event(organisation, terms, start, wish, assignment.hosts, actor)
    booking_id = uuid.uuid4()
    booking: Booking = Booking.everywhere.create(
        pk=booking_id,
        organisation=organisation,
        event_type=wish.event_type,
        scheduler_request=wish.scheduler_request,
        group_rule=wish.group_rule,
        event=event,
        contact=_contact(organisation, wish),
        title=wish.title,
        description=wish.description,
        location=wish.location,
        start_s=start,
        end_s=start + terms.length,
        timezone=canonical(wish.timezone) or "UTC",
        start_wall=zone(canonical(wish.timezone) or "UTC").to_wall(start),
        answers=wish.answers or {},
        assignment=assignment.why,
        manage_digest=links.digest(links.token("booking", booking_id)),
        surface=wish.surface,
    )
    _claims(organisation.pk, terms, start, assignment.hosts, state=Claim.State.BOOKED, booking=booking)
    if wish.scheduler_request is not None:
        SchedulerRequest.everywhere.filter(pk=wish.scheduler_request.pk).update(
            state=SchedulerRequest.State.BOOKED, updated_at=utc_now()
        )
    record(actor, "booking.made", booking, after={"start_s": start, "hosts": [host.name for host in assignment.hosts]})
    return booking


def _claims(organisation_id: uuid.UUID, terms: Terms, start: int, hosts: tuple[Host, ...], **rest: Any) -> list[Claim]:
    return Claim.everywhere.bulk_create(
        Claim(
            organisation_id=organisation_id,
            host=host,
            start_s=start,
            end_s=start + terms.length,
            pad_before_s=terms.before,
            pad_after_s=terms.after,
            **rest,
        )
        for host in hosts
    )


def _event(
    organisation: Organisation, terms: Terms, start: int, wish: Wish, hosts: tuple[Host, ...], actor: Actor
) -> Event:
    """One event for all hosts: it lives in the first one's booking calendar and is mirrored to the others'."""
    first = hosts[0]
    tzid, start_wall = _on_the_clock(first.timezone, start)
    guests = (Person(wish.email, wish.name, key="guest"),) if wish.email else ()
    data = EventData(
        title=wish.title,
        start_wall=start_wall,
        timezone=tzid,
        duration=terms.length,
        description=wish.description,
        location=wish.location,
        people=(
            *(
                Person(host.email, host.name, "owner" if host is first else "host", "accepted", key=f"host-{index}")
                for index, host in enumerate(hosts)
                if host.email
            ),
            *guests,
        ),
    )
    targets = [_booking_calendar(host) for host in hosts]
    event = calendar.create(targets[0], data, actor=actor, origin=Event.Origin.BOOKING)
    for target in targets[1:]:
        outbox.show(event, target)
    return event


def _on_the_clock(tzid: str, start: int) -> tuple[str, int]:
    """The zone and wall seconds that mean this instant; UTC for the second pass of a repeated hour."""
    clock = zone(tzid)
    wall = clock.to_wall(start)
    return (tzid, wall) if clock.to_utc(wall) == start else ("UTC", start)


def _booking_calendar(host: Host) -> Calendar:
    """Where the host wants bookings, or else the local calendar."""
    chosen = host.booking_calendar
    if chosen is not None and chosen.state != Calendar.State.GONE and chosen.is_writable:
        return chosen
    return ensure_local(host)


def _contact(organisation: Organisation, wish: Wish) -> Contact | None:
    if not (wish.email or wish.name):
        return None
    known: Contact | None = None
    if wish.email:
        known = Contact.objects.for_tenant(organisation).filter(email__iexact=wish.email).first()
    if known is None:
        known = Contact(organisation=organisation, email=wish.email)
    known.name = wish.name or known.name
    known.phone = wish.phone or known.phone
    known.timezone, known.locale = wish.timezone, wish.locale or known.locale
    known.save()
    return known


def _locked(booking: Booking) -> Booking:
    """The booking as it is now, its hosts locked."""
    lock_hosts(set(Claim.everywhere.filter(booking=booking).values_list("host_id", flat=True)))
    fresh: Booking = (
        Booking.everywhere.select_for_update(of=("self",))
        .select_related("event__calendar__account", "scheduler_request")
        .get(pk=booking.pk)
    )
    return fresh


def _move_to(booking: Booking, state: str) -> None:
    if not booking.may_become(state):
        raise NotAllowed(f"A booking that is {booking.get_state_display().lower()} cannot become {state}.")
    booking.state = state


def _shift(booking: Booking, terms: Terms, start: int, actor: Actor) -> Booking:
    before = {"start_s": booking.start_s}
    booking.claims.filter(state=Claim.State.BOOKED).update(start_s=start, end_s=start + terms.length)
    booking.start_s, booking.end_s = start, start + terms.length
    booking.start_wall = zone(booking.timezone).to_wall(start)
    booking.revision += 1
    booking.save()
    if booking.event is not None:
        data = calendar.data_of(booking.event)
        tzid, start_wall = _on_the_clock(terms.hosts[0].timezone, start)
        moved = replace(data, start_wall=start_wall, timezone=tzid, duration=terms.length)
        calendar.change(booking.event, moved, actor=actor)
    record(actor, "booking.moved", booking, before=before, after={"start_s": start})
    return booking


def _with_alternatives(refusal: SlotTaken, terms: Terms, start: int) -> SlotTaken:
    return replace(refusal, next_free=availability.next_free(terms, max(start, 0)))
