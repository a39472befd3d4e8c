"""What adapters of services that hold single events share: reading and writing texts and times, ids and outcomes."""

from __future__ import annotations

import hashlib
import json
import re
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar

from django.core.cache import cache as shared

from bookings.domain.calendar import PulledObject
from bookings.domain.event_rows import first_bounds, home_zone, recurs
from bookings.engine.zones import DAY, canonical, wall, ymd, zone
from bookings.formats.event import EventData, Person, plain
from bookings.formats.icalendar import Problem
from bookings.models import Account, Calendar, Installation, Mirror
from providers import oauth
from providers.base import Ended, Outcome, Provider, PullFailed, Push, Result
from providers.http import Basic, Bearer, Response
from providers.rest import Json, Manners, Rest, Said

REFERENCE = "X-CONVENE-REF"
ABOUT_TARGET = (400, 403, 404, 410, 422)
"""Status numbers with which a service may mean that it does not know the calendar."""
DEAD_KEY = {401: Outcome.AUTH_DEAD}
"""Of logins by a key, which is not renewed: only a person can do something."""
GONE = "This calendar is not there any more."
READ_ONLY = "This calendar can only be read."
TOO_MUCH = "The calendar holds more than could be read in time."
DELETED_THERE = "Somebody deleted this event in the calendar."
NO_SERIES = "{name} takes single events only, so this series is kept here and not shown there."
UNREADABLE = "The service's answer about this event cannot be read."
TRIED_LATER = "The service's allowance of calls is used up; it goes on when there is a new one."

Read = TypeVar("Read")
Marks = Callable[[Collection[str]], Mapping[str, str]]
"""Our full marks (installation|event|calendar|generation|revision) of those keys, in hex, that are ours."""

_MARK = re.compile(r"\s*\bref:([0-9a-f]{32})\s*\Z")
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d))?(?:[.,]\d+)?\s*([Zz]|[+-]\d\d:?\d\d)?)?", re.ASCII
)


# ── Outcomes ──


def ended(call: Callable[[], Result]) -> Result:
    """The result of a write, also where a call inside it came to nothing."""
    try:
        return call()
    except Ended as end:
        return end.result


def reading(call: Callable[[], Read]) -> Read:
    """What was read; raises PullFailed where a call inside it came to nothing."""
    try:
        return call()
    except Ended as end:
        raise PullFailed(end.result.outcome, end.result.detail, end.result.retry_after) from end


def require(provider: Provider, target: str, *, writable: bool = True) -> None:
    """Raise Ended, TARGET_GONE, unless the calendar is there and can be written to."""
    try:
        there = {each.external_id: each for each in provider.list_calendars()}
    except PullFailed as failed:
        raise Ended(Result(failed.outcome, detail=failed.detail, retry_after=failed.retry_after)) from failed
    if target not in there:
        raise Ended(Result(Outcome.TARGET_GONE, status=404, detail=GONE))
    if writable and not there[target].writable:
        raise Ended(Result(Outcome.TARGET_GONE, status=403, detail=READ_ONLY))


def unread(provider: Provider, target: str, end: Ended) -> PullFailed:
    """What a call that came to nothing means for reading a calendar, once it was looked whether that is still there."""
    result = end.result
    if result.status in ABOUT_TARGET and result.outcome not in (Outcome.TRANSIENT, Outcome.AUTH_REFRESH):
        try:
            require(provider, target, writable=False)
        except Ended as other:
            result = other.result
    return PullFailed(result.outcome, result.detail, result.retry_after)


def in_time(items: Iterable[Read], deadline: float) -> Iterator[Read]:
    """The same; raises Ended after the deadline, since half a list would make the other half look deleted."""
    for item in items:
        if time.monotonic() > deadline:
            raise Ended(Result(Outcome.TRANSIENT, detail=TOO_MUCH))
        yield item


def only_one(push: Push, name: str) -> EventData:
    """The event of a push; raises Ended when it is a series, which these services cannot hold."""
    if len(push.events) != 1 or recurs(push.events[0]):
        raise Ended(Result(Outcome.PERMANENT, detail=NO_SERIES.format(name=name)))
    return push.events[0]


def frozen(data: EventData) -> str:
    """An event as text that `thawed` reads again: what a create is made of, unchanged by later edits."""
    return json.dumps(asdict(replace(data, raw={})), ensure_ascii=False)


def thawed(text: str) -> EventData:
    told = json.loads(text)
    lists = ("recurrence_rules", "exclusion_rules", "recurrence_dates", "excluded_dates")
    told |= {name: tuple(told[name]) for name in lists} | {"people": tuple(Person(**each) for each in told["people"])}
    return EventData(**told)


# ── Texts ──


def is_ours(push: Push) -> bool:
    """Whether we made the event there, or are about to; one that was read there belongs to somebody else."""
    return bool(push.body) or not push.remote.id


def described(data: EventData, push: Push, *, guests: bool = True, mark: bool = True) -> str:
    """The description; in an event of ours with what has no field of its own: who comes, and our mark as last line."""
    text = plain(data).strip()
    if not is_ours(push):
        return text
    lines = [line for person in invited(data) if guests and (line := _named(person)) not in text]
    blocks = [text, "\n".join(lines), f"ref:{push.key.hex}" if mark else ""]
    return "\n\n".join(block for block in blocks if block)


def mark_in(text: str) -> str:
    """The key, in hex, that a description ends with; empty when there is none."""
    found = _MARK.search(text)
    return found[1] if found else ""


def unmarked(text: str) -> str:
    return _MARK.sub("", text)


def invited(data: EventData) -> list[Person]:
    return [person for person in data.people if person.role == "attendee" and (person.email or person.name)]


def place(data: EventData) -> str:
    """Where it is: the place, or else the address of its room."""
    return data.location or str(data.conference.get("url", ""))


def _named(person: Person) -> str:
    return f"{person.name} <{person.email}>" if person.name and person.email else person.name or person.email


# ── Times ──


def bounds(data: EventData, home: str) -> tuple[int, int]:
    """First and end second in UTC; `home` is the calendar's zone, in which all-day events are meant."""
    return first_bounds(data, home)


def utc(instant: int) -> str:
    """2027-03-01T09:30:00Z"""
    return f"{datetime.fromtimestamp(instant, UTC):%Y-%m-%dT%H:%M:%SZ}"


def with_offset(instant: int, tzid: str) -> str:
    """2027-03-01T10:30:00+01:00"""
    east = zone(tzid).offset(instant)
    size = abs(east) // 60
    sign = "-" if east < 0 else "+"
    return f"{datetime.fromtimestamp(instant + east, UTC):%Y-%m-%dT%H:%M:%S}{sign}{size // 60:02d}:{size % 60:02d}"


def date(wall_s: int) -> str:
    """The date of wall seconds: 2027-03-01."""
    return "{:04d}-{:02d}-{:02d}".format(*ymd(wall_s // DAY))


def instant(text: Any, tzid: str) -> int:
    """UTC seconds of a time in ISO 8601; without an offset it is read in the zone. Raises ValueError."""
    found = _ISO.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        raise ValueError(UNREADABLE)
    at = wall(*(int(part or 0) for part in found.groups()[:6]))
    offset = (found[7] or "").upper()
    if not offset:
        return zone(tzid).to_utc(at)
    return at if offset == "Z" else at - _east(offset)


def day(text: Any) -> int | None:
    """Wall seconds of a plain date; None when it is none, or has a time."""
    found = _ISO.fullmatch(text.strip()) if isinstance(text, str) else None
    return wall(int(found[1]), int(found[2]), int(found[3])) if found and found[4] is None else None


def timed(title: str, start: int, end: int, tzid: str, **more: Any) -> EventData:
    """An event from its instants, on the clock of that zone; in UTC for the second pass of a repeated hour."""
    clock = zone(tzid)
    at = clock.to_wall(start)
    if clock.to_utc(at) != start:
        tzid, at = "UTC", start
    return EventData(title, at, tzid, end - start, **more)


def _east(offset: str) -> int:
    digits = offset[1:].replace(":", "")
    size = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return -size if offset[0] == "-" else size


# ── Objects ──


def etag(item: Any) -> str:
    """A tag for services that give none: it changes with whatever they say of an event."""
    return hashlib.sha256(json.dumps(item, sort_keys=True).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Item:
    """One event as a service tells it. `key` is our mark in it, in hex; `is_off`: cancelled there."""

    id: str
    raw: Json
    key: str = ""
    is_off: bool = False
    since: str = ""


def pulled(items: Iterable[Item], read: Callable[[Item], EventData], marks: Mapping[str, str]) -> list[PulledObject]:
    """The objects of a list; what cannot be read becomes a problem of its own. Cancelled ones are left out."""
    return [_object(item, read, marks) for item in items if not item.is_off and item.id]


def _object(item: Item, read: Callable[[Item], EventData], marks: Mapping[str, str]) -> PulledObject:
    try:
        data = read(item)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return PulledObject(item.id, etag(item.raw), [], [Problem(uid=item.id, reason=UNREADABLE, start_s=None)])
    if mark := marks.get(item.key):
        data = replace(data, raw=data.raw | {"properties": [[REFERENCE, {}, mark]]})
    return PulledObject(item.id, etag(item.raw), [data])


def marks_of(account: Account) -> Marks:
    """Looks up keys among what this account's host has in connected calendars: a copy may carry our mark anywhere."""

    def look(keys: Collection[str]) -> Mapping[str, str]:
        wanted = {key for key in keys if key}
        if not wanted:
            return {}
        namespace = Installation.current().namespace
        rows = Mirror.everywhere.filter(calendar__account__host_id=account.host_id)
        named = rows.values_list("event_id", "calendar_id", "generation", "applied_revision")
        found = {}
        for event, calendar, generation, revision in named.iterator():
            mark = f"{event}|{calendar}|{generation}"
            if (key := uuid.uuid5(namespace, mark).hex) in wanted:
                found[key] = f"{namespace}|{mark}|{revision}"
        return found

    return look


def zones_of(account: Account) -> Callable[[str], str]:
    """Looks up the zone of a calendar by its id at the service; the host's, unless it has one of its own."""

    @cache
    def places() -> dict[str, Calendar]:
        return {each.external_id: each for each in Calendar.everywhere.filter(account=account)}

    def look(target: str) -> str:
        known = places().get(target)
        return home_zone(known, account.host) if known else canonical(account.host.timezone) or "UTC"

    return look


def stretches(lo: int, hi: int, longest: int) -> Iterator[tuple[int, int]]:
    """[lo, hi) in pieces that are not longer."""
    while lo < hi:
        yield lo, min(lo + longest, hi)
        lo += longest


# ── Calls ──


def renewed(account: Account, service: oauth.Service) -> Result:
    """Renew an account's token; AUTH_DEAD for keys and tokens that do not renew."""
    try:
        oauth.access_token(account, service, rejected=str(account.credentials().get("access_token", "")))
    except Ended as end:
        return end.result
    return Result(Outcome.OK)


def words_of(message: Any) -> str:
    """An error's message, which may be a list of them."""
    return "; ".join(map(str, message)) if isinstance(message, list) else str(message or "")


def number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


class Paced(Rest):
    """Calls against an allowance: when the service says that it is used up, no process asks again before it is not.

    `left` finds what is left of it in an answer, None when that is not said.
    """

    def __init__(
        self,
        manners: Manners,
        auth: Callable[[], Bearer | Basic | None],
        account_id: Any,
        left: Callable[[Response], int | None] = lambda answer: None,
    ) -> None:
        super().__init__(manners, auth)
        self._until = f"allowance:{account_id}"
        self._left = left

    def send(self, method: str, path: str, **how: Any) -> Response:
        wait = int(shared.get(self._until, 0)) - int(time.time())
        if wait > 0:
            raise Ended(Result(Outcome.TRANSIENT, retry_after=wait, detail=TRIED_LATER))
        answer = super().send(method, path, **how)
        left = self._left(answer)
        # What is too little for a list may be enough for a write.
        if left == 0 or (answer.status == 429 and left is None):
            pause = self.manners.wait(answer) or 0
            if pause:
                shared.set(self._until, int(time.time()) + pause, pause)
        return answer


def nest_said(body: Any) -> Said:
    """Errors in the shape of NestJS: {"statusCode", "message", "error"}."""
    return Said(words=words_of(body.get("message")))
