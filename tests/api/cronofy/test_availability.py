"""POST /v1/availability: common free time."""

from __future__ import annotations

from typing import Any

import pytest

from bookings.domain import refs
from bookings.domain.accounts import ensure_local
from bookings.models import Host, Override
from tests import factories
from tests.api.cronofy.calls import Caller, at, day, second
from tests.api.worlds import World, problems

PATH = "/v1/availability"


def query(world: World, **changes: Any) -> dict[str, Any]:
    """The host alone, an hour, on a Monday from nine to six; a change to None leaves the field out."""
    whole = {
        "participants": [{"members": [{"sub": world.sub}], "required": "all"}],
        "required_duration": {"minutes": 60},
        "query_periods": [{"start": at(9), "end": at(18)}],
    } | changes
    return {name: value for name, value in whole.items() if value is not None}


def ask(world: World, **changes: Any) -> Any:
    answer = world.post(query(world, **changes), PATH)
    assert answer.status_code == 200, answer.content
    [(name, found)] = answer.json().items()
    assert name == (
        "available_periods" if changes.get("response_format", "periods") == "periods" else "available_slots"
    )
    return found


def taken(host: Host, start: float, end: float) -> None:
    factories.booking(host, start=second(at(start)), minutes=round((end - start) * 60))


def hours_of(found: list[dict[str, Any]]) -> list[tuple[float, float]]:
    midnight = day().timestamp()
    return [tuple((second(each[key]) - midnight) / 3600 for key in ("start", "end")) for each in found]  # type: ignore[misc]


def test_the_documented_example_gets_the_documented_answer(world: World) -> None:
    rooms = [factories.host(world.organisation, weekly=factories.ALWAYS, kind="resource") for _ in range(3)]
    room_subs = [refs.ref("cronofy", "host", room) for room in rooms]
    assert all(sub.startswith("res_") for sub in room_subs)
    people = [world.sub, world.colleague_sub]
    body = {
        "participants": [
            {"members": [{"sub": sub, "managed_availability": True} for sub in people], "required": "all"},
            {"members": [{"sub": sub} for sub in room_subs], "required": 1},
        ],
        "required_duration": {"minutes": 60},
        "query_periods": [
            {"start": at(9), "end": at(18)},
            {"start": at(33), "end": at(42)},
        ],
        "buffer": {"before": {"minutes": 30}, "after": {"minutes": 15}},
        "response_format": "slots",
    }
    answer = world.post(body, PATH)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json; charset=utf-8")
    slots = answer.json()["available_slots"]
    assert set(answer.json()) == {"available_slots"}
    assert slots[0] == {
        "start": at(9),
        "end": at(10),
        "participants": [{"sub": sub} for sub in [*people, *room_subs]],
    }
    assert len(slots) == 18


def test_without_a_format_whole_periods_are_told(world: World) -> None:
    taken(world.host, 12, 13)
    assert ask(world) == [
        {"start": at(9), "end": at(12), "participants": [{"sub": world.sub}]},
        {"start": at(13), "end": at(18), "participants": [{"sub": world.sub}]},
    ]


def test_the_older_name_of_the_periods_is_understood(world: World) -> None:
    found = ask(world, query_periods=None, available_periods=[{"start": at(9), "end": at(10)}])
    assert hours_of(found) == [(9, 10)]


def test_slots_follow_each_other_and_overlapping_slots_begin_at_every_interval(world: World) -> None:
    taken(world.host, 10, 16)
    apart = ask(world, response_format="slots", start_interval={"minutes": 15})
    assert hours_of(apart) == [(9, 10), (16, 17), (17, 18)]
    overlapping = ask(world, response_format="overlapping_slots", start_interval={"minutes": 15})
    assert hours_of(overlapping)[:3] == [(9, 10), (16, 17), (16.25, 17.25)]
    assert len(overlapping) == 6


def test_only_the_slots_that_were_asked_about_are_judged(world: World) -> None:
    taken(world.host, 10, 11)
    slots = [{"start": at(hour)} for hour in (9, 9.5, 11)]
    answer = world.post(query(world, query_periods=None, query_slots=slots), PATH)
    assert hours_of(answer.json()["available_slots"]) == [(9, 10), (11, 12)]


def test_a_buffer_keeps_its_distance_from_what_is_taken(world: World) -> None:
    taken(world.host, 12, 13)
    gaps = {"before": {"minimum": {"minutes": 30}, "maximum": {"minutes": 60}}, "after": {"minutes": 15}}
    assert hours_of(ask(world, buffer=gaps)) == [(9, 11.75), (13.5, 18)]


def test_all_of_a_group_are_free_in_what_is_told(world: World) -> None:
    taken(world.host, 9, 11)
    taken(world.colleague, 14, 16)
    members = [{"sub": world.sub}, {"sub": world.colleague_sub}]
    assert hours_of(ask(world, participants=[{"members": members, "required": "all"}])) == [(11, 14), (16, 18)]


def test_of_a_group_of_which_one_is_needed_everybody_who_is_free_throughout_is_told(world: World) -> None:
    taken(world.host, 9, 11)
    taken(world.colleague, 14, 16)
    members = [{"sub": world.sub}, {"sub": world.colleague_sub}]
    found = ask(world, participants=[{"members": members, "required": 1}])
    assert [(hours, len(each["participants"])) for hours, each in zip(hours_of(found), found, strict=True)] == [
        ((9, 14), 1),
        ((11, 14), 2),
        ((11, 18), 1),
        ((16, 18), 2),
    ]


@pytest.mark.parametrize("form", ["slots", "overlapping_slots"])
def test_each_slot_names_those_who_are_free_in_it(world: World, form: str) -> None:
    taken(world.host, 9, 11)
    taken(world.colleague, 14, 16)
    group = {"members": [{"sub": world.sub}, {"sub": world.colleague_sub}], "required": 1}
    found = ask(world, participants=[group], response_format=form, start_interval={"minutes": 60})
    named = {begin: {one["sub"] for one in slot["participants"]} for slot in found for begin, _ in hours_of([slot])}
    both = {world.sub, world.colleague_sub}
    assert [named[hour] for hour in (9, 10, 11, 13, 14, 15, 16)] == [
        *({world.colleague_sub}, {world.colleague_sub}, both, both, {world.sub}, {world.sub}, both)
    ]


def test_of_every_group_enough_must_be_free(world: World) -> None:
    taken(world.host, 9, 12)
    groups = [{"members": [{"sub": sub}], "required": 1} for sub in (world.sub, world.colleague_sub)]
    [found] = ask(world, participants=groups)
    assert (found["start"], found["participants"]) == (at(12), [{"sub": world.sub}, {"sub": world.colleague_sub}])


def test_a_member_may_be_had_only_in_periods_of_their_own(world: World) -> None:
    member = {"sub": world.sub, "available_periods": [{"start": at(10), "end": at(11.5)}]}
    assert hours_of(ask(world, participants=[{"members": [member]}])) == [(10, 11.5)]


def test_only_the_calendars_that_are_named_count(world: World, me: Caller) -> None:
    other = factories.caldav_calendar(world.host, blocks=True, state="ok")
    me.post(
        f"/v1/calendars/{me.calendar_id}/events",
        {"event_id": "x", "summary": "Local", "start": at(9), "end": at(11)},
    )
    for calendar, expected in ((ensure_local(world.host), (11, 18)), (other, (9, 18))):
        member = {"sub": world.sub, "calendar_ids": [refs.ref("cronofy", "calendar", calendar)]}
        assert hours_of(ask(world, participants=[{"members": [member]}])) == [expected]


def test_plain_members_are_free_outside_their_hours_and_managed_ones_are_not(world: World) -> None:
    office = factories.host(world.organisation)  # nine to five
    sub = refs.ref("cronofy", "host", office)
    period = [{"start": at(6), "end": at(20)}]
    plain = ask(world, participants=[{"members": [{"sub": sub}]}], query_periods=period)
    managed = ask(world, participants=[{"members": [{"sub": sub, "managed_availability": True}]}], query_periods=period)
    assert (hours_of(plain), hours_of(managed)) == ([(6, 20)], [(9, 17)])


def test_somebody_who_is_away_is_not_free(world: World) -> None:
    Override.everywhere.create(
        organisation=world.organisation, host=world.host, kind="leave", first_day=day().date(), last_day=day().date()
    )
    assert ask(world) == []


def test_what_has_passed_is_not_offered(world: World) -> None:
    assert ask(world, query_periods=[{"start": "2020-01-06T09:00:00Z", "end": "2020-01-06T18:00:00Z"}]) == []


def test_no_more_is_told_than_was_asked_for(world: World) -> None:
    assert len(ask(world, response_format="slots", max_results=2)) == 2


def test_an_access_token_may_ask_too(world: World, me: Caller) -> None:
    assert me.post(PATH, query(world)).status_code == 200


def test_pycronofys_empty_buffer_is_understood(world: World) -> None:
    assert hours_of(ask(world, buffer={})) == [(9, 18)]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"participants": None}, {"participants": ["errors.required"]}),
        ({"participants": [7]}, {"participants[0]": ["errors.invalid"]}),
        ({"participants": [{}]}, {"participants[0].members": ["errors.required"]}),
        ({"participants": [{"members": ["x"]}]}, {"participants[0].members[0]": ["errors.invalid"]}),
        ({"participants": [{"members": [{}]}]}, {"participants[0].members[0].sub": ["errors.required"]}),
        ({"participants": [{"members": [{"sub": "acc_0"}]}]}, {"participants[0].members[0].sub": ["errors.invalid"]}),
        ({"required_duration": None}, {"required_duration": ["errors.required"]}),
        ({"required_duration": {}}, {"required_duration.minutes": ["errors.required"]}),
        ({"required_duration": {"minutes": 0}}, {"required_duration.minutes": ["errors.invalid"]}),
        ({"required_duration": {"minutes": "x"}}, {"required_duration.minutes": ["errors.invalid"]}),
        ({"query_periods": None}, {"query_periods": ["errors.required"]}),
        ({"query_periods": [{"start": at(9)}]}, {"query_periods[0].end": ["errors.required"]}),
        ({"query_periods": [{"start": at(9), "end": at(9)}]}, {"query_periods[0].end": ["errors.invalid"]}),
        ({"query_periods": [{"start": "x", "end": at(9)}]}, {"query_periods[0].start": ["errors.invalid"]}),
        ({"query_periods": [{"start": at(9), "end": "2199-01-01"}]}, {"query_periods": ["errors.invalid"]}),
        ({"query_slots": [{}]}, {"query_slots[0].start": ["errors.required"]}),
        ({"response_format": "x"}, {"response_format": ["errors.invalid"]}),
        ({"max_results": 513}, {"max_results": ["errors.invalid"]}),
        ({"start_interval": {"minutes": 0}}, {"start_interval.minutes": ["errors.invalid"]}),
    ],
)
def test_a_query_that_cannot_be_meant_is_refused_where_it_is_wrong(
    world: World, changes: dict[str, Any], expected: dict[str, list[str]]
) -> None:
    answer = world.post(query(world, **changes), PATH)
    assert (answer.status_code, problems(answer)) == (422, expected)


@pytest.mark.parametrize("required", [0, 2, -1, True, "some", 1.5])
def test_so_many_of_a_group_as_there_are_can_be_required(world: World, required: object) -> None:
    answer = world.post(query(world, participants=[{"members": [{"sub": world.sub}], "required": required}]), PATH)
    assert problems(answer) == {"participants[0].required": ["errors.invalid"]}


def test_a_foreign_account_is_as_unknown_as_a_missing_one(world: World, elsewhere: World) -> None:
    foreign, missing = (
        world.post(query(world, participants=[{"members": [{"sub": sub}]}]), PATH)
        for sub in (elsewhere.sub, "acc_" + "0" * 24)
    )
    assert (foreign.status_code, foreign.content) == (missing.status_code, missing.content)
    member = {"sub": world.sub, "calendar_ids": [refs.ref("cronofy", "calendar", ensure_local(elsewhere.host))]}
    answer = world.post(query(world, participants=[{"members": [member]}]), PATH)
    assert problems(answer) == {"participants[0].members[0].calendar_ids": ["errors.invalid"]}


def test_many_members_cost_as_many_queries_as_few(world: World, django_assert_max_num_queries: Any) -> None:
    def members(count: int) -> list[dict[str, Any]]:
        some = [factories.host(world.organisation) for _ in range(count)]
        calendars = [refs.ref("cronofy", "calendar", ensure_local(host)) for host in some]
        subs = [refs.ref("cronofy", "host", host) for host in some]
        return [
            {"sub": sub, "managed_availability": place % 2 == 0} | ({"calendar_ids": [calendar]} if place % 3 else {})
            for place, (sub, calendar) in enumerate(zip(subs, calendars, strict=True))
        ]

    few, many = ([{"members": members(count), "required": 1}] for count in (6, 24))
    world.post(query(world, participants=few), PATH)  # notes that the key is in use
    counts = []
    for participants in (few, many):
        with django_assert_max_num_queries(30) as counted:
            world.post(query(world, participants=participants), PATH)
        counts.append(len(counted.captured_queries))
    assert counts[0] == counts[1]
