"""Reading a Google calendar: everything at first, then what changed since a sync token.

Series are not expanded: an expanded listing has no end. What changes in one occurrence is read together with its
series, so that an object is always whole.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from bookings.domain.calendar import Changes, PulledObject
from bookings.formats.event import EventData
from bookings.formats.icalendar import Problem
from providers.base import Ended, Outcome, PullFailed, Result
from providers.google import wire
from providers.google.calls import GONE, SCOPE_MISSING, Calls
from providers.rest import Json

_DEAD_TOKEN = (400, 410)


class Reader:
    """Reads one calendar. `home` is its zone, `owners` are the addresses of its owner, in lower case."""

    def __init__(self, calls: Calls, target: str, *, home: str, owners: Collection[str], limit_s: float) -> None:
        self._calls = calls
        self._target = target
        self._home = home
        self._owners = owners
        self._deadline = time.monotonic() + limit_s

    def changes(self, token: str) -> Changes:
        """What changed since `token`; everything without one, or when Google no longer honours it (410)."""
        try:
            since = self._since(token) if token else None
            return since if since is not None else self._everything()
        except Ended as ended:
            raise failed(ended.result) from ended

    def _everything(self) -> Changes:
        items, token = self._listed({})
        objects = [each for group in _grouped(items).values() if (each := self._object(group)) is not None]
        if not token:
            return Changes(objects=objects, removed=[], complete=False, token="")
        return Changes(objects=objects, removed=[], complete=True, token=token)

    def _since(self, token: str) -> Changes | None:
        try:
            items, fresh = self._listed({"syncToken": token})
        except Ended as ended:
            if ended.result.status in _DEAD_TOKEN:
                return None
            raise
        objects: list[PulledObject] = []
        removed: list[str] = []
        for name, group in _grouped(items).items():
            whole = self._whole(name, group)
            each = self._object(whole)
            if each is not None:
                objects.append(each)
            else:
                removed.append(name)
        return Changes(objects=objects, removed=removed, complete=False, token=fresh)

    def _listed(self, query: Json) -> tuple[list[Json], str]:
        """The items of all pages and the next sync token; "" when time ran out before the last page."""
        items: list[Json] = []
        for page in self._calls.pages(self._target, query):
            self._home = str(page.get("timeZone") or self._home)
            items += page.get("items", ())
            if "nextSyncToken" in page:
                return items, str(page["nextSyncToken"])
            if time.monotonic() > self._deadline:
                break
        return items, ""

    def _whole(self, name: str, group: list[Json]) -> list[Json]:
        """All items of the object that a changed one belongs to."""
        itself = next((item for item in group if item["id"] == name), None)
        if itself is not None and (_is_gone(itself) or not itself.get("recurrence")):
            return group
        master = itself or self._calls.get(self._target, name)
        if master is not None and _is_gone(master):
            return [master]
        # Without a master: the owner is invited to some occurrences of somebody's series.
        uid = next((str(item["iCalUID"]) for item in (master, *group) if item and item.get("iCalUID")), "")
        items = self._calls.series(self._target, uid) if uid else []
        return _grouped(items).get(name) or [*([master] if master else []), *group]

    def _object(self, group: list[Json]) -> PulledObject | None:
        """One object; None when nothing of it is left."""
        master = next((item for item in group if "recurringEventId" not in item), None)
        if master is None:
            return self._lone(group)
        if _is_gone(master) and not wire.was_ended_by_us(master):
            return None
        etag = wire.series_etag(group)
        try:
            root = wire.read(master, self._home, self._owners)
        except ValueError as error:
            return PulledObject(master["id"], etag, [], [wire.problem(master, self._home, error)])
        problems: list[Problem] = []
        changed = list(self._changed(root, group, problems))
        skipped = [data.recurrence_wall for data in changed if data.status == "cancelled"]
        gone = {wall for wall in skipped if wall is not None}
        root = replace(root, excluded_dates=tuple(sorted({*root.excluded_dates, *gone})))
        kept = [data for data in changed if data.recurrence_wall not in root.excluded_dates]
        return PulledObject(master["id"], etag, [root, *kept], problems)

    def _changed(self, root: EventData, group: list[Json], problems: list[Problem]) -> Iterator[EventData]:
        for item in group:
            if "recurringEventId" not in item:
                continue
            try:
                if _is_gone(item):
                    wall = wire.original_wall(item, root, self._home)
                    yield replace(root, recurrence_wall=wall, status="cancelled")
                else:
                    yield wire.read(item, self._home, self._owners, root)
            except ValueError as error:
                problems.append(wire.problem(item, self._home, error))

    def _lone(self, group: list[Json]) -> PulledObject | None:
        """Occurrences of a series that this calendar does not have: one object under the series' name."""
        live = [item for item in group if not _is_gone(item)]
        if not live:
            return None
        events: list[EventData] = []
        problems: list[Problem] = []
        for item in live:
            try:
                data = wire.read(item, self._home, self._owners)
                events.append(replace(data, uid=f"{data.uid}#{item['id']}"[:512]))
            except ValueError as error:
                problems.append(wire.problem(item, self._home, error))
        return PulledObject(str(live[0]["recurringEventId"]), wire.series_etag(group), events, problems)


def failed(result: Result) -> PullFailed:
    """A refusal while reading, as the failure that pull understands."""
    if result.status in (404, 410):
        return PullFailed(Outcome.TARGET_GONE, GONE)
    if result.detail == SCOPE_MISSING:
        return PullFailed(Outcome.AUTH_DEAD, SCOPE_MISSING)
    return PullFailed(result.outcome, result.detail, result.retry_after)


def _is_gone(item: Json) -> bool:
    return item.get("status") == "cancelled"


def _grouped(items: Iterable[Json]) -> dict[str, list[Json]]:
    """Items by the object they belong to: their series, or themselves. Of one item listed twice the later counts."""
    found: dict[str, dict[str, Json]] = {}
    for item in items:
        found.setdefault(str(item.get("recurringEventId") or item["id"]), {})[str(item["id"])] = item
    return {name: list(group.values()) for name, group in found.items()}
