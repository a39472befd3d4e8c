"""The keys that programs show: issued once in clear, kept as a hash, found again by it, revoked.

Which kinds a dialect knows, how its clients show them, and what finds the key:

- cronofy: `Authorization: Bearer` with a client_secret of the organisation, or an access_token of one host: `find`.
- timekit: HTTP Basic. Empty user name and an app_key or widget_key: `find`. The e-mail address of a resource and that
  resource's api_key, which is bound to its host: `find_of_host`.
- morgen: `Authorization: ApiKey` with an api_key, `Bearer` with a bearer, of one host or none; clients mix them up, and
  either is found under either word: `find`.
- leadconnector: `Authorization: Bearer` with a token, private integration (`pit-`) or of a sub-account: `find`.
- morph: `x-api-key` with a public_key, which alone permits nothing, and `x-api-secret` with a secret_key of the same
  organisation. They are two rows of their own, so that each can be changed without the other: `find_pair`. With a
  session token instead of the secret, `find` tells whose public_key it is.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Q
from django.utils.timezone import now

from bookings.domain import audit
from bookings.domain.audit import Actor
from bookings.domain.errors import Invalid
from bookings.models import ApiKey, Grant, Host, Organisation

_BYTES = 32  # 256 bits: too many to guess, so a plain SHA-256 is enough at rest
_SHOWN = 6  # random characters that stay readable, so that people recognise a key
_NOTED_EVERY = timedelta(minutes=1)
_NOBODY = ApiKey.hash("")

EVERYTHING = "*"
SCOPES = {
    EVERYTHING: "Everything",
    "requests:read": "Read scheduler requests",
    "requests:write": "Send and withdraw scheduler requests",
    "availability:read": "Read free times",
    "availability:write": "Change when hosts can be had",
    "calendars:read": "Read calendars",
    "calendars:write": "Make and change calendars",
    "events:read": "Read events",
    "events:write": "Make, change and delete events",
    "bookings:read": "Read bookings",
    "bookings:write": "Make, change and cancel bookings",
    "bookings:force": "Book over taken time",
    "impersonate": "Act as any host of the organisation",
}
"""What a key may be permitted to do, in words for people."""

PRIVILEGED = frozenset({EVERYTHING, "bookings:force", "impersonate"})
"""Scopes that reach further than a program usually needs."""

_PUBLIC = {"availability:read", "bookings:write"}  # a widget key stands in the source of somebody's web page

KINDS: Mapping[str, Sequence[str]] = {
    "cronofy": (ApiKey.Kind.CLIENT_SECRET, ApiKey.Kind.ACCESS_TOKEN),
    "timekit": (ApiKey.Kind.APP_KEY, ApiKey.Kind.WIDGET_KEY, ApiKey.Kind.API_KEY),
    "morgen": (ApiKey.Kind.API_KEY, ApiKey.Kind.BEARER),
    "leadconnector": (ApiKey.Kind.TOKEN,),
    "morph": (ApiKey.Kind.PUBLIC_KEY, ApiKey.Kind.SECRET_KEY),
}
"""What people can make for each dialect, the most usual first. Refresh tokens are made by grants alone."""

_OF_ONE_HOST = {("cronofy", ApiKey.Kind.ACCESS_TOKEN), ("timekit", ApiKey.Kind.API_KEY)}
_OF_ONE_HOST_OR_ALL = {
    ("morgen", ApiKey.Kind.API_KEY),
    ("morgen", ApiKey.Kind.BEARER),
    ("leadconnector", ApiKey.Kind.TOKEN),
    ("morph", ApiKey.Kind.SECRET_KEY),
}

_OPENING = {
    ("cronofy", "client_secret"): "CRN_",
    ("cronofy", "access_token"): "cat_",
    ("cronofy", "refresh_token"): "crt_",
    ("timekit", "app_key"): "live_api_key_",
    ("timekit", "widget_key"): "widget_",
    ("leadconnector", "token"): "pit-",
    ("morph", "public_key"): "pk_",
    ("morph", "secret_key"): "sk_",
}
"""How a secret begins, where the vendor's own secrets begin in a known way."""


def needs_host(dialect: str, kind: str) -> bool:
    """Whether keys of this kind are always bound to one host."""
    return (dialect, kind) in _OF_ONE_HOST


def takes_host(dialect: str, kind: str) -> bool:
    """Whether keys of this kind can be bound to one host."""
    return needs_host(dialect, kind) or (dialect, kind) in _OF_ONE_HOST_OR_ALL


def grantable(kind: str) -> list[str]:
    """The scopes that a key of this kind may be given, in the order of SCOPES: a public one no more than it usually
    has."""
    public = kind in (ApiKey.Kind.WIDGET_KEY, ApiKey.Kind.PUBLIC_KEY)
    return [scope for scope in SCOPES if not public or scope in usual_scopes(kind)]


def check(*, dialect: str, kind: str, host: Host | None, scopes: Sequence[str], expires_at: datetime | None) -> None:
    """Raise Invalid, with the field, for a key that somebody wants made and that could never be used as meant."""
    if kind not in KINDS.get(dialect, ()):
        raise Invalid("This API has no keys of that kind.", field="kind")
    if needs_host(dialect, kind) and host is None:
        raise Invalid("A key of this kind stands for one host: say which.", field="host")
    if host is not None and not takes_host(dialect, kind):
        raise Invalid("A key of this kind stands for the whole organisation.", field="host")
    if host is not None and dialect == "timekit" and not host.email:
        raise Invalid(f"{host.name} needs an e-mail address first: programs show it with the key.", field="host")
    if set(scopes) - set(grantable(kind)):
        raise Invalid("A public key can be read by everybody and may do no more than keys like it do.", field="scopes")
    if expires_at is not None and expires_at <= now():
        raise Invalid("This has passed already.", field="expires_at")


def issue(
    organisation: Organisation,
    *,
    dialect: str,
    kind: str,
    name: str,
    scopes: Sequence[str],
    host: Host | None = None,
    expires_at: datetime | None = None,
    grant: Grant | None = None,
    replaces: ApiKey | None = None,
    actor: Actor,
) -> tuple[ApiKey, str]:
    """Make a key and return it with its secret, which nobody can read again.

    `scopes` are names from SCOPES; when empty, those that keys of this kind usually have. A `host` binds the key to
    one host; a `grant` ends it with itself, and `replaces` names the refresh token it follows. Older keys stay valid,
    so that a program can change over to the new one.
    """
    opening = _OPENING.get((dialect, kind), "")
    secret = opening + secrets.token_urlsafe(_BYTES)
    with transaction.atomic():
        key: ApiKey = ApiKey.everywhere.create(
            organisation=organisation,
            dialect=dialect,
            kind=kind,
            name=name,
            scopes=sorted(set(scopes or usual_scopes(kind))),
            host=host,
            expires_at=expires_at,
            grant=grant,
            replaces=replaces,
            prefix=secret[: len(opening) + _SHOWN][:16],
            digest=ApiKey.hash(secret),
        )
        audit.record(actor, "key.issued", key, after={"name": name, "dialect": dialect, "scopes": key.scopes})
    return key, secret


def issue_pair(
    organisation: Organisation,
    *,
    name: str,
    scopes: Sequence[str],
    host: Host | None = None,
    expires_at: datetime | None = None,
    actor: Actor,
) -> tuple[tuple[ApiKey, str], tuple[ApiKey, str]]:
    """Morph's public key and secret key of one name, each with its secret. `scopes` and `host` are the secret key's."""
    made = partial(issue, organisation, dialect="morph", name=name, expires_at=expires_at, actor=actor)
    with transaction.atomic():
        public = made(kind=ApiKey.Kind.PUBLIC_KEY, scopes=[])
        return public, made(kind=ApiKey.Kind.SECRET_KEY, scopes=scopes, host=host)


def usual_scopes(kind: str) -> list[str]:
    """What keys of a kind may do unless somebody decides otherwise: nothing privileged, but that a client secret (the
    credential of an organisation's own application) may impersonate the organisation's hosts. A public key alone may
    do nothing."""
    if kind == ApiKey.Kind.PUBLIC_KEY:
        return []
    if kind == ApiKey.Kind.WIDGET_KEY:
        return sorted(_PUBLIC)
    extra = {"impersonate"} if kind == ApiKey.Kind.CLIENT_SECRET else set()
    return sorted(SCOPES.keys() - PRIVILEGED | extra)


def find(secret: str, dialect: str) -> ApiKey | None:
    """The live key behind a secret, with its organisation and host; None when unknown, expired, revoked, of another
    dialect, bound to a host who is no longer active, or only good for renewing tokens."""
    digest = ApiKey.hash(secret)
    key: ApiKey | None = (
        ApiKey.everywhere.select_related("organisation", "host").filter(digest=digest, dialect=dialect).first()
    )
    # The index narrows to one row; the comparison that decides takes the same time for a hit and a miss.
    if not hmac.compare_digest(digest, key.digest if key else _NOBODY):
        return None
    if (
        key is None
        or key.kind == ApiKey.Kind.REFRESH_TOKEN
        or not key.is_live
        or (key.host is not None and not key.host.is_active)
    ):
        return None
    return key


def find_of_host(email: str, secret: str, dialect: str) -> ApiKey | None:
    """As `find`, for a secret that counts only together with the address of the host it is bound to."""
    key = find(secret, dialect)
    if key is None or key.host is None or not key.host.email:
        return None
    return key if key.host.email.casefold() == email.strip().casefold() else None


def find_pair(public: str, secret: str, dialect: str) -> ApiKey | None:
    """As `find`, for a secret key that counts only together with a live public key of the same organisation.

    What the caller may do is what the secret key may. That the public key was used is remembered here, since nobody
    meets it after this.
    """
    shown, key = find(public, dialect), find(secret, dialect)
    if shown is None or key is None or shown.organisation_id != key.organisation_id:
        return None
    kinds = (ApiKey.Kind.PUBLIC_KEY, ApiKey.Kind.SECRET_KEY)
    if (shown.kind, key.kind) != kinds:
        return None
    note_use(shown)
    return key


def permits(key: ApiKey, scope: str) -> bool:
    """Whether a key may do what a scope stands for."""
    return scope in key.scopes or EVERYTHING in key.scopes


def note_use(key: ApiKey) -> None:
    """Remember that a key was used now, at most one write a minute."""
    moment = now()
    if key.last_used_at is not None and moment - key.last_used_at < _NOTED_EVERY:
        return
    unnoted = Q(last_used_at__isnull=True) | Q(last_used_at__lt=moment - _NOTED_EVERY)
    ApiKey.everywhere.filter(unnoted, pk=key.pk).update(last_used_at=moment)


def revoke(key: ApiKey, *, actor: Actor) -> None:
    """End a key at once and for good. Revoking twice changes nothing."""
    with transaction.atomic():
        revoked = ApiKey.everywhere.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=now())
        if revoked:
            audit.record(actor, "key.revoked", key, before={"name": key.name})
    key.refresh_from_db(fields=["revoked_at"])
