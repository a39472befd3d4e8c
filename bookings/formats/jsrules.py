"""Recurrence rules as JSCalendar objects (RFC 8984 4.3.3), to and from RFC 5545 text."""

from __future__ import annotations

from typing import Any

from bookings.engine.recurrence import Rule
from bookings.engine.rules import WEEKDAYS
from bookings.engine.zones import DAY, zone

from .event import EventData
from .times import basic, basic_date, local, read_local

_NUMBERS = {
    "byMonthDay": "BYMONTHDAY",
    "byYearDay": "BYYEARDAY",
    "byWeekNo": "BYWEEKNO",
    "byHour": "BYHOUR",
    "byMinute": "BYMINUTE",
    "bySecond": "BYSECOND",
    "bySetPosition": "BYSETPOS",
}
_KNOWN = {"@type", "frequency", "interval", "rscale", "skip", "firstDayOfWeek", "byDay", "byMonth", "count", "until"}


class Unreadable(ValueError):
    """A JSON value that cannot be used. `field` is its path, the text says what is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def rule_to(rule: Rule, data: EventData) -> dict[str, Any]:
    """A RecurrenceRule object; `until` becomes local to the event."""
    found: dict[str, Any] = {"@type": "RecurrenceRule", "frequency": rule.freq.lower()}
    if rule.interval != 1:
        found["interval"] = rule.interval
    if rule.skip != "OMIT":
        found |= {"rscale": "gregorian", "skip": rule.skip.lower()}
    if rule.wkst:
        found["firstDayOfWeek"] = WEEKDAYS[rule.wkst].lower()
    if rule.byday:
        found["byDay"] = [_nth(ordinal, day) for ordinal, day in rule.byday]
    if rule.bymonth:
        found["byMonth"] = [str(month) for month in rule.bymonth]
    for name, part in _NUMBERS.items():
        if values := getattr(rule, part.lower()):
            found[name] = list(values)
    if rule.count is not None:
        found["count"] = rule.count
    if rule.until is not None:
        found["until"] = local(_until(rule, data))
    return found


def _nth(ordinal: int, day: int) -> dict[str, Any]:
    said = {"@type": "NDay", "day": WEEKDAYS[day].lower()}
    return said | ({"nthOfPeriod": ordinal} if ordinal else {})


def _until(rule: Rule, data: EventData) -> int:
    assert rule.until is not None
    if rule.until_kind == "utc" and not data.all_day:
        return zone(data.timezone).to_wall(rule.until)
    if rule.until_kind == "date" and not data.all_day:
        return rule.until + DAY - 1
    return rule.until


def rule_of(value: Any, path: str, data: EventData) -> str:
    """RFC 5545 text of a RecurrenceRule object. Raises Unreadable; the values themselves are checked by the engine."""
    if not isinstance(value, dict):
        raise Unreadable(path, "Must be an object.")
    if unknown := sorted(set(value) - _KNOWN - set(_NUMBERS)):
        raise Unreadable(f"{path}/{unknown[0]}", "Not a property of a recurrence rule.")
    parts = [f"FREQ={_word(value, 'frequency', path)}"]
    for name, part in (("interval", "INTERVAL"), ("count", "COUNT")):
        if name in value:
            parts.append(f"{part}={_whole(value[name], f'{path}/{name}')}")
    for name, part in (("rscale", "RSCALE"), ("skip", "SKIP"), ("firstDayOfWeek", "WKST")):
        if name in value:
            parts.append(f"{part}={_word(value, name, path)}")
    if "byDay" in value:
        parts.append("BYDAY=" + ",".join(_weekday(day, f"{path}/byDay") for day in _list(value, "byDay", path)))
    if "byMonth" in value:
        parts.append("BYMONTH=" + ",".join(str(month) for month in _list(value, "byMonth", path)))
    for name, part in _NUMBERS.items():
        if name in value:
            numbers = [_whole(number, f"{path}/{name}") for number in _list(value, name, path)]
            parts.append(f"{part}={','.join(map(str, numbers))}")
    if "until" in value:
        parts.append(f"UNTIL={_until_text(value['until'], f'{path}/until', data)}")
    return ";".join(parts)


def _word(value: dict[str, Any], name: str, path: str) -> str:
    word = value.get(name)
    if not isinstance(word, str) or not word.isalpha() or len(word) > 20:
        raise Unreadable(f"{path}/{name}", "Must be a word.")
    return word.upper()


def _whole(number: Any, path: str) -> int:
    if not isinstance(number, int) or isinstance(number, bool) or abs(number) > 10**9:
        raise Unreadable(path, "Must be a whole number.")
    return number


def _list(value: dict[str, Any], name: str, path: str) -> list[Any]:
    found = value[name]
    if not isinstance(found, list) or not found or len(found) > 400:
        raise Unreadable(f"{path}/{name}", "Must be a list that is not empty.")
    return found


def _weekday(day: Any, path: str) -> str:
    if not isinstance(day, dict) or str(day.get("day", "")).upper() not in WEEKDAYS:
        raise Unreadable(path, "Must name weekdays such as mo.")
    nth = day.get("nthOfPeriod")
    return f"{'' if nth is None else _whole(nth, path)}{day['day'].upper()}"


def _until_text(value: Any, path: str, data: EventData) -> str:
    wall = read_local(value) if isinstance(value, str) else None
    if wall is None:
        raise Unreadable(path, "Must be a local time such as 2027-03-01T09:30:00.")
    if data.all_day:
        return basic_date(wall)
    return basic(wall) if data.floating else f"{basic(zone(data.timezone).to_utc(wall))}Z"
