"""What the tables say of some hosts around a window: read once, in a constant number of queries, as integers."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

import holidays
from django.db.models import Q

from bookings.domain.calendar import busy_beyond
from bookings.domain.terms import Limit, Terms, weekly_hours
from bookings.engine import hours, slots
from bookings.engine.intervals import Interval, intersect
from bookings.engine.zones import DAY, ymd, zone
from bookings.models import Account, Booking, Busy, Calendar, Claim, Event, Host, Override
from bookings.models.ledger import LONGEST_BUSY, LONGEST_CLAIM

_EPOCH = date(1970, 1, 1).toordinal()
_WIDEST_PADDING = DAY
_LONGEST_PERIOD = 32 * DAY


@dataclass(frozen=True)
class Candidate:
    """Somebody who could fill a position: the host asked for, or a colleague while that host is away."""

    position: int
    host: Host
    only_within: tuple[Interval, ...] | None = None


@dataclass(frozen=True)
class Facts:
    """Everything a decision needs. Intervals are UTC seconds; dictionaries are keyed by host."""

    candidates: tuple[Candidate, ...]
    open: dict[Candidate, list[Interval]]
    busy: dict[uuid.UUID, list[Interval]]
    claimed: dict[uuid.UUID, list[Interval]]
    untrusted: frozenset[uuid.UUID]
    full: frozenset[tuple[uuid.UUID, str, int]] = frozenset()
    """(limit's key, period, number of the period) that take no further booking."""
    sessions: dict[int, uuid.UUID] = field(default_factory=dict)
    """Starts of seated bookings that still have seats, with the booking."""

    def time_of(self, candidate: Candidate) -> slots.HostTime:
        """The candidate's time for the engine; closed when not trusted or inactive."""
        host = candidate.host
        if host.pk in self.untrusted or not host.is_active:
            return slots.HostTime([], [], host.timezone)
        return slots.HostTime(self.open[candidate], self.busy[host.pk] + self.claimed[host.pk], host.timezone)

    def refusal(self, candidate: Candidate, grid: slots.Grid, start: int) -> str:
        """The code of the first rule against this candidate at this start; empty when free. Limits are apart."""
        host = candidate.host
        if not host.is_active:
            return "inactive"
        if host.pk in self.untrusted:
            return "stale_calendar"
        against = slots.fits(self.open[candidate], self.busy[host.pk], grid, start, host.timezone)
        if against:
            return against
        return "booked" if slots.fits(self.open[candidate], self.claimed[host.pk], grid, start, host.timezone) else ""

    def limited(self, key: uuid.UUID, tzid: str, start: int) -> str:
        """The code of a limit that is used up for this key in the periods of this start; empty when none is."""
        if not self.full:
            return ""
        day = zone(tzid).day_of(start)
        return next((f"limit_{kind}" for kind, number in periods(day) if (key, kind, number) in self.full), "")


def periods(day: int) -> tuple[tuple[str, int], ...]:
    """The day, week (from Monday) and month of a day number, each numbered so that equal means the same one."""
    year, month, _ = ymd(day)
    return ("day", day), ("week", (day + 3) // 7), ("month", year * 12 + month)


def read(terms: Terms, lo: int, hi: int, now: int, *, trust_stale: bool) -> Facts:
    """The facts around [lo, hi)."""
    lo, hi = lo - terms.before, hi + terms.after
    overrides = _overrides(terms.hosts, lo, hi)
    candidates = _candidates(terms.hosts, overrides)
    hosts = {candidate.host.pk: candidate.host for candidate in candidates}
    ids = list(hosts)
    policies = _policies(ids, terms.calendars)
    claims = _claims(terms, ids, lo, hi, now)
    history = _history(terms, ids, lo, hi)
    return Facts(
        candidates=candidates,
        open={candidate: _open(candidate, terms, overrides[candidate.host.pk], lo, hi) for candidate in candidates},
        busy=_busy(ids, lo, hi, policies),
        claimed=claims,
        untrusted=frozenset() if trust_stale or not terms.refuse_unknown else _untrusted(hosts, policies, now),
        full=_full(terms.limits, history, terms.timezone, {pk: host.timezone for pk, host in hosts.items()}),
        sessions=_sessions(terms, history),
    )


def _overrides(hosts: Iterable[Host], lo: int, hi: int) -> dict[uuid.UUID, list[Override]]:
    """Overrides of the hosts and of the colleagues who stand in for them, by host: one query."""
    near = Q(first_day__lte=_date(hi + 2 * DAY), last_day__gte=_date(lo - 2 * DAY))
    stand_ins = Override.everywhere.filter(near, host__in=hosts, redirect_to__isnull=False).values("redirect_to")
    found: dict[uuid.UUID, list[Override]] = defaultdict(list)
    for override in Override.everywhere.select_related("redirect_to__schedule").filter(
        near, Q(host__in=hosts) | Q(host__in=stand_ins)
    ):
        found[override.host_id].append(override)
    return found


def _candidates(hosts: Iterable[Host], overrides: dict[uuid.UUID, list[Override]]) -> tuple[Candidate, ...]:
    found = []
    for position, host in enumerate(hosts):
        found.append(Candidate(position, host))
        away: dict[Host, list[Interval]] = defaultdict(list)
        for override in overrides[host.pk]:
            if override.kind == Override.Kind.LEAVE and override.redirect_to is not None:
                away[override.redirect_to].append(_days_as_time(host, override))
        found += [Candidate(position, other, tuple(within)) for other, within in away.items()]
    return tuple(found)


def _days_as_time(host: Host, override: Override) -> Interval:
    clock = zone(host.timezone)
    first, last = override.first_day.toordinal() - _EPOCH, override.last_day.toordinal() - _EPOCH
    return clock.day_bounds(first)[0], clock.day_bounds(last)[1]


def _open(candidate: Candidate, terms: Terms, overrides: list[Override], lo: int, hi: int) -> list[Interval]:
    host = candidate.host
    clock = zone(host.timezone)
    # Cut at local midnights, so that a grid that counts from the opening hour is that of the whole day.
    lo, hi = clock.day_bounds(clock.day_of(lo) - 1)[0], clock.day_bounds(clock.day_of(hi) + 1)[1]
    by_day: dict[int, tuple[hours.Block, ...]] = {}
    trips: list[hours.Trip] = []
    for override in sorted(overrides, key=lambda each: each.kind == Override.Kind.HOURS):
        first, last = override.first_day.toordinal() - _EPOCH, override.last_day.toordinal() - _EPOCH
        if override.kind == Override.Kind.TRAVEL:
            trips.append((first, last, override.timezone))
            continue
        blocks = tuple((a, b) for a, b in override.blocks) if override.kind == Override.Kind.HOURS else ()
        by_day |= dict.fromkeys(range(max(first, lo // DAY - 3), min(last, hi // DAY + 3) + 1), blocks)
    weekly = terms.weekly if terms.weekly is not None else weekly_hours(host.schedule.weekly)
    found = hours.open_intervals(
        host.timezone, weekly, lo, hi, overrides=by_day, travel=trips, closed_days=holidays_of(host, lo, hi)
    )
    return found if candidate.only_within is None else intersect(found, candidate.only_within)


def holidays_of(host: Host, lo: int, hi: int) -> frozenset[int]:
    """Day numbers of the public holidays of the host's country around a window."""
    if not host.holiday_country:
        return frozenset()
    years = range(_date(lo).year, _date(hi).year + 1)
    return frozenset().union(*(_holidays(host.holiday_country, host.holiday_region, year) for year in years))


@lru_cache(maxsize=512)
def _holidays(country: str, region: str, year: int) -> frozenset[int]:
    try:
        days = holidays.country_holidays(country, subdiv=region or None, years=year)
    except NotImplementedError:  # a country or region the library does not know
        return frozenset()
    return frozenset(day.toordinal() - _EPOCH for day in days)


@dataclass(frozen=True)
class _Policy:
    """Which classes of events in a calendar take time, and how fresh what we know of it is."""

    host_id: uuid.UUID
    kinds: frozenset[str]
    local: bool
    verified_s: int | None


def _policies(ids: list[uuid.UUID], only: frozenset[uuid.UUID] | None) -> dict[uuid.UUID, _Policy]:
    """The calendars that block, by id."""
    rows = Calendar.everywhere.filter(account__host__in=ids).values_list(
        "id", "account__host_id", "blocks", "tentative_blocks", "free_blocks", "away_blocks",
        "account__provider", "last_verified_at",
    )  # fmt: skip
    policies = {}
    for calendar, host, blocks, tentative, free, away, provider, verified in rows:
        if calendar not in only if only is not None else not blocks:
            continue
        kinds = {Event.Busy.BUSY.value}
        kinds |= {Event.Busy.TENTATIVE.value} if tentative else set()
        kinds |= {Event.Busy.FREE.value} if free else set()
        kinds |= {Event.Busy.AWAY.value} if away else set()
        verified_s = int(verified.timestamp()) if verified else None
        policies[calendar] = _Policy(host, frozenset(kinds), provider == Account.Provider.LOCAL, verified_s)
    return policies


def _untrusted(hosts: dict[uuid.UUID, Host], policies: dict[uuid.UUID, _Policy], now: int) -> frozenset[uuid.UUID]:
    """Hosts with a blocking calendar that was not verified within their limit: stale is not free."""
    return frozenset(
        policy.host_id
        for policy in policies.values()
        if not policy.local
        and (policy.verified_s is None or policy.verified_s < now - hosts[policy.host_id].stale_after_minutes * 60)
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


def _claims(terms: Terms, ids: list[uuid.UUID], lo: int, hi: int, now: int) -> dict[uuid.UUID, list[Interval]]:
    """Live claims, widened so that their padding holds against our core and ours against theirs: a shared gap."""
    rows = Claim.everywhere.filter(
        Q(state=Claim.State.BOOKED) | Q(state=Claim.State.HOLD, expires_s__gt=now),
        host__in=ids,
        start_s__lt=hi + _WIDEST_PADDING,
        start_s__gt=lo - LONGEST_CLAIM - _WIDEST_PADDING,
        end_s__gt=lo - _WIDEST_PADDING,
    )
    if terms.ignore_booking is not None:
        rows = rows.exclude(booking_id=terms.ignore_booking)
    found: dict[uuid.UUID, list[Interval]] = {host: [] for host in ids}
    for host, start, end, before, after in rows.values_list(
        "host_id", "start_s", "end_s", "pad_before_s", "pad_after_s"
    ):
        found[host].append((start - max(0, before - terms.after), end + max(0, after - terms.before)))
    return found


@dataclass(frozen=True)
class _Past:
    """A live booking, as limits and seats see it."""

    booking: uuid.UUID
    event_type: uuid.UUID | None
    contact: uuid.UUID | None
    start_s: int
    end_s: int
    host: uuid.UUID | None
    seats: int


def _history(terms: Terms, ids: list[uuid.UUID], lo: int, hi: int) -> list[_Past]:
    """Live bookings of the periods around the window, one row a host; no query when nothing asks for them."""
    if not terms.limits and terms.capacity == 1:
        return []
    keys = {of: [limit.key for limit in terms.limits if limit.of == of] for of in ("event_type", "contact", "host")}
    concerned = Q(event_type__in=[*keys["event_type"], terms.event_type_id]) | Q(contact__in=keys["contact"])
    rows = Booking.everywhere.filter(
        concerned | Q(claims__host__in=keys["host"] and ids),
        state__in=Booking.LIVE,
        start_s__gt=lo - _LONGEST_PERIOD,
        start_s__lt=hi + _LONGEST_PERIOD,
    ).exclude(pk=terms.ignore_booking)
    columns = ("id", "event_type_id", "contact_id", "start_s", "end_s", "claims__host_id", "seats_taken")
    return [_Past(*row) for row in rows.values_list(*columns).distinct()]


def _full(
    limits: tuple[Limit, ...], history: list[_Past], tzid: str, zones: dict[uuid.UUID, str]
) -> frozenset[tuple[uuid.UUID, str, int]]:
    counts: dict[tuple[uuid.UUID, str, int], set[uuid.UUID]] = defaultdict(set)
    for past in history:
        for key in (past.event_type, past.contact, past.host):
            if key is not None:
                for kind, number in periods(zone(zones.get(key, tzid)).day_of(past.start_s)):
                    counts[key, kind, number].add(past.booking)
    allowed: dict[tuple[uuid.UUID, str], int] = {}
    for limit in limits:
        known = allowed.get((limit.key, limit.period), limit.count)
        allowed[limit.key, limit.period] = min(known, limit.count)
    return frozenset(
        (key, kind, number)
        for (key, kind, number), bookings in counts.items()
        if (key, kind) in allowed and len(bookings) >= allowed[key, kind]
    )


def _sessions(terms: Terms, history: list[_Past]) -> dict[int, uuid.UUID]:
    if terms.capacity == 1:
        return {}
    return {
        past.start_s: past.booking
        for past in history
        if past.event_type == terms.event_type_id
        and past.end_s - past.start_s == terms.length
        and past.seats < terms.capacity
    }


def _date(second: int) -> date:
    return date.fromordinal(second // DAY + _EPOCH)
