"""Connecting a calendar account: tried before it is saved, explained when it does not work."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from django.db import transaction
from django.utils.timezone import now

from bookings.domain import accounts, outbox
from bookings.domain.accounts import FoundCalendar
from bookings.domain.audit import Actor
from bookings.domain.errors import DomainError
from bookings.models import Account, Calendar, Host
from bookings.models.crypto import Undecryptable
from providers import base, kinds, oauth, pull
from providers.base import Capability, Ended, Outcome, PullFailed
from providers.kinds import ConnectFailed, Kind, Tried

T = TypeVar("T")

FIRST_PULL_S = 10.0
_COLUMNS = ("server_url", "username")
_SIGN_IN = (Outcome.AUTH_DEAD, Outcome.AUTH_REFRESH)
NO_KEY_FILE = "This is not the key file of a service account: it has to be the whole JSON file, as it was downloaded."
SOMEBODY_ELSE = "This is the sign-in of {found}, but the account is that of {expected}. Please sign in as {expected}."
NOTHING_FOUND = "The sign-in works, but no calendar was found behind it."


# ── Trying ──


def try_login(kind: Kind, given: Mapping[str, str], *, host: Host) -> Tried:
    """Sign in with what was typed and list the calendars; raises ConnectFailed. Nothing is saved."""
    if own := kind.hook("try_login"):
        return _checked(own(given))
    if kind.for_everybody:
        return try_credentials(kind, shared_credentials(kind, given, host.email), host=host, username=host.email)
    secrets = {name: value for name, value in given.items() if name not in _COLUMNS and value}
    return try_credentials(
        kind, secrets, host=host, server_url=given.get("server_url", ""), username=given.get("username", "")
    )


def try_credentials(
    kind: Kind, credentials: dict[str, Any], *, host: Host, server_url: str = "", username: str = ""
) -> Tried:
    """List the calendars behind credentials, by the adapter, through an account that is not saved."""
    draft = Account(
        organisation_id=host.organisation_id,
        host=host,
        provider=kind.provider,
        server_url=server_url.strip().rstrip("/"),
        username=username.strip(),
    )
    draft.set_credentials(credentials)
    provider = base.adapter(draft)
    calendars = _told(kind, provider.list_calendars)
    owner = _told(kind, provider.owner) or draft.username or _main_address(calendars)
    if not owner and not kind.signs_in:
        owner = _fallback_name(credentials)
    return _checked(Tried(kind.provider, draft.server_url, owner[:320], draft.credentials(), tuple(calendars)))


def shared_credentials(kind: Kind, given: Mapping[str, str], subject: str) -> dict[str, Any]:
    """Credentials of an organisation's key, acting for one person; raises ConnectFailed."""
    if kind.kind != oauth.SERVICE_ACCOUNT:
        return {"kind": kind.kind, **given, "subject": subject}
    try:
        key = json.loads(given["key"])
        wanted = {name: str(key[name]) for name in ("client_email", "private_key")}
    except (ValueError, KeyError, TypeError) as error:
        raise ConnectFailed(NO_KEY_FILE, "key") from error
    return {"kind": kind.kind, **wanted, "private_key_id": str(key.get("private_key_id", "")), "subject": subject}


def _told(kind: Kind, ask: Callable[[], T]) -> T:
    """What the adapter answers, or why not, beside the field that it is about."""
    try:
        return ask()
    except PullFailed as failure:
        raise ConnectFailed(failure.detail, _field_of(kind, failure.outcome)) from failure
    except Ended as ended:
        raise ConnectFailed(ended.result.detail, _field_of(kind, ended.result.outcome)) from ended


def _field_of(kind: Kind, outcome: Outcome) -> str:
    secret = next((field.name for field in kind.fields if field.secret or kind.for_everybody), "")
    address = next((field.name for field in kind.fields if field.name == "server_url"), "")
    return secret if outcome in _SIGN_IN else address or secret


def _main_address(calendars: Sequence[FoundCalendar]) -> str:
    """Some services call a person's main calendar by their address."""
    return next((each.external_id for each in calendars if each.primary and "@" in each.external_id), "")


def _fallback_name(credentials: Mapping[str, Any]) -> str:
    """What tells one login from another when the service does not: a digest, which gives nothing away."""
    digest = hashlib.sha256(json.dumps(credentials, sort_keys=True).encode()).hexdigest()
    return f"key {digest[:8]}"


def _checked(tried: Tried) -> Tried:
    if not tried.calendars:
        raise ConnectFailed(NOTHING_FOUND)
    return tried


# ── Keeping ──


def save(host: Host, tried: Tried, *, label: str, actor: Actor) -> Account:
    """Keep a login that was tried, wake what waited for it, and read its calendars as far as ten seconds go."""
    try:
        with transaction.atomic():
            account = accounts.connect(
                host,
                provider=tried.provider,
                label=label,
                server_url=tried.server_url,
                username=tried.username,
                credentials=tried.credentials,
                calendars=tried.calendars,
                actor=actor,
            )
            known = {"addresses": list(tried.addresses), "shared_key": str(tried.credentials.get("kind", ""))}
            # What else is kept there, such as open watch channels, outlives a new sign-in.
            account.capabilities = account.capabilities | base.adapter(account).capability.as_json() | known
            account.save(update_fields=["capabilities"])
            outbox.outbox_written.send(sender=Account)
    except DomainError as error:
        raise ConnectFailed(error.message) from error
    read_now(account)
    return account


def reconnect(account: Account, tried: Tried, *, actor: Actor) -> Account:
    """Give an account the credentials of a new sign-in. Its ids, calendars and whatever waited for it stay.

    :raises ConnectFailed: when somebody else signed in.
    """
    expected, found = account.username.lower(), tried.username.lower()
    if "@" in expected and "@" in found and expected != found:
        raise ConnectFailed(SOMEBODY_ELSE.format(found=tried.username, expected=account.username))
    same = replace(tried, server_url=account.server_url, username=account.username)
    return save(account.host, same, label=account.label, actor=actor)


def try_again(account: Account, given: Mapping[str, str]) -> Tried:
    """Try an account with new secrets, and with everything else as it was; raises ConnectFailed."""
    kind = kind_of(account)
    kept = {"server_url": account.server_url, "username": account.username} | _typed_before(account, kind)
    fields = [field.name for field in kind.fields]
    return try_login(kind, {name: given.get(name) or kept.get(name, "") for name in fields}, host=account.host)


def kind_of(account: Account) -> Kind:
    """The kind by which an account was connected; raises ConnectFailed when it is not offered here any more."""
    kind = kinds.of(account)
    if kind is None:
        raise ConnectFailed("This kind of calendar cannot be connected here.")
    return kind


def disconnect(account: Account, *, actor: Actor) -> None:
    """Give the tokens back to the service, as far as it answers, and forget the account with its secrets."""
    with contextlib.suppress(Exception):  # whatever is wrong over there: here it ends
        _leave(account)
    accounts.disconnect(account, actor=actor)


def read_now(account: Account) -> None:
    """Read an account at once, for somebody who is looking; what takes longer is the worker's."""
    Account.everywhere.filter(pk=account.pk).update(next_pull_at=now() + timedelta(seconds=60))
    pull.pull_account(account, FIRST_PULL_S)


def use_for_bookings(account: Account, *, actor: Actor) -> None:
    """Let bookings go to an account's primary (or only) calendar, if its host has chosen no calendar elsewhere yet."""
    host = account.host
    local = accounts.ensure_local(host)
    writable = [each for each in account.calendars.all() if each.is_writable]
    primary = next((each for each in writable if each.is_primary or len(writable) == 1), None)
    if primary is None or host.booking_calendar_id != local.pk:
        return
    accounts.choose(host, booking_calendar=primary, blocking=[primary.pk], account=account, actor=actor)


def tries_out(account: Account) -> bool:
    """Whether a calendar of this account is tried out before it receives bookings."""
    kind = kinds.of(account)
    return kind is not None and kind.hook("probe") is not None


def probe(calendar: Calendar) -> Capability | None:
    """Try out a calendar that is to receive bookings, where its kind knows how, and keep what was learnt.

    Raises ConnectFailed when events cannot be written there.
    """
    account = calendar.account
    kind = kinds.of(account)
    trial = kind.hook("probe") if kind else None
    if trial is None:
        return None
    learnt: Capability = trial(account, calendar)
    account.capabilities = account.capabilities | learnt.as_json()
    account.save(update_fields=["capabilities"])
    return learnt


def _leave(account: Account) -> None:
    kind = kinds.of(account)
    if kind is None:
        return
    if leave := kind.hook("leave"):
        with contextlib.suppress(Exception):
            leave(account)
    own = kind.hook("service_of")
    service = own(account) if own else kind.service()
    if service:
        oauth.revoke(service, account.credentials())


def _typed_before(account: Account, kind: Kind) -> dict[str, str]:
    try:
        held = account.credentials()
    except Undecryptable:
        return {}
    return {field.name: str(held[field.name]) for field in kind.fields if field.name in held}
