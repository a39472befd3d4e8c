"""What may happen to bookings and their copies elsewhere, in any order, and what has to be true once all is well."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any
from unittest import mock

from django.core.cache import cache

from bookings.domain import calendar as events
from bookings.domain import outbox
from bookings.domain.audit import SYSTEM
from bookings.models import Account, Calendar, Event, Mirror
from providers import pull, push
from providers.base import UnsupportedFeature
from tests.providers.matrix.columns import GUEST, Column, meeting
from tests.providers.matrix.services import GoogleColumn, MicrosoftColumn
from tests.providers.matrix.writing import Killed

STEPS = 30
POINTS = ("push.leased", "push.claimed", "push.called", "push.recorded", "pull.fetched", "pull.applied")
WRITES = r"^(POST|PUT|PATCH|DELETE) (?!/oauth2|/oauth/|/[^/]+/oauth2)"


class Run:
    """One random history of a host's calendar; everything in it follows from the seed."""

    def __init__(self, at: Column, seed: int) -> None:
        self.at = at
        self.random = random.Random(seed)
        self.made: list[Event] = []
        self.told: list[str] = []
        self.stated: dict[Any, int] = {}
        self.mails_before = at.mails()
        self.hours = 0

    def steps(self) -> list[Callable[[], None]]:
        calm = [self.book, self.move, self.rename, self.cancel, self.rebook, self.deliver, self.deliver, self.pull]
        rough = [self.crash, self.drop_before, self.drop_after, self.slow_down, self.fail, self.lie, self.sign_out]
        return [*calm, *rough, self.host_deletes, self.host_edits]

    def go(self) -> None:
        for _ in range(STEPS):
            step = self.random.choice(self.steps())
            self.told.append(step.__name__)
            step()

    # ── Here ──

    def book(self) -> None:
        self.hours += 2
        event = self.at.make(f"Event {len(self.made)}", self.hours, people=(GUEST,), notify_guests=True)
        self.made.append(event)

    def move(self) -> None:
        if event := self._any():
            self.hours += 2
            self.at.change(event, event.title, self.hours, people=(GUEST,), notify_guests=True)

    def rename(self) -> None:
        if event := self._any():
            start = events.data_of(event).start_wall
            self.at.change(event, f"{event.title}'", start_wall=start, people=(GUEST,), notify_guests=True)

    def cancel(self) -> None:
        if event := self._any():
            self.at.delete(event)

    def rebook(self) -> None:
        """Cancelled, and at once taken anew: another event at another time."""
        self.cancel()
        self.book()

    def _any(self) -> Event | None:
        living = list(
            Event.everywhere.filter(pk__in=[each.pk for each in self.made], deleted_at=None).order_by("title")
        )
        return self.random.choice(living) if living else None

    # ── In between ──

    def deliver(self) -> None:
        self._due()
        push.deliver()

    def pull(self) -> None:
        self.at.pull()

    def crash(self) -> None:
        """A worker dies somewhere; whoever comes next waits until its lease is over."""
        point = self.random.choice(POINTS)

        def die(name: str) -> None:
            if name == point:
                raise Killed

        with mock.patch.object(push, "fp", die), mock.patch.object(pull, "fp", die):
            for work in (self.deliver, self.pull):
                try:
                    work()
                except Killed:
                    self.told.append(point)
        Calendar.everywhere.filter(pk=self.at.calendar.pk).update(lease_owner="dead", lease_until_s=1)

    def drop_before(self) -> None:
        self.at.fault("lost_request", WRITES)

    def drop_after(self) -> None:
        self.at.fault("lost_answer", WRITES)

    def slow_down(self) -> None:
        self.at.fault("answer", WRITES, 429, {}, headers={"Retry-After": "1"})

    def fail(self) -> None:
        self.at.fault("answer", WRITES, 500, "")

    def lie(self) -> None:
        self.at.fault("belied", WRITES, 500, "")

    def sign_out(self) -> None:
        self.at.lock_out()
        self.deliver()
        if self.random.random() < 0.7:
            self.at.sign_in_again()

    # ── There ──

    def host_deletes(self) -> None:
        if seen := self.at.there():
            self.at.remove(self.random.choice(sorted(seen, key=lambda one: one.title)))

    def host_edits(self) -> None:
        if seen := self.at.there():
            one = self.random.choice(sorted(seen, key=lambda each: each.title))
            if self.random.random() < 0.5:
                self.at.retitle(one, f"{one.title} (mine)")
            else:
                self.at.move(one, one.start_s + 1800, one.end_s + 1800)

    # ── The end ──

    def heal(self) -> None:
        self.at.double.faults.clear()
        self.at.sign_in_again()
        Calendar.everywhere.filter(pk=self.at.calendar.pk).update(lease_owner="", lease_until_s=0)
        for _ in range(12):
            self.deliver()
        self.at.pull()
        self.deliver()
        self.at.pull()

    def _due(self) -> None:
        cache.clear()
        Mirror.everywhere.filter(calendar=self.at.calendar).update(next_attempt_s=0)

    def check(self) -> None:
        mirrors = list(Mirror.everywhere.filter(calendar=self.at.calendar).select_related("event"))
        there = {seen.id: seen for seen in self.at.there()}
        claimed: list[str] = []
        for mirror in mirrors:
            claimed += [mirror.remote_id] if mirror.remote_id else []
            self._check_row(mirror, there)
        assert len(claimed) == len(set(claimed)), "two rows for one object"
        strays = set(there) - {self._seen_id(each, there) for each in claimed}
        assert not strays, f"orphans: {[there[each].title for each in strays]}"
        assert self.at.health() == Account.Health.OK

    def _check_row(self, mirror: Mirror, there: dict[str, Any]) -> None:
        words = f"{mirror.event.title}: {mirror.state} {mirror.last_outcome} {mirror.last_error} {mirror.difference}"
        flagged = bool(mirror.difference) or mirror.state in (Mirror.State.FAILED, Mirror.State.NEEDS_CHECK)
        if flagged:
            assert mirror.difference or mirror.last_error, f"flagged without a word: {words}"
            return
        assert mirror.applied_revision == mirror.desired_revision, words
        seen = there.get(self._seen_id(mirror.remote_id, there)) if mirror.remote_id else None
        if mirror.desired == Mirror.Desired.ABSENT:
            assert seen is None, words
            return
        assert seen is not None, f"missing: {words}"
        event = mirror.event
        assert (seen.title, seen.start_s, seen.end_s) == (event.title, event.start_s, event.end_s), words

    def _seen_id(self, remote_id: str, there: dict[str, Any]) -> str:
        """What the service calls an object of ours."""
        if remote_id in there:
            return remote_id
        if self.at.name == "cronofy":
            held = self.at.double.by_event_id(self.at.place, remote_id)  # type: ignore[attr-defined]
            return held.id if held else remote_id
        tail = remote_id.rpartition("/")[2]
        return next((each for each in there if each.rpartition("/")[2] == tail), remote_id)

    def check_mails(self) -> None:
        """Guests were told of no revision twice: at most one mail for each that was carried out there.

        A revision that was overtaken before it was sent is no mail; neither is one that is flagged and waits.
        """
        if not isinstance(self.at, GoogleColumn | MicrosoftColumn):
            return
        carried_out = self._carried_out()
        sent = self.at.mails() - self.mails_before
        assert sent == carried_out, f"{sent} mails for {carried_out} revisions"

    def _carried_out(self) -> int:
        """Distinct states of our events that the service was brought to, by the successful calls it saw."""
        seen: set[tuple[str, str, bytes]] = set()
        for call in self.at.double.calls:
            path = call.asked.path
            if call.asked.method != "GET" and 200 <= call.status < 300 and "oauth2" not in path:
                seen.add((call.asked.method, path, call.asked.body))
        return len(seen)


def put_everything_back(at: Column) -> None:
    """What a host can do about every flag, done: afterwards nothing is flagged any more."""
    for mirror in Mirror.everywhere.filter(calendar=at.calendar).select_related("event", "calendar__account"):
        if mirror.desired != Mirror.Desired.PRESENT:
            continue
        try:
            if mirror.difference.get("kind") == "deleted":
                outbox.put_back(mirror, SYSTEM)
            elif mirror.difference:
                outbox.overwrite(mirror, SYSTEM)
            elif mirror.state in (Mirror.State.FAILED, Mirror.State.NEEDS_CHECK):
                outbox.retry(mirror, SYSTEM)
        except UnsupportedFeature as error:  # pragma: no cover
            raise AssertionError(mirror) from error


__all__ = ["Run", "meeting", "put_everything_back"]
