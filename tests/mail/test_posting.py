"""A mail server that is down, refuses or is slow: everything arrives once afterwards, and what is in doubt is shown."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from django.utils.timezone import now
from django_tasks_db.models import DBTaskResult

from bookings.domain import messages, reserve
from bookings.domain.audit import SYSTEM
from bookings.domain.availability import of_host
from bookings.models import Message
from providers import post, tasks
from tests import factories
from tests.mail.conftest import Postman

pytestmark = pytest.mark.django_db
START = (int(time.time()) // 86_400 + 10) * 86_400


@pytest.fixture
def host():
    return factories.host(weekly=factories.ALWAYS, name="Greta", email="greta@example.org")


@pytest.fixture
def booked(host):
    """Ten bookings: twenty mails."""
    for index in range(10):
        wish = reserve.Wish("Talk", "UTC", name="Doc", email=f"doc{index}@example.com")
        reserve.book(host.organisation, of_host(host, minutes=30), START + index * 3600, wish, actor=SYSTEM)


def states() -> set[str]:
    return set(Message.everywhere.values_list("state", flat=True))


def let_time_pass() -> None:
    Message.everywhere.filter(state="waiting").update(next_attempt_s=0)


def test_a_server_that_was_down_gets_everything_once(booked, postman):
    assert post.deliver() == 0
    row = Message.everywhere.first()
    assert row.state == "waiting"
    assert "cannot be reached" in row.last_error
    assert row.next_attempt_s > time.time()
    assert post.deliver() == 0
    postman.opens()
    let_time_pass()
    assert post.deliver() == 20
    assert len({mail["Message-ID"] for mail in postman.mails}) == len(postman.mails) == 20
    assert states() == {"sent"}
    assert post.deliver() == 0


def test_a_server_that_is_busy_is_asked_again(booked, postman):
    postman.opens()
    postman.answers += ["451 later", "421 too many", "450 greylisted"]
    assert post.deliver() == 17
    assert Message.everywhere.filter(state="waiting").count() == 3
    assert "later" in Message.everywhere.filter(last_error__contains="451").get().last_error
    let_time_pass()
    assert post.deliver() == 3
    assert len({mail["Message-ID"] for mail in postman.mails}) == len(postman.mails) == 20


def test_an_address_that_is_refused_stays_visible_and_stops_nobody(booked, postman):
    postman.opens()
    postman.answers += ["550 no such user"]
    assert post.deliver() == 19
    refused = Message.everywhere.get(state="failed")
    assert "550 no such user" in refused.last_error
    let_time_pass()
    assert post.deliver() == 0
    messages.send_again(refused, actor=SYSTEM)
    assert post.deliver() == 1


def test_a_server_that_never_answers_leaves_a_doubt_and_no_second_mail(host, settings, postman):
    settings.EMAIL_TIMEOUT = 1
    postman.opens()
    postman.pause_s = 3
    wish = reserve.Wish("Talk", "UTC", name="Doc", email="doc@example.com")
    reserve.book(host.organisation, of_host(host, minutes=30), START, wish, actor=SYSTEM)
    Message.everywhere.filter(template="host_booked").delete()
    assert post.deliver() == 0
    row = Message.everywhere.get()
    assert (row.state, row.attempt) == ("unknown", 1)
    let_time_pass()
    assert post.deliver() == 0
    postman.pause_s = 0
    messages.send_again(row, actor=SYSTEM)
    assert post.deliver() == 1
    assert len({mail["Message-ID"] for mail in postman.mails}) == 1


def test_a_slow_server_gets_each_mail_once(host, postman):
    postman.opens()
    postman.pause_s = 0.5
    wish = reserve.Wish("Talk", "UTC", name="Doc", email="doc@example.com")
    reserve.book(host.organisation, of_host(host, minutes=30), START, wish, actor=SYSTEM)
    assert post.deliver() == 2
    assert len(postman.mails) == 2


def test_a_claim_of_a_worker_that_died_becomes_a_doubt(booked, postman):
    postman.opens()
    row = Message.everywhere.first()
    Message.everywhere.filter(pk=row.pk).update(state="sending", attempt=1, next_attempt_s=int(time.time()) - 1)
    assert post.deliver() == 19
    row.refresh_from_db()
    assert row.state == "unknown"
    assert "may have arrived" in row.last_error


def test_two_workers_do_not_send_the_same_mail(booked, postman, monkeypatch):
    postman.opens()
    claim = post._claim

    def claimed_meanwhile(message):
        Message.everywhere.filter(pk=message.pk, attempt=0).update(state="sending", attempt=1, next_attempt_s=2**40)
        return claim(message)

    monkeypatch.setattr(post, "_claim", claimed_meanwhile)
    assert post.deliver() == 0
    assert postman.taken == []


def test_without_a_mail_server_everything_stays_and_nothing_is_woken(
    host, settings, django_capture_on_commit_callbacks
):
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    with django_capture_on_commit_callbacks(execute=True):
        wish = reserve.Wish("Talk", "UTC", name="Doc", email="doc@example.com")
        reserve.book(host.organisation, of_host(host, minutes=30), START, wish, actor=SYSTEM)
    tasks.wake_for_due_rows()
    assert not DBTaskResult.objects.filter(task_path="providers.tasks.mail").exists()
    assert post.deliver() == 0
    assert states() == {"waiting"}


def test_a_booking_wakes_the_worker_once(host, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        for index in range(3):
            wish = reserve.Wish("Talk", "UTC", name="Doc", email="doc@example.com")
            reserve.book(host.organisation, of_host(host, minutes=30), START + index * 3600, wish, actor=SYSTEM)
    assert DBTaskResult.objects.filter(task_path="providers.tasks.mail").count() == 1


def test_what_waited_for_two_days_is_dropped_visibly(booked, postman):
    postman.opens()
    Message.everywhere.update(created_at=now() - timedelta(hours=49))
    assert post.deliver() == 0
    assert states() == {"dropped"}


def test_mails_drain_at_more_than_seventeen_a_second(host, postman):
    postman.opens()
    wish = reserve.Wish("Talk", "UTC", name="Doc", email="doc@example.com")
    reserve.book(host.organisation, of_host(host, minutes=30), START, wish, actor=SYSTEM)
    row = Message.everywhere.get(template="booked")
    Message.everywhere.exclude(pk=row.pk).delete()
    payload = {name: value for name, value in row.payload.items() if name not in ("event", "method")}
    Message.everywhere.bulk_create(
        Message(
            organisation=row.organisation,
            booking=row.booking,
            template="reminder",
            recipient=f"doc{index}@example.com",
            payload=payload,
            dedupe_key=f"reminder {index}",
        )
        for index in range(200)
    )
    began = time.monotonic()
    assert post.deliver(60) == 201
    assert time.monotonic() - began < 12  # so a thousand take less than a minute


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_while_sending_sends_nothing_twice(tmp_path):
    """In processes of their own: a worker dies by SIGKILL right before, then another right after the server has it."""
    with_server = Postman(_free_port())
    with_server.opens()
    try:
        env = os.environ | {
            "CONVENE_DATA": str(tmp_path),
            "DATABASE_URL": f"sqlite:///{tmp_path / 'own.sqlite3'}",
            "EMAIL_URL": f"smtp://127.0.0.1:{with_server.port}",
        }
        _python(env, "migrate")
        _python(env, "prepare")
        for where in ("post.claimed", "post.sent"):
            died = _python(env | {"CONVENE_FAILPOINTS": f"{where}=kill"}, "deliver")
            assert died.returncode == -9
        assert len(with_server.taken) == 1
        assert _python(env, "deliver").stdout.split()[-1] == "1"
        assert _python(env, "expire").stdout.split()[-2:] == ["sent", "unknown,unknown"]
        assert len({mail["Message-ID"] for mail in with_server.mails}) == len(with_server.mails) == 2
    finally:
        with_server.closes()


_SCRIPT = """
import os, sys, time, django
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()
from django.core.management import call_command
from bookings.domain import messages
from bookings.domain.audit import SYSTEM
from bookings.models import Message, Organisation
from providers import post
act = sys.argv[1]
if act == "migrate":
    call_command("migrate", verbosity=0)
elif act == "prepare":
    org = Organisation.objects.create(name="Studio", slug="studio")
    for index in range(3):
        messages.send_test(org, f"doc{index}@example.com", timezone="UTC", actor=SYSTEM)
elif act == "deliver":
    print(post.deliver())
else:
    Message.everywhere.filter(state="sending").update(next_attempt_s=int(time.time()) - 1)
    post.deliver()
    found = sorted(Message.everywhere.values_list("state", flat=True))
    print(found[0], ",".join(found[1:]))
"""


def _python(env: dict[str, str], act: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, act], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode in (0, -9), done.stderr
    return done


def _free_port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
