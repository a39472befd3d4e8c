"""A write marked with an Idempotency-Key happens once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F

from bookings.models import AuditEntry, IdempotencyKey, SchedulerRequest
from tests.api.worlds import World, problems


def count(world: World) -> int:
    return SchedulerRequest.objects.for_tenant(world.organisation).count()


def test_ten_tries_make_one_request_and_get_the_same_bytes(world: World) -> None:
    answers = [world.post(world.body(), Idempotency_Key="a") for _ in range(10)]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len({answer["Content-Type"] for answer in answers}) == 1
    assert [answer.get("Idempotent-Replayed") for answer in answers] == [None] + ["true"] * 9
    assert count(world) == 1
    assert AuditEntry.objects.for_tenant(world.organisation).filter(action="request.sent").count() == 1


def test_an_answer_without_a_body_is_repeated_as_one(world: World) -> None:
    made = world.post(world.body(), "/v1/scheduling_requests").json()["scheduling_request"]
    body = {"scheduling_request_id": made["scheduling_request_id"]}
    first, again = (world.post(body, "/v1/scheduling_requests/cancel", Idempotency_Key="c") for _ in range(2))
    assert (first.status_code, first.content, first.get("Content-Type")) == (
        again.status_code,
        again.content,
        again.get("Content-Type"),
    )
    assert again["Idempotent-Replayed"] == "true"


def test_the_order_of_keys_in_the_body_does_not_matter(world: World) -> None:
    body = world.body()
    first = world.post(body, Idempotency_Key="a")
    again = world.post(dict(reversed(body.items())), Idempotency_Key="a")
    assert first.content == again.content


def test_the_same_key_with_another_body_is_a_conflict(world: World) -> None:
    world.post(world.body(), Idempotency_Key="a")
    answer = world.post(world.body(event={"summary": "Another"}), Idempotency_Key="a")
    assert (answer.status_code, problems(answer)) == (409, {"request": ["errors.idempotency_key_reused"]})
    assert count(world) == 1


def test_the_same_key_for_another_host_is_a_conflict(world: World) -> None:
    body = world.body(host=None)
    world.post(body, Idempotency_Key="a", Cronofy_Impersonate=world.sub)
    assert world.post(body, Idempotency_Key="a", Cronofy_Impersonate=world.colleague_sub).status_code == 409


def test_a_key_means_something_else_at_each_endpoint_and_for_each_organisation(world: World, elsewhere: World) -> None:
    assert world.post(world.body(), Idempotency_Key="a").status_code == 200
    assert world.post(world.body(), "/v1/scheduling_requests", Idempotency_Key="a").status_code == 200
    assert elsewhere.post(elsewhere.body(), Idempotency_Key="a").status_code == 200
    assert (count(world), count(elsewhere)) == (2, 1)


def test_the_root_and_the_prefix_are_the_same_endpoint(world: World) -> None:
    first = world.post(world.body(), Idempotency_Key="a")
    again = world.post(world.body(), "/cronofy/v1/scheduler_requests", Idempotency_Key="a")
    assert first.content == again.content


def test_a_replaced_credential_still_finds_the_first_answer(world: World) -> None:
    _, newer = world.issue()
    first = world.post(world.body(), Idempotency_Key="a")
    assert world.post(world.body(), secret=newer, Idempotency_Key="a").content == first.content


def test_a_refused_try_leaves_the_key_free(world: World) -> None:
    assert world.post(world.body(event={}), Idempotency_Key="a").status_code == 422
    assert world.post(b"{", Idempotency_Key="a").status_code == 422
    assert not IdempotencyKey.everywhere.exists()
    assert world.post(world.body(), Idempotency_Key="a").status_code == 200


def test_a_failure_of_ours_leaves_the_key_free(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("bookings.api.cronofy.wire.created", lambda *_: 1 / 0)
        assert world.post(world.body(), Idempotency_Key="a").status_code == 500
    assert world.post(world.body(), Idempotency_Key="a").status_code == 200
    assert count(world) == 1


def under_way(world: World) -> None:
    """As if the first run with key a had not answered yet."""
    world.post(world.body(), Idempotency_Key="a")
    SchedulerRequest.everywhere.all().delete()
    IdempotencyKey.everywhere.update(status=None, body=None)


def test_while_the_first_run_is_under_way_another_is_told_to_wait(world: World) -> None:
    under_way(world)
    answer = world.post(world.body(), Idempotency_Key="a")
    assert (answer.status_code, problems(answer)) == (409, {"request": ["errors.idempotency_in_progress"]})
    assert answer["Retry-After"] == "1"
    assert count(world) == 0


def test_a_first_run_that_died_with_its_process_is_taken_over_after_a_minute(world: World) -> None:
    under_way(world)
    IdempotencyKey.everywhere.update(created_at=F("created_at") - timedelta(seconds=61))
    first, again = (world.post(world.body(), Idempotency_Key="a") for _ in range(2))
    assert (first.status_code, first.content) == (200, again.content)
    assert count(world) == 1


def test_after_a_day_a_key_is_new_again(world: World) -> None:
    first = world.post(world.body(), Idempotency_Key="a")
    IdempotencyKey.everywhere.update(created_at=F("created_at") - timedelta(days=1, seconds=1))
    assert world.post(world.body(), Idempotency_Key="a").content != first.content
    assert (count(world), IdempotencyKey.everywhere.count()) == (2, 1)


def test_what_is_kept_cannot_be_read_from_the_database(world: World) -> None:
    answer = world.post(world.body(), Idempotency_Key="a").json()["scheduler_request"]["recipients"][0]
    kept = bytes(IdempotencyKey.everywhere.get().body)
    assert answer["select_url"].rpartition("/")[2].encode() not in kept
    assert b"evenitron" not in kept


@pytest.mark.parametrize("key", ["", "x" * 256, "é", "a\tb"])
def test_a_key_that_cannot_be_one_is_refused(world: World, key: str) -> None:
    answer = world.post(world.body(), Idempotency_Key=key)
    assert (answer.status_code, problems(answer)) == (422, {"request": ["errors.idempotency_key"]})


def test_reading_takes_no_notice_of_the_key(world: World) -> None:
    made = world.post(world.body(), "/v1/scheduling_requests").json()["scheduling_request"]
    path = f"/v1/scheduling_requests/{made['scheduling_request_id']}"
    assert world.get(path, Idempotency_Key="a").status_code == 200
    assert not IdempotencyKey.everywhere.exists()
