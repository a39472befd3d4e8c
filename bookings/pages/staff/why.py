"""Why (not)? What the one decision function says of a time, rule by rule."""

from __future__ import annotations

from datetime import date

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from bookings.domain import availability
from bookings.domain.availability import Terms
from bookings.engine.zones import zone
from bookings.members import StaffRequest, staff_required
from bookings.models import Host
from bookings.pages.staff.forms import WhyForm

_EPOCH = date(1970, 1, 1).toordinal()


@require_safe
@staff_required
def why(request: StaffRequest) -> HttpResponse:
    """The form, and below it the explanation once something was asked."""
    form = WhyForm(request.organisation, request.GET or None)
    context: dict[str, object] = {"form": form}
    if form.is_bound and form.is_valid():
        terms = _terms(form)
        start = _start(form, terms)
        context |= {
            "chain": availability.explain(terms, start),
            "offered": availability.check(terms, start).ok,
            "start": start,
            "timezone": terms.timezone if terms.hosts else "UTC",
            "next_free": availability.next_free(terms, start) if terms.hosts else [],
        }
    return render(request, "staff/why.html", context, status=422 if form.errors else 200)


def _terms(form: WhyForm) -> Terms:
    chosen, minutes = form.cleaned_data["host"], form.cleaned_data["duration"]
    if isinstance(chosen, Host):
        return availability.of_host(chosen, minutes=minutes)
    return availability.of_group(chosen, minutes=minutes)


def _start(form: WhyForm, terms: Terms) -> int:
    """The asked wall time in the first host's zone, in UTC seconds."""
    day, time = form.minute()
    wall = (day.toordinal() - _EPOCH) * 86_400 + time.hour * 3600 + time.minute * 60
    return zone(terms.timezone if terms.hosts else "UTC").to_utc(wall)
