"""What is stated here becomes true at each of the five services, once, whatever gets lost on the way."""

from __future__ import annotations

import re
import uuid
from importlib import import_module

import pytest

from bookings.domain import calendar as events
from bookings.domain import outbox
from bookings.domain.audit import SYSTEM
from bookings.engine.zones import DAY, wall
from bookings.models import Account, Calendar, Mirror, PushAttempt
from providers import push
from providers.base import Capability, Outcome, Push
from providers.lab.double import Asked, Told
from providers.lease import database_now_s
from tests.providers.five.conftest import BERLIN, CREATE, DELETE, NAMES, UPDATE, Connected, anna, meeting, on, soon


def test_an_event_is_made_changed_and_taken_away(connected: Connected) -> None:
    event = events.create(connected.calendar, meeting("First", location="Room 4", description="Agenda"), actor=SYSTEM)
    push.deliver()
    [held] = connected.live()
    assert connected.titles() == ["First"]
    assert connected.double.span(held.fields) == (soon(), soon() + 1800)
    assert held.fields["description"].startswith(("Agenda", "Room 4\n\nAgenda"))
    assert "Room 4" in str(held.fields)
    assert connected.mirror(event).in_sync

    events.change(event, meeting("Second", hours=3, description="Agenda"), actor=SYSTEM)
    push.deliver()
    [held] = connected.live()
    assert connected.titles() == ["Second"]
    assert connected.double.span(held.fields) == (soon(3), soon(3) + 1800)

    events.delete(event, actor=SYSTEM)
    push.deliver()
    assert connected.live() == []
    mirror = connected.mirror(event)
    assert (mirror.remote_id, mirror.applied_revision) == ("", mirror.desired_revision)


def test_who_comes_is_told_and_nobody_is_mailed(connected: Connected) -> None:
    event = events.create(connected.calendar, meeting(people=(anna(),)), actor=SYSTEM)
    push.deliver()
    [held] = connected.live()
    said = str(held.fields) + str(getattr(connected.double, "contacts", ""))
    assert "anna@example.org" in said
    assert "Anna Bauer" in said or connected.name == "timekit"
    events.change(event, meeting("Moved", hours=1, people=(anna(),)), actor=SYSTEM)
    push.deliver()
    events.delete(event, actor=SYSTEM)
    push.deliver()
    assert connected.double.mailed == []
    assert connected.live() == []


def test_all_day_events_keep_their_days(connected: Connected) -> None:
    first = soon() // DAY * DAY
    data = meeting("Away", all_day=True, start_wall=first, duration=2 * DAY)
    event = events.create(connected.calendar, data, actor=SYSTEM)
    push.deliver()
    assert connected.mirror(event).in_sync
    connected.pull()
    assert connected.mirror(event).difference == {}


def test_an_answer_lost_after_the_create_was_carried_out(connected: Connected) -> None:
    event = events.create(connected.calendar, meeting("Once"), actor=SYSTEM)
    connected.fault("lost_answer", CREATE[connected.name])
    push.deliver()
    assert connected.mirror(event).state == Mirror.State.UNCERTAIN
    connected.deliver()
    assert connected.titles() == ["Once"]
    assert connected.mirror(event).in_sync


@on("cronofy", "morgen")
@pytest.mark.parametrize("kind", ["lost_request", "garbled", "answer"])
def test_a_create_of_unknown_end_ends_with_one_event(connected: Connected, kind: str) -> None:
    event = events.create(connected.calendar, meeting("Once"), actor=SYSTEM)
    connected.fault(kind, CREATE[connected.name], status=502)
    connected.deliver(4)
    assert connected.titles() == ["Once"]
    assert connected.mirror(event).in_sync


def test_changed_before_the_lost_answer_was_made_up_for(connected: Connected) -> None:
    event = events.create(connected.calendar, meeting("Before"), actor=SYSTEM)
    connected.fault("lost_answer", CREATE[connected.name])
    push.deliver()
    events.change(event, meeting("After", hours=30), actor=SYSTEM)
    connected.deliver(2)
    assert connected.titles() == ["After"]
    assert connected.mirror(event).in_sync


def test_deleted_before_the_lost_answer_was_made_up_for(connected: Connected) -> None:
    event = events.create(connected.calendar, meeting(), actor=SYSTEM)
    connected.fault("lost_answer", CREATE[connected.name])
    push.deliver()
    events.delete(event, actor=SYSTEM)
    connected.deliver(2)
    assert connected.live() == []
    mirror = connected.mirror(event)
    assert mirror.applied_revision == mirror.desired_revision


def test_answers_lost_to_an_update_and_a_deletion(connected: Connected) -> None:
    event = events.create(connected.calendar, meeting("First"), actor=SYSTEM)
    push.deliver()
    connected.fault("lost_answer", UPDATE[connected.name])
    events.change(event, meeting("Second"), actor=SYSTEM)
    connected.deliver(2)
    assert connected.titles() == ["Second"]
    connected.fault("lost_answer", DELETE[connected.name])
    events.delete(event, actor=SYSTEM)
    connected.deliver(2)
    assert connected.live() == []
    mirror = connected.mirror(event)
    assert mirror.applied_revision == mirror.desired_revision


@on("timekit")
def test_a_search_without_a_find_is_believed_the_second_time(connected: Connected) -> None:
    event = events.create(connected.calendar, meeting("Late"), actor=SYSTEM)
    connected.fault("lost_request", CREATE[connected.name])
    connected.deliver(2)
    assert connected.double.count(CREATE[connected.name]) == 1
    mirror = connected.mirror(event)
    assert mirror.last_error == push.LAGS
    connected.deliver()
    actions = PushAttempt.everywhere.filter(mirror=mirror).order_by("at").values_list("action", flat=True)
    assert list(actions) == ["create", "find", "create"]
    assert connected.titles() == ["Late"]


@on("timekit", "leadconnector", "morph")
def test_of_several_copies_the_oldest_stays(connected: Connected) -> None:
    event = events.create(connected.calendar, meeting("Thrice"), actor=SYSTEM)
    connected.fault("lost_answer", CREATE[connected.name])
    push.deliver()
    [held] = connected.live()
    for _ in range(2):
        connected.double.keep(held.calendar, dict(held.fields))
    connected.deliver()
    assert [one.id for one in connected.live()] == [held.id]
    assert connected.mirror(event).remote_id == held.id


def test_too_many_calls_wait_as_long_as_is_asked(connected: Connected) -> None:
    event = events.create(connected.calendar, meeting(), actor=SYSTEM)
    connected.fault("answer", CREATE[connected.name], status=429, body={}, headers={"Retry-After": "30"})
    push.deliver()
    mirror = connected.mirror(event)
    assert mirror.last_outcome == Outcome.TRANSIENT
    assert mirror.next_attempt_s >= database_now_s() + 29
    asked = len(connected.double.calls)
    connected.deliver()
    assert len(connected.double.calls) == asked  # nobody asks again before that


@on("cronofy", "morgen")
def test_a_service_that_is_down_for_hours_gets_nothing_of_what_came_and_went(connected: Connected) -> None:
    connected.fault("answer", ".*", status=503, body={}, headers={"Retry-After": "1"}, times=1)
    event = events.create(connected.calendar, meeting("Never"), actor=SYSTEM)
    push.deliver()
    events.delete(event, actor=SYSTEM)
    connected.double.faults.clear()
    connected.deliver()
    assert connected.live() == []
    assert connected.double.count(CREATE[connected.name]) <= 1


def test_a_key_that_is_revoked_stops_the_account_and_keeps_what_waits(connected: Connected) -> None:
    connected.double.revoke()
    event = events.create(connected.calendar, meeting("Patient"), actor=SYSTEM)
    push.deliver()
    connected.account.refresh_from_db()
    assert connected.account.health == Account.Health.REAUTH
    assert connected.mirror(event).state == Mirror.State.BLOCKED
    connected.double.keys.add("key")
    Account.everywhere.update(health=Account.Health.OK)
    Mirror.everywhere.update(state=Mirror.State.IDLE)
    connected.deliver()
    assert connected.titles() == ["Patient"]


def test_a_calendar_that_is_deleted_is_reported_as_gone(connected: Connected) -> None:
    event = events.create(connected.calendar, meeting(), actor=SYSTEM)
    connected.double.remove_calendar(connected.target)
    push.deliver()
    connected.calendar.refresh_from_db()
    assert connected.calendar.state == Calendar.State.GONE
    assert connected.mirror(event).last_outcome == Outcome.TARGET_GONE


def test_a_calendar_that_became_read_only_is_reported(connected: Connected) -> None:
    events.create(connected.calendar, meeting(), actor=SYSTEM)
    connected.double.places[connected.target].writable = False
    push.deliver()
    connected.calendar.refresh_from_db()
    assert connected.calendar.state == Calendar.State.READ_ONLY
    assert not connected.calendar.is_writable


def test_what_somebody_deleted_there_is_not_made_again_by_a_change(connected: Connected) -> None:
    event = events.create(connected.calendar, meeting("First"), actor=SYSTEM)
    push.deliver()
    [held] = connected.live()
    connected.double.remove(held.id)
    events.change(event, meeting("Second"), actor=SYSTEM)
    connected.deliver(2)
    assert connected.live() == []
    mirror = connected.mirror(event)
    assert mirror.state == Mirror.State.NEEDS_CHECK
    assert mirror.difference == {"kind": "deleted"}
    outbox.put_back(mirror, SYSTEM)
    connected.deliver()
    assert connected.titles() == ["Second"]
    assert connected.mirror(event).in_sync


def test_deleting_what_is_gone_already_is_done(connected: Connected) -> None:
    event = events.create(connected.calendar, meeting(), actor=SYSTEM)
    push.deliver()
    connected.double.remove(connected.live()[0].id)
    events.delete(event, actor=SYSTEM)
    push.deliver()
    mirror = connected.mirror(event)
    assert mirror.last_outcome == Outcome.OK
    assert mirror.applied_revision == mirror.desired_revision


@on("cronofy", "timekit")
def test_a_series_is_refused_in_words(connected: Connected) -> None:
    event = events.create(connected.calendar, meeting(recurrence_rules=("FREQ=WEEKLY;COUNT=3",)), actor=SYSTEM)
    push.deliver()
    mirror = connected.mirror(event)
    assert mirror.state == Mirror.State.FAILED
    assert "single events only" in mirror.last_error
    assert connected.double.calls[1:] == []  # only the list of calendars was ever asked for


@pytest.mark.parametrize("service", NAMES)
def test_what_a_service_cannot_do_is_said(service: str) -> None:
    told: Capability = import_module(f"providers.{service}").CAPABILITY
    assert told.keyed_create == (service == "cronofy")
    assert told.rsvp == (service in ("cronofy", "morgen"))
    assert told.incremental == (service == "cronofy")
    assert not told.recurrence
    assert any("Single" in note for note in told.notes)


@on("timekit", "morgen")
def test_the_repeated_hour_is_told_unmistakably(connected: Connected) -> None:
    """The second 02:30 of the night in which clocks go back is an instant in UTC."""
    data = meeting("Night", start_wall=wall(2027, 10, 31, 1, 30), timezone="UTC")
    sent = Push(uuid.uuid4(), "", "", (data,))
    created = connected.adapter.create(connected.calendar.external_id, sent, connected.adapter.freeze(sent))
    assert created.outcome == Outcome.OK
    [held] = connected.live()
    assert connected.double.span(held.fields)[0] == wall(2027, 10, 31, 1, 30)
    assert BERLIN not in str(held.fields)


@on("timekit", "morgen")
def test_a_change_may_be_answered_without_a_word(connected: Connected, monkeypatch: pytest.MonkeyPatch) -> None:
    event = events.create(connected.calendar, meeting("First"), actor=SYSTEM)
    push.deliver()
    before, handle = connected.mirror(event).remote_id, connected.double.handle

    def silent(asked: Asked) -> Told:
        told: Told = handle(asked)
        return Told(204) if re.search(UPDATE[connected.name], f"{asked.method} {asked.path}") else told

    monkeypatch.setattr(connected.double, "handle", silent)
    events.change(event, meeting("Second"), actor=SYSTEM)
    push.deliver()
    assert connected.titles() == ["Second"]
    assert connected.mirror(event).in_sync
    assert connected.mirror(event).remote_id == before
