"""What `manage.py check --deploy` says about an installation, beyond what Django asks itself."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from config import keys

LINK_KEY_LENGTH = 32
DATA_KEY_BYTES = 32


def hosts(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """A wildcard lets anybody choose the host name that links are made of."""
    if "*" not in settings.ALLOWED_HOSTS:
        return []
    return [Warning("CONVENE_HOSTS allows every host name.", hint="List the names visitors use.", id="convene.W001")]


def proxy(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Behind a proxy that speaks HTTPS, we see plain HTTP and would redirect to ourselves for ever."""
    if not settings.HTTPS or settings.TRUST_PROXY or "GRANIAN_SSL_CERTIFICATE" in os.environ:
        return []
    return [
        Warning(
            "Visitors come by HTTPS, but nothing here ends it.",
            hint="Set CONVENE_TRUST_PROXY=1 behind a proxy that sets X-Forwarded-Proto, or give granian a certificate.",
            id="convene.W002",
        )
    ]


def secrets(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Keys that are too short can be guessed."""
    problems: list[CheckMessage] = []
    if len(settings.LINK_KEY) < LINK_KEY_LENGTH:
        problems.append(Error(f"CONVENE_LINK_KEY is shorter than {LINK_KEY_LENGTH} characters.", id="convene.E001"))
    if any(len(key) != DATA_KEY_BYTES for key in settings.DATA_KEYS.values()):
        problems.append(Error(f"Every key of CONVENE_DATA_KEYS must be {DATA_KEY_BYTES} bytes.", id="convene.E002"))
    return problems


def private_files(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Other users of this machine must not read the keys or the database."""
    folder = settings.DATA_DIR
    if os.name != "posix" or not _others_may(folder, stat.S_IXGRP | stat.S_IXOTH):
        return []
    exposed = [
        path.name
        for path in [folder / keys.FILE, *folder.glob("*.sqlite3")]
        if path.exists() and _others_may(path, stat.S_IRGRP | stat.S_IROTH)
    ]
    if not exposed:
        return []
    return [
        Warning(
            f"Other users of this machine can read {', '.join(exposed)}.",
            hint=f"chmod 700 {folder}",
            id="convene.W003",
        )
    ]


def _others_may(path: Path, bits: int) -> bool:
    return bool(path.stat().st_mode & bits)


CHECKS: list[Callable[..., list[CheckMessage]]] = [hosts, proxy, secrets, private_files]


def register_all() -> None:
    for check in CHECKS:
        register(check, Tags.security, deploy=True)
