"""Counting what is limited: one statement that every process sees, on either database."""

from __future__ import annotations

import time

from django.db import connection

from bookings.models import Tally

_KEPT_S = 2 * 86_400


def count(name: str, window_s: int) -> int:
    """One more of this in the running window; returns how many it is now. Safe when many count at once."""
    table = Tally._meta.db_table
    sql = (
        f"INSERT INTO {table} (name, since_s, count) VALUES (%s, %s, 1) ON CONFLICT (name) DO UPDATE SET"
        f" count = CASE WHEN {table}.since_s = excluded.since_s THEN {table}.count + 1 ELSE 1 END,"
        " since_s = excluded.since_s RETURNING count"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [name, begun_s(window_s)])
        return int(cursor.fetchone()[0])


def counted(name: str, window_s: int) -> int:
    """How many it is in the running window, without counting."""
    found = Tally.objects.filter(name=name, since_s=begun_s(window_s)).values_list("count", flat=True).first()
    return found or 0


def begun_s(window_s: int) -> int:
    """When the running window of this length began, in UTC seconds."""
    return int(time.time()) // window_s * window_s


def tidy() -> None:
    """Forget what was counted days ago."""
    Tally.objects.filter(since_s__lt=int(time.time()) - _KEPT_S).delete()
