"""Tokens of the links we give to customers.

A token is derived from the id of its object with a key outside the database; the table holds only its SHA-256. So a
stolen database opens no link, and staff can still copy one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid

from django.conf import settings

_BYTES = 20  # 160 bits


def token(purpose: str, object_id: uuid.UUID) -> str:
    """The secret part of a link: 27 characters, URL-safe. `purpose` keeps kinds of links apart."""
    mac = hmac.new(settings.LINK_KEY.encode(), f"{purpose}|{object_id}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac[:_BYTES]).decode().rstrip("=")


def digest(link_token: str) -> str:
    """What is stored and looked up: hex SHA-256."""
    return hashlib.sha256(link_token.encode()).hexdigest()


def select_url(request_id: uuid.UUID) -> str:
    """Where the recipient of a scheduler request chooses a time."""
    return f"{settings.BASE_URL}/r/{token('request', request_id)}"


def manage_url(booking_id: uuid.UUID) -> str:
    """Where a customer sees, moves or cancels a booking; permanent."""
    return f"{settings.BASE_URL}/m/{token('booking', booking_id)}"


def seat_url(seat_id: uuid.UUID) -> str:
    """The same for one seat of a session."""
    return f"{settings.BASE_URL}/m/{token('seat', seat_id)}"


def guest_token(booking_id: uuid.UUID, email: str) -> str:
    """The secret part of a guest's link. It begins with which booking it is for, since no table holds it."""
    whose = base64.urlsafe_b64encode(booking_id.bytes).decode().rstrip("=")
    return f"{whose}.{token(f'guest|{email.casefold()}', booking_id)}"


def guest_booking(link_token: str) -> uuid.UUID | None:
    """Which booking a guest's link says it is for; whether it is genuine, `guest_token` tells."""
    try:
        return uuid.UUID(bytes=base64.urlsafe_b64decode(link_token.partition(".")[0] + "=="))
    except ValueError:
        return None


def guest_url(booking_id: uuid.UUID, email: str) -> str:
    """Where a guest of a booking says whether they come."""
    return f"{settings.BASE_URL}/g/{guest_token(booking_id, email)}"


def public_url(organisation: str, *names: str) -> str:
    """The public page of an organisation (its slug), and in it of a host, an event type, or a host's event type."""
    return "/".join((settings.BASE_URL, organisation, *names))
