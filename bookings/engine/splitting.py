"""A series cut in two at one of its occurrences: what was before, and what follows (RFC 8984 4.1.3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from bookings.engine.periods import series as series_of
from bookings.engine.recurrence import MAX_OCCURRENCES, RecurrenceSet, TooMany
from bookings.engine.rules import Rule, RuleError
from bookings.engine.zones import DAY, Zone, weekday, ymd, zone

UntilKind = Literal["utc", "local", "date"]

_MOST = 10 * MAX_OCCURRENCES
_COMPARED = (4 * 366 * DAY, 366 * DAY, 31 * DAY, DAY)


def is_first(series: RecurrenceSet, at: int) -> bool:
    """Whether nothing of a series happens before that instant."""
    begin = min(map(_clock(series).to_utc, (series.start, *series.rdates)))
    try:
        return not series.starts(begin, at)
    except TooMany:
        return False


def earlier(series: RecurrenceSet, at: int, kind: UntilKind) -> RecurrenceSet:
    """What of a series happens before one of its occurrences, which is not its first.

    A COUNT becomes that of what is left; every other rule ends with its last occurrence before the cut.

    :param at: that occurrence's start, UTC seconds.
    :param kind: how UNTIL is to be written: "date" for all-day events, "local" for floating ones, else "utc".
    :raises TooMany: if finding the end would take too long.
    """
    to_utc = _clock(series).to_utc
    return replace(
        series,
        rules=tuple(_ended(rule, series, at, kind) for rule in series.rules),
        rdates=tuple(wall for wall in series.rdates if to_utc(wall) < at),
        exdates=tuple(wall for wall in series.exdates if to_utc(wall) < at),
    )


def later(series: RecurrenceSet, at: int) -> RecurrenceSet:
    """What of a series happens from one of its occurrences on, as a series that starts there.

    :param at: that occurrence's start, UTC seconds.
    :raises TooMany: if counting what was before would take too long.
    :raises RuleError: code `phase`, for rules that mean something else when they start there.
    """
    clock = _clock(series)
    start = _wall_of(series, at)
    rules = tuple(rest for rule in series.rules if (rest := _rest(rule, series.start, start, at, clock)))
    rdates = tuple(wall for wall in series.rdates if clock.to_utc(wall) >= at and (rules or wall != start))
    made = RecurrenceSet(
        start,
        series.tzid,
        rules,
        rdates,
        tuple(wall for wall in series.exdates if clock.to_utc(wall) >= at),
        tuple(rest for rule in series.exrules if (rest := _rest(rule, series.start, start, at, clock))),
    )
    if not _agree(series, made, at):
        raise RuleError("phase", "This series repeats in a way that cannot be continued from this occurrence.")
    return made


def moved(rule: Rule, before: int, after: int) -> Rule:
    """A rule after its series' start was moved between these wall times, so that it still falls on the start: weekday,
    day of the month, month and time of day go along where the rule names the old ones and not the new ones."""
    (_, month, day), (_, new_month, new_day) = ymd(before // DAY), ymd(after // DAY)
    return replace(
        rule,
        byday=_moved_weekdays(rule, before // DAY, after // DAY),
        bymonthday=_exchanged(rule.bymonthday, day, new_day),
        bymonth=_exchanged(rule.bymonth, month, new_month),
        byhour=_exchanged(rule.byhour, before % DAY // 3600, after % DAY // 3600),
        byminute=_exchanged(rule.byminute, before // 60 % 60, after // 60 % 60),
        bysecond=_exchanged(rule.bysecond, before % 60, after % 60),
    )


def _exchanged(values: tuple[int, ...], old: int, new: int) -> tuple[int, ...]:
    if old not in values or new in values:
        return values
    return tuple(sorted({*values, new} - {old}))


def _moved_weekdays(rule: Rule, before: int, after: int) -> tuple[tuple[int, int], ...]:
    old, new = weekday(before), weekday(after)
    if any(each == (0, new) for each in rule.byday):
        return rule.byday
    found = {_nth(ordinal, after) if day == old else (ordinal, day) for ordinal, day in rule.byday}
    return tuple(sorted(found, key=lambda each: (each[1], each[0])))


def _nth(ordinal: int, day: int) -> tuple[int, int]:
    """The weekday of a day, numbered in its month from the same end."""
    if not ordinal:
        return 0, weekday(day)
    month = ymd(day)[1]
    step = 7 if ordinal < 0 else -7
    found = next(number for number in range(1, 6) if ymd(day + number * step)[1] != month)
    return (found if ordinal > 0 else -found), weekday(day)


def _clock(series: RecurrenceSet) -> Zone:
    return zone(series.tzid or "UTC")


def _wall_of(series: RecurrenceSet, at: int) -> int:
    """What a rule or date says of the occurrence at that instant; in a gap that is another time than clocks show."""
    clock = _clock(series)
    shown = clock.to_wall(at)
    said = [*series.rdates, series.start]
    for rule in series.rules:
        said += series_of(rule, series.start).between(shown - DAY, shown + DAY, _MOST)
    return next((wall for wall in said if wall == shown), next((w for w in said if clock.to_utc(w) == at), shown))


def _count_before(rule: Rule, start: int, at: int, clock: Zone) -> int:
    """How many starts a rule has before that instant, COUNT and UNTIL left aside."""
    walls = series_of(rule, start).between(start, clock.to_wall(at) + DAY, _MOST)
    return sum(1 for instant in clock.to_utc_all(walls) if instant < at)


def _ended(rule: Rule, series: RecurrenceSet, at: int, kind: UntilKind) -> Rule:
    """A rule without its starts from that instant on."""
    clock = _clock(series)
    if rule.count is not None:
        left = _count_before(rule, series.start, at, clock)
        if left:
            return replace(rule, count=min(left, rule.count))
    elif _is_over(rule, at, clock):
        return rule
    ended = replace(rule, count=None, until=at - 1, until_kind="utc")
    alone = RecurrenceSet(series.start, series.tzid, (ended,))
    last = alone.last()
    if last is None or last >= at or not alone.starts(last, last + 1):
        last = at - 1
    wall = clock.to_wall(last)
    until = {"utc": last, "local": wall, "date": wall // DAY * DAY}[kind]
    return replace(ended, until=until, until_kind=kind)


def _is_over(rule: Rule, at: int, clock: Zone) -> bool:
    """Whether a rule's UNTIL lies before that instant."""
    if rule.until is None:
        return False
    if rule.until_kind == "utc":
        return rule.until < at
    return clock.to_utc(rule.until + (DAY - 1 if rule.until_kind == "date" else 0)) < at


def _rest(rule: Rule, start: int, new_start: int, at: int, clock: Zone) -> Rule | None:
    """A rule as it goes on from a later start; None when it is over by then."""
    if _is_over(rule, at, clock):
        return None
    if rule.count is not None:
        left = rule.count - _count_before(rule, start, at, clock)
        if left <= 0:
            return None
        rule = replace(rule, count=left)
    falls_there = new_start in series_of(rule, start).between(new_start, new_start, 1)
    return rule if falls_there and rule.skip == "OMIT" else _explicit(rule, start)


def _explicit(rule: Rule, start: int) -> Rule:
    """A rule that names what it would otherwise take from its start (RFC 5545 3.3.10)."""
    _, month, day = ymd(start // DAY)
    named: dict[str, tuple[object, ...]] = {}
    if rule.freq == "WEEKLY" and not rule.byday:
        named["byday"] = ((0, weekday(start // DAY)),)
    if rule.freq == "MONTHLY" and not (rule.byday or rule.bymonthday):
        named["bymonthday"] = (day,)
    if rule.freq == "YEARLY" and not (rule.byday or rule.bymonthday or rule.byyearday or rule.byweekno):
        named |= {"bymonth": rule.bymonth or (month,), "bymonthday": (day,)}
    if rule.freq in ("DAILY", "WEEKLY", "MONTHLY", "YEARLY") and start % DAY:
        named["byhour"] = rule.byhour or (start % DAY // 3600,)
        named["byminute"] = rule.byminute or (start // 60 % 60,)
        named["bysecond"] = rule.bysecond or (start % 60,)
    return replace(rule, **named)  # type: ignore[arg-type]


def _agree(series: RecurrenceSet, made: RecurrenceSet, at: int) -> bool:
    """Whether two series happen at the same times from an instant on, for as long as can be told."""
    for span in _COMPARED:
        try:
            return series.starts(at, at + span) == made.starts(at, at + span)
        except TooMany:
            continue
    return False
