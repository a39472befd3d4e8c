"""Random organisations for proofs: who works when, under which rules, and what already takes their time.

A configuration is plain data, drawn by hypothesis, so that a failure prints as what it is; `build` makes its rows.
Times are minutes from the configuration's `now`, unless they say otherwise.
"""

from __future__ import annotations

import datetime as dt
import itertools
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

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
    ALWAYS,
    ((540, 1020),),
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
class Extra:
    """Time in which a host can be had besides the schedule: once, or with `week` every week."""

    at: int
    minutes: int
    week: tuple[Blocks, ...] | None
    timezone: str


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
    happenings: tuple[Happening, ...] = ()


@dataclass(frozen=True)
class Person:
    """A host. `priority`, `weight` and `cap` (bookings a day) are those of a group's member."""

    timezone: str
    week: tuple[Blocks, ...]
    active: bool
    limits: tuple[int, int, int]
    country: str
    priority: int
    weight: int
    cap: int | None
    exceptions: tuple[Exception_, ...] = ()
    extras: tuple[Extra, ...] = ()
    agendas: tuple[Agenda, ...] = ()


@dataclass(frozen=True)
class Taken:
    """Something in the ledger. `who`: hosts as bits; `minutes` None: as long as a slot; `seats`: those taken.

    `same_type` and as long as a slot makes it a session where the event type has seats.
    """

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
class Frame:
    """When it is: so many hours and seconds before some change of the clocks or midnight."""

    one_zone: bool
    change: bool
    which: int
    hours_ahead: int
    seconds: int
    members: int
    lo: int
    days: int


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


T = TypeVar("T")


def _record(of: Callable[..., T], /, **choices: Sequence[Any]) -> st.SearchStrategy[T]:
    """One of the choices for each field, simplest first: two bytes for each.

    Bytes, because one draw for a whole record is fast and each of the choices is as likely as another; hypothesis
    prefers small numbers to large ones.
    """

    def made(drawn: bytes) -> T:
        numbers = struct.unpack(f">{len(choices)}H", drawn)
        return of(
            **{name: values[at % len(values)] for (name, values), at in zip(choices.items(), numbers, strict=True)}
        )

    return st.binary(min_size=2 * len(choices), max_size=2 * len(choices)).map(made)


def _mostly(value: Any, *others: Any) -> tuple[Any, ...]:
    """`value` in three of four draws."""
    return (value,) * 3 * len(others) + others


def _weeks() -> list[tuple[Blocks, ...]]:
    """The same hours every day, or others on some of the days."""
    weeks: list[tuple[Blocks, ...]] = []
    for usual, other in itertools.product(DAYS, DAYS):
        for others in (0, 0, 0b1100000, 0b0010101):
            weeks.append(tuple((usual, other)[others >> weekday & 1] for weekday in range(7)))
    return weeks


WEEKS = _weeks()
LIMITS = _mostly((0, 0, 0), (1, 0, 0), (2, 0, 0), (0, 1, 0), (0, 2, 0), (0, 0, 1), (0, 0, 3), (1, 3, 4))
AT = [0, *range(-1440, 8640, 5)]
"""Minutes from now, on fives, from a day ago to six ahead."""

_exceptions = _record(
    Exception_,
    kind=("closed", "hours", "hours", "leave", "leave", "holiday", "travel"),
    first=(0, 1, 2, 3, 4, 5, 6, -1, -2),
    days=(1, 1, 2, 4),
    blocks=DAYS,
    timezone=(*ZONES, ""),
    colleague=(None, 0, 1, 2),
)
_extras = _record(
    Extra,
    at=AT,
    minutes=(60, 240, 7, 1440, 10_000),
    week=(None, None, None, *WEEKS[::9]),
    timezone=ZONES,
)
_happenings = _record(
    Happening,
    at=AT,
    minutes=(30, 60, 15, 1, 7, 90, 240, 1440, 4320, 0),
    timezone=ZONES,
    shape=_mostly("timed", "all_day", "floating"),
    kind=("busy", "busy", "busy", "tentative", "away", "free"),
    status=_mostly("confirmed", "tentative", "cancelled", "declined"),
    rule=_mostly("", *RULES),
    moved=(None, None, 0, 90, -600),
)
_agendas = _record(
    Agenda,
    local=(True, False),
    blocks=_mostly(True, False),
    tentative=_mostly(True, False),
    free=_mostly(False, True),
    away=_mostly(True, False),
    timezone=_mostly("", "Asia/Kathmandu", "America/Havana"),
    verified=_mostly(5, 59, 60, 61, None),
    rows_until=_mostly(None, 0, 1440, 5000),
)
_people = _record(
    Person,
    timezone=ZONES,
    week=WEEKS,
    active=(True,) * 7 + (False,),
    limits=LIMITS,
    country=_mostly("", *COUNTRIES),
    priority=(0, 0, 1),
    weight=(100, 100, 50, 0),
    cap=_mostly(None, 1, 2),
)
_taken = _record(
    Taken,
    who=(1, 1, 2, 3, 4, 5, 6, 7),
    at=AT,
    minutes=(None, None, None, 30, 55, 120, 1440),
    before=(0, 0, 0, 0, 10, 45, 90, 1440),
    after=(0, 0, 0, 0, 20, 45, 60, 1439),
    state=("booked",) * 5 + ("held", "hold", "expired", "requested", "cancelled"),
    same_type=(True, False),
    customer=(None, 0, 1),
    seats=(1, 2, 3),
)
_rules = _record(
    Rules,
    of=("host", "group", "type", "type", "type_group", "type_group"),
    mode=("any", "all", "some"),
    required=(1, 1, 2, 3, 0),
    minutes=((30,), (30,), (15,), (20, 45), (60,), (90, 30), (5,), (480,), (1500,)),
    step=(None, 15, 30, 5, 7, 40, 60, 120, 1440),
    before=(0, 0, 0, 5, 30, 90, 1440),
    after=(0, 0, 0, 10, 15, 60, 1440),
    notice=(0, 0, 0, 0, 0, 30, 240, 1441, 4000),
    window=("open", "rolling", "working", "range"),
    window_days=(60, 30, 7, 7, 3, 1, 0),
    window_first=(-1, -1, 0, 1, 5),
    limits=LIMITS,
    customer_limits=LIMITS,
    customer=(None, 0, 1),
    first_only=_mostly(False, True),
    capacity=(1, 1, 2, 3),
    needs_confirmation=_mostly(False, True),
    pending_blocks=(True, False),
    refuse_unknown=_mostly(True, False),
    own_week=_mostly(None, *WEEKS),
    own_calendars=_mostly(0, 0b1, 0b10),
)


def _changes(tzid: str) -> list[int]:
    """When this zone's clocks changed or will, from 2009 to 2031, in UTC seconds."""
    return [at for at, _ in zone(tzid).offsets(day(2009, 1, 1) * DAY, day(2031, 12, 1) * DAY)[1:]]


_CHANGES = {tzid: _changes(tzid) for tzid in ZONES}


def _few(of: st.SearchStrategy[T], most: int) -> st.SearchStrategy[tuple[T, ...]]:
    return st.lists(of, max_size=most).map(tuple)


@st.composite
def _person(draw: st.DrawFn) -> Person:
    agendas = [replace(agenda, happenings=draw(_few(_happenings, 7))) for agenda in draw(_few(_agendas, 2))]
    person, exceptions = draw(_people), draw(_few(_exceptions, 2))
    extras = draw(_few(_extras, 2)) if draw(st.booleans()) else ()
    return replace(person, exceptions=exceptions, extras=extras, agendas=tuple(agendas))


_frames = _record(
    Frame,
    one_zone=(True, False),
    change=(True, True, True, False),
    which=range(4096),
    hours_ahead=range(97),
    seconds=(0, 1, 59, 1800, 1917),
    members=(1, 2, 3),
    lo=(0, 0, 7, -3600, 43_210 - DAY, -DAY),
    days=(1, 3, 5, 8),
)


@st.composite
def configurations(draw: st.DrawFn) -> Configuration:
    """Often the clocks of some host change in the days that are listed, and often all hosts share a zone."""
    frame, rules = draw(_frames), draw(_rules)
    people = tuple(draw(st.lists(_person(), min_size=1, max_size=3)))
    if frame.one_zone:
        people = tuple(replace(person, timezone=people[0].timezone) for person in people)
    changes = _CHANGES[people[frame.which % len(people)].timezone]
    around = (day(2009, 1, 2) + frame.which * 2) * DAY
    if changes and frame.change:
        around = changes[frame.which % len(changes)] // 60 * 60
    now = around - frame.hours_ahead * 3600 - frame.seconds
    members = min(frame.members, len(people))
    return Configuration(now, people, members, rules, draw(_few(_taken, 9)), now + frame.lo, frame.days)


def as_date(number: int) -> dt.date:
    """The date of a day number."""
    return dt.date.fromordinal(number + dt.date(1970, 1, 1).toordinal())


def counts(limits: Sequence[int]) -> dict[str, int]:
    """Limits as the tables hold them."""
    return {period: count for period, count in zip(("day", "week", "month"), limits, strict=True) if count}
