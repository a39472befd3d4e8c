"""The processes of the contention benchmark: each keeps two bookings and cancels its oldest. Prints JSON."""

from __future__ import annotations

import collections
import json
import multiprocessing
import os
import random
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings  # noqa: E402  the tables are known only after setup
from django.db import connections  # noqa: E402

from bookings.domain import reserve  # noqa: E402
from bookings.domain.audit import SYSTEM  # noqa: E402
from bookings.domain.availability import Terms  # noqa: E402
from bookings.domain.errors import SlotTaken  # noqa: E402
from bookings.models import Host  # noqa: E402
from tests import factories  # noqa: E402

HOSTS, SLOTS, KEPT = 4, 40, 2
TABLES = tuple(f"bookings_{name}" for name in ("event", "participant", "booking", "claim", "auditentry"))
Attempt = Callable[[Host, int], Any]
"""Books a host at a start and returns what is needed to cancel it, or None when the time is taken."""


def by_reserve() -> tuple[Attempt, Callable[[Any], None]]:
    def book(host: Host, start: int) -> Any:
        terms = Terms((host,), 1800, step=900)
        try:
            return reserve.book(host.organisation, terms, start, reserve.Wish("Fight", "UTC"), actor=SYSTEM)
        except SlotTaken:
            return None

    return book, lambda booking: reserve.cancel(booking, by="system", actor=SYSTEM) and None


def bare() -> tuple[Attempt, Callable[[Any], None]]:
    """The least a correct program does: lock the host's row, look, write the rows that we write, commit."""
    import psycopg

    given = settings.DATABASES["default"]
    link = psycopg.connect(
        host=given["HOST"], port=given["PORT"], user=given["USER"], password=given["PASSWORD"], dbname=given["NAME"]
    )
    look = (
        "SELECT 1 FROM bookings_claim WHERE host_id = %s AND state IN ('hold','booked') AND start_s < %s AND end_s > %s"
    )

    def copied(table: str, changes: dict[str, Any], template: dict[str, dict[str, Any]]) -> None:
        row = template[table] | changes
        names, marks = ", ".join(row), ", ".join(["%s"] * len(row))
        link.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values()))

    template: dict[str, dict[str, Any]] = {}

    def learn(host: Host) -> None:
        """Rows as the product writes them, to be written again with other ids and times."""
        from psycopg.rows import dict_row
        from psycopg.types.json import Jsonb

        with link.cursor(row_factory=dict_row) as cursor:
            for table in TABLES:
                cursor.execute(f"SELECT * FROM {table} WHERE organisation_id = %s LIMIT 1", [host.organisation_id])
                row = cursor.fetchone() or {}
                template[table] = {k: Jsonb(v) if isinstance(v, dict | list) else v for k, v in row.items()}
        link.commit()

    def book(host: Host, start: int) -> Any:
        if not template:
            learn(host)
        link.execute("SELECT 1 FROM bookings_host WHERE id = %s FOR NO KEY UPDATE", [host.pk])
        if link.execute(look, [host.pk, start + 1800, start]).fetchone():
            link.rollback()
            return None
        event, booking, claim = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
        when = {"start_s": start, "end_s": start + 1800}
        copied("bookings_event", {"id": event, "uid": str(event), **when}, template)
        copied("bookings_participant", {"id": uuid.uuid4(), "event_id": event}, template)
        copied("bookings_booking", {"id": booking, "event_id": event, **when}, template)
        copied(
            "bookings_claim",
            {"id": claim, "booking_id": booking, "host_id": host.pk, "state": "booked", **when},
            template,
        )
        copied("bookings_auditentry", {"id": uuid.uuid4(), "object_id": booking}, template)
        link.commit()
        return host.pk, booking, event, claim

    def cancel(made: Any) -> None:
        host, booking, event, claim = made
        link.execute("SELECT 1 FROM bookings_host WHERE id = %s FOR NO KEY UPDATE", [host])
        link.execute(
            "UPDATE bookings_booking SET state = 'cancelled', revision = 2, updated_at = now() WHERE id = %s", [booking]
        )
        link.execute("UPDATE bookings_claim SET state = 'released' WHERE id = %s", [claim])
        link.execute(
            "UPDATE bookings_event SET status = 'cancelled', revision = 2, sequence = 1, deleted_at = now(),"
            " updated_at = now() WHERE id = %s",
            [event],
        )
        copied("bookings_auditentry", {"id": uuid.uuid4(), "object_id": booking}, template)
        link.commit()

    return book, cancel


def prepared() -> tuple[list[Host], int]:
    org = factories.organisation()
    hosts = [factories.host(org, weekly=factories.ALWAYS) for _ in range(HOSTS)]
    base = (int(time.time()) // 86_400 + 2) * 86_400
    book, cancel = by_reserve()
    cancel(book(hosts[0], base))  # also the pattern of the bare script's rows
    return hosts, base


def fight(way: str, processes: int, seconds: float) -> dict[str, Any]:
    hosts, base = prepared()
    connections.close_all()
    forking = multiprocessing.get_context("fork")
    barrier, results = forking.Barrier(processes), forking.SimpleQueue()

    def one(number: int) -> None:
        dice = random.Random(number)
        book, cancel = {"reserve": by_reserve, "bare": bare}[way]()
        kept: list[Any] = []
        times, booked, errors = [], 0, collections.Counter[str]()
        barrier.wait()
        stop = time.monotonic() + seconds
        while time.monotonic() < stop:
            begin = time.perf_counter()
            try:
                made = book(dice.choice(hosts), base + dice.randrange(2 * SLOTS) * 900)
            except Exception as error:
                errors[f"{type(error).__name__}: {error}"[:120]] += 1
                made = None
            times.append(1000 * (time.perf_counter() - begin))
            if made:
                booked += 1
                kept.append(made)
            if len(kept) > KEPT:
                cancel(kept.pop(0))
        results.put((booked, times, dict(errors)))

    children = [forking.Process(target=one, args=(number,)) for number in range(processes)]
    for child in children:
        child.start()
    reports = [results.get() for _ in children]
    for child in children:
        child.join()
    times = sorted(each for _, several, _ in reports for each in several)
    errors = collections.Counter[str]()
    for _, _, seen in reports:
        errors.update(seen)
    return {
        "booked_per_s": sum(booked for booked, _, _ in reports) / seconds,
        "attempts_per_s": len(times) / seconds,
        "p50_ms": times[len(times) // 2],
        "p99_ms": times[len(times) * 99 // 100],
        "max_ms": times[-1],
        "errors": dict(errors),
    }


if __name__ == "__main__":
    print(json.dumps(fight(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))))
