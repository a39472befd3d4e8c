"""A calendar's settings in LeadConnector's words, both ways: slots, notice, hours, seats, team."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bookings.api.leadconnector import places, wire
from bookings.api.reader import Reader
from bookings.domain.offers import MINUTES_OF_A_DAY, Settings, Team, WeekMinutes
from bookings.engine.hours import WeeklyHours
from bookings.models import EventType

CALENDAR_TYPES = ("round_robin", "event", "class_booking", "collective", "service_booking", "personal")
DEFAULT_TITLE = "{{contact.name}}"

_MINUTES = {"mins": 1, "hours": 60, "days": 1440, "weeks": 10_080, "months": 43_200}
_DAYS = {"days": 1, "weeks": 7, "months": 30}
_SHORT = ("mins", "hours")
_NOTICE = ("mins", "hours", "days", "weeks", "months")
_AHEAD = ("days", "weeks", "months")
_MOST_TEAM, _MOST_HOURS = 100, 100

_KEPT_TEXTS = (
    *("widgetSlug", "eventColor", "formId", "alertEmail", "notes", "pixelId", "formSubmitRedirectURL"),
    *("formSubmitThanksMessage", "consentLabel", "calendarCoverImage", "groupId"),
)
_KEPT_FLAGS = (
    *("enableRecurring", "stickyContact", "isLivePaymentMode", "shouldSendAlertEmailsToAssignedMember"),
    *("googleInvitationEmails", "allowReschedule", "allowCancellation", "shouldAssignContactToTeamMember"),
    "shouldSkipAssigningContactForExisting",
)
_KEPT_CHOICES = {
    "eventType": ("RoundRobin_OptimizeForAvailability", "RoundRobin_OptimizeForEqualDistribution"),
    "calendarType": CALENDAR_TYPES,
    "widgetType": ("default", "classic"),
    "formSubmitType": ("RedirectURL", "ThankYouMessage"),
    "guestType": ("count_only", "collect_detail"),
}
_KEPT_OBJECTS = ("recurring", "lookBusyConfig")
_KEPT_LISTS = ("notifications", "availabilities")
_DEFAULTS: dict[str, Any] = {
    "eventType": "RoundRobin_OptimizeForAvailability",
    "widgetType": "classic",
    "eventColor": "#039be5",
    "enableRecurring": False,
    "googleInvitationEmails": False,
    "allowReschedule": True,
    "allowCancellation": True,
    "formSubmitType": "ThankYouMessage",
    "availabilities": [],
    "notifications": [],
}
"""What the vendor documents as the default of what is only kept."""


@dataclass(frozen=True)
class MemberAsked:
    user_id: str
    priority: float
    raw: dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """What a request says of a calendar: names, our settings, hours, team (each None when it is left out), and what is
    only kept."""

    name: str | None = None
    slug: str | None = None
    weekly: WeekMinutes | None = None
    team: tuple[MemberAsked, ...] | None = None
    settings: Settings = field(default_factory=lambda: Settings())
    raw: dict[str, Any] = field(default_factory=dict)


def read(body: dict[str, Any], reader: Reader, *, creating: bool) -> Asked:
    """Problems go to the reader; with any of them, the result is incomplete."""
    named = "name" in body or creating
    return Asked(
        name=reader.text(body, "name", "name", required=True, longest=200) if named else None,
        slug=reader.text(body, "slug", "slug", longest=60) or None,
        weekly=_hours(body, reader) if body.get("openHours") is not None else None,
        team=_team(body, reader) if body.get("teamMembers") is not None else None,
        settings=_settings(body, reader),
        raw=_raw(body, reader),
    )


def _settings(body: dict[str, Any], reader: Reader) -> Settings:
    said: dict[str, Any] = {}
    if body.get("description") is not None:
        said["description"] = reader.text(body, "description", "description", one_line=False)
    if body.get("eventTitle") is not None:
        said["title_template"] = reader.text(body, "eventTitle", "eventTitle", longest=300)
    for key, column in (("preBuffer", "buffer_before"), ("slotBuffer", "buffer_after")):
        said |= _length(body, key, column, _SHORT, reader)
    said |= _length(body, "slotInterval", "slot_interval", _SHORT, reader)
    said |= _length(body, "allowBookingAfter", "minimum_notice", _NOTICE, reader)
    if length := _length(body, "slotDuration", "durations", _SHORT, reader):
        said["durations"] = [length["durations"]]
    if (days := _number(body, "allowBookingFor", reader)) is not None:
        factor = _DAYS[wire.choice(body, "allowBookingForUnit", _AHEAD, reader) or "days"]
        said |= {"window_days": round(days * factor), "window": EventType.Window.ROLLING}
    if (seats := _number(body, "appoinmentPerSlot", reader)) is not None:
        said["capacity"] = round(seats)
    if (daily := _number(body, "appoinmentPerDay", reader)) is not None:
        said["limits"] = {"day": round(daily)} if daily else {}
    for key, column in (("autoConfirm", "needs_confirmation"), ("isActive", "is_active")):
        if (value := wire.flag(body, key, reader)) is not None:
            said[column] = not value if key == "autoConfirm" else value
    return Settings(**said) | _place(body)  # type: ignore[typeddict-item]


def _length(body: dict[str, Any], key: str, column: str, units: tuple[str, ...], reader: Reader) -> dict[str, int]:
    """A number with its unit, in minutes."""
    number = _number(body, key, reader)
    unit = wire.choice(body, f"{key}Unit", units, reader)
    return {} if number is None else {column: round(number * _MINUTES[unit or units[0]])}


def _number(body: dict[str, Any], key: str, reader: Reader) -> float | None:
    value = body.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 10_000_000:
        reader.wrong(key, "invalid", f"{key} must be a number that is not negative.")
        return None
    return value


def _place(body: dict[str, Any]) -> dict[str, str]:
    """Where a calendar's first location says it is; malformed ones are told of by `_raw`."""
    listed = body.get("locationConfigurations")
    team = body.get("teamMembers")
    if not listed and isinstance(team, list) and team and isinstance(team[0], dict):
        listed = team[0].get("locationConfigurations")
    first = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else {}
    if str(first.get("kind")) not in places.KINDS:
        return {}
    return {"place": places.of_kind(first["kind"]), "place_detail": str(first.get("location") or "")[:1024]}


def _hours(body: dict[str, Any], reader: Reader) -> list[list[tuple[int, int]]]:
    """openHours as seven days, Monday first; theirs count from Sunday. Nothing at all: the hosts' own hours."""
    days: list[list[tuple[int, int]]] = [[] for _ in range(7)]
    listed = reader.array(body, "openHours", "openHours")
    for index, each in enumerate(listed[:_MOST_HOURS]):
        path = f"openHours.{index}"
        blocks = _blocks(each, path, reader)
        wanted = each.get("daysOfTheWeek") if isinstance(each, dict) else None
        if not isinstance(wanted, list) or not all(type(day) is int and 0 <= day <= 6 for day in wanted):
            reader.wrong(path, "invalid", f"{path}.daysOfTheWeek must list numbers from 0 (Sunday) to 6.")
            continue
        for day in set(wanted):
            days[(day - 1) % 7] += blocks
    return days if any(days) else []


def _blocks(holder: Any, path: str, reader: Reader) -> list[tuple[int, int]]:
    listed = holder.get("hours") if isinstance(holder, dict) else None
    found = []
    for each in listed if isinstance(listed, list) else [None]:
        block = _block(each)
        if block is None:
            reader.wrong(path, "invalid", f"{path}.hours must list openHour, openMinute, closeHour and closeMinute.")
        else:
            found.append(block)
    return found


def _block(hour: Any) -> tuple[int, int] | None:
    names = ("openHour", "openMinute", "closeHour", "closeMinute")
    if not isinstance(hour, dict) or not all(type(hour.get(name)) is int for name in names):
        return None
    start, end = hour["openHour"] * 60 + hour["openMinute"], hour["closeHour"] * 60 + hour["closeMinute"]
    end = end or MINUTES_OF_A_DAY
    return (start, end) if 0 <= start < end <= MINUTES_OF_A_DAY else None


def _team(body: dict[str, Any], reader: Reader) -> tuple[MemberAsked, ...]:
    found = []
    for index, each in enumerate(reader.array(body, "teamMembers", "teamMembers")):
        path = f"teamMembers.{index}"
        if not isinstance(each, dict) or index >= _MOST_TEAM:
            reader.wrong(path, "invalid", f"teamMembers must list at most {_MOST_TEAM} objects.")
            break
        user_id = reader.text(each, "userId", f"{path}.userId", required=True, longest=64)
        priority = each.get("priority", 0.5)
        if isinstance(priority, bool) or priority not in (0, 0.5, 1):
            reader.wrong(path, "invalid", f"{path}.priority must be one of the following values: 0, 0.5, 1.")
            priority = 0.5
        _locations(each, f"{path}.locationConfigurations", reader)
        wire.flag(each, "isPrimary", reader)
        kept = {
            key: each[key] for key in ("userId", "isPrimary", "locationConfigurations") if each.get(key) is not None
        }
        found.append(MemberAsked(user_id, priority, kept))
    return tuple(found)


def _locations(holder: dict[str, Any], path: str, reader: Reader) -> None:
    for each in reader.array(holder, "locationConfigurations", path):
        if not isinstance(each, dict) or str(each.get("kind")) not in places.KINDS:
            reader.wrong(
                path, "invalid", f"{path}.kind must be one of the following values: {', '.join(places.KINDS)}."
            )
        elif not all(isinstance(each.get(key, ""), str) for key in ("location", "meetingId")):
            reader.wrong(path, "invalid", f"{path}.location must be a string.")


def _raw(body: dict[str, Any], reader: Reader) -> dict[str, Any]:
    """What is only kept, with its types checked."""
    checks: list[tuple[Sequence[str], Callable[[str], object]]] = [
        (_KEPT_TEXTS, lambda key: reader.text(body, key, key, one_line=False)),
        (_KEPT_FLAGS, lambda key: wire.flag(body, key, reader)),
        (tuple(_KEPT_CHOICES), lambda key: wire.choice(body, key, _KEPT_CHOICES[key], reader)),
        (_KEPT_OBJECTS, lambda key: reader.object(body, key, key)),
        (_KEPT_LISTS, lambda key: reader.array(body, key, key)),
    ]
    kept: dict[str, Any] = {}
    for keys, check in checks:
        for key in keys:
            if key in body:
                check(key)
                kept[key] = body[key]
    if body.get("availabilityType") not in (None, 0, 1):
        reader.wrong("availabilityType", "invalid", "availabilityType must be 0, 1 or null.")
    _locations(body, "locationConfigurations", reader)
    units = ("slotDurationUnit", "slotIntervalUnit", "slotBufferUnit", "preBufferUnit", "allowBookingAfterUnit")
    more = ("locationConfigurations", "availabilityType", "allowBookingForUnit", *units)
    return kept | {key: body[key] for key in more if key in body}


@dataclass(frozen=True)
class Names:
    """What the things around a calendar are called."""

    location_id: str
    calendar_id: str
    users: Mapping[Any, str]


def shown(event_type: EventType, team: Team, weekly: WeeklyHours | None, kept: dict[str, Any], names: Names) -> dict:
    """A calendar as reads and lists have it: what is only kept as it was written, the rest as it is now."""
    body = _DEFAULTS | {key: value for key, value in kept.items() if key != "teamMembers" and value is not None}
    length = event_type.durations[0]
    body |= {
        "id": names.calendar_id,
        "locationId": names.location_id,
        "name": event_type.name,
        "description": event_type.description,
        "slug": event_type.slug,
        "widgetSlug": kept.get("widgetSlug") or event_type.slug,
        "isActive": event_type.is_active,
        "calendarType": _type(team, event_type, kept),
        "eventTitle": event_type.title_template or DEFAULT_TITLE,
        "autoConfirm": not event_type.needs_confirmation,
        "appoinmentPerSlot": event_type.capacity,
        "openHours": _open_hours(weekly),
        "teamMembers": _members(team, event_type, kept, names),
        "locationConfigurations": places.configured(event_type, kept, ""),
        **_spelled(length, "slotDuration", _SHORT, kept),
        **_spelled(event_type.slot_interval or length, "slotInterval", _SHORT, kept),
        **_spelled(event_type.buffer_after, "slotBuffer", _SHORT, kept),
        **_spelled(event_type.buffer_before, "preBuffer", _SHORT, kept),
        **_spelled(event_type.minimum_notice, "allowBookingAfter", _NOTICE, kept),
    }
    if event_type.window in (EventType.Window.ROLLING, EventType.Window.WORKING):
        body |= _spelled(event_type.window_days * 1440, "allowBookingFor", _AHEAD, kept)
    if daily := event_type.limits.get("day"):
        body["appoinmentPerDay"] = daily
    return body


def _spelled(minutes: int, key: str, units: tuple[str, ...], kept: Mapping[str, Any]) -> dict[str, Any]:
    """A length in the unit it was written in if that comes out even, else in the first one."""
    asked = kept.get(f"{key}Unit")
    unit = asked if asked in units and minutes % _MINUTES[asked] == 0 else units[0]
    value = minutes / _MINUTES[unit]
    return {key: int(value) if value == int(value) else value, f"{key}Unit": unit}


def _type(team: Team, event_type: EventType, kept: Mapping[str, Any]) -> str:
    """As it was made, unless it has become something else since."""
    if team.everybody:
        return "collective"
    asked = str(kept.get("calendarType") or "")
    if asked and asked != "collective":
        return asked
    if event_type.capacity > 1:
        return "class_booking"
    return "personal" if len(team.members) == 1 else "round_robin"


def _members(team: Team, event_type: EventType, kept: Mapping[str, Any], names: Names) -> list[dict[str, Any]]:
    said = {each.get("userId"): each for each in kept.get("teamMembers") or []}
    found = []
    for index, member in enumerate(team.members):
        user_id = names.users[member.host.pk]
        own = said.get(user_id, {})
        priority = 0.5 if team.is_plain else min(max(member.priority, 0), 2) / 2
        locations = places.configured(event_type, {**kept, "locationConfigurations": []}, user_id)
        shown = {"userId": user_id, "priority": priority, "isPrimary": own.get("isPrimary", index == 0)}
        found.append(shown | {"locationConfigurations": locations})
    return found


def _open_hours(weekly: WeeklyHours | None) -> list[dict[str, Any]]:
    """Seven days, Monday first, as theirs: days with the same hours together."""
    days: dict[tuple[tuple[int, int], ...], list[int]] = {}
    for index, blocks in enumerate(weekly or ()):
        if blocks:
            days.setdefault(tuple(blocks), []).append((index + 1) % 7)
    return [
        {"daysOfTheWeek": sorted(those), "hours": [_hour(start, end) for start, end in blocks]}
        for blocks, those in days.items()
    ]


def _hour(start: int, end: int) -> dict[str, int]:
    # 24:00 is theirs only as 23 hours and 60 minutes.
    close = (23, 60) if end == MINUTES_OF_A_DAY else divmod(end, 60)
    return {"openHour": start // 60, "openMinute": start % 60, "closeHour": close[0], "closeMinute": close[1]}
