"""Series: patterns both ways, changed and left out occurrences, and what Graph has no words for."""

from __future__ import annotations

import pytest

from bookings.domain import calendar as events
from bookings.domain import series
from bookings.domain.audit import SYSTEM
from bookings.engine.recurrence import RecurrenceSet, parse_rule
from bookings.engine.zones import DAY, wall
from bookings.formats.event import EventData, Person
from bookings.models import Event, Mirror
from providers import push
from providers.lab import graph_series, graph_views
from providers.lab.double import Fault
from providers.microsoft import recurrence
from tests.providers.microsoft.conftest import ADA, START, Connected, meeting

ZONE = "Europe/Berlin"
SAYABLE = [
    "FREQ=DAILY",
    "FREQ=DAILY;INTERVAL=3;COUNT=7",
    "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR",
    "FREQ=WEEKLY;UNTIL=20270601T070000Z",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU",
    "FREQ=MONTHLY;COUNT=5",
    "FREQ=MONTHLY;BYMONTHDAY=15",
    "FREQ=MONTHLY;BYMONTHDAY=-1",
    "RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=30;SKIP=BACKWARD",
    "FREQ=MONTHLY;BYDAY=1WE",
    "FREQ=MONTHLY;BYDAY=-1FR;INTERVAL=2",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
    "FREQ=YEARLY",
    "FREQ=YEARLY;BYMONTH=7;BYMONTHDAY=4",
    "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH;COUNT=3",
    "FREQ=WEEKLY;UNTIL=20270601",
]
UNSAYABLE = [
    "FREQ=HOURLY",
    "FREQ=MONTHLY;BYMONTHDAY=31",
    "FREQ=MONTHLY;BYMONTHDAY=1,15",
    "FREQ=MONTHLY;BYDAY=5MO",
    "FREQ=MONTHLY;BYDAY=1MO,3MO",
    "FREQ=DAILY;INTERVAL=2;BYDAY=MO",
    "FREQ=WEEKLY;BYMONTH=1",
    "FREQ=YEARLY;BYMONTH=1,7",
    "FREQ=YEARLY;BYWEEKNO=20",
    "FREQ=YEARLY;BYYEARDAY=100",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
    "FREQ=DAILY;BYHOUR=9,17",
]


def data(rule: str, **fields) -> EventData:
    return meeting("Jour fixe", recurrence_rules=(rule,), **fields)


def ours(rule: str, start: int, count: int = 10) -> list[int]:
    found = RecurrenceSet(start, ZONE, (parse_rule(rule),))
    return found.walls(start - 2 * DAY, start + 4000 * DAY)[:count]


@pytest.mark.parametrize("rule", SAYABLE)
def test_a_pattern_gives_the_same_occurrences_there_and_comes_back_as_the_same_rule(rule: str) -> None:
    event = data(rule)
    said = recurrence.written(event, ZONE, ZONE)
    assert said is not None
    first = recurrence.first_wall(event, ZONE)
    begin = graph_series.wall_of({"dateTime": f"{said['range']['startDate']}T09:00:00"})
    graph_series.check_recurrence(said, begin)
    there = [wall(*at.timetuple()[:6]) for at, _ in zip(graph_series.starts(said, begin), range(10), strict=False)]
    assert there == ours(rule, START)
    assert ours(recurrence.rule_of(said), first) == there


@pytest.mark.parametrize("rule", UNSAYABLE)
def test_what_graph_cannot_say_is_refused_and_never_approximated(rule: str) -> None:
    with pytest.raises(recurrence.Unsayable):
        recurrence.written(data(rule), ZONE, ZONE)


def test_a_refused_series_is_shown_to_the_host_with_the_reason(connected: Connected) -> None:
    event = connected.make(recurrence_rules=("FREQ=MONTHLY;BYMONTHDAY=31",))
    push.deliver()
    mirror = connected.mirror(event)
    assert mirror.state == Mirror.State.FAILED
    assert "BYMONTHDAY=31" in mirror.last_error
    assert connected.there() == []
    events.change(event, meeting(recurrence_rules=("FREQ=MONTHLY;BYMONTHDAY=-1",)), actor=SYSTEM)
    push.deliver()
    assert connected.mirror(event).in_sync
    assert connected.there()[0]["recurrence"]["pattern"]["dayOfMonth"] == 31


def weekly(connected: Connected, **fields) -> Event:
    return connected.make("Jour fixe", recurrence_rules=("FREQ=WEEKLY;COUNT=6",), **fields)


def happenings(connected: Connected) -> list[tuple[str, str, str]]:
    """(type, subject, start) of all that the calendar shows, in order."""
    box = connected.double.mailbox(ADA)
    lo, hi = graph_series.parsed("2027-03-01T00:00:00Z"), graph_series.parsed("2027-06-01T00:00:00Z")
    found = [each for item in box.items.values() for each in item.happenings(lo, hi)]
    shown = [graph_views.shown(each) for each in sorted(found, key=lambda one: one.begins)]
    return [(each["type"], each["subject"], each["start"]["dateTime"][:16]) for each in shown]


def test_a_series_keeps_its_local_hour_over_the_change_of_clocks(connected: Connected) -> None:
    event = weekly(connected)
    push.deliver()
    starts = [start for _, _, start in happenings(connected)]
    assert starts[0] == "2027-03-03T08:00"
    assert starts[-1] == "2027-04-07T07:00"
    assert connected.mirror(event).in_sync


def test_left_out_and_changed_occurrences_are_brought_there_with_the_series(connected: Connected) -> None:
    event = weekly(connected)
    events.exclude_occurrence(event, START + 7 * DAY, actor=SYSTEM)
    moved = meeting("Moved", start_wall=START + 14 * DAY + 7200, recurrence_wall=START + 14 * DAY)
    _override(event, moved)
    connected.deliver()
    shown = happenings(connected)
    assert [start for _, _, start in shown][:3] == ["2027-03-03T08:00", "2027-03-17T10:00", "2027-03-24T08:00"]
    assert shown[1][:2] == ("exception", "Moved")
    assert connected.mirror(event).in_sync
    before = connected.double.count("(PATCH|DELETE|POST) ")
    connected.pull()
    assert connected.mirror(event).difference == {}
    Mirror.everywhere.filter(event=event).update(applied_revision=0)
    connected.deliver()
    assert connected.double.count("(PATCH|DELETE|POST) ") == before


def _override(event: Event, changed: EventData) -> None:
    series.change_occurrence(event, changed.recurrence_wall, changed, actor=SYSTEM)


def test_a_crash_between_series_and_occurrences_leaves_one_series_in_the_end(connected: Connected) -> None:
    connected.double.faults.append(Fault("lost_answer", "DELETE "))
    event = weekly(connected, excluded_dates=(START + 7 * DAY,), people=(Person(ADA, "Ada", "owner"),))
    connected.deliver()
    assert len(connected.there()) == 1
    assert len(happenings(connected)) == 5
    assert connected.mirror(event).in_sync


def test_a_series_that_ends_earlier_keeps_its_changed_occurrences(connected: Connected) -> None:
    event = weekly(connected)
    _override(event, meeting("Moved", start_wall=START + 7 * DAY + 3600, recurrence_wall=START + 7 * DAY))
    connected.deliver()
    shorter = meeting("Jour fixe", recurrence_rules=("FREQ=WEEKLY;COUNT=3",))
    events.change(event, shorter, actor=SYSTEM)
    connected.deliver()
    assert [subject for _, subject, _ in happenings(connected)] == ["Jour fixe", "Moved", "Jour fixe"]
    assert connected.mirror(event).in_sync


def test_a_start_that_is_no_occurrence_begins_the_series_at_the_first_that_is(connected: Connected) -> None:
    connected.make(recurrence_rules=("FREQ=WEEKLY;BYDAY=FR;COUNT=2",))
    push.deliver()
    assert [start for _, _, start in happenings(connected)] == ["2027-03-05T08:00", "2027-03-12T08:00"]


def test_a_series_in_a_mailbox_without_iana_names_repeats_in_the_windows_zone(connected: Connected) -> None:
    connected.double.iana_zones = False
    event = weekly(connected)
    push.deliver()
    (there,) = connected.there()
    assert there["recurrence"]["range"]["recurrenceTimeZone"] == "W. Europe Standard Time"
    events.change(event, meeting("Renamed", recurrence_rules=("FREQ=WEEKLY;COUNT=6",)), actor=SYSTEM)
    push.deliver()
    (sent,) = connected.bodies("PATCH ")
    assert "recurrence" not in sent
