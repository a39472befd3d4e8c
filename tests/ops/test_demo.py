"""`manage.py demo`: idempotent, one JSON object, and everything it names is there and works."""

from __future__ import annotations

import io
import json
import time
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.core.management import call_command

from bookings.domain import availability, calendar, keys, refs
from bookings.domain.audit import SYSTEM
from bookings.models import ApiKey, Booking, Event, GroupRule, Host, Membership, Organisation, SchedulerRequest

pytestmark = pytest.mark.django_db

DAY = 86_400
NAMES = {
    "staff": {"username", "password"},
    "admin": {"username", "password"},
    "cronofy": {"client_secret", "access_token", "sub", "calendar_id", "group_rule_id"},
    "timekit": {"app_key", "widget_key", "calendar_id", "resource_id", "project_id"},
    "morgen": {"api_key", "bearer", "account_id", "calendar_id"},
    "leadconnector": {"token", "location_id", "calendar_id", "contact_id", "user_id"},
    "morph": {"public_key", "secret_key", "connector_id", "owner_id"},
}
SECRETS = {
    ("cronofy", "client_secret"),
    ("cronofy", "access_token"),
    ("timekit", "app_key"),
    ("timekit", "widget_key"),
    ("morgen", "api_key"),
    ("morgen", "bearer"),
    ("leadconnector", "token"),
    ("morph", "public_key"),
    ("morph", "secret_key"),
}
KINDS = {
    ("cronofy", "sub"): "host",
    ("cronofy", "calendar_id"): "calendar",
    ("cronofy", "group_rule_id"): "group_rule",
    ("timekit", "calendar_id"): "calendar",
    ("timekit", "resource_id"): "host",
    ("timekit", "project_id"): "event_type",
    ("morgen", "account_id"): "account",
    ("morgen", "calendar_id"): "calendar",
    ("leadconnector", "location_id"): "organisation",
    ("leadconnector", "calendar_id"): "event_type",
    ("leadconnector", "contact_id"): "contact",
    ("leadconnector", "user_id"): "host",
    ("morph", "owner_id"): "account",
}


def demo() -> dict[str, Any]:
    said = io.StringIO()
    call_command("demo", "--json", stdout=said)
    sheet: dict[str, Any] = json.loads(said.getvalue())
    return sheet


def counts() -> list[int]:
    tables = (Organisation, Membership, Host, GroupRule, Event, Booking, SchedulerRequest)
    return [table._meta.base_manager.count() for table in tables]


def host_of(sheet: dict[str, Any]) -> Host:
    organisation = Organisation.objects.get(slug="demo")
    host: Host = Host.everywhere.get(pk=refs.resolve(organisation, "cronofy", "host", sheet["cronofy"]["sub"]))
    return host


def test_it_prints_exactly_the_promised_names() -> None:
    sheet = demo()
    assert set(sheet) == {"base_url", *NAMES}
    assert {name: set(sheet[name]) for name in NAMES} == NAMES
    assert sheet["base_url"].startswith("http")
    assert all(isinstance(value, str) and value for name in NAMES for value in sheet[name].values())


def test_running_it_again_changes_nothing_but_the_keys() -> None:
    first, before = demo(), counts()
    second = demo()
    assert counts() == before
    changed = {(name, key) for name in NAMES for key in NAMES[name] if first[name][key] != second[name][key]}
    assert changed == SECRETS


def test_every_key_is_live_and_of_its_dialect_and_every_id_leads_to_its_thing() -> None:
    sheet = demo()
    organisation = Organisation.objects.get(slug="demo")
    for dialect, kind in SECRETS:
        key = keys.find(sheet[dialect][kind], dialect)
        assert key is not None
        assert (key.kind, key.organisation) == (kind, organisation)
    for (dialect, name), kind in KINDS.items():
        assert refs.resolve(organisation, dialect, kind, sheet[dialect][name]), (dialect, name)


def test_the_access_token_speaks_for_the_host_it_is_printed_with() -> None:
    sheet = demo()
    key = keys.find(sheet["cronofy"]["access_token"], "cronofy")
    assert key is not None
    assert key.host == host_of(sheet)


def test_every_key_may_do_everything_but_those_that_stand_in_web_pages() -> None:
    sheet = demo()
    for dialect, kind in SECRETS:
        key = keys.find(sheet[dialect][kind], dialect)
        assert key is not None
        permitted = {scope for scope in keys.SCOPES if keys.permits(key, scope)}
        public = {"widget_key": {"availability:read", "bookings:write"}, "public_key": set[str]()}
        assert permitted == public.get(kind, set(keys.SCOPES)), kind


def test_keys_of_the_last_runs_still_work_and_those_of_long_ago_do_not() -> None:
    sheets = [demo() for _ in range(7)]
    live = [keys.find(sheet["cronofy"]["client_secret"], "cronofy") is not None for sheet in sheets]
    assert live == [False, False, True, True, True, True, True]
    assert ApiKey.everywhere.filter(kind="client_secret", revoked_at=None).count() == 5


def test_the_api_host_is_bookable_from_8_to_18_utc_on_every_day_of_the_week() -> None:
    host = host_of(demo())
    tomorrow = (int(time.time()) // DAY + 1) * DAY
    terms = availability.of_host(host, minutes=30, notice=0)
    for day in range(tomorrow, tomorrow + 7 * DAY, DAY):
        expected = list(range(day + 8 * 3600, day + 18 * 3600, 1800))
        assert availability.offer(terms, day, day + DAY).starts == expected


def test_the_other_hosts_keep_ordinary_hours_in_three_zones() -> None:
    demo()
    others = {host.timezone: host for host in Host.everywhere.exclude(timezone="UTC")}
    assert set(others) == {"Europe/Berlin", "America/New_York", "Asia/Kolkata"}
    for host in others.values():
        assert [len(day) for day in host.schedule.weekly] == [1, 1, 1, 1, 1, 0, 0]


def test_both_logins_work_and_only_one_of_them_is_an_operator() -> None:
    sheet = demo()
    staff = authenticate(username=sheet["staff"]["username"], password=sheet["staff"]["password"])
    admin = authenticate(username=sheet["admin"]["username"], password=sheet["admin"]["password"])
    assert staff is not None
    assert admin is not None
    assert (staff.is_staff, staff.is_superuser) == (False, False)
    assert (admin.is_staff, admin.is_superuser) == (True, True)


def test_a_changed_password_is_set_back_to_what_is_printed() -> None:
    sheet = demo()
    user = authenticate(username=sheet["staff"]["username"], password=sheet["staff"]["password"])
    assert user is not None
    user.set_password("something else")
    user.save()
    demo()
    assert authenticate(username=sheet["staff"]["username"], password=sheet["staff"]["password"]) is not None


def test_the_week_looks_alive_and_what_was_deleted_stays_deleted() -> None:
    demo()
    assert Booking.everywhere.count() >= 3
    assert SchedulerRequest.everywhere.filter(state="open").count() >= 2
    for event in Event.everywhere.filter(title="Budget review"):
        calendar.delete(event, actor=SYSTEM)
    demo()
    assert not Event.everywhere.filter(title="Budget review", deleted_at=None).exists()
