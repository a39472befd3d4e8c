"""What each model's fields are, as GET /v1/models/{model}/fields tells it."""

from __future__ import annotations

from typing import Any

from bookings.api.morph import wire
from bookings.api.morph.asked import STATUSES

_NAMES = {
    "requested": "Requested",
    "planned": "Planned",
    "inProgress": "In progress",
    "completed": "Completed",
    "canceled": "Canceled",
    "active": "Active",
    "inactive": "Inactive",
    "available": "Available",
    "unavailable": "Unavailable",
}


def _field(
    key: str,
    kind: str,
    name: str,
    description: str,
    *,
    required: bool = False,
    fixed: bool = False,
    choices: tuple[str, ...] = (),
    unit: str = "",
) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "key": key,
        "name": name,
        "description": description,
        "type": kind,
        "isRequired": required,
        "isFieldReadOnly": True,
        "isValueReadOnly": fixed,
        "isCustom": False,
        "remote": {"key": key},
    }
    if choices:
        shown["options"] = [{"value": each, "name": _NAMES[each]} for each in choices]
    return shown | ({"unit": unit} if unit else {})


FIELDS: dict[str, list[dict[str, Any]]] = {
    wire.EVENT: [
        _field("eventType", "resource", "Event type", "The scheduling event type this event belongs to"),
        _field("title", "text", "Title", "Title of the scheduling event"),
        _field("description", "text", "Description", "Description of the scheduling event"),
        _field("status", "select", "Status", "Status of the scheduling event", choices=STATUSES),
        _field("startTime", "datetime", "Start time", "Start time of the event", required=True),
        _field("endTime", "datetime", "End time", "End time of the event"),
        _field("duration", "number", "Duration", "Duration of the event in minutes", unit="minutes"),
        _field("attendees", "resource", "Attendees", "Internal attendees of the event"),
        _field("externalAttendees", "object", "External attendees", "External attendees of the event", required=True),
        _field("organizer", "resource", "Organizer", "Organizer of the event"),
        _field("answers", "object", "Answers", "Answers to the event type questions", required=True),
    ],
    wire.EVENT_TYPE: [
        _field("name", "text", "Name", "Name of the scheduling event type", required=True, fixed=True),
        _field(
            "status",
            "select",
            "Status",
            "Status of the scheduling event type",
            required=True,
            fixed=True,
            choices=("active", "inactive"),
        ),
        _field("durations", "number", "Durations", "Available durations in minutes", fixed=True, unit="minutes"),
        _field("questions", "object", "Questions", "Questions to ask when scheduling", required=True, fixed=True),
        _field("schedulingUrl", "text", "Scheduling URL", "Where this event type is booked", required=True, fixed=True),
        _field("slots", "resource", "Slots", "Available slots for this event type", fixed=True),
        _field("owner", "resource", "Owner", "Owner of this scheduling event type", fixed=True),
    ],
    wire.SLOT: [
        _field("eventType", "resource", "Event type", "The scheduling event type of the slot", fixed=True),
        _field("timezone", "text", "Time zone", "Time zone of the scheduling slot", fixed=True),
        _field(
            "status",
            "select",
            "Status",
            "Availability status of the slot",
            required=True,
            fixed=True,
            choices=("available", "unavailable"),
        ),
        _field("date", "text", "Date", "Date of the scheduling slot", required=True, fixed=True),
        _field("startTime", "datetime", "Start time", "Start time of the scheduling slot", required=True, fixed=True),
    ],
    wire.USER: [
        _field("firstName", "text", "First name", "First name", fixed=True),
        _field("lastName", "text", "Last name", "Last name", fixed=True),
        _field("email", "text", "Email", "Email", fixed=True),
    ],
}

OPERATIONS = (
    *(f"{wire.EVENT}::{verb}" for verb in ("create", "retrieve", "list", "update", "delete")),
    *(f"{model}::{verb}" for model in (wire.EVENT_TYPE, wire.SLOT, wire.USER) for verb in ("retrieve", "list")),
)
"""Everything that can be done through a connection here."""
