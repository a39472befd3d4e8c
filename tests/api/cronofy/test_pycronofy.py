"""Every call of ours that pycronofy has, made by pycronofy against a running server."""

from __future__ import annotations

import itertools
import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pycronofy
import pytest
from pycronofy.exceptions import PyCronofyRequestError

from tests.api.live import Live

_weeks = itertools.count()


@pytest.fixture(params=["", "/cronofy"], ids=["root", "prefix"])
def client(request: pytest.FixtureRequest, server: Live, monkeypatch: pytest.MonkeyPatch) -> Any:
    """pycronofy, pointed at us as its documentation says; the demo host is open from eight to six every day."""
    monkeypatch.setattr(pycronofy.settings, "API_BASE_URL", server.url + request.param)
    keys = server.demo["cronofy"]
    return pycronofy.Client(client_id="any", client_secret=keys["client_secret"], access_token=keys["access_token"])


@pytest.fixture
def calendar_id(client: Any) -> str:
    found: str = next(each["calendar_id"] for each in client.list_calendars() if not each["calendar_readonly"])
    return found


@pytest.fixture
def event(client: Any, calendar_id: str) -> dict[str, Any]:
    """An event nobody else has, on a Tuesday nobody else uses: the demo's own weeks have nothing on Tuesdays."""
    start = datetime(2027, 1, 5, 9, tzinfo=UTC) + timedelta(weeks=next(_weeks))
    made = {
        "event_id": uuid.uuid4().hex,
        "summary": "Board meeting",
        "description": "Discuss plans for the next quarter.",
        "start": start,
        "end": start + timedelta(hours=2),
        "tzid": "Europe/London",
        "location": {"description": "Board room"},
    }
    client.upsert_event(calendar_id, dict(made))
    return made


def around(event: dict[str, Any], days: int = 1) -> dict[str, Any]:
    return {"from_date": event["start"] - timedelta(hours=9), "to_date": event["start"] + timedelta(days=days)}


def read(client: Any, event: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
    found = client.read_events(**around(event) | query).all()
    return [each for each in found if each.get("event_id") == event["event_id"]]


def code_for(server: Live, redirect: str) -> str:
    return server.query(
        "from bookings.domain import grants, refs; from bookings.domain.audit import SYSTEM;"
        "o = Organisation.objects.get(slug='demo');"
        f"pk = refs.resolve(o, 'cronofy', 'host', {server.demo['cronofy']['sub']!r});"
        "h = Host.everywhere.get(pk=pk);"
        f"print(grants.grant(h, name='CRM', scopes=['calendars:read'], redirect_uri={redirect!r}, actor=SYSTEM)[1])"
    )


def test_account_and_userinfo(client: Any, server: Live) -> None:
    assert client.account()["account_id"] == client.userinfo()["sub"] == server.demo["cronofy"]["sub"]


def test_list_calendars_and_profiles(client: Any) -> None:
    profiles = {each["profile_id"] for each in client.list_profiles()}
    assert {each["profile_id"] for each in client.list_calendars()} <= profiles


def test_create_calendar(client: Any) -> None:
    [profile, *_] = client.list_profiles()
    name = uuid.uuid4().hex
    made = client.create_calendar(profile["profile_id"], name)["calendar"]
    assert made["calendar_name"] == name
    with pytest.raises(PyCronofyRequestError):
        client.create_calendar(profile["profile_id"], name)
    again = client.create_calendar(profile["profile_id"], name, error_on_duplicate=False)
    assert again["calendar_id"] == made["calendar_id"]


def test_upsert_event_and_read_events(client: Any, calendar_id: str, event: dict[str, Any]) -> None:
    client.upsert_event(calendar_id, event | {"summary": "Moved"})
    [found] = read(client, event)
    assert (found["summary"], found["calendar_id"]) == ("Moved", calendar_id)
    assert datetime.fromisoformat(found["start"]) == event["start"]
    assert read(client, event, include_managed=False) == []
    [localized] = read(client, event, localized_times=True, only_managed=True, calendar_ids=(calendar_id,))
    assert localized["start"]["tzid"] == "Europe/London"


def test_upsert_an_all_day_event(client: Any, calendar_id: str, event: dict[str, Any]) -> None:
    first = event["start"].date()
    client.upsert_event(calendar_id, event | {"start": first, "end": first + timedelta(days=1)})
    [found] = read(client, event)
    assert (date.fromisoformat(found["start"]), date.fromisoformat(found["end"])) == (first, first + timedelta(days=1))


def test_delete_event_leaves_a_tombstone(client: Any, calendar_id: str, event: dict[str, Any]) -> None:
    client.delete_event(calendar_id, event["event_id"])
    assert read(client, event) == []
    [gone] = read(client, event, include_deleted=True)
    assert gone["deleted"] is True


def test_delete_external_event(client: Any, calendar_id: str, event: dict[str, Any]) -> None:
    client.delete_external_event(calendar_id, read(client, event)[0]["event_uid"])
    assert read(client, event) == []


def test_delete_all_events_of_a_calendar_and_of_all(client: Any) -> None:
    [profile, *_] = client.list_profiles()
    place = client.create_calendar(profile["profile_id"], uuid.uuid4().hex)["calendar"]["calendar_id"]
    start = datetime(2028, 3, 1, 9, tzinfo=UTC)
    made = {"event_id": uuid.uuid4().hex, "summary": "x", "start": start, "end": start + timedelta(hours=1)}
    for delete in ({"calendar_ids": (place,)}, {}):
        client.upsert_event(place, dict(made))
        assert len(read(client, made)) == 1
        client.delete_all_events(**delete)
        assert read(client, made) == []


def test_read_free_busy(client: Any, event: dict[str, Any]) -> None:
    found = client.read_free_busy(**around(event)).all()
    assert event["start"] in {datetime.fromisoformat(each["start"]) for each in found}
    assert {each["free_busy_status"] for each in found} == {"busy"}


def test_change_participation_status_of_what_is_no_invitation(client: Any, calendar_id: str, event: Any) -> None:
    with pytest.raises(PyCronofyRequestError) as raised:
        client.change_participation_status(calendar_id, read(client, event)[0]["event_uid"], "accepted")
    assert list(raised.value.response.json()["errors"]) == ["event_uid"]


@pytest.mark.parametrize("form", [None, "slots", "overlapping_slots"])
def test_availability(client: Any, server: Live, event: dict[str, Any], form: str | None) -> None:
    found = client.availability(
        participants={"members": [server.demo["cronofy"]["sub"]], "required": "all"},
        required_duration=60,
        available_periods=[{"start": event["start"] - timedelta(hours=1), "end": event["start"] + timedelta(hours=4)}],
        response_format=form,
        start_interval=30,
        buffer={"before": 0, "after": {"minimum": 15, "maximum": 60}},
    )
    starts = [datetime.fromisoformat(each["start"]) - event["start"] for each in found]
    if form is None:
        assert [each.total_seconds() / 3600 for each in starts] == [2]
        return
    assert starts[0] == timedelta(hours=2)
    assert len(starts) == (2 if form == "slots" else 3)
    assert [each["sub"] for each in found[0]["participants"]] == [server.demo["cronofy"]["sub"]]


def test_availability_of_given_slots(client: Any, server: Live, event: dict[str, Any]) -> None:
    slots = [{"start": event["start"] + timedelta(hours=hours)} for hours in (0, 2)]
    found = client.availability(
        participants={"members": [{"sub": server.demo["cronofy"]["sub"]}]},
        required_duration={"minutes": 30},
        query_slots=slots,
        response_format="slots",
        max_results=5,
    )
    assert [datetime.fromisoformat(each["start"]) for each in found] == [event["start"] + timedelta(hours=2)]


def test_availability_rules(client: Any) -> None:
    rule = {
        "availability_rule_id": uuid.uuid4().hex,
        "tzid": "America/Chicago",
        "weekly_periods": [{"day": "sunday", "start_time": "22:00", "end_time": "23:00"}],
    }
    client.list_availability_rules()  # so that the demo host keeps the hours they have
    assert client.upsert_availability_rule(dict(rule)) == rule
    assert client.get_availability_rule(rule["availability_rule_id"]) == rule
    assert rule in client.list_availability_rules()
    client.delete_availability_rule(rule["availability_rule_id"])
    assert rule not in client.list_availability_rules()
    with pytest.raises(PyCronofyRequestError):
        client.get_availability_rule(rule["availability_rule_id"])


def test_available_periods(client: Any) -> None:
    """pycronofy has no words for these, and sends them as it sends everything."""
    name = uuid.uuid4().hex
    period = {"available_period_id": name, "start": "2028-05-01T20:00:00Z", "end": "2028-05-01T21:00:00Z"}
    assert client.request_handler.post(endpoint="available_periods", data=period).status_code == 202
    window = {"from": "2028-05-01", "to": "2028-05-02", "tzid": "Etc/UTC"}
    told = client.request_handler.get(endpoint="available_periods", params=window).json()
    assert told["available_periods"] == [period]
    assert client.request_handler.delete(endpoint="available_periods", data=period).status_code == 202
    assert client.request_handler.get(endpoint="available_periods", params=window).json()["available_periods"] == []


def test_tokens_from_a_code_to_their_revocation(client: Any, server: Live) -> None:
    redirect = "https://app.example.org/callback"
    client.auth.access_token = None
    client.user_auth_link(redirect)
    told = client.get_authorization_from_code(code_for(server, redirect))
    assert set(told) == {"access_token", "refresh_token", "token_expiration"}
    assert not client.is_authorization_expired()
    assert client.account()["account_id"] == server.demo["cronofy"]["sub"]
    before = client.auth.access_token
    client.refresh_authorization()
    assert client.auth.access_token != before
    assert client.account()["account_id"] == server.demo["cronofy"]["sub"]
    ended = client.auth.access_token
    client.revoke_authorization()
    client.auth.access_token = ended
    with pytest.raises(PyCronofyRequestError) as raised:
        client.account()
    assert raised.value.response.status_code == 401


def test_a_code_that_is_wrong_is_refused_with_400(client: Any) -> None:
    with pytest.raises(PyCronofyRequestError) as raised:
        client.get_authorization_from_code("nonsense", "https://app.example.org/callback")
    assert (raised.value.response.status_code, raised.value.response.json()["error"]) == (400, "invalid_grant")


def test_scheduling_requests_from_making_to_cancelling(client: Any, server: Live) -> None:
    data = {
        "host": {"sub": server.demo["cronofy"]["sub"]},
        "recipients": [{"email": "doc@evenitron.com", "display_name": "Dr Emmet Brown"}],
        "event": {"summary": "Driving lessons - Marty & Doc"},
    }
    made = client.request_handler.post(endpoint="scheduling_requests", data=data, use_api_key=True).json()
    name = made["scheduling_request"]["scheduling_request_id"]
    told = client.request_handler.post(
        endpoint="scheduling_requests/query", data={"scheduling_request_ids": [name]}, use_api_key=True
    ).json()
    assert told["scheduling_requests"][0]["scheduling_request"]["slot_selection"] == "pending"
    cancelled = client.request_handler.post(
        endpoint="scheduling_requests/cancel", data={"scheduling_request_id": name}, use_api_key=True
    )
    assert (cancelled.status_code, cancelled.content) == (202, b"")
