"""Instants (UTC seconds) in words, on somebody's wall clock and in the reader's language."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django import template
from django.utils.formats import date_format
from django.utils.timesince import timesince
from django.utils.timezone import now
from django.utils.translation import gettext, pgettext

register = template.Library()

_twelve: ContextVar[bool] = ContextVar("twelve", default=False)


@contextmanager
def hours(*, twelve: bool) -> Iterator[None]:
    """Meanwhile times of the day are written with twelve hours or with twenty-four."""
    token = _twelve.set(twelve)
    try:
        yield
    finally:
        _twelve.reset(token)


@register.filter
def day(second: int, tzid: str) -> str:
    """Tuesday 4 March 2027."""
    return date_format(_local(second, tzid), pgettext("date format", "l j F Y"))


@register.filter
def weekday_of(second: int, tzid: str) -> str:
    """Tuesday 4 March."""
    return date_format(_local(second, tzid), pgettext("date format", "l j F"))


@register.filter
def short_day(second: int, tzid: str) -> str:
    """Tue 4 Mar."""
    return date_format(_local(second, tzid), pgettext("date format", "D j M"))


@register.filter
def date_in(moment: datetime, tzid: str) -> str:
    """4 Mar 2027: the date of a datetime there."""
    return date_format(moment.astimezone(ZoneInfo(tzid)), "j M Y")


@register.filter
def last_date_in(end: datetime, tzid: str) -> str:
    """4 Mar 2027, for what ends at the midnight that follows: the last date on which it holds."""
    return date_in(end - timedelta(seconds=1), tzid)


@register.filter
def since(moment: datetime) -> str:
    """3 hours ago."""
    if (now() - moment).total_seconds() < 60:
        return gettext("just now")
    return gettext("%(time)s ago") % {"time": timesince(moment, depth=1)}


@register.filter
def clock(second: int, tzid: str) -> str:
    """09:30, or 9:30 AM for readers who write it so."""
    return date_format(_local(second, tzid), "g:i A" if _twelve.get() else "H:i")


@register.filter
def iso(second: int, tzid: str) -> str:
    """For the datetime attribute of a time element."""
    return _local(second, tzid).isoformat()


@register.filter
def zone_words(second: int, tzid: str) -> str:
    """Europe/Berlin (UTC+1): the zone's name and its offset at that instant."""
    if tzid == "UTC":
        return tzid
    return gettext("%(zone)s (UTC%(offset)s)") % {"zone": tzid.replace("_", " "), "offset": offset(second, tzid)}


@register.filter
def offset(second: int, tzid: str) -> str:
    """+1, +5:30 or nothing for UTC itself."""
    shift = _local(second, tzid).utcoffset()
    minutes = int(shift.total_seconds()) // 60 if shift else 0
    sign = "−" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    return f"{sign}{hours}:{rest:02}" if rest else f"{sign}{hours}"


def _local(second: int, tzid: str) -> datetime:
    return datetime.fromtimestamp(second, UTC).astimezone(ZoneInfo(tzid))
