"""Bookings: the list, one in full, cancelling."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from bookings.domain import reserve
from bookings.domain.errors import DomainError
from bookings.members import StaffRequest, actor, staff_required
from bookings.models import AuditEntry, Booking
from bookings.pages.staff.forms import CancelForm

PER_PAGE = 25


@require_safe
@staff_required
def listing(request: StaffRequest) -> HttpResponse:
    """Coming bookings, or with ?when=past the earlier ones; ?q= searches title and customer."""
    past = request.GET.get("when") == "past"
    words = request.GET.get("q", "").strip()[:200]
    moment = int(now().timestamp())
    found = _bookings(request)
    found = found.filter(end_s__lt=moment) if past else found.filter(end_s__gte=moment)
    if words:
        found = found.filter(
            Q(title__icontains=words) | Q(contact__name__icontains=words) | Q(contact__email__icontains=words)
        )
    page = Paginator(found.order_by("-start_s" if past else "start_s"), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "staff/bookings/list.html", {"page": page, "past": past, "words": words})


@require_safe
@staff_required
def detail(request: StaffRequest, booking_id: uuid.UUID) -> HttpResponse:
    """One booking: who, when, what the calendars show, what happened to it."""
    return _detail(request, _one(request, booking_id), CancelForm())


@require_POST
@staff_required
def cancel(request: StaffRequest, booking_id: uuid.UUID) -> HttpResponse:
    """Cancel for the host, with a reason if one is given."""
    booking = _one(request, booking_id)
    form = CancelForm(request.POST)
    if not form.is_valid():
        return _detail(request, booking, form, status=422)
    try:
        reserve.cancel(booking, by=Booking.By.HOST, actor=actor(request), reason=form.cleaned_data["reason"])
        messages.success(request, _("The booking is cancelled and its time is free again."))
    except DomainError as error:
        messages.error(request, error.message)
    return redirect("booking", booking_id=booking.pk)


def _detail(request: StaffRequest, booking: Booking, form: CancelForm, status: int = 200) -> HttpResponse:
    history = AuditEntry.objects.for_tenant(request.organisation).filter(object_id=booking.pk)
    context = {
        "booking": booking,
        "form": form,
        "history": history[:50],
        "mirrors": booking.event.mirrors.select_related("calendar__account__host") if booking.event else [],
        "cancellable": booking.may_become(Booking.State.CANCELLED),
    }
    return render(request, "staff/bookings/detail.html", context, status=status)


def _one(request: StaffRequest, booking_id: uuid.UUID) -> Booking:
    return get_object_or_404(_bookings(request), pk=booking_id)


def _bookings(request: StaffRequest) -> QuerySet[Booking]:
    return (
        Booking.objects.for_tenant(request.organisation)
        .select_related("contact", "event")
        .prefetch_related("claims__host", "event__mirrors")
    )
