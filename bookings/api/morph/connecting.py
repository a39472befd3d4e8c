"""Connections themselves: made, changed, forgotten, granted; and the sessions that lend one to a browser."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from bookings.api.base import Refusal
from bookings.api.morph import schema, wire
from bookings.api.morph.dialect import LONGEST_SESSION_S, USUAL_SESSION_S, open_session
from bookings.api.morph.fields import OPERATIONS
from bookings.api.morph.views import MorphView, unknown
from bookings.api.openapi import FLAG, TEXT, one_of, query
from bookings.api.reader import Reader
from bookings.domain import connections
from bookings.domain.connections import Connection
from bookings.domain.errors import NotFound
from bookings.models import Account

_MOST_OPERATIONS = 500
_LONGEST_OPERATION = 100


class ConnectionView(MorphView):
    def saved(self, operations: list[str] | None) -> tuple[Connection, bool]:
        """The connection, made when it is not there, with these operations; and whether it was made."""
        place = self.place()
        try:
            with transaction.atomic():
                connection, made = connections.save(
                    self.organisation,
                    wire.SURFACE,
                    place.connector,
                    place.owner,
                    operations=operations,
                    host=self.principal.key.host,
                    actor=self.principal.actor,
                )
                return self.within_reach(connection), made
        except NotFound as error:
            raise unknown(place, error) from None


class OneConnection(ConnectionView):
    scopes = {
        "GET": "calendars:read",
        "POST": "calendars:write",
        "PATCH": "calendars:write",
        "DELETE": "calendars:write",
    }

    @schema.told("Retrieve a connection", answers={200: schema.CONNECTION})
    def get(self, request: Request, **place: str) -> Response:
        return Response(shown(self.found()))

    @schema.told(
        "Create a connection",
        takes=schema.OPERATIONS,
        answers={200: schema.CONNECTION, 201: schema.CONNECTION},
    )
    def post(self, request: Request, **place: str) -> Response:
        connection, made = self.saved(operations_of(self.body))
        return Response(shown(connection), status=201 if made else 200)

    @schema.told(
        "Update a connection",
        takes=schema.OPERATIONS,
        answers={200: schema.CONNECTION, 201: schema.CONNECTION},
        parameters=[query("createIfMissing", FLAG, description="Create the connection if it does not exist")],
    )
    def patch(self, request: Request, **place: str) -> Response:
        operations = operations_of(self.body)
        if not self.flag("createIfMissing"):
            self.found()
        connection, made = self.saved(operations)
        return Response(shown(connection), status=201 if made and self.flag("createIfMissing") else 200)

    @schema.told("Delete a connection", answers={204: None})
    def delete(self, request: Request, **place: str) -> Response:
        connections.remove(self.found(), actor=self.principal.actor)
        return Response(status=204)


class Sessions(ConnectionView):
    """A token with which a browser may use the connection for a while. It can do what the secret key behind it can."""

    scopes = {"POST": "calendars:read"}

    @schema.told("Create a session", takes=schema.NEW_SESSION, answers={200: schema.SESSION})
    def post(self, request: Request, **place: str) -> Response:
        reader = Reader()
        told = reader.object(self.body, "connection", "connection") or {}
        seconds = _seconds(self.body, reader)
        reader.finish()
        connection, _ = self.saved(operations_of(told, "connection.operations"))
        token, expires_at = open_session(self.principal.key, self.place(), seconds)
        return Response(
            {
                "object": "session",
                "connectorId": connection.connector,
                "ownerId": connection.owner,
                "sessionToken": token,
                "expiresAt": wire.stamp(expires_at),
            }
        )


class Authorization(ConnectionView):
    """Where the owner is to be sent so that they grant the connection."""

    scopes = {"POST": "calendars:read"}

    @schema.told(
        "Authorize a connection",
        takes=schema.NEW_AUTHORIZATION,
        answers={200: schema.AUTHORIZATION},
        parameters=[
            query("redirectUrl", TEXT, description="Where the owner goes afterwards"),
            query("mode", one_of("connect", "direct")),
        ],
    )
    def post(self, request: Request, **place: str) -> Response:
        reader = Reader()
        scopes = reader.array(self.body, "scopes", "scopes")
        settings = reader.object(self.body, "settings", "settings") or {}
        if request.query_params.get("mode", "connect") not in ("connect", "direct"):
            reader.wrong("mode", "invalid", "mode may be connect or direct.")
        back = request.query_params.get("redirectUrl", "")
        if back and not _is_web_address(back):
            reader.wrong("redirectUrl", "invalid", "redirectUrl must be an http or https address.")
        reader.finish()
        connection = self.found()
        answer: dict[str, Any] = {
            "object": "connectionAuthorization",
            "connectorId": connection.connector,
            "ownerId": connection.owner,
            "status": "authorized" if connection.is_authorized else "awaitingAuthorization",
            "authorizationUrl": connections.grant_url(connection, application=self.principal.key.name, back=back),
        }
        return Response(answer | {"scopes": scopes, "settings": settings})


class Connector(MorphView):
    """What kind of system it is. The published client asks for the connector "[object Object]" and tells it in its
    headers."""

    scopes = {"GET": "calendars:read"}

    @schema.told("Retrieve a connector", answers={200: schema.CONNECTOR})
    def get(self, request: Request, connector: str = "") -> Response:
        if connector in ("", "[object Object]"):
            connector = MorphView.place(self).connector
        try:
            connections.check_connector(connector)
        except NotFound:
            raise Refusal(404, wire.NO_CONNECTOR, f"There is no connector {connector[:100]!r}.") from None
        name = "Calendly" if connector == "calendly" else Account.Provider(connector).label
        return Response(
            {"object": "connector", "id": connector, "name": name, "settings": [], "operations": list(OPERATIONS)}
        )


def shown(connection: Connection) -> dict[str, Any]:
    operations = connection.operations
    return {
        "object": "connection",
        "connectorId": connection.connector,
        "ownerId": connection.owner,
        "operations": list(OPERATIONS if operations is None else operations),
        "status": "authorized" if connection.is_authorized else "unauthorized",
        "createdAt": wire.stamp(connection.created_at),
        "updatedAt": wire.stamp(connection.updated_at),
    }


def operations_of(body: dict[str, Any], path: str = "operations") -> list[str] | None:
    """What the application wants to do, such as schedulingEvent::create; None when it does not say."""
    if body.get("operations") is None:
        return None
    reader = Reader()
    operations = reader.array(body, "operations", path)
    fine = all(isinstance(each, str) and 0 < len(each) <= _LONGEST_OPERATION for each in operations)
    if not fine or len(operations) > _MOST_OPERATIONS:
        reader.wrong(path, "invalid", f"{path} must be an array of at most {_MOST_OPERATIONS} names of operations.")
    reader.finish()
    return operations


def _seconds(body: dict[str, Any], reader: Reader) -> int:
    given = body.get("expiresIn")
    if not given and not isinstance(given, bool) and not isinstance(given, str):
        return USUAL_SESSION_S  # absent, null and 0, as in the vendor's own server
    if isinstance(given, bool) or not isinstance(given, int | float) or not 1 <= given <= LONGEST_SESSION_S:
        reader.wrong("expiresIn", "invalid", f"expiresIn must be 1 to {LONGEST_SESSION_S} seconds.")
        return USUAL_SESSION_S
    return int(given)


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and len(text) <= 2000 and text.isprintable()
    except ValueError:
        return False
