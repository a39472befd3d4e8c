"""A host connected to the double of Microsoft Graph."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from bookings.domain import accounts
from bookings.domain import calendar as events
from bookings.domain.accounts import FoundCalendar
from bookings.domain.audit import SYSTEM
from bookings.engine.zones import wall
from bookings.formats.event import EventData
from bookings.models import Account, Calendar, Event, Host, Mirror
from providers import pull, push
from providers.base import adapter
from providers.lab.double import serve
from providers.lab.microsoft import MicrosoftDouble
from providers.microsoft.provider import Microsoft
from tests import factories

ADA, BO = "ada@example.org", "bo@example.org"
START = wall(2027, 3, 3, 9)


@dataclass
class Connected:
    """A host, their account at the double, and the one calendar of it that receives bookings and blocks time."""

    double: MicrosoftDouble
    host: Host
    account: Account
    calendar: Calendar

    @property
    def adapter(self) -> Microsoft:
        found = adapter(Account.everywhere.select_related("host").get(pk=self.account.pk))
        assert isinstance(found, Microsoft)
        return found

    def there(self) -> list[dict]:
        """The events that Graph has in the calendar now."""
        return self.double.events(ADA, self.calendar.external_id)

    def make(self, title: str = "Review", **fields) -> Event:
        return events.create(self.calendar, meeting(title, **fields), actor=SYSTEM)

    def mirror(self, event: Event) -> Mirror:
        return Mirror.everywhere.get(event=event, calendar=self.calendar)

    def pull(self) -> pull.Pulled:
        self.account.refresh_from_db()
        return pull.pull_account(Account.everywhere.select_related("host").get(pk=self.account.pk))

    def deliver(self) -> None:
        """Everything that is due, without waiting for what was put off."""
        for _ in range(4):
            Mirror.everywhere.update(next_attempt_s=0)
            push.deliver()

    def bodies(self, pattern: str) -> list[dict]:
        """What was sent in the calls that match."""
        calls = [each.asked for each in self.double.calls if pattern in f"{each.asked.method} {each.asked.path}"]
        return [json.loads(asked.body) for asked in calls if asked.body]


def meeting(title: str = "Review", **fields) -> EventData:
    return EventData(title=title, **({"start_wall": START, "timezone": "Europe/Berlin", "duration": 1800} | fields))


@pytest.fixture
def double(settings) -> Iterator[MicrosoftDouble]:
    made = MicrosoftDouble()
    with serve(made) as url:
        settings.LAN_ALLOWED = [urlsplit(url).netloc]
        settings.MICROSOFT = {"client_id": "lab", "client_secret": "lab-secret", "tenant": "common"}
        settings.MICROSOFT_URLS = {"api": f"{made.url}/v1.0", "login": made.url}
        yield made


def connect(double: MicrosoftDouble, person: str = ADA, *, calendar: str = "", **host_fields) -> Connected:
    host = factories.host(email=person, timezone="Europe/Berlin", **host_fields)
    external = calendar or double.default_calendar(person)
    account = accounts.connect(
        host,
        provider=Account.Provider.MICROSOFT,
        label="Outlook",
        server_url="",
        username=person,
        credentials=double.issue(person, "offline_access User.Read Calendars.ReadWrite"),
        calendars=[FoundCalendar(external_id=external, name="Calendar", primary=True)],
        actor=SYSTEM,
    )
    row = account.calendars.get()
    accounts.choose(host, booking_calendar=row, blocking=[row.pk], actor=SYSTEM)
    return Connected(double, host, account, row)


@pytest.fixture
def connected(db: None, double: MicrosoftDouble) -> Connected:
    return connect(double)
