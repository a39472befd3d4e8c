"""What happens in Google Calendar takes the host's time here; what happens to our own events there is told."""

from __future__ import annotations

from dataclasses import replace

from bookings.domain import calendar as events
from bookings.domain.audit import SYSTEM
from bookings.engine.zones import wall, zone
from bookings.formats.event import Person
from bookings.models import Account, Calendar, Event, Mirror
from providers import push
from providers.base import adapter
from providers.google import calls
from providers.google.scopes import PREFIX
from providers.lab.double import Fault, Told
from tests.providers.google.conftest import OWNER, Connected, connect, renew_token

NINE = wall(2027, 3, 1, 9)  # a Monday, winter time everywhere
LIST = r"^GET /calendars/[^/]+/events$"


def hour(hour_of_day: int = 9, day: int = 1) -> dict:
    """An hour of that day, UTC."""
    return {
        "start": {"dateTime": f"2027-03-{day:02d}T{hour_of_day:02d}:00:00Z"},
        "end": {"dateTime": f"2027-03-{day:02d}T{hour_of_day + 1:02d}:00:00Z"},
    }


def spans(connected: Connected) -> list[tuple[int, int]]:
    """Busy times in hours after nine."""
    return [((start - NINE) // 3600, (end - NINE) // 3600) for start, end in connected.busy()]


def test_an_event_made_moved_and_deleted_there_is_followed(connected: Connected) -> None:
    made = connected.google.add(OWNER, summary="Elsewhere", **hour())
    connected.read()
    assert spans(connected) == [(0, 1)]
    connected.google.edit(OWNER, made["id"], **hour(11))
    connected.read()
    assert spans(connected) == [(2, 3)]
    connected.google.remove(OWNER, made["id"])
    connected.read()
    assert spans(connected) == []
    asked = [call.asked for call in connected.google.calls if call.asked.get("syncToken")]
    assert len(asked) == 2, "after the first time only changes are read"


BUSY_RULE: dict[str, tuple[dict, str]] = {
    "plain": ({}, "busy"),
    "perhaps": ({"status": "tentative"}, "tentative"),
    "marked free": ({"transparency": "transparent"}, "free"),
    "at the office": ({"eventType": "workingLocation"}, "free"),
    "somebody's birthday": ({"eventType": "birthday"}, "free"),
    "out of office": ({"eventType": "outOfOffice"}, "away"),
    "focus": ({"eventType": "focusTime"}, "busy"),
    "from a mail": ({"eventType": "fromGmail"}, "busy"),
    "private": ({"visibility": "private"}, "busy"),
    "declined": ({"attendees": [{"email": OWNER, "responseStatus": "declined"}]}, "free"),
    "maybe": ({"attendees": [{"email": OWNER, "responseStatus": "tentative"}]}, "tentative"),
    "unanswered": ({"attendees": [{"email": OWNER, "responseStatus": "needsAction"}]}, "busy"),
    "declined by another": ({"attendees": [{"email": "other@example.org", "responseStatus": "declined"}]}, "busy"),
}


def test_what_counts_as_busy(connected: Connected) -> None:
    shelf = connected.google.shelves[OWNER]
    for title, (fields, _) in BUSY_RULE.items():
        made = connected.google.add(OWNER, organiser="chief@example.com", summary=title, **hour())
        shelf.events[made["id"]] |= fields
    connected.read()
    found = dict(Event.everywhere.filter(calendar=connected.calendar).values_list("title", "free_busy_status"))
    assert found == {title: kind for title, (_, kind) in BUSY_RULE.items()}


def test_days_fill_the_calendars_day_and_times_are_read_in_their_zone(connected: Connected) -> None:
    connected.google.add(OWNER, summary="Away", start={"date": "2027-03-02"}, end={"date": "2027-03-04"})
    york = {"timeZone": "America/New_York"}
    connected.google.add(
        OWNER,
        summary="Call",
        start={"dateTime": "2027-03-01T10:00:00"} | york,
        end={"dateTime": "2027-03-01T11:00:00"} | york,
    )
    # Two in the morning comes twice that night; Google says which one by its offset.
    autumn = [{"dateTime": f"2026-10-25T0{at}:30:00+01:00", "timeZone": "Europe/Berlin"} for at in (2, 3)]
    connected.google.add(OWNER, summary="Second pass", start=autumn[0], end=autumn[1])
    connected.read()
    berlin = zone("Europe/Berlin")
    assert {event.title: (event.start_s, event.end_s) for event in Event.everywhere.all()} == {
        "Away": (berlin.to_utc(wall(2027, 3, 2)), berlin.to_utc(wall(2027, 3, 4))),
        "Call": (wall(2027, 3, 1, 15), wall(2027, 3, 1, 16)),
        "Second pass": (wall(2026, 10, 25, 1, 30), wall(2026, 10, 25, 2, 30)),
    }


def test_pages_are_read_to_the_last_also_short_ones(connected: Connected) -> None:
    connected.google.largest_page = 2
    for day in range(1, 6):
        connected.google.add(OWNER, **hour(day=day))
    connected.read()
    assert len(connected.busy()) == 5
    assert connected.google.count(LIST) == 3


def test_a_crash_between_pages_loses_nothing_and_frees_nothing(connected: Connected) -> None:
    for day in range(1, 4):
        connected.google.add(OWNER, **hour(day=day))
    connected.read()
    connected.google.largest_page = 2
    for day in range(4, 8):
        connected.google.add(OWNER, **hour(day=day))
    connected.google.faults.append(
        Fault("answer", LIST, told=Told(503, {"error": {"errors": [{"reason": "backendError"}]}}))
    )
    assert connected.read().failed == 1
    connected.calendar.refresh_from_db()
    assert connected.calendar.state == Calendar.State.STALE
    assert len(connected.busy()) == 3
    connected.read()
    assert len(connected.busy()) == 7


def test_an_expired_token_means_reading_all_anew_and_never_free_time(connected: Connected) -> None:
    kept = connected.google.add(OWNER, **hour())
    gone = connected.google.add(OWNER, **hour(12))
    connected.read()
    connected.google.expire_tokens()
    connected.google.remove(OWNER, gone["id"])
    connected.google.forget_tombstones(OWNER)
    connected.google.faults.append(Fault("lost_answer", LIST, times=1))
    connected.read()
    assert len(connected.busy()) == 2, "unknown is not free"
    connected.read()
    assert spans(connected) == [(0, 1)]
    assert kept["id"] == Event.everywhere.get(deleted_at=None).remote_id


def test_one_unreadable_event_is_set_aside_and_the_others_block(connected: Connected) -> None:
    good, bad = connected.google.add(OWNER, **hour()), connected.google.add(OWNER, **hour(11))
    connected.google.shelves[OWNER].events[bad["id"]]["recurrence"] = ["RRULE:FREQ=NEVER"]
    connected.google.shelves[OWNER].events[good["id"]]["description"] = "x"
    connected.read()
    connected.calendar.refresh_from_db()
    assert [each["href"] for each in connected.calendar.quarantined] == [bad["id"]]
    assert connected.calendar.state == Calendar.State.OK
    assert (0, 1) in spans(connected)


def test_our_own_event_is_not_busy_twice_and_not_flagged(connected: Connected) -> None:
    event = connected.make()
    before = connected.busy()
    connected.read()
    assert connected.busy() == before
    assert connected.mirror(event).difference == {}
    assert Event.everywhere.filter(calendar=connected.calendar).count() == 1


def test_a_guests_answer_is_known_here_and_never_flagged(connected: Connected) -> None:
    event = connected.make(people=(Person("guest@example.net"),))
    connected.read()
    connected.google.answer(OWNER, connected.there[0]["id"], "guest@example.net", "declined")
    connected.read()
    assert event.participants.get().rsvp == "declined"
    assert connected.mirror(event).difference == {}


def test_what_the_host_does_to_our_event_is_flagged_and_never_reverted(connected: Connected) -> None:
    event = connected.make()
    connected.read()
    name = connected.there[0]["id"]
    connected.google.edit(OWNER, name, colorId="3")
    connected.read()
    assert connected.mirror(event).difference == {}, "a colour is the host's own affair"
    connected.google.edit(OWNER, name, summary="Renamed there")
    connected.read()
    assert connected.mirror(event).difference == {"kind": "edited"}
    times = {side: {"dateTime": f"2031-03-04T1{at}:00:00Z"} for side, at in (("start", 2), ("end", 3))}
    connected.google.edit(OWNER, name, **times)
    connected.read()
    moved = connected.mirror(event).difference
    assert (moved["kind"], moved["start_s"]) == ("moved", wall(2031, 3, 4, 12))
    push.deliver()
    assert connected.there[0]["summary"] == "Renamed there"
    connected.google.remove(OWNER, name)
    connected.read()
    assert connected.mirror(event).difference == {"kind": "deleted"}
    assert Event.everywhere.get(pk=event.pk).deleted_at is None


def test_a_copy_of_our_event_in_another_calendar_of_the_host_is_not_busy_again(connected: Connected) -> None:
    connected.make()
    (there,) = connected.there
    connected.google.calendar("ada.second@example.org")
    second = connect(connected.google, owner="ada.second@example.org", org=connected.host.organisation)
    Account.everywhere.filter(pk=second.account.pk).update(host=connected.host)
    kept = {name: there[name] for name in ("summary", "start", "end", "iCalUID")}
    shared = {"shared": there["extendedProperties"]["shared"]}
    connected.google.add("ada.second@example.org", organiser=OWNER, extendedProperties=shared, **kept)
    before = connected.busy()
    second.read()
    assert connected.busy() == before


def test_an_event_read_there_and_changed_here_is_changed_there(connected: Connected) -> None:
    made = connected.google.add(OWNER, summary="Theirs", **hour())
    connected.read()
    event = Event.everywhere.get(calendar=connected.calendar)
    data = events.data_of(event)
    events.change(event, replace(data, title="Ours", start_wall=data.start_wall + 3600), actor=SYSTEM)
    push.deliver()
    (there,) = connected.there
    assert (there["id"], there["summary"]) == (made["id"], "Ours")
    connected.read()
    assert spans(connected) == [(1, 2)]
    assert Mirror.everywhere.get().in_sync


def test_descriptions_with_markup_are_known_as_such(connected: Connected) -> None:
    connected.google.add(OWNER, summary="Rich", description="<b>Agenda</b><br>1 < 2", **hour())
    connected.google.add(OWNER, summary="Plain", description="1 < 2 > 0", **hour())
    connected.read()
    kinds = dict(Event.everywhere.values_list("title", "description_type"))
    assert kinds == {"Rich": "text/html", "Plain": "text/plain"}


def test_a_calendar_that_is_gone_goes_on_blocking_and_says_so(connected: Connected) -> None:
    connected.google.add(OWNER, **hour())
    connected.read()
    del connected.google.shelves[OWNER]
    connected.read()
    connected.calendar.refresh_from_db()
    assert (connected.calendar.state, connected.calendar.last_error) == (Calendar.State.GONE, calls.GONE)
    assert spans(connected) == [(0, 1)]


def test_a_calendar_shared_for_busy_times_alone_blocks_too(connected: Connected) -> None:
    shelf = connected.google.shelves[OWNER]
    connected.google.calendar("boss@example.org")
    shelf.owner, shelf.roles = "boss@example.org", {OWNER: "freeBusyReader"}
    connected.google.add(OWNER, summary="Secret", **hour())
    connected.read()
    assert spans(connected) == [(0, 1)]
    assert Event.everywhere.get(calendar=connected.calendar).title == ""


# ── What the person allowed ──


def scopes(*names: str) -> str:
    return " ".join(PREFIX + name for name in names)


def test_without_events_busy_times_alone_are_read(connected: Connected) -> None:
    renew_token(connected, scopes("calendar.calendarlist.readonly", "calendar.freebusy"))
    made = connected.google.add(OWNER, summary="Secret", **hour())
    connected.read()
    assert spans(connected) == [(0, 1)]
    assert Event.everywhere.get(calendar=connected.calendar).title == "Busy"
    provider = adapter(connected.account)
    assert provider.capability.write is False
    assert any("bookings cannot be written" in note for note in provider.capability.notes)
    assert [calendar.writable for calendar in provider.list_calendars()] == [False]
    connected.google.remove(OWNER, made["id"])
    connected.read()
    assert spans(connected) == []


def test_without_permission_to_write_a_calendar_becomes_read_only_and_is_still_read(connected: Connected) -> None:
    renew_token(connected, scopes("calendar.calendarlist.readonly", "calendar.events.readonly"))
    connected.google.add(OWNER, **hour())
    connected.make()
    connected.calendar.refresh_from_db()
    assert not connected.calendar.is_writable
    assert connected.calendar.last_error == calls.SCOPE_MISSING
    assert connected.read().read == 1
    connected.account.refresh_from_db()
    assert connected.account.health == Account.Health.OK
    assert (0, 1) in spans(connected)


def test_without_the_list_of_calendars_the_main_one_is_offered(connected: Connected) -> None:
    renew_token(connected, scopes("calendar.events"))
    provider = adapter(connected.account)
    assert [(each.external_id, each.primary) for each in provider.list_calendars()] == [("primary", True)]
    assert provider.health().is_done


def test_without_any_permission_to_read_the_person_is_asked(connected: Connected) -> None:
    renew_token(connected, scopes("calendar.calendarlist.readonly"))
    connected.read()
    connected.account.refresh_from_db()
    assert connected.account.health == Account.Health.REAUTH


def test_calendars_are_listed_with_their_roles_page_by_page(connected: Connected) -> None:
    google = connected.google
    google.largest_page = 2
    google.calendar(OWNER, "team@group", summary="Team", timezone="Asia/Tokyo")
    google.calendar("boss@example.org", roles={OWNER: "reader"}, colour="#ff0000")
    google.calendar("shy@example.org", roles={OWNER: "freeBusyReader"})
    google.calendar("stranger@example.org")
    provider = adapter(connected.account)
    found = {each.external_id: each for each in provider.list_calendars()}
    assert {name: each.writable for name, each in found.items()} == {
        OWNER: True,
        "team@group": True,
        "boss@example.org": False,
        "shy@example.org": False,
    }
    assert (found[OWNER].primary, found["team@group"].primary) == (True, False)
    assert (found["team@group"].timezone, found["boss@example.org"].colour) == ("Asia/Tokyo", "#ff0000")
    assert provider.owner() == OWNER
