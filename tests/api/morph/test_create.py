"""POST /v1/resources/schedulingEvent as the vendor's page describes it."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils.timezone import now

from bookings.models import AuditEntry, Booking, Override
from tests.api.morph.worlds import PATH, World, ahead, ask, iso, refused

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def example(world: World) -> dict:
    """The page's example with values that mean something in this world, every field of it."""
    owner, colleague = world.user_id(world.host), world.user_id(world.colleague)
    rest = {
        "object": "resourceRef",
        "fields": "<any>",
        "rawResource": "<any>",
        "remote": {"id": "<string>"},
        "createdAt": "<string>",
        "updatedAt": "<string>",
    }
    return {
        "eventType": {"id": world.type_id, "model": "schedulingEventType", **rest},
        "title": "Driving lessons",
        "description": "Bring the plutonium",
        "status": "requested",
        "startTime": iso(ahead()),
        "endTime": iso(ahead() + 45 * 60),
        "duration": 45,
        "attendees": [{"id": colleague, "model": "genericUser", **rest}],
        "externalAttendees": [
            {"firstName": "Emmet", "lastName": "Brown", "email": "doc@evenitron.com", "phoneNumber": "+15550100"}
        ],
        "organizer": {"id": owner, "model": "genericUser", **rest},
        "answers": {},
    }


def send(world: World, path: str = PATH):
    world.event_type.hosts.add(world.colleague)
    headers = {
        "x-api-key": world.public,
        "x-api-secret": world.secret,
        "x-connector-id": "calendly",
        "x-owner-id": world.owner,
    }
    return Client().generic("POST", path, json.dumps(example(world)), content_type="application/json", headers=headers)


def test_the_documented_example_is_answered_with_the_documented_ref(world: World) -> None:
    answer = send(world)
    assert (answer.status_code, answer["Content-Type"]) == (201, "application/json; charset=utf-8")
    whole = answer.json()
    assert set(whole) == {"object", "model", "id", "remote"}
    assert (whole["object"], whole["model"]) == ("resourceRef", "schedulingEvent")
    assert re.fullmatch(UUID, whole["id"])
    assert set(whole["remote"]) == {"id"}
    assert whole["remote"]["id"]


@pytest.mark.parametrize("flag", ["true", "1", "True"])
def test_with_return_resource_the_example_is_answered_with_the_whole_resource(world: World, flag: str) -> None:
    answer = send(world, f"{PATH}?returnResource={flag}")
    assert answer.status_code == 201
    whole = answer.json()
    assert set(whole) == {"object", "model", "id", "remote", "fields", "createdAt", "updatedAt"}
    assert (whole["object"], whole["model"]) == ("resource", "schedulingEvent")
    sent = example(world)
    links = {
        "eventType": {"object": "resourceRef", "model": "schedulingEventType", "id": world.type_id},
        "organizer": {"object": "resourceRef", "model": "genericUser", "id": world.user_id(world.host)},
        "attendees": [{"object": "resourceRef", "model": "genericUser", "id": world.user_id(world.colleague)}],
    }
    assert whole["fields"] == sent | links
    assert Booking.everywhere.get().state == Booking.State.HELD


@pytest.mark.parametrize("flag", ["false", "0", "", "yes"])
def test_everything_else_for_return_resource_means_a_ref(world: World, flag: str) -> None:
    answer = world.call("POST", f"{PATH}?returnResource={flag}", world.body())
    assert answer.json()["object"] == "resourceRef"


def test_the_least_a_request_can_say_books_half_an_hour_with_the_owner(world: World) -> None:
    fields = world.fields(world.create())
    assert fields == {
        "title": "Meeting with Ada Lovelace",
        "description": "",
        "status": "planned",
        "startTime": iso(ahead()),
        "endTime": iso(ahead() + 1800),
        "duration": 30,
        "attendees": [],
        "externalAttendees": [{"email": "ada@example.org", "firstName": "Ada", "lastName": "Lovelace"}],
        "organizer": {"object": "resourceRef", "model": "genericUser", "id": world.user_id(world.host)},
        "answers": {},
    }


def test_nobody_from_outside_has_to_come(world: World) -> None:
    fields = world.fields(world.create(externalAttendees=[]))
    assert (fields["title"], fields["externalAttendees"]) == ("Meeting", [])


def test_everybody_from_outside_is_in_the_event_and_the_first_is_the_customer(world: World) -> None:
    people = [
        {"email": "ada@example.org", "firstName": "Ada", "lastName": "King of Lovelace", "phoneNumber": "+44 20 1"},
        {"email": "grace@example.org", "firstName": "Grace Brewster", "lastName": "Hopper"},
        {"email": "linus@example.org"},
    ]
    assert world.fields(world.create(externalAttendees=people))["externalAttendees"] == people
    booking = Booking.everywhere.get()
    assert (booking.contact.email, booking.contact.name, booking.contact.phone) == (
        "ada@example.org",
        "Ada King of Lovelace",
        "+44 20 1",
    )
    guests = booking.event.participants.filter(role="attendee")
    assert {one.email for one in guests} == {"ada@example.org", "grace@example.org", "linus@example.org"}


def test_an_address_given_twice_comes_once(world: World) -> None:
    people = [{"email": "ada@example.org"}, {"email": "ADA@example.org"}]
    assert len(world.fields(world.create(externalAttendees=people))["externalAttendees"]) == 1


@pytest.mark.parametrize(
    ("told", "minutes"),
    [
        ({}, 30),
        ({"duration": 50}, 50),
        ({"duration": 22.5}, 22.5),
        ({"endTime": 20}, 20),
        ({"endTime": 20, "duration": 20}, 20),
    ],
    ids=str,
)
def test_the_length_is_told_by_end_or_duration_or_both(world: World, told: dict, minutes: float) -> None:
    if "endTime" in told:
        told = told | {"endTime": iso(ahead() + told["endTime"] * 60)}
    assert world.fields(world.create(**told))["duration"] == minutes


def test_an_event_type_tells_the_usual_length_and_title(world: World) -> None:
    fields = world.fields(world.create(eventType={"id": world.type_id}))
    assert (fields["duration"], fields["title"]) == (45, "First meeting")
    assert fields["eventType"] == {"object": "resourceRef", "model": "schedulingEventType", "id": world.type_id}


def test_an_event_type_with_several_hosts_books_the_connections_own(world: World) -> None:
    world.event_type.hosts.add(world.colleague)
    fields = world.fields(world.create(eventType={"id": world.type_id}))
    assert fields["organizer"]["id"] == world.user_id(world.host)
    assert fields["attendees"] == []


def test_internal_attendees_must_be_free_and_have_it_in_their_time(world: World) -> None:
    colleague = [{"id": world.user_id(world.colleague)}]
    fields = world.fields(world.create(attendees=colleague))
    assert [each["id"] for each in fields["attendees"]] == [world.user_id(world.colleague)]
    answer = world.call("POST", PATH, world.body(), x_owner_id=world.user_id(world.colleague))
    assert refused(answer) == (409, "CONNECTOR::OPERATION::BAD_REQUEST")


def test_an_organizer_besides_the_owner_has_it_in_their_calendar(world: World) -> None:
    fields = world.fields(world.create(organizer={"id": world.user_id(world.colleague)}))
    assert fields["organizer"]["id"] == world.user_id(world.colleague)
    assert [each["id"] for each in fields["attendees"]] == [world.user_id(world.host)]


def test_an_offset_is_taken_for_what_it_is(world: World) -> None:
    local = iso(ahead(hour=10)).replace("T10:00:00Z", "T12:00:00.250+02:00")
    assert world.fields(world.create(startTime=local))["startTime"] == iso(ahead(hour=10))


def test_requested_holds_the_time_until_it_is_planned(world: World) -> None:
    resource_id = world.create(status="requested")
    assert world.fields(resource_id)["status"] == "requested"
    assert refused(world.call("POST", PATH, world.body())) == (409, "CONNECTOR::OPERATION::BAD_REQUEST")


def test_an_event_type_that_needs_confirmation_makes_it_requested(world: World) -> None:
    world.event_type.needs_confirmation = True
    world.event_type.save()
    assert world.fields(world.create(eventType={"id": world.type_id}))["status"] == "requested"


def test_a_request_that_keeps_no_time_is_read_listed_and_planned(world: World) -> None:
    world.event_type.needs_confirmation, world.event_type.pending_blocks = True, False
    world.event_type.save()
    resource_id = world.create(eventType={"id": world.type_id})
    assert "remote" not in world.read(resource_id)
    fields = world.fields(resource_id)
    assert (fields["status"], fields["organizer"]["id"]) == ("requested", world.owner)
    assert fields["externalAttendees"] == world.body()["externalAttendees"]
    assert [each["id"] for each in world.call("GET", PATH).json()["data"]] == [resource_id]
    people = {"externalAttendees": [{"email": "grace@example.org"}]}
    assert refused(world.call("PATCH", f"{PATH}/{resource_id}", people))[0] == 409
    other = world.create(eventType={"id": world.type_id})
    for each, status in ((resource_id, 200), (other, 409)):
        assert world.call("PATCH", f"{PATH}/{each}", {"status": "planned"}).status_code == status
    assert world.read(resource_id)["remote"]["id"]


def test_what_a_colleague_takes_over_is_still_read_where_it_was_booked(world: World) -> None:
    today = now().date()
    Override.everywhere.create(
        organisation=world.organisation,
        host=world.host,
        kind=Override.Kind.LEAVE,
        first_day=today,
        last_day=today + timedelta(days=5),
        redirect_to=world.colleague,
    )
    fields = world.fields(world.create())
    assert fields["organizer"]["id"] == world.user_id(world.colleague)


def test_an_event_type_with_seats_is_not_booked_as_a_whole(world: World) -> None:
    world.event_type.capacity = 5
    world.event_type.save()
    answer = world.call("POST", PATH, world.body(eventType={"id": world.type_id}))
    assert refused(answer) == (400, "CONNECTOR::OPERATION::BAD_REQUEST")
    assert "eventType" in answer.json()["message"]


def test_answers_are_kept_as_they_came(world: World) -> None:
    ask(world, "topic", required=True)
    ask(world, "people", "number")
    ask(world, "drinks", "multiselect", options=["tea", "coffee"])
    answers = {"topic": "Time", "people": 3, "drinks": ["tea"], "unasked": "yes"}
    fields = world.fields(world.create(eventType={"id": world.type_id}, answers=answers))
    assert fields["answers"] == answers


@pytest.mark.parametrize(
    ("answers", "named"),
    [
        ({}, "answers.topic"),
        ({"topic": ""}, "answers.topic"),
        ({"topic": ["a", "b"]}, "answers.topic"),
        ({"topic": "x", "people": "several"}, "answers.people"),
        ({"topic": "x", "drinks": ["beer"]}, "answers.drinks"),
        ({"topic": "x", "size": ["s"]}, "answers.size"),
        ({"topic": "x", "size": "xl"}, "answers.size"),
        ({"topic": "x", "paid": "perhaps"}, "answers.paid"),
        ({"topic": True}, "answers.topic"),
        ({"topic": {"a": 1}}, "answers.topic"),
        ({"topic": [1]}, "answers.topic"),
    ],
    ids=str,
)
def test_an_answer_that_its_question_does_not_take_is_named(world: World, answers: dict, named: str) -> None:
    ask(world, "topic", required=True)
    ask(world, "people", "number")
    ask(world, "drinks", "multiselect", options=["tea", "coffee"])
    ask(world, "size", "select", options=[{"value": "s", "label": "Small"}])
    ask(world, "paid", "checkbox")
    answer = world.call("POST", PATH, world.body(eventType={"id": world.type_id}, answers=answers))
    assert refused(answer) == (400, "CONNECTOR::OPERATION::BAD_REQUEST")
    assert named in answer.json()["message"]


WRONG = [
    ({"startTime": None}, "startTime"),
    ({"startTime": 5}, "startTime"),
    ({"startTime": "2030-01-01T10:00:00"}, "startTime"),
    ({"startTime": "2030-01-01"}, "startTime"),
    ({"startTime": "2030-02-30T10:00:00Z"}, "startTime"),
    ({"startTime": "2030-01-01T24:00:00Z"}, "startTime"),
    ({"startTime": "2030-01-01T10:00:60Z"}, "startTime"),
    ({"startTime": "2030-01-01 10:00:00Z"}, "startTime"),
    ({"startTime": "2030-01-01T10:00:00z"}, "startTime"),
    ({"startTime": "٢٠٣٠-01-01T10:00:00Z"}, "startTime"),
    ({"startTime": "tomorrow"}, "startTime"),
    ({"endTime": "2030-01-01T10:00:00"}, "endTime"),
    ({"endTime": "2000-01-01T10:00:00Z"}, "endTime"),
    ({"endTime": "ok", "duration": 20}, "endTime"),
    ({"duration": 0}, "duration"),
    ({"duration": -30}, "duration"),
    ({"duration": "30"}, "duration"),
    ({"duration": True}, "duration"),
    ({"duration": 1e300}, "duration"),
    ({"duration": 0.001}, "duration"),
    ({"status": "canceled"}, "status"),
    ({"status": "completed"}, "status"),
    ({"status": "inProgress"}, "status"),
    ({"status": "Planned"}, "status"),
    ({"status": 1}, "status"),
    ({"title": 5}, "title"),
    ({"title": "x" * 1025}, "title"),
    ({"title": "a\r\nBcc: b@example.org"}, "title"),
    ({"description": []}, "description"),
    ({"eventType": "x"}, "eventType"),
    ({"eventType": {}}, "eventType.id"),
    ({"eventType": {"id": 5}}, "eventType.id"),
    ({"eventType": {"id": "7f2f1a52-9f5c-4f0e-8d43-0c6a5b1f0e11"}}, "eventType.id"),
    ({"organizer": {"id": "nobody"}}, "organizer.id"),
    ({"attendees": "x"}, "attendees"),
    ({"attendees": ["x"]}, "attendees.0"),
    ({"attendees": [{"id": "nobody"}]}, "attendees"),
    ({"attendees": [{"id": "x"}] * 101}, "attendees"),
    ({"externalAttendees": None}, "externalAttendees"),
    ({"externalAttendees": {}}, "externalAttendees"),
    ({"externalAttendees": ["ada@example.org"]}, "externalAttendees.0"),
    ({"externalAttendees": [{}]}, "externalAttendees.0.email"),
    ({"externalAttendees": [{"email": "ada"}]}, "externalAttendees.0.email"),
    ({"externalAttendees": [{"email": "a@example.org", "firstName": 1}]}, "externalAttendees.0.firstName"),
    ({"externalAttendees": [{"email": "a@example.org", "lastName": "x" * 201}]}, "externalAttendees.0"),
    ({"externalAttendees": [{"email": "a@example.org", "phoneNumber": "1" * 51}]}, "externalAttendees.0.phoneNumber"),
    ({"answers": None}, "answers"),
    ({"answers": []}, "answers"),
]


@pytest.mark.parametrize(("changes", "named"), WRONG, ids=str)
def test_a_value_that_cannot_be_used_is_named(world: World, changes: dict, named: str) -> None:
    answer = world.call("POST", PATH, world.body(**changes))
    assert refused(answer) == (400, "CONNECTOR::OPERATION::BAD_REQUEST")
    assert named in answer.json()["message"]
    assert not Booking.everywhere.exists()


def test_end_and_duration_that_disagree_are_refused(world: World) -> None:
    answer = world.call("POST", PATH, world.body(endTime=iso(ahead() + 1800), duration=45))
    assert refused(answer) == (400, "CONNECTOR::OPERATION::BAD_REQUEST")
    assert "duration" in answer.json()["message"]


def test_a_length_that_the_event_type_does_not_offer_is_refused(world: World) -> None:
    answer = world.call("POST", PATH, world.body(eventType={"id": world.type_id}, duration=60))
    assert refused(answer) == (400, "CONNECTOR::OPERATION::BAD_REQUEST")
    assert "45, 15" in answer.json()["message"]


def test_everything_wrong_is_told_in_one_answer(world: World) -> None:
    message = world.call("POST", PATH, {}).json()["message"]
    assert all(name in message for name in ("startTime", "externalAttendees", "answers"))


def test_a_taken_time_is_a_conflict_that_tells_when_there_is_time(world: World) -> None:
    world.create()
    answer = world.call("POST", PATH, world.body())
    assert refused(answer) == (409, "CONNECTOR::OPERATION::BAD_REQUEST")
    assert iso(ahead() + 1800) in answer.json()["message"]
    assert Booking.everywhere.count() == 1


def test_a_past_time_is_a_conflict(world: World) -> None:
    answer = world.call("POST", PATH, world.body(startTime=iso(ahead(-2))))
    assert refused(answer) == (409, "CONNECTOR::OPERATION::BAD_REQUEST")


def test_book_cancel_rebook_of_the_same_time_works(world: World) -> None:
    first = world.create()
    assert world.call("DELETE", f"{PATH}/{first}").status_code == 204
    assert world.create() != first


def test_the_same_request_under_one_idempotency_key_books_once(world: World) -> None:
    body = world.body()
    first, second = (world.call("POST", PATH, body, Idempotency_Key="k1") for _ in range(2))
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert second["Idempotent-Replayed"] == "true"
    assert Booking.everywhere.count() == 1


def test_an_event_type_of_somebody_else_is_unknown_here(world: World) -> None:
    body = world.body(eventType={"id": world.type_id})
    answer = world.call("POST", PATH, body, x_owner_id=world.user_id(world.colleague))
    assert refused(answer) == (400, "CONNECTOR::OPERATION::BAD_REQUEST")


def test_both_identities_stand_in_the_audit_trail(world: World) -> None:
    world.create()
    entry = AuditEntry.everywhere.get(action="booking.made")
    assert (entry.actor, entry.acting_as, entry.api_key_id) == (
        "key CRM",
        f"Greta Hoffmann ({world.owner})",
        world.key.pk,
    )


def test_the_prefixed_path_answers_alike(world: World) -> None:
    assert world.call("POST", f"/morph{PATH}", world.body()).status_code == 201


def test_creating_costs_few_queries(world: World, django_assert_max_num_queries) -> None:
    world.create()
    body = world.body(startTime=iso(ahead(2)))
    with django_assert_max_num_queries(50):
        assert world.call("POST", PATH, body).status_code == 201
