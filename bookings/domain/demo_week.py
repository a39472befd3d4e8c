"""What the demo hosts are up to: a believable week of events, a few bookings and requests that wait for an answer."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from bookings.engine.zones import DAY
from bookings.formats.event import EventData, Person
from bookings.models import Event, Host, Organisation, SchedulerRequest

from . import availability, calendar, requests
from .accounts import ensure_local
from .audit import Actor

EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class _Entry:
    """An event of the week. `day` counts from Monday, `at` is the host's wall clock, `minutes` 0 means all day."""

    host: str
    day: int
    at: str
    minutes: int
    title: str
    rule: str = ""
    more: dict[str, Any] | None = None


def _with(*names: str) -> tuple[Person, ...]:
    return tuple(
        Person(f"{name.split()[0].lower()}@example.net", name, rsvp="accepted", key=f"guest-{index}")
        for index, name in enumerate(names)
    )


# The first host is left free for whoever tries the API: its events do not block.
_SERIES = [
    _Entry("greta", 0, "09:15", 15, "Morning round", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"),
    _Entry("marcus", 2, "11:00", 60, "Numbers with finance", "FREQ=WEEKLY"),
    _Entry("anjali", 1, "14:00", 60, "Design critique", "FREQ=WEEKLY;BYDAY=TU,TH"),
    _Entry("robin", 4, "09:00", 120, "Newsletter", "FREQ=WEEKLY", {"free_busy_status": "free"}),
]
_THIS_WEEK = [
    _Entry("greta", 1, "13:00", 90, "Workshop: winter programme", more={"location": "Studio 2"}),
    _Entry("greta", 3, "10:30", 45, "Call with the printer", more={"people": _with("Hanna Vogel")}),
    _Entry("marcus", 0, "14:00", 45, "Budget review", more={"people": _with("Priya Shah", "Tom Baker")}),
    _Entry("marcus", 4, "15:00", 60, "Dentist", more={"privacy": "private", "free_busy_status": "tentative"}),
    _Entry("anjali", 0, "10:00", 60, "Photo shoot", more={"location": "Harbour, pier 4"}),
    _Entry("anjali", 4, "00:00", 0, "Away: Pune", more={"free_busy_status": "away"}),
    _Entry("robin", 2, "12:00", 60, "Walk along the water", more={"free_busy_status": "free"}),
]


@dataclass(frozen=True)
class _Invitation:
    """A scheduler request. `share` says how far into the host's free times of the week its guest chooses; None: not."""

    host: str
    name: str
    summary: str
    minutes: int = 30
    timezone: str = "Europe/Stockholm"
    share: float | None = None


_INVITATIONS = [
    _Invitation("greta", "Emma Larsson", "First meeting", share=0.2),
    _Invitation("greta", "Jonas Weber", "Portfolio review", 60, "Europe/Berlin", 0.6),
    _Invitation("marcus", "Olivia Grant", "Kick-off: spring campaign", 60, "America/Chicago", 0.3),
    _Invitation("anjali", "Rahul Mehta", "Studio visit", 45, "Asia/Kolkata", 0.4),
    _Invitation("robin", "Sofia Rossi", "Coffee and a plan", timezone="Europe/Rome"),
    _Invitation("marcus", "Daniel Kim", "Contract questions", timezone="America/New_York"),
]


def fill(organisation: Organisation, hosts: dict[str, Host], *, actor: Actor) -> None:
    """Make sure this week and the next look alive. What is there already stays as it is, changed or deleted."""
    today = (date.fromtimestamp(time.time()) - EPOCH).days
    monday = EPOCH + timedelta(days=today - (today + 3) % 7)
    for number, entry in enumerate(_SERIES):
        _ensure(hosts[entry.host], entry, monday, f"series-{number}", actor)
    for week in (monday, monday + timedelta(days=7)):
        for number, entry in enumerate(_THIS_WEEK):
            _ensure(hosts[entry.host], entry, week, f"{week}-{number}", actor)
    if not SchedulerRequest.objects.for_tenant(organisation).exists():
        for invitation in _INVITATIONS:
            _invite(organisation, hosts[invitation.host], invitation, actor)


def _ensure(host: Host, entry: _Entry, monday: date, name: str, actor: Actor) -> None:
    uid = f"demo-{name}@convene"
    home = ensure_local(host)
    if Event.everywhere.filter(calendar=home, uid=uid).exists():
        return
    hour, minute = map(int, entry.at.split(":"))
    day = (monday - EPOCH).days + entry.day
    data = EventData(
        title=entry.title,
        uid=uid,
        start_wall=day * DAY + hour * 3600 + minute * 60,
        timezone=host.timezone,
        duration=entry.minutes * 60 or DAY,
        all_day=not entry.minutes,
        recurrence_rules=(entry.rule,) if entry.rule else (),
    )
    calendar.create(home, replace(data, **(entry.more or {})), actor=actor)


def _invite(organisation: Organisation, host: Host, invitation: _Invitation, actor: Actor) -> None:
    request = requests.send(
        organisation,
        host=host,
        recipient_email=f"{invitation.name.split()[0].lower()}@example.net",
        recipient_name=invitation.name,
        summary=invitation.summary,
        duration=invitation.minutes,
        actor=actor,
    )
    if invitation.share is None:
        return
    now = int(time.time())
    starts = availability.offer(requests.terms(request), now, now + 6 * DAY).starts
    if starts:
        chosen = starts[int(len(starts) * invitation.share)]
        requests.select(request, chosen, name=invitation.name, timezone=invitation.timezone)
