"""A private PostgreSQL server for tests: made from nothing on loopback, gone afterwards.

As a command it runs another one on it: `python -m tests.postgres pytest tests/domain`.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from tests.servers import free_port

GIVEN = "TEST_DATABASE_URL"
"""Environment variable: a server to use instead, as a URL whose user may create databases."""

_USER = "convene"
_PATIENCE_S = 60.0


def is_available() -> bool:
    return GIVEN in os.environ or _binary("initdb") is not None


@contextlib.contextmanager
def server() -> Iterator[str]:
    """The URL of a running server (its maintenance database)."""
    if GIVEN in os.environ:
        yield os.environ[GIVEN]
        return
    folder = Path(tempfile.mkdtemp(prefix="convene-postgres-"))
    account = _unprivileged()
    if account:
        os.chown(folder, account.pw_uid, account.pw_gid)
    process = None
    try:
        process, url = _started(folder, account)
        yield url
    finally:
        if process is not None:
            process.terminate()
            process.wait(_PATIENCE_S)
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def database(server_url: str) -> Iterator[str]:
    """The URL of a new, empty database on a server, dropped afterwards."""
    name = f"convene_{secrets.token_hex(6)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type]
        try:
            yield server_url.rpartition("/")[0] + f"/{name}"
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # type: ignore[arg-type]


def _binary(name: str) -> str | None:
    """Debian keeps the server's programs out of PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return shutil.which(name) or (str(versions[0]) if versions else None)


def _unprivileged() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root; an ordinary user runs it as they are."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    return None


def _started(folder: Path, account: pwd.struct_passwd | None) -> tuple[subprocess.Popen[bytes], str]:
    data, port = folder / "data", free_port()
    identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
    subprocess.run(
        [_binary("initdb"), "-D", data, "-U", _USER, "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=folder,
        **identity,
    )
    options = ["listen_addresses=127.0.0.1", f"port={port}", f"unix_socket_directories={folder}"]
    options += ["fsync=off", "max_connections=200"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [_binary("postgres"), "-D", data, *(part for option in options for part in ("-c", option))],
            stdout=log,
            stderr=log,
            cwd=folder,
            **identity,
        )
    url = f"postgres://{_USER}@127.0.0.1:{port}/postgres"
    _wait_until_it_answers(url, process, folder / "log")
    return process, url


def _wait_until_it_answers(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(url, connect_timeout=2):
            return
        time.sleep(0.05)
    raise RuntimeError(f"PostgreSQL did not start: {log.read_text()[-2000:]}")


def main(command: list[str]) -> int:
    with server() as server_url, database(server_url) as url:
        return subprocess.call(command, env=os.environ | {"DATABASE_URL": url, GIVEN: server_url})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
