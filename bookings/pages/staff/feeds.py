"""Feeds: the private addresses at which calendar programs read the hosts' bookings."""

from __future__ import annotations

import uuid

from django.contrib import messages as notices
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from bookings.domain import feeds
from bookings.members import StaffRequest, actor, staff_required
from bookings.models import Feed, Host


@require_safe
@staff_required
def listing(request: StaffRequest) -> HttpResponse:
    """Every host with their addresses."""
    hosts = Host.objects.for_tenant(request.organisation).filter(is_active=True).prefetch_related("feeds")
    rows = [(host, [(each, feeds.url(each)) for each in host.feeds.all()]) for host in hosts]
    return render(request, "staff/outbox/feeds.html", {"rows": rows})


@require_POST
@staff_required
def new(request: StaffRequest, host_id: uuid.UUID) -> HttpResponse:
    """Make an address."""
    host = get_object_or_404(Host.objects.for_tenant(request.organisation), pk=host_id)
    feeds.make(host, actor=actor(request))
    return redirect("feeds")


@require_POST
@staff_required
def end(request: StaffRequest, feed_id: uuid.UUID) -> HttpResponse:
    """Take an address back."""
    feeds.end(get_object_or_404(Feed.objects.for_tenant(request.organisation), pk=feed_id), actor=actor(request))
    notices.success(request, _("The address no longer works."))
    return redirect("feeds")
