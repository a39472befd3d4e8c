"""The one decision: can this time be had? Pages and APIs list by it, and a booking asks it again under the lock.

Everything is read from local rows in a constant number of queries; no provider is called. Times are UTC seconds.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal

from django.db.models import Q
from django.utils.timezone import now as utc_now

from bookings.domain.calendar import busy_beyond
from bookings.engine import hours, slots
from bookings.engine.intervals import Interval
from bookings.engine.zones import DAY, zone
from bookings.models import Account, Busy, Calendar, Claim, Event, EventType, GroupRule, Host, Override
from bookings.models.ledger import LONGEST_BUSY, LONGEST_CLAIM

Mode = Literal["all", "some"]

REFUSALS = {
    "past": "This time has passed.",
    "too_soon": "This is too soon: the host needs more notice.",
    "too_far": "This is further ahead than can be booked.",
    "outside_hours": "The host does not work at this time.",
    "off_grid": "Bookings do not start at this time.",
    "busy": "The host is busy at this time.",
    "booked": "This time has just been taken.",
    "stale_calendar": "The host's calendar could not be checked lately, so this time cannot be promised.",
    "inactive": "The host does not take bookings at present.",
    "no_host": "Nobody can be booked here at present.",
}
"""Machine codes of refusals and what customers are told; never anything of other people's events."""


@dataclass(frozen=True)
class Terms:
    """What is asked for: whose time, how much of it, and under which rules. Lengths are in seconds.

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
    preference: tuple[tuple[int, int], ...] = ()
    """For each host (priority, weight); empty: all alike."""
    ignore_booking: uuid.UUID | None = None
    """A booking that is being moved does not stand in its own way."""

    @property
    def grid(self) -> slots.Grid:
        return slots.Grid(self.length, self.step, self.before, self.after)


@dataclass(frozen=True)
class Offer:
    """The starts that can be had, ascending, and for each of them who is free."""

    starts: list[int]
    _free: dict[int, int] = field(repr=False)
    _hosts: tuple[Host, ...] = field(repr=False)

    def hosts_at(self, start: int) -> list[Host]:
        who = self._free.get(start, 0)
        return [host for index, host in enumerate(self._hosts) if who >> index & 1]


@dataclass(frozen=True)
class Verdict:
    """The decision on one start. `code` and `message` say why not; `hosts` are the free ones."""

    ok: bool
    code: str = ""
    message: str = ""
    hosts: tuple[Host, ...] = ()


@dataclass(frozen=True)
class Reason:
    """One link of an explanation, for staff: which host, which rule, and whether it lets the time through."""

    code: str
    message: str
    ok: bool
    host: str = ""


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
    )


def of_group(
    rule: GroupRule, *, minutes: int, before: int = 0, after: int = 0, notice: int = 60, window_days: int = 60
) -> Terms:
    """The terms of a group rule: any, all or a number of its active members."""
    members = [
        member for member in rule.members.select_related("host__schedule").order_by("host_id") if member.host.is_active
    ]
    required = {GroupRule.Mode.ANY: 1, GroupRule.Mode.ALL: max(1, len(members))}.get(rule.mode, rule.required)
    return Terms(
        hosts=tuple(member.host for member in members),
        required=required,
        preference=tuple((member.priority, member.weight) for member in members),
        length=minutes * 60,
        step=min(minutes, 30) * 60,
        before=before * 60,
        after=after * 60,
        notice=notice * 60,
        latest=_end_of_day(members[0].host.timezone, window_days) if members else None,
    )


def of_event_type(event_type: EventType, *, minutes: int | None = None) -> Terms:
    """The terms of an event type, for one of its durations (default: the first)."""
    length = minutes or event_type.durations[0]
    rules = {
        "minutes": length,
        "before": event_type.buffer_before,
        "after": event_type.buffer_after,
        "notice": event_type.minimum_notice,
        "window_days": event_type.window_days,
    }
    if event_type.group_rule is not None:
        terms = of_group(event_type.group_rule, **rules)
    else:
        hosts = tuple(event_type.hosts.select_related("schedule").filter(is_active=True).order_by("id"))
        terms = replace(of_host(hosts[0], **rules), hosts=hosts) if hosts else Terms((), length * 60)
    return replace(
        terms,
        step=(event_type.slot_interval or length) * 60,
        refuse_unknown=event_type.when_unknown == EventType.Unknown.REFUSE,
    )


def offer(terms: Terms, lo: int, hi: int, *, now: int | None = None, public: bool = True) -> Offer:
    """Every start with lo <= start and start + length <= hi that can be had.

    `public`: refuse hosts whose calendars are staler than their limit (decisions: API calls accept and flag).
    """
    now = _now(now)
    lo, hi = max(lo, _earliest(terms, now)), min(hi, terms.latest if terms.latest is not None else hi)
    if lo >= hi or not terms.hosts:
        return Offer([], {}, terms.hosts)
    known = _read(terms, lo, hi, now, public)
    times = [known.time_of(host) for host in terms.hosts]
    if terms.required == len(times):
        everyone = (1 << len(times)) - 1
        free = dict.fromkeys(slots.all_of(times, terms.grid, lo, hi), everyone)
    else:
        free = dict(slots.n_of_m(times, terms.required, terms.grid, lo, hi))
    return Offer(list(free), free, terms.hosts)


def check(terms: Terms, start: int, *, now: int | None = None, public: bool = True) -> Verdict:
    """The decision on one start: ok exactly when `offer` would list it."""
    now = _now(now)
    code = _outside_window(terms, start, now)
    if not code and len(terms.hosts) < max(1, terms.required):
        code = "no_host"
    if code:
        return Verdict(False, code, REFUSALS[code])
    known = _read(terms, start, start + terms.length, now, public)
    refusals = {host: known.refusal(host, terms, start) for host in terms.hosts}
    free = tuple(host for host, refusal in refusals.items() if not refusal)
    if len(free) >= terms.required:
        return Verdict(True, hosts=free)
    code = next(refusal for refusal in refusals.values() if refusal)
    return Verdict(False, code, REFUSALS[code], free)


def explain(terms: Terms, start: int, *, now: int | None = None, public: bool = True) -> list[Reason]:
    """The chain of reasons for one start, host by host. For staff: customers get `check`."""
    now = _now(now)
    window = _outside_window(terms, start, now)
    chain = [Reason(window or "in_window", REFUSALS.get(window, "Inside the booking window."), not window)]
    known = _read(terms, start, start + terms.length, now, public)
    for host in terms.hosts:
        refusal = known.refusal(host, terms, start)
        chain.append(Reason(refusal or "free", REFUSALS.get(refusal, "Free."), not refusal, host.name))
    return chain


def next_free(terms: Terms, after: int, count: int = 5, *, now: int | None = None, public: bool = True) -> list[int]:
    """The first free starts from `after` on; the nearest earlier ones of the window when none is later."""
    now = _now(now)
    end = terms.latest if terms.latest is not None else after + 60 * DAY
    later = offer(terms, after, end, now=now, public=public).starts[:count]
    return later or offer(terms, now, end, now=now, public=public).starts[-count:]


@dataclass(frozen=True)
class _Known:
    """What the tables say of the hosts around a window."""

    open: dict[uuid.UUID, list[Interval]]
    busy: dict[uuid.UUID, list[Interval]]
    claimed: dict[uuid.UUID, list[Interval]]
    untrusted: frozenset[uuid.UUID]

    def time_of(self, host: Host) -> slots.HostTime:
        if host.pk in self.untrusted or not host.is_active:
            return slots.HostTime([], [], host.timezone)
        return slots.HostTime(self.open[host.pk], self.busy[host.pk] + self.claimed[host.pk], host.timezone)

    def refusal(self, host: Host, terms: Terms, start: int) -> str:
        """The code of the first rule against this host at this start; empty when free."""
        if not host.is_active:
            return "inactive"
        if host.pk in self.untrusted:
            return "stale_calendar"
        code = slots.fits(self.open[host.pk], self.busy[host.pk], terms.grid, start, host.timezone)
        if code is None and slots.fits(self.open[host.pk], self.claimed[host.pk], terms.grid, start, host.timezone):
            code = "booked"
        return code or ""


def _read(terms: Terms, lo: int, hi: int, now: int, public: bool) -> _Known:
    ids = [host.pk for host in terms.hosts]
    lo, hi = lo - terms.before, hi + terms.after
    policies = _policies(ids)
    return _Known(
        open=_open(terms.hosts, lo, hi),
        busy=_busy(ids, lo, hi, policies),
        claimed=_claimed(terms, ids, lo, hi, now),
        untrusted=_untrusted(terms.hosts, policies, now) if public and terms.refuse_unknown else frozenset(),
    )


def _open(hosts: Sequence[Host], lo: int, hi: int) -> dict[uuid.UUID, list[Interval]]:
    overrides: dict[uuid.UUID, list[Override]] = defaultdict(list)
    for override in Override.everywhere.filter(
        host__in=hosts, first_day__lte=_date(hi + 2 * DAY), last_day__gte=_date(lo - 2 * DAY)
    ):
        overrides[override.host_id].append(override)
    return {host.pk: _open_of(host, overrides[host.pk], lo, hi) for host in hosts}


def _open_of(host: Host, overrides: list[Override], lo: int, hi: int) -> list[Interval]:
    clock = zone(host.timezone)
    # Cut at local midnights, so that a grid that counts from the opening hour is that of the whole day.
    lo, hi = clock.day_bounds(clock.day_of(lo) - 1)[0], clock.day_bounds(clock.day_of(hi) + 1)[1]
    by_day: dict[int, tuple[hours.Block, ...]] = {}
    trips: list[hours.Trip] = []
    for override in overrides:
        first, last = override.first_day.toordinal() - _EPOCH, override.last_day.toordinal() - _EPOCH
        if override.kind == Override.Kind.TRAVEL:
            trips.append((first, last, override.timezone))
            continue
        blocks = _blocks(override.blocks) if override.kind == Override.Kind.HOURS else ()
        by_day |= dict.fromkeys(range(max(first, lo // DAY - 3), min(last, hi // DAY + 3) + 1), blocks)
    weekly = tuple(_blocks(day) for day in host.schedule.weekly)
    return hours.open_intervals(host.timezone, weekly, lo, hi, overrides=by_day, travel=trips)


def _blocks(pairs: Iterable[Sequence[int]]) -> tuple[hours.Block, ...]:
    return tuple((start, end) for start, end in pairs)


@dataclass(frozen=True)
class _Policy:
    """Which classes of events in a calendar take time, and how fresh what we know of it is."""

    host_id: uuid.UUID
    kinds: frozenset[str]
    local: bool
    verified_s: int | None


def _policies(ids: list[uuid.UUID]) -> dict[uuid.UUID, _Policy]:
    """The calendars that block, by id."""
    rows = Calendar.everywhere.filter(account__host__in=ids, blocks=True).values_list(
        "id",
        "account__host_id",
        "tentative_blocks",
        "free_blocks",
        "away_blocks",
        "account__provider",
        "last_verified_at",
    )
    policies = {}
    for calendar, host, tentative, free, away, provider, verified in rows:
        kinds = {Event.Busy.BUSY.value}
        kinds |= {Event.Busy.TENTATIVE.value} if tentative else set()
        kinds |= {Event.Busy.FREE.value} if free else set()
        kinds |= {Event.Busy.AWAY.value} if away else set()
        verified_s = int(verified.timestamp()) if verified else None
        policies[calendar] = _Policy(host, frozenset(kinds), provider == Account.Provider.LOCAL, verified_s)
    return policies


def _untrusted(hosts: Sequence[Host], policies: dict[uuid.UUID, _Policy], now: int) -> frozenset[uuid.UUID]:
    """Hosts with a blocking calendar that was not verified within their limit: stale is not free."""
    limits = {host.pk: now - host.stale_after_minutes * 60 for host in hosts}
    return frozenset(
        policy.host_id
        for policy in policies.values()
        if not policy.local and (policy.verified_s is None or policy.verified_s < limits[policy.host_id])
    )


def _busy(
    ids: list[uuid.UUID], lo: int, hi: int, policies: dict[uuid.UUID, _Policy]
) -> dict[uuid.UUID, list[Interval]]:
    rows: Iterable[tuple[uuid.UUID, int, int, str, uuid.UUID]] = Busy.everywhere.filter(
        host__in=ids, start_s__lt=hi, start_s__gt=lo - LONGEST_BUSY - 1, end_s__gt=lo
    ).values_list("host_id", "start_s", "end_s", "kind", "calendar_id")
    found: dict[uuid.UUID, list[Interval]] = {host: [] for host in ids}
    for source in (rows, busy_beyond(ids, lo, hi)):
        for host, start, end, kind, calendar in source:
            policy = policies.get(calendar)
            if policy is not None and kind in policy.kinds:
                found[host].append((start, end))
    return found


def _claimed(terms: Terms, ids: list[uuid.UUID], lo: int, hi: int, now: int) -> dict[uuid.UUID, list[Interval]]:
    """Live claims, widened so that their padding holds against our core and ours against theirs: a shared gap."""
    widest = DAY  # no padding is longer than a day
    rows = Claim.everywhere.filter(
        Q(state=Claim.State.BOOKED) | Q(state=Claim.State.HOLD, expires_s__gt=now),
        host__in=ids,
        start_s__lt=hi + widest,
        start_s__gt=lo - LONGEST_CLAIM - widest,
        end_s__gt=lo - widest,
    )
    if terms.ignore_booking is not None:
        rows = rows.exclude(booking_id=terms.ignore_booking)
    found: dict[uuid.UUID, list[Interval]] = {host: [] for host in ids}
    for host, start, end, before, after in rows.values_list(
        "host_id", "start_s", "end_s", "pad_before_s", "pad_after_s"
    ):
        found[host].append((start - max(0, before - terms.after), end + max(0, after - terms.before)))
    return found


def _outside_window(terms: Terms, start: int, now: int) -> str:
    if start < now:
        return "past"
    if start < _earliest(terms, now):
        return "too_soon"
    return "too_far" if terms.latest is not None and start + terms.length > terms.latest else ""


def _earliest(terms: Terms, now: int) -> int:
    return max(terms.earliest, now + terms.notice)


def _now(now: int | None) -> int:
    return int(utc_now().timestamp()) if now is None else now


def _end_of_day(tzid: str, days: int) -> int:
    """The end of the local day so many days from today, in UTC seconds."""
    clock = zone(tzid)
    return clock.day_bounds(clock.day_of(_now(None)) + days)[1]


_EPOCH = date(1970, 1, 1).toordinal()


def _date(second: int) -> date:
    return date.fromordinal(second // DAY + _EPOCH)
