"""Private feeds: a host's bookings in any calendar program, at an address that can be taken back."""

from __future__ import annotations

import time

import icalendar
import pytest

from bookings.domain import feeds, reserve
from bookings.domain.audit import SYSTEM
from bookings.domain.availability import of_host
from bookings.models import Booking, Feed
from tests import factories

pytestmark = pytest.mark.django_db
START = (int(time.time()) // 86_400 + 10) * 86_400


@pytest.fixture
def address(staff, host) -> str:
    staff.post(f"/feeds/new/{host.pk}")
    url = feeds.url(Feed.everywhere.get())
    assert url in staff.get("/feeds").content.decode()
    return url.removeprefix("http://127.0.0.1:8000")


def booked(host, start=START) -> Booking:
    wish = reserve.Wish("Talk", "Asia/Singapore", name="Doc", email="doc@example.com")
    return reserve.book(host.organisation, of_host(host, minutes=30), start, wish, actor=SYSTEM)


def titles(answer) -> list[str]:
    return [str(each["SUMMARY"]) for each in icalendar.Calendar.from_ical(answer.content).walk("VEVENT")]


def test_a_feed_shows_the_hosts_bookings_and_nobody_elses(client, host, org, address):
    made = booked(host)
    booked(factories.host(org, weekly=factories.ALWAYS))
    answer = client.get(address)
    assert answer.headers["Content-Type"].startswith("text/calendar")
    assert titles(answer) == ["Talk"]
    reserve.cancel(made, by=Booking.By.HOST, actor=SYSTEM)
    assert titles(client.get(address)) == []


def test_who_has_it_already_is_told_so_until_something_changes(client, host, address):
    made = booked(host)
    first = client.get(address)
    assert first.headers["Last-Modified"]
    again = client.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(address, headers={"If-Modified-Since": first.headers["Last-Modified"]}).status_code == 304
    reserve.move(made, of_host(host, minutes=30), START + 3600, actor=SYSTEM)
    fresh = client.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert (fresh.status_code, titles(fresh)) == (200, ["Talk"])


def test_an_address_that_was_taken_back_does_not_work(client, staff, address):
    staff.post(f"/feeds/{Feed.everywhere.get().pk}/end")
    assert client.get(address).status_code == 404
    assert client.get("/f/guessed.ics").status_code == 404


def test_feeds_of_others_cannot_be_made_or_ended(client, host, address):
    other = factories.staff_user(factories.organisation())
    client.force_login(other, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert client.post(f"/feeds/new/{host.pk}").status_code == 404
    assert client.post(f"/feeds/{Feed.everywhere.get().pk}/end").status_code == 404
    assert "Greta" not in client.get("/feeds").content.decode()


def test_a_feed_costs_the_same_number_of_queries_however_long(client, host, address, django_assert_num_queries):
    booked(host)
    for index in range(2):
        with django_assert_num_queries(8):
            client.get(address)
        booked(host, START + (index + 1) * 3600)
