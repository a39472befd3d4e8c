"""Virtual rooms: what stands in an event's `conference`, as {kind, url, state, request_id}."""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from typing import Any

from django.conf import settings

from bookings.models import EventType, Host

from .errors import Invalid

JITSI, LINK, MEET, TEAMS = "jitsi", "link", "meet", "teams"
KINDS = (JITSI, LINK, MEET, TEAMS)
READY, REQUESTED = "ready", "requested"

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


def _name(key: uuid.UUID | str) -> str:
    """Nobody guesses it, who has only the database neither. Letters and digits, since Jitsi ignores case."""
    mac = hmac.new(settings.LINK_KEY.encode(), f"room|{key}".encode(), hashlib.sha256).digest()
    return base64.b32encode(mac[:_BYTES]).decode().lower()


def _room(kind: str, url: str, state: str, key: uuid.UUID | str) -> dict[str, Any]:
    return {"kind": kind, "url": url, "state": state, "request_id": str(key)}
