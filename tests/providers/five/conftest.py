"""The five services as doubles on loopback, and a host who is connected to one of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from bookings.domain import accounts
from bookings.domain.audit import SYSTEM
from bookings.engine.zones import zone
from bookings.formats.event import EventData, Person
from bookings.models import Account, Calendar, Event, Host, Mirror
from providers import pull, push
from providers.base import Provider, adapter
from providers.lab import cronofy, leadconnector, morgen, morph, timekit
from providers.lab.double import Fault, Told, serve
from providers.lab.strict import Book, Held
from tests import factories

BERLIN = "Europe/Berlin"
NAMES = ("cronofy", "timekit", "morgen", "leadconnector", "morph")
DOUBLES: dict[str, type[Book]] = {
    "cronofy": cronofy.CronofyDouble,
    "timekit": timekit.TimekitDouble,
    "morgen": morgen.MorgenDouble,
    "leadconnector": leadconnector.LeadConnectorDouble,
    "morph": morph.MorphDouble,
}
CREDENTIALS: dict[str, dict[str, str]] = {
    "cronofy": {"access_token": "key"},
    "timekit": {"api_key": "key"},
    "morgen": {"api_key": "key"},
    "leadconnector": {"token": "key", "location_id": leadconnector.LOCATION},
    "morph": {
        "api_key": "pk_lab",
        "api_secret": "key",
        "connector_id": morph.CONNECTOR,
        "owner_id": morph.OWNER,
    },
}
CREATE = {
    "cronofy": "POST /v1/calendars/.*/events",
    "timekit": "POST /v2/events",
    "morgen": "POST /v3/events/create",
    "leadconnector": "POST /calendars/events/appointments",
    "morph": "POST /v1/resources/schedulingEvent",
}
UPDATE = {
    "cronofy": "POST /v1/calendars/.*/events",
    "timekit": "PUT /v2/events/",
    "morgen": "POST /v3/events/update",
    "leadconnector": "PUT /calendars/events/appointments/",
    "morph": "PATCH /v1/resources/schedulingEvent/",
}
DELETE = UPDATE | {
    "cronofy": "DELETE /v1/calendars/.*/events",
    "timekit": "DELETE /v2/events/",
    "morgen": "POST /v3/events/delete",
}


_HOUR = int(time.time()) // 3600


def soon(hours: int = 0) -> int:
    """A full hour some ten days ahead; the same one however long the tests take."""
    return (_HOUR + 240 + hours) * 3600


def meeting(title: str = "Review", hours: int = 0, **fields: Any) -> EventData:
    told: dict[str, Any] = {"start_wall": zone(BERLIN).to_wall(soon(hours)), "timezone": BERLIN, "duration": 1800}
    return EventData(title=title, **told | fields)


def anna(**fields: Any) -> Person:
    return Person("anna@example.org", "Anna Bauer", **fields)


@dataclass
class Connected:
    """A host, their account at a double, and the one calendar of it."""

    name: str
    double: Any
    host: Host
    account: Account
    calendar: Calendar
    kept: list[Any] = field(default_factory=list)

    @property
    def adapter(self) -> Provider:
        return adapter(Account.everywhere.get(pk=self.account.pk))

    @property
    def target(self) -> str:
        """What the double calls the calendar."""
        return self.calendar.external_id.rpartition("|")[2]

    def live(self) -> list[Held]:
        found: list[Held] = self.double.live(self.target)
        return found

    def titles(self) -> list[str]:
        return [held.fields[self.double.title_field] for held in self.live()]

    def fault(self, kind: str, pattern: str, status: int = 500, body: Any = None, **how: Any) -> None:
        headers = how.pop("headers", {})
        self.double.faults.append(Fault(kind, pattern, told=Told(status, body, headers), **how))

    def deliver(self, times: int = 1) -> None:
        for _ in range(times):
            Mirror.everywhere.update(next_attempt_s=0)
            push.deliver()

    def pull(self) -> pull.Pulled:
        return pull.pull_account(Account.everywhere.select_related("host").get(pk=self.account.pk))

    def mirror(self, event: Event) -> Mirror:
        found: Mirror = Mirror.everywhere.get(event=event)
        return found


def connect(double: Book, name: str, **host_fields: Any) -> Connected:
    host = factories.host(timezone=BERLIN, **host_fields)
    account = Account(
        organisation_id=host.organisation_id,
        host=host,
        provider=name,
        server_url=double.url + ("/v3" if name == "morgen" else ""),
    )
    account.set_credentials(CREDENTIALS[name])
    saved = accounts.connect(
        host,
        provider=name,
        label=name,
        server_url=account.server_url,
        username="",
        credentials=CREDENTIALS[name],
        calendars=adapter(account).list_calendars(),
        actor=SYSTEM,
    )
    calendar = saved.calendars.get()
    accounts.choose(host, booking_calendar=calendar, blocking=[calendar.pk], actor=SYSTEM)
    return Connected(name, double, host, saved, calendar)


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """Each service in turn, unless a test names one."""
    found: str = request.param
    return found


@pytest.fixture
def connected(db: None, name: str, settings: Any) -> Iterator[Connected]:
    double = DOUBLES[name]()
    with serve(double) as url:
        settings.LAN_ALLOWED = [url.removeprefix("http://")]
        yield connect(double, name)


only = pytest.mark.parametrize


def on(*names: str) -> pytest.MarkDecorator:
    """A test on these services only: what they have of their own, or one of each sort where the code is shared."""
    return pytest.mark.parametrize("name", names)
