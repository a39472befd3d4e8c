"""LeadConnector's words, both ways: errors, times, statuses, appointments. Nothing outside this folder knows them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, NamedTuple

from bookings.api.reader import Reader
from bookings.api.refusals import Refusal
from bookings.domain.errors import LinkClosed, NotAllowed, SlotTaken
from bookings.engine.zones import zone
from bookings.models import Booking

SURFACE = "leadconnector"

TAKEN = "The slot you have selected is no longer available."
NO_TOKEN = "Invalid token: access token is invalid"  # noqa: S105
NO_SCOPE = "The token is not authorized for this scope."
NO_VERSION = "version header was not found."
FOREIGN_LOCATION = "The token does not have access to this location."
NOT_IN_TEAM = "The user id not part of calendar team."

FIELDS = {
    "timezone": "startTime",
    "duration": "endTime",
    "end": "endTime",
    "location": "address",
    "people": "contactId",
}
"""Where the domain's fields stand in a request's body, if they are called otherwise there."""


def refusal(said: Refusal) -> tuple[int, dict[str, Any]]:
    """Status and body of a refusal. Business says 400 and one text, values 422 and a list of texts, a missing scope
    401 as the vendor has it."""
    if isinstance(said.cause, SlotTaken):
        return 400, {"statusCode": 400, "message": TAKEN}
    if isinstance(said.cause, (NotAllowed, LinkClosed)) or said.status == 400:
        return 400, {"statusCode": 400, "message": said.message}
    if said.status == 422:
        problems = [problem.message or problem.code for problem in said.problems]
        return 422, {"statusCode": 422, "message": problems or [said.message], "error": "Unprocessable Entity"}
    status = 401 if said.code == "forbidden" else said.status
    told = {"unauthenticated": NO_TOKEN, "forbidden": NO_SCOPE}
    return status, {
        "statusCode": status,
        "message": told.get(said.code, said.message),
        "error": HTTPStatus(status).phrase,
    }


def allowance(limit: int, used: int, reset_s: int) -> dict[str, str]:
    """What a token may still do, in the vendor's headers. The day's limit is that of its minutes, and ends with UTC's
    day."""
    left = max(0, limit - used)
    minutes_after = (86_400 - reset_s % 86_400) // 60 % 1440
    return {
        "x-ratelimit-limit-daily": str(limit * 1440),
        "x-ratelimit-daily-remaining": str(left + limit * minutes_after),
        "x-ratelimit-interval-milliseconds": "60000",
        "x-ratelimit-max": str(limit),
        "x-ratelimit-remaining": str(left),
    }


# ── Times ──

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d(?::\d\d)?)(?:[.,]\d{1,9})?\s*(Z|z|[+-]\d\d:?[0-5]\d)?", re.ASCII)
_YEARS = range(1970, 2200)
_MILLISECONDS = re.compile(r"-?\d{1,15}", re.ASCII)


class Moment(NamedTuple):
    """An instant in UTC seconds and the offset it was written with: "Z", "+05:30", or "" for none."""

    at: int
    offset: str


def read_time(text: str, home: str) -> Moment | None:
    """A time in ISO 8601; without an offset it is read in the zone `home`. None when it is none we take."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return None
    try:
        wall = datetime.fromisoformat(f"{match[1]}T{match[2]}").replace(tzinfo=UTC)
    except ValueError:
        return None
    if wall.year not in _YEARS:
        return None
    seconds, offset = int(wall.timestamp()), (match[3] or "").upper()
    if not offset:
        return Moment(zone(home).to_utc(seconds), "")
    east = _east(offset)
    return None if abs(east) > 14 * 3600 else Moment(seconds - east, offset)


def spell(at: int, offset: str, tzid: str) -> str:
    """An instant as ISO 8601 with that offset, or else with that of the zone."""
    east = _east(offset) if offset else zone(tzid).offset(at)
    suffix = offset or _suffix(east)
    return f"{datetime.fromtimestamp(at + east, UTC):%Y-%m-%dT%H:%M:%S}{suffix}"


def stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def milliseconds(text: str) -> int | None:
    """Epoch milliseconds, as queries have them, in UTC seconds; None when it is none in our years."""
    if not _MILLISECONDS.fullmatch(text.strip()):
        return None
    seconds = int(text) // 1000
    return seconds if 0 <= seconds < 7_258_118_400 else None


def _east(offset: str) -> int:
    if offset == "Z":
        return 0
    digits = offset[1:].replace(":", "")
    size = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return -size if offset[0] == "-" else size


def _suffix(east: int) -> str:
    size = abs(east) // 60
    return f"{'-' if east < 0 else '+'}{size // 60:02d}:{size % 60:02d}"


# ── Statuses ──

STATUSES = ("new", "confirmed", "cancelled", "showed", "noshow", "invalid")
_STATUS_OF = {
    Booking.State.REQUESTED: "new",
    Booking.State.HELD: "new",
    Booking.State.CONFIRMED: "confirmed",
    Booking.State.IN_PROGRESS: "confirmed",
    Booking.State.COMPLETED: "showed",
    Booking.State.NO_SHOW: "noshow",
    Booking.State.DECLINED: "cancelled",
    Booking.State.CANCELLED: "cancelled",
    Booking.State.RESCHEDULED: "cancelled",
    Booking.State.INVALID: "invalid",
    Booking.State.ERROR: "invalid",
}


def status_of(booking: Booking) -> str:
    return _STATUS_OF[Booking.State(booking.state)]


# ── Appointments ──

LOCATION_TYPES = ("custom", "zoom", "gmeet", "phone", "address", "ms_teams", "google")
_LONGEST_ID, _LONGEST_TEXT, _LONGEST_RULE = 64, 1024, 2048


@dataclass(frozen=True)
class Asked:
    """What a request to make or change an appointment says; None and "" for what it leaves out."""

    calendar_id: str = ""
    location_id: str = ""
    contact_id: str = ""
    user_id: str = ""
    start: Moment | None = None
    end: Moment | None = None
    title: str | None = None
    description: str | None = None
    address: str | None = None
    status: str = ""
    place_type: str = ""
    place_id: str = ""
    override: bool | None = None
    any_date: bool = False
    forced: bool = False
    notify: bool | None = None
    rule: str = ""
    raw: dict[str, Any] = field(default_factory=dict)

    @property
    def tells(self) -> bool:
        """Whether people are told: `toNotify` is true unless said otherwise."""
        return self.notify is not False


_KEPT = ("meetingLocationId", "overrideLocationConfig", "ignoreDateRange", "ignoreFreeSlotValidation", "toNotify")
"""Documented fields for which the tables have no column, kept as they came."""


def read_appointment(body: dict[str, Any], reader: Reader, home: str, *, creating: bool) -> Asked:
    """Problems go to the reader; with any of them, the result is incomplete. `home` is the location's zone."""

    def named(key: str, required: bool = False) -> str:
        return reader.text(body, key, key, required=required and creating, longest=_LONGEST_ID)

    start = moment(body, "startTime", reader, home, required=creating)
    end = moment(body, "endTime", reader, home)
    if start and end and end.at <= start.at:
        reader.wrong("endTime", "invalid", "endTime must be after startTime.")
    return Asked(
        calendar_id=named("calendarId", True),
        location_id=named("locationId", True),
        contact_id=named("contactId", True),
        user_id=named("assignedUserId"),
        start=start,
        end=end,
        title=_words(body, "title", reader),
        description=_words(body, "description", reader, longest=None, one_line=False),
        address=_words(body, "address", reader),
        status=choice(body, "appointmentStatus", STATUSES, reader),
        place_type=choice(body, "meetingLocationType", LOCATION_TYPES, reader),
        place_id=named("meetingLocationId"),
        override=flag(body, "overrideLocationConfig", reader),
        any_date=flag(body, "ignoreDateRange", reader) or False,
        forced=flag(body, "ignoreFreeSlotValidation", reader) or False,
        notify=flag(body, "toNotify", reader),
        rule=reader.text(body, "rrule", "rrule", longest=_LONGEST_RULE, one_line=False),
        raw={key: body[key] for key in _KEPT if body.get(key) is not None},
    )


def moment(body: Mapping[str, Any], key: str, reader: Reader, home: str, *, required: bool = False) -> Moment | None:
    text = reader.text(dict(body), key, key, required=required)
    if not text.strip():
        return None
    found = read_time(text, home)
    if found is None:
        reader.wrong(key, "invalid", f"{key} must be a valid ISO 8601 date string, such as 2021-06-23T03:30:00+05:30.")
    return found


def choice(body: dict[str, Any], key: str, choices: tuple[str, ...], reader: Reader) -> str:
    value = reader.text(body, key, key)
    if not value or value in choices:
        return value
    reader.wrong(key, "invalid", f"{key} must be one of the following values: {', '.join(choices)}.")
    return ""


def flag(body: dict[str, Any], key: str, reader: Reader) -> bool | None:
    value = body.get(key)
    if value is not None and not isinstance(value, bool):
        reader.wrong(key, "invalid", f"{key} must be a boolean value.")
        return None
    return value


def _words(
    body: dict[str, Any], key: str, reader: Reader, *, longest: int | None = _LONGEST_TEXT, one_line: bool = True
) -> str | None:
    """A text, or None where it is left out."""
    if body.get(key) is None:
        return None
    return reader.text(body, key, key, longest=longest, one_line=one_line)


_DATE_TIME = re.compile(r"\d{8}T\d{6}Z?", re.ASCII)


class Rule(NamedTuple):
    """A rule of recurrence as RFC 5545 writes it, and the starts (UTC seconds) it leaves out."""

    text: str
    without: frozenset[int]


def read_rule(text: str, tzid: str, reader: Reader) -> Rule:
    """An RRULE with or without its name, and EXDATE lines after it. Times without a Z are in the zone."""
    rules, without = [], set[int]()
    for line in text.replace("\\n", "\n").splitlines():
        name, _, value = line.strip().rpartition(":")
        if name.upper() in ("", "RRULE") and value:
            rules.append(value)
        elif name.upper().startswith("EXDATE"):
            without |= {_excluded(each, tzid, reader) for each in value.split(",")}
        elif value:
            reader.wrong("rrule", "invalid", "rrule may hold one RRULE and EXDATE lines.")
    if len(rules) != 1:
        reader.wrong("rrule", "invalid", "rrule must hold exactly one RRULE.")
    return Rule(rules[0] if rules else "", frozenset(without))


def _excluded(text: str, tzid: str, reader: Reader) -> int:
    try:
        if not _DATE_TIME.fullmatch(text.strip()):
            raise ValueError
        seconds = int(datetime.strptime(text.strip()[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC).timestamp())
    except ValueError:
        reader.wrong("rrule", "invalid", "EXDATE must list times such as 20211105T040000Z.")
        return 0
    return seconds if text.strip().endswith("Z") else zone(tzid).to_utc(seconds)


def titled(template: str, calendar: str, contact: Mapping[str, str]) -> str:
    """A calendar's title of appointments with the contact's values in it; the calendar's name when that is empty."""
    values = {f"contact.{name}": value for name, value in contact.items()} | {"calendar.name": calendar}
    text = _PLACEHOLDER.sub(lambda match: values.get(match[1], ""), template or "{{contact.name}}")
    return " ".join(text.split())[:_LONGEST_TEXT] or calendar


_PLACEHOLDER = re.compile(r"\{\{\s*([\w.]{1,60})\s*\}\}")


def instance_id(series_id: str, start_s: int, end_s: int) -> str:
    """What one date of a series is called: the series, its start in milliseconds, its length in seconds."""
    return f"{series_id}_{start_s * 1000}_{end_s - start_s}"
