"""Run in a process of its own: makes a host with a connected calendar and one event that waits to be sent."""

from __future__ import annotations

import os
import sys

import django

if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    django.setup()

    from bookings.domain import accounts
    from bookings.domain import calendar as events
    from bookings.domain.audit import SYSTEM
    from bookings.engine.zones import wall
    from bookings.formats.event import EventData
    from tests import factories

    server_url, username, password = sys.argv[1:]
    host = factories.host()
    account = accounts.connect(
        host,
        provider="caldav",
        label="Calendar",
        server_url=server_url,
        username=username,
        credentials={"password": password},
        calendars=[accounts.FoundCalendar(external_id=f"{server_url}set-by-the-test/", name="Work")],
        actor=SYSTEM,
    )
    calendar = account.calendars.get()
    accounts.choose(host, booking_calendar=calendar, blocking=[calendar.pk], actor=SYSTEM)
    data = EventData(title="Survivor", start_wall=wall(2031, 3, 3, 9), timezone="Europe/Berlin", duration=1800)
    events.create(calendar, data, actor=SYSTEM)
