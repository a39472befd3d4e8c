"""The product in a process of its own, in an empty data folder, as `up` would start it (without the worker)."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests import postgres
from tests.installations import furnish
from tests.servers import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
START_LIMIT_S = 30


@dataclass
class Live:
    """A running server: `url` without a slash at its end, and what `demo --json` said of its keys and ids."""

    url: str
    demo: dict[str, Any]
    environment: dict[str, str]
    log: Path

    def query(self, code: str) -> str:
        """What a piece of Python prints inside the product, beside the running server."""
        lines = "import django; django.setup(); from bookings.models import *; " + code
        done = subprocess.run(
            [sys.executable, "-c", lines], env=self.environment, cwd=ROOT, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()


@contextlib.contextmanager
def live(folder: Path, **settings: str) -> Iterator[Live]:
    """Start it with these settings (environment variables) besides the folder."""
    with contextlib.ExitStack() as stack:
        if "DATABASE_URL" in os.environ and "DATABASE_URL" not in settings:
            # Several test processes share one server; each installation needs tables of its own.
            settings["DATABASE_URL"] = stack.enter_context(postgres.database(os.environ["DATABASE_URL"]))
        yield stack.enter_context(_running(folder, settings))


@contextlib.contextmanager
def _running(folder: Path, settings: dict[str, str]) -> Iterator[Live]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "CONVENE_DATA": str(folder / "data"),
        "CONVENE_BASE_URL": url,
        **settings,
    }
    if "DATABASE_URL" not in environment:
        furnish(folder / "data")
    demo = subprocess.run(
        [sys.executable, "manage.py", "demo", "--json"],
        env=environment, cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws", "--log-level", "warning"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "2", "--blocking-threads", "4"]
    log = folder / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, "config.wsgi:application"], env=environment, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT
        )
        try:
            _wait(url, process, log)
            yield Live(url, json.loads(demo.stdout), environment, log)
        finally:
            process.terminate()
            process.wait(timeout=15)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(requests.ConnectionError, requests.Timeout):
            requests.get(f"{url}/health/live", timeout=5)
            return
        time.sleep(0.1)
    raise AssertionError(f"the server did not start: {log.read_text()[-2000:]}")
