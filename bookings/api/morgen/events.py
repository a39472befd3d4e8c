"""Events: list, read, create, update, delete, answer."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from bookings.api.morgen import answering, asked, changing, finding, schema, wire
from bookings.api.morgen.asked import Named
from bookings.api.morgen.dialect import MorgenView
from bookings.api.morgen.finding import Found
from bookings.domain import agenda, calendar
from bookings.domain.agenda import Entry
from bookings.domain.event_rows import home_zone
from bookings.formats.event import EventData
from bookings.models import Account, Calendar, Event


class EventView(MorgenView):
    def account_asked(self, holder: dict[str, Any]) -> Account | None:
        """The account a request names; v3 wants one."""
        account_id = asked.text(holder, "accountId", required=self.strict)
        return self.account_called(account_id) if account_id else None

    def found(self, named: Named, holder: dict[str, Any]) -> Found:
        """The event that is meant, in the account and calendar that are named with it."""
        account = self.account_asked(holder)
        calendar_id = asked.text(holder, "calendarId", required=False)
        if calendar_id:
            places = self.calendars_called([calendar_id], account)
        else:
            places = list(self.calendars().filter(account=account) if account else self.calendars())
        return finding.find(self.principal.organisation, named, {place.pk: place for place in places})

    def shown(self, entry: Entry, place: Calendar) -> Response:
        [event] = finding.written(self.principal.organisation, [entry], {place.pk: place})
        return Response({"data": {"event": event}})


class EventList(EventView):
    scopes = {"GET": "events:read"}

    @schema.told(
        "List events", answers={200: schema.data(events=schema.listed(schema.EVENT))}, parameters=schema.WINDOW
    )
    def get(self, request: Request) -> Response:
        ids, (lo, hi) = asked.calendar_ids(request.query_params), asked.window(request.query_params)
        places = self.calendars_called(ids, self.account_asked(request.query_params.dict()))
        if len({place.account_id for place in places}) > 1:
            raise asked.wrong("calendarIds", "All calendars must belong to one account.")
        entries = agenda.listing(self.principal.organisation, lo, hi, calendars=places)
        by_id = {place.pk: place for place in places}
        return Response({"data": {"events": finding.written(self.principal.organisation, entries, by_id)}})


class OneEvent(EventView):
    scopes = {"GET": "events:read"}

    @schema.told("Read an event", answers={200: schema.data(event=schema.EVENT)}, parameters=[schema.EVENT_ID])
    def get(self, request: Request) -> Response:
        event_id = asked.text(request.query_params.dict(), "id")
        found = finding.find(
            self.principal.organisation,
            Named(*wire.named(event_id)),
            {place.pk: place for place in self.calendars()},
        )
        return self.shown(found.entry, found.place)


class EventCreate(EventView):
    scopes = {"POST": "events:write"}

    @schema.told(
        "Create an event", takes=schema.NEW_EVENT, answers={200: schema.data(event=schema.EVENT)}, conflicts=True
    )
    def post(self, request: Request) -> Response:
        account = self.account_asked(self.body)
        [place] = self.calendars_called([asked.text(self.body, "calendarId")], account)
        home = home_zone(place, place.account.host)
        part = asked.creation(self.body, strict=self.strict, home=home)
        blank = EventData(
            title="", start_wall=0, timezone=home, duration=3600, uid=asked.text(part, "uid", required=False)
        )
        with transaction.atomic():
            data = changing.with_room(changing.read(blank, part, home), asked.room(self.body), place)
            event = calendar.create(place, data, actor=self.principal.actor)
            return self._made(event, place)

    def _made(self, event: Event, place: Calendar) -> Response:
        return self.shown(agenda.find(self.principal.organisation, event.pk), place)


class EventUpdate(EventView):
    scopes = {"POST": "events:write"}

    @schema.told(
        "Update an event",
        takes=schema.CHANGED_EVENT,
        answers={200: schema.data(event=schema.EVENT)},
        parameters=[schema.MODE],
        conflicts=True,
    )
    def post(self, request: Request) -> Response:
        mode = asked.mode(request.query_params)
        named = asked.event(self.body)
        part = asked.change(self.body, strict=self.strict)
        room = asked.room(self.body)
        with transaction.atomic():
            found = self.found(named, self.body)
            changed = changing.update(found, part, room, mode, self.principal.actor)
            return self.shown(changed.entry, changed.place)


class EventDelete(EventView):
    scopes = {"POST": "events:write"}

    @schema.told(
        "Delete an event", takes=schema.DELETED_EVENT, answers={204: None}, parameters=[schema.MODE], conflicts=True
    )
    def post(self, request: Request) -> Response:
        mode = asked.mode(request.query_params)
        named = asked.event(self.body)
        with transaction.atomic():
            changing.delete(self.found(named, self.body), mode, self.principal.actor)
        return Response(status=204)


class EventAnswer(EventView):
    """Accept, decline or tentatively accept, for the owner of the account."""

    scopes = {"POST": "events:write"}
    verb = "accept"

    @schema.told(
        "Answer an invitation", takes=schema.ANSWER, answers={204: None}, parameters=[schema.MODE], conflicts=True
    )
    def post(self, request: Request) -> Response:
        mode = asked.mode(request.query_params)
        named = asked.event(self.body)
        comment = asked.text(self.body, "comment", required=False)
        notify = asked.flag(self.body, "notifyOrganizer", True) is not False
        with transaction.atomic():
            found = self.found(named, self.body)
            answering.answer(
                found, wire.ANSWERS[self.verb], comment=comment, notify=notify, mode=mode, actor=self.principal.actor
            )
        return Response(status=204)
