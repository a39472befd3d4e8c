"""What customers' calendars are told: one event for life, counted changes, one message for each person and step."""

from __future__ import annotations

import json
import time
from email.message import EmailMessage
from pathlib import Path

import icalendar
import pytest
import vobject

from bookings.domain import reserve
from bookings.domain.audit import CUSTOMER, SYSTEM
from bookings.domain.availability import of_host
from bookings.formats.event import Person
from bookings.models import Booking, Message
from providers import post
from tests import factories
from tests.mail.conftest import Postman

pytestmark = pytest.mark.django_db
START = (int(time.time()) // 86_400 + 10) * 86_400
HOSTILE = [
    case["value"]
    for case in json.loads((Path(__file__).parents[1] / "oracles" / "hostile.json").read_text())["cases"]
    if case["kind"] == "header-injection"
]
NAMES = ["Zoë 🎉 Ålund", "שרה כהן", "محمد 🇪🇬 علي", "李小龍" * 30, 'Quote "d" \\ ; , : name']


@pytest.fixture
def host():
    org = factories.organisation("Harbour Studio")
    return factories.host(
        org, timezone="Europe/Berlin", weekly=factories.ALWAYS, name="Greta", email="greta@example.org"
    )


def booked(host, start=START, **wish):
    given = {"title": "Talk", "timezone": "Asia/Singapore", "name": "Doc", "email": "doc@example.com"} | wish
    return reserve.book(host.organisation, of_host(host, minutes=30), start, reserve.Wish(**given), actor=SYSTEM)


def parts(mail: EmailMessage) -> tuple[str, str]:
    """The calendar part among the alternatives, and the attached file."""
    body = next(part for part in mail.walk() if part.get_content_type() == "text/calendar")
    file = next(part for part in mail.walk() if part.get_content_type() == "application/ics")
    assert file.get_filename() == "invite.ics"
    payload = file.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return body.get_content(), payload.decode()


def to_customer(postman: Postman) -> list[EmailMessage]:
    return [mail for mail in postman.mails if "doc@example.com" in mail["To"]]


def test_book_move_move_cancel_is_one_event_with_sequence_0_to_3(host, postman):
    postman.opens()
    made = booked(host)
    for hours in (1, 2):
        reserve.move(made, of_host(host, minutes=30), START + hours * 3600, actor=SYSTEM)
    reserve.cancel(made, by=Booking.By.HOST, actor=SYSTEM)
    post.deliver()
    mails = to_customer(postman)
    events = [icalendar.Calendar.from_ical(parts(mail)[0]) for mail in mails]
    assert [event["METHOD"] for event in events] == ["REQUEST", "REQUEST", "REQUEST", "CANCEL"]
    inner = [event.walk("VEVENT")[0] for event in events]
    assert [int(event["SEQUENCE"]) for event in inner] == [0, 1, 2, 3]
    assert len({event["UID"] for event in inner}) == 1
    assert {event["ORGANIZER"] for event in inner} == {"mailto:greta@example.org"}
    assert all(event.walk("VTIMEZONE") for event in events)
    assert inner[-1]["STATUS"] == "CANCELLED"
    guests = [one for one in inner[0]["ATTENDEE"] if one == "mailto:doc@example.com"]
    assert guests[0].params["RSVP"] == "TRUE"
    assert "SCHEDULE-AGENT" not in guests[0].params
    others = [vobject.readOne(parts(mail)[0]) for mail in mails]
    assert [other.vevent.sequence.value for other in others] == ["0", "1", "2", "3"]
    assert [other.vevent.uid.value for other in others] == [str(event["UID"]) for event in inner]
    assert all(parts(mail)[0].split() == parts(mail)[1].split() for mail in mails)
    assert [part.get_param("method") for part in mails[0].walk() if part.get_content_type() == "text/calendar"] == [
        "REQUEST"
    ]


def test_everybody_is_told_of_each_step_once(host, postman):
    postman.opens()
    made = booked(host, guests=(Person("amy@example.com", "Amy"),))
    reserve.move(made, of_host(host, minutes=30), START + 3600, actor=SYSTEM)
    reserve.cancel(made, by=Booking.By.INVITEE, actor=CUSTOMER)
    reserve.cancel(made, by=Booking.By.INVITEE, actor=CUSTOMER)
    post.deliver()
    assert post.deliver() == 0
    recipients = sorted(mail["To"].addresses[0].addr_spec for mail in postman.mails)
    assert recipients == ["amy@example.com"] * 3 + ["doc@example.com"] * 3 + ["greta@example.org"] * 3
    assert len({mail["Message-ID"] for mail in postman.mails}) == 9


def test_only_the_customer_gets_the_link_that_cancels(host):
    booked(host, guests=(Person("amy@example.com", "Amy"),))
    from bookings.domain import links
    from bookings.mail.letters import letter

    made = Booking.everywhere.get()
    link = links.manage_url(made.pk)
    written = {row.recipient: letter(row) for row in Message.everywhere.all()}
    assert link in written["doc@example.com"].text
    assert link in written["doc@example.com"].html
    assert link in written["doc@example.com"].calendar.replace("\r\n ", "")
    for other in ("amy@example.com", "greta@example.org"):
        assert link not in written[other].text + written[other].html + written[other].calendar.replace("\r\n ", "")


def test_a_message_says_what_was_so_when_it_was_written(host):
    from bookings.mail.letters import letter

    made = booked(host)
    first = Message.everywhere.get(template="booked")
    before = letter(first)
    reserve.move(made, of_host(host, minutes=30), START + 3600, actor=SYSTEM)
    assert letter(Message.everywhere.get(template="booked")) == before


def test_nobody_hears_of_what_is_to_stay_quiet(host):
    made = booked(host, notify=False)
    reserve.move(made, of_host(host, minutes=30), START + 3600, actor=SYSTEM, notify=False)
    reserve.cancel(made, by=Booking.By.HOST, actor=SYSTEM, notify=False)
    assert not Message.everywhere.exists()


def test_where_the_calendar_service_invites_our_mail_is_a_plain_notice(host):
    from bookings.domain import calendar, messages
    from bookings.mail.letters import letter
    from bookings.models import Account, Event

    made = booked(host, notify=False)
    Event.everywhere.filter(pk=made.event_id).update(notify_guests=True)
    Account.everywhere.filter(calendars=made.event.calendar_id).update(capabilities={"invites": True})
    fresh = Booking.everywhere.get(pk=made.pk)
    assert calendar.data_of(fresh.event).notify_guests
    messages.tell(fresh, messages.BOOKED, actor=SYSTEM)
    written = letter(Message.everywhere.get(template="booked"))
    assert written.calendar == ""
    assert "confirmed" in written.text


def test_a_request_for_confirmation_invites_only_once_it_is_confirmed(host):
    made = booked(host, confirmed=False)
    assert not Message.everywhere.filter(payload__has_key="method").exists()
    reserve.confirm(made, actor=SYSTEM)
    row = Message.everywhere.get(template="booked")
    assert row.payload["method"] == "REQUEST"
    assert set(Message.everywhere.values_list("template", flat=True)) == {
        "pending",
        "host_pending",
        "booked",
        "host_booked",
    }


def test_what_was_never_confirmed_is_declined_without_a_cancellation(host):
    made = booked(host, confirmed=False)
    reserve.decline(made, actor=SYSTEM, reason="On holiday")
    row = Message.everywhere.get(template="declined")
    assert "method" not in row.payload
    from bookings.mail.letters import letter

    assert "On holiday" in letter(row).text


@pytest.mark.parametrize("text", [*HOSTILE, *NAMES])
def test_hostile_and_far_names_stay_words(host, postman, text):
    postman.opens()
    type(host.organisation).objects.filter(pk=host.organisation_id).update(name=text[:200])
    booked(host, title=text, name=text, location=text)
    post.deliver()
    assert {row.state for row in Message.everywhere.all()} == {"sent"}
    allowed = {"content-type", "mime-version", "subject", "from", "to", "reply-to", "date", "message-id"}
    for mail in postman.mails:
        names = {name.lower() for name in mail.keys()}  # noqa: SIM118  a message is no mapping
        assert names <= allowed | {"auto-submitted", "x-peer", "x-mailfrom", "x-rcptto", "content-transfer-encoding"}
        assert not any(ord(char) < 32 for name in ("Subject", "From", "To") for char in str(mail[name]))
        assert len(mail["To"].addresses) == 1
    event = icalendar.Calendar.from_ical(parts(to_customer(postman)[0])[0])
    assert len(event.walk("VEVENT")) == 1
    attendees = event.walk("VEVENT")[0]["ATTENDEE"]
    assert sorted(map(str, attendees)) == ["mailto:doc@example.com", "mailto:greta@example.org"]
    assert not any(key.startswith("X-INJ") for one in attendees for key in one.params)
    raw = parts(to_customer(postman)[0])[1]
    assert all(len(line.encode()) <= 75 for line in raw.split("\r\n"))
    assert vobject.readOne(raw).vevent.uid.value == str(event.walk("VEVENT")[0]["UID"])
