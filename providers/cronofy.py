"""Cronofy (API v1): calendars of many services, written by ids of our own choice.

Credentials: {"access_token"}; with {"refresh_token", "expires_s", "client_id", "client_secret"} beside it, the token is
renewed when it ages. `account.server_url` is the address of the data centre the account lives in, without a path, such
as https://api-de.cronofy.com; empty means https://api.cronofy.com.

A write is an upsert by `event_id`, which is our key, and is answered with 202 before the calendar has it: sending it
again is harmless. Events that somebody else made go by their `event_uid`. Guests are entered as attendees only where
the calendar is to invite them, because it does invite whom it is told of.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from bookings.domain.accounts import FoundCalendar
from bookings.domain.calendar import Changes
from bookings.engine.zones import DAY
from bookings.formats.event import DECLINED, EventData, Person, fingerprint
from bookings.models import Account
from providers import oauth
from providers.base import PULL_S, Answer, Capability, Ended, Outcome, Provider, Push, Remote, Result
from providers.http import Bearer
from providers.rest import BROKEN, STRANGE, Json, Manners, Rest, Said
from providers.singles import (
    DELETED_THERE,
    Item,
    Paced,
    bounds,
    date,
    day,
    described,
    ended,
    frozen,
    in_time,
    instant,
    invited,
    marks_of,
    only_one,
    place,
    pulled,
    reading,
    renewed,
    require,
    thawed,
    timed,
    unread,
    utc,
    words_of,
    zones_of,
)

VENDOR = "https://api.cronofy.com"
CAPABILITY = Capability(
    guards_updates=False,
    recurrence=False,
    pull_every_s=120,
    notes=(
        "Single events only: a series stays here.",
        "Events are read from six weeks ago to 201 days ahead, which is as far as Cronofy looks.",
        "What Cronofy has accepted reaches the calendar a little later.",
        "Tentative events look like all others.",
    ),
)
BEHIND_S, AHEAD_S = 41 * DAY, 200 * DAY
"""What is read, around now: a day within what Cronofy keeps."""
_SKEW_S = 300
"""By how much clocks may differ, and changes be late."""
_PAGES = 500
_LONGEST_TITLE, _LONGEST_TEXT = 1024, 4096
_NOT_OURS = "Cronofy does not permit that this event of somebody else is changed."
_NO_RIGHT = "The sign-in does not allow this at Cronofy. Connect the account again, with the right to write events."
_RSVP = {"accepted": "accepted", "declined": "declined", "tentative": "tentative"}


class Cronofy(Provider):
    name = Account.Provider.CRONOFY

    def __init__(self, rest: Rest, account: Account) -> None:
        self.rest = rest
        self.account = account
        self.zone_of = zones_of(account)
        self._marks = marks_of(account)

    @property
    def capability(self) -> Capability:
        return CAPABILITY

    def list_calendars(self) -> list[FoundCalendar]:
        told = reading(lambda: self.rest.json("GET", "/v1/calendars")).get("calendars")
        return [_calendar(each) for each in told or () if not each.get("calendar_deleted")]

    def owner(self) -> str:
        account = reading(lambda: self.rest.json("GET", "/v1/account")).get("account")
        return str(account.get("email") or "") if isinstance(account, dict) else ""

    def health(self) -> Result:
        return ended(lambda: Result(Outcome.OK, status=200) if self.rest.json("GET", "/v1/account") else _strange())

    def renew(self) -> Result:
        return renewed(self.account, service_of(self.account))

    # ── Writing ──

    def freeze(self, push: Push) -> str:
        # What cannot be sent is refused by `create`, which can say why.
        return frozen(push.events[0])

    def create(self, target: str, push: Push, body: str) -> Result:
        return ended(lambda: self._write(target, push, {"event_id": str(push.key)}, thawed(body)))

    def update(self, target: str, push: Push) -> Result:
        return ended(lambda: self._update(target, push))

    def delete(self, target: str, push: Push) -> Result:
        remote_id = push.remote.id or str(push.key)
        return ended(lambda: self._done(target, "DELETE", f"/v1/calendars/{target}/events", _named(remote_id)))

    def find(self, target: str, push: Push) -> Result | None:
        """Only a deletion asks: what may have been accepted under our key is deleted under our key."""
        return Result(Outcome.ADOPT, Remote(str(push.key)), revision=0)

    def rsvp(self, target: str, push: Push, answer: Answer) -> Result:
        if answer.rsvp not in _RSVP:
            detail = "Cronofy takes no answer back; it can only become another one."
            return Result(Outcome.PERMANENT, detail=detail)
        path = f"/v1/calendars/{target}/events/{push.remote.id}/participation_status"
        done = ended(lambda: self._done(target, "POST", path, {"status": answer.rsvp}))
        return replace(done, remote=replace(push.remote, etag="")) if done.is_done else done

    def _update(self, target: str, push: Push) -> Result:
        data = only_one(push, "Cronofy")
        if _is_key(push.remote.id) and self._was_deleted(target, push, data):
            return Result(Outcome.CONFLICT, status=404, detail=DELETED_THERE)
        return self._write(target, push, _named(push.remote.id), data)

    def _was_deleted(self, target: str, push: Push, data: EventData) -> bool:
        """Whether somebody deleted it in the calendar, where writing it again would bring it back."""
        known = [data, *([thawed(push.body)] if push.body else [])]
        times = [bounds(each, self.zone_of(target)) for each in known]
        lo, hi = min(start for start, _ in times) - DAY, max(end for _, end in times) + DAY
        asked = {"only_managed": "true", "include_deleted": "true"}
        told = self._events(target, lo, hi, asked)
        mine = [each for each in told if each.get("event_id") == push.remote.id]
        return bool(mine) and all(each.get("deleted") is True for each in mine)

    def _write(self, target: str, push: Push, named: Json, data: EventData) -> Result:
        only_one(push, "Cronofy")
        body = named | self._body(target, data, push)
        done = self._done(target, "POST", f"/v1/calendars/{target}/events", body)
        [remote_id] = named.values()
        meaning = fingerprint(self._read(target, Item(remote_id, body)))
        return replace(done, remote=Remote(remote_id, fingerprint=meaning))

    def _body(self, target: str, data: EventData, push: Push) -> Json:
        home = self.zone_of(target)
        start, end = bounds(data, home)
        asked = push.notify and push.leads
        last = data.start_wall + max(data.duration, DAY)
        body: Json = {
            "summary": data.title[:_LONGEST_TITLE] or "-",
            "description": described(data, push, guests=not asked, mark=False)[:_LONGEST_TEXT],
            "start": date(data.start_wall) if data.all_day else utc(start),
            "end": date(last) if data.all_day else utc(end),
            "tzid": home if data.all_day or data.floating else data.timezone,
            "location": {"description": place(data)},
            "transparency": "transparent" if data.free_busy_status == "free" else "opaque",
            "event_private": data.privacy != "public",
        }
        guests = [_invitation(person) for person in invited(data) if asked and person.email]
        return body | ({"attendees": {"invite": guests}} if guests else {})

    def _done(self, target: str, method: str, path: str, body: Json) -> Result:
        answer = self.rest.send(method, path, body=body)
        if answer.status in (200, 202, 204):
            return Result(Outcome.OK, status=answer.status)
        result = self.rest.classify(answer)
        if answer.status in (403, 404):
            require(self, target)
        if answer.status == 403:
            theirs = "event_uid" in body
            outcome = Outcome.PERMANENT if theirs else Outcome.AUTH_DEAD
            result = replace(result, outcome=outcome, detail=_NOT_OURS if theirs else _NO_RIGHT)
        raise Ended(result)

    # ── Reading ──

    def changes(self, target: str, token: str, known: Mapping[str, str], limit_s: float = PULL_S) -> Changes:
        """Everything within reach, or (with a token: the time of the last reading) what was modified since."""
        now, deadline = int(time.time()), time.monotonic() + limit_s
        lo, hi = now - BEHIND_S, now + AHEAD_S
        asked = {"include_managed": "true"}
        if token:
            asked |= {"include_deleted": "true", "last_modified": utc(int(token))}
        try:
            items = [_item(told) for told in in_time(self._events(target, lo, hi, asked), deadline)]
        except Ended as end:
            raise unread(self, target, end) from end
        marks = self._marks({item.key for item in items if item.key and item.id not in known})
        objects = pulled(items, lambda item: self._read(target, item), marks)
        removed = [item.id for item in items if item.is_off and item.id in known] if token else []
        following = str(now - _SKEW_S)
        return Changes(objects, removed, complete=not token, token=following, within=None if token else (lo, hi))

    def _events(self, target: str, lo: int, hi: int, asked: Json) -> Iterator[Json]:
        query: Json = {"tzid": "Etc/UTC", "from": utc(lo), "to": utc(hi), "calendar_ids[]": target} | asked
        path = "/v1/events"
        for _ in range(_PAGES):
            page = self.rest.json("GET", path, query=query)
            if not isinstance(page.get("events"), list):
                raise Ended(Result(Outcome.AMBIGUOUS, detail=STRANGE))
            yield from (each for each in page["events"] if isinstance(each, dict))
            pages = page.get("pages")
            path, query = str(pages.get("next_page") or "") if isinstance(pages, dict) else "", {}
            if not path:
                return
        raise Ended(Result(Outcome.UNKNOWN, detail=BROKEN))

    def _read(self, target: str, item: Item) -> EventData:
        told, home = item.raw, self.zone_of(target)
        where = told.get("location")
        declined = told.get("participation_status") == "declined"
        more: dict[str, Any] = {
            "uid": item.id,
            "description": str(told.get("description") or ""),
            "location": str(where.get("description") or "") if isinstance(where, dict) else "",
            "status": "tentative" if told.get("status") == "tentative" else "confirmed",
            "free_busy_status": "free" if declined or told.get("transparency") == "transparent" else "busy",
            "people": tuple(_people(told)),
            "raw": {DECLINED: True} if declined else {},
        }
        title = str(told.get("summary") or "")
        first, last = (day(told[name]) for name in ("start", "end"))
        if first is not None and last is not None:
            return EventData(title, first, home, max(last - first, DAY), all_day=True, **more)
        return timed(title, instant(told["start"], home), instant(told["end"], home), home, **more)


def _calendar(told: Json) -> FoundCalendar:
    names = [str(told.get(name) or "") for name in ("calendar_name", "profile_name")]
    return FoundCalendar(
        external_id=str(told["calendar_id"]),
        name=" – ".join(name for name in names if name) or "Calendar",
        writable=not told.get("calendar_readonly"),
        primary=told.get("calendar_primary") is True,
    )


def _item(told: Json) -> Item:
    """An event made under a key goes by that; the others by the id Cronofy gave them."""
    chosen = str(told.get("event_id") or "")
    off = told.get("deleted") is True or told.get("status") == "cancelled"
    if not _is_key(chosen):
        return Item(str(told.get("event_uid") or ""), told, is_off=off)
    return Item(chosen, told, key=uuid.UUID(chosen).hex, is_off=off)


def _named(remote_id: str) -> Json:
    return {"event_id": remote_id} if _is_key(remote_id) else {"event_uid": remote_id}


def _is_key(remote_id: str) -> bool:
    try:
        return str(uuid.UUID(remote_id)) == remote_id
    except ValueError:
        return False


def _invitation(person: Person) -> Json:
    return {"email": person.email} | ({"display_name": person.name} if person.name else {})


def _people(told: Json) -> Iterator[Person]:
    organizer = told.get("organizer")
    if isinstance(organizer, dict) and organizer.get("email"):
        yield Person(str(organizer["email"]), str(organizer.get("display_name") or ""), role="owner", rsvp="accepted")
    guests = told.get("attendees")
    for each in guests if isinstance(guests, list) else ():
        if isinstance(each, dict) and each.get("email"):
            answer = _RSVP.get(str(each.get("status")), "needs-action")
            yield Person(str(each["email"]), str(each.get("display_name") or ""), rsvp=answer)


def _strange() -> Result:
    return Result(Outcome.AMBIGUOUS, detail=STRANGE)


def _said(body: Any) -> Said:
    """{"errors": {path: [{"key", "description"}]}}"""
    told = [(path, each) for path, some in body["errors"].items() for each in some]
    words = (f"{path}: {words_of(each.get('description') or each.get('key'))}" for path, each in told)
    return Said(words="; ".join(words))


def service_of(account: Account) -> oauth.Service:
    """Where an account's token is renewed and given back."""
    held, base = account.credentials(), _base(account)
    return oauth.Service(
        "Cronofy",
        "https://app.cronofy.com/oauth/authorize",
        f"{base}/oauth/token",
        f"{base}/oauth/token/revoke",
        client_id=str(held.get("client_id", "")),
        client_secret=str(held.get("client_secret", "")),
    )


def _base(account: Account) -> str:
    return (account.server_url or VENDOR).rstrip("/")


def leave(account: Account) -> None:
    """Give the tokens of an account back that is disconnected."""
    oauth.revoke(service_of(account), account.credentials())


def from_account(account: Account) -> Cronofy:
    statuses = {402: Outcome.PERMANENT, 403: Outcome.AUTH_DEAD}
    manners = Manners(_base(account), said=_said, statuses=statuses)

    def bearer() -> Bearer:
        return Bearer(oauth.access_token(account, service_of(account)))

    return Cronofy(Paced(manners, bearer, account.pk), account)
