"""Resources, their calendars, and projects: making, reading, changing and deleting them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookings.domain import hosts, offers, refs
from bookings.domain.audit import SYSTEM
from bookings.models import Calendar, Event, EventType, Host, Question
from tests import factories
from tests.api.timekit.worlds import BOOKINGS, EVENTS, MONDAY, Place

RESOURCES, CALENDARS, PROJECTS = "/v2/resources", "/v2/calendars", "/v2/projects"
HOURS = [
    {"allow_day_and_time": {"day": "Monday", "start": 9, "end": 12}},
    {"allow_day_and_time": {"day": "Monday", "start": 14, "end": 17}},
    {"allow_day_and_time": {"day": "Tuesday", "start": 9, "end": 17}},
]


def starts(place: Place, resource_id: str, first: str = MONDAY, last: str = "2027-03-03") -> list[str]:
    """Day and hour of the free slots, in Berlin."""
    body = {"resources": [resource_id], "from": first, "to": last, "output_timezone": "Europe/Berlin"}
    return [slot["start"][8:13] for slot in place.post("/v2/availability", body).json()["data"]]


def test_a_resource_is_made_with_a_calendar_and_is_free_around_the_clock(place: Place) -> None:
    made = place.made(RESOURCES, {"name": "Marty McFly", "timezone": "Europe/Berlin", "email": "marty@example.org"})
    assert uuid.UUID(made["id"])
    assert (made["first_name"], made["last_name"], made["name"]) == ("Marty", "McFly", "Marty McFly")
    assert (made["email"], made["timezone"]) == ("marty@example.org", "Europe/Berlin")
    [calendar] = made["calendars"]
    assert calendar["provider"] is None
    assert (calendar["provider_primary"], calendar["provider_access"]) == (True, "owner")
    assert len(starts(place, made["id"])) == 48
    assert place.get(f"{RESOURCES}/{made['id']}").json()["data"] == made
    place.made(EVENTS, place.event(calendar_id=calendar["id"]))
    assert len(starts(place, made["id"])) == 47


def test_availability_constraints_become_the_resources_hours(place: Place) -> None:
    body = {"name": "Room 4", "timezone": "Europe/Berlin", "availability_constraints": HOURS}
    made = place.made(RESOURCES, body)
    assert made["availability_constraints"] == HOURS
    assert starts(place, made["id"]) == [
        *("01T09", "01T10", "01T11", "01T14", "01T15", "01T16"),
        *(f"02T{hour:02}" for hour in range(9, 17)),
    ]
    changed = place.put(f"{RESOURCES}/{made['id']}", {"availability_constraints": [{"block_weekdays": {}}]}).json()
    assert starts(place, made["id"]) == []
    assert changed["data"]["availability_constraints"] == [{"block_weekdays": {}}]
    place.put(f"{RESOURCES}/{made['id']}", {"availability_constraints": []})
    assert len(starts(place, made["id"])) == 48


def test_periods_close_and_open_days_of_a_resource(place: Place) -> None:
    path = f"{RESOURCES}/{place.resource_id}"
    away = [{"block_period": {"start": "2027-03-01T15:00:00+01:00", "end": "2027-03-05"}}]
    assert place.put(path, {"availability_constraints": away}).status_code == 200
    assert starts(place, place.resource_id, last="2027-03-05") == [f"01T{hour:02}" for hour in range(15)]
    fair = [
        {"allow_period": {"start": "2027-03-02 10:00", "end": "2027-03-03 02:00"}},
        {"allow_hours": {"start": 0, "end": 12}},
    ]
    assert place.put(path, {"availability_constraints": fair}).json()["data"]["availability_constraints"] == fair
    assert starts(place, place.resource_id, last="2027-03-05") == ["02T10", "02T11", "03T00", "03T01"]


def test_hours_that_staff_changed_are_told_as_they_are(place: Place) -> None:
    made = place.made(RESOURCES, {"name": "Room", "timezone": "UTC", "availability_constraints": HOURS})
    host = Host.objects.for_tenant(place.organisation).select_related("schedule").get(name="Room")
    week: list[list[list[int]]] = [[[510, 720]], [], [], [], [], [], []]
    hosts.set_schedule(host, week, actor=SYSTEM)
    told = place.get(f"{RESOURCES}/{made['id']}").json()["data"]["availability_constraints"]
    assert told == [{"allow_day_and_time": {"day": "Monday", "start": "08:30", "end": 12}}]


def test_a_resource_is_changed_and_deleted(place: Place) -> None:
    path = f"{RESOURCES}/{place.colleague_id}"
    changed = place.put(path, {"first_name": "Doc", "last_name": "Brown", "timezone": "Asia/Tokyo", "meta": {"a": 1}})
    told = changed.json()["data"]
    assert (told["name"], told["timezone"], told["meta"]) == ("Doc Brown", "Asia/Tokyo", {"a": 1})
    assert told["email"] == place.colleague.email
    assert place.get(f"{RESOURCES}/timezone/{place.colleague.email}").json() == {"data": {"timezone": "Asia/Tokyo"}}
    assert place.delete(path).status_code == 204
    for gone in (place.get(path), place.delete(path), place.get(f"{RESOURCES}/timezone/{place.colleague.email}")):
        assert (gone.status_code, gone.json()["model"]) == (404, "Resource")
    assert [each["id"] for each in place.get(RESOURCES).json()["data"]] == [place.resource_id]
    assert place.post(BOOKINGS, place.booking(resource_id=place.colleague_id)).status_code == 422


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["name", "timezone"]),
        ({"name": " ", "timezone": "Mars"}, ["name"]),
        ({"name": "x", "timezone": "Mars"}, ["timezone"]),
        ({"name": "x", "timezone": "UTC", "email": "x"}, ["email"]),
        ({"name": "x" * 201, "timezone": "UTC"}, ["name"]),
        ({"name": 5, "timezone": []}, ["name", "timezone"]),
        ({"name": "x", "timezone": "UTC", "availability_constraints": [{"x": 1}]}, ["availability_constraints.0.x"]),
    ],
    ids=str,
)
def test_a_resource_that_cannot_be_made_says_why(place: Place, body: dict[str, Any], fields: list[str]) -> None:
    answer = place.post(RESOURCES, body)
    assert (answer.status_code, sorted(answer.json()["errors"])) == (422, fields)
    assert Host.objects.for_tenant(place.organisation).count() == 2


def test_a_calendar_is_made_changed_and_deleted(place: Place) -> None:
    body = {"name": "Trips", "description": "Away", "backgroundcolor": "#ea1cb8", "foregroundcolor": "#25d6be"}
    made = place.made(f"{CALENDARS}/", body | {"resource_id": place.resource_id})
    assert {name: made[name] for name in body} == body
    assert made["resource_id"] == place.resource_id
    for name in ("provider", "provider_id", "provider_access", "provider_primary", "provider_sync", "created_at"):
        assert name in made
    path = f"{CALENDARS}/{made['id']}"
    assert place.get(path).json()["data"] == made
    changed = place.put(path, {"name": "Journeys", "provider_sync": False, "foregroundcolor": "#000000"}).json()["data"]
    assert changed == made | {
        "name": "Journeys",
        "display_name": "Journeys",
        "provider_sync": False,
        "foregroundcolor": "#000000",
    }
    event = place.made(EVENTS, place.event(calendar_id=made["id"]))
    assert place.post(BOOKINGS, place.booking(start=event["start"], end=event["end"])).status_code == 201
    assert place.delete(path).status_code == 204
    assert place.get(path).status_code == 404
    assert place.get(f"{EVENTS}/{event['id']}").status_code == 404
    assert place.delete(f"{CALENDARS}/{place.calendar_id}").status_code == 422
    assert Event.objects.for_tenant(place.organisation).count() == 1


def test_calendars_are_listed_for_all_resources_or_one(place: Place) -> None:
    factories.caldav_calendar(place.colleague, colour="#aa0000", is_writable=False)
    everything = place.get(CALENDARS).json()
    assert everything["total"] == Calendar.objects.for_tenant(place.organisation).count() == 3
    [connected] = [each for each in everything["data"] if each["provider"]]
    assert (connected["provider"], connected["provider_access"]) == ("caldav", "reader")
    assert (connected["backgroundcolor"], connected["resource_id"]) == ("#aa0000", place.colleague_id)
    mine = place.get(f"{CALENDARS}?search=resource.id:{place.resource_id}").json()["data"]
    assert [each["id"] for each in mine] == [place.calendar_id]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"name": "x"}, ["resource_id"]),
        ({"resource_id": "nobody"}, ["name", "resource_id"]),
        ({"name": "x", "backgroundcolor": "red"}, ["backgroundcolor"]),
        ({"name": "x" * 301}, ["name"]),
    ],
    ids=str,
)
def test_a_calendar_that_cannot_be_made_says_why(place: Place, body: dict[str, Any], fields: list[str]) -> None:
    whole = body if "resource_id" in fields else body | {"resource_id": place.resource_id}
    answer = place.post(CALENDARS, whole)
    assert (answer.status_code, sorted(answer.json()["errors"])) == (422, fields)


PROJECT = {
    "name": "Haircut & beard",
    "slug": "haircut-and-beard",
    "availability": {
        **{"mode": "roundrobin_prioritized", "length": "1 hour", "from": "2 hours", "to": "4 weeks"},
        **{"buffer": "15 minutes", "timeslot_increments": "30 minutes", "ignore_all_day_events": False},
    },
    "availability_constraints": [{"block_weekends": {}}, {"allow_hours": {"start": 9, "end": 17}}],
    "booking": {"graph": "confirm_decline", "what": "A haircut", "where": "Sesame St", "description": "Be on time"},
    "customer_fields": {"name": {"title": "Your name", "required": True}, "comment": {"title": "Anything else?"}},
    "ui": {"display_name": "Biff's", "localization": {"submit_button": "Book Biff"}},
    "meta": {"shop": 4},
    "reminders": [{"type": "email", "when": {"type": "before", "unit": "hours", "time": 1}}],
}


def test_a_project_is_made_of_an_event_type_with_its_team_and_hours(place: Place) -> None:
    made = place.made(PROJECTS, PROJECT | {"resources": [place.colleague_id, place.resource_id]})
    for name in ("name", "slug", "availability", "availability_constraints", "customer_fields", "meta", "reminders"):
        assert made[name] == PROJECT[name]
    assert made["booking"] == PROJECT["booking"]
    assert made["ui"]["localization"]["submit_button"] == "Book Biff"
    assert made["ui"]["localization"]["success_message"]
    stored = EventType.objects.for_tenant(place.organisation).get(slug="haircut-and-beard")
    assert (stored.durations, stored.slot_interval, stored.minimum_notice, stored.window_days) == ([60], 30, 120, 28)
    assert (stored.buffer_before, stored.buffer_after, stored.place_detail) == (15, 15, "Sesame St")
    assert (stored.needs_confirmation, stored.pending_blocks) == (True, False)
    assert stored.schedule is not None
    assert stored.schedule.weekly == [[[540, 1020]]] * 5 + [[], []]
    team = offers.teams_of([stored])[stored.pk]
    assert [member.host for member in team.members] == [place.colleague, place.host]
    assert place.get(f"{PROJECTS}/{made['id']}").json()["data"] == made
    with_team = place.get(f"{PROJECTS}/{made['id']}?include=resources").json()["data"]["resources"]
    assert [each["id"] for each in with_team] == [place.colleague_id, place.resource_id]


def test_a_project_offers_and_books_by_its_own_settings(place: Place) -> None:
    project = place.made(PROJECTS, PROJECT | {"resources": [place.resource_id]})
    body = {"project_id": project["id"], "from": MONDAY, "to": "2027-03-02", "output_timezone": "Europe/Berlin"}
    assert place.post("/v2/availability", body).json()["data"] == []  # more than four weeks ahead
    changed = place.put(f"{PROJECTS}/{project['id']}", {"availability": PROJECT["availability"] | {"to": "1000 days"}})
    assert changed.status_code == 200
    slots = place.post("/v2/availability", body).json()["data"]
    assert [slot["start"][11:16] for slot in slots][:3] == ["09:00", "09:30", "10:00"]
    asked = place.booking(project_id=project["id"], graph=None, action=None, what=None, where=None)
    booking = place.made(BOOKINGS, asked | {"start": slots[0]["start"], "end": slots[0]["end"]})
    assert (booking["graph"], booking["state"]) == ("confirm_decline", "tentative")
    info = booking["attributes"]["event_info"]
    assert (info["what"], info["where"]) == ("A haircut", "Sesame St")


def test_a_project_that_staff_made_is_told_in_the_same_words(place: Place) -> None:
    place.project.durations, place.project.slot_interval, place.project.buffer_before = [45, 60], 15, 10
    place.project.buffer_after = 10
    place.project.save()
    Question.everywhere.create(
        organisation=place.organisation,
        **{
            "event_type": place.project,
            "key": "size",
            "label": "Size",
            "kind": Question.Kind.SELECT,
            "options": ["M", "L"],
        },
    )
    told = place.get(f"{PROJECTS}/{place.project_id}").json()["data"]
    assert told["availability"] == {
        "mode": "roundrobin_random",
        "length": "45 minutes",
        "buffer": "10 minutes",
        "timeslot_increments": "15 minutes",
    }
    assert told["booking"] == {"graph": "instant"}
    assert list(told["customer_fields"]) == ["name", "email", "size"]
    assert told["customer_fields"]["size"]["enum"] == ["M", "L"]


def test_the_resources_of_a_project_are_set_added_and_removed(place: Place) -> None:
    path = f"{PROJECTS}/{place.project_id}/resources"
    third = place.made(RESOURCES, {"name": "Third", "timezone": "UTC"})["id"]

    def ids(answer: Any) -> set[str]:
        assert answer.status_code in (200, 201)
        return {each["id"] for each in answer.json()["data"]}

    assert ids(place.get(path)) == {place.resource_id, place.colleague_id}
    assert ids(place.post(path, {"resource_id": third})) == {place.resource_id, place.colleague_id, third}
    assert place.delete(f"{path}/{place.resource_id}").status_code == 204
    assert ids(place.get(path)) == {place.colleague_id, third}
    assert place.delete(f"{path}/{place.resource_id}").status_code == 404
    assert ids(place.put(path, {"resources": [place.resource_id]})) == {place.resource_id}
    assert ids(place.put(path, f'["{third}"]'.encode())) == {third}
    for wrong in (b'["x"]', b'[[{"a":1}]]', b'{"resources": "x"}', b"{}"):
        assert place.put(path, wrong).status_code in (200, 422)
    assert place.put(path, b"[").status_code == 400
    assert place.post(path, {"resource_id": "x"}).status_code == 422


def test_a_deleted_project_is_gone_and_its_bookings_stay(place: Place) -> None:
    booking = place.made(BOOKINGS, place.booking(project_id=place.project_id))
    assert place.delete(f"{PROJECTS}/{place.project_id}").status_code == 204
    gone = place.get(f"{PROJECTS}/{place.project_id}")
    assert (gone.status_code, gone.json()) == (404, {"error": "Resource does not exist", "model": "Project"})
    assert place.get(f"{BOOKINGS}/{booking['id']}").json()["data"]["project_id"] is None


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"name": None}, ["name"]),
        ({"slug": "ä ö"}, ["slug"]),
        ({"slug": "haircut"}, ["slug"]),
        ({"resources": ["x"]}, ["resources.0"]),
        ({"availability": []}, ["availability"]),
        ({"availability": {"mode": "x"}}, ["availability.mode"]),
        ({"availability": {"length": "x"}}, ["availability.length"]),
        ({"availability": {"length": "0 minutes"}}, ["availability.length"]),
        ({"availability": {"length": "99999 weeks"}}, ["availability.length"]),
        ({"availability": {"buffer": "3 days"}}, ["availability.buffer"]),
        ({"availability": {"to": "x", "from": {}}}, ["availability.from", "availability.to"]),
        ({"availability": {"to": "99999 weeks"}}, ["availability.to"]),
        ({"booking": {"graph": "x"}}, ["booking.graph"]),
        ({"ui": "x", "customer_fields": 4, "meta": []}, ["customer_fields", "meta", "ui"]),
        (
            {"availability_constraints": [{"block_period": {"start": MONDAY, "end": MONDAY}}]},
            ["availability_constraints"],
        ),
    ],
    ids=str,
)
def test_a_project_that_cannot_be_made_says_why(place: Place, changes: dict[str, Any], fields: list[str]) -> None:
    answer = place.post(PROJECTS, PROJECT | changes)
    assert (answer.status_code, sorted(answer.json()["errors"])) == (422, fields)
    assert EventType.objects.for_tenant(place.organisation).count() == 1


@pytest.mark.parametrize("path", [RESOURCES, CALENDARS, f"{PROJECTS}?include=resources"])
def test_listing_costs_the_same_for_many(place: Place, path: str) -> None:
    def cost() -> int:
        place.get(path)  # ids are given when something is first shown
        with CaptureQueriesContext(connection) as caught:
            place.get(path)
        return len(caught)

    few = cost()
    for number in range(6):
        resource = place.made(RESOURCES, {"name": f"Resource {number}", "timezone": "UTC"})
        place.made(
            PROJECTS, PROJECT | {"name": f"Project {number}", "slug": f"p{number}", "resources": [resource["id"]]}
        )
    assert cost() == few <= 20


def test_what_this_server_kept_is_not_shared_with_other_surfaces(place: Place) -> None:
    made = place.made(PROJECTS, PROJECT)
    stored = EventType.objects.for_tenant(place.organisation).get(slug="haircut-and-beard")
    assert refs.kept("leadconnector", "event_type", [stored])[stored.pk] == {}
    assert refs.kept("timekit", "event_type", [stored])[stored.pk]["meta"] == made["meta"]
