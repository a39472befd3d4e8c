"""The same write sent twice happens once, when its client marks it with an Idempotency-Key (Stripe's meaning of it).

What was answered is kept for a day, encrypted: answers hold links that must not be readable from a stolen database.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils.timezone import now

from bookings.api.refusals import Refusal
from bookings.models import IdempotencyKey, Organisation, crypto

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
KEPT = timedelta(days=1)
ABANDONED = timedelta(minutes=1)  # a first run that neither answered nor failed by then died with its process
_LONGEST = 255


@dataclass(frozen=True)
class Call:
    """One write: `endpoint` names dialect, method and path; `meaning` is everything that decides its effect."""

    organisation: Organisation
    endpoint: str
    key: str
    meaning: Any

    @property
    def body_hash(self) -> str:
        return hashlib.sha256(json.dumps(self.meaning, sort_keys=True).encode()).hexdigest()


def checked(key: str) -> str:
    """The key a client sent, or Refusal 400 when it cannot be one."""
    if not 0 < len(key) <= _LONGEST or not key.isascii() or not key.isprintable():
        raise Refusal(400, "idempotency_key", f"{HEADER} must be 1 to {_LONGEST} printable ASCII characters.")
    return key


def once(call: Call, run: Callable[[], HttpResponse]) -> HttpResponse:
    """Run a write, or answer as its first run was answered.

    `run` returns a rendered response. Only success is kept, in the same transaction as the effect; a refusal (which
    changed nothing) or a failure leaves the key free for another try. Raises Refusal 409 when the key came with
    another request before, or when the first run is still under way.
    """
    entry = _claim(call)
    if entry.status is not None:
        return _replay(entry)
    try:
        with transaction.atomic():
            response = run()
            _keep(entry, response)
    except BaseException:
        _still_ours(entry).delete()
        raise
    return response


def _claim(call: Call) -> IdempotencyKey:
    """The row of this key: new and without a status when this is the run that counts."""
    rows = IdempotencyKey.objects.for_tenant(call.organisation)
    try:
        with transaction.atomic():
            rows.filter(created_at__lt=now() - KEPT).delete()
            entry: IdempotencyKey = rows.create(
                organisation=call.organisation, endpoint=call.endpoint, key=call.key, body_hash=call.body_hash
            )
            return entry
    except IntegrityError:
        known: IdempotencyKey | None = rows.filter(endpoint=call.endpoint, key=call.key).first()
    if known is None:  # its first run failed between our two looks
        raise _under_way()
    if known.body_hash != call.body_hash:
        raise Refusal(409, "idempotency_key_reused", f"This {HEADER} was used with a different request.")
    if known.status is None and not _taken_over(known):
        raise _under_way()
    return known


def _taken_over(entry: IdempotencyKey) -> bool:
    moment = now()
    if entry.created_at > moment - ABANDONED or not _still_ours(entry).update(created_at=moment):
        return False
    entry.created_at = moment
    return True


def _still_ours(entry: IdempotencyKey) -> QuerySet[IdempotencyKey]:
    return IdempotencyKey.everywhere.filter(pk=entry.pk, status__isnull=True, created_at=entry.created_at)


def _under_way() -> Refusal:
    message = f"The first request with this {HEADER} is still under way."
    return Refusal(409, "idempotency_in_progress", message, headers={"Retry-After": "1"})


def _keep(entry: IdempotencyKey, response: HttpResponse) -> None:
    sealed = crypto.seal({"body": response.content.decode()}, _bound_to(entry))
    kept = _still_ours(entry).update(
        status=response.status_code, content_type=response.get("Content-Type", ""), body=sealed
    )
    if not kept:  # so slow that another run took over: undo this one
        raise _under_way()


def _replay(entry: IdempotencyKey) -> HttpResponse:
    content = crypto.unseal(bytes(entry.body), _bound_to(entry))["body"] if entry.body else ""
    response = HttpResponse(content, status=entry.status, content_type=entry.content_type or None)
    if not entry.content_type:
        del response["Content-Type"]
    response[REPLAYED] = "true"
    return response


def _bound_to(entry: IdempotencyKey) -> str:
    return f"{entry.organisation_id}|{entry.pk}|answer"
