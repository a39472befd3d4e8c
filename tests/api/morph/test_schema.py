"""The dialect's OpenAPI schema, and that answers are what it says."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from jsonschema import Draft202012Validator

from tests.api.morph.worlds import PATH, World, ahead, ask, iso

CONNECTION = "/v1/connections/calendly/{owner}"


def described() -> dict[str, Any]:
    answer = Client().get("/api/morph/schema?format=json")
    assert answer.status_code == 200
    schema: dict[str, Any] = answer.json()
    return schema


def test_every_path_is_described_once_for_servers_and_once_for_browsers(db: None) -> None:
    paths = described()["paths"]
    for model in ("schedulingEvent", "schedulingEventType", "schedulingSlot", "genericUser"):
        for root in ("/v1", "/v1/s"):
            assert f"{root}/resources/{model}" in paths
            assert f"{root}/resources/{model}/{{resource_id}}" in paths
    assert set(paths[PATH]) == {"get", "post"}


def test_the_keys_are_told_as_headers(db: None) -> None:
    schemes = described()["components"]["securitySchemes"]
    assert {each["name"] for each in schemes.values()} == {
        "x-api-key",
        "x-api-secret",
        "x-connector-id",
        "x-owner-id",
        "x-session-token",
    }


def test_the_page_to_read_it_works(db: None) -> None:
    assert Client().get("/api/morph").status_code == 200


CALLS = [
    ("GET", PATH, "", None, 200),
    ("GET", PATH, "?expand=eventType,organizer,attendees", None, 200),
    ("GET", PATH + "/{resource_id}", "", None, 200),
    ("GET", PATH + "/{resource_id}", "?fields=title", None, 200),
    ("POST", PATH, "", {"startTime": iso(ahead(5)), "externalAttendees": [], "answers": {}}, 201),
    ("POST", PATH, "?returnResource=true", {"startTime": iso(ahead(6)), "externalAttendees": [], "answers": {}}, 201),
    ("POST", PATH, "", {}, 400),
    ("POST", PATH, "", {"startTime": iso(ahead()), "externalAttendees": [], "answers": {}}, 409),
    ("PATCH", PATH + "/{resource_id}", "", {"title": "Talk"}, 200),
    ("PATCH", PATH + "/{resource_id}", "?returnResource=true", {"status": "canceled"}, 200),
    ("DELETE", PATH + "/{resource_id}", "", None, 204),
    ("GET", "/v1/resources/schedulingEventType", "", None, 200),
    ("GET", "/v1/resources/schedulingEventType/{type_id}", "?expand=slots,owner", None, 200),
    ("GET", "/v1/resources/schedulingSlot", "?limit=3", None, 200),
    ("GET", "/v1/resources/genericUser", "", None, 200),
    ("GET", "/v1/resources/genericUser/{owner}", "", None, 200),
    ("GET", "/v1/resources/genericUser/nobody", "", None, 404),
    ("GET", "/v1/models/schedulingEvent/fields", "", None, 200),
    ("GET", CONNECTION, "", None, 200),
    ("POST", CONNECTION, "", {"operations": []}, 201),
    ("PATCH", CONNECTION, "", {"operations": []}, 200),
    ("DELETE", CONNECTION, "", None, 204),
    ("POST", CONNECTION + "/sessions", "", {"expiresIn": 60}, 200),
    ("POST", CONNECTION + "/authorization", "", {}, 200),
    ("GET", "/v1/connectors/calendly", "", None, 200),
    ("GET", "/v1/connectors/hubspot", "", None, 404),
    ("GET", "/v1/s/connection", "", None, 200),
]


@pytest.mark.parametrize(("method", "path", "query", "body", "status"), CALLS, ids=str)
def test_an_answer_is_what_the_schema_says(
    world: World, method: str, path: str, query: str, body: Any, status: int
) -> None:
    world.event_type.hosts.add(world.colleague)
    ask(world, "size", "select", options=["s", "m"])
    attendees = [{"id": world.user_id(world.colleague)}]
    resource_id = world.create(eventType={"id": world.type_id}, attendees=attendees, answers={"size": "s"})
    target = path.format(resource_id=resource_id, type_id=world.type_id, owner=world.owner)
    answer = world.call(method, target + query, body)
    assert answer.status_code == status, answer.content
    told = _operation(described()["paths"], target, method)["responses"][str(status)]
    if answer.content:
        Draft202012Validator(told["content"]["application/json"]["schema"]).validate(answer.json())
    else:
        assert "content" not in told


def _operation(paths: dict[str, Any], target: str, method: str) -> dict[str, Any]:
    """The description of the path that leads to the target."""
    for path, methods in paths.items():
        parts, given = path.split("/"), target.split("/")
        if len(parts) == len(given) and all(
            one.startswith("{") or one == other for one, other in zip(parts, given, strict=True)
        ):
            found: dict[str, Any] = methods[method.lower()]
            return found
    raise AssertionError(target)
