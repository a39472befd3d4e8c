"""The week or the day of one or many hosts."""

from __future__ import annotations

import uuid
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.timezone import now
from django.views.decorators.http import require_safe

from bookings.domain import availability, calendar
from bookings.domain.calendar import Occurrence
from bookings.domain.event_rows import home_zone
from bookings.engine.intervals import union
from bookings.engine.zones import Zone, zone
from bookings.members import StaffRequest, staff_required
from bookings.models import Booking, Calendar, Event, Host, Mirror
from bookings.pages.staff import grid
from bookings.pages.zones import chosen as known_zone
from bookings.pages.zones import grouped

_EPOCH = date(1970, 1, 1).toordinal()
_COLOURS = 6
_MOST_COLUMNS = 8
"""So many hosts stand side by side in a day; more share a column."""
_MOST_ZONES = 3
"""Zones in the gutter beside the page's own."""


@dataclass(frozen=True)
class View:
    """What of whom is looked at, as the address says it; addresses of other views are made from it."""

    kind: str
    day: int
    hosts: tuple[str, ...]
    zones: tuple[str, ...]
    asked: bool
    """Whether the address says day or week; if not, the screen decides."""

    @property
    def days(self) -> range:
        first = self.day if self.kind == "day" else grid.monday_of(self.day)
        return range(first, first + (1 if self.kind == "day" else 7))

    def address(self, **changes: Any) -> str:
        """The query of a view like this one but for `day`, `view`, `hosts` or `zones`."""
        day = changes.get("day", self.day)
        said = [("day", _date(day).isoformat())] if day is not None else []
        if self.asked or "view" in changes:
            said.append(("view", changes.get("view", self.kind)))
        said += [("host", host) for host in changes.get("hosts", self.hosts)]
        said += [("zones", tzid) for tzid in changes.get("zones", self.zones)]
        return "?" + urlencode(said)


@dataclass(frozen=True)
class Look:
    """A view with what happens in it, on whose clock and in whose calendars."""

    view: View
    timezone: str
    moment: int
    lo: int
    hi: int
    hosts: list[Host]
    shown: list[Host]
    calendars: list[Calendar]
    found: list[Occurrence]

    @property
    def clock(self) -> Zone:
        return zone(self.timezone)


def look_at(request: StaffRequest) -> Look:
    """What the address asks for; see `week`."""
    hosts = list(Host.objects.for_tenant(request.organisation).select_related("schedule").filter(is_active=True))
    clock = zone(tzid := zone_of(request, hosts))
    moment = int(now().timestamp())
    view = _view(request, hosts, clock.day_of(moment))
    shown = [host for host in hosts if str(host.pk) in view.hosts] or hosts
    lo, hi = clock.day_bounds(view.days[0])[0], clock.day_bounds(view.days[-1])[1]
    calendars = list(Calendar.everywhere.select_related("account__host").filter(account__host__in=shown))
    found = calendar.occurrences(calendars, lo, hi)
    return Look(view, tzid, moment, lo, hi, hosts, shown, calendars, found)


@require_safe
@staff_required
def week(request: StaffRequest) -> HttpResponse:
    """?view= day or week (default: day on a phone), ?day= any day wanted, ?host= once for each host wanted (none: all),
    ?zones= once for each further zone whose hours stand in the gutter."""
    look = look_at(request)
    view, clock, shown, found = look.view, look.clock, look.shown, look.found
    days = view.days
    extra = _extra({occurrence.event for occurrence in found}, look.calendars, shown)
    working = availability.working_time(shown, look.lo, look.hi)
    drawn = grid.week(clock, _lanes(view, shown, found, extra, working), extra, look.moment)
    context = {
        "week": drawn,
        "hosts": _chips(view, look.hosts),
        "everybody": view.address(hosts=()),
        "shown": shown,
        "view": view,
        "switch": {kind: view.address(view=kind) for kind in ("day", "week")},
        "timezone": look.timezone,
        "gutters": _gutters(view, clock, drawn),
        "zone_choices": grouped(),
        "noon": look.lo + 43_200,
        "monday": _date(days[0]),
        "sunday": _date(days[-1]),
        "previous": view.address(day=days[0] - len(days)),
        "next": view.address(day=days[0] + len(days)),
        "now_address": view.address(day=None),
        "today": clock.day_of(look.moment),
        "trouble": sum(1 for each in extra.values() if each["state"] == "failing"),
        "undo": _deleted(request),
        "export": view.address(view=view.kind),
    }
    answer = render(request, "staff/week.html", context)
    patch_vary_headers(answer, ("Sec-CH-UA-Mobile", "User-Agent"))
    return answer


def _view(request: StaffRequest, hosts: list[Host], today: int) -> View:
    known = {str(host.pk) for host in hosts}
    zones = [known_zone(name) for given in request.GET.getlist("zones") for name in given.split(",")]
    kind = request.GET.get("view", "")
    return View(
        kind if kind in ("day", "week") else "day" if _on_a_phone(request) else "week",
        _day(request.GET.get("day", ""), today),
        tuple(key for key in dict.fromkeys(request.GET.getlist("host")) if key in known),
        tuple(dict.fromkeys(name for name in zones if name))[:_MOST_ZONES],
        kind in ("day", "week"),
    )


def _on_a_phone(request: StaffRequest) -> bool:
    """By the hint browsers give (wicg.github.io/ua-client-hints), or else by their name."""
    hint = request.headers.get("Sec-CH-UA-Mobile")
    return hint == "?1" if hint else "Mobi" in request.headers.get("User-Agent", "")


def _lanes(
    view: View,
    hosts: list[Host],
    found: list[Occurrence],
    extra: dict[uuid.UUID, dict[str, Any]],
    working: dict[uuid.UUID, list[tuple[int, int]]],
) -> list[grid.Lane]:
    """A column for each day, or in a day for each host."""
    if view.kind == "week" or not 1 < len(hosts) <= _MOST_COLUMNS:
        open_time = union(*working.values())
        return [grid.Lane(day, found, open_time) for day in view.days]
    own: dict[uuid.UUID, list[Occurrence]] = defaultdict(list)
    for occurrence in found:
        own[extra[occurrence.event.pk]["host"].pk].append(occurrence)
    return [grid.Lane(view.day, own[host.pk], working.get(host.pk, []), host) for host in hosts]


def _extra(events: set[Event], calendars: list[Calendar], hosts: list[Host]) -> dict[uuid.UUID, dict[str, Any]]:
    """What the grid shows of an event beside its own words: whose it is, its booking, its state elsewhere."""
    places = {each.pk: each for each in calendars}
    home = {each.pk: zone(home_zone(each, each.account.host)) for each in calendars}
    colour = {host.pk: index % _COLOURS for index, host in enumerate(hosts)}
    roots = {event.pk: event.master_id or event.pk for event in events}
    mirrors: dict[uuid.UUID, list[Mirror]] = defaultdict(list)
    for mirror in Mirror.everywhere.filter(event__in=set(roots.values())):
        mirrors[mirror.event_id].append(mirror)
    bookings = dict(Booking.everywhere.filter(event__in=events).values_list("event_id", "pk"))
    return {
        event.pk: {
            "host": places[event.calendar_id].account.host,
            "home": home[event.calendar_id],
            "colour": colour[places[event.calendar_id].account.host_id],
            "booking": bookings.get(event.pk),
            "state": state_of(mirrors[roots[event.pk]]),
            "root": roots[event.pk],
            "movable": event.origin != Event.Origin.BOOKING and places[event.calendar_id].is_writable,
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


def zone_of(request: StaffRequest, hosts: list[Host]) -> str:
    """The zone asked for or remembered, the member's own as a host, or the organisation's."""
    asked = known_zone(request.GET.get("tz")) or known_zone(request.COOKIES.get("tz"))
    own = next((host.timezone for host in hosts if host.user_id == request.user.pk), None)
    return asked or own or request.organisation.timezone


def _chips(view: View, hosts: list[Host]) -> list[dict[str, Any]]:
    """Each host with the address of the view that they are added to, or left out of."""
    return [
        {
            "host": host,
            "on": str(host.pk) in view.hosts,
            "hue": index % _COLOURS,
            "address": view.address(hosts=_toggled(view.hosts, str(host.pk))),
        }
        for index, host in enumerate(hosts)
    ]


def _toggled(chosen: tuple[str, ...], key: str) -> tuple[str, ...]:
    return tuple(each for each in chosen if each != key) if key in chosen else (*chosen, key)


def _gutters(view: View, clock: Zone, drawn: grid.Week) -> list[dict[str, Any]]:
    """The hours in each further zone, with the address of the view without it."""
    hours = [hour for hour, _row in drawn.hours]
    return [
        {
            "timezone": tzid,
            "city": tzid.rpartition("/")[2].replace("_", " "),
            "hours": list(
                zip(grid.hours_elsewhere(clock, tzid, view.day, hours), (r for _h, r in drawn.hours), strict=True)
            ),
            "without": view.address(zones=tuple(each for each in view.zones if each != tzid)),
        }
        for tzid in view.zones
    ]


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
