"""Parts of a series: one occurrence, or one and all that follow."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from bookings.domain import calendar, series
from bookings.domain.audit import SYSTEM
from bookings.domain.calendar import Changes, PulledObject
from bookings.domain.errors import Invalid, NotAllowed, NotFound
from bookings.engine.zones import DAY, zone
from bookings.formats import jscalendar
from bookings.formats.event import EventData, Person
from bookings.models import AuditEntry, Booking, Busy, Calendar, Event, Host, Mirror
from tests import factories

pytestmark = pytest.mark.django_db

HOUR = 3600
TZID = "Europe/Berlin"
MONDAY = (int(time.time()) // DAY + 8) * DAY // (7 * DAY) * 7 * DAY + 4 * DAY + 7 * DAY
TEN = MONDAY + 10 * HOUR
"""Wall time of the first occurrence, on a Monday."""


@pytest.fixture
def host() -> Host:
    return factories.host(timezone=TZID)


@pytest.fixture
def local(host: Host) -> Calendar:
    return factories.local_calendar(host)


@pytest.fixture
def there(host: Host) -> Calendar:
    return factories.caldav_calendar(host)


def daily(where: Calendar, rule: str = "FREQ=DAILY;COUNT=5", **more: object) -> Event:
    data = EventData("Stand-up", TEN, TZID, HOUR, recurrence_rules=(rule,), people=(Person("g@example.org"),))
    return calendar.create(where, replace(data, **more), actor=SYSTEM)  # type: ignore[arg-type]


def days(event: Event | None = None, *, where: Calendar | None = None) -> list[tuple[str, int, int]]:
    """Title, day from Monday on, and hour of what is shown."""
    place = where or event.calendar  # type: ignore[union-attr]
    found = calendar.occurrences([place], MONDAY - 7 * DAY, MONDAY + 60 * DAY)
    walls = [(each.event.title, zone(TZID).to_wall(each.start_s) - MONDAY) for each in found]
    return [(title, wall // DAY, wall % DAY // HOUR) for title, wall in walls]


def taken(where: Calendar) -> list[int]:
    rows = Busy.everywhere.filter(calendar=where).order_by("start_s").values_list("start_s", flat=True)
    return [zone(TZID).to_wall(start) - MONDAY for start in rows]


def is_consistent(where: Calendar) -> bool:
    """Whether the host is busy exactly when something is shown."""
    return taken(where) == [day * DAY + hour * HOUR for _, day, hour in days(where=where)]


def pull(where: Calendar, *events: EventData) -> Event:
    calendar.apply(where, Changes([PulledObject("/s.ics", "1", list(events), [])], [], True, "t"))
    return Event.everywhere.get(calendar=where, recurrence_wall=None)


# ── One occurrence ──


def test_one_occurrence_is_changed_and_the_others_stay(local):
    made = daily(local, "FREQ=DAILY;COUNT=3")
    data = series.occurrence(made, TEN + DAY)
    assert (data.start_wall, data.recurrence_rules, data.title) == (TEN + DAY, (), "Stand-up")
    changed = series.change_occurrence(
        made, TEN + DAY, replace(data, title="Retro", start_wall=TEN + DAY + 2 * HOUR), actor=SYSTEM
    )
    assert days(made) == [("Stand-up", 0, 10), ("Retro", 1, 12), ("Stand-up", 2, 10)]
    assert is_consistent(local)
    assert (changed.uid, changed.master_id, changed.recurrence_wall) == (made.uid, made.pk, TEN + DAY)
    assert [person.email for person in changed.participants.all()] == ["g@example.org"]
    assert AuditEntry.everywhere.filter(action="event.occurrence_changed", object_id=made.pk).exists()


def test_an_occurrence_that_was_changed_is_changed_further(local):
    made = daily(local, "FREQ=DAILY;COUNT=3")
    for hours in (2, 4):
        now = series.occurrence(made, TEN + DAY)
        series.change_occurrence(made, TEN + DAY, replace(now, start_wall=now.start_wall + hours * HOUR), actor=SYSTEM)
    assert [day for day in days(made) if day[1] == 1] == [("Stand-up", 1, 16)]
    assert Event.everywhere.filter(master=made).count() == 1
    assert is_consistent(local)


def test_a_changed_occurrence_stands_for_its_series(local):
    made = daily(local, "FREQ=DAILY;COUNT=3")
    changed = series.change_occurrence(made, TEN, series.occurrence(made, TEN), actor=SYSTEM)
    series.delete_following(changed, TEN + DAY, actor=SYSTEM)
    assert days(made) == [("Stand-up", 0, 10)]


def test_what_is_shown_elsewhere_follows_a_changed_occurrence(there):
    made = daily(there)
    Mirror.everywhere.update(applied_revision=1)
    series.change_occurrence(made, TEN + DAY, replace(series.occurrence(made, TEN + DAY), title="Retro"), actor=SYSTEM)
    mirror = Mirror.everywhere.get()
    assert mirror.event_id == made.pk
    assert mirror.desired_revision > mirror.applied_revision
    assert [each.title for each in calendar.whole(Event.everywhere.get(pk=made.pk))] == ["Stand-up", "Retro"]


@pytest.mark.parametrize("wall", [TEN + HOUR, TEN - DAY, TEN + 5 * DAY, 0, -(2**40), 2**40])
def test_what_is_no_occurrence_is_not_found(local, wall):
    made = daily(local)
    data = calendar.data_of(made)
    for verb in (
        lambda: series.occurrence(made, wall),
        lambda: series.following(made, wall),
        lambda: series.change_occurrence(made, wall, data, actor=SYSTEM),
        lambda: series.change_following(made, wall, data, actor=SYSTEM),
        lambda: series.delete_following(made, wall, actor=SYSTEM),
    ):
        with pytest.raises(NotFound):
            verb()
    assert len(days(made)) == 5


def test_an_excluded_occurrence_is_not_found(local):
    made = daily(local)
    calendar.exclude_occurrence(made, TEN + DAY, actor=SYSTEM)
    with pytest.raises(NotFound):
        series.occurrence(made, TEN + DAY)


def test_a_single_event_has_no_occurrences(local):
    made = daily(local, recurrence_rules=())
    with pytest.raises(NotFound):
        series.occurrence(made, TEN)


# ── An occurrence and all that follow ──


def test_what_follows_becomes_a_series_of_its_own(local):
    made = daily(local)
    data = series.following(made, TEN + 2 * DAY)
    assert (data.start_wall, data.recurrence_rules) == (TEN + 2 * DAY, ("FREQ=DAILY;COUNT=3",))
    rest = series.change_following(
        made, TEN + 2 * DAY, replace(data, title="Sync", start_wall=data.start_wall + HOUR), actor=SYSTEM
    )
    assert days(made) == [
        ("Stand-up", 0, 10),
        ("Stand-up", 1, 10),
        ("Sync", 2, 11),
        ("Sync", 3, 11),
        ("Sync", 4, 11),
    ]
    assert is_consistent(local)
    made.refresh_from_db()
    assert made.recurrence_rules == ["FREQ=DAILY;COUNT=2"]
    assert rest.uid != made.uid
    assert [person.email for person in rest.participants.all()] == ["g@example.org"]
    actions = set(AuditEntry.everywhere.values_list("action", "object_id"))
    assert {("event.following_changed", made.pk), ("event.created", rest.pk)} <= actions


def test_an_endless_series_ends_with_the_last_occurrence_before(local):
    made = daily(local, "FREQ=WEEKLY;BYDAY=MO,TH")
    wall = TEN + 7 * DAY
    rest = series.change_following(made, wall, replace(series.following(made, wall), title="Sync"), actor=SYSTEM)
    made.refresh_from_db()
    thursday = zone(TZID).to_utc(TEN + 3 * DAY)
    assert made.recurrence_rules == [
        time.strftime("FREQ=WEEKLY;UNTIL=%Y%m%dT%H%M%SZ;BYDAY=MO,TH", time.gmtime(thursday))
    ]
    assert (made.until_s, rest.until_s) == (thursday + HOUR, None)
    assert days(made)[:4] == [("Stand-up", 0, 10), ("Stand-up", 3, 10), ("Sync", 7, 10), ("Sync", 10, 10)]


@pytest.mark.parametrize("kind", ["all_day", "floating"])
def test_days_and_floating_times_end_in_their_own_way(local, kind):
    start = MONDAY if kind == "all_day" else TEN
    made = daily(local, "FREQ=DAILY", start_wall=start, duration=DAY if kind == "all_day" else HOUR, **{kind: True})
    data = replace(series.following(made, start + 2 * DAY), title="Sync")
    rest = series.change_following(made, start + 2 * DAY, data, actor=SYSTEM)
    made.refresh_from_db()
    form = {"all_day": "%Y%m%d", "floating": "%Y%m%dT%H%M%S"}[kind]
    assert made.recurrence_rules == [time.strftime(f"FREQ=DAILY;UNTIL={form}", time.gmtime(start + DAY))]
    assert getattr(rest, kind)
    assert [day[0] for day in days(made)[:4]] == ["Stand-up", "Stand-up", "Sync", "Sync"]


def test_from_the_first_occurrence_on_the_whole_series_changes(local):
    made = daily(local)
    calendar.exclude_occurrence(made, TEN, actor=SYSTEM)
    calendar.exclude_occurrence(made, TEN + 3 * DAY, actor=SYSTEM)
    data = series.following(made, TEN + DAY)  # the first that is left
    changed = series.change_following(made, TEN + DAY, replace(data, start_wall=data.start_wall - HOUR), actor=SYSTEM)
    assert changed.pk == made.pk
    assert Event.everywhere.count() == 1
    assert days(made) == [("Stand-up", 1, 9), ("Stand-up", 2, 9), ("Stand-up", 4, 9)]
    assert is_consistent(local)


def test_later_exceptions_move_along_and_earlier_ones_stay(local):
    made = daily(local, "FREQ=DAILY;COUNT=9")
    for day, title in ((1, "Early"), (3, "Itself"), (5, "Late")):
        wall = TEN + day * DAY
        data = replace(series.occurrence(made, wall), title=title, start_wall=wall + 3 * HOUR)
        series.change_occurrence(made, wall, data, actor=SYSTEM)
    for day in (2, 6):
        calendar.exclude_occurrence(made, TEN + day * DAY, actor=SYSTEM)
    data = series.following(made, TEN + 3 * DAY)
    rest = series.change_following(
        made, TEN + 3 * DAY, replace(data, title="Sync", start_wall=data.start_wall + HOUR), actor=SYSTEM
    )
    assert days(made) == [
        ("Stand-up", 0, 10),
        ("Early", 1, 13),
        ("Sync", 3, 11),
        ("Sync", 4, 11),
        ("Late", 5, 13),
        ("Sync", 7, 11),
        ("Sync", 8, 11),
    ]
    assert is_consistent(local)
    late = Event.everywhere.get(title="Late")
    assert (late.master_id, late.uid, late.recurrence_wall) == (rest.pk, rest.uid, TEN + 5 * DAY + HOUR)
    assert Event.everywhere.get(title="Itself").deleted_at


def test_exceptions_that_the_new_rule_does_not_have_are_given_up(local):
    made = daily(local, "FREQ=DAILY;COUNT=9")
    wall = TEN + 3 * DAY
    series.change_occurrence(made, wall, replace(series.occurrence(made, wall), title="Odd"), actor=SYSTEM)
    data = series.following(made, TEN + 2 * DAY)
    data = replace(data, recurrence_rules=("FREQ=DAILY;INTERVAL=2;COUNT=3",))
    series.change_following(made, TEN + 2 * DAY, data, actor=SYSTEM)
    assert [day for _, day, _ in days(made)] == [0, 1, 2, 4, 6]
    assert is_consistent(local)


def test_a_rule_moves_to_another_weekday_with_its_start(local):
    made = daily(local, "FREQ=WEEKLY;BYDAY=MO")
    data = series.following(made, TEN + 7 * DAY)
    rest = series.change_following(made, TEN + 7 * DAY, replace(data, start_wall=data.start_wall + DAY), actor=SYSTEM)
    assert rest.recurrence_rules == ["FREQ=WEEKLY;BYDAY=TU"]
    assert [day for _, day, _ in days(made)][:4] == [0, 8, 15, 22]


def test_a_whole_series_moves_to_another_weekday(local):
    made = daily(local, "FREQ=WEEKLY;BYDAY=MO;COUNT=2", recurrence_dates=(TEN + 3 * DAY,))
    calendar.change(made, replace(calendar.data_of(made), start_wall=TEN + DAY), actor=SYSTEM)
    assert [day for _, day, _ in days(made)] == [1, 4, 8]


def test_what_follows_may_be_one_event(local):
    made = daily(local)
    data = replace(series.following(made, TEN + 2 * DAY), recurrence_rules=(), title="Last")
    series.change_following(made, TEN + 2 * DAY, data, actor=SYSTEM)
    assert days(made) == [("Stand-up", 0, 10), ("Stand-up", 1, 10), ("Last", 2, 10)]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"start_wall": TEN}, "start_wall"),
        ({"recurrence_rules": ("FREQ=WEEKLY;BYDAY=SU",)}, "recurrence_rules"),
        ({"recurrence_rules": ("FREQ=SOMETIMES",)}, "recurrence_rules"),
        ({"timezone": "Mars/Base"}, "timezone"),
    ],
)
def test_what_cannot_follow_is_refused_and_nothing_changes(local, change, field):
    made = daily(local)
    before = (days(made), taken(local), Event.everywhere.count())
    data = replace(series.following(made, TEN + 2 * DAY), **change)
    with pytest.raises(Invalid) as refused:
        series.change_following(made, TEN + 2 * DAY, data, actor=SYSTEM)
    assert refused.value.field == field
    assert (days(made), taken(local), Event.everywhere.count()) == before


def test_both_parts_name_each_other_as_jscalendar_wants(local):
    made = daily(local, "FREQ=DAILY")
    second = series.change_following(made, TEN + 2 * DAY, series.following(made, TEN + 2 * DAY), actor=SYSTEM)
    third = series.change_following(second, TEN + 4 * DAY, series.following(second, TEN + 4 * DAY), actor=SYSTEM)

    def links(event: Event) -> dict[str, list[str]]:
        said = jscalendar.to_jscalendar(calendar.data_of(Event.everywhere.get(pk=event.pk)))
        return {uid: list(link["relation"]) for uid, link in said["relatedTo"].items()}

    assert links(made) == {second.uid: ["next"]}
    assert links(second) == {made.uid: ["first"], third.uid: ["next"]}
    assert links(third) == {made.uid: ["first"]}


def test_both_parts_are_stated_for_every_calendar_that_showed_the_series(host, there):
    made = daily(there)
    other = factories.caldav_calendar(factories.host(host.organisation))
    Mirror.everywhere.create(organisation=host.organisation, event=made, calendar=other)
    Mirror.everywhere.update(applied_revision=1)
    rest = series.change_following(made, TEN + 2 * DAY, series.following(made, TEN + 2 * DAY), actor=SYSTEM)
    rows = Mirror.everywhere.all()
    assert {(row.event_id, row.calendar_id) for row in rows} == {
        (event.pk, place.pk) for event in (made, rest) for place in (there, other)
    }
    assert all(row.desired == "present" and row.desired_revision > row.applied_revision for row in rows)


def test_a_series_read_from_a_calendar_is_divided_there(there):
    found = EventData("Theirs", TEN, TZID, HOUR, uid="s", recurrence_rules=("FREQ=DAILY;COUNT=4",))
    late = replace(found, recurrence_rules=(), recurrence_wall=TEN + 3 * DAY, title="Late", start_wall=TEN + 3 * DAY)
    made = pull(there, found, late)
    rest = series.change_following(made, TEN + 2 * DAY, series.following(made, TEN + 2 * DAY), actor=SYSTEM)
    old, new = Mirror.everywhere.get(event=made), Mirror.everywhere.get(event=rest)
    assert (old.remote_id, old.in_sync) == ("/s.ics", False)
    assert (new.remote_id, new.desired) == ("", "present")
    # Before and after both have arrived, reading that calendar again changes nothing.
    expected = [("Theirs", 0, 10), ("Theirs", 1, 10), ("Theirs", 2, 10), ("Late", 3, 10)]
    again = Changes([PulledObject("/s.ics", "1", [found, late], [])], [], True, "t")
    calendar.apply(there, again)
    assert days(where=there) == expected
    for mirror in (old, new):
        mirror.applied_revision = mirror.desired_revision
        mirror.remote_id = mirror.remote_id or "/new.ics"
        mirror.save()
    objects = [
        PulledObject(mirror.remote_id, "2", calendar.whole(Event.everywhere.get(pk=mirror.event_id)), [])
        for mirror in (old, new)
    ]
    calendar.apply(there, Changes(objects, [], True, "t2"))
    assert days(where=there) == expected
    assert is_consistent(there)


def test_a_changed_occurrence_of_a_series_read_there_keeps_its_row(there):
    found = EventData("Theirs", TEN, TZID, HOUR, uid="s", recurrence_rules=("FREQ=DAILY;COUNT=2",))
    made = pull(there, found)
    data = replace(series.occurrence(made, TEN + DAY), title="Ours")
    changed = series.change_occurrence(made, TEN + DAY, data, actor=SYSTEM)
    Mirror.everywhere.update(applied_revision=99, desired_revision=99)
    objects = [PulledObject("/s.ics", "2", calendar.whole(Event.everywhere.get(pk=made.pk)), [])]
    calendar.apply(there, Changes(objects, [], True, "t2"))
    assert Event.everywhere.get(title="Ours", deleted_at=None).pk == changed.pk
    assert days(where=there) == [("Theirs", 0, 10), ("Ours", 1, 10)]


# ── Ending a series ──


def test_a_series_ends_before_an_occurrence(local):
    made = daily(local, "FREQ=DAILY")
    for day in (1, 4):
        wall = TEN + day * DAY
        series.change_occurrence(made, wall, replace(series.occurrence(made, wall), title="Odd"), actor=SYSTEM)
    series.delete_following(made, TEN + 3 * DAY, actor=SYSTEM)
    assert days(made) == [("Stand-up", 0, 10), ("Odd", 1, 10), ("Stand-up", 2, 10)]
    assert is_consistent(local)
    assert AuditEntry.everywhere.filter(action="event.following_deleted", object_id=made.pk).count() == 1
    with pytest.raises(NotFound):
        series.delete_following(made, TEN + 3 * DAY, actor=SYSTEM)


def test_from_the_first_occurrence_on_the_whole_series_is_deleted(there):
    made = daily(there)
    series.delete_following(made, TEN, actor=SYSTEM)
    assert days(where=there) == []
    assert taken(there) == []
    assert Mirror.everywhere.get().desired == "absent"


# ── What is refused ──


def test_a_deleted_series_and_a_calendar_that_cannot_be_written_are_refused(there):
    made = daily(there)
    Calendar.everywhere.filter(pk=there.pk).update(state=Calendar.State.READ_ONLY)
    with pytest.raises(NotAllowed, match="read-only"):
        series.delete_following(made, TEN + DAY, actor=SYSTEM)
    Calendar.everywhere.filter(pk=there.pk).update(state="ok")
    calendar.delete(Event.everywhere.get(pk=made.pk), actor=SYSTEM)
    with pytest.raises(NotAllowed, match="deleted"):
        series.change_occurrence(made, TEN, calendar.data_of(made), actor=SYSTEM)


def test_a_booking_is_no_series(host):
    booking: Booking = factories.booking(host, start=zone(TZID).to_utc(TEN))
    assert booking.event is not None
    with pytest.raises(NotAllowed):
        series.delete_following(booking.event, TEN, actor=SYSTEM)
