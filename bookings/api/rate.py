"""How many calls a key may make in a minute, and how many wrong credentials an address may show, counted in the
database so that all processes count together."""

from __future__ import annotations

import ipaddress
import logging
import time
from collections import Counter
from dataclasses import dataclass
from threading import Lock

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest

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
            raise _too_many(f"More than {self.limit} requests in a minute.", self.reset_s)


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
        used = _count_alone(str(key.pk), window)
    return Allowance(limit, used, (window + 1) * WINDOW_S)


def note_wrong_credential(request: HttpRequest) -> None:
    """Count an unusable credential for the address it came from. Raises Refusal 429 when it was one too many.

    Only these are counted and refused: a program with a good key never suffers from another at its address.
    """
    limit: int = settings.API_WRONG_CREDENTIALS_PER_MINUTE
    window = int(time.time()) // WINDOW_S
    source = _source(request)
    try:
        used = _count_wrong_together(source, window, limit)
    except DatabaseError:
        logger.warning(
            "wrong credentials cannot be counted in the database; this process counts its own", exc_info=True
        )
        used = _count_alone(source, window)
    if used == limit:
        logger.warning(
            "%s wrong API credentials in a minute from %s; more of them are answered with 429", limit, source
        )
    if used > limit:
        raise _too_many(f"More than {limit} wrong credentials in a minute from your address.", (window + 1) * WINDOW_S)


def _too_many(message: str, reset_s: int) -> Refusal:
    wait = max(1, reset_s - int(time.time()))
    words = f"{message} Try again in {wait} seconds."
    return Refusal(429, "rate_limited", words, headers={"Retry-After": str(wait)})


def _count_together(key: ApiKey, window: int) -> int:
    name = f"api-calls:{key.pk}:{window}"
    with transaction.atomic():
        # One row is locked so that calls of one key are counted one after another. On SQLite the transaction does it.
        ApiKey.everywhere.select_for_update(no_key=True).filter(pk=key.pk).values_list("pk").first()
        used = _one_more(name)
        keys.note_use(key)
    return used


def _count_wrong_together(source: str, window: int, limit: int) -> int:
    """How many it is now; beyond the limit nothing is written any more."""
    name = f"api-wrong:{source}:{window}"
    if int(cache.get(name, 0)) >= limit:
        return limit + 1
    with transaction.atomic():
        if connection.vendor == "postgresql":  # there is no row to lock; on SQLite the transaction is the lock
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        return _one_more(name)


def _one_more(name: str) -> int:
    used = int(cache.get(name, 0)) + 1
    cache.set(name, used, 2 * WINDOW_S)
    return used


def _count_alone(whose: str, window: int) -> int:
    with _local_lock:
        for counted in [entry for entry in _local if entry[1] != window]:
            del _local[counted]
        _local[(whose, window)] += 1
        return _local[(whose, window)]


def _source(request: HttpRequest) -> str:
    """The address of the client as the sign-in page sees it; of IPv6 the network, in which one client has them all."""
    try:
        address = ipaddress.ip_address(get_adapter().get_client_ip(request))
    except PermissionDenied:
        return "unknown"  # a Unix socket has none
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
