"""Connecting a calendar account: tried before it is saved, explained when it does not work."""

from __future__ import annotations

import contextlib
import logging
import secrets
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.utils.timezone import now

from bookings.domain import accounts, outbox
from bookings.domain.accounts import FoundCalendar
from bookings.domain.audit import Actor
from bookings.engine.zones import wall
from bookings.formats.event import EventData
from bookings.models import Account, Calendar, Host
from bookings.models.crypto import Undecryptable
from providers import pull
from providers.addresses import Refused, parse
from providers.base import Capability, Ended, Outcome, PullFailed, Push, Remote, Result
from providers.caldav.calls import Calls, Login, if_match
from providers.caldav.provider import REFERENCE, CalDav, address, from_account

log = logging.getLogger(__name__)

FIRST_PULL_S = 10.0
_LONGEST_URL = 1000
_STALE_TAG = '"convene-was-here-before"'
REFUSES_EVENTS = "Bookings cannot be written to this calendar: {reason}"


class ConnectFailed(Exception):
    """The account does not work as it was typed. `field` is where in the form, `message` what to do about it."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field


@dataclass(frozen=True)
class Tried:
    """A login that works, with what was found behind it. Nothing of it is saved yet."""

    server_url: str
    username: str
    password: str = field(repr=False)
    calendars: tuple[FoundCalendar, ...] = ()
    addresses: tuple[str, ...] = ()


def try_login(server_url: str, username: str, password: str) -> Tried:
    """Sign in at a CalDAV server and list its calendars; raises ConnectFailed."""
    typed = server_url.strip()
    try:
        url = parse(typed if "://" in typed else f"https://{typed}").url
    except Refused as error:
        raise ConnectFailed(str(error), "server_url") from error
    if len(url) > _LONGEST_URL:
        raise ConnectFailed("This address is too long.", "server_url")
    provider = CalDav(Login(url, username, password))
    try:
        calendars = provider.list_calendars()
    except PullFailed as failure:
        where = "password" if failure.outcome == Outcome.AUTH_DEAD else "server_url"
        raise ConnectFailed(failure.detail, where) from failure
    addresses: list[str] = []
    with contextlib.suppress(PullFailed):  # only some servers tell, and nothing depends on it yet
        addresses = provider.addresses()
    return Tried(url, username, password, tuple(calendars), tuple(addresses))


def save(host: Host, tried: Tried, *, label: str, actor: Actor) -> Account:
    """Keep a login that was tried, wake what waited for it, and read its calendars as far as ten seconds go."""
    with transaction.atomic():
        account = accounts.connect(
            host,
            provider=Account.Provider.CALDAV,
            label=label,
            server_url=tried.server_url,
            username=tried.username,
            credentials={"password": tried.password},
            calendars=tried.calendars,
            actor=actor,
        )
        account.capabilities = Capability.from_json(account.capabilities).as_json() | {
            "addresses": list(tried.addresses)
        }
        account.save(update_fields=["capabilities"])
        outbox.outbox_written.send(sender=Account)
    read_now(account)
    return account


def reconnect(account: Account, password: str, *, actor: Actor) -> None:
    """Give an account a new password. It is tried first; what waited for the sign-in is sent after that."""
    tried = try_login(account.server_url, account.username, password)
    save(account.host, replace(tried, server_url=account.server_url), label=account.label, actor=actor)


def read_now(account: Account) -> None:
    """Read an account at once, for somebody who is looking; what takes longer is the worker's."""
    Account.everywhere.filter(pk=account.pk).update(next_pull_at=now() + timedelta(seconds=60))
    pull.pull_account(account, FIRST_PULL_S)


def probe(calendar: Calendar) -> Capability:
    """Find out how a calendar really behaves by writing, repeating, changing and deleting an event in it.

    The event is called what it is, lies in the past, is marked free and is gone again in a moment. What was learnt is
    kept with the account. Raises ConnectFailed when events cannot be written there.
    """
    account = calendar.account
    try:
        adapter = from_account(account)
    except Undecryptable as error:
        raise ConnectFailed("The stored password cannot be read any more. Please enter it again.") from error
    learnt = _Probe(adapter.login, calendar.external_id).run()
    account.capabilities = account.capabilities | replace(learnt, invites=adapter.capability.invites).as_json()
    account.save(update_fields=["capabilities"])
    return learnt


class _Probe:
    """The questions put to one calendar, in order."""

    def __init__(self, login: Login, target: str) -> None:
        self.calls = Calls(login)
        self.adapter = CalDav(login)
        self.target = target
        self.push = _throw_away()
        self.url = address(target, self.push)

    def run(self) -> Capability:
        body = self.adapter.freeze(self.push)
        made = self.adapter.create(self.target, self.push, body)
        if made.outcome != Outcome.OK:
            raise _refusal(made)
        notes: list[str] = []
        try:
            keyed = self._refuses_a_second_create(body)
            guards = self._refuses_a_stale_update(body)
            if not keyed:
                notes.append("This server does not refuse a second event at the same address; we look before we write.")
            if not guards:
                notes.append("This server does not refuse changes based on an old state.")
            if not self._keeps_our_mark():
                notes.append("This server drops our mark from events; they are told by their address.")
        except Ended as ended:
            raise _refusal(ended.result) from ended
        finally:
            self._clean_up(made)
        return Capability(keyed_create=keyed, guards_updates=guards, notes=tuple(notes))

    def _refuses_a_second_create(self, body: str) -> bool:
        return self.calls.put(self.url, body, {"If-None-Match": "*"}).status not in (200, 201, 204)

    def _refuses_a_stale_update(self, body: str) -> bool:
        return self.calls.put(self.url, body, if_match(_STALE_TAG)).status not in (200, 201, 204)

    def _keeps_our_mark(self) -> bool:
        found = self.calls.read(self.url)
        return found is not None and REFERENCE in found.text

    def _clean_up(self, made: Result) -> None:
        push = replace(self.push, remote=replace(made.remote, etag=""))
        for _ in range(3):
            if self.adapter.delete(self.target, push).outcome == Outcome.OK:
                return
        log.warning("a test event was left in a calendar of %s", self.calls.login.username)


def _refusal(result: Result) -> ConnectFailed:
    reason = result.detail or f"the server answered {result.status}."
    return ConnectFailed(REFUSES_EVENTS.format(reason=reason), "booking_calendar")


def _throw_away() -> Push:
    day = datetime.now(UTC) - timedelta(days=2)
    uid = f"convene-test-{secrets.token_hex(8)}@convene"
    event = EventData(
        title="Convene tries out this calendar",
        start_wall=wall(day.year, day.month, day.day, 12),
        timezone="UTC",
        duration=60,
        uid=uid,
        free_busy_status="free",
    )
    return Push(key=uuid.uuid4(), tag=f"test|{uid}|1", uid=uid, events=(event,), remote=Remote())
