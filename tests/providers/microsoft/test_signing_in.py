"""Whose mailbox it is: a person's who consented, or anybody's of an organisation that permitted us."""

from __future__ import annotations

import threading

import pytest

from bookings.domain import accounts
from bookings.domain.accounts import FoundCalendar
from bookings.domain.audit import SYSTEM
from bookings.models import Account
from providers import kinds, oauth, push
from providers.base import adapter
from providers.lab.double import Fault
from providers.lab.microsoft import MicrosoftDouble
from providers.microsoft import calls
from providers.microsoft.account import service
from tests import factories
from tests.providers.microsoft.conftest import BO, Connected

TENANT = "8f2b3c1e-0000-4000-8000-000000000001"


@pytest.mark.django_db
def test_an_organisations_permission_reaches_everybodys_calendar(double: MicrosoftDouble) -> None:
    double.tenants.add(TENANT)
    host = factories.host(email=BO)
    account = accounts.connect(
        host,
        provider=Account.Provider.MICROSOFT,
        label="Everybody",
        server_url="",
        username=BO,
        credentials={"kind": oauth.APPLICATION, "tenant": TENANT, "subject": BO},
        calendars=[FoundCalendar(external_id=double.default_calendar(BO), name="Calendar", primary=True)],
        actor=SYSTEM,
    )
    found = adapter(account)
    assert found.owner() == BO
    assert [each.external_id for each in found.list_calendars()] == [double.default_calendar(BO)]
    calendar = account.calendars.get()
    accounts.choose(host, booking_calendar=calendar, blocking=[calendar.pk], actor=SYSTEM)
    connected = Connected(double, host, account, calendar)
    event = connected.make("For Bo")
    push.deliver()
    assert [each["subject"] for each in double.events(BO)] == ["For Bo"]
    assert connected.mirror(event).in_sync
    connected.pull()
    assert connected.mirror(event).difference == {}


def test_each_way_of_signing_in_asks_for_no_more_than_it_needs(double: MicrosoftDouble) -> None:
    person, organisation = service(), service(TENANT)
    assert person.scopes == ("offline_access", "User.Read", "Calendars.ReadWrite")
    assert person.token_url == f"{double.url}/common/oauth2/v2.0/token"
    assert organisation.scopes == (f"{double.url.rpartition('/')[0]}/.default",)
    assert organisation.token_url == f"{double.url}/{TENANT}/oauth2/v2.0/token"
    offered = {kind.slug: kind for kind in kinds.offered()}
    assert offered["microsoft"].is_registered
    assert offered["microsoft-organisation"].hook("leave")


def test_without_a_registration_it_is_not_offered(double: MicrosoftDouble, settings) -> None:
    settings.MICROSOFT = {"client_id": "", "client_secret": "", "tenant": "common"}
    assert not next(kind for kind in kinds.KINDS if kind.slug == "microsoft").is_registered


def test_one_mailbox_is_asked_at_most_four_things_at_a_time(connected: Connected) -> None:
    connected.double.faults.append(Fault("slow", "GET ", times=8, seconds=0.15))
    made = connected.adapter
    threads = [threading.Thread(target=made.health) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert connected.double.most_at_once == calls.AT_ONCE
    assert {each.status for each in connected.double.calls} == {200}
