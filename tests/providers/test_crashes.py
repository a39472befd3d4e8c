"""A worker may die anywhere (kill -9): the calendar still ends with exactly what it should show, once."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests import postgres
from tests.installations import furnish_with_tables
from tests.servers import CalDavServer

ROOT = Path(__file__).parents[2]


@dataclass
class Outpost:
    """An installation of its own in a folder: a database, keys, one event that waits for its calendar."""

    folder: Path
    server: CalDavServer
    calendar_url: str
    database_url: str = ""

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment(**environment),
            capture_output=True,
            text=True,
            timeout=60,
        )

    def environment(self, **more: str) -> dict[str, str]:
        kept = {
            name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "PYTEST_CURRENT_TEST")
        }
        mine = {"CONVENE_DATA": str(self.folder), "CONVENE_LAN_ALLOWED": self.server.hostport, "PYTHONPATH": str(ROOT)}
        return kept | mine | ({"DATABASE_URL": self.database_url} if self.database_url else {}) | more

    def work(self, failpoints: str = "") -> int:
        """Run a worker until nothing is left to do; returns how the process ended (-9: killed)."""
        done = self.run("manage.py", "worker", "--batch", CONVENE_FAILPOINTS=failpoints)
        if done.returncode not in (0, -signal.SIGKILL):
            raise AssertionError(done.stderr)
        return done.returncode

    def sql(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """Rows of a statement, with `?` for each value."""
        if self.database_url:
            with psycopg.connect(self.database_url, autocommit=True) as connection:
                done = connection.execute(statement.replace("?", "%s").encode(), values or None)
                return done.fetchall() if done.description else []
        with sqlite3.connect(self.folder / "convene.sqlite3", timeout=20) as database:
            return database.execute(statement, values).fetchall()

    def is_in_sync(self) -> bool:
        ((desired, applied),) = self.sql("SELECT desired_revision, applied_revision FROM bookings_mirror")
        return desired == applied

    def texts(self) -> list[str]:
        return list(self.server.objects(self.calendar_url).values())


@pytest.fixture(scope="module")
def template(radicale: CalDavServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outpost")
    furnish_with_tables(folder)
    _settle(Outpost(folder, radicale, ""))
    return folder


def _settle(outpost: Outpost) -> None:
    """A host with a connected calendar, and one event that waits."""
    radicale = outpost.server
    done = outpost.run("-m", "tests.providers.outpost", radicale.url, radicale.username, radicale.password)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def outpost(template: Path, radicale: CalDavServer, tmp_path: Path) -> Outpost:
    folder = tmp_path / "data"
    shutil.copytree(template, folder)
    made = Outpost(folder, radicale, radicale.make_calendar(uuid.uuid4().hex[:12]))
    _point(made)
    return made


def _point(outpost: Outpost) -> None:
    """Have the one connected calendar lie where this test's is."""
    prefix = "external_id >= 'http' AND external_id < 'httq'"
    outpost.sql(f"UPDATE bookings_calendar SET external_id = ? WHERE {prefix}", outpost.calendar_url)


@pytest.fixture(scope="module")
def on_postgres(
    radicale: CalDavServer, postgres_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Outpost]:
    """One installation on PostgreSQL for all of its tests: what waits is stated anew by each."""
    with postgres.database(postgres_server) as url:
        made = Outpost(tmp_path_factory.mktemp("on-postgres"), radicale, "", url)
        for command in (("migrate", "--skip-checks", "-v0"), ("createcachetable", "-v0")):
            done = made.run("manage.py", *command)
            assert done.returncode == 0, done.stderr
        _settle(made)
        yield made


@pytest.fixture
def waiting(on_postgres: Outpost) -> Outpost:
    """Its event, as if it had never been sent, and an empty calendar."""
    on_postgres.calendar_url = on_postgres.server.make_calendar(uuid.uuid4().hex[:12])
    _point(on_postgres)
    on_postgres.sql(
        "UPDATE bookings_mirror SET desired = 'present', applied_revision = 0, generation = generation + 1,"
        " create_body = '', remote_id = '', remote_uid = '', etag = '', state = 'idle', next_attempt_s = 0"
    )
    on_postgres.sql("UPDATE bookings_calendar SET sync_token = ''")
    return on_postgres


@pytest.mark.parametrize("failpoint", ["push.leased", "push.claimed", "push.called", "push.recorded"])
def test_a_worker_killed_while_it_creates(outpost: Outpost, failpoint: str) -> None:
    assert outpost.work(f"{failpoint}=kill") == -signal.SIGKILL
    assert outpost.work() == 0
    (text,) = outpost.texts()
    assert "SUMMARY:Survivor" in text
    assert outpost.is_in_sync()


@pytest.mark.parametrize("failpoint", ["push.claimed", "push.called"])
def test_a_worker_killed_while_it_deletes(outpost: Outpost, failpoint: str) -> None:
    outpost.work()
    outpost.sql("UPDATE bookings_mirror SET desired = 'absent', desired_revision = desired_revision + 1")
    assert outpost.work(f"{failpoint}=kill") == -signal.SIGKILL
    assert outpost.work() == 0
    assert outpost.texts() == []
    assert outpost.is_in_sync()


@pytest.mark.parametrize("failpoint", ["push.claimed", "push.called"])
def test_a_worker_killed_while_it_creates_on_postgresql(waiting: Outpost, failpoint: str) -> None:
    assert waiting.work(f"{failpoint}=kill") == -signal.SIGKILL
    assert waiting.work() == 0
    (text,) = waiting.texts()
    assert "SUMMARY:Survivor" in text
    assert waiting.is_in_sync()


@pytest.mark.parametrize("failpoint", ["push.called"])
def test_a_worker_killed_while_it_deletes_on_postgresql(waiting: Outpost, failpoint: str) -> None:
    waiting.work()
    assert len(waiting.texts()) == 1
    waiting.sql("UPDATE bookings_mirror SET desired = 'absent', desired_revision = desired_revision + 1")
    assert waiting.work(f"{failpoint}=kill") == -signal.SIGKILL
    assert waiting.work() == 0
    assert waiting.texts() == []
    assert waiting.is_in_sync()


@pytest.mark.parametrize("failpoint", ["pull.applied"])
def test_a_worker_killed_while_it_reads_on_postgresql(waiting: Outpost, failpoint: str) -> None:
    waiting.sql("UPDATE bookings_account SET next_pull_at = '2020-01-01 00:00:00+00'")
    assert waiting.work(f"{failpoint}=kill") == -signal.SIGKILL
    waiting.sql("UPDATE bookings_account SET next_pull_at = '2020-01-01 00:00:00+00'")
    assert waiting.work() == 0
    states = waiting.sql("SELECT state FROM bookings_calendar WHERE external_id = ?", waiting.calendar_url)
    assert states == [("ok",)]


def test_a_worker_killed_while_it_reads(outpost: Outpost) -> None:
    assert outpost.work("pull.applied=kill") == -signal.SIGKILL
    outpost.sql("UPDATE bookings_account SET next_pull_at = '2020-01-01 00:00:00'")
    assert outpost.work() == 0
    states = outpost.sql("SELECT state FROM bookings_calendar WHERE external_id LIKE 'http%'")
    assert states == [("ok",)]


def test_a_running_worker_finds_rows_that_nobody_told_it_of_and_stops_when_asked(outpost: Outpost) -> None:
    process = subprocess.Popen(
        [sys.executable, "manage.py", "worker"],
        cwd=ROOT,
        env=outpost.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        outpost.sql("DELETE FROM django_tasks_database_dbtaskresult")
        _wait_until(outpost.is_in_sync)
        assert len(outpost.texts()) == 1
        assert _megabytes(process.pid) < 125
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


def _wait_until(true: Callable[[], bool], limit_s: float = 20) -> None:
    deadline = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def _megabytes(pid: int) -> float:
    """Resident memory of a process; 0 where the system does not tell it this way."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return 0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
