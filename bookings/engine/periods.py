"""What one rule makes of one start, period by period, in naive wall seconds.

A period is what FREQ counts: a day, week, month or year from the one that holds the start; rules faster than
daily are taken a local day at a time. Any period is found by arithmetic, so a window costs what
it holds and not what lies between it and the start.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import product

from bookings.engine import zones
from bookings.engine.rules import Rule
from bookings.engine.zones import DAY, weekday

MAX_WALL = zones.wall(9999, 12, 31, 23, 59, 59)
# Roughly microseconds: what one question may cost before it is refused.
MAX_COST = 200_000
_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_SECONDS = {"HOURLY": 3600, "MINUTELY": 60, "SECONDLY": 1}


class TooMany(ValueError):
    """More occurrences than asked for, or more searching than allowed; never to be read as none."""


class Series:
    """The starts one rule generates from one DTSTART, before COUNT and UNTIL."""

    # What looking at one period costs, and the most starts one can have.
    cost = 1
    most: int
    # Whether every period but the first has equally many starts.
    regular = False

    def __init__(self, rule: Rule, start: int) -> None:
        self.rule = rule
        self.start = start
        self.day0, clock = divmod(start, DAY)
        hours = rule.byhour or (clock // 3600,)
        minutes = rule.byminute or (clock // 60 % 60,)
        seconds = rule.bysecond or (clock % 60,)
        self.times = [h * 3600 + m * 60 + s for h, m, s in product(hours, minutes, seconds)]
        # What counting found so far: (up to this wall time, the last start).
        self._counted: tuple[int, int | None] = (start - 1, None)

    def index(self, wall: int) -> int:
        """The period that holds ``wall``; the start is in period 0."""
        raise NotImplementedError

    def days(self, index: int) -> Iterable[int]:
        """The days of a period on which the rule falls, ascending."""
        raise NotImplementedError

    def walls(self, index: int) -> Sequence[int]:
        """The starts in a period, ascending; those of period 0 may lie before the start."""
        times = self.times
        found = [day * DAY + time for day in self.days(index) for time in times]
        return _picked(found, self.rule.bysetpos) if self.rule.bysetpos else found

    def between(self, lo: int, hi: int, most: int) -> list[int]:
        """Starts with ``lo <= wall <= hi``, ascending.

        :raises TooMany: for more than ``most``, or when the search costs too much.
        """
        lo, hi = max(lo, self.start), min(hi, MAX_WALL)
        found: list[int] = []
        spent = 0
        # A day that SKIP moves belongs to the month it came from.
        slack = self.rule.skip != "OMIT"
        for index in range(max(self.index(lo) - slack, 0), self.index(hi) + slack + 1) if lo <= hi else ():
            walls = self.walls(index)
            found += [wall for wall in walls if lo <= wall <= hi]
            spent += self.cost + len(walls)
            if len(found) > most or spent > MAX_COST:
                raise TooMany("The rule has too many occurrences in this window.")
        return sorted(found) if slack else found

    def end_of_count(self, stop: int) -> int | None:
        """The start with which COUNT is used up, or None if it lies after ``stop``.

        :raises TooMany: when counting costs too much.
        """
        known, end = self._counted
        if end is None and stop > known:
            assert self.rule.count is not None
            end = self._nth(self.rule.count, min(stop, MAX_WALL))
            self._counted = (stop, end)
        return end if end is not None and end <= stop else None

    def _nth(self, count: int, stop: int) -> int | None:
        """The ``count``-th start, or None if it lies after the period that holds ``stop``."""
        last = self.index(stop)
        if count > (last + 1) * self.most:
            return None
        left, spent = count, 0
        for index in range(last + 1):
            walls = self.walls(index)
            if index == 0:
                walls = [wall for wall in walls if wall >= self.start]
            elif self.regular:
                skipped, at = divmod(left - 1, len(walls))
                return self.walls(index + skipped)[at] if index + skipped <= last else None
            if left <= len(walls):
                return walls[left - 1]
            left -= len(walls)
            spent += self.cost + len(walls)
            if spent > MAX_COST:
                raise TooMany("The rule has too many occurrences to count.")
        return None


@lru_cache(maxsize=4096)
def series(rule: Rule, start: int) -> Series:
    """The series of a rule from a start in wall seconds."""
    return _KINDS.get(rule.freq, _Clock)(rule, start)


class _Days(Series):
    def __init__(self, rule: Rule, start: int) -> None:
        super().__init__(rule, start)
        self.regular = not (rule.bymonth or rule.bymonthday or rule.byday)
        self.most = len(self.times)

    def index(self, wall: int) -> int:
        return (wall // DAY - self.day0) // self.rule.interval

    def days(self, index: int) -> Iterable[int]:
        day = self.day0 + index * self.rule.interval
        return (day,) if self.regular or _day_passes(self.rule, day) else ()

    def between(self, lo: int, hi: int, most: int) -> list[int]:
        if not self.regular or len(self.times) > 1:
            return super().between(lo, hi, most)
        first, step = self.day0 * DAY + self.times[0], self.rule.interval * DAY
        lo, hi = lo if lo > self.start else self.start, hi if hi < MAX_WALL else MAX_WALL
        return _sized(range(lo + (first - lo) % step, hi + 1, step), most)


class _Weeks(Series):
    cost = 2

    def __init__(self, rule: Rule, start: int) -> None:
        super().__init__(rule, start)
        self.first = self.day0 - (weekday(self.day0) - rule.wkst) % 7
        wanted = {day for _, day in rule.byday} or {weekday(self.day0)}
        self.offsets = sorted((day - rule.wkst) % 7 for day in wanted)
        self.seconds = [offset * DAY + self.times[0] for offset in self.offsets]
        self.most = len(self.offsets) * len(self.times)
        # BYSETPOS may pick nothing at all, but then it does so every week.
        self.regular = not rule.bymonth and bool(super().walls(1))

    def index(self, wall: int) -> int:
        return (wall // DAY - self.first) // (7 * self.rule.interval)

    def days(self, index: int) -> Iterable[int]:
        first, months = self.first + index * 7 * self.rule.interval, self.rule.bymonth
        days = [first + offset for offset in self.offsets]
        return [day for day in days if zones.ymd(day)[1] in months] if months else days

    def between(self, lo: int, hi: int, most: int) -> list[int]:
        if self.rule.bymonth or self.rule.bysetpos or len(self.times) > 1:
            return super().between(lo, hi, most)
        lo, hi = max(lo, self.start), min(hi, MAX_WALL)
        step, begin = 7 * DAY * self.rule.interval, self.first * DAY
        weeks = range(lo - (lo - begin) % step, hi + 1, step)
        if len(weeks) * len(self.seconds) > most + 14:
            raise TooMany("The rule has too many occurrences in this window.")
        found = [week + second for week in weeks for second in self.seconds]
        while found and found[-1] > hi:
            found.pop()
        while found and found[0] < lo:
            del found[0]
        return _sized(found, most)


class _Months(Series):
    cost = 3

    def __init__(self, rule: Rule, start: int) -> None:
        super().__init__(rule, start)
        y, m, d = zones.ymd(self.day0)
        self.month0 = y * 12 + m - 1
        self.monthdays = rule.bymonthday or (() if rule.byday else (d,))
        self.most = 31 * len(self.times)

    def index(self, wall: int) -> int:
        return (_month_number(wall // DAY) - self.month0) // self.rule.interval

    def between(self, lo: int, hi: int, most: int) -> list[int]:
        if self.rule.bysetpos or len(self.times) > 1 or self.rule.skip != "OMIT":
            return super().between(lo, hi, most)
        lo, hi = max(lo, self.start), min(hi, MAX_WALL)
        if lo > hi:
            return []
        first, last, time = self.index(lo), self.index(hi), self.times[0]
        if (last - first) * self.cost > MAX_COST:
            raise TooMany("The rule has too many occurrences in this window.")
        walls = [day * DAY + time for index in range(first, last + 1) for day in self.days(index)]
        return _sized([wall for wall in walls if lo <= wall <= hi], most)

    def days(self, index: int) -> Iterable[int]:
        y, m = divmod(self.month0 + index * self.rule.interval, 12)
        if y > 9999 or (self.rule.bymonth and m + 1 not in self.rule.bymonth):
            return ()
        return _days_of_month(y, m + 1, self.monthdays, self.rule.byday, self.rule.skip)


class _Years(Series):
    cost = 20

    def __init__(self, rule: Rule, start: int) -> None:
        super().__init__(rule, start)
        self.year0, m, d = zones.ymd(self.day0)
        self.months, self.monthdays, self.byday = rule.bymonth, rule.bymonthday, rule.byday
        # What the rule leaves open comes from the start (RFC 5545 3.3.10).
        if rule.byweekno and not (rule.byday or rule.byyearday or rule.bymonthday):
            self.byday = ((0, weekday(self.day0)),)
        elif not (rule.byday or rule.byyearday or rule.bymonthday):
            self.months, self.monthdays = rule.bymonth or (m,), (d,)
        self.by_month = not (rule.byyearday or rule.byweekno) and bool(self.months or not self.byday)
        self.cost = 20 if self.by_month else 200
        self.most = 366 * len(self.times)

    def index(self, wall: int) -> int:
        return (zones.ymd(wall // DAY)[0] - self.year0) // self.rule.interval

    def days(self, index: int) -> Iterable[int]:
        rule, y = self.rule, self.year0 + index * self.rule.interval
        if y > 9999:
            return ()
        if self.by_month:
            months = self.months or range(1, 13)
            each = [_days_of_month(y, m, self.monthdays, self.byday, rule.skip) for m in months]
            # A set, since SKIP may move two days of different months to the same one.
            return sorted({day for days in each for day in days})
        first, length = _new_year(y), _new_year(y + 1) - _new_year(y)
        days = set(range(first, first + length))
        if rule.byyearday:
            days &= {first + n - 1 if n > 0 else first + length + n for n in rule.byyearday}
        if rule.byweekno:
            days &= _days_of_weeks(y, rule.byweekno, rule.wkst)
        if self.monthdays:
            days &= {d for m in range(1, 13) for d in _days_of_month(y, m, self.monthdays, (), rule.skip)}
        if self.byday:
            days &= self._weekdays(y, first, length)
        if self.months:
            days &= {d for m in self.months for d in range(*_month(y, m))}
        return sorted(days)

    def _weekdays(self, y: int, first: int, length: int) -> set[int]:
        if self.months:
            return {d for m in self.months for d in _nth_weekdays(*_month(y, m), self.byday)}
        return _nth_weekdays(first, first + length, self.byday)


class _Clock(Series):
    """Rules faster than daily; a period is a day, numbered from that of the start."""

    def __init__(self, rule: Rule, start: int) -> None:
        super().__init__(rule, start)
        self.unit = _SECONDS[rule.freq]
        self.step = rule.interval * self.unit
        clock = start % DAY
        minutes = rule.byminute or ((clock // 60 % 60,) if rule.freq == "HOURLY" else (0,))
        seconds = rule.bysecond or ((clock % 60,) if rule.freq != "SECONDLY" else (0,))
        # The starts inside one hour, minute or second, counted from where that begins.
        inside = {"HOURLY": product(minutes, seconds), "MINUTELY": product((0,), seconds)}
        self.inside = [m * 60 + s for m, s in inside.get(rule.freq, ((0, 0),))]
        if rule.bysetpos:
            self.inside = list(_picked(self.inside, rule.bysetpos))
        self.most = (DAY // self.step + 1) * len(self.inside)
        self.filtered = bool(rule.bymonth or rule.bymonthday or rule.byday or rule.byyearday)
        # Looking into a stretch takes a fraction of a microsecond, but a day may have one each second.
        self.cost = 1 + sum(1 for _ in self._stretches()) // 4

    def index(self, wall: int) -> int:
        return wall // DAY - self.day0

    def walls(self, index: int) -> Sequence[int]:
        if self.filtered and not _day_passes(self.rule, self.day0 + index):
            return ()
        midnight, step = (self.day0 + index) * DAY, self.step
        origin = self.start // self.unit * self.unit - midnight
        begins = [
            midnight + at
            for begin, end in self._stretches()
            for at in range(begin + (origin - begin) % step, end, step)
        ]
        return [at + second for at in begins for second in self.inside]

    def _stretches(self) -> Iterable[tuple[int, int]]:
        """The parts of a day, in seconds from midnight, that BYHOUR, BYMINUTE and BYSECOND leave."""
        rule, unit = self.rule, self.unit
        hours, minutes = rule.byhour or range(24), rule.byminute or range(60)
        if rule.bysecond and unit == 1:
            at = (h * 3600 + m * 60 + s for h, m, s in product(hours, minutes, rule.bysecond))
            return ((second, second + 1) for second in at)
        if rule.byminute and unit <= 60:
            return ((h * 3600 + m * 60, h * 3600 + m * 60 + 60) for h, m in product(hours, minutes))
        if rule.byhour:
            return ((h * 3600, h * 3600 + 3600) for h in hours)
        return ((0, DAY),)

    def _nth(self, count: int, stop: int) -> int | None:
        rule = self.rule
        if self.filtered or rule.byhour or rule.byminute or rule.bysecond or rule.bysetpos:
            return super()._nth(count, stop)
        found = self.start + (count - 1) * self.step
        return found if found <= stop else None


_KINDS: dict[str, type[Series]] = {"DAILY": _Days, "WEEKLY": _Weeks, "MONTHLY": _Months, "YEARLY": _Years}


def _picked(walls: Sequence[int], positions: tuple[int, ...]) -> list[int]:
    """BYSETPOS: the given positions, from 1, or from the end when negative."""
    size = len(walls)
    return sorted({walls[n - 1 if n > 0 else n] for n in positions if abs(n) <= size})


def _sized(walls: Sequence[int], most: int) -> list[int]:
    if len(walls) > most:
        raise TooMany("The rule has too many occurrences in this window.")
    return list(walls)


@lru_cache(maxsize=4096)
def _month_number(day: int) -> int:
    y, m, _ = zones.ymd(day)
    return y * 12 + m - 1


def _new_year(y: int) -> int:
    """Day number of 1 January, also for the years just outside datetime's range."""
    before = y - 1
    return 365 * (y - 1970) + before // 4 - before // 100 + before // 400 - 477


def _month(y: int, m: int) -> tuple[int, int]:
    """First day of a month and of the next."""
    first = zones.day(y, m, 1)
    leap = m == 2 and y % 4 == 0 and (y % 100 != 0 or y % 400 == 0)
    return first, first + _LENGTHS[m - 1] + leap


@lru_cache(maxsize=8192)
def _days_of_month(
    y: int, m: int, monthdays: tuple[int, ...], byday: tuple[tuple[int, int], ...], skip: str
) -> tuple[int, ...]:
    """The days of a month that are among ``monthdays`` and ``byday``, as far as these are given."""
    first, end = _month(y, m)
    days = set(range(first, end))
    if monthdays:
        wanted = {first + n - 1 if n > 0 else end + n for n in monthdays}
        if skip == "FORWARD":
            wanted = {end if day >= end else max(day, first) for day in wanted}
        elif skip == "BACKWARD":
            wanted = {first - 1 if day < first else min(day, end - 1) for day in wanted}
        days = wanted if skip != "OMIT" else days & wanted
    if byday:
        days &= _nth_weekdays(first, end, byday)
    return tuple(sorted(days))


def _nth_weekdays(first: int, end: int, byday: tuple[tuple[int, int], ...]) -> set[int]:
    """The days in [first, end) that BYDAY names, its ordinals counted inside that range."""
    found: set[int] = set()
    for ordinal, day in byday:
        every = range(first + (day - weekday(first)) % 7, end, 7)
        if not ordinal:
            found.update(every)
        elif abs(ordinal) <= len(every):
            found.add(every[ordinal - 1 if ordinal > 0 else ordinal])
    return found


def _days_of_weeks(y: int, weeks: tuple[int, ...], wkst: int) -> set[int]:
    """The days that lie in the numbered weeks, also those of neighbouring years' weeks."""
    found: set[int] = set()
    for year in (y - 1, y, y + 1):
        first, following = _first_week(year, wkst), _first_week(year + 1, wkst)
        every = range(first, following, 7)
        for number in weeks:
            if abs(number) <= len(every):
                begin = every[number - 1 if number > 0 else number]
                found.update(range(begin, begin + 7))
    return found


def _first_week(y: int, wkst: int) -> int:
    """First day of week 1: the first week with four days in the year (RFC 5545 3.3.10, ISO 8601)."""
    fourth = _new_year(y) + 3
    return fourth - (weekday(fourth) - wkst) % 7


def _day_passes(rule: Rule, day: int) -> bool:
    """Whether a day passes the parts that only limit when FREQ is daily or faster."""
    if rule.byday and (0, weekday(day)) not in rule.byday:
        return False
    y, m, _ = zones.ymd(day)
    if rule.bymonth and m not in rule.bymonth:
        return False
    if rule.bymonthday and day not in _days_of_month(y, m, rule.bymonthday, (), "OMIT"):
        return False
    first, end = _new_year(y), _new_year(y + 1)
    return not rule.byyearday or day - first + 1 in rule.byyearday or day - end in rule.byyearday
