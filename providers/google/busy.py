"""Busy times alone, for logins that may not see events (`freeBusy.query`)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from bookings.domain.busy import AHEAD
from bookings.domain.calendar import Changes, PulledObject
from bookings.engine.zones import DAY
from bookings.formats.event import EventData
from providers.base import Ended, Outcome, PullFailed
from providers.google.calls import GONE, Calls
from providers.google.reading import failed
from providers.google.writing import rfc3339

_WINDOW = 56 * DAY
_NAME = "busy/"
UNKNOWN = "Google cannot tell the busy times of this calendar at the moment."


def changes(calls: Calls, target: str, known: Iterable[str]) -> Changes:
    """All busy times from yesterday to the end of the horizon; raises PullFailed. What was read of this calendar
    before, when events could still be seen, stays: nobody says that it is over."""
    begin = int(time.time()) // DAY * DAY - DAY
    found: dict[str, PulledObject] = {}
    try:
        for start, end in _busy(calls, target, begin, begin + AHEAD):
            each = _object(target, start, end)
            found[each.remote_id] = each
    except Ended as ended:
        raise failed(ended.result) from ended
    removed = [name for name in known if name.startswith(_NAME) and name not in found]
    return Changes(objects=list(found.values()), removed=removed, complete=False, token="")


def _busy(calls: Calls, target: str, begin: int, end: int) -> Iterator[tuple[int, int]]:
    for start in range(begin, end, _WINDOW):
        asked = {"timeMin": rfc3339(start), "timeMax": rfc3339(start + _WINDOW), "items": [{"id": target}]}
        told = calls.json("POST", "/freeBusy", body=asked).get("calendars", {}).get(target, {"errors": [{}]})
        _require_known(told)
        for period in told.get("busy", ()):
            yield _instant(period["start"]), _instant(period["end"])


def _require_known(told: Mapping[str, Any]) -> None:
    """A calendar with errors is unknown, not free."""
    reasons = [each.get("reason") for each in told.get("errors", ())]
    if "notFound" in reasons:
        raise PullFailed(Outcome.TARGET_GONE, GONE)
    if reasons:
        raise PullFailed(Outcome.UNKNOWN, UNKNOWN)


def _object(target: str, start: int, end: int) -> PulledObject:
    name = f"{_NAME}{start}-{end}"
    event = EventData("Busy", start, "UTC", end - start, uid=f"{name}@{target}"[:512])
    return PulledObject(name, name, [event])


def _instant(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())
