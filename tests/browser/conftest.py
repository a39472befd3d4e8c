"""A real installation (`manage.py up`), a real CalDAV server and a real browser. Nothing here is imported by a page.

Set CONVENE_SCREENSHOTS to a folder to keep the pictures.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.conftest import BROWSERS
from tests.servers import CalDavServer, free_port, radicale

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM_ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_LIMIT_S = 60
PATIENCE_S = 30
"""How long the worker may take to bring something to the calendar server, before a test gives up."""


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("CONVENE_", "DATABASE_"))}


def eventually(what: Callable[[], object], message: str, within: float = PATIENCE_S) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + within
    while not what():
        assert time.monotonic() < deadline, message
        time.sleep(0.2)


@dataclass
class Installation:
    """A running `up`: where it is, who may sign in, and everything it printed."""

    url: str
    data: Path
    process: subprocess.Popen[str]
    dav_password: str
    said: list[str] = field(default_factory=list)

    @property
    def keys(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.data / "keys.json").read_text())
        return found

    @cached_property
    def sheet(self) -> dict[str, Any]:
        """Logins, keys and ids of the demo, as `manage.py demo --json` tells them."""
        command = [sys.executable, "manage.py", "demo", "--json", "--data", str(self.data)]
        told = subprocess.run(command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=True)
        sheet: dict[str, Any] = json.loads(told.stdout)
        return sheet

    @cached_property
    def secrets(self) -> list[str]:
        """What no page may ever hold: the key file, the demo's keys, the calendar server's password."""
        names = re.compile("secret|token|key|password|bearer")
        parts = [part for part in self.sheet.values() if isinstance(part, dict)]
        issued = [value for part in parts for name, value in part.items() if names.search(name)]
        kept = [value for value in self.keys.values() if isinstance(value, str)]
        return [*issued, *kept, self.dav_password]

    def ask(self, **more: object) -> str:
        """Send a scheduler request through the API; returns the link its recipient gets."""
        answer = requests.post(
            f"{self.url}/v1/scheduler_requests",
            headers={"Authorization": f"Bearer {self.sheet['cronofy']['client_secret']}"},
            json={
                "host": {"sub": self.sheet["cronofy"]["sub"]},
                "recipients": [{"email": "cleo@example.org", "display_name": "Cleo"}],
                "event": {"summary": "A call"},
            }
            | more,
            timeout=30,
        )
        assert answer.status_code == 200, answer.text
        link: str = answer.json()["scheduler_request"]["recipients"][0]["select_url"]
        return link

    def listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)

    def wait_until_ready(self) -> None:
        eventually(
            lambda: self.process.poll() is not None or self._answers(), "`up` did not answer", within=START_LIMIT_S
        )
        assert self.process.poll() is None, "".join(self.said)

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/accounts/login/", timeout=5).status_code == 200
        except (requests.ConnectionError, requests.Timeout):
            return False


@pytest.fixture(scope="session")
def dav(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CalDavServer]:
    with radicale(tmp_path_factory.mktemp("radicale"), password="correct-horse") as server:
        yield server


@pytest.fixture(scope="session")
def convene(tmp_path_factory: pytest.TempPathFactory, dav: CalDavServer) -> Iterator[Installation]:
    data, port = tmp_path_factory.mktemp("convene"), free_port()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "up", "--data", str(data), "--port", str(port)],
        cwd=ROOT,
        env=clean_environment() | {"CONVENE_LAN_ALLOWED": dav.hostport},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    running = Installation(f"http://127.0.0.1:{port}", data, process, dav.password)
    threading.Thread(target=running.listen, daemon=True).start()
    try:
        running.wait_until_ready()
        yield running
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
    assert process.returncode == 0, "".join(running.said)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser per module: Playwright's event loop must not live on into tests that use the database."""
    path = next(filter(None, map(shutil.which, BROWSERS)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = os.environ.get("CONVENE_SCREENSHOTS")
    path = Path(folder) if folder else tmp_path_factory.mktemp("pictures")
    path.mkdir(parents=True, exist_ok=True)
    return path


@dataclass
class Visitor:
    """Somebody at a browser. What the browser complains of while they are there fails the test."""

    context: BrowserContext
    page: Page
    installation: Installation
    pictures: Path
    complaints: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        """Open a path of the installation, or an address it gave."""
        self.page.goto(path if path.startswith("http") else self.installation.url + path)

    def sign_in(self, username: str, password: str) -> None:
        self.page.locator("input[name=login]").fill(username)
        self.page.locator("input[name=password]").fill(password)
        self.page.locator("input[name=password]").press("Enter")
        self.page.wait_for_load_state()

    def sign_in_as_staff(self) -> None:
        self.go("/")
        self.sign_in("demo-staff", self.installation.keys["staff_password"])

    def sign_in_as_admin(self) -> None:
        self.go("/admin/")
        self.sign_in("demo-admin", self.installation.keys["admin_password"])

    def look(self, name: str, *, reload: bool = False) -> None:
        """Take the page's picture on a desk and on a phone, by day and by night; nothing may stick out, axe must find
        nothing, and no secret may be in it. `reload`: the page chooses its colours while it loads."""
        html = self.page.content()
        assert not [secret for secret in self.installation.secrets if secret in html], name
        was = self.page.viewport_size
        for scheme in ("light", "dark"):
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            if reload:
                self.page.reload()
            for width, height in ((1280, 800), (360, 740)):
                self.page.set_viewport_size({"width": width, "height": height})
                self.page.screenshot(path=self.pictures / f"{name}-{width}-{scheme}.png", full_page=True)
                wide = self.page.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, f"{name} is {wide} px wide on a screen of {width}"
                if (width > 400) == (scheme == "light"):  # each screen and each scheme once: axe takes its time
                    self._check_accessibility(f"{name} at {width} px, {scheme}")
        self.page.emulate_media(color_scheme="light")
        if was:
            self.page.set_viewport_size(was)

    def _check_accessibility(self, where: str) -> None:
        found = Axe().run(self.page)
        report = "\n".join(
            f"{violation['id']} ({violation['impact']}): {violation['help']}: "
            + "; ".join(node["html"][:200] + " " + node.get("failureSummary", "") for node in violation["nodes"][:5])
            for violation in found.response["violations"]
        )
        assert not report, f"{where}:\n{report}"


@pytest.fixture
def visitor(convene: Installation, chromium: Browser, pictures: Path) -> Iterator[Callable[..., Visitor]]:
    """Make visitors: `visitor(timezone_id="America/New_York", java_script_enabled=False)`."""
    present: list[Visitor] = []

    def arrive(**options: object) -> Visitor:
        options = {"viewport": {"width": 1280, "height": 800}, "accept_downloads": True, "locale": "en-GB"} | options
        context = chromium.new_context(**options)
        context.set_default_timeout(10_000)
        someone = Visitor(context, context.new_page(), convene, pictures)
        _listen_for_complaints(someone)
        present.append(someone)
        return someone

    yield arrive
    for someone in present:
        someone.context.close()
    assert not [complaint for someone in present for complaint in someone.complaints]


def _is_complaint(said: ConsoleMessage) -> bool:
    """Any error but the browser's own line about an answer with a status of 400 or more, which pages may well give."""
    return said.type == "error" and not said.text.startswith("Failed to load resource: the server responded")


def _listen_for_complaints(someone: Visitor) -> None:
    def note(text: str) -> None:
        someone.complaints.append(text)

    someone.context.on(
        "console",
        lambda said: note(f"console: {said.text}") if _is_complaint(said) else None,
    )
    someone.context.on("weberror", lambda error: note(f"script: {error.error}"))
    someone.context.on(
        "response",
        lambda answer: note(f"{answer.status} {answer.url}") if answer.status >= 500 else None,
    )
    someone.context.on(
        "request",
        lambda asked: (
            None
            if asked.url.startswith((someone.installation.url, "data:", "blob:"))
            else note(f"asked elsewhere: {asked.url}")
        ),
    )
