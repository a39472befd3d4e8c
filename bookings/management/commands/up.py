"""`python manage.py up`: from an empty folder to a running Convene."""

from __future__ import annotations

import ipaddress
import json
import os
import shlex
import socket
import subprocess
import sys
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import connections

from bookings.domain import demo
from bookings.management import lock, prepare
from bookings.management.supervisor import Plan

WEB_THREADS = min(8, 2 * (os.cpu_count() or 1) + 1)
"""Requests answered at the same time by one web process."""


LAB_BESIDE = 900
"""How far from ours the lab's port lies."""


class Command(BaseCommand):
    help = "Prepare the database and start the web server and one worker. Ctrl-C stops both."
    requires_system_checks = []  # they look for tables that this command is about to make

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="Address to listen on (default: %(default)s)")
        parser.add_argument("--port", default=8000, type=int, help="Port to listen on (default: %(default)s)")
        parser.add_argument("--data", metavar="DIR", help="Folder of database, keys and media (default: .convene)")
        parser.add_argument("--no-demo", action="store_true", help="Start without the demo organisation")
        parser.add_argument(
            "--public-demo",
            action="store_true",
            help="Serve the demo logins even where other machines can reach them",
        )
        parser.add_argument(
            "--lab", action="store_true", help="Also serve doubles of the calendar services, connected to the demo"
        )
        parser.add_argument("--web-workers", default=1, type=int, help="Web processes (default: %(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = options["host"], options["port"]
        address = _address(host, port)
        if options["lab"] and options["no_demo"]:
            raise CommandError("--lab connects the hosts of the demo, so it does not go with --no-demo.")
        lock.hold(settings.DATA_DIR, port)
        _refuse_busy_port(host, port)
        with prepare.static_files_meanwhile():
            prepare.database()
            if not options["public_demo"] and (not options["no_demo"] or demo.is_loaded()):
                _refuse_public_demo(host, address)
            sheet = None if options["no_demo"] else demo.load(address)
        self.stdout.write(_greeting(address, sheet))
        self.stdout.flush()
        connections.close_all()
        settings.ADDRESS_FILE.write_text(address)
        os.environ["CONVENE_BASE_URL"] = address
        os.environ["CONVENE_DATA"] = str(settings.DATA_DIR)
        commands = _commands(host, port, options["web_workers"])
        if options["lab"]:
            commands |= _lab(port)
        _become_supervisor(Plan(commands, _knock_at(host), port, address))


def _address(host: str, port: int) -> str:
    """What links begin with: the operator's word, or the address we listen on as another machine would type it."""
    if "CONVENE_BASE_URL" in os.environ:
        return str(settings.BASE_URL)
    name = _address_of_this_machine() if _is_wildcard(host) else host
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def _is_wildcard(host: str) -> bool:
    return host in ("0.0.0.0", "::", "")  # noqa: S104  recognised, not bound


def _address_of_this_machine() -> str:
    """The address other machines of this network know us by. Connecting a UDP socket sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return socket.gethostname()
        return str(probe.getsockname()[0])


def _knock_at(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def _refuse_busy_port(host: str, port: int) -> None:
    try:
        family, kind, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        with socket.socket(family, kind) as probe:
            if os.name == "posix":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
    except OverflowError as error:
        raise CommandError(f"{port} is not a port: choose one from 1 to 65535.") from error
    except OSError as error:
        raise CommandError(
            f"Cannot listen on {host} port {port}: {error.strerror}. Choose another with --port or --host."
        ) from error


def _refuse_public_demo(host: str, address: str) -> None:
    for name in (host, urlsplit(address).hostname or ""):
        if not _is_loopback(name):
            raise CommandError(
                f"The demo logins would be reachable by other machines at {name or host}. "
                "Start with --no-demo and an empty data folder, or say --public-demo if that is what you want."
            )


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def _commands(host: str, port: int, web_workers: int) -> dict[str, list[str]]:
    worker = [sys.executable, str(settings.BASE_DIR / "manage.py"), "worker", "--skip-checks"]
    web = [sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws", "--log-level", "warning"]
    web += ["--host", host, "--port", str(port), "--workers", str(web_workers)]
    web += ["--blocking-threads", str(WEB_THREADS)]
    web += ["--working-dir", str(settings.BASE_DIR), "config.wsgi:application"]
    return {"web server": web, "worker": worker}


def _lab(port: int) -> dict[str, list[str]]:
    """The doubles, on a port of their own beside ours, and everybody told to call them."""
    beside = port + LAB_BESIDE
    os.environ["CONVENE_LAB"] = f"http://127.0.0.1:{beside}"
    return {"lab": [sys.executable, str(settings.BASE_DIR / "manage.py"), "lab", "--port", str(beside)]}


def _become_supervisor(plan: Plan) -> None:
    """Give this process to the supervisor, so that Django's memory is not held for nothing."""
    os.chdir(settings.BASE_DIR)
    command = [sys.executable, "-m", "bookings.management.supervisor", plan.dumped()]
    if os.name == "posix":
        os.execv(sys.executable, command)  # noqa: S606  our own command line
    sys.exit(subprocess.call(command))  # noqa: S603  Windows has no exec that keeps the console


def _greeting(address: str, sheet: dict[str, Any] | None) -> str:
    lines = [f"Convene at {address}", f"Data in {settings.DATA_DIR}"]
    if sheet is None:
        return "\n".join([*lines, "Make the first login with `python manage.py createsuperuser`, then go to /admin/."])
    staff, admin, keys = sheet["staff"], sheet["admin"], sheet["cronofy"]
    body = {
        "host": {"sub": keys["sub"]},
        "recipients": [{"email": "you@example.com", "display_name": "You"}],
        "event": {"summary": "Coffee and a walk"},
    }
    curl = ["curl", f"{address}/v1/scheduler_requests", "-H", f"Authorization: Bearer {keys['client_secret']}"]
    curl += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
    return "\n".join(
        [
            *lines,
            f"Staff: {address}/ as {staff['username']}, password {staff['password']}",
            f"Admin: {address}/admin/ as {admin['username']}, password {admin['password']}",
            "To try the API:",
            f"  {shlex.join(curl)}",
        ]
    )
