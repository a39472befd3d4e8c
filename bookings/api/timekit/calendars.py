"""Calendars of resources. Those that are kept on this server can be made, changed and deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from bookings.api.reader import Reader
from bookings.api.timekit import finding, paging, schema, wire
from bookings.api.timekit.views import TimekitView
from bookings.domain import accounts, refs
from bookings.domain.errors import NotFound
from bookings.models import Calendar, Host

_ORDER = {"name": "name", "id": "pk"}
_TEXTS = ("description", "foregroundcolor")


class CalendarView(TimekitView):
    """What the paths of calendars share."""

    model = "Calendar"
    fields = wire.CALENDAR_FIELDS

    def visible(self) -> QuerySet[Calendar]:
        found = Calendar.objects.for_tenant(self.principal.organisation).select_related("account__host")
        return found.filter(account__host__is_active=True) if self.own is None else found.filter(account__host=self.own)

    def find(self, external_id: str) -> Calendar:
        found = finding.calendar_called(self.principal, external_id)
        if found is None:
            raise NotFound("There is no such calendar.")
        return found

    def body_of(self, places: Sequence[Calendar]) -> list[dict[str, Any]]:
        names = self.named(("calendar", places), ("host", [place.account.host for place in places]))
        kept = refs.kept(wire.SURFACE, "calendar", places)
        return [
            wire.calendar(place, names, self.clock)
            | {name: text for name, text in kept[place.pk].items() if name in _TEXTS}
            | {"resource_id": names[place.account.host_id]}
            for place in places
        ]

    def read(self, reader: Reader, *, whole: bool) -> dict[str, str | None]:
        """Name, colour, and what is only kept."""
        needed = whole or "name" in self.body
        return {
            "name": wire.said(self.body, "name", reader, required=needed, longest=300),
            "colour": wire.said(self.body, "backgroundcolor", reader, longest=9),
            "description": wire.said(self.body, "description", reader, one_line=False),
            "foregroundcolor": wire.said(self.body, "foregroundcolor", reader, longest=9),
        }

    def keep(self, place: Calendar, asked: dict[str, str | None]) -> None:
        refs.keep(wire.SURFACE, "calendar", place, {name: asked[name] for name in _TEXTS if asked[name] is not None})


class Calendars(CalendarView):
    scopes = {"GET": "calendars:read", "POST": "calendars:write"}

    @schema.told(
        "List calendars",
        answers={200: schema.page(schema.CALENDAR)},
        parameters=[*schema.PAGING, *schema.ORDER, *schema.SEARCH],
    )
    def get(self, request: Request) -> Response:
        found = self.visible()
        for name, value in paging.searched(request):
            if name in ("resource.id", "resource_id"):
                known = refs.resolve(self.principal.organisation, wire.SURFACE, "host", value)
                found = found.filter(account__host=known) if known is not None else found.none()
        found = found.order_by(*paging.ordered(request, _ORDER, "name"))
        return Response(paging.page(request, found.count(), found, self.body_of))

    @schema.told("Create a calendar", takes=schema.NEW_CALENDAR, answers={201: schema.data(schema.CALENDAR)})
    def post(self, request: Request) -> Response:
        """A further calendar of a resource: of the key's own one, or of that in `resource_id`."""
        reader = Reader()
        asked = self.read(reader, whole=True)
        host = self._host(reader)
        reader.finish()
        assert host is not None
        actor = self.principal.actor
        with transaction.atomic():
            made = accounts.add_calendar(accounts.ensure_local(host).account, asked["name"] or "", actor=actor)
            accounts.rename_calendar(made, colour=asked["colour"], actor=actor)
            self.keep(made, asked)
            return self.done(self.body_of([made])[0], 201)

    def _host(self, reader: Reader) -> Host | None:
        external_id = reader.text(self.body, "resource_id", "resource_id")
        if not external_id:
            if self.own is None:
                reader.wrong("resource_id", "required", "resource_id is required.")
            return self.own
        found = finding.hosts_called(self.principal, [external_id]).get(external_id)
        if found is None:
            reader.wrong("resource_id", "invalid", "resource_id is not the id of a resource.")
        return found


class OneCalendar(CalendarView):
    scopes = {"GET": "calendars:read", "PUT": "calendars:write", "DELETE": "calendars:write"}

    @schema.told("Retrieve a calendar", answers={200: schema.data(schema.CALENDAR)})
    def get(self, request: Request, calendar_id: str) -> Response:
        return self.done(self.body_of([self.find(calendar_id)])[0])

    @schema.told("Change a calendar", takes=schema.CHANGED_CALENDAR, answers={200: schema.data(schema.CALENDAR)})
    def put(self, request: Request, calendar_id: str) -> Response:
        """`provider_sync` says whether its events block the resource's time."""
        reader = Reader()
        asked = self.read(reader, whole=False)
        blocks = wire.flag(self.body, "provider_sync", reader)
        reader.finish()
        actor = self.principal.actor
        with transaction.atomic():
            place = self.find(calendar_id)
            accounts.rename_calendar(place, name=asked["name"], colour=asked["colour"], actor=actor)
            if blocks is not None:
                accounts.block(place, blocks, actor=actor)
            self.keep(place, asked)
            return self.done(self.body_of([place])[0])

    @schema.told("Delete a calendar", answers={204: None})
    def delete(self, request: Request, calendar_id: str) -> Response:
        with transaction.atomic():
            accounts.remove_calendar(self.find(calendar_id), actor=self.principal.actor)
        return Response(status=204)
