"""What hosts grant to applications (RFC 6749): a code for the first tokens, tokens that expire, tokens that renew them.

Access and refresh tokens are keys of their own kinds, bound to the host. A refresh token is renewed with every use. The
one before stays good until its successor is used, so that a lost answer locks nobody out and programs that never take
the new one go on working; shown after that, it has been stolen or copied, and the whole grant ends.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils.timezone import now

from bookings.domain import keys
from bookings.domain.audit import Actor, record
from bookings.domain.errors import Invalid
from bookings.models import ApiKey, Grant, Host, Organisation

CODE_LIFE = timedelta(minutes=10)
ACCESS_LIFE = timedelta(hours=1)
_FORGOTTEN_AFTER = timedelta(days=30)


@dataclass(frozen=True)
class Tokens:
    """What an application was given: secrets that nobody can read again. `expires_in` counts seconds."""

    grant: Grant
    access: str
    refresh: str
    expires_in: int


@transaction.atomic
def grant(host: Host, *, name: str, scopes: Sequence[str], redirect_uri: str = "", actor: Actor) -> tuple[Grant, str]:
    """A host lets an application act for them; returned with the code that the application redeems within minutes."""
    code = secrets.token_urlsafe(32)
    made: Grant = Grant.everywhere.create(
        organisation_id=host.organisation_id,
        host=host,
        name=name[:100],
        scopes=sorted(set(scopes) & keys.SCOPES.keys()),
        redirect_uri=redirect_uri,
        code_digest=ApiKey.hash(code),
        code_expires_at=now() + CODE_LIFE,
    )
    record(actor, "grant.made", made, after={"name": made.name, "scopes": made.scopes})
    return made, code


def redeem(organisation: Organisation, dialect: str, code: str, redirect_uri: str, *, actor: Actor) -> Tokens:
    """The first tokens for a code. A code shown twice ends what it was redeemed for (RFC 6749 section 4.1.2).

    Raises Invalid with code invalid_grant.
    """
    with transaction.atomic():
        found = _locked(organisation, code_digest=ApiKey.hash(code))
        good = found is not None and found.redeemed_at is None and found.code_expires_at > now()
        if good and found is not None and found.redirect_uri == redirect_uri:
            found.redeemed_at = now()
            found.save(update_fields=["redeemed_at"])
            return _issue(found, dialect, actor, None)
        if found is not None and found.redeemed_at is not None:
            end(found, actor=actor, reason="its code was shown twice")
    raise _refused("The code is unknown, used or expired, or was made for another redirect_uri.")


def refresh(organisation: Organisation, dialect: str, secret: str, *, actor: Actor) -> Tokens:
    """New tokens for a refresh token. Raises Invalid with code invalid_grant."""
    with transaction.atomic():
        shown = _token(organisation, dialect, secret, ApiKey.Kind.REFRESH_TOKEN)
        found = _locked(organisation, pk=shown.grant_id) if shown else None
        if shown is not None and found is not None:
            shown.refresh_from_db()
            if shown.revoked_at is None:
                ApiKey.everywhere.filter(pk=shown.replaces_id, revoked_at=None).update(revoked_at=now())
                _forget(found, shown)
                return _issue(found, dialect, actor, shown)
            end(found, actor=actor, reason="a refresh token was shown after its successor")
    raise _refused("The refresh token is unknown, revoked or replaced.")


def revoke(organisation: Organisation, dialect: str, secret: str, *, actor: Actor) -> None:
    """End what an access or a refresh token stands for: the whole grant, or a token that staff made for itself. What is
    no token of this organisation changes nothing (RFC 7009 section 2.2)."""
    token = _token(organisation, dialect, secret, ApiKey.Kind.REFRESH_TOKEN, ApiKey.Kind.ACCESS_TOKEN)
    if token is not None and token.grant is not None:
        end(token.grant, actor=actor)
    elif token is not None:
        keys.revoke(token, actor=actor)


@transaction.atomic
def end(ended: Grant, *, actor: Actor, reason: str = "") -> None:
    """End a grant and all its tokens at once. Twice is once."""
    moment = now()
    if Grant.everywhere.filter(pk=ended.pk, revoked_at=None).update(revoked_at=moment):
        ApiKey.everywhere.filter(grant=ended, revoked_at=None).update(revoked_at=moment)
        record(actor, "grant.ended", ended, before={"name": ended.name}, reason=reason)


def _locked(organisation: Organisation, **which: object) -> Grant | None:
    """The grant, if it still holds and its host is still there; whoever else uses it waits."""
    rows = Grant.objects.for_tenant(organisation).select_for_update(of=("self",)).select_related("host__organisation")
    found: Grant | None = rows.filter(revoked_at=None, host__is_active=True, **which).first()
    return found


def _token(organisation: Organisation, dialect: str, secret: str, *kinds: str) -> ApiKey | None:
    rows = ApiKey.objects.for_tenant(organisation).select_related("grant")
    found: ApiKey | None = rows.filter(digest=ApiKey.hash(secret), dialect=dialect, kind__in=kinds).first()
    return found


def _issue(found: Grant, dialect: str, actor: Actor, replaces: ApiKey | None) -> Tokens:
    common = {"dialect": dialect, "name": found.name, "scopes": found.scopes, "host": found.host, "actor": actor}
    organisation = found.host.organisation
    expires = now() + ACCESS_LIFE
    _, access = keys.issue(organisation, kind=ApiKey.Kind.ACCESS_TOKEN, expires_at=expires, grant=found, **common)
    _, renewing = keys.issue(organisation, kind=ApiKey.Kind.REFRESH_TOKEN, grant=found, replaces=replaces, **common)
    return Tokens(found, access, renewing, int(ACCESS_LIFE.total_seconds()))


def _forget(found: Grant, shown: ApiKey) -> None:
    """Tokens that ended long ago, and successors that nobody ever used: an hourly client would leave thousands."""
    long_ago = now() - _FORGOTTEN_AFTER
    tokens = ApiKey.everywhere.filter(grant=found, created_at__lt=long_ago)
    tokens.filter(kind=ApiKey.Kind.ACCESS_TOKEN).delete()
    tokens.filter(revoked_at__lt=long_ago).delete()
    tokens.filter(replaces=shown).delete()


def _refused(message: str) -> Invalid:
    return Invalid(message, code="invalid_grant")
