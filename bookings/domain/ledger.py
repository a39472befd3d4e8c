"""What a reservation writes, under the hosts' locks: claims, the event with its outbox, the customer."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.utils.timezone import now as utc_now

from bookings.domain import contacts, outbox, rooms, rows
from bookings.domain.accounts import ensure_local
from bookings.domain.event_rows import checked, fill, home_zone, people_rows
from bookings.domain.locks import lock_hosts
from bookings.domain.statements import Write, change
from bookings.domain.terms import Terms
from bookings.engine.zones import zone
from bookings.formats.event import EventData, Person
from bookings.models import (
    Account,
    Calendar,
    Claim,
    Contact,
    Event,
    EventType,
    GroupRule,
    Host,
    Organisation,
    Participant,
    SchedulerRequest,
)


@dataclass(frozen=True)
class Wish:
    """Who wants what: everything about a booking but its time and hosts. `timezone` is the customer's (IANA).

    `guests` come along with the customer.
    `contact` is the customer where it is known who that is; otherwise they are found or made by what is said of them.
    `confirmed` says whether the booking is confirmed at once, and `keeps_time` whether one that is not keeps its time
    meanwhile, whatever its event type says.
    `room` is the kind of virtual room (`rooms.KINDS`), "" for none; None leaves it to the event type.
    `notify` is False when nobody is to be told of it.
    """

    title: str
    timezone: str
    name: str = ""
    email: str = ""
    phone: str = ""
    description: str = ""
    location: str = ""
    locale: str = ""
    answers: dict[str, Any] | None = None
    guests: tuple[Person, ...] = ()
    surface: str = "staff"
    event_type: EventType | None = None
    group_rule: GroupRule | None = None
    scheduler_request: SchedulerRequest | None = None
    contact: Contact | None = None
    confirmed: bool | None = None
    keeps_time: bool | None = None
    room: str | None = None
    notify: bool = True


def lock(hosts: Sequence[Host]) -> dict[uuid.UUID, Host]:
    """Take the locks of everybody whose time may be taken: the hosts, and colleagues who may stand in for them.

    Their expired holds are let go, since the guard cannot see that they expired. Returns them as they are now, by id.
    """
    locked = {host.pk: host for host in lock_hosts((host.pk for host in hosts), stand_ins=True)}
    rows.release_expired_holds(locked, int(utc_now().timestamp()))
    return locked


def claims_of(
    organisation_id: uuid.UUID, terms: Terms, start: int, hosts: Sequence[Host], *, state: str, **rest: Any
) -> list[Claim]:
    """One claim a host for the slot, to be inserted; the database's guard has the last word."""
    return [
        Claim(
            organisation_id=organisation_id,
            host=host,
            start_s=start,
            end_s=start + terms.length,
            pad_before_s=terms.before,
            pad_after_s=terms.after,
            state=state,
            **rest,
        )
        for host in hosts
    ]


class Appointment(NamedTuple):
    """The event of a booking, with its people and the calendars that show it: its own first, then the other hosts'."""

    event: Event
    people: list[Participant]
    calendars: list[Calendar]

    @property
    def location(self) -> str:
        """Where it takes place: what is said of that, or else the room's address."""
        return self.event.location or str(self.event.conference.get("url", ""))

    @property
    def rows(self) -> tuple[Event | Participant, ...]:
        """What is to be inserted."""
        return self.event, *self.people

    def show(self) -> None:
        """Say in the outbox that it should be in every calendar that is elsewhere; after the rows are inserted.

        Also where a calendar cannot be written: the booking has been promised, and its outbox row tells the trouble.
        """
        for index, target in enumerate(self.calendars):
            if index or target.account.provider != Account.Provider.LOCAL:
                outbox.show(self.event, target)


def appointment(
    terms: Terms, start: int, wish: Wish, hosts: Sequence[Host], *, status: str, key: uuid.UUID
) -> Appointment:
    """One event for all hosts, whose locks are held. It makes nobody busy, since the claims do.

    `key` is the booking's id: its room stays the same whenever it gets an event again.
    With seats nobody's name is in it: guests of one session are strangers to each other.
    """
    first = hosts[0]
    tzid, start_wall = on_the_clock(first.timezone, start)
    room = rooms.of_booking(wish.event_type, wish.room, host=first, key=key)
    location = location_of(wish)
    data = EventData(
        title=wish.title,
        start_wall=start_wall,
        timezone=tzid,
        duration=terms.length,
        description=wish.description,
        location="" if location == room.get("url") else location,
        conference=room,
        status=status,
        people=(*_hosts_as_people(hosts), *_guests(terms, wish)),
    )
    checked(data)
    targets = [_booking_calendar(host) for host in hosts]
    event = Event(organisation_id=first.organisation_id, calendar=targets[0], origin=Event.Origin.BOOKING)
    fill(event, data, home_zone(targets[0], first))
    return Appointment(event, people_rows(event, data.people), targets)


def location_of(wish: Wish) -> str:
    """Where a booking takes place, as far as words say it: as was wished, or as its event type has it."""
    return wish.location or (rooms.place_of(wish.event_type) if wish.room is None else "")


def withdrawn(event: Event) -> tuple[Write, ...]:
    """Take a booking's event out of every calendar, under its host's lock; the row, to be written, stays for the
    record."""
    if event.deleted_at:
        return ()
    event.deleted_at = utc_now()
    event.status = Event.Status.CANCELLED
    event.revision += 1
    event.sequence += 1
    outbox.hide(event)
    return (change(event, "deleted_at", "status", "revision", "sequence"),)


def on_the_clock(tzid: str, start: int) -> tuple[str, int]:
    """The zone and wall seconds that mean this instant; UTC for the second pass of a repeated hour."""
    clock = zone(tzid)
    wall = clock.to_wall(start)
    return (tzid, wall) if clock.to_utc(wall) == start else ("UTC", start)


def contact_of(organisation: Organisation, wish: Wish) -> Contact | None:
    """The customer, one row an address; None when nobody is named."""
    if wish.contact is not None:
        return wish.contact
    if not (wish.email or wish.name):
        return None
    return contacts.get_or_create(
        organisation, email=wish.email, name=wish.name, phone=wish.phone, timezone=wish.timezone, locale=wish.locale
    )


def _hosts_as_people(hosts: Sequence[Host]) -> list[Person]:
    return [
        Person(host.email, host.name, "owner" if index == 0 else "host", "accepted", key=f"host-{index}")
        for index, host in enumerate(hosts)
        if host.email
    ]


def _guests(terms: Terms, wish: Wish) -> list[Person]:
    if terms.capacity > 1:
        return []
    return [*([Person(wish.email, wish.name, key="guest", phone=wish.phone)] if wish.email else []), *wish.guests]


def _booking_calendar(host: Host) -> Calendar:
    """Where the host wants bookings, or else the local calendar."""
    chosen = host.booking_calendar
    if chosen is not None and chosen.state != Calendar.State.GONE and chosen.is_writable:
        return chosen
    return ensure_local(host)
