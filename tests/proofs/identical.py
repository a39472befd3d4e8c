"""One organisation and, for each dialect, one create that clients will all send at once. Run inside an installation.

python -m tests.proofs.identical prepare | judge
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from bookings.models import Booking, Claim, Contact, Event  # noqa: E402  the tables are known only after setup
from tests.api import surfaces  # noqa: E402
from tests.api.surfaces import LENGTH, TOMORROW, Surface, iso  # noqa: E402


def bodies(place: surfaces.Place) -> dict[str, tuple[Surface, str, str, dict[str, Any]]]:
    """{dialect: (client, method, path, body)}, each at an hour of its own."""
    start = {name: TOMORROW + hour * 3600 for hour, name in enumerate(("leadconnector", "morph", "timekit", "rest"), 8)}

    def times(name: str) -> tuple[str, str]:
        return iso(start[name]), iso(start[name] + LENGTH)

    lead, morph, timekit = surfaces.LeadConnector(place), surfaces.Morph(place), surfaces.Timekit(place)
    morgen, cronofy = surfaces.Morgen(place), surfaces.Cronofy(place)
    appointment = {
        "calendarId": lead.id_of("event_type", place.event_type),
        "locationId": lead.id_of("organisation", place.organisation),
        "contactId": "a" * 20,
        "startTime": times("leadconnector")[0],
    }
    scheduling = {
        "startTime": times("morph")[0],
        "endTime": times("morph")[1],
        "externalAttendees": [{"email": "ada@example.org"}],
        "answers": {},
    }
    booking = {
        "resource_id": timekit.id_of("host", place.host),
        "graph": "instant",
        "action": "confirm",
        "start": times("timekit")[0],
        "end": times("timekit")[1],
        "what": "Haircut",
        "where": "Here",
        "customer": {"name": "Ada", "email": "ada@example.org", "timezone": "UTC"},
    }
    upsert = {"event_id": "one", "summary": "Once", "start": times("rest")[0], "end": times("rest")[1]}
    event = morgen._where | morgen._when(start["rest"] + 7200) | {"title": "Once"}
    return {
        "leadconnector": (lead, "POST", "/calendars/events/appointments", appointment),
        "morph": (morph, "POST", "/v1/resources/schedulingEvent", scheduling),
        "timekit": (timekit, "POST", "/v2/bookings", booking),
        "cronofy": (cronofy, "POST", cronofy._events, upsert),
        "morgen": (morgen, "POST", "/v3/events/create", event),
    }


def prepare() -> dict[str, Any]:
    place = surfaces.make_place()
    return {
        name: {"method": method, "path": path, "body": body, "headers": client.headers}
        for name, (client, method, path, body) in bodies(place).items()
    }


def judge() -> dict[str, int]:
    """What there is afterwards."""
    plain = Event.everywhere.exclude(origin=Event.Origin.BOOKING)
    return {
        "bookings": Booking.everywhere.count(),
        "claims": Claim.everywhere.count(),
        "events of bookings": Event.everywhere.filter(origin=Event.Origin.BOOKING).count(),
        "plain events": plain.filter(deleted_at=None).count(),
        "contacts": Contact.everywhere.count(),
    }


if __name__ == "__main__":
    print(json.dumps({"prepare": prepare, "judge": judge}[sys.argv[1]]()))
