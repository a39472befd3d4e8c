"""How Timekit is entered, how it says no, and what all of its paths share."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from bookings.api import refusals
from bookings.api.base import Dialect, DialectView, Principal, Problem, Refusal
from bookings.api.reader import Reader
from bookings.api.timekit import schema, wire
from bookings.api.timekit.times import LONGEST_FORMAT, RFC3339, Clock, reading
from bookings.domain import keys, refs
from bookings.domain.errors import NotAllowed, SlotTaken
from bookings.engine.zones import canonical
from bookings.models import ApiKey, Host, TenantModel

_SHOWN_HEADERS = "Timekit-TestMode, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After"
_ASKED_HEADERS = (
    "Authorization, Content-Type, Idempotency-Key, Timekit-App, Timekit-Context, Timekit-InputTimestampFormat, "
    "Timekit-OutputTimestampFormat, Timekit-Timezone"
)
_GONE = "Resource does not exist"


class Timekit(Dialect):
    """HTTP Basic, and errors as the vendor's widget shows them."""

    name = wire.SURFACE
    title = schema.TITLE
    description = schema.DESCRIPTION
    version = "v2"
    credentials = schema.CREDENTIALS

    def authenticate(self, request: Request) -> Principal:
        """An empty user name with an app or widget key, or a resource's e-mail address with that resource's key."""
        email, secret = credentials(request)
        key = keys.find_of_host(email, secret, self.name) if email.strip() else _of_application(secret)
        if key is None:
            raise refusals.unauthenticated()
        return Principal(key.organisation, key, key.host)

    def refuse(self, refusal: Refusal) -> Response:
        if isinstance(refusal.cause, SlotTaken):
            return Response(wire.taken(refusal.cause), status=422)
        if refusal.problems:
            return Response({"errors": wire.problems(refusal.problems)}, status=refusal.status)
        challenge = {"WWW-Authenticate": 'Basic realm="convene"'} if refusal.status == 401 else {}
        text = _GONE if refusal.status == 404 else refusal.message
        return Response({"error": text}, status=refusal.status, headers=challenge)


DIALECT = Timekit()


def credentials(request: Request) -> tuple[str, str]:
    """User name and password of HTTP Basic (RFC 7617); empty ones for anything else."""
    scheme, _, packed = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        email, _, secret = base64.b64decode(packed.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return "", ""
    return email, secret


def _of_application(secret: str) -> ApiKey | None:
    """A key of the organisation itself; one that is bound to a host counts with that host's address only."""
    key = keys.find(secret, wire.SURFACE)
    return key if key is not None and key.host_id is None else None


class TimekitView(DialectView):
    """`model` is what a 404 says is not there, `fields` where the domain's fields stand in a body.

    `public` paths are those of widgets: pages of any origin may call them (never with cookies, which these paths do
    not read).
    """

    dialect = DIALECT
    model = ""
    public = False
    fields: Mapping[str, str] = {}
    clock: Clock

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "OPTIONS" and self.public:
            answer: HttpResponse = HttpResponse(status=204)
            answer["Access-Control-Allow-Methods"] = ", ".join(self.allowed_methods)
            answer["Access-Control-Allow-Headers"] = _ASKED_HEADERS
            answer["Access-Control-Max-Age"] = "86400"
        else:
            answer = super().dispatch(request, *args, **kwargs)
        if self.public:
            answer["Access-Control-Allow-Origin"] = "*"
            answer["Access-Control-Expose-Headers"] = _SHOWN_HEADERS
        return answer

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.clock = _clock(request)

    def handle_exception(self, exc: Exception) -> Response:
        refusal = refusals.of(exc)
        if refusal.cause is not None:  # the domain names fields in its own words
            refusal.problems = [replace(each, path=self.fields.get(each.path, each.path)) for each in refusal.problems]
        response = super().handle_exception(refusal)
        if response.status_code == 404 and self.model and isinstance(response.data, dict):
            response.data["model"] = self.model
        return response

    def done(self, data: Any, status: int = 200) -> Response:
        return Response({"data": data}, status=status)

    @property
    def asked_for(self) -> set[str]:
        """What the caller wants included."""
        given = self.request.query_params.get("include", "")
        return {each.strip() for each in given.split(",")} - {""}

    @property
    def own(self) -> Host | None:
        """The host whose key this is: it reaches that host's things only."""
        return self.principal.key.host

    def named(self, *groups: tuple[str, Sequence[TenantModel | wire.Named]]) -> wire.Names:
        """What our objects are called here, given as (kind, objects)."""
        names: wire.Names = {}
        for kind, things in groups:
            names |= refs.refs(wire.SURFACE, kind, cast(Sequence[TenantModel], things)) if things else {}
        return names


def _clock(request: Request) -> Clock:
    """Raises Refusal for headers that cannot be obeyed."""
    reader = Reader()
    given = {name: request.headers.get(f"Timekit-{name}", "") for name in wire.CLOCK_HEADERS}
    for name in ("InputTimestampFormat", "OutputTimestampFormat"):
        if len(given[name]) > LONGEST_FORMAT:
            reader.wrong(f"Timekit-{name}", "too_long", f"A format has at most {LONGEST_FORMAT} characters.")
    if given["InputTimestampFormat"] and reading(given["InputTimestampFormat"]) is None:
        reader.wrong("Timekit-InputTimestampFormat", "invalid", "Times cannot be read by this format.")
    timezone = canonical(given["Timezone"]) if given["Timezone"] else ""
    if timezone is None:
        reader.wrong("Timekit-Timezone", "invalid", "This is not a time zone we know.")
    reader.finish()
    return Clock(given["InputTimestampFormat"], given["OutputTimestampFormat"] or RFC3339, timezone or "")


def not_possible(error: NotAllowed, field: str) -> Refusal:
    """422 for what the state of a thing does not permit: 403 would speak of the key."""
    return refusals.invalid(Problem(field, error.code, error.message))
