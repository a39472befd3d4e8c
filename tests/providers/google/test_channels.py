"""Google tells of changes through watch channels, and nobody else does."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta

import pytest
from django.test import Client
from django.utils.timezone import now

from bookings.models import Account
from providers import watching
from providers.google import channels
from providers.google.provider import leave
from tests.providers.google.conftest import OWNER, Connected

HOUR = {"start": {"dateTime": "2027-03-01T09:00:00Z"}, "end": {"dateTime": "2027-03-01T10:00:00Z"}}


@pytest.fixture
def sent(connected: Connected, settings) -> list[tuple[str, Mapping[str, str]]]:
    """Notifications that the double sent: where to, and with which headers."""
    settings.BASE_URL = "http://127.0.0.1:8000"
    posted: list[tuple[str, Mapping[str, str]]] = []
    connected.google.post = lambda address, headers: posted.append((address, headers))
    watching.keep_all()
    connected.account.refresh_from_db()
    return posted


def deliver(message: tuple[str, Mapping[str, str]], **changed: str) -> int:
    address, headers = message
    path = address.removeprefix("http://127.0.0.1:8000")
    headers = {**headers, **{f"X-Goog-{name.replace('_', '-')}": value for name, value in changed.items()}}
    return Client(enforce_csrf_checks=True).post(path, headers=headers).status_code


def wait_long(connected: Connected) -> None:
    Account.everywhere.filter(pk=connected.account.pk).update(next_pull_at=now() + timedelta(hours=1))


def is_due_soon(connected: Connected) -> bool:
    connected.account.refresh_from_db()
    return connected.account.next_pull_at < now() + timedelta(seconds=5)


def test_a_notification_has_the_account_read_at_once(connected: Connected, sent) -> None:
    wait_long(connected)
    assert deliver(sent[0]) == 204, "the first one only says that the channel is open"
    assert not is_due_soon(connected)
    connected.google.add(OWNER, **HOUR)
    assert deliver(sent[1]) == 204
    assert is_due_soon(connected)
    assert connected.busy() == [], "reading is the worker's affair"


def test_forged_notifications_change_nothing(connected: Connected, sent) -> None:
    wait_long(connected)
    connected.google.add(OWNER, **HOUR)
    assert deliver(sent[1], Channel_Token="guessed") == 404
    assert deliver(sent[1], Channel_ID="made-up", Channel_Token=channels.token_of("made-up")) == 404
    assert deliver(("/notify/google/00000000-0000-0000-0000-000000000000", sent[1][1])) == 404
    assert Client().get(sent[1][0].removeprefix("http://127.0.0.1:8000")).status_code == 405
    assert not is_due_soon(connected)


def test_a_channel_is_replaced_before_it_ends(connected: Connected, sent) -> None:
    (first,) = channels.kept(connected.account).values()
    watching.keep_all()
    assert list(connected.google.channels) == [first.id], "it lasts long enough"
    ends = {OWNER: {"id": first.id, "resource_id": first.resource_id, "expires_s": int(time.time()) + 3600}}
    Account.everywhere.filter(pk=connected.account.pk).update(capabilities={channels.KEPT: ends})
    watching.keep_all()
    connected.account.refresh_from_db()
    (second,) = channels.kept(connected.account).values()
    assert second.id != first.id
    assert list(connected.google.channels) == [second.id]
    assert second.expires_s > time.time() + 6 * 86_400


def test_channels_end_with_the_account(connected: Connected, sent) -> None:
    assert len(connected.google.channels) == 1
    leave(connected.account)
    assert connected.google.channels == {}


def test_an_installation_that_google_cannot_reach_asks_for_none(connected: Connected, settings) -> None:
    settings.HTTPS = False
    settings.GOOGLE_URLS = {**settings.GOOGLE_URLS, "api": "https://www.googleapis.com/calendar/v3"}
    watching.keep_all()
    assert connected.google.channels == {}


def test_a_refused_channel_is_no_trouble(connected: Connected, settings) -> None:
    settings.BASE_URL = "http://plain.example.org"
    watching.keep_all()
    connected.account.refresh_from_db()
    assert connected.google.channels == {}
    assert connected.account.health == Account.Health.OK
