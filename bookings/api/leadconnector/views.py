"""What LeadConnector's clients ask for."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from bookings.api import refusals
from bookings.api.base import Dialect, Principal, Refusal


class LeadConnector(Dialect):
    name = "leadconnector"

    def authenticate(self, request: Request) -> Principal:
        raise refusals.unauthenticated()

    def refuse(self, refusal: Refusal) -> Response:
        return Response({"error": refusal.code, "message": refusal.message}, status=refusal.status)


DIALECT = LeadConnector()
