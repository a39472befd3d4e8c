"""What the tables say of some hosts around a window: read once, in a constant number of queries, as integers."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache

import holidays
from django.db.models import Q

from bookings.domain import rows
from bookings.domain.calendar import busy_beyond
from bookings.domain.rows import CalendarRow, ClaimRow, OpeningRow, OverrideRow
from bookings.domain.terms import Limit, Terms, limits_of, weekly_hours
from bookings.engine import hours, slots
from bookings.engine.intervals import Interval, clip, intersect, subtract, union
from bookings.engine.zones import DAY, ymd, zone
from bookings.models import Booking, Host, Override, Seat

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
    overrides, openings, calendars = _people([host.pk for host in terms.hosts], lo, hi)
    candidates = _candidates(terms.hosts, overrides)
    hosts = {candidate.host.pk: candidate.host for candidate in candidates}
    if colleagues := hosts.keys() - overrides.keys():
        more = _people(colleagues, lo, hi)
        overrides, openings, calendars = overrides | more[0], openings + more[1], calendars + more[2]
        terms = replace(terms, limits=terms.limits + _limits_of(hosts[pk] for pk in colleagues))
    calendars = [_for_event_type(row, terms.calendars) for row in calendars]
    busy, claims = rows.taken(hosts, lo, hi, calendars, _WIDEST_PADDING, now)
    history = _history(terms, list(hosts), lo, hi)
    return Facts(
        candidates=candidates,
        open={each: _open(each, terms, overrides[each.host.pk], openings, lo, hi) for each in candidates},
        busy=_with_what_lies_beyond(busy, lo, hi, calendars),
        claimed=_claimed(terms, hosts, claims),
        untrusted=frozenset() if trust_stale or not terms.refuse_unknown else _untrusted(hosts, calendars, now),
        full=_full(terms.limits, history, terms.timezone, {pk: host.timezone for pk, host in hosts.items()}),
        sessions=_sessions(terms, history),
    )


def working_time(hosts: Collection[Host], lo: int, hi: int) -> dict[uuid.UUID, list[Interval]]:
    """When each host works in [lo, hi), whatever is booked: weekly hours, overrides, holidays, travel,
    and what is open besides."""
    overrides, openings, _ = _people([host.pk for host in hosts], lo, hi)
    plain = Terms(tuple(hosts), 60)
    return {
        host.pk: clip(_open(Candidate(position, host), plain, overrides[host.pk], openings, lo, hi), lo, hi)
        for position, host in enumerate(hosts)
    }


_Overrides = dict[uuid.UUID, list[OverrideRow]]


def _people(hosts: Collection[uuid.UUID], lo: int, hi: int) -> tuple[_Overrides, list[OpeningRow], list[CalendarRow]]:
    lo, hi = lo - 2 * DAY, hi + 2 * DAY
    overrides, openings, calendars = rows.people(hosts, _date(lo), _date(hi), lo, hi)
    found: _Overrides = {host: [] for host in hosts}
    for row in overrides:
        found[row.host].append(row)
    return found, openings, calendars


def _candidates(hosts: Collection[Host], overrides: _Overrides) -> tuple[Candidate, ...]:
    """The hosts, and the colleagues who stand in while one of them is on leave."""
    wanted = {row.redirect_to for rows in overrides.values() for row in rows if row.redirect_to}
    if not wanted:
        return tuple(Candidate(position, host) for position, host in enumerate(hosts))
    colleagues = {host.pk: host for host in Host.everywhere.select_related("schedule").filter(pk__in=wanted)}
    found = []
    for position, host in enumerate(hosts):
        found.append(Candidate(position, host))
        away: dict[uuid.UUID, list[Interval]] = defaultdict(list)
        for row in overrides[host.pk]:
            if row.kind == Override.Kind.LEAVE and row.redirect_to is not None:
                away[row.redirect_to].append(_days_as_time(host, row))
        found += [Candidate(position, colleagues[other], tuple(within)) for other, within in away.items()]
    return tuple(found)


def _limits_of(colleagues: Iterable[Host]) -> tuple[Limit, ...]:
    return tuple(limit for host in colleagues for limit in limits_of("host", host.pk, host.limits))


def _days_as_time(host: Host, row: OverrideRow) -> Interval:
    clock = zone(host.timezone)
    return clock.day_bounds(row.first.toordinal() - _EPOCH)[0], clock.day_bounds(row.last.toordinal() - _EPOCH)[1]


def _open(
    candidate: Candidate,
    terms: Terms,
    overrides: list[OverrideRow],
    openings: Iterable[OpeningRow],
    lo: int,
    hi: int,
) -> list[Interval]:
    host = candidate.host
    clock = zone(host.timezone)
    # Cut at local midnights, so that a grid that counts from the opening hour is that of the whole day.
    lo, hi = clock.day_bounds(clock.day_of(lo) - 1)[0], clock.day_bounds(clock.day_of(hi) + 1)[1]
    by_day: dict[int, tuple[hours.Block, ...]] = {}
    trips: list[hours.Trip] = []
    for row in sorted(overrides, key=_weight):
        first, last = row.first.toordinal() - _EPOCH, row.last.toordinal() - _EPOCH
        if row.kind == Override.Kind.TRAVEL:
            trips += [(first, last, row.timezone)] if row.timezone else []
            continue
        blocks = tuple((a, b) for a, b in row.blocks) if row.kind == Override.Kind.HOURS else ()
        by_day |= dict.fromkeys(range(max(first, lo // DAY - 3), min(last, hi // DAY + 3) + 1), blocks)
    weekly = terms.weekly if terms.weekly is not None else weekly_hours(host.schedule.weekly)
    found = hours.open_intervals(
        host.timezone, weekly, lo, hi, overrides=by_day, travel=trips, closed_days=holidays_of(host, lo, hi)
    )
    if terms.weekly is None and (besides := [row for row in openings if row.host == host.pk]):
        found = union(found, openings_of(host, besides, overrides, lo, hi))
    return found if candidate.only_within is None else intersect(found, candidate.only_within)


def openings_of(
    host: Host, openings: Iterable[OpeningRow], overrides: Iterable[OverrideRow], lo: int, hi: int
) -> list[Interval]:
    """What openings add to a host's schedule. Nothing opens a day that is closed or on which the host is away; hours
    of every week give way, as the schedule does, to whatever is said of a day."""
    once, weekly = [], []
    for row in openings:
        if row.start_s is None or row.end_s is None:
            weekly += hours.open_intervals(row.timezone, weekly_hours(row.weekly), lo, hi)
        else:
            once.append((row.start_s, row.end_s))
    spoken_of = [row for row in overrides if row.kind != Override.Kind.TRAVEL]
    away = [_days_as_time(host, row) for row in spoken_of if row.kind != Override.Kind.HOURS]
    clock = zone(host.timezone)
    holiday = [clock.day_bounds(day) for day in holidays_of(host, lo, hi)]
    by_week = subtract(weekly, [*holiday, *(_days_as_time(host, row) for row in spoken_of)])
    return union(subtract(once, away), by_week)


def _weight(row: OverrideRow) -> tuple[bool, date, list[list[int]], str]:
    """What comes later wins where overrides speak of the same day: other hours, then what begins later."""
    return row.kind == Override.Kind.HOURS, row.first, row.blocks, row.timezone


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


def _for_event_type(row: CalendarRow, chosen: frozenset[uuid.UUID] | None) -> CalendarRow:
    """An event type may name the calendars that block it, whatever the hosts chose for themselves."""
    return row if chosen is None else replace(row, blocks=row.id in chosen)


def _untrusted(hosts: dict[uuid.UUID, Host], calendars: list[CalendarRow], now: int) -> frozenset[uuid.UUID]:
    """Hosts with a blocking calendar that was not verified within their limit: stale is not free."""
    return frozenset(
        row.host
        for row in calendars
        if row.blocks
        and not row.local
        and (row.verified_s is None or row.verified_s < now - hosts[row.host].stale_after_minutes * 60)
    )


def _with_what_lies_beyond(
    busy: dict[uuid.UUID, list[Interval]], lo: int, hi: int, calendars: list[CalendarRow]
) -> dict[uuid.UUID, list[Interval]]:
    """Busy time, with that of events beyond the horizon for which rows are kept."""
    if any(row.blocks and row.expanded_until_s < hi for row in calendars):
        kinds = {row.id: row.kinds for row in calendars if row.blocks}
        for host, start, end, kind, calendar in busy_beyond(list(busy), lo, hi):
            if kind in kinds.get(calendar, ()):
                busy[host].append((start, end))
    return busy


def _claimed(terms: Terms, hosts: Collection[uuid.UUID], claims: Iterable[ClaimRow]) -> dict[uuid.UUID, list[Interval]]:
    """Live claims, widened so that their padding holds against our core and ours against theirs: a shared gap."""
    found: dict[uuid.UUID, list[Interval]] = {host: [] for host in hosts}
    for claim in claims:
        if claim.booking is None or claim.booking != terms.ignore_booking:
            begin = claim.start_s - max(0, claim.pad_before_s - terms.after)
            found[claim.host].append((begin, claim.end_s + max(0, claim.pad_after_s - terms.before)))
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
    found = Booking.everywhere.filter(
        concerned | Q(claims__host__in=keys["host"] and ids),
        state__in=Booking.LIVE,
        start_s__gt=lo - _LONGEST_PERIOD,
        start_s__lt=hi + _LONGEST_PERIOD,
    ).exclude(pk=terms.ignore_booking)
    columns = ("id", "event_type_id", "contact_id", "start_s", "end_s", "claims__host_id", "seats_taken")
    history = [_Past(*row) for row in found.values_list(*columns).distinct()]
    return history + _seats(keys["contact"], terms, lo, hi) if keys["contact"] else history


def _seats(contacts: list[uuid.UUID], terms: Terms, lo: int, hi: int) -> list[_Past]:
    """Seats are bookings to the customers who have them."""
    found = Seat.everywhere.filter(
        contact__in=contacts,
        cancelled_at=None,
        booking__state__in=Booking.LIVE,
        booking__start_s__gt=lo - _LONGEST_PERIOD,
        booking__start_s__lt=hi + _LONGEST_PERIOD,
    ).exclude(booking=terms.ignore_booking)
    rows_of_seats = found.values_list("booking", "contact", "booking__start_s", "booking__end_s")
    return [_Past(booking, None, contact, start, end, None, 0) for booking, contact, start, end in rows_of_seats]


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
    """The UTC date of an instant; the first or last that there is for one beyond the calendar."""
    return date.fromordinal(min(max(second // DAY + _EPOCH, 1), date.max.toordinal()))
