"""Writing events: upserts by the application's own id, changes of events it did not make, deletions, answers.

Everything that is accepted is answered with an empty 202, and the same again changes nothing.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from bookings.api import refusals
from bookings.api.cronofy import event_shown, paging, schema
from bookings.api.cronofy import event_wire as wire
from bookings.api.cronofy.availability_wire import names
from bookings.api.cronofy.dialect import CronofyView
from bookings.api.cronofy.events import Events
from bookings.api.cronofy.wire import SURFACE
from bookings.api.reader import Reader
from bookings.domain import agenda, calendar, refs, rooms, rsvp, series
from bookings.domain.agenda import Entry
from bookings.domain.errors import Invalid, NotAllowed, NotFound
from bookings.domain.locks import lock_hosts
from bookings.formats.event import EventData
from bookings.models import Account, Calendar, Event, ExternalRef


@dataclass(frozen=True)
class Found:
    """An event by its event_uid; `wall` names an occurrence of a series."""

    entry: Entry
    wall: int | None


class EventWriting(CronofyView):
    """What all writes of events share."""

    fields = wire.FIELDS

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, NotAllowed):
            # 403 would speak of the credential; it is the calendar or the event that stands in the way.
            exc = Invalid(exc.message, code=exc.code, field="calendar_id")
        return super().handle_exception(exc)

    def place(self, calendar_id: str) -> Calendar:
        """The account's calendar of that id. Raises Refusal 404 for every other one."""
        known = refs.resolve(self.principal.organisation, SURFACE, "calendar", calendar_id)
        rows = Calendar.objects.for_tenant(self.principal.organisation).filter(pk=known, account__host=self.account)
        found: Calendar | None = rows.select_related("account__host").first()
        if found is None:
            raise refusals.not_found()
        return found

    def by_uid(self, uid: str, place: Calendar) -> Found | None:
        """An event of this calendar, or a booking of the account; None for what is not there, here or at all."""
        name, wall = wire.split_uid(uid)
        known = refs.resolve(self.principal.organisation, SURFACE, "event", name)
        try:
            entry = agenda.find(self.principal.organisation, known) if known else None
        except NotFound:
            entry = None
        if entry is None or entry.event is None or not self._is_mine(entry, place):
            return None
        return Found(entry, wall)

    def _is_mine(self, entry: Entry, place: Calendar) -> bool:
        assert entry.event is not None
        if entry.event.calendar_id == place.pk:
            return True
        return entry.booking is not None and str(self.account.pk) in entry.booking.assignment.get("hosts", ())

    def by_event_id(self, place: Calendar, event_id: str) -> Event | None:
        """The event that an application made under that id, deleted or not."""
        known = refs.resolve(self.principal.organisation, SURFACE, "event_id", _key(place, event_id))
        rows = Event.objects.for_tenant(self.principal.organisation).filter(pk=known)
        found: Event | None = rows.select_related("calendar__account__host").prefetch_related("participants").first()
        return found


class CalendarEvents(EventWriting):
    scopes = {"POST": "events:write", "DELETE": "events:write"}

    @schema.told("Make or change an event", None, status=202, takes=schema.NEW_EVENT)
    def post(self, request: Request, calendar_id: str) -> Response:
        place = self.place(calendar_id)
        reader = Reader()
        event_id, event_uid = _ids(self.body, reader)
        written = wire.read(self.body, reader, whole=not event_uid)
        found = self.by_uid(event_uid, place) if event_uid else None
        if event_uid and found is None:
            reader.wrong("event_uid", "invalid", "event_uid is not that of an event in this calendar.")
        reader.finish()
        if found is not None:
            self._change(found, written)
        else:
            self._upsert(place, event_id, written)
        return Response(status=202)

    @schema.told("Delete an event", None, status=202, takes=schema.EVENT_NAMED)
    def delete(self, request: Request, calendar_id: str) -> Response:
        place = self.place(calendar_id)
        reader = Reader()
        body = self.body or paging.query(request)
        event_id, event_uid = _ids(body, reader)
        reader.finish()
        if event_uid:
            found = self.by_uid(event_uid, place)
            if found is not None:
                self._delete(found)
        elif (event := self.by_event_id(place, event_id)) is not None:
            calendar.delete(event, actor=self.principal.actor)
        return Response(status=202)

    @transaction.atomic
    def _upsert(self, place: Calendar, event_id: str, written: wire.Written) -> None:
        host = lock_hosts([place.account.host_id])[0]
        known = self.by_event_id(place, event_id)
        actor = self.principal.actor
        if known is None or known.deleted_at is not None:
            data = self._with_room(written.onto(None, host), written, place, _key(place, event_id))
            event = calendar.create(place, data, actor=actor)
            refs.name(SURFACE, "event_id", event, _key(place, event_id), instead_of=known.pk if known else None)
        else:
            before, event = calendar.data_of(known), known
            data = self._with_room(written.onto(before, host), written, place, _key(place, event_id))
            if data != before:
                event = calendar.change(known, data, actor=actor)
        refs.keep(SURFACE, "event", event, written.kept)

    def _with_room(self, data: EventData, written: wire.Written, place: Calendar, key: str) -> EventData:
        """With the virtual room that is asked for; one that is there already stays."""
        if not written.room:
            return data
        kind = _room_of(place) if written.room == wire.INTEGRATED_ROOM else None
        kind = kind or (rooms.LINK if self.account.room_url else rooms.JITSI)
        if data.conference.get("kind") == kind:
            return data
        return replace(data, conference=rooms.request(kind, host=self.account, key=key))

    def _change(self, found: Found, written: wire.Written) -> None:
        """Change an event that somebody else made: only what is said."""
        entry, actor = found.entry, self.principal.actor
        event = entry.event
        assert event is not None
        if entry.booking is not None:
            self._change_booking(entry, written)
        elif found.wall is not None:
            data = written.onto(series.occurrence(event, found.wall), self.account)
            series.change_occurrence(event, found.wall, data, actor=actor)
        else:
            before = calendar.data_of(event)
            data = written.onto(before, self.account)
            if data != before:
                calendar.change(event, data, actor=actor)
        refs.keep(SURFACE, "event", event.master or event, written.kept)

    def _change_booking(self, entry: Entry, written: wire.Written) -> None:
        if written.is_all_day:
            raise Invalid("A booking has hours; it cannot become an all-day event.", field="start")
        start, end = written.bounds(entry)
        texts: dict[str, Any] = {name: written.changes.get(name) for name in ("title", "description", "location")}
        agenda.change(entry, start_s=start, end_s=end, actor=self.principal.actor, **texts)

    def _delete(self, found: Found) -> None:
        event, actor = found.entry.event, self.principal.actor
        if found.wall is None or event is None:
            agenda.cancel(found.entry, actor=actor)
            return
        try:
            calendar.exclude_occurrence(event, found.wall, actor=actor)
        except NotFound:
            return  # as with every other event that is not there any more


class ParticipationStatus(EventWriting):
    """The account's answer to an invitation."""

    scopes = {"POST": "events:write"}
    fields = {"email": "event_uid"}

    @schema.told("Answer an invitation", None, status=202, takes=schema.STATUS)
    def post(self, request: Request, calendar_id: str, event_uid: str) -> Response:
        found = self.by_uid(event_uid, self.place(calendar_id))
        if found is None or found.entry.event is None:
            raise refusals.not_found()
        reader = Reader()
        status = reader.text(self.body, "status", "status", required=True)
        if status and status not in ("accepted", "tentative", "declined"):
            reader.wrong("status", "invalid", "status must be accepted, tentative or declined.")
        reader.finish()
        part = event_shown.own_part(found.entry.people, self.account, found.entry)
        if part is None:
            raise Invalid("The account takes no part in this event.", field="event_uid")
        rsvp.answer(found.entry.event, part.email, status, recurrence_wall=found.wall, actor=self.principal.actor)
        return Response(status=202)


class AccountEvents(Events, EventWriting):
    """/v1/events: reading, and deleting everything that applications made, in all calendars or in some."""

    scopes = {"GET": "events:read", "DELETE": "events:write"}

    @schema.told("Delete what the application made", None, status=202, takes=schema.BULK)
    def delete(self, request: Request) -> Response:
        reader = Reader()
        asked = self._asked(reader)
        reader.finish()
        made = ExternalRef.objects.for_tenant(self.principal.organisation).filter(surface=SURFACE, kind="event_id")
        events = Event.objects.for_tenant(self.principal.organisation).filter(
            pk__in=made.values("object_id"), calendar__account__host=self.account, deleted_at=None
        )
        if asked is not None:
            events = events.filter(calendar__in=asked)
        with transaction.atomic():
            lock_hosts([self.account.pk])
            for event in events.select_related("calendar__account"):
                calendar.delete(event, actor=self.principal.actor)
        return Response(status=202)

    def _asked(self, reader: Reader) -> list[uuid.UUID] | None:
        """The calendars that are named, or None for all; in the body, or in the query as pycronofy does."""
        body = self.body or paging.query(self.request, "calendar_ids")
        whole = body.get("delete_all")
        whole = str(whole).lower() == "true" if isinstance(whole, (str, bool)) else whole
        named = names(body, "calendar_ids", "calendar_ids", reader)
        if whole not in (None, True) or (whole is None) == (named is None):
            reader.wrong("delete_all", "invalid", "Give either delete_all, which must be true, or calendar_ids.")
        if named is None:
            return None
        found = refs.resolve_all(self.principal.organisation, SURFACE, "calendar", named)
        own = Calendar.objects.for_tenant(self.principal.organisation).filter(account__host=self.account)
        pks = set(own.filter(pk__in=found.values()).values_list("pk", flat=True))
        for unknown in (each for each in named if found.get(each) not in pks):
            reader.wrong("calendar_ids", "invalid", f"{unknown[:64]} is not the id of a calendar of this account.")
        return list(pks)


def _room_of(place: Calendar) -> str | None:
    """The kind of room that a calendar's own service makes."""
    provider: str = place.account.provider
    return {Account.Provider.GOOGLE: rooms.MEET, Account.Provider.MICROSOFT: rooms.TEAMS}.get(
        Account.Provider(provider)
    )


def _ids(body: dict[str, Any], reader: Reader) -> tuple[str, str]:
    """event_id or event_uid: one of the two is needed."""
    event_id = reader.text(body, "event_id", "event_id", longest=wire.LONGEST_ID)
    event_uid = reader.text(body, "event_uid", "event_uid", longest=wire.LONGEST_ID)
    if bool(event_id.strip()) == bool(event_uid.strip()) and not reader.problems:
        code = "invalid" if event_id.strip() else "required"
        reader.wrong("event_id", code, "Give either event_id or event_uid.")
    return event_id, event_uid


def _key(place: Calendar, event_id: str) -> str:
    """Applications' ids are those of one calendar; ours hold in the whole organisation."""
    return f"{place.pk.hex}/{event_id}"
