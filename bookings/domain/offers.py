"""Verbs for what can be booked: event types with their team and hours.

Who hosts and when is said here in one way, however it is stored: a team in which all are alike is a list of hosts, any
other a group rule; hours of the event type are a schedule of its own.
"""

from __future__ import annotations

import re
import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypedDict, Unpack

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from bookings.formats.lines import clean
from bookings.models import Calendar, EventType, GroupMember, GroupRule, Host, Organisation, Schedule

from .audit import Actor, record
from .errors import Invalid

MINUTES_OF_A_DAY = 1440
LONGEST_MINUTES = 31 * MINUTES_OF_A_DAY
FURTHEST_DAYS = 1098
MOST_SEATS = 1000
_SLUG = re.compile(r"[a-zA-Z0-9_-]{1,60}", re.ASCII)

WeekMinutes = Sequence[Sequence[tuple[int, int]]]
"""Seven days, Monday first, of [start, end) in minutes of the local day; nothing at all: the hosts' own hours."""


class Settings(TypedDict, total=False):
    """Columns of an event type that may be said; minutes unless they say otherwise."""

    description: str
    durations: Sequence[int]
    slot_interval: int | None
    buffer_before: int
    buffer_after: int
    minimum_notice: int
    window: str
    window_days: int
    window_first: date | None
    window_last: date | None
    limits: dict[str, int]
    customer_limits: dict[str, int]
    first_slot_only: bool
    change_notice: int
    most_moves: int | None
    capacity: int
    needs_confirmation: bool
    pending_blocks: bool
    place: str
    place_detail: str
    title_template: str
    when_unknown: str
    remote_deletion: str
    is_active: bool
    is_public: bool


@dataclass(frozen=True)
class Member:
    """A host's part in a team; higher priority is asked first."""

    host: Host
    priority: int = 0
    weight: int = 100


@dataclass(frozen=True)
class Team:
    """Who hosts: any one of the members, or with `everybody` all of them together."""

    members: tuple[Member, ...]
    everybody: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether any one of them will do, and all are alike."""
        return not self.everybody and len({(each.priority, each.weight) for each in self.members}) <= 1


_NUMBERS = {
    "slot_interval": (1, LONGEST_MINUTES),
    "buffer_before": (0, MINUTES_OF_A_DAY),
    "buffer_after": (0, MINUTES_OF_A_DAY),
    "minimum_notice": (0, FURTHEST_DAYS * MINUTES_OF_A_DAY),
    "window_days": (0, FURTHEST_DAYS),
    "change_notice": (0, FURTHEST_DAYS * MINUTES_OF_A_DAY),
    "most_moves": (0, 1000),
    "capacity": (1, MOST_SEATS),
}
_TEXTS = {"name": 200, "description": 65_536, "place_detail": 1024, "title_template": 300}
_CHOICES = {
    "window": EventType.Window,
    "place": EventType.Place,
    "when_unknown": EventType.Unknown,
    "remote_deletion": EventType.RemoteDeletion,
}


@transaction.atomic
def create(
    organisation: Organisation,
    *,
    name: str,
    actor: Actor,
    slug: str = "",
    team: Team | None = None,
    weekly: WeekMinutes | None = None,
    **settings: Unpack[Settings],
) -> EventType:
    """Make an event type; what is left out is as the table has it. Without a slug it gets one from its name.

    :raises Invalid: with the field's name: name, slug (also when it is taken), weekly, team, or one of the settings.
    """
    event_type = EventType(organisation=organisation, slug=slug or _free_slug(organisation, name))
    if slug:
        _check_place(event_type, slug)
    _fill(event_type, {"name": name, "slug": event_type.slug, **settings})
    _save(event_type, insert=True)
    _give(event_type, team, weekly)
    record(actor, "event_type.created", event_type, after=_summary(event_type))
    return event_type


@transaction.atomic
def change(
    event_type: EventType,
    *,
    actor: Actor,
    name: str | None = None,
    slug: str | None = None,
    team: Team | None = None,
    weekly: WeekMinutes | None = None,
    **settings: Unpack[Settings],
) -> EventType:
    """Give an event type these settings; what is left out or None stays. Raises Invalid as `create` does."""
    before = _summary(event_type)
    said: dict[str, Any] = {**settings}
    said |= {"name": name} if name is not None else {}
    said |= {"slug": slug} if slug is not None else {}
    if slug not in (None, event_type.slug):
        _check_place(event_type, slug)
    _fill(event_type, said)
    _save(event_type)
    _give(event_type, team, weekly)
    record(actor, "event_type.changed", event_type, before=before, after=_summary(event_type))
    return event_type


@transaction.atomic
def give(
    event_type: EventType, *, actor: Actor, group_rule: GroupRule | None, calendars: Collection[Calendar] = ()
) -> None:
    """Let a group rule that stands on its own say who hosts (None: the hosts that are listed), and these calendars say
    what blocks (none: the hosts' own choice). Raises Invalid (fields team, calendars) for those of others."""
    if group_rule is not None and group_rule.organisation_id != event_type.organisation_id:
        raise Invalid("This group rule is not known here.", field="team")
    if any(each.organisation_id != event_type.organisation_id for each in calendars):
        raise Invalid("These calendars are not known here.", field="calendars")
    before = _given(event_type)
    event_type.group_rule = group_rule
    event_type.save(update_fields=["group_rule"])
    event_type.calendars.set(calendars)
    if before != (after := _given(event_type)):
        record(actor, "event_type.changed", event_type, before=before, after=after)


@transaction.atomic
def duplicate(event_type: EventType, *, name: str, actor: Actor) -> EventType:
    """Another event type that says the same, with its questions, hosts and hours; paused until somebody looked at it.

    Raises Invalid (field name)."""
    found = {field.attname: getattr(event_type, field.attname) for field in EventType._meta.concrete_fields}
    for own in ("id", "created_at", "schedule_id"):
        del found[own]
    made = EventType(**found | {"slug": _free_slug(event_type.organisation, name), "is_active": False})
    _fill(made, {"name": name})
    made.save(force_insert=True)
    made.hosts.set(event_type.hosts.all())
    made.calendars.set(event_type.calendars.all())
    if event_type.schedule is not None:
        _give_hours(made, event_type.schedule.weekly)
    for question in event_type.questions.all():
        question.pk, question.event_type = uuid.uuid4(), made
        question.save(force_insert=True)
    record(actor, "event_type.created", made, after=_summary(made) | {"copy_of": event_type.name[:100]})
    return made


@transaction.atomic
def delete(event_type: EventType, *, actor: Actor) -> None:
    """Take an event type away. What was booked stays, of no event type."""
    record(actor, "event_type.deleted", event_type, before=_summary(event_type))
    event_type.delete()


def teams_of(event_types: Sequence[EventType]) -> dict[uuid.UUID, Team]:
    """{event type: who hosts it}, whichever way that is stored, in two queries; those who are no longer active are left
    out. Read the group rules along with the event types."""
    hosts: dict[uuid.UUID, list[Member]] = defaultdict(list)
    links = EventType.hosts.through.objects.filter(eventtype__in=event_types, host__is_active=True)
    for link in links.select_related("host__schedule").order_by("host__name", "host"):
        hosts[link.eventtype_id].append(Member(link.host))
    members: dict[uuid.UUID, list[Member]] = defaultdict(list)
    rows = GroupMember.everywhere.filter(rule__event_types__in=event_types, host__is_active=True).distinct()
    for row in rows.select_related("host__schedule").order_by("-priority", "host__name", "host"):
        members[row.rule_id].append(Member(row.host, row.priority, row.weight))
    found = {}
    for each in event_types:
        rule = each.group_rule
        if rule is None:
            found[each.pk] = Team(tuple(hosts[each.pk]))
        else:
            found[each.pk] = Team(tuple(members[rule.pk]), rule.mode == GroupRule.Mode.ALL)
    return found


def draft(event_type: EventType, **settings: Unpack[Settings]) -> EventType:
    """Give settings to an event type that is not saved, to try them out. Raises Invalid as `create` does."""
    _fill(event_type, {**settings})
    return event_type


def _fill(event_type: EventType, said: dict[str, Any]) -> None:
    for name, value in said.items():
        _check(name, value)
        tidy = name in _TEXTS and isinstance(value, str)
        setattr(event_type, name, clean(value) if tidy else list(value) if name == "durations" else value)
    if not event_type.name.strip():
        raise Invalid("A name is needed.", field="name")
    first, last = event_type.window_first, event_type.window_last
    if event_type.window == EventType.Window.RANGE and first and last and last < first:
        raise Invalid("The last day comes after the first.", field="window_last")


def _check(name: str, value: Any) -> None:
    if name in _NUMBERS and value is not None and not _NUMBERS[name][0] <= value <= _NUMBERS[name][1]:
        raise Invalid(f"Possible are {_NUMBERS[name][0]} to {_NUMBERS[name][1]}.", field=name)
    if name in _TEXTS and len(value) > _TEXTS[name]:
        raise Invalid(f"At most {_TEXTS[name]:,} characters are possible here.", field=name)
    if name in _CHOICES and value not in _CHOICES[name].values:
        raise Invalid(f"Possible are: {', '.join(_CHOICES[name].values)}.", field=name)
    if name == "slug" and not _SLUG.fullmatch(value):
        raise Invalid("A slug has 1 to 60 letters, digits, - and _.", field=name)
    if name == "durations" and not (value and all(0 < minutes <= LONGEST_MINUTES for minutes in value)):
        raise Invalid("A booking lasts from a minute to 31 days.", field=name)
    if name in ("limits", "customer_limits") and not all(0 < count < 2**31 for count in value.values()):
        raise Invalid("A limit is at least 1.", field=name)


def _given(event_type: EventType) -> dict[str, Any]:
    rule, calendars = event_type.group_rule_id, event_type.calendars.values_list("pk", flat=True)
    return {"group_rule": str(rule or ""), "calendars": sorted(map(str, calendars))}


def _save(event_type: EventType, *, insert: bool = False) -> None:
    try:
        with transaction.atomic():
            event_type.save(force_insert=insert)
    except IntegrityError:
        raise Invalid("This slug is taken.", field="slug") from None


def _check_place(event_type: EventType, slug: str) -> None:
    """An organisation's event types and hosts have their pages side by side."""
    if Host.objects.for_tenant(event_type.organisation_id).filter(slug=slug).exists():
        raise Invalid("This slug is taken.", field="slug")


def _free_slug(organisation: Organisation, name: str) -> str:
    """A slug after the name that nobody has: with the next number when it is taken."""
    stem = slugify(name)[:50] or "meeting"
    taken = EventType.objects.for_tenant(organisation).filter(slug__startswith=stem).values_list("slug", flat=True)
    hosts = Host.objects.for_tenant(organisation).filter(slug__startswith=stem).values_list("slug", flat=True)
    known, number, slug = set(taken.order_by().union(hosts.order_by())), 1, stem
    while slug in known:
        number += 1
        slug = f"{stem}-{number}"
    return slug


def _give(event_type: EventType, team: Team | None, weekly: WeekMinutes | None) -> None:
    if weekly is not None:
        _give_hours(event_type, weekly)
    if team is None:
        return
    hosts = [each.host for each in team.members]
    if any(host.organisation_id != event_type.organisation_id for host in hosts) or len(set(hosts)) < len(hosts):
        raise Invalid("A team has hosts of this organisation, each once.", field="team")
    event_type.hosts.set(hosts)
    rule = event_type.group_rule
    own = rule is not None and rule.event_types.count() == 1 and not rule.scheduler_requests.exists()
    if team.is_plain and not own:
        event_type.group_rule = None
    else:
        event_type.group_rule = _rule(event_type, rule if own else None, team)
    event_type.save(update_fields=["group_rule"])


def _rule(event_type: EventType, rule: GroupRule | None, team: Team) -> GroupRule:
    """The team as a group rule: the one that is nobody else's, or a new one."""
    if rule is None:
        rule = GroupRule(organisation_id=event_type.organisation_id, name=event_type.name)
    rule.mode = GroupRule.Mode.ALL if team.everybody else GroupRule.Mode.ANY
    rule.save()
    rule.members.exclude(host__in=[each.host for each in team.members]).delete()
    for each in team.members:
        GroupMember.everywhere.update_or_create(
            rule=rule,
            host=each.host,
            defaults={"priority": each.priority, "weight": each.weight},
            create_defaults={
                "organisation_id": rule.organisation_id,
                "priority": each.priority,
                "weight": each.weight,
            },
        )
    return rule


def _give_hours(event_type: EventType, weekly: WeekMinutes) -> None:
    days = _tidied(weekly)
    schedule = event_type.schedule
    if not any(days):
        event_type.schedule = None
    elif schedule is not None and _is_own(event_type, schedule):
        schedule.weekly = days
        schedule.save(update_fields=["weekly"])
    else:
        event_type.schedule = Schedule.everywhere.create(
            organisation_id=event_type.organisation_id, name=event_type.name[:100], weekly=days
        )
    event_type.save(update_fields=["schedule"])


def _is_own(event_type: EventType, schedule: Schedule) -> bool:
    others = EventType.everywhere.filter(schedule=schedule).exclude(pk=event_type.pk)
    return not others.exists() and not Host.everywhere.filter(schedule=schedule).exists()


def _tidied(weekly: WeekMinutes) -> list[list[list[int]]]:
    """Each day's blocks in order, those that touch as one. Raises Invalid."""
    if weekly and len(weekly) != 7:
        raise Invalid("A week has seven days.", field="weekly")
    days: list[list[list[int]]] = []
    for blocks in weekly:
        days.append([])
        for start, end in sorted(blocks):
            if not 0 <= start < end <= MINUTES_OF_A_DAY:
                raise Invalid("Hours lie between 0:00 and 24:00, the end after the start.", field="weekly")
            if days[-1] and start <= days[-1][-1][1]:
                days[-1][-1][1] = max(end, days[-1][-1][1])
            else:
                days[-1].append([start, end])
    return days


def _summary(event_type: EventType) -> dict[str, Any]:
    return {"name": event_type.name[:100], "slug": event_type.slug, "is_active": event_type.is_active}
