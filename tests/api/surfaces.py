"""One organisation seen through all five dialects: each makes, lists, reads, moves and cancels in its own words."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.test import Client

from bookings.domain import keys, links, refs, requests
from bookings.domain.audit import SYSTEM
from bookings.engine.zones import DAY
from bookings.models import Calendar, EventType, Host, Organisation, SchedulerRequest
from tests import factories

LENGTH = 1800
TOMORROW = (int(time.time()) // DAY + 2) * DAY
WINDOW = (TOMORROW - DAY, TOMORROW + 7 * DAY)

Shown = dict[str, tuple[int, int, str]]
"""{id: (start, end, title)}, in UTC seconds."""


def iso(at_s: int) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%SZ}"


def seconds(text: str) -> int:
    """A time with its offset, or one that is meant in UTC."""
    at = datetime.fromisoformat(text)
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())


@dataclass
class Place:
    organisation: Organisation
    host: Host
    calendar: Calendar
    event_type: EventType


class Surface:
    """One dialect's client of the place's host."""

    name = ""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.headers = self.identified()

    def identified(self) -> dict[str, str]:
        raise NotImplementedError

    def create(self, start_s: int, title: str) -> str:
        raise NotImplementedError

    def listed(self) -> Shown:
        raise NotImplementedError

    def read(self, event_id: str) -> tuple[int, int, str] | None:
        return self.listed().get(event_id)

    def move(self, event_id: str, start_s: int) -> None:
        raise NotImplementedError

    def cancel(self, event_id: str) -> None:
        raise NotImplementedError

    def key(self, kind: str, host: Host | None = None) -> str:
        return keys.issue(
            self.place.organisation, dialect=self.name, kind=kind, name=kind, scopes=("*",), host=host, actor=SYSTEM
        )[1]

    def id_of(self, kind: str, thing: Any) -> str:
        return refs.ref(self.name, kind, thing)

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        target = f"{path}?{urlencode(query)}" if query else path
        content = b"" if body is None else json.dumps(body).encode()
        client = Client(raise_request_exception=False)
        answer = client.generic(method, target, content, content_type="application/json", headers=self.headers)
        assert answer.status_code < 300, (self.name, method, path, answer.status_code, answer.content)
        return json.loads(answer.content) if answer.content else None


class Cronofy(Surface):
    name = "cronofy"

    def identified(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key('access_token', self.place.host)}"}

    def create(self, start_s: int, title: str) -> str:
        """A scheduler request whose recipient takes the slot."""
        asked = {"recipients": [{"email": "ada@example.org"}], "event": {"summary": title}}
        made = self.call("POST", "/v1/scheduler_requests", asked)["scheduler_request"]
        token = made["recipients"][0]["select_url"].rpartition("/")[2]
        request = SchedulerRequest.everywhere.get(token_digest=links.digest(token))
        booking = requests.select(request, start_s, name="Ada", timezone="UTC")
        return self.id_of("event", booking.event)

    def listed(self) -> Shown:
        lo, hi = (f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}" for at in WINDOW)
        query = {"tzid": "Etc/UTC", "from": lo, "to": hi, "include_managed": "true"}
        found = self.call("GET", "/v1/events", **query)["events"]
        return {each["event_uid"]: (seconds(each["start"]), seconds(each["end"]), each["summary"]) for each in found}

    def move(self, event_id: str, start_s: int) -> None:
        times = {"start": iso(start_s), "end": iso(start_s + LENGTH)}
        self.call("POST", self._events, {"event_uid": event_id} | times)

    def cancel(self, event_id: str) -> None:
        self.call("DELETE", self._events, {"event_uid": event_id})

    @property
    def _events(self) -> str:
        return f"/v1/calendars/{self.id_of('calendar', self.place.calendar)}/events"


class Timekit(Surface):
    name = "timekit"

    def identified(self) -> dict[str, str]:
        return {"Authorization": "Basic " + base64.b64encode(f":{self.key('app_key')}".encode()).decode()}

    def create(self, start_s: int, title: str) -> str:
        times = {"start": iso(start_s), "end": iso(start_s + LENGTH), "what": title, "where": "Here"}
        body = times | {"calendar_id": self.id_of("calendar", self.place.calendar)}
        return str(self.call("POST", "/v2/events", body)["data"]["id"])

    def listed(self) -> Shown:
        lo, hi = map(iso, WINDOW)
        found = self.call("GET", "/v2/events", start=lo, end=hi)["data"]
        return {each["id"]: self._seen(each) for each in found}

    def read(self, event_id: str) -> tuple[int, int, str] | None:
        return self._seen(self.call("GET", f"/v2/events/{event_id}")["data"])

    def move(self, event_id: str, start_s: int) -> None:
        self.call("PUT", f"/v2/events/{event_id}", {"start": iso(start_s), "end": iso(start_s + LENGTH)})

    def cancel(self, event_id: str) -> None:
        self.call("DELETE", f"/v2/events/{event_id}")

    @staticmethod
    def _seen(told: dict[str, Any]) -> tuple[int, int, str]:
        return seconds(told["start"]), seconds(told["end"]), told["what"]


class Morgen(Surface):
    name = "morgen"

    def identified(self) -> dict[str, str]:
        return {"Authorization": f"ApiKey {self.key('api_key', self.place.host)}"}

    @property
    def _where(self) -> dict[str, str]:
        account = self.id_of("account", self.place.calendar.account)
        return {"accountId": account, "calendarId": self.id_of("calendar", self.place.calendar)}

    def _when(self, start_s: int) -> dict[str, Any]:
        start = iso(start_s).removesuffix("Z")
        return {"start": start, "duration": "PT30M", "timeZone": "Etc/UTC", "showWithoutTime": False}

    def create(self, start_s: int, title: str) -> str:
        body = self._where | self._when(start_s) | {"title": title}
        return str(self.call("POST", "/v3/events/create", body)["data"]["event"]["id"])

    def listed(self) -> Shown:
        lo, hi = map(iso, WINDOW)
        where = {"accountId": self._where["accountId"], "calendarIds": self._where["calendarId"]}
        found = self.call("GET", "/v3/events/list", start=lo, end=hi, **where)["data"]["events"]
        return {each["id"]: self._seen(each) for each in found}

    def read(self, event_id: str) -> tuple[int, int, str] | None:
        return self._seen(self.call("GET", "/v3/events/", id=event_id)["data"]["event"])

    def move(self, event_id: str, start_s: int) -> None:
        self.call("POST", "/v3/events/update", self._where | self._when(start_s) | {"id": event_id})

    def cancel(self, event_id: str) -> None:
        self.call("POST", "/v3/events/delete", self._where | {"id": event_id})

    @staticmethod
    def _seen(told: dict[str, Any]) -> tuple[int, int, str]:
        assert told["timeZone"] in ("UTC", "Etc/UTC")
        assert told["duration"] == "PT30M"
        start = seconds(told["start"])
        return start, start + LENGTH, told["title"]


class LeadConnector(Surface):
    name = "leadconnector"

    def identified(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key('token')}", "Version": "2021-04-15"}

    def create(self, start_s: int, title: str) -> str:
        body = {
            "calendarId": self.id_of("event_type", self.place.event_type),
            "locationId": self.id_of("organisation", self.place.organisation),
            "contactId": "a" * 20,
            "startTime": iso(start_s),
            "title": title,
        }
        return str(self.call("POST", "/calendars/events/appointments", body)["id"])

    def listed(self) -> Shown:
        whose = {
            "locationId": self.id_of("organisation", self.place.organisation),
            "userId": self.id_of("host", self.place.host),
        }
        lo, hi = (at * 1000 for at in WINDOW)
        found = self.call("GET", "/calendars/events", startTime=lo, endTime=hi, **whose)["events"]
        return {each["id"]: self._seen(each) for each in found if each["appointmentStatus"] != "cancelled"}

    def read(self, event_id: str) -> tuple[int, int, str] | None:
        return self._seen(self.call("GET", f"/calendars/events/appointments/{event_id}")["event"])

    def move(self, event_id: str, start_s: int) -> None:
        times = {"startTime": iso(start_s), "endTime": iso(start_s + LENGTH)}
        self.call("PUT", f"/calendars/events/appointments/{event_id}", times)

    def cancel(self, event_id: str) -> None:
        self.call("DELETE", f"/calendars/events/{event_id}", {})

    @staticmethod
    def _seen(told: dict[str, Any]) -> tuple[int, int, str]:
        return seconds(told["startTime"]), seconds(told["endTime"]), told["title"]


class Morph(Surface):
    name = "morph"

    def identified(self) -> dict[str, str]:
        owner = {"x-connector-id": "local", "x-owner-id": self.id_of("host", self.place.host)}
        return {"x-api-key": self.key("public_key"), "x-api-secret": self.key("secret_key")} | owner

    def create(self, start_s: int, title: str) -> str:
        body = {
            "startTime": iso(start_s),
            "endTime": iso(start_s + LENGTH),
            "title": title,
            "externalAttendees": [{"email": "ada@example.org"}],
            "answers": {},
        }
        return str(self.call("POST", "/v1/resources/schedulingEvent", body)["id"])

    def listed(self) -> Shown:
        found = self.call("GET", "/v1/resources/schedulingEvent", limit=100)["data"]
        live = (each for each in found if each["fields"]["status"] != "canceled")
        return {each["id"]: self._seen(each["fields"]) for each in live}

    def read(self, event_id: str) -> tuple[int, int, str] | None:
        return self._seen(self.call("GET", f"/v1/resources/schedulingEvent/{event_id}")["fields"])

    def move(self, event_id: str, start_s: int) -> None:
        times = {"startTime": iso(start_s), "endTime": iso(start_s + LENGTH)}
        self.call("PATCH", f"/v1/resources/schedulingEvent/{event_id}", times)

    def cancel(self, event_id: str) -> None:
        self.call("DELETE", f"/v1/resources/schedulingEvent/{event_id}")

    @staticmethod
    def _seen(told: dict[str, Any]) -> tuple[int, int, str]:
        return seconds(told["startTime"]), seconds(told["endTime"]), told["title"]


SURFACES: list[Callable[[Place], Surface]] = [Cronofy, Timekit, Morgen, LeadConnector, Morph]


def make_place() -> Place:
    organisation = factories.organisation()
    host = factories.host(organisation, weekly=factories.ALWAYS)
    event_type: EventType = EventType.everywhere.create(
        organisation=organisation, name="Talk", slug="talk", minimum_notice=0, durations=[LENGTH // 60]
    )
    event_type.hosts.add(host)
    return Place(organisation, host, factories.local_calendar(host), event_type)
