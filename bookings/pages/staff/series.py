"""Series as people read them: a rule in words, its last day."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from django.utils.dates import MONTHS, WEEKDAYS
from django.utils.formats import date_format
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from bookings.engine.rules import Rule, RuleError, parse_rule
from bookings.engine.zones import DAY, zone

_BY = ("bymonth", "byweekno", "byyearday", "bymonthday", "byday", "byhour", "byminute", "bysecond", "bysetpos")
_ORDINALS = {
    1: gettext_lazy("first"),
    2: gettext_lazy("second"),
    3: gettext_lazy("third"),
    4: gettext_lazy("fourth"),
    5: gettext_lazy("fifth"),
    -1: gettext_lazy("last"),
}
_OFFICE_DAYS = [0, 1, 2, 3, 4]
_EPOCH = dt.date(1970, 1, 1)


def in_words(rules: tuple[str, ...], timezone: str, *, with_last_day: bool = True) -> str:
    """“Every 2 weeks on Monday and Thursday, 10 times”; a rule too odd for that is called one of its own."""
    rule = only(rules)
    words = _pattern(rule) if rule else None
    if rule is None or words is None:
        return _("By a rule of its own")
    if rule.count is not None:
        return ngettext("%(every)s, once", "%(every)s, %(n)d times", rule.count) % {"every": words, "n": rule.count}
    last = last_day(rule, timezone)
    if last is None or not with_last_day:
        return words
    return _("%(every)s, until %(day)s") % {"every": words, "day": date_format(last, "j F Y")}


def only(rules: tuple[str, ...]) -> Rule | None:
    """The one rule of a series, None when there are several or it cannot be read."""
    try:
        return parse_rule(rules[0]) if len(rules) == 1 else None
    except RuleError:
        return None


def last_day(rule: Rule, timezone: str) -> dt.date | None:
    """The date of a rule's UNTIL there."""
    if rule.until is None:
        return None
    wall = zone(timezone).to_wall(rule.until) if rule.until_kind == "utc" else rule.until
    return _EPOCH + dt.timedelta(days=wall // DAY)


def _pattern(rule: Rule) -> str | None:
    """The words for a rule without its end, or None."""
    used = {name for name in _BY if getattr(rule, name)}
    every = _every(rule)
    if every is None or rule.skip != "OMIT":
        return None
    if not used:
        return every
    if used == {"byday"} and (rule.freq == "WEEKLY" or (rule.freq == "DAILY" and rule.interval == 1)):
        return _on_weekdays(rule)
    if rule.freq == "MONTHLY":
        days = _days_of_month(rule, used)
        return _("%(every)s on %(days)s") % {"every": every, "days": days} if days else None
    if rule.freq == "YEARLY" and used == {"bymonth", "bymonthday"}:
        return _on_date(rule, every)
    return None


def _every(rule: Rule) -> str | None:
    n = rule.interval
    words = {
        "DAILY": ngettext("Every day", "Every %(n)d days", n),
        "WEEKLY": ngettext("Every week", "Every %(n)d weeks", n),
        "MONTHLY": ngettext("Every month", "Every %(n)d months", n),
        "YEARLY": ngettext("Every year", "Every %(n)d years", n),
    }.get(rule.freq)
    return words % {"n": n} if words else None


def _on_weekdays(rule: Rule) -> str:
    days = [day for _ordinal, day in rule.byday]
    every = _every(replace(rule, freq="WEEKLY"))
    if days == _OFFICE_DAYS:
        return _("Monday to Friday") if rule.interval == 1 else f"{every}, {_('Monday to Friday')}"
    return _("%(every)s on %(days)s") % {"every": every, "days": _list([WEEKDAYS[day] for day in days])}


def _days_of_month(rule: Rule, used: set[str]) -> str | None:
    """“day 1”, “the last day”, “the second Tuesday”."""
    if used == {"bymonthday"}:
        if rule.bymonthday == (-1,):
            return _("the last day")
        if min(rule.bymonthday) < 0:
            return None
        days = _list(rule.bymonthday)
        return ngettext("day %(days)s", "days %(days)s", len(rule.bymonthday)) % {"days": days}
    named = list(rule.byday)
    if used == {"byday", "bysetpos"} and len(named) == len(rule.bysetpos) == 1 and named[0][0] == 0:
        named = [(rule.bysetpos[0], named[0][1])]  # how Outlook says it
    elif used != {"byday"}:
        return None
    if any(ordinal not in _ORDINALS for ordinal, _day in named):
        return None
    return _("the %(days)s") % {"days": _list([f"{_ORDINALS[ordinal]} {WEEKDAYS[day]}" for ordinal, day in named])}


def _on_date(rule: Rule, every: str) -> str | None:
    if len(rule.bymonth) != 1 or len(rule.bymonthday) != 1 or rule.bymonthday[0] < 0:
        return None
    return _("%(every)s on %(days)s") % {"every": every, "days": f"{rule.bymonthday[0]} {MONTHS[rule.bymonth[0]]}"}


def _list(items: list[object] | tuple[object, ...]) -> str:
    return get_text_list([str(item) for item in items], _("and"))
