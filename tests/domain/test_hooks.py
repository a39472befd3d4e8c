"""Programs are told what happened: all of it, once each, in the order of each booking."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from bookings.domain import hooks, requests, reserve
from bookings.domain.audit import SYSTEM
from bookings.domain.availability import Terms
from bookings.domain.errors import Invalid
from bookings.models import Booking, Hook, Message
from providers import calling
from tests import factories

pytestmark = pytest.mark.django_db
START = int(dt.datetime(2027, 3, 2, 9, tzinfo=dt.UTC).timestamp())
HOUR = 3600


class Program(ThreadingHTTPServer):
    """A program on loopback that keeps what it is told, and answers as it is said to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Ear)
        self.told: list[tuple[dict[str, str], bytes]] = []
        self.status = 200

    @property
    def stories(self) -> list[tuple[str, str]]:
        bodies = [json.loads(body) for _, body in self.told]
        return [(body.get("booking", {}).get("id", ""), body["event"]) for body in bodies]


class _Ear(BaseHTTPRequestHandler):
    server: Program

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.status < 300:
            self.server.told.append((dict(self.headers), body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Quietly."""


@pytest.fixture
def program(settings: Any) -> Iterator[Program]:
    running = Program()
    threading.Thread(target=running.serve_forever, daemon=True).start()
    settings.LAN_ALLOWED = [f"127.0.0.1:{running.server_port}"]
    yield running
    running.shutdown()
    running.server_close()


@pytest.fixture
def host():
    return factories.host(weekly=factories.ALWAYS, name="Greta", email="greta@example.org")


@pytest.fixture
def hook(host, program) -> Hook:
    url = f"http://127.0.0.1:{program.server_port}/in"
    return hooks.make(host.organisation, name="CRM", url=url, events=[], actor=SYSTEM)


def terms(host) -> Terms:
    return Terms((host,), 1800, step=60, refuse_unknown=False, weekly=(((0, 1440),),) * 7)


def booked(host, start=START) -> Booking:
    wish = reserve.Wish("Talk", "UTC", name="Doc", email="doc@example.com")
    return reserve.book(host.organisation, terms(host), start, wish, actor=SYSTEM)


def tell() -> int:
    hooks.write_due()
    return calling.deliver()


def let_time_pass() -> None:
    Message.everywhere.filter(kind="webhook").update(next_attempt_s=0)


def test_what_happens_is_told_once_and_in_order(host, hook, program):
    made = booked(host)
    reserve.move(made, terms(host), START + HOUR, actor=SYSTEM)
    reserve.cancel(made, by=Booking.By.HOST, actor=SYSTEM)
    assert tell() == 3
    assert tell() == 0
    assert program.stories == [(str(made.pk), f"booking.{name}") for name in ("created", "moved", "cancelled")]


def test_a_call_is_signed_over_its_time_and_its_bytes(host, hook, program):
    booked(host)
    tell()
    headers, body = program.told[0]
    at, mac = (part.partition("=")[2] for part in headers["Convene-Signature"].split(","))
    secret = hooks.secret(hook)
    assert hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest() == mac
    assert headers["Convene-Delivery"] == json.loads(body)["id"]


def test_a_program_that_was_down_for_hours_gets_everything_in_order(host, hook, program):
    program.status = 503
    first, second = booked(host), booked(host, START + 5 * HOUR)
    for attempt in range(5):
        reserve.move(first, terms(host), START + (attempt + 10) * HOUR, actor=SYSTEM)
        assert tell() == 0
        let_time_pass()
    program.status = 200
    assert tell() == 7
    mine = [event for booking, event in program.stories if booking == str(first.pk)]
    assert mine == ["booking.created"] + ["booking.moved"] * 5
    assert (str(second.pk), "booking.created") in program.stories


def test_a_program_that_never_answers_is_paused_with_a_reason_and_goes_on_when_resumed(host, hook, program):
    program.status = 500
    made = booked(host)
    for _ in range(8):
        tell()
        let_time_pass()
    hook.refresh_from_db()
    assert "Given up after 8 attempts: It answered 500." in hook.paused_because
    reserve.cancel(made, by=Booking.By.HOST, actor=SYSTEM)
    program.status = 200
    assert tell() == 0
    hooks.resume(hook, actor=SYSTEM)
    assert tell() == 2
    assert [event for _, event in program.stories] == ["booking.created", "booking.cancelled"]
    assert 23 * HOUR < sum(calling.PAUSES_S) < 25 * HOUR


def test_a_call_that_was_cut_off_is_made_again_under_its_id(host, hook, program):
    booked(host)
    tell()
    Message.everywhere.filter(kind="webhook").update(state="sending", next_attempt_s=1)
    assert calling.deliver() == 1
    assert len({headers["Convene-Delivery"] for headers, _ in program.told}) == 1
    assert program.told[0][1] == program.told[1][1]


def test_only_what_was_asked_for_is_told(host, program):
    url = f"http://127.0.0.1:{program.server_port}/in"
    hooks.make(host.organisation, name="Some", url=url, events=["booking.cancelled"], actor=SYSTEM)
    reserve.cancel(booked(host), by=Booking.By.HOST, actor=SYSTEM)
    requests.send(host.organisation, host=host, recipient_email="doc@example.com", summary="Talk", actor=SYSTEM)
    assert tell() == 1
    assert [event for _, event in program.stories] == ["booking.cancelled"]


def test_nothing_of_another_organisation_is_told(hook, program):
    booked(factories.host(weekly=factories.ALWAYS))
    assert tell() == 0
    assert program.told == []


def test_what_happened_before_is_not_told(host, program):
    booked(host)
    hooks.make(host.organisation, name="Late", url="http://127.0.0.1:1/", events=[], actor=SYSTEM)
    assert hooks.write_due() == 0


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/latest", "http://10.0.0.1/", "http://[::1]/", "http://localhost/"]
)
def test_private_addresses_are_not_called(host, url):
    hooks.make(host.organisation, name="Inside", url=url, events=[], actor=SYSTEM)
    booked(host)
    assert tell() == 0
    row = Message.everywhere.get(kind="webhook")
    assert row.state == "waiting"
    assert row.last_error


@pytest.mark.parametrize(
    ("field", "said"), [("name", {"name": " "}), ("url", {"url": "ftp://x"}), ("events", {"events": ["moon.full"]})]
)
def test_what_cannot_be_a_hook_is_named(host, field, said):
    given = {"name": "CRM", "url": "https://example.org/in", "events": []} | said
    with pytest.raises(Invalid) as refused:
        hooks.make(host.organisation, actor=SYSTEM, **given)
    assert refused.value.field == field


def test_one_call_can_be_made_once_more(host, hook, program):
    booked(host)
    tell()
    hooks.replay(Message.everywhere.get(kind="webhook"), actor=SYSTEM)
    assert calling.deliver() == 1
