"""How the double of Graph answers: events as they are asked for, pages, filters, errors."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from datetime import UTC, datetime, tzinfo
from urllib.parse import quote

from providers.lab import graph_series as series
from providers.lab import graph_store as store
from providers.lab.double import Asked, Told
from providers.lab.graph_schema import Json, Wrong
from providers.lab.graph_store import Item

_TAG = r"ep/id eq '(?P<id>(?:[^']|'')*)' and "
_FILTER = re.compile(
    r"singleValueExtendedProperties/Any\(ep: " + _TAG + r"(?:ep/value eq '(?P<eq>(?:[^']|'')*)'"
    r"|(?P<how>contains|startswith)\(ep/value, ?'(?P<in>(?:[^']|'')*)'\))\)"
)
_EXPAND_MARKS = re.compile(r"singleValueExtendedProperties\(\$filter=((?:id eq '[^']*'(?: or )?)+)\)")


def shown(item: Item, *, zone: str = "UTC", body: str = "html") -> Json:
    """An event as Graph answers it, without what has to be asked for."""
    said = item.said
    return {
        **_identity(item),
        **_moments(item, zone),
        **_room(item),
        "subject": said.get("subject") or "",
        "body": store.body_as(store.stored_body(said.get("body")), body),
        "isAllDay": bool(said.get("isAllDay")),
        "isCancelled": False,
        "isOrganizer": item.is_organizer,
        "location": said.get("location") or {"displayName": ""},
        "showAs": said.get("showAs") or "busy",
        "sensitivity": said.get("sensitivity") or "normal",
        "importance": said.get("importance") or "normal",
        "categories": said.get("categories") or [],
        "isReminderOn": said.get("isReminderOn", True),
        "reminderMinutesBeforeStart": said.get("reminderMinutesBeforeStart", 15),
        "attendees": [_answered(each) for each in said.get("attendees") or ()],
        "organizer": {"emailAddress": {"name": item.organizer, "address": item.organizer}},
        "responseStatus": {"response": item.answer, "time": "0001-01-01T00:00:00Z"},
    }


def _identity(item: Item) -> Json:
    return {
        "@odata.etag": f'W/"{store.change_key(item)}"',
        "id": item.key,
        "changeKey": store.change_key(item),
        "createdDateTime": series.stamp(item.created),
        "lastModifiedDateTime": series.stamp(item.modified),
        "transactionId": item.said.get("transactionId"),
        "iCalUId": f"040000008200E{hashlib.sha256(item.key.encode()).hexdigest()[:40].upper()}",
        "type": item.kind,
        "seriesMasterId": item.master.key if item.master else None,
        "recurrence": item.said.get("recurrence") if item.kind == "seriesMaster" else None,
    }


def _moments(item: Item, zone: str) -> Json:
    """Times in the zone that was asked for; of all-day events dates, whatever the zone."""
    at: tzinfo = series.zone_named(zone, iana=True)
    begin, finish = item.begins, item.ends
    if item.said.get("isAllDay"):
        begin, finish, at, zone = item.start.replace(tzinfo=UTC), item.end.replace(tzinfo=UTC), UTC, "UTC"
    return {
        "start": series.shown(begin, at, zone),
        "end": series.shown(finish, at, zone),
        "originalStartTimeZone": item.zone_name,
        "originalEndTimeZone": item.zone_name,
        "originalStart": series.stamp(_planned(item)) if item.master else None,
    }


def _room(item: Item) -> Json:
    online = bool(item.said.get("isOnlineMeeting"))
    return {
        "isOnlineMeeting": online,
        "onlineMeetingProvider": item.said.get("onlineMeetingProvider") or "unknown",
        "onlineMeeting": {"joinUrl": item.join_url} if online and item.join_url else None,
    }


def viewed(item: Item, asked: Asked, *, alone: bool = False) -> Json:
    prefer = asked.headers.get("prefer", "")
    zone = re.search(r'outlook\.timezone="([^"]+)"', prefer)
    html = 'outlook.body-content-type="text"' not in prefer
    view = shown(item, zone=zone[1] if zone else "UTC", body="html" if html else "text")
    if 'IdType="ImmutableId"' not in prefer:
        view["id"] = f"AAMk{item.key[4:]}"  # another id, which would change with every move
    expand, select = asked.get("$expand"), asked.get("$select")
    left = expand
    if marks := _EXPAND_MARKS.search(expand):
        wanted = re.findall(r"id eq '([^']*)'", marks[1])
        found = [{"id": name, "value": item.marks[name]} for name in wanted if name in item.marks]
        view |= {"singleValueExtendedProperties": found} if found else {}
        left = left.replace(marks[0], "")
    if "exceptionOccurrences" in left.split(","):
        view["exceptionOccurrences"] = [viewed(each, _bare(asked)) for each in item.exceptions.values()]
        left = left.replace("exceptionOccurrences", "")
    if left.strip(","):
        raise Wrong(f"Could not find a property to expand in '{left}'.", "BadRequest")
    if alone and "cancelledOccurrences" in select.split(","):
        view["cancelledOccurrences"] = [f"OID.{item.key}.{date}" for date in sorted(item.cancelled)]
    if select:
        kept = {*select.split(","), "id", "@odata.etag", "singleValueExtendedProperties", "exceptionOccurrences"}
        view = {name: value for name, value in view.items() if name in kept}
    return view


def page(url: str, asked: Asked, values: list[Json], longest: int) -> Told:
    size = min(int(asked.get("$top") or 10), longest)
    skip = int(asked.get("$skip") or 0)
    told: Json = {"value": values[skip : skip + size]}
    if skip + size < len(values):
        query = [(name, value) for name, value in asked.query if name != "$skip"] + [("$skip", str(skip + size))]
        following = "&".join(f"{quote(name)}={quote(value, safe='')}" for name, value in query)
        told["@odata.nextLink"] = f"{url}{asked.path}?{following}"
    return Told(200, told)


def error(status: int, code: str, words: str, *, wait: int | None = None) -> Told:
    headers = {} if wait is None else {"Retry-After": str(wait)}
    return Told(status, {"error": {"code": code, "message": words, "innerError": {"request-id": "lab"}}}, headers)


def only(asked: Asked, *known: str) -> None:
    for name, _ in asked.query:
        if name not in known:
            raise Wrong(f"The query option '{name}' is not supported here.", "ErrorInvalidUrlQuery")


def matches(item: Item, text: str) -> bool:
    asked = _FILTER.fullmatch(text)
    if asked is None:
        raise Wrong(f"Invalid filter clause: {text}", "BadRequest")
    value = item.marks.get(asked["id"].replace("''", "'"))
    if value is None:
        return False
    if asked["eq"] is not None:
        return value == asked["eq"].replace("''", "'")
    part = asked["in"].replace("''", "'")
    return value.startswith(part) if asked["how"] == "startswith" else part in value


def _answered(attendee: Json) -> Json:
    return {"type": "required", "status": {"response": "none", "time": "0001-01-01T00:00:00Z"}, **attendee}


def _planned(item: Item) -> datetime:
    assert item.master is not None
    assert item.original is not None
    if item.master.said.get("isAllDay"):
        return item.original.replace(tzinfo=UTC)
    return series.instant(item.original, item.master.zone)


def removed(key: str) -> Json:
    return {"@odata.type": "#microsoft.graph.event", "id": key, "@removed": {"reason": "deleted"}}


def _bare(asked: Asked) -> Asked:
    return Asked(asked.method, asked.path, (), asked.headers, b"")


def page_size(asked: Asked) -> int:
    found = re.search(r"odata\.maxpagesize=(\d+)", asked.headers.get("prefer", ""))
    return int(found[1]) if found else 10


def sealed(token: Json) -> str:
    return base64.urlsafe_b64encode(json.dumps(token).encode()).decode()


def opened(text: str) -> Json | None:
    try:
        found: Json = json.loads(base64.urlsafe_b64decode(text))
    except (ValueError, binascii.Error):
        return None
    return found
