"""Five dialects, one truth: what is made in one is read, listed, moved and cancelled in every other."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from bookings.domain.availability import check, of_host
from tests.api.surfaces import LENGTH, SURFACES, TOMORROW, Place, make_place

pytestmark = pytest.mark.django_db

TEN, NOON = TOMORROW + 10 * 3600, TOMORROW + 12 * 3600


@pytest.fixture
def place() -> Place:
    cache.clear()
    return make_place()


def is_free(place: Place, start_s: int) -> bool:
    return check(of_host(place.host, minutes=LENGTH // 60, notice=0), start_s).ok


@pytest.mark.parametrize("other", SURFACES, ids=lambda each: f"then {each.name}")
@pytest.mark.parametrize("maker", SURFACES, ids=lambda each: each.name)
def test_what_one_dialect_makes_every_other_reads_lists_moves_and_cancels(place, maker, other):
    made_in, seen_in = maker(place), other(place)
    own_id = made_in.create(TEN, "Planning")
    assert made_in.listed() == {own_id: (TEN, TEN + LENGTH, "Planning")}
    assert not is_free(place, TEN)

    ((there, told),) = seen_in.listed().items()
    assert told == (TEN, TEN + LENGTH, "Planning")
    assert seen_in.read(there) == told

    seen_in.move(there, NOON)
    assert seen_in.listed() == {there: (NOON, NOON + LENGTH, "Planning")}, "the id stays"
    assert made_in.listed() == {own_id: (NOON, NOON + LENGTH, "Planning")}
    assert (is_free(place, TEN), is_free(place, NOON)) == (True, False)

    seen_in.cancel(there)
    assert [surface(place).listed() for surface in SURFACES] == [{}] * len(SURFACES)
    assert is_free(place, NOON)


@pytest.mark.parametrize("maker", SURFACES, ids=lambda each: each.name)
def test_a_time_given_back_can_be_had_again(place, maker):
    surface = maker(place)
    first = surface.create(TEN, "Planning")
    surface.cancel(first)
    second = surface.create(TEN, "Planning")
    assert second != first
    assert surface.listed() == {second: (TEN, TEN + LENGTH, "Planning")}
