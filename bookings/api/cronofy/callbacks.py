"""Notifications of scheduling requests, as the vendor sends them to an application: what they say and how they are
signed. Whoever delivers them sends these bytes with these headers, unchanged.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from bookings.api.cronofy import times

SIGNATURE = "Cronofy-HMAC-SHA256"

TIME_CHOSEN = "scheduling_request_time_chosen"
DECLINED = "scheduling_request_declined"
CANCELLED = "scheduling_request_cancelled"
NO_TIMES_SUITABLE = "scheduling_request_no_times_suitable"


@dataclass(frozen=True)
class Callback:
    """One notification, ready to be sent."""

    headers: Mapping[str, str]
    body: bytes


def notification(
    type_: str, triggered_at_s: int, shown: Mapping[str, Any], *, secrets: Iterable[str], more: Mapping[str, Any] = {}
) -> Callback:
    """The notification that something happened to a request, UTC seconds.

    :param shown: the request as `wire.shown` tells it.
    :param secrets: the client secrets the application may check with: all that are live, so that one can replace the
        other.
    :param more: what the application said with the link, such as correlation_id.
    """
    told = {"type": type_, "triggered_at": times.instant(triggered_at_s)}
    body = orjson.dumps({"notification": told, **shown, **more})
    headers = {"Content-Type": "application/json; charset=utf-8", SIGNATURE: signature(body, secrets)}
    return Callback(headers, body)


def signature(body: bytes, secrets: Iterable[str]) -> str:
    """What the signature header holds: one HMAC for each secret, with commas between them."""
    return ",".join(_hmac(body, secret) for secret in secrets)


def is_signed(header: str, body: bytes, secret: str) -> bool:
    """Whether one of the HMACs in a signature header is that of these bytes and this secret."""
    expected = _hmac(body, secret).encode()
    return any(hmac.compare_digest(each.strip().encode(), expected) for each in header.split(","))


def _hmac(body: bytes, secret: str) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
