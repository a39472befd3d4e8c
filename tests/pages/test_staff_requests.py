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
from bookings.models import Booking, EventType, GroupMember, GroupRule, Message, SchedulerRequest
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
    for address, most in (("/bookings", 12), ("/requests", 9)):
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


def test_a_request_may_follow_an_event_type_and_keep_to_a_window(staff, host):
    offered = EventType.everywhere.create(
        organisation=host.organisation, name="Lesson", slug="lesson", durations=[50, 90], slot_interval=10
    )
    day = (now() + dt.timedelta(days=3)).date()
    chosen = {"event_type": f"{offered.pk}:90", "duration": "", "earliest": str(day), "latest": str(day)}
    staff.post("/requests/new", fields(host, **chosen))
    made = SchedulerRequest.everywhere.get()
    assert (made.event_type, made.duration) == (offered, 90)
    lo, hi = zone(host.timezone).day_bounds((day - dt.date(1970, 1, 1)).days)
    starts = offer(requests.terms(made), 0, 2**40).starts
    assert (starts[0], starts[-1] + 90 * 60, starts[1] - starts[0]) == (lo, hi, 600)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"duration": ""}, "This field is required."),
        ({"latest": "2020-01-01"}, "The window is over"),
        ({"earliest": "2027-03-02", "latest": "2027-03-01"}, "The last day is before the first."),
        ({"event_type": "x"}, "Select a valid choice."),
    ],
)
def test_a_window_or_length_that_cannot_be_is_told_and_what_is_folded_is_opened(staff, host, changes, message):
    answer = staff.post("/requests/new", fields(host, **changes))
    assert answer.status_code == 422
    assert message in answer.content.decode()
    assert not SchedulerRequest.everywhere.exists()


@pytest.mark.parametrize(("quiet", "mails"), [({}, 1), ({"quiet": "on"}, 0)])
def test_the_link_is_mailed_unless_staff_passes_it_on(staff, host, quiet, mails):
    page = staff.post("/requests/new", fields(host, **quiet)).content.decode()
    assert Message.everywhere.filter(template="request").count() == mails
    assert ("on its way to doc@example.org" in page) == bool(mails)


def test_a_link_is_sent_again_and_an_expired_one_works_again(staff, host):
    made = requests.send(host.organisation, host=host, recipient_email="a@b.co", summary="Talk", actor=SYSTEM)
    SchedulerRequest.everywhere.update(expires_at=now() - dt.timedelta(days=1))
    for mails in (2, 3):
        page = staff.post(f"/requests/{made.pk}/resend", follow=True).content.decode()
        assert "sent to a@b.co again" in page
        assert Message.everywhere.filter(template="request").count() == mails
    made.refresh_from_db()
    assert not made.is_expired
    requests.withdraw(made, actor=SYSTEM)
    assert "no longer open" in staff.post(f"/requests/{made.pk}/resend", follow=True).content.decode()


def test_requests_are_found_by_state_and_by_words(staff, host):
    def made(summary, **changes):
        sent = requests.send(host.organisation, host=host, recipient_email="a@b.co", summary=summary, actor=SYSTEM)
        SchedulerRequest.everywhere.filter(pk=sent.pk).update(**changes)

    past = now() - dt.timedelta(days=1)
    made("Waiting one")
    made("Opened one", opened_at=past)
    made("Expired one", expires_at=past)
    made("Withdrawn one", state="withdrawn")
    made("Booked one", state="booked")
    for state in ("Waiting", "Opened", "Expired", "Withdrawn", "Booked"):
        html = staff.get(f"/requests?state={state.lower()}").content.decode()
        assert re.findall(r'<th scope="row">(.*?)<', html) == [f"{state} one"]
    assert re.findall(r'<th scope="row">(.*?)<', staff.get("/requests?q=OPENED").content.decode()) == ["Opened one"]
    assert "Nothing found" in staff.get("/requests?q=nobody").content.decode()


def many(host, addresses, /, **changes):
    given = fields(host, addresses=addresses, **changes)
    return {name: each for name, each in given.items() if not name.startswith("recipient")}


def test_a_pasted_list_makes_a_link_for_each_line(staff, host):
    answer = staff.post(
        "/requests/bulk", many(host, "cleo@example.org\n\nDoc Brown <doc@example.org>\nIda;ida@b.co\r\n")
    )
    made = {each.recipient_email: each.recipient_name for each in SchedulerRequest.everywhere.all()}
    assert made == {"cleo@example.org": "", "doc@example.org": "Doc Brown", "ida@b.co": "Ida"}
    page = staff.get(answer["Location"]).content.decode()
    assert "3 links are ready" in page
    assert "0 of 3 mails are sent." in page
    for each in SchedulerRequest.everywhere.all():
        assert links.select_url(each.pk) in page
    Message.everywhere.update(state="sent")
    progress = staff.get(answer["Location"], headers={"HX-Request": "true"}).content.decode()
    assert "3 of 3 mails are sent." in progress
    assert "hx-trigger" not in progress


def test_each_line_that_cannot_be_used_is_told_and_none_is_sent(staff, host):
    pasted = "cleo@example.org\nnobody\na@b.co c@d.co\nCLEO@example.org\nx@y"
    answer = staff.post("/requests/bulk", many(host, pasted))
    html = answer.content.decode()
    assert answer.status_code == 422
    assert "4 lines cannot be used." in html
    for words in (
        "No e-mail address is in this line.",
        "More than one e-mail address",
        "The same address as in line 1.",
        "“x@y” is not an e-mail address.",
    ):
        assert words in html
    assert "cleo@example.org\nnobody" in html
    assert not SchedulerRequest.everywhere.exists()


@pytest.mark.parametrize(("count", "status"), [(100, 302), (101, 422)])
def test_a_hundred_recipients_are_possible_at_once(staff, host, count, status):
    pasted = "\n".join(f"guest{number}@example.org" for number in range(count))
    assert staff.post("/requests/bulk", many(host, pasted)).status_code == status
    assert SchedulerRequest.everywhere.count() == (count if status == 302 else 0)


def test_batches_and_requests_of_others_are_not_there(staff, host):
    foreign = factories.host(weekly=factories.ALWAYS)
    raw = {"convene_batch": "6b7d3c1e-58f4-4f6f-9b3f-0d0a3b0a5a11"}
    made = requests.send(
        foreign.organisation, host=foreign, recipient_email="a@b.co", summary="Alien", actor=SYSTEM, raw=raw
    )
    assert staff.get(f"/requests/batches/{raw['convene_batch']}").status_code == 404
    assert staff.post(f"/requests/{made.pk}/resend").status_code == 404


def test_a_batch_costs_a_fixed_number_of_queries(staff, host, django_assert_max_num_queries):
    pasted = "\n".join(f"guest{number}@example.org" for number in range(20))
    page = staff.post("/requests/bulk", many(host, pasted))["Location"]
    for address, most in ((page, 7), ("/requests/bulk", 9), ("/requests/new", 9)):
        with django_assert_max_num_queries(most):
            staff.get(address)
