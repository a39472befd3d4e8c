"""LeadConnector (HighLevel, version 2021-04-15): bookings as appointments of a location's calendars.

Credentials: {"token"}, a private integration token, and {"location_id"}; or, instead of the token, {"access_token",
"refresh_token", "expires_s", "client_id", "client_secret"} of an app, whose returned pair is always kept. Needed are
the scopes calendars.readonly, calendars/events.write, calendars/events.readonly and contacts.write.
`account.server_url` is the address without a path; empty means https://services.leadconnectorhq.com.

An appointment is with a contact: the first guest, else the owner of the calendar. It cannot change its contact. Nobody
is notified (`toNotify` false) and no slot is checked (our own calendar has decided). Taking an event away cancels the
appointment, so that its history stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bookings.domain.accounts import FoundCalendar
from bookings.formats.event import EventData, Person
from bookings.models import Account
from providers import oauth
from providers.base import Capability, Ended, Outcome, Push, Result
from providers.http import Bearer, Response
from providers.rest import STRANGE, Json, Manners, Rest, Said
from providers.singles import (
    DEAD_KEY,
    Item,
    Paced,
    bounds,
    described,
    instant,
    invited,
    mark_in,
    marks_of,
    nest_said,
    number,
    place,
    reading,
    renewed,
    timed,
    unmarked,
    with_offset,
    zones_of,
)
from providers.tagged import Tagged

VENDOR = "https://services.leadconnectorhq.com"
VERSION = "2021-04-15"
CAPABILITY = Capability(
    keyed_create=False,
    guards_updates=False,
    rsvp=False,
    incremental=False,
    recurrence=False,
    lag_s=60,
    pull_every_s=120,
    notes=(
        "Single appointments only: a series stays here.",
        "All-day events become appointments from midnight to midnight.",
        "An appointment keeps the contact it was made with.",
        "Invitations cannot be answered.",
    ),
)
BLOCK = "block-slots/"
"""Before the ids of blocked times, which are no appointments."""
_OFF = ("cancelled", "invalid")
_APPOINTMENTS = "/calendars/events/appointments"
_BLOCKS = "/calendars/events/block-slots"
_GONE = "not_found"


class LeadConnector(Tagged):
    name = Account.Provider.LEADCONNECTOR
    title = "LeadConnector"

    def __init__(self, rest: Rest, account: Account, location_id: str) -> None:
        super().__init__(rest, CAPABILITY, zones_of(account), marks_of(account))
        self.account = account
        self.location_id = location_id

    def list_calendars(self) -> list[FoundCalendar]:
        asked = {"locationId": self.location_id}
        told = reading(lambda: self.rest.json("GET", "/calendars/", query=asked)).get("calendars")
        return [_calendar(each) for each in told or () if isinstance(each, dict) and each.get("id")]

    def renew(self) -> Result:
        return renewed(self.account, service_of(self.account))

    # ── Words ──

    def body(self, target: str, data: EventData, push: Push) -> Json:
        home = self.zone_of(target)
        start, end = bounds(data, home)
        tzid = home if data.all_day or data.floating else data.timezone
        where = place(data)
        body: Json = {
            "startTime": with_offset(start, tzid),
            "endTime": with_offset(end, tzid),
            "title": data.title,
            "description": described(data, push, guests=len(invited(data)) > 1),
            "appointmentStatus": "new" if data.status == "tentative" else "confirmed",
            "ignoreDateRange": True,
            "ignoreFreeSlotValidation": True,
            "toNotify": False,
            "contact": self._contact(data),
        }
        located = {"address": where, "meetingLocationType": "custom", "overrideLocationConfig": True}
        return body | (located if where else {})

    def _contact(self, data: EventData) -> Json:
        owner = Person(self.account.host.email, self.account.host.name)
        person = next((one for one in invited(data) if one.email or one.phone), owner)
        told = {"email": person.email, "name": person.name or person.email, "phone": person.phone}
        return {name: value for name, value in told.items() if value}

    def read(self, target: str, item: Item) -> EventData:
        told, home = item.raw, self.zone_of(target)
        text = str(told.get("description") or "")
        return timed(
            str(told.get("title") or ""),
            instant(told["startTime"], home),
            instant(told["endTime"], home),
            home,
            uid=item.id,
            description=unmarked(text) if item.key else text,
            location=str(told.get("address") or ""),
            status="tentative" if told.get("appointmentStatus") == "new" else "confirmed",
        )

    # ── Calls ──

    def make(self, target: str, body: Json) -> Item:
        appointment = {name: value for name, value in body.items() if name != "contact"}
        appointment |= {"calendarId": target, "locationId": self.location_id}
        appointment["contactId"] = self._contact_id(body["contact"])
        return _item(appointment | self.rest.json("POST", _APPOINTMENTS, body=appointment))

    def _contact_id(self, contact: Json) -> str:
        """The contact of that address or number, made when there is none: the service compares by itself."""
        sent = contact | {"locationId": self.location_id}
        told = self.rest.json("POST", "/contacts/upsert", body=sent).get("contact")
        if not isinstance(told, dict) or not told.get("id"):
            raise Ended(Result(Outcome.TRANSIENT, detail="The service did not say which contact that is."))
        return str(told["id"])

    def current(self, target: str, push: Push) -> Item | None:
        remote_id = push.remote.id
        if remote_id.startswith(BLOCK):
            return None
        told = self.rest.json("GET", f"{_APPOINTMENTS}/{remote_id}")
        event = told.get("event", told.get("appointment"))
        return _item(event if isinstance(event, dict) else {})

    def change(self, target: str, push: Push, body: Json) -> Item:
        remote_id = push.remote.id
        if remote_id.startswith(BLOCK):
            sent = {name: body[name] for name in ("title", "startTime", "endTime")} | {"calendarId": target}
            sent["locationId"] = self.location_id
            path = f"{_BLOCKS}/{remote_id.removeprefix(BLOCK)}"
            return _blocked(sent | self.rest.json("PUT", path, body=sent))
        sent = {name: value for name, value in body.items() if name != "contact"} | {"calendarId": target}
        return _item(sent | self.rest.json("PUT", f"{_APPOINTMENTS}/{remote_id}", body=sent))

    def cancel(self, target: str, remote_id: str) -> None:
        if remote_id.startswith(BLOCK):
            self.rest.json("DELETE", f"/calendars/events/{remote_id.removeprefix(BLOCK)}", body={})
            return
        sent = {"appointmentStatus": "cancelled", "toNotify": False}
        self.rest.json("PUT", f"{_APPOINTMENTS}/{remote_id}", body=sent)

    def items(self, target: str, lo: int, hi: int) -> Iterator[Item]:
        asked = {"locationId": self.location_id, "calendarId": target, "startTime": lo * 1000, "endTime": hi * 1000}
        for path, as_item in (("/calendars/events", _item), ("/calendars/blocked-slots", _blocked)):
            told = self.rest.json("GET", path, query=asked).get("events")
            if not isinstance(told, list):
                raise Ended(Result(Outcome.AMBIGUOUS, detail=STRANGE))
            yield from (as_item(each) for each in told if isinstance(each, dict))


def _calendar(told: Json) -> FoundCalendar:
    return FoundCalendar(
        external_id=str(told["id"]),
        name=str(told.get("name") or "Calendar"),
        colour=str(told.get("eventColor") or ""),
        writable=told.get("isActive") is not False,
    )


def _item(told: Json) -> Item:
    key = mark_in(str(told.get("description") or ""))
    off = told.get("appointmentStatus") in _OFF or told.get("deleted") is True
    return Item(str(told.get("id") or ""), told, key=key, is_off=off, since=str(told.get("dateAdded") or ""))


def _blocked(told: Json) -> Item:
    return Item(f"{BLOCK}{told.get('id') or ''}", told, is_off=told.get("deleted") is True)


def _said(body: Any) -> Said:
    """Some refusals of ids that are gone come as 400 with words."""
    words = nest_said(body).words
    return Said(_GONE if "not found" in words.lower() and "calendar" not in words.lower() else "", words)


def _wait(answer: Response) -> int | None:
    return answer.retry_after or -(-(number(answer.header("x-ratelimit-interval-milliseconds")) or 0) // 1000) or None


def _left(answer: Response) -> int | None:
    return number(answer.header("x-ratelimit-remaining"))


def service_of(account: Account) -> oauth.Service:
    """Where the token of an app is renewed."""
    held = account.credentials()
    return oauth.Service(
        "LeadConnector",
        "https://marketplace.leadconnectorhq.com/oauth/chooselocation",
        f"{_base(account)}/oauth/token",
        client_id=str(held.get("client_id", "")),
        client_secret=str(held.get("client_secret", "")),
        token_parameters={"user_type": "Location"},
    )


def _base(account: Account) -> str:
    return (account.server_url or VENDOR).rstrip("/")


def from_account(account: Account) -> LeadConnector:
    held = account.credentials()
    token = str(held.get("token", ""))

    def bearer() -> Bearer:
        return Bearer(token or oauth.access_token(account, service_of(account)))

    manners = Manners(
        base=_base(account),
        headers={"Version": VERSION},
        said=_said,
        codes={_GONE: Outcome.CONFLICT},
        statuses=DEAD_KEY if token else {},
        wait=_wait,
    )
    return LeadConnector(Paced(manners, bearer, account.pk, _left), account, str(held.get("location_id", "")))
