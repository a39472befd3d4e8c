"""Blocked slots: plain busy events in the calendars of a user, or of everybody in a calendar's team."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from bookings.api import refusals
from bookings.api.base import Refusal
from bookings.api.leadconnector import finding, schema, wire
from bookings.api.leadconnector.dialect import LeadConnectorView
from bookings.api.leadconnector.listing import Window
from bookings.api.leadconnector.shown import Page, Row, rows_of
from bookings.api.leadconnector.wire import SURFACE, Moment
from bookings.api.reader import Reader
from bookings.domain import accounts, agenda, availability, calendar, refs
from bookings.domain.agenda import Entry
from bookings.engine.zones import zone
from bookings.formats.event import EventData
from bookings.models import Calendar, Event, Host

_TITLE = "Blocked"


class BlockView(LeadConnectorView):
    def times(self, reader: Reader, *, required: bool) -> tuple[Moment | None, Moment | None]:
        home = self.principal.organisation.timezone
        start = wire.moment(self.body, "startTime", reader, home, required=required)
        end = wire.moment(self.body, "endTime", reader, home, required=required)
        if start and end and end.at <= start.at:
            reader.wrong("endTime", "invalid", "endTime must be after startTime.")
        return start, end

    def team(self, calendar_id: str, user_id: str) -> Sequence[Host]:
        """Whose time it takes. Raises Refusal."""
        if user_id:
            user = finding.host(self.principal, user_id)
            if user is None:
                raise finding.unknown("user")
            return [user]
        event_type = finding.event_type(self.principal, calendar_id)
        if event_type is None:
            raise finding.unknown("calendar")
        hosts = availability.of_event_type(event_type).hosts
        return hosts if self.principal.host is None else [each for each in hosts if each.pk == self.principal.host.pk]

    def names(self, reader: Reader) -> tuple[str, str]:
        """calendarId and assignedUserId of the body, of which one is given."""
        calendar_id = reader.text(self.body, "calendarId", "calendarId", longest=64)
        user_id = reader.text(self.body, "assignedUserId", "assignedUserId", longest=64)
        if calendar_id and user_id:
            reader.wrong("calendarId", "invalid", "Either calendarId or assignedUserId can be set, not both.")
        return calendar_id, user_id

    def shown(self, entry: Entry, kept: dict[str, Any]) -> dict[str, Any]:
        """A blocked slot; of a calendar's, the first of its events stands for all."""
        assert entry.event is not None
        body = {
            "id": refs.ref(SURFACE, "event", entry.event),
            "locationId": self.location_id,
            "title": entry.title,
            "startTime": wire.spell(entry.start_s, kept.get("offset", ""), entry.timezone),
            "endTime": wire.spell(entry.end_s, kept.get("endOffset", ""), entry.timezone),
        }
        if kept.get("calendarId"):
            return body | {"calendarId": kept["calendarId"]}
        return body | ({"assignedUserId": refs.ref(SURFACE, "host", entry.host)} if entry.host else {})


class Blocks(BlockView):
    scopes = {"POST": "events:write"}

    @schema.told("Block a slot", takes=schema.NEW_BLOCK, answers={201: schema.BLOCK})
    @transaction.atomic
    def post(self, request: Request) -> Response:
        reader = Reader()
        location_id = reader.text(self.body, "locationId", "locationId", required=True)
        title = reader.text(self.body, "title", "title", longest=1024)
        start, end = self.times(reader, required=True)
        calendar_id, user_id = self.names(reader)
        if not calendar_id and not user_id:
            reader.wrong("calendarId", "required", "Either calendarId or assignedUserId is required.")
        reader.finish()
        self.check_location(location_id)
        assert start is not None
        assert end is not None
        team = self.team(calendar_id, user_id)
        if not team:
            raise Refusal(400, "team", "The calendar has no team whose time could be blocked.")
        made = [self._block(host, title or _TITLE, start.at, end.at) for host in team]
        raw = {"offset": start.offset, "endOffset": end.offset} | ({"calendarId": calendar_id} if calendar_id else {})
        for event in made:
            refs.keep(SURFACE, "event", event, raw | {"block": [str(each.pk) for each in made]})
        return Response(self.shown(agenda.find(self.principal.organisation, made[0].pk), raw), status=201)

    def _block(self, host: Host, title: str, start: int, end: int) -> Event:
        data = EventData(
            title=title, start_wall=zone(host.timezone).to_wall(start), timezone=host.timezone, duration=end - start
        )
        if zone(host.timezone).to_utc(data.start_wall) != start:  # the second pass of a repeated hour
            data = replace(data, start_wall=start, timezone="UTC")
        return calendar.create(_own_calendar(host), data, actor=self.principal.actor)


def _own_calendar(host: Host) -> Calendar:
    """Where the host's own events go: the booking calendar, unless it cannot be written."""
    chosen = host.booking_calendar
    if chosen is not None and chosen.is_writable and chosen.state == Calendar.State.OK:
        return chosen
    return accounts.ensure_local(host)


class Block(BlockView):
    scopes = {"PUT": "events:write"}

    @schema.told("Update a blocked slot", takes=schema.CHANGED_BLOCK, answers={200: schema.BLOCK})
    @transaction.atomic
    def put(self, request: Request, event_id: str) -> Response:
        found = finding.commitment(self.principal, event_id)
        if found.entry.event is None or found.entry.booking is not None:
            raise refusals.not_found()
        reader = Reader()
        title = reader.text(self.body, "title", "title", longest=1024)
        start, end = self.times(reader, required=False)
        location_id = reader.text(self.body, "locationId", "locationId")
        calendar_id, user_id = self.names(reader)
        reader.finish()
        if location_id:
            self.check_location(location_id)
        kept = refs.kept(SURFACE, "event", [found.entry.event])[found.entry.event.pk]
        self._check_whose(found.entry, kept, calendar_id, user_id)
        for entry in found.entries:
            agenda.change(
                entry,
                actor=self.principal.actor,
                title=title or None,
                start_s=start.at if start else None,
                end_s=end.at if end else None,
            )
        raw = {key: at.offset for key, at in (("offset", start), ("endOffset", end)) if at is not None}
        refs.keep(SURFACE, "event", found.entry.event, raw)
        changed = agenda.find(self.principal.organisation, found.entry.key)
        return Response(self.shown(changed, kept | raw))

    def _check_whose(self, entry: Entry, kept: dict[str, Any], calendar_id: str, user_id: str) -> None:
        """A slot stays where it is blocked."""
        own_user = refs.ref(SURFACE, "host", entry.host) if entry.host else ""
        if calendar_id not in ("", kept.get("calendarId")) or user_id not in ("", own_user):
            raise Refusal(
                400, "whose", "A blocked slot stays with its calendar or user. Delete it and block the other."
            )


class BlockedSlots(LeadConnectorView):
    """Everything that takes time and is no appointment; what was blocked for a team is told once."""

    scopes = {"GET": "events:read"}

    @schema.told("List blocked slots", answers={200: schema.EVENTS}, parameters=schema.WINDOW)
    def get(self, request: Request) -> Response:
        window = Window.asked(self)
        entries = [each for each in window.busy() if _takes_time(each)]
        page = Page(self.principal.organisation, rows_of(entries))
        here = {str(row.thing.pk) for row in page.rows}
        return Response({"events": [page.event(row) for row in page.rows if not _stands_behind(page, row, here)]})


def _stands_behind(page: Page, row: Row, here: set[str]) -> bool:
    """Whether another event on the page stands for this one as well: the first of a team's."""
    first, *_ = page.kept(row).get("block") or [str(row.thing.pk)]
    return first != str(row.thing.pk) and first in here


def _takes_time(entry: Entry) -> bool:
    return entry.booking is None and entry.event is not None and entry.event.free_busy_status != Event.Busy.FREE
