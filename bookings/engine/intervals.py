"""Set algebra on half-open intervals.

An interval is ``(start, end)`` of ints, ``start`` inside and ``end`` outside; intervals that only touch
do not overlap. Every function takes lists in any order, overlapping or not, and returns a sorted list of
disjoint, non-empty intervals that do not touch each other.
"""

from __future__ import annotations

from collections.abc import Iterable

Interval = tuple[int, int]


def union(*lists: Iterable[Interval]) -> list[Interval]:
    """What any of the lists covers."""
    merged: list[Interval] = []
    last = None
    for start, end in sorted(interval for each in lists for interval in each):
        if start >= end:
            continue
        if last is not None and start <= last:
            if end > last:
                merged[-1] = (merged[-1][0], end)
                last = end
        else:
            merged.append((start, end))
            last = end
    return merged


def intersect(first: Iterable[Interval], *others: Iterable[Interval]) -> list[Interval]:
    """What every list covers."""
    common = union(first)
    for other in others:
        common = _both(common, union(other))
    return common


def subtract(source: Iterable[Interval], minus: Iterable[Interval]) -> list[Interval]:
    """What ``source`` covers and ``minus`` does not."""
    left = union(source)
    if not left:
        return []
    return _both(left, complement(minus, left[0][0], left[-1][1]))


def clip(intervals: Iterable[Interval], lo: int, hi: int) -> list[Interval]:
    """What lies in [lo, hi)."""
    return union((max(start, lo), min(end, hi)) for start, end in intervals if start < hi and end > lo)


def complement(intervals: Iterable[Interval], lo: int, hi: int) -> list[Interval]:
    """What [lo, hi) leaves uncovered."""
    free: list[Interval] = []
    at = lo
    for start, end in clip(intervals, lo, hi):
        if start > at:
            free.append((at, start))
        at = end
    if at < hi:
        free.append((at, hi))
    return free


def _both(one: list[Interval], two: list[Interval]) -> list[Interval]:
    common: list[Interval] = []
    i = j = 0
    while i < len(one) and j < len(two):
        start, end = max(one[i][0], two[j][0]), min(one[i][1], two[j][1])
        if start < end:
            common.append((start, end))
        if one[i][1] < two[j][1]:
            i += 1
        else:
            j += 1
    return common
