"""Who may call, from where, and how times are asked for: what all of Timekit's paths share."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils.timezone import now

from bookings.domain import refs
from bookings.models import Booking, Event, EventType, Host
from tests import factories
from tests.api.timekit.worlds import BOOKINGS, EVENTS, MONDAY, Place, basic

AVAILABILITY, PROJECTS, RESOURCES, CALENDARS = "/v2/availability", "/v2/projects", "/v2/resources", "/v2/calendars"


def status(place: Place, method: str, path: str, body: Any = None, **rest: Any) -> int:
    answer = place.call(method, path, body, **rest)
    code: int = answer.status_code
    return code


# ── Credentials ──


@pytest.mark.parametrize(
    "header",
    [
        *("", "Basic", "Basic !!!", "Bearer x", "Basic " + "A" * 9, basic("", ""), basic("", "live_api_key_nonsense")),
        *("Basic /w==", "Basic Og==", basic("nobody@example.org", "x"), "basic", "Basic \t"),
    ],
)
def test_without_a_key_nothing_is_answered(place: Place, header: str) -> None:
    answer = Client().get(EVENTS, headers={"Authorization": header} if header else {})
    assert (answer.status_code, set(answer.json())) == (401, {"error"})
    assert answer["WWW-Authenticate"] == 'Basic realm="convene"'


def test_an_app_key_comes_without_a_user_name(place: Place) -> None:
    assert place.app_key.startswith("live_api_key_")
    assert status(place, "GET", EVENTS) == 200
    assert status(place, "GET", EVENTS, user="somebody@example.org") == 401


def test_a_resources_own_key_comes_with_its_address_and_reaches_that_resource_only(place: Place) -> None:
    secret = place.issue("api_key", host=place.host)
    mine = {"key": secret, "user": place.host.email.upper()}
    assert status(place, "GET", EVENTS, key=secret) == 401
    assert status(place, "GET", EVENTS, key=secret, user=place.colleague.email) == 401
    theirs = refs.ref("timekit", "calendar", factories.local_calendar(place.colleague))
    own, other = place.made(EVENTS, place.event()), place.made(EVENTS, place.event(calendar_id=theirs))
    kept = place.made(BOOKINGS, place.booking(start=f"{MONDAY}T12:00:00Z", end=f"{MONDAY}T13:00:00Z"))
    lost = place.made(BOOKINGS, place.booking(resource_id=place.colleague_id))
    window = f"{EVENTS}?start={MONDAY}&end=2027-03-02"
    assert own["id"] in {each["id"] for each in place.get(window, **mine).json()["data"]}
    assert other["id"] not in {each["id"] for each in place.get(window, **mine).json()["data"]}
    assert [each["id"] for each in place.get(BOOKINGS, **mine).json()["data"]] == [kept["id"]]
    for path in (f"{EVENTS}/{other['id']}", f"{BOOKINGS}/{lost['id']}", f"{CALENDARS}/{theirs}"):
        assert status(place, "GET", path, **mine) == 404
        assert status(place, "DELETE", path, **mine) == 404
    assert status(place, "POST", EVENTS, place.event(calendar_id=theirs), **mine) == 422
    assert status(place, "POST", BOOKINGS, place.booking(resource_id=place.colleague_id), **mine) == 422
    for path, expected in ((RESOURCES, place.resource_id), (CALENDARS, place.calendar_id)):
        assert [each["id"] for each in place.get(path, **mine).json()["data"]] == [expected]
    assert place.made(BOOKINGS, place.booking(resource_id=None), **mine)["resource"]["id"] == place.resource_id
    slots = place.post(AVAILABILITY, {}, **mine).json()["data"]
    assert {slot["resources"][0]["id"] for slot in slots} == {place.resource_id}
    assert place.made(CALENDARS + "/", {"name": "More"}, **mine)["resource_id"] == place.resource_id
    assert status(place, "POST", RESOURCES, {"name": "x", "timezone": "UTC"}, **mine) == 403
    assert status(place, "PUT", f"{RESOURCES}/{place.resource_id}", {"name": "Me"}, **mine) == 200
    assert status(place, "DELETE", f"{RESOURCES}/{place.resource_id}", **mine) == 403
    assert status(place, "POST", PROJECTS, {"name": "x"}, **mine) == 403


SCOPES = [
    ("GET", EVENTS, "events:read"),
    ("POST", EVENTS, "events:write"),
    ("PUT", f"{EVENTS}/x", "events:write"),
    ("DELETE", f"{EVENTS}/x", "events:write"),
    ("GET", BOOKINGS, "bookings:read"),
    ("POST", BOOKINGS, "bookings:write"),
    ("PUT", f"{BOOKINGS}/x/cancel", "bookings:write"),
    ("PUT", f"{BOOKINGS}/bulk", "bookings:write"),
    ("DELETE", f"{BOOKINGS}/x", "bookings:write"),
    ("POST", AVAILABILITY, "availability:read"),
    ("POST", "/v2/findtime", "availability:read"),
    ("GET", f"{PROJECTS}/embed/x", "availability:read"),
    ("GET", RESOURCES, "calendars:read"),
    ("POST", RESOURCES, "calendars:write"),
    ("DELETE", f"{CALENDARS}/x", "calendars:write"),
    ("PUT", f"{PROJECTS}/x", "calendars:write"),
    ("GET", "/v2/app", "calendars:read"),
]


@pytest.mark.parametrize(("method", "path", "scope"), SCOPES)
def test_each_path_wants_its_scope(place: Place, method: str, path: str, scope: str) -> None:
    rest = [each for _, _, each in SCOPES if each != scope]
    answer = place.call(method, path, {}, key=place.issue("app_key", *rest))
    assert (answer.status_code, answer.json()) == (403, {"error": f"This key lacks the scope {scope}."})
    assert status(place, method, path, {}, key=place.issue("app_key", scope)) in (200, 404, 422)


def test_the_app_of_a_key_is_its_organisation(place: Place) -> None:
    told = place.get("/v2/app").json()["data"]
    assert (told["name"], told["slug"]) == (place.organisation.name, place.organisation.slug)


# ── Widgets ──

WIDGET = {"Origin": "https://shop.example", "Timekit_Context": "widget"}


def test_a_widget_key_reads_slots_and_books_and_nothing_else(place: Place) -> None:
    key = place.issue("widget_key")
    booking = place.made(BOOKINGS, place.booking(project_id=place.project_id, end=f"{MONDAY}T10:30:00Z"), key=key)
    for method, path in (
        *(("GET", BOOKINGS), ("GET", f"{BOOKINGS}/{booking['id']}"), ("DELETE", f"{BOOKINGS}/{booking['id']}")),
        *(("PUT", f"{BOOKINGS}/{booking['id']}"), ("PUT", f"{BOOKINGS}/{booking['id']}/cancel")),
        *(("PUT", f"{BOOKINGS}/bulk"), ("POST", f"{BOOKINGS}/bulk"), ("GET", EVENTS), ("POST", EVENTS)),
        *(("GET", RESOURCES), ("GET", CALENDARS), ("GET", PROJECTS), ("GET", "/v2/app")),
    ):
        assert status(place, method, path, {}, key=key) == 403, (method, path)
    body = place.booking(
        start=f"{MONDAY}T15:00:00Z", end=f"{MONDAY}T16:00:00Z", settings={"allow_double_bookings": True}
    )
    assert status(place, "POST", BOOKINGS, body, key=key) == 403


def test_a_page_learns_nothing_of_how_a_resource_is_connected(place: Place) -> None:
    factories.caldav_calendar(place.host, last_verified_at=now())
    path = f"{BOOKINGS}?include=attributes,event,user"
    booking = place.made(path, place.booking(), key=place.issue("widget_key"))
    assert set(booking["calendar"]) == {"id", "name", "display_name"}
    assert set(booking["resource"]) == set(booking["user"]) == {"id", "name", "timezone"}
    assert booking["attributes"]["event_info"]["participants"] == ["marty.mcfly@timekit.io"]
    assert not [word for word in ("dav.example.org", place.host.email) if word in json.dumps(booking)]


def test_a_page_cannot_get_around_its_projects_rules(place: Place) -> None:
    key = place.issue("widget_key")
    stranger = place.named(factories.host(place.organisation, weekly=factories.ALWAYS))
    asked = place.booking(project_id=place.project_id, end=f"{MONDAY}T10:30:00Z")
    EventType.everywhere.filter(pk=place.project.pk).update(needs_confirmation=True)
    waiting = place.made(BOOKINGS, asked | {"graph": "instant", "action": "confirm"}, key=key)
    assert (waiting["graph"], waiting["state"]) == ("confirm_decline", "tentative")
    later = {"start": f"{MONDAY}T12:00:00Z", "end": f"{MONDAY}T12:30:00Z"}
    assert status(place, "POST", BOOKINGS, asked | {"resource_id": stranger} | later, key=key) == 422
    assert status(place, "POST", BOOKINGS, asked | later | {"end": f"{MONDAY}T15:00:00Z"}, key=key) == 422
    question = {"project_id": place.project_id, "length": "3 hours"}
    assert status(place, "POST", AVAILABILITY, question, key=key) == 422
    assert status(place, "POST", AVAILABILITY, question | {"length": "30 minutes"}, key=key) == 200
    EventType.everywhere.filter(pk=place.project.pk).update(is_public=False)
    assert status(place, "POST", AVAILABILITY, {"project_id": place.project_id}, key=key) == 422
    assert status(place, "GET", f"{PROJECTS}/embed/{place.project_id}", key=key) == 404


PUBLIC = [
    *((AVAILABILITY, "POST"), ("/v2/availability/dates", "POST"), ("/v2/findtime", "POST"), (BOOKINGS, "POST")),
    *((f"{BOOKINGS}/groups", "GET"), (f"{BOOKINGS}/x/reschedule", "POST"), (f"{PROJECTS}/embed/x", "GET")),
    (f"{PROJECTS}/hosted/x", "GET"),
]


@pytest.mark.parametrize(("path", "method"), PUBLIC)
@pytest.mark.parametrize("prefix", ["", "/timekit"])
def test_a_page_of_any_origin_may_ask_first(place: Place, path: str, method: str, prefix: str) -> None:
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization,timekit-context"}
    answer = Client().options(prefix + path, headers={"Origin": "https://shop.example"} | asked)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert method in answer["Access-Control-Allow-Methods"]
    allowed = {each.strip().lower() for each in answer["Access-Control-Allow-Headers"].split(",")}
    assert {"authorization", "content-type", "timekit-context", "timekit-timezone"} <= allowed
    assert "Access-Control-Allow-Credentials" not in answer
    told = place.call(method, prefix + path, {}, **WIDGET)
    assert told["Access-Control-Allow-Origin"] == "*"
    assert "timekit-testmode" in told["Access-Control-Expose-Headers"].lower()


@pytest.mark.parametrize(
    "path", [EVENTS, RESOURCES, CALENDARS, PROJECTS, f"{BOOKINGS}/x", f"{BOOKINGS}/x/cancel", "/v2/app"]
)
def test_pages_of_other_origins_see_nothing_else(place: Place, path: str) -> None:
    for method in ("OPTIONS", "GET"):
        assert "Access-Control-Allow-Origin" not in place.call(method, path, **WIDGET)


def test_refusals_reach_the_page_too(place: Place) -> None:
    answer = place.post(AVAILABILITY, {}, key="widget_nonsense", **WIDGET)
    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (401, "*")


@pytest.mark.parametrize("path", ["embed/{id}", "hosted/haircut"])
def test_a_project_starts_a_widget(place: Place, path: str) -> None:
    key = place.issue("widget_key")
    told = place.get(f"{PROJECTS}/{path.format(id=place.project_id)}", key=key, **WIDGET).json()["data"]
    assert (told["id"], told["slug"], told["name"]) == (place.project_id, "haircut", "Haircut")
    assert told["app_key"] == key
    words = told["ui"]["localization"]
    assert words["submit_button"]
    assert words["allocated_resource_prefix"]
    assert "%s" in words["success_message"]
    assert told["booking"] == {"graph": "instant"}
    assert told["customer_fields"]["email"] == {"title": "E-mail", "format": "email", "required": True}
    assert (told["availability"]["mode"], told["availability"]["length"]) == ("roundrobin_random", "30 minutes")
    assert place.get(f"{PROJECTS}/{path.format(id=place.project_id)}").json()["data"]["app_key"] is None


@pytest.mark.parametrize("path", ["embed/54321", "hosted/nothing", "embed/%00", "hosted/%F0%9F%9A%97"])
def test_a_project_that_is_not_there_shows_the_widgets_error(place: Place, path: str) -> None:
    answer = place.get(f"{PROJECTS}/{path}", key=place.issue("widget_key"))
    assert (answer.status_code, answer.json()) == (404, {"error": "Resource does not exist", "model": "Project"})


# ── Times ──


def test_times_are_written_in_the_format_and_zone_that_are_asked_for(place: Place) -> None:
    event = place.made(EVENTS, place.event())
    path = f"{EVENTS}/{event['id']}"

    def told(**headers: str) -> str:
        start: str = place.get(path, **headers).json()["data"]["start"]
        return start

    assert told() == f"{MONDAY}T10:00:00+01:00"
    assert told(Timekit_Timezone="America/New_York") == f"{MONDAY}T04:00:00-05:00"
    assert told(Timekit_OutputTimestampFormat="Y-m-d h:ia") == f"{MONDAY} 10:00am"
    assert told(Timekit_OutputTimestampFormat="U") == "1803891600"
    assert (
        told(Timekit_OutputTimestampFormat="D, jS F Y G:i T", Timekit_Timezone="UTC") == "Mon, 1st March 2027 9:00 UTC"
    )
    assert told(Timekit_OutputTimestampFormat=r"\Y\e\a\r y, \d\a\y z") == "Year 27, day 59"


@pytest.mark.parametrize(
    ("form", "start", "end"),
    [
        ("Y-m-d h:ia", f"{MONDAY} 10:00am", f"{MONDAY} 11:00am"),
        ("d/m/Y G:i", "01/03/2027 9:00", "01/03/2027 17:30"),
        ("j F Y H:i P", "1 March 2027 10:00 +01:00", "1 Mar 2027 11:00 +01:00"),
        ("U", "1803891600", 1803895200),
        (r"Y-m-d\TH:i:sO", f"{MONDAY}T10:00:00+0100", f"{MONDAY}T11:00:00+0100"),
        ("Y-m-d H:i e", f"{MONDAY} 10:00 Europe/Berlin", f"{MONDAY} 10:00 UTC"),
    ],
)
def test_times_are_read_in_the_format_that_is_announced(place: Place, form: str, start: str, end: Any) -> None:
    body = place.event(start=start, end=end)
    event = place.made(EVENTS, body, Timekit_InputTimestampFormat=form)
    assert event["start"][:10] == MONDAY
    wrong = place.post(EVENTS, place.event(start="soon"), Timekit_InputTimestampFormat=form)
    assert "start" in wrong.json()["errors"]


def test_a_time_without_an_offset_is_meant_in_the_zone_of_the_header_or_of_the_calendar(place: Place) -> None:
    naive = place.event(start=f"{MONDAY}T10:00:00", end=f"{MONDAY} 11:00:00")
    assert place.made(EVENTS, naive)["start"] == f"{MONDAY}T10:00:00+01:00"
    told = place.made(EVENTS, naive, Timekit_Timezone="America/New_York")
    assert told["start"] == f"{MONDAY}T10:00:00-05:00"
    day = place.made(EVENTS, place.event(start=MONDAY, end="2027-03-02", all_day=True), Timekit_Timezone="Asia/Tokyo")
    assert (day["start"], day["end"]) == (f"{MONDAY}T08:00:00+09:00", "2027-03-02T08:00:00+09:00")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Timezone", "Mars/Olympus"),
        ("Timezone", "x" * 5000),
        ("InputTimestampFormat", "H:i"),
        ("InputTimestampFormat", "Y-m-d Y"),
        ("InputTimestampFormat", "Y" * 101),
        ("OutputTimestampFormat", "Y" * 101),
    ],
)
def test_a_header_that_cannot_be_obeyed_is_named(place: Place, name: str, value: str) -> None:
    answer = place.get(EVENTS, **{f"Timekit_{name}": value})
    assert (answer.status_code, list(answer.json()["errors"])) == (422, [f"Timekit-{name}"])


# ── Paths, bodies, tenancy, hostile input ──


def test_the_prefixed_path_and_a_slash_at_the_end_answer_alike(place: Place) -> None:
    for path in ("/timekit/v2/events", "/v2/events/", "/timekit/v2/events/"):
        assert place.post(path, place.event()).status_code == 201
    assert re.match(
        r"http://testserver/timekit/v2/events\?",
        place.get("/timekit/v2/events?limit=1&end=2027-03-05&start=2027-03-01").json()["next_page_url"],
    )


@pytest.mark.parametrize("path", ["/v2/nothing", "/timekit/v1/events", "/v2/", "/timekit/", "/v2/bookings/a/b/c"])
def test_an_unknown_path_is_answered_in_the_vendors_shape(place: Place, path: str) -> None:
    answer = place.get(path)
    assert (answer.status_code, answer.json()) == (404, {"error": "Resource does not exist"})


@pytest.mark.parametrize("label", ["", "text/plain", "application/x-www-form-urlencoded", "nonsense"])
def test_a_body_is_read_whatever_its_label_says(place: Place, label: str) -> None:
    assert place.post(EVENTS, place.event(), Content_Type=label).status_code == 201


@pytest.mark.parametrize(("body", "code"), [(b"{", 400), (b"[]", 400), (b"", 422), (b"null", 400), (b'"x"', 400)])
def test_a_body_that_is_no_object_is_refused(place: Place, body: bytes, code: int) -> None:
    answer = place.post(EVENTS, body)
    assert answer.status_code == code
    assert set(answer.json()) == ({"errors"} if code == 422 else {"error"})


def _things(place: Place) -> dict[str, str]:
    """One id of each kind."""
    event = place.made(EVENTS, place.event())
    booking = place.made(BOOKINGS, place.booking(start=f"{MONDAY}T20:00:00Z", end=f"{MONDAY}T21:00:00Z"))
    ids = {"event": event["id"], "booking": booking["id"]}
    return ids | {"calendar": place.calendar_id, "resource": place.resource_id, "project": place.project_id}


@pytest.mark.parametrize("strange", ["abroad", "nothing", "nonsense", "hostile"])
def test_a_foreign_id_is_answered_exactly_like_a_missing_one(place: Place, abroad: Place, strange: str) -> None:
    theirs = _things(abroad)
    ids = (
        theirs
        if strange == "abroad"
        else dict.fromkeys(theirs, {"nothing": str(uuid.uuid4()), "nonsense": "x", "hostile": "%00'%22;--"}[strange])
    )
    reads = [
        *(f"{EVENTS}/{ids['event']}", f"{BOOKINGS}/{ids['booking']}", f"{CALENDARS}/{ids['calendar']}"),
        *(f"{RESOURCES}/{ids['resource']}", f"{PROJECTS}/{ids['project']}", f"{PROJECTS}/embed/{ids['project']}"),
        f"{PROJECTS}/{ids['project']}/resources",
    ]
    for path in reads:
        assert status(place, "GET", path) == 404
    for method, path, body in (
        *((each, f"{EVENTS}/{ids['event']}", {"what": "x"}) for each in ("PUT", "PATCH", "DELETE")),
        *((each, f"{BOOKINGS}/{ids['booking']}", {"meta": {}}) for each in ("PUT", "DELETE")),
        *(("PUT", f"{BOOKINGS}/{ids['booking']}/{each}", {}) for each in ("cancel", "confirm", "decline", "complete")),
        ("POST", f"{BOOKINGS}/{ids['booking']}/reschedule", {"start": f"{MONDAY}T01:00:00Z"}),
        ("PUT", f"{BOOKINGS}/bulk", {"ids": [ids["booking"]], "action": "cancel"}),
        *((each, f"{CALENDARS}/{ids['calendar']}", {"name": "x"}) for each in ("PUT", "DELETE")),
        *((each, f"{RESOURCES}/{ids['resource']}", {"name": "x"}) for each in ("PUT", "DELETE")),
        *((each, f"{PROJECTS}/{ids['project']}", {"name": "x"}) for each in ("PUT", "DELETE")),
        ("POST", f"{PROJECTS}/{ids['project']}/resources", {"resource_id": place.resource_id}),
        ("DELETE", f"{PROJECTS}/{place.project_id}/resources/{ids['resource']}", None),
    ):
        assert status(place, method, path, body) == 404, (method, path)
    for path, body, field in (
        (EVENTS, place.event(calendar_id=ids["calendar"]), "calendar_id"),
        (BOOKINGS, place.booking(resource_id=ids["resource"]), "resource_id"),
        (BOOKINGS, place.booking(project_id=ids["project"]), "project_id"),
        (BOOKINGS, place.booking(calendar_id=ids["calendar"]), "calendar_id"),
        (AVAILABILITY, {"resources": [ids["resource"]]}, "resources.0"),
        (AVAILABILITY, {"project_id": ids["project"]}, "project_id"),
        ("/v2/findtime", {"resource_ids": [ids["resource"]]}, "resources.0"),
        ("/v2/findtime", {"emails": [abroad.host.email]}, "emails.0"),
        (CALENDARS, {"name": "x", "resource_id": ids["resource"]}, "resource_id"),
        (PROJECTS, {"name": "x", "resources": [ids["resource"]]}, "resources.0"),
    ):
        answer = place.post(path, body)
        assert (answer.status_code, list(answer.json()["errors"])) == (422, [field]), path
    assert Event.objects.for_tenant(abroad.organisation).count() == 2
    assert Host.objects.for_tenant(abroad.organisation).filter(is_active=True).count() == 2


HOSTILE = [
    case["value"]
    for case in json.loads((Path(__file__).parents[2] / "oracles" / "hostile.json").read_text())["cases"]
    if isinstance(case.get("value"), str)
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_refused_or_carried_as_text(place: Place, text: str) -> None:
    event = place.post(EVENTS, place.event(what=text, where=text, description=text))
    if event.status_code == 201:
        assert {event.json()["data"][name] for name in ("what", "where", "description")} == {text}
    else:
        assert event.status_code in (400, 422)
    for name in ("calendar_id", "start", "end", "my_rsvp", "invite", "all_day", "free", "sync_provider"):
        answer = place.post(EVENTS, place.event(**{name: text}))
        assert answer.status_code in (400, 422) or not text
    assert place.post(EVENTS, place.event(participants=[text])).status_code in (201, 400, 422)
    booking = place.post(
        BOOKINGS, place.booking(what=text, description=text, meta={"a": text}, customer={"comment": text})
    )
    assert booking.status_code in (201, 400, 422)
    for name in ("name", "email", "phone", "voip", "timezone"):
        assert place.post(BOOKINGS, place.booking(customer={name: text})).status_code in (201, 400, 422)
    for name in ("graph", "action", "resource_id", "project_id", "calendar_id"):
        assert place.post(BOOKINGS, place.booking(**{name: text})).status_code in (400, 422) or not text
    for name in ("from", "to", "length", "buffer", "timeslot_increments", "output_timezone", "mode"):
        body = {"resources": [place.resource_id], "to": "1 day", name: text}
        assert place.post(AVAILABILITY, body).status_code in (200, 400, 422)
    for body in (
        {"name": text, "timezone": "UTC"},
        {"name": "x", "timezone": text},
        {"name": "x", "timezone": "UTC", "email": text},
    ):
        assert place.post(RESOURCES, body).status_code in (201, 400, 422)
    for name in ("name", "slug", "description"):
        assert place.post(PROJECTS, {"name": "x", name: text}).status_code in (201, 400, 422)
    assert place.post(CALENDARS, {"name": text, "resource_id": place.resource_id}).status_code in (201, 400, 422)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_queries_are_refused_or_ignored(place: Place, text: str) -> None:
    client = Client(raise_request_exception=False)
    headers = {"Authorization": basic("", place.app_key)}
    for path in (EVENTS, BOOKINGS, RESOURCES, CALENDARS, PROJECTS):
        for name in ("start", "end", "page", "limit", "search", "orderBy", "sortedBy", "include", "calendar_id"):
            assert client.get(path, {name: text}, headers=headers).status_code in (200, 400, 422), (path, name)
    for name in ("state", "resource.id", "project.id", "customer.email", "name", "slug", "email", "calendar.id"):
        for path in (EVENTS, BOOKINGS, RESOURCES, CALENDARS, PROJECTS):
            assert client.get(path, {"search": f"{name}:{text}"}, headers=headers).status_code in (200, 400, 422), (
                path,
                name,
            )


def test_nothing_of_another_organisation_is_listed(place: Place, abroad: Place) -> None:
    _things(abroad)
    for path in (f"{EVENTS}?start={MONDAY}&end=2027-03-03", BOOKINGS):
        assert place.get(path).json()["total"] == 0
    assert Booking.objects.for_tenant(place.organisation).count() == 0
    for path, mine in ((RESOURCES, 2), (CALENDARS, 2), (PROJECTS, 1)):
        assert place.get(path).json()["total"] == mine
