"""Services that give events ids of their own and take no key of ours: searched before anything is made a second time.

Every create carries our key as `ref:<32 hex digits>`. After an attempt of unknown end, the calendar is listed around
the time that was written, and what carries the key is adopted (push design, section 4). A subclass says how its service
is asked and how its events are read; what follows from it is here.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import ClassVar

from bookings.domain.busy import horizon
from bookings.domain.calendar import Changes
from bookings.engine.zones import DAY
from bookings.formats.event import EventData, fingerprint
from providers.base import PULL_S, Capability, Ended, Outcome, Provider, PullFailed, Push, Remote, Result
from providers.rest import Json, Rest
from providers.singles import (
    ABOUT_TARGET,
    DELETED_THERE,
    Item,
    Marks,
    bounds,
    ended,
    frozen,
    in_time,
    only_one,
    pulled,
    require,
    thawed,
    unread,
)

AROUND_S = 31 * DAY
"""How far from its time an event is searched for: somebody may have moved it meanwhile."""
CANCELLED_THERE = "Somebody cancelled this event in the calendar."


class Tagged(Provider):
    """One login at such a service. `zone_of` gives the zone of a target; `marks` our full marks by key."""

    title: ClassVar[str]
    tells_guests: ClassVar[bool] = False
    """Whether the service mails guests of a change, when that is asked for."""

    def __init__(self, rest: Rest, capability: Capability, zone_of: Callable[[str], str], marks: Marks) -> None:
        self.rest = rest
        self.zone_of = zone_of
        self._capability = capability
        self._marks = marks

    @property
    def capability(self) -> Capability:
        return self._capability

    # ── What an adapter says of its service ──

    @abstractmethod
    def body(self, target: str, data: EventData, push: Push) -> Json:
        """All we manage of an event, in the service's words."""

    @abstractmethod
    def make(self, target: str, body: Json) -> Item:
        """Make it; raises Ended."""

    @abstractmethod
    def change(self, target: str, push: Push, body: Json) -> Item:
        """Bring the event at `push.remote` to this body; raises Ended, with CONFLICT when it is not there."""

    @abstractmethod
    def cancel(self, target: str, remote_id: str) -> None:
        """Take it away without telling anybody; raises Ended, with CONFLICT when it is not there."""

    @abstractmethod
    def items(self, target: str, lo: int, hi: int) -> Iterable[Item]:
        """What the calendar holds between two instants, also cancelled ones where they are listed; raises Ended."""

    @abstractmethod
    def read(self, target: str, item: Item) -> EventData:
        """An event as it is told; raises ValueError, KeyError, TypeError."""

    def current(self, target: str, push: Push) -> Item | None:
        """The event as it is now, where cancelled ones are kept or a change is mailed; raises Ended. None: not asked
        for."""
        return None

    def stretch(self, token: str) -> tuple[int, int, str]:
        """From and to which instant to read after `token`, and the token of the next reading."""
        return (*horizon(), "")

    # ── Writing ──

    def freeze(self, push: Push) -> str:
        # What cannot be sent is refused by `create`, which can say why.
        return frozen(push.events[0])

    def create(self, target: str, push: Push, body: str) -> Result:
        return ended(lambda: self._create(target, push, thawed(body)))

    def update(self, target: str, push: Push) -> Result:
        return ended(lambda: self._update(target, push))

    def delete(self, target: str, push: Push) -> Result:
        return ended(lambda: self._delete(target, push))

    def find(self, target: str, push: Push) -> Result | None:
        try:
            return self._find(target, push)
        except Ended as end:
            return end.result

    def _create(self, target: str, push: Push, data: EventData) -> Result:
        only_one(push, self.title)
        try:
            made = self.make(target, self.body(target, data, push))
        except Ended as end:
            raise self._about(target, end) from end
        return self._stored(target, made)

    def _update(self, target: str, push: Push) -> Result:
        data = only_one(push, self.title)
        try:
            now, body = self.current(target, push), self.body(target, data, push)
            if now is not None and now.is_off:
                return Result(Outcome.CONFLICT, status=404, detail=CANCELLED_THERE)
            if now is not None and self._was_told(target, push, now, body):
                return self._stored(target, now)
            changed = self.change(target, push, body)
            return self._stored(target, changed if changed.id else replace(changed, id=push.remote.id))
        except Ended as end:
            if end.result.outcome != Outcome.CONFLICT:
                raise self._about(target, end) from end
        return self._elsewhere(target, push)

    def _was_told(self, target: str, push: Push, now: Item, body: Json) -> bool:
        """Whether an attempt whose answer was lost has said all this, and guests were told of it then."""
        tells = self.tells_guests and push.notify and push.leads and bool(now.id)
        return tells and self.is_said(target, now, body)

    def is_said(self, target: str, now: Item, body: Json) -> bool:
        """Whether an event means already what this body says, with these guests."""
        with suppress(ValueError, KeyError, TypeError, AttributeError):
            before, after = (self.read(target, each) for each in (now, replace(now, raw=now.raw | body)))
            invited = {person.email for person in after.people} <= {person.email for person in before.people}
            return invited and fingerprint(before) == fingerprint(after)
        return False

    def _elsewhere(self, target: str, push: Push) -> Result:
        """It is not where it was: made anew by an attempt of ours that was cut short, or deleted by somebody."""
        found = self._find(target, push)
        if found is not None and found.is_done and found.remote.id != push.remote.id:
            return self._update(target, replace(push, remote=found.remote))
        require(self, target)
        return Result(Outcome.CONFLICT, status=404, detail=DELETED_THERE)

    def _delete(self, target: str, push: Push) -> Result:
        try:
            self.cancel(target, push.remote.id)
        except Ended as end:
            if end.result.outcome != Outcome.CONFLICT:
                raise
            found = self._find(target, push)
            if found is not None and found.is_done and found.remote.id != push.remote.id:
                self.cancel(target, found.remote.id)
        return Result(Outcome.OK)

    def _find(self, target: str, push: Push) -> Result | None:
        """What carries our key, once: of several, the oldest is kept and the others are taken away."""
        found = [item for item in self._around(target, push) if item.key == push.key.hex]
        live = sorted((item for item in found if not item.is_off), key=lambda item: (item.since, item.id))
        if not live:
            # Cancelled over there is a decision of somebody's, unless it is what we want.
            called_off = bool(found and push.events)
            return Result(Outcome.CONFLICT, status=404, detail=CANCELLED_THERE) if called_off else None
        kept = next((item for item in live if item.id == push.remote.id), live[0])
        for copy in live:
            if copy.id != kept.id:
                self.cancel(target, copy.id)
        more = f"{len(live) - 1} further copies were taken away." if len(live) > 1 else ""
        return replace(self._stored(target, kept), outcome=Outcome.ADOPT, status=200, detail=more)

    def _around(self, target: str, push: Push) -> Iterable[Item]:
        known = [*push.events[:1], *([thawed(push.body)] if push.body else [])]
        if not known:
            return []
        times = [bounds(data, self.zone_of(target)) for data in known]
        return self.items(target, min(lo for lo, _ in times) - AROUND_S, max(hi for _, hi in times) + AROUND_S)

    def _stored(self, target: str, item: Item) -> Result:
        """A write that was accepted. Its meaning is that of the service's own answer, as a list will tell it."""
        if not item.id:
            raise Ended(Result(Outcome.AMBIGUOUS, detail="The service did not say what it made."))
        with suppress(ValueError, KeyError, TypeError, AttributeError):
            return Result(Outcome.OK, Remote(item.id, fingerprint=fingerprint(self.read(target, item))))
        return Result(Outcome.OK, Remote(item.id))

    def _about(self, target: str, end: Ended) -> Ended:
        """What a refusal means once the calendar itself has been looked at. It stays what it is if that fails."""
        result = end.result
        if result.outcome not in (Outcome.PERMANENT, Outcome.CONFLICT) or result.status not in ABOUT_TARGET:
            return end
        try:
            require(self, target)
        except Ended as other:
            return other
        return Ended(replace(result, outcome=Outcome.PERMANENT)) if result.outcome == Outcome.CONFLICT else end

    # ── Reading ──

    def changes(self, target: str, token: str, known: Mapping[str, str], limit_s: float = PULL_S) -> Changes:
        lo, hi, following = self.stretch(token)
        deadline = time.monotonic() + limit_s
        try:
            items = list(in_time(self.items(target, lo, hi), deadline))
        except Ended as end:
            raise unread(self, target, end) from end
        marks = self._marks({item.key for item in items if item.key and item.id not in known})
        objects = pulled(items, lambda item: self.read(target, item), marks)
        return Changes(objects, [], complete=True, token=following, within=(lo, hi))

    def health(self) -> Result:
        try:
            self.list_calendars()
        except PullFailed as failed:
            return Result(failed.outcome, detail=failed.detail, retry_after=failed.retry_after)
        return Result(Outcome.OK)
