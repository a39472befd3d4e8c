"""Verbs for an organisation's members: people who sign in, as opposed to hosts, whose time is booked."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.db import transaction

from bookings.formats.lines import clean
from bookings.models import Host, Membership, Organisation

from .audit import Actor, record
from .errors import Invalid, NotAllowed
from .event_rows import is_address


@transaction.atomic
def invite(
    organisation: Organisation, *, email: str, role: str, by: Membership, actor: Actor, name: str = ""
) -> Membership:
    """Let somebody sign in for the organisation. Who has no account yet gets one without a password, which they choose
    by a link; who has one, at another organisation say, keeps it.

    :raises Invalid: fields email (also for who is a member already), role.
    :raises NotAllowed: for who may not give that role.
    """
    email = email.strip()
    if not is_address(email) or len(email) > 150:
        raise Invalid("This is not a mail address.", field="email")
    _may_give(by, role)
    users = get_user_model()
    user = users.objects.filter(email__iexact=email).order_by("pk").first()
    if user is None:
        first, _, last = clean(name).strip().partition(" ")
        user = users.objects.create_user(email.lower(), email, first_name=first[:150], last_name=last[:150])
    if Membership.everywhere.filter(organisation=organisation, user=user).exists():
        raise Invalid("This person is a member already.", field="email")
    made: Membership = Membership.everywhere.create(organisation=organisation, user=user, role=role)
    record(actor, "member.invited", made, after={"user": user.get_username(), "role": role})
    return made


@transaction.atomic
def change_role(membership: Membership, role: str, *, by: Membership, actor: Actor) -> None:
    """Let a member do more or less. Raises NotAllowed for who may not, and when nobody would own the organisation."""
    _may_give(by, role)
    _may_give(by, membership.role)
    if membership.role == role:
        return
    _not_the_last_owner(membership)
    before, membership.role = membership.role, role
    membership.save(update_fields=["role"])
    record(actor, "member.role_changed", membership, before={"role": before}, after={"role": role})


@transaction.atomic
def remove(membership: Membership, *, by: Membership, actor: Actor) -> None:
    """Let a member in no more; their hosts go on without a login. Raises NotAllowed as `change_role` does."""
    _may_give(by, membership.role)
    _not_the_last_owner(membership)
    record(actor, "member.removed", membership, before=_summary(membership))
    Host.everywhere.filter(organisation_id=membership.organisation_id, user=membership.user).update(user=None)
    membership.delete()


def awaits(membership: Membership) -> bool:
    """Whether it is somebody invited here who has never signed in: only they may get another link to begin with."""
    user: AbstractUser = membership.user
    fresh = user.last_login is None and not user.has_usable_password() and not (user.is_staff or user.is_superuser)
    return fresh and user.memberships.count() == 1  # type: ignore[attr-defined]


def _may_give(by: Membership, role: str) -> None:
    if role not in Membership.Role.values:
        raise Invalid(f"Possible are: {', '.join(Membership.Role.values)}.", field="role")
    if not by.manages or (role == Membership.Role.OWNER and by.role != Membership.Role.OWNER):
        raise NotAllowed("Only owners decide about owners, and only owners and admins about others.")


def _not_the_last_owner(membership: Membership) -> None:
    owners = Membership.everywhere.select_for_update().filter(
        organisation_id=membership.organisation_id, role=Membership.Role.OWNER
    )
    if membership.role == Membership.Role.OWNER and len(owners) < 2:
        raise NotAllowed("Somebody has to own the organisation. Make another member its owner first.")


def _summary(membership: Membership) -> dict[str, Any]:
    return {"user": membership.user.get_username(), "role": membership.role}
