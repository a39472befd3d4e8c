"""The eight services of the fault matrix."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, ClassVar

from bookings.domain.accounts import FoundCalendar
from bookings.engine.zones import zone
from bookings.formats import icalendar
from bookings.models import Calendar
from providers.google.scopes import ASKED, PREFIX
from providers.lab import graph_series
from providers.lab.cronofy import CronofyDouble
from providers.lab.double import Asked, Double, Fault, Told
from providers.lab.google import Google
from providers.lab.google_rules import instant as google_instant
from providers.lab.leadconnector import LOCATION, LeadConnectorDouble
from providers.lab.microsoft import MicrosoftDouble
from providers.lab.morgen import ACCOUNT, MorgenDouble
from providers.lab.morph import CONNECTOR, OWNER, MorphDouble
from providers.lab.strict import zulu
from providers.lab.timekit import TimekitDouble
from tests.providers.matrix.columns import BERLIN, Column, Hub, Seen
from tests.providers.proxy import HOP_BY_HOP
from tests.servers import CalDavServer

ALL_SCOPES = " ".join(PREFIX + scope for scope in ASKED)


class GoogleColumn(Column):
    name, provider = "google", "google"
    CREATE, UPDATE, DELETE = r"POST .*/events$", r"PATCH .*/events/", r"DELETE .*/events/"
    LIST, TOKEN = r"GET .*/events$", r"POST /oauth2/token"
    MAILS = ("create", "update", "delete")

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        self.double.calendar(self.person, timezone="Europe/Berlin")
        self.double.per_minute = 10_000_000

    @property
    def shelf(self) -> Any:
        return self.double.shelves[self.person]

    def sign_in(self) -> dict[str, Any]:
        told: dict[str, Any] = self.double.issue(self.person, ALL_SCOPES)
        return told

    def found(self) -> FoundCalendar:
        return FoundCalendar(self.person, "Work", timezone="Europe/Berlin", primary=True)

    def there(self) -> list[Seen]:
        return [
            Seen(each["id"], each.get("summary", ""), *(_google_s(each[side]) for side in ("start", "end")))
            for each in self.shelf.live()
        ]

    def add(self, title: str, start_s: int, end_s: int) -> str:
        return str(self.double.add(self.person, summary=title, **self._times(start_s, end_s))["id"])

    def move(self, seen: Seen, start_s: int, end_s: int) -> None:
        self.double.edit(self.person, seen.id, **self._times(start_s, end_s))

    def retitle(self, seen: Seen, title: str) -> None:
        self.double.edit(self.person, seen.id, summary=title)

    def remove(self, seen: Seen) -> None:
        self.double.remove(self.person, seen.id)

    def drop_calendar(self) -> None:
        del self.double.shelves[self.person]

    def lock_out(self) -> None:
        self.double.kill(self.person)
        self.double.expire()

    def make_read_only(self) -> None:
        self.double.calendar("boss@example.org")
        self.shelf.owner, self.shelf.roles = "boss@example.org", {self.person: "reader"}

    def mails(self) -> int:
        return sum(1 for mail in self.double.mails if mail.kind != "answer")

    def forget_sync(self) -> None:
        self.double.expire_tokens()

    def _times(self, start_s: int, end_s: int) -> dict[str, Any]:
        return {"start": {"dateTime": zulu(start_s)}, "end": {"dateTime": zulu(end_s)}}


class MicrosoftColumn(Column):
    name, provider = "microsoft", "microsoft"
    CREATE, UPDATE, DELETE = r"POST .*/events$", r"PATCH .*/events/", r"(DELETE .*/events/|POST .*/cancel)"
    LIST, TOKEN = r"GET .*/calendarView/delta", r"POST .*/oauth2/v2\.0/token"
    MAILS = ("create", "update", "delete")

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        self.double.people.append(self.person)
        self.box = self.double.mailbox(self.person)
        self.place = self.double.default_calendar(self.person)

    def sign_in(self) -> dict[str, Any]:
        told: dict[str, Any] = self.double.issue(self.person, "offline_access User.Read Calendars.ReadWrite")
        return told

    def found(self) -> FoundCalendar:
        return FoundCalendar(self.place, "Calendar", primary=True)

    def there(self) -> list[Seen]:
        items = [each for each in self.box.items.values() if each.calendar == self.place]
        return [Seen(each.key, each.said.get("subject", ""), *self._span(each)) for each in items]

    def _span(self, item: Any) -> tuple[int, int]:
        start, end = (graph_series.instant(each, item.zone) for each in (item.start, item.end))
        return int(start.timestamp()), int(end.timestamp())

    def add(self, title: str, start_s: int, end_s: int) -> str:
        return str(self.double.add(self.person, subject=title, **self._times(start_s, end_s)))

    def move(self, seen: Seen, start_s: int, end_s: int) -> None:
        self.double.edit(self.person, seen.id, **self._times(start_s, end_s))

    def retitle(self, seen: Seen, title: str) -> None:
        self.double.edit(self.person, seen.id, subject=title)

    def remove(self, seen: Seen) -> None:
        self.double.remove(self.person, seen.id)

    def drop_calendar(self) -> None:
        self.double.remove_calendar(self.person, self.place)

    def lock_out(self) -> None:
        self.double.kill(self.person)
        self.double.expire()

    def make_read_only(self) -> None:
        self.box.calendars[self.place].can_edit = False

    def mails(self) -> int:
        return sum(1 for kind, _, _ in self.double.mails if kind != "response")

    def forget_sync(self) -> None:
        self.double.forget_tokens()

    def _times(self, start_s: int, end_s: int) -> dict[str, Any]:
        moments = (datetime.fromtimestamp(each, UTC).strftime("%Y-%m-%dT%H:%M:%S") for each in (start_s, end_s))
        return {name: {"dateTime": at, "timeZone": "UTC"} for name, at in zip(("start", "end"), moments, strict=True)}


class DavDouble(Double):
    """Stands before a real CalDAV server, so that the same faults can be asked for there.

    Switches: `locked` (401 for everybody), `unheard` (request headers that get lost), `untold` (answer headers that
    get lost), `etags` (prefix of every entity tag), `amend` (bytes of answers that are replaced).
    """

    name: ClassVar[str] = "ada"
    upstream: ClassVar[CalDavServer]

    def __init__(self) -> None:
        super().__init__()
        self.locked = False
        self.unheard: set[str] = set()
        self.untold: set[str] = set()
        self.etags = ""
        self.mails: list[str] = []

    def handle(self, asked: Asked) -> Told:
        if self.locked:
            return Told(401, b"", {"WWW-Authenticate": 'Basic realm="x"'})
        headers = {
            name: value for name, value in asked.headers.items() if name not in HOP_BY_HOP | self.unheard | {"host"}
        }
        headers["host"] = asked.headers.get("host", "")
        url = f"{self.upstream.url}{self.name}{asked.path}"
        answer = self.upstream.session.request(
            asked.method, url, data=asked.body, headers=headers, timeout=20, allow_redirects=False
        )
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP | self.untold}
        if self.etags and "ETag" in kept:
            kept["ETag"] = self.etags + kept["ETag"]
        return Told(answer.status_code, answer.content, kept)


class CalDavColumn(Column):
    """Radicale, with a double in between."""

    name, provider = "ada", "caldav"
    CREATE, UPDATE, DELETE, LIST = r"PUT ", r"PUT ", r"DELETE ", r"REPORT "

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        self.server = DavDouble.upstream
        self.real = self.server.make_calendar(self.person.partition("@")[0])

    @property
    def server_url(self) -> str:
        return f"{self.hub.url}/"

    def sign_in(self) -> dict[str, Any]:
        self.double.locked = False
        return {"password": self.server.password}

    def sign_in_again(self) -> None:
        person, self.person = self.person, self.server.username
        super().sign_in_again()
        self.person = person

    def found(self) -> FoundCalendar:
        return FoundCalendar(self.real.replace(self.server.url, self.server_url), "Work", primary=True)

    def there(self) -> list[Seen]:
        found = []
        for url, text in self.server.objects(self.real).items():
            data = icalendar.parse(text, default_timezone="UTC").events[0]
            start = zone(data.timezone or BERLIN).to_utc(data.start_wall)
            found.append(Seen(url, data.title, start, start + data.duration))
        return found

    def add(self, title: str, start_s: int, end_s: int) -> str:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        uid = f"{title}-{start_s}"
        times = f"DTSTART:{_basic(start_s)}\r\nDTEND:{_basic(end_s)}"
        event = f"BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:{stamp}\r\n{times}\r\nSUMMARY:{title}\r\nEND:VEVENT"
        text = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//x//EN\r\n{event}\r\nEND:VCALENDAR\r\n"
        return self.server.put(self.real, f"{uid}.ics", text)

    def rewrite(self, seen: Seen, *changes: tuple[str, str]) -> None:
        """Change the text of an event, by patterns within its VEVENT."""
        head, found, rest = self.server.get(seen.id).replace("\r\n", "\n").replace("\n ", "").partition("BEGIN:VEVENT")
        for pattern, new in changes:
            rest = re.sub(pattern, new, rest)
        folder, _, name = seen.id.rpartition("/")
        self.server.put(f"{folder}/", name, f"{head}{found}{rest}".replace("\n", "\r\n"))

    def move(self, seen: Seen, start_s: int, end_s: int) -> None:
        times = f"DTSTART:{_basic(start_s)}\nDTEND:{_basic(end_s)}\n"
        self.rewrite(seen, (r"(DTEND|DURATION)[^\n]*\n", ""), (r"DTSTART[^\n]*\n", times))

    def retitle(self, seen: Seen, title: str) -> None:
        self.rewrite(seen, (r"SUMMARY[^\n]*\n", f"SUMMARY:{title}\n"))

    def remove(self, seen: Seen) -> None:
        self.server.delete(seen.id)

    def drop_calendar(self) -> None:
        self.server.delete(self.real)

    def lock_out(self) -> None:
        self.double.locked = True

    def make_read_only(self) -> None:
        body = b'<d:error xmlns:d="DAV:"><d:need-privileges/></d:error>'
        headers = {"Content-Type": "application/xml"}
        self.double.faults.append(Fault("answer", "(PUT|DELETE) ", 99, Told(403, body, headers)))

    def forget_sync(self) -> None:
        self.calendar.refresh_from_db()
        since = self.calendar.sync_token.partition("|")[0]
        token = f"{since}|http://radicale.org/ns/sync/{'0' * 64}"
        Calendar.everywhere.filter(pk=self.calendar.pk).update(sync_token=token)


def _google_s(told: Any) -> int:
    return int(google_instant(told, BERLIN).timestamp())


def _basic(second: int) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y%m%dT%H%M%SZ}"


class BookColumn(Column):
    """The five services with single events."""

    credentials: ClassVar[dict[str, str]]
    place: ClassVar[str] = "work"

    @property
    def provider(self) -> str:  # type: ignore[override]
        return self.name

    @property
    def server_url(self) -> str:
        return str(self.double.url)

    def sign_in(self) -> dict[str, Any]:
        if self.TOKEN:
            told: dict[str, Any] = self.double.issue() | self.credentials
            return told
        self.double.keys.add("key")
        return dict(self.credentials)

    def found(self) -> FoundCalendar:
        return FoundCalendar(self.place, "Work", primary=True)

    def there(self) -> list[Seen]:
        return [
            Seen(held.id, held.fields[self.double.title_field], *self.double.span(held.fields))
            for held in self.double.live(self.place)
        ]

    def add(self, title: str, start_s: int, end_s: int) -> str:
        return str(self.double.add(self.place, title, start_s, end_s))

    def move(self, seen: Seen, start_s: int, end_s: int) -> None:
        self.double.move(seen.id, start_s, end_s)

    def retitle(self, seen: Seen, title: str) -> None:
        self.double.retitle(seen.id, title)

    def remove(self, seen: Seen) -> None:
        self.double.remove(seen.id)

    def drop_calendar(self) -> None:
        self.double.remove_calendar(self.place)

    def lock_out(self) -> None:
        self.double.revoke()

    def make_read_only(self) -> None:
        self.double.places[self.place].writable = False

    def mails(self) -> int:
        return len(self.double.mailed)


class CronofyColumn(BookColumn):
    name = "cronofy"
    CREATE, UPDATE = r"POST /v1/calendars/.*/events$", r"POST /v1/calendars/.*/events$"
    DELETE, LIST, TOKEN = r"DELETE /v1/calendars/.*/events", r"GET /v1/events", r"POST /oauth/token"
    MAILS = ("create",)
    credentials: ClassVar[dict[str, str]] = {}


class TimekitColumn(BookColumn):
    name = "timekit"
    CREATE, UPDATE, DELETE = r"POST /v2/events", r"PUT /v2/events/", r"DELETE /v2/events/"
    LIST = r"GET /v2/events$"
    MAILS = ("create",)
    credentials: ClassVar[dict[str, str]] = {"api_key": "key"}


class MorgenColumn(BookColumn):
    name = "morgen"
    CREATE, UPDATE, DELETE = r"POST /v3/events/create", r"POST /v3/events/update", r"POST /v3/events/delete"
    LIST = r"GET /v3/events/list"
    MAILS = ("create", "update")
    credentials: ClassVar[dict[str, str]] = {"api_key": "key"}

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        self.double.meter.most = 10_000_000

    @property
    def server_url(self) -> str:
        return f"{self.double.url}/v3"

    def found(self) -> FoundCalendar:
        return FoundCalendar(f"{ACCOUNT}|{self.place}", "Work", primary=True)


class LeadConnectorColumn(BookColumn):
    name = "leadconnector"
    CREATE, UPDATE = r"POST /calendars/events/appointments", r"PUT /calendars/events/appointments/"
    DELETE = r"PUT /calendars/events/appointments/"
    LIST, TOKEN = r"GET /calendars/events$", r"POST /oauth/token"
    credentials: ClassVar[dict[str, str]] = {"location_id": LOCATION}

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        self.double.meter.most = 10_000_000


class MorphColumn(BookColumn):
    name = "morph"
    CREATE, UPDATE = r"POST /v1/resources/schedulingEvent", r"PATCH /v1/resources/schedulingEvent/"
    DELETE = r"PATCH /v1/resources/schedulingEvent/"
    LIST = r"GET /v1/resources/schedulingEvent$"
    MAILS = ("create", "update")
    place = f"{CONNECTOR}/{OWNER}"
    credentials: ClassVar[dict[str, str]] = {
        "api_key": "pk_lab",
        "api_secret": "key",
        "connector_id": CONNECTOR,
        "owner_id": OWNER,
    }


OTHERS = (TimekitColumn, MorgenColumn, LeadConnectorColumn, MorphColumn)
COLUMNS: dict[str, tuple[type[Column], ...]] = {
    "google": (GoogleColumn,),
    "microsoft": (MicrosoftColumn,),
    "caldav": (CalDavColumn,),
    "cronofy": (CronofyColumn,),
    "others": OTHERS,
}


def doubles() -> list[Double]:
    books = (CronofyDouble(), TimekitDouble(), MorgenDouble(), LeadConnectorDouble(), MorphDouble())
    return [Google(), MicrosoftDouble(), DavDouble(), *books]
