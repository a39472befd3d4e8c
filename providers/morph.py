"""Morph (runmorph, v1): scheduling events of one connection, which is somebody's account at a system behind Morph.

Credentials: {"api_key", "api_secret", "connector_id", "owner_id"}, and {"session_token"} where one was given; each
becomes the header of its name. `account.server_url` is the address without a path; empty means
https://api.runmorph.dev. The connection is the one calendar, with the id `<connector>/<owner>`.

Our key travels in the answers (`booking_ref`) and as the last line of the description, since some systems keep only
one of the two. An event is taken away by its status `canceled`, with one l.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from bookings.domain.accounts import FoundCalendar
from bookings.domain.busy import horizon
from bookings.domain.calendar import Changes
from bookings.engine.zones import DAY
from bookings.formats.event import EventData, Person
from bookings.models import Account
from providers.base import PULL_S, Capability, Ended, Outcome, Push, Result
from providers.rest import BROKEN, STRANGE, Json, Manners, Said
from providers.singles import (
    DEAD_KEY,
    Item,
    Paced,
    bounds,
    described,
    instant,
    invited,
    is_ours,
    mark_in,
    marks_of,
    reading,
    timed,
    unmarked,
    utc,
    words_of,
    zones_of,
)
from providers.tagged import Tagged

VENDOR = "https://api.runmorph.dev"
REF = "booking_ref"
CAPABILITY = Capability(
    keyed_create=False,
    guards_updates=False,
    rsvp=False,
    incremental=False,
    recurrence=False,
    lag_s=60,
    pull_every_s=300,
    notes=(
        "Single events only: a series stays here.",
        "All-day events become events from midnight to midnight.",
        "Places, private events and free time cannot be told; a place stands in the description.",
        "Invitations cannot be answered.",
        "Where the connected system lists no events, busy times are not read from it.",
    ),
)
_EVENTS = "/v1/resources/schedulingEvent"
_MODEL = "schedulingEvent"
_PAGE = 100
_PAGES = 1_000
_AHEAD_S = 360 * DAY
"""How far ahead a list is believed to reach: what it holds is not said anywhere."""
_HEADERS = ("api_key", "api_secret", "connector_id", "owner_id", "session_token")
_CODES = {
    "connector::operation::resource_not_found": Outcome.CONFLICT,
    "connector::operation::server_error": Outcome.AMBIGUOUS,
    "morph::connection::not_found": Outcome.TARGET_GONE,
    "connector::not_found": Outcome.TARGET_GONE,
    "morph::connection::proxy::unauthorized": Outcome.AUTH_DEAD,
    "morph::connection::proxy::rate_limit_exceeded": Outcome.TRANSIENT,
    "morph::session::expired": Outcome.AUTH_DEAD,
    "morph::session::token_validation_failed": Outcome.AUTH_DEAD,
}


class Morph(Tagged):
    name = Account.Provider.MORPH
    title = "Morph"
    tells_guests = True

    def list_calendars(self) -> list[FoundCalendar]:
        return [self._calendar(reading(self._connection))]

    def _connection(self) -> Json:
        names = self.rest.manners.headers
        target = f"{names['x-connector-id']}/{names['x-owner-id']}"
        told = self.rest.json("GET", f"/v1/connections/{target}")
        if told.get("status") == "unauthorized":
            detail = "The owner of this connection has not granted access, or has taken it back."
            raise Ended(Result(Outcome.AUTH_DEAD, detail=detail))
        return told | {"target": target}

    def _calendar(self, told: Json) -> FoundCalendar:
        connector = str(told.get("connectorId") or "")
        return FoundCalendar(
            external_id=told["target"],
            name=connector.capitalize() or "Connection",
            writable=_offers(told, "create"),
            primary=True,
        )

    # ── Words ──

    def body(self, target: str, data: EventData, push: Push) -> Json:
        start, end = bounds(data, self.zone_of(target))
        asked = push.notify and push.leads
        where = data.location or str(data.conference.get("url", ""))
        text = described(data, push, guests=not asked)
        body: Json = {
            "title": data.title or "-",
            "description": f"{where}\n\n{text}" if where and where not in text else text,
            "startTime": utc(start),
            "endTime": utc(end),
            "status": "requested" if data.status == "tentative" else "planned",
            "externalAttendees": [_attendee(person) for person in invited(data) if asked and person.email],
            "answers": {REF: push.key.hex},
        }
        theirs = ("externalAttendees", "answers")
        return body if is_ours(push) else {name: value for name, value in body.items() if name not in theirs}

    def read(self, target: str, item: Item) -> EventData:
        told, home = item.raw, self.zone_of(target)
        start = instant(told["startTime"], home)
        ends = told.get("endTime")
        end = instant(ends, home) if ends else start + int(float(told.get("duration") or 0) * 60)
        return timed(
            str(told.get("title") or ""),
            start,
            end,
            home,
            uid=item.id,
            description=unmarked(str(told.get("description") or "")),
            status="tentative" if told.get("status") == "requested" else "confirmed",
            people=tuple(_people(told.get("externalAttendees"))),
        )

    # ── Calls ──

    def make(self, target: str, body: Json) -> Item:
        try:
            return _item(self.rest.json("POST", _EVENTS, body=body), body)
        except Ended as end:
            if end.result.status == 409:  # that time cannot be had there, and will not be by waiting
                raise Ended(Result(Outcome.PERMANENT, status=409, detail=end.result.detail)) from end
            raise

    def current(self, target: str, push: Push) -> Item | None:
        return _item(self.rest.json("GET", f"{_EVENTS}/{push.remote.id}"), {})

    def change(self, target: str, push: Push, body: Json) -> Item:
        try:
            return _item(self.rest.json("PATCH", f"{_EVENTS}/{push.remote.id}", body=body), body)
        except Ended as end:
            if end.result.status == 409:
                raise Ended(Result(Outcome.PERMANENT, status=409, detail=end.result.detail)) from end
            raise

    def cancel(self, target: str, remote_id: str) -> None:
        self.rest.json("PATCH", f"{_EVENTS}/{remote_id}", body={"status": "canceled"})

    def stretch(self, token: str) -> tuple[int, int, str]:
        lo, hi = horizon()
        return lo, min(hi, int(time.time()) + _AHEAD_S), ""

    def items(self, target: str, lo: int, hi: int) -> Iterator[Item]:
        """All there are: a stretch of time cannot be asked for in words that every connected system knows."""
        query: Json = {"limit": _PAGE}
        for _ in range(_PAGES):
            page = self.rest.json("GET", _EVENTS, query=query)
            if not isinstance(page.get("data"), list):
                raise Ended(Result(Outcome.AMBIGUOUS, detail=STRANGE))
            yield from (_item(each, {}) for each in page["data"] if isinstance(each, dict))
            if not page.get("next"):
                return
            query = query | {"cursor": page["next"]}
        raise Ended(Result(Outcome.UNKNOWN, detail=BROKEN))

    def changes(self, target: str, token: str, known: Mapping[str, str], limit_s: float = PULL_S) -> Changes:
        if not _offers(reading(self._connection), "list"):
            return Changes([], [], complete=False, token="")
        return super().changes(target, token, known, limit_s)

    def _find(self, target: str, push: Push) -> Result | None:
        if not _offers(self._connection(), "list"):
            detail = "This system lists no events, so somebody has to look whether the event is there already."
            return Result(Outcome.CONFLICT, detail=detail)
        return super()._find(target, push)


def _offers(told: Json, operation: str) -> bool:
    """Whether a connection can do that; one that does not say what it can do is taken at its best."""
    operations = told.get("operations")
    return not operations or f"{_MODEL}::{operation}" in operations


def _item(told: Json, sent: Json) -> Item:
    """A resource with its fields, or only the ref to one that was sent."""
    fields = sent | (told["fields"] if isinstance(told.get("fields"), dict) else {})
    answers = fields.get("answers")
    ref = answers.get(REF) if isinstance(answers, dict) else None
    key = str(ref or mark_in(str(fields.get("description") or "")))
    off = fields.get("status") == "canceled"
    return Item(str(told.get("id") or ""), fields, key=key, is_off=off, since=str(told.get("createdAt") or ""))


def _attendee(person: Person) -> Json:
    first, _, last = person.name.partition(" ")
    told = {"firstName": first, "lastName": last, "email": person.email, "phoneNumber": person.phone}
    return {name: value for name, value in told.items() if value}


def _people(told: Any) -> Iterator[Person]:
    for each in told if isinstance(told, list) else ():
        if isinstance(each, dict) and each.get("email"):
            name = f"{each.get('firstName') or ''} {each.get('lastName') or ''}".strip()
            yield Person(str(each["email"]), name, phone=str(each.get("phoneNumber") or ""))


def _said(body: Any) -> Said:
    return Said(str(body.get("error") or "").lower(), words_of(body.get("message")))


def from_account(account: Account) -> Morph:
    held = account.credentials()
    headers = {f"x-{name.replace('_', '-')}": str(held[name]) for name in _HEADERS if held.get(name)}
    headers = {"x-connector-id": "", "x-owner-id": ""} | headers
    manners = Manners((account.server_url or VENDOR).rstrip("/"), headers, said=_said, codes=_CODES, statuses=DEAD_KEY)
    return Morph(Paced(manners, lambda: None, account.pk), CAPABILITY, zones_of(account), marks_of(account))
