"""The customer's way from a link to a booking, through the door a browser uses."""

from __future__ import annotations

import datetime as dt
import re
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now
from icalendar import Calendar as Ical

from bookings.domain import calendar, links, requests, reserve
from bookings.domain.audit import SYSTEM
from bookings.domain.availability import offer
from bookings.engine.zones import DAY
from bookings.formats.event import EventData
from bookings.models import Booking, Claim, SchedulerRequest
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def host():
    return factories.host(weekly=factories.ALWAYS, timezone="Europe/Berlin", name="Emmet Brown")


@pytest.fixture
def request_(host):
    return requests.send(
        host.organisation,
        host=host,
        recipient_email="marty@example.org",
        recipient_name="Marty McFly",
        summary="Driving lessons",
        actor=SYSTEM,
    )


@pytest.fixture
def link(request_):
    return f"/r/{links.token('request', request_.pk)}"


def free(request_, index=0):
    return offer(requests.terms(request_), 0, 2**40).starts[index]


def confirm(client, link, start, **changes):
    return client.post(link, {"start": start, "tz": "America/New_York", "name": "Marty"} | changes)


def starts_in(html):
    return [int(found) for found in re.findall(r"\?start=(\d+)", html)]


def test_the_first_page_already_holds_the_free_times_of_the_first_day(client, link, request_):
    page = client.get(link, {"tz": "America/New_York"})
    assert page.status_code == 200
    html = page.content.decode()
    assert starts_in(html)[0] == free(request_)
    assert "Driving lessons" in html
    assert "Emmet Brown" in html


def test_the_other_path_that_clients_know_leads_to_the_same_page(client, link):
    assert client.get(link.replace("/r/", "/rts/")).status_code == 200


@pytest.mark.parametrize("tzid", ["America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Europe/Berlin"])
def test_times_are_shown_on_the_customers_clock_and_booked_as_the_same_instant(client, link, request_, tzid):
    html = client.get(link, {"tz": tzid}).content.decode()
    start, label = re.search(r'\?start=(\d+)[^"]*">(\d\d:\d\d)', html).groups()
    assert dt.datetime.fromtimestamp(int(start), ZoneInfo(tzid)).strftime("%H:%M") == label
    confirm(client, link, start, tz=tzid)
    booking = Booking.everywhere.get()
    assert (booking.start_s, booking.timezone) == (int(start), tzid)


def test_a_chosen_zone_is_remembered_and_an_unknown_one_ignored(client, link):
    client.get(link, {"tz": "Asia/Kolkata"})
    assert "Asia/Kolkata (UTC+5:30)" in client.get(link).content.decode()
    assert client.get(link, {"tz": "Mars/Olympus"}).status_code == 200


def test_without_a_choice_the_hosts_zone_is_shown(client, link):
    assert "Europe/Berlin" in client.get(link).content.decode()


def test_a_repeated_hour_is_told_apart_by_its_offset():
    from bookings.pages.customer.months import Choice

    first = int(dt.datetime(2027, 10, 31, 0, 30, tzinfo=dt.UTC).timestamp())  # 02:30 in Berlin, twice
    choice = Choice([first, first + 3600], "Europe/Berlin", first - DAY)
    times = choice.times(choice.first_day)
    assert [(each.label, each.offset) for each in times] == [("02:30", "UTC+2:00"), ("02:30", "UTC+1:00")]


def test_days_say_how_many_times_are_free(client, link):
    html = client.get(link).content.decode()
    assert re.search(r'aria-label="\w+ \d+ \w+, \d+ times? free"', html)


@pytest.mark.parametrize(
    "query",
    [
        {"month": "2999-13"},
        {"month": "x"},
        {"day": "2027-02-31"},
        {"day": "0001-01-01"},
        {"start": "x"},
        {"start": "99999999999999999999"},
        {"month": "9999-12"},
        {"tz": "x" * 5000},
        {"start": "²"},
        {"month": "٢٠٢٧-٠١"},
    ],
)
def test_odd_addresses_still_show_the_page(client, link, query):
    assert client.get(link, query).status_code == 200


def test_confirming_books_once_and_shows_what_was_booked(client, link, request_):
    start = free(request_)
    answer = confirm(client, link, start)
    assert answer.status_code == 302
    page = client.get(answer["Location"]).content.decode()
    assert "It is booked" in page
    assert "America/New York" in page
    assert confirm(client, link, start)["Location"] == answer["Location"]
    assert Booking.everywhere.count() == 1
    assert client.get(link)["Location"] == answer["Location"], "the link leads to what was booked"


def test_another_time_chosen_after_booking_changes_nothing(client, link, request_):
    confirm(client, link, free(request_))
    assert confirm(client, link, free(request_, 5)).status_code == 302
    assert Booking.everywhere.count() == 1


def test_the_file_holds_the_booking_and_no_other_person(client, link, request_):
    start = free(request_)
    confirm(client, link, start)
    answer = client.get(f"{link}/event.ics")
    assert answer["Content-Type"].startswith("text/calendar")
    event = Ical.from_ical(answer.content).walk("VEVENT")[0]
    assert int(event["DTSTART"].dt.timestamp()) == start
    assert event["SUMMARY"] == "Driving lessons"
    assert event["UID"] == Booking.everywhere.get().event.uid
    assert b"ATTENDEE" not in answer.content


def test_a_time_taken_meanwhile_is_refused_with_the_form_kept_and_other_times(client, link, request_, host):
    start = free(request_)
    reserve.book(host.organisation, requests.terms(request_), start, reserve.Wish("First", "UTC"), actor=SYSTEM)
    answer = confirm(client, link, start, name="Márty “the” McFly")
    html = answer.content.decode()
    assert answer.status_code == 409
    assert "Márty “the” McFly" in html
    assert f'value="{start + 1800}"' in html
    assert 'role="alert"' in html
    assert confirm(client, link, start + 1800).status_code == 302


def test_a_name_is_needed_and_nothing_typed_is_lost(client, link, request_):
    answer = confirm(client, link, free(request_), name=" ")
    assert answer.status_code == 422
    assert "This field is required" in answer.content.decode()
    assert str(free(request_)) in answer.content.decode()
    assert not Booking.everywhere.exists()


@pytest.mark.parametrize("start", ["", "x", "-5", "1", "9" * 30, "1e5", "\x00"])
def test_a_nonsensical_start_is_refused_kindly(client, link, start):
    answer = confirm(client, link, start)
    assert answer.status_code in (409, 422)
    assert not Booking.everywhere.exists()


def test_unknown_expired_and_withdrawn_links_look_all_alike(client, link, request_):
    unknown = client.get("/r/" + "x" * 27)
    SchedulerRequest.everywhere.update(expires_at=now() - dt.timedelta(seconds=1))
    expired = client.get(link)
    SchedulerRequest.everywhere.update(expires_at=now() + dt.timedelta(days=1))
    requests.withdraw(request_, actor=SYSTEM)
    withdrawn = client.get(link)
    pages = {(page.status_code, page.content) for page in (unknown, expired, withdrawn)}
    assert len(pages) == 1
    assert pages.pop()[0] == 404
    assert confirm(client, link, free(request_)).status_code == 404


def test_looking_changes_nothing(client, link, request_):
    with CaptureQueriesContext(
        connection,
    ) as queries:
        for address in (link, f"{link}?start={free(request_)}", f"{link}/booked", f"{link}/event.ics", "/r/nonsense"):
            for method in (client.get, client.head, client.options):
                method(address)
    assert not [each["sql"] for each in queries if not each["sql"].startswith(("SELECT", "SAVEPOINT", "RELEASE"))]
    assert not Claim.everywhere.exists()


def test_a_post_needs_the_forms_token(link, request_):
    strict = Client(enforce_csrf_checks=True)
    assert confirm(strict, link, free(request_)).status_code == 403
    assert not Booking.everywhere.exists()


def test_the_page_tells_nobody_its_address_and_nothing_of_others(client, link, request_, host):
    calendar.create(
        factories.local_calendar(host), EventData("Secret surgery", free(request_), "UTC", 3600), actor=SYSTEM
    )
    for address in (link, f"{link}?start={free(request_)}"):
        page = client.get(address)
        assert page["Referrer-Policy"] == "same-origin"
        assert page["Cache-Control"] == "no-store"
        assert page["X-Robots-Tag"].startswith("noindex")
        for private in ("marty@example.org", "Secret surgery", host.email, str(host.pk), str(request_.pk)):
            assert private not in page.content.decode()


def test_the_page_needs_no_script_and_allows_none_inline(client, link):
    page = client.get(link)
    html = page.content.decode()
    assert "style=" not in html
    assert "onclick" not in html
    assert re.findall(r"<script(?![^>]*src=)", html) == []
    assert "unsafe" not in page["Content-Security-Policy"]


def test_words_of_people_are_shown_as_words(client, host):
    nasty = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'
    made = requests.send(
        host.organisation, host=host, recipient_email="a@b.co", recipient_name=nasty, summary=nasty, actor=SYSTEM
    )
    html = client.get(f"/r/{links.token('request', made.pk)}?start={free(made)}").content.decode()
    assert "<script>alert" not in html
    assert "<img src=x" not in html


def test_nothing_free_says_so(client):
    closed = factories.host(weekly=[[]] * 7)
    made = requests.send(closed.organisation, host=closed, recipient_email="a@b.co", summary="Talk", actor=SYSTEM)
    assert "No free time at the moment" in client.get(f"/r/{links.token('request', made.pk)}").content.decode()


def test_the_number_of_queries_does_not_depend_on_the_events(client, link, host, django_assert_max_num_queries):
    own = factories.local_calendar(host)
    for at in range(30):
        calendar.create(own, EventData("Busy", int(now().timestamp()) + at * 7200, "UTC", 1800), actor=SYSTEM)
    with django_assert_max_num_queries(8):
        client.get(link)
