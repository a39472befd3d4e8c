"""Real calendar servers, and a host who is connected to one of them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from bookings.domain import accounts
from bookings.domain.accounts import FoundCalendar
from bookings.domain.audit import SYSTEM
from bookings.models import Account, Calendar, Host
from tests import factories, servers
from tests.servers import CalDavServer

_running: list[CalDavServer] = []


@pytest.fixture(autouse=True)
def _empty_servers() -> Iterator[None]:
    yield
    for server in _running:
        server.forget_calendars()


@pytest.fixture(scope="session")
def radicale(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CalDavServer]:
    with servers.radicale(tmp_path_factory.mktemp("radicale")) as server:
        _running.append(server)
        yield server


@pytest.fixture(scope="session")
def xandikos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CalDavServer]:
    with servers.xandikos(tmp_path_factory.mktemp("xandikos")) as server:
        _running.append(server)
        yield server


@pytest.fixture(params=["radicale", "xandikos"])
def caldav_server(request: pytest.FixtureRequest, settings) -> CalDavServer:
    """Each server in turn, and the product allowed to call it."""
    server: CalDavServer = request.getfixturevalue(request.param)
    settings.LAN_ALLOWED = [server.hostport]
    return server


@dataclass
class Connected:
    """A host, their account, and the one calendar of it that receives bookings and blocks time."""

    host: Host
    account: Account
    calendar: Calendar
    server: CalDavServer

    @property
    def url(self) -> str:
        return self.calendar.external_id

    def texts(self) -> list[str]:
        """The objects that the server holds now."""
        return list(self.server.objects(self.url).values())


def connect(server: CalDavServer, *, server_url: str = "", **host_fields) -> Connected:
    """A new host connected to a new calendar on this server; `server_url` is where the product thinks it is."""
    real = server.make_calendar(uuid.uuid4().hex[:12])
    seen = real.replace(server.url, server_url) if server_url else real
    host = factories.host(**host_fields)
    account = accounts.connect(
        host,
        provider=Account.Provider.CALDAV,
        label="Office cloud",
        server_url=server_url or server.url,
        username=server.username,
        credentials={"password": server.password},
        calendars=[FoundCalendar(external_id=seen, name="Work", primary=True)],
        actor=SYSTEM,
    )
    calendar = account.calendars.get()
    accounts.choose(host, booking_calendar=calendar, blocking=[calendar.pk], actor=SYSTEM)
    return Connected(host, account, calendar, server)


@pytest.fixture
def connected(db: None, caldav_server: CalDavServer) -> Connected:
    return connect(caldav_server)
