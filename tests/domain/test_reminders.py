"""Reminders: due by the clock of the customer, moved with the booking, once, and late only while that helps."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from bookings.domain import reminders, reserve
from bookings.domain.audit import SYSTEM
from bookings.domain.availability import Terms
from bookings.models import Booking, EventType, Message
from tests import factories

pytestmark = pytest.mark.django_db
BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3600


def at(*parts: int, zone: ZoneInfo = BERLIN) -> int:
    return int(dt.datetime(*parts, tzinfo=zone).timestamp())  # type: ignore[misc,arg-type]


@pytest.fixture
def host():
    return factories.host(timezone="Europe/Berlin", weekly=factories.ALWAYS, name="Greta", email="greta@example.org")


@pytest.fixture
def lesson(host):
    return EventType.everywhere.create(organisation=host.organisation, name="Lesson", slug="lesson", alerts=[1440, 60])


def terms(host) -> Terms:
    return Terms((host,), 1800, step=60, refuse_unknown=False, weekly=(((0, 1440),),) * 7)


def booked(host, lesson, start, **wish) -> Booking:
    given = {"title": "Lesson", "timezone": "Europe/Berlin", "name": "Doc", "email": "doc@example.com"} | wish
    made = reserve.book(host.organisation, terms(host), start, reserve.Wish(event_type=lesson, **given), actor=SYSTEM)
    Message.everywhere.update(created_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    return made


def written() -> list[tuple[str, str]]:
    found = Message.everywhere.filter(template="reminder").order_by("payload__minutes_before")
    return list(found.values_list("recipient", "state"))


def test_a_day_before_is_the_same_time_on_the_clock_over_a_clock_change(host, lesson):
    booked(host, lesson, at(2027, 3, 28, 10))  # the night before, clocks go forward
    assert reminders.write_due(at(2027, 3, 27, 9, 59)) == 0
    assert reminders.write_due(at(2027, 3, 27, 10)) == 1
    assert reminders.write_due(at(2027, 3, 27, 10, 1)) == 0
    assert written() == [("doc@example.com", "waiting")]
    assert at(2027, 3, 28, 10) - at(2027, 3, 27, 10) == 23 * HOUR


def test_an_hour_before_is_an_hour_in_a_repeated_hour(host, lesson):
    start = at(2027, 10, 31, 3)  # two to three was there twice
    booked(host, lesson, start)
    Message.everywhere.filter(template="host_booked").delete()
    reminders.write_due(start - HOUR - 1)
    assert "60" not in {row.dedupe_key.split(":")[3] for row in Message.everywhere.filter(template="reminder")}
    assert reminders.write_due(start - HOUR) == 1


def test_a_booking_that_moves_takes_its_reminders_along(host, lesson):
    start = at(2027, 5, 4, 10)
    made = booked(host, lesson, start)
    assert reminders.write_due(start - 24 * HOUR) == 1
    reserve.move(made, terms(host), start + 48 * HOUR, actor=SYSTEM)
    Message.everywhere.exclude(template="reminder").update(created_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    assert reminders.write_due(start - HOUR) == 0
    assert reminders.write_due(start + 24 * HOUR) == 1
    stale, fresh = Message.everywhere.filter(template="reminder").order_by("created_at")
    assert (reminders.still_holds(stale), reminders.still_holds(fresh)) == (False, True)
    assert fresh.payload["start_s"] == start + 48 * HOUR


def test_a_cancelled_booking_has_none(host, lesson):
    start = at(2027, 5, 4, 10)
    reserve.cancel(booked(host, lesson, start), by=Booking.By.HOST, actor=SYSTEM)
    assert reminders.write_due(start - 24 * HOUR) == 0


def test_who_was_not_told_is_not_reminded(host, lesson):
    start = at(2027, 5, 4, 10)
    booked(host, lesson, start, notify=False)
    assert reminders.write_due(start - 24 * HOUR) == 0


def test_after_a_standstill_they_come_late_or_are_dropped_visibly(host, lesson):
    start = at(2027, 5, 4, 10)
    booked(host, lesson, start)
    assert reminders.write_due(start - 19 * HOUR) == 1
    assert reminders.write_due(start - 20 * 60) == 1
    assert written() == [("doc@example.com", "dropped"), ("doc@example.com", "waiting")]


def test_who_books_at_the_last_minute_is_not_reminded(host, lesson):
    start = at(2027, 5, 4, 10)
    booked(host, lesson, start)
    Message.everywhere.update(created_at=dt.datetime.fromtimestamp(start - HOUR // 2, dt.UTC))
    assert reminders.write_due(start - HOUR // 3) == 0


def test_an_event_can_ask_for_more(host):
    start = at(2027, 5, 4, 10)
    made = booked(host, None, start)
    alert = {"trigger": {"offset": "-PT2H", "relativeTo": "start"}, "action": "email"}
    type(made.event).everywhere.filter(pk=made.event_id).update(alerts={"1": alert})
    assert reminders.write_due(start - 2 * HOUR) == 1


def test_the_number_of_queries_does_not_grow(host, lesson, django_assert_num_queries):
    start = at(2027, 5, 4, 10)
    for index in range(5):
        booked(host, lesson, start + index * HOUR)
    with django_assert_num_queries(5):
        assert reminders.write_due(start - 19 * HOUR) == 5
