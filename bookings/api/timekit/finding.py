"""Finding what a request names: resources, calendars, projects, and the terms under which they can be had."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from typing import Any

from bookings.api.base import Principal
from bookings.api.reader import Reader
from bookings.api.timekit import wire
from bookings.api.timekit.constraints import Rules
from bookings.domain import availability, refs
from bookings.domain.availability import Terms
from bookings.domain.terms import limits_of
from bookings.engine.zones import DAY
from bookings.models import ApiKey, Calendar, EventType, GroupRule, Host, Schedule

LONGEST = 31 * DAY
MOST_RESOURCES = 200


def is_widget(principal: Principal) -> bool:
    """Whether the key stands in the source of web pages: then the project's rules hold, whatever is asked."""
    return principal.key.kind == ApiKey.Kind.WIDGET_KEY


def hosts_called(principal: Principal, external_ids: Sequence[str]) -> dict[str, Host]:
    """{id: active host} of those that this caller reaches."""
    organisation = principal.organisation
    ids = refs.resolve_all(organisation, wire.SURFACE, "host", external_ids)
    found = Host.objects.for_tenant(organisation).filter(pk__in=ids.values(), is_active=True)
    if principal.key.host_id is not None:
        found = found.filter(pk=principal.key.host_id)
    by_id: dict[Any, Host] = found.select_related("schedule").in_bulk()
    return {external_id: by_id[pk] for external_id, pk in ids.items() if pk in by_id}


def hosts_with(principal: Principal, emails: Sequence[str]) -> list[Host]:
    """The active hosts with these addresses that this caller reaches."""
    wanted = {each.casefold() for each in emails}
    if not wanted:
        return []
    found = Host.objects.for_tenant(principal.organisation).filter(is_active=True).exclude(email="")
    if principal.key.host_id is not None:
        found = found.filter(pk=principal.key.host_id)
    return [host for host in found.select_related("schedule").order_by("pk") if host.email.casefold() in wanted]


def resources(principal: Principal, body: dict[str, Any], reader: Reader, name: str = "resources") -> list[Host]:
    """The resources a body lists, in its order; each that is not there is a problem."""
    given = reader.array(body, name, name)
    if len(given) > MOST_RESOURCES or not all(isinstance(each, str) for each in given):
        reader.wrong(name, "invalid", f"{name} must be an array of at most {MOST_RESOURCES} ids.")
        return []
    known = hosts_called(principal, given)
    for index, each in enumerate(given):
        if each not in known:
            reader.wrong(f"{name}.{index}", "invalid", f"{name}.{index} is not the id of a resource.")
    return [known[each] for each in dict.fromkeys(given) if each in known]


def project(principal: Principal, body: dict[str, Any], reader: Reader) -> EventType | None:
    """The project a body names by `project_id`, if it names one; one that is not there is a problem."""
    external_id = reader.text(body, "project_id", "project_id")
    if not external_id:
        return None
    found = project_called(principal, external_id)
    if found is None:
        reader.wrong("project_id", "invalid", "project_id is not the id of a project.")
    return found


def project_called(principal: Principal, external_id: str) -> EventType | None:
    organisation = principal.organisation
    known = refs.resolve(organisation, wire.SURFACE, "event_type", external_id)
    found = EventType.objects.for_tenant(organisation).select_related("schedule", "group_rule")
    if is_widget(principal):
        found = found.filter(is_active=True, is_public=True)
    return found.filter(pk=known).first()


def calendar_called(principal: Principal, external_id: str) -> Calendar | None:
    """A calendar that this caller reaches."""
    organisation = principal.organisation
    known = refs.resolve(organisation, wire.SURFACE, "calendar", external_id)
    found = Calendar.objects.for_tenant(organisation).filter(pk=known).select_related("account__host__schedule")
    if principal.key.host_id is not None:
        found = found.filter(account__host=principal.key.host_id)
    return found.first()


def own_terms(principal: Principal, hosts: Sequence[Host], length: int) -> Terms:
    """Of resources as they are, without a project: their hours, their calendars, their limits.

    A calendar that could not be checked lately closes them to pages, not to programs.
    """
    limits = tuple(limit for host in hosts for limit in limits_of("host", host.pk, host.limits))
    return Terms(tuple(hosts), length, step=length, limits=limits, refuse_unknown=is_widget(principal))


def project_terms(event_type: EventType, hosts: Sequence[Host], length: int | None) -> Terms:
    """Of a project, with these of its resources where any are named."""
    terms = availability.of_event_type(event_type)
    if length is not None:
        # Without an interval of its own a project's slots follow one another.
        terms = replace(terms, length=length, step=terms.step if event_type.slot_interval else length)
    return replace(terms, hosts=tuple(hosts), preference=()) if hosts else terms


def needs_all(event_type: EventType | None) -> bool:
    rule = event_type.group_rule if event_type is not None else None
    return rule is not None and rule.mode == GroupRule.Mode.ALL


def narrowed(terms: Terms, rules: Rules) -> Terms:
    """The terms with constraints applied to their hours, so that slots begin when the narrower hours do."""
    if not rules:
        return terms
    if terms.weekly is not None:
        return replace(terms, weekly=rules.narrowed(terms.weekly))
    return replace(terms, hosts=tuple(_narrowed_host(host, rules) for host in terms.hosts))


def _narrowed_host(host: Host, rules: Rules) -> Host:
    narrow = copy(host)
    week = [[list(block) for block in day] for day in rules.narrowed(host.schedule.weekly)]
    narrow.schedule = Schedule(organisation_id=host.organisation_id, weekly=week)
    return narrow


def may_force(principal: Principal) -> None:
    """Raise Refusal unless the key may book over taken time."""
    principal.require("bookings:force")
