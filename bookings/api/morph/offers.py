"""Writing what can be booked: schedulingEventType, schedulingSlot, and the genericUser whose time it is."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.conf import settings

from bookings.api.morph import wire
from bookings.api.morph.asked import is_answer
from bookings.api.reader import Reader
from bookings.engine.zones import zone
from bookings.models import EventType, Host, Question

_SLOT_OPENING = "res_"
_YES_OR_NO = [{"value": "yes", "name": "Yes"}, {"value": "no", "name": "No"}]
_QUESTION_TYPE = {
    Question.Kind.TEXT: "text",
    Question.Kind.NUMBER: "number",
    Question.Kind.SELECT: "select",
    Question.Kind.MULTISELECT: "multiselect",
    Question.Kind.PHONE: "text",
    Question.Kind.CHECKBOX: "select",
}


def user(host: Host, user_id: str) -> dict[str, Any]:
    first, _, last = host.name.partition(" ")
    parts = {"firstName": first, "lastName": last.strip(), "email": host.email}
    fields = {name: value for name, value in parts.items() if value}
    return wire.resource(wire.USER, user_id, fields, host.created_at, host.created_at)


def event_type(
    offered: EventType, type_id: str, questions: Iterable[Question], owner: dict[str, Any] | None
) -> dict[str, Any]:
    """`owner` is the ref or resource of the connection's host."""
    fields: dict[str, Any] = {
        "name": offered.name,
        "status": "active" if offered.is_active else "inactive",
        "durations": offered.durations,
        "questions": [_question(each) for each in questions],
        "schedulingUrl": f"{settings.BASE_URL}/",
    }
    if owner is not None:
        fields["owner"] = owner
    return wire.resource(wire.EVENT_TYPE, type_id, fields, offered.created_at, offered.created_at)


def _question(asked: Question) -> dict[str, Any]:
    kind = _QUESTION_TYPE[Question.Kind(asked.kind)]
    shown = {"key": asked.key, "type": kind, "name": asked.label, "required": asked.required}
    return shown | ({"options": options(asked)} if kind in ("select", "multiselect") else {})


def options(asked: Question) -> list[dict[str, str]]:
    """The choices of a question. A yes or no is a choice of the two."""
    if asked.kind == Question.Kind.CHECKBOX:
        return _YES_OR_NO
    return [_option(each) for each in asked.options]


def _option(choice: Any) -> dict[str, str]:
    if isinstance(choice, dict):
        value = str(choice.get("value", ""))
        return {"value": value, "name": str(choice.get("name") or choice.get("label") or value)}
    return {"value": str(choice), "name": str(choice)}


def check_answers(questions: Sequence[Question], answers: dict[str, Any], reader: Reader) -> None:
    """Note every required question without an answer, and every answer that its question does not take."""
    for asked in questions:
        path, answer = f"answers.{asked.key}", answers.get(asked.key)
        if answer in (None, "", []):
            if asked.required:
                reader.wrong(path, "required", f"{path} is required: {asked.label}")
        elif is_answer(answer) and (wrong := _wrong(asked, answer)):
            reader.wrong(path, "invalid", f"{path} {wrong}.")


def _wrong(asked: Question, answer: Any) -> str:
    """What is wrong with an answer; empty when nothing is."""
    if asked.kind == Question.Kind.NUMBER:
        return "" if _is_number(answer) else "must be a number"
    if asked.kind in (Question.Kind.TEXT, Question.Kind.PHONE):
        return "must be one text" if isinstance(answer, list) else ""
    if asked.kind != Question.Kind.MULTISELECT and isinstance(answer, list):
        return "must be one of the choices"
    possible = {each["value"] for each in options(asked)}
    chosen = {str(each) for each in (answer if isinstance(answer, list) else [answer])}
    return "" if not possible or chosen <= possible else f"must be of: {', '.join(sorted(possible))}"


def _is_number(answer: Any) -> bool:
    if not isinstance(answer, str):
        return isinstance(answer, int | float)
    try:
        float(answer)
    except ValueError:
        return False
    return True


def slot(type_id: str, start_s: int, tzid: str, *, free: bool, offered: EventType) -> dict[str, Any]:
    fields = {
        "eventType": wire.ref(wire.EVENT_TYPE, type_id),
        "timezone": tzid,
        "status": "available" if free else "unavailable",
        "date": wire.instant(zone(tzid).to_wall(start_s))[:10],
        "startTime": wire.instant(start_s),
    }
    return wire.resource(wire.SLOT, slot_id(type_id, start_s), fields, offered.created_at, offered.created_at)


def slot_id(type_id: str, start_s: int) -> str:
    """A slot is no row: its id says which event type it is of, and when."""
    said = json.dumps({"eventType": type_id, "startAt": wire.instant(start_s)}, separators=(",", ":"))
    return _SLOT_OPENING + base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")


def read_slot_id(text: str) -> tuple[str, int] | None:
    """The event type's id and the start in UTC seconds; None for what is no id of a slot."""
    packed = text.removeprefix(_SLOT_OPENING)
    try:
        said = json.loads(base64.b64decode(packed + "=" * (-len(packed) % 4), altchars=b"-_"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or not all(isinstance(said.get(key), str) for key in ("eventType", "startAt")):
        return None
    start_s = wire.seconds(said["startAt"])
    return None if start_s is None else (said["eventType"], start_s)
