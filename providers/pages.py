"""Pages where staff connect calendars, choose what they are for, and see how they are doing."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db.models import Count, F, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from bookings.domain import accepting, accounts, outbox
from bookings.domain.audit import Actor
from bookings.domain.errors import DomainError, SlotTaken
from bookings.members import StaffRequest, actor, staff_required
from bookings.models import Account, Calendar, Host, Mirror, Organisation
from providers import connect as connecting
from providers.forms import ChooseForm
from providers.kinds import ConnectFailed

_FLAGGED = 20


@staff_required
def account_list(request: StaffRequest) -> HttpResponse:
    """Every host's calendars: how fresh they are, what waits to be sent, what was changed over there."""
    hosts = hosts_of(request.organisation).prefetch_related(
        Prefetch("accounts", Account.everywhere.exclude(provider=Account.Provider.LOCAL).order_by("label")),
        Prefetch("accounts__calendars", _calendars(request.organisation)),
    )
    return render(request, "staff/accounts/list.html", {"hosts": hosts, "attention": _attention(request.organisation)})


@staff_required
@require_http_methods(["GET", "POST"])
def account_calendars(request: StaffRequest, account_id: uuid.UUID) -> HttpResponse:
    """Choose which calendar receives bookings and which ones make the host busy."""
    account = the_account(request.organisation, account_id)
    local = accounts.ensure_local(account.host)
    calendars = list(Calendar.everywhere.filter(account=account))
    form = ChooseForm(
        request.POST or None, account=account, local=local, initial=_chosen_so_far(account, calendars, local)
    )
    if request.method == "POST" and form.is_valid() and _choose(request, account, form):
        messages.success(request, "Saved. Bookings go where you chose, and busy times are read from now on.")
        return redirect("accounts")
    context = {"form": form, "account": account, "tries_out": connecting.tries_out(account)}
    return page(request, "staff/accounts/calendars.html", context)


@staff_required
@require_POST
def account_resync(request: StaffRequest, account_id: uuid.UUID) -> HttpResponse:
    account = the_account(request.organisation, account_id)
    outbox.resync(account, actor(request))
    messages.success(request, f"{account.label} is being read anew.")
    return redirect("accounts")


@staff_required
@require_POST
def account_retry(request: StaffRequest, account_id: uuid.UUID) -> HttpResponse:
    account = the_account(request.organisation, account_id)
    try:
        outbox.retry_all(account, actor(request))
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"{account.label} is being tried now.")
    return redirect("accounts")


@staff_required
@require_POST
def mirror_retry(request: StaffRequest, mirror_id: uuid.UUID) -> HttpResponse:
    return _act_on_mirror(request, mirror_id, outbox.retry, "It is being sent again.")


@staff_required
@require_POST
def mirror_put_back(request: StaffRequest, mirror_id: uuid.UUID) -> HttpResponse:
    return _act_on_mirror(request, mirror_id, outbox.put_back, "It is being put back.")


@staff_required
@require_POST
def mirror_overwrite(request: StaffRequest, mirror_id: uuid.UUID) -> HttpResponse:
    return _act_on_mirror(request, mirror_id, outbox.overwrite, "Our version is being written there.")


@staff_required
@require_POST
def mirror_accept(request: StaffRequest, mirror_id: uuid.UUID) -> HttpResponse:
    """Move here what was moved there, or cancel what was deleted there. A time that is not free is asked about."""
    mirror = _mirror(request, mirror_id)
    try:
        accepting.accept(mirror, actor=actor(request), forced="anyway" in request.POST)
    except SlotTaken as refusal:
        context = {"mirror": mirror, "refusal": refusal, "next": _target(request)}
        return render(request, "staff/accounts/taken.html", context, status=409)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "It now stands here as it does there.")
    return _back(request)


# ── Parts ──


def hosts_of(organisation: Organisation) -> QuerySet[Host]:
    return Host.objects.for_tenant(organisation).filter(is_active=True).order_by("name")


def _calendars(organisation: Organisation) -> QuerySet[Calendar]:
    """Calendars with the number of events that wait to be sent there, and of those that somebody should look at."""
    waiting = ~Q(mirrors__desired_revision=F("mirrors__applied_revision")) & Q(mirrors__isnull=False)
    stuck = Q(mirrors__state__in=(Mirror.State.FAILED, Mirror.State.NEEDS_CHECK))
    rows: QuerySet[Calendar] = Calendar.objects.for_tenant(organisation)
    failing = Mirror.everywhere.filter(calendar=OuterRef("pk")).exclude(failing_since=None).order_by("failing_since")
    return rows.annotate(
        waiting=Count("mirrors", filter=waiting & ~stuck),
        stuck=Count("mirrors", filter=stuck),
        changed=Count("mirrors", filter=~Q(mirrors__difference={}) & Q(mirrors__isnull=False)),
        failing_since=Subquery(failing.values("failing_since")[:1]),
        failing_because=Subquery(failing.values("last_error")[:1]),
    )


def _attention(organisation: Organisation) -> QuerySet[Mirror]:
    """Events whose copy over there was refused, or changed or deleted by somebody."""
    stopped = Q(state__in=(Mirror.State.FAILED, Mirror.State.NEEDS_CHECK))
    rows: QuerySet[Mirror] = Mirror.objects.for_tenant(organisation).filter(stopped | ~Q(difference={}))
    return rows.select_related("event", "calendar__account__host").order_by("event__start_s")[:_FLAGGED]


def the_account(organisation: Organisation, account_id: uuid.UUID) -> Account:
    """An account that somebody connected; anything else, and any other tenant's, is not there."""
    rows = Account.objects.for_tenant(organisation).exclude(provider=Account.Provider.LOCAL).select_related("host")
    account: Account | None = rows.filter(pk=account_id).first()
    if account is None:
        raise Http404
    return account


def _chosen_so_far(account: Account, calendars: list[Calendar], local: Calendar) -> dict[str, Any]:
    """What is ticked at first: what was chosen before, else the likeliest calendar instead of the local one."""
    current = account.host.booking_calendar_id
    if current in (None, local.pk):
        likeliest = next((each for each in calendars if each.is_primary and each.is_writable), None)
        current = likeliest.pk if likeliest else local.pk
    return {"booking_calendar": current, "blocking": [each.pk for each in calendars if each.blocks]}


def _choose(request: StaffRequest, account: Account, form: ChooseForm) -> bool:
    """Try the calendar that is to receive bookings, then keep the choice. False with the reason in the form."""
    target: Calendar = form.cleaned_data["booking_calendar"]
    blocking = [calendar.pk for calendar in form.cleaned_data["blocking"]]
    try:
        if target.account_id == account.pk and target.pk != account.host.booking_calendar_id:
            connecting.probe(target)
        accounts.choose(account.host, booking_calendar=target, blocking=blocking, account=account, actor=actor(request))
    except ConnectFailed as failure:
        form.add_error("booking_calendar", failure.message)
        return False
    except DomainError as error:
        form.add_error(getattr(error, "field", "") or None, error.message)
        return False
    return True


def _act_on_mirror(
    request: StaffRequest,
    mirror_id: uuid.UUID,
    act: Callable[[Mirror, Actor], None],
    done: str,
) -> HttpResponse:
    mirror = _mirror(request, mirror_id)
    try:
        act(mirror, actor(request))
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, done)
    return _back(request)


def _mirror(request: StaffRequest, mirror_id: uuid.UUID) -> Mirror:
    rows = Mirror.objects.for_tenant(request.organisation).select_related("event", "calendar__account__host")
    mirror: Mirror | None = rows.filter(pk=mirror_id).first()
    if mirror is None:
        raise Http404
    return mirror


def _back(request: StaffRequest) -> HttpResponse:
    return redirect(_target(request))


def _target(request: StaffRequest) -> str:
    """The page that the form named, if it is one of ours."""
    target = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        return target
    return reverse("accounts")


def page(request: StaffRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """A form page: 422 when what was sent could not be used, so that programs and HTMX know it too."""
    refused = bool(context["form"].errors)
    return render(request, template, context, status=422 if refused else 200)
