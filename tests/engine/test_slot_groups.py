"""Slot starts of several hosts: all of them, any of them, some number of them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bookings.engine import zones
from bookings.engine.slots import Grid, HostTime, all_of, any_of, n_of_m, one
from bookings.engine.zones import DAY

MONDAY = zones.wall(2027, 6, 7)
HOUR = 3600
LO, HI = MONDAY, MONDAY + 2 * DAY


def host(start: int, end: int, *busy: tuple[int, int], tzid: str = "Europe/Berlin") -> HostTime:
    return HostTime(
        [(MONDAY + start * HOUR, MONDAY + end * HOUR)],
        [(MONDAY + a * HOUR, MONDAY + b * HOUR) for a, b in busy],
        tzid,
    )


def hours(found: list[int]) -> list[int]:
    return [(start - MONDAY) // HOUR for start in found]


def test_all_hosts_must_be_free() -> None:
    hosts = [host(9, 14, (10, 11)), host(10, 17, (13, 14))]
    assert hours(all_of(hosts, Grid(HOUR, HOUR), LO, HI)) == [11, 12]


def test_any_host_is_named_by_its_bit() -> None:
    hosts = [host(9, 11), host(10, 12), host(9, 12, (9, 12))]
    found = any_of(hosts, Grid(HOUR, HOUR), LO, HI)
    assert [((start - MONDAY) // HOUR, who) for start, who in found] == [(9, 0b001), (10, 0b011), (11, 0b010)]


def test_a_number_of_hosts_must_be_free() -> None:
    hosts = [host(9, 12), host(10, 12), host(11, 12)]
    found = n_of_m(hosts, 2, Grid(HOUR, HOUR), LO, HI)
    assert [((start - MONDAY) // HOUR, who) for start, who in found] == [(10, 0b011), (11, 0b111)]


def test_without_hosts_there_are_no_slots() -> None:
    assert all_of([], Grid(HOUR, HOUR), LO, HI) == []
    assert any_of([], Grid(HOUR, HOUR), LO, HI) == []
    assert n_of_m([host(9, 12)], 2, Grid(HOUR, HOUR), LO, HI) == []


def test_one_host_without_hours_empties_the_collective_but_not_the_choice() -> None:
    closed = HostTime([], [], "UTC")
    assert all_of([host(9, 12), closed], Grid(HOUR, HOUR), LO, HI) == []
    assert len(any_of([closed, host(9, 12)], Grid(HOUR, HOUR), LO, HI)) == 3


def test_asking_for_no_host_is_refused() -> None:
    with pytest.raises(ValueError, match="positive"):
        n_of_m([host(9, 12)], 0, Grid(HOUR, HOUR), LO, HI)


def test_hosts_off_each_others_hour_meet_on_a_common_anchor_only() -> None:
    hosts = [host(4, 10), host(4, 10, tzid="Asia/Kolkata")]
    assert all_of(hosts, Grid(HOUR, HOUR), LO, HI) == []
    assert hours(all_of(hosts, Grid(HOUR, HOUR, anchor="Europe/Berlin"), LO, HI)) == [4, 5, 6, 7, 8, 9]
    assert [who for _, who in any_of(hosts, Grid(HOUR, HOUR), LO, HI)][:4] == [1, 2, 1, 2]


spans = st.lists(
    st.tuples(st.integers(0, 190), st.integers(0, 40)).map(
        lambda pair: (MONDAY + 900 * pair[0], MONDAY + 900 * (pair[0] + pair[1]))
    ),
    max_size=5,
)
hosts_drawn = st.lists(
    st.builds(HostTime, spans, spans, st.sampled_from(("UTC", "Europe/Berlin", "Asia/Kolkata", "Pacific/Chatham"))),
    max_size=6,
)
grids = st.builds(
    Grid,
    st.sampled_from((900, 1800, 2700)),
    st.sampled_from((480, 900, 1800, 2700, 3600)),
    st.sampled_from((0, 600)),
    st.sampled_from((0, 900)),
    st.sampled_from((None, None, "UTC")),
)


@settings(deadline=None, max_examples=200)
@given(hosts_drawn, grids, st.integers(1, 4))
def test_groups_are_made_of_what_each_host_offers_alone(hosts: list[HostTime], grid: Grid, n: int) -> None:
    free: dict[int, int] = {}
    for at, each in enumerate(hosts):
        for start in one(each.open_, each.busy, grid, LO, HI, each.tzid):
            free[start] = free.get(start, 0) | 1 << at
    everybody = (1 << len(hosts)) - 1
    assert any_of(hosts, grid, LO, HI) == sorted(free.items())
    assert all_of(hosts, grid, LO, HI) == sorted(start for start, who in free.items() if who == everybody)
    assert n_of_m(hosts, n, grid, LO, HI) == sorted((s, who) for s, who in free.items() if who.bit_count() >= n)
