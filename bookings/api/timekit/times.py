"""Timestamps as Timekit's clients ask for them: RFC 3339, the PHP date formats of their headers, relative times."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from bookings.engine.zones import DAY, canonical, wall, ymd, zone

RFC3339 = r"Y-m-d\TH:i:sP"
"""How times are written unless the caller asks for something else."""
WITHOUT_COLON = r"Y-m-d\TH:i:sO"
"""How the vendor writes created_at and updated_at."""
LONGEST_FORMAT = 100

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_PLAIN = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,]\d{1,9})?)?)?(?: ?(Z|z)| ?([+-])?(\d\d):?(\d\d))?",
    re.ASCII,
)
_EARLIEST, _LATEST = wall(1900, 1, 2), wall(2199, 12, 30)


class Unreadable(ValueError):
    """A text that is no time in the form that was agreed; the words are for people."""


@dataclass(frozen=True)
class Stamp:
    """A time as somebody wrote it: wall seconds, and how far east of Greenwich if that was said."""

    wall: int
    offset: int | None = None

    def at(self, tzid: str) -> int:
        """The instant in UTC seconds; without an offset the clock of this zone is meant."""
        return zone(tzid).to_utc(self.wall) if self.offset is None else self.wall - self.offset


def read(text: str, form: str = "") -> Stamp:
    """A timestamp in this PHP format, or else RFC 3339, with some of its parts left out. Raises Unreadable.

    A space before an offset is a plus sign that got lost in a query (`+02:00` decoded as form data).
    """
    found = _read_as(text, form) if form else _read_plain(text.strip())
    if not _EARLIEST <= found.wall <= _LATEST:
        raise Unreadable("must lie between the years 1900 and 2200")
    return found


def _read_plain(text: str) -> Stamp:
    match = _PLAIN.fullmatch(text)
    if not match:
        raise Unreadable("is not a valid timestamp")
    y, m, d, h, mi, s = (int(part or 0) for part in match.groups()[:6])
    offset = 0 if match[7] else _offset(match[8] or "+", match[9], match[10]) if match[9] else None
    return Stamp(_wall(y, m, d, h, mi, s), offset)


def _wall(y: int, m: int, d: int, h: int, mi: int, s: int) -> int:
    if h > 23 or mi > 59 or s > 60:
        raise Unreadable("is not a valid timestamp")
    try:
        return wall(y, m, d, h, mi, min(s, 59))
    except ValueError:
        raise Unreadable("is not a valid timestamp") from None


def _offset(sign: str, hours: str, minutes: str) -> int:
    size = int(hours) * 3600 + int(minutes) * 60
    if size > 18 * 3600:
        raise Unreadable("has an impossible offset from UTC")
    return -size if sign == "-" else size


# ── PHP's letters (php.net/manual/en/datetime.format.php) ──


class _Parts(NamedTuple):
    instant: int
    tzid: str
    offset: int
    y: int
    m: int
    d: int
    h: int
    mi: int
    s: int
    weekday: int

    @property
    def date(self) -> date:
        return date(self.y, self.m, self.d)


def _gmt(parts: _Parts, colon: str) -> str:
    size = abs(parts.offset) // 60
    return f"{'-' if parts.offset < 0 else '+'}{size // 60:02}{colon}{size % 60:02}"


def _suffix(day: int) -> str:
    return "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


_SHOWN: dict[str, Callable[[_Parts], str]] = {
    "d": lambda p: f"{p.d:02}",
    "D": lambda p: _DAYS[p.weekday][:3],
    "j": lambda p: str(p.d),
    "l": lambda p: _DAYS[p.weekday],
    "N": lambda p: str(p.weekday + 1),
    "S": lambda p: _suffix(p.d),
    "w": lambda p: str((p.weekday + 1) % 7),
    "z": lambda p: str(p.date.timetuple().tm_yday - 1),
    "W": lambda p: f"{p.date.isocalendar().week:02}",
    "F": lambda p: _MONTHS[p.m - 1],
    "M": lambda p: _MONTHS[p.m - 1][:3],
    "m": lambda p: f"{p.m:02}",
    "n": lambda p: str(p.m),
    "t": lambda p: str((date(p.y + p.m // 12, p.m % 12 + 1, 1) - date(p.y, p.m, 1)).days),
    "L": lambda p: str(int(p.y % 4 == 0 and (p.y % 100 != 0 or p.y % 400 == 0))),
    "o": lambda p: str(p.date.isocalendar().year),
    "Y": lambda p: f"{p.y:04}",
    "y": lambda p: f"{p.y % 100:02}",
    "a": lambda p: "am" if p.h < 12 else "pm",
    "A": lambda p: "AM" if p.h < 12 else "PM",
    "g": lambda p: str(p.h % 12 or 12),
    "G": lambda p: str(p.h),
    "h": lambda p: f"{p.h % 12 or 12:02}",
    "H": lambda p: f"{p.h:02}",
    "i": lambda p: f"{p.mi:02}",
    "s": lambda p: f"{p.s:02}",
    "u": lambda p: "000000",
    "v": lambda p: "000",
    "e": lambda p: p.tzid,
    "T": lambda p: "UTC" if p.tzid == "UTC" else _gmt(p, ":"),
    "P": lambda p: _gmt(p, ":"),
    "p": lambda p: "Z" if p.offset == 0 else _gmt(p, ":"),
    "O": lambda p: _gmt(p, ""),
    "Z": lambda p: str(p.offset),
    "U": lambda p: str(p.instant),
    "c": lambda p: show(p.instant, p.tzid, RFC3339),
    "r": lambda p: show(p.instant, p.tzid, "D, d M Y H:i:s O"),
}


def show(instant: int, tzid: str, form: str = RFC3339) -> str:
    """An instant (UTC seconds) on the clock of a zone, in a PHP format."""
    offset = zone(tzid).offset(instant)
    at = instant + offset
    if form == RFC3339:
        return _date(at // DAY) + _time(at % DAY // 60, at % 60, offset)
    y, m, d = ymd(at // DAY)
    second = at % DAY
    parts = _Parts(instant, tzid, offset, y, m, d, second // 3600, second // 60 % 60, second % 60, (at // DAY + 3) % 7)
    return "".join([_SHOWN[letter](parts) if letter in _SHOWN else literal for letter, literal in _tokens(form)])


@lru_cache(maxsize=4096)
def _date(day: int) -> str:
    return "{:04}-{:02}-{:02}T".format(*ymd(day))


@lru_cache(maxsize=4096)
def _time(minute: int, second: int, offset: int) -> str:
    size = abs(offset) // 60
    sign = "-" if offset < 0 else "+"
    return f"{minute // 60:02}:{minute % 60:02}:{second:02}{sign}{size // 60:02}:{size % 60:02}"


@lru_cache(maxsize=256)
def _tokens(form: str) -> tuple[tuple[str, str], ...]:
    """The letters of a format; what a backslash stands before is itself."""
    found, letters = [], iter(form)
    for letter in letters:
        if letter == "\\":
            found.append(("", next(letters, "\\")))
        else:
            found.append((letter, letter))
    return tuple(found)


_NAMES = "|".join(name for each in _MONTHS for name in (each, each[:3]))
_WEEKDAYS = "|".join(name for each in _DAYS for name in (each, each[:3]))
_GIVEN = r"(?P<utc>[Zz]|UTC|GMT)|(?P<sign>[ +-])(?P<oh>\d\d):?(?P<om>\d\d)"
_READ = {
    "d": r"(?P<d>\d\d?)",
    "j": r"(?P<d>\d\d?)",
    "m": r"(?P<m>\d\d?)",
    "n": r"(?P<m>\d\d?)",
    "M": f"(?P<month>{_NAMES})",
    "F": f"(?P<month>{_NAMES})",
    "Y": r"(?P<y>\d{4})",
    "y": r"(?P<yy>\d\d)",
    "H": r"(?P<h>\d\d?)",
    "G": r"(?P<h>\d\d?)",
    "h": r"(?P<h>\d\d?)",
    "g": r"(?P<h>\d\d?)",
    "a": r"(?P<half>[AaPp][Mm])",
    "A": r"(?P<half>[AaPp][Mm])",
    "i": r"(?P<i>\d\d)",
    "s": r"(?P<s>\d\d)",
    "u": r"\d{1,6}",
    "v": r"\d{1,3}",
    "U": r"(?P<unix>-?\d{1,11})",
    "D": f"(?:{_WEEKDAYS})",
    "l": f"(?:{_WEEKDAYS})",
    "S": "(?:st|nd|rd|th)",
    **dict.fromkeys("OPpT", f"(?:{_GIVEN})"),
    "e": rf"(?:{_GIVEN}|(?P<zone>[A-Za-z_]+(?:/[A-Za-z_+-]+)*))",
    "c": rf"(?P<y>\d{{4}})-(?P<m>\d\d)-(?P<d>\d\d)T(?P<h>\d\d):(?P<i>\d\d):(?P<s>\d\d)(?:{_GIVEN})",
    "!": "",
    "|": "",
    "?": ".",
}


@lru_cache(maxsize=256)
def reading(form: str) -> re.Pattern[str] | None:
    """The pattern of a format that times can be read by; None when that cannot be (no date in it, a part twice)."""
    if not 0 < len(form) <= LONGEST_FORMAT:
        return None
    try:
        pattern = re.compile(
            "".join(_READ.get(letter) or re.escape(literal) for letter, literal in _tokens(form)), re.ASCII
        )
    except re.error:  # two letters for the same part
        return None
    named = pattern.groupindex.keys()
    dated = named >= {"d"} and named & {"m", "month"} and named & {"y", "yy"}
    return pattern if dated or "unix" in named else None


def _read_as(text: str, form: str) -> Stamp:
    pattern = reading(form)
    match = pattern.fullmatch(text) if pattern else None
    if match is None:
        raise Unreadable(f"does not match the format {form}")
    said = {name: value for name, value in match.groupdict().items() if value is not None}
    if "unix" in said:
        return Stamp(int(said["unix"]), 0)
    month = int(said["m"]) if "m" in said else 1 + [each[:3] for each in _MONTHS].index(said["month"][:3])
    year = int(said["y"]) if "y" in said else 2000 + int(said["yy"]) - (100 if int(said["yy"]) > 69 else 0)
    at = _wall(year, month, int(said["d"]), _hour(said), int(said.get("i", 0)), int(said.get("s", 0)))
    return Stamp(at, _offset_of(said, at))


def _hour(said: dict[str, str]) -> int:
    hour = int(said.get("h", 0))
    if "half" not in said:
        return hour
    if not 1 <= hour <= 12:
        raise Unreadable("is not a valid timestamp")
    return hour % 12 + (12 if said["half"].lower() == "pm" else 0)


def _offset_of(said: dict[str, str], at: int) -> int | None:
    if "zone" in said:
        known = canonical(said["zone"])
        if known is None:
            raise Unreadable("names a time zone that is not known")
        return at - zone(known).to_utc(at)
    if "utc" in said:
        return 0
    return _offset(said["sign"].replace(" ", "+"), said["oh"], said["om"]) if "oh" in said else None


# ── Relative times ──

_UNITS = {"second": 1, "sec": 1, "minute": 60, "min": 60, "hour": 3600, "day": DAY, "week": 7 * DAY}
_STEP = re.compile(
    r"([+-]?)\s*(\d{1,5})\s*(second|sec|minute|min|hour|day|week|month|year)s?", re.IGNORECASE | re.ASCII
)


def _steps(text: str) -> list[tuple[int, str]] | None:
    """(how many, of which unit) for each part of a text like "3 days 2 weeks"; None when it is something else."""
    rest = _STEP.sub("", text)
    if re.sub(r"[\s,]|\band\b", "", rest):
        return None
    return [(int(f"{sign}{size}"), unit.lower()) for sign, size, unit in _STEP.findall(text)] or None


def seconds(text: str) -> int | None:
    """A length such as "1 hour", "90 minutes" or "1 hour 30 minutes"; None when it is none."""
    steps = _steps(text)
    if steps is None or any(unit not in _UNITS for _, unit in steps):
        return None
    return sum(size * _UNITS[unit] for size, unit in steps)


def is_relative(text: str) -> bool:
    """Whether a text says a time by its distance from now."""
    return _steps(text) is not None


def moment(text: str, now: int, tzid: str, form: str = "") -> int:
    """An instant said as a time, or relative to now: "2 days", "-1 hour", "3 days 2 weeks", "tomorrow".

    Days, weeks, months and years go by the clock of the zone. Raises Unreadable.
    """
    word = text.strip().lower()
    clock = zone(tzid)
    if word in ("now", ""):
        return now
    if word in ("today", "midnight", "tomorrow", "yesterday"):
        return clock.day_bounds(clock.day_of(now) + {"tomorrow": 1, "yesterday": -1}.get(word, 0))[0]
    steps = _steps(word)
    if steps is None:
        try:
            return read(text, form).at(tzid)
        except Unreadable:
            raise Unreadable("is not a valid timestamp or relative time") from None
    at = clock.to_wall(now)
    for size, unit in steps:
        if unit in ("day", "week"):
            at += size * _UNITS[unit]
        elif unit in ("month", "year"):
            at = _months_later(at, size * (12 if unit == "year" else 1))
    if not _EARLIEST <= at <= _LATEST:
        raise Unreadable("must lie between the years 1900 and 2200")
    moved = now if at == clock.to_wall(now) else clock.to_utc(at)
    return moved + sum(size * _UNITS[unit] for size, unit in steps if unit in _UNITS and _UNITS[unit] < DAY)


def _months_later(at: int, months: int) -> int:
    """The same wall time so many months on; a day that the month lacks runs over into the next, as with PHP."""
    y, m, d = ymd(at // DAY)
    index = y * 12 + m - 1 + months
    if not 1800 * 12 < index < 2300 * 12:
        raise Unreadable("must lie between the years 1900 and 2200")
    return wall(index // 12, index % 12 + 1, 1, 0, 0, 0) + (d - 1) * DAY + at % DAY


@dataclass(frozen=True)
class Clock:
    """How one request writes and wants its times: PHP formats (empty: RFC 3339) and an IANA zone (empty: that of the
    thing itself)."""

    input_format: str = ""
    output_format: str = RFC3339
    timezone: str = ""

    def read(self, text: str) -> Stamp:
        """Raises Unreadable."""
        return read(text, self.input_format)

    def zone(self, home: str) -> str:
        return self.timezone or home

    def show(self, instant: int, home: str) -> str:
        """A time of something whose own zone is `home`."""
        return show(instant, self.timezone or home, self.output_format)

    def noted(self, instant: float) -> str:
        """When something was made or changed."""
        form = WITHOUT_COLON if self.output_format == RFC3339 else self.output_format
        return show(int(instant), self.timezone or "UTC", form)
