"""The one builder of scheduling messages (RFC 5546, in mail RFC 6047)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bookings.formats.event import EventData, Person
from bookings.formats.icalendar import render
from bookings.models import Message


def calendar_part(message: Message, *, fallback_organiser: tuple[str, str], more: str = "") -> str:
    """The iCalendar text of a mail that invites or takes an invitation back; "" when it does neither.

    One UID for the life of the event, SEQUENCE as the event counts its changes, always the same ORGANIZER. Without
    SCHEDULE-AGENT, which has no place in what is sent to other people (RFC 6638 7.1).

    :param fallback_organiser: (address, name) for an event whose hosts have no address: a REQUEST needs an organiser.
    :param more: a line for the end of the description, such as where it can be changed.
    """
    frozen, method = message.payload.get("event"), message.payload.get("method")
    if not frozen or not method:
        return ""
    data = _event(frozen)
    if not any(person.role == "owner" for person in data.people):
        data = replace(data, people=(Person(*fallback_organiser, "owner", "accepted"), *data.people))
    if method == "CANCEL":
        data = replace(data, status="cancelled")
    elif more and data.description_type == "text/plain":
        data = replace(data, description=f"{data.description}\n\n{more}".strip())
    return render(data, stamp=message.created_at, method=method, client_invites=False)


def _event(frozen: dict[str, Any]) -> EventData:
    people = tuple(Person(*each) for each in frozen["people"])
    return EventData(**frozen | {"people": people})
