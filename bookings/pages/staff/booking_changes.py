"""What staff do about a booking: confirm, decline, cancel, move, hand over, note, say who came."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from bookings.domain import availability, reserve
from bookings.domain.availability import Terms
from bookings.domain.errors import DomainError, SlotTaken
from bookings.members import StaffRequest, actor, staff_required
from bookings.models import Booking, Host
from bookings.pages.staff import slots
from bookings.pages.staff.booking_forms import NotesForm, ReasonForm
from bookings.pages.staff.bookings import one, show


@require_POST
@staff_required
def confirm(request: StaffRequest, booking_id: uuid.UUID) -> HttpResponse:
    """Say yes to what waits, or take a cancellation back."""
    done = _("Confirmed: it stands in the calendars.")
    return _do(request, booking_id, lambda booking: reserve.confirm(booking, actor=actor(request)), done)


@require_POST
@staff_required
def decline(request: StaffRequest, booking_id: uuid.UUID) -> HttpResponse:
    """Say no to what waits, with a reason if one is given."""
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return show(request, one(request, booking_id), reason=form, status=422)
    reason = form.cleaned_data["reason"]
    done = _("Declined: its time is free again.")
    return _do(request, booking_id, lambda booking: reserve.decline(booking, actor=actor(request), reason=reason), done)


@require_POST
@staff_required
def cancel(request: StaffRequest, booking_id: uuid.UUID) -> HttpResponse:
    """Cancel for the host, with a reason if one is given."""
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return show(request, one(request, booking_id), reason=form, status=422)
    told: dict[str, Any] = {"by": Booking.By.HOST, "reason": form.cleaned_data["reason"], "actor": actor(request)}
    done = _("The booking is cancelled and its time is free again.")
    return _do(request, booking_id, lambda booking: reserve.cancel(booking, **told), done)


@require_POST
@staff_required
def no_show(request: StaffRequest, booking_id: uuid.UUID) -> HttpResponse:
    """The customer did not come."""
    done = _("Noted: the customer did not come.")
    return _do(request, booking_id, lambda booking: reserve.mark_no_show(booking, actor=actor(request)), done)


@require_POST
@staff_required
def came(request: StaffRequest, booking_id: uuid.UUID) -> HttpResponse:
    """The customer came."""
    done = _("Noted: it took place.")
    return _do(request, booking_id, lambda booking: reserve.complete(booking, actor=actor(request)), done)


@require_POST
@staff_required
def note(request: StaffRequest, booking_id: uuid.UUID) -> HttpResponse:
    """Keep notes that only staff see."""
    form = NotesForm(request.POST)
    if not form.is_valid():
        return show(request, one(request, booking_id), notes=form, status=422)
    notes = form.cleaned_data["notes"]
    return _do(
        request,
        booking_id,
        lambda booking: reserve.describe(booking, notes=notes, actor=actor(request)),
        _("The notes are kept."),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def move(request: StaffRequest, booking_id: uuid.UUID) -> HttpResponse:
    """Real free times to move a booking to, or any other time on explicit request."""
    booking = one(request, booking_id)
    terms = _terms(booking)
    if terms is None or booking.state not in Booking.LIVE:
        messages.error(request, _("Only a live booking can be moved."))
        return redirect("booking", booking_id=booking.pk)
    form = slots.TimeForm(request.POST or None)
    if request.method != "POST":
        return _move_page(request, booking, terms, form)
    if not form.is_valid():
        return _move_page(request, booking, terms, form, status=422)
    start, forced = form.chosen(terms.timezone), form.cleaned_data["forced"]
    try:
        reserve.move(booking, terms, start, actor=actor(request), forced=forced)
    except SlotTaken as refusal:
        return _move_page(request, booking, terms, form, refusal=refusal, status=409)
    except DomainError as error:
        form.refuse(error)
        return _move_page(request, booking, terms, form, status=422)
    messages.success(request, _("Moved, in the calendars too."))
    return redirect("booking", booking_id=booking.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def hand_over(request: StaffRequest, booking_id: uuid.UUID) -> HttpResponse:
    """Give a booking to a colleague: who is free then, and who is not."""
    booking = one(request, booking_id)
    terms = _terms(booking)
    if terms is None or booking.state not in Booking.LIVE or booking.event is None:
        messages.error(request, _("Only a live booking can be handed over."))
        return redirect("booking", booking_id=booking.pk)
    people = _others(request, booking)
    refusal: DomainError | None = None
    if request.method == "POST" and (host := people.get(request.POST.get("host", ""))):
        to = replace(terms, hosts=(host,), required=1)
        told: dict[str, Any] = {"event_type": booking.event_type, "forced": "forced" in request.POST}
        try:
            reserve.hand_over(booking, to, booking.start_s, actor=actor(request), **told)
        except DomainError as error:
            refusal = error
        else:
            messages.success(request, _("%s has it now, in the calendars too.") % host.name)
            return redirect("booking", booking_id=booking.pk)
    context = {
        "booking": booking,
        "people": _who_is_free(list(people.values()), terms, booking),
        "refusal": refusal,
        "chosen": request.POST.get("host", ""),
        "asked": request.method == "POST",
        "timezone": terms.timezone,
    }
    status = 200 if request.method != "POST" else 409 if refusal else 422
    return render(request, "staff/bookings/hand_over.html", context, status=status)


def _do(request: StaffRequest, booking_id: uuid.UUID, verb: Callable[[Booking], Any], done: str) -> HttpResponse:
    """Do something about a booking and return to its page, with what was done or why not."""
    booking = one(request, booking_id)
    try:
        verb(booking)
        messages.success(request, done)
    except DomainError as error:
        messages.error(request, error.message)
    return redirect("booking", booking_id=booking.pk)


def _move_page(
    request: StaffRequest,
    booking: Booking,
    terms: Terms,
    form: slots.TimeForm,
    *,
    refusal: SlotTaken | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "booking": booking,
        "form": form,
        "slots": slots.of(terms, (request.POST or request.GET).get("from", "")),
        "refusal": refusal,
        "timezone": terms.timezone,
    }
    return render(request, "staff/bookings/move.html", context, status=status)


def _terms(booking: Booking) -> Terms | None:
    """Under which rules the booking can be moved, or None when its hosts are gone."""
    try:
        return replace(reserve.terms_of(booking), ignore_booking=booking.pk)
    except DomainError:
        return None


def _others(request: StaffRequest, booking: Booking) -> dict[str, Host]:
    """Everybody who does not have it yet, those of its event type first."""
    have = set(booking.assignment.get("hosts", ()))
    found = Host.objects.for_tenant(request.organisation).select_related("schedule").filter(is_active=True)
    return {str(host.pk): host for host in found.order_by("kind", "name") if str(host.pk) not in have}


def _who_is_free(people: list[Host], terms: Terms, booking: Booking) -> list[tuple[Host, bool]]:
    """Each with whether they are free then; one reading of the facts for all."""
    asked = replace(terms, hosts=tuple(people), required=1)
    lo, hi = booking.start_s, booking.start_s + terms.length
    free = availability.offer(asked, lo, hi).hosts_at(booking.start_s) if people else []
    found = [(host, host in free) for host in people]
    return sorted(found, key=lambda each: not each[1])
