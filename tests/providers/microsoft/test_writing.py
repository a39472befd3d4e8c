"""What is stated here becomes true in a mailbox of Microsoft 365, once."""

from __future__ import annotations

import pytest

from bookings.domain import calendar as events
from bookings.domain import outbox
from bookings.domain.audit import SYSTEM
from bookings.engine.zones import wall
from bookings.formats.event import Person
from bookings.models import Account, Calendar, Mirror
from providers import push
from providers.base import Outcome
from providers.lab.double import Fault, Told
from tests.providers.microsoft.conftest import ADA, START, Connected, meeting

GUEST = Person("guest@example.com", "Gil Guest")
OWNER = Person(ADA, "Ada", "owner", "accepted")


def test_an_event_made_here_is_the_one_thing_in_the_calendar(connected: Connected) -> None:
    event = connected.make("Review with Zoë 😀", description="Bring\nthe numbers", location="Room 4")
    push.deliver()
    (there,) = connected.there()
    assert there["subject"] == "Review with Zoë 😀"
    assert there["start"] == {"dateTime": "2027-03-03T08:00:00.0000000", "timeZone": "UTC"}
    assert there["originalStartTimeZone"] == "Europe/Berlin"
    assert there["location"]["displayName"] == "Room 4"
    assert "Bring<br>" in there["body"]["content"]
    mirror = connected.mirror(event)
    assert mirror.in_sync
    assert mirror.remote_id == there["id"]
    assert mirror.remote_uid == there["iCalUId"]
    assert mirror.etag == there["@odata.etag"]


def test_a_change_sends_only_what_differs_and_a_deletion_takes_it_away(connected: Connected) -> None:
    event = connected.make("First", location="Room 4")
    push.deliver()
    events.change(event, meeting("Second", location="Room 4"), actor=SYSTEM)
    push.deliver()
    (there,) = connected.there()
    assert there["subject"] == "Second"
    (sent,) = connected.bodies("PATCH ")
    assert sent.keys() == {"subject", "singleValueExtendedProperties"}
    events.delete(event, actor=SYSTEM)
    push.deliver()
    assert connected.there() == []
    assert connected.mirror(event).in_sync


def test_what_the_host_arranged_for_themselves_survives_a_change(connected: Connected) -> None:
    event = connected.make("First")
    push.deliver()
    key = connected.mirror(event).remote_id
    connected.double.edit(ADA, key, categories=["Red"], reminderMinutesBeforeStart=45)
    events.change(event, meeting("Second", start_wall=START + 3600), actor=SYSTEM)
    push.deliver()
    (there,) = connected.there()
    assert (there["subject"], there["categories"], there["reminderMinutesBeforeStart"]) == ("Second", ["Red"], 45)
    assert there["start"]["dateTime"].startswith("2027-03-03T09:00")


def test_guests_are_told_once_by_us_or_by_exchange_and_never_by_both(connected: Connected) -> None:
    connected.make("Ours to invite", people=(OWNER, GUEST))
    push.deliver()
    (there,) = connected.there()
    assert there["attendees"] == []
    assert "Gil Guest &lt;guest@example.com&gt;" in there["body"]["content"]
    assert connected.double.mails == []

    event = connected.make("Theirs to invite", people=(OWNER, GUEST), notify_guests=True)
    push.deliver()
    there = next(each for each in connected.there() if each["subject"] == "Theirs to invite")
    assert [each["emailAddress"]["address"] for each in there["attendees"]] == ["guest@example.com"]
    assert "Gil Guest" not in there["body"]["content"]
    events.delete(event, actor=SYSTEM)
    push.deliver()
    assert [kind for kind, _, _ in connected.double.mails] == ["invite", "cancel"]
    assert connected.double.count(r"POST .*/cancel") == 1


def test_a_repeated_update_mails_nobody_again(connected: Connected) -> None:
    event = connected.make("First", people=(OWNER, GUEST), notify_guests=True)
    push.deliver()
    connected.double.faults.append(Fault("lost_answer", "PATCH "))
    events.change(event, meeting("Second", people=(OWNER, GUEST), notify_guests=True), actor=SYSTEM)
    connected.deliver()
    assert connected.mirror(event).in_sync
    assert [kind for kind, _, _ in connected.double.mails] == ["invite", "update"]


def test_guests_answers_stay_when_another_guest_joins(connected: Connected) -> None:
    event = connected.make("Review", people=(OWNER, GUEST), notify_guests=True)
    push.deliver()
    connected.double.answer(ADA, connected.mirror(event).remote_id, GUEST.email, "accepted")
    more = (OWNER, GUEST, Person("late@example.com", "Lou Late"))
    events.change(event, meeting("Review", people=more, notify_guests=True), actor=SYSTEM)
    push.deliver()
    (there,) = connected.there()
    assert [each["status"]["response"] for each in there["attendees"]] == ["accepted", "none"]
    assert connected.double.mails[-1] == ("update", there["id"], ("late@example.com",))


def test_all_day_events_are_midnights_of_one_zone_with_an_exclusive_end(connected: Connected) -> None:
    connected.make(
        "Fair", start_wall=wall(2027, 3, 3), duration=2 * 86_400, all_day=True, timezone="Pacific/Kiritimati"
    )
    push.deliver()
    (there,) = connected.there()
    assert there["isAllDay"]
    assert there["start"]["dateTime"].startswith("2027-03-03T00:00:00")
    assert there["end"]["dateTime"].startswith("2027-03-05T00:00:00")


def test_an_end_in_the_second_pass_of_a_repeated_hour_is_sent_as_the_instant_it_is(connected: Connected) -> None:
    connected.make("Night shift", start_wall=wall(2027, 10, 31, 1, 30), duration=2 * 3600)
    push.deliver()
    (there,) = connected.there()
    assert there["start"]["dateTime"].startswith("2027-10-30T23:30")
    assert there["end"]["dateTime"].startswith("2027-10-31T01:30")


@pytest.mark.parametrize(
    ("timezone", "name", "start"),
    [
        ("Europe/Paris", "Romance Standard Time", "2027-03-03T08:00"),
        ("Asia/Kolkata", "India Standard Time", "2027-03-03T03:30"),
        # Unicode's table gives W. Europe Standard Time, whose clocks go the same.
        ("Europe/Vienna", "Central Europe Standard Time", "2027-03-03T08:00"),
    ],
)
def test_a_mailbox_that_knows_no_iana_names_gets_windows_names(
    connected: Connected, timezone: str, name: str, start: str
) -> None:
    connected.double.iana_zones = False
    event = connected.make(timezone=timezone)
    push.deliver()
    (there,) = connected.there()
    assert there["originalStartTimeZone"] == name
    assert there["start"]["dateTime"].startswith(start)
    assert connected.mirror(event).in_sync


def test_a_zone_whose_clocks_no_windows_zone_shares_becomes_utc(connected: Connected) -> None:
    connected.double.iana_zones = False
    connected.make(timezone="Antarctica/Troll")
    push.deliver()
    (there,) = connected.there()
    assert there["originalStartTimeZone"] == "UTC"
    assert there["start"]["dateTime"].startswith("2027-03-03T09:00")


def test_a_calendar_that_is_gone_or_became_read_only_is_told_to_the_host(connected: Connected) -> None:
    connected.double.mailbox(ADA).calendars[connected.calendar.external_id].can_edit = False
    connected.make()
    push.deliver()
    connected.calendar.refresh_from_db()
    assert connected.calendar.state == Calendar.State.READ_ONLY
    connected.double.remove_calendar(ADA, connected.calendar.external_id)
    Calendar.everywhere.update(state=Calendar.State.OK, is_writable=True)
    connected.deliver()
    connected.calendar.refresh_from_db()
    assert connected.calendar.state == Calendar.State.GONE


@pytest.mark.parametrize(
    ("told", "outcome"),
    [
        (Told(429, {"error": {"code": "ApplicationThrottled", "message": ""}}, {"Retry-After": "30"}), "transient"),
        (Told(503, {"error": {"code": "ErrorServerBusy", "message": ""}}, {"Retry-After": "30"}), "transient"),
        (Told(503, {"error": {"code": "UnknownError", "message": ""}}), "ambiguous"),
        (Told(504, "<html>"), "ambiguous"),
        (Told(200, "<html>a hotel</html>"), "ambiguous"),
        (Told(400, {"error": {"code": "ErrorPropertyValidationFailure", "message": "No."}}), "permanent"),
        (Told(404, {"error": {"code": "MailboxNotEnabledForRESTAPI", "message": ""}}), "auth_dead"),
    ],
)
def test_errors_mean_what_the_vendor_says(connected: Connected, told: Told, outcome: str) -> None:
    connected.double.faults.append(Fault("answer", r"POST .*/events$", told=told))
    event = connected.make()
    push.deliver()
    mirror = connected.mirror(event)
    assert mirror.last_outcome == outcome
    if "Retry-After" in told.headers:
        assert connected.double.count("POST .*/events$") == 1
        assert mirror.next_attempt_s >= event.updated_at.timestamp() + 28


def test_an_expired_token_is_renewed_once_and_the_rotated_one_is_kept(connected: Connected) -> None:
    connected.double.expire()
    before = connected.account.credentials()["refresh_token"]
    event = connected.make()
    push.deliver()
    assert connected.mirror(event).in_sync
    assert connected.double.renewals == 1
    kept = Account.everywhere.get(pk=connected.account.pk).credentials()["refresh_token"]
    assert kept != before


def test_a_withdrawn_consent_keeps_what_waits_until_somebody_signs_in(connected: Connected) -> None:
    connected.double.kill(ADA)
    connected.double.expire()
    event = connected.make()
    push.deliver()
    assert connected.mirror(event).state == Mirror.State.BLOCKED
    assert Account.everywhere.get(pk=connected.account.pk).health == Account.Health.REAUTH


def test_a_consent_that_only_lets_us_read_is_said_in_plain_words(connected: Connected) -> None:
    account = Account.everywhere.get(pk=connected.account.pk)
    account.set_credentials(connected.double.issue(ADA, "User.Read Calendars.Read"))
    account.save()
    event = connected.make()
    push.deliver()
    assert "permit" in connected.mirror(event).last_error
    assert Account.everywhere.get(pk=connected.account.pk).health == Account.Health.REAUTH


def test_what_was_deleted_there_is_flagged_and_put_back_as_a_new_event(connected: Connected) -> None:
    event = connected.make("First")
    push.deliver()
    first = connected.mirror(event).remote_id
    connected.double.remove(ADA, first)
    events.change(event, meeting("Second"), actor=SYSTEM)
    push.deliver()
    mirror = connected.mirror(event)
    assert (mirror.state, mirror.difference) == (Mirror.State.NEEDS_CHECK, {"kind": "deleted"})
    outbox.put_back(mirror, SYSTEM)
    push.deliver()
    (there,) = connected.there()
    assert there["id"] != first
    assert there["subject"] == "Second"


def test_a_change_in_between_is_merged_and_not_overwritten(connected: Connected) -> None:
    event = connected.make("First", people=(OWNER, GUEST), notify_guests=True)
    push.deliver()
    stale = Told(412, {"error": {"code": "ErrorIrresolvableConflict", "message": ""}})
    connected.double.faults.append(Fault("answer", "PATCH ", told=stale))
    events.change(event, meeting("Second", people=(OWNER, GUEST), notify_guests=True), actor=SYSTEM)
    push.deliver()
    assert connected.mirror(event).in_sync
    assert connected.there()[0]["subject"] == "Second"


def test_the_adapter_says_how_it_is(connected: Connected) -> None:
    assert connected.adapter.health().outcome == Outcome.OK
    assert connected.adapter.owner() == ADA
    assert {"conference", "invites"} <= {
        name for name, value in connected.adapter.capability.as_json().items() if value
    }


def test_a_create_is_one_call_and_a_change_or_a_deletion_two(connected: Connected) -> None:
    event = connected.make("First")
    push.deliver()
    assert len(connected.double.calls) == 1
    events.change(event, meeting("Second"), actor=SYSTEM)
    push.deliver()
    assert len(connected.double.calls) == 3
    events.delete(event, actor=SYSTEM)
    push.deliver()
    assert len(connected.double.calls) == 5
