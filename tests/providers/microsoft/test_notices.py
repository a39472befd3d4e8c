"""Being told of changes: subscriptions that stay alive, and an address that believes nobody."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils.timezone import now

from bookings.models import Account
from providers.lab.graph_notices import Notices
from providers.microsoft import account as microsoft
from providers.microsoft import notices
from tests.providers.microsoft.conftest import ADA, Connected
from tests.providers.microsoft.test_reading import said


@pytest.fixture
def told(connected: Connected, settings, client: Client) -> Notices:
    """The double's notices, posted to this application."""
    settings.BASE_URL = "http://testserver"

    def post(url: str, body: dict | None) -> tuple[int, str, str]:
        place = urlsplit(url)
        data = b"" if body is None else json.dumps(body).encode()
        answer = client.post(f"{place.path}?{place.query}", data, content_type="application/json")
        return answer.status_code, answer.headers.get("Content-Type", ""), answer.content.decode()

    connected.double.notices.post = post
    return connected.double.notices


def account(connected: Connected) -> Account:
    found: Account = Account.everywhere.select_related("host").get(pk=connected.account.pk)
    return found


def later(connected: Connected) -> None:
    Account.everywhere.filter(pk=connected.account.pk).update(next_pull_at=now() + timedelta(hours=1))


def test_every_calendar_is_subscribed_once_and_the_address_is_proven(connected: Connected, told: Notices) -> None:
    microsoft.keep_watch(account(connected))
    microsoft.keep_watch(account(connected))
    (made,) = told.subscriptions.values()
    assert made.said["resource"] == f"me/calendars/{connected.calendar.external_id.replace('=', '%3D')}/events"
    assert len(made.said["clientState"]) == 64
    assert made.ends - datetime.now(UTC) > timedelta(hours=69)


def test_a_subscription_is_renewed_at_half_of_its_life_and_made_anew_when_it_ended(
    connected: Connected, told: Notices
) -> None:
    microsoft.keep_watch(account(connected))
    (first,) = told.subscriptions.values()
    first.ends = datetime.now(UTC) + timedelta(hours=30)
    microsoft.keep_watch(account(connected))
    assert first.ends - datetime.now(UTC) > timedelta(hours=69)
    first.ends = datetime.now(UTC) - timedelta(hours=1)
    microsoft.keep_watch(account(connected))
    assert len(told.subscriptions) == 2
    microsoft.leave(account(connected))
    assert [each.key for each in told.subscriptions.values()] == [first.key]


def test_a_notice_makes_the_account_due_and_several_are_one(connected: Connected, told: Notices) -> None:
    microsoft.keep_watch(account(connected))
    later(connected)
    connected.double.add(ADA, **said())
    assert told.flush() == [202, 202]
    assert account(connected).next_pull_at <= now()


def test_a_forged_notice_changes_nothing(connected: Connected, told: Notices) -> None:
    microsoft.keep_watch(account(connected))
    later(connected)
    for forged in ({"clientState": "guess"}, {"clientState": None}, {"clientState": 7}, "x", {}):
        url = notices.address(account(connected))
        assert told.post(url, {"value": [forged]})[0] == 202
    assert told.post(url, {"value": "x"})[0] == 202
    assert account(connected).next_pull_at > now()


def test_the_question_whether_we_are_there_is_answered_as_plain_text_only(connected: Connected, client: Client) -> None:
    path = f"/notify/microsoft/{connected.account.pk}"
    answer = client.post(f"{path}?validationToken=%3Cscript%3Ealert(1)%3C/script%3E%2B")
    assert (answer.status_code, answer.content.decode()) == (200, "<script>alert(1)</script>+")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert client.get(f"{path}?validationToken=x").status_code == 405
    assert client.post(f"{path}?validationToken={'x' * 5000}").status_code == 400


@pytest.mark.parametrize("event", ["reauthorizationRequired", "subscriptionRemoved", "missed"])
def test_what_microsoft_says_about_a_subscription_is_acted_on(connected: Connected, told: Notices, event: str) -> None:
    microsoft.keep_watch(account(connected))
    (first,) = told.subscriptions.values()
    first.ends = datetime.now(UTC) + timedelta(hours=40)
    later(connected)
    told.lifecycle(event)
    told.flush()
    assert account(connected).next_pull_at <= now()
    notices.watch_again.call(str(connected.account.pk)) if event != "missed" else None
    (living,) = told.subscriptions.values()
    assert (living.ends - datetime.now(UTC) > timedelta(hours=69)) == (event != "missed")


def test_without_https_microsoft_is_not_asked_to_call(connected: Connected, settings) -> None:
    settings.HTTPS = False
    calls = connected.adapter.calls
    assert notices.is_reachable(calls)  # a double on loopback
    settings.MICROSOFT_URLS = settings.MICROSOFT_URLS | {"api": "https://graph.microsoft.com/v1.0"}
    assert not notices.is_reachable(connected.adapter.calls)
