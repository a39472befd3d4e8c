"""Webhooks: which programs are told what happens, and whether they answer; for owners and admins."""

from __future__ import annotations

import uuid

from django import forms
from django.contrib import messages as notices
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from bookings.domain import hooks
from bookings.domain.errors import Invalid
from bookings.members import StaffRequest, actor
from bookings.models import Hook, Message
from bookings.pages.staff.keys import managers_only
from bookings.pages.staff.outbox import COLOURS, WORDS

PER_PAGE = 25


class HookForm(forms.Form):
    """A program and what it wants to know."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=100)
    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=1000,
        widget=forms.URLInput(attrs={"placeholder": "https://"}),
        help_text=gettext_lazy("Each time something happens, it is sent there as JSON by POST"),
    )
    events = forms.MultipleChoiceField(
        label=gettext_lazy("What it is told of"),
        choices=[(name, name) for name in hooks.NAMES],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("None chosen: everything"),
    )


@require_safe
@managers_only
def listing(request: StaffRequest) -> HttpResponse:
    """The programs, each with what waits, and the form for another."""
    return _listing(request, HookForm())


@require_POST
@managers_only
def new(request: StaffRequest) -> HttpResponse:
    """Make one; the page that follows shows its secret."""
    form = HookForm(request.POST)
    if form.is_valid():
        try:
            made = hooks.make(request.organisation, actor=actor(request), **form.cleaned_data)
        except Invalid as error:
            form.add_error(error.field or None, error.message)
        else:
            return redirect("hook", hook_id=made.pk)
    return _listing(request, form, status=422)


@require_safe
@managers_only
def detail(request: StaffRequest, hook_id: uuid.UUID) -> HttpResponse:
    """One program: its secret, whether it is paused, and everything it was told, the newest first."""
    hook = _one(request, hook_id)
    log = Message.objects.for_tenant(request.organisation).filter(hook=hook)
    page = Paginator(log.order_by("-created_at"), PER_PAGE).get_page(request.GET.get("page"))
    rows = [(each, COLOURS[Message.State(each.state)], WORDS[Message.State(each.state)]) for each in page.object_list]
    context = {"hook": hook, "secret": hooks.secret(hook), "page": page, "rows": rows}
    return render(request, "staff/hooks/detail.html", context)


@require_POST
@managers_only
def act(request: StaffRequest, hook_id: uuid.UUID) -> HttpResponse:
    """What its buttons say: try, pause, resume, remove, or replay one call."""
    hook, who = _one(request, hook_id), actor(request)
    asked = request.POST.get("act", "")
    if asked == "remove":
        hooks.remove(hook, actor=who)
        notices.success(request, _("It is told nothing more."))
        return redirect("hooks")
    if asked == "try":
        hooks.try_out(hook, actor=who)
        notices.success(request, _("A test is on its way."))
    elif asked == "pause":
        hooks.pause(hook, actor=who)
    elif asked == "resume":
        hooks.resume(hook, actor=who)
    elif asked == "replay":
        rows = Message.objects.for_tenant(request.organisation).filter(hook=hook)
        hooks.replay(get_object_or_404(rows, pk=_id(request.POST.get("message", ""))), actor=who)
        notices.success(request, _("It is told once more."))
    return redirect("hook", hook_id=hook.pk)


def _id(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _listing(request: StaffRequest, form: HookForm, status: int = 200) -> HttpResponse:
    open_states = (Message.State.WAITING, Message.State.SENDING, Message.State.FAILED)
    rows = _hooks(request).annotate(waiting=Count("messages", filter=Q(messages__state__in=open_states)))
    return render(request, "staff/hooks/list.html", {"hooks": rows, "form": form}, status=status)


def _one(request: StaffRequest, hook_id: uuid.UUID) -> Hook:
    return get_object_or_404(_hooks(request), pk=hook_id)


def _hooks(request: StaffRequest) -> QuerySet[Hook]:
    return Hook.objects.for_tenant(request.organisation)
