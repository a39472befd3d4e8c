"""How days are drawn: occurrences laid side by side in columns, on one wall clock. No queries here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from bookings.domain.calendar import Occurrence
from bookings.engine.intervals import Interval, complement
from bookings.engine.zones import DAY, Zone, weekday, zone
from bookings.models import Host

QUARTER = 900
DEFAULT_HOURS = (7, 19)
_EPOCH = date(1970, 1, 1).toordinal()
WIDTH = 60
"""Parts of a day column's width: what most numbers of neighbours divide evenly."""

SHARES = (1, 2, 3, 4, 5, 6, 10, 12)
"""Numbers of columns that overlapping boxes may stand in; week-grid.css has a class for each place these give."""


@dataclass(frozen=True)
class Block:
    """One box in a day column: quarter-hour rows from the top, and its place among overlapping neighbours.

    `top` and `height` are rows; `left` and `width` are parts of WIDTH.
    """

    occurrence: Occurrence
    top: int
    height: int
    starts: str
    ends: str
    extra: dict[str, Any]
    left: int = 0
    width: int = WIDTH

    @property
    def room(self) -> str:
        """How much can be said in it: all, the start instead of both times, the title alone, or the title turned."""
        return next(
            name for least, name in ((36, "wide"), (25, "half"), (15, "narrow"), (0, "sliver")) if self.width >= least
        )

    def meets(self, other: Block) -> bool:
        return self.top < other.top + other.height and other.top < self.top + self.height


@dataclass(frozen=True)
class Lane:
    """What one column is made of: a local day (days since 1970), what happens in it and when it is worked.

    `host` is given where hosts stand side by side, each in a column of their own.
    """

    day: int
    occurrences: Sequence[Occurrence]
    open_time: Sequence[Interval]
    host: Host | None = None


@dataclass
class DayColumn:
    """A local day: boxes with a time, entries of the all-day lane, and the rows outside working hours."""

    day: int
    start_s: int
    end_s: int
    host: Host | None = None
    blocks: list[Block] = field(default_factory=list)
    all_day: list[tuple[Occurrence, dict[str, Any]]] = field(default_factory=list)
    closed: list[tuple[int, int]] = field(default_factory=list)
    now_row: int | None = None
    now_from_s: int = 0
    """The instant at which the row of `now_row` begins."""

    @property
    def key(self) -> str:
        """What tells it from the other columns of the page."""
        return f"{self.iso}-{self.host.pk}" if self.host else self.iso

    @property
    def iso(self) -> str:
        return date.fromordinal(self.day + _EPOCH).isoformat()

    @property
    def date(self) -> date:
        return date.fromordinal(self.day + _EPOCH)


@dataclass(frozen=True)
class Week:
    """Columns and the hours drawn, on the wall clock of one zone."""

    columns: list[DayColumn]
    first_hour: int
    last_hour: int

    @property
    def hours(self) -> list[tuple[int, int]]:
        """(hour of the day, its row)."""
        return [(hour, (hour - self.first_hour) * 4) for hour in range(self.first_hour, self.last_hour)]

    @property
    def rows(self) -> int:
        return (self.last_hour - self.first_hour) * 4


def monday_of(day: int) -> int:
    return day - weekday(day)


def week(clock: Zone, lanes: Sequence[Lane], extra: dict[Any, dict[str, Any]], now: int) -> Week:
    """Lay out columns. `extra` is handed through to the templates, by event id; its `home` is the Zone in which an
    all-day event is meant: it stands on its own days, whatever clock the week is on."""
    columns = [DayColumn(lane.day, *clock.day_bounds(lane.day), lane.host) for lane in lanes]
    for lane, column in zip(lanes, columns, strict=True):
        for occurrence in lane.occurrences:
            _place(clock, column, occurrence, extra.get(occurrence.event.pk, {}))
    first, last = _hours(columns)
    for lane, column in zip(lanes, columns, strict=True):
        column.blocks = _side_by_side([_shifted(block, first, last) for block in column.blocks])
        column.closed = _closed(clock, column, lane.open_time, first, last)
        if column.start_s <= now < column.end_s:
            row = _quarter(clock, column, now) - first * 4
            column.now_row = row if 0 <= row < (last - first) * 4 else None
            column.now_from_s = now - clock.to_wall(now) % QUARTER
    return Week(columns, first, last)


def hours_elsewhere(clock: Zone, tzid: str, day: int, hours: Iterable[int]) -> list[str]:
    """What clocks in another zone show at these full hours of a day."""
    other = zone(tzid)
    return [_label(other, clock.to_utc(day * DAY + hour * 3600)) for hour in hours]


def _place(clock: Zone, column: DayColumn, occurrence: Occurrence, extra: dict[str, Any]) -> None:
    start, end = occurrence.start_s, max(occurrence.end_s, occurrence.start_s + QUARTER)
    home: Zone = extra.get("home", clock)
    if occurrence.event.all_day:
        if home.day_of(start) <= column.day <= home.day_of(end - 1):
            column.all_day.append((occurrence, extra))
    elif start < column.end_s and end > column.start_s:
        if end - start >= DAY:
            column.all_day.append((occurrence, extra))
        else:
            column.blocks.append(_block(clock, column, occurrence, extra, end))


def _block(clock: Zone, column: DayColumn, occurrence: Occurrence, extra: dict[str, Any], end: int) -> Block:
    start = occurrence.start_s
    top = _quarter(clock, column, max(start, column.start_s))
    bottom = 96 if end >= column.end_s else _quarter(clock, column, end + QUARTER - 1)
    return Block(occurrence, top, max(1, bottom - top), _label(clock, start), _label(clock, occurrence.end_s), extra)


def _quarter(clock: Zone, column: DayColumn, second: int) -> int:
    return min(95, max(0, (clock.to_wall(second) - column.day * DAY) // QUARTER))


def _label(clock: Zone, second: int) -> str:
    minute = clock.to_wall(second) % DAY // 60
    return f"{minute // 60:02}:{minute % 60:02}"


def _hours(columns: list[DayColumn]) -> tuple[int, int]:
    """The hours to draw: the ordinary ones, and whatever an event needs."""
    blocks = [block for column in columns for block in column.blocks]
    first = min([DEFAULT_HOURS[0], *(block.top // 4 for block in blocks)])
    last = max([DEFAULT_HOURS[1], *(-(-(block.top + block.height) // 4) for block in blocks)])
    return first, min(24, last)


def _shifted(block: Block, first: int, last: int) -> Block:
    top = block.top - first * 4
    return replace(block, top=top, height=min(block.height, (last - first) * 4 - top))


def _side_by_side(blocks: list[Block]) -> list[Block]:
    """Overlapping boxes share the width: each gets the first free column of its group."""
    placed: list[Block] = []
    group: list[Block] = []
    reach = -1
    for block in sorted(blocks, key=lambda each: (each.top, -each.height)):
        if group and block.top >= reach:
            placed += _share(group)
            group, reach = [], -1
        group.append(block)
        reach = max(reach, block.top + block.height)
    return placed + _share(group)


def _share(group: list[Block]) -> list[Block]:
    """The boxes of a group in as many columns as it needs; a box reaches to the next one that is beside it."""
    columns = _columns(group)
    share = next((number for number in SHARES if number > max(columns, default=0)), SHARES[-1])
    part = WIDTH // share
    laid = []
    for block, column in zip(group, columns, strict=True):
        beside = [at for other, at in zip(group, columns, strict=True) if at > column and block.meets(other)]
        left = min(column, share - 1) * part
        laid.append(replace(block, left=left, width=max(part, min(beside, default=share) * part - left)))
    return laid


def _columns(group: list[Block]) -> list[int]:
    """The first column, from 0, that is free for each box."""
    ends: list[int] = []
    columns: list[int] = []
    for block in group:
        at = next((index for index, end in enumerate(ends) if end <= block.top), len(ends))
        if at == len(ends):
            ends.append(0)
        ends[at] = block.top + block.height
        columns.append(at)
    return columns


def _closed(
    clock: Zone, column: DayColumn, open_time: Sequence[Interval], first: int, last: int
) -> list[tuple[int, int]]:
    """Rows (top, height) of the column in which nobody shown works."""
    found = []
    for start, end in complement(list(open_time), column.start_s, column.end_s):
        top = max(first * 4, _quarter(clock, column, start))
        bottom = min(last * 4, 96 if end >= column.end_s else _quarter(clock, column, end))
        if bottom > top:
            found.append((top - first * 4, bottom - top))
    return found
