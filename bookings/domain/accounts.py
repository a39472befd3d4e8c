"""A host's connected accounts: connecting, choosing what their calendars are for, letting go."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.timezone import now

from bookings.formats.lines import clean
from bookings.models import Account, Busy, Calendar, Event, Host, Mirror

from . import conflicts
from .audit import Actor, record
from .busy import horizon
from .errors import Invalid
from .locks import lock_hosts

LOCAL_CALENDAR = "local"
MOST_CALENDARS = 100
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True)
class FoundCalendar:
    """A calendar that a service listed. `timezone` is an IANA name or empty."""

    external_id: str
    name: str
    colour: str = ""
    timezone: str = ""
    writable: bool = True
    primary: bool = False


@transaction.atomic
def ensure_local(host: Host) -> Calendar:
    """The calendar this server keeps for the host itself, made when missing.

    It also becomes the host's booking calendar when there is none, so that everything works before anything is
    connected. `host` is updated in place.
    """
    locked = lock_hosts([host.pk])[0]
    account, _ = Account.everywhere.get_or_create(
        organisation_id=host.organisation_id,
        host=locked,
        provider=Account.Provider.LOCAL,
        defaults={"label": "On this server"},
    )
    calendar: Calendar
    calendar, _ = Calendar.everywhere.get_or_create(
        organisation_id=host.organisation_id,
        account=account,
        external_id=LOCAL_CALENDAR,
        defaults={"name": host.name, "is_primary": True, "state": Calendar.State.OK, "expanded_until_s": horizon()[1]},
    )
    if locked.booking_calendar_id is None:
        _receive_bookings(locked, calendar)
    host.booking_calendar_id = locked.booking_calendar_id
    return calendar


@transaction.atomic
def add_calendar(account: Account, name: str, *, actor: Actor) -> Calendar:
    """A further calendar of the account kept on this server; its events make the host busy.

    :raises Invalid: field `account` for accounts elsewhere, whose calendars are made there; field `name` (code
        duplicate_calendar_name) when there is one of that name.
    """
    if account.provider != Account.Provider.LOCAL:
        raise Invalid("Calendars of this account are made at its own service.", field="account")
    lock_hosts([account.host_id])
    name = name.strip()[:300]
    there = Calendar.everywhere.filter(account=account)
    if there.filter(name=name).exists():
        raise Invalid("There is a calendar of this name already.", code="duplicate_calendar_name", field="name")
    if there.count() >= MOST_CALENDARS:
        raise Invalid(f"At most {MOST_CALENDARS} calendars are possible.", field="name")
    made: Calendar = Calendar.everywhere.create(
        organisation_id=account.organisation_id,
        account=account,
        external_id=f"{LOCAL_CALENDAR}-{uuid.uuid4()}",
        name=name,
        state=Calendar.State.OK,
        expanded_until_s=horizon()[1],
    )
    record(actor, "calendar.made", made, after={"name": name})
    return made


@transaction.atomic
def rename_calendar(
    calendar: Calendar, *, actor: Actor, name: str | None = None, colour: str | None = None
) -> Calendar:
    """Call a calendar otherwise here, or give it another colour (#rrggbb, or none); None leaves as it is.

    :raises Invalid: fields `name`, `colour`.
    """
    before = {"name": calendar.name, "colour": calendar.colour}
    calendar.name = calendar.name if name is None else clean(name).strip()[:300]
    calendar.colour = calendar.colour if colour is None else colour
    if not calendar.name:
        raise Invalid("A name is needed.", field="name")
    if calendar.colour and not _COLOUR.fullmatch(calendar.colour):
        raise Invalid("A colour is written #rrggbb.", field="colour")
    after = {"name": calendar.name, "colour": calendar.colour}
    if before != after:
        calendar.save(update_fields=["name", "colour"])
        record(actor, "calendar.renamed", calendar, before=before, after=after)
    return calendar


@transaction.atomic
def remove_calendar(calendar: Calendar, *, actor: Actor) -> None:
    """Take away a further calendar of the account on this server, with its events; those of bookings move to the
    host's first calendar.

    :raises Invalid: field `calendar`, for calendars kept elsewhere and for the first one of a host.
    """
    account = calendar.account
    if account.provider != Account.Provider.LOCAL or calendar.external_id == LOCAL_CALENDAR:
        raise Invalid("This calendar cannot be removed.", field="calendar")
    host = lock_hosts([account.host_id])[0]
    home = ensure_local(host)
    Event.everywhere.filter(calendar=calendar, origin=Event.Origin.BOOKING).update(calendar=home)
    if host.booking_calendar_id == calendar.pk:
        _receive_bookings(host, home)
    record(actor, "calendar.removed", calendar, before={"name": calendar.name})
    calendar.delete()
    conflicts.refresh(host.pk)


@transaction.atomic
def connect(
    host: Host,
    *,
    provider: str,
    label: str,
    server_url: str,
    username: str,
    credentials: dict[str, Any],
    calendars: Sequence[FoundCalendar],
    actor: Actor,
) -> Account:
    """Save an account that was already tried out, with the calendars it listed.

    The same login connected again keeps its account, calendars and everything that was learnt about them; it gets the
    new credentials and is tried again at once. Calendars block time until `choose` says otherwise.

    :raises Invalid: for an unknown provider, or when no calendar was found.
    """
    if provider not in Account.Provider.values or provider == Account.Provider.LOCAL:
        raise Invalid("This kind of calendar cannot be connected.", field="provider")
    if not calendars:
        raise Invalid("No calendar was found in this account.", field="calendars")
    lock_hosts([host.pk])
    account = _same_login(host, provider, server_url, username) or Account(
        organisation_id=host.organisation_id,
        host=host,
        provider=provider,
        server_url=server_url,
        username=username,
    )
    account.label = label or username or account.get_provider_display()
    _start_afresh(account, credentials)
    for found in calendars:
        _remember(account, found)
    record(actor, "account.connect", account, after={"provider": provider, "calendars": [c.name for c in calendars]})
    return account


@transaction.atomic
def choose(
    host: Host,
    *,
    booking_calendar: Calendar | None,
    blocking: Collection[uuid.UUID],
    actor: Actor,
    account: Account | None = None,
) -> None:
    """Say which calendar receives the host's bookings and which ones make the host busy. `host` is updated in place.

    :param booking_calendar: None means the one kept on this server.
    :param blocking: every calendar of the host that blocks, over all accounts; those not named do not block. With
        `account` given, only the calendars of that account are decided on.
    :raises Invalid: field `booking_calendar` when it is read-only, gone or another host's; field `blocking` for
        calendars that are not among those decided on.
    """
    locked = lock_hosts([host.pk])[0]
    target = _usable_target(locked, booking_calendar or ensure_local(host))
    decided = Calendar.everywhere.filter(account__host=locked)
    if account is not None:
        decided = decided.filter(account=account)
    if strangers := set(blocking) - set(decided.values_list("pk", flat=True)):
        raise Invalid(f"Not a calendar of {locked.name}: {sorted(map(str, strangers))[0]}", field="blocking")
    before = {"booking_calendar": str(locked.booking_calendar_id or "")}
    decided.filter(pk__in=blocking).update(blocks=True)
    decided.exclude(pk__in=blocking).update(blocks=False)
    _receive_bookings(locked, target)
    host.booking_calendar_id = target.pk
    after = {"booking_calendar": str(target.pk), "blocking": sorted(map(str, blocking))}
    record(actor, "host.choose_calendars", locked, before=before, after=after)


@transaction.atomic
def block(calendar: Calendar, blocks: bool, *, actor: Actor) -> None:
    """Say whether one calendar makes its host busy. `calendar` is updated in place."""
    host = lock_hosts([calendar.account.host_id])[0]
    if calendar.blocks == blocks:
        return
    Calendar.everywhere.filter(pk=calendar.pk).update(blocks=blocks)
    calendar.blocks = blocks
    record(actor, "host.choose_calendars", host, after={"blocking" if blocks else "not_blocking": [str(calendar.pk)]})


@transaction.atomic
def disconnect(account: Account, *, actor: Actor) -> None:
    """Forget an account with its secrets and what was read from it; nothing at the service is touched.

    What was made here (events, bookings) moves to the calendar kept on this server and goes on blocking.

    :raises Invalid: for the account kept on this server.
    """
    if account.provider == Account.Provider.LOCAL:
        raise Invalid("The calendar on this server cannot be disconnected.", field="account")
    host = lock_hosts([account.host_id])[0]
    home = ensure_local(host)
    Mirror.everywhere.filter(calendar__account=account).delete()
    ours = Event.everywhere.filter(calendar__account=account).exclude(origin=Event.Origin.PULLED)
    Busy.everywhere.filter(event__in=ours).update(calendar=home)
    ours.update(calendar=home)
    if host.booking_calendar is not None and host.booking_calendar.account_id == account.pk:
        _receive_bookings(host, home)
    record(actor, "account.disconnect", account, before={"provider": account.provider, "label": account.label})
    account.delete()


def _same_login(host: Host, provider: str, server_url: str, username: str) -> Account | None:
    found: Account | None = Account.everywhere.filter(
        host=host, provider=provider, server_url=server_url, username=username
    ).first()
    return found


def _start_afresh(account: Account, credentials: dict[str, Any]) -> None:
    account.set_credentials(credentials)
    account.health = Account.Health.OK
    account.last_error = ""
    account.failing_since = None
    account.consecutive_failures = 0
    account.next_pull_at = account.last_ok_at = now()
    account.save()


def _remember(account: Account, found: FoundCalendar) -> None:
    told = {
        "name": found.name[:300] or "Calendar",
        "colour": found.colour[:9],
        "timezone": found.timezone[:64],
        "is_primary": found.primary,
        "is_writable": found.writable,
    }
    Calendar.everywhere.update_or_create(
        account=account,
        external_id=found.external_id,
        defaults=told,
        create_defaults=told | {"organisation_id": account.organisation_id, "expanded_until_s": horizon()[1]},
    )


def _usable_target(host: Host, calendar: Calendar) -> Calendar:
    if calendar.account.host_id != host.pk:
        raise Invalid("This calendar belongs to somebody else.", field="booking_calendar")
    if not calendar.is_writable or calendar.state in (Calendar.State.GONE, Calendar.State.READ_ONLY):
        raise Invalid("Bookings cannot be written to this calendar.", field="booking_calendar")
    return calendar


def _receive_bookings(host: Host, calendar: Calendar) -> None:
    Host.everywhere.filter(pk=host.pk).update(booking_calendar=calendar)
    host.booking_calendar = calendar
