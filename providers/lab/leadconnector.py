"""A double of LeadConnector: contacts, calendars, appointments and blocked slots of one location, 100 calls in 10 s."""

from __future__ import annotations

import time
from typing import Any

from providers.lab.double import Asked, Told, route
from providers.lab.renewing import TOKENS, Renews
from providers.lab.strict import (
    Held,
    Json,
    Meter,
    Rule,
    body_of,
    faults,
    flag,
    instant,
    mail,
    moment,
    one_of,
    text,
    zulu,
)

LOCATION = "ve9EPM428h8vShlRW1KT"
_STATUS = one_of("new", "confirmed", "cancelled", "showed", "noshow", "invalid")
_CHANGED: dict[str, Rule] = {
    "calendarId": text(64, filled=True),
    "startTime": moment,
    "endTime": moment,
    "title": text(1024),
    "description": text(),
    "meetingLocationType": one_of("custom", "zoom", "gmeet", "phone", "address", "ms_teams", "google"),
    "meetingLocationId": text(64),
    "overrideLocationConfig": flag,
    "appointmentStatus": _STATUS,
    "assignedUserId": text(64),
    "address": text(1024),
    "ignoreDateRange": flag,
    "toNotify": flag,
    "ignoreFreeSlotValidation": flag,
    "rrule": text(2048),
}
_NEW = _CHANGED | {"locationId": text(64, filled=True), "contactId": text(64, filled=True)}
_REQUIRED = ("calendarId", "locationId", "contactId", "startTime")
_CONTACT: dict[str, Rule] = {
    "locationId": text(64, filled=True),
    "email": mail,
    "phone": text(50, filled=True),
    "name": text(200),
    "firstName": text(100),
    "lastName": text(100),
}
_BLOCK: dict[str, Rule] = {
    name: _NEW[name] for name in ("calendarId", "assignedUserId", "locationId", "title", "startTime", "endTime")
}
_ORDERS = ("ignoreDateRange", "toNotify", "ignoreFreeSlotValidation", "overrideLocationConfig")
_HALF_AN_HOUR = 1800


class LeadConnectorDouble(Renews):
    name = "leadconnector"

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        self.contacts: dict[str, Json] = {}
        self.blocks: set[str] = set()
        self.meter = Meter(100, 10)

    def times(self, start_s: int, end_s: int) -> Json:
        return {"startTime": zulu(start_s), "endTime": zulu(end_s)}

    def span(self, fields: Json) -> tuple[int, int]:
        start = instant(fields["startTime"])
        return start, instant(fields["endTime"]) if fields.get("endTime") else start + _HALF_AN_HOUR

    def new_id(self, number: int) -> str:
        return f"{number:06d}ghlEventAbCdEf"

    def entered(self) -> Json:
        return {"appointmentStatus": "confirmed", "description": "", "address": "", "contactId": ""}

    def is_off(self, held: Held) -> bool:
        return held.fields.get("appointmentStatus") in ("cancelled", "invalid")

    def block(self, calendar: str, title: str, start_s: int, end_s: int) -> str:
        """Somebody blocks time; returns its id."""
        made = self.add(calendar, title, start_s, end_s)
        self.blocks.add(made)
        return made

    def call_off(self, event_id: str) -> None:
        """Somebody cancels an appointment, which stays on record."""
        self.edit(event_id, appointmentStatus="cancelled")

    def admit(self, asked: Asked) -> Told | None:
        if asked.path == TOKENS:
            return None
        if asked.bearer not in self.keys:
            return _error(401, "Invalid JWT", "Unauthorized")
        if not asked.headers.get("version"):
            return _error(401, "version header was not found.", "Unauthorized")
        if not self.meter.spend(1):
            return _error(429, "Too Many Requests", "Too Many Requests")
        return None

    def handle(self, asked: Asked) -> Told:
        told = super().handle(asked)
        allowance = {
            "x-ratelimit-max": str(self.meter.most),
            "x-ratelimit-remaining": str(self.meter.left),
            "x-ratelimit-interval-milliseconds": str(self.meter.seconds * 1000),
        }
        return Told(told.status, told.body, {**allowance, **told.headers})

    def lost(self, asked: Asked) -> Told:
        return _error(404, f"Cannot {asked.method} {asked.path}", "Not Found")

    # ── Calendars and contacts ──

    @route("GET", "/calendars/")
    def calendars(self, asked: Asked) -> Told:
        if asked.get("locationId") != LOCATION:
            return _foreign()
        told = [
            {"id": place.id, "locationId": LOCATION, "name": place.name, "isActive": place.writable}
            for place in self.places.values()
        ]
        return Told(200, {"calendars": told})

    @route("POST", "/contacts/upsert")
    def upsert(self, asked: Asked) -> Told:
        body = body_of(asked) or {}
        if wrong := faults(body, _CONTACT, ("locationId",)):
            return _invalid(wrong)
        if body["locationId"] != LOCATION:
            return _foreign()
        same = [("email", body.get("email", "").lower()), ("phone", body.get("phone", ""))]
        known = next(
            (one for one in self.contacts.values() for name, value in same if value and one.get(name) == value), None
        )
        contact = known if known is not None else {"id": f"{len(self.contacts) + 1:06d}ghlContactAbCd"}
        contact |= body | ({"email": body["email"].lower()} if "email" in body else {})
        self.contacts[contact["id"]] = contact
        return Told(200 if known is not None else 201, {"new": known is None, "contact": contact})

    # ── Appointments ──

    @route("POST", "/calendars/events/appointments")
    def make(self, asked: Asked) -> Told:
        body = body_of(asked) or {}
        if wrong := faults(body, _NEW, _REQUIRED):
            return _invalid(wrong)
        if refusal := self._refusal(body):
            return refusal
        if body["contactId"] not in self.contacts:
            return _error(400, "The contact id is invalid")
        if not body.get("ignoreFreeSlotValidation") and self._is_taken(body):
            return _error(400, "The slot you have selected is no longer available.")
        self._notify(body)
        fields = {name: value for name, value in body.items() if name not in _ORDERS}
        held = self.keep(body["calendarId"], self.entered() | fields)
        return Told(200, self._shown(held))

    @route("GET", "/calendars/events/appointments/{event}")
    def one(self, asked: Asked, event: str) -> Told:
        held = self._appointment(event)
        return Told(200, {"event": self._shown(held)}) if held else _missing()

    @route("PUT", "/calendars/events/appointments/{event}")
    def update(self, asked: Asked, event: str) -> Told:
        held, body = self._appointment(event), body_of(asked) or {}
        if wrong := faults(body, _CHANGED):
            return _invalid(wrong)
        if held is None:
            return _missing()
        if refusal := self._refusal({"calendarId": held.calendar} | body):
            return refusal
        moved = "startTime" in body and not body.get("ignoreFreeSlotValidation")
        if moved and self._is_taken(held.fields | body, besides=held.id):
            return _error(400, "The slot you have selected is no longer available.")
        self._notify(held.fields | {"toNotify": True} | body)
        self.change(held, {name: value for name, value in body.items() if name not in _ORDERS})
        return Told(200, self._shown(held))

    @route("DELETE", "/calendars/events/{event}")
    def delete(self, asked: Asked, event: str) -> Told:
        if self.found(event) is None:
            return _missing()
        self.remove(event)
        return Told(201, {"succeeded": True})

    @route("GET", "/calendars/events")
    def events_of(self, asked: Asked) -> Told:
        return self._list(asked, blocks=False)

    # ── Blocked slots ──

    @route("GET", "/calendars/blocked-slots")
    def blocked(self, asked: Asked) -> Told:
        return self._list(asked, blocks=True)

    @route("PUT", "/calendars/events/block-slots/{event}")
    def change_block(self, asked: Asked, event: str) -> Told:
        body = body_of(asked) or {}
        if wrong := faults(body, _BLOCK):
            return _invalid(wrong)
        held = self.found(event)
        if held is None or event not in self.blocks:
            return _missing()
        self.change(held, body)
        return Told(201, self._shown(held))

    # ── What they share ──

    def _appointment(self, event: str) -> Held | None:
        return None if event in self.blocks else self.found(event)

    def _list(self, asked: Asked, *, blocks: bool) -> Told:
        bounds = [asked.get("startTime"), asked.get("endTime")]
        if not all(len(bound) == 13 and bound.isdigit() for bound in bounds):
            return _invalid({"startTime": "must be epoch milliseconds"})
        calendar = asked.get("calendarId")
        if asked.get("locationId") != LOCATION:
            return _foreign()
        if calendar not in self.places:
            return _error(400, "The calendar id is invalid")
        lo, hi = (int(bound) // 1000 for bound in bounds)
        found = [held for held in self.within(lo, hi, [calendar]) if (held.id in self.blocks) == blocks]
        return Told(200, {"events": [self._shown(held) for held in found if not held.deleted], "traceId": "lab"})

    def _refusal(self, body: Json) -> Told | None:
        if body.get("locationId", LOCATION) != LOCATION:
            return _foreign()
        place = self.places.get(body["calendarId"])
        if place is None:
            return _error(400, "The calendar id is invalid")
        return None if place.writable else _error(400, "The calendar is inactive.")

    def _is_taken(self, fields: Json, besides: str = "") -> bool:
        lo, hi = self.span(fields)
        there = self.within(lo, hi, [fields["calendarId"]])
        return any(held.id != besides and not held.deleted and not self.is_off(held) for held in there)

    def _notify(self, body: Json) -> None:
        if body.get("toNotify", True):
            self.mailed.append(self.contacts.get(body.get("contactId", ""), {}).get("email", ""))

    def _shown(self, held: Held) -> Json:
        told = {
            "id": held.id,
            "calendarId": held.calendar,
            "locationId": LOCATION,
            "isRecurring": False,
            "dateAdded": zulu(held.made),
            "dateUpdated": zulu(held.changed),
        }
        start, end = self.span(held.fields)
        return told | held.fields | {"endTime": held.fields.get("endTime") or zulu(end), "traceId": f"{start}"}


def _error(status: int, message: Any, name: str = "") -> Told:
    told = {"statusCode": status, "message": message, "traceId": str(int(time.time()))}
    return Told(status, told | ({"error": name} if name else {}))


def _invalid(wrong: dict[str, str]) -> Told:
    return _error(422, [f"{name} {words}" for name, words in wrong.items()], "Unprocessable Entity")


def _missing() -> Told:
    return _error(404, "Appointment not found", "Not Found")


def _foreign() -> Told:
    return _error(403, "The token does not have access to this location.", "Forbidden")
