"""A published client, guten-morgen, against a real server over TCP."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from guten_morgen import client as guten_morgen
from guten_morgen.client import MorgenClient, backfill_event_time_quartet
from guten_morgen.config import Settings
from guten_morgen.errors import AuthenticationError, MorgenAPIError, NotFoundError

from tests.api.live import Live

DAY = datetime.now(UTC).date() + timedelta(days=400)
WINDOW = (f"{DAY}T00:00:00", f"{DAY + timedelta(days=28)}T00:00:00")


@pytest.fixture(params=["v3 ApiKey", "v3 Bearer", "v1 ApiKey", "v1 Bearer"])
def client(request: pytest.FixtureRequest, server: Live, monkeypatch: pytest.MonkeyPatch) -> Iterator[MorgenClient]:
    """The client, pointed at us by its own settings; its answers to invitations always go to v1."""
    version, scheme = request.param.split()
    monkeypatch.setattr(guten_morgen, "SYNC_BASE_URL", f"{server.url}/v1")
    keys = server.demo["morgen"]
    bearer = keys["bearer"] if scheme == "Bearer" else None
    made = MorgenClient(Settings(keys["api_key"], f"{server.url}/{version}", bearer_token=bearer))
    clear(made, server)  # the demo has series without end
    yield made
    clear(made, server)
    made.close()


def clear(client: MorgenClient, server: Live) -> None:
    for event in client.list_all_events(*WINDOW):
        with contextlib.suppress(NotFoundError):  # gone with another occurrence of its series
            client.delete_event(places(server) | {"id": event.id}, series_update_mode="all")


def places(server: Live) -> dict[str, Any]:
    return {"accountId": server.demo["morgen"]["account_id"], "calendarId": server.demo["morgen"]["calendar_id"]}


def meeting(server: Live, **changes: Any) -> dict[str, Any]:
    return {
        **places(server),
        "title": "Chat about Morgen",
        "start": f"{DAY}T10:00:00",
        "duration": "PT30M",
        "timeZone": "Europe/Berlin",
        "showWithoutTime": False,
    } | changes


def starts(client: MorgenClient) -> list[str]:
    return [str(event.start) for event in client.list_all_events(*WINDOW)]


def test_it_finds_the_account_and_its_calendar(client: MorgenClient, server: Live) -> None:
    [account] = client.list_accounts()
    [calendar] = client.list_calendars()
    assert {"accountId": account.id, "calendarId": calendar.id} == places(server)
    assert calendar.accountId == account.id
    assert account.integrationGroups == ["calendars"]
    assert account.preferredEmail == "robin@example.com"


def test_it_makes_reads_moves_and_deletes_an_event(client: MorgenClient, server: Live) -> None:
    made = client.create_event(meeting(server, locations={"1": {"@type": "Location", "name": "Here"}}))
    assert made is not None
    assert made.calendar_uid
    [listed] = client.list_all_events(*WINDOW)
    assert listed == client.get_event(made.id) == made
    change: dict[str, Any] = places(server) | {"id": made.id, "start": f"{DAY}T15:00:00"}
    backfill_event_time_quartet(change, made)
    moved = client.update_event(change)
    assert moved is not None
    assert (moved.id, moved.start, moved.duration, moved.timeZone) == (
        made.id,
        f"{DAY}T15:00:00",
        "PT30M",
        "Europe/Berlin",
    )
    client.delete_event(places(server) | {"id": made.id})
    with pytest.raises(NotFoundError):
        client.get_event(made.id)


def test_it_changes_one_occurrence_what_follows_and_all(client: MorgenClient, server: Live) -> None:
    client.create_event(
        meeting(server, recurrenceRules=[{"@type": "RecurrenceRule", "frequency": "daily", "count": 4}])
    )

    def rename(index: int, title: str, mode: str) -> list[str | None]:
        named = client.list_all_events(*WINDOW)[index]
        client.update_event(places(server) | {"id": named.id, "title": title}, series_update_mode=mode)
        return [event.title for event in client.list_all_events(*WINDOW)]

    assert rename(0, "a", "all") == ["a"] * 4
    assert rename(1, "b", "single") == ["a", "b", "a", "a"]
    assert rename(2, "c", "future") == ["a", "b", "c", "c"]
    last = client.list_all_events(*WINDOW)[3]
    client.delete_event(places(server) | {"id": last.id}, series_update_mode="single")
    assert len(starts(client)) == 3
    client.delete_event(places(server) | {"id": client.list_all_events(*WINDOW)[0].id}, series_update_mode="future")
    assert starts(client) == [f"{DAY + timedelta(days=2)}T10:00:00"]


def test_it_answers_an_invitation(client: MorgenClient, server: Live) -> None:
    me = {"email": "robin@example.com", "roles": {"attendee": True}}
    made = client.create_event(meeting(server, participants={"me": me}))
    assert made is not None
    for action, status in (("accept", "accepted"), ("tentative", "tentative"), ("decline", "declined")):
        ids = (server.demo["morgen"]["calendar_id"], server.demo["morgen"]["account_id"])
        client.rsvp_event(action, made.id, *ids, notify_organizer=False, comment="Perhaps")
        people = client.get_event(made.id).participants
        assert people is not None
        assert people["me"]["participationStatus"] == status


def test_it_gets_a_virtual_room_and_names_a_calendar(client: MorgenClient, server: Live) -> None:
    made = client.create_event(meeting(server, **{"morgen.so:requestVirtualRoom": "default"}))
    assert made is not None
    names = {"id": places(server)["calendarId"], "accountId": places(server)["accountId"]}
    told = client.update_calendar(names | {"morgen.so:metadata": {"overrideName": "Mine"}})
    assert told is not None
    assert told["morgen.so:metadata"]["overrideName"] == "Mine"


def test_it_is_told_what_went_wrong(client: MorgenClient, server: Live) -> None:
    with pytest.raises(NotFoundError):
        client.get_event("WyJ4Il0")
    with pytest.raises(MorgenAPIError, match="duration"):
        client.create_event(meeting(server, duration="half an hour"))
    stranger = MorgenClient(Settings("nonsense", f"{server.url}/v3"))
    with pytest.raises(AuthenticationError):
        stranger.list_calendars()


def test_its_command_line_lists_what_is_there(server: Live, tmp_path: Path) -> None:
    environment = os.environ | {
        "HOME": str(tmp_path),
        "MORGEN_API_KEY": server.demo["morgen"]["api_key"],
        "MORGEN_BASE_URL": f"{server.url}/v3",
    }
    command = [sys.executable, "-m", "guten_morgen", "calendars", "list", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    [calendar] = json.loads(done.stdout)
    assert calendar["id"] == server.demo["morgen"]["calendar_id"]
