"""An organisation as Morgen's clients find it: two hosts with calendars, and keys of one of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.test import Client

from bookings.domain import keys, refs
from bookings.domain.audit import SYSTEM
from bookings.models import ApiKey, Calendar, Host, Organisation
from tests import factories


@dataclass
class World:
    organisation: Organisation
    host: Host
    colleague: Host
    calendar: Calendar
    key: ApiKey
    secret: str

    @property
    def calendar_id(self) -> str:
        return refs.ref("morgen", "calendar", self.calendar)

    @property
    def account_id(self) -> str:
        return refs.ref("morgen", "account", self.calendar.account)

    def issue(self, *scopes: str, host: Host | None = None, kind: str = "api_key") -> str:
        return keys.issue(
            self.organisation, dialect="morgen", kind=kind, name="Client", scopes=scopes, host=host, actor=SYSTEM
        )[1]

    def body(self, **changes: Any) -> dict[str, Any]:
        """A whole v3 create; a change to Ellipsis leaves the field out."""
        whole = {
            "accountId": self.account_id,
            "calendarId": self.calendar_id,
            "title": "Chat about Morgen",
            "start": "2027-03-01T10:15:00",
            "duration": "PT25M",
            "timeZone": "Europe/Berlin",
            "showWithoutTime": False,
        } | changes
        return {name: value for name, value in whole.items() if value is not ...}

    def post(self, path: str, body: Any = None, *, secret: str = "", scheme: str = "ApiKey", **headers: str) -> Any:
        """As clients post: `body` as JSON, or as it is when it is bytes."""
        content = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
        label = headers.pop("Content_Type", "application/json")
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Client(raise_request_exception=False).generic(
            "POST",
            path,
            content,
            content_type=label,
            headers={"Authorization": f"{scheme} {secret or self.secret}"} | named,
        )

    def get(self, path: str, *, secret: str = "", scheme: str = "ApiKey", **query: str) -> Any:
        return Client(raise_request_exception=False).get(
            f"{path}?{urlencode(query)}" if query else path,
            headers={"Authorization": f"{scheme} {secret or self.secret}"},
        )

    def create(self, **changes: Any) -> dict[str, Any]:
        answer = self.post("/v3/events/create", self.body(**changes))
        assert answer.status_code == 200, answer.content
        event: dict[str, Any] = answer.json()["data"]["event"]
        return event

    def update(self, event_id: str, mode: str = "", **part: Any) -> Any:
        path = "/v3/events/update" + (f"?seriesUpdateMode={mode}" if mode else "")
        return self.post(path, {"id": event_id, "accountId": self.account_id, "calendarId": self.calendar_id} | part)

    def delete(self, event_id: str, mode: str = "") -> Any:
        path = "/v3/events/delete" + (f"?seriesUpdateMode={mode}" if mode else "")
        return self.post(path, {"id": event_id, "accountId": self.account_id, "calendarId": self.calendar_id})

    def listed(self, start: str = "2027-03-01T00:00:00Z", end: str = "2027-04-01T00:00:00Z", **query: str) -> list[Any]:
        asked = {"accountId": self.account_id, "calendarIds": self.calendar_id, "start": start, "end": end} | query
        answer = self.get("/v3/events/list", **asked)
        assert answer.status_code == 200, answer.content
        events: list[Any] = answer.json()["data"]["events"]
        return events

    def read(self, event_id: str) -> Any:
        return self.get("/v3/events/", id=event_id)


def make_world() -> World:
    organisation = factories.organisation()
    host = factories.host(organisation, weekly=factories.ALWAYS, timezone="Europe/Berlin")
    colleague = factories.host(organisation, weekly=factories.ALWAYS)
    key, secret = keys.issue(
        organisation, dialect="morgen", kind="api_key", name="Client", scopes=(), host=host, actor=SYSTEM
    )
    return World(organisation, host, colleague, factories.local_calendar(host), key, secret)


def refused(answer: Any, status: int) -> str:
    """The message of a refusal, whose shape is checked on the way."""
    body = answer.json()
    assert answer.status_code == status == body["statusCode"], body
    assert isinstance(body["message"], str)
    assert body["error"]
    return str(body["message"])
