"""Scheduler requests: the list, a new one with its link, withdrawing."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from bookings.domain import links, requests
from bookings.domain.errors import DomainError
from bookings.members import StaffRequest, actor, staff_required
from bookings.models import SchedulerRequest
from bookings.pages.staff.forms import RequestForm

PER_PAGE = 25


@require_safe
@staff_required
def listing(request: StaffRequest) -> HttpResponse:
    """All requests of the organisation, the newest first."""
    rows = (
        SchedulerRequest.objects.for_tenant(request.organisation)
        .select_related("host", "group_rule")
        .prefetch_related("bookings")
    )
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    shown = [_row(each) for each in page.object_list]
    return render(request, "staff/requests/list.html", {"page": page, "rows": shown})


@staff_required
def new(request: StaffRequest) -> HttpResponse:
    """The form; a valid one answers with the link to copy."""
    form = RequestForm(request.organisation, request.POST or None)
    if request.method == "POST" and form.is_valid():
        sent = _send(request, form)
        if sent is not None:
            context = {"sent": sent, "select_url": links.select_url(sent.pk)}
            template = "staff/requests/_sent.html" if request.htmx else "staff/requests/sent.html"
            return render(request, template, context)
    template = "staff/requests/_form.html" if request.htmx else "staff/requests/new.html"
    return render(request, template, {"form": form}, status=422 if form.is_bound else 200)


@require_POST
@staff_required
def withdraw(request: StaffRequest, request_id: uuid.UUID) -> HttpResponse:
    """Close a link that nobody has used."""
    found = get_object_or_404(SchedulerRequest.objects.for_tenant(request.organisation), pk=request_id)
    try:
        requests.withdraw(found, actor=actor(request))
        messages.success(request, _("The link no longer works."))
    except DomainError as error:
        messages.error(request, error.message)
    return redirect("requests")


def _send(request: StaffRequest, form: RequestForm) -> SchedulerRequest | None:
    given = form.cleaned_data
    try:
        return requests.send(
            request.organisation,
            recipient_email=given["recipient_email"],
            recipient_name=given["recipient_name"],
            summary=given["summary"],
            duration=given["duration"],
            actor=actor(request),
            **form.who(),  # type: ignore[arg-type]
        )
    except DomainError as error:
        form.refuse(error)
        return None


_STATES = {
    SchedulerRequest.State.OPEN: ("pending", "Waiting"),
    SchedulerRequest.State.BOOKED: ("ok", "Booked"),
    SchedulerRequest.State.WITHDRAWN: ("neutral", "Withdrawn"),
    SchedulerRequest.State.DECLINED: ("neutral", "Declined"),
}


def _row(each: SchedulerRequest) -> dict[str, Any]:
    colour, word = ("neutral", "Expired") if each.is_expired else _STATES[SchedulerRequest.State(each.state)]
    live = [booking for booking in each.bookings.all() if booking.state in booking.LIVE]
    usable = each.state == SchedulerRequest.State.OPEN and each.expires_at > now()
    return {
        "request": each,
        "colour": colour,
        "word": _(word),
        "who": each.host or each.group_rule,
        "booking": live[0] if live else None,
        "select_url": links.select_url(each.pk) if usable else "",
    }
