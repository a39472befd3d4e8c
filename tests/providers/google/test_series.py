"""Series in Google Calendar: rules, added, dropped and changed occurrences, both ways."""

from __future__ import annotations

from bookings.domain import calendar as events
from bookings.domain import rsvp, series
from bookings.domain.audit import SYSTEM
from bookings.engine.zones import wall, zone
from bookings.formats.event import Person
from bookings.models import Mirror
from providers import push
from providers.lab.double import Fault
from tests.providers.google.conftest import OWNER, START, Connected, meeting

WEEK = 7 * 86_400
BERLIN = zone("Europe/Berlin")
GUEST = Person("guest@example.net")
SUMMER = wall(2031, 3, 31, 9)
"""The first Monday after clocks changed."""


def weekly(connected: Connected, title: str = "Weekly", **fields):
    return connected.make(title, recurrence_rules=("FREQ=WEEKLY;COUNT=6",), **fields)


def instances(connected: Connected) -> dict[str, str]:
    """Start -> title of what takes place there."""
    shelf = connected.google.shelves[OWNER]
    (master,) = shelf.live()
    found = [each for each in shelf.instances(master) if each["status"] != "cancelled"]
    return {each["start"].get("dateTime", each["start"].get("date"))[:16]: each["summary"] for each in found}


def change_one(connected: Connected, event, wall_s: int, **fields) -> None:
    series.change_occurrence(event, wall_s, meeting(**fields), actor=SYSTEM)
    push.deliver()


def test_a_series_keeps_its_wall_time_when_clocks_change(connected: Connected) -> None:
    weekly(connected)
    (there,) = connected.there
    assert there["recurrence"] == ["RRULE:FREQ=WEEKLY;COUNT=6"]
    assert there["start"]["timeZone"] == "Europe/Berlin"
    shelf = connected.google.shelves[OWNER]
    starts = [each["start"]["dateTime"] for each in shelf.instances(there)]
    assert starts[3:5] == ["2031-03-24T08:00:00+00:00", "2031-03-31T07:00:00+00:00"]


def test_ends_additions_and_exceptions_of_a_series_arrive_as_they_are(connected: Connected) -> None:
    connected.make(
        recurrence_rules=("FREQ=WEEKLY;UNTIL=20310407T215959Z",),
        recurrence_dates=(START + 2 * 86_400,),
        excluded_dates=(START + WEEK,),
    )
    assert sorted(connected.there[0]["recurrence"]) == [
        "EXDATE;TZID=Europe/Berlin:20310310T090000",
        "RDATE;TZID=Europe/Berlin:20310305T090000",
        "RRULE:FREQ=WEEKLY;UNTIL=20310407T215959Z",
    ]
    connected.make(
        "Days",
        start_wall=START // 86_400 * 86_400,
        duration=86_400,
        all_day=True,
        recurrence_rules=("FREQ=DAILY;UNTIL=20310310",),
        excluded_dates=(START // 86_400 * 86_400 + 86_400,),
    )
    days = next(each for each in connected.there if each["summary"] == "Days")
    assert sorted(days["recurrence"]) == ["EXDATE;VALUE=DATE:20310304", "RRULE:FREQ=DAILY;UNTIL=20310310"]


def test_a_changed_and_a_dropped_occurrence_are_written_into_the_series(connected: Connected) -> None:
    event = weekly(connected)
    change_one(connected, event, START + WEEK, title="Longer", start_wall=START + WEEK + 3600, duration=7200)
    events.exclude_occurrence(event, START + 2 * WEEK, actor=SYSTEM)
    push.deliver()
    found = instances(connected)
    assert len(found) == 5
    assert "Longer" in found.values()
    assert connected.mirror(event).in_sync
    assert len(connected.there) == 1


def test_a_series_made_with_changed_occurrences_is_whole_whatever_gets_lost(connected: Connected) -> None:
    connected.google.faults.append(Fault("lost_answer", "^POST .*/events$"))
    event = weekly(connected, people=(GUEST,), notify_guests=True)
    change_one(connected, event, START + WEEK, title="Other", start_wall=START + WEEK, notify_guests=True)
    connected.google.faults.append(Fault("lost_answer", "^PATCH .*_2031"))
    Mirror.everywhere.update(next_attempt_s=0)
    push.deliver()
    Mirror.everywhere.update(next_attempt_s=0)
    push.deliver()
    assert sorted(instances(connected).values()) == ["Other", *["Weekly"] * 5]
    assert connected.mirror(event).in_sync
    assert [mail.kind for mail in connected.google.mails].count("invitation") == 1


def test_an_occurrence_that_was_changed_before_can_be_dropped(connected: Connected) -> None:
    event = weekly(connected)
    change_one(connected, event, START + WEEK, title="Other", start_wall=START + WEEK)
    events.exclude_occurrence(event, START + WEEK, actor=SYSTEM)
    push.deliver()
    assert sorted(instances(connected).values()) == ["Weekly"] * 5


def test_a_series_that_moves_takes_its_changed_occurrences_along(connected: Connected) -> None:
    event = weekly(connected)
    change_one(connected, event, START + WEEK, title="Other", start_wall=START + WEEK)
    event.refresh_from_db()
    connected.change(event, "Weekly", start_wall=START + 3600, recurrence_rules=tuple(event.recurrence_rules))
    assert "2031-03-10T10:00" in instances(connected) or "2031-03-10T09:00" in instances(connected)
    assert sorted(instances(connected).values()) == ["Other", *["Weekly"] * 5]
    assert connected.mirror(event).in_sync


def test_a_series_can_end(connected: Connected) -> None:
    event = weekly(connected)
    connected.change(event, "Once")
    assert not connected.there[0].get("recurrence")


def test_a_series_of_the_host_is_read_with_its_exceptions(connected: Connected) -> None:
    google = connected.google
    times = {
        "start": {"dateTime": "2027-03-01T09:00:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2027-03-01T10:00:00", "timeZone": "Europe/Berlin"},
    }
    made = google.add(OWNER, summary="Standup", recurrence=["RRULE:FREQ=WEEKLY;COUNT=4"], **times)
    google.remove(OWNER, f"{made['id']}_20270308T080000Z")
    google.edit(
        OWNER,
        f"{made['id']}_20270315T080000Z",
        start={"dateTime": "2027-03-16T14:00:00+01:00"},
        end={"dateTime": "2027-03-16T15:00:00+01:00"},
    )
    expected = [BERLIN.to_utc(each) for each in (wall(2027, 3, 1, 9), wall(2027, 3, 16, 14), wall(2027, 3, 22, 9))]
    connected.read()
    assert [start for start, _ in connected.busy()] == expected
    google.remove(OWNER, f"{made['id']}_20270322T080000Z")
    connected.read()
    assert [start for start, _ in connected.busy()] == expected[:2], "one more dropped, read by the sync token"
    google.edit(OWNER, made["id"], summary="Standup of all")
    connected.read()
    assert [start for start, _ in connected.busy()] == expected[:2], "the series alone changed"
    google.remove(OWNER, made["id"])
    connected.read()
    assert connected.busy() == []


def test_invitations_to_single_occurrences_of_a_strangers_series_block(connected: Connected) -> None:
    google = connected.google
    for day in (1, 8):
        google.add(
            OWNER,
            organiser="chief@example.com",
            id=f"abcde{day}",
            iCalUID="theirs@example.com",
            recurringEventId="abcdeseries",
            originalStartTime={"dateTime": f"2027-03-0{day}T09:00:00Z"},
            summary="Some of them",
            start={"dateTime": f"2027-03-0{day}T09:00:00Z"},
            end={"dateTime": f"2027-03-0{day}T10:00:00Z"},
            attendees=[{"email": OWNER, "responseStatus": "accepted"}],
        )
    connected.read()
    assert len(connected.busy()) == 2
    google.edit(OWNER, "abcde1", summary="Renamed")
    connected.read()
    assert len(connected.busy()) == 2
    google.remove(OWNER, "abcde1")
    connected.read()
    assert len(connected.busy()) == 1


def test_one_occurrence_of_an_invitation_is_answered_alone(connected: Connected) -> None:
    times = {
        "start": {"dateTime": "2031-03-03T09:00:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2031-03-03T10:00:00", "timeZone": "Europe/Berlin"},
    }
    made = connected.google.add(
        OWNER,
        organiser="chief@example.com",
        summary="Theirs",
        recurrence=["RRULE:FREQ=WEEKLY;COUNT=4"],
        attendees=[{"email": OWNER, "responseStatus": "needsAction"}],
        **times,
    )
    connected.read()
    event = connected.calendar.events.get()
    rsvp.answer(event, OWNER, "declined", recurrence_wall=START + WEEK, notify=False, actor=SYSTEM)
    push.deliver()
    shelf = connected.google.shelves[OWNER]
    answers = [each["attendees"][0]["responseStatus"] for each in shelf.instances(shelf.find(made["id"]))]
    assert answers == ["needsAction", "declined", "needsAction", "needsAction"]
    assert connected.google.mails == []
    assert connected.mirror(event).in_sync
    event.refresh_from_db()
    rsvp.answer(event, OWNER, "accepted", actor=SYSTEM)
    push.deliver()
    answers = [each["attendees"][0]["responseStatus"] for each in shelf.instances(shelf.find(made["id"]))]
    assert set(answers) == {"accepted"}
    assert len(connected.google.mails) == 1
