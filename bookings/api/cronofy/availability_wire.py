"""Cronofy's words for a common free time, both ways."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, repeat
from typing import Any

from bookings.api.cronofy import times, wire
from bookings.api.reader import Reader
from bookings.engine.intervals import Interval, union
from bookings.engine.together import Group, Stretch
from bookings.engine.zones import DAY, zone

LONGEST = 7 * 24 * 60  # minutes
WIDEST = 400 * DAY
MOST = 512
"""How many periods or slots the vendor gives at most, and when nothing is said."""

PERIODS, SLOTS, OVERLAPPING = "periods", "slots", "overlapping_slots"
_MOST_NAMES = 100


@dataclass(frozen=True)
class Asked:
    """One member of a group. None where nothing was said; `path` is where the member stands in the request."""

    sub: str
    path: str
    managed: bool
    calendar_ids: list[str] | None
    rule_ids: list[str] | None
    within: tuple[Interval, ...] | None


@dataclass(frozen=True)
class Query:
    """A query: lengths in seconds, periods disjoint and in order. `starts`: only these were asked about."""

    members: list[Asked]
    groups: list[Group]
    length: int
    periods: list[Interval]
    starts: list[int] | None
    before: int
    after: int
    step: int
    most: int
    form: str

    @property
    def bounds(self) -> Interval:
        """The first and the last second that matter."""
        if self.starts is not None:
            return min(self.starts), max(self.starts) + self.length
        return self.periods[0][0], self.periods[-1][1]


def read(body: dict[str, Any], reader: Reader) -> Query:
    """Read a query. Problems go to the reader; with any of them, the result is incomplete."""
    members, groups = _participants(body, reader)
    minutes = _minutes(body, "required_duration", reader, required=True) or 30
    step = _minutes(body, "start_interval", reader) or min(minutes, 30)
    periods, starts = _when(body, reader)
    gaps = wire.buffers(body, reader)
    form = reader.text(body, "response_format", "response_format") or PERIODS
    if form not in (PERIODS, SLOTS, OVERLAPPING):
        reader.wrong("response_format", "invalid", "response_format must be periods, slots or overlapping_slots.")
    most = reader.integer(body, "max_results", "max_results", least=1, most=MOST) or MOST
    return Query(
        members=members,
        groups=groups,
        length=minutes * 60,
        periods=periods,
        starts=starts,
        before=gaps.get("buffer_before", 0) * 60,
        after=gaps.get("buffer_after", 0) * 60,
        step=step * 60,
        most=most,
        form=SLOTS if starts is not None and form == PERIODS else form,
    )


def _minutes(body: dict[str, Any], key: str, reader: Reader, *, required: bool = False) -> int | None:
    length = reader.object(body, key, key, required=required)
    if length is None:
        return None
    if length.get("minutes") is None:
        reader.wrong(f"{key}.minutes", "required", f"{key}.minutes is required.")
    return reader.integer(length, "minutes", f"{key}.minutes", least=1, most=LONGEST)


def _participants(body: dict[str, Any], reader: Reader) -> tuple[list[Asked], list[Group]]:
    members: list[Asked] = []
    groups: list[Group] = []
    for place, group in enumerate(reader.array(body, "participants", "participants", required=True)):
        path = f"participants[{place}]"
        if not isinstance(group, dict):
            reader.wrong(path, "invalid", f"{path} must be an object.")
            continue
        found = _members(group, f"{path}.members", reader)
        numbers = frozenset(range(len(members), len(members) + len(found)))
        groups.append(Group(numbers, _required(group, len(found), f"{path}.required", reader)))
        members += found
    return members, groups


def _members(group: dict[str, Any], path: str, reader: Reader) -> list[Asked]:
    found = []
    for place, member in enumerate(reader.array(group, "members", path, required=True)):
        where = f"{path}[{place}]"
        if not isinstance(member, dict):
            reader.wrong(where, "invalid", f"{where} must be an object.")
            continue
        managed = member.get("managed_availability")
        if managed not in (None, True, False):
            reader.wrong(f"{where}.managed_availability", "invalid", "managed_availability must be true or false.")
        found.append(
            Asked(
                sub=reader.text(member, "sub", f"{where}.sub", required=True),
                path=where,
                managed=managed is True,
                calendar_ids=names(member, "calendar_ids", f"{where}.calendar_ids", reader),
                rule_ids=names(member, "availability_rule_ids", f"{where}.availability_rule_ids", reader),
                within=_within(member, f"{where}.available_periods", reader),
            )
        )
    return found


def _required(group: dict[str, Any], members: int, path: str, reader: Reader) -> int:
    asked = group.get("required")
    if asked in (None, "all"):
        return members
    if isinstance(asked, bool) or not isinstance(asked, int) or not 1 <= asked <= max(members, 1):
        reader.wrong(path, "invalid", f'{path} must be "all", or a number from 1 to that of the members.')
        return members
    return asked


def names(holder: dict[str, Any], key: str, path: str, reader: Reader) -> list[str] | None:
    """A list of ids, or None when there is none; an empty one names nothing and is wrong."""
    if holder.get(key) is None:
        return None
    found = reader.array(holder, key, path, required=True)
    if len(found) > _MOST_NAMES or not all(isinstance(each, str) for each in found):
        reader.wrong(path, "invalid", f"{path} must be an array of at most {_MOST_NAMES} strings.")
        return []
    return found


def _within(member: dict[str, Any], path: str, reader: Reader) -> tuple[Interval, ...] | None:
    if member.get("available_periods") is None:
        return None
    return tuple(_periods(reader.array(member, "available_periods", path), path, reader))


def _when(body: dict[str, Any], reader: Reader) -> tuple[list[Interval], list[int] | None]:
    """query_periods, which were called available_periods once and still are by pycronofy, or query_slots."""
    if body.get("query_slots") is not None:
        return [], _starts(body, reader)
    key = "query_periods" if body.get("query_periods") is not None else "available_periods"
    given = reader.array(body, key, key)
    if not given:
        reader.wrong("query_periods", "required", "query_periods or query_slots is required.")
    periods = union(_periods(given, key, reader))
    _check_width(periods, key, reader)
    return periods, None


def _starts(body: dict[str, Any], reader: Reader) -> list[int]:
    slots = reader.array(body, "query_slots", "query_slots", required=True)
    found = []
    for place, slot in enumerate(slots):
        path = f"query_slots[{place}]"
        if not isinstance(slot, dict):
            reader.wrong(path, "invalid", f"{path} must be an object.")
        elif (start := times.read(slot, "start", f"{path}.start", reader)) is not None:
            found.append(start.instant("UTC"))
    _check_width([(each, each) for each in found], "query_slots", reader)
    return sorted(set(found))


def _periods(given: Iterable[Any], path: str, reader: Reader) -> list[Interval]:
    found = []
    for place, period in enumerate(given):
        where = f"{path}[{place}]"
        if not isinstance(period, dict):
            reader.wrong(where, "invalid", f"{where} must be an object.")
            continue
        start, end = (times.read(period, key, f"{where}.{key}", reader) for key in ("start", "end"))
        if start is None or end is None:
            continue
        begin, stop = (each.instant(each.tzid or "UTC") for each in (start, end))
        if stop <= begin:
            reader.wrong(f"{where}.end", "invalid", f"{where}.end must be after its start.")
        found.append((begin, stop))
    return found


def _check_width(periods: Sequence[Interval], path: str, reader: Reader) -> None:
    if periods and max(end for _, end in periods) - min(start for start, _ in periods) > WIDEST:
        reader.wrong(path, "invalid", f"{path} must lie within {WIDEST // DAY} days.")


def answer(query: Query, found: Sequence[Stretch], tzid: str) -> dict[str, Any]:
    """The answer in the form that was asked for; the grid of slots lies on the clock of that zone."""
    if query.form == PERIODS:
        return {"available_periods": [_shown(each, query) for each in found[: query.most]]}
    if query.starts is not None:
        slots: Iterator[Stretch] = _of_starts(query.starts, found, query.length)
    else:
        slots = _on_grid(found, query.length, query.step, tzid)
    if query.form == SLOTS and query.starts is None:
        slots = _apart(slots)
    chosen = [slot for slot, _ in zip(slots, range(query.most), strict=False)]
    return {"available_slots": [_shown(each, query) for each in chosen]}


def _on_grid(found: Sequence[Stretch], length: int, step: int, tzid: str) -> Iterator[Stretch]:
    """Every start on the grid, ascending, with everybody who is free for the whole slot."""
    starts = heapq.merge(
        *(zip(_grid(each, length, step, tzid), repeat(place), strict=False) for place, each in enumerate(found))
    )
    for start, places in groupby(starts, key=lambda each: each[0]):
        hosts = frozenset().union(*(found[place].hosts for _, place in places))
        yield Stretch(start, start + length, hosts)


def _grid(stretch: Stretch, length: int, step: int, tzid: str) -> range:
    wall = stretch.start + zone(tzid).offset(stretch.start)
    return range(stretch.start + -wall % step, stretch.end - length + 1, step)


def _of_starts(starts: Iterable[int], found: Sequence[Stretch], length: int) -> Iterator[Stretch]:
    for start in starts:
        around = [each.hosts for each in found if each.start <= start and start + length <= each.end]
        if around:
            yield Stretch(start, start + length, frozenset().union(*around))


def _apart(slots: Iterable[Stretch]) -> Iterator[Stretch]:
    """The first, and then always the next that does not overlap the one before."""
    free_from = None
    for slot in slots:
        if free_from is None or slot.start >= free_from:
            free_from = slot.end
            yield slot


def _shown(stretch: Stretch, query: Query) -> dict[str, Any]:
    subs = dict.fromkeys(query.members[place].sub for place in sorted(stretch.hosts))
    return {
        "start": times.instant(stretch.start),
        "end": times.instant(stretch.end),
        "participants": [{"sub": sub} for sub in subs],
    }
