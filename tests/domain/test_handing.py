"""A booking is handed over to other hosts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.utils.timezone import now

from bookings.domain import agenda, availability, reserve
from bookings.domain.audit import SYSTEM
from bookings.domain.errors import NotAllowed, SlotTaken
from bookings.formats.event import Person
from bookings.models import Booking, Claim, Host, Mirror
from tests import factories

pytestmark = pytest.mark.django_db

START = (int(now().timestamp()) // 86_400 + 30) * 86_400


@pytest.fixture
def ada() -> Host:
    return factories.host(weekly=factories.ALWAYS)


@pytest.fixture
def ben(ada: Host) -> Host:
    return factories.host(ada.organisation, weekly=factories.ALWAYS)


def booked(host: Host) -> Booking:
    terms = availability.of_host(host, minutes=60)
    guest = Person("guest@example.org", "Guest", key="p7")
    wish = reserve.Wish("Call", "UTC", name="Cleo", email="cleo@example.org", guests=(guest,))
    return reserve.book(host.organisation, terms, START, wish, actor=SYSTEM)


def hand(booking: Booking, host: Host, start: int = START, *, forced: bool = False) -> Booking:
    terms = availability.of_host(host, minutes=60)
    return reserve.hand_over(booking, terms, start, actor=SYSTEM, event_type=None, forced=forced)


def claims(host: Host) -> list[tuple[int, int]]:
    live = Claim.everywhere.filter(host=host, state=Claim.State.BOOKED)
    return list(live.values_list("start_s", "lane"))


def test_the_time_of_one_is_free_and_that_of_the_other_taken(ada: Host, ben: Host) -> None:
    handed = hand(booked(ada), ben, START + 3600)
    assert (claims(ada), claims(ben)) == ([], [(START + 3600, 0)])
    assert (handed.start_s, handed.end_s, handed.assignment["hosts"]) == (START + 3600, START + 7200, [str(ben.pk)])


def test_the_event_is_made_anew_with_everybody_in_it(ada: Host, ben: Host) -> None:
    booking = booked(ada)
    before = booking.event
    hand(booking, ben)
    entry = agenda.find(ada.organisation, booking.pk)
    assert before is not None
    assert entry.event is not None
    assert (entry.host, entry.title, entry.event.pk != before.pk) == (ben, "Call", True)
    assert {person.email for person in entry.people} == {ben.email, "cleo@example.org", "guest@example.org"}
    before.refresh_from_db()
    assert before.deleted_at is not None


def test_what_was_shown_elsewhere_is_shown_there_no_more(ada: Host, ben: Host) -> None:
    factories.caldav_calendar(ada, last_verified_at=now())
    factories.caldav_calendar(ben, last_verified_at=now())
    booking = booked(ada)
    hand(booking, ben)
    wanted = Mirror.everywhere.order_by("created_at").values_list("calendar__account__host", "desired")
    assert list(wanted) == [(ada.pk, Mirror.Desired.ABSENT), (ben.pk, Mirror.Desired.PRESENT)]


def test_nothing_changes_when_the_other_is_busy(ada: Host, ben: Host) -> None:
    booking = booked(ada)
    factories.booking(ben, start=START)
    with pytest.raises(SlotTaken):
        hand(booking, ben)
    assert claims(ada) == [(START, 0)]
    assert hand(booking, ben, forced=True).forced
    assert sorted(claims(ben)) == [(START, 0), (START, 1)]


def test_a_booking_does_not_stand_in_its_own_way(ada: Host, ben: Host) -> None:
    booking = booked(ada)
    terms = replace(availability.of_host(ada, minutes=60), hosts=(ada, ben), required=2)
    reserve.hand_over(booking, terms, START, actor=SYSTEM, event_type=None)
    assert claims(ada) == claims(ben) == [(START, 0)]


def test_what_is_over_is_not_handed_over(ada: Host, ben: Host) -> None:
    booking = reserve.cancel(booked(ada), by=Booking.By.HOST, actor=SYSTEM)
    with pytest.raises(NotAllowed):
        hand(booking, ben)
