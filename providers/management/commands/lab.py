"""`python manage.py lab`: the whole product with calendars of every kind, without an account anywhere."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
import time
import uuid
from collections.abc import Sequence
from threading import Event as Stop
from types import FrameType
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from bookings.domain import demo, outbox
from bookings.domain.audit import SYSTEM
from bookings.engine.zones import DAY
from bookings.models import Account, Host, Mirror, Organisation
from providers import base, connect, kinds
from providers.kinds import ConnectFailed
from providers.lab.double import LOOPBACK, serve
from providers.lab.login import LoginDouble
from providers.lab.stage import Login, Stand, stands

PORT = 8900
ROBOT, TENANT = "robot@lab.example", "lab-tenant"

_FAULTS: tuple[dict[str, Any], ...] = (
    {"service": "google", "kind": "lost_answer", "pattern": "POST .*events"},
    {"service": "google", "pattern": "token", "status": 400, "body": {"error": "invalid_grant"}},
    {"service": "microsoft", "status": 429, "headers": {"Retry-After": "20"}, "times": 3},
    {"service": "cronofy", "kind": "slow", "seconds": 8},
)
_DEEDS: tuple[dict[str, Any], ...] = (
    {"service": "google", "call": "expire"},
    {"service": "timekit", "call": "live"},
    {"service": "timekit", "call": "remove", "arguments": ["<id>"]},
)


class Command(BaseCommand):
    help = "Serve doubles of all calendar services on this machine, and connect the demo organisation's hosts to them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", default=PORT, type=int, help="Port to listen on (default: %(default)s)")

    def handle(self, *args: Any, port: int, **options: Any) -> None:
        _call_the_lab(f"http://{LOOPBACK}:{port}")
        if not demo.is_loaded():
            raise CommandError("The lab is for the demo organisation: start `python manage.py up` once before.")
        here = [stand for stand in stands() if stand.double.name in base.providers()]
        stop = _on_signals()
        with serve(*(stand.double for stand in here), port=port) as url:
            accounts = self._connect(here)
            self.stdout.write("\n".join([*_hand_out_keys(here), _words(url)]))
            self.stdout.flush()
            stop.wait()
        # Their tokens mean nothing to the real services, which must not be bothered with them.
        Account.everywhere.filter(pk__in=[account.pk for account in accounts]).update(health=Account.Health.PAUSED)

    def _connect(self, here: Sequence[Stand]) -> list[Account]:
        """One account at each service, for the hosts of the demo in turn; those of an earlier run keep their rows."""
        hosts = list(Host.objects.for_tenant(Organisation.objects.get(slug=demo.SLUG)).order_by("slug"))
        tomorrow = (int(time.time()) // DAY + 1) * DAY
        accounts = []
        for number, stand in enumerate(here):
            host = hosts[number % len(hosts)]
            logins = _admitted(stand, hosts, host, tomorrow + (9 + number) * 3600)
            try:
                account = _connected(host, logins[host.pk])
            except ConnectFailed as failure:
                self.stderr.write(f"{stand.double.name}: {failure.message}")
                continue
            accounts.append(account)
            self.stdout.write(f"{account.get_provider_display()}: {host.name}, as {account.username}")
        return accounts


def _call_the_lab(url: str) -> None:
    """Settings are read once, so a process that would call the real services starts again with the lab's address."""
    if url != settings.LAB:
        os.environ["CONVENE_LAB"] = url
        os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606  our own command line


def _admitted(stand: Stand, hosts: Sequence[Host], host: Host, start: int) -> dict[uuid.UUID, Login]:
    """Logins at a double: of everybody where people sign in themselves, so that all of them can be tried."""
    kind = kinds.find(stand.double.name)
    service = kind.service() if kind else None
    scopes = " ".join(service.scopes) if service else ""
    people = hosts if service else [host]
    return {person.pk: stand.admit(person.email, scopes, start, start + 3600) for person in people}


def _hand_out_keys(here: Sequence[Stand]) -> list[str]:
    """What administrators connect everybody with: a key file, and a tenant that permits the application."""
    told: list[str] = []
    for double in (stand.double for stand in here if isinstance(stand.double, LoginDouble)):
        double.tenants.add(TENANT)
        if double.name == Account.Provider.GOOGLE:
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            numbers = key.public_key().public_numbers()
            double.delegates[ROBOT] = (numbers.n, numbers.e)
            where = settings.DATA_DIR / "lab-service-account.json"
            where.write_text(json.dumps({"client_email": ROBOT, "private_key": _pem(key)}))
            told.append(f"Google Workspace, for everybody: the key file is {where}")
        else:
            told.append(f"Microsoft 365, for everybody: the tenant is {TENANT}")
    return told


def _pem(key: rsa.RSAPrivateKey) -> str:
    encoding, layout = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, layout, serialization.NoEncryption()).decode()


def _connected(host: Host, login: Login) -> Account:
    """The host's account at a double. What an earlier run had written there is written again: doubles forget."""
    kind = kinds.find(login.slug)
    assert kind is not None
    if kind.signs_in:
        tried = connect.try_credentials(kind, login.given, host=host)
    else:
        tried = connect.try_login(kind, login.given, host=host)
    account = connect.save(host, tried, label=f"Lab: {kind.title}", actor=SYSTEM)
    connect.use_for_bookings(account, actor=SYSTEM)
    for mirror in Mirror.everywhere.filter(calendar__account=account, desired=Mirror.Desired.PRESENT):
        outbox.put_back(mirror, SYSTEM)
    return account


def _on_signals() -> Stop:
    stop = Stop()

    def ask(number: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)
    return stop


def _words(url: str) -> str:
    return "\n".join(
        [
            f"The lab is at {url}. In another terminal, unless `up --lab` started this:",
            f"  CONVENE_LAB={url} python manage.py up",
            "Faults for the next calls:",
            *(f"  {_curl(f'{url}/lab/faults', fault)}" for fault in _FAULTS),
            f"  curl -X DELETE {url}/lab/faults",
            f"What was called: curl {url}/lab/calls",
            "What somebody does over there, by the methods of the doubles:",
            *(f"  {_curl(f'{url}/lab/do', deed)}" for deed in _DEEDS),
        ]
    )


def _curl(url: str, body: dict[str, Any]) -> str:
    return shlex.join(["curl", url, "-d", json.dumps(body)])
