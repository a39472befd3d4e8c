"""How often a key may call."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache
from django.db import DatabaseError

from tests.api.worlds import World, problems


@pytest.fixture(autouse=True)
def three_a_minute(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three calls a minute, and a clock that stands still at the start of one."""
    settings.API_CALLS_PER_MINUTE = 3
    monkeypatch.setattr("bookings.api.rate.time.time", lambda: 1_800_000_000 + 15)


def test_the_call_over_the_limit_is_refused_and_told_when_to_come_back(world: World) -> None:
    body = world.body()
    answers = [world.post(body) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer["X-RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert problems(answers[3]) == {"request": ["errors.rate_limited"]}
    assert (answers[3]["Retry-After"], answers[3]["X-RateLimit-Limit"]) == ("45", "3")
    assert answers[3]["X-RateLimit-Reset"] == str(1_800_000_060)


def test_refused_calls_count_too(world: World) -> None:
    assert [world.post(b"{").status_code for _ in range(4)] == [422, 422, 422, 429]


def test_each_key_has_its_own_count(world: World, elsewhere: World) -> None:
    for _ in range(4):
        world.post(world.body())
    _, another = world.issue()
    assert world.post(world.body(), secret=another).status_code == 200
    assert elsewhere.post(elsewhere.body()).status_code == 200


def test_the_next_minute_begins_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(4):
        world.post(world.body())
    monkeypatch.setattr("bookings.api.rate.time.time", lambda: 1_800_000_060)
    assert world.post(world.body())["X-RateLimit-Remaining"] == "2"


def test_without_the_shared_count_there_is_still_a_limit(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise DatabaseError("no such table: cache")

    monkeypatch.setattr(cache, "get", fails)
    assert [world.post(world.body()).status_code for _ in range(4)] == [200, 200, 200, 429]
