"""Another zone moves what belongs to the wall clock, and nothing that belongs to an instant."""

from __future__ import annotations

from datetime import date

import pytest

from bookings.domain import calendar, hosts
from bookings.domain.audit import SYSTEM
from bookings.domain.availability import Terms, of_host, offer
from bookings.domain.errors import Invalid
from bookings.domain.hosts import DayHours
from bookings.domain.reserve import Wish, book
from bookings.engine.zones import DAY, wall, zone
from bookings.formats.event import EventData
from bookings.models import Busy, Host
from tests import factories

pytestmark = pytest.mark.django_db

TUESDAY = wall(2027, 3, 2)


def test_all_day_events_cover_the_new_zones_day_and_zoned_ones_stay():
    host = factories.host(timezone="Europe/Berlin")
    own = factories.local_calendar(host)
    calendar.create(own, EventData("Away", TUESDAY, "Europe/Berlin", DAY, all_day=True), actor=SYSTEM)
    calendar.create(own, EventData("Call", TUESDAY, "Europe/Paris", 3600), actor=SYSTEM)
    paris = zone("Europe/Paris").to_utc(TUESDAY)
    hosts.move_to_zone(host, "Asia/Tokyo", actor=SYSTEM)
    tokyo = zone("Asia/Tokyo").to_utc(TUESDAY)
    rows = set(Busy.everywhere.filter(host=host).values_list("start_s", "end_s"))
    assert rows == {(tokyo, tokyo + DAY), (paris, paris + 3600)}


def test_hours_keep_their_wall_times_and_bookings_their_instants():
    host = factories.host(timezone="Europe/Berlin")
    terms = of_host(host, minutes=30)
    booking = book(host.organisation, terms, offer(terms, 0, 2**40).starts[0], Wish("T", "UTC"), actor=SYSTEM)
    hosts.move_to_zone(host, "Asia/Tokyo", actor=SYSTEM)
    host = Host.everywhere.select_related("schedule").get(pk=host.pk)
    starts = offer(of_host(host, minutes=30), 0, 2**40).starts
    assert {zone("Asia/Tokyo").to_wall(start) % DAY // 3600 for start in starts} <= set(range(9, 17))
    claim = booking.claims.get()
    assert (claim.start_s, claim.end_s) == (booking.start_s, booking.end_s)


def test_a_calendar_may_have_a_zone_of_its_own():
    host = factories.host(timezone="Europe/Berlin")
    own = factories.local_calendar(host)
    calendar.create(own, EventData("Away", TUESDAY, "Europe/Berlin", DAY, all_day=True), actor=SYSTEM)
    hosts.move_calendar_to_zone(own, "America/New_York", actor=SYSTEM)
    assert Busy.everywhere.get().start_s == zone("America/New_York").to_utc(TUESDAY)
    hosts.move_calendar_to_zone(own, "", actor=SYSTEM)
    assert Busy.everywhere.get().start_s == zone("Europe/Berlin").to_utc(TUESDAY)


def test_an_unknown_zone_is_refused():
    with pytest.raises(Invalid):
        hosts.move_to_zone(factories.host(), "Mars/Olympus", actor=SYSTEM)


def test_a_new_host_can_be_booked_at_once():
    org = factories.organisation()
    made = hosts.create(org, name="Room 4", timezone="Europe/Berlin", email="room4@example.org", actor=SYSTEM)
    twin = hosts.create(org, name="Room 4", timezone="Europe/Berlin", weekly=factories.ALWAYS, actor=SYSTEM)
    assert (made.slug, twin.slug) == ("room-4", "room-4-2")
    assert made.booking_calendar is not None
    assert offer(of_host(made, minutes=30), 0, 2**40).starts
    assert twin.schedule.weekly == factories.ALWAYS


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"timezone": "Mars"}, "timezone"),
        ({"email": "nobody"}, "email"),
        ({"weekly": []}, "weekly"),
    ],
    ids=str,
)
def test_a_host_who_cannot_be_made_says_why(said, field):
    org = factories.organisation()
    with pytest.raises(Invalid) as refused:
        hosts.create(org, **{"name": "Room", "timezone": "UTC", "actor": SYSTEM, **said})
    assert refused.value.field == field
    assert not Host.objects.for_tenant(org).exists()


def test_a_retired_host_takes_no_bookings():
    host = hosts.change(factories.host(), name="Ann", actor=SYSTEM)
    hosts.retire(host, actor=SYSTEM)
    hosts.retire(host, actor=SYSTEM)
    host.refresh_from_db()
    assert (host.name, host.is_active) == ("Ann", False)
    assert not offer(of_host(host, minutes=30), 0, 2**40).starts


def test_hours_of_some_days_take_the_place_of_those_said_before():
    host = factories.host(weekly=factories.ALWAYS)
    terms = Terms((host,), 3600, step=3600)
    day = TUESDAY

    def starts():
        return [(start - day) // 3600 for start in offer(terms, day, day + 2 * DAY, now=day - DAY).starts]

    tuesday = date(2027, 3, 2)
    hosts.set_days(host, [DayHours(tuesday, tuesday, ((540, 660),))], note="Fair", actor=SYSTEM)
    assert starts() == [9, 10, *range(24, 48)]
    hosts.set_days(host, [DayHours(tuesday, date(2027, 3, 3))], note="Fair", actor=SYSTEM)
    assert starts() == []
    hosts.set_days(host, [], note="Fair", actor=SYSTEM)
    assert len(starts()) == 48
