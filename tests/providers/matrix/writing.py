"""Scenarios of the fault matrix about writing: what gets lost, comes twice, late or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.core.cache import cache
from django.db import OperationalError
from django.utils.timezone import now

from bookings.models import Calendar, Event, Mirror
from providers import push, tasks
from providers.base import Outcome
from providers.lab.double import Told
from providers.lease import database_now_s
from tests.providers.matrix.columns import GUEST, Column, unplugged

HTML = "<html><title>Welcome</title>Please sign in to the hotel's network</html>"


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the worker catches it."""


def killed_at(at: Column, point: str) -> None:
    """A delivery that dies there; the lease stays with the dead until its time is over."""

    def die(name: str) -> None:
        if name == point:
            raise Killed

    with mock.patch.object(push, "fp", die), pytest.raises(Killed):
        at.deliver(1)
    held = Calendar.everywhere.filter(pk=at.calendar.pk)
    held.update(lease_owner="elsewhere:1:dead", lease_until_s=database_now_s() + 60)
    asked = len(at.double.calls)
    at.deliver(1)
    assert len(at.double.calls) == asked, "the lease of the dead worker still holds"
    held.update(lease_until_s=1)


def ends_as(at: Column, event: Event, *titles: str) -> None:
    """After everything is healed and delivered: this and nothing else is there, and the row knows it."""
    at.double.faults.clear()
    at.deliver(4)
    assert at.titles() == sorted(titles)
    mirror = at.mirror(event)
    assert mirror.in_sync, (mirror.state, mirror.last_outcome, mirror.last_error)


@contextmanager
def mails(at: Column, *actions: str) -> Iterator[None]:
    """One mail to the guest for each of these, where the service itself mails them then."""
    before = at.mails()
    yield
    assert at.mails() - before == sum(action in at.MAILS for action in actions)


def refused_before_it_was_sent(at: Column) -> None:
    event = at.make()
    with unplugged(at.hub):
        at.deliver(1)
        assert at.mirror(event).last_outcome == Outcome.TRANSIENT
    ends_as(at, event, "First")


def answer_lost(at: Column) -> None:
    with mails(at, "create"):
        event = at.make(people=(GUEST,), notify_guests=True)
        at.fault("lost_answer", at.CREATE)
        at.deliver(1)
        assert at.mirror(event).state == Mirror.State.UNCERTAIN
        ends_as(at, event, "First")


def answer_lost_then_changed(at: Column) -> None:
    event = at.make()
    at.fault("lost_answer", at.CREATE)
    at.deliver(1)
    at.change(event, "Second", 30)
    ends_as(at, event, "Second")


def answer_lost_then_cancelled(at: Column) -> None:
    event = at.make()
    at.fault("lost_answer", at.CREATE)
    at.deliver(1)
    at.delete(event)
    ends_as(at, event)


def killed_before_the_call(at: Column) -> None:
    event = at.make()
    killed_at(at, "push.claimed")
    assert at.titles() == []
    ends_as(at, event, "First")


def killed_after_the_call(at: Column) -> None:
    with mails(at, "create"):
        event = at.make(people=(GUEST,), notify_guests=True)
        killed_at(at, "push.called")
        assert at.titles() == ["First"]
        ends_as(at, event, "First")


def lease_lost_in_mid_call(at: Column) -> None:
    """The first worker's call is carried out, its lease ends before it hears so, and a second one takes over."""
    event = at.make()
    create = type(at.adapter).create

    def slow(self: Any, *arguments: Any) -> Any:
        result = create(self, *arguments)
        with mock.patch.object(type(self), "create", create):
            Calendar.everywhere.filter(pk=at.calendar.pk).update(lease_until_s=1)
            at.deliver(1)
        return result

    with mock.patch.object(type(at.adapter), "create", slow):
        at.deliver(1)
    assert at.titles() == ["First"]
    ends_as(at, event, "First")


def delivered_ten_times(at: Column) -> None:
    event = at.make()
    for _ in range(10):
        tasks.deliver.call()
    assert at.count(at.CREATE) == 1
    ends_as(at, event, "First")


def made_and_cancelled_while_it_was_down(at: Column) -> None:
    down = at.fault("answer", ".*", 503, {}, times=999, headers={"Retry-After": "1"})
    event = at.make()
    at.deliver(2)
    at.change(event)
    at.deliver(2)
    Mirror.everywhere.filter(event=event).update(failing_since=now() - timedelta(hours=6))
    at.delete(event)
    at.deliver(1)
    down.times = 0
    ends_as(at, event)
    assert at.count(at.CREATE) <= 4, "nothing was made that had to be taken away again"


def older_retry_arrives_late(at: Column) -> None:
    event = at.make()
    at.deliver(1)
    at.fault("lost_request", at.UPDATE)
    at.change(event, "Second")
    at.deliver(1)
    late = at.double.calls[-1].asked
    at.change(event, "Third")
    at.deliver(2)
    if at.adapter.capability.guards_updates:
        assert at.double.handle(late).status == 412
    ends_as(at, event, "Third")


def told_to_wait(at: Column) -> None:
    event = at.make()
    at.fault("answer", at.CREATE, 429, {}, headers={"Retry-After": "30"})
    at.deliver(1)
    mirror = at.mirror(event)
    assert mirror.last_outcome == Outcome.TRANSIENT
    assert mirror.next_attempt_s >= database_now_s() + 28
    push.deliver()
    assert at.titles() == [], "nobody asks again before that"
    cache.clear()  # half a minute goes by, for what remembers it elsewhere than in the row
    ends_as(at, event, "First")


def rate_and_refusal_are_told_apart_at_google(at: Column) -> None:
    _two_refusals(at, _google("rateLimitExceeded"), _google("forbiddenForNonOrganizer"))


def rate_and_refusal_are_told_apart_at_microsoft(at: Column) -> None:
    throttled = Told(429, {"error": {"code": "ApplicationThrottled", "message": ""}}, {"Retry-After": "1"})
    _two_refusals(at, throttled, Told(400, {"error": {"code": "ErrorInvalidRequest", "message": ""}}))


def rate_and_refusal_are_told_apart_over_caldav(at: Column) -> None:
    _two_refusals(at, Told(429, b"", {"Retry-After": "1"}), precondition(403, "valid-calendar-data"))


def _two_refusals(at: Column, passing: Told, final: Told) -> None:
    event = at.make()
    at.fault("answer", at.CREATE).told = passing
    at.deliver(1)
    assert at.mirror(event).last_outcome == Outcome.TRANSIENT
    at.fault("answer", at.CREATE).told = final
    at.deliver(1)
    mirror = at.mirror(event)
    assert (mirror.last_outcome, mirror.state) == (Outcome.PERMANENT, Mirror.State.FAILED)
    assert mirror.last_error


def _google(reason: str, status: int = 403) -> Told:
    error = {"code": status, "message": reason, "errors": [{"domain": "global", "reason": reason, "message": reason}]}
    return Told(status, {"error": error})


def precondition(status: int, name: str, inside: str = "") -> Told:
    """A refusal of a CalDAV server with the name of what was not fulfilled."""
    spaces = 'xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"'
    body = f"<d:error {spaces}><c:{name}>{inside}</c:{name}></d:error>"
    return Told(status, body.encode(), {"Content-Type": "application/xml"})


def done_but_answered_500(at: Column) -> None:
    with mails(at, "create", "update", "delete"):
        event = at.make(people=(GUEST,), notify_guests=True)
        at.fault("belied", at.CREATE, 500, "")
        at.deliver(1)
        assert at.mirror(event).last_outcome == Outcome.AMBIGUOUS
        ends_as(at, event, "First")
        at.fault("belied", at.UPDATE, 500, "")
        at.change(event, "Second", people=(GUEST,), notify_guests=True)
        at.deliver(1)
        ends_as(at, event, "Second")
        at.fault("belied", at.DELETE, 500, "")
        at.delete(event)
        at.deliver(1)
        ends_as(at, event)


def not_the_service_that_answers(at: Column) -> None:
    page = {"Content-Type": "text/html"}
    event = at.make()
    at.fault("answer", at.CREATE, 200, HTML, headers=page)
    at.deliver(1)
    assert not at.mirror(event).in_sync
    assert at.mirror(event).remote_id == ""
    ends_as(at, event, "First")
    at.fault("garbled", at.UPDATE)
    at.change(event)
    at.deliver(1)
    ends_as(at, event, "Second")
    at.fault("answer", at.DELETE, 200, HTML, headers=page)
    at.delete(event)
    at.deliver(1)
    ends_as(at, event)


def database_down_after_success(at: Column) -> None:
    event = at.make()
    with mock.patch.object(push, "record", side_effect=OperationalError("disk full")), pytest.raises(OperationalError):
        at.deliver(1)
    assert at.titles() == ["First"]
    ends_as(at, event, "First")


def backlog_in_order_and_fair(at: Column) -> None:
    made = [at.make(f"Event {number:02}", number) for number in range(25)]
    order = mock.Mock(side_effect=type(at.adapter).create, autospec=True)
    with mock.patch.object(type(at.adapter), "create", lambda self, *args: order(self, *args)):
        at.deliver(1)
    titles = [call.args[2].events[0].title for call in order.mock_calls]
    assert titles == [f"Event {number:02}" for number in range(25)]
    assert all(at.mirror(event).in_sync for event in made)
    assert at.count(at.CREATE) == 25


def no_second_mail(at: Column) -> None:
    """Every change is mailed once, whatever happens to its first attempts."""
    with mails(at, "create", "update", "delete"):
        event = at.make(people=(GUEST,), notify_guests=True)
        _rocky(at, event, at.CREATE, "First")
        at.change(event, "Second", 5, people=(GUEST,), notify_guests=True)
        _rocky(at, event, at.UPDATE, "Second")
        at.delete(event)
        _rocky(at, event, at.DELETE)


def _rocky(at: Column, event: Event, pattern: str, *titles: str) -> None:
    for kind, status in (("lost_request", 0), ("answer", 429), ("answer", 500), ("lost_answer", 0), ("belied", 502)):
        at.fault(kind, pattern, status, {})
        at.deliver(1)
        if at.mirror(event).applied_revision == at.mirror(event).desired_revision:
            break
    cache.clear()
    ends_as(at, event, *titles)


def no_mail_by_the_server(at: Column) -> None:
    """Radicale mails nobody; a server that would is told not to."""
    event = at.make(people=(GUEST,), notify_guests=True)
    at.fault("lost_answer", at.CREATE)
    ends_as(at, event, "First")
    (text,) = at.server.objects(at.real).values()  # type: ignore[attr-defined]
    assert "SCHEDULE-AGENT=CLIENT" in text.replace("\n ", "")
