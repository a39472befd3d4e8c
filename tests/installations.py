"""Installations of their own for tests that need real processes: a data folder, an engine, `manage.py` against them."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]

shared_folder: Path | None = None
"""A folder that all processes of this test run share; set when the run begins."""

_OURS = ("DJANGO_SETTINGS_MODULE", "DATABASE_URL", "SECRET_KEY")

_TABLES = """
import django

django.setup()
from bookings.management import prepare

prepare.database()
"""
_FIRST_START = f"""{_TABLES}
from bookings.domain import demo

prepare.static_files()
demo.load("http://127.0.0.1:8000")
"""


def furnish(data: Path) -> None:
    """Make the data folder what a first start with the demo leaves, for tests that are not about first starts.

    On SQLite; with another database only keys and static files help.
    """
    _copy("furnished", _FIRST_START, data)


def furnish_with_tables(data: Path) -> None:
    """Keys and empty tables, on SQLite."""
    _copy("tables", _TABLES, data)


def _copy(name: str, script: str, data: Path) -> None:
    """The data folder that a script leaves; it runs once in a test run, and what it left is copied."""
    assert shared_folder is not None
    template = shared_folder / name
    with (shared_folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not template.exists():
            making = Installation(shared_folder / f"{name}-in-the-making")
            done = making.run([sys.executable, "-c", script])
            assert done.returncode == 0, done.stderr
            making.data.rename(template)
    shutil.copytree(template, data, dirs_exist_ok=True)


@dataclass
class Installation:
    """A data folder and, for PostgreSQL, the URL of its database. Nothing of the surrounding test run leaks in."""

    data: Path
    database_url: str = ""
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in _OURS and not name.startswith(("CONVENE_", "PYTEST_"))
        }
        own = {"CONVENE_DATA": str(self.data), "DJANGO_SETTINGS_MODULE": "config.settings"} | self.settings
        return kept | own | ({"DATABASE_URL": self.database_url} if self.database_url else {})

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, str(ROOT / "manage.py"), *arguments]

    def manage(self, *arguments: str, fails: bool = False) -> subprocess.CompletedProcess[str]:
        """Run `manage.py` to its end; asserts that it succeeds, or that it does not."""
        done = self.run(self.command(*arguments))
        assert (done.returncode != 0) is fails, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def run(self, command: list[str], timeout: float = 240) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=timeout, check=False
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `manage.py` and leave it running; its output, errors included, is in `stdout`."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def keys(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.data / "keys.json").read_text())
        return found
