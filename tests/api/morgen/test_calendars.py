"""Calendars, accounts and services."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bookings.domain import calendar as calendars
from bookings.domain import refs
from bookings.domain.audit import SYSTEM
from bookings.formats.event import EventData
from bookings.models import Busy, Calendar
from tests import factories
from tests.api.morgen.worlds import World, refused

RIGHTS = {
    *("mayReadFreeBusy", "mayReadItems", "mayWriteAll", "mayWriteOwn", "mayUpdatePrivate", "mayRSVP", "mayAdmin"),
    "mayDelete",
}
METADATA = "morgen.so:metadata"


def calendars_of(world: World, path: str = "/v3/calendars/list", **query: str) -> list[dict[str, Any]]:
    answer = world.get(path, **query)
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json()["data"]["calendars"]
    return found


def test_a_calendar_has_every_documented_field(world: World) -> None:
    [shown] = calendars_of(world)
    assert shown["@type"] == "Calendar"
    assert (shown["id"], shown["accountId"]) == (world.calendar_id, world.account_id)
    assert re.match("Wy[IJ]", shown["id"])
    assert re.fullmatch(r"[0-9a-f]{24}", shown["accountId"])
    assert (shown["integrationId"], shown["name"], shown["sortOrder"]) == ("local", world.calendar.name, 0)
    assert re.fullmatch(r"#[0-9a-f]{6}", shown["color"])
    assert set(shown["myRights"]) == RIGHTS
    assert all(isinstance(right, bool) for right in shown["myRights"].values())
    assert shown["myRights"]["mayWriteAll"]
    assert (shown["defaultAlertsWithTime"], shown["defaultAlertsWithoutTime"]) == ({}, {})
    assert shown[METADATA] == {"busy": True}


def test_what_cannot_be_written_says_so(world: World) -> None:
    Calendar.everywhere.filter(pk=world.calendar.pk).update(is_writable=False)
    rights = calendars_of(world)[0]["myRights"]
    assert (rights["mayWriteAll"], rights["mayRSVP"], rights["mayReadItems"]) == (False, False, True)


def test_calendars_of_one_account_only(world: World) -> None:
    work = factories.caldav_calendar(world.host)
    account = refs.ref("morgen", "account", work.account)
    assert len(calendars_of(world)) == 2
    [shown] = calendars_of(world, "/v1/calendars/list", accountId=account)
    assert (shown["accountId"], shown["integrationId"], shown["name"]) == (account, "caldav", "Work")


def test_a_key_of_one_host_sees_its_own_and_one_of_the_organisation_all(world: World) -> None:
    whole = world.issue()
    mine = {each["id"] for each in calendars_of(world)}
    everybodys = {each["id"] for each in world.get("/v3/calendars/list", secret=whole).json()["data"]["calendars"]}
    assert mine == {world.calendar_id}
    assert len(everybodys) == 2
    assert mine < everybodys
    accounts = world.get("/v3/integrations/accounts/list", secret=whole).json()["data"]["accounts"]
    assert len(accounts) == 2


def test_an_account_has_every_field_that_clients_read(world: World) -> None:
    [account] = world.get("/v3/integrations/accounts/list").json()["data"]["accounts"]
    assert account["id"] == world.account_id
    assert account["integrationId"] == "local"
    assert account["integrationGroups"] == ["calendars"]
    assert (account["providerUserId"], account["preferredEmail"]) == (world.host.email, world.host.email)
    assert account["providerUserDisplayName"] == world.host.name
    assert re.fullmatch(r"[0-9a-f]{24}", account["userId"])
    assert isinstance(account["providerId"], str)


def test_services_are_told_to_everybody(db: None) -> None:
    answer = Client().get("/v3/integrations/list")
    assert answer.status_code == 200
    data = answer.json()["data"]
    assert {"local", "google", "o365", "caldav", "feed"} == {each["id"] for each in data["integrations"]}
    for each in data["integrations"]:
        assert each["groups"] == ["calendars"]
        assert isinstance(each["supportedAuthMethods"], list)
    assert data["groups"] == [{"displayName": "Calendars", "type": "calendars"}]


@pytest.mark.parametrize("version", ["v1", "v3"])
def test_a_calendars_metadata_are_kept(world: World, version: str) -> None:
    body = {"id": world.calendar_id, "accountId": world.account_id}
    told = {"busy": False, "overrideColor": "#ff0000", "overrideName": "Private"}
    answer = world.post(f"/{version}/calendars/update", body | {METADATA: told})
    assert answer.status_code == 200
    assert answer.json()["data"]["calendar"] == calendars_of(world)[0]
    assert calendars_of(world)[0][METADATA] == told
    world.post(f"/{version}/calendars/update", body | {METADATA: {"overrideName": None}})
    assert calendars_of(world)[0][METADATA] == {"busy": False, "overrideColor": "#ff0000"}


def test_a_calendar_that_is_not_busy_no_longer_blocks(world: World) -> None:
    calendars.create(world.calendar, EventData("Ferry", 1_800_000_000, "UTC", 3600), actor=SYSTEM)
    assert Busy.everywhere.filter(calendar__blocks=True).exists()
    world.post(
        "/v3/calendars/update",
        {"id": world.calendar_id, "accountId": world.account_id, METADATA: {"busy": False}},
    )
    assert not Busy.everywhere.filter(calendar__blocks=True).exists()


@pytest.mark.parametrize(
    ("changes", "status", "named"),
    [
        ({"id": ...}, 400, "id"),
        ({"accountId": ...}, 400, "accountId"),
        ({"id": "WyJ4Il0"}, 404, "calendar"),
        ({"accountId": "0" * 24}, 404, "account"),
        ({METADATA: ...}, 400, METADATA),
        ({METADATA: {}}, 400, METADATA),
        ({METADATA: {"colour": "red"}}, 400, "property colour should not exist"),
        ({METADATA: {"busy": "perhaps"}}, 400, "busy"),
        ({METADATA: {"overrideColor": "red"}}, 400, "overrideColor"),
        ({METADATA: {"overrideName": "x" * 301}}, 400, "overrideName"),
        ({METADATA: {"overrideName": 7}}, 400, "overrideName"),
    ],
)
def test_what_cannot_be_said_of_a_calendar(world: World, changes: dict[str, Any], status: int, named: str) -> None:
    whole = {"id": world.calendar_id, "accountId": world.account_id, METADATA: {"busy": False}} | changes
    body = {name: value for name, value in whole.items() if value is not ...}
    assert named in refused(world.post("/v3/calendars/update", body), status)
    assert calendars_of(world)[0][METADATA] == {"busy": True}


def test_lists_ask_the_same_number_of_questions_however_long_they_are(world: World) -> None:
    def queries(path: str) -> int:
        world.get(path)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert world.get(path).status_code == 200
        return len(asked)

    paths = ("/v3/calendars/list", "/v3/integrations/accounts/list")
    few = [queries(path) for path in paths]
    for number in range(8):
        factories.caldav_calendar(world.host, server_url=f"https://dav{number}.example.org/")
    assert [queries(path) for path in paths] == few
