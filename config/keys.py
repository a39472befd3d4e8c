"""The installation's secrets: made on first use, kept in one file of mode 0600 beside the database."""

from __future__ import annotations

import base64
import json
import os
import secrets
import tempfile
from pathlib import Path
from typing import Any

FILE = "keys.json"


class Unusable(Exception):
    """The data folder or its key file cannot be used; the text says why, in one line."""


def load(folder: Path) -> dict[str, Any]:
    """Read the key file of a data folder, making folder and file when there are none.

    Keys: secret_key (text), link_key (text), data_keys ({id: base64 of 32 bytes}), staff_password, admin_password.
    Several processes may start at once: the first to link its file wins, the others read that one.

    :raises Unusable: when the folder cannot be written or the file is not what was once put there.
    """
    path = folder / FILE
    try:
        if not path.exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write_new(path, _fresh())
        keys: dict[str, Any] = json.loads(path.read_text())
    except OSError as error:
        raise Unusable(
            f"The data folder {folder} cannot be used: {error.strerror}. Choose another with --data DIR."
        ) from error
    except ValueError as error:
        raise Unusable(f"The key file {path} is damaged. Restore it from a backup: the database needs it.") from error
    if missing := sorted(_fresh().keys() - keys.keys()):
        raise Unusable(f"The key file {path} lacks {', '.join(missing)}. Restore it from a backup.")
    return keys


def _fresh() -> dict[str, Any]:
    return {
        "secret_key": secrets.token_urlsafe(64),
        "link_key": secrets.token_urlsafe(48),
        "data_keys": {"1": base64.b64encode(secrets.token_bytes(32)).decode()},
        "staff_password": secrets.token_urlsafe(12),
        "admin_password": secrets.token_urlsafe(12),
    }


def _write_new(path: Path, keys: dict[str, Any]) -> None:
    handle, draft = tempfile.mkstemp(dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(keys, file, indent=1)
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(draft)
