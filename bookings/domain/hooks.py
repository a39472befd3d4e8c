"""Webhooks: programs that are told what happens to bookings and requests, in order, by the worker.

What to tell is read from the audit trail, which every change writes in its own transaction: so nothing is told that did
not happen, and nothing that happened is left out. A trail is read a little further back than it was before, because
transactions end in another order than they begin; a key of hook and entry keeps each from being told twice.

A call says `Convene-Signature: t=<UTC seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">`, under the hook's secret.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import orjson
from django.db import transaction
from django.utils.timezone import now

from bookings.models import AuditEntry, Booking, Hook, Host, Message, Organisation, SchedulerRequest

from . import links
from .audit import Actor, record
from .errors import Invalid
from .statements import insertions, write

EVENTS = {
    "booking.made": "booking.created",
    "booking.confirmed": "booking.confirmed",
    "booking.declined": "booking.declined",
    "booking.moved": "booking.moved",
    "booking.handed_over": "booking.moved",
    "booking.described": "booking.changed",
    "booking.cancelled": "booking.cancelled",
    "booking.rescheduled": "booking.cancelled",
    "booking.invalidated": "booking.cancelled",
    "booking.no_show": "booking.no_show",
    "booking.completed": "booking.completed",
    "request.sent": "request.created",
    "request.withdrawn": "request.withdrawn",
}
"""What an entry of the audit trail is called for programs."""

NAMES = tuple(dict.fromkeys(EVENTS.values()))
TEST = "test"
_OVERLAP = timedelta(minutes=5)
_AT_ONCE = 500


@transaction.atomic
def make(organisation: Organisation, *, name: str, url: str, events: Iterable[str], actor: Actor) -> Hook:
    """Tell a program of what happens from now on.

    :param events: some of NAMES; none for all.
    :raises Invalid: with field name, url or events.
    """
    chosen = list(events)
    if not name.strip():
        raise Invalid("A name is needed.", field="name")
    if urlsplit(url).scheme not in ("https", "http") or not urlsplit(url).hostname or len(url) > 1000:
        raise Invalid("An address that begins with https:// is needed.", field="url")
    if set(chosen) - set(NAMES):
        raise Invalid(f"Possible are: {', '.join(NAMES)}.", field="events")
    made: Hook = Hook.everywhere.create(organisation=organisation, name=name.strip()[:100], url=url, events=chosen)
    record(actor, "hook.made", made, after={"name": made.name, "events": chosen})
    return made


@transaction.atomic
def remove(hook: Hook, *, actor: Actor) -> None:
    """Tell it nothing more, not even what waits."""
    record(actor, "hook.removed", hook, before={"name": hook.name})
    hook.delete()


@transaction.atomic
def pause(hook: Hook, *, actor: Actor, because: str = "") -> None:
    """Keep what happens for later. Twice is once."""
    if Hook.everywhere.filter(pk=hook.pk, paused_at=None).update(paused_at=now(), paused_because=because[:500]):
        record(actor, "hook.paused", hook, reason=because)


@transaction.atomic
def resume(hook: Hook, *, actor: Actor) -> None:
    """Go on with what waits, what was given up last included, in its order."""
    Hook.everywhere.filter(pk=hook.pk).update(paused_at=None, paused_because="")
    Message.everywhere.filter(hook=hook, state__in=(Message.State.WAITING, Message.State.FAILED)).update(
        state=Message.State.WAITING, attempt=0, next_attempt_s=0
    )
    record(actor, "hook.resumed", hook)


@transaction.atomic
def replay(message: Message, *, actor: Actor) -> None:
    """Tell one thing once more, under the same delivery id."""
    rows = Message.everywhere.filter(pk=message.pk).exclude(state=Message.State.SENDING)
    rows.update(state=Message.State.WAITING, attempt=0, next_attempt_s=0, last_error="")
    record(actor, "hook.replayed", message)


def try_out(hook: Hook, *, actor: Actor) -> Message:
    """A call that only says that calls work."""
    row = Message(
        organisation_id=hook.organisation_id,
        kind=Message.Kind.WEBHOOK,
        template=TEST,
        recipient=hook.url,
        hook=hook,
        payload={"event": TEST, "at": _iso(int(now().timestamp()))},
        dedupe_key=f"{hook.pk}:{TEST}:{now().timestamp()}",
    )
    write(insertions([row]))
    record(actor, "hook.tried", hook)
    return row


def secret(hook: Hook) -> str:
    """What calls are signed with; derived, so that no copy of the database holds it."""
    return f"whsec_{links.token('hook', hook.pk)}"


def signature(hook: Hook, at: int, body: bytes) -> str:
    """The signature header of a call made at that UTC second."""
    mac = hmac.new(secret(hook).encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={mac}"


def body(message: Message) -> bytes:
    """The bytes of a call: the same for every attempt."""
    return orjson.dumps({"id": str(message.pk), **message.payload})


def are_there() -> bool:
    """Whether any program wants to be told of anything."""
    return Hook.everywhere.exists()


def write_due() -> int:
    """Write what hooks are to be told of since the last time; returns how much. Three queries for each hook."""
    return sum(_write_of(hook) for hook in Hook.everywhere.select_related("organisation"))


def _write_of(hook: Hook) -> int:
    wanted = [action for action, name in EVENTS.items() if not hook.events or name in hook.events]
    since = max(hook.seen_at - _OVERLAP, hook.created_at)
    trail = AuditEntry.everywhere.filter(organisation=hook.organisation_id, at__gte=since, action__in=wanted)
    entries = list(trail.order_by("at")[:_AT_ONCE])
    keys = {f"{hook.pk}:{entry.pk}" for entry in entries}
    there = set(Message.everywhere.filter(hook=hook, dedupe_key__in=keys).values_list("dedupe_key", flat=True))
    fresh = [entry for entry in entries if f"{hook.pk}:{entry.pk}" not in there]
    rows = list(_messages(hook, fresh))
    with transaction.atomic():
        if rows:
            write(insertions(rows))
        if entries and entries[-1].at > hook.seen_at:
            Hook.everywhere.filter(pk=hook.pk).update(seen_at=entries[-1].at)
    return len(rows)


def _messages(hook: Hook, entries: list[AuditEntry]) -> Iterable[Message]:
    keys = {entry.object_id for entry in entries}
    bookings = Booking.everywhere.select_related("contact").in_bulk(keys) if keys else {}
    requests = SchedulerRequest.everywhere.in_bulk(keys) if keys else {}
    wanted = {key for booking in bookings.values() for key in booking.assignment.get("hosts", ())}
    hosts = {str(host.pk): host for host in Host.everywhere.filter(pk__in=wanted)}
    for entry in entries:
        booking, request = bookings.get(entry.object_id), requests.get(entry.object_id)
        told: dict[str, Any] = {"event": EVENTS[entry.action], "at": _iso(int(entry.at.timestamp())), "by": entry.actor}
        if booking is not None:
            told |= {"booking": _booking(booking, hosts), "before": entry.before, "reason": entry.reason}
        elif request is not None:
            told |= {"request": _request(request)}
        yield Message(
            organisation_id=hook.organisation_id,
            kind=Message.Kind.WEBHOOK,
            template=EVENTS[entry.action],
            recipient=hook.url,
            hook=hook,
            booking=booking,
            scheduler_request=request,
            payload=told,
            dedupe_key=f"{hook.pk}:{entry.pk}",
            created_at=entry.at,
        )


def _booking(booking: Booking, hosts: dict[str, Host]) -> dict[str, Any]:
    """A booking as it is now, which may be later than what is told of; `revision` says how late."""
    contact = booking.contact
    chosen = [hosts[key] for key in booking.assignment.get("hosts", ()) if key in hosts]
    return {
        "id": str(booking.pk),
        "title": booking.title,
        "state": booking.state,
        "start": _iso(booking.start_s),
        "end": _iso(booking.end_s),
        "timezone": booking.timezone,
        "location": booking.location,
        "hosts": [{"id": str(host.pk), "name": host.name, "email": host.email} for host in chosen],
        "customer": {"name": contact.name, "email": contact.email, "phone": contact.phone} if contact else None,
        "answers": booking.answers,
        "revision": booking.revision,
    }


def _request(request: SchedulerRequest) -> dict[str, Any]:
    return {
        "id": str(request.pk),
        "summary": request.summary,
        "state": request.state,
        "recipient": {"name": request.recipient_name, "email": request.recipient_email},
    }


def _iso(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
