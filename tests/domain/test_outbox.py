"""Waiting until what should be true elsewhere is true."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from django.db import transaction
from django.db.models import F

from bookings.domain import calendar, outbox, series
from bookings.domain.audit import SYSTEM
from bookings.engine.zones import DAY
from bookings.formats.event import EventData
from bookings.models import Account, Calendar, Event, Mirror
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

NOON = (int(time.time()) // DAY + 10) * DAY + 12 * 3600


def make(where: Calendar | None = None, **more: object) -> Event:
    where = where or factories.caldav_calendar(factories.host())
    return calendar.create(where, EventData("Lunch", NOON, "UTC", 3600, **more), actor=SYSTEM)  # type: ignore[arg-type]


def deliver() -> None:
    Mirror.everywhere.update(applied_revision=F("desired_revision"))


class Naps:
    """Takes the place of sleeping; what is to happen meanwhile happens at the given nap."""

    def __init__(self, at: int, happens: Callable[[], None]) -> None:
        self.lengths: list[float] = []
        self.at, self.happens = at, happens

    def __call__(self, seconds: float) -> None:
        self.lengths.append(seconds)
        if len(self.lengths) == self.at:
            self.happens()


@pytest.fixture
def naps(monkeypatch) -> Callable[..., Naps]:
    def take(at: int = 0, happens: Callable[[], None] = deliver) -> Naps:
        taken = Naps(at, happens)
        monkeypatch.setattr(outbox.time, "sleep", taken)
        return taken

    return take


def test_what_is_only_here_is_settled(naps, django_assert_num_queries):
    event = make(factories.local_calendar(factories.host()))
    taken = naps()
    with django_assert_num_queries(1):
        assert outbox.settled(event, 5)
    assert taken.lengths == []


def test_it_waits_until_the_event_is_there(naps):
    event, taken = make(), naps(at=6)
    assert outbox.settled(event, 30)
    assert taken.lengths == pytest.approx([0.1, 0.15, 0.225, 0.3375, 0.5, 0.5])


def test_it_waits_for_every_calendar(naps):
    event = make()
    other = factories.caldav_calendar(factories.host(event.organisation))
    outbox.show(event, other)

    def first() -> None:
        Mirror.everywhere.exclude(calendar=other).update(applied_revision=F("desired_revision"))

    naps(at=1, happens=first)
    assert not outbox.settled(event, 0.01)
    naps(at=2)
    assert outbox.settled(event, 5)


def test_it_gives_up_when_the_time_is_over():
    event, began = make(), time.monotonic()
    assert not outbox.settled(event, 0.3)
    assert 0.3 <= time.monotonic() - began < 2


@pytest.mark.parametrize(
    "trouble",
    [
        lambda: Mirror.everywhere.update(state=Mirror.State.FAILED),
        lambda: Mirror.everywhere.update(state=Mirror.State.NEEDS_CHECK),
        lambda: Mirror.everywhere.update(state=Mirror.State.BLOCKED),
        lambda: Mirror.everywhere.update(next_attempt_s=int(time.time()) + 600),
        lambda: Account.everywhere.update(health=Account.Health.REAUTH),
        lambda: Calendar.everywhere.update(state=Calendar.State.GONE),
        lambda: Calendar.everywhere.update(is_writable=False),
    ],
)
def test_it_does_not_wait_for_what_will_not_happen_in_time(naps, trouble):
    event, taken = make(), naps(at=2, happens=trouble)
    assert not outbox.settled(event, 30)
    assert len(taken.lengths) == 2


def test_a_changed_occurrence_is_there_when_its_series_is(naps):
    event = make(recurrence_rules=("FREQ=DAILY;COUNT=3",))
    changed = series.change_occurrence(event, NOON, series.occurrence(event, NOON), actor=SYSTEM)
    assert not outbox.settled(changed, 0)
    naps(at=1)
    assert outbox.settled(changed, 5)


def test_what_is_not_committed_is_not_waited_for(naps):
    taken = naps(at=1)
    with transaction.atomic():
        event = make()
        assert not outbox.settled(event, 30)
        deliver()
        assert outbox.settled(event, 30)
    assert taken.lengths == []
