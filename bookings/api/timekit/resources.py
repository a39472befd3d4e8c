"""Resources: whose time can be had. Each is a host."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from bookings.api.reader import Reader
from bookings.api.refusals import forbidden
from bookings.api.timekit import constraints, paging, schema, wire
from bookings.api.timekit.constraints import Rules
from bookings.api.timekit.views import TimekitView
from bookings.domain import hosts, refs
from bookings.domain.availability import FURTHEST
from bookings.domain.errors import NotFound
from bookings.domain.hosts import DayHours
from bookings.engine.zones import DAY, zone
from bookings.models import Calendar, Host

_ORDER = {"created_at": "created_at", "name": "name", "email": "email", "id": "pk"}
_EPOCH = date(1970, 1, 1)
_NOTE = "Availability constraint"


class ResourceView(TimekitView):
    """What the paths of resources share."""

    model = "Resource"
    fields = wire.RESOURCE_FIELDS

    def visible(self) -> QuerySet[Host]:
        found = Host.objects.for_tenant(self.principal.organisation).filter(is_active=True).select_related("schedule")
        return found if self.own is None else found.filter(pk=self.own.pk)

    def find(self, external_id: str) -> Host:
        known = refs.resolve(self.principal.organisation, wire.SURFACE, "host", external_id)
        found = self.visible().filter(pk=known).first() if known is not None else None
        if found is None:
            raise NotFound("There is no such resource.")
        return found

    def body_of(self, found: Sequence[Host]) -> list[dict[str, Any]]:
        places = Calendar.everywhere.filter(account__host__in=found).select_related("account__host")
        calendars = list(places.order_by("-is_primary", "name", "pk"))
        names = self.named(("host", found), ("calendar", calendars))
        kept = refs.kept(wire.SURFACE, "host", found)
        by_host: dict[Any, list[Calendar]] = defaultdict(list)
        for place in calendars:
            by_host[place.account.host_id].append(place)
        return [wire.resource(host, by_host[host.pk], names, kept[host.pk], self.clock) for host in found]

    def one(self, host: Host) -> dict[str, Any]:
        return self.body_of([self.visible().get(pk=host.pk)])[0]

    def constrain(self, host: Host, rules: Rules) -> None:
        """Give a host the hours that constraints leave open: weekly ones, and those of the days that periods touch."""
        actor = self.principal.actor
        hosts.set_schedule(host, rules.usual_week, actor=actor)
        today = zone(host.timezone).day_of(int(time.time()))
        days = rules.days(host.timezone, today - 1, today + FURTHEST // DAY)
        hosts.set_days(host, _stretches(days), note=_NOTE, actor=actor)


def _stretches(days: dict[int, tuple[tuple[int, int], ...]]) -> list[DayHours]:
    """Neighbouring days of equal hours as one."""
    found: list[DayHours] = []
    for day, blocks in sorted(days.items()):
        at = _EPOCH + timedelta(days=day)
        if found and found[-1].blocks == blocks and found[-1].last == at - timedelta(days=1):
            found[-1] = found[-1]._replace(last=at)
        else:
            found.append(DayHours(at, at, blocks))
    return found


class Asked:
    """What a body says of a resource; None for what it does not say."""

    def __init__(self, view: ResourceView, reader: Reader, *, whole: bool) -> None:
        body = view.body
        first, last = (wire.said(body, name, reader, longest=100) for name in ("first_name", "last_name"))
        parts = f"{first or ''} {last or ''}".strip()
        name_needed = (whole and not parts) or "name" in body
        self.name = wire.said(body, "name", reader, required=name_needed, longest=200) or parts or None
        self.timezone = wire.said(body, "timezone", reader, required=whole or "timezone" in body)
        self.email = wire.said(body, "email", reader)
        given = body.get("availability_constraints")
        self.rules = (
            constraints.read(given, "availability_constraints", reader, view.clock) if given is not None else None
        )
        self.kept = {name: body[name] for name in ("image", "meta") if body.get(name) is not None}
        if self.rules is not None:
            self.kept |= {"constraints": given, "week": self.rules.usual_week}


class Resources(ResourceView):
    scopes = {"GET": "calendars:read", "POST": "calendars:write"}

    @schema.told(
        "List resources",
        answers={200: schema.page(schema.RESOURCE)},
        parameters=[*schema.PAGING, *schema.ORDER, *schema.SEARCH],
    )
    def get(self, request: Request) -> Response:
        found = self.visible()
        for name, value in paging.searched(request):
            if name in ("email", "name"):
                found = found.filter(**{f"{name}__iexact": value})
        found = found.order_by(*paging.ordered(request, _ORDER, "created_at"))
        return Response(paging.page(request, found.count(), found, self.body_of))

    @schema.told("Create a resource", takes=schema.NEW_RESOURCE, answers={201: schema.data(schema.RESOURCE)})
    def post(self, request: Request) -> Response:
        """Without constraints a resource is available until something blocks it."""
        if self.own is not None:
            raise forbidden("A resource's own key makes no resources.")
        reader = Reader()
        asked = Asked(self, reader, whole=True)
        reader.finish()
        rules = asked.rules or Rules()
        with transaction.atomic():
            made = hosts.create(
                self.principal.organisation,
                name=asked.name or "",
                timezone=asked.timezone or "",
                email=asked.email or "",
                weekly=rules.usual_week,
                actor=self.principal.actor,
            )
            self.constrain(made, rules)
            refs.keep(wire.SURFACE, "host", made, asked.kept)
            return self.done(self.one(made), 201)


class OneResource(ResourceView):
    scopes = {"GET": "calendars:read", "PUT": "calendars:write", "DELETE": "calendars:write"}

    @schema.told("Retrieve a resource", answers={200: schema.data(schema.RESOURCE)})
    def get(self, request: Request, resource_id: str) -> Response:
        return self.done(self.body_of([self.find(resource_id)])[0])

    @schema.told("Change a resource", takes=schema.CHANGED_RESOURCE, answers={200: schema.data(schema.RESOURCE)})
    def put(self, request: Request, resource_id: str) -> Response:
        reader = Reader()
        asked = Asked(self, reader, whole=False)
        reader.finish()
        actor = self.principal.actor
        with transaction.atomic():
            host = self.find(resource_id)
            hosts.change(host, name=asked.name, email=asked.email, actor=actor)
            if asked.timezone is not None:
                hosts.move_to_zone(host, asked.timezone, actor=actor)
            if asked.rules is not None:
                self.constrain(host, asked.rules)
            refs.keep(wire.SURFACE, "host", host, asked.kept)
            return self.done(self.one(host))

    @schema.told("Delete a resource", answers={204: None})
    def delete(self, request: Request, resource_id: str) -> Response:
        """It takes no more bookings; what was booked stays."""
        if self.own is not None:
            raise forbidden("A resource's own key deletes no resources.")
        with transaction.atomic():
            hosts.retire(self.find(resource_id), actor=self.principal.actor)
        return Response(status=204)


class TimezoneOf(ResourceView):
    scopes = {"GET": "calendars:read"}

    @schema.told(
        "Find the time zone of a resource",
        answers={200: schema.data(schema.record(("timezone",), timezone=schema.TEXT))},
    )
    def get(self, request: Request, email: str) -> Response:
        found = self.visible().filter(email__iexact=email).first()
        if found is None:
            raise NotFound("There is no such resource.")
        return self.done({"timezone": found.timezone})
