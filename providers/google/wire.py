"""Events as Google writes them (discovery document of calendar v3, schema `Event`), read into ours."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bookings.domain.rooms import FAILED, MEET, PENDING, READY
from bookings.engine.zones import DAY, canonical, zone
from bookings.formats import icalendar
from bookings.formats.event import DECLINED, EventData, Person, fingerprint
from bookings.formats.icalendar import Problem
from bookings.formats.times import local
from providers.rest import Json

REF = "X-CONVENE-REF"
TAG, REVISION, INSTALLATION = "convene", "conveneRevision", "conveneInstallation"
GUESTS, OCCURRENCE, ENDED = "conveneGuests", "conveneOccurrence", "conveneEnded"
"""Names of our extended properties. TAG says which event of ours it is, GUESTS whom we invited (so that guests whom
the host added stay), OCCURRENCE that we changed it within its series, ENDED that it was us who cancelled it."""

_EPOCH = datetime(1970, 1, 1)
ANSWERS = {"needs-action": "needsAction", "accepted": "accepted", "declined": "declined", "tentative": "tentative"}
_RSVP = {value: key for key, value in ANSWERS.items()}
_PRIVACY = {"private": "private", "confidential": "secret"}
_MARKUP = re.compile(r"</?(?:a|b|br|div|em|h[1-6]|html-blob|i|li|ol|p|span|strong|u|ul)\b[^<>]*>", re.IGNORECASE)
_NEVER_BUSY = frozenset({"workingLocation", "birthday"})
COLOURS = {
    **{"1": "#a4bdfc", "2": "#7ae7bf", "3": "#dbadff", "4": "#ff887c", "5": "#fbd75b", "6": "#ffb878"},
    **{"7": "#46d6db", "8": "#e1e1e1", "9": "#5484ed", "10": "#51b749", "11": "#dc2127"},
}
SERIES = ("RRULE", "EXRULE", "RDATE", "EXDATE")


def private(item: Json) -> dict[str, str]:
    """The properties that belong to this copy of the event alone."""
    found: dict[str, str] = item.get("extendedProperties", {}).get("private", {})
    return found


def tag_of(item: Json) -> str:
    """Which of our events this is, without the revision; empty for others."""
    return private(item).get(TAG, "")


def revision_of(item: Json) -> int:
    told = private(item).get(REVISION, "")
    return int(told) if told.isdigit() else 0


def is_changed(item: Json) -> bool:
    """Whether it is an occurrence that we changed; others carry what their series says."""
    return OCCURRENCE in private(item)


def was_ended_by_us(item: Json) -> bool:
    return ENDED in private(item)


def read(item: Json, home: str, owners: Collection[str] = (), master: EventData | None = None) -> EventData:
    """One event, master or changed occurrence. `home` is the calendar's zone, `owners` its owner's addresses.

    :raises ValueError: when it has no times that can be read.
    """
    start, all_day, tzid = _moment(item.get("start"), home)
    end, _, _ = _moment(item.get("end"), home)
    clock = zone(tzid)
    wall = start if all_day else clock.to_wall(start)
    if not all_day and clock.to_utc(wall) != start:
        tzid, wall = "UTC", start  # the second pass of a repeated hour
    people = _people(item, owners)
    said = _said(item, people, owners)
    description = str(item.get("description", ""))
    data = EventData(
        title=str(item.get("summary", "")),
        start_wall=wall,
        timezone=tzid,
        duration=max(end - start, DAY if all_day else 0) if end >= start else end - start,
        uid=str(item.get("iCalUID") or item.get("id", ""))[:512],
        all_day=all_day,
        description=description,
        description_type="text/html" if _MARKUP.search(description) else "text/plain",
        location=str(item.get("location", "")),
        conference=conference_of(item),
        people=people,
        sequence=max(int(item.get("sequence", 0)), 0),
        colour=COLOURS.get(str(item.get("colorId", "")), ""),
        **said,
    )
    if data.duration < 0:
        raise ValueError("It ends before it starts.")
    return _in_its_series(data, item, home, master)


def _in_its_series(data: EventData, item: Json, home: str, master: EventData | None) -> EventData:
    if master is not None:
        return replace(data, uid=master.uid, recurrence_wall=original_wall(item, master, home))
    return _with_recurrence(data, item["recurrence"], home) if item.get("recurrence") else data


def _with_recurrence(data: EventData, lines: Sequence[str], home: str) -> EventData:
    """The series as its lines say; read by the reader of iCalendar, whose lines they are."""
    zoned = ";VALUE=DATE" if data.all_day else f";TZID={data.timezone}"
    start = local(data.start_wall).replace("-", "").replace(":", "")
    safe = [str(line).replace("\r", "").replace("\n", "") for line in lines]
    own = [line for line in safe if line.partition(":")[0].partition(";")[0].upper() in SERIES]
    parts = ["BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VEVENT", "UID:x"]
    parts += [f"DTSTART{zoned}:{start[:8] if data.all_day else start}", *own, "END:VEVENT", "END:VCALENDAR", ""]
    try:
        parsed = icalendar.parse("\r\n".join(parts), default_timezone=home)
    except icalendar.Malformed as error:
        raise ValueError(str(error)) from error
    if not parsed.events:
        raise ValueError(parsed.problems[0].reason if parsed.problems else "Its recurrence cannot be read.")
    series = parsed.events[0]
    return replace(
        data,
        recurrence_rules=series.recurrence_rules,
        exclusion_rules=series.exclusion_rules,
        recurrence_dates=series.recurrence_dates,
        excluded_dates=series.excluded_dates,
    )


def original_wall(item: Json, master: EventData, home: str) -> int:
    """Which occurrence of its series an item is, in wall seconds of the series' clock."""
    instant, all_day, _ = _moment(item.get("originalStartTime"), home)
    if all_day:
        return instant if master.all_day else instant + master.start_wall % DAY
    wall = zone(master.timezone).to_wall(instant)
    return wall // DAY * DAY if master.all_day else wall


def _moment(told: Any, home: str) -> tuple[int, bool, str]:
    """(UTC seconds, or wall seconds of a date; whether it is a date; zone)."""
    given = told if isinstance(told, dict) else {}
    try:
        if given.get("date"):
            return int((datetime.fromisoformat(given["date"]) - _EPOCH).total_seconds()), True, home
        tzid = canonical(str(given.get("timeZone", ""))) or home
        at = datetime.fromisoformat(str(given["dateTime"]))
    except (KeyError, ValueError) as error:
        raise ValueError("It has no start or end that can be read.") from error
    if at.tzinfo is None:
        return zone(tzid).to_utc(int((at - _EPOCH).total_seconds())), False, tzid
    return int((at.astimezone(UTC).replace(tzinfo=None) - _EPOCH) / timedelta(seconds=1)), False, tzid


def _said(item: Json, people: Sequence[Person], owners: Collection[str]) -> Json:
    status = item.get("status") if item.get("status") in ("tentative", "cancelled") else "confirmed"
    raw: Json = {}
    tag = private(item).get(TAG) or item.get("extendedProperties", {}).get("shared", {}).get(TAG, "")
    if tag:
        raw["properties"] = [[REF, {}, tag]]
    free_busy = "tentative" if status == "tentative" else "busy"
    mine = _own_answer(item, owners)
    if mine == "tentative":
        free_busy = "tentative"
    if item.get("eventType") == "outOfOffice":
        free_busy = "away"
    if item.get("transparency") == "transparent" or item.get("eventType") in _NEVER_BUSY:
        free_busy = "free"
    if mine == "declined":
        raw[DECLINED], free_busy = True, "free"
    return {
        "status": status,
        "free_busy_status": free_busy,
        "privacy": _PRIVACY.get(str(item.get("visibility", "")), "public"),
        "raw": raw,
    } | _alerts(item)


def own_entry(item: Json, owners: Collection[str]) -> Json | None:
    """The attendee who is the calendar's owner."""
    attendees: list[Json] = item.get("attendees", [])
    marked = [each for each in attendees if each.get("self")]
    named = [each for each in attendees if str(each.get("email", "")).lower() in owners]
    return next(iter(marked or named), None)


def _own_answer(item: Json, owners: Collection[str]) -> str:
    entry = own_entry(item, owners)
    return str(entry.get("responseStatus", "")) if entry else ""


def _people(item: Json, owners: Collection[str]) -> tuple[Person, ...]:
    organiser = item.get("organizer") or {}
    email = str(organiser.get("email", ""))
    found: dict[str, Person] = {}
    attendees: list[Json] = [each for each in item.get("attendees", []) if not each.get("resource")]
    if email and attendees:
        found[email.casefold()] = Person(email, str(organiser.get("displayName", "")), "owner")
    for each in attendees:
        address = str(each.get("email", ""))
        before = found.get(address.casefold())
        found[address.casefold()] = Person(
            email=address,
            name=str(each.get("displayName", "")) or (before.name if before else ""),
            role=before.role if before else "attendee",
            rsvp=_RSVP.get(str(each.get("responseStatus", "")), "needs-action"),
            comment=str(each.get("comment", "")),
        )
    return tuple(person for person in found.values() if person.email)


def _alerts(item: Json) -> Json:
    told = item.get("reminders") or {}
    alerts = {
        str(number): {
            "@type": "Alert",
            "trigger": {"@type": "OffsetTrigger", "offset": f"-PT{each.get('minutes', 0)}M", "relativeTo": "start"},
            "action": "email" if each.get("method") == "email" else "display",
        }
        for number, each in enumerate(told.get("overrides", ()), 1)
    }
    return {"alerts": alerts, "use_default_alerts": bool(told.get("useDefault"))}


def conference_of(item: Json) -> Json:
    """The virtual room: its link, or how far making it has come."""
    told = item.get("conferenceData") or {}
    videos = [each for each in told.get("entryPoints", ()) if each.get("entryPointType") == "video" and each.get("uri")]
    solution = (told.get("conferenceSolution") or {}).get("key", {}).get("type", "")
    asked = told.get("createRequest") or {}
    kind = MEET if "hangoutsMeet" in (solution, asked.get("conferenceSolutionKey", {}).get("type")) else "link"
    if videos:
        return {"kind": kind, "url": str(videos[0]["uri"]), "state": READY}
    if item.get("hangoutLink"):
        return {"kind": MEET, "url": str(item["hangoutLink"]), "state": READY}
    status = (asked.get("status") or {}).get("statusCode")
    if status in ("pending", "failure"):
        return {"kind": kind, "url": "", "state": PENDING if status == "pending" else FAILED}
    return {}


def meaning(item: Json, home: str, owners: Collection[str]) -> str:
    """Fingerprint of an event as it was written, by which a later reading tells a change from a rewriting."""
    try:
        return fingerprint(read(item, home, owners))
    except ValueError:
        return ""


def start_of(item: Json, home: str) -> int | None:
    """UTC seconds of the start, where it can be read."""
    try:
        at, all_day, tzid = _moment(item.get("start"), home)
    except ValueError:
        return None
    return zone(tzid).to_utc(at) if all_day else at


def series_etag(items: Iterable[Json]) -> str:
    """One tag for an event, or for a series with all its changed occurrences."""
    tags = sorted(str(each.get("etag", "")) for each in items)
    return tags[0] if len(tags) == 1 else hashlib.sha256("|".join(tags).encode()).hexdigest()


def problem(item: Json, home: str, reason: object) -> Problem:
    return Problem(str(item.get("iCalUID") or item.get("id", "")), str(reason)[:300], start_of(item, home))
