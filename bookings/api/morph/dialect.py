"""Who calls: Morph's pairs of keys, its session tokens for browsers, and how it says no."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core import signing
from django.http import HttpRequest
from django.utils.timezone import now
from rest_framework.request import Request
from rest_framework.response import Response

from bookings.api.base import Dialect, Principal, Refusal
from bookings.api.morph import schema, wire
from bookings.domain import keys
from bookings.domain.errors import Invalid, NotAllowed, SlotTaken
from bookings.models import ApiKey, Organisation

USUAL_SESSION_S = 30 * 60
LONGEST_SESSION_S = 30 * 86_400

_SALT = "morph.session"
_ALTERNATIVES = 3


@dataclass(frozen=True)
class Place:
    """Which connection is meant: a kind of system, and the application's name for its user there."""

    connector: str
    owner: str


@dataclass(frozen=True)
class Session:
    """What a session token says. It lends the power of the secret key that made it, for one connection, for a while."""

    organisation: uuid.UUID
    key: uuid.UUID
    place: Place
    expires_at: datetime


@dataclass(frozen=True)
class Caller(Principal):
    """`place` is the connection that a session token or the headers name; None when the path does."""

    place: Place | None = None
    session: Session | None = None


def open_session(key: ApiKey, place: Place, seconds: int) -> tuple[str, datetime]:
    """A token for one connection and the moment it ends."""
    expires_at = (now() + timedelta(seconds=seconds)).replace(microsecond=0)
    said = {
        "org": str(key.organisation_id),
        "key": str(key.pk),
        "connector": place.connector,
        "owner": place.owner,
        "exp": int(expires_at.timestamp()),
        "jti": uuid.uuid4().hex,
    }
    return signing.dumps(said, salt=_SALT, compress=True), expires_at


def read_session(token: str) -> Session:
    """What a token that we signed says. Raises Refusal 401."""
    try:
        said: dict[str, Any] = signing.loads(token, salt=_SALT)
    except (signing.BadSignature, ValueError):
        raise Refusal(401, wire.BAD_SESSION, "The session token is not valid.") from None
    expires_at = datetime.fromtimestamp(said["exp"], UTC)
    if expires_at <= now():
        raise Refusal(401, wire.EXPIRED, "The session has expired.")
    place = Place(said["connector"], said["owner"])
    return Session(uuid.UUID(said["org"]), uuid.UUID(said["key"]), place, expires_at)


class Morph(Dialect):
    """With `x-api-key` and `x-api-secret` a server names the connection itself, by headers or in the path; with
    `x-api-key` and `x-session-token` a browser uses the connection that the session was made for."""

    name = wire.SURFACE
    title = "Convene for clients of Morph"
    description = (
        "Servers send x-api-key, x-api-secret, x-connector-id and x-owner-id; browsers x-api-key and x-session-token, "
        "to the same paths below /v1/s/. The owner is the id of a host, or a name of your own that a member of the "
        "organisation connected with one."
    )
    credentials = schema.CREDENTIALS

    def authenticate(self, request: Request) -> Caller:
        headers = {name: request.headers.get(name, "").strip() for name in wire.CREDENTIALS}
        session = read_session(headers["x-session-token"]) if headers["x-session-token"] else None
        if headers["x-api-secret"]:
            key = keys.find_pair(headers["x-api-key"], headers["x-api-secret"], self.name)
        else:
            key = _lender(headers["x-api-key"], session)
        if key is None:
            raise Refusal(401, wire.UNAUTHORIZED, "The API key is missing or not recognised.")
        place = _named(headers)
        if session is not None:
            _must_match(session, key.organisation, place)
            place = session.place
        return Caller(key.organisation, key, key.host, place=place, session=session)

    def is_spoken(self, request: HttpRequest) -> bool:
        return any(name in request.headers for name in wire.CREDENTIALS)

    def refuse(self, refusal: Refusal) -> Response:
        """`{"error": code, "message": words}`, with the vendor's published codes."""
        status = refusal.status
        if isinstance(refusal.cause, NotAllowed):
            status = 409  # 403 would speak of the credential; it is the thing's own state that stands in the way
        elif status == 422:
            status = 400
        code = refusal.code if "::" in refusal.code else wire.error_code(status)
        return Response({"error": code, "message": _words(refusal)}, status=status)


_FIELDS = {
    "duration": "duration",
    "email": "externalAttendees.email",
    "event_type": "eventType",
    "name": "externalAttendees.firstName",
    "people": "externalAttendees",
    "phone": "externalAttendees.phoneNumber",
    "start_wall": "startTime",
    "end": "endTime",
}
"""Where the domain's fields stand in a body."""


def _words(refusal: Refusal) -> str:
    """The message, with the field that the domain refused, and when there is time instead."""
    if isinstance(refusal.cause, Invalid) and refusal.cause.field:
        return f"{_FIELDS.get(refusal.cause.field, refusal.cause.field)}: {refusal.message}"
    if isinstance(refusal.cause, SlotTaken) and refusal.cause.next_free:
        free = ", ".join(wire.instant(start) for start in refusal.cause.next_free[:_ALTERNATIVES])
        return f"{refusal.message} There is time at {free}."
    return refusal.message


def _lender(public: str, session: Session | None) -> ApiKey | None:
    """The live secret key behind a session, when a public key of the same organisation comes with it."""
    shown = keys.find(public, wire.SURFACE)
    if session is None or shown is None or shown.kind != ApiKey.Kind.PUBLIC_KEY:
        return None
    rows = ApiKey.objects.for_tenant(shown.organisation).select_related("organisation", "host")
    key: ApiKey | None = rows.filter(pk=session.key, kind=ApiKey.Kind.SECRET_KEY).first()
    if key is None or not key.is_live or (key.host is not None and not key.host.is_active):
        return None
    return key


def _named(headers: dict[str, str]) -> Place | None:
    connector, owner = headers["x-connector-id"], headers["x-owner-id"]
    return Place(connector, owner) if connector or owner else None


def _must_match(session: Session, organisation: Organisation, place: Place | None) -> None:
    if session.organisation != organisation.pk or (place is not None and place != session.place):
        raise Refusal(401, wire.BAD_SESSION, "The session token is for another connection.")


DIALECT = Morph()
