"""How often an event repeats, as a form asks it: a choice, every how many, on which days, until when."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from django.utils.translation import gettext_lazy as _

from bookings.engine.rules import WEEKDAYS, Rule, parse_rule
from bookings.engine.zones import DAY
from bookings.pages.staff.series import last_day, only

CHOICES = [
    ("", _("Does not repeat")),
    ("daily", _("Every day")),
    ("weekdays", _("Monday to Friday")),
    ("weekly", _("Every week")),
    ("monthly", _("Every month")),
    ("yearly", _("Every year")),
]
CUSTOM = "custom"
"""The choice of a rule that none of CHOICES can say: it stays as it is."""
MONTHLY = [
    ("date", _("On the same date")),
    ("weekday", _("On the same weekday, counted from the beginning")),
    ("last", _("On the last such weekday")),
    ("end", _("On the last day of the month")),
]
ENDS = [("never", _("Never")), ("until", _("On a day")), ("count", _("After a number of times"))]
WEEKDAY_CHOICES = [(str(number), name) for number, name in enumerate(WEEKDAYS)]

_FREQUENCIES = {"daily": "DAILY", "weekly": "WEEKLY", "monthly": "MONTHLY", "yearly": "YEARLY"}
_OFFICE_DAYS = ((0, 0), (0, 1), (0, 2), (0, 3), (0, 4))
_EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True)
class Repeats:
    """What is chosen. `days` are weekdays (Monday is 0) of a weekly rule, `monthly` one of MONTHLY."""

    choice: str = ""
    every: int = 1
    days: tuple[int, ...] = ()
    monthly: str = "date"
    until: dt.date | None = None
    count: int | None = None


def read(rules: tuple[str, ...], timezone: str, first: dt.date) -> Repeats:
    """What a series that begins on `first` amounts to."""
    if not rules:
        return Repeats()
    rule = only(rules)
    found = _pattern(replace(rule, until=None, until_kind="utc", count=None, wkst=0), first) if rule else None
    if rule is None or found is None:
        ending = (last_day(rule, timezone), rule.count) if rule else (None, None)
        return Repeats(CUSTOM, until=ending[0], count=ending[1])
    return replace(found, until=last_day(rule, timezone), count=rule.count)


def written(chosen: Repeats, first: dt.date, before: tuple[str, ...], shown: Repeats) -> tuple[str, ...]:
    """The rules for what is chosen. `before` is what the series says, `shown` what the form showed of it: unchanged, it
    stays to the letter; CUSTOM with another end keeps all of it but its end."""
    if chosen == shown:
        return before
    if chosen.choice == CUSTOM:
        return tuple(str(_ending(parse_rule(text), chosen)) for text in before)
    if replace(chosen, until=None, count=None) == replace(shown, until=None, count=None) and len(before) == 1:
        return (str(_ending(parse_rule(before[0]), chosen)),)
    return (str(_ending(parse_rule(_text(chosen, first)), chosen)),) if chosen.choice else ()


def _pattern(rule: Rule, first: dt.date) -> Repeats | None:
    """The choice behind a rule without its end, None when the form has none for it."""
    if rule.freq == "WEEKLY" and rule.byday == _OFFICE_DAYS and rule.interval == 1:
        return Repeats("weekdays") if rule == parse_rule(f"FREQ=WEEKLY;BYDAY={','.join(WEEKDAYS[:5])}") else None
    days = tuple(day for ordinal, day in rule.byday if not ordinal) if rule.freq == "WEEKLY" else ()
    name = next((name for name, freq in _FREQUENCIES.items() if freq == rule.freq), None)
    if name is None:
        return None
    for monthly, _words in MONTHLY if name == "monthly" else MONTHLY[:1]:
        found = Repeats(name, rule.interval, days, monthly)
        if rule in (parse_rule(_text(found, first)), Rule(rule.freq, interval=rule.interval)):
            return found
    return None


def _text(chosen: Repeats, first: dt.date) -> str:
    if chosen.choice == "weekdays":
        return f"FREQ=WEEKLY;BYDAY={','.join(WEEKDAYS[:5])}"
    text = f"FREQ={_FREQUENCIES[chosen.choice]};INTERVAL={chosen.every}"
    if chosen.choice == "weekly" and chosen.days:
        return f"{text};BYDAY={','.join(WEEKDAYS[day] for day in chosen.days)}"
    if chosen.choice == "monthly":
        return f"{text};{_day_of_month(chosen.monthly, first)}"
    return text


def _day_of_month(monthly: str, first: dt.date) -> str:
    weekday = WEEKDAYS[first.weekday()]
    return {
        "date": f"BYMONTHDAY={first.day}",
        "weekday": f"BYDAY={(first.day - 1) // 7 + 1}{weekday}",
        "last": f"BYDAY=-1{weekday}",
        "end": "BYMONTHDAY=-1",
    }[monthly]


def _ending(rule: Rule, chosen: Repeats) -> Rule:
    if chosen.until is not None:
        last = (chosen.until - _EPOCH).days * DAY + DAY - 1
        return replace(rule, count=None, until=last, until_kind="local")
    return replace(rule, count=chosen.count, until=None)
