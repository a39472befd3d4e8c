"""Slot starts: open intervals less busy intervals, for one host or for several.

All instants and lengths are in seconds (UTC instants). A start ``s`` is a slot of a host when

* [s, s + length) lies inside one open interval (touching ones count as one),
* ``s`` lies on the grid, see :class:`Grid`,
* [s - before, s + length + after) overlaps none of the host's busy intervals.

:func:`one` lists them and :func:`fits` judges a single start; both follow this one rule. Candidate starts are
the bits of one big integer, and every busy interval clears a run of bits, so the cost grows with the number
of busy intervals and not with candidates times busy intervals.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, reduce
from itertools import compress
from math import gcd
from operator import or_

from bookings.engine.intervals import Interval, union
from bookings.engine.zones import DAY, Zone, zone

# Where an open interval begins, the grid begins at the next multiple of the first of these that divides the
# step: an interval from 07:22 must give 07:22 for a step of 8 minutes, but 07:30 for one of 30.
_ROUND = (3600, 1800, 1200, 900, 600, 300, 60, 1)
# _ONES[n] has n bits set: the run of candidates one busy interval takes is rarely longer.
_ONES = tuple((1 << n) - 1 for n in range(512))
_BITS = bytes.maketrans(b"01", b"\0\1")


@dataclass(frozen=True, slots=True)
class Grid:
    """Which starts are candidates, in seconds.

    On each local date, candidates are ``step`` apart on the wall clock. They count from local midnight or,
    where an open interval begins on that date, from its beginning rounded up to the largest of 60, 30,
    20, 15, 10, 5, 1 minutes that divides ``step``. So a step that divides the hour well gives the
    multiples counted from midnight whatever the hours are, while hours from 09:00 with a step of two hours
    give 9, 11, 13, and hours from 07:22 with a step of 8 minutes give 07:22, 07:30.

    For the latter steps the beginning of the open interval matters: pass open intervals that were cut, if at
    all, at a local midnight, and narrow the window with ``lo`` and ``hi`` instead.

    :ivar length: of the slot itself.
    :ivar before: kept free ahead of the slot.
    :ivar after: kept free behind it.
    :ivar anchor: IANA zone on whose wall clock the grid lies; None is the host's own zone. Hosts
        in zones that are not whole steps apart share starts only with a common anchor.
    :ivar once: where the clocks repeat an hour, its wall times are candidates only the first time, so that no
        two starts of a day carry the same label.
    """

    length: int
    step: int
    before: int = 0
    after: int = 0
    anchor: str | None = None
    once: bool = False

    def __post_init__(self) -> None:
        if self.length <= 0 or self.step <= 0 or self.before < 0 or self.after < 0:
            raise ValueError("length and step must be positive, before and after not negative")


@dataclass(frozen=True, slots=True)
class HostTime:
    """What slots need to know of one host: open and busy UTC intervals (any order) and the host's zone."""

    open_: Sequence[Interval]
    busy: Sequence[Interval]
    tzid: str


def one(open_: Sequence[Interval], busy: Sequence[Interval], grid: Grid, lo: int, hi: int, tzid: str) -> list[int]:
    """Slot starts of one host with ``lo <= s`` and ``s + length <= hi``, ascending."""
    return all_of([HostTime(open_, busy, tzid)], grid, lo, hi)


def fits(open_: Sequence[Interval], busy: Iterable[Interval], grid: Grid, start: int, tzid: str) -> str | None:
    """None if :func:`one` would list ``start``, else the first reason against it.

    Reasons, in this order: ``outside_hours``, ``off_grid``, ``busy``.
    """
    end = start + grid.length
    whole = next((each for each in union(open_) if each[0] <= start and end <= each[1]), None)
    if whole is None:
        return "outside_hours"
    clock = zone(grid.anchor or tzid)
    wall = clock.to_wall(start)
    if grid.once and clock.to_utc(wall) != start:
        return "off_grid"
    if (wall - _origin(clock.to_wall(whole[0]), wall // DAY, grid.step)) % grid.step:
        return "off_grid"
    begin, end = start - grid.before, end + grid.after
    return "busy" if any(begin < e > s < end for s, e in busy) else None


def all_of(hosts: Sequence[HostTime], grid: Grid, lo: int, hi: int) -> list[int]:
    """Starts at which every host is free, ascending. No hosts, no starts."""
    plans = _plans(hosts, grid)
    row = _row(plans, grid, lo, hi)
    if row is None:
        return []
    free = row.window
    for plan in plans:
        free &= plan.bits(row.base, row.cell)
    if free:
        free &= ~row.taken(interval for host in hosts for interval in host.busy)
    return list(compress(row.all_starts(), _flags(free)))


def any_of(hosts: Sequence[HostTime], grid: Grid, lo: int, hi: int) -> list[tuple[int, int]]:
    """Starts at which some host is free, ascending, as (start, who): bit ``i`` of who is ``hosts[i]``."""
    return n_of_m(hosts, 1, grid, lo, hi)


def n_of_m(hosts: Sequence[HostTime], n: int, grid: Grid, lo: int, hi: int) -> list[tuple[int, int]]:
    """Starts at which at least ``n`` hosts are free, ascending, as (start, who) like :func:`any_of`."""
    if n < 1:
        raise ValueError("n must be positive")
    plans = _plans(hosts, grid)
    row = _row(plans, grid, lo, hi)
    if row is None or n > len(hosts):
        return []
    each = [
        plan.bits(row.base, row.cell) & row.window & ~row.taken(host.busy)
        for host, plan in zip(hosts, plans, strict=True)
    ]
    some = reduce(or_, each)
    # Turn rows (one a host, a digit a start) into columns (one a start, a digit a host) by slicing with a
    # stride. Digits run from the highest bit down, hence the reversals.
    digits = "".join([format(free, f"0{row.width}b")[::-1] for free in reversed(each)])
    numbered = compress(enumerate(row.all_starts()), _flags(some))
    listed = [(start, int(digits[at :: row.width], 2)) for at, start in numbered]
    return listed if n == 1 else [(start, who) for start, who in listed if who.bit_count() >= n]


@dataclass(frozen=True, slots=True)
class _Plan:
    """The candidates of one host, whatever its busy time: cached, since hours change rarely."""

    # (first start, how many), each one ``step`` after the other.
    paths: tuple[tuple[int, int], ...]
    step: int
    # The widest cell that holds all candidates of this host on one row.
    cell: int
    earliest: int
    latest: int
    rows: dict[tuple[int, int], int] = field(default_factory=dict)

    def bits(self, base: int, cell: int) -> int:
        """The candidates as bits of the row: bit ``j`` is the start ``base + j * cell``."""
        known = self.rows.get((base, cell))
        if known is not None:
            return known
        stride, bits = self.step // cell, 0
        for start, count in self.paths:
            # ``count`` bits, ``stride`` apart, are a geometric series.
            bits |= ((1 << stride * count) - 1) // ((1 << stride) - 1) << (start - base) // cell
        if len(self.rows) > 8:
            self.rows.clear()
        self.rows[base, cell] = bits
        return bits


def _plans(hosts: Sequence[HostTime], grid: Grid) -> list[_Plan]:
    return [_plan(tuple(host.open_), grid.length, grid.step, grid.anchor or host.tzid, grid.once) for host in hosts]


@lru_cache(maxsize=2048)
def _plan(open_: tuple[Interval, ...], length: int, step: int, tzid: str, once: bool) -> _Plan:
    clock = zone(tzid)
    paths = []
    for begin, end in union(open_):
        for start, stop, origin in _stretches(clock, begin, end - length + 1, step, once):
            first = start + (origin - clock.to_wall(start)) % step
            if first < stop:
                paths.append((first, (stop - 1 - first) // step + 1))
    if not paths:
        return _Plan((), step, step, 0, 0)
    cell = gcd(step, *(first - paths[0][0] for first, _ in paths))
    latest = max(first + (count - 1) * step for first, count in paths)
    return _Plan(tuple(paths), step, cell, min(paths)[0], latest)


def _stretches(clock: Zone, begin: int, stop: int, step: int, once: bool) -> Iterator[tuple[int, int, int]]:
    """Split the instants [begin, stop) of one open interval wherever the grid may shift.

    Yields (first instant, end, a wall second that lies on the grid).
    """
    if begin >= stop:
        return
    opened = clock.to_wall(begin)
    changes = clock.offsets(begin, stop)
    ends = [at for at, _ in changes[1:]] + [stop]
    for (at, offset), end in zip(changes, ends, strict=True):
        start = _after_repeat(clock, at) if once else at
        if start >= end:
            continue
        if 3600 % step == 0 and step in _ROUND:
            yield start, end, 0
            continue
        for day in range((start + offset) // DAY, (end - 1 + offset) // DAY + 1):
            midnight = day * DAY - offset
            yield max(start, midnight), min(end, midnight + DAY), _origin(opened, day, step)


def _after_repeat(clock: Zone, at: int) -> int:
    """The first instant from ``at`` on whose wall time is not shown for the second time."""
    again = at - clock.to_utc(clock.to_wall(at))
    return clock.offsets(at - again, at + 1)[-1][0] + again if again else at


def _origin(opened: int, day: int, step: int) -> int:
    """A wall second of that day on the grid, for an open interval that begins at wall ``opened``."""
    if opened // DAY != day:
        return day * DAY
    unit = next(unit for unit in _ROUND if step % unit == 0)
    return -(-opened // unit) * unit


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of bits: bit ``j`` is the start ``base + j * cell``; ``window`` has the bits asked for."""

    grid: Grid
    base: int
    cell: int
    width: int
    window: int

    def all_starts(self) -> range:
        """The start of every bit."""
        return range(self.base, self.base + self.width * self.cell, self.cell)

    def taken(self, busy: Iterable[Interval]) -> int:
        """The bits that any of the busy intervals rules out."""
        grid, cell, width, taken = self.grid, self.cell, self.width, 0
        # A start s is ruled out if  start - length - after < s < end + before.
        ahead, behind = grid.length + grid.after, grid.before
        lo, hi = self.base - behind, self.base + width * cell + ahead
        first, last = self.base + ahead - cell, self.base - behind + 1 - cell
        for start, end in busy:
            if lo < end > start < hi:
                at = (start - first) // cell
                if at < 0:
                    at = 0
                run = (end - last) // cell - at
                taken |= (_ONES[run] if run < 512 else (1 << min(run, width)) - 1) << at
        return taken


def _row(plans: Sequence[_Plan], grid: Grid, lo: int, hi: int) -> _Row | None:
    """A row that holds every candidate of all plans; None if there is none in the window."""
    filled = [plan for plan in plans if plan.paths]
    if not filled:
        return None
    earliest = min(plan.earliest for plan in filled)
    # Zones apart by less than a step, or hours begun off the grid: a finer row holds all phases.
    cell = gcd(*(plan.cell for plan in filled), *(plan.earliest - earliest for plan in filled))
    # The base follows the open time, not ``lo``: "now" moves on, and plans keep their bits by base.
    base = earliest - earliest % DAY // cell * cell
    latest = min(hi - grid.length, max(plan.latest for plan in filled))
    begin, width = max(0, -((base - lo) // cell)), (latest - base) // cell + 1
    if begin >= width:
        return None
    return _Row(grid, base, cell, width, (1 << width) - (1 << begin))


def _flags(bits: int) -> bytes:
    """One byte, 0 or 1, a bit, lowest first."""
    return bin(bits)[:1:-1].encode("ascii").translate(_BITS)
