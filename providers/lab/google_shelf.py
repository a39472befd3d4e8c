"""The state of Google's double: calendars and what they hold, with ids, tags, tombstones and a log of changes."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from providers.lab import google_rules as rules
from providers.lab.google_rules import Json, Refusal

_tick = itertools.count(3_540_000_000_000_000, 2)
READ_ONLY = (
    *("kind", "etag", "created", "updated", "creator", "organizer", "htmlLink", "hangoutLink", "sequence"),
    *("recurringEventId", "originalStartTime", "iCalUID", "locked", "endTimeUnspecified", "attendeesOmitted"),
)
_OF_BUSY = (
    *("kind", "etag", "id", "status", "created", "updated", "iCalUID", "start", "end", "recurrence", "transparency"),
    *("recurringEventId", "originalStartTime", "sequence", "eventType", "organizer"),
)
_WATCHED = ("start", "end", "recurrence", "location", "summary", "status")


@dataclass
class Shelf:
    """One calendar: its events by id, tombstones too, and the order in which they changed.

    :param roles: person -> accessRole.
    :param solutions: conference types that its conferenceProperties allow.
    """

    id: str
    owner: str
    summary: str = ""
    timezone: str = "UTC"
    primary: bool = False
    colour: str = "#9fe1e7"
    roles: dict[str, str] = field(default_factory=dict)
    solutions: tuple[str, ...] = ("hangoutsMeet",)
    events: dict[str, Json] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def role_of(self, person: str) -> str:
        return "owner" if person == self.owner else self.roles.get(person, "none")

    # ── Finding ──

    def find(self, name: str) -> Json:
        """An event, a tombstone, or an occurrence of a series that has nothing of its own yet."""
        if name in self.events:
            return self.events[name]
        series, _, suffix = name.rpartition("_")
        master = self.events.get(series)
        if master is not None and master["status"] != "cancelled" and master.get("recurrence"):
            for each, original in rules.occurrences(master):
                if each == suffix:
                    return self._occurrence(master, each, original)
        raise Refusal(404, "notFound", "Not Found")

    def instances(self, master: Json) -> list[Json]:
        """The occurrences of a series in order, changed and cancelled ones as they are."""
        own = self.exceptions(master["id"])
        found = [
            own.pop(f"{master['id']}_{suffix}", {}) or self._occurrence(master, suffix, original)
            for suffix, original in rules.occurrences(master)
        ]
        return [*found, *own.values()]

    def exceptions(self, series: str) -> dict[str, Json]:
        return {name: each for name, each in self.events.items() if each.get("recurringEventId") == series}

    def _occurrence(self, master: Json, suffix: str, original: Json) -> Json:
        made = deepcopy({name: value for name, value in master.items() if name != "recurrence"})
        made |= {"id": f"{master['id']}_{suffix}", "recurringEventId": master["id"], "originalStartTime": original}
        return made | {"start": dict(original), "end": rules.shifted(master, original)}

    # ── Changing ──

    def keep(self, event: Json) -> Json:
        """Store an event as changed now, under a new tag."""
        before = self.events.get(event["id"])
        event["etag"] = f'"{next(_tick)}"'
        event["updated"] = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:23] + "Z"
        event.setdefault("created", event["updated"])
        event.setdefault("sequence", 0)
        if before is not None and any(before.get(name) != event.get(name) for name in _WATCHED):
            event["sequence"] += 1
        self.events[event["id"]] = event
        self.log.append(event["id"])
        if before is not None and event.get("recurrence") and _course(before) != _course(event):
            self._drop_strays(event)
        return event

    def bury(self, name: str) -> None:
        """Delete an event: its id stays taken. With a series go its changed occurrences."""
        event = deepcopy(self.find(name))
        self.keep(event | {"status": "cancelled"})
        for each in self.exceptions(name):
            if self.events[each]["status"] != "cancelled":
                self.bury(each)

    def _drop_strays(self, master: Json) -> None:
        """Changed occurrences that the series no longer has."""
        names = {f"{master['id']}_{suffix}" for suffix, _ in rules.occurrences(master)}
        for name in self.exceptions(master["id"]).keys() - names:
            self.keep(self.events[name] | {"status": "cancelled"})

    # ── Looking, for tests ──

    def live(self) -> list[Json]:
        """Events and series that are there, without tombstones and single occurrences."""
        return [each for each in self.events.values() if each["status"] != "cancelled" and not _is_exception(each)]

    def since(self, position: int) -> Iterator[Json]:
        yield from (self.events[name] for name in dict.fromkeys(self.log[position:]) if name in self.events)


def new_event(shelf: Shelf, fields: Json, *, organiser: str = "") -> Json:
    """An event with what Google adds to every one of them."""
    name = fields.get("id") or secrets.token_hex(13)
    return {
        "kind": "calendar#event",
        "status": "confirmed",
        "htmlLink": f"https://www.google.com/calendar/event?eid={name}",
        "creator": {"email": organiser or shelf.owner},
        "organizer": {"email": organiser or (shelf.owner if shelf.primary else shelf.id)},
        "iCalUID": f"{name}@google.com",
        "reminders": {"useDefault": True},
        "eventType": "default",
        **fields,
        "id": name,
    }


def shown(shelf: Shelf, event: Json, person: str) -> Json:
    """An event as it is answered: times in the calendar's zone, and who of the people is its owner. Who may see busy
    times only gets no more than those."""
    told: Json = deepcopy(event)
    if shelf.role_of(person) == "freeBusyReader":
        told = {name: told[name] for name in _OF_BUSY if name in told} | {"visibility": "private"}
    for side in ("start", "end", "originalStartTime"):
        moment: Any = told.get(side)
        if moment and "dateTime" in moment:
            moment["dateTime"] = rules.text_of(rules.instant(moment, shelf.timezone), shelf.timezone)
            moment.setdefault("timeZone", shelf.timezone)
    own = {shelf.owner, shelf.id}
    for each in (told.get("organizer", {}), told.get("creator", {}), *told.get("attendees", ())):
        if each.get("email") in own:
            each["self"] = True
    for attendee in told.get("attendees", ()):
        attendee.setdefault("responseStatus", "needsAction")
        if attendee["email"] == told["organizer"]["email"]:
            attendee["organizer"] = True
    return told


def _course(event: Json) -> tuple[Any, ...]:
    return rules.instant(event["start"]), tuple(event.get("recurrence", ()))


def _is_exception(event: Json) -> bool:
    return "recurringEventId" in event


def merged(before: Json, changes: Json) -> Json:
    """JSON merge as PATCH does it: objects field by field, lists whole, null clears."""
    for name, value in changes.items():
        if value is None:
            before.pop(name, None)
        elif isinstance(value, dict):
            before[name] = merged(dict(before.get(name) or {}), value)
        else:
            before[name] = value
    return before


def replaced(before: Json, wanted: Json) -> Json:
    kept = ("id", "eventType", "status", *READ_ONLY)
    whole = {name: before[name] for name in kept if name in before} | {"reminders": {"useDefault": True}}
    return whole | {name: value for name, value in wanted.items() if value is not None}


def made_room(request: Json, outcome: str) -> Json:
    """conferenceData after a request for Meet: asynchronous, so it may come later or not at all."""
    code = {"ready": "success"}.get(outcome, outcome)
    told: Json = {"createRequest": {**request, "status": {"statusCode": code}}}
    if code != "success":
        return {"conferenceData": told}
    name = "-".join(secrets.token_hex(2) for _ in range(3))
    uri = f"https://meet.google.com/{name}"
    solution = {"key": {"type": "hangoutsMeet"}, "name": "Google Meet", "iconUri": "https://example.org/meet.png"}
    entry = {"entryPointType": "video", "uri": uri, "label": uri.removeprefix("https://")}
    told |= {"conferenceId": name, "conferenceSolution": solution, "entryPoints": [entry]}
    return {"conferenceData": told, "hangoutLink": uri}
