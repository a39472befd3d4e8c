"""The pages where staff connect calendars, through the front door."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client

from bookings.domain import accounts
from bookings.domain import calendar as events
from bookings.domain.audit import SYSTEM
from bookings.models import Account, Busy, Calendar, Host, Mirror, Organisation
from providers import push
from tests import factories, servers
from tests.providers.conftest import Connected
from tests.providers.test_delivery import meeting, mirror_of
from tests.providers.test_reading import hour
from tests.servers import CalDavServer


@pytest.fixture
def host(db: None) -> Host:
    return factories.host(name="Ada")


@pytest.fixture
def staff(host: Host) -> Client:
    return signed_in(host.organisation)


def signed_in(organisation: Organisation) -> Client:
    client = Client()
    client.force_login(factories.staff_user(organisation))
    return client


@pytest.fixture
def saved(db: None) -> Connected:
    """A connected account whose server is not asked in these tests."""
    host = factories.host()
    calendar = factories.caldav_calendar(host)
    return Connected(host, calendar.account, calendar, server=None)


def typed(server: CalDavServer, host: Host, **changes: str) -> dict[str, str]:
    # Any password does where the server asks nobody.
    password = server.password or "unused"
    return {"host": str(host.pk), "server_url": server.url, "username": server.username, "password": password} | changes


def test_from_the_form_to_a_calendar_that_blocks_and_receives(
    staff: Client, host: Host, caldav_server: CalDavServer
) -> None:
    name = f"page-{uuid.uuid4().hex[:8]}"
    url = caldav_server.make_calendar(name, title="Meetings")
    caldav_server.put(url, "a.ics", hour())
    answer = staff.post("/calendars/connect/caldav", typed(caldav_server, host))
    account = Account.everywhere.get(provider="caldav")
    assert answer.headers["Location"] == f"/calendars/{account.pk}/choose"
    calendar = account.calendars.get(external_id=url)
    assert "Meetings" in staff.get(answer.headers["Location"]).content.decode()
    answer = staff.post(
        answer.headers["Location"], {"booking_calendar": str(calendar.pk), "blocking": [str(calendar.pk)]}
    )
    assert answer.headers["Location"] == "/calendars"
    host.refresh_from_db()
    assert host.booking_calendar_id == calendar.pk
    assert Busy.everywhere.filter(host=host, calendar=calendar).count() == 1
    assert len(caldav_server.hrefs(url)) == 1, "trying the calendar out leaves nothing in it"
    assert not account.calendars.exclude(pk=calendar.pk).filter(blocks=True).exists()
    page = staff.get("/calendars").content.decode()
    assert "Meetings" in page
    assert "Receives bookings" in page


def test_a_wrong_password_keeps_the_form_and_says_so(
    staff: Client, host: Host, radicale: CalDavServer, settings
) -> None:
    settings.LAN_ALLOWED = [radicale.hostport]
    answer = staff.post(
        "/calendars/connect/caldav", typed(radicale, host, password="my-wrong-password", label="Office")
    )
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "did not accept this user name and password" in page
    assert radicale.url in page
    assert "Office" in page
    assert "my-wrong-password" not in page
    assert not Account.everywhere.filter(provider="caldav").exists()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("https://192.168.1.10/dav/", "CONVENE_LAN_ALLOWED"),
        ("not an address", "not a web address"),
        ("https://calendar.example.org:22/", "port is not allowed"),
        ("", "This field is required"),
    ],
)
def test_an_address_that_cannot_be_used_is_explained(
    staff: Client, host: Host, radicale: CalDavServer, address: str, said: str
) -> None:
    answer = staff.post("/calendars/connect/caldav", typed(radicale, host, server_url=address))
    assert answer.status_code == 422
    assert said in answer.content.decode()


def test_a_calendar_that_refuses_events_is_not_chosen(staff: Client, db: None, tmp_path, settings) -> None:
    host = Host.everywhere.get()
    with servers.radicale(tmp_path) as server:
        settings.LAN_ALLOWED = [server.hostport]
        url = server.make_calendar("work")
        staff.post("/calendars/connect/caldav", typed(server, host))
        calendar = Calendar.everywhere.get(external_id=url)
        server.delete(url)
        answer = staff.post(f"/calendars/{calendar.account_id}/choose", {"booking_calendar": str(calendar.pk)})
    assert answer.status_code == 422
    assert "no longer there" in answer.content.decode()
    host.refresh_from_db()
    assert host.booking_calendar_id != calendar.pk


def test_a_calendar_of_somebody_else_cannot_be_chosen(saved: Connected) -> None:
    staff = signed_in(saved.host.organisation)
    other = factories.caldav_calendar(factories.host())
    answer = staff.post(f"/calendars/{saved.account.pk}/choose", {"booking_calendar": str(other.pk)})
    assert answer.status_code == 422


def test_signing_in_again_sends_what_waited(staff: Client, host: Host, tmp_path, settings) -> None:
    with servers.radicale(tmp_path) as server:
        settings.LAN_ALLOWED = [server.hostport]
        url = server.make_calendar("work")
        staff.post("/calendars/connect/caldav", typed(server, host))
        calendar = Calendar.everywhere.get(external_id=url)
        accounts.choose(host, booking_calendar=calendar, blocking=[], actor=SYSTEM)
        servers.set_radicale_password(tmp_path, server.username, "renewed")
        event = events.create(calendar, meeting("Waited"), actor=SYSTEM)
        push.deliver()
        page = staff.get("/calendars").content.decode()
        assert "Sign in again." in page
        address = f"/calendars/{calendar.account_id}/reconnect"
        assert staff.post(address, {"password": "still wrong"}).status_code == 422
        assert staff.post(address, {"password": "renewed"}).headers["Location"] == "/calendars"
        push.deliver()
        assert mirror_of(event).in_sync


def test_disconnecting_asks_first_and_keeps_what_was_made_here(connected: Connected) -> None:
    staff = signed_in(connected.host.organisation)
    event = events.create(connected.calendar, meeting(), actor=SYSTEM)
    push.deliver()
    address = f"/calendars/{connected.account.pk}/disconnect"
    assert "1 event" in staff.get(address).content.decode()
    assert Account.everywhere.filter(pk=connected.account.pk).exists()
    staff.post(address)
    assert not Account.everywhere.filter(pk=connected.account.pk).exists()
    event.refresh_from_db()
    assert event.calendar.account.provider == Account.Provider.LOCAL


def test_what_was_deleted_there_is_shown_and_put_back(connected: Connected) -> None:
    staff = signed_in(connected.host.organisation)
    event = events.create(connected.calendar, meeting("Lunch with Zoë"), actor=SYSTEM)
    push.deliver()
    Mirror.everywhere.update(difference={"kind": "deleted"})
    for url in connected.server.hrefs(connected.url):
        connected.server.delete(url)
    page = staff.get("/calendars").content.decode()
    assert "Lunch with Zoë" in page
    assert "Put it back" in page
    staff.post(f"/mirrors/{mirror_of(event).pk}/put-back")
    push.deliver()
    assert len(connected.texts()) == 1
    assert "Put it back" not in staff.get("/calendars").content.decode()


def test_what_was_refused_can_be_tried_again(connected: Connected) -> None:
    staff = signed_in(connected.host.organisation)
    event = events.create(connected.calendar, meeting(), actor=SYSTEM)
    Mirror.everywhere.update(state=Mirror.State.FAILED, last_error="The server forbids this.")
    assert "The server forbids this." in staff.get("/calendars").content.decode()
    answer = staff.post(f"/mirrors/{mirror_of(event).pk}/retry", {"next": "https://evil.example/"})
    assert answer.headers["Location"] == "/calendars"
    push.deliver()
    assert mirror_of(event).in_sync


def test_reading_again_is_asked_for(saved: Connected) -> None:
    staff = signed_in(saved.host.organisation)
    staff.post(f"/calendars/{saved.account.pk}/resync")
    saved.calendar.refresh_from_db()
    assert saved.calendar.sync_token == ""


PATHS = (
    "calendars/{account}/choose",
    "calendars/{account}/reconnect",
    "calendars/{account}/disconnect",
    "calendars/{account}/resync",
    "mirrors/{mirror}/retry",
    "mirrors/{mirror}/put-back",
    "mirrors/{mirror}/overwrite",
)


@pytest.mark.parametrize("path", PATHS)
def test_another_organisations_accounts_are_not_there(saved: Connected, path: str) -> None:
    events.create(saved.calendar, meeting(), actor=SYSTEM)
    stranger = signed_in(factories.organisation())
    address = "/" + path.format(account=saved.account.pk, mirror=Mirror.everywhere.get().pk)
    assert stranger.post(address, {"password": "x"}).status_code == 404
    assert stranger.get(address).status_code in (404, 405)
    assert saved.account.username not in stranger.get("/calendars").content.decode()


def test_a_local_account_is_not_one_to_reconnect(staff: Client, host: Host) -> None:
    local = host.accounts.get(provider="local")
    assert staff.get(f"/calendars/{local.pk}/disconnect").status_code == 404


def test_hosts_of_other_organisations_cannot_be_connected(staff: Client, radicale: CalDavServer) -> None:
    answer = staff.post("/calendars/connect/caldav", typed(radicale, factories.host()))
    assert answer.status_code == 422


def test_only_members_come_in(saved: Connected) -> None:
    assert Client().get("/calendars").status_code == 302
    nobody = Client()
    user = factories.staff_user(saved.host.organisation)
    user.memberships.all().delete()
    nobody.force_login(user)
    assert nobody.get("/calendars").status_code == 403


def test_forms_need_their_token(host: Host, radicale: CalDavServer) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(factories.staff_user(host.organisation))
    assert client.post("/calendars/connect/caldav", typed(radicale, host)).status_code == 403


def test_looking_changes_nothing(saved: Connected) -> None:
    staff = signed_in(saved.host.organisation)
    before = list(Calendar.everywhere.values()), list(Account.everywhere.values())
    for path in ("calendars", "calendars/connect", "calendars/connect/caldav", *(each for each in PATHS[:3])):
        staff.get("/" + path.format(account=saved.account.pk))
    assert (list(Calendar.everywhere.values()), list(Account.everywhere.values())) == before


def test_the_page_costs_the_same_for_many_hosts(host: Host, staff: Client, django_assert_max_num_queries) -> None:
    for _ in range(5):
        events.create(factories.caldav_calendar(factories.host(host.organisation)), meeting(), actor=SYSTEM)
    with django_assert_max_num_queries(8):
        staff.get("/calendars")


def test_no_page_holds_a_secret(saved: Connected) -> None:
    staff = signed_in(saved.host.organisation)
    account = saved.account
    account.set_credentials({"password": "hush-hush"})
    account.save()
    for path in ("calendars", "calendars/connect", "calendars/connect/caldav", *PATHS[:3]):
        assert "hush-hush" not in staff.get("/" + path.format(account=account.pk)).content.decode()
