"""Teams meetings, and answers to invitations."""

from __future__ import annotations

import uuid

import pytest

from bookings.domain import calendar as events
from bookings.domain import rooms, rsvp
from bookings.domain.audit import SYSTEM
from bookings.formats.event import Person
from bookings.models import Event
from providers import push
from providers.base import Answer, Outcome, Push, Remote
from providers.lab.double import Fault
from tests.providers.microsoft.conftest import ADA, Connected, meeting
from tests.providers.microsoft.test_reading import repeating, said

TEAMS = {"kind": rooms.TEAMS, "url": "", "state": rooms.REQUESTED, "request_id": "1"}
OWNER = Person(ADA, "Ada", "owner", "accepted")


def test_a_teams_meeting_is_made_and_its_link_comes_back_into_the_event(connected: Connected) -> None:
    event = connected.make(conference=TEAMS, description="Agenda")
    connected.deliver()
    event.refresh_from_db()
    assert event.conference["state"] == rooms.READY
    assert event.conference["url"].startswith("https://teams.microsoft.com/")
    connected.pull()
    assert connected.mirror(event).difference == {}
    assert connected.mirror(event).in_sync
    (there,) = connected.there()
    assert there["location"]["displayName"] == ""


def test_a_link_that_comes_later_is_taken_from_the_calendar(connected: Connected) -> None:
    connected.double.teams_later = True
    event = connected.make(conference=TEAMS, description="Agenda")
    connected.deliver()
    event.refresh_from_db()
    assert event.conference["state"] == rooms.PENDING
    connected.pull()
    connected.double.finish_rooms()
    connected.pull()
    event.refresh_from_db()
    assert event.conference["state"] == rooms.READY
    assert connected.mirror(event).difference == {}


def test_a_calendar_without_teams_says_so_and_the_hosts_own_room_takes_its_place(connected: Connected) -> None:
    connected.host.room_url = "https://meet.example.org/ada"
    connected.host.save()
    connected.double.mailbox(ADA).calendars[connected.calendar.external_id].teams = False
    event = connected.make(conference=TEAMS)
    connected.deliver()
    event.refresh_from_db()
    assert event.conference["url"] == "https://meet.example.org/ada"
    (there,) = connected.there()
    assert there["location"]["displayName"] == "https://meet.example.org/ada"
    assert not there["isOnlineMeeting"]


def test_a_new_description_leaves_the_join_text_and_so_the_meeting_alive(connected: Connected) -> None:
    event = connected.make(conference=TEAMS, description="Agenda")
    connected.deliver()
    event.refresh_from_db()
    events.change(event, meeting(conference=event.conference, description="Another agenda"), actor=SYSTEM)
    connected.deliver()
    (there,) = connected.there()
    assert there["isOnlineMeeting"]
    assert there["onlineMeeting"]["joinUrl"] in there["body"]["content"]
    assert "Another agenda" in there["body"]["content"]
    assert '<div id="convene-end">' in there["body"]["content"]
    event.refresh_from_db()
    assert connected.mirror(event).in_sync


def test_a_body_whose_marks_the_host_removed_is_left_alone(connected: Connected) -> None:
    event = connected.make(conference=TEAMS, description="Agenda")
    connected.deliver()
    (there,) = connected.there()
    rewritten = {"contentType": "html", "content": f"Mine. {there['onlineMeeting']['joinUrl']}"}
    connected.double.edit(ADA, there["id"], body=rewritten)
    event.refresh_from_db()
    events.change(event, meeting("Renamed", conference=event.conference, description="Other"), actor=SYSTEM)
    connected.deliver()
    (there,) = connected.there()
    assert (there["subject"], there["isOnlineMeeting"]) == ("Renamed", True)
    assert "Mine." in there["body"]["content"]


def test_a_room_of_another_kind_is_the_place_and_stands_in_the_text(connected: Connected) -> None:
    connected.make(conference={"kind": "jitsi", "url": "https://meet.jit.si/abc", "state": "ready", "request_id": "1"})
    push.deliver()
    (there,) = connected.there()
    assert there["location"]["displayName"] == "https://meet.jit.si/abc"
    assert "Join: https://meet.jit.si/abc" in there["body"]["content"]


# ── Answers ──


@pytest.mark.parametrize(
    ("status", "response"),
    [("accepted", "accepted"), ("declined", "declined"), ("tentative", "tentativelyAccepted")],
)
def test_the_owners_answer_goes_to_the_organiser_once(connected: Connected, status: str, response: str) -> None:
    key = connected.double.invite(ADA, "boss@example.org", **said("All hands"))
    connected.pull()
    event = Event.everywhere.get(title="All hands")
    connected.double.faults.append(Fault("lost_answer", "POST .*/events/.*/"))
    rsvp.answer(event, ADA, status, comment="See you", actor=SYSTEM)
    connected.deliver()
    assert connected.double.mailbox(ADA).items[key].answer == response
    assert [kind for kind, _, _ in connected.double.mails] == ["response"]
    (sent,) = connected.bodies("POST ")
    assert sent == {"comment": "See you", "sendResponse": True}
    assert connected.mirror(event).in_sync


def test_an_answer_can_be_given_without_telling_the_organiser(connected: Connected) -> None:
    connected.double.invite(ADA, "boss@example.org", **said("All hands"))
    connected.pull()
    rsvp.answer(Event.everywhere.get(title="All hands"), ADA, "accepted", notify=False, actor=SYSTEM)
    connected.deliver()
    assert connected.double.mails == []
    assert connected.bodies("POST ") == [{"comment": "", "sendResponse": False}]


def test_one_occurrence_is_answered_alone(connected: Connected) -> None:
    key = connected.double.invite(ADA, "boss@example.org", **said("Stand-up"), recurrence=repeating())
    connected.pull()
    event = Event.everywhere.get(title="Stand-up")
    rsvp.answer(event, ADA, "declined", recurrence_wall=event.start_wall + 86_400, actor=SYSTEM)
    connected.deliver()
    item = connected.double.mailbox(ADA).items[key]
    assert item.answer == "notResponded"
    assert [each.answer for each in item.exceptions.values()] == ["declined"]


def test_nobody_answers_for_somebody_who_was_not_asked(connected: Connected) -> None:
    key = connected.double.invite(ADA, "boss@example.org", **said("All hands"))
    item = connected.double.mailbox(ADA).items[key]
    item.said["attendees"], item.answer = [], "none"
    push_ = Push(key=uuid.uuid4(), tag="a|b|c|1|1", uid="u", events=(meeting(),), remote=Remote(id=key))
    result = connected.adapter.rsvp(connected.calendar.external_id, push_, Answer("accepted"))
    assert result.outcome == Outcome.PERMANENT
    result = connected.adapter.rsvp(connected.calendar.external_id, push_, Answer("needs-action"))
    assert result.outcome == Outcome.OK
    assert connected.double.count("POST ") == 0
