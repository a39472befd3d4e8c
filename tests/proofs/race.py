"""Many processes want the same time at the same moment. Run as a command against an installation; prints JSON.

    python -m tests.proofs.race [processes] [attempts of each]

Two hosts, twenty half-hour slots. Every process tries slots in an order of its own: a third of them shifted by a
quarter of an hour, some for both hosts at once, some through the link of a scheduler request that lasts 45 minutes.
What happened in the tables is judged by the caller; this only says what the processes saw.
"""

from __future__ import annotations

import collections
import json
import multiprocessing
import os
import random
import sys
import time
from collections.abc import Callable
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.db import connections  # noqa: E402  the tables are known only after setup

from bookings.domain import requests, reserve  # noqa: E402
from bookings.domain.audit import SYSTEM  # noqa: E402
from bookings.domain.availability import Terms, of_host, offer  # noqa: E402
from bookings.domain.errors import NotAllowed, SlotTaken  # noqa: E402
from bookings.models import Host, SchedulerRequest  # noqa: E402
from tests import factories  # noqa: E402

SLOTS = 20
HALF_HOUR = 1800


class Racer:
    """One process's part: what it tries, and what it counts."""

    def __init__(self, number: int, hosts: list[Host], base: int, link: SchedulerRequest) -> None:
        self.random = random.Random(number)
        self.hosts = hosts
        self.base = base
        self.link = link
        self.seen: collections.Counter[str] = collections.Counter()
        self.milliseconds: list[float] = []

    def run(self, attempts: int) -> None:
        for _ in range(attempts):
            started = time.perf_counter()
            try:
                self._one()
                self.seen["booked"] += 1
            except SlotTaken:
                self.seen["refused"] += 1
            except Exception as error:
                self.seen[f"{type(error).__name__}: {error}"[:200]] += 1
            self.milliseconds.append((time.perf_counter() - started) * 1000)
        self._same_link()

    def _one(self) -> None:
        hosts = self.random.sample(self.hosts, 2)
        start = self.base + self.random.randrange(SLOTS) * HALF_HOUR
        way = self.random.randrange(6)
        if way == 0:
            self._by_link(hosts[0], start)
            return
        shift = HALF_HOUR // 2 if way in (1, 2) else 0
        both = way == 3
        terms = Terms(hosts=tuple(hosts if both else hosts[:1]), required=2 if both else 1, length=HALF_HOUR, step=900)
        reserve.book(hosts[0].organisation, terms, start + shift, reserve.Wish("Race", "UTC"), actor=SYSTEM)

    def _by_link(self, host: Host, start: int) -> None:
        request = requests.send(
            host.organisation,
            host=host,
            recipient_email="racer@example.org",
            summary="Race",
            duration=45,
            actor=SYSTEM,
        )
        requests.select(request, start, name="Racer", timezone="UTC")

    def _same_link(self) -> None:
        """Everybody clicks in the same mail: the first wish counts."""
        try:
            requests.select(
                self.link, self.base + 86_400 + self.random.randrange(3) * HALF_HOUR, name="A", timezone="UTC"
            )
            self.seen["same link: booked"] += 1
        except (NotAllowed, SlotTaken):
            self.seen["same link: refused"] += 1
        except Exception as error:
            self.seen[f"{type(error).__name__}: {error}"[:200]] += 1


def prepared() -> tuple[list[Host], int, SchedulerRequest]:
    organisation = factories.organisation()
    hosts = [factories.host(organisation, weekly=factories.ALWAYS) for _ in range(3)]
    tomorrow = (int(time.time()) // 86_400 + 1) * 86_400
    offer(of_host(hosts[0], minutes=30), tomorrow, tomorrow + 86_400)  # fills the caches that the processes inherit
    link = requests.send(
        organisation, host=hosts[2], recipient_email="all@example.org", summary="Same link", actor=SYSTEM
    )
    return hosts[:2], tomorrow, link


def race(processes: int, attempts: int) -> dict[str, Any]:
    stage = prepared()
    return compete(lambda number: Racer(number, *stage), processes, attempts) | {"same_link": str(stage[2].pk)}


def compete(racer: Callable[[int], Any], processes: int, attempts: int) -> dict[str, Any]:
    """Let so many processes run(attempts) at once; adds up what they have seen and how long each attempt took."""
    connections.close_all()
    forking = multiprocessing.get_context("fork")
    barrier, results = forking.Barrier(processes), forking.SimpleQueue()

    def one(number: int) -> None:
        own = racer(number)
        barrier.wait()
        own.run(attempts)
        results.put((dict(own.seen), own.milliseconds))

    children = [forking.Process(target=one, args=(number,)) for number in range(processes)]
    for child in children:
        child.start()
    reports = [results.get() for _ in children]
    for child in children:
        child.join()
    seen: collections.Counter[str] = collections.Counter()
    for counted, _ in reports:
        seen.update(counted)
    times = sorted(each for _, milliseconds in reports for each in milliseconds)
    return {
        "seen": dict(seen),
        "attempts": len(times),
        "p50_ms": round(times[len(times) // 2], 1),
        "p99_ms": round(times[len(times) * 99 // 100], 1),
    }


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    print(json.dumps(race(*(numbers or [32, 20]))))
