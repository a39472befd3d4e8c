"""Timekit (API v2): events that block time in a resource's calendar.

Credentials: {"api_key"}, the key of a Timekit app (HTTP Basic with an empty user name). `account.server_url` is the
address before `/v2`; empty means https://api.timekit.io.

Found in the vendor's clients: an event's description, invitation and answer can be given when it is made and not
changed later, so a new description makes a new event before the old one goes. Unknown fields are ignored without a
word. Timekit itself writes on to Google and Microsoft: one calendar must not be connected both ways.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bookings.domain.accounts import FoundCalendar
from bookings.engine.zones import DAY, canonical, zone
from bookings.formats.event import EventData, Person
from bookings.models import Account
from providers.base import Capability, Ended, Outcome, Push, Result
from providers.http import Basic
from providers.rest import BROKEN, STRANGE, Json, Manners, Said
from providers.singles import (
    DEAD_KEY,
    Item,
    Paced,
    bounds,
    day,
    described,
    instant,
    invited,
    mark_in,
    marks_of,
    place,
    reading,
    timed,
    unmarked,
    utc,
    with_offset,
    words_of,
    zones_of,
)
from providers.tagged import Tagged

VENDOR = "https://api.timekit.io"
NOWHERE = "-"
"""What stands for no place and no title: Timekit wants words there."""
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
        "Events always block time there; private and tentative ones look like all others.",
        "Invitations cannot be answered.",
        "A new description makes a new event in the place of the old one.",
        "Do not also connect the Google or Microsoft calendar that Timekit writes to.",
    ),
)
_PAGE = 200
_PAGES = 500
_WINDOW_S = 360 * DAY
_READERS = ("reader", "freebusyreader", "read")
_RSVP = {"accepted": "accepted", "declined": "declined", "tentative": "tentative"}


class Timekit(Tagged):
    name = Account.Provider.TIMEKIT
    title = "Timekit"

    def list_calendars(self) -> list[FoundCalendar]:
        return reading(lambda: [_calendar(each) for each in self._pages("/v2/calendars", {"limit": _PAGE})])

    # ── Words ──

    def body(self, target: str, data: EventData, push: Push) -> Json:
        home = self.zone_of(target)
        start, end = bounds(data, home)
        tzid = home if data.all_day or data.floating else data.timezone
        return {
            "calendar_id": target,
            "start": with_offset(start, tzid),
            "end": with_offset(end, tzid),
            "what": data.title.strip() or NOWHERE,
            "where": place(data).strip() or NOWHERE,
            "description": described(data, push),
            "invite": push.notify and push.leads,
            "participants": [person.email for person in invited(data) if person.email],
            "all_day": data.all_day,
            "sync_provider": True,
        }

    def read(self, target: str, item: Item) -> EventData:
        told, home = item.raw, self.zone_of(target)
        text = str(told.get("description") or "")
        more: dict[str, Any] = {
            "uid": item.id,
            "description": unmarked(text) if item.key else text,
            "location": "" if told.get("where") in (None, NOWHERE) else str(told["where"]),
            "people": tuple(_people(told.get("participants"))),
            "free_busy_status": "free" if told.get("free") is True else "busy",
        }
        title = "" if told.get("what") in (None, NOWHERE) else str(told["what"])
        start, end = instant(told["start"], home), instant(told["end"], home)
        if told.get("all_day") is not True:
            return timed(title, start, end, home, **more)
        first, last = (_date(told[name], at, home) for name, at in (("start", start), ("end", end)))
        return EventData(title, first, home, max(last - first, DAY), all_day=True, **more)

    # ── Calls ──

    def make(self, target: str, body: Json) -> Item:
        return self._told(self.rest.json("POST", "/v2/events", body=body), body)

    def change(self, target: str, push: Push, body: Json) -> Item:
        path = f"/v2/events/{push.remote.id}"
        now = self.rest.json("GET", path).get("data") or {}
        if str(now.get("description") or "").strip() != body["description"]:
            return self._replace(target, push, body)
        kept = {name: body[name] for name in ("start", "end", "what", "where", "participants", "all_day")}
        return self._told(self.rest.json("PUT", path, body=kept), now | kept)

    def _replace(self, target: str, push: Push, body: Json) -> Item:
        """A new event, then the old one goes. Cut short in between, the next attempt finds the new one by its key."""
        again = [item for item in self._around(target, push) if item.key == push.key.hex and item.id != push.remote.id]
        said = next((item for item in again if self.is_said(target, item, body)), None)
        for copy in again:
            if copy is not said:
                self.cancel(target, copy.id)
        made = said or self.make(target, body)
        self.cancel(target, push.remote.id)
        return made

    def cancel(self, target: str, remote_id: str) -> None:
        answer = self.rest.send("DELETE", f"/v2/events/{remote_id}")
        if answer.status >= 300:
            raise Ended(self.rest.classify(answer))

    def items(self, target: str, lo: int, hi: int) -> Iterator[Item]:
        seen = set[str]()
        while lo < hi:
            until = min(lo + _WINDOW_S, hi)
            asked = {"start": utc(lo), "end": utc(until), "limit": _PAGE, "search": f"calendar.id:{target}"}
            for told in self._pages("/v2/events", asked):
                item = _item(told)
                if item.id not in seen and _calendar_of(told, target) == target:
                    seen.add(item.id)
                    yield item
            lo = until

    def _pages(self, path: str, query: Json) -> Iterator[Json]:
        for number in range(1, _PAGES + 1):
            page = self.rest.json("GET", path, query=query | {"page": number})
            data = page.get("data")
            if not isinstance(data, list):
                raise Ended(Result(Outcome.AMBIGUOUS, detail=STRANGE))
            yield from (each for each in data if isinstance(each, dict))
            if not page.get("next_page_url"):
                return
        raise Ended(Result(Outcome.UNKNOWN, detail=BROKEN))

    def _told(self, answer: Json, sent: Json) -> Item:
        data = answer.get("data")
        return _item(sent | data) if isinstance(data, dict) else Item("", {})


def _calendar(told: Json) -> FoundCalendar:
    return FoundCalendar(
        external_id=str(told["id"]),
        name=str(told.get("name") or "Calendar"),
        colour=str(told.get("backgroundcolor") or ""),
        timezone=canonical(str(told.get("timezone") or "")) or "",
        writable=str(told.get("provider_access") or "").lower() not in _READERS,
        primary=told.get("provider_primary") is True,
    )


def _item(told: Json) -> Item:
    key = mark_in(str(told.get("description") or ""))
    return Item(str(told.get("id") or ""), told, key=key, since=str(told.get("created_at") or ""))


def _calendar_of(told: Json, usual: str) -> str:
    within = told.get("calendar")
    named = within.get("id") if isinstance(within, dict) else told.get("calendar_id")
    return str(named or usual)


def _people(told: Any) -> Iterator[Person]:
    """Addresses, or objects that hold one and an answer."""
    for each in told if isinstance(told, list) else ():
        if isinstance(each, str):
            yield Person(each)
        elif isinstance(each, dict) and each.get("email"):
            answer = _RSVP.get(str(each.get("rsvp") or each.get("status") or ""), "needs-action")
            yield Person(str(each["email"]), str(each.get("name") or ""), rsvp=answer)


def _date(text: Any, at: int, home: str) -> int:
    """Wall seconds of the date that a time of an all-day event means; a midnight is the date it begins."""
    plain = day(text)
    return zone(home).day_of(at) * DAY if plain is None else plain


def _said(body: Any) -> Said:
    """{"errors": {field: [texts]}}, or {"error": text}."""
    errors = body.get("errors")
    if isinstance(errors, dict):
        return Said(words="; ".join(words_of(texts) for texts in errors.values()))
    return Said(words=words_of(body.get("error") or body.get("message")))


def from_account(account: Account) -> Timekit:
    key = str(account.credentials().get("api_key", ""))
    manners = Manners(base=(account.server_url or VENDOR).rstrip("/"), said=_said, statuses=DEAD_KEY)
    rest = Paced(manners, lambda: Basic("", key), account.pk)
    return Timekit(rest, CAPABILITY, zones_of(account), marks_of(account))
