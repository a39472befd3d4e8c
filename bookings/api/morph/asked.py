"""Reading a schedulingEvent: what an application asks for, checked as the vendor's schema checks it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bookings.api.morph import wire
from bookings.api.reader import Reader
from bookings.domain.event_rows import is_address
from bookings.formats.event import Person

_LONGEST_TITLE = 1024
_LONGEST_NAME = 200
_LONGEST_EMAIL = 320
_LONGEST_PHONE = 50
_MOST_PEOPLE = 100

STATUSES = ("requested", "planned", "inProgress", "completed", "canceled")


@dataclass(frozen=True)
class Attendee:
    """Somebody from outside, as the application tells of them."""

    email: str
    first: str = ""
    last: str = ""
    phone: str = ""

    @property
    def name(self) -> str:
        return f"{self.first} {self.last}".strip()

    @property
    def person(self) -> Person:
        return Person(self.email, self.name, phone=self.phone)

    @property
    def said(self) -> dict[str, str]:
        parts = {"firstName": self.first, "lastName": self.last, "email": self.email, "phoneNumber": self.phone}
        return {name: value for name, value in parts.items() if value}


@dataclass(frozen=True)
class Asked:
    """What a body says of a schedulingEvent; None where it says nothing. Times in UTC seconds, ids as they came."""

    start_s: int | None = None
    end_s: int | None = None
    length_s: int | None = None
    title: str | None = None
    description: str | None = None
    status: str | None = None
    event_type: str | None = None
    organizer: str | None = None
    attendees: list[str] | None = None
    people: list[Attendee] | None = None
    answers: dict[str, Any] | None = None


def read(body: dict[str, Any], reader: Reader, *, whole: bool) -> Asked:
    """Read the fields of a schedulingEvent: `whole` for a new one, whose required fields must be there."""
    return Asked(
        start_s=_time(body, "startTime", reader, required=whole),
        end_s=_time(body, "endTime", reader),
        length_s=_length(body, reader),
        title=_text(body, "title", reader, longest=_LONGEST_TITLE),
        description=_text(body, "description", reader, one_line=False),
        status=_status(body, reader),
        event_type=_id(body, "eventType", "eventType", reader),
        organizer=_id(body, "organizer", "organizer", reader),
        attendees=_ids(body, "attendees", reader),
        people=_people(body, reader, required=whole),
        answers=_answers(body, reader, required=whole),
    )


def _absent(body: dict[str, Any], name: str, reader: Reader, required: bool) -> bool:
    """An empty list or object is there all the same."""
    if body.get(name) is not None:
        return False
    if required:
        reader.wrong(name, "required", f"{name} is required.")
    return True


def _time(body: dict[str, Any], name: str, reader: Reader, *, required: bool = False) -> int | None:
    if _absent(body, name, reader, required):
        return None
    text = body[name]
    at_s = wire.seconds(text) if isinstance(text, str) else None
    if at_s is None:
        reader.wrong(name, "invalid", f"{name} must be an ISO 8601 date-time with Z or an offset.")
    return at_s


def _length(body: dict[str, Any], reader: Reader) -> int | None:
    """`duration` is a number of minutes; parts of a minute count as far as they are whole seconds."""
    minutes = body.get("duration")
    if minutes is None:
        return None
    if isinstance(minutes, bool) or not isinstance(minutes, int | float) or not 0 < minutes <= 31 * 1440:
        reader.wrong("duration", "invalid", "duration must be a number of minutes, more than 0 and at most 44640.")
        return None
    length = minutes * 60
    if length != int(length):
        reader.wrong("duration", "invalid", "duration must come out at whole seconds.")
    return int(length)


def _text(body: dict[str, Any], name: str, reader: Reader, **rules: Any) -> str | None:
    return None if body.get(name) is None else reader.text(body, name, name, **rules)


def _status(body: dict[str, Any], reader: Reader) -> str | None:
    status = body.get("status")
    if status is not None and status not in STATUSES:
        reader.wrong("status", "invalid", f"status must be one of {', '.join(STATUSES)}.")
        return None
    return status


def _id(holder: dict[str, Any], name: str, path: str, reader: Reader) -> str | None:
    inner = reader.object(holder, name, path)
    return None if inner is None else reader.text(inner, "id", f"{path}.id", required=True)


def _ids(body: dict[str, Any], name: str, reader: Reader) -> list[str] | None:
    if body.get(name) is None:
        return None
    found = [_id({name: each}, name, f"{name}.{index}", reader) for index, each in enumerate(_list(body, name, reader))]
    return [each for each in found if each]


def _list(body: dict[str, Any], name: str, reader: Reader) -> list[Any]:
    items = reader.array(body, name, name)
    if len(items) > _MOST_PEOPLE:
        reader.wrong(name, "invalid", f"{name} may hold {_MOST_PEOPLE} at most.")
        return []
    return items


def _people(body: dict[str, Any], reader: Reader, *, required: bool) -> list[Attendee] | None:
    name = "externalAttendees"
    if _absent(body, name, reader, required):
        return None
    found: dict[str, Attendee] = {}
    for index, each in enumerate(_list(body, name, reader)):
        path = f"{name}.{index}"
        if not isinstance(each, dict):
            reader.wrong(path, "invalid", f"{path} must be an object.")
            continue
        attendee = _attendee(each, path, reader)
        found.setdefault(attendee.email.casefold(), attendee)
    return list(found.values())


def _attendee(each: dict[str, Any], path: str, reader: Reader) -> Attendee:
    email = reader.text(each, "email", f"{path}.email", required=True, longest=_LONGEST_EMAIL).strip()
    if email and not is_address(email):
        reader.wrong(f"{path}.email", "invalid", f"{path}.email is not a mail address.")
    first, last = (reader.text(each, part, f"{path}.{part}").strip() for part in ("firstName", "lastName"))
    phone = reader.text(each, "phoneNumber", f"{path}.phoneNumber", longest=_LONGEST_PHONE).strip()
    attendee = Attendee(email, first, last, phone)
    if len(attendee.name) > _LONGEST_NAME:
        reader.wrong(f"{path}.lastName", "too_long", f"{path} has a name of more than {_LONGEST_NAME} characters.")
    return attendee


def _answers(body: dict[str, Any], reader: Reader, *, required: bool) -> dict[str, Any] | None:
    if _absent(body, "answers", reader, required):
        return None
    answers = reader.object(body, "answers", "answers") or {}
    for key, value in answers.items():
        if not is_answer(value):
            message = f"answers.{key} must be a string, an array of strings or a number."
            reader.wrong(f"answers.{key}", "invalid", message)
    return answers


def is_answer(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(each, str) for each in value)
    return isinstance(value, str | int | float) and not isinstance(value, bool)
