"""The double of Graph knows what Microsoft's own SDK knows, and refuses what Graph refuses.

graph_models.json was taken from msgraph-sdk, which is 130 MB when installed and so not a package of these tests.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
import requests

from providers.lab import graph_schema
from providers.lab.double import Fault
from providers.lab.microsoft import MicrosoftDouble
from tests.providers.microsoft.conftest import ADA, BO

SDK = json.loads((Path(__file__).parent / "graph_models.json").read_text())
START, END = ({"dateTime": f"2027-03-03T{hour}:00:00", "timeZone": "Europe/Berlin"} for hour in ("09", "10"))
FINE = {"subject": "Review", "start": START, "end": END}
IMMUTABLE = {"Prefer": 'IdType="ImmutableId", outlook.timezone="UTC"'}


@pytest.mark.parametrize("model", graph_schema.MODELS)
def test_every_property_of_a_model_is_one_of_the_sdk_with_the_same_type(model: str) -> None:
    known = SDK["models"][model]
    assert graph_schema.MODELS[model].items() <= known.items()


def test_enums_and_actions_are_those_of_the_sdk() -> None:
    assert {name: list(members) for name, members in graph_schema.ENUMS.items()}.items() <= SDK["enums"].items()
    assert {name: sorted(parameters) for name, parameters in graph_schema.ACTIONS.items()} == SDK["actions"]
    assert graph_schema.MODELS["event"].keys() >= graph_schema.WRITABLE


def test_what_the_double_answers_are_objects_of_the_sdks_types(double: MicrosoftDouble) -> None:
    room = {"isOnlineMeeting": True, "onlineMeetingProvider": "teamsForBusiness"}
    guest = {"emailAddress": {"address": "guest@example.com", "name": "Gil"}, "type": "required"}
    pattern = {"type": "weekly", "interval": 1, "daysOfWeek": ["wednesday"]}
    span = {"type": "numbered", "numberOfOccurrences": 3, "startDate": "2027-03-03"}
    double.add(ADA, **FINE, **room, attendees=[guest], recurrence={"pattern": pattern, "range": span})
    for event in Api(double).get("/events").json()["value"]:
        graph_schema.check({key: value for key, value in event.items() if key != "@odata.etag"}, "event")
    for calendar in requests.get(f"{double.url}/v1.0/me/calendars", headers=Api(double).headers).json()["value"]:
        graph_schema.check(calendar, "calendar")


class Api:
    """A person at the double, without our adapter."""

    def __init__(self, double: MicrosoftDouble, person: str = ADA) -> None:
        token = double.issue(person)["access_token"]
        self.headers = {"Authorization": f"Bearer {token}", **IMMUTABLE}
        self.base = f"{double.url}/v1.0/me/calendars/{double.default_calendar(person)}"

    def get(self, path: str, **query: str) -> requests.Response:
        return requests.get(self.base + path, params=query, headers=self.headers, timeout=5)

    def post(self, path: str, body: object) -> requests.Response:
        return requests.post(self.base + path, json=body, headers=self.headers, timeout=5)

    def patch(self, path: str, body: object, **headers: str) -> requests.Response:
        return requests.patch(self.base + path, json=body, headers={**self.headers, **headers}, timeout=5)


@pytest.fixture
def api(double: MicrosoftDouble) -> Api:
    return Api(double)


RANGE = {"type": "noEnd", "startDate": "2027-03-03"}
WRONG = {
    "an unknown property": {"sendInvitations": False},
    "an unknown property inside": {"location": {"name": "Room"}},
    "a wrong type": {"isAllDay": "true"},
    "an object for a text": {"subject": {"text": "Review"}},
    "an unknown enum member": {"showAs": "away"},
    "an enum member in another case": {"body": {"contentType": "HTML", "content": ""}},
    "a read-only property": {"iCalUId": "mine"},
    "an offset in a local time": {"start": START | {"dateTime": "2027-03-03T09:00:00Z"}},
    "an unknown zone": {"start": START | {"timeZone": "Middle-earth/Shire"}},
    "an end before the start": {"end": START | {"dateTime": "2027-03-03T08:00:00"}},
    "an all-day event at nine": {"isAllDay": True},
    "a pattern without its days": {"recurrence": {"pattern": {"type": "weekly", "interval": 1}, "range": RANGE}},
    "a pattern that misses the start": {
        "recurrence": {"pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["friday"]}, "range": RANGE}
    },
    "a range from another day": {
        "recurrence": {"pattern": {"type": "daily", "interval": 1}, "range": RANGE | {"startDate": "2027-03-04"}}
    },
    "a room of an unknown provider": {"isOnlineMeeting": True, "onlineMeetingProvider": "skypeForBusiness"},
}


@pytest.mark.parametrize("what", WRONG)
def test_it_refuses(api: Api, what: str) -> None:
    answer = api.post("/events", FINE | WRONG[what])
    assert answer.status_code == 400
    assert answer.json()["error"]["code"]
    assert api.get("/events").json()["value"] == []


def test_a_transaction_repeated_makes_nothing_and_with_other_words_is_a_conflict(api: Api) -> None:
    first = api.post("/events", FINE | {"transactionId": "t1"})
    again = api.post("/events", FINE | {"transactionId": "t1"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["id"] == again.json()["id"]
    other = api.post("/events", FINE | {"transactionId": "t1", "subject": "Other"})
    assert (other.status_code, other.json()["error"]["code"]) == (409, "ErrorDuplicateTransactionId")
    assert api.patch(f"/events/{first.json()['id']}", {"transactionId": "t2"}).status_code == 400


def test_a_change_key_guards_and_changes_with_everything(api: Api, double: MicrosoftDouble) -> None:
    made = api.post("/events", FINE).json()
    path = f"/events/{made['id']}"
    double.answer(ADA, made["id"], "nobody@example.com", "accepted")
    assert api.patch(path, {"subject": "B"}, **{"If-Match": made["@odata.etag"]}).status_code == 412
    fresh = api.get(path).json()
    changed = api.patch(path, {"subject": "B"}, **{"If-Match": fresh["@odata.etag"]})
    assert changed.status_code == 200
    assert changed.json()["changeKey"] != fresh["changeKey"]


def test_marks_are_found_by_filter_and_shown_only_when_asked_for(api: Api) -> None:
    mark = {"id": "String {6f1d9b0e-5d0c-4d53-9a1f-2f6d5f5c8e21} Name X", "value": "it's"}
    made = api.post("/events", FINE | {"singleValueExtendedProperties": [mark]}).json()
    api.post("/events", FINE)
    condition = f"singleValueExtendedProperties/Any(ep: ep/id eq '{mark['id']}' and ep/value eq 'it''s')"
    (found,) = api.get("/events", **{"$filter": condition}).json()["value"]
    assert found["id"] == made["id"]
    assert "singleValueExtendedProperties" not in found
    expand = f"singleValueExtendedProperties($filter=id eq '{mark['id']}')"
    assert api.get(f"/events/{made['id']}", **{"$expand": expand}).json()["singleValueExtendedProperties"] == [mark]
    assert api.get("/events", **{"$filter": "subject eq 1"}).status_code == 400


def test_a_delta_takes_no_options_and_forgets_on_request(api: Api, double: MicrosoftDouble) -> None:
    window = {"startDateTime": "2027-03-01T00:00:00Z", "endDateTime": "2027-04-01T00:00:00Z"}
    assert api.get("/calendarView/delta", **window, **{"$select": "id"}).status_code == 400
    link = api.get("/calendarView/delta", **window).json()["@odata.deltaLink"]
    double.add(ADA, **FINE)
    assert len(requests.get(link, headers=api.headers).json()["value"]) == 1
    double.forget_tokens()
    assert requests.get(link, headers=api.headers).status_code == 410


def test_what_belongs_to_others_is_out_of_reach(double: MicrosoftDouble) -> None:
    key = double.add(BO, **FINE)
    assert Api(double).get(f"/events/{key}").status_code == 404
    mine = {"Authorization": f"Bearer {double.issue(ADA)['access_token']}"}
    assert requests.get(f"{double.url}/v1.0/users/{BO}/calendars", headers=mine).status_code == 404
    assert requests.get(f"{double.url}/v1.0/me/calendars", headers={"Authorization": "Bearer x"}).status_code == 401


def test_more_than_four_calls_at_once_and_more_than_the_allowance_are_turned_away(
    api: Api, double: MicrosoftDouble
) -> None:
    double.faults.append(Fault("slow", "GET ", times=6, seconds=0.3))
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(api.get("/events").status_code)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 200, 200, 200, 429, 429]
    double.faults.clear()
    double.allowance = (2, 60.0)
    answers = [api.get("/events") for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert answers[2].headers["Retry-After"] == "60"
