"""Delivery: makes each target calendar show what its Mirror rows say, once, whatever crashes or answers late.

A row is a state, so nothing is queued and nothing is out of order: a worker takes the lease of one calendar, freezes
the body of a create, commits that it is about to call, calls, and writes back what it learnt. What happened when an
answer was lost is told by the key, which every attempt of a generation shares.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from itertools import zip_longest

from django.db import DatabaseError
from django.db.models import F, Min, QuerySet
from django.utils.timezone import now

from bookings.domain import rooms
from bookings.domain.calendar import whole
from bookings.engine.zones import zone
from bookings.models import Account, Calendar, Event, Installation, Mirror, PushAttempt
from bookings.models.crypto import Undecryptable
from providers import health
from providers.base import Answer, Outcome, Provider, Push, Remote, Result, UnsupportedFeature, adapter
from providers.failpoints import fp
from providers.lease import LEASE_S, Lease, database_now_s, lease
from providers.push_record import Call, record

log = logging.getLogger(__name__)

PASS_S = 20.0
"""How long one task delivers before it lets others have a turn."""

_ROWS_PER_TURN = 10
_STOPPED = (Mirror.State.FAILED, Mirror.State.NEEDS_CHECK)
_LOST = (Calendar.State.GONE, Calendar.State.READ_ONLY)
_UNSERVED = (Account.Health.REAUTH, Account.Health.PAUSED)
_NEW = timedelta(minutes=15)
OVER = "Not sent: the event was over already."
LAGS = "An earlier attempt may still turn up there; it is looked for once more."
OUR_FAULT = "Something went wrong on our side; it is tried again."

stopping = threading.Event()
"""Set when the process is asked to end: the row in hand is finished, no other is begun."""


def due() -> QuerySet[Mirror]:
    """Rows that something should be done about now."""
    rows: QuerySet[Mirror] = (
        Mirror.everywhere.exclude(desired_revision=F("applied_revision"))
        .filter(next_attempt_s__lte=database_now_s(), calendar__is_writable=True)
        .exclude(state__in=_STOPPED)
        .exclude(calendar__state__in=_LOST)
        .exclude(calendar__account__health__in=_UNSERVED)
        .exclude(calendar__account__provider=Account.Provider.LOCAL)
    )
    return rows


def deliver(budget_s: float = PASS_S) -> int:
    """Send what is due until nothing is or the time is up; returns how many calls were made.

    Accounts take turns, and a calendar has a few rows per turn, so that one slow or crowded account delays the others
    by a turn and not by its whole backlog.
    """
    deadline = time.monotonic() + budget_s
    calls = 0
    while True:
        made = 0
        for calendar_id in _in_turn():
            if time.monotonic() > deadline or stopping.is_set():
                return calls + made
            made += _serve(calendar_id, deadline)
        calls += made
        if not made:
            return calls


def _in_turn() -> list[uuid.UUID]:
    """Calendars with due rows: the one that waits longest of each account, then the second of each, …"""
    waiting = (
        due()
        .order_by()
        .values_list("calendar_id", "calendar__account_id")
        .annotate(since=Min("next_attempt_s"))
        .order_by("since")
    )
    by_account: dict[uuid.UUID, list[uuid.UUID]] = defaultdict(list)
    for calendar_id, account_id, _ in waiting:
        by_account[account_id].append(calendar_id)
    rounds: Iterable[tuple[uuid.UUID | None, ...]] = zip_longest(*by_account.values())
    return [calendar_id for turn in rounds for calendar_id in turn if calendar_id is not None]


def _serve(calendar_id: uuid.UUID, deadline: float) -> int:
    """One turn of one calendar, under its lease; returns how many rows were worked on."""
    with lease(calendar_id) as held:
        if held is None:
            return 0
        fp("push.leased")
        calendar = Calendar.everywhere.select_related("account__host").filter(pk=calendar_id).first()
        provider = _adapter(calendar.account) if calendar else None
        if calendar is None or provider is None:
            return 0
        rows = due().filter(calendar=calendar).select_related("event").order_by("next_attempt_s", "created_at")
        taken, worked = time.monotonic(), 0
        for mirror in rows[:_ROWS_PER_TURN]:
            mirror.calendar = calendar
            worked += 1
            fine = _Delivery(mirror, provider, held).run()
            if not fine or time.monotonic() > deadline or stopping.is_set():
                break
            if time.monotonic() - taken > LEASE_S / 3:
                if not held.renew():
                    break
                taken = time.monotonic()
        return worked


def _adapter(account: Account) -> Provider | None:
    """The adapter of an account, or None after its rows were put off for a reason that is shown."""
    try:
        return adapter(account)
    except Undecryptable:
        health.needs_sign_in(account, "The stored password cannot be read with this installation's keys.")
    except UnsupportedFeature as error:
        health.fails(account, f"This kind of account cannot be written to ({error.feature}).")
        health.pending(account).update(next_attempt_s=database_now_s() + health.HOURLY_S)
    return None


class _Delivery:
    """One row on its way: decides which call is due, makes it, and has the result written down."""

    def __init__(self, mirror: Mirror, provider: Provider, held: Lease) -> None:
        self.mirror = mirror
        self.first_body = False
        self.provider = provider
        self.held = held
        self.target = mirror.calendar.external_id

    def run(self) -> bool:
        """Bring the row up to date. False when the calendar or its account should be left alone for now."""
        began = time.monotonic()
        try:
            return self._bring()
        except DatabaseError:
            raise
        except Exception:
            # One row that trips us must not stop the others; after a few tries somebody is asked to look.
            log.exception("mirror %s", self.mirror.pk)
            return self._conclude("error", Result(Outcome.UNKNOWN, detail=OUR_FAULT), began)

    def _bring(self) -> bool:
        push = self._push()
        if self.mirror.desired == Mirror.Desired.ABSENT:
            return self._remove(push)
        if push.remote.id and self.mirror.answers and self.provider.capability.rsvp:
            return self._call("rsvp", lambda: self._answer(push))
        if push.remote.id:
            return self._call("update", lambda: self.provider.update(self.target, push))
        return self._make(push)

    def _answer(self, push: Push) -> Result:
        """Send the owner's answers; what else there is to send follows as an update."""
        clock = zone(push.events[0].timezone)
        result = Result(Outcome.OK, push.remote)
        for each in self.mirror.answers:
            wall = each["occurrence"]
            instant = None if wall is None else clock.to_utc(wall)
            answer = Answer(each["rsvp"], each["comment"], each["notify"], wall, instant)
            result = self.provider.rsvp(self.target, replace(push, remote=result.remote), answer)
            if not result.is_done:
                break
        return result

    def _make(self, push: Push) -> bool:
        mirror = self.mirror
        if not mirror.create_body:
            if _is_over(mirror.event):
                return self._settle(OVER)
            mirror.create_body, mirror.create_revision = self.provider.freeze(push), mirror.desired_revision
            self.first_body = True
            self._save_frozen()
            if self._is_old() and (found := self.provider.find(self.target, push)):
                return self._adopt(found)
        elif not self.provider.capability.keyed_create:
            found = self.provider.find(self.target, push) or self._not_yet()
            if found is not None:
                return self._adopt(found)
        push = replace(push, tag=self._tag(mirror.create_revision))
        body = mirror.create_body
        return self._call("create", lambda: self.provider.create(self.target, push, body))

    def _adopt(self, found: Result) -> bool:
        """What was found may be of any revision, and edited since, so it is brought up to date next."""
        return self._conclude("find", replace(found, revision=found.revision or 0), time.monotonic())

    def _is_old(self) -> bool:
        """Whether a row that seems never to have been sent may have been: before the database came from a backup.
        Where a second create would make a second event, that is worth a search."""
        age = now() - self.mirror.created_at
        return age > _NEW and not self.provider.capability.keyed_create

    def _remove(self, push: Push) -> bool:
        if not push.remote.id:
            if not self.mirror.create_body:
                return self._settle()  # it was never sent, so there is nothing to take away
            found = self.provider.find(self.target, push) or self._not_yet()
            if found is None:
                return self._settle()
            if not found.is_done:
                return self._conclude("find", found, time.monotonic())
            push = replace(push, remote=found.remote)
        return self._call("delete", lambda: self.provider.delete(self.target, push))

    def _not_yet(self) -> Result | None:
        """After an attempt of unknown end, a search without a find is believed the second time: lists lag behind."""
        lag = self.provider.capability.lag_s
        last = PushAttempt.everywhere.filter(mirror=self.mirror).order_by("-at").first()
        searched = self.mirror.state != Mirror.State.CLAIMED and last is not None and last.action == "find"
        return None if searched or not lag else Result(Outcome.TRANSIENT, retry_after=lag, detail=LAGS)

    def _call(self, action: str, call: Callable[[], Result]) -> bool:
        """Commit that a call is under way, make it, and write down how it ended."""
        Mirror.everywhere.filter(pk=self.mirror.pk).update(state=Mirror.State.CLAIMED)
        fp("push.claimed")
        began = time.monotonic()
        result = call()
        if result.outcome == Outcome.AUTH_REFRESH:
            renewed = self.provider.renew()
            result = call() if renewed.outcome == Outcome.OK else renewed
            if result.outcome == Outcome.AUTH_REFRESH:
                result = replace(result, outcome=Outcome.AUTH_DEAD)
        fp("push.called")
        return self._conclude(action, result, began)

    def _conclude(self, action: str, result: Result, began: float) -> bool:
        took_ms = int((time.monotonic() - began) * 1000)
        fine = record(Call(self.mirror, action, result, took_ms, self.first_body), self.held)
        fp("push.recorded")
        if result.is_done and result.room:
            rooms.settle(self.mirror.event_id, result.room, told_by=self.mirror.calendar)
        return fine

    def _settle(self, words: str = "") -> bool:
        """Nothing has to be called for this row."""
        rows = Mirror.everywhere.filter(pk=self.mirror.pk, desired_revision=self.mirror.desired_revision)
        rows.update(
            applied_revision=self.mirror.desired_revision,
            state=Mirror.State.IDLE,
            last_outcome=Outcome.OK,
            last_error=words,
            create_body="",
            failing_since=None,
            attempt=0,
        )
        return True

    def _save_frozen(self) -> None:
        Mirror.everywhere.filter(pk=self.mirror.pk, generation=self.mirror.generation).update(
            create_body=self.mirror.create_body, create_revision=self.mirror.create_revision
        )

    def _push(self) -> Push:
        mirror, event = self.mirror, self.mirror.event
        uid = _uid(event.uid, mirror.generation)
        parts = whole(event) if mirror.desired == Mirror.Desired.PRESENT else []
        return Push(
            key=key_of(mirror),
            tag=self._tag(mirror.desired_revision),
            uid=uid,
            events=tuple(replace(part, uid=uid) for part in parts),
            remote=Remote(mirror.remote_id, mirror.remote_uid, mirror.etag, mirror.remote_fingerprint),
            leads=mirror.calendar_id == event.calendar_id,
            notify=event.notify_guests,
            body=mirror.create_body,
        )

    def _tag(self, revision: int) -> str:
        mirror = self.mirror
        installation = Installation.current().namespace
        return f"{installation}|{mirror.event_id}|{mirror.calendar_id}|{mirror.generation}|{revision}"


def key_of(mirror: Mirror) -> uuid.UUID:
    """The id that every attempt of a row's generation carries to the provider."""
    name = f"{mirror.event_id}|{mirror.calendar_id}|{mirror.generation}"
    return uuid.uuid5(Installation.current().namespace, name)


def _uid(uid: str, generation: int) -> str:
    """One UID for an event's life; a later generation is another object, and some servers remember UIDs."""
    if generation == 1:
        return uid
    name, at, domain = uid.rpartition("@")
    return f"{name}-{generation}{at}{domain}" if at else f"{uid}-{generation}"


def _is_over(event: Event) -> bool:
    until = event.until_s if event.until_s is not None or event.recurrence_rules else event.end_s
    return until is not None and until < database_now_s()
