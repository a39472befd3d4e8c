"""From SQL rows to JSON bytes: the whole decision against the same input already in memory, and the cost of history."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookings.domain.availability import Terms, offer
from bookings.engine.zones import DAY
from bookings.formats.slot_list import to_json
from bookings.models import Busy, Event, Host
from tests import factories
from tests.benchmarks import scratch
from tests.benchmarks.slots import Workload, median_us

FIVE_YEARS = 5 * 365 * DAY


def fill(load: Workload) -> list[Host]:
    """The workload's hosts and busy rows in the database."""
    org = factories.organisation()
    hosts = []
    for given, taken in zip(load.given["hosts"], load.busy(), strict=True):
        weekly = [[list(block) for block in day] for day in load.weekly(given)]
        host = factories.host(org, timezone=given["tz"], weekly=weekly)
        write_busy(host, taken)
        hosts.append(Host.everywhere.select_related("schedule").get(pk=host.pk))
    return hosts


def write_busy(host: Host, taken: list[tuple[int, int]]) -> None:
    calendar = factories.local_calendar(host)
    event = Event.everywhere.create(
        organisation=host.organisation, calendar=calendar, start_wall=0, start_s=0, end_s=0, duration=0
    )
    rows = [
        Busy(organisation=host.organisation, host=host, calendar=calendar, event=event, start_s=start, end_s=end)
        for start, end in taken
    ]
    Busy.everywhere.bulk_create(rows, batch_size=5000)


def history(load: Workload, many: int) -> list[tuple[int, int]]:
    dice = random.Random(7)
    starts = (load.lo - DAY - dice.randrange(FIVE_YEARS) for _ in range(many))
    return [(start - 1800, start) for start in starts]


def run() -> None:
    with tempfile.TemporaryDirectory() as name, scratch.database():
        for many in (1, 10, 100):
            load = Workload(Path(name), many=many)
            hosts = fill(load)
            busy = load.busy()
            terms = Terms(
                tuple(hosts), load.grid.length, required=many, step=load.grid.step, notice=0, refuse_unknown=True
            )

            def whole(terms: Terms = terms, load: Workload = load) -> bytes:
                found = offer(terms, load.lo, load.hi, now=load.lo - DAY)
                return to_json(found.starts, "Europe/Berlin")

            def in_memory(load: Workload = load, busy: list[list[tuple[int, int]]] = busy) -> bytes:
                return to_json(load.starts("collective", busy), "Europe/Berlin")

            assert whole() == in_memory()
            with CaptureQueriesContext(
                connection,
            ) as queries:
                whole()
            ours, memory = median_us(whole), median_us(in_memory)
            print(
                f"slots from SQL, {many:>3} hosts x 200 busy {ours:9.1f} us   in memory {memory:9.1f} us"
                f"   {ours / memory:4.1f}x   {len(queries)} queries"
            )
            if many == 1:
                before = median_us(whole)
                write_busy(hosts[0], history(load, 2_000))
                little = median_us(whole)
                write_busy(hosts[0], history(load, 18_000))
                much = median_us(whole)
                print(
                    f"history: none {before:.1f} us, 2,000 past events {little:.1f} us, 20,000 {much:.1f} us"
                    f"   change {100 * (much / little - 1):+.1f} %"
                )


if __name__ == "__main__":
    run()
