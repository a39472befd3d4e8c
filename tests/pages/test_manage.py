"""A customer's own booking behind its own link, through the door a browser uses."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now
from icalendar import Calendar as Ical

from bookings.domain import links, manage, public, requests, reserve
from bookings.domain.audit import SYSTEM
from bookings.domain.availability import of_event_type, offer
from bookings.domain.public import Customer
from bookings.models import AuditEntry, Booking, Claim, EventType, Participant, Seat
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def greta(org):
    return factories.host(org, weekly=factories.ALWAYS, timezone="Europe/Berlin", name="Greta Hoffmann")


@pytest.fixture
def meeting(org, greta):
    made = EventType.everywhere.create(
        organisation=org, name="First meeting", slug="first-meeting", minimum_notice=0, description="Bring a pen."
    )
    made.hosts.set([greta])
    return made


def free(event_type, index=0):
    return offer(of_event_type(event_type), 0, 2**40).starts[index]


def take(event_type, index=0, email="ada@example.org", **said):
    customer = Customer(name="Ada", email=email, timezone="America/New_York", **said)
    offering = public.offering(event_type.organisation, event_type.slug)
    return public.book(offering, free(event_type, index), minutes=event_type.durations[0], customer=customer)


@pytest.fixture
def booking(meeting):
    return take(meeting, guests=["bo@example.org"])


def link_of(booking):
    return links.manage_url(booking.pk).removeprefix("http://127.0.0.1:8000")


@pytest.fixture
def link(booking):
    return link_of(booking)


def starts_in(html):
    return [int(found) for found in re.findall(r"\?start=(\d+)", html)]


def moved(client, link, start):
    return client.post(f"{link}/move", {"start": start, "tz": "UTC"})


# ── Seeing and keeping ──


def test_the_link_shows_the_booking_on_the_customers_clock(client, link, booking):
    html = client.get(link).content.decode()
    assert "It is booked" in html
    assert "America/New York" in html
    assert "for Greta Hoffmann, Europe/Berlin" in html
    assert "bo@example.org" in html


def test_the_link_is_told_to_nobody_and_not_indexed(client, link):
    for address in (link, f"{link}/move", f"{link}/cancel", f"{link}/data.json", f"{link}/event.ics"):
        answer = client.get(address)
        assert answer.status_code == 200
        assert answer["X-Robots-Tag"].startswith("noindex")
        assert answer["Cache-Control"] == "no-store"
        assert answer["Referrer-Policy"] == "same-origin"
        assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]


def test_unknown_links_are_closed(client, booking):
    for path in ("", "/move", "/cancel", "/data.json", "/event.ics"):
        assert client.get(f"/m/{'x' * 27}{path}").status_code == 404
    assert client.get("/g/nonsense").status_code == 404
    assert client.get(f"/g/{links.guest_token(booking.pk, 'stranger@example.org')}").status_code == 404
    assert client.get(f"/g/{links.guest_token(booking.pk, 'bo@example.org')}ä").status_code == 404


def test_the_file_holds_the_booking_and_the_link_and_no_other_person(client, link, booking):
    event = Ical.from_ical(client.get(f"{link}/event.ics").content).walk("VEVENT")[0]
    assert int(event["DTSTART"].dt.timestamp()) == booking.start_s
    assert event["UID"] == booking.event.uid
    assert links.manage_url(booking.pk) in event["DESCRIPTION"]
    assert "ATTENDEE" not in event


def test_two_calendar_services_are_a_press_away(client, link):
    html = client.get(link).content.decode()
    assert "https://calendar.google.com/calendar/render?" in html
    assert "https://outlook.live.com/calendar/0/deeplink/compose?" in html


def test_my_data_is_all_that_is_kept_and_nothing_of_staff(client, link, booking):
    Booking.everywhere.update(notes="Difficult customer")
    answer = client.get(f"{link}/data.json")
    told = answer.json()
    assert answer["Content-Disposition"].startswith("attachment")
    assert told["you"] == {
        "name": "Ada",
        "email": "ada@example.org",
        "phone": "",
        "timezone": "America/New_York",
        "locale": "",
    }
    assert told["booking"]["start"] == dt.datetime.fromtimestamp(booking.start_s, dt.UTC).isoformat()
    assert told["guests"] == [{"email": "bo@example.org", "name": "", "answer": "needs-action"}]
    assert told["history"][0]["what"] == "booking.made"
    assert b"Difficult" not in answer.content


def test_looking_changes_nothing(client, link, booking):
    guest = f"/g/{links.guest_token(booking.pk, 'bo@example.org')}"
    with CaptureQueriesContext(connection) as queries:
        for path in (link, f"{link}/move", f"{link}/cancel", f"{link}/guests", f"{link}/data.json", guest):
            for method in (client.get, client.head, client.options):
                method(path)
        client.get(f"{link}/back")
    assert not [each["sql"] for each in queries if not each["sql"].startswith("SELECT")]


def test_every_change_needs_the_forms_token(link, booking):
    strict = Client(enforce_csrf_checks=True)
    for path in (f"{link}/move", f"{link}/cancel", f"{link}/back", f"{link}/guests"):
        assert strict.post(path, {"start": booking.start_s + 3600, "tz": "UTC"}).status_code == 403
    guest = f"/g/{links.guest_token(booking.pk, 'bo@example.org')}"
    assert strict.post(guest, {"status": "declined"}).status_code == 403
    booking.refresh_from_db()
    assert booking.state == "confirmed"


# ── Moving ──


def test_moving_offers_real_free_times_and_keeps_booking_link_and_event(client, link, booking, meeting):
    html = client.get(f"{link}/move", {"tz": "UTC"}).content.decode()
    assert booking.start_s not in starts_in(html)
    start, uid, was = starts_in(html)[2], booking.event.uid, booking.start_s
    answer = moved(client, link, start)
    assert answer["Location"] == f"{link}?was={was}"
    booking.refresh_from_db()
    assert (booking.start_s, booking.event.uid, booking.state) == (start, uid, "confirmed")
    assert list(booking.claims.filter(state="booked").values_list("start_s", flat=True)) == [start]


def test_a_move_can_be_taken_back_while_the_old_time_is_free(client, link, booking, meeting):
    was = booking.start_s
    page = client.get(moved(client, link, was + 7200)["Location"]).content.decode()
    assert "Back to" in page
    take(meeting, email="bo@example.org")
    assert "Back to" not in client.get(f"{link}?was={was}").content.decode()
    assert moved(client, link, was).status_code == 409


def test_a_time_taken_meanwhile_leaves_the_booking_and_offers_others(client, link, booking, meeting):
    other = take(meeting, 2, email="bo@example.org")
    answer = moved(client, link, other.start_s)
    assert answer.status_code == 409
    assert "your booking is as it was" in answer.content.decode()
    assert 'type="radio"' in answer.content.decode()
    was = booking.start_s
    booking.refresh_from_db()
    assert booking.start_s == was


def test_a_booking_may_overlap_where_it_was_when_it_moves(client, org, greta):
    long = EventType.everywhere.create(
        organisation=org, name="Long", slug="long", durations=[60], slot_interval=30, minimum_notice=0
    )
    long.hosts.set([greta])
    booking = take(long, 2)
    assert moved(client, link_of(booking), booking.start_s + 1800).status_code == 302


@pytest.mark.parametrize("start", ["", "x", "-1", "9" * 30, "1"])
def test_a_nonsensical_start_is_refused_kindly(client, link, start):
    assert moved(client, link, start).status_code in (409, 422)


# ── Policy ──


def test_too_late_says_until_when_and_changes_nothing(client, link, booking, meeting):
    EventType.everywhere.update(change_notice=60 * 24 * 30)
    html = client.get(link).content.decode()
    assert "Changes were possible until" in html
    assert "/cancel" not in html
    for answer in (moved(client, link, booking.start_s + 7200), client.post(f"{link}/cancel")):
        assert answer.status_code == 409
        assert "It is too late to change this here" in answer.content.decode()
    assert "It is too late" in client.get(f"{link}/move").content.decode()
    assert client.post(f"{link}/guests", {"guests": "cy@example.org"}).status_code == 422
    booking.refresh_from_db()
    assert booking.state == "confirmed"


def test_a_booking_moves_as_often_as_its_type_allows(client, link, booking, meeting):
    EventType.everywhere.update(most_moves=1)
    assert moved(client, link, booking.start_s + 7200).status_code == 302
    answer = moved(client, link, booking.start_s + 14400)
    assert answer.status_code == 409
    assert "moved as often as it can be" in answer.content.decode()
    assert client.post(f"{link}/cancel").status_code == 302, "it can still be cancelled"


def test_what_has_begun_can_be_seen_and_not_changed(client, link, booking):
    past = int(now().timestamp()) - 600
    Claim.everywhere.all().delete()
    Booking.everywhere.update(start_s=past, end_s=past + 1800)
    html = client.get(link).content.decode()
    assert "/move" not in html
    assert client.post(f"{link}/cancel").status_code == 409
    Booking.everywhere.update(start_s=past - 7200, end_s=past - 3600)
    assert "It has been" in client.get(link).content.decode()


# ── Cancelling, and the way back ──


def test_cancelling_asks_once_frees_the_time_and_keeps_the_reason(client, link, booking, meeting):
    assert "Yes, cancel it" in client.get(f"{link}/cancel").content.decode()
    assert client.post(f"{link}/cancel", {"reason": "Ill"})["Location"] == link
    booking.refresh_from_db()
    assert (booking.state, booking.cancelled_by, booking.cancel_reason) == ("cancelled", "invitee", "Ill")
    assert free(meeting) == booking.start_s
    assert "It is cancelled" in client.get(link).content.decode()
    assert client.post(f"{link}/cancel").status_code == 302, "twice is once"
    assert AuditEntry.everywhere.filter(action="booking.cancelled").count() == 1


def test_what_was_cancelled_is_taken_back_with_its_guests(client, link, booking):
    client.post(f"{link}/cancel")
    assert "Take it back" in client.get(link).content.decode()
    assert client.post(f"{link}/back")["Location"] == link
    html = client.get(link).content.decode()
    assert "It is booked" in html
    assert "bo@example.org" in html
    assert client.post(f"{link}/back").status_code == 302, "twice is once"


def test_what_somebody_else_has_by_now_is_not_taken_back(client, link, booking, meeting):
    client.post(f"{link}/cancel")
    take(meeting, email="bo@example.org")
    assert "Take it back" not in client.get(link).content.decode()
    answer = client.post(f"{link}/back")
    assert answer.status_code == 409
    assert "Somebody else has this time" in answer.content.decode()
    assert "Book another time" in answer.content.decode()


def test_what_the_host_cancelled_or_has_to_agree_to_is_not_taken_back(client, link, booking):
    EventType.everywhere.update(needs_confirmation=True)
    client.post(f"{link}/cancel")
    assert client.post(f"{link}/back").status_code == 409
    EventType.everywhere.update(needs_confirmation=False)
    Booking.everywhere.update(cancelled_by="host", cancel_reason="Greta is ill, sorry.")
    assert client.post(f"{link}/back").status_code == 409
    assert "Greta is ill, sorry." in client.get(link).content.decode()


def test_a_request_chosen_anew_keeps_its_second_booking(client, greta):
    asked = requests.send(greta.organisation, host=greta, recipient_email="a@example.org", summary="Talk", actor=SYSTEM)
    terms = requests.terms(asked)
    first, second = offer(terms, 0, 2**40).starts[:2]
    booking = requests.select(asked, first, name="A", timezone="UTC")
    request_page = f"/r/{links.token('request', asked.pk)}"
    assert link_of(booking) in client.get(f"{request_page}/booked").content.decode()
    client.post(f"{link_of(booking)}/cancel")
    assert request_page in client.get(link_of(booking)).content.decode()
    asked.refresh_from_db()
    requests.select(asked, second, name="A", timezone="UTC")
    assert client.post(f"{link_of(booking)}/back").status_code == 409
    assert Booking.everywhere.get(state="confirmed").start_s == second


def test_a_request_whose_booking_is_taken_back_is_booked_again(client, greta):
    asked = requests.send(greta.organisation, host=greta, recipient_email="a@example.org", summary="Talk", actor=SYSTEM)
    booking = requests.select(asked, offer(requests.terms(asked), 0, 2**40).starts[0], name="A", timezone="UTC")
    client.post(f"{link_of(booking)}/cancel")
    assert client.post(f"{link_of(booking)}/back").status_code == 302
    asked.refresh_from_db()
    assert asked.state == "booked"


def test_a_request_to_a_host_who_is_away_says_so_and_opens_again_later(client, greta):
    asked = requests.send(greta.organisation, host=greta, recipient_email="a@example.org", summary="Talk", actor=SYSTEM)
    page = f"/r/{links.token('request', asked.pk)}"
    type(greta).everywhere.update(is_active=False)
    assert "takes no bookings at present" in client.get(page).content.decode()
    type(greta).everywhere.update(is_active=True)
    assert starts_in(client.get(page).content.decode())


# ── Guests ──


def test_guests_are_added_once(client, link, booking):
    assert client.post(f"{link}/guests", {"guests": "cy@example.org, bo@example.org"}).status_code == 302
    people = booking.event.participants.filter(role="attendee").values_list("email", flat=True)
    assert sorted(people) == ["ada@example.org", "bo@example.org", "cy@example.org"]
    answer = client.post(f"{link}/guests", {"guests": "no address"})
    assert answer.status_code == 422
    assert "is not a mail address" in answer.content.decode()
    many = ", ".join(f"g{number}@example.org" for number in range(9))
    assert client.post(f"{link}/guests", {"guests": many}).status_code == 422


def test_a_guest_says_whether_they_come_and_can_change_nothing_else(client, link, booking):
    guest = links.guest_url(booking.pk, "bo@example.org").removeprefix("http://127.0.0.1:8000")
    html = client.get(guest).content.decode()
    assert "Are you coming?" in html
    assert link not in html
    assert "ada@example.org" not in html
    assert client.post(guest, {"status": "accepted", "comment": "Gladly"}).status_code == 302
    assert "You said that you are coming" in client.get(guest).content.decode()
    assert "is coming" in client.get(link).content.decode()
    assert Participant.everywhere.get(email="bo@example.org").comment == "Gladly"
    assert client.post(guest, {"status": "perhaps"}).status_code == 422
    client.post(f"{link}/cancel")
    assert client.post(guest, {"status": "declined"}).status_code == 422


# ── Seats ──


@pytest.fixture
def studio(org, greta):
    made = EventType.everywhere.create(
        organisation=org, name="Open studio", slug="studio", capacity=3, durations=[60], minimum_notice=0
    )
    made.hosts.set([greta])
    return made


def seat_link(seat):
    return links.seat_url(seat.pk).removeprefix("http://127.0.0.1:8000")


def test_one_seat_is_seen_moved_and_left_without_touching_the_others(client, studio):
    mine, other = take(studio), take(studio, email="bo@example.org")
    html = client.get(seat_link(mine)).content.decode()
    assert "Open studio" in html
    assert "bo@example.org" not in html + client.get(f"{seat_link(mine)}/data.json").content.decode()
    answer = moved(client, seat_link(mine), free(studio, 2))
    moved_to = answer["Location"].partition("?")[0]
    assert moved_to != seat_link(mine)
    assert "It is booked" in client.get(moved_to).content.decode()
    assert "It is cancelled" in client.get(seat_link(mine)).content.decode()
    assert "It is booked" in client.get(seat_link(other)).content.decode()
    client.post(f"{moved_to}/cancel", {"reason": "No time"})
    assert list(Seat.everywhere.filter(cancelled_at=None)) == [other]


def test_a_full_session_refuses_a_move_and_the_old_seat_stays(client, studio):
    mine = take(studio)
    for number in range(3):
        take(studio, 1, email=f"p{number}@example.org")
    full = Booking.everywhere.exclude(pk=mine.booking_id).get().start_s
    assert moved(client, seat_link(mine), full).status_code == 409
    assert Seat.everywhere.get(pk=mine.pk).cancelled_at is None


def test_the_number_of_queries_is_fixed(client, link, booking, greta, meeting, django_assert_max_num_queries):
    for number in range(8):
        take(meeting, number, email=f"p{number}@example.org")
    with django_assert_max_num_queries(5):
        client.get(link)
    with django_assert_max_num_queries(14):
        client.get(f"{link}/move")


def test_a_booking_made_by_a_program_can_be_managed_too(client, greta):
    start = int(now().timestamp()) // 3600 * 3600 + 3 * 86_400
    booking = factories.booking(greta, start=start)
    assert manage.find(link_of(booking).rpartition("/")[2]).booking == booking
    assert moved(client, link_of(booking), start + 7200).status_code == 302
    assert reserve.terms_of(booking).length == 3600
