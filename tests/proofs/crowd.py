"""Everything that can take time happens at once to three hosts. Run as a command against an installation; prints JSON.

    python -m tests.proofs.crowd [processes] [attempts of each]

Two event types with different lengths and buffers, collective meetings that share a host, seats, holds that expire,
pending requests that are confirmed together, moves, cancellations, and calendar events that arrive meanwhile.
"""

from __future__ import annotations

import collections
import json
import random
import sys
import time
from dataclasses import dataclass, replace

from tests.proofs.race import HALF_HOUR, compete  # sets Django up

from bookings.domain import calendar, reserve  # isort: skip
from bookings.domain.audit import SYSTEM
from bookings.domain.availability import Terms, of_event_type
from bookings.domain.errors import NotAllowed, SlotTaken
from bookings.formats.event import EventData
from bookings.models import Booking, EventType, Host
from tests import factories

SLOTS = 16
SEATS = 10
LESSON_AT = 40  # the slot, outside the others, at which everybody joins one session


@dataclass(frozen=True)
class Stage:
    hosts: list[Host]
    base: int
    short: EventType
    long: EventType
    asked: EventType
    lesson: EventType


class Guest:
    """One process's part."""

    def __init__(self, number: int, stage: Stage) -> None:
        self.number = number
        self.random = random.Random(number)
        self.stage = stage
        self.seen: collections.Counter[str] = collections.Counter()
        self.milliseconds: list[float] = []
        self.made: list[Booking] = []

    def run(self, attempts: int) -> None:
        self._counted(self._join)
        for _ in range(attempts):
            self._counted(self.random.choice(WAYS))
        for booking in self.made:
            self._counted(lambda guest, booking=booking: guest._confirm(booking))

    def _counted(self, way: object) -> None:
        begun = time.perf_counter()
        try:
            way(self)  # type: ignore[operator]
            self.seen["done"] += 1
        except (SlotTaken, NotAllowed):
            self.seen["refused"] += 1
        except Exception as error:
            self.seen[f"{type(error).__name__}: {error}"[:200]] += 1
        self.milliseconds.append((time.perf_counter() - begun) * 1000)

    def _start(self) -> int:
        return self.stage.base + self.random.randrange(2 * SLOTS) * HALF_HOUR // 2

    def _type(self, kind: EventType, start: int | None = None) -> Booking:
        wish = reserve.Wish(kind.name, "UTC", event_type=kind)
        terms = replace(of_event_type(kind), step=900)
        booking = reserve.book(kind.organisation, terms, start or self._start(), wish, actor=SYSTEM)
        self.made.append(booking)
        return booking

    def short(self) -> None:
        self._type(self.stage.short)

    def long(self) -> None:
        self._type(self.stage.long)

    def ask(self) -> None:
        """Requests that hold nothing: several want the same slot, and all are confirmed in the end."""
        self._type(self.stage.asked, self.stage.base + self.random.randrange(4) * HALF_HOUR)

    def together(self) -> None:
        """A meeting that needs the shared host and one of the others."""
        hosts = (self.stage.hosts[0], self.random.choice(self.stage.hosts[1:]))
        terms = Terms(hosts, HALF_HOUR, required=2, step=900)
        wish = reserve.Wish("Together", "UTC")
        self.made.append(reserve.book(hosts[0].organisation, terms, self._start(), wish, actor=SYSTEM))

    def hold(self) -> None:
        host = self.random.choice(self.stage.hosts)
        terms = Terms((host,), HALF_HOUR, step=900)
        reserve.hold(host.organisation, terms, self._start(), seconds=self.random.randrange(2))

    def move(self) -> None:
        if self.made:
            terms = Terms(tuple(self.stage.hosts[:1]), HALF_HOUR, step=900)
            reserve.move(self.random.choice(self.made), terms, self._start(), actor=SYSTEM)

    def cancel(self) -> None:
        if self.made:
            reserve.cancel(self.random.choice(self.made), by="invitee", actor=SYSTEM)

    def busy(self) -> None:
        own = factories.local_calendar(self.random.choice(self.stage.hosts))
        calendar.create(own, EventData("Elsewhere", self._start(), "UTC", HALF_HOUR), actor=SYSTEM)

    def _confirm(self, booking: Booking) -> None:
        reserve.confirm(booking, actor=SYSTEM)

    def _join(self, _guest: object = None) -> None:
        kind = self.stage.lesson
        wish = reserve.Wish("Lesson", "UTC", email=f"guest{self.number}@example.org", event_type=kind)
        start = self.stage.base + LESSON_AT * HALF_HOUR
        reserve.take_seat(kind.organisation, of_event_type(kind), start, wish, actor=SYSTEM)
        self.seen["seat"] += 1


WAYS = [Guest.short, Guest.long, Guest.ask, Guest.together, Guest.hold, Guest.move, Guest.cancel, Guest.busy]


def prepared() -> Stage:
    org = factories.organisation()
    hosts = [factories.host(org, weekly=factories.ALWAYS) for _ in range(3)]

    def kind(slug: str, **fields: object) -> EventType:
        made: EventType = EventType.everywhere.create(
            organisation=org, name=slug, slug=slug, minimum_notice=0, **fields
        )
        made.hosts.set(hosts[:1])
        return made

    return Stage(
        hosts,
        (int(time.time()) // 86_400 + 2) * 86_400,
        short=kind("short"),
        long=kind("long", durations=[75], buffer_before=15, buffer_after=15),
        asked=kind("asked", needs_confirmation=True, pending_blocks=False),
        lesson=kind("lesson", capacity=SEATS),
    )


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]] or [32, 10]
    stage = prepared()
    print(json.dumps(compete(lambda number: Guest(number, stage), *numbers)))
