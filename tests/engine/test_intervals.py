"""Interval algebra, against the oracle and against sets of integers."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bookings.engine.intervals import Interval, clip, complement, intersect, subtract, union
from tests.engine.support import intervals, oracle

CASES = oracle("timezones_slots.json")["interval_algebra"]
lists = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=8)


def covered(pairs: list[Interval]) -> set[int]:
    return {at for start, end in pairs for at in range(start, end)}


def is_tidy(pairs: list[Interval]) -> bool:
    return all(start < end for start, end in pairs) and all(a[1] < b[0] for a, b in pairwise(pairs))


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
def test_the_oracle_agrees(case: dict[str, Any]) -> None:
    if case["op"] == "intersect":
        found = intersect(*(intervals(each) for each in case["sets"]))
    else:
        assert case["op"] == "subtract"
        found = subtract(intervals(case["source"]), intervals(case["minus"]))
    assert found == intervals(case["expect"])


@settings(deadline=None, max_examples=200)
@given(lists, lists, st.integers(0, 60), st.integers(0, 60))
def test_every_operation_is_the_one_on_sets(one: list[Interval], two: list[Interval], lo: int, hi: int) -> None:
    window = set(range(lo, hi))
    expected = {
        "union": (union(one, two), covered(one) | covered(two)),
        "intersect": (intersect(one, two), covered(one) & covered(two)),
        "subtract": (subtract(one, two), covered(one) - covered(two)),
        "clip": (clip(one, lo, hi), covered(one) & window),
        "complement": (complement(one, lo, hi), window - covered(one)),
    }
    for name, (found, wanted) in expected.items():
        assert covered(found) == wanted, name
        assert is_tidy(found), name
