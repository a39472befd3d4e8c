"""The columns of the fault matrix: every service as a host's connected calendar, with one set of words for all."""

from __future__ import annotations

import contextlib
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.conf import settings

from bookings.domain import accounts
from bookings.domain import calendar as events
from bookings.domain.accounts import FoundCalendar
from bookings.domain.audit import SYSTEM
from bookings.engine.zones import zone
from bookings.formats.event import EventData, Person
from bookings.models import Account, Busy, Calendar, Event, Host, Mirror
from providers import pull, push
from providers.base import Provider, adapter
from providers.lab.double import Double, Fault, Told, serve
from tests import factories

BERLIN = "Europe/Berlin"
GUEST = Person("anna@example.org", "Anna Bauer")


_HOUR = int(time.time()) // 3600


def soon(hours: float = 0) -> int:
    """A full hour some ten days ahead, or so many hours later."""
    return (_HOUR + 240) * 3600 + int(hours * 3600)


def meeting(title: str = "Review", hours: float = 0, **fields: Any) -> EventData:
    told: dict[str, Any] = {"start_wall": zone(BERLIN).to_wall(soon(hours)), "timezone": BERLIN, "duration": 1800}
    return EventData(title=title, **told | fields)


class Hub:
    """All doubles behind one port for the whole run; each test finds them as if they had just been made."""

    def __init__(self, *doubles: Double) -> None:
        self.doubles = {double.name: double for double in doubles}
        self.url = ""
        self._served = contextlib.ExitStack()

    @property
    def hostport(self) -> str:
        return urlsplit(self.url).netloc

    def plug(self) -> None:
        port = urlsplit(self.url).port or 0
        self.url = self._served.enter_context(serve(*self.doubles.values(), port=port))

    def unplug(self) -> None:
        """Nobody listens there any more."""
        self._served.close()

    def fresh(self, name: str) -> Double:
        double = self.doubles[name]
        url = double.url
        double.__init__()  # type: ignore[misc]  # one address for all tests, and nothing else in common
        double.url = url
        return double


@dataclass(frozen=True)
class Seen:
    """An event as somebody sees it at the service."""

    id: str
    title: str
    start_s: int
    end_s: int


class Column(ABC):
    """One service, and a host who is connected to one calendar of it.

    `CREATE`, `UPDATE`, `DELETE`, `LIST` are patterns of the calls by which our adapter does that, `TOKEN` of a renewal
    ("" where nothing is renewed). `MAILS`: what the service writes to guests of, when it is asked to.
    """

    name: ClassVar[str]
    provider: ClassVar[str]
    CREATE: ClassVar[str]
    UPDATE: ClassVar[str]
    DELETE: ClassVar[str]
    LIST: ClassVar[str]
    TOKEN: ClassVar[str] = ""
    MAILS: ClassVar[tuple[str, ...]] = ()

    host: Host
    account: Account
    calendar: Calendar

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.double: Any = hub.fresh(self.name)
        self.person = f"{uuid.uuid4().hex[:8]}@example.org"

    # ── The service ──

    @abstractmethod
    def sign_in(self) -> dict[str, Any]:
        """New credentials, as if the person had just consented."""

    @abstractmethod
    def found(self) -> FoundCalendar: ...

    @abstractmethod
    def there(self) -> list[Seen]:
        """What the calendar holds now."""

    @abstractmethod
    def add(self, title: str, start_s: int, end_s: int) -> str:
        """Somebody enters an event there; returns its id."""

    @abstractmethod
    def move(self, seen: Seen, start_s: int, end_s: int) -> None: ...

    @abstractmethod
    def retitle(self, seen: Seen, title: str) -> None: ...

    @abstractmethod
    def remove(self, seen: Seen) -> None: ...

    @abstractmethod
    def drop_calendar(self) -> None: ...

    @abstractmethod
    def lock_out(self) -> None:
        """Nothing that we hold opens the account any more."""

    @abstractmethod
    def make_read_only(self) -> None: ...

    def mails(self) -> int:
        """Mails to guests."""
        return len(self.double.mails)

    def forget_sync(self) -> None:
        """Our token of the last reading is worth nothing any more; where none is, nothing is kept of it."""
        Calendar.everywhere.filter(pk=self.calendar.pk).update(sync_token="")

    # ── The host ──

    def connect(self, **host_fields: Any) -> Column:
        self.host = factories.host(timezone=BERLIN, email=self.person, **host_fields)
        self.sign_in_again()
        self.calendar = self.account.calendars.get()
        accounts.choose(self.host, booking_calendar=self.calendar, blocking=[self.calendar.pk], actor=SYSTEM)
        return self

    def sign_in_again(self) -> None:
        self.account = accounts.connect(
            self.host,
            provider=self.provider,
            label=self.name,
            server_url=self.server_url,
            username=self.person,
            credentials=self.sign_in(),
            calendars=[self.found()],
            actor=SYSTEM,
        )

    @property
    def server_url(self) -> str:
        return ""

    @property
    def adapter(self) -> Provider:
        return adapter(Account.everywhere.select_related("host").get(pk=self.account.pk))

    def make(self, title: str = "First", hours: float = 0, **fields: Any) -> Event:
        return events.create(self.calendar, meeting(title, hours, **fields), actor=SYSTEM)

    def change(self, event: Event, title: str = "Second", hours: float = 0, **fields: Any) -> None:
        event.refresh_from_db()
        events.change(event, meeting(title, hours, **fields), actor=SYSTEM)

    def delete(self, event: Event) -> None:
        event.refresh_from_db()
        events.delete(event, actor=SYSTEM)

    def deliver(self, times: int = 3) -> None:
        """Deliver, as often as that, without waiting for what was put off."""
        for _ in range(times):
            Mirror.everywhere.filter(calendar=self.calendar).update(next_attempt_s=0)
            push.deliver()

    def pull(self) -> pull.Pulled:
        self.account.refresh_from_db()
        return pull.pull_account(Account.everywhere.select_related("host").get(pk=self.account.pk))

    def fault(self, kind: str, pattern: str, status: int = 500, body: Any = None, **how: Any) -> Fault:
        made = Fault(kind, pattern, told=Told(status, body, how.pop("headers", {})), **how)
        self.double.faults.append(made)
        return made

    # ── What came of it ──

    def titles(self) -> list[str]:
        return sorted(seen.title for seen in self.there())

    def one(self) -> Seen:
        (seen,) = self.there()
        return seen

    def mirror(self, event: Event) -> Mirror:
        found: Mirror = Mirror.everywhere.select_related("event").get(event=event, calendar=self.calendar)
        return found

    def health(self) -> str:
        self.account.refresh_from_db()
        return str(self.account.health)

    def state(self) -> str:
        self.calendar.refresh_from_db()
        return str(self.calendar.state)

    def busy(self) -> list[tuple[int, int]]:
        rows = Busy.everywhere.filter(calendar=self.calendar).exclude(kind="free")
        return sorted(rows.values_list("start_s", "end_s"))

    def count(self, pattern: str) -> int:
        found: int = self.double.count(pattern)
        return found


def allow(hub: Hub) -> dict[str, Any]:
    """Settings under which the product finds the doubles."""
    google, microsoft = f"{hub.url}/google", f"{hub.url}/microsoft"
    steps = {name: f"{google}/oauth2/{name}" for name in ("authorize", "token", "revoke")}
    return {
        "LAN_ALLOWED": [hub.hostport],
        "GOOGLE": {"client_id": "lab", "client_secret": "lab-secret"},
        "GOOGLE_URLS": {"api": google, **steps},
        "MICROSOFT": {"client_id": "lab", "client_secret": "lab-secret", "tenant": "common"},
        "MICROSOFT_URLS": {"api": f"{microsoft}/v1.0", "login": microsoft},
    }


@contextlib.contextmanager
def unplugged(hub: Hub) -> Iterator[None]:
    """While nobody listens at the doubles' address."""
    hub.unplug()
    try:
        yield
    finally:
        hub.plug()
        assert hub.hostport in settings.LAN_ALLOWED
