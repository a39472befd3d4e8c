"""When somebody can be had: weekly hours, other days, zone and limits, with what blocks and next week's times."""

from __future__ import annotations

import copy
import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from bookings.domain import absences, availability, hosts
from bookings.domain.availability import Terms
from bookings.domain.errors import DomainError
from bookings.engine.zones import zone
from bookings.members import StaffRequest, actor, staff_required
from bookings.models import Booking, Calendar, Claim, Host, Opening, Override, Schedule
from bookings.pages.staff import preview, sentences
from bookings.pages.staff.availability_forms import DaysForm, HostForm
from bookings.pages.staff.type_forms import presses
from bookings.pages.staff.weekly import copied_down

_EPOCH = dt.date(1970, 1, 1)

TRIED_MINUTES = 30
"""How long the meetings of the preview are."""


@require_safe
@staff_required
def listing(request: StaffRequest) -> HttpResponse:
    """Everybody's hours in a sentence."""
    found = list(_hosts(request).order_by("kind", "name"))
    if len(found) == 1:
        return redirect("availability-of", host_id=found[0].pk)
    away = _away(found)
    rows = [{"host": host, "sentence": sentences.of_host(host), "away": away.get(host.pk)} for host in found]
    return render(request, "staff/availability/list.html", {"rows": rows})


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def edit(request: StaffRequest, host_id: uuid.UUID) -> HttpResponse:
    """One host's rules; POST saves hours, zone, limits and the rest of the first form."""
    host = _one(request, host_id)
    if request.method != "POST":
        return _page(request, host, HostForm.of(host), DaysForm(host))
    if presses(request.POST):
        form = HostForm(copied_down(request.POST, request.POST.get("copy", "")))
        form.quiet()
        return _page(request, host, form, DaysForm(host))
    form = HostForm(request.POST)
    if form.is_valid():
        try:
            _save(request, host, form)
        except DomainError as error:
            form.refuse(error)
        else:
            messages.success(request, _("Saved: this holds from now on. What is booked stays as it is."))
            return redirect("availability-of", host_id=host.pk)
    return _page(request, host, form, DaysForm(host), status=422)


@require_POST
@staff_required
def show(request: StaffRequest, host_id: uuid.UUID) -> HttpResponse:
    """The sentence and next week's times of what is typed; nothing is saved."""
    host, form = _one(request, host_id), HostForm(request.POST)
    context: dict[str, Any] = {"form": form}
    if form.is_valid():
        tried = copy.copy(host)
        tried.schedule = Schedule(weekly=form.weekly())
        tried.timezone, tried.limits = form.cleaned_data["timezone"], form.limits()
        tried.holiday_country = form.cleaned_data["holiday_country"]
        tried.holiday_region = form.cleaned_data["holiday_region"]
        context |= _told(tried)
    return render(request, "staff/settings/_preview.html", context)


@require_POST
@staff_required
def add_days(request: StaffRequest, host_id: uuid.UUID) -> HttpResponse:
    """Say something of some days: other hours, closed, out of office, travel."""
    host = _one(request, host_id)
    form = DaysForm(host, request.POST)
    if form.is_valid():
        try:
            row = absences.add(host, actor=actor(request), **form.told())
        except DomainError as error:
            form.refuse(error)
        else:
            _tell_of_bookings(request, row)
            return redirect("availability-of", host_id=host.pk)
    return _page(request, host, HostForm.of(host), form, status=422)


@require_POST
@staff_required
def remove_days(request: StaffRequest, host_id: uuid.UUID, days_id: uuid.UUID) -> HttpResponse:
    """Let the weekly hours hold on those days again; the page offers to take that back."""
    host = _one(request, host_id)
    row = get_object_or_404(Override.everywhere.select_related("host", "redirect_to"), pk=days_id, host=host)
    absences.remove(row, actor=actor(request))
    again = urlencode({"again": "1"} | DaysForm.as_typed(row))
    return redirect(f"{reverse('availability-of', args=[host.pk])}?{again}#days")


# ── The page ──


def _page(request: StaffRequest, host: Host, form: HostForm, days: DaysForm, status: int = 200) -> HttpResponse:
    context: dict[str, Any] = {
        "host": host,
        "form": form,
        "days": days,
        "wrong": status == 422,
        "overrides": _coming_days(host),
        "openings": Opening.objects.for_tenant(request.organisation).filter(host=host)[:20],
        "calendars": _calendars(host),
        "others": _hosts(request).exclude(pk=host.pk).order_by("name"),
        "undo": {name: request.GET.get(name, "") for name in DaysForm.base_fields} if "again" in request.GET else None,
    }
    if not form.is_bound:
        context |= _told(host)
    return render(request, "staff/availability/detail.html", context, status=status)


@transaction.atomic
def _save(request: StaffRequest, host: Host, form: HostForm) -> None:
    who, given = actor(request), form.cleaned_data
    hosts.set_schedule(host, form.weekly(), actor=who)
    if given["timezone"] != host.timezone:
        hosts.move_to_zone(host, given["timezone"], actor=who)
    hosts.set_rules(
        host,
        limits=form.limits(),
        holiday_country=given["holiday_country"],
        holiday_region=given["holiday_region"],
        stale_after_minutes=given["stale_hours"] * 60,
        room_url=given["room_url"],
        actor=who,
    )


def _told(host: Host) -> dict[str, Any]:
    return {"sentence": sentences.of_host(host), "preview": preview.of(_terms(host))}


def _terms(host: Host) -> Terms:
    return availability.of_host(host, minutes=TRIED_MINUTES)


def _coming_days(host: Host) -> QuerySet[Override]:
    """What is said of today and later, and of the last days."""
    since = now().date() - dt.timedelta(days=7)
    return Override.everywhere.filter(host=host, last_day__gte=since).select_related("redirect_to")[:100]


def _calendars(host: Host) -> list[Calendar]:
    """What blocks and what does not, each with its freshness."""
    found = Calendar.objects.for_tenant(host.organisation_id).filter(account__host=host)
    return list(found.select_related("account").order_by("-blocks", "account__label", "name"))


def _away(people: Sequence[Host]) -> dict[uuid.UUID, Override]:
    """Who is out of office or elsewhere today."""
    today = now().date()
    kinds = (Override.Kind.LEAVE, Override.Kind.TRAVEL, Override.Kind.CLOSED)
    rows = Override.everywhere.filter(host__in=people, first_day__lte=today, last_day__gte=today, kind__in=kinds)
    return {row.host_id: row for row in rows}


def _tell_of_bookings(request: StaffRequest, row: Override) -> None:
    """Say that it holds, and how many bookings lie on those days."""
    count = 0 if row.kind in (Override.Kind.HOURS, Override.Kind.TRAVEL) else _booked_on(row)
    if not count:
        messages.success(request, _("Saved: this holds from now on."))
        return
    told = ngettext(
        "Saved. %d booking lies on these days and stays: move or cancel it if you cannot come.",
        "Saved. %d bookings lie on these days and stay: move or cancel them if you cannot come.",
        count,
    )
    messages.warning(request, told % count)


def _booked_on(row: Override) -> int:
    clock = zone(row.host.timezone)
    lo = clock.day_bounds((row.first_day - _EPOCH).days)[0]
    hi = clock.day_bounds((row.last_day - _EPOCH).days)[1]
    claims = Claim.everywhere.filter(host=row.host, state=Claim.State.BOOKED, start_s__lt=hi, end_s__gt=lo)
    return int(claims.filter(booking__state__in=Booking.LIVE).count())


def _hosts(request: StaffRequest) -> QuerySet[Host]:
    found: QuerySet[Host] = Host.objects.for_tenant(request.organisation)
    return found.filter(is_active=True).select_related("schedule")


def _one(request: StaffRequest, host_id: uuid.UUID) -> Host:
    return get_object_or_404(_hosts(request), pk=host_id)
