"""Bookings: the graphs instant and confirm_decline, their actions, and reading them."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookings.models import Booking, Busy, Claim, EventType
from tests import factories
from tests.api.timekit.worlds import BOOKINGS, EVENTS, MONDAY, Place

CONFIRM_DECLINE = {"graph": "confirm_decline", "action": "create"}


def act(place: Place, booking: dict[str, Any], action: str, body: Any = None, method: str = "PUT") -> Any:
    return place.call(method, f"{BOOKINGS}/{booking['id']}/{action}", body if body is not None else {})


def later(place: Place, booking: dict[str, Any], moment: int) -> None:
    """Let a booking have taken place so long before now."""
    row = Booking.everywhere.get(pk=found(place).pk)
    length = row.end_s - row.start_s
    row.end_s = int(datetime.now(UTC).timestamp()) - moment
    row.start_s = row.end_s - length
    row.save()


def found(place: Place) -> Booking:
    """The one booking there is."""
    booking: Booking = Booking.objects.for_tenant(place.organisation).get()
    return booking


def test_an_instant_booking_has_every_documented_field(place: Place) -> None:
    answer = place.post(BOOKINGS, place.booking())
    assert (answer.status_code, set(answer.json())) == (201, {"data"})
    booking = answer.json()["data"]
    assert uuid.UUID(booking["id"])
    assert (booking["graph"], booking["state"], booking["completed"]) == ("instant", "confirmed", False)
    assert booking["possible_actions"] == ["cancel", "cancel_by_customer", "complete", "reschedule_by_customer"]
    info = booking["attributes"]["event_info"]
    assert (info["what"], info["where"]) == ("Mens haircut", "Sesame St, Middleburg, FL 32068, USA")
    assert info["description"] == "Please arrive 10 minutes before you time begin"
    assert (info["start"], info["end"]) == (f"{MONDAY}T11:00:00+01:00", f"{MONDAY}T12:00:00+01:00")
    assert booking["calendar"]["id"] == place.calendar_id
    assert booking["resource"]["id"] == place.resource_id
    [customer] = booking["customers"]
    assert uuid.UUID(customer["id"])
    assert customer == place.booking()["customer"] | {"id": customer["id"]}
    for name in ("created_at", "updated_at"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000", booking[name])
    assert place.get(f"{BOOKINGS}/{booking['id']}").json()["data"] == booking


def test_an_instant_booking_blocks_its_time_for_other_bookings(place: Place) -> None:
    place.made(BOOKINGS, place.booking())
    answer = place.post(BOOKINGS, place.booking(start=f"{MONDAY}T10:30:00Z", end=f"{MONDAY}T11:30:00Z"))
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == ["start"]
    assert answer.json()["reason"] == "booked"
    assert len(answer.json()["next_free"]) == 5
    assert Booking.objects.for_tenant(place.organisation).count() == 1


def test_the_same_slot_is_booked_cancelled_and_booked_again(place: Place) -> None:
    first = place.made(BOOKINGS, place.booking())
    assert act(place, first, "cancel").status_code == 200
    assert place.made(BOOKINGS, place.booking())["id"] != first["id"]


def test_an_event_blocks_bookings_and_a_free_one_does_not(place: Place) -> None:
    event = place.made(EVENTS, place.event(start=f"{MONDAY}T10:00:00Z", end=f"{MONDAY}T11:00:00Z"))
    assert place.post(BOOKINGS, place.booking()).json()["reason"] == "busy"
    assert place.put(f"{EVENTS}/{event['id']}", {"free": True}).status_code == 200
    assert place.post(BOOKINGS, place.booking()).status_code == 201


def test_double_bookings_are_allowed_on_request_and_with_the_scope_for_it(place: Place) -> None:
    place.made(BOOKINGS, place.booking())
    body = place.booking(settings={"allow_double_bookings": True})
    limited = place.issue("app_key", "bookings:write")
    assert place.post(BOOKINGS, body, key=limited).status_code == 403
    assert place.post(BOOKINGS, body).status_code == 201
    assert sorted(Claim.objects.for_tenant(place.organisation).values_list("lane", flat=True)) == [0, 1]
    assert place.post(BOOKINGS, place.booking()).status_code == 422


def test_a_booking_that_waits_for_an_answer_blocks_nothing(place: Place) -> None:
    booking = place.made(BOOKINGS, place.booking(**CONFIRM_DECLINE))
    assert (booking["graph"], booking["state"], booking["completed"]) == ("confirm_decline", "tentative", False)
    assert booking["possible_actions"] == ["decline", "confirm"]
    assert booking["calendar"]["id"] == place.calendar_id
    assert not Claim.objects.for_tenant(place.organisation).exists()
    assert place.get(f"{EVENTS}?start={MONDAY}&end=2027-03-02").json()["total"] == 0
    assert place.post(BOOKINGS, place.booking()).status_code == 201


def test_confirming_takes_the_time_and_tells_everybody(place: Place) -> None:
    guests = {"participants": ["marty.mcfly@timekit.io", "doc@example.org", place.host.email], "invite": True}
    booking = place.made(BOOKINGS, place.booking(**CONFIRM_DECLINE, **guests, my_rsvp="tentative"))
    answer = act(place, booking, "confirm")
    assert answer.status_code == 200
    confirmed = answer.json()["data"]
    assert (confirmed["id"], confirmed["state"], confirmed["graph"]) == (booking["id"], "confirmed", "confirm_decline")
    info = confirmed["attributes"]["event_info"]
    assert set(info["participants"]) == set(guests["participants"])
    assert (info["invite"], info["my_rsvp"]) == (True, "tentative")
    assert place.post(BOOKINGS, place.booking()).status_code == 422


def test_of_two_that_wait_for_the_same_time_one_is_confirmed(place: Place) -> None:
    first, second = (place.made(BOOKINGS, place.booking(**CONFIRM_DECLINE)) for _ in range(2))
    assert act(place, first, "confirm").status_code == 200
    answer = act(place, second, "confirm")
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["start"])
    assert place.get(f"{BOOKINGS}/{second['id']}").json()["data"]["state"] == "tentative"


@pytest.mark.parametrize(
    ("graph", "actions", "state"),
    [
        (CONFIRM_DECLINE, ["decline"], "declined"),
        (CONFIRM_DECLINE, ["confirm", "cancel"], "cancelled"),
        ({}, ["cancel"], "cancelled"),
        ({}, ["cancel_by_customer"], "cancelled_by_customer"),
        ({}, ["reschedule_by_customer"], "rescheduled_by_customer"),
    ],
    ids=str,
)
def test_final_states_are_completed_and_take_no_action(
    place: Place, graph: dict[str, str], actions: list[str], state: str
) -> None:
    booking = place.made(BOOKINGS, place.booking(**graph))
    for action in actions:
        answer = act(place, booking, action)
        assert answer.status_code == 200
    ended = answer.json()["data"]
    assert (ended["state"], ended["completed"], ended["possible_actions"]) == (state, True, [])
    assert act(place, booking, actions[-1]).json()["data"]["state"] == state
    for action in ("confirm", "decline", "complete"):
        if action not in actions:
            refused = act(place, booking, action)
            assert (refused.status_code, list(refused.json()["errors"])) == (422, ["action"])
    assert not Claim.objects.for_tenant(place.organisation).filter(state=Claim.State.BOOKED).exists()


def test_an_action_may_say_why(place: Place) -> None:
    booking = place.made(BOOKINGS, place.booking())
    answer = act(place, booking, "cancel", {"cancel": {"message": "I am ill"}}, method="POST")
    assert answer.json()["data"]["attributes"]["message"] == "I am ill"


def test_a_booking_completes_when_told_so_or_an_hour_after_its_end(place: Place) -> None:
    booking = place.made(BOOKINGS, place.booking())
    assert list(act(place, booking, "complete").json()["errors"]) == ["action"]
    later(place, booking, 3_000)
    assert place.get(f"{BOOKINGS}/{booking['id']}").json()["data"]["state"] == "confirmed"
    later(place, booking, 3_700)
    read = place.get(f"{BOOKINGS}/{booking['id']}").json()["data"]
    assert (read["state"], read["completed"], read["possible_actions"]) == ("completed", True, [])
    assert act(place, booking, "cancel").status_code == 422
    later(place, booking, 60)
    assert act(place, booking, "complete").json()["data"]["state"] == "completed"


def test_a_booking_is_rescheduled_in_place(place: Place) -> None:
    booking = place.made(BOOKINGS, place.booking())
    times = {"start": "2027-03-02T08:00:00+01:00", "end": "2027-03-02T09:00:00+01:00"}
    widget = {**times, "message": "Can we meet a day later?", "resource_id": place.resource_id}
    answer = place.post(f"{BOOKINGS}/{booking['id']}/reschedule/", widget)
    assert answer.status_code == 200
    moved = answer.json()["data"]
    assert (moved["id"], moved["state"]) == (booking["id"], "confirmed")
    assert {name: moved["attributes"]["event_info"][name] for name in times} == times
    assert place.post(BOOKINGS, place.booking()).status_code == 201
    back = act(place, booking, "reschedule_by_customer", {"start": f"{MONDAY}T10:00:00Z"})
    assert (back.status_code, list(back.json()["errors"])) == (422, ["start"])
    again = act(place, booking, "reschedule_by_customer", {"start": f"{MONDAY}T12:00:00Z"})
    assert again.json()["data"]["attributes"]["event_info"]["end"] == f"{MONDAY}T14:00:00+01:00"


def test_a_booking_is_rescheduled_to_the_resource_that_is_named(place: Place) -> None:
    slot = {"start": f"{MONDAY}T12:00:00Z", "end": f"{MONDAY}T12:30:00Z", "project_id": place.project_id}
    booking = place.made(BOOKINGS, place.booking(**slot))
    place.made(EVENTS, place.event(start=f"{MONDAY}T14:00:00Z", end=f"{MONDAY}T15:00:00Z"))
    later = {"start": f"{MONDAY}T14:00:00Z", "end": f"{MONDAY}T14:30:00Z", "resource_id": place.colleague_id}
    path = f"{BOOKINGS}/{booking['id']}/reschedule"
    moved = place.post(path, later, key=place.issue("widget_key")).json()["data"]
    assert (moved["id"], moved["resource"]["id"]) == (booking["id"], place.colleague_id)
    assert moved["attributes"]["event_info"]["start"] == f"{MONDAY}T15:00:00+01:00"
    assert place.post(BOOKINGS, place.booking(**slot)).status_code == 201
    assert list(place.post(path, later | {"resource_id": place.resource_id}).json()["errors"]) == ["start"]
    assert list(place.post(path, later | {"end": later["start"]}).json()["errors"]) == ["end"]


def test_a_booking_is_not_rescheduled_to_a_resource_out_of_reach(place: Place, abroad: Place) -> None:
    booking = place.made(BOOKINGS, place.booking())
    stranger = place.named(factories.host(place.organisation, weekly=factories.ALWAYS))
    taken = place.made(BOOKINGS, place.booking(project_id=place.project_id, resource_id=place.colleague_id))
    later = {"start": f"{MONDAY}T14:00:00Z", "end": f"{MONDAY}T15:00:00Z"}
    for which, resource_id, key in (
        (booking, abroad.resource_id, place.app_key),
        (taken, stranger, place.issue("widget_key")),
    ):
        body = later | {"resource_id": resource_id}
        answer = place.post(f"{BOOKINGS}/{which['id']}/reschedule", body, key=key)
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["resource_id"])


def test_meta_is_kept_and_changed(place: Place) -> None:
    booking = place.made(BOOKINGS, place.booking(meta={"order": 7, "tags": ["a"]}))
    assert booking["meta"] == {"order": 7, "tags": ["a"]}
    changed = place.put(f"{BOOKINGS}/{booking['id']}", {"meta": {"order": 8}, "what": "Shave"}).json()["data"]
    assert (changed["meta"], changed["attributes"]["event_info"]["what"]) == ({"order": 8}, "Shave")
    assert place.put(f"{BOOKINGS}/{booking['id']}", {"what": ""}).status_code == 422


def test_what_a_form_asked_besides_is_kept_with_the_customer(place: Place) -> None:
    customer = {"email": "a@example.org", "first_name": "Ada", "last_name": "L", "comment": "hi", "sizes": ["M", "L"]}
    [told] = place.made(BOOKINGS, place.booking(customer=customer))["customers"]
    assert (told["name"], told["comment"], told["sizes"]) == ("Ada L", "hi", ["M", "L"])
    assert found(place).answers == {"comment": "hi", "sizes": ["M", "L"]}


def test_a_form_cannot_overwrite_who_the_customer_is(place: Place) -> None:
    [told] = place.made(BOOKINGS, place.booking(customer={"email": "a@example.org", "id": "x"}))["customers"]
    assert told["email"] == "a@example.org"
    assert told["id"] != "x"


def test_older_clients_put_the_event_into_an_object(place: Place) -> None:
    body = place.booking(start=None, end=None, what=None, where=None, description=None, resource_id=None)
    body["event"] = place.event(description="x")
    booking = place.made(BOOKINGS, body)
    assert booking["resource"]["id"] == place.resource_id
    assert booking["attributes"]["event_info"]["what"] == "Strategy meeting"


def test_a_project_books_one_of_its_resources_under_its_own_rules(place: Place) -> None:
    body = place.booking(resource_id=None, graph=None, action=None, what=None, where=None, project_id=place.project_id)
    first, second = (place.made(BOOKINGS, body) for _ in range(2))
    assert {first["resource"]["id"], second["resource"]["id"]} == {place.resource_id, place.colleague_id}
    assert first["attributes"]["event_info"]["what"] == "Haircut"
    assert (first["project_id"], first["graph"]) == (place.project_id, "instant")
    assert place.post(BOOKINGS, body).status_code == 422


def test_a_project_that_needs_confirmation_makes_its_bookings_wait(place: Place) -> None:
    EventType.everywhere.filter(pk=place.project.pk).update(needs_confirmation=True, pending_blocks=False)
    booking = place.made(BOOKINGS, place.booking(project_id=place.project_id, graph=None, action=None))
    assert (booking["graph"], booking["state"]) == ("confirm_decline", "tentative")
    assert found(place).state == Booking.State.REQUESTED


@pytest.mark.parametrize("missing", ["start", "end", "what", "where", "resource_id"])
def test_what_is_required_must_be_there(place: Place, missing: str) -> None:
    answer = place.post(BOOKINGS, place.booking(**{missing: None}))
    assert (answer.status_code, list(answer.json()["errors"])) == (422, [missing])


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"graph": "roundabout"}, ["graph"]),
        ({"graph": "instant", "action": "create"}, ["action"]),
        ({"graph": 7}, ["graph"]),
        ({"start": "soon"}, ["start"]),
        ({"end": f"{MONDAY}T10:00:00Z"}, ["end"]),
        ({"resource_id": "nobody"}, ["resource_id"]),
        ({"calendar_id": "none"}, ["calendar_id"]),
        ({"project_id": "none"}, ["project_id"]),
        ({"customer": "Marty"}, ["customer"]),
        ({"customer": {"email": "marty"}}, ["customer.email"]),
        ({"customer": {"name": "a\r\nBcc: b"}}, ["customer.name"]),
        ({"customer": {"timezone": "Mars"}}, ["customer.timezone"]),
        ({"participants": "a@example.org"}, ["participants"]),
        ({"participants": ["marty"]}, ["participants.0"]),
        ({"participants": [{}]}, ["participants.0"]),
        ({"my_rsvp": "maybe"}, ["my_rsvp"]),
        ({"meta": []}, ["meta"]),
        ({"settings": {"allow_double_bookings": "perhaps"}}, ["allow_double_bookings"]),
        ({"what": "x" * 1025}, ["what"]),
        ({"start": "1999-01-01T00:00:00Z", "end": "1999-01-01T01:00:00Z"}, ["start"]),
        ({"end": "2027-05-01T10:00:00Z"}, ["end"]),
    ],
    ids=str,
)
def test_a_value_that_cannot_be_used_is_named(place: Place, changes: dict[str, Any], fields: list[str]) -> None:
    answer = place.post(BOOKINGS, place.booking(**changes))
    assert (answer.status_code, sorted(answer.json()["errors"])) == (422, fields)
    assert not Booking.objects.for_tenant(place.organisation).exists()


def test_bookings_are_listed_in_pages(place: Place) -> None:
    made = [place.made(BOOKINGS, _at(place, hour)) for hour in range(8, 13)]
    answer = place.get(f"{BOOKINGS}?limit=2&page=2&orderBy=start").json()
    assert [each["id"] for each in answer.pop("data")] == [each["id"] for each in made[2:4]]
    base = "http://testserver/v2/bookings?limit=2&orderBy=start&page="
    assert answer == {
        "total": 5,
        "per_page": 2,
        "current_page": 2,
        "last_page": 3,
        "next_page_url": base + "3",
        "prev_page_url": base + "1",
        "from": 3,
        "to": 4,
    }
    latest = place.get(f"{BOOKINGS}?orderBy=start&sortedBy=desc").json()["data"]
    assert [each["id"] for each in latest] == [each["id"] for each in reversed(made)]
    nothing = place.get(f"{BOOKINGS}?page=99").json()
    assert (nothing["data"], nothing["from"], nothing["to"], nothing["next_page_url"]) == ([], None, None, None)
    assert place.get(f"{BOOKINGS}?page=x&limit=-1").json()["per_page"] == 50


def _at(place: Place, hour: int, **changes: Any) -> dict[str, Any]:
    times = {"start": f"{MONDAY}T{hour:02}:00:00Z", "end": f"{MONDAY}T{hour:02}:30:00Z"}
    return place.booking(**times, **changes)


def test_bookings_are_searched(place: Place) -> None:
    first = place.made(BOOKINGS, _at(place, 8))
    second = place.made(BOOKINGS, _at(place, 9, resource_id=place.colleague_id, customer={"email": "b@example.org"}))
    third = place.made(BOOKINGS, _at(place, 10, project_id=place.project_id))
    act(place, first, "cancel_by_customer")
    act(place, third, "cancel")

    def search(terms: str) -> list[str]:
        return [each["id"] for each in place.get(f"{BOOKINGS}?search={terms}").json()["data"]]

    assert search("state:confirmed") == [second["id"]]
    assert search("state:cancelled") == [third["id"]]
    assert search("state:cancelled_by_customer") == [first["id"]]
    assert search("state:tentative") == search("state:completed") == search("state:nonsense") == []
    assert search(f"resource.id:{place.colleague_id}") == [second["id"]]
    assert search(f"project.id:{place.project_id};state:cancelled") == [third["id"]]
    assert search("customer.email:B@example.org") == [second["id"]]
    assert search("project.id:nonsense") == search("resource.id:%00") == []
    window = place.get(f"{BOOKINGS}?start={MONDAY}T08:45:00%2B00:00&end={MONDAY}T09:45:00 00:00").json()["data"]
    assert [each["id"] for each in window] == [second["id"]]
    assert place.get(f"{BOOKINGS}?start=x").status_code == 422


def test_what_is_asked_for_is_included(place: Place) -> None:
    path = f"{BOOKINGS}?include=attributes,event,user"
    booking = place.post(path, place.booking()).json()["data"]
    assert booking["event"]["what"] == "Mens haircut"
    assert booking["event"]["id"] == place.get(f"{EVENTS}?start={MONDAY}&end=2027-03-02").json()["data"][0]["id"]
    assert booking["user"]["id"] == place.resource_id
    assert not {"event", "user"} & set(place.get(f"{BOOKINGS}/{booking['id']}").json()["data"])


def test_a_booking_is_found_by_the_id_of_its_event_too(place: Place) -> None:
    booking = place.post(f"{BOOKINGS}?include=event", place.booking()).json()["data"]
    assert place.get(f"{BOOKINGS}/{booking['event']['id']}").json()["data"]["id"] == booking["id"]


def test_deleting_a_booking_takes_it_back(place: Place) -> None:
    booking = place.made(BOOKINGS, place.booking())
    answer = place.delete(f"{BOOKINGS}/{booking['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert place.get(f"{BOOKINGS}/{booking['id']}").json()["data"]["state"] == "cancelled"
    assert not Busy.objects.for_tenant(place.organisation).exists()


def test_several_are_booked_or_changed_all_or_none(place: Place) -> None:
    bulk = {"bookings": [_at(place, 8), _at(place, 9)]}
    made = place.made(f"{BOOKINGS}/bulk", bulk)
    assert [each["state"] for each in made] == ["confirmed", "confirmed"]
    answer = place.post(f"{BOOKINGS}/bulk", {"bookings": [_at(place, 10), _at(place, 9)]})
    assert answer.status_code == 422
    wrong = place.post(f"{BOOKINGS}/bulk", {"bookings": [_at(place, 10), _at(place, 9, what=None)]})
    assert list(wrong.json()["errors"]) == ["bookings.1.what"]
    assert Booking.objects.for_tenant(place.organisation).count() == 2
    ids = [each["id"] for each in made]
    cancelled = place.put(f"{BOOKINGS}/bulk", {"ids": ids, "action": "cancel"}).json()["data"]
    assert [each["state"] for each in cancelled] == ["cancelled", "cancelled"]
    for body in (
        *({}, {"bookings": [{"id": ids[0]}]}, {"bookings": [3]}),
        *({"ids": ids, "action": action} for action in ("fly", ["cancel"], {})),
    ):
        assert place.put(f"{BOOKINGS}/bulk", body).status_code == 422


def test_sessions_with_seats_are_listed_for_widgets(place: Place) -> None:
    EventType.everywhere.filter(pk=place.project.pk).update(capacity=3)
    assert place.get(f"{BOOKINGS}/groups").json()["data"] == []


@pytest.mark.parametrize("action", ["fly", "", "Confirm"])
def test_an_action_nobody_knows_is_not_there(place: Place, action: str) -> None:
    booking = place.made(BOOKINGS, place.booking())
    answer = act(place, booking, action or "%20")
    assert (answer.status_code, answer.json()) == (404, {"error": "Resource does not exist", "model": "Booking"})


def test_listing_costs_the_same_for_many_bookings(place: Place) -> None:
    path = f"{BOOKINGS}?include=event,user"

    def cost() -> int:
        place.get(path)  # ids are given when something is first shown
        with CaptureQueriesContext(connection) as caught:
            place.get(path)
        return len(caught)

    place.made(BOOKINGS, _at(place, 8))
    one = cost()
    for hour in range(10, 20):
        customer = {"email": f"{hour}@example.org"}
        place.made(BOOKINGS, _at(place, hour, resource_id=place.colleague_id, customer=customer))
    assert cost() == one <= 24
