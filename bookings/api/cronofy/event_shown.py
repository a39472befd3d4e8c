"""How events are told to Cronofy's clients."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bookings.api.cronofy import times
from bookings.domain.agenda import Entry
from bookings.domain.event_rows import home_zone
from bookings.engine.zones import zone
from bookings.formats.times import basic
from bookings.models import Event, Host

_EXTENDED = {Event.Busy.TENTATIVE: "tentative", Event.Busy.AWAY: "out_of_office"}
_FREE_BUSY = {Event.Busy.FREE: "free", Event.Busy.TENTATIVE: "tentative"}


@dataclass(frozen=True)
class Shown:
    """How events are told: the names of things, and what the query asked for."""

    host: Host
    calendars: Mapping[uuid.UUID, str]
    place_of_others: uuid.UUID
    """Where bookings are shown whose event is in a colleague's calendar."""
    uids: Mapping[uuid.UUID, str]
    event_ids: Mapping[uuid.UUID, str]
    kept: Mapping[uuid.UUID, dict[str, Any]]
    localized: bool = False
    geo: bool = False
    writable: bool = True

    def place(self, event: Event) -> uuid.UUID:
        return event.calendar_id if event.calendar_id in self.calendars else self.place_of_others

    def event(self, entry: Entry, *, deleted: bool = False) -> dict[str, Any]:
        """One event, or one occurrence of a series."""
        event = entry.event
        assert event is not None
        root = event.master_id or event.pk
        started = self._times(entry, event)
        found = {
            "calendar_id": self.calendars[self.place(event)],
            "event_uid": self._uid(root, entry.recurrence_wall),
            **({"event_id": self.event_ids[root]} if root in self.event_ids else {}),
            "summary": entry.title,
            "description": entry.description,
            **started,
            "deleted": deleted,
            "created": _moment(event.created_at),
            "updated": _moment(updated(entry)),
            **self._location(event),
            **self._people(entry),
            "transparency": "transparent" if event.free_busy_status == Event.Busy.FREE else "opaque",
            "status": entry.status,
            "categories": [],
            "recurring": entry.recurrence_wall is not None,
            "event_private": event.privacy != Event.Privacy.PUBLIC,
            "options": self._options(event),
        }
        return found | self._more(entry, event, root)

    def free_busy(self, entry: Entry) -> dict[str, Any]:
        event = entry.event
        assert event is not None
        status = "tentative" if entry.status == Event.Status.TENTATIVE else "busy"
        return {
            "calendar_id": self.calendars[self.place(event)],
            **self._times(entry, event),
            "free_busy_status": _FREE_BUSY.get(event.free_busy_status, status),  # type: ignore[call-overload]
        }

    def _uid(self, root: uuid.UUID, wall: int | None) -> str:
        return self.uids[root] if wall is None else f"{self.uids[root]}_{basic(wall)}"

    def _times(self, entry: Entry, event: Event) -> dict[str, Any]:
        """All-day events are dates of the calendar's own zone, and end on the day after the last one."""
        if event.all_day:
            home = home_zone(event.calendar, event.calendar.account.host)
            days = [times.date(zone(home).day_of(at)) for at in (entry.start_s, entry.end_s)]
            start, end = ({"time": day, "tzid": home} if self.localized else day for day in days)
            return {"start": start, "end": end}
        start, end = (
            times.localized(at, event.timezone) if self.localized else times.instant(at)
            for at in (entry.start_s, entry.end_s)
        )
        return {"start": start, "end": end}

    def _location(self, event: Event) -> dict[str, Any]:
        location: dict[str, Any] = {"description": event.location} if event.location else {}
        coordinates = next(
            (str(each.get("coordinates", "")) for each in event.locations.values() if isinstance(each, dict)), ""
        )
        lat, comma, long = coordinates.removeprefix("geo:").partition(",")
        if self.geo and comma:
            location |= {"lat": lat, "long": long.partition(",")[0].partition(";")[0]}
        return {"location": location} if location else {}

    def _people(self, entry: Entry) -> dict[str, Any]:
        people = entry.people
        mine = own_part(people, self.host, entry)
        organizer = next((one for one in people if one.role == "owner"), None)
        told = {
            "participation_status": mine.rsvp.replace("-", "_") if mine else "unknown" if organizer else "accepted",
            "attendees": [
                {**_person(one), "status": one.rsvp.replace("-", "_")} for one in people if one.role != "owner"
            ],
        }
        return told | ({"organizer": _person(organizer)} if organizer else {})

    def _options(self, event: Event) -> dict[str, bool]:
        may = self.writable and (event.calendar.is_writable or event.origin == Event.Origin.BOOKING)
        return {"delete": may, "update": may, "change_participation_status": may}

    def _more(self, entry: Entry, event: Event, root: uuid.UUID) -> dict[str, Any]:
        """What only some events have."""
        kept = self.kept.get(root, {})
        found: dict[str, Any] = {}
        if entry.recurrence_wall is not None:
            found["series_identifier"] = self.uids[root]
        if event.conference.get("url"):
            found["meeting_url"] = event.conference["url"]
        if event.colour:
            found["color"] = event.colour
        if manner := kept.get("extended_transparency") or _EXTENDED.get(event.free_busy_status):  # type: ignore[call-overload]
            found["extended_transparency"] = manner
        if kept.get("url"):
            found["url"] = kept["url"]
        return found


def own_part(people: Iterable[Any], host: Host, entry: Entry) -> Any:
    """The participant who is the host, or None: by the host's own address, or one of the account the event is in."""
    assert entry.event is not None
    account = entry.event.calendar.account
    addresses = account.addresses if account.host_id == host.pk else {host.email.casefold()} - {""}
    return next((one for one in people if one.email.casefold() in addresses), None)


def updated(entry: Entry) -> datetime:
    """When an entry was last changed."""
    assert entry.event is not None
    return max(entry.event.updated_at, entry.booking.updated_at if entry.booking else entry.event.updated_at)


def _person(one: Any) -> dict[str, str]:
    return {"email": one.email, "display_name": one.name}


def _moment(at: datetime) -> str:
    return times.instant(int(at.timestamp()))
