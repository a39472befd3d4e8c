"""Who is acting, and the trail they leave."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from bookings.models import ApiKey, AuditEntry, Organisation, TenantModel

from .statements import insert


@dataclass(frozen=True)
class Actor:
    """Somebody or something that changes things: a member, a program with a key, a customer, the system.

    `acting_as` is set when one identity acts as another; both are then recorded.
    """

    label: str
    user_id: int | None = None
    api_key: ApiKey | None = None
    acting_as: str = ""


SYSTEM = Actor("system")
CUSTOMER = Actor("customer")


def record(
    actor: Actor,
    action: str,
    thing: TenantModel,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str = "",
) -> AuditEntry:
    """Write one entry about a tenant's object, in the caller's transaction. Values must be JSON and hold no secret."""
    written = entry(actor, action, thing, before=before, after=after, reason=reason)
    insert(written)
    return written


def entry(
    actor: Actor,
    action: str,
    thing: TenantModel,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str = "",
) -> AuditEntry:
    """As `record`, but left to the caller to insert together with what it tells of."""
    owner: uuid.UUID = thing.pk if isinstance(thing, Organisation) else thing.organisation_id
    return AuditEntry(
        organisation_id=owner,
        actor=actor.label[:200],
        acting_as=actor.acting_as[:200],
        user_id=actor.user_id,
        api_key=actor.api_key,
        action=action,
        object_type=thing._meta.model_name or "",
        object_id=thing.pk,
        before=before or {},
        after=after or {},
        reason=reason[:500],
    )
