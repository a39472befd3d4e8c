"""What can be booked through a connection, and with whom: schedulingEventType, schedulingSlot, genericUser, fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import QuerySet
from django.utils.timezone import now
from rest_framework.request import Request
from rest_framework.response import Response

from bookings.api.base import Refusal
from bookings.api.morph import gathering, listing, offers, paging, schema, wire
from bookings.api.morph.fields import FIELDS
from bookings.api.morph.views import ResourceView
from bookings.domain import availability, refs
from bookings.engine.zones import DAY, canonical
from bookings.models import EventType, Host

_SLOTS_AT_ONCE = 31 * DAY
_FURTHEST = 366 * DAY


class CatalogueView(ResourceView):
    scopes = {"GET": "availability:read"}

    def type_called(self, type_id: str) -> EventType | None:
        """The event type of this connection with that id."""
        known = refs.resolve(self.organisation, wire.SURFACE, "event_type", type_id)
        return gathering.offered_by(self.host).filter(pk=known).first() if known else None

    def missing(self, model: str, resource_id: str) -> Refusal:
        return Refusal(404, wire.NO_RESOURCE, f"There is no {model} {resource_id[:100]!r} in this connection.")

    def types_shown(self, types: Sequence[EventType]) -> list[dict[str, Any]]:
        owner = refs.ref(wire.SURFACE, "host", self.host)
        expanded = "owner" in self.listed("expand")
        linked = offers.user(self.host, owner) if expanded else wire.ref(wire.USER, owner)
        return [self.cut(each) for each in gathering.event_types(types, linked)]


class EventTypes(CatalogueView):
    """Of both kinds: those that can be booked now, and those that are switched off."""

    @schema.told("List event types", answers={200: schema.page(schema.EVENT_TYPE)}, parameters=schema.LISTING)
    def get(self, request: Request) -> Response:
        query = request.query_params
        filters = paging.filters_of(query, "status")
        rows = gathering.offered_by(self.host)
        if status := filters.get("status"):
            rows = rows.filter(is_active=status == "active") if status in ("active", "inactive") else rows.none()
        if text := query.get("q", "").strip():
            rows = rows.filter(name__icontains=text)
        types, following = some(rows, query)
        return Response(paging.page(self.types_shown(types), following))


class OneEventType(CatalogueView):
    @schema.told("Retrieve an event type", answers={200: schema.EVENT_TYPE}, parameters=[schema.FIELDS, schema.EXPAND])
    def get(self, request: Request, resource_id: str) -> Response:
        found = self.type_called(resource_id)
        if found is None:
            raise self.missing(wire.EVENT_TYPE, resource_id)
        [shown] = self.types_shown([found])
        if "slots" in self.listed("expand"):
            shown["fields"]["slots"] = self._slots(found, resource_id)
        return Response(shown)

    def _slots(self, found: EventType, type_id: str) -> list[dict[str, Any]]:
        """Those of the next days."""
        begin = int(now().timestamp())
        starts = availability.offer(terms_of(found, self.host), begin, begin + _SLOTS_AT_ONCE).starts[: paging.USUAL]
        tzid = self.host.timezone
        return [offers.slot(type_id, each, tzid, free=True, offered=found) for each in starts]


@dataclass(frozen=True)
class Window:
    """Which slots of one event type are asked for, from one second to another."""

    offered: EventType
    lo: int
    hi: int


class Slots(CatalogueView):
    """Free starts, one event type after the other; a page looks at most a month ahead of where it begins."""

    @schema.told("List free slots", answers={200: schema.page(schema.SLOT)}, parameters=schema.LISTING)
    def get(self, request: Request) -> Response:
        query = request.query_params
        filters = paging.filters_of(query, "eventType", "timezone", "startTime", "duration", "status")
        tzid = self._zone(filters)
        types = self._types(filters)
        said = paging.cursor_of(query, str, int)
        lo, hi = self._bounds(filters)
        if said is not None:
            types = types[next((at for at, each in enumerate(types) if str(each.pk) == said[0]), len(types)) :]
            lo = max(lo, said[1])
        if not types or filters.get("status") == "unavailable" or lo >= hi:
            return Response(paging.page([], None))
        return Response(self._page(Window(types[0], lo, hi), types[1:], tzid, filters))

    def _page(self, window: Window, others: Sequence[EventType], tzid: str, filters: paging.Filters) -> dict[str, Any]:
        limit = paging.limit_of(self.request.query_params)
        terms = terms_of(window.offered, self.host, self._minutes(filters, window.offered))
        window = replace(window, hi=min(window.hi, window.hi if terms.latest is None else terms.latest))
        until = min(window.hi, window.lo + _SLOTS_AT_ONCE)
        # The end of a slot may lie beyond the last start that is asked for.
        found = [each for each in availability.offer(terms, window.lo, until + terms.length).starts if each < until]
        type_id = refs.ref(wire.SURFACE, "event_type", window.offered)
        data = [offers.slot(type_id, each, tzid, free=True, offered=window.offered) for each in found[:limit]]
        return paging.page([self.cut(each) for each in data], self._next(window, others, found, limit, until))

    def _next(
        self, window: Window, others: Sequence[EventType], found: list[int], limit: int, until: int
    ) -> str | None:
        if len(found) > limit:
            return paging.cursor(str(window.offered.pk), found[limit - 1] + 1)
        if until < window.hi:
            return paging.cursor(str(window.offered.pk), until)
        return paging.cursor(str(others[0].pk), 0) if others else None

    def _types(self, filters: paging.Filters) -> list[EventType]:
        active = gathering.offered_by(self.host).filter(is_active=True)
        type_id = filters.get("eventType")
        if type_id is None:
            return list(active)
        known = refs.resolve(self.organisation, wire.SURFACE, "event_type", str(type_id))
        return list(active.filter(pk=known)) if known else []

    def _bounds(self, filters: paging.Filters) -> tuple[int, int]:
        moment = int(now().timestamp())
        lo, hi = listing.bounds(filters, "startTime")
        furthest = moment + _FURTHEST
        return max(moment, lo or 0), min(furthest, furthest if hi is None else hi)

    def _zone(self, filters: paging.Filters) -> str:
        tzid = canonical(str(filters.get("timezone") or self.host.timezone))
        if tzid is None:
            raise paging.wrong("filters.timezone", "filters.timezone is no time zone we know.")
        return tzid

    def _minutes(self, filters: paging.Filters, offered: EventType) -> int | None:
        given = filters.get("duration")
        if given is None:
            return None
        if str(given) not in map(str, offered.durations):
            possible = ", ".join(map(str, offered.durations))
            raise paging.wrong("filters.duration", f"filters.duration of this event type may be {possible} minutes.")
        return int(str(given))


class Slot(CatalogueView):
    @schema.told("Retrieve a slot", answers={200: schema.SLOT}, parameters=[schema.FIELDS])
    def get(self, request: Request, resource_id: str) -> Response:
        said = offers.read_slot_id(resource_id)
        found = self.type_called(said[0]) if said else None
        if said is None or found is None:
            raise self.missing(wire.SLOT, resource_id)
        verdict = availability.check(terms_of(found, self.host), said[1])
        shown = offers.slot(said[0], said[1], self.host.timezone, free=verdict.ok, offered=found)
        return Response(self.cut(shown))


class Users(CatalogueView):
    """Whom an event can name as organizer or attendee."""

    scopes = {"GET": "bookings:read"}

    def shown(self, hosts: Sequence[Host]) -> list[dict[str, Any]]:
        called = refs.refs(wire.SURFACE, "host", hosts)
        return [self.cut(offers.user(each, called[each.pk])) for each in hosts]

    @schema.told("List users", answers={200: schema.page(schema.USER)}, parameters=schema.LISTING)
    def get(self, request: Request) -> Response:
        rows = self.hosts.order_by("name", "pk")
        if text := request.query_params.get("q", "").strip():
            rows = rows.filter(name__icontains=text) | rows.filter(email__icontains=text)
        hosts, following = some(rows, request.query_params)
        return Response(paging.page(self.shown(hosts), following))


class OneUser(Users):
    @schema.told("Retrieve a user", answers={200: schema.USER}, parameters=[schema.FIELDS])
    def get(self, request: Request, resource_id: str) -> Response:  # type: ignore[override]
        known = refs.resolve(self.organisation, wire.SURFACE, "host", resource_id)
        found = self.hosts.filter(pk=known).first() if known else None
        if found is None:
            raise self.missing(wire.USER, resource_id)
        return Response(self.shown([found])[0])


class ModelFields(ResourceView):
    """The fields of a model: the same for everybody, since none can be added."""

    scopes = {"GET": "availability:read"}

    @schema.told("List the fields of a model", answers={200: schema.page(schema.FIELD)}, parameters=schema.PAGING)
    def get(self, request: Request, model: str) -> Response:
        if model not in FIELDS:
            raise Refusal(404, wire.NO_MODEL, f"There is no model {model[:100]!r} here.")
        query = request.query_params
        limit, said = paging.limit_of(query), paging.cursor_of(query, int)
        begin = max(0, said[0]) if said else 0
        left = FIELDS[model][begin:]
        return Response(paging.page(left[:limit], paging.cursor(begin + limit) if len(left) > limit else None))


def terms_of(offered: EventType, owner: Host, minutes: int | None = None) -> availability.Terms:
    """What is offered through the owner's connection, as it would be booked."""
    terms = availability.of_event_type(offered, minutes=minutes)
    if terms.required < len(terms.hosts) and terms.required == 1:
        own = tuple(host for host in terms.hosts if host.pk == owner.pk)
        return replace(terms, hosts=own, preference=())
    return terms


def some(rows: QuerySet[Any], query: Any) -> tuple[list[Any], str | None]:
    """A page of rows that are in order, and the cursor of the next."""
    limit, said = paging.limit_of(query), paging.cursor_of(query, int)
    begin = min(max(0, said[0]), 2**31) if said else 0
    found = list(rows[begin : begin + limit + 1])
    return found[:limit], paging.cursor(begin + limit) if len(found) > limit else None
