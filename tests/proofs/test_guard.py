"""The database itself refuses overlapping claims: after each migration, against raw SQL; and it is missed when gone."""

from __future__ import annotations

import json
import sqlite3
import sys
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection, models
from django.test import Client

from bookings.models import Claim, guard
from tests.proofs.conftest import Engine

REFUSED = (sqlite3.IntegrityError, psycopg.errors.ExclusionViolation)


class Ledger:
    """Claims written by SQL alone, inside one transaction that is never committed."""

    def __init__(self, open_connection: Any, engine: str) -> None:
        self.connection = open_connection
        self.mark = "?" if engine == "sqlite" else "%s"
        self.host = uuid.uuid4().hex

    def claim(self, start: int, end: int, *, state: str = "booked", lane: int = 0, verb: str = "INSERT") -> str:
        values = {
            "id": uuid.uuid4().hex,
            "organisation_id": uuid.uuid4().hex,
            "host_id": self.host,
            "lane": lane,
            "start_s": start,
            "end_s": end,
            "pad_before_s": 0,
            "pad_after_s": 0,
            "state": state,
            "version": 1,
            "created_at": "2027-01-01 00:00:00+00:00",
        }
        marks = ", ".join([self.mark] * len(values))
        self.connection.execute(
            f"{verb} INTO bookings_claim ({', '.join(values)}) VALUES ({marks})", list(values.values())
        )
        return str(values["id"])

    def change(self, claim: str, assignment: str) -> None:
        self.connection.execute(f"UPDATE bookings_claim SET {assignment} WHERE id = {self.mark}", [claim])


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    with engine.connection() as open_connection:
        yield Ledger(open_connection, engine.name)
        open_connection.rollback()


def test_the_guard_stands_after_each_migration(empty_installation: Engine) -> None:
    done = empty_installation.installation.run([sys.executable, "-m", "tests.proofs.migrate_stepwise"])
    assert done.returncode == 0, done.stderr
    standing = json.loads(done.stdout)
    assert len(standing) > 1
    assert all(standing.values()), standing


@pytest.mark.parametrize(("start", "end"), [(1800, 3600), (2700, 4500), (900, 2700), (2000, 2100), (0, 9999)])
def test_raw_sql_cannot_insert_an_overlap(ledger: Ledger, start: int, end: int) -> None:
    ledger.claim(1800, 3600)
    with pytest.raises(REFUSED, match=guard.NAME):
        ledger.claim(start, end)


def test_raw_sql_cannot_replace_its_way_into_an_overlap(ledger: Ledger) -> None:
    ledger.claim(1800, 3600)
    verb = "INSERT OR REPLACE" if ledger.mark == "?" else "INSERT"
    with pytest.raises(REFUSED, match=guard.NAME):
        ledger.claim(2700, 4500, verb=verb)


@pytest.mark.parametrize("assignment", ["start_s = 1900, end_s = 2000", "lane = 0", "state = 'booked'"])
def test_raw_sql_cannot_change_a_claim_into_an_overlap(ledger: Ledger, assignment: str) -> None:
    ledger.claim(1800, 3600)
    elsewhere = {
        "lane = 0": lambda: ledger.claim(1800, 3600, lane=1),
        "state = 'booked'": lambda: ledger.claim(1800, 3600, state="released"),
    }
    other = elsewhere.get(assignment, lambda: ledger.claim(7200, 9000))()
    with pytest.raises(REFUSED, match=guard.NAME):
        ledger.change(other, assignment)


def test_neighbours_and_forced_and_released_claims_are_let_through(ledger: Ledger) -> None:
    ledger.claim(1800, 3600)
    ledger.claim(3600, 5400)
    ledger.claim(0, 1800, state="hold")
    ledger.claim(1800, 3600, lane=1)
    ledger.claim(1800, 3600, state="released")


def _rebuild_the_table() -> None:
    """What Django does for an AlterField on SQLite: a new table, the rows moved over, the triggers forgotten."""
    longer = models.CharField(max_length=9, choices=Claim.State)
    longer.set_attributes_from_name("state")
    state = Claim._meta.get_field("state")
    with connection.schema_editor() as editor:
        editor.alter_field(Claim, state, longer, strict=True)
    with connection.schema_editor() as editor:
        editor.alter_field(Claim, longer, state, strict=True)


def _remove_the_guard() -> None:
    guard.remove(connection)


@pytest.fixture(
    params=[
        _remove_the_guard,
        pytest.param(_rebuild_the_table, marks=pytest.mark.sqlite_only),
    ]
)
def without_guard(request: pytest.FixtureRequest, transactional_db: None) -> Iterator[None]:
    lose: Callable[[], None] = request.param
    lose()
    assert not guard.is_present(connection)
    yield
    guard.install(connection)


@pytest.mark.usefixtures("without_guard")
def test_a_lost_guard_fails_the_check_and_readiness_until_a_migration_puts_it_back(client: Client) -> None:
    with pytest.raises(SystemCheckError, match=r"bookings\.E001"):
        call_command("check", databases=["default"])
    unready = client.get("/health/ready")
    assert (unready.status_code, unready.json()["status"]) == (503, "not ready")
    assert "overlapping" in unready.json()["checks"]["overlap guard"]
    assert client.get("/health/live").status_code == 200
    call_command("migrate", verbosity=0, skip_checks=True)
    call_command("check", databases=["default"])
    assert client.get("/health/ready").json() == {
        "status": "ready",
        "checks": {"database": "ok", "overlap guard": "ok", "disk": "ok"},
    }
