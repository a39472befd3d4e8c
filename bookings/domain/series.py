"""Verbs for parts of a series: one occurrence, or one and all that follow.

An occurrence is named by its original start in wall seconds of the series' own clock, as RECURRENCE-ID does (RFC 5545
3.8.4.4). One occurrence is taken out of a series by `calendar.exclude_occurrence`. Bookings are no series here: each of
theirs has an event of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.utils.timezone import now

from bookings.engine import splitting
from bookings.engine.recurrence import RecurrenceSet, RuleError, TooMany
from bookings.engine.zones import zone
from bookings.formats.event import EventData
from bookings.models import Event, Host

from . import busy, calendar, conflicts, outbox
from .audit import Actor, record
from .errors import Invalid, NotAllowed, NotFound
from .event_rows import checked, data_of, home_zone, series_of
from .event_writing import (
    adopt,
    begin,
    happens,
    moved_along,
    raise_revision,
    save,
    state,
    store,
    summary,
    targets_of,
    write_busy,
)

_SINGLE: dict[str, Any] = {
    "recurrence_rules": (),
    "exclusion_rules": (),
    "recurrence_dates": (),
    "excluded_dates": (),
}


def occurrence(event: Event, recurrence_wall: int) -> EventData:
    """What one occurrence of a series says now: start from it for `change_occurrence`.

    :raises NotFound: when the series has no such occurrence.
    """
    cut = _Cut(event.master or event, recurrence_wall, event.calendar.account.host)
    if cut.changed is not None:
        return data_of(cut.changed)
    return replace(cut.data, start_wall=recurrence_wall, recurrence_wall=recurrence_wall, **_SINGLE)


def following(event: Event, recurrence_wall: int) -> EventData:
    """What a series says from one occurrence on, as a series that starts there: start from it for `change_following`.

    A COUNT is what is left of it.

    :raises NotFound: when the series has no such occurrence.
    :raises Invalid: when the series cannot be continued from there by rules.
    """
    return _Cut(event.master or event, recurrence_wall, event.calendar.account.host).following()


@transaction.atomic
def change_occurrence(event: Event, recurrence_wall: int, data: EventData, *, actor: Actor) -> Event:
    """Give one occurrence of a series a state of its own; returns its event. Rules and dates in `data` are ignored.

    :raises NotFound: when the series has no such occurrence.
    :raises Invalid: with the field's name in EventData.
    :raises NotAllowed: when the calendar cannot be written, or the event was deleted.
    """
    master = event.master or event
    host = begin(master)
    changed = _Cut(master, recurrence_wall, host).changed
    data = replace(data, recurrence_wall=recurrence_wall, **_SINGLE)
    if changed is not None:
        return calendar.change(changed, data, actor=actor)
    checked(data)
    adopt(master)
    made = _row(master)
    store(made, data, host)
    state(made)
    record(actor, "event.occurrence_changed", master, after={"recurrence_wall": recurrence_wall} | summary(made))
    return made


def own_row(event: Event, recurrence_wall: int, host: Host) -> Event:
    """The row of one occurrence of a series, made from what the series says when it has none yet.

    Call under the host's lock; the caller writes the busy rows of the whole series, and the outbox.

    :raises NotFound: when the series has no such occurrence.
    """
    cut = _Cut(event, recurrence_wall, host)
    if cut.changed is not None:
        return cut.changed
    made = _row(event)
    save(made, occurrence(event, recurrence_wall), host)
    return made


@transaction.atomic
def change_following(event: Event, recurrence_wall: int, data: EventData, *, actor: Actor) -> Event:
    """Give an occurrence and all that follow a new state, which is a series of its own from there on; returns it.

    `data` is the whole state of that series: best made from `following`. It gets a uid of its own; the old series
    ends before it. When its start moves, rules and dates that are those of `following` move along. What was changed in
    later occurrences stays theirs, as far as the new series has them; the occurrence itself becomes the first. When
    that is the first of the old series already, that series is changed as a whole.

    :raises NotFound: when the series has no such occurrence.
    :raises Invalid: with the field's name in EventData.
    :raises NotAllowed: when the calendar cannot be written, or the event was deleted.
    """
    old = event.master or event
    host = begin(old)
    cut = _Cut(old, recurrence_wall, host)
    base = cut.following()
    data, shift = cut.continued(data, base), data.start_wall - base.start_wall
    before = summary(old)
    adopt(old)
    raise_revision(old)
    if cut.is_first:
        made = old
        _begin_with(made, data, cut, shift)
        conflicts.refresh(host.pk)
        state(made)
    else:
        made = Event(organisation_id=old.organisation_id, calendar=old.calendar)
        ended = cut.preceding()
        _begin_with(made, _linked(data, old.uid, "first"), cut, shift)
        store(old, _linked(ended, made.uid, "next"), host)
        state(old)
        for target in targets_of(old):
            outbox.show(made, target)
        record(actor, "event.created", made, after=summary(made))
    record(actor, "event.following_changed", old, before=before, after={"event": str(made.pk)} | summary(made))
    return made


@transaction.atomic
def delete_following(event: Event, recurrence_wall: int, *, actor: Actor) -> None:
    """End a series before one of its occurrences; a series without an earlier one is deleted as a whole.

    :raises NotFound: when the series has no such occurrence.
    :raises NotAllowed: when the calendar cannot be written, or the event was deleted.
    """
    old = event.master or event
    host = begin(old)
    cut = _Cut(old, recurrence_wall, host)
    if cut.is_first:
        calendar.delete(old, actor=actor)
        return
    adopt(old)
    raise_revision(old)
    _drop(cut.changed_later)
    store(old, cut.preceding(), host)
    state(old)
    record(actor, "event.following_deleted", old, before={"recurrence_wall": recurrence_wall})


class _Cut:
    """A series as it is now, and the occurrence at which it is cut. `changed` is the occurrence's own row, if any."""

    def __init__(self, event: Event, wall: int, host: Host) -> None:
        if event.origin == Event.Origin.BOOKING:
            raise NotAllowed("A booking has one time and no occurrences.")
        self.event, self.host, self.data = event, host, data_of(event)
        self.home = home_zone(event.calendar, host)
        self.series = series_of(event, self.home)
        self.at = self._instant(wall)
        rows = event.overrides.filter(deleted_at=None).order_by("recurrence_wall")
        self.changed_later: list[Event] = [row for row in rows if self._instant(row.recurrence_wall or 0) >= self.at]
        self.changed = next((row for row in self.changed_later if row.recurrence_wall == wall), None)
        if self.changed is None and not happens(event, wall, host):
            raise NotFound("The series has no such occurrence.")

    @property
    def is_first(self) -> bool:
        return splitting.is_first(self.series, self.at)

    def following(self) -> EventData:
        try:
            return _of(splitting.later(self.series, self.at), self.data)
        except (TooMany, RuleError) as error:
            raise Invalid(str(error), field="recurrence_rules") from None

    def preceding(self) -> EventData:
        kind: splitting.UntilKind = "date" if self.data.all_day else "local" if self.data.floating else "utc"
        try:
            return _of(splitting.earlier(self.series, self.at, kind), self.data)
        except TooMany as error:
            raise Invalid(str(error), field="recurrence_rules") from None

    def continued(self, data: EventData, base: EventData) -> EventData:
        """The new state of what follows, checked, with rules and dates that move along with its start."""
        if data.start_wall <= self.data.start_wall < base.start_wall:
            raise Invalid("What follows cannot start before the series itself.", field="start_wall")
        checked(data)
        data = replace(moved_along(data, base), recurrence_wall=None)
        series = series_of(replace(data, excluded_dates=()), self.home)
        start = zone(series.tzid or "UTC").to_utc(data.start_wall)
        try:
            falls_there = bool(series.starts(start, start + 1))
        except TooMany:
            falls_there = True
        if not falls_there:
            raise Invalid("The series does not repeat on its new start.", field="recurrence_rules")
        return data

    def _instant(self, wall: int) -> int:
        return zone(self.series.tzid or "UTC").to_utc(wall)


def _row(master: Event) -> Event:
    return Event(
        organisation_id=master.organisation_id,
        calendar=master.calendar,
        master=master,
        uid=master.uid,
        sequence=master.sequence,
        # With these a later reading of the calendar finds the same row.
        origin=master.origin,
        remote_id=master.remote_id,
        etag=master.etag,
    )


def _of(series: RecurrenceSet, data: EventData) -> EventData:
    return replace(
        data,
        start_wall=series.start,
        recurrence_rules=tuple(map(str, series.rules)),
        exclusion_rules=tuple(map(str, series.exrules)),
        recurrence_dates=series.rdates,
        excluded_dates=series.exdates,
    )


def _linked(data: EventData, uid: str, relation: str) -> EventData:
    """With the link between the parts of a divided series that RFC 8984 4.1.3 wants; the first part stays the first."""
    kept = data.raw.get("jscalendar", {})
    links: dict[str, Any] = {key: link for key, link in kept.get("relatedTo", {}).items() if not _says(link, "next")}
    if relation == "next" or not any(_says(link, "first") for link in links.values()):
        links[uid] = {"@type": "Relation", "relation": {relation: True}}
    return replace(data, raw=data.raw | {"jscalendar": kept | {"relatedTo": links}})


def _says(link: Any, relation: str) -> bool:
    return isinstance(link, dict) and link.get("relation") == {relation: True}


def _begin_with(made: Event, data: EventData, cut: _Cut, shift: int) -> None:
    """Write a series that begins with the occurrence of a cut, and make the later changed occurrences its own."""
    save(made, data, cut.host)
    kept, lost = [], []
    for row in cut.changed_later:
        wall = (row.recurrence_wall or 0) + shift
        # The occurrence itself now says what the series says.
        if row is cut.changed or not happens(made, wall, cut.host):
            lost.append(row)
            continue
        row.recurrence_wall = wall
        if made is not cut.event:
            row.master, row.uid, row.origin, row.remote_id, row.etag = made, made.uid, made.origin, "", ""
        kept.append(row)
    _drop(lost)
    Event.everywhere.bulk_update(kept, ["recurrence_wall", "master", "uid", "origin", "remote_id", "etag"])
    write_busy([made, *kept], made.calendar, cut.home)


def _drop(changed: Sequence[Event]) -> None:
    ids = [row.pk for row in changed]
    busy.erase(ids)
    Event.everywhere.filter(pk__in=ids).update(deleted_at=now())
