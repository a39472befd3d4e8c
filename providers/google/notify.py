"""Where Google's notifications arrive. They have no body and are only a hint: an account is read sooner."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.utils.timezone import now
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from bookings.models import Account
from providers import tasks
from providers.google import channels

_DEBOUNCE = timedelta(seconds=2)
"""Changes come in handfuls; they are read together."""


@csrf_exempt
@require_POST
def notified(request: HttpRequest, account_id: uuid.UUID) -> HttpResponse:
    """A change in one of an account's calendars. Answers 404 to whoever does not know the channel's token."""
    account = Account.everywhere.filter(pk=account_id, provider=Account.Provider.GOOGLE).first()
    if account is None or not channels.belongs(account, request.headers):
        return HttpResponse(status=404)
    if request.headers.get("X-Goog-Resource-State") != "sync":
        soon = now() + _DEBOUNCE
        Account.everywhere.filter(pk=account.pk, next_pull_at__gt=soon).update(next_pull_at=soon)
        tasks.wake_for_due_rows()
    return HttpResponse(status=204)
