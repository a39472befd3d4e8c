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
    """Where a customer sees, moves or cancels a booking."""
    return f"{settings.BASE_URL}/b/{token('booking', booking_id)}"
