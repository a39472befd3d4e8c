"""Busy rows: the occurrences of calendar events, written down for a rolling horizon.

Rows exist for every class of event, free ones too; which of them block is the calendar's policy, applied by whoever
reads. All functions that write expect the host's lock.
"""

from __future__ import annotations

import time
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet

from bookings.engine.intervals import Interval, union
from bookings.engine.recurrence import RuleError, TooMany
from bookings.engine.zones import DAY, UnknownZone, zone
from bookings.formats.event import DECLINED
from bookings.models import Busy, Calendar, Event
from bookings.models.ledger import LONGEST_BUSY

from .event_rows import bounds, home_zone, place, recurs, series_of
from .locks import lock_hosts

PAST = 31 * DAY
AHEAD = 548 * DAY
"""The horizon: from a month ago to eighteen months ahead."""
_CHUNK = 31 * DAY
_MOST_ROWS = 20_000


class Happening(NamedTuple):
    """One occurrence in UTC seconds, with what the event's own clock shows at its start."""

    start_s: int
    end_s: int
    wall: int


class Row(NamedTuple):
    """One busy row to be written: 30,000 of them must not cost a model instance each."""

    organisation: uuid.UUID
    host: uuid.UUID
    calendar: uuid.UUID
    event: uuid.UUID
    start_s: int
    end_s: int
    kind: str


@dataclass(frozen=True)
class Fault:
    """An event whose occurrences cannot be told; its first day is kept busy instead."""

    event: Event
    reason: str


def horizon(now: float | None = None) -> tuple[int, int]:
    """The span of time, in UTC seconds, for which busy rows are kept."""
    at = int(time.time() if now is None else now)
    return at - PAST, at + AHEAD


def happenings(event: Event, home: str, lo: int, hi: int, without: Iterable[int] = ()) -> list[Happening]:
    """Occurrences of one event that overlap [lo, hi), in order; a moment without length counts by its start.

    :param home: the zone of all-day and floating events.
    :param without: original starts (wall seconds) of occurrences that were changed and have rows of their own.
    :raises TooMany, RuleError, UnknownZone: never to be read as "no occurrences".
    """
    if recurs(event):
        reach = event.duration + (2 * DAY if event.all_day else 0)
        starts = series_of(event, home, without).occurrences(lo - reach, hi)
    else:
        starts = [(event.start_s, event.start_wall)]
    found = [Happening(*bounds(event, home, start), wall) for start, wall in starts]
    return [each for each in found if each.start_s < hi and (each.end_s > lo or lo <= each.start_s == each.end_s)]


def kind_of(event: Event) -> str | None:
    """The class of busy time an event makes; None when it makes none (see mapping of STATUS, TRANSP, PARTSTAT)."""
    if event.deleted_at or event.status == Event.Status.CANCELLED or event.raw.get(DECLINED):
        return None
    if event.origin == Event.Origin.BOOKING:
        return None  # its claim blocks
    if event.status == Event.Status.TENTATIVE and event.free_busy_status == Event.Busy.BUSY:
        return Event.Busy.TENTATIVE
    return event.free_busy_status


def rows_for(events: Sequence[Event], calendar: Calendar, home: str, lo: int, hi: int) -> tuple[list[Row], list[Fault]]:
    """Unsaved rows of these events in [lo, hi). A series must come together with its changed occurrences."""
    replaced = replaced_in(events)
    rows: list[Row] = []
    faults: list[Fault] = []
    for event in events:
        kind = kind_of(event)
        if kind is None:
            continue
        try:
            found = _stretches(event, home, lo, hi, replaced.get(event.pk, ()))
        except (TooMany, RuleError, UnknownZone) as error:
            faults.append(Fault(event, str(error)))
            found = [_first_day(event, home)]
        rows += [_row(event, calendar, start, end, kind) for start, end in found]
    return rows, faults


def replaced_in(events: Iterable[Event]) -> dict[uuid.UUID, set[int]]:
    """Master id -> original starts of its changed occurrences, cancelled ones too."""
    replaced: dict[uuid.UUID, set[int]] = defaultdict(set)
    for event in events:
        if event.master_id and event.recurrence_wall is not None and not event.deleted_at:
            replaced[event.master_id].add(event.recurrence_wall)
    return replaced


def write(events: Sequence[Event], calendar: Calendar, home: str) -> list[Fault]:
    """Replace the rows of these events for the calendar's horizon."""
    erase([event.pk for event in events])
    lo, hi = _span_of(calendar)
    rows, faults = rows_for(events, calendar, home, lo, hi)
    _insert(rows)
    return faults


def erase(event_ids: Sequence[uuid.UUID]) -> None:
    for at in range(0, len(event_ids), 500):
        Busy.everywhere.filter(event_id__in=event_ids[at : at + 500])._raw_delete("default")


@transaction.atomic
def extend_horizon(calendar: Calendar) -> list[Fault]:
    """Write the rows that time has brought inside the horizon, and drop those that left it. Call once a day."""
    host = lock_hosts([calendar.account.host_id])[0]
    calendar.refresh_from_db(fields=["expanded_until_s"])
    lo, hi = horizon()
    Busy.everywhere.filter(calendar=calendar, end_s__lte=lo).delete()
    begin = max(lo, calendar.expanded_until_s)
    if begin >= hi:
        return []
    due = _live(calendar).filter(start_s__lt=hi).filter(Q(until_s=None) | Q(until_s__gt=begin))
    rows, faults = rows_for(_with_overrides(due), calendar, home_zone(calendar, host), begin, hi)
    _insert(rows)
    _mark(calendar, hi)
    return faults


def rebuild_busy(calendars: Iterable[Calendar]) -> None:
    """Work out all instants and rows of these calendars anew: after a change of their or their host's zone."""
    for calendar in calendars:
        _rebuild(calendar)


@transaction.atomic
def _rebuild(calendar: Calendar) -> None:
    host = lock_hosts([calendar.account.host_id])[0]
    home = home_zone(calendar, host)
    Busy.everywhere.filter(calendar=calendar).delete()
    events = list(_live(calendar))
    for event in events:
        if event.all_day or event.floating:
            place(event, home)
    Event.everywhere.bulk_update(
        [event for event in events if event.all_day or event.floating], ["start_s", "end_s", "until_s"], batch_size=200
    )
    lo, hi = horizon()
    rows, _ = rows_for(events, calendar, home, lo, hi)
    _insert(rows)
    _mark(calendar, hi)


def busy_beyond(host_ids: Collection[uuid.UUID], lo: int, hi: int) -> list[tuple[uuid.UUID, int, int, str, uuid.UUID]]:
    """What in [lo, hi) is busy but has no rows yet, because it lies beyond its calendar's horizon.

    One query when nothing reaches that far, two otherwise.

    :returns: (host id, start, end, kind, calendar id) in UTC seconds, as the rows would be.
    """
    due = (
        _live()
        .filter(calendar__account__host_id__in=host_ids, calendar__expanded_until_s__lt=hi, start_s__lt=hi)
        .exclude(origin=Event.Origin.BOOKING)
        .filter(Q(until_s=None) | (Q(until_s__gt=lo) & Q(until_s__gt=F("calendar__expanded_until_s"))))
        .select_related("calendar__account__host")
    )
    by_calendar: dict[uuid.UUID, list[Event]] = defaultdict(list)
    for event in _with_overrides(due):
        by_calendar[event.calendar_id].append(event)
    found = []
    for events in by_calendar.values():
        calendar = next(event.calendar for event in events)
        host = calendar.account.host
        rows, _ = rows_for(events, calendar, home_zone(calendar, host), max(lo, calendar.expanded_until_s), hi)
        found += [(host.pk, row.start_s, row.end_s, row.kind, calendar.pk) for row in rows]
    return found


def _live(calendar: Calendar | None = None) -> QuerySet[Event]:
    events: QuerySet[Event] = Event.everywhere.filter(deleted_at=None)
    return events.filter(calendar=calendar) if calendar else events


def _with_overrides(due: QuerySet[Event]) -> list[Event]:
    """The events and every changed occurrence of their series, wherever in time it was moved."""
    events = list(due)
    masters = [event.pk for event in events if recurs(event)]
    if not masters:
        return events
    there = {event.pk for event in events}
    overrides = Event.everywhere.filter(master_id__in=masters).select_related("calendar__account__host")
    return events + [each for each in overrides if each.pk not in there]


def _span_of(calendar: Calendar) -> tuple[int, int]:
    """The calendar's horizon; one that has none yet gets the full one."""
    lo, hi = horizon()
    if calendar.expanded_until_s <= lo:
        _mark(calendar, hi)
    return lo, calendar.expanded_until_s


def _mark(calendar: Calendar, until: int) -> None:
    Calendar.everywhere.filter(pk=calendar.pk).update(expanded_until_s=until)
    calendar.expanded_until_s = until


def _stretches(event: Event, home: str, lo: int, hi: int, without: Collection[int]) -> list[Interval]:
    """Merged busy time of one event in [lo, hi), in pieces no longer than a row may be."""
    try:
        found = happenings(event, home, lo, hi, without)
    except TooMany:
        # Every hour of eighteen months is many, but not too many month by month.
        found = [
            each for at in range(lo, hi, _CHUNK) for each in happenings(event, home, at, min(at + _CHUNK, hi), without)
        ]
    merged = union((max(each.start_s, lo), min(each.end_s, hi)) for each in found)
    pieces = [(at, min(at + LONGEST_BUSY, end)) for start, end in merged for at in range(start, end, LONGEST_BUSY)]
    if len(pieces) > _MOST_ROWS:
        raise TooMany("The series has too many occurrences.")
    return pieces


def _first_day(event: Event, home: str) -> Interval:
    clock = zone(home)
    return clock.day_bounds(clock.day_of(event.start_s))


def _row(event: Event, calendar: Calendar, start: int, end: int, kind: str) -> Row:
    return Row(event.organisation_id, calendar.account.host_id, calendar.pk, event.pk, start, end, kind)


_INSERT = (
    f"INSERT INTO {Busy._meta.db_table} (id, organisation_id, host_id, calendar_id, event_id, start_s, end_s, kind) "  # noqa: S608
    "VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
)


def _insert(rows: Sequence[Row]) -> None:
    if not rows:
        return
    native = connection.features.has_native_uuid_field
    values = [
        (*((key if native else key.hex) for key in (uuid.uuid4(), *row[:4])), row.start_s, row.end_s, row.kind)
        for row in rows
    ]
    with connection.cursor() as cursor:
        cursor.executemany(_INSERT, values)
