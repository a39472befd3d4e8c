"""Calendars and their groups, and the slots that are free."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from bookings.models import EventType, GroupRule, Override, Schedule
from tests import factories
from tests.api.leadconnector.worlds import APPOINTMENTS, Location, later, make_location, ms

DAY, NEXT = later(60), later(61)
CALENDARS, GROUPS = "/calendars/", "/calendars/groups"
WEEK = [
    {"daysOfTheWeek": [1, 2, 3, 4, 5], "hours": [{"openHour": 9, "openMinute": 0, "closeHour": 12, "closeMinute": 30}]}
]


def whole(here: Location) -> dict[str, Any]:
    """A calendar with everything that decides about its slots."""
    return {
        "locationId": here.id,
        "name": "Consultation",
        "description": "An hour with us",
        "slug": "consultation",
        "calendarType": "round_robin",
        "eventTitle": "{{contact.name}} asks",
        "eventColor": "#ff0000",
        "slotDuration": 1,
        "slotDurationUnit": "hours",
        "slotInterval": 15,
        "slotIntervalUnit": "mins",
        "slotBuffer": 10,
        "slotBufferUnit": "mins",
        "preBuffer": 5,
        "preBufferUnit": "mins",
        "appoinmentPerSlot": 1,
        "appoinmentPerDay": 4,
        "allowBookingAfter": 2,
        "allowBookingAfterUnit": "days",
        "allowBookingFor": 2,
        "allowBookingForUnit": "months",
        "openHours": WEEK,
        "autoConfirm": False,
        "isActive": True,
        "allowReschedule": False,
        "notes": "Bring a pen",
        "teamMembers": [
            {"userId": here.user_id, "priority": 1, "isPrimary": True},
            {"userId": here.colleague_id, "priority": 0, "isPrimary": False},
        ],
    }


def made(here: Location, **changes: Any) -> dict[str, Any]:
    answer = here.post(CALENDARS, {"locationId": here.id, "name": "Consultation"} | changes)
    assert answer.status_code == 200, answer.content
    calendar: dict[str, Any] = answer.json()["calendar"]
    return calendar


def test_a_calendar_is_told_as_it_was_made(here: Location) -> None:
    said = whole(here)
    calendar = made(here, **said)
    assert len(calendar["id"]) == 20
    told = {key: calendar[key] for key in said if key != "teamMembers"}
    assert told == {key: value for key, value in said.items() if key != "teamMembers"}
    assert [(each["userId"], each["priority"], each["isPrimary"]) for each in calendar["teamMembers"]] == [
        (here.user_id, 1, True),
        (here.colleague_id, 0, False),
    ]
    assert here.get(f"/calendars/{calendar['id']}").json() == {"calendar": calendar}


def test_a_calendars_settings_are_an_event_types(here: Location) -> None:
    calendar = made(here, **whole(here))
    event_type = EventType.objects.for_tenant(here.organisation).get(name="Consultation")
    assert here.name("event_type", event_type) == calendar["id"]
    assert (event_type.durations, event_type.slot_interval) == ([60], 15)
    assert (event_type.buffer_before, event_type.buffer_after) == (5, 10)
    assert (event_type.minimum_notice, event_type.window_days, event_type.limits) == (2880, 60, {"day": 4})
    assert event_type.needs_confirmation
    assert event_type.schedule is not None
    assert event_type.schedule.weekly == [[[540, 750]]] * 5 + [[], []]
    assert event_type.group_rule is not None
    assert event_type.group_rule.mode == GroupRule.Mode.ANY


def test_a_name_is_enough(here: Location) -> None:
    calendar = made(here, teamMembers=[{"userId": here.user_id}])
    assert (calendar["slotDuration"], calendar["slotInterval"], calendar["autoConfirm"]) == (30, 30, True)
    assert (calendar["eventTitle"], calendar["calendarType"]) == ("{{contact.name}}", "personal")
    assert (calendar["slug"], calendar["teamMembers"][0]["priority"]) == ("consultation", 0.5)
    assert calendar["openHours"] == []
    assert made(here)["slug"] == "consultation-2"


def test_without_a_team_the_only_user_hosts(here: Location) -> None:
    assert made(here)["teamMembers"] == []
    here.colleague.is_active = False
    here.colleague.save()
    assert [each["userId"] for each in made(here)["teamMembers"]] == [here.user_id]


def test_a_collective_calendar_needs_everybody(here: Location) -> None:
    team = [{"userId": here.user_id}, {"userId": here.colleague_id}]
    calendar = made(here, calendarType="collective", teamMembers=team)
    assert calendar["calendarType"] == "collective"
    start = f"{DAY}T09:00:00Z"
    booked = here.book(start, calendarId=calendar["id"], assignedUserId=here.colleague_id)
    assert booked["assignedUserId"] == here.colleague_id
    assert set(here.read(booked["id"])["users"]) == {here.user_id, here.colleague_id}
    for user in (here.user_id, here.colleague_id):
        assert (
            here.post(APPOINTMENTS, here.body(start, calendarId=calendar["id"], assignedUserId=user)).status_code == 400
        )


def test_who_has_priority_is_booked_first(here: Location) -> None:
    team = [{"userId": here.user_id, "priority": 0}, {"userId": here.colleague_id, "priority": 1}]
    calendar = made(here, calendarType="round_robin", teamMembers=team)
    booked = [here.book(f"{DAY}T09:00:00Z", calendarId=calendar["id"])["assignedUserId"] for _ in range(2)]
    assert booked == [here.colleague_id, here.user_id]


def test_a_change_leaves_the_rest_as_it_was(here: Location) -> None:
    calendar = made(here, **whole(here))
    answer = here.put(
        f"/calendars/{calendar['id']}", {"name": "Advice", "slotDuration": 45, "slotDurationUnit": "mins"}
    )
    assert answer.status_code == 200
    assert answer.json()["calendar"] == calendar | {"name": "Advice", "slotDuration": 45, "slotDurationUnit": "mins"}


def test_a_calendar_can_be_sent_back_as_it_was_read(here: Location) -> None:
    calendar = made(here, **whole(here))
    answer = here.put(f"/calendars/{calendar['id']}", calendar)
    assert (answer.status_code, answer.json()["calendar"]) == (200, calendar)


def test_a_team_changes(here: Location) -> None:
    calendar = made(here, **whole(here))
    path = f"/calendars/{calendar['id']}"
    changed = here.put(path, {"teamMembers": [{"userId": here.colleague_id}]}).json()["calendar"]
    assert [each["userId"] for each in changed["teamMembers"]] == [here.colleague_id]
    assert here.put(path, {"teamMembers": []}).json()["calendar"]["teamMembers"] == []


def test_a_team_that_others_use_too_stays_theirs(here: Location) -> None:
    calendar = made(here, **whole(here))
    first = EventType.objects.for_tenant(here.organisation).get(name="Consultation")
    here.event_type.group_rule = first.group_rule
    here.event_type.save()
    here.put(f"/calendars/{calendar['id']}", {"teamMembers": [{"userId": here.colleague_id, "priority": 1}]})
    assert len(here.get(f"/calendars/{here.calendar_id}").json()["calendar"]["teamMembers"]) == 2


def test_hours_that_others_have_too_stay_theirs(here: Location) -> None:
    here.event_type.schedule = here.host.schedule
    here.event_type.save()
    before = here.host.schedule.weekly
    changed = here.put(f"/calendars/{here.calendar_id}", {"openHours": WEEK}).json()["calendar"]
    assert changed["openHours"] == WEEK
    assert Schedule.everywhere.get(pk=here.host.schedule.pk).weekly == before
    assert here.put(f"/calendars/{here.calendar_id}", {"openHours": []}).json()["calendar"]["openHours"] == []


def test_hours_until_midnight_are_told_as_they_can_be_said_again(here: Location) -> None:
    hours = [{"openHour": 18, "openMinute": 0, "closeHour": 0, "closeMinute": 0}]
    changed = here.put(f"/calendars/{here.calendar_id}", {"openHours": [{"daysOfTheWeek": [0], "hours": hours}]})
    [told] = changed.json()["calendar"]["openHours"]
    assert told["hours"] == [{"openHour": 18, "openMinute": 0, "closeHour": 23, "closeMinute": 60}]
    assert here.put(f"/calendars/{here.calendar_id}", {"openHours": [told]}).json() == changed.json()


def test_the_collection_lists_them(here: Location) -> None:
    calendar = made(here, isActive=False)
    listed = here.get(f"{CALENDARS}?locationId={here.id}").json()["calendars"]
    assert [each["name"] for each in listed] == ["Consultation", "First meeting"]
    assert listed[0] == calendar
    active = here.get(f"{CALENDARS}?locationId={here.id}&showDrafted=false").json()["calendars"]
    assert [each["name"] for each in active] == ["First meeting"]
    assert here.get(CALENDARS).status_code == 422
    assert here.get(f"{CALENDARS}?locationId=abcdefghij0123456789").status_code == 403


def test_a_deleted_calendar_is_gone_and_what_was_booked_stays(here: Location) -> None:
    booked = here.book(f"{DAY}T09:00:00Z")
    answer = here.delete(f"/calendars/{here.calendar_id}")
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert here.get(f"/calendars/{booked['calendarId']}").status_code == 404
    assert here.delete(f"/calendars/{booked['calendarId']}").status_code == 404
    assert here.post(APPOINTMENTS, here.body(f"{NEXT}T09:00:00Z", calendarId=booked["calendarId"])).status_code == 400
    assert here.read(booked["id"])["appointmentStatus"] == "confirmed"


def test_an_inactive_calendar_cannot_be_booked(here: Location) -> None:
    here.put(f"/calendars/{here.calendar_id}", {"isActive": False})
    assert here.post(APPOINTMENTS, here.body(f"{DAY}T09:00:00Z")).status_code == 400
    assert slots(here) == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "x" * 201},
        {"slug": "no blanks"},
        {"slotDuration": 0},
        {"slotDuration": -1},
        {"slotDuration": "30"},
        {"slotDuration": True},
        {"slotDuration": 1e6},
        {"slotDurationUnit": "days"},
        {"slotInterval": 0},
        {"slotBuffer": 1441},
        {"allowBookingFor": 4, "allowBookingForUnit": "years"},
        {"allowBookingFor": 5000},
        {"appoinmentPerSlot": 0},
        {"appoinmentPerSlot": 10_000},
        {"autoConfirm": "no"},
        {"calendarType": "square"},
        {"openHours": "always"},
        {"openHours": [{"daysOfTheWeek": [7], "hours": []}]},
        {"openHours": [{"daysOfTheWeek": [1]}]},
        {"openHours": [{"daysOfTheWeek": [1], "hours": [{"openHour": 9}]}]},
        {
            "openHours": [
                {"daysOfTheWeek": [1], "hours": [{"openHour": 9, "openMinute": 0, "closeHour": 8, "closeMinute": 0}]}
            ]
        },
        {"openHours": [None, 7, "x"]},
        {"teamMembers": [7]},
        {"teamMembers": [{}]},
        {"teamMembers": [{"userId": "abcdefghij0123456789", "priority": 2}]},
        {"locationConfigurations": [{"kind": "moon"}]},
        {"locationConfigurations": [7]},
        {"locationConfigurations": [{"kind": ["custom"]}]},
        {"recurring": []},
        {"notifications": {}},
        {"notes": 7},
        {"availabilityType": 2},
    ],
)
def test_settings_that_cannot_be_are_refused(here: Location, wrong: dict[str, Any]) -> None:
    answer = here.post(CALENDARS, {"locationId": here.id, "name": "Consultation"} | wrong)
    assert answer.status_code == 422
    assert isinstance(answer.json()["message"], list)
    assert here.put(f"/calendars/{here.calendar_id}", wrong).status_code == 422
    assert EventType.objects.for_tenant(here.organisation).count() == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"teamMembers": [{"userId": "abcdefghij0123456789"}]},
        {"groupId": "abcdefghij0123456789"},
        {"calendarType": "personal", "teamMembers": []},
    ],
)
def test_names_that_mean_nothing_are_refused(here: Location, wrong: dict[str, Any]) -> None:
    assert here.post(CALENDARS, {"locationId": here.id, "name": "Consultation"} | wrong).status_code == 400


def test_a_slug_is_given_once(here: Location) -> None:
    made(here, slug="mine")
    answer = here.post(CALENDARS, {"locationId": here.id, "name": "Other", "slug": "mine"})
    assert answer.status_code == 422
    assert "slug" in answer.json()["message"][0]


def test_somebody_twice_is_no_team(here: Location) -> None:
    team = [{"userId": here.user_id}, {"userId": here.user_id}]
    answer = here.post(CALENDARS, {"locationId": here.id, "name": "Other", "teamMembers": team})
    assert answer.status_code == 422


# ── Free slots ──


def slots(here: Location, first: str = DAY, last: str = NEXT, **query: str) -> dict[str, list[str]]:
    """{date: starts} in [first, last)."""
    more = "".join(f"&{key}={value}" for key, value in query.items())
    answer = here.get(f"/calendars/{here.calendar_id}/free-slots?startDate={ms(first)}&endDate={ms(last)}{more}")
    assert answer.status_code == 200, answer.content
    return {day: found["slots"] for day, found in answer.json().items() if re.fullmatch(r"\d{4}-\d\d-\d\d", day)}


def test_free_slots_are_listed_by_day(here: Location) -> None:
    found = slots(here, DAY, later(62))
    assert list(found) == [DAY, NEXT]
    assert len(found[DAY]) == 48
    assert found[DAY][:2] == [f"{DAY}T00:00:00+00:00", f"{DAY}T00:30:00+00:00"]


def test_days_and_offsets_are_those_of_the_time_zone(here: Location) -> None:
    found = slots(here, timezone="Asia/Kolkata")
    assert list(found) == [DAY, NEXT]
    assert found[DAY][0] == f"{DAY}T05:30:00+05:30"
    assert len(found[DAY]) + len(found[NEXT]) == 48


def test_days_are_the_locations_unless_asked_otherwise(db: None) -> None:
    location = make_location(timezone="America/Chihuahua")
    assert slots(location)[(date.fromisoformat(DAY) - timedelta(days=1)).isoformat()][0].endswith("-06:00")


def test_every_free_slot_can_be_booked_as_it_was_written(here: Location) -> None:
    Override.everywhere.create(
        organisation=here.organisation,
        host=here.host,
        kind="hours",
        first_day=DAY,
        last_day=DAY,
        blocks=[[540, 720]],
    )
    found = slots(here, timezone="Asia/Kathmandu")[DAY]
    assert len(found) == 6
    for start in found:
        assert here.book(start)["startTime"] == start
    assert slots(here).get(DAY, []) == []


def test_slots_are_those_of_the_users_that_were_asked_for(here: Location) -> None:
    here.event_type.hosts.add(here.colleague)
    factories.booking(here.host, start=ms(DAY) // 1000, minutes=1440)
    assert len(slots(here)[DAY]) == 48
    assert slots(here, userId=here.user_id) == {}
    for query in ({"userId": here.colleague_id}, {"userIds": here.colleague_id}, {"userIds[]": here.colleague_id}):
        assert len(slots(here, **query)[DAY]) == 48
    both = f"{here.user_id},{here.colleague_id}"
    assert len(slots(here, userIds=both)[DAY]) == 48


def test_a_slot_that_begins_before_the_end_is_listed(here: Location) -> None:
    path = f"/calendars/{here.calendar_id}/free-slots?startDate={ms(DAY)}&endDate={ms(NEXT) - 1}"
    assert len(here.get(path).json()[DAY]["slots"]) == 48


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 422),
        ("startDate=1", 422),
        ("startDate=x&endDate=y", 422),
        ("startDate=2000&endDate=1000", 422),
        (f"startDate=0&endDate={32 * 86_400_000}", 422),
        (f"startDate=0&endDate={31 * 86_400_000}", 200),
        ("startDate=0&endDate=1000&timezone=Nowhere/Land", 422),
        ("startDate=0&endDate=1000&userId=abcdefghij0123456789", 422),
        ("startDate=0&endDate=1000&userId={colleague}", 422),
        ("startDate=1" + "0" * 30 + "&endDate=1", 422),
    ],
)
def test_free_slots_say_what_is_wrong_with_a_query(here: Location, query: str, status: int) -> None:
    path = f"/calendars/{here.calendar_id}/free-slots?{query.format(colleague=here.colleague_id)}"
    assert here.get(path).status_code == status


# ── Groups ──


def group(here: Location, slug: str = "sales", **changes: Any) -> dict[str, Any]:
    body = {"locationId": here.id, "name": "Sales", "description": "Who sells", "slug": slug} | changes
    answer = here.post(GROUPS, body)
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()["group"]
    return found


def test_a_group_is_made_listed_changed_and_deleted(here: Location) -> None:
    first = group(here)
    assert len(first["id"]) == 20
    assert first == {
        "id": first["id"],
        "locationId": here.id,
        "name": "Sales",
        "description": "Who sells",
        "slug": "sales",
        "isActive": True,
    }
    second = group(here, "support", isActive=False)
    assert here.get(f"{GROUPS}?locationId={here.id}").json() == {"groups": [first, second]}
    changed = here.put(f"{GROUPS}/{first['id']}", {"name": "Sellers", "description": "", "slug": "sellers"})
    assert (changed.status_code, changed.json()["group"]) == (
        200,
        first | {"name": "Sellers", "description": "", "slug": "sellers"},
    )
    status = here.put(f"{GROUPS}/{second['id']}/status", {"isActive": True})
    assert (status.status_code, status.json()) == (200, {"success": True})
    deleted = here.delete(f"{GROUPS}/{first['id']}")
    assert (deleted.status_code, deleted.json()) == (200, {"success": True})
    assert here.get(f"{GROUPS}?locationId={here.id}").json() == {"groups": [second | {"isActive": True}]}


def test_a_groups_slug_is_given_once(here: Location) -> None:
    first = group(here)
    body = {"locationId": here.id, "name": "x", "description": "", "slug": "sales"}
    assert here.post(GROUPS, body).status_code == 400
    assert here.put(f"{GROUPS}/{first['id']}", {"name": "Same", "slug": "sales"}).status_code == 200
    for slug, free in (("sales", False), ("support", True)):
        answer = here.post(f"{GROUPS}/validate-slug", {"locationId": here.id, "slug": slug})
        assert (answer.status_code, answer.json()) == (200, {"available": free})


def test_calendars_outlive_their_group(here: Location) -> None:
    first = group(here)
    here.put(f"/calendars/{here.calendar_id}", {"groupId": first["id"]})
    grouped = here.get(f"{CALENDARS}?locationId={here.id}&groupId={first['id']}").json()["calendars"]
    assert [each["id"] for each in grouped] == [here.calendar_id]
    here.delete(f"{GROUPS}/{first['id']}")
    assert here.get(f"/calendars/{here.calendar_id}").json()["calendar"]["groupId"] == ""


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"name": ""}, 422),
        ({"slug": None}, 422),
        ({"slug": "no blanks"}, 422),
        ({"isActive": "yes"}, 422),
        ({"locationId": "abcdefghij0123456789"}, 403),
        ({"locationId": None}, 422),
    ],
)
def test_a_group_says_what_is_wrong_with_it(here: Location, wrong: dict[str, Any], status: int) -> None:
    body = {"locationId": here.id, "name": "Sales", "description": "", "slug": "sales"} | wrong
    assert here.post(GROUPS, body).status_code == status


def test_what_is_no_group_is_not_found(here: Location, elsewhere: Location) -> None:
    foreign = group(elsewhere)["id"]
    for group_id in (foreign, "abcdefghij0123456789", "short", "../events"):
        answers = [
            here.put(f"{GROUPS}/{group_id}", {"name": "x"}),
            here.put(f"{GROUPS}/{group_id}/status", {"isActive": False}),
            here.delete(f"{GROUPS}/{group_id}"),
        ]
        assert {answer.status_code for answer in answers} == {404}
    assert here.put(f"{GROUPS}/{group(here)['id']}/status", {}).status_code == 422


def test_dates_are_told_in_order(here: Location) -> None:
    found = slots(here, DAY, later(65))
    starts = [datetime.fromisoformat(start) for day in found.values() for start in day]
    assert starts == sorted(starts)
