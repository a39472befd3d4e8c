"""Bookings: made, read, and taken along their graph."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Prefetch, Q, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from bookings.api.base import Problem
from bookings.api.reader import Reader
from bookings.api.refusals import forbidden, invalid
from bookings.api.timekit import booking_wire, finding, graphs, making, paging, schema, wire
from bookings.api.timekit.times import Unreadable, moment
from bookings.api.timekit.views import TimekitView, not_possible
from bookings.domain import agenda, refs, reserve
from bookings.domain.agenda import Entry
from bookings.domain.audit import Actor
from bookings.domain.errors import NotAllowed, NotFound
from bookings.models import Booking, Host, Participant

MOST_IN_BULK = 50
_ORDER = {
    **{"created_at": "created_at", "updated_at": "updated_at", "state": "state", "id": "pk"},
    **{"start": "start_s", "end": "end_s", "event_info.start": "start_s", "what": "title"},
}


class BookingView(TimekitView):
    """What the paths of bookings share."""

    model = "Booking"
    fields = wire.BOOKING_FIELDS

    def visible(self) -> QuerySet[Booking]:
        """The bookings that this caller reaches, ready to be shown."""
        people = Prefetch("event__participants", Participant.everywhere.order_by("key"))
        found = Booking.objects.for_tenant(self.principal.organisation)
        if self.own is not None:
            found = found.filter(assignment__hosts__icontains=str(self.own.pk))
        related = ("event__calendar__account__host", "event_type", "contact", "organisation")
        return found.select_related(*related).prefetch_related(people)

    def body_of(self, bookings: Sequence[Booking]) -> list[dict[str, Any]]:
        ids = {pk for each in bookings for pk in booking_wire.host_ids(each)}
        hosts: dict[Any, Host] = (
            Host.objects.for_tenant(self.principal.organisation)
            .select_related("booking_calendar__account__host")
            .in_bulk(ids)
        )
        events = [each.event for each in bookings if each.event is not None]
        places = [event.calendar for event in events]
        places += [host.booking_calendar for host in hosts.values() if host.booking_calendar is not None]
        owners = [place.account.host for place in places]
        names = self.named(
            ("booking", bookings),
            ("event", [wire.naming(event) for event in events] if "event" in self.asked_for else []),
            ("calendar", places),
            ("host", [*hosts.values(), *owners]),
            ("contact", [each.contact for each in bookings if each.contact is not None]),
            ("event_type", [each.event_type for each in bookings if each.event_type is not None]),
        )
        kept = refs.kept(wire.SURFACE, "booking", bookings)
        shown = booking_wire.Shown(
            names, kept, hosts, self.clock, time.time(), frozenset(self.asked_for), finding.is_widget(self.principal)
        )
        return [booking_wire.booking(_entry(each), shown) for each in bookings]

    def one(self, booking: Booking) -> dict[str, Any]:
        """A booking as it is now."""
        return self.body_of([self.visible().get(pk=booking.pk)])[0]

    def find(self, external_id: str) -> Booking:
        """By its own id, or by that of its event. Raises NotFound."""
        organisation = self.principal.organisation
        known = refs.resolve(organisation, wire.SURFACE, "booking", external_id)
        if known is None:
            known = refs.resolve(organisation, wire.SURFACE, "event", external_id)
        found = self.visible().filter(Q(pk=known) | Q(event=known)).first() if known is not None else None
        if found is None:
            raise NotFound("There is no such booking.")
        return found

    def make(self, given: dict[str, Any], prefix: str = "") -> Booking:
        """Book what one object of a body says. Raises Refusal, with `prefix` before the names of fields."""
        reader = Reader()
        project = finding.project(self.principal, given, reader)
        asked = booking_wire.read_booking(given, reader, self.clock, in_project=project is not None)
        plan = making.Plan(self.principal, asked, project, self.clock, reader)
        if prefix:
            reader.problems = [Problem(f"{prefix}.{each.path}", each.code, each.message) for each in reader.problems]
        reader.finish()
        return making.book(plan)

    def no_page(self) -> None:
        """Raise Refusal for a key that stands in web pages: visitors must not reach each other's bookings."""
        if finding.is_widget(self.principal):
            raise forbidden("A widget key cannot do this.")


def _entry(booking: Booking) -> Entry:
    return Entry(booking.event, booking, booking.start_s, booking.end_s)


class Bookings(BookingView):
    public = True
    scopes = {"GET": "bookings:read", "POST": "bookings:write"}

    @schema.told(
        "List bookings",
        answers={200: schema.page(schema.BOOKING)},
        parameters=[*schema.WINDOW, *schema.PAGING, *schema.ORDER, *schema.SEARCH, *schema.INCLUDE],
    )
    def get(self, request: Request) -> Response:
        found = self._searched(self.visible())
        found = found.order_by(*paging.ordered(request, _ORDER, "-created_at"))
        return Response(paging.page(request, found.count(), found, self.body_of))

    @schema.told(
        "Create a booking",
        takes=schema.NEW_BOOKING,
        answers={201: schema.data(schema.BOOKING)},
        parameters=schema.INCLUDE,
    )
    def post(self, request: Request) -> Response:
        with transaction.atomic():
            return self.done(self.one(self.make(self.body)), 201)

    def _searched(self, found: QuerySet[Booking]) -> QuerySet[Booking]:
        for name, value in paging.searched(self.request):
            narrow = _SEARCHES.get(name)
            if narrow is not None:
                found = found.filter(narrow(self, value))
        reader, now = Reader(), int(time.time())
        for name, column in (("start", "end_s__gt"), ("end", "start_s__lt")):
            if given := self.request.query_params.get(name, ""):
                try:
                    at = moment(given, now, self.clock.zone("UTC"), self.clock.input_format)
                    found = found.filter(**{column: at})
                except Unreadable as error:
                    reader.wrong(name, "invalid", f"{name} {error}.")
        reader.finish()
        return found

    def with_state(self, value: str) -> Q:
        over = Q(end_s__lte=int(time.time()) - graphs.COMPLETES_AFTER)
        confirmed = Q(state__in=graphs.states_meaning(graphs.CONFIRMED))
        if value == graphs.CONFIRMED:
            return confirmed & ~over
        if value == graphs.COMPLETED:
            return (confirmed & over) | Q(state__in=(Booking.State.COMPLETED, Booking.State.NO_SHOW))
        found = Q(state__in=graphs.states_meaning(value))
        if value in ("cancelled", "cancelled_by_customer"):
            by_customer = Q(cancelled_by=Booking.By.INVITEE)
            return found & (by_customer if value == "cancelled_by_customer" else ~by_customer)
        return found

    def with_resource(self, value: str) -> Q:
        known = refs.resolve(self.principal.organisation, wire.SURFACE, "host", value)
        return Q(assignment__hosts__icontains=str(known)) if known is not None else Q(pk=None)

    def with_project(self, value: str) -> Q:
        known = refs.resolve(self.principal.organisation, wire.SURFACE, "event_type", value)
        return Q(event_type=known) if known is not None else Q(pk=None)


_SEARCHES: dict[str, Callable[[Bookings, str], Q]] = {
    "state": Bookings.with_state,
    **dict.fromkeys(("resource.id", "resource_id"), Bookings.with_resource),
    **dict.fromkeys(("project.id", "project_id"), Bookings.with_project),
    **dict.fromkeys(
        ("customers.email", "customer.email", "email"), lambda view, value: Q(contact__email__iexact=value)
    ),
}


class OneBooking(BookingView):
    scopes = {"GET": "bookings:read", "PUT": "bookings:write", "DELETE": "bookings:write"}

    @schema.told("Retrieve a booking", answers={200: schema.data(schema.BOOKING)}, parameters=schema.INCLUDE)
    def get(self, request: Request, booking_id: str) -> Response:
        return self.done(self.body_of([self.find(booking_id)])[0])

    @schema.told(
        "Change what is kept with a booking", takes=schema.CHANGED_BOOKING, answers={200: schema.data(schema.BOOKING)}
    )
    def put(self, request: Request, booking_id: str) -> Response:
        """Change what is kept with a booking (`meta`), or what it says."""
        self.no_page()
        reader = Reader()
        meta = reader.object(self.body, "meta", "meta")
        what = wire.said(self.body, "what", reader, required="what" in self.body, longest=1024)
        where = wire.said(self.body, "where", reader, longest=1024)
        description = wire.said(self.body, "description", reader, one_line=False)
        reader.finish()
        with transaction.atomic():
            booking = self.find(booking_id)
            actor = self.principal.actor
            reserve.describe(booking, actor=actor, title=what, location=where, description=description)
            if meta is not None:
                refs.keep(wire.SURFACE, "booking", booking, {"meta": meta})
            return self.done(self.one(booking))

    @schema.told("Delete a booking", answers={204: None})
    def delete(self, request: Request, booking_id: str) -> Response:
        """Take a booking back, whatever its graph: the row stays for the record."""
        self.no_page()
        with transaction.atomic():
            booking = self.find(booking_id)
            try:
                agenda.cancel(_entry(booking), actor=self.principal.actor)
            except NotAllowed as error:
                raise not_possible(error, "booking") from error
        return Response(status=204)


Act = Callable[[Booking, Actor, str], Any]
_ACTIONS: dict[str, Act] = {
    "confirm": lambda booking, actor, reason: reserve.confirm(booking, actor=actor),
    "decline": lambda booking, actor, reason: reserve.decline(booking, actor=actor, reason=reason),
    "cancel": lambda booking, actor, reason: reserve.cancel(booking, by=Booking.By.HOST, actor=actor, reason=reason),
    "cancel_by_customer": lambda booking, actor, reason: reserve.cancel(
        booking, by=Booking.By.INVITEE, actor=actor, reason=reason
    ),
    "complete": lambda booking, actor, reason: reserve.complete(booking, actor=actor),
    "reschedule_by_customer": lambda booking, actor, reason: reserve.supersede(booking, actor=actor, reason=reason),
}


class Acting(BookingView):
    """Taking bookings along their graph."""

    def act(self, booking: Booking, action: str, body: dict[str, Any]) -> Booking:
        """Raise Refusal for what the booking's state does not permit. What is so already stays so."""
        state = graphs.state_of(booking, time.time())
        if graphs.LEADS_TO[action] == state:
            return booking
        if action not in graphs.possible_actions(state):
            words = f"A booking that is {state} cannot take the action {action}."
            raise invalid(Problem("action", "not_allowed", words))
        if action == "reschedule_by_customer" and body.get("start") is not None:
            return self.move(booking, body)
        try:
            done = _ACTIONS[action](booking, self.principal.actor, _message(body))
        except NotAllowed as error:
            raise not_possible(error, "action") from error
        if action == "confirm":
            kept = refs.kept(wire.SURFACE, "booking", [booking])[booking.pk]
            making.tell(done, kept, actor=self.principal.actor)
        return booking

    def move(self, booking: Booking, body: dict[str, Any]) -> Booking:
        """Give a booking another time, and the resource it is wanted with, if one is named; its id stays."""
        reader = Reader()
        start, end = (wire.stamp(body, name, reader, self.clock, required=name == "start") for name in ("start", "end"))
        other = self._other_resource(booking, body, reader)
        home = self.clock.zone(booking.timezone)
        start_s, end_s = (stamp.at(home) if stamp else None for stamp in (start, end))
        if start_s is not None and end_s is not None and end_s <= start_s:
            reader.wrong("end", "invalid", "end must be after start.")
        _message(body)
        reader.finish()
        try:
            if other is None or start_s is None:
                agenda.change(_entry(booking), actor=self.principal.actor, start_s=start_s, end_s=end_s)
            else:
                self._hand_over(booking, other, start_s, end_s or start_s + booking.end_s - booking.start_s)
        except NotAllowed as error:
            raise not_possible(error, "booking") from error
        return booking

    def _hand_over(self, booking: Booking, host: Host, start: int, end: int) -> None:
        terms = making.terms_with(self.principal, booking, host, end - start)
        reserve.hand_over(booking, terms, start, actor=self.principal.actor, event_type=booking.event_type)

    def _other_resource(self, booking: Booking, body: dict[str, Any], reader: Reader) -> Host | None:
        """The resource that a body names, unless the booking is with it already."""
        external_id = reader.text(body, "resource_id", "resource_id")
        if not external_id:
            return None
        found = finding.hosts_called(self.principal, [external_id]).get(external_id)
        if found is None or not making.may_name(self.principal, booking.event_type, found):
            reader.wrong("resource_id", "invalid", "resource_id is not the id of a resource of this booking's kind.")
            return None
        return None if found.pk in booking_wire.host_ids(booking) else found


def _message(body: dict[str, Any]) -> str:
    """What is said with an action, as clients have spelled it over time. Raises Refusal."""
    reader = Reader()
    for name, holder in (("message", body), *((each, body.get(each)) for each in ("decline", "cancel"))):
        if isinstance(holder, dict) and (text := reader.text(holder, "message", f"{name}.message", one_line=False)):
            reader.finish()
            return text
    reader.finish()
    return ""


class Action(Acting):
    scopes = {"PUT": "bookings:write", "POST": "bookings:write"}

    @schema.told("Take a booking along its graph", takes=schema.ACTION, answers={200: schema.data(schema.BOOKING)})
    def put(self, request: Request, booking_id: str, action: str) -> Response:
        self.no_page()
        if action not in graphs.LEADS_TO:
            raise NotFound("There is no such action.")
        with transaction.atomic():
            return self.done(self.one(self.act(self.find(booking_id), action, self.body)))

    post = put


class Reschedule(Acting):
    """Another time for a booking, as the widget asks for it."""

    public = True
    scopes = {"POST": "bookings:write"}

    @schema.told("Reschedule a booking", takes=schema.RESCHEDULE, answers={200: schema.data(schema.BOOKING)})
    def post(self, request: Request, booking_id: str) -> Response:
        with transaction.atomic():
            return self.done(self.one(self.move(self.find(booking_id), self.body)))


class Bulk(Acting):
    """Several at once: all of them or none."""

    scopes = {"POST": "bookings:write", "PUT": "bookings:write"}

    @schema.told(
        "Create several bookings", takes=schema.NEW_BOOKINGS, answers={201: schema.data(schema.listed(schema.BOOKING))}
    )
    def post(self, request: Request) -> Response:
        self.no_page()
        items = self._items()
        with transaction.atomic():
            made = [self.make(item, f"bookings.{index}") for index, item in enumerate(items)]
            return self.done(self.body_of([self.visible().get(pk=each.pk) for each in made]), 201)

    @schema.told(
        "Take several bookings along their graphs",
        takes=schema.CHANGED_BOOKINGS,
        answers={200: schema.data(schema.listed(schema.BOOKING))},
    )
    def put(self, request: Request) -> Response:
        """`{"bookings": [{"id", "action"}]}`, or `{"ids": […], "action"}`."""
        self.no_page()
        reader = Reader()
        items = self._items() if self.body.get("bookings") is not None else self._same_for_all(reader)
        for index, item in enumerate(items):
            action = item.get("action")
            if not isinstance(action, str) or action not in graphs.LEADS_TO or not isinstance(item.get("id"), str):
                reader.wrong(f"bookings.{index}", "invalid", f"bookings.{index} needs an id and an action.")
        reader.finish()
        with transaction.atomic():
            changed = [self.act(self.find(item["id"]), item["action"], item) for item in items]
            return self.done(self.body_of([self.visible().get(pk=each.pk) for each in changed]))

    def _same_for_all(self, reader: Reader) -> list[dict[str, Any]]:
        ids = reader.array(self.body, "ids", "ids", required=True)
        if len(ids) > MOST_IN_BULK:
            reader.wrong("ids", "invalid", f"At most {MOST_IN_BULK} bookings are possible at once.")
            return []
        return [{**self.body, "id": each} for each in ids]

    def _items(self) -> list[dict[str, Any]]:
        reader = Reader()
        items = reader.array(self.body, "bookings", "bookings", required=True)
        if len(items) > MOST_IN_BULK or not all(isinstance(item, dict) for item in items):
            words = f"bookings must be an array of at most {MOST_IN_BULK} objects."
            reader.wrong("bookings", "invalid", words)
        reader.finish()
        return items


class Groups(BookingView):
    """Sessions with seats, from now on. Not paged in practice: the vendor's widget draws all of them."""

    public = True
    scopes = {"GET": "availability:read"}

    @schema.told(
        "List sessions with seats",
        answers={200: schema.page(schema.BOOKING)},
        parameters=[*schema.PAGING, *schema.SEARCH],
    )
    def get(self, request: Request) -> Response:
        found = self.visible().filter(event_type__capacity__gt=1, state__in=Booking.LIVE, start_s__gte=int(time.time()))
        for name, value in paging.searched(request):
            if name in ("project.id", "project_id"):
                known = refs.resolve(self.principal.organisation, wire.SURFACE, "event_type", value)
                found = found.filter(event_type=known) if known is not None else found.none()
        found = found.order_by("start_s", "pk")
        return Response(paging.page(request, found.count(), found, self.body_of, usual=paging.MOST))
