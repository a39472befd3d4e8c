"""Lists of events: which stretch of time, and whose."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from bookings.api.leadconnector import finding, groups, wire
from bookings.api.leadconnector.dialect import LeadConnectorView
from bookings.api.leadconnector.shown import Page, Row
from bookings.api.reader import Reader
from bookings.domain import agenda
from bookings.domain.agenda import Entry
from bookings.engine.zones import DAY
from bookings.models import EventType, Host, Organisation

LONGEST = 5 * 366 * DAY


@dataclass(frozen=True)
class Window:
    """A list query: [lo, hi) in UTC seconds, and either hosts or event types."""

    organisation: Organisation
    lo: int
    hi: int
    hosts: tuple[Host, ...] | None
    event_types: frozenset[uuid.UUID] | None
    calendar_ids: frozenset[str] = frozenset()

    @classmethod
    def asked(cls, view: LeadConnectorView) -> Window:
        """Raises Refusal: 422 for values, 403 for a foreign location, 400 for a calendar, user or group that is not
        there."""
        reader, query = Reader(), view.request.query_params.dict()
        location_id = reader.text(query, "locationId", "locationId", required=True)
        lo, hi = instant(query, "startTime", reader), instant(query, "endTime", reader)
        if not any(query.get(key) for key in ("userId", "calendarId", "groupId")):
            reader.wrong("userId", "required", "Either of userId, calendarId or groupId is required.")
        if lo is not None and hi is not None and not 0 < hi - lo <= LONGEST:
            reader.wrong("endTime", "invalid", "endTime must be after startTime, by five years at most.")
        reader.finish()
        assert lo is not None
        assert hi is not None
        view.check_location(location_id)
        principal = view.principal
        hosts = (principal.host,) if principal.host is not None else None
        if user_id := query.get("userId"):
            user = finding.host(principal, str(user_id))
            if user is None:
                raise finding.unknown("user")
            hosts = (user,)
        types = _event_types(view, str(query.get("calendarId") or ""), str(query.get("groupId") or ""))
        return cls(principal.organisation, lo, hi, hosts, *types)

    def entries(self, *, cancelled: bool) -> list[Entry]:
        return agenda.listing(self.organisation, self.lo, self.hi, hosts=self.hosts, cancelled=cancelled)

    def busy(self) -> list[Entry]:
        """What is in the time of the hosts, or of everybody who hosts one of the event types."""
        hosts = self.hosts
        if self.event_types is not None:
            named = Q(event_types__in=self.event_types) | Q(group_rules__event_types__in=self.event_types)
            team = Host.objects.for_tenant(self.organisation).filter(named).distinct()
            hosts = tuple(each for each in team if hosts is None or each in hosts)
        return agenda.listing(self.organisation, self.lo, self.hi, hosts=hosts)

    def holds(self, page: Page, row: Row) -> bool:
        if self.event_types is None:
            return True
        if row.event_type is not None:
            return row.event_type.pk in self.event_types
        return page.kept(row).get("calendarId") in self.calendar_ids


def _event_types(
    view: LeadConnectorView, calendar_id: str, group_id: str
) -> tuple[frozenset[uuid.UUID] | None, frozenset[str]]:
    if calendar_id:
        event_type = finding.event_type(view.principal, calendar_id)
        if event_type is None:
            raise finding.unknown("calendar")
        return frozenset({event_type.pk}), frozenset({calendar_id})
    if group_id:
        if group_id not in groups.groups_of(view.principal.organisation):
            raise finding.unknown("group")
        members: Sequence[tuple[EventType, str]] = groups.members(view.principal.organisation, group_id)
        return frozenset(each.pk for each, _ in members), frozenset(name for _, name in members)
    return None, frozenset()


def instant(query: dict[str, Any], key: str, reader: Reader) -> int | None:
    """A required time of a query, epoch milliseconds, in UTC seconds."""
    text = reader.text(query, key, key, required=True)
    found = wire.milliseconds(text) if text.strip() else None
    if text.strip() and found is None:
        reader.wrong(key, "invalid", f"{key} must be a time in epoch milliseconds.")
    return found
