"""The reads of a decision in plain SQL: the same few statements for any number of hosts, integers out of the database.

They are the hottest reads of the product. Building them through the ORM costs several times what they take to run
(`python -m tests.benchmarks`), so here they are spelled out, for both databases. Times are UTC seconds.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import orjson
from django.db import connection

from bookings.engine.intervals import Interval
from bookings.models import Account, Busy, Calendar, Claim, Override
from bookings.models.ledger import LONGEST_BUSY, LONGEST_CLAIM

_BUSY, _CLAIM = Busy._meta.db_table, Claim._meta.db_table
_CALENDAR, _ACCOUNT, _OVERRIDE = Calendar._meta.db_table, Account._meta.db_table, Override._meta.db_table

_AMONG = {"sqlite": "IN (SELECT value FROM json_each(%s))", "postgresql": "= ANY(%s)"}
_LIST = {"sqlite": "json_group_array({})", "postgresql": "array_agg({})"}
_TEXT = {"sqlite": "{}", "postgresql": "replace({}::text, '-', '')"}


@dataclass(frozen=True, slots=True)
class CalendarRow:
    """What a decision needs to know of a calendar. `kinds`: the classes of events that block."""

    id: uuid.UUID
    host: uuid.UUID
    kinds: frozenset[str]
    blocks: bool
    local: bool
    verified_s: int | None
    expanded_until_s: int

    @property
    def is_plain(self) -> bool:
        return self.kinds == PLAIN


PLAIN = frozenset({"busy", "tentative", "away"})
"""The classes that block unless a calendar says otherwise."""


@dataclass(frozen=True, slots=True)
class OverrideRow:
    host: uuid.UUID
    kind: str
    first: date
    last: date
    blocks: list[list[int]]
    timezone: str
    redirect_to: uuid.UUID | None


def overrides(hosts: Collection[uuid.UUID], first: date, last: date) -> list[OverrideRow]:
    """Overrides of these hosts that touch the days from first to last."""
    rows = _fetch(
        f"SELECT host_id, kind, first_day, last_day, blocks, timezone, redirect_to_id FROM {_OVERRIDE}"
        f" WHERE host_id {_among()} AND first_day <= %s AND last_day >= %s",
        [_ids(hosts), last, first],
    )
    return [
        OverrideRow(_uuid(host), kind, _date(begin), _date(end), _json(blocks), tzid, _uuid(other) if other else None)
        for host, kind, begin, end, blocks, tzid, other in rows
    ]


def calendars(hosts: Collection[uuid.UUID]) -> list[CalendarRow]:
    """Every calendar of these hosts."""
    rows = _fetch(
        "SELECT c.id, a.host_id, c.blocks, c.tentative_blocks, c.free_blocks, c.away_blocks, a.provider,"
        " c.last_verified_at, c.expanded_until_s"
        f" FROM {_CALENDAR} c JOIN {_ACCOUNT} a ON a.id = c.account_id WHERE a.host_id {_among()}",
        [_ids(hosts)],
    )
    return [
        CalendarRow(
            _uuid(pk),
            _uuid(host),
            _KINDS[bool(tentative), bool(free), bool(away)],
            bool(blocks),
            provider == "local",
            _second(verified),
            expanded,
        )
        for pk, host, blocks, tentative, free, away, provider, verified, expanded in rows
    ]


def busy(
    hosts: Collection[uuid.UUID], lo: int, hi: int, known: Iterable[CalendarRow]
) -> dict[uuid.UUID, list[Interval]]:
    """Busy time that overlaps [lo, hi), by host, of the calendars and classes that block. One row a host comes back.

    The lower bound on the start keeps history unread: no busy row is longer than LONGEST_BUSY.
    """
    condition, parameters = _blocking(list(known))
    rows = _fetch(
        f"SELECT host_id, {_list('start_s')}, {_list('end_s')} FROM {_BUSY}"
        f" WHERE host_id {_among()} AND start_s > %s AND start_s < %s AND end_s > %s AND {condition} GROUP BY host_id",
        [_ids(hosts), lo - LONGEST_BUSY - 1, hi, lo, *parameters],
    )
    found: dict[uuid.UUID, list[Interval]] = {host: [] for host in hosts}
    for host, starts, ends in rows:
        found[_uuid(host)] = list(zip(_json(starts), _json(ends), strict=True))
    return found


def claims(
    hosts: Collection[uuid.UUID], lo: int, hi: int, now: int, ignored_booking: uuid.UUID | None
) -> list[tuple[uuid.UUID, int, int, int, int]]:
    """Live claims that overlap [lo, hi): (host, start, end, padding before, padding after)."""
    rows = _fetch(
        f"SELECT host_id, start_s, end_s, pad_before_s, pad_after_s, booking_id FROM {_CLAIM}"
        f" WHERE host_id {_among()} AND start_s > %s AND start_s < %s AND end_s > %s"
        " AND state IN ('hold', 'booked') AND (state = 'booked' OR expires_s > %s)",
        [_ids(hosts), lo - LONGEST_CLAIM - 1, hi, lo, now],
    )
    return [
        (_uuid(host), start, end, before, after)
        for host, start, end, before, after, booking in rows
        if ignored_booking is None or booking is None or _uuid(booking) != ignored_booking
    ]


def release_expired_holds(hosts: Collection[uuid.UUID], now: int) -> None:
    """Let go of holds whose time is over."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {_CLAIM} SET state = 'released' WHERE host_id {_among()} AND state = 'hold' AND expires_s <= %s",
            [_ids(hosts), now],
        )


def stand_ins(hosts: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Colleagues to whom any of these hosts redirects while away."""
    rows = _fetch(
        f"SELECT redirect_to_id FROM {_OVERRIDE} WHERE host_id {_among()} AND redirect_to_id IS NOT NULL", [_ids(hosts)]
    )
    return {_uuid(other) for (other,) in rows}


def _blocking(known: list[CalendarRow]) -> tuple[str, list[Any]]:
    """Which rows count, as SQL and its parameters: mostly everything but what is marked free."""
    if not all(row.is_plain for row in known if row.blocks):
        pairs = [f"{row.id.hex}{kind}" for row in known if row.blocks for kind in row.kinds]
        return f"{_TEXT[connection.vendor].format('calendar_id')} || kind {_among()}", [_texts(pairs)]
    silent = [row.id for row in known if not row.blocks]
    if silent:
        return f"kind <> 'free' AND NOT (calendar_id {_among()})", [_ids(silent)]
    return "kind <> 'free'", []


_KINDS = {
    (tentative, free, away): frozenset(
        {"busy"}
        | ({"tentative"} if tentative else set())
        | ({"free"} if free else set())
        | ({"away"} if away else set())
    )
    for tentative in (False, True)
    for free in (False, True)
    for away in (False, True)
}


def _fetch(sql: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def _among() -> str:
    return _AMONG[connection.vendor]


def _list(column: str) -> str:
    return _LIST[connection.vendor].format(column)


def _ids(ids: Collection[uuid.UUID]) -> Any:
    """A list of ids as one parameter, in the form in which the database keeps them."""
    return json.dumps([each.hex for each in ids]) if connection.vendor == "sqlite" else list(ids)


def _texts(texts: list[str]) -> Any:
    return json.dumps(texts) if connection.vendor == "sqlite" else texts


def _uuid(value: Any) -> uuid.UUID:
    return value if isinstance(value, uuid.UUID) else uuid.UUID(hex=value)


def _json(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str | bytes) else value


def _date(value: Any) -> date:
    return date.fromisoformat(value) if isinstance(value, str) else value


def _second(value: Any) -> int | None:
    if value is None:
        return None
    moment = datetime.fromisoformat(value).replace(tzinfo=UTC) if isinstance(value, str) else value
    return int(moment.timestamp())
