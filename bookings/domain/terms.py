"""What is asked for: whose time, how much of it, and under which rules. Built from hosts, group rules, event types."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from django.utils.timezone import now as utc_now

from bookings.engine import hours, slots
from bookings.engine.zones import weekday, zone
from bookings.models import Contact, EventType, GroupMember, GroupRule, Host

Period = Literal["day", "week", "month"]
PERIODS: tuple[Period, ...] = ("day", "week", "month")

_EPOCH = date(1970, 1, 1).toordinal()
_FURTHEST = 3 * 366  # days; nobody's working days are rarer than one in ten


@dataclass(frozen=True)
class Limit:
    """At most `count` live bookings of one event type, one host or one customer in a local day, week or month."""

    of: Literal["event_type", "host", "contact"]
    key: uuid.UUID
    period: Period
    count: int


@dataclass(frozen=True)
class Terms:
    """The rules of one offer. Lengths are in seconds.

    `required` of the `hosts` must be free: one of one, any one, a number of them, or all. `earliest` and `latest`
    bound the start and the end in UTC seconds; `notice` counts from now.
    """

    hosts: tuple[Host, ...]
    length: int
    required: int = 1
    step: int = 1800
    before: int = 0
    after: int = 0
    notice: int = 0
    earliest: int = 0
    latest: int | None = None
    refuse_unknown: bool = True
    weekly: hours.WeeklyHours | None = None
    """Hours of the event type, read in each host's zone; None: the host's own."""
    calendars: frozenset[uuid.UUID] | None = None
    """The calendars that block for this event type; None: those that block for the host."""
    limits: tuple[Limit, ...] = ()
    first_only: bool = False
    """Only the first free slot of each local day of the first host."""
    event_type_id: uuid.UUID | None = None
    capacity: int = 1
    """Seats; above 1 a time that others booked for the same event type is offered until its seats are gone."""
    preference: tuple[tuple[int, int], ...] = ()
    """For each host (priority, weight); empty: all alike."""
    fairness_days: int = 30
    """How far back bookings are counted when hosts are balanced."""
    ignore_booking: uuid.UUID | None = None
    """A booking that is being moved does not stand in its own way."""

    @property
    def grid(self) -> slots.Grid:
        return slots.Grid(self.length, self.step, self.before, self.after, once=True)

    @property
    def timezone(self) -> str:
        """The zone in which days of the offer are counted: the first host's."""
        return self.hosts[0].timezone if self.hosts else "UTC"


def of_host(
    host: Host, *, minutes: int, before: int = 0, after: int = 0, notice: int = 60, window_days: int = 60
) -> Terms:
    """The default personal terms of one host; all in minutes, but for the window."""
    return Terms(
        hosts=(host,),
        length=minutes * 60,
        step=min(minutes, 30) * 60,
        before=before * 60,
        after=after * 60,
        notice=notice * 60,
        latest=_end_of_day(host.timezone, window_days),
        limits=limits_of("host", host.pk, host.limits),
    )


def of_group(
    rule: GroupRule, *, minutes: int, before: int = 0, after: int = 0, notice: int = 60, window_days: int = 60
) -> Terms:
    """The terms of a group rule: any, all or a number of its active members."""
    members = rule.members.select_related("host__schedule").filter(host__is_active=True).order_by("host_id")
    return of_members(
        rule, list(members), minutes=minutes, before=before, after=after, notice=notice, window_days=window_days
    )


def of_members(
    rule: GroupRule,
    members: Sequence[GroupMember],
    *,
    minutes: int,
    before: int = 0,
    after: int = 0,
    notice: int = 60,
    window_days: int = 60,
) -> Terms:
    """As `of_group`, for these members in place of those stored: to try out what is not saved yet."""
    hosts = tuple(member.host for member in members)
    return Terms(
        hosts=hosts,
        required=_required(rule, len(hosts)),
        preference=tuple((member.priority, member.weight) for member in members),
        fairness_days=rule.fairness_days,
        length=minutes * 60,
        step=min(minutes, 30) * 60,
        before=before * 60,
        after=after * 60,
        notice=notice * 60,
        latest=_end_of_day(hosts[0].timezone, window_days) if hosts else None,
        limits=tuple(limit for member in members for limit in _limits_of_member(member)),
    )


def of_event_type(
    event_type: EventType,
    *,
    minutes: int | None = None,
    contact: Contact | None = None,
    hosts: Sequence[Host] | None = None,
    calendars: Collection[uuid.UUID] | None = None,
) -> Terms:
    """The terms of an event type, for one of its durations (default: the first) and, if known, for one customer.

    `hosts` and `calendars` are taken in place of those stored, to try out what is not saved yet.
    """
    length = minutes or event_type.durations[0]
    base = _of_its_hosts(event_type, length, hosts)
    if calendars is None:
        calendars = event_type.calendars.values_list("pk", flat=True)
    if event_type.schedule is not None:
        base = replace(base, weekly=weekly_hours(event_type.schedule.weekly))
    limits = limits_of("event_type", event_type.pk, event_type.limits)
    if contact is not None:
        limits += limits_of("contact", contact.pk, event_type.customer_limits)
    earliest, latest = _window(event_type, base)
    return replace(
        base,
        step=(event_type.slot_interval or length) * 60,
        earliest=earliest,
        latest=latest,
        refuse_unknown=event_type.when_unknown == EventType.Unknown.REFUSE,
        calendars=frozenset(calendars) or None,
        limits=base.limits + limits,
        first_only=event_type.first_slot_only,
        event_type_id=event_type.pk,
        capacity=event_type.capacity,
    )


def limits_of(
    of: Literal["event_type", "host", "contact"], key: uuid.UUID, counts: dict[str, int]
) -> tuple[Limit, ...]:
    """Limits from a {"day": n, "week": n, "month": n} column; a missing or empty count is no limit."""
    return tuple(Limit(of, key, period, counts[period]) for period in PERIODS if counts.get(period))


def weekly_hours(days: list[list[list[int]]]) -> hours.WeeklyHours:
    """Weekly hours as the engine takes them, from a schedule's column."""
    return tuple(tuple((start, end) for start, end in day) for day in days)


def _required(rule: GroupRule, members: int) -> int:
    if rule.mode == GroupRule.Mode.ANY:
        return 1
    return max(1, members if rule.mode == GroupRule.Mode.ALL else rule.required)


def _limits_of_member(member: GroupMember) -> tuple[Limit, ...]:
    cap = {"day": member.cap_per_day} if member.cap_per_day else {}
    return limits_of("host", member.host_id, member.host.limits) + limits_of("host", member.host_id, cap)


def _of_its_hosts(event_type: EventType, length: int, hosts: Sequence[Host] | None = None) -> Terms:
    if event_type.group_rule is not None:
        return of_group(
            event_type.group_rule,
            minutes=length,
            before=event_type.buffer_before,
            after=event_type.buffer_after,
            notice=event_type.minimum_notice,
        )
    stored = event_type.hosts.select_related("schedule").filter(is_active=True).order_by("id")
    found = tuple(stored if hosts is None else hosts)
    return Terms(
        hosts=found,
        length=length * 60,
        before=event_type.buffer_before * 60,
        after=event_type.buffer_after * 60,
        notice=event_type.minimum_notice * 60,
        limits=tuple(limit for host in found for limit in limits_of("host", host.pk, host.limits)),
    )


def _window(event_type: EventType, terms: Terms) -> tuple[int, int | None]:
    """From when to when the event type can be booked, in UTC seconds; days are those of the first host's zone."""
    if event_type.window == EventType.Window.OPEN:
        return 0, None
    if event_type.window == EventType.Window.RANGE:
        clock = zone(terms.timezone)
        first, last = event_type.window_first, event_type.window_last
        earliest = clock.day_bounds(first.toordinal() - _EPOCH)[0] if first else 0
        return earliest, clock.day_bounds(last.toordinal() - _EPOCH)[1] if last else None
    if event_type.window == EventType.Window.WORKING and terms.hosts:
        return 0, _end_of_working_day(terms, event_type.window_days)
    return 0, _end_of_day(terms.timezone, event_type.window_days)


def _end_of_day(tzid: str, days: int) -> int:
    """The end of the local day so many days from today, in UTC seconds."""
    clock = zone(tzid)
    return clock.day_bounds(clock.day_of(int(utc_now().timestamp())) + days)[1]


def _end_of_working_day(terms: Terms, days: int) -> int:
    """The end of the local day that is so many days with hours from today (today not counted)."""
    weekly = terms.weekly or weekly_hours(terms.hosts[0].schedule.weekly)
    clock = zone(terms.timezone)
    day = today = clock.day_of(int(utc_now().timestamp()))
    while days > 0 and day < today + _FURTHEST:
        day += 1
        days -= bool(weekly[weekday(day)])
    return clock.day_bounds(day)[1]
