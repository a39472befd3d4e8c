"""The customer's page for one host with 5,000 events in the calendar, through the whole of Django."""

from __future__ import annotations

import random
import statistics
import time

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from bookings.domain import calendar, links, requests
from bookings.domain.audit import SYSTEM
from bookings.domain.calendar import Changes, PulledObject
from bookings.engine.zones import DAY
from bookings.formats.event import EventData
from tests import factories
from tests.benchmarks import scratch

EVENTS = 5000


def run() -> None:
    with scratch.database():
        host = factories.host(timezone="Europe/Berlin")
        own = factories.caldav_calendar(host)
        calendar.apply(own, Changes(objects=_objects(), removed=[], complete=True, token="1"))
        made = requests.send(host.organisation, host=host, recipient_email="a@b.co", summary="Talk", actor=SYSTEM)
        client, address = Client(), f"/r/{links.token('request', made.pk)}"
        page = client.get(address)
        assert page.status_code == 200
        assert b"?start=" in page.content
        with CaptureQueriesContext(connection) as queries:
            client.get(address)
            count = len(queries)
        times = sorted(_timed(client, address) for _ in range(200))
        print(
            f"select page, {EVENTS:,} events: median {statistics.median(times):.1f} ms, p95 {times[190]:.1f} ms,"
            f" {count} queries, {len(page.content) / 1024:.1f} KB of HTML"
        )


def _timed(client: Client, address: str) -> float:
    begin = time.perf_counter()
    client.get(address)
    return 1000 * (time.perf_counter() - begin)


def _objects() -> list[PulledObject]:
    """Half-hour events over a year before and half a year after today; a tenth of them weekly series."""
    dice = random.Random(11)
    today = int(now().timestamp()) // DAY * DAY
    found = []
    for number in range(EVENTS):
        start = today + dice.randrange(-365, 180) * DAY + dice.randrange(14, 42) * 1800
        rules = ("FREQ=WEEKLY;COUNT=8",) if number % 10 == 0 else ()
        data = EventData(f"Event {number}", start, "UTC", 1800, uid=f"{number}@bench", recurrence_rules=rules)
        found.append(PulledObject(remote_id=f"/{number}.ics", etag=str(number), events=[data], problems=[]))
    return found


if __name__ == "__main__":
    run()
