"""Staff send links, see and cancel bookings, and learn why a time is not offered."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.utils.timezone import now

from bookings.domain import links, requests, reserve
from bookings.domain.audit import SYSTEM
from bookings.domain.availability import of_host, offer
from bookings.engine.zones import zone
from bookings.models import Booking, GroupMember, GroupRule, SchedulerRequest
from tests import factories

pytestmark = pytest.mark.django_db


def fields(host, /, **changes):
    return {
        "summary": "Driving lessons",
        "host": str(host.pk),
        "duration": "45",
        "recipient_email": "doc@example.org",
        "recipient_name": "Doc",
    } | changes


def booking(host, title="Talk", index=0):
    terms = of_host(host, minutes=30)
    wish = reserve.Wish(title, "America/New_York", name="Doc", email="doc@example.org")
    return reserve.book(host.organisation, terms, offer(terms, 0, 2**40).starts[index], wish, actor=SYSTEM)


def test_an_empty_list_teaches_what_requests_are(staff, host):
    assert "Send your first request" in staff.get("/requests").content.decode()


def test_a_request_gets_a_link_that_opens(staff, host, client):
    html = staff.post("/requests/new", fields(host)).content.decode()
    url = re.search(r'value="(http[^"]+/r/[^"]+)"', html).group(1)
    made = SchedulerRequest.everywhere.get()
    assert (made.summary, made.duration, made.host, made.created_by.username[:5]) == (
        "Driving lessons",
        45,
        host,
        "staff",
    )
    assert url == links.select_url(made.pk)
    assert client.get(url.removeprefix("http://127.0.0.1:8000")).status_code == 200


def test_a_group_can_be_asked(staff, host):
    rule = GroupRule.everywhere.create(organisation=host.organisation, name="Team")
    GroupMember.everywhere.create(organisation=host.organisation, rule=rule, host=host)
    staff.post("/requests/new", fields(host, host=str(rule.pk)))
    assert SchedulerRequest.everywhere.get().group_rule == rule


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"summary": "x" * 1025}, "at most"),
        ({"summary": ""}, "This field is required."),
        ({"recipient_email": "nobody"}, "Enter a valid email address."),
        ({"duration": "0"}, "greater than or equal to 1"),
        ({"duration": "x"}, "Enter a whole number."),
        ({"host": "nonsense"}, "Select a valid choice."),
    ],
)
def test_what_cannot_be_sent_is_said_beside_its_field_and_the_rest_is_kept(staff, host, changes, message):
    answer = staff.post("/requests/new", fields(host, recipient_name="Kept name", **changes))
    html = answer.content.decode()
    assert answer.status_code == 422
    assert message in html
    assert "Kept name" in html
    assert 'aria-invalid="true"' in html
    assert not SchedulerRequest.everywhere.exists()


def test_a_summary_of_1024_characters_is_accepted(staff, host):
    assert staff.post("/requests/new", fields(host, summary="ü" * 1024)).status_code == 200


def test_with_htmx_the_link_comes_as_a_fragment(staff, host):
    answer = staff.post("/requests/new", fields(host), headers={"HX-Request": "true"})
    assert b"<html" not in answer.content
    assert b"data-copy" in answer.content


def test_the_list_tells_the_state_of_each_request(staff, host):
    def made(summary):
        return requests.send(host.organisation, host=host, recipient_email="a@b.co", summary=summary, actor=SYSTEM)

    made("Waiting one")
    chosen = made("Booked one")
    requests.select(chosen, offer(requests.terms(chosen), 0, 2**40).starts[0], name="A", timezone="UTC")
    requests.withdraw(made("Withdrawn one"), actor=SYSTEM)
    SchedulerRequest.everywhere.filter(pk=made("Expired one").pk).update(expires_at=now() - dt.timedelta(days=1))
    html = staff.get("/requests").content.decode()
    for word in ("Waiting", "Booked", "Withdrawn", "Expired"):
        assert f"{word}</span>" in html
    assert html.count("Copy link") == 1


def test_a_request_can_be_withdrawn_and_its_link_then_is_closed(staff, host, client):
    made = requests.send(host.organisation, host=host, recipient_email="a@b.co", summary="Talk", actor=SYSTEM)
    staff.post(f"/requests/{made.pk}/withdraw")
    assert client.get(f"/r/{links.token('request', made.pk)}").status_code == 404


def test_a_booked_request_is_not_withdrawn_but_explained(staff, host):
    made = requests.send(host.organisation, host=host, recipient_email="a@b.co", summary="Talk", actor=SYSTEM)
    requests.select(made, offer(requests.terms(made), 0, 2**40).starts[0], name="A", timezone="UTC")
    answer = staff.post(f"/requests/{made.pk}/withdraw", follow=True)
    assert "Cancel the booking instead." in answer.content.decode()


def test_bookings_are_listed_in_the_hosts_zone_and_found_by_words(staff, host):
    booking(host, "Portfolio review")
    booking(host, "First meeting", 3)
    html = staff.get("/bookings").content.decode()
    assert "Portfolio review" in html
    assert "Europe/Berlin" in html
    found = staff.get("/bookings?q=portfolio").content.decode()
    assert "Portfolio review" in found
    assert "First meeting" not in found
    assert "Nothing found" in staff.get("/bookings?q=nothing").content.decode()
    assert "No past bookings" in staff.get("/bookings?when=past").content.decode()


def test_a_booking_tells_both_sides_time_and_its_history(staff, host):
    made = booking(host)
    html = staff.get(f"/bookings/{made.pk}").content.decode()
    assert "For the customer" in html
    assert "America/New York" in html
    assert "Booked · " in html


def test_a_booking_is_cancelled_with_a_reason(staff, host):
    made = booking(host)
    page = staff.post(f"/bookings/{made.pk}/cancel", {"reason": "Host is ill"}, follow=True).content.decode()
    assert "The booking is cancelled" in page
    assert "Host is ill" in page
    made.refresh_from_db()
    assert (made.state, made.cancelled_by) == ("cancelled", "host")


@pytest.mark.parametrize("many", [1, 20])
def test_lists_cost_the_same_number_of_queries_however_long(staff, host, many, django_assert_max_num_queries):
    for index in range(many):
        booking(host, index=0)
        requests.send(host.organisation, host=host, recipient_email="a@b.co", summary=f"T{index}", actor=SYSTEM)
    for address, most in (("/bookings", 10), ("/requests", 9)):
        with django_assert_max_num_queries(most):
            staff.get(address)


def test_things_of_other_organisations_are_not_there(staff, host):
    foreign = factories.host(weekly=factories.ALWAYS)
    made = requests.send(foreign.organisation, host=foreign, recipient_email="a@b.co", summary="Alien", actor=SYSTEM)
    alien = booking(foreign, "Alien")
    assert "Alien" not in staff.get("/requests").content.decode() + staff.get("/bookings").content.decode()
    assert staff.post(f"/requests/{made.pk}/withdraw").status_code == 404
    assert staff.get(f"/bookings/{alien.pk}").status_code == 404
    assert staff.post(f"/bookings/{alien.pk}/cancel").status_code == 404
    assert staff.post("/requests/new", fields(foreign)).status_code == 422
    assert (
        staff.get("/why", {"host": foreign.pk, "day": "2027-03-02", "time": "10:00", "duration": 30}).status_code == 422
    )
    assert Booking.everywhere.get().state == "confirmed"


def ask(staff, host, start, minutes=30):
    at = dt.datetime.fromtimestamp(zone(host.timezone).to_wall(start), dt.UTC)
    query = {"host": host.pk, "day": f"{at:%Y-%m-%d}", "time": f"{at:%H:%M}", "duration": minutes}
    return staff.get("/why", query).content.decode()


def test_staff_learn_why_a_time_is_offered_or_not(staff, host):
    terms = of_host(host, minutes=30)
    start = offer(terms, 0, 2**40).starts[4]
    assert ">Offered<" in ask(staff, host, start)
    reserve.book(host.organisation, terms, start, reserve.Wish("Portfolio", "UTC"), actor=SYSTEM)
    html = ask(staff, host, start)
    assert ">Not offered<" in html
    assert ">booked<" in html
    assert "Portfolio" in html
    assert "Next free:" in html


def test_a_group_is_offered_although_not_all_of_it_is_free(staff, host):
    other = factories.host(host.organisation, weekly=factories.ALWAYS, timezone=host.timezone)
    rule = GroupRule.everywhere.create(organisation=host.organisation, name="Any of us")
    for member in (host, other):
        GroupMember.everywhere.create(organisation=host.organisation, rule=rule, host=member)
    start = offer(of_host(host, minutes=30), 0, 2**40).starts[4]
    reserve.book(host.organisation, of_host(host, minutes=30), start, reserve.Wish("Portfolio", "UTC"), actor=SYSTEM)
    at = dt.datetime.fromtimestamp(zone(host.timezone).to_wall(start), dt.UTC)
    query = {"host": rule.pk, "day": f"{at:%Y-%m-%d}", "time": f"{at:%H:%M}", "duration": 30}
    html = staff.get("/why", query).content.decode()
    assert ">Offered<" in html
    assert "Portfolio" in html, "who is not free is told all the same"


@pytest.mark.parametrize("day", ["0001-01-01", "1969-12-31", "9999-12-31"])
def test_a_day_at_the_end_of_time_is_explained(staff, host, day):
    query = {"host": host.pk, "day": day, "time": "23:59", "duration": 30}
    assert ">Not offered<" in staff.get("/why", query).content.decode()


def test_an_incomplete_question_is_asked_back(staff, host):
    assert "This field is required." in staff.get("/why", {"host": host.pk}).content.decode()
