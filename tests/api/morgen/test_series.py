"""Recurring events: listed by occurrence, changed and deleted one, from one on, or all together."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.api.morgen.worlds import World, refused

WEEKLY = [{"@type": "RecurrenceRule", "frequency": "weekly", "count": 4}]
WEEKS = ["2027-03-01T10:15:00", "2027-03-08T10:15:00", "2027-03-15T10:15:00", "2027-03-22T10:15:00"]


def made(world: World, **changes: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A weekly series of four, and its occurrences."""
    return world.create(**{"recurrenceRules": WEEKLY} | changes), world.listed()


def told(world: World) -> list[tuple[str, str]]:
    return [(each["start"], each["title"]) for each in world.listed()]


def parts(event_id: str) -> list[str]:
    decoded: list[str] = json.loads(base64.urlsafe_b64decode(event_id + "=" * (-len(event_id) % 4)))
    return decoded


def test_an_occurrence_has_an_id_of_its_own_and_names_its_series(world: World) -> None:
    series, occurrences = made(world)
    assert [each["start"] for each in occurrences] == WEEKS
    assert len(parts(series["id"])) == 3
    assert series["recurrenceRules"] == WEEKLY
    assert "recurrenceId" not in series
    for each in occurrences:
        assert parts(each["id"]) == [*parts(series["id"]), each["start"]]
        assert (each["recurrenceId"], each["recurrenceIdTimeZone"]) == (each["start"], "Europe/Berlin")
        assert each["masterEventId"] == series["id"]
        assert each["baseEventId"] == each["masterBaseEventId"] == series["baseEventId"]
        assert each["recurrenceRules"] == WEEKLY
        assert world.read(each["id"]).json()["data"]["event"] == each


def test_the_clock_shows_the_same_hour_after_it_changed(world: World) -> None:
    world.create(start="2027-03-22T09:00:00", recurrenceRules=[{"frequency": "weekly"}])
    found = world.listed(end="2027-04-12T00:00:00Z")
    assert [each["start"][11:] for each in found] == ["09:00:00"] * 3
    # The window is in UTC: at 07:00 UTC it is nine o'clock in Berlin only in summer.
    assert len(world.listed(start="2027-03-29T07:00:00Z", end="2027-03-29T07:01:00Z")) == 1
    assert len(world.listed(start="2027-03-22T07:00:00Z", end="2027-03-22T07:01:00Z")) == 0


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("", ["Old", "New", "Old", "Old"]),
        ("single", ["Old", "New", "Old", "Old"]),
        ("future", ["Old", "New", "New", "New"]),
        ("all", ["New", "New", "New", "New"]),
    ],
)
def test_a_title_changes_as_far_as_the_mode_reaches(world: World, mode: str, expected: list[str]) -> None:
    _, occurrences = made(world, title="Old")
    answer = world.update(occurrences[1]["id"], mode, title="New")
    assert answer.status_code == 200
    event = answer.json()["data"]["event"]
    assert (event["title"], event["start"]) == ("New", WEEKS[1])
    assert told(world) == list(zip(WEEKS, expected, strict=True))
    assert event in world.listed()


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("single", [WEEKS[0], "2027-03-09T12:00:00", WEEKS[2], WEEKS[3]]),
        ("future", [WEEKS[0], "2027-03-09T12:00:00", "2027-03-16T12:00:00", "2027-03-23T12:00:00"]),
        (
            "all",
            ["2027-03-02T12:00:00", "2027-03-09T12:00:00", "2027-03-16T12:00:00", "2027-03-23T12:00:00"],
        ),
    ],
)
def test_a_time_moves_as_far_as_the_mode_reaches(world: World, mode: str, expected: list[str]) -> None:
    _, occurrences = made(world)
    quartet = {"duration": "PT1H", "timeZone": "Europe/Berlin", "showWithoutTime": False}
    answer = world.update(occurrences[1]["id"], mode, start="2027-03-09T12:00:00", **quartet)
    assert answer.status_code == 200
    assert answer.json()["data"]["event"]["start"] == "2027-03-09T12:00:00"
    assert [each["start"] for each in world.listed()] == expected
    assert {each["start"] for each in world.listed() if each["duration"] == "PT1H"} == {
        each for each in expected if each not in WEEKS
    }


@pytest.mark.parametrize(
    ("mode", "left"),
    [("", [0, 2, 3]), ("single", [0, 2, 3]), ("future", [0]), ("all", [])],
)
def test_a_deletion_reaches_as_far_as_the_mode(world: World, mode: str, left: list[int]) -> None:
    _, occurrences = made(world)
    assert world.delete(occurrences[1]["id"], mode).status_code == 204
    assert [each["start"] for each in world.listed()] == [WEEKS[index] for index in left]
    refused(world.read(occurrences[1]["id"]), 404)
    refused(world.delete(occurrences[1]["id"], mode), 404)


@pytest.mark.parametrize("mode", ["", "single", "future", "all"])
def test_a_series_named_by_its_own_id_is_meant_as_a_whole(world: World, mode: str) -> None:
    series, _ = made(world)
    answer = world.update(series["id"], mode, title="New")
    assert answer.json()["data"]["event"]["id"] == series["id"]
    assert [title for _, title in told(world)] == ["New"] * 4
    assert world.delete(series["id"], mode).status_code == 204
    assert world.listed() == []


def test_the_mode_means_nothing_to_a_single_event(world: World) -> None:
    for mode in ("single", "future", "all"):
        event = world.create()
        assert world.update(event["id"], mode, title="New").json()["data"]["event"]["title"] == "New"
        assert world.delete(event["id"], mode).status_code == 204
    assert world.listed() == []


def test_an_unknown_mode_is_refused(world: World) -> None:
    event = world.create()
    assert "seriesUpdateMode" in refused(world.update(event["id"], "some", title="New"), 400)
    assert "seriesUpdateMode" in refused(world.delete(event["id"], "some"), 400)


def test_a_changed_occurrence_keeps_its_id_and_can_be_changed_and_deleted_again(world: World) -> None:
    _, occurrences = made(world)
    named = occurrences[1]["id"]
    for title in ("Once", "Twice"):
        changed = world.update(named, title=title).json()["data"]["event"]
        assert (changed["id"], changed["title"]) == (named, title)
        assert changed["masterEventId"] == occurrences[1]["masterEventId"]
        assert world.read(named).json()["data"]["event"] == changed
    assert told(world)[1] == (WEEKS[1], "Twice")
    assert world.delete(named).status_code == 204
    assert [start for start, _ in told(world)] == [WEEKS[0], WEEKS[2], WEEKS[3]]


def test_an_occurrence_that_was_moved_is_moved_on_with_all_others_by_as_much(world: World) -> None:
    _, occurrences = made(world)
    quartet = {"duration": "PT25M", "timeZone": "Europe/Berlin", "showWithoutTime": False}
    named = occurrences[1]["id"]
    world.update(named, "single", start="2027-03-08T14:00:00", **quartet)
    world.update(named, "all", start="2027-03-08T15:00:00", **quartet)
    starts = [each["start"][11:] for each in world.listed()]
    assert starts == ["11:15:00", "14:00:00", "11:15:00", "11:15:00"]


def test_an_occurrence_sent_back_whole_changes_nothing_but_what_is_new(world: World) -> None:
    for mode in ("single", "future", "all"):
        world.create(title="Old", recurrenceRules=WEEKLY)
        before = world.listed()
        answer = world.post(f"/v3/events/update?seriesUpdateMode={mode}", before[2] | {"title": "New"})
        assert answer.status_code == 200
        after = world.listed()
        assert [each["start"] for each in after] == WEEKS
        assert after[2]["title"] == "New"
        for each in {each["masterEventId"] for each in after}:
            world.delete(each)


def test_an_occurrence_is_named_by_its_series_and_original_start(world: World) -> None:
    series, _ = made(world)
    named = {"id": None, "masterEventId": series["id"]}
    answer = world.update(recurrenceId=WEEKS[2], title="Third", event_id="", **named)
    assert answer.json()["data"]["event"]["recurrenceId"] == WEEKS[2]
    world.update(recurrenceId="2027-03-08T09:15:00", recurrenceIdTimeZone="UTC", title="Second", event_id="", **named)
    assert [title for _, title in told(world)] == ["Chat about Morgen", "Second", "Third", "Chat about Morgen"]


def test_what_names_no_occurrence(world: World) -> None:
    series, occurrences = made(world)
    single = world.create(start="2027-03-30T10:00:00")
    for named in (
        {"masterEventId": series["id"]},
        {"recurrenceId": WEEKS[2]},
        {"masterEventId": series["id"], "recurrenceId": "the third"},
        {"masterEventId": series["id"], "recurrenceId": WEEKS[2], "recurrenceIdTimeZone": "Nowhere"},
    ):
        body = {"accountId": world.account_id, "title": "New"} | named
        message = refused(world.post("/v3/events/update", body), 400)
        assert "recurrenceId" in message or "id" in message
    for named in (
        {"masterEventId": series["id"], "recurrenceId": "2027-03-09T10:15:00"},
        {"masterEventId": single["id"], "recurrenceId": "2027-03-30T10:00:00"},
        {"masterEventId": occurrences[0]["id"], "recurrenceId": WEEKS[0]},
    ):
        body = {"accountId": world.account_id, "title": "New"} | named
        refused(world.post("/v3/events/update", body), 404)
    assert {title for _, title in told(world)} == {"Chat about Morgen"}


def test_a_series_without_end_is_listed_inside_the_window_only(world: World) -> None:
    world.create(recurrenceRules=[{"frequency": "daily"}], start="2020-01-01T08:00:00")
    found = world.listed(start="2027-01-01T00:00:00Z", end="2027-07-01T00:00:00Z")
    assert len(found) == 181
    assert len({each["id"] for each in found}) == 181


def test_an_event_can_begin_and_stop_to_repeat(world: World) -> None:
    event = world.create()
    world.update(event["id"], recurrenceRules=WEEKLY)
    assert [each["start"] for each in world.listed()] == WEEKS
    world.delete(world.listed()[2]["id"])
    world.update(event["id"], "all", recurrenceRules=[])
    [left] = world.listed()
    assert (left["id"], left["start"]) == (event["id"], WEEKS[0])
    assert "recurrenceRules" not in left


@pytest.mark.parametrize(
    "rule",
    [
        {"frequency": "secondly"},
        {"frequency": "weekly", "count": 100_000},
        {"frequency": "weekly", "interval": 0},
        {"frequency": "weekly", "byDay": [{"day": "xx"}]},
        {"frequency": "weekly", "until": "tomorrow"},
        {"frequency": "weekly", "cheese": True},
        {"interval": 2},
        "FREQ=WEEKLY",
    ],
)
def test_rules_that_cannot_be_used(world: World, rule: Any) -> None:
    answer = world.post("/v3/events/create", world.body(recurrenceRules=[rule]))
    assert "recurrenceRules" in refused(answer, 400)
    assert world.listed() == []
