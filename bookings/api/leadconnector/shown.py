"""Appointments and events as LeadConnector shows them, many at once in a constant number of queries."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bookings.api.leadconnector import places, wire
from bookings.domain import refs
from bookings.domain.agenda import Entry
from bookings.domain.event_rows import home_zone
from bookings.engine.zones import zone
from bookings.models import Booking, Contact, Event, EventType, Host, Organisation, Seat

_SHOWN_AS_KEPT = ("meetingLocationType", "meetingLocationId", "toNotify")


@dataclass(frozen=True)
class Row:
    """One line of a list: an entry, or one seat of it."""

    entry: Entry
    seat: Seat | None = None

    @property
    def kind(self) -> str:
        if self.seat is not None:
            return "seat"
        return "booking" if self.entry.booking is not None else "event"

    @property
    def thing(self) -> Booking | Event | Seat:
        return self.seat or self.entry.thing

    @property
    def contact(self) -> Contact | None:
        if self.seat is not None:
            return self.seat.contact
        return self.entry.booking.contact if self.entry.booking is not None else None

    @property
    def event_type(self) -> EventType | None:
        return self.entry.booking.event_type if self.entry.booking is not None else None

    @property
    def host_ids(self) -> list[uuid.UUID]:
        """Whose time it takes, the one it was first given to first."""
        if self.entry.booking is not None and (named := self.entry.booking.assignment.get("hosts")):
            return [uuid.UUID(each) for each in named]
        return [self.entry.host.pk] if self.entry.host is not None else []

    @property
    def is_open(self) -> bool:
        """Whether it stands, or is still asked for."""
        if self.seat is not None and self.seat.cancelled_at is not None:
            return False
        return self.entry.booking is None or self.entry.booking.state in (*Booking.LIVE, Booking.State.REQUESTED)


def rows_of(entries: Sequence[Entry]) -> list[Row]:
    """The entries, those with seats as one row a seat."""
    seated = [each.booking.pk for each in entries if each.booking is not None and each.booking.seats_taken]
    taken: dict[uuid.UUID, list[Seat]] = {}
    if seated:
        seats = Seat.everywhere.filter(booking__in=seated, cancelled_at__isnull=True).select_related("contact")
        for seat in seats.order_by("number"):
            taken.setdefault(seat.booking_id, []).append(seat)
    found = []
    for entry in entries:
        found += [Row(entry, seat) for seat in taken.get(entry.key, ())] or [Row(entry)]
    return found


def starts_by_rule(master: Event, recurrence_wall: int, occurrence: Event) -> int:
    """When an occurrence happens unless it is moved, in UTC seconds, from its name inside the series."""
    place = occurrence.calendar
    local = master.all_day or master.floating
    return zone(home_zone(place, place.account.host) if local else master.timezone).to_utc(recurrence_wall)


class Page:
    """Some rows with everything that is needed to show them."""

    def __init__(self, organisation: Organisation, rows: Iterable[Row]) -> None:
        self.rows = list(rows)
        self.timezone = organisation.timezone
        self.location_id = refs.ref(wire.SURFACE, "organisation", organisation)
        self._ids: dict[uuid.UUID, str] = {}
        self._kept: dict[uuid.UUID, dict[str, Any]] = {}
        self._masters = self._of_occurrences(organisation)
        for kind in ("booking", "event", "seat"):
            things = [row.thing for row in self.rows if row.kind == kind]
            named = [each for each in things if getattr(each, "master_id", None) not in self._masters]
            if kind == "event":
                named += self._masters.values()
            self._ids |= refs.refs(wire.SURFACE, kind, named) if named else {}
            self._kept |= refs.kept(wire.SURFACE, kind, things) if things else {}
        self._series = self._of_series(organisation)
        contacts = {row.contact for row in self.rows} - {None}
        calendars = {row.event_type for row in self.rows} - {None}
        self._contacts = refs.refs(wire.SURFACE, "contact", filter(None, contacts))
        self._calendars = refs.refs(wire.SURFACE, "event_type", filter(None, calendars))
        self._of_calendars = refs.kept(wire.SURFACE, "event_type", filter(None, calendars))
        wanted = {pk for row in self.rows for pk in row.host_ids}
        self._hosts: dict[uuid.UUID, Host] = Host.objects.for_tenant(organisation).in_bulk(list(wanted))
        self._users = refs.refs(wire.SURFACE, "host", self._hosts.values())

    def _of_occurrences(self, organisation: Organisation) -> dict[uuid.UUID, Event]:
        """{id: series} of the occurrences that have a row of their own."""
        events = [row.entry.event for row in self.rows if row.kind == "event" and row.entry.event is not None]
        ids = {event.master_id for event in events} - {None}
        return Event.objects.for_tenant(organisation).in_bulk(list(ids)) if ids else {}

    def _of_series(self, organisation: Organisation) -> dict[str, dict[str, Any]]:
        """{id of a series: what was said when it was made}"""
        dates = {row.thing.pk for row in self.rows if row.entry.booking is not None and row.entry.booking.series}
        ids = {self._ids[pk].partition("_")[0] for pk in dates if "_" in self._ids[pk]}
        if not ids:
            return {}
        named = refs.resolve_all(organisation, wire.SURFACE, "series", ids)
        kept = refs.kept(wire.SURFACE, "series", [refs.Named(pk, organisation.pk) for pk in named.values()])
        return {series_id: kept[pk] for series_id, pk in named.items()}

    def series_id(self, row: Row) -> str:
        """What the series is called of which a booking is one date; empty when it is none that was made here."""
        if row.entry.booking is None:
            return ""
        series_id, is_date, _ = self._ids[row.thing.pk].partition("_")
        return series_id if is_date and series_id in self._series else ""

    def kept(self, row: Row) -> dict[str, Any]:
        return self._series.get(self.series_id(row), {}) | self._kept[row.thing.pk]

    def is_deleted(self, row: Row) -> bool:
        """Whether it was taken back here by deleting, and not brought back since."""
        return bool(self.kept(row).get("deleted")) and not row.is_open

    def is_block(self, row: Row) -> bool:
        """Whether it was made here to block time."""
        return row.entry.booking is None and "block" in self.kept(row)

    def id(self, row: Row) -> str:
        """Of an occurrence of a plain series, the series with the time that the occurrence has by its rule."""
        event = row.entry.event
        if row.entry.booking is not None or event is None or row.entry.recurrence_wall is None:
            return self._ids[row.thing.pk]
        master = self._masters.get(event.master_id or event.pk, event)
        start = row.entry.start_s if master is event else starts_by_rule(master, row.entry.recurrence_wall, event)
        return wire.instance_id(self._ids[master.pk], start, start + master.duration)

    def appointment(self, row: Row) -> dict[str, Any]:
        """The answer to making or changing one."""
        raw, people = self.kept(row), self._people(row)
        return {
            "id": self.id(row),
            "calendarId": self._calendar_id(row),
            "locationId": self.location_id,
            "contactId": self._contacts[row.contact.pk] if row.contact else "",
            "startTime": self._time(row, row.entry.start_s, "offset"),
            "endTime": self._time(row, row.entry.end_s, "endOffset"),
            "title": raw.get("title") or row.entry.title,
            "meetingLocationType": raw.get("meetingLocationType") or "custom",
            "appointmentStatus": self._status(row),
            "assignedUserId": people[0] if people else "",
            "address": self._address(row),
            **self._recurrence(row),
        }

    def event(self, row: Row) -> dict[str, Any]:
        """One event as reads and lists have it."""
        thing, raw = row.thing, self.kept(row)
        shown = self.appointment(row)
        shown |= {key: raw[key] for key in _SHOWN_AS_KEPT if key in raw}
        shown |= {
            "groupId": self._group_id(row),
            "users": self._people(row),
            "assignedResources": self._resources(row),
            "description": raw.get("description") or row.entry.description,
            "notes": row.entry.booking.notes if row.entry.booking is not None else "",
            "createdBy": {"source": row.entry.booking.surface if row.entry.booking is not None else "calendar"},
            "dateAdded": wire.stamp(thing.booking.created_at if isinstance(thing, Seat) else thing.created_at),
            "dateUpdated": wire.stamp(row.entry.thing.updated_at),
            "deleted": self.is_deleted(row),
        }
        return shown

    def _time(self, row: Row, at: int, offset: str) -> str:
        tzid = row.entry.event.timezone if row.entry.event else row.entry.timezone
        return wire.spell(at, self.kept(row).get(offset, ""), tzid or self.timezone)

    def _address(self, row: Row) -> str:
        """What was said of the place, or else where its room is."""
        room = row.entry.event.conference if row.entry.event is not None else {}
        kind = str(self.kept(row).get("meetingLocationType", ""))
        word = places.WORDS.get(kind, "")
        said = row.entry.location if row.entry.location != word else ""
        return said or str(room.get("url", "")) or word

    def _status(self, row: Row) -> str:
        if row.seat is not None and row.seat.cancelled_at is not None:
            return "cancelled"
        if row.entry.booking is not None:
            return wire.status_of(row.entry.booking)
        return {"tentative": "new", "cancelled": "cancelled"}.get(row.entry.status, "confirmed")

    def _people(self, row: Row) -> list[str]:
        """The hosts that are people, the one who was asked for first."""
        ids = [self._users[pk] for pk in row.host_ids if self._is(pk, Host.Kind.PERSON)]
        asked = self.kept(row).get("assignedUserId")
        return sorted(ids, key=lambda each: each != asked)

    def _resources(self, row: Row) -> list[str]:
        return [self._users[pk] for pk in row.host_ids if self._is(pk, Host.Kind.RESOURCE)]

    def _is(self, pk: uuid.UUID, kind: str) -> bool:
        return pk in self._hosts and self._hosts[pk].kind == kind

    def _calendar_id(self, row: Row) -> str:
        if row.event_type is not None:
            return self._calendars[row.event_type.pk]
        return str(self.kept(row).get("calendarId", ""))

    def _group_id(self, row: Row) -> str:
        kept = self._of_calendars[row.event_type.pk] if row.event_type is not None else {}
        return str(kept.get("groupId") or "")

    def _recurrence(self, row: Row) -> dict[str, Any]:
        booking, event = row.entry.booking, row.entry.event
        if booking is not None:
            if booking.series is None:
                return {"isRecurring": False}
            told = {"isRecurring": True, "rrule": self.kept(row).get("rrule", "")}
            return told | ({"masterEventId": self.series_id(row)} if self.series_id(row) else {})
        master = self._masters.get(event.master_id or event.pk, event) if event is not None else None
        rules = master.recurrence_rules if master is not None else []
        if not rules and row.entry.recurrence_wall is None:
            return {"isRecurring": False}
        told = {"isRecurring": True, "rrule": "\n".join(f"RRULE:{rule}" for rule in rules)}
        if row.entry.recurrence_wall is not None:
            told["masterEventId"] = self.id(row).partition("_")[0]
        return told
