"""POST /v1/availability: when several accounts and resources have time together."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.timezone import now
from rest_framework.request import Request
from rest_framework.response import Response

from bookings.api.cronofy import availability_wire as wire
from bookings.api.cronofy import schema
from bookings.api.cronofy.dialect import CronofyView
from bookings.api.cronofy.managed import Rules
from bookings.api.cronofy.wire import SURFACE
from bookings.api.reader import Reader
from bookings.domain import refs
from bookings.domain.together import Member, free_time
from bookings.engine.intervals import Interval, clip, intersect
from bookings.engine.together import stretches
from bookings.models import Calendar, Host, Organisation


class Availability(CronofyView):
    scopes = {"POST": "availability:read"}

    @schema.told("When several accounts are free together", schema.AVAILABLE, takes=schema.AVAILABILITY)
    def post(self, request: Request) -> Response:
        reader = Reader()
        query = wire.read(self.body, reader)
        members = _Members(self.principal.organisation, query.members).read(reader)
        reader.finish()
        return Response(wire.answer(query, self._found(query, members), members[0].host.timezone))

    def _found(self, query: wire.Query, members: Sequence[Member]) -> Any:
        """What has passed cannot be had any more."""
        lo, hi = query.bounds
        lo = max(lo, int(now().timestamp()))
        if hi - lo < query.length:
            return []
        free: list[list[Interval]] = free_time(members, lo, hi, before=query.before, after=query.after)
        if query.starts is None:
            periods = clip(query.periods, lo, hi)
            free = [intersect(each, periods) for each in free]
        return stretches(free, query.groups, query.length)


class _Members:
    """Hosts, calendars and hours behind the ids of a query, in a constant number of queries."""

    def __init__(self, organisation: Organisation, asked: Sequence[wire.Asked]) -> None:
        self.asked = asked
        self.hosts = self._hosts(organisation)
        self.calendars = self._calendars(organisation)
        concerned = [each for each in asked if each.managed or each.rule_ids is not None]
        hosts = [self.hosts[each.sub] for each in concerned if each.sub in self.hosts]
        self.rules = Rules.of(organisation, hosts)

    def read(self, reader: Reader) -> list[Member]:
        """One for each member of the query; with any problem, the result is incomplete."""
        found = []
        for each in self.asked:
            host = self.hosts.get(each.sub)
            if host is not None:
                found.append(self._member(each, host, reader))
            elif each.sub:
                path = f"{each.path}.sub"
                reader.wrong(path, "invalid", f"{path} is not the sub of an account of this organisation.")
        return found

    def _member(self, asked: wire.Asked, host: Host, reader: Reader) -> Member:
        hours: dict[str, Any] = {}
        if asked.rule_ids is not None:
            hours = self.rules.of_names(host, asked.rule_ids, periods_too=asked.managed)
            for unknown in hours.pop("unknown"):
                path = f"{asked.path}.availability_rule_ids"
                reader.wrong(path, "invalid", f"{unknown[:64]} is not the id of an availability rule of this account.")
        elif asked.managed:
            hours = self.rules.whole(host)
        if asked.calendar_ids is not None:
            hours["calendars"] = self._named_calendars(asked, host, asked.calendar_ids, reader)
        return Member(host, within=asked.within, **hours)

    def _named_calendars(
        self, asked: wire.Asked, host: Host, calendar_ids: Iterable[str], reader: Reader
    ) -> frozenset[uuid.UUID]:
        found = {each: self.calendars.get((host.pk, each)) for each in calendar_ids}
        for unknown in (each for each, pk in found.items() if pk is None):
            path = f"{asked.path}.calendar_ids"
            reader.wrong(path, "invalid", f"{unknown[:64]} is not the id of a calendar of this account.")
        return frozenset(pk for pk in found.values() if pk is not None)

    def _hosts(self, organisation: Organisation) -> dict[str, Host]:
        pks = refs.resolve_all(organisation, SURFACE, "host", {each.sub for each in self.asked})
        rows = Host.objects.for_tenant(organisation).select_related("schedule").filter(is_active=True)
        hosts: dict[uuid.UUID, Host] = rows.in_bulk(list(pks.values()))
        return {sub: hosts[pk] for sub, pk in pks.items() if pk in hosts}

    def _calendars(self, organisation: Organisation) -> dict[tuple[uuid.UUID, str], uuid.UUID]:
        """{(host, calendar_id): our id}"""
        named = {name for each in self.asked for name in each.calendar_ids or ()}
        pks = refs.resolve_all(organisation, SURFACE, "calendar", named) if named else {}
        rows = Calendar.objects.for_tenant(organisation).filter(pk__in=pks.values())
        owners = dict(rows.values_list("pk", "account__host_id")) if pks else {}
        return {(owners[pk], name): pk for name, pk in pks.items() if pk in owners}
