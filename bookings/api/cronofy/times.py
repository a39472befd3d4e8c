"""Times as Cronofy's clients write and read them.

An instant is `2027-03-01T09:00:00Z`, a date `2027-03-01` stands for an all-day event, and either may come inside
`{"time": …, "tzid": …}`. pycronofy may also write `UTC` or an offset in place of the Z.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from bookings.api.reader import Reader
from bookings.engine.zones import DAY, canonical, wall, ymd, zone

_DATE = r"(\d{4})-(\d\d)-(\d\d)"
_TIME = re.compile(
    _DATE + r"(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,9})?)?(Z|UTC|[ +-]\d\d:?\d\d)?)?", re.ASCII | re.IGNORECASE
)
EARLIEST, LATEST = wall(1900, 1, 1), wall(2199, 12, 31)


@dataclass(frozen=True)
class Time:
    """A point in time (UTC seconds), or a date (`day`, a day number); and the zone that came with it, or ""."""

    at_s: int | None
    day: int | None = None
    tzid: str = ""

    def instant(self, tzid: str) -> int:
        """UTC seconds; of a date, its first moment in that zone."""
        if self.at_s is not None:
            return self.at_s
        assert self.day is not None
        return zone(tzid).day_bounds(self.day)[0]


def parse(text: str) -> Time | None:
    """A time or date as clients write it; None for anything else. A time without a zone is UTC."""
    match = _TIME.fullmatch(text.strip()) if len(text) < 60 else None
    if match is None:
        return None
    y, m, d, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    if hour > 23 or minute > 59 or second > 60:
        return None
    try:
        at = wall(y, m, d, hour, minute, min(second, 59))
    except ValueError:
        return None
    if not EARLIEST <= at <= LATEST:
        return None
    return Time(None, at // DAY) if match[4] is None else Time(at - _offset(match[7]))


def _offset(text: str | None) -> int:
    """Seconds ahead of UTC. A plus sign in a query that was not escaped arrives as a space."""
    if not text or text.upper() in ("Z", "UTC"):
        return 0
    digits = text[1:].replace(":", "")
    seconds = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return -seconds if text[0] == "-" else seconds


def read(holder: dict[str, Any], key: str, path: str, reader: Reader, *, required: bool = True) -> Time | None:
    """A time in any of its spellings; problems go to the reader."""
    value = holder.get(key)
    if isinstance(value, dict):
        text = reader.text(value, "time", f"{path}.time", required=True)
        tzid = zone_name(value, "tzid", f"{path}.tzid", reader)
    else:
        text, tzid = reader.text(holder, key, path, required=required), ""
    if not text.strip():
        return None
    found = parse(text)
    if found is None:
        reader.wrong(path, "invalid", f"{path} must be a time such as 2027-03-01T09:00:00Z or a date.")
        return None
    return Time(found.at_s, found.day, tzid)


def zone_name(holder: dict[str, Any], key: str, path: str, reader: Reader, *, required: bool = False) -> str:
    """An IANA name in its right spelling, or "" when there is none."""
    text = reader.text(holder, key, path, required=required)
    if not text.strip():
        return ""
    known = canonical(text)
    if known is None:
        reader.wrong(path, "invalid", f"{path} must be the name of an IANA time zone.")
    return known or ""


def instant(at_s: int) -> str:
    """UTC seconds as 2027-03-01T09:00:00Z."""
    return local(at_s) + "Z"


def date(day: int) -> str:
    """A day number as 2027-03-01."""
    y, m, d = ymd(day)
    return f"{y:04d}-{m:02d}-{d:02d}"


def local(wall_s: int) -> str:
    clock = wall_s % DAY
    return f"{date(wall_s // DAY)}T{clock // 3600:02d}:{clock // 60 % 60:02d}:{clock % 60:02d}"


def localized(at_s: int, tzid: str) -> dict[str, str]:
    """An instant on the clock of its zone, with the offset, and the zone's name."""
    offset = zone(tzid).offset(at_s)
    sign, minutes = ("-" if offset < 0 else "+"), abs(offset) // 60
    return {"time": f"{local(at_s + offset)}{sign}{minutes // 60:02d}:{minutes % 60:02d}", "tzid": tzid}
