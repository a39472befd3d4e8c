"""Thirty-two clients send the same create at the same moment, in each dialect, to a real server on both engines."""

from __future__ import annotations

import collections
import contextlib
import json
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import requests

from tests.proofs.conftest import Engine
from tests.servers import free_port

CLIENTS = 32
TAKEN = {
    "leadconnector": (400, "The slot you have selected is no longer available."),
    "morph": (409, "CONNECTOR::OPERATION::BAD_REQUEST"),
    "timekit": (422, "start"),
}
"""How each says that a slot has gone: the status, and something its body says."""


@contextlib.contextmanager
def served(engine: Engine) -> Iterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    engine.installation.settings |= {"CONVENE_BASE_URL": url, "CONVENE_API_CALLS_PER_MINUTE": "10000"}
    process = engine.installation.start("up", "--no-demo", "--port", str(port))
    # Somebody has to read what it says, or it waits for that in the end.
    threading.Thread(target=process.communicate, daemon=True).start()
    try:
        _wait_for(url)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        with contextlib.suppress(requests.ConnectionError, requests.Timeout):
            if requests.get(f"{url}/health/ready", timeout=20).status_code == 200:
                return
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.1)


def inside(engine: Engine, verb: str) -> Any:
    done = engine.installation.run([sys.executable, "-m", "tests.proofs.identical", verb])
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def at_once(url: str, call: dict[str, Any], **headers: str) -> collections.Counter[tuple[int, str]]:
    """The statuses and bodies of all answers."""
    barrier, seen = threading.Barrier(CLIENTS), collections.Counter[tuple[int, str]]()
    lock = threading.Lock()

    def one() -> None:
        barrier.wait()
        try:
            answer = requests.request(
                call["method"], url + call["path"], json=call["body"], headers=call["headers"] | headers, timeout=120
            )
            told = answer.status_code, answer.text
        except requests.RequestException as error:
            told = 0, str(error)
        with lock:
            seen[told] += 1

    threads = [threading.Thread(target=one) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


def test_identical_creates_at_once_make_one_and_leave_nothing_behind(empty_installation: Engine) -> None:
    engine = empty_installation
    engine.installation.manage("migrate", "-v0")
    calls = inside(engine, "prepare")
    with served(engine) as url:
        for name, (status, words) in TAKEN.items():
            seen = at_once(url, calls[name])
            made = sum(count for (code, _), count in seen.items() if code in (200, 201))
            refused = sum(count for (code, text), count in seen.items() if code == status and words in text)
            assert (name, made, refused) == (name, 1, CLIENTS - 1), seen
        upserts = at_once(url, calls["cronofy"])
        assert {code for code, _ in upserts} == {202}, upserts
        # Morgen's events may lie over each other: only the client's own key says that they are the same.
        events = at_once(url, calls["morgen"], **{"Idempotency-Key": "the same"})
        assert {code for code, _ in events} <= {200, 409}, events
        assert len({text for code, text in events if code == 200}) == 1
    there = inside(engine, "judge")
    assert there == {"bookings": 3, "claims": 3, "events of bookings": 3, "plain events": 2, "contacts": 2}
