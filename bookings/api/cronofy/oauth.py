"""POST /oauth/token and /oauth/token/revoke (RFC 6749, RFC 7009).

An application is known by its client secret; its client_id says nothing that the secret does not. Errors are those of
RFC 6749 section 5.2, with 400 as the vendor answers nowhere else.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any
from urllib.parse import parse_qsl

from rest_framework.request import Request
from rest_framework.response import Response

from bookings.api import body, rate
from bookings.api.base import DialectView, Principal, Refusal
from bookings.api.cronofy import calendars, schema
from bookings.api.cronofy.dialect import Cronofy, CronofyView
from bookings.api.cronofy.scopes import scope_of
from bookings.api.cronofy.wire import SURFACE
from bookings.domain import grants, keys, refs
from bookings.models import Account, ApiKey

_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 100


class OAuth(Cronofy):
    def refuse(self, refusal: Refusal) -> Response:
        """One error code and words for people."""
        status = 400 if refusal.status in (403, 404, 409, 422) else refusal.status
        error = refusal.code if refusal.code in _ERRORS else "invalid_request"
        if refusal.problems and refusal.cause is not None:
            error = refusal.problems[0].code
        headers = {"WWW-Authenticate": 'Basic realm="convene"'} if status == 401 else {}
        return Response({"error": error, "error_description": refusal.message}, status=status, headers=headers)


_ERRORS = {"invalid_client", "invalid_grant", "invalid_request", "unsupported_grant_type"}


class OAuthView(CronofyView):
    """The credentials stand in the body, as JSON or as a form, or in a Basic header (RFC 6749 section 2.3.1)."""

    dialect = OAuth()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """The body first: it says who calls."""
        self.body = _form(request) or body.read(request._request)
        super(DialectView, self).initial(request, *args, **kwargs)

    def perform_authentication(self, request: Request) -> None:
        secret = _basic(request) or self.text("client_secret")
        key = keys.find(secret, SURFACE)
        if key is None or key.kind != ApiKey.Kind.CLIENT_SECRET:
            rate.note_wrong_credential(request._request)
            raise Refusal(401, "invalid_client", "The client is not known.")
        self.principal = Principal(key.organisation, key)

    def text(self, name: str) -> str:
        value = self.body.get(name)
        return value if isinstance(value, str) else ""

    def needed(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise Refusal(400, "invalid_request", f"{name} is required.")
        return value


class Token(OAuthView):
    """New tokens for a code, or for a refresh token."""

    @schema.granted("New tokens", schema.TOKENS, takes=schema.TOKEN_ASKED)
    def post(self, request: Request) -> Response:
        organisation, actor = self.principal.organisation, self.principal.actor
        kind = self.needed("grant_type")
        if kind == "authorization_code":
            code, redirect = self.needed("code"), self.text("redirect_uri")
            made = grants.redeem(organisation, SURFACE, code, redirect, actor=actor)
            return _told(made, _identity(made))
        if kind == "refresh_token":
            made = grants.refresh(organisation, SURFACE, self.needed("refresh_token"), actor=actor)
            return _told(made, {})
        raise Refusal(400, "unsupported_grant_type", "Possible are authorization_code and refresh_token.")


class Revocation(OAuthView):
    """End everything a token stands for. A token that is not known has ended already."""

    @schema.granted("End what a token stands for", None, takes=schema.REVOKED)
    def post(self, request: Request) -> Response:
        grants.revoke(self.principal.organisation, SURFACE, self.needed("token"), actor=self.principal.actor)
        return Response(status=200)


def _told(made: grants.Tokens, more: dict[str, Any]) -> Response:
    told = {
        "token_type": "bearer",
        "access_token": made.access,
        "expires_in": made.expires_in,
        "refresh_token": made.refresh,
        "scope": scope_of(made.grant.scopes),
    }
    return Response(told | more, headers={"Pragma": "no-cache"})


def _identity(made: grants.Tokens) -> dict[str, Any]:
    """Whose account it is, and the connected account that people know it by."""
    host = made.grant.host
    sub = refs.ref(SURFACE, "host", host)
    told: dict[str, Any] = {"account_id": sub, "sub": sub}
    place = host.booking_calendar
    account = place.account if place else Account.everywhere.filter(host=host).first()
    if account is not None:
        told["linking_profile"] = calendars.profile(account, refs.ref(SURFACE, "account", account))
    return told


def _form(request: Request) -> dict[str, Any]:
    """The fields of a form, which OAuth libraries send; {} when the body is something else."""
    label = str(request.META.get("CONTENT_TYPE") or "").partition(";")[0].strip().lower()
    content = request._request.body
    if label != _FORM or content.lstrip()[:1] == b"{":
        return {}
    try:
        fields = parse_qsl(content.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise Refusal(400, "invalid_request", "The form cannot be read.") from None
    return {name: value for name, value in fields if "\x00" not in value}


def _basic(request: Request) -> str:
    """The secret in a Basic header, or ""."""
    scheme, _, told = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(told.strip(), validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""
