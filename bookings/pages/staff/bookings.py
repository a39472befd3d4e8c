"""Bookings: the list with filters, one in full, the list as a file."""

from __future__ import annotations

import csv
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from bookings.engine.zones import zone
from bookings.members import StaffRequest, staff_required
from bookings.models import AuditEntry, Booking, Host
from bookings.pages.staff import history
from bookings.pages.staff.assignments import why_in_words
from bookings.pages.staff.booking_forms import FilterForm, NotesForm, ReasonForm

PER_PAGE = 25
MOST_EXPORTED = 20_000
_TELLING = ("priority_share_idle", "forced")
"""Rules of an assignment that say more than that there was no choice."""


@require_safe
@staff_required
def listing(request: StaffRequest) -> HttpResponse:
    """Coming bookings, or with ?when=past the earlier ones, or all between two days; the filters are in the address."""
    form = FilterForm(request.organisation, request.GET)
    past = request.GET.get("when") == "past"
    found = _listed(request, form, past)
    page = Paginator(found.order_by("-start_s" if past else "start_s"), PER_PAGE).get_page(request.GET.get("page"))
    kept = request.GET.copy()
    kept.pop("page", None)
    context = {
        "page": page,
        "past": past,
        "filter": form,
        "filtering": form.is_filtering,
        "words": (form.cleaned_data.get("q") or "").strip(),
        "keep": f"&{kept.urlencode()}" if kept else "",
        "query": kept.urlencode(),
        "waiting": _waiting(request),
    }
    return render(request, "staff/bookings/list.html", context)


@require_safe
@staff_required
def detail(request: StaffRequest, booking_id: uuid.UUID) -> HttpResponse:
    """One booking: who, when, what the calendars show, what happened to it, what can be done about it."""
    return show(request, one(request, booking_id))


@require_safe
@staff_required
def export(request: StaffRequest) -> HttpResponse:
    """The listed bookings as a CSV file, times in the organisation's zone."""
    form = FilterForm(request.organisation, request.GET)
    found = _listed(request, form, request.GET.get("when") == "past").order_by("start_s")[:MOST_EXPORTED]
    writer = csv.writer(_Echo())
    rows = (writer.writerow(row) for row in _rows(request, found))
    response = HttpResponse(rows, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="bookings.csv"'
    return response


def show(request: StaffRequest, booking: Booking, status: int = 200, **forms: Any) -> HttpResponse:
    """The page of one booking; `forms` (reason, notes) replace fresh ones."""
    entries = AuditEntry.objects.for_tenant(request.organisation).filter(object_id=booking.pk)[:50]
    names = {str(pk): name for pk, name in Host.objects.for_tenant(request.organisation).values_list("pk", "name")}
    tzid = next((claim.host.timezone for claim in booking.claims.all()), booking.timezone)
    began = booking.start_s <= now().timestamp()
    context: dict[str, Any] = {
        "booking": booking,
        "reason": ReasonForm(),
        "notes": NotesForm(initial={"notes": booking.notes}),
        "history": history.lines(entries, tzid, names),
        "why": why_in_words(booking.assignment, names) if booking.assignment.get("rule") in _TELLING else "",
        "mirrors": booking.event.mirrors.select_related("calendar__account__host") if booking.event else [],
        "may": _may(booking, began),
    }
    return render(request, "staff/bookings/detail.html", context | forms, status=status)


def one(request: StaffRequest, booking_id: uuid.UUID) -> Booking:
    """The organisation's booking, or a 404."""
    return get_object_or_404(_bookings(request), pk=booking_id)


def _may(booking: Booking, began: bool) -> dict[str, bool]:
    """What can be done about a booking now."""
    state = Booking.State
    waits = booking.state in (state.HELD, state.REQUESTED)
    return {
        "confirm": waits,
        "decline": waits,
        "move": booking.state in Booking.LIVE,
        "hand_over": booking.state in Booking.LIVE and booking.event_id is not None,
        "cancel": booking.may_become(state.CANCELLED),
        "restore": booking.state == state.CANCELLED and not began,
        "no_show": began and booking.may_become(state.NO_SHOW),
        "came": began and booking.may_become(state.COMPLETED),
    }


def _listed(request: StaffRequest, form: FilterForm, past: bool) -> QuerySet[Booking]:
    found = _bookings(request).filter(form.conditions())
    clock = zone(request.organisation.timezone)
    since, until = form.cleaned_data.get("since"), form.cleaned_data.get("until")
    epoch = datetime(1970, 1, 1, tzinfo=UTC).date()
    if since:
        found = found.filter(end_s__gte=clock.day_bounds((since - epoch).days)[0])
    if until:
        found = found.filter(start_s__lt=clock.day_bounds((until - epoch).days)[1])
    if since or until:
        return found
    moment = int(now().timestamp())
    return found.filter(end_s__lt=moment) if past else found.filter(end_s__gte=moment)


def _waiting(request: StaffRequest) -> int:
    """How many coming ones wait for a yes."""
    states = (Booking.State.HELD, Booking.State.REQUESTED)
    found = Booking.objects.for_tenant(request.organisation).filter(state__in=states)
    return int(found.filter(end_s__gte=int(now().timestamp())).count())


def _bookings(request: StaffRequest) -> QuerySet[Booking]:
    return (
        Booking.objects.for_tenant(request.organisation)
        .select_related("contact", "event", "event_type")
        .prefetch_related("claims__host")
    )


# ── The file ──


class _Echo:
    """What csv writes to, which hands each line on."""

    def write(self, line: str) -> str:
        return line


def _rows(request: StaffRequest, found: QuerySet[Booking]) -> Iterator[list[str]]:
    tz = ZoneInfo(request.organisation.timezone)
    heads = [_("Start"), _("End"), _("Time zone"), _("Title"), _("State"), _("Event type"), _("With"), _("Customer")]
    yield [*heads, _("Customer’s e-mail"), _("Phone"), _("Place"), _("Booked at"), _("Notes")]
    for booking in found.iterator(chunk_size=500):
        start, end = (datetime.fromtimestamp(second, tz) for second in (booking.start_s, booking.end_s))
        contact, hosts = booking.contact, [claim.host.name for claim in booking.claims.all()]
        row = [f"{start:%Y-%m-%d %H:%M}", f"{end:%Y-%m-%d %H:%M}", str(tz), booking.title]
        row += [str(booking.get_state_display()), booking.event_type.name if booking.event_type else ""]
        row += [", ".join(hosts), *([contact.name, contact.email, contact.phone] if contact else ["", "", ""])]
        row += [booking.location, f"{booking.created_at.astimezone(tz):%Y-%m-%d %H:%M}", booking.notes]
        yield [_tame(cell) for cell in row]


def _tame(cell: str) -> str:
    """Cells that a spreadsheet would run as formulas are text."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
