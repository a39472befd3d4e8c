"""From the ids of a request to events, and from events to what is answered."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bookings.api import refusals
from bookings.api.morgen import wire
from bookings.api.morgen.asked import Named
from bookings.domain import agenda, refs
from bookings.domain.agenda import Entry
from bookings.domain.busy import happenings
from bookings.domain.errors import NotFound
from bookings.domain.event_rows import home_zone, recurs
from bookings.engine.recurrence import RuleError, TooMany
from bookings.engine.zones import UnknownZone, zone
from bookings.models import Calendar, Event, Mirror, Organisation


@dataclass(frozen=True)
class Found:
    """An event in the calendar in which the caller sees it.

    `series` is set when one occurrence was named; `entry` is then that occurrence, as it was changed or as the series
    makes it.
    """

    entry: Entry
    place: Calendar
    series: Event | None = None

    @property
    def event(self) -> Event:
        assert self.entry.event is not None
        return self.entry.event

    @property
    def wall(self) -> int:
        """The original start of the occurrence, in wall seconds."""
        assert self.entry.recurrence_wall is not None
        return self.entry.recurrence_wall

    @property
    def home(self) -> str:
        """The zone of all-day and floating events here."""
        calendar = self.event.calendar
        return home_zone(calendar, calendar.account.host)

    @property
    def repeats(self) -> bool:
        """Whether it is a whole series."""
        return self.series is None and recurs(self.event)


def find(organisation: Organisation, named: Named, places: dict[uuid.UUID, Calendar]) -> Found:
    """The event, if it is in one of these calendars; raises Refusal 404 for everything else, whatever the reason."""
    known = refs.resolve(organisation, wire.SURFACE, "event", named.event_id)
    if known is None:
        raise refusals.not_found()
    try:
        entry = agenda.find(organisation, known)
        return _occurrence(_placed(entry, places), named)
    except NotFound:
        raise refusals.not_found() from None


def _placed(entry: Entry, places: dict[uuid.UUID, Calendar]) -> Found:
    event = entry.event
    if event is None or event.deleted_at is not None:
        raise NotFound("There is no such event.")
    place = places.get(event.calendar_id) or _shown_in([event], places).get(event.pk)
    if place is None:
        raise NotFound("There is no such event here.")
    return Found(Entry(event, entry.booking, entry.start_s, entry.end_s), place)


def _occurrence(found: Found, named: Named) -> Found:
    event = found.event
    if event.master is not None and event.recurrence_wall is not None:  # a changed occurrence by a name of its own
        entry = Entry(event, None, event.start_s, event.end_s, event.recurrence_wall)
        return Found(entry, found.place, event.master)
    if named.wall is None:
        return found
    clock = zone(found.home if event.all_day or event.floating else event.timezone)
    wall = named.wall
    if named.timezone is not None:
        wall = clock.to_wall(zone(named.timezone).to_utc(wall))
    return occurrence(found, wall)


def occurrence(found: Found, wall: int) -> Found:
    """One occurrence of a series that was found. Raises NotFound."""
    series = found.event
    changed = (
        series.overrides.filter(recurrence_wall=wall, deleted_at=None)
        .select_related("calendar__account__host", "master")
        .prefetch_related("participants")
        .first()
    )
    if changed is not None and changed.status == Event.Status.CANCELLED:
        raise NotFound("This occurrence was cancelled.")
    if changed is not None:
        return Found(Entry(changed, None, changed.start_s, changed.end_s, wall), found.place, series)
    clock = zone(found.home if series.all_day or series.floating else series.timezone)
    at = clock.to_utc(wall)
    try:
        happens = [each for each in happenings(series, found.home, at, at + 1) if each.wall == wall]
    except (TooMany, RuleError, UnknownZone):
        happens = []
    if not happens or not recurs(series):
        raise NotFound("The series has no such occurrence.")
    return Found(Entry(series, None, happens[0].start_s, happens[0].end_s, wall), found.place, series)


def _shown_in(events: Sequence[Event], places: dict[uuid.UUID, Calendar]) -> dict[uuid.UUID, Calendar]:
    """The calendars among these in which events of other calendars are shown: {event id: calendar}."""
    shown = Mirror.everywhere.filter(event__in=events, calendar__in=places, desired=Mirror.Desired.PRESENT)
    return {event: places[place] for event, place in shown.values_list("event_id", "calendar_id")}


def written(
    organisation: Organisation, entries: Sequence[Entry], places: dict[uuid.UUID, Calendar]
) -> list[dict[str, Any]]:
    """Events as they are answered, in a constant number of queries. Bookings that hold no time are left out."""
    events = {entry.event.pk: entry.event for entry in entries if entry.event is not None}
    masters = _masters(list(events.values()))
    elsewhere = [event for event in events.values() if event.calendar_id not in places]
    seen = _shown_in(elsewhere, places) if elsewhere else {}
    used = {place.pk: place for place in (*places.values(), *seen.values())}.values()
    named = {event.pk: event for event in events.values() if event.pk not in masters}
    named |= {master.pk: master for master in masters.values()}
    writer = wire.EventWriter(
        wire.Names(
            refs.refs(wire.SURFACE, "event", named.values()),
            refs.refs(wire.SURFACE, "calendar", used),
            refs.refs(wire.SURFACE, "account", [place.account for place in used]),
        )
    )
    return [
        writer.event(entry, places.get(event.calendar_id) or seen[event.pk], masters.get(event.pk))
        for entry in entries
        if (event := entry.event) is not None
    ]


def _masters(events: Sequence[Event]) -> dict[uuid.UUID, Event]:
    """The series of changed occurrences: {occurrence: series}."""
    changed = {event.pk: event.master_id for event in events if event.master_id and event.recurrence_wall is not None}
    if not changed:
        return {}
    known = {event.pk: event for event in events}
    missing = {pk for pk in changed.values() if pk not in known}
    if missing:
        series = Event.everywhere.filter(pk__in=missing).select_related("calendar__account__host")
        known |= {each.pk: each for each in series}
    return {pk: known[master] for pk, master in changed.items()}
