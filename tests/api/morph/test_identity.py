"""Who may call: pairs of keys, scopes, rates, and the shape of every no."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import now

from bookings.domain import keys
from bookings.domain.audit import SYSTEM
from bookings.models import ApiKey, Booking
from tests.api.morph.worlds import PATH, World, issue, refused

UNAUTHORIZED = (401, "MORPH::UNAUTHORIZED")
FORBIDDEN = (403, "MORPH::CONNECTION::PROXY::FORBIDDEN")


@pytest.mark.parametrize("name", ["x_api_key", "x_api_secret", "x_connector_id", "x_owner_id"])
def test_each_header_of_a_server_is_needed(world: World, name: str) -> None:
    answer = world.call("POST", PATH, world.body(), **{name: None})
    status, code = refused(answer)
    assert (status, code) == UNAUTHORIZED or name in ("x_connector_id", "x_owner_id")
    assert status in (401, 404)
    assert not Booking.everywhere.exists()


def test_without_any_connection_named_the_headers_are(world: World) -> None:
    answer = world.call("GET", PATH, x_connector_id=None, x_owner_id=None)
    assert refused(answer) == UNAUTHORIZED
    assert "x-owner-id" in answer.json()["message"]


@pytest.mark.parametrize("value", ["", "nonsense", "<api-key>", "x" * 5000])
@pytest.mark.parametrize("name", ["x_api_key", "x_api_secret"])
def test_a_key_that_is_none_is_refused(world: World, name: str, value: str) -> None:
    assert refused(world.call("POST", PATH, world.body(), **{name: value})) == UNAUTHORIZED


def test_both_keys_must_be_of_one_organisation_and_in_their_places(world: World, elsewhere: World) -> None:
    for headers in (
        {"x_api_key": elsewhere.public},
        {"x_api_secret": elsewhere.secret},
        {"x_api_key": world.secret, "x_api_secret": world.public},
        {"x_api_key": world.secret},
        {"x_api_secret": world.public},
    ):
        assert refused(world.call("GET", PATH, **headers)) == UNAUTHORIZED


def test_a_public_key_alone_opens_nothing(world: World) -> None:
    assert refused(world.call("GET", PATH, x_api_secret=None)) == UNAUTHORIZED


@pytest.mark.parametrize("kind", ["public_key", "secret_key"])
def test_a_revoked_or_expired_key_no_longer_works(world: World, kind: str) -> None:
    key = ApiKey.everywhere.get(organisation=world.organisation, kind=kind)
    ApiKey.everywhere.filter(pk=key.pk).update(expires_at=now() - timedelta(seconds=1))
    assert refused(world.call("GET", PATH)) == UNAUTHORIZED
    ApiKey.everywhere.filter(pk=key.pk).update(expires_at=None)
    assert world.call("GET", PATH).status_code == 200
    keys.revoke(key, actor=SYSTEM)
    assert refused(world.call("GET", PATH)) == UNAUTHORIZED


CALLS = [
    ("GET", PATH, "bookings:read"),
    ("POST", PATH, "bookings:write"),
    ("GET", f"{PATH}/x", "bookings:read"),
    ("PATCH", f"{PATH}/x", "bookings:write"),
    ("DELETE", f"{PATH}/x", "bookings:write"),
    ("GET", "/v1/resources/schedulingEventType", "availability:read"),
    ("GET", "/v1/resources/schedulingEventType/x", "availability:read"),
    ("GET", "/v1/resources/schedulingSlot", "availability:read"),
    ("GET", "/v1/resources/schedulingSlot/x", "availability:read"),
    ("GET", "/v1/resources/genericUser", "bookings:read"),
    ("GET", "/v1/resources/genericUser/x", "bookings:read"),
    ("GET", "/v1/models/schedulingEvent/fields", "availability:read"),
    ("GET", "/v1/connections/calendly/x", "calendars:read"),
    ("POST", "/v1/connections/calendly/x", "calendars:write"),
    ("PATCH", "/v1/connections/calendly/x", "calendars:write"),
    ("DELETE", "/v1/connections/calendly/x", "calendars:write"),
    ("POST", "/v1/connections/calendly/x/sessions", "calendars:read"),
    ("POST", "/v1/connections/calendly/x/authorization", "calendars:read"),
    ("GET", "/v1/s/connector", "calendars:read"),
    ("GET", "/v1/connectors/calendly", "calendars:read"),
]


@pytest.mark.parametrize(("method", "path", "scope"), CALLS, ids=str)
def test_every_call_needs_its_scope(world: World, method: str, path: str, scope: str) -> None:
    others = sorted(keys.SCOPES.keys() - {scope, keys.EVERYTHING})
    _, secret = issue(world.organisation, "secret_key", *others)
    assert refused(world.call(method, path, {}, x_api_secret=secret)) == FORBIDDEN
    _, secret = issue(world.organisation, "secret_key", scope)
    assert world.call(method, path, {}, x_api_secret=secret).status_code not in (401, 403)


def test_a_bad_key_is_told_before_a_bad_body(world: World) -> None:
    assert refused(world.call("POST", PATH, b"{", x_api_secret="nonsense")) == UNAUTHORIZED
    assert refused(world.call("POST", PATH, b"{")) == (400, "CONNECTOR::OPERATION::BAD_REQUEST")


@pytest.mark.parametrize("content", [b"[]", b"null", b'"x"', b"{", b"\xff", b"[" * 9999, b'{"a":' + b"9" * 40 + b"}"])
def test_a_body_that_is_no_object_is_refused(world: World, content: bytes) -> None:
    assert refused(world.call("POST", PATH, content)) == (400, "CONNECTOR::OPERATION::BAD_REQUEST")


def test_too_large_a_body_is_refused(world: World) -> None:
    assert refused(world.call("POST", PATH, b" " * 300_000)) == (413, "CONNECTOR::OPERATION::BAD_REQUEST")


def test_a_key_has_so_many_calls_a_minute(world: World, settings: Any) -> None:
    settings.API_CALLS_PER_MINUTE = 3
    answers = [world.call("GET", PATH) for _ in range(5)]
    assert [each.status_code for each in answers][:3] == [200] * 3
    assert refused(answers[-1]) == (429, "MORPH::CONNECTION::PROXY::RATE_LIMIT_EXCEEDED")
    assert int(answers[-1]["Retry-After"]) > 0
    assert (answers[0]["X-RateLimit-Limit"], answers[0]["X-RateLimit-Remaining"]) == ("3", "2")


def test_an_unknown_path_is_refused_in_the_same_shape(world: World) -> None:
    for path in ("/morph/v1/nothing", "/v1/resources/schedulingEvent/x/y", f"{PATH}/"):
        answer = world.call("GET", path)
        assert refused(answer)[0] == 404
