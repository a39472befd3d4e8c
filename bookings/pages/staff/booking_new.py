"""Booking on behalf of a customer, on the phone say: a free time, or any other with a warning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from bookings.domain import availability, reserve
from bookings.domain.availability import Terms
from bookings.domain.errors import DomainError, SlotTaken
from bookings.members import StaffRequest, actor, staff_required
from bookings.models import Booking
from bookings.pages.staff import slots
from bookings.pages.staff.booking_forms import CustomerForm, WhatForm


@dataclass
class _Asked:
    """The three parts of the page: what, when, for whom."""

    what: WhatForm
    time: slots.TimeForm
    customer: CustomerForm
    terms: Terms | None


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def new(request: StaffRequest) -> HttpResponse:
    """Say what, choose a real free time, say for whom."""
    asked = _asked(request)
    if request.method != "POST" or asked.terms is None:
        return _page(request, asked)
    if not all([asked.time.is_valid(), asked.customer.is_valid()]):
        return _page(request, asked, status=422)
    try:
        booking = _book(request, asked)
    except SlotTaken as refusal:
        return _page(request, asked, refusal=refusal, status=409)
    except DomainError as error:
        form = asked.customer if getattr(error, "field", "") in asked.customer.fields else asked.time
        form.refuse(error)
        return _page(request, asked, status=422)
    messages.success(request, _("Booked, in the calendars too."))
    return redirect("booking", booking_id=booking.pk)


def _asked(request: StaffRequest) -> _Asked:
    data = request.POST if request.method == "POST" else request.GET
    what = WhatForm(request.organisation, data if "what" in data else None)
    posted = request.POST or None
    zone_ = {"timezone": request.organisation.timezone, "notify": True}
    customer, time = CustomerForm(posted, initial=zone_), slots.TimeForm(posted)
    return _Asked(what, time, customer, _terms(what) if what.is_bound and what.is_valid() else None)


def _terms(what: WhatForm) -> Terms | None:
    if what.event_type is not None:
        terms = availability.of_event_type(what.event_type, minutes=what.length)
    elif what.host is not None:
        terms = availability.of_host(what.host, minutes=what.length, notice=0)
    else:
        return None
    return terms if terms.hosts else None


def _book(request: StaffRequest, asked: _Asked) -> Booking:
    """Book it; notes are kept with it for staff."""
    terms, given, event_type = asked.terms, asked.customer.cleaned_data, asked.what.event_type
    assert terms is not None
    wish = reserve.Wish(
        given["title"].strip() or (event_type.name if event_type else _("Meeting with %s") % given["name"]),
        given["timezone"],
        name=given["name"],
        email=given["email"],
        phone=given["phone"],
        event_type=event_type,
        group_rule=event_type.group_rule if event_type else None,
        confirmed=True,
        notify=given["notify"],
    )
    start, who = asked.time.chosen(terms.timezone), actor(request)
    if terms.capacity > 1:
        booking = reserve.take_seat(request.organisation, terms, start, wish, actor=who).booking
    else:
        forced = asked.time.cleaned_data["forced"]
        booking = reserve.book(request.organisation, terms, start, wish, actor=who, forced=forced)
    if given["notes"].strip():
        reserve.describe(booking, notes=given["notes"].strip(), actor=who)
    return booking


def _page(request: StaffRequest, asked: _Asked, *, refusal: SlotTaken | None = None, status: int = 200) -> HttpResponse:
    context: dict[str, Any] = {
        "what": asked.what,
        "form": asked.time,
        "customer": asked.customer,
        "terms": asked.terms,
        "refusal": refusal,
        "wrong": status == 422,
        "nobody": asked.what.is_bound and asked.what.is_valid() and asked.terms is None,
    }
    if asked.terms is not None:
        day = (request.POST or request.GET).get("from", "")
        context["kept"] = urlencode({"what": asked.what["what"].value() or "", "minutes": asked.what.length}) + "&"
        context |= {"slots": slots.of(asked.terms, day), "timezone": asked.terms.timezone}
        context["seats"] = asked.terms.capacity > 1
    return render(request, "staff/bookings/new.html", context, status=status)
