"""One `up` at a time on a data folder: two workers and two web servers would not know of each other."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from django.core.management import CommandError

if sys.platform != "win32":
    import fcntl

FILE = "up.lock"


def hold(folder: Path, port: int) -> None:
    """Take the folder for this process, and for what it becomes by exec, until it ends however it ends.

    The lock is the kernel's (flock), the file only says whose it is: one that was left behind is no obstacle. Children
    do not inherit it. Windows has no such lock; there a second start is told by its port alone.

    :raises CommandError: when another process holds it, or its file cannot be opened.
    """
    if sys.platform == "win32":
        return
    try:
        file = os.open(folder / FILE, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise CommandError(f"{folder / FILE} cannot be opened: {error.strerror}.") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(file, 200).decode(errors="replace").strip() or "a process that is just starting"
        raise CommandError(
            f"Convene already runs on {folder}: {holder}. Stop it first, or choose another folder with --data."
        ) from error
    except OSError:
        os.close(file)  # a file system without locks: as on Windows
        return
    os.set_inheritable(file, True)
    os.ftruncate(file, 0)
    with contextlib.suppress(OSError):  # a full disk is told of later, and better
        os.write(file, f"process {os.getpid()}, port {port}\n".encode())
