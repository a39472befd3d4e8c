"""Reading: what happens in connected calendars becomes events and busy times here. Stale is not free.

A failure keeps the last set and says since when it is old. Tokens are believed for a day; then everything is compared,
because servers forget tokens without telling and notifications get lost.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from datetime import timedelta

from django.db import DatabaseError, transaction
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils.timezone import now

from bookings.domain.calendar import Changes, apply, known
from bookings.models import Account, Calendar
from bookings.models.crypto import Undecryptable
from providers import health
from providers.base import PULL_S, Outcome, Provider, PullFailed, UnsupportedFeature, adapter, providers
from providers.failpoints import fp
from providers.lease import database_now_s, lease

log = logging.getLogger(__name__)

PASS_S = 20.0
_CLAIM = timedelta(seconds=300)
"""A worker that dies while it reads an account delays the next reading by this."""

_FULL_EVERY_S = 86_400
_BUSY_WAIT_S = 5
OUR_FAULT = "Something went wrong on our side while reading this calendar; it is tried again."


@dataclass
class Pulled:
    """How reading an account went: calendars read, refused (lease taken by a delivery), failed."""

    read: int = 0
    waiting: int = 0
    failed: int = 0


def due() -> QuerySet[Account]:
    """Accounts that should be read now."""
    accounts: QuerySet[Account] = Account.everywhere.filter(
        next_pull_at__lte=now(), provider__in=list(providers()), host__is_active=True
    ).exclude(health__in=(Account.Health.REAUTH, Account.Health.PAUSED))
    return accounts


def refresh(budget_s: float = PASS_S) -> int:
    """Read the accounts that are due, the longest waiting first, until the time is up; returns how many."""
    deadline = time.monotonic() + budget_s
    done = 0
    for account in due().select_related("host").order_by("next_pull_at"):
        if done and time.monotonic() > deadline:
            break
        if _claim(account):
            pull_account(account)
            done += 1
    return done


def pull_account(account: Account, budget_s: float = PULL_S) -> Pulled:
    """Read all calendars of an account now, and decide when to do it next. What does not fit the time comes then."""
    deadline = time.monotonic() + budget_s
    told = Pulled()
    provider = _adapter(account)
    if provider is None:
        return told
    for calendar in Calendar.everywhere.filter(account=account).select_related("account__host"):
        left = deadline - time.monotonic()
        if left <= 0:
            told.waiting += 1
            continue
        calendar.account = account
        _read(calendar, provider, left, told)
        if account.health == Account.Health.REAUTH:
            break
    _plan_next(account, provider, told)
    return told


def _claim(account: Account) -> bool:
    """Take an account for this worker; another one that saw the same due time gets nothing."""
    seen = Account.everywhere.filter(pk=account.pk, next_pull_at=account.next_pull_at)
    return bool(seen.update(next_pull_at=now() + _CLAIM))


def _adapter(account: Account) -> Provider | None:
    try:
        return adapter(account)
    except Undecryptable:
        health.needs_sign_in(account, "The stored password cannot be read with this installation's keys.")
    except UnsupportedFeature as error:
        health.fails(account, f"This kind of account cannot be read ({error.feature}).")
        Account.everywhere.filter(pk=account.pk).update(next_pull_at=now() + timedelta(seconds=health.HOURLY_S))
    return None


def _read(calendar: Calendar, provider: Provider, limit_s: float, told: Pulled) -> None:
    """One calendar, under its lease: a delivery in between would look like a change made over there."""
    with lease(calendar.pk) as held:
        if held is None:
            told.waiting += 1
            return
        try:
            calendar.refresh_from_db(fields=["sync_token", "state", "quarantined", "stale_since", "last_error"])
            _take(calendar, provider, limit_s)
        except PullFailed as failure:
            told.failed += 1
            _failed(calendar, failure)
        except DatabaseError:
            raise
        except Exception:
            # One calendar that trips us must not cost the others their freshness.
            log.exception("calendar %s", calendar.pk)
            told.failed += 1
            _stale(calendar, OUR_FAULT)
        else:
            told.read += 1
            health.works(calendar.account)


def _take(calendar: Calendar, provider: Provider, limit_s: float) -> None:
    moment = database_now_s()
    since, token = _split(calendar.sync_token)
    if moment - since >= _FULL_EVERY_S:
        since, token = moment, ""
    changes = _ask(calendar, provider, token, limit_s)
    fp("pull.fetched")
    stored = f"{since}|{changes.token}" if changes.token else ""
    with transaction.atomic():
        apply(calendar, replace(changes, token=stored))
        fp("pull.applied")


def _ask(calendar: Calendar, provider: Provider, token: str, limit_s: float) -> Changes:
    held = known(calendar)
    try:
        return provider.changes(calendar.external_id, token, held, limit_s)
    except PullFailed as failure:
        if failure.outcome != Outcome.AUTH_REFRESH:
            raise
    renewed = provider.renew()
    if renewed.outcome != Outcome.OK:
        raise PullFailed(renewed.outcome, renewed.detail, renewed.retry_after)
    return provider.changes(calendar.external_id, token, held, limit_s)


def _split(stored: str) -> tuple[int, str]:
    """(when everything was last compared, the provider's token) of what a calendar keeps."""
    since, _, token = stored.partition("|")
    return (int(since), token) if since.isdigit() and token else (0, "")


def _failed(calendar: Calendar, failure: PullFailed) -> None:
    if failure.outcome == Outcome.TARGET_GONE:
        health.calendar_lost(calendar, failure.detail, gone=True)
        _mark_stale(calendar)
        return
    _stale(calendar, failure.detail)
    if failure.outcome == Outcome.AUTH_DEAD:
        health.needs_sign_in(calendar.account, failure.detail)
    else:
        health.fails(calendar.account, failure.detail)


def _stale(calendar: Calendar, words: str) -> None:
    Calendar.everywhere.filter(pk=calendar.pk).update(state=Calendar.State.STALE, last_error=words[:500])
    _mark_stale(calendar)


def _mark_stale(calendar: Calendar) -> None:
    """What we hold is kept and goes on blocking; from when on it is old is written down once."""
    since = calendar.last_verified_at or now()
    Calendar.everywhere.filter(pk=calendar.pk).update(stale_since=Coalesce(F("stale_since"), Value(since)))


def _plan_next(account: Account, provider: Provider, told: Pulled) -> None:
    if told.waiting:
        wait = _BUSY_WAIT_S
    elif told.failed:
        wait = max(provider.capability.pull_every_s, health.backoff_s(account.consecutive_failures))
    else:
        wait = provider.capability.pull_every_s
    Account.everywhere.filter(pk=account.pk).update(next_pull_at=now() + timedelta(seconds=wait))
