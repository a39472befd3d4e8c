"""What LeadConnector's paths take and answer, for the dialect's OpenAPI schema."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from drf_spectacular.utils import OpenApiParameter

from bookings.api.leadconnector import wire
from bookings.api.leadconnector.settings import CALENDAR_TYPES
from bookings.api.openapi import (
    ANYTHING,
    FLAG,
    INTEGER,
    MOMENT,
    NUMBER,
    TEXT,
    Method,
    Shape,
    header,
    listed,
    one_of,
    operation,
    query,
    record,
)

_REFUSAL = record(("statusCode", "message"), statusCode=INTEGER, message={"anyOf": [TEXT, listed(TEXT)]}, error=TEXT)
_REFUSED = (400, 401, 403, 404, 413, 415, 422, 429)
_VERSION = header("Version", required=True, description="Any version is taken, such as 2021-04-15")


def told(
    summary: str,
    *,
    answers: dict[int, Shape],
    takes: Shape | None = None,
    parameters: Sequence[OpenApiParameter] = (),
) -> Callable[[Method], Method]:
    """Describe one method, with what all of them have in common."""
    return operation(
        summary,
        takes=takes,
        answers=answers,
        parameters=[_VERSION, *parameters],
        refusals=_REFUSED,
        refusal=_REFUSAL,
    )


# ── Appointments ──

_TEXTS: dict[str, Shape] = {"title": TEXT, "description": TEXT, "address": TEXT, "rrule": TEXT}
_CHOICES: dict[str, Shape] = {
    "meetingLocationType": one_of(*wire.LOCATION_TYPES),
    "appointmentStatus": one_of(*wire.STATUSES),
}
_FLAGS = ("overrideLocationConfig", "ignoreDateRange", "toNotify", "ignoreFreeSlotValidation")
_SAID: dict[str, Shape] = {
    **_TEXTS,
    **_CHOICES,
    **dict.fromkeys(_FLAGS, FLAG),
    "meetingLocationId": TEXT,
    "assignedUserId": TEXT,
    "calendarId": TEXT,
    "startTime": MOMENT,
    "endTime": MOMENT,
}
NEW_APPOINTMENT = record(
    ("calendarId", "locationId", "contactId", "startTime"), **_SAID, locationId=TEXT, contactId=TEXT
)
CHANGED_APPOINTMENT = record(**_SAID)

_NAMES: dict[str, Shape] = dict.fromkeys(
    ("id", "calendarId", "locationId", "contactId", "assignedUserId", "title", "address", "meetingLocationType"), TEXT
)
_SHOWN: dict[str, Shape] = {
    **_NAMES,
    "startTime": MOMENT,
    "endTime": MOMENT,
    "appointmentStatus": one_of(*wire.STATUSES),
    "isRecurring": FLAG,
}
_SERIES: dict[str, Shape] = {"rrule": TEXT, "masterEventId": TEXT}
APPOINTMENT = record(tuple(_SHOWN), **_SHOWN, **_SERIES)
_MORE: dict[str, Shape] = {
    "groupId": TEXT,
    "users": listed(TEXT),
    "assignedResources": listed(TEXT),
    "description": TEXT,
    "notes": TEXT,
    "createdBy": record(("source",), source=TEXT),
    "dateAdded": MOMENT,
    "dateUpdated": MOMENT,
    "deleted": FLAG,
}
EVENT = record((*_SHOWN, *_MORE), **_SHOWN, **_MORE, **_SERIES, meetingLocationId=TEXT, toNotify=FLAG)
ONE_EVENT, EVENTS = record(("event",), event=EVENT), record(("events",), events=listed(EVENT))
SUCCEEDED = record(("succeeded",), succeeded=FLAG)

LOCATION = query("locationId", TEXT, required=True)
WINDOW = [
    LOCATION,
    query("startTime", INTEGER, required=True, description="Epoch milliseconds"),
    query("endTime", INTEGER, required=True, description="Epoch milliseconds"),
    query("userId", TEXT, description="This, calendarId or groupId is required"),
    query("calendarId", TEXT),
    query("groupId", TEXT),
]

# ── Blocked slots ──

_BLOCK: dict[str, Shape] = {
    "locationId": TEXT,
    "title": TEXT,
    "calendarId": TEXT,
    "assignedUserId": TEXT,
    "startTime": MOMENT,
    "endTime": MOMENT,
}
NEW_BLOCK = record(("locationId", "startTime", "endTime"), **_BLOCK)
CHANGED_BLOCK = record(**_BLOCK)
BLOCK = record(("id", "locationId", "title", "startTime", "endTime"), id=TEXT, **_BLOCK)

# ── Calendars ──

_HOUR = record(
    ("openHour", "openMinute", "closeHour", "closeMinute"),
    **dict.fromkeys(("openHour", "openMinute", "closeHour", "closeMinute"), INTEGER),
)
_OPEN = record(("daysOfTheWeek", "hours"), daysOfTheWeek=listed(INTEGER), hours=listed(_HOUR))
_PLACE = record(("kind",), kind=TEXT, location=TEXT, meetingId=TEXT)
_MEMBER = record(("userId",), userId=TEXT, priority=NUMBER, isPrimary=FLAG, locationConfigurations=listed(_PLACE))
_LENGTHS = ("slotDuration", "slotInterval", "slotBuffer", "preBuffer", "allowBookingAfter", "allowBookingFor")
_SETTINGS: dict[str, Shape] = {
    **dict.fromkeys(("name", "description", "slug", "eventTitle", "groupId"), TEXT),
    **dict.fromkeys(_LENGTHS, NUMBER),
    **{f"{name}Unit": TEXT for name in _LENGTHS},
    **dict.fromkeys(("appoinmentPerSlot", "appoinmentPerDay"), NUMBER),
    **dict.fromkeys(("isActive", "autoConfirm", "allowReschedule", "allowCancellation"), FLAG),
    "calendarType": one_of(*CALENDAR_TYPES),
    "openHours": listed(_OPEN),
    "teamMembers": listed(_MEMBER),
    "locationConfigurations": listed(_PLACE),
}
NEW_CALENDAR = record(("locationId", "name"), locationId=TEXT, **_SETTINGS)
CHANGED_CALENDAR = record(**_SETTINGS)
CALENDAR = record(("id", "locationId", "name"), id=TEXT, locationId=TEXT, **_SETTINGS)
ONE_CALENDAR, CALENDARS = record(("calendar",), calendar=CALENDAR), record(("calendars",), calendars=listed(CALENDAR))
SUCCESS = record(("success",), success=FLAG)
OF_CALENDARS = [LOCATION, query("groupId", TEXT), query("showDrafted", FLAG)]
FREE_SLOTS: Shape = {"type": "object", "additionalProperties": record(("slots",), slots=listed(MOMENT))}
RANGE = [
    query("startDate", INTEGER, required=True, description="Epoch milliseconds"),
    query("endDate", INTEGER, required=True, description="Epoch milliseconds, 31 days later at most"),
    query("timezone", TEXT, description="IANA name; the location's unless it is given"),
    query("userId", TEXT),
    query("userIds", listed(TEXT)),
]

# ── Groups ──

_GROUP: dict[str, Shape] = {"name": TEXT, "description": TEXT, "slug": TEXT}
NEW_GROUP = record(("locationId", "name", "slug"), locationId=TEXT, isActive=FLAG, **_GROUP)
CHANGED_GROUP = record(("name",), **_GROUP)
GROUP = record(("id", "locationId", *_GROUP, "isActive"), id=TEXT, locationId=TEXT, isActive=FLAG, **_GROUP)
ONE_GROUP, GROUPS = record(("group",), group=GROUP), record(("groups",), groups=listed(GROUP))
STATUS = record(("isActive",), isActive=FLAG)
SLUG = record(("locationId", "slug"), locationId=TEXT, slug=TEXT)
AVAILABLE = record(("available",), available=FLAG)

# ── Contacts ──

_PERSON: dict[str, Shape] = {
    **dict.fromkeys(("firstName", "lastName", "name", "email", "phone", "timezone", "companyName", "source"), TEXT),
    "tags": listed(TEXT),
    "customFields": listed(ANYTHING),
    "dnd": FLAG,
}
NEW_CONTACT = record(("locationId",), locationId=TEXT, **_PERSON)
_CONTACT = record(
    ("id", "locationId", "name", "email", "phone", "dateAdded"),
    id=TEXT,
    locationId=TEXT,
    **_PERSON,
    contactName=TEXT,
    dateAdded=MOMENT,
    dateUpdated=MOMENT,
)
CONTACT: Shape = record(("contact",), contact=_CONTACT)
UPSERTED: Shape = record(("new", "contact"), new=FLAG, contact=_CONTACT)
