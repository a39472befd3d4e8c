"""Names of time zones that are none of IANA's: what calendars call them, and which zone is meant.

Microsoft's programs also write what Windows shows to people, "(UTC+01:00) Amsterdam, Berlin, Bern": an offset without
summer time, and places. Other programs write offsets alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bookings.engine.windows_zones import WINDOWS_ZONES
from bookings.engine.zones import UnknownZone, canonical, named_after, zone
from bookings.engine.zones import wall as date_wall

_OFFSET = re.compile(
    r"\(?(?:(?:UTC|GMT|Z)\s?(?:([+-])(\d\d?)(?:[:.]?(\d\d))?)?|([+-])(\d\d):?(\d\d))\)?(?:\s+(.*))?", re.I
)
_PLACE = re.compile(r"[,;/、]")
_COUNTRY = re.compile(r"(\w+) Time\b", re.I)
_WINTER, _SUMMER = date_wall(2027, 1, 15), date_wall(2027, 7, 15)


def known(tzid: str) -> str | None:
    """The IANA zone of that name, Windows name or vendor-prefixed name, or None."""
    found = canonical(tzid)
    if found is None and "/" in tzid and not tzid.startswith("/"):
        # Some programs leave out the slash in front of their prefix.
        found = canonical("/" + tzid)
    return found


def told_by_offset(tzid: str, default: str) -> str | None:
    """The zone meant by a name that begins with an offset from UTC, or None.

    A place in the name decides, then the default zone where it has that offset, then the offset alone.
    """
    match = _OFFSET.fullmatch(tzid[:200].strip())
    if not match:
        return None
    sign, hours, minutes = match[1] or match[4], match[2] or match[5], match[3] or match[6]
    size = int(hours or 0) * 3600 + int(minutes or 0) * 60
    offset = -size if sign == "-" else size
    candidates = (*_places(match[7] or ""), default) if match[7] else ()
    for name in candidates:
        if standard_offset(name) == offset:
            return name
    return fixed(offset)


def fixed(offset: int) -> str | None:
    """A zone that is always that many seconds ahead of UTC, or None."""
    hours, rest = divmod(-offset, 3600)
    if not rest:
        return canonical(f"Etc/GMT{hours:+d}" if hours else "UTC")
    return next((name for name in WINDOWS_ZONES.values() if _offsets(name) == (offset, offset)), None)


def standard_offset(name: str) -> int | None:
    """Seconds ahead of UTC without summer time; None for a zone that is none."""
    offsets = _offsets(name)
    return min(offsets) if offsets else None


def _offsets(name: str) -> tuple[int, int] | None:
    try:
        clock = zone(name)
    except UnknownZone:
        return None
    return clock.offset(_WINTER), clock.offset(_SUMMER)


def _places(text: str) -> Iterator[str]:
    for place in _PLACE.split(text):
        yield from named_after(place.strip())
        # "Eastern Time (US & Canada)"
        if (country := _COUNTRY.match(place.strip())) and (found := canonical(f"{country[1]} Standard Time")):
            yield found
