"""An event as Graph says it, both ways.

Times are sent as wall time with an IANA zone and asked for in UTC, which is exact whatever zone Exchange made of ours.
An event of all days is a pair of dates; its zone does not matter.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import nh3

from bookings.domain.rooms import PENDING, READY, TEAMS
from bookings.engine.zones import DAY, ymd, zone
from bookings.formats.event import DECLINED, EventData, Person, is_datable, plain
from bookings.formats.times import read_duration
from providers.base import Push
from providers.microsoft import recurrence
from providers.microsoft.zones import iana

Json = dict[str, Any]

REF = "X-CONVENE-REF"
"""How our mark is called once it is read, as in every other calendar."""
_SET = "String {6f1d9b0e-5d0c-4d53-9a1f-2f6d5f5c8e21} Name "
REFERENCE, REVISION = f"{_SET}ConveneReference", f"{_SET}ConveneRevision"
"""Extended properties: installation|event|calendar|generation, by which an event of ours is found; and its revision."""

TEAMS_PROVIDER = "teamsForBusiness"
TEAMS_MEETING: Json = {"isOnlineMeeting": True, "onlineMeetingProvider": TEAMS_PROVIDER}
_SHOW = {"busy": "busy", "free": "free", "tentative": "tentative", "away": "oof"}
_SHOWN = {"free": "free", "tentative": "tentative", "oof": "away", "workingElsewhere": "free"}
_SENSITIVITY = {"public": "normal", "private": "private", "secret": "confidential"}
_PRIVACY = {"private": "private", "personal": "private", "confidential": "secret"}
_RSVP = {"accepted": "accepted", "declined": "declined", "tentativelyAccepted": "tentative", "organizer": "accepted"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

BEGIN, END = '<div id="convene-begin"></div>', '<div id="convene-end"></div>'
# Exchange prefixes the ids of elements with x_, once for each time it rewrites a body.
_MARKED = re.compile(
    r'(<div\b[^>]*\bid="(?:x_)*convene-begin"[^>]*>\s*</div>)(.*?)(<div\b[^>]*\bid="(?:x_)*convene-end"[^>]*>\s*</div>)',
    re.DOTALL | re.IGNORECASE,
)

# What Exchange appends to the text of an online meeting: how to join, behind a line of underscores.
_JOINING = re.compile(r"\n?_{20,}\s*\n.*?(?:teams\.microsoft\.com|Microsoft Teams).*", re.DOTALL)


class Unreadable(ValueError):
    """An event that cannot be understood. The text is for people."""


@dataclass(frozen=True)
class Owner:
    """Whose calendar it is: the addresses of its owner, and the zone of what has none of its own."""

    addresses: frozenset[str]
    home: str = "UTC"


@dataclass(frozen=True)
class Part:
    """What belongs to the event in this calendar, of the several that may show it.

    :param invites: its guests are named in it. Graph mails whom an event names, and nothing turns that off; so they
        are named where Exchange is to invite them, and in the text alone where we do.
    :param room: its Teams meeting.
    """

    invites: bool = False
    room: bool = False


# ── Writing ──


def part_of(push: Push) -> Part:
    """What a new event has in this calendar."""
    room = push.events[0].conference if push.events else {}
    return Part(
        invites=push.leads and push.notify, room=push.leads and room.get("kind") == TEAMS and not room.get("url")
    )


def event_of(data: EventData, owner: Owner, part: Part) -> Json:
    """What our state decides of an event there; raises recurrence.Unsayable. Guests and room are added by others."""
    return {
        "subject": data.title,
        "body": body_of(data, part),
        **times_of(data, owner),
        "location": {"displayName": place_of(data, part)},
        "showAs": "free" if data.status == "cancelled" else _SHOW.get(data.free_busy_status, "busy"),
        "sensitivity": _SENSITIVITY.get(data.privacy, "normal"),
    }


def times_of(data: EventData, owner: Owner) -> Json:
    """start, end, isAllDay and, for a series, recurrence."""
    tzid, start, end = _span(data, owner)
    repeats = recurrence.written(data, tzid, tzid)
    said: Json = {"start": moment(start, tzid), "end": moment(end, tzid), "isAllDay": data.all_day}
    return said | ({"recurrence": repeats} if repeats else {})


def zone_of(data: EventData, owner: Owner) -> str:
    """The zone that an event's walls are in."""
    return owner.home if data.all_day or data.floating else data.timezone


def _span(data: EventData, owner: Owner) -> tuple[str, int, int]:
    """(zone, first start, its end), both as walls. A wall time cannot say which pass of a repeated hour it means, so a
    single event there is sent in UTC."""
    tzid = zone_of(data, owner)
    start = recurrence.first_wall(data, tzid)
    if data.all_day:
        return tzid, start, start + max(data.duration, DAY)
    clock = zone(tzid)
    begin = clock.to_utc(start)
    finish = begin + data.duration
    start, end = clock.to_wall(begin), clock.to_wall(finish)
    if recurrence.is_series(data):
        return tzid, start, start + data.duration
    if clock.to_utc(end) != finish or clock.is_overlap(start) or clock.is_overlap(end):
        return "UTC", begin, finish
    return tzid, start, end


def moment(wall: int, timezone: str) -> Json:
    year, month, day = ymd(wall // DAY)
    clock = wall % DAY
    at = f"{year:04d}-{month:02d}-{day:02d}T{clock // 3600:02d}:{clock // 60 % 60:02d}:{clock % 60:02d}"
    return {"dateTime": at, "timeZone": timezone}


def place_of(data: EventData, part: Part) -> str:
    """Where it is. Programs that show no room show its address here; a Teams meeting has a place of its own."""
    return data.location or ("" if part.room else str(data.conference.get("url", "")))


def body_of(data: EventData, part: Part) -> Json:
    """The description and what has no field of its own. With a Teams room between marks: Exchange adds to it there."""
    rich = data.description_type == "text/html"
    added = _additions(data, part)
    if not rich and not part.room:
        return {"contentType": "text", "content": "\n\n".join(filter(None, [data.description, *added]))}
    text = data.description if rich else _as_html(data.description)
    content = "<br><br>".join(filter(None, [text, *map(_as_html, added)]))
    return {"contentType": "html", "content": f"{BEGIN}{content}{END}" if part.room else content}


def _as_html(text: str) -> str:
    return html.escape(text, quote=False).replace("\n", "<br>")


def _additions(data: EventData, part: Part) -> list[str]:
    """The room's address, and the guests whom Exchange is not to invite."""
    said = plain(data)
    url = "" if part.room else str(data.conference.get("url", ""))
    lines = [f"Join: {url}"] if url and url not in said else []
    guests = [] if part.invites else guests_of(data)
    missing = [_named(each) for each in guests if (each.email or each.name) not in said]
    return lines + (["Guests: " + ", ".join(missing)] if missing else [])


def _named(guest: Person) -> str:
    return " ".join(filter(None, [guest.name, f"<{guest.email}>" if guest.email else "", guest.phone]))


def guests_of(data: EventData) -> list[Person]:
    """Everybody but the organiser, and fellow hosts, who have calendars of their own."""
    return [each for each in data.people if each.role == "attendee"]


def attendee(person: Person, kind: str = "required") -> Json:
    return {"emailAddress": {"address": person.email, "name": person.name or person.email}, "type": kind}


def reminder_of(data: EventData) -> Json:
    """The first display alert before the start. Later the reminder is the host's own."""
    for alert in data.alerts.values():
        trigger = alert.get("trigger", {}) if isinstance(alert, dict) else {}
        length = read_duration(str(trigger.get("offset", "")))
        if length and trigger.get("relativeTo", "start") == "start" and alert.get("action", "display") == "display":
            minutes = -(length[0] * DAY + length[1]) // 60
            if minutes >= 0:
                return {"isReminderOn": True, "reminderMinutesBeforeStart": minutes}
    return {}


def marks(tag: str) -> list[Json]:
    """Our mark, as extended properties."""
    reference, _, revision = tag.rpartition("|")
    return [{"id": REFERENCE, "value": reference}, {"id": REVISION, "value": revision}]


def reference_of(event: Json) -> tuple[str, int]:
    """(our reference, its revision) in an event that was read with them; ("", 0) when it has none."""
    found = {each.get("id"): str(each.get("value", "")) for each in event.get("singleValueExtendedProperties") or ()}
    revision = found.get(REVISION, "")
    return found.get(REFERENCE, ""), int(revision) if revision.isdigit() else 0


def replaced(current: str, ours: str) -> str | None:
    """A body with the part between our marks exchanged, or None when the marks are gone: then it is the host's."""
    inner = ours.removeprefix(BEGIN).removesuffix(END)
    found = _MARKED.search(current)
    return current[: found.end(1)] + inner + current[found.start(3) :] if found else None


def marked_part(content: str) -> str:
    found = _MARKED.search(content)
    return found[2] if found else content


def same_words(one: str, other: str) -> bool:
    """Whether two bodies, HTML or text, say the same; Exchange rewrites markup and line ends."""
    return _bare(one) == _bare(other)


def _bare(text: str) -> str:
    return "".join(html.unescape(nh3.clean(text, tags=set(), clean_content_tags={"script", "style"})).split())


# ── Reading ──


def etag_of(event: Json) -> str:
    return str(event.get("@odata.etag") or f'W/"{event.get("changeKey", "")}"')


def seconds(moment: Json) -> int:
    """The instant of a dateTimeTimeZone as Graph answers it, whatever zone it is in; raises Unreadable."""
    try:
        at = datetime.fromisoformat(str(moment["dateTime"]))
    except (KeyError, TypeError, ValueError) as error:
        raise Unreadable("Its time cannot be read.") from error
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
        tzid = iana(moment.get("timeZone"), "UTC")
        return zone(tzid).to_utc(int((at - _EPOCH).total_seconds()))
    return int((at - _EPOCH).total_seconds())


def instant(text: str) -> int:
    """The instant of a DateTimeOffset such as 2026-03-01T09:00:00Z; raises Unreadable."""
    return seconds({"dateTime": text, "timeZone": "UTC"})


def read(event: Json, owner: Owner, *, uid: str = "", series_zone: str = "") -> EventData:
    """An event, or one occurrence when `series_zone` (that of its master) is given; raises Unreadable."""
    begin, finish = seconds(event.get("start") or {}), seconds(event.get("end") or {})
    if finish < begin:
        raise Unreadable("It ends before it starts.")
    reference, revision = reference_of(event)
    raw: Json = {"properties": [[REF, {}, f"{reference}|{revision}"]]} if reference else {}
    busy = _busy(event, owner)
    if _own_answer(event) == "declined":
        raw[DECLINED], busy = True, "free"
    data = EventData(
        title=_text(event.get("subject")).strip(),
        uid=uid or _text(event.get("iCalUId"))[:512],
        **_times(event, begin, finish, owner, series_zone),
        **_description(event),
        **_place(event),
        status="cancelled" if event.get("isCancelled") else "confirmed",
        free_busy_status=busy,
        privacy=_PRIVACY.get(_text(event.get("sensitivity")), "public"),
        people=_people(event),
        raw=raw,
    )
    if not is_datable(data):
        raise Unreadable("It does not lie between the years 2 and 9998.")
    return data


def series_zone(event: Json, owner: Owner) -> str | None:
    """The zone in which a series repeats, or None when Exchange made one up that has no name."""
    span = (event.get("recurrence") or {}).get("range") or {}
    for name in (span.get("recurrenceTimeZone"), event.get("originalStartTimeZone")):
        if found := iana(_text(name), ""):
            return found
    return owner.home if event.get("isAllDay") else None


def rules_of(event: Json) -> tuple[str, ...]:
    """The rule of a series, () for a single event; raises Unreadable."""
    if not event.get("recurrence"):
        return ()
    try:
        return (recurrence.rule_of(event["recurrence"]),)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise Unreadable("How it repeats cannot be read.") from error


def _times(event: Json, begin: int, finish: int, owner: Owner, series: str) -> Json:
    if event.get("isAllDay"):
        tzid = _all_day_zone(event, begin)
        first, last = (zone(tzid).to_wall(at) // DAY for at in (begin, finish))
        return {
            "start_wall": first * DAY,
            "duration": max(last - first, 1) * DAY,
            "timezone": series or owner.home,
            "all_day": True,
        }
    tzid = series or iana(_text(event.get("originalStartTimeZone")), "UTC")
    wall = zone(tzid).to_wall(begin)
    if not series and zone(tzid).to_utc(wall) != begin:
        tzid, wall = "UTC", begin
    return {"start_wall": wall, "timezone": tzid, "duration": finish - begin}


def _all_day_zone(event: Json, begin: int) -> str:
    """Dates come as midnights in UTC; where they do not, they are midnights where the event was made."""
    return "UTC" if begin % DAY == 0 else iana(_text(event.get("originalStartTimeZone")), "UTC")


def _description(event: Json) -> Json:
    body = event.get("body") or {}
    content = _text(body.get("content"))
    if body.get("contentType") == "html":
        return {"description": content, "description_type": "text/html"}
    content = content.replace("\r\n", "\n")
    if event.get("isOnlineMeeting"):
        content = _JOINING.sub("", content)
    return {"description": content.strip(), "description_type": "text/plain"}


def _place(event: Json) -> Json:
    location = _text((event.get("location") or {}).get("displayName")).strip()
    room = room_of(event)
    return {"location": "" if room and location == room["url"] else location, "conference": room}


def room_of(event: Json) -> dict[str, str]:
    """The event's online meeting; its address may come some time after the event."""
    url = join_url(event)
    if not url and not event.get("isOnlineMeeting"):
        return {}
    kind = TEAMS if event.get("onlineMeetingProvider") == TEAMS_PROVIDER else "link"
    return {"kind": kind, "url": url, "state": READY if url else PENDING}


def join_url(event: Json) -> str:
    """The address of the event's online meeting, once it is there."""
    return _text((event.get("onlineMeeting") or {}).get("joinUrl"))


def _busy(event: Json, owner: Owner) -> str:
    """What cannot be told blocks."""
    shown = _SHOWN.get(_text(event.get("showAs")), "busy")
    return "tentative" if shown == "busy" and _own_answer(event) == "tentativelyAccepted" else shown


def _own_answer(event: Json) -> str:
    return _text((event.get("responseStatus") or {}).get("response"))


def _people(event: Json) -> tuple[Person, ...]:
    found: dict[str, Person] = {}
    if organiser := _person(event.get("organizer"), "owner"):
        found[organiser.email.casefold()] = organiser
    for each in event.get("attendees") or ():
        person = _person(each, "attendee")
        if person is None or each.get("type") == "resource":
            continue
        known = found.get(person.email.casefold())
        found[person.email.casefold()] = replace(known, rsvp=person.rsvp) if known else person
    return tuple(found.values())


def _person(value: Any, role: str) -> Person | None:
    address = (value or {}).get("emailAddress") or {}
    email = _text(address.get("address")).strip()
    if not email:
        return None
    rsvp = _RSVP.get(_text(((value or {}).get("status") or {}).get("response")), "needs-action")
    return Person(email[:320], _text(address.get("name")).strip()[:200], role, rsvp)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def addresses(people: Iterable[Json]) -> Collection[str]:
    """The addresses of attendees, case-folded."""
    return {_text((each.get("emailAddress") or {}).get("address")).casefold() for each in people} - {""}
