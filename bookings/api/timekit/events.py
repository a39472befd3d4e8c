"""Events: what blocks (or does not block) time in a calendar, bookings' own events among them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from bookings.api.base import Problem
from bookings.api.reader import Reader
from bookings.api.refusals import invalid
from bookings.api.timekit import finding, paging, schema, wire
from bookings.api.timekit.times import Unreadable, moment
from bookings.api.timekit.views import TimekitView, not_possible
from bookings.domain import agenda, calendar, outbox, refs, series
from bookings.domain.agenda import Entry
from bookings.domain.errors import NotAllowed, NotFound
from bookings.domain.event_rows import home_zone
from bookings.domain.ledger import on_the_clock
from bookings.engine.zones import DAY, zone
from bookings.formats.event import DECLINED, LATEST, EventData, Person
from bookings.models import Calendar, Event, Host

SYNC_WAIT_S = 10.0
"""How long `sync_provider` waits for the calendar's provider."""
USUAL_WINDOW, LONGEST_WINDOW = 31 * DAY, 366 * DAY


class EventView(TimekitView):
    """What the paths of events share."""

    model = "Event"
    fields = wire.EVENT_FIELDS

    def body_of(self, entries: Sequence[Entry]) -> list[dict[str, Any]]:
        events = [entry.event for entry in entries if entry.event is not None]
        places = [event.calendar for event in events]
        hosts = [place.account.host for place in places]
        roots = [wire.naming(event) for event in events]
        names = self.named(("event", roots), ("calendar", places), ("host", hosts))
        return [wire.event(entry, names, self.clock) for entry in entries]


class Events(EventView):
    _waits = False
    _made: Event | None = None
    scopes = {"GET": "events:read", "POST": "events:write"}

    @schema.told(
        "List events",
        answers={200: schema.page(schema.EVENT)},
        parameters=[*schema.WINDOW, *schema.PAGING, *schema.SEARCH],
    )
    def get(self, request: Request) -> Response:
        """What overlaps a window, series expanded."""
        lo, hi = self._window()
        chosen = self._calendars()
        hosts = [self.own] if self.own is not None else None
        found = agenda.listing(self.principal.organisation, lo, hi, hosts=hosts, calendars=chosen)
        found = [entry for entry in found if entry.event is not None]
        if self.request.query_params.get("sortedBy", "asc").lower() == "desc":
            found.reverse()
        return Response(paging.page(request, len(found), found, self.body_of))

    @schema.told("Create an event", takes=schema.NEW_EVENT, answers={201: schema.data(schema.EVENT)})
    def post(self, request: Request) -> Response:
        reader = Reader()
        asked = wire.read_event(self.body, reader, self.clock, whole=True)
        external_id = reader.text(self.body, "calendar_id", "calendar_id", required=True)
        place = finding.calendar_called(self.principal, external_id) if external_id else None
        if external_id and place is None:
            reader.wrong("calendar_id", "invalid", "The calendar does not exist.")
        self._waits = bool(wire.flag(self.body, "sync_provider", reader))
        reader.finish()
        assert place is not None
        home = home_zone(place, place.account.host)
        with transaction.atomic():
            try:
                made = calendar.create(
                    place,
                    data_of(asked, EventData("", 0, home, 0), _span(asked, None, home), home, place.account.host),
                    actor=self.principal.actor,
                )
            except NotAllowed as error:
                raise not_possible(error, "calendar_id") from error
            self._made = made
            return self.done(self.body_of([self._entry(made)])[0], 201)

    def answer(self) -> HttpResponse:
        """With `sync_provider` the answer is what the provider stored, and `synced` says whether it has by now. It is
        waited for after everything is committed: before that no provider could see the event."""
        response = super().answer()
        if self._made is not None and self._waits and response.status_code == 201:
            synced = outbox.settled(self._made, SYNC_WAIT_S)
            return self.done(self.body_of([self._entry(self._made)])[0] | {"synced": synced}, 201)
        return response

    def _entry(self, event: Event) -> Entry:
        return agenda.find(self.principal.organisation, event.pk)

    def _window(self) -> tuple[int, int]:
        reader, now = Reader(), int(time.time())
        lo = self._bound("start", now, reader)
        hi = self._bound("end", (now if lo is None else lo) + USUAL_WINDOW, reader)
        if lo is not None and hi is not None and not lo < hi <= lo + LONGEST_WINDOW:
            reader.wrong("end", "invalid", "end must be after start, and at most 366 days later.")
        reader.finish()
        return lo or 0, hi or 0

    def _bound(self, name: str, usual: int, reader: Reader) -> int | None:
        given = self.request.query_params.get(name, "")
        try:
            return moment(given, int(time.time()), self.clock.zone("UTC"), self.clock.input_format) if given else usual
        except Unreadable as error:
            reader.wrong(name, "invalid", f"{name} {error}.")
            return None

    def _calendars(self) -> list[Calendar] | None:
        """The calendars asked for, by `calendar_id` or `search=calendar.id:…`."""
        asked = [value for name, value in paging.searched(self.request) if name in ("calendar.id", "calendar_id")]
        asked += filter(None, [self.request.query_params.get("calendar_id")])
        found = [finding.calendar_called(self.principal, external_id) for external_id in asked]
        return [place for place in found if place is not None] if asked else None


class OneEvent(EventView):
    scopes = {"GET": "events:read", "PUT": "events:write", "PATCH": "events:write", "DELETE": "events:write"}

    @schema.told("Retrieve an event", answers={200: schema.data(schema.EVENT)})
    def get(self, request: Request, event_id: str) -> Response:
        return self.done(self.body_of([self._find(event_id)])[0])

    @schema.told("Change an event", takes=schema.CHANGED_EVENT, answers={200: schema.data(schema.EVENT)})
    def put(self, request: Request, event_id: str) -> Response:
        """Change what is given, and nothing else."""
        reader = Reader()
        asked = wire.read_event(self.body, reader, self.clock, whole=False)
        calendar_id = reader.text(self.body, "calendar_id", "calendar_id")
        reader.finish()
        with transaction.atomic():
            entry = self._find(event_id)
            if calendar_id and not self._is_in(entry, calendar_id):
                raise invalid(Problem("calendar_id", "invalid", "An event stays in its calendar."))
            try:
                self._change(entry, asked)
            except NotAllowed as error:
                raise not_possible(error, "event") from error
            return self.done(self.body_of([self._find(event_id)])[0])

    patch = put

    @schema.told("Delete an event", answers={204: None})
    def delete(self, request: Request, event_id: str) -> Response:
        with transaction.atomic():
            entry = self._find(event_id)
            try:
                if entry.event is not None and self._is_one_of_many(entry):
                    calendar.exclude_occurrence(entry.event, entry.recurrence_wall or 0, actor=self.principal.actor)
                else:
                    agenda.cancel(entry, actor=self.principal.actor)
            except NotAllowed as error:
                raise not_possible(error, "event") from error
        return Response(status=204)

    def _find(self, external_id: str) -> Entry:
        """An event that this caller reaches. Raises NotFound."""
        base, wall = wire.split_key(external_id)
        known = refs.resolve(self.principal.organisation, wire.SURFACE, "event", base)
        if known is None:
            raise NotFound("There is no such event.")
        entry = agenda.find(self.principal.organisation, known)
        if entry.event is None or (self.own is not None and not self._is_of(entry, self.own)):
            raise NotFound("There is no such event.")
        return entry if wall is None else self._occurrence(entry.event, wall)

    def _is_of(self, entry: Entry, host: Host) -> bool:
        hosts = entry.booking.assignment.get("hosts", ()) if entry.booking is not None else ()
        return (entry.host is not None and entry.host.pk == host.pk) or str(host.pk) in hosts

    def _occurrence(self, master: Event, wall: int) -> Entry:
        """One occurrence of a series, named by its original start, changed or not. Raises NotFound."""
        if abs(wall) >= LATEST:
            raise NotFound("There is no such event.")
        changed = master.overrides.filter(recurrence_wall=wall, deleted_at=None).first()
        if changed is not None:
            return agenda.find(self.principal.organisation, changed.pk)
        place = master.calendar
        tzid = home_zone(place, place.account.host) if master.all_day or master.floating else master.timezone
        at = zone(tzid).to_utc(wall)
        for entry in agenda.listing(self.principal.organisation, at, at + 1, calendars=[place]):
            if entry.event is not None and entry.event.pk == master.pk and entry.recurrence_wall == wall:
                return replace(entry, event=master)
        raise NotFound("There is no such event.")

    def _is_in(self, entry: Entry, calendar_id: str) -> bool:
        known = refs.resolve(self.principal.organisation, wire.SURFACE, "calendar", calendar_id)
        return entry.event is not None and known == entry.event.calendar_id

    def _is_one_of_many(self, entry: Entry) -> bool:
        return entry.recurrence_wall is not None and entry.event is not None and entry.event.master_id is None

    def _change(self, entry: Entry, asked: wire.AskedEvent) -> None:
        event, actor = entry.event, self.principal.actor
        assert event is not None
        owner = event.calendar.account.host
        home = home_zone(event.calendar, owner)
        if entry.booking is not None:
            self._change_booking(entry, asked, home)
        elif self._is_one_of_many(entry):
            wall = entry.recurrence_wall or 0
            data = data_of(asked, series.occurrence(event, wall), _span(asked, entry, home), home, owner)
            series.change_occurrence(event, wall, data, actor=actor)
        else:
            data = data_of(asked, calendar.data_of(event), _span(asked, entry, home), home, owner)
            calendar.change(event, data, actor=actor)

    def _change_booking(self, entry: Entry, asked: wire.AskedEvent, home: str) -> None:
        """A booking moves as any booking does; its guests are kept beside the customer."""
        assert entry.event is not None
        span = _span(asked, entry, home)
        fresh = agenda.change(
            entry,
            actor=self.principal.actor,
            start_s=span[0],
            end_s=span[1],
            title=asked.what,
            description=asked.description,
            location=asked.where,
        )
        if fresh.event is None or (asked.participants is None and asked.my_rsvp is None and asked.invite is None):
            return
        data = calendar.data_of(fresh.event)
        people = _people(asked, data.people, fresh.event.calendar.account.host, data.people)
        notify = data.notify_guests if asked.invite is None else asked.invite
        calendar.change(fresh.event, replace(data, people=people, notify_guests=notify), actor=self.principal.actor)


def data_of(asked: wire.AskedEvent, before: EventData, span: tuple[int, int], home: str, owner: Host) -> EventData:
    """The whole new state of an event: what is asked, and of the state `before` what is not.

    `span` is its start and end in UTC seconds, `home` the calendar's zone.
    """
    mine = owner.email.casefold()
    people = _people(asked, before.people, owner, [one for one in before.people if one.email.casefold() != mine])
    data = replace(
        before,
        title=before.title if asked.what is None else asked.what,
        location=before.location if asked.where is None else asked.where,
        people=people,
        notify_guests=before.notify_guests if asked.invite is None else asked.invite,
        raw=_raw(before, people, owner),
    )
    if asked.description is not None:
        data = replace(data, description=asked.description, description_type="text/plain")
    if asked.free is not None:
        data = replace(data, free_busy_status=Event.Busy.FREE if asked.free else Event.Busy.BUSY)
    if (asked.start, asked.end, asked.all_day) == (None, None, None):
        return data
    all_day = before.all_day if asked.all_day is None else asked.all_day
    return _timed(data, span, home, all_day=all_day)


def _span(asked: wire.AskedEvent, entry: Entry | None, home: str) -> tuple[int, int]:
    """Start and end in UTC seconds. A start alone moves the whole; raises Refusal on `end` when it is not later."""
    begin, until = (entry.start_s, entry.end_s) if entry is not None else (0, 0)
    if asked.start is None and asked.end is None:
        return begin, until
    all_day = asked.all_day if asked.all_day is not None or entry is None else entry.event and entry.event.all_day
    # A date of an all-day event is that date in its calendar, wherever it is looked at from.
    meant = home if all_day else asked.timezone or home
    start = asked.start.at(meant) if asked.start is not None else begin
    end = asked.end.at(meant) if asked.end is not None else start + until - begin
    if end < start or (end == start and not all_day):
        raise invalid(Problem("end", "invalid", "end must be after start."))
    return start, end


def _timed(data: EventData, span: tuple[int, int], home: str, *, all_day: bool) -> EventData:
    """With its time: on its own clock, or filling every local day of the calendar's zone that the time touches."""
    start, end = span
    if not all_day:
        tzid, start_wall = on_the_clock(home if data.floating or data.all_day else data.timezone, start)
        return replace(data, start_wall=start_wall, timezone=tzid, duration=end - start, all_day=False, floating=False)
    clock = zone(home)
    first, last = clock.day_of(start), clock.day_of(max(start, end - 1))
    days = (last - first + 1) * DAY
    return replace(data, start_wall=first * DAY, timezone=home, duration=days, all_day=True, floating=False)


def _people(
    asked: wire.AskedEvent, before: Sequence[Person], owner: Host, staying: Sequence[Person]
) -> tuple[Person, ...]:
    """The participants, each with what is known of them; the owner of the calendar answers with `my_rsvp`.

    Whoever of `staying` organises or hosts, and the customer of a booking, stay whatever list is sent.
    """
    if asked.participants is None:
        people = list(before)
    else:
        stay = [person for person in staying if person.role != "attendee" or person.key == "guest"]
        there = {person.email.casefold() for person in stay}
        known = {person.email.casefold(): person for person in before}
        added = [each for each in asked.participants if each.casefold() not in there]
        people = [*stay, *(known.get(each.casefold(), Person(each)) for each in added)]
    return tuple(_answering(person, owner, asked.my_rsvp) for person in people)


def _answering(person: Person, owner: Host, my_rsvp: str | None) -> Person:
    if not owner.email or person.email.casefold() != owner.email.casefold():
        return person
    if person.role == "owner" and my_rsvp is None:
        return person
    return replace(person, role="owner", name=person.name or owner.name, rsvp=wire.RSVP[my_rsvp or "accepted"])


def _raw(before: EventData, people: Sequence[Person], owner: Host) -> dict[str, Any]:
    """An event whose owner declines blocks nothing."""
    rest = {name: value for name, value in before.raw.items() if name != DECLINED}
    mine = [person for person in people if owner.email and person.email.casefold() == owner.email.casefold()]
    return rest | {DECLINED: True} if any(person.rsvp == "declined" for person in mine) else rest
