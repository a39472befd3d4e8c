"""Finding things by words, and what a week holds as a file."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from bookings.members import StaffRequest, staff_required
from bookings.models import Booking, Contact, Event, SchedulerRequest
from bookings.pages.staff.week import Look, look_at

EACH = 10
_SHORTEST = 2
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@require_safe
@staff_required
def search(request: StaffRequest) -> HttpResponse:
    """?q= in events, bookings, requests and customers of the organisation: the latest of each, one more to tell of."""
    words = " ".join(request.GET.get("q", "").split())[:200]
    found = _found(request, words) if len(words) >= _SHORTEST else {}
    context = {"words": words, "shortest": _SHORTEST, "found": found, "nothing": not any(found.values())}
    return render(request, "staff/search.html", context)


@require_safe
@staff_required
def events_csv(request: StaffRequest) -> HttpResponse:
    """The events of the week or day that the same address without `events.csv` shows."""
    look = look_at(request)
    first = dt.datetime.fromtimestamp(look.lo, ZoneInfo(look.timezone)).date()
    writer = csv.writer(_Line())
    lines = (writer.writerow(row) for row in _rows(look))
    answer = HttpResponse(lines, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="events-{first.isoformat()}.csv"'
    return answer


def _found(request: StaffRequest, words: str) -> dict[str, list[Any]]:
    org = request.organisation
    named = Q(title__icontains=words) | Q(location__icontains=words) | Q(description__icontains=words)
    events = Event.objects.for_tenant(org).filter(named, deleted_at=None).exclude(origin=Event.Origin.BOOKING)
    customer = Q(contact__name__icontains=words) | Q(contact__email__icontains=words)
    bookings = Booking.objects.for_tenant(org).filter(Q(title__icontains=words) | customer).select_related("contact")
    recipient = Q(recipient_name__icontains=words) | Q(recipient_email__icontains=words)
    requests = SchedulerRequest.objects.for_tenant(org).filter(Q(summary__icontains=words) | recipient)
    people = Q(name__icontains=words) | Q(email__icontains=words) | Q(phone__icontains=words)
    contacts = Contact.objects.for_tenant(org).filter(people)
    return {
        "events": list(events.select_related("calendar__account__host", "master").order_by("-start_s")[:EACH]),
        "bookings": list(bookings.order_by("-start_s")[:EACH]),
        "requests": list(requests[:EACH]),
        "contacts": list(contacts.order_by("name", "email")[:EACH]),
    }


class _Line:
    """What csv writes to, which hands each line on."""

    def write(self, line: str) -> str:
        return line


def _rows(look: Look) -> Iterator[list[str]]:
    tz = ZoneInfo(look.timezone)
    hosts = {each.pk: each.account.host.name for each in look.calendars}
    names = {each.pk: each.name for each in look.calendars}
    yield [_("Start"), _("End"), _("Time zone"), _("Title"), _("With"), _("Calendar"), _("Place"), _("Shown as")]
    for each in look.found:
        event = each.event
        moments = [dt.datetime.fromtimestamp(second, tz) for second in (each.start_s, each.end_s)]
        times = [moment.date().isoformat() if event.all_day else moment.isoformat() for moment in moments]
        about = [event.title, hosts[event.calendar_id], names[event.calendar_id], event.location]
        yield [*times, look.timezone, *map(_inert, about), event.get_free_busy_status_display()]


def _inert(text: str) -> str:
    """A cell that no spreadsheet takes for a formula (OWASP, CSV injection)."""
    return f"'{text}" if text.startswith(_FORMULA) else text
