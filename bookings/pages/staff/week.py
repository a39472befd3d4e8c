"""The week of one or many hosts."""

from __future__ import annotations

import uuid
from collections import defaultdict
from datetime import date
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.timezone import now
from django.views.decorators.http import require_safe

from bookings.domain import availability, calendar
from bookings.domain.event_rows import home_zone
from bookings.engine.intervals import union
from bookings.engine.zones import zone
from bookings.members import StaffRequest, staff_required
from bookings.models import Booking, Calendar, Event, Host, Mirror
from bookings.pages.staff import grid
from bookings.pages.zones import chosen as known_zone

_EPOCH = date(1970, 1, 1).toordinal()
_COLOURS = 6


@require_safe
@staff_required
def week(request: StaffRequest) -> HttpResponse:
    """?day= any day of the week wanted, ?host= once for each host wanted (none: all)."""
    hosts = list(Host.objects.for_tenant(request.organisation).select_related("schedule").filter(is_active=True))
    wanted = set(request.GET.getlist("host"))
    shown = [host for host in hosts if str(host.pk) in wanted] or hosts
    tzid = _zone(request, hosts)
    clock = zone(tzid)
    moment = int(now().timestamp())
    monday = grid.monday_of(_day(request.GET.get("day", ""), clock.day_of(moment)))
    lo, hi = clock.day_bounds(monday)[0], clock.day_bounds(monday + 6)[1]
    calendars = _calendars(shown)
    found = calendar.occurrences(calendars, lo, hi)
    extra = _extra({occurrence.event for occurrence in found}, calendars, shown)
    context = {
        "week": grid.week(clock, monday, found, extra, _open(shown, lo, hi), moment),
        "hosts": [(host, host in shown and bool(wanted), index % _COLOURS) for index, host in enumerate(hosts)],
        "shown": shown,
        "query": "".join(f"&host={host.pk}" for host in shown) if wanted else "",
        "timezone": tzid,
        "noon": lo + 43_200,
        "monday": _date(monday),
        "sunday": _date(monday + 6),
        "previous": _date(monday - 7).isoformat(),
        "next": _date(monday + 7).isoformat(),
        "today": clock.day_of(moment),
        "trouble": sum(1 for each in extra.values() if each["state"] == "failing"),
        "undo": _deleted(request),
    }
    return render(request, "staff/week.html", context)


def _calendars(hosts: list[Host]) -> list[Calendar]:
    return list(Calendar.everywhere.select_related("account__host").filter(account__host__in=hosts))


def _extra(events: set[Event], calendars: list[Calendar], hosts: list[Host]) -> dict[uuid.UUID, dict[str, Any]]:
    """What the grid shows of an event beside its own words: whose it is, its booking, its state elsewhere."""
    owner = {each.pk: each.account.host for each in calendars}
    home = {each.pk: zone(home_zone(each, each.account.host)) for each in calendars}
    colour = {host.pk: index % _COLOURS for index, host in enumerate(hosts)}
    roots = {event.pk: event.master_id or event.pk for event in events}
    mirrors: dict[uuid.UUID, list[Mirror]] = defaultdict(list)
    for mirror in Mirror.everywhere.filter(event__in=set(roots.values())):
        mirrors[mirror.event_id].append(mirror)
    bookings = dict(Booking.everywhere.filter(event__in=events).values_list("event_id", "pk"))
    return {
        event.pk: {
            "host": owner[event.calendar_id],
            "home": home[event.calendar_id],
            "colour": colour[owner[event.calendar_id].pk],
            "booking": bookings.get(event.pk),
            "state": state_of(mirrors[roots[event.pk]]),
            "root": roots[event.pk],
        }
        for event in events
    }


def state_of(mirrors: list[Mirror]) -> str:
    """failing, pending or in_sync over all target calendars; empty when the event is kept here only."""
    stopped = (Mirror.State.FAILED, Mirror.State.NEEDS_CHECK, Mirror.State.BLOCKED)
    if any(mirror.difference or mirror.failing_since or mirror.state in stopped for mirror in mirrors):
        return "failing"
    if any(not mirror.in_sync for mirror in mirrors):
        return "pending"
    return "in_sync" if mirrors else ""


def _open(hosts: list[Host], lo: int, hi: int) -> list[tuple[int, int]]:
    """When at least one of the hosts works."""
    return union(*availability.working_time(hosts, lo, hi).values())


def _zone(request: StaffRequest, hosts: list[Host]) -> str:
    """The zone asked for or remembered, the member's own as a host, or the organisation's."""
    asked = known_zone(request.GET.get("tz")) or known_zone(request.COOKIES.get("tz"))
    own = next((host.timezone for host in hosts if host.user_id == request.user.pk), None)
    return asked or own or request.organisation.timezone


def _deleted(request: StaffRequest) -> Event | None:
    """The event deleted a moment ago, for the offer to undo it."""
    try:
        wanted = uuid.UUID(request.GET.get("deleted", ""))
    except ValueError:
        return None
    return Event.objects.for_tenant(request.organisation).filter(pk=wanted, deleted_at__isnull=False).first()


def _day(iso: str, fallback: int) -> int:
    try:
        found = date.fromisoformat(iso)
    except ValueError:
        return fallback
    return found.toordinal() - _EPOCH if 1971 <= found.year <= 9000 else fallback


def _date(day: int) -> date:
    return date.fromordinal(day + _EPOCH)
