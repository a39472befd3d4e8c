"""The one decision: can this time be had? Pages and APIs list by it, and a booking asks it again under the lock.

Everything is read from local rows in a constant number of queries; no provider is called. Times are UTC seconds.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from django.utils.timezone import now as utc_now

from bookings.domain import facts, reasons
from bookings.domain.facts import Candidate, Facts, working_time
from bookings.domain.reasons import Reason
from bookings.domain.terms import Terms, of_event_type, of_group, of_host
from bookings.engine import slots
from bookings.engine.zones import DAY, zone
from bookings.models import Host

__all__ = [
    "REFUSALS",
    "Offer",
    "Reason",
    "Terms",
    "Verdict",
    "check",
    "explain",
    "next_free",
    "of_event_type",
    "of_group",
    "of_host",
    "offer",
    "working_time",
]

FURTHEST = 3 * 366 * DAY

REFUSALS = {
    "past": "This time has passed.",
    "too_soon": "This is too soon: the host needs more notice.",
    "too_far": "This is further ahead than can be booked.",
    "outside_hours": "The host does not work at this time.",
    "off_grid": "Bookings do not start at this time.",
    "busy": "The host is busy at this time.",
    "booked": "This time has just been taken.",
    "not_first": "Only the first free time of a day can be booked.",
    "limit_day": "No more can be booked on this day.",
    "limit_week": "No more can be booked in this week.",
    "limit_month": "No more can be booked in this month.",
    "stale_calendar": "The host's calendar could not be checked lately, so this time cannot be promised.",
    "inactive": "The host does not take bookings at present.",
    "no_host": "Nobody can be booked here at present.",
}
"""Machine codes of refusals and what customers are told; never anything of other people's events."""


@dataclass(frozen=True)
class Offer:
    """The starts that can be had, ascending, and for each of them who is free."""

    starts: list[int]
    _free: dict[int, int] = field(repr=False)
    _candidates: tuple[Candidate, ...] = field(repr=False)

    def hosts_at(self, start: int) -> list[Host]:
        """The free hosts at an offered start, one for each position that can be filled."""
        who = self._free.get(start, 0)
        return _one_a_position(self._candidates, who)


@dataclass(frozen=True)
class Verdict:
    """The decision on one start. `code` and `message` say why not; `hosts` are the free ones.

    `session` is the seated booking that still has a seat at this start, if that is why it can be had.
    """

    ok: bool
    code: str = ""
    message: str = ""
    hosts: tuple[Host, ...] = ()
    session: uuid.UUID | None = None


def offer(terms: Terms, lo: int, hi: int, *, now: int | None = None, public: bool = True) -> Offer:
    """Every start with lo <= start and start + length <= hi that can be had.

    `public`: refuse hosts whose calendars are staler than their limit; programs are accepted and flagged.
    """
    now = _now(now)
    asked, earliest = lo, _earliest(terms, now)
    if terms.first_only:
        clock = zone(terms.timezone)
        lo = clock.day_bounds(clock.day_of(lo))[0]
    lo, hi = max(lo, earliest), min(hi, _latest(terms, now))
    if lo >= hi or _too_few(terms):
        return Offer([], {}, ())
    known = facts.read(terms, lo, hi, now, trust_stale=not public)
    free = _free(terms, known, lo, hi)
    if known.full:
        free = _within_limits(terms, known, free)
    if known.sessions:
        inside = (start for start in known.sessions if lo <= start <= hi - terms.length)
        open_seats = {start: 0 for start in inside if not _limited(terms, known, start)}
        free = dict(sorted((open_seats | free).items()))
    if terms.first_only:
        free = {start: who for start, who in _first_of_days(terms, free).items() if start >= asked}
    return Offer(list(free), free, known.candidates)


def check(terms: Terms, start: int, *, now: int | None = None, public: bool = True) -> Verdict:
    """The decision on one start: ok exactly when `offer` would list it."""
    now = _now(now)
    if code := _outside_window(terms, start, now) or ("no_host" if _too_few(terms) else ""):
        return Verdict(False, code, REFUSALS[code])
    known = facts.read(terms, start, start + terms.length, now, trust_stale=not public)
    verdict = _judge(terms, known, start)
    if verdict.ok and not _is_first(terms, start, now, public):
        return Verdict(False, "not_first", REFUSALS["not_first"])
    return verdict


def next_free(terms: Terms, after: int, count: int = 5, *, now: int | None = None, public: bool = True) -> list[int]:
    """The first free starts from `after` on; the last ones of the window when none is later."""
    now = _now(now)
    end = min(_latest(terms, now), max(after, now) + 60 * DAY) if terms.latest is None else terms.latest
    # Mostly the next days have some: the whole window is looked through only when they have none.
    for until in sorted({min(end, max(after, now) + 3 * DAY), end}):
        later = offer(terms, after, until, now=now, public=public).starts
        if len(later) >= count or (until == end and later):
            return later[:count]
    last = offer(terms, max(now, end - 3 * DAY), end, now=now, public=public).starts
    if len(last) < count:
        last = offer(terms, now, end, now=now, public=public).starts
    return last[-count:]


def explain(terms: Terms, start: int, *, now: int | None = None, public: bool = True) -> list[Reason]:
    """The chain of reasons for one start, rule by rule and host by host. For staff: customers get `check`.

    Where `check` refuses, its code is that of the first reason that is not ok; a time that can be had may still have
    hosts who are not free.
    """
    now = _now(now)
    window = _outside_window(terms, start, now)
    chain = [Reason(window or "in_window", REFUSALS.get(window, "Inside the booking window."), not window)]
    if _too_few(terms):
        chain.append(_refusal("no_host"))
    if not terms.hosts:
        return chain
    known = facts.read(terms, start, start + terms.length, now, trust_stale=not public)
    chain += _of_everybody(terms, known, start, now, public)
    return chain if start in known.sessions else chain + _of_hosts(terms, known, start, now)


def _refusal(code: str) -> Reason:
    return Reason(code, REFUSALS[code], False)


def _of_everybody(terms: Terms, known: Facts, start: int, now: int, public: bool) -> list[Reason]:
    """What concerns a start whoever of the hosts is free."""
    found = []
    if limited := _limited(terms, known, start):
        found.append(_refusal(limited))
    elif start in known.sessions:
        found.append(Reason("seat_left", "A session at this time still has a seat.", True))
    if not _too_few(terms) and _judge(terms, known, start).ok and not _is_first(terms, start, now, public):
        found.append(_refusal("not_first"))
    return found


def _of_hosts(terms: Terms, known: Facts, start: int, now: int) -> list[Reason]:
    found = []
    for candidate in known.candidates:
        code = _against(terms, known, candidate, start)
        host = candidate.host
        detail = reasons.detail(code, terms, host, start, now)
        found += reasons.leading_to(code, terms, host, start, now)
        found.append(Reason(code or "free", REFUSALS.get(code, "Free."), not code, host.name, detail))
    return found


def _free(terms: Terms, known: Facts, lo: int, hi: int) -> dict[int, int]:
    """Starts at which enough positions can be filled, with the free candidates as bits."""
    times = [known.time_of(candidate) for candidate in known.candidates]
    nobody_stands_in = len(times) == len(terms.hosts)
    if nobody_stands_in and terms.required == len(times):
        return dict.fromkeys(slots.all_of(times, terms.grid, lo, hi), (1 << len(times)) - 1)
    if nobody_stands_in:
        return dict(slots.n_of_m(times, terms.required, terms.grid, lo, hi))
    positions = _positions(known)
    some = slots.any_of(times, terms.grid, lo, hi)
    return {start: who for start, who in some if positions(who) >= terms.required}


def _within_limits(terms: Terms, known: Facts, free: dict[int, int]) -> dict[int, int]:
    left, positions = {}, _positions(known)
    for start, who in free.items():
        if _limited(terms, known, start):
            continue
        for index, candidate in enumerate(known.candidates):
            if who >> index & 1 and known.limited(candidate.host.pk, candidate.host.timezone, start):
                who &= ~(1 << index)
        if positions(who) >= terms.required:
            left[start] = who
    return left


def _positions(known: Facts) -> Callable[[int], int]:
    """How many positions a set of candidates can fill; the same few sets come again and again."""
    return cache(lambda who: len(_one_a_position(known.candidates, who)))


def _first_of_days(terms: Terms, free: dict[int, int]) -> dict[int, int]:
    day_of = zone(terms.timezone).day_of
    first: dict[int, int] = {}
    for start in free:
        first.setdefault(day_of(start), start)
    return {start: free[start] for start in first.values()}


def _judge(terms: Terms, known: Facts, start: int) -> Verdict:
    if limited := _limited(terms, known, start):
        return Verdict(False, limited, REFUSALS[limited])
    if start in known.sessions:
        return Verdict(True, session=known.sessions[start])
    against = {candidate: _against(terms, known, candidate, start) for candidate in known.candidates}
    who = sum(1 << index for index, code in enumerate(against.values()) if not code)
    hosts = tuple(_one_a_position(known.candidates, who))
    if len(hosts) >= terms.required:
        return Verdict(True, hosts=hosts)
    code = next(code for code in against.values() if code)
    return Verdict(False, code, REFUSALS[code], hosts)


def _one_a_position(candidates: tuple[Candidate, ...], who: int) -> list[Host]:
    """Hosts for as many positions as the free candidates (bits of `who`) can fill, nobody for two of them.

    A colleague may stand in for several people, or be asked for as well: whoever stands in gives way to a position
    that only they can fill (augmenting paths, as in every bipartite matching).
    """
    free: dict[int, dict[uuid.UUID, Host]] = {}
    for index, candidate in enumerate(candidates):
        if who >> index & 1:
            free.setdefault(candidate.position, {})[candidate.host.pk] = candidate.host
    filled: dict[uuid.UUID, int] = {}

    def fill(position: int, tried: set[uuid.UUID]) -> bool:
        for key in free[position].keys() - tried:
            tried.add(key)
            if key not in filled or fill(filled[key], tried):
                filled[key] = position
                return True
        return False

    for position in free:
        fill(position, set())
    return [free[position][key] for key, position in sorted(filled.items(), key=lambda each: each[1])]


def _against(terms: Terms, known: Facts, candidate: Candidate, start: int) -> str:
    """The code of the first rule against a candidate; empty when free."""
    refusal = known.refusal(candidate, terms.grid, start)
    return refusal or known.limited(candidate.host.pk, candidate.host.timezone, start)


def _limited(terms: Terms, known: Facts, start: int) -> str:
    """The code of a used-up limit that concerns every host: the event type's or the customer's.

    A session that has a seat left is in the event type's count already.
    """
    of = ("contact",) if start in known.sessions else ("contact", "event_type")
    keys = (limit.key for limit in terms.limits if limit.of in of)
    return next(filter(None, (known.limited(key, terms.timezone, start) for key in keys)), "")


def _too_few(terms: Terms) -> bool:
    return len(terms.hosts) < max(1, terms.required)


def _is_first(terms: Terms, start: int, now: int, public: bool) -> bool:
    """Whether a start that can be had is the first of its day, where only that one is offered."""
    if not terms.first_only:
        return True
    clock = zone(terms.timezone)
    lo, hi = clock.day_bounds(clock.day_of(start))
    return start in offer(terms, lo, hi + terms.length, now=now, public=public).starts


def _outside_window(terms: Terms, start: int, now: int) -> str:
    if start < now:
        return "past"
    if start < _earliest(terms, now):
        return "too_soon"
    return "too_far" if start + terms.length > _latest(terms, now) else ""


def _earliest(terms: Terms, now: int) -> int:
    return max(terms.earliest, now + terms.notice)


def _latest(terms: Terms, now: int) -> int:
    """When the last slot has to end; without a window nobody is booked further ahead than three years."""
    return terms.latest if terms.latest is not None else now + FURTHEST


def _now(now: int | None) -> int:
    return int(utc_now().timestamp()) if now is None else now
