"""`sync_provider`: the answer is what a real calendar server has stored."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from bookings.api.timekit import events
from bookings.domain import keys, outbox
from bookings.domain.audit import SYSTEM
from bookings.models import EventType
from providers import push
from tests import servers
from tests.api.timekit.worlds import EVENTS, Place, make_place
from tests.providers.conftest import Connected, connect
from tests.servers import CalDavServer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def radicale(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CalDavServer]:
    with servers.radicale(tmp_path_factory.mktemp("radicale")) as server:
        yield server


@pytest.fixture
def connected(radicale: CalDavServer, settings: Any) -> Connected:
    """A host of the place, whose calendar is on that server."""
    settings.LAN_ALLOWED = [radicale.hostport]
    return connect(radicale, org=make_place().organisation)


@pytest.fixture
def place(connected: Connected) -> Place:
    organisation, host = connected.host.organisation, connected.host
    _, secret = keys.issue(organisation, dialect="timekit", kind="app_key", name="App", scopes=["*"], actor=SYSTEM)
    project = EventType.objects.for_tenant(organisation).get()
    return Place(organisation, host, host, connected.calendar, project, secret)


def working(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let the worker run whenever somebody waits; the naps taken."""
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        push.deliver()

    monkeypatch.setattr(
        outbox, "time", SimpleNamespace(sleep=nap, monotonic=outbox.time.monotonic, time=outbox.time.time)
    )
    return naps


def test_the_answer_comes_when_the_provider_has_the_event(
    place: Place, connected: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    naps = working(monkeypatch)
    event = place.made(EVENTS, place.event(sync_provider=True))
    assert (event["synced"], len(naps)) == (True, 1)
    [text] = connected.texts()
    assert "SUMMARY:Strategy meeting" in text
    assert (event["calendar"]["provider"], event["calendar_id"]) == ("caldav", place.calendar_id)


def test_without_it_nobody_waits(place: Place, connected: Connected, monkeypatch: pytest.MonkeyPatch) -> None:
    naps = working(monkeypatch)
    assert "synced" not in place.made(EVENTS, place.event())
    assert (naps, connected.texts()) == ([], [])


def test_a_provider_that_does_not_answer_in_time_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "SYNC_WAIT_S", 0.05)
    event = place.made(EVENTS, place.event(sync_provider=True))
    assert event["synced"] is False
    assert place.get(f"{EVENTS}/{event['id']}").json()["data"]["what"] == "Strategy meeting"


def test_waiting_and_an_idempotency_key_go_together(
    place: Place, connected: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    working(monkeypatch)
    first = place.post(EVENTS, place.event(sync_provider=True), Idempotency_Key="k1")
    assert (first.status_code, first.json()["data"]["synced"]) == (201, True)
    again = place.post(EVENTS, place.event(sync_provider=True), Idempotency_Key="k1")
    assert (again.status_code, again.json()["data"]["id"]) == (201, first.json()["data"]["id"])
    assert len(connected.texts()) == 1


def test_a_calendar_on_this_server_is_in_sync_at_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    naps = working(monkeypatch)
    local = make_place()
    assert local.made(EVENTS, local.event(sync_provider=True))["synced"] is True
    assert naps == []
