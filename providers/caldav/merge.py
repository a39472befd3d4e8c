"""Bringing an object on a server to our state without undoing what people changed there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from copy import deepcopy
from datetime import date, datetime, timedelta
from typing import Any

from icalendar import Calendar, Component, vCalAddress, vDDDTypes, vText

from bookings.engine.zones import DAY
from providers.base import Answer

_MANAGED = frozenset(
    {
        *("UID", "DTSTAMP", "CREATED", "LAST-MODIFIED", "SEQUENCE", "RECURRENCE-ID", "X-CONVENE-REF"),
        *("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "EXRULE"),
        *("SUMMARY", "DESCRIPTION", "LOCATION", "CONFERENCE", "STATUS", "TRANSP", "CLASS"),
        *("X-MICROSOFT-CDO-BUSYSTATUS", "ORGANIZER", "ATTENDEE", "X-ALT-DESC"),
    }
)
"""What our state decides. Colour, categories, alarms and everything else there belongs to the host."""

_EPOCH = datetime(1970, 1, 1)
_ANSWERS = ("PARTSTAT", "SCHEDULE-STATUS", "X-RESPONSE-COMMENT")


def merge(current: str, ours: str) -> str:
    """Our object with the guests' answers and the host's own additions of the current one.

    :raises ValueError: when the current object cannot be read; then ours is to be written as it is.
    """
    theirs = {_occurrence(event): event for event in Calendar.from_ical(current).walk("VEVENT")}
    wanted = Calendar.from_ical(ours)
    events = wanted.walk("VEVENT")
    for event in events:
        before = theirs.get(_occurrence(event))
        if before is not None:
            _keep_answers(event, before)
            _keep_additions(event, before)
    _keep_changed_occurrences(wanted, events, theirs)
    merged: str = wanted.to_ical().decode()
    return merged


def _occurrence(event: Component) -> str:
    """Which occurrence a VEVENT describes: "" for the event itself or a series' master."""
    changed = event.get("RECURRENCE-ID")
    return changed.to_ical().decode() if changed is not None else ""


def _attendees(event: Component) -> list[vCalAddress]:
    found = event.get("ATTENDEE", [])
    return found if isinstance(found, list) else [found]


def _keep_answers(event: Component, before: Component) -> None:
    answered = {str(guest).lower(): guest for guest in _attendees(before)}
    for guest in _attendees(event):
        known = answered.get(str(guest).lower())
        if known is not None:
            guest.params.update({name: known.params[name] for name in _ANSWERS if name in known.params})


def _keep_additions(event: Component, before: Component) -> None:
    for name, value in before.items():
        if name not in _MANAGED and name not in event:
            event[name] = value
    if not event.walk("VALARM"):
        for alarm in before.walk("VALARM"):
            event.add_component(alarm)


def _keep_changed_occurrences(wanted: Calendar, events: list[Component], theirs: dict[str, Component]) -> None:
    """Occurrences of a series that the host changed there stay as they are while the series itself is the same and
    still has them."""
    master = next((event for event in events if not _occurrence(event)), None)
    before = theirs.get("")
    if master is None or before is None or _course(master) != _course(before):
        return
    ours = {_occurrence(event) for event in events} | _excluded(master)
    for occurrence, event in theirs.items():
        if occurrence not in ours:
            wanted.add_component(event)


def _excluded(master: Component) -> set[str]:
    found: Any = master.get("EXDATE", [])
    lists = found if isinstance(found, list) else [found]
    return {when.to_ical().decode() for each in lists for when in each.dts}


def _course(master: Component) -> tuple[str, ...]:
    """When a series takes place, as far as it decides whether a changed occurrence still belongs to it."""
    values = (master.get(name) for name in ("DTSTART", "RRULE"))
    return tuple(value.to_ical().decode() if hasattr(value, "to_ical") else str(value) for value in values)


def answered(current: str, owners: Sequence[str], answer: Answer) -> str | None:
    """The object with the owner's answer to its invitation (RFC 6638 section 3.2.2), or None when nobody asks them.

    One occurrence that had nothing of its own yet is written like its series, with the answer.
    """
    calendar = Calendar.from_ical(current)
    events = calendar.walk("VEVENT")
    if answer.wall is not None:
        one = _occurrence_of(events, answer)
        events = [one] if one is not None else []
        if one is not None and one not in calendar.subcomponents:
            calendar.add_component(one)
    mine = {f"mailto:{owner.lower()}" for owner in owners}
    found = [_answer(event, mine, answer) for event in events]
    text: str = calendar.to_ical().decode()
    return text if any(found) else None


def _answer(event: Component, mine: Collection[str], answer: Answer) -> bool:
    guests = [guest for guest in _attendees(event) if str(guest).lower() in mine]
    for guest in guests:
        guest.params["PARTSTAT"] = answer.rsvp.upper()
        guest.params.pop("RSVP", None)
    if guests and answer.comment:
        event["COMMENT"] = vText(answer.comment)
    return bool(guests)


def _occurrence_of(events: Sequence[Component], answer: Answer) -> Component | None:
    """The component of one occurrence: its own, or one made from the series'."""
    master = None
    for event in events:
        changed = event.get("RECURRENCE-ID")
        if changed is None:
            master = event
        elif _is_at(changed.dt, answer):
            return event
    return _made(master, answer) if master is not None and "DTSTART" in master else None


def _is_at(when: date, answer: Answer) -> bool:
    if not isinstance(when, datetime):
        return (when - _EPOCH.date()).days == (answer.wall or 0) // DAY
    if when.tzinfo is None:
        return (when - _EPOCH).total_seconds() == answer.wall
    return when.timestamp() == answer.instant


def _made(master: Component, answer: Answer) -> Component:
    made = deepcopy(master)
    for name in ("RRULE", "RDATE", "EXDATE", "EXRULE"):
        made.pop(name, None)
    start: Any = master["DTSTART"]
    begin = _at(start.dt, answer)
    made["DTSTART"] = _timed(begin, start)
    made["RECURRENCE-ID"] = _timed(begin, start)
    if "DTEND" in master:
        end: Any = master["DTEND"]
        made["DTEND"] = _timed(begin + (end.dt - start.dt), end)
    return made


def _at(like: date, answer: Answer) -> date:
    """The start of the occurrence, as the series writes its own."""
    local = _EPOCH + timedelta(seconds=answer.wall or 0)
    if not isinstance(like, datetime):
        return local.date()
    return local if like.tzinfo is None else datetime.fromtimestamp(answer.instant or 0, like.tzinfo)


def _timed(when: date, like: vDDDTypes) -> vDDDTypes:
    made = vDDDTypes(when)
    made.params = like.params.copy()
    return made
