"""Who an account is: userinfo, account, profiles, calendars."""

from __future__ import annotations

from typing import Any

import pytest

from bookings.domain import refs
from bookings.models import Account, Calendar, Event
from tests import factories
from tests.api.cronofy.calls import Caller, at, caller
from tests.api.worlds import World, problems


def profiles(me: Caller) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = me.get("/v1/profiles").json()["profiles"]
    return found


def test_userinfo_tells_who_it_is_with_profiles_and_calendars(world: World, me: Caller) -> None:
    factories.caldav_calendar(world.host, state="ok")
    answer = me.get("/v1/userinfo")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json; charset=utf-8")
    told = answer.json()
    data = told.pop("cronofy.data")
    assert told == {
        "sub": world.sub,
        "email": world.host.email,
        "name": world.host.name,
        "zoneinfo": "UTC",
        "cronofy.type": "account",
    }
    assert data["authorization"]["status"] == "active"
    assert {"read_account", "list_calendars", "read_events", "create_event"} <= set(
        data["authorization"]["scope"].split()
    )
    assert {profile["provider_name"] for profile in data["profiles"]} == {"cronofy", "caldav"}
    for profile in data["profiles"]:
        assert (profile["profile_connected"], profile["profile_id"][:4]) == (True, "pro_")
        [calendar] = profile["profile_calendars"]
        assert set(calendar) == {
            "calendar_id",
            "calendar_name",
            "calendar_readonly",
            "calendar_deleted",
            "calendar_primary",
            "calendar_integrated_conferencing_available",
            "calendar_attachments_available",
            "permission_level",
        }


def test_account_tells_the_same_in_older_words(world: World, me: Caller) -> None:
    told = me.get("/v1/account").json()["account"]
    assert (told["account_id"], told["email"], told["default_tzid"]) == (world.sub, world.host.email, "UTC")
    assert "list_calendars" in told["scope"]


def test_calendars_are_listed_with_their_profiles(world: World, me: Caller) -> None:
    feed = factories.caldav_calendar(world.host, is_writable=False)
    found = {each["calendar_name"]: each for each in me.get("/v1/calendars").json()["calendars"]}
    assert set(found) == {world.host.name, feed.name}
    assert found[feed.name] == {
        "provider_name": "caldav",
        "profile_id": refs.ref("cronofy", "account", feed.account),
        "profile_name": feed.account.username,
        "calendar_id": refs.ref("cronofy", "calendar", feed),
        "calendar_name": feed.name,
        "calendar_readonly": True,
        "calendar_deleted": False,
        "calendar_primary": True,
        "calendar_integrated_conferencing_available": False,
        "calendar_attachments_available": False,
        "permission_level": "unrestricted",
    }


def test_a_calendar_is_made_in_the_profile_kept_here_and_takes_time(world: World, me: Caller) -> None:
    [profile] = profiles(me)
    answer = me.post("/v1/calendars", {"profile_id": profile["profile_id"], "name": "Workshops"})
    assert answer.status_code == 200
    made = answer.json()["calendar"]
    assert (made["calendar_name"], made["calendar_readonly"], made["profile_id"]) == (
        "Workshops",
        False,
        profile["profile_id"],
    )
    event = {"event_id": "x", "summary": "Workshop", "start": at(9), "end": at(17)}
    me.post(f"/v1/calendars/{made['calendar_id']}/events", event)
    query = {
        "participants": [{"members": [{"sub": world.sub}]}],
        "required_duration": {"minutes": 60},
        "query_periods": [{"start": at(9), "end": at(18)}],
    }
    assert [each["start"] for each in me.post("/v1/availability", query).json()["available_periods"]] == [at(17)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, {"profile_id": ["errors.required"], "name": ["errors.required"]}),
        ({"profile_id": "pro_0", "name": "x"}, {"profile_id": ["errors.invalid"]}),
        ({"name": 7}, {"profile_id": ["errors.required"], "name": ["errors.invalid"]}),
    ],
)
def test_a_calendar_needs_a_profile_and_a_name(me: Caller, body: dict[str, Any], expected: Any) -> None:
    answer = me.post("/v1/calendars", body)
    assert (answer.status_code, problems(answer)) == (422, expected)


def test_a_name_that_is_there_is_refused_with_the_vendors_own_key(me: Caller) -> None:
    [profile] = profiles(me)
    body = {"profile_id": profile["profile_id"], "name": "Workshops"}
    me.post("/v1/calendars", body)
    assert problems(me.post("/v1/calendars", body)) == {"name": ["errors.duplicate_calendar_name"]}


def test_calendars_of_other_services_are_made_there(world: World, me: Caller) -> None:
    factories.caldav_calendar(world.host)
    profile = next(each for each in profiles(me) if each["provider_name"] == "caldav")
    answer = me.post("/v1/calendars", {"profile_id": profile["profile_id"], "name": "x"})
    assert problems(answer) == {"profile_id": ["errors.invalid"]}


def test_a_login_that_no_longer_works_says_where_to_sign_in_again(world: World, me: Caller) -> None:
    factories.caldav_calendar(world.host)
    Account.everywhere.filter(provider="caldav").update(health=Account.Health.REAUTH)
    profile = next(each for each in profiles(me) if each["provider_name"] == "caldav")
    assert profile["profile_connected"] is False
    assert profile["profile_relink_url"].startswith("http")


def test_a_revoked_profile_is_gone_and_what_was_made_in_it_stays(world: World, me: Caller) -> None:
    connected = factories.caldav_calendar(world.host, state="ok")
    calendar_id = refs.ref("cronofy", "calendar", connected)
    event = {"event_id": "x", "summary": "Kept", "start": at(9), "end": at(17)}
    me.post(f"/v1/calendars/{calendar_id}/events", event)
    profile = next(each for each in profiles(me) if each["provider_name"] == "caldav")
    assert me.post(f"/v1/profiles/{profile['profile_id']}/revoke", {}).status_code == 202
    assert [each["provider_name"] for each in profiles(me)] == ["cronofy"]
    assert Event.everywhere.get(title="Kept").calendar_id == me.calendar.pk


def test_the_profile_kept_here_cannot_be_revoked(me: Caller) -> None:
    [profile] = profiles(me)
    answer = me.post(f"/v1/profiles/{profile['profile_id']}/revoke", {})
    assert problems(answer) == {"profile_id": ["errors.invalid"]}


def test_profiles_of_others_are_not_there(world: World, elsewhere: World, me: Caller) -> None:
    names = [profiles(caller(elsewhere, elsewhere.host))[0]["profile_id"]]
    names += [profiles(caller(world, world.colleague))[0]["profile_id"], "pro_0"]
    answers = [me.post(f"/v1/profiles/{name}/revoke", {}) for name in names]
    assert {(answer.status_code, answer.content) for answer in answers} == {(404, b"")}
    answers = [me.post("/v1/calendars", {"profile_id": name, "name": "x"}) for name in names]
    assert {(answer.status_code, answer.content) for answer in answers} == {(422, answers[0].content)}


@pytest.mark.parametrize("path", ["/v1/userinfo", "/v1/account", "/v1/calendars", "/v1/profiles"])
def test_each_needs_an_account_and_its_scope(world: World, path: str) -> None:
    assert Caller(world, world.secret, world.host).get(path).status_code == 403
    assert Caller(world, world.secret, world.host).send("GET", path, Cronofy_Impersonate=world.sub).status_code == 200
    assert caller(world, None, "requests:read").get(path).status_code == 403


def test_many_calendars_cost_as_many_queries_as_few(me: Caller, django_assert_num_queries: Any) -> None:
    def make(count: int) -> None:
        [profile] = profiles(me)
        for number in range(count):
            me.post("/v1/calendars", {"profile_id": profile["profile_id"], "name": f"{count}-{number}"})

    for count in (2, 9):
        make(count)
        me.get("/v1/userinfo")
        with django_assert_num_queries(6):
            me.get("/v1/userinfo")
    assert Calendar.everywhere.filter(account__host=me.host).count() == 12
