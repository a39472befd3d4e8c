"""The owner's answers to invitations, and divided series, arrive in a real calendar and come back as they were."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from bookings.domain import calendar as events
from bookings.domain import rsvp, series
from bookings.domain.audit import SYSTEM
from bookings.domain.busy import kind_of
from bookings.engine.zones import DAY
from bookings.formats.event import Person
from bookings.models import Event, Mirror, PushAttempt
from providers import push
from tests.providers.conftest import Connected, connect
from tests.providers.proxy import in_front_of
from tests.providers.test_delivery import START, meeting, mirror_of
from tests.providers.test_reading import read
from tests.servers import CalDavServer

ADA = "ada@example.org"
INVITATION = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Other//EN
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:STANDARD
DTSTART:19701025T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19700329T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT
UID:budget@elsewhere
DTSTAMP:20260101T000000Z
SEQUENCE:4
DTSTART;TZID=Europe/Berlin:20310303T090000
DTEND;TZID=Europe/Berlin:20310303T100000
SUMMARY:Budget
X-OTHER:kept
ORGANIZER;CN=Boss:mailto:boss@example.org
ATTENDEE;PARTSTAT=ACCEPTED:mailto:boss@example.org
ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:Ada@example.org
ATTENDEE;PARTSTAT=TENTATIVE:mailto:eve@example.org
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n")


@pytest.fixture
def invited(db: None, caldav_server: CalDavServer) -> Connected:
    return connect(caldav_server, email=ADA, timezone="Europe/Berlin")


def receive(invited: Connected, *lines: str) -> Event:
    text = INVITATION.replace("SUMMARY", "\r\n".join([*lines, "SUMMARY"]))
    invited.server.put(invited.url, "budget.ics", text)
    read(invited)
    return Event.everywhere.get(uid="budget@elsewhere", master=None)


def answer(event: Event, status: str, **more: object) -> Event:
    return rsvp.answer(event, ADA, status, actor=SYSTEM, **more)  # type: ignore[arg-type]


def takes_time(event: Event) -> list[str | None]:
    """What class of time each occurrence in its calendar takes (see busy.kind_of)."""
    found = events.occurrences([event.calendar], event.start_s - DAY, event.start_s + 99 * DAY)
    return [kind_of(each.event) for each in found]


def unfolded(text: str) -> str:
    return re.sub(r"\r?\n[ \t]", "", text)


def parts(invited: Connected) -> dict[str, dict[str, str]]:
    """By occurrence ("" for the event itself): who answered what, as it stands on the server."""
    (text,) = (each for each in invited.texts() if "budget@elsewhere" in each)
    found = {}
    for part in re.findall(r"BEGIN:VEVENT.*?END:VEVENT", unfolded(text), re.DOTALL):
        occurrence = re.search(r"RECURRENCE-ID[^:]*:(\w+)", part)
        answers = re.findall(r"ATTENDEE(.*?):mailto:(\w+)@", part)
        said = {who.lower(): re.search(r"PARTSTAT=([A-Z-]+)", params) for params, who in answers}
        found[occurrence[1] if occurrence else ""] = {who: match[1] if match else "" for who, match in said.items()}
    return found


def actions() -> list[str]:
    return list(PushAttempt.everywhere.order_by("at").values_list("action", flat=True))


def test_an_answer_is_all_that_is_written_into_an_invitation(invited: Connected) -> None:
    event = receive(invited)
    (before,) = invited.texts()
    answer(event, "accepted", comment="Gladly")
    push.deliver()
    assert actions() == ["rsvp"]
    assert parts(invited) == {"": {"boss": "ACCEPTED", "ada": "ACCEPTED", "eve": "TENTATIVE"}}
    (text,) = invited.texts()
    assert "COMMENT:Gladly" in text
    assert "X-CONVENE-REF" not in text
    kept = {line for line in unfolded(before).splitlines() if not line.startswith(("ATTENDEE", "RRULE"))}
    assert kept <= set(unfolded(text).splitlines())
    mirror = mirror_of(event)
    assert (mirror.in_sync, mirror.answers) == (True, [])
    read(invited)
    assert {person.rsvp for person in event.participants.filter(email__iexact=ADA)} == {"accepted"}
    assert push.deliver() == 0


def test_a_declined_invitation_stays_declined_when_it_is_read_again(invited: Connected) -> None:
    event = receive(invited)
    answer(event, "declined")
    push.deliver()
    read(invited)
    assert parts(invited)[""]["ada"] == "DECLINED"
    assert takes_time(event) == [None]
    answer(event, "accepted")
    push.deliver()
    read(invited)
    assert takes_time(event) == ["busy"]


def test_an_answer_and_a_change_both_arrive(invited: Connected) -> None:
    event = receive(invited)
    events.change(event, replace(events.data_of(event), title="Budget 2032"), actor=SYSTEM)
    answer(event, "tentative")
    push.deliver()
    assert actions() == ["rsvp", "update"]
    assert parts(invited)[""] == {"boss": "ACCEPTED", "ada": "TENTATIVE", "eve": "TENTATIVE"}
    assert "SUMMARY:Budget 2032" in invited.texts()[0]
    assert (mirror_of(event).in_sync, mirror_of(event).answers) == (True, [])


def test_one_occurrence_is_declined_alone(invited: Connected) -> None:
    event = receive(invited, "RRULE:FREQ=WEEKLY;COUNT=6")
    for week in (2, 4):  # the latter after clocks changed
        answer(event, "declined", recurrence_wall=START + week * 7 * DAY)
    push.deliver()
    assert actions() == ["rsvp"]
    said = parts(invited)
    assert {occurrence: answers["ada"] for occurrence, answers in said.items()} == {
        "": "NEEDS-ACTION",
        "20310317T090000": "DECLINED",
        "20310331T090000": "DECLINED",
    }
    assert mirror_of(event).in_sync
    read(invited)
    assert takes_time(event) == ["busy", "busy", None, "busy", None, "busy"]
    rows = Event.everywhere.filter(master=event, deleted_at=None)
    assert sorted(row.start_wall for row in rows) == [START + 2 * 7 * DAY, START + 4 * 7 * DAY]
    answer(event, "accepted", recurrence_wall=START + 2 * 7 * DAY)
    push.deliver()
    assert parts(invited)["20310317T090000"]["ada"] == "ACCEPTED"


def test_an_answer_that_crosses_a_change_there_is_written_into_what_is_there_now(invited: Connected) -> None:
    event = receive(invited)
    answer(event, "accepted")
    invited.server.put(invited.url, "budget.ics", INVITATION.replace("SUMMARY:Budget", "SUMMARY:Moved there"))
    push.deliver()
    assert parts(invited)[""]["ada"] == "ACCEPTED"
    assert "SUMMARY:Moved there" in invited.texts()[0]
    read(invited)
    assert Event.everywhere.get(pk=event.pk).title == "Moved there"


def test_the_organiser_is_told_unless_nobody_wants_that(radicale: CalDavServer, settings, db) -> None:
    with in_front_of(radicale.url) as proxy:
        settings.LAN_ALLOWED = [proxy.hostport]
        invited = connect(radicale, server_url=proxy.url, email=ADA, timezone="Europe/Berlin")
        radicale.put(invited.url.replace(proxy.url, radicale.url), "budget.ics", INVITATION)
        read(invited)
        event = Event.everywhere.get(uid="budget@elsewhere")
        for notify in (False, True):
            answer(event, "accepted", notify=notify)
            push.deliver()
        writes = [call for call in proxy.quirks.calls if call.method == "PUT"]
    told = [{name.lower(): value for name, value in call.headers.items()} for call in writes]
    assert [headers.get("schedule-reply") for headers in told] == ["F", None]


def test_an_invitation_that_is_gone_is_looked_at_by_people(invited: Connected) -> None:
    event = receive(invited)
    answer(event, "accepted")
    for url in invited.server.objects(invited.url):
        invited.server.delete(url)
    push.deliver()
    mirror = mirror_of(event)
    assert (mirror.state, mirror.difference) == (Mirror.State.NEEDS_CHECK, {"kind": "deleted"})


def test_an_owner_who_is_no_longer_invited_is_told_and_blocks_no_later_change(invited: Connected) -> None:
    event = receive(invited)
    answer(event, "accepted")
    uninvited = "\r\n".join(line for line in INVITATION.split("\r\n") if "Ada@" not in line)
    invited.server.put(invited.url, "budget.ics", uninvited)
    push.deliver()
    mirror = mirror_of(event)
    assert (mirror.state, mirror.answers) == (Mirror.State.FAILED, [])
    assert "not among the guests" in mirror.last_error


def test_the_owner_of_an_event_of_ours_may_answer_it_too(invited: Connected) -> None:
    made = events.create(invited.calendar, meeting(), actor=SYSTEM)
    push.deliver()
    with_owner = replace(events.data_of(made), people=(Person(ADA),))
    events.change(made, with_owner, actor=SYSTEM)
    answer(made, "declined")
    push.deliver()
    (text,) = invited.texts()
    assert "PARTSTAT=DECLINED" in unfolded(text)
    assert mirror_of(made).in_sync


def test_a_series_read_from_a_calendar_is_divided_in_it(invited: Connected) -> None:
    event = receive(invited, "RRULE:FREQ=DAILY;COUNT=6")
    wall = START + 2 * DAY
    rest = series.change_following(event, wall, replace(series.following(event, wall), title="After"), actor=SYSTEM)
    push.deliver()
    for _ in range(2):
        found = events.occurrences([invited.calendar], event.start_s - DAY, event.start_s + 30 * DAY)
        assert [each.event.title for each in found] == ["Budget"] * 2 + ["After"] * 4
        assert takes_time(event) == ["busy"] * 6
        read(invited)
    texts = sorted(invited.texts(), key=lambda text: rest.uid in text)
    assert ["RRULE:FREQ=DAILY;COUNT=2" in texts[0], "RRULE:FREQ=DAILY;COUNT=4" in texts[1]] == [True, True]


def test_a_changed_occurrence_that_is_taken_out_does_not_come_back(invited: Connected) -> None:
    event = receive(invited, "RRULE:FREQ=DAILY;COUNT=3")
    wall = START + DAY
    changed = series.change_occurrence(event, wall, replace(series.occurrence(event, wall), title="Odd"), actor=SYSTEM)
    push.deliver()
    read(invited)
    events.delete(Event.everywhere.get(pk=changed.pk), actor=SYSTEM)
    push.deliver()
    read(invited)
    found = events.occurrences([invited.calendar], event.start_s - DAY, event.start_s + 30 * DAY)
    assert [each.event.title for each in found] == ["Budget", "Budget"]
    assert "SUMMARY:Odd" not in invited.texts()[0]
