"""SQLite whose writers wait for their turn evenly.

SQLite lets a waiting writer sleep longer and longer, up to a tenth of a second, and who comes later and sleeps less
goes first: with sixteen writers the unlucky ones wait for seconds. Here all of them ask again after equally short
pauses, so that each has the same chance (`python -m tests.benchmarks contention`).
"""

from __future__ import annotations

import random
import sqlite3
import time

from django.db.backends.sqlite3 import base

_PAUSE_S = (0.001, 0.005)


class DatabaseWrapper(base.DatabaseWrapper):
    def _start_transaction_under_autocommit(self) -> None:
        """Begin a transaction as the settings say, waiting up to `timeout` seconds for other writers."""
        patience_s = self.settings_dict["OPTIONS"]["timeout"]
        mode = self.settings_dict["OPTIONS"]["transaction_mode"]
        with self.wrap_database_errors:
            self.connection.execute("PRAGMA busy_timeout = 0")
            try:
                self._ask_until(time.monotonic() + patience_s, f"BEGIN {mode}")
            finally:
                self.connection.execute(f"PRAGMA busy_timeout = {int(1000 * patience_s)}")

    def _ask_until(self, deadline: float, begin: str) -> None:
        while True:
            try:
                self.connection.execute(begin)
            except sqlite3.OperationalError as error:
                # The code's last byte is the kind of error: busy, for whatever reason.
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(random.uniform(*_PAUSE_S))  # noqa: S311  nothing secret
            else:
                return
