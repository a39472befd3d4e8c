"""POST /oauth/token and /oauth/token/revoke."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils.timezone import now

from bookings.domain import grants, keys
from bookings.domain.audit import SYSTEM
from bookings.models import ApiKey, AuditEntry, Grant
from tests.api.cronofy.calls import Caller
from tests.api.worlds import World

TOKEN, REVOKE = "/oauth/token", "/oauth/token/revoke"
REDIRECT = "https://app.example.org/callback"
SCOPES = ["calendars:read", "events:read", "events:write", "availability:read"]


def code_of(world: World, *, redirect_uri: str = REDIRECT) -> str:
    """What the host's consent gives the application."""
    return grants.grant(world.host, name="CRM", scopes=SCOPES, redirect_uri=redirect_uri, actor=SYSTEM)[1]


def call(path: str, body: dict[str, Any], **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Client(raise_request_exception=False).post(path, json.dumps(body), "application/json", headers=named)


def ask(world: World, **changes: Any) -> Any:
    """The vendor's request; a change to None leaves the field out."""
    whole = {"client_id": "app", "client_secret": world.secret} | changes
    return call(TOKEN, {name: value for name, value in whole.items() if value is not None})


def redeem(world: World, code: str, **changes: Any) -> Any:
    return ask(world, **{"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT} | changes)


def refresh(world: World, token: str) -> Any:
    return ask(world, grant_type="refresh_token", refresh_token=token)


def tokens(world: World) -> dict[str, Any]:
    found: dict[str, Any] = redeem(world, code_of(world)).json()
    return found


def works(world: World, token: str) -> bool:
    return bool(Caller(world, token, world.host).get("/v1/account").status_code == 200)


def refused(answer: Any, error: str, status: int = 400) -> bool:
    told = answer.json()
    return (answer.status_code, told["error"], bool(told["error_description"])) == (status, error, True)


def test_a_code_is_redeemed_for_the_documented_answer(world: World) -> None:
    answer = redeem(world, code_of(world))
    assert (answer.status_code, answer["Cache-Control"], answer["Pragma"]) == (200, "no-store", "no-cache")
    told = answer.json()
    assert set(told) == {
        "token_type",
        "access_token",
        "expires_in",
        "refresh_token",
        "scope",
        "account_id",
        "sub",
        "linking_profile",
    }
    assert (told["token_type"], told["expires_in"], told["sub"]) == ("bearer", 3600, world.sub)
    assert told["account_id"] == world.sub
    assert {"list_calendars", "create_event", "delete_event"} <= set(told["scope"].split())
    assert set(told["linking_profile"]) == {"provider_name", "profile_id", "profile_name"}
    assert works(world, told["access_token"])


def test_an_access_token_may_do_what_was_granted_and_no_more(world: World) -> None:
    me = Caller(world, tokens(world)["access_token"], world.host)
    assert me.get("/v1/calendars").status_code == 200
    assert me.post("/v1/calendars", {"profile_id": "x", "name": "x"}).status_code == 403
    assert me.post("/v1/scheduler_requests", world.body()).status_code == 403


def test_an_access_token_ends_after_an_hour(world: World) -> None:
    token = tokens(world)["access_token"]
    ApiKey.everywhere.filter(kind="access_token").update(expires_at=now() - timedelta(seconds=1))
    assert not works(world, token)


def test_a_refresh_token_renews_both(world: World) -> None:
    first = tokens(world)
    answer = refresh(world, first["refresh_token"])
    assert answer.status_code == 200
    second = answer.json()
    assert set(second) == {"token_type", "access_token", "expires_in", "refresh_token", "scope"}
    assert second["refresh_token"] != first["refresh_token"]
    assert works(world, first["access_token"])
    assert works(world, second["access_token"])


def test_a_refresh_token_opens_nothing_by_itself(world: World) -> None:
    assert not works(world, tokens(world)["refresh_token"])


def test_the_token_before_works_until_its_successor_was_used(world: World) -> None:
    """A lost answer, or a program that never takes the new one, must not be locked out."""
    first = tokens(world)["refresh_token"]
    answers = [refresh(world, first) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {200}
    assert refresh(world, answers[-1].json()["refresh_token"]).status_code == 200
    assert refused(refresh(world, first), "invalid_grant")


def test_a_token_shown_after_its_successor_ends_the_whole_grant(world: World) -> None:
    first = tokens(world)
    second = refresh(world, first["refresh_token"]).json()
    third = refresh(world, second["refresh_token"]).json()
    assert refused(refresh(world, first["refresh_token"]), "invalid_grant")
    assert not any(works(world, each["access_token"]) for each in (first, second, third))
    assert refused(refresh(world, third["refresh_token"]), "invalid_grant")
    assert "successor" in AuditEntry.everywhere.get(action="grant.ended").reason


def test_a_code_works_once_and_shown_twice_ends_what_it_gave(world: World) -> None:
    code = code_of(world)
    first = redeem(world, code).json()
    assert refused(redeem(world, code), "invalid_grant")
    assert not works(world, first["access_token"])


def test_a_code_ends_after_minutes(world: World) -> None:
    code = code_of(world)
    Grant.everywhere.update(code_expires_at=now() - timedelta(seconds=1))
    assert refused(redeem(world, code), "invalid_grant")


def test_a_code_holds_for_one_address_only(world: World) -> None:
    code = code_of(world)
    for wrong in ("https://evil.example/", "", None):
        assert refused(redeem(world, code, redirect_uri=wrong), "invalid_grant")
    assert redeem(world, code).status_code == 200


def test_codes_and_tokens_of_other_organisations_are_unknown(world: World, elsewhere: World) -> None:
    code, others = code_of(elsewhere), tokens(elsewhere)
    answers = [redeem(world, code), redeem(world, "x"), refresh(world, others["refresh_token"]), refresh(world, "x")]
    assert all(refused(answer, "invalid_grant") for answer in answers)
    assert answers[0].content == answers[1].content
    assert answers[2].content == answers[3].content
    call(REVOKE, {"client_secret": world.secret, "token": others["access_token"]})
    assert works(elsewhere, others["access_token"])


def test_the_tokens_of_a_host_who_left_cannot_be_renewed(world: World) -> None:
    told = tokens(world)
    world.host.is_active = False
    world.host.save()
    assert not works(world, told["access_token"])
    assert refused(refresh(world, told["refresh_token"]), "invalid_grant")


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_revoking_either_token_ends_the_grant(world: World, which: str) -> None:
    told = tokens(world)
    for _ in range(2):
        answer = call(REVOKE, {"client_id": "app", "client_secret": world.secret, "token": told[which]})
        assert (answer.status_code, answer.content) == (200, b"")
    assert not works(world, told["access_token"])
    assert refused(refresh(world, told["refresh_token"]), "invalid_grant")


def test_a_token_that_staff_made_can_be_revoked_too(world: World) -> None:
    _, token = world.issue(host=world.host)
    call(REVOKE, {"client_secret": world.secret, "token": token})
    assert not works(world, token)


def test_a_token_that_is_not_known_is_revoked_already(world: World) -> None:
    for token in ("x", world.secret):
        assert call(REVOKE, {"client_secret": world.secret, "token": token}).status_code == 200
    assert keys.find(world.secret, "cronofy") is not None


def test_a_form_is_read_as_well_as_json(world: World) -> None:
    fields = {
        "client_id": "app",
        "client_secret": world.secret,
        "grant_type": "authorization_code",
        "code": code_of(world),
        "redirect_uri": REDIRECT,
    }
    label = "application/x-www-form-urlencoded; charset=utf-8"
    assert Client().post(TOKEN, urlencode(fields), content_type=label).status_code == 200


def test_the_client_may_show_its_secret_in_a_basic_header(world: World) -> None:
    told = base64.b64encode(f"app:{world.secret}".encode()).decode()
    body = {"grant_type": "authorization_code", "code": code_of(world), "redirect_uri": REDIRECT}
    assert call(TOKEN, body, Authorization=f"Basic {told}").status_code == 200
    for wrong in ("Basic", "Basic !", "Basic eA==", f"Bearer {world.secret}", "Basic \u00e9"):
        assert refused(call(TOKEN, body, Authorization=wrong), "invalid_client", 401)


@pytest.mark.parametrize("secret", [None, "", "nonsense", 7, ["x"], "\u0130"])
@pytest.mark.parametrize("path", [TOKEN, REVOKE])
def test_an_unknown_client_is_refused(world: World, path: str, secret: object) -> None:
    answer = call(path, {"client_id": "app", "client_secret": secret, "grant_type": "refresh_token", "token": "x"})
    assert refused(answer, "invalid_client", 401)


def test_an_access_token_is_no_client(world: World) -> None:
    _, token = world.issue(host=world.host)
    assert refused(ask(world, client_secret=token, grant_type="refresh_token"), "invalid_client", 401)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": 7}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "\u0130" * 2000}, "invalid_grant"),
        ({"grant_type": "authorization_code"}, "invalid_request"),
        ({"grant_type": "authorization_code", "code": "x" * 8000}, "invalid_grant"),
    ],
)
def test_a_request_that_cannot_be_meant_is_refused(world: World, changes: dict[str, Any], error: str) -> None:
    assert refused(ask(world, **changes), error)


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b"a" * 300_000])
@pytest.mark.parametrize("label", ["application/json", "application/x-www-form-urlencoded", "text/plain"])
def test_a_body_that_cannot_be_read_is_refused_in_the_same_words(world: World, content: bytes, label: str) -> None:
    answer = Client(raise_request_exception=False).post(TOKEN, content, content_type=label)
    assert 400 <= answer.status_code < 500
    assert answer.json()["error"] in ("invalid_request", "invalid_client")


def test_what_ended_long_ago_is_forgotten(world: World) -> None:
    token = tokens(world)["refresh_token"]
    for _ in range(4):
        refresh(world, token)
        ApiKey.everywhere.filter(grant__isnull=False).update(created_at=now() - timedelta(days=31))
    assert refresh(world, token).status_code == 200
    # The token itself, with the access token and the successor of the last answer.
    assert ApiKey.everywhere.filter(grant__isnull=False).count() == 3


def test_what_is_kept_opens_nothing(world: World) -> None:
    code = code_of(world)
    told = redeem(world, code).json()
    kept = json.dumps(list(ApiKey.everywhere.values()) + list(Grant.everywhere.values()), default=str)
    trail = json.dumps(list(AuditEntry.everywhere.values()), default=str)
    assert not any(secret in kept + trail for secret in (code, told["access_token"], told["refresh_token"]))
