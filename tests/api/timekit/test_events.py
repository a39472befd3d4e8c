"""POST /v2/events as the vendor's page describes it, and its neighbours."""

from __future__ import annotations

import re
import uuid
from datetime import datetime

import pytest
from django.test import Client

from bookings.models import Busy, Event
from tests.api.timekit.worlds import EVENTS, Place, basic

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
