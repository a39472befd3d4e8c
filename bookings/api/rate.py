"""How many calls a key may make in a minute, counted in the database so that all processes count together."""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass
from threading import Lock

from django.core.cache import cache
from django.db import DatabaseError, transaction

from bookings.api.refusals import Refusal
from bookings.domain import keys
from bookings.models import ApiKey

logger = logging.getLogger(__name__)

WINDOW_S = 60
_local: Counter[tuple[str, int]] = Counter()
_local_lock = Lock()


@dataclass(frozen=True)
class Allowance:
    """What a key has left in the running minute. `reset_s` is the UTC second at which the next one begins."""

    limit: int
    used: int
    reset_s: int

    @property
    def headers(self) -> dict[str, str]:
        left = max(0, self.limit - self.used)
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Reset": str(self.reset_s),
        }

    def require(self) -> None:
        """Raise Refusal 429 when this call was one too many."""
        if self.used > self.limit:
            wait = max(1, self.reset_s - int(time.time()))
            message = f"More than {self.limit} requests in a minute. Try again in {wait} seconds."
            raise Refusal(429, "rate_limited", message, headers={"Retry-After": str(wait)})


def spend(key: ApiKey, limit: int) -> Allowance:
    """Count one call of this key, and note that the key is in use.

    Without the shared count (its table missing or the database failing) each process counts for itself: the limit
    gets looser by the number of processes, it never goes away.
    """
    window = int(time.time()) // WINDOW_S
    try:
        used = _count_together(key, window)
    except DatabaseError:
        logger.warning("API calls cannot be counted in the database; this process counts its own", exc_info=True)
        used = _count_alone(key, window)
    return Allowance(limit, used, (window + 1) * WINDOW_S)


def _count_together(key: ApiKey, window: int) -> int:
    name = f"api-calls:{key.pk}:{window}"
    with transaction.atomic():
        # One row is locked so that calls of one key are counted one after another. On SQLite the transaction does it.
        ApiKey.everywhere.select_for_update(no_key=True).filter(pk=key.pk).values_list("pk").first()
        used = int(cache.get(name, 0)) + 1
        cache.set(name, used, 2 * WINDOW_S)
        keys.note_use(key)
    return used


def _count_alone(key: ApiKey, window: int) -> int:
    with _local_lock:
        for counted in [entry for entry in _local if entry[1] != window]:
            del _local[counted]
        _local[(str(key.pk), window)] += 1
        return _local[(str(key.pk), window)]
