"""How an account is doing, in plain words: written after every call that says something about it."""

from __future__ import annotations

import random
from datetime import timedelta

from django.db.models import F, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils.timezone import now

from bookings.domain import messages
from bookings.models import Account, Calendar, Mirror
from providers.lease import database_now_s

BREAKER = 5
"""Failures in a row after which an account gets one probe per interval instead of every row its own."""

BASE_S = 2
CAP_S = 15 * 60
HOURLY_S = 3600
_FRESH = timedelta(seconds=60)


def backoff_s(attempt: int) -> int:
    """Seconds to wait after the attempt of this number (1 is the first): full jitter, doubling, at most 15 minutes."""
    ceiling = min(CAP_S, BASE_S * 2 ** min(attempt, 12))
    return 1 + int(random.uniform(0, ceiling))  # noqa: S311  spreads load, guards nothing


def works(account: Account) -> None:
    """The account answered. Rows that waited only because it did not are due again."""
    if not account.consecutive_failures and account.last_ok_at and now() - account.last_ok_at < _FRESH:
        return
    if account.consecutive_failures >= BREAKER:
        pending(account).update(next_attempt_s=0)
    account.consecutive_failures = 0
    account.last_ok_at = now()
    account.failing_since = None
    account.last_error = ""
    fields = ["consecutive_failures", "last_ok_at", "failing_since", "last_error"]
    if account.health == Account.Health.FAILING:
        account.health = Account.Health.OK
        fields.append("health")
    account.save(update_fields=fields)


def fails(account: Account, words: str) -> None:
    """A call failed for a reason that lies with the service or the way to it; waiting may help."""
    rows = Account.everywhere.filter(pk=account.pk)
    rows.update(
        consecutive_failures=F("consecutive_failures") + 1,
        failing_since=Coalesce(F("failing_since"), Value(now())),
        last_error=words[:500],
    )
    rows.filter(health=Account.Health.OK).update(health=Account.Health.FAILING)
    account.refresh_from_db(fields=["consecutive_failures", "failing_since", "last_error", "health"])
    if account.consecutive_failures >= BREAKER:
        until = database_now_s() + backoff_s(account.consecutive_failures)
        pending(account).filter(next_attempt_s__lt=until).update(next_attempt_s=until)


def needs_sign_in(account: Account, words: str) -> None:
    """A person has to sign in again. What waits is kept, and goes on by itself after that."""
    Account.everywhere.filter(pk=account.pk).update(
        health=Account.Health.REAUTH,
        last_error=words[:500],
        failing_since=Coalesce(F("failing_since"), Value(now())),
    )
    if account.health != Account.Health.REAUTH:
        messages.tell_account(account, words)
    account.health = Account.Health.REAUTH
    read = Calendar.everywhere.filter(account=account).exclude(state=Calendar.State.GONE)
    since = Coalesce(F("stale_since"), F("last_verified_at"), Value(now()))
    read.update(state=Calendar.State.STALE, stale_since=since)
    stopped = (Mirror.State.FAILED, Mirror.State.NEEDS_CHECK)
    pending(account).exclude(state__in=stopped).update(
        state=Mirror.State.BLOCKED, last_error=words[:500], next_attempt_s=0
    )


def calendar_lost(calendar: Calendar, words: str, *, gone: bool) -> None:
    """The calendar is not there any more, or can only be read; bookings need another one."""
    calendar.last_error = words[:500]
    if gone:
        calendar.state = Calendar.State.GONE
    else:
        calendar.is_writable = False
        calendar.state = Calendar.State.READ_ONLY
    calendar.save(update_fields=["last_error", "state", "is_writable"])


def pending(account: Account) -> QuerySet[Mirror]:
    """Rows of an account whose target does not show yet what it should."""
    return Mirror.everywhere.filter(calendar__account=account).exclude(desired_revision=F("applied_revision"))
