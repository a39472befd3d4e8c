"""Watch channels: Google tells us that something changed, so that it is read at once.

A channel cannot be prolonged: a new one is opened before the old one ends, and the old one is stopped. An
installation that Google cannot reach does without: polling alone is enough. Where they are kept: in the account's
`capabilities`, calendar id -> {id, resource_id, expires_s}.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from bookings.models import Account, Calendar
from providers.base import Ended
from providers.google.calls import Calls

log = logging.getLogger(__name__)

KEPT = "channels"
LASTS_S = 7 * 86_400
RENEW_S = 86_400
"""A channel is replaced so long before it ends."""


@dataclass(frozen=True)
class Channel:
    """One open channel. `expires_s` is UTC seconds."""

    id: str
    resource_id: str
    expires_s: int


def token_of(channel_id: str) -> str:
    """What Google sends with every notification of a channel. It is derived, so that no database dump holds it."""
    return hmac.new(settings.LINK_KEY.encode(), f"google-channel|{channel_id}".encode(), hashlib.sha256).hexdigest()


def is_possible() -> bool:
    """Whether Google could reach us at all: it notifies over https only. The lab's double also takes loopback."""
    return bool(settings.HTTPS) or settings.GOOGLE_URLS["api"].startswith("http://127.0.0.1:")


def kept(account: Account) -> dict[str, Channel]:
    """The channels that an account has open, by calendar id."""
    return {target: Channel(**each) for target, each in account.capabilities.get(KEPT, {}).items()}


def watch(calls: Calls, target: str, address: str) -> Channel:
    """Open a channel for one calendar; raises Ended."""
    name = secrets.token_hex(16)
    wish = {
        "id": name,
        "type": "web_hook",
        "address": address,
        "token": token_of(name),
        "expiration": str((int(time.time()) + LASTS_S) * 1000),
    }
    told = calls.watch(target, wish)
    return Channel(name, str(told.get("resourceId", "")), int(told.get("expiration") or 0) // 1000)


def stop(calls: Calls, channel: Channel) -> None:
    """End a channel; one that is gone already is fine. Raises Ended."""
    calls.stop(channel.id, channel.resource_id)


def renew(account: Account, calls: Calls) -> int:
    """Open what is missing or ends within a day, stop what was replaced or is no longer read; returns how many were
    opened. A calendar that cannot be watched is read by polling, and tried again the next time."""
    address = settings.BASE_URL + reverse("notify-google", args=[account.pk])
    before, opened = kept(account), 0
    wanted = set(Calendar.everywhere.filter(account=account).values_list("external_id", flat=True))
    for target in wanted:
        old = before.get(target)
        if old is not None and old.expires_s - time.time() > RENEW_S:
            continue
        try:
            fresh = watch(calls, target, address)
        except Ended as ended:
            log.info("a calendar of account %s cannot be watched: %s", account.pk, ended.result.detail)
            continue
        _keep(account, target, fresh)
        opened += 1
        _stop_quietly(calls, old)
    for target in before.keys() - wanted:
        _stop_quietly(calls, before[target])
        _keep(account, target, None)
    return opened


def stop_all(account: Account, calls: Calls) -> None:
    """End every channel of an account that is being disconnected."""
    for target, channel in kept(account).items():
        _stop_quietly(calls, channel)
        _keep(account, target, None)


def belongs(account: Account, headers: Mapping[str, str]) -> bool:
    """Whether a notification comes from a channel of this account, by its token."""
    name, token = headers.get("X-Goog-Channel-ID", ""), headers.get("X-Goog-Channel-Token", "")
    genuine = hmac.compare_digest(token.encode(), token_of(name).encode())
    return genuine and any(channel.id == name for channel in kept(account).values())


def _stop_quietly(calls: Calls, channel: Channel | None) -> None:
    """A channel that cannot be stopped ends by itself within a week."""
    if channel is None:
        return
    try:
        stop(calls, channel)
    except Ended as ended:
        log.info("a channel could not be stopped: %s", ended.result.detail)


@transaction.atomic
def _keep(account: Account, target: str, channel: Channel | None) -> None:
    """Remember or forget one channel, leaving alone what else was learnt of the account meanwhile."""
    row = Account.everywhere.select_for_update(no_key=True).get(pk=account.pk)
    channels: dict[str, Any] = {**row.capabilities.get(KEPT, {})}
    channels.pop(target, None)
    if channel is not None:
        channels[target] = asdict(channel)
    row.capabilities = row.capabilities | {KEPT: channels}
    row.save(update_fields=["capabilities"])
    account.capabilities = row.capabilities
