"""Answers of those who take part: noted here, told to the calendar, and what they mean for the owner's time."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from bookings.domain import calendar, rsvp, series
from bookings.domain.audit import SYSTEM
from bookings.domain.calendar import Changes, PulledObject
from bookings.domain.errors import Invalid, NotAllowed, NotFound
from bookings.engine.zones import DAY
from bookings.formats.event import EventData, Person
from bookings.models import AuditEntry, Busy, Calendar, Event, Host, Mirror, Participant
from tests import factories

pytestmark = pytest.mark.django_db

HOUR = 3600
NOON = (int(time.time()) // DAY + 10) * DAY + 12 * HOUR
BOSS, ADA, EVE = "boss@example.org", "ada@example.org", "eve@example.org"


@pytest.fixture
def host() -> Host:
    return factories.host(email=ADA)


@pytest.fixture
def there(host: Host) -> Calendar:
    return factories.caldav_calendar(host)


def invitation(**more: object) -> EventData:
    people = (Person(BOSS, role="owner", rsvp="accepted"), Person("Ada@example.org"), Person(EVE))
    return replace(EventData("Budget", NOON, "UTC", HOUR, uid="b", people=people), **more)  # type: ignore[arg-type]


def pull(where: Calendar, *events: EventData, etag: str = "1") -> Event:
    calendar.apply(where, Changes([PulledObject("/b.ics", etag, list(events), [])], [], True, "t"))
    return Event.everywhere.get(calendar=where, recurrence_wall=None)


def taken(where: Calendar) -> list[tuple[int, str]]:
    return list(Busy.everywhere.filter(calendar=where).order_by("start_s").values_list("start_s", "kind"))


def answers(event: Event) -> dict[str, str]:
    return dict(event.participants.values_list("email", "rsvp"))


def answer(event: Event, status: str, email: str = ADA, **more: object) -> Event:
    return rsvp.answer(event, email, status, actor=SYSTEM, **more)  # type: ignore[arg-type]


def test_what_the_owner_declines_takes_no_time_until_they_accept(there):
    event = pull(there, invitation())
    declined = answer(event, "declined", comment="On leave")
    assert answers(declined) == {BOSS: "accepted", "Ada@example.org": "declined", EVE: "needs-action"}
    assert declined.participants.get(rsvp="declined").comment == "On leave"
    assert taken(there) == []
    accepted = answer(event, "accepted")
    assert taken(there) == [(NOON, "busy")]
    assert (accepted.free_busy_status, accepted.raw) == ("busy", {})


def test_what_the_owner_is_not_sure_of_is_tentative(there):
    event = pull(there, invitation())
    answer(event, "tentative")
    assert taken(there) == [(NOON, "tentative")]
    answer(event, "accepted")
    assert taken(there) == [(NOON, "busy")]


def test_an_event_that_was_out_of_office_is_so_again(there):
    event = pull(there, invitation(free_busy_status="away"))
    answer(event, "declined")
    answer(event, "declined")
    answer(event, "accepted")
    assert taken(there) == [(NOON, "away")]


def test_what_others_answer_does_not_change_the_owners_time(there):
    event = pull(there, invitation())
    answer(event, "declined", EVE)
    assert taken(there) == [(NOON, "busy")]
    assert answers(event)[EVE] == "declined"
    assert Mirror.everywhere.get().answers == []


def test_the_owners_answer_waits_in_the_outbox_to_be_sent(there):
    event = pull(there, invitation())
    answer(event, "accepted", comment="Gladly", notify=False)
    mirror = Mirror.everywhere.get()
    assert (mirror.remote_id, mirror.desired, mirror.in_sync) == ("/b.ics", "present", False)
    [waiting] = mirror.answers
    told = {"occurrence": None, "rsvp": "accepted", "comment": "Gladly", "notify": False}
    assert {name: waiting[name] for name in told} == told
    assert (waiting["since"], waiting["revision"]) == (mirror.applied_revision, mirror.desired_revision)


def test_the_last_answer_is_the_one_that_waits(there):
    event = pull(there, invitation())
    for status in ("accepted", "tentative", "declined"):
        answer(event, status)
    mirror = Mirror.everywhere.get()
    [waiting] = mirror.answers
    assert waiting["rsvp"] == "declined"
    assert (waiting["since"], waiting["revision"]) == (mirror.applied_revision, mirror.desired_revision)


def test_an_answer_is_no_new_version_of_the_event(there):
    event = pull(there, invitation(sequence=3))
    answered = answer(event, "accepted")
    assert (answered.sequence, answered.revision) == (3, 2)


def test_until_it_was_sent_reading_the_calendar_does_not_undo_an_answer(there):
    event = pull(there, invitation())
    answer(event, "declined")
    pull(there, invitation(), etag="2")
    assert taken(there) == []
    assert answers(event)["Ada@example.org"] == "declined"


def test_a_series_is_answered_with_its_changed_occurrences(there):
    changed = invitation(start_wall=NOON + DAY + HOUR, recurrence_wall=NOON + DAY)
    event = pull(there, invitation(recurrence_rules=("FREQ=DAILY;COUNT=3",)), changed)
    answer(event, "declined")
    assert taken(there) == []
    assert set(Participant.everywhere.filter(email__iexact=ADA).values_list("rsvp", flat=True)) == {"declined"}


@pytest.mark.parametrize("was_changed", [True, False])
def test_one_occurrence_is_answered_alone(there, was_changed):
    changed = invitation(start_wall=NOON + DAY, recurrence_wall=NOON + DAY)
    rest = (changed,) if was_changed else ()
    event = pull(there, invitation(recurrence_rules=("FREQ=DAILY;COUNT=3",)), *rest)
    declined = answer(event, "declined", recurrence_wall=NOON + DAY)
    assert (declined.recurrence_wall, declined.master_id) == (NOON + DAY, event.pk)
    assert taken(there) == [(NOON, "busy"), (NOON + 2 * DAY, "busy")]
    assert answers(event)["Ada@example.org"] == "needs-action"
    assert [each["occurrence"] for each in Mirror.everywhere.get().answers] == [NOON + DAY]
    answer(declined, "accepted")
    assert len(taken(there)) == 3
    [waiting] = Mirror.everywhere.get().answers
    assert (waiting["rsvp"], waiting["occurrence"]) == ("accepted", NOON + DAY)


def test_an_occurrence_that_is_none_is_not_found(there):
    event = pull(there, invitation(recurrence_rules=("FREQ=DAILY;COUNT=3",)))
    with pytest.raises(NotFound):
        answer(event, "declined", recurrence_wall=NOON + HOUR)
    assert Event.everywhere.count() == 1


def test_answers_in_a_calendar_of_our_own_stay_here(host):
    event = calendar.create(factories.local_calendar(host), invitation(), actor=SYSTEM)
    answer(event, "declined")
    assert taken(event.calendar) == []
    assert not Mirror.everywhere.exists()
    entry = AuditEntry.everywhere.get(action="event.answered")
    assert (entry.object_id, entry.after) == (event.pk, {"email": ADA, "rsvp": "declined"})


def test_an_event_of_ours_elsewhere_is_stated_anew(there):
    event = calendar.create(there, invitation(), actor=SYSTEM)
    before = Mirror.everywhere.get().desired_revision
    answer(event, "accepted", EVE)
    assert Mirror.everywhere.get().desired_revision > before


def test_a_guest_answers_a_booking_without_giving_its_time_back(host):
    booking = factories.booking(host, start=NOON)
    assert booking.event is not None
    Participant.everywhere.create(organisation=host.organisation, event=booking.event, key="g", email=EVE)
    answer(booking.event, "declined", EVE)
    answer(booking.event, "declined", ADA)
    assert answers(booking.event) == {ADA: "declined", EVE: "declined"}
    assert booking.claims.count() == 1
    booking.event.refresh_from_db()
    assert booking.event.free_busy_status == "busy"


@pytest.mark.parametrize("email", ["", "nobody@example.org", "ada@example.org\x00x", "x" * 10_000])
def test_who_does_not_take_part_cannot_answer(there, email):
    event = pull(there, invitation(people=(Person(BOSS, role="owner"), Person(ADA), Person("", "By phone"))))
    with pytest.raises(NotAllowed):
        answer(event, "accepted", email)
    assert not Mirror.everywhere.exists()


@pytest.mark.parametrize(
    ("status", "comment", "field"), [("maybe", "", "status"), ("", "", "status"), ("accepted", "x" * 9000, "comment")]
)
def test_what_is_no_answer_is_refused(there, status, comment, field):
    event = pull(there, invitation())
    with pytest.raises(Invalid) as refused:
        answer(event, status, comment=comment)
    assert refused.value.field == field


def test_a_calendar_that_cannot_be_written_takes_no_answer(there):
    event = pull(there, invitation())
    Calendar.everywhere.update(is_writable=False)
    with pytest.raises(NotAllowed, match="read-only"):
        answer(event, "accepted")


def test_an_occurrence_that_was_changed_meanwhile_waits_for_both(there):
    event = pull(there, invitation(recurrence_rules=("FREQ=DAILY;COUNT=3",)))
    data = replace(series.occurrence(event, NOON), title="Ours")
    changed = series.change_occurrence(event, NOON, data, actor=SYSTEM)
    answer(changed, "accepted")
    mirror = Mirror.everywhere.get()
    assert mirror.answers[0]["since"] > mirror.applied_revision
