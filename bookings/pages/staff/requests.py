"""Scheduler requests: the list, a new one with its link, many at once, sending again, withdrawing."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from bookings.domain import links, requests
from bookings.domain.errors import DomainError
from bookings.members import StaffRequest, actor, staff_required
from bookings.models import Host, Message, SchedulerRequest
from bookings.pages.staff.forms import BulkForm, RequestForm

PER_PAGE = 25
BATCH = "convene_batch"
"""Key in `raw` of requests that were sent together: the id of the batch."""

_FILTERS = {
    "waiting": gettext_lazy("Waiting"),
    "opened": gettext_lazy("Opened"),
    "booked": gettext_lazy("Booked"),
    "expired": gettext_lazy("Expired"),
    "withdrawn": gettext_lazy("Withdrawn"),
}
_COLOURS = {"waiting": "pending", "opened": "info", "booked": "ok"}


@require_safe
@staff_required
def listing(request: StaffRequest) -> HttpResponse:
    """All requests of the organisation, the newest first; ?state= one of those told, ?q= searches words and people."""
    wanted = request.GET.get("state", "")
    words = request.GET.get("q", "").strip()[:200]
    every = _all(request)
    rows = _in_state(every, wanted) if wanted in _FILTERS else every
    if words:
        people = Q(recipient_name__icontains=words) | Q(recipient_email__icontains=words)
        rows = rows.filter(Q(summary__icontains=words) | people)
    rows = rows.select_related("host", "group_rule").prefetch_related("bookings")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": [_row(each) for each in page.object_list],
        "filters": _FILTERS.items(),
        "wanted": wanted,
        "words": words,
        "narrowed": bool(words or wanted in _FILTERS),
        "keep": "&" + urlencode({"state": wanted, "q": words}) if words or wanted in _FILTERS else "",
    }
    return render(request, "staff/requests/list.html", context)


@staff_required
def new(request: StaffRequest) -> HttpResponse:
    """The form; a valid one answers with the link to copy."""
    form = RequestForm(request.organisation, request.POST or None, initial=_suggestion(request))
    if request.method == "POST" and form.is_valid():
        sent = _send(request, form)
        if sent is not None:
            context = {"sent": sent, "select_url": links.select_url(sent.pk), "mailed": not form.cleaned_data["quiet"]}
            template = "staff/requests/_sent.html" if request.htmx else "staff/requests/sent.html"
            return render(request, template, context)
    template = "staff/requests/_form.html" if request.htmx else "staff/requests/new.html"
    return render(request, template, {"form": form}, status=422 if form.is_bound else 200)


@staff_required
def bulk(request: StaffRequest) -> HttpResponse:
    """One request for each line of a list; none is sent while a line is wrong."""
    form = BulkForm(request.organisation, request.POST or None, initial=_suggestion(request))
    if request.method == "POST" and form.is_valid():
        batch = _send_all(request, form)
        if batch is not None:
            return _to(request, batch)
    template = "staff/requests/_bulk_form.html" if request.htmx else "staff/requests/bulk.html"
    return render(request, template, {"form": form}, status=422 if form.is_bound else 200)


@require_safe
@staff_required
def batch(request: StaffRequest, batch_id: uuid.UUID) -> HttpResponse:
    """Requests that were sent together, with their links, and how far their mails are."""
    sent = list(_all(request).filter(**{f"raw__{BATCH}": str(batch_id)}).order_by("recipient_email"))
    if not sent:
        raise Http404
    mails = Message.objects.for_tenant(request.organisation).filter(scheduler_request__in=sent, template="request")
    states = list(mails.values_list("state", flat=True))
    context = {
        "batch": batch_id,
        "rows": [(each, links.select_url(each.pk)) for each in sent],
        "mails": len(states),
        "done": sum(1 for state in states if state == Message.State.SENT),
        "failed": sum(1 for state in states if state in (Message.State.FAILED, Message.State.DROPPED)),
        "underway": any(state in (Message.State.WAITING, Message.State.SENDING) for state in states),
    }
    template = "staff/requests/_progress.html" if request.htmx else "staff/requests/batch.html"
    return render(request, template, context)


@require_POST
@staff_required
def resend(request: StaffRequest, request_id: uuid.UUID) -> HttpResponse:
    """Send a link once more; one that expired works again."""
    found = get_object_or_404(_all(request), pk=request_id)
    try:
        requests.resend(found, actor=actor(request))
        messages.success(request, _("The link is sent to %(email)s again.") % {"email": found.recipient_email})
    except DomainError as error:
        messages.error(request, error.message)
    return redirect("requests")


@require_POST
@staff_required
def withdraw(request: StaffRequest, request_id: uuid.UUID) -> HttpResponse:
    """Close a link that nobody has used."""
    found = get_object_or_404(_all(request), pk=request_id)
    try:
        requests.withdraw(found, actor=actor(request))
        messages.success(request, _("The link no longer works."))
    except DomainError as error:
        messages.error(request, error.message)
    return redirect("requests")


def _all(request: StaffRequest) -> QuerySet[SchedulerRequest]:
    found: QuerySet[SchedulerRequest] = SchedulerRequest.objects.for_tenant(request.organisation)
    return found


def _in_state(rows: QuerySet[SchedulerRequest], wanted: str) -> QuerySet[SchedulerRequest]:
    states = SchedulerRequest.State
    moment = now()
    return {
        "waiting": rows.filter(state=states.OPEN, expires_at__gt=moment, opened_at=None),
        "opened": rows.filter(state=states.OPEN, expires_at__gt=moment, opened_at__isnull=False),
        "booked": rows.filter(state=states.BOOKED),
        "expired": rows.filter(state=states.OPEN, expires_at__lte=moment),
        "withdrawn": rows.filter(state__in=(states.WITHDRAWN, states.DECLINED)),
    }[wanted]


def _suggestion(request: StaffRequest) -> dict[str, Any]:
    """The member's own time comes first."""
    own = Host.objects.for_tenant(request.organisation).filter(user=request.user, is_active=True).first()
    return {"host": str(own.pk)} if own else {}


def _send(request: StaffRequest, form: RequestForm) -> SchedulerRequest | None:
    given = form.cleaned_data
    try:
        return requests.send(
            request.organisation,
            recipient_email=given["recipient_email"],
            recipient_name=given["recipient_name"],
            actor=actor(request),
            **form.terms(),
        )
    except DomainError as error:
        form.refuse(error)
        return None


def _send_all(request: StaffRequest, form: BulkForm) -> uuid.UUID | None:
    """All or none of them; the id under which they are found together."""
    made = uuid.uuid4()
    try:
        with transaction.atomic():
            for line in form.lines:
                requests.send(
                    request.organisation,
                    recipient_email=line.email,
                    recipient_name=line.name,
                    actor=actor(request),
                    raw={BATCH: str(made)},
                    **form.terms(),
                )
    except DomainError as error:
        form.refuse(error)
        return None
    return made


def _to(request: StaffRequest, made: uuid.UUID) -> HttpResponse:
    answer = redirect("request-batch", batch_id=made)
    return HttpResponse(status=204, headers={"HX-Redirect": answer["Location"]}) if request.htmx else answer


def _state(each: SchedulerRequest) -> str:
    if each.is_expired:
        return "expired"
    if each.state == SchedulerRequest.State.OPEN:
        return "opened" if each.opened_at else "waiting"
    return "booked" if each.state == SchedulerRequest.State.BOOKED else "withdrawn"


def _row(each: SchedulerRequest) -> dict[str, Any]:
    state = _state(each)
    live = [booking for booking in each.bookings.all() if booking.state in booking.LIVE]
    declined = each.state == SchedulerRequest.State.DECLINED
    return {
        "request": each,
        "colour": _COLOURS.get(state, "neutral"),
        "word": _("Declined") if declined else _FILTERS[state],
        "who": each.host or each.group_rule,
        "booking": live[0] if live else None,
        "select_url": links.select_url(each.pk) if state in ("waiting", "opened") else "",
        "again": state in ("waiting", "opened", "expired"),
    }
