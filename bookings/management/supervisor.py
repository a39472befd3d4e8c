"""One small parent for the web server and the worker. Standard library only, so that it stays small for years.

Run as `python -m bookings.management.supervisor PLAN`, where PLAN is the JSON of `Plan`.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from types import FrameType

PATIENCE_S = 10.0
"""How long a child may take to stop before it is killed."""


@dataclass(frozen=True)
class Plan:
    """What to run, by name, and where to knock until the web server answers."""

    commands: dict[str, list[str]]
    host: str
    port: int
    address: str

    def dumped(self) -> str:
        return json.dumps(asdict(self))


def main(plan: Plan) -> int:
    """Run the children until a signal asks to stop (returns 0) or one of them ends by itself (returns 1)."""
    stop = threading.Event()
    _on_stop_signals(stop)
    children = {name: _start(command) for name, command in plan.commands.items()}
    try:
        _announce(plan, children, stop)
        ended = _wait(children, stop)
    finally:
        _stop_all(children)
    if ended:
        _say(f"The {ended} stopped by itself ({_how(children[ended])}), so everything was stopped.")
        return 1
    _say("Stopped.")
    return 0


def _on_stop_signals(stop: threading.Event) -> None:
    def ask(number: int, frame: FrameType | None) -> None:
        stop.set()

    for name in ("SIGTERM", "SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), ask)


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    """In a process group of its own: Ctrl-C reaches the parent alone, which then stops each child once."""
    if os.name != "posix":
        return subprocess.Popen(command)  # noqa: S603  our own command lines
    return subprocess.Popen(command, process_group=0, preexec_fn=_die_with_parent)  # noqa: S603


def _die_with_parent() -> None:
    """Linux: a parent that is killed outright takes its children along."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def _announce(plan: Plan, children: dict[str, subprocess.Popen[bytes]], stop: threading.Event) -> None:
    while not stop.is_set() and all(child.poll() is None for child in children.values()):
        if _answers(plan.host, plan.port):
            _say(f"Ready: {plan.address} (Ctrl-C stops it)")
            return
        stop.wait(0.1)


def _answers(host: str, port: int) -> bool:
    question = b"GET /health/live HTTP/1.0\r\nHost: localhost\r\n\r\n"
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=2) as connection:
        connection.sendall(question)
        return connection.recv(16).startswith(b"HTTP/1.")
    return False


def _wait(children: dict[str, subprocess.Popen[bytes]], stop: threading.Event) -> str:
    """Until a signal (empty text) or the end of a child (its name)."""
    while not stop.wait(0.5):
        for name, child in children.items():
            if child.poll() is not None:
                return name
    return ""


def _stop_all(children: dict[str, subprocess.Popen[bytes]]) -> None:
    for child in children.values():
        if child.poll() is None:
            child.terminate()
    deadline = time.monotonic() + PATIENCE_S
    for child in children.values():
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(max(0.0, deadline - time.monotonic()))
        _kill_what_is_left(child)


def _kill_what_is_left(child: subprocess.Popen[bytes]) -> None:
    """The child and everything it started: a web server killed outright leaves its workers behind."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.name == "posix":
            os.killpg(child.pid, signal.SIGKILL)
        elif child.poll() is None:
            child.kill()
    child.wait()


def _how(child: subprocess.Popen[bytes]) -> str:
    code = child.returncode
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(Plan(**json.loads(sys.argv[1]))))
