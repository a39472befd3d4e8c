"""Connecting a CalDAV server: the first sign-in, and trying out the calendar that is to receive bookings."""

from __future__ import annotations

import contextlib
import logging
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bookings.engine.zones import wall
from bookings.formats.event import EventData
from bookings.models import Account, Calendar
from bookings.models.crypto import Undecryptable
from providers.addresses import Refused, parse
from providers.base import Capability, Ended, Outcome, PullFailed, Push, Remote, Result
from providers.caldav.calls import Calls, Login, if_match
from providers.caldav.provider import REFERENCE, CalDav, address, from_account
from providers.kinds import ConnectFailed, Tried

log = logging.getLogger(__name__)

_LONGEST_URL = 1000
_STALE_TAG = '"convene-was-here-before"'
REFUSES_EVENTS = "Bookings cannot be written to this calendar: {reason}"


def try_login(given: Mapping[str, str]) -> Tried:
    """Sign in with `server_url`, `username` and `password`, and list the calendars; raises ConnectFailed."""
    typed = given["server_url"].strip()
    try:
        url = parse(typed if "://" in typed else f"https://{typed}").url
    except Refused as error:
        raise ConnectFailed(str(error), "server_url") from error
    if len(url) > _LONGEST_URL:
        raise ConnectFailed("This address is too long.", "server_url")
    username, password = given["username"], given["password"]
    provider = CalDav(Login(url, username, password))
    try:
        calendars = provider.list_calendars()
    except PullFailed as failure:
        where = "password" if failure.outcome == Outcome.AUTH_DEAD else "server_url"
        raise ConnectFailed(failure.detail, where) from failure
    addresses: list[str] = []
    with contextlib.suppress(PullFailed):  # only some servers tell, and nothing depends on it yet
        addresses = provider.addresses()
    return Tried(
        Account.Provider.CALDAV, url, username, {"password": password}, tuple(calendars), addresses=tuple(addresses)
    )


def probe(account: Account, calendar: Calendar) -> Capability:
    """Find out how a calendar really behaves by writing, repeating, changing and deleting an event in it.

    The event is called what it is, lies in the past, is marked free and is gone again in a moment. Raises
    ConnectFailed when events cannot be written there.
    """
    try:
        adapter = from_account(account)
    except Undecryptable as error:
        raise ConnectFailed("The stored password cannot be read any more. Please enter it again.") from error
    learnt = _Probe(adapter.login, calendar.external_id).run()
    return replace(learnt, invites=adapter.capability.invites)


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
