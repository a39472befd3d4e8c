"""The database's own refusal of overlap: no two live claims of one host in lane 0 share a second.

PostgreSQL holds it as an exclusion constraint, SQLite as two triggers. SQLite's table rebuilds (which Django makes for
AlterField and others) drop triggers without a word, so the guard is restored after every migration, looked for by a
system check, and proved by trying an overlap inside a rolled-back savepoint.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error
from django.db import IntegrityError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from .ledger import LONGEST_CLAIM, Claim

NAME = "claim_no_overlap"
_TABLE = Claim._meta.db_table

_SQLITE_BODY = f"""
FOR EACH ROW WHEN NEW.lane = 0 AND NEW.state IN ('hold', 'booked')
BEGIN
  SELECT RAISE(ABORT, '{NAME}') WHERE EXISTS (
    SELECT 1 FROM {_TABLE}
    WHERE host_id = NEW.host_id AND lane = 0 AND state IN ('hold', 'booked') AND id <> NEW.id
      AND start_s < NEW.end_s AND start_s > NEW.start_s - {LONGEST_CLAIM} - 1 AND end_s > NEW.start_s
  );
END
"""  # noqa: S608  every part is a constant of this module

_INSTALL = {
    "sqlite": [
        f"DROP TRIGGER IF EXISTS {NAME}_insert",
        f"DROP TRIGGER IF EXISTS {NAME}_update",
        f"CREATE TRIGGER {NAME}_insert BEFORE INSERT ON {_TABLE} {_SQLITE_BODY}",
        f"CREATE TRIGGER {NAME}_update "
        f"BEFORE UPDATE OF host_id, lane, start_s, end_s, state ON {_TABLE} {_SQLITE_BODY}",
    ],
    "postgresql": [
        "CREATE EXTENSION IF NOT EXISTS btree_gist",
        f"ALTER TABLE {_TABLE} ADD CONSTRAINT {NAME} EXCLUDE USING gist "
        "(host_id WITH =, int8range(start_s, end_s) WITH &&) WHERE (lane = 0 AND state IN ('hold', 'booked'))",
    ],
}
_REMOVE = {
    "sqlite": [f"DROP TRIGGER IF EXISTS {NAME}_insert", f"DROP TRIGGER IF EXISTS {NAME}_update"],
    "postgresql": [f"ALTER TABLE {_TABLE} DROP CONSTRAINT IF EXISTS {NAME}"],
}
_PARTS = {
    "sqlite": ("SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name IN (%s, %s)", 2),
    "postgresql": ("SELECT count(*) FROM pg_constraint WHERE conname = %s AND contype = 'x'", 1),
}


def is_present(connection: BaseDatabaseWrapper) -> bool:
    """Whether every part of the guard is there."""
    sql, parts = _PARTS[connection.vendor]
    names = [f"{NAME}_insert", f"{NAME}_update"] if connection.vendor == "sqlite" else [NAME]
    with connection.cursor() as cursor:
        cursor.execute(sql, names)
        return bool(cursor.fetchone()[0] == parts)


def install(connection: BaseDatabaseWrapper) -> None:
    """Put the guard there if any part of it is missing."""
    if not is_present(connection):
        _run(connection, _INSTALL[connection.vendor])


def remove(connection: BaseDatabaseWrapper) -> None:
    """Take the guard away: for reversing its migration, and for tests of what happens then."""
    _run(connection, _REMOVE[connection.vendor])


def _run(connection: BaseDatabaseWrapper, statements: list[str]) -> None:
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _has_table(connection: BaseDatabaseWrapper) -> bool:
    return _TABLE in connection.introspection.table_names()


def restore(using: str = "default", **kwargs: Any) -> None:
    """After migrations: put back what a table rebuild dropped. Receives Django's post_migrate signal."""
    connection = connections[using]
    if _has_table(connection):
        install(connection)


def check(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """System check: an error where the claim table exists and its guard does not."""
    problems: list[CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        if _has_table(connection) and not is_present(connection):
            problems.append(
                Error(
                    "The database does not refuse overlapping claims: its guard is missing.",
                    hint="Run `python manage.py migrate --skip-checks`, which puts it back.",
                    id="bookings.E001",
                )
            )
    return problems


def refuses_overlap(using: str = "default") -> bool:
    """Try two overlapping claims in a transaction that is rolled back; True when the second is refused.

    The rows point at nobody: foreign keys are checked at commit, which never comes.
    """
    host, organisation = uuid.uuid4(), uuid.uuid4()

    def claim(start: int) -> Claim:
        return Claim(
            organisation_id=organisation,
            host_id=host,
            start_s=start,
            end_s=start + 60,
            state=Claim.State.BOOKED,
        )

    refused = False
    with transaction.atomic(using=using):
        claim(0).save(using=using, force_insert=True)
        try:
            with transaction.atomic(using=using):
                claim(30).save(using=using, force_insert=True)
        except IntegrityError:
            refused = True
        transaction.set_rollback(True, using=using)
    return refused
