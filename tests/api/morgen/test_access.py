"""Who may call, what they reach, and what becomes of things nobody should send."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils.timezone import now

from bookings.domain import keys
from bookings.domain.audit import SYSTEM
from bookings.models import ApiKey, AuditEntry, Event
from tests.api.morgen.worlds import World, refused

READS = ["/v3/calendars/list", "/v3/integrations/accounts/list", "/v3/events/list", "/v3/events/"]
WRITES = [*(f"/v3/events/{verb}" for verb in ("create", "update", "delete", "accept")), "/v3/calendars/update"]
WINDOW = {"start": "2027-03-01T00:00:00Z", "end": "2027-04-01T00:00:00Z"}


@pytest.mark.parametrize("path", [*READS, *WRITES])
def test_nobody_calls_without_a_key(world: World, path: str) -> None:
    other = keys.issue(
        world.organisation, dialect="cronofy", kind="client_secret", name="x", scopes=["*"], actor=SYSTEM
    )[1]
    credentials = ["", "ApiKey", "ApiKey nonsense", "Bearer nonsense", f"Basic {world.secret}", f"ApiKey {other}"]
    for credential in credentials:
        call = Client().get if path in READS else Client().post
        answer = call(path, headers={"Authorization": credential} if credential else {})
        assert refused(answer, 401)
        assert answer["WWW-Authenticate"]


@pytest.mark.parametrize("scheme", ["ApiKey", "Bearer", "apikey", "BEARER"])
@pytest.mark.parametrize("kind", ["api_key", "bearer"])
@pytest.mark.parametrize("version", ["v1", "v3"])
def test_keys_and_tokens_open_both_versions(world: World, scheme: str, kind: str, version: str) -> None:
    secret = world.issue(host=world.host, kind=kind)
    answer = world.get(f"/{version}/calendars/list", secret=secret, scheme=scheme)
    assert [each["id"] for each in answer.json()["data"]["calendars"]] == [world.calendar_id]


def test_a_key_that_has_ended_opens_nothing(world: World) -> None:
    ApiKey.everywhere.filter(pk=world.key.pk).update(expires_at=now())
    refused(world.get("/v3/calendars/list"), 401)
    ApiKey.everywhere.filter(pk=world.key.pk).update(expires_at=None, revoked_at=now())
    refused(world.get("/v3/calendars/list"), 401)


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("/v3/calendars/list", "calendars:read"),
        ("/v3/integrations/accounts/list", "calendars:read"),
        ("/v3/events/list", "events:read"),
        ("/v3/events/", "events:read"),
        ("/v3/calendars/update", "calendars:write"),
        *((path, "events:write") for path in WRITES if "events" in path),
    ],
)
def test_every_call_needs_its_scope(world: World, path: str, scope: str) -> None:
    without = world.issue(*(keys.SCOPES.keys() - {scope, "*"}), host=world.host)
    having = world.issue(scope, host=world.host)
    call = world.get if path in READS else world.post
    assert scope in refused(call(path, secret=without), 403)
    assert call(path, secret=having).status_code in (200, 400)


def calls(world: World, event_id: str, of: World) -> list[Any]:
    """Every call about an event, with the ids of a world."""
    body = {"id": event_id, "accountId": of.account_id, "calendarId": of.calendar_id, "title": "Mine"}
    place = {"calendarIds": of.calendar_id, "accountId": of.account_id} | WINDOW
    return [
        world.get("/v3/events/list", **place),
        world.get("/v1/events/list", **place),
        world.get("/v3/events/", id=event_id),
        world.get("/v3/calendars/list", accountId=of.account_id),
        world.post("/v3/events/create", world.body(accountId=of.account_id, calendarId=of.calendar_id)),
        world.post("/v1/events/create", {"calendarId": of.calendar_id, "start": "2027-03-01T10:00:00"}),
        *(world.post(f"/v3/events/{verb}", body) for verb in ("update", "delete", "accept")),
        *(world.post(f"/v1/events/{verb}", {"id": event_id}) for verb in ("update", "delete", "decline")),
        world.post("/v3/calendars/update", body | {"morgen.so:metadata": {"busy": False}}),
    ]


def test_what_is_anothers_answers_like_what_is_missing(world: World, elsewhere: World) -> None:
    foreign = elsewhere.create()
    missing = [refused(each, 404) for each in calls(world, "WyJ4Il0", Missing())]
    theirs = [refused(each, 404) for each in calls(world, foreign["id"], elsewhere)]
    assert theirs == missing
    assert elsewhere.listed() == [foreign]
    series = elsewhere.create(recurrenceRules=[{"frequency": "daily", "count": 2}])
    for event in elsewhere.listed():
        refused(world.read(event["id"]), 404)
    named = {"masterEventId": series["id"], "recurrenceId": series["start"], "accountId": world.account_id}
    refused(world.post("/v3/events/update", named | {"title": "Mine"}), 404)


class Missing:
    account_id, calendar_id = "0" * 24, "WyJ4IiwieSJd"


def test_a_colleagues_calendar_is_out_of_reach_of_a_hosts_own_key(world: World) -> None:
    whole = world.issue()
    colleagues = world.issue(host=world.colleague)
    event = world.create()
    answers = calls(World(**vars(world) | {"secret": colleagues}), event["id"], world)
    assert [refused(each, 404) for each in answers]
    assert world.get("/v3/events/", id=event["id"], secret=whole).status_code == 200
    answer = world.post("/v1/events/update", {"id": event["id"], "title": "Ours"}, secret=whole)
    assert answer.json()["data"]["event"]["title"] == "Ours"


def test_who_changed_what_is_on_record(world: World) -> None:
    event = world.create()
    world.update(event["id"], title="New")
    world.delete(event["id"])
    row = Event.everywhere.get()
    entries = AuditEntry.everywhere.filter(object_id=row.pk)
    assert {entry.action for entry in entries} == {"event.created", "event.changed", "event.deleted"}
    assert {entry.api_key_id for entry in entries} == {world.key.pk}


def test_the_allowance_is_told_as_morgen_tells_it(world: World, settings: Any) -> None:
    settings.API_CALLS_PER_MINUTE = 3
    answers = [world.get("/v3/calendars/list") for _ in range(4)]
    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    assert [each["RateLimit-Limit"] for each in answers] == ["3"] * 4
    assert [each["RateLimit-Remaining"] for each in answers] == ["2", "1", "0", "0"]
    assert all(0 <= int(each["RateLimit-Reset"]) <= 60 for each in answers)
    assert int(answers[3]["Retry-After"]) > 0
    assert refused(answers[3], 429)


@pytest.mark.parametrize("path", ["/v3/tasks/list", "/v3/tags/list", "/v3/events/move", "/v3/x", "/morgen/v2/x"])
def test_what_we_do_not_have_is_not_found(world: World, path: str) -> None:
    refused(world.get(path), 404)
    refused(world.post(path), 404)


def test_the_methods_are_those_of_the_vendor(world: World) -> None:
    for path in READS:
        refused(world.post(path), 405)
    for path in WRITES:
        refused(world.get(path), 405)


def test_everything_answers_under_the_dialects_name_too(world: World) -> None:
    event = world.post("/morgen/v3/events/create", world.body()).json()["data"]["event"]
    assert world.get("/morgen/v1/events/", id=event["id"]).json()["data"]["event"] == event
    assert world.get("/morgen/v3/integrations/list").status_code == 200


# ── Hostile ──

HOSTILE = json.loads((Path(__file__).parents[2] / "oracles" / "hostile.json").read_text())["cases"]
TEXTS = [case["value"] for case in HOSTILE if case["kind"] in ("header-injection", "stored-html", "open-redirect")]
TEXTS += ["\x00", "a\x00b", "\ud800", "💥" * 300, "x" * 9000, "' OR 1=1 --", "%s%n", "\u202e", "a@b\x85c.example"]


def spread(text: str) -> list[dict[str, Any]]:
    """A text in every place of an event that takes texts or names."""
    return [
        *({field: text} for field in ("title", "description", "color", "uid", "example.com:note")),
        {"locations": {text: {"name": text}}},
        {"participants": {text: {"email": "a@example.com", "name": text}}},
        {"participants": {"1": {"email": text, "participationComment": text}}},
        {"alerts": {text: {"trigger": {"offset": "-PT5M"}, "action": text}}},
        {"virtualLocations": {text: {"uri": text, "name": text}}},
        {text: text, "links": {text: {"href": text}}},
    ]


@pytest.mark.parametrize("text", TEXTS)
def test_hostile_text_is_refused_or_carried_as_text(world: World, text: str) -> None:
    taken: dict[str, Any] = {}
    for part in spread(text):
        answer = world.post("/v3/events/create", world.body(**part))
        assert answer.status_code in (200, 400), part
        assert answer.status_code == 200 or refused(answer, 400)
        taken |= part if answer.status_code == 200 and "uid" not in part else {}
    event = world.create()
    assert world.update(event["id"], **taken).status_code == 200
    assert len(world.listed()) > 0


@pytest.mark.parametrize("text", [TEXTS[0], *TEXTS[-9:]])
def test_hostile_ids_and_values_are_told_what_is_wrong(world: World, text: str) -> None:
    event = world.create()
    for name in ("accountId", "calendarId", "start", "duration", "timeZone", "privacy", "freeBusyStatus"):
        answer = world.post("/v3/events/create", world.body(**{name: text}))
        assert answer.status_code in (400, 404), name
    whole = {"accountId": world.account_id, "title": "x"}
    occurrence = {"masterEventId": event["id"], "recurrenceId": "2027-03-01T10:15:00"}
    for named in ({"id": event["id"]}, occurrence):
        for name in (*named, "accountId", "calendarId"):
            answer = world.post("/v3/events/update", whole | named | {name: text})
            assert answer.status_code in (400, 404), name
    if "\ud800" not in text:
        for query in ({"id": text}, WINDOW | {"calendarIds": text}, WINDOW | {"start": text}, {"accountId": text}):
            for path in READS[:1] + READS[2:]:
                assert world.get(path, **query).status_code in (200, 400, 404), query
    assert world.listed() == [event]


VALUES = [None, True, 7, 1.5, [], {}, [[]], {"a": {"b": 1}}, 10**18, -1, "x", ["x"]]
FIELDS = [
    *("accountId", "calendarId", "title", "start", "duration", "timeZone", "showWithoutTime", "description", "status"),
    *("descriptionContentType", "locations", "participants", "alerts", "privacy", "freeBusyStatus", "recurrenceRules"),
    *("excludedRecurrenceRules", "recurrenceOverrides", "useDefaultAlerts", "virtualLocations", "color", "sequence"),
    *("@type", "relatedTo", "links", "google.com:colorId", "morgen.so:requestVirtualRoom", "morgen.so:metadata"),
    *("recurrenceId", "uid"),
]


@pytest.mark.parametrize("field", FIELDS)
def test_values_of_any_type_are_taken_or_told(world: World, field: str) -> None:
    event = world.create()
    for value in VALUES:
        created = world.post("/v3/events/create", world.body(**{field: value}))
        changed = world.post("/v1/events/update", {"id": event["id"]} | {field: value})
        assert {created.status_code, changed.status_code} <= {200, 400, 404}, value


@pytest.mark.parametrize("field", ["id", "eventId", "comment", "notifyOrganizer", "masterEventId"])
def test_an_event_is_named_by_a_text(world: World, field: str) -> None:
    for value in VALUES:
        for verb in ("update", "accept", "delete"):
            assert world.post(f"/v1/events/{verb}", {field: value}).status_code in (400, 404), (verb, value)
