"""Scenarios of the fault matrix that only CalDAV servers know."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from bookings.domain import calendar as events
from bookings.formats import icalendar
from bookings.models import Mirror
from tests.providers.matrix.writing import ends_as, precondition


def if_none_match_is_ignored(at: Any) -> None:
    at.double.unheard = {"if-none-match"}
    event = at.make()
    at.fault("lost_answer", at.CREATE)
    at.deliver(1)
    ends_as(at, event, "First")


def uid_at_another_address(at: Any) -> None:
    event = at.make("First")
    text = icalendar.render(events.data_of(event), stamp=datetime.now(UTC))
    at.server.put(at.real, "elsewhere.ics", text)
    ends_as(at, event, "First")
    second = at.make("Second", 4)
    at.deliver(1)
    held = at.mirror(second).remote_id
    path = re.sub(r"^https?://[^/]+", "", held)
    inside = f"<d:href>{path}</d:href>"
    at.double.faults.clear()
    rows = Mirror.everywhere.filter(event=second)
    rows.update(remote_id="", etag="", applied_revision=0)
    at.fault("answer", at.CREATE).told = precondition(403, "unique-scheduling-object-resource", inside)
    at.deliver(1)
    assert at.mirror(second).remote_id == held, "as Cyrus tells it"
    ends_as(at, second, "First", "Second")


def invalid_data_under_any_number(at: Any) -> None:
    for number, status in enumerate((400, 403, 412)):
        event = at.make(f"Event {number}", number)
        at.fault("answer", at.CREATE).told = precondition(status, "valid-calendar-data")
        at.deliver(1)
        mirror = at.mirror(event)
        assert mirror.state == Mirror.State.FAILED, status
        assert mirror.last_error
        asked = len(at.double.calls)
        at.deliver(2)
        assert len(at.double.calls) == asked, "no loop"


def no_strong_tag(at: Any) -> None:
    for untold, prefix in ((set(), "W/"), ({"etag"}, "")):
        at.double.untold, at.double.etags = set(), ""
        event = at.make(f"Tag {prefix}")
        at.double.untold, at.double.etags = untold, prefix
        at.deliver(1)
        at.change(event, f"Tag {prefix} two")
        at.deliver(2)
        assert at.mirror(event).in_sync
        assert f"Tag {prefix} two" in at.titles()
        written = [call.asked for call in at.double.calls if call.asked.method == "PUT"]
        assert all(asked.headers.get("if-match") != "*" for asked in written)
