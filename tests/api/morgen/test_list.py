"""Listing and reading events."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookings.domain import calendar as calendars
from bookings.domain import refs, reserve, series
from bookings.domain.audit import SYSTEM
from bookings.engine.zones import DAY, wall
from bookings.formats.event import EventData, Person
from bookings.models import Calendar, Event, Mirror
from tests import factories
from tests.api.morgen.worlds import World, refused

MARCH = wall(2027, 3, 1)
ALERT = {"@type": "Alert", "trigger": {"@type": "OffsetTrigger", "offset": "-PT15M"}, "action": "display"}


def add(place: Calendar, start: int, title: str = "Call", **fields: Any) -> Event:
    data = replace(EventData(title, start, "UTC", 3600), **fields)
    return calendars.create(place, data, actor=SYSTEM)


def titles(world: World, **query: str) -> list[str]:
    return [each["title"] for each in world.listed(**query)]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2027-03-02T09:00:00Z", "2027-03-02T10:00:00Z", True),
        ("2027-03-02T09:59:59Z", "2027-03-02T10:30:00Z", True),
        ("2027-03-02T08:00:00Z", "2027-03-02T09:00:01Z", True),
        ("2027-03-02T08:00:00Z", "2027-03-02T09:00:00Z", False),
        ("2027-03-02T10:00:00Z", "2027-03-02T11:00:00Z", False),
        ("2027-03-02T09:00:00", "2027-03-02T10:00:00", True),
        ("2027-03-02T09:00:00.000Z", "2027-03-02T10:00:00.000Z", True),
        ("2027-03-02T11:00:00+02:00", "2027-03-02T11:30:00+02:00", True),
        ("2027-03-02T11:00:00 02:00", "2027-03-02T11:30:00 02:00", True),
        ("2027-03-02", "2027-03-03", True),
    ],
)
def test_what_overlaps_the_window_is_listed(world: World, start: str, end: str, expected: bool) -> None:
    add(world.calendar, wall(2027, 3, 2, 9))
    assert bool(world.listed(start, end)) == expected


@pytest.mark.parametrize(
    ("start", "end", "ok"),
    [
        ("2027-01-01T00:00:00Z", "2027-07-01T00:00:00Z", True),
        ("2027-01-01T00:00:00Z", "2027-07-01T00:00:01Z", False),
        ("2027-08-31T00:00:00Z", "2028-02-29T00:00:00Z", True),
        ("2027-08-31T00:00:00Z", "2028-03-01T00:00:00Z", False),
        ("2027-03-01T00:00:00Z", "2027-03-01T00:00:00Z", False),
        ("2027-03-02T00:00:00Z", "2027-03-01T00:00:00Z", False),
    ],
)
def test_the_window_reaches_six_months_of_the_calendar(world: World, start: str, end: str, ok: bool) -> None:
    query = {"accountId": world.account_id, "calendarIds": world.calendar_id, "start": start, "end": end}
    answer = world.get("/v3/events/list", **query)
    assert answer.status_code == (200 if ok else 400)
    assert ok or "end" in refused(answer, 400)


@pytest.mark.parametrize(
    ("changes", "status", "named"),
    [
        ({"start": None}, 400, "start"),
        ({"end": None}, 400, "end"),
        ({"start": "tomorrow"}, 400, "start"),
        ({"end": "2027-02-30T00:00:00Z"}, 400, "end"),
        ({"start": "0001-01-01T00:00:00+14:00"}, 400, "start"),
        ({"end": "9999-12-31T23:59:59-12:00"}, 400, "end"),
        ({"calendarIds": None}, 400, "calendarIds"),
        ({"calendarIds": " , "}, 400, "calendarIds"),
        ({"calendarIds": ",".join(map(str, range(101)))}, 400, "calendarIds"),
        ({"calendarIds": "WyJ4Il0"}, 404, "calendar"),
        ({"accountId": None}, 400, "accountId"),
        ({"accountId": "0" * 24}, 404, "account"),
        ({"accountId": "\x00"}, 404, "account"),
    ],
)
def test_what_cannot_be_listed(world: World, changes: dict[str, str | None], status: int, named: str) -> None:
    whole: dict[str, str | None] = {
        "accountId": world.account_id,
        "calendarIds": world.calendar_id,
        "start": "2027-03-01T00:00:00Z",
        "end": "2027-04-01T00:00:00Z",
    } | changes
    query = {name: value for name, value in whole.items() if value is not None}
    assert named in refused(world.get("/v3/events/list", **query), status)


def test_v1_lists_without_an_account(world: World) -> None:
    add(world.calendar, MARCH)
    query = {"calendarIds": world.calendar_id, "start": "2027-03-01T00:00:00Z", "end": "2027-04-01T00:00:00Z"}
    for scheme in ("Bearer", "ApiKey"):
        assert len(world.get("/v1/events/list", scheme=scheme, **query).json()["data"]["events"]) == 1


def test_several_calendars_of_one_account_are_listed_together(world: World) -> None:
    second = Calendar.everywhere.create(
        organisation=world.organisation,
        account=world.calendar.account,
        external_id="second",
        name="Second",
        state=Calendar.State.OK,
    )
    add(world.calendar, MARCH + 7200, "Later")
    add(second, MARCH, "Sooner")
    second_id = refs.ref("morgen", "calendar", second)
    found = world.listed(calendarIds=f"{world.calendar_id},{second_id}")
    assert [(each["title"], each["calendarId"]) for each in found] == [
        ("Sooner", second_id),
        ("Later", world.calendar_id),
    ]
    assert titles(world) == ["Later"]


def test_calendars_of_two_accounts_are_not_listed_together(world: World) -> None:
    work = factories.caldav_calendar(world.host)
    ids = f"{world.calendar_id},{refs.ref('morgen', 'calendar', work)}"
    query = {"calendarIds": ids, "start": "2027-03-01T00:00:00Z", "end": "2027-04-01T00:00:00Z"}
    assert "calendarIds" in refused(world.get("/v1/events/list", **query), 400)
    refused(world.get("/v3/events/list", accountId=world.account_id, **query), 404)


def test_what_was_cancelled_is_left_out(world: World) -> None:
    add(world.calendar, MARCH, "Cancelled", status="cancelled")
    kept = add(world.calendar, MARCH, "Kept")
    calendars.delete(add(world.calendar, MARCH, "Deleted"), actor=SYSTEM)
    reserve.cancel(factories.booking(world.host, start=MARCH + 7200), by="host", actor=SYSTEM)
    assert titles(world) == ["Kept"]
    calendars.delete(kept, actor=SYSTEM)
    assert world.listed() == []


def test_a_booking_is_an_event_in_every_hosts_calendar(world: World) -> None:
    factories.booking(world.host, world.colleague, start=MARCH, title="Interview")
    [mine] = world.listed()
    place = factories.local_calendar(world.colleague)
    theirs_id, theirs_account = refs.ref("morgen", "calendar", place), refs.ref("morgen", "account", place.account)
    secret = world.issue(host=world.colleague)
    query = {"start": "2027-03-01T00:00:00Z", "end": "2027-04-01T00:00:00Z"}
    answer = world.get("/v3/events/list", secret=secret, accountId=theirs_account, calendarIds=theirs_id, **query)
    [theirs] = answer.json()["data"]["events"]
    assert mine["id"] == theirs["id"]
    assert (mine["calendarId"], theirs["calendarId"]) == (world.calendar_id, theirs_id)
    assert (mine["accountId"], theirs["accountId"]) == (world.account_id, theirs_account)
    assert [each["email"] for each in theirs["participants"].values() if each.get("accountOwner")] == [
        world.colleague.email
    ]
    assert world.get("/v3/events/", secret=secret, id=mine["id"]).json()["data"]["event"] == theirs


def test_one_event_is_read_as_it_is_listed(world: World) -> None:
    world.create(description="Notes")
    [listed] = world.listed()
    for version in ("v1", "v3"):
        answer = world.get(f"/{version}/events/", id=listed["id"])
        assert answer.status_code == 200
        assert answer.json()["data"]["event"] == listed


@pytest.mark.parametrize("event_id", ["", "x", "WyJ4Il0", "WyJhIiwiYiIsImMiXQ", "\x00", "x" * 5000, "WyJhIl0=" * 400])
def test_what_is_not_there_is_not_found(world: World, event_id: str) -> None:
    refused(world.read(event_id), 404 if event_id else 400)


def test_all_day_events_have_days_and_floating_ones_no_zone(world: World) -> None:
    whole = world.create(start="2027-03-05T00:00:00", duration="P2D", timeZone=None, showWithoutTime=True)
    zoned = world.create(start="2027-03-06T00:00:00", duration="P1D", showWithoutTime=True)
    floating = world.create(start="2027-03-07T08:00:00", timeZone=None)
    found = {each["id"]: each for each in world.listed()}
    for each, zone, duration, all_day in (
        (whole, None, "P2D", True),
        (zoned, "Europe/Berlin", "P1D", True),
        (floating, None, "PT25M", False),
    ):
        shown = found[each["id"]]
        assert (shown["timeZone"], shown["duration"], shown["showWithoutTime"]) == (zone, duration, all_day)
    # Days and floating times are those of the calendar, which is in Berlin.
    assert len(world.listed("2027-03-06T23:00:00Z", "2027-03-06T23:30:00Z")) == 0
    assert len(world.listed("2027-03-06T22:30:00Z", "2027-03-06T23:00:00Z")) == 2
    assert len(world.listed("2027-03-07T07:00:00Z", "2027-03-07T07:10:00Z")) == 1


def fill(world: World, count: int, begin: int = MARCH) -> None:
    """Events of every sort: with people and alerts, a series with a changed occurrence, bookings, mirrored ones."""
    people = (Person("boss@example.com", "Boss", "owner", key="1"), Person(world.host.email, key="2"))
    told: dict[str, Any] = {"people": people, "alerts": {"1": ALERT}, "free_busy_status": "free"}
    for number in range(count):
        add(world.calendar, begin + number * 1800, f"Event {number}", **told)
    master = add(world.calendar, begin, "Series", recurrence_rules=(f"FREQ=DAILY;COUNT={count}",), **told)
    second = begin + DAY
    moved = replace(series.occurrence(master, second), start_wall=second + 60)
    series.change_occurrence(master, second, moved, actor=SYSTEM)
    for number in range(2):
        factories.booking(world.host, start=begin + number * DAY + 3600)
        factories.booking(world.colleague, world.host, start=begin + number * DAY + 7200)


def test_the_number_of_queries_does_not_depend_on_how_much_is_listed(world: World) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert world.listed()
        return len(asked)

    fill(world, 3)
    world.listed()
    few = queries()
    fill(world, 40, MARCH + 7 * DAY)
    world.listed()
    assert queries() == few


def test_what_is_new_gets_its_ids_in_a_constant_number_of_queries(world: World) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert world.listed()
        return len(asked)

    fill(world, 3)
    queries()
    fill(world, 3, MARCH + 7 * DAY)
    few = queries()
    fill(world, 30, MARCH + 14 * DAY)
    assert queries() == few


def test_an_event_shown_in_a_calendar_is_listed_until_it_is_no_longer_wanted_there(world: World) -> None:
    booking = factories.booking(world.colleague, world.host, start=MARCH)
    assert len(world.listed()) == 1
    Mirror.everywhere.filter(event=booking.event).update(desired=Mirror.Desired.ABSENT)
    event_id = refs.ref("morgen", "event", booking.event)
    refused(world.read(event_id), 404)
