"""Events as JSCalendar objects: RFC 8984, compared with another project's conversions."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bookings.engine.zones import wall
from bookings.formats.event import EventData, Person
from bookings.formats.icalendar import parse, render
from bookings.formats.jscalendar import Unreadable, from_jscalendar, to_jscalendar
from tests.formats.test_round_trip import events, is_plain

ORACLE = json.loads((Path(__file__).parents[1] / "oracles" / "jscalendar_icalendar.json").read_text())
FIELDS = ("uid", "title", "description", "start", "timeZone", "duration", "privacy", "color")
"""The properties of an Event that both formats spell and our event has a field for, spelled alike in RFC 8984 and in
jscalendarbis. The other compatible pairs are about tasks, groups, relations, locales, acknowledged alerts, locations
with types and coordinates, and JSPROP: none of them is a field of our events (keep-alongs live in `raw`). The pair on
CONFERENCE has ids derived by that project's own rule, so the room is compared without its id in a test of its own."""


def pairs(direction: str) -> list[Any]:
    found = []
    for pair in ORACLE["pairs"]:
        said = pair["jscalendar"]
        event = next((each for each in said.get("entries", [said]) if each.get("@type", "Event") == "Event"), {})
        wanted = {name: event[name] for name in FIELDS if name in event}
        if pair["rfc8984_compatible"] and pair["direction"] == direction and wanted:
            found.append(pytest.param(pair["icalendar"], wanted, id=pair["title"]))
    return found


def as_file(fragment: str) -> str:
    """A whole VEVENT around a fragment, with the start, uid and end it leaves out."""
    if "BEGIN:VEVENT" in fragment:
        return fragment
    lines = [fragment.strip()]
    lines += ["UID:made-up"] * ("UID" not in fragment) + ["DTSTART:20270101T090000Z"] * ("DTSTART" not in fragment)
    return "\n".join(["BEGIN:VCALENDAR", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR"])


@pytest.mark.parametrize(("icalendar", "wanted"), pairs("icalendar->jscalendar"))
def test_icalendar_becomes_the_jscalendar_another_project_makes_of_it(icalendar, wanted):
    (event,) = parse(as_file(icalendar), default_timezone="Europe/Berlin").events
    said = to_jscalendar(event)
    assert {name: said.get(name) for name in wanted} == wanted


@pytest.mark.parametrize(("icalendar", "wanted"), pairs("jscalendar->icalendar"))
def test_jscalendar_becomes_the_icalendar_another_project_makes_of_it(icalendar, wanted):
    event = from_jscalendar(wanted | {"@type": "Event"})
    (theirs,) = parse(icalendar, default_timezone="UTC").events
    (ours,) = parse(render(event, stamp=datetime(2027, 1, 1, tzinfo=UTC)), default_timezone="UTC").events
    assert (ours.uid, ours.title, ours.start_wall, ours.timezone, ours.duration) == (
        theirs.uid,
        theirs.title,
        theirs.start_wall,
        theirs.timezone,
        theirs.duration,
    )


def test_there_are_pairs_in_both_directions():
    assert len(pairs("icalendar->jscalendar")) >= 7
    assert pairs("jscalendar->icalendar")


def test_a_conference_becomes_a_virtual_location():
    (pair,) = [pair for pair in ORACLE["pairs"] if pair["title"] == "CONFERENCE"]
    (event,) = parse(as_file(pair["icalendar"]), default_timezone="UTC").events
    (room,) = to_jscalendar(event)["virtualLocations"].values()
    (theirs,) = pair["jscalendar"]["virtualLocations"].values()
    assert room == {name: theirs[name] for name in ("@type", "name", "uri")}


def as_kept(event: EventData) -> EventData:
    """The event as JSCalendar can tell it: two busy states, people with ids, one zone for what floats."""
    free = "free" if event.free_busy_status == "free" else "busy"
    people = tuple(Person(p.email, p.name, p.role, p.rsvp, str(n), p.comment) for n, p in enumerate(event.people, 1))
    dates = tuple(each for each in event.recurrence_dates if each not in event.excluded_dates)
    values = vars(event) | {"free_busy_status": free, "people": people, "recurrence_dates": dates}
    return EventData(**values)


@settings(max_examples=200, deadline=None)
@given(events().filter(is_plain))
def test_reading_what_was_written_gives_the_same_event(event):
    said = json.loads(json.dumps(to_jscalendar(event)))
    assert from_jscalendar(said, default_timezone=event.timezone) == as_kept(event)


RULES = [
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;WKST=SU",
    "FREQ=MONTHLY;BYDAY=-1FR",
    "FREQ=MONTHLY;COUNT=7;BYMONTHDAY=-1,15",
    "FREQ=YEARLY;BYMONTH=3,9;BYDAY=2TU",
    "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
    "FREQ=DAILY;UNTIL=20270401T070000Z",
    "FREQ=MONTHLY;BYSETPOS=-1;BYDAY=MO,TU,WE,TH,FR",
    "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD;BYMONTHDAY=31",
]


@pytest.mark.parametrize("rule", RULES)
def test_rules_become_objects_and_texts_again(rule):
    event = EventData("Standup", wall(2027, 3, 1, 9), "Europe/Berlin", 900, recurrence_rules=(rule,))
    said = to_jscalendar(event)
    assert from_jscalendar(said).recurrence_rules == event.recurrence_rules


def test_the_end_of_a_series_is_told_in_the_local_time_of_the_event():
    event = EventData(
        "x", wall(2027, 3, 1, 9), "Europe/Berlin", 900, recurrence_rules=("FREQ=DAILY;UNTIL=20270401T070000Z",)
    )
    (rule,) = to_jscalendar(event)["recurrenceRules"]
    assert rule == {"@type": "RecurrenceRule", "frequency": "daily", "until": "2027-04-01T09:00:00"}


def test_what_has_no_field_is_given_back():
    given_in = {
        "@type": "Event",
        "start": "2027-03-01T09:00:00",
        "timeZone": None,
        "keywords": {"x": True},
        "morgen.so:a": 1,
    }
    said = to_jscalendar(from_jscalendar(given_in))
    assert (said["keywords"], said["morgen.so:a"]) == ({"x": True}, 1)


def test_a_duration_in_days_follows_the_clock():
    day_of_change = {"start": "2027-03-27T12:00:00", "timeZone": "Europe/Berlin", "duration": "P1D"}
    assert from_jscalendar(day_of_change).duration == 23 * 3600


GOOD = {"@type": "Event", "start": "2027-03-01T09:00:00", "timeZone": "Europe/Berlin", "duration": "PT1H"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"@type": "Task"}, "@type"),
        ({"title": 7}, "title"),
        ({"start": "2027-02-30T09:00:00"}, "start"),
        ({"start": "2027-03-01T09:00:00Z"}, "start"),
        ({"start": None}, "start"),
        ({"timeZone": "Mars/Olympus"}, "timeZone"),
        ({"duration": "1 hour"}, "duration"),
        ({"duration": "-PT1H"}, "duration"),
        ({"showWithoutTime": "yes"}, "showWithoutTime"),
        ({"privacy": "hidden"}, "privacy"),
        ({"freeBusyStatus": "maybe"}, "freeBusyStatus"),
        ({"sequence": True}, "sequence"),
        ({"participants": []}, "participants"),
        ({"participants": {"a": 1}}, "participants/a"),
        ({"participants": {"a": {"participationStatus": "yes"}}}, "participants/a/participationStatus"),
        ({"alerts": {"1": {"trigger": {"offset": "soon"}}}}, "alerts/1/trigger/offset"),
        ({"locations": {"1": {"name": {}}}}, "locations/1/name"),
        ({"recurrenceRules": {}}, "recurrenceRules"),
        ({"recurrenceRules": [{"frequency": "daily"}, {"frequency": 1}]}, "recurrenceRules/1/frequency"),
        ({"recurrenceRules": [{"frequency": "daily", "interval": "2"}]}, "recurrenceRules/0/interval"),
        ({"recurrenceRules": [{"frequency": "daily", "interval": 0}]}, "recurrenceRules/0"),
        ({"recurrenceRules": [{"frequency": "weekly", "byDay": [{"day": "xx"}]}]}, "recurrenceRules/0/byDay"),
        ({"recurrenceRules": [{"frequency": "daily", "until": "soon"}]}, "recurrenceRules/0/until"),
        ({"recurrenceRules": [{"frequency": "daily", "every": 2}]}, "recurrenceRules/0/every"),
        ({"recurrenceOverrides": {"tomorrow": {}}}, "recurrenceOverrides/tomorrow"),
        (
            {"recurrenceOverrides": {"2027-03-02T09:00:00": {"title": "x"}}},
            "recurrenceOverrides/2027-03-02T09:00:00",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(change, field):
    with pytest.raises(Unreadable) as refused:
        from_jscalendar(GOOD | change)
    assert refused.value.field == field
    assert str(refused.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(
            [
                *to_jscalendar(EventData("x", 0, "UTC", 0)),
                "alerts",
                "participants",
                "locations",
                "virtualLocations",
                "recurrenceRules",
                "recurrenceOverrides",
                "recurrenceId",
                "duration",
            ]
        ),
        json_values,
        max_size=6,
    )
)
def test_no_json_makes_anything_but_an_event_or_a_named_error(said):
    fields = []
    try:
        from_jscalendar(GOOD | said)
    except Unreadable as refused:
        fields.append(refused.field)
    assert all(fields)
