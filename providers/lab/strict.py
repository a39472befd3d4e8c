"""What doubles of services with single events share: checking bodies field by field, and the calendars they keep."""

from __future__ import annotations

import itertools
import re
import time
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bookings.engine.zones import canonical
from providers.lab.double import Asked, Double, Told

Json = dict[str, Any]
Rule = Callable[[Any], str]
"""Says what is wrong with a value; "" when nothing is."""

DAY = 86_400
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


# ── Rules ──


def text(longest: int = 65_536, *, filled: bool = False) -> Rule:
    def check(value: Any) -> str:
        if not isinstance(value, str):
            return "must be a string"
        if filled and not value.strip():
            return "should not be empty"
        return f"must be at most {longest} characters" if len(value) > longest else ""

    return check


def flag(value: Any) -> str:
    return "" if isinstance(value, bool) else "must be a boolean value"


def number(value: Any) -> str:
    return "" if isinstance(value, int | float) and not isinstance(value, bool) else "must be a number"


def moment(value: Any) -> str:
    """A time with its offset."""
    return "" if isinstance(value, str) and _TIME.fullmatch(value) else "must be a valid ISO 8601 date string"


def mail(value: Any) -> str:
    return "" if isinstance(value, str) and _MAIL.fullmatch(value) else "must be an email"


def tzid(value: Any) -> str:
    return "" if isinstance(value, str) and canonical(value) == value else "must be an IANA time zone"


def one_of(*choices: str) -> Rule:
    return lambda value: "" if value in choices else f"must be one of the following values: {', '.join(choices)}"


def each(rule: Rule) -> Rule:
    def check(value: Any) -> str:
        if not isinstance(value, list):
            return "must be an array"
        return next((wrong for one in value if (wrong := rule(one))), "")

    return check


def every(rule: Rule) -> Rule:
    """Of an object, every value."""

    def check(value: Any) -> str:
        if not isinstance(value, dict):
            return "must be an object"
        return next((wrong for one in value.values() if (wrong := rule(one))), "")

    return check


def shape(needed: Collection[str] = (), /, **rules: Rule) -> Rule:
    """An object with these fields and no others."""

    def check(value: Any) -> str:
        if not isinstance(value, dict):
            return "must be an object"
        return next((f"{name} {wrong}" for name, wrong in faults(value, rules, needed).items()), "")

    return check


def faults(body: Mapping[str, Any], rules: Mapping[str, Rule], required: Collection[str] = ()) -> dict[str, str]:
    """What is wrong with a body, by field: fields that are missing, unknown or of the wrong kind."""
    found = {name: "is required" for name in required if body.get(name) is None}
    for name, value in body.items():
        if name not in rules:
            found[name] = "should not exist"
        elif name not in found and (wrong := rules[name](value)):
            found[name] = wrong
    return found


# ── Times ──


def instant(written: str) -> int:
    """UTC seconds of a time with its offset; raises ValueError."""
    return int(datetime.fromisoformat(written).timestamp())


def zulu(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


# ── Calendars ──


@dataclass
class Place:
    id: str
    name: str
    writable: bool = True


@dataclass
class Held:
    """An event of the double: `fields` are the service's own words for it."""

    id: str
    calendar: str
    fields: Json
    made: float = field(default_factory=time.time)
    changed: float = field(default_factory=time.time)
    deleted: bool = False


class Book(Double):
    """Calendars with single events. The methods without a route are what somebody does in the service's own pages.

    `keys` are the credentials that are accepted, `mailed` whom the service has written to, one entry a mail.
    """

    title_field = "title"

    def __init__(self, *, keys: Iterable[str] = ("key",), calendars: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.keys = set(keys)
        self.places = {key: Place(key, name) for key, name in (calendars or {"work": "Work"}).items()}
        self.events: dict[str, Held] = {}
        self.mailed: list[str] = []
        self._numbers = itertools.count(1)

    # ── By hand ──

    def add(self, calendar: str, title: str, start_s: int, end_s: int, **fields: Any) -> str:
        """Somebody enters an event; returns its id."""
        said = self.entered() | {self.title_field: title} | self.times(start_s, end_s) | fields
        return self.keep(calendar, said).id

    def edit(self, event_id: str, **fields: Any) -> None:
        held = self.events[event_id]
        held.fields |= fields
        held.changed = time.time()

    def retitle(self, event_id: str, title: str) -> None:
        self.edit(event_id, **{self.title_field: title})

    def move(self, event_id: str, start_s: int, end_s: int) -> None:
        self.edit(event_id, **self.times(start_s, end_s))

    def remove(self, event_id: str) -> None:
        self.events[event_id].deleted = True
        self.events[event_id].changed = time.time()

    def remove_calendar(self, calendar: str) -> None:
        del self.places[calendar]

    def revoke(self) -> None:
        """No key is good any more."""
        self.keys.clear()

    def live(self, calendar: str = "") -> list[Held]:
        """What somebody sees there, in the order in which it was made."""
        return [
            held
            for held in self.events.values()
            if not held.deleted and not self.is_off(held) and calendar in ("", held.calendar)
        ]

    # ── What a service says differently ──

    @abstractmethod
    def times(self, start_s: int, end_s: int) -> Json:
        """These instants in the service's fields."""

    @abstractmethod
    def span(self, fields: Json) -> tuple[int, int]:
        """First and end second of an event's fields."""

    @abstractmethod
    def new_id(self, number: int) -> str: ...

    def entered(self) -> Json:
        """What else an event has that was entered by hand."""
        return {}

    def is_off(self, held: Held) -> bool:
        return False

    # ── For the handlers ──

    def keep(self, calendar: str, fields: Json, event_id: str = "") -> Held:
        made = Held(event_id or self.new_id(next(self._numbers)), calendar, fields)
        self.events[made.id] = made
        return made

    def change(self, held: Held, fields: Json) -> None:
        held.fields |= fields
        held.changed = time.time()

    def found(self, event_id: str) -> Held | None:
        held = self.events.get(event_id)
        return None if held is None or held.deleted or held.calendar not in self.places else held

    def within(self, lo: int, hi: int, calendars: Collection[str]) -> list[Held]:
        """Events of these calendars that overlap [lo, hi), deleted ones too, by their start."""
        found = [held for held in self.events.values() if held.calendar in calendars]
        timed = [(*self.span(held.fields), held) for held in found]
        return [held for start, end, held in sorted(timed, key=lambda one: one[0]) if start < hi and end > lo]


class Meter:
    """An allowance of `most` points in `seconds`, in steps of that length."""

    def __init__(self, most: int, seconds: int) -> None:
        self.most, self.seconds = most, seconds
        self._step, self._used = 0, 0

    def spend(self, points: int) -> bool:
        step = int(time.time()) // self.seconds
        if step != self._step:
            self._step, self._used = step, 0
        fits = self._used + points <= self.most
        self._used += points if fits else 0
        return fits

    @property
    def left(self) -> int:
        return max(0, self.most - self._used)

    @property
    def reset_s(self) -> int:
        return self.seconds - int(time.time()) % self.seconds


def body_of(asked: Asked) -> Json | None:
    """The object in a body, None when it holds none."""
    try:
        body = asked.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def empty(status: int = 204) -> Told:
    return Told(status)
