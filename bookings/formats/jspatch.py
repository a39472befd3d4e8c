"""An event changed by part of a JSCalendar object: what the part does not name stays exactly as it was."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .event import EventData, Person
from .jscalendar import MAPPED, Unreadable, from_jscalendar, to_jscalendar

__all__ = ["QUARTET", "alert_key", "patched"]

QUARTET = ("start", "duration", "timeZone", "showWithoutTime")
"""The properties that say together when an event is."""

_TIMES = ("start_wall", "timezone", "duration", "all_day", "floating")
_DATES = ("recurrence_dates", "excluded_dates")
_FIELDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(QUARTET, _TIMES),
    "title": ("title",),
    "description": ("description",),
    "descriptionContentType": ("description_type",),
    "locations": ("locations", "location"),
    "virtualLocations": ("conference",),
    "status": ("status",),
    "freeBusyStatus": ("free_busy_status",),
    "privacy": ("privacy",),
    "participants": ("people",),
    "alerts": ("alerts",),
    "useDefaultAlerts": ("use_default_alerts",),
    "color": ("colour",),
    "recurrenceRules": ("recurrence_rules",),
    "excludedRecurrenceRules": ("exclusion_rules",),
    "recurrenceOverrides": _DATES,
}


def patched(data: EventData, part: Mapping[str, Any], *, default_timezone: str = "UTC") -> EventData:
    """The event with the properties of `part` in place of its own; null gives a property its default value.

    People and alerts are merged entry by entry: null removes one, a person not given whole keeps the rest. A person is
    named by the key, the address or its base64; an alert by its key or `alert_key`. Properties without a place in our
    event go to `raw`. Uid and sequence stay.

    :param default_timezone: as in `from_jscalendar`.
    :raises Unreadable: as `from_jscalendar` does.
    """
    ours = to_jscalendar(
        replace(data, recurrence_rules=(), exclusion_rules=(), recurrence_dates=(), excluded_dates=(), alerts={})
    )
    whole = {name: ours[name] for name in QUARTET if name in ours} | dict(part)
    if "participants" in part:
        whole["participants"] = _people(ours.get("participants", {}), part["participants"])
    if "alerts" in part:
        whole["alerts"] = _alerts(data.alerts, part["alerts"])
    read = from_jscalendar(_without(whole, "uid", "sequence", "recurrenceId"), default_timezone=default_timezone)
    # A room is more than its link: one that is only sent back stays what it is.
    sent_back = {"virtualLocations"} if part.get("virtualLocations") == ours.get("virtualLocations", {}) else set()
    fields = {field for name in part.keys() - sent_back for field in _FIELDS.get(name, ())}
    changed = {field: getattr(read, field) for field in fields}
    if "people" in changed:
        changed["people"] = _with_phones(read.people, data.people)
    if "recurrence_rules" in fields and not read.recurrence_rules and not fields & set(_DATES):
        # Dates without a rule would still be a series.
        changed |= {"exclusion_rules": (), "recurrence_dates": (), "excluded_dates": ()}
    return replace(data, **changed, raw=_raw(data, part, read))


def alert_key(alert: Mapping[str, Any]) -> str:
    """The id that clients work out for an alert: base64 of what it does and when (docs.morgen.so/events)."""
    trigger = alert.get("trigger")
    offset = trigger.get("offset") if isinstance(trigger, dict) else None
    said = json.dumps({"a": alert.get("action", "display"), "to": offset}, separators=(",", ":"))
    return base64.b64encode(said.encode()).decode()


def _people(known: dict[str, Any], given: Any) -> Any:
    if not isinstance(given, dict):
        return given
    people = {key: dict(person) for key, person in known.items()}
    keys = {str(person.get("email", "")).casefold(): key for key, person in people.items() if person.get("email")}
    for name, person in given.items():
        address = _address(name)
        key = name if name in people else str(keys.get(address.casefold(), name))
        if person is None:
            people.pop(key, None)
        elif isinstance(person, dict):
            people[key] = _merged(people.get(key, {"email": address} if address else {}), person)
        else:
            raise Unreadable(f"participants/{name}", "Must be an object or null.")
    return people


def _merged(known: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """A person with what is said of them now; an address stays as it is spelled."""
    addresses = (str(each.get("email", "")) for each in (known, given))
    same = len({address.casefold() for address in addresses}) == 1
    return known | given | ({"email": known["email"]} if same and "email" in known else {})


def _address(name: str) -> str:
    """The mail address that a participant's key is: as it stands, or in base64."""
    if "@" in name:
        return name
    try:
        address = base64.b64decode(name + "=" * (-len(name) % 4), altchars=b"-_").decode()
    except ValueError:
        return ""
    return address if "@" in address and address.isprintable() else ""


def _alerts(known: dict[str, Any], given: Any) -> Any:
    if not isinstance(given, dict):
        return given if given is not None else {}
    alerts = dict(known)
    keys = {alert_key(alert): key for key, alert in known.items() if isinstance(alert, dict)}
    for name, alert in given.items():
        key = name if name in alerts else str(keys.get(name, name))
        if alert is None:
            alerts.pop(key, None)
        else:
            alerts[key] = alert
    return alerts


def _with_phones(people: tuple[Person, ...], known: tuple[Person, ...]) -> tuple[Person, ...]:
    phones = {person.key: person.phone for person in known if person.phone}
    return tuple(replace(person, phone=phones.get(person.key, "")) for person in people)


def _raw(data: EventData, part: Mapping[str, Any], read: EventData) -> dict[str, Any]:
    kept = dict(data.raw.get("jscalendar", {}))
    if set(QUARTET) & set(part):
        kept.pop("timeZone", None)
    kept |= read.raw.get("jscalendar", {})
    for name, value in part.items():
        if value is None and name not in MAPPED:
            kept.pop(name, None)
    return {name: value for name, value in data.raw.items() if name != "jscalendar"} | (
        {"jscalendar": kept} if kept else {}
    )


def _without(value: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: each for name, each in value.items() if name not in names}
