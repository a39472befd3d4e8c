"""Availability rules and available periods: when an account can be had, as its applications say it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bookings.domain import availability, hosts
from bookings.domain.audit import SYSTEM
from bookings.models import AuditEntry, Host, Opening, Override
from tests import factories
from tests.api.cronofy.calls import Caller, at, caller, day, second
from tests.api.worlds import World, problems

RULES, PERIODS = "/v1/availability_rules", "/v1/available_periods"

RULE: dict[str, Any] = {
    "availability_rule_id": "default",
    "tzid": "America/Chicago",
    "weekly_periods": [
        {"day": "monday", "start_time": "09:30", "end_time": "12:30"},
        {"day": "monday", "start_time": "14:00", "end_time": "17:00"},
        {"day": "wednesday", "start_time": "09:30", "end_time": "12:30"},
    ],
}
MONDAY = {"availability_rule_id": "mornings", "tzid": "UTC", "weekly_periods": [
    {"day": "monday", "start_time": "06:00", "end_time": "08:00"},
]}  # fmt: skip


@pytest.fixture
def office(world: World) -> Caller:
    """An account that works from nine to five, in UTC."""
    return caller(world, factories.host(world.organisation))


def period(name: str = "extra", start: float = 19, end: float = 21) -> dict[str, Any]:
    return {"available_period_id": name, "start": at(start), "end": at(end)}


def free(me: Caller, **member: Any) -> list[tuple[float, float]]:
    """When the account is free that Monday, in hours."""
    from_ = {"members": [{"sub": sub(me), **(member or {"managed_availability": True})}]}
    query = {
        "participants": [from_],
        "required_duration": {"minutes": 30},
        "query_periods": [{"start": at(0), "end": at(24)}],
    }
    answer = me.post("/v1/availability", query)
    assert answer.status_code == 200, answer.content
    midnight = day().timestamp()
    return [
        ((second(each["start"]) - midnight) / 3600, (second(each["end"]) - midnight) / 3600)
        for each in answer.json()["available_periods"]
    ]


def sub(me: Caller) -> str:
    found: str = me.get("/v1/userinfo").json()["sub"]
    return found


def offered(me: Caller) -> list[float]:
    """At which hours customers are offered that Monday."""
    host = Host.everywhere.select_related("schedule").get(pk=me.host.pk)
    midnight = int(day().timestamp())
    terms = availability.Terms((host,), 3600, step=3600)
    return [(at - midnight) / 3600 for at in availability.offer(terms, midnight, midnight + 86_400).starts]


def test_the_documented_rule_is_saved_and_told_as_it_was_said(office: Caller) -> None:
    answer = office.post(RULES, RULE)
    assert (answer.status_code, answer.json()) == (200, {"availability_rule": RULE})
    assert office.get(RULES).json() == {"availability_rules": [RULE]}
    assert office.get(f"{RULES}/default").json() == {"availability_rule": RULE}


def test_the_first_rule_is_the_schedule_that_staff_see(office: Caller) -> None:
    office.post(RULES, RULE | {"availability_rule_id": "work hours"})
    host = Host.everywhere.select_related("schedule").get(pk=office.host.pk)
    assert (host.timezone, host.schedule.weekly[0]) == ("America/Chicago", [[570, 750], [840, 1020]])
    assert not Opening.everywhere.exists()
    assert AuditEntry.everywhere.filter(action="host.hours_changed", object_id=host.pk).exists()


def test_a_schedule_that_staff_made_is_the_default_rule(office: Caller) -> None:
    [rule] = office.get(RULES).json()["availability_rules"]
    assert (rule["availability_rule_id"], rule["tzid"], len(rule["weekly_periods"])) == ("default", "UTC", 5)
    assert rule["weekly_periods"][0] == {"day": "monday", "start_time": "09:00", "end_time": "17:00"}


def test_colleagues_who_share_a_schedule_keep_theirs(world: World, office: Caller) -> None:
    colleague = factories.host(world.organisation)
    Host.everywhere.filter(pk=colleague.pk).update(schedule=office.host.schedule)
    office.post(RULES, RULE)
    colleague.refresh_from_db()
    assert colleague.schedule.weekly[0] == [[540, 1020]]


def test_further_rules_open_more_hours_of_the_week(office: Caller) -> None:
    office.get(RULES)
    assert office.post(RULES, MONDAY).json() == {"availability_rule": MONDAY}
    assert free(office) == [(6, 8), (9, 17)]
    assert offered(office) == [6, 7, 9, 10, 11, 12, 13, 14, 15, 16]


def test_the_same_rule_again_changes_it(office: Caller) -> None:
    office.get(RULES)
    for end in ("07:00", "07:30"):
        office.post(RULES, MONDAY | {"weekly_periods": [{"day": "Monday", "start_time": "6:00", "end_time": end}]})
    assert len(office.get(RULES).json()["availability_rules"]) == 2
    assert free(office) == [(6, 7.5), (9, 17)]


def test_a_query_may_name_the_rules_that_count(office: Caller) -> None:
    office.get(RULES)
    office.post(RULES, MONDAY)
    assert free(office, availability_rule_ids=["mornings"]) == [(6, 8)]
    assert free(office, availability_rule_ids=["default"]) == [(9, 17)]
    assert free(office, availability_rule_ids=["default", "mornings"]) == [(6, 8), (9, 17)]


def test_a_query_that_names_an_unknown_rule_is_refused(world: World, office: Caller) -> None:
    member = {"sub": sub(office), "availability_rule_ids": ["nights"]}
    query = {
        "participants": [{"members": [member]}],
        "required_duration": {"minutes": 30},
        "query_periods": [{"start": at(0), "end": at(24)}],
    }
    path = "participants[0].members[0].availability_rule_ids"
    assert problems(office.post("/v1/availability", query)) == {path: ["errors.invalid"]}


def test_a_rule_may_name_the_calendars_that_count(office: Caller) -> None:
    [profile] = office.get("/v1/profiles").json()["profiles"]
    new = office.post("/v1/calendars", {"profile_id": profile["profile_id"], "name": "Second"}).json()["calendar"]
    for name, calendar_id in (("a", office.calendar_id), ("b", new["calendar_id"])):
        body = {
            "event_id": name,
            "summary": name,
            "start": at(6 if name == "a" else 7),
            "end": at(7 if name == "a" else 8),
        }
        office.post(f"/v1/calendars/{calendar_id}/events", body)
    office.get(RULES)
    saved = office.post(RULES, MONDAY | {"calendar_ids": [new["calendar_id"]]}).json()["availability_rule"]
    assert saved["calendar_ids"] == [new["calendar_id"]]
    assert office.get(f"{RULES}/mornings").json()["availability_rule"] == saved
    assert free(office, availability_rule_ids=["mornings"]) == [(6, 7)]


def test_a_deleted_rule_no_longer_counts(office: Caller) -> None:
    office.get(RULES)
    office.post(RULES, MONDAY)
    for _ in range(2):
        answer = office.delete(f"{RULES}/mornings")
        assert (answer.status_code, answer.content) == (202, b"")
    assert office.get(f"{RULES}/mornings").status_code == 404
    assert free(office) == [(9, 17)]
    office.delete(f"{RULES}/default")
    assert (office.get(RULES).json(), free(office)) == ({"availability_rules": []}, [])


def test_a_deleted_rule_can_be_made_again(office: Caller) -> None:
    office.get(RULES)
    for _ in range(2):
        office.post(RULES, MONDAY)
        assert free(office) == [(6, 8), (9, 17)]
        office.delete(f"{RULES}/mornings")


def test_on_a_day_off_no_rule_opens_anything(office: Caller) -> None:
    office.get(RULES)
    office.post(RULES, MONDAY)
    office.post(PERIODS, period())
    Override.everywhere.create(
        organisation=office.host.organisation, host=office.host, kind="closed",
        first_day=day().date(), last_day=day().date(),
    )  # fmt: skip
    assert (free(office), offered(office)) == ([], [])


def test_hours_past_midnight_are_told_on_both_days(office: Caller) -> None:
    weekly: list[list[list[int]]] = [[[1320, 1560]], *([] for _ in range(6))]
    host = office.host
    host.schedule.weekly = weekly
    host.schedule.save()
    [rule] = office.get(RULES).json()["availability_rules"]
    assert rule["weekly_periods"] == [
        {"day": "monday", "start_time": "22:00", "end_time": "24:00"},
        {"day": "tuesday", "start_time": "00:00", "end_time": "02:00"},
    ]
    assert office.post(RULES, rule).json()["availability_rule"] == rule


def test_an_available_period_opens_a_stretch_of_time_and_is_told(office: Caller) -> None:
    office.get(RULES)
    answer = office.post(PERIODS, period())
    assert (answer.status_code, answer.content) == (202, b"")
    assert office.get(PERIODS).json() == {"pages": {"current": 1, "total": 1}, "available_periods": [period()]}
    assert free(office) == [(9, 17), (19, 21)]
    assert offered(office)[-2:] == [19, 20]


def test_without_any_rule_only_the_periods_count(office: Caller) -> None:
    """As the vendor has it: an application that never spoke of hours of the week has only its periods."""
    office.post(PERIODS, period())
    assert free(office) == [(19, 21)]


def test_the_same_period_again_changes_it(office: Caller) -> None:
    for end in (20, 22):
        office.post(PERIODS, period(end=end))
    assert office.get(PERIODS).json()["available_periods"] == [period(end=22)]


def test_a_deleted_period_no_longer_counts_and_can_be_made_again(office: Caller) -> None:
    for _ in range(2):
        office.post(PERIODS, period())
        assert len(office.get(PERIODS).json()["available_periods"]) == 1
        assert [office.delete(PERIODS, period()).status_code for _ in range(2)] == [202, 202]
        assert office.get(PERIODS).json()["available_periods"] == []


def test_periods_are_told_inside_a_window_and_on_their_own_clock(office: Caller) -> None:
    office.post(PERIODS, {"available_period_id": "a", "start": {"time": at(9), "tzid": "Asia/Tokyo"}, "end": at(10)})
    office.post(PERIODS, period("b", 100, 101))
    window = {"from": at(0), "to": at(24), "tzid": "Etc/UTC"}
    assert [each["available_period_id"] for each in office.get(PERIODS, **window).json()["available_periods"]] == ["a"]
    [told] = office.get(PERIODS, **window, localized_times="true").json()["available_periods"]
    assert told["start"]["tzid"] == "Asia/Tokyo"
    assert second(told["start"]["time"]) == second(at(9))


def test_an_opening_that_staff_made_has_a_name_too(office: Caller) -> None:
    start = int((day() + timedelta(hours=19)).timestamp())
    hosts.open_between(office.host, start, start + 3600, actor=SYSTEM)
    [told] = office.get(PERIODS).json()["available_periods"]
    assert told["start"] == at(19)
    office.delete(PERIODS, told)
    assert not Opening.everywhere.exists()


def test_each_account_has_names_of_its_own(world: World, elsewhere: World, office: Caller) -> None:
    others = [caller(world, world.colleague), caller(elsewhere, elsewhere.host)]
    for each in (office, *others):
        each.post(PERIODS, period())
        each.post(RULES, MONDAY)
    office.delete(PERIODS, period())
    office.delete(f"{RULES}/mornings")
    for each in others:
        assert len(each.get(PERIODS).json()["available_periods"]) == 1
        assert each.get(f"{RULES}/mornings").status_code == 200


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"availability_rule_id": None}, {"availability_rule_id": ["errors.required"]}),
        ({"availability_rule_id": "x" * 256}, {"availability_rule_id": ["errors.too_long"]}),
        ({"tzid": None}, {"tzid": ["errors.required"]}),
        ({"tzid": "Nowhere"}, {"tzid": ["errors.invalid"]}),
        ({"weekly_periods": None}, {"weekly_periods": ["errors.required"]}),
        ({"weekly_periods": [1]}, {"weekly_periods[0]": ["errors.invalid"]}),
        (
            {"weekly_periods": [{}]},
            {f"weekly_periods[0].{name}": ["errors.required"] for name in ("day", "start_time", "end_time")},
        ),
        (
            {"weekly_periods": [{"day": "x", "start_time": "09:00", "end_time": "10:00"}]},
            {"weekly_periods[0].day": ["errors.invalid"]},
        ),
        (
            {"weekly_periods": [{"day": "monday", "start_time": "25:00", "end_time": "9"}]},
            {f"weekly_periods[0].{name}": ["errors.invalid"] for name in ("start_time", "end_time")},
        ),
        (
            {"weekly_periods": [{"day": "monday", "start_time": "10:00", "end_time": "09:00"}]},
            {"weekly_periods[0].end_time": ["errors.invalid"]},
        ),
        ({"calendar_ids": []}, {"calendar_ids": ["errors.required"]}),
        ({"calendar_ids": ["cal_0"]}, {"calendar_ids": ["errors.invalid"]}),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused_where_it_is_wrong(
    office: Caller, changes: dict[str, Any], expected: Any
) -> None:
    answer = office.post(RULES, RULE | changes)
    assert (answer.status_code, problems(answer)) == (422, expected)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"available_period_id": ""}, {"available_period_id": ["errors.required"]}),
        ({"start": None}, {"start": ["errors.required"]}),
        ({"end": "x"}, {"end": ["errors.invalid"]}),
        ({"end": at(19)}, {"end": ["errors.invalid"]}),
        ({"end": "2199-01-01"}, {"end": ["errors.invalid"]}),
    ],
)
def test_a_period_that_cannot_be_meant_is_refused_where_it_is_wrong(
    office: Caller, changes: dict[str, Any], expected: Any
) -> None:
    answer = office.post(PERIODS, period() | changes)
    assert (answer.status_code, problems(answer)) == (422, expected)


def test_a_window_needs_a_zone(office: Caller) -> None:
    assert problems(office.get(PERIODS, **{"from": at(0)})) == {"tzid": ["errors.required"]}


def test_reading_and_writing_hours_need_their_scopes(world: World, office: Caller) -> None:
    reader, writer = (caller(world, None, f"availability:{verb}") for verb in ("read", "write"))
    for path, body in ((RULES, RULE), (PERIODS, period())):
        assert (reader.post(path, body).status_code, writer.get(path).status_code) == (403, 403)
        assert (reader.get(path).status_code, writer.post(path, body).status_code) == (
            200,
            200 if path == RULES else 202,
        )
    assert (reader.delete(PERIODS, period()).status_code, reader.delete(f"{RULES}/default").status_code) == (403, 403)


def test_many_periods_cost_as_many_queries_as_few(
    office: Caller, django_assert_max_num_queries: Any, django_assert_num_queries: Any
) -> None:
    counts = []
    for count in (2, 12):
        for number in range(count):
            office.post(PERIODS, period(f"{count}-{number}", number, number + 1))
            office.post(RULES, MONDAY | {"availability_rule_id": f"{count}-{number}"})
        office.get(PERIODS)
        for path in (PERIODS, RULES):
            with django_assert_max_num_queries(20) as counted:
                office.get(path)
            counts.append(len(counted.captured_queries))
    assert counts[:2] == counts[2:]
