"""What happens in a mailbox of Microsoft 365 becomes known here; stale is not free."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bookings.domain import calendar as events
from bookings.domain.audit import SYSTEM
from bookings.formats.event import DECLINED, EventData, Person
from bookings.models import Busy, Calendar, Event, Mirror
from providers import push
from providers.base import Outcome, PullFailed
from providers.lab.double import Fault, Told
from tests.providers.microsoft.conftest import ADA, START, Connected

DELTA = "GET .*/calendarView/delta"
SOON = (datetime.now(UTC) + timedelta(days=10)).replace(hour=9, minute=0, second=0, microsecond=0)


def said(subject: str = "Dentist", *, days: int = 0, hours: float = 1, zone: str = "UTC", **more) -> dict:
    begin = SOON + timedelta(days=days)
    moment = {
        name: {"dateTime": at.strftime("%Y-%m-%dT%H:%M:%S"), "timeZone": zone} for name, at in _ends(begin, hours)
    }
    return {"subject": subject, **moment, **more}


def _ends(begin: datetime, hours: float) -> list[tuple[str, datetime]]:
    return [("start", begin), ("end", begin + timedelta(hours=hours))]


def repeating(count: int = 4, zone: str = "UTC", **pattern) -> dict:
    shape = {"type": "daily", "interval": 1} | pattern
    span = {"type": "numbered", "numberOfOccurrences": count, "startDate": SOON.date().isoformat()}
    return {"pattern": shape, "range": span | {"recurrenceTimeZone": zone}}


def titles(connected: Connected) -> list[str]:
    rows = Event.everywhere.filter(calendar=connected.calendar, deleted_at=None)
    return sorted(rows.values_list("title", flat=True))


def busy(connected: Connected) -> list[int]:
    rows = Busy.everywhere.filter(calendar=connected.calendar, kind="busy").order_by("start_s")
    return list(rows.values_list("start_s", flat=True))


def test_events_of_the_calendar_are_known_and_take_time(connected: Connected) -> None:
    double = connected.double
    double.add(ADA, **said("Dentist", zone="Europe/Berlin", body={"contentType": "html", "content": "<p>Bring it</p>"}))
    double.add(ADA, **said("Reading", days=1, showAs="free", sensitivity="private"))
    double.add(ADA, **said("Elsewhere", days=2, showAs="workingElsewhere"))
    double.add(ADA, **said("Odd", days=3, showAs="unknown"))
    connected.pull()
    assert titles(connected) == ["Dentist", "Elsewhere", "Odd", "Reading"]
    dentist = Event.everywhere.get(title="Dentist")
    assert (dentist.timezone, dentist.description, dentist.duration) == ("Europe/Berlin", "Bring it", 3600)
    assert Event.everywhere.get(title="Reading").privacy == "private"
    assert len(busy(connected)) == 2
    connected.calendar.refresh_from_db()
    assert connected.calendar.state == Calendar.State.OK


def test_only_what_changed_is_asked_for_the_second_time(connected: Connected) -> None:
    double = connected.double
    double.page_size = 2
    keys = [double.add(ADA, **said(f"Event {n}", days=n)) for n in range(5)]
    connected.pull()
    assert len(titles(connected)) == 5
    asked = double.count("GET ")
    double.edit(ADA, keys[1], subject="Renamed")
    double.remove(ADA, keys[2])
    connected.pull()
    assert titles(connected) == ["Event 0", "Event 3", "Event 4", "Renamed"]
    assert double.count("GET ") == asked + 2  # the delta, and whether what is told as removed is gone


@pytest.mark.parametrize("twice", [False, True])
def test_a_series_is_one_event_with_its_changed_and_left_out_occurrences(connected: Connected, twice: bool) -> None:
    double = connected.double
    double.tells_twice = twice
    key = double.add(
        ADA, **said("Stand-up", zone="Europe/Berlin", hours=0.5), recurrence=repeating(zone="Europe/Berlin")
    )
    connected.pull()
    assert len(busy(connected)) == 4
    days = [(SOON + timedelta(days=n)) for n in range(4)]
    double.edit(ADA, f"{key}.{days[1]:%Y%m%d}", **said("Moved", days=1, hours=2) | {"subject": "Moved"})
    double.remove(ADA, f"{key}.{days[2]:%Y%m%d}")
    connected.pull()
    assert len(busy(connected)) == 3
    assert titles(connected) == ["Moved", "Stand-up"]
    master = Event.everywhere.get(title="Stand-up")
    assert master.recurrence_rules == ["FREQ=DAILY;COUNT=4"]
    assert len(master.excluded_dates) == 1
    double.remove(ADA, key)
    connected.pull()
    assert busy(connected) == []


def test_a_series_in_a_zone_without_a_name_is_read_by_its_occurrences(connected: Connected) -> None:
    double = connected.double
    key = double.add(ADA, **said("Far away"), recurrence=repeating(count=3))
    item = double.mailbox(ADA).items[key]
    item.zone_name = "tzone://Microsoft/Custom"
    item.said["recurrence"]["range"]["recurrenceTimeZone"] = ""
    connected.pull()
    assert len(busy(connected)) == 3


def test_all_day_events_are_the_days_they_say(connected: Connected) -> None:
    day = SOON.date().isoformat()
    until = (SOON + timedelta(days=2)).date().isoformat()
    moments = {
        name: {"dateTime": f"{at}T00:00:00", "timeZone": "Tokyo Standard Time"}
        for name, at in (("start", day), ("end", until))
    }
    connected.double.add(ADA, subject="Fair", isAllDay=True, **moments)
    connected.pull()
    fair = Event.everywhere.get(title="Fair")
    assert fair.all_day
    assert (fair.start_wall % 86_400, fair.duration) == (0, 2 * 86_400)
    assert datetime.fromtimestamp(fair.start_wall, UTC).date().isoformat() == day


def test_an_invitation_that_was_declined_takes_no_time(connected: Connected) -> None:
    double = connected.double
    key = double.invite(ADA, "boss@example.org", **said("All hands"))
    connected.pull()
    assert len(busy(connected)) == 1
    double.mailbox(ADA).items[key].answer = "declined"
    double.edit(ADA, key, categories=["x"])
    connected.pull()
    assert busy(connected) == []
    assert Event.everywhere.get(title="All hands").raw[DECLINED]


def test_a_forgotten_delta_link_reads_everything_anew_and_nothing_is_free_meanwhile(connected: Connected) -> None:
    double = connected.double
    gone, stays = (double.add(ADA, **said(name, days=n)) for n, name in enumerate(("Gone", "Stays")))
    connected.pull()
    double.forget_tokens()
    double.remove(ADA, gone)
    double.faults.append(Fault("answer", "GET .*/events", told=Told(500, "")))
    connected.pull()
    assert len(busy(connected)) == 2
    connected.pull()
    assert titles(connected) == ["Stays"]
    assert stays in {each.remote_id for each in Event.everywhere.filter(deleted_at=None)}


def test_an_event_that_left_the_window_is_not_taken_for_deleted(connected: Connected) -> None:
    event = connected.make()
    push.deliver()
    connected.pull()
    far = said("Review", days=900)
    connected.double.edit(ADA, connected.mirror(event).remote_id, start=far["start"], end=far["end"])
    connected.pull()
    assert connected.mirror(event).difference["kind"] == "moved"


def test_a_full_reading_does_not_take_what_is_beyond_the_window_for_deleted(connected: Connected) -> None:
    event = connected.make("Next decade", start_wall=START + 3000 * 86_400)
    push.deliver()
    connected.pull()
    connected.pull()
    Calendar.everywhere.update(sync_token="")
    connected.pull()
    assert connected.mirror(event).difference == {}


def test_our_own_event_is_not_busy_twice_and_what_the_host_does_to_it_is_flagged(connected: Connected) -> None:
    event = connected.make()
    push.deliver()
    key = connected.mirror(event).remote_id
    connected.pull()
    assert titles(connected) == ["Review"]
    assert connected.mirror(event).difference == {}
    connected.double.edit(ADA, key, subject="Review!")
    connected.pull()
    assert connected.mirror(event).difference == {"kind": "edited"}
    there = connected.there()[0]
    later = {
        name: {"dateTime": there[name]["dateTime"].replace("T08", "T10"), "timeZone": "UTC"}
        for name in ("start", "end")
    }
    connected.double.edit(ADA, key, **later)
    connected.pull()
    difference = connected.mirror(event).difference
    assert (difference["kind"], difference["start_s"]) == ("moved", event.start_s + 7200)
    connected.double.remove(ADA, key)
    connected.pull()
    assert connected.mirror(event).difference == {"kind": "deleted"}
    assert len(titles(connected)) == 1


def test_a_guests_answer_arrives_and_is_no_difference(connected: Connected) -> None:
    people = (Person(ADA, "Ada", "owner", "accepted"), Person("guest@example.com", "Gil"))
    event = connected.make(people=people, notify_guests=True)
    push.deliver()
    connected.double.answer(ADA, connected.mirror(event).remote_id, "guest@example.com", "declined")
    connected.pull()
    assert connected.mirror(event).difference == {}
    assert event.participants.get(email="guest@example.com").rsvp == "declined"
    pushed = connected.double.count("PATCH ")
    push.deliver()
    assert connected.double.count("PATCH ") == pushed


def test_an_event_dragged_to_another_calendar_is_flagged_here(connected: Connected) -> None:
    event = connected.make()
    push.deliver()
    connected.pull()
    connected.double.move(ADA, connected.mirror(event).remote_id, connected.double.add_calendar(ADA, "Private"))
    connected.pull()
    assert connected.mirror(event).difference == {"kind": "deleted"}


def test_an_event_that_was_read_and_is_changed_here_is_changed_there(connected: Connected) -> None:
    guests = [{"emailAddress": {"address": "guest@example.com", "name": "Gil"}, "type": "optional"}]
    connected.double.add(ADA, **said("Planning"), attendees=guests)
    connected.pull()
    event = Event.everywhere.get(title="Planning")
    events.change(event, _renamed(event), actor=SYSTEM)
    push.deliver()
    (there,) = connected.there()
    assert there["subject"] == "Planning, again"
    assert there["attendees"][0]["type"] == "optional"
    (sent,) = connected.bodies("PATCH ")
    assert sent.keys() == {"subject"}
    connected.pull()
    assert titles(connected) == ["Planning, again"]
    assert Mirror.everywhere.get(event=event).in_sync


def _renamed(event: Event) -> EventData:
    return replace(events.data_of(event), title="Planning, again")


def test_one_unreadable_event_costs_no_other(connected: Connected) -> None:
    key = connected.double.add(ADA, **said("Broken"))
    connected.double.add(ADA, **said("Fine", days=1))
    item = connected.double.mailbox(ADA).items[key]
    item.end = item.start - timedelta(minutes=1)
    changes = connected.adapter.changes(connected.calendar.external_id, "", {})
    assert [len(each.problems) for each in changes.objects] == [1, 0]
    connected.pull()
    assert "Fine" in titles(connected)
    connected.calendar.refresh_from_db()
    assert [each["href"] for each in connected.calendar.quarantined] == [key]


def test_links_to_other_hosts_are_never_followed(connected: Connected) -> None:
    elsewhere = {"value": [], "@odata.nextLink": "https://evil.example/v1.0/me/calendarView/delta?$skiptoken=x"}
    connected.double.faults.append(Fault("answer", DELTA, told=Told(200, elsewhere)))
    changes = connected.adapter.changes(connected.calendar.external_id, "", {})
    assert changes.token == ""
    there = connected.adapter.changes(connected.calendar.external_id, "https://evil.example/x", {})
    assert there.token.startswith(connected.double.url)


def test_a_calendar_that_is_gone_is_said_to_be(connected: Connected) -> None:
    connected.pull()
    connected.double.remove_calendar(ADA, connected.calendar.external_id)
    connected.pull()
    connected.calendar.refresh_from_db()
    assert connected.calendar.state == Calendar.State.GONE


def test_what_does_not_fit_the_time_is_read_the_next_time(connected: Connected) -> None:
    connected.double.add(ADA, **said("Stand-up"), recurrence=repeating())
    target = connected.calendar.external_id
    hurried = connected.adapter.changes(target, "", {}, limit_s=0)
    assert hurried.token == ""
    assert len(connected.adapter.changes(target, hurried.token, {}).objects) == 1


def test_a_busy_service_makes_us_wait_and_keeps_what_is_known(connected: Connected) -> None:
    told = Told(429, {"error": {"code": "ApplicationThrottled", "message": ""}}, {"Retry-After": "17"})
    connected.double.faults.append(Fault("answer", DELTA, told=told))
    with pytest.raises(PullFailed) as caught:
        connected.adapter.changes(connected.calendar.external_id, "", {})
    assert (caught.value.outcome, caught.value.retry_after) == (Outcome.TRANSIENT, 17)


def test_calendars_are_listed_with_colour_and_permission_over_pages(connected: Connected) -> None:
    connected.double.page_size = 2
    for number in range(4):
        connected.double.add_calendar(ADA, f"Team {number}", can_edit=number % 2 == 0, color="lightRed")
    found = connected.adapter.list_calendars()
    assert [each.name for each in found] == ["Calendar", "Team 0", "Team 1", "Team 2", "Team 3"]
    assert [each.writable for each in found] == [True, True, False, True, False]
    assert [each.primary for each in found] == [True, False, False, False, False]
    assert found[1].colour == "#f88c9b"


def test_reading_five_hundred_events_is_quick(connected: Connected) -> None:
    for number in range(500):
        connected.double.add(ADA, **said(f"Event {number}", days=number % 300, hours=0.5))
    connected.double.page_size = 100
    began = time.monotonic()
    connected.pull()
    assert len(titles(connected)) == 500
    assert time.monotonic() - began < 5


def test_meetings_made_here_and_read_back_say_the_same(connected: Connected) -> None:
    event = connected.make("Review", description="A & B <c>\n\nsecond", location="Room 4", privacy="private")
    rich = connected.make("Rich", description="<p>Hello <b>you</b></p>", description_type="text/html")
    push.deliver()
    connected.pull()
    connected.pull()
    assert connected.mirror(event).difference == connected.mirror(rich).difference == {}
