"""Bringing an object on a server to our state without undoing what people changed there."""

from __future__ import annotations

from collections.abc import Sequence

from icalendar import Calendar, Component, vCalAddress, vText

_MANAGED = frozenset(
    {
        *("UID", "DTSTAMP", "CREATED", "LAST-MODIFIED", "SEQUENCE", "RECURRENCE-ID", "X-CONVENE-REF"),
        *("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "EXRULE"),
        *("SUMMARY", "DESCRIPTION", "LOCATION", "CONFERENCE", "STATUS", "TRANSP", "CLASS"),
        *("X-MICROSOFT-CDO-BUSYSTATUS", "ORGANIZER", "ATTENDEE", "X-ALT-DESC"),
    }
)
"""What our state decides. Colour, categories, alarms and everything else there belongs to the host."""

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
    """Occurrences of a series that the host changed there stay as they are while the series itself is the same."""
    master = next((event for event in events if not _occurrence(event)), None)
    before = theirs.get("")
    if master is None or before is None or _course(master) != _course(before):
        return
    ours = {_occurrence(event) for event in events}
    for occurrence, event in theirs.items():
        if occurrence not in ours:
            wanted.add_component(event)


def _course(master: Component) -> tuple[str, ...]:
    """When a series takes place, as far as it decides whether a changed occurrence still belongs to it."""
    values = (master.get(name) for name in ("DTSTART", "RRULE"))
    return tuple(value.to_ical().decode() if hasattr(value, "to_ical") else str(value) for value in values)


def answered(current: str, owners: Sequence[str], answer: str, comment: str) -> str | None:
    """The object with the owner's answer to its invitation (RFC 6638 section 3.2.2), or None when nobody asks them.

    :param answer: accepted, declined or tentative.
    """
    calendar = Calendar.from_ical(current)
    mine = {f"mailto:{owner.lower()}" for owner in owners}
    found = False
    for event in calendar.walk("VEVENT"):
        for guest in _attendees(event):
            if str(guest).lower() in mine:
                guest.params["PARTSTAT"] = answer.upper()
                guest.params.pop("RSVP", None)
                found = True
        if found and comment:
            event["COMMENT"] = vText(comment)
    text: str = calendar.to_ical().decode()
    return text if found else None
