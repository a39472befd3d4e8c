"""schedulingEvent: every commitment of the connection's host, whichever entrance it came through."""

from __future__ import annotations

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from bookings.api.morph import asked, changing, finding, gathering, listing, making, paging, schema, shown
from bookings.api.morph.views import ResourceView
from bookings.api.openapi import TEXT, query
from bookings.api.reader import Reader
from bookings.domain.agenda import Entry


class EventView(ResourceView):
    def answered(self, entry: Entry, *, whole: bool) -> dict[str, object]:
        """The resource, or only the ref to it."""
        names = gathering.names(self.organisation, [entry], self.listed("expand"))
        return self.cut(shown.event_resource(entry, names)) if whole else shown.event_ref(entry, names)


class Events(EventView):
    scopes = {"GET": "bookings:read", "POST": "bookings:write"}

    @schema.told(
        "List events",
        answers={200: schema.page(schema.EVENT)},
        parameters=[*schema.LISTING, query("sort", TEXT, description="-startTime for the latest first")],
    )
    def get(self, request: Request) -> Response:
        entries, following = listing.page(request.query_params, self.host)
        names = gathering.names(self.organisation, entries, self.listed("expand"))
        return Response(paging.page([self.cut(shown.event_resource(each, names)) for each in entries], following))

    @schema.told(
        "Create an event",
        takes=schema.NEW_EVENT,
        answers={201: schema.EVENT_OR_REF},
        parameters=[schema.RETURN_RESOURCE, schema.FIELDS, schema.EXPAND],
        conflicts=True,
    )
    def post(self, request: Request) -> Response:
        reader = Reader()
        wanted = asked.read(self.body, reader, whole=True)
        with transaction.atomic():
            entry = making.book(self.host, self.hosts, wanted, reader, actor=self.principal.actor)
            return Response(self.answered(entry, whole=self.flag("returnResource")), status=201)


class Event(EventView):
    scopes = {"GET": "bookings:read", "PATCH": "bookings:write", "DELETE": "bookings:write"}

    @schema.told("Retrieve an event", answers={200: schema.EVENT}, parameters=[schema.FIELDS, schema.EXPAND])
    def get(self, request: Request, resource_id: str) -> Response:
        return Response(self.answered(self._entry(resource_id), whole=True))

    @schema.told(
        "Update an event",
        takes=schema.CHANGED_EVENT,
        answers={200: schema.EVENT_OR_REF},
        parameters=[schema.RETURN_RESOURCE, schema.FIELDS, schema.EXPAND],
        conflicts=True,
    )
    def patch(self, request: Request, resource_id: str) -> Response:
        reader = Reader()
        wanted = asked.read(self.body, reader, whole=False)
        with transaction.atomic():
            entry = changing.change(self._entry(resource_id), wanted, reader, actor=self.principal.actor)
            return Response(self.answered(entry, whole=self.flag("returnResource")))

    @schema.told("Cancel an event", answers={204: None}, conflicts=True)
    def delete(self, request: Request, resource_id: str) -> Response:
        changing.cancel(self._entry(resource_id), actor=self.principal.actor)
        return Response(status=204)

    def _entry(self, resource_id: str) -> Entry:
        return finding.entry(self.organisation, self.host, resource_id)
