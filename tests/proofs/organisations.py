"""The rows of a drawn configuration, made in bulk."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from bookings.domain import busy, event_rows
from bookings.domain.availability import Terms, of_event_type, of_group, of_host
from bookings.domain.ledger import Wish
from bookings.engine.intervals import Interval
from bookings.engine.zones import DAY, zone
from bookings.formats.event import DECLINED, EventData
from bookings.models import (
    Account,
    Booking,
    Calendar,
    Claim,
    Contact,
    Event,
    EventType,
    GroupMember,
    GroupRule,
    Host,
    Opening,
    Organisation,
    Override,
    Schedule,
    Seat,
)
from tests.proofs.configurations import Agenda, Blocks, Configuration, Extra, Happening, Person, Taken, as_date, counts

HORIZON = busy.AHEAD


@dataclass
class World:
    """A configuration that has rows. `blocking` and `claimed` are what the rows were made from, host by host."""

    organisation: Organisation
    configuration: Configuration
    customers: list[Contact]
    ids: Iterator[uuid.UUID] = field(default_factory=lambda: (uuid.UUID(int=number) for number in itertools.count(1)))
    hosts: list[Host] = field(default_factory=list)
    calendars: list[Calendar] = field(default_factory=list)
    bookings: list[Booking] = field(default_factory=list)
    hosts_of: dict[uuid.UUID, list[Host]] = field(default_factory=dict)
    """The hosts of each booking."""
    guests_of: dict[uuid.UUID, list[Contact]] = field(default_factory=dict)
    """Whom each booking is for: one customer, or those who have its seats."""
    group: GroupRule | None = None
    event_type: EventType | None = None
    blocking: dict[uuid.UUID, list[Interval]] = field(default_factory=lambda: defaultdict(list))
    claimed: dict[uuid.UUID, list[tuple[int, int, int, int]]] = field(default_factory=lambda: defaultdict(list))
    """Live claims: start, end, seconds kept free before and after."""
    cores: dict[uuid.UUID, list[Interval]] = field(default_factory=lambda: defaultdict(list))
    """What the database guards: live claims and holds that have expired."""

    @property
    def rules(self) -> Any:
        return self.configuration.rules

    @property
    def base(self) -> int:
        """`now` on a five-minute clock, from which everything taken is counted."""
        return self.configuration.now // 300 * 300

    @property
    def minutes(self) -> int:
        return self.rules.minutes[-1]

    @property
    def lo(self) -> int:
        return self.configuration.lo

    @property
    def hi(self) -> int:
        return self.lo + self.configuration.days * DAY

    @property
    def customer(self) -> Contact | None:
        """Who asks, where that is known beforehand."""
        return None if self.rules.customer is None else self.customers[self.rules.customer]

    @property
    def own_seats(self) -> set[int]:
        """Starts of sessions in which that customer has a seat: asking again gives the same one."""
        live = (booking for booking in self.bookings if booking.seats_taken and booking.state in Booking.LIVE)
        return {booking.start_s for booking in live if self.customer in self.guests_of[booking.pk]}

    @property
    def asked(self) -> list[Host]:
        """The hosts whose time is asked for."""
        return self.hosts[: 1 if self.rules.of == "host" else self.configuration.members]

    @property
    def agendas(self) -> list[Agenda]:
        """What the calendars were made from, in their order."""
        return [agenda for person in self.configuration.people for agenda in person.agendas]

    def blocks(self, calendar: Calendar) -> bool:
        """Whether a calendar blocks what is asked for: its own setting, or the event type's choice of calendars."""
        chosen = self.rules.own_calendars & (1 << len(self.calendars)) - 1
        if self.event_type is None or not chosen:
            return calendar.blocks
        return bool(chosen >> self.calendars.index(calendar) & 1)

    @property
    def own_week(self) -> tuple[Blocks, ...] | None:
        """Hours of the event type."""
        return self.rules.own_week if self.event_type is not None else None

    @property
    def has_stand_ins(self) -> bool:
        exceptions = (each for person in self.configuration.people for each in person.exceptions)
        return any(each.kind == "leave" and each.colleague is not None for each in exceptions)

    @property
    def wish(self) -> Wish:
        email = self.customer.email if self.customer else "new@example.org"
        return Wish("Talk", "Europe/Paris", name="Doc", email=email, event_type=self.event_type, group_rule=self.group)

    def own(self, model: Any, **values: Any) -> Any:
        """An unsaved row of this organisation with the next id: the same ones in every run of a configuration."""
        return model(pk=next(self.ids), organisation=self.organisation, **values)

    def terms(self) -> Terms:
        rules = self.rules
        if self.event_type is not None:
            kind = EventType.everywhere.select_related("group_rule", "schedule").get(pk=self.event_type.pk)
            return of_event_type(kind, minutes=self.minutes, contact=self.customer)
        plain = {
            "minutes": self.minutes,
            "before": rules.before,
            "after": rules.after,
            "notice": rules.notice,
            "window_days": rules.window_days,
        }
        if self.group is not None:
            return of_group(self.group, **plain)
        return of_host(Host.everywhere.select_related("schedule").get(pk=self.hosts[0].pk), **plain)


def made_customers(organisation: Organisation) -> list[Contact]:
    """Customers for any number of configurations: two who may ask, and others who have seats already."""
    return Contact.everywhere.bulk_create(
        Contact(organisation=organisation, email=f"customer{number}@example.org") for number in range(5)
    )


def build(organisation: Organisation, configuration: Configuration, customers: list[Contact]) -> World:
    """Make the rows. Call while the clock stands at the configuration's `now`."""
    world = World(organisation, configuration, customers)
    _people(world)
    _calendars(world)
    _exceptions(world)
    _extras(world)
    _offers(world)
    _ledger(world)
    _happenings(world)
    return world


def _weekly(week: Sequence[Sequence[tuple[int, int]]]) -> list[list[list[int]]]:
    return [[list(block) for block in blocks] for blocks in week]


def _people(world: World) -> None:
    people = world.configuration.people
    schedules = [world.own(Schedule, weekly=_weekly(person.week)) for person in people]
    Schedule.everywhere.bulk_create(schedules)
    world.hosts = [
        world.own(
            Host,
            name=f"Host {number}",
            slug=f"drawn-{number}",
            email=f"host{number}@example.org",
            timezone=person.timezone,
            schedule=schedules[number],
            stale_after_minutes=60,
            limits=counts(person.limits),
            holiday_country=person.country,
            is_active=person.active,
        )
        for number, person in enumerate(people)
    ]


def _calendars(world: World) -> None:
    accounts: dict[tuple[int, bool], Account] = {}
    for number, person in enumerate(world.configuration.people):
        for agenda in person.agendas:
            key = (number, agenda.local)
            if key not in accounts:
                provider = "local" if agenda.local else "caldav"
                accounts[key] = world.own(Account, host=world.hosts[number], provider=provider, label=provider)
            world.calendars.append(_calendar(world, agenda, accounts[key]))
    for calendar in reversed(world.calendars):
        calendar.account.host.booking_calendar_id = calendar.pk
    Host.everywhere.bulk_create(world.hosts)
    Account.everywhere.bulk_create(accounts.values())
    Calendar.everywhere.bulk_create(world.calendars)


def _calendar(world: World, agenda: Agenda, account: Account) -> Calendar:
    now = world.configuration.now
    verified = None if agenda.verified is None else now - agenda.verified * 60
    return world.own(
        Calendar,
        account=account,
        external_id=f"calendar-{len(world.calendars)}",
        name=f"Calendar {len(world.calendars)}",
        timezone=agenda.timezone,
        blocks=agenda.blocks,
        tentative_blocks=agenda.tentative,
        free_blocks=agenda.free,
        away_blocks=agenda.away,
        last_verified_at=None if verified is None else dt.datetime.fromtimestamp(verified, dt.UTC),
        expanded_until_s=now + (HORIZON if agenda.rows_until is None else agenda.rows_until * 60),
    )


def _exceptions(world: World) -> None:
    rows = []
    for number, person in enumerate(world.configuration.people):
        for each in person.exceptions:
            first = world.configuration.today + each.first
            colleague = world.hosts[each.colleague % len(world.hosts)] if each.colleague is not None else None
            rows.append(
                world.own(
                    Override,
                    host=world.hosts[number],
                    kind=each.kind,
                    first_day=as_date(first),
                    last_day=as_date(first + each.days - 1),
                    blocks=[list(block) for block in each.blocks],
                    timezone=each.timezone if each.kind == "travel" else "",
                    redirect_to=colleague if each.kind == "leave" else None,
                )
            )
    Override.everywhere.bulk_create(rows)


def _extras(world: World) -> None:
    def opening(number: int, extra: Extra) -> Opening:
        start = world.base + extra.at * 60
        once = {"start_s": start, "end_s": start + extra.minutes * 60}
        hours = once if extra.week is None else {"weekly": _weekly(extra.week)}
        return world.own(Opening, host=world.hosts[number], timezone=extra.timezone, **hours)

    people = enumerate(world.configuration.people)
    Opening.everywhere.bulk_create(opening(number, extra) for number, person in people for extra in person.extras)


def _offers(world: World) -> None:
    members = world.asked
    if "group" in world.rules.of:
        _group(world, members)
    if "type" in world.rules.of:
        world.event_type = _event_type(world)
        world.event_type.save(force_insert=True)
        world.event_type.hosts.set([] if world.group else members)
        chosen = [each for at, each in enumerate(world.calendars) if world.rules.own_calendars >> at & 1]
        if chosen:
            world.event_type.calendars.set(chosen)


def _group(world: World, members: list[Host]) -> None:
    world.group = world.own(GroupRule, name="Team", mode=world.rules.mode, required=world.rules.required)
    world.group.save(force_insert=True)

    def member(host: Host, person: Person) -> GroupMember:
        rank = {"priority": person.priority, "weight": person.weight, "cap_per_day": person.cap}
        return world.own(GroupMember, rule=world.group, host=host, **rank)

    people = world.configuration.people
    GroupMember.everywhere.bulk_create(member(host, people[at]) for at, host in enumerate(members))


def _event_type(world: World) -> EventType:
    rules, today = world.rules, world.configuration.today
    schedule = None
    if rules.own_week is not None:
        schedule = world.own(Schedule, weekly=_weekly(rules.own_week))
        schedule.save(force_insert=True)
    return world.own(
        EventType,
        name="Talk",
        slug="talk",
        group_rule=world.group,
        schedule=schedule,
        durations=list(rules.minutes),
        slot_interval=rules.step,
        buffer_before=rules.before,
        buffer_after=rules.after,
        minimum_notice=rules.notice,
        window=rules.window,
        window_days=rules.window_days,
        window_first=None if rules.window_first < 0 else as_date(today + rules.window_first),
        window_last=None if rules.window_days == 60 else as_date(today + max(rules.window_first, rules.window_days)),
        limits=counts(rules.limits),
        customer_limits=counts(rules.customer_limits),
        first_slot_only=rules.first_only,
        capacity=rules.capacity,
        needs_confirmation=rules.needs_confirmation,
        pending_blocks=rules.pending_blocks,
        when_unknown="refuse" if rules.refuse_unknown else "flag",
    )


_STATES = {"booked": "confirmed", "held": "held", "requested": "requested", "cancelled": "cancelled"}
_CLAIMS = {"booked": "booked", "held": "booked", "hold": "hold", "expired": "hold", "cancelled": "released"}


def _ledger(world: World) -> None:
    claims, seats = [], []
    for taken in world.configuration.taken:
        who = [host for at, host in enumerate(world.hosts) if taken.who >> at & 1]
        start = world.base + taken.at * 60
        end = start + (taken.minutes or world.minutes) * 60
        if not who or not _has_room(world, taken, who, start, end):
            continue
        booking = None
        if taken.state in _STATES:
            booking = _booking(world, taken, start, end)
            world.bookings.append(booking)
            world.hosts_of[booking.pk] = who
            seats += _seats(world, booking)
        if taken.state in _CLAIMS:
            claims += [_claim(world, taken, host, start, end, booking) for host in who]
    Booking.everywhere.bulk_create(world.bookings)
    Claim.everywhere.bulk_create(claims)
    Seat.everywhere.bulk_create(seats)


def _has_room(world: World, taken: Taken, who: list[Host], start: int, end: int) -> bool:
    """Whether the database would take these claims; what they keep free is noted."""
    if taken.state not in ("booked", "held", "hold", "expired"):
        return True
    if any(begin < end and start < stop for host in who for begin, stop in world.cores[host.pk]):
        return False
    for host in who:
        world.cores[host.pk].append((start, end))
        if taken.state != "expired":
            world.claimed[host.pk].append((start, end, taken.before * 60, taken.after * 60))
    return True


def _booking(world: World, taken: Taken, start: int, end: int) -> Booking:
    ours = taken.same_type and world.event_type is not None
    customer = [] if taken.customer is None else [world.customers[taken.customer]]
    seats = min(taken.seats, world.rules.capacity) if ours and world.rules.capacity > 1 else 0
    booking = world.own(
        Booking,
        event_type=world.event_type if ours else None,
        contact=customer[0] if customer and not seats else None,
        title="Earlier",
        start_s=start,
        end_s=end,
        timezone="UTC",
        start_wall=start,
        state=_STATES[taken.state],
        seats_taken=seats,
    )
    world.guests_of[booking.pk] = [*customer, *world.customers[2:]][:seats] if seats else customer
    return booking


def _seats(world: World, booking: Booking) -> list[Seat]:
    def seat(number: int, guest: Contact) -> Seat:
        return world.own(Seat, booking=booking, number=number, contact=guest, manage_digest=next(world.ids).hex)

    guests = world.guests_of[booking.pk] if booking.seats_taken else []
    return [seat(number, guest) for number, guest in enumerate(guests, 1)]


def _claim(world: World, taken: Taken, host: Host, start: int, end: int, booking: Booking | None) -> Claim:
    now = world.configuration.now
    return world.own(
        Claim,
        host=host,
        start_s=start,
        end_s=end,
        pad_before_s=taken.before * 60,
        pad_after_s=taken.after * 60,
        state=_CLAIMS[taken.state],
        expires_s={"hold": now + 1, "expired": now}.get(taken.state),
        booking=booking,
    )


def _happenings(world: World) -> None:
    written: list[tuple[Calendar, list[Event], str]] = []
    for calendar, agenda in zip(world.calendars, world.agendas, strict=True):
        home = event_rows.home_zone(calendar, calendar.account.host)
        events = [event for each in agenda.happenings for event in _events(world, calendar, home, each)]
        written.append((calendar, events, home))
    Event.everywhere.bulk_create(event for _, events, _ in written for event in events)
    for (calendar, events, home), agenda in zip(written, world.agendas, strict=True):
        if events:
            busy.write(events, calendar, home)
        if world.blocks(calendar):
            world.blocking[calendar.account.host_id] += _time_of(world, events, home, agenda)


def _events(world: World, calendar: Calendar, home: str, happening: Happening) -> list[Event]:
    """The event, and the moved occurrence of a series."""
    master = world.own(Event, calendar=calendar, origin="pulled", uid=next(world.ids).hex)
    data = _data(happening, world.base + happening.at * 60)
    event_rows.fill(master, data, home)
    if not happening.rule or happening.moved is None or happening.shape != "timed":
        return [master]
    wall = busy.happenings(master, home, master.start_s, master.start_s + 8 * DAY)[1].wall
    changed = world.own(Event, calendar=calendar, origin="pulled", uid=master.uid, master=master)
    start = zone(data.timezone).to_utc(wall) + happening.moved * 60
    single = _data(happening, start, rule="")
    event_rows.fill(changed, single, home)
    changed.recurrence_wall = wall
    return [master, changed]


def _data(happening: Happening, start: int, rule: str | None = None) -> EventData:
    rule = happening.rule if rule is None else rule
    wall, duration = zone(happening.timezone).to_wall(start), happening.minutes * 60
    if happening.shape == "all_day":
        wall, duration = wall // DAY * DAY, max(1, -(-duration // DAY)) * DAY
    declined = happening.status == "declined"
    return EventData(
        "Elsewhere",
        wall,
        happening.timezone,
        duration,
        all_day=happening.shape == "all_day",
        floating=happening.shape == "floating",
        status="confirmed" if declined else happening.status,
        free_busy_status=happening.kind,
        recurrence_rules=(rule,) if rule else (),
        raw={DECLINED: True} if declined else {},
    )


def _time_of(world: World, events: list[Event], home: str, agenda: Agenda) -> Iterator[Interval]:
    """What these events take of the days that are listed, by the calendar's policy."""
    policy = {"busy": True, "tentative": agenda.tentative, "free": agenda.free, "away": agenda.away}
    moved = {event.recurrence_wall for event in events if event.master_id}
    for event in events:
        kind = (
            "tentative" if (event.status, event.free_busy_status) == ("tentative", "busy") else event.free_busy_status
        )
        if event.status == "cancelled" or event.raw or not policy[kind]:
            continue
        replaced = {each.recurrence_wall for each in events if each.master_id == event.pk}
        found = busy.happenings(event, home, world.lo - 4 * DAY, world.hi + 4 * DAY, replaced & moved)
        yield from ((each.start_s, each.end_s) for each in found if each.start_s < each.end_s)
