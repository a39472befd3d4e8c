"""Virtual rooms that are asked for with an event."""

from __future__ import annotations

import re
from typing import Any

import pytest

from bookings.models import Account, Event
from tests.api.morgen.worlds import World, refused

ROOM = "morgen.so:requestVirtualRoom"


def url(event: dict[str, Any]) -> str:
    return str(event["morgen.so:derived"]["virtualRoom"]["url"])


def test_a_default_room_is_there_at_once_and_stays(world: World) -> None:
    event = world.create(**{ROOM: "default"})
    assert re.fullmatch(r"https://[^/]+/[a-z2-7]{32}", url(event))
    assert event["virtualLocations"] == {"1": {"@type": "VirtualLocation", "uri": url(event)}}
    for part in ({"title": "New"}, {"virtualLocations": {}}, {"virtualLocations": None}, {ROOM: "default"}, event):
        changed = world.update(event["id"], **{"id": event["id"]} | part).json()["data"]["event"]
        assert url(changed) == url(event)
    assert Event.everywhere.get().conference["kind"] == "jitsi"
    assert url(world.create(**{ROOM: "default"})) != url(event)


def test_a_room_can_be_asked_for_later(world: World) -> None:
    event = world.create()
    assert "morgen.so:derived" not in event
    changed = world.update(event["id"], **{ROOM: "default"}).json()["data"]["event"]
    assert url(changed) == url(world.listed()[0])
    assert changed["title"] == event["title"]


def test_a_host_with_a_room_of_their_own_meets_there(world: World) -> None:
    world.host.room_url = "https://meet.example.com/robin"
    world.host.save()
    assert url(world.create(**{ROOM: "default"})) == "https://meet.example.com/robin"


@pytest.mark.parametrize(
    ("provider", "own", "other", "kind"),
    [("google", "googleMeet", "microsoftTeams", "meet"), ("microsoft", "microsoftTeams", "googleMeet", "teams")],
)
def test_services_give_rooms_of_their_own(world: World, provider: str, own: str, other: str, kind: str) -> None:
    Account.everywhere.filter(pk=world.calendar.account_id).update(provider=provider)
    for asked in ("default", own):
        event = world.create(**{ROOM: asked})
        kept = Event.everywhere.order_by("-created_at").first()
        assert kept is not None
        assert (kept.conference["kind"], kept.conference["state"]) == (kind, "requested")
        assert "morgen.so:derived" not in event
    assert ROOM in refused(world.post("/v3/events/create", world.body(**{ROOM: other})), 400)


@pytest.mark.parametrize("asked", ["googleMeet", "microsoftTeams", "zoom", "", True, {"kind": "default"}])
def test_rooms_that_are_not_to_be_had_here(world: World, asked: Any) -> None:
    assert ROOM in refused(world.post("/v3/events/create", world.body(**{ROOM: asked})), 400)
    assert world.listed() == []


def test_one_occurrence_or_all_get_a_room(world: World) -> None:
    world.create(recurrenceRules=[{"frequency": "daily", "count": 3}])
    named = world.listed()[1]["id"]
    world.update(named, "single", **{ROOM: "default"})
    assert ["morgen.so:derived" in each for each in world.listed()] == [False, True, False]
    world.update(named, "all", **{ROOM: "default"})
    assert ["morgen.so:derived" in each for each in world.listed()] == [True, True, True]
