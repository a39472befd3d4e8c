"""Verbs for calendar events: create, change, delete; what happens when; and what providers pulled.

An event's instants, busy rows and outbox rows are written in one transaction under its host's lock.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.timezone import now

from bookings.engine.recurrence import RuleError, TooMany
from bookings.engine.zones import UnknownZone
from bookings.formats.event import EventData
from bookings.models import Account, Calendar, Event, Participant

from . import busy, conflicts, outbox
from .audit import Actor, record
from .busy import busy_beyond, extend_horizon, rebuild_busy
from .changes import Changes, PulledObject
from .errors import Invalid, NotFound
from .event_rows import checked, data_of, home_zone, people_rows, recurs
from .event_writing import (
    adopt,
    begin,
    check_writable,
    give,
    happens,
    moved_along,
    raise_revision,
    state,
    store,
    summary,
    write_busy,
)
from .locks import lock_hosts
from .pulled import Applied, apply, known

__all__ = [
    "Applied",
    "Changes",
    "Occurrence",
    "PulledObject",
    "apply",
    "busy_beyond",
    "change",
    "create",
    "data_of",
    "delete",
    "exclude_occurrence",
    "extend_horizon",
    "happenings",
    "include_occurrence",
    "known",
    "occurrences",
    "rebuild_busy",
    "whole",
]


@dataclass(frozen=True)
class Occurrence:
    """One happening of an event, in UTC seconds. `recurrence_wall` names it inside its series, None outside one."""

    event: Event
    start_s: int
    end_s: int
    recurrence_wall: int | None = None


@transaction.atomic
def create(calendar: Calendar, data: EventData, *, actor: Actor) -> Event:
    """Make an event in a calendar; where that is elsewhere, the outbox says it should be there too.

    :raises Invalid: with the field's name in EventData.
    :raises NotAllowed: when the calendar cannot be written.
    """
    check_writable(calendar)
    checked(data)
    host = lock_hosts([calendar.account.host_id])[0]
    if data.uid and _masters(calendar).filter(uid=data.uid).exists():
        raise Invalid("An event with this uid is already in the calendar.", field="uid")
    event = Event(organisation_id=calendar.organisation_id, calendar=calendar, sequence=data.sequence)
    event.uid = data.uid or event.uid
    home = home_zone(calendar, host)
    give(event, replace(data, recurrence_wall=None), home)
    event.save(force_insert=True)
    Participant.everywhere.bulk_create(people_rows(event, data.people))
    write_busy([event], calendar, home)
    conflicts.refresh(host.pk)
    record(actor, "event.created", event, after=summary(event))
    if calendar.account.provider != Account.Provider.LOCAL:
        outbox.show(event, calendar)
    return event


@transaction.atomic
def change(event: Event, data: EventData, *, actor: Actor) -> Event:
    """Give an event, a whole series or one changed occurrence a new whole state. Uid and origin stay.

    When the start of a series moves, its excluded, added and changed occurrences move along, and its rules as far as
    they are still those of before: “every Monday” becomes “every Tuesday”.

    :raises Invalid: with the field's name in EventData.
    :raises NotAllowed: when the calendar cannot be written, or the event was deleted.
    """
    host = begin(event)
    before = summary(event)
    shift = data.start_wall - event.start_wall if recurs(event) else 0
    checked(data)
    if shift:
        data = moved_along(data, data_of(event))
    adopt(event)
    raise_revision(event)
    store(event, replace(data, recurrence_wall=event.recurrence_wall), host, shift)
    state(event)
    record(actor, "event.changed", event, before=before, after=summary(event))
    return event


@transaction.atomic
def delete(event: Event, *, actor: Actor) -> None:
    """Take an event or a whole series out of every calendar; the row stays for the record. Twice is once.

    A changed occurrence of a series is excluded from it.

    :raises NotAllowed: for an event that was read from a calendar we cannot write: it would only come back.
    """
    lock_hosts([event.calendar.account.host_id])
    event.refresh_from_db()
    if event.deleted_at:
        return
    if event.origin == Event.Origin.PULLED:
        check_writable(event.calendar)
    if event.master is not None and event.recurrence_wall is not None:
        exclude_occurrence(event.master, event.recurrence_wall, actor=actor)
        return
    before = summary(event)
    adopt(event)
    event.deleted_at = now()
    event.status = Event.Status.CANCELLED
    event.revision += 1
    event.sequence += 1
    event.save()
    outbox.hide(event)
    event.overrides.update(deleted_at=event.deleted_at)
    busy.erase([event.pk, *event.overrides.values_list("pk", flat=True)])
    conflicts.refresh(event.calendar.account.host_id)
    record(actor, "event.deleted", event, before=before)


@transaction.atomic
def exclude_occurrence(event: Event, recurrence_wall: int, *, actor: Actor) -> Event:
    """Take one occurrence out of a series, given its original start in wall seconds. Twice is once.

    :raises NotFound: when the series has no such occurrence.
    :raises NotAllowed: when the calendar cannot be written, or the event was deleted.
    """
    host = begin(event)
    if recurrence_wall in event.excluded_dates:
        return event
    changed = event.overrides.filter(recurrence_wall=recurrence_wall, deleted_at=None)
    if not changed.exists() and not happens(event, recurrence_wall, host):
        raise NotFound("The series has no such occurrence.")
    adopt(event)
    busy.erase(list(changed.values_list("pk", flat=True)))
    changed.update(deleted_at=now())
    raise_revision(event)
    excluded = tuple(sorted({*event.excluded_dates, recurrence_wall}))
    store(event, replace(data_of(event), excluded_dates=excluded), host)
    state(event)
    record(actor, "event.occurrence_excluded", event, after={"recurrence_wall": recurrence_wall})
    return event


@transaction.atomic
def include_occurrence(event: Event, recurrence_wall: int, *, actor: Actor) -> Event:
    """Undo `exclude_occurrence`: the occurrence happens again, as it was changed before if it was. Twice is once.

    :raises NotAllowed: when the calendar cannot be written, or the event was deleted.
    """
    host = begin(event)
    if recurrence_wall not in event.excluded_dates:
        return event
    adopt(event)
    changed = event.overrides.filter(recurrence_wall=recurrence_wall).exclude(status=Event.Status.CANCELLED)
    last = changed.order_by("-deleted_at").first()
    if last is not None:
        event.overrides.filter(pk=last.pk).update(deleted_at=None)
    raise_revision(event)
    excluded = tuple(each for each in event.excluded_dates if each != recurrence_wall)
    store(event, replace(data_of(event), excluded_dates=excluded), host)
    state(event)
    record(actor, "event.occurrence_included", event, after={"recurrence_wall": recurrence_wall})
    return event


def whole(event: Event) -> list[EventData]:
    """All that one object in a calendar holds: the event or master first, then its changed occurrences."""
    root = event.master or event
    changed = root.overrides.filter(deleted_at=None).order_by("recurrence_wall").prefetch_related("participants")
    return [data_of(root), *map(data_of, changed)]


def occurrences(calendars: Iterable[Calendar], lo: int, hi: int) -> list[Occurrence]:
    """What happens in these calendars in [lo, hi), UTC seconds, in order; cancelled and deleted events left out.

    Two queries, three when there are series. An event whose occurrences cannot be told is shown at its first start.
    """
    places = Calendar.everywhere.filter(pk__in=[each.pk for each in calendars]).select_related("account__host")
    homes = {each.pk: home_zone(each, each.account.host) for each in places}
    events = list(
        Event.everywhere.filter(calendar_id__in=homes, deleted_at=None, start_s__lt=hi)
        .filter(Q(until_s=None) | Q(until_s__gte=lo))
        .exclude(status=Event.Status.CANCELLED)
        .select_related("calendar")
    )
    series = [event.pk for event in events if recurs(event)]
    changed = Event.everywhere.filter(master_id__in=series, deleted_at=None) if series else Event.everywhere.none()
    replaced = busy.replaced_in(changed.only("id", "master_id", "recurrence_wall", "deleted_at"))
    found = [
        Occurrence(event, each.start_s, each.end_s, each.wall if recurs(event) else event.recurrence_wall)
        for event in events
        for each in happenings(event, homes[event.calendar_id], lo, hi, replaced.get(event.pk, set()))
    ]
    return sorted(found, key=lambda each: (each.start_s, each.end_s, each.event.title))


def happenings(event: Event, home: str, lo: int, hi: int, without: Collection[int]) -> list[busy.Happening]:
    """As `busy.happenings`, for showing: an event whose occurrences cannot be told is shown at its first start."""
    try:
        return busy.happenings(event, home, lo, hi, without)
    except (TooMany, RuleError, UnknownZone):
        first = busy.Happening(event.start_s, event.end_s, event.start_wall)
        return [first] if first.start_s < hi and first.end_s > lo else []


def _masters(calendar: Calendar) -> Any:
    return Event.everywhere.filter(calendar=calendar, deleted_at=None, recurrence_wall=None)
