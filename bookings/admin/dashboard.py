"""The first page: what needs a look, in figures that lead to the list behind them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Count, F, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.timezone import now

from bookings.models import Account, Booking, Calendar, Mirror, SchedulerRequest

from .outgoing import TROUBLED

UNWELL = ("failing", "reauth")


def troubled_accounts() -> int:
    return int(_connected().filter(health__in=UNWELL).count())


def troubled_mirrors() -> int:
    return int(_failing().count())


def overview(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add figures and the accounts and mirrors that are failing to the context of the first page."""
    failing_accounts = _connected().filter(health__in=UNWELL).select_related("host", "organisation")
    failing_mirrors = _failing().select_related("event", "calendar")
    context["figures"] = [*_health_figures(), *_booking_figures()]
    context["failing_accounts"] = failing_accounts.order_by("failing_since")[:5]
    context["failing_mirrors"] = failing_mirrors.defer("create_body").order_by("failing_since")[:5]
    return context


def _connected() -> QuerySet[Account]:
    """Accounts that somebody connected: what is kept on this server cannot fail to be reached."""
    return Account.everywhere.exclude(provider=Account.Provider.LOCAL)


def _failing() -> QuerySet[Mirror]:
    late = Q(failing_since__isnull=False) & ~Q(desired_revision=F("applied_revision"))
    return Mirror.everywhere.filter(Q(state__in=TROUBLED) | late)


def _health_figures() -> list[dict[str, Any]]:
    accounts = _connected().aggregate(all=Count("pk"), unwell=Count("pk", filter=Q(health__in=UNWELL)))
    stale = Calendar.everywhere.filter(state__in=(Calendar.State.STALE, Calendar.State.GONE)).count()
    waiting = Mirror.everywhere.exclude(desired_revision=F("applied_revision")).count()
    return [
        _figure("Accounts failing", accounts["unwell"], "account", f"of {accounts['all']} connected", bad=True),
        _figure("Calendars stale or gone", stale, "calendar", "their times still block", bad=True),
        _figure("Mirrors pending", waiting, "mirror", "changes on their way"),
    ]


def _booking_figures() -> list[dict[str, Any]]:
    this_second = int(now().timestamp())
    ahead = Booking.everywhere.filter(state__in=Booking.LIVE, start_s__gte=this_second).count()
    open_requests = SchedulerRequest.everywhere.filter(state=SchedulerRequest.State.OPEN, expires_at__gt=now()).count()
    made = Booking.everywhere.filter(created_at__gte=now() - timedelta(days=7)).count()
    return [
        _figure("Bookings ahead", ahead, "booking", f"{made} made in seven days"),
        _figure("Requests waiting", open_requests, "schedulerrequest", "for their recipient"),
    ]


def _figure(title: str, value: int, model: str, note: str, *, bad: bool = False) -> dict[str, Any]:
    link = reverse(f"admin:bookings_{model}_changelist")
    return {"title": title, "value": value, "link": link, "note": note, "alarm": bad and value > 0}
