"""Connections, the sessions that lend them to browsers, and how they are granted."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
import time_machine
from django.utils.timezone import now

from bookings.domain import keys, refs
from bookings.domain.audit import SYSTEM
from bookings.models import AuditEntry, Host
from tests import factories
from tests.api.morph.worlds import PATH, World, issue, refused

NO_CONNECTION = (404, "MORPH::CONNECTION::NOT_FOUND")
NO_CONNECTOR = (404, "CONNECTOR::NOT_FOUND")
NOT_GRANTED = (403, "MORPH::CONNECTION::PROXY::UNAUTHORIZED")
BAD = (400, "CONNECTOR::OPERATION::BAD_REQUEST")
BAD_SESSION = (401, "MORPH::SESSION::TOKEN_VALIDATION_FAILED")


def place(owner: str, connector: str = "calendly") -> str:
    return f"/v1/connections/{connector}/{quote(owner)}"


def call(world: World, method: str, path: str, body: Any = None, **headers: str | None) -> Any:
    """With the keys alone, as the published client calls these paths."""
    return world.call(method, path, body, **({"x_connector_id": None, "x_owner_id": None} | headers))


def session(world: World, owner: str | None = None, **body: Any) -> dict[str, Any]:
    answer = call(world, "POST", f"{place(owner or world.owner)}/sessions", body)
    assert answer.status_code == 200, answer.content
    made: dict[str, Any] = answer.json()
    return made


def browse(world: World, method: str, path: str, token: str, body: Any = None, **headers: str | None) -> Any:
    """Mode B: the public key and a session token."""
    mine: dict[str, str | None] = {"x_api_secret": None, "x_connector_id": None, "x_owner_id": None}
    return world.call(method, path, body, **(mine | {"x_session_token": token} | headers))


def test_every_host_is_connected_under_the_id_we_gave_them(world: World) -> None:
    for connector in ("calendly", "local"):
        shown = call(world, "GET", place(world.owner, connector)).json()
        assert set(shown) == {"object", "connectorId", "ownerId", "operations", "status", "createdAt", "updatedAt"}
        assert (shown["object"], shown["connectorId"], shown["ownerId"]) == ("connection", connector, world.owner)
        assert shown["status"] == "authorized"
        assert "schedulingEvent::create" in shown["operations"]


def test_the_id_of_a_hosts_account_stands_for_the_host(world: World) -> None:
    account = refs.ref("morph", "account", factories.local_calendar(world.host).account)
    assert world.call("POST", PATH, world.body(), x_owner_id=account).status_code == 201
    assert len(world.call("GET", PATH).json()["data"]) == 1


def test_a_connector_is_the_kind_of_a_connected_account(world: World) -> None:
    assert refused(call(world, "GET", place(world.owner, "caldav"))) == NO_CONNECTION
    factories.caldav_calendar(world.host)
    assert call(world, "GET", place(world.owner, "caldav")).json()["status"] == "authorized"


def test_unknown_connectors_and_owners_are_named_so(world: World, elsewhere: World) -> None:
    assert refused(call(world, "GET", place(world.owner, "hubspot"))) == NO_CONNECTOR
    assert refused(call(world, "POST", place(world.owner, "hubspot"))) == NO_CONNECTOR
    assert refused(world.call("GET", PATH, x_connector_id="hubspot")) == NO_CONNECTOR
    for owner in (elsewhere.owner, "nobody", world.host.slug, world.host.email, "x" * 600, "a\x00b"):
        assert refused(call(world, "GET", place(owner))) == NO_CONNECTION
    assert refused(world.call("GET", PATH, x_owner_id="nobody")) == NO_CONNECTION


def test_a_host_who_is_no_longer_active_is_not_connected(world: World) -> None:
    owner = world.owner
    Host.everywhere.update(is_active=False)
    assert refused(call(world, "GET", place(owner))) == NO_CONNECTION


def test_a_name_of_the_applications_own_waits_to_be_granted(world: World) -> None:
    answer = call(world, "POST", place("user_42"), {"operations": ["schedulingEvent::create"]})
    assert (answer.status_code, answer.json()["status"]) == (201, "unauthorized")
    assert answer.json()["operations"] == ["schedulingEvent::create"]
    assert call(world, "GET", place("user_42")).json() == answer.json()
    assert refused(world.call("GET", PATH, x_owner_id="user_42")) == NOT_GRANTED
    again = call(world, "POST", place("user_42"), {})
    assert (again.status_code, again.json()["operations"]) == (200, ["schedulingEvent::create"])


def test_a_pending_name_is_not_taken_by_a_host_that_comes_to_be_called_so(world: World) -> None:
    call(world, "POST", place("user_42"))
    refs.name("morph", "account", factories.caldav_calendar(world.colleague).account, "user_42")
    assert refused(world.call("GET", PATH, x_owner_id="user_42")) == NOT_GRANTED


def test_a_key_of_one_host_names_that_host_as_it_likes(world: World) -> None:
    _, secret = issue(world.organisation, "secret_key", host=world.colleague)
    made = call(world, "POST", place("me"), x_api_secret=secret).json()
    assert made["status"] == "authorized"
    answer = world.call("POST", PATH, world.body(), x_api_secret=secret, x_owner_id="me")
    fields = world.call("GET", f"{PATH}/{answer.json()['id']}", x_api_secret=secret, x_owner_id="me").json()["fields"]
    assert fields["organizer"]["id"] == world.user_id(world.colleague)


def test_a_key_of_one_host_finds_the_connections_of_others_missing(world: World) -> None:
    _, secret = issue(world.organisation, "secret_key", host=world.colleague)
    assert refused(world.call("GET", PATH, x_api_secret=secret)) == NO_CONNECTION
    call(world, "POST", place(world.owner), {"operations": ["a::b"]})
    for method, path in (
        ("GET", ""),
        ("POST", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/sessions"),
        ("POST", "/authorization"),
    ):
        body = {"operations": []}
        assert refused(call(world, method, place(world.owner) + path, body, x_api_secret=secret)) == NO_CONNECTION
    assert call(world, "GET", place(world.owner)).json()["operations"] == ["a::b"]


def test_operations_are_changed_by_patch_which_makes_nothing_unless_told(world: World) -> None:
    assert refused(call(world, "PATCH", place("user_42"), {"operations": []})) == NO_CONNECTION
    made = call(world, "PATCH", f"{place('user_42')}?createIfMissing=true", {"operations": ["a::b"]})
    assert (made.status_code, made.json()["operations"]) == (201, ["a::b"])
    changed = call(world, "PATCH", place("user_42"), {"operations": ["c::d"]})
    assert (changed.status_code, changed.json()["operations"]) == (200, ["c::d"])
    assert changed.json()["updatedAt"] >= changed.json()["createdAt"]


@pytest.mark.parametrize("operations", ["x", [1], [""], ["x" * 101], ["a::b"] * 501, {}])
def test_operations_are_a_list_of_names(world: World, operations: Any) -> None:
    assert refused(call(world, "POST", place("user_42"), {"operations": operations})) == BAD


def test_a_deleted_connection_is_gone_until_it_is_made_again(world: World) -> None:
    answer = call(world, "DELETE", place(world.owner))
    assert (answer.status_code, answer.content) == (204, b"")
    assert refused(call(world, "GET", place(world.owner))) == NO_CONNECTION
    assert refused(call(world, "DELETE", place(world.owner))) == NO_CONNECTION
    assert refused(world.call("GET", PATH)) == NO_CONNECTION
    assert call(world, "GET", place(world.owner, "local")).status_code == 200
    again = call(world, "POST", place(world.owner))
    assert (again.status_code, again.json()["status"]) == (201, "authorized")


@pytest.mark.parametrize("owner", ["x" * 401, "a\x00b"])
def test_a_name_that_cannot_be_kept_is_refused(world: World, owner: str) -> None:
    assert refused(call(world, "POST", place(owner))) == BAD


def test_making_and_forgetting_stand_in_the_audit_trail(world: World) -> None:
    call(world, "POST", place("user_42"))
    call(world, "DELETE", place("user_42"))
    actions = list(AuditEntry.everywhere.filter(action__startswith="connection").values_list("action", flat=True))
    assert sorted(actions) == ["connection.made", "connection.removed"]


def test_a_session_has_the_documented_fields_and_lasts_half_an_hour(world: World) -> None:
    made = session(world, connection={"operations": ["schedulingEvent::create"]})
    assert set(made) == {"object", "connectorId", "ownerId", "sessionToken", "expiresAt"}
    assert (made["object"], made["connectorId"], made["ownerId"]) == ("session", "calendly", world.owner)
    left = datetime.fromisoformat(made["expiresAt"]) - now()
    assert timedelta(minutes=29, seconds=50) < left <= timedelta(minutes=30)


@pytest.mark.parametrize(("told", "seconds"), [(60, 60), (0, 1800), (None, 1800), (90.5, 90), (86_400, 86_400)])
def test_a_session_lasts_as_long_as_is_asked_for(world: World, told: Any, seconds: int) -> None:
    left = datetime.fromisoformat(session(world, expiresIn=told)["expiresAt"]) - now()
    assert seconds - 5 < left.total_seconds() <= seconds


@pytest.mark.parametrize(
    "body", [{"expiresIn": -1}, {"expiresIn": "60"}, {"expiresIn": True}, {"expiresIn": 1e12}, {"connection": []}]
)
def test_a_session_that_cannot_be_made_is_refused(world: World, body: dict) -> None:
    assert refused(call(world, "POST", f"{place(world.owner)}/sessions", body)) == BAD


def test_a_browser_books_reads_changes_and_cancels_with_its_session(world: World) -> None:
    token = session(world)["sessionToken"]
    path = "/v1/s/resources/schedulingEvent"
    made = browse(world, "POST", path, token, world.body())
    assert made.status_code == 201
    one = f"{path}/{made.json()['id']}"
    assert browse(world, "PATCH", one, token, {"title": "Talk"}).status_code == 200
    assert browse(world, "GET", one, token).json()["fields"]["title"] == "Talk"
    assert len(browse(world, "GET", path, token).json()["data"]) == 1
    assert browse(world, "DELETE", one, token).status_code == 204
    for model in ("schedulingEventType", "schedulingSlot", "genericUser"):
        assert browse(world, "GET", f"/v1/s/resources/{model}", token).status_code == 200
    assert browse(world, "GET", "/v1/s/models/schedulingEvent/fields", token).status_code == 200


def test_either_way_of_saying_who_calls_works_in_both_places(world: World) -> None:
    token = session(world)["sessionToken"]
    assert browse(world, "GET", PATH, token).status_code == 200
    assert world.call("GET", "/v1/s/resources/schedulingEvent").status_code == 200
    assert world.call("GET", "/v1/s/connection").json()["ownerId"] == world.owner
    assert world.call("GET", PATH, x_session_token=token).status_code == 200


def test_a_browser_sees_its_own_host_alone(world: World) -> None:
    token = session(world)["sessionToken"]
    found = browse(world, "GET", "/v1/s/resources/genericUser", token).json()["data"]
    assert [each["id"] for each in found] == [world.owner]


def test_neither_a_browser_nor_a_key_of_one_host_takes_the_time_of_others(world: World) -> None:
    token = session(world)["sessionToken"]
    _, secret = issue(world.organisation, "secret_key", host=world.host)
    colleague = {"id": world.user_id(world.colleague)}
    for fields in ({"attendees": [colleague]}, {"organizer": colleague}):
        body = world.body(**fields)
        assert refused(browse(world, "POST", "/v1/s/resources/schedulingEvent", token, body)) == BAD
        assert refused(world.call("POST", PATH, body, x_api_secret=secret)) == BAD
    assert world.call("POST", PATH, world.body(organizer={"id": world.owner}), x_api_secret=secret).status_code == 201


def test_a_session_is_for_one_connection(world: World) -> None:
    token = session(world)["sessionToken"]
    colleague = world.user_id(world.colleague)
    for headers in ({"x_owner_id": colleague}, {"x_connector_id": "local"}):
        assert refused(world.call("GET", PATH, **({"x_session_token": token} | headers))) == BAD_SESSION
    assert refused(browse(world, "GET", place(colleague), token)) == BAD_SESSION
    assert browse(world, "GET", place(world.owner), token).status_code == 200


def test_a_session_of_another_organisation_is_not_valid_here(world: World, elsewhere: World) -> None:
    token = session(elsewhere)["sessionToken"]
    assert refused(world.call("GET", PATH, x_session_token=token)) == BAD_SESSION
    assert refused(browse(world, "GET", "/v1/s/connection", token)) == (401, "MORPH::UNAUTHORIZED")


@pytest.mark.parametrize("token", ["x", "a.b.c", "<api-key>", "eyJhbGciOiJub25lIn0.e30.", "x" * 9000, "ü"])
def test_a_token_that_we_did_not_sign_is_not_valid(world: World, token: str) -> None:
    assert refused(browse(world, "GET", "/v1/s/connection", token)) == BAD_SESSION


def test_a_session_ends_by_itself_and_with_the_key_behind_it(world: World) -> None:
    token = session(world)["sessionToken"]
    with time_machine.travel(now() + timedelta(minutes=31)):
        assert refused(browse(world, "GET", "/v1/s/connection", token)) == (401, "MORPH::SESSION::EXPIRED")
    keys.revoke(world.key, actor=SYSTEM)
    assert refused(browse(world, "GET", "/v1/s/connection", token)) == (401, "MORPH::UNAUTHORIZED")


def test_a_session_can_do_no_more_than_the_key_behind_it(world: World) -> None:
    _, secret = issue(world.organisation, "secret_key", "calendars:read", "bookings:read")
    made = call(world, "POST", f"{place(world.owner)}/sessions", {}, x_api_secret=secret).json()
    path = "/v1/s/resources/schedulingEvent"
    assert browse(world, "GET", path, made["sessionToken"]).status_code == 200
    answer = browse(world, "POST", path, made["sessionToken"], world.body())
    assert refused(answer) == (403, "MORPH::CONNECTION::PROXY::FORBIDDEN")


def test_a_session_for_a_new_name_waits_to_be_granted(world: World) -> None:
    token = session(world, "temp_1795341600")["sessionToken"]
    assert browse(world, "GET", "/v1/s/connection", token).json()["status"] == "unauthorized"
    assert refused(browse(world, "GET", "/v1/s/resources/schedulingEvent", token)) == NOT_GRANTED
    asked = browse(world, "POST", "/v1/s/connection/authorization", token, {}).json()
    assert asked["status"] == "awaitingAuthorization"


def test_an_authorization_has_the_documented_fields(world: World) -> None:
    query = "?redirectUrl=https%3A%2F%2Fapp.example.org%2Fback&mode=direct"
    answer = call(
        world, "POST", f"{place(world.owner)}/authorization{query}", {"scopes": ["a"], "settings": {"b": "c"}}
    )
    assert answer.status_code == 200
    asked = answer.json()
    assert asked.pop("authorizationUrl").startswith("http://127.0.0.1:8000/connect/")
    assert asked == {
        "object": "connectionAuthorization",
        "connectorId": "calendly",
        "ownerId": world.owner,
        "status": "authorized",
        "scopes": ["a"],
        "settings": {"b": "c"},
    }


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("?mode=odd", {}),
        ("?redirectUrl=javascript:alert(1)", {}),
        ("?redirectUrl=%2F%2Fexample.org", {}),
        ("?redirectUrl=https%3A%2F%2F", {}),
        ("?redirectUrl=https%3A%2F%2F%5Bx", {}),
        ("", {"scopes": "x"}),
        ("", {"settings": []}),
    ],
)
def test_an_authorization_that_cannot_be_asked_for_is_refused(world: World, query: str, body: dict) -> None:
    assert refused(call(world, "POST", f"{place(world.owner)}/authorization{query}", body)) == BAD


def test_an_authorization_needs_a_connection(world: World) -> None:
    assert refused(call(world, "POST", f"{place('user_42')}/authorization", {})) == NO_CONNECTION


def test_a_browser_forgets_its_connection(world: World) -> None:
    token = session(world)["sessionToken"]
    assert browse(world, "DELETE", "/v1/s/connection", token).status_code == 204
    assert refused(browse(world, "GET", "/v1/s/connection", token)) == NO_CONNECTION


def test_the_connector_tells_what_it_can_do(world: World) -> None:
    token = session(world)["sessionToken"]
    for answer in (
        browse(world, "GET", "/v1/s/connector", token),
        call(world, "GET", "/v1/connectors/calendly"),
        world.call("GET", "/v1/connectors/[object%20Object]"),  # as the published client asks
    ):
        shown = answer.json()
        assert set(shown) == {"object", "id", "name", "settings", "operations"}
        assert (shown["object"], shown["id"], shown["name"]) == ("connector", "calendly", "Calendly")
    assert refused(call(world, "GET", "/v1/connectors/hubspot")) == NO_CONNECTOR


def test_pages_of_other_origins_may_call_the_browsers_paths_only(world: World) -> None:
    token = session(world)["sessionToken"]
    path = "/v1/s/resources/schedulingEvent"
    asked = {"Origin": "https://app.example.org", "Access-Control-Request-Headers": "x-api-key,x-session-token"}
    preflight = world.call("OPTIONS", path, **asked)
    assert preflight.status_code == 204
    assert preflight["Access-Control-Allow-Origin"] == "*"
    allowed = preflight["Access-Control-Allow-Headers"].lower()
    assert "x-session-token" in allowed
    assert "x-api-secret" not in allowed
    assert {"GET", "POST", "PATCH", "DELETE"} <= set(preflight["Access-Control-Allow-Methods"].split(", "))
    answers = [browse(world, "GET", path, token), browse(world, "GET", path, "nonsense")]
    assert [each["Access-Control-Allow-Origin"] for each in answers] == ["*", "*"]
    assert not any("Access-Control-Allow-Credentials" in each for each in [preflight, *answers])
    assert "Access-Control-Allow-Origin" not in world.call("GET", PATH)
    assert world.call("OPTIONS", PATH, **asked).status_code == 405
