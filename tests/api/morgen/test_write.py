"""Creating and updating events, and deleting them."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from bookings.domain import calendar as calendars
from bookings.domain import refs
from bookings.domain.audit import SYSTEM
from bookings.models import Busy, Calendar, Event, Mirror
from tests import factories
from tests.api.morgen.worlds import World, refused

QUARTET = {"start": "2027-03-02T09:00:00", "duration": "PT1H", "timeZone": "Asia/Tokyo", "showWithoutTime": False}


def alert(offset: str, action: str = "display") -> dict[str, Any]:
    trigger = {"@type": "OffsetTrigger", "offset": offset, "relativeTo": "start"}
    return {"@type": "Alert", "trigger": trigger, "action": action}


def alert_id(offset: str) -> str:
    return base64.b64encode(json.dumps({"a": "display", "to": offset}, separators=(",", ":")).encode()).decode()


# ── Create ──


def test_v3_wants_everything_that_says_when(world: World) -> None:
    for name in ("accountId", "calendarId", "title", "start", "duration", "timeZone", "showWithoutTime"):
        assert name in refused(world.post("/v3/events/create", world.body(**{name: ...})), 400)
    for name in ("title", "start", "duration", "showWithoutTime"):
        assert name in refused(world.post("/v3/events/create", world.body(**{name: None})), 400)
    assert world.listed() == []


def test_v1_wants_a_calendar_and_a_start(world: World) -> None:
    answer = world.post("/v1/events/create", {"calendarId": world.calendar_id, "start": "2027-03-01T10:00:00"})
    event = answer.json()["data"]["event"]
    assert (event["title"], event["duration"], event["timeZone"]) == ("", "PT1H", "Europe/Berlin")
    assert event["showWithoutTime"] is False
    assert "start" in refused(world.post("/v1/events/create", {"calendarId": world.calendar_id, "title": "x"}), 400)
    assert "calendarId" in refused(world.post("/v1/events/create", {"start": "2027-03-01T10:00:00"}), 400)
    body = {"calendarId": world.calendar_id, "start": "2027-03-01T00:00:00", "showWithoutTime": True}
    event = world.post("/v1/events/create", body).json()["data"]["event"]
    assert (event["duration"], event["timeZone"], event["showWithoutTime"]) == ("P1D", None, True)


EVERYTHING: dict[str, Any] = {
    "description": "<p>Agenda</p>",
    "descriptionContentType": "text/html",
    "privacy": "private",
    "freeBusyStatus": "free",
    "locations": {"a": {"@type": "Location", "name": "Zurich", "coordinates": "geo:47.4,8.5"}, "b": {"name": "Online"}},
    "alerts": {"x": alert("-PT10M"), "y": alert("-P1D")},
    "google.com:colorId": "5",
    "color": "tomato",
    "keywords": {"work": True},
    "links": {"1": {"@type": "Link", "href": "https://example.com/agenda"}},
    "priority": 3,
    "example.com:room": {"size": 4},
    "uid": "chosen@example.com",
    "recurrenceRules": [
        {"@type": "RecurrenceRule", "frequency": "weekly", "interval": 2, "until": "2027-04-30T10:15:00"}
    ],
}


def test_what_was_written_is_read_again(world: World) -> None:
    event = world.create(**EVERYTHING)
    read = world.read(event["id"]).json()["data"]["event"]
    for shown in (event, read):
        assert {name: shown[name] for name in EVERYTHING} == EVERYTHING
    assert read == event


def test_a_body_is_read_as_json_whatever_it_is_called(world: World) -> None:
    for label in ("text/plain;charset=UTF-8", "application/x-www-form-urlencoded", "", "application/json"):
        answer = world.post("/v3/events/create", world.body(), Content_Type=label)
        assert answer.status_code == 200
    assert len(world.listed()) == 4


def test_people_without_an_address_have_the_one_they_are_named_by(world: World) -> None:
    guest, coded = "guest@example.com", base64.b64encode(b"other@example.com").decode()
    event = world.create(participants={guest: {"roles": {"attendee": True}}, coded: {"roles": {"owner": True}}})
    assert event["participants"][guest]["email"] == guest
    assert event["participants"][coded]["email"] == "other@example.com"
    assert event["participants"][coded]["roles"]["owner"] is True


def test_events_may_overlap_but_take_their_time(world: World) -> None:
    factories.booking(world.host, start=1_803_892_500)
    assert world.create()["start"] == world.create()["start"]
    assert Busy.everywhere.filter(kind="busy").count() == 2
    world.create(freeBusyStatus="free")
    assert Busy.everywhere.filter(kind="busy").count() == 2


def test_default_alerts_and_own_ones_exclude_each_other(world: World) -> None:
    both = world.body(useDefaultAlerts=True, alerts={"1": alert("-PT5M")})
    assert "alerts" in refused(world.post("/v3/events/create", both), 400)
    event = world.create(useDefaultAlerts=True)
    assert (event["useDefaultAlerts"], event["alerts"]) == (True, {})
    changed = world.update(event["id"], alerts={"1": alert("-PT5M")}).json()["data"]["event"]
    assert (changed["useDefaultAlerts"], list(changed["alerts"])) == (False, ["1"])
    changed = world.update(event["id"], useDefaultAlerts=True).json()["data"]["event"]
    assert (changed["useDefaultAlerts"], changed["alerts"]) == (True, {})


UNUSABLE = [
    ({"start": "2027-03-01"}, "start"),
    ({"start": "2027-03-01T10:15:00Z"}, "start"),
    ({"start": "2027-02-30T10:15:00"}, "start"),
    ({"start": 7}, "start"),
    ({"start": "0001-01-01T00:00:00"}, "start"),
    ({"duration": "1h"}, "duration"),
    ({"duration": "-PT1H"}, "duration"),
    ({"duration": 60}, "duration"),
    ({"duration": "P9999999D"}, "duration"),
    ({"timeZone": "CET+1"}, "timeZone"),
    ({"timeZone": 1}, "timeZone"),
    ({"showWithoutTime": "no"}, "showWithoutTime"),
    ({"title": ["x"]}, "title"),
    ({"title": "x" * 1025}, "title"),
    ({"description": 7}, "description"),
    ({"descriptionContentType": "text/markdown"}, "descriptionContentType"),
    ({"privacy": "hidden"}, "privacy"),
    ({"freeBusyStatus": "away"}, "freeBusyStatus"),
    ({"status": "perhaps"}, "status"),
    ({"locations": ["Zurich"]}, "locations"),
    ({"locations": {"1": "Zurich"}}, "locations"),
    ({"participants": ["a@example.com"]}, "participants"),
    ({"participants": {"a": "b"}}, "participants"),
    ({"participants": {"a": {"email": "nobody"}}}, "participants"),
    ({"participants": {"a": {"email": "a@example.com", "participationStatus": "no"}}}, "participationStatus"),
    ({"participants": {"a": {"email": "a@example.com", "roles": ["owner"]}}}, "roles"),
    ({"alerts": {"1": "-PT15M"}}, "alerts"),
    ({"alerts": {"1": {"trigger": {"offset": "soon"}}}}, "alerts"),
    ({"useDefaultAlerts": "yes"}, "useDefaultAlerts"),
    ({"recurrenceRules": {"frequency": "daily"}}, "recurrenceRules"),
    ({"recurrenceOverrides": {"x": {}}}, "recurrenceOverrides"),
    ({"relatedTo": "x"}, "relatedTo"),
    ({"relatedTo": {"x": "y"}}, "relatedTo"),
    ({"google.com:colorId": "12"}, "google.com:colorId"),
    ({"google.com:colorId": 5}, "google.com:colorId"),
    ({"@type": "Task"}, "@type"),
    ({"uid": "a\r\nb"}, "uid"),
    ({"virtualLocations": {"1": "https://example.com"}}, "virtualLocations"),
]


@pytest.mark.parametrize(("changes", "named"), UNUSABLE)
def test_values_that_cannot_be_used_are_named(world: World, changes: dict[str, Any], named: str) -> None:
    event = world.create()
    for path in ("/v1/events/create", "/v3/events/create"):
        assert named in refused(world.post(path, world.body(**changes)), 400)
    if named not in ("uid",):
        part = (QUARTET | changes) if set(changes) & set(QUARTET) else changes
        assert named in refused(world.update(event["id"], **part), 400)
    assert world.listed() == [event]


@pytest.mark.parametrize(
    ("changes", "named"),
    [({"calendarId": "WyJ4Il0"}, "calendar"), ({"accountId": "0" * 24}, "account"), ({"calendarId": 7}, "calendarId")],
)
def test_places_that_are_not_there(world: World, changes: dict[str, Any], named: str) -> None:
    answer = world.post("/v3/events/create", world.body(**changes))
    assert named in refused(answer, 400 if changes.get("calendarId") == 7 else 404)


def test_a_calendar_that_is_only_read_refuses_events(world: World) -> None:
    event = world.create()
    Calendar.everywhere.filter(pk=world.calendar.pk).update(is_writable=False)
    refused(world.post("/v3/events/create", world.body()), 403)
    refused(world.update(event["id"], title="New"), 403)
    assert [each["title"] for each in world.listed()] == ["Chat about Morgen"]


def test_the_same_uid_is_refused_a_second_time(world: World) -> None:
    world.create(uid="chosen@example.com")
    assert "uid" in refused(world.post("/v3/events/create", world.body(uid="chosen@example.com")), 400)


# ── Update ──


def test_v1_takes_a_part_of_the_times_and_v3_all_or_none(world: World) -> None:
    event = world.create()
    for name, value in QUARTET.items():
        message = refused(world.update(event["id"], **{name: value}), 400)
        for other in QUARTET:
            assert other in message
    changed = world.post("/v1/events/update", {"id": event["id"], "start": "2027-03-01T12:00:00"}).json()
    assert changed["data"]["event"]["start"] == "2027-03-01T12:00:00"
    assert changed["data"]["event"]["duration"] == "PT25M"
    assert changed["data"]["event"]["timeZone"] == "Europe/Berlin"
    changed = world.post("/v1/events/update", {"id": event["id"], "duration": "PT2H"}).json()["data"]["event"]
    assert (changed["start"], changed["duration"]) == ("2027-03-01T12:00:00", "PT2H")
    moved = world.update(event["id"], **QUARTET).json()["data"]["event"]
    assert {name: moved[name] for name in QUARTET} == QUARTET
    assert Event.everywhere.get().start_s == 1_803_945_600


def test_a_timed_event_becomes_one_of_a_day_and_back(world: World) -> None:
    event = world.create()
    day = {"start": "2027-03-02T00:00:00", "duration": "P1D", "timeZone": None, "showWithoutTime": True}
    changed = world.update(event["id"], **day).json()["data"]["event"]
    assert {name: changed[name] for name in day} == day
    back = world.update(event["id"], **QUARTET).json()["data"]["event"]
    assert {name: back[name] for name in QUARTET} == QUARTET


def test_null_takes_away_and_what_is_not_named_stays(world: World) -> None:
    event = world.create(**EVERYTHING)
    gone = ("description", "locations", "privacy", "google.com:colorId", "keywords", "recurrenceRules")
    changed = world.update(event["id"], **dict.fromkeys(gone)).json()["data"]["event"]
    assert (changed["description"], changed["locations"], changed["privacy"]) == ("", {}, "public")
    assert not {"google.com:colorId", "keywords", "recurrenceRules"} & set(changed)
    for name in EVERYTHING:
        if name not in gone:
            assert changed[name] == EVERYTHING[name], name


def test_people_are_patched_one_by_one(world: World) -> None:
    def person(name: str, **more: Any) -> dict[str, Any]:
        return {"name": name, "email": f"{name.lower()}@example.com", "roles": {"attendee": True}} | more

    def names(part: dict[str, Any]) -> list[str]:
        changed = world.update(event["id"], participants=part).json()["data"]["event"]
        return sorted(f"{each['name']} {each['participationStatus']}" for each in changed["participants"].values())

    people = {"1": person("Ann", roles={"owner": True, "attendee": True}), "2": person("Bob")}
    event = world.create(participants=people)
    waits = "needs-action"
    assert names({"cy@example.com": person("Cy")}) == [f"Ann {waits}", f"Bob {waits}", f"Cy {waits}"]
    assert names({"2": {"participationStatus": "accepted"}}) == [f"Ann {waits}", "Bob accepted", f"Cy {waits}"]
    assert names({"BOB@example.com": {"name": "Robert"}}) == [f"Ann {waits}", f"Cy {waits}", "Robert accepted"]
    assert names({"bob@example.com": None, "nobody@example.com": None}) == [f"Ann {waits}", f"Cy {waits}"]
    coded = base64.b64encode(b"ann@example.com").decode().rstrip("=")
    assert names({coded: {"name": "Anna"}}) == [f"Anna {waits}", f"Cy {waits}"]
    [anna] = [each for each in world.listed()[0]["participants"].values() if each["name"] == "Anna"]
    assert anna["roles"]["owner"] is True


def test_alerts_are_patched_by_the_id_that_clients_work_out(world: World) -> None:
    event = world.create(alerts={"1": alert("-PT15M"), alert_id("-PT30M"): alert("-PT30M")})

    def offsets(part: dict[str, Any]) -> list[str]:
        changed = world.update(event["id"], alerts=part).json()["data"]["event"]
        return sorted(each["trigger"]["offset"] for each in changed["alerts"].values())

    assert offsets({alert_id("-PT5M"): alert("-PT5M")}) == ["-PT15M", "-PT30M", "-PT5M"]
    assert offsets({alert_id("-PT15M"): None}) == ["-PT30M", "-PT5M"]
    assert offsets({alert_id("-PT30M"): None, alert_id("-PT1M"): None}) == ["-PT5M"]


def test_read_only_fields_are_passed_over(world: World) -> None:
    event = world.create()
    told = {
        "created": "2001-01-01T00:00:00",
        "morgen.so:metadata": {"categoryName": "x"},
        "morgen.so:derived": {"virtualRoom": {"url": "https://evil.example"}},
        "baseEventId": "x",
        "integrationId": "google",
        "uid": "other@example.com",
    }
    changed = world.update(event["id"], **told).json()["data"]["event"]
    assert changed == event


def test_an_update_of_nothing_changes_nothing(world: World) -> None:
    event = world.create()
    before = Event.everywhere.get().revision
    for part in ({}, {"title": event["title"]}, {name: event[name] for name in QUARTET}):
        assert world.update(event["id"], **part).json()["data"]["event"] == event
    assert Event.everywhere.get().revision == before


def test_what_changes_goes_to_the_connected_calendar(world: World) -> None:
    work = factories.caldav_calendar(world.host)
    place = {
        "accountId": refs.ref("morgen", "account", work.account),
        "calendarId": refs.ref("morgen", "calendar", work),
    }
    event = world.create(**place)
    mirror = Mirror.everywhere.get()
    world.post("/v3/events/update", {"id": event["id"], "title": "New"} | place)
    assert Mirror.everywhere.get().desired_revision > mirror.desired_revision
    world.post("/v3/events/delete", {"id": event["id"]} | place)
    assert Mirror.everywhere.get().desired == Mirror.Desired.ABSENT


@pytest.mark.parametrize("verb", ["update", "delete"])
def test_the_event_must_be_where_it_is_said_to_be(world: World, verb: str) -> None:
    event = world.create()
    work = factories.caldav_calendar(world.host)
    elsewhere = {
        "accountId": refs.ref("morgen", "account", work.account),
        "calendarId": refs.ref("morgen", "calendar", work),
    }
    body = {"id": event["id"], "title": "New"}
    refused(world.post(f"/v3/events/{verb}", body | elsewhere), 404)
    refused(world.post(f"/v1/events/{verb}", body | {"calendarId": elsewhere["calendarId"]}), 404)
    assert "accountId" in refused(world.post(f"/v3/events/{verb}", body), 400)
    assert "id" in refused(world.post(f"/v3/events/{verb}", {"accountId": world.account_id}), 400)
    assert world.listed() == [event]
    assert world.post(f"/v3/events/{verb}", body | {"accountId": world.account_id}).status_code in (200, 204)


# ── Delete ──


def test_a_deleted_event_is_gone_and_its_time_free(world: World) -> None:
    event = world.create()
    answer = world.delete(event["id"])
    assert (answer.status_code, answer.content) == (204, b"")
    refused(world.read(event["id"]), 404)
    refused(world.update(event["id"], title="New"), 404)
    refused(world.delete(event["id"]), 404)
    assert not Busy.everywhere.exists()


def test_what_others_changed_is_seen_at_once(world: World) -> None:
    event = world.create()
    row = Event.everywhere.get()
    calendars.change(row, replace(calendars.data_of(row), title="From elsewhere"), actor=SYSTEM)
    assert world.read(event["id"]).json()["data"]["event"]["title"] == "From elsewhere"
    calendars.delete(row, actor=SYSTEM)
    refused(world.read(event["id"]), 404)


def test_a_write_with_an_idempotency_key_happens_once(world: World) -> None:
    first, second = (world.post("/v3/events/create", world.body(), Idempotency_Key="one") for _ in range(2))
    assert first.content == second.content
    assert second["Idempotent-Replayed"] == "true"
    [event] = world.listed()
    body = {"id": event["id"], "accountId": world.account_id}
    deleted = [world.post("/v3/events/delete", body, Idempotency_Key="two") for _ in range(2)]
    assert [answer.status_code for answer in deleted] == [204, 204]
    refused(world.post("/v3/events/delete", body, Idempotency_Key="one-more"), 404)
