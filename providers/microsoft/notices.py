"""Being told of changes by Microsoft: subscriptions, and the address where they arrive.

A notice is a hint and nothing more: it makes an account due for reading, and polling finds what a lost one would have
told. What is kept about subscriptions is kept at Microsoft: they are listed, renewed at half of their life, and made
anew where one is missing. Their secret is derived from the installation's, so there is nothing to store or to leak.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.timezone import now
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from django_tasks import task

from bookings.models import Account, Calendar
from providers.base import Ended, adapter
from providers.microsoft.calls import Calls, calendar_path, values
from providers.microsoft.provider import Microsoft
from providers.microsoft.wire import Unreadable, instant
from providers.rest import Json

LASTS_S = 4200 * 60
"""Asked for; Microsoft's maximum for events is 4,230 minutes. What it answers counts."""
_MOST_BYTES = 256 * 1024
_LONGEST_TOKEN = 2048
_RESOURCE_GONE = (404, 410)
_ENDING = ("reauthorizationRequired", "subscriptionRemoved")

log = logging.getLogger(__name__)


def client_state(account_id: uuid.UUID) -> str:
    """What Microsoft repeats in every notice, so that nobody else can send one."""
    words = f"notices|microsoft|{account_id}".encode()
    return hmac.new(settings.LINK_KEY.encode(), words, hashlib.sha256).hexdigest()


def address(account: Account) -> str:
    return f"{settings.BASE_URL}{reverse('notify-microsoft', args=[account.pk])}"


def is_reachable(calls: Calls) -> bool:
    """Microsoft calls public https addresses only; a double on loopback calls any."""
    return bool(settings.HTTPS) or calls.rest.manners.base.startswith("http://")


# ── Keeping them alive ──


def keep(account: Account, calls: Calls, *, anew: bool = False) -> None:
    """One living subscription for each calendar that is read; raises Ended. `anew`: renewed whatever is left of it."""
    if not is_reachable(calls):
        return
    wanted = {_resource(calls, each.external_id) for each in _read(account)}
    for each in list(_ours(account, calls)):
        if each.get("resource") not in wanted:
            calls.rest.send("DELETE", _path(each))
        elif _renewed(calls, each, anew):
            wanted.discard(str(each["resource"]))
    for resource in sorted(wanted):
        _made(account, calls, resource)


def end(account: Account, calls: Calls) -> None:
    for each in list(_ours(account, calls)):
        calls.rest.send("DELETE", _path(each))


def _read(account: Account) -> Iterator[Calendar]:
    yield from Calendar.everywhere.filter(account=account).exclude(state=Calendar.State.GONE)


def _resource(calls: Calls, target: str) -> str:
    return f"{calls.root}{calendar_path(target)}/events".lstrip("/")


def _path(subscription: Json) -> str:
    return f"/subscriptions/{subscription.get('id', '')}"


def _ours(account: Account, calls: Calls) -> Iterator[Json]:
    """This account's subscriptions, as Microsoft lists them for the sign-in."""
    page = calls.rest.json("GET", "/subscriptions")
    while True:
        yield from (each for each in values(page) if each.get("notificationUrl") == address(account))
        following = page.get("@odata.nextLink")
        if not following or not calls.is_ours(following):
            return
        page = calls.rest.json("GET", following)


def _renewed(calls: Calls, subscription: Json, anew: bool) -> bool:
    """Whether it lives on; False when it is gone and a new one is needed."""
    try:
        left = instant(str(subscription.get("expirationDateTime"))) - time.time()
    except Unreadable:
        left = 0
    if left > LASTS_S / 2 and not anew:
        return True
    answer = calls.rest.send("PATCH", _path(subscription), body={"expirationDateTime": _until()})
    if answer.status >= 300 and answer.status not in _RESOURCE_GONE:
        raise Ended(calls.rest.classify(answer))
    return answer.status < 300


def _made(account: Account, calls: Calls, resource: str) -> None:
    url = address(account)
    calls.rest.json(
        "POST",
        "/subscriptions",
        body={
            "changeType": "created,updated,deleted",
            "notificationUrl": url,
            "lifecycleNotificationUrl": url,
            "resource": resource,
            "expirationDateTime": _until(),
            "clientState": client_state(account.pk),
        },
    )


def _until() -> str:
    return datetime.fromtimestamp(int(time.time()) + LASTS_S, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# ── Where they arrive ──


@csrf_exempt
@require_POST
def arrive(request: HttpRequest, account_id: uuid.UUID) -> HttpResponse:
    """Answer Microsoft's question whether we are there, or take notices and read the account soon; always at once."""
    token = request.GET.get("validationToken", "")
    if token:
        # As plain text, and never guessed to be anything else: it is somebody's input.
        return _plain(token) if len(token) <= _LONGEST_TOKEN else HttpResponse(status=400)
    genuine = [notice for notice in _notices(request) if _is_genuine(notice, account_id)]
    if genuine:
        _read_soon(account_id)
    if any(notice.get("lifecycleEvent") in _ENDING for notice in genuine):
        watch_again.enqueue(str(account_id))
    return HttpResponse(status=202)


@task()
def watch_again(account_id: str) -> None:
    """Renew what Microsoft is about to end, or has ended."""
    account = Account.everywhere.select_related("host").filter(pk=uuid.UUID(account_id)).first()
    provider = adapter(account) if account else None
    if account is not None and isinstance(provider, Microsoft):
        keep(account, provider.calls, anew=True)


def _plain(text: str) -> HttpResponse:
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers={"X-Content-Type-Options": "nosniff"})


def _notices(request: HttpRequest) -> list[Any]:
    if int(request.META.get("CONTENT_LENGTH") or 0) > _MOST_BYTES:
        return []
    try:
        told = json.loads(request.body or b"null")
    except ValueError:
        return []
    found = told.get("value") if isinstance(told, dict) else None
    return found if isinstance(found, list) else []


def _is_genuine(notice: Any, account_id: uuid.UUID) -> bool:
    said = notice.get("clientState") if isinstance(notice, dict) else None
    return isinstance(said, str) and hmac.compare_digest(said.encode(), client_state(account_id).encode())


def _read_soon(account_id: uuid.UUID) -> None:
    """Several notices of one change make one reading: the account is due, and whoever reads it sees all."""
    moment = now()
    mine = Account.everywhere.filter(pk=account_id, provider=Account.Provider.MICROSOFT)
    mine.filter(next_pull_at__gt=moment).update(next_pull_at=moment)
