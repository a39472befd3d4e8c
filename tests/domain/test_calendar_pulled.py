"""What calendars elsewhere say: taken over once, in full, and never at the cost of a booking."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bookings.domain import calendar
from bookings.domain.audit import SYSTEM
from bookings.domain.calendar import Changes, PulledObject, apply, known, occurrences
from bookings.domain.errors import NotAllowed
from bookings.engine.zones import DAY, zone
from bookings.formats.event import EventData, Person, fingerprint
from bookings.formats.icalendar import Problem, parse, render
from bookings.models import Booking, Busy, Calendar, Claim, Event, Host, Installation, Mirror, Participant
from tests import factories

pytestmark = pytest.mark.django_db

HOUR = 3600
NOON = (int(time.time()) // DAY + 10) * DAY + 12 * HOUR


@pytest.fixture
def host() -> Host:
    return factories.host(timezone="Europe/Berlin")


@pytest.fixture
def there(host: Host) -> Calendar:
    return factories.caldav_calendar(host)


def data(uid: str = "a", start: int = NOON, **more: object) -> EventData:
    return EventData(more.pop("title", uid), start, more.pop("timezone", "UTC"), HOUR, uid=uid, **more)  # type: ignore[arg-type]


def pulled(*events: EventData, href: str = "", etag: str = "1", problems: tuple[Problem, ...] = ()) -> PulledObject:
    return PulledObject(href or f"/{events[0].uid}.ics", etag, list(events), list(problems))


def listing(*objects: PulledObject, token: str = "t") -> Changes:
    return Changes(list(objects), [], True, token)


def news(*objects: PulledObject, removed: tuple[str, ...] = (), token: str = "t") -> Changes:
    return Changes(list(objects), list(removed), False, token)


def taken(where: Calendar) -> list[tuple[int, int, str]]:
    return list(Busy.everywhere.filter(calendar=where).order_by("start_s").values_list("start_s", "end_s", "kind"))


def titles(where: Calendar) -> list[str]:
    return [each.event.title for each in occurrences([where], NOON - 30 * DAY, NOON + 30 * DAY)]


def everything(where: Calendar) -> object:
    rows = Event.everywhere.filter(calendar=where).order_by("pk")
    people = Participant.everywhere.filter(event__calendar=where).order_by("event", "key").values_list("event", "email")
    return list(rows.values_list("pk", "title", "start_s", "until_s", "deleted_at", "etag")), taken(where), list(people)


# ── Taking over ──


def test_events_become_busy_time_and_the_calendar_is_verified(there):
    applied = apply(
        there, news(pulled(data("a", people=(Person("x@y.org"),))), pulled(data("b", NOON + DAY)), token="t2")
    )
    assert (applied.changed, titles(there)) == (2, ["a", "b"])
    assert taken(there) == [(NOON, NOON + HOUR, "busy"), (NOON + DAY, NOON + DAY + HOUR, "busy")]
    there.refresh_from_db()
    assert (there.state, there.sync_token, there.stale_since, there.last_error) == ("ok", "t2", None, "")
    assert there.last_verified_at
    assert known(there) == {"/a.ics": "1", "/b.ics": "1"}


@pytest.mark.parametrize("complete", [True, False])
def test_replaying_a_pull_changes_nothing(there, complete):
    series = data("s", recurrence_rules=("FREQ=DAILY;COUNT=5",))
    moved = data("s", NOON + 9 * DAY, recurrence_wall=NOON + DAY)
    bad = PulledObject("/bad.ics", "1", [], [Problem("bad", "no", NOON + 3 * DAY)])
    changes = Changes([pulled(data("a", people=(Person("x@y.org"),))), pulled(series, moved), bad], [], complete, "t")
    apply(there, changes)
    before = everything(there)
    apply(there, changes)
    assert everything(there) == before
    untagged = replace(changes, objects=[replace(each, etag="") for each in changes.objects])
    apply(there, untagged)
    assert len(everything(there)[0]) == len(before[0])
    assert everything(there)[1:] == before[1:]


def test_what_was_read_from_a_read_only_calendar_cannot_be_deleted(there):
    apply(there, news(pulled(data("a"))))
    Calendar.everywhere.update(is_writable=False)
    with pytest.raises(NotAllowed):
        calendar.delete(Event.everywhere.get(), actor=SYSTEM)
    assert titles(there) == ["a"]


def test_a_changed_object_keeps_its_identity(there):
    apply(there, news(pulled(data("a", people=(Person("x@y.org"),)))))
    before = Event.everywhere.get(calendar=there)
    apply(there, news(pulled(data("a", NOON + HOUR, title="A"), etag="2")))
    after = Event.everywhere.get(calendar=there)
    assert (after.pk, after.title, after.created_at) == (before.pk, "A", before.created_at)
    assert taken(there) == [(NOON + HOUR, NOON + 2 * HOUR, "busy")]
    assert not Participant.everywhere.exists()


def test_an_object_with_the_tag_we_hold_is_left_alone(there, django_assert_max_num_queries):
    objects = [pulled(data(f"{number}", NOON + number * HOUR)) for number in range(40)]
    apply(there, listing(*objects))
    with django_assert_max_num_queries(14):
        applied = apply(there, listing(*(replace(each, events=[]) for each in objects)))
    assert (applied.unchanged, applied.changed, len(taken(there))) == (40, 0, 40)


def test_the_number_of_queries_does_not_grow_with_the_number_of_events(there, django_assert_max_num_queries):
    with django_assert_max_num_queries(30):
        apply(there, listing(*(pulled(data(f"{number}", NOON + number * HOUR)) for number in range(200))))


def test_removed_objects_are_gone_and_may_come_back_as_themselves(there):
    apply(there, news(pulled(data("a")), pulled(data("b"))))
    before = Event.everywhere.get(uid="a").pk
    applied = apply(there, news(removed=("/a.ics", "/never-seen.ics")))
    assert (applied.removed, titles(there), len(taken(there))) == (1, ["b"], 1)
    apply(there, news(pulled(data("a"))))
    assert Event.everywhere.get(uid="a").pk == before
    assert sorted(titles(there)) == ["a", "b"]


def test_a_complete_listing_removes_what_it_does_not_name(there):
    apply(there, listing(pulled(data("a")), pulled(data("b"))))
    apply(there, listing(pulled(data("b"))))
    assert titles(there) == ["b"]
    apply(there, news(pulled(data("c"))))
    assert sorted(titles(there)) == ["b", "c"]


def test_a_calendar_that_suddenly_lists_nothing_is_believed_the_second_time(host, there):
    own = mirrored(there)
    apply(there, listing(*(pulled(data(f"{number}", NOON + number * HOUR)) for number in range(6)), remote(own)))
    applied = apply(there, listing())
    there.refresh_from_db()
    assert (applied.doubted, len(taken(there)), there.state, there.sync_token) == (True, 7, "stale", "")
    assert mirror_of(own).difference == {}
    applied = apply(there, listing())
    there.refresh_from_db()
    assert (applied.doubted, len(taken(there)), there.state, there.last_error) == (False, 1, "ok", "")
    assert mirror_of(own).difference == {"kind": "deleted"}


def test_a_doubted_calendar_that_recovers_keeps_everything(there):
    objects = [pulled(data(f"{number}", NOON + number * HOUR)) for number in range(6)]
    apply(there, listing(*objects))
    apply(there, listing())
    apply(there, listing(*objects))
    there.refresh_from_db()
    assert (len(taken(there)), there.state, there.stale_since) == (6, "ok", None)


# ── Series ──


def test_a_moved_occurrence_takes_its_new_time_and_frees_the_old_one(there):
    series = data("s", timezone="Europe/Berlin", recurrence_rules=("FREQ=DAILY;COUNT=3",))
    moved = data("s", NOON + DAY + 3 * HOUR, recurrence_wall=NOON + DAY)
    apply(there, news(pulled(series, moved)))
    berlin = zone("Europe/Berlin")
    assert [row[0] for row in taken(there)] == [
        berlin.to_utc(NOON),
        NOON + DAY + 3 * HOUR,
        berlin.to_utc(NOON + 2 * DAY),
    ]


def test_a_cancelled_occurrence_is_free(there):
    series = data("s", recurrence_rules=("FREQ=DAILY;COUNT=3",))
    apply(there, news(pulled(series, data("s", NOON + DAY, recurrence_wall=NOON + DAY, status="cancelled"))))
    assert [row[0] for row in taken(there)] == [NOON, NOON + 2 * DAY]


def test_a_change_taken_back_brings_the_original_occurrence_back(there):
    series = data("s", recurrence_rules=("FREQ=DAILY;COUNT=3",))
    apply(there, news(pulled(series, data("s", NOON + 9 * DAY, recurrence_wall=NOON + DAY))))
    apply(there, news(pulled(series, etag="2")))
    assert [row[0] for row in taken(there)] == [NOON, NOON + DAY, NOON + 2 * DAY]


def test_an_occurrence_moved_across_the_edge_of_a_window_is_found_where_it_is(there):
    series = data("s", recurrence_rules=("FREQ=DAILY;COUNT=3",))
    out = data("s", NOON + 20 * DAY, recurrence_wall=NOON + DAY)
    apply(there, news(pulled(series, out)))
    at_old = occurrences([there], NOON + DAY - HOUR, NOON + DAY + 2 * HOUR)
    at_new = occurrences([there], NOON + 19 * DAY, NOON + 21 * DAY)
    assert (at_old, [each.recurrence_wall for each in at_new]) == ([], [NOON + DAY])


def test_an_occurrence_whose_series_is_not_there_blocks_all_the_same(there):
    apply(there, news(pulled(data("s", recurrence_wall=NOON))))
    assert taken(there) == [(NOON, NOON + HOUR, "busy")]


def test_the_same_meeting_in_two_peoples_calendars_blocks_both(there):
    other = factories.caldav_calendar(factories.host(there.account.host.organisation))
    for each in (there, other):
        apply(each, news(pulled(data("shared"))))
    assert taken(there) == taken(other) != []


def test_the_same_uid_in_two_organisations_stays_apart(there):
    other = factories.caldav_calendar(factories.host())
    calendar.create(other, data("clash"), actor=SYSTEM)
    apply(there, news(pulled(data("clash"))))
    assert len(taken(there)) == 1


# ── What cannot be read ──


def test_an_unreadable_object_keeps_its_first_day_busy_and_is_listed(there):
    apply(
        there,
        news(
            PulledObject("/x.ics", "1", [], [Problem("x", "DTEND before DTSTART", NOON)]),
            pulled(data("ok", NOON + 9 * DAY)),
        ),
    )
    there.refresh_from_db()
    assert there.quarantined == [{"href": "/x.ics", "reason": "DTEND before DTSTART", "etag": "1"}]
    assert there.state == "ok"
    day = zone("Europe/Berlin").day_bounds(NOON // DAY)
    assert taken(there) == [(*day, "busy"), (NOON + 9 * DAY, NOON + 9 * DAY + HOUR, "busy")]
    apply(there, news(pulled(data("x"), href="/x.ics", etag="2")))
    there.refresh_from_db()
    assert there.quarantined == []
    assert taken(there)[0] == (NOON, NOON + HOUR, "busy")


def test_an_object_that_became_unreadable_goes_on_blocking(there):
    apply(there, news(pulled(data("a"))))
    apply(there, news(PulledObject("/a.ics", "2", [], [Problem("", "This is not an iCalendar file.", None)])))
    assert taken(there) == [(NOON, NOON + HOUR, "busy")]
    apply(there, news(removed=("/a.ics",)))
    there.refresh_from_db()
    assert (taken(there), there.quarantined) == ([], [])


@pytest.mark.parametrize(
    "bad",
    [
        {"recurrence_rules": ("FREQ=SOMETIMES",)},
        {"recurrence_rules": ("FREQ=SECONDLY",)},
        {"timezone": "Mars/Olympus"},
        {"status": "whatever"},
    ],
)
def test_an_event_beyond_reason_is_quarantined_and_never_free(there, bad):
    apply(there, news(pulled(data("bad", **bad)), pulled(data("good", NOON + 9 * DAY))))
    there.refresh_from_db()
    assert [each["href"] for each in there.quarantined] == ["/bad.ics"]
    first, second = taken(there)
    assert first[:2] == zone("Europe/Berlin").day_bounds(NOON // DAY)
    assert second[0] == NOON + 9 * DAY


def test_texts_longer_than_a_column_are_cut_and_control_characters_dropped(there):
    apply(there, news(pulled(data("a", title="x" * 3000, location="a\x00b"))))
    stored = Event.everywhere.get(calendar=there)
    assert (len(stored.title), stored.location) == (1024, "ab")


# ── Our own events there ──


def mirrored(there: Calendar, **more: object) -> Event:
    """One of our events that has been delivered."""
    made = calendar.create(there, data("own", **more), actor=SYSTEM)
    Mirror.everywhere.filter(event=made).update(
        applied_revision=1, remote_id="/own.ics", remote_uid="own", etag="e1", remote_fingerprint=""
    )
    return made


def mirror_of(event: Event) -> Mirror:
    found: Mirror = Mirror.everywhere.get(event=event)
    return found


def remote(event: Event, etag: str = "e1", href: str = "/own.ics", **changes: object) -> PulledObject:
    """What a server returns for it, by way of iCalendar."""
    said = replace(calendar.data_of(event), **changes)  # type: ignore[arg-type]
    text = render(said, stamp=datetime(2027, 1, 1, tzinfo=UTC), extra={"X-CONVENE-REF": mark(event)})
    return PulledObject(href, etag, parse(text, default_timezone="Europe/Berlin").events)


def mark(event: Event) -> str:
    return f"{Installation.current().namespace}|{event.pk}|{event.calendar_id}|1|1"


@pytest.mark.parametrize("complete", [True, False])
def test_our_own_event_is_neither_a_second_event_nor_busy_twice(there, complete):
    own = mirrored(there)
    before = taken(there)
    applied = apply(there, Changes([remote(own, etag="e2")], [], complete, "t"))
    assert (applied.own, Event.everywhere.count(), taken(there)) == (1, 1, before)
    assert (mirror_of(own).difference, mirror_of(own).etag) == ({}, "e2")


def test_an_event_delivered_but_not_yet_recorded_is_recognised_by_its_uid(there):
    own = mirrored(there)
    Mirror.everywhere.update(remote_id="", etag="", applied_revision=0)
    apply(there, news(remote(own)))
    assert Event.everywhere.count() == 1


def test_a_booking_pulled_back_takes_no_time_of_its_own(host, there):
    own = factories.booking(host, start=NOON).event
    apply(there, news(remote(own, href="/b.ics")))
    assert taken(there) == []


def test_a_copy_in_another_calendar_of_the_same_host_is_not_busy_twice(host, there):
    own = mirrored(there)
    second = factories.caldav_calendar(host)
    apply(second, news(remote(own, href="/copy.ics")))
    assert taken(second) == []


def test_our_event_in_the_calendar_of_somebody_it_does_not_hold_is_busy_there(there):
    own = mirrored(there)
    guest = factories.caldav_calendar(factories.host(there.account.host.organisation))
    apply(guest, news(remote(own, href="/invitation.ics")))
    assert taken(guest) == [(NOON, NOON + HOUR, "busy")]


def test_a_booking_of_several_hosts_is_nobodys_second_event(host, there):
    other = factories.host(host.organisation)
    own = factories.booking(host, other, start=NOON).event
    second = factories.caldav_calendar(other)
    apply(second, news(remote(own, href="/group.ics")))
    assert taken(second) == []


def test_a_copy_under_another_uid_is_ours_only_at_our_time(there):
    own = mirrored(there)
    copied = remote(own, href="/copy.ics")
    copy = replace(copied, events=[replace(copied.events[0], uid="other")])
    apply(there, news(copy))
    assert Event.everywhere.count() == 1
    elsewhen = replace(copy, etag="2", events=[replace(copy.events[0], start_wall=NOON + 5 * HOUR)])
    apply(there, news(elsewhen))
    assert [row[0] for row in taken(there)] == [NOON, NOON + 5 * HOUR]


def test_an_event_of_another_installation_is_busy(there):
    own = mirrored(there)
    foreign = remote(own, href="/foreign.ics").events[0]
    raw = {"properties": [["X-CONVENE-REF", {}, f"00000000-0000-0000-0000-000000000000|{own.pk}|x|1|1"]]}
    apply(there, news(pulled(replace(foreign, uid="theirs", raw=raw))))
    assert len(taken(there)) == 2


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"start_wall": NOON + HOUR}, {"kind": "moved", "start_s": NOON + HOUR, "end_s": NOON + 2 * HOUR}),
        ({"duration": 2 * HOUR}, {"kind": "moved", "start_s": NOON, "end_s": NOON + 2 * HOUR}),
        ({"title": "mine now"}, {"kind": "edited"}),
        ({"status": "cancelled"}, {"kind": "deleted"}),
        ({"colour": "red", "alerts": {}}, {}),
        ({"timezone": "Europe/London", "start_wall": zone("Europe/London").to_wall(NOON)}, {}),
    ],
)
def test_what_the_host_changed_there_is_noted_and_cleared_when_equal_again(there, changes, difference):
    own = mirrored(there)
    apply(there, news(remote(own, etag="e2", **changes)))
    assert mirror_of(own).difference == difference
    own.refresh_from_db()
    assert (own.start_s, own.title, own.deleted_at) == (NOON, "own", None)
    apply(there, news(remote(own, etag="e3")))
    assert mirror_of(own).difference == {}


def test_what_the_server_makes_of_our_event_is_not_an_edit_when_it_was_so_when_written(there):
    own = mirrored(there, description="long")
    made_of_it = remote(own, etag="e2", description="shortened by the server")
    Mirror.everywhere.update(remote_fingerprint=fingerprint(made_of_it.events[0]))
    apply(there, news(made_of_it))
    assert mirror_of(own).difference == {}


def test_our_event_deleted_there_is_noted_not_obeyed(there):
    own = mirrored(there)
    apply(there, news(removed=("/own.ics",)))
    assert mirror_of(own).difference == {"kind": "deleted"}
    assert taken(there) == [(NOON, NOON + HOUR, "busy")]
    apply(there, listing(remote(own)))
    assert mirror_of(own).difference == {}
    apply(there, listing(pulled(data("x"))))
    assert mirror_of(own).difference == {"kind": "deleted"}


def test_our_event_renamed_by_the_server_is_followed(there):
    own = mirrored(there)
    apply(there, news(remote(own, href="/new-name.ics"), removed=("/own.ics",)))
    assert (mirror_of(own).remote_id, mirror_of(own).difference) == ("/new-name.ics", {})


def test_nothing_is_noted_while_a_change_of_ours_is_on_its_way(there):
    own = mirrored(there)
    calendar.change(own, data("own", NOON + DAY), actor=SYSTEM)
    apply(there, news(remote(own, etag="e2", start_wall=NOON)))
    apply(there, news(removed=("/own.ics",)))
    assert mirror_of(own).difference == {}


def test_answers_of_guests_are_taken_over(there):
    guest = Person("guest@example.org", "Guest")
    own = mirrored(there, people=(guest,))
    apply(there, news(remote(own, etag="e2", people=(replace(guest, rsvp="accepted"),))))
    assert Participant.everywhere.get(event=own).rsvp == "accepted"
    assert mirror_of(own).difference == {}


def test_known_tells_the_tags_of_our_own_objects_too(there):
    mirrored(there)
    apply(there, news(pulled(data("a")), PulledObject("/bad.ics", "9", [], [Problem("", "no", None)])))
    assert known(there) == {"/own.ics": "e1", "/a.ics": "1", "/bad.ics": "9"}


# ── Events read there and changed here ──


def test_a_pulled_event_changed_here_is_stated_as_an_update_of_the_same_object(there):
    apply(there, news(pulled(data("a"))))
    event = Event.everywhere.get(uid="a")
    calendar.change(event, data("a", NOON + HOUR), actor=SYSTEM)
    mirror = mirror_of(event)
    assert (mirror.remote_id, mirror.etag, mirror.applied_revision, mirror.desired_revision) == ("/a.ics", "1", 1, 2)
    apply(there, news(pulled(data("a"), etag="1x")))
    assert taken(there) == [(NOON + HOUR, NOON + 2 * HOUR, "busy")]


def test_once_our_change_has_arrived_the_calendar_leads_again(there):
    apply(there, news(pulled(data("a"))))
    event = Event.everywhere.get(uid="a")
    calendar.change(event, data("a", NOON + HOUR), actor=SYSTEM)
    Mirror.everywhere.update(applied_revision=2, etag="2")
    apply(there, news(pulled(data("a", NOON + 5 * HOUR), etag="3")))
    assert taken(there) == [(NOON + 5 * HOUR, NOON + 6 * HOUR, "busy")]
    apply(there, news(removed=("/a.ics",)))
    assert taken(there) == []


def test_a_pulled_event_deleted_here_is_stated_absent(there):
    apply(there, news(pulled(data("a"))))
    calendar.delete(Event.everywhere.get(uid="a"), actor=SYSTEM)
    mirror = Mirror.everywhere.get()
    assert (mirror.desired, mirror.remote_id) == ("absent", "/a.ics")
    apply(there, listing(pulled(data("a"))))
    assert (titles(there), taken(there)) == ([], [])


def test_one_occurrence_of_a_pulled_series_can_be_deleted_here(there):
    series = data("s", recurrence_rules=("FREQ=DAILY;COUNT=3",))
    apply(there, news(pulled(series, data("s", NOON + DAY + HOUR, recurrence_wall=NOON + DAY))))
    changed = Event.everywhere.exclude(master=None).get()
    calendar.delete(changed, actor=SYSTEM)
    assert [row[0] for row in taken(there)] == [NOON, NOON + 2 * DAY]
    (root,) = calendar.whole(Event.everywhere.get(master=None))
    assert root.excluded_dates == (NOON + DAY,)


# ── Conflicts ──


def test_a_pulled_event_on_a_booking_is_flagged_and_the_booking_stays(host, there):
    common = {"organisation": host.organisation, "start_s": NOON, "end_s": NOON + HOUR}
    booking = Booking.everywhere.create(title="B", timezone="UTC", start_wall=NOON, **common)
    Claim.everywhere.create(host=host, booking=booking, state="booked", **common)
    apply(there, news(pulled(data("a"))))
    booking.refresh_from_db()
    assert (booking.state, booking.conflict["kind"]) == ("confirmed", "calendar_event")
    apply(there, news(removed=("/a.ics",)))
    booking.refresh_from_db()
    assert booking.conflict == {}
