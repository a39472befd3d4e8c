"""The occurrences of a series that differ from its pattern: each is an event of its own at Graph."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from bookings.engine.zones import DAY, zone
from bookings.formats.event import EventData
from providers.base import Ended, Outcome, Push, Result
from providers.http import Response
from providers.microsoft import wire
from providers.microsoft.calls import Calls, event_path
from providers.microsoft.patching import patch_for
from providers.microsoft.recurrence import day_number
from providers.microsoft.wire import Json, Owner, Part

Sent = Callable[..., Response]
Refused = Callable[[str, Response], Result]

_ATTEMPTS = 3


class Amending:
    """Brings changed and left out occurrences to what the series says. Those that the host changed there stay."""

    def __init__(self, calls: Calls, target: str, owner: Owner, sent: Sent, refused: Refused) -> None:
        self.calls = calls
        self.target = target
        self.owner = owner
        self.clock = zone("UTC")
        self._sent = sent
        self._refused = refused

    def run(self, push: Push) -> None:
        """Raises Ended when something of it is refused; doing it again does only what is left."""
        master, changed = push.events[0], push.events[1:]
        self.clock = zone(wire.zone_of(master, self.owner))
        there = self.calls.series(self.target, push.remote.id) or {}
        cancelled = [each.recurrence_wall or 0 for each in changed if each.status == "cancelled"]
        gone = cancelled_days(there)
        for wall in (*master.excluded_dates, *cancelled):
            if wall // DAY not in gone:
                self._leave_out(there, wall)
        for each in changed:
            if each.status != "cancelled":
                self._change(there, each.recurrence_wall or 0, each)

    def _occurrence(self, there: Json, wall: int) -> Json | None:
        return instance_of(self.calls, self.target, there, wall, self.clock.to_utc(wall))

    def _leave_out(self, there: Json, wall: int) -> None:
        found = self._occurrence(there, wall)
        if found is None:
            return
        answer = self.calls.send("DELETE", event_path(self.target, found["id"]))
        if answer.status >= 300 and answer.status not in (404, 410):
            raise Ended(self._refused(self.target, answer))

    def _change(self, there: Json, wall: int, data: EventData) -> None:
        for _ in range(_ATTEMPTS):
            found = self._occurrence(there, wall)
            if found is None:
                return  # the host deleted this occurrence there
            single = replace(data, recurrence_rules=(), recurrence_dates=(), excluded_dates=(), exclusion_rules=())
            patch = patch_for(found, single, self.owner, Part(), whole=self._whole)
            patch.pop("recurrence", None)
            if not patch:
                return
            headers = {"If-Match": wire.etag_of(found)}
            answer = self._sent("PATCH", event_path(self.target, found["id"]), json.dumps(patch), headers)
            if answer.status == 200:
                return
            if answer.status not in (409, 412):
                raise Ended(self._refused(self.target, answer))
        raise Ended(Result(Outcome.CONFLICT, status=412, detail="An occurrence keeps changing in the calendar."))

    def _whole(self, remote_id: str) -> Json | None:
        return self.calls.event(self.target, remote_id, html=True)


def instance_of(calls: Calls, target: str, master: Json, wall: int, instant: int) -> Json | None:
    """The occurrence of a series that was planned for a wall time, which is `instant`; None when it is not there.

    A single event, asked for its one occurrence, is that itself.
    """
    if not master.get("recurrence"):
        return master if master.get("id") else None
    for each in (calls.series(target, master["id"]) or {}).get("exceptionOccurrences") or ():
        if _is_planned(each, wall, instant):
            return calls.event(target, each["id"])
    around = calls.instances(target, master["id"], _stamp(instant - DAY), _stamp(instant + DAY))
    return next((each for each in around if _is_planned(each, wall, instant)), None)


def _is_planned(event: Json, wall: int, instant: int) -> bool:
    """Occurrences of all-day series are given as midnights in UTC, whatever the zone of their days."""
    begin = wire.instant(event["originalStart"]) if event.get("originalStart") else wire.seconds(event["start"])
    return begin == instant or (bool(event.get("isAllDay")) and begin == wall)


def _stamp(instant: int) -> str:
    return str(wire.moment(instant, "UTC")["dateTime"])


def cancelled_days(master: Json) -> set[int]:
    """The days, in the series' zone, of the occurrences that were left out: OID.{id}.{date}."""
    days: set[int] = set()
    for each in master.get("cancelledOccurrences") or ():
        try:
            days.add(day_number(str(each).rpartition(".")[2]))
        except ValueError:
            continue
    return days
