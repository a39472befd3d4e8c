"""The team: members who sign in, people whose time is booked, rooms and other resources."""

from __future__ import annotations

import uuid
from typing import Any

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from bookings.domain import hosts, membership
from bookings.domain.errors import DomainError
from bookings.members import StaffRequest, actor, staff_required
from bookings.models import Booking, Claim, EventType, Host, Membership
from bookings.pages.staff.refusing import Refusing
from bookings.pages.zones import grouped


class HostForm(Refusing):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=200)
    kind = forms.ChoiceField(label=gettext_lazy("What"), choices=Host.Kind.choices)
    email = forms.EmailField(label=gettext_lazy("Mail address"), required=False)
    timezone = forms.ChoiceField(label=gettext_lazy("Time zone"), choices=grouped)


class InviteForm(Refusing):
    email = forms.EmailField(label=gettext_lazy("Mail address"))
    name = forms.CharField(label=gettext_lazy("Name"), max_length=200, required=False)
    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=Membership.Role.choices, initial=Membership.Role.STAFF)
    is_host = forms.BooleanField(label=gettext_lazy("Their time can be booked"), required=False, initial=True)


@require_safe
@staff_required
def page(request: StaffRequest) -> HttpResponse:
    """Everybody who signs in, and everybody and everything whose time is booked."""
    return _page(request)


@never_cache
@require_POST
@staff_required
def invite(request: StaffRequest) -> HttpResponse:
    """Make a member; answers with the link by which they choose a password."""
    form = InviteForm(_managed(request).POST)
    if form.is_valid():
        try:
            made = _invite(request, form.cleaned_data)
        except DomainError as error:
            form.refuse(error)
        else:
            return _invited(request, made)
    return _page(request, invite=form, status=422)


@never_cache
@require_POST
@staff_required
def invite_again(request: StaffRequest, member_id: uuid.UUID) -> HttpResponse:
    """Another link for somebody who has not signed in yet."""
    member = _member(_managed(request), member_id)
    if not membership.awaits(member):
        messages.error(request, _("This person has an account: “Forgot your password?” helps them at the sign-in."))
        return redirect("team")
    return _invited(request, member)


@require_POST
@staff_required
def change_role(request: StaffRequest, member_id: uuid.UUID) -> HttpResponse:
    """Let a member do more or less."""
    return _act(
        request, member_id, lambda member, by: membership.change_role(member, request.POST.get("role", ""), **by)
    )


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def remove(request: StaffRequest, member_id: uuid.UUID) -> HttpResponse:
    """Let a member in no more, after asking."""
    member = _member(_managed(request), member_id)
    if request.method == "POST":
        return _act(request, member_id, lambda member, by: membership.remove(member, **by))
    hosted = Host.objects.for_tenant(request.organisation).filter(user=member.user, is_active=True)
    return render(request, "staff/team/remove.html", {"member": member, "hosts": hosted})


@require_POST
@staff_required
def add_host(request: StaffRequest) -> HttpResponse:
    """Make a person or resource whose time is booked."""
    form = HostForm(_managed(request).POST)
    if form.is_valid():
        try:
            made = hosts.create(request.organisation, actor=actor(request), **form.cleaned_data)
        except DomainError as error:
            form.refuse(error)
        else:
            messages.success(request, _("“%s” has office hours to begin with. Say here what really holds.") % made.name)
            return redirect("availability-of", host_id=made.pk)
    return _page(request, add=form, status=422)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def retire(request: StaffRequest, host_id: uuid.UUID) -> HttpResponse:
    """Take no more bookings for a host, after telling what becomes of those there are."""
    host = _host(_managed(request), host_id)
    if request.method == "POST":
        hosts.retire(host, actor=actor(request))
        messages.success(request, _("%s takes no more bookings. What is booked stays.") % host.name)
        return redirect("team")
    context = {"host": host, "coming": _coming(host), "types": _alone(host)}
    return render(request, "staff/team/retire.html", context)


@require_POST
@staff_required
def reinstate(request: StaffRequest, host_id: uuid.UUID) -> HttpResponse:
    """Take bookings for a host again."""
    host = _host(_managed(request), host_id)
    hosts.reinstate(host, actor=actor(request))
    messages.success(request, _("%s can be booked again.") % host.name)
    return redirect("team")


# ── The page ──


def _page(request: StaffRequest, status: int = 200, **forms_: Refusing) -> HttpResponse:
    people = list(_hosts(request).select_related("user").order_by("-is_active", "name"))
    context: dict[str, Any] = {
        "members": _members(request).order_by("user__first_name", "user__username"),
        "people": [host for host in people if host.kind == Host.Kind.PERSON],
        "resources": [host for host in people if host.kind == Host.Kind.RESOURCE],
        "roles": Membership.Role.choices,
        "invite": InviteForm(auto_id="id_invite_%s"),
        "add": HostForm(initial={"timezone": request.organisation.timezone}, auto_id="id_add_%s"),
    }
    return render(request, "staff/team/page.html", context | forms_, status=status)


@transaction.atomic
def _invite(request: StaffRequest, given: dict[str, Any]) -> Membership:
    who = actor(request)
    made = membership.invite(
        request.organisation,
        email=given["email"],
        name=given["name"],
        role=given["role"],
        by=request.membership,
        actor=who,
    )
    if given["is_host"]:
        name = given["name"].strip() or given["email"].partition("@")[0]
        host = hosts.create(
            request.organisation, name=name, email=given["email"], timezone=request.organisation.timezone, actor=who
        )
        hosts.belong_to(host, made.user, actor=who)
    return made


def _invited(request: StaffRequest, member: Membership) -> HttpResponse:
    link = ""
    if membership.awaits(member):
        key = default_token_generator.make_token(member.user)
        names = {"uidb36": user_pk_to_url_str(member.user), "key": key}
        link = f"{settings.BASE_URL}{reverse('account_reset_password_from_key', kwargs=names)}"
    return render(request, "staff/team/invited.html", {"member": member, "link": link})


def _act(request: StaffRequest, member_id: uuid.UUID, verb: Any) -> HttpResponse:
    member = _member(_managed(request), member_id)
    try:
        verb(member, {"by": request.membership, "actor": actor(request)})
        messages.success(request, _("Saved: this holds from now on."))
    except DomainError as error:
        messages.error(request, error.message)
    return redirect("team")


def _coming(host: Host) -> int:
    claims = Claim.everywhere.filter(host=host, state=Claim.State.BOOKED, end_s__gte=int(now().timestamp()))
    return int(claims.filter(booking__state__in=Booking.LIVE).count())


def _alone(host: Host) -> list[EventType]:
    """Event types that nobody else hosts."""
    found = host.event_types.filter(is_active=True, group_rule=None).prefetch_related("hosts")
    return [each for each in found if not [other for other in each.hosts.all() if other.is_active and other != host]]


# ── Finding ──


def _managed(request: StaffRequest) -> StaffRequest:
    """The same request, of an owner or admin."""
    if not request.membership.manages:
        raise PermissionDenied
    return request


def _members(request: StaffRequest) -> QuerySet[Membership]:
    found: QuerySet[Membership] = Membership.objects.for_tenant(request.organisation)
    return found.select_related("user")


def _member(request: StaffRequest, member_id: uuid.UUID) -> Membership:
    return get_object_or_404(_members(request), pk=member_id)


def _hosts(request: StaffRequest) -> QuerySet[Host]:
    found: QuerySet[Host] = Host.objects.for_tenant(request.organisation)
    return found


def _host(request: StaffRequest, host_id: uuid.UUID) -> Host:
    return get_object_or_404(_hosts(request), pk=host_id)
