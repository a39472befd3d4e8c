"""Staff find things by words, and take a week away as a file."""

from __future__ import annotations

import csv
import io

import pytest

from bookings.domain import calendar, requests, reserve
from bookings.domain.audit import SYSTEM
from bookings.domain.availability import of_host, offer
from bookings.engine.zones import wall
from bookings.formats.event import EventData
from tests import factories

pytestmark = pytest.mark.django_db

TUESDAY = wall(2027, 3, 2)


def fill(host, word):
    """An event, a booking with a customer, and a request, all of that word."""
    data = EventData(f"{word} critique", TUESDAY + 36_000, "Europe/Berlin", 3600)
    calendar.create(host.booking_calendar, data, actor=SYSTEM)
    terms = of_host(host, minutes=30)
    wish = reserve.Wish(f"{word} talk", "UTC", name=f"{word} Park", email=f"{word.lower()}@example.org")
    reserve.book(host.organisation, terms, offer(terms, 0, 2**40).starts[0], wish, actor=SYSTEM)
    requests.send(host.organisation, host=host, recipient_email="a@b.co", summary=f"{word} lesson", actor=SYSTEM)


def test_everything_with_the_word_is_found_and_nothing_of_others(staff, host):
    fill(host, "Herring")
    fill(factories.host(weekly=factories.ALWAYS), "Herringbone")
    html = staff.get("/search?q=herr").content.decode()
    for words in ("Herring critique", "Herring talk", "Herring lesson", "Herring Park"):
        assert f">{words}</a>" in html
    assert "Herringbone" not in html


@pytest.mark.parametrize(
    ("query", "words"), [("", "a part of a word is enough"), ("x", "Two letters"), ("xyz", "Nothing")]
)
def test_what_is_not_found_is_told(staff, host, query, words):
    assert words in staff.get("/search", {"q": query}).content.decode()


def test_words_are_shown_as_words(staff, host):
    assert "<script>alert" not in staff.get("/search", {"q": "<script>alert(1)</script>"}).content.decode()


@pytest.mark.parametrize("many", [1, 15])
def test_a_search_costs_a_fixed_number_of_queries(staff, host, many, django_assert_max_num_queries):
    for number in range(many):
        fill(host, f"Herring {number}".replace(" ", ""))
    with django_assert_max_num_queries(7):
        staff.get("/search?q=herring")


def rows(answer):
    return list(csv.reader(io.StringIO(answer.content.decode())))


def test_a_week_is_taken_away_as_a_file(staff, org, host):
    other = factories.host(org, name="Marcus Reed")
    for owner, title in ((host, "Critique"), (other, "Budget")):
        data = EventData(title, TUESDAY + 36_000, "Europe/Berlin", 3600, location="Room 2")
        calendar.create(owner.booking_calendar, data, actor=SYSTEM)
    answer = staff.get(f"/events.csv?day=2027-03-02&tz=UTC&host={host.pk}")
    assert answer["Content-Disposition"] == 'attachment; filename="events-2027-03-01.csv"'
    head, *found = rows(answer)
    assert head[:4] == ["Start", "End", "Time zone", "Title"]
    assert [row[:5] for row in found] == [
        ["2027-03-02T09:00:00+00:00", "2027-03-02T10:00:00+00:00", "UTC", "Critique", "Greta Hoffmann"]
    ]
    assert len(rows(staff.get("/events.csv?day=2027-03-02"))) == 3


def test_a_title_is_no_formula_in_a_spreadsheet(staff, host):
    data = EventData('=HYPERLINK("x")', TUESDAY + 36_000, "UTC", 3600)
    calendar.create(host.booking_calendar, data, actor=SYSTEM)
    assert rows(staff.get("/events.csv?day=2027-03-02"))[1][3].startswith("'=")
