"""Scenarios of the fault matrix about reading: tokens, pages, notices and events that nobody can read."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import Client
from django.utils.timezone import now

from bookings.models import Account, Calendar
from providers import pull, watching
from providers.microsoft import account as microsoft
from tests.providers.matrix.columns import Column, soon
from tests.providers.matrix.writing import Killed

DENTIST = [(soon(2), soon(3))]


def token_is_void(at: Column) -> None:
    """What is known goes on blocking, however the full reading that follows goes; what changed meanwhile is found."""
    gone = at.add("Old", soon(6), soon(7))
    at.add("Dentist", soon(2), soon(3))
    at.pull()
    assert at.busy() == [*DENTIST, (soon(6), soon(7))]
    at.forget_sync()
    at.fault("answer", at.LIST, 500, "", times=2)
    at.pull()
    assert DENTIST[0] in at.busy(), "stale is not free"
    at.double.faults.clear()
    at.remove(next(seen for seen in at.there() if seen.id == gone))
    at.forget_sync()
    at.pull()
    at.pull()
    assert at.busy() == DENTIST
    assert at.state() == Calendar.State.OK


def killed_between_pages(at: Any) -> None:
    for number in range(5):
        at.add(f"Event {number}", soon(number), soon(number + 1))
    for name in ("largest_page", "page_size"):
        if hasattr(at.double, name):
            setattr(at.double, name, 2)
    expected = [(soon(number), soon(number + 1)) for number in range(5)]

    def die(name: str) -> None:
        if name == "pull.applied":
            raise Killed

    with mock.patch.object(pull, "fp", die), pytest.raises(Killed):
        at.pull()
    assert at.busy() == [], "all or nothing"
    at.pull()
    assert at.busy() == expected
    before = len(at.calendar.events.all())
    Calendar.everywhere.filter(pk=at.calendar.pk).update(sync_token="")
    at.pull()
    assert at.busy() == expected
    assert len(at.calendar.events.all()) == before, "reading the same again changes nothing"


def notice_lost(at: Column) -> None:
    """Nothing tells us: the next reading in turn finds it."""
    at.pull()
    at.add("Dentist", soon(2), soon(3))
    Account.everywhere.filter(pk=at.account.pk).update(next_pull_at=now() - timedelta(seconds=1))
    assert pull.refresh() == 1
    assert at.busy() == DENTIST
    at.account.refresh_from_db()
    wait = (at.account.next_pull_at - now()).total_seconds()
    assert 0 < wait <= at.adapter.capability.pull_every_s


def google_notices(at: Any) -> None:
    posted: list[tuple[str, Any]] = []
    at.double.post = lambda address, headers: posted.append((address, headers))
    with mock.patch.object(settings, "BASE_URL", "http://127.0.0.1:8000"):
        watching.keep_all()
        at.pull()
        _wait_long(at)
        at.add("Dentist", soon(2), soon(3))
    client = Client(enforce_csrf_checks=True)
    address, headers = posted[-1]
    path = urlsplit(address).path
    forged = {**headers, "X-Goog-Channel-Token": "guessed"}
    assert client.post(path, headers=forged).status_code == 404
    assert not _is_due(at)
    for _ in range(3):
        assert client.post(path, headers=headers).status_code == 204
    assert _is_due(at)
    _wait_long(at)
    assert client.post(path, headers=posted[0][1]).status_code == 204, "an old one that comes late does no harm"
    at.pull()
    assert at.busy() == DENTIST
    notice_lost_again(at)


def microsoft_notices(at: Any) -> None:
    client = Client(enforce_csrf_checks=True)

    def post(url: str, body: dict[str, Any] | None) -> tuple[int, str, str]:
        place = urlsplit(url)
        data = b"" if body is None else json.dumps(body).encode()
        answer = client.post(f"{place.path}?{place.query}", data, content_type="application/json")
        return answer.status_code, answer.headers.get("Content-Type", ""), answer.content.decode()

    at.double.notices.post = post
    with mock.patch.object(settings, "BASE_URL", "http://testserver"):
        microsoft.keep_watch(at.account)
        at.pull()
        _wait_long(at)
        post(f"/notify/microsoft/{at.account.pk}", {"value": [{"clientState": "guess"}]})
        assert not _is_due(at)
        at.add("Dentist", soon(2), soon(3))
        at.double.notices.flush()
        assert _is_due(at)
        at.pull()
    assert at.busy() == DENTIST
    notice_lost_again(at)


def notice_lost_again(at: Column) -> None:
    """After those that came, one that does not."""
    at.double.notifies = False
    at.add("Later", soon(8), soon(9))
    Account.everywhere.filter(pk=at.account.pk).update(next_pull_at=now() - timedelta(seconds=1))
    pull.refresh()
    assert at.busy() == [*DENTIST, (soon(8), soon(9))]


def _wait_long(at: Column) -> None:
    Account.everywhere.filter(pk=at.account.pk).update(next_pull_at=now() + timedelta(hours=1))


def _is_due(at: Column) -> bool:
    at.account.refresh_from_db()
    return at.account.next_pull_at < now() + timedelta(seconds=5)


def poison(at: Any) -> None:
    """One event that makes no sense is set aside; the others block, and it does not stop the next reading."""
    at.add("Dentist", soon(2), soon(3))
    bad = at.add("Bad", soon(8), soon(9))
    with _spoilt(at, bad):
        for _ in range(2):
            assert at.pull().failed == 0
            assert DENTIST[0] in at.busy()
            at.calendar.refresh_from_db()
            assert [each["href"] for each in at.calendar.quarantined]
            assert at.state() == Calendar.State.OK
    at.move(next(seen for seen in at.there() if seen.id == bad), soon(8), soon(10))
    at.pull()
    assert at.busy() == [*DENTIST, (soon(8), soon(10))], "mended there, it is read"


def _spoilt(at: Any, bad: str) -> Any:
    """While the service tells nonsense of that event."""
    handle = at.double.handle

    def nonsense(asked: Any) -> Any:
        told = handle(asked)
        raw = told.raw().decode()
        if asked.method not in ("GET", "REPORT") or "Bad" not in raw:
            return told
        return type(told)(told.status, _spoil(at.name, raw, bad), told.headers)

    return mock.patch.object(at.double, "handle", nonsense)


def _spoil(name: str, raw: str, bad: str) -> Any:
    if name == "ada":
        end = raw.index("SUMMARY:Bad")
        at = raw.rindex("DTEND", 0, end)
        return f"{raw[:at]}DTEND:19990101T000000Z{raw[raw.index('Z', at) + 1 :]}".encode()
    told = json.loads(raw)
    for item in _dicts(told):
        if item.get("id") == bad or item.get("event_uid") == bad:
            for side in ("start", "startTime"):
                if side in item or side in item.get("fields", {}):
                    where = item if side in item else item["fields"]
                    where[side] = {"dateTime": "soon", "timeZone": "UTC"} if isinstance(where[side], dict) else "soon"
    return told


def _dicts(told: Any) -> Any:
    if isinstance(told, dict):
        yield told
        for value in told.values():
            yield from _dicts(value)
    elif isinstance(told, list):
        for value in told:
            yield from _dicts(value)
