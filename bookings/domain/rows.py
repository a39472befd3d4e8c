"""The reads of a decision in plain SQL: the same few statements for any number of hosts, integers out of the database.

They are the hottest reads of the product. Building them through the ORM costs several times what they take to run
(`python -m tests.benchmarks`), so here they are spelled out, for both databases. Times are UTC seconds.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson
from django.db import connection

from bookings.domain.statements import Write, among, ids, texts
from bookings.engine.intervals import Interval
from bookings.models import Account, Busy, Calendar, Claim, Opening, Override
from bookings.models.ledger import LONGEST_BUSY, LONGEST_CLAIM

_BUSY, _CLAIM = Busy._meta.db_table, Claim._meta.db_table
_CALENDAR, _ACCOUNT = Calendar._meta.db_table, Account._meta.db_table
_OVERRIDE, _OPENING = Override._meta.db_table, Opening._meta.db_table

_ROW = {"sqlite": "json_array", "postgresql": "json_build_array"}
_LIST = {"sqlite": "json_group_array", "postgresql": "json_agg"}
_SECOND = {"sqlite": "CAST(strftime('%%s', {}) AS INTEGER)", "postgresql": "extract(epoch FROM {})::bigint"}
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


@dataclass(frozen=True, slots=True)
class OpeningRow:
    """One stretch, or hours of every week; the other of the two is None or empty."""

    host: uuid.UUID
    start_s: int | None
    end_s: int | None
    weekly: list[list[list[int]]]
    timezone: str


@dataclass(frozen=True, slots=True)
class ClaimRow:
    host: uuid.UUID
    booking: uuid.UUID | None
    start_s: int
    end_s: int
    pad_before_s: int
    pad_after_s: int


def people(
    hosts: Collection[uuid.UUID], first: date, last: date, lo: int, hi: int
) -> tuple[list[OverrideRow], list[OpeningRow], list[CalendarRow]]:
    """Overrides of these hosts that touch the days from first to last, their openings that touch [lo, hi), and every
    calendar of theirs."""
    overrides, openings, calendars = _fetch(
        (
            "host_id, kind, first_day, last_day, blocks, timezone, redirect_to_id",
            f"FROM {_OVERRIDE} WHERE host_id {among()} AND first_day <= %s AND last_day >= %s",
            [ids(hosts), last, first],
        ),
        (
            "host_id, start_s, end_s, weekly, timezone",
            f"FROM {_OPENING} WHERE host_id {among()} AND (start_s IS NULL OR (start_s < %s AND end_s > %s))",
            [ids(hosts), hi, lo],
        ),
        (
            "c.id, a.host_id, c.blocks, c.tentative_blocks, c.free_blocks, c.away_blocks, a.provider,"
            f" c.expanded_until_s, {_SECOND[connection.vendor].format('c.last_verified_at')}",
            f"FROM {_CALENDAR} c JOIN {_ACCOUNT} a ON a.id = c.account_id WHERE a.host_id {among()}",
            [ids(hosts)],
        ),
    )
    return (
        [_override(*row) for row in overrides],
        [OpeningRow(uuid.UUID(host), start, end, _json(weekly), tzid) for host, start, end, weekly, tzid in openings],
        [_calendar(*row) for row in calendars],
    )


def taken(
    hosts: Collection[uuid.UUID], lo: int, hi: int, known: Iterable[CalendarRow], margin: int, now: int
) -> tuple[dict[uuid.UUID, list[Interval]], list[ClaimRow]]:
    """Busy time that overlaps [lo, hi), by host, of the calendars and classes that block; and the live claims that
    overlap it or come as near as `margin`.

    The lower bounds on the start keep history unread: no row is longer than LONGEST_BUSY or LONGEST_CLAIM.
    """
    condition, parameters = _blocking(list(known))
    near, far, listed = lo - margin, hi + margin, _LIST[connection.vendor]
    by_host, claims = _fetch(
        (
            "host_id, starts, ends",
            f"FROM (SELECT host_id, {listed}(start_s) AS starts, {listed}(end_s) AS ends FROM {_BUSY}"
            f" WHERE host_id {among()} AND start_s > %s AND start_s < %s AND end_s > %s AND {condition}"
            " GROUP BY host_id) AS by_host",
            [ids(hosts), lo - LONGEST_BUSY - 1, hi, lo, *parameters],
        ),
        (
            "host_id, start_s, end_s, pad_before_s, pad_after_s, booking_id",
            f"FROM {_CLAIM} WHERE host_id {among()} AND start_s > %s AND start_s < %s AND end_s > %s"
            " AND state IN ('hold', 'booked') AND (state = 'booked' OR expires_s > %s)",
            [ids(hosts), near - LONGEST_CLAIM - 1, far, near, now],
        ),
    )
    busy: dict[uuid.UUID, list[Interval]] = {host: [] for host in hosts}
    for host, starts, ends in by_host:
        busy[uuid.UUID(host)] = list(zip(_json(starts), _json(ends), strict=True))
    return busy, [ClaimRow(uuid.UUID(host), _uuid(booking), *times) for host, *times, booking in claims]


def release_expired_holds(hosts: Collection[uuid.UUID], now: int) -> None:
    """Let go of holds whose time is over."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {_CLAIM} SET state = 'released' WHERE host_id {among()} AND state = 'hold' AND expires_s <= %s",
            [ids(hosts), now],
        )


def releasing(booking: uuid.UUID) -> Write:
    """Let go of everything that a booking claims."""
    return f"UPDATE {_CLAIM} SET state = 'released' WHERE booking_id {among()}", [ids([booking])]


def _blocking(known: list[CalendarRow]) -> tuple[str, list[Any]]:
    """Which rows count, as SQL and its parameters: mostly everything but what is marked free."""
    if not all(row.is_plain for row in known if row.blocks):
        pairs = [f"{row.id.hex}{kind}" for row in known if row.blocks for kind in row.kinds]
        return f"{_TEXT[connection.vendor].format('calendar_id')} || kind {among()}", [texts(pairs)]
    silent = [row.id for row in known if not row.blocks]
    if silent:
        return f"kind <> 'free' AND NOT (calendar_id {among()})", [ids(silent)]
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


_Question = tuple[str, str, list[Any]]
"""Columns, FROM and WHERE, parameters."""


def _fetch(*questions: _Question) -> list[list[list[Any]]]:
    """The rows of several questions by one statement: each comes as one JSON text."""
    row, listed = _ROW[connection.vendor], _LIST[connection.vendor]
    sql = ", ".join(f"(SELECT {listed}({row}({columns})) {source})" for columns, source, _ in questions)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {sql}", [each for _, _, parameters in questions for each in parameters])
        return [_json(each) or [] for each in cursor.fetchone() or ()]


def _override(
    host: str, kind: str, first: str, last: str, blocks: Any, tzid: str, redirect_to: str | None
) -> OverrideRow:
    days = date.fromisoformat(first), date.fromisoformat(last)
    return OverrideRow(uuid.UUID(host), kind, *days, _json(blocks), tzid, _uuid(redirect_to))


def _calendar(
    pk: str,
    host: str,
    blocks: int,
    tentative: int,
    free: int,
    away: int,
    provider: str,
    until: int,
    verified: int | None,
) -> CalendarRow:
    kinds = _KINDS[bool(tentative), bool(free), bool(away)]
    return CalendarRow(uuid.UUID(pk), uuid.UUID(host), kinds, bool(blocks), provider == "local", verified, until)


def _uuid(text: str | None) -> uuid.UUID | None:
    return uuid.UUID(text) if text else None


def _json(value: Any) -> Any:
    """Read JSON, which one database gives as a text and the other, inside more of it, as what it says."""
    return orjson.loads(value) if isinstance(value, str) else value
