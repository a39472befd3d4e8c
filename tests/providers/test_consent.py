"""From the choice of a kind over the service's consent page to a connected account, and back out again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.test import Client

from bookings.models import Account, Calendar, Host, Membership
from providers import base, consent
from providers.lab.double import Fault, Told, serve
from providers.lab.login import LoginDouble
from tests import factories
from tests.providers import example

ADA, BO = "ada@example.org", "bo@example.org"
SECRET = re.compile(r"(at|rt)\.[\w-]{20,}")


@pytest.fixture
def login(settings, monkeypatch) -> Iterator[LoginDouble]:
    double = LoginDouble()
    double.redirects = {f"{settings.BASE_URL}/calendars/connect/{slug}/callback" for slug in ("google", "microsoft")}
    with serve(double) as url:
        settings.LAN_ALLOWED = [urlsplit(url).netloc]
        monkeypatch.setattr(example, "double", double)
        for provider in (Account.Provider.GOOGLE, Account.Provider.MICROSOFT):
            monkeypatch.setitem(base.ADAPTERS, provider, "tests.providers.example.from_account")
        yield double


@pytest.fixture
def host(db: None) -> Host:
    return factories.host(name="Ada", email=ADA)


@pytest.fixture
def staff(host: Host) -> Client:
    return signed_in(host, Membership.Role.STAFF)


@pytest.fixture
def admin(host: Host) -> Client:
    return signed_in(host, Membership.Role.ADMIN)


def signed_in(host: Host, role: str) -> Client:
    client = Client()
    client.force_login(factories.staff_user(host.organisation, role=role))
    return client


def sent_to(answer) -> str:
    """The address at the service that a page leads on to."""
    page = answer.content.decode()
    assert answer.status_code == 200, page
    found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', page)
    assert found, page
    return unescape(found[1])


def start(staff: Client, host: Host, label: str = "Work") -> str:
    return sent_to(staff.post("/calendars/connect/google", {"host": str(host.pk), "label": label}))


def decide(url: str, **form) -> str:
    """What a person does at the service; the path and query they come back with."""
    answer = requests.post(url, data={"person": ADA, "allow": "1", **form}, allow_redirects=False, timeout=5)
    back = urlsplit(answer.headers["Location"])
    return f"{back.path}?{back.query}"


def connected(staff: Client, host: Host, person: str = ADA) -> Account:
    answer = staff.get(decide(start(staff, host), person=person))
    assert answer.status_code == 302, answer.content.decode()
    return Account.everywhere.get(provider="google")


# ── The choice ──


def test_every_kind_says_what_it_asks(staff: Client, login: LoginDouble) -> None:
    page = staff.get("/calendars/connect").content.decode()
    for words in ("Google Calendar", "Microsoft 365", "iCloud, Nextcloud, Fastmail", "Calendar feed (.ics)"):
        assert words in page
    assert "for everybody" not in page, "that is an administrator's choice"


def test_a_service_without_a_registration_says_what_to_set(
    staff: Client, host: Host, login: LoginDouble, monkeypatch, settings
) -> None:
    monkeypatch.setattr(example, "client_id", "")
    assert "GOOGLE_CLIENT_ID" in staff.get("/calendars/connect").content.decode()
    answer = staff.get("/calendars/connect/google")
    page = answer.content.decode()
    assert "GOOGLE_CLIENT_SECRET" in page
    assert f"{settings.BASE_URL}/calendars/connect/google/callback" in page
    assert '<button class="button primary"' not in page
    assert "refresh" not in staff.post("/calendars/connect/google", {"host": str(host.pk)}).content.decode()


def test_an_unknown_kind_is_not_there(staff: Client) -> None:
    assert staff.get("/calendars/connect/fax").status_code == 404


# ── Consent ──


def test_from_the_choice_to_calendars(staff: Client, host: Host, login: LoginDouble) -> None:
    url = start(staff, host)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert asked["code_challenge_method"] == "S256"
    assert asked["scope"] == "calendars.read events.write"
    answer = staff.get(decide(url))
    account = Account.everywhere.get(provider="google")
    assert answer.headers["Location"] == f"/calendars/{account.pk}/choose"
    assert (account.label, account.username, account.host) == ("Work", ADA, host)
    assert account.calendars.get().external_id == ADA
    assert login.owner_of(account.credentials()["access_token"]) == ADA


def test_no_page_on_the_way_shows_a_token(staff: Client, host: Host, login: LoginDouble) -> None:
    account = connected(staff, host)
    for path in ("/calendars", f"/calendars/{account.pk}/choose", f"/calendars/{account.pk}/reconnect"):
        assert not SECRET.search(staff.get(path).content.decode())
    assert not SECRET.search(json.dumps(dict(staff.session)))


def test_denied_consent_is_told_and_loses_nothing(staff: Client, host: Host, login: LoginDouble) -> None:
    answer = staff.get(decide(start(staff, host, "My label"), allow=""))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Consent was not given" in page
    assert "My label" in page
    assert 'action="/calendars/connect/google"' in page, "and it can be sent again"
    assert not Account.everywhere.filter(provider="google").exists()


def test_other_refusals_are_told_in_the_services_words(staff: Client, host: Host, login: LoginDouble) -> None:
    state = parse_qs(urlsplit(start(staff, host)).query)["state"][0]
    back = "/calendars/connect/google/callback?"
    page = staff.get(f"{back}state={state}&error=odd_thing&error_description=<b>Ask+Eve</b>").content.decode()
    assert "odd_thing &lt;b&gt;Ask Eve&lt;/b&gt;" in page


def test_unticked_permissions_are_named(staff: Client, host: Host, login: LoginDouble) -> None:
    url = sent_to(staff.post("/calendars/connect/microsoft", {"host": str(host.pk)}))
    answer = staff.get(decide(url, scope=["calendars.read"]))
    assert answer.status_code == 422
    assert "events.write" in answer.content.decode()
    assert not Account.everywhere.filter(provider="microsoft").exists()


def test_a_service_that_makes_do_with_less_is_connected(staff: Client, host: Host, login: LoginDouble) -> None:
    assert staff.get(decide(start(staff, host), scope=["calendars.read"])).status_code == 302
    assert Account.everywhere.get(provider="google").credentials()["scope"] == "calendars.read"


@pytest.mark.parametrize("wrong", ["state", "no state", "twice", "other person", "other kind", "late", "issuer"])
def test_an_answer_that_was_not_asked_for_connects_nothing(
    staff: Client, admin: Client, host: Host, login: LoginDouble, monkeypatch, wrong: str
) -> None:
    back = decide(start(staff, host))
    client = staff
    if wrong == "state":
        back = back.replace("state=", "state=x")
    elif wrong == "no state":
        back = back.partition("&state=")[0]
    elif wrong == "twice":
        staff.get(back)
        Account.everywhere.filter(provider="google").delete()
    elif wrong == "other person":
        client = admin
    elif wrong == "other kind":
        back = back.replace("google", "microsoft")
    elif wrong == "late":
        monkeypatch.setattr(consent, "KEPT_S", -1)
    else:
        back += "&iss=https://evil.example"
    answer = client.get(back)
    assert answer.status_code == 400
    assert "does not belong to a sign-in" in answer.content.decode()
    assert not Account.everywhere.filter(provider="google").exists()


def test_a_code_that_the_service_refuses_is_told(staff: Client, host: Host, login: LoginDouble) -> None:
    back = decide(start(staff, host))
    login.faults.append(Fault("answer", "token", told=Told(401, {"error": "invalid_client"})))
    answer = staff.get(back)
    assert answer.status_code == 422
    assert "administrator has to check the client id" in answer.content.decode()


def test_an_organisations_host_only(staff: Client, host: Host, login: LoginDouble) -> None:
    stranger = factories.host()
    answer = staff.post("/calendars/connect/google", {"host": str(stranger.pk)})
    assert answer.status_code == 422


# ── Again, and the end ──


def test_signing_in_again_keeps_ids_and_choices(staff: Client, host: Host, login: LoginDouble) -> None:
    account = connected(staff, host)
    calendar = account.calendars.get()
    staff.post(
        f"/calendars/{account.pk}/choose",
        {"booking_calendar": str(host.accounts.get(provider="local").calendars.get().pk)},
    )
    login.kill(ADA)
    Account.everywhere.filter(pk=account.pk).update(health="reauth", last_error="Dead.")
    answer = staff.get(decide(sent_to(staff.post(f"/calendars/{account.pk}/reconnect"))))
    assert answer.headers["Location"] == "/calendars"
    account.refresh_from_db()
    assert account.health == Account.Health.OK
    assert login.owner_of(account.credentials()["access_token"]) == ADA
    assert list(Calendar.everywhere.filter(account=account).values_list("pk", "blocks")) == [(calendar.pk, False)]


def test_somebody_elses_sign_in_is_not_taken(staff: Client, host: Host, login: LoginDouble) -> None:
    account = connected(staff, host)
    before = account.credentials()
    answer = staff.get(decide(sent_to(staff.post(f"/calendars/{account.pk}/reconnect")), person=BO))
    assert answer.status_code == 422
    assert f"sign-in of {BO}" in answer.content.decode()
    account.refresh_from_db()
    assert account.credentials() == before


@pytest.mark.parametrize("fault", ["none", "down"])
def test_disconnecting_gives_the_tokens_back(staff: Client, host: Host, login: LoginDouble, fault: str) -> None:
    account = connected(staff, host)
    token = account.credentials()["access_token"]
    if fault == "down":
        login.faults.append(Fault("lost_request", "revoke"))
    staff.post(f"/calendars/{account.pk}/disconnect")
    assert login.count("revoke") == 1
    assert (login.owner_of(token) is None) == (fault == "none")
    assert not Account.everywhere.filter(provider="google").exists()


# ── Everybody at once ──


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def key_file(key: rsa.RSAPrivateKey) -> str:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return json.dumps({"type": "service_account", "client_email": "robot@p.example", "private_key": pem.decode()})


def test_an_administrator_connects_everybody_with_one_key(
    admin: Client, host: Host, login: LoginDouble, key: rsa.RSAPrivateKey
) -> None:
    numbers = key.public_key().public_numbers()
    login.delegates["robot@p.example"] = (numbers.n, numbers.e)
    bo, stranger = (factories.host(host.organisation, name=name, email=f"{name}@example.org") for name in ("bo", "eve"))
    hosts = [str(each.pk) for each in (host, bo, stranger)]
    answer = admin.post("/calendars/connect/google-workspace", {"host": hosts, "key": key_file(key)})
    page = answer.content.decode()
    assert "Connected: Ada, bo." in page
    assert "eve:" in page
    assert "PRIVATE KEY" not in page
    accounts = Account.everywhere.filter(provider="google")
    assert {account.username for account in accounts} == {ADA, BO}
    bo.refresh_from_db()
    assert bo.booking_calendar.external_id == BO


def test_a_key_file_that_is_none_is_explained(admin: Client, host: Host, login: LoginDouble) -> None:
    answer = admin.post("/calendars/connect/google-workspace", {"host": [str(host.pk)], "key": '{"a": 1}'})
    assert answer.status_code == 422
    assert "not the key file of a service account" in answer.content.decode()


def test_an_administrator_connects_a_tenant(admin: Client, host: Host, login: LoginDouble) -> None:
    typed = {"host": [str(host.pk)], "tenant": "t-1"}
    refused = admin.post("/calendars/connect/microsoft-organisation", typed)
    assert refused.status_code == 422
    assert "has to permit it" in refused.content.decode()
    login.tenants.add("t-1")
    assert admin.post("/calendars/connect/microsoft-organisation", typed).status_code == 302
    account = Account.everywhere.get(provider="microsoft")
    assert account.username == ADA
    assert account.credentials()["kind"] == "application"


def test_only_administrators_connect_everybody(staff: Client, admin: Client, login: LoginDouble) -> None:
    assert staff.get("/calendars/connect/google-workspace").status_code == 403
    assert "Google Workspace, for everybody" in admin.get("/calendars/connect").content.decode()
