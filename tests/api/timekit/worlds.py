"""An organisation as Timekit's clients find it: resources with calendars, a project, and keys of every kind."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from django.test import Client

from bookings.domain import keys, refs
from bookings.domain.audit import SYSTEM
from bookings.models import Calendar, EventType, Host, Organisation
from tests import factories

EVENTS, BOOKINGS = "/v2/events", "/v2/bookings"
MONDAY = "2027-03-01"
"""A day on which everybody here is open around the clock."""


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@dataclass
class Place:
    """What one organisation has. `call` and its shorthands act with its app key unless told otherwise."""

    organisation: Organisation
    host: Host
    colleague: Host
    calendar: Calendar
    project: EventType
    app_key: str

    @property
    def calendar_id(self) -> str:
        return refs.ref("timekit", "calendar", self.calendar)

    @property
    def resource_id(self) -> str:
        return refs.ref("timekit", "host", self.host)

    @property
    def colleague_id(self) -> str:
        return refs.ref("timekit", "host", self.colleague)

    @property
    def project_id(self) -> str:
        return refs.ref("timekit", "event_type", self.project)

    def named(self, host: Host) -> str:
        return refs.ref("timekit", "host", host)

    def issue(self, kind: str = "app_key", *scopes: str, host: Host | None = None) -> str:
        return keys.issue(
            self.organisation, dialect="timekit", kind=kind, name=kind, scopes=scopes, host=host, actor=SYSTEM
        )[1]

    def event(self, **changes: Any) -> dict[str, Any]:
        """What to make; a change to None leaves the field out."""
        whole = {
            "calendar_id": self.calendar_id,
            "start": f"{MONDAY}T10:00:00+01:00",
            "end": f"{MONDAY}T11:00:00+01:00",
            "what": "Strategy meeting",
            "where": "Sesame St, Middleburg, FL 32068, USA",
        } | changes
        return {name: value for name, value in whole.items() if value is not None}

    def booking(self, **changes: Any) -> dict[str, Any]:
        whole = {
            "resource_id": self.resource_id,
            "graph": "instant",
            "action": "confirm",
            "start": f"{MONDAY}T10:00:00+00:00",
            "end": f"{MONDAY}T11:00:00+00:00",
            "what": "Mens haircut",
            "where": "Sesame St, Middleburg, FL 32068, USA",
            "description": "Please arrive 10 minutes before you time begin",
            "customer": {
                "name": "Marty McFly",
                "email": "marty.mcfly@timekit.io",
                "phone": "1-591-001-5403",
                "voip": "McFly",
                "timezone": "America/Los_Angeles",
            },
        } | changes
        return {name: value for name, value in whole.items() if value is not None}

    def call(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, user: str = "", **headers: str
    ) -> Any:
        """As a client does. `body` is sent as JSON, or as it is when it is bytes. Headers with underscores."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        label = named.pop("Content-Type", "application/json")
        shown = {"Authorization": basic(user, self.app_key if key is None else key)} | named
        client = Client(raise_request_exception=False)
        return client.generic(method, path, content, content_type=label, headers=shown)

    def post(self, path: str, body: Any, **rest: Any) -> Any:
        return self.call("POST", path, body, **rest)

    def get(self, path: str, **rest: Any) -> Any:
        return self.call("GET", path, **rest)

    def put(self, path: str, body: Any, **rest: Any) -> Any:
        return self.call("PUT", path, body, **rest)

    def delete(self, path: str, **rest: Any) -> Any:
        return self.call("DELETE", path, **rest)

    def made(self, path: str, body: Any, **rest: Any) -> dict[str, Any]:
        """What a successful create answers."""
        answer = self.post(path, body, **rest)
        assert answer.status_code == 201, answer.content
        data: dict[str, Any] = answer.json()["data"]
        return data


def make_place() -> Place:
    organisation = factories.organisation()
    host = factories.host(organisation, weekly=factories.ALWAYS, timezone="Europe/Berlin")
    colleague = factories.host(organisation, weekly=factories.ALWAYS, timezone="Europe/Berlin")
    project: EventType = EventType.everywhere.create(
        organisation=organisation, name="Haircut", slug="haircut", minimum_notice=0, window=EventType.Window.OPEN
    )
    project.hosts.set([host, colleague])
    _, secret = keys.issue(
        organisation, dialect="timekit", kind="app_key", name="App", scopes=[keys.EVERYTHING], actor=SYSTEM
    )
    return Place(organisation, host, colleague, factories.local_calendar(host), project, secret)
