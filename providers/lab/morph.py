"""A double of Morph: one connection, whose system keeps scheduling events; strict about its schema."""

from __future__ import annotations

from typing import Any

from providers.lab.double import Asked, Told, route
from providers.lab.strict import (
    Book,
    Held,
    Json,
    Rule,
    body_of,
    each,
    empty,
    faults,
    instant,
    mail,
    moment,
    number,
    one_of,
    shape,
    text,
    zulu,
)

CONNECTOR, OWNER = "calendly", "owner-1"
_MODEL = "schedulingEvent"
_OPERATIONS = tuple(f"{_MODEL}::{verb}" for verb in ("create", "retrieve", "list", "update", "delete"))


def _answer(value: Any) -> str:
    plain = isinstance(value, str | int | float) and not isinstance(value, bool)
    return "" if plain or (isinstance(value, list) and all(isinstance(one, str) for one in value)) else "is no answer"


def _answers(value: Any) -> str:
    if not isinstance(value, dict):
        return "must be an object"
    return next((f"{key} {wrong}" for key, one in value.items() if (wrong := _answer(one))), "")


def _date_time(value: Any) -> str:
    return "" if not moment(value) and value.endswith("Z") else "must be an ISO 8601 date-time with Z"


_REF = shape(("id",), id=text(filled=True), object=one_of("resourceRef"), model=text())
_RULES: dict[str, Rule] = {
    "eventType": _REF,
    "title": text(1024, filled=True),
    "description": text(),
    "status": one_of("requested", "planned", "inProgress", "completed", "canceled"),
    "startTime": _date_time,
    "endTime": _date_time,
    "duration": number,
    "attendees": each(_REF),
    "externalAttendees": each(shape(("email",), email=mail, firstName=text(), lastName=text(), phoneNumber=text())),
    "organizer": _REF,
    "answers": _answers,
}
_REQUIRED = ("startTime", "externalAttendees", "answers")


class MorphDouble(Book):
    """`keys` are the secret keys; `operations` what the connection can do."""

    name = "morph"

    def __init__(self, **how: Any) -> None:
        super().__init__(calendars={f"{CONNECTOR}/{OWNER}": "Calendly"}, **how)
        self.operations = list(_OPERATIONS)

    def times(self, start_s: int, end_s: int) -> Json:
        return {"startTime": zulu(start_s), "endTime": zulu(end_s)}

    def span(self, fields: Json) -> tuple[int, int]:
        start = instant(fields["startTime"])
        return start, instant(fields["endTime"]) if fields.get("endTime") else start + 1800

    def new_id(self, number: int) -> str:
        return f"evt{number:021d}"

    def entered(self) -> Json:
        return {"status": "planned", "description": "", "externalAttendees": [], "answers": {}}

    def is_off(self, held: Held) -> bool:
        return held.fields.get("status") == "canceled"

    def call_off(self, event_id: str) -> None:
        """Somebody cancels an event, which stays on record."""
        self.edit(event_id, status="canceled")

    def admit(self, asked: Asked) -> Told | None:
        headers = asked.headers
        if not headers.get("x-api-key", "").startswith("pk_") or headers.get("x-api-secret") not in self.keys:
            return _error(401, "MORPH::UNAUTHORIZED", "The API key is missing or not recognised.")
        if asked.path.startswith("/v1/connections/"):
            return None
        if headers.get("x-connector-id") != CONNECTOR:
            return _error(404, "CONNECTOR::NOT_FOUND", "There is no such connector.")
        if headers.get("x-owner-id") != OWNER or not self.places:
            return _error(404, "MORPH::CONNECTION::NOT_FOUND", "There is no such connection.")
        return None

    def lost(self, asked: Asked) -> Told:
        return _error(404, "CONNECTOR::RESOURCE_MODEL::NOT_FOUND", "There is no such model.")

    @route("GET", "/v1/connections/{connector}/{owner}")
    def connection(self, asked: Asked, connector: str, owner: str) -> Told:
        place = self.places.get(f"{connector}/{owner}")
        if place is None:
            return _error(404, "MORPH::CONNECTION::NOT_FOUND", "There is no such connection.")
        can = [one for one in self.operations if place.writable or not one.endswith("create")]
        told = {"object": "connection", "connectorId": connector, "ownerId": owner, "operations": can}
        return Told(200, told | {"status": "authorized"})

    # ── Events ──

    @route("GET", f"/v1/resources/{_MODEL}")
    def list_events(self, asked: Asked) -> Told:
        if f"{_MODEL}::list" not in self.operations:
            return _error(404, "CONNECTOR::OPERATION::NOT_FOUND", "This connector does not list events.")
        limit, at = int(asked.get("limit", "50")), int(asked.get("cursor", "0"))
        rows = [held for held in self.events.values() if not held.deleted]
        following = str(at + limit) if at + limit < len(rows) else None
        return Told(200, {"data": [_resource(held) for held in rows[at : at + limit]], "next": following})

    @route("POST", f"/v1/resources/{_MODEL}")
    def make(self, asked: Asked) -> Told:
        body = body_of(asked) or {}
        wrong = faults(body, _RULES, _REQUIRED)
        if body.get("status") in ("canceled", "completed", "inProgress"):
            wrong["status"] = "of a new event may be planned or requested"
        if wrong:
            return _invalid(wrong)
        if f"{_MODEL}::create" not in self.operations or not next(iter(self.places.values())).writable:
            return _error(404, "CONNECTOR::OPERATION::NOT_FOUND", "This connector does not create events.")
        self.mailed += [one["email"] for one in body["externalAttendees"]]
        held = self.keep(next(iter(self.places)), self.entered() | body)
        return Told(201, _answered(asked, held))

    @route("GET", f"/v1/resources/{_MODEL}/{{event}}")
    def one(self, asked: Asked, event: str) -> Told:
        held = self.found(event)
        return Told(200, _resource(held)) if held else _missing()

    @route("PATCH", f"/v1/resources/{_MODEL}/{{event}}")
    def update(self, asked: Asked, event: str) -> Told:
        held, body = self.found(event), body_of(asked) or {}
        if held is None:
            return _missing()
        if wrong := faults(body, _RULES):
            return _invalid(wrong)
        self.mailed += [one["email"] for one in body.get("externalAttendees", ())]
        self.change(held, body)
        return Told(200, _answered(asked, held))

    @route("DELETE", f"/v1/resources/{_MODEL}/{{event}}")
    def delete(self, asked: Asked, event: str) -> Told:
        if self.found(event) is None:
            return _missing()
        self.remove(event)
        return empty()


def _resource(held: Held) -> Json:
    told = {"object": "resource", "model": _MODEL, "id": held.id, "fields": held.fields}
    return told | {"createdAt": zulu(held.made), "updatedAt": zulu(held.changed)}


def _answered(asked: Asked, held: Held) -> Json:
    ref = {"object": "resourceRef", "model": _MODEL, "id": held.id, "remote": {"id": f"remote-{held.id}"}}
    return _resource(held) if asked.get("returnResource") in ("true", "1") else ref


def _error(status: int, code: str, message: str) -> Told:
    return Told(status, {"error": code, "message": message})


def _invalid(wrong: dict[str, str]) -> Told:
    words = "; ".join(f"{name} {one}" for name, one in wrong.items())
    return _error(400, "CONNECTOR::OPERATION::BAD_REQUEST", words)


def _missing() -> Told:
    return _error(404, "CONNECTOR::OPERATION::RESOURCE_NOT_FOUND", "There is no such event.")
