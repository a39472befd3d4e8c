"""POST /calendars/events/appointments and what its callers ask next: read, change, delete and list events."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from bookings.api.leadconnector import changing, finding, making, schema, wire
from bookings.api.leadconnector.dialect import LeadConnectorView
from bookings.api.leadconnector.finding import Found
from bookings.api.leadconnector.listing import Window
from bookings.api.leadconnector.shown import Page, Row, rows_of
from bookings.api.leadconnector.wire import Asked
from bookings.api.reader import Reader


class AppointmentView(LeadConnectorView):
    """What making and changing share."""

    def asked(self, *, creating: bool) -> Asked:
        """What the body says. Raises Refusal: 422 for values, 403 for a foreign location, 401 without the scope that
        forcing needs."""
        reader = Reader()
        asked = wire.read_appointment(self.body, reader, self.principal.organisation.timezone, creating=creating)
        reader.finish()
        if asked.location_id:
            self.check_location(asked.location_id)
        if asked.forced:
            self.principal.require("bookings:force")
        return asked

    def page(self, *rows: Row) -> Page:
        return Page(self.principal.organisation, rows)

    def shown(self, found: Found, external_id: str, *, whole: bool) -> dict[str, Any]:
        """What was found, under the id it was asked for by: as a whole event, or as an answer to a write."""
        row = Row(found.entry, found.seat)
        page = self.page(row)
        body = page.event(row) if whole else page.appointment(row)
        if found.series is not None:
            body |= {"id": external_id}
            body.pop("masterEventId", None)
        return body


class Appointments(AppointmentView):
    scopes = {"POST": "bookings:write"}

    @schema.told("Create an appointment", takes=schema.NEW_APPOINTMENT, answers={200: schema.APPOINTMENT})
    def post(self, request: Request) -> Response:
        asked = self.asked(creating=True)
        row = making.make(self.principal, asked, self.principal.organisation.timezone)
        page = self.page(row)
        body = page.appointment(row)
        if series_id := page.series_id(row):
            body["id"] = series_id
            body.pop("masterEventId", None)
        return Response(body)


class Appointment(AppointmentView):
    scopes = {"GET": "bookings:read", "PUT": "bookings:write"}

    @schema.told("Get an appointment", answers={200: schema.ONE_EVENT})
    def get(self, request: Request, event_id: str) -> Response:
        found = finding.commitment(self.principal, event_id)
        return Response({"event": self.shown(found, event_id, whole=True)})

    @schema.told("Update an appointment", takes=schema.CHANGED_APPOINTMENT, answers={200: schema.APPOINTMENT})
    def put(self, request: Request, event_id: str) -> Response:
        found, asked = finding.commitment(self.principal, event_id), self.asked(creating=False)
        before = self.shown(found, event_id, whole=False)
        changing.change(self.principal, found, asked)
        if asked.status == "cancelled" and found.entry.booking is None:  # a plain event that is cancelled is gone
            return Response(before | {"appointmentStatus": "cancelled"})
        changed = finding.commitment(self.principal, event_id)
        return Response(self.shown(changed, event_id, whole=False))


class Event(AppointmentView):
    """Deleting needs a body no more than reading does; clients send `{}`."""

    scopes = {"DELETE": "bookings:write"}

    @schema.told("Delete an event", answers={201: schema.SUCCEEDED})
    def delete(self, request: Request, event_id: str) -> Response:
        changing.take_back(finding.commitment(self.principal, event_id), self.principal.actor)
        return Response({"succeeded": True}, status=201)


class Events(LeadConnectorView):
    """What is in the time of a user, in a calendar or in the calendars of a group; not the blocked slots."""

    scopes = {"GET": "bookings:read"}

    @schema.told("List events", answers={200: schema.EVENTS}, parameters=schema.WINDOW)
    def get(self, request: Request) -> Response:
        window = Window.asked(self)
        page = Page(self.principal.organisation, rows_of(window.entries(cancelled=True)))
        rows = [row for row in page.rows if not page.is_deleted(row) and not page.is_block(row)]
        return Response({"events": [page.event(row) for row in rows if window.holds(page, row)]})
