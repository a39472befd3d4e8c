"""Signing in at Google, from the choice on our page to calendars that are read."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.test import Client

from bookings.models import Account, Host, Membership
from providers import watching
from providers.google import channels
from providers.google.scopes import ASKED, PREFIX
from providers.lab.google import Google
from tests import factories
from tests.providers.google.conftest import OWNER


@pytest.fixture
def host(db: None) -> Host:
    return factories.host(name="Ada", email="ada@work.example")


@pytest.fixture
def staff(host: Host) -> Client:
    client = Client()
    client.force_login(factories.staff_user(host.organisation, role=Membership.Role.STAFF))
    return client


def sign_in(staff: Client, start: str, typed: dict, *scopes: str) -> dict:
    """Go through Google's consent page with these boxes ticked; what was asked there."""
    page = staff.post(start, typed).content.decode()
    found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', page)
    assert found, page
    url = unescape(found[1])
    ticked = {"person": OWNER, "allow": "1", "scope": [PREFIX + scope for scope in scopes]}
    answer = requests.post(url, data=ticked, allow_redirects=False, timeout=5)
    back = urlsplit(answer.headers["Location"])
    assert staff.get(f"{back.path}?{back.query}").status_code == 302
    return parse_qs(urlsplit(url).query)


def test_a_person_signs_in_and_their_calendars_are_read(staff: Client, host: Host, google: Google) -> None:
    google.calendar(OWNER, "team@group", summary="Team")
    times = {"start": {"dateTime": "2027-03-01T09:00:00Z"}, "end": {"dateTime": "2027-03-01T10:00:00Z"}}
    google.add(OWNER, **times)
    asked = sign_in(staff, "/calendars/connect/google", {"host": str(host.pk), "label": "Work"}, *ASKED)
    assert asked["scope"] == [" ".join(PREFIX + scope for scope in ASKED)]
    assert (asked["access_type"], asked["code_challenge_method"]) == (["offline"], ["S256"])
    account = Account.everywhere.get(provider="google")
    assert account.username == OWNER
    assert {calendar.name for calendar in account.calendars.all()} == {OWNER, "Team"}
    assert account.calendars.get(external_id=OWNER).events.count() == 1


def test_boxes_left_unticked_are_told_and_can_be_ticked_later(staff: Client, host: Host, google: Google) -> None:
    sign_in(staff, "/calendars/connect/google", {"host": str(host.pk)}, ASKED[0], ASKED[1])
    account = Account.everywhere.get(provider="google")
    assert not account.calendars.get().is_writable
    assert len(account.capabilities["notes"]) == 2
    watching.keep_all()
    sign_in(staff, f"/calendars/{account.pk}/reconnect", {}, *ASKED)
    account.refresh_from_db()
    assert account.calendars.get().is_writable
    assert account.capabilities["notes"] == []


def test_a_new_sign_in_keeps_channels_and_a_disconnection_ends_them(
    staff: Client, host: Host, google: Google, settings
) -> None:
    settings.BASE_URL = settings.BASE_URL.replace("http://testserver", "http://127.0.0.1:8000")
    google.notifies = False
    sign_in(staff, "/calendars/connect/google", {"host": str(host.pk)}, *ASKED)
    watching.keep_all()
    account = Account.everywhere.get(provider="google")
    kept = channels.kept(account)
    assert kept
    sign_in(staff, f"/calendars/{account.pk}/reconnect", {}, *ASKED)
    account.refresh_from_db()
    assert channels.kept(account) == kept
    token = account.credentials()["refresh_token"]
    staff.post(f"/calendars/{account.pk}/disconnect")
    assert google.channels == {}
    assert not google._refresh[token].alive, "the consent was given back"
