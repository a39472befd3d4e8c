"""Convene speaks these five dialects itself: each adapter writes into a live server through its own, and reads it back.

A server of another implementation is the strongest check there is here of what the adapters send.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bookings.domain import accounts
from bookings.domain import calendar as events
from bookings.domain.audit import SYSTEM
from bookings.engine.zones import zone
from bookings.models import Account, Calendar, Event, Host, Mirror
from providers import pull, push
from providers.base import Provider, adapter
from tests import factories
from tests.api.live import Live, live
from tests.providers.five.conftest import BERLIN, NAMES, anna, meeting

TARGETS = {
    "cronofy": "{calendar_id}",
    "timekit": "{calendar_id}",
    "morgen": "{account_id}|{calendar_id}",
    "leadconnector": "{calendar_id}",
    "morph": "{connector_id}/{owner_id}",
}
CREDENTIALS = {
    "cronofy": {"access_token": "access_token"},
    "timekit": {"api_key": "app_key"},
    "morgen": {"api_key": "api_key"},
    "morgen v1": {"access_token": "bearer"},
    "leadconnector": {"token": "token", "location_id": "location_id"},
    "morph": {
        "api_key": "public_key",
        "api_secret": "secret_key",
        "connector_id": "connector_id",
        "owner_id": "owner_id",
    },
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("live")) as running:
        # Appointments are entered whatever else is there, which is a right of its own.
        running.query(
            "[setattr(k, 'scopes', sorted({*k.scopes, 'bookings:force'})) or k.save() "
            "for k in ApiKey.everywhere.filter(dialect='leadconnector')]"
        )
        yield running


def at(days: int, hour: int) -> int:
    """An hour of a working day in Berlin, that many days ahead at least."""
    day = datetime.now(UTC) + timedelta(days=days)
    day += timedelta(days=max(0, 7 - day.isoweekday() if day.isoweekday() > 5 else 0) + (day.isoweekday() > 5))
    return zone(BERLIN).to_utc(int(day.replace(hour=hour, minute=0, second=0, microsecond=0).timestamp()))


@dataclass
class Own:
    """A host here whose booking calendar is one of the demo's there."""

    host: Host
    account: Account
    calendar: Calendar

    @property
    def adapter(self) -> Provider:
        return adapter(self.account)

    def listed(self) -> dict[str, Any]:
        """What the adapter reads there: {title: event}."""
        told = self.adapter.changes(self.calendar.external_id, "", {})
        return {data.title: data for each in told.objects for data in each.events}


@pytest.fixture(params=[*NAMES, "morgen v1"])
def own(db: None, request: pytest.FixtureRequest, server: Live, settings: Any) -> Own:
    name, _, version = request.param.partition(" ")
    keys = server.demo[name]
    settings.LAN_ALLOWED = [server.url.removeprefix("http://")]
    host = factories.host(timezone=BERLIN)
    url = f"{server.url}/{version or 'v3'}" if name == "morgen" else server.url
    held = {field: keys[key] for field, key in CREDENTIALS[request.param].items()}
    account = Account(organisation_id=host.organisation_id, host=host, provider=name, server_url=url)
    account.set_credentials(held)
    found = {each.external_id: each for each in adapter(account).list_calendars()}
    target = TARGETS[name].format(**keys)
    saved = accounts.connect(
        host, provider=name, label=name, server_url=url, username="", credentials=held,
        calendars=[found[target]], actor=SYSTEM,
    )  # fmt: skip
    return Own(host, saved, saved.calendars.get())


def deliver() -> Mirror:
    push.deliver()
    return Mirror.everywhere.select_related("event").get()


def test_what_an_adapter_writes_is_there_in_its_own_words(own: Own) -> None:
    start = at(20, 10)
    data = meeting(f"Made {start}", start_wall=zone(BERLIN).to_wall(start), location="Room 4", people=(anna(),))
    event = events.create(own.calendar, data, actor=SYSTEM)
    mirror = deliver()
    assert mirror.in_sync, mirror.last_error
    there = own.listed()[f"Made {start}"]
    assert zone(there.timezone).to_utc(there.start_wall) == start
    assert there.duration == 1800
    assert "ref:" not in there.description

    later = at(21, 11)
    told = meeting(f"Moved {start}", start_wall=zone(BERLIN).to_wall(later), description="New agenda")
    events.change(event, told, actor=SYSTEM)
    mirror = deliver()
    assert mirror.in_sync, mirror.last_error
    there = own.listed()
    assert f"Made {start}" not in there
    moved = there[f"Moved {start}"]
    assert zone(moved.timezone).to_utc(moved.start_wall) == later
    assert moved.description.startswith("New agenda")

    pull.pull_account(own.account)
    mirror.refresh_from_db()
    assert mirror.difference == {}
    assert Event.everywhere.filter(calendar=own.calendar, title=f"Moved {start}").count() == 1

    events.delete(event, actor=SYSTEM)
    mirror = deliver()
    assert mirror.applied_revision == mirror.desired_revision, mirror.last_error
    assert f"Moved {start}" not in own.listed()


def test_an_attempt_of_unknown_end_is_found_there_again(own: Own) -> None:
    start = at(24, 14)
    event = events.create(own.calendar, meeting(f"Lost {start}", start_wall=zone(BERLIN).to_wall(start)), actor=SYSTEM)
    deliver()
    # As a worker leaves it that was killed before it could write down the answer.
    Mirror.everywhere.update(remote_id="", applied_revision=0, state=Mirror.State.CLAIMED, next_attempt_s=0)
    mirror = deliver()
    assert mirror.in_sync, mirror.last_error
    titles = [data.title for data in _all(own)]
    assert titles.count(f"Lost {start}") == 1
    events.delete(event, actor=SYSTEM)
    deliver()
    assert f"Lost {start}" not in own.listed()


def test_all_that_is_there_can_be_read(own: Own) -> None:
    began = time.monotonic()
    told = own.adapter.changes(own.calendar.external_id, "", {})
    assert not [problem for each in told.objects for problem in each.problems]
    assert time.monotonic() - began < 20


def _all(own: Own) -> list[Any]:
    told = own.adapter.changes(own.calendar.external_id, "", {})
    return [data for each in told.objects for data in each.events]
