"""What rules mean, in sentences: hours, notice, limits, who hosts and who is asked first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from django.utils.dates import WEEKDAYS
from django.utils.formats import date_format
from django.utils.text import capfirst, get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bookings.domain.groups import Part
from bookings.models import EventType, GroupRule, Host
from bookings.pages.staff.weekly import spell

DAY, HOUR = 1440, 60


def place_of(tzid: str) -> str:
    """Berlin, for Europe/Berlin."""
    return tzid.rpartition("/")[2].replace("_", " ")


def hours(weekly: Sequence[Sequence[Sequence[int]]]) -> str:
    """Monday to Friday 9:00–17:00, Saturday 10:00–14:00; days that are alike and follow each other as one."""
    days = [(index, spell(blocks)) for index, blocks in enumerate(weekly)]
    found = []
    for text, group in groupby(days, key=lambda day: day[1]):
        numbers = [index for index, _text in group]
        if text:
            found.append(f"{_span(numbers[0], numbers[-1])} {text.replace('0:00–24:00', _('all day'))}")
    return ", ".join(found) or _("never")


def minutes(count: int) -> str:
    """30 minutes, 2 hours, 1 hour 30 minutes, 3 days."""
    if count and count % DAY == 0:
        return ngettext("%(number)d day", "%(number)d days", count // DAY) % {"number": count // DAY}
    whole, rest = divmod(count, HOUR)
    parts = []
    if whole:
        parts.append(ngettext("%(number)d hour", "%(number)d hours", whole) % {"number": whole})
    if rest or not whole:
        parts.append(ngettext("%(number)d minute", "%(number)d minutes", rest) % {"number": rest})
    return " ".join(parts)


def limits(counts: dict[str, int]) -> str:
    """at most 3 a day and 10 a week; nothing without limits."""
    words = {"day": _("%d a day"), "week": _("%d a week"), "month": _("%d a month")}
    told = [words[period] % counts[period] for period in words if counts.get(period)]
    return _("at most %s") % get_text_list(told, _("and")) if told else ""


def names(hosts: Iterable[Host], last: str) -> str:
    """Anna, Ben or Cleo; many are counted."""
    found = [host.name for host in hosts]
    if len(found) > 4:
        found = [*found[:3], _("%d others") % (len(found) - 3)]
    return str(get_text_list(found, last))


def of_host(host: Host) -> str:
    """When somebody can be had, in one sentence."""
    told = [_("%(hours)s in %(place)s") % {"hours": hours(host.schedule.weekly), "place": place_of(host.timezone)}]
    told.append(limits(host.limits))
    if host.holiday_country:
        told.append(_("not on public holidays"))
    return _sentence(told)


def of_event_type(event_type: EventType, hosts: Sequence[Host], required: int | None = None) -> str:
    """What an event type offers, in one sentence. `required` of the hosts are needed; None: all of them."""
    told = [_when(event_type, hosts, required), _lengths(event_type), _pace(event_type), _buffers(event_type)]
    if event_type.minimum_notice:
        told.append(_("at least %s ahead") % minutes(event_type.minimum_notice))
    told += [_window(event_type), limits(event_type.limits)]
    if each := limits(event_type.customer_limits):
        told.append(_("%s for one customer") % each)
    if event_type.first_slot_only:
        told.append(_("only the first free time of each day"))
    if event_type.capacity > 1:
        told.append(_("up to %d people in one session") % event_type.capacity)
    told.append(_confirmation(event_type))
    return _sentence(told)


def of_rule(rule: GroupRule, parts: Sequence[Part]) -> str:
    """Who takes a meeting, in a few sentences."""
    hosts = [part.host for part in parts]
    if not hosts:
        return _("Nobody is in this group yet.")
    told = [_who_is_needed(rule, hosts)]
    if rule.mode != GroupRule.Mode.ALL and len(parts) > 1:
        told.append(_who_is_first(rule, parts))
    capped = [part for part in parts if part.cap_per_day]
    told += [_("%(name)s takes at most %(cap)d a day.") % {"name": p.host.name, "cap": p.cap_per_day} for p in capped]
    told.append(_("Who moves a booking keeps the same host."))
    return " ".join(told)


def _span(first: int, last: int) -> str:
    if first == last:
        return str(WEEKDAYS[first])
    if (first, last) == (0, 6):
        return _("Every day")
    join = _("%(first)s and %(last)s") if last == first + 1 else _("%(first)s to %(last)s")
    return join % {"first": WEEKDAYS[first], "last": WEEKDAYS[last]}


def _sentence(parts: Iterable[str]) -> str:
    text = ", ".join(filter(None, parts))
    return f"{capfirst(text)}."


def _when(event_type: EventType, hosts: Sequence[Host], required: int | None) -> str:
    if not hosts:
        return _("Nobody hosts this yet")
    zones = {host.timezone for host in hosts}
    place = place_of(hosts[0].timezone) if len(zones) == 1 else _("each host’s own zone")
    if event_type.schedule is not None:
        return _("%(hours)s in %(place)s") % {"hours": hours(event_type.schedule.weekly), "place": place} + _with(
            hosts, required
        )
    if len(hosts) == 1:
        return _("%(hours)s in %(place)s") % {"hours": hours(hosts[0].schedule.weekly), "place": place}
    if required == 1:
        return _("when %s works") % names(hosts, _("or"))
    if required is None or required == len(hosts):
        return _("when %s all work") % names(hosts, _("and"))
    return _("when %(number)d of %(names)s work") % {"number": required, "names": names(hosts, _("and"))}


def _with(hosts: Sequence[Host], required: int | None) -> str:
    if len(hosts) == 1:
        return ""
    return " " + _("with %s") % names(hosts, _("or") if required == 1 else _("and"))


def _lengths(event_type: EventType) -> str:
    return str(get_text_list([minutes(each) for each in event_type.durations], _("or")))


def _pace(event_type: EventType) -> str:
    step = event_type.slot_interval
    return _("starting every %s") % minutes(step) if step and step != event_type.durations[0] else ""


def _buffers(event_type: EventType) -> str:
    before, after = event_type.buffer_before, event_type.buffer_after
    if before and after:
        return _("%(before)s free before and %(after)s after") % {"before": minutes(before), "after": minutes(after)}
    if before:
        return _("%s free before") % minutes(before)
    return _("%s free after") % minutes(after) if after else ""


def _window(event_type: EventType) -> str:
    days, first, last = event_type.window_days, event_type.window_first, event_type.window_last
    if event_type.window == EventType.Window.ROLLING:
        return ngettext("up to %d day from now", "up to %d days from now", days) % days
    if event_type.window == EventType.Window.WORKING:
        return ngettext("up to %d working day from now", "up to %d working days from now", days) % days
    if event_type.window == EventType.Window.RANGE:
        told = [_("from %s") % date_format(first, "j F Y")] if first else []
        return " ".join(told + ([_("to %s") % date_format(last, "j F Y")] if last else []))
    return ""


def _confirmation(event_type: EventType) -> str:
    if not event_type.needs_confirmation:
        return ""
    if event_type.pending_blocks:
        return _("each one waits for your yes, and keeps its time meanwhile")
    return _("each one waits for your yes, and others may ask for the same time meanwhile")


def _who_is_needed(rule: GroupRule, hosts: Sequence[Host]) -> str:
    if rule.mode == GroupRule.Mode.ANY:
        return _("One of %s takes each meeting: whoever is free.") % names(hosts, _("or"))
    if rule.mode == GroupRule.Mode.ALL:
        return _("%s all take part, at times when everybody is free.") % names(hosts, _("and"))
    told = {"number": rule.required, "total": len(hosts), "names": names(hosts, _("and"))}
    return _("%(number)d of the %(total)d people take part: those who are free among %(names)s.") % told


def _who_is_first(rule: GroupRule, parts: Sequence[Part]) -> str:
    told = []
    top = max(part.priority for part in parts)
    first = [part.host for part in parts if part.priority == top]
    if len(first) < len(parts):
        told.append(_("%s is asked first.") % names(first, _("or")))
    if len({part.weight for part in parts}) > 1:
        shares = get_text_list([f"{part.host.name} {part.weight}" for part in parts[:6]], _("and"))
        told.append(_("Bookings are shared %s.") % shares)
    days = ngettext("%d day", "%d days", rule.fairness_days) % rule.fairness_days
    told.append(_("When several are free, it goes to who had the fewest in the last %s.") % days)
    return " ".join(told)
