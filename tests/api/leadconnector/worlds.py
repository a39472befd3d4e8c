"""A location as LeadConnector's clients find it: a calendar with a team, a contact, and a token."""

from __future__ import annotations

import json
import string
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.test import Client
from django.utils.crypto import get_random_string

from bookings.domain import keys, offers, refs
from bookings.domain.audit import SYSTEM
from bookings.domain.offers import Member, Team
from bookings.models import ApiKey, Booking, Contact, EventType, Host, Organisation
from tests import factories

APPOINTMENTS = "/calendars/events/appointments"
SURFACE = "leadconnector"
VERSION = "2021-04-15"


def later(days: int) -> str:
    """The date so many days from today, in UTC."""
    return (datetime.now(UTC) + timedelta(days=days)).date().isoformat()


def some_id() -> str:
    """A well-formed id that names nothing."""
    return get_random_string(20, string.ascii_letters + string.digits)


@dataclass
class Location:
    organisation: Organisation
    host: Host
    colleague: Host
    event_type: EventType
    contact: Contact
    key: ApiKey
    secret: str

    def name(self, kind: str, thing: Any) -> str:
        return refs.ref(SURFACE, kind, thing)

    @property
    def id(self) -> str:
        return self.name("organisation", self.organisation)

    @property
    def calendar_id(self) -> str:
        return self.name("event_type", self.event_type)

    @property
    def user_id(self) -> str:
        return self.name("host", self.host)

    @property
    def colleague_id(self) -> str:
        return self.name("host", self.colleague)

    @property
    def contact_id(self) -> str:
        return self.name("contact", self.contact)

    def issue(self, *scopes: str, host: Host | None = None, **rest: Any) -> str:
        """The secret of another token."""
        return keys.issue(
            self.organisation, dialect=SURFACE, kind="token", name="CRM", scopes=scopes, host=host, actor=SYSTEM, **rest
        )[1]

    def body(self, start: str, **changes: Any) -> dict[str, Any]:
        """An appointment with no more than it needs; a change to None leaves the field out."""
        whole = {
            "calendarId": self.calendar_id,
            "locationId": self.id,
            "contactId": self.contact_id,
            "startTime": start,
        } | changes
        return {name: value for name, value in whole.items() if value is not None}

    def call(self, method: str, path: str, body: Any = None, *, secret: str | None = None, **headers: str) -> Any:
        """As a client does. `body` is sent as JSON, or as it is when it is bytes. Headers with underscores."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        label = headers.pop("Content_Type", "application/json")
        shown = {"Authorization": f"Bearer {self.secret if secret is None else secret}", "Version": VERSION}
        shown |= {name.replace("_", "-"): value for name, value in headers.items()}
        client = Client(raise_request_exception=False)
        given = {name: value for name, value in shown.items() if value}
        return client.generic(method, path, content, content_type=label, headers=given)

    def get(self, path: str, **rest: Any) -> Any:
        return self.call("GET", path, **rest)

    def post(self, path: str, body: Any, **rest: Any) -> Any:
        return self.call("POST", path, body, **rest)

    def put(self, path: str, body: Any, **rest: Any) -> Any:
        return self.call("PUT", path, body, **rest)

    def delete(self, path: str, body: Any = None, **rest: Any) -> Any:
        return self.call("DELETE", path, {} if body is None else body, **rest)

    def book(self, start: str, **changes: Any) -> dict[str, Any]:
        answer = self.post(APPOINTMENTS, self.body(start, **changes))
        assert answer.status_code == 200, answer.content
        made: dict[str, Any] = answer.json()
        return made

    def read(self, event_id: str) -> dict[str, Any]:
        answer = self.get(f"{APPOINTMENTS}/{event_id}")
        assert answer.status_code == 200, answer.content
        event: dict[str, Any] = answer.json()["event"]
        return event

    def events(self, start: str, end: str, path: str = "/calendars/events", **whose: str) -> list[dict[str, Any]]:
        answer = self.get(self.window(start, end, path, **whose))
        assert answer.status_code == 200, answer.content
        events: list[dict[str, Any]] = answer.json()["events"]
        return events

    def window(self, start: str, end: str, path: str = "/calendars/events", **whose: str) -> str:
        whose = whose or {"userId": self.user_id}
        query = "&".join(f"{key}={value}" for key, value in whose.items())
        return f"{path}?locationId={self.id}&startTime={ms(start)}&endTime={ms(end)}&{query}"

    def bookings(self) -> list[Booking]:
        return list(Booking.objects.for_tenant(self.organisation).order_by("start_s"))


def ms(text: str) -> int:
    """Epoch milliseconds of a time in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def make_location(**fields: Any) -> Location:
    organisation = factories.organisation(timezone=fields.pop("timezone", "UTC"))
    host = factories.host(organisation, weekly=factories.ALWAYS, name="Ada Host")
    colleague = factories.host(organisation, weekly=factories.ALWAYS, name="Ben Host")
    settings = {"minimum_notice": 0, "window": "open", "durations": [30]} | fields
    team = Team((Member(host),))
    event_type = offers.create(organisation, name="First meeting", team=team, actor=SYSTEM, **settings)
    contact: Contact = Contact.everywhere.create(
        organisation=organisation, name="Emmet Brown", email="doc@evenitron.com", phone="+1 555 0100"
    )
    key, secret = keys.issue(organisation, dialect=SURFACE, kind="token", name="CRM", scopes=("*",), actor=SYSTEM)
    return Location(organisation, host, colleague, event_type, contact, key, secret)
