"""POST /v2/events as the vendor's page describes it, and its neighbours."""

from __future__ import annotations

import re
import uuid
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bookings.domain import calendar, refs
from bookings.domain.audit import SYSTEM
from bookings.engine.zones import wall
from bookings.formats.event import EventData
from bookings.models import Busy, Event
from tests import factories
from tests.api.timekit.worlds import BOOKINGS, EVENTS, MONDAY, Place, basic

EVERYTHING = {
    "description": "A custom description",
    "invite": True,
    "participants": ["marty.mcfly@timekit.io"],
    "my_rsvp": "tentative",
    "all_day": False,
    "sync_provider": False,
    "free": False,
}


def test_the_documented_request_gets_an_event_with_every_documented_field(place: Place) -> None:
    body = f"""{{
  "calendar_id": "{place.calendar_id}",
  "start": "2027-03-01T10:00:00+01:00",
  "end": "2027-03-01T11:30:00+01:00",
  "what": "Coffee with Peter",
  "where": "Sesame St, Middleburg, FL 32068, USA",
  "participants": [
    "marty.mcfly@timekit.io"
  ]
}}"""
    answer = Client().generic(
        "POST",
        "/v2/events",
        body,
        content_type="application/json",
        headers={"Authorization": basic("", place.app_key), "Timekit-App": "back-to-the-future"},
    )
    assert (answer.status_code, answer["Content-Type"]) == (201, "application/json; charset=utf-8")
    assert set(answer.json()) == {"data"}
    event = answer.json()["data"]
    assert uuid.UUID(event["id"])
    assert (event["what"], event["where"]) == ("Coffee with Peter", "Sesame St, Middleburg, FL 32068, USA")
    assert (event["start"], event["end"]) == ("2027-03-01T10:00:00+01:00", "2027-03-01T11:30:00+01:00")
    assert (event["description"], event["all_day"], event["invite"], event["rsvp"]) == ("", False, False, "accepted")
    assert event["participants"] == ["marty.mcfly@timekit.io"]
    assert event["free"] is False
    assert (event["calendar"]["id"], event["calendar"]["name"]) == (place.calendar_id, place.calendar.name)
    for name in ("created_at", "updated_at"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000", event[name])
        assert datetime.fromisoformat(event[name])


def test_every_parameter_is_kept(place: Place) -> None:
    event = place.made(EVENTS, place.event(**EVERYTHING))
    read = place.get(f"{EVENTS}/{event['id']}").json()["data"]
    assert read == event
    for name in ("description", "invite", "participants", "all_day", "free"):
        assert read[name] == EVERYTHING[name]


def test_an_event_blocks_time_unless_it_is_marked_free(place: Place) -> None:
    place.made(EVENTS, place.event())
    assert [row.kind for row in Busy.objects.for_tenant(place.organisation)] == [Event.Busy.BUSY]
    for name in ("free", "transparent", "ignore_availability", "ignored"):
        event = place.made(EVENTS, place.event(**{name: True}))
        assert event["free"] is True
    assert Busy.objects.for_tenant(place.organisation).filter(kind=Event.Busy.FREE).count() == 4


@pytest.mark.parametrize("missing", ["calendar_id", "start", "end", "what", "where"])
def test_what_is_required_must_be_there(place: Place, missing: str) -> None:
    for value in (None, ""):
        body = place.event() | {missing: value}
        answer = place.post(EVENTS, body)
        assert (answer.status_code, list(answer.json()["errors"])) == (422, [missing])
    assert not Event.objects.for_tenant(place.organisation).exists()


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"calendar_id": "none"}, ["calendar_id"]),
        ({"calendar_id": 5}, ["calendar_id"]),
        ({"start": "soon", "end": {}}, ["end", "start"]),
        ({"start": "2027-02-30T10:00:00Z"}, ["start"]),
        ({"start": "2027-03-01T24:00:00Z"}, ["start"]),
        ({"start": "2027-03-01T10:00:00+99:00"}, ["start"]),
        ({"start": "0001-01-01T00:00:00Z"}, ["start"]),
        ({"end": f"{MONDAY}T10:00:00+01:00"}, ["end"]),
        ({"what": "x" * 1025}, ["what"]),
        ({"what": "a\r\nBcc: b"}, ["what"]),
        ({"what": ["x"]}, ["what"]),
        ({"where": "x" * 1025}, ["where"]),
        ({"description": {}}, ["description"]),
        ({"participants": "marty@example.org"}, ["participants"]),
        ({"participants": ["marty", 7]}, ["participants.0", "participants.1"]),
        ({"my_rsvp": "maybe"}, ["my_rsvp"]),
        (
            {"invite": "yes", "all_day": 2, "free": [], "sync_provider": {}},
            ["all_day", "free", "invite", "sync_provider"],
        ),
    ],
    ids=str,
)
def test_a_value_that_cannot_be_used_is_named(place: Place, changes: dict[str, Any], fields: list[str]) -> None:
    answer = place.post(EVENTS, place.event() | changes)
    assert (answer.status_code, sorted(answer.json()["errors"])) == (422, fields)
    assert not Event.objects.for_tenant(place.organisation).exists()


def test_unknown_keys_are_ignored(place: Place) -> None:
    event = place.made(EVENTS, place.event(fakingit=True, resource_id=place.resource_id))
    assert "fakingit" not in event


@pytest.mark.parametrize(
    ("given", "told"), [(True, True), (1, True), ("1", True), ("true", True), ("0", False), (None, False)]
)
def test_flags_are_taken_as_the_vendors_framework_takes_them(place: Place, given: Any, told: bool) -> None:
    assert place.made(EVENTS, place.event(invite=given))["invite"] is told


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        (MONDAY, "2027-03-02", 1),
        (MONDAY, MONDAY, 1),
        (MONDAY, "2027-03-04", 3),
        (f"{MONDAY}T00:00:00+01:00", "2027-03-02T00:00:00+01:00", 1),
        (f"{MONDAY}T09:00:00+01:00", f"{MONDAY}T17:00:00+01:00", 1),
        (f"{MONDAY}T09:00:00+01:00", "2027-03-02T17:00:00+01:00", 2),
        (f"{MONDAY}T00:00:00+01:00", f"{MONDAY}T23:59:59+01:00", 1),
        ("2027-02-28T23:30:00Z", f"{MONDAY}T22:30:00Z", 1),
    ],
    ids=str,
)
def test_an_all_day_event_fills_the_days_of_the_calendar(place: Place, start: str, end: str, days: int) -> None:
    event = place.made(EVENTS, place.event(all_day=True, start=start, end=end))
    assert event["all_day"] is True
    assert (event["start"], event["end"]) == (f"{MONDAY}T00:00:00+01:00", f"2027-03-{1 + days:02}T00:00:00+01:00")
    stored = Event.objects.for_tenant(place.organisation).get()
    assert (stored.all_day, stored.duration) == (True, days * 86_400)


def test_an_all_day_event_over_the_clock_change_ends_at_midnight(place: Place) -> None:
    event = place.made(EVENTS, place.event(all_day=True, start="2027-03-28", end="2027-03-29"))
    assert (event["start"], event["end"]) == ("2027-03-28T00:00:00+01:00", "2027-03-29T00:00:00+02:00")


def test_my_rsvp_counts_when_the_owner_is_among_the_participants(place: Place) -> None:
    both = ["marty.mcfly@timekit.io", place.host.email.upper()]
    for given in ("accepted", "needsAction", "declined", "tentative"):
        event = place.made(EVENTS, place.event(participants=both, my_rsvp=given))
        assert (event["rsvp"], sorted(event["participants"])) == (given, sorted(both))
    alone = place.made(EVENTS, place.event(participants=both[:1], my_rsvp="declined"))
    assert (alone["rsvp"], alone["participants"]) == ("accepted", both[:1])
    assert place.made(EVENTS, place.event(participants=both))["rsvp"] == "accepted"


def test_an_event_whose_owner_declines_it_blocks_nothing(place: Place) -> None:
    event = place.made(EVENTS, place.event(participants=[place.host.email], my_rsvp="declined"))
    assert not Busy.objects.for_tenant(place.organisation).exists()
    place.put(f"{EVENTS}/{event['id']}", {"my_rsvp": "accepted"})
    assert Busy.objects.for_tenant(place.organisation).count() == 1


def test_events_may_lie_over_each_other_and_over_bookings(place: Place) -> None:
    place.made(BOOKINGS, place.booking())
    for _ in range(2):
        place.made(EVENTS, place.event(start=f"{MONDAY}T10:00:00Z", end=f"{MONDAY}T11:00:00Z"))
    assert Event.objects.for_tenant(place.organisation).count() == 3


def test_a_calendar_that_is_read_only_takes_no_events(place: Place) -> None:
    place.calendar.is_writable = False
    place.calendar.save()
    answer = place.post(EVENTS, place.event())
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["calendar_id"])


def test_what_is_given_is_changed_and_nothing_else(place: Place) -> None:
    event = place.made(EVENTS, place.event(**EVERYTHING))
    path = f"{EVENTS}/{event['id']}"
    changed = place.put(path, {"what": "Tea", "start": "2027-03-02T10:00:00+01:00"})
    assert changed.status_code == 200
    assert changed.json()["data"] == event | {
        "what": "Tea",
        "start": "2027-03-02T10:00:00+01:00",
        "end": "2027-03-02T11:00:00+01:00",
        "updated_at": changed.json()["data"]["updated_at"],
    }
    longer = place.put(path, {"end": "2027-03-02T12:30:00+01:00", "participants": [], "free": True}).json()["data"]
    assert (longer["end"], longer["participants"], longer["free"]) == ("2027-03-02T12:30:00+01:00", [], True)
    whole = place.put(path, {"all_day": True}).json()["data"]
    assert (whole["start"], whole["all_day"]) == ("2027-03-02T00:00:00+01:00", True)
    timed = place.put(path, {"all_day": False, "start": f"{MONDAY}T08:00:00Z", "end": f"{MONDAY}T09:00:00Z"}).json()
    assert (timed["data"]["start"], timed["data"]["all_day"]) == (f"{MONDAY}T09:00:00+01:00", False)
    for wrong in ({"what": ""}, {"end": "2020-01-01T00:00:00Z"}, {"start": "x"}):
        assert place.put(path, wrong).status_code == 422
    assert place.get(path).json()["data"]["what"] == "Tea"


def test_an_event_stays_in_its_calendar(place: Place) -> None:
    event = place.made(EVENTS, place.event())
    path = f"{EVENTS}/{event['id']}"
    assert place.put(path, {"calendar_id": place.calendar_id, "what": "Lunch"}).json()["data"]["what"] == "Lunch"
    other = refs.ref("timekit", "calendar", factories.local_calendar(place.colleague))
    answer = place.put(path, {"calendar_id": other, "what": "Dinner"})
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["calendar_id"])
    assert place.get(path).json()["data"]["what"] == "Lunch"


def test_a_deleted_event_is_gone(place: Place) -> None:
    event = place.made(EVENTS, place.event())
    path = f"{EVENTS}/{event['id']}"
    answer = place.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    for gone in (place.get(path), place.put(path, {"what": "x"}), place.delete(path)):
        assert (gone.status_code, gone.json()) == (404, {"error": "Resource does not exist", "model": "Event"})
    assert not Busy.objects.for_tenant(place.organisation).exists()


def listed(place: Place, query: str = "", **headers: str) -> list[dict[str, Any]]:
    answer = place.get(f"{EVENTS}?start={MONDAY}T00:00:00%2B01:00&end=2027-03-08T00:00:00 01:00{query}", **headers)
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def test_a_window_lists_events_and_the_events_of_bookings(place: Place) -> None:
    early = place.made(EVENTS, place.event(start="2027-02-28T23:00:00+01:00", end=f"{MONDAY}T00:30:00+01:00"))
    place.made(EVENTS, place.event(start="2027-02-28T23:00:00+01:00", end=f"{MONDAY}T00:00:00+01:00"))
    place.made(EVENTS, place.event(start="2027-03-08T00:00:00+01:00", end="2027-03-08T01:00:00+01:00"))
    place.made(BOOKINGS, place.booking())
    gone = place.made(EVENTS, place.event())
    place.delete(f"{EVENTS}/{gone['id']}")
    found = listed(place)
    assert [each["what"] for each in found] == ["Strategy meeting", "Mens haircut"]
    assert found[0] == early
    assert [each["what"] for each in listed(place, "&sortedBy=desc")] == ["Mens haircut", "Strategy meeting"]


def test_a_window_may_be_narrowed_to_a_calendar(place: Place) -> None:
    other = refs.ref("timekit", "calendar", factories.local_calendar(place.colleague))
    place.made(EVENTS, place.event())
    theirs = place.made(EVENTS, place.event(calendar_id=other))
    for query in (f"&calendar_id={other}", f"&search=calendar.id:{other}"):
        assert [each["id"] for each in listed(place, query)] == [theirs["id"]]
    assert listed(place, "&calendar_id=nonsense") == []


@pytest.mark.parametrize("query", ["start=x", "end=2027-03-01&start=2027-03-02", "start=2027-01-01&end=2029-01-01"])
def test_a_window_that_is_none_is_refused(place: Place, query: str) -> None:
    assert place.get(f"{EVENTS}?{query}").status_code == 422


def series(place: Place, **changes: Any) -> Event:
    """Every day at nine in Berlin, from that Monday on, three times."""
    data = EventData("Stand-up", wall(2027, 3, 1, 9), "Europe/Berlin", 900, recurrence_rules=("FREQ=DAILY;COUNT=3",))
    return calendar.create(place.calendar, replace(data, **changes), actor=SYSTEM)


def test_each_occurrence_of_a_series_is_listed_with_an_id_of_its_own(place: Place) -> None:
    series(place)
    found = listed(place)
    assert [each["start"] for each in found] == [f"2027-03-0{day}T09:00:00+01:00" for day in (1, 2, 3)]
    assert len({each["id"] for each in found}) == 3
    for each in found:
        assert place.get(f"{EVENTS}/{each['id']}").json()["data"] == each


def test_one_occurrence_is_changed_or_deleted_without_the_others(place: Place) -> None:
    series(place)
    first, second, third = listed(place)
    changed = place.put(f"{EVENTS}/{second['id']}", {"what": "Retrospective", "start": "2027-03-02T15:00:00+01:00"})
    assert changed.status_code == 200
    moved = changed.json()["data"]
    assert (moved["what"], moved["end"]) == ("Retrospective", "2027-03-02T15:15:00+01:00")
    assert moved["id"] == second["id"]
    assert place.get(f"{EVENTS}/{second['id']}").json()["data"] == moved
    assert place.delete(f"{EVENTS}/{third['id']}").status_code == 204
    assert [each["id"] for each in listed(place)] == [first["id"], second["id"]]
    assert place.get(f"{EVENTS}/{third['id']}").status_code == 404
    assert place.delete(f"{EVENTS}/{moved['id']}").status_code == 204
    assert [each["id"] for each in listed(place)] == [first["id"]]


@pytest.mark.parametrize("suffix", ["_1", "_-5", "_99999999999999", "_x", "_", "__1", "_١"])
def test_an_occurrence_that_never_happens_is_not_there(place: Place, suffix: str) -> None:
    series(place)
    base = listed(place)[0]["id"].partition("_")[0]
    for method, body in (("GET", None), ("PUT", {"what": "x"}), ("DELETE", None)):
        assert place.call(method, f"{EVENTS}/{base}{suffix}", body).status_code == 404


def test_a_whole_series_is_changed_by_its_own_id(place: Place) -> None:
    series(place, timezone="America/New_York")
    base = listed(place)[0]["id"].partition("_")[0]
    assert place.put(f"{EVENTS}/{base}", {"start": "2027-03-01T17:00:00+01:00"}).status_code == 200
    assert [each["start"][8:16] for each in listed(place)] == ["01T17:00", "02T17:00", "03T17:00"]
    assert Event.objects.for_tenant(place.organisation).get().timezone == "America/New_York"


def test_the_event_of_a_booking_moves_the_booking(place: Place) -> None:
    booking = place.made(BOOKINGS, place.booking())
    place.made(BOOKINGS, place.booking(start=f"{MONDAY}T12:00:00Z", end=f"{MONDAY}T13:00:00Z"))
    path = f"{EVENTS}/{listed(place)[0]['id']}"
    moved = place.put(path, {"start": f"{MONDAY}T14:00:00Z", "where": "Here", "participants": ["doc@example.org"]})
    assert moved.status_code == 200
    assert set(moved.json()["data"]["participants"]) == {place.host.email, "marty.mcfly@timekit.io", "doc@example.org"}
    info = place.get(f"{BOOKINGS}/{booking['id']}").json()["data"]["attributes"]["event_info"]
    assert (info["start"], info["where"]) == (f"{MONDAY}T15:00:00+01:00", "Here")
    taken = place.put(path, {"start": f"{MONDAY}T12:30:00Z"})
    assert (taken.status_code, list(taken.json()["errors"])) == (422, ["start"])
    assert place.delete(path).status_code == 204
    assert place.get(f"{BOOKINGS}/{booking['id']}").json()["data"]["state"] == "cancelled"


def test_listing_costs_the_same_for_many_events(place: Place) -> None:
    def cost() -> int:
        listed(place)  # ids are given when something is first shown
        with CaptureQueriesContext(connection) as caught:
            listed(place)
        return len(caught)

    for day in (1, 2):
        place.made(EVENTS, place.event(participants=["a@example.org"]))
        place.made(BOOKINGS, place.booking(start=f"2027-03-0{day}T15:00:00Z", end=f"2027-03-0{day}T16:00:00Z"))
    few = cost()
    for day in range(3, 8):
        place.made(EVENTS, place.event(participants=["b@example.org"]))
        place.made(BOOKINGS, place.booking(start=f"2027-03-0{day}T15:00:00Z", end=f"2027-03-0{day}T16:00:00Z"))
    assert cost() == few <= 20


def test_a_create_that_is_repeated_with_its_key_happens_once(place: Place) -> None:
    first, again = (place.post(EVENTS, place.event(), Idempotency_Key="k1") for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert Event.objects.for_tenant(place.organisation).count() == 1
    other = place.post(EVENTS, place.event(what="Else"), Idempotency_Key="k1")
    assert (other.status_code, set(other.json())) == (409, {"error"})
