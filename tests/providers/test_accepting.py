"""What a host moved or deleted in their calendar: told where it is seen, and taken over by whoever decides."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from bookings.domain import calendar as events
from bookings.domain.audit import SYSTEM
from bookings.models import Account, AuditEntry, Booking, Calendar, Event, Mirror
from providers import pull, push
from tests import factories
from tests.providers.conftest import Connected, connect
from tests.providers.test_delivery import meeting, mirror_of
from tests.servers import CalDavServer

_SOON = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=21)
_WEDNESDAY = _SOON + timedelta(days=(2 - _SOON.weekday()) % 7)
WEDNESDAY_9 = int(_WEDNESDAY.timestamp())
DAY = f"{_WEDNESDAY:%Y%m%d}"
AFTERNOON = (f"{DAY}T09", f"{DAY}T14"), (f"{DAY}T10", f"{DAY}T15")
HOUR = 3600


@pytest.fixture
def there(db: None, radicale: CalDavServer, settings) -> Connected:
    settings.LAN_ALLOWED = [radicale.hostport]
    return connect(radicale, timezone="UTC")


@pytest.fixture
def staff(there: Connected) -> Client:
    client = Client()
    client.force_login(factories.staff_user(there.host.organisation))
    return client


def edit(there: Connected, *changes: tuple[str, str]) -> None:
    """The host drags the one event in their calendar application."""
    ((url, text),) = there.server.objects(there.url).items()
    folder, _, name = url.rpartition("/")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    there.server.put(f"{folder}/", name, text)
    pull.pull_account(there.account)


def remove(there: Connected) -> None:
    for url in there.server.objects(there.url):
        there.server.delete(url)
    pull.pull_account(there.account)


def booked(there: Connected) -> tuple[Booking, Event]:
    booking = factories.booking(there.host, start=WEDNESDAY_9, title="Intake")
    push.deliver()
    assert booking.event is not None
    return booking, booking.event


def accept(staff: Client, event: Event, **form: str):
    return staff.post(f"/mirrors/{mirror_of(event).pk}/accept", form)


def test_a_booking_that_was_moved_there_is_told_with_its_new_time(there: Connected, staff: Client) -> None:
    booking, event = booked(there)
    edit(there, *AFTERNOON)
    for page in (f"/bookings/{booking.pk}", f"/events/{event.pk}", "/calendars"):
        text = staff.get(page).content.decode()
        assert "Accept the new time" in text, page
        assert "14:00" in text, page
    booking.refresh_from_db()
    assert booking.start_s == WEDNESDAY_9, "nothing moves by itself"


def test_accepting_moves_the_booking_and_both_agree(there: Connected, staff: Client) -> None:
    booking, event = booked(there)
    edit(there, *AFTERNOON)
    answer = accept(staff, event, next=f"/bookings/{booking.pk}")
    assert answer.headers["Location"] == f"/bookings/{booking.pk}"
    booking.refresh_from_db()
    assert booking.start_s == WEDNESDAY_9 + 5 * HOUR
    assert booking.claims.get().start_s == booking.start_s
    push.deliver()
    pull.pull_account(there.account)
    assert mirror_of(event).in_sync
    assert f"{DAY}T140000" in there.texts()[0]
    assert {"booking.moved", "mirror.accepted"} <= set(AuditEntry.everywhere.values_list("action", flat=True))


def test_a_longer_booking_becomes_longer_here(there: Connected, staff: Client) -> None:
    booking, event = booked(there)
    edit(there, (f"DTEND:{DAY}T100000Z", f"DTEND:{DAY}T113000Z"))
    accept(staff, event)
    booking.refresh_from_db()
    assert (booking.start_s, booking.end_s) == (WEDNESDAY_9, WEDNESDAY_9 + 2 * HOUR + 1800)


def test_a_time_that_is_taken_is_asked_about_and_can_be_forced(there: Connected, staff: Client) -> None:
    booking, event = booked(there)
    edit(there, *AFTERNOON)
    factories.booking(there.host, start=WEDNESDAY_9 + 5 * HOUR, title="Other")
    answer = accept(staff, event, next="https://evil.example/")
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Move it anyway" in page
    assert "evil.example" not in page
    booking.refresh_from_db()
    assert booking.start_s == WEDNESDAY_9
    assert mirror_of(event).difference["kind"] == "moved"
    assert accept(staff, event, anyway="1").status_code == 302
    booking.refresh_from_db()
    assert booking.start_s == WEDNESDAY_9 + 5 * HOUR


def test_an_event_that_was_moved_there_moves_here(there: Connected, staff: Client) -> None:
    event = events.create(there.calendar, meeting(), actor=SYSTEM)
    push.deliver()
    edit(there, ("20310303T09", "20310303T14"))
    accept(staff, event)
    event.refresh_from_db()
    assert event.start_wall == meeting().start_wall + 5 * HOUR
    assert event.timezone == meeting().timezone
    push.deliver()
    pull.pull_account(there.account)
    assert mirror_of(event).in_sync


def test_a_deletion_there_cancels_the_booking_here_once_accepted(there: Connected, staff: Client) -> None:
    booking, event = booked(there)
    remove(there)
    page = staff.get(f"/bookings/{booking.pk}").content.decode()
    assert "Put it back" in page
    assert "Cancel it here too" in page
    accept(staff, event)
    booking.refresh_from_db()
    assert booking.state == Booking.State.CANCELLED
    push.deliver()
    assert there.texts() == []
    assert mirror_of(event).in_sync


def test_an_edited_title_is_no_new_time(there: Connected, staff: Client) -> None:
    _, event = booked(there)
    edit(there, ("SUMMARY:Intake", "SUMMARY:Intake with notes"))
    assert mirror_of(event).difference == {"kind": "edited"}
    assert "Accept the new time" not in staff.get("/calendars").content.decode()
    accept(staff, event)
    assert mirror_of(event).difference == {"kind": "edited"}


def test_another_organisation_accepts_nothing(there: Connected) -> None:
    _, event = booked(there)
    stranger = Client()
    stranger.force_login(factories.staff_user(factories.organisation()))
    assert accept(stranger, event).status_code == 404


# ── How it stands ──


def test_a_failing_calendar_says_since_when_and_why_and_is_tried_at_once(there: Connected, staff: Client) -> None:
    event = events.create(there.calendar, meeting(), actor=SYSTEM)
    since = "2031-01-02T10:42:00Z"
    Mirror.everywhere.update(failing_since=since, last_error="The server is down.", next_attempt_s=2**40)
    Account.everywhere.update(health="failing", failing_since=since, last_error="The server is down.")
    page = staff.get("/calendars").content.decode()
    assert "1 pending" in page
    assert "Failing since 2 Jan, 10:42 UTC: The server is down." in page
    assert "Try now" in page
    staff.post(f"/calendars/{there.account.pk}/retry")
    push.deliver()
    assert mirror_of(event).in_sync
    assert Calendar.everywhere.get(pk=there.calendar.pk).state == Calendar.State.NEVER


def test_what_waits_for_a_sign_in_is_not_tried_before_it(there: Connected, staff: Client) -> None:
    event = events.create(there.calendar, meeting(), actor=SYSTEM)
    Mirror.everywhere.update(state=Mirror.State.BLOCKED)
    Account.everywhere.update(health="reauth")
    assert "Sign in again" in staff.get(f"/events/{event.pk}").content.decode()
    answer = staff.post(f"/calendars/{there.account.pk}/retry", follow=True)
    assert "must sign in again first" in answer.content.decode()
    assert mirror_of(event).state == Mirror.State.BLOCKED
