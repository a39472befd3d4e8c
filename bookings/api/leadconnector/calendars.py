"""Calendars, which are our event types, and the slots that are free in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.http import QueryDict
from rest_framework.request import Request
from rest_framework.response import Response

from bookings.api import refusals
from bookings.api.base import Refusal
from bookings.api.leadconnector import finding, groups, making, schema, settings, wire
from bookings.api.leadconnector.dialect import LeadConnectorView
from bookings.api.leadconnector.listing import instant
from bookings.api.leadconnector.settings import Asked
from bookings.api.leadconnector.wire import SURFACE
from bookings.api.reader import Reader
from bookings.domain import availability, offers, refs
from bookings.domain.errors import Invalid
from bookings.domain.offers import Member, Team
from bookings.domain.terms import weekly_hours
from bookings.engine.zones import DAY, canonical, ymd, zone
from bookings.models import EventType, Host

_FIELDS = {
    "durations": "slotDuration",
    "slot_interval": "slotInterval",
    "buffer_before": "preBuffer",
    "buffer_after": "slotBuffer",
    "minimum_notice": "allowBookingAfter",
    "window_days": "allowBookingFor",
    "capacity": "appoinmentPerSlot",
    "limits": "appoinmentPerDay",
    "title_template": "eventTitle",
    "weekly": "openHours",
    "team": "teamMembers",
    "place_detail": "locationConfigurations",
}
LONGEST_RANGE = 31 * DAY
_LEEWAY = 2 * 3600  # a month of local days is an hour longer when clocks go back


class CalendarView(LeadConnectorView):
    def found(self, calendar_id: str) -> EventType:
        event_type = finding.event_type(self.principal, calendar_id)
        if event_type is None:
            raise refusals.not_found()
        return event_type

    def shown(self, event_types: Sequence[EventType]) -> list[dict[str, Any]]:
        kept = refs.kept(SURFACE, "event_type", event_types)
        ids = refs.refs(SURFACE, "event_type", event_types)
        teams = offers.teams_of(event_types)
        users = refs.refs(SURFACE, "host", {each.host for team in teams.values() for each in team.members})
        location_id = self.location_id
        return [
            settings.shown(
                each,
                teams[each.pk],
                weekly_hours(each.schedule.weekly) if each.schedule else None,
                kept[each.pk],
                settings.Names(location_id, ids[each.pk], users),
            )
            for each in event_types
        ]

    def check_group(self, asked: Asked) -> None:
        group_id = asked.raw.get("groupId")
        if group_id and group_id not in groups.groups_of(self.principal.organisation):
            raise finding.unknown("group")

    def team(self, asked: Asked, kind: str) -> Team | None:
        """The team that was asked for, of hosts; None when nothing was said of it. Raises Refusal."""
        if asked.team is None:
            return None
        if kind == "personal" and len(asked.team) != 1:
            raise Refusal(400, "team", "A personal calendar must have exactly one team member.")
        members = [Member(self._host(each.user_id), round(each.priority * 2)) for each in asked.team]
        return Team(tuple(members), everybody=kind == "collective" and len(members) > 1)

    def _host(self, user_id: str) -> Host:
        host = finding.host(self.principal, user_id)
        if host is None:
            raise finding.unknown("user")
        return host

    def keep(self, event_type: EventType, asked: Asked) -> None:
        team = {} if asked.team is None else {"teamMembers": [each.raw for each in asked.team]}
        refs.keep(SURFACE, "event_type", event_type, asked.raw | team)


def _spelled(error: Invalid) -> Invalid:
    field = _FIELDS.get(error.field, error.field)
    return Invalid(f"{field}: {error.message}", field=field)


class Calendars(CalendarView):
    scopes = {"GET": "calendars:read", "POST": "calendars:write"}

    @schema.told("List calendars", answers={200: schema.CALENDARS}, parameters=schema.OF_CALENDARS)
    def get(self, request: Request) -> Response:
        """`groupId` narrows the list, `showDrafted=false` leaves out the inactive ones."""
        self.asked_location(Reader())
        query = request.query_params
        rows = finding.event_types(self.principal)
        if query.get("showDrafted", "").lower() == "false":
            rows = rows.filter(is_active=True)
        shown = self.shown(list(rows.order_by("name", "pk")))
        if group_id := query.get("groupId"):
            shown = [each for each in shown if each.get("groupId") == group_id]
        return Response({"calendars": shown})

    @schema.told("Create a calendar", takes=schema.NEW_CALENDAR, answers={200: schema.ONE_CALENDAR})
    @transaction.atomic
    def post(self, request: Request) -> Response:
        reader = Reader()
        location_id = reader.text(self.body, "locationId", "locationId", required=True)
        asked = settings.read(self.body, reader, creating=True)
        reader.finish()
        self.check_location(location_id)
        self.check_group(asked)
        team = self.team(asked, str(asked.raw.get("calendarType") or "")) or self._own_team()
        assert asked.name is not None
        defaults = {"title_template": settings.DEFAULT_TITLE, "slot_interval": 30, "minimum_notice": 0}
        try:
            made = offers.create(
                self.principal.organisation,
                name=asked.name,
                slug=asked.slug or "",
                team=team,
                weekly=asked.weekly,
                actor=self.principal.actor,
                **(defaults | asked.settings),  # type: ignore[arg-type]
            )
        except Invalid as error:
            raise _spelled(error) from error
        self.keep(made, asked)
        return Response({"calendar": self.shown([made])[0]})

    def _own_team(self) -> Team:
        """Without a team: the host of the token, or the location's only one."""
        hosts = Host.objects.for_tenant(self.principal.organisation).filter(is_active=True, kind=Host.Kind.PERSON)
        found = [self.principal.host] if self.principal.host is not None else list(hosts[:2])
        return Team(tuple(Member(host) for host in found) if len(found) == 1 else ())


class Calendar(CalendarView):
    scopes = {"GET": "calendars:read", "PUT": "calendars:write", "DELETE": "calendars:write"}

    @schema.told("Get a calendar", answers={200: schema.ONE_CALENDAR})
    def get(self, request: Request, calendar_id: str) -> Response:
        return Response({"calendar": self.shown([self.found(calendar_id)])[0]})

    @schema.told("Update a calendar", takes=schema.CHANGED_CALENDAR, answers={200: schema.ONE_CALENDAR})
    @transaction.atomic
    def put(self, request: Request, calendar_id: str) -> Response:
        event_type = self.found(calendar_id)
        reader = Reader()
        asked = settings.read(self.body, reader, creating=False)
        reader.finish()
        self.check_group(asked)
        now = self.shown([event_type])[0]
        kind = str(asked.raw.get("calendarType") or now["calendarType"])
        try:
            offers.change(
                event_type,
                name=asked.name,
                slug=asked.slug,
                team=self.team(asked, kind),
                weekly=asked.weekly,
                actor=self.principal.actor,
                **asked.settings,
            )
        except Invalid as error:
            raise _spelled(error) from error
        self.keep(event_type, asked)
        return Response({"calendar": self.shown([event_type])[0]})

    @schema.told("Delete a calendar", answers={200: schema.SUCCESS})
    def delete(self, request: Request, calendar_id: str) -> Response:
        offers.delete(self.found(calendar_id), actor=self.principal.actor)
        return Response({"success": True})


class FreeSlots(CalendarView):
    """The starts that can be had, by local day: each is good to be sent back as the start of an appointment."""

    scopes = {"GET": "availability:read"}

    @schema.told("List free slots", answers={200: schema.FREE_SLOTS}, parameters=schema.RANGE)
    def get(self, request: Request, calendar_id: str) -> Response:
        event_type = self.found(calendar_id)
        lo, hi, tzid = self._asked(request.query_params)
        terms = availability.of_event_type(event_type)
        users = [self._user(user_id) for user_id in _user_ids(request.query_params)]
        if self.principal.host is not None and not users:
            users = [self.principal.host]
        if users:
            terms = making.narrowed(terms, users)
        if not event_type.is_active:
            return Response({})
        starts = availability.offer(terms, lo, hi + terms.length).starts
        return Response(by_day([start for start in starts if start < hi], tzid))

    def _asked(self, query: QueryDict) -> tuple[int, int, str]:
        reader, flat = Reader(), query.dict()
        lo, hi = instant(flat, "startDate", reader), instant(flat, "endDate", reader)
        if lo is not None and hi is not None and not 0 < hi - lo <= LONGEST_RANGE + _LEEWAY:
            reader.wrong("endDate", "invalid", "endDate must be after startDate, by 31 days at most.")
        named = str(flat.get("timezone") or "") or self.principal.organisation.timezone
        tzid = canonical(named)
        if tzid is None:
            reader.wrong("timezone", "invalid", "timezone must be an IANA time zone, such as America/Chihuahua.")
        reader.finish()
        assert lo is not None
        assert hi is not None
        assert tzid is not None
        return lo, hi, tzid

    def _user(self, user_id: str) -> Host:
        user = making.host_asked(self.principal, user_id)
        assert user is not None
        return user


def _user_ids(query: QueryDict) -> list[str]:
    given = [query.get("userId", ""), *query.getlist("userIds"), *query.getlist("userIds[]")]
    return list(dict.fromkeys(filter(None, (part.strip() for each in given for part in each.split(",")))))


def by_day(starts: Sequence[int], tzid: str) -> dict[str, dict[str, list[str]]]:
    """{local date: {"slots": [start with offset]}}"""
    clock = zone(tzid)
    days: dict[int, list[str]] = {}
    for start in starts:
        days.setdefault(clock.day_of(start), []).append(wire.spell(start, "", tzid))
    return {"{:04d}-{:02d}-{:02d}".format(*ymd(day)): {"slots": slots} for day, slots in days.items()}
