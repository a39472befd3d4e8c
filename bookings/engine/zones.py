"""Wall time and UTC seconds, converted by cached offset tables.

Units: an instant is int seconds since 1970-01-01T00:00:00Z; a wall time is int seconds between
1970-01-01T00:00:00 and the naive local time; a day is the int number of days since 1970-01-01.

Rules come from the ``tzdata`` wheel, never from the operating system, so that every installation
answers alike. Code elsewhere that uses ``zoneinfo`` by itself sees the same data only if the
process starts with ``PYTHONTZPATH=""`` (or calls ``zoneinfo.reset_tzpath(to=())``); that is config's task.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from importlib import resources
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bookings.engine.windows_zones import WINDOWS_ZONES

DAY = 86_400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
# One offset table spans four years: long enough to be rare to build, short enough to build at once.
_SPAN = 1461 * DAY
# datetime ends at the years 1 and 9999; offsets beyond are those at the ends.
_MIN_INSTANT = (2 - _EPOCH_ORDINAL) * DAY
_MAX_INSTANT = (date.max.toordinal() - 1 - _EPOCH_ORDINAL) * DAY


class UnknownZone(ValueError):
    """The name is not an IANA time zone of the installed tz data."""


def wall(y: int, m: int, d: int, h: int = 0, mi: int = 0, s: int = 0) -> int:
    """Wall seconds of a naive local time."""
    return day(y, m, d) * DAY + h * 3600 + mi * 60 + s


def day(y: int, m: int, d: int) -> int:
    """Day number of a date."""
    return date(y, m, d).toordinal() - _EPOCH_ORDINAL


def ymd(day: int) -> tuple[int, int, int]:
    """Year, month and day of the month of a day number."""
    at = date.fromordinal(day + _EPOCH_ORDINAL)
    return at.year, at.month, at.day


def weekday(day: int) -> int:
    """0 for Monday to 6 for Sunday; day 0 was a Thursday."""
    return (day + 3) % 7


class _Table(NamedTuple):
    """The offset changes of one span; ``offsets`` has one entry more than the other lists."""

    instants: list[int]
    # Wall times of each change: the later of (before, after) and the earlier of them. What lies between
    # is either missing (the offset grows) or repeated (it shrinks).
    uppers: list[int]
    lowers: list[int]
    offsets: list[int]


class Zone:
    """One IANA time zone. Get it from :func:`zone`."""

    def __init__(self, key: str, info: ZoneInfo) -> None:
        self.key = key
        self._info = info
        self._tables: dict[int, _Table] = {}

    def __repr__(self) -> str:
        return f"Zone({self.key!r})"

    def offset(self, utc: int) -> int:
        """Seconds that this zone's clocks are ahead of UTC at that instant."""
        table = self._tables.get(utc // _SPAN) or self._table(utc // _SPAN)
        return table.offsets[bisect_right(table.instants, utc)]

    def to_wall(self, utc: int) -> int:
        """What the clocks show at that instant, as wall seconds."""
        table = self._tables.get(utc // _SPAN) or self._table(utc // _SPAN)
        return utc + table.offsets[bisect_right(table.instants, utc)]

    def to_utc(self, wall: int) -> int:
        """The instant meant by a wall time (RFC 5545 3.3.5).

        A time missing in a gap is read with the offset before the gap, which moves it forward by the
        length of the gap; a time that occurs twice means the first.
        """
        table = self._tables.get(wall // _SPAN) or self._table(wall // _SPAN)
        return wall - table.offsets[bisect_right(table.uppers, wall)]

    def to_utc_all(self, walls: Sequence[int]) -> list[int]:
        """:meth:`to_utc` of many ascending wall times; faster than one by one."""
        found: list[int] = []
        at = 0
        while at < len(walls):
            index = walls[at] // _SPAN
            table = self._table(index)
            place = bisect_right(table.uppers, walls[at])
            end = (index + 1) * _SPAN
            if place < len(table.uppers):
                end = min(end, table.uppers[place])
            stop = bisect_left(walls, end, at)
            offset = table.offsets[place]
            found += [wall - offset for wall in walls[at:stop]]
            at = stop
        return found

    def is_gap(self, wall: int) -> bool:
        """Whether no clock ever shows that wall time."""
        return self._jump_at(wall) > 0

    def is_overlap(self, wall: int) -> bool:
        """Whether the clocks show that wall time twice."""
        return self._jump_at(wall) < 0

    def day_of(self, utc: int) -> int:
        """The local date of that instant, as a day number."""
        return self.to_wall(utc) // DAY

    def day_bounds(self, day: int) -> tuple[int, int]:
        """First instant of that local date and of the one after it, in UTC seconds.

        Both are equal for a date the zone skipped (Pacific/Apia had no 2011-12-30).
        """
        return self._first_instant(day), self._first_instant(day + 1)

    def offsets(self, lo: int, hi: int) -> list[tuple[int, int]]:
        """The offset at ``lo`` and each change in (lo, hi), as (instant it begins, offset)."""
        found = [(lo, self.offset(lo))]
        for index in range(lo // _SPAN, (hi - 1) // _SPAN + 1):
            table = self._table(index)
            begin, end = max(lo + 1, index * _SPAN), min(hi, (index + 1) * _SPAN)
            changes = zip(table.instants, table.offsets[1:], strict=True)
            found += [(at, offset) for at, offset in changes if begin <= at < end]
        return found

    def _jump_at(self, wall: int) -> int:
        """How far the clocks jump over (positive) or back across (negative) that wall time, else 0."""
        table = self._table(wall // _SPAN)
        at = bisect_right(table.uppers, wall)
        if at == len(table.uppers) or wall < table.lowers[at]:
            return 0
        return table.offsets[at + 1] - table.offsets[at]

    def _first_instant(self, day: int) -> int:
        midnight = day * DAY
        if self._jump_at(midnight) <= 0:
            return self.to_utc(midnight)
        # Midnight is missing: the date begins at the change itself, whatever the clock then shows.
        table = self._table(midnight // _SPAN)
        return table.instants[bisect_right(table.uppers, midnight)]

    def _table(self, index: int) -> _Table:
        table = self._tables.get(index)
        if table is None:
            # Beyond the calendar's ends one table serves all, or absurd instants would fill the memory.
            index = min(max(index, _MIN_INSTANT // _SPAN), _MAX_INSTANT // _SPAN)
            table = self._tables.get(index)
        if table is None:
            table = self._tables[index] = self._probe(index * _SPAN - 2 * DAY, (index + 1) * _SPAN + 2 * DAY)
        return table

    def _probe(self, lo: int, hi: int) -> _Table:
        """Find the changes in (lo, hi] by asking once a day, then narrowing down to the second."""
        table = _Table([], [], [], [self._ask(lo)])
        for utc in range(lo + DAY, hi + 1, DAY):
            before, after = table.offsets[-1], self._ask(utc)
            if before == after:
                continue
            low, at = utc - DAY, utc
            while at - low > 1:
                middle = (low + at) // 2
                low, at = (middle, at) if self._ask(middle) == before else (low, middle)
            table.instants.append(at)
            table.uppers.append(at + max(before, after))
            table.lowers.append(at + min(before, after))
            table.offsets.append(after)
        return table

    def _ask(self, utc: int) -> int:
        instant = _EPOCH + timedelta(seconds=min(max(utc, _MIN_INSTANT), _MAX_INSTANT))
        offset = instant.astimezone(self._info).utcoffset()
        assert offset is not None
        return offset // timedelta(seconds=1)


@lru_cache(maxsize=1024)
def zone(tzid: str) -> Zone:
    """The zone of that IANA name, exactly as IANA spells it.

    :raises UnknownZone: for every other name; see :func:`canonical` for what calendars send.
    """
    # Only listed names are opened: a name is outside input and must not become a path.
    if _names().get(tzid.casefold()) != tzid:
        raise UnknownZone(f"Unknown time zone: {tzid[:80]!r}")
    source = resources.files("tzdata").joinpath("zoneinfo", *tzid.split("/"))
    with source.open("rb") as data:
        return Zone(tzid, ZoneInfo.from_file(data, key=tzid))


def canonical(name: str) -> str | None:
    """The IANA name for what a calendar calls a zone, or None.

    Understands IANA names in any case, Windows names, quotes around them, and a vendor's prefix
    before an IANA name (``/mozilla.org/20070129_1/Europe/Berlin``).
    """
    plain = name[:200].strip().strip("\"'").strip()
    folded = plain.casefold()
    if found := _names().get(folded) or _windows().get(folded):
        return found
    if not plain.startswith(("/", "tzone:")):
        return None
    parts = folded.split("/")
    # The longest tail first: America/Argentina/Salta must not be taken for a shorter name.
    for length in (3, 2, 1):
        if found := _names().get("/".join(parts[-length:])):
            return found
    return None


@cache
def _names() -> dict[str, str]:
    """Every IANA name of the installed data, by its case-folded form."""
    listed = resources.files("tzdata").joinpath("zones").read_text("ascii").split()
    return {name.casefold(): name for name in listed}


def named_after(place: str) -> tuple[str, ...]:
    """The IANA zones whose last part is that place, in any case: ("Europe/Berlin",) for "berlin"."""
    return _places().get(place.replace(" ", "_").casefold(), ())


@cache
def _places() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name in sorted(_names().values()):
        place = name.rsplit("/", 1)[-1].casefold()
        found[place] = (*found.get(place, ()), name)
    return found


@cache
def _windows() -> dict[str, str]:
    return {name.casefold(): target for name, target in WINDOWS_ZONES.items()}
