"""Who is told of what, once, and in which words: each on their own clock."""

from __future__ import annotations

import datetime as dt

import pytest

from bookings.domain import links, messages, requests, reserve, rooms
from bookings.domain.audit import CUSTOMER, SYSTEM, Actor
from bookings.domain.availability import Terms
from bookings.mail.letters import letter
from bookings.models import Booking, Event, EventType, Host, Message, Seat
from tests import factories

pytestmark = pytest.mark.django_db
START = int(dt.datetime(2027, 3, 2, 9, tzinfo=dt.UTC).timestamp())
HOUR = 3600


@pytest.fixture
def org():
    return factories.organisation("Harbour Studio")


@pytest.fixture
def host(org):
    return factories.host(
        org, timezone="Europe/Paris", weekly=factories.ALWAYS, name="Greta", email="greta@example.org"
    )


def terms(*hosts: Host, **more) -> Terms:
    given = {"required": len(hosts), "step": 60, "refuse_unknown": False, "weekly": (((0, 1440),),) * 7} | more
    return Terms(hosts, 1800, **given)


def booked(host, start=START, actor=SYSTEM, **wish) -> Booking:
    given = {"title": "Talk", "timezone": "Asia/Singapore", "name": "Doc", "email": "doc@example.com"} | wish
    return reserve.book(host.organisation, terms(host), start, reserve.Wish(**given), actor=actor)


def told() -> list[tuple[str, str]]:
    return sorted(Message.everywhere.values_list("template", "recipient"))


def test_an_organiser_in_auckland_a_customer_in_singapore_a_venue_in_paris(org):
    far = factories.host(org, timezone="Pacific/Auckland", weekly=factories.ALWAYS, name="Mere", email="m@example.org")
    here = factories.host(org, timezone="Europe/Paris", weekly=factories.ALWAYS, name="Luc", email="l@example.org")
    kind = EventType.everywhere.create(organisation=org, name="Visit", slug="visit", place="in_person")
    wish = reserve.Wish(
        "Visit", "Asia/Singapore", name="Doc", email="doc@example.com", location="Paris", event_type=kind
    )
    both = sorted((far, here), key=lambda each: each.timezone)  # the first host's place is the venue's
    made = reserve.book(org, terms(*both), START, wish, actor=SYSTEM)
    reserve.move(made, terms(*both), START + 24 * HOUR, actor=SYSTEM)
    reserve.cancel(made, by=Booking.By.INVITEE, actor=CUSTOMER)
    clocks = {
        "doc@example.com": ("17:00 – 17:30", "Asia/Singapore (UTC+8)"),
        "m@example.org": ("22:00 – 22:30", "Pacific/Auckland (UTC+13)"),
        "l@example.org": ("10:00 – 10:30", "Europe/Paris (UTC+1)"),
    }
    rows = list(Message.everywhere.all())
    assert len(rows) == 9
    for row in rows:
        written = letter(row)
        for words in clocks[row.recipient]:
            assert words in written.text
            assert words in written.html
        differs = row.recipient != "l@example.org"
        assert ("At the venue: " in written.text) == differs
        if differs:
            assert "10:00 – 10:30, Europe/Paris (UTC+1)" in written.text


def test_the_host_who_books_is_not_told_what_they_did(host):
    user = factories.staff_user(host.organisation)
    Host.everywhere.filter(pk=host.pk).update(user=user)
    host.refresh_from_db()
    booked(host, actor=Actor("greta", user_id=user.pk))
    assert told() == [("booked", "doc@example.com")]


def test_a_booking_costs_one_statement_more(host, django_assert_max_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    booked(host)
    counts = []
    for index, notify in enumerate((False, True), start=1):
        with CaptureQueriesContext(
            connection,
        ) as counted:
            booked(host, START + index * HOUR, notify=notify)
        counts.append(len(counted))
    assert counts[1] - counts[0] == (1 if connection.vendor == "sqlite" else 0)


def test_cancelling_twice_is_told_once(host):
    made = booked(host)
    for _ in range(2):
        reserve.cancel(made, by=Booking.By.HOST, actor=SYSTEM, reason="Ill")
    assert Message.everywhere.filter(template="cancelled").count() == 1
    assert "Ill" in letter(Message.everywhere.get(template="cancelled")).text


def test_another_host_means_another_event_in_the_customers_calendar(host, org):
    other = factories.host(org, weekly=factories.ALWAYS, name="Hugo", email="hugo@example.org")
    made = booked(host)
    reserve.hand_over(made, terms(other), START, actor=SYSTEM, event_type=None)
    mine = Message.everywhere.filter(recipient="doc@example.com").order_by("created_at", "template")
    methods = {row.template: row.payload["method"] for row in mine}
    assert methods == {"booked": "REQUEST", "cancelled": "CANCEL", "moved": "REQUEST"}
    uids = {row.template: row.payload["event"]["uid"] for row in mine}
    assert uids["booked"] == uids["cancelled"] != uids["moved"]


def test_seats_are_told_apart(host):
    kind = EventType.everywhere.create(organisation=host.organisation, name="Yoga", slug="yoga", capacity=5)
    kind.hosts.add(host)
    shared = terms(host, capacity=5, event_type_id=kind.pk)
    for name in ("amy", "bea"):
        wish = reserve.Wish("Yoga", "UTC", name=name, email=f"{name}@example.com", event_type=kind)
        reserve.take_seat(host.organisation, shared, START, wish, actor=CUSTOMER)
    amy = Seat.everywhere.get(contact__email="amy@example.com")
    reserve.leave_seat(amy, by=Booking.By.INVITEE, actor=CUSTOMER)
    assert [each for each in told() if each[1] != "greta@example.org"] == [
        ("booked", "amy@example.com"),
        ("booked", "bea@example.com"),
        ("cancelled", "amy@example.com"),
    ]
    first = letter(Message.everywhere.get(template="booked", recipient="amy@example.com"))
    assert links.seat_url(amy.pk) in first.text
    assert "bea@" not in first.text + first.html + first.calendar
    gone = letter(Message.everywhere.get(template="cancelled"))
    assert "METHOD:CANCEL" in gone.calendar
    assert "SEQUENCE:1" in gone.calendar


def test_a_request_mails_its_link_and_says_when_it_is_withdrawn(host):
    made = requests.send(host.organisation, host=host, recipient_email="doc@example.com", summary="Talk", actor=SYSTEM)
    row = Message.everywhere.get()
    assert links.select_url(made.pk) in letter(row).text
    Message.everywhere.update(state="sent")
    requests.withdraw(made, actor=SYSTEM)
    assert told() == [("request", "doc@example.com"), ("withdrawn", "doc@example.com")]


def test_a_request_taken_back_before_it_was_mailed_is_never_mailed(host):
    made = requests.send(host.organisation, host=host, recipient_email="doc@example.com", summary="Talk", actor=SYSTEM)
    requests.withdraw(made, actor=SYSTEM)
    assert list(Message.everywhere.values_list("template", "state")) == [("request", "dropped")]


def test_a_confirmation_waits_for_its_room_and_then_has_the_link(host):
    made = booked(host, room="meet")
    row = Message.everywhere.get(template="booked")
    assert row.next_attempt_s > 0
    assert "follows" in letter(row).text
    rooms.settle(made.event_id, {"state": "ready", "url": "https://meet.example/abc"}, told_by=made.event.calendar)
    row.refresh_from_db()
    assert row.next_attempt_s == 0
    assert "https://meet.example/abc" in letter(row).text
    assert "follows" not in letter(row).text
    assert "CONFERENCE" in letter(row).calendar
    assert not Message.everywhere.filter(template="changed").exists()


def test_a_room_that_comes_after_the_mail_is_told_as_an_update(host):
    made = booked(host, room="meet")
    Message.everywhere.update(state="sent")
    rooms.settle(made.event_id, {"state": "ready", "url": "https://meet.example/abc"}, told_by=made.event.calendar)
    row = Message.everywhere.get(template="changed")
    assert row.payload["event"]["sequence"] == 1
    assert "https://meet.example/abc" in letter(row).text


def test_another_place_is_told_with_the_next_sequence(host):
    made = booked(host, location="Room 1")
    Message.everywhere.update(state="sent")
    reserve.describe(made, actor=SYSTEM, location="Room 2")
    row = Message.everywhere.get(template="changed")
    assert row.payload["event"]["sequence"] == 1
    assert "Room 2" in letter(row).text


def test_what_was_not_sent_yet_is_brought_up_to_date_instead(host):
    made = booked(host, location="Room 1")
    reserve.describe(made, actor=SYSTEM, location="Room 2")
    assert not Message.everywhere.filter(template="changed").exists()
    written = letter(Message.everywhere.get(template="booked"))
    assert "Room 2" in written.text
    assert "SEQUENCE:1" in written.calendar


def test_a_change_that_is_taken_back_tells_nobody(host):
    from django.db import transaction

    with transaction.atomic():
        booked(host)
        transaction.set_rollback(True)
    assert not Message.everywhere.exists()
    assert not Event.everywhere.exists()


def test_an_account_that_needs_its_owner_tells_them_once(host):
    from providers import health

    account = factories.caldav_calendar(host).account
    for _ in range(2):
        health.needs_sign_in(account, "The password is no longer accepted.")
        account.refresh_from_db()
    row = Message.everywhere.get(template=messages.ACCOUNT)
    assert row.recipient == "greta@example.org"
    assert "no longer accepted" in letter(row).text
