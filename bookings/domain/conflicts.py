"""Bookings that something in a calendar landed on later: flagged for people to decide, never cancelled."""

from __future__ import annotations

import time
import uuid
from bisect import bisect_left
from typing import Any

from bookings.models import Booking, Busy, Claim
from bookings.models.ledger import LONGEST_BUSY

KIND = "calendar_event"
_POLICY = {"busy": None, "tentative": "tentative_blocks", "free": "free_blocks", "away": "away_blocks"}


def refresh(host_id: uuid.UUID) -> None:
    """Set or clear what this host's calendars put over each of the host's coming bookings.

    Call in the transaction that wrote busy rows, under the host's lock. A meeting of several hosts keeps what was found
    for each of them: `conflict` tells the earliest, and all of them under "hosts". Bookings forced over taken time on
    request are left alone, and so are conflicts of other kinds.
    """
    found = _landed(host_id)
    if not found:
        return
    told = dict(Booking.everywhere.filter(pk__in=found).values_list("pk", "conflict"))
    concerned = [pk for pk, hit in found.items() if hit or told.get(pk)]
    # Rows are locked in one order and read again: another host of the same meeting may be writing its part.
    rows = Booking.everywhere.select_for_update(no_key=True).filter(pk__in=concerned).order_by("pk")
    for booking in rows.only("id", "conflict") if concerned else ():
        if booking.conflict and booking.conflict.get("kind") != KIND:
            continue
        now = _with_part(booking.conflict, str(host_id), found[booking.pk])
        if now != booking.conflict:
            Booking.everywhere.filter(pk=booking.pk).update(conflict=now)


def _landed(host_id: uuid.UUID) -> dict[uuid.UUID, dict[str, Any]]:
    """Each coming booking of a host, with the first event that lies over it; an empty dictionary where none does."""
    claims = list(
        Claim.everywhere.filter(
            host_id=host_id, state=Claim.State.BOOKED, end_s__gt=int(time.time()), booking__forced=False
        )
        .exclude(booking=None)
        .values_list("booking_id", "start_s", "end_s")
    )
    if not claims:
        return {}
    taken = _blocking(host_id, min(claim[1] for claim in claims), max(claim[2] for claim in claims))
    starts = [stretch[0] for stretch in taken]
    found: dict[uuid.UUID, dict[str, Any]] = {}
    for booking, start, end in claims:
        near = taken[bisect_left(starts, start - LONGEST_BUSY) : bisect_left(starts, end)]
        hit = next((stretch for stretch in near if stretch[1] > start), None)
        found[booking] = {"event": str(hit[2]), "start_s": hit[0], "end_s": hit[1]} if hit else {}
    return found


def _with_part(conflict: dict[str, Any], host: str, hit: dict[str, Any]) -> dict[str, Any]:
    parts = {key: part for key, part in conflict.get("hosts", {}).items() if key != host}
    if hit:
        parts[host] = hit
    if not parts:
        return {}
    return {"kind": KIND, **min(parts.values(), key=lambda part: part["start_s"]), "hosts": parts}


def _blocking(host_id: uuid.UUID, lo: int, hi: int) -> list[tuple[int, int, uuid.UUID]]:
    """(start, end, event id) of what makes the host busy by its calendars' policies, by start."""
    rows = Busy.everywhere.filter(
        host_id=host_id, start_s__lt=hi, start_s__gt=lo - LONGEST_BUSY - 1, end_s__gt=lo, calendar__blocks=True
    ).select_related("calendar")
    blocking = [row for row in rows if (flag := _POLICY[row.kind]) is None or getattr(row.calendar, flag)]
    return sorted((row.start_s, row.end_s, row.event_id) for row in blocking)
