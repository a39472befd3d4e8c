"""Time zones as Exchange calls them: IANA names, Windows names, and zones that somebody made up."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from bookings.engine.windows_zones import WINDOWS_ZONES
from bookings.engine.zones import DAY, canonical, zone

_AHEAD = 5 * 366 * DAY


def iana(name: str | None, otherwise: str) -> str:
    """The IANA zone that a name stands for; `otherwise` when it is none, such as tzone://Microsoft/Custom."""
    return canonical(name or "") or otherwise


@lru_cache(maxsize=512)
def windows(tzid: str) -> str | None:
    """The Windows name of a zone whose clocks go like this one's for the next five years, or None.

    Unicode's table (windowsZones) is the source of the names; it lists one zone for each, and most of its further rows
    say no more than that the clocks agree, which is worked out here.
    """
    for name, golden in WINDOWS_ZONES.items():
        if golden == tzid:
            return name
    begin = int(time.time()) // DAY * DAY
    alike = (name for name, golden in WINDOWS_ZONES.items() if _glance(golden, begin) == _glance(tzid, begin))
    return next((name for name in alike if _course(WINDOWS_ZONES[name], begin) == _course(tzid, begin)), None)


@lru_cache(maxsize=512)
def _glance(tzid: str, begin: int) -> tuple[timedelta | None, ...]:
    """Offsets every other month: quick to tell that two zones differ."""
    zone_info = ZoneInfo(tzid)
    return tuple(datetime.fromtimestamp(at, zone_info).utcoffset() for at in range(begin, begin + _AHEAD, 61 * DAY))


@lru_cache(maxsize=512)
def _course(tzid: str, begin: int) -> tuple[tuple[int, int], ...]:
    return tuple(zone(tzid).offsets(begin, begin + _AHEAD))
