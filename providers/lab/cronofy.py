"""A double of Cronofy's events: upserts by id, deletions that are told, pages, and a window it looks not beyond."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlencode

from providers.lab.double import Asked, Told, route
from providers.lab.renewing import TOKENS, Renews
from providers.lab.strict import (
    DAY,
    Held,
    Json,
    Rule,
    body_of,
    each,
    faults,
    flag,
    instant,
    mail,
    moment,
    number,
    one_of,
    shape,
    text,
    tzid,
    zulu,
)

BEHIND_S, AHEAD_S = 42 * DAY, 201 * DAY
_PAGE = 100


def _time(value: Any) -> str:
    """An instant, a date, or either with its zone."""
    if isinstance(value, dict):
        return shape(("time",), time=_time, tzid=tzid)(value)
    if isinstance(value, str) and len(value) == 10:
        return moment(f"{value}T00:00:00Z")
    return moment(value)


_PERSON = shape(("email",), email=mail, display_name=text())
_RULES: dict[str, Rule] = {
    "event_id": text(400, filled=True),
    "event_uid": text(400, filled=True),
    "summary": text(1024, filled=True),
    "description": text(4096),
    "start": _time,
    "end": _time,
    "tzid": tzid,
    "location": shape(description=text(), lat=text(), long=text()),
    "url": text(2000),
    "reminders": each(shape(("minutes",), minutes=number)),
    "reminders_create_only": flag,
    "transparency": one_of("opaque", "transparent"),
    "event_private": flag,
    "attendees": shape(invite=each(_PERSON), remove=each(_PERSON)),
    "color": text(7),
}
_REQUIRED = ("summary", "start", "end")
_FLAGS = ("include_managed", "only_managed", "include_deleted", "include_moved", "localized_times", "include_geo")
_QUERY = (*_FLAGS, "tzid", "from", "to", "last_modified", "calendar_ids[]", "page")


class CronofyDouble(Renews):
    """`keys` are access tokens; `scopes` what they may do."""

    name = "cronofy"
    title_field = "summary"

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        self.scopes = {"read_events", "create_event", "delete_event", "change_participation_status"}

    def times(self, start_s: int, end_s: int) -> Json:
        return {"start": zulu(start_s), "end": zulu(end_s)}

    def span(self, fields: Json) -> tuple[int, int]:
        return _seconds(fields["start"]), _seconds(fields["end"])

    def new_id(self, number: int) -> str:
        return f"evt_external_{number:024x}"

    def entered(self) -> Json:
        return {"description": "", "transparency": "opaque", "participation_status": "accepted"}

    def admit(self, asked: Asked) -> Told | None:
        return None if asked.path == TOKENS or asked.bearer in self.keys else Told(401)

    def lost(self, asked: Asked) -> Told:
        return Told(404)

    # ── The account ──

    @route("GET", "/v1/account")
    def account(self, asked: Asked) -> Told:
        return Told(200, {"account": {"account_id": "acc_0123456789abcdef01234567", "email": "host@example.org"}})

    @route("GET", "/v1/calendars")
    def calendars(self, asked: Asked) -> Told:
        told = [
            {
                "provider_name": "google",
                "profile_id": "pro_1",
                "profile_name": "host@example.org",
                "calendar_id": place.id,
                "calendar_name": place.name,
                "calendar_readonly": not place.writable,
                "calendar_deleted": False,
                "calendar_primary": False,
            }
            for place in self.places.values()
        ]
        return Told(200, {"calendars": told})

    # ── Writing ──

    @route("POST", "/v1/calendars/{calendar}/events")
    def write(self, asked: Asked, calendar: str) -> Told:
        body = body_of(asked) or {}
        if refusal := self._refusal(calendar, "create_event"):
            return refusal
        known = self.by_uid(body.get("event_uid", ""))
        wrong = faults(body, _RULES, () if "event_uid" in body else _REQUIRED)
        if ("event_id" in body) == ("event_uid" in body):
            wrong["event_id"] = "is needed, or event_uid"
        elif "event_uid" in body and known is None:
            wrong["event_uid"] = "is not that of an event in this calendar"
        if not wrong and not _seconds(body["start"]) <= _seconds(body["end"]):
            wrong["end"] = "must not be before start"
        if wrong:
            return _invalid(wrong)
        self._write(calendar, body, known)
        return Told(202)

    def _write(self, calendar: str, body: Json, known: Held | None) -> None:
        fields = {name: value for name, value in body.items() if name not in ("event_id", "event_uid", "attendees")}
        held = known or self.by_event_id(calendar, body.get("event_id", ""))
        if held is None:
            held = self.keep(calendar, self.entered())
            held.fields["event_id"] = body["event_id"]
        guests = held.fields.setdefault("attendees", [])
        for one in body.get("attendees", {}).get("invite", ()):
            if one["email"] not in [each["email"] for each in guests]:
                guests.append(one | {"status": "needs_action"})
                self.mailed.append(one["email"])
        held.deleted = False
        self.change(held, fields)

    @route("DELETE", "/v1/calendars/{calendar}/events")
    def delete(self, asked: Asked, calendar: str) -> Told:
        body = body_of(asked) or {}
        if refusal := self._refusal(calendar, "delete_event"):
            return refusal
        if len(body) != 1 or faults(body, {name: _RULES[name] for name in ("event_id", "event_uid")}):
            return _invalid({"event_id": "is needed, or event_uid"})
        held = self.by_uid(body.get("event_uid", "")) or self.by_event_id(calendar, body.get("event_id", ""))
        if held is not None and not held.deleted:
            self.remove(held.id)
        return Told(202)

    @route("POST", "/v1/calendars/{calendar}/events/{uid}/participation_status")
    def answer(self, asked: Asked, calendar: str, uid: str) -> Told:
        held, body = self.by_uid(uid), body_of(asked) or {}
        if refusal := self._refusal(calendar, "change_participation_status"):
            return refusal
        if held is None or held.deleted:
            return Told(404)
        if wrong := faults(body, {"status": one_of("accepted", "tentative", "declined")}, ("status",)):
            return _invalid(wrong)
        self.change(held, {"participation_status": body["status"]})
        return Told(202)

    # ── Reading ──

    @route("GET", "/v1/events")
    def read(self, asked: Asked) -> Told:
        if "read_events" not in self.scopes:
            return Told(403)
        query = dict(asked.query)
        if wrong := self._wrong(asked, query):
            return _invalid(wrong)
        now = time.time()
        lo = instant(query["from"]) if "from" in query else int(now) - BEHIND_S
        hi = instant(query["to"]) if "to" in query else int(now) + AHEAD_S
        found = self.within(lo, hi, asked.all("calendar_ids[]") or list(self.places))
        return self._page(asked, [self._shown(held) for held in found if self._fits(held, query)])

    def _wrong(self, asked: Asked, query: dict[str, str]) -> dict[str, str]:
        wrong = {name: "should not exist" for name in query if name not in _QUERY}
        wrong |= {name: "must be true or false" for name in _FLAGS if query.get(name, "true") not in ("true", "false")}
        times = [name for name in ("from", "to", "last_modified") if name in query]
        wrong |= {name: bad for name in times if (bad := _time(query[name]))}
        if bad := tzid(query.get("tzid")):
            wrong["tzid"] = bad
        for name in set(asked.all("calendar_ids[]")) - set(self.places):
            wrong["calendar_ids"] = f"{name} is not a calendar of this account"
        if not wrong and "from" in query and instant(query["from"]) < time.time() - BEHIND_S:
            wrong["from"] = "must be at most 42 days in the past"
        if not wrong and "to" in query and instant(query["to"]) > time.time() + AHEAD_S:
            wrong["to"] = "must be at most 201 days in the future"
        return wrong

    def _fits(self, held: Held, query: dict[str, str]) -> bool:
        managed = "event_id" in held.fields
        if managed and "true" not in (query.get("include_managed"), query.get("only_managed")):
            return False
        if not managed and query.get("only_managed") == "true":
            return False
        if held.deleted and query.get("include_deleted") != "true":
            return False
        return "last_modified" not in query or held.changed >= instant(query["last_modified"])

    def _page(self, asked: Asked, rows: list[Json]) -> Told:
        at, total = int(asked.get("page", "1")), max(1, -(-len(rows) // _PAGE))
        pages: Json = {"current": at, "total": total}
        if at < total:
            rest = [(key, value) for key, value in asked.query if key != "page"]
            pages["next_page"] = f"{self.url}{asked.path}?{urlencode([*rest, ('page', str(at + 1))])}"
        return Told(200, {"pages": pages, "events": rows[(at - 1) * _PAGE : at * _PAGE]})

    # ── What they share ──

    def by_event_id(self, calendar: str, event_id: str) -> Held | None:
        """The event of an application, deleted or not."""
        mine = (held for held in self.events.values() if held.calendar == calendar)
        return next((held for held in mine if event_id and held.fields.get("event_id") == event_id), None)

    def by_uid(self, uid: str) -> Held | None:
        return self.events.get(uid)

    def _refusal(self, calendar: str, scope: str) -> Told | None:
        place = self.places.get(calendar)
        if place is None:
            return Told(404)
        return None if place.writable and scope in self.scopes else Told(403)

    def _shown(self, held: Held) -> Json:
        return {
            "calendar_id": held.calendar,
            "event_uid": held.id,
            **held.fields,
            "deleted": held.deleted,
            "recurring": False,
            "status": "confirmed",
            "created": zulu(held.made),
            "updated": zulu(held.changed),
            "options": {"delete": True, "update": True, "change_participation_status": True},
        }


def _seconds(value: Any) -> int:
    written = value["time"] if isinstance(value, dict) else value
    return instant(f"{written}T00:00:00Z" if len(written) == 10 else written)


def _invalid(wrong: dict[str, str]) -> Told:
    errors = {name: [{"key": "errors.invalid", "description": words}] for name, words in wrong.items()}
    return Told(422, {"errors": errors})
