"""How many calls a key may make in a minute, and how many wrong credentials an address may show, counted in the
database so that all processes count together."""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass
from threading import Lock

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest

from bookings import addresses
from bookings.api.refusals import Refusal
from bookings.domain import keys, limits
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
            raise _too_many(f"More than {self.limit} requests in a minute.", self.reset_s)


def spend(key: ApiKey, limit: int) -> Allowance:
    """Count one call of this key, and note that the key is in use.

    Without the shared count (its table missing or the database failing) each process counts for itself: the limit
    gets looser by the number of processes, it never goes away.
    """
    since_s = limits.begun_s(WINDOW_S)
    try:
        used = limits.count(f"api-calls:{key.pk}", WINDOW_S)
        keys.note_use(key)
    except DatabaseError:
        logger.warning("API calls cannot be counted in the database; this process counts its own", exc_info=True)
        used = _count_alone(str(key.pk), since_s)
    return Allowance(limit, used, since_s + WINDOW_S)


def note_wrong_credential(request: HttpRequest) -> None:
    """Count an unusable credential for the address it came from. Raises Refusal 429 when it was one too many.

    Only these are counted and refused: a program with a good key never suffers from another at its address.
    """
    limit: int = settings.API_WRONG_CREDENTIALS_PER_MINUTE
    since_s, source = limits.begun_s(WINDOW_S), addresses.source(request)
    try:
        used = _count_wrong(source, limit)
    except DatabaseError:
        logger.warning(
            "wrong credentials cannot be counted in the database; this process counts its own", exc_info=True
        )
        used = _count_alone(source, since_s)
    if used == limit:
        logger.warning(
            "%s wrong API credentials in a minute from %s; more of them are answered with 429", limit, source
        )
    if used > limit:
        raise _too_many(f"More than {limit} wrong credentials in a minute from your address.", since_s + WINDOW_S)


def _too_many(message: str, reset_s: int) -> Refusal:
    wait = max(1, reset_s - int(time.time()))
    words = f"{message} Try again in {wait} seconds."
    return Refusal(429, "rate_limited", words, headers={"Retry-After": str(wait)})


def _count_wrong(source: str, limit: int) -> int:
    """How many it is now; beyond the limit nothing is written any more."""
    name = f"api-wrong:{source}"
    if limits.counted(name, WINDOW_S) >= limit:
        return limit + 1
    return limits.count(name, WINDOW_S)


def _count_alone(whose: str, since_s: int) -> int:
    with _local_lock:
        for counted in [entry for entry in _local if entry[1] != since_s]:
            del _local[counted]
        _local[(whose, since_s)] += 1
        return _local[(whose, since_s)]
