"""GET /v1/events and /v1/free_busy: what is in an account's calendars."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.timezone import now
from rest_framework.request import Request
from rest_framework.response import Response

from bookings.api.cronofy import event_shown, paging, schema, times
from bookings.api.cronofy.dialect import CronofyView
from bookings.api.cronofy.wire import SURFACE
from bookings.api.reader import Reader
from bookings.domain import agenda, calendar, refs
from bookings.domain.accounts import ensure_local
from bookings.domain.agenda import Entry
from bookings.domain.event_rows import home_zone, recurs
from bookings.engine.zones import DAY, zone
from bookings.models import Calendar, Event, ExternalRef, Host

BEFORE, AHEAD = 42 * DAY, 201 * DAY
"""What is told when no bounds are given: the vendor's own window, in seconds around now."""
WIDEST = 400 * DAY


@dataclass(frozen=True)
class Asked:
    """A query for events. `everything`: no bounds were given, which limits only events the application did not make."""

    lo: int
    hi: int
    everything: bool
    calendar_ids: list[str] | None
    managed: bool
    only_managed: bool
    deleted: bool
    since: int | None
    localized: bool
    geo: bool


def read(asked: dict[str, Any], reader: Reader) -> Asked:
    tzid = times.zone_name(asked, "tzid", "tzid", reader, required=True) or "UTC"
    lo, hi, since = (times.read(asked, key, key, reader, required=False) for key in ("from", "to", "last_modified"))
    today, flags = int(now().timestamp()), ("only_managed", "include_managed", "include_deleted", "localized_times")
    only, managed, deleted, localized = (paging.flag(asked, name, reader) for name in flags)
    start = lo.instant(tzid) if lo else today - BEFORE
    end = hi.instant(tzid) if hi else max(today, start) + AHEAD
    if end < start:
        reader.wrong("to", "invalid", "to must not be before from.")
    elif end - start > WIDEST:
        reader.wrong("to", "invalid", f"from and to may be {WIDEST // DAY} days apart.")
    paging.flag(asked, "include_moved", reader)
    return Asked(
        lo=start,
        hi=end,
        everything=lo is None and hi is None,
        calendar_ids=reader.array(asked, "calendar_ids", "calendar_ids") or None,
        managed=managed or only,
        only_managed=only,
        deleted=deleted,
        since=since.instant(tzid) if since else None,
        localized=localized,
        geo=paging.flag(asked, "include_geo", reader),
    )


class EventLists(CronofyView):
    """What the two lists share."""

    name: str

    def get(self, request: Request) -> Response:
        reader, query = Reader(), paging.query(request, "calendar_ids")
        asked = read(query, reader)
        at = paging.number(query, reader)
        places = self._places(asked, reader)
        reader.finish()
        lists = Lists(self.account, places, asked)
        found = lists.entries()

        def shown(some: Sequence[Entry]) -> list[dict[str, Any]]:
            return self.shown(some, lists.shown(some, writable=self.principal.may("events:write")))

        return Response(paging.page(request, self.name, found, at, shown))

    def shown(self, entries: Sequence[Entry], how: event_shown.Shown) -> list[dict[str, Any]]:
        raise NotImplementedError

    def _places(self, asked: Asked, reader: Reader) -> dict[uuid.UUID, Calendar]:
        """The calendars that are asked for; without a choice, all of the account."""
        if self.account.booking_calendar_id is None:
            ensure_local(self.account)
        rows = Calendar.objects.for_tenant(self.principal.organisation).filter(account__host=self.account)
        places: dict[uuid.UUID, Calendar] = rows.select_related("account__host").in_bulk()
        if asked.calendar_ids is None:
            return places
        named = refs.resolve_all(self.principal.organisation, SURFACE, "calendar", asked.calendar_ids)
        for unknown in (each for each in asked.calendar_ids if named.get(each) not in places):
            reader.wrong("calendar_ids", "invalid", f"{unknown[:64]} is not the id of a calendar of this account.")
        return {pk: places[pk] for pk in named.values() if pk in places}


class Events(EventLists):
    name = "events"
    scopes = {"GET": "events:read"}

    @schema.told("Events", schema.EVENTS, parameters=schema.EVENT_QUERY)
    def get(self, request: Request) -> Response:
        return super().get(request)

    def shown(self, entries: Sequence[Entry], how: event_shown.Shown) -> list[dict[str, Any]]:
        return [how.event(entry, deleted=entry.status == Event.Status.CANCELLED) for entry in entries]


class FreeBusy(EventLists):
    name = "free_busy"
    scopes = {"GET": "availability:read"}

    @schema.told("When the account is busy", schema.FREE_BUSY, parameters=schema.EVENT_QUERY)
    def get(self, request: Request) -> Response:
        return super().get(request)

    def shown(self, entries: Sequence[Entry], how: event_shown.Shown) -> list[dict[str, Any]]:
        return [how.free_busy(entry) for entry in entries if entry.status != Event.Status.CANCELLED]


@dataclass(frozen=True)
class Lists:
    """The entries of one account that a query asks for, in a constant number of queries."""

    host: Host
    places: dict[uuid.UUID, Calendar]
    asked: Asked

    def entries(self) -> list[Entry]:
        asked = self.asked
        found = [each for each in self._window() if each.event is not None and self._place(each.event) in self.places]
        managed = self._managed_among(found)
        if not asked.managed:
            found = [each for each in found if _root(each) not in managed]
        elif asked.only_managed:
            found = [each for each in found if _root(each) in managed]
        if asked.managed and asked.everything:
            found += self._managed_elsewhere({each.key for each in found})
        if asked.deleted:
            found += self._deleted()
        if asked.since is not None:
            found = [each for each in found if event_shown.updated(each).timestamp() >= asked.since]
        return sorted(found, key=lambda each: (each.start_s, each.end_s, each.key))

    def shown(self, entries: Iterable[Entry], *, writable: bool) -> event_shown.Shown:
        """What it takes to tell of some entries."""
        roots = {_root(each): refs.Named(_root(each), self.host.organisation_id) for each in entries}
        event_ids = refs.known(SURFACE, "event_id", roots)
        return event_shown.Shown(
            host=self.host,
            calendars=refs.refs(SURFACE, "calendar", self.places.values()),
            place_of_others=self.place_of_others,
            uids=refs.refs(SURFACE, "event", roots.values()),
            event_ids={pk: key.partition("/")[2] for pk, key in event_ids.items()},
            kept=refs.kept(SURFACE, "event", roots.values()),
            localized=self.asked.localized,
            geo=self.asked.geo,
            writable=writable,
        )

    @property
    def place_of_others(self) -> uuid.UUID:
        """Where a booking is shown that several hosts have and whose event is in a colleague's calendar."""
        pk: uuid.UUID | None = self.host.booking_calendar_id
        return pk or next(iter(self.places), self.host.pk)

    def _place(self, event: Event) -> uuid.UUID:
        own = event.calendar.account.host_id == self.host.pk
        return event.calendar_id if own else self.place_of_others

    def _window(self) -> list[Entry]:
        return agenda.listing(self.host.organisation, self.asked.lo, self.asked.hi, hosts=[self.host])

    def _managed_among(self, entries: Iterable[Entry]) -> set[uuid.UUID]:
        rows = _managed().filter(object_id__in={_root(each) for each in entries})
        return set(rows.values_list("object_id", flat=True))

    def _managed_elsewhere(self, there: set[uuid.UUID]) -> list[Entry]:
        """The other events that applications made, of all times; none of them repeats."""
        rows = self._events(deleted_at=None).filter(pk__in=_managed().values("object_id"))
        return [
            Entry(event, None, event.start_s, event.end_s)
            for event in rows.exclude(status=Event.Status.CANCELLED)
            if event.pk not in there and not recurs(event)
        ]

    def _deleted(self) -> list[Entry]:
        """Tombstones: events that are gone, and the occurrences that were taken out of series."""
        rows = self._events(start_s__lt=self.asked.hi).filter(Q(until_s=None) | Q(until_s__gt=self.asked.lo))
        gone = rows.filter(Q(deleted_at__isnull=False) | ~Q(excluded_dates=[]) | Q(status=Event.Status.CANCELLED))
        managed = self._managed_among([Entry(event, None, 0, 0) for event in gone])
        found: dict[tuple[uuid.UUID, int | None], Entry] = {}
        for event in sorted(gone, key=lambda each: each.master_id is not None):  # what changed last speaks for a name
            root = event.master_id or event.pk
            wanted = self.asked.managed if root in managed else not self.asked.only_managed
            told = _tombstones(event, self.asked.lo, self.asked.hi) if wanted else []
            found |= {(root, each.recurrence_wall): each for each in told}
        return list(found.values())

    def _events(self, **which: Any) -> QuerySet[Event]:
        rows: QuerySet[Event] = Event.objects.for_tenant(self.host.organisation_id).filter(
            calendar__in=self.places, **which
        )
        return rows.select_related("calendar__account__host").prefetch_related("participants")


def _managed() -> QuerySet[ExternalRef]:
    return ExternalRef.everywhere.filter(surface=SURFACE, kind="event_id")


def _root(entry: Entry) -> uuid.UUID:
    """What an entry's names hang on: the event, of an occurrence the series."""
    assert entry.event is not None
    return entry.event.master_id or entry.event.pk


def _tombstones(event: Event, lo: int, hi: int) -> list[Entry]:
    """Of a series that is gone each occurrence, since each was told by a name of its own."""
    gone = event.deleted_at is not None or event.status == Event.Status.CANCELLED
    if gone and not recurs(event):
        return [Entry(event, None, event.start_s, event.end_s, event.recurrence_wall)]
    home = home_zone(event.calendar, event.calendar.account.host)
    to_utc: Callable[[int], int] = zone(home if event.all_day or event.floating else event.timezone).to_utc
    length = event.end_s - event.start_s
    starts = ((wall, to_utc(wall)) for wall in event.excluded_dates)
    found: list[Entry] = [
        _Gone(event, None, start, start + length, wall) for wall, start in starts if start < hi and start + length > lo
    ]
    if gone:
        found += [_Gone(event, None, *each) for each in calendar.happenings(event, home, lo, hi, ())]
    return found


class _Gone(Entry):
    """An occurrence that a series does not have any more."""

    @property
    def status(self) -> str:
        return Event.Status.CANCELLED
