"""An event outside the database: the one shape between tables, standards, dialects and providers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Person:
    """Somebody in an event. `role`: owner, host or attendee; `rsvp`: needs-action, accepted, declined, tentative."""

    email: str
    name: str = ""
    role: str = "attendee"
    rsvp: str = "needs-action"
    key: str = ""
    comment: str = ""
    phone: str = ""


@dataclass(frozen=True)
class EventData:
    """What an event says, in the words of JSCalendar (RFC 8984).

    `start_wall` is seconds since 1970-01-01 of the wall clock in `timezone` (IANA; for `floating` events the zone they
    are read in). `duration` is seconds of elapsed time; all-day events count whole days of 86,400 s and are turned into
    real local days by whoever needs instants. Lists of dates hold wall seconds in the same zone. Rules are RFC 5545
    texts without the property name. A changed occurrence of a series carries `recurrence_wall`, its original start.
    """

    title: str
    start_wall: int
    timezone: str
    duration: int
    uid: str = ""
    all_day: bool = False
    floating: bool = False
    description: str = ""
    description_type: str = "text/plain"
    location: str = ""
    locations: dict[str, Any] = field(default_factory=dict)
    conference: dict[str, Any] = field(default_factory=dict)
    status: str = "confirmed"
    free_busy_status: str = "busy"
    privacy: str = "public"
    recurrence_rules: tuple[str, ...] = ()
    exclusion_rules: tuple[str, ...] = ()
    recurrence_dates: tuple[int, ...] = ()
    excluded_dates: tuple[int, ...] = ()
    recurrence_wall: int | None = None
    people: tuple[Person, ...] = ()
    alerts: dict[str, Any] = field(default_factory=dict)
    use_default_alerts: bool = False
    colour: str = ""
    notify_guests: bool = False
    sequence: int = 0
    raw: dict[str, Any] = field(default_factory=dict)
