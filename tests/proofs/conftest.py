"""Both engines, each with an installation of its own, and a view of its tables that knows nothing of the product."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests import postgres
from tests.installations import Installation, furnish_with_tables

ENGINES = ["sqlite", "postgresql"]


@dataclass
class Engine:
    """An installation with its tables made, read and written here by SQL alone."""

    name: str
    installation: Installation

    @contextlib.contextmanager
    def connection(self) -> Iterator[Any]:
        if self.name == "sqlite":
            with contextlib.closing(sqlite3.connect(self.installation.data / "convene.sqlite3")) as connection:
                yield connection
        else:
            with psycopg.connect(self.installation.database_url) as connection:
                yield connection

    def value(self, sql: str) -> Any:
        """The only value of a query's only row."""
        with self.connection() as connection:
            return connection.execute(sql).fetchone()[0]


@contextlib.contextmanager
def _installation(engine: str, folder: Path, request: pytest.FixtureRequest) -> Iterator[Engine]:
    if engine == "sqlite":
        yield Engine(engine, Installation(folder))
        return
    with postgres.database(request.getfixturevalue("postgres_server")) as url:
        yield Engine(engine, Installation(folder, url))


@pytest.fixture(params=ENGINES)
def empty_installation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """No table yet."""
    with _installation(request.param, tmp_path, request) as engine:
        yield engine


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """All tables made. Shared by the tests of a run: what one writes, another may see."""
    with _installation(request.param, tmp_path_factory.mktemp(request.param), request) as engine:
        if engine.name == "sqlite":
            furnish_with_tables(engine.installation.data)
        else:
            engine.installation.manage("migrate", "--skip-checks", "-v0")
        yield engine
