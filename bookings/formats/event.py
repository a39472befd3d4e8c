"""An event outside the database: the one shape between tables, standards, dialects and providers."""

from __future__ import annotations

import hashlib
import html
import json
from dataclasses import dataclass, field
from typing import Any

import nh3

from bookings.engine.recurrence import RuleError, parse_rule
from bookings.engine.zones import zone


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


DECLINED = "declined"
"""Key in `raw` of an event whose owner declined the invitation: it is shown as free and never blocks."""


def fingerprint(data: EventData) -> str:
    """Hex SHA-256 of what an event means to the people in it: equal for two spellings of the same event.

    Covers uid, the instants and the rules, title, description, location, room, status, busy state and privacy;
    not what servers rewrite (sequence, order, answers of guests) or hosts arrange for themselves (alerts, colour).
    """
    recurring = bool(data.recurrence_rules or data.recurrence_dates or data.recurrence_wall is not None)
    meaning = [
        data.uid,
        # A single event is its instant, whatever zone it was written in.
        data.start_wall if data.all_day or data.floating else zone(data.timezone).to_utc(data.start_wall),
        data.duration,
        [data.all_day, data.floating],
        data.timezone if recurring else "",
        sorted(map(_rule, data.recurrence_rules)),
        sorted(map(_rule, data.exclusion_rules)),
        [sorted(data.recurrence_dates), sorted(data.excluded_dates), data.recurrence_wall],
        [" ".join(text.split()) for text in (data.title, plain(data), data.location)],
        data.conference.get("url", ""),
        [data.status, data.free_busy_status, data.privacy],
    ]
    return hashlib.sha256(json.dumps(meaning).encode()).hexdigest()


def plain(data: EventData) -> str:
    """The description as plain text, for formats that know no other."""
    if data.description_type != "text/html":
        return data.description
    return html.unescape(nh3.clean(data.description, tags=set())).strip()


def _rule(text: str) -> str:
    try:
        return str(parse_rule(text))
    except RuleError:
        return text
