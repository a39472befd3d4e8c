"""What is stated here becomes true in a real calendar, once."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime
from urllib.parse import urlsplit

from bookings.domain import accounts, outbox
from bookings.domain import calendar as events
from bookings.domain.audit import SYSTEM
from bookings.engine.zones import wall
from bookings.formats import icalendar
from bookings.formats.event import EventData, Person
from bookings.models import Account, Calendar, Mirror
from providers import push
from providers.base import Answer, Outcome, Push, Remote, Result
from providers.caldav.provider import CalDav, from_account
from providers.lease import lease
from tests import factories, servers
from tests.providers.conftest import Connected, connect

START = wall(2031, 3, 3, 9)


def meeting(title: str = "Review", **fields) -> EventData:
    fields = {"start_wall": START, "timezone": "Europe/Berlin", "duration": 1800} | fields
    return EventData(title=title, **fields)


class Unreachable:
    """A host whose calendar server is not there: the port is allowed, and nobody listens."""

    def __init__(self, settings) -> None:
        hostport = f"127.0.0.1:{servers.free_port()}"
        settings.LAN_ALLOWED = [*settings.LAN_ALLOWED, hostport]
        self.calendar = factories.caldav_calendar(factories.host(), server_url=f"http://{hostport}/")


def mirror_of(event) -> Mirror:
    return Mirror.everywhere.get(event=event)


def test_an_event_made_here_is_the_one_thing_in_the_calendar(connected: Connected) -> None:
    event = events.create(connected.calendar, meeting("Review with Zoë 😀"), actor=SYSTEM)
    push.deliver()
    (text,) = connected.texts()
    assert "SUMMARY:Review with Zoë 😀" in text
    assert f"UID:{event.uid}" in text
    assert "DTSTART;TZID=Europe/Berlin:20310303T090000" in text
    mirror = mirror_of(event)
    assert mirror.in_sync
    assert mirror.state == Mirror.State.IDLE
    assert mirror.remote_id
    assert mirror.etag


def test_a_change_replaces_it_and_a_deletion_takes_it_away(connected: Connected) -> None:
    event = events.create(connected.calendar, meeting("First"), actor=SYSTEM)
    push.deliver()
    events.change(event, meeting("Second", start_wall=START + 3600), actor=SYSTEM)
    push.deliver()
    (text,) = connected.texts()
    assert "SUMMARY:Second" in text
    assert "20310303T100000" in text
    events.delete(event, actor=SYSTEM)
    push.deliver()
    assert connected.texts() == []
    assert mirror_of(event).in_sync


def test_what_was_made_and_deleted_before_it_was_sent_is_never_sent(connected: Connected) -> None:
    event = events.create(connected.calendar, meeting(), actor=SYSTEM)
    events.delete(event, actor=SYSTEM)
    push.deliver()
    assert connected.texts() == []
    assert mirror_of(event).in_sync
    assert not mirror_of(event).attempts.exists()


def test_ten_deliveries_of_one_event_make_one_event(connected: Connected) -> None:
    events.create(connected.calendar, meeting(), actor=SYSTEM)
    for _ in range(10):
        push.deliver()
        # What a second worker that knows nothing of the first would see.
        Mirror.everywhere.update(applied_revision=0, remote_id="", etag="", state=Mirror.State.CLAIMED)
    push.deliver()
    assert len(connected.texts()) == 1
    assert Mirror.everywhere.get().in_sync


def test_an_event_that_is_over_is_not_sent(connected: Connected) -> None:
    event = events.create(connected.calendar, meeting(start_wall=wall(2020, 1, 6, 9)), actor=SYSTEM)
    push.deliver()
    assert connected.texts() == []
    assert mirror_of(event).last_error == push.OVER


def test_an_event_that_is_over_is_still_taken_away(connected: Connected) -> None:
    event = events.create(connected.calendar, meeting(), actor=SYSTEM)
    push.deliver()
    type(event).everywhere.filter(pk=event.pk).update(start_s=0, end_s=1, until_s=1)
    event.refresh_from_db()
    events.delete(event, actor=SYSTEM)
    push.deliver()
    assert connected.texts() == []


def test_a_series_with_a_changed_and_a_dropped_occurrence_is_one_object(connected: Connected) -> None:
    weekly = meeting("Weekly", recurrence_rules=("FREQ=WEEKLY;COUNT=10",))
    event = events.create(connected.calendar, weekly, actor=SYSTEM)
    events.exclude_occurrence(event, START + 7 * 86400, actor=SYSTEM)
    push.deliver()
    (text,) = connected.texts()
    assert "RRULE:FREQ=WEEKLY;COUNT=10" in text
    assert "EXDATE;TZID=Europe/Berlin:20310310T090000" in text


def test_guests_are_not_invited_by_the_server_as_well(connected: Connected) -> None:
    guests = (Person("guest@example.org", "Guest"),)
    events.create(connected.calendar, meeting(people=guests), actor=SYSTEM)
    push.deliver()
    (text,) = connected.texts()
    assert "SCHEDULE-AGENT=CLIENT" in text.replace("\n ", "")


def test_a_guests_answer_and_the_hosts_own_additions_survive_our_change(connected: Connected) -> None:
    event = events.create(connected.calendar, meeting(people=(Person("guest@example.org", "Guest"),)), actor=SYSTEM)
    push.deliver()
    ((url, text),) = connected.server.objects(connected.url).items()
    text = text.replace("\n ", "").replace("PARTSTAT=NEEDS-ACTION", "PARTSTAT=ACCEPTED")
    alarm = "BEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-PT5M\nDESCRIPTION:x\nEND:VALARM\nEND:VEVENT"
    text = text.replace("END:VEVENT", f"CATEGORIES:Private notes\n{alarm}")
    connected.server.put(url.rpartition("/")[0] + "/", url.rpartition("/")[2], text)
    events.change(event, meeting("Renamed", people=(Person("guest@example.org", "Guest"),)), actor=SYSTEM)
    push.deliver()
    (text,) = connected.texts()
    text = text.replace("\n ", "")
    assert "SUMMARY:Renamed" in text
    assert "PARTSTAT=ACCEPTED" in text
    assert "CATEGORIES:Private notes" in text
    assert "TRIGGER:-PT5M" in text


def test_an_event_deleted_by_the_host_is_flagged_and_not_made_again(connected: Connected) -> None:
    event = events.create(connected.calendar, meeting(), actor=SYSTEM)
    push.deliver()
    (url,) = connected.server.hrefs(connected.url)
    connected.server.delete(url)
    events.change(event, meeting("Changed here"), actor=SYSTEM)
    push.deliver()
    assert connected.texts() == []
    mirror = mirror_of(event)
    assert mirror.state == Mirror.State.NEEDS_CHECK
    assert mirror.difference == {"kind": "deleted"}
    outbox.put_back(mirror, SYSTEM)
    push.deliver()
    (text,) = connected.texts()
    assert "SUMMARY:Changed here" in text
    assert mirror_of(event).in_sync


def test_our_event_renamed_by_the_server_is_found_by_its_uid(connected: Connected) -> None:
    event = events.create(connected.calendar, meeting(), actor=SYSTEM)
    push.deliver()
    ((url, text),) = connected.server.objects(connected.url).items()
    connected.server.delete(url)
    connected.server.put(connected.url, "renamed.ics", text)
    events.change(event, meeting("Changed here"), actor=SYSTEM)
    push.deliver()
    (text,) = connected.texts()
    assert "SUMMARY:Changed here" in text
    events.delete(event, actor=SYSTEM)
    push.deliver()
    assert connected.texts() == []


def test_a_uid_in_use_at_another_address_is_adopted(connected: Connected) -> None:
    event = events.create(connected.calendar, meeting("New title"), actor=SYSTEM)
    text = icalendar.render(events.data_of(event), stamp=datetime.now(UTC)).replace("New title", "Old title")
    connected.server.put(connected.url, "elsewhere.ics", text)
    push.deliver()
    (text,) = connected.texts()
    assert "SUMMARY:New title" in text
    assert mirror_of(event).in_sync


def test_a_revoked_password_blocks_rows_and_a_new_one_resumes_them(db, tmp_path, settings) -> None:
    with servers.radicale(tmp_path) as server:
        settings.LAN_ALLOWED = [server.hostport]
        connected = connect(server)
        events.create(connected.calendar, meeting("One"), actor=SYSTEM)
        servers.set_radicale_password(tmp_path, server.username, "changed")
        push.deliver()
        events.create(connected.calendar, meeting("Two"), actor=SYSTEM)
        assert push.deliver() == 0, "an account that must sign in again is not asked"
        connected.account.refresh_from_db()
        assert connected.account.health == Account.Health.REAUTH
        assert "password" in connected.account.last_error
        assert Mirror.everywhere.filter(state=Mirror.State.BLOCKED).count() == 1
        server.session.auth = (server.username, "changed")
        accounts.connect(
            connected.host,
            provider="caldav",
            label="Calendar",
            server_url=connected.account.server_url,
            username=connected.account.username,
            credentials={"password": "changed"},
            calendars=[accounts.FoundCalendar(external_id=connected.url, name="Work")],
            actor=SYSTEM,
        )
        push.deliver()
        assert len(connected.texts()) == 2
        assert {mirror.in_sync for mirror in Mirror.everywhere.all()} == {True}


def test_a_calendar_that_vanished_is_gone_and_its_rows_wait(connected: Connected) -> None:
    event = events.create(connected.calendar, meeting(), actor=SYSTEM)
    connected.server.delete(connected.url)
    push.deliver()
    connected.calendar.refresh_from_db()
    assert connected.calendar.state == Calendar.State.GONE
    assert "no longer there" in mirror_of(event).last_error
    assert not mirror_of(event).in_sync
    assert push.deliver() == 0


def test_a_server_that_is_down_is_tried_again_and_everything_arrives(db, tmp_path, settings) -> None:
    server = servers.start_radicale(tmp_path)
    settings.LAN_ALLOWED = [server.hostport]
    connected = connect(server)
    server.stop()
    event = events.create(connected.calendar, meeting("Waited"), actor=SYSTEM)
    push.deliver()
    mirror = mirror_of(event)
    assert mirror.last_outcome == Outcome.TRANSIENT
    assert mirror.state == Mirror.State.IDLE
    assert mirror.next_attempt_s > time.time() - 1
    connected.account.refresh_from_db()
    assert connected.account.health == Account.Health.FAILING
    server = servers.start_radicale(tmp_path, urlsplit(server.url).port)
    try:
        Mirror.everywhere.update(next_attempt_s=0)
        push.deliver()
        (text,) = server.objects(connected.url).values()
    finally:
        server.stop()
    assert "SUMMARY:Waited" in text
    connected.account.refresh_from_db()
    assert connected.account.health == Account.Health.OK


def test_after_five_failures_an_account_gets_one_probe_per_interval(db, settings) -> None:
    connected = Unreachable(settings)
    for number in range(20):
        events.create(connected.calendar, meeting(f"Event {number}"), actor=SYSTEM)
    assert push.deliver() == 5
    assert push.deliver() == 0
    soonest = Mirror.everywhere.order_by("next_attempt_s").first().next_attempt_s
    assert soonest > time.time()


def test_a_server_in_trouble_does_not_delay_another_account(connected: Connected, settings) -> None:
    dead = Unreachable(settings)
    for number in range(5):
        events.create(dead.calendar, meeting(f"Lost {number}"), actor=SYSTEM)
    event = events.create(connected.calendar, meeting("Fine"), actor=SYSTEM)
    push.deliver()
    assert mirror_of(event).in_sync


def test_content_that_the_server_refuses_is_shown_and_not_repeated(connected: Connected, monkeypatch) -> None:
    monkeypatch.setattr(CalDav, "_render", lambda self, sent: "BEGIN:VCALENDAR\r\nrubbish\r\nEND:VCALENDAR\r\n")
    event = events.create(connected.calendar, meeting(), actor=SYSTEM)
    push.deliver()
    mirror = mirror_of(event)
    assert mirror.state == Mirror.State.FAILED
    assert mirror.last_error
    assert push.deliver() == 0
    monkeypatch.undo()
    outbox.retry(mirror, SYSTEM)
    push.deliver()
    assert mirror_of(event).in_sync


def test_one_event_that_trips_us_does_not_stop_the_others(connected: Connected, monkeypatch) -> None:
    bad = events.create(connected.calendar, meeting("Bad"), actor=SYSTEM)
    good = events.create(connected.calendar, meeting("Good"), actor=SYSTEM)
    render = CalDav._render

    def trip(self: CalDav, sent: Push) -> str:
        if sent.events[0].title == "Bad":
            raise RuntimeError("a fault of ours")
        return render(self, sent)

    monkeypatch.setattr(CalDav, "_render", trip)
    for _ in range(6):
        Mirror.everywhere.update(next_attempt_s=0)
        push.deliver()
    assert mirror_of(good).in_sync
    assert mirror_of(bad).state == Mirror.State.NEEDS_CHECK


def test_a_worker_that_lost_its_lease_only_tells_where_the_event_is(connected: Connected, monkeypatch) -> None:
    event = events.create(connected.calendar, meeting(), actor=SYSTEM)
    create = CalDav.create

    def slow(self: CalDav, *arguments) -> Result:
        Calendar.everywhere.update(lease_owner="somebody else")
        return create(self, *arguments)

    monkeypatch.setattr(CalDav, "create", slow)
    push.deliver()
    mirror = mirror_of(event)
    assert mirror.applied_revision == 0
    assert mirror.remote_id
    monkeypatch.undo()
    Calendar.everywhere.update(lease_owner="")
    push.deliver()
    assert mirror_of(event).in_sync
    assert len(connected.texts()) == 1


def test_a_calendar_that_somebody_works_on_is_left_alone(connected: Connected) -> None:
    events.create(connected.calendar, meeting(), actor=SYSTEM)
    with lease(connected.calendar.pk):
        assert push.deliver() == 0
    assert push.deliver() == 1


def test_a_change_during_the_call_is_delivered_after_it(connected: Connected, monkeypatch) -> None:
    event = events.create(connected.calendar, meeting("Before"), actor=SYSTEM)
    create = CalDav.create

    def change_meanwhile(self: CalDav, *arguments) -> Result:
        events.change(event, meeting("After"), actor=SYSTEM)
        return create(self, *arguments)

    monkeypatch.setattr(CalDav, "create", change_meanwhile)
    push.deliver()
    (text,) = connected.texts()
    assert "SUMMARY:After" in text
    assert mirror_of(event).in_sync


def test_every_call_is_logged_without_content_or_secrets(connected: Connected) -> None:
    event = events.create(connected.calendar, meeting("Secret title"), actor=SYSTEM)
    push.deliver()
    attempt = mirror_of(event).attempts.get()
    assert (attempt.action, attempt.outcome, attempt.status) == ("create", "ok", 201)
    assert "Secret" not in attempt.detail


def test_keys_that_do_not_open_the_password_ask_for_a_sign_in(connected: Connected, settings) -> None:
    events.create(connected.calendar, meeting(), actor=SYSTEM)
    settings.DATA_KEYS = {1: b"another key of thirty-two bytes."}
    assert push.deliver() == 0
    connected.account.refresh_from_db()
    assert connected.account.health == Account.Health.REAUTH


def test_an_invitation_is_answered_in_the_owners_name(db, caldav_server) -> None:
    connected = connect(caldav_server, email="ada@example.org")
    guests = "ORGANIZER:mailto:boss@example.org\r\nATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:Ada@example.org\r\n"
    text = icalendar.render(meeting("Invited", uid="invited@elsewhere"), stamp=datetime.now(UTC))
    url = connected.server.put(connected.url, "i.ics", text.replace("END:VEVENT", f"{guests}END:VEVENT"))
    remote = Remote(url, "invited@elsewhere")
    sent = Push(key=uuid.uuid4(), tag="", uid=remote.uid, events=(), remote=remote)
    adapter = from_account(connected.account)
    assert adapter.rsvp(connected.url, sent, Answer("accepted", "Gladly")).outcome == Outcome.OK
    text = connected.server.get(url).replace("\r\n ", "")
    assert "PARTSTAT=ACCEPTED" in text
    assert "COMMENT:Gladly" in text
    strangers = from_account(connect(caldav_server, email="eve@example.org").account)
    assert strangers.rsvp(connected.url, sent, Answer("declined")).outcome == Outcome.PERMANENT
