"""Reading, changing and canceling one schedulingEvent: a booking, a plain event, a series, one occurrence."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine

from bookings.domain import calendar, reserve
from bookings.domain.audit import SYSTEM
from bookings.formats.event import EventData, Person
from bookings.models import Booking, Event
from tests import factories
from tests.api.morph.worlds import PATH, World, ahead, ask, iso, refused

BAD = (400, "CONNECTOR::OPERATION::BAD_REQUEST")
CONFLICT = (409, "CONNECTOR::OPERATION::BAD_REQUEST")
MISSING = (404, "CONNECTOR::OPERATION::RESOURCE_NOT_FOUND")


def change(world: World, resource_id: str, **fields: Any) -> Any:
    return world.call("PATCH", f"{PATH}/{resource_id}", fields)


def changed(world: World, resource_id: str, **fields: Any) -> dict[str, Any]:
    """The fields after a change that succeeds."""
    answer = change(world, resource_id, **fields)
    assert answer.status_code == 200, answer.content
    assert answer.json() == {
        name: value for name, value in world.read(resource_id).items() if name in answer.json()
    } | {"object": "resourceRef"}
    return world.fields(resource_id)


def plain(world: World, **fields: Any) -> Event:
    """An event in the host's calendar, made outside of this dialect."""
    said = {"title": "Lunch", "start_wall": ahead(), "timezone": "UTC", "duration": 3600} | fields
    return calendar.create(factories.local_calendar(world.host), EventData(**said), actor=SYSTEM)


def listed(world: World, query: str = "") -> list[dict[str, Any]]:
    answer = world.call("GET", f"{PATH}{query}")
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def id_of(world: World, title: str = "Lunch") -> str:
    return str(next(each["id"] for each in listed(world) if each["fields"]["title"] == title))


def test_a_read_gives_the_resource_with_times_of_its_making(world: World) -> None:
    whole = world.read(world.create())
    assert set(whole) == {"object", "model", "id", "remote", "fields", "createdAt", "updatedAt"}
    assert whole["createdAt"].endswith("Z")
    assert whole["createdAt"] <= whole["updatedAt"]


def test_a_read_of_chosen_fields_has_only_those(world: World) -> None:
    resource_id = world.create()
    for query in ("fields=title,startTime", "fields=title&fields=startTime", "fields[]=title&fields[]=startTime"):
        answer = world.call("GET", f"{PATH}/{resource_id}?{query}")
        assert set(answer.json()["fields"]) == {"title", "startTime"}


def test_refs_are_expanded_where_asked(world: World) -> None:
    world.event_type.hosts.add(world.colleague)
    resource_id = world.create(eventType={"id": world.type_id}, attendees=[{"id": world.user_id(world.colleague)}])
    fields = world.call("GET", f"{PATH}/{resource_id}?expand=eventType,organizer,attendees").json()["fields"]
    assert (fields["eventType"]["object"], fields["eventType"]["fields"]["name"]) == ("resource", "First meeting")
    assert fields["organizer"]["fields"] == {
        "firstName": "Greta",
        "lastName": "Hoffmann",
        "email": "greta@example.org",
    }
    assert fields["attendees"][0]["fields"]["firstName"] == "Marcus"


def test_a_start_alone_moves_a_booking_and_keeps_its_length(world: World) -> None:
    fields = changed(world, world.create(duration=50), startTime=iso(ahead(3)))
    assert (fields["startTime"], fields["endTime"]) == (iso(ahead(3)), iso(ahead(3) + 50 * 60))


@pytest.mark.parametrize(
    ("told", "start", "minutes"),
    [
        ({"duration": 15}, 0, 15),
        ({"endTime": 20}, 0, 20),
        ({"endTime": 60, "duration": 20}, 40, 20),
        ({"startTime": 10, "endTime": 60}, 10, 50),
        ({"startTime": 10, "duration": 60}, 10, 60),
    ],
    ids=str,
)
def test_what_is_told_of_the_time_decides_and_the_rest_stays(
    world: World, told: dict, start: int, minutes: int
) -> None:
    sent = {name: iso(ahead() + value * 60) if name != "duration" else value for name, value in told.items()}
    fields = changed(world, world.create(), **sent)
    assert (fields["startTime"], fields["duration"]) == (iso(ahead() + start * 60), minutes)


def test_a_move_to_a_taken_time_is_a_conflict_and_changes_nothing(world: World) -> None:
    world.create()
    other = world.create(startTime=iso(ahead(2)))
    before = world.fields(other)
    assert refused(change(world, other, startTime=iso(ahead()), title="Moved")) == CONFLICT
    assert world.fields(other) == before


def test_texts_answers_and_people_can_be_changed(world: World) -> None:
    ask(world, "topic", required=True)
    resource_id = world.create(eventType={"id": world.type_id}, answers={"topic": "Time"})
    people = [{"email": "grace@example.org", "firstName": "Grace", "lastName": "Hopper"}]
    fields = changed(
        world,
        resource_id,
        title="Talk",
        description="About clocks",
        answers={"topic": "Clocks"},
        externalAttendees=people,
    )
    assert (fields["title"], fields["description"], fields["answers"]) == ("Talk", "About clocks", {"topic": "Clocks"})
    assert fields["externalAttendees"] == people
    booking = Booking.everywhere.select_related("contact").get()
    assert booking.contact.email == "grace@example.org"


def test_the_customer_stays_while_they_stay_invited(world: World) -> None:
    resource_id = world.create()
    people = [{"email": "grace@example.org"}, {"email": "ada@example.org", "firstName": "Augusta"}]
    assert changed(world, resource_id, externalAttendees=people)["externalAttendees"] == people
    assert Booking.everywhere.select_related("contact").get().contact.email == "ada@example.org"


def test_a_required_answer_cannot_be_taken_away(world: World) -> None:
    ask(world, "topic", required=True)
    resource_id = world.create(eventType={"id": world.type_id}, answers={"topic": "Time"})
    assert refused(change(world, resource_id, answers={})) == BAD


def test_what_is_sent_back_as_it_was_read_changes_nothing(world: World) -> None:
    world.event_type.hosts.add(world.colleague)
    resource_id = world.create(eventType={"id": world.type_id}, attendees=[{"id": world.user_id(world.colleague)}])
    before = world.fields(resource_id)
    assert changed(world, resource_id, **before) == before


def test_another_event_type_and_other_hosts_are_refused(world: World) -> None:
    resource_id = world.create()
    colleague = world.user_id(world.colleague)
    for fields in (
        {"eventType": {"id": world.type_id}},
        {"organizer": {"id": colleague}},
        {"attendees": [{"id": colleague}]},
        {"attendees": [{"id": "nobody"}]},
    ):
        assert refused(change(world, resource_id, **fields)) == BAD


@pytest.mark.parametrize(
    "fields",
    [
        {"startTime": "2030-01-01T10:00:00"},
        {"endTime": "2000-01-01T10:00:00Z"},
        {"duration": 0},
        {"status": "done"},
        {"title": ""},
        {"externalAttendees": [{"email": "nobody"}]},
        {"answers": {"a": None}},
    ],
    ids=str,
)
def test_a_value_that_cannot_be_used_is_refused(world: World, fields: dict) -> None:
    assert refused(change(world, world.create(), **fields)) == BAD


def test_an_empty_change_changes_nothing(world: World) -> None:
    resource_id = world.create()
    before = world.read(resource_id)
    assert change(world, resource_id).status_code == 200
    assert world.read(resource_id) == before


def test_with_return_resource_a_change_is_answered_with_the_resource(world: World) -> None:
    answer = world.call("PATCH", f"{PATH}/{world.create()}?returnResource=true", {"title": "Talk"})
    assert (answer.status_code, answer.json()["object"]) == (200, "resource")
    assert answer.json()["fields"]["title"] == "Talk"


def test_requested_becomes_planned_and_planned_canceled_and_planned_again(world: World) -> None:
    resource_id = world.create(status="requested")
    for status in ("planned", "canceled", "canceled", "planned"):
        assert changed(world, resource_id, status=status)["status"] == status
    assert changed(world, resource_id, status="canceled", title="Off")["title"] == "Off"


def test_a_canceled_event_whose_time_was_taken_stays_canceled(world: World) -> None:
    resource_id = world.create()
    changed(world, resource_id, status="canceled")
    world.create()
    assert refused(change(world, resource_id, status="planned")) == CONFLICT
    assert world.fields(resource_id)["status"] == "canceled"


def test_a_canceled_event_cannot_be_moved(world: World) -> None:
    resource_id = world.create()
    changed(world, resource_id, status="canceled")
    assert refused(change(world, resource_id, startTime=iso(ahead(2)))) == CONFLICT


def test_completed_is_possible_once_it_has_begun(world: World) -> None:
    resource_id = world.create()
    assert refused(change(world, resource_id, status="completed")) == CONFLICT
    assert refused(change(world, resource_id, status="requested")) == CONFLICT
    assert refused(change(world, resource_id, status="inProgress")) == CONFLICT
    with time_machine.travel(ahead() + 60, tick=True):
        assert changed(world, resource_id, status="completed")["status"] == "completed"


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("requested", "requested"),
        ("held", "requested"),
        ("confirmed", "planned"),
        ("in_progress", "inProgress"),
        ("completed", "completed"),
        ("no_show", "completed"),
        ("declined", "canceled"),
        ("cancelled", "canceled"),
        ("rescheduled", "canceled"),
        ("invalid", "canceled"),
        ("error", "canceled"),
    ],
)
def test_every_state_has_a_status_here(world: World, state: str, status: str) -> None:
    resource_id = world.create()
    Booking.everywhere.update(state=state)
    assert world.fields(resource_id)["status"] == status


def test_delete_cancels_a_booking_which_can_still_be_read(world: World) -> None:
    resource_id = world.create()
    for _ in range(2):
        answer = world.call("DELETE", f"{PATH}/{resource_id}")
        assert (answer.status_code, answer.content) == (204, b"")
    assert world.fields(resource_id)["status"] == "canceled"
    assert listed(world) == []
    assert [each["id"] for each in listed(world, "?filters[status]=canceled")] == [resource_id]


def test_a_booking_made_elsewhere_is_read_changed_and_canceled_here(world: World) -> None:
    booking = factories.booking(world.host, start=ahead(), title="Call")
    resource_id = id_of(world, "Call")
    assert changed(world, resource_id, startTime=iso(ahead(2)), title="Talk")["title"] == "Talk"
    world.call("DELETE", f"{PATH}/{resource_id}")
    booking.refresh_from_db()
    assert (booking.state, booking.start_s) == ("cancelled", ahead(2))


def test_a_customer_who_cancels_is_seen_here(world: World) -> None:
    resource_id = world.create()
    reserve.cancel(Booking.everywhere.get(), by=Booking.By.INVITEE, actor=SYSTEM)
    assert world.fields(resource_id)["status"] == "canceled"


def test_a_plain_event_is_read_changed_and_deleted_here(world: World) -> None:
    guest = Person("grace@example.org", "Grace Hopper", rsvp="accepted")
    event = plain(world, description="<b>Soup</b>", description_type="text/html", people=(guest,))
    resource_id = id_of(world)
    fields = world.fields(resource_id)
    assert fields == {
        "title": "Lunch",
        "description": "Soup",
        "status": "planned",
        "startTime": iso(ahead()),
        "endTime": iso(ahead() + 3600),
        "duration": 60,
        "attendees": [],
        "externalAttendees": [{"email": "grace@example.org", "firstName": "Grace", "lastName": "Hopper"}],
        "organizer": {"object": "resourceRef", "model": "genericUser", "id": world.user_id(world.host)},
        "answers": {},
    }
    people = [*fields["externalAttendees"], {"email": "ada@example.org", "firstName": "Ada", "lastName": "van Loon"}]
    fields = changed(
        world,
        resource_id,
        startTime=iso(ahead(2)),
        title="Dinner",
        description="Fish",
        status="requested",
        externalAttendees=people,
    )
    assert (fields["startTime"], fields["duration"]) == (iso(ahead(2)), 60)
    assert (fields["title"], fields["description"], fields["status"]) == ("Dinner", "Fish", "requested")
    assert fields["externalAttendees"] == people
    assert event.participants.get(email="grace@example.org").rsvp == "accepted"
    assert world.call("DELETE", f"{PATH}/{resource_id}").status_code == 204
    assert refused(world.call("GET", f"{PATH}/{resource_id}")) == MISSING
    assert refused(world.call("DELETE", f"{PATH}/{resource_id}")) == MISSING


def test_canceling_a_plain_event_by_its_status_removes_it(world: World) -> None:
    plain(world)
    resource_id = id_of(world)
    answer = world.call("PATCH", f"{PATH}/{resource_id}?returnResource=true", {"status": "canceled"})
    assert (answer.status_code, answer.json()["fields"]["status"]) == (200, "canceled")
    assert listed(world) == []


def test_a_plain_event_takes_no_status_of_bookings(world: World) -> None:
    plain(world)
    assert refused(change(world, id_of(world), status="completed")) == CONFLICT


def test_each_occurrence_has_an_id_and_is_changed_alone(world: World) -> None:
    plain(world, recurrence_rules=("FREQ=DAILY;COUNT=4",))
    ids = [each["id"] for each in listed(world)]
    assert len(set(ids)) == 4
    moved = changed(world, ids[1], startTime=iso(ahead(2, 15)), title="Late lunch")
    assert (moved["startTime"], moved["title"], moved["duration"]) == (iso(ahead(2, 15)), "Late lunch", 60)
    assert changed(world, ids[1], description="With cake")["title"] == "Late lunch"
    assert [each["id"] for each in listed(world)] == ids
    assert [each["fields"]["title"] for each in listed(world)] == ["Lunch", "Late lunch", "Lunch", "Lunch"]


def test_one_occurrence_is_canceled_alone_and_the_series_by_its_own_id(world: World) -> None:
    plain(world, recurrence_rules=("FREQ=DAILY;COUNT=4",))
    ids = [each["id"] for each in listed(world)]
    assert world.call("DELETE", f"{PATH}/{ids[1]}").status_code == 204
    assert refused(world.call("GET", f"{PATH}/{ids[1]}")) == MISSING
    assert change(world, ids[2], status="canceled").status_code == 200
    assert [each["id"] for each in listed(world)] == [ids[0], ids[3]]
    series = ids[0].rpartition("_")[0]
    assert changed(world, series, title="Tea")["title"] == "Tea"
    assert {each["fields"]["title"] for each in listed(world)} == {"Tea"}
    assert world.call("DELETE", f"{PATH}/{series}").status_code == 204
    assert listed(world) == []


def test_an_all_day_event_shows_the_hosts_day_and_gets_a_time_when_moved(world: World) -> None:
    midnight = ahead(1, 0)
    plain(world, start_wall=midnight, duration=86_400, all_day=True)
    resource_id = id_of(world)
    assert world.fields(resource_id)["duration"] == 1440
    assert changed(world, resource_id, startTime=iso(ahead(3)), duration=30)["endTime"] == iso(ahead(3) + 1800)


@pytest.mark.parametrize(
    "resource_id",
    [
        "nothing",
        "7f2f1a52-9f5c-4f0e-8d43-0c6a5b1f0e11",
        "7f2f1a52-9f5c-4f0e-8d43-0c6a5b1f0e11_20300101T100000",
        "x" * 600,
        "%00",
        "x_20309999T999999",
        "%F0%9F%9A%97",
    ],
)
def test_what_names_nothing_is_not_found(world: World, resource_id: str) -> None:
    for method, body in (("GET", None), ("PATCH", {"title": "x"}), ("DELETE", None)):
        assert refused(world.call(method, f"{PATH}/{resource_id}", body)) == MISSING


def test_a_series_has_no_occurrence_at_another_time(world: World) -> None:
    plain(world, recurrence_rules=("FREQ=DAILY;COUNT=4",))
    series = listed(world)[0]["id"].rpartition("_")[0]
    for other in ("20300101T000000", "00010101T000000", "99991231T235959"):
        assert refused(world.call("GET", f"{PATH}/{series}_{other}")) == MISSING


def test_a_foreign_event_is_answered_like_a_missing_one(world: World, elsewhere: World) -> None:
    foreign = elsewhere.create()
    missing = "7f2f1a52-9f5c-4f0e-8d43-0c6a5b1f0e11"
    for method, body in (("GET", None), ("PATCH", {"title": "x"}), ("DELETE", None)):
        one, other = (world.call(method, f"{PATH}/{each}", body) for each in (foreign, missing))
        assert (one.status_code, one.content.replace(foreign.encode(), b"")) == (
            other.status_code,
            other.content.replace(missing.encode(), b""),
        )
    assert elsewhere.fields(foreign)["status"] == "planned"


def test_an_event_of_a_colleague_is_not_in_this_connection(world: World) -> None:
    other = world.call("POST", PATH, world.body(), x_owner_id=world.user_id(world.colleague)).json()["id"]
    assert refused(world.call("GET", f"{PATH}/{other}")) == MISSING
