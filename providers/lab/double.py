"""What every double shares: routes, a log of calls, faults that were asked for, and a server on loopback.

A double is an object with state; `serve` puts several of them behind one port, each under its name. Faults are added
in the process (`double.faults.append`) or, by an operator, with `POST /lab/faults`; `GET /lab/calls` tells the calls,
and `POST /lab/do` does what somebody would do there by hand.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

LOOPBACK = "127.0.0.1"
_LOG_KEPT = 20_000


@dataclass(frozen=True)
class Asked:
    """A request as a double sees it: `path` below its own prefix; header names in lower case; `query` in order."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes

    def get(self, name: str, default: str = "") -> str:
        """The last value of a query parameter."""
        return dict(self.query).get(name, default)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.query if key == name]

    def json(self) -> Any:
        """The decoded body; raises ValueError."""
        return json.loads(self.body or b"null")

    @property
    def bearer(self) -> str:
        kind, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if kind.lower() == "bearer" else ""


@dataclass(frozen=True)
class Told:
    """An answer. A dict or list is sent as JSON, text and bytes as they are."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def raw(self) -> bytes:
        if self.body is None:
            return b""
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


@dataclass
class Fault:
    """Misbehaviour of the next `times` calls whose "METHOD /path" matches the pattern.

    :param kind: `answer` (say `told` and do nothing), `lost_request` (hang up, do nothing), `lost_answer` (do it, hang
        up), `garbled` (do it, answer half a body), `belied` (do it, say `told`), `slow` (wait `seconds`, then do it).
    """

    kind: str
    pattern: str = ".*"
    times: int = 1
    told: Told = field(default_factory=lambda: Told(500))
    seconds: float = 0.0

    def hits(self, asked: Asked) -> bool:
        return self.times > 0 and re.search(self.pattern, f"{asked.method} {asked.path}") is not None


@dataclass(frozen=True)
class Call:
    """A call that arrived, with the status that was (or would have been) answered."""

    at: float
    asked: Asked
    status: int


class HangUp(Exception):
    """The line is cut without an answer."""


Handler = Callable[..., Told]


def route(method: str, pattern: str) -> Callable[[Handler], Handler]:
    """Marks a method of a double: the path with {names}, each one segment, given to it unquoted by name."""
    shape = re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", pattern))

    def mark(handler: Handler) -> Handler:
        handler.route = (method, shape)  # type: ignore[attr-defined]
        return handler

    return mark


class Double:
    """One service. Handlers run one at a time, so a double's state needs no locks of its own."""

    name: ClassVar[str]

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.calls: list[Call] = []
        self.url = ""
        self._lock = threading.RLock()
        members = (getattr(self, name) for name in dir(type(self)) if not name.startswith("__"))
        self._routes = [(*each.route, each) for each in members if callable(each) and hasattr(each, "route")]

    def respond(self, asked: Asked) -> Told:
        """The answer to a request, with the next fault that fits it; raises HangUp."""
        with self._lock:
            fault = next((each for each in self.faults if each.hits(asked)), None)
            if fault is not None:
                fault.times -= 1
        if fault is not None and fault.kind == "slow":
            time.sleep(fault.seconds)
        with self._lock:
            does = fault is None or fault.kind not in ("answer", "lost_request")
            told = self.handle(asked) if does else (fault.told if fault and fault.kind == "answer" else Told(0))
            self.calls = [*self.calls[-_LOG_KEPT:], Call(time.time(), asked, told.status)]
        if fault is not None and fault.kind in ("lost_request", "lost_answer"):
            raise HangUp
        if fault is not None and fault.kind == "belied":
            return fault.told
        if fault is not None and fault.kind == "garbled":
            return Told(told.status, told.raw()[: len(told.raw()) // 2], told.headers)
        return told

    def handle(self, asked: Asked) -> Told:
        """What the service does; `admit` first, then the route."""
        for method, shape, handler in self._routes:
            if method == asked.method and (found := shape.fullmatch(asked.path)):
                refusal = self.admit(asked)
                names = {name: unquote(value) for name, value in found.groupdict().items()}
                return refusal or handler(asked, **names)
        return self.lost(asked)

    def admit(self, asked: Asked) -> Told | None:
        """The answer to a caller who may not enter, None for others."""
        return None

    def lost(self, asked: Asked) -> Told:
        """The answer to an unknown path."""
        return Told(404, {"error": "not found"})

    def count(self, pattern: str) -> int:
        """How many calls arrived whose "METHOD /path" matches."""
        return sum(1 for call in self.calls if re.search(pattern, f"{call.asked.method} {call.asked.path}"))


@contextlib.contextmanager
def serve(*doubles: Double, port: int = 0) -> Iterator[str]:
    """Doubles on loopback, each under `/<name>`; gives the address without a slash and sets each double's `url`."""
    server = _Server((LOOPBACK, port), _Request)
    server.doubles = {double.name: double for double in doubles}
    url = f"http://{LOOPBACK}:{server.server_address[1]}"
    for double in doubles:
        double.url = f"{url}/{double.name}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield url
    finally:
        server.shutdown()
        server.server_close()


def _plain(value: Any) -> Any:
    """Anything, as far as JSON can say it."""
    return vars(value) if hasattr(value, "__dict__") else str(value)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    doubles: dict[str, Double]


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _respond(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else b""
        parts = urlsplit(self.path)
        name, _, rest = parts.path.lstrip("/").partition("/")
        query = tuple(parse_qsl(parts.query, keep_blank_values=True))
        headers = {key.lower(): value for key, value in self.headers.items()}
        asked = Asked(self.command, f"/{rest}", query, headers, body)
        double = self.server.doubles.get(name)
        try:
            told = double.respond(asked) if double else self._control(name, asked)
        except HangUp:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        self._send(told)

    def _send(self, told: Told) -> None:
        raw = told.raw()
        kind = "application/json" if isinstance(told.body, dict | list) else "text/plain; charset=utf-8"
        self.send_response(told.status)
        for key, value in {"Content-Type": kind, **told.headers, "Content-Length": str(len(raw))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)

    def _control(self, name: str, asked: Asked) -> Told:
        """An operator's switches: `POST /lab/faults` with {service, kind, pattern, times, status, body, headers,
        seconds}, `DELETE /lab/faults`, `GET /lab/calls`, `POST /lab/do`."""
        doubles = self.server.doubles
        if name != "lab":
            return Told(404, {"error": f"there is no service {name}", "services": sorted(doubles)})
        if asked.path == "/calls":
            lines = [
                [double, call.asked.method, call.asked.path, call.status]
                for double, each in doubles.items()
                for call in each.calls[-200:]
            ]
            return Told(200, lines)
        if asked.path == "/faults" and asked.method == "DELETE":
            for each in doubles.values():
                each.faults.clear()
            return Told(204)
        if asked.path in ("/faults", "/do") and asked.method == "POST":
            try:
                wish = asked.json()
                return self._add_fault(wish) if asked.path == "/faults" else self._do(wish)
            except Exception as error:  # whatever a double says to what it was asked by hand
                return Told(400, {"error": f"{type(error).__name__}: {error}"})
        return Told(404, {"error": "POST /lab/faults, DELETE /lab/faults, GET /lab/calls, POST /lab/do"})

    def _do(self, wish: dict[str, Any]) -> Told:
        """What somebody does at the service itself: {service, call, arguments, named} calls a method of the double."""
        double = self.server.doubles[wish["service"]]
        call = getattr(double, wish["call"])
        if wish["call"].startswith("_") or not callable(call) or hasattr(call, "route"):
            return Told(400, {"error": f"{wish['call']} is nothing that somebody does"})
        with double._lock:
            done = call(*wish.get("arguments", []), **wish.get("named", {}))
        return Told(200, json.loads(json.dumps({"done": done}, default=_plain)))

    def _add_fault(self, wish: dict[str, Any]) -> Told:
        double = self.server.doubles.get(wish.get("service", ""))
        if double is None:
            return Told(400, {"error": "service is missing or unknown", "services": sorted(self.server.doubles)})
        told = Told(wish.get("status", 500), wish.get("body"), wish.get("headers", {}))
        known = {name: wish[name] for name in ("pattern", "times", "seconds") if name in wish}
        double.faults.append(Fault(wish.get("kind", "answer"), told=told, **known))
        return Told(201, {"faults": len(double.faults)})

    def log_message(self, format: str, *args: Any) -> None:
        pass

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _respond
    do_PROPFIND = do_REPORT = do_MKCALENDAR = _respond  # WebDAV, for a double that stands before a real server
