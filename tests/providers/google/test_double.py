"""The double is held to the vendor's own discovery document, as google-api-python-client carries it."""

from __future__ import annotations

import json
import re
from importlib import resources

import pytest
import requests

from providers.lab.google import Google
from providers.lab.google_schema import COMMON, ENUMS, PARAMETERS, SCHEMAS, SCOPES
from tests.providers.google.conftest import ALL_SCOPES, OWNER, Connected

VENDOR = json.loads(
    resources.files("googleapiclient.discovery_cache.documents").joinpath("calendar.v3.json").read_text()
)
VALUE = re.compile(r'^\s*- "(\w+)"', re.MULTILINE)
TIMES = {"start": {"dateTime": "2031-03-03T09:00:00Z"}, "end": {"dateTime": "2031-03-03T10:00:00Z"}}


def fields_of(name: str) -> dict:
    """Field -> its description in the vendor's schema; `Event.creator` is the object inside."""
    root, *path = name.split(".")
    found = VENDOR["schemas"][root]["properties"]
    for step in path:
        found = found[step]["properties"]
    return found


def kind_of(field: dict, path: str) -> str:
    if "$ref" in field:
        return field["$ref"]
    if field["type"] == "array":
        return f"[{kind_of(field['items'], path)}]"
    if field["type"] == "object":
        of = field.get("additionalProperties")
        return path if of is None else f"{{{kind_of(of, path)}}}"
    return field["format"] if field.get("format") in ("date", "date-time", "int64") else field["type"]


def values_of(field: dict) -> list[str]:
    text = field.get("description", "") + field.get("items", {}).get("description", "")
    return VALUE.findall(text)


def test_fields_and_types_are_those_of_the_vendor() -> None:
    for name, fields in SCHEMAS.items():
        assert fields == {each: kind_of(field, f"{name}.{each}") for each, field in fields_of(name).items()}


def test_values_of_enumerations_are_those_of_the_vendor() -> None:
    listed = {f"{name}.{each}": values_of(field) for name in SCHEMAS for each, field in fields_of(name).items()}
    assert {name: set(values) for name, values in ENUMS.items()} == {
        name: set(values) for name, values in listed.items() if values
    }


def test_parameters_and_scopes_of_methods_are_those_of_the_vendor() -> None:
    assert set(VENDOR["parameters"]) == COMMON
    for name, parameters in PARAMETERS.items():
        resource, method = name.split(".")
        told = VENDOR["resources"][resource]["methods"][method]
        given = {each: field for each, field in told.get("parameters", {}).items() if field["location"] == "query"}
        assert parameters == {
            each: "|".join(field["enum"]) if "enum" in field else kind_of(field, "") for each, field in given.items()
        }
        assert SCOPES[name] == {scope.rpartition("/")[2] for scope in told["scopes"]}


def members(value: object, *, is_map: bool) -> list:
    return value if isinstance(value, list) else list(value.values()) if is_map else [value]


def check_answer(schema: str, value: dict) -> None:
    """Every field of an answer is one of the vendor's, with its type and one of its values."""
    fields = fields_of(schema)
    for name, each in value.items():
        assert name in fields, f"{schema}.{name} is not Google's"
        inner = kind_of(fields[name], f"{schema}.{name}").strip("[]{}")
        known = values_of(fields[name])
        for one in (
            each if isinstance(each, list) else each.values() if "additionalProperties" in fields[name] else [each]
        ):
            if isinstance(one, dict):
                check_answer(inner, one)
            else:
                assert isinstance(one, {"boolean": bool, "integer": int}.get(inner, str)), f"{schema}.{name}: {one!r}"
                assert not known or one in known


def ask(google: Google, method: str, path: str, body: object = None, **query: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {google.issue(OWNER, ALL_SCOPES + ' calendar')['access_token']}"}
    return requests.request(method, google.url + path, params=query, json=body, headers=headers, timeout=5)


def test_answers_hold_nothing_that_the_vendor_does_not_know(connected: Connected) -> None:
    google = connected.google
    room = {"kind": "meet", "url": "", "state": "requested", "request_id": "one"}
    event = connected.make(recurrence_rules=("FREQ=DAILY;COUNT=3",), conference=room)
    name = connected.mirror(event).remote_id
    path = f"/calendars/{OWNER}/events"
    check_answer("Event", ask(google, "GET", f"{path}/{name}").json())
    check_answer("Events", ask(google, "GET", path, singleEvents="true", orderBy="startTime").json())
    check_answer("Events", ask(google, "GET", f"{path}/{name}/instances").json())
    check_answer("CalendarList", ask(google, "GET", "/users/me/calendarList").json())
    busy = {
        "timeMin": "2031-03-01T00:00:00Z",
        "timeMax": "2031-04-01T00:00:00Z",
        "items": [{"id": OWNER}, {"id": "x@y"}],
    }
    check_answer("FreeBusyResponse", ask(google, "POST", "/freeBusy", busy).json())
    google.notifies = False
    wish = {"id": "one", "type": "web_hook", "address": "https://example.org/notify"}
    check_answer("Channel", ask(google, "POST", f"{path}/watch", wish).json())


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"summry": "x", **TIMES}, "badRequest"),
        ({"summary": 1, **TIMES}, "badRequest"),
        ({"attendees": [{"email": "a@b.example", "responseStatus": "yes"}], **TIMES}, "invalid"),
        ({"attendees": [{"displayName": "Nobody"}], **TIMES}, "invalid"),
        ({"start": TIMES["start"]}, "required"),
        ({"start": TIMES["end"], "end": TIMES["start"]}, "timeRangeEmpty"),
        ({"start": {"dateTime": "2031-03-03T09:00:00"}, "end": TIMES["end"]}, "required"),
        ({**TIMES, "recurrence": ["RRULE:FREQ=DAILY"]}, "required"),
        ({**TIMES, "start": {"dateTime": "2031-03-03T09:00:00Z", "timeZone": "Berlin"}}, "invalid"),
        ({**TIMES, "start": {"date": "2031-03-03"}}, "invalid"),
        ({**TIMES, "id": "UPPER-case"}, "invalid"),
        ({**TIMES, "status": "done"}, "invalid"),
        ({**TIMES, "reminders": {"useDefault": True, "overrides": [{"method": "popup", "minutes": 5}]}},
         "cannotUseDefaultRemindersAndSpecifyOverride"),
        ({**TIMES, "source": {"url": "ftp://example.org"}}, "invalid"),
        ({**TIMES, "extendedProperties": {"private": {"x": "y" * 1025}}}, "extendedPropertyTooLong"),
        ([], "badRequest"),
    ],
)  # fmt: skip
def test_wrong_events_are_refused(google: Google, body: object, reason: str) -> None:
    answer = ask(google, "POST", f"/calendars/{OWNER}/events", body)
    assert (answer.status_code, answer.json()["error"]["errors"][0]["reason"]) == (400, reason)
    assert google.shelves[OWNER].events == {}


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ({"sendUpdates": "everybody"}, "badRequest"),
        ({"singleEvents": "yes"}, "invalidParameter"),
        ({"timeMin": "2031-03-03T09:00:00"}, "invalidParameter"),
        ({"orderBy": "startTime"}, "badRequest"),
        ({"pageToken": "made-up"}, "invalid"),
    ],
)
def test_wrong_parameters_are_refused(google: Google, query: dict, reason: str) -> None:
    answer = ask(google, "GET", f"/calendars/{OWNER}/events", **query)
    assert (answer.status_code, answer.json()["error"]["errors"][0]["reason"]) == (400, reason)


def test_a_sync_token_goes_with_nothing_that_narrows_the_listing(google: Google) -> None:
    path = f"/calendars/{OWNER}/events"
    token = ask(google, "GET", path).json()["nextSyncToken"]
    assert ask(google, "GET", path, syncToken=token).json()["items"] == []
    for query in ({"timeMin": "2031-03-03T09:00:00Z"}, {"q": "x"}, {"showDeleted": "false"}, {"singleEvents": "true"}):
        assert ask(google, "GET", path, syncToken=token, **query).status_code == 400
    google.expire_tokens()
    answer = ask(google, "GET", path, syncToken=token)
    assert (answer.status_code, answer.json()["error"]["errors"][0]["reason"]) == (410, "fullSyncRequired")


def test_an_id_stays_taken_after_its_event_was_deleted(google: Google) -> None:
    path, body = f"/calendars/{OWNER}/events", {"id": "abcde", **TIMES}
    made = ask(google, "POST", path, body)
    assert ask(google, "POST", path, body).json()["error"]["errors"][0]["reason"] == "duplicate"
    assert ask(google, "DELETE", f"{path}/abcde").status_code == 204
    assert ask(google, "GET", f"{path}/abcde").json()["status"] == "cancelled"
    assert ask(google, "POST", path, body).status_code == 409
    assert ask(google, "DELETE", f"{path}/abcde").status_code == 410
    assert made.headers["ETag"] == made.json()["etag"]
    assert ask(google, "DELETE", f"{path}/never").status_code == 404


def test_more_calls_than_the_quota_are_refused_until_time_passes(google: Google) -> None:
    google.per_minute = 2
    statuses = [ask(google, "GET", "/users/me/calendarList").status_code for _ in range(3)]
    assert statuses == [200, 200, 403]
    google.throttle = (429, "rateLimitExceeded")
    assert ask(google, "GET", "/users/me/calendarList").status_code == 429


def test_strangers_and_tokens_without_the_scope_are_refused(google: Google) -> None:
    path = google.url + f"/calendars/{OWNER}/events"
    assert requests.get(path, timeout=5).status_code == 401
    token = google.issue(OWNER, "https://www.googleapis.com/auth/calendar.freebusy")["access_token"]
    answer = requests.get(path, headers={"Authorization": f"Bearer {token}"}, timeout=5)
    assert (answer.status_code, answer.json()["error"]["errors"][0]["reason"]) == (403, "insufficientPermissions")
    stranger = google.issue("bo@example.org", ALL_SCOPES)["access_token"]
    assert requests.get(path, headers={"Authorization": f"Bearer {stranger}"}, timeout=5).status_code == 404
