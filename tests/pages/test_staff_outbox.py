"""Staff see every mail with its state, read it, send it again, and try whether mail works."""

from __future__ import annotations

import time

import pytest

from bookings.domain import reserve
from bookings.domain.audit import SYSTEM
from bookings.domain.availability import of_host
from bookings.models import Message
from tests import factories

pytestmark = pytest.mark.django_db
START = (int(time.time()) // 86_400 + 10) * 86_400


@pytest.fixture
def mails(host):
    wish = reserve.Wish("Talk", "Asia/Singapore", name="Doc", email="doc@example.com")
    reserve.book(host.organisation, of_host(host, minutes=30), START, wish, actor=SYSTEM)
    return {row.template: row for row in Message.everywhere.all()}


def test_an_empty_outbox_teaches_what_it_is_for(staff):
    assert "Nobody was told anything yet" in staff.get("/outbox").content.decode()


def test_every_mail_is_listed_with_its_state(staff, mails):
    Message.everywhere.filter(template="booked").update(state="failed", last_error="550 no such user")
    page = staff.get("/outbox").content.decode()
    assert "doc@example.com" in page
    assert "550 no such user" in page
    assert "doc@example.com" not in staff.get("/outbox?state=waiting").content.decode()


def test_the_list_costs_the_same_number_of_queries_however_long(staff, host, mails, django_assert_num_queries):
    staff.get("/outbox")
    for index in range(2):
        with django_assert_num_queries(6):
            staff.get("/outbox")
        wish = reserve.Wish("Talk", "UTC", name="Doc", email="doc@example.com")
        reserve.book(host.organisation, of_host(host, minutes=30), START + (index + 1) * 3600, wish, actor=SYSTEM)


def test_a_mail_is_shown_in_a_frame_that_can_do_nothing(staff, mails):
    row = mails["booked"]
    page = staff.get(f"/outbox/{row.pk}")
    assert "BEGIN:VCALENDAR" in page.content.decode()
    assert "frame-src 'self'" in page.headers["Content-Security-Policy"]
    frame = staff.get(f"/outbox/{row.pk}/mail")
    policy = frame.headers["Content-Security-Policy"]
    assert "sandbox" in policy
    assert "default-src 'none'" in policy
    assert frame.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "Asia/Singapore (UTC+8)" in frame.content.decode()


def test_a_mail_is_sent_again_on_request(staff, mails):
    row = mails["booked"]
    Message.everywhere.filter(pk=row.pk).update(state="unknown", attempt=3)
    staff.post(f"/outbox/{row.pk}/again")
    row.refresh_from_db()
    assert (row.state, row.attempt, row.next_attempt_s) == ("waiting", 0, 0)


def test_a_test_is_written_and_a_wrong_address_kept_in_its_field(staff, org):
    assert staff.post("/outbox/test", {"email": "me@example.com"}).status_code == 302
    assert Message.everywhere.get().recipient == "me@example.com"
    refused = staff.post("/outbox/test", {"email": "me@example"})
    assert refused.status_code == 422
    assert "me@example" in refused.content.decode()


def test_mails_of_others_are_not_there(client, mails):
    other = factories.staff_user(factories.organisation())
    client.force_login(other, backend="allauth.account.auth_backends.AuthenticationBackend")
    row = mails["booked"]
    assert "doc@example.com" not in client.get("/outbox").content.decode()
    for path in (f"/outbox/{row.pk}", f"/outbox/{row.pk}/mail"):
        assert client.get(path).status_code == 404
    assert client.post(f"/outbox/{row.pk}/again").status_code == 404
