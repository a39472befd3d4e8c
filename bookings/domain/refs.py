"""What our objects are called on each surface: an id is made in the surface's own form when it is first shown there,
stored, and from then on only looked up."""

from __future__ import annotations

import base64
import json
import re
import secrets
import string
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import orjson
from django.db import connection, transaction
from django.db.models import prefetch_related_objects

from bookings.models import ExternalRef, Host, Organisation, TenantModel

from .errors import Invalid
from .statements import among, ids


class Named(NamedTuple):
    """A thing by its id alone: enough to be called something, where the surface's ids need no more."""

    pk: uuid.UUID
    organisation_id: uuid.UUID


Thing = TenantModel | Organisation | Named
Maker = Callable[[str, Sequence[Any]], list[str]]

_ALPHANUMERIC = string.ascii_letters + string.digits
_LONGEST = 512
_TABLE = ExternalRef._meta.db_table
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")  # in JSON, where a backslash is two


def ref(surface: str, kind: str, thing: Thing) -> str:
    """The id of a thing on a surface, given to it now if it has none there yet.

    `kind` is our own noun: organisation, host, account, calendar, event, event_type, group_rule, request, booking,
    contact. Safe when several processes ask for the same thing at once.
    """
    return refs(surface, kind, [thing])[thing.pk]


def refs(surface: str, kind: str, things: Iterable[Thing]) -> dict[uuid.UUID, str]:
    """As `ref`, for many things of one kind: {our id: theirs}, in the order of the things.

    One query when all of them have been shown there before, three otherwise, however many they are. (Morgen's
    calendars and events name their account: add what it takes to read those that are not loaded.)
    """
    wanted = {thing.pk: thing for thing in things}
    named = known(surface, kind, wanted)
    new = [thing for pk, thing in wanted.items() if pk not in named]
    if new:
        _give(surface, kind, new)
        named |= known(surface, kind, [thing.pk for thing in new])
    return {pk: named[pk] for pk in wanted}


def name(surface: str, kind: str, thing: Thing, external_id: str, *, instead_of: uuid.UUID | None = None) -> None:
    """Give a thing, before it is shown there, the id its caller chose. The same again changes nothing.

    :param instead_of: our id of the thing that may lose this name, such as a deleted event that is made anew.
    :raises Invalid: with field `external_id`, when the id cannot be used, names something else in this organisation,
        or the thing is called otherwise already.
    """
    if not external_id or not _is_askable(external_id):
        raise Invalid(f"An id has 1 to {_LONGEST} characters, none of them NUL.", field="external_id")
    rows = ExternalRef.everywhere.filter(
        organisation_id=_owner(thing), surface=surface, kind=kind, external_id=external_id
    )
    with transaction.atomic():
        if instead_of is not None and instead_of != thing.pk:
            rows.filter(object_id=instead_of).delete()
        _insert(surface, kind, {thing.pk: (thing, external_id)})
        named: uuid.UUID | None = rows.values_list("object_id", flat=True).first()
    if named is None:
        raise Invalid("This is called otherwise already.", field="external_id")
    if named != thing.pk:
        raise Invalid("This id is in use already.", field="external_id")


def name_new(surface: str, kind: str, named: Iterable[tuple[Thing, str]]) -> None:
    """Give many things that were never shown there ids that we chose ourselves, in one statement."""
    _insert(surface, kind, {thing.pk: (thing, external_id) for thing, external_id in named})


def keep(surface: str, kind: str, thing: Thing, raw: dict[str, Any]) -> None:
    """Keep what a surface said of a thing that we have no column for, beside what it said before: the same key has
    the newer value. JSON values without NUL.

    :raises Invalid: with field `raw`, for what cannot be stored.
    """
    if not raw:
        return
    if _NUL.search(json.dumps(raw)):
        raise Invalid("A text must not hold the character NUL.", field="raw")
    ref(surface, kind, thing)
    with transaction.atomic():
        row = ExternalRef.everywhere.select_for_update().get(surface=surface, kind=kind, object_id=thing.pk)
        row.raw = {**row.raw, **raw}
        row.save(update_fields=["raw"])


def kept(surface: str, kind: str, things: Iterable[Thing]) -> dict[uuid.UUID, dict[str, Any]]:
    """What was kept of each of these things, {} where nothing was: {our id: raw}, in one query."""
    pks = [thing.pk for thing in things]
    found = _rows(surface, kind, pks, "raw")
    return {pk: _json(found.get(pk)) for pk in pks}


def known(surface: str, kind: str, pks: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """As `refs`, without giving new names: {our id: theirs} of those that have one there."""
    return _rows(surface, kind, pks, "external_id")


def resolve(organisation: Organisation, surface: str, kind: str, external_id: str) -> uuid.UUID | None:
    """Our id of the thing that this organisation's clients call so; None when there is none, here or at all."""
    return resolve_all(organisation, surface, kind, [external_id]).get(external_id)


def resolve_all(
    organisation: Organisation, surface: str, kind: str, external_ids: Iterable[str]
) -> dict[str, uuid.UUID]:
    """As `resolve`, for many in one query: {their id: ours}, without those that name nothing."""
    askable = set(filter(_is_askable, external_ids))
    found = ExternalRef.objects.for_tenant(organisation).filter(surface=surface, kind=kind, external_id__in=askable)
    return dict(found.values_list("external_id", "object_id"))


def _is_askable(external_id: str) -> bool:
    return len(external_id) <= _LONGEST and "\x00" not in external_id


def _owner(thing: Thing) -> uuid.UUID:
    owner: uuid.UUID = thing.pk if isinstance(thing, Organisation) else thing.organisation_id
    return owner


def _rows(surface: str, kind: str, pks: Iterable[uuid.UUID], column: str) -> dict[uuid.UUID, Any]:
    """{our id: that column} of those that are called something there. Ids are found as they were asked for, which
    spares making them anew."""
    asked = {str(pk) if connection.vendor == "postgresql" else pk.hex: pk for pk in pks}
    sql = f"SELECT object_id, {column} FROM {_TABLE} WHERE surface = %s AND kind = %s AND object_id {among()}"
    with connection.cursor() as cursor:
        cursor.execute(sql, [surface, kind, ids(list(asked.values()))])
        return {asked[str(key)]: value for key, value in cursor.fetchall()}


def _json(raw: Any) -> dict[str, Any]:
    """SQLite keeps JSON as text."""
    told: dict[str, Any] = {} if raw in (None, "{}") else orjson.loads(raw) if isinstance(raw, str) else raw
    return told


def _give(surface: str, kind: str, things: Sequence[Thing]) -> None:
    made = _MAKERS[surface](kind, things)
    _insert(surface, kind, {thing.pk: (thing, each) for thing, each in zip(things, made, strict=True)})


def _insert(surface: str, kind: str, named: dict[uuid.UUID, tuple[Thing, str]]) -> None:
    """Give these names, unless thing or name is taken: whoever comes second finds the other's. In the order of the
    things, so that two who name the same ones never wait for each other."""
    ExternalRef.everywhere.bulk_create(
        [
            ExternalRef(
                organisation_id=_owner(thing), surface=surface, kind=kind, object_id=pk, external_id=external_id
            )
            for pk, (thing, external_id) in sorted(named.items())
        ],
        ignore_conflicts=True,
    )


_CRONOFY_OPENING = {
    "host": "acc_",
    "calendar": "cal_",
    "group_rule": "sgr_",
    "request": "srq_",
    "event": "evt_external_",
    "organisation": "org_",
    "account": "pro_",
}


def _cronofy(kind: str, things: Sequence[Any]) -> list[str]:
    """A known opening and 24 hex digits. Hours that a host is open are named inside the host, as clients name them:
    the schedule itself, whose thing is the host, is the rule that the vendor's examples call so too."""
    if kind in ("availability_rule", "available_period"):
        return [
            f"{thing.pk.hex}/default" if isinstance(thing, Host) else f"{thing.host_id.hex}/{secrets.token_hex(12)}"
            for thing in things
        ]
    opening = _CRONOFY_OPENING.get(kind, f"{kind[:3]}_")
    rooms = Host.Kind.RESOURCE
    return [
        ("res_" if isinstance(thing, Host) and thing.kind == rooms else opening) + secrets.token_hex(12)
        for thing in things
    ]


def _uuid(kind: str, things: Sequence[Any]) -> list[str]:
    """Not our own id: callers may choose ids on these surfaces, and one might choose that of another thing."""
    return [str(uuid.uuid4()) for _ in things]


def _leadconnector(kind: str, things: Sequence[Any]) -> list[str]:
    return ["".join(secrets.choice(_ALPHANUMERIC) for _ in range(20)) for _ in things]


def _morgen(kind: str, things: Sequence[Any]) -> list[str]:
    """24 hex digits for most; calendars and events name their account inside a base64url JSON array (no padding)."""
    if kind not in ("calendar", "event"):
        return [secrets.token_hex(12) for _ in things]
    # Light rows come with what they need.
    models = [thing for thing in things if isinstance(thing, TenantModel)]
    prefetch_related_objects(models, "account" if kind == "calendar" else "calendar__account__host")
    accounts = [thing.account if kind == "calendar" else thing.calendar.account for thing in things]
    named = refs("morgen", "account", accounts)
    if kind == "calendar":
        return [_packed([named[account.pk], secrets.token_hex(12)]) for account in accounts]
    return [
        _packed([account.host.email or account.label, secrets.token_hex(12), named[account.pk]]) for account in accounts
    ]


def _packed(parts: list[str]) -> str:
    text = json.dumps(parts, separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


_MAKERS: dict[str, Maker] = {
    "cronofy": _cronofy,
    "leadconnector": _leadconnector,
    "morgen": _morgen,
    "morph": _uuid,
    "timekit": _uuid,
}
