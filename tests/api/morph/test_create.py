"""POST /v1/resources/schedulingEvent as the vendor's page describes it."""

from __future__ import annotations

import json
import re

import pytest
from django.test import Client

from bookings.models import Booking
from tests.api.morph.worlds import PATH, World, ahead, iso

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def example(world: World) -> dict:
    """The page's example with values that mean something in this world, every field of it."""
    owner, colleague = world.user_id(world.host), world.user_id(world.colleague)
    rest = {
        "object": "resourceRef",
        "fields": "<any>",
        "rawResource": "<any>",
        "remote": {"id": "<string>"},
        "createdAt": "<string>",
        "updatedAt": "<string>",
    }
    return {
        "eventType": {"id": world.type_id, "model": "schedulingEventType", **rest},
        "title": "Driving lessons",
        "description": "Bring the plutonium",
        "status": "requested",
        "startTime": iso(ahead()),
        "endTime": iso(ahead() + 45 * 60),
        "duration": 45,
        "attendees": [{"id": colleague, "model": "genericUser", **rest}],
        "externalAttendees": [
            {"firstName": "Emmet", "lastName": "Brown", "email": "doc@evenitron.com", "phoneNumber": "+15550100"}
        ],
        "organizer": {"id": owner, "model": "genericUser", **rest},
        "answers": {},
    }


def send(world: World, path: str = PATH):
    world.event_type.hosts.add(world.colleague)
    headers = {
        "x-api-key": world.public,
        "x-api-secret": world.secret,
        "x-connector-id": "calendly",
        "x-owner-id": world.owner,
    }
    return Client().generic("POST", path, json.dumps(example(world)), content_type="application/json", headers=headers)


def test_the_documented_example_is_answered_with_the_documented_ref(world: World) -> None:
    answer = send(world)
    assert (answer.status_code, answer["Content-Type"]) == (201, "application/json; charset=utf-8")
    whole = answer.json()
    assert set(whole) == {"object", "model", "id", "remote"}
    assert (whole["object"], whole["model"]) == ("resourceRef", "schedulingEvent")
    assert re.fullmatch(UUID, whole["id"])
    assert set(whole["remote"]) == {"id"}
    assert whole["remote"]["id"]


@pytest.mark.parametrize("flag", ["true", "1", "True"])
def test_with_return_resource_the_example_is_answered_with_the_whole_resource(world: World, flag: str) -> None:
    answer = send(world, f"{PATH}?returnResource={flag}")
    assert answer.status_code == 201
    whole = answer.json()
    assert set(whole) == {"object", "model", "id", "remote", "fields", "createdAt", "updatedAt"}
    assert (whole["object"], whole["model"]) == ("resource", "schedulingEvent")
    sent = example(world)
    links = {
        "eventType": {"object": "resourceRef", "model": "schedulingEventType", "id": world.type_id},
        "organizer": {"object": "resourceRef", "model": "genericUser", "id": world.user_id(world.host)},
        "attendees": [{"object": "resourceRef", "model": "genericUser", "id": world.user_id(world.colleague)}],
    }
    assert whole["fields"] == sent | links
    assert Booking.everywhere.get().state == Booking.State.HELD


@pytest.mark.parametrize("flag", ["false", "0", "", "yes"])
def test_everything_else_for_return_resource_means_a_ref(world: World, flag: str) -> None:
    answer = world.call("POST", f"{PATH}?returnResource={flag}", world.body())
    assert answer.json()["object"] == "resourceRef"
