"""The outbox: what people were told, what waits and what failed; sending again, and a mail to try whether it works."""

from __future__ import annotations

import uuid

from csp.constants import SELF
from django import forms
from django.conf import settings
from django.contrib import messages as notices
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST, require_safe

from bookings.domain import messages
from bookings.domain.errors import DomainError
from bookings.mail.letters import letter
from bookings.members import StaffRequest, actor, staff_required
from bookings.models import Message

PER_PAGE = 25
_NO_MAIL = "django.core.mail.backends.dummy.EmailBackend"

COLOURS = {
    Message.State.WAITING: "pending",
    Message.State.SENDING: "pending",
    Message.State.SENT: "ok",
    Message.State.UNKNOWN: "failing",
    Message.State.FAILED: "failing",
    Message.State.DROPPED: "neutral",
}
WORDS = {
    Message.State.WAITING: gettext_lazy("Waiting"),
    Message.State.SENDING: gettext_lazy("Being sent"),
    Message.State.SENT: gettext_lazy("Sent"),
    Message.State.UNKNOWN: gettext_lazy("May have arrived"),
    Message.State.FAILED: gettext_lazy("Failed"),
    Message.State.DROPPED: gettext_lazy("Not sent"),
}
TEMPLATES = {
    "booked": gettext_lazy("Confirmation"),
    "pending": gettext_lazy("Waiting for confirmation"),
    "moved": gettext_lazy("New time"),
    "changed": gettext_lazy("Update"),
    "cancelled": gettext_lazy("Cancellation"),
    "declined": gettext_lazy("Declined"),
    "reminder": gettext_lazy("Reminder"),
    "request": gettext_lazy("Link to choose a time"),
    "withdrawn": gettext_lazy("Link withdrawn"),
    "host_booked": gettext_lazy("To the host: new booking"),
    "host_pending": gettext_lazy("To the host: please confirm"),
    "host_moved": gettext_lazy("To the host: new time"),
    "host_cancelled": gettext_lazy("To the host: cancellation"),
    "account": gettext_lazy("To the host: sign in again"),
    "test": gettext_lazy("Test"),
}


class TestForm(forms.Form):
    """Where a test goes."""

    email = forms.EmailField(label=gettext_lazy("Send a test to"), max_length=320)


@require_safe
@staff_required
def listing(request: StaffRequest) -> HttpResponse:
    """Every mail, the newest first; ?state= one of the states."""
    return _listing(request, TestForm(initial={"email": getattr(request.user, "email", "")}))


@require_safe
@staff_required
def detail(request: StaffRequest, message_id: uuid.UUID) -> HttpResponse:
    """One mail as it is or was sent: who gets it, its text, the calendar part."""
    message = _one(request, message_id)
    context = _row(message) | {"letter": letter(message), "again": message.state != Message.State.SENDING}
    response = render(request, "staff/outbox/detail.html", context)
    response._csp_update = {"frame-src": [SELF]}  # type: ignore[attr-defined]
    return response


@require_safe
@xframe_options_sameorigin
@staff_required
def frame(request: StaffRequest, message_id: uuid.UUID) -> HttpResponse:
    """The HTML of a mail, for the frame on its page: it may have style of its own, and nothing else."""
    response = HttpResponse(letter(_one(request, message_id)).html)
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'self'"
    )
    return response


@require_POST
@staff_required
def again(request: StaffRequest, message_id: uuid.UUID) -> HttpResponse:
    """Send it once more, or now."""
    message = _one(request, message_id)
    try:
        messages.send_again(message, actor=actor(request))
        notices.success(request, _("It will be sent now.") if _has_server() else _NO_SERVER)
    except DomainError as error:
        notices.error(request, error.message)
    return redirect("outbox-message", message_id=message.pk)


@require_POST
@staff_required
def test(request: StaffRequest) -> HttpResponse:
    """A mail that only says that mail works."""
    form = TestForm(request.POST)
    if not form.is_valid():
        return _listing(request, form, status=422)
    sent = messages.send_test(
        request.organisation, form.cleaned_data["email"], timezone=request.organisation.timezone, actor=actor(request)
    )
    notices.success(request, _("The test is on its way: its state is shown here.") if _has_server() else _NO_SERVER)
    return redirect("outbox-message", message_id=sent.pk)


_NO_SERVER = gettext_lazy("It is kept here: no mail server is set, so nothing is sent.")


def _has_server() -> bool:
    return settings.EMAIL_BACKEND != _NO_MAIL


def _listing(request: StaffRequest, form: TestForm, status: int = 200) -> HttpResponse:
    rows, state = _mails(request), request.GET.get("state", "")
    counts = dict(rows.order_by().values_list("state").annotate(Count("pk")))
    shown = rows.filter(state=state) if state in Message.State.values else rows
    page = Paginator(shown, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": [_row(message) for message in page.object_list],
        "states": [(value, WORDS[value], counts[value]) for value in Message.State if value in counts],
        "state": state if state in Message.State.values else "",
        "keep": f"&state={state}" if state in Message.State.values else "",
        "form": form,
        "has_server": _has_server(),
        "sender": settings.DEFAULT_FROM_EMAIL,
    }
    return render(request, "staff/outbox/list.html", context, status=status)


def _row(message: Message) -> dict[str, object]:
    state = Message.State(message.state)
    return {
        "message": message,
        "colour": COLOURS[state],
        "word": WORDS[state],
        "kind": TEMPLATES.get(message.template, message.template),
    }


def _one(request: StaffRequest, message_id: uuid.UUID) -> Message:
    return get_object_or_404(_mails(request), pk=message_id)


def _mails(request: StaffRequest) -> QuerySet[Message]:
    """Those of the organisation; what tells of sign-ins belongs to it as well."""
    return (
        Message.objects.for_tenant(request.organisation).select_related("organisation").filter(kind=Message.Kind.MAIL)
    )
