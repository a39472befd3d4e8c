"""Reading, changing, deleting and listing what is in the calendar."""

from __future__ import annotations

from typing import Any

import pytest

from bookings.domain import calendar, reserve
from bookings.domain.audit import SYSTEM
from bookings.engine.zones import zone
from bookings.formats.event import EventData
from bookings.models import Booking, Claim, Event, Host
from tests import factories
from tests.api.leadconnector.worlds import APPOINTMENTS, Location, later, make_location, ms

DAY, NEXT = later(60), later(61)
START = f"{DAY}T09:00:00Z"

CALENDAR_EVENT = {
    "id": str,
    "title": str,
    "calendarId": str,
    "locationId": str,
    "contactId": str,
    "groupId": str,
    "appointmentStatus": str,
    "assignedUserId": str,
    "users": list,
    "startTime": str,
    "endTime": str,
    "dateAdded": str,
    "dateUpdated": str,
    "address": str,
    "notes": str,
    "description": str,
    "isRecurring": bool,
    "assignedResources": list,
    "createdBy": dict,
}


def plain(host: Host, start: str, *, title: str = "Dentist", minutes: int = 30, **rest: Any) -> Event:
    """An event that was made elsewhere."""
    data = EventData(title=title, start_wall=ms(start) // 1000, timezone="UTC", duration=minutes * 60, **rest)
    return calendar.create(factories.local_calendar(host), data, actor=SYSTEM)


def test_an_appointment_is_read_with_every_documented_field(here: Location) -> None:
    made = here.book(START, title="Call", description="About it", address="Here")
    event = here.read(made["id"])
    for name, kind in CALENDAR_EVENT.items():
        assert isinstance(event[name], kind), name
    assert (event["id"], event["title"], event["description"], event["address"]) == (
        made["id"],
        "Call",
        "About it",
        "Here",
    )
    assert (event["users"], event["calendarId"]) == ([here.user_id], here.calendar_id)


def test_what_a_change_leaves_out_stays(here: Location) -> None:
    made = here.book(START, title="Call", description="About it", address="Here", meetingLocationType="address")
    answer = here.put(f"{APPOINTMENTS}/{made['id']}", {"title": "Talk"})
    assert answer.status_code == 200
    assert answer.json() == made | {"title": "Talk"}
    assert here.read(made["id"])["description"] == "About it"


def test_an_appointment_moves_and_keeps_its_id_and_length(here: Location) -> None:
    made = here.book(START, endTime=f"{DAY}T10:00:00Z")
    answer = here.put(f"{APPOINTMENTS}/{made['id']}", {"startTime": f"{NEXT}T14:00:00+02:00"})
    assert answer.status_code == 200
    assert (answer.json()["id"], answer.json()["startTime"]) == (made["id"], f"{NEXT}T14:00:00+02:00")
    assert answer.json()["endTime"] == f"{NEXT}T15:00:00+02:00"
    assert here.post(APPOINTMENTS, here.body(START)).status_code == 200  # the old time is free


def test_everything_can_be_sent_back_as_it_was_read(here: Location) -> None:
    made = here.book(START, title="Call")
    event = here.read(made["id"])
    answer = here.put(f"{APPOINTMENTS}/{made['id']}", event)
    assert answer.status_code == 200
    changed = here.read(made["id"])
    assert {key for key in event if event[key] != changed[key]} <= {"dateUpdated"}


def test_a_move_to_taken_time_is_refused_and_changes_nothing(here: Location) -> None:
    here.book(f"{NEXT}T09:00:00Z")
    made = here.book(START, title="Call")
    answer = here.put(f"{APPOINTMENTS}/{made['id']}", {"title": "Talk", "startTime": f"{NEXT}T09:00:00Z"})
    assert (answer.status_code, answer.json()["message"]) == (
        400,
        "The slot you have selected is no longer available.",
    )
    assert here.read(made["id"])["title"] == "Call"
    forced = {"startTime": f"{NEXT}T09:00:00Z", "ignoreFreeSlotValidation": True}
    assert here.put(f"{APPOINTMENTS}/{made['id']}", forced).status_code == 200
    assert Claim.everywhere.filter(lane__gt=0).count() == 1


def test_forcing_a_move_needs_the_scope_too(here: Location) -> None:
    made = here.book(START)
    secret = here.issue("bookings:write")
    body = {"startTime": f"{NEXT}T09:00:00Z", "ignoreFreeSlotValidation": True}
    assert here.put(f"{APPOINTMENTS}/{made['id']}", body, secret=secret).status_code == 401


def test_notice_counts_for_a_move_unless_it_is_to_be_ignored(here: Location) -> None:
    made = here.book(START)
    here.event_type.minimum_notice = 100 * 1440
    here.event_type.save()
    body = {"startTime": f"{NEXT}T09:00:00Z"}
    assert here.put(f"{APPOINTMENTS}/{made['id']}", body).status_code == 400
    assert here.put(f"{APPOINTMENTS}/{made['id']}", body | {"ignoreDateRange": True}).status_code == 200


def test_a_status_is_changed_and_changed_back(here: Location) -> None:
    made = here.book(START, appointmentStatus="new")
    for status in ("confirmed", "cancelled", "confirmed", "invalid"):
        answer = here.put(f"{APPOINTMENTS}/{made['id']}", {"appointmentStatus": status})
        assert (answer.status_code, answer.json()["appointmentStatus"]) == (200, status)
    assert here.put(f"{APPOINTMENTS}/{made['id']}", {"appointmentStatus": "new"}).status_code == 400


def test_what_came_of_it_is_told_afterwards(here: Location) -> None:
    made = here.book("2021-03-04T09:00:00Z", ignoreFreeSlotValidation=True)
    for status in ("noshow", "showed"):
        answer = here.put(f"{APPOINTMENTS}/{made['id']}", {"appointmentStatus": status})
        assert (answer.status_code, answer.json()["appointmentStatus"]) == (200, status)


def test_another_user_of_the_team_takes_it_over(here: Location) -> None:
    here.event_type.hosts.add(here.colleague)
    made = here.book(START, title="Call", assignedUserId=here.user_id)
    answer = here.put(f"{APPOINTMENTS}/{made['id']}", {"assignedUserId": here.colleague_id})
    assert (answer.status_code, answer.json()) == (200, made | {"assignedUserId": here.colleague_id})
    assert [event["id"] for event in here.events(DAY, NEXT, userId=here.colleague_id)] == [made["id"]]
    assert here.events(DAY, NEXT, userId=here.user_id) == []
    assert here.post(APPOINTMENTS, here.body(START, assignedUserId=here.user_id)).status_code == 200
    assert here.post(APPOINTMENTS, here.body(START, assignedUserId=here.colleague_id)).status_code == 400


def test_who_is_busy_does_not_take_it_over_unless_forced(here: Location) -> None:
    here.event_type.hosts.add(here.colleague)
    here.book(START, assignedUserId=here.colleague_id)
    made = here.book(START, assignedUserId=here.user_id)
    body = {"assignedUserId": here.colleague_id}
    assert here.put(f"{APPOINTMENTS}/{made['id']}", body).status_code == 400
    assert here.read(made["id"])["assignedUserId"] == here.user_id
    forced = here.put(f"{APPOINTMENTS}/{made['id']}", body | {"ignoreFreeSlotValidation": True})
    assert (forced.status_code, forced.json()["assignedUserId"]) == (200, here.colleague_id)
    later_on = body | {"assignedUserId": here.user_id, "startTime": f"{NEXT}T09:00:00Z"}
    assert here.put(f"{APPOINTMENTS}/{made['id']}", later_on).json()["startTime"] == f"{NEXT}T09:00:00Z"


def test_somebody_outside_the_team_does_not_take_it_over(here: Location) -> None:
    made = here.book(START)
    assert here.put(f"{APPOINTMENTS}/{made['id']}", {"assignedUserId": here.colleague_id}).status_code == 422


def test_an_appointment_changes_its_calendar(here: Location) -> None:
    team = [{"userId": here.colleague_id}]
    other = here.post("/calendars/", {"locationId": here.id, "name": "Other", "teamMembers": team}).json()["calendar"]
    made = here.book(START)
    answer = here.put(f"{APPOINTMENTS}/{made['id']}", {"calendarId": other["id"]})
    assert (answer.status_code, answer.json()["calendarId"]) == (200, other["id"])
    assert answer.json()["assignedUserId"] == here.colleague_id
    assert here.put(f"{APPOINTMENTS}/{made['id']}", {"calendarId": "abcdefghij0123456789"}).status_code == 400


def test_a_booking_of_no_calendar_is_taken_over_by_anybody(here: Location) -> None:
    factories.booking(here.host, start=ms(DAY) // 1000 + 9 * 3600)
    [event] = here.events(DAY, NEXT)
    answer = here.put(f"{APPOINTMENTS}/{event['id']}", {"assignedUserId": here.colleague_id})
    assert (answer.status_code, answer.json()["assignedUserId"]) == (200, here.colleague_id)


def test_the_place_changes(here: Location) -> None:
    made = here.book(START, address="Here")
    answer = here.put(f"{APPOINTMENTS}/{made['id']}", {"meetingLocationType": "phone", "address": "+1 555 0199"})
    assert (answer.json()["meetingLocationType"], answer.json()["address"]) == ("phone", "+1 555 0199")
    assert here.bookings()[0].location == "+1 555 0199"


def test_deleting_answers_201_and_takes_it_off_the_list(here: Location) -> None:
    made = here.book(START)
    answer = here.delete(f"/calendars/events/{made['id']}")
    assert (answer.status_code, answer.json()) == (201, {"succeeded": True})
    assert here.events(DAY, NEXT) == []
    assert here.bookings()[0].state == Booking.State.CANCELLED


def test_deleting_twice_succeeds_twice(here: Location) -> None:
    made = here.book(START)
    for body in ({}, None, b"", b"{}"):
        assert here.delete(f"/calendars/events/{made['id']}", body).status_code == 201
    event = here.read(made["id"])
    assert (event["appointmentStatus"], event["deleted"]) == ("cancelled", True)


def test_what_was_cancelled_stays_on_the_list(here: Location) -> None:
    made = here.book(START)
    here.put(f"{APPOINTMENTS}/{made['id']}", {"appointmentStatus": "cancelled"})
    [event] = here.events(DAY, NEXT)
    assert (event["id"], event["appointmentStatus"], event["deleted"]) == (made["id"], "cancelled", False)


def test_what_has_taken_place_is_deleted_from_the_list_and_stays_on_record(here: Location) -> None:
    made = here.book("2021-03-04T09:00:00Z", appointmentStatus="showed", ignoreFreeSlotValidation=True)
    assert here.delete(f"/calendars/events/{made['id']}").status_code == 201
    assert here.events("2021-03-04", "2021-03-05") == []
    assert here.bookings()[0].state == Booking.State.COMPLETED


def test_a_list_holds_what_overlaps_its_window_in_order(here: Location) -> None:
    late = here.book(f"{DAY}T23:30:00Z", endTime=f"{NEXT}T00:30:00Z")["id"]
    early = here.book(START)["id"]
    assert [event["id"] for event in here.events(DAY, NEXT)] == [early, late]
    assert [event["id"] for event in here.events(NEXT, later(62))] == [late]
    assert here.events(later(62), later(63)) == []


def test_a_list_is_of_one_user_one_calendar_or_one_group(here: Location) -> None:
    made = here.book(START)["id"]
    group = here.post(
        "/calendars/groups", {"locationId": here.id, "name": "Sales", "description": "", "slug": "sales"}
    ).json()["group"]["id"]
    assert here.events(DAY, NEXT, groupId=group) == []
    here.put(f"/calendars/{here.calendar_id}", {"groupId": group})
    for whose in ({"userId": here.user_id}, {"calendarId": here.calendar_id}, {"groupId": group}):
        [event] = here.events(DAY, NEXT, **whose)
        assert (event["id"], event["groupId"]) == (made, group)
    assert here.events(DAY, NEXT, userId=here.colleague_id) == []


@pytest.mark.parametrize("path", ["/calendars/events", "/calendars/blocked-slots"])
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 422),
        ("locationId={id}&startTime=0&endTime=1000", 422),
        ("locationId={id}&startTime=0&userId={user}", 422),
        ("locationId={id}&startTime=2027-03-01&endTime=2027-03-02&userId={user}", 422),
        ("locationId={id}&startTime=1000&endTime=1000&userId={user}", 422),
        ("locationId={id}&startTime=0&endTime=999999999999999&userId={user}", 422),
        ("locationId={id}&startTime=-1&endTime=1000&userId={user}", 422),
        ("locationId={id}&startTime=0&endTime=1000&userId=abcdefghijklmnopqrst", 400),
        ("locationId={id}&startTime=0&endTime=1000&calendarId=abcdefghijklmnopqrst", 400),
        ("locationId={id}&startTime=0&endTime=1000&groupId=abcdefghijklmnopqrst", 400),
        ("locationId=abcdefghijklmnopqrst&startTime=0&endTime=1000&userId={user}", 403),
        ("locationId={id}&startTime=0&endTime=1000&userId={user}", 200),
    ],
)
def test_a_list_says_what_is_wrong_with_its_query(here: Location, path: str, query: str, status: int) -> None:
    answer = here.get(f"{path}?{query.format(id=here.id, user=here.user_id)}")
    assert (answer.status_code, answer.json().get("statusCode", 200)) == (status, status)


# ── Series ──

RULE = "RRULE:FREQ=DAILY;COUNT=3"


@pytest.fixture
def series(here: Location) -> dict[str, Any]:
    return here.book(START, rrule=RULE, ignoreFreeSlotValidation=True)


def test_the_dates_of_a_series_are_events_called_after_it(here: Location, series: dict[str, Any]) -> None:
    events = here.events(DAY, later(70))
    assert [event["id"] for event in events] == [
        f"{series['id']}_{ms(later(60 + number)) + 9 * 3_600_000}_1800" for number in range(3)
    ]
    assert {(event["masterEventId"], event["isRecurring"], event["rrule"]) for event in events} == {
        (series["id"], True, RULE)
    }


def test_a_series_is_read_by_its_own_id(here: Location, series: dict[str, Any]) -> None:
    event = here.read(series["id"])
    assert (event["id"], event["isRecurring"], event["rrule"]) == (series["id"], True, RULE)
    assert "masterEventId" not in event


def test_one_date_is_changed_and_deleted_alone(here: Location, series: dict[str, Any]) -> None:
    first, second, third = [event["id"] for event in here.events(DAY, later(70))]
    moved = here.put(f"{APPOINTMENTS}/{second}", {"startTime": f"{NEXT}T15:00:00Z", "title": "Later"})
    assert (moved.status_code, moved.json()["id"], moved.json()["title"]) == (200, second, "Later")
    assert here.delete(f"/calendars/events/{third}").status_code == 201
    assert [(event["id"], event["title"]) for event in here.events(DAY, later(70))] == [
        (first, "Emmet Brown"),
        (second, "Later"),
    ]


def test_a_whole_series_is_changed_and_deleted_by_its_own_id(here: Location, series: dict[str, Any]) -> None:
    answer = here.put(f"{APPOINTMENTS}/{series['id']}", {"startTime": f"{DAY}T11:00:00Z", "title": "Later"})
    assert (answer.status_code, answer.json()["id"]) == (200, series["id"])
    events = here.events(DAY, later(70))
    assert {event["startTime"][11:] for event in events} == {"11:00:00Z"}
    assert [event["title"] for event in events] == ["Later"] * 3
    assert here.delete(f"/calendars/events/{series['id']}").status_code == 201
    assert here.events(DAY, later(70)) == []
    assert {one.state for one in here.bookings()} == {Booking.State.CANCELLED}


# ── Seats ──


@pytest.fixture
def lesson(here: Location) -> Location:
    here.event_type.capacity = 2
    here.event_type.save()
    return here


def test_places_in_a_class_are_appointments_of_their_own(lesson: Location) -> None:
    stranger = "abcdefghij0123456789"
    first, second = lesson.book(START), lesson.book(START, contactId=stranger, title="Mine")
    assert first["id"] != second["id"]
    assert lesson.post(APPOINTMENTS, lesson.body(START, contactId=stranger[::-1])).status_code == 400
    events = lesson.events(DAY, NEXT)
    assert [(event["id"], event["contactId"]) for event in events] == [
        (first["id"], lesson.contact_id),
        (second["id"], stranger),
    ]
    assert lesson.read(second["id"])["title"] == "Mine"


def test_a_place_in_a_class_is_given_back_alone(lesson: Location) -> None:
    first, second = lesson.book(START), lesson.book(START, contactId="abcdefghij0123456789")
    assert lesson.delete(f"/calendars/events/{first['id']}").status_code == 201
    assert [event["id"] for event in lesson.events(DAY, NEXT)] == [second["id"]]
    assert lesson.put(f"{APPOINTMENTS}/{second['id']}", {"startTime": f"{NEXT}T09:00:00Z"}).status_code == 400
    answer = lesson.put(f"{APPOINTMENTS}/{second['id']}", {"appointmentStatus": "cancelled"})
    assert (answer.status_code, answer.json()["appointmentStatus"]) == (200, "cancelled")
    assert lesson.bookings()[0].state == Booking.State.CANCELLED


# ── What others made ──


def test_a_booking_made_elsewhere_is_an_appointment_like_any(here: Location) -> None:
    booking = factories.booking(here.host, start=ms(DAY) // 1000 + 9 * 3600, title="From the staff")
    [event] = here.events(DAY, NEXT)
    assert (event["title"], event["calendarId"], event["contactId"]) == ("From the staff", "", "")
    answer = here.put(f"{APPOINTMENTS}/{event['id']}", {"title": "Changed", "startTime": f"{NEXT}T09:00:00Z"})
    assert answer.status_code == 200
    booking.refresh_from_db()
    assert (booking.title, booking.start_s) == ("Changed", ms(NEXT) // 1000 + 9 * 3600)
    assert here.delete(f"/calendars/events/{event['id']}").status_code == 201
    booking.refresh_from_db()
    assert booking.state == Booking.State.CANCELLED


def test_a_plain_event_is_read_changed_and_deleted(here: Location) -> None:
    made = plain(here.host, f"{DAY}T12:00:00")
    [event] = here.events(DAY, NEXT)
    assert (event["title"], event["assignedUserId"], event["isRecurring"]) == ("Dentist", here.user_id, False)
    assert here.read(event["id"]) == event
    body = {"title": "Doctor", "startTime": f"{DAY}T13:00:00Z", "address": "There", "description": "Ouch"}
    answer = here.put(f"{APPOINTMENTS}/{event['id']}", body)
    assert (answer.status_code, answer.json()["id"], answer.json()["endTime"]) == (
        200,
        event["id"],
        f"{DAY}T13:30:00Z",
    )
    made.refresh_from_db()
    assert (made.title, made.location, made.description) == ("Doctor", "There", "Ouch")
    assert here.delete(f"/calendars/events/{event['id']}").status_code == 201
    assert here.events(DAY, NEXT) == []
    assert here.get(f"{APPOINTMENTS}/{event['id']}").status_code == 404


def test_one_occurrence_of_a_plain_series_is_read_and_deleted(here: Location) -> None:
    plain(here.host, f"{DAY}T12:00:00", recurrence_rules=("FREQ=DAILY;COUNT=3",))
    first, second, third = here.events(DAY, later(70))
    assert len({event["masterEventId"] for event in (first, second, third)}) == 1
    assert here.read(second["id"])["startTime"] == f"{NEXT}T12:00:00+00:00"
    assert here.delete(f"/calendars/events/{second['id']}").status_code == 201
    assert [event["id"] for event in here.events(DAY, later(70))] == [first["id"], third["id"]]
    assert here.get(f"{APPOINTMENTS}/{second['id']}").status_code == 404


def test_one_occurrence_of_a_plain_series_is_changed_and_keeps_its_id(here: Location) -> None:
    plain(here.host, f"{DAY}T12:00:00", recurrence_rules=("FREQ=DAILY;COUNT=3",))
    first, second, third = here.events(DAY, later(70))
    body = {"startTime": f"{NEXT}T15:00:00Z", "title": "Later"}
    answer = here.put(f"{APPOINTMENTS}/{second['id']}", body)
    assert (answer.status_code, answer.json()["id"], answer.json()["title"]) == (200, second["id"], "Later")
    again = here.put(f"{APPOINTMENTS}/{second['id']}", {"title": "Later still"})
    assert (again.status_code, again.json()["startTime"]) == (200, f"{NEXT}T15:00:00Z")
    listed = here.events(DAY, later(70))
    assert [(event["id"], event["title"]) for event in listed] == [
        (first["id"], "Dentist"),
        (second["id"], "Later still"),
        (third["id"], "Dentist"),
    ]
    assert {event["masterEventId"] for event in listed} == {second["masterEventId"]}
    assert here.read(second["id"]) == listed[1]
    assert here.delete(f"/calendars/events/{second['id']}").status_code == 201
    assert [event["id"] for event in here.events(DAY, later(70))] == [first["id"], third["id"]]


def test_times_of_others_are_told_on_the_events_own_clock(db: None) -> None:
    location = make_location(timezone="Europe/Berlin")
    Host.everywhere.filter(pk=location.host.pk).update(timezone="Europe/Berlin")
    location.host.refresh_from_db()
    start = zone("Europe/Berlin").to_utc(ms(f"{DAY}T09:00:00") // 1000)
    factories.booking(location.host, start=start)
    [event] = location.events(DAY, NEXT)
    assert event["startTime"][:19] == f"{DAY}T09:00:00"
    assert event["startTime"][19:] in ("+01:00", "+02:00")


def test_a_booking_of_several_hosts_names_all_of_them(here: Location) -> None:
    factories.booking(here.host, here.colleague, start=ms(DAY) // 1000 + 9 * 3600)
    for user in (here.user_id, here.colleague_id):
        [event] = here.events(DAY, NEXT, userId=user)
        assert set(event["users"]) == {here.user_id, here.colleague_id}


def test_rooms_are_resources_and_not_users(here: Location) -> None:
    room = factories.host(here.organisation, weekly=factories.ALWAYS, kind=Host.Kind.RESOURCE)
    factories.booking(here.host, room, start=ms(DAY) // 1000 + 9 * 3600)
    [event] = here.events(DAY, NEXT)
    assert (event["users"], event["assignedResources"]) == ([here.user_id], [here.name("host", room)])


def test_a_booking_cancelled_elsewhere_is_told_as_cancelled(here: Location) -> None:
    made = here.book(START)
    reserve.cancel(here.bookings()[0], by=Booking.By.INVITEE, actor=SYSTEM)
    assert here.read(made["id"])["appointmentStatus"] == "cancelled"
