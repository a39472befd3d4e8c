"""When enough of several groups are free at once, held against trying every moment."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bookings.engine.intervals import Interval, union
from bookings.engine.together import Group, Stretch, enough, stretches


def group(*members: int, required: int) -> Group:
    return Group(frozenset(members), required)


def found(free: list[list[Interval]], *groups: Group, length: int = 1) -> list[tuple[int, int, set[int]]]:
    return [(each.start, each.end, set(each.hosts)) for each in stretches(free, groups, length)]


def test_one_host_is_free_when_they_are_free() -> None:
    assert found([[(0, 10), (20, 25)]], group(0, required=1), length=6) == [(0, 10, {0})]


def test_all_are_free_where_their_times_meet() -> None:
    assert found([[(0, 10)], [(5, 15)]], group(0, 1, required=2)) == [(5, 10, {0, 1})]


def test_of_several_each_longest_stretch_is_told_with_all_who_are_free_throughout() -> None:
    assert found([[(0, 10)], [(5, 15)]], group(0, 1, required=1)) == [(0, 10, {0}), (5, 10, {0, 1}), (5, 15, {1})]


def test_every_group_needs_its_own() -> None:
    free = [[(0, 10)], [(0, 4)], [(6, 10)]]
    assert found(free, group(0, required=1), group(1, 2, required=1)) == [(0, 4, {0, 1}), (6, 10, {0, 2})]


def test_nothing_is_asked_for_and_nothing_found() -> None:
    assert stretches([[(0, 10)]], [], 1) == []
    assert stretches([], [], 1) == []
    assert found([[]], group(0, required=1)) == []


times = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=4).map(union)


@st.composite
def questions(draw: st.DrawFn) -> tuple[list[list[Interval]], list[Group], int]:
    free = draw(st.lists(times, min_size=1, max_size=5))
    everybody = st.sets(st.integers(0, len(free) - 1), min_size=1)
    groups = [
        Group(frozenset(members), draw(st.integers(1, len(members))))
        for members in draw(st.lists(everybody, min_size=1, max_size=2))
    ]
    return free, groups, draw(st.integers(1, 5))


def free_throughout(free: list[list[Interval]], start: int, end: int) -> frozenset[int]:
    return frozenset(host for host, intervals in enumerate(free) if any(a <= start and end <= b for a, b in intervals))


@given(questions())
def test_a_slot_can_be_had_exactly_when_it_lies_in_a_stretch_with_everybody_who_is_free(
    question: tuple[list[list[Interval]], list[Group], int],
) -> None:
    free, groups, length = question
    known = stretches(free, groups, length)
    for start in range(21):
        hosts = free_throughout(free, start, start + length)
        around = [each for each in known if each.start <= start and start + length <= each.end]
        assert bool(around) == enough(hosts, groups)
        assert not around or max((each.hosts for each in around), key=len) == hosts


@given(questions())
def test_no_stretch_could_be_longer_or_is_told_twice(question: tuple[list[list[Interval]], list[Group], int]) -> None:
    free, groups, length = question
    known = stretches(free, groups, length)
    assert len(set(known)) == len(known)
    for each in known:
        assert each.end - each.start >= length
        assert free_throughout(free, each.start, each.end) == each.hosts
        for longer in (Stretch(each.start - 1, each.end, each.hosts), Stretch(each.start, each.end + 1, each.hosts)):
            assert free_throughout(free, longer.start, longer.end) != each.hosts
