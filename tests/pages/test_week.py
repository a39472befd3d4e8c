"""The grid of the week and the day, and what is done in it."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from bookings.domain import calendar
from bookings.domain.audit import SYSTEM
from bookings.domain.availability import of_host, offer
from bookings.domain.reserve import Wish, book
from bookings.engine.zones import DAY, wall
from bookings.formats.event import EventData
from bookings.models import Calendar, Event
from tests import factories

pytestmark = pytest.mark.django_db

TUESDAY = wall(2027, 3, 2)
SCRIPT = {"Accept": "application/json"}
PHONE = {"User-Agent": "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36"}


def make(host, title="Critique", start=TUESDAY + 36_000, **changes):
    data = EventData(title, start, "Europe/Berlin", 3600, **changes)
    return calendar.create(host.booking_calendar, data, actor=SYSTEM)


def times(start, end, tz="Europe/Berlin", **more):
    return {"start": start, "end": end, "tz": tz} | more


def post(staff, address, fields):
    answer = staff.post(address, fields, headers=SCRIPT)
    return answer.status_code, answer.json()


def starts(host, days=9):
    found = calendar.occurrences([host.booking_calendar], TUESDAY, TUESDAY + days * DAY)
    return [each.start_s - TUESDAY for each in found]


def test_a_day_has_one_column_and_a_week_seven(staff, host):
    for view, columns in (("day", 1), ("week", 7)):
        html = staff.get(f"/?day=2027-03-02&view={view}").content.decode()
        assert html.count('<section class="week-day') == columns
    assert "Tuesday 2 March 2027" in staff.get("/?day=2027-03-02&view=day").content.decode()


@pytest.mark.parametrize(
    ("headers", "columns"),
    [(PHONE, 1), (PHONE | {"Sec-CH-UA-Mobile": "?0"}, 7), ({"Sec-CH-UA-Mobile": "?1"}, 1), ({}, 7)],
)
def test_phones_show_a_day_unless_the_week_is_asked_for(staff, host, headers, columns):
    answer = staff.get("/?day=2027-03-02", headers=headers)
    assert answer.content.decode().count('<section class="week-day') == columns
    assert "Sec-CH-UA-Mobile" in answer["Vary"]
    asked = staff.get("/?day=2027-03-02&view=week", headers=headers).content.decode()
    assert asked.count('<section class="week-day') == 7


def test_in_a_day_hosts_stand_side_by_side_each_with_their_own_events(staff, org, host):
    other = factories.host(org, name="Marcus Reed")
    make(host, "Hers")
    make(other, "His")
    html = staff.get(f"/?day=2027-03-02&view=day&host={host.pk}&host={other.pk}").content.decode()
    columns = dict(re.findall(r'<section class="week-day[^>]*data-host="([^"]*)">(.*?)</section>', html, re.S))
    assert [re.findall("<strong>(.*?)<", columns[str(each.pk)]) for each in (host, other)] == [["Hers"], ["His"]]


def test_a_host_is_added_to_those_chosen_and_left_out_again(staff, org, host):
    other = factories.host(org, name="Marcus Reed")
    html = staff.get(f"/?day=2027-03-02&host={host.pk}").content.decode()
    assert f"host={host.pk}&amp;host={other.pk}" in html
    assert '<a class="chip" href="?day=2027-03-02" aria-current="true">' in html


def test_the_gutter_tells_the_hours_in_further_zones(staff, host):
    html = staff.get("/?day=2027-03-02&tz=Europe/Berlin&zones=America/New_York&zones=Asia/Kolkata").content.decode()
    gutters = [re.findall(r"<span class=\"r-\d+ s-4\">(.*?)<", each) for each in html.split('<div class="week-gutter')]
    assert [each[0] for each in gutters if each] == ["01:00", "11:30", "07:00"]
    assert "zones=Asia%2FKolkata" in html, "the links keep them"


@pytest.mark.parametrize("zones", ["x", "Mars/Olympus", "UTC," * 50, "A" * 500])
def test_odd_zones_are_left_out(staff, host, zones):
    assert staff.get("/", {"zones": zones}).status_code == 200


@pytest.mark.parametrize("query", ["view=day", "view=day&zones=UTC,Asia/Tokyo,America/New_York", "view=week"])
def test_every_view_costs_the_same_number_of_queries(staff, org, host, query, django_assert_max_num_queries):
    for index in range(6):
        own = factories.host(org)
        make(own, start=TUESDAY + index * 1800)
    with django_assert_max_num_queries(13):
        staff.get(f"/?day=2027-03-02&{query}")


def test_an_event_drawn_in_the_grid_is_made_in_the_hosts_calendar(staff, host):
    status, said = post(
        staff, "/events/quick", times("2027-03-02T09:15", "2027-03-02T10:00", title="Sketches", host=str(host.pk))
    )
    event = Event.everywhere.get()
    assert (status, event.title, event.start_wall, event.duration) == (200, "Sketches", TUESDAY + 33_300, 2700)
    assert event.calendar == host.booking_calendar
    assert post(staff, said["undo"]["url"], said["undo"]["fields"])[0] == 200
    assert starts(host) == []


def test_an_event_is_moved_on_the_clock_of_the_grid_and_back(staff, host):
    event = make(host)
    fields = times("2027-03-03T05:15", "2027-03-03T06:45", "America/New_York")
    status, said = post(staff, f"/events/{event.pk}/move", fields)
    event.refresh_from_db()
    assert (status, event.start_wall, event.duration) == (200, TUESDAY + DAY + 11 * 3600 + 900, 5400)
    assert event.timezone == "Europe/Berlin"
    post(staff, said["undo"]["url"], said["undo"]["fields"])
    event.refresh_from_db()
    assert (event.start_wall, event.duration) == (TUESDAY + 36_000, 3600)


def test_an_all_day_event_only_changes_its_day(staff, host):
    data = EventData("Away", TUESDAY, "Europe/Berlin", 2 * DAY, all_day=True)
    event = calendar.create(host.booking_calendar, data, actor=SYSTEM)
    post(staff, f"/events/{event.pk}/move", times("2027-03-04T00:00", "2027-03-04T00:15"))
    event.refresh_from_db()
    assert (event.start_wall, event.duration) == (TUESDAY + 2 * DAY, 2 * DAY)


@pytest.mark.parametrize(
    ("scope", "after"),
    [
        ("this", [0, DAY + 3600, 2 * DAY, 3 * DAY]),
        ("following", [0, DAY + 3600, 2 * DAY + 3600, 3 * DAY + 3600]),
        ("all", [3600, DAY + 3600, 2 * DAY + 3600, 3 * DAY + 3600]),
    ],
)
def test_a_series_is_moved_as_far_as_asked(staff, host, scope, after):
    event = make(host, recurrence_rules=("FREQ=DAILY;COUNT=4",))
    fields = times("2027-03-03T11:00", "2027-03-03T12:00", at=str(event.start_wall + DAY), scope=scope)
    status, said = post(staff, f"/events/{event.pk}/move", fields)
    assert status == 200
    assert starts(host) == [32_400 + each for each in after]
    if scope != "following":
        post(staff, said["undo"]["url"], said["undo"]["fields"])
        assert starts(host) == [32_400 + each for each in (0, DAY, 2 * DAY, 3 * DAY)]


def test_an_occurrence_taken_out_comes_back_as_it_was_changed(staff, host):
    event = make(host, recurrence_rules=("FREQ=DAILY;COUNT=3",))
    at = str(event.start_wall + DAY)
    post(staff, f"/events/{event.pk}/move", times("2027-03-03T11:00", "2027-03-03T12:00", at=at))
    before = starts(host)
    _status, said = post(staff, f"/events/{event.pk}/delete", {"at": at})
    assert len(starts(host)) == 2
    post(staff, said["undo"]["url"], said["undo"]["fields"])
    assert starts(host) == before


def test_what_is_refused_is_told_and_nothing_changes(staff, host):
    event = make(host)
    for fields, words in (
        (times("2027-03-02T11:00", "2027-03-02T11:00"), "The end is not after the start."),
        (times("x", "2027-03-02T11:00"), "A time is needed."),
        ({}, "A time is needed."),
    ):
        status, said = post(staff, f"/events/{event.pk}/move", fields)
        assert (status, said["message"]) == (409, words)
    Calendar.everywhere.update(is_writable=False)
    status, said = post(staff, f"/events/{event.pk}/move", times("2027-03-02T12:00", "2027-03-02T13:00"))
    assert (status, said["message"]) == (409, "This calendar is read-only.")
    assert starts(host) == [32_400]


def test_an_event_without_a_title_is_not_made(staff, host):
    status, said = post(staff, "/events/quick", times("2027-03-02T11:00", "2027-03-02T12:00", title=" "))
    assert (status, said["message"]) == (409, "A title is needed.")


def test_a_form_that_moves_an_event_leads_to_its_day(staff, host):
    event = make(host)
    answer = staff.post(f"/events/{event.pk}/move", times("2027-03-09T11:00", "2027-03-09T12:00"))
    assert answer["Location"] == "/?day=2027-03-09"


def test_bookings_are_not_moved_in_the_grid(staff, host):
    terms = of_host(host, minutes=30)
    made = book(host.organisation, terms, offer(terms, 0, 2**40).starts[0], Wish("Talk", "UTC"), actor=SYSTEM)
    fields = times("2027-03-09T11:00", "2027-03-09T12:00")
    assert staff.post(f"/events/{made.event_id}/move", fields).status_code == 404


def test_events_of_others_are_not_moved_and_the_token_is_needed(staff, org, host):
    foreign = make(factories.host())
    fields = times("2027-03-09T11:00", "2027-03-09T12:00")
    for verb in ("move", "delete", "include", "answer"):
        assert staff.post(f"/events/{foreign.pk}/{verb}", fields).status_code == 404
    assert (
        post(staff, "/events/quick", fields | {"title": "x", "host": str(foreign.calendar.account.host_id)})[0] == 409
    )
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(factories.staff_user(org), backend="allauth.account.auth_backends.AuthenticationBackend")
    for address in (f"/events/{make(host).pk}/move", "/events/quick"):
        assert strict.post(address, fields, headers=SCRIPT).status_code == 403
