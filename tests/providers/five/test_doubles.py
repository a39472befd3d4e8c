"""The doubles of the five refuse what the services refuse, so that what passes here passes there."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from bookings.engine.zones import zone
from bookings.formats.times import local
from providers.lab import leadconnector, morgen
from providers.lab.double import Asked, Told
from providers.lab.strict import Book, zulu
from tests.providers.five.conftest import BERLIN, DOUBLES, NAMES, soon

HEADERS = {
    "cronofy": {"authorization": "Bearer key"},
    "timekit": {"authorization": f"Basic {base64.b64encode(b':key').decode()}"},
    "morgen": {"authorization": "ApiKey key"},
    "leadconnector": {"authorization": "Bearer key", "version": "2021-04-15"},
    "morph": {"x-api-key": "pk_1", "x-api-secret": "key", "x-connector-id": "calendly", "x-owner-id": "owner-1"},
}
PATHS = {
    "cronofy": "/v1/calendars/work/events",
    "timekit": "/v2/events",
    "morgen": "/v3/events/create",
    "leadconnector": "/calendars/events/appointments",
    "morph": "/v1/resources/schedulingEvent",
}
GOOD: dict[str, dict[str, Any]] = {
    "cronofy": {"event_id": "1", "summary": "Call", "start": zulu(soon()), "end": zulu(soon(1))},
    "timekit": {"calendar_id": "work", "start": zulu(soon()), "end": zulu(soon(1)), "what": "Call", "where": "Office"},
    "morgen": {
        "accountId": morgen.ACCOUNT,
        "calendarId": "work",
        "title": "Call",
        "start": local(zone(BERLIN).to_wall(soon())),
        "duration": "PT1H",
        "timeZone": BERLIN,
        "showWithoutTime": False,
    },
    "leadconnector": {
        "calendarId": "work",
        "locationId": leadconnector.LOCATION,
        "contactId": "c",
        "startTime": zulu(soon()),
    },
    "morph": {"startTime": zulu(soon()), "externalAttendees": [], "answers": {}},
}
WRONG: list[tuple[str, dict[str, Any]]] = [
    ("cronofy", {"sumary": "x"}),
    ("cronofy", {"summary": "x" * 1025}),
    ("cronofy", {"transparency": "busy"}),
    ("cronofy", {"tzid": "Berlin"}),
    ("cronofy", {"start": "2027-03-01 10:00"}),
    ("cronofy", {"attendees": {"invite": [{"email": "nobody"}]}}),
    ("timekit", {"where": ""}),
    ("timekit", {"my_rsvp": "yes"}),
    ("timekit", {"invite": "false"}),
    ("timekit", {"participants": [{"email": "anna@example.org"}]}),
    ("timekit", {"end": zulu(soon(-1))}),
    ("timekit", {"calendar_id": "other"}),
    ("morgen", {"end": zulu(soon(1))}),
    ("morgen", {"start": zulu(soon())}),
    ("morgen", {"duration": "1 hour"}),
    ("morgen", {"timeZone": "CET/Berlin"}),
    ("morgen", {"freeBusyStatus": "tentative"}),
    ("morgen", {"participants": []}),
    ("leadconnector", {"appointmentStatus": "canceled"}),
    ("leadconnector", {"startTime": 1_800_000_000_000}),
    ("leadconnector", {"toNotify": "false"}),
    ("leadconnector", {"contact": "c"}),
    ("leadconnector", {"contactId": "unknown"}),
    ("leadconnector", {"locationId": "elsewhere"}),
    ("morph", {"status": "cancelled"}),
    ("morph", {"status": "canceled"}),
    ("morph", {"startTime": "2027-03-01T10:00:00+01:00"}),
    ("morph", {"duration": "30"}),
    ("morph", {"answers": {"sure": True}}),
    ("morph", {"externalAttendees": [{"firstName": "Anna"}]}),
]


def ask(double: Book, body: Any, headers: dict[str, str] | None = None) -> Told:
    given = HEADERS[double.name] if headers is None else headers
    return double.respond(Asked("POST", PATHS[double.name], (), given, json.dumps(body).encode()))


def made(name: str) -> Book:
    double = DOUBLES[name]()
    if isinstance(double, leadconnector.LeadConnectorDouble):
        double.contacts["c"] = {"id": "c", "email": "anna@example.org"}
    return double


@pytest.mark.parametrize("name", NAMES)
def test_a_good_body_makes_an_event(name: str) -> None:
    double = made(name)
    assert ask(double, GOOD[name]).status in (200, 201, 202)
    assert [double.span(held.fields)[0] for held in double.live()] == [soon()]


@pytest.mark.parametrize(("name", "change"), WRONG, ids=[f"{name} {next(iter(bad))}" for name, bad in WRONG])
def test_a_wrong_body_is_refused_and_makes_none(name: str, change: dict[str, Any]) -> None:
    double = made(name)
    told = ask(double, GOOD[name] | change)
    assert told.status in (400, 403, 422)
    assert double.live() == []


@pytest.mark.parametrize("name", NAMES)
def test_nobody_enters_without_the_key(name: str) -> None:
    double = made(name)
    assert ask(double, GOOD[name], {}).status == 401
    double.revoke()
    assert ask(double, GOOD[name]).status == 401


def test_timekit_ignores_what_it_does_not_know() -> None:
    double = made("timekit")
    assert ask(double, GOOD["timekit"] | {"fakingit": True}).status == 201
    assert "fakingit" not in double.live()[0].fields
