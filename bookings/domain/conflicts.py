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
    """Set or clear the conflict of every coming booking of a host. Call in the transaction that wrote busy rows.

    Bookings forced over taken time on request are left alone, and so are conflicts of other kinds.
    """
    now = int(time.time())
    claims = list(
        Claim.everywhere.filter(host_id=host_id, state=Claim.State.BOOKED, end_s__gt=now, booking__forced=False)
        .exclude(booking=None)
        .values_list("booking_id", "start_s", "end_s")
    )
    if not claims:
        return
    taken = _blocking(host_id, min(claim[1] for claim in claims), max(claim[2] for claim in claims))
    starts = [stretch[0] for stretch in taken]
    found: dict[uuid.UUID, dict[str, Any]] = {}
    for booking, start, end in claims:
        near = taken[bisect_left(starts, start - LONGEST_BUSY) : bisect_left(starts, end)]
        if hit := next((stretch for stretch in near if stretch[1] > start), None):
            found[booking] = {"kind": KIND, "event": str(hit[2]), "start_s": hit[0], "end_s": hit[1]}
    for booking in Booking.everywhere.filter(pk__in=[claim[0] for claim in claims]).only("id", "conflict"):
        if booking.conflict and booking.conflict.get("kind") != KIND:
            continue
        if booking.conflict != found.get(booking.pk, {}):
            Booking.everywhere.filter(pk=booking.pk).update(conflict=found.get(booking.pk, {}))


def _blocking(host_id: uuid.UUID, lo: int, hi: int) -> list[tuple[int, int, uuid.UUID]]:
    """(start, end, event id) of what makes the host busy by its calendars' policies, by start."""
    rows = Busy.everywhere.filter(
        host_id=host_id, start_s__lt=hi, start_s__gt=lo - LONGEST_BUSY - 1, end_s__gt=lo, calendar__blocks=True
    ).select_related("calendar")
    blocking = [row for row in rows if (flag := _POLICY[row.kind]) is None or getattr(row.calendar, flag)]
    return sorted((row.start_s, row.end_s, row.event_id) for row in blocking)
