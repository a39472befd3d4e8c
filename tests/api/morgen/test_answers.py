"""Accepting, declining and accepting tentatively, in the name of the owner of the account."""

from __future__ import annotations

from typing import Any

import pytest

from bookings.domain import refs
from bookings.models import Busy, Event, Mirror, Participant
from tests import factories
from tests.api.morgen.worlds import World, refused

DAILY = [{"@type": "RecurrenceRule", "frequency": "daily", "count": 4}]


def invited(world: World, **changes: Any) -> dict[str, Any]:
    """An event of somebody else's to which the owner of the account is invited."""
    people = {
        "boss": {"email": "boss@example.com", "name": "Boss", "roles": {"owner": True, "attendee": True}},
        "me": {"email": world.host.email.upper(), "name": "Me", "roles": {"attendee": True}},
    }
    return world.create(**{"participants": people} | changes)


def own(event: dict[str, Any]) -> str:
    [status] = [each["participationStatus"] for each in event["participants"].values() if each.get("accountOwner")]
    return str(status)


def answers(world: World) -> list[str]:
    return [own(each) for each in world.listed()]


@pytest.mark.parametrize("version", ["v1", "v3"])
@pytest.mark.parametrize("scheme", ["Bearer", "ApiKey"])
@pytest.mark.parametrize(
    ("verb", "status"), [("accept", "accepted"), ("decline", "declined"), ("tentativelyAccept", "tentative")]
)
def test_an_answer_is_noted_for_the_owner_of_the_account(
    world: World, version: str, scheme: str, verb: str, status: str
) -> None:
    event = invited(world)
    body = {"id": event["id"], "comment": "See you", "notifyOrganizer": False}
    answer = world.post(f"/{version}/events/{verb}", body, scheme=scheme)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answers(world) == [status]
    [me] = Participant.everywhere.filter(email__iexact=world.host.email)
    assert (me.rsvp, me.comment) == (status, "See you")
    [boss] = Participant.everywhere.filter(email="boss@example.com")
    assert (boss.rsvp, boss.comment) == ("needs-action", "")


def test_guten_morgen_calls_the_id_otherwise_and_names_the_calendar_too(world: World) -> None:
    event = invited(world)
    body = {"eventId": event["id"], "calendarId": world.calendar_id, "accountId": world.account_id}
    assert world.post("/v1/events/accept", body | {"notifyOrganizer": True}).status_code == 204
    assert answers(world) == ["accepted"]


def test_what_is_declined_takes_no_time(world: World) -> None:
    event = invited(world)
    world.post("/v1/events/decline", {"id": event["id"]})
    assert not Busy.everywhere.exists()
    world.post("/v1/events/accept", {"id": event["id"]})
    assert Busy.everywhere.count() == 1


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("", ["needs-action", "accepted", "needs-action", "needs-action"]),
        ("single", ["needs-action", "accepted", "needs-action", "needs-action"]),
        ("future", ["needs-action", "accepted", "accepted", "accepted"]),
        ("all", ["accepted"] * 4),
    ],
)
def test_an_answer_reaches_as_far_as_the_mode(world: World, mode: str, expected: list[str]) -> None:
    invited(world, recurrenceRules=DAILY)
    named = world.listed()[1]["id"]
    path = "/v1/events/accept" + (f"?seriesUpdateMode={mode}" if mode else "")
    assert world.post(path, {"id": named}).status_code == 204
    assert answers(world) == expected
    assert [each["start"][:10] for each in world.listed()] == [f"2027-03-0{day}" for day in (1, 2, 3, 4)]


def test_a_later_answer_to_what_follows_leaves_the_earlier_ones_as_they_were(world: World) -> None:
    series = invited(world, recurrenceRules=DAILY)
    occurrences = world.listed()
    world.post("/v1/events/accept?seriesUpdateMode=all", {"id": occurrences[0]["id"]})
    world.post("/v1/events/decline", {"id": occurrences[0]["id"]})
    world.post("/v1/events/tentativelyAccept?seriesUpdateMode=future", {"id": occurrences[2]["id"]})
    assert answers(world) == ["declined", "accepted", "tentative", "tentative"]
    assert len({each["masterEventId"] for each in world.listed()}) == 1
    world.post("/v1/events/accept", {"id": series["id"]})
    assert answers(world) == ["accepted"] * 4


def test_who_is_not_invited_has_nothing_to_answer(world: World) -> None:
    alone = world.create()
    others = world.create(participants={"a@example.com": {"roles": {"attendee": True}}})
    for event in (alone, others):
        assert "participants" in refused(world.post("/v1/events/accept", {"id": event["id"]}), 400)


def test_an_owner_who_takes_part_answers_too(world: World) -> None:
    me = {"email": world.host.email, "roles": {"owner": True, "attendee": True}}
    event = world.create(participants={"me": me})
    assert world.post("/v1/events/decline", {"id": event["id"]}).status_code == 204
    assert answers(world) == ["declined"]


def test_morgen_mcp_answers_by_an_update_of_its_own_participant(world: World) -> None:
    event = invited(world)
    me = {"@type": "Participant", "email": world.host.email, "participationStatus": "declined"}
    answer = world.update(event["id"], participants={world.host.email: me})
    changed = answer.json()["data"]["event"]
    assert own(changed) == "declined"
    assert {each["name"] for each in changed["participants"].values()} == {"Boss", "Me"}
    assert "sequence" not in changed  # only what the organiser changes counts
    assert changed["freeBusyStatus"] == "free"
    assert not Busy.everywhere.exists()


def test_the_answer_goes_to_the_calendar_it_belongs_to(world: World) -> None:
    work = factories.caldav_calendar(world.host)
    place = {
        "accountId": refs.ref("morgen", "account", work.account),
        "calendarId": refs.ref("morgen", "calendar", work),
    }
    event = invited(world, **place)
    world.post("/v1/events/accept", {"id": event["id"], "comment": "Yes", "notifyOrganizer": False})
    [mirror] = Mirror.everywhere.filter(event=Event.everywhere.get())
    [said] = mirror.answers
    assert (said["rsvp"], said["comment"], said["notify"]) == ("accepted", "Yes", False)


@pytest.mark.parametrize(
    ("changes", "status", "named"),
    [
        ({"id": None}, 400, "id"),
        ({"id": 7}, 400, "id"),
        ({"id": "WyJ4Il0"}, 404, ""),
        ({"comment": 7}, 400, "comment"),
        ({"comment": "x" * 8193}, 400, ""),
        ({"notifyOrganizer": "perhaps"}, 400, "notifyOrganizer"),
    ],
)
def test_answers_that_cannot_be_noted(world: World, changes: dict[str, Any], status: int, named: str) -> None:
    event = invited(world)
    answer = world.post("/v1/events/accept", {"id": event["id"]} | changes)
    assert named in refused(answer, status)
    assert answers(world) == ["needs-action"]
    assert "seriesUpdateMode" in refused(
        world.post("/v1/events/accept?seriesUpdateMode=some", {"id": event["id"]}), 400
    )


def test_there_is_no_fourth_answer(world: World) -> None:
    refused(world.post("/v3/events/tentative", {"id": invited(world)["id"]}), 404)
