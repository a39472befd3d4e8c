"""A real server over TCP: the vendor's published client, retries at the same moment, raw hostile requests."""

from __future__ import annotations

import json
import socket
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pycronofy
import pytest
import requests
from pycronofy.exceptions import PyCronofyRequestError

from tests.api.live import Live, live

PATH = "/v1/scheduler_requests"


@pytest.fixture(params=["", "/cronofy"], ids=["root", "prefix"])
def client(request: pytest.FixtureRequest, server: Live, monkeypatch: pytest.MonkeyPatch) -> Any:
    """pycronofy, pointed at us as its documentation says."""
    monkeypatch.setattr(pycronofy.settings, "API_BASE_URL", server.url + request.param)
    keys = server.demo["cronofy"]
    return pycronofy.Client(client_id="any", client_secret=keys["client_secret"], access_token=keys["access_token"])


def body(server: Live, **changes: Any) -> dict[str, Any]:
    return {
        "host": {"sub": server.demo["cronofy"]["sub"]},
        "recipients": [{"email": "doc@evenitron.com", "display_name": "Dr Emmet Brown"}],
        "event": {"summary": "Driving lessons - Marty & Doc"},
    } | changes


def post(server: Live, data: Any, **headers: str) -> requests.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named.setdefault("Authorization", f"Bearer {server.demo['cronofy']['client_secret']}")
    content = {"data": data} if isinstance(data, bytes) else {"json": data}
    return requests.post(server.url + PATH, headers=named, timeout=30, **content)  # type: ignore[arg-type]


def create(client: Any, data: dict[str, Any], endpoint: str = "scheduler_requests", *, use_api_key: bool = True) -> Any:
    return client.request_handler.post(endpoint=endpoint, data=data, use_api_key=use_api_key)


def test_pycronofy_creates_a_request_with_its_client_secret(client: Any, server: Live) -> None:
    answer = create(client, body(server))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    [recipient] = answer.json()["scheduler_request"]["recipients"]
    assert recipient["select_url"].startswith(f"{server.url}/r/")


def test_pycronofy_creates_a_request_with_its_access_token(client: Any, server: Live) -> None:
    data = {name: value for name, value in body(server).items() if name != "host"}
    assert create(client, data, use_api_key=False).status_code == 200


def test_pycronofy_creates_a_request_for_a_group_rule(client: Any, server: Live) -> None:
    data = {name: value for name, value in body(server).items() if name != "host"}
    data["scheduler_group_rule"] = {"id": server.demo["cronofy"]["group_rule_id"]}
    assert create(client, data).status_code == 200


def test_pycronofy_raises_its_own_error_with_our_fields(client: Any, server: Live) -> None:
    with pytest.raises(PyCronofyRequestError) as raised:
        create(client, body(server, event={"summary": "x" * 1025}))
    assert raised.value.response.status_code == 422
    assert list(raised.value.response.json()["errors"]) == ["event.summary"]


def test_pycronofys_body_on_get_is_forgiven(client: Any, server: Live) -> None:
    made = create(client, body(server), "scheduling_requests").json()["scheduling_request"]
    answer = client.request_handler.get(
        endpoint=f"scheduling_requests/{made['scheduling_request_id']}", use_api_key=True
    )
    assert answer.json()["scheduling_request"]["slot_selection"] == "pending"


def test_pycronofy_cancels(client: Any, server: Live) -> None:
    made = create(client, body(server), "scheduling_requests").json()["scheduling_request"]
    answer = create(client, {"scheduling_request_id": made["scheduling_request_id"]}, "scheduling_requests/cancel")
    assert (answer.status_code, answer.content) == (202, b"")


def test_the_documented_example_over_the_wire(server: Live) -> None:
    """Header for header; only host name, key and sub are ours."""
    keys = server.demo["cronofy"]
    content = (
        f'{{\n  "host": {{\n    "sub": "{keys["sub"]}"\n  }},\n  "recipients": [\n    {{\n'
        '      "email": "doc@evenitron.com",\n      "display_name": "Dr Emmet Brown"\n    }\n  ],\n'
        '  "event": {\n    "summary": "Driving lessons - Marty & Doc"\n  }\n}'
    )
    head, _, answer = raw(
        server,
        f"POST {PATH} HTTP/1.1\r\nHost: {server.url[7:]}\r\nAuthorization: Bearer {keys['client_secret']}\r\n"
        f"Content-Type: application/json; charset=utf-8\r\nContent-Length: {len(content)}\r\n"
        f"Connection: close\r\n\r\n{content}".encode(),
    ).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert b"content-type: application/json; charset=utf-8" in head.lower()
    assert b'"scheduler_request_id":"srq_' in answer


def raw(server: Live, request: bytes, *, hang_up: bool = False) -> bytes:
    host, port = server.url[7:].split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(request)
        if hang_up:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    return received


def count(server: Live, summary: str) -> int:
    return int(server.query(f"print(SchedulerRequest.everywhere.filter(summary={summary!r}).count())"))


def test_ten_retries_at_once_make_one_request(server: Live) -> None:
    name = uuid.uuid4().hex
    data = body(server, event={"summary": name})
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: post(server, data, Idempotency_Key=name), range(10)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert {answer.headers["Retry-After"] for answer in answers if answer.status_code == 409} <= {"1"}
    settled = post(server, data, Idempotency_Key=name)
    assert {answer.content for answer in [*answers, settled] if answer.status_code == 200} == {settled.content}
    assert count(server, name) == 1


def test_many_callers_at_once_all_succeed(server: Live) -> None:
    name = uuid.uuid4().hex
    data = body(server, event={"summary": name})
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: post(server, data), range(64)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["scheduler_request"]["scheduler_request_id"] for answer in answers}) == 64
    assert count(server, name) == 64


@pytest.mark.parametrize(
    "label",
    [
        "application/json; charset=bogus",
        "application/json; charset=base64",
        "application/json; charset=utf-8\x01",
        "application/json; charset*=bogus''x",
        "application/json; charset*0*=punycode''%ff; charset*1*=%80",
        "a;" * 5000,
    ],
)
def test_no_label_breaks_the_server(server: Live, label: str) -> None:
    answer = post(server, b"{}", Content_Type=label)
    assert 400 <= answer.status_code < 500


@pytest.mark.parametrize("query", ["&".join(f"a{number}" for number in range(5000)), "a=%ff%00", "x" * 60_000])
def test_no_query_breaks_the_server(server: Live, query: str) -> None:
    host = server.url[7:]
    for label in ("application/json; charset=utf-8", "application/json; charset=base64"):
        answer = raw(
            server,
            f"POST {PATH}?{query} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {label}\r\nContent-Length: 2\r\n"
            "Connection: close\r\n\r\n{}".encode(),
        )
        assert answer.startswith(b"HTTP/1.1 4")


@pytest.mark.parametrize(
    "content", [b"[" * 100_000, b'{"a":"\\u0000"}', b"x" * 300 * 1024, b'{"a":' + b"9" * 30 + b"}"]
)
def test_a_hostile_body_over_the_wire_is_refused(server: Live, content: bytes) -> None:
    assert 400 <= post(server, content).status_code < 500


def test_a_body_shorter_than_it_says_is_refused(server: Live) -> None:
    keys = server.demo["cronofy"]
    answer = raw(
        server,
        f"POST {PATH} HTTP/1.1\r\nHost: {server.url[7:]}\r\nAuthorization: Bearer {keys['client_secret']}\r\n"
        'Content-Length: 500\r\nConnection: close\r\n\r\n{"host":'.encode(),
        hang_up=True,
    )
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")


def in_chunks(server: Live, content: bytes) -> requests.Response:
    chunks = (content[start : start + 4096] for start in range(0, len(content), 4096))
    bearer = {"Authorization": f"Bearer {server.demo['cronofy']['client_secret']}"}
    return requests.post(server.url + PATH, data=chunks, headers=bearer, timeout=30)


def test_a_body_in_chunks_is_read_and_limited(server: Live) -> None:
    long = body(server, event={"summary": "x", "description": "x" * 60_000})
    assert in_chunks(server, json.dumps(long).encode()).status_code == 200
    assert in_chunks(server, b'{"a": "' + b"x" * 300 * 1024 + b'"}').status_code == 413
    assert in_chunks(server, b"{").status_code == 422


@pytest.mark.parametrize(
    ("secret", "headers", "length", "status"),
    [
        ("", "", 300 * 1024, 413),
        ("", "Content-Encoding: gzip\r\n", 1000, 415),
        ("nonsense", "", 1000, 401),
    ],
)
def test_an_answer_before_the_body_was_read_says_that_the_connection_ends(
    server: Live, secret: str, headers: str, length: int, status: int
) -> None:
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: {server.url[7:]}\r\n{headers}Content-Length: {length}\r\n"
        f"Authorization: Bearer {secret or server.demo['cronofy']['client_secret']}\r\n\r\n"
    )
    answer = raw(server, head.encode()).partition(b"\r\n\r\n")[0].lower()
    assert answer.startswith(f"http/1.1 {status} ".encode())
    assert b"\r\nconnection: close" in answer


def test_an_answer_to_a_body_that_was_read_keeps_the_connection(server: Live) -> None:
    with requests.Session() as session:
        bearer = {"Authorization": f"Bearer {server.demo['cronofy']['client_secret']}"}
        for data in ({}, {}):
            answer = session.post(server.url + PATH, json=data, headers=bearer, timeout=30)
            assert (answer.status_code, "Connection" in answer.headers) == (422, False)


def test_the_servers_log_holds_no_secret_and_no_body(server: Live) -> None:
    post(server, body(server, event={"summary": "plutonium" * 200}))
    log = server.log.read_text()
    assert "plutonium" not in log
    assert server.demo["cronofy"]["client_secret"] not in log
    assert "Traceback" not in log


def test_callers_at_once_share_one_limit(tmp_path: Path) -> None:
    with live(tmp_path, CONVENE_API_CALLS_PER_MINUTE="20") as limited:
        data = body(limited)
        if time.time() % 60 > 45:
            time.sleep(61 - time.time() % 60)  # all of them in one minute
        with ThreadPoolExecutor(32) as pool:
            statuses = [answer.status_code for answer in pool.map(lambda _: post(limited, data), range(32))]
    assert (statuses.count(200), statuses.count(429)) == (20, 12)


def test_wrong_credentials_at_once_share_one_limit(tmp_path: Path) -> None:
    with live(tmp_path, CONVENE_API_WRONG_CREDENTIALS_PER_MINUTE="5") as limited:
        if time.time() % 60 > 45:
            time.sleep(61 - time.time() % 60)  # all of them in one minute
        with ThreadPoolExecutor(32) as pool:
            answers = list(pool.map(lambda _: post(limited, {}, Authorization="Bearer nonsense"), range(32)))
        statuses = [answer.status_code for answer in answers]
        assert (statuses.count(401), statuses.count(429)) == (5, 27)
        assert post(limited, body(limited)).status_code == 200
        assert limited.log.read_text().count("5 wrong API credentials in a minute from 127.0.0.1") == 1
