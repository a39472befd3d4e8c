"""Whatever is configured: what is listed can be booked, and what is not is refused for the reason that is explained."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import pytest
import time_machine
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from bookings.domain import reserve
from bookings.domain.audit import SYSTEM
from bookings.domain.availability import REFUSALS, Offer, Terms, check, explain, offer
from bookings.domain.errors import SlotTaken
from bookings.engine.zones import DAY, zone
from bookings.models import Account, AuditEntry, Booking, Calendar, Claim, Contact, Event, Mirror, Participant, Seat
from tests import factories
from tests.proofs.configurations import Configuration, configurations
from tests.proofs.organisations import World, build, made_customers
from tests.proofs.told import Told

RUNS = int(os.environ.get("CONVENE_OFFER_RUNS", "80"))
REFUSED = 2
"""Starts of each configuration whose refusal is tried, and not only asked about."""

COMMON = {"past", "too_soon", "too_far", "off_grid", "outside_hours"}
SAMPLE = 40
"""Listed starts of each configuration of which the truth is told from the drawing."""

_WRITTEN = (Account, AuditEntry, Booking, Calendar, Claim, Contact, Event, Mirror, Participant, Seat)
_COUNTS = "SELECT " + ", ".join(f"(SELECT count(*) FROM {model._meta.db_table})" for model in _WRITTEN)


@dataclass
class Tally:
    booked: int = 0
    seats: int = 0
    refused: Counter[str] = field(default_factory=Counter)


@contextlib.contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def rows() -> tuple[int, ...]:
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS)
        return cursor.fetchone()


def reserved(world: World, terms: Terms, start: int) -> Booking:
    if terms.capacity > 1:
        return reserve.take_seat(world.organisation, terms, start, world.wish, actor=SYSTEM).booking
    return reserve.book(world.organisation, terms, start, world.wish, actor=SYSTEM)


def to_book(world: World, listed: Offer, chance: random.Random) -> list[int]:
    """The first or the last listed start, and any; one that others hold a seat of, where there is one."""
    if not listed.starts:
        return []
    seats = {booking.start_s for booking in world.bookings if booking.seats_taken} & set(listed.starts)
    ends = (listed.starts[0], listed.starts[-1])
    return sorted({chance.choice(ends), chance.choice(listed.starts), *sorted(seats)[:1]})


def to_judge(world: World, terms: Terms, listed: Offer, chance: random.Random) -> list[int]:
    """Starts near and far: neighbours of listed ones, edges and insides of what is taken, the window's ends, any."""
    clock, now = zone(terms.timezone), world.configuration.now

    def on_grid(at: int) -> int:
        return clock.to_utc(clock.to_wall(at) // terms.step * terms.step)

    near = [
        start + by
        for start in chance.sample(listed.starts, min(3, len(listed.starts)))
        for by in (-terms.step, terms.step, 3 * terms.step, -7 * terms.step, 24 * 3600, 1, -60, 300)
    ]
    edges = [
        at
        for start, end in itertools.chain(*world.blocking.values(), *world.cores.values())
        for at in (start - terms.length - terms.after, start - terms.length, start, end, end + terms.before)
    ]
    # What is taken was only worked out for so long around the window: the last of its edges may be none.
    edges = [at for at in (*edges, *map(on_grid, edges)) if world.lo - 3 * DAY <= at < world.hi + 3 * DAY]
    ends = [now - 60, now, now + terms.notice, now + terms.notice - 1, terms.earliest - 300, 2**40]
    if terms.latest is not None:
        ends += [terms.latest - terms.length, terms.latest - terms.length + 1, on_grid(terms.latest - 1)]
    anywhere = [chance.randrange(world.lo, world.hi) for _ in range(4)]
    anywhere += [on_grid(at) for at in anywhere] + [at // 300 * 300 for at in anywhere]
    pools = ((near, 2), (edges, 3), (ends, chance.randrange(2)), (anywhere, 1))
    found = {at for pool, many in pools for at in chance.sample(pool, min(many, len(pool)))}
    return sorted(at for at in found if at >= 0)


def is_listed(terms: Terms, world: World, starts: set[int], start: int) -> bool:
    if world.lo <= start <= world.hi - terms.length:
        return start in starts
    return start in offer(terms, start, start + terms.length).starts


def refusing(terms: Terms, start: int) -> str:
    """The code of the first link of the explanation that lets the time not through."""
    return next((reason.code for reason in explain(terms, start) if not reason.ok), "")


def is_true(world: World, told: Told, listed: Offer, starts: Iterable[int]) -> None:
    """Nothing that can be told stands against listed starts and the hosts who are offered with them."""
    sessions = {booking.start_s for booking in world.bookings if booking.seats_taken}
    for start in set(starts) - sessions:
        assert not told.against_all(start), (start, told.against_all(start))
        for host in listed.hosts_at(start):
            assert not told.against(host, start), (start, host, told.against(host, start))


def books(world: World, terms: Terms, listed: Offer, start: int, tally: Tally) -> None:
    with undone():
        booking = reserved(world, terms, start)
        assert (booking.start_s, booking.end_s) == (start, start + terms.length)
        if booking in world.bookings:
            seats = next(each.seats_taken for each in world.bookings if each == booking)
            assert booking.seats_taken == seats + (start not in world.own_seats)
            tally.seats += 1
            return
        chosen = booking.assignment["hosts"]
        assert len(set(chosen)) == len(chosen) == terms.required
        assert set(chosen) <= {str(host.pk) for host in listed.hosts_at(start)}
        holding = [str(pk) for pk in booking.claims.values_list("host_id", flat=True)]
        assert sorted(holding) == (sorted(chosen) if booking.state in Booking.LIVE else [])
    tally.booked += 1


def refuses(world: World, terms: Terms, starts: set[int], start: int, code: str, tally: Tally) -> None:
    before = rows()
    with pytest.raises(SlotTaken) as refused, transaction.atomic():
        reserved(world, terms, start)
    assert refused.value.reason == code
    assert rows() == before
    following = refused.value.next_free
    if not starts.issuperset(following):
        assert set(following) <= set(offer(terms, following[0], following[-1] + terms.length).starts)
    tally.refused[code] += 1


def holds_for(world: World, chance: random.Random, tally: Tally) -> None:
    terms = world.terms()
    listed = offer(terms, world.lo, world.hi)
    starts = set(listed.starts)
    for start in to_book(world, listed, chance):
        books(world, terms, listed, start, tally)
    told, refused = Told(world, terms.length, terms.before, terms.after), []
    is_true(world, told, listed, chance.sample(listed.starts, min(SAMPLE, len(listed.starts))))
    for start in to_judge(world, terms, listed, chance):
        verdict = check(terms, start)
        assert verdict.ok is is_listed(terms, world, starts, start), (start, verdict)
        if not verdict.ok and start not in world.own_seats:
            assert verdict.message == REFUSALS[verdict.code]
            assert refusing(terms, start) == verdict.code
            assert told.may_be(terms.hosts, start, verdict.code), (start, verdict)
            refused.append((verdict.code in COMMON, start, verdict.code))
    for _, start, code in sorted(refused)[:REFUSED]:  # rare reasons first
        refuses(world, terms, starts, start, code, tally)


@pytest.mark.django_db
def test_every_listed_slot_books_and_every_other_is_refused_with_the_code_that_is_explained():
    organisation, tally = factories.organisation(), Tally()
    customers = made_customers(organisation)

    @settings(
        max_examples=RUNS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
        report_multiple_bugs=False,
    )
    @given(configurations(), st.integers(0, 2**32))
    def run(configuration: Configuration, seed: int) -> None:
        note(configuration)
        with time_machine.travel(configuration.now, tick=False), undone():
            holds_for(build(organisation, configuration, customers), random.Random(seed), tally)

    run()
    print(f"{RUNS} configurations: {tally.booked} booked, {tally.seats} seats taken, refused {dict(tally.refused)}")
    assert tally.booked
    if RUNS >= 1000:
        assert tally.refused.keys() == REFUSALS.keys()
