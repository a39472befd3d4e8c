"""What Exchange makes of times and series: the double's own understanding, apart from the adapter's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import DAILY, FR, MO, MONTHLY, SA, SU, TH, TU, WE, WEEKLY, YEARLY, rrule

from bookings.engine.windows_zones import WINDOWS_ZONES
from bookings.engine.zones import canonical
from providers.lab.graph_schema import Json, Wrong

_DAYS = {"monday": MO, "tuesday": TU, "wednesday": WE, "thursday": TH, "friday": FR, "saturday": SA, "sunday": SU}
_PLACES = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
_FREQS = {"daily": DAILY, "weekly": WEEKLY, "absoluteMonthly": MONTHLY, "relativeMonthly": MONTHLY}
_WALL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,7})?)?")
_FAULT = "ErrorPropertyValidationFailure"


def zone_named(name: Any, *, iana: bool) -> ZoneInfo:
    """The zone of a Windows name or, where the mailbox takes them, an IANA name."""
    if isinstance(name, str) and name in WINDOWS_ZONES:
        return ZoneInfo(WINDOWS_ZONES[name])
    if name == "UTC" or (iana and isinstance(name, str) and canonical(name) == name):
        return ZoneInfo(name)
    words = f"A valid TimeZone value must be specified. The following TimeZone value is not supported: '{name}'."
    raise Wrong(words, "TimeZoneNotSupportedException")


def wall_of(moment: Json) -> datetime:
    """The wall time of a dateTimeTimeZone; an offset in it is refused."""
    text = str(moment.get("dateTime"))
    if not _WALL.fullmatch(text):
        raise Wrong(f"The value '{text}' of parameter 'dateTime' is not a local time.", "ErrorInvalidRequest")
    try:
        return datetime.fromisoformat(text).replace(microsecond=0)
    except ValueError as error:
        raise Wrong(str(error), "ErrorInvalidRequest") from error


def check_recurrence(recurrence: Json, start: datetime) -> None:
    """Refuse a pattern that lacks what its type needs, or a range that does not begin with the event."""
    pattern, span = recurrence.get("pattern") or {}, recurrence.get("range") or {}
    kind, ends = pattern.get("type"), span.get("type")
    needs = {
        "daily": (),
        "weekly": ("daysOfWeek",),
        "absoluteMonthly": ("dayOfMonth",),
        "relativeMonthly": ("daysOfWeek",),
        "absoluteYearly": ("dayOfMonth", "month"),
        "relativeYearly": ("daysOfWeek", "month"),
    }
    if kind not in needs or ends is None or any(not pattern.get(name) for name in ("interval", *needs[kind])):
        raise Wrong("The recurrence pattern lacks a property that its type needs.", _FAULT)
    if not 1 <= pattern.get("dayOfMonth", 1) <= 31 or not 1 <= pattern.get("month", 1) <= 12:
        raise Wrong("A day or month of the recurrence pattern does not exist.", _FAULT)
    if span.get("startDate") != start.date().isoformat():
        raise Wrong("The start of the range is not the start of the event.", _FAULT)
    if ends == "numbered" and not 1 <= (span.get("numberOfOccurrences") or 0) <= 999:
        raise Wrong("The number of occurrences lies between 1 and 999.", _FAULT)
    if ends == "endDate" and str(span.get("endDate")) < str(span.get("startDate")):
        raise Wrong("The range ends before it starts.", _FAULT)
    if next(starts(recurrence, start), None) != start:
        raise Wrong("The event does not start on an occurrence of its pattern.", _FAULT)


def starts(recurrence: Json, start: datetime) -> Iterator[datetime]:
    """Wall times of the occurrences, without end when the range has none."""
    pattern, span = recurrence["pattern"], recurrence["range"]
    kind = pattern["type"]
    rules: dict[str, Any] = {"freq": _FREQS.get(kind, YEARLY), "interval": pattern["interval"], "dtstart": start}
    if kind == "weekly":
        rules["wkst"] = _DAYS[pattern.get("firstDayOfWeek") or "sunday"]
        rules["byweekday"] = [_DAYS[each] for each in pattern["daysOfWeek"]]
    if kind.endswith("Yearly"):
        rules["bymonth"] = pattern["month"]
    if kind.startswith("absolute"):
        # A month that is too short takes its last day.
        rules["bymonthday"] = list(range(min(pattern["dayOfMonth"], 28), pattern["dayOfMonth"] + 1))
        rules["bysetpos"] = -1
    if kind.startswith("relative"):
        rules["byweekday"] = [_DAYS[each] for each in pattern["daysOfWeek"]]
        rules["bysetpos"] = _PLACES[pattern.get("index") or "first"]
    if span["type"] == "numbered":
        rules["count"] = span["numberOfOccurrences"]
    if span["type"] == "endDate":
        rules["until"] = datetime.combine(date.fromisoformat(span["endDate"]), start.time())
    return iter(rrule(**rules))


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    return wall.replace(tzinfo=zone).astimezone(UTC)


def shown(at: datetime, zone: tzinfo, name: str) -> Json:
    """A moment as Graph answers it: seven digits of a second, no offset."""
    return {"dateTime": at.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S.0000000"), "timeZone": name}


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def parsed(text: str) -> datetime:
    """A query parameter such as 2026-03-01T00:00:00Z; without an offset it is UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise Wrong(f"The value '{text}' is not a time.", "ErrorInvalidParameter") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


DAY = timedelta(days=1)
