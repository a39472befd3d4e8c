"""The lab: every service on loopback, the demo connected to it, and switches that an operator can turn."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import pytest
import requests
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.test import Client

from bookings.domain import calendar as events
from bookings.domain import demo
from bookings.domain.audit import SYSTEM
from bookings.engine.zones import DAY
from bookings.models import Account, Host, Mirror
from providers import base, pull, push
from providers.lab.double import serve
from providers.lab.stage import stands
from providers.management.commands import lab
from tests.providers.test_delivery import meeting, mirror_of


@contextmanager
def served(settings, port: int = 0, keys: Path | None = None) -> Iterator[tuple[str, list[Account]]]:
    """The lab in this process, with the settings that CONVENE_LAB stands for."""
    here = stands()
    with serve(*(stand.double for stand in here), port=port) as url:
        settings.LAN_ALLOWED = [url.removeprefix("http://")]
        settings.GOOGLE = {"client_id": "lab", "client_secret": "lab-secret"}
        settings.MICROSOFT = settings.GOOGLE | {"tenant": "common"}
        ways = {name: f"{url}/google/oauth2/{name}" for name in ("authorize", "token", "revoke")}
        settings.GOOGLE_URLS = {"api": f"{url}/google"} | ways
        settings.MICROSOFT_URLS = {"api": f"{url}/microsoft/v1.0", "login": f"{url}/microsoft"}
        command = lab.Command(stdout=StringIO())
        settings.DATA_DIR = keys or settings.DATA_DIR
        if keys:
            lab._hand_out_keys(here)
        yield url, command._connect(here)


@pytest.fixture
def connected(db: None, settings) -> Iterator[tuple[str, list[Account]]]:
    demo.load("http://127.0.0.1:8000")
    with served(settings) as running:
        yield running


def deed(url: str, service: str, call: str, *arguments: object, **named: object) -> dict:
    wish = {"service": service, "call": call, "arguments": arguments, "named": named}
    answer = requests.post(f"{url}/lab/do", data=json.dumps(wish), timeout=5)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_every_service_is_connected_and_receives_an_event(connected: tuple[str, list[Account]]) -> None:
    _, accounts = connected
    assert {account.provider for account in accounts} == {*base.providers()} - {"caldav", "icsfeed"}
    for account in accounts:
        target = account.calendars.filter(is_writable=True).first()
        events.create(target, meeting(f"For {account.label}"), actor=SYSTEM)
    push.deliver()
    wrong = [(str(each.calendar.account), each.last_error) for each in Mirror.everywhere.all() if not each.in_sync]
    assert wrong == []


def test_their_events_make_the_demos_hosts_busy(connected: tuple[str, list[Account]]) -> None:
    _, accounts = connected
    assert all(account.calendars.filter(busy__isnull=False).exists() for account in accounts)


def test_a_fault_and_a_deed_are_switched_by_hand(connected: tuple[str, list[Account]]) -> None:
    url, accounts = connected
    account = next(each for each in accounts if each.provider == "timekit")
    soon = (int(time.time()) // DAY + 10) * DAY + 9 * 3600
    event = events.create(account.calendars.get(), meeting(start_wall=soon), actor=SYSTEM)
    fault = {"service": "timekit", "status": 503, "headers": {"Retry-After": "1"}}
    assert requests.post(f"{url}/lab/faults", data=json.dumps(fault), timeout=5).status_code == 201
    push.deliver()
    assert not mirror_of(event).in_sync
    Mirror.everywhere.update(next_attempt_s=0)
    push.deliver()
    assert mirror_of(event).in_sync
    deed(url, "timekit", "remove", mirror_of(event).remote_id)
    pull.pull_account(account)
    assert mirror_of(event).difference == {"kind": "deleted"}
    assert ["timekit", "POST"] in [call[:2] for call in requests.get(f"{url}/lab/calls", timeout=5).json()]


def test_only_deeds_are_done(connected: tuple[str, list[Account]]) -> None:
    for call in ("_tokens", "no_such_deed", "faults"):
        wish = json.dumps({"service": "google", "call": call})
        assert requests.post(f"{connected[0]}/lab/do", data=wish, timeout=5).status_code == 400


def test_a_lab_that_starts_again_keeps_the_accounts_and_writes_anew(db: None, settings) -> None:
    demo.load("http://127.0.0.1:8000")
    with served(settings) as (url, accounts):
        account = next(each for each in accounts if each.provider == "google")
        event = events.create(account.calendars.get(is_primary=True), meeting(), actor=SYSTEM)
        push.deliver()
    with served(settings, int(url.rpartition(":")[2])) as (_, again):
        assert {each.pk for each in again} == {each.pk for each in accounts}
        assert mirror_of(event).generation == 2
        push.deliver()
        assert mirror_of(event).in_sync


def test_an_administrator_connects_everybody_at_google_and_at_microsoft(db: None, settings, tmp_path: Path) -> None:
    demo.load("http://127.0.0.1:8000")
    admin = Client()
    admin.force_login(get_user_model().objects.get(username=demo.ADMIN))
    hosts = [str(pk) for pk in Host.everywhere.values_list("pk", flat=True)]
    with served(settings, keys=tmp_path):
        key = (tmp_path / "lab-service-account.json").read_text()
        answer = admin.post("/calendars/connect/google-workspace", {"host": hosts, "key": key})
        assert answer.status_code == 302, answer.content.decode()
        answer = admin.post("/calendars/connect/microsoft-organisation", {"host": hosts, "tenant": lab.TENANT})
        assert answer.status_code == 302, answer.content.decode()
        shared = [each for each in Account.everywhere.all() if each.capabilities.get("shared_key")]
        assert len(shared) == 2 * len(hosts)
        for account in shared:
            target = account.calendars.filter(is_writable=True).first()
            events.create(target, meeting(f"For {account.username}"), actor=SYSTEM)
        push.deliver()
        assert [str(each) for each in Mirror.everywhere.all() if not each.in_sync] == []


def test_without_the_demo_it_says_what_to_do(db: None, settings) -> None:
    settings.LAB = "http://127.0.0.1:8900"
    with pytest.raises(CommandError, match="up` once before"):
        call_command("lab", port=8900)
