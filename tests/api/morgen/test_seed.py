"""The calls of Morgen's sync service as its page shows them, header for header."""

from __future__ import annotations

import json
import re
from typing import Any

from django.test import Client

from tests.api.morgen.worlds import World

FORM = "application/x-www-form-urlencoded"
"""What curl calls a body that it is not told the type of, as on the page."""


def curl(world: World, path: str, body: Any) -> Any:
    return Client().generic(
        "POST",
        path,
        json.dumps(body),
        content_type=FORM,
        headers={"accept": "application/json", "Authorization": f"Bearer {world.secret}"},
    )


def made(world: World, **fields: Any) -> dict[str, Any]:
    body = {"calendarId": world.calendar_id, "title": "Chat", "start": "2027-03-01T10:15:00"} | fields
    answer = curl(world, "/v1/events/create", body)
    assert answer.status_code == 200, answer.content
    event: dict[str, Any] = answer.json()["data"]["event"]
    return event


def listed(world: World) -> list[dict[str, Any]]:
    path = f"/v1/events/list?calendarIds={world.calendar_id}&start=2027-03-01T00:00:00Z&end=2027-04-01T00:00:00Z"
    answer = Client().get(path, headers={"accept": "application/json", "Authorization": f"Bearer {world.secret}"})
    assert answer.status_code == 200
    events: list[dict[str, Any]] = answer.json()["data"]["events"]
    return events


DOCUMENTED: dict[str, Any] = {
    "title": "Chat about Morgen",
    "description": "<html><body>Description of event, possibly in HTML format.</body></html>",
    "descriptionContentType": "text/html",
    "start": "2027-03-01T10:15:00",
    "duration": "PT25M",
    "showWithoutTime": False,
    "timeZone": "Europe/Berlin",
    "privacy": "public",
    "freeBusyStatus": "free",
    "locations": {"1": {"@type": "Location", "name": "Morgen HQ, Forrlibuckstrasse 223"}},
    "participants": {
        "ZGF2aWRAbW9yZ2Vu0000": {
            "@type": "Participant",
            "name": "John Doe",
            "email": "doe@morgen.so",
            "roles": {"attendee": True, "owner": True},
            "participationStatus": "needs-action",
        },
    },
    "alerts": {
        "1": {
            "@type": "Alert",
            "trigger": {"@type": "OffsetTrigger", "offset": "-PT15M", "relativeTo": "start"},
            "action": "display",
        },
    },
}


def test_a_listed_event_has_every_documented_field(world: World) -> None:
    mine = {
        "@type": "Participant",
        "name": "Willie White",
        "email": world.host.email,
        "roles": {"attendee": True},
        "participationStatus": "needs-action",
    }
    people = DOCUMENTED["participants"] | {"bWFyY29AbW9yZ2Vu0000": mine}
    made(world, **DOCUMENTED | {"participants": people})
    [event] = listed(world)
    assert event["@type"] == "Event"
    assert event["id"].startswith("WyJ")
    assert event["calendarId"] == world.calendar_id
    assert re.fullmatch(r"[0-9a-f]{24}", event["accountId"])
    assert event["integrationId"] == "local"
    assert isinstance(event["baseEventId"], str)
    assert event["baseEventId"]
    for moment in (event["created"], event["updated"]):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", moment)
    for name, value in DOCUMENTED.items():
        if name != "participants":
            assert event[name] == value, name
    doe, white = event["participants"].values()
    assert DOCUMENTED["participants"]["ZGF2aWRAbW9yZ2Vu0000"].items() <= doe.items()
    assert (mine | {"accountOwner": True}).items() <= white.items()
    assert "accountOwner" not in doe
    assert "masterBaseEventId" not in event


def test_an_update_changes_the_title_and_nothing_else(world: World) -> None:
    before = made(world, **DOCUMENTED)
    answer = curl(world, "/v1/events/update", {"id": before["id"], "title": "Title updated"})
    assert answer.status_code == 200
    after = answer.json()["data"]["event"]
    changes = {name for name in after if after[name] != before.get(name)}
    assert changes - {"updated", "sequence"} == {"title"}
    assert after["title"] == listed(world)[0]["title"] == "Title updated"


def test_a_deleted_event_is_no_longer_listed(world: World) -> None:
    event = made(world)
    assert curl(world, "/v1/events/delete", {"id": event["id"]}).status_code == 204
    assert listed(world) == []
