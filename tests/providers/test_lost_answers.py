"""Whatever gets lost between us and a server, the calendar ends with one event in the latest state."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from bookings.domain import calendar as events
from bookings.domain.audit import SYSTEM
from bookings.models import Mirror
from providers import push
from providers.base import Outcome
from providers.caldav.webdav import CALDAV
from tests.providers.conftest import Connected, connect
from tests.providers.proxy import Answer, Call, Proxy, in_front_of
from tests.providers.test_delivery import meeting, mirror_of
from tests.servers import CalDavServer


@pytest.fixture
def proxy(caldav_server: CalDavServer, settings) -> Iterator[Proxy]:
    with in_front_of(caldav_server.url) as running:
        settings.LAN_ALLOWED = [running.hostport]
        yield running


@pytest.fixture
def connected(db: None, caldav_server: CalDavServer, proxy: Proxy) -> Connected:
    return connect(caldav_server, server_url=proxy.url)


def texts(connected: Connected, proxy: Proxy) -> list[str]:
    return list(connected.server.objects(connected.url.replace(proxy.url, connected.server.url)).values())


def deliver_now(times: int = 1) -> None:
    for _ in range(times):
        Mirror.everywhere.update(next_attempt_s=0)
        push.deliver()


def test_an_answer_lost_after_the_create_was_carried_out(connected: Connected, proxy: Proxy) -> None:
    event = events.create(connected.calendar, meeting("Once"), actor=SYSTEM)
    proxy.quirks.lose_answers = 1
    push.deliver()
    mirror = mirror_of(event)
    assert mirror.state == Mirror.State.UNCERTAIN
    assert mirror.last_outcome == Outcome.AMBIGUOUS
    deliver_now()
    assert len(texts(connected, proxy)) == 1
    assert mirror_of(event).in_sync
    assert mirror_of(event).last_outcome == Outcome.ADOPT


def test_a_request_lost_before_it_was_carried_out(connected: Connected, proxy: Proxy) -> None:
    event = events.create(connected.calendar, meeting("Once"), actor=SYSTEM)
    proxy.quirks.lose_requests = 1
    deliver_now(2)
    assert len(texts(connected, proxy)) == 1
    assert mirror_of(event).in_sync


def test_an_answer_lost_and_the_event_changed_before_the_retry(connected: Connected, proxy: Proxy) -> None:
    event = events.create(connected.calendar, meeting("Before"), actor=SYSTEM)
    proxy.quirks.lose_answers = 1
    push.deliver()
    events.change(event, meeting("After"), actor=SYSTEM)
    deliver_now()
    (text,) = texts(connected, proxy)
    assert "SUMMARY:After" in text
    assert mirror_of(event).in_sync


def test_an_answer_lost_and_the_event_deleted_before_the_retry(connected: Connected, proxy: Proxy) -> None:
    event = events.create(connected.calendar, meeting(), actor=SYSTEM)
    proxy.quirks.lose_answers = 1
    push.deliver()
    events.delete(event, actor=SYSTEM)
    deliver_now()
    assert texts(connected, proxy) == []
    assert mirror_of(event).in_sync


def test_the_answers_of_an_update_and_a_deletion_lost(connected: Connected, proxy: Proxy) -> None:
    event = events.create(connected.calendar, meeting("Before"), actor=SYSTEM)
    push.deliver()
    events.change(event, meeting("After"), actor=SYSTEM)
    proxy.quirks.lose_answers = 1
    deliver_now(2)
    (text,) = texts(connected, proxy)
    assert "SUMMARY:After" in text
    events.delete(event, actor=SYSTEM)
    proxy.quirks.lose_answers = 1
    deliver_now(2)
    assert texts(connected, proxy) == []
    assert mirror_of(event).in_sync


def test_every_third_answer_lost_over_many_events(connected: Connected, proxy: Proxy) -> None:
    made = [events.create(connected.calendar, meeting(f"Event {number}"), actor=SYSTEM) for number in range(8)]
    seen = 0

    def lose_some(call: Call) -> None:
        nonlocal seen
        seen += call.method == "PUT"
        if call.method == "PUT" and seen % 3 == 1:
            proxy.quirks.lose_answers = 1

    proxy.quirks.alter = lose_some
    deliver_now(6)
    assert len(texts(connected, proxy)) == len(made)
    assert all(mirror.in_sync for mirror in Mirror.everywhere.all())


def test_a_server_that_ignores_if_none_match_still_holds_one(connected: Connected, proxy: Proxy) -> None:
    event = events.create(connected.calendar, meeting(), actor=SYSTEM)
    proxy.quirks.alter = lambda call: call.headers.pop("If-None-Match", None) and None
    proxy.quirks.lose_answers = 1
    deliver_now(2)
    assert len(texts(connected, proxy)) == 1
    assert mirror_of(event).in_sync


@pytest.mark.parametrize("etag", [None, 'W/"weak"'])
def test_a_missing_or_weak_etag_is_read_again(connected: Connected, proxy: Proxy, etag: str | None) -> None:
    def weaken(call: Call, answer: Answer) -> Answer:
        if call.method == "PUT":
            answer.headers.pop("ETag", None)
            answer.headers |= {"ETag": etag} if etag else {}
        return answer

    proxy.quirks.amend = weaken
    event = events.create(connected.calendar, meeting("Before"), actor=SYSTEM)
    push.deliver()
    assert mirror_of(event).etag.startswith('"')
    events.change(event, meeting("After"), actor=SYSTEM)
    push.deliver()
    assert mirror_of(event).in_sync
    written = [call for call in proxy.quirks.calls if call.method == "PUT"]
    assert all(call.headers.get("If-Match") != "*" for call in written)


def test_somebody_else_writing_at_the_same_moment_is_merged_not_overwritten(connected: Connected, proxy: Proxy) -> None:
    event = events.create(connected.calendar, meeting("Before"), actor=SYSTEM)
    push.deliver()
    rivals = iter(("Rival one", "Rival two"))

    def write_in_between(call: Call) -> None:
        rival = next(rivals, None) if call.method == "PUT" else None
        if rival:
            url = connected.server.url.rstrip("/") + call.path
            text = connected.server.get(url).replace("END:VEVENT", f"COMMENT:{rival}\nEND:VEVENT")
            connected.server.put(url.rpartition("/")[0] + "/", url.rpartition("/")[2], text)

    proxy.quirks.alter = write_in_between
    events.change(event, meeting("After"), actor=SYSTEM)
    push.deliver()
    (text,) = texts(connected, proxy)
    assert "SUMMARY:After" in text
    assert "COMMENT:Rival one" in text
    assert "COMMENT:Rival two" in text
    assert mirror_of(event).in_sync


@pytest.mark.parametrize("status", [500, 502, 504, 423, 429, 503, 507])
def test_trouble_of_the_server_is_waited_for(connected: Connected, proxy: Proxy, status: int) -> None:
    event = events.create(connected.calendar, meeting(), actor=SYSTEM)
    proxy.quirks.alter = lambda call: Answer(status, {"Retry-After": "30"}) if call.method == "PUT" else None
    push.deliver()
    mirror = mirror_of(event)
    assert mirror.state in (Mirror.State.IDLE, Mirror.State.UNCERTAIN)
    if status in (429, 503):
        assert mirror.last_outcome == Outcome.TRANSIENT
        assert mirror.next_attempt_s >= time.time() + 28
    proxy.quirks.alter = None
    deliver_now()
    assert len(texts(connected, proxy)) == 1


def test_a_login_page_instead_of_the_calendar_is_not_believed(connected: Connected, proxy: Proxy) -> None:
    page = Answer(200, {"Content-Type": "text/html"}, b"<html>Please sign in to the hotel's network</html>")
    event = events.create(connected.calendar, meeting(), actor=SYSTEM)
    proxy.quirks.alter = lambda call: page
    push.deliver()
    assert not mirror_of(event).in_sync
    assert mirror_of(event).remote_id == ""
    proxy.quirks.alter = None
    deliver_now()
    assert mirror_of(event).in_sync


def test_a_calendar_that_became_read_only_says_so(connected: Connected, proxy: Proxy) -> None:
    body = b'<error xmlns="DAV:"><need-privileges/></error>'
    proxy.quirks.alter = lambda call: Answer(403, {}, body) if call.method == "PUT" else None
    event = events.create(connected.calendar, meeting(), actor=SYSTEM)
    push.deliver()
    connected.calendar.refresh_from_db()
    assert connected.calendar.is_writable is False
    assert "not writing" in mirror_of(event).last_error
    assert push.deliver() == 0


@pytest.mark.parametrize("status", [400, 403, 412])
def test_refused_content_is_permanent_under_any_number(connected: Connected, proxy: Proxy, status: int) -> None:
    namespace = CALDAV.strip("{}")
    body = f'<d:error xmlns:d="DAV:" xmlns:x="{namespace}"><x:valid-calendar-data/></d:error>'.encode()
    proxy.quirks.alter = lambda call: Answer(status, {}, body) if call.method == "PUT" else None
    event = events.create(connected.calendar, meeting(), actor=SYSTEM)
    push.deliver()
    assert mirror_of(event).state == Mirror.State.FAILED


def test_a_uid_conflict_that_names_the_holder_adopts_it(connected: Connected, proxy: Proxy) -> None:
    event = events.create(connected.calendar, meeting("Before"), actor=SYSTEM)
    push.deliver()
    held = mirror_of(event).remote_id
    path = held.replace(proxy.url, "/")
    named = f"<c:unique-scheduling-object-resource><d:href>{path}</d:href></c:unique-scheduling-object-resource>"
    body = f'<d:error xmlns:d="DAV:" xmlns:c="{CALDAV.strip("{}")}">{named}</d:error>'.encode()

    def as_cyrus(call: Call) -> Answer | None:
        return Answer(403, {}, body) if call.method == "PUT" and "If-None-Match" in call.headers else None

    proxy.quirks.alter = as_cyrus
    Mirror.everywhere.update(remote_id="", etag="", applied_revision=0)
    deliver_now()
    assert mirror_of(event).remote_id == held
    assert mirror_of(event).in_sync
