"""Making an installation ready: tables, guard, cache, static files. A step with nothing to do does nothing."""

from __future__ import annotations

import contextlib
import hashlib
import multiprocessing
import sys
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import CommandError, call_command
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections
from django.db.migrations.executor import MigrationExecutor

from bookings.models import guard

UNSERVED = ["redoc"]
"""Static files of packages that no page of ours asks for: the other viewer of OpenAPI schemas."""


def database() -> None:
    """Bring the tables up to date and make sure that the database refuses overlapping claims.

    :raises CommandError: when it cannot be reached or does not refuse.
    """
    try:
        if pending_migrations():
            call_command("migrate", verbosity=0, interactive=False, skip_checks=True)
            call_command("createcachetable", verbosity=0)
        guard.restore()
        refuses = guard.refuses_overlap()
    except OperationalError as error:
        raise CommandError(f"The database cannot be used: {str(error).strip().splitlines()[0]}") from error
    if not refuses:
        raise CommandError("The database accepts overlapping claims. Nothing was started.")


def pending_migrations() -> list[str]:
    """Names of migrations this code has and the database has not."""
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, backwards in plan]


@contextlib.contextmanager
def static_files_meanwhile() -> Iterator[None]:
    """Collect the static files beside what the caller does; ready when the block ends. Opens no database connection."""
    if sys.platform != "linux":
        static_files()
        yield
        return
    collecting = multiprocessing.get_context("fork").Process(target=static_files)
    collecting.start()
    try:
        yield
    finally:
        collecting.join()
    if collecting.exitcode:
        raise CommandError("The static files could not be collected.")


def static_files() -> None:
    """Collect the static files when they changed since they were collected last."""
    mark = settings.DATA_DIR / "static.state"
    state = _static_state()
    if mark.exists() and mark.read_text() == state:
        return
    call_command("collectstatic", verbosity=0, interactive=False, skip_checks=True, ignore_patterns=UNSERVED)
    mark.write_text(state)


def _static_state() -> str:
    """A digest over names, sizes and times of every static file there is."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list(None):
            found = Path(storage.path(name)).stat()
            digest.update(f"{name}|{found.st_size}|{found.st_mtime_ns}\n".encode())
    return digest.hexdigest()
