"""The host locks: whoever writes a host's time queues here first."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.db import connection
from django.db.transaction import TransactionManagementError

from bookings.models import Host

from .errors import NotFound


def lock_hosts(host_ids: Iterable[uuid.UUID]) -> list[Host]:
    """Lock these hosts until the transaction ends and return them fresh, in id order (so nobody deadlocks), with their
    schedules and booking calendars.

    On SQLite the transaction itself, begun IMMEDIATE, is the lock. On PostgreSQL the rows are locked FOR NO KEY
    UPDATE: it excludes every other caller, but not inserts that merely point at the host.

    :raises NotFound: when one of them does not exist.
    :raises TransactionManagementError: outside a transaction, where a lock would be let go at once.
    """
    if not connection.in_atomic_block:
        raise TransactionManagementError("Hosts are locked inside a transaction.")
    wanted = set(host_ids)
    found = Host.everywhere.select_related("schedule", "booking_calendar__account").filter(pk__in=wanted)
    hosts: list[Host] = list(found.order_by("pk").select_for_update(no_key=True, of=("self",)))
    if len(hosts) != len(wanted):
        raise NotFound("This host does not exist.")
    return hosts
