"""What is stated here is in Google Calendar once, and what people change in it there stays."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from bookings.domain import calendar as events
from bookings.domain import outbox, reserve, rooms, rsvp
from bookings.domain.audit import SYSTEM
from bookings.formats.event import Person
from bookings.models import Account, Calendar, Mirror
from providers import push
from providers.base import Outcome
from providers.lab.double import Fault, Told
from providers.lab.google import Google, Mail
from tests import factories
from tests.providers.google.conftest import OWNER, START, Connected, connect, meeting

GUEST = Person("guest@example.net", "Gus Guest")
DAY = 86_400
INSERT, PATCH = r"^POST .*/events$", r"^PATCH .*/events/[^/]+$"


def next_week() -> int:
    """Nine o'clock UTC in a week."""
    return (int(time.time()) // DAY + 7) * DAY + 9 * 3600


def test_an_event_made_here_is_the_one_thing_in_the_calendar(connected: Connected) -> None:
    event = connected.make("Review with Zoë 😀", description="Bring notes", location="Room 1")
    (there,) = connected.there
    assert re.fullmatch(r"[0-9a-v]{26}", there["id"])
    assert there["summary"] == "Review with Zoë 😀"
    assert there["start"] == {"dateTime": "2031-03-03T09:00:00+01:00", "timeZone": "Europe/Berlin"}
    assert there["end"]["dateTime"] == "2031-03-03T09:30:00+01:00"
    assert (there["description"], there["location"], there["status"]) == ("Bring notes", "Room 1", "confirmed")
    assert there["guestsCanModify"] is False
    assert there["extendedProperties"]["private"]["convene"].split("|")[1] == str(event.pk)
    mirror = connected.mirror(event)
    assert (mirror.in_sync, mirror.state, mirror.remote_id) == (True, Mirror.State.IDLE, there["id"])
    assert mirror.etag == there["etag"]


def test_a_change_and_a_deletion_are_followed(connected: Connected) -> None:
    event = connected.make("First")
    connected.change(event, "Second", start_wall=START + 3600)
    (there,) = connected.there
    assert (there["summary"], there["start"]["dateTime"]) == ("Second", "2031-03-03T10:00:00+01:00")
    events.delete(event, actor=SYSTEM)
    push.deliver()
    assert connected.there == []
    assert connected.mirror(event).in_sync


def test_a_deletion_of_what_is_gone_already_is_done(connected: Connected) -> None:
    event = connected.make()
    connected.google.remove(OWNER, connected.there[0]["id"])
    events.delete(event, actor=SYSTEM)
    push.deliver()
    assert connected.mirror(event).in_sync


def test_an_all_day_event_becomes_a_timed_one_and_back(connected: Connected) -> None:
    day = START // 86_400 * 86_400
    event = connected.make(start_wall=day, duration=2 * 86_400, all_day=True)
    assert (connected.there[0]["start"], connected.there[0]["end"]) == ({"date": "2031-03-03"}, {"date": "2031-03-05"})
    connected.change(event)
    assert "date" not in connected.there[0]["start"]
    connected.change(event, start_wall=day, duration=86_400, all_day=True)
    assert connected.there[0]["start"] == {"date": "2031-03-03"}


def test_what_the_host_arranged_and_guests_answered_survives_our_change(connected: Connected) -> None:
    event = connected.make("Review", people=(GUEST,))
    name = connected.there[0]["id"]
    google = connected.google
    google.edit(
        OWNER, name, colorId="5", reminders={"useDefault": False, "overrides": [{"method": "popup", "minutes": 3}]}
    )
    google.answer(OWNER, name, GUEST.email, "accepted")
    guests = [*connected.there[0]["attendees"], {"email": "colleague@example.org", "responseStatus": "tentative"}]
    google.edit(OWNER, name, attendees=guests)
    connected.change(event, "Renamed", people=(GUEST, Person("second@example.net")))
    (there,) = connected.there
    assert (there["summary"], there["colorId"]) == ("Renamed", "5")
    assert there["reminders"]["overrides"] == [{"method": "popup", "minutes": 3}]
    answers = {each["email"]: each["responseStatus"] for each in there["attendees"]}
    assert answers == {
        "colleague@example.org": "tentative",
        GUEST.email: "accepted",
        "second@example.net": "needsAction",
    }
    connected.change(event, "Alone")
    assert [each["email"] for each in connected.there[0]["attendees"]] == ["colleague@example.org"]


def test_guests_are_mailed_by_google_only_where_it_is_asked_to_invite(connected: Connected) -> None:
    connected.make("Quiet", people=(GUEST,))
    assert connected.google.mails == []
    event = connected.make("Loud", people=(GUEST,), notify_guests=True)
    connected.change(event, "Louder", people=(GUEST,), notify_guests=True)
    event.refresh_from_db()
    events.delete(event, actor=SYSTEM)
    push.deliver()
    assert [mail.kind for mail in connected.google.mails] == ["invitation", "update", "cancellation"]
    assert {mail.updates for mail in connected.google.mails} == {"all"}
    written = [call.asked for call in connected.google.calls if call.asked.method in ("POST", "PATCH", "DELETE")]
    assert all(asked.get("sendUpdates") in ("all", "none") for asked in written)


def test_only_the_first_hosts_calendar_invites_the_guests_of_a_booking(connected: Connected) -> None:
    connected.google.calendar("bo@example.org")
    second = connect(connected.google, owner="bo@example.org", org=connected.host.organisation)
    booking = factories.booking(connected.host, second.host, start=next_week())
    event = booking.event
    events.change(event, replace(events.data_of(event), people=(*events.data_of(event).people, GUEST)), actor=SYSTEM)
    push.deliver()
    (first,), (other,) = connected.there, second.there
    assert [each["email"] for each in first["attendees"]] == [GUEST.email]
    assert "attendees" not in other
    assert GUEST.email in other["description"]
    connected.read()
    second.read()
    assert connected.busy() == second.busy() == [], "the booking itself takes the time, and it alone"


@pytest.mark.parametrize("kind", ["lost_request", "lost_answer", "garbled"])
@pytest.mark.parametrize("change", ["none", "changed", "deleted"])
def test_a_lost_answer_to_a_create_leaves_one_event_in_the_latest_state(
    connected: Connected, kind: str, change: str
) -> None:
    connected.google.faults.append(Fault(kind, INSERT))
    event = connected.make("First", people=(GUEST,), notify_guests=True)
    assert connected.mirror(event).state == Mirror.State.UNCERTAIN
    if change == "changed":
        events.change(event, meeting("Second", people=(GUEST,), notify_guests=True), actor=SYSTEM)
    if change == "deleted":
        events.delete(event, actor=SYSTEM)
    Mirror.everywhere.update(next_attempt_s=0)
    push.deliver()
    assert [there["summary"] for there in connected.there] == {"none": ["First"], "changed": ["Second"]}.get(change, [])
    assert connected.mirror(event).in_sync
    mails = [mail.kind for mail in connected.google.mails]
    assert mails.count("invitation") <= 1
    assert mails.count("update") == (change == "changed")


def test_a_lost_answer_to_an_update_mails_the_guests_once(connected: Connected) -> None:
    event = connected.make("First", people=(GUEST,), notify_guests=True)
    connected.google.faults.append(Fault("lost_answer", PATCH))
    connected.change(event, "Second", people=(GUEST,), notify_guests=True)
    Mirror.everywhere.update(next_attempt_s=0)
    push.deliver()
    assert connected.there[0]["summary"] == "Second"
    assert connected.mirror(event).in_sync
    assert [mail.kind for mail in connected.google.mails] == ["invitation", "update"]


def test_ten_deliveries_of_one_event_make_one_event(connected: Connected) -> None:
    connected.make()
    for _ in range(9):
        # What a worker sees that died after the call and before it wrote down the answer.
        Mirror.everywhere.update(applied_revision=0, remote_id="", etag="", state=Mirror.State.CLAIMED)
        push.deliver()
    assert len(connected.there) == 1
    assert Mirror.everywhere.get().in_sync


def test_a_stale_tag_means_reading_again(connected: Connected) -> None:
    event = connected.make("First")
    told = {"error": {"code": 412, "message": "Precondition Failed", "errors": [{"reason": "conditionNotMet"}]}}
    connected.google.faults.append(Fault("answer", PATCH, told=Told(412, told)))
    connected.change(event, "Second")
    assert connected.there[0]["summary"] == "Second"
    assert connected.mirror(event).in_sync


def test_what_the_host_deleted_is_not_made_again_until_it_is_put_back(connected: Connected) -> None:
    event = connected.make("First")
    before = connected.there[0]["id"]
    connected.google.remove(OWNER, before)
    connected.change(event, "Second")
    mirror = connected.mirror(event)
    assert (mirror.state, mirror.difference) == (Mirror.State.NEEDS_CHECK, {"kind": "deleted"})
    assert connected.there == []
    outbox.put_back(mirror, SYSTEM)
    push.deliver()
    (there,) = connected.there
    assert there["summary"] == "Second"
    assert there["id"] != before, "Google never gives an id out again"


def test_what_was_deleted_before_its_answer_arrived_is_not_made_again(connected: Connected) -> None:
    connected.google.faults.append(Fault("lost_answer", INSERT))
    event = connected.make()
    connected.google.remove(OWNER, connected.there[0]["id"])
    Mirror.everywhere.update(next_attempt_s=0)
    push.deliver()
    mirror = connected.mirror(event)
    assert (mirror.state, mirror.difference) == (Mirror.State.NEEDS_CHECK, {"kind": "deleted"})
    assert connected.there == []


def test_an_event_cancelled_here_can_take_place_after_all(connected: Connected) -> None:
    event = connected.make("Maybe")
    connected.change(event, "Maybe", status="cancelled")
    assert connected.there == []
    connected.read()
    assert connected.mirror(event).difference == {}
    connected.change(event, "Surely")
    assert connected.there[0]["summary"] == "Surely"
    assert connected.mirror(event).in_sync


def refusal(status: int, reason: str, headers: dict[str, str] | None = None) -> Told:
    error = {"code": status, "message": reason, "errors": [{"domain": "global", "reason": reason, "message": reason}]}
    return Told(status, {"error": error}, headers or {})


@pytest.mark.parametrize(
    ("told", "outcome", "wait"),
    [
        (refusal(403, "rateLimitExceeded"), Outcome.TRANSIENT, 0),
        (refusal(403, "userRateLimitExceeded"), Outcome.TRANSIENT, 0),
        (refusal(429, "rateLimitExceeded", {"Retry-After": "30"}), Outcome.TRANSIENT, 30),
        (refusal(403, "quotaExceeded"), Outcome.TRANSIENT, 3600),
        (refusal(403, "forbiddenForNonOrganizer"), Outcome.PERMANENT, 0),
        (refusal(400, "invalid"), Outcome.PERMANENT, 0),
        (refusal(503, "backendError"), Outcome.AMBIGUOUS, 0),
        (refusal(500, "backendError"), Outcome.AMBIGUOUS, 0),
        (refusal(403, "insufficientPermissions"), Outcome.TARGET_GONE, 0),
        (refusal(403, "requiredAccessLevel"), Outcome.TARGET_GONE, 0),
    ],
)
def test_googles_reasons_decide_what_happens_next(connected: Connected, told: Told, outcome: str, wait: int) -> None:
    connected.google.faults.append(Fault("answer", INSERT, told=told))
    event = connected.make()
    mirror = connected.mirror(event)
    assert mirror.last_outcome == outcome
    assert mirror.next_attempt_s - push.database_now_s() >= wait - 5
    if outcome in (Outcome.TRANSIENT, Outcome.AMBIGUOUS):
        Mirror.everywhere.update(next_attempt_s=0)
        push.deliver()
        assert len(connected.there) == 1


def test_a_calendar_that_is_gone_or_read_only_is_told_apart(connected: Connected) -> None:
    shelf = connected.google.shelves[OWNER]
    connected.google.calendar("boss@example.org")
    shelf.owner, shelf.roles = "boss@example.org", {OWNER: "reader"}
    connected.make()
    connected.calendar.refresh_from_db()
    assert (connected.calendar.state, connected.calendar.is_writable) == (Calendar.State.READ_ONLY, False)
    Calendar.everywhere.update(state=Calendar.State.OK, is_writable=True)
    del connected.google.shelves[OWNER]
    Mirror.everywhere.update(next_attempt_s=0)
    push.deliver()
    connected.calendar.refresh_from_db()
    assert connected.calendar.state == Calendar.State.GONE


def test_an_old_token_is_renewed_once_and_a_withdrawn_consent_waits_for_the_person(connected: Connected) -> None:
    connected.google.expire()
    event = connected.make("First")
    assert connected.google.renewals == 1
    assert connected.mirror(event).in_sync
    connected.google.kill(OWNER)
    connected.google.expire()
    connected.change(event, "Second")
    connected.account.refresh_from_db()
    assert connected.account.health == Account.Health.REAUTH
    assert connected.mirror(event).state == Mirror.State.BLOCKED


def test_an_answer_goes_to_the_organiser_once_and_leaves_the_other_guests_alone(connected: Connected) -> None:
    guests = [{"email": OWNER, "responseStatus": "needsAction"}, {"email": "third@example.org"}]
    connected.google.add(
        OWNER,
        organiser="chief@example.com",
        summary="Their meeting",
        start={"dateTime": "2031-03-03T09:00:00+01:00"},
        end={"dateTime": "2031-03-03T10:00:00+01:00"},
        attendees=guests,
    )
    connected.read()
    event = connected.calendar.events.get()
    connected.google.faults.append(Fault("lost_answer", PATCH))
    answered(event, "accepted", comment="With pleasure")
    push.deliver()
    Mirror.everywhere.update(next_attempt_s=0)
    push.deliver()
    (there,) = connected.there
    own, other = there["attendees"]
    assert (own["responseStatus"], own["comment"]) == ("accepted", "With pleasure")
    assert other == {"email": "third@example.org"}
    assert connected.google.mails == [Mail(there["id"], "answer", "all")]
    assert connected.mirror(event).in_sync
    connected.change(event, "Not ours to change")
    assert connected.mirror(event).state == Mirror.State.FAILED


def answered(event, status: str, **how) -> None:
    rsvp.answer(event, OWNER, status, actor=SYSTEM, **how)


def test_a_meet_room_comes_back_into_the_event_and_its_booking(connected: Connected, google: Google) -> None:
    google.rooms = "pending"
    event = meet(connected)
    assert event.conference["state"] == "pending"
    google.finish_rooms(OWNER)
    connected.read()
    event.refresh_from_db()
    (there,) = connected.there
    assert event.conference["url"] == there["hangoutLink"]
    assert event.conference["state"] == "ready"
    assert connected.mirror(event).difference == {}
    connected.change(event, "Renamed", conference=event.conference)
    assert connected.there[0]["hangoutLink"] == there["hangoutLink"], "the same room after a change"
    assert google.count(INSERT) == 1


def test_a_meet_room_that_is_there_at_once_is_known_at_once(connected: Connected) -> None:
    event = meet(connected)
    assert event.conference["url"].startswith("https://meet.google.com/")
    requests = [json.loads(call.asked.body) for call in connected.google.calls if call.asked.method == "POST"]
    assert requests[0]["conferenceData"]["createRequest"]["conferenceSolutionKey"] == {"type": "hangoutsMeet"}


def test_where_no_room_can_be_made_the_hosts_own_room_takes_its_place(connected: Connected, google: Google) -> None:
    type(connected.host).everywhere.update(room_url="https://rooms.example.org/ada")
    google.rooms = "failure"
    event = meet(connected)
    push.deliver()
    assert event.conference["url"] == "https://rooms.example.org/ada"
    assert connected.there[0]["location"] == "https://rooms.example.org/ada"


def test_a_calendar_that_makes_no_rooms_shows_the_event_all_the_same(connected: Connected, google: Google) -> None:
    google.shelves[OWNER].solutions = ()
    event = meet(connected)
    assert [there["summary"] for there in connected.there] == ["In a room"]
    assert event.conference["state"] == "failed"
    connected.change(event, "Renamed", conference=event.conference)
    assert connected.mirror(event).in_sync
    assert google.count(PATCH) == 1, "what cannot be had is not asked for again"


def test_a_room_that_is_not_wanted_any_more_is_taken_away(connected: Connected) -> None:
    event = meet(connected)
    link = {"kind": "jitsi", "url": "https://meet.jit.si/abc", "state": "ready"}
    connected.change(event, conference=link)
    (there,) = connected.there
    assert "conferenceData" not in there
    assert there["location"] == "https://meet.jit.si/abc"


def test_a_room_that_never_comes_is_given_up(connected: Connected, google: Google) -> None:
    google.rooms = "pending"
    event = meet(connected)
    rooms.give_up(event.updated_at)
    event.refresh_from_db()
    assert event.conference["state"] == "pending"
    rooms.give_up(event.updated_at + timedelta(seconds=1))
    event.refresh_from_db()
    assert event.conference["state"] == "failed"


def test_the_room_is_made_once_and_told_in_every_hosts_calendar(connected: Connected) -> None:
    connected.google.calendar("bo@example.org")
    second = connect(connected.google, owner="bo@example.org", org=connected.host.organisation)
    event = factories.booking(connected.host, second.host, start=next_week()).event
    room = {"kind": "meet", "url": "", "state": "requested", "request_id": str(event.pk)}
    events.change(event, replace(events.data_of(event), conference=room), actor=SYSTEM)
    push.deliver()
    push.deliver()
    (first,), (other,) = connected.there, second.there
    assert other["location"] == first["hangoutLink"]
    assert "conferenceData" not in other
    event.booking.refresh_from_db()
    assert event.booking.location == first["hangoutLink"]


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_a_page_of_a_captive_network_is_no_answer(connected: Connected, method: str) -> None:
    page = Told(200, "<html>Please sign in to the hotel's network</html>")
    connected.google.faults.append(Fault("answer", f"^{method} ", told=page))
    event = connected.make("First")
    if method == "POST":
        assert connected.mirror(event).last_outcome == Outcome.AMBIGUOUS
    if method == "PATCH":
        connected.change(event, "Second")
        assert connected.mirror(event).last_outcome == Outcome.AMBIGUOUS
    if method == "DELETE":
        events.delete(event, actor=SYSTEM)
        push.deliver()
        assert connected.mirror(event).last_outcome == Outcome.AMBIGUOUS
    Mirror.everywhere.update(next_attempt_s=0)
    push.deliver()
    assert [there["summary"] for there in connected.there] == {"POST": ["First"], "PATCH": ["Second"]}.get(method, [])


def meet(connected: Connected):
    room = {"kind": "meet", "url": "", "state": "requested", "request_id": "one"}
    event = connected.make("In a room", conference=room)
    event.refresh_from_db()
    return event


def test_a_booking_is_written_and_taken_away(connected: Connected) -> None:
    booking = factories.booking(connected.host, start=next_week(), title="Consultation")
    push.deliver()
    assert [there["summary"] for there in connected.there] == ["Consultation"]
    reserve.cancel(booking, by="host", actor=SYSTEM)
    push.deliver()
    assert connected.there == []
