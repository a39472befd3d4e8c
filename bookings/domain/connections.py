"""Which host an application means by a name of its own: connections, made by it and granted by staff.

An application calls its users what it likes. A connection ties one such name, together with the kind of system that the
application believes it talks to, to a host. Ids that we gave out ourselves (of a host, or of an account of theirs) are
connected from the beginning; any other name waits until a member of the organisation says whose it is. Neither slugs
nor mail addresses count: an application's users may choose those, and would get at the calendars of others.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import QuerySet
from django.utils.timezone import now

from bookings.models import Account, ExternalRef, Host, Organisation

from . import refs
from .audit import Actor, record
from .errors import Invalid, NotFound

KIND = "connection"
NATIVE = ("local", "calendly")
"""Kinds of system that we are ourselves: every host can be connected under them."""

UNKNOWN_CONNECTOR, UNKNOWN_OWNER = "unknown_connector", "unknown_owner"
_LONGEST = 400
_SALT = "connection.grant"
_ASKED_FOR = timedelta(days=1)


@dataclass(frozen=True)
class Connection:
    """`host` is None until somebody grants it. `operations` is what the application said it wants to do, None when it
    said nothing."""

    organisation: Organisation
    surface: str
    connector: str
    owner: str
    host: Host | None
    operations: tuple[str, ...] | None
    created_at: datetime
    updated_at: datetime
    row: ExternalRef | None = None

    @property
    def is_authorized(self) -> bool:
        return self.host is not None


@dataclass(frozen=True)
class Asked:
    """An application asks for a connection to be granted, and where to go afterwards (empty: nowhere)."""

    connection: Connection
    application: str
    back: str


def check_connector(connector: str) -> None:
    """Raise NotFound for a kind of system that is neither ours nor one that can be connected."""
    if connector not in NATIVE and connector not in Account.Provider.values:
        raise NotFound("There is no such connector.", code=UNKNOWN_CONNECTOR)


def find(organisation: Organisation, surface: str, connector: str, owner: str) -> Connection:
    """The connection of that name.

    :raises NotFound: with the code UNKNOWN_CONNECTOR, or UNKNOWN_OWNER for a name that nobody connected here; those of
        other organisations are unknown.
    """
    check_connector(connector)
    row = _row(organisation, surface, connector, owner)
    if row is not None:
        return _told(organisation, row, connector, owner)
    host = _named(organisation, surface, owner)
    if host is None or not _has(host, connector):
        raise NotFound("There is no such connection.", code=UNKNOWN_OWNER)
    return Connection(organisation, surface, connector, owner, host, None, host.created_at, host.created_at)


@transaction.atomic
def save(
    organisation: Organisation,
    surface: str,
    connector: str,
    owner: str,
    *,
    operations: Sequence[str] | None = None,
    host: Host | None = None,
    actor: Actor,
) -> tuple[Connection, bool]:
    """Make the connection, or give it other operations; whether it was made comes with it.

    :param operations: None leaves them as they are.
    :param host: of a key that reaches one host only: whatever the owner is called there is this host.
    :raises NotFound: UNKNOWN_CONNECTOR.
    :raises Invalid: with field `owner`, for a name that cannot be kept.
    """
    check_connector(connector)
    if not owner or len(owner) > _LONGEST or "\x00" in owner:
        raise Invalid(f"An owner has 1 to {_LONGEST} characters.", field="owner")
    row, made = _locked(organisation, surface, connector, owner, host)
    if operations is not None:
        row.raw |= {"operations": list(operations)}
    _store(row)
    if made:
        record(actor, "connection.made", row, after={"connector": connector, "owner": owner[:200]})
    return _told(organisation, row, connector, owner), made


def grant_url(connection: Connection, *, application: str, back: str = "") -> str:
    """Where a member of the organisation says whose calendar the name stands for; `back` is where they go then."""
    said = {
        "org": str(connection.organisation.pk),
        "surface": connection.surface,
        "connector": connection.connector,
        "owner": connection.owner,
        "application": application,
        "back": back,
    }
    return f"{settings.BASE_URL}/connect/{signing.dumps(said, salt=_SALT, compress=True)}"


def asked(organisation: Organisation, token: str) -> Asked:
    """What the token of a `grant_url` asks for.

    :raises NotFound: for a token that is not ours, too old, or of another organisation.
    """
    try:
        said = signing.loads(token, salt=_SALT, max_age=_ASKED_FOR)
    except signing.BadSignature:
        said = {}
    if said.get("org") != str(organisation.pk):
        raise NotFound("This link no longer works.")
    connection = find(organisation, said["surface"], said["connector"], said["owner"])
    return Asked(connection, said["application"], said["back"])


@transaction.atomic
def grant(connection: Connection, host: Host, *, actor: Actor) -> Connection:
    """Say whose calendar the application's name stands for."""
    row, _ = _locked(connection.organisation, connection.surface, connection.connector, connection.owner)
    row.raw |= {"host": str(host.pk)}
    _store(row)
    record(actor, "connection.granted", row, after={"host": host.name, "owner": connection.owner[:200]})
    return replace(connection, host=host, row=row)


@transaction.atomic
def remove(connection: Connection, *, actor: Actor) -> None:
    """Forget a connection, whoever granted it: the name means nobody until it is made again. Twice is once."""
    row, _ = _locked(connection.organisation, connection.surface, connection.connector, connection.owner)
    row.raw = {"removed": True}
    _store(row)
    record(actor, "connection.removed", row, before={"owner": connection.owner[:200]})


def _locked(
    organisation: Organisation, surface: str, connector: str, owner: str, host: Host | None = None
) -> tuple[ExternalRef, bool]:
    """The row of this name, made when there is none (or one that was removed), and whether it was."""
    host = host or _named(organisation, surface, owner)
    fresh = ExternalRef(
        organisation=organisation,
        surface=surface,
        kind=KIND,
        external_id=f"{connector}/{owner}",
        object_id=uuid.uuid4(),
        raw={"host": str(host.pk) if host is not None and _has(host, connector) else None},
    )
    ExternalRef.everywhere.bulk_create([fresh], ignore_conflicts=True)
    row = _rows(organisation, surface).select_for_update().get(external_id=fresh.external_id)
    if row.raw.get("removed"):
        row.created_at, row.raw = fresh.created_at, fresh.raw
        return row, True
    return row, row.object_id == fresh.object_id


def _store(row: ExternalRef) -> None:
    row.raw |= {"updated_at": now().isoformat()}
    row.save(update_fields=["raw", "created_at"])


def _rows(organisation: Organisation, surface: str) -> QuerySet[ExternalRef]:
    return ExternalRef.objects.for_tenant(organisation).filter(surface=surface, kind=KIND)


def _row(organisation: Organisation, surface: str, connector: str, owner: str) -> ExternalRef | None:
    if len(owner) > _LONGEST or "\x00" in owner:
        return None
    found: ExternalRef | None = _rows(organisation, surface).filter(external_id=f"{connector}/{owner}").first()
    return found


def _told(organisation: Organisation, row: ExternalRef, connector: str, owner: str) -> Connection:
    if row.raw.get("removed"):
        raise NotFound("There is no such connection.", code=UNKNOWN_OWNER)
    host = _active(organisation, row.raw.get("host"))
    operations = row.raw.get("operations")
    return Connection(
        organisation=organisation,
        surface=row.surface,
        connector=connector,
        owner=owner,
        host=host if host is not None and _has(host, connector) else None,
        operations=None if operations is None else tuple(operations),
        created_at=row.created_at,
        updated_at=datetime.fromisoformat(row.raw["updated_at"]),
        row=row,
    )


def _named(organisation: Organisation, surface: str, owner: str) -> Host | None:
    """The host whose id, or whose account's id, we gave out under this name."""
    host = _active(organisation, refs.resolve(organisation, surface, "host", owner))
    if host is not None:
        return host
    account = refs.resolve(organisation, surface, "account", owner)
    holders = Account.objects.for_tenant(organisation).filter(pk=account).values_list("host_id", flat=True)
    return _active(organisation, holders.first()) if account else None


def _active(organisation: Organisation, key: uuid.UUID | str | None) -> Host | None:
    if key is None:
        return None
    hosts = Host.objects.for_tenant(organisation).select_related("schedule")
    found: Host | None = hosts.filter(pk=key, is_active=True).first()
    return found


def _has(host: Host, connector: str) -> bool:
    """Whether a host can be reached through that kind of system."""
    return connector in NATIVE or Account.everywhere.filter(host=host, provider=connector).exists()
