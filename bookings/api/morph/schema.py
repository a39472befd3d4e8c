"""What Morph's paths take and answer, for the dialect's OpenAPI schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bookings.api.morph import wire
from bookings.api.morph.asked import STATUSES
from bookings.api.openapi import (
    ANYTHING,
    FLAG,
    INTEGER,
    MOMENT,
    NUMBER,
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

CREDENTIALS: Mapping[str, Mapping[str, str]] = {
    name: {"type": "apiKey", "in": "header", "name": name} for name in wire.CREDENTIALS
}

REFUSAL = record(("error", "message"), error=TEXT, message=TEXT)
_REMOTE = record(("id",), id=TEXT)


def _ref(model: str) -> Shape:
    words = {"object": one_of("resourceRef"), "model": one_of(model)}
    return record(("object", "model", "id"), **words, id=TEXT, remote=_REMOTE)


def _resource(model: str, fields: Shape) -> Shape:
    words = {"object": one_of("resource"), "model": one_of(model)}
    required = ("object", "model", "id", "fields", "createdAt", "updatedAt")
    return record(required, **words, id=TEXT, fields=fields, remote=_REMOTE, createdAt=MOMENT, updatedAt=MOMENT)


def _link(model: str, resource: Shape) -> Shape:
    """A ref, or with `expand` the resource."""
    return {"anyOf": [_ref(model), resource]}


def page(item: Shape) -> Shape:
    return record(("data", "next"), data=listed(item), next=optional(TEXT))


USER = _resource(wire.USER, record(firstName=TEXT, lastName=TEXT, email=TEXT))
SLOT = _resource(
    wire.SLOT,
    record(
        eventType=_ref(wire.EVENT_TYPE),
        timezone=TEXT,
        status=one_of("available", "unavailable"),
        date={"type": "string", "format": "date"},
        startTime=MOMENT,
    ),
)
_OPTION = record(("value", "name"), value=TEXT, name=TEXT)
_QUESTION = record(
    ("key", "type", "name", "required"),
    key=TEXT,
    type=one_of("text", "number", "select", "multiselect"),
    name=TEXT,
    required=FLAG,
    options=listed(_OPTION),
)
EVENT_TYPE = _resource(
    wire.EVENT_TYPE,
    record(
        name=TEXT,
        status=one_of("active", "inactive"),
        durations=listed(INTEGER),
        questions=listed(_QUESTION),
        schedulingUrl=TEXT,
        slots=listed(SLOT),
        owner=_link(wire.USER, USER),
    ),
)
_ATTENDEE = record(("email",), email=TEXT, firstName=TEXT, lastName=TEXT, phoneNumber=TEXT)
_ANSWERS: Shape = {"type": "object", "additionalProperties": {"anyOf": [TEXT, NUMBER, listed(TEXT)]}}
_TEXTS: Mapping[str, Shape] = {"title": TEXT, "description": TEXT, "status": one_of(*STATUSES)}
_TIMES: Mapping[str, Shape] = {"startTime": MOMENT, "endTime": MOMENT, "duration": NUMBER}
_PEOPLE: Mapping[str, Shape] = {"externalAttendees": listed(_ATTENDEE), "answers": _ANSWERS}
EVENT = _resource(
    wire.EVENT,
    record(
        (),
        eventType=_link(wire.EVENT_TYPE, EVENT_TYPE),
        **_TEXTS,
        **_TIMES,
        attendees=listed(_link(wire.USER, USER)),
        **_PEOPLE,
        organizer=_link(wire.USER, USER),
    ),
)
_NAMED = record(("id",), id=TEXT)
_NAMES: Mapping[str, Shape] = {"eventType": _NAMED, "organizer": _NAMED, "attendees": listed(_NAMED)}
NEW_EVENT = record(("startTime", "externalAttendees", "answers"), **_TEXTS, **_TIMES, **_PEOPLE, **_NAMES)
CHANGED_EVENT = record((), **_TEXTS, **_TIMES, **_PEOPLE, **_NAMES)
EVENT_OR_REF: Shape = {"anyOf": [_ref(wire.EVENT), EVENT]}

FIELD = record(
    ("key", "name", "description", "type", "isRequired", "isFieldReadOnly", "isValueReadOnly", "isCustom"),
    key=TEXT,
    name=TEXT,
    description=TEXT,
    type=TEXT,
    unit=TEXT,
    options=listed(_OPTION),
    isRequired=FLAG,
    isFieldReadOnly=FLAG,
    isValueReadOnly=FLAG,
    isCustom=FLAG,
    remote=record(("key",), key=TEXT),
)
CONNECTION = record(
    ("object", "connectorId", "ownerId", "operations", "status", "createdAt", "updatedAt"),
    object=one_of("connection"),
    connectorId=TEXT,
    ownerId=TEXT,
    operations=listed(TEXT),
    status=one_of("authorized", "unauthorized"),
    createdAt=MOMENT,
    updatedAt=MOMENT,
)
OPERATIONS = record(operations=listed(TEXT))
NEW_SESSION = record(connection=OPERATIONS, expiresIn=NUMBER)
SESSION = record(
    ("object", "connectorId", "ownerId", "sessionToken", "expiresAt"),
    object=one_of("session"),
    connectorId=TEXT,
    ownerId=TEXT,
    sessionToken=TEXT,
    expiresAt=MOMENT,
)
NEW_AUTHORIZATION = record(scopes=listed(TEXT), settings={"type": "object"})
AUTHORIZATION = record(
    ("object", "connectorId", "ownerId", "status"),
    object=one_of("connectionAuthorization"),
    connectorId=TEXT,
    ownerId=TEXT,
    status=one_of("authorized", "awaitingAuthorization"),
    authorizationUrl=TEXT,
    scopes=listed(ANYTHING),
    settings={"type": "object"},
)
CONNECTOR = record(
    ("object", "id", "name", "settings", "operations"),
    object=one_of("connector"),
    id=TEXT,
    name=TEXT,
    settings=listed(ANYTHING),
    operations=listed(TEXT),
)

RETURN_RESOURCE = query("returnResource", FLAG, description="Answer with the whole resource instead of a ref")
FIELDS = query("fields", TEXT, description="Only these fields, separated by commas")
EXPAND = query("expand", TEXT, description="Refs to answer as whole resources, separated by commas")
PAGING = (
    query("limit", INTEGER, description="How many at most"),
    query("cursor", TEXT, description="The next of an earlier answer"),
)
LISTING = (
    *PAGING,
    query("filters", TEXT, description="A JSON object; or each as filters[name]=value"),
    query("q", TEXT, description="Words to look for"),
    FIELDS,
    EXPAND,
)

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
