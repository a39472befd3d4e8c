"""`manage.py up`: one command from an empty folder to a running product, and a clean end."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from tests import postgres
from tests.installations import Installation, furnish
from tests.servers import free_port

START_LIMIT_S = 120
STOP_LIMIT_S = 20


@dataclass
class Running:
    """An `up` under way, and everything it has said so far."""

    installation: Installation
    port: int
    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)
    seconds_to_sign_in: float = 0.0
    cpu_seconds_to_sign_in: float = 0.0
    bare_site_seconds: float = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def text(self) -> str:
        return "".join(self.said)

    def listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)

    def children(self) -> dict[int, str]:
        """Every process below `up`: id and command line."""
        return {pid: command_line(pid) for pid in descendants(self.process.pid)}

    def child(self, word: str) -> int:
        """The first process whose command line holds the word: the web server comes before its own workers."""
        return next(pid for pid, command in self.children().items() if word in command)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(STOP_LIMIT_S)


def descendants(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*"):
        for child in map(int, (task / "children").read_text().split()):
            found += [child, *descendants(child)]
    return found


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except FileNotFoundError:
        return ""


def cpu_seconds(pid: int) -> float:
    """What a process and the children it has waited for have used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


BARE_SITE = """
import time
import django
from django.conf import settings
from django.core.management import call_command

apps = ["contenttypes", "auth", "sessions", "messages", "admin"]
tables = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
settings.configure(INSTALLED_APPS=[f"django.contrib.{app}" for app in apps], DATABASES={"default": tables})
django.setup()
call_command("migrate", verbosity=0, skip_checks=True)
print(time.process_time())
"""


def bare_site_seconds() -> float:
    """Processor seconds that Django alone needs here and now to make its own tables: the middle of five."""
    runs = [subprocess.check_output([sys.executable, "-c", BARE_SITE], text=True) for _ in range(5)]
    return sorted(map(float, runs))[2]


def eventually(what: Callable[[], object], message: str, within: float) -> None:
    deadline = time.monotonic() + within
    while not what():
        assert time.monotonic() < deadline, message
        time.sleep(0.1)


@contextlib.contextmanager
def running(data: Path, *options: str, **settings: str) -> Iterator[Running]:
    """`up`, from its start to its end; waits for the sign-in page."""
    port = free_port()
    installation = Installation(data, settings=settings)
    started = time.monotonic()
    up = Running(installation, port, installation.start("up", "--port", str(port), *options))
    listener = threading.Thread(target=up.listen, daemon=True)
    listener.start()
    try:
        eventually(lambda: up.process.poll() is not None or signs_in(up.url), "no sign-in page", START_LIMIT_S)
        assert up.process.poll() is None, up.text
        up.seconds_to_sign_in = time.monotonic() - started
        up.cpu_seconds_to_sign_in = sum(cpu_seconds(pid) for pid in [up.process.pid, *up.children()])
        yield up
    finally:
        if up.process.poll() is None:
            up.stop()
        listener.join(5)


def signs_in(url: str) -> bool:
    try:
        return requests.get(f"{url}/accounts/login/", timeout=5).status_code == 200
    except (requests.ConnectionError, requests.Timeout):
        return False


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The first start in an empty folder, beside which the unit of its work is measured."""
    with ThreadPoolExecutor(1) as beside:
        unit = beside.submit(bare_site_seconds)
        with running(tmp_path_factory.mktemp("up") / "data") as started:
            started.bare_site_seconds = unit.result()
            yield started


@pytest.fixture
def another(tmp_path: Path) -> Iterator[Running]:
    """One that the test may stop or break; not its folder's first start."""
    furnish(tmp_path / "data")
    with running(tmp_path / "data") as started:
        yield started


def test_from_an_empty_folder_to_the_sign_in_page_is_the_work_of_twenty_bare_sites_at_most(up: Running) -> None:
    """The unit is Django alone making its own tables in memory, half a second on the machines of 2026: as long as
    that one is as busy as this one, twenty of them are the ten seconds that a person waits at most."""
    bare = up.bare_site_seconds
    print(f"after {up.seconds_to_sign_in:.1f} s: {up.cpu_seconds_to_sign_in:.1f} s of work, the unit is {bare:.2f} s")
    assert up.cpu_seconds_to_sign_in < 20 * bare


def test_it_prints_the_address_both_logins_and_says_when_it_is_ready(up: Running) -> None:
    eventually(lambda: "Ready" in up.text, up.text, 10)
    assert f"Convene at {up.url}" in up.text
    for which in ("staff", "admin"):
        assert re.search(rf"demo-{which}, password {re.escape(up.installation.keys()[f'{which}_password'])}\n", up.text)


def sign_in(url: str, username: str, password: str) -> requests.Response:
    session = requests.Session()
    session.get(f"{url}/accounts/login/", timeout=10)
    form = {"login": username, "password": password, "csrfmiddlewaretoken": session.cookies["csrf"]}
    answer = session.post(f"{url}/accounts/login/", form, timeout=10, allow_redirects=False)
    return session.get(f"{url}/admin/", timeout=10) if answer.status_code == 302 else answer


def test_the_printed_logins_work_and_only_the_admin_may_enter_the_admin(up: Running) -> None:
    keys = up.installation.keys()
    assert sign_in(up.url, "demo-admin", keys["admin_password"]).status_code == 200
    assert sign_in(up.url, "demo-staff", keys["staff_password"]).status_code == 403
    assert sign_in(up.url, "demo-admin", "guess").status_code == 200
    assert "password you specified are not correct" in sign_in(up.url, "demo-admin", "guess").text


def test_the_printed_curl_line_makes_a_scheduler_request_whose_link_opens(up: Running) -> None:
    line = next(line for line in up.said if line.strip().startswith("curl "))
    done = subprocess.run(["bash", "-c", f"{line.strip()} -sS"], capture_output=True, text=True, timeout=30, check=True)
    made = json.loads(done.stdout)["scheduler_request"]["recipients"][0]
    assert made["select_url"].startswith(f"{up.url}/r/")
    page = requests.get(made["select_url"], timeout=10)
    assert page.status_code == 200
    assert "Coffee and a walk" in page.text


def test_health_says_that_it_lives_and_may_take_bookings(up: Running) -> None:
    assert requests.get(f"{up.url}/health/live", timeout=10).json() == {"status": "ok"}
    assert requests.get(f"{up.url}/health/ready", timeout=10).json()["status"] == "ready"


def test_it_runs_one_web_server_and_one_worker(up: Running) -> None:
    commands = list(up.children().values())
    assert sum("manage.py worker" in command for command in commands) == 1, commands
    assert sum("-m granian" in command for command in commands) == 2, "the server and its only process"


def test_idle_server_worker_and_parent_stay_within_250_mb(up: Running) -> None:
    def resident(pid: int) -> int:
        status = Path(f"/proc/{pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])  # type: ignore[index]

    total = sum(resident(pid) for pid in [up.process.pid, *up.children()]) / 1024
    print(f"{total:.0f} MB resident in all")
    assert total <= 250


def test_the_key_file_is_for_its_owner_only(up: Running) -> None:
    assert stat.S_IMODE((up.installation.data / "keys.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(up.installation.data.stat().st_mode) == 0o700


def test_static_files_are_served_hashed_and_cached(up: Running) -> None:
    page = requests.get(f"{up.url}/accounts/login/", timeout=10).text
    name = re.search(r'href="(/static/app\.[0-9a-f]{12}\.css)"', page)
    assert name, page
    answer = requests.get(up.url + name[1], timeout=10)
    assert (answer.status_code, "immutable" in answer.headers["Cache-Control"]) == (200, True)


def test_browsers_that_ask_for_an_icon_unasked_get_the_logo(up: Running) -> None:
    answer = requests.get(f"{up.url}/favicon.ico", timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/svg+xml")
    assert [step.status_code for step in answer.history] == [302]
    assert "max-age=86400" in answer.history[0].headers["Cache-Control"]


def test_the_demo_command_knows_where_the_running_server_is(up: Running) -> None:
    sheet = json.loads(up.installation.manage("demo", "--json").stdout)
    assert sheet["base_url"] == up.url


def test_a_second_start_on_the_same_port_is_told_so_in_one_line(up: Running, tmp_path: Path) -> None:
    done = Installation(tmp_path).manage("up", "--port", str(up.port), fails=True)
    assert f"port {up.port}: Address already in use" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "convene.sqlite3").exists()


def test_a_second_start_on_the_same_folder_is_told_who_runs_there_already(up: Running) -> None:
    for port in (free_port(), up.port):
        said = up.installation.manage("up", "--port", str(port), fails=True).stderr
        assert f"already runs on {up.installation.data}: process {up.process.pid}, port {up.port}." in said
        assert len(said.strip().splitlines()) == 1
    assert signs_in(up.url)


def test_a_folder_whose_holder_was_killed_is_free_again(another: Running) -> None:
    another.process.kill()
    another.process.wait(STOP_LIMIT_S)
    assert (another.installation.data / "up.lock").exists()
    with running(another.installation.data) as anew:
        assert signs_in(anew.url)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_and_leaves_no_process_behind(another: Running, number: int) -> None:
    eventually(lambda: "Ready" in another.text, another.text, 10)
    family = another.children()
    assert another.stop(number) == 0
    eventually(lambda: "Stopped." in another.text, another.text, 5)
    last_words = another.text.partition("Ready")[2]
    assert "INFO providers.management.commands.worker: Stopping" in last_words
    assert not re.search("WARNING|ERROR|Traceback", last_words), last_words
    assert not [pid for pid, command in family.items() if command_line(pid) == command]


@pytest.mark.parametrize(("victim", "name"), [("manage.py worker", "worker"), ("-m granian", "web server")])
def test_when_one_of_the_two_dies_the_other_is_stopped_and_it_says_so(another: Running, victim: str, name: str) -> None:
    family = another.children()
    os.kill(another.child(victim), signal.SIGKILL)
    assert another.process.wait(STOP_LIMIT_S) == 1
    eventually(lambda: f"The {name} stopped by itself" in another.text, another.text, 5)
    eventually(lambda: not [p for p, command in family.items() if command_line(p) == command], "orphans", 10)


def test_a_killed_parent_takes_its_children_along(another: Running) -> None:
    family = another.children()
    another.process.kill()
    eventually(
        lambda: not [pid for pid, command in family.items() if command_line(pid) == command], "orphans", STOP_LIMIT_S
    )


def test_a_second_start_keeps_keys_and_logins_and_another_folder_has_its_own(tmp_path: Path) -> None:
    ours, theirs = Installation(tmp_path / "ours"), Installation(tmp_path / "theirs")
    furnish(ours.data)
    first = json.loads(ours.manage("demo", "--json").stdout)
    second = json.loads(ours.manage("demo", "--json").stdout)
    other = json.loads(theirs.manage("demo", "--json").stdout)
    assert (first["staff"], first["admin"]) == (second["staff"], second["admin"])
    assert first["staff"]["password"] != other["staff"]["password"]
    assert first["admin"]["password"] != other["admin"]["password"]
    assert first["admin"]["password"] != first["staff"]["password"]


def refusal(data: Path, *options: str, **settings: str) -> str:
    """What `up` says when it does not start: one line."""
    said = Installation(data, settings=settings).manage("up", "--port", str(free_port()), *options, fails=True).stderr
    assert len(said.strip().splitlines()) == 1, said
    return said


def test_it_does_not_serve_the_demo_logins_to_other_machines_unless_told(tmp_path: Path) -> None:
    assert "--public-demo" in refusal(tmp_path, "--host", "0.0.0.0")
    assert "book.example.com" in refusal(tmp_path, CONVENE_BASE_URL="https://book.example.com")
    furnish(tmp_path)
    assert "--public-demo" in refusal(tmp_path, "--host", "0.0.0.0", "--no-demo"), "the logins are there already"


def test_without_the_demo_it_may_be_served_to_other_machines(tmp_path: Path) -> None:
    with running(tmp_path, "--host", "0.0.0.0", "--no-demo") as up:
        assert "createsuperuser" in up.text
        assert "password " not in up.text


def test_told_so_it_serves_the_demo_to_other_machines(tmp_path: Path) -> None:
    furnish(tmp_path)
    with running(tmp_path, "--host", "0.0.0.0", "--public-demo") as up:
        assert "demo-admin" in up.text


def test_a_data_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert f"The data folder {tmp_path / 'file'} cannot be used" in refusal(tmp_path / "file")


def test_a_damaged_key_file_is_named_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("{")
    assert "keys.json is damaged" in refusal(tmp_path)
    assert (tmp_path / "keys.json").read_text() == "{"


def test_a_database_that_does_not_answer_is_named(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"postgres://nobody@127.0.0.1:{nobody.getsockname()[1]}/none"
        said = Installation(tmp_path, url).manage("up", "--port", str(free_port()), fails=True).stderr
    assert said.startswith("CommandError: The database cannot be used")


def test_the_data_option_chooses_the_folder(tmp_path: Path) -> None:
    Installation(tmp_path / "default").manage("demo", "--json", "--data", str(tmp_path / "chosen"))
    assert (tmp_path / "chosen" / "convene.sqlite3").exists()
    assert not (tmp_path / "default").exists()


def test_it_runs_on_postgresql_by_nothing_but_its_address(tmp_path: Path, postgres_server: str) -> None:
    with postgres.database(postgres_server) as url, running(tmp_path, DATABASE_URL=url) as up:
        assert requests.get(f"{up.url}/health/ready", timeout=10).json()["status"] == "ready"
        assert not (tmp_path / "convene.sqlite3").exists()
