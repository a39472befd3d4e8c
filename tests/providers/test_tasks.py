"""Wake-ups: one at a time, with what they are for, and never the only way to be found."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils.timezone import now
from django_tasks_db.models import DBTaskResult

from bookings.domain import calendar as events
from bookings.domain.audit import SYSTEM
from bookings.models import Account, Busy, Calendar, Mirror, PushAttempt
from providers import tasks
from tests import factories
from tests.providers.conftest import Connected
from tests.providers.test_delivery import meeting, mirror_of


def waiting(name: str) -> int:
    return DBTaskResult.objects.filter(status="READY", task_path=f"providers.tasks.{name}").count()


@pytest.fixture
def calendar(db: None) -> Calendar:
    return factories.caldav_calendar(factories.host())


def test_ten_changes_wake_the_worker_once(calendar: Calendar) -> None:
    for _ in range(10):
        events.create(calendar, meeting(), actor=SYSTEM)
    assert waiting("deliver") == 1


@pytest.mark.django_db(transaction=True)
def test_a_change_that_is_taken_back_wakes_nobody() -> None:
    calendar = factories.caldav_calendar(factories.host())
    with transaction.atomic():
        events.create(calendar, meeting(), actor=SYSTEM)
        assert waiting("deliver") == 1
        transaction.set_rollback(True)
    assert waiting("deliver") == 0
    assert not Mirror.everywhere.exists()


def test_a_lost_wake_up_is_made_good(calendar: Calendar) -> None:
    events.create(calendar, meeting(), actor=SYSTEM)
    DBTaskResult.objects.all().delete()
    tasks.wake_for_due_rows()
    assert waiting("deliver") == 1
    assert waiting("refresh") == 1


def test_nothing_due_wakes_nobody(db: None) -> None:
    factories.host()
    tasks.wake_for_due_rows()
    assert not DBTaskResult.objects.exists()


def test_the_tasks_do_the_work(connected: Connected) -> None:
    event = events.create(connected.calendar, meeting(), actor=SYSTEM)
    assert tasks.deliver.call() == 1
    assert mirror_of(event).in_sync
    assert tasks.refresh.call() == 1
    connected.calendar.refresh_from_db()
    assert connected.calendar.state == Calendar.State.OK
    tasks.sync_account.call(str(connected.account.pk))


def test_an_account_that_was_removed_meanwhile_is_no_error(db: None) -> None:
    tasks.sync_account.call("00000000-0000-0000-0000-000000000000")


def test_housekeeping_writes_the_busy_times_that_came_near(calendar: Calendar) -> None:
    weekly = meeting(start_wall=0, recurrence_rules=("FREQ=DAILY",))
    events.create(calendar, weekly, actor=SYSTEM)
    cut = int(now().timestamp()) + 30 * 86_400
    Busy.everywhere.filter(start_s__gte=cut).delete()
    Calendar.everywhere.update(expanded_until_s=cut)
    before = Busy.everywhere.count()
    tasks.housekeeping.call()
    assert Busy.everywhere.count() > before + 300


def test_housekeeping_drops_what_only_told_of_the_past(calendar: Calendar) -> None:
    event = events.create(calendar, meeting(), actor=SYSTEM)
    DBTaskResult.objects.update(status="SUCCESSFUL", finished_at=now() - timedelta(hours=2))
    attempts = {"organisation": event.organisation, "mirror": mirror_of(event), "action": "create", "outcome": "ok"}
    PushAttempt.everywhere.create(**attempts, at=now() - timedelta(days=91))
    PushAttempt.everywhere.create(**attempts)
    tasks.housekeeping.call()
    assert not DBTaskResult.objects.exists()
    assert PushAttempt.everywhere.count() == 1


def test_looking_for_work_costs_few_small_queries(calendar: Calendar, django_assert_max_num_queries) -> None:
    Account.everywhere.update(next_pull_at=now() + timedelta(hours=1))
    with django_assert_max_num_queries(5):
        tasks.wake_for_due_rows()
