"""Times as iCalendar and JSCalendar write them, to and from wall seconds and seconds."""

from __future__ import annotations

import re

from bookings.engine.zones import DAY, wall, ymd

_BASIC = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z?))?", re.ASCII)
_DAY = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?!\d)", re.ASCII)
_OFFSET = re.compile(r"([+-])(\d\d)(\d\d)(\d\d)?", re.ASCII)
_DURATION = re.compile(
    r"([+-]?)P(?:(\d{1,7})W)?(?:(\d{1,7})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})(?:\.\d+)?S)?)?", re.ASCII
)
_LOCAL = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d+)?", re.ASCII)


def read_wall(text: str) -> int | None:
    """Wall seconds of a DATE or DATE-TIME value, whatever its zone; None when it is neither."""
    match = _BASIC.fullmatch(text.strip().upper())
    return _wall_of(match) if match else None


def read_day(text: str) -> int | None:
    """Wall seconds of the midnight of the date that a text begins with, also where its time cannot be read."""
    match = _DAY.match(text.strip())
    return read_wall("".join(match.groups())) if match else None


def read_local(text: str) -> int | None:
    """Wall seconds of a JSCalendar LocalDateTime (RFC 8984 1.4.4), or None."""
    match = _LOCAL.fullmatch(text)
    return _wall_of(match) if match else None


def _wall_of(match: re.Match[str]) -> int | None:
    y, m, d, h, mi, s = (int(part or 0) for part in match.groups()[:6])
    # Second 60 is a leap second, which no clock here has.
    if h > 23 or mi > 59 or s > 60:
        return None
    try:
        return wall(y, m, d, h, mi, min(s, 59))
    except ValueError:
        return None


def basic(at: int) -> str:
    """A wall time as DATE-TIME without zone: 20270301T093000."""
    clock = at % DAY
    return f"{basic_date(at)}T{clock // 3600:02d}{clock // 60 % 60:02d}{clock % 60:02d}"


def basic_date(at: int) -> str:
    """The date of a wall time as DATE: 20270301."""
    y, m, d = ymd(at // DAY)
    return f"{y:04d}{m:02d}{d:02d}"


def local(at: int) -> str:
    """A wall time as LocalDateTime: 2027-03-01T09:30:00."""
    y, m, d = ymd(at // DAY)
    clock = at % DAY
    return f"{y:04d}-{m:02d}-{d:02d}T{clock // 3600:02d}:{clock // 60 % 60:02d}:{clock % 60:02d}"


def read_duration(text: str) -> tuple[int, int] | None:
    """(whole days, further seconds) of a duration, both with its sign; None when it is none.

    Days are apart, because they are nominal: on the day clocks change one has not 24 hours (RFC 5545 3.3.6).
    """
    match = _DURATION.fullmatch(text.strip().upper())
    if not match or not any(match.groups()[1:]):
        return None
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:])
    sign = -1 if match[1] == "-" else 1
    return sign * (weeks * 7 + days), sign * (hours * 3600 + minutes * 60 + seconds)


def duration(seconds: int, *, days: bool = False) -> str:
    """A duration in exact hours, minutes and seconds, or in whole days: PT1H30M, -PT15M, P2D."""
    sign, left = ("-", -seconds) if seconds < 0 else ("", seconds)
    if days:
        return f"{sign}P{left // DAY}D"
    hours, minutes, rest = left // 3600, left // 60 % 60, left % 60
    parts = [f"{value}{unit}" for value, unit in ((hours, "H"), (minutes, "M"), (rest, "S")) if value]
    return f"{sign}PT{''.join(parts) or '0S'}"


def offset_seconds(text: str) -> int | None:
    """A UTC-OFFSET value such as +0530 in seconds, or None."""
    match = _OFFSET.fullmatch(text.strip())
    if not match:
        return None
    size = int(match[2]) * 3600 + int(match[3]) * 60 + int(match[4] or 0)
    return None if size > DAY else (-size if match[1] == "-" else size)


def offset_text(seconds: int) -> str:
    """Seconds east of Greenwich as UTC-OFFSET."""
    size = abs(seconds)
    rest = f"{size % 60:02d}" if size % 60 else ""
    return f"{'-' if seconds < 0 else '+'}{size // 3600:02d}{size // 60 % 60:02d}{rest}"
