"""Saying whose calendar an application means by a name of its own (see `domain.connections`)."""

from __future__ import annotations

from urllib.parse import urlsplit

from django import forms
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from bookings.domain import connections
from bookings.domain.connections import Asked
from bookings.domain.errors import NotFound
from bookings.members import StaffRequest, actor, staff_required
from bookings.models import Host


class GrantForm(forms.Form):
    host = forms.ModelChoiceField(Host.everywhere.none(), label=_("Whose calendar is it?"), empty_label=None)

    def __init__(self, hosts: QuerySet[Host], *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        choice: forms.ModelChoiceField = self.fields["host"]  # type: ignore[assignment]
        choice.queryset = hosts


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def grant(request: StaffRequest, token: str) -> HttpResponse:
    """Ask a member whose calendar it is, then send them back to the application."""
    try:
        asked = connections.asked(request.organisation, token)
    except NotFound:
        raise Http404 from None
    form = GrantForm(_hosts(request), request.POST or None)
    if request.method == "POST" and not asked.connection.is_authorized and form.is_valid():
        connections.grant(asked.connection, form.cleaned_data["host"], actor=actor(request))
        return _leave(asked) or render(request, "staff/connect/granted.html", _context(asked) | form.cleaned_data)
    response = render(
        request, "staff/connect/grant.html", _context(asked) | {"form": form}, status=422 if form.is_bound else 200
    )
    if asked.back:
        # Browsers apply form-action to where a form's answer redirects as well.
        response._csp_update = {"form-action": [_origin(asked.back)]}  # type: ignore[attr-defined]
    return response


def _hosts(request: StaffRequest) -> QuerySet[Host]:
    """Owners and admins decide for everybody, others for the hosts they are themselves."""
    active = Host.objects.for_tenant(request.organisation).filter(is_active=True)
    return active if request.membership.manages else active.filter(user=request.user)


def _context(asked: Asked) -> dict[str, object]:
    host = asked.connection.host
    return {"asked": asked, "host": host, "back_to": urlsplit(asked.back).netloc if asked.back else ""}


def _leave(asked: Asked) -> HttpResponse | None:
    return HttpResponseRedirect(asked.back) if asked.back else None


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
