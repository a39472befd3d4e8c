"""Lists of schedulingEvents: order, pages, filters."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from bookings.domain import calendar
from bookings.domain.audit import SYSTEM
from bookings.formats.event import EventData
from tests import factories
from tests.api.morph.worlds import PATH, World, ahead, iso, refused

BAD = (400, "CONNECTOR::OPERATION::BAD_REQUEST")


def starts(world: World, query: str = "") -> list[str]:
    answer = world.call("GET", f"{PATH}{query}")
    assert answer.status_code == 200, answer.content
    assert set(answer.json()) == {"data", "next"}
    return [each["fields"]["startTime"] for each in answer.json()["data"]]


def days(world: World, *which: int) -> list[str]:
    """Books these days; returns their starts in order of time."""
    for day in which:
        world.create(startTime=iso(ahead(day)))
    return [iso(ahead(day)) for day in sorted(which)]


def test_bookings_and_events_stand_together_in_order(world: World) -> None:
    expected = days(world, 3, 1)
    lunch = EventData(title="Lunch", start_wall=ahead(2), timezone="UTC", duration=3600)
    calendar.create(factories.local_calendar(world.host), lunch, actor=SYSTEM)
    assert starts(world) == [expected[0], iso(ahead(2)), expected[1]]


def test_an_empty_list_has_no_next_page(world: World) -> None:
    assert world.call("GET", PATH).json() == {"data": [], "next": None}


@pytest.mark.parametrize("order", ["", "&sort=-startTime", "&sort=startTime:desc"])
@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_follow_each_other_without_gap_or_repetition(world: World, order: str, limit: int) -> None:
    expected = days(world, 5, 80, 1, 200, 2, 3, 70)
    found, cursor = [], ""
    for _ in range(10):
        page = world.call("GET", f"{PATH}?limit={limit}{order}{cursor}").json()
        found += [each["fields"]["startTime"] for each in page["data"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={quote(page['next'])}"
    assert found == (expected[::-1] if order else expected)


def test_what_starts_at_the_same_time_is_paged_as_well(world: World) -> None:
    place = factories.local_calendar(world.host)
    for title in "abcde":
        said = EventData(title=title, start_wall=ahead(), timezone="UTC", duration=3600)
        calendar.create(place, said, actor=SYSTEM)
    found, cursor = [], ""
    for _ in range(5):
        page = world.call("GET", f"{PATH}?limit=2{cursor}").json()
        found += [each["id"] for each in page["data"]]
        cursor = f"&cursor={page['next']}"
        if page["next"] is None:
            break
    assert len(found) == len(set(found)) == 5


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=-1",
        "limit=x",
        "limit=1.5",
        "limit=%D9%A1",
        "cursor=x",
        "cursor=W10",
        "cursor=" + "A" * 5000,
        "cursor=WzEsMiwzXQ",
        "filters=x",
        "filters=[]",
        "filters[colour]=red",
        "filters[status]=done",
        "filters[startTime]=tomorrow",
        "filters[startTime][gte]=2030-01-01",
        "filters[startTime][from]=2030-01-01T00:00:00Z",
        "filters[startTime][gte]=2000-01-01T00:00:00Z",
        "filters[eventType][a]=x",
        "filters=" + quote('{"status": 1}'),
        "filters=" + quote('{"status": ["planned"]}'),
        "filters=" + "[" * 3000,
    ],
    ids=lambda query: query[:50],
)
def test_a_parameter_that_cannot_be_used_is_refused(world: World, query: str) -> None:
    assert refused(world.call("GET", f"{PATH}?{query}")) == BAD


@pytest.mark.parametrize(
    "query",
    ["filters=[object Object]", "fields=[object Object]", "sort=[object Object]", "cursor=null", "limit=9999", "x=y"],
)
def test_what_the_client_makes_of_objects_is_forgiven(world: World, query: str) -> None:
    days(world, 1)
    assert world.call("GET", f"{PATH}?{query}").status_code == 200


def test_filters_narrow_a_list(world: World) -> None:
    expected = days(world, 1, 2, 3)
    special = world.create(startTime=iso(ahead(4)), status="requested", eventType={"id": world.type_id})
    world.call("DELETE", f"{PATH}/{world.create(startTime=iso(ahead(5)))}")
    assert starts(world, "?filters[status]=planned") == expected
    assert starts(world, "?filters[status]=requested,canceled") == [iso(ahead(4)), iso(ahead(5))]
    assert starts(world, f"?filters[eventType]={world.type_id}") == [world.fields(special)["startTime"]]
    assert starts(world, "?filters[eventType]=nothing") == []
    assert starts(world, f"?filters[startTime]={expected[1]}") == [expected[1]]
    between = {"startTime": {"gte": expected[0], "lt": expected[2]}}
    assert starts(world, f"?filters={quote(json.dumps(between))}") == expected[:2]
    assert starts(world, f"?filters[startTime][gt]={expected[0]}&filters[startTime][lte]={expected[2]}") == expected[1:]


def test_words_are_looked_for_in_texts_and_people(world: World) -> None:
    world.create(title="Clocks")
    world.create(startTime=iso(ahead(2)), externalAttendees=[{"email": "grace@example.org", "lastName": "Hopper"}])
    assert starts(world, "?q=clock") == [iso(ahead())]
    assert starts(world, "?q=HOPPER") == [iso(ahead(2))]
    assert starts(world, "?q=nobody") == []


def test_fields_are_cut_in_lists_too(world: World) -> None:
    world.create()
    [found] = world.call("GET", f"{PATH}?fields=status").json()["data"]
    assert found["fields"] == {"status": "planned"}


def test_only_the_connections_own_host_is_listed(world: World, elsewhere: World) -> None:
    elsewhere.create()
    world.call("POST", PATH, world.body(), x_owner_id=world.user_id(world.colleague))
    assert starts(world) == []


def test_a_list_costs_the_same_for_few_as_for_many(world: World, django_assert_max_num_queries) -> None:
    for day in range(1, 13):
        world.create(startTime=iso(ahead(day)), eventType={"id": world.type_id})
        said = EventData(title="Lunch", start_wall=ahead(day, 13), timezone="UTC", duration=3600)
        calendar.create(factories.local_calendar(world.host), said, actor=SYSTEM)
    world.call("GET", PATH)  # names are given once
    with django_assert_max_num_queries(40):
        assert len(starts(world, "?limit=2&expand=eventType,organizer,attendees")) == 2
    with django_assert_max_num_queries(40):
        assert len(starts(world, "?limit=24&expand=eventType,organizer,attendees")) == 24
