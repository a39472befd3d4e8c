"""Scenarios of the fault matrix about logins and calendars: tokens that end, rights and calendars that are gone."""

from __future__ import annotations

from datetime import timedelta
from unittest import mock

import pytest
import time_machine
from django.apps import apps
from django.conf import settings
from django.core.cache import cache
from django.db import models
from django.utils.timezone import now

from bookings.models import Account, Calendar, Mirror
from providers import push
from providers.base import Outcome
from providers.lab.double import Asked, Double, Told, serve
from providers.lease import database_now_s
from tests.providers.matrix.columns import Column, soon
from tests.providers.matrix.writing import ends_as


def token_ended_in_between(at: Column) -> None:
    made = [at.make(f"Event {number}", number) for number in range(3)]
    at.double.expire()
    at.deliver(1)
    assert at.double.renewals == 1, "one renewal is enough for all"
    for event in made:
        assert at.mirror(event).in_sync
    kept = Account.everywhere.get(pk=at.account.pk).credentials()
    for lost in range(2):
        at.double.expire()
        at.change(made[0], f"Changed {lost}")
        at.deliver(1)
        assert at.mirror(made[0]).in_sync
    assert at.double.renewals == 3
    assert Account.everywhere.get(pk=at.account.pk).credentials()["access_token"] != kept["access_token"]


def renewal_is_down(at: Column) -> None:
    event = at.make()
    at.double.expire()
    at.fault("answer", at.TOKEN, 503, {}, times=2)
    at.deliver(1)
    assert at.health() == Account.Health.FAILING, "a bad minute of the sign-in disconnects nobody"
    assert at.mirror(event).state != Mirror.State.BLOCKED
    cache.clear()
    ends_as(at, event, "First")
    assert at.health() == Account.Health.OK


def sign_in_is_dead(at: Column) -> None:
    first = at.make("First")
    at.lock_out()
    at.deliver(1)
    assert at.health() == Account.Health.REAUTH
    assert at.account.last_error
    second = at.make("Second", 5)
    asked = len(at.double.calls)
    assert push.deliver() == 0
    at.pull()
    assert at.mirror(first).state == Mirror.State.BLOCKED
    assert len(at.double.calls) - asked <= 3, "nobody knocks at a closed door again and again"
    at.sign_in_again()
    cache.clear()
    ends_as(at, first, "First", "Second")
    assert at.mirror(second).in_sync
    assert at.health() == Account.Health.OK


def became_read_only(at: Column) -> None:
    at.add("Dentist", soon(2), soon(3))
    at.pull()
    event = at.make()
    at.make_read_only()
    at.deliver(1)
    assert at.state() == Calendar.State.READ_ONLY
    assert at.calendar.last_error
    mirror = at.mirror(event)
    assert mirror.last_error
    assert not mirror.in_sync
    assert push.deliver() == 0
    assert (soon(2), soon(3)) in at.busy(), "what is there blocks all the same"


def calendar_deleted(at: Column) -> None:
    at.add("Dentist", soon(2), soon(3))
    at.pull()
    event = at.make()
    at.drop_calendar()
    at.deliver(1)
    assert at.state() == Calendar.State.GONE
    assert at.mirror(event).last_outcome == Outcome.TARGET_GONE
    assert push.deliver() == 0
    at.pull()
    assert (soon(2), soon(3)) in at.busy(), "a calendar that is gone frees nothing"


def clocks_differ(at: Column) -> None:
    """A worker whose clock is ten minutes wrong: leases and waits go by the database's."""
    for number, minutes in enumerate((10, -10)):
        with time_machine.travel(now() + timedelta(minutes=minutes)):
            event = at.make(f"Event {number}", number)
            held = Calendar.everywhere.filter(pk=at.calendar.pk)
            held.update(lease_owner="elsewhere:1:alive", lease_until_s=database_now_s() + 60)
            at.deliver(1)
            assert at.mirror(event).applied_revision == 0, "a lease is not taken away by a clock that is fast"
            held.update(lease_until_s=database_now_s() - 1)
            at.deliver(2)
            assert at.mirror(event).in_sync
    assert at.titles() == ["Event 0", "Event 1"]


class Elsewhere(Double):
    """Another host, to which somebody would like our calls to go."""

    name = "elsewhere"

    def handle(self, asked: Asked) -> Told:
        return Told(200, {})


def sent_to_another_host(at: Column) -> None:
    """Redirects of a write, of a reading and links to further pages lead nowhere else with what opens the account."""
    other = Elsewhere()
    with serve(other) as url, _also_allowed(url):
        for pattern in (at.CREATE, at.LIST):
            for status in (302, 307):
                at.fault("answer", pattern, status, b"", headers={"Location": f"{url}/elsewhere/x"})
        event = at.make()
        at.deliver(2)
        at.pull()
        at.pull()
        at.double.faults.clear()
        for link in ("@odata.nextLink", "next_page_url"):
            at.fault("answer", at.LIST, 200, {"value": [], "data": [], link: f"{url}/elsewhere/page"})
            at.pull()
        pages = {"pages": {"next_page": f"{url}/elsewhere/page"}, "events": []}
        at.fault("answer", at.LIST, 200, pages)
        at.pull()
        for call in other.calls:
            assert "authorization" not in call.asked.headers
            assert not {name for name in call.asked.headers if name.startswith("x-api")}
    cache.clear()
    Mirror.everywhere.update(state=Mirror.State.IDLE)
    Calendar.everywhere.update(state=Calendar.State.OK, is_writable=True)
    ends_as(at, event, "First")


def _also_allowed(url: str) -> mock._patch:  # type: ignore[type-arg]
    return mock.patch.object(settings, "LAN_ALLOWED", [*settings.LAN_ALLOWED, url.removeprefix("http://")])


def secrets_of(at: Column) -> list[str]:
    held = Account.everywhere.get(pk=at.account.pk).credentials()
    names = ("access_token", "refresh_token", "password", "api_key", "api_secret", "token")
    return [str(held[name]) for name in names if len(str(held.get(name, ""))) > 6]


def no_secret_anywhere(at: Column, logged: pytest.LogCaptureFixture) -> None:
    """Whatever goes wrong: neither logs nor any row of the database hold what opens the account."""
    if not at.TOKEN and at.name != "ada":
        credentials = Account.everywhere.get(pk=at.account.pk)
        opened = credentials.credentials()
        name = "api_secret" if "api_secret" in opened else "api_key"
        credentials.set_credentials(opened | {name: "a-key-that-nobody-may-see"})
        credentials.save()
        at.double.keys.add("a-key-that-nobody-may-see")
    found = secrets_of(at)
    assert found
    event = at.make()
    for kind in ("lost_answer", "garbled", "lost_request"):
        at.fault(kind, at.CREATE)
        at.deliver(1)
    at.fault("answer", at.LIST, 500, {"error": "no"})
    at.pull()
    at.fault("answer", at.CREATE, 400, {"error": {"message": "no"}})
    at.deliver(1)
    at.lock_out()
    at.change(event)
    at.deliver(1)
    written = logged.text + "".join(_rows())
    assert not [secret for secret in found if secret in written]


def _rows() -> list[str]:
    told = []
    for model in apps.get_models():
        rows = getattr(model, "everywhere", model._default_manager)
        names = [each.attname for each in model._meta.concrete_fields if not isinstance(each, models.BinaryField)]
        told += [str(row) for row in rows.values_list(*names)[:200]]
    return told
