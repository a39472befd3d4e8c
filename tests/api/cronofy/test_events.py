"""/v1/calendars/{calendar_id}/events and /v1/events: what an application writes, and what it reads back."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bookings.api.cronofy import paging
from bookings.domain import calendar, refs
from bookings.domain.accounts import ensure_local
from bookings.domain.audit import SYSTEM
from bookings.engine.zones import zone
from bookings.formats.event import EventData, Person
from bookings.models import Booking, Busy, Event, Mirror
from tests import factories
from tests.api.cronofy.calls import Caller, at, caller, day, second
from tests.api.worlds import World, problems

LIST = "/v1/events"
WINDOW = {"from": at(-48), "to": at(480), "tzid": "Etc/UTC"}


def board_meeting(**changes: Any) -> dict[str, Any]:
    """The vendor's example, on that Monday; a change to None leaves the field out."""
    whole = {
        "event_id": "qTtZdczOccgaPncGJaCiLg",
        "summary": "Board meeting",
        "description": "Discuss plans for the next quarter.",
        "start": at(15.5),
        "end": at(17),
        "location": {"description": "Board room"},
    } | changes
    return {name: value for name, value in whole.items() if value is not None}


def upsert(me: Caller, **changes: Any) -> Any:
    return me.post(f"/v1/calendars/{me.calendar_id}/events", board_meeting(**changes))


def listed(me: Caller, **query: Any) -> list[dict[str, Any]]:
    answer = me.get(LIST, **WINDOW | {"include_managed": True} | query)
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["events"]
    return found


def weekly(me: Caller, hour: int = 9, **changes: Any) -> Event:
    """A series of four Mondays in Berlin, made by staff."""
    start = zone("Europe/Berlin").to_wall(int(day().timestamp())) // 86_400 * 86_400 + hour * 3600
    data = EventData("Stand-up", start, "Europe/Berlin", 1800, recurrence_rules=("FREQ=WEEKLY;COUNT=4",))
    return calendar.create(me.calendar, data, actor=SYSTEM)


def test_the_documented_example_is_accepted_and_read_back(me: Caller) -> None:
    answer = me.send(
        "POST",
        f"/v1/calendars/{me.calendar_id}/events",
        json.dumps(board_meeting(), indent=2).encode(),
        Content_Type="application/json; charset=utf-8",
    )
    assert (answer.status_code, answer.content) == (202, b"")
    whole = me.get(LIST, **WINDOW, include_managed="true").json()
    assert whole["pages"] == {"current": 1, "total": 1}
    [event] = whole["events"]
    for name in ("created", "updated"):
        assert second(event.pop(name)) > 1_700_000_000
    assert event.pop("event_uid").startswith("evt_external_")
    assert event == {
        "calendar_id": me.calendar_id,
        "event_id": "qTtZdczOccgaPncGJaCiLg",
        "summary": "Board meeting",
        "description": "Discuss plans for the next quarter.",
        "start": at(15.5),
        "end": at(17),
        "deleted": False,
        "location": {"description": "Board room"},
        "participation_status": "accepted",
        "attendees": [],
        "transparency": "opaque",
        "status": "confirmed",
        "categories": [],
        "recurring": False,
        "event_private": False,
        "options": {"delete": True, "update": True, "change_participation_status": True},
    }


def test_the_same_id_again_changes_the_event_and_makes_no_other(me: Caller) -> None:
    upsert(me)
    [before] = listed(me)
    upsert(me, summary="Moved", start=at(10), end=at(11), description=None, location=None)
    [after] = listed(me)
    assert after["event_uid"] == before["event_uid"]
    assert (after["summary"], after["start"], after["description"]) == ("Moved", at(10), "")
    assert "location" not in after


def test_the_same_upsert_twice_changes_nothing(me: Caller) -> None:
    for _ in range(3):
        assert upsert(me).status_code == 202
    assert (Event.everywhere.get().revision, Busy.everywhere.count()) == (1, 1)


def test_the_same_id_in_another_calendar_is_another_event(world: World, me: Caller) -> None:
    other = caller(world, world.colleague)
    upsert(me)
    upsert(other, summary="Theirs")
    assert [each["summary"] for each in (*listed(me), *listed(other))] == ["Board meeting", "Theirs"]


def test_an_upsert_takes_time_and_a_transparent_one_does_not(world: World, me: Caller) -> None:
    def free() -> list[Any]:
        query = {
            "participants": [{"members": [{"sub": world.sub}]}],
            "required_duration": {"minutes": 60},
            "query_periods": [{"start": at(15), "end": at(18)}],
        }
        found: list[Any] = me.post("/v1/availability", query).json()["available_periods"]
        return [(each["start"], each["end"]) for each in found]

    upsert(me)
    assert free() == [(at(17), at(18))]
    upsert(me, transparency="transparent")
    assert free() == [(at(15), at(18))]
    assert listed(me)[0]["transparency"] == "transparent"


def test_it_is_sent_to_the_calendar_that_the_host_connected(world: World) -> None:
    connected = factories.caldav_calendar(world.host, state="ok")
    me = caller(world)
    calendar_id = refs.ref("cronofy", "calendar", connected)
    assert me.post(f"/v1/calendars/{calendar_id}/events", board_meeting()).status_code == 202
    assert Mirror.everywhere.get().calendar_id == connected.pk


def test_everything_that_is_documented_is_kept(me: Caller) -> None:
    upsert(
        me,
        tzid="Europe/London",
        location={"description": "Board room", "lat": "51.507222", "long": -0.1275},
        url="https://example.org/board",
        reminders=[{"minutes": 30}, {"minutes": 1440}],
        reminders_create_only=True,
        extended_transparency="out_of_office",
        event_private=True,
        attendees={"invite": [{"email": "doc@evenitron.com", "display_name": "Doc"}]},
        conferencing={"profile_id": "explicit", "provider_description": "Room 1", "join_url": "https://meet.example/1"},
        subscriptions=[{"type": "webhook", "uri": "https://example.org/hook"}],
        color="#ff0000",
    )
    [event] = listed(me, include_geo=True)
    assert event["location"] == {"description": "Board room", "lat": "51.507222", "long": "-0.1275"}
    assert (event["event_private"], event["transparency"], event["extended_transparency"]) == (
        True,
        "opaque",
        "out_of_office",
    )
    assert (event["meeting_url"], event["url"], event["color"]) == (
        "https://meet.example/1",
        "https://example.org/board",
        "#ff0000",
    )
    assert event["attendees"] == [{"email": "doc@evenitron.com", "display_name": "Doc", "status": "needs_action"}]
    assert event["organizer"] == {"email": me.host.email, "display_name": me.host.name}
    kept = Event.everywhere.get()
    offsets = [alert["trigger"]["offset"] for alert in kept.alerts.values()]
    assert (kept.timezone, offsets, kept.notify_guests) == ("Europe/London", ["-PT30M", "-PT1440M"], True)
    assert refs.kept("cronofy", "event", [kept])[kept.pk]["subscriptions"][0]["type"] == "webhook"


def test_reminders_for_the_creation_only_do_not_change_later(me: Caller) -> None:
    upsert(me, reminders=[{"minutes": 10}])
    upsert(me, reminders=[{"minutes": 99}], reminders_create_only=True)
    upsert(me)
    assert [each["trigger"]["offset"] for each in Event.everywhere.get().alerts.values()] == ["-PT10M"]


def test_guests_stay_until_they_are_removed(me: Caller) -> None:
    upsert(me, attendees={"invite": [{"email": "a@example.org"}, {"email": "b@example.org"}]})
    upsert(me, attendees={"invite": [{"email": "C@example.org"}], "remove": [{"email": "A@example.org"}]})
    upsert(me)
    assert [each["email"] for each in listed(me)[0]["attendees"]] == ["b@example.org", "C@example.org"]


@pytest.mark.parametrize(
    ("start", "end", "tzid"),
    [
        (at(15.5), at(17), None),
        (at(15.5).replace("Z", "UTC"), at(17).replace("Z", "+00:00"), None),
        (at(17.5).replace("Z", "+02:00"), at(19).replace("Z", "+0200"), None),
        ({"time": at(15.5), "tzid": "Asia/Tokyo"}, {"time": at(17), "tzid": "Asia/Tokyo"}, None),
        ({"time": at(15.5)}, at(17), "Asia/Tokyo"),
    ],
)
def test_a_time_may_be_spelt_in_several_ways(me: Caller, start: Any, end: Any, tzid: str | None) -> None:
    assert upsert(me, start=start, end=end, tzid=tzid).status_code == 202
    [event] = listed(me)
    assert (event["start"], event["end"]) == (at(15.5), at(17))


def test_dates_make_an_all_day_event_that_ends_before_its_end(me: Caller) -> None:
    first, after = day().date(), (day() + timedelta(days=2)).date()
    upsert(me, start=str(first), end=str(after))
    [event] = listed(me)
    assert (event["start"], event["end"]) == (str(first), str(after))
    upsert(me, start=str(first), end=str(first))
    [event] = listed(me)
    assert (event["start"], event["end"]) == (str(first), str(first + timedelta(days=1)))


def test_localized_times_are_those_of_the_events_clock(me: Caller) -> None:
    upsert(me, tzid="Asia/Tokyo")
    [event] = listed(me, localized_times="True")
    assert event["start"]["tzid"] == "Asia/Tokyo"
    assert event["start"]["time"].endswith("+09:00")
    assert second(event["start"]["time"]) == second(at(15.5))


def test_the_second_of_two_equal_hours_stays_the_second(me: Caller) -> None:
    first, second_pass = "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"  # both half past two in Berlin
    for start in (first, second_pass):
        upsert(me, start=start, end="2026-10-25T02:30:00Z", tzid="Europe/Berlin")
        assert Event.everywhere.get().start_s == second(start)


def test_managed_events_are_told_when_they_are_asked_for(me: Caller) -> None:
    upsert(me)
    weekly(me)
    everything, only, others = (
        len(listed(me, **query)) for query in ({}, {"only_managed": "True"}, {"include_managed": "False"})
    )
    assert (everything, only, others) == (4, 1, 3)


def test_without_bounds_managed_events_of_all_times_are_told(me: Caller) -> None:
    upsert(me)
    upsert(me, event_id="long-ago", start="2019-01-01T09:00:00Z", end="2019-01-01T10:00:00Z")
    found = me.get(LIST, tzid="Etc/UTC", include_managed="true").json()["events"]
    assert [each["event_id"] for each in found] == ["long-ago", "qTtZdczOccgaPncGJaCiLg"]


def test_every_occurrence_of_a_series_has_an_id_of_its_own_and_one_in_common(me: Caller) -> None:
    weekly(me)
    found = listed(me)
    assert len({each["event_uid"] for each in found}) == len(found) == 3
    [series] = {each["series_identifier"] for each in found}
    assert all(each["recurring"] and each["event_uid"].startswith(series) for each in found)


def test_one_occurrence_can_be_changed_and_deleted_alone(me: Caller) -> None:
    weekly(me)
    first, other, _ = listed(me)
    path = f"/v1/calendars/{me.calendar_id}/events"
    assert me.post(path, {"event_uid": other["event_uid"], "summary": "Retro"}).status_code == 202
    assert me.delete(path, {"event_uid": first["event_uid"]}).status_code == 202
    found = listed(me)
    assert [(each["event_uid"], each["summary"]) for each in found] == [
        (other["event_uid"], "Retro"),
        (found[1]["event_uid"], "Stand-up"),
    ]
    assert (found[0]["start"], found[0]["end"]) == (other["start"], other["end"])


def test_deleting_by_id_is_answered_the_same_however_often(me: Caller) -> None:
    upsert(me)
    for _ in range(2):
        answer = me.delete(f"/v1/calendars/{me.calendar_id}/events", {"event_id": "qTtZdczOccgaPncGJaCiLg"})
        assert (answer.status_code, answer.content) == (202, b"")
        assert listed(me) == []
    assert not Busy.everywhere.exists()


def test_an_id_can_be_used_again_after_its_event_was_deleted(me: Caller) -> None:
    for summary in ("One", "Two", "Three"):
        upsert(me, summary=summary)
        assert [each["summary"] for each in listed(me)] == [summary]
        me.delete(f"/v1/calendars/{me.calendar_id}/events", {"event_id": "qTtZdczOccgaPncGJaCiLg"})


def test_deleted_events_leave_a_tombstone(me: Caller) -> None:
    upsert(me)
    [before] = listed(me)
    me.delete(f"/v1/calendars/{me.calendar_id}/events", {"event_id": "qTtZdczOccgaPncGJaCiLg"})
    [gone] = listed(me, include_deleted=True)
    assert (gone["event_uid"], gone["event_id"], gone["deleted"]) == (before["event_uid"], before["event_id"], True)


def test_an_occurrence_that_was_taken_out_leaves_a_tombstone(me: Caller) -> None:
    weekly(me)
    first = listed(me)[0]
    me.delete(f"/v1/calendars/{me.calendar_id}/events", {"event_uid": first["event_uid"]})
    found = {each["event_uid"]: each["deleted"] for each in listed(me, include_deleted=True)}
    assert (found[first["event_uid"]], len(found)) == (True, 3)


def test_a_deleted_series_leaves_a_tombstone_of_each_occurrence(me: Caller) -> None:
    series = weekly(me)
    path = f"/v1/calendars/{me.calendar_id}/events"
    names = [each["event_uid"] for each in listed(me)]
    me.post(path, {"event_uid": names[0], "summary": "Moved", "start": at(11), "end": at(12)})
    me.delete(path, {"event_uid": names[1]})
    calendar.delete(series, actor=SYSTEM)
    gone = listed(me, include_deleted=True)
    assert [(each["event_uid"], each["deleted"]) for each in gone] == [(name, True) for name in names]
    assert (gone[0]["summary"], gone[0]["start"]) == ("Moved", at(11))


def test_an_occurrence_that_was_changed_and_then_deleted_leaves_one_tombstone(me: Caller) -> None:
    weekly(me)
    path = f"/v1/calendars/{me.calendar_id}/events"
    first = listed(me)[0]["event_uid"]
    me.post(path, {"event_uid": first, "summary": "Moved", "start": at(11), "end": at(12)})
    me.delete(path, {"event_uid": first})
    assert [each["deleted"] for each in listed(me, include_deleted=True) if each["event_uid"] == first] == [True]


def test_only_what_changed_since_can_be_asked_for(me: Caller) -> None:
    upsert(me)
    assert len(listed(me, last_modified="2020-01-01T00:00:00Z")) == 1
    assert listed(me, last_modified=at(0)) == []


def test_everything_the_application_made_can_be_deleted_at_once(world: World, me: Caller) -> None:
    weekly(me)
    for event_id in ("a", "b"):
        upsert(me, event_id=event_id)
    upsert(caller(world, world.colleague))
    assert me.delete(LIST, {"delete_all": True}).status_code == 202
    assert [each["summary"] for each in listed(me)] == ["Stand-up"] * 3
    assert len(listed(caller(world, world.colleague))) == 1


def test_everything_in_some_calendars_can_be_deleted_at_once(me: Caller) -> None:
    other = me.post("/v1/calendars", {"profile_id": profile_of(me), "name": "Other"}).json()["calendar"]["calendar_id"]
    upsert(me)
    me.post(f"/v1/calendars/{other}/events", board_meeting(summary="Elsewhere"))
    assert me.delete(f"{LIST}?calendar_ids[]={other}").status_code == 202
    assert [each["summary"] for each in listed(me)] == ["Board meeting"]
    assert me.delete(f"{LIST}?delete_all=True").status_code == 202
    assert listed(me) == []


def profile_of(me: Caller) -> str:
    name: str = me.get("/v1/profiles").json()["profiles"][0]["profile_id"]
    return name


@pytest.mark.parametrize(
    "body", [{}, {"delete_all": False}, {"delete_all": True, "calendar_ids": ["x"]}, {"calendar_ids": []}]
)
def test_a_bulk_delete_says_which_events_it_means(me: Caller, body: dict[str, Any]) -> None:
    upsert(me)
    assert me.delete(LIST, body).status_code == 422
    assert len(listed(me)) == 1


def test_a_booking_is_listed_moved_and_cancelled_like_an_event(me: Caller) -> None:
    booking = factories.booking(me.host, start=second(at(10)), title="Consultation")
    [event] = listed(me)
    assert (event["summary"], event["start"], event["calendar_id"]) == ("Consultation", at(10), me.calendar_id)
    path = f"/v1/calendars/{me.calendar_id}/events"
    change = {"event_uid": event["event_uid"], "start": at(13), "end": at(14), "summary": "Moved"}
    assert me.post(path, change).status_code == 202
    [moved] = listed(me)
    assert (moved["event_uid"], moved["summary"], moved["start"]) == (event["event_uid"], "Moved", at(13))
    assert me.delete(path, {"event_uid": event["event_uid"]}).status_code == 202
    booking.refresh_from_db()
    assert (booking.state, listed(me)) == (Booking.State.CANCELLED, [])
    [gone] = listed(me, include_deleted=True)
    assert (gone["event_uid"], gone["deleted"]) == (event["event_uid"], True)


def test_a_booking_cannot_be_moved_onto_another(me: Caller) -> None:
    factories.booking(me.host, start=second(at(10)), title="First")
    factories.booking(me.host, start=second(at(13)), title="Second")
    first = listed(me)[0]
    answer = me.post(
        f"/v1/calendars/{me.calendar_id}/events",
        {"event_uid": first["event_uid"], "start": at(13), "end": at(14)},
    )
    assert (answer.status_code, problems(answer)) == (422, {"start": ["errors.slot_taken"]})
    assert [each["start"] for each in listed(me)] == [at(10), at(13)]


def test_a_booking_of_two_hosts_is_in_the_calendars_of_both(world: World, me: Caller) -> None:
    factories.booking(world.host, world.colleague, start=second(at(10)), title="Both")
    other = caller(world, world.colleague)
    [mine], [theirs] = listed(me), listed(other)
    assert (mine["calendar_id"], theirs["calendar_id"]) == (me.calendar_id, other.calendar_id)
    assert mine["event_uid"] == theirs["event_uid"]
    assert len(listed(other, calendar_ids=[other.calendar_id])) == 1


def test_an_answer_to_an_invitation_is_told(me: Caller) -> None:
    start = int(day().timestamp()) + 9 * 3600
    people = (
        Person("boss@example.org", "Boss", role="owner", rsvp="accepted"),
        Person(me.host.email, me.host.name, rsvp="needs-action"),
    )
    calendar.create(me.calendar, EventData("Review", start, "UTC", 3600, people=people), actor=SYSTEM)
    [event] = listed(me)
    assert (event["participation_status"], event["organizer"]["email"]) == ("needs_action", "boss@example.org")


def invited(me: Caller, **rules: Any) -> None:
    """An event of somebody else's, to which the account is invited."""
    start = int(day().timestamp()) + 9 * 3600
    people = (
        Person("boss@example.org", "Boss", role="owner", rsvp="accepted"),
        Person(me.host.email.upper(), me.host.name),
    )
    calendar.create(me.calendar, EventData("Review", start, "UTC", 3600, people=people, **rules), actor=SYSTEM)


@pytest.mark.parametrize("status", ["accepted", "tentative", "declined"])
def test_an_account_answers_an_invitation(me: Caller, status: str) -> None:
    invited(me)
    path = f"/v1/calendars/{me.calendar_id}/events/{listed(me)[0]['event_uid']}/participation_status"
    for _ in range(2):
        answer = me.post(path, {"status": status})
        assert (answer.status_code, answer.content) == (202, b"")
    assert listed(me)[0]["participation_status"] == status


def test_one_occurrence_is_answered_alone(me: Caller) -> None:
    invited(me, recurrence_rules=("FREQ=WEEKLY;COUNT=2",))
    path = f"/v1/calendars/{me.calendar_id}/events/{listed(me)[1]['event_uid']}/participation_status"
    me.post(path, {"status": "declined"})
    assert [each["participation_status"] for each in listed(me)] == ["needs_action", "declined"]


def test_an_answer_must_be_one_and_to_an_invitation(me: Caller) -> None:
    upsert(me)
    uid = listed(me)[0]["event_uid"]
    path = f"/v1/calendars/{me.calendar_id}/events/{uid}/participation_status"
    assert problems(me.post(path, {"status": "maybe"})) == {"status": ["errors.invalid"]}
    assert problems(me.post(path, {})) == {"status": ["errors.required"]}
    assert problems(me.post(path, {"status": "accepted"})) == {"event_uid": ["errors.invalid"]}
    assert me.post(path.replace(uid, "evt_external_0"), {"status": "accepted"}).status_code == 404


def test_a_virtual_room_is_made_once_and_kept(me: Caller) -> None:
    for _ in range(2):
        upsert(me, conferencing={"profile_id": "default"})
    [event] = listed(me)
    assert event["meeting_url"].startswith("https://")
    upsert(me)
    assert listed(me)[0]["meeting_url"] == event["meeting_url"]
    assert Event.everywhere.get().revision == 1


def test_a_hosts_own_room_is_the_usual_one(world: World, me: Caller) -> None:
    world.host.room_url = "https://meet.example.org/robin"
    world.host.save()
    upsert(me, conferencing={"profile_id": "default"})
    assert listed(me)[0]["meeting_url"] == "https://meet.example.org/robin"


def test_free_busy_tells_when_and_not_what(me: Caller) -> None:
    upsert(me)
    upsert(me, event_id="b", start=at(18), end=at(19), transparency="transparent")
    upsert(me, event_id="c", start=at(20), end=at(21), extended_transparency="tentative")
    answer = me.get("/v1/free_busy", **WINDOW, include_managed=True).json()
    assert answer["pages"] == {"current": 1, "total": 1}
    assert answer["free_busy"] == [
        {"calendar_id": me.calendar_id, "start": at(15.5), "end": at(17), "free_busy_status": "busy"},
        {"calendar_id": me.calendar_id, "start": at(18), "end": at(19), "free_busy_status": "free"},
        {"calendar_id": me.calendar_id, "start": at(20), "end": at(21), "free_busy_status": "tentative"},
    ]


@pytest.mark.parametrize("prefix", ["", "/cronofy"])
def test_next_page_is_a_whole_address_that_leads_on(
    me: Caller, prefix: str, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(paging, "PAGE", 2)
    for number in range(5):
        upsert(me, event_id=str(number), start=at(9 + number), end=at(10 + number))
    query = WINDOW | {"include_managed": "true", "calendar_ids": [me.calendar_id]}
    whole = me.get(f"{prefix}{LIST}", **query).json()
    found, pages = whole["events"], [whole["pages"]["current"]]
    while url := whole["pages"].get("next_page"):
        assert url.startswith(f"{settings.BASE_URL}{prefix}/v1/events?")
        whole = me.get(url.removeprefix(settings.BASE_URL)).json()
        found += whole["events"]
        pages.append(whole["pages"]["current"])
        assert whole["pages"]["total"] == 3
    assert (pages, [each["event_id"] for each in found]) == ([1, 2, 3], list("01234"))


def test_many_events_cost_as_many_queries_as_few(me: Caller, django_assert_max_num_queries: Any) -> None:
    def some(count: int, name: str) -> None:
        for number in range(count):
            guests = {"invite": [{"email": f"{name}{number}@example.org"}]}
            upsert(me, event_id=f"{name}{number}", attendees=guests)
            factories.booking(me.host, start=second(at(20)) + 3600 * (number + 24 * len(name)), title="x")

    query = WINDOW | {"include_managed": True, "include_deleted": True}
    some(3, "a")
    weekly(me)
    for path in (LIST, "/v1/free_busy"):
        me.get(path, **query)  # names what was never shown, notes that the key is in use
    with django_assert_max_num_queries(25) as few:
        assert len(me.get(LIST, **query).json()["events"]) == 9
    expected = len(few.captured_queries)
    some(12, "bb")
    me.get(LIST, **query)
    with django_assert_max_num_queries(25) as many:
        assert len(me.get(LIST, **query).json()["events"]) == 33
    assert len(many.captured_queries) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"event_id": None}, {"event_id": ["errors.required"]}),
        ({"event_id": ""}, {"event_id": ["errors.required"]}),
        ({"event_id": 7}, {"event_id": ["errors.invalid"]}),
        ({"event_id": "x" * 401}, {"event_id": ["errors.too_long"]}),
        ({"event_uid": "evt_external_0"}, {"event_id": ["errors.invalid"], "event_uid": ["errors.invalid"]}),
        ({"summary": None}, {"summary": ["errors.required"]}),
        ({"summary": "x" * 1025}, {"summary": ["errors.too_long"]}),
        ({"start": None}, {"start": ["errors.required"]}),
        ({"start": "tomorrow"}, {"start": ["errors.invalid"]}),
        ({"start": 7}, {"start": ["errors.invalid"]}),
        ({"start": {}}, {"start.time": ["errors.required"]}),
        ({"start": "2027-02-30T09:00:00Z"}, {"start": ["errors.invalid"]}),
        ({"start": "1899-12-31"}, {"start": ["errors.invalid"]}),
        ({"end": at(15)}, {"end": ["errors.invalid"]}),
        ({"end": "2999-01-01T00:00:00Z"}, {"end": ["errors.invalid"]}),
        ({"start": "2027-03-01"}, {"end": ["errors.invalid"]}),
        ({"tzid": "Nowhere"}, {"tzid": ["errors.invalid"]}),
        ({"transparency": "glass"}, {"transparency": ["errors.invalid"]}),
        ({"event_private": "yes"}, {"event_private": ["errors.invalid"]}),
        ({"location": "here"}, {"location": ["errors.invalid"]}),
        ({"location": {"lat": "x", "long": "1"}}, {"location.lat": ["errors.invalid"]}),
        (
            {"location": {"lat": 91, "long": "nan"}},
            {"location.lat": ["errors.invalid"], "location.long": ["errors.invalid"]},
        ),
        ({"reminders": [{"minutes": -1}]}, {"reminders[0].minutes": ["errors.invalid"]}),
        ({"reminders": [1]}, {"reminders[0]": ["errors.invalid"]}),
        ({"attendees": {"invite": [{}]}}, {"attendees.invite[0].email": ["errors.required"]}),
        ({"attendees": {"invite": [{"email": "x"}]}}, {"attendees.invite": ["errors.invalid"]}),
        ({"attendees": {"remove": "x"}}, {"attendees.remove": ["errors.invalid"]}),
        ({"url": "javascript:alert(1)"}, {"url": ["errors.invalid"]}),
        ({"conferencing": {"join_url": "javascript:x"}}, {"conferencing.join_url": ["errors.invalid"]}),
    ],
)
def test_an_event_that_cannot_be_meant_is_refused_where_it_is_wrong(
    me: Caller, changes: dict[str, Any], expected: dict[str, list[str]]
) -> None:
    answer = upsert(me, **changes)
    assert (answer.status_code, problems(answer)) == (422, expected)
    assert not Event.everywhere.exists()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"tzid": ""}, {"tzid": ["errors.required"]}),
        ({"tzid": "Nowhere"}, {"tzid": ["errors.invalid"]}),
        ({"from": "x"}, {"from": ["errors.invalid"]}),
        ({"to": "2020-01-01"}, {"to": ["errors.invalid"]}),
        ({"from": "2020-01-01"}, {"to": ["errors.invalid"]}),
        ({"include_deleted": "maybe"}, {"include_deleted": ["errors.invalid"]}),
        ({"page": "0"}, {"page": ["errors.invalid"]}),
        ({"page": "²"}, {"page": ["errors.invalid"]}),
        ({"calendar_ids": ["cal_0"]}, {"calendar_ids": ["errors.invalid"]}),
        ({"last_modified": "x"}, {"last_modified": ["errors.invalid"]}),
    ],
)
@pytest.mark.parametrize("path", [LIST, "/v1/free_busy"])
def test_a_query_that_cannot_be_meant_is_refused_where_it_is_wrong(
    me: Caller, path: str, query: dict[str, Any], expected: dict[str, list[str]]
) -> None:
    answer = me.get(path, **WINDOW | query)
    assert (answer.status_code, problems(answer)) == (422, expected)


def test_a_page_that_is_not_there_is_empty(me: Caller) -> None:
    assert me.get(LIST, **WINDOW, page="7").json()["events"] == []


def test_a_read_only_calendar_takes_no_events(world: World, me: Caller) -> None:
    feed = factories.caldav_calendar(world.host, is_writable=False)
    answer = me.post(f"/v1/calendars/{refs.ref('cronofy', 'calendar', feed)}/events", board_meeting())
    assert (answer.status_code, problems(answer)) == (422, {"calendar_id": ["errors.not_allowed"]})


def test_calendars_of_others_are_not_there(world: World, elsewhere: World, me: Caller) -> None:
    names = [refs.ref("cronofy", "calendar", ensure_local(host)) for host in (elsewhere.host, world.colleague)]
    for method in ("POST", "DELETE"):
        answers = [
            me.send(method, f"/v1/calendars/{name}/events", board_meeting()) for name in [*names, "cal_0", "%00"]
        ]
        assert {(answer.status_code, answer.content) for answer in answers} == {(404, b"")}


def test_events_of_others_cannot_be_changed_or_deleted(world: World, elsewhere: World, me: Caller) -> None:
    mine = f"/v1/calendars/{me.calendar_id}/events"
    uids = []
    for other in (caller(elsewhere, elsewhere.host), caller(world, world.colleague)):
        upsert(other)
        uids.append(listed(other)[0]["event_uid"])
    answers = [me.post(mine, {"event_uid": uid, "summary": "Taken over"}) for uid in [*uids, "evt_external_0"]]
    assert {(answer.status_code, answer.content) for answer in answers} == {(422, answers[0].content)}
    assert [me.delete(mine, {"event_uid": uid}).status_code for uid in uids] == [202, 202]
    assert Event.everywhere.filter(title="Board meeting", deleted_at=None).count() == 2


def test_each_call_needs_its_scope_and_an_account(world: World, me: Caller) -> None:
    mine = f"/v1/calendars/{me.calendar_id}/events"
    reader, writer = caller(world, None, "events:read"), caller(world, None, "events:write")
    assert [reader.send(method, mine, board_meeting()).status_code for method in ("POST", "DELETE")] == [403, 403]
    assert (reader.delete(LIST, {"delete_all": True}).status_code, writer.get(LIST, **WINDOW).status_code) == (403, 403)
    assert (reader.get("/v1/free_busy", **WINDOW).status_code, reader.get(LIST, **WINDOW).status_code) == (403, 200)
    application = Caller(world, world.secret, world.host)
    assert application.get(LIST, **WINDOW).status_code == 403
    assert application.send("GET", LIST, query=WINDOW, Cronofy_Impersonate=world.sub).status_code == 200


HOSTILE = [
    case["value"]
    for case in json.loads((Path(__file__).parents[2] / "oracles" / "hostile.json").read_text())["cases"]
    if case["kind"] in ("header-injection", "stored-html", "url", "open-redirect")
]


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_text_is_refused_or_carried_as_text(me: Caller, value: str) -> None:
    texts = ("event_id", "summary", "description", "start", "end", "tzid", "transparency", "url", "color")
    bodies = [{name: value} for name in texts]
    bodies += [{"location": {"description": value, "lat": value}}, {"conferencing": {"join_url": value}}]
    bodies += [{"attendees": {"invite": [{"email": value, "display_name": value}], "remove": [{"email": value}]}}]
    for body in bodies:
        answer = upsert(me, **body)
        assert answer.status_code in (202, 422)
        if answer.status_code == 202:
            assert listed(me)
    for name in ("tzid", "from", "to", "last_modified", "page", "calendar_ids", "include_deleted"):
        assert me.get(LIST, **WINDOW | {name: value}).status_code in (200, 422)
    assert me.post(f"/v1/calendars/{me.calendar_id}/events", {"event_uid": value}).status_code == 422
