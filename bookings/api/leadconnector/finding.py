"""Which of our things a request names. A foreign id and a missing one are answered alike."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import TypeVar

from django.db import transaction
from django.db.models import Q, QuerySet

from bookings.api import refusals
from bookings.api.base import Principal, Problem, Refusal
from bookings.api.leadconnector.shown import starts_by_rule
from bookings.api.leadconnector.wire import NOT_IN_TEAM, SURFACE
from bookings.domain import agenda, calendar, contacts, refs
from bookings.domain.agenda import Entry
from bookings.domain.errors import Invalid, NotFound
from bookings.models import Booking, Contact, Event, EventType, Host, Seat, TenantModel

M = TypeVar("M", bound=TenantModel)

_CONTACT_ID = re.compile(r"[A-Za-z0-9_-]{10,64}", re.ASCII)
_OCCURRENCE = re.compile(r"([A-Za-z0-9]{20})_(\d{1,14})_\d{1,9}", re.ASCII)


def unknown(what: str) -> Refusal:
    """Something named in a body or a query that is not there: business says 400."""
    return Refusal(400, "unknown", f"There is no such {what} in this location.")


def event_types(principal: Principal) -> QuerySet[EventType]:
    """Those of the location; for a token of one host, those that this host is in the team of."""
    rows = EventType.objects.for_tenant(principal.organisation).select_related("group_rule", "schedule")
    if principal.host is None:
        return rows
    hosted = Q(hosts=principal.host) | Q(group_rule__hosts=principal.host)
    return rows.filter(pk__in=EventType.objects.for_tenant(principal.organisation).filter(hosted).values("pk"))


def event_type(principal: Principal, external_id: str) -> EventType | None:
    return _one(principal, "event_type", external_id, event_types(principal))


def host(principal: Principal, external_id: str) -> Host | None:
    """An active host, within reach of the token."""
    rows = Host.objects.for_tenant(principal.organisation).select_related("schedule").filter(is_active=True)
    if principal.host is not None:
        rows = rows.filter(pk=principal.host.pk)
    return _one(principal, "host", external_id, rows)


def contact(principal: Principal, external_id: str) -> Contact | None:
    return _one(principal, "contact", external_id, Contact.objects.for_tenant(principal.organisation))


def not_in_team() -> Refusal:
    return refusals.invalid(Problem("assignedUserId", "invalid", NOT_IN_TEAM))


def contact_or_stub(principal: Principal, external_id: str) -> Contact:
    """The contact called so. Callers keep their customers elsewhere, so one that is not known here is made, with
    nothing but this id: safe when several processes are asked at once."""
    if found := contact(principal, external_id):
        return found
    if not _CONTACT_ID.fullmatch(external_id):
        raise unknown("contact")
    gone = refs.resolve(principal.organisation, SURFACE, "contact", external_id)
    try:
        with transaction.atomic():
            stub = contacts.get_or_create(principal.organisation, name=f"Contact {external_id}")
            refs.name(SURFACE, "contact", stub, external_id, instead_of=gone)
            return stub
    except Invalid:
        if found := contact(principal, external_id):
            return found
        raise


def _one(principal: Principal, kind: str, external_id: str, rows: QuerySet[M]) -> M | None:
    known = refs.resolve(principal.organisation, SURFACE, kind, external_id)
    return rows.filter(pk=known).first() if known else None


@dataclass(frozen=True)
class Found:
    """What an event id means: entries (several: all dates of a series of bookings), and of a class one seat.

    `series` is the first booking of the series when the series itself was named.
    """

    entries: tuple[Entry, ...]
    seat: Seat | None = None
    series: Booking | None = None

    @property
    def entry(self) -> Entry:
        return self.entries[0]


def commitment(principal: Principal, external_id: str) -> Found:
    """A booking, one of its seats, a whole series, a plain event or one occurrence of it. Raises Refusal 404."""
    try:
        found = _commitment(principal, external_id)
    except NotFound:
        raise refusals.not_found() from None
    if principal.host is not None and not any(_concerns(entry, principal.host) for entry in found.entries):
        raise refusals.not_found()
    return found


def _commitment(principal: Principal, external_id: str) -> Found:
    organisation = principal.organisation
    if known := refs.resolve(organisation, SURFACE, "booking", external_id):
        return Found((agenda.find(organisation, known),))
    if known := refs.resolve(organisation, SURFACE, "event", external_id):
        entry = agenda.find(organisation, known)
        return Found((entry, *_together(principal, entry)))
    if known := refs.resolve(organisation, SURFACE, "series", external_id):
        return _series(principal, known)
    if known := refs.resolve(organisation, SURFACE, "seat", external_id):
        return _seat(principal, known)
    return Found((_occurrence(principal, external_id),))


def _series(principal: Principal, known: uuid.UUID) -> Found:
    bookings = Booking.objects.for_tenant(principal.organisation)
    first = bookings.filter(pk=known, series__isnull=False).first()
    if first is None:
        raise NotFound("There is no such series.")
    dates = bookings.filter(series=first.series).order_by("start_s", "pk").values_list("pk", flat=True)
    return Found(tuple(agenda.find(principal.organisation, date) for date in dates), series=first)


def _together(principal: Principal, entry: Entry) -> list[Entry]:
    """The other events of a slot that was blocked for a whole team, as far as they are still there."""
    if entry.event is None or entry.booking is not None:
        return []
    kept = refs.kept(SURFACE, "event", [entry.event])[entry.event.pk]
    ids = [uuid.UUID(each) for each in kept.get("block") or () if each != str(entry.key)]
    if not ids:
        return []
    there = Event.objects.for_tenant(principal.organisation).filter(pk__in=ids, deleted_at=None)
    return [agenda.find(principal.organisation, pk) for pk in there.values_list("pk", flat=True)]


def _seat(principal: Principal, known: uuid.UUID) -> Found:
    seats = Seat.objects.for_tenant(principal.organisation).select_related("contact", "booking")
    seat = seats.filter(pk=known).first()
    if seat is None:
        raise NotFound("There is no such seat.")
    return Found((agenda.find(principal.organisation, seat.booking_id),), seat=seat)


def _occurrence(principal: Principal, external_id: str) -> Entry:
    match = _OCCURRENCE.fullmatch(external_id)
    known = refs.resolve(principal.organisation, SURFACE, "event", match[1]) if match else None
    if match is None or known is None:
        raise NotFound("There is no such event.")
    entry, start = agenda.find(principal.organisation, known), int(match[2]) // 1000
    assert entry.event is not None
    for own in entry.event.overrides.filter(deleted_at=None).select_related("calendar__account__host", "master"):
        if starts_by_rule(entry.event, own.recurrence_wall or 0, own) == start:
            return agenda.find(principal.organisation, own.pk)
    for each in calendar.occurrences([entry.event.calendar], start, start + 1):
        if each.event.pk == known and each.start_s == start:
            return Entry(entry.event, None, each.start_s, each.end_s, each.recurrence_wall)
    raise NotFound("There is no such occurrence.")


def _concerns(entry: Entry, host: Host) -> bool:
    if entry.booking is not None:
        return str(host.pk) in entry.booking.assignment.get("hosts", ())
    return entry.host is not None and entry.host.pk == host.pk
