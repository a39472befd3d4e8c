"""Verbs for hosts and their calendars' settings."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import date
from typing import NamedTuple

import holidays
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.utils.text import slugify

from bookings.domain.accounts import ensure_local
from bookings.domain.audit import Actor, record
from bookings.domain.calendar import rebuild_busy
from bookings.domain.errors import Invalid
from bookings.domain.event_rows import is_address
from bookings.domain.locks import lock_hosts
from bookings.engine.intervals import union
from bookings.engine.zones import DAY, canonical
from bookings.formats.lines import clean
from bookings.models import Calendar, EventType, Host, Opening, Organisation, Override, Schedule
from bookings.models.hosts import office_hours

Weekly = list[list[list[int]]]
"""Seven days, Monday first, each a list of [start, end] in minutes of the local day."""


class DayHours(NamedTuple):
    """Hours of some local days, the last included, in place of the weekly ones; no blocks close them."""

    first: date
    last: date
    blocks: tuple[tuple[int, int], ...] = ()


LONGEST_OPENING = 366 * DAY
MOST_OPENINGS = 5_000
MOST_OVERRIDES = 1_000


@transaction.atomic
def create(
    organisation: Organisation,
    *,
    name: str,
    timezone: str,
    actor: Actor,
    email: str = "",
    weekly: Weekly | None = None,
    kind: str = Host.Kind.PERSON,
) -> Host:
    """Make a host with hours of their own (office hours when none are given) and a calendar on this server.

    Raises Invalid (fields name, email, timezone, weekly).
    """
    host = Host(organisation=organisation, kind=kind, timezone=_zone(timezone), slug=_free_slug(organisation, name))
    _fill(host, name, email)
    hours = office_hours() if weekly is None else _checked(weekly)
    host.schedule = Schedule.everywhere.create(organisation=organisation, name=host.name[:100], weekly=hours)
    host.save(force_insert=True)
    ensure_local(host)
    record(actor, "host.created", host, after={"name": host.name})
    return host


@transaction.atomic
def change(host: Host, *, actor: Actor, name: str | None = None, email: str | None = None) -> Host:
    """Call a host otherwise; None leaves as it is. Raises Invalid (fields name, email)."""
    before = {"name": host.name, "email": host.email}
    _fill(host, host.name if name is None else name, host.email if email is None else email)
    after = {"name": host.name, "email": host.email}
    if before != after:
        host.save(update_fields=["name", "email"])
        record(actor, "host.changed", host, before=before, after=after)
    return host


@transaction.atomic
def belong_to(host: Host, user: AbstractBaseUser | None, *, actor: Actor) -> None:
    """Say as whom a host signs in, or that nobody does; twice is once."""
    before, after = host.user_id, user.pk if user else None
    if before != after:
        host.user_id = after
        host.save(update_fields=["user"])
        record(actor, "host.changed", host, before={"user": before}, after={"user": after})


@transaction.atomic
def set_rules(
    host: Host,
    *,
    actor: Actor,
    limits: dict[str, int],
    holiday_country: str,
    holiday_region: str,
    stale_after_minutes: int,
    room_url: str,
) -> Host:
    """Say what else holds for a host: at most so many bookings {"day", "week", "month"}, the public holidays of a
    country (ISO 3166) and its region, how old what is known of calendars may be, and the video room.

    Raises Invalid with the field's name.
    """
    _check_rules(limits, holiday_country, holiday_region, stale_after_minutes, room_url)
    lock_hosts([host.pk])
    told: dict[str, object] = {"limits": limits, "holiday_country": holiday_country, "holiday_region": holiday_region}
    told |= {"stale_after_minutes": stale_after_minutes, "room_url": room_url}
    before = {name: getattr(host, name) for name in told}
    if before == told:
        return host
    for name, value in told.items():
        setattr(host, name, value)
    host.save(update_fields=list(told))
    record(actor, "host.rules_changed", host, before=before, after=told)
    return host


@transaction.atomic
def reinstate(host: Host, *, actor: Actor) -> None:
    """Take bookings again for a host who had been retired. Twice is once."""
    if Host.everywhere.filter(pk=host.pk, is_active=False).update(is_active=True):
        record(actor, "host.reinstated", host, after={"name": host.name})
    host.is_active = True


@transaction.atomic
def retire(host: Host, *, actor: Actor) -> None:
    """Take no more bookings for a host, whose keys end with that. What was booked stays. Twice is once."""
    if Host.everywhere.filter(pk=host.pk, is_active=True).update(is_active=False):
        record(actor, "host.retired", host, before={"name": host.name})
    host.is_active = False


@transaction.atomic
def move_to_zone(host: Host, tzid: str, *, actor: Actor) -> Host:
    """Let a host live in another IANA zone: hours keep their wall times, all-day and floating events are placed anew.

    Bookings keep their instants. Raises Invalid (field timezone).
    """
    known = canonical(tzid)
    if known is None:
        raise Invalid("This is not a time zone we know.", field="timezone")
    before = Host.everywhere.get(pk=host.pk).timezone
    host.timezone = known
    host.save(update_fields=["timezone"])
    rebuild_busy(Calendar.everywhere.select_related("account__host").filter(account__host=host, timezone=""))
    if before != known:
        record(actor, "host.zone_changed", host, before={"timezone": before}, after={"timezone": known})
    return host


@transaction.atomic
def move_calendar_to_zone(calendar: Calendar, tzid: str, *, actor: Actor) -> Calendar:
    """Read a calendar's all-day and floating events in this IANA zone; empty means the host's. Raises Invalid."""
    known = canonical(tzid) if tzid else ""
    if known is None:
        raise Invalid("This is not a time zone we know.", field="timezone")
    before = Calendar.everywhere.get(pk=calendar.pk).timezone
    calendar.timezone = known
    calendar.save(update_fields=["timezone"])
    rebuild_busy([calendar])
    if before != known:
        record(actor, "calendar.zone_changed", calendar, before={"timezone": before}, after={"timezone": known})
    return calendar


@transaction.atomic
def set_schedule(host: Host, weekly: Weekly, *, actor: Actor) -> Host:
    """Give a host other weekly hours. Colleagues who share the schedule keep what they have. Raises Invalid (field
    weekly)."""
    weekly = _checked(weekly)
    lock_hosts([host.pk])
    schedule = host.schedule
    before = schedule.weekly
    if before == weekly:
        return host
    if _is_shared(schedule, host):
        host.schedule = Schedule.everywhere.create(
            organisation_id=host.organisation_id, name=host.name[:100], weekly=weekly
        )
        host.save(update_fields=["schedule"])
    else:
        schedule.weekly = weekly
        schedule.save(update_fields=["weekly"])
    record(actor, "host.hours_changed", host, before={"weekly": before}, after={"weekly": weekly})
    return host


@transaction.atomic
def set_days(host: Host, days: Sequence[DayHours], *, note: str, actor: Actor) -> None:
    """Give a host other hours on some local days, in place of those that were said under this note before.

    Raises Invalid (fields days, note).
    """
    if len(days) > MOST_OVERRIDES:
        raise Invalid(f"At most {MOST_OVERRIDES:,} stretches of days are possible.", field="days")
    if not 0 < len(note) <= 200:
        raise Invalid("A note has 1 to 200 characters.", field="note")
    lock_hosts([host.pk])
    mine = Override.everywhere.filter(host=host, note=note, kind__in=(Override.Kind.HOURS, Override.Kind.CLOSED))
    if not days and not mine.exists():
        return
    mine.delete()
    Override.everywhere.bulk_create(
        Override(
            organisation_id=host.organisation_id,
            host=host,
            kind=Override.Kind.HOURS if each.blocks else Override.Kind.CLOSED,
            first_day=each.first,
            last_day=each.last,
            blocks=[list(block) for block in each.blocks],
            note=note,
        )
        for each in days
    )
    record(actor, "host.days_changed", host, after={"note": note, "stretches": len(days)})


@transaction.atomic
def open_between(
    host: Host, start_s: int, end_s: int, *, actor: Actor, timezone: str = "UTC", opening: Opening | None = None
) -> Opening:
    """Let a host be had in one stretch of time besides the schedule, or change such an opening. UTC seconds.

    Raises Invalid (fields start_s, end_s, timezone).
    """
    if not 0 < end_s - start_s <= LONGEST_OPENING:
        raise Invalid("The end must be after the start, and within a year of it.", field="end_s")
    told = {"start_s": start_s, "end_s": end_s, "weekly": [], "timezone": _zone(timezone)}
    return _save(host, opening, told, actor)


@transaction.atomic
def open_weekly(
    host: Host,
    weekly: Weekly,
    *,
    timezone: str,
    actor: Actor,
    calendars: Collection[uuid.UUID] = (),
    opening: Opening | None = None,
) -> Opening:
    """Let a host be had in these hours of every week besides the schedule, or change such an opening.

    Raises Invalid (fields weekly, timezone).
    """
    told = {"start_s": None, "end_s": None, "weekly": _checked(weekly), "timezone": _zone(timezone)}
    return _save(host, opening, told | {"calendars": [str(each) for each in calendars]}, actor)


@transaction.atomic
def close(opening: Opening, *, actor: Actor) -> None:
    """Take an opening back. What was booked in it stays."""
    lock_hosts([opening.host_id])
    record(actor, "opening.closed", opening, before={"host": str(opening.host_id)})
    opening.delete()


def _is_shared(schedule: Schedule, host: Host) -> bool:
    others = Host.everywhere.filter(schedule=schedule).exclude(pk=host.pk)
    return others.exists() or EventType.everywhere.filter(schedule=schedule).exists()


def _save(host: Host, opening: Opening | None, told: dict[str, object], actor: Actor) -> Opening:
    lock_hosts([host.pk])
    made = opening is None
    if opening is None:
        if Opening.objects.for_tenant(host.organisation_id).filter(host=host).count() >= MOST_OPENINGS:
            raise Invalid(f"A host has at most {MOST_OPENINGS:,} openings.", field="host")
        opening = Opening(organisation_id=host.organisation_id, host=host)
    for name, value in told.items():
        setattr(opening, name, value)
    opening.save()
    record(actor, "opening.made" if made else "opening.changed", opening, after={"host": str(host.pk), **told})
    return opening


def _check_rules(limits: dict[str, int], country: str, region: str, stale_after_minutes: int, room_url: str) -> None:
    if not all(0 < count < 2**31 for count in limits.values()):
        raise Invalid("A limit is at least 1.", field="limits")
    regions = holidays.list_supported_countries()
    if country and country not in regions:
        raise Invalid("The public holidays of this country are not known here.", field="holiday_country")
    if region and region not in regions.get(country, ()):
        raise Invalid("This country has no such region.", field="holiday_region")
    if not 1 <= stale_after_minutes <= 525_600:
        raise Invalid("Possible are a minute to a year.", field="stale_after_minutes")
    if room_url and not room_url.lower().startswith(("https://", "http://")):
        raise Invalid("A link begins with https://.", field="room_url")
    if len(room_url) > 1000:
        raise Invalid("At most 1000 characters are possible here.", field="room_url")


def _fill(host: Host, name: str, email: str) -> None:
    host.name, host.email = clean(name).strip(), email.strip()
    for field, longest in (("name", 200), ("email", 254)):
        if len(getattr(host, field)) > longest:
            raise Invalid(f"At most {longest} characters are possible here.", field=field)
    if not host.name:
        raise Invalid("A name is needed.", field="name")
    if host.email and not is_address(host.email):
        raise Invalid("This is not a mail address.", field="email")


def _free_slug(organisation: Organisation, name: str) -> str:
    """A slug after the name that nobody has: with the next number when it is taken."""
    stem = slugify(name)[:50] or "host"
    taken = Host.objects.for_tenant(organisation).filter(slug__startswith=stem).values_list("slug", flat=True)
    types = EventType.objects.for_tenant(organisation).filter(slug__startswith=stem).values_list("slug", flat=True)
    known, number, slug = set(taken.order_by().union(types.order_by())), 1, stem
    while slug in known:
        number += 1
        slug = f"{stem}-{number}"
    return slug


def _zone(tzid: str) -> str:
    known = canonical(tzid)
    if known is None:
        raise Invalid("This is not a time zone we know.", field="timezone")
    return known


def _checked(weekly: Weekly) -> Weekly:
    """The blocks of each day in order, those that touch made one."""
    if len(weekly) != 7:
        raise Invalid("A week has seven days.", field="weekly")
    if not all(0 <= start < end <= 1440 for day in weekly for start, end in day):
        raise Invalid("Hours end after they begin, within one day.", field="weekly")
    return [[[start, end] for start, end in union((start, end) for start, end in day)] for day in weekly]
