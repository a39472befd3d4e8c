"""reserve.book under contention: 16 processes fighting for the same hosts, on both databases.

On PostgreSQL a bare psycopg script fights too: it takes the host's row lock, looks for an overlap and writes the same
rows, so that our rate is a ratio of what the database gives.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests import postgres

ROOT = Path(__file__).resolve().parents[2]
PROCESSES, SECONDS = 16, 6


def run() -> None:
    with tempfile.TemporaryDirectory() as folder:
        _report("SQLite", _fight(folder, "", "reserve"))
    with tempfile.TemporaryDirectory() as folder, postgres.server() as server:
        rounds = [(_on(server, folder, "reserve"), _on(server, folder, "bare")) for _ in range(3)]
        ours, bare = (sorted(pair, key=lambda each: each["booked_per_s"])[1] for pair in zip(*rounds, strict=True))
        _report("PostgreSQL", ours)
        _report("PostgreSQL, bare", bare)
        ratios = [first["booked_per_s"] / second["booked_per_s"] for first, second in rounds]
        print(f"reserve.book, PostgreSQL: {statistics.median(ratios):.2f}x the bare script")


def _on(server: str, folder: str, way: str) -> dict[str, Any]:
    with postgres.database(server) as url:
        return _fight(folder, url, way)


def _fight(folder: str, url: str, way: str) -> dict[str, Any]:
    environment = os.environ | {"CONVENE_DATA": folder} | ({"DATABASE_URL": url} if url else {})
    run = [sys.executable, "manage.py", "migrate", "--skip-checks", "-v0"]
    subprocess.run(run, cwd=ROOT, env=environment, check=True)
    command = [sys.executable, "-m", "tests.benchmarks.fighters", way, str(PROCESSES), str(SECONDS)]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _report(name: str, told: dict[str, Any]) -> None:
    print(
        f"booking, {PROCESSES} processes, {name}: {told['booked_per_s']:.0f} booked/s, {told['attempts_per_s']:.0f}"
        f" attempts/s, p50 {told['p50_ms']:.0f} ms, p99 {told['p99_ms']:.0f} ms, longest {told['max_ms']:.0f} ms,"
        f" errors {told['errors']}"
    )


if __name__ == "__main__":
    run()
