"""What a request says: which account, calendars and event it means, and what it wants of them."""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.http import QueryDict

from bookings.api import refusals
from bookings.api.base import Problem, Refusal
from bookings.api.morgen import wire
from bookings.engine.zones import canonical
from bookings.formats.jspatch import QUARTET
from bookings.formats.times import read_local

MODES = ("single", "future", "all")
ROOMS = ("default", "googleMeet", "microsoftTeams")
MOST_CALENDARS = 100
_MONTHS = 6
_REQUIRED = ("accountId", "calendarId", "title", *QUARTET)
_NOT_FIELDS = frozenset(
    {"id", "eventId", "calendarId", "accountId", "integrationId", "baseEventId", "masterEventId", "masterBaseEventId"}
    | {"recurrenceId", "recurrenceIdTimeZone", "created", "updated", "morgen.so:derived", wire.METADATA, wire.ROOM}
    | {"google.com:hangoutLink", "seriesUpdateMode"}
)
"""What says which event is meant, and what only we say of it."""
_OVERRIDES = ("overrideColor", "overrideName")
_COLOUR = re.compile(r"#[0-9a-fA-F]{3}(?:[0-9a-fA-F]{3}(?:[0-9a-fA-F]{2})?)?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def wrong(path: str, message: str, code: str = "invalid") -> Refusal:
    return refusals.invalid(Problem(path, code, message))


def text(holder: Mapping[str, Any], *names: str, required: bool = True) -> str:
    """The first of these values that is there; empty when it may be left out. Raises Refusal."""
    for name in names:
        value = holder.get(name)
        if value is None:
            continue
        if not isinstance(value, str):
            raise wrong(name, "Must be a text.")
        if value:
            return value
    if required:
        raise wrong(names[0], "Is required.", "required")
    return ""


def flag(holder: Mapping[str, Any], name: str, default: bool | None) -> bool | None:
    """True or false, also as the texts that some clients make of them. Raises Refusal."""
    value = holder.get(name)
    if value is None:
        return default
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise wrong(name, "Must be true or false.")
    return value


def mode(query: QueryDict) -> str:
    """How far a change of a recurring event reaches."""
    asked = query.get("seriesUpdateMode") or MODES[0]
    if asked not in MODES:
        raise wrong("seriesUpdateMode", f"Possible are: {', '.join(MODES)}.")
    return asked


def calendar_ids(query: QueryDict) -> list[str]:
    named = [each.strip() for given in query.getlist("calendarIds") for each in given.split(",")]
    ids = list(dict.fromkeys(filter(None, named)))
    if not ids:
        raise wrong("calendarIds", "Is required.", "required")
    if len(ids) > MOST_CALENDARS:
        raise wrong("calendarIds", f"At most {MOST_CALENDARS} calendars are possible.")
    return ids


def window(query: QueryDict) -> tuple[int, int]:
    """The stretch of time that is asked for, in UTC seconds; not longer than six months of the calendar."""
    start, end = _moment(query, "start"), _moment(query, "end")
    if end <= start:
        raise wrong("end", "Must be after start.")
    if end > _months_later(start):
        raise wrong("end", f"The interval from start must not be longer than {_MONTHS} months.")
    return int(start.timestamp()), int(end.timestamp())


def _moment(query: QueryDict, name: str) -> datetime:
    given = text(query.dict(), name).strip()
    # A plus that was not escaped arrives as a space.
    spelled = re.sub(r" (\d\d:?\d\d)$", r"+\1", given)
    try:
        found = datetime.fromisoformat(spelled)
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise wrong(name, "Must be a time in ISO 8601, such as 2027-03-01T00:00:00Z.") from None
    if not 1900 <= found.year < 2200:
        raise wrong(name, "Must lie between the years 1900 and 2200.")
    return found


def _months_later(at: datetime) -> datetime:
    years, month = divmod(at.month - 1 + _MONTHS, 12)
    year = at.year + years
    return at.replace(year=year, month=month + 1, day=min(at.day, calendar.monthrange(year, month + 1)[1]))


def creation(body: dict[str, Any], *, strict: bool, home: str) -> dict[str, Any]:
    """The properties of an event to be made.

    :param strict: as v3 has it: all times are given. Otherwise what is missing is an hour in the calendar's zone.
    :param home: that zone.
    """
    if strict:
        # A time zone of null means something.
        for name in _REQUIRED:
            if name not in body or (body[name] is None and name != "timeZone"):
                raise wrong(name, "Is required.", "required")
    part = properties(body)
    if part.get("start") is None:
        raise wrong("start", "Is required.", "required")
    if part.get("duration") is None:
        part["duration"] = "P1D" if part.get("showWithoutTime") is True else "PT1H"
    if "timeZone" not in part:
        part["timeZone"] = home if part.get("showWithoutTime") is not True else None
    return part


def change(body: dict[str, Any], *, strict: bool) -> dict[str, Any]:
    """The properties of an event to be changed; only these. `strict`, as v3 has it: times come together."""
    part = properties(body)
    given = [name for name in QUARTET if name in part]
    if strict and given and len(given) < len(QUARTET):
        missing = ", ".join(name for name in QUARTET if name not in part)
        raise wrong(missing, f"{', '.join(QUARTET)} must be given together; timeZone may be null (floating).")
    return part


def properties(body: dict[str, Any]) -> dict[str, Any]:
    """What the body says of the event itself, as properties of JSCalendar."""
    part = {name: value for name, value in body.items() if name not in _NOT_FIELDS}
    if part.get("useDefaultAlerts") is True and part.get("alerts"):
        raise wrong("alerts", "Cannot be used together with useDefaultAlerts.")
    if part.get("useDefaultAlerts") is True:
        part["alerts"] = None
    elif part.get("alerts"):
        part["useDefaultAlerts"] = False
    colour = part.get(wire.COLOUR)
    if colour is not None and colour not in map(str, range(1, 12)):
        raise wrong(wire.COLOUR, "Must be a text from 1 to 11.")
    if _CONTROL.search(text(part, "uid", required=False)):
        raise wrong("uid", "Must not hold control characters.")
    return part


def room(body: dict[str, Any]) -> str | None:
    """The virtual room that is wanted."""
    asked = body.get(wire.ROOM)
    if asked is not None and asked not in ROOMS:
        raise wrong(wire.ROOM, f"Possible are: {', '.join(ROOMS)}.")
    return asked


@dataclass(frozen=True)
class Named:
    """Which event is meant: the id of an event or a series, and of one occurrence its original start in wall seconds,
    in that zone if one is given."""

    event_id: str
    wall: int | None = None
    timezone: str | None = None


def event(body: dict[str, Any]) -> Named:
    """The event that a body means, by its id or by that of its series and its original start there."""
    if event_id := text(body, "id", "eventId", required=False):
        return Named(*wire.named(event_id))
    series_id = text(body, "masterEventId", required=False)
    start = text(body, "recurrenceId", required=False)
    if not series_id or not start:
        raise wrong("id", "Either id or both masterEventId and recurrenceId are required.", "required")
    wall = read_local(start)
    if wall is None:
        raise wrong("recurrenceId", "Must be a local time such as 2027-03-01T09:30:00.")
    zone = text(body, "recurrenceIdTimeZone", required=False)
    if zone and canonical(zone) is None:
        raise wrong("recurrenceIdTimeZone", "Must be an IANA time zone name.")
    return Named(series_id, wall, canonical(zone) if zone else None)


def metadata(body: dict[str, Any]) -> tuple[bool | None, dict[str, Any]]:
    """What is to be said of a calendar: whether it makes busy, if that is asked, and what has no place with us."""
    given = body.get(wire.METADATA)
    if not isinstance(given, dict) or not given:
        raise wrong(wire.METADATA, "Must be an object that is not empty.")
    if strange := sorted(set(given) - {"busy", *_OVERRIDES}):
        raise wrong(wire.METADATA, f"property {strange[0][:60]} should not exist.")
    kept = {name: text(given, name, required=False) or None for name in _OVERRIDES if name in given}
    if len(kept.get("overrideName") or "") > 300:
        raise wrong("overrideName", "At most 300 characters are possible.")
    if (colour := kept.get("overrideColor")) and not _COLOUR.fullmatch(colour):
        raise wrong("overrideColor", "Must be a colour such as #ff0000.")
    return flag(given, "busy", None), kept
