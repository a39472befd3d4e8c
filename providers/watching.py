"""Notifications of services: kept alive where a service can tell us of changes, and where it can reach us.

An adapter that offers `keep_watch(account: Account) -> None` beside its `from_account` is called once an hour for each
of its accounts; it renews what ends soon. Polling is enough alone, so whatever goes wrong here is only logged.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib import import_module

from django.db import DatabaseError

from bookings.models import Account
from providers.base import ADAPTERS

log = logging.getLogger(__name__)

_UNSERVED = (Account.Health.REAUTH, Account.Health.PAUSED)


def keep_all() -> None:
    """Renew the channels and subscriptions of every account that works."""
    for name in ADAPTERS:
        keep = _keeper(name)
        if keep is None:
            continue
        accounts = Account.everywhere.filter(provider=name, host__is_active=True).exclude(health__in=_UNSERVED)
        for account in accounts.select_related("host"):
            try:
                keep(account)
            except DatabaseError:
                raise
            except Exception:
                log.exception("account %s cannot be watched", account.pk)


def _keeper(name: Account.Provider) -> Callable[[Account], None] | None:
    found: Callable[[Account], None] | None = getattr(
        import_module(ADAPTERS[name].rpartition(".")[0]), "keep_watch", None
    )
    return found
