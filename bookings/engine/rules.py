"""Recurrence rules as values: reading, checking and writing RFC 5545 3.3.10 text."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bookings.engine import zones

FREQUENCIES = ("SECONDLY", "MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
MAX_TEXT = 4096
MAX_WRITTEN_COUNT = 730
MAX_INTERVAL = 1000

_WEEKDAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z?))?")
_NUMBER = re.compile(r"[+-]?\d{1,10}", re.ASCII)

# Part -> (field, lowest, highest, whether counting from the end is meant by a minus).
_LISTS: dict[str, tuple[str, int, int, bool]] = {
    "BYMONTH": ("bymonth", 1, 12, False),
    "BYWEEKNO": ("byweekno", 1, 53, True),
    "BYYEARDAY": ("byyearday", 1, 366, True),
    "BYMONTHDAY": ("bymonthday", 1, 31, True),
    "BYHOUR": ("byhour", 0, 23, False),
    "BYMINUTE": ("byminute", 0, 59, False),
    "BYSECOND": ("bysecond", 0, 60, False),
    "BYSETPOS": ("bysetpos", 1, 366, True),
}


class RuleError(ValueError):
    """The rule is refused. ``code`` is for machines, the text for people."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Rule:
    """One RRULE. Make it with :func:`parse_rule`; ``str(rule)`` is its canonical text.

    :ivar until: wall seconds, or UTC seconds if ``until_kind`` is ``utc``. With kind ``date`` it is that
        day's midnight, and the whole day is meant.
    :ivar byday: (ordinal, weekday) with 0 for "every" and Monday = 0.
    :ivar wkst: first day of the week, Monday = 0.
    :ivar skip: what to do with days that a month does not have (RFC 7529 4.1).
    """

    freq: str
    interval: int = 1
    count: int | None = None
    until: int | None = None
    until_kind: Literal["utc", "local", "date"] = "utc"
    bymonth: tuple[int, ...] = ()
    byweekno: tuple[int, ...] = ()
    byyearday: tuple[int, ...] = ()
    bymonthday: tuple[int, ...] = ()
    byday: tuple[tuple[int, int], ...] = ()
    byhour: tuple[int, ...] = ()
    byminute: tuple[int, ...] = ()
    bysecond: tuple[int, ...] = ()
    bysetpos: tuple[int, ...] = ()
    wkst: int = 0
    skip: Literal["OMIT", "BACKWARD", "FORWARD"] = "OMIT"

    def __str__(self) -> str:
        parts = [f"FREQ={self.freq}"]
        if self.skip != "OMIT":
            parts = ["RSCALE=GREGORIAN", *parts, f"SKIP={self.skip}"]
        if self.interval != 1:
            parts.append(f"INTERVAL={self.interval}")
        if self.count is not None:
            parts.append(f"COUNT={self.count}")
        if self.until is not None:
            parts.append(f"UNTIL={_until_text(self.until, self.until_kind)}")
        for name, (field, *_) in _LISTS.items():
            if values := getattr(self, field):
                parts.append(f"{name}={','.join(map(str, values))}")
        if self.byday:
            parts.append("BYDAY=" + ",".join(f"{n or ''}{WEEKDAYS[day]}" for n, day in self.byday))
        if self.wkst:
            parts.append(f"WKST={WEEKDAYS[self.wkst]}")
        return ";".join(parts)


def parse_rule(text: str) -> Rule:
    """Read a rule, with or without ``RRULE:`` in front.

    ``RSCALE=GREGORIAN`` and ``SKIP=OMIT`` (RFC 7529), which Apple's calendars send, say nothing new and are
    dropped. What neither RFC 5545 3.3.10 nor SKIP allows is refused, including forbidden combinations.

    :raises RuleError: codes ``too_long``, ``syntax``, ``unknown_part``, ``repeated_part``, ``freq``,
        ``value``, ``combination``, ``rscale``.
    """
    if len(text) > MAX_TEXT:
        raise RuleError("too_long", f"A recurrence rule may have {MAX_TEXT} characters at most.")
    parts = _split(text.strip().upper().removeprefix("RRULE:"))
    if parts.pop("RSCALE", "GREGORIAN") != "GREGORIAN":
        raise RuleError("rscale", "Only the Gregorian calendar is supported.")
    fields: dict[str, object] = {}
    for name, value in parts.items():
        if name in _LISTS:
            fields[_LISTS[name][0]] = _numbers(name, value)
        elif name in _SINGLE:
            fields.update(_SINGLE[name](value))
        else:
            raise RuleError("unknown_part", f"{name[:40]} is not a part of a recurrence rule.")
    if "freq" not in fields:
        raise RuleError("freq", "A recurrence rule needs FREQ.")
    rule = Rule(**fields)  # type: ignore[arg-type]
    _check_combinations(rule)
    return rule


def validate_written(rule: Rule) -> None:
    """Refuse what is accepted from other calendars, but not from people who write here.

    :raises RuleError: codes ``freq`` (no SECONDLY, MINUTELY), ``interval`` (1..1000), ``count`` (1..730).
    """
    if rule.freq in ("SECONDLY", "MINUTELY"):
        raise RuleError("freq", "A series can repeat every hour at most.")
    if rule.interval > MAX_INTERVAL:
        raise RuleError("interval", f"INTERVAL may be {MAX_INTERVAL} at most.")
    if rule.count is not None and rule.count > MAX_WRITTEN_COUNT:
        raise RuleError("count", f"COUNT may be {MAX_WRITTEN_COUNT} at most.")


def _split(text: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    # A semicolon at the end is wrong but common.
    for part in text.removesuffix(";").split(";"):
        name, equals, value = part.partition("=")
        if not equals or not value:
            raise RuleError("syntax", f"Not a part of a recurrence rule: {part[:40]!r}")
        if name in parts:
            raise RuleError("repeated_part", f"{name[:40]} is given twice.")
        parts[name] = value
    return parts


def _number(name: str, value: str) -> int:
    if not _NUMBER.fullmatch(value):
        raise RuleError("value", f"{name} is not a number: {value[:40]!r}")
    return int(value)


def _numbers(name: str, value: str) -> tuple[int, ...]:
    _, low, high, negative = _LISTS[name]
    numbers = {_number(name, item) for item in value.split(",")}
    for number in numbers:
        if not (low <= number <= high or (negative and low <= -number <= high)):
            raise RuleError("value", f"{name}={number} is out of range.")
    if name == "BYSECOND":
        # Second 60 exists only on leap seconds, which no clock here has; the last second is the nearest.
        numbers = {min(number, 59) for number in numbers}
    return tuple(sorted(numbers))


def _positive(name: str, value: str) -> int:
    number = _number(name, value)
    if number < 1:
        raise RuleError("value", f"{name} must be 1 or more.")
    return number


def _freq(value: str) -> str:
    if value not in FREQUENCIES:
        raise RuleError("freq", f"Unknown FREQ: {value[:40]!r}")
    return value


def _skip(value: str) -> str:
    if value not in ("OMIT", "BACKWARD", "FORWARD"):
        raise RuleError("value", f"Unknown SKIP: {value[:40]!r}")
    return value


def _wkst(value: str) -> int:
    if value not in WEEKDAYS:
        raise RuleError("value", f"WKST is not a weekday: {value[:40]!r}")
    return WEEKDAYS.index(value)


def _byday(value: str) -> tuple[tuple[int, int], ...]:
    days = set()
    for item in value.split(","):
        match = _WEEKDAY.fullmatch(item)
        if not match or (match[1] and not 1 <= abs(int(match[1])) <= 53):
            raise RuleError("value", f"BYDAY is not a weekday: {item[:40]!r}")
        days.add((int(match[1] or 0), WEEKDAYS.index(match[2])))
    return tuple(sorted(days, key=lambda day: (day[1], day[0])))


def _until(value: str) -> dict[str, object]:
    match = _UNTIL.fullmatch(value)
    if not match:
        raise RuleError("value", f"UNTIL is not a time: {value[:40]!r}")
    y, m, d, h, mi, s = (int(part or 0) for part in match.groups()[:6])
    if h > 23 or mi > 59 or s > 60:
        raise RuleError("value", f"UNTIL is not a time: {value[:40]!r}")
    try:
        until = zones.wall(y, m, d, h, mi, s)
    except ValueError:
        raise RuleError("value", f"UNTIL is not a date: {value[:40]!r}") from None
    return {"until": until, "until_kind": "date" if match[4] is None else "utc" if match[7] else "local"}


_SINGLE: dict[str, Callable[[str], dict[str, object]]] = {
    "FREQ": lambda value: {"freq": _freq(value)},
    "INTERVAL": lambda value: {"interval": _positive("INTERVAL", value)},
    "COUNT": lambda value: {"count": _positive("COUNT", value)},
    "UNTIL": _until,
    "BYDAY": lambda value: {"byday": _byday(value)},
    "WKST": lambda value: {"wkst": _wkst(value)},
    "SKIP": lambda value: {"skip": _skip(value)},
}


def _until_text(until: int, kind: str) -> str:
    y, m, d = zones.ymd(until // zones.DAY)
    clock = until % zones.DAY
    date = f"{y:04d}{m:02d}{d:02d}"
    if kind == "date":
        return date
    return f"{date}T{clock // 3600:02d}{clock // 60 % 60:02d}{clock % 60:02d}{'Z' if kind == 'utc' else ''}"


def _check_combinations(rule: Rule) -> None:
    """The combinations RFC 5545 3.3.10 forbids."""
    numbered = any(ordinal for ordinal, _ in rule.byday)
    others = [field for field, *_ in _LISTS.values() if field != "bysetpos"]
    faults = {
        "COUNT and UNTIL cannot both be given.": rule.count is not None and rule.until is not None,
        "BYWEEKNO needs FREQ=YEARLY.": rule.byweekno and rule.freq != "YEARLY",
        "BYYEARDAY cannot be used with this FREQ.": (rule.byyearday and rule.freq in ("DAILY", "WEEKLY", "MONTHLY")),
        "BYMONTHDAY cannot be used with FREQ=WEEKLY.": rule.bymonthday and rule.freq == "WEEKLY",
        "BYDAY with a number needs FREQ=MONTHLY or YEARLY.": (numbered and rule.freq not in ("MONTHLY", "YEARLY")),
        "BYDAY with a number cannot be used with BYWEEKNO.": numbered and rule.byweekno,
        "BYSETPOS needs another BY part.": (
            rule.bysetpos and not rule.byday and not any(getattr(rule, field) for field in others)
        ),
    }
    for text, fault in faults.items():
        if fault:
            raise RuleError("combination", text)
