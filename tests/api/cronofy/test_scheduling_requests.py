"""The later name of the API: create, query, cancel, and our own reading of one."""

from __future__ import annotations

import time
from datetime import datetime

from bookings.domain import requests as scheduler
from bookings.models import SchedulerRequest
from tests.api.worlds import World, problems

LATER = "/v1/scheduling_requests"


def create(world: World, **changes: object) -> str:
    answer = world.post(world.body(**changes), LATER)
    assert answer.status_code == 200
    return str(answer.json()["scheduling_request"]["scheduling_request_id"])


def test_the_later_name_wraps_its_answer_in_the_later_words(world: World) -> None:
    whole = world.post(world.body(), LATER).json()
    assert set(whole) == {"scheduling_request"}
    answer = whole["scheduling_request"]
    assert set(answer) == {"scheduling_request_id", "recipients", "primary_select_url"}
    assert answer["primary_select_url"] == answer["recipients"][0]["select_url"]


def test_a_query_tells_of_each_known_request_in_the_order_asked(world: World, elsewhere: World) -> None:
    first, second, foreign = create(world), create(world), create(elsewhere)
    asked = {"scheduling_request_ids": [second, "srq_0", foreign, first]}
    found = world.post(asked, f"{LATER}/query").json()["scheduling_requests"]
    assert [each["scheduling_request"]["scheduling_request_id"] for each in found] == [second, first]
    detail = found[0]["scheduling_request"]
    assert (detail["slot_selection"], detail["summary"], detail["duration"]) == (
        "pending",
        "Driving lessons - Marty & Doc",
        {"minutes": 30},
    )
    assert detail["recipients"][0]["slot_selector"] is True


def test_a_query_costs_the_same_for_one_as_for_many(world: World, django_assert_max_num_queries: object) -> None:
    ids = [create(world) for _ in range(10)]
    with django_assert_max_num_queries(16):  # type: ignore[operator]
        world.post({"scheduling_request_ids": ids}, f"{LATER}/query")


def test_a_query_needs_an_array_of_ids(world: World) -> None:
    for ids in (None, [], "srq_0", [1], [["a"]], ["a"] * 101):
        answer = world.post({"scheduling_request_ids": ids}, f"{LATER}/query")
        assert answer.status_code == 422
        assert set(problems(answer)) == {"scheduling_request_ids"}


def test_cancelling_closes_the_link_and_is_answered_with_an_empty_202(world: World) -> None:
    request_id = create(world)
    for _ in range(2):
        answer = world.post({"scheduling_request_id": request_id}, f"{LATER}/cancel")
        assert (answer.status_code, answer.content) == (202, b"")
    assert SchedulerRequest.everywhere.get().state == "withdrawn"


def test_a_foreign_request_cannot_be_cancelled(world: World, elsewhere: World) -> None:
    foreign, missing = (
        world.post({"scheduling_request_id": each}, f"{LATER}/cancel") for each in (create(elsewhere), "srq_0")
    )
    assert (foreign.status_code, foreign.content) == (missing.status_code, missing.content)
    assert problems(foreign) == {"scheduling_request_id": ["errors.invalid"]}
    assert SchedulerRequest.everywhere.get().state == "open"


def test_a_booked_request_shows_complete_and_cannot_be_cancelled(world: World) -> None:
    request_id = create(world)
    SchedulerRequest.everywhere.update(state=SchedulerRequest.State.BOOKED)
    shown = world.get(f"{LATER}/{request_id}").json()["scheduling_request"]
    assert shown["slot_selection"] == "complete"
    answer = world.post({"scheduling_request_id": request_id}, f"{LATER}/cancel")
    assert (answer.status_code, problems(answer)) == (422, {"scheduling_request_id": ["errors.not_allowed"]})


def test_a_request_tells_the_time_that_was_chosen(world: World) -> None:
    request_id = create(world)
    start = (int(time.time()) // 86_400 + 3) * 86_400
    scheduler.select(SchedulerRequest.everywhere.get(), start, name="Doc", timezone="UTC")
    asked = {"scheduling_request_ids": [request_id]}
    [told] = world.post(asked, f"{LATER}/query").json()["scheduling_requests"]
    event = told["scheduling_request"]["event"]
    moments = [int(datetime.fromisoformat(event[name]).timestamp()) for name in ("start", "end")]
    assert (told["scheduling_request"]["slot_selection"], moments) == ("complete", [start, start + 1800])


def test_one_request_can_be_read_and_a_foreign_one_is_not_there(world: World, elsewhere: World) -> None:
    answer = world.get(f"{LATER}/{create(world)}")
    assert answer.json()["scheduling_request"]["event"]["summary"] == "Driving lessons - Marty & Doc"
    for path in (f"{LATER}/{create(elsewhere)}", f"{LATER}/srq_0", f"{LATER}/{'x' * 600}", f"{LATER}/%00"):
        missing = world.get(path)
        assert (missing.status_code, missing.content) == (404, b"")


def test_a_hosts_own_token_sees_only_the_requests_of_that_host(world: World) -> None:
    mine, others = create(world), create(world, host={"sub": world.colleague_sub})
    _, token = world.issue(host=world.host)
    found = world.post({"scheduling_request_ids": [mine, others]}, f"{LATER}/query", secret=token).json()
    assert [each["scheduling_request"]["scheduling_request_id"] for each in found["scheduling_requests"]] == [mine]
    assert world.get(f"{LATER}/{others}", secret=token).status_code == 404


def test_reading_changes_nothing_in_the_request(world: World) -> None:
    request_id = create(world)
    before = SchedulerRequest.everywhere.values().get()
    world.get(f"{LATER}/{request_id}")
    assert SchedulerRequest.everywhere.values().get() == before
    assert scheduler.find(world.post(world.body()).json()["scheduler_request"]["recipients"][0]["select_url"][-27:])
