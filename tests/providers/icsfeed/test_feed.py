"""A published calendar: its events block time, it is asked politely, and nothing is ever written there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import ClassVar
from urllib.parse import urlsplit

import pytest
from django.test import Client

from bookings.domain import accounts
from bookings.domain.audit import SYSTEM
from bookings.domain.errors import Invalid
from bookings.models import Account, Busy, Calendar, Event, Host
from providers import pull
from providers.base import UnsupportedFeature
from providers.icsfeed import address, from_account
from providers.kinds import ConnectFailed
from providers.lab.double import Asked, Double, Fault, Told, route, serve
from tests import factories


class Feed(Double):
    """A web server that publishes one file, and knows conditional requests."""

    name: ClassVar[str] = "feed"

    def __init__(self) -> None:
        super().__init__()
        self.events: dict[str, str] = {}
        self.tail = "END:VCALENDAR\r\n"
        self.stamp = 0

    def put(self, uid: str, start: str = "20270301T090000Z", *more: str) -> None:
        lines = [f"UID:{uid}", f"DTSTART:{start}", "DURATION:PT1H", "SUMMARY:Busy", *more]
        self.events[uid] = "\r\n".join(lines)

    @route("GET", "/secret.ics")
    def read(self, asked: Asked) -> Told:
        etag = hashlib.sha256(repr(sorted(self.events.items())).encode()).hexdigest()
        if asked.headers.get("if-none-match") == f'"{etag}"':
            return Told(304)
        self.stamp += 1  # as Google does: the same events, stamped anew for every reader
        parts = "".join(
            f"BEGIN:VEVENT\r\nDTSTAMP:20270101T0000{self.stamp % 60:02}Z\r\n{event}\r\nEND:VEVENT\r\n"
            for event in self.events.values()
        )
        body = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nX-WR-TIMEZONE:Asia/Kolkata\r\n{parts}{self.tail}"
        return Told(200, body, {"ETag": f'"{etag}"', "Content-Type": "text/calendar; charset=utf-8"})


@pytest.fixture
def feed(settings) -> Iterator[Feed]:
    double = Feed()
    with serve(double) as url:
        settings.LAN_ALLOWED = [urlsplit(url).netloc]
        yield double


@pytest.fixture
def host(db: None) -> Host:
    return factories.host(name="Ada")


@pytest.fixture
def staff(host: Host) -> Client:
    client = Client()
    client.force_login(factories.staff_user(host.organisation))
    return client


@pytest.fixture
def account(feed: Feed, host: Host, staff: Client) -> Account:
    feed.put("a")
    feed.put("b", "20270302T090000Z")
    answer = connect(staff, host, f"{feed.url}/secret.ics")
    assert answer.status_code == 302, answer.content.decode()
    return Account.everywhere.get(provider="icsfeed")


def connect(staff: Client, host: Host, url: str):
    return staff.post("/calendars/connect/icsfeed", {"host": str(host.pk), "feed": url, "label": "Rota"})


def busy(host: Host) -> list[int]:
    return sorted(Busy.everywhere.filter(host=host, kind=Event.Busy.BUSY).values_list("start_s", flat=True))


def test_a_feed_blocks_time_from_the_moment_it_is_connected(account: Account, host: Host) -> None:
    assert busy(host) == [1803891600, 1803978000]
    calendar = account.calendars.get()
    assert (calendar.is_writable, calendar.timezone, calendar.state) == (False, "Asia/Kolkata", Calendar.State.OK)


def test_its_address_is_a_secret_that_no_page_shows(account: Account, staff: Client) -> None:
    assert b"secret.ics" not in bytes(account.sealed_credentials)
    for path in ("/calendars", f"/calendars/{account.pk}/choose", f"/calendars/{account.pk}/reconnect"):
        assert "secret.ics" not in staff.get(path).content.decode()


def test_what_did_not_change_is_not_read_again(account: Account, feed: Feed) -> None:
    before = list(Event.everywhere.values())
    pull.pull_account(account)
    assert feed.calls[-1].status == 304
    assert list(Event.everywhere.values()) == before


def test_a_new_stamp_on_the_same_events_changes_nothing(account: Account, feed: Feed) -> None:
    before = list(Event.everywhere.order_by("pk").values())
    Calendar.everywhere.update(sync_token="")
    pull.pull_account(account)
    assert feed.calls[-1].status == 200
    assert list(Event.everywhere.order_by("pk").values()) == before


def test_moved_added_and_removed_events_are_followed(account: Account, feed: Feed, host: Host) -> None:
    feed.put("a", "20270301T100000Z")
    feed.put("c", "20270303T090000Z")
    del feed.events["b"]
    pull.pull_account(account)
    assert busy(host) == [1803895200, 1804064400]


def test_a_free_event_does_not_block(account: Account, feed: Feed, host: Host) -> None:
    feed.put("b", "20270302T090000Z", "TRANSP:TRANSPARENT")
    pull.pull_account(account)
    assert busy(host) == [1803891600]


@pytest.mark.parametrize("fault", ["down", "login page", "broken off", "too large", "gone", "forbidden"])
def test_what_cannot_be_believed_costs_nothing_that_is_known(
    account: Account, feed: Feed, host: Host, fault: str
) -> None:
    known = busy(host)
    told = {
        "down": Told(503, "down", {"Retry-After": "60"}),
        "login page": Told(200, "<html>Please sign in</html>"),
        "too large": Told(200, b"BEGIN:VCALENDAR\r\n" + b"X-A:1\r\n" * 800_000),
        "gone": Told(404, ""),
        "forbidden": Told(403, ""),
    }.get(fault)
    if told:
        feed.faults.append(Fault("answer", told=told))
    else:
        feed.events, feed.tail = {}, "BEGIN:VEVENT\r\nUID:half"
    pull.pull_account(account)
    assert busy(host) == known
    account.refresh_from_db()
    needs_person = fault in ("gone", "forbidden")
    assert account.health == (Account.Health.REAUTH if needs_person else Account.Health.FAILING)
    assert account.last_error
    assert account.calendars.get().state == Calendar.State.STALE


def test_a_new_address_brings_it_back(account: Account, feed: Feed, staff: Client, host: Host) -> None:
    feed.faults.append(Fault("answer", told=Told(404)))
    pull.pull_account(account)
    answer = staff.post(f"/calendars/{account.pk}/reconnect", {"feed": f"{feed.url}/secret.ics?new=1"})
    assert answer.headers["Location"] == "/calendars"
    account.refresh_from_db()
    assert account.health == Account.Health.OK
    assert account.credentials()["feed"].endswith("?new=1")
    assert Account.everywhere.filter(provider="icsfeed").count() == 1


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("not an address", "not a web address"),
        ("https://192.168.1.9/cal.ics", "CONVENE_LAN_ALLOWED"),
        ("{url}/nothing.ics", "no feed at this address"),
        ("{url}/page.html", "no calendar at this address"),
    ],
)
def test_an_address_that_is_none_is_explained_beside_its_field(
    staff: Client, host: Host, feed: Feed, typed: str, said: str
) -> None:
    feed.faults.append(Fault("answer", "page", told=Told(200, "<html>", {"Content-Type": "text/html"})))
    answer = connect(staff, host, typed.format(url=feed.url))
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert "Rota" in answer.content.decode(), "what was typed is still there"
    assert not Account.everywhere.filter(provider="icsfeed").exists()


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("webcal://example.org/a.ics", "https://example.org/a.ics"),
        ("WEBCAL://example.org/a.ics", "https://example.org/a.ics"),
        ("example.org/a.ics?key=1", "https://example.org/a.ics?key=1"),
    ],
)
def test_other_spellings_of_an_address(typed: str, url: str) -> None:
    assert address(typed) == url


def test_an_address_with_a_password_in_it_is_refused() -> None:
    with pytest.raises(ConnectFailed):
        address("https://ada:pw@example.org/a.ics")


def test_bookings_cannot_go_there(account: Account, host: Host) -> None:
    with pytest.raises(Invalid):
        accounts.choose(host, booking_calendar=account.calendars.get(), blocking=[], actor=SYSTEM)
    with pytest.raises(UnsupportedFeature):
        from_account(account).update("feed", None)  # type: ignore[arg-type]
