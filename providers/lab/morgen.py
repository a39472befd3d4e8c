"""A double of Morgen's API v3: strict about its properties, 100 points in 15 minutes, deleted events left out."""

from __future__ import annotations

import base64
import json
import re
from calendar import monthrange
from datetime import UTC, datetime
from typing import Any

from bookings.engine.zones import zone
from bookings.formats.times import duration, local, read_duration, read_local
from providers.lab.double import Asked, Told, route
from providers.lab.strict import (
    DAY,
    Book,
    Held,
    Json,
    Meter,
    Rule,
    body_of,
    each,
    empty,
    every,
    faults,
    flag,
    instant,
    mail,
    one_of,
    shape,
    text,
    tzid,
    zulu,
)

ACCOUNT = "64a1b2c3d4e5f60718293a4b"
_QUARTET = ("start", "duration", "timeZone", "showWithoutTime")
_REQUIRED = ("accountId", "calendarId", "title", "start", "duration", "showWithoutTime")
_DURATION = re.compile(r"P(\d+W)?(\d+D)?(T(\d+H)?(\d+M)?(\d+S)?)?", re.ASCII)


def _start(value: Any) -> str:
    fits = isinstance(value, str) and len(value) == 19 and read_local(value) is not None
    return "" if fits else "must be a local date-time of 19 characters"


def _duration(value: Any) -> str:
    fits = isinstance(value, str) and len(value) > 2 and _DURATION.fullmatch(value)
    return "" if fits else "must be an ISO 8601 duration"


def _zone(value: Any) -> str:
    return "" if value is None else tzid(value)


_STATUS = one_of("needs-action", "accepted", "declined", "tentative")
_PERSON_RULES: dict[str, Rule] = {
    "@type": one_of("Participant"),
    "name": text(),
    "email": mail,
    "roles": every(flag),
    "participationStatus": _STATUS,
    "accountOwner": flag,
}
_PERSON = shape(("email",), **_PERSON_RULES)
_RULES: dict[str, Rule] = {
    "id": text(1024, filled=True),
    "accountId": text(64, filled=True),
    "calendarId": text(1024, filled=True),
    "title": text(),
    "description": text(),
    "descriptionContentType": one_of("text/plain", "text/html"),
    "start": _start,
    "duration": _duration,
    "timeZone": _zone,
    "showWithoutTime": flag,
    "freeBusyStatus": one_of("free", "busy"),
    "privacy": one_of("public", "private", "secret"),
    "locations": every(shape(("name",), **{"@type": one_of("Location")}, name=text())),
    "participants": every(_PERSON),
    "alerts": every(lambda value: ""),
    "useDefaultAlerts": flag,
    "recurrenceRules": each(shape(**{"@type": text()}, frequency=text(), count=lambda value: "", until=text())),
    "google.com:colorId": one_of(*map(str, range(1, 12))),
    "morgen.so:requestVirtualRoom": one_of("default", "googleMeet", "microsoftTeams"),
}
_NAMED = ("id", "accountId", "calendarId")


class MorgenDouble(Book):
    name = "morgen"

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        self.meter = Meter(100, 900)

    def times(self, start_s: int, end_s: int) -> Json:
        return {"start": local(start_s), "timeZone": "UTC", "duration": duration(end_s - start_s)}

    def span(self, fields: Json) -> tuple[int, int]:
        days, seconds = read_duration(fields["duration"]) or (0, 0)
        start = zone(fields.get("timeZone") or "UTC").to_utc(read_local(fields["start"]) or 0)
        return start, start + days * DAY + seconds

    def new_id(self, number: int) -> str:
        parts = json.dumps(["host@example.org", f"provider-{number}", ACCOUNT], separators=(",", ":"))
        return base64.urlsafe_b64encode(parts.encode()).decode().rstrip("=")

    def entered(self) -> Json:
        return {"showWithoutTime": False, "freeBusyStatus": "busy", "privacy": "public", "description": ""}

    def invite(self, event_id: str, organiser: str, owner: str) -> None:
        """Somebody invites the owner of the account to an event that is there."""
        people: dict[str, Json] = {
            "1": {"@type": "Participant", "email": organiser, "roles": {"owner": True}},
            "2": {"@type": "Participant", "email": owner, "roles": {"attendee": True}, "accountOwner": True},
        }
        people["2"]["participationStatus"] = "needs-action"
        self.edit(event_id, participants=people)

    def admit(self, asked: Asked) -> Told | None:
        kind, _, key = asked.headers.get("authorization", "").partition(" ")
        if kind not in ("ApiKey", "Bearer") or key not in self.keys:
            return _error(401, "Unauthorized")
        if not self.meter.spend(10 if asked.path.endswith("/list") else 1):
            return Told(
                429, _words(429, "Too many requests"), self._allowance() | {"Retry-After": str(self.meter.reset_s)}
            )
        return None

    def handle(self, asked: Asked) -> Told:
        told = super().handle(asked)
        return Told(told.status, told.body, {**self._allowance(), **told.headers})

    def lost(self, asked: Asked) -> Told:
        return _error(404, f"Cannot {asked.method} {asked.path}")

    def _allowance(self) -> dict[str, str]:
        left, reset = self.meter.left, self.meter.reset_s
        return {"RateLimit-Limit": "100", "RateLimit-Remaining": str(left), "RateLimit-Reset": str(reset)}

    # ── Calendars ──

    @route("GET", "/v3/calendars/list")
    def calendars(self, asked: Asked) -> Told:
        told = [
            {
                "@type": "Calendar",
                "id": place.id,
                "accountId": ACCOUNT,
                "name": place.name,
                "color": "#4285f4",
                "myRights": {"mayReadItems": True, "mayWriteAll": place.writable, "mayWriteOwn": place.writable},
            }
            for place in self.places.values()
        ]
        return Told(200, {"data": {"calendars": told}})

    # ── Events ──

    @route("GET", "/v3/events/list")
    def events_of(self, asked: Asked) -> Told:
        try:
            lo, hi = instant(asked.get("start")), instant(asked.get("end"))
        except ValueError:
            return _error(400, "start and end must be ISO 8601 date strings")
        if not lo < hi or datetime.fromtimestamp(hi, UTC) > _six_months_after(lo):
            return _error(400, "end must be after start, by 6 months at most")
        named = [one for one in asked.get("calendarIds").split(",") if one]
        if asked.get("accountId") != ACCOUNT or not named or not set(named) <= set(self.places):
            return _error(404, "Calendar not found")
        found = [self._shown(held) for held in self.within(lo, hi, named) if not held.deleted]
        return Told(200, {"data": {"events": found}})

    @route("GET", "/v3/events/")
    def one(self, asked: Asked) -> Told:
        held = self.found(asked.get("id"))
        return Told(200, {"data": {"event": self._shown(held)}}) if held else _error(404, "Event not found")

    @route("POST", "/v3/events/create")
    def make(self, asked: Asked) -> Told:
        body = body_of(asked) or {}
        wrong = faults(body, _RULES, _REQUIRED) | ({} if "timeZone" in body else {"timeZone": "is required"})
        if "id" in body:
            wrong["id"] = "should not exist"
        refusal = _invalid(wrong) if wrong else self._refuse_place(body)
        if refusal:
            return refusal
        fields = {name: value for name, value in body.items() if name not in _NAMED}
        self.mailed += _addresses(fields)
        held = self.keep(body["calendarId"], self.entered() | fields)
        return Told(200, {"data": {"event": self._shown(held)}})

    @route("POST", "/v3/events/update")
    def update(self, asked: Asked) -> Told:
        body = body_of(asked) or {}
        wrong = faults(body, _RULES, _NAMED)
        given = [name for name in _QUARTET if name in body]
        if not wrong and given and len(given) < len(_QUARTET):
            wrong = dict.fromkeys(set(_QUARTET) - set(given), "is required together with the other times")
        refusal = _invalid(wrong) if wrong else self._refuse_place(body) or _mode(asked)
        held = self.found(body.get("id", ""))
        if refusal or held is None:
            return refusal or _error(404, "Event not found")
        fields = {name: value for name, value in body.items() if name not in _NAMED}
        self.mailed += _addresses(fields)
        people = held.fields.get("participants", {}) | fields.pop("participants", {})
        self.change(held, fields | ({"participants": people} if people else {}))
        return Told(200, {"data": {"event": self._shown(held)}})

    @route("POST", "/v3/events/delete")
    def delete(self, asked: Asked) -> Told:
        body = body_of(asked) or {}
        wrong = faults(body, {name: _RULES[name] for name in _NAMED}, _NAMED)
        refusal = _invalid(wrong) if wrong else self._refuse_place(body) or _mode(asked)
        if refusal or self.found(body.get("id", "")) is None:
            return refusal or _error(404, "Event not found")
        self.remove(body["id"])
        return empty()

    @route("POST", "/v3/events/accept")
    def accept(self, asked: Asked) -> Told:
        return self._answer(asked, "accepted")

    @route("POST", "/v3/events/decline")
    def decline(self, asked: Asked) -> Told:
        return self._answer(asked, "declined")

    @route("POST", "/v3/events/tentativelyAccept")
    def accept_tentatively(self, asked: Asked) -> Told:
        return self._answer(asked, "tentative")

    def _answer(self, asked: Asked, status: str) -> Told:
        body = body_of(asked) or {}
        wrong = faults(body, {"id": text(filled=True), "comment": text(), "notifyOrganizer": flag}, ("id",))
        held = self.found(body.get("id", ""))
        if wrong or held is None:
            return _invalid(wrong) if wrong else _error(404, "Event not found")
        people = held.fields.get("participants", {})
        mine = next((one for one in people.values() if one.get("accountOwner")), None)
        if mine is None:
            return _error(400, "The account does not take part in this event")
        mine["participationStatus"] = status
        if body.get("notifyOrganizer", True):
            self.mailed += [one["email"] for one in people.values() if one.get("roles", {}).get("owner")]
        self.change(held, {})
        return empty()

    # ── Shapes ──

    def _shown(self, held: Held) -> Json:
        told = {
            "@type": "Event",
            "id": held.id,
            "uid": f"{held.id[-12:]}@google.com",
            "accountId": ACCOUNT,
            "calendarId": held.calendar,
            "integrationId": "google",
            "created": zulu(held.made)[:19],
            "updated": zulu(held.changed)[:19],
        }
        return told | {name: value for name, value in held.fields.items() if name != "morgen.so:requestVirtualRoom"}

    def _refuse_place(self, body: Json) -> Told | None:
        place = self.places.get(body["calendarId"])
        if body["accountId"] != ACCOUNT or place is None:
            return _error(404, "Calendar not found")
        return None if place.writable else _error(403, "The calendar is read-only")


def _mode(asked: Asked) -> Told | None:
    fits = asked.get("seriesUpdateMode", "single") in ("single", "all", "future")
    return None if fits else _error(400, "seriesUpdateMode must be single, future or all")


def _six_months_after(at: float) -> datetime:
    began = datetime.fromtimestamp(at, UTC)
    years, month = divmod(began.month + 5, 12)
    year, last = began.year + years, monthrange(began.year + years, month + 1)[1]
    return began.replace(year=year, month=month + 1, day=min(began.day, last))


def _addresses(fields: Json) -> list[str]:
    return [one["email"] for one in fields.get("participants", {}).values()]


def _words(status: int, message: Any) -> Json:
    names = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 429: "Too Many Requests"}
    return {"statusCode": status, "message": message, "error": names.get(status, "")}


def _error(status: int, message: str) -> Told:
    return Told(status, _words(status, message))


def _invalid(wrong: dict[str, str]) -> Told:
    return Told(400, _words(400, [f"property {name} {words}" for name, words in wrong.items()]))
