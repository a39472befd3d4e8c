"""Our own events as they are found in connected calendars: recognised, compared, never reverted."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from django.db.models import F, Q, QuerySet

from bookings.engine.zones import UnknownZone
from bookings.formats.event import EventData, fingerprint
from bookings.formats.icalendar import kept_property
from bookings.models import Calendar, Event, Host, Installation, Mirror, Participant

from . import rooms
from .changes import Changes, PulledObject
from .event_rows import data_of, first_bounds

REF = "X-CONVENE-REF"
"""Property of the events we write elsewhere: installation|event|calendar|generation|revision."""
_FEW = 500


class OwnEvents:
    """Which of the objects a provider read are ours, for one calendar.

    Ours is what this host is already held by: an event of theirs (or a booking that claims them) with this uid, an
    object we wrote, or a copy of it that lost its uid but still carries our mark at the same time. A copy moved to
    another time is somebody's own event, and an event of another host is an invitation: both are busy time.
    """

    def __init__(self, calendar: Calendar, host: Host, home: str, changes: Changes) -> None:
        self.calendar = calendar
        self.home = home
        self.objects = {each.remote_id: each for each in changes.objects}
        uids = {data.uid for each in changes.objects for data in each.events}
        self.mirrors = self._mirrors(uids, {*self.objects, *changes.removed}, changes.complete)
        self.by_remote = {mirror.remote_id: mirror for mirror in self.mirrors if mirror.remote_id}
        self.by_event = {mirror.event_id: mirror for mirror in self.mirrors}
        self.uids: dict[str, uuid.UUID] = self._uids(host, uids) | {
            mirror.event.uid: mirror.event_id for mirror in self.mirrors
        }
        self.marked = self._marked(host, changes.objects)

    def remote_ids(self) -> set[str]:
        return set(self.by_remote)

    def event_at(self, remote_id: str) -> Event | None:
        """Our event that was written to that object."""
        mirror = self.by_remote.get(remote_id)
        return mirror.event if mirror else None

    def holds(self, each: PulledObject) -> bool:
        """Whether an object is ours, and so never a second event nor busy time."""
        mirror = self._mirror_of(each)
        if mirror is not None and mirror.event.origin == Event.Origin.PULLED:
            # Read from there and changed here: the calendar leads again once our change has arrived.
            return not _in_sync(mirror)
        return mirror is not None or self._event_of(each) is not None

    def is_pending(self, each: PulledObject) -> bool:
        """Whether the object is one that was read there, was changed here, and still waits for our change."""
        mirror = self._mirror_of(each)
        return mirror is not None and mirror.event.origin == Event.Origin.PULLED

    def compare(self, each: PulledObject) -> None:
        """Note on its mirror how an object of ours differs from what we wrote; clear the note when it does not."""
        mirror = self._mirror_of(each)
        if mirror is None or not _in_sync(mirror) or mirror.desired != Mirror.Desired.PRESENT:
            return
        if mirror.remote_id != each.remote_id:
            if mirror.remote_id in self.objects:
                return  # a second copy beside ours
            self._update(mirror, remote_id=each.remote_id)
        self._take_room(mirror, each.events)
        if each.etag and each.etag == mirror.etag:
            self._note(mirror, {})
            return
        self._take_answers(mirror, each.events)
        difference = self._difference(mirror, each.events)
        self._note(mirror, difference)
        if not difference:
            self._update(mirror, etag=each.etag)

    def note_missing(self, removed: set[str] | None) -> None:
        """Flag our events that are gone there: those named, or (None) all that were not listed."""
        for remote_id, mirror in self.by_remote.items():
            gone = remote_id not in self.objects if removed is None else remote_id in removed
            if not gone or mirror.event.origin == Event.Origin.PULLED:
                continue
            if _in_sync(mirror) and mirror.desired == Mirror.Desired.PRESENT and mirror.remote_id == remote_id:
                self._note(mirror, {"kind": "deleted"})

    # ── Recognising ──

    def _mirrors(self, uids: set[str], remote_ids: set[str], complete: bool) -> list[Mirror]:
        rows: QuerySet[Mirror] = Mirror.everywhere.filter(calendar=self.calendar).select_related("event")
        if not complete and len(uids) + len(remote_ids) <= _FEW:
            rows = rows.filter(Q(remote_id__in=remote_ids) | Q(event__uid__in=uids))
        return list(rows)

    def _uids(self, host: Host, uids: set[str]) -> dict[str, uuid.UUID]:
        ours = Event.everywhere.exclude(origin=Event.Origin.PULLED)
        found: dict[str, uuid.UUID] = {}
        for mine in (Q(calendar__account__host=host), Q(booking__claims__host=host)):
            rows = ours.filter(mine)
            if len(uids) <= _FEW:
                rows = rows.filter(uid__in=uids)
            found |= dict(rows.values_list("uid", "pk"))
        return found

    def _marked(self, host: Host, objects: Iterable[PulledObject]) -> dict[str, uuid.UUID]:
        """Remote id -> event, for copies that carry our mark at our event's time under another uid."""
        marks = {each.remote_id: mark for each in objects if (mark := _mark_of(each.events))}
        if not marks:
            return {}
        ours = Event.everywhere.filter(pk__in=set(marks.values())).exclude(origin=Event.Origin.PULLED)
        held = ours.filter(Q(calendar__account__host=host) | Q(booking__claims__host=host))
        times = {pk: (start, end) for pk, start, end in held.values_list("pk", "start_s", "end_s")}
        return {
            remote_id: event
            for remote_id, event in marks.items()
            if event in times and times[event] == self._times(self.objects[remote_id].events)
        }

    def _event_of(self, each: PulledObject) -> uuid.UUID | None:
        found = next((self.uids[data.uid] for data in each.events if data.uid in self.uids), None)
        return found or self.marked.get(each.remote_id)

    def _mirror_of(self, each: PulledObject) -> Mirror | None:
        if mirror := self.by_remote.get(each.remote_id):
            return mirror
        event = self._event_of(each)
        return self.by_event.get(event) if event else None

    # ── Comparing ──

    def _times(self, events: Sequence[EventData]) -> tuple[int, int] | None:
        master = _master_of(events)
        try:
            return first_bounds(master, self.home) if master else None
        except UnknownZone:
            return None

    def _difference(self, mirror: Mirror, events: Sequence[EventData]) -> dict[str, Any]:
        theirs, ours = _master_of(events), mirror.event
        if theirs is None:
            return {"kind": "edited"}
        if theirs.status == Event.Status.CANCELLED and ours.status != Event.Status.CANCELLED:
            return {"kind": "deleted"}
        times = self._times(events)
        if times is not None and times != (ours.start_s, ours.end_s):
            return {"kind": "moved", "start_s": times[0], "end_s": times[1]}
        same = {mirror.remote_fingerprint, fingerprint(data_of(ours))}
        return {} if fingerprint(theirs) in same else {"kind": "edited"}

    def _take_answers(self, mirror: Mirror, events: Sequence[EventData]) -> None:
        """What guests answered there; it never travels back."""
        master = _master_of(events)
        if master is None:
            return
        answers = {person.email.casefold(): person.rsvp for person in master.people if person.role != "owner"}
        for person in Participant.everywhere.filter(event=mirror.event).exclude(role=Participant.Role.OWNER):
            answer = answers.get(person.email.casefold(), "needs-action")
            if answer not in ("needs-action", person.rsvp):
                Participant.everywhere.filter(pk=person.pk).update(rsvp=answer)

    def _take_room(self, mirror: Mirror, events: Sequence[EventData]) -> None:
        """The virtual room that the service was asked for, once it says what became of it."""
        ours, theirs = mirror.event.conference, _master_of(events)
        asked = ours.get("state") in (rooms.REQUESTED, rooms.PENDING)
        if not asked or theirs is None or theirs.conference.get("kind") != ours.get("kind"):
            return
        without = replace(theirs, conference=theirs.conference | {"url": ""})
        if mirror.remote_fingerprint == fingerprint(without):
            self._update(mirror, remote_fingerprint=fingerprint(theirs))  # nobody edited it: the link came
        rooms.settle(mirror.event_id, theirs.conference, told_by=mirror.calendar)
        mirror.event.refresh_from_db(fields=["conference"])

    def _note(self, mirror: Mirror, difference: dict[str, Any]) -> None:
        if mirror.difference != difference:
            self._update(mirror, difference=difference)

    def _update(self, mirror: Mirror, **values: Any) -> None:
        """Unless a newer statement of ours was made meanwhile."""
        Mirror.everywhere.filter(pk=mirror.pk, desired_revision=F("applied_revision")).update(**values)
        for name, value in values.items():
            setattr(mirror, name, value)


def _in_sync(mirror: Mirror) -> bool:
    return mirror.applied_revision == mirror.desired_revision


def _master_of(events: Sequence[EventData]) -> EventData | None:
    return next((data for data in events if data.recurrence_wall is None), events[0] if events else None)


def _mark_of(events: Sequence[EventData]) -> uuid.UUID | None:
    """The event id in our mark, when it is of this installation."""
    mark = next((text for data in events if (text := kept_property(data.raw, REF))), "")
    parts = mark.split("|")
    if len(parts) < 2 or parts[0] != str(Installation.current().namespace):
        return None
    try:
        return uuid.UUID(parts[1])
    except ValueError:
        return None
