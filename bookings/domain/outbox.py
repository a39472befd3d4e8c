"""Stating what should be true elsewhere. Nothing is sent from here."""

from __future__ import annotations

import time

import django.dispatch
from django.db import connection, transaction
from django.db.models import F
from django.utils.timezone import now

from bookings.models import Account, Calendar, Event, Mirror

from .audit import Actor, record
from .errors import NotAllowed
from .statements import Query

outbox_written = django.dispatch.Signal()
"""Sent inside the transaction that wrote to the outbox; whoever delivers wakes its worker. Arguments: none."""

_MIRRORS = Query(Mirror, "calendar", where='"root"."event_id" {among}')
_STOPPED = (Mirror.State.FAILED, Mirror.State.NEEDS_CHECK)
_UNSERVED = (Account.Health.REAUTH, Account.Health.PAUSED)
_LOST = (Calendar.State.GONE, Calendar.State.READ_ONLY)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 0.5


def show(event: Event, calendar: Calendar) -> None:
    """The target calendar should show this event as it is now. Call in the transaction that changed the event."""
    _desire(event, calendar, Mirror.Desired.PRESENT)


def hide(event: Event) -> None:
    """No target calendar should show this event any more."""
    for mirror in _MIRRORS([event.pk]):
        _desire(event, mirror.calendar, Mirror.Desired.ABSENT)


def settled(event: Event, seconds: float) -> bool:
    """Whether every calendar elsewhere shows what it should of this event, waiting for that as long as need be.

    False when one of them refused it, waits for somebody to sign in or to look, is not tried again in time, or when
    the time is over. True at once for an event that is only here.

    Inside a transaction it does not wait, but tells how it stands: what is not committed yet nobody can deliver, and
    on SQLite the waiting itself would keep the one who delivers from writing. So call it after the verb has returned;
    under an Idempotency-Key, where the whole call is one transaction, the answer is how it stands.
    """
    deadline, pause = time.monotonic() + seconds, _FIRST_PAUSE
    while True:
        left = deadline - time.monotonic()
        standing = _standing(event, left)
        if standing is not None or left <= 0 or connection.in_atomic_block:
            return bool(standing)
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _standing(event: Event, left: float) -> bool | None:
    """True: everything is there. False: something will not be there within `left` seconds. None: not yet."""
    rows = Mirror.everywhere.filter(event_id=event.master_id or event.pk, applied_revision__lt=F("desired_revision"))
    waiting = list(rows.select_related("calendar__account"))
    if any(_is_stuck(mirror, left) for mirror in waiting):
        return False
    return None if waiting else True


def _is_stuck(mirror: Mirror, left: float) -> bool:
    return (
        mirror.state in (*_STOPPED, Mirror.State.BLOCKED)
        or mirror.calendar.account.health in _UNSERVED
        or mirror.calendar.state in _LOST
        or not mirror.calendar.is_writable
        or mirror.next_attempt_s > time.time() + left
    )


@transaction.atomic
def retry(mirror: Mirror, actor: Actor) -> None:
    """Try now what was refused, is doubtful or waits its turn. A row that waits for a sign-in goes on waiting.

    :raises NotAllowed: when the account must sign in again first.
    """
    if mirror.calendar.account.health == Account.Health.REAUTH:
        raise NotAllowed("This account must sign in again first; then everything that waits is sent by itself.")
    rows = Mirror.everywhere.filter(pk=mirror.pk)
    rows.filter(state__in=_STOPPED).update(state=Mirror.State.IDLE)
    rows.update(next_attempt_s=0, attempt=0)
    record(actor, "mirror.retry", mirror)
    outbox_written.send(sender=Mirror)


@transaction.atomic
def resync(account: Account, actor: Actor) -> None:
    """Read all calendars of an account anew, from the beginning, as soon as the worker gets to it."""
    Calendar.everywhere.filter(account=account).update(sync_token="")
    Account.everywhere.filter(pk=account.pk).update(next_pull_at=now())
    record(actor, "account.resync", account)
    outbox_written.send(sender=Account)


@transaction.atomic
def retry_all(account: Account, actor: Actor) -> None:
    """Try now all that an account has still to be sent, and read it, instead of waiting for the next turn.

    :raises NotAllowed: when the account must sign in again first.
    """
    if account.health == Account.Health.REAUTH:
        raise NotAllowed("This account must sign in again first; then everything that waits is sent by itself.")
    rows = Mirror.everywhere.filter(calendar__account=account).exclude(desired_revision=F("applied_revision"))
    rows.filter(state__in=_STOPPED).update(state=Mirror.State.IDLE)
    rows.update(next_attempt_s=0, attempt=0)
    Account.everywhere.filter(pk=account.pk).update(next_pull_at=now())
    record(actor, "account.retry", account)
    outbox_written.send(sender=Account)


@transaction.atomic
def put_back(mirror: Mirror, actor: Actor) -> None:
    """Make the event anew in a calendar where somebody deleted it: a new generation, so a new object there.

    :raises NotAllowed: when the event is not wanted there any more.
    """
    if mirror.desired != Mirror.Desired.PRESENT:
        raise NotAllowed("This event is no longer wanted in that calendar.")
    Mirror.everywhere.filter(pk=mirror.pk).update(
        generation=F("generation") + 1,
        desired_revision=F("desired_revision") + 1,
        create_body="",
        create_revision=0,
        remote_id="",
        remote_uid="",
        remote_fingerprint="",
        etag="",
        difference={},
        state=Mirror.State.IDLE,
        attempt=0,
        next_attempt_s=0,
    )
    record(actor, "mirror.put_back", mirror)
    outbox_written.send(sender=Mirror)


@transaction.atomic
def overwrite(mirror: Mirror, actor: Actor) -> None:
    """Write our state over what somebody changed in that calendar."""
    if mirror.desired != Mirror.Desired.PRESENT:
        raise NotAllowed("This event is no longer wanted in that calendar.")
    Mirror.everywhere.filter(pk=mirror.pk).update(
        desired_revision=F("desired_revision") + 1, state=Mirror.State.IDLE, attempt=0, next_attempt_s=0
    )
    record(actor, "mirror.overwrite", mirror)
    outbox_written.send(sender=Mirror)


def _desire(event: Event, calendar: Calendar, desired: str) -> None:
    mirror, created = Mirror.everywhere.get_or_create(
        event=event,
        calendar=calendar,
        defaults={
            "organisation_id": event.organisation_id,
            "desired": desired,
            "desired_revision": event.revision,
        },
    )
    if not created:
        # Every statement raises the number, so that none is mistaken for one already carried out.
        revision = max(event.revision, mirror.desired_revision + 1)
        rows = Mirror.everywhere.filter(pk=mirror.pk)
        # A refused or doubtful row deserves a new try with new content; one waiting for sign-in keeps waiting.
        rows.filter(state__in=_STOPPED).update(state=Mirror.State.IDLE)
        rows.update(desired=desired, desired_revision=revision, next_attempt_s=0, attempt=0)
    outbox_written.send(sender=Mirror)
