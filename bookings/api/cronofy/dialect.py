"""How Cronofy's API is entered, as whom, and how it says no."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from bookings.api import refusals
from bookings.api.base import Dialect, DialectView, Principal, Problem, Refusal
from bookings.api.cronofy import schema, wire
from bookings.domain import keys, refs
from bookings.domain.errors import Invalid, SlotTaken
from bookings.models import Host, Organisation

logger = logging.getLogger(__name__)


def host_called(organisation: Organisation, sub: str) -> Host | None:
    """The active host of this organisation with that sub; a foreign one and a missing one look alike."""
    known = refs.resolve(organisation, wire.SURFACE, "host", sub)
    host: Host | None = Host.objects.for_tenant(organisation).filter(pk=known, is_active=True).first()
    return host


class Cronofy(Dialect):
    """Bearer credentials, and errors as docs.cronofy.com/developers/api/error-codes lists them."""

    name = wire.SURFACE
    title = schema.TITLE
    description = schema.DESCRIPTION
    version = "v1"
    credentials = schema.CREDENTIALS

    def authenticate(self, request: Request) -> Principal:
        """A client secret or an access token; `Cronofy-Impersonate: <sub>` makes it act as that host."""
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        key = keys.find(secret.strip(), self.name) if scheme.lower() == "bearer" else None
        if key is None:
            raise refusals.unauthenticated()
        principal = Principal(key.organisation, key, key.host)
        sub = request.headers.get("Cronofy-Impersonate", "").strip()
        return _impersonating(principal, sub) if sub else principal

    def refuse(self, refusal: Refusal) -> Response:
        """401, 403 and 404 have no body; every other refusal names the fields and what is wrong with them."""
        # The vendor answers 400 to OAuth token calls only.
        status = 422 if refusal.status == 400 else refusal.status
        if status in (401, 403, 404):
            return Response(status=status, headers=_challenge(status, refusal.message))
        problems = refusal.problems or [Problem("", refusal.code, refusal.message)]
        errors: dict[str, list[dict[str, str]]] = {}
        for problem in problems:
            path = problem.path or "request"
            errors.setdefault(path, []).append({"key": f"errors.{problem.code}", "description": problem.message})
        return Response({"errors": errors}, status=status)


def _impersonating(principal: Principal, sub: str) -> Principal:
    host = host_called(principal.organisation, sub)
    if host is not None and host.pk == principal.key.host_id:
        return principal
    principal.require("impersonate")
    if host is None:
        logger.warning("key %s tried to impersonate somebody it cannot reach", principal.key.prefix)
        raise refusals.forbidden("There is no such account in this organisation.")
    return Principal(principal.organisation, principal.key, host, acting_as=f"{host.name} ({sub})")


def _challenge(status: int, message: str) -> dict[str, str]:
    """RFC 6750 section 3: why a bearer credential was not enough."""
    if status == 404:
        return {}
    error = "invalid_token" if status == 401 else "insufficient_scope"
    words = "".join(character for character in message if character.isascii() and character.isprintable())
    return {
        "WWW-Authenticate": f'Bearer realm="convene", error="{error}", error_description="{words.replace(chr(34), "")}"'
    }


DIALECT = Cronofy()


class CronofyView(DialectView):
    """`fields` says how the fields that the domain names are spelt in this view's requests."""

    dialect = DIALECT
    fields: ClassVar[Mapping[str, str]] = {}

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, Invalid):
            exc = replace(exc, field=self.fields.get(exc.field, exc.field))
        elif isinstance(exc, SlotTaken):  # the vendor's clients know no conflict: a time is wrong like any other value
            exc = Invalid(exc.message, code=exc.code, field="start")
        return super().handle_exception(exc)

    @property
    def account(self) -> Host:
        """The account that a call about one account's data is for. Raises Refusal 403 when the key stands for none."""
        if self.principal.host is None:
            raise refusals.forbidden("This call needs an account: its access token, or Cronofy-Impersonate.")
        return self.principal.host
