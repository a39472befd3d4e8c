"""Things tests start from. Plain functions: what matters to a test is said in its call, the rest is ordinary."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User

from bookings.domain import reserve
from bookings.domain.accounts import FoundCalendar, connect, ensure_local
from bookings.domain.audit import SYSTEM
from bookings.domain.availability import Terms
from bookings.models import Booking, Calendar, Host, Membership, Organisation, Schedule

PASSWORD = "correct horse battery staple"
ALWAYS: list[list[list[int]]] = [[[0, 1440]]] * 7
"""Open around the clock, every day."""

_number = itertools.count(1)


def organisation(name: str = "", **fields: Any) -> Organisation:
    number = next(_number)
    return Organisation.objects.create(name=name or f"Organisation {number}", slug=f"org-{number}", **fields)


def host(
    org: Organisation | None = None,
    *,
    timezone: str = "UTC",
    weekly: Sequence[Sequence[Sequence[int]]] | None = None,
    name: str = "",
    **fields: Any,
) -> Host:
    """A host with a schedule (nine to five on weekdays unless `weekly` says otherwise) and the local calendar."""
    org = org or organisation()
    number = next(_number)
    schedule = Schedule(organisation=org)
    if weekly is not None:
        schedule.weekly = [[list(block) for block in day] for day in weekly]
    schedule.save()
    made: Host = Host.everywhere.create(
        organisation=org,
        name=name or f"Host {number}",
        slug=f"host-{number}",
        email=fields.pop("email", f"host{number}@example.org"),
        timezone=timezone,
        schedule=schedule,
        **fields,
    )
    ensure_local(made)
    return made


def local_calendar(of: Host) -> Calendar:
    return ensure_local(of)


def caldav_calendar(of: Host, *, server_url: str = "https://dav.example.org/", **fields: Any) -> Calendar:
    """A connected CalDAV account with one calendar, made the host's booking calendar. Nothing answers at its URL."""
    number = next(_number)
    account = connect(
        of,
        provider="caldav",
        label="CalDAV",
        server_url=server_url,
        username=f"user{number}",
        credentials={"password": "secret"},
        calendars=[FoundCalendar(external_id=f"{server_url}user{number}/work/", name="Work", primary=True)],
        actor=SYSTEM,
    )
    calendar: Calendar = account.calendars.get()
    for name, value in fields.items():
        setattr(calendar, name, value)
    calendar.save()
    Host.everywhere.filter(pk=of.pk).update(booking_calendar=calendar)
    of.booking_calendar = calendar
    return calendar


def booking(*hosts: Host, start: int, minutes: int = 60, title: str = "Call") -> Booking:
    """A confirmed booking of all these hosts, at any hour."""
    terms = Terms(hosts, minutes * 60, required=len(hosts), step=60, refuse_unknown=False, weekly=(((0, 1440),),) * 7)
    return reserve.book(hosts[0].organisation, terms, start, reserve.Wish(title, "UTC"), actor=SYSTEM)


def staff_user(org: Organisation, *, role: str = Membership.Role.STAFF, username: str = "") -> User:
    """Somebody who signs in with `PASSWORD` and belongs to the organisation."""
    name = username or f"staff{next(_number)}"
    user = get_user_model().objects.create_user(name, f"{name}@example.org", PASSWORD)
    Membership.everywhere.create(organisation=org, user=user, role=role)
    return user
