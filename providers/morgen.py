"""Morgen (API v3, and the older sync service v1): calendars of other services behind one interface of JSCalendar.

Credentials: {"api_key"} for `Authorization: ApiKey …`, or {"access_token"} for a bearer. `account.server_url` is the
address with its version; empty means https://api.morgen.so/v3. A calendar's external id is `<accountId>|<calendarId>`,
since v3 wants both with every call.

A user has 100 points in 15 minutes, a list costs ten and anything else one; so most readings list the next months
only, and the whole horizon is read once a day. Lists leave out deleted events: what a complete one lacks is gone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from bookings.domain.accounts import FoundCalendar
from bookings.domain.busy import horizon
from bookings.engine.zones import DAY, canonical, zone
from bookings.formats.event import DECLINED, EventData
from bookings.formats.jscalendar import from_jscalendar
from bookings.formats.times import duration, local
from bookings.models import Account, Calendar
from providers.base import Answer, Capability, Ended, Outcome, Push, Result
from providers.http import Bearer, Response
from providers.rest import STRANGE, Json, Manners, Rest, decoded
from providers.singles import (
    DEAD_KEY,
    Item,
    Paced,
    described,
    ended,
    invited,
    mark_in,
    marks_of,
    nest_said,
    number,
    place,
    reading,
    stretches,
    unmarked,
    utc,
    zones_of,
)
from providers.tagged import Tagged

VENDOR = "https://api.morgen.so/v3"
ANSWERS_AT = "https://sync.morgen.so/v1"
"""Invitations are answered at the older service only, which takes the same keys."""
CAPABILITY = Capability(
    keyed_create=False,
    guards_updates=False,
    incremental=False,
    recurrence=False,
    lag_s=60,
    pull_every_s=300,
    notes=(
        "Single events only: Morgen changes series one occurrence at a time.",
        "Virtual rooms cannot be taken away again, so none is asked for there.",
        "The coming six months are read often, later ones once a day, as Morgen allows few calls.",
    ),
)
SPACING_S = 180
"""A list of one calendar each so many seconds uses half of what may be called; the rest is for writing."""
_LONGEST_S = 180 * DAY
_NEAR = "near"
_VERBS = {"accepted": "accept", "declined": "decline", "tentative": "tentativelyAccept"}
_SINGLE = {"seriesUpdateMode": "single"}


@dataclass(frozen=True)
class ApiKey(Bearer):
    def header(self) -> str:
        return f"ApiKey {self.token}"


class Morgen(Tagged):
    name = Account.Provider.MORGEN
    title = "Morgen"
    tells_guests = True

    def __init__(self, rest: Rest, answers: Rest, capability: Capability, account: Account) -> None:
        super().__init__(rest, capability, zones_of(account), marks_of(account))
        self.answers = answers

    def list_calendars(self) -> list[FoundCalendar]:
        told = reading(lambda: _data(self.rest.json("GET", "/calendars/list"))).get("calendars")
        return [_calendar(each) for each in told or () if isinstance(each, dict) and each.get("id")]

    def stretch(self, token: str) -> tuple[int, int, str]:
        lo, hi = horizon()
        near = int(time.time()) - DAY
        return (near, near + _LONGEST_S, _NEAR) if token == _NEAR else (lo, hi, _NEAR)

    # ── Words ──

    def body(self, target: str, data: EventData, push: Push) -> Json:
        tzid = None if data.all_day or data.floating else data.timezone
        start = data.start_wall if tzid is None else zone(tzid).to_wall(zone(tzid).to_utc(data.start_wall))
        asked = push.notify and push.leads
        where = place(data)
        body: Json = {
            "title": data.title,
            "description": described(data, push, guests=not asked),
            "descriptionContentType": "text/plain",
            "start": local(start),
            "timeZone": tzid,
            "duration": duration(data.duration, days=data.all_day),
            "showWithoutTime": data.all_day,
            "freeBusyStatus": "free" if data.free_busy_status == "free" else "busy",
            "privacy": data.privacy,
            "locations": {"1": {"@type": "Location", "name": where}} if where else {},
        }
        return body | ({"participants": _participants(data)} if asked else {})

    def read(self, target: str, item: Item) -> EventData:
        one_of_many = ("recurrenceRules", "excludedRecurrenceRules", "recurrenceOverrides", "recurrenceId")
        told = {name: value for name, value in item.raw.items() if name not in one_of_many and ":" not in name}
        data = from_jscalendar(told, default_timezone=self.zone_of(target))
        mine = _own_part(item.raw)[1]
        declined = mine.get("participationStatus") == "declined"
        # Every occurrence of a series has the uid of the series, and its own id.
        own = item.key or item.raw.get("recurrenceId")
        return replace(
            data,
            uid=item.id if own or not data.uid else data.uid,
            description=unmarked(data.description) if item.key else data.description,
            free_busy_status="free" if declined else data.free_busy_status,
            raw={DECLINED: True} if declined else {},
        )

    # ── Calls ──

    def make(self, target: str, body: Json) -> Item:
        sent = self._named(target) | body
        return _told(self.rest.send("POST", "/events/create", body=sent), self, sent)

    def current(self, target: str, push: Push) -> Item | None:
        if not (push.notify and push.leads):
            return None
        return _item(_data(self.rest.json("GET", "/events/", query={"id": push.remote.id})).get("event"))

    def change(self, target: str, push: Push, body: Json) -> Item:
        sent = self._named(target) | {"id": push.remote.id} | body
        return _told(self.rest.send("POST", "/events/update", query=_SINGLE, body=sent), self, sent)

    def cancel(self, target: str, remote_id: str) -> None:
        sent = self._named(target) | {"id": remote_id}
        answer = self.rest.send("POST", "/events/delete", query=_SINGLE, body=sent)
        if answer.status >= 300:
            raise Ended(self.rest.classify(answer))

    def items(self, target: str, lo: int, hi: int) -> Iterator[Item]:
        account_id, calendar_id = _ids(target)
        seen = set[str]()
        for start, end in stretches(lo, hi, _LONGEST_S):
            asked = {"calendarIds": calendar_id, "accountId": account_id, "start": utc(start), "end": utc(end)}
            told = _data(self.rest.json("GET", "/events/list", query=asked)).get("events")
            if not isinstance(told, list):
                raise Ended(Result(Outcome.AMBIGUOUS, detail=STRANGE))
            for each in told:
                item = _item(each)
                if item.id not in seen:
                    seen.add(item.id)
                    yield item

    def rsvp(self, target: str, push: Push, answer: Answer) -> Result:
        return ended(lambda: self._rsvp(target, push, answer))

    def _rsvp(self, target: str, push: Push, answer: Answer) -> Result:
        """Answer, unless that answer is there already: the organiser is to hear of it once."""
        now = self.rest.json("GET", "/events/", query={"id": push.remote.id})
        event = _data(now).get("event")
        mine = _own_part(event if isinstance(event, dict) else {})[1]
        if not mine:
            return Result(Outcome.PERMANENT, detail="The owner of this calendar is not among the guests.")
        if mine.get("participationStatus") == answer.rsvp:
            return Result(Outcome.OK, push.remote)
        if answer.rsvp not in _VERBS:
            return Result(Outcome.PERMANENT, detail="Morgen takes no answer back; it can only become another one.")
        said: Json = {"id": push.remote.id, "notifyOrganizer": answer.notify}
        said |= {"comment": answer.comment} if answer.comment else {}
        told = self.answers.send("POST", f"/events/{_VERBS[answer.rsvp]}", query=_SINGLE, body=said)
        if told.status >= 300:
            return self.rest.classify(told)
        return Result(Outcome.OK, replace(push.remote, etag=""), status=told.status)

    def _named(self, target: str) -> Json:
        account_id, calendar_id = _ids(target)
        return {"accountId": account_id, "calendarId": calendar_id}


def _ids(target: str) -> tuple[str, str]:
    account_id, _, calendar_id = target.partition("|")
    return account_id, calendar_id


def _data(answer: Json) -> Json:
    data = answer.get("data")
    if not isinstance(data, dict):
        raise Ended(Result(Outcome.AMBIGUOUS, detail=STRANGE))
    return data


def _told(answer: Response, provider: Morgen, sent: Json) -> Item:
    """The event of an answer; some say only that it was done (204)."""
    if answer.status >= 300:
        raise Ended(provider.rest.classify(answer))
    data = decoded(answer).get("data")
    event = data.get("event", data) if isinstance(data, dict) else {}
    return _item(sent | event if isinstance(event, dict) else sent)


def _item(told: Any) -> Item:
    told = told if isinstance(told, dict) else {}
    key = mark_in(str(told.get("description") or ""))
    off = told.get("status") == "cancelled"
    return Item(str(told.get("id") or ""), told, key=key, is_off=off, since=str(told.get("created") or ""))


def _calendar(told: Json) -> FoundCalendar:
    rights = told.get("myRights") if isinstance(told.get("myRights"), dict) else {}
    named = told.get("morgen.so:metadata") or {}
    return FoundCalendar(
        external_id=f"{told.get('accountId', '')}|{told['id']}",
        name=str(named.get("overrideName") or told.get("name") or "Calendar"),
        colour=str(told.get("color") or ""),
        timezone=canonical(str(told.get("timeZone") or "")) or "",
        writable=bool(rights.get("mayWriteAll") or rights.get("mayWriteOwn")) if rights else True,
    )


def _participants(data: EventData) -> Json:
    return {
        person.email: {
            "@type": "Participant",
            "name": person.name,
            "email": person.email,
            "roles": {"attendee": True},
            "participationStatus": person.rsvp,
        }
        for person in invited(data)
        if person.email
    }


def _own_part(told: Json) -> tuple[str, Json]:
    """The account owner among the participants, with the key; ("", {}) when they take no part."""
    people = told.get("participants")
    entries = people.items() if isinstance(people, dict) else ()
    return next(((key, one) for key, one in entries if isinstance(one, dict) and one.get("accountOwner")), ("", {}))


def _wait(answer: Response) -> int | None:
    return answer.retry_after or number(answer.header("RateLimit-Reset"))


def _left(answer: Response) -> int | None:
    return number(answer.header("RateLimit-Remaining"))


def from_account(account: Account) -> Morgen:
    held = account.credentials()
    key, token = str(held.get("api_key", "")), str(held.get("access_token", ""))
    credential = ApiKey(key) if key else Bearer(token)
    base = (account.server_url or VENDOR).rstrip("/")

    def calls(base: str) -> Rest:
        return Paced(
            Manners(base=base, said=nest_said, statuses=DEAD_KEY, wait=_wait), lambda: credential, account.pk, _left
        )

    calendars = Calendar.everywhere.filter(account=account).count()
    spaced = replace(CAPABILITY, pull_every_s=max(CAPABILITY.pull_every_s, SPACING_S * calendars))
    return Morgen(calls(base), calls(ANSWERS_AT if base == VENDOR else base), spaced, account)
