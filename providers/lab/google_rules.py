"""What Google's double refuses, in Google's words, and how its events repeat."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from dateutil.rrule import rrule, rruleset, rrulestr

from providers.lab.double import Asked, Told
from providers.lab.google_schema import COMMON, ENUMS, PARAMETERS, SCHEMAS

Json = dict[str, Any]

_ID = re.compile(r"[0-9a-v]{5,1024}")
_CHANNEL = re.compile(r"[A-Za-z0-9\-_+/=]{1,64}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_PRIMITIVES: dict[str, type | tuple[type, ...]] = {"string": str, "boolean": bool, "integer": int, "any": object}
_MOST_INSTANCES = 730
_ZONES = frozenset(available_timezones())


class Refusal(Exception):
    """An error answer: status, reason and message as Google gives them."""

    def __init__(self, status: int, reason: str, message: str, **headers: str) -> None:
        super().__init__(message)
        told = {"domain": "global", "reason": reason, "message": message}
        self.told = Told(status, {"error": {"errors": [told], "code": status, "message": message}}, headers)


def invalid(message: str, reason: str = "invalid") -> Refusal:
    return Refusal(400, reason, message)


# ── Shapes ──


def check_shape(schema: str, value: Any, path: str = "") -> None:
    """Refuse unknown fields, wrong types and unknown values of enumerations; null clears and is always right."""
    if not isinstance(value, dict):
        raise invalid("Invalid JSON payload received.", "badRequest")
    for name, each in value.items():
        where = f"{path}.{name}" if path else name
        if name not in SCHEMAS[schema]:
            raise invalid(f'Invalid JSON payload received. Unknown name "{where}": Cannot find field.', "badRequest")
        if each is not None:
            _check_type(SCHEMAS[schema][name], each, where)
            _check_value(f"{schema}.{name}", each, where)


def _check_type(kind: str, value: Any, where: str) -> None:
    if kind.startswith("[") and isinstance(value, list):
        for each in value:
            _check_type(kind[1:-1], each, where)
    elif kind.startswith("{") and isinstance(value, dict):
        for each in value.values():
            if each is not None:
                _check_type(kind[1:-1], each, where)
    elif kind in SCHEMAS:
        check_shape(kind, value, where)
    elif not _fits(kind, value):
        raise invalid(f'Invalid value at "{where}" ({kind}), {value!r}', "badRequest")


def _fits(kind: str, value: Any) -> bool:
    if kind in ("date", "date-time"):
        return isinstance(value, str) and _moment_text(kind, value)
    if kind == "int64":
        return isinstance(value, int) or (isinstance(value, str) and value.lstrip("-").isdigit())
    wanted = _PRIMITIVES.get(kind)
    return wanted is not None and isinstance(value, wanted) and not (kind == "integer" and isinstance(value, bool))


def _moment_text(kind: str, text: str) -> bool:
    try:
        if kind == "date":
            return bool(re.fullmatch(r"\d{4}-\d\d-\d\d", text)) and bool(date.fromisoformat(text))
        return "T" in text and bool(datetime.fromisoformat(text))
    except ValueError:
        return False


def _check_value(name: str, value: Any, where: str) -> None:
    allowed = ENUMS.get(name)
    for each in value if isinstance(value, list) else [value]:
        if allowed and each not in allowed:
            raise invalid(f"Invalid value for: {each} is not a valid value ({where})")


def check_query(method: str, asked: Asked) -> None:
    """Refuse parameters that the method does not have, and values that are none of theirs."""
    known = PARAMETERS[method]
    for name, value in asked.query:
        if name in COMMON:
            continue
        if name not in known:
            message = f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter.'
            raise invalid(message, "badRequest")
        kind = known[name]
        if not _parameter_fits(kind, value):
            raise Refusal(400, "invalidParameter", f"Invalid value '{value}' for parameter {name}.")


def _parameter_fits(kind: str, value: str) -> bool:
    if "|" in kind:
        return value in kind.split("|")
    match kind:
        case "boolean":
            return value in ("true", "false")
        case "integer":
            return value.isdigit()
        case "date-time":
            # An offset is mandatory here, milliseconds are possible.
            return _moment_text(kind, value) and datetime.fromisoformat(value).tzinfo is not None
        case _:
            return True


# ── Events ──


def check_event(event: Mapping[str, Any], *, creating: bool) -> None:
    """Refuse an event that Google would, once it is whole."""
    for side in ("start", "end"):
        _check_time(event.get(side), side, recurring=bool(event.get("recurrence")))
    _check_order(event["start"], event["end"])
    for attendee in event.get("attendees", ()):
        if not _EMAIL.fullmatch(attendee.get("email", "")):
            raise invalid("Invalid attendee email." if attendee.get("email") else "Missing attendee email.")
    _check_reminders(event.get("reminders", {}))
    _check_properties(event.get("extendedProperties", {}))
    if "source" in event and not str(event["source"].get("url", "")).startswith(("http://", "https://")):
        raise invalid("Invalid source URL.")
    if creating and event.get("eventType", "default") in ("fromGmail", "birthday"):
        raise invalid("Event type cannot be created.", "eventTypeRestriction")
    if event.get("recurrence"):
        occurrences(event)


def check_id(name: Any) -> None:
    if not isinstance(name, str) or not _ID.fullmatch(name):
        raise invalid("Invalid resource id value.")


def _check_time(told: Any, side: str, *, recurring: bool) -> None:
    if not told or not (told.get("date") or told.get("dateTime")):
        raise Refusal(400, "required", f"Missing {side} time.")
    if told.get("date") and told.get("dateTime"):
        raise invalid(f"Invalid {side} time.")
    if "timeZone" in told and told["timeZone"] not in _ZONES:
        raise invalid(f"Invalid time zone definition for {side} time.")
    if not told.get("dateTime") or "timeZone" in told:
        return
    if recurring or datetime.fromisoformat(told["dateTime"]).tzinfo is None:
        raise Refusal(400, "required", f"Missing time zone definition for {side} time.")


def _check_order(start: Json, end: Json) -> None:
    if ("date" in start) != ("date" in end):
        raise invalid("Start and end times must either both be date or both be dateTime.")
    if instant(end) < instant(start):
        raise Refusal(400, "timeRangeEmpty", "The specified time range is empty.")


def _check_reminders(reminders: Mapping[str, Any]) -> None:
    overrides = reminders.get("overrides") or ()
    if reminders.get("useDefault") and overrides:
        message = "Cannot specify both default reminders and overrides at the same time."
        raise Refusal(400, "cannotUseDefaultRemindersAndSpecifyOverride", message)
    if len(overrides) > 5:
        raise invalid("Too many override reminders.")
    for each in overrides:
        if "method" not in each or "minutes" not in each:
            raise Refusal(400, "required", "Missing override reminder method or minutes.")
        if not 0 <= each["minutes"] <= 40_320:
            raise invalid("Invalid override reminder minutes.")


def _check_properties(properties: Mapping[str, Any]) -> None:
    for kind in ("private", "shared"):
        for name, value in (properties.get(kind) or {}).items():
            if len(name) > 44 or len(value) > 1024:
                raise invalid("Extended property is too long.", "extendedPropertyTooLong")


def check_channel(channel: Mapping[str, Any], *, plain_http: bool) -> None:
    if not _CHANNEL.fullmatch(channel.get("id") or ""):
        raise Refusal(400, "channelIdInvalid", "Channel id is missing or not of the form [A-Za-z0-9\\-_\\+/=]+")
    if channel.get("type") not in ("web_hook", "webhook"):
        raise invalid(f"Unknown channel type: {channel.get('type')}", "channelUnknown")
    address = channel.get("address") or ""
    if not address.startswith("https://") and not (plain_http and address.startswith("http://127.0.0.1")):
        message = f"WebHook callback must be HTTPS: {address}"
        raise Refusal(400, "push.webhookUrlNotHttps", message)
    if len(channel.get("token") or "") > 256:
        raise invalid("Channel token too long.", "channelTokenTooLong")


# ── Times ──


def instant(told: Mapping[str, Any], home: str = "UTC") -> datetime:
    """A start or end in UTC; dates begin in the calendar's zone."""
    if told.get("date"):
        return datetime.fromisoformat(told["date"]).replace(tzinfo=ZoneInfo(home)).astimezone(UTC)
    at = datetime.fromisoformat(told["dateTime"])
    if at.tzinfo is None:
        at = at.replace(tzinfo=ZoneInfo(told.get("timeZone") or home))
    return at.astimezone(UTC)


def text_of(at: datetime, home: str) -> str:
    """As Google answers times: in the calendar's zone, Z where that is UTC."""
    return at.astimezone(ZoneInfo(home)).isoformat(timespec="seconds").replace("+00:00", "Z")


def occurrences(event: Mapping[str, Any]) -> list[tuple[str, Json]]:
    """(suffix of the instance's id, original start) of the first occurrences of a series; refuses bad rules."""
    start = event["start"]
    is_day = "date" in start
    home = "UTC" if is_day else start["timeZone"]
    first = datetime.fromisoformat(start["date"]) if is_day else _wall(instant(start), home)
    try:
        walls = list(_first(_series(event["recurrence"], first, home)))
    except (ValueError, KeyError, TypeError) as error:
        raise invalid("Invalid recurrence rule.") from error
    if is_day:
        return [(f"{wall:%Y%m%d}", {"date": f"{wall:%Y-%m-%d}"}) for wall in walls]
    found = [wall.replace(tzinfo=ZoneInfo(home)).astimezone(UTC) for wall in walls]
    return [(f"{at:%Y%m%dT%H%M%SZ}", {"dateTime": at.isoformat(), "timeZone": home}) for at in found]


def _first(series: Iterable[datetime]) -> Iterator[datetime]:
    for number, wall in enumerate(series):
        if number >= _MOST_INSTANCES:
            return
        yield wall


def _series(lines: Iterable[str], first: datetime, home: str) -> rruleset:
    series = rruleset()
    series.rdate(first)
    for line in lines:
        name, _, value = line.partition(":")
        kind, _, parameters = name.partition(";")
        match kind:
            case "RRULE":
                series.rrule(_rule(value, first, home))
            case "EXRULE":
                series.exrule(_rule(value, first, home))
            case "RDATE":
                for each in value.split(","):
                    series.rdate(_date(each, parameters, home))
            case "EXDATE":
                for each in value.split(","):
                    series.exdate(_date(each, parameters, home))
            case _:
                raise ValueError(line)
    return series


def _rule(value: str, first: datetime, home: str) -> rrule:
    parts = dict(part.split("=", 1) for part in value.split(";"))
    if until := parts.pop("UNTIL", ""):
        parts["UNTIL"] = f"{_date(until, '', home):%Y%m%dT%H%M%S}"
    rule = rrulestr(";".join(f"{name}={each}" for name, each in parts.items()), dtstart=first)
    if not isinstance(rule, rrule):
        raise TypeError(value)
    return rule


def _date(text: str, parameters: str, home: str) -> datetime:
    """A DATE or DATE-TIME value as naive wall time of the series' zone."""
    if "T" not in text:
        return datetime.strptime(text, "%Y%m%d")
    named = dict(part.split("=", 1) for part in parameters.split(";") if part)
    at = datetime.strptime(text.removesuffix("Z"), "%Y%m%dT%H%M%S")
    tz = "UTC" if text.endswith("Z") else named.get("TZID", home)
    return _wall(at.replace(tzinfo=ZoneInfo(tz)), home)


def _wall(at: datetime, home: str) -> datetime:
    return at.astimezone(ZoneInfo(home)).replace(tzinfo=None)


def shifted(event: Mapping[str, Any], original: Json) -> Json:
    """The end of the occurrence that starts there."""
    length = instant(event["end"]) - instant(event["start"])
    if "date" in original:
        return {"date": (date.fromisoformat(original["date"]) + timedelta(days=length.days)).isoformat()}
    return {"dateTime": (instant(original) + length).isoformat(), "timeZone": event["end"].get("timeZone", "UTC")}
