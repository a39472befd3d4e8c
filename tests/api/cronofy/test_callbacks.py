"""Signed notifications, checked by the vendor's own client."""

from __future__ import annotations

import json

import pycronofy
import pytest

from bookings.api.cronofy import callbacks, wire
from bookings.models import SchedulerRequest
from tests.api.worlds import World

SECRETS = ["CRN_first", "CRN_second"]
SHOWN = {"scheduling_request": {"scheduling_request_id": "srq_1", "summary": "Fahrschule für Marty 🚗"}}


def made(secrets: list[str]) -> callbacks.Callback:
    return callbacks.notification(callbacks.TIME_CHOSEN, 1_800_000_000, SHOWN, secrets=secrets)


def is_valid(callback: callbacks.Callback, secret: str) -> bool:
    client = pycronofy.Client(client_secret=secret)
    return bool(client.hmac_valid(callback.headers["Cronofy-HMAC-SHA256"], callback.body.decode()))


def test_a_notification_says_what_happened_and_when() -> None:
    assert json.loads(made(SECRETS).body) == {
        "notification": {"type": "scheduling_request_time_chosen", "triggered_at": "2027-01-15T08:00:00Z"},
        **SHOWN,
    }
    assert made(SECRETS).headers["Content-Type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("secret", SECRETS)
def test_pycronofy_accepts_it_with_any_live_secret(secret: str) -> None:
    callback = made(SECRETS)
    assert is_valid(callback, secret)
    assert callbacks.is_signed(callback.headers[callbacks.SIGNATURE], callback.body, secret)


def test_pycronofy_refuses_it_with_another_secret_or_another_body() -> None:
    callback = made(SECRETS)
    header = callback.headers[callbacks.SIGNATURE]
    changed = callbacks.Callback(callback.headers, callback.body.replace(b"Marty", b"Biff"))
    assert not is_valid(callback, "CRN_third")
    assert not is_valid(changed, SECRETS[0])
    assert not callbacks.is_signed(header, callback.body, "CRN_third")
    assert not callbacks.is_signed(header, changed.body, SECRETS[0])


@pytest.mark.parametrize("header", ["", ",", "x", "é", "=", "a" * 10_000])
def test_a_header_that_is_no_signature_is_refused(header: str) -> None:
    assert not callbacks.is_signed(header, b"{}", SECRETS[0])


def test_what_the_application_said_with_the_link_is_echoed() -> None:
    callback = callbacks.notification(
        callbacks.TIME_CHOSEN, 0, SHOWN, secrets=SECRETS, more={"correlation_id": "abc", "utm_source": "mail"}
    )
    assert json.loads(callback.body)["correlation_id"] == "abc"


def test_the_request_is_told_as_a_query_tells_it(world: World) -> None:
    world.post(world.body(), "/v1/scheduling_requests")
    request = SchedulerRequest.everywhere.get()
    shown = wire.shown(request, "srq_1", booked=True)
    callback = callbacks.notification(callbacks.TIME_CHOSEN, 0, shown, secrets=SECRETS)
    assert json.loads(callback.body)["scheduling_request"]["slot_selection"] == "complete"
