"""What every test relies on, and what happens on a machine that lacks a server or a browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings

from tests import installations, node, postgres

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def pytest_configure(config: pytest.Config) -> None:
    """Settings that would make tests slow, or dependent on this machine's own installation."""
    if "sqlite" in settings.DATABASES["default"]["ENGINE"]:
        settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = ":memory:"
    settings.BASE_URL = "http://127.0.0.1:8000"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }


@pytest.fixture(scope="session", autouse=True)
def _shared_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    own = tmp_path_factory.getbasetemp()
    installations.shared_folder = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def _needs_postgres(item: pytest.Item) -> bool:
    return "postgres_server" in getattr(item, "fixturenames", ())


def _needs_node(item: pytest.Item) -> bool:
    return item.get_closest_marker("node") is not None


def _needs_chromium(item: pytest.Item) -> bool:
    return item.path.parent.name == "browser"


def _has_chromium() -> bool:
    return any(shutil.which(name) for name in BROWSERS)


NEEDS: list[tuple[str, Callable[[pytest.Item], bool], Callable[[], bool]]] = [
    ("PostgreSQL", _needs_postgres, postgres.is_available),
    ("Chromium", _needs_chromium, _has_chromium),
    ("Node with the npm registry in reach", _needs_node, node.is_available),
]
_left_out: dict[str, int] = {}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, loudly, what this machine cannot run. In CI that is an error: nothing is left out there."""
    _leave_out(config, items, [item for item in items if _is_of_another_engine(item)])
    for name, needs, is_here in NEEDS:
        wanting = [item for item in items if needs(item)]
        if not wanting or is_here():
            continue
        if os.environ.get("CI"):
            raise pytest.UsageError(f"{len(wanting)} tests need {name}, which is not here.")
        _left_out[name] = len(wanting)
        _leave_out(config, items, wanting)


def _is_of_another_engine(item: pytest.Item) -> bool:
    return (
        item.get_closest_marker("sqlite_only") is not None and "sqlite" not in settings.DATABASES["default"]["ENGINE"]
    )


def _leave_out(config: pytest.Config, items: list[pytest.Item], those: list[pytest.Item]) -> None:
    if those:
        config.hook.pytest_deselected(items=those)
        items[:] = [item for item in items if item not in those]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for name, count in _left_out.items():
        terminalreporter.section(f"{count} tests were left out: {name} is not here", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skipped test is a failed one."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a PostgreSQL server that belongs to this test run."""
    with postgres.server() as url:
        yield url
