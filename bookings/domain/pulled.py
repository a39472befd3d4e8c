"""What a provider read from a calendar, made ours: events, busy rows, and what it says about our own events there."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.utils.timezone import now

from bookings.engine.recurrence import RecurrenceSet, Rule, RuleError, TooMany
from bookings.engine.zones import DAY, UnknownZone, canonical, zone
from bookings.formats.event import EARLIEST, LATEST, EventData, is_datable
from bookings.formats.icalendar import Problem
from bookings.models import Calendar, Event, Host, Mirror, Participant

from . import busy, conflicts
from .changes import Changes, PulledObject
from .event_rows import LONGEST, fill, home_zone, people_rows, series_of
from .locks import lock_hosts
from .mirrored import OwnEvents

MUCH = 5
"""From this many objects on, a calendar that suddenly lists nothing is read once more before it is believed."""
UNBELIEVED = "Nothing is listed in this calendar any more. It is read once more before that is believed."

_BATCH = 500
_KEPT = {"id", "organisation", "created_at", "revision"}
_COMPARED = (
    *("id", "remote_id", "uid", "recurrence_wall", "etag", "deleted_at", "revision", "created_at"),
    *("start_s", "end_s"),
)
_UPDATED = [each.name for each in Event._meta.concrete_fields if each.name not in _KEPT]


@dataclass
class Applied:
    """What came of it, in numbers of objects. `doubted`: nothing was removed, because everything would have been."""

    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    own: int = 0
    quarantined: int = 0
    doubted: bool = False


def known(calendar: Calendar) -> dict[str, str]:
    """The ids of the objects we hold of a calendar, each with its entity tag ("" when it should be read again)."""
    events = Event.everywhere.filter(calendar=calendar, deleted_at=None, origin=Event.Origin.PULLED)
    found = {each["href"]: each.get("etag", "") for each in calendar.quarantined if each.get("href")}
    found |= dict(events.exclude(remote_id="").values_list("remote_id", "etag"))
    mirrors = Mirror.everywhere.filter(calendar=calendar, desired=Mirror.Desired.PRESENT).exclude(remote_id="")
    return found | dict(mirrors.values_list("remote_id", "etag"))


@transaction.atomic
def apply(calendar: Calendar, changes: Changes) -> Applied:
    """Take over what was read from a calendar, together with the token of the next reading. Replaying it is harmless.

    Our own events are recognised and never become a second event or busy time; what the host changed in them there is
    noted on their Mirror. Nothing here cancels or moves a booking.
    """
    host = lock_hosts([calendar.account.host_id])[0]
    calendar.refresh_from_db()
    return _Pull(calendar, host, changes).run()


class _Pull:
    def __init__(self, calendar: Calendar, host: Host, changes: Changes) -> None:
        self.calendar = calendar
        self.host = host
        self.home = home_zone(calendar, host)
        self.changes = changes
        self.listed = {each.remote_id: each for each in changes.objects}
        self.stored = self._stored()
        self.own = OwnEvents(calendar, host, self.home, changes)
        self.applied = Applied()
        self.quarantined = {each.get("href", ""): each for each in calendar.quarantined}
        self.rows: list[Event] = []
        self.people: list[Participant] = []
        self.gone: list[uuid.UUID] = []

    def run(self) -> Applied:
        removed = self._removed()
        self.applied.doubted = self._is_doubtful(removed)
        if self.applied.doubted:
            removed = set()
        for each in self.listed.values():
            self._take(each)
        for remote_id in removed:
            self._forget(remote_id)
        if not self.applied.doubted:
            self.own.note_missing(None if self.changes.complete and not self.changes.within else removed)
        self._write()
        self._finish()
        return self.applied

    def _stored(self) -> dict[str, list[Event]]:
        """Rows of the objects at hand (all rows for a complete listing), by remote id; tombstones too."""
        rows = Event.everywhere.filter(calendar=self.calendar, origin=Event.Origin.PULLED).exclude(remote_id="")
        rows = rows.only(*_COMPARED)
        if self.changes.complete:
            batches: Iterable[Any] = [rows]
        else:
            batches = [rows.filter(remote_id__in=ids) for ids in _batches([*self.listed, *self.changes.removed])]
        found: dict[str, list[Event]] = {}
        for batch in batches:
            for row in batch:
                found.setdefault(row.remote_id, []).append(row)
        return found

    def _removed(self) -> set[str]:
        if not self.changes.complete:
            return set(self.changes.removed) - set(self.listed)
        missing = {*self.stored, *self.own.remote_ids(), *self.quarantined} - set(self.listed)
        return {each for each in missing if self._would_be_listed(each)}

    def _would_be_listed(self, remote_id: str) -> bool:
        """Whether an object that is still there would be among what was read."""
        if self.changes.within is None:
            return True
        lo, hi = self.changes.within
        ours = self.own.event_at(remote_id)
        events = [*self.stored.get(remote_id, ()), *([ours] if ours else [])]
        return all(lo <= each.start_s and each.end_s <= hi for each in events)

    def _is_doubtful(self, removed: set[str]) -> bool:
        """Whether this would empty a calendar that held much: a server's bad minute looks the same."""
        if self.listed or self.calendar.last_error == UNBELIEVED:
            return False
        going = {each for each in removed if any(not row.deleted_at for row in self.stored.get(each, ()))}
        if len(going) < MUCH:
            return False
        live = Event.everywhere.filter(calendar=self.calendar, origin=Event.Origin.PULLED, deleted_at=None)
        return bool(live.exclude(remote_id="").values("remote_id").distinct().count() <= len(going))

    def _take(self, each: PulledObject) -> None:
        rows = self.stored.get(each.remote_id, [])
        if each.etag and any(row.etag == each.etag and not row.deleted_at for row in rows):
            self.applied.unchanged += 1
        elif self.own.holds(each):
            self.applied.own += 1
            self.quarantined.pop(each.remote_id, None)
            self.own.compare(each)
            # A copy that was read before we knew it for ours.
            self.gone += [row.pk for row in rows if not row.deleted_at and not self.own.is_pending(each)]
        else:
            self.applied.changed += 1
            self._replace(each, rows)

    def _replace(self, each: PulledObject, rows: list[Event]) -> None:
        problems = list(each.problems)
        new = [*self._events(each, rows, problems), *self._stand_ins(each, rows, problems)]
        # What was readable before and now is not stays as it was: it may still take the host's time.
        if each.events or not problems:
            kept = {row.pk for row in new}
            self.gone += [row.pk for row in rows if row.pk not in kept and not row.deleted_at]
        self.rows += new
        self.quarantined.pop(each.remote_id, None)
        for problem in problems[:1]:
            self._quarantine(each.remote_id, each.etag, problem.reason)

    def _events(self, each: PulledObject, rows: list[Event], problems: list[Problem]) -> Iterator[Event]:
        """Rows of the readable events; what turns out unusable is added to the problems."""
        # Some programs give several events one name: each keeps a row of its own.
        known_rows: dict[tuple[str, int | None], list[Event]] = {}
        for row in rows:
            known_rows.setdefault((row.uid, row.recurrence_wall), []).append(row)
        masters: dict[str, Event] = {}
        for data in sorted(each.events, key=lambda one: one.recurrence_wall is not None):
            before = known_rows.get((data.uid[:512], data.recurrence_wall))
            row = self._row(each, before.pop() if before else None)
            row.uid = data.uid[:512]
            row.sequence = min(data.sequence, LONGEST)
            try:
                _fill(row, data, self.home)
            except (RuleError, UnknownZone, _Unusable) as error:
                problems.append(Problem(data.uid, str(error), _start_of(data, self.home)))
                continue
            if data.recurrence_wall is None:
                masters[data.uid] = row
            else:
                row.master = masters.get(data.uid)
            self.people += people_rows(row, data.people)
            yield row

    def _stand_ins(self, each: PulledObject, rows: list[Event], problems: list[Problem]) -> Iterator[Event]:
        """For what cannot be read but tells its start: an event that keeps that day busy and says why."""
        known_rows = {row.uid: row for row in rows}
        clock = zone(self.home)
        for number, problem in enumerate(problems):
            if problem.start_s is None:
                continue
            uid = f"unreadable-{number}-{problem.uid}"[:512]
            row = self._row(each, known_rows.get(uid))
            row.uid = uid
            day = clock.day_of(problem.start_s) * DAY
            raw = {"quarantined": problem.reason}
            data = EventData("Unreadable event", day, self.home, DAY, all_day=True, description=problem.reason, raw=raw)
            fill(row, data, self.home)
            yield row

    def _row(self, each: PulledObject, before: Event | None) -> Event:
        row = Event(organisation_id=self.calendar.organisation_id, calendar=self.calendar, origin=Event.Origin.PULLED)
        if before is not None:
            row.pk, row.created_at, row.revision = before.pk, before.created_at, before.revision
        row.remote_id, row.etag, row.updated_at = each.remote_id, each.etag[:512], now()
        return row

    def _forget(self, remote_id: str) -> None:
        gone = [row.pk for row in self.stored.get(remote_id, ()) if not row.deleted_at]
        self.applied.removed += bool(gone)
        self.gone += gone
        self.quarantined.pop(remote_id, None)

    def _quarantine(self, remote_id: str, etag: str, reason: str) -> None:
        self.quarantined[remote_id] = {"href": remote_id, "reason": reason[:300], "etag": etag}

    def _write(self) -> None:
        for ids in _batches(self.gone):
            Event.everywhere.filter(pk__in=ids).update(deleted_at=now())
        busy.erase(self.gone)
        stored = {row.pk for rows in self.stored.values() for row in rows}
        for ids in _batches([row.pk for row in self.rows if row.pk in stored]):
            Participant.everywhere.filter(event_id__in=ids)._raw_delete("default")
        Event.everywhere.bulk_create(
            self.rows, update_conflicts=True, unique_fields=["id"], update_fields=_UPDATED, batch_size=_BATCH
        )
        Participant.everywhere.bulk_create(self.people, batch_size=_BATCH)
        for fault in busy.write(self.rows, self.calendar, self.home):
            self._quarantine(fault.event.remote_id, fault.event.etag, fault.reason)
        if self.rows or self.gone:
            conflicts.refresh(self.host.pk)

    def _finish(self) -> None:
        calendar, doubted = self.calendar, self.applied.doubted
        self.applied.quarantined = len(self.quarantined)
        calendar.quarantined = list(self.quarantined.values())
        calendar.last_error = UNBELIEVED if doubted else ""
        # Without a token the next reading compares everything.
        calendar.sync_token = "" if doubted else self.changes.token
        calendar.state = Calendar.State.STALE if doubted else Calendar.State.OK
        calendar.stale_since = (calendar.stale_since or now()) if doubted else None
        calendar.last_verified_at = calendar.last_verified_at if doubted else now()
        told = ["quarantined", "last_error", "sync_token", "state", "stale_since", "last_verified_at"]
        calendar.save(update_fields=told)


class _Unusable(ValueError):
    """What was read is beyond what a row can hold."""


def _fill(row: Event, data: EventData, home: str) -> None:
    tzid = canonical(data.timezone)
    if tzid is None:
        raise UnknownZone(f"Unknown time zone: {data.timezone[:80]}")
    if not 0 <= data.duration <= LONGEST or not is_datable(data):
        raise _Unusable("It ends before it starts, lasts longer than 68 years or lies beyond all calendars.")
    if data.status not in Event.Status.values or data.free_busy_status not in Event.Busy.values:
        raise _Unusable("Its status is unknown.")
    fill(row, _with_its_start(replace(data, timezone=tzid), home), home)


def _with_its_start(data: EventData, home: str) -> EventData:
    """The series as Google's and Apple's calendars show it: its start is an occurrence, also when no rule matches it.

    RFC 5545 3.8.5.3 leaves that open, and programs differ; a meeting that the host sees there must not look free here.
    """
    if not data.recurrence_rules:
        return data
    series = series_of(data, home)
    start = zone(series.tzid or "UTC").to_utc(data.start_wall)
    if any(_ends_before(rule, data.start_wall, start) for rule in series.rules) or _occurs(series, start):
        return data
    return replace(data, recurrence_dates=tuple(sorted({*data.recurrence_dates, data.start_wall})))


def _ends_before(rule: Rule, wall: int, instant: int) -> bool:
    """Whether a rule is over before the series starts, which is how some programs delete all of one."""
    if rule.until is None:
        return False
    return rule.until < instant if rule.until_kind == "utc" else rule.until < wall // DAY * DAY


def _occurs(series: RecurrenceSet, instant: int) -> bool:
    try:
        return bool(series.starts(instant, instant + 1))
    except TooMany:
        return True


def _start_of(data: EventData, home: str) -> int | None:
    if not EARLIEST <= data.start_wall <= LATEST:
        return None
    return zone(canonical(data.timezone) or home).to_utc(data.start_wall)


def _batches(ids: Sequence[Any]) -> Iterator[list[Any]]:
    for at in range(0, len(ids), _BATCH):
        yield list(ids[at : at + _BATCH])
