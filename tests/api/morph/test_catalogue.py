"""What can be booked and with whom: event types, slots, users, and the fields of each model."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

from bookings.models import EventType
from tests.api.morph.worlds import PATH, World, ahead, ask, iso, issue, refused

TYPES, SLOTS, USERS = (f"/v1/resources/{model}" for model in ("schedulingEventType", "schedulingSlot", "genericUser"))
BAD = (400, "CONNECTOR::OPERATION::BAD_REQUEST")
MISSING = (404, "CONNECTOR::OPERATION::RESOURCE_NOT_FOUND")


def get(world: World, path: str, **headers: str | None) -> Any:
    answer = world.call("GET", path, **headers)
    assert answer.status_code == 200, answer.content
    return answer.json()


def another(world: World, name: str, **fields: Any) -> EventType:
    made: EventType = EventType.everywhere.create(
        organisation=world.organisation, name=name, slug=name.lower(), minimum_notice=0, **fields
    )
    made.hosts.add(world.host)
    return made


def test_event_types_tell_every_field_of_the_model(world: World) -> None:
    ask(world, "topic", position=1, required=True)
    ask(world, "people", "number", position=2)
    ask(world, "size", "select", options=["s", "m"], position=3)
    ask(world, "drinks", "multiselect", options=[{"value": "t", "label": "Tea"}], position=4)
    ask(world, "paid", "checkbox", position=5)
    ask(world, "phone", "phone", position=6)
    whole = get(world, TYPES)
    assert set(whole) == {"data", "next"}
    [shown] = whole["data"]
    assert get(world, f"{TYPES}/{shown['id']}") == shown
    assert set(shown) == {"object", "model", "id", "fields", "createdAt", "updatedAt"}
    assert (shown["object"], shown["model"], shown["id"]) == ("resource", "schedulingEventType", world.type_id)
    fields = shown["fields"]
    assert set(fields) == {"name", "status", "durations", "questions", "schedulingUrl", "owner"}
    assert (fields["name"], fields["status"], fields["durations"]) == ("First meeting", "active", [45, 15])
    assert fields["schedulingUrl"].startswith("http")
    assert fields["owner"] == {"object": "resourceRef", "model": "genericUser", "id": world.owner}
    assert [(each["key"], each["type"], each["required"]) for each in fields["questions"]] == [
        ("topic", "text", True),
        ("people", "number", False),
        ("size", "select", False),
        ("drinks", "multiselect", False),
        ("paid", "select", False),
        ("phone", "text", False),
    ]
    assert fields["questions"][0] == {"key": "topic", "type": "text", "name": "Topic", "required": True}
    assert fields["questions"][2]["options"] == [{"value": "s", "name": "s"}, {"value": "m", "name": "m"}]
    assert fields["questions"][3]["options"] == [{"value": "t", "name": "Tea"}]


def test_event_types_are_paged_and_narrowed(world: World) -> None:
    for name in ("Second", "Third"):
        another(world, name, is_active=name == "Second")
    first = get(world, f"{TYPES}?limit=2")
    rest = get(world, f"{TYPES}?limit=2&cursor={quote(first['next'])}")
    assert [each["fields"]["name"] for each in first["data"] + rest["data"]] == ["First meeting", "Second", "Third"]
    assert rest["next"] is None
    assert [each["fields"]["name"] for each in get(world, f"{TYPES}?filters[status]=inactive")["data"]] == ["Third"]
    assert [each["fields"]["name"] for each in get(world, f"{TYPES}?q=sec")["data"]] == ["Second"]
    assert get(world, f"{TYPES}?filters[status]=odd")["data"] == []


def test_a_host_sees_the_event_types_of_their_own(world: World, elsewhere: World) -> None:
    assert get(world, TYPES, x_owner_id=world.user_id(world.colleague))["data"] == []
    for type_id in (elsewhere.type_id, "nothing"):
        assert refused(world.call("GET", f"{TYPES}/{type_id}")) == MISSING


def test_the_owner_and_the_next_slots_are_expanded_where_asked(world: World) -> None:
    fields = get(world, f"{TYPES}/{world.type_id}?expand=owner,slots")["fields"]
    assert fields["owner"]["fields"]["email"] == "greta@example.org"
    assert fields["slots"]
    assert {each["model"] for each in fields["slots"]} == {"schedulingSlot"}


def test_event_types_cost_the_same_for_few_as_for_many(world: World, django_assert_max_num_queries) -> None:
    for number in range(20):
        another(world, f"Type {number}")
    get(world, TYPES)
    with django_assert_max_num_queries(22):
        assert len(get(world, TYPES)["data"]) == 21


def slots(world: World, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = get(world, f"{SLOTS}?filters[eventType]={world.type_id}{query}")["data"]
    return found


def test_slots_tell_every_field_of_the_model_and_can_be_booked(world: World) -> None:
    [first, *_] = slots(world, f"&filters[startTime][gte]={iso(ahead())}")
    assert set(first) == {"object", "model", "id", "fields", "createdAt", "updatedAt"}
    assert first["fields"] == {
        "eventType": {"object": "resourceRef", "model": "schedulingEventType", "id": world.type_id},
        "timezone": "UTC",
        "status": "available",
        "date": iso(ahead())[:10],
        "startTime": iso(ahead()),
    }
    assert get(world, f"{SLOTS}/{first['id']}") == first
    world.create(eventType={"id": world.type_id}, startTime=first["fields"]["startTime"])
    assert get(world, f"{SLOTS}/{first['id']}")["fields"]["status"] == "unavailable"
    assert first["id"] not in [each["id"] for each in slots(world)]


def test_a_slots_date_is_that_of_the_zone_asked_for(world: World) -> None:
    late = f"&filters[startTime][gte]={iso(ahead(1, 23))}"
    [first, *_] = slots(world, f"{late}&filters[timezone]=Asia/Tokyo")
    assert (first["fields"]["timezone"], first["fields"]["startTime"]) == ("Asia/Tokyo", iso(ahead(1, 23)))
    assert first["fields"]["date"] == iso(ahead(2))[:10]


def test_slots_are_paged_through_the_whole_window_and_every_event_type(world: World) -> None:
    world.event_type.slot_interval, world.event_type.window_days = 360, 40
    world.event_type.save()
    another(world, "Second", slot_interval=720, window_days=40)
    found, query = [], f"{SLOTS}?limit=50"
    for _ in range(20):
        page = get(world, query)
        found += [(each["fields"]["eventType"]["id"], each["fields"]["startTime"]) for each in page["data"]]
        if page["next"] is None:
            break
        query = f"{SLOTS}?limit=50&cursor={quote(page['next'])}"
    assert page["next"] is None
    assert len(found) == len(set(found))
    of_first = [start for type_id, start in found if type_id == world.type_id]
    assert of_first == sorted(of_first)
    assert 4 * 40 <= len(of_first) <= 4 * 41
    assert 2 * 40 <= len(found) - len(of_first) <= 2 * 41


def test_slots_of_another_of_its_lengths_can_be_asked_for(world: World) -> None:
    begin = f"&filters[startTime][gte]={iso(ahead())}&filters[startTime][lt]={iso(ahead() + 3600)}"
    world.create(startTime=iso(ahead() + 1800), duration=15)
    assert [each["fields"]["startTime"] for each in slots(world, f"{begin}&filters[duration]=15")] == [
        iso(ahead()),
        iso(ahead() + 900),
        iso(ahead() + 2700),
    ]
    assert [each["fields"]["startTime"] for each in slots(world, begin)] == [iso(ahead() + 2700)]


@pytest.mark.parametrize(
    "query", ["filters[timezone]=Mars/Olympus", "filters[duration]=17", "filters[host]=x", "cursor=x", "limit=0"]
)
def test_a_parameter_that_cannot_be_used_is_refused(world: World, query: str) -> None:
    assert refused(world.call("GET", f"{SLOTS}?filters[eventType]={world.type_id}&{query}")) == BAD


def test_nothing_is_free_of_what_is_switched_off_foreign_or_unknown(world: World, elsewhere: World) -> None:
    for type_id in (elsewhere.type_id, "nothing"):
        assert get(world, f"{SLOTS}?filters[eventType]={type_id}") == {"data": [], "next": None}
    world.event_type.is_active = False
    world.event_type.save()
    assert slots(world) == []
    assert slots(world, "&filters[status]=unavailable") == []


@pytest.mark.parametrize("slot_id", ["res_", "res_e30", "nothing", "res_W10", "res_" + "A" * 3000, "%00"])
def test_what_is_no_slot_is_not_found(world: World, slot_id: str) -> None:
    assert refused(world.call("GET", f"{SLOTS}/{slot_id}")) == MISSING


def test_a_slot_of_the_distant_past_or_future_is_unavailable(world: World) -> None:
    for year in ("0001", "1970", "9999"):
        said = json.dumps({"eventType": world.type_id, "startAt": f"{year}-01-02T00:00:00Z"})
        slot_id = "res_" + base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")
        assert get(world, f"{SLOTS}/{slot_id}")["fields"]["status"] == "unavailable"


def test_users_are_the_hosts_of_the_organisation(world: World, elsewhere: World) -> None:
    found = get(world, USERS)["data"]
    assert [each["fields"]["email"] for each in found] == ["greta@example.org", "marcus@example.org"]
    assert get(world, f"{USERS}/{found[1]['id']}") == found[1]
    assert [each["id"] for each in get(world, f"{USERS}?q=marc")["data"]] == [found[1]["id"]]
    for user_id in (elsewhere.owner, "nothing"):
        assert refused(world.call("GET", f"{USERS}/{user_id}")) == MISSING


def test_a_key_of_one_host_sees_that_host_alone(world: World) -> None:
    _, secret = issue(world.organisation, "secret_key", host=world.host)
    found = get(world, USERS, x_api_secret=secret)["data"]
    assert [each["fields"]["email"] for each in found] == ["greta@example.org"]
    colleague = world.user_id(world.colleague)
    assert refused(world.call("GET", f"{USERS}/{colleague}", x_api_secret=secret)) == MISSING


FIELD = {"key", "name", "description", "type", "isRequired", "isFieldReadOnly", "isValueReadOnly", "isCustom", "remote"}


@pytest.mark.parametrize("model", ["schedulingEvent", "schedulingEventType", "schedulingSlot", "genericUser"])
def test_the_fields_of_a_model_are_those_that_its_resources_have(world: World, model: str) -> None:
    whole = get(world, f"/v1/models/{model}/fields")
    assert set(whole) == {"data", "next"}
    assert whole["next"] is None
    for each in whole["data"]:
        assert set(each) - {"options", "unit"} == FIELD
    keys = {each["key"] for each in whole["data"]}
    world.create(eventType={"id": world.type_id})
    shown = get(world, f"/v1/resources/{model}")["data"][0]["fields"]
    assert set(shown) <= keys


def test_fields_are_paged(world: World) -> None:
    first = get(world, "/v1/models/schedulingEvent/fields?limit=10")
    rest = get(world, f"/v1/models/schedulingEvent/fields?limit=10&cursor={first['next']}")
    assert (len(first["data"]), len(rest["data"]), rest["next"]) == (10, 1, None)


@pytest.mark.parametrize("path", ["/v1/resources/crmOpportunity", "/v1/resources/x/y", "/v1/models/crmStage/fields"])
def test_an_unknown_model_is_named_so(world: World, path: str) -> None:
    assert refused(world.call("GET", path)) == (404, "CONNECTOR::RESOURCE_MODEL::NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", TYPES), ("PATCH", f"{TYPES}/x"), ("DELETE", f"{SLOTS}/x"), ("POST", USERS), ("PUT", f"{PATH}/x")],
)
def test_an_operation_that_a_model_lacks_is_named_so(world: World, method: str, path: str) -> None:
    assert refused(world.call(method, path, {})) == (405, "CONNECTOR::OPERATION::NOT_FOUND")


def test_dates_are_iso(world: World) -> None:
    shown = get(world, f"{TYPES}/{world.type_id}")
    assert datetime.fromisoformat(shown["createdAt"]).tzinfo == UTC
