"""How customers keep a booking: as a file, or in a calendar service of theirs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlencode

from django.http import HttpResponse
from django.utils.translation import gettext

from bookings.domain import calendar
from bookings.domain.errors import LinkClosed
from bookings.formats.icalendar import render as render_ics
from bookings.models import Booking


def ics_file(booking: Booking, manage_url: str) -> HttpResponse:
    """The booking as a file for any calendar, with the link that changes it. It names no other guest.

    :raises LinkClosed: when there is no event of it.
    """
    if booking.event is None:
        raise LinkClosed("There is no booking.")
    data = calendar.data_of(booking.event)
    if booking.seats_taken and booking.event_type:
        data = replace(data, title=booking.event_type.name)
    words = f"{data.description}\n\n{gettext('Change or cancel:')} {manage_url}".strip()
    text = render_ics(replace(data, people=(), description=words), stamp=booking.updated_at, method="PUBLISH")
    response = HttpResponse(text, content_type="text/calendar; charset=utf-8; method=PUBLISH")
    response["Content-Disposition"] = 'attachment; filename="booking.ics"'
    return response


def add_links(booking: Booking) -> list[tuple[str, str]]:
    """Links that open a filled-in new event at two calendar services; nothing is sent until they are followed."""
    start, end = (_utc(second) for second in (booking.start_s, booking.end_s))
    words = {"location": booking.location, "details": booking.description}
    google = {"action": "TEMPLATE", "text": booking.title, "dates": f"{start}/{end}", **words}
    outlook = {
        "path": "/calendar/action/compose",
        "rru": "addevent",
        "subject": booking.title,
        "startdt": _iso(booking.start_s),
        "enddt": _iso(booking.end_s),
        "location": booking.location,
        "body": booking.description,
    }
    return [
        ("Google Calendar", f"https://calendar.google.com/calendar/render?{urlencode(google)}"),
        ("Outlook", f"https://outlook.live.com/calendar/0/deeplink/compose?{urlencode(outlook)}"),
    ]


def _utc(second: int) -> str:
    return _iso(second).replace("-", "").replace(":", "")


def _iso(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
