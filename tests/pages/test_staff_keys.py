"""Owners and admins make keys for programs, see them once, and end them."""

from __future__ import annotations

import base64
import datetime as dt
import html
import json
import re
import shlex
from typing import Any

import pytest
import time_machine
from django.core import serializers
from django.test import Client
from django.utils.timezone import now

from bookings.domain import grants, keys, refs
from bookings.domain.audit import SYSTEM
from bookings.models import ApiKey, AuditEntry, EventType, ExternalRef, Grant, Membership
from tests import factories

pytestmark = pytest.mark.django_db

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


def member(org, role=Membership.Role.OWNER, username="", **client: Any) -> Client:
    made = Client(**client)
    made.force_login(factories.staff_user(org, role=role, username=username), backend=BACKEND)
    return made


@pytest.fixture
def owner(org) -> Client:
    return member(org, username="olga")


def fields(dialect="cronofy", kind="client_secret", /, **changes: Any) -> dict[str, Any]:
    chosen = {"dialect": dialect, "kind": kind, "name": "Our site", "expires": "90"}
    usual = keys.usual_scopes("secret_key" if kind == "pair" else kind)
    return chosen | ({"scopes": usual} if usual else {}) | changes


def make(client: Client, *which: str, **changes: Any) -> tuple[str, str]:
    """Fill in the form; the address that shows the key, and the page found there."""
    answer = client.post("/keys/new", fields(*which, **changes))
    assert answer.status_code == 302, answer.content.decode()
    return answer.headers["Location"], client.get(answer.headers["Location"]).content.decode()


def secrets_on(page: str) -> list[str]:
    return re.findall(r'class="secret"[^>]* value="([^"]+)"', page)


def code_on(page: str) -> list[str]:
    return [html.unescape(text) for text in re.findall(r"<code id=[^>]+>(.*?)</code>", page, re.DOTALL)]


def call(curl: str) -> Any:
    """Do what a line of curl says."""
    parts = shlex.split(curl.replace("\\\n", " "))
    assert parts[0] == "curl"
    address, options = parts[1], list(zip(parts[2::2], parts[3::2], strict=True))
    headers = dict(value.split(": ", 1) for option, value in options if option == "-H")
    data = next((value for option, value in options if option == "-d"), None)
    user = next((value for option, value in options if option == "-u"), None)
    if user is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(user.encode()).decode()
    path = address.removeprefix("http://127.0.0.1:8000")
    assert path.startswith("/"), address
    client = Client(raise_request_exception=False)
    label = headers.pop("Content-Type", "application/x-www-form-urlencoded")
    return client.generic("GET" if data is None else "POST", path, data or "", content_type=label, headers=headers)


# ── Whose pages these are ──


def test_staff_are_told_whom_to_ask_and_make_no_key(org, owner, staff):
    for answer in (staff.get("/keys"), staff.get("/keys/new"), staff.post("/keys/new", fields())):
        assert answer.status_code == 403
        assert "Ask olga." in answer.content.decode()
    assert not ApiKey.everywhere.exists()


@pytest.mark.parametrize("role", ["owner", "admin"])
def test_owners_and_admins_find_keys_in_the_menu_and_make_them(org, role):
    manager = member(org, role)
    assert 'href="/keys"' in manager.get("/requests").content.decode()
    make(manager)
    assert ApiKey.everywhere.get().organisation == org


def test_staff_do_not_find_keys_in_the_menu(staff):
    assert 'href="/keys"' not in staff.get("/requests").content.decode()


def test_strangers_sign_in_first(client):
    assert client.get("/keys").headers["Location"].startswith("/accounts/login/")


def test_keys_of_other_organisations_are_not_there(owner):
    foreign = factories.host()
    key, _ = keys.issue(
        foreign.organisation, dialect="morgen", kind="api_key", name="Alien", scopes=[], host=foreign, actor=SYSTEM
    )
    granted, _ = grants.grant(foreign, name="Alien app", scopes=["events:read"], actor=SYSTEM)
    assert "Alien" not in owner.get("/keys").content.decode() + owner.get("/keys?show=ended").content.decode()
    for path in (f"/keys/{key.pk}", f"/keys/{key.pk}/revoke", f"/keys/grants/{granted.pk}/end"):
        assert owner.get(path).status_code == 404
        assert owner.post(path).status_code in (404, 405)
    assert owner.post("/keys/new", fields("cronofy", "access_token", host=str(foreign.pk))).status_code == 422
    key.refresh_from_db()
    granted.refresh_from_db()
    assert key.is_live
    assert granted.revoked_at is None


def test_another_site_can_neither_make_nor_revoke_a_key(org):
    key, _ = keys.issue(org, dialect="morgen", kind="api_key", name="CRM", scopes=[], actor=SYSTEM)
    owner = member(org, enforce_csrf_checks=True)
    assert owner.post("/keys/new", fields()).status_code == 403
    assert owner.post(f"/keys/{key.pk}/revoke").status_code == 403
    assert ApiKey.everywhere.get().is_live


# ── The list ──


def test_an_empty_list_teaches_what_keys_are_for(owner):
    page = owner.get("/keys").content.decode()
    assert "Make your first key" in page
    assert 'href="/keys/new?dialect=morph"' in page


def test_the_list_tells_what_each_key_is(org, host, owner):
    key, _ = keys.issue(
        org,
        dialect="cronofy",
        kind="access_token",
        name="Website",
        scopes=["events:read", "events:write", "availability:read", "bookings:force"],
        host=host,
        expires_at=dt.datetime(2090, 3, 4, 23, tzinfo=dt.UTC),
        actor=SYSTEM,
    )
    ApiKey.everywhere.filter(pk=key.pk).update(last_used_at=now() - dt.timedelta(hours=3, minutes=5))
    page = html.unescape(owner.get("/keys").content.decode()).replace("\xa0", " ")
    for words in (
        "Website",
        f"{key.prefix}…",
        "Cronofy",
        "Access token of one host",
        "Greta Hoffmann",
        "Read and change events · Read free times · Book over taken time",
        "3 hours ago",
        "until 4 Mar 2090",
        "In use",
    ):
        assert words in page


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, "Not used yet"),
        ({"last_used_at": now()}, "In use"),
        ({"expires_at": now() + dt.timedelta(days=3)}, "Expires soon"),
        ({"expires_at": now() - dt.timedelta(days=3)}, "Expired"),
        ({"revoked_at": now()}, "Revoked"),
    ],
)
def test_the_state_of_a_key_is_a_word(org, owner, changes, word):
    key, _ = keys.issue(org, dialect="morgen", kind="api_key", name="CRM", scopes=[], actor=SYSTEM)
    ApiKey.everywhere.filter(pk=key.pk).update(**changes)
    ended = "?show=ended" if word in ("Expired", "Revoked") else ""
    assert f"{word}</span>" in owner.get(f"/keys{ended}").content.decode()
    other = "" if ended else "?show=ended"
    assert "CRM" not in owner.get(f"/keys{other}").content.decode()
    assert f"{word}</span>" in owner.get(f"/keys/{key.pk}").content.decode()


def test_a_key_of_a_host_who_left_says_so(org, host, owner):
    keys.issue(org, dialect="morgen", kind="api_key", name="CRM", scopes=[], host=host, actor=SYSTEM)
    host.is_active = False
    host.save()
    assert "Host left</span>" in owner.get("/keys").content.decode()


@pytest.mark.parametrize("many", [1, 20])
def test_the_list_costs_the_same_number_of_queries_however_long(owner, org, many, django_assert_max_num_queries):
    for index in range(many):
        host = factories.host(org)
        keys.issue(org, dialect="morgen", kind="api_key", name=f"K{index}", scopes=[], host=host, actor=SYSTEM)
        application(host, f"App {index}")
    with django_assert_max_num_queries(8):
        owner.get("/keys")


# ── Making ──

ASKED = [
    ("cronofy", "client_secret", False),
    ("cronofy", "access_token", True),
    ("timekit", "app_key", False),
    ("timekit", "widget_key", False),
    ("timekit", "api_key", True),
    ("morgen", "api_key", False),
    ("morgen", "bearer", False),
    ("leadconnector", "token", False),
    ("morph", "pair", False),
    ("morph", "secret_key", False),
    ("morph", "public_key", False),
]
"""Every API with every kind of key, and whether a host must be named."""


def test_without_an_api_only_that_is_asked(owner):
    page = owner.get("/keys/new").content.decode()
    assert page.count('class="choice"') == 5
    assert 'name="name"' not in page


@pytest.mark.parametrize(("dialect", "kind", "bound"), ASKED)
def test_what_is_asked_depends_on_the_kind(owner, host, dialect, kind, bound):
    page = owner.get("/keys/new", {"dialect": dialect, "kind": kind}).content.decode()
    assert f'name="kind" value="{kind}"' in page
    checked = re.findall(r'name="scopes" value="([^"]+)"[^>]*checked', page)
    assert sorted(checked) == keys.usual_scopes("secret_key" if kind == "pair" else kind)
    if bound:
        assert "Choose a host" in page
        assert owner.post("/keys/new", fields(dialect, kind)).status_code == 422
        assert "Every host of the organisation" not in page


def test_what_was_typed_is_kept_when_another_api_is_chosen(owner):
    asked = {"dialect": "timekit", "name": "Our <site>", "expires": "day", "until": "2090-01-02"}
    answer = owner.get("/keys/new", asked, headers={"HX-Request": "true"})
    page = answer.content.decode()
    assert "<html" not in page
    assert 'value="Our &lt;site&gt;"' in page
    assert '<option value="day" selected>' in page
    assert 'value="2090-01-02"' in page


@pytest.mark.parametrize(("dialect", "kind", "bound"), ASKED)
def test_the_call_that_a_new_key_is_shown_with_is_answered(owner, org, host, dialect, kind, bound):
    kept = EventType.everywhere.create(organisation=org, name="First meeting", slug="first")
    kept.hosts.add(host)
    where, page = make(owner, dialect, kind, **({"host": str(host.pk)} if bound else {}))
    shown = secrets_on(page)
    assert len(shown) == (2 if kind == "pair" else 1)
    client_code, curl = code_on(page)
    assert "http://127.0.0.1:8000" in client_code
    assert all(secret in client_code and secret in curl for secret in shown)
    if kind not in ("secret_key", "public_key"):  # which need their other half
        answer = call(curl)
        assert answer.status_code in (200, 201), (curl, answer.content)
        assert ApiKey.everywhere.get(pk=where.rpartition("/")[2]).last_used_at


def test_half_a_pair_works_with_the_other_half(owner, org, host):
    _, page = make(owner, "morph", "public_key")
    (public,) = secrets_on(page)
    _, page = make(owner, "morph", "secret_key", host=str(host.pk))
    curl = code_on(page)[1]
    assert call(curl).status_code == 401
    assert call(curl.replace("PUBLIC_KEY", public)).status_code == 200


def test_a_key_gets_what_was_chosen_and_its_maker_is_recorded(owner, org, host):
    where, page = make(owner, "morgen", "api_key", host=str(host.pk), scopes=["events:read"], expires="never")
    key = ApiKey.everywhere.get()
    assert where == f"/keys/{key.pk}"
    assert (key.name, key.host, key.scopes, key.expires_at) == ("Our site", host, ["events:read"], None)
    assert keys.find(secrets_on(page)[0], "morgen") == key
    assert AuditEntry.everywhere.get(action="key.issued").actor == "olga"
    assert "· olga" in page


def test_a_key_works_until_the_end_of_its_last_day_where_the_organisation_is(owner, org):
    org.timezone = "Europe/Berlin"
    org.save()
    make(owner, expires="day", until="2030-03-30", name="Chosen")
    assert ApiKey.everywhere.get(name="Chosen").expires_at == dt.datetime(2030, 3, 30, 23, tzinfo=dt.UTC)
    with time_machine.travel(dt.datetime(2027, 3, 1, 23, 30, tzinfo=dt.UTC), tick=False):
        later = member(org)
        make(later, expires="30", name="Counted")
    assert ApiKey.everywhere.get(name="Counted").expires_at == dt.datetime(2027, 4, 1, 22, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("which", "changes", "message"),
    [
        ((), {"name": ""}, "This field is required."),
        ((), {"name": "x" * 101}, "at most 100 characters"),
        ((), {"name": "nul\x00"}, "Null characters are not allowed."),
        ((), {"scopes": []}, "Choose at least one"),
        ((), {"scopes": ["nonsense"]}, "Select a valid choice."),
        ((), {"expires": "nonsense"}, "Select a valid choice."),
        ((), {"expires": "day", "until": ""}, "Which day?"),
        ((), {"expires": "day", "until": "tomorrow"}, "Enter a valid date."),
        ((), {"expires": "day", "until": "2020-01-01"}, "This has passed already."),
        ((), {"expires": "day", "until": "0001-01-01"}, "This has passed already."),
        ((), {"expires": "day", "until": "9999-12-31"}, "At most ten years from now."),
        (("cronofy", "access_token"), {}, "This field is required."),
        (("cronofy", "access_token"), {"host": "nonsense"}, "Select a valid choice."),
        (("timekit", "widget_key"), {"scopes": ["events:read"]}, "Select a valid choice."),
    ],
)
def test_what_cannot_be_made_is_said_beside_its_field_and_the_rest_is_kept(owner, host, which, changes, message):
    asked = fields(*which) | {"name": "Kept name"} | changes
    answer = owner.post("/keys/new", asked)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert re.search(rf'class="error"[^>]*>[^<]*{re.escape(message)}', page)
    assert "Kept name" in page or "name" in changes
    assert not ApiKey.everywhere.exists()


def test_a_resource_without_an_address_gets_no_key_that_could_never_be_shown(owner, org):
    nameless = factories.host(org, name="Studio 2", email="")
    answer = owner.post("/keys/new", fields("timekit", "api_key", host=str(nameless.pk)))
    assert "Studio 2 needs an e-mail address first" in answer.content.decode()
    assert not ApiKey.everywhere.exists()


@pytest.mark.parametrize("asked", [{"dialect": "nonsense"}, {"dialect": "timekit", "kind": "refresh_token"}])
def test_kinds_that_are_not_offered_are_not_made(owner, asked):
    assert owner.get("/keys/new", asked).status_code == 200
    owner.post("/keys/new", {"name": "X", "expires": "never", "scopes": ["events:read"]} | asked)
    assert not ApiKey.everywhere.filter(kind="refresh_token").exists()


# ── Shown once ──


def test_a_secret_is_shown_once_and_a_reload_says_so(owner):
    where, page = make(owner)
    (secret,) = secrets_on(page)
    again = owner.get(where).content.decode()
    assert secret not in again
    assert "cannot be shown again" in again
    assert "CLIENT_SECRET" in again, "the lines to change are still there"


def test_the_page_that_shows_a_secret_is_kept_by_nobody(owner):
    answer = owner.get(make(owner)[0])
    assert "no-store" in answer.headers["Cache-Control"]


def test_a_secret_is_in_no_address_no_table_and_not_in_clear_in_the_session(owner):
    answer = owner.post("/keys/new", fields())
    before = json.dumps(dict(owner.session))
    where = answer.headers["Location"]
    (secret,) = secrets_on(owner.get(where).content.decode())
    after = json.dumps(dict(owner.session))
    tables = serializers.serialize("json", [*ApiKey.everywhere.all(), *AuditEntry.everywhere.all()])
    for place in (where, before, after, tables):
        assert secret not in place
    assert ApiKey.everywhere.get().digest == ApiKey.hash(secret)
    assert len(after) < len(before), "nothing of it is left in the session"


def test_a_secret_is_shown_to_nobody_else_not_to_a_head_request_and_not_after_ten_minutes(owner, org):
    where = owner.post("/keys/new", fields()).headers["Location"]
    assert secrets_on(member(org).get(where).content.decode()) == []
    owner.head(where)
    assert len(secrets_on(owner.get(where).content.decode())) == 1
    where = owner.post("/keys/new", fields()).headers["Location"]
    with time_machine.travel(now() + dt.timedelta(minutes=11)):
        assert secrets_on(owner.get(where).content.decode()) == []


def test_two_keys_made_at_once_are_both_shown(owner):
    places = [owner.post("/keys/new", fields(name=name)).headers["Location"] for name in ("One", "Two")]
    shown = [secrets_on(owner.get(place).content.decode()) for place in places]
    assert [len(each) for each in shown] == [1, 1]


def test_no_quote_in_an_address_breaks_the_lines_to_copy(owner, org):
    host = factories.host(org, email="o'brien@example.org", name="O'Brien")
    _, page = make(owner, "timekit", "api_key", host=str(host.pk))
    client_code, curl = code_on(page)
    assert '"o\'brien@example.org"' in client_code
    assert call(curl).status_code == 200


# ── Ending ──


def test_a_revoked_key_is_refused_over_the_api_from_then_on(owner, host):
    where, page = make(owner, "morgen", "api_key")
    curl = code_on(page)[1]
    assert call(curl).status_code == 200
    assert "Revoke “Our site”?" in owner.get(f"{where}/revoke").content.decode()
    assert call(curl).status_code == 200, "asking ends nothing"
    listed = owner.post(f"{where}/revoke", follow=True).content.decode()
    assert "is revoked" in listed
    assert call(curl).status_code == 401
    owner.post(f"{where}/revoke")
    assert AuditEntry.everywhere.filter(action="key.revoked", actor="olga").count() == 1
    shown = owner.get(where).content.decode()
    assert "Revoked</span>" in shown
    assert "/revoke" not in shown, "there is no way back and nothing left to revoke"


def application(host, name: str) -> tuple[Grant, grants.Tokens]:
    granted, code = grants.grant(
        host, name=name, scopes=["calendars:read"], redirect_uri="https://a.example", actor=SYSTEM
    )
    tokens = grants.redeem(host.organisation, "cronofy", code, "https://a.example", actor=SYSTEM)
    return granted, tokens


def test_what_hosts_granted_is_listed_and_ended(owner, host):
    granted, tokens = application(host, "Calendar butler")
    page = owner.get("/keys").content.decode()
    assert "Calendar butler" in page
    assert "Read calendars" in page
    assert "Make your first key" in page, "its tokens are no keys of the organisation"
    calendars = f"curl http://127.0.0.1:8000/v1/calendars -H 'Authorization: Bearer {tokens.access}'"
    assert call(calendars).status_code == 200
    ending = f"/keys/grants/{granted.pk}/end"
    assert "End what “Calendar butler” may do?" in owner.get(ending).content.decode()
    assert call(calendars).status_code == 200
    assert "may do nothing here any more" in owner.post(ending, follow=True).content.decode()
    assert call(calendars).status_code == 401
    assert "Calendar butler" not in owner.get("/keys").content.decode()
    assert "Calendar butler" in owner.get("/keys?show=ended").content.decode()
    assert AuditEntry.everywhere.get(action="grant.ended").actor == "olga"


def test_the_token_of_an_application_has_no_page_of_its_own(owner, host):
    application(host, "Calendar butler")
    token = ApiKey.everywhere.filter(grant__isnull=False).first()
    assert owner.get(f"/keys/{token.pk}").status_code == 404


def test_the_ids_a_program_needs_are_told(owner, org, host):
    _, page = make(owner, "leadconnector", "token")
    assert refs.ref("leadconnector", "organisation", org) in page
    _, page = make(owner, "cronofy", "client_secret")
    assert refs.ref("cronofy", "host", host) in page
    assert ExternalRef.everywhere.filter(surface="cronofy", kind="host").count() == 1
