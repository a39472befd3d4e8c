"""Who may call, what is told to whom, and that nothing sent breaks anything."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from bookings.domain import keys
from bookings.domain.audit import SYSTEM
from bookings.models import Booking, Contact, EventType
from tests import factories
from tests.api.leadconnector.test_events import plain
from tests.api.leadconnector.worlds import APPOINTMENTS, Location, later, ms, some_id

DAY, NEXT = later(60), later(61)
START = f"{DAY}T09:00:00Z"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


# ── Credentials ──


@pytest.mark.parametrize("shown", ["", "Bearer", "Bearer nonsense", "Basic Ojox", "pit-x", "Bearer " + "x" * 5000])
def test_without_a_known_token_the_answer_is_the_vendors_401(here: Location, shown: str) -> None:
    answer = here.post(APPOINTMENTS, here.body(START), Authorization=shown)
    assert (answer.status_code, answer.json()) == (
        401,
        {"statusCode": 401, "message": "Invalid token: access token is invalid", "error": "Unauthorized"},
    )


def test_an_ended_token_no_longer_works(here: Location) -> None:
    expired = here.issue(expires_at=now() - timedelta(seconds=1))
    assert here.get("/calendars/", secret=expired).status_code == 401
    keys.revoke(here.key, actor=SYSTEM)
    assert here.get("/calendars/").status_code == 401


def test_a_token_of_another_dialect_does_not_work_here(here: Location) -> None:
    secret = keys.issue(
        here.organisation, dialect="cronofy", kind="client_secret", name="k", scopes=("*",), actor=SYSTEM
    )[1]
    assert here.get("/calendars/", secret=secret).status_code == 401


def test_a_version_is_needed_whichever(here: Location) -> None:
    path = f"/calendars/?locationId={here.id}"
    answer = here.get(path, Version="")
    assert (answer.status_code, answer.json()["message"]) == (401, "version header was not found.")
    for version in ("2021-04-15", "2021-07-28", "2023-02-21", "v3", "x"):
        assert here.get(path, Version=version).status_code == 200


def test_a_missing_version_is_no_wrong_credential(here: Location, settings: Any) -> None:
    settings.API_WRONG_CREDENTIALS_PER_MINUTE = 2
    assert [here.get("/calendars/", Version="").status_code for _ in range(5)] == [401] * 5


SCOPES = [
    ("POST", APPOINTMENTS, "bookings:write"),
    ("GET", f"{APPOINTMENTS}/x", "bookings:read"),
    ("PUT", f"{APPOINTMENTS}/x", "bookings:write"),
    ("DELETE", "/calendars/events/x", "bookings:write"),
    ("GET", "/calendars/events", "bookings:read"),
    ("GET", "/calendars/blocked-slots", "events:read"),
    ("POST", "/calendars/events/block-slots", "events:write"),
    ("PUT", "/calendars/events/block-slots/x", "events:write"),
    ("GET", "/calendars/", "calendars:read"),
    ("POST", "/calendars/", "calendars:write"),
    ("GET", "/calendars/abcdefghij0123456789", "calendars:read"),
    ("PUT", "/calendars/abcdefghij0123456789", "calendars:write"),
    ("DELETE", "/calendars/abcdefghij0123456789", "calendars:write"),
    ("GET", "/calendars/abcdefghij0123456789/free-slots", "availability:read"),
    ("GET", "/calendars/groups", "calendars:read"),
    ("POST", "/calendars/groups", "calendars:write"),
    ("PUT", "/calendars/groups/abcdefghij0123456789", "calendars:write"),
    ("DELETE", "/calendars/groups/abcdefghij0123456789", "calendars:write"),
    ("PUT", "/calendars/groups/abcdefghij0123456789/status", "calendars:write"),
    ("POST", "/calendars/groups/validate-slug", "calendars:read"),
    ("POST", "/contacts/", "bookings:write"),
    ("POST", "/contacts/upsert", "bookings:write"),
    ("GET", "/contacts/x", "bookings:read"),
]


@pytest.mark.parametrize(("method", "path", "scope"), SCOPES)
def test_every_call_needs_its_scope(here: Location, method: str, path: str, scope: str) -> None:
    others = here.issue(*(set(keys.SCOPES) - {"*", scope}))
    answer = here.call(method, path, {}, secret=others)
    assert (answer.status_code, answer.json()) == (
        401,
        {"statusCode": 401, "message": "The token is not authorized for this scope.", "error": "Unauthorized"},
    )
    assert here.call(method, path, {}, secret=here.issue(scope)).status_code in (404, 422)


@pytest.mark.parametrize("prefix", ["", "/leadconnector"])
def test_the_vendors_rate_headers_are_there(here: Location, settings: Any, prefix: str) -> None:
    settings.API_CALLS_PER_MINUTE = 2
    answers = [here.get(f"{prefix}/calendars/?locationId={here.id}") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer["x-ratelimit-remaining"] for answer in answers] == ["1", "0", "0"]
    for answer in answers:
        assert answer["x-ratelimit-max"] == "2"
        assert answer["x-ratelimit-limit-daily"] == "2880"
        assert answer["x-ratelimit-interval-milliseconds"] == "60000"
        assert 0 <= int(answer["x-ratelimit-daily-remaining"]) <= 2880
    assert answers[2].json()["statusCode"] == 429
    assert int(answers[2]["Retry-After"]) >= 1


# ── Paths ──


def test_the_pages_below_calendars_stay_pages(here: Location) -> None:
    staff = Client()
    member = factories.staff_user(here.organisation)
    staff.force_login(member, backend="allauth.account.auth_backends.AuthenticationBackend")
    for path in ("/calendars", "/calendars/connect"):
        answer = staff.get(path, headers={"Accept": BROWSER})
        assert answer.status_code == 200
        assert answer["Content-Type"].startswith("text/html")
    account = factories.local_calendar(here.host).account
    assert staff.get(f"/calendars/{account.pk}/choose")["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("path", ["/calendars/", "/calendars/groups", "/calendars/abcdefghij0123456789", "/contacts/x"])
def test_somebody_with_a_browser_finds_no_api(here: Location, path: str) -> None:
    answer = Client().get(path, headers={"Accept": BROWSER})
    assert (answer.status_code, "There is nothing here" in answer.content.decode()) == (404, True)


@pytest.mark.parametrize("path", ["/calendars/nothing", "/calendars/events/", "/contacts", "/calendars/groups/"])
def test_a_path_that_is_none_is_answered_in_the_dialects_shape(here: Location, path: str) -> None:
    answer = here.get(path)
    assert (answer.status_code, answer.json()["statusCode"], answer.json()["error"]) == (404, 404, "Not Found")


def test_no_path_redirects(here: Location) -> None:
    for path in ("/calendars/groups/", "/calendars/events/appointments/", "/leadconnector/calendars"):
        assert here.post(path, {}).status_code == 404


def test_a_method_that_is_none_is_refused(here: Location) -> None:
    answer = here.call("PATCH", APPOINTMENTS, {})
    assert (answer.status_code, answer.json()["statusCode"]) == (405, 405)


# ── Tenancy ──


def test_a_foreign_event_and_a_missing_one_are_answered_alike(here: Location, elsewhere: Location) -> None:
    seated = elsewhere.book(START)["id"]
    series = elsewhere.book(START, rrule="FREQ=DAILY;COUNT=2", ignoreFreeSlotValidation=True)["id"]
    plain(elsewhere.host, f"{NEXT}T12:00:00", recurrence_rules=("FREQ=DAILY;COUNT=2",))
    foreign = [event["id"] for event in elsewhere.events(DAY, later(70))]
    assert len(foreign) == 5
    for path, method, body in (
        (APPOINTMENTS, "GET", None),
        (APPOINTMENTS, "PUT", {"title": "x"}),
        ("/calendars/events", "DELETE", {}),
        ("/calendars/events/block-slots", "PUT", {"title": "x"}),
    ):
        ids = [seated, series, *foreign, some_id(), f"{some_id()}_1_1", "x", "x" * 600, "%00", "a_b_c"]
        answers = [here.call(method, f"{path}/{event_id}", body) for event_id in ids]
        assert {(answer.status_code, answer.content) for answer in answers} == {(404, answers[-1].content)}
    assert {one.state for one in elsewhere.bookings()} == {Booking.State.CONFIRMED}


def test_a_foreign_calendar_and_a_missing_one_are_answered_alike(here: Location, elsewhere: Location) -> None:
    for method, tail in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/free-slots")):
        query = f"?startDate={ms(DAY)}&endDate={ms(NEXT)}" if tail else ""
        ids = (elsewhere.calendar_id, some_id())
        answers = [here.call(method, f"/calendars/{calendar_id}{tail}{query}", {}) for calendar_id in ids]
        assert {(answer.status_code, answer.content) for answer in answers} == {(404, answers[0].content)}
    for name in ("calendarId", "locationId"):
        ids = (elsewhere.calendar_id if name == "calendarId" else elsewhere.id, some_id())
        answers = [here.post(APPOINTMENTS, here.body(START, **{name: each})) for each in ids]
        assert len({(answer.status_code, answer.content) for answer in answers}) == 1
        assert answers[0].status_code == (400 if name == "calendarId" else 403)
    assert EventType.objects.for_tenant(elsewhere.organisation).count() == 1


def test_a_list_never_shows_what_is_foreign(here: Location, elsewhere: Location) -> None:
    elsewhere.book(START)
    plain(elsewhere.host, f"{DAY}T12:00:00")
    assert here.events(DAY, NEXT) == []
    for key in ("userId", "calendarId"):
        foreign = elsewhere.user_id if key == "userId" else elsewhere.calendar_id
        answers = [here.get(here.window(DAY, NEXT, **{key: each})) for each in (foreign, some_id())]
        assert {(answer.status_code, answer.content) for answer in answers} == {(400, answers[0].content)}


def test_a_token_of_one_user_sees_and_books_that_user_alone(here: Location) -> None:
    here.event_type.hosts.add(here.colleague)
    own = here.issue("*", host=here.colleague)
    booked = here.book(START, assignedUserId=here.user_id)
    assert here.get(f"{APPOINTMENTS}/{booked['id']}", secret=own).status_code == 404
    assert here.delete(f"/calendars/events/{booked['id']}", secret=own).status_code == 404
    answer = here.post(APPOINTMENTS, here.body(START), secret=own)
    assert (answer.status_code, answer.json()["assignedUserId"]) == (200, here.colleague_id)
    assert here.post(APPOINTMENTS, here.body(START, assignedUserId=here.user_id), secret=own).status_code == 422
    listed = here.get(here.window(DAY, NEXT, calendarId=here.calendar_id), secret=own).json()["events"]
    assert [event["id"] for event in listed] == [answer.json()["id"]]
    assert here.get(here.window(DAY, NEXT, userId=here.user_id), secret=own).status_code == 400
    here.event_type.hosts.remove(here.colleague)
    assert here.get(f"/calendars/{here.calendar_id}", secret=own).status_code == 404
    assert here.get(f"/calendars/?locationId={here.id}", secret=own).json() == {"calendars": []}


# ── Hostile ──

TEXTS = [
    case["value"]
    for case in json.loads((Path(__file__).parents[2] / "oracles" / "hostile.json").read_text())["cases"]
    if case["kind"] in ("header-injection", "stored-html", "open-redirect")
] + ["\x00", "a\x00b", "\ud800", "💥" * 300, "x" * 9000, "' OR 1=1 --", "{{contact.name}}", "%s%n", "\u202e", ""]


@pytest.mark.parametrize("text", TEXTS)
def test_hostile_text_is_refused_or_carried_as_text(here: Location, text: str) -> None:
    for field in ("title", "description", "address"):
        answer = here.post(APPOINTMENTS, here.body(START, **{field: text}))
        assert answer.status_code in (200, 400, 422)
        if answer.status_code == 200:
            event = here.read(answer.json()["id"])
            assert event[field] == text or not text
            assert here.delete(f"/calendars/events/{event['id']}").status_code == 201


@pytest.mark.parametrize(
    "field",
    [
        *("calendarId", "locationId", "contactId", "startTime", "endTime", "meetingLocationType", "meetingLocationId"),
        *("overrideLocationConfig", "appointmentStatus", "assignedUserId", "ignoreDateRange", "toNotify"),
        *("ignoreFreeSlotValidation", "rrule"),
    ],
)
def test_hostile_values_are_told_what_is_wrong(here: Location, field: str) -> None:
    forced = {"ignoreFreeSlotValidation": True} if field == "rrule" else {}
    for text in filter(None, TEXTS):
        answer = here.post(APPOINTMENTS, here.body(START, **forced, **{field: text}))
        if field == "meetingLocationId" and answer.status_code == 200:
            assert here.delete(f"/calendars/events/{answer.json()['id']}").status_code == 201
        else:
            assert answer.status_code in (400, 403, 422)
            assert answer.json()["message"]


@pytest.mark.parametrize("value", [None, True, 7, 1.5, [], {}, [[]], {"a": {"b": 1}}, 10**18, -1])
def test_values_of_any_type_are_taken_or_told(here: Location, value: Any) -> None:
    made = here.book(START)["id"]
    fields = [*here.body(START), "endTime", "title", "description", "address", "appointmentStatus", "rrule"]
    fields += ["meetingLocationType", "meetingLocationId", "overrideLocationConfig", "assignedUserId", "toNotify"]
    for field in fields:
        for method, path in (("POST", APPOINTMENTS), ("PUT", f"{APPOINTMENTS}/{made}")):
            assert here.call(method, path, {field: value}).status_code in (200, 400, 403, 422)
    for path in ("/calendars/", "/calendars/groups", "/calendars/events/block-slots", "/contacts/"):
        for field in (
            "locationId",
            "name",
            "slug",
            "teamMembers",
            "openHours",
            "isActive",
            "email",
            "tags",
            "startTime",
        ):
            body = {"locationId": here.id, "name": "x", "slug": "x", "assignedUserId": here.user_id} | {field: value}
            assert here.post(path, body).status_code < 500


@pytest.mark.parametrize("content", [b"{", b"[]", b"null", b"[" * 100_000, b'{"a":"\\u0000"}', b"\xff", b'{"a":NaN}'])
def test_a_body_that_is_none_is_refused(here: Location, content: bytes) -> None:
    answer = here.post(APPOINTMENTS, content)
    assert (answer.status_code, answer.json()["statusCode"], type(answer.json()["message"])) == (400, 400, str)


@pytest.mark.parametrize("label", ["text/plain", "application/x-www-form-urlencoded", "", "nonsense"])
def test_a_body_is_json_whatever_its_label(here: Location, label: str) -> None:
    assert here.post(APPOINTMENTS, here.body(START), Content_Type=label).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "startTime=%00&endTime=%ff",
        "locationId=%00",
        "locationId=a&locationId=b",
        "userId=%F0%9F%92%A5",
        "=&&&",
        "a" * 9000,
    ],
)
@pytest.mark.parametrize("path", ["/calendars/events", "/calendars/blocked-slots", "/calendars/", "/calendars/groups"])
def test_no_query_breaks_anything(here: Location, path: str, query: str) -> None:
    assert 400 <= here.get(f"{path}?{query}").status_code < 500


# ── Cost ──


def queries(here: Location, path: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert here.get(path).status_code == 200
    return len(asked)


def fill(here: Location, hours: range) -> None:
    for hour in hours:
        contact = Contact.everywhere.create(organisation=here.organisation, name=f"Person {hour}")
        here.book(f"{DAY}T{hour:02d}:00:00Z", contactId=here.name("contact", contact))
        plain(here.host, f"{DAY}T{hour:02d}:30:00")
        factories.booking(here.colleague, start=ms(DAY) // 1000 + hour * 3600)


def test_a_list_costs_the_same_however_long_it_is(here: Location) -> None:
    for whose in ({"userId": here.user_id}, {"calendarId": here.calendar_id}):
        for path in ("/calendars/events", "/calendars/blocked-slots"):
            Booking.objects.for_tenant(here.organisation).delete()
            fill(here, range(2))
            window = here.window(DAY, NEXT, path, **whose)
            here.get(window)  # names are given when they are first shown
            few = queries(here, window)
            fill(here, range(2, 8))
            here.get(window)
            assert queries(here, window) == few
            assert few <= 30


def test_a_list_of_series_and_seats_costs_the_same_too(here: Location) -> None:
    def series(hour: int) -> None:
        here.book(f"{DAY}T{hour:02d}:00:00Z", rrule="FREQ=DAILY;COUNT=3", ignoreFreeSlotValidation=True)

    series(1)
    window = here.window(DAY, later(70))
    few = queries(here, window)
    for hour in range(2, 6):
        series(hour)
    assert queries(here, window) == few


def test_the_calendars_cost_the_same_however_many_there_are(here: Location) -> None:
    team = [{"userId": here.user_id, "priority": 1}, {"userId": here.colleague_id, "priority": 0}]
    made = [{"locationId": here.id, "name": "x", "teamMembers": team[:size]} for size in (1, 2)]
    path = f"/calendars/?locationId={here.id}"
    for body in made:
        here.post("/calendars/", body)
    here.get(path)  # names are given when they are first shown
    few = queries(here, path)
    for body in made * 3:
        here.post("/calendars/", body)
    assert queries(here, path) == few


def test_free_slots_cost_the_same_however_many_there_are(here: Location) -> None:
    def path(last: str) -> str:
        return f"/calendars/{here.calendar_id}/free-slots?startDate={ms(DAY)}&endDate={ms(last)}"

    here.get(path(NEXT))
    assert queries(here, path(NEXT)) == queries(here, path(later(90)))
