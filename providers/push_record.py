"""Writing down how a call ended: what the row, its calendar and its account are told by it (push design, section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils.timezone import now

from bookings.models import Calendar, Mirror, PushAttempt
from providers import health
from providers.base import Outcome, Result
from providers.lease import Lease, database_now_s

_TRIES = 5
"""How often something doubtful is tried before somebody has to look."""

_DAY_S = 86_400
_GIVE_UP_S = 7 * _DAY_S
_SURELY_NOT_APPLIED = (Outcome.TRANSIENT, Outcome.PERMANENT, Outcome.AUTH_DEAD, Outcome.TARGET_GONE)
_ACCOUNTS_FAULT = (Outcome.TRANSIENT, Outcome.AMBIGUOUS, Outcome.UNKNOWN)


@dataclass(frozen=True)
class Call:
    """One call that was made for a row. `mirror` is as it was read before the call.

    `first_body`: this was the first attempt to send its create body, so a call that surely was not applied leaves
    nothing behind and the body need not stay frozen.
    """

    mirror: Mirror
    action: str
    result: Result
    took_ms: int
    first_body: bool = False

    @property
    def rows(self) -> QuerySet[Mirror]:
        """The row, if it still is of the generation the call was about."""
        mine: QuerySet[Mirror] = Mirror.everywhere.filter(pk=self.mirror.pk, generation=self.mirror.generation)
        return mine


@transaction.atomic
def record(call: Call, held: Lease) -> bool:
    """Write back with compare-and-set. False when the calendar or account should be left alone for now."""
    _log(call)
    if not held.is_held():
        # Somebody else works on this calendar now; where the object lies is worth knowing all the same.
        if call.result.is_done and call.action != "delete":
            call.rows.filter(remote_id="").update(remote_id=call.result.remote.id, remote_uid=call.result.remote.uid)
        return False
    if call.result.is_done:
        _done(call)
        health.works(call.mirror.calendar.account)
        return True
    _failed(call)
    return _tell_account(call)


def _log(call: Call) -> None:
    PushAttempt.everywhere.create(
        organisation_id=call.mirror.organisation_id,
        mirror=call.mirror,
        action=call.action,
        outcome=call.result.outcome,
        status=call.result.status,
        detail=call.result.detail[:500],
        duration_ms=call.took_ms,
    )


def _done(call: Call) -> None:
    changes: dict[str, Any] = {
        "state": Mirror.State.IDLE,
        "last_outcome": call.result.outcome,
        "last_error": "",
        "last_ok_at": now(),
        "failing_since": None,
        "attempt": 0,
        "next_attempt_s": 0,
    }
    if call.action != "rsvp":
        changes["difference"] = {}
    changes |= _gone() if call.action == "delete" else _there(call.result)
    if (call.result.revision or 0) > call.mirror.desired_revision:
        # This database came from a backup, and what was written there since is for somebody to decide on.
        changes |= {"difference": {"kind": "edited"}, "etag": "", "remote_fingerprint": ""}
    call.rows.update(**changes)
    applied = _applied(call)
    call.rows.filter(applied_revision__lt=applied).update(applied_revision=applied)
    if call.mirror.answers:
        _forget_answers(call)
    if call.action == "delete":
        # Whatever is made after this is a new object under a new key: some services never give an id out again.
        call.rows.update(generation=F("generation") + 1)


def _applied(call: Call) -> int:
    """Which revision the target shows now. A create sends the frozen one; what was adopted says its own."""
    if call.result.revision is not None:
        return min(call.result.revision, call.mirror.desired_revision)
    if call.action in ("create", "find"):
        return call.mirror.create_revision
    if call.action == "rsvp":
        return _answered(call.mirror)
    return call.mirror.desired_revision


def _answered(mirror: Mirror) -> int:
    """Which revision the target shows once the answers are there: the wanted one, if nothing else was to be sent."""
    reached = mirror.applied_revision
    for each in sorted(mirror.answers, key=lambda one: int(one["since"])):
        if each["since"] > reached:
            break
        reached = max(reached, int(each["revision"]))
    return reached


def _forget_answers(call: Call) -> None:
    """Those that were sent, with an answer of their own or inside the event; not what was answered meanwhile."""
    row = call.rows.select_for_update(no_key=True).first()
    if row is None:
        return
    sent = call.mirror.answers if call.action == "rsvp" else []
    left = [each for each in row.answers if each not in sent and each["revision"] > row.applied_revision]
    call.rows.update(answers=left)


def _there(result: Result) -> dict[str, Any]:
    remote = result.remote
    return {
        "remote_id": remote.id,
        "remote_uid": remote.uid,
        "etag": remote.etag,
        "remote_fingerprint": remote.fingerprint,
    }


def _gone() -> dict[str, Any]:
    return {
        "remote_id": "",
        "remote_uid": "",
        "etag": "",
        "remote_fingerprint": "",
        "create_body": "",
        "create_revision": 0,
    }


def _failed(call: Call) -> None:
    mirror, result = call.mirror, call.result
    moment = database_now_s()
    attempt = mirror.attempt + 1
    changes: dict[str, Any] = {
        "last_outcome": result.outcome,
        "last_error": result.detail[:500],
        "failing_since": Coalesce(F("failing_since"), Value(now())),
        "state": _state_after(call, attempt, moment),
        "attempt": attempt,
        "next_attempt_s": moment + _wait_s(call, attempt),
    }
    if call.first_body and result.outcome in _SURELY_NOT_APPLIED:
        changes |= {"create_body": "", "create_revision": 0}
    if _was_deleted_there(call):
        changes["difference"] = {"kind": "deleted"}
    if call.action == "rsvp" and result.outcome == Outcome.PERMANENT:
        changes["answers"] = []  # a later change of the event is not to fail over them again
    as_it_was = call.rows.filter(desired_revision=mirror.desired_revision)
    if not as_it_was.update(**changes):
        # The event changed during the call: what was refused is not what is wanted now, so it gets its own try.
        changes |= {"attempt": 0, "next_attempt_s": 0}
        if changes["state"] in (Mirror.State.FAILED, Mirror.State.NEEDS_CHECK):
            changes["state"] = Mirror.State.IDLE
        call.rows.update(**changes)


def _was_deleted_there(call: Call) -> bool:
    """Whether somebody took our event away over there; also one whose creation we had not heard of yet (410)."""
    result = call.result
    known = call.action in ("update", "rsvp") or result.status == 410
    return known and result.outcome == Outcome.CONFLICT and not result.remote.id


def _state_after(call: Call, attempt: int, moment: int) -> str:
    outcome = call.result.outcome
    if outcome == Outcome.PERMANENT:
        return Mirror.State.FAILED
    if outcome == Outcome.AUTH_DEAD:
        return Mirror.State.BLOCKED
    if outcome == Outcome.CONFLICT and not call.result.remote.id:
        return Mirror.State.NEEDS_CHECK
    if outcome in (Outcome.UNKNOWN, Outcome.CONFLICT) and attempt >= _TRIES:
        return Mirror.State.NEEDS_CHECK
    event = call.mirror.event
    if event.until_s is not None and moment > event.until_s + _GIVE_UP_S:
        return Mirror.State.FAILED
    if outcome in (Outcome.AMBIGUOUS, Outcome.UNKNOWN):
        return Mirror.State.UNCERTAIN
    was_doubtful = call.mirror.state in (Mirror.State.CLAIMED, Mirror.State.UNCERTAIN)
    return Mirror.State.UNCERTAIN if was_doubtful else Mirror.State.IDLE


def _wait_s(call: Call, attempt: int) -> int:
    since = call.mirror.failing_since
    if since is not None and (now() - since).total_seconds() > _DAY_S:
        return health.HOURLY_S
    return max(call.result.retry_after or 0, health.backoff_s(attempt))


def _tell_account(call: Call) -> bool:
    calendar: Calendar = call.mirror.calendar
    result = call.result
    if result.outcome == Outcome.AUTH_DEAD:
        health.needs_sign_in(calendar.account, result.detail)
        return False
    if result.outcome == Outcome.TARGET_GONE:
        health.calendar_lost(calendar, result.detail, gone=result.status in (404, 410))
        return False
    if result.outcome in _ACCOUNTS_FAULT:
        health.fails(calendar.account, result.detail)
        return False
    return True
