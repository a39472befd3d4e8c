"""How often a key may call, and how often an address may show wrong ones."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.api.worlds import PATH, World, problems


@pytest.fixture(autouse=True)
def three_a_minute(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three calls a minute, and a clock that stands still at the start of one."""
    settings.API_CALLS_PER_MINUTE = settings.API_WRONG_CREDENTIALS_PER_MINUTE = 3
    monkeypatch.setattr("bookings.domain.limits.time.time", lambda: 1_800_000_000 + 15)


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
    monkeypatch.setattr("bookings.domain.limits.time.time", lambda: 1_800_000_060)
    assert world.post(world.body())["X-RateLimit-Remaining"] == "2"


def test_without_the_shared_count_there_is_still_a_limit(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise DatabaseError("no such table")

    monkeypatch.setattr("bookings.domain.limits.count", fails)
    assert [world.post(world.body()).status_code for _ in range(4)] == [200, 200, 200, 429]


def guess(address: str = "192.0.2.1", path: str = PATH, **environment: str) -> Any:
    return Client().post(path, HTTP_AUTHORIZATION="Bearer nonsense", REMOTE_ADDR=address, **environment)


@pytest.mark.parametrize("prefix", ["", "/cronofy"])
@pytest.mark.parametrize("path", [PATH, "/v1/scheduling_requests", "/v1/scheduling_requests/cancel"])
def test_wrong_credentials_over_the_limit_are_refused_in_the_dialects_shape(db: None, prefix: str, path: str) -> None:
    answers = [guess(path=prefix + path) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
    assert problems(answers[3]) == {"request": ["errors.rate_limited"]}
    assert answers[3]["Retry-After"] == "45"


def test_wrong_credentials_count_for_all_paths_of_an_address_together(world: World) -> None:
    answers = [guess(path=path) for path in ("/v1/scheduler_requests", "/v1/scheduling_requests") * 2]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]


def test_wrong_credentials_of_one_address_hinder_neither_another_nor_a_good_key(world: World) -> None:
    for _ in range(5):
        guess("127.0.0.1")
    assert guess("127.0.0.2").status_code == 401
    assert world.post(world.body()).status_code == 200


def test_one_network_of_ipv6_counts_as_one_address(world: World) -> None:
    answers = [guess(f"2001:db8:0:1::{number}").status_code for number in range(1, 5)]
    assert answers == [401, 401, 401, 429]
    assert guess("2001:db8:0:2::1").status_code == 401


def test_behind_a_trusted_proxy_the_address_is_the_one_it_names(world: World, settings: Any) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    answers = [guess("10.0.0.1", HTTP_X_FORWARDED_FOR=f"192.0.2.{number}, 198.51.100.7") for number in range(4)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
    assert guess("10.0.0.1", HTTP_X_FORWARDED_FOR="198.51.100.7, 192.0.2.1").status_code == 401


def test_an_address_nobody_knows_has_one_too(world: World) -> None:
    assert [guess("").status_code for _ in range(4)] == [401, 401, 401, 429]


def test_wrong_credentials_are_forgotten_in_the_next_minute(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(4):
        guess()
    monkeypatch.setattr("bookings.domain.limits.time.time", lambda: 1_800_000_060)
    assert guess().status_code == 401


def test_without_the_shared_count_wrong_credentials_are_still_limited(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise DatabaseError("no such table")

    monkeypatch.setattr("bookings.domain.limits.count", fails)
    assert [guess("192.0.2.9").status_code for _ in range(4)] == [401, 401, 401, 429]


def test_beyond_the_limit_a_wrong_credential_writes_nothing(world: World) -> None:
    for _ in range(3):
        guess()
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert guess().status_code == 429
    assert [query["sql"] for query in asked if not query["sql"].lstrip("/* ").startswith("SELECT")] == []


def test_a_good_credential_pays_nothing_for_the_limit_on_wrong_ones(world: World) -> None:
    with CaptureQueriesContext(connection) as asked:
        assert world.post(world.body()).status_code == 200
    assert "api-wrong" not in str(asked.captured_queries)
