"""Recurring events: a set of rules and dates, expanded inside a window.

Starts and dates are wall seconds (see :mod:`bookings.engine.zones`), windows and results UTC seconds. Rules
are computed in wall time and then placed on the time line, so a series keeps its local hour
when clocks change; a time missing in a gap moves forward (RFC 5545 3.3.5).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from bookings.engine.periods import MAX_WALL, Series, TooMany, series
from bookings.engine.rules import Rule, RuleError, parse_rule, validate_written
from bookings.engine.zones import DAY, Zone, zone

__all__ = ["RecurrenceSet", "Rule", "RuleError", "TooMany", "parse_rule", "validate_written"]

MAX_OCCURRENCES = 5000
_STEADIEST = 366 * DAY  # in longer windows most clocks change, and looking would cost more than it saves


@dataclass(frozen=True)
class RecurrenceSet:
    """When an event happens.

    Without rules it happens at ``start`` and at ``rdates``. With rules it happens when they say, from
    ``start`` on, and at ``rdates``; a start that fits no rule is not an occurrence (RFC 5545 3.8.5.3 leaves
    that open, and most programs agree). ``exdates`` and ``exrules`` take away what falls on the same instant.

    :param start: DTSTART in wall seconds; for an all-day event its midnight.
    :param tzid: IANA zone; None for UTC and for floating times that are to be read as UTC.
    """

    start: int
    tzid: str | None
    rules: tuple[Rule, ...] = ()
    rdates: tuple[int, ...] = ()
    exdates: tuple[int, ...] = ()
    exrules: tuple[Rule, ...] = ()

    def starts(self, lo: int, hi: int, limit: int = MAX_OCCURRENCES) -> list[int]:
        """Occurrence starts in [lo, hi), UTC seconds, ascending and without duplicates.

        :raises TooMany: for more than ``limit``, or if finding them would take too long. There may
            be occurrences then: never read it as free time.
        :raises UnknownZone: for a tzid that is not an IANA zone.
        """
        clock = self._clock
        if self._is_simple:
            return self._simple_starts(lo, hi, limit)
        first, last, _ = _wall_window(clock, lo, hi)
        found: set[int] = set()
        for wall in self.rdates if self.rules else (self.start, *self.rdates):
            if first <= wall <= last:
                found.add(clock.to_utc(wall))
        for each in self._series:
            found.update(_instants(each, clock, first, last, limit + len(self.exdates)))
        if found and (self.exdates or self.exrules):
            found.difference_update(self._excluded(first, last))
        inside = sorted(instant for instant in found if lo <= instant < hi)
        if len(inside) > limit:
            raise TooMany(f"The series has more than {limit} occurrences in this window.")
        return inside

    def walls(self, lo: int, hi: int, limit: int = MAX_OCCURRENCES) -> list[int]:
        """As :meth:`starts`, but what the clocks show then: a time moved out of a gap is the moved one."""
        to_wall = self._clock.to_wall
        return [to_wall(instant) for instant in self.starts(lo, hi, limit)]

    def occurrences(self, lo: int, hi: int, limit: int = MAX_OCCURRENCES) -> list[tuple[int, int]]:
        """:meth:`starts` and :meth:`walls` in one, as (UTC seconds, wall seconds)."""
        to_wall = self._clock.to_wall
        return [(instant, to_wall(instant)) for instant in self.starts(lo, hi, limit)]

    def last(self) -> int | None:
        """The last occurrence start in UTC seconds; None if there is no end before the year 10000.

        A set that ends without a single occurrence answers its ``start``.

        :raises TooMany: if finding it would take too long.
        """
        clock = self._clock
        ends = [_end(each, clock, MAX_WALL) for each in self._series]
        if None in ends:
            return None
        dates = self.rdates if self.rules else (self.start, *self.rdates)
        gone = {clock.to_utc(wall) for wall in self.exdates}
        found = [instant for wall in dates if (instant := clock.to_utc(wall)) not in gone]
        for each, end in zip(self._series, ends, strict=True):
            assert end is not None
            found += self._last_of(each, end, gone)
        return max(found, default=clock.to_utc(self.start))

    @cached_property
    def _is_simple(self) -> bool:
        """One rule or one date, less some dates: nearly every event."""
        return not (self.rdates or self.exrules) and len(self.rules) <= 1

    def _simple_starts(self, lo: int, hi: int, limit: int) -> list[int]:
        clock = self._clock
        first, last, offset = _wall_window(clock, lo, hi)
        if self.rules:
            end = self._last_wall(last, offset)
            walls: Sequence[int] = self._series[0].between(
                first, end if end < last else last, limit + len(self.exdates)
            )
        else:
            walls = (self.start,) if first <= self.start <= last else ()
        if offset is not None:
            found = [wall - offset for wall in walls]
        else:
            hi = hi if self._until is None else min(hi, self._until + 1)
            found = sorted(dict.fromkeys(clock.to_utc_all(walls)))
            found = found[bisect_left(found, lo) : bisect_left(found, hi)]
        if self.exdates:
            excluded = self._exdates
            found = [at for at in found if at not in excluded]
        if len(found) > limit:
            raise TooMany(f"The series has more than {limit} occurrences in this window.")
        return found

    def _last_wall(self, stop: int, offset: int | None) -> int:
        """A wall time after which the one rule has no start, not looking beyond ``stop``."""
        rule = self.rules[0]
        if rule.count is None and rule.until is None:
            return stop
        if self._until is not None:
            # A day more, since a repeated hour makes later wall times earlier instants.
            return self._until + (self._clock.offset(self._until) + DAY if offset is None else offset)
        end = _end(self._series[0], self._clock, stop)
        return stop if end is None else end

    @cached_property
    def _exdates(self) -> frozenset[int]:
        return frozenset(map(self._clock.to_utc, self.exdates))

    @cached_property
    def _until(self) -> int | None:
        """The UNTIL of a single rule, where it is an instant."""
        rule = self.rules[0] if self.rules else None
        return rule.until if rule and rule.until_kind == "utc" else None

    @cached_property
    def _clock(self) -> Zone:
        return zone(self.tzid or "UTC")

    @cached_property
    def _series(self) -> list[Series]:
        return [series(rule, self.start) for rule in self.rules]

    @cached_property
    def _exseries(self) -> list[Series]:
        return [series(rule, self.start) for rule in self.exrules]

    def _last_of(self, each: Series, end: int, gone: set[int]) -> list[int]:
        """The last start of one rule up to wall ``end``, if any, looking backward."""
        # First an hour, then ever longer: a rule may have thousands of starts a day, or none for years.
        span = 3600
        while end >= self.start:
            begin = max(self.start, end - span)
            instants = _within_until(each, self._clock, each.between(begin, end, 10 * MAX_OCCURRENCES))
            left = [instant for instant in instants if instant not in gone]
            if left and self.exrules:
                excluded = set(self._generated(self._exseries, begin, end, 10 * MAX_OCCURRENCES))
                left = [instant for instant in left if instant not in excluded]
            if left:
                return [max(left)]
            end, span = begin - 1, span * 4
        return []

    def _excluded(self, first: int, last: int) -> Iterable[int]:
        for wall in self.exdates:
            # A day more on either side: in a gap or an overlap another wall time may be the same instant.
            if first - DAY <= wall <= last + DAY:
                yield self._clock.to_utc(wall)
        yield from self._generated(self._exseries, first, last, MAX_OCCURRENCES)

    def _generated(self, rules: list[Series], first: int, last: int, room: int) -> Iterable[int]:
        """The instants of all starts with ``first <= wall <= last``, rule after rule."""
        for each in rules:
            yield from _instants(each, self._clock, first, last, room)


@lru_cache(maxsize=1024)
def _wall_window(clock: Zone, lo: int, hi: int) -> tuple[int, int, int | None]:
    """The wall times between which every occurrence in [lo, hi) lies, and the one offset of all of them.

    There is no one offset (None) when the clock changes in the window or a day around it, or the window is very long.
    """
    offsets = clock.offsets(lo - DAY, hi + DAY) if 0 < hi - lo <= _STEADIEST else []
    if len(offsets) == 1:
        steady = offsets[0][1]
        return lo + steady, hi + steady - 1, steady
    # to_utc(w) >= lo means w >= lo + offset, for whichever offset is in force around lo; likewise hi.
    first = lo + min(clock.offset(lo - DAY), clock.offset(lo + DAY))
    return first, hi + max(clock.offset(hi - DAY), clock.offset(hi + DAY)), None


def _instants(each: Series, clock: Zone, first: int, last: int, room: int) -> list[int]:
    """The instants of one rule's starts with ``first <= wall <= last``."""
    end = _end(each, clock, last)
    return _within_until(each, clock, each.between(first, last if end is None else min(last, end), room))


def _end(each: Series, clock: Zone, stop: int) -> int | None:
    """A wall time after which the rule has no start; None if there is none up to ``stop``."""
    rule = each.rule
    if rule.count is not None:
        return each.end_of_count(stop)
    if rule.until is None:
        return None
    if rule.until_kind == "utc":
        # A day more, since a repeated hour makes later wall times earlier instants; _within_until is exact.
        return clock.to_wall(rule.until) + DAY
    # UNTIL with a date means that whole day, also where the start has a time of day.
    return rule.until + (DAY - 1 if rule.until_kind == "date" else 0)


def _within_until(each: Series, clock: Zone, walls: list[int]) -> list[int]:
    """The instants of these wall times, without those after an UNTIL given in UTC."""
    instants, rule = clock.to_utc_all(walls), each.rule
    if rule.until is None or rule.until_kind != "utc":
        return instants
    return [instant for instant in instants if instant <= rule.until]
