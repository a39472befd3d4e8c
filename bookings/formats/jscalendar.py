"""Events as JSCalendar objects (RFC 8984), the shape Morgen speaks.

What has no place in our event is kept in `raw` and given back; so is the time zone of an all-day event, which says
nothing about its days. Busy states finer than free and busy are lost on the way out, and phone numbers of people.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

from bookings.engine.recurrence import RuleError, parse_rule
from bookings.engine.zones import DAY, canonical, zone

from .event import EventData, Person
from .jsrules import Unreadable, rule_of, rule_to
from .times import duration, local, read_duration, read_local

__all__ = ["Unreadable", "from_jscalendar", "to_jscalendar"]

MOST = 1_000
MAPPED = frozenset(
    {"@type", "uid", "title", "description", "descriptionContentType", "start", "timeZone", "duration", "status"}
    | {"showWithoutTime", "freeBusyStatus", "privacy", "sequence", "color", "locations", "virtualLocations", "alerts"}
    | {"useDefaultAlerts", "participants", "recurrenceRules", "excludedRecurrenceRules", "recurrenceOverrides"}
    | {"recurrenceId", "recurrenceIdTimeZone"}
)
"""The properties that have a place in our event."""

_ROLES = {"owner": {"owner": True, "attendee": True}, "host": {"chair": True, "attendee": True}}
_RSVP = ("needs-action", "accepted", "declined", "tentative")
_TYPES = {str: "a text", bool: "true or false", dict: "an object", list: "a list", int: "a whole number"}


# ── Out ──


def to_jscalendar(data: EventData) -> dict[str, Any]:
    """An Event object. Times are local to `timeZone`, which is null for floating and all-day events."""
    whole = data.all_day
    found: dict[str, Any] = {
        "@type": "Event",
        "uid": data.uid,
        "title": data.title,
        "description": data.description,
        "descriptionContentType": data.description_type,
        "start": local(data.start_wall),
        "timeZone": _zone_of(data),
        "duration": duration(data.duration, days=whole),
        "showWithoutTime": whole,
        "status": data.status,
        "freeBusyStatus": "free" if data.free_busy_status == "free" else "busy",
        "privacy": data.privacy,
        "sequence": data.sequence,
        "color": data.colour,
        "locations": data.locations or _named(data.location),
        "virtualLocations": _rooms(data),
        "participants": {person.key or str(n): _participant(person) for n, person in enumerate(data.people, 1)},
        "alerts": data.alerts,
        "useDefaultAlerts": data.use_default_alerts,
        "recurrenceRules": _rules_of(data.recurrence_rules, data),
        "excludedRecurrenceRules": _rules_of(data.exclusion_rules, data),
        "recurrenceOverrides": {local(wall): {} for wall in data.recurrence_dates}
        | {local(wall): {"excluded": True} for wall in data.excluded_dates},
    }
    always = {"timeZone", "title", "showWithoutTime"}
    found = {name: value for name, value in found.items() if name in always or value not in ("", {}, [], False, 0)}
    if data.recurrence_wall is not None:
        found |= {"recurrenceId": local(data.recurrence_wall), "recurrenceIdTimeZone": found["timeZone"]}
    return dict(data.raw.get("jscalendar", {})) | found


def _zone_of(data: EventData) -> str | None:
    if data.all_day:
        named: str | None = data.raw.get("jscalendar", {}).get("timeZone")
        return named
    return None if data.floating else data.timezone


def _rules_of(texts: tuple[str, ...], data: EventData) -> list[dict[str, Any]]:
    """The rules that can be read: others came from elsewhere, and nobody can say when they let the event happen."""
    found = []
    for text in texts:
        with contextlib.suppress(RuleError):
            found.append(rule_to(parse_rule(text), data))
    return found


def _named(location: str) -> dict[str, Any]:
    return {"1": {"@type": "Location", "name": location}} if location else {}


def _rooms(data: EventData) -> dict[str, Any]:
    url, label = data.conference.get("url"), data.conference.get("label")
    if not url:
        return {}
    return {"1": {"@type": "VirtualLocation", "uri": url} | ({"name": label} if label else {})}


def _participant(person: Person) -> dict[str, Any]:
    said: dict[str, Any] = {
        "@type": "Participant",
        "name": person.name,
        "email": person.email,
        "roles": dict(_ROLES.get(person.role, {"attendee": True})),
        "participationStatus": person.rsvp,
        "participationComment": person.comment,
    }
    if person.email:
        said["sendTo"] = {"imip": f"mailto:{person.email}"}
    return {name: value for name, value in said.items() if value}


# ── In ──


def from_jscalendar(value: dict[str, Any], *, default_timezone: str = "UTC") -> EventData:
    """The event an Event object describes.

    :param default_timezone: IANA zone in which floating and all-day events are read.
    :raises Unreadable: `field` is the JSON path of the first property that cannot be used.
    """
    read = _Object(value, "")
    if read.of("@type", str, "Event") != "Event":
        raise Unreadable("@type", "Only events are possible here.")
    whole = read.of("showWithoutTime", bool, False)
    start = _local(read, "start")
    tzid = _timezone(read, "timeZone") or default_timezone
    rooms, locations, name = read.of("virtualLocations", dict, {}), *_locations(read)
    data = EventData(
        title=read.of("title", str, ""),
        start_wall=start // DAY * DAY if whole else start,
        timezone=default_timezone if whole else tzid,
        duration=_length(read, start, tzid, whole),
        uid=read.of("uid", str, ""),
        all_day=whole,
        floating=not whole and value.get("timeZone") is None,
        description=read.of("description", str, ""),
        description_type=read.one_of("descriptionContentType", ("text/plain", "text/html")),
        location=name,
        locations=locations,
        conference=_room(rooms),
        status=read.one_of("status", ("confirmed", "tentative", "cancelled")),
        free_busy_status=read.one_of("freeBusyStatus", ("busy", "free")),
        privacy=read.one_of("privacy", ("public", "private", "secret")),
        people=_people(read),
        alerts=_alerts(read),
        use_default_alerts=read.of("useDefaultAlerts", bool, False),
        colour=read.of("color", str, ""),
        sequence=read.of("sequence", int, 0),
        recurrence_wall=_local(read, "recurrenceId") if "recurrenceId" in value else None,
        raw={"jscalendar": rest} if (rest := _unmapped(read, whole)) else {},
        **_overrides(read),
    )
    return _with_rules(data, read)


def _unmapped(read: _Object, whole: bool) -> dict[str, Any]:
    read.each("relatedTo")  # the parts of a divided series are linked there
    rest = {name: value for name, value in read.value.items() if name not in MAPPED and value is not None}
    return rest | ({"timeZone": named} if whole and (named := _timezone(read, "timeZone")) else {})


class _Object:
    """A JSON object at a path, read with types."""

    def __init__(self, value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise Unreadable(path, "Must be an object.")
        self.value, self.path = value, path

    def at(self, name: str) -> str:
        return f"{self.path}/{name}" if self.path else name

    def of(self, name: str, kind: type, default: Any) -> Any:
        """The property, or the default when it is missing or null."""
        found = self.value.get(name)
        if found is None:
            return default
        if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
            raise Unreadable(self.at(name), f"Must be {_TYPES[kind]}.")
        return found

    def one_of(self, name: str, choices: tuple[str, ...]) -> str:
        found = self.of(name, str, choices[0])
        if found not in choices:
            raise Unreadable(self.at(name), f"Possible are: {', '.join(choices)}.")
        return str(found)

    def each(self, name: str) -> dict[str, _Object]:
        entries = self.of(name, dict, {})
        if len(entries) > MOST:
            raise Unreadable(self.at(name), f"At most {MOST:,} entries are possible.")
        return {str(key): _Object(entry, f"{self.at(name)}/{key}") for key, entry in entries.items()}


def _local(read: _Object, name: str) -> int:
    wall = read_local(read.of(name, str, ""))
    if wall is None:
        raise Unreadable(read.at(name), "Must be a local time such as 2027-03-01T09:30:00.")
    return wall


def _timezone(read: _Object, name: str) -> str | None:
    given = read.of(name, str, None)
    if given is None:
        return None
    if (found := canonical(given)) is None:
        raise Unreadable(read.at(name), "Must be an IANA time zone name or null.")
    return found


def _length(read: _Object, start: int, tzid: str, whole: bool) -> int:
    parts = read_duration(read.of("duration", str, "P1D" if whole else "PT0S"))
    if parts is None or min(parts) < 0:
        raise Unreadable(read.at("duration"), "Must be a duration such as PT1H30M.")
    days, seconds = parts
    if whole:
        return max(-(-(days * DAY + seconds) // DAY), 1) * DAY
    clock = zone(tzid)
    return clock.to_utc(start + days * DAY) + seconds - clock.to_utc(start)


def _locations(read: _Object) -> tuple[dict[str, Any], str]:
    """The locations as given, and the name of the first; a single plain name needs no object of its own."""
    names = {key: entry.of("name", str, "") for key, entry in read.each("locations").items()}
    name = next(iter(names.values()), "")
    given = read.of("locations", dict, {})
    return ({} if given == _named(name) else dict(given)), name


def _room(rooms: dict[str, Any]) -> dict[str, Any]:
    for key, entry in rooms.items():
        room = _Object(entry, f"virtualLocations/{key}")
        if url := room.of("uri", str, ""):
            label = room.of("name", str, "")
            return {"kind": "link", "url": url} | ({"label": label} if label else {})
    return {}


def _people(read: _Object) -> tuple[Person, ...]:
    return tuple(_person(key, entry) for key, entry in read.each("participants").items())


def _person(key: str, entry: _Object) -> Person:
    roles = entry.of("roles", dict, {})
    imip = _Object(entry.of("sendTo", dict, {}), entry.at("sendTo")).of("imip", str, "")
    return Person(
        email=entry.of("email", str, "") or imip.removeprefix("mailto:"),
        name=entry.of("name", str, ""),
        role="owner" if roles.get("owner") else "host" if roles.get("chair") else "attendee",
        rsvp=entry.one_of("participationStatus", _RSVP),
        key=key,
        comment=entry.of("participationComment", str, ""),
    )


def _alerts(read: _Object) -> dict[str, Any]:
    """Alerts as given, once their triggers can be read."""
    for entry in read.each("alerts").values():
        trigger = _Object(entry.of("trigger", dict, {}), entry.at("trigger"))
        if "offset" in trigger.value and read_duration(trigger.of("offset", str, "")) is None:
            raise Unreadable(trigger.at("offset"), "Must be a duration such as -PT15M.")
        if "when" in trigger.value and read_local(trigger.of("when", str, "").removesuffix("Z")) is None:
            raise Unreadable(trigger.at("when"), "Must be a time such as 2027-03-01T09:30:00Z.")
    return dict(read.of("alerts", dict, {}))


def _overrides(read: _Object) -> dict[str, Any]:
    """Added and excluded occurrences. Changed ones are events of their own here, as they are in Morgen."""
    added, excluded = [], []
    for text, patch in read.each("recurrenceOverrides").items():
        wall = read_local(text)
        if wall is None:
            raise Unreadable(patch.path, "Must be named by a local time such as 2027-03-01T09:30:00.")
        if patch.of("excluded", bool, False):
            excluded.append(wall)
        elif not patch.value:
            added.append(wall)
        else:
            raise Unreadable(patch.path, "A changed occurrence must be given as an event with a recurrenceId.")
    return {"recurrence_dates": tuple(sorted(added)), "excluded_dates": tuple(sorted(excluded))}


def _with_rules(data: EventData, read: _Object) -> EventData:
    from_names = {"recurrence_rules": "recurrenceRules", "exclusion_rules": "excludedRecurrenceRules"}
    texts: dict[str, tuple[str, ...]] = {}
    for field, name in from_names.items():
        rules = read.of(name, list, [])
        if len(rules) > MOST:
            raise Unreadable(read.at(name), f"At most {MOST:,} rules are possible.")
        texts[field] = tuple(_rule(rule, f"{read.at(name)}/{n}", data) for n, rule in enumerate(rules))
    return replace(data, recurrence_rules=texts["recurrence_rules"], exclusion_rules=texts["exclusion_rules"])


def _rule(value: Any, path: str, data: EventData) -> str:
    text = rule_of(value, path, data)
    try:
        return str(parse_rule(text))
    except RuleError as error:
        raise Unreadable(path, str(error)) from None
