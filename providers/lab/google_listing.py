"""Which events a listing of Google's double shows, and how it shows a calendar."""

from __future__ import annotations

from providers.lab import google_rules as rules
from providers.lab.double import Asked
from providers.lab.google_rules import Json
from providers.lab.google_shelf import Shelf

_SAME_WITH_TOKEN = ("singleEvents", "maxAttendees", "eventTypes", "timeZone", "alwaysIncludeEmail")


def filtered(shelf: Shelf, asked: Asked) -> list[Json]:
    """What a listing without a token shows."""
    deleted, single = asked.get("showDeleted") == "true", asked.get("singleEvents") == "true"
    found = expanded(shelf) if single else list(shelf.events.values())
    # Cancelled occurrences of a series that goes on are always shown, unless it is expanded.
    found = [each for each in found if deleted or each["status"] != "cancelled" or _is_hole(shelf, each, single)]
    if uid := asked.get("iCalUID"):
        found = [each for each in found if each["iCalUID"] == uid]
    for kind in ("private", "shared"):
        for wish in asked.all(f"{kind}ExtendedProperty"):
            name, _, value = wish.partition("=")
            found = [each for each in found if each.get("extendedProperties", {}).get(kind, {}).get(name) == value]
    found = [each for each in found if within(each, asked, shelf)]
    if asked.get("orderBy") == "startTime":
        found.sort(key=lambda each: rules.instant(each["start"], shelf.timezone))
    return found


def _is_hole(shelf: Shelf, event: Json, single: bool) -> bool:
    series = shelf.events.get(event.get("recurringEventId", ""))
    return not single and series is not None and series["status"] != "cancelled"


def expanded(shelf: Shelf) -> list[Json]:
    """Every event and every occurrence; occurrences of somebody's series that is not here stand for themselves."""
    alone = [each for each in shelf.events.values() if each.get("recurringEventId") not in shelf.events]
    singles = [each for each in alone if not each.get("recurrence")]
    series = [each for each in shelf.live() if each.get("recurrence")]
    return [*singles, *(one for master in series for one in shelf.instances(master))]


def within(event: Json, asked: Asked, shelf: Shelf) -> bool:
    """timeMin bounds the end, timeMax the start, both exclusive. A series counts from its start on."""
    if "start" not in event:
        return True
    start, end = (rules.instant(event[side], shelf.timezone) for side in ("start", "end"))
    low, high = asked.get("timeMin"), asked.get("timeMax")
    after = not low or bool(event.get("recurrence")) or end > rules.instant({"dateTime": low})
    return after and (not high or start < rules.instant({"dateTime": high}))


def takes_time(shelf: Shelf, event: Json) -> bool:
    own: Json = next((each for each in event.get("attendees", ()) if each["email"] == shelf.owner), {})
    shows = event["status"] != "cancelled" and event.get("transparency") != "transparent"
    return shows and own.get("responseStatus") != "declined"


def is_start(original: Json, text: str) -> bool:
    if "date" in original:
        return bool(original["date"] == text[:10])
    try:
        return rules.instant(original) == rules.instant({"dateTime": text})
    except ValueError:
        return False


def signature(asked: Asked) -> tuple[str, ...]:
    """The parameters that must stay the same from one synchronisation to the next."""
    return tuple(f"{name}={asked.get(name)}" for name in _SAME_WITH_TOKEN)


def entry(shelf: Shelf, person: str) -> Json:
    return {
        "kind": "calendar#calendarListEntry",
        "etag": '"1"',
        "id": shelf.id,
        "summary": shelf.summary,
        "timeZone": shelf.timezone,
        "accessRole": shelf.role_of(person),
        "backgroundColor": shelf.colour,
        "foregroundColor": "#000000",
        "colorId": "14",
        "selected": True,
        "defaultReminders": [{"method": "popup", "minutes": 10}],
        "conferenceProperties": {"allowedConferenceSolutionTypes": list(shelf.solutions)},
        **({"primary": True} if shelf.primary and shelf.owner == person else {}),
    }
