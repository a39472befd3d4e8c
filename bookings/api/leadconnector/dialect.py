"""How LeadConnector's API is entered, and how it says no."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from bookings.api import rate, refusals
from bookings.api.base import Dialect, DialectView, Principal, Refusal, missing
from bookings.api.leadconnector import wire
from bookings.api.reader import Reader
from bookings.domain import keys, refs


class LeadConnector(Dialect):
    """Bearer tokens of one location, a `Version` header, and NestJS's shape of errors."""

    name = wire.SURFACE
    title = "LeadConnector (HighLevel) calendars"
    description = (
        "Appointments, calendars, calendar groups, blocked slots and contacts, as the API of HighLevel has them."
        " A location is an organisation, a calendar an event type, a user a host, an appointment a booking."
        " Every call carries a Version header; any version is accepted."
    )
    version = "2021-04-15"
    credentials = {"bearer": {"type": "http", "scheme": "bearer"}}

    def authenticate(self, request: Request) -> Principal:
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        key = keys.find(secret.strip(), self.name) if scheme.lower() == "bearer" else None
        if key is None:
            raise refusals.unauthenticated()
        return Principal(key.organisation, key, key.host)

    def refuse(self, refusal: Refusal) -> Response:
        status, body = wire.refusal(refusal)
        return Response(body, status=status)


DIALECT = LeadConnector()


class LeadConnectorView(DialectView):
    """A path of the dialect. Somebody who comes with a browser and no token gets the site's page instead."""

    dialect = DIALECT

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # type: ignore[override]
        browsing = "text/html" in request.headers.get("Accept", "") and "Authorization" not in request.headers
        if browsing and request.method in ("GET", "HEAD"):
            return missing(request, Http404())
        return super().dispatch(request, *args, **kwargs)

    def check_permissions(self, request: Request) -> None:
        if not request.headers.get("Version", "").strip():
            raise Refusal(401, "version", wire.NO_VERSION)
        super().check_permissions(request)

    def check_throttles(self, request: Request) -> None:
        allowance = rate.spend(self.principal.key, self.dialect.calls_per_minute(self.principal))
        self.headers |= wire.allowance(allowance.limit, allowance.used, allowance.reset_s)
        allowance.require()

    @property
    def location_id(self) -> str:
        """What this organisation is called."""
        return refs.ref(wire.SURFACE, "organisation", self.principal.organisation)

    def check_location(self, location_id: str) -> None:
        """Raise Refusal 403 unless that is the location of the token."""
        if location_id != self.location_id:
            raise Refusal(403, "location", wire.FOREIGN_LOCATION)

    def asked_location(self, reader: Reader) -> None:
        """The `locationId` of the query, which must be there and be the token's own."""
        location_id = reader.text(self.request.query_params.dict(), "locationId", "locationId", required=True)
        reader.finish()
        self.check_location(location_id)
