"""Any sequence of reservations leaves the ledger whole: a state machine plays customers, staff and calendars."""

from __future__ import annotations

import itertools
import os
import uuid
from collections import defaultdict

import pytest
from django.db import transaction
from django.utils.timezone import now as utc_now
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule, run_state_machine_as_test

from bookings.domain import calendar, reserve
from bookings.domain.audit import SYSTEM
from bookings.domain.availability import check, of_event_type, of_group, of_host
from bookings.domain.calendar import Changes, PulledObject
from bookings.domain.errors import NotAllowed, SlotTaken
from bookings.domain.ledger import Wish
from bookings.engine.zones import DAY
from bookings.formats.event import EventData
from bookings.models import Booking, Busy, Claim, EventType, GroupMember, GroupRule, Seat
from tests import factories

RUNS = int(os.environ.get("CONVENE_MODEL_RUNS", "25"))
STEPS = int(os.environ.get("CONVENE_MODEL_STEPS", "30"))
SLOTS = st.integers(0, 11)
WHO = st.integers(0, 2)


class Reservations(RuleBasedStateMachine):
    """Three hosts, twelve half-hour slots of one day, everything that can happen to them."""

    bookings = Bundle("bookings")
    seats = Bundle("seats")
    holds = Bundle("holds")

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        org = factories.organisation()
        self.org = org
        # Ids break ties between hosts: the same ones in every run, so that a run can be repeated.
        ids = [uuid.UUID(int=number) for number in (1, 2, 3)]
        self.hosts = [factories.host(org, weekly=factories.ALWAYS, pk=pk) for pk in ids]
        self.connected = [self._connected(host) for host in self.hosts]
        self.group = GroupRule.everywhere.create(organisation=org, name="Team", mode="some", required=2)
        for host in self.hosts:
            GroupMember.everywhere.create(organisation=org, rule=self.group, host=host)
        self.types = [
            self._type("held", needs_confirmation=True),
            self._type("asked", needs_confirmation=True, pending_blocks=False),
            self._type("class", capacity=2),
            self._type("padded", buffer_before=15, buffer_after=15),
        ]
        self.day = (utc_now().timestamp() // DAY + 2) * DAY

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    def _connected(self, host):
        """A calendar elsewhere that blocks, freshly read; bookings stay on this server."""
        there = factories.caldav_calendar(host, last_verified_at=utc_now())
        host.booking_calendar = None
        host.save()
        return there

    def _type(self, slug, **fields):
        made = EventType.everywhere.create(organisation=self.org, name=slug, slug=slug, minimum_notice=0, **fields)
        made.hosts.set(self.hosts[:1])
        return made

    def start(self, slot):
        return int(self.day) + slot * 1800

    def attempt(self, terms, start, act):
        """The verb succeeds exactly when the decision said yes beforehand."""
        verdict = check(terms, start)
        try:
            with transaction.atomic():
                done = act()
        except SlotTaken as error:
            refused, done = error.reason, multiple()
        else:
            refused = ""
        assert refused == verdict.code
        return done

    @rule(target=bookings, who=WHO, slot=SLOTS, minutes=st.sampled_from([30, 45, 60]))
    def book(self, who, slot, minutes):
        terms = of_host(self.hosts[who], minutes=minutes, notice=0)
        start = self.start(slot)
        return self.attempt(terms, start, lambda: reserve.book(self.org, terms, start, Wish("T", "UTC"), actor=SYSTEM))

    @rule(target=bookings, slot=SLOTS)
    def book_group(self, slot):
        terms = of_group(self.group, minutes=30, notice=0)
        start = self.start(slot)
        return self.attempt(terms, start, lambda: reserve.book(self.org, terms, start, Wish("T", "UTC"), actor=SYSTEM))

    @rule(target=bookings, slot=SLOTS, kind=st.sampled_from([0, 1, 3]))
    def book_type(self, slot, kind):
        event_type = self.types[kind]
        terms, start = of_event_type(event_type), self.start(slot)
        wish = Wish("T", "UTC", event_type=event_type)
        return self.attempt(terms, start, lambda: reserve.book(self.org, terms, start, wish, actor=SYSTEM))

    @rule(target=seats, slot=SLOTS, customer=st.integers(0, 4))
    def take_seat(self, slot, customer):
        event_type = self.types[2]
        terms, start = of_event_type(event_type), self.start(slot)
        wish = Wish("T", "UTC", email=f"c{customer}@example.org", event_type=event_type)
        earlier = Seat.everywhere.filter(
            booking__start_s=start, booking__state="confirmed", contact__email=wish.email, cancelled_at=None
        ).first()
        if earlier is not None:
            assert reserve.take_seat(self.org, terms, start, wish, actor=SYSTEM) == earlier
            return earlier
        return self.attempt(terms, start, lambda: reserve.take_seat(self.org, terms, start, wish, actor=SYSTEM))

    @rule(seat=seats)
    def leave_seat(self, seat):
        reserve.leave_seat(seat, by="invitee", actor=SYSTEM)

    @rule(target=holds, who=WHO, slot=SLOTS)
    def hold(self, who, slot):
        terms, start = of_host(self.hosts[who], minutes=30, notice=0), self.start(slot)
        return self.attempt(terms, start, lambda: reserve.hold(self.org, terms, start))

    @rule(target=bookings, claims=holds)
    def book_what_is_held(self, claims):
        """A hold never stands in the way of who has it; refused or lost in the meantime, it leaves nothing behind."""
        first = Claim.everywhere.get(pk=claims[0].pk)
        terms = of_host(first.host, minutes=30, notice=0)
        alive = first.state == "hold" and first.expires_s > utc_now().timestamp()
        free = check(terms, first.start_s).ok
        try:
            with transaction.atomic():
                made = reserve.book(self.org, terms, first.start_s, Wish("T", "UTC"), actor=SYSTEM, held=claims)
        except SlotTaken:
            assert not free
            assert Claim.everywhere.get(pk=first.pk).state == first.state
            # Only busy time that arrived over a hold may refuse it.
            assert not alive or Busy.everywhere.filter(host=first.host).exists()
            return multiple()
        assert alive or free
        assert Claim.everywhere.get(pk=first.pk).state != "hold"
        return made

    @rule(claims=holds)
    def expire(self, claims):
        Claim.everywhere.filter(pk__in=[claim.pk for claim in claims]).update(expires_s=1)

    @rule(claims=holds)
    def release(self, claims):
        reserve.release(claims)

    @rule(booking=bookings, by=st.sampled_from(["host", "invitee"]))
    def cancel(self, booking, by):
        self.allowed(lambda: reserve.cancel(booking, by=by, actor=SYSTEM), booking, "cancelled")

    @rule(booking=bookings)
    def confirm(self, booking):
        before = Booking.everywhere.get(pk=booking.pk).state
        try:
            self.allowed(lambda: reserve.confirm(booking, actor=SYSTEM), booking, "confirmed")
        except SlotTaken:
            assert Booking.everywhere.get(pk=booking.pk).state == before
            assert before not in Booking.LIVE

    @rule(booking=bookings)
    def decline(self, booking):
        self.allowed(lambda: reserve.decline(booking, actor=SYSTEM), booking, "declined")

    def allowed(self, act, booking, state):
        before = Booking.everywhere.get(pk=booking.pk)
        try:
            with transaction.atomic():
                act()
        except NotAllowed:
            assert not before.may_become(state)

    @rule(booking=bookings, slot=SLOTS)
    def move(self, booking, slot):
        before = Booking.everywhere.get(pk=booking.pk)
        terms = of_host(self.hosts[0], minutes=(before.end_s - before.start_s) // 60, notice=0)
        try:
            with transaction.atomic():
                reserve.move(booking, terms, self.start(slot), actor=SYSTEM)
        except (SlotTaken, NotAllowed):
            after = Booking.everywhere.get(pk=booking.pk)
            assert (after.start_s, after.state) == (before.start_s, before.state)

    @rule(who=WHO, slot=SLOTS)
    def busy_arrives(self, who, slot):
        data = EventData("Elsewhere", self.start(slot), "UTC", 1800)
        calendar.create(factories.local_calendar(self.hosts[who]), data, actor=SYSTEM)

    @rule(who=WHO, slot=SLOTS, minutes=st.sampled_from([30, 75]), status=st.sampled_from(["confirmed", "cancelled"]))
    def busy_is_pulled(self, who, slot, minutes, status):
        """The one event of a connected calendar, which moves about and comes and goes."""
        data = EventData("There", self.start(slot), "UTC", minutes * 60, uid=f"there-{who}", status=status)
        news = Changes([PulledObject("/there.ics", f"{slot}-{minutes}-{status}", [data], [])], [], False, "token")
        calendar.apply(self.connected[who], news)
        taken = Busy.everywhere.filter(calendar=self.connected[who]).values_list("start_s", "end_s")
        assert list(taken) == ([(data.start_wall, data.start_wall + minutes * 60)] if status == "confirmed" else [])

    @rule(who=WHO)
    def everything_pulled_is_gone(self, who):
        calendar.apply(self.connected[who], Changes([], [], True, "token"))
        assert not Busy.everywhere.filter(calendar=self.connected[who]).exists()

    @invariant()
    def nobody_is_booked_twice(self):
        now = int(utc_now().timestamp())
        by_host = defaultdict(list)
        for claim in Claim.everywhere.filter(lane=0, state__in=("hold", "booked")):
            if claim.state == "booked" or claim.expires_s > now:
                by_host[claim.host_id].append((claim.start_s, claim.end_s))
        for times in by_host.values():
            times.sort()
            assert all(first[1] <= second[0] for first, second in itertools.pairwise(times))

    @invariant()
    def claims_and_events_follow_the_state(self):
        for booking in Booking.everywhere.prefetch_related("claims").select_related("event"):
            held = [claim for claim in booking.claims.all() if claim.state == "booked"]
            if booking.state in Booking.LIVE:
                assert held
                assert {(claim.start_s, claim.end_s) for claim in held} == {(booking.start_s, booking.end_s)}
                assert (booking.event.start_s, booking.event.deleted_at) == (booking.start_s, None)
            else:
                assert not held
                assert booking.event is None or booking.event.deleted_at

    @invariant()
    def sessions_never_hold_more_than_their_seats(self):
        for booking in Booking.everywhere.filter(event_type=self.types[2]):
            numbers = list(booking.seats.filter(cancelled_at=None).values_list("number", flat=True))
            assert len(numbers) == len(set(numbers)) == booking.seats_taken <= 2


@pytest.mark.django_db
def test_no_sequence_of_reservations_breaks_the_ledger():
    run_state_machine_as_test(
        Reservations,
        settings=settings(
            max_examples=RUNS,
            stateful_step_count=STEPS,
            deadline=None,
            phases=[
                Phase.explicit,
                Phase.reuse,
                Phase.generate,
            ],  # shrinking a database test takes longer than reading it
            suppress_health_check=list(HealthCheck),
        ),
    )
