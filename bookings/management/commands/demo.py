"""`python manage.py demo`: the demo organisation and fresh keys to it."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandParser

from bookings.domain import demo
from bookings.management import prepare


class Command(BaseCommand):
    help = "Make sure the demo organisation is there, issue fresh demo keys and print them with its logins."
    requires_system_checks = []  # they look for tables that this command may be about to make

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print one JSON object and nothing else")
        parser.add_argument("--data", metavar="DIR", help="Folder of database, keys and media (default: .convene)")

    def handle(self, *args: Any, **options: Any) -> None:
        prepare.database()
        sheet = demo.load(settings.BASE_URL)
        if options["json"]:
            self.stdout.write(json.dumps(sheet))
            return
        for name, value in sheet.items():
            details = [f"{key}: {detail}" for key, detail in value.items()] if isinstance(value, dict) else [value]
            self.stdout.write(f"{name}\n  " + "\n  ".join(details))
