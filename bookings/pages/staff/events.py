"""Events: make, look at, change, delete and bring back. The page follows the event to its calendar."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import Q
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from bookings.domain import calendar
from bookings.domain.audit import Actor
from bookings.domain.errors import DomainError
from bookings.engine.zones import zone
from bookings.members import StaffRequest, actor, staff_required
from bookings.models import Calendar, Event, Host
from bookings.pages.staff import series
from bookings.pages.staff.event_forms import EventForm, initial_of
from bookings.pages.staff.week import state_of


@staff_required
def new(request: StaffRequest) -> HttpResponse:
    """The form, prefilled from ?day=&time=&host=; a valid one leads to the event's page."""
    form = EventForm(request.organisation, request.POST or None, initial=_suggestion(request))
    if request.method == "POST" and form.is_valid():
        try:
            event = calendar.create(form.cleaned_data["calendar"], form.event_data(), actor=actor(request))
            return _to(request, reverse("event", args=[event.pk]))
        except DomainError as error:
            form.refuse(error)
    return _form(request, form, None)


@require_safe
@staff_required
def detail(request: StaffRequest, event_id: uuid.UUID) -> HttpResponse:
    """What the event says and what its calendars show; ?at= names one occurrence of a series."""
    event = _one(request, event_id)
    at = request.GET.get("at", "")
    occurrence = int(at) if at.isascii() and at.isdigit() and len(at) < 12 and event.recurrence_rules else None
    return render(request, "staff/events/detail.html", _shown(event) | {"occurrence": _moment(event, occurrence)})


@require_safe
@staff_required
def state(request: StaffRequest, event_id: uuid.UUID) -> HttpResponse:
    """The state at the calendars, asked for again and again while something is pending."""
    return render(request, "staff/events/_state.html", _shown(_one(request, event_id)))


@staff_required
def edit(request: StaffRequest, event_id: uuid.UUID) -> HttpResponse:
    """The form with the event in it. A booking is moved on its own page."""
    event = _editable(request, event_id)
    initial = initial_of(calendar.data_of(event), event.calendar)
    form = EventForm(request.organisation, request.POST or None, initial=initial, event=event)
    if request.method == "POST" and form.is_valid():
        try:
            calendar.change(event, form.event_data(), actor=actor(request))
            return _to(request, reverse("event", args=[event.pk]))
        except DomainError as error:
            form.refuse(error)
    return _form(request, form, event)


@require_POST
@staff_required
def delete(request: StaffRequest, event_id: uuid.UUID) -> HttpResponse:
    """Delete the event, or with `at` only that occurrence of a series."""
    event = _editable(request, event_id)
    at = request.POST.get("at", "")
    try:
        if at.isascii() and at.isdigit() and len(at) < 12:
            calendar.exclude_occurrence(event, int(at), actor=actor(request))
            messages.success(request, _("This one is taken out; the others stay."))
            return redirect("event", event_id=event.pk)
        calendar.delete(event, actor=actor(request))
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("event", event_id=event.pk)
    day = dt.datetime.fromtimestamp(event.start_s, dt.UTC).date().isoformat()
    return redirect(f"{reverse('week')}?day={day}&deleted={event.pk}")


@require_POST
@staff_required
def restore(request: StaffRequest, event_id: uuid.UUID) -> HttpResponse:
    """Undo a deletion: the same event is made anew where it was."""
    found = Event.objects.for_tenant(request.organisation).exclude(origin=Event.Origin.BOOKING)
    event = get_object_or_404(found.select_related("calendar__account"), pk=event_id, deleted_at__isnull=False)
    try:
        again = _made_anew(event, actor(request))
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("week")
    messages.success(request, _("The event is back."))
    return redirect("event", event_id=again.pk)


@transaction.atomic
def _made_anew(event: Event, who: Actor) -> Event:
    """The deleted event again; changed occurrences of a series come back as events of their own."""
    data = replace(calendar.data_of(event), uid="", status=Event.Status.CONFIRMED, sequence=0)
    changed = event.overrides.exclude(recurrence_wall__in=data.excluded_dates)
    walls = tuple(each.recurrence_wall for each in changed if each.recurrence_wall is not None)
    again = calendar.create(event.calendar, replace(data, excluded_dates=(*data.excluded_dates, *walls)), actor=who)
    for each in changed:
        if each.status != Event.Status.CANCELLED:
            alone = replace(calendar.data_of(each), uid="", sequence=0, recurrence_wall=None)
            calendar.create(event.calendar, alone, actor=who)
    return again


def _one(request: StaffRequest, event_id: uuid.UUID) -> Event:
    found = Event.objects.for_tenant(request.organisation).select_related("calendar__account__host", "booking")
    return get_object_or_404(found, pk=event_id, deleted_at__isnull=True)


def _editable(request: StaffRequest, event_id: uuid.UUID) -> Event:
    event = _one(request, event_id)
    if event.origin == Event.Origin.BOOKING:
        raise Http404
    return event


def _shown(event: Event) -> dict[str, Any]:
    mirrors = list(event.mirrors.select_related("calendar__account__host"))
    return {
        "event": event,
        "timezone": event.timezone,
        "mirrors": mirrors,
        "state": state_of(mirrors),
        "guests": event.participants.filter(role="attendee"),
        "repeats": series.in_words(tuple(event.recurrence_rules), event.timezone) if event.recurrence_rules else "",
        "last_s": max(event.start_s, event.end_s - 1),
    }


def _moment(event: Event, wall: int | None) -> dict[str, int] | None:
    if wall is None:
        return None
    start = zone(event.timezone).to_utc(wall)
    return {"wall": wall, "start_s": start, "end_s": start + event.duration}


def _form(request: StaffRequest, form: EventForm, event: Event | None) -> HttpResponse:
    template = "staff/events/_form.html" if request.htmx else "staff/events/form.html"
    return render(request, template, {"form": form, "event": event}, status=422 if form.errors else 200)


def _to(request: StaffRequest, url: str) -> HttpResponse:
    """A redirect that HTMX follows as a whole page."""
    if request.htmx:
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return redirect(url)


def _suggestion(request: StaffRequest) -> dict[str, Any]:
    """What the form begins with: the day and time clicked on, the host's booking calendar, the next full hour."""
    host = _host(request)
    tzid = host.timezone if host else request.organisation.timezone
    wall = zone(tzid).to_wall(int(now().timestamp())) // 3600 * 3600 + 3600
    start = dt.datetime.fromtimestamp(wall, dt.UTC)
    try:
        day = dt.date.fromisoformat(request.GET.get("day", ""))
    except ValueError:
        day = start.date()
    try:
        time = dt.time.fromisoformat(request.GET.get("time", ""))
    except ValueError:
        time = start.time()
    end = (dt.datetime.combine(day, time) + dt.timedelta(hours=1)).time() if time.hour < 23 else dt.time(23, 59)
    chosen = host.booking_calendar_id if host else None
    if chosen is None:
        first = (
            Calendar.objects.for_tenant(request.organisation).filter(is_writable=True).order_by("account__host__name")
        )
        chosen = first.values_list("pk", flat=True).first()
    return {"day": day, "start": time, "end": end, "timezone": tzid, "calendar": str(chosen or "")}


def _host(request: StaffRequest) -> Host | None:
    """The host clicked on, or else the member's own, or else the first."""
    try:
        wanted = uuid.UUID(request.GET.get("host", ""))
    except ValueError:
        wanted = None
    hosts = Host.objects.for_tenant(request.organisation).filter(is_active=True)
    found = hosts.filter(Q(pk=wanted) if wanted else Q(user=request.user)).first()
    return found or hosts.first()
