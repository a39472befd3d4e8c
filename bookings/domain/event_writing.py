"""What every change of a calendar event shares: the lock and the refusals before it, the rows and the outbox after it.

Behind the verbs of calendar, series and rsvp, and called only inside their transactions.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bookings.engine import splitting
from bookings.engine.recurrence import RuleError, TooMany, parse_rule
from bookings.engine.zones import zone
from bookings.formats.event import EventData
from bookings.models import Account, Calendar, Event, Host, Mirror, Participant

from . import busy, conflicts, outbox
from .errors import Invalid, NotAllowed
from .event_rows import fill, home_zone, people_rows, recurs, series_of
from .locks import lock_hosts


def check_writable(calendar: Calendar) -> None:
    """Raise NotAllowed for a calendar that takes no changes from us."""
    if not calendar.is_writable or calendar.state == Calendar.State.READ_ONLY:
        raise NotAllowed("This calendar is read-only.")
    if calendar.state == Calendar.State.GONE:
        raise NotAllowed("This calendar is no longer there.")


def begin(event: Event) -> Host:
    """Lock the host, read the event fresh, refuse what cannot be changed."""
    host = lock_hosts([event.calendar.account.host_id])[0]
    event.refresh_from_db()
    if event.deleted_at:
        raise NotAllowed("This event was deleted.")
    if event.origin != Event.Origin.BOOKING:
        check_writable(event.calendar)
    return host


def happens(event: Event, wall: int, host: Host) -> bool:
    """Whether a series has an occurrence with that original start, in wall seconds; changed ones too."""
    home = home_zone(event.calendar, host)
    series = series_of(event, home)
    at = zone(series.tzid or "UTC").to_utc(wall)
    try:
        return recurs(event) and at in series.starts(at, at + 1)
    except TooMany:
        return False


def raise_revision(event: Event) -> None:
    event.revision += 1
    event.sequence += 1


def store(event: Event, data: EventData, host: Host, shift: int = 0) -> None:
    """Save the event with its people and busy rows; changed occurrences move by `shift` wall seconds."""
    save(event, data, host)
    root = event.master or event
    changed = list(root.overrides.all())
    if shift:
        for each in changed:
            each.recurrence_wall = (each.recurrence_wall or 0) + shift
        Event.everywhere.bulk_update(changed, ["recurrence_wall"])
    write_busy([root, *changed], event.calendar, home_zone(event.calendar, host))
    conflicts.refresh(host.pk)


def save(event: Event, data: EventData, host: Host) -> None:
    """Save the event with its people; its busy rows are still those of before."""
    give(event, data, home_zone(event.calendar, host))
    event.save()
    event.participants.all().delete()
    Participant.everywhere.bulk_create(people_rows(event, data.people))


def moved_along(data: EventData, before: EventData) -> EventData:
    """The new state of a series that starts elsewhere than before: rules and dates that nobody touched move along."""
    shift = data.start_wall - before.start_wall
    if not shift:
        return data
    moved: dict[str, Any] = {
        name: tuple(wall + shift for wall in getattr(data, name))
        for name in ("recurrence_dates", "excluded_dates")
        if getattr(data, name) == getattr(before, name)
    }
    if data.recurrence_rules == before.recurrence_rules:
        rules = map(parse_rule, data.recurrence_rules)
        moved["recurrence_rules"] = tuple(
            text if (new := splitting.moved(rule, before.start_wall, data.start_wall)) == rule else str(new)
            for text, rule in zip(data.recurrence_rules, rules, strict=True)
        )
    return replace(data, **moved)


def give(event: Event, data: EventData, home: str) -> None:
    """Give an event the state of `data`, unsaved. Raises Invalid for rules that cannot be read."""
    try:
        fill(event, data, home)
    except RuleError as error:
        raise Invalid(str(error), field="recurrence_rules") from None


def write_busy(events: list[Event], calendar: Calendar, home: str) -> None:
    """Replace the busy rows of events, a series together with its changed occurrences."""
    if busy.write(events, calendar, home):
        raise Invalid("The series has too many occurrences.", field="recurrence_rules")


def adopt(event: Event) -> None:
    """An event that was read from a calendar and is now changed here: remember what it is called there."""
    root = event.master or event
    if root.origin != Event.Origin.PULLED or not root.remote_id:
        return
    Mirror.everywhere.get_or_create(
        event=root,
        calendar=root.calendar,
        defaults={
            "organisation_id": root.organisation_id,
            "desired_revision": root.revision,
            "applied_revision": root.revision,
            "remote_id": root.remote_id,
            "remote_uid": root.uid,
            "etag": root.etag,
        },
    )


def state(event: Event) -> None:
    """Say in the outbox what the event's own calendar, and every other that shows it, should show now."""
    root = event
    if event.master is not None:
        root = event.master
        raise_revision(root)
        root.save(update_fields=["revision", "sequence", "updated_at"])
    for target in targets_of(root):
        outbox.show(root, target)


def targets_of(event: Event) -> list[Calendar]:
    """The calendars elsewhere that should show an event or series: its own, and every other that does."""
    shown = Mirror.everywhere.filter(event=event, desired=Mirror.Desired.PRESENT).select_related("calendar__account")
    found = {event.calendar_id: event.calendar} | {mirror.calendar_id: mirror.calendar for mirror in shown}
    return [calendar for calendar in found.values() if calendar.account.provider != Account.Provider.LOCAL]


def summary(event: Event) -> dict[str, Any]:
    """What the audit trail says of an event."""
    return {"title": event.title[:100], "start_s": event.start_s, "end_s": event.end_s}
