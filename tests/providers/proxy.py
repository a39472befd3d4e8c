"""A proxy in front of a real server that misbehaves on request: loses answers, drops headers, lies."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "content-encoding", "date", "server"}


@dataclass
class Call:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Answer:
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Quirks:
    """What goes wrong. Counters count down with each call that they spoil.

    :param lose_answers: carry this many writing calls out and break the line instead of answering.
    :param lose_requests: break the line of this many writing calls without carrying them out.
    :param alter: sees each call before it is sent on; an Answer is given instead of asking the server.
    :param amend: sees each answer before it goes back.
    """

    lose_answers: int = 0
    lose_requests: int = 0
    alter: Callable[[Call], Answer | None] | None = None
    amend: Callable[[Call, Answer], Answer] | None = None
    calls: list[Call] = field(default_factory=list)


@dataclass
class Proxy:
    url: str
    hostport: str
    quirks: Quirks


@contextlib.contextmanager
def in_front_of(upstream: str) -> Iterator[Proxy]:
    quirks = Quirks()
    session = requests.Session()
    session.trust_env = False

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            call = Call(self.command, self.path, dict(self.headers.items()), self.rfile.read(length))
            quirks.calls.append(call)
            writes = self.command in ("PUT", "DELETE", "POST")
            if writes and quirks.lose_requests:
                quirks.lose_requests -= 1
                return self.break_off()
            answer = (quirks.alter(call) if quirks.alter else None) or self.ask(call)
            if writes and quirks.lose_answers:
                quirks.lose_answers -= 1
                return self.break_off()
            if quirks.amend:
                answer = quirks.amend(call, answer)
            self.send_response_only(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(answer.body)
            self.close_connection = True
            return None

        def ask(self, call: Call) -> Answer:
            headers = {name: value for name, value in call.headers.items() if name.lower() not in HOP_BY_HOP}
            reply = session.request(
                call.method,
                upstream.rstrip("/") + call.path,
                data=call.body,
                headers=headers,
                timeout=10,
                allow_redirects=False,
            )
            kept = {name: value for name, value in reply.headers.items() if name.lower() not in HOP_BY_HOP}
            return Answer(reply.status_code, kept, reply.content)

        def break_off(self) -> None:
            self.close_connection = True
            self.connection.close()

        def log_message(self, *arguments: object) -> None:
            pass

        def __getattr__(self, name: str) -> Callable[[], None]:
            if name.startswith("do_"):
                return self.handle_any
            raise AttributeError(name)

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *arguments: object) -> None:
            """A broken line is what is wanted here."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    hostport = f"127.0.0.1:{server.server_address[1]}"
    try:
        yield Proxy(f"http://{hostport}/", hostport, quirks)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        session.close()
