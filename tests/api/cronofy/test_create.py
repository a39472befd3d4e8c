"""POST /v1/scheduler_requests as the vendor's page describes it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from django.test import Client
from django.utils.timezone import now

from bookings.domain import requests as scheduler
from bookings.models import SchedulerRequest
from tests.api.worlds import World, problems

EVERYTHING = {
    "recipients": [{"email": "doc@evenitron.com", "display_name": "Doc", "slot_selector": True}],
    "event": {
        "summary": "Driving lessons",
        "description": "Don't forget your video camera\nand the plutonium",
        "location": {"description": "Hill Valley"},
        "duration": {"minutes": 60},
        "locale": "en",
    },
    "collaborator_groups": [{"name": "Pool", "members": [{"sub": "acc_1"}], "required": 1}],
    "host_group": {"name": "Team", "members": [{"sub": "acc_1"}], "required": 1},
    "availability_mode": "managed",
    "buffer": {"before": {"minutes": 10}, "after": {"minimum": {"minutes": 15}, "maximum": {"minutes": 30}}},
    "tags": [{"value": "Urgent"}, {"value": "In-person"}],
}


def made(world: World) -> SchedulerRequest:
    """The one request of this world."""
    return SchedulerRequest.objects.for_tenant(world.organisation).get()


def test_the_documented_example_gets_the_documented_answer(world: World) -> None:
    example = f"""{{
  "host": {{
    "sub": "{world.sub}"
  }},
  "recipients": [
    {{
      "email": "doc@evenitron.com",
      "display_name": "Dr Emmet Brown"
    }}
  ],
  "event": {{
    "summary": "Driving lessons - Marty & Doc"
  }}
}}"""
    answer = Client().generic(
        "POST",
        "/v1/scheduler_requests",
        example,
        content_type="application/json; charset=utf-8",
        headers={"Authorization": f"Bearer {world.secret}"},
    )
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json; charset=utf-8"
    whole = answer.json()
    assert set(whole) == {"scheduler_request"}
    assert set(whole["scheduler_request"]) == {"scheduler_request_id", "recipients"}
    assert re.fullmatch(r"srq_[0-9a-f]{24}", whole["scheduler_request"]["scheduler_request_id"])
    [recipient] = whole["scheduler_request"]["recipients"]
    assert recipient.pop("select_url").startswith("http://")
    assert recipient == {"email": "doc@evenitron.com", "display_name": "Dr Emmet Brown"}


def test_the_answers_link_leads_to_the_request_it_made(world: World) -> None:
    answer = world.post(world.body()).json()["scheduler_request"]
    url = answer["recipients"][0]["select_url"]
    found = scheduler.find(url.rpartition("/r/")[2])
    assert (found.host_id, found.summary, found.recipient_email) == (
        world.host.pk,
        "Driving lessons - Marty & Doc",
        "doc@evenitron.com",
    )
    assert (found.surface, found.created_with_id) == ("cronofy", world.key.pk)


def test_two_identical_posts_make_two_requests(world: World) -> None:
    first, second = (world.post(world.body()).json()["scheduler_request"] for _ in range(2))
    assert first["scheduler_request_id"] != second["scheduler_request_id"]
    assert first["recipients"][0]["select_url"] != second["recipients"][0]["select_url"]


def test_a_group_rule_hosts_in_place_of_a_host(world: World) -> None:
    answer = world.post(world.body(host=None, scheduler_group_rule={"id": world.rule_id}))
    assert answer.status_code == 200
    assert (made(world).host_id, made(world).group_rule_id) == (None, world.rule.pk)


def test_a_recipient_without_a_name_is_answered_without_one(world: World) -> None:
    for recipient in ({"email": "a@example.org"}, {"email": "a@example.org", "display_name": None}):
        answer = world.post(world.body(recipients=[recipient])).json()["scheduler_request"]
        assert set(answer["recipients"][0]) == {"email", "select_url"}


def test_every_later_field_is_accepted_and_kept(world: World) -> None:
    assert world.post(world.body(**EVERYTHING)).status_code == 200
    kept = made(world)
    assert (kept.description, kept.location, kept.locale) == (
        "Don't forget your video camera\nand the plutonium",
        "Hill Valley",
        "en",
    )
    assert (kept.duration, kept.buffer_before, kept.buffer_after) == (60, 10, 15)
    assert kept.raw == {
        "slot_selector": True,
        **{name: EVERYTHING[name] for name in ("collaborator_groups", "host_group", "availability_mode")},
        **{name: EVERYTHING[name] for name in ("buffer", "tags")},
    }


def test_fields_nobody_documented_are_ignored_and_not_kept(world: World) -> None:
    body = world.body(fakingit=True, event={"summary": "x", "colour": "red"}, buffer={})
    assert world.post(body).status_code == 200
    assert made(world).raw == {"buffer": {}}


@pytest.mark.parametrize("summary", ["x" * 1024, "é" * 1024, "🚗" * 1024], ids=["ascii", "accents", "emoji"])
def test_a_summary_of_1024_characters_is_accepted_whatever_its_bytes(world: World, summary: str) -> None:
    assert world.post(world.body(event={"summary": summary})).status_code == 200
    assert made(world).summary == summary


@pytest.mark.parametrize("summary", ["x" * 1025, "é" * 1025, "🚗" * 1025], ids=["ascii", "accents", "emoji"])
def test_a_summary_of_1025_characters_is_refused(world: World, summary: str) -> None:
    answer = world.post(world.body(event={"summary": summary}))
    assert (answer.status_code, problems(answer)) == (422, {"event.summary": ["errors.too_long"]})
    assert answer["Content-Type"] == "application/json; charset=utf-8"


def test_an_emoji_written_as_two_escapes_counts_as_one_character(world: World) -> None:
    body = json.dumps(world.body(event={"summary": "🚗" * 1024})).encode()
    assert b"\\ud83d\\ude97" in body
    assert world.post(body).status_code == 200


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"host": None}, {"host": ["errors.required"]}),
        ({"host": {}}, {"host.sub": ["errors.required"]}),
        ({"host": {"sub": ""}}, {"host.sub": ["errors.required"]}),
        ({"host": {"sub": 7}}, {"host.sub": ["errors.invalid"]}),
        ({"host": "acc_1"}, {"host": ["errors.invalid"]}),
        ({"host": {"sub": "acc_0123456789abcdef01234567"}}, {"host.sub": ["errors.invalid"]}),
        ({"host": {"sub": "a" * 600}}, {"host.sub": ["errors.invalid"]}),
        ({"host": None, "scheduler_group_rule": {"id": "sgr_0"}}, {"scheduler_group_rule.id": ["errors.invalid"]}),
        ({"host": None, "scheduler_group_rule": {}}, {"scheduler_group_rule.id": ["errors.required"]}),
        ({"scheduler_group_rule": {"id": "sgr_0"}}, {"scheduler_group_rule": ["errors.invalid"]}),
        ({"recipients": None}, {"recipients": ["errors.required"]}),
        ({"recipients": []}, {"recipients": ["errors.required"]}),
        ({"recipients": {"email": "a@example.org"}}, {"recipients": ["errors.invalid"]}),
        ({"recipients": ["a@example.org"]}, {"recipients": ["errors.invalid"]}),
        ({"recipients": [{"email": "a@example.org"}] * 2}, {"recipients": ["errors.invalid"]}),
        ({"recipients": [{}]}, {"recipients.email": ["errors.required"]}),
        ({"recipients": [{"email": " "}]}, {"recipients.email": ["errors.required"]}),
        ({"recipients": [{"email": "doc"}]}, {"recipients.email": ["errors.invalid"]}),
        ({"recipients": [{"email": "a@example.org\r\nBcc: b@example.org"}]}, {"recipients.email": ["errors.invalid"]}),
        ({"recipients": [{"email": ["a@example.org"]}]}, {"recipients.email": ["errors.invalid"]}),
        (
            {"recipients": [{"email": "a@example.org", "display_name": "a\r\nBcc: b@example.org"}]},
            {"recipients.display_name": ["errors.invalid"]},
        ),
        (
            {"recipients": [{"email": "a@example.org", "display_name": "x" * 201}]},
            {"recipients.display_name": ["errors.too_long"]},
        ),
        ({"event": None}, {"event": ["errors.required"]}),
        ({"event": []}, {"event": ["errors.required"]}),
        ({"event": "Lunch"}, {"event": ["errors.invalid"]}),
        ({"event": {}}, {"event.summary": ["errors.required"]}),
        ({"event": {"summary": "  "}}, {"event.summary": ["errors.required"]}),
        ({"event": {"summary": 5}}, {"event.summary": ["errors.invalid"]}),
        ({"event": {"summary": "x", "duration": {"minutes": 0}}}, {"event.duration.minutes": ["errors.invalid"]}),
        ({"event": {"summary": "x", "duration": {"minutes": True}}}, {"event.duration.minutes": ["errors.invalid"]}),
        ({"event": {"summary": "x", "duration": {"minutes": 1441}}}, {"event.duration.minutes": ["errors.invalid"]}),
        ({"event": {"summary": "x", "duration": 30}}, {"event.duration": ["errors.invalid"]}),
        ({"event": {"summary": "x", "description": {}}}, {"event.description": ["errors.invalid"]}),
        (
            {"event": {"summary": "x", "location": {"description": "x" * 1025}}},
            {"event.location.description": ["errors.too_long"]},
        ),
        ({"buffer": {"before": {"minutes": -1}}}, {"buffer.before.minutes": ["errors.invalid"]}),
        ({"buffer": {"after": 5}}, {"buffer.after": ["errors.invalid"]}),
    ],
    ids=str,
)
def test_a_value_that_cannot_be_used_is_named(world: World, changes: dict, expected: dict) -> None:
    answer = world.post(world.body(**changes))
    assert (answer.status_code, problems(answer)) == (422, expected)
    assert not SchedulerRequest.objects.for_tenant(world.organisation).exists()


def test_everything_wrong_is_told_in_one_answer(world: World) -> None:
    answer = world.post({})
    assert problems(answer) == {
        "recipients": ["errors.required"],
        "event": ["errors.required"],
        "host": ["errors.required"],
    }


def test_a_host_who_is_no_longer_active_is_unknown(world: World) -> None:
    body = world.body()
    world.host.is_active = False
    world.host.save()
    assert problems(world.post(body)) == {"host.sub": ["errors.invalid"]}


def test_the_prefixed_path_answers_alike(world: World) -> None:
    answer = world.post(world.body(), "/cronofy/v1/scheduler_requests")
    assert answer.status_code == 200
    assert set(answer.json()) == {"scheduler_request"}


def test_an_unknown_path_below_the_prefix_has_no_body(world: World) -> None:
    for path in ("/cronofy/v1/nothing", "/cronofy/", "/cronofy/v1/scheduler_requests/"):
        answer = world.post(world.body(), path)
        assert (answer.status_code, answer.content) == (404, b"")


def test_another_method_is_refused_and_told_which_are_possible(world: World) -> None:
    answer = world.get("/v1/scheduler_requests")
    assert (answer.status_code, answer["Allow"]) == (405, "POST")


def test_answers_with_links_are_not_cached(world: World) -> None:
    assert world.post(world.body())["Cache-Control"] == "no-store"


def test_whatever_a_client_accepts_it_gets_json(world: World) -> None:
    answer = world.post(world.body(), Accept="text/html;q=1, nonsense")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json; charset=utf-8")


def test_creating_costs_few_queries(world: World, django_assert_max_num_queries: object) -> None:
    body = world.body()
    world.post(body)
    with django_assert_max_num_queries(30):  # type: ignore[operator]
        assert world.post(body).status_code == 200


def test_using_a_key_is_noted(world: World) -> None:
    world.post(world.body())
    world.key.refresh_from_db()
    assert world.key.last_used_at is not None
    assert (now() - world.key.last_used_at).total_seconds() < 60


HOSTILE = [
    case
    for case in json.loads((Path(__file__).parents[2] / "oracles" / "hostile.json").read_text())["cases"]
    if case["kind"] in ("header-injection", "stored-html")
]


@pytest.mark.parametrize("case", HOSTILE, ids=lambda case: case["id"])
def test_hostile_text_is_refused_or_carried_as_text(world: World, case: dict) -> None:
    text = case["value"]
    body = world.body(
        recipients=[{"email": "a@example.org", "display_name": text}],
        event={"summary": text, "description": text, "location": {"description": text}},
    )
    answer = world.post(body)
    if answer.status_code == 200:
        [recipient] = answer.json()["scheduler_request"]["recipients"]
        kept = made(world)
        assert {recipient["display_name"], kept.summary, kept.description, kept.location} == {text}
    else:
        assert answer.status_code == 422
        assert set(problems(answer)) <= {"recipients.display_name", "event.summary"}
    assert world.post(body | {"recipients": [{"email": text}]}).status_code == 422
