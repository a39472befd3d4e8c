"""Verbs for calendar events: create, change, delete, and what providers pulled."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import transaction
from django.utils.timezone import now

from bookings.domain import outbox
from bookings.domain.audit import Actor, record
from bookings.domain.errors import Invalid, NotAllowed
from bookings.domain.locks import lock_hosts
from bookings.engine.zones import canonical, zone
from bookings.formats.event import EventData, Person
from bookings.models import Account, Busy, Calendar, Event, Participant
from bookings.models.ledger import LONGEST_BUSY

_PLAIN = (
    "title", "description", "description_type", "location", "locations", "conference", "start_wall", "timezone",
    "duration", "all_day", "floating", "status", "free_busy_status", "privacy", "alerts", "use_default_alerts",
    "colour", "notify_guests", "raw", "recurrence_wall",
)  # fmt: skip
_LISTS = ("recurrence_rules", "exclusion_rules", "recurrence_dates", "excluded_dates")


@transaction.atomic
def create(calendar: Calendar, data: EventData, *, actor: Actor, origin: str = Event.Origin.LOCAL) -> Event:
    """Make an event in a calendar and state it in the outbox. Raises Invalid (with field) or NotAllowed."""
    if not calendar.is_writable:
        raise NotAllowed("This calendar is read-only.")
    lock_hosts([calendar.account.host_id])
    event = Event(organisation_id=calendar.organisation_id, calendar=calendar, origin=origin)
    if data.uid:
        event.uid = data.uid
    _fill(event, data)
    event.save()
    _write_people(event, data.people)
    _write_busy(event)
    _state(event)
    record(actor, "event.created", event, after={"title": event.title[:100], "start_s": event.start_s})
    return event


@transaction.atomic
def change(event: Event, data: EventData, *, actor: Actor) -> Event:
    """Give an event a new whole state."""
    lock_hosts([event.calendar.account.host_id])
    before = {"title": event.title[:100], "start_s": event.start_s}
    _fill(event, data)
    event.revision += 1
    event.sequence += 1
    event.save()
    _write_people(event, data.people)
    _write_busy(event)
    _state(event)
    record(actor, "event.changed", event, before=before, after={"title": event.title[:100], "start_s": event.start_s})
    return event


@transaction.atomic
def delete(event: Event, *, actor: Actor) -> None:
    """Take an event out of every calendar; the row stays for the record."""
    lock_hosts([event.calendar.account.host_id])
    event.deleted_at = now()
    event.status = Event.Status.CANCELLED
    event.revision += 1
    event.sequence += 1
    event.save()
    Busy.everywhere.filter(event=event).delete()
    outbox.hide(event)
    record(actor, "event.deleted", event, before={"title": event.title[:100]})


def data_of(event: Event) -> EventData:
    """What an event says, outside the database."""
    values: dict[str, Any] = {name: getattr(event, name) for name in _PLAIN}
    values |= {name: tuple(getattr(event, name)) for name in _LISTS}
    people = tuple(
        Person(p.email, p.name, p.role, p.rsvp, p.key, p.comment, p.phone) for p in event.participants.order_by("key")
    )
    return EventData(uid=event.uid, sequence=event.sequence, people=people, **values)


def busy_beyond(host_ids: Sequence[uuid.UUID], lo: int, hi: int) -> list[tuple[uuid.UUID, int, int, str, uuid.UUID]]:
    """Busy stretches of occurrences beyond the expanded horizon."""
    return []


def _fill(event: Event, data: EventData) -> None:
    tzid = canonical(data.timezone)
    if tzid is None:
        raise Invalid("This is not a time zone we know.", field="timezone")
    for name in _PLAIN:
        setattr(event, name, getattr(data, name))
    for name in _LISTS:
        setattr(event, name, list(getattr(data, name)))
    event.timezone = tzid
    event.start_s = zone(tzid).to_utc(data.start_wall)
    event.end_s = event.until_s = event.start_s + data.duration


def _write_people(event: Event, people: Iterable[Person]) -> None:
    event.participants.all().delete()
    Participant.everywhere.bulk_create(
        Participant(
            organisation_id=event.organisation_id,
            event=event,
            key=person.key or f"p{index}",
            email=person.email,
            name=person.name,
            role=person.role,
            rsvp=person.rsvp,
            comment=person.comment,
            phone=person.phone,
        )
        for index, person in enumerate(people)
    )


def _write_busy(event: Event) -> None:
    Busy.everywhere.filter(event=event).delete()
    if event.origin == Event.Origin.BOOKING or event.status == Event.Status.CANCELLED:
        return
    Busy.everywhere.bulk_create(
        Busy(
            organisation_id=event.organisation_id,
            host_id=event.calendar.account.host_id,
            calendar=event.calendar,
            event=event,
            start_s=start,
            end_s=min(start + LONGEST_BUSY, event.end_s),
            kind=event.free_busy_status,
        )
        for start in range(event.start_s, event.end_s, LONGEST_BUSY)
    )


def _state(event: Event) -> None:
    if event.calendar.account.provider != Account.Provider.LOCAL:
        outbox.show(event, event.calendar)
