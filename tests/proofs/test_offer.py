"""Whatever is configured: what is listed can be booked, and what is not is refused for the reason that is explained."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import time_machine
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bookings.domain import reserve
from bookings.domain.audit import SYSTEM
from bookings.domain.availability import REFUSALS, Offer, Terms, check, explain, offer
from bookings.domain.errors import SlotTaken
from bookings.models import AuditEntry, Booking, Claim, Contact, Event, Mirror, Participant, Seat
from tests import factories
from tests.proofs.configurations import Configuration, configurations
from tests.proofs.organisations import World, build

RUNS = int(os.environ.get("CONVENE_OFFER_RUNS", "150"))
LISTED, UNLISTED, ANY = 3, 3, 8
"""Starts tried in each configuration: booked, refused, and merely asked about."""

_WRITTEN = (Booking, Claim, Event, Participant, Contact, Seat, Mirror, AuditEntry)
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
        return reserve.take_seat(world.organisation, world.terms(), start, world.wish, actor=SYSTEM).booking
    return reserve.book(world.organisation, terms, start, world.wish, actor=SYSTEM)


def tried(world: World, terms: Terms, listed: Offer, chance: random.Random) -> tuple[list[int], list[int]]:
    """Listed starts, and others near and far: edges of what is taken, neighbours, odd seconds, the window's ends."""
    few = {listed.starts[0], listed.starts[-1], chance.choice(listed.starts)} if listed.starts else set()
    now = world.configuration.now
    pool = {now - 60, now, now + terms.notice, now + terms.notice - 1, terms.earliest - 300, 2**40}
    pool |= {start + by for start in few for by in (-1, 1, 60, 300, -terms.step, terms.step)}
    pool |= set(Booking.everywhere.values_list("start_s", flat=True))
    pool |= {
        chance.randrange(world.lo, world.hi) // step * step for step in (1, 60, 300, 300, 900, 900, 1800, 1800, 3600)
    }
    if terms.latest is not None:
        pool |= {terms.latest - terms.length + by for by in (0, 1, -1800)}
    taken = list(itertools.chain(*world.blocking.values(), *world.cores.values()))
    for start, end in chance.sample(taken, min(3, len(taken))):
        pool |= {start - terms.length - terms.after, start - terms.length, end, end + terms.before, start}
    inside = [start for start in pool if start >= 0]
    return sorted(few), chance.sample(sorted(inside), min(ANY, len(inside)))


def is_listed(terms: Terms, world: World, starts: set[int], start: int) -> bool:
    if world.lo <= start <= world.hi - terms.length:
        return start in starts
    return start in offer(terms, start, start + terms.length).starts


def refusing(terms: Terms, start: int) -> str:
    """The code of the first link of the explanation that lets the time not through."""
    return next((reason.code for reason in explain(terms, start) if not reason.ok), "")


def overlaps(world: World, terms: Terms, start: int, host) -> bool:
    """Whether an event of a host's calendars, or a claim with its gap, stands in the way: by what was drawn."""
    end = start + terms.length
    if any(begin < end + terms.after and start - terms.before < stop for begin, stop in world.blocking[host.pk]):
        return True
    return any(
        begin < end + max(before, terms.after) and start - max(after, terms.before) < stop
        for begin, stop, before, after in world.claimed[host.pk]
    )


def books(world: World, terms: Terms, listed: Offer, start: int, tally: Tally) -> None:
    hosts = listed.hosts_at(start)
    session = check(terms, start).session
    with undone():
        booking = reserved(world, terms, start)
        assert (booking.start_s, booking.end_s) == (start, start + terms.length)
        if session:
            assert booking.pk == session
            tally.seats += 1
            return
        chosen = booking.assignment["hosts"]
        assert len(set(chosen)) == len(chosen) == terms.required
        assert set(chosen) <= {str(host.pk) for host in hosts}
        holding = [str(pk) for pk in booking.claims.values_list("host_id", flat=True)]
        assert sorted(holding) == (sorted(chosen) if booking.state in Booking.LIVE else [])
    assert not any(overlaps(world, terms, start, host) for host in hosts)
    tally.booked += 1


def refuses(world: World, terms: Terms, start: int, code: str, tally: Tally) -> None:
    before = rows()
    with pytest.raises(SlotTaken) as refused, transaction.atomic():
        reserved(world, terms, start)
    assert refused.value.reason == code
    assert rows() == before
    following = refused.value.next_free
    if following:
        assert set(following) <= set(offer(terms, following[0], following[-1] + terms.length).starts)
    tally.refused[code] += 1


def holds_for(organisation, configuration: Configuration, chance: random.Random, tally: Tally) -> None:
    world = build(organisation, configuration)
    terms = world.terms()
    listed = offer(terms, world.lo, world.hi)
    starts = set(listed.starts)
    few, others = tried(world, terms, listed, chance)
    for start in few:
        books(world, terms, listed, start, tally)
    left = UNLISTED
    for start in others:
        verdict = check(terms, start)
        assert verdict.ok is is_listed(terms, world, starts, start), (start, verdict)
        if verdict.ok:
            continue
        assert refusing(terms, start) == verdict.code
        assert verdict.message == REFUSALS[verdict.code]
        if left:
            refuses(world, terms, start, verdict.code, tally)
            left -= 1


@pytest.mark.django_db
def test_every_listed_slot_books_and_every_other_is_refused_with_the_code_that_is_explained():
    organisation, tally = factories.organisation(), Tally()

    @settings(
        max_examples=RUNS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(configurations(), st.integers(0, 2**32))
    def run(configuration: Configuration, seed: int) -> None:
        with time_machine.travel(configuration.now, tick=False), undone():
            holds_for(organisation, configuration, random.Random(seed), tally)

    run()
    print(f"{RUNS} configurations: {tally.booked} booked, {tally.seats} seats taken, refused {dict(tally.refused)}")
    assert tally.booked
    if RUNS >= 1000:
        assert tally.refused.keys() == REFUSALS.keys()
