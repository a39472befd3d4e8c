"""What happens in a connected calendar takes the host's time here, and nothing is lost on the way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils.timezone import now

from bookings.domain import calendar as events
from bookings.domain import outbox
from bookings.domain.audit import SYSTEM
from bookings.engine.zones import wall, zone
from bookings.models import Account, Busy, Calendar, Event, Mirror
from providers import pull, push
from providers.caldav import reading
from providers.caldav.reading import Reader
from providers.caldav.webdav import CALSERVER, DAV
from tests import servers
from tests.providers.conftest import Connected, connect
from tests.providers.proxy import Answer, Call, Proxy, in_front_of
from tests.providers.test_delivery import meeting, mirror_of
from tests.servers import CalDavServer

NINE = wall(2027, 3, 1, 9)  # a Monday


def ics(*lines: str, uid: str = "one@elsewhere", start: str = "DTSTART:20270301T090000Z") -> str:
    """One event of another program; `lines` are added to it."""
    body = "\r\n".join(("BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20260101T000000Z", start, *lines, "END:VEVENT"))
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Other//EN\r\n{body}\r\nEND:VCALENDAR\r\n"


def hour(uid: str = "one@elsewhere", *lines: str) -> str:
    return ics("DURATION:PT1H", "SUMMARY:Elsewhere", *lines, uid=uid)


def busy(connected: Connected) -> list[tuple[int, int]]:
    """What takes the host's time on that Monday, in seconds after nine."""
    rows = Busy.everywhere.filter(host=connected.host, start_s__lt=NINE + 86_400 - 32_400, end_s__gt=NINE - 32_400)
    return sorted((row.start_s - NINE, row.end_s - NINE) for row in rows.exclude(kind="free"))


def read(connected: Connected) -> pull.Pulled:
    connected.account.refresh_from_db()
    return pull.pull_account(connected.account)


def test_an_event_made_moved_and_deleted_there_is_followed(connected: Connected) -> None:
    url = connected.server.put(connected.url, "a.ics", hour())
    read(connected)
    assert busy(connected) == [(0, 3600)]
    connected.server.put(connected.url, "a.ics", hour().replace("T090000Z", "T110000Z"))
    read(connected)
    assert busy(connected) == [(7200, 10800)]
    connected.server.delete(url)
    read(connected)
    assert busy(connected) == []


def test_recurring_all_day_and_zoned_events_block_their_real_time(connected: Connected) -> None:
    weekly = ics("DURATION:PT1H", "RRULE:FREQ=WEEKLY", uid="w@x", start="DTSTART:20200302T100000Z")
    connected.server.put(connected.url, "w.ics", weekly)
    connected.server.put(
        connected.url, "z.ics", ics("DURATION:PT1H", uid="z@x", start="DTSTART;TZID=America/New_York:20270301T100000")
    )
    connected.server.put(connected.url, "d.ics", ics(uid="d@x", start="DTSTART;VALUE=DATE:20270301"))
    read(connected)
    found = busy(connected)
    assert (3600, 2 * 3600) in found, "every Monday for years"
    assert (6 * 3600, 7 * 3600) in found, "ten in New York is 15:00 UTC in winter"
    assert (-9 * 3600, 15 * 3600) in found, "the whole day"


def test_floating_times_are_read_in_the_hosts_zone(caldav_server: CalDavServer, db: None) -> None:
    connected = connect(caldav_server, timezone="Asia/Kolkata")
    connected.server.put(connected.url, "f.ics", ics("DURATION:PT1H", start="DTSTART:20270301T090000"))
    read(connected)
    start = zone("Asia/Kolkata").to_utc(NINE)
    assert Busy.everywhere.get().start_s == start


def test_what_changed_is_fetched_and_nothing_else(connected: Connected, fetched: list[str]) -> None:
    for number in range(3):
        connected.server.put(connected.url, f"{number}.ics", hour(f"{number}@x"))
    read(connected)
    assert len(fetched) == 3
    fetched.clear()
    read(connected)
    assert fetched == []
    connected.server.put(connected.url, "1.ics", hour("1@x", "LOCATION:Room"))
    read(connected)
    assert [url.rpartition("/")[2] for url in fetched] == ["1.ics"]


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """URLs of the objects whose content was fetched."""
    urls: list[str] = []
    contents = Reader._contents

    def noted(self: Reader, chunk: list[str]) -> Iterator[tuple[str, str | None, str]]:
        urls.extend(chunk)
        return contents(self, chunk)

    monkeypatch.setattr(Reader, "_contents", noted)
    return urls


def test_an_unreadable_object_is_set_aside_and_the_others_block(connected: Connected) -> None:
    connected.server.put(connected.url, "good.ics", hour("good@x"))
    connected.server.put(connected.url, "bad.ics", ics("DTEND:20270301T080000Z", uid="bad@x"))
    told = read(connected)
    assert (told.read, told.failed) == (1, 0)
    connected.calendar.refresh_from_db()
    assert [entry["href"].rpartition("/")[2] for entry in connected.calendar.quarantined] == ["bad.ics"]
    assert connected.calendar.state == Calendar.State.OK
    found = busy(connected)
    assert (0, 3600) in found
    assert (-9 * 3600, 15 * 3600) in found, "an unreadable event with a known start blocks its day"


def test_a_calendar_that_cannot_be_read_keeps_blocking(db: None, tmp_path, settings) -> None:
    server = servers.start_radicale(tmp_path)
    settings.LAN_ALLOWED = [server.hostport]
    connected = connect(server)
    server.put(connected.url, "a.ics", hour())
    read(connected)
    server.stop()
    told = read(connected)
    assert told.failed == 1
    connected.calendar.refresh_from_db()
    connected.account.refresh_from_db()
    assert connected.calendar.state == Calendar.State.STALE
    assert connected.calendar.stale_since is not None
    assert connected.account.health == Account.Health.FAILING
    assert busy(connected) == [(0, 3600)]


def test_a_refused_password_stops_reading_until_somebody_signs_in(db: None, tmp_path, settings) -> None:
    with servers.radicale(tmp_path) as server:
        settings.LAN_ALLOWED = [server.hostport]
        connected = connect(server)
        servers.set_radicale_password(tmp_path, server.username, "changed")
        read(connected)
        connected.account.refresh_from_db()
        assert connected.account.health == Account.Health.REAUTH
        assert connected.account.calendars.get().state == Calendar.State.STALE
        Account.everywhere.update(next_pull_at=now())
        assert pull.refresh() == 0


def test_a_calendar_that_vanished_is_gone_and_comes_back(connected: Connected) -> None:
    connected.server.put(connected.url, "a.ics", hour())
    read(connected)
    connected.server.delete(connected.url)
    read(connected)
    connected.calendar.refresh_from_db()
    assert connected.calendar.state == Calendar.State.GONE
    assert busy(connected) == [(0, 3600)], "what is not known any more is not free"
    name = connected.url.rstrip("/").rpartition("/")[2]
    connected.server.make_calendar(name)
    read(connected)
    connected.calendar.refresh_from_db()
    assert connected.calendar.state == Calendar.State.OK
    assert busy(connected) == []


def test_a_dead_token_leads_to_a_full_comparison(connected: Connected) -> None:
    connected.server.put(connected.url, "a.ics", hour("a@x"))
    url = connected.server.put(connected.url, "b.ics", hour("b@x"))
    read(connected)
    connected.calendar.refresh_from_db()
    since, _, _ = connected.calendar.sync_token.partition("|")
    Calendar.everywhere.filter(pk=connected.calendar.pk).update(sync_token=f"{since}|sync:http://dead.example/token")
    connected.server.delete(url)
    connected.server.put(connected.url, "c.ics", hour("c@x").replace("T090000Z", "T120000Z"))
    told = read(connected)
    assert told.failed == 0
    assert busy(connected) == [(0, 3600), (3 * 3600, 4 * 3600)]


def test_a_booking_event_read_back_is_not_busy_twice(connected: Connected) -> None:
    event = events.create(connected.calendar, meeting(start_wall=NINE), actor=SYSTEM)
    push.deliver()
    read(connected)
    assert Event.everywhere.filter(calendar=connected.calendar).count() == 1
    assert Busy.everywhere.filter(host=connected.host).count() == 1
    assert mirror_of(event).in_sync


def test_our_event_moved_or_deleted_there_is_flagged_and_left_alone(connected: Connected) -> None:
    event = events.create(connected.calendar, meeting(), actor=SYSTEM)
    push.deliver()
    read(connected)
    ((url, text),) = connected.server.objects(connected.url).items()
    folder, _, name = url.rpartition("/")
    connected.server.put(f"{folder}/", name, text.replace("20310303T09", "20310303T14"))
    read(connected)
    assert mirror_of(event).difference["kind"] == "moved"
    event.refresh_from_db()
    assert event.start_wall == meeting().start_wall
    connected.server.delete(url)
    read(connected)
    assert mirror_of(event).difference == {"kind": "deleted"}
    push.deliver()
    assert connected.texts() == []
    outbox.put_back(mirror_of(event), SYSTEM)
    push.deliver()
    read(connected)
    assert len(connected.texts()) == 1
    assert mirror_of(event).in_sync


def test_our_state_can_be_written_over_what_was_moved_there(connected: Connected) -> None:
    event = events.create(connected.calendar, meeting(), actor=SYSTEM)
    push.deliver()
    ((url, text),) = connected.server.objects(connected.url).items()
    folder, _, name = url.rpartition("/")
    connected.server.put(f"{folder}/", name, text.replace("20310303T09", "20310303T14"))
    read(connected)
    outbox.overwrite(mirror_of(event), SYSTEM)
    push.deliver()
    read(connected)
    (text,) = connected.texts()
    assert "20310303T090000" in text
    assert mirror_of(event).in_sync


def test_a_pulled_event_changed_and_deleted_here_changes_there(connected: Connected) -> None:
    connected.server.put(connected.url, "theirs.ics", hour("theirs@x", "CATEGORIES:Kept"))
    read(connected)
    event = Event.everywhere.get(uid="theirs@x")
    data = events.data_of(event)
    events.change(event, meeting("Renamed here", start_wall=data.start_wall, timezone=data.timezone), actor=SYSTEM)
    push.deliver()
    ((url, text),) = connected.server.objects(connected.url).items()
    assert url.endswith("theirs.ics")
    assert "SUMMARY:Renamed here" in text
    assert "CATEGORIES:Kept" in text
    read(connected)
    event.refresh_from_db()
    assert event.title == "Renamed here"
    events.delete(event, actor=SYSTEM)
    push.deliver()
    read(connected)
    assert connected.texts() == []


def test_a_new_calendar_with_a_hundred_and_twenty_events_is_read(db: None, radicale: CalDavServer, settings) -> None:
    settings.LAN_ALLOWED = [radicale.hostport]
    connected = connect(radicale)
    for number in range(120):
        radicale.put(connected.url, f"{number}.ics", hour(f"{number}@x"))
    read(connected)
    assert Event.everywhere.filter(calendar=connected.calendar).count() == 120


def test_a_reading_that_runs_out_of_time_goes_on_where_it_stopped(
    connected: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = Reader._contents

    def slow(self: Reader, chunk: list[str]) -> Iterator[tuple[str, str | None, str]]:
        self._deadline = 0
        return contents(self, chunk)

    monkeypatch.setattr(reading, "CHUNK", 1)
    monkeypatch.setattr(Reader, "_contents", slow)
    for number in range(3):
        connected.server.put(connected.url, f"{number}.ics", hour(f"{number}@x"))
    read(connected)
    assert Event.everywhere.count() == 1
    monkeypatch.undo()
    read(connected)
    assert Event.everywhere.count() == 3


def test_a_calendar_under_delivery_is_read_a_little_later(connected: Connected) -> None:
    Calendar.everywhere.update(lease_owner="a delivery", lease_until_s=2**40)
    told = read(connected)
    assert told.waiting == 1
    connected.account.refresh_from_db()
    assert connected.account.next_pull_at < now() + timedelta(seconds=10)


def test_only_accounts_that_are_due_are_read_and_by_one_worker(connected: Connected) -> None:
    assert pull.refresh() == 1
    assert pull.refresh() == 0
    connected.account.refresh_from_db()
    assert connected.account.next_pull_at > now() + timedelta(seconds=30)


def test_resync_reads_everything_anew(connected: Connected) -> None:
    read(connected)
    outbox.resync(connected.account, SYSTEM)
    connected.calendar.refresh_from_db()
    assert connected.calendar.sync_token == ""
    assert pull.refresh() == 1


# ── Servers that are not like these two ──


@pytest.fixture
def proxy(caldav_server: CalDavServer, settings) -> Iterator[Proxy]:
    with in_front_of(caldav_server.url) as running:
        settings.LAN_ALLOWED = [running.hostport]
        yield running


@pytest.fixture
def behind(db: None, caldav_server: CalDavServer, proxy: Proxy) -> Connected:
    return connect(caldav_server, server_url=proxy.url)


def real_url(behind: Connected, proxy: Proxy) -> str:
    return behind.url.replace(proxy.url, behind.server.url)


def without(*names: str):
    """A server that does not know these properties."""

    def strip(call: Call, answer: Answer) -> Answer:
        if call.method == "PROPFIND" and any(name.partition("}")[2].encode() in call.body for name in names):
            for name in names:
                local = name.partition("}")[2].encode()
                answer.body = answer.body.replace(local + b">", b"unknown-" + local + b">")
        return answer

    return strip


def test_without_sync_tokens_the_calendars_own_tag_decides(behind: Connected, proxy: Proxy, fetched: list[str]) -> None:
    proxy.quirks.amend = without(f"{DAV}sync-token")
    behind.server.put(real_url(behind, proxy), "a.ics", hour())
    read(behind)
    behind.calendar.refresh_from_db()
    assert "|ctag:" in behind.calendar.sync_token
    asked = len(proxy.quirks.calls)
    read(behind)
    assert len(proxy.quirks.calls) == asked + 1
    behind.server.put(real_url(behind, proxy), "a.ics", hour().replace("T09", "T11"))
    read(behind)
    assert busy(behind) == [(7200, 10800)]


def test_without_any_token_tags_of_objects_are_compared(behind: Connected, proxy: Proxy, fetched: list[str]) -> None:
    proxy.quirks.amend = without(f"{DAV}sync-token", f"{CALSERVER}getctag")
    url = behind.server.put(real_url(behind, proxy), "a.ics", hour())
    read(behind)
    read(behind)
    assert len(fetched) == 1
    behind.server.delete(url)
    read(behind)
    assert busy(behind) == []


def test_a_server_that_says_nothing_about_a_dead_token_is_found_out_within_a_day(
    behind: Connected, proxy: Proxy
) -> None:
    url = behind.server.put(real_url(behind, proxy), "a.ics", hour())
    read(behind)
    nothing = b'<d:multistatus xmlns:d="DAV:"><d:sync-token>made-up</d:sync-token></d:multistatus>'
    proxy.quirks.alter = lambda call: Answer(207, {}, nothing) if b"sync-collection" in call.body else None
    behind.server.delete(url)
    read(behind)
    assert busy(behind) == [(0, 3600)]
    behind.calendar.refresh_from_db()
    since, _, token = behind.calendar.sync_token.partition("|")
    Calendar.everywhere.update(sync_token=f"{int(since) - 86_400}|{token}")
    read(behind)
    assert busy(behind) == []


@pytest.mark.parametrize("status", [403, 409, 410, 412, 500])
def test_any_refusal_of_a_token_leads_to_a_full_comparison(behind: Connected, proxy: Proxy, status: int) -> None:
    read(behind)
    proxy.quirks.alter = lambda call: Answer(status) if b"sync-collection" in call.body else None
    behind.server.put(real_url(behind, proxy), "a.ics", hour())
    told = read(behind)
    assert told.failed == 0
    assert busy(behind) == [(0, 3600)]


def test_absolute_and_encoded_addresses_of_objects_are_the_same_objects(behind: Connected, proxy: Proxy) -> None:
    def respell(call: Call, answer: Answer) -> Answer:
        path = behind.url.replace(proxy.url, "/").encode()
        answer.body = answer.body.replace(b">" + path + b"a.ics<", b">" + behind.url.encode() + b"%61.ics<")
        return answer

    proxy.quirks.amend = respell
    behind.server.put(real_url(behind, proxy), "a.ics", hour())
    read(behind)
    behind.server.put(real_url(behind, proxy), "a.ics", hour().replace("T09", "T11"))
    read(behind)
    assert busy(behind) == [(7200, 10800)]
    assert Event.everywhere.filter(deleted_at=None).count() == 1


def test_addresses_of_other_servers_are_not_followed(behind: Connected, proxy: Proxy) -> None:
    foreign = b'<d:response><d:href>http://evil.example/x.ics</d:href><d:propstat><d:prop><d:getetag>"1"</d:getetag>'
    foreign += b"</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response></d:multistatus>"
    body = b'<d:multistatus xmlns:d="DAV:">' + foreign
    proxy.quirks.alter = lambda call: Answer(207, {}, body) if call.headers.get("Depth") == "1" else None
    told = read(behind)
    assert told.failed == 0
    assert Event.everywhere.count() == 0


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Sign in</html>",
        b"",
        b"<d:multistatus xmlns:d='DAV:'><d:response>",
        b'<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><d:multistatus xmlns:d="DAV:">&b;</d:multistatus>',
        b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><d:multistatus xmlns:d="DAV:">&f;</d:multistatus>',
    ],
)
def test_an_answer_that_is_no_dav_changes_nothing(behind: Connected, proxy: Proxy, body: bytes) -> None:
    behind.server.put(real_url(behind, proxy), "a.ics", hour())
    read(behind)
    proxy.quirks.alter = lambda call: Answer(207, {"Content-Type": "application/xml"}, body)
    told = read(behind)
    assert told.failed == 1
    assert busy(behind) == [(0, 3600)]


def test_what_a_multiget_leaves_out_is_asked_for_singly(behind: Connected, proxy: Proxy) -> None:
    proxy.quirks.alter = lambda call: Answer(403) if b"calendar-multiget" in call.body else None
    behind.server.put(real_url(behind, proxy), "a.ics", hour())
    read(behind)
    assert busy(behind) == [(0, 3600)]


def test_a_crash_between_reading_and_keeping_loses_nothing(
    connected: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected.server.put(connected.url, "a.ics", hour())
    monkeypatch.setenv("CONVENE_FAILPOINTS", "pull.applied=raise")
    assert read(connected).failed == 1
    assert busy(connected) == []
    monkeypatch.delenv("CONVENE_FAILPOINTS")
    read(connected)
    assert busy(connected) == [(0, 3600)]


def test_nothing_is_delivered_by_reading(connected: Connected) -> None:
    connected.server.put(connected.url, "a.ics", hour())
    read(connected)
    assert not Mirror.everywhere.exists()


def test_an_unknown_charset_costs_nothing(behind: Connected, proxy: Proxy) -> None:
    proxy.quirks.alter = lambda call: Answer(403) if b"calendar-multiget" in call.body else None

    def bogus(call: Call, answer: Answer) -> Answer:
        if call.method == "GET":
            answer.headers["Content-Type"] = "text/calendar; charset=bogus"
        return answer

    proxy.quirks.amend = bogus
    behind.server.put(real_url(behind, proxy), "a.ics", hour())
    read(behind)
    assert busy(behind) == [(0, 3600)]


def test_an_address_longer_than_we_can_keep_is_set_aside(behind: Connected, proxy: Proxy) -> None:
    def lengthen(call: Call, answer: Answer) -> Answer:
        answer.body = answer.body.replace(b"/a.ics", b"/" + b"a" * 1000 + b".ics")
        return answer

    def shorten(call: Call) -> None:
        call.body = call.body.replace(b"a" * 1000, b"a")
        call.path = call.path.replace("a" * 1000, "a")

    proxy.quirks.amend, proxy.quirks.alter = lengthen, shorten
    behind.server.put(real_url(behind, proxy), "a.ics", hour("a@x"))
    behind.server.put(real_url(behind, proxy), "b.ics", hour("b@x"))
    assert read(behind).failed == 0
    behind.calendar.refresh_from_db()
    assert len(behind.calendar.quarantined) == 1
    assert busy(behind) == [(0, 3600)]
