"""What PATCH and DELETE mean for a booking, a plain event, a series and one of its occurrences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bookings.api.morph import finding, making, offers, wire
from bookings.api.morph.asked import Asked, Attendee
from bookings.api.morph.shown import hosts_of, status_of
from bookings.api.reader import Reader
from bookings.domain import agenda, calendar, contacts, refs, reserve, series
from bookings.domain.agenda import Entry
from bookings.domain.audit import Actor
from bookings.domain.errors import NotAllowed
from bookings.domain.ledger import on_the_clock
from bookings.engine.zones import canonical
from bookings.formats.event import EventData, Person
from bookings.models import Booking, Host
from bookings.models import Event as EventRow


def change(entry: Entry, asked: Asked, reader: Reader, *, actor: Actor) -> Entry:
    """Give an entry what is asked for; the new entry comes back. Call in a transaction.

    Raises Refusal for what cannot be read, SlotTaken when a booking cannot have that time, NotAllowed.
    """
    start_s, end_s = _time(entry, asked, reader)
    _refuse_others(entry, asked, reader)
    reader.finish()
    if entry.booking is not None:
        return _booking(entry, asked, start_s, end_s, actor)
    return _plain(entry, asked, start_s, end_s, actor)


def cancel(entry: Entry, *, actor: Actor) -> None:
    """Take an entry back: a booking, an event, a whole series, or one occurrence of it. Twice is once."""
    event = entry.event
    if entry.booking is None and event is not None and entry.recurrence_wall is not None:
        calendar.exclude_occurrence(event.master or event, entry.recurrence_wall, actor=actor)
    else:
        agenda.cancel(entry, actor=actor)


def _time(entry: Entry, asked: Asked, reader: Reader) -> tuple[int, int]:
    """Start and end: what is not told stays, and a start alone keeps the length."""
    start = entry.start_s if asked.start_s is None else asked.start_s
    if asked.end_s is None:
        return start, start + (asked.length_s or entry.end_s - entry.start_s)
    if asked.end_s <= start:
        reader.wrong("endTime", "invalid", "endTime must be after startTime.")
    if asked.length_s is not None and asked.start_s is None:
        start = asked.end_s - asked.length_s
    elif asked.length_s not in (None, asked.end_s - start):
        reader.wrong("duration", "invalid", "duration does not agree with startTime and endTime.")
    return start, asked.end_s


def _refuse_others(entry: Entry, asked: Asked, reader: Reader) -> None:
    """What is the same as before may be sent along; another event type or other hosts make another booking."""
    offered = entry.booking.event_type if entry.booking else None
    if asked.event_type and (offered is None or refs.ref(wire.SURFACE, "event_type", offered) != asked.event_type):
        reader.wrong("eventType", "invalid", "eventType cannot be changed.")
    if asked.organizer or asked.attendees is not None:
        _same_hosts(entry, asked, reader)
    if offered is not None and asked.answers is not None:
        offers.check_answers(list(offered.questions.all()), asked.answers, reader)
    if asked.title == "":
        reader.wrong("title", "invalid", "title must not be empty.")


def _same_hosts(entry: Entry, asked: Asked, reader: Reader) -> None:
    ids = [each for each in (asked.organizer, *(asked.attendees or ())) if each]
    organisation = entry.thing.organisation
    found = making.hosts_called(Host.objects.for_tenant(organisation), organisation, ids)
    keys = {found[each].pk for each in ids if each in found}
    now = hosts_of(entry)
    if len(found) < len(set(ids)) or not keys <= set(now):
        reader.wrong("attendees", "invalid", "organizer and attendees cannot be changed.")
    elif asked.attendees is not None and not set(now[1:]) <= keys:
        reader.wrong("attendees", "invalid", "attendees cannot be changed.")


def _booking(entry: Entry, asked: Asked, start_s: int, end_s: int, actor: Actor) -> Entry:
    booking, status = entry.booking, status_of(entry)
    assert booking is not None
    if asked.status == "planned" and status == "canceled":  # taken back first: what follows needs a live booking
        booking = reserve.confirm(booking, actor=actor)
        entry = agenda.find(booking.organisation, booking.pk)
    if (start_s, end_s) != (entry.start_s, entry.end_s) or asked.title or asked.description is not None:
        entry = agenda.change(
            entry, actor=actor, start_s=start_s, end_s=end_s, title=asked.title, description=asked.description
        )
    if asked.answers is not None and entry.booking is not None:
        reserve.describe(entry.booking, actor=actor, answers=asked.answers)
    if asked.people is not None:
        _bring(entry, asked.people, actor)
    _become(agenda.find(booking.organisation, booking.pk), asked.status, actor)
    return agenda.find(booking.organisation, booking.pk)


_VERBS: dict[str, Callable[..., Booking]] = {"planned": reserve.confirm, "completed": reserve.complete}


def _become(entry: Entry, status: str | None, actor: Actor) -> None:
    """Take the status that is asked for, if it has another. Raises NotAllowed where there is no way to it."""
    booking = entry.booking
    if booking is None or status in (None, status_of(entry)):
        return
    if status == "canceled":
        agenda.cancel(entry, actor=actor)
    elif status in _VERBS:
        _VERBS[status](booking, actor=actor)
    else:
        raise NotAllowed(f"A booking that is {status_of(entry)} cannot become {status}.")


def _bring(entry: Entry, people: list[Attendee], actor: Actor) -> None:
    """Give a booking other guests: in its event, and as its customer the first of them unless they stay."""
    booking, event = entry.booking, entry.event
    assert booking is not None
    if event is None or event.deleted_at is not None:
        raise NotAllowed("This booking holds no time, so that nobody can be invited to it.")
    said = calendar.data_of(event)
    calendar.change(event, replace(said, people=_with_guests(said, people)), actor=actor)
    known = booking.contact.email.casefold() if booking.contact else ""
    if people and known not in [each.email.casefold() for each in people]:
        first = people[0]
        customer = contacts.get_or_create(
            booking.organisation, email=first.email, name=first.name, phone=first.phone, timezone=booking.timezone
        )
        reserve.describe(booking, actor=actor, contact=customer)
    making.keep(booking, people)


def _with_guests(said: EventData, people: list[Attendee]) -> tuple[Person, ...]:
    """The hosts as they are, and these guests: whoever was there already keeps their answer."""
    before = {one.email.casefold(): one for one in said.people if one.role == "attendee"}
    staying = [one for one in said.people if one.role != "attendee"]
    guests = [
        replace(before[each.email.casefold()], name=each.name, phone=each.phone)
        if each.email.casefold() in before
        else each.person
        for each in people
    ]
    return (*staying, *guests)


def _plain(entry: Entry, asked: Asked, start_s: int, end_s: int, actor: Actor) -> Entry:
    event, wall = entry.event, entry.recurrence_wall
    assert event is not None
    if asked.status == "canceled":
        cancel(entry, actor=actor)
        event.status = EventRow.Status.CANCELLED  # what is answered once more, and gone from now on
        return entry
    before = calendar.data_of(event) if wall is None else series.occurrence(event.master or event, wall)
    after = _said(before, entry, asked, start_s, end_s)
    if after == before:
        return entry
    if asked.people is not None:
        making.keep(refs.Named(event.master_id or event.pk, event.organisation_id), asked.people)
    if wall is None:
        calendar.change(event, after, actor=actor)
        return agenda.find(event.organisation, event.pk)
    master = event.master or event
    series.change_occurrence(master, wall, after, actor=actor)
    return finding.occurrence(agenda.find(event.organisation, master.pk), wall)


def _said(before: EventData, entry: Entry, asked: Asked, start_s: int, end_s: int) -> EventData:
    """An event's data with what is asked for in it."""
    changes: dict[str, Any] = {}
    if (start_s, end_s) != (entry.start_s, entry.end_s):
        tzid, start_wall = on_the_clock(canonical(before.timezone) or "UTC", start_s)
        changes |= {"timezone": tzid, "start_wall": start_wall, "duration": end_s - start_s}
        changes |= {"all_day": False, "floating": False}
    if asked.title:
        changes["title"] = asked.title
    if asked.description is not None:
        changes |= {"description": asked.description, "description_type": "text/plain"}
    if asked.status in ("planned", "requested"):
        changes["status"] = EventRow.Status.CONFIRMED if asked.status == "planned" else EventRow.Status.TENTATIVE
    elif asked.status is not None:
        raise NotAllowed(f"An event that is no booking cannot become {asked.status}.")
    if asked.people is not None:
        changes["people"] = _with_guests(before, asked.people)
    return replace(before, **changes)
