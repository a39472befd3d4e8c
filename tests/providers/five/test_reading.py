"""What happens at each of the five services is known here: busy times, edits of our events, deletions."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from bookings.domain import calendar as events
from bookings.domain import rsvp
from bookings.domain.audit import SYSTEM
from bookings.engine.zones import DAY, wall
from bookings.models import Account, Busy, Calendar, Event, Mirror
from providers import push
from providers.base import Outcome
from tests.providers.five.conftest import CREATE, NAMES, Connected, anna, meeting, on, soon

LIST = {
    "cronofy": "GET /v1/events",
    "timekit": "GET /v2/events",
    "morgen": "GET /v3/events/list",
    "leadconnector": "GET /calendars/events$",
    "morph": "GET /v1/resources/schedulingEvent$",
}


def busy(connected: Connected) -> list[tuple[int, int]]:
    rows = Busy.everywhere.filter(calendar=connected.calendar)
    return sorted(rows.values_list("start_s", "end_s"))


def state(connected: Connected) -> str:
    connected.calendar.refresh_from_db()
    return str(connected.calendar.state)


def test_what_somebody_enters_there_makes_the_host_busy_until_it_is_taken_away(connected: Connected) -> None:
    there = connected.double.add(connected.target, "Dentist", soon(), soon(1))
    connected.pull()
    assert busy(connected) == [(soon(), soon(1))]
    assert Event.everywhere.get(calendar=connected.calendar).title == "Dentist"
    assert state(connected) == Calendar.State.OK

    connected.double.move(there, soon(2), soon(3))
    connected.pull()
    assert busy(connected) == [(soon(2), soon(3))]

    connected.double.remove(there)
    connected.pull()
    assert busy(connected) == []


@on("cronofy", "timekit")
def test_an_event_that_did_not_change_is_not_written_again(connected: Connected) -> None:
    connected.double.add(connected.target, "Dentist", soon(), soon(1))
    connected.pull()
    before = Event.everywhere.get(calendar=connected.calendar)
    connected.pull()
    assert Event.everywhere.get(calendar=connected.calendar).updated_at == before.updated_at


def test_our_own_event_is_neither_a_second_one_nor_different(connected: Connected) -> None:
    data = meeting("Ours", people=(anna(),), location="Room 4", description="Agenda\n\nBring coffee")
    event = events.create(connected.calendar, data, actor=SYSTEM)
    push.deliver()
    connected.pull()
    connected.pull()
    assert busy(connected) == [(soon(), soon() + 1800)]
    assert Event.everywhere.filter(calendar=connected.calendar).count() == 1
    assert connected.mirror(event).difference == {}
    assert connected.mirror(event).in_sync


def test_our_event_whose_answer_was_lost_is_known_for_ours(connected: Connected) -> None:
    event = events.create(connected.calendar, meeting("Ours"), actor=SYSTEM)
    connected.fault("lost_answer", CREATE[connected.name])
    push.deliver()
    assert connected.mirror(event).remote_id == ""
    connected.pull()
    assert Event.everywhere.filter(calendar=connected.calendar).count() == 1
    connected.deliver()
    assert connected.mirror(event).in_sync
    assert connected.titles() == ["Ours"]


@pytest.mark.parametrize(
    ("name", "edit"), [*((name, "move") for name in NAMES), *product(("cronofy", "morgen"), ("retitle", "remove"))]
)
def test_what_somebody_does_to_our_event_there_is_flagged_and_not_undone(connected: Connected, edit: str) -> None:
    event = events.create(connected.calendar, meeting("Ours"), actor=SYSTEM)
    push.deliver()
    connected.pull()
    [held] = connected.live()
    how = {"move": (soon(5), soon(6)), "retitle": ("Theirs",), "remove": ()}
    getattr(connected.double, edit)(held.id, *how[edit])
    connected.pull()
    difference = connected.mirror(event).difference
    assert difference["kind"] == {"move": "moved", "retitle": "edited", "remove": "deleted"}[edit]
    if edit == "move":
        assert (difference["start_s"], difference["end_s"]) == (soon(5), soon(6))
    connected.deliver()
    assert connected.titles() == {"move": ["Ours"], "retitle": ["Theirs"], "remove": []}[edit]
    event.refresh_from_db()
    assert event.start_s == soon()


@on("leadconnector", "morph")
def test_what_is_cancelled_and_kept_on_record_there_is_as_good_as_deleted(connected: Connected) -> None:
    event = events.create(connected.calendar, meeting("Ours"), actor=SYSTEM)
    push.deliver()
    theirs = connected.double.add(connected.target, "Theirs", soon(4), soon(5))
    connected.pull()
    connected.double.call_off(connected.live()[0].id)
    connected.double.call_off(theirs)
    connected.pull()
    assert connected.mirror(event).difference == {"kind": "deleted"}
    assert busy(connected) == [(soon(), soon() + 1800)]
    events.change(event, meeting("Ours, later", hours=2), actor=SYSTEM)
    connected.deliver()
    assert connected.live() == []
    assert connected.mirror(event).state == Mirror.State.NEEDS_CHECK


@on("cronofy", "timekit", "morph")
def test_an_event_beyond_what_is_listed_is_not_taken_for_deleted(connected: Connected) -> None:
    data = replace(meeting("Far"), start_wall=wall(2035, 3, 3, 9))
    event = events.create(connected.calendar, data, actor=SYSTEM)
    push.deliver()
    connected.pull()
    assert connected.mirror(event).difference == {}


@on("cronofy", "timekit", "morph")
def test_all_pages_are_read(connected: Connected) -> None:
    for number in range(210):
        connected.double.add(connected.target, f"Event {number}", soon() + number * 600, soon() + number * 600 + 300)
    connected.pull()
    assert len(busy(connected)) == 210


@on("cronofy", "timekit", "leadconnector")
def test_one_event_that_cannot_be_read_does_not_cost_the_others(
    connected: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    double: Any = connected.double
    double.add(connected.target, "Good", soon(), soon(1))
    bad = double.add(connected.target, "Bad", soon(2), soon(3))
    shown, spoilt = double._shown, {"start": "soon", "startTime": "soon"}
    monkeypatch.setattr(double, "_shown", lambda held: shown(held) | (spoilt if held.id == bad else {}))
    connected.pull()
    assert busy(connected) == [(soon(), soon(1))]
    connected.calendar.refresh_from_db()
    assert [each["href"] for each in connected.calendar.quarantined] == [bad]
    assert state(connected) == Calendar.State.OK


@on("cronofy", "leadconnector")
def test_a_service_that_is_down_leaves_what_is_known_and_says_since_when(connected: Connected) -> None:
    connected.double.add(connected.target, "Dentist", soon(), soon(1))
    connected.pull()
    connected.fault("answer", LIST[connected.name], status=500, times=9)
    told = connected.pull()
    assert told.failed == 1
    assert busy(connected) == [(soon(), soon(1))]
    assert state(connected) == Calendar.State.STALE
    connected.double.faults.clear()
    connected.pull()
    assert state(connected) == Calendar.State.OK


@on("cronofy", "timekit", "leadconnector")
def test_half_an_answer_is_not_half_a_calendar(connected: Connected) -> None:
    connected.double.add(connected.target, "Dentist", soon(), soon(1))
    connected.pull()
    Calendar.everywhere.update(sync_token="")
    connected.fault("garbled", LIST[connected.name])
    connected.pull()
    assert busy(connected) == [(soon(), soon(1))]
    assert state(connected) == Calendar.State.STALE


def test_a_revoked_key_and_a_deleted_calendar_are_told_apart(connected: Connected) -> None:
    assert connected.adapter.health().outcome == Outcome.OK
    connected.double.remove_calendar(connected.target)
    connected.pull()
    assert state(connected) == Calendar.State.GONE
    connected.double.revoke()
    refused = connected.adapter.health()
    assert refused.outcome == (Outcome.AUTH_REFRESH if connected.name == "cronofy" else Outcome.AUTH_DEAD)
    connected.pull()
    connected.account.refresh_from_db()
    assert connected.account.health == Account.Health.REAUTH


@on("cronofy")
def test_cronofy_tells_only_what_changed_since_the_last_reading(connected: Connected) -> None:
    kept = connected.double.add(connected.target, "Old", soon(), soon(1))
    gone = connected.double.add(connected.target, "Gone", soon(2), soon(3))
    connected.pull()
    for held in connected.double.events.values():
        held.changed -= DAY
    connected.double.remove(gone)
    connected.double.add(connected.target, "New", soon(4), soon(5))
    connected.pull()
    last = connected.double.calls[-1].asked
    assert last.get("last_modified")
    assert busy(connected) == [(soon(), soon(1)), (soon(4), soon(5))]
    assert connected.double.events[kept].fields["summary"] == "Old"


@on("morgen")
def test_morgen_is_asked_for_little_between_the_daily_readings(connected: Connected) -> None:
    double = connected.double
    far = int(time.time()) + 300 * DAY
    double.add(connected.target, "Near", soon(), soon(1))
    double.add(connected.target, "Far", far, far + 3600)
    connected.pull()
    assert double.count("events/list") == 4
    connected.pull()
    assert double.count("events/list") == 5
    assert len(busy(connected)) == 2  # what lies further on stays known


@on("morgen")
def test_morgens_allowance_is_not_overdrawn(connected: Connected) -> None:
    connected.double.meter.spend(connected.double.meter.left - 10)
    told = connected.pull()
    assert told.failed == 1
    asked = len(connected.double.calls)
    events.create(connected.calendar, meeting(), actor=SYSTEM)
    push.deliver()
    assert len(connected.double.calls) == asked
    assert Mirror.everywhere.get().last_outcome == Outcome.TRANSIENT


@on("cronofy", "morgen")
def test_an_invitation_is_answered_there(connected: Connected) -> None:
    there = connected.double.add(connected.target, "Board", soon(), soon(1))
    owner = connected.host.email
    if connected.name == "morgen":
        connected.double.invite(there, "boss@example.org", owner)
    else:
        guest = {"email": owner, "status": "needs_action"}
        organiser = {"email": "boss@example.org"}
        connected.double.edit(there, organizer=organiser, attendees=[guest], participation_status="needs_action")
    connected.pull()
    event = Event.everywhere.get(calendar=connected.calendar)
    rsvp.answer(event, owner, "accepted", comment="Gladly", notify=True, actor=SYSTEM)
    connected.fault("lost_answer", "POST .*/(accept|participation_status)$")
    connected.deliver(2)
    assert "'accepted'" in str(connected.double.events[there].fields)
    assert connected.double.mailed == (["boss@example.org"] if connected.name == "morgen" else [])
    assert connected.mirror(event).in_sync


@on("cronofy", "morgen")
def test_a_declined_invitation_does_not_block(connected: Connected) -> None:
    there = connected.double.add(connected.target, "Board", soon(), soon(1))
    if connected.name == "morgen":
        connected.double.invite(there, "boss@example.org", connected.host.email)
        connected.double.events[there].fields["participants"]["2"]["participationStatus"] = "declined"
    else:
        connected.double.edit(there, participation_status="declined")
    connected.pull()
    assert busy(connected) == []
    assert Event.everywhere.filter(calendar=connected.calendar).count() == 1


def test_what_was_read_there_can_be_changed_from_here(connected: Connected) -> None:
    there = connected.double.add(connected.target, "Dentist", soon(), soon(1))
    connected.pull()
    event = Event.everywhere.get(calendar=connected.calendar)
    events.change(event, replace(events.data_of(event), title="Dentist, moved"), actor=SYSTEM)
    push.deliver()
    assert connected.titles() == ["Dentist, moved"]
    assert connected.mirror(event).in_sync
    assert connected.double.found(there) is not None
    connected.pull()
    assert busy(connected) == [(soon(), soon(1))]
    events.delete(event, actor=SYSTEM)
    push.deliver()
    assert connected.live() == []


@on("timekit")
def test_timekit_gets_a_new_event_for_a_new_description(connected: Connected) -> None:
    event = events.create(connected.calendar, meeting("Same", description="Old"), actor=SYSTEM)
    push.deliver()
    first = connected.live()[0].id
    events.change(event, meeting("Same", description="New"), actor=SYSTEM)
    connected.fault("lost_answer", "DELETE /v2/events/")
    connected.deliver(2)
    [held] = connected.live()
    assert held.id != first
    assert held.fields["description"].startswith("New")
    assert connected.mirror(event).remote_id == held.id
    assert connected.double.ignored == []


@on("leadconnector")
def test_a_blocked_slot_blocks_and_can_be_moved(connected: Connected) -> None:
    there = connected.double.block(connected.target, "Lunch", soon(), soon(1))
    connected.pull()
    assert busy(connected) == [(soon(), soon(1))]
    event = Event.everywhere.get(calendar=connected.calendar)
    start = events.data_of(event).start_wall + 3600
    events.change(event, replace(events.data_of(event), start_wall=start), actor=SYSTEM)
    push.deliver()
    assert connected.double.span(connected.double.events[there].fields) == (soon(1), soon(2))


@on("leadconnector")
def test_a_guest_is_one_contact_however_often_they_come(connected: Connected) -> None:
    for hours in (0, 2):
        events.create(connected.calendar, meeting(hours=hours, people=(anna(),)), actor=SYSTEM)
    events.create(connected.calendar, meeting(hours=4), actor=SYSTEM)
    push.deliver()
    mails = sorted(one["email"] for one in connected.double.contacts.values())
    assert mails == sorted(["anna@example.org", connected.host.email])


@on("morph")
def test_where_nothing_can_be_listed_a_person_is_asked(connected: Connected) -> None:
    connected.double.operations = ["schedulingEvent::create", "schedulingEvent::update", "schedulingEvent::retrieve"]
    event = events.create(connected.calendar, meeting("Once"), actor=SYSTEM)
    connected.fault("lost_answer", CREATE[connected.name])
    push.deliver()
    connected.deliver(2)
    assert connected.titles() == ["Once"]
    assert connected.mirror(event).state == Mirror.State.NEEDS_CHECK
    assert connected.pull().failed == 0
