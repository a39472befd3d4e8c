"""When hosts are free, as stretches of time: for those who ask for a common time of several people before they book.

What is free here is what `availability` offers, without the rules of an offer (notice, window, limits): hours, busy
calendars and claims are read as they are there. Times are UTC seconds.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.timezone import now as utc_now

from bookings.domain import facts
from bookings.domain.facts import openings_of
from bookings.domain.rows import OpeningRow
from bookings.domain.terms import Terms, weekly_hours
from bookings.engine import hours
from bookings.engine.intervals import Interval, clip, intersect, subtract, union
from bookings.models import Host, Opening

ALWAYS: hours.WeeklyHours = (((0, 1440),),) * 7


@dataclass(frozen=True)
class Member:
    """Whose time is asked for, and which of it.

    :ivar working: only when the host works; else whenever nothing is in the calendars and the host is not away.
    :ivar openings: when given, only inside these, which are the host's, and the schedule if `scheduled`.
    :ivar calendars: the calendars that count, in place of those that block for the host.
    :ivar within: only inside these.
    """

    host: Host
    working: bool = False
    openings: tuple[Opening, ...] | None = None
    scheduled: bool = False
    calendars: frozenset[uuid.UUID] | None = None
    within: tuple[Interval, ...] | None = None


def free_time(members: Sequence[Member], lo: int, hi: int, *, before: int = 0, after: int = 0) -> list[list[Interval]]:
    """For each member, in order, the time in [lo, hi) in which the host can be had: a meeting inside one of the
    intervals keeps `before` and `after` seconds from everything else.

    The number of queries does not depend on how many members there are. Stale calendars are trusted.
    """
    kinds: dict[tuple[bool, bool], list[int]] = {}
    for place, member in enumerate(members):
        kinds.setdefault((member.working, member.calendars is not None), []).append(place)
    found: list[list[Interval]] = [[] for _ in members]
    for places in kinds.values():
        some = [members[place] for place in places]
        for place, free in zip(places, _of_a_kind(some, lo, hi, before, after), strict=True):
            found[place] = free
    return found


def _of_a_kind(members: Sequence[Member], lo: int, hi: int, before: int, after: int) -> list[list[Interval]]:
    """Members who work, or have calendars of their own, all alike: one reading of the facts for all of them."""
    hosts = {member.host.pk: member.host for member in members}
    chosen = [member.calendars for member in members if member.calendars is not None]
    terms = Terms(
        tuple(hosts.values()),
        60,
        before=before,
        after=after,
        weekly=None if members[0].working else ALWAYS,
        calendars=frozenset().union(*chosen) if chosen else None,
    )
    known = facts.read(terms, lo, hi, int(utc_now().timestamp()), trust_stale=True)
    open_ = {each.host.pk: known.open[each] for each in known.candidates if each.only_within is None}
    return [_free(member, known, open_[member.host.pk], lo, hi, before, after) for member in members]


def _free(
    member: Member, known: facts.Facts, open_: list[Interval], lo: int, hi: int, before: int, after: int
) -> list[Interval]:
    host = member.host
    if not host.is_active:
        return []
    if member.openings is not None:
        open_ = intersect(open_, _opened(host, member, lo, hi))
    if member.within is not None:
        open_ = intersect(open_, member.within)
    taken = known.busy[host.pk] + known.claimed[host.pk]
    return clip(subtract(open_, [(start - after, end + before) for start, end in taken]), lo, hi)


def _opened(host: Host, member: Member, lo: int, hi: int) -> list[Interval]:
    """The hours that were named. That the host is away is in the open time they are cut with."""
    rows = [OpeningRow(host.pk, each.start_s, each.end_s, each.weekly, each.timezone) for each in member.openings or ()]
    named = openings_of(host, rows, (), lo, hi)
    if member.scheduled:
        named = union(named, hours.open_intervals(host.timezone, weekly_hours(host.schedule.weekly), lo, hi))
    return named
