"""Connecting calendars to a host, saying what they are for, and letting go of them."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.db.transaction import TransactionManagementError

from bookings.domain import accounts
from bookings.domain.accounts import FoundCalendar
from bookings.domain.audit import SYSTEM
from bookings.domain.calendar import create
from bookings.domain.errors import Invalid, NotFound
from bookings.domain.locks import lock_hosts
from bookings.engine.zones import wall
from bookings.formats.event import EventData
from bookings.models import Account, AuditEntry, Busy, Calendar, Event, Host, Mirror
from tests import factories

pytestmark = pytest.mark.django_db

WORK = FoundCalendar("https://dav.example.org/u/work/", "Work", colour="#aa0000", primary=True)
HOLIDAYS = FoundCalendar("https://dav.example.org/u/holidays/", "Holidays", writable=False)


def connected(host: Host, password: str = "secret", **changes: object) -> Account:
    arguments = {
        "provider": "caldav",
        "label": "Mine",
        "server_url": "https://dav.example.org/",
        "username": "u",
        "credentials": {"password": password},
        "calendars": [WORK, HOLIDAYS],
        "actor": SYSTEM,
    }
    return accounts.connect(host, **(arguments | changes))  # type: ignore[arg-type]


def calendar(account: Account, found: FoundCalendar) -> Calendar:
    return account.calendars.get(external_id=found.external_id)


def test_a_new_host_has_a_calendar_of_its_own_that_receives_bookings():
    host = factories.host()
    local = accounts.ensure_local(host)
    assert host.booking_calendar_id == local.pk
    assert accounts.ensure_local(host).pk == local.pk
    assert (local.state, local.blocks, local.account.provider) == ("ok", True, "local")


def test_connecting_keeps_the_secret_encrypted_and_every_calendar_blocking():
    account = connected(factories.host())
    assert b"secret" not in bytes(account.sealed_credentials)
    assert Account.everywhere.get(pk=account.pk).credentials() == {"password": "secret"}
    assert {(c.name, c.blocks, c.is_writable, c.state) for c in account.calendars.all()} == {
        ("Work", True, True, "never"),
        ("Holidays", True, False, "never"),
    }


def test_connecting_the_same_login_again_keeps_account_and_calendars():
    host = factories.host()
    first = connected(host)
    Account.everywhere.filter(pk=first.pk).update(health="reauth", consecutive_failures=9, last_error="no")
    Calendar.everywhere.filter(name="Work").update(sync_token="t", blocks=False)
    again = connected(host, password="new")
    assert again.pk == first.pk
    assert again.credentials() == {"password": "new"}
    assert (again.health, again.consecutive_failures, again.last_error) == ("ok", 0, "")
    work = calendar(again, WORK)
    assert (work.sync_token, work.blocks) == ("t", False)
    assert again.calendars.count() == 2


@pytest.mark.parametrize(
    ("change", "field"),
    [({"provider": "local"}, "provider"), ({"provider": "x"}, "provider"), ({"calendars": []}, "calendars")],
)
def test_what_cannot_be_connected_is_refused_with_its_field(change, field):
    with pytest.raises(Invalid) as refused:
        connected(factories.host(), **change)
    assert refused.value.field == field


def test_choosing_says_which_calendar_receives_bookings_and_which_block():
    host = factories.host()
    account = connected(host)
    work = calendar(account, WORK)
    accounts.choose(host, booking_calendar=work, blocking={work.pk}, actor=SYSTEM)
    assert Host.everywhere.get(pk=host.pk).booking_calendar_id == work.pk == host.booking_calendar_id
    blocking = Calendar.everywhere.filter(account__host=host, blocks=True)
    assert [c.pk for c in blocking] == [work.pk]
    assert AuditEntry.everywhere.filter(action="host.choose_calendars", object_id=host.pk).exists()


def test_choosing_for_one_account_leaves_the_others_alone():
    host = factories.host()
    account = connected(host)
    local = accounts.ensure_local(host)
    accounts.choose(host, booking_calendar=None, blocking=set(), actor=SYSTEM, account=account)
    assert [c.pk for c in Calendar.everywhere.filter(account__host=host, blocks=True)] == [local.pk]
    assert host.booking_calendar_id == local.pk


def test_a_read_only_vanished_or_foreign_calendar_cannot_receive_bookings():
    host = factories.host()
    account = connected(host)
    gone = calendar(account, WORK)
    gone.state = Calendar.State.GONE
    gone.save()
    for unusable in (calendar(account, HOLIDAYS), gone, accounts.ensure_local(factories.host())):
        with pytest.raises(Invalid) as refused:
            accounts.choose(host, booking_calendar=unusable, blocking=set(), actor=SYSTEM)
        assert refused.value.field == "booking_calendar"
    assert Calendar.everywhere.filter(account__host=host, blocks=False).count() == 0


def test_somebody_elses_calendar_cannot_be_chosen_to_block():
    host, other = factories.host(), factories.host()
    with pytest.raises(Invalid) as refused:
        accounts.choose(host, booking_calendar=None, blocking={accounts.ensure_local(other).pk}, actor=SYSTEM)
    assert refused.value.field == "blocking"


def test_disconnecting_forgets_what_was_read_and_keeps_what_was_made_here():
    host = factories.host()
    work = factories.caldav_calendar(host)
    common = {
        "organisation": host.organisation,
        "calendar": work,
        "start_wall": 0,
        "duration": 60,
        "start_s": 0,
        "end_s": 60,
    }
    ours = Event.everywhere.create(title="ours", **common)
    Event.everywhere.create(title="theirs", origin="pulled", **common)
    Mirror.everywhere.create(organisation=host.organisation, event=ours, calendar=work)
    accounts.disconnect(work.account, actor=SYSTEM)
    local = accounts.ensure_local(host)
    assert [(e.title, e.calendar_id) for e in Event.everywhere.all()] == [("ours", local.pk)]
    assert Host.everywhere.get(pk=host.pk).booking_calendar_id == local.pk
    assert not Mirror.everywhere.exists()
    assert not Account.everywhere.filter(provider="caldav").exists()


def test_the_calendar_on_this_server_cannot_be_disconnected():
    local = accounts.ensure_local(factories.host())
    with pytest.raises(Invalid):
        accounts.disconnect(local.account, actor=SYSTEM)


def test_locks_come_in_id_order_and_name_a_missing_host():
    hosts = [factories.host() for _ in range(4)]
    locked = lock_hosts([h.pk for h in hosts] * 2)
    assert [h.pk for h in locked] == sorted(h.pk for h in hosts)
    with pytest.raises(NotFound):
        lock_hosts([hosts[0].pk, hosts[0].organisation_id])


@pytest.mark.django_db(transaction=True)
def test_a_lock_outside_a_transaction_is_refused():
    host = factories.host()
    with pytest.raises(TransactionManagementError):
        lock_hosts([host.pk])
    with transaction.atomic():
        assert lock_hosts([host.pk])


def test_a_calendar_on_this_server_is_renamed_and_removed_with_its_events():
    host = factories.host()
    home = factories.local_calendar(host)
    other = accounts.add_calendar(home.account, "Trips", actor=SYSTEM)
    accounts.rename_calendar(other, name="Journeys", colour="#25d6be", actor=SYSTEM)
    accounts.choose(host, booking_calendar=other, blocking=[other.pk], actor=SYSTEM)
    create(other, EventData("Rome", wall(2027, 3, 1), "UTC", 3600), actor=SYSTEM)
    booking = factories.booking(host, start=wall(2027, 3, 2, 9))
    accounts.remove_calendar(other, actor=SYSTEM)
    booking.refresh_from_db()
    host.refresh_from_db()
    assert (booking.event.calendar, host.booking_calendar) == (home, home)
    assert not Busy.everywhere.filter(host=host).exists()
    for wrong in (home, factories.caldav_calendar(host)):
        with pytest.raises(Invalid):
            accounts.remove_calendar(wrong, actor=SYSTEM)
    for said in ({"name": " "}, {"colour": "red"}):
        with pytest.raises(Invalid):
            accounts.rename_calendar(home, actor=SYSTEM, **said)
