"""A backlog of mirrors drained against the lab, with 1 and with 4 workers on PostgreSQL, while the web is used.

python -m tests.benchmarks push; CONVENE_PUSH_ROWS=10000 (1,000 unless told) over 50 accounts of the double of Google,
which limits nobody here: what is measured is how fast workers are when the service is not the limit.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from providers.lab.double import serve
from providers.lab.google import Google
from tests import postgres

ROOT = Path(__file__).resolve().parents[2]
ACCOUNTS = 50
ROWS = int(os.environ.get("CONVENE_PUSH_ROWS", "1000"))


def run() -> None:
    with tempfile.TemporaryDirectory() as folder, postgres.server() as server:
        for workers in (1, 4):
            with postgres.database(server) as url:
                _report(workers, _drain(Path(folder), url, workers))


def _drain(folder: Path, url: str, workers: int) -> dict[str, Any]:
    double = Google()
    double.per_minute = 1_000_000
    people = [f"host{number}@example.org" for number in range(ACCOUNTS)]
    for person in people:
        double.calendar(person, timezone="UTC")
    tokens = [double.issue(person) for person in people]
    with serve(double) as lab:
        environment = os.environ | {
            "CONVENE_DATA": str(folder),
            "DATABASE_URL": url,
            "CONVENE_PUSH_LAB": lab,
            "CONVENE_PUSH_TOKENS": json.dumps(tokens),
        }
        command = [sys.executable, "-m", "tests.benchmarks.drainers"]
        for step in (("manage.py", "migrate", "-v0"), ("manage.py", "createcachetable")):
            subprocess.run([sys.executable, *step], cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
        subprocess.run([*command, "fill", str(ROWS)], cwd=ROOT, env=environment, check=True)
        quiet = _p95([*command, "browse", "40"], environment)
        started = time.perf_counter()
        running = [subprocess.Popen([*command, "drain"], cwd=ROOT, env=environment) for _ in range(workers)]
        busy = _p95([*command, "browse", "40"], environment)
        for process in running:
            if process.wait():
                raise RuntimeError("a worker failed")
        seconds = time.perf_counter() - started
    there = [[each["summary"] for each in double.shelves[person].live()] for person in people]
    return {
        "seconds": seconds,
        "there": sum(map(len, there)),
        "in_order": all(titles == sorted(titles) for titles in there),
        "calls": double.count("^POST .*/events$"),
        "quiet_p95_ms": quiet,
        "busy_p95_ms": busy,
    }


def _p95(command: list[str], environment: dict[str, str]) -> float:
    told = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout
    return statistics.quantiles(json.loads(told), n=20)[-1]


def _report(workers: int, told: dict[str, Any]) -> None:
    pace = ROWS / told["seconds"]
    print(
        f"{ROWS} mirrors over {ACCOUNTS} accounts, {workers} worker{'s' * (workers > 1)}: {pace:.0f}/s,"
        f" {told['there']} there by {told['calls']} creates, {'in order' if told['in_order'] else 'OUT OF ORDER'};"
        f" page p95 {told['quiet_p95_ms']:.0f} ms before, {told['busy_p95_ms']:.0f} ms meanwhile"
    )


if __name__ == "__main__":
    run()
