"""Cronofy's words for hours of the week and for single available periods, both ways."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from bookings.api.cronofy import paging, times
from bookings.api.cronofy.availability_wire import names
from bookings.api.reader import Reader
from bookings.domain.hosts import Weekly
from bookings.models import Opening

DEFAULT = "default"
"""What a schedule is called that no application has named: the id of the vendor's own example."""

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
LONGEST_NAME = 255

_CLOCK = re.compile(r"(\d\d?):(\d\d)(?::00)?", re.ASCII)
_MIDNIGHT = 1440


@dataclass(frozen=True)
class Rule:
    name: str
    tzid: str
    weekly: Weekly
    calendar_ids: list[str] | None


@dataclass(frozen=True)
class View:
    """Which periods are asked for, [lo, hi) in UTC seconds, and how they are told."""

    lo: int
    hi: int
    localized: bool


def read_rule(body: dict[str, Any], reader: Reader) -> Rule:
    return Rule(
        name=read_name(body, "availability_rule_id", reader),
        tzid=times.zone_name(body, "tzid", "tzid", reader, required=True),
        weekly=_weekly(body, reader),
        calendar_ids=names(body, "calendar_ids", "calendar_ids", reader),
    )


def read_name(body: dict[str, Any], key: str, reader: Reader) -> str:
    """An id that the application chose."""
    return reader.text(body, key, key, required=True, longest=LONGEST_NAME)


def read_view(asked: dict[str, Any], reader: Reader) -> View:
    """from, to, tzid (needed when there is one of the two) and localized_times of a query."""
    bounded = bool(asked.get("from") or asked.get("to"))
    tzid = times.zone_name(asked, "tzid", "tzid", reader, required=bounded) or "UTC"
    lo, hi = (times.read(asked, key, key, reader, required=False) for key in ("from", "to"))
    return View(
        lo.instant(tzid) if lo else times.EARLIEST,
        hi.instant(tzid) if hi else times.LATEST,
        paging.flag(asked, "localized_times", reader),
    )


def _weekly(body: dict[str, Any], reader: Reader) -> Weekly:
    weekly: Weekly = [[] for _ in DAYS]
    for place, period in enumerate(reader.array(body, "weekly_periods", "weekly_periods", required=True)):
        path = f"weekly_periods[{place}]"
        if not isinstance(period, dict):
            reader.wrong(path, "invalid", f"{path} must be an object.")
            continue
        day = reader.text(period, "day", f"{path}.day", required=True).strip().lower()
        start, end = (_clock(period, key, f"{path}.{key}", reader) for key in ("start_time", "end_time"))
        if day and day not in DAYS:
            reader.wrong(f"{path}.day", "invalid", f"{path}.day must be the English name of a day of the week.")
        elif day and start is not None and end is not None:
            # An end at midnight is that of the day.
            _add(weekly[DAYS.index(day)], start, end or _MIDNIGHT, path, reader)
    return weekly


def _add(blocks: list[list[int]], start: int, end: int, path: str, reader: Reader) -> None:
    if end <= start:
        reader.wrong(f"{path}.end_time", "invalid", f"{path}.end_time must be after its start_time.")
    else:
        blocks.append([start, end])


def _clock(period: dict[str, Any], key: str, path: str, reader: Reader) -> int | None:
    """Minutes of the day of a text like 09:30."""
    text = reader.text(period, key, path, required=True).strip()
    match = _CLOCK.fullmatch(text)
    minutes = int(match[1]) * 60 + int(match[2]) if match and int(match[2]) < 60 else None
    if text and (minutes is None or minutes > _MIDNIGHT):
        reader.wrong(path, "invalid", f"{path} must be a time of the day such as 09:30.")
        return None
    return minutes


def rule(name: str, tzid: str, weekly: Weekly, calendar_ids: list[str] | None) -> dict[str, Any]:
    """A rule as it is told. Hours that run past midnight are told on both days."""
    found: dict[str, Any] = {"availability_rule_id": name, "tzid": tzid}
    if calendar_ids:
        found["calendar_ids"] = calendar_ids
    split: Weekly = [[] for _ in DAYS]
    for day, blocks in enumerate(weekly):
        for start, end in blocks:
            split[day].append([start, min(end, _MIDNIGHT)])
            if end > _MIDNIGHT:
                split[(day + 1) % 7].append([0, end - _MIDNIGHT])
    found["weekly_periods"] = [
        {"day": day, "start_time": _told(start), "end_time": _told(end)}
        for day, blocks in zip(DAYS, split, strict=True)
        for start, end in sorted(blocks)
        if start < end
    ]
    return found


def _told(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def period(name: str, opening: Opening, *, localized: bool) -> dict[str, Any]:
    assert opening.start_s is not None
    assert opening.end_s is not None
    start, end = (
        times.localized(at, opening.timezone) if localized else times.instant(at)
        for at in (opening.start_s, opening.end_s)
    )
    return {"available_period_id": name, "start": start, "end": end}
