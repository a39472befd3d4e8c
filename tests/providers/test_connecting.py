"""From what a person types to calendars that work, or to a sentence that helps them."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import pytest

from bookings.domain import accounts
from bookings.domain.audit import SYSTEM
from bookings.models import Account, Busy, Calendar, Mirror
from providers import connect, http
from providers.base import Capability, Outcome, PullFailed
from providers.caldav.calls import Login
from providers.caldav.connecting import try_login
from providers.caldav.provider import CalDav, from_account
from providers.kinds import ConnectFailed, Tried
from tests import factories, servers
from tests.providers.conftest import Connected
from tests.providers.conftest import connect as connect_host
from tests.providers.proxy import Answer, Proxy, in_front_of
from tests.providers.test_reading import hour
from tests.servers import CalDavServer


def found(server: CalDavServer, address: str) -> dict[str, accounts.FoundCalendar]:
    provider = CalDav(Login(address, server.username, server.password))
    return {calendar.external_id: calendar for calendar in provider.list_calendars()}


@pytest.mark.parametrize("entry", ["root", "host only", "home", "principal", "calendar", "well-known"])
def test_calendars_are_found_from_any_address_of_the_server(caldav_server: CalDavServer, entry: str) -> None:
    url = caldav_server.make_calendar(f"from-{entry.replace(' ', '-')}", title="Büro")
    address = {
        "root": caldav_server.url,
        "host only": caldav_server.url.rstrip("/"),
        "home": caldav_server.home,
        "principal": f"{caldav_server.url}{caldav_server.username}/",
        "calendar": url,
        "well-known": f"{caldav_server.url}.well-known/caldav",
    }[entry]
    assert found(caldav_server, address)[url].name == "Büro"


def test_name_colour_zone_and_rights_are_read(caldav_server: CalDavServer) -> None:
    url = caldav_server.make_calendar("described", title="Work & Co", timezone="Asia/Kolkata", colour="#3366CCFF")
    calendar = found(caldav_server, caldav_server.url)[url]
    assert calendar == accounts.FoundCalendar(url, "Work & Co", "#3366CC", "Asia/Kolkata", True, calendar.primary)


def test_exactly_one_calendar_is_the_likeliest(caldav_server: CalDavServer) -> None:
    caldav_server.make_calendar("one-more")
    assert [calendar.primary for calendar in found(caldav_server, caldav_server.url).values()].count(True) == 1


@pytest.fixture
def answers(settings) -> Iterator[Proxy]:
    """A server whose answers a test decides."""
    with in_front_of("http://127.0.0.1:9/") as running:
        settings.LAN_ALLOWED = [running.hostport]
        yield running


def calendar_xml(*, privilege: str = "<D:write/>", component: str = "VEVENT", href: str = "/c/") -> bytes:
    """One calendar, spelled with prefixes that no other server uses."""
    return (
        '<D:multistatus xmlns:D="DAV:" xmlns:cal="urn:ietf:params:xml:ns:caldav"><D:response>'
        f"<D:href>{href}</D:href><D:propstat><D:prop>"
        "<D:resourcetype><D:collection/><cal:calendar/></D:resourcetype>"
        f"<D:current-user-privilege-set><D:privilege>{privilege}</D:privilege></D:current-user-privilege-set>"
        f'<cal:supported-calendar-component-set><cal:comp name="{component}"/></cal:supported-calendar-component-set>'
        "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>"
    ).encode()


def test_a_calendar_without_write_privilege_is_read_only(answers: Proxy) -> None:
    answers.quirks.alter = lambda call: Answer(207, {}, calendar_xml(privilege="<D:read/>"))
    (calendar,) = CalDav(Login(answers.url, "a", "b")).list_calendars()
    assert calendar.writable is False


def test_a_list_of_tasks_is_no_calendar(answers: Proxy) -> None:
    answers.quirks.alter = lambda call: Answer(207, {}, calendar_xml(component="VTODO"))
    with pytest.raises(PullFailed, match="no calendar"):
        CalDav(Login(answers.url, "a", "b")).list_calendars()


def test_a_redirect_to_another_server_never_sees_the_password(answers: Proxy, settings) -> None:
    with in_front_of("http://127.0.0.1:9/") as thief:
        thief.quirks.alter = lambda call: Answer(401)
        settings.LAN_ALLOWED = [answers.hostport, thief.hostport]
        elsewhere = thief.url.replace("127.0.0.1", "localhost")
        settings.LAN_ALLOWED += [thief.hostport.replace("127.0.0.1", "localhost")]
        answers.quirks.alter = lambda call: Answer(301, {"Location": elsewhere})
        with pytest.raises(ConnectFailed, match="another address"):
            sign_in(answers.url, "ada", "s3cret")
    assert thief.quirks.calls
    assert all("Authorization" not in call.headers for call in thief.quirks.calls)


def test_a_home_on_another_server_is_not_signed_in_to(answers: Proxy) -> None:
    body = (
        '<d:multistatus xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><d:response><d:href>/</d:href>'
        "<d:propstat><d:prop><c:calendar-home-set><d:href>https://evil.example/home/</d:href></c:calendar-home-set>"
        "</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response></d:multistatus>"
    )
    answers.quirks.alter = lambda call: Answer(207, {}, body.encode())
    with pytest.raises(ConnectFailed, match=r"evil\.example"):
        sign_in(answers.url, "ada", "s3cret")


# ── What is said when it does not work ──


def sign_in(server_url: str, username: str, password: str) -> Tried:
    return try_login({"server_url": server_url, "username": username, "password": password})


def refusal(address: str, username: str = "ada", password: str = "wrong") -> ConnectFailed:
    with pytest.raises(ConnectFailed) as refused:
        sign_in(address, username, password)
    assert password not in refused.value.message
    return refused.value


def test_a_wrong_password_is_said_beside_the_password(radicale: CalDavServer, settings) -> None:
    settings.LAN_ALLOWED = [radicale.hostport]
    told = refusal(radicale.url)
    assert told.field == "password"
    assert "did not accept" in told.message


def test_a_server_without_basic_sign_in_is_told_apart_from_a_wrong_password(answers: Proxy) -> None:
    answers.quirks.alter = lambda call: Answer(401, {"WWW-Authenticate": 'Digest realm="x", nonce="y"'})
    assert "Basic" in refusal(answers.url).message


def test_a_server_that_is_no_caldav_server_is_named_so(answers: Proxy) -> None:
    answers.quirks.alter = lambda call: Answer(404, {}, b"<html>nothing here</html>")
    told = refusal(answers.url)
    assert (told.field, "CalDAV" in told.message) == ("server_url", True)


def test_an_address_in_the_lan_tells_what_the_operator_can_set(settings) -> None:
    settings.LAN_ALLOWED = []
    assert "CONVENE_LAN_ALLOWED" in refusal("https://192.168.1.10/dav/").message


@pytest.mark.parametrize(
    "address", ["not an address", "ftp://example.org/", "https://", "https://user:pw@example.org/"]
)
def test_what_is_no_address_is_said_so(address: str) -> None:
    assert "not a web address" in refusal(address).message


def test_a_server_that_is_not_there_is_said_so(settings) -> None:
    hostport = f"127.0.0.1:{servers.free_port()}"
    settings.LAN_ALLOWED = [hostport]
    assert "cannot be reached" in refusal(f"http://{hostport}/").message


def test_a_bad_certificate_is_said_so(settings, monkeypatch: pytest.MonkeyPatch, answers: Proxy) -> None:
    class Distrust:
        def wrap_socket(self, line: object, **_: object) -> None:
            raise ssl.SSLCertVerificationError("self-signed")

    monkeypatch.setattr(http, "_trust", Distrust)
    assert "certificate" in refusal(answers.url.replace("http:", "https:")).message


def test_a_server_that_does_not_answer_is_said_so(answers: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_: object) -> None:
        raise http.TimedOut

    monkeypatch.setattr(http, "_exchange", late)
    assert "too long" in refusal(answers.url).message


# ── Saving ──


def save(server: CalDavServer, host=None) -> Account:
    tried = sign_in(server.url, server.username, server.password)
    return connect.save(host or factories.host(), tried, label="Work", actor=SYSTEM)


def test_a_connected_account_blocks_time_at_once_and_keeps_no_secret_in_clear(db, caldav_server: CalDavServer) -> None:
    url = caldav_server.make_calendar(f"prefilled-{caldav_server.name}")
    caldav_server.put(url, "a.ics", hour())
    account = save(caldav_server)
    calendar = account.calendars.get(external_id=url)
    assert calendar.state == Calendar.State.OK
    assert Busy.everywhere.filter(calendar=calendar).count() == 1
    if caldav_server.password:
        assert caldav_server.password.encode() not in bytes(account.sealed_credentials)
    assert from_account(account).login.password == caldav_server.password


def test_connecting_the_same_login_again_keeps_its_calendars(db, caldav_server: CalDavServer) -> None:
    caldav_server.make_calendar("kept")
    host = factories.host()
    first, second = save(caldav_server, host), save(caldav_server, host)
    assert first.pk == second.pk
    assert Account.everywhere.filter(provider="caldav").count() == 1


def test_the_probe_leaves_nothing_behind_and_tells_what_the_server_does(connected: Connected) -> None:
    learnt = connect.probe(connected.calendar)
    assert learnt == Capability()
    assert connected.texts() == []
    connected.account.refresh_from_db()
    assert connected.account.capabilities["keyed_create"] is True


def test_the_probe_finds_out_a_server_without_preconditions(db, caldav_server: CalDavServer, settings) -> None:
    with in_front_of(caldav_server.url) as proxy:
        settings.LAN_ALLOWED = [proxy.hostport]

        def ignore(call) -> None:
            for name in ("If-None-Match", "If-Match"):
                call.headers.pop(name, None)

        proxy.quirks.alter = ignore
        connected = connect_host(caldav_server, server_url=proxy.url)
        learnt = connect.probe(connected.calendar)
    assert (learnt.keyed_create, learnt.guards_updates) == (False, False)
    assert len(learnt.notes) == 2


def test_the_probe_says_when_events_cannot_be_written(db, caldav_server: CalDavServer, settings) -> None:
    with in_front_of(caldav_server.url) as proxy:
        settings.LAN_ALLOWED = [proxy.hostport]
        connected = connect_host(caldav_server, server_url=proxy.url)
        body = b'<error xmlns="DAV:"><need-privileges/></error>'
        proxy.quirks.alter = lambda call: Answer(403, {}, body) if call.method == "PUT" else None
        with pytest.raises(ConnectFailed, match="not writing"):
            connect.probe(connected.calendar)


def test_a_new_password_is_tried_before_it_is_kept(db, tmp_path, settings) -> None:
    with servers.radicale(tmp_path) as server:
        settings.LAN_ALLOWED = [server.hostport]
        server.make_calendar("work")
        account = save(server)
        with pytest.raises(ConnectFailed):
            connect.reconnect(account, connect.try_again(account, {"password": "wrong"}), actor=SYSTEM)
        account.refresh_from_db()
        assert account.credentials() == {"password": server.password}
        servers.set_radicale_password(tmp_path, server.username, "new one")
        connect.reconnect(account, connect.try_again(account, {"password": "new one"}), actor=SYSTEM)
        account.refresh_from_db()
        assert account.credentials() == {"password": "new one"}
        assert account.health == Account.Health.OK


def test_health_is_one_cheap_question(connected: Connected) -> None:
    assert from_account(connected.account).health().outcome == Outcome.OK
    assert not Mirror.everywhere.exists()


def test_a_password_that_cannot_be_read_any_more_is_asked_for_again(connected: Connected, settings) -> None:
    settings.DATA_KEYS = {1: b"another key of thirty-two bytes."}
    with pytest.raises(ConnectFailed, match="enter it again"):
        connect.probe(connected.calendar)
