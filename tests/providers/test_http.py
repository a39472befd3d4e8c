"""The only way out: which addresses are called, and what an answer may cost."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from providers import http
from providers.addresses import Refused, is_denied, parse
from providers.http import Ambiguous, Basic, TimedOut, TooLarge, TooManyRedirects, Unreachable, fetch
from tests.providers.proxy import Answer, Call, Proxy, in_front_of
from tests.servers import free_port

HOSTILE = json.loads((Path(__file__).parents[1] / "oracles" / "hostile.json").read_text())["cases"]
BLOCKED = [case["value"] for case in HOSTILE if case["kind"] == "url" and case["expect"] == "block"]
PUBLIC = (socket.AF_INET, "93.184.215.14")


@pytest.fixture
def never_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError(f"a connection was tried: {arguments}")

    monkeypatch.setattr(http, "_dial", refuse)


@pytest.mark.parametrize("url", BLOCKED)
@pytest.mark.usefixtures("never_connected")
def test_a_hostile_address_is_refused(url: str) -> None:
    with pytest.raises(Refused):
        fetch("GET", url)


@pytest.mark.parametrize("url", [url.replace("http:", "https:") for url in BLOCKED])
@pytest.mark.usefixtures("never_connected")
def test_https_does_not_make_a_hostile_address_better(url: str) -> None:
    with pytest.raises(Refused):
        fetch("GET", url)


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.31.255.255"),
        *("192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"),
        *("224.0.0.1", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1"),
        *("100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "fc00::1", "fd12::1", "fe80::1", "fec0::1", "ff0e::1"),
    ],
)
def test_an_address_that_is_not_a_public_server_is_denied(address: str) -> None:
    assert is_denied(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.215.14", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_a_public_address_is_allowed(address: str) -> None:
    assert not is_denied(address)


@pytest.mark.usefixtures("never_connected")
def test_one_private_address_among_public_ones_refuses_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [PUBLIC, (socket.AF_INET, "10.0.0.1")]
    monkeypatch.setattr(http, "resolve", lambda host, port, deadline: answers)
    with pytest.raises(Refused, match="CONVENE_LAN_ALLOWED"):
        fetch("GET", "https://calendar.example.org/")


def test_a_name_is_resolved_once_and_the_checked_address_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second answer of a rebinding name server is loopback; it is never asked for."""
    asked: list[str] = []
    dialled: list[list[http.Address]] = []

    def rebinding(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        address = PUBLIC[1] if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    def dial(addresses: list[http.Address], port: int, deadline: float) -> socket.socket:
        dialled.append(addresses)
        raise Unreachable

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(http, "_dial", dial)
    with pytest.raises(Unreachable):
        fetch("GET", "https://rebinding.example.org/")
    assert asked == ["rebinding.example.org"]
    assert dialled == [[PUBLIC]]


@pytest.mark.usefixtures("never_connected")
def test_plain_http_to_a_public_server_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "resolve", lambda host, port, deadline: [PUBLIC])
    with pytest.raises(Refused, match="https"):
        fetch("GET", "http://calendar.example.org/")


@pytest.mark.usefixtures("never_connected")
@pytest.mark.parametrize("port", [22, 25, 5432, 6379])
def test_an_unusual_port_is_refused(port: int) -> None:
    with pytest.raises(Refused, match="port"):
        fetch("GET", f"https://calendar.example.org:{port}/")


@pytest.mark.parametrize(
    ("url", "called"),
    [
        ("HTTPS://Calendar.Example.org:443", "https://calendar.example.org/"),
        ("https://bücher.example/dav", "https://xn--bcher-kva.example/dav"),
        ("webcal://calendar.example.org/feed.ics?key=1", "https://calendar.example.org/feed.ics?key=1"),
        ("https://calendar.example.org./ä b".replace(" ", "%20"), "https://calendar.example.org/%C3%A4%20b"),
        ("https://[2606:4700::1111]:8443/", "https://[2606:4700::1111]:8443/"),
    ],
)
def test_an_ordinary_address_is_understood(url: str, called: str) -> None:
    assert parse(url).url == called


# ── A server on loopback, allowed by the operator ──


@pytest.fixture
def server(settings) -> Iterator[Proxy]:
    """A server whose answers a test decides; it asks nobody."""
    with in_front_of("http://127.0.0.1:9/") as running:
        settings.LAN_ALLOWED = [running.hostport]
        running.quirks.alter = lambda call: Answer(200, {}, call.body or b"hello")
        yield running


def test_the_operators_list_allows_host_and_port_and_no_other(server: Proxy, settings) -> None:
    assert fetch("GET", server.url).text == "hello"
    settings.LAN_ALLOWED = ["127.0.0.1:1"]
    with pytest.raises(Refused):
        fetch("GET", server.url)


def test_proxies_of_the_environment_are_not_used(server: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    assert fetch("GET", server.url).status == 200


def test_the_original_host_is_named_and_the_password_shown(server: Proxy) -> None:
    fetch("GET", server.url, auth=Basic("zoë", "pässword:with colon"))
    headers = server.quirks.calls[0].headers
    assert headers["Host"] == server.hostport
    assert base64.b64decode(headers["Authorization"].removeprefix("Basic ")).decode() == "zoë:pässword:with colon"


def test_a_redirect_is_followed_with_the_same_method_and_body(server: Proxy) -> None:
    def answer(call: Call) -> Answer:
        return Answer(301, {"Location": "/there"}) if call.path == "/" else Answer(207, {}, call.body)

    server.quirks.alter = answer
    found = fetch("PROPFIND", server.url, body=b"<x/>", follow=True, auth=Basic("a", "b"))
    assert (found.status, found.body, found.url) == (207, b"<x/>", f"{server.url}there")
    assert [call.method for call in server.quirks.calls] == ["PROPFIND", "PROPFIND"]
    assert "Authorization" in server.quirks.calls[1].headers


def test_a_redirect_is_not_followed_unless_asked_for(server: Proxy) -> None:
    server.quirks.alter = lambda call: Answer(302, {"Location": "/there"})
    assert fetch("PUT", server.url, body=b"x").status == 302
    assert len(server.quirks.calls) == 1


def test_a_redirect_to_another_origin_drops_the_password(server: Proxy, settings) -> None:
    with in_front_of("http://127.0.0.1:9/") as other:
        other.quirks.alter = lambda call: Answer(200)
        settings.LAN_ALLOWED = [server.hostport, other.hostport]
        server.quirks.alter = lambda call: Answer(307, {"Location": f"{other.url}steal"})
        fetch("PROPFIND", server.url, auth=Basic("a", "b"), follow=True)
    assert "Authorization" in server.quirks.calls[0].headers
    assert "Authorization" not in other.quirks.calls[0].headers


@pytest.mark.parametrize("location", ["http://169.254.169.254/", "http://127.0.0.1:22/", "//10.0.0.1/", "file:///etc"])
def test_every_hop_is_checked_again(server: Proxy, location: str) -> None:
    server.quirks.alter = lambda call: Answer(302, {"Location": location})
    with pytest.raises(Refused):
        fetch("GET", server.url, follow=True)


def test_redirects_end_after_three(server: Proxy) -> None:
    server.quirks.alter = lambda call: Answer(302, {"Location": f"{call.path}x"})
    with pytest.raises(TooManyRedirects):
        fetch("GET", server.url, follow=True)
    assert len(server.quirks.calls) == 4


def test_https_never_becomes_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "resolve", lambda host, port, deadline: [PUBLIC])
    headers = http.Message()
    headers["Location"] = "http://calendar.example.org/"
    monkeypatch.setattr(http, "_once", lambda *_: http.Response(302, headers, b"", ""))
    with pytest.raises(Refused, match="https to http"):
        fetch("GET", "https://calendar.example.org/", follow=True)


def test_nobody_listening_means_surely_not_sent(settings) -> None:
    hostport = f"127.0.0.1:{free_port()}"
    settings.LAN_ALLOWED = [hostport]
    with pytest.raises(Unreachable):
        fetch("PUT", f"http://{hostport}/", body=b"x")


def test_a_broken_line_means_perhaps_carried_out(server: Proxy) -> None:
    server.quirks.lose_answers = 1
    with pytest.raises(Ambiguous):
        fetch("PUT", server.url, body=b"x")
    assert len(server.quirks.calls) == 1, "nothing is sent a second time here"


def test_a_large_answer_is_not_read(server: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "WIRE_LIMIT", 100_000)
    server.quirks.alter = lambda call: Answer(200, {}, b"x" * 200_000)
    with pytest.raises(TooLarge):
        fetch("GET", server.url)


def test_a_small_answer_that_unpacks_to_a_huge_one_is_not_unpacked(server: Proxy) -> None:
    bomb = gzip.compress(b"\0" * (60 * 1024 * 1024), compresslevel=6)
    server.quirks.alter = lambda call: Answer(200, {"Content-Encoding": "gzip"}, bomb)
    with pytest.raises(TooLarge):
        fetch("GET", server.url)


def test_a_packed_answer_is_unpacked(server: Proxy) -> None:
    server.quirks.alter = lambda call: Answer(200, {"Content-Encoding": "gzip"}, gzip.compress(b"small" * 1000))
    assert fetch("GET", server.url).body == b"small" * 1000


def test_nothing_secret_is_logged(server: Proxy, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    fetch("GET", f"{server.url}private-token/feed.ics", auth=Basic("ada", "s3cret"))
    assert server.hostport in caplog.text
    for secret in ("private-token", "s3cret", "ada", "YWRh"):
        assert secret not in caplog.text
    assert "s3cret" not in repr(Basic("ada", "s3cret"))


@contextlib.contextmanager
def raw_server(behave: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that does with the line whatever it is told to; gives its host and port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            line, _ = listener.accept()
            with line, contextlib.suppress(OSError):
                line.recv(65536)
                behave(line)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()
        thread.join(5)


def drip(*pieces: bytes) -> Callable[[socket.socket], None]:
    def behave(line: socket.socket) -> None:
        for piece in pieces:
            line.sendall(piece)
        while True:
            line.sendall(b"x")
            time.sleep(0.05)

    return behave


@pytest.mark.parametrize(
    "behave",
    [
        drip(b"HTTP/1.1 200 OK\r\nX-Slow: "),
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"),
        lambda line: time.sleep(1.2),
    ],
    ids=["headers", "body", "silence"],
)
def test_a_dripping_server_is_cut_off_by_the_wall_clock(settings, behave: Callable[[socket.socket], None]) -> None:
    with raw_server(behave) as hostport:
        settings.LAN_ALLOWED = [hostport]
        began = time.monotonic()
        with pytest.raises(TimedOut):
            fetch("GET", f"http://{hostport}/", total_s=0.6)
        assert time.monotonic() - began < 1.5


def test_fewer_bytes_than_announced_are_no_answer(settings) -> None:
    with raw_server(lambda line: line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")) as hostport:
        settings.LAN_ALLOWED = [hostport]
        with pytest.raises(Ambiguous):
            fetch("GET", f"http://{hostport}/")


def test_what_is_no_http_is_no_answer(settings) -> None:
    with raw_server(lambda line: line.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")) as hostport:
        settings.LAN_ALLOWED = [hostport]
        with pytest.raises(Ambiguous):
            fetch("GET", f"http://{hostport}/")
