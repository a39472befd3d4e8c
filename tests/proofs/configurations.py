"""Random organisations for proofs: who works when, under which rules, and what already takes their time.

A configuration is plain data, drawn by hypothesis, so that a failure prints as what it is; `build` makes its rows.
Times are minutes from the configuration's `now`, unless they say otherwise.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from bookings.engine.zones import DAY, day, zone

Blocks = tuple[tuple[int, int], ...]

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",  # changed its clocks at midnight
    "America/St_Johns",  # changed them a minute after midnight
    "America/Havana",
    "Australia/Lord_Howe",  # changes by half an hour
    "Antarctica/Troll",  # changes by two hours
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Pacific/Apia",  # has no 30 December 2011
    "Pacific/Chatham",
    "Africa/Casablanca",
)
ALWAYS: Blocks = ((0, 1440),)
DAYS: tuple[Blocks, ...] = (
    ALWAYS,
    ((540, 1020),),
    ((540, 720), (780, 1020)),
    ((540, 720), (720, 1020)),
    (),
    ((0, 120), (1320, 1440)),
    ((1320, 1560),),
    ((1200, 2880),),
    ((442, 1003),),
    ((60, 180), (200, 215), (600, 1080)),
    ((150, 151), (301, 700), (705, 1100)),
)
COUNTRIES = ("DE", "US", "BR", "WS", "XX")
KINDS = ("busy", "busy", "busy", "tentative", "away", "free")
RULES = ("FREQ=DAILY", "FREQ=DAILY;INTERVAL=2;COUNT=5", "FREQ=WEEKLY;BYDAY=MO,WE,FR", "FREQ=HOURLY;INTERVAL=5;COUNT=40")


@dataclass(frozen=True)
class Exception_:
    """An override. `first` counts days from today; `colleague` is the number of the host who stands in."""

    kind: str
    first: int
    days: int
    blocks: Blocks
    timezone: str
    colleague: int | None


@dataclass(frozen=True)
class Happening:
    """A calendar event. `moved`: minutes by which one occurrence of a series was moved."""

    at: int
    minutes: int
    timezone: str
    shape: str
    kind: str
    status: str
    rule: str
    moved: int | None


@dataclass(frozen=True)
class Agenda:
    """A calendar. `verified`: minutes ago, None for never; `rows_until`: minutes ahead to which busy rows reach."""

    local: bool
    blocks: bool
    tentative: bool
    free: bool
    away: bool
    timezone: str
    verified: int | None
    rows_until: int | None
    happenings: tuple[Happening, ...]


@dataclass(frozen=True)
class Person:
    timezone: str
    week: tuple[Blocks, ...]
    active: bool
    stale_after: int
    limits: tuple[int, int, int]
    country: str
    exceptions: tuple[Exception_, ...]
    agendas: tuple[Agenda, ...]
    priority: int
    weight: int
    cap: int | None


@dataclass(frozen=True)
class Taken:
    """Something in the ledger. `who`: hosts as bits; `minutes` None: as long as a slot; `seats`: those taken."""

    who: int
    at: int
    minutes: int | None
    before: int
    after: int
    state: str
    same_type: bool
    customer: int | None
    seats: int


@dataclass(frozen=True)
class Rules:
    """What is asked for: a host, a group, or an event type of hosts or of a group. Limits are (day, week, month)."""

    of: str
    mode: str
    required: int
    minutes: tuple[int, ...]
    step: int | None
    before: int
    after: int
    notice: int
    window: str
    window_days: int
    window_first: int
    limits: tuple[int, int, int]
    customer_limits: tuple[int, int, int]
    customer: int | None
    first_only: bool
    capacity: int
    needs_confirmation: bool
    pending_blocks: bool
    refuse_unknown: bool
    own_week: tuple[Blocks, ...] | None
    own_calendars: int


@dataclass(frozen=True)
class Configuration:
    """`members`: so many of the people are asked for; the others are colleagues. `days`: length of the listing."""

    now: int
    people: tuple[Person, ...]
    members: int
    rules: Rules
    taken: tuple[Taken, ...]
    lo: int
    days: int

    @property
    def today(self) -> int:
        """The day number of the first person's today."""
        return zone(self.people[0].timezone).day_of(self.now)


def _mostly(value: object, *others: object) -> st.SearchStrategy:
    """`value` in three of four draws."""
    return st.sampled_from((value,) * 3 * len(others) + others)


def _limits() -> st.SearchStrategy[tuple[int, int, int]]:
    return _mostly((0, 0, 0), (1, 0, 0), (2, 0, 0), (0, 2, 0), (0, 0, 1), (0, 0, 3), (1, 3, 4))


def _week() -> st.SearchStrategy[tuple[Blocks, ...]]:
    two = st.tuples(st.sampled_from(DAYS), st.sampled_from(DAYS), st.sampled_from((0, 0, 0b1100000, 0b0010101)))
    return two.map(_seven_days)


def _seven_days(drawn: tuple[Blocks, Blocks, int]) -> tuple[Blocks, ...]:
    return tuple(drawn[drawn[2] >> weekday & 1] for weekday in range(7))


def _at() -> st.SearchStrategy[int]:
    """Minutes from now, on fives, from two days ago to nine ahead."""
    return st.integers(-576, 2592).map(lambda fives: fives * 5)


_exception = st.builds(
    Exception_,
    kind=st.sampled_from(("hours", "hours", "closed", "leave", "leave", "holiday", "travel")),
    first=st.integers(-2, 8),
    days=st.sampled_from((1, 1, 2, 4)),
    blocks=st.sampled_from(DAYS),
    timezone=st.sampled_from(ZONES),
    colleague=st.sampled_from((None, 0, 1, 2)),
)
_happening = st.builds(
    Happening,
    at=_at(),
    minutes=st.sampled_from((30, 60, 15, 1, 7, 90, 240, 1440, 4320, 0)),
    timezone=st.sampled_from(ZONES),
    shape=_mostly("timed", "all_day", "floating"),
    kind=st.sampled_from(KINDS),
    status=_mostly("confirmed", "tentative", "cancelled", "declined"),
    rule=_mostly("", *RULES),
    moved=st.sampled_from((None, None, 0, 90, -600)),
)
_agenda = st.builds(
    Agenda,
    local=st.booleans(),
    blocks=_mostly(True, False),
    tentative=_mostly(True, False),
    free=_mostly(False, True),
    away=_mostly(True, False),
    timezone=_mostly("", "Asia/Kathmandu", "America/Havana"),
    verified=_mostly(5, 59, 60, 61, None),
    rows_until=_mostly(None, 0, 1440, 5000),
    happenings=st.lists(_happening, max_size=4).map(tuple),
)
_person = st.builds(
    Person,
    timezone=st.sampled_from(ZONES),
    week=_week(),
    active=st.sampled_from((True,) * 15 + (False,)),
    stale_after=st.just(60),
    limits=_limits(),
    country=_mostly("", *COUNTRIES),
    exceptions=st.lists(_exception, max_size=2).map(tuple),
    agendas=st.lists(_agenda, max_size=2).map(tuple),
    priority=st.sampled_from((0, 0, 1)),
    weight=st.sampled_from((100, 100, 50, 0)),
    cap=_mostly(None, 1, 2),
)
_taken = st.builds(
    Taken,
    who=st.integers(1, 7),
    at=_at(),
    minutes=st.sampled_from((None, None, 30, 55, 120, 1440)),
    before=st.sampled_from((0, 0, 10, 45)),
    after=st.sampled_from((0, 0, 20, 60)),
    state=st.sampled_from(("booked", "booked", "booked", "held", "hold", "expired", "requested", "cancelled")),
    same_type=st.booleans(),
    customer=st.sampled_from((None, 0, 1)),
    seats=st.integers(1, 3),
)
_rules = st.builds(
    Rules,
    of=st.sampled_from(("host", "group", "type", "type", "type_group", "type_group")),
    mode=st.sampled_from(("any", "all", "some")),
    required=st.integers(1, 3),
    minutes=st.sampled_from(((30,), (15,), (20, 45), (60,), (90, 30), (5,), (480,), (1500,))),
    step=st.sampled_from((None, 5, 15, 30, 7, 40, 60, 120, 1440)),
    before=st.sampled_from((0, 0, 5, 30, 90)),
    after=st.sampled_from((0, 0, 10, 15, 60)),
    notice=st.sampled_from((0, 0, 30, 240, 1441, 4000)),
    window=st.sampled_from(("rolling", "working", "range", "open")),
    window_days=st.sampled_from((60, 7, 3, 0, 1)),
    window_first=st.integers(-1, 5),
    limits=_limits(),
    customer_limits=_limits(),
    customer=st.sampled_from((None, 0, 1)),
    first_only=_mostly(False, True),
    capacity=_mostly(1, 2, 3),
    needs_confirmation=_mostly(False, True),
    pending_blocks=st.booleans(),
    refuse_unknown=_mostly(True, False),
    own_week=st.none() | st.none() | _week(),
    own_calendars=_mostly(0, 0b1, 0b10),
)


def _changes(tzid: str) -> list[int]:
    """When this zone's clocks changed or will, from 2009 to 2031, in UTC seconds."""
    return [at for at, _ in zone(tzid).offsets(day(2009, 1, 1) * DAY, day(2031, 12, 1) * DAY)[1:]]


_CHANGES = {tzid: _changes(tzid) for tzid in ZONES}


@st.composite
def configurations(draw: st.DrawFn) -> Configuration:
    """Often the clocks of some host change in the days that are listed."""
    people = tuple(draw(st.lists(_person, min_size=1, max_size=3)))
    changes = _CHANGES[draw(st.sampled_from(people)).timezone]
    if changes and draw(_mostly(True, False)):
        around = draw(st.sampled_from(changes)) // 60 * 60
    else:
        around = draw(st.integers(day(2009, 1, 2), day(2031, 12, 1))) * DAY
    now = around - draw(st.integers(0, 96)) * 3600 - draw(st.sampled_from((0, 1, 59, 1800, 1917)))
    return Configuration(
        now=now,
        people=people,
        members=draw(st.integers(1, len(people))),
        rules=draw(_rules),
        taken=tuple(draw(st.lists(_taken, max_size=5))),
        lo=now - draw(st.sampled_from((0, 0, 3600, DAY))) + draw(st.sampled_from((0, 0, 7, 43_210))),
        days=draw(st.sampled_from((1, 3, 5, 8))),
    )


def as_date(number: int) -> dt.date:
    """The date of a day number."""
    return dt.date.fromordinal(number + dt.date(1970, 1, 1).toordinal())


def counts(limits: Sequence[int]) -> dict[str, int]:
    """Limits as the tables hold them."""
    return {period: count for period, count in zip(("day", "week", "month"), limits, strict=True) if count}
