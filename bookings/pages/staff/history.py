"""What happened to a booking, entry by entry, in words: what, by whom, from what to what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.models import AuditEntry
from bookings.templatetags.when import clock, short_day
from bookings.templatetags.words import action

_FIELDS = {
    "title": gettext_lazy("title"),
    "description": gettext_lazy("description"),
    "location": gettext_lazy("place"),
    "answers": gettext_lazy("answers"),
    "notes": gettext_lazy("notes"),
    "contact": gettext_lazy("customer"),
}


class Line(NamedTuple):
    """One entry: `detail` says from what to what, where there is something to say."""

    at: datetime
    words: str
    detail: str
    actor: str
    acting_as: str
    reason: str


def lines(entries: Iterable[AuditEntry], tzid: str, names: Mapping[str, str]) -> list[Line]:
    """Times on the clock of a zone; `names` has the hosts' names by their ids."""
    return [
        Line(each.at, action(each.action), _detail(each, tzid, names), each.actor, each.acting_as, each.reason)
        for each in entries
    ]


def _detail(entry: AuditEntry, tzid: str, names: Mapping[str, str]) -> str:
    before, after = entry.before, entry.after
    if entry.action == "booking.moved":
        return _from_to(_when(before.get("start_s"), tzid), _when(after.get("start_s"), tzid))
    if entry.action == "booking.handed_over":
        return _from_to(_who(before.get("hosts", ()), names), _who(after.get("hosts", ()), names))
    if entry.action == "booking.described":
        changed = [str(_FIELDS.get(name, name)) for name in after]
        return _("Changed: %s") % get_text_list(changed, _("and")) if changed else ""
    if entry.action == "booking.made" and after.get("forced"):
        return _("Outside the rules, on request")
    return ""


def _from_to(before: str, after: str) -> str:
    return _("from %(before)s to %(after)s") % {"before": before, "after": after} if before and after else after


def _when(second: Any, tzid: str) -> str:
    return f"{short_day(second, tzid)}, {clock(second, tzid)}" if isinstance(second, int) else ""


def _who(keys: Iterable[Any], names: Mapping[str, str]) -> str:
    return str(get_text_list([names.get(str(key), _("somebody who is gone")) for key in keys], _("and")))
