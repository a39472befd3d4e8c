"""An organisation as Morph's clients find it: a host, a colleague, an event type, and a pair of keys."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.test import Client
from django.utils.timezone import now

from bookings.domain import keys, refs
from bookings.domain.audit import SYSTEM
from bookings.models import ApiKey, EventType, Host, Organisation, Question
from tests import factories

PATH = "/v1/resources/schedulingEvent"
CODES = {
    *("MORPH::UNAUTHORIZED", "MORPH::UNKNOWN_ERROR", "MORPH::BAD_CONFIGURATION"),
    *("MORPH::SESSION::EXPIRED", "MORPH::SESSION::TOKEN_VALIDATION_FAILED", "MORPH::CONNECTION::NOT_FOUND"),
    *(f"MORPH::CONNECTION::PROXY::{word}" for word in ("UNAUTHORIZED", "FORBIDDEN", "RATE_LIMIT_EXCEEDED")),
    *("CONNECTOR::NOT_FOUND", "CONNECTOR::RESOURCE_MODEL::NOT_FOUND"),
    *(f"CONNECTOR::OPERATION::{word}" for word in ("BAD_REQUEST", "NOT_FOUND", "RESOURCE_NOT_FOUND", "SERVER_ERROR")),
}
"""The vendor's published codes, and one of our own."""


def ahead(days: int = 1, hour: int = 10, minute: int = 0) -> int:
    """UTC seconds of a round time on a coming day."""
    day = now().astimezone(UTC).replace(hour=hour, minute=minute, second=0, microsecond=0)
    return int((day + timedelta(days=days)).timestamp())


def iso(at_s: int) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%SZ}"


@dataclass
class World:
    organisation: Organisation
    host: Host
    colleague: Host
    event_type: EventType
    public: str
    secret: str
    key: ApiKey

    @property
    def owner(self) -> str:
        return refs.ref("morph", "host", self.host)

    @property
    def type_id(self) -> str:
        return refs.ref("morph", "event_type", self.event_type)

    def user_id(self, host: Host) -> str:
        return refs.ref("morph", "host", host)

    def headers(self, **changes: str | None) -> dict[str, str]:
        """Mode A; a change to None leaves a header out."""
        whole: dict[str, str | None] = {
            "x-api-key": self.public,
            "x-api-secret": self.secret,
            "x-connector-id": "calendly",
            "x-owner-id": self.owner,
        }
        whole |= {name.replace("_", "-"): value for name, value in changes.items()}
        return {name: value for name, value in whole.items() if value is not None}

    def call(self, method: str, path: str, body: Any = None, **headers: str | None) -> Any:
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        client = Client(raise_request_exception=False)
        return client.generic(method, path, content, content_type="application/json", headers=self.headers(**headers))

    def body(self, **changes: Any) -> dict[str, Any]:
        """A plain request of this world; a change to None leaves the field out."""
        whole = {
            "startTime": iso(ahead()),
            "externalAttendees": [{"email": "ada@example.org", "firstName": "Ada", "lastName": "Lovelace"}],
            "answers": {},
        } | changes
        return {name: value for name, value in whole.items() if value is not None}

    def create(self, **changes: Any) -> str:
        answer = self.call("POST", PATH, self.body(**changes))
        assert answer.status_code == 201, answer.content
        return str(answer.json()["id"])

    def read(self, resource_id: str) -> dict[str, Any]:
        answer = self.call("GET", f"{PATH}/{resource_id}")
        assert answer.status_code == 200, answer.content
        whole: dict[str, Any] = answer.json()
        return whole

    def fields(self, resource_id: str) -> dict[str, Any]:
        fields: dict[str, Any] = self.read(resource_id)["fields"]
        return fields


def issue(organisation: Organisation, kind: str, *scopes: str, host: Host | None = None) -> tuple[ApiKey, str]:
    return keys.issue(organisation, dialect="morph", kind=kind, name="CRM", scopes=scopes, host=host, actor=SYSTEM)


def make_world() -> World:
    organisation = factories.organisation()
    host = factories.host(organisation, weekly=factories.ALWAYS, name="Greta Hoffmann", email="greta@example.org")
    colleague = factories.host(organisation, weekly=factories.ALWAYS, name="Marcus Reed", email="marcus@example.org")
    event_type: EventType = EventType.everywhere.create(
        organisation=organisation,
        name="First meeting",
        slug="first",
        durations=[45, 15],
        slot_interval=15,
        minimum_notice=0,
    )
    event_type.hosts.add(host)
    _, public = issue(organisation, "public_key")
    key, secret = issue(organisation, "secret_key")
    return World(organisation, host, colleague, event_type, public, secret, key)


def ask(world: World, key: str, kind: str = "text", **fields: Any) -> Question:
    """A question of the event type."""
    made: Question = Question.everywhere.create(
        organisation=world.organisation, event_type=world.event_type, key=key, label=key.title(), kind=kind, **fields
    )
    return made


def refused(answer: Any) -> tuple[int, str]:
    """Status and code of a refusal, whose shape is checked on the way."""
    body = answer.json()
    assert set(body) == {"error", "message"}, body
    assert body["error"] in CODES
    assert body["message"]
    return answer.status_code, body["error"]
