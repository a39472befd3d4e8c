"""Reading a calendar of Graph: what changed since a delta link, over a window that moves on with every full reading.

A delta tells of occurrences singly and in part, so a series is read whole as soon as anything of it is told. What it
tells as removed may only have left the window; that is asked for before it is believed.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bookings.domain.busy import AHEAD, PAST
from bookings.domain.calendar import Changes, PulledObject
from bookings.engine.zones import DAY, zone
from bookings.formats.event import EventData, fingerprint
from bookings.formats.icalendar import Problem
from bookings.models import Installation
from providers.base import Ended, Outcome, PullFailed
from providers.microsoft import wire
from providers.microsoft.amending import cancelled_days
from providers.microsoft.calls import AS_TEXT, GONE, Calls, calendar_path, prefer, values
from providers.microsoft.wire import Json, Owner, Unreadable
from providers.rest import decoded

_PAGE = 100
_LISTED = 500
_EXPIRED = frozenset({"syncstatenotfound", "syncstateinvalid", "resyncrequired"})
_MOST_INSTANCES = 1000


@dataclass
class _Round:
    """What one reading found: the newest state of each item, and where the next reading goes on."""

    items: dict[str, Json] = field(default_factory=dict)
    removed: dict[str, None] = field(default_factory=dict)
    link: str = ""

    def take(self, item: Json) -> None:
        """One item may come several times in any order; the newest state counts."""
        key = item.get("id")
        if not isinstance(key, str):
            return
        if "@removed" in item:
            self.items.pop(key, None)
            self.removed[key] = None
            return
        held = self.items.get(key)
        if held is None or str(held.get("lastModifiedDateTime", "")) <= str(item.get("lastModifiedDateTime", "")):
            self.items[key] = item
            self.removed.pop(key, None)


class Reader:
    """Reads one calendar of one mailbox."""

    def __init__(self, calls: Calls, target: str, owner: Owner, limit_s: float) -> None:
        self._calls = calls
        self._target = target
        self._owner = owner
        self._deadline = time.monotonic() + limit_s

    def changes(self, token: str, known: Mapping[str, str]) -> Changes:
        """What changed since `token`, a delta link; without one, or when Graph forgot it, everything is compared."""
        try:
            found = self._since(token) if token and self._calls.is_ours(token) else None
            if found is not None:
                return self._gathered(found, known, [])
            found = self._baseline()
            return self._gathered(found, known, self._unlisted(known, found))
        except Ended as ended:
            result = ended.result
            raise PullFailed(result.outcome, result.detail, result.retry_after) from ended

    # ── Asking ──

    def _since(self, link: str) -> _Round | None:
        """None when Graph does not know the link any more."""
        answer = self._calls.send("GET", link, headers=self._reading())
        if answer.status == 410 or self._calls.code(answer) in _EXPIRED:
            return None
        if answer.status in (400, 404):
            self._calls.calendar(self._target)  # which ends this when it is gone
            return None
        if answer.status >= 300:
            raise Ended(self._calls.rest.classify(answer))
        return self._followed(decoded(answer))

    def _baseline(self) -> _Round:
        now = int(time.time()) // DAY * DAY
        window = {
            "startDateTime": f"{wire.moment(now - PAST, 'UTC')['dateTime']}Z",
            "endDateTime": f"{wire.moment(now + AHEAD, 'UTC')['dateTime']}Z",
        }
        path = f"{calendar_path(self._target)}/calendarView/delta"
        answer = self._calls.send("GET", path, query=window, headers=self._reading())
        if answer.status in (404, 410):
            raise PullFailed(Outcome.TARGET_GONE, GONE)
        if answer.status >= 300:
            raise Ended(self._calls.rest.classify(answer))
        return self._followed(decoded(answer))

    def _reading(self) -> Mapping[str, str]:
        return {"Prefer": prefer(AS_TEXT, f"odata.maxpagesize={_PAGE}")}

    def _followed(self, page: Json) -> _Round:
        """All pages of a round. When time runs out the rest comes next time, from where we were (no link)."""
        found = _Round()
        while True:
            for item in values(page):
                found.take(item)
            following = page.get("@odata.nextLink")
            if not following:
                link = page.get("@odata.deltaLink")
                found.link = link if isinstance(link, str) and self._calls.is_ours(link) else ""
                return found
            if not self._calls.is_ours(following) or time.monotonic() > self._deadline:
                return found
            page = self._calls.json("GET", following, headers=self._reading())

    def _unlisted(self, known: Mapping[str, str], found: _Round) -> list[str]:
        """Ids that we hold and that are not in the calendar any more. What changed outside the window is read anew."""
        if not known:
            return []
        query = {"$select": "id,changeKey", "$top": _LISTED}
        path = f"{calendar_path(self._target)}/events"
        listed: dict[str, str] = {}
        for page in self._calls.pages(path, query=query, headers={"Prefer": prefer()}):
            listed |= {str(each.get("id")): wire.etag_of(each) for each in values(page)}
        for key, etag in known.items():
            if key in listed and key not in found.items and _plain_etag(etag) != listed[key]:
                found.removed.setdefault(key)  # asked for singly, and taken as it is then
        return [key for key in known if key not in listed]

    # ── Putting together ──

    def _gathered(self, found: _Round, known: Mapping[str, str], gone: list[str]) -> Changes:
        """The objects of a round: single events as they are, series whole. Ids that nobody holds are not asked for."""
        objects: list[PulledObject] = []
        removed = dict.fromkeys(gone)
        marks = self._marks(found, known)
        series = {each["seriesMasterId"]: None for each in found.items.values() if each.get("seriesMasterId")}
        series |= {key: None for key, each in found.items.items() if each.get("type") == "seriesMaster"}
        for key, item in found.items.items():
            if key not in series and not item.get("seriesMasterId") and known.get(key) != wire.etag_of(item):
                objects.append(self._single(item | marks.get(key, {})))
        unsure = [key for key in found.removed if key in known and key not in series and key not in removed]
        for key in [*series, *unsure]:
            if time.monotonic() > self._deadline:
                found.link = ""
                break
            whole = self._calls.series(self._target, key)
            if whole is not None:
                objects.append(self._series(whole) if whole.get("recurrence") else self._single(whole))
            elif key in known:
                removed[key] = None
        return Changes(objects=objects, removed=list(removed), complete=False, token=found.link)

    def _marks(self, found: _Round, known: Mapping[str, str]) -> dict[str, Json]:
        """Our marks on events that are new to us, which no delta tells: the answer to their making may be lost."""
        if all(key in known or each.get("seriesMasterId") for key, each in found.items.items()):
            return {}
        installation = str(Installation.current().namespace)
        marked = self._calls.marked(self._target, f"startswith(ep/value, '{installation}')")
        name = "singleValueExtendedProperties"
        return {each["id"]: {name: each.get(name)} for each in marked if isinstance(each.get("id"), str)}

    def _single(self, item: Json) -> PulledObject:
        try:
            return PulledObject(item["id"], composed_etag(item), [wire.read(item, self._owner)])
        except Unreadable as reason:
            return _unreadable(item, str(reason))

    def _series(self, master: Json) -> PulledObject:
        try:
            events = self._by_instances(master) if wire.series_zone(master, self._owner) is None else None
            return PulledObject(master["id"], composed_etag(master), events or whole_series(master, self._owner))
        except Unreadable as reason:
            return _unreadable(master, str(reason))

    def _by_instances(self, master: Json) -> list[EventData]:
        """A series in a zone that has no name: the occurrences of the next time, one by one."""
        now = int(time.time())
        lo, hi = (str(wire.moment(at, "UTC")["dateTime"]) for at in (now - PAST, now + AHEAD))
        found = [wire.read(each, self._owner) for each in self._calls.instances(self._target, master["id"], lo, hi)]
        first = replace(wire.read(master, self._owner), timezone="UTC", start_wall=wire.seconds(master["start"]))
        starts = {zone(each.timezone).to_utc(each.start_wall): each for each in found[:_MOST_INSTANCES]}
        return [replace(first, recurrence_dates=tuple(sorted(starts)))]


def whole_series(master: Json, owner: Owner) -> list[EventData]:
    """A series and its changed occurrences; raises Unreadable when the series itself cannot be read."""
    tzid = wire.series_zone(master, owner) or owner.home
    data = wire.read(master, owner, series_zone=tzid)
    time_of_day = data.start_wall % DAY
    excluded = tuple(sorted(number * DAY + time_of_day for number in cancelled_days(master)))
    data = replace(data, recurrence_rules=wire.rules_of(master), excluded_dates=excluded)
    return [data, *_exceptions(master, data, owner)]


def _exceptions(master: Json, series: EventData, owner: Owner) -> Iterable[EventData]:
    clock = zone(series.timezone)
    for each in master.get("exceptionOccurrences") or ():
        try:
            planned = wire.instant(str(each.get("originalStart")))
            changed = wire.read(each, owner, uid=series.uid)
        except Unreadable:
            continue  # as it was planned it still takes its time
        wall = planned // DAY * DAY if series.all_day and planned % DAY == 0 else clock.to_wall(planned)
        yield replace(changed, recurrence_wall=wall)


def composed_etag(event: Json) -> str:
    """The tag of an event; of a series one that also changes when one of its occurrences does."""
    etag = wire.etag_of(event)
    parts = [[each.get("id"), wire.etag_of(each)] for each in event.get("exceptionOccurrences") or ()]
    parts += [[each] for each in event.get("cancelledOccurrences") or ()]
    if not parts:
        return etag
    return f"{etag}|{hashlib.sha256(repr(sorted(parts, key=repr)).encode()).hexdigest()[:12]}"


def _plain_etag(etag: str) -> str:
    return etag.partition("|")[0]


def meaning(event: Json, owner: Owner) -> str:
    """Fingerprint of what an event says there, by which a later reading tells a real change from a rewriting."""
    try:
        data = whole_series(event, owner)[0] if event.get("recurrence") else wire.read(event, owner)
    except Unreadable:
        return ""
    return fingerprint(data)


def _unreadable(item: Json, reason: str) -> PulledObject:
    start: Any = None
    try:
        start = wire.seconds(item.get("start") or {})
    except Unreadable:
        start = None
    problem = Problem(uid=str(item.get("iCalUId", "")), reason=reason, start_s=start)
    return PulledObject(str(item["id"]), wire.etag_of(item), [], [problem])
