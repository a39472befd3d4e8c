"""Run in processes of their own by `throughput`: fill the outbox, drain it, or use the web meanwhile."""

from __future__ import annotations

import json
import os
import sys
import time

import django


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    django.setup()
    from django.conf import settings

    lab = os.environ["CONVENE_PUSH_LAB"]
    api = f"{lab}/google"
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": plain}
    settings.ALLOWED_HOSTS = ["localhost"]
    settings.LAN_ALLOWED = [lab.removeprefix("http://")]
    settings.GOOGLE = {"client_id": "lab", "client_secret": "lab-secret"}
    steps = {name: f"{api}/oauth2/{name}" for name in ("authorize", "token", "revoke")}
    settings.GOOGLE_URLS = {"api": api, **steps}
    {"fill": fill, "drain": drain, "browse": browse}[sys.argv[1]](*map(int, sys.argv[2:]))


def fill(rows: int) -> None:
    """So many events, dealt to the hosts in turn, each with its mirror."""
    from bookings.domain import accounts
    from bookings.domain import calendar as events
    from bookings.domain.accounts import FoundCalendar
    from bookings.domain.audit import SYSTEM
    from bookings.engine.zones import wall
    from bookings.formats.event import EventData
    from tests import factories

    organisation = factories.organisation()
    calendars = []
    for number, credentials in enumerate(json.loads(os.environ["CONVENE_PUSH_TOKENS"])):
        person = f"host{number}@example.org"
        host = factories.host(organisation, email=person)
        account = accounts.connect(
            host,
            provider="google",
            label="Google",
            server_url="",
            username=person,
            credentials=credentials,
            calendars=[FoundCalendar(person, "Work", primary=True)],
            actor=SYSTEM,
        )
        calendars.append(account.calendars.get())
    for number in range(rows):
        calendar = calendars[number % len(calendars)]
        data = EventData(f"Event {number:06}", wall(2031, 3, 3, 9) + number * 900, "UTC", 900)
        events.create(calendar, data, actor=SYSTEM)


def drain() -> None:
    """Deliver until nothing is left to do, as a worker does."""
    from django.db.models import F

    from bookings.models import Mirror
    from providers import push

    deadline = time.monotonic() + 1800
    while Mirror.everywhere.exclude(desired_revision=F("applied_revision")).exists():
        if time.monotonic() > deadline:
            raise SystemExit("not done in half an hour")
        if not push.deliver():
            time.sleep(0.2)


def browse(pages: int) -> None:
    """Milliseconds of so many looks at a page, one every 50 ms."""
    from django.test import Client

    client, took = Client(SERVER_NAME="localhost"), []
    for _ in range(pages):
        started = time.perf_counter()
        client.get("/login")
        took.append((time.perf_counter() - started) * 1000)
        time.sleep(0.05)
    print(json.dumps(took))


if __name__ == "__main__":
    main()
