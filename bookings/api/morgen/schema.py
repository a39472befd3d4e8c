"""What Morgen's paths take and answer, for the dialect's OpenAPI schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bookings.api.morgen import wire
from bookings.api.morgen.asked import MODES, ROOMS
from bookings.api.openapi import (
    ANYTHING,
    FLAG,
    INTEGER,
    TEXT,
    Method,
    Shape,
    listed,
    one_of,
    operation,
    optional,
    query,
    record,
)

TITLE = "Convene for clients of Morgen"
DESCRIPTION = (
    "Calendars and events in the shape of JSCalendar (RFC 8984). `/v1` and `/v3` answer alike; `/v3` also wants the "
    "account on every call about events, and start, duration, timeZone and showWithoutTime together."
)
CREDENTIALS: Mapping[str, Mapping[str, str]] = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": "Authorization", "description": "ApiKey <key>"},
    "Bearer": {"type": "http", "scheme": "bearer"},
}

REFUSAL = record(("statusCode", "message", "error"), statusCode=INTEGER, message=TEXT, error=TEXT)

_LOCAL: Shape = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$"}
_DURATION: Shape = {"type": "string", "description": "ISO 8601, such as PT1H30M or P1D"}


def _each(shape: Shape) -> Shape:
    """A map of ids to these."""
    return {"type": "object", "additionalProperties": shape}


_LOCATION = record(name=TEXT)
_PARTICIPANT = record(
    name=TEXT,
    email=TEXT,
    roles=_each(FLAG),
    participationStatus=one_of("needs-action", "accepted", "declined", "tentative"),
    participationComment=TEXT,
    accountOwner=FLAG,
)
_ALERT = record(trigger=record(offset=TEXT, relativeTo=TEXT), action=TEXT)
_RULE = record(("frequency",), frequency=TEXT, interval=INTEGER, count=INTEGER, until=TEXT, byDay=listed(ANYTHING))

_WORDS: Mapping[str, Shape] = {
    "title": TEXT,
    "description": TEXT,
    "descriptionContentType": one_of("text/plain", "text/html"),
    "privacy": one_of("public", "private", "secret"),
    "freeBusyStatus": one_of("free", "busy"),
    "useDefaultAlerts": FLAG,
}
_TIMES: Mapping[str, Shape] = {
    "start": _LOCAL,
    "duration": _DURATION,
    "timeZone": optional(TEXT),
    "showWithoutTime": FLAG,
}
_PARTS: Mapping[str, Shape] = {
    "locations": _each(_LOCATION),
    "participants": _each(_PARTICIPANT),
    "alerts": _each(_ALERT),
    "recurrenceRules": listed(_RULE),
    "virtualLocations": _each(record(uri=TEXT, name=TEXT)),
}
_NAMES: Mapping[str, Shape] = {"id": TEXT, "calendarId": TEXT, "accountId": TEXT}
_ALWAYS_THERE = (
    *("@type", "id", "uid", "calendarId", "accountId", "integrationId", "baseEventId", "created", "updated", "title"),
    *("description", "descriptionContentType", "start", "duration", "timeZone", "showWithoutTime", "privacy"),
    *("freeBusyStatus", "locations", "participants", "alerts", "useDefaultAlerts"),
)
EVENT = record(
    _ALWAYS_THERE,
    **{"@type": one_of("Event"), "morgen.so:derived": record(virtualRoom=record(url=TEXT))},
    **_NAMES,
    **_WORDS,
    **_TIMES,
    **_PARTS,
    uid=TEXT,
    integrationId=TEXT,
    baseEventId=TEXT,
    masterEventId=TEXT,
    masterBaseEventId=TEXT,
    recurrenceId=_LOCAL,
    recurrenceIdTimeZone=optional(TEXT),
    created=_LOCAL,
    updated=_LOCAL,
)
_ROOM: Mapping[str, Shape] = {wire.ROOM: one_of(*ROOMS)}
_PATCHED: Mapping[str, Shape] = {name: optional(shape) for name, shape in {**_WORDS, **_PARTS}.items()} | {
    "participants": _each(optional(_PARTICIPANT)),
    "alerts": _each(optional(_ALERT)),
}
NEW_EVENT = record(("calendarId", "start"), calendarId=TEXT, accountId=TEXT, **_WORDS, **_TIMES, **_PARTS, **_ROOM)
_NAMED: Mapping[str, Shape] = {
    **_NAMES,
    "masterEventId": TEXT,
    "recurrenceId": _LOCAL,
    "recurrenceIdTimeZone": TEXT,
}
CHANGED_EVENT = record((), **_NAMED, **_PATCHED, **_TIMES, **_ROOM)
DELETED_EVENT = record((), **_NAMED)
ANSWER = record(("id",), id=TEXT, eventId=TEXT, comment=TEXT, notifyOrganizer=FLAG)

_METADATA = record(busy=FLAG, overrideColor=optional(TEXT), overrideName=optional(TEXT))
_RIGHTS = _each(FLAG)
CALENDAR = record(
    (
        *("@type", "id", "accountId", "integrationId", "name", "color", "sortOrder", "myRights"),
        *("defaultAlertsWithTime", "defaultAlertsWithoutTime", wire.METADATA),
    ),
    **{"@type": one_of("Calendar"), wire.METADATA: _METADATA},
    id=TEXT,
    accountId=TEXT,
    integrationId=TEXT,
    name=TEXT,
    color=TEXT,
    sortOrder=INTEGER,
    myRights=_RIGHTS,
    defaultAlertsWithTime=_each(_ALERT),
    defaultAlertsWithoutTime=_each(_ALERT),
)
CHANGED_CALENDAR = record(("id", wire.METADATA), **{wire.METADATA: _METADATA}, id=TEXT, accountId=TEXT)
ACCOUNT = record(
    ("id", "providerId", "userId", "providerUserId", "providerUserDisplayName", "integrationId", "integrationGroups"),
    id=TEXT,
    providerId=TEXT,
    userId=TEXT,
    providerUserId=TEXT,
    providerUserDisplayName=TEXT,
    preferredEmail=TEXT,
    integrationId=TEXT,
    integrationGroups=listed(TEXT),
)
_SERVICE = record(
    ("id", "groups", "displayName", "supportedAuthMethods"),
    id=TEXT,
    groups=listed(TEXT),
    displayName=TEXT,
    supportedAuthMethods=listed(TEXT),
)
_GROUP = record(("displayName", "type"), displayName=TEXT, type=TEXT)


def data(**fields: Shape) -> Shape:
    """The envelope of every answer."""
    return record(("data",), data=record(tuple(fields), **fields))


SERVICES = data(integrations=listed(_SERVICE), groups=listed(_GROUP))

MODE = query(
    "seriesUpdateMode",
    one_of(*MODES),
    description="How far a change of one occurrence reaches: it alone (single), it and all that follow, or all",
)
ACCOUNT_ID = query("accountId", TEXT, description="On /v3 required for events")
WINDOW = (
    query("calendarIds", TEXT, required=True, description="Of one account, separated by commas"),
    ACCOUNT_ID,
    query("start", TEXT, required=True, description="ISO 8601; without an offset in UTC"),
    query("end", TEXT, required=True, description="After start, at most six months"),
)
EVENT_ID = query("id", TEXT, required=True)

_ALWAYS = (400, 401, 403, 404, 405, 413, 415, 429)


def told(
    summary: str,
    *,
    answers: Mapping[int, Shape | None],
    takes: Shape | None = None,
    parameters: Sequence[Any] = (),
    conflicts: bool = False,
) -> Callable[[Method], Method]:
    """Describe a method, whose refusals all have the vendor's shape."""
    refusals = sorted({*_ALWAYS, *([409] if conflicts else [])})
    return operation(summary, takes=takes, answers=answers, parameters=parameters, refusals=refusals, refusal=REFUSAL)
