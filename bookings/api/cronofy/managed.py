"""When an account can be had, as its applications say it: availability rules (hours of every week) and available
periods (single stretches).

Both are what the product knows anyway. The first rule that an application names is the host's schedule, the one that
staff see and edit; until one is named, the schedule answers to `default`. Other rules, and all periods, are openings
besides the schedule, and customers are offered them on every page.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from bookings.api import refusals
from bookings.api.cronofy import managed_wire as wire
from bookings.api.cronofy import paging, schema, times
from bookings.api.cronofy.dialect import CronofyView
from bookings.api.cronofy.wire import SURFACE
from bookings.api.reader import Reader
from bookings.domain import hosts, refs
from bookings.domain.locks import lock_hosts
from bookings.models import Calendar, ExternalRef, Host, Opening, Organisation

RULE, PERIOD = "availability_rule", "available_period"


def _key(host: Host, name: str) -> str:
    """Names are those of one account; ours hold in the whole organisation."""
    return f"{host.pk.hex}/{name}"


def _name(key: str) -> str:
    return key.partition("/")[2]


@dataclass
class Rules:
    """The rules and periods of some hosts. `named` has those with a name here: {(host, name): opening, or None for the
    schedule}."""

    openings: dict[uuid.UUID, list[Opening]]
    named: dict[tuple[uuid.UUID, str], Opening | None] = field(default_factory=dict)
    calendars: dict[uuid.UUID, list[str]] = field(default_factory=dict)
    """Our ids of the calendars that were named with the schedule of a host."""

    @classmethod
    def of(cls, organisation: Organisation, some: Collection[Host]) -> Rules:
        if not some:
            return cls(defaultdict(list))
        pks = {host.pk for host in some}
        found = cls(defaultdict(list))
        weekly: dict[uuid.UUID, Opening] = {}
        for opening in Opening.objects.for_tenant(organisation).filter(host__in=pks):
            found.openings[opening.host_id].append(opening)
            if opening.start_s is None:
                weekly[opening.pk] = opening
        rows = ExternalRef.objects.for_tenant(organisation).filter(
            surface=SURFACE, kind=RULE, object_id__in=[*pks, *weekly]
        )
        for key, pk, raw in rows.values_list("external_id", "object_id", "raw"):
            host = pk if pk in pks else weekly[pk].host_id
            found.named[host, _name(key)] = weekly.get(pk)
            if pk in pks and raw.get("calendars"):
                found.calendars[host] = raw["calendars"]
        return found

    def whole(self, host: Host) -> dict[str, Any]:
        """All hours of a host, for a Member. The schedule counts when an application knows it as a rule, or when there
        is nothing else."""
        own = self.openings[host.pk]
        if not own or any(pk == host.pk and opening is None for (pk, _), opening in self.named.items()):
            return {"working": True}
        return {"openings": tuple(own)}

    def of_names(self, host: Host, names: Iterable[str], *, periods_too: bool) -> dict[str, Any]:
        """The hours of the rules with these names, for a Member, and the names that are `unknown`."""
        unknown = [name for name in names if (host.pk, name) not in self.named and not self._is_schedule(host, name)]
        scheduled = any(self._is_schedule(host, name) for name in names)
        chosen = [opening for name in names if (opening := self.named.get((host.pk, name))) is not None]
        lists = [opening.calendars for opening in chosen] + ([self.calendars.get(host.pk, [])] if scheduled else [])
        periods = [each for each in self.openings[host.pk] if each.start_s is not None] if periods_too else []
        hours = {"openings": (*chosen, *periods), "scheduled": scheduled, "unknown": unknown}
        if lists and all(lists):
            hours["calendars"] = frozenset(uuid.UUID(each) for some in lists for each in some)
        return hours

    def _is_schedule(self, host: Host, name: str) -> bool:
        if (host.pk, name) in self.named:
            return self.named[host.pk, name] is None
        taken = any(pk == host.pk and opening is None for (pk, _), opening in self.named.items())
        return name == wire.DEFAULT and not taken


class AvailabilityRules(CronofyView):
    scopes = {"GET": "availability:read", "POST": "availability:write"}
    fields = {"weekly": "weekly_periods", "timezone": "tzid"}

    @schema.told("Hours of every week", schema.RULES)
    def get(self, request: Request) -> Response:
        return Response({"availability_rules": [shown for _, shown in _rules(self.account)]})

    @schema.told("Make or change hours of every week", schema.ONE_RULE, takes=schema.RULE)
    def post(self, request: Request) -> Response:
        reader = Reader()
        rule = wire.read_rule(self.body, reader)
        calendars = _calendars(self.account, rule.calendar_ids, reader)
        reader.finish()
        with transaction.atomic():
            self._save(rule, calendars)
        return Response({"availability_rule": wire.rule(rule.name, rule.tzid, rule.weekly, rule.calendar_ids)})

    def _save(self, rule: wire.Rule, calendars: list[uuid.UUID]) -> None:
        """What is named first is the schedule."""
        host, actor = lock_hosts([self.account.pk])[0], self.principal.actor
        known = refs.resolve(host.organisation, SURFACE, RULE, _key(host, rule.name))
        if known is None and not _schedule_is_named(host):
            refs.name(SURFACE, RULE, host, _key(host, rule.name))
            known = host.pk
        if known == host.pk:
            refs.keep(SURFACE, RULE, host, {"calendars": [str(each) for each in calendars]})
            if rule.tzid != host.timezone:
                hosts.move_to_zone(host, rule.tzid, actor=actor)
            hosts.set_schedule(host, rule.weekly, actor=actor)
            return
        opening = Opening.objects.for_tenant(host.organisation_id).filter(pk=known).first()
        made = hosts.open_weekly(
            host, rule.weekly, timezone=rule.tzid, calendars=calendars, actor=actor, opening=opening
        )
        refs.name(SURFACE, RULE, made, _key(host, rule.name), instead_of=known)


class AvailabilityRule(CronofyView):
    scopes = {"GET": "availability:read", "DELETE": "availability:write"}

    @schema.told("One rule", schema.ONE_RULE)
    def get(self, request: Request, rule_id: str) -> Response:
        found = next((shown for _, shown in _rules(self.account) if shown["availability_rule_id"] == rule_id), None)
        if found is None:
            raise refusals.not_found()
        return Response({"availability_rule": found})

    @schema.told("Delete a rule", None, status=202)
    @transaction.atomic
    def delete(self, request: Request, rule_id: str) -> Response:
        """A schedule that is deleted has no hours left. What is not there has been deleted before."""
        lock_hosts([self.account.pk])
        thing = next((each for each, shown in _rules(self.account) if shown["availability_rule_id"] == rule_id), None)
        if isinstance(thing, Opening):
            hosts.close(thing, actor=self.principal.actor)
        elif thing is not None:
            hosts.set_schedule(thing, [[] for _ in range(7)], actor=self.principal.actor)
        return Response(status=202)


class AvailablePeriods(CronofyView):
    scopes = {"GET": "availability:read", "POST": "availability:write", "DELETE": "availability:write"}
    fields = {"start_s": "start", "end_s": "end", "timezone": "start.tzid"}

    @schema.told("Single periods", schema.PERIODS, parameters=schema.PERIOD_QUERY)
    def get(self, request: Request) -> Response:
        reader, asked = Reader(), paging.query(request)
        view = wire.read_view(asked, reader)
        at = paging.number(asked, reader)
        reader.finish()
        rows = Opening.objects.for_tenant(self.principal.organisation).filter(host=self.account, start_s__isnull=False)
        found = list(rows.filter(start_s__lt=view.hi, end_s__gt=view.lo).order_by("start_s", "end_s", "pk"))

        def shown(some: Sequence[Opening]) -> list[dict[str, Any]]:
            names = refs.refs(SURFACE, PERIOD, some)
            return [wire.period(_name(names[each.pk]), each, localized=view.localized) for each in some]

        return Response(paging.page(request, "available_periods", found, at, shown))

    @schema.told("Make or change a period", None, status=202, takes=schema.PERIOD)
    def post(self, request: Request) -> Response:
        reader = Reader()
        name = wire.read_name(self.body, "available_period_id", reader)
        start, end = (times.read(self.body, key, key, reader) for key in ("start", "end"))
        reader.finish()
        assert start is not None
        assert end is not None
        tzid = start.tzid or end.tzid or "UTC"
        with transaction.atomic():
            host = lock_hosts([self.account.pk])[0]
            known = refs.resolve(host.organisation, SURFACE, PERIOD, _key(host, name))
            opening = Opening.objects.for_tenant(host.organisation_id).filter(pk=known).first()
            bounds = start.instant(tzid), end.instant(tzid)
            made = hosts.open_between(host, *bounds, timezone=tzid, actor=self.principal.actor, opening=opening)
            refs.name(SURFACE, PERIOD, made, _key(host, name), instead_of=known)
        return Response(status=202)

    @schema.told("Delete a period", None, status=202, takes=schema.PERIOD_ID)
    def delete(self, request: Request) -> Response:
        reader = Reader()
        name = wire.read_name(self.body, "available_period_id", reader)
        reader.finish()
        known = refs.resolve(self.principal.organisation, SURFACE, PERIOD, _key(self.account, name))
        with transaction.atomic():
            lock_hosts([self.account.pk])
            for opening in Opening.objects.for_tenant(self.principal.organisation).filter(pk=known):
                hosts.close(opening, actor=self.principal.actor)
        return Response(status=202)


def _rules(host: Host) -> list[tuple[Host | Opening, dict[str, Any]]]:
    """Every rule of a host with what is told of it: the schedule, unless it has no hours, and weekly openings."""
    openings = list(
        Opening.objects.for_tenant(host.organisation_id).filter(host=host, start_s=None).order_by("created_at", "pk")
    )
    host = Host.everywhere.select_related("schedule").get(pk=host.pk)
    things: list[Host | Opening] = [*([host] if any(host.schedule.weekly) else []), *openings]
    names = refs.refs(SURFACE, RULE, things)
    kept = refs.kept(SURFACE, RULE, things)
    with_hours = [
        (each, each.schedule.weekly, kept[each.pk].get("calendars", []))
        if isinstance(each, Host)
        else (each, each.weekly, each.calendars)
        for each in things
    ]
    ids = _calendar_ids([pk for _, _, calendars in with_hours for pk in calendars])
    return [
        (
            each,
            wire.rule(_name(names[each.pk]), each.timezone, weekly, [ids[pk] for pk in calendars if pk in ids] or None),
        )
        for each, weekly, calendars in with_hours
    ]


def _calendar_ids(pks: Collection[str]) -> dict[str, str]:
    """{our id, as text: theirs} of the calendars that are still there."""
    if not pks:
        return {}
    named = refs.refs(SURFACE, "calendar", Calendar.everywhere.filter(pk__in=set(pks)))
    return {str(pk): name for pk, name in named.items()}


def _calendars(host: Host, names: Iterable[str] | None, reader: Reader) -> list[uuid.UUID]:
    """Our ids of calendars of this host."""
    found = refs.resolve_all(host.organisation, SURFACE, "calendar", names or ())
    owned = set(Calendar.everywhere.filter(pk__in=found.values(), account__host=host).values_list("pk", flat=True))
    for unknown in (each for each in names or () if found.get(each) not in owned):
        reader.wrong("calendar_ids", "invalid", f"{unknown[:64]} is not the id of a calendar of this account.")
    return [pk for pk in found.values() if pk in owned]


def _schedule_is_named(host: Host) -> bool:
    rows = ExternalRef.objects.for_tenant(host.organisation_id)
    return bool(rows.filter(surface=SURFACE, kind=RULE, object_id=host.pk).exists())
