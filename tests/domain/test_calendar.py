"""Events made here: their instants, the time they take, and what the outbox says of them."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace

import pytest

from bookings.domain import busy, calendar
from bookings.domain.audit import SYSTEM
from bookings.domain.errors import Invalid, NotAllowed, NotFound
from bookings.engine.zones import DAY, wall, zone
from bookings.formats.event import EventData, Person
from bookings.models import AuditEntry, Booking, Busy, Calendar, Claim, Event, Host, Mirror
from tests import factories

pytestmark = pytest.mark.django_db

HOUR = 3600
MONDAY = (int(time.time()) // DAY + 8) * DAY // (7 * DAY) * 7 * DAY + 4 * DAY + 7 * DAY
"""Midnight UTC of a Monday that lies one to three weeks ahead."""


@pytest.fixture
def host() -> Host:
    return factories.host(timezone="Europe/Berlin")


@pytest.fixture
def local(host: Host) -> Calendar:
    return factories.local_calendar(host)


def event(title: str = "Lunch", start: int = MONDAY + 12 * HOUR, length: int = HOUR, **more: object) -> EventData:
    return EventData(title, start, more.pop("timezone", "UTC"), length, **more)  # type: ignore[arg-type]


def make(where: Calendar, data: EventData | None = None, **more: object) -> Event:
    return calendar.create(where, data or event(**more), actor=SYSTEM)  # type: ignore[arg-type]


def taken(where: Calendar) -> list[tuple[int, int, str]]:
    return list(Busy.everywhere.filter(calendar=where).order_by("start_s").values_list("start_s", "end_s", "kind"))


def shown(where: Calendar, lo: int = MONDAY, hi: int = MONDAY + 7 * DAY) -> list[tuple[str, int, int]]:
    return [(each.event.title, each.start_s, each.end_s) for each in calendar.occurrences([where], lo, hi)]


# ── Making, changing, deleting ──


def test_an_event_takes_its_time_and_is_shown(local):
    made = make(local)
    assert taken(local) == [(MONDAY + 12 * HOUR, MONDAY + 13 * HOUR, "busy")]
    assert shown(local) == [("Lunch", MONDAY + 12 * HOUR, MONDAY + 13 * HOUR)]
    assert AuditEntry.everywhere.get(object_id=made.pk).action == "event.created"


def test_everything_that_was_said_is_kept(local):
    said = event(
        timezone="Asia/Kolkata",
        description="<p>x</p>",
        description_type="text/html",
        location="Room 1",
        conference={"kind": "link", "url": "https://meet.example.org"},
        free_busy_status="tentative",
        privacy="private",
        people=(Person("a@example.org", "A", "owner", "accepted", "p0"), Person("b@example.org", key="p1", phone="1")),
        alerts={"1": {"trigger": {"offset": "-PT5M"}}},
        colour="#aabbcc",
        recurrence_rules=("FREQ=WEEKLY;COUNT=3",),
        excluded_dates=(MONDAY + 12 * HOUR + 7 * DAY,),
        raw={"x": 1},
        uid="mine",
        sequence=4,
    )
    assert calendar.data_of(Event.everywhere.get(pk=make(local, said).pk)) == said


def test_a_change_gives_a_new_revision_and_moves_the_time(local):
    made = make(local)
    calendar.change(made, event("Dinner", MONDAY + 18 * HOUR), actor=SYSTEM)
    stored = Event.everywhere.get(pk=made.pk)
    assert (stored.revision, stored.sequence, stored.uid) == (2, 1, made.uid)
    assert shown(local) == [("Dinner", MONDAY + 18 * HOUR, MONDAY + 19 * HOUR)]
    assert [row[0] for row in taken(local)] == [MONDAY + 18 * HOUR]


def test_a_deleted_event_takes_no_time_and_stays_for_the_record(local):
    made = make(local)
    calendar.delete(made, actor=SYSTEM)
    calendar.delete(made, actor=SYSTEM)
    assert (shown(local), taken(local)) == ([], [])
    assert Event.everywhere.get(pk=made.pk).deleted_at
    assert AuditEntry.everywhere.filter(object_id=made.pk, action="event.deleted").count() == 1
    with pytest.raises(NotAllowed):
        calendar.change(made, event(), actor=SYSTEM)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": "x" * 1025}, "title"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": "W. Europe Standard Time"}, "timezone"),
        ({"length": -1}, "duration"),
        ({"start": wall(1800, 1, 1)}, "start_wall"),
        ({"all_day": True}, "duration"),
        ({"status": "maybe"}, "status"),
        ({"free_busy_status": "maybe"}, "free_busy_status"),
        ({"privacy": "x"}, "privacy"),
        ({"description_type": "text/css"}, "description_type"),
        ({"recurrence_rules": ("FREQ=SOMETIMES",)}, "recurrence_rules"),
        ({"recurrence_rules": ("FREQ=SECONDLY",)}, "recurrence_rules"),
        ({"recurrence_rules": ("FREQ=DAILY;COUNT=100000",)}, "recurrence_rules"),
        ({"exclusion_rules": ("x",)}, "exclusion_rules"),
        ({"recurrence_dates": (0,) * 5001}, "recurrence_dates"),
        ({"people": (Person("not an address"),)}, "people"),
        ({"people": (Person("a@b.org", role="king"),)}, "people"),
        ({"uid": "u" * 513}, "uid"),
    ],
)
def test_what_cannot_be_an_event_is_refused_by_field_and_leaves_nothing(local, change, field):
    with pytest.raises(Invalid) as refused:
        make(local, **change)
    assert refused.value.field == field
    assert not Event.everywhere.exists()


def test_the_same_uid_is_refused_twice_in_one_calendar(local):
    make(local, uid="same")
    with pytest.raises(Invalid) as refused:
        make(local, uid="same")
    assert refused.value.field == "uid"


@pytest.mark.parametrize("state", [{"is_writable": False}, {"state": "readonly"}, {"state": "gone"}])
def test_a_calendar_that_cannot_be_written_refuses(host, state):
    elsewhere = factories.caldav_calendar(host)
    made = make(elsewhere)
    Calendar.everywhere.filter(pk=elsewhere.pk).update(**state)
    elsewhere.refresh_from_db()
    with pytest.raises(NotAllowed):
        make(elsewhere)
    with pytest.raises(NotAllowed):
        calendar.change(made, event("x"), actor=SYSTEM)


# ── The outbox ──


def test_a_local_event_is_not_stated_in_the_outbox(local):
    make(local)
    assert not Mirror.everywhere.exists()


def test_an_event_elsewhere_is_stated_present_then_newer_then_absent(host):
    elsewhere = factories.caldav_calendar(host)
    made = make(elsewhere)
    mirror = Mirror.everywhere.get(event=made)
    assert (mirror.calendar_id, mirror.desired, mirror.desired_revision) == (elsewhere.pk, "present", 1)
    calendar.change(made, event("x"), actor=SYSTEM)
    mirror.refresh_from_db()
    assert (mirror.desired, mirror.desired_revision) == ("present", 2)
    calendar.delete(made, actor=SYSTEM)
    mirror.refresh_from_db()
    assert (mirror.desired, mirror.desired_revision) == ("absent", 3)


def test_a_change_is_stated_for_every_calendar_that_shows_the_event(host):
    first, second = factories.caldav_calendar(host), factories.caldav_calendar(factories.host(host.organisation))
    made = make(first)
    Mirror.everywhere.create(organisation=host.organisation, event=made, calendar=second)
    calendar.change(made, event("x"), actor=SYSTEM)
    assert {mirror.desired_revision for mirror in Mirror.everywhere.filter(event=made)} == {2}


# ── When it happens ──


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({}, "busy"),
        ({"free_busy_status": "free"}, "free"),
        ({"free_busy_status": "tentative"}, "tentative"),
        ({"free_busy_status": "away"}, "away"),
        ({"status": "tentative"}, "tentative"),
        ({"status": "tentative", "free_busy_status": "free"}, "free"),
        ({"status": "cancelled"}, None),
        ({"raw": {"declined": True}, "free_busy_status": "free"}, None),
        ({"length": 0}, None),
    ],
)
def test_every_class_of_event_is_written_with_its_kind(local, change, kind):
    make(local, **change)
    assert [row[2] for row in taken(local)] == ([kind] if kind else [])


def test_a_booking_blocks_by_its_claim_and_not_twice(host, local):
    factories.booking(host, start=MONDAY + 12 * HOUR)
    assert taken(local) == []
    assert len(shown(local)) == 1


def test_an_all_day_event_fills_the_local_day_of_the_calendar_or_else_of_the_host(local):
    make(local, start=MONDAY, length=DAY, all_day=True)
    assert [row[:2] for row in taken(local)] == [zone("Europe/Berlin").day_bounds(MONDAY // DAY)]
    Calendar.everywhere.filter(pk=local.pk).update(timezone="Asia/Tokyo")
    local.refresh_from_db()
    calendar.rebuild_busy([local])
    assert [row[:2] for row in taken(local)] == [zone("Asia/Tokyo").day_bounds(MONDAY // DAY)]
    (occurrence,) = calendar.occurrences([local], MONDAY - DAY, MONDAY + DAY)
    assert occurrence.start_s == zone("Asia/Tokyo").day_bounds(MONDAY // DAY)[0]


def test_an_all_day_event_has_the_hours_its_day_has():
    berlin = factories.local_calendar(factories.host(timezone="Europe/Berlin"))
    make(berlin, start=wall(2031, 3, 30), length=DAY, all_day=True)
    (occurrence,) = calendar.occurrences([berlin], wall(2031, 3, 29), wall(2031, 4, 1))
    assert occurrence.end_s - occurrence.start_s == 23 * HOUR


def test_a_floating_event_follows_the_host(host, local):
    make(local, timezone="Europe/Berlin", floating=True)
    Host.everywhere.filter(pk=host.pk).update(timezone="America/New_York")
    calendar.rebuild_busy([Calendar.everywhere.get(pk=local.pk)])
    at = zone("America/New_York").to_utc(MONDAY + 12 * HOUR)
    assert taken(local) == [(at, at + HOUR, "busy")]


def test_a_long_absence_is_written_in_pieces_a_window_can_find(local):
    make(local, start=MONDAY, length=10 * DAY, free_busy_status="away")
    rows = taken(local)
    assert (rows[0][0], rows[-1][1]) == (MONDAY, MONDAY + 10 * DAY)
    assert max(end - start for start, end, _ in rows) <= 2 * DAY
    assert all(before[1] == after[0] for before, after in itertools.pairwise(rows))


def test_a_series_keeps_its_local_hour_through_the_year(local):
    make(local, timezone="Europe/Berlin", recurrence_rules=("FREQ=WEEKLY",))
    rows = taken(local)
    assert 70 <= len(rows) <= 80
    berlin = zone("Europe/Berlin")
    assert {berlin.to_wall(start) % DAY for start, _, _ in rows} == {12 * HOUR}
    assert {berlin.to_wall(start) // DAY % 7 for start, _, _ in rows} == {MONDAY // DAY % 7}


def test_a_series_of_fifteen_years_ago_without_a_weekday_still_blocks_its_weekday(local):
    begin = MONDAY - 15 * 364 * DAY
    make(local, start=begin + 12 * HOUR, recurrence_rules=("FREQ=WEEKLY",))
    assert shown(local) == [("Lunch", MONDAY + 12 * HOUR, MONDAY + 13 * HOUR)]
    rows = taken(local)
    assert (MONDAY + 12 * HOUR, MONDAY + 13 * HOUR, "busy") in rows
    assert rows[0][0] > time.time() - 40 * DAY


def test_every_hour_for_eighteen_months_is_not_too_often(local):
    make(local, length=600, recurrence_rules=("FREQ=HOURLY",))
    assert 12_000 < Busy.everywhere.filter(calendar=local).count() < 14_000


def test_excluded_and_additional_dates(local):
    start = MONDAY + 12 * HOUR
    make(
        local,
        recurrence_rules=("FREQ=DAILY;COUNT=4",),
        exclusion_rules=("FREQ=DAILY;INTERVAL=3;COUNT=2",),
        excluded_dates=(start + DAY,),
        recurrence_dates=(start + 5 * DAY,),
    )
    assert [row[0] for row in taken(local)] == [start + 2 * DAY, start + 5 * DAY]


def test_moving_a_series_moves_its_exceptions_along(local):
    start = MONDAY + 12 * HOUR
    made = make(local, recurrence_rules=("FREQ=DAILY;COUNT=3",), excluded_dates=(start + DAY,))
    calendar.change(made, replace(calendar.data_of(made), start_wall=start + HOUR), actor=SYSTEM)
    assert [row[0] for row in taken(local)] == [start + HOUR, start + 2 * DAY + HOUR]


def test_one_occurrence_can_be_taken_out_once(local):
    start = MONDAY + 12 * HOUR
    made = make(local, timezone="Europe/Berlin", recurrence_rules=("FREQ=DAILY;COUNT=3",))
    calendar.exclude_occurrence(made, start + DAY, actor=SYSTEM)
    calendar.exclude_occurrence(made, start + DAY, actor=SYSTEM)
    berlin = zone("Europe/Berlin")
    assert [berlin.to_wall(at) for _, at, _ in shown(local)] == [start, start + 2 * DAY]
    assert len(taken(local)) == 2
    assert Event.everywhere.get(pk=made.pk).revision == 2
    with pytest.raises(NotFound):
        calendar.exclude_occurrence(made, start + 9 * DAY, actor=SYSTEM)


def test_a_series_shows_which_of_its_occurrences_each_one_is(local):
    make(local, timezone="Europe/Berlin", recurrence_rules=("FREQ=DAILY;COUNT=2",))
    make(local, title="single")
    walls = {
        (each.event.title, each.recurrence_wall) for each in calendar.occurrences([local], MONDAY, MONDAY + 7 * DAY)
    }
    assert walls == {("Lunch", MONDAY + 12 * HOUR), ("Lunch", MONDAY + DAY + 12 * HOUR), ("single", None)}


def test_a_window_shows_what_overlaps_it_and_nothing_that_only_touches_it(local):
    make(local)
    begin, end = MONDAY + 12 * HOUR, MONDAY + 13 * HOUR
    assert shown(local, end, end + HOUR) == shown(local, begin - HOUR, begin) == []
    assert len(shown(local, end - 1, end)) == len(shown(local, begin, begin + 1)) == 1


def test_listing_takes_as_many_queries_for_many_events_as_for_one(local, django_assert_num_queries):
    others = [factories.local_calendar(factories.host(timezone="Asia/Tokyo")) for _ in range(3)]
    for number in range(12):
        make([local, *others][number % 4], title=f"{number}", recurrence_rules=("FREQ=DAILY",) if number % 2 else ())
    with django_assert_num_queries(3):
        found = calendar.occurrences([local, *others], MONDAY, MONDAY + 7 * DAY)
    assert len(found) == 6 * 7 + 6


# ── The horizon ──


def test_beyond_the_horizon_occurrences_are_told_on_the_fly(host, local, django_assert_num_queries):
    make(local, timezone="Europe/Berlin", recurrence_rules=("FREQ=WEEKLY",), free_busy_status="tentative")
    far = MONDAY + 200 * 7 * DAY
    with django_assert_num_queries(2):
        found = calendar.busy_beyond([host.pk], far, far + 7 * DAY)
    at = zone("Europe/Berlin").to_utc(far + 12 * HOUR)
    assert found == [(host.pk, at, at + HOUR, "tentative", local.pk)]


def test_asking_beyond_the_horizon_costs_one_query_when_nothing_is_there(host, local, django_assert_num_queries):
    make(local)
    for lo in (MONDAY, MONDAY + 2000 * DAY):
        with django_assert_num_queries(1):
            assert calendar.busy_beyond([host.pk], lo, lo + 7 * DAY) == []


def test_rows_and_what_lies_beyond_them_never_overlap_nor_leave_a_gap(host, local):
    make(local, start=MONDAY, length=DAY, recurrence_rules=("FREQ=DAILY",))
    edge = Calendar.everywhere.get(pk=local.pk).expanded_until_s
    beyond = calendar.busy_beyond([host.pk], edge - 10 * DAY, edge + 10 * DAY)
    assert taken(local)[-1][1] == edge == beyond[0][1]
    assert beyond[-1][2] == edge + 10 * DAY


def test_the_horizon_moves_on_with_time(host, local, monkeypatch):
    make(local, start=MONDAY, length=HOUR, recurrence_rules=("FREQ=DAILY",))
    make(local, start=MONDAY + 1000 * DAY, title="far")
    before = taken(local)
    later = time.time() + 60 * DAY
    monkeypatch.setattr(busy.time, "time", lambda: later)
    calendar.extend_horizon(local)
    calendar.extend_horizon(local)
    after = taken(local)
    assert len(after) == len(set(after))
    assert 50 <= after[-1][1] // DAY - before[-1][1] // DAY <= 61
    assert after[0][1] > later - 32 * DAY
    assert busy.horizon()[1] == Calendar.everywhere.get(pk=local.pk).expanded_until_s


# ── Conflicts ──


def booked(host: Host, start: int, **fields: object) -> Booking:
    made = Booking.everywhere.create(
        organisation=host.organisation,
        title="B",
        start_s=start,
        end_s=start + HOUR,
        timezone="UTC",
        start_wall=start,
        **fields,
    )
    Claim.everywhere.create(
        organisation=host.organisation, host=host, booking=made, start_s=start, end_s=start + HOUR, state="booked"
    )
    return made


def test_an_event_on_a_booking_is_flagged_on_it_and_never_cancels_it(host, local):
    booking = booked(host, MONDAY + 12 * HOUR)
    make(local, title="free", free_busy_status="free")
    booking.refresh_from_db()
    assert booking.conflict == {}
    landed = make(local, start=MONDAY + 12 * HOUR + 1800)
    booking.refresh_from_db()
    assert (booking.state, booking.conflict["event"]) == ("confirmed", str(landed.pk))
    calendar.change(landed, event(start=MONDAY + 13 * HOUR), actor=SYSTEM)
    booking.refresh_from_db()
    assert booking.conflict == {}


def test_a_booking_forced_on_request_is_not_flagged(host, local):
    booking = booked(host, MONDAY + 12 * HOUR, forced=True)
    make(local)
    booking.refresh_from_db()
    assert booking.conflict == {}
