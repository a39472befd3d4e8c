"""A double of Timekit: calendars and events of one app. Ids are UUIDs; fields it does not know it ignores in silence
(`ignored` has them), and what PUT cannot change stays as it is."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from providers.lab.double import Asked, Told, route
from providers.lab.strict import (
    Book,
    Held,
    Json,
    body_of,
    each,
    empty,
    faults,
    flag,
    instant,
    mail,
    moment,
    one_of,
    zulu,
)
from providers.lab.strict import text as words

_RULES = {
    "calendar_id": words(64, filled=True),
    "start": moment,
    "end": moment,
    "what": words(1024, filled=True),
    "where": words(1024, filled=True),
    "description": words(),
    "invite": flag,
    "my_rsvp": one_of("accepted", "needsAction", "declined", "tentative"),
    "participants": each(mail),
    "all_day": flag,
    "sync_provider": flag,
}
_CHANGED = ("start", "end", "what", "where", "participants", "all_day")
_MOST = 64_000


class TimekitDouble(Book):
    name = "timekit"
    title_field = "what"

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        self.ignored: list[str] = []

    def times(self, start_s: int, end_s: int) -> Json:
        return {"start": zulu(start_s), "end": zulu(end_s)}

    def span(self, fields: Json) -> tuple[int, int]:
        return instant(fields["start"]), instant(fields["end"])

    def new_id(self, number: int) -> str:
        return str(uuid.UUID(int=number, version=4))

    def entered(self) -> Json:
        return {"where": "Office", "description": "", "participants": [], "all_day": False}

    def admit(self, asked: Asked) -> Told | None:
        kind, _, pair = asked.headers.get("authorization", "").partition(" ")
        try:
            user, _, key = base64.b64decode(pair).decode().partition(":")
        except ValueError:
            user, key = "?", ""
        fits = kind.lower() == "basic" and not user and key in self.keys
        return None if fits else Told(401, {"error": "The app key is not valid"})

    def lost(self, asked: Asked) -> Told:
        return Told(404, {"error": "Resource does not exist"})

    # ── Calendars ──

    @route("GET", "/v2/calendars")
    def calendars(self, asked: Asked) -> Told:
        told = [
            {"id": place.id, "name": place.name, "provider_access": "writer" if place.writable else "reader"}
            for place in self.places.values()
        ]
        return self._page(asked, told)

    # ── Events ──

    @route("GET", "/v2/events")
    def events_of(self, asked: Asked) -> Told:
        if wrong := faults({"start": asked.get("start"), "end": asked.get("end")}, _RULES, ("start", "end")):
            return self._refuse(wrong)
        named = asked.get("search").removeprefix("calendar.id:")
        if named and named not in self.places:
            return Told(404, {"error": "Resource does not exist", "model": "Calendar"})
        lo, hi = instant(asked.get("start")), instant(asked.get("end"))
        calendars = [named] if named else list(self.places)
        return self._page(asked, [self._shown(held) for held in self.within(lo, hi, calendars) if not held.deleted])

    @route("POST", "/v2/events")
    def make(self, asked: Asked) -> Told:
        body = body_of(asked)
        if body is None or len(asked.body) > _MOST:
            return self._refuse({"request": "is not a JSON object of at most 64000 characters"})
        known = self._known(body)
        wrong = faults(known, _RULES, ("calendar_id", "start", "end", "what", "where"))
        place = self.places.get(known.get("calendar_id", ""))
        if not wrong and place is None:
            wrong = {"calendar_id": "does not exist"}
        if not wrong and not instant(known["start"]) < instant(known["end"]):
            wrong = {"end": "must be after start"}
        if wrong:
            return self._refuse(wrong)
        if place is not None and not place.writable:
            return Told(403, {"error": "The calendar is read-only"})
        if known.pop("invite", False):
            self.mailed += known.get("participants", [])
        known.pop("sync_provider", None)
        return Told(201, {"data": self._shown(self.keep(known.pop("calendar_id"), self.entered() | known))})

    @route("GET", "/v2/events/{event}")
    def one(self, asked: Asked, event: str) -> Told:
        held = self.found(event)
        return Told(200, {"data": self._shown(held)}) if held else self._missing()

    @route("PUT", "/v2/events/{event}")
    def update(self, asked: Asked, event: str) -> Told:
        held, body = self.found(event), body_of(asked)
        if held is None:
            return self._missing()
        known = {name: value for name, value in self._known(body or {}).items() if name in _CHANGED}
        if body is None or (wrong := faults(known, _RULES)):
            return self._refuse({"request": "is not a JSON object"} if body is None else wrong)
        self.change(held, known)
        return Told(200, {"data": self._shown(held)})

    @route("DELETE", "/v2/events/{event}")
    def delete(self, asked: Asked, event: str) -> Told:
        if self.found(event) is None:
            return self._missing()
        self.remove(event)
        return empty()

    # ── Shapes ──

    def _known(self, body: Json) -> Json:
        self.ignored += [name for name in body if name not in _RULES]
        return {name: value for name, value in body.items() if name in _RULES}

    def _shown(self, held: Held) -> Json:
        place = self.places[held.calendar]
        return {
            "id": held.id,
            **held.fields,
            "calendar": {"id": place.id, "name": place.name},
            "created_at": zulu(held.made),
            "updated_at": zulu(held.changed),
        }

    def _page(self, asked: Asked, rows: Sequence[Json]) -> Told:
        limit, number = int(asked.get("limit", "50")), int(asked.get("page", "1"))
        last = max(1, -(-len(rows) // limit))
        rest = [(key, value) for key, value in asked.query if key != "page"]
        following = f"{self.url}{asked.path}?{urlencode([*rest, ('page', str(number + 1))])}"
        told = {
            "total": len(rows),
            "per_page": limit,
            "current_page": number,
            "last_page": last,
            "next_page_url": following if number < last else None,
            "data": list(rows[(number - 1) * limit : number * limit]),
        }
        return Told(200, told)

    def _refuse(self, wrong: dict[str, str]) -> Told:
        return Told(422, {"errors": {name: [f"The {name} {words}."] for name, words in wrong.items()}})

    def _missing(self) -> Told:
        return Told(404, {"error": "Resource does not exist", "model": "Event"})
