"""The host locks: whoever writes a host's time queues here first."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.db import connection
from django.db.transaction import TransactionManagementError

from bookings.models import Claim, Host, Override

from .errors import NotFound
from .statements import Query

_RELATED = ("schedule", "booking_calendar", "booking_calendar__account")
_HOSTS = Query(Host, *_RELATED, lock=True)
_HOSTS_AND_STAND_INS = Query(
    Host,
    *_RELATED,
    where='"root"."id" IN ({ids} UNION SELECT redirect_to_id'  # noqa: S608
    f" FROM {Override._meta.db_table} WHERE redirect_to_id IS NOT NULL AND host_id IN ({{ids}}))",
    lock=True,
)
_HOSTS_OF = Query(
    Host,
    where=f'"root"."id" IN (SELECT host_id FROM {Claim._meta.db_table} WHERE booking_id {{among}})',  # noqa: S608
    lock=True,
)


def lock_hosts(host_ids: Iterable[uuid.UUID], *, stand_ins: bool = False) -> list[Host]:
    """Lock these hosts until the transaction ends and return them fresh, in id order (so nobody deadlocks), with their
    schedules and booking calendars.

    On SQLite the transaction itself, begun IMMEDIATE, is the lock. On PostgreSQL the rows are locked FOR NO KEY
    UPDATE: it excludes every other caller, but not inserts that merely point at the host.

    :param stand_ins: lock and return as well the colleagues to whom any of them redirects while away.
    :raises NotFound: when one of them does not exist.
    :raises TransactionManagementError: outside a transaction, where a lock would be let go at once.
    """
    if not connection.in_atomic_block:
        raise TransactionManagementError("Hosts are locked inside a transaction.")
    wanted = set(host_ids)
    hosts = _HOSTS_AND_STAND_INS(wanted) if stand_ins else _HOSTS(wanted)
    if wanted - {host.pk for host in hosts}:
        raise NotFound("This host does not exist.")
    return hosts


def lock_hosts_of(booking_ids: Iterable[uuid.UUID]) -> None:
    """Lock, as `lock_hosts` does, everybody whose time these bookings take or took."""
    _HOSTS_OF(booking_ids)
