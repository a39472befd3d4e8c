"""Who takes a booking when more hosts are free than it needs, and why: the reason is kept with the booking."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Q
from django.utils.timezone import now as utc_now

from bookings.domain.terms import Terms
from bookings.models import Claim, Host

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Assignment:
    hosts: tuple[Host, ...]
    why: dict[str, Any]

    def with_hosts(self, fresh: dict[uuid.UUID, Host]) -> Assignment:
        """The same assignment with the hosts as they were read under their locks."""
        return replace(self, hosts=tuple(fresh[host.pk] for host in self.hosts))


def assign(terms: Terms, free: Sequence[Host]) -> Assignment:
    """By priority, then by the smallest share of the window's bookings for the weight, then the longest without one.

    Call under the hosts' locks, so that the counts are those that the next caller builds on.
    """
    if terms.required >= len(free):
        return Assignment(tuple(free), {"rule": "everyone_needed"})
    preference = dict(zip((host.pk for host in terms.hosts), terms.preference, strict=False))
    load = _load(free, terms.fairness_days)

    def rank(host: Host) -> tuple[int, float, datetime, str]:
        priority, weight = preference.get(host.pk, (0, 100))
        count, last = load[host.pk]
        return -priority, count / max(weight, 1), last or _NEVER, str(host.pk)

    ranked = sorted(free, key=rank)
    candidates = [{"host": str(host.pk), "bookings": load[host.pk][0]} for host in ranked]
    why = {"rule": "priority_share_idle", "days": terms.fairness_days, "candidates": candidates}
    return Assignment(tuple(ranked[: terms.required]), why)


def _load(hosts: Sequence[Host], days: int) -> dict[Any, tuple[int, datetime | None]]:
    """Bookings taken by each host since so many days ago, and when the last was given to them."""
    since = int((utc_now() - timedelta(days=days)).timestamp())
    recent = Q(claims__state=Claim.State.BOOKED, claims__start_s__gte=since)
    rows = (
        Host.everywhere.filter(pk__in=[host.pk for host in hosts])
        .annotate(count=Count("claims", filter=recent), last=Max("claims__created_at", filter=recent))
        .values_list("pk", "count", "last")
    )
    return {pk: (count, last) for pk, count, last in rows}
