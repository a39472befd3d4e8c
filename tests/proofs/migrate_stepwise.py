"""Apply the migrations of `bookings` one at a time; prints after which of them the guard stands. A command."""

from __future__ import annotations

import json
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.core.management import call_command  # noqa: E402  commands exist only after setup
from django.db import connection  # noqa: E402
from django.db.migrations.loader import MigrationLoader  # noqa: E402

from bookings.models import guard  # noqa: E402

if __name__ == "__main__":
    graph = MigrationLoader(None).graph
    (last,) = graph.leaf_nodes("bookings")
    names = [name for app, name in graph.forwards_plan(last) if app == "bookings"]
    standing = {}
    for name in names:
        call_command("migrate", "bookings", name, verbosity=0, skip_checks=True)
        standing[name] = guard.is_present(connection)
    print(json.dumps(standing))
