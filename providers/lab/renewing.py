"""Doubles of services whose access tokens end and are renewed, each time with another refresh token."""

from __future__ import annotations

import secrets
import time
from typing import Any
from urllib.parse import parse_qsl

from providers.lab.double import Asked, Told, route
from providers.lab.strict import Book, Json

CLIENT = {"client_id": "lab", "client_secret": "lab-secret"}
TOKENS = "/oauth/token"
_LASTS_S = 10_800


class Renews(Book):
    """A refresh token is good once: whoever does not keep the pair that comes back is locked out."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        self.refresh_tokens: set[str] = set()
        self.renewals = 0

    def issue(self) -> Json:
        """Tokens as if somebody had just consented, as our credentials keep them."""
        told = self._pair()
        kept = {name: told[name] for name in ("access_token", "refresh_token")}
        return kept | CLIENT | {"expires_s": int(time.time()) + _LASTS_S}

    def expire(self) -> None:
        """All access tokens end now."""
        self.keys.clear()

    def revoke(self) -> None:
        super().revoke()
        self.refresh_tokens.clear()

    @route("POST", TOKENS)
    def token(self, asked: Asked) -> Told:
        form = dict(parse_qsl(asked.body.decode(errors="replace")))
        if any(form.get(name) != value for name, value in CLIENT.items()):
            return Told(400, {"error": "invalid_client"})
        if form.get("grant_type") != "refresh_token":
            return Told(400, {"error": "unsupported_grant_type"})
        if form.get("refresh_token") not in self.refresh_tokens:
            return Told(400, {"error": "invalid_grant"})
        self.refresh_tokens.discard(form["refresh_token"])
        self.renewals += 1
        return Told(200, self._pair())

    def _pair(self) -> Json:
        told = {"access_token": f"access-{secrets.token_hex(8)}", "refresh_token": f"refresh-{secrets.token_hex(8)}"}
        self.keys.add(told["access_token"])
        self.refresh_tokens.add(told["refresh_token"])
        return told | {"token_type": "bearer", "expires_in": _LASTS_S}
