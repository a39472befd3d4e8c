"""Virtual rooms: what stands in an event's `conference`, as {kind, url, state, request_id}."""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from bookings.models import Account, Booking, Calendar, Event, EventType, Host, Mirror

from . import messages, outbox
from .audit import SYSTEM, record
from .errors import Invalid
from .locks import lock_hosts

JITSI, LINK, MEET, TEAMS = "jitsi", "link", "meet", "teams"
KINDS = (JITSI, LINK, MEET, TEAMS)
READY, REQUESTED, PENDING, FAILED = "ready", "requested", "pending", "failed"

_BYTES = 20  # 160 bits


def request(kind: str, *, host: Host, key: uuid.UUID | str) -> dict[str, Any]:
    """A room for a meeting. The same key (the event's id, say) always gets the same room.

    "jitsi" is a room of our own naming, there at once. "link" is the host's own room, always the same one. "meet" and
    "teams" are made by the host's calendar service: `state` is "requested" and `url` empty until it has.

    :raises Invalid: with field `conference`, for another kind, and for "link" when the host has no room.
    """
    if kind == JITSI:
        return _room(JITSI, f"{settings.JITSI_BASE_URL.rstrip('/')}/{_name(key)}", READY, key)
    if kind == LINK:
        if not host.room_url:
            raise Invalid(f"{host.name} has no video room of their own.", field="conference")
        return _room(LINK, host.room_url, READY, key)
    if kind in (MEET, TEAMS):
        return _room(kind, "", REQUESTED, key)
    raise Invalid(f"Possible are: {', '.join(KINDS)}.", field="conference")


def of_booking(
    event_type: EventType | None, kind: str | None = None, *, host: Host, key: uuid.UUID | str
) -> dict[str, Any]:
    """The room in which a booking meets, {} when it does not: one of that kind, or of the event type's when None.

    Where the host has no room of their own, the link that the event type's place gives, if it gives one.

    :raises Invalid: with field `conference`, for an unknown kind.
    """
    place = event_type.place if event_type else ""
    if kind is None:
        kind = place if place in KINDS else ""
    if kind == LINK and not host.room_url:
        given = event_type.place_detail.strip() if event_type and place == LINK else ""
        return _room(LINK, given, READY, key) if given.lower().startswith(("https://", "http://")) else {}
    return request(kind, host=host, key=key) if kind else {}


def place_of(event_type: EventType | None) -> str:
    """Where bookings of an event type take place, in words; "" for those in a virtual room."""
    stated = event_type is not None and event_type.place in (EventType.Place.IN_PERSON, EventType.Place.PHONE)
    return event_type.place_detail if event_type is not None and stated else ""


@transaction.atomic
def settle(event_id: uuid.UUID, told: Mapping[str, str], *, told_by: Calendar) -> None:
    """What a calendar service says of the room that it was asked for: {"state", "url"}. Saying it twice is once.

    A finished link is the event's and its booking's from now on, in every other calendar too. Where there will be
    none, the host's own room takes its place if they have one.
    """
    event = Event.everywhere.select_related("calendar__account__host").get(pk=event_id)
    host = lock_hosts([event.calendar.account.host_id])[0]
    event.refresh_from_db(fields=["conference", "revision", "sequence", "deleted_at"])
    room, state = event.conference, told.get("state", "")
    if event.deleted_at or room.get("state") not in (REQUESTED, PENDING) or room["state"] == state:
        return
    if state == READY and told.get("url"):
        event.conference = room | {"url": told["url"], "state": READY}
    elif state == FAILED and host.room_url:
        event.conference = _room(LINK, host.room_url, READY, room.get("request_id", event.pk))
    elif state in (PENDING, FAILED):
        event.conference = room | {"state": state}
    else:
        return
    _tell(event, told_by if state == READY else None)


def give_up(before: datetime) -> int:
    """Take rooms that a service promised before then and did not make for such as will not come; returns how many."""
    rows = Event.everywhere.filter(conference__state=PENDING, updated_at__lt=before, deleted_at=None)
    waiting = list(rows.select_related("calendar"))
    for event in waiting:
        settle(event.pk, {"state": FAILED}, told_by=event.calendar)
    return len(waiting)


def _tell(event: Event, knows: Calendar | None) -> None:
    """Keep a room's new state; a link is stated to every calendar but the one that made it."""
    if event.conference["state"] == PENDING:
        event.save(update_fields=["conference", "updated_at"])
        return
    record(SYSTEM, f"event.room_{event.conference['state']}", event)
    if event.conference["state"] == READY:
        event.revision += 1
        event.sequence += 1
        Booking.everywhere.filter(event=event, location="").update(location=event.conference["url"])
        shown = Mirror.everywhere.filter(event=event, desired=Mirror.Desired.PRESENT).select_related(
            "calendar__account"
        )
        for mirror in shown.exclude(calendar__account__provider=Account.Provider.LOCAL):
            if knows is None or mirror.calendar_id != knows.pk:
                outbox.show(event, mirror.calendar)
    event.save(update_fields=["conference", "revision", "sequence", "updated_at"])
    if event.conference["state"] == READY:
        messages.room_ready(event)


def _name(key: uuid.UUID | str) -> str:
    """Nobody guesses it, who has only the database neither. Letters and digits, since Jitsi ignores case."""
    mac = hmac.new(settings.LINK_KEY.encode(), f"room|{key}".encode(), hashlib.sha256).digest()
    return base64.b32encode(mac[:_BYTES]).decode().lower()


def _room(kind: str, url: str, state: str, key: uuid.UUID | str) -> dict[str, Any]:
    return {"kind": kind, "url": url, "state": state, "request_id": str(key)}
