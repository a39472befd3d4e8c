"""Verbs for group rules: how many of which hosts a meeting needs, and who is asked first."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from bookings.formats.lines import clean
from bookings.models import GroupMember, GroupRule, Host, Organisation, SchedulerRequest

from .audit import Actor, record
from .errors import Invalid, NotAllowed

MOST_MEMBERS = 200
_MOST_DAYS = 366
_PRIORITIES = (-1000, 1000)
_WEIGHTS = (1, 10_000)


@dataclass(frozen=True)
class Part:
    """A host's part: higher priority is asked first, bookings are shared by weight, `cap_per_day` None is no cap."""

    host: Host
    priority: int = 0
    weight: int = 100
    cap_per_day: int | None = None


@transaction.atomic
def create(
    organisation: Organisation,
    *,
    name: str,
    mode: str,
    parts: Sequence[Part],
    actor: Actor,
    required: int = 1,
    fairness_days: int = 30,
) -> GroupRule:
    """Make a group rule. Raises Invalid (fields name, mode, required, fairness_days, parts)."""
    rule = GroupRule(organisation=organisation)
    _fill(rule, name, mode, required, fairness_days, parts)
    rule.save(force_insert=True)
    _give(rule, parts)
    record(actor, "group_rule.created", rule, after=_summary(rule, parts))
    return rule


@transaction.atomic
def change(
    rule: GroupRule,
    *,
    name: str,
    mode: str,
    parts: Sequence[Part],
    actor: Actor,
    required: int = 1,
    fairness_days: int = 30,
) -> GroupRule:
    """Say all of a group rule anew; what was booked by it stays. Raises Invalid as `create` does."""
    before = _summary(rule, parts_of(rule))
    _fill(rule, name, mode, required, fairness_days, parts)
    rule.save()
    _give(rule, parts)
    if before != (after := _summary(rule, parts)):
        record(actor, "group_rule.changed", rule, before=before, after=after)
    return rule


@transaction.atomic
def delete(rule: GroupRule, *, actor: Actor) -> None:
    """Take a group rule away. Its bookings stay, of no rule.

    Raises NotAllowed while event types go by it or links are open that do.
    """
    if rule.event_types.exists():
        raise NotAllowed("Event types go by this rule. Let somebody else host them first.")
    if rule.scheduler_requests.filter(state=SchedulerRequest.State.OPEN).exists():
        raise NotAllowed("Links are open that go by this rule. Withdraw them first.")
    record(actor, "group_rule.deleted", rule, before=_summary(rule, parts_of(rule)))
    rule.delete()


def draft(
    rule: GroupRule, *, name: str, mode: str, parts: Sequence[Part], required: int = 1, fairness_days: int = 30
) -> list[GroupMember]:
    """Give a rule that is not saved these settings, to try them out; returns its members. Raises Invalid."""
    _fill(rule, name, mode, required, fairness_days, parts)
    return [_member(rule, each) for each in sorted(parts, key=lambda part: part.host.pk)]


def parts_of(rule: GroupRule) -> list[Part]:
    """The members as they are stored, those asked first at the top."""
    rows = rule.members.select_related("host").order_by("-priority", "host__name", "host")
    return [Part(row.host, row.priority, row.weight, row.cap_per_day) for row in rows]


def _member(rule: GroupRule, part: Part) -> GroupMember:
    return GroupMember(
        organisation_id=rule.organisation_id,
        rule=rule,
        host=part.host,
        priority=part.priority,
        weight=part.weight,
        cap_per_day=part.cap_per_day,
    )


def _fill(rule: GroupRule, name: str, mode: str, required: int, fairness_days: int, parts: Sequence[Part]) -> None:
    rule.name, rule.mode, rule.fairness_days = clean(name).strip(), mode, fairness_days
    rule.required = required if mode == GroupRule.Mode.SOME else 1
    if not 0 < len(rule.name) <= 200:
        raise Invalid("A name has 1 to 200 characters.", field="name")
    if mode not in GroupRule.Mode.values:
        raise Invalid(f"Possible are: {', '.join(GroupRule.Mode.values)}.", field="mode")
    if not 1 <= fairness_days <= _MOST_DAYS:
        raise Invalid(f"Possible are 1 to {_MOST_DAYS} days.", field="fairness_days")
    _check_parts(rule, parts)
    if not 1 <= rule.required <= len(parts):
        raise Invalid(f"There are {len(parts)} people in the group.", field="required")


def _check_parts(rule: GroupRule, parts: Sequence[Part]) -> None:
    if not 1 <= len(parts) <= MOST_MEMBERS:
        raise Invalid(f"A group has 1 to {MOST_MEMBERS} members.", field="parts")
    hosts: list[uuid.UUID] = [each.host.pk for each in parts]
    if len(set(hosts)) < len(hosts) or any(each.host.organisation_id != rule.organisation_id for each in parts):
        raise Invalid("A group has hosts of this organisation, each once.", field="parts")
    for each in parts:
        if not _PRIORITIES[0] <= each.priority <= _PRIORITIES[1]:
            raise Invalid("A priority lies between -1000 and 1000.", field="parts")
        if not _WEIGHTS[0] <= each.weight <= _WEIGHTS[1]:
            raise Invalid("A weight lies between 1 and 10,000.", field="parts")
        if each.cap_per_day is not None and not 1 <= each.cap_per_day <= 1000:
            raise Invalid("A cap lies between 1 and 1,000 a day.", field="parts")


def _give(rule: GroupRule, parts: Sequence[Part]) -> None:
    rule.members.all().delete()
    GroupMember.everywhere.bulk_create(_member(rule, each) for each in parts)


def _summary(rule: GroupRule, parts: Sequence[Part]) -> dict[str, Any]:
    members = {each.host.name: [each.priority, each.weight, each.cap_per_day] for each in parts}
    return {"name": rule.name, "mode": rule.mode, "required": rule.required, "members": members}
