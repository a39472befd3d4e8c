"""The app a key belongs to: the organisation."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from bookings.api.timekit import schema
from bookings.api.timekit.views import TimekitView


class App(TimekitView):
    model = "App"
    scopes = {"GET": "calendars:read"}

    @schema.told("Retrieve the app of a key", answers={200: schema.data(schema.APP)})
    def get(self, request: Request) -> Response:
        found = self.principal.organisation
        return self.done(
            {
                "name": found.name,
                "slug": found.slug,
                "timezone": found.timezone,
                "created_at": self.clock.noted(found.created_at.timestamp()),
            }
        )
