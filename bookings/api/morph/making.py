"""From what an application asks for to a booking: which hosts, under which terms, for whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from django.db.models import QuerySet

from bookings.api.morph import offers, wire
from bookings.api.morph.asked import Asked, Attendee
from bookings.api.morph.gathering import offered_by
from bookings.api.reader import Reader
from bookings.domain import agenda, refs, reserve
from bookings.domain.agenda import Entry
from bookings.domain.audit import Actor
from bookings.domain.availability import Terms, of_event_type
from bookings.domain.terms import limits_of
from bookings.models import Booking, Event, EventType, Host, Organisation

_USUAL_S = 30 * 60


def book(owner: Host, hosts: QuerySet[Host], asked: Asked, reader: Reader, *, actor: Actor) -> Entry:
    """Book what is asked for in the time of the connection's host and of those of `hosts` who are named beside them.

    Raises Refusal for what cannot be read, and what `reserve.book` raises.
    """
    offered = _offered(owner, asked, reader)
    named = _named(hosts, owner.organisation, asked, reader)
    length = _length(asked, offered, reader)
    if asked.status in ("inProgress", "completed", "canceled"):
        reader.wrong("status", "invalid", "status of a new event may be planned or requested.")
    if offered is not None and asked.answers is not None:
        offers.check_answers(list(offered.questions.all()), asked.answers, reader)
    terms = _terms(_together(owner, named, asked), named, offered, length, reader)
    reader.finish()
    assert asked.start_s is not None
    booking = reserve.book(owner.organisation, terms, asked.start_s, _wish(asked, offered, owner), actor=actor)
    refs.keep(wire.SURFACE, "booking", booking, {"owner": str(owner.pk)})
    keep(booking, asked.people or [])
    return agenda.find(owner.organisation, booking.pk)


def keep(thing: Booking | Event | refs.Named, people: Sequence[Attendee]) -> None:
    """Remember how names were split, which a read gives back as they were written."""
    kind = "booking" if isinstance(thing, Booking) else "event"
    refs.keep(wire.SURFACE, kind, thing, {"externalAttendees": [each.said for each in people]})


def hosts_called(hosts: QuerySet[Host], organisation: Organisation, ids: Sequence[str]) -> dict[str, Host]:
    """Those of the hosts who have these ids, without ids that name none of them."""
    known = refs.resolve_all(organisation, wire.SURFACE, "host", ids)
    found = hosts.in_bulk(known.values())
    return {each: found[pk] for each, pk in known.items() if pk in found}


def _offered(owner: Host, asked: Asked, reader: Reader) -> EventType | None:
    if not asked.event_type:
        return None
    known = refs.resolve(owner.organisation, wire.SURFACE, "event_type", asked.event_type)
    found = offered_by(owner).filter(pk=known, is_active=True).first() if known else None
    if found is None:
        reader.wrong("eventType.id", "invalid", "eventType.id is no active event type of this connection.")
    return found


def _named(hosts: QuerySet[Host], organisation: Organisation, asked: Asked, reader: Reader) -> list[Host]:
    """Organizer and internal attendees, each once."""
    ids = [each for each in (asked.organizer, *(asked.attendees or ())) if each]
    found = hosts_called(hosts, organisation, ids)
    for each in ids:
        if each not in found:
            path = "organizer.id" if each == asked.organizer else "attendees"
            reader.wrong(path, "invalid", f"{path} names nobody who can be booked here: {each[:100]!r}.")
    return list({found[each].pk: found[each] for each in ids if each in found}.values())


def _length(asked: Asked, offered: EventType | None, reader: Reader) -> int:
    """Seconds: told by the end, by the duration, by both alike, or else usual for the event type."""
    told = asked.length_s
    if asked.end_s is not None and asked.start_s is not None:
        until_end = asked.end_s - asked.start_s
        if until_end <= 0:
            reader.wrong("endTime", "invalid", "endTime must be after startTime.")
        elif told not in (None, until_end):
            reader.wrong("duration", "invalid", "duration does not agree with startTime and endTime.")
        told = until_end
    if offered is None:
        return told or _USUAL_S
    if told is not None and told not in [minutes * 60 for minutes in offered.durations]:
        possible = ", ".join(map(str, offered.durations))
        reader.wrong("duration", "invalid", f"duration of this event type may be {possible} minutes.")
    return told or offered.durations[0] * 60


def _together(owner: Host, named: list[Host], asked: Asked) -> list[Host]:
    """Everybody who is needed, each once: the organizer first, else the owner, whose calendar the connection is."""
    first = named[:1] if asked.organizer else []
    return list({host.pk: host for host in (*first, owner, *named)}.values())


def _terms(hosts: list[Host], named: list[Host], offered: EventType | None, length: int, reader: Reader) -> Terms:
    if offered is None:
        limits = tuple(limit for host in hosts for limit in limits_of("host", host.pk, host.limits))
        # Programs may book what could not be checked lately; the booking is flagged.
        return Terms(tuple(hosts), length, required=len(hosts), step=60, refuse_unknown=False, limits=limits)
    terms = of_event_type(offered, minutes=max(1, length // 60))
    if terms.required == len(terms.hosts) and not named:
        return terms
    possible = {host.pk: host for host in terms.hosts}
    if any(host.pk not in possible for host in hosts):
        reader.wrong("attendees", "invalid", "attendees and organizer must be hosts of the event type.")
        return terms
    chosen = possible if len(hosts) < terms.required else {host.pk: host for host in hosts}
    return replace(terms, hosts=tuple(chosen.values()), required=max(terms.required, len(hosts)), preference=())


def _wish(asked: Asked, offered: EventType | None, owner: Host) -> reserve.Wish:
    people = asked.people or []
    first = people[0] if people else Attendee("")
    return reserve.Wish(
        title=asked.title or _title(offered, first),
        timezone=owner.timezone,
        name=first.name,
        email=first.email,
        phone=first.phone,
        description=asked.description or "",
        answers=asked.answers or {},
        guests=tuple(each.person for each in people[1:]),
        surface=wire.SURFACE,
        event_type=offered,
        confirmed=False if asked.status == "requested" else None,
    )


def _title(offered: EventType | None, first: Attendee) -> str:
    if offered is not None:
        return offered.name
    who = first.name or first.email
    return f"Meeting with {who}" if who else "Meeting"
