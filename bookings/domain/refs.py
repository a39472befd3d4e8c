"""What our objects are called on each surface: an id is made in the surface's own form when it is first shown there,
stored, and from then on only looked up."""

from __future__ import annotations

import base64
import json
import secrets
import string
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from bookings.models import ExternalRef, Organisation, TenantModel

_ALPHANUMERIC = string.ascii_letters + string.digits
_LONGEST = 512


def ref(surface: str, kind: str, thing: TenantModel | Organisation) -> str:
    """The id of a thing on a surface, given to it now if it has none there yet.

    `kind` is our own noun: organisation, host, account, calendar, event, event_type, group_rule, request, booking,
    contact. Safe when several processes ask for the same thing at once.
    """
    owner: uuid.UUID = thing.pk if isinstance(thing, Organisation) else thing.organisation_id
    known, _ = ExternalRef.everywhere.get_or_create(
        surface=surface,
        kind=kind,
        object_id=thing.pk,
        # Made only when there is none yet.
        defaults={"organisation_id": owner, "external_id": lambda: _MAKERS[surface](kind, thing)},
    )
    return str(known.external_id)


def resolve(organisation: Organisation, surface: str, kind: str, external_id: str) -> uuid.UUID | None:
    """Our id of the thing that this organisation's clients call so; None when there is none, here or at all."""
    return resolve_all(organisation, surface, kind, [external_id]).get(external_id)


def resolve_all(
    organisation: Organisation, surface: str, kind: str, external_ids: Iterable[str]
) -> dict[str, uuid.UUID]:
    """As `resolve`, for many in one query: {their id: ours}, without those that name nothing."""
    askable = {each for each in external_ids if len(each) <= _LONGEST and "\x00" not in each}
    found = ExternalRef.objects.for_tenant(organisation).filter(surface=surface, kind=kind, external_id__in=askable)
    return dict(found.values_list("external_id", "object_id"))


_CRONOFY_OPENING = {
    "host": "acc_",
    "calendar": "cal_",
    "group_rule": "sgr_",
    "request": "srq_",
    "event": "evt_external_",
    "organisation": "org_",
    "account": "pro_",
}


def _cronofy(kind: str, thing: Any) -> str:
    return _CRONOFY_OPENING[kind] + secrets.token_hex(12)


def _uuid(kind: str, thing: Any) -> str:
    return str(thing.pk)


def _leadconnector(kind: str, thing: Any) -> str:
    return "".join(secrets.choice(_ALPHANUMERIC) for _ in range(20))


def _morgen(kind: str, thing: Any) -> str:
    """24 hex digits for most; calendars and events name their account inside a base64url JSON array (no padding)."""
    token = secrets.token_hex(12)
    if kind == "calendar":
        return _packed([ref("morgen", "account", thing.account), token])
    if kind == "event":
        account = thing.calendar.account
        return _packed([account.host.email or account.label, token, ref("morgen", "account", account)])
    return token


def _packed(parts: list[str]) -> str:
    text = json.dumps(parts, separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


_MAKERS: dict[str, Callable[[str, Any], str]] = {
    "cronofy": _cronofy,
    "leadconnector": _leadconnector,
    "morgen": _morgen,
    "morph": _uuid,
    "timekit": _uuid,
}
