"""Bookings as Morgen's clients see them: events whose time is asked for when it changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bookings.domain.availability import check, of_host
from bookings.models import AuditEntry, Booking, Claim
from tests import factories
from tests.api.morgen.worlds import World, refused

TEN = 1_804_150_800
"""2027-03-04 09:00 UTC, ten o'clock in Berlin."""
AT_TEN = {"start": "2027-03-04T10:00:00", "duration": "PT1H", "timeZone": "Europe/Berlin", "showWithoutTime": False}


@pytest.fixture
def booking(world: World) -> Booking:
    return factories.booking(world.host, start=TEN, title="Consultation")


def only(world: World) -> dict[str, Any]:
    [event] = world.listed()
    found: dict[str, Any] = event
    return found


def is_free(world: World, start: int) -> bool:
    return check(replace(of_host(world.host, minutes=60, notice=0), latest=None), start).ok


def test_a_booking_is_listed_as_an_event(world: World, booking: Booking) -> None:
    event = only(world)
    assert event["title"] == "Consultation"
    assert {name: event[name] for name in AT_TEN} == AT_TEN
    assert event["status"] == "confirmed"
    assert world.read(event["id"]).json()["data"]["event"] == event


def test_its_time_moves_where_it_is_free(world: World, booking: Booking) -> None:
    event = only(world)
    answer = world.update(event["id"], **AT_TEN | {"start": "2027-03-04T14:00:00", "timeZone": "Asia/Tokyo"})
    assert answer.status_code == 200
    moved = answer.json()["data"]["event"]
    assert (moved["id"], moved["start"], moved["timeZone"]) == (event["id"], "2027-03-04T06:00:00", "Europe/Berlin")
    booking.refresh_from_db()
    assert (booking.start_s, booking.end_s) == (TEN - 4 * 3600, TEN - 3 * 3600)
    assert is_free(world, TEN)
    assert not is_free(world, TEN - 4 * 3600)
    longer = world.update(event["id"], **AT_TEN | {"duration": "PT2H"}).json()["data"]["event"]
    assert (longer["start"], longer["duration"]) == ("2027-03-04T10:00:00", "PT2H")


def test_a_time_that_is_taken_is_refused_with_the_next_free_ones(world: World, booking: Booking) -> None:
    factories.booking(world.host, start=TEN + 3 * 3600)
    event = world.listed()[0]
    for start in ("2027-03-04T12:30:00", "2027-03-04T13:59:00"):
        answer = world.update(event["id"], **AT_TEN | {"start": start}, title="New")
        assert refused(answer, 409)
        assert answer.json()["error"] == "Conflict"
        assert answer.json()["reason"]
        assert all(each.endswith("Z") for each in answer.json()["nextFree"])
    booking.refresh_from_db()
    assert (booking.start_s, booking.title) == (TEN, "Consultation")
    assert world.listed()[0] == event


def test_a_plain_event_written_over_a_booking_is_accepted(world: World, booking: Booking) -> None:
    assert world.create(**AT_TEN)["start"] == AT_TEN["start"]
    booking.refresh_from_db()
    assert booking.conflict


def test_what_it_says_is_changed_in_the_booking_too(world: World, booking: Booking) -> None:
    event = only(world)
    part = {
        "title": "Second consultation",
        "description": "Bring papers",
        "locations": {"1": {"@type": "Location", "name": "Room 5"}},
        "privacy": "private",
        "participants": {"cy@example.com": {"name": "Cy", "roles": {"attendee": True}}},
    }
    changed = world.update(event["id"], **part).json()["data"]["event"]
    for name in ("title", "description", "locations", "privacy"):
        assert changed[name] == part[name], name
    assert "cy@example.com" in [each["email"] for each in changed["participants"].values()]
    assert {name: changed[name] for name in AT_TEN} == AT_TEN
    booking.refresh_from_db()
    assert (booking.title, booking.description, booking.location) == (
        "Second consultation",
        "Bring papers",
        "Room 5",
    )
    assert Claim.everywhere.get(booking=booking).start_s == TEN


@pytest.mark.parametrize(
    ("part", "named"),
    [
        ({"recurrenceRules": [{"frequency": "daily"}]}, "recurrenceRules"),
        (AT_TEN | {"showWithoutTime": True, "duration": "P1D"}, "showWithoutTime"),
        (AT_TEN | {"timeZone": None}, "timeZone"),
        (AT_TEN | {"duration": "PT0S"}, "duration"),
        (AT_TEN | {"duration": "P40D"}, "duration"),
    ],
)
def test_what_a_booking_cannot_become(world: World, booking: Booking, part: dict[str, Any], named: str) -> None:
    event = only(world)
    assert named in refused(world.update(event["id"], **part), 400)
    assert only(world) == event


def test_sent_back_whole_it_stays_as_it_is(world: World, booking: Booking) -> None:
    event = only(world)
    assert world.post("/v3/events/update", event).json()["data"]["event"] == event
    assert AuditEntry.everywhere.filter(action="booking.moved").count() == 0


@pytest.mark.parametrize("mode", ["", "single", "future", "all"])
def test_a_deletion_cancels_it(world: World, booking: Booking, mode: str) -> None:
    event = only(world)
    assert world.delete(event["id"], mode).status_code == 204
    booking.refresh_from_db()
    assert (booking.state, booking.cancelled_by) == (Booking.State.CANCELLED, "host")
    assert world.listed() == []
    assert is_free(world, TEN)
    refused(world.read(event["id"]), 404)
    factories.booking(world.host, start=TEN, title="Consultation")
    assert only(world)["id"] != event["id"]


def test_its_host_can_answer(world: World, booking: Booking) -> None:
    event = only(world)
    assert world.post("/v1/events/tentativelyAccept", {"id": event["id"]}).status_code == 204
    [me] = only(world)["participants"].values()
    assert (me["participationStatus"], me["accountOwner"]) == ("tentative", True)
    assert not is_free(world, TEN)


def test_a_room_is_asked_for_like_for_any_event(world: World, booking: Booking) -> None:
    event = only(world)
    changed = world.update(event["id"], **{"morgen.so:requestVirtualRoom": "default"}).json()["data"]["event"]
    assert changed["morgen.so:derived"]["virtualRoom"]["url"].startswith("https://")
