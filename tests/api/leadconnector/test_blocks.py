"""Blocked slots: plain busy events."""

from __future__ import annotations

from typing import Any

import pytest

from bookings.models import Event, Organisation
from tests.api.leadconnector.test_events import plain
from tests.api.leadconnector.worlds import APPOINTMENTS, Location, later

DAY, NEXT = later(60), later(61)
BLOCKS, BLOCKED = "/calendars/events/block-slots", "/calendars/blocked-slots"


def body(here: Location, **changes: Any) -> dict[str, Any]:
    whole = {
        "locationId": here.id,
        "assignedUserId": here.user_id,
        "title": "Away",
        "startTime": f"{DAY}T09:00:00+05:30",
        "endTime": f"{DAY}T10:00:00+05:30",
    } | changes
    return {key: value for key, value in whole.items() if value is not None}


def events(organisation: Organisation) -> list[Event]:
    return list(Event.objects.for_tenant(organisation).filter(deleted_at=None))


def test_a_users_slot_is_blocked(here: Location) -> None:
    answer = here.post(BLOCKS, body(here))
    assert answer.status_code == 201
    made = answer.json()
    assert len(made.pop("id")) == 20
    assert made == body(here)
    assert here.post(APPOINTMENTS, here.body(f"{DAY}T09:00:00+05:30")).status_code == 400


def test_a_calendars_slot_is_blocked_for_its_whole_team(here: Location) -> None:
    here.event_type.hosts.add(here.colleague)
    made = here.post(BLOCKS, body(here, assignedUserId=None, calendarId=here.calendar_id)).json()
    assert (made["calendarId"], "assignedUserId" in made) == (here.calendar_id, False)
    assert len(events(here.organisation)) == 2
    assert here.post(APPOINTMENTS, here.body(f"{DAY}T09:00:00+05:30")).status_code == 400
    [told] = here.events(DAY, NEXT, BLOCKED, calendarId=here.calendar_id)
    assert told["id"] == made["id"]
    answer = here.put(f"{BLOCKS}/{made['id']}", {"title": "Elsewhere", "startTime": f"{DAY}T08:00:00Z"})
    assert answer.status_code == 200
    assert {event.title for event in events(here.organisation)} == {"Elsewhere"}
    assert here.delete(f"/calendars/events/{made['id']}").status_code == 201
    assert events(here.organisation) == []


def test_a_blocked_slot_is_changed(here: Location) -> None:
    made = here.post(BLOCKS, body(here)).json()
    changed = body(here, title="Really away", endTime=f"{DAY}T12:00:00+05:30")
    answer = here.put(f"{BLOCKS}/{made['id']}", changed)
    assert (answer.status_code, answer.json()) == (200, changed | {"id": made["id"]})
    assert here.put(f"{BLOCKS}/{made['id']}", {}).json() == answer.json()
    assert here.put(f"{BLOCKS}/{made['id']}", {"assignedUserId": here.colleague_id}).status_code == 400


def test_a_blocked_slot_is_listed_as_such_and_not_as_an_appointment(here: Location) -> None:
    made = here.post(BLOCKS, body(here)).json()
    [told] = here.events(DAY, NEXT, BLOCKED)
    assert (told["id"], told["title"], told["startTime"]) == (made["id"], "Away", made["startTime"])
    assert here.events(DAY, NEXT) == []
    assert here.events(DAY, NEXT, BLOCKED, userId=here.colleague_id) == []


def test_what_was_planned_elsewhere_blocks_as_well_unless_it_is_free(here: Location) -> None:
    plain(here.host, f"{DAY}T12:00:00")
    plain(here.host, f"{DAY}T14:00:00", title="Free", free_busy_status="free")
    here.book(f"{DAY}T16:00:00Z")
    assert [event["title"] for event in here.events(DAY, NEXT, BLOCKED)] == ["Dentist"]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"assignedUserId": None}, 422),
        ({"calendarId": "abcdefghij0123456789"}, 422),
        ({"assignedUserId": "abcdefghij0123456789"}, 400),
        ({"assignedUserId": None, "calendarId": "abcdefghij0123456789"}, 400),
        ({"locationId": "abcdefghij0123456789"}, 403),
        ({"locationId": None}, 422),
        ({"startTime": None}, 422),
        ({"endTime": None}, 422),
        ({"endTime": f"{DAY}T09:00:00+05:30"}, 422),
        ({"title": 7}, 422),
        ({"title": None}, 201),
    ],
)
def test_a_block_says_what_is_wrong_with_it(here: Location, changes: dict[str, Any], status: int) -> None:
    assert here.post(BLOCKS, body(here, **changes)).status_code == status
    assert len(events(here.organisation)) == (status == 201)


def test_only_blocked_slots_are_changed_as_such(here: Location) -> None:
    made = here.book(f"{DAY}T16:00:00Z")
    assert here.put(f"{BLOCKS}/{made['id']}", {"title": "x"}).status_code == 404


def test_a_calendar_without_a_team_has_no_time_to_block(here: Location) -> None:
    here.event_type.hosts.clear()
    answer = here.post(BLOCKS, body(here, assignedUserId=None, calendarId=here.calendar_id))
    assert answer.status_code == 400
