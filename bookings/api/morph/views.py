"""What every path of Morph shares: the connection it is about, and answering browsers of other origins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request

from bookings.api.base import DialectView, Refusal
from bookings.api.morph import wire
from bookings.api.morph.dialect import DIALECT, Caller, Place
from bookings.domain import connections
from bookings.domain.connections import UNKNOWN_CONNECTOR, Connection
from bookings.domain.errors import NotFound
from bookings.models import Host, Organisation

_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset",
}
_PREFLIGHT = {
    **_CORS,
    "Access-Control-Allow-Methods": "GET, POST, PATCH, DELETE",
    # Not x-api-secret: a secret key has no place in a browser.
    "Access-Control-Allow-Headers": "Content-Type, x-api-key, x-session-token, Idempotency-Key",
    "Access-Control-Max-Age": "7200",
}


class MorphView(DialectView):
    """A path of the dialect. `browser` marks those below /v1/s/, which pages of other origins may call with a session
    token; cookies are never looked at."""

    dialect = DIALECT
    browser = False
    principal: Caller

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if self.browser and request.method == "OPTIONS":
            return HttpResponse(status=204, headers=_PREFLIGHT)
        response: HttpResponse = super().dispatch(request, *args, **kwargs)
        return response

    @property
    def default_response_headers(self) -> dict[str, str]:
        return super().default_response_headers | (_CORS if self.browser else {})

    @property
    def organisation(self) -> Organisation:
        return self.principal.organisation

    def place(self) -> Place:
        """The connection that is meant: the path's, the session's, or that of the headers."""
        if "owner" in self.kwargs:
            place = Place(self.kwargs["connector"], self.kwargs["owner"])
            if self.principal.session is not None and place != self.principal.session.place:
                raise Refusal(401, wire.BAD_SESSION, "The session token is for another connection.")
            return place
        if self.principal.place is None:
            raise Refusal(401, wire.UNAUTHORIZED, "x-connector-id and x-owner-id, or x-session-token, must be given.")
        return self.principal.place

    def found(self) -> Connection:
        """The connection that is meant. Raises Refusal 404 for one that is not there, or not within the key's reach."""
        place = self.place()
        try:
            connection = connections.find(self.organisation, wire.SURFACE, place.connector, place.owner)
        except NotFound as error:
            raise unknown(place, error) from None
        return self.within_reach(connection)

    def within_reach(self, connection: Connection) -> Connection:
        """The same; a key of one host finds the connections of others missing."""
        only = self.principal.key.host_id
        if only is not None and connection.host is not None and connection.host.pk != only:
            raise unknown(self.place())
        return connection

    def flag(self, name: str) -> bool:
        return self.request.query_params.get(name, "").lower() in ("true", "1")


class ResourceView(MorphView):
    """A path below /v1/resources or /v1/models, which needs a connection that was granted."""

    @cached_property
    def connection(self) -> Connection:
        connection = self.found()
        if connection.host is None:
            message = "Nobody has granted this connection yet: send its owner to the authorizationUrl."
            raise Refusal(403, wire.NOT_GRANTED, message)
        return connection

    @property
    def host(self) -> Host:
        host = self.connection.host
        assert host is not None
        return host

    @property
    def hosts(self) -> QuerySet[Host]:
        """Whose time this caller may have: everybody's, or with a session or a key of one host, that host's alone."""
        active = Host.objects.for_tenant(self.organisation).select_related("schedule").filter(is_active=True)
        alone = self.principal.session is not None or self.principal.key.host_id is not None
        return active.filter(pk=self.host.pk) if alone else active

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        acting_as = "" if self.principal.key.host_id else f"{self.host.name} ({self.connection.owner})"
        self.principal = replace(self.principal, host=self.host, acting_as=acting_as)

    def listed(self, name: str) -> list[str]:
        """A query parameter that names several things, by commas or by being given several times."""
        values: Sequence[str] = self.request.query_params.getlist(name) + self.request.query_params.getlist(f"{name}[]")
        return [part for value in values for part in (each.strip() for each in value.split(",")) if part]

    def cut(self, shown: dict[str, Any]) -> dict[str, Any]:
        """A resource with only the fields that the query asks for."""
        wanted = self.listed("fields")
        if wanted:
            shown["fields"] = {name: value for name, value in shown["fields"].items() if name in wanted}
        return shown


def unknown(place: Place, error: NotFound | None = None) -> Refusal:
    if error is not None and error.code == UNKNOWN_CONNECTOR:
        return Refusal(404, wire.NO_CONNECTOR, f"There is no connector {place.connector[:100]!r}.")
    return Refusal(404, wire.NO_CONNECTION, f"Connection {place.connector[:100]!r} of {place.owner[:100]!r} not found.")


class UnknownModel(MorphView):
    """A model that nobody here knows."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise Refusal(404, wire.NO_MODEL, f"There is no model {self.kwargs['model'][:100]!r} here.")
