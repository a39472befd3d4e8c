"""Tokens: asked for with PKCE, renewed by one at a time, never lost to a race, given back at the end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.cache import cache

from bookings.models import Account
from providers import oauth
from providers.base import Ended, Outcome, Result
from providers.lab.double import Fault, Told, serve
from providers.lab.login import LoginDouble
from tests import factories

BACK = "https://book.example.com/calendars/connect/google/callback"
ADA = "ada@example.org"


@pytest.fixture
def login(settings) -> Iterator[LoginDouble]:
    double = LoginDouble()
    with serve(double) as url:
        settings.LAN_ALLOWED = [urlsplit(url).netloc]
        yield double


@pytest.fixture
def service(login: LoginDouble) -> oauth.Service:
    return oauth.Service(
        "Example",
        authorize_url=f"{login.url}/oauth2/authorize",
        token_url=f"{login.url}/oauth2/token",
        revoke_url=f"{login.url}/oauth2/revoke",
        scopes=("https://scopes.example/calendar.events", "offline_access"),
        client_id="lab",
        client_secret="lab-secret",
        parameters={"prompt": "consent"},
    )


def account_with(credentials: dict[str, object]) -> Account:
    account: Account = factories.caldav_calendar(factories.host()).account
    account.set_credentials(credentials)
    account.save()
    return account


@pytest.fixture
def account(db: None, login: LoginDouble) -> Account:
    return account_with(login.issue(ADA))


def consent(service: oauth.Service, verifier: str, **form: object) -> dict[str, str]:
    """What the service sends the browser back with, after a person pressed a button."""
    url = oauth.begin(service, redirect_uri=BACK, state="s1", verifier=verifier)
    page = requests.get(url, timeout=5)
    assert page.status_code == 200, page.text
    answer = requests.post(url, data={"person": ADA, **form}, allow_redirects=False, timeout=5)
    back = answer.headers["Location"]
    assert back.startswith(BACK)
    return {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}


def ended(call) -> Result:
    with pytest.raises(Ended) as stopped:
        call()
    return stopped.value.result


# ── Consent ──


def test_consent_becomes_tokens_that_work(service: oauth.Service, login: LoginDouble) -> None:
    verifier = oauth.new_verifier()
    back = consent(service, verifier, allow="1")
    assert back["state"] == "s1"
    tokens = oauth.exchange(service, code=back["code"], redirect_uri=BACK, verifier=verifier)
    assert login.owner_of(tokens["access_token"]) == ADA
    assert tokens["refresh_token"]
    assert 3500 < tokens["expires_s"] - time.time() <= 3600


@pytest.mark.parametrize("wrong", ["verifier", "redirect_uri", "code"])
def test_a_code_is_worth_nothing_to_others(service: oauth.Service, wrong: str) -> None:
    verifier = oauth.new_verifier()
    asked = {"code": consent(service, verifier, allow="1")["code"], "redirect_uri": BACK, "verifier": verifier}
    ended(lambda: oauth.exchange(service, **asked | {wrong: "https://elsewhere.example/"}))


def test_a_denied_consent_comes_back_as_an_error(service: oauth.Service) -> None:
    assert consent(service, oauth.new_verifier(), allow="")["error"] == "access_denied"


@pytest.mark.parametrize(
    ("granted", "missing"),
    [
        ("https://scopes.example/calendar.events", []),
        ("Calendar.Events openid", []),
        ("https://scopes.example/calendar.freebusy", ["https://scopes.example/calendar.events"]),
        ("", []),
    ],
)
def test_scopes_that_were_not_granted_are_named(granted: str, missing: list[str], service: oauth.Service) -> None:
    assert oauth.missing_scopes(service, granted) == missing


# ── Renewal ──


def test_a_fresh_token_costs_no_call(account: Account, service: oauth.Service, login: LoginDouble) -> None:
    assert login.owner_of(oauth.access_token(account, service)) == ADA
    assert login.count("token") == 0


@pytest.mark.parametrize("why", ["about to end", "rejected"])
def test_an_old_token_is_renewed_and_kept(
    account: Account, service: oauth.Service, login: LoginDouble, why: str
) -> None:
    held = account.credentials()
    if why == "about to end":
        account.set_credentials(held | {"expires_s": int(time.time()) + 60})
        account.save()
    token = oauth.access_token(account, service, rejected=held["access_token"] if why == "rejected" else "")
    assert token != held["access_token"]
    stored = Account.everywhere.get(pk=account.pk).credentials()
    assert stored["access_token"] == token
    assert stored["refresh_token"] == held["refresh_token"], "a service that does not rotate sends none"


def test_a_rotated_refresh_token_replaces_the_old_one(
    account: Account, service: oauth.Service, login: LoginDouble
) -> None:
    login.rotates = True
    for _ in range(3):
        login.expire()
        token = oauth.access_token(account, service, rejected=account.credentials()["access_token"])
        assert login.owner_of(token) == ADA


def test_who_holds_an_outdated_row_takes_what_another_process_stored(
    account: Account, service: oauth.Service, login: LoginDouble
) -> None:
    login.rotates = True
    outdated = Account.everywhere.get(pk=account.pk)
    rejected = account.credentials()["access_token"]
    token = oauth.access_token(account, service, rejected=rejected)
    assert oauth.access_token(outdated, service, rejected=rejected) == token
    assert login.renewals == 1


def test_a_new_sign_in_during_a_renewal_is_not_overwritten(
    account: Account, service: oauth.Service, login: LoginDouble, monkeypatch
) -> None:
    newer = login.issue(ADA)
    ask = oauth._renewed

    def meanwhile(*args):
        told = ask(*args)
        row = Account.everywhere.get(pk=account.pk)
        row.set_credentials(newer)
        row.save()
        return told

    monkeypatch.setattr(oauth, "_renewed", meanwhile)
    token = oauth.access_token(account, service, rejected=account.credentials()["access_token"])
    assert token == newer["access_token"]
    assert Account.everywhere.get(pk=account.pk).credentials() == newer


def test_while_another_process_renews_we_wait_and_take_what_it_stores(
    account: Account, service: oauth.Service, login: LoginDouble, monkeypatch
) -> None:
    lock = f"oauth-renewal:{account.pk}"
    cache.add(lock, "another process")
    theirs = login.issue(ADA)

    def meanwhile(seconds: float) -> None:
        row = Account.everywhere.get(pk=account.pk)
        row.set_credentials(theirs)
        row.save()
        cache.delete(lock)

    monkeypatch.setattr(oauth.time, "sleep", meanwhile)
    token = oauth.access_token(account, service, rejected=account.credentials()["access_token"])
    assert token == theirs["access_token"]
    assert login.renewals == 0


def test_a_process_that_died_while_it_renewed_stops_nobody_for_long(
    account: Account, service: oauth.Service, login: LoginDouble, monkeypatch
) -> None:
    lock = f"oauth-renewal:{account.pk}"
    cache.add(lock, "a dead process")
    monkeypatch.setattr(oauth.time, "sleep", lambda seconds: cache.delete(lock))  # its time is over
    oauth.access_token(account, service, rejected=account.credentials()["access_token"])
    assert login.renewals == 1


def test_waiting_for_another_process_has_an_end(
    account: Account, service: oauth.Service, login: LoginDouble, monkeypatch
) -> None:
    cache.add(f"oauth-renewal:{account.pk}", "another process")
    monkeypatch.setattr(oauth, "_WAIT_S", 0)
    result = ended(lambda: oauth.access_token(account, service, rejected=account.credentials()["access_token"]))
    assert result.outcome == Outcome.TRANSIENT
    assert cache.get(f"oauth-renewal:{account.pk}") == "another process", "their lock is not ours to lift"


def test_the_lock_is_given_back_whatever_happens(account: Account, service: oauth.Service, login: LoginDouble) -> None:
    login.kill(ADA)
    ended(lambda: oauth.access_token(account, service, rejected=account.credentials()["access_token"]))
    assert cache.get(f"oauth-renewal:{account.pk}") is None


# ── What refusals mean ──


@pytest.mark.parametrize(
    ("status", "error", "outcome"),
    [
        (400, "invalid_grant", Outcome.AUTH_DEAD),
        (400, "interaction_required", Outcome.AUTH_DEAD),
        (400, "consent_required", Outcome.AUTH_DEAD),
        (401, "invalid_client", Outcome.TRANSIENT),
        (400, "invalid_client", Outcome.TRANSIENT),
        (429, "", Outcome.TRANSIENT),
        (500, "", Outcome.TRANSIENT),
        (503, "temporarily_unavailable", Outcome.TRANSIENT),
        (500, "invalid_grant", Outcome.TRANSIENT),
        (200, "", Outcome.TRANSIENT),
    ],
)
def test_only_a_dead_grant_asks_for_a_person(
    account: Account, service: oauth.Service, login: LoginDouble, status: int, error: str, outcome: Outcome
) -> None:
    login.faults.append(Fault("answer", "token", told=Told(status, {"error": error}, {"Retry-After": "7"})))
    result = ended(lambda: oauth.access_token(account, service, rejected=account.credentials()["access_token"]))
    assert result.outcome == outcome
    if error == "invalid_client":
        assert "registration" in result.detail
    if status in (429, 503):
        assert result.retry_after == 7


@pytest.mark.parametrize("kind", ["lost_request", "lost_answer", "garbled"])
def test_a_bad_minute_of_the_token_server_disconnects_nobody(
    account: Account, service: oauth.Service, login: LoginDouble, kind: str
) -> None:
    login.faults.append(Fault(kind, "token"))
    rejected = account.credentials()["access_token"]
    assert ended(lambda: oauth.access_token(account, service, rejected=rejected)).outcome == Outcome.TRANSIENT
    assert login.owner_of(oauth.access_token(account, service, rejected=rejected)) == ADA


def test_a_withdrawn_consent_needs_the_person(account: Account, service: oauth.Service, login: LoginDouble) -> None:
    login.kill(ADA)
    result = ended(lambda: oauth.access_token(account, service, rejected=account.credentials()["access_token"]))
    assert result.outcome == Outcome.AUTH_DEAD


def test_credentials_that_cannot_be_opened_need_the_person(account: Account, service: oauth.Service) -> None:
    account.sealed_credentials = b"\x01damaged"
    assert ended(lambda: oauth.access_token(account, service)).outcome == Outcome.AUTH_DEAD


# ── Without a person ──


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def service_account(key: rsa.RSAPrivateKey, subject: str = ADA) -> dict[str, object]:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {
        "kind": "service_account",
        "client_email": "robot@project.example",
        "private_key": pem.decode(),
        "private_key_id": "k1",
        "subject": subject,
    }


def test_a_service_account_acts_for_a_person(
    db: None, login: LoginDouble, service: oauth.Service, key: rsa.RSAPrivateKey
) -> None:
    numbers = key.public_key().public_numbers()
    login.delegates["robot@project.example"] = (numbers.n, numbers.e)
    account = account_with(service_account(key))
    token = oauth.access_token(account, service)
    assert login.owner_of(token) == ADA
    assert oauth.access_token(account, service) == token, "kept until it ends"
    assert login.count("token") == 1
    assert account.credentials()["private_key"] == service_account(key)["private_key"]


def test_a_service_account_without_delegation_is_told_so(
    db: None, login: LoginDouble, service: oauth.Service, key: rsa.RSAPrivateKey
) -> None:
    result = ended(lambda: oauth.access_token(account_with(service_account(key)), service))
    assert result.outcome == Outcome.AUTH_DEAD
    assert "permit" in result.detail


def test_an_application_acts_in_a_tenant_that_permits_it(db: None, login: LoginDouble, service: oauth.Service) -> None:
    own = replace(service, token_url=f"{login.url}/t-1/oauth2/v2.0/token", scopes=("https://graph.example/.default",))
    account = account_with({"kind": "application", "tenant": "t-1"})
    assert ended(lambda: oauth.access_token(account, own)).outcome == Outcome.AUTH_DEAD
    login.tenants.add("t-1")
    assert login.owner_of(oauth.access_token(account, own)) == ""


# ── The end ──


def test_tokens_are_given_back(account: Account, service: oauth.Service, login: LoginDouble) -> None:
    held = account.credentials()
    assert oauth.revoke(service, held)
    assert login.owner_of(held["access_token"]) is None
    assert not oauth.revoke(service, held), "a second time there is nothing left"


def test_a_service_that_is_down_does_not_hinder_the_end(account: Account, service: oauth.Service) -> None:
    assert not oauth.revoke(replace(service, revoke_url="http://127.0.0.1:9/revoke"), account.credentials())
