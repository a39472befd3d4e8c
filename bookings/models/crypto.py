"""Secrets at rest: AES-256-GCM with a key id, the key outside the database."""

from __future__ import annotations

import json
import os
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

_NONCE = 12


class Undecryptable(Exception):
    """The ciphertext belongs to another row, another key, or was damaged."""


def seal(value: dict[str, Any], bound_to: str) -> bytes:
    """Encrypt a JSON object. `bound_to` names tenant, row and field: elsewhere it will not open.

    Layout: one byte key id, twelve bytes nonce, ciphertext with tag.
    """
    key_id = max(settings.DATA_KEYS)
    nonce = os.urandom(_NONCE)
    sealed = AESGCM(settings.DATA_KEYS[key_id]).encrypt(nonce, json.dumps(value).encode(), bound_to.encode())
    return bytes([key_id]) + nonce + sealed


def unseal(blob: bytes, bound_to: str) -> dict[str, Any]:
    """Decrypt what `seal` made; raises Undecryptable."""
    blob = bytes(blob)
    key = settings.DATA_KEYS.get(blob[0]) if blob else None
    if key is None:
        raise Undecryptable("no such key here")
    try:
        plain = AESGCM(key).decrypt(blob[1 : 1 + _NONCE], blob[1 + _NONCE :], bound_to.encode())
    except (InvalidTag, ValueError) as error:  # ValueError: too short to hold even the nonce
        raise Undecryptable("the secret does not belong to this row or key") from error
    value: dict[str, Any] = json.loads(plain)
    return value
