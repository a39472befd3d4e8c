"""POST /calendars/events/appointments: the documented example to the letter, and every field of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from bookings.domain import refs
from bookings.models import AuditEntry, Booking, Claim, Contact
from tests.api.leadconnector.worlds import APPOINTMENTS, SURFACE, Location, later, make_location, some_id

EXAMPLE = """
{
"calendarId": "CVokAlI8fgw4WYWoCtQz",
"locationId": "C2QujeCh8ZnC7al2InWR",
"contactId": "0007BWpSzSwfiuSl0tR2",
"startTime": "2021-06-23T03:30:00+05:30",
"title": "Test Event",
"meetingLocationType": "custom",
"meetingLocationId": "custom_0",
"overrideLocationConfig": true,
"appointmentStatus": "confirmed",
"assignedUserId": "0007BWpSzSwfiuSl0tR2",
"description": "Booking a call to discuss the project",
"address": "Zoom",
"ignoreDateRange": false,
"toNotify": false,
"ignoreFreeSlotValidation": true,
"rrule": "RRULE:FREQ=DAILY;INTERVAL=1;COUNT=5",
"endTime": "2021-06-23T04:30:00+05:30"
}
"""
DAY, NEXT = later(60), later(61)
START = f"{DAY}T09:00:00"


@pytest.fixture
def documented(here: Location) -> Location:
    """A location whose things are called as in the documentation's example."""
    named = {
        "organisation": (here.organisation, "C2QujeCh8ZnC7al2InWR"),
        "event_type": (here.event_type, "CVokAlI8fgw4WYWoCtQz"),
        "host": (here.host, "0007BWpSzSwfiuSl0tR2"),
    }
    for kind, (thing, external_id) in named.items():
        refs.name(SURFACE, kind, thing, external_id)
    return here


@pytest.mark.parametrize("prefix", ["", "/leadconnector"])
def test_the_documented_example_is_answered_to_the_letter(documented: Location, prefix: str) -> None:
    answer = Client().post(
        prefix + APPOINTMENTS,
        EXAMPLE,
        content_type="application/json",
        headers={"Authorization": f"Bearer {documented.secret}", "Version": "2021-04-15"},
    )
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("application/json")
    body = answer.json()
    assert len(body.pop("id")) == 20
    assert body == {
        "calendarId": "CVokAlI8fgw4WYWoCtQz",
        "locationId": "C2QujeCh8ZnC7al2InWR",
        "contactId": "0007BWpSzSwfiuSl0tR2",
        "startTime": "2021-06-23T03:30:00+05:30",
        "endTime": "2021-06-23T04:30:00+05:30",
        "title": "Test Event",
        "meetingLocationType": "custom",
        "appointmentStatus": "confirmed",
        "assignedUserId": "0007BWpSzSwfiuSl0tR2",
        "address": "Zoom",
        "isRecurring": True,
        "rrule": "RRULE:FREQ=DAILY;INTERVAL=1;COUNT=5",
    }


def test_the_documented_example_books_five_hours_past_all_checks(documented: Location) -> None:
    documented.post(APPOINTMENTS, EXAMPLE.encode())
    booked = documented.bookings()
    assert len(booked) == 5
    assert {one.end_s - one.start_s for one in booked} == {3600}
    assert [one.start_s - booked[0].start_s for one in booked] == [86_400 * day for day in range(5)]
    assert {one.forced for one in booked} == {True}
    assert {one.description for one in booked} == {"Booking a call to discuss the project"}
    lanes = Claim.everywhere.filter(booking__in=booked).values_list("lane", flat=True)
    assert [lane > 0 for lane in lanes] == [True] * 5


def test_what_has_to_be_there_is_enough(here: Location) -> None:
    made = here.book(f"{START}Z")
    assert (made["startTime"], made["endTime"]) == (f"{START}Z", f"{DAY}T09:30:00Z")
    assert (made["title"], made["appointmentStatus"], made["isRecurring"]) == ("Emmet Brown", "confirmed", False)
    assert (made["assignedUserId"], made["contactId"]) == (here.user_id, here.contact_id)
    [booking] = here.bookings()
    assert (booking.event_type, booking.contact, booking.surface) == (here.event_type, here.contact, SURFACE)


@pytest.mark.parametrize("field", ["calendarId", "locationId", "contactId", "startTime"])
def test_each_of_the_four_is_needed(here: Location, field: str) -> None:
    for value in (None, "", "  ", 7, ["x"]):
        answer = here.post(APPOINTMENTS, here.body(f"{START}Z") | {field: value})
        assert answer.status_code == 422
        assert answer.json()["statusCode"] == 422
        assert answer.json()["error"] == "Unprocessable Entity"
        assert any(field in message for message in answer.json()["message"])
    assert here.bookings() == []


def test_all_that_is_wrong_is_told_at_once(here: Location) -> None:
    body = here.body("tomorrow", appointmentStatus="maybe", toNotify="yes", title=1)
    answer = here.post(APPOINTMENTS, body)
    assert answer.status_code == 422
    assert len(answer.json()["message"]) == 4


@pytest.mark.parametrize("offset", ["Z", "+05:30", "-03:30", "+14:00", "+00:00", "-11:00"])
def test_an_offset_comes_back_as_it_was_sent(here: Location, offset: str) -> None:
    made = here.book(f"{START}{offset}", endTime=f"{DAY}T10:00:00{offset}")
    assert (made["startTime"], made["endTime"]) == (f"{START}{offset}", f"{DAY}T10:00:00{offset}")
    event = here.read(made["id"])
    assert (event["startTime"], event["endTime"]) == (made["startTime"], made["endTime"])


def test_a_time_without_an_offset_is_the_locations(db: None) -> None:
    location = make_location(timezone="America/New_York")
    location.book(START)
    assert location.bookings()[0].start_s % 86_400 == 14 * 3600


@pytest.mark.parametrize(
    "text",
    ["", "2030-03-04", "2030-02-30T09:00:00Z", "2030-03-04T25:00:00Z", "03/04/2030", "1", "9999-12-31T23:59:59Z"],
)
def test_a_time_that_is_none_is_refused(here: Location, text: str) -> None:
    assert here.post(APPOINTMENTS, here.body(text)).status_code == 422


def test_the_end_is_after_the_start(here: Location) -> None:
    assert here.post(APPOINTMENTS, here.body(f"{START}Z", endTime=f"{START}Z")).status_code == 422


def test_a_taken_slot_is_refused_in_the_vendors_words(here: Location) -> None:
    here.book(f"{START}Z")
    answer = here.post(APPOINTMENTS, here.body(f"{START}Z"))
    assert answer.status_code == 400
    assert answer.json() == {"statusCode": 400, "message": "The slot you have selected is no longer available."}
    assert len(here.bookings()) == 1


def test_a_slot_that_was_given_back_can_be_booked_again(here: Location) -> None:
    made = here.book(f"{START}Z")
    assert here.delete(f"/calendars/events/{made['id']}").status_code == 201
    assert here.book(f"{START}Z")["id"] != made["id"]


def test_the_title_is_made_after_the_calendars_template(here: Location) -> None:
    here.event_type.title_template = "{{ contact.first_name }} & {{calendar.name}} {{nobody.knows}}"
    here.event_type.save()
    assert here.book(f"{START}Z")["title"] == "Emmet & First meeting"


# ── Who ──


def test_a_contact_that_is_not_known_here_is_taken_at_its_word(here: Location) -> None:
    stranger = some_id()
    first, second = here.book(f"{START}Z", contactId=stranger), here.book(f"{NEXT}T09:00:00Z", contactId=stranger)
    assert first["contactId"] == second["contactId"] == stranger
    assert Contact.objects.for_tenant(here.organisation).count() == 2
    assert here.get(f"/contacts/{stranger}").json()["contact"]["id"] == stranger


def test_the_contact_of_another_location_is_nobody_here(here: Location, elsewhere: Location) -> None:
    made = here.book(f"{START}Z", contactId=elsewhere.contact_id)
    assert made["contactId"] == elsewhere.contact_id
    assert here.bookings()[0].contact != elsewhere.contact
    assert made["title"] != elsewhere.contact.name


@pytest.mark.parametrize("contact", ["short", "with blanks in it and so on", "x" * 65, "../../etc/passwd"])
def test_a_contact_id_that_can_be_none_is_refused(here: Location, contact: str) -> None:
    assert here.post(APPOINTMENTS, here.body(f"{START}Z", contactId=contact)).status_code in (400, 422)
    assert Contact.objects.for_tenant(here.organisation).count() == 1


def test_a_refused_booking_leaves_no_contact_behind(here: Location) -> None:
    here.book(f"{START}Z")
    assert here.post(APPOINTMENTS, here.body(f"{START}Z", contactId=some_id())).status_code == 400
    assert Contact.objects.for_tenant(here.organisation).count() == 1


def test_the_assigned_user_gets_it(here: Location) -> None:
    here.event_type.hosts.add(here.colleague)
    for user, name in ((here.colleague, here.colleague_id), (here.host, here.user_id)):
        made = here.book(f"{START}Z", assignedUserId=name)
        assert made["assignedUserId"] == name
        assert Claim.everywhere.filter(host=user, booking__isnull=False).count() == 1


def test_a_user_outside_the_team_is_refused_in_the_vendors_words(here: Location, elsewhere: Location) -> None:
    for user in (here.colleague_id, elsewhere.user_id, some_id()):
        answer = here.post(APPOINTMENTS, here.body(f"{START}Z", assignedUserId=user))
        assert answer.status_code == 422
        assert answer.json()["message"] == ["The user id not part of calendar team."]


# ── Where ──


@pytest.mark.parametrize(
    ("said", "kind", "address"),
    [
        ({}, "custom", ""),
        ({"address": "Lobby"}, "custom", "Lobby"),
        ({"meetingLocationType": "address", "address": "1 Main St"}, "address", "1 Main St"),
        ({"meetingLocationType": "phone", "address": "+1 555 0199"}, "phone", "+1 555 0199"),
        ({"meetingLocationType": "zoom"}, "zoom", "Zoom"),
        ({"meetingLocationType": "zoom", "address": "https://zoom.us/j/1"}, "zoom", "https://zoom.us/j/1"),
        ({"meetingLocationType": "custom", "meetingLocationId": "custom_0", "address": "Roof"}, "custom", "Roof"),
    ],
)
def test_the_place_is_what_was_said(here: Location, said: dict[str, Any], kind: str, address: str) -> None:
    made = here.book(f"{START}Z", **said)
    assert (made["meetingLocationType"], made["address"]) == (kind, address)
    event = here.read(made["id"])
    assert (event["meetingLocationType"], event["address"]) == (kind, address)


@pytest.mark.parametrize("kind", ["gmeet", "google", "ms_teams"])
def test_a_virtual_place_is_named(here: Location, kind: str) -> None:
    made = here.book(f"{START}Z", meetingLocationType=kind)
    assert made["meetingLocationType"] == kind
    assert made["address"]


@pytest.fixture
def places(here: Location) -> Location:
    """A calendar with two configured locations, custom_0 and phone_1."""
    locations = [{"kind": "custom", "location": "The roof"}, {"kind": "outbound_call", "location": "+1 555 0142"}]
    assert here.put(f"/calendars/{here.calendar_id}", {"locationConfigurations": locations}).status_code == 200
    return here


@pytest.mark.parametrize(
    ("said", "kind", "address"),
    [
        ({}, "custom", "The roof"),
        ({"meetingLocationId": "default"}, "custom", "The roof"),
        ({"meetingLocationId": "phone_1"}, "phone", "+1 555 0142"),
        ({"meetingLocationType": "phone"}, "phone", "+1 555 0142"),
        ({"meetingLocationType": "zoom", "overrideLocationConfig": False}, "custom", "The roof"),
        ({"meetingLocationType": "zoom", "meetingLocationId": "phone_1"}, "phone", "+1 555 0142"),
        (
            {"meetingLocationType": "zoom", "meetingLocationId": "phone_1", "overrideLocationConfig": True},
            "zoom",
            "Zoom",
        ),
    ],
)
def test_the_id_decides_unless_the_type_overrides_it(
    places: Location, said: dict[str, Any], kind: str, address: str
) -> None:
    made = places.book(f"{START}Z", **said)
    assert (made["meetingLocationType"], made["address"]) == (kind, address)


@pytest.mark.parametrize("kind", ["skype", "CUSTOM", 1])
def test_a_place_of_no_known_type_is_refused(here: Location, kind: Any) -> None:
    assert here.post(APPOINTMENTS, here.body(f"{START}Z", meetingLocationType=kind)).status_code == 422


# ── Status ──


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("new", Booking.State.HELD),
        ("confirmed", Booking.State.CONFIRMED),
        ("cancelled", Booking.State.CANCELLED),
        ("invalid", Booking.State.INVALID),
    ],
)
def test_a_status_is_taken_and_told(here: Location, status: str, state: str) -> None:
    made = here.book(f"{START}Z", appointmentStatus=status)
    assert made["appointmentStatus"] == here.read(made["id"])["appointmentStatus"] == status
    assert here.bookings()[0].state == state


@pytest.mark.parametrize(("status", "state"), [("showed", "completed"), ("noshow", "no_show")])
def test_what_came_of_it_is_told_of_the_past(here: Location, status: str, state: str) -> None:
    made = here.book("2021-03-04T09:00:00Z", appointmentStatus=status, ignoreFreeSlotValidation=True)
    assert made["appointmentStatus"] == status
    assert here.bookings()[0].state == state
    answer = here.post(APPOINTMENTS, here.body(f"{START}Z", appointmentStatus=status))
    assert answer.status_code == 400
    assert len(here.bookings()) == 1


def test_a_calendar_that_confirms_by_hand_makes_new_ones(here: Location) -> None:
    here.event_type.needs_confirmation = True
    here.event_type.save()
    assert here.book(f"{START}Z")["appointmentStatus"] == "new"
    assert here.book(f"{NEXT}T09:00:00Z", appointmentStatus="confirmed")["appointmentStatus"] == "confirmed"


@pytest.mark.parametrize("status", ["active", "completed", "Confirmed", 1])
def test_a_status_that_cannot_be_said_is_refused(here: Location, status: Any) -> None:
    assert here.post(APPOINTMENTS, here.body(f"{START}Z", appointmentStatus=status)).status_code == 422


# ── What may be ignored ──


@pytest.fixture
def strict(here: Location) -> Location:
    """A calendar that takes nobody within three years, nor later than a day."""
    here.event_type.minimum_notice = 3 * 366 * 1440
    here.event_type.window, here.event_type.window_days = "rolling", 1
    here.event_type.save()
    return here


def test_notice_and_range_are_kept_unless_they_are_to_be_ignored(strict: Location) -> None:
    body = strict.body(f"{START}Z")
    assert strict.post(APPOINTMENTS, body).status_code == 400
    assert strict.post(APPOINTMENTS, body | {"ignoreDateRange": True}).status_code == 200
    assert not strict.bookings()[0].forced


def test_ignoring_the_range_is_not_ignoring_who_has_the_slot(here: Location) -> None:
    here.book(f"{START}Z")
    assert here.post(APPOINTMENTS, here.body(f"{START}Z", ignoreDateRange=True)).status_code == 400


def test_a_forced_appointment_overlaps_and_displaces_nobody(here: Location) -> None:
    first = here.book(f"{START}Z")
    forced = here.book(f"{START}Z", ignoreFreeSlotValidation=True)
    assert here.read(first["id"])["appointmentStatus"] == here.read(forced["id"])["appointmentStatus"] == "confirmed"
    assert [one.forced for one in here.bookings()].count(True) == 1
    here.delete(f"/calendars/events/{first['id']}")
    assert here.post(APPOINTMENTS, here.body(f"{START}Z")).status_code == 400  # the forced one blocks as well


def test_forcing_needs_a_scope_and_leaves_a_trail(here: Location) -> None:
    plain = here.issue("bookings:write")
    body = here.body(f"{START}Z", ignoreFreeSlotValidation=True)
    answer = here.post(APPOINTMENTS, body, secret=plain)
    assert answer.status_code == 401
    assert answer.json()["message"].startswith("The token is not authorized for this scope.")
    assert here.bookings() == []
    here.book(f"{START}Z")
    assert here.post(APPOINTMENTS, body, secret=here.issue("bookings:write", "bookings:force")).status_code == 200
    told = AuditEntry.objects.for_tenant(here.organisation).filter(action="booking.made").first()
    assert told is not None
    assert told.after["forced"] is True


def test_a_rule_counts_only_when_validation_is_off(here: Location) -> None:
    made = here.book(f"{START}Z", rrule="RRULE:FREQ=DAILY;COUNT=3")
    assert made["isRecurring"] is False
    assert "rrule" not in made
    assert len(here.bookings()) == 1


def test_a_rule_may_leave_dates_out(here: Location) -> None:
    left_out = ",".join(f"{later(60 + number).replace('-', '')}T090000Z" for number in (1, 2))
    rule = f"FREQ=DAILY;COUNT=4\nEXDATE:{left_out}"
    made = here.book(f"{START}Z", rrule=rule, ignoreFreeSlotValidation=True)
    assert made["rrule"] == rule
    assert [(one.start_s - here.bookings()[0].start_s) // 86_400 for one in here.bookings()] == [0, 3]


@pytest.mark.parametrize(
    "rule",
    [
        "RRULE:FREQ=DAILY",
        "RRULE:FREQ=DAILY;COUNT=100000",
        "RRULE:FREQ=SECONDLY;COUNT=2147483647",
        "RRULE:FREQ=HOURLY;INTERVAL=0;COUNT=2",
        "RRULE:FREQ=DAILY;COUNT=2\nRRULE:FREQ=DAILY;COUNT=2",
        "RRULE:FREQ=DAILY;COUNT=2\nEXDATE:soon",
        "every day",
        "DTSTART:20300304T090000Z",
        "RRULE:",
        ":",
    ],
)
def test_a_rule_that_cannot_be_kept_is_refused(here: Location, rule: str) -> None:
    answer = here.post(APPOINTMENTS, here.body(f"{START}Z", rrule=rule, ignoreFreeSlotValidation=True))
    assert answer.status_code == 422
    assert here.bookings() == []


def test_what_has_no_column_is_kept_and_told(here: Location) -> None:
    made = here.book(f"{START}Z", toNotify=False, meetingLocationId="custom_0", description="<b>Bold</b>")
    event = here.read(made["id"])
    assert (event["toNotify"], event["meetingLocationId"], event["description"]) == (False, "custom_0", "<b>Bold</b>")


def test_the_same_key_books_once(here: Location) -> None:
    body = here.body(f"{START}Z")
    first = here.post(APPOINTMENTS, body, Idempotency_Key="one")
    again = here.post(APPOINTMENTS, body, Idempotency_Key="one")
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert again["Idempotent-Replayed"] == "true"
    assert len(here.bookings()) == 1
