"""The only way out. Every address is checked, every answer is bounded, nothing is sent twice.

An address is resolved once; all that it resolves to must be public (or the operator has listed host:port in
LAN_ALLOWED), and the connection goes to the address that was checked, with the original Host and SNI. Proxies from the
environment are not used. Nothing is retried here: whoever calls knows whether a second attempt is safe, and the error
says what is known about the first (Unreachable: surely not sent; Ambiguous: sent, answer unknown).
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import logging
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from functools import cache
from urllib.parse import urljoin

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from providers.addresses import Address, Endpoint, Refused, check_addresses, check_name, parse

CONNECT_S = 3.0
TOTAL_S = 15.0
RESOLVE_S = 5.0
WIRE_LIMIT = 10 * 1024 * 1024
BODY_LIMIT = 50 * 1024 * 1024
REDIRECTS = 3
_CHUNK = 64 * 1024
_MOVED = frozenset({301, 302, 303, 307, 308})

log = logging.getLogger(__name__)


class HttpError(Exception):
    """No usable answer. The text is fixed, safe to show, and never tells what lies behind an address."""

    text = "The server could not be asked."

    def __init__(self, text: str = "") -> None:
        super().__init__(text or self.text)


class Unreachable(HttpError):
    """The request was surely not sent."""

    text = "The server cannot be reached. Check its address, and whether it is running."


class NameUnknown(Unreachable):
    text = "There is no server of that name."


class ConnectTimeout(Unreachable):
    text = "The server did not accept a connection in time."


class BadCertificate(Unreachable):
    text = "The server's certificate is not valid for its name, so nothing was sent to it."


class Ambiguous(HttpError):
    """The request was sent; whether it was carried out is not known."""

    text = "The connection broke before the server answered."


class TimedOut(Ambiguous):
    text = "The server took too long to answer."


class TooLarge(Ambiguous):
    text = "The server's answer is larger than 10 MB (50 MB unpacked), so it was not read."


class TooManyRedirects(HttpError):
    text = "The server keeps sending us to other addresses."


@dataclass(frozen=True)
class Basic:
    """Name and password. They are shown to nobody: not in logs, not in errors."""

    username: str
    password: str = field(repr=False)

    def header(self) -> str:
        pair = f"{self.username}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"


@dataclass(frozen=True)
class Bearer:
    token: str = field(repr=False)

    def header(self) -> str:
        return f"Bearer {self.token}"


@dataclass(frozen=True)
class Response:
    """An answer, whatever its status. `url` is where it finally came from; header names are case-insensitive."""

    status: int
    headers: Message
    body: bytes
    url: str

    def header(self, name: str) -> str:
        value = self.headers.get(name, "")
        return str(value).strip()

    @property
    def text(self) -> str:
        try:
            return self.body.decode(self.headers.get_content_charset() or "utf-8", errors="replace")
        except LookupError:  # a charset that nobody knows
            return self.body.decode("utf-8", errors="replace")

    @property
    def retry_after(self) -> int | None:
        """Seconds that the server asks us to wait, when it says so in seconds (RFC 9110 section 10.2.3)."""
        value = self.header("Retry-After")
        return min(int(value), 86_400) if value.isascii() and value.isdigit() else None


def fetch(
    method: str,
    url: str,
    *,
    auth: Basic | Bearer | None = None,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    follow: bool = False,
    total_s: float = TOTAL_S,
) -> Response:
    """Send one request and read the whole answer, within `total_s` seconds of wall clock.

    With `follow`, up to three redirects are followed by sending the same method and body again, which is right for
    reading methods (GET, PROPFIND, REPORT) only. Each address is checked; `auth` is dropped when the origin changes;
    from https it never goes to http. Raises Refused, Unreachable, Ambiguous, TooLarge, TooManyRedirects.
    """
    deadline = time.monotonic() + total_s
    target = parse(url)
    for _ in range(REDIRECTS + 1):
        answer = _once(method, target, auth, headers or {}, body, deadline)
        location = answer.header("Location")
        if not follow or answer.status not in _MOVED or not location:
            return answer
        following = parse(urljoin(target.url, location))
        if target.scheme == "https" and following.scheme == "http":
            raise Refused("The server sends us from https to http, which would show the password on the way.")
        if following.origin != target.origin:
            auth = None
        target = following
    raise TooManyRedirects


def _once(
    method: str,
    target: Endpoint,
    auth: Basic | Bearer | None,
    headers: Mapping[str, str],
    body: bytes,
    deadline: float,
) -> Response:
    began = time.monotonic()
    outcome = "failed"
    try:
        check_name(target)
        found = resolve(target.host, target.port, min(deadline, began + RESOLVE_S))
        addresses = check_addresses(target, found)
        with _connected(target, addresses, deadline) as connection:
            answer = _exchange(connection, method, target, _headers(target, auth, headers), body, deadline)
        outcome = str(answer.status)
        return answer
    except (HttpError, Refused) as error:
        outcome = type(error).__name__
        raise
    finally:
        # Paths may hold secrets (feeds) and names of people; the host is enough to find a fault.
        log.debug("%s %s: %s in %d ms", method, target.origin, outcome, (time.monotonic() - began) * 1000)


def _headers(target: Endpoint, auth: Basic | Bearer | None, given: Mapping[str, str]) -> dict[str, str]:
    merged = {
        "Host": target.authority,
        "User-Agent": "Convene",
        "Accept-Encoding": "gzip",
        "Connection": "close",
        **given,
    }
    if auth is not None:
        merged["Authorization"] = auth.header()
    return merged


def resolve(host: str, port: int, deadline: float) -> list[Address]:
    """Ask the name server once. It knows no time limit, so it is asked in a thread that may be left behind."""
    answer: list[Address] = []
    failure: list[OSError] = []

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answer.extend(dict.fromkeys((family, str(place[0])) for family, _, _, _, place in found))
        except (OSError, UnicodeError) as error:
            failure.append(error if isinstance(error, OSError) else OSError(str(error)))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(max(0.0, deadline - time.monotonic()))
    if failure or not answer:
        raise NameUnknown
    return answer


@contextlib.contextmanager
def _connected(target: Endpoint, addresses: list[Address], deadline: float) -> Iterator[http.client.HTTPConnection]:
    """A connection to one of the checked addresses, torn down at the deadline whatever it is doing then."""
    plain = _dial(addresses, target.port, deadline)
    expired = threading.Event()

    def cut() -> None:
        expired.set()
        with contextlib.suppress(OSError):
            # The descriptor itself, not the TLS layer: another thread is reading through that.
            plain.shutdown(socket.SHUT_RDWR)

    watchdog = threading.Timer(max(0.0, deadline - time.monotonic()), cut)
    watchdog.daemon = True
    watchdog.start()
    connection = http.client.HTTPConnection(target.host, target.port)
    try:
        connection.sock = _secured(plain, target) if target.scheme == "https" else plain
        yield connection
        if expired.is_set():
            raise TimedOut  # a line cut inside the header looks like a short answer
    except HttpError as error:
        if expired.is_set() and isinstance(error, Ambiguous):
            raise TimedOut from error
        raise
    finally:
        watchdog.cancel()
        connection.close()
        plain.close()


def _dial(addresses: list[Address], port: int, deadline: float) -> socket.socket:
    failure: Exception = Unreachable()
    for family, address in addresses:
        plain = socket.socket(family, socket.SOCK_STREAM)
        plain.settimeout(max(0.01, min(CONNECT_S, deadline - time.monotonic())))
        try:
            plain.connect((address, port))
        except OSError as error:
            plain.close()
            failure = ConnectTimeout() if isinstance(error, TimeoutError) else Unreachable()
            failure.__cause__ = error
            continue
        plain.settimeout(max(0.01, deadline - time.monotonic()))
        return plain
    raise failure


def _secured(plain: socket.socket, target: Endpoint) -> socket.socket:
    try:
        # The wrapper owns a duplicate, so that the watchdog can still cut the line below it.
        return _trust().wrap_socket(plain.dup(), server_hostname=target.host)
    except ssl.SSLCertVerificationError as error:
        raise BadCertificate from error
    except OSError as error:
        raise Unreachable("A secure connection to the server cannot be made.") from error


@cache
def _trust() -> ssl.SSLContext:
    """What the machine trusts (SSL_CERT_FILE adds a private authority) and the public authorities of certifi."""
    context = ssl.create_default_context()
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    return context


def _exchange(
    connection: http.client.HTTPConnection,
    method: str,
    target: Endpoint,
    headers: dict[str, str],
    body: bytes,
    deadline: float,
) -> Response:
    try:
        connection.request(method, target.path, body=body or None, headers=headers)
        raw = connection.getresponse()
        return Response(raw.status, raw.headers, _read(raw, deadline), target.url)
    except TimeoutError as error:
        raise TimedOut from error
    except (OSError, http.client.HTTPException) as error:
        raise Ambiguous from error


def _read(raw: http.client.HTTPResponse, deadline: float) -> bytes:
    """The body, unpacked. Bounded on the wire and unpacked, so that a small bomb stays small."""
    packed = raw.headers.get("Content-Encoding", "").strip().lower() in ("gzip", "x-gzip", "deflate")
    unpacker = zlib.decompressobj(wbits=47) if packed else None
    parts: list[bytes] = []
    wire = size = 0
    while chunk := raw.read1(_CHUNK):
        wire += len(chunk)
        if time.monotonic() > deadline:
            raise TimedOut
        if wire > WIRE_LIMIT:
            raise TooLarge
        for part in _unpack(unpacker, chunk):
            size += len(part)
            if size > BODY_LIMIT:
                raise TooLarge
            parts.append(part)
    if raw.length:
        raise Ambiguous  # fewer bytes than announced
    return b"".join(parts)


def _unpack(unpacker: zlib._Decompress | None, chunk: bytes) -> Iterator[bytes]:
    if unpacker is None:
        yield chunk
        return
    try:
        while chunk:
            yield unpacker.decompress(chunk, _CHUNK * 16)
            chunk = unpacker.unconsumed_tail
    except zlib.error as error:
        raise Ambiguous("The server's answer is damaged.") from error
