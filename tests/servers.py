"""Real CalDAV servers on loopback, started from their packages, each in a folder of its own.

with radicale(tmp_path) as server:
    calendar = server.make_calendar("work")
    server.put(calendar, "a.ics", text)
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin, urlsplit
from xml.sax.saxutils import escape

import requests

DAV = "{DAV:}"
CALDAV = "{urn:ietf:params:xml:ns:caldav}"
START_LIMIT_S = 20


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@dataclass
class CalDavServer:
    """A running server and a plain client for it, so that tests can look behind the product's back.

    `url` ends in a slash; `home` is the URL under which `username` keeps calendars.
    """

    name: str
    url: str
    home: str
    username: str
    password: str
    process: subprocess.Popen[bytes]
    session: requests.Session = field(default_factory=requests.Session)
    made: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.session.trust_env = False
        if self.password:
            self.session.auth = (self.username, self.password)

    @property
    def hostport(self) -> str:
        """What CONVENE_LAN_ALLOWED must list."""
        return urlsplit(self.url).netloc

    def request(
        self, method: str, url: str, body: str | bytes = b"", *, expect: tuple[int, ...] = (), **headers: str
    ) -> requests.Response:
        """Call the server itself. Header names are given with underscores: `If_Match="…"`."""
        wire = {name.replace("_", "-"): value for name, value in headers.items()}
        data = body.encode() if isinstance(body, str) else body
        answer = self.session.request(method, url, data=data, headers=wire, timeout=20, allow_redirects=False)
        if expect and answer.status_code not in expect:
            raise AssertionError(f"{self.name}: {method} {url} answered {answer.status_code}: {answer.text[:500]}")
        return answer

    def make_calendar(self, name: str, *, title: str = "", timezone: str = "", colour: str = "") -> str:
        """Make an empty calendar and return its URL."""
        url = f"{self.home}{name}/"
        properties = f"<d:displayname>{escape(title or name)}</d:displayname>"
        if colour:
            properties += f'<a:calendar-color xmlns:a="http://apple.com/ns/ical/">{colour}</a:calendar-color>'
        if timezone:
            zone = f"BEGIN:VTIMEZONE\nTZID:{timezone}\nEND:VTIMEZONE\n"
            text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//t//t//EN\n{zone}END:VCALENDAR\n"
            properties += f"<c:calendar-timezone>{text}</c:calendar-timezone>"
        body = (
            '<?xml version="1.0" encoding="utf-8"?>'
            '<c:mkcalendar xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">'
            f"<d:set><d:prop>{properties}</d:prop></d:set></c:mkcalendar>"
        )
        self.request("MKCALENDAR", url, body, expect=(201,), Content_Type="application/xml; charset=utf-8")
        self.made.append(url)
        return url

    def forget_calendars(self) -> None:
        """Remove every calendar that was made, so that the next test finds an empty server."""
        while self.made:
            self.request("DELETE", self.made.pop(), expect=(200, 204, 404))

    def put(self, calendar: str, name: str, text: str) -> str:
        """Write one object as another program would; returns its URL."""
        url = f"{calendar}{name}"
        self.request("PUT", url, text, expect=(200, 201, 204), Content_Type="text/calendar; charset=utf-8")
        return url

    def get(self, url: str) -> str:
        return self.request("GET", url, expect=(200,)).content.decode()

    def delete(self, url: str) -> None:
        """Remove an object or a whole calendar."""
        self.request("DELETE", url, expect=(200, 204))

    def hrefs(self, calendar: str) -> list[str]:
        """URLs of the objects in a calendar."""
        answer = self.request("PROPFIND", calendar, expect=(207,), Depth="1", Content_Type="application/xml")
        found = [
            urljoin(calendar, (node.findtext(f"{DAV}href") or "").strip())
            for node in ElementTree.fromstring(answer.content)
        ]
        return sorted(href for href in found if href.rstrip("/") != calendar.rstrip("/"))

    def objects(self, calendar: str) -> dict[str, str]:
        """Everything in a calendar: URL to iCalendar text with LF line ends. What goes away meanwhile is left out."""
        answers = {href: self.request("GET", href, expect=(200, 404)) for href in self.hrefs(calendar)}
        found = {href: answer for href, answer in answers.items() if answer.status_code == 200}
        return {href: answer.content.decode().replace("\r\n", "\n") for href, answer in found.items()}

    def stop(self) -> None:
        self.session.close()
        _end(self.process)


@contextlib.contextmanager
def radicale(folder: Path, port: int | None = None, *, password: str = "s3cret-pässword") -> Iterator[CalDavServer]:
    """Radicale with one user, `ada`, whose password is checked."""
    server = start_radicale(folder, port, password=password)
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def xandikos(folder: Path, port: int | None = None) -> Iterator[CalDavServer]:
    """Xandikos, which asks nobody for a password over plain HTTP; `username` is `user`."""
    server = start_xandikos(folder, port)
    try:
        yield server
    finally:
        server.stop()


def start_radicale(
    folder: Path, port: int | None = None, *, username: str = "ada", password: str = "s3cret-pässword"
) -> CalDavServer:
    """Start Radicale; whoever calls this calls `stop()`. The same folder again continues with its data."""
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    set_radicale_password(folder, username, password)
    process = _spawn(
        folder,
        "radicale",
        *("--config", ""),
        *("--server-hosts", f"127.0.0.1:{port}"),
        *("--auth-type", "htpasswd", "--auth-delay", "0"),
        *("--auth-htpasswd-filename", str(folder / "users"), "--auth-htpasswd-encryption", "plain"),
        *("--storage-filesystem-folder", str(folder / "collections")),
        *("--logging-level", "warning"),
    )
    root = f"http://127.0.0.1:{port}/"
    server = CalDavServer("radicale", root, f"{root}{username}/", username, password, process)
    _wait(server, folder)
    # Radicale makes the principal on the first authorised request.
    server.request("PROPFIND", server.home, Depth="0")
    return server


def set_radicale_password(folder: Path, username: str, password: str) -> None:
    """Change the password; a running server reads it with the next request."""
    (folder / "users").write_text(f"{username}:{password}\n", encoding="utf-8")


def start_xandikos(folder: Path, port: int | None = None) -> CalDavServer:
    """Start Xandikos; whoever calls this calls `stop()`. The same folder again continues with its data."""
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    process = _spawn(
        folder,
        "xandikos",
        "serve",
        *("--directory", str(folder / "data"), "--state-dir", str(folder / "state")),
        *("--listen-address", "127.0.0.1", "--port", str(port)),
        *("--current-user-principal", "/user/", "--defaults", "--no-detect-systemd"),
    )
    root = f"http://127.0.0.1:{port}/"
    server = CalDavServer("xandikos", root, f"{root}user/calendars/", "user", "", process)
    _wait(server, folder)
    return server


def _spawn(folder: Path, module: str, *arguments: str) -> subprocess.Popen[bytes]:
    with (folder / "server.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments], stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder
        )


def _wait(server: CalDavServer, folder: Path) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            break
        with contextlib.suppress(requests.ConnectionError):
            server.request("OPTIONS", server.url)
            return
        time.sleep(0.05)
    server.stop()
    raise AssertionError(f"{server.name} did not start:\n{(folder / 'server.log').read_text()[-2000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
