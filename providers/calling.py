"""Calling: tells programs what happened, each booking's story in its order, until they say that they have it.

At least once: a call whose end is unknown is made again, under the same id, by which the program can tell. Eight
attempts over a day; then what was refused is marked, the hook pauses, and staff see why. Nothing is lost meanwhile.
Addresses are checked as for every outgoing call (no private networks), and redirects are not followed.
"""

from __future__ import annotations

import logging
import random
import time
import uuid
from typing import Any

from django.db.models import F
from django.utils.timezone import now

from bookings.domain import hooks
from bookings.domain.audit import SYSTEM
from bookings.models import Message
from providers import http
from providers.addresses import Refused
from providers.failpoints import fp
from providers.lease import database_now_s
from providers.push import stopping

log = logging.getLogger(__name__)

PASS_S = 20.0
CALL_S = 10.0
CLAIM_S = 60
PAUSES_S = (60, 300, 1200, 3600, 3 * 3600, 6 * 3600, 13 * 3600)
"""Between the eight attempts: a little over 23 hours in all."""


def is_due() -> bool:
    """Whether the worker should be woken."""
    return bool(_heads())


def deliver(budget_s: float = PASS_S) -> int:
    """Make every call that is due; returns how many were taken. A program that fails is left alone for this turn."""
    deadline, taken = time.monotonic() + budget_s, 0
    _free_interrupted()
    failing: set[Any] = set()
    while True:
        heads = [message for message in _heads() if message.hook_id not in failing]
        if not heads:
            return taken
        for message in heads:
            if time.monotonic() > deadline or stopping.is_set():
                return taken
            if message.hook_id not in failing and _claim(message):
                fine = _call(message)
                taken += fine
                failing |= set() if fine else {message.hook_id}


def _heads() -> list[Message]:
    """Of each hook and booking the first call that is not done, where it is due."""
    moment = database_now_s()
    due = Message.everywhere.filter(kind=Message.Kind.WEBHOOK, hook__paused_at=None, next_attempt_s__lte=moment)
    if not due.filter(state__in=(Message.State.WAITING, Message.State.SENDING)).exists():
        return []
    open_states = (Message.State.WAITING, Message.State.SENDING, Message.State.FAILED)
    rows = Message.everywhere.filter(kind=Message.Kind.WEBHOOK, hook__paused_at=None, state__in=open_states)
    first: dict[tuple[Any, uuid.UUID | None], Message] = {}
    for message in rows.select_related("hook").order_by("created_at", "pk"):
        first.setdefault((message.hook_id, message.booking_id or message.scheduler_request_id or message.pk), message)
    waiting = [each for each in first.values() if each.state == Message.State.WAITING]
    return [each for each in waiting if each.next_attempt_s <= moment]


def _claim(message: Message) -> bool:
    mine = Message.everywhere.filter(pk=message.pk, state=Message.State.WAITING, attempt=message.attempt)
    until = database_now_s() + CLAIM_S
    claimed = mine.update(state=Message.State.SENDING, attempt=F("attempt") + 1, next_attempt_s=until)
    message.attempt += 1
    return bool(claimed)


def _free_interrupted() -> None:
    left = Message.everywhere.filter(
        kind=Message.Kind.WEBHOOK, state=Message.State.SENDING, next_attempt_s__lt=database_now_s()
    )
    left.update(state=Message.State.WAITING, next_attempt_s=0)


def _call(message: Message) -> bool:
    """Make one call and write down how it ended."""
    assert message.hook is not None
    fp("calling.claimed")
    body, at = hooks.body(message), int(time.time())
    headers = {
        "Content-Type": "application/json",
        "Convene-Event": message.template,
        "Convene-Delivery": str(message.pk),
        "Convene-Signature": hooks.signature(message.hook, at, body),
    }
    try:
        answer = http.fetch("POST", message.hook.url, headers=headers, body=body, total_s=CALL_S)
        said = "" if 200 <= answer.status < 300 else f"It answered {answer.status}."
    except (http.HttpError, Refused) as error:
        said = str(error) or type(error).__name__
    fp("calling.called")
    if said:
        _failed(message, said)
        return False
    rows = Message.everywhere.filter(pk=message.pk)
    rows.update(state=Message.State.SENT, sent_at=now(), last_error="")
    return True


def _failed(message: Message, said: str) -> None:
    assert message.hook is not None
    rows = Message.everywhere.filter(pk=message.pk)
    if message.attempt > len(PAUSES_S):
        rows.update(state=Message.State.FAILED, last_error=said[:500])
        hooks.pause(message.hook, actor=SYSTEM, because=f"Given up after {message.attempt} attempts: {said}")
        return
    pause = PAUSES_S[message.attempt - 1] * random.uniform(0.9, 1.1)  # noqa: S311  spreads load, guards nothing
    rows.update(state=Message.State.WAITING, next_attempt_s=database_now_s() + int(pause), last_error=said[:500])
