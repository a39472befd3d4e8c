"""Reminders: mails before a booking begins, as its event type and its event ask for.

Nothing is planned ahead: the worker asks every half minute which of them are due, and each is written once, by a key
that holds the start. So a booking that moves takes its reminders along, one that is cancelled has none, and neither a
restart nor a second worker makes two. Who was told of a booking is reminded of it: silence stays silence.

"A day before" is the same time on the clock the day before, whatever the clocks do in between; hours and minutes are
elapsed time (as RFC 5545 counts durations). After a standstill a reminder comes late only while that helps: at most
half its lead, and six hours. Later than that it is written down as dropped, so that staff see it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.db.models import Q
from django.utils.timezone import now

from bookings.engine.zones import DAY, zone
from bookings.formats.times import read_duration
from bookings.models import Booking, EventType, Message

from . import messages
from .statements import insertions, write

LATEST_S = 6 * 3600
SHORTEST_GRACE_S = 600
LOOK_BACK_S = DAY
"""How long after it was due a reminder is still looked for, if only to say that it was dropped."""

_CLOCK_CHANGE_S = 3 * 3600
_LONGEST_LEAD_S = 60 * DAY
_FROZEN_ELSEWHERE = ("event", "method", "uid", "before", "again", "asked_s")
TOO_LATE = "Not sent: nothing could be sent when it was due, and now it is too late."


def write_due(moment: int | None = None) -> int:
    """Write the reminders that are due at `moment` (UTC seconds; now); returns how many."""
    at = int(now().timestamp()) if moment is None else moment
    found = list(_bookings(at))
    told = _told(found)
    written = set(
        Message.everywhere.filter(booking__in=found, template=messages.REMINDER).values_list("dedupe_key", flat=True)
    )
    rows = [row for booking in found for row in _due_of(booking, told[booking.pk], at) if row.dedupe_key not in written]
    if rows:
        write(insertions(rows))
        messages.messages_written.send(sender=Message)
    return len(rows)


def still_holds(message: Message) -> bool:
    """Whether what a reminder reminds of is still so."""
    start = message.payload.get("start_s")
    return Booking.everywhere.filter(
        pk=message.booking_id, state=Booking.State.CONFIRMED, start_s=start, start_s__gt=now().timestamp()
    ).exists()


def due_at(start: int, minutes: int, tzid: str) -> int:
    """When a reminder so many minutes before the start is due, UTC seconds; whole days by the clock of that zone."""
    if minutes % 1440 or not minutes:
        return start - minutes * 60
    clock = zone(tzid)
    return clock.to_utc(clock.to_wall(start) - minutes * 60)


def _bookings(at: int) -> Iterable[Booking]:
    """Firm bookings of which a reminder became due within LOOK_BACK_S, or nearly so; two queries."""
    by_lead: dict[int, list[Any]] = defaultdict(list)
    for key, alerts in EventType.everywhere.exclude(alerts=[]).values_list("pk", "alerts"):
        for minutes in alerts:
            by_lead[int(minutes) * 60].append(key)
    asked = ~Q(event__alerts={}) & Q(event__isnull=False, start_s__lte=at + _LONGEST_LEAD_S)
    for lead, keys in by_lead.items():
        first, last = at + lead - LOOK_BACK_S, at + lead + _CLOCK_CHANGE_S
        asked |= Q(event_type__in=keys, start_s__gt=first, start_s__lte=last)
    rows = Booking.everywhere.filter(asked, state=Booking.State.CONFIRMED, start_s__gt=at)
    return rows.select_related("event", "event_type").distinct()


def _told(bookings: list[Booking]) -> dict[Any, dict[str, Message]]:
    """By booking and person, the last that they were told of it; one query."""
    steps = (*messages.INVITING, messages.CANCELLED)
    found: dict[Any, dict[str, Message]] = defaultdict(dict)
    for row in Message.everywhere.filter(booking__in=bookings, template__in=steps).order_by("created_at"):
        found[row.booking_id][row.payload.get("to", "")] = row
    return found


def _leads(booking: Booking) -> set[int]:
    """Minutes before the start, of the event type and of the event's own alerts that are mails."""
    asked = {int(minutes) for minutes in (booking.event_type.alerts if booking.event_type else ())}
    for alert in (booking.event.alerts if booking.event else {}).values():
        trigger = alert.get("trigger", {}) if isinstance(alert, dict) and alert.get("action") == "email" else {}
        offset = read_duration(str(trigger.get("offset", "")))
        if offset is not None and trigger.get("relativeTo", "start") == "start":
            asked.add(-(offset[0] * DAY + offset[1]) // 60)
    return {minutes for minutes in asked if 0 < minutes * 60 <= _LONGEST_LEAD_S}


def _due_of(booking: Booking, told: dict[str, Message], at: int) -> Iterable[Message]:
    for minutes in _leads(booking):
        due = due_at(booking.start_s, minutes, booking.timezone)
        if not at - LOOK_BACK_S < due <= at:
            continue
        late = at - due > max(SHORTEST_GRACE_S, min(LATEST_S, minutes * 30))
        for to, last in told.items():
            # Who heard of it only after that needs no reminder.
            if last.template != messages.CANCELLED and last.created_at.timestamp() <= due:
                yield _reminder(booking, minutes, to, last, late=late)


def _reminder(booking: Booking, minutes: int, to: str, last: Message, *, late: bool) -> Message:
    kept = {name: value for name, value in last.payload.items() if name not in _FROZEN_ELSEWHERE}
    fresh = {name: getattr(booking, name) for name in ("title", "location", "start_s", "end_s")}
    return Message(
        organisation_id=booking.organisation_id,
        template=messages.REMINDER,
        recipient=last.recipient,
        booking_id=booking.pk,
        payload=kept | fresh | {"minutes_before": minutes},
        dedupe_key=f"{booking.pk}:{booking.start_s}:{messages.REMINDER}:{minutes}:{to}"[:200],
        state=Message.State.DROPPED if late else Message.State.WAITING,
        last_error=TOO_LATE if late else "",
    )
