"""What is done in the grid itself: make, move and make longer or shorter, each with a way back.

Scripts ask for JSON and get {"message", "undo": {"url", "fields"} | null}, with 409 and the reason when refused; forms
get a redirect to the week with the same message.
"""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass, replace
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from bookings.domain import calendar, series
from bookings.domain.accounts import ensure_local
from bookings.domain.audit import Actor
from bookings.domain.errors import DomainError, Invalid
from bookings.domain.event_rows import home_zone
from bookings.engine.zones import DAY, zone
from bookings.formats.event import EventData
from bookings.members import StaffRequest, actor, staff_required
from bookings.models import Event, Host
from bookings.pages.zones import chosen as known_zone

_EPOCH = dt.datetime(1970, 1, 1)
SCOPES = ("this", "following", "all")


@dataclass(frozen=True)
class _Span:
    """Start and end as the grid says them, in UTC seconds, and the wall second of the start on the grid's clock."""

    start_s: int
    end_s: int
    wall: int


@require_POST
@staff_required
def quick(request: StaffRequest) -> HttpResponse:
    """Make an event from `title`, `start`, `end` (wall times of `tz`) in the calendar of `host`."""
    try:
        span = _span(request)
        host = _host(request)
        event = _made(host, request.POST.get("title", ""), span, actor(request))
    except DomainError as error:
        return refused(request, error, reverse("week"))
    undo = {"url": reverse("event-delete", args=[event.pk]), "fields": {}}
    return done(request, _("“%(title)s” is in the calendar.") % {"title": event.title}, undo, _day_of(event.start_s))


@require_POST
@staff_required
def move(request: StaffRequest, event_id: uuid.UUID) -> HttpResponse:
    """Give an event another `start` and `end` (wall times of `tz`).

    Of a series, `at` names the occurrence (original start in wall seconds) and `scope` says how far it goes: this,
    following or all.
    """
    found = Event.objects.for_tenant(request.organisation).select_related("calendar__account__host", "master")
    event = get_object_or_404(found.exclude(origin=Event.Origin.BOOKING), pk=event_id, deleted_at=None)
    at = wall_of(request.POST.get("at", ""))
    scope = request.POST.get("scope", "this")
    try:
        span = _span(request)
        moved, undo = _moved(event, at, scope if scope in SCOPES else "this", span, actor(request))
    except DomainError as error:
        return refused(request, error, reverse("event", args=[event.pk]))
    return done(request, _("“%(title)s” is moved.") % {"title": moved.title or "–"}, undo, _day_of(span.start_s))


def wall_of(text: str) -> int | None:
    """The wall second that names an occurrence, from a form or an address."""
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(text) < 12 else None


def done(request: StaffRequest, message: str, undo: dict[str, Any] | None, address: str) -> HttpResponse:
    """Say that it is done, to a script or to a form."""
    if request.accepts("text/html"):
        messages.success(request, message)
        return redirect(address)
    return JsonResponse({"message": message, "undo": undo})


def refused(request: StaffRequest, error: DomainError, address: str) -> HttpResponse:
    """Say why not."""
    if request.accepts("text/html"):
        messages.error(request, error.message)
        return redirect(address)
    return JsonResponse({"message": error.message}, status=409)


def _made(host: Host, title: str, span: _Span, who: Actor) -> Event:
    title = title.strip()
    if not title:
        raise Invalid(_("A title is needed."), field="title")
    data = EventData(title, zone(host.timezone).to_wall(span.start_s), host.timezone, span.end_s - span.start_s)
    return calendar.create(host.booking_calendar or ensure_local(host), data, actor=who)


def _moved(event: Event, at: int | None, scope: str, span: _Span, who: Actor) -> tuple[Event, dict[str, Any] | None]:
    """The event where it is now, and what takes it back there; a series that was divided is not put together again."""
    if at is None or not (event.master_id or event.recurrence_rules or event.recurrence_dates):
        before = calendar.data_of(event)
        return calendar.change(event, _there(event, before, span), actor=who), _back(event, before)
    root = event.master or event
    now = series.occurrence(root, at)
    there = _there(root, now, span)
    if scope == "this":
        return series.change_occurrence(root, at, there, actor=who), _back(root, now, at)
    shift = there.start_wall - now.start_wall
    if scope == "following":
        rest = series.following(root, at)
        data = replace(rest, start_wall=rest.start_wall + shift, duration=there.duration)
        return series.change_following(root, at, data, actor=who), None
    before = calendar.data_of(root)
    data = replace(before, start_wall=before.start_wall + shift, duration=there.duration)
    return calendar.change(root, data, actor=who), _back(root, before)


def _there(event: Event, data: EventData, span: _Span) -> EventData:
    """The same event at that time, on its own clock; one that lasts all day only changes its day."""
    if data.all_day:
        return replace(data, start_wall=span.wall // DAY * DAY)
    tzid = home_zone(event.calendar, event.calendar.account.host) if data.floating else data.timezone
    return replace(data, start_wall=zone(tzid).to_wall(span.start_s), duration=span.end_s - span.start_s)


def _back(event: Event, before: EventData, at: int | None = None) -> dict[str, Any]:
    """The move that undoes one."""
    tzid = home_zone(event.calendar, event.calendar.account.host) if before.floating else before.timezone
    start = zone(tzid).to_utc(before.start_wall)
    fields = {
        "start": _written(before.start_wall),
        "end": _written(zone(tzid).to_wall(start + before.duration)),
        "tz": tzid,
    }
    return {
        "url": reverse("event-move", args=[event.pk]),
        "fields": fields if at is None else fields | {"at": str(at), "scope": "this"},
    }


def _span(request: StaffRequest) -> _Span:
    """:raises Invalid: when that is no time, or none that lasts."""
    tzid = known_zone(request.POST.get("tz")) or "UTC"
    start, end = (_wall(request.POST.get(name, "")) for name in ("start", "end"))
    if start is None or end is None:
        raise Invalid(_("A time is needed."), field="start")
    span = _Span(zone(tzid).to_utc(start), zone(tzid).to_utc(end), start)
    if span.end_s <= span.start_s:
        raise Invalid(_("The end is not after the start."), field="end")
    return span


def _wall(text: str) -> int | None:
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return int((found - _EPOCH).total_seconds()) if found.tzinfo is None and 1971 <= found.year <= 9000 else None


def _written(wall: int) -> str:
    return (_EPOCH + dt.timedelta(seconds=wall)).isoformat(timespec="seconds")


def _host(request: StaffRequest) -> Host:
    hosts = Host.objects.for_tenant(request.organisation).filter(is_active=True).select_related("booking_calendar")
    try:
        found = hosts.filter(pk=uuid.UUID(request.POST.get("host", ""))).first()
    except ValueError:
        found = hosts.filter(user=request.user).first() or hosts.first()
    if found is None:
        raise Invalid(_("This host is not known here."), field="host")
    return found


def _day_of(second: int) -> str:
    return f"{reverse('week')}?day={dt.datetime.fromtimestamp(second, dt.UTC).date().isoformat()}"
