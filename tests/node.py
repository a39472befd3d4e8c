"""Published JavaScript clients for tests: packages of the npm registry, unpacked in a cache outside the project, and a
Node that runs lines against them."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

TIME_LIMIT_S = 60
INSTALL_LIMIT_S = 300


def is_available() -> bool:
    """Whether Node runs here and packages can be had."""
    if not (shutil.which("node") and shutil.which("npm")):
        return False
    try:
        return subprocess.run(["npm", "ping"], capture_output=True, timeout=TIME_LIMIT_S).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def _home() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "convene-tests" / "npm"


def package(name: str, version: str, integrity: str) -> Path:
    """The folder of one package, without its dependencies, downloaded when it is not in the cache.

    :param integrity: the registry's `dist.integrity`; what differs from it is not unpacked.
    """
    home = _home()
    folder = home / f"{name.replace('/', '__')}@{version}"
    if not folder.exists():
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home) as place:
            unpacked = _unpacked(Path(place), f"{name}@{version}", integrity)
            # Another process may have been faster: then its folder stays.
            if not folder.exists():
                unpacked.rename(folder)
    return folder


def installed(name: str, version: str) -> Path:
    """The folder of one package with its dependencies beside it, installed when it is not in the cache. Nothing that
    packages want to run while they are installed is run."""
    home = _home()
    folder = home / f"{name.replace('/', '__')}@{version}-installed"
    if not folder.exists():
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home) as place:
            flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--silent"]
            made = Path(place) / "made"
            made.mkdir()
            command = ["npm", "install", "--prefix", str(made), *flags, f"{name}@{version}"]
            subprocess.run(command, cwd=made, capture_output=True, check=True, timeout=INSTALL_LIMIT_S)
            if not folder.exists():
                made.rename(folder)
    return folder / "node_modules" / name


def _unpacked(place: Path, spec: str, integrity: str) -> Path:
    command = ["npm", "pack", "--json", "--silent", spec]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=True, timeout=TIME_LIMIT_S)
    archive = place / json.loads(done.stdout)[0]["filename"]
    found = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != integrity:
        raise AssertionError(f"{spec} has the integrity {found}, not {integrity}")
    with tarfile.open(archive) as content:
        content.extractall(place, filter="data")
    return place / "package"


def run(lines: str, **environment: str) -> Any:
    """What the lines of a CommonJS module hand to `print(value)`, the last time they do."""
    script = f"const print = (value) => console.log('\\u0000' + JSON.stringify(value));\n{lines}"
    done = subprocess.run(
        ["node", "-e", script],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT_S,
    )
    printed = [line[1:] for line in done.stdout.splitlines() if line.startswith("\0")]
    if done.returncode or not printed:
        raise AssertionError(f"node failed: {done.stderr[-2000:]} {done.stdout[-2000:]}")
    return json.loads(printed[-1])
