"""POST /v2/availability, its dates, and the older findtime."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from bookings.models import GroupMember, GroupRule
from tests import factories
from tests.api.timekit.worlds import BOOKINGS, EVENTS, MONDAY, Place

PATH = "/v2/availability"
DAY = {"from": f"{MONDAY}T00:00:00+01:00", "to": "2027-03-02T00:00:00+01:00"}


def ask(place: Place, **changes: Any) -> list[dict[str, Any]]:
    """The free slots of that Monday in Berlin."""
    answer = place.post(PATH, {"resources": [place.resource_id], "output_timezone": "Europe/Berlin"} | DAY | changes)
    assert answer.status_code == 200, answer.content
    slots: list[dict[str, Any]] = answer.json()["data"]
    return slots


def starts(slots: list[dict[str, Any]]) -> list[str]:
    return [slot["start"][11:16] for slot in slots]


def test_slots_of_an_hour_follow_one_another_unless_something_else_is_asked(place: Place) -> None:
    slots = ask(place)
    assert starts(slots) == [f"{hour:02}:00" for hour in range(24)]
    assert slots[0] == {
        "start": f"{MONDAY}T00:00:00+01:00",
        "end": f"{MONDAY}T01:00:00+01:00",
        "resources": [{"id": place.resource_id, "name": place.host.name, "timezone": "Europe/Berlin"}],
    }


def test_without_a_window_the_next_four_weeks_are_searched(place: Place) -> None:
    slots = place.post(PATH, {"resources": [place.resource_id]}).json()["data"]
    first, last = (datetime.fromisoformat(slots[index]["start"]) for index in (0, -1))
    assert slots[0]["start"].endswith("+00:00")
    assert 27 <= (last - first).days <= 28


def test_length_increments_and_buffer_are_said_in_words(place: Place) -> None:
    place.made(EVENTS, place.event(start=f"{MONDAY}T12:00:00+01:00", end=f"{MONDAY}T13:00:00+01:00"))
    window = {"from": f"{MONDAY}T10:00:00+01:00", "to": f"{MONDAY}T15:00:00+01:00"}
    assert starts(ask(place, length="30 minutes", timeslot_increments="15 minutes", **window)) == [
        *("10:00", "10:15", "10:30", "10:45", "11:00", "11:15", "11:30"),
        *("13:00", "13:15", "13:30", "13:45", "14:00", "14:15", "14:30"),
    ]
    assert starts(ask(place, length="1 hour", buffer="30 minutes", **window)) == ["10:00", "14:00"]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([{"allow_hours": {"start": 9, "end": 12}}], ["09:00", "10:00", "11:00"]),
        ([{"allow_hours": {"start": "09:30", "end": "11:45"}}], ["10:00"]),
        (
            [{"allow_hours": {"start": 9, "end": 13}}, {"block_hours": {"start": 10, "end": 11}}],
            ["09:00", "11:00", "12:00"],
        ),
        ([{"allow_hours": {"start": 9, "end": 10}}, {"allow_hours": {"start": 14, "end": 15}}], ["09:00", "14:00"]),
        ([{"allow_day_and_time": {"day": "Monday", "start": 9, "end": 10}}], ["09:00"]),
        ([{"allow_day_and_time": {"day": "tuesday", "start": 9, "end": 10}}], []),
        ([{"allow_day": {"day": "Monday"}}, {"allow_hours": {"start": 9, "end": 10}}], ["09:00"]),
        ([{"allow_days": {"days": ["Tuesday", "Friday"]}}], []),
        ([{"block_day": {"day": "Monday"}}], []),
        ([{"block_weekdays": {}}], []),
        ([{"allow_weekends": {}}], []),
        ([{"block_weekends": {}}, {"allow_hours": {"start": 8, "end": 9}}], ["08:00"]),
        ([{"allow_weekdays": []}, {"allow_hours": {"start": 22, "end": 2}}], ["00:00", "01:00", "22:00", "23:00"]),
        ([{"allow_period": {"start": f"{MONDAY} 09:00", "end": f"{MONDAY} 11:00"}}], ["09:00", "10:00"]),
        (
            [{"allow_period": {"start": f"{MONDAY} 09:00", "end": f"{MONDAY} 11:00", "timezone": "America/New_York"}}],
            ["15:00", "16:00"],
        ),
        ([{"block_period": {"start": MONDAY, "end": "2027-03-02"}}], []),
        ([{"block_day_and_time": {"day": "mon", "start": 1, "end": 24}}], ["00:00"]),
    ],
    ids=str,
)
def test_constraints_open_and_close_hours_of_the_resources_own_clock(
    place: Place, rules: list[Any], expected: list[str]
) -> None:
    assert starts(ask(place, constraints=rules)) == expected


def test_slots_begin_when_narrower_hours_do(place: Place) -> None:
    rules = [{"allow_hours": {"start": "09:10", "end": 12}}]
    assert starts(ask(place, constraints=rules, length="50 minutes")) == ["09:10", "10:00", "10:50"]


def test_constraints_narrow_the_resources_own_hours(place: Place) -> None:
    resource = factories.host(place.organisation, timezone="Europe/Berlin")
    ids = [place.named(resource)]
    assert starts(ask(place, resources=ids)) == [f"{hour:02}:00" for hour in range(9, 17)]
    assert starts(ask(place, resources=ids, constraints=[{"allow_hours": {"start": 7, "end": 11}}])) == [
        "09:00",
        "10:00",
    ]


def test_each_mode_names_the_resources_it_promises(place: Place) -> None:
    place.made(EVENTS, place.event())  # the first resource is busy from ten to eleven
    both = [place.colleague_id, place.resource_id]
    window = {"from": f"{MONDAY}T09:00:00+01:00", "to": f"{MONDAY}T11:00:00+01:00", "resources": both}

    def named(mode: str) -> list[list[str]]:
        return [[each["id"] for each in slot["resources"]] for slot in ask(place, mode=mode, **window)]

    assert named("roundrobin_prioritized") == [[place.colleague_id], [place.colleague_id]]
    assert named("exclusive") == [both, [place.colleague_id]]
    assert named("mutual") == [both]
    assert [len(each) for each in named("roundrobin_random")] == [1, 1]


def test_a_project_says_who_how_long_and_how_often(place: Place) -> None:
    place.project.durations, place.project.slot_interval = [45], 60
    place.project.save()
    slots = ask(place, resources=None, project_id=place.project_id)
    assert starts(slots)[:3] == ["00:00", "01:00", "02:00"]
    assert slots[0]["end"] == f"{MONDAY}T00:45:00+01:00"
    assert {slot["resources"][0]["id"] for slot in slots} <= {place.resource_id, place.colleague_id}
    only = ask(place, project_id=place.project_id, length="2 hours")
    assert {slot["resources"][0]["id"] for slot in only} == {place.resource_id}
    assert only[0]["end"] == f"{MONDAY}T02:00:00+01:00"


def test_a_project_that_needs_all_of_its_resources_names_all_of_them(place: Place) -> None:
    rule = GroupRule.everywhere.create(organisation=place.organisation, name="Both", mode=GroupRule.Mode.ALL)
    for host in (place.host, place.colleague):
        GroupMember.everywhere.create(organisation=place.organisation, rule=rule, host=host)
    place.project.group_rule = rule
    place.project.save()
    slots = ask(place, resources=None, project_id=place.project_id)
    assert {each["id"] for each in slots[0]["resources"]} == {place.resource_id, place.colleague_id}


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"resources": []}, ["resources"]),
        ({"resources": ["nonsense"]}, ["resources.0"]),
        ({"resources": [7]}, ["resources"]),
        ({"project_id": "nonsense"}, ["project_id"]),
        ({"mode": "alphabetical"}, ["mode"]),
        ({"mode": {"x": 1}}, ["mode"]),
        ({"from": "someday"}, ["from"]),
        ({"to": "8 months"}, ["to"]),
        ({"to": "-1 day", "from": "now"}, ["to"]),
        ({"length": "a while"}, ["length"]),
        ({"length": "0 minutes"}, ["length"]),
        ({"length": "99999 weeks"}, ["length"]),
        ({"buffer": "5 parsecs"}, ["buffer"]),
        ({"timeslot_increments": "1 minute"}, ["timeslot_increments"]),
        ({"output_timezone": "Mars/Olympus"}, ["output_timezone"]),
        ({"constraints": {"allow_hours": {}}}, ["constraints"]),
        ({"constraints": ["x"]}, ["constraints.0"]),
        ({"constraints": [{"allow_moons": {}}]}, ["constraints.0.allow_moons"]),
        ({"constraints": [{"allow_hours": {"start": 9, "end": 25}}]}, ["constraints.0.allow_hours.end"]),
        ({"constraints": [{"allow_day": {"day": "Someday"}}]}, ["constraints.0.allow_day.day"]),
        (
            {"constraints": [{"allow_period": {"start": "x", "end": MONDAY, "timezone": "x"}}]},
            ["constraints.0.allow_period.start", "constraints.0.allow_period.timezone"],
        ),
    ],
    ids=str,
)
def test_a_question_that_cannot_be_answered_names_what_is_wrong(place: Place, changes: Any, fields: list[str]) -> None:
    answer = place.post(PATH, {"resources": [place.resource_id]} | changes)
    assert (answer.status_code, sorted(answer.json()["errors"])) == (422, fields)


def test_every_slot_that_is_listed_can_be_booked(place: Place) -> None:
    slots = ask(place, length="25 minutes", timeslot_increments="35 minutes")
    for slot in (slots[0], slots[20], slots[-1]):
        place.made(BOOKINGS, place.booking(start=slot["start"], end=slot["end"]))
    left = ask(place, length="25 minutes", timeslot_increments="35 minutes")
    assert len(left) == len(slots) - 3


def test_dates_are_those_with_a_slot(place: Place) -> None:
    resource = factories.host(place.organisation, timezone="Europe/Berlin")
    body = {"resources": [place.named(resource)], "from": MONDAY, "to": "2027-03-09"}
    answer = place.post("/v2/availability/dates", body, Timekit_Timezone="Europe/Berlin")
    assert answer.status_code == 200
    assert answer.json()["data"] == [
        {"date": f"2027-03-{day:02}", "resources": [place.named(resource)]} for day in (1, 2, 3, 4, 5, 8)
    ]


def test_findtime_lists_when_all_of_the_people_are_free(place: Place) -> None:
    place.made(EVENTS, place.event(start=f"{MONDAY}T09:30:00+01:00", end=f"{MONDAY}T10:00:00+01:00"))
    body = {
        "emails": [place.host.email.upper(), place.colleague.email],
        "start": f"{MONDAY}T00:00:00+01:00",
        "future": "2027-03-02T00:00:00+01:00",
        "length": "1 hour",
        "filters": {
            "and": [{"business_hours": {}}, {"exclude_weekend": {}}],
            "or": [{"specific_day": {"day": "Monday"}}],
        },
        "output_timezone": "Europe/Berlin",
    }
    answer = place.post("/v2/findtime", body)
    assert starts(answer.json()["data"]) == [f"{hour:02}:00" for hour in range(10, 17)]
    assert set(answer.json()["data"][0]) == {"start", "end"}
    quarters = place.post("/v2/findtime", body | {"all_solutions": True}).json()["data"]
    assert starts(quarters)[:3] == ["10:00", "10:15", "10:30"]
    late = body | {"length": "2 hours", "filters": {}}
    assert "23:00" not in starts(place.post("/v2/findtime", late | {"no_day_span": True}).json()["data"])


def test_findtime_names_an_address_that_nobody_has(place: Place) -> None:
    answer = place.post("/v2/findtime", {"emails": ["nobody@example.org"]})
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["emails.0"])


def test_asking_costs_the_same_for_many_resources(place: Place, django_assert_max_num_queries: Any) -> None:
    many = [place.named(factories.host(place.organisation, weekly=factories.ALWAYS)) for _ in range(12)]
    ask(place, resources=many)
    with django_assert_max_num_queries(16):
        assert len(ask(place, resources=many, mode="exclusive")[0]["resources"]) == 12
