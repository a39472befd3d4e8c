"""Whatever is lost on the way, there is one event in effect, and guests hear of it once."""

from __future__ import annotations

import pytest

from bookings.domain import calendar as events
from bookings.domain.audit import SYSTEM
from bookings.formats.event import Person
from bookings.models import Mirror
from providers import push
from providers.lab.double import Fault, Told
from tests.providers.microsoft.conftest import ADA, Connected, meeting

PEOPLE = (Person(ADA, "Ada", "owner", "accepted"), Person("guest@example.com", "Gil"))
CREATE = r"POST .*/events$"


@pytest.mark.parametrize("kind", ["lost_answer", "lost_request", "garbled"])
def test_a_create_without_an_answer_is_repeated_word_for_word_and_makes_one_event(
    connected: Connected, kind: str
) -> None:
    connected.double.faults.append(Fault(kind, CREATE))
    event = connected.make(people=PEOPLE, notify_guests=True)
    push.deliver()
    assert connected.mirror(event).state == Mirror.State.UNCERTAIN
    connected.deliver()
    assert len(connected.there()) == 1
    assert connected.mirror(event).in_sync
    first, second = connected.bodies("/events")
    assert first == second
    assert [kind for kind, _, _ in connected.double.mails] == ["invite"]


def test_a_booking_that_changed_before_the_repeat_is_created_as_it_was_and_then_changed(connected: Connected) -> None:
    connected.double.faults.append(Fault("lost_answer", CREATE))
    event = connected.make("First")
    push.deliver()
    events.change(event, meeting("Second"), actor=SYSTEM)
    connected.deliver()
    (there,) = connected.there()
    assert there["subject"] == "Second"
    assert connected.mirror(event).in_sync
    assert {call.status for call in connected.double.calls if call.asked.method == "POST"} == {201}


def test_a_booking_that_was_cancelled_before_the_repeat_is_found_and_taken_away(connected: Connected) -> None:
    connected.double.faults.append(Fault("lost_answer", CREATE))
    event = connected.make()
    push.deliver()
    events.delete(event, actor=SYSTEM)
    connected.deliver()
    assert connected.there() == []
    assert connected.mirror(event).in_sync
    assert connected.double.count(CREATE) == 1


def test_a_transaction_that_was_used_for_other_words_is_looked_for_and_adopted(connected: Connected) -> None:
    connected.double.faults.append(Fault("lost_answer", CREATE))
    event = connected.make("First")
    push.deliver()
    row = Mirror.everywhere.filter(event=event)
    row.update(create_body=row.get().create_body.replace("First", "Zeroth"))
    connected.deliver()
    (there,) = connected.there()
    assert there["subject"] == "First"
    assert connected.mirror(event).in_sync
    assert 409 in [call.status for call in connected.double.calls]


def test_an_event_whose_making_was_lost_is_never_busy_time_of_its_own(connected: Connected) -> None:
    connected.double.faults.append(Fault("lost_answer", CREATE))
    event = connected.make()
    push.deliver()
    connected.pull()
    assert list(connected.calendar.events.filter(deleted_at=None)) == [event]
    connected.deliver()
    connected.pull()
    assert list(connected.calendar.events.filter(deleted_at=None)) == [event]
    assert connected.mirror(event).in_sync


@pytest.mark.parametrize("point", ["push.claimed", "push.called"])
def test_a_worker_that_dies_leaves_one_event(connected: Connected, point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(name: str) -> None:
        if name == point:
            raise _Killed

    event = connected.make(people=PEOPLE, notify_guests=True)
    with monkeypatch.context() as patched:
        patched.setattr(push, "fp", die)
        with pytest.raises(_Killed):
            push.deliver()
    assert connected.mirror(event).state == Mirror.State.CLAIMED
    connected.deliver()
    assert len(connected.there()) == 1
    assert connected.mirror(event).in_sync
    assert [kind for kind, _, _ in connected.double.mails] == ["invite"]


class _Killed(BaseException):
    """Stands for SIGKILL: nothing in the worker catches it."""


def test_ten_deliveries_of_the_same_make_one_event(connected: Connected) -> None:
    connected.make()
    for _ in range(10):
        push.deliver()
    assert len(connected.there()) == 1
    assert connected.double.count(CREATE) == 1


def test_a_deletion_without_an_answer_is_repeated_and_done(connected: Connected) -> None:
    event = connected.make(people=PEOPLE, notify_guests=True)
    push.deliver()
    connected.double.faults.append(Fault("lost_answer", "POST .*/cancel"))
    events.delete(event, actor=SYSTEM)
    connected.deliver()
    assert connected.there() == []
    assert connected.mirror(event).in_sync
    assert [kind for kind, _, _ in connected.double.mails] == ["invite", "cancel"]


def test_made_and_deleted_while_graph_was_down_leaves_nothing(connected: Connected) -> None:
    down = Fault("answer", ".*", times=99, told=Told(500, ""))
    connected.double.faults.append(down)
    event = connected.make()
    push.deliver()
    events.delete(event, actor=SYSTEM)
    down.times = 0
    connected.deliver()
    assert connected.there() == []
    assert connected.double.mails == []
    assert connected.mirror(event).in_sync


def test_an_id_that_became_void_is_replaced_by_what_carries_our_mark(connected: Connected) -> None:
    event = connected.make("First")
    push.deliver()
    Mirror.everywhere.filter(event=event).update(remote_id="AAkALgGone=")
    events.change(event, meeting("Second"), actor=SYSTEM)
    connected.deliver()
    (there,) = connected.there()
    assert there["subject"] == "Second"
    assert connected.mirror(event).remote_id == there["id"]


@pytest.mark.parametrize("lost", [True, False])
def test_what_the_host_dragged_elsewhere_is_taken_away_there(connected: Connected, lost: bool) -> None:
    connected.double.faults += [Fault("lost_answer", CREATE)] if lost else []
    event = connected.make(people=PEOPLE, notify_guests=True)
    push.deliver()
    (there,) = connected.there()
    connected.double.move(ADA, there["id"], connected.double.add_calendar(ADA, "Private"))
    events.delete(event, actor=SYSTEM)
    connected.deliver()
    assert connected.double.events(ADA) == []
    assert connected.mirror(event).in_sync


def test_two_events_with_one_mark_become_one(connected: Connected) -> None:
    event = connected.make("First")
    push.deliver()
    box = connected.double.mailbox(ADA)
    (item,) = box.items.values()
    connected.double.add(ADA, subject="First", start=_at("09:00"), end=_at("09:30"))
    copy = list(box.items.values())[-1]
    copy.marks = dict(item.marks)
    Mirror.everywhere.filter(event=event).update(remote_id="", applied_revision=0)
    connected.double.faults.append(
        Fault("answer", CREATE, told=Told(409, {"error": {"code": "ErrorDuplicateTransactionId", "message": ""}}))
    )
    connected.deliver()
    assert [each["id"] for each in connected.there()] == [item.key]


def _at(clock: str) -> dict:
    return {"dateTime": f"2027-03-03T{clock}:00", "timeZone": "Europe/Berlin"}
