"""Series as Graph says them (patternedRecurrence) and as we do (RFC 5545 rules), both ways.

Graph knows one pattern of six kinds. What it cannot say is refused with a reason, never approximated: a series that
only nearly repeats as it was meant would be free where it is busy. Changed and left out occurrences are no part of the
pattern; they are events of their own there.
"""

from __future__ import annotations

from typing import Any

from bookings.engine.recurrence import RecurrenceSet, Rule, RuleError, TooMany, parse_rule
from bookings.engine.zones import DAY, day, weekday, ymd, zone
from bookings.formats.event import EventData

Json = dict[str, Any]

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_INDEXES = {1: "first", 2: "second", 3: "third", 4: "fourth", -1: "last"}
_ORDINALS = {name: number for number, name in _INDEXES.items()}
_LATER = 1100 * DAY
"""Where the first occurrence is looked for, when the start itself is none."""


class Unsayable(ValueError):
    """Graph has no words for this series. The text is for people."""


def is_series(data: EventData) -> bool:
    return bool(data.recurrence_rules or data.recurrence_dates or data.exclusion_rules)


def first_wall(data: EventData, tzid: str) -> int:
    """Where the first occurrence starts: Graph takes a series' start for one, we only when a rule matches it."""
    if not data.recurrence_rules:
        return data.start_wall
    series = RecurrenceSet(data.start_wall, tzid, (_only_rule(data),))
    begin = zone(tzid).to_utc(data.start_wall)
    try:
        found = series.walls(begin, begin + _LATER, limit=10_000)
    except TooMany as error:
        raise Unsayable("This series repeats too often for Outlook.") from error
    if not found:
        raise Unsayable("This series has no occurrence within three years, which Outlook cannot express.")
    return found[0]


def written(data: EventData, tzid: str, timezone: str) -> Json | None:
    """The patternedRecurrence of an event, None when it does not repeat; raises Unsayable.

    `tzid` is the IANA zone its walls are in, `timezone` the name of that zone as it is to be sent.
    """
    if not is_series(data):
        return None
    rule, start = _only_rule(data), first_wall(data, tzid)
    return {"pattern": _pattern(rule, start // DAY), "range": _range(rule, start, tzid, timezone)}


def _only_rule(data: EventData) -> Rule:
    if data.recurrence_dates:
        raise Unsayable("Outlook cannot repeat an event on dates that are listed one by one.")
    if len(data.recurrence_rules) != 1 or data.exclusion_rules:
        raise Unsayable("Outlook knows one rule for a series; this one has several.")
    try:
        return parse_rule(data.recurrence_rules[0])
    except RuleError as error:
        raise Unsayable(str(error)) from error


def _pattern(rule: Rule, first: int) -> Json:
    if rule.byhour or rule.byminute or rule.bysecond or rule.byweekno or rule.byyearday or rule.skip == "FORWARD":
        raise _unsayable(rule)
    makers = {"DAILY": _daily, "WEEKLY": _weekly, "MONTHLY": _monthly, "YEARLY": _yearly}
    if rule.freq not in makers:
        raise _unsayable(rule)
    return {"interval": rule.interval, **makers[rule.freq](rule, first)}


def _unsayable(rule: Rule) -> Unsayable:
    return Unsayable(f"Outlook cannot repeat an event like this ({rule}).")


def _daily(rule: Rule, first: int) -> Json:
    if rule.bymonth or rule.bymonthday or rule.bysetpos:
        raise _unsayable(rule)
    if not rule.byday:
        return {"type": "daily"}
    if rule.interval != 1:
        raise _unsayable(rule)
    return _weekly(rule, first)


def _weekly(rule: Rule, first: int) -> Json:
    if rule.bymonth or rule.bysetpos:
        raise _unsayable(rule)
    days = [DAYS[each] for _, each in rule.byday] or [DAYS[weekday(first)]]
    return {"type": "weekly", "daysOfWeek": days, "firstDayOfWeek": DAYS[rule.wkst]}


def _monthly(rule: Rule, first: int) -> Json:
    if rule.bymonth:
        raise _unsayable(rule)
    return _day_or_weekday(rule, first, "Monthly")


def _yearly(rule: Rule, first: int) -> Json:
    month = ymd(first)[1]
    by_weekday = bool(rule.byday)
    if len(rule.bymonth) > 1 or (by_weekday and not rule.bymonth) or (rule.bymonthday and not rule.bymonth):
        raise _unsayable(rule)
    pattern = _day_or_weekday(rule, first, "Yearly")
    pattern["month"] = rule.bymonth[0] if rule.bymonth else month
    if pattern.get("dayOfMonth") == 31 and pattern["month"] in (2, 4, 6, 9, 11) and rule.bymonthday != (-1,):
        raise _unsayable(rule)
    return pattern


def _day_or_weekday(rule: Rule, first: int, kind: str) -> Json:
    if not rule.byday:
        return {"type": f"absolute{kind}", "dayOfMonth": _day_of_month(rule, first)}
    ordinals = {ordinal for ordinal, _ in rule.byday}
    if rule.bymonthday or len(ordinals) != 1:
        raise _unsayable(rule)
    ordinal = ordinals.pop()
    if ordinal and (rule.bysetpos or len(rule.byday) > 1):
        raise _unsayable(rule)
    place = ordinal or (rule.bysetpos[0] if len(rule.bysetpos) == 1 else 0)
    if place not in _INDEXES:
        raise _unsayable(rule)
    days = [DAYS[each] for _, each in rule.byday]
    return {"type": f"relative{kind}", "index": _INDEXES[place], "daysOfWeek": days}


def _day_of_month(rule: Rule, first: int) -> int:
    """Exchange takes the last day of a month that is too short (MS-OXOCAL 2.2.1.44.1), rules mostly leave it out."""
    if rule.bysetpos or len(rule.bymonthday) > 1:
        raise _unsayable(rule)
    number = rule.bymonthday[0] if rule.bymonthday else ymd(first)[2]
    if number == -1:
        return 31
    always_there = number <= 28 or (rule.freq == "YEARLY" and (rule.bymonth or (ymd(first)[1],)) != (2,))
    if number < 1 or not (always_there or rule.skip == "BACKWARD"):
        raise _unsayable(rule)
    return number


def _range(rule: Rule, start: int, tzid: str, timezone: str) -> Json:
    said: Json = {"startDate": _date(start // DAY), "recurrenceTimeZone": timezone}
    if rule.count is not None:
        return said | {"type": "numbered", "numberOfOccurrences": rule.count}
    if rule.until is None:
        return said | {"type": "noEnd"}
    until = zone(tzid).to_wall(rule.until) if rule.until_kind == "utc" else rule.until
    last = until // DAY
    if rule.until_kind != "date" and until % DAY < start % DAY:
        last -= 1
    return said | {"type": "endDate", "endDate": _date(max(last, start // DAY))}


def _date(number: int) -> str:
    year, month, day_of_month = ymd(number)
    return f"{year:04d}-{month:02d}-{day_of_month:02d}"


def day_number(text: str) -> int:
    """The day number of a date such as 2026-03-01; raises ValueError."""
    year, month, day_of_month = text[:10].split("-")
    return day(int(year), int(month), int(day_of_month))


# ── Reading ──


def rule_of(recurrence: Json) -> str:
    """The rule of a patternedRecurrence; raises ValueError, KeyError, TypeError for what is none."""
    pattern, span = recurrence["pattern"], recurrence["range"]
    parts = [*_rule_parts(pattern)]
    if int(pattern.get("interval") or 1) != 1:
        parts.append(f"INTERVAL={int(pattern['interval'])}")
    if span["type"] == "numbered":
        parts.append(f"COUNT={int(span['numberOfOccurrences'])}")
    elif span["type"] == "endDate":
        parts.append(f"UNTIL={str(span['endDate'])[:10].replace('-', '')}")
    return str(parse_rule(";".join(parts)))


def _rule_parts(pattern: Json) -> list[str]:
    kind = pattern["type"]
    if kind == "daily":
        return ["FREQ=DAILY"]
    if kind == "weekly":
        first = DAYS.index(pattern.get("firstDayOfWeek") or "sunday")
        return ["FREQ=WEEKLY", f"BYDAY={_codes(pattern)}", f"WKST={_code(first)}"]
    freq = "MONTHLY" if kind.endswith("Monthly") else "YEARLY"
    parts = [f"FREQ={freq}"] + ([f"BYMONTH={int(pattern['month'])}"] if freq == "YEARLY" else [])
    if kind.startswith("absolute"):
        return _absolute(int(pattern["dayOfMonth"]), parts)
    if kind not in ("relativeMonthly", "relativeYearly"):
        raise ValueError(f"an unknown pattern: {kind}")
    place = _ORDINALS[pattern.get("index") or "first"]
    if len(pattern["daysOfWeek"]) == 1:
        return [*parts, f"BYDAY={place}{_codes(pattern)}"]
    return [*parts, f"BYDAY={_codes(pattern)}", f"BYSETPOS={place}"]


def _absolute(number: int, parts: list[str]) -> list[str]:
    """A day that some months do not have is their last one."""
    if number <= 28:
        return [*parts, f"BYMONTHDAY={number}"]
    if number == 31:
        return [*parts, "BYMONTHDAY=-1"]
    return ["RSCALE=GREGORIAN", *parts, f"BYMONTHDAY={number}", "SKIP=BACKWARD"]


def _codes(pattern: Json) -> str:
    return ",".join(_code(DAYS.index(name)) for name in pattern["daysOfWeek"])


def _code(number: int) -> str:
    return DAYS[number][:2].upper()
