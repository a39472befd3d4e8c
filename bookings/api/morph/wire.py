"""Morph's words: refs, resources, date-times, error codes, what is told by webhook. Nothing outside this folder knows
them; `asked` reads a schedulingEvent, `shown` and `offers` write one and what is around it.

The shapes are those of the vendor's published schemas (@runmorph/resource-models and @runmorph/cdk) and of
docs.runmorph.dev.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

SURFACE = "morph"
CREDENTIALS = ("x-api-key", "x-api-secret", "x-connector-id", "x-owner-id", "x-session-token")

EVENT, EVENT_TYPE, SLOT, USER = "schedulingEvent", "schedulingEventType", "schedulingSlot", "genericUser"

UNAUTHORIZED = "MORPH::UNAUTHORIZED"  # our own: the published set has no code for a bad key
EXPIRED = "MORPH::SESSION::EXPIRED"
BAD_SESSION = "MORPH::SESSION::TOKEN_VALIDATION_FAILED"
NO_CONNECTION = "MORPH::CONNECTION::NOT_FOUND"
NOT_GRANTED = "MORPH::CONNECTION::PROXY::UNAUTHORIZED"
NO_CONNECTOR = "CONNECTOR::NOT_FOUND"
NO_MODEL = "CONNECTOR::RESOURCE_MODEL::NOT_FOUND"
NO_OPERATION = "CONNECTOR::OPERATION::NOT_FOUND"
NO_RESOURCE = "CONNECTOR::OPERATION::RESOURCE_NOT_FOUND"
BAD_REQUEST = "CONNECTOR::OPERATION::BAD_REQUEST"

_BY_STATUS = {
    401: UNAUTHORIZED,
    403: "MORPH::CONNECTION::PROXY::FORBIDDEN",
    404: NO_RESOURCE,
    405: NO_OPERATION,
    429: "MORPH::CONNECTION::PROXY::RATE_LIMIT_EXCEEDED",
}

# Zod's datetime(): seconds and fractions may be left out, the offset may not.
_DATE_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.\d+)?)?(Z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)",
    re.ASCII,
)
_OCCURRENCE = re.compile(r"(.+)_(\d{8}T\d{6})", re.ASCII)
_EPOCH = datetime(1970, 1, 1)


def error_code(status: int) -> str:
    """The published code for a refusal that brings none of its own."""
    return _BY_STATUS.get(status, BAD_REQUEST if status < 500 else "CONNECTOR::OPERATION::SERVER_ERROR")


# ── Shapes ──


def ref(model: str, resource_id: str, remote_id: str = "") -> dict[str, Any]:
    shown: dict[str, Any] = {"object": "resourceRef", "model": model, "id": resource_id}
    return shown | ({"remote": {"id": remote_id}} if remote_id else {})


def resource(
    model: str, resource_id: str, fields: dict[str, Any], created: datetime, updated: datetime, remote_id: str = ""
) -> dict[str, Any]:
    return {
        **ref(model, resource_id, remote_id),
        "object": "resource",
        "fields": fields,
        "createdAt": stamp(created),
        "updatedAt": stamp(updated),
    }


def webhook(
    connector: str, owner: str, trigger: str, changed: dict[str, Any], key: str
) -> tuple[dict[str, str], dict[str, Any]]:
    """Headers and body of what an application is told of a change. `trigger` is created, updated or deleted, `changed`
    the resource, and `key` the same for every attempt to tell it."""
    # The vendor's own spelling of the first one.
    headers = {"x-conector-id": connector, "x-owner-id": owner, "x-idempotency-key": key}
    return headers, {"event": f"{changed['model']}::{trigger}", "data": changed}


# ── Date-times ──


def seconds(text: str) -> int | None:
    """UTC seconds of an ISO 8601 date-time with `Z` or an offset; None for anything else. Fractions are cut off."""
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    try:
        local = datetime(year, month, day, hour, minute, second, tzinfo=_offset(match[7]))
        return int(local.timestamp())
    except (ValueError, OverflowError):
        return None


def _offset(text: str) -> timezone:
    if text == "Z":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def instant(at_s: int) -> str:
    return f"{(_EPOCH + timedelta(seconds=at_s)).isoformat()}Z"


def stamp(moment: datetime) -> str:
    """When a row was made or changed, as JavaScript writes it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def occurrence_id(series_id: str, recurrence_wall: int) -> str:
    """The id of one occurrence of a series: each has its own, and keeps it when it is changed."""
    return f"{series_id}_{_EPOCH + timedelta(seconds=recurrence_wall):%Y%m%dT%H%M%S}"


def split_id(resource_id: str) -> tuple[str, int | None]:
    """The id of an event or booking and, for an occurrence, its original start in wall seconds."""
    match = _OCCURRENCE.fullmatch(resource_id)
    if match is None:
        return resource_id, None
    try:
        wall = datetime.strptime(match[2], "%Y%m%dT%H%M%S")
    except ValueError:
        return resource_id, None
    return match[1], int((wall - _EPOCH).total_seconds())
