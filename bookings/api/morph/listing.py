"""Which entries a list of schedulingEvents holds, and where the next page begins."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.http import QueryDict
from django.utils.timezone import now

from bookings.api.morph import paging, wire
from bookings.api.morph.asked import STATUSES
from bookings.api.morph.shown import status_of
from bookings.domain import agenda, refs
from bookings.domain.agenda import Entry
from bookings.engine.zones import DAY
from bookings.models import Host

_AROUND = 366 * DAY
"""How far back and ahead a list looks when it is not told."""
_WIDEST = 3 * 366 * DAY

_LOWER, _UPPER = {"gte": 0, "gt": 1}, {"lt": 0, "lte": 1}

Key = tuple[int, str, int]


@dataclass(frozen=True)
class Asked:
    """The first and last second (exclusive) of starts, and what else an entry must be; empty and None mean anything."""

    lo: int
    hi: int
    bounded: bool
    statuses: frozenset[str]
    event_type: uuid.UUID | None
    text: str
    falling: bool

    @property
    def is_plain(self) -> bool:
        return not (self.falling or self.statuses or self.text or self.event_type)


def page(query: QueryDict, host: Host) -> tuple[list[Entry], str | None]:
    """The entries of one page, and the cursor of the next. Raises Refusal."""
    asked, limit = _asked(query, host), paging.limit_of(query)
    said = paging.cursor_of(query, int, str, int)
    after: Key | None = (said[0], said[1], said[2]) if said else None
    lo = max(asked.lo, min(after[0], asked.hi)) if after and not asked.falling else asked.lo
    soon = agenda.reach(host.organisation, lo, asked.hi, [host], limit + 2) if asked.is_plain else asked.hi
    found = _found(host, asked, lo, soon, after)
    if len(found) <= limit and soon < asked.hi:
        found += [entry for entry in _found(host, asked, soon, asked.hi, after) if entry.start_s >= soon]
    more = len(found) > limit
    return found[:limit], paging.cursor(*_key(found[limit - 1])) if more else None


def _found(host: Host, asked: Asked, lo: int, hi: int, after: Key | None) -> list[Entry]:
    entries = agenda.listing(host.organisation, lo, hi, hosts=[host], cancelled="canceled" in asked.statuses)
    fitting = [entry for entry in entries if _fits(entry, asked)]
    fitting.sort(key=_key, reverse=asked.falling)
    return list(_after(fitting, after, asked.falling))


def _after(entries: Iterable[Entry], after: Key | None, falling: bool) -> Iterable[Entry]:
    if after is None:
        return entries
    return (entry for entry in entries if (_key(entry) < after if falling else _key(entry) > after))


def _key(entry: Entry) -> Key:
    return entry.start_s, str(entry.key), entry.recurrence_wall or 0


def _fits(entry: Entry, asked: Asked) -> bool:
    if asked.bounded and not asked.lo <= entry.start_s < asked.hi:
        return False
    if asked.statuses and status_of(entry) not in asked.statuses:
        return False
    if asked.event_type and (entry.booking is None or entry.booking.event_type_id != asked.event_type):
        return False
    return not asked.text or asked.text in _words(entry)


def _words(entry: Entry) -> str:
    people = [f"{one.name} {one.email}" for one in entry.people]
    return "\n".join((entry.title, entry.description, *people)).casefold()


def _asked(query: QueryDict, host: Host) -> Asked:
    filters = paging.filters_of(query, "status", "eventType", "startTime")
    event_type = filters.get("eventType")
    if event_type is not None and not isinstance(event_type, str):
        raise paging.wrong("filters.eventType", "filters.eventType must be an id.")
    lo, hi = _window(filters)
    return Asked(
        lo=lo,
        hi=hi,
        bounded="startTime" in filters,
        statuses=_statuses(filters),
        event_type=_type(host, event_type) if event_type else None,
        text=query.get("q", "").strip().casefold(),
        falling=paging.falls(query, "startTime"),
    )


def _type(host: Host, type_id: str) -> uuid.UUID:
    """Our id of the event type, or one that no event type has."""
    return refs.resolve(host.organisation, wire.SURFACE, "event_type", type_id) or uuid.UUID(int=0)


def _statuses(filters: paging.Filters) -> frozenset[str]:
    given = filters.get("status", "")
    wanted = {part.strip() for part in given.split(",") if part.strip()} if isinstance(given, str) else {""}
    if not wanted <= set(STATUSES):
        raise paging.wrong("filters.status", f"filters.status must be one of {', '.join(STATUSES)}.")
    return frozenset(wanted)


def _window(filters: paging.Filters) -> tuple[int, int]:
    lo, hi = bounds(filters, "startTime")
    moment = int(now().timestamp())
    if lo is None:
        lo = min(moment, hi if hi is not None else moment) - _AROUND
    if hi is None:
        hi = max(moment, lo) + _AROUND
    if hi - lo > _WIDEST:
        raise paging.wrong("filters.startTime", "filters.startTime may span three years at most.")
    return lo, hi


def bounds(filters: paging.Filters, name: str) -> tuple[int | None, int | None]:
    """From which second on, and before which, a filter of a date-time lets pass; None where it does not say."""
    given = filters.get(name)
    if given is None:
        return None, None
    said = {"gte": given, "lte": given} if isinstance(given, str) else dict(given)
    at = {bound: wire.seconds(text) for bound, text in said.items()}
    if None in at.values() or not set(at) <= {*_LOWER, *_UPPER}:
        raise paging.wrong(f"filters.{name}", f"filters.{name} takes date-times under gte, gt, lte, lt.")
    lower = [moment + _LOWER[bound] for bound, moment in at.items() if moment is not None and bound in _LOWER]
    upper = [moment + _UPPER[bound] for bound, moment in at.items() if moment is not None and bound in _UPPER]
    return max(lower, default=None), min(upper, default=None)
