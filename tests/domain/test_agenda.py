"""One agenda for events and bookings: what any surface makes, all of them read and change alike."""

from __future__ import annotations

import time
import uuid

import pytest

from bookings.domain import agenda, calendar, reserve
from bookings.domain.audit import SYSTEM
from bookings.domain.availability import check, of_host
from bookings.domain.errors import Invalid, NotFound, SlotTaken
from bookings.engine.zones import DAY
from bookings.formats.event import EventData, Person
from bookings.models import Booking, Claim, EventType, Mirror
from tests import factories

pytestmark = pytest.mark.django_db

HOUR = 3600
DAY0 = (int(time.time()) // DAY + 3) * DAY
NINE, TEN = DAY0 + 9 * HOUR, DAY0 + 10 * HOUR


@pytest.fixture
def host():
    return factories.host(weekly=factories.ALWAYS)


def lunch(host, **more):
    data = EventData("Lunch", NINE, "UTC", HOUR, people=(Person("guest@example.org"),), **more)
    return calendar.create(factories.local_calendar(host), data, actor=SYSTEM)


def listed(host, **how):
    return agenda.listing(host.organisation, DAY0, DAY0 + 7 * DAY, **how)


def test_events_and_bookings_stand_in_one_list_in_order(host):
    event = lunch(host)
    booking = factories.booking(host, start=TEN)
    assert [(each.key, each.title, each.start_s, each.status) for each in listed(host)] == [
        (event.pk, "Lunch", NINE, "confirmed"),
        (booking.pk, "Call", TEN, "confirmed"),
    ]


def test_a_series_is_listed_by_its_occurrences(host):
    lunch(host, recurrence_rules=("FREQ=DAILY;COUNT=3",))
    assert [(each.start_s, each.recurrence_wall) for each in listed(host)] == [
        (NINE + DAY * n, NINE + DAY * n) for n in range(3)
    ]


def test_a_booking_of_several_hosts_is_in_the_agenda_of_each_of_them(host):
    other, stranger = factories.host(host.organisation), factories.host(host.organisation)
    booking = factories.booking(host, other, start=TEN)
    for each in (host, other):
        assert [entry.key for entry in listed(host, hosts=[each])] == [booking.pk]
        assert [entry.key for entry in listed(host, calendars=[factories.local_calendar(each)])] == [booking.pk]
    assert listed(host, hosts=[stranger]) == []


def test_what_was_cancelled_is_listed_only_on_request(host):
    booking = factories.booking(host, start=TEN)
    reserve.cancel(booking, by="host", actor=SYSTEM)
    assert listed(host) == []
    assert [(each.key, each.status) for each in listed(host, hosts=[host], cancelled=True)] == [
        (booking.pk, "cancelled")
    ]


def test_other_organisations_see_nothing(host):
    stranger = factories.host()
    event, booking = lunch(host), factories.booking(host, start=TEN)
    assert agenda.listing(stranger.organisation, DAY0, DAY0 + DAY, hosts=[host]) == []
    for key in (event.pk, booking.pk, booking.event.pk, uuid.uuid4()):
        with pytest.raises(NotFound):
            agenda.find(stranger.organisation, key)


def test_a_booking_is_found_by_its_own_id_and_by_its_events(host):
    booking = factories.booking(host, start=TEN)
    assert agenda.find(host.organisation, booking.pk) == agenda.find(host.organisation, booking.event.pk)


@pytest.mark.parametrize("many", [1, 8])
def test_the_number_of_queries_does_not_grow_with_the_list(host, many, django_assert_num_queries):
    for number in range(many):
        factories.booking(host, start=TEN + number * HOUR)
        lunch(host)
    with django_assert_num_queries(5):
        for each in listed(host, hosts=[host]):
            assert (each.title, each.host, [one.email for one in each.people]) != ("", None, [])


def test_changing_an_event_moves_it_and_keeps_the_rest(host):
    entry = agenda.find(host.organisation, lunch(host).pk)
    changed = agenda.change(entry, actor=SYSTEM, start_s=TEN, title="Late lunch")
    assert (changed.start_s, changed.end_s, changed.title) == (TEN, TEN + HOUR, "Late lunch")
    assert [one.email for one in changed.people] == ["guest@example.org"]
    assert check(of_host(host, minutes=30, notice=0), NINE).ok
    assert check(of_host(host, minutes=30, notice=0), TEN).code == "busy"


def test_changing_a_booking_asks_for_its_time(host):
    entry = agenda.find(host.organisation, factories.booking(host, start=TEN).pk)
    factories.booking(host, start=TEN + 2 * HOUR)
    with pytest.raises(SlotTaken):
        agenda.change(entry, actor=SYSTEM, start_s=TEN + 2 * HOUR, title="Elsewhere")
    assert agenda.find(host.organisation, entry.key).title == "Call"
    longer = agenda.change(entry, actor=SYSTEM, end_s=TEN + HOUR + 1800, title="Longer", location="Room 1")
    assert (longer.end_s, longer.title, longer.event.title, longer.event.location) == (
        TEN + HOUR + 1800,
        "Longer",
        "Longer",
        "Room 1",
    )


def test_an_end_before_the_start_is_refused(host):
    for made in (lunch(host), factories.booking(host, start=TEN)):
        entry = agenda.find(host.organisation, made.pk)
        with pytest.raises(Invalid) as refused:
            agenda.change(entry, actor=SYSTEM, end_s=entry.start_s)
        assert refused.value.field == "end"


def test_cancelling_frees_the_time_of_either(host):
    for made in (lunch(host), factories.booking(host, start=TEN)):
        agenda.cancel(agenda.find(host.organisation, made.pk), actor=SYSTEM)
    assert listed(host) == []
    assert check(of_host(host, minutes=60, notice=0), NINE).ok
    assert check(of_host(host, minutes=60, notice=0), TEN).ok


# ── What is forced, and what is said ──


def test_a_forced_booking_displaces_nothing_and_blocks_like_any_other(host):
    first = factories.booking(host, start=TEN)
    terms = of_host(host, minutes=60, notice=0)
    forced = reserve.book(host.organisation, terms, TEN, reserve.Wish("Forced", "UTC"), actor=SYSTEM, forced=True)
    first.refresh_from_db()
    assert (first.state, forced.state, forced.forced) == ("confirmed", "confirmed", True)
    reserve.cancel(first, by="host", actor=SYSTEM)
    assert check(terms, TEN).code == "booked"


def test_forcing_a_free_time_is_an_ordinary_booking(host):
    terms = of_host(host, minutes=60, notice=0)
    booking = reserve.book(host.organisation, terms, TEN, reserve.Wish("Free", "UTC"), actor=SYSTEM, forced=True)
    assert (booking.forced, Claim.everywhere.get(booking=booking).lane) == (False, 0)


def test_a_forced_move_can_go_back_to_a_time_of_its_own(host):
    factories.booking(host, start=NINE)
    entry = agenda.find(host.organisation, factories.booking(host, start=TEN).pk)
    assert agenda.change(entry, actor=SYSTEM, start_s=NINE, forced=True).booking.forced
    back = agenda.change(agenda.find(host.organisation, entry.key), actor=SYSTEM, start_s=TEN)
    assert (back.booking.forced, Claim.everywhere.get(booking=back.booking).lane) == (False, 0)


def test_describing_a_booking_reaches_its_event_and_its_calendars(host):
    factories.caldav_calendar(host, last_verified_at=None)
    booking = factories.booking(host, start=TEN)
    before = Mirror.everywhere.get(event=booking.event).desired_revision
    reserve.describe(booking, actor=SYSTEM, title="New", notes="Bring keys", answers={"size": "L"})
    fresh = Booking.everywhere.get(pk=booking.pk)
    assert (fresh.title, fresh.notes, fresh.answers, fresh.event.title) == ("New", "Bring keys", {"size": "L"}, "New")
    assert "keys" not in fresh.event.description
    assert Mirror.everywhere.get(event=booking.event).desired_revision > before


def test_saying_the_same_again_changes_nothing(host):
    booking = factories.booking(host, start=TEN)
    assert reserve.describe(booking, actor=SYSTEM, title="Call").revision == booking.revision


def test_a_request_that_holds_nothing_is_in_the_agenda_without_an_event(host):
    kind = EventType.everywhere.create(
        organisation=host.organisation, name="Ask", slug="ask", needs_confirmation=True, pending_blocks=False
    )
    terms = of_host(host, minutes=30, notice=0)
    wish = reserve.Wish("Ask", "UTC", event_type=kind)
    asked = reserve.book(host.organisation, terms, TEN, wish, actor=SYSTEM)
    (entry,) = listed(host, hosts=[host])
    assert (entry.key, entry.event, entry.status, entry.host, entry.people) == (asked.pk, None, "tentative", None, [])
