"""The worker: delivers and reads as the queue asks, and looks for itself when nobody asks."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import sys
import threading
import time
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, close_old_connections, connection
from django_tasks_db.management.commands.db_worker import Worker

from providers import push, tasks

log = logging.getLogger(__name__)
TICK_S = 2.0
HOUSEKEEPING_S = 3600.0
REMINDERS_S = 30.0


class StoppingWorker(Worker):
    """The queue's worker, which also tells a running delivery to stop after the row in hand."""

    def shutdown(self, signum: int, frame: FrameType | None) -> None:
        push.stopping.set()
        if not self.running:
            super().shutdown(signum, frame)  # asked again: it ends at once, and warns
            return
        # To be stopped is nothing to warn of.
        log.info("Stopping after the task in hand (%s).", signal.strsignal(signum))
        self.running = False
        if not self.running_task:
            sys.exit(0)


class Command(BaseCommand):
    help = "Run the worker: sends what waits in the outbox and reads connected calendars."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--batch", action="store_true", help="Do what is due now, then end")
        parser.add_argument("--interval", type=float, default=1.0, help="Seconds between looks into the queue")

    def handle(self, *args: Any, batch: bool, interval: float, **options: Any) -> None:
        # One line per task and poll says nothing that the rows do not say better.
        logging.getLogger("django_tasks").setLevel(logging.WARNING)
        logging.getLogger("django_tasks_db").setLevel(logging.WARNING)
        worker = StoppingWorker(
            queue_names=["*"],
            interval=interval,
            batch=batch,
            backend_name="default",
            startup_delay=False,
            max_tasks=None,
            worker_id=f"{socket.gethostname()[:32]}-{os.getpid()}-{secrets.token_hex(4)}",
            excluded_queue_names=[],
        )
        worker.configure_signals()
        if batch:
            tasks.wake(tasks.remind)
            tasks.wake_for_due_rows()
        else:
            threading.Thread(target=_tick, name="ticker", daemon=True).start()
        worker.run()


def _tick() -> None:
    """Wake-ups get lost, waits end, workers die: every two seconds somebody asks the rows themselves."""
    next_housekeeping = next_reminders = time.monotonic()
    while not push.stopping.wait(TICK_S):
        try:
            close_old_connections()
            tasks.wake_for_due_rows()
            if time.monotonic() >= next_reminders:
                next_reminders += REMINDERS_S
                tasks.wake(tasks.remind)
            if time.monotonic() >= next_housekeeping:
                next_housekeeping += HOUSEKEEPING_S
                tasks.wake(tasks.housekeeping)
        except DatabaseError as error:
            log.warning("the database did not answer: %s", error)
    connection.close()
