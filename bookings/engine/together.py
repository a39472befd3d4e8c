"""When enough of several groups of hosts are free at once: the longest stretches, and judging one.

Times are UTC seconds, intervals half-open. A host's free time is a list of disjoint, sorted intervals.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bookings.engine.intervals import Interval


@dataclass(frozen=True, slots=True)
class Group:
    """Hosts, by their places in the list of free times, of whom so many are needed."""

    members: frozenset[int]
    required: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """Time in which all of `hosts` are free throughout: longer, and one of them would not be."""

    start: int
    end: int
    hosts: frozenset[int]


def stretches(free: Sequence[Iterable[Interval]], groups: Sequence[Group], length: int) -> list[Stretch]:
    """Every stretch of at least ``length`` in which enough of each group are free, by start and end.

    They may overlap, with different hosts: whatever [s, s + length) enough hosts are free in lies inside one of them,
    together with all of these hosts. No groups, no stretches.
    """
    if not groups:
        return []
    open_: list[tuple[int, int]] = []  # (end, host) of the intervals that hold the moment looked at
    found: list[Stretch] = []
    for at, begun in _by_start(free):
        open_ = sorted([each for each in open_ if each[0] > at] + begun)
        newly = {host for _, host in begun}
        found += _from(at, open_, newly, groups, length)
    return sorted(found, key=lambda each: (each.start, each.end))


def enough(hosts: frozenset[int], groups: Iterable[Group]) -> bool:
    """Whether these hosts are enough for every group."""
    return all(len(group.members & hosts) >= group.required for group in groups)


def _by_start(free: Sequence[Iterable[Interval]]) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    begins: dict[int, list[tuple[int, int]]] = {}
    for host, intervals in enumerate(free):
        for start, end in intervals:
            begins.setdefault(start, []).append((end, host))
    yield from sorted(begins.items())


def _from(
    start: int, open_: list[tuple[int, int]], newly: set[int], groups: Sequence[Group], length: int
) -> Iterator[Stretch]:
    """The stretches that begin at one moment: the fewer hosts, the longer. One of them must have become free just
    then, or the stretch would have begun before."""
    for place, (end, _) in enumerate(open_):
        if place and open_[place - 1][0] == end:
            continue
        hosts = frozenset(host for _, host in open_[place:])
        if not newly & hosts or not enough(hosts, groups):
            return
        if end - start >= length:
            yield Stretch(start, end, hosts)
