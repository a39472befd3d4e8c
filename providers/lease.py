"""One worker at a time per calendar, by the database's clock.

A lease ends by itself, so a worker that dies or hangs delays its calendar and never blocks it. Compare-and-set is all
that is used: no lock is held while a provider is asked.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.db import connection
from django.db.models import Q

from bookings.models import Calendar

LEASE_S = 120


def database_now_s() -> int:
    """UTC seconds by the one clock that all workers share."""
    question = (
        "SELECT extract(epoch FROM clock_timestamp())::bigint"
        if connection.vendor == "postgresql"
        else "SELECT CAST(strftime('%s', 'now') AS INTEGER)"
    )
    with connection.cursor() as cursor:
        cursor.execute(question)
        row = cursor.fetchone()
    return int(row[0])


@dataclass(frozen=True)
class Lease:
    calendar_id: uuid.UUID
    owner: str

    def is_held(self) -> bool:
        """Whether nobody took over meanwhile; a worker that lost its lease may only report what it learnt."""
        mine: bool = Calendar.everywhere.filter(pk=self.calendar_id, lease_owner=self.owner).exists()
        return mine

    def renew(self) -> bool:
        """Count the time anew, if it is still ours."""
        until = database_now_s() + LEASE_S
        mine = Calendar.everywhere.filter(pk=self.calendar_id, lease_owner=self.owner)
        return bool(mine.update(lease_until_s=until))


@contextlib.contextmanager
def lease(calendar_id: uuid.UUID) -> Iterator[Lease | None]:
    """Hold a calendar for LEASE_S seconds, or get None when somebody else works on it."""
    taken = _take(calendar_id)
    try:
        yield taken
    finally:
        if taken is not None:
            mine = Calendar.everywhere.filter(pk=calendar_id, lease_owner=taken.owner)
            mine.update(lease_owner="", lease_until_s=0)


def _take(calendar_id: uuid.UUID) -> Lease | None:
    owner = f"{_machine()}:{os.getpid()}:{secrets.token_hex(6)}"
    now = database_now_s()
    rows = Calendar.everywhere.filter(pk=calendar_id)
    free = Q(lease_owner="") | Q(lease_until_s__lt=now)
    holder = rows.values_list("lease_owner", flat=True).first()
    if holder and _is_dead(holder):
        free |= Q(lease_owner=holder)
    taken = rows.filter(free).update(lease_owner=owner, lease_until_s=now + LEASE_S)
    return Lease(calendar_id, owner) if taken else None


def _is_dead(owner: str) -> bool:
    """Whether the holder was a process of this very machine that is no more; elsewhere its time has to pass."""
    machine, _, rest = owner.partition(":")
    pid = rest.partition(":")[0]
    if not machine or machine != _machine() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


@cache
def _machine() -> str:
    """A name for this boot and process table, so that containers do not take each other's processes for theirs."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
        table = os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""  # not Linux: nobody is ever taken for dead
    return hashlib.sha256(f"{boot}{table}".encode()).hexdigest()[:12]
