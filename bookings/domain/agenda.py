"""Every commitment of an organisation's time behind one face: calendar events, and bookings with their events.

The dialects differ in what they call these and in which of them they can make; all of them read and change them here,
so that what one makes the others see. Times are UTC seconds.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.db.models import Prefetch, Q, QuerySet

from bookings.domain import calendar, reserve
from bookings.domain.audit import Actor
from bookings.domain.busy import replaced_in
from bookings.domain.errors import Invalid, NotFound
from bookings.domain.event_rows import home_zone, recurs
from bookings.domain.light import Table
from bookings.domain.statements import among, ids, texts
from bookings.engine.zones import canonical, zone
from bookings.models import Booking, Calendar, Claim, Contact, Event, EventType, Host, Mirror, Organisation, Participant
from bookings.models.ledger import LONGEST_CLAIM

_EVENTS, _BOOKINGS, _CONTACTS, _PEOPLE = map(Table, (Event, Booking, Contact, Participant))

_ENDED = {Booking.State.DECLINED, Booking.State.CANCELLED, Booking.State.RESCHEDULED, Booking.State.ERROR}
_OPEN = {Booking.State.REQUESTED, Booking.State.HELD}


@dataclass(frozen=True)
class Entry:
    """One commitment: a calendar event (of a series, one occurrence), or a booking with the event it has in calendars.

    `event` is None for a booking that holds no time, `booking` for a plain event. `recurrence_wall` names the
    occurrence inside its series and is None for everything else.
    """

    event: Event | None
    booking: Booking | None
    start_s: int
    end_s: int
    recurrence_wall: int | None = None

    def _at(self, other: Entry) -> Entry:
        """This entry, at the occurrence of another."""
        return replace(self, start_s=other.start_s, end_s=other.end_s, recurrence_wall=other.recurrence_wall)

    @property
    def thing(self) -> Booking | Event:
        """What the entry is named after: the booking, or else the event."""
        found = self.booking or self.event
        assert found is not None
        return found

    @property
    def key(self) -> uuid.UUID:
        """What `find` takes."""
        return self.thing.pk

    @property
    def title(self) -> str:
        return self.thing.title

    @property
    def description(self) -> str:
        return self.thing.description

    @property
    def location(self) -> str:
        return self.thing.location

    @property
    def timezone(self) -> str:
        """The zone in which it was arranged: the event's, or else the customer's."""
        return self.event.timezone if self.event else self.thing.timezone

    @property
    def status(self) -> str:
        """confirmed, tentative or cancelled (RFC 5545 STATUS)."""
        if self.booking is not None:
            if self.booking.state in _ENDED:
                return Event.Status.CANCELLED
            return Event.Status.TENTATIVE if self.booking.state in _OPEN else Event.Status.CONFIRMED
        assert self.event is not None
        return Event.Status.CANCELLED if self.event.deleted_at else self.event.status

    @property
    def host(self) -> Host | None:
        """Whose calendar it is in: of a booking with several hosts, the first."""
        return self.event.calendar.account.host if self.event else None

    @property
    def people(self) -> list[Participant]:
        """Owner, hosts and guests, in a fixed order."""
        if self.event is None:
            return []
        attached = getattr(self.event, "people", None)
        found = self.event.participants.all() if attached is None else attached
        return sorted(found, key=lambda one: (len(one.key), one.key))


def listing(
    organisation: Organisation,
    lo: int,
    hi: int,
    *,
    hosts: Collection[Host] | None = None,
    calendars: Collection[Calendar] | None = None,
    cancelled: bool = False,
) -> list[Entry]:
    """What overlaps [lo, hi) in the time of these hosts, or in these calendars, or of the whole organisation; in order.

    Series are expanded. `cancelled` adds bookings that were cancelled or declined. The number of queries does not
    depend on how much there is. Events, bookings, contacts and people in it are light rows (see `light`): only to read.
    """
    places = {place.pk: place for place in _places(organisation, hosts, calendars)}
    where = places if calendars is not None else None
    booked = _bookings(organisation, lo, hi, hosts, where, cancelled)
    found = _plain(places, lo, hi) + [Entry(each.event, each, each.start_s, each.end_s) for each in booked]
    _attach_people([entry.event for entry in found if entry.event], places)
    return sorted(found, key=lambda each: (each.start_s, each.end_s, each.key))


def reach(organisation: Organisation, lo: int, hi: int, hosts: Collection[Host], count: int) -> int:
    """A second up to which so many entries of these hosts start from `lo` on, at most `hi`: where a page may end.

    Two queries. Occurrences of series are not counted, so there may be more of them.
    """
    plain = Event.objects.for_tenant(organisation).filter(calendar__account__host__in=hosts, deleted_at=None)
    booked = Claim.objects.for_tenant(organisation).filter(host__in=hosts, booking__isnull=False)
    found: list[int] = []
    for rows in (plain.exclude(origin=Event.Origin.BOOKING), booked):
        starts = rows.filter(start_s__gte=lo, start_s__lt=hi).order_by("start_s").values_list("start_s", flat=True)
        found += starts[:count]
    return sorted(found)[count - 1] + 1 if len(found) >= count else hi


def find(organisation: Organisation | uuid.UUID, key: uuid.UUID) -> Entry:
    """A booking or an event by its id; of a series, its first occurrence. An event that was deleted is gone.

    :raises NotFound: also for those of other organisations.
    """
    booking = _whole(Booking.objects.for_tenant(organisation)).filter(Q(pk=key) | Q(event=key)).first()
    if booking is not None:
        return Entry(booking.event, booking, booking.start_s, booking.end_s)
    events = Event.objects.for_tenant(organisation).filter(pk=key, deleted_at=None)
    event = events.select_related("calendar__account__host", "master").prefetch_related("participants").first()
    if event is None:
        raise NotFound("There is no such event.")
    return Entry(event, None, event.start_s, event.end_s, event.recurrence_wall)


@transaction.atomic
def change(
    entry: Entry,
    *,
    actor: Actor,
    start_s: int | None = None,
    end_s: int | None = None,
    timezone: str | None = None,
    title: str | None = None,
    description: str | None = None,
    location: str | None = None,
    forced: bool = False,
) -> Entry:
    """Move an entry, or say something else in it; None leaves as it is. The new entry comes back.

    A booking's time is asked for as any booking's is, unless `forced`.

    :raises SlotTaken: when a booking cannot have that time.
    :raises Invalid, NotAllowed: as the verbs of bookings and events do.
    """
    entry = find(entry.thing.organisation_id, entry.key)._at(entry)
    begin, end = (entry.start_s if start_s is None else start_s), (entry.end_s if end_s is None else end_s)
    if start_s is not None and end_s is None:
        end = begin + entry.end_s - entry.start_s
    if end <= begin:
        raise Invalid("The end must be after the start.", field="end")
    texts: dict[str, Any] = {"title": title, "description": description, "location": location}
    if entry.booking is not None:
        _change_booking(entry.booking, begin, end, texts, actor, forced)
    else:
        _change_event(entry, begin, end, timezone, texts, actor)
    return find(entry.thing.organisation_id, entry.key)


def cancel(entry: Entry, *, actor: Actor, by: str = Booking.By.HOST, reason: str = "") -> None:
    """Take an entry back, for whoever `by` says (`Booking.By`): a whole series, if it is one. Twice is once."""
    entry = find(entry.thing.organisation_id, entry.key)
    if entry.booking is not None:
        reserve.cancel(entry.booking, by=by, actor=actor, reason=reason)
    elif entry.event is not None:
        calendar.delete(entry.event, actor=actor)


def _places(
    organisation: Organisation, hosts: Collection[Host] | None, calendars: Collection[Calendar] | None
) -> list[Calendar]:
    places = Calendar.objects.for_tenant(organisation).select_related("account__host")
    if hosts is not None:
        places = places.filter(account__host__in=hosts)
    if calendars is not None:
        places = places.filter(pk__in=[each.pk for each in calendars])
    return list(places)


def _plain(places: dict[uuid.UUID, Calendar], lo: int, hi: int) -> list[Entry]:
    """The occurrences of events that are no booking's."""
    source = (
        f"WHERE calendar_id {among()} AND deleted_at IS NULL AND start_s < %s AND (until_s IS NULL OR until_s >= %s)"
        " AND status <> 'cancelled' AND origin <> 'booking'"
    )
    events = _EVENTS.rows(source, [ids(places), hi, lo])
    series = [event.id for event in events if recurs(event)]
    replaced = replaced_in(_EVENTS.rows(f"WHERE master_id {among()}", [ids(series)]) if series else ())
    homes = {pk: home_zone(place, place.account.host) for pk, place in places.items()}
    return [
        Entry(event, None, each.start_s, each.end_s, each.wall if recurs(event) else event.recurrence_wall)
        for event in events
        for each in calendar.happenings(event, homes[event.calendar_id], lo, hi, replaced.get(event.id, ()))
    ]


def _bookings(
    organisation: Organisation,
    lo: int,
    hi: int,
    hosts: Collection[Host] | None,
    places: Collection[uuid.UUID] | None,
    cancelled: bool,
) -> list[Any]:
    conditions = [f"organisation_id {among()}", "start_s > %s", "start_s < %s", "end_s > %s"]
    parameters: list[Any] = [ids([organisation.pk]), lo - LONGEST_CLAIM - 1, hi, lo]
    if not cancelled:
        conditions.append(f"NOT (state {among()})")
        parameters.append(texts(sorted(_ENDED)))
    if places is not None:
        held = f"SELECT id FROM {_EVENTS.name} WHERE calendar_id {among()}"
        shown = f"SELECT event_id FROM {Mirror._meta.db_table} WHERE calendar_id {among()}"
        conditions.append(f"event_id IN ({held} UNION {shown})")
        parameters += [ids(places), ids(places)]
    found = _BOOKINGS.rows(f"WHERE {' AND '.join(conditions)}", parameters)
    if hosts is not None:
        # A booking that never held time has no claim: its hosts are those it was assigned to.
        asked = {str(host.pk) for host in hosts}
        found = [booking for booking in found if asked & set(booking.assignment.get("hosts", ()))]
    _attach(found, "event", _EVENTS)
    _attach(found, "contact", _CONTACTS)
    kinds = EventType.objects.for_tenant(organisation).in_bulk({each.event_type_id for each in found} - {None})
    for booking in found:
        booking.event_type = kinds.get(booking.event_type_id)
    return found


def _attach(rows: list[Any], relation: str, table: Table) -> None:
    """Give each row what its relation points at, or None; one query."""
    wanted = {key for row in rows if (key := getattr(row, f"{relation}_id")) is not None}
    there = {each.id: each for each in table.rows(f"WHERE id {among()}", [ids(wanted)])} if wanted else {}
    for row in rows:
        setattr(row, relation, there.get(getattr(row, f"{relation}_id")))


def _attach_people(events: list[Any], places: dict[uuid.UUID, Calendar]) -> None:
    """Give each event its participants and its calendar, with account and host; three queries at most."""
    people: dict[uuid.UUID, list[Any]] = defaultdict(list)
    for person in _PEOPLE.rows(f"WHERE event_id {among()}", [ids({event.id for event in events})]):
        people[person.event_id].append(person)
    elsewhere = {event.calendar_id for event in events} - places.keys()
    if elsewhere:
        found = Calendar.everywhere.select_related("account__host").filter(pk__in=elsewhere)
        places = places | {place.pk: place for place in found}
    for event in events:
        event.people, event.calendar = people[event.id], places[event.calendar_id]


def _whole(bookings: QuerySet[Booking]) -> QuerySet[Booking]:
    people = Prefetch("event__participants", Participant.everywhere.order_by("key"))
    related = ("event__calendar__account__host", "event_type", "contact", "scheduler_request", "organisation")
    return bookings.select_related(*related).prefetch_related(people)


def _change_booking(booking: Booking, begin: int, end: int, texts: dict[str, Any], actor: Actor, forced: bool) -> None:
    if (begin, end) != (booking.start_s, booking.end_s):
        terms = replace(reserve.terms_of(booking), length=end - begin)
        reserve.move(booking, terms, begin, actor=actor, forced=forced)
    if any(text is not None for text in texts.values()):
        reserve.describe(booking, actor=actor, **texts)


def _change_event(
    entry: Entry, begin: int, end: int, timezone: str | None, texts: dict[str, Any], actor: Actor
) -> None:
    event = entry.event
    assert event is not None
    changes: dict[str, Any] = {name: text for name, text in texts.items() if text is not None}
    if timezone is not None or (begin, end) != (entry.start_s, entry.end_s):
        tzid = canonical(timezone if timezone is not None else event.timezone)
        if tzid is None:
            raise Invalid("This is not a time zone we know.", field="timezone")
        changes |= {"timezone": tzid, "start_wall": zone(tzid).to_wall(begin), "duration": end - begin}
        changes |= {"all_day": False, "floating": False}
    if changes:
        calendar.change(event, replace(calendar.data_of(event), **changes), actor=actor)
