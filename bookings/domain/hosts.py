"""Verbs for hosts and their calendars' settings."""

from __future__ import annotations

from django.db import transaction

from bookings.domain.audit import Actor, record
from bookings.domain.calendar import rebuild_busy
from bookings.domain.errors import Invalid
from bookings.engine.zones import canonical
from bookings.models import Calendar, Host


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
