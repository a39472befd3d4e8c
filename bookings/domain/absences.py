"""Days on which a host's weekly hours do not hold: other hours, closed, out of office, in another time zone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db import transaction

from bookings.engine.intervals import union
from bookings.engine.zones import canonical
from bookings.formats.lines import clean
from bookings.models import Host, Override

from .audit import Actor, record
from .errors import Invalid
from .hosts import MOST_OVERRIDES
from .locks import lock_hosts

_LONGEST_DAYS = 3 * 366
_YEARS = range(1971, 9000)


@transaction.atomic
def add(
    host: Host,
    *,
    kind: str,
    first_day: date,
    last_day: date,
    actor: Actor,
    blocks: Sequence[tuple[int, int]] = (),
    timezone: str = "",
    redirect_to: Host | None = None,
    note: str = "",
) -> Override:
    """Say something of some local days, the last included. What is booked on them stays.

    `blocks` (minutes of the day) belong to other hours, `timezone` (IANA) to travel, and `redirect_to`, a colleague who
    is asked instead, to out of office.

    Raises Invalid (fields kind, first_day, last_day, blocks, timezone, redirect_to, note).
    """
    row = Override(organisation_id=host.organisation_id, host=host, kind=kind)
    row.first_day, row.last_day, row.note = first_day, last_day, clean(note).strip()
    _check_days(row)
    row.blocks = _blocks(blocks) if kind == Override.Kind.HOURS else []
    row.timezone = _zone(timezone) if kind == Override.Kind.TRAVEL else ""
    row.redirect_to = _colleague(host, redirect_to) if kind == Override.Kind.LEAVE else None
    lock_hosts([host.pk])
    if Override.everywhere.filter(host=host).count() >= MOST_OVERRIDES:
        raise Invalid(f"At most {MOST_OVERRIDES:,} stretches of days are possible.", field="first_day")
    row.save(force_insert=True)
    record(actor, "host.days_changed", host, after=_summary(row))
    return row


@transaction.atomic
def remove(row: Override, *, actor: Actor) -> None:
    """Let the weekly hours hold on those days again."""
    lock_hosts([row.host_id])
    record(actor, "host.days_changed", row.host, before=_summary(row))
    row.delete()


def _check_days(row: Override) -> None:
    if row.kind not in Override.Kind.values:
        raise Invalid(f"Possible are: {', '.join(Override.Kind.values)}.", field="kind")
    if row.first_day.year not in _YEARS:
        raise Invalid("This day cannot be used.", field="first_day")
    if not 0 <= (row.last_day - row.first_day).days <= _LONGEST_DAYS:
        raise Invalid("The last day comes after the first, within three years.", field="last_day")
    if len(row.note) > 200:
        raise Invalid("At most 200 characters are possible here.", field="note")


def _blocks(blocks: Sequence[tuple[int, int]]) -> list[list[int]]:
    if not blocks or not all(0 <= start < end <= 1440 for start, end in blocks):
        raise Invalid("Hours end after they begin, within one day.", field="blocks")
    return [[start, end] for start, end in union(blocks)]


def _zone(timezone: str) -> str:
    known = canonical(timezone)
    if known is None:
        raise Invalid("This is not a time zone we know.", field="timezone")
    return known


def _colleague(host: Host, colleague: Host | None) -> Host | None:
    if colleague is not None and (colleague.organisation_id != host.organisation_id or colleague.pk == host.pk):
        raise Invalid("Only a colleague can be asked instead.", field="redirect_to")
    return colleague


def _summary(row: Override) -> dict[str, Any]:
    told = {"kind": row.kind, "first_day": row.first_day.isoformat(), "last_day": row.last_day.isoformat()}
    return told | {"redirect_to": row.redirect_to.name if row.redirect_to else "", "note": row.note}
