"""What the queue calls. A task only wakes us: what is to be done, and when again, stands in the rows."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils.timezone import now
from django_tasks import TaskResultStatus, task
from django_tasks.base import Task
from django_tasks_db.models import DBTaskResult

from bookings.domain import busy, hooks, limits, reminders, rooms
from bookings.domain.calendar import extend_horizon
from bookings.models import Account, Calendar, PushAttempt
from providers import calling, post, pull, push, watching

_TASKS_KEPT = timedelta(hours=1)
_ATTEMPTS_KEPT = timedelta(days=90)
_RUNNING_AT_MOST = timedelta(hours=1)
_HORIZON_SLACK_S = 86_400
_ROOM_TAKES = timedelta(minutes=10)
"""After so long a virtual room that a service promised will not come."""


@task()
def deliver() -> int:
    """Send every due mirror; returns the number of calls. What does not fit one turn wakes the next."""
    calls = push.deliver()
    if push.due().exists():
        wake(deliver)
    return calls


@task()
def mail() -> int:
    """Send every due mail; returns how many the mail server took."""
    taken = post.deliver()
    if taken and post.is_due():
        wake(mail)
    return taken


@task()
def call() -> int:
    """Tell programs what happened; returns how many calls were taken."""
    hooks.write_due()
    return calling.deliver()


@task()
def remind() -> int:
    """Write the reminders that are due; returns how many."""
    return reminders.write_due()


@task()
def refresh() -> int:
    """Read every account that is due; returns how many."""
    done = pull.refresh()
    if pull.due().exists():
        wake(refresh)
    return done


@task()
def housekeeping() -> None:
    """Once an hour: busy times that came within the horizon, notifications that end, what only told of the past."""
    horizon_s = busy.horizon()[1] - _HORIZON_SLACK_S
    behind = Calendar.everywhere.filter(expanded_until_s__lt=horizon_s, account__host__is_active=True)
    for calendar in behind.select_related("account__host"):
        extend_horizon(calendar)
    watching.keep_all()
    rooms.give_up(now() - _ROOM_TAKES)
    limits.tidy()
    tidy()


@task()
def sync_account(account_id: str) -> None:
    """Read one account now, whenever it was due."""
    account = Account.everywhere.select_related("host").filter(pk=uuid.UUID(account_id)).first()
    if account is not None:
        pull.pull_account(account)


def wake(what: Task[Any, Any]) -> None:
    """Put a task into the queue unless one is waiting there already."""
    waiting = DBTaskResult.objects.filter(task_path=what.module_path, status=TaskResultStatus.READY)
    if not waiting.exists():
        what.enqueue()


def wake_for_outbox(**_: Any) -> None:
    """Receiver of outbox_written: runs inside the writer's transaction, so the task commits with what it is for."""
    wake(deliver)


def wake_for_messages(**_: Any) -> None:
    """Receiver of messages_written: after the commit, so that a booking holds no lock for it. A wake-up that is lost is
    made good by the worker's own look at the rows."""
    if post.is_configured():
        transaction.on_commit(lambda: wake(mail), robust=True)


def wake_for_due_rows() -> None:
    """What a wake-up that got lost, a wait that ended or a worker that died has left to do."""
    if push.due().exists():
        wake(deliver)
    if pull.due().exists():
        wake(refresh)
    if post.is_due():
        wake(mail)
    if hooks.are_there() and (hooks.write_due() or calling.is_due()):
        wake(call)


def tidy() -> None:
    """Drop what only told of the past: finished tasks, tasks of workers that died, old attempts."""
    moment = now()
    ended = (TaskResultStatus.SUCCESSFUL, TaskResultStatus.FAILED)
    DBTaskResult.objects.filter(status__in=ended, finished_at__lt=moment - _TASKS_KEPT).delete()
    died = DBTaskResult.objects.filter(status=TaskResultStatus.RUNNING, started_at__lt=moment - _RUNNING_AT_MOST)
    died.delete()
    PushAttempt.everywhere.filter(at__lt=moment - _ATTEMPTS_KEPT).delete()
