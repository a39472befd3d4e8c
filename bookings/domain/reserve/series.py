"""Bookings of every date of a rule: all of them or none, or without those that are taken."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass, field

from django.db import transaction

from bookings.domain import ledger
from bookings.domain.assign import assign
from bookings.domain.audit import Actor
from bookings.domain.errors import Invalid, SlotTaken
from bookings.domain.ledger import Wish
from bookings.domain.locks import lock_hosts_of
from bookings.domain.reserve.changing import cancel
from bookings.domain.reserve.taking import forced_assignment
from bookings.domain.reserve.writing import FORCED_LANE, check_wish, require, reserving, write_booking
from bookings.domain.terms import Terms
from bookings.engine.recurrence import RecurrenceSet, RuleError, TooMany, parse_rule, validate_written
from bookings.engine.zones import DAY
from bookings.models import Booking, Organisation

MOST_DATES = 366
"""How many dates a series may have: each is decided and written under the hosts' locks."""


@dataclass
class SeriesTaken(SlotTaken):
    """Some dates of a series cannot be had; `refused` lists (start, reason code). Nothing was stored."""

    code: str = "series_taken"
    refused: list[tuple[int, str]] = field(default_factory=list)


def book_series(
    organisation: Organisation,
    terms: Terms,
    start: int,
    rule: str,
    wish: Wish,
    *,
    actor: Actor,
    skip_taken: bool = False,
    forced: bool = False,
    without: Collection[int] = (),
) -> list[Booking]:
    """Book every date of an RFC 5545 rule that begins at `start`, in the first host's zone: all of them or none.

    `without` are starts (UTC seconds) excluded from it. With `skip_taken` the dates that cannot be had are left out;
    `forced` books them all the same. Raises SeriesTaken with each refused date and its reason, and Invalid (field
    rrule) for a rule without COUNT or UNTIL, without any date, or with more than MOST_DATES.
    """
    check_wish(terms, wish)
    starts = [each for each in _dates(terms, start, rule) if each not in without]
    if not starts:
        raise Invalid("The series has no dates.", field="rrule")

    @reserving
    def run() -> list[Booking]:
        fresh = ledger.lock(terms.hosts)
        series, made = uuid.uuid4(), []
        refused: list[tuple[int, str]] = []
        for each in starts:
            verdict = require(terms, each, forced=True)
            if not (verdict.ok or forced):
                refused.append((each, verdict.code))
            elif not refused or skip_taken:
                chosen = (assign(terms, verdict.hosts) if verdict.ok else forced_assignment(terms)).with_hosts(fresh)
                lane = 0 if verdict.ok else FORCED_LANE
                made.append(write_booking(organisation, terms, each, wish, chosen, actor, series=series, lane=lane))
        if refused and (not skip_taken or not made):
            raise SeriesTaken("Some dates of the series cannot be had.", reason=refused[0][1], refused=refused)
        return made

    return run()


def cancel_series(
    booking: Booking,
    *,
    by: str,
    actor: Actor,
    reason: str = "",
    following_only: bool = False,
    notify: bool = True,
) -> list[Booking]:
    """Cancel every live booking of a series, or this one and those after it. The set is computed once."""
    with transaction.atomic():
        chosen = Booking.everywhere.filter(series=booking.series, state__in=Booking.LIVE).order_by("start_s")
        if following_only:
            chosen = chosen.filter(start_s__gte=booking.start_s)
        bookings = list(chosen)
        lock_hosts_of(booking.pk for booking in bookings)
        return [cancel(each, by=by, actor=actor, reason=reason, notify=notify) for each in bookings]


def _dates(terms: Terms, start: int, rule: str) -> list[int]:
    """The starts of a series, in UTC seconds. Wall times stay; a date whose time is skipped moves as RFC 5545 says."""
    tzid, wall = ledger.on_the_clock(terms.timezone, start)
    try:
        parsed = parse_rule(rule)
        validate_written(parsed)
        dates = RecurrenceSet(wall, tzid, (parsed,))
        last = dates.last()
        if last is None:
            raise Invalid("A series needs an end: COUNT or UNTIL.", field="rrule")
        return dates.starts(start, last + DAY, MOST_DATES)
    except (RuleError, TooMany) as error:
        raise Invalid(str(error), field="rrule") from None
