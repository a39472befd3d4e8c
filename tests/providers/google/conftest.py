"""A double of Google on loopback, and a host who is connected to a calendar there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from bookings.domain import accounts
from bookings.domain import calendar as events
from bookings.domain.accounts import FoundCalendar
from bookings.domain.audit import SYSTEM
from bookings.engine.zones import wall
from bookings.formats.event import EventData
from bookings.models import Account, Busy, Calendar, Event, Host, Mirror
from providers import pull, push
from providers.google.scopes import ASKED, PREFIX
from providers.lab.double import serve
from providers.lab.google import Google
from tests import factories

OWNER = "ada@example.org"
ALL_SCOPES = " ".join(PREFIX + scope for scope in ASKED)
START = wall(2031, 3, 3, 9)
"""A Monday."""


@pytest.fixture
def google(settings) -> Iterator[Google]:
    double = Google()
    with serve(double) as url:
        settings.LAN_ALLOWED = [url.removeprefix("http://")]
        settings.GOOGLE = {"client_id": "lab", "client_secret": "lab-secret"}
        settings.GOOGLE_URLS = {
            "api": double.url,
            **{name: f"{double.url}/oauth2/{name}" for name in ("authorize", "token", "revoke")},
        }
        double.calendar(OWNER, timezone="Europe/Berlin")
        yield double


@dataclass
class Connected:
    """A host whose bookings go to their main calendar at Google."""

    host: Host
    account: Account
    calendar: Calendar
    google: Google

    @property
    def there(self) -> list[dict]:
        """Events and series that the calendar holds now."""
        return self.google.shelves[self.calendar.external_id].live()

    def make(self, title: str = "Review", **fields) -> Event:
        """An event made here and delivered."""
        event = events.create(self.calendar, meeting(title, **fields), actor=SYSTEM)
        push.deliver()
        return event

    def change(self, event: Event, title: str = "Review", **fields) -> None:
        event.refresh_from_db()
        events.change(event, meeting(title, **fields), actor=SYSTEM)
        push.deliver()

    def read(self) -> pull.Pulled:
        self.account.refresh_from_db()
        return pull.pull_account(self.account)

    def mirror(self, event: Event) -> Mirror:
        return Mirror.everywhere.select_related("event").get(event=event, calendar=self.calendar)

    def busy(self) -> list[tuple[int, int]]:
        """What blocks the host, in UTC seconds."""
        rows = Busy.everywhere.filter(host=self.host).exclude(kind="free")
        return sorted(rows.values_list("start_s", "end_s"))


def meeting(title: str = "Review", **fields) -> EventData:
    fields = {"start_wall": START, "timezone": "Europe/Berlin", "duration": 1800} | fields
    return EventData(title=title, **fields)


def connect(google: Google, scope: str = ALL_SCOPES, owner: str = OWNER, **host_fields) -> Connected:
    """A new host who signed in as that person, and chose their main calendar for everything."""
    host = factories.host(**{"timezone": "Europe/Berlin", "email": owner} | host_fields)
    account = accounts.connect(
        host,
        provider=Account.Provider.GOOGLE,
        label="Google",
        server_url="",
        username=owner,
        credentials=google.issue(owner, scope),
        calendars=[FoundCalendar(owner, "Work", timezone=google.shelves[owner].timezone, primary=True)],
        actor=SYSTEM,
    )
    calendar = account.calendars.get()
    accounts.choose(host, booking_calendar=calendar, blocking=[calendar.pk], actor=SYSTEM)
    return Connected(host, account, calendar, google)


@pytest.fixture
def connected(db: None, google: Google) -> Connected:
    return connect(google)


def renew_token(connected: Connected, scope: str = ALL_SCOPES) -> None:
    """Sign in anew, with these scopes."""
    connected.account.set_credentials(connected.google.issue(OWNER, scope))
    connected.account.save()
