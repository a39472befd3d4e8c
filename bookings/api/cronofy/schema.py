"""What Cronofy's paths take and answer, for the dialect's OpenAPI schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bookings.api.openapi import (
    FLAG,
    INTEGER,
    MOMENT,
    TEXT,
    Method,
    Shape,
    listed,
    one_of,
    operation,
    query,
    record,
)

TITLE = "Convene for clients of Cronofy"
DESCRIPTION = (
    "Scheduling requests, availability, events and calendars. Application calls take a client secret, calls about one "
    "account its access token, or a client secret with `Cronofy-Impersonate: <sub>`."
)
CREDENTIALS: Mapping[str, Mapping[str, str]] = {"Bearer": {"type": "http", "scheme": "bearer"}}

_PROBLEM = record(("key", "description"), key=TEXT, description=TEXT)
REFUSAL = record(errors={"type": "object", "additionalProperties": listed(_PROBLEM)})
OAUTH_REFUSAL = record(("error", "error_description"), error=TEXT, error_description=TEXT)

_LENGTH = record(("minutes",), minutes=INTEGER)
_WIRE_TIME: Shape = {
    "anyOf": [
        {"type": "string", "description": "2027-03-01T09:00:00Z, or 2027-03-01 for all-day events"},
        record(("time",), time=TEXT, tzid=TEXT),
    ]
}
_GAP: Shape = {"anyOf": [_LENGTH, record(("minimum",), minimum=_LENGTH, maximum=_LENGTH)]}
_BUFFER = record(before=_GAP, after=_GAP)
_SUB = record(("sub",), sub=TEXT)
_PLACE = record(description=TEXT)

NEW_REQUEST = record(
    ("recipients", "event"),
    host=_SUB,
    scheduler_group_rule=record(("id",), id=TEXT),
    recipients=listed(record(("email",), email=TEXT, display_name=TEXT, slot_selector=FLAG)),
    event=record(("summary",), summary=TEXT, description=TEXT, location=_PLACE, duration=_LENGTH, locale=TEXT),
    buffer=_BUFFER,
)
_RECIPIENT = record(("email", "select_url"), email=TEXT, display_name=TEXT, select_url=TEXT, slot_selector=FLAG)


def made_request(wrapper: str) -> Shape:
    """The answer to a create request, under either of its names."""
    fields: Mapping[str, Shape] = {
        f"{wrapper}_id": TEXT,
        "recipients": listed(_RECIPIENT),
        "primary_select_url": TEXT,
    }
    return record((wrapper,), **{wrapper: record((f"{wrapper}_id", "recipients"), **fields)})


REQUEST = record(
    ("scheduling_request",),
    scheduling_request=record(
        ("scheduling_request_id", "slot_selection", "primary_select_url", "summary", "recipients", "event"),
        scheduling_request_id=TEXT,
        slot_selection=one_of("pending", "complete"),
        primary_select_url=TEXT,
        dashboard_url=TEXT,
        summary=TEXT,
        duration=_LENGTH,
        recipient_operations=record(("view_url",), view_url=TEXT),
        recipients=listed(_RECIPIENT),
        event=record(("summary", "duration"), summary=TEXT, duration=_LENGTH, start=MOMENT, end=MOMENT),
    ),
)
REQUESTS = record(("scheduling_requests",), scheduling_requests=listed(REQUEST))
REQUEST_IDS = record(("scheduling_request_ids",), scheduling_request_ids=listed(TEXT))
REQUEST_ID = record(("scheduling_request_id",), scheduling_request_id=TEXT)

_PERIOD = record(("start", "end"), start=_WIRE_TIME, end=_WIRE_TIME)
_MEMBER = record(
    ("sub",),
    sub=TEXT,
    managed_availability=FLAG,
    calendar_ids=listed(TEXT),
    availability_rule_ids=listed(TEXT),
    available_periods=listed(_PERIOD),
)
_GROUP = record(
    ("members",), members=listed(_MEMBER), required={"anyOf": [one_of("all"), {"type": "integer", "minimum": 1}]}
)
AVAILABILITY = record(
    ("participants", "required_duration"),
    participants=listed(_GROUP),
    required_duration=_LENGTH,
    query_periods=listed(_PERIOD),
    query_slots=listed(record(("start",), start=_WIRE_TIME)),
    buffer=_BUFFER,
    start_interval=_LENGTH,
    max_results=INTEGER,
    response_format=one_of("periods", "slots", "overlapping_slots"),
)
_FOUND = listed(record(("start", "end", "participants"), start=MOMENT, end=MOMENT, participants=listed(_SUB)))
AVAILABLE: Shape = {
    "anyOf": [
        record(("available_periods",), available_periods=_FOUND),
        record(("available_slots",), available_slots=_FOUND),
    ]
}

_DAY = one_of("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_HOURS = record(("day", "start_time", "end_time"), day=_DAY, start_time=TEXT, end_time=TEXT)
RULE = record(
    ("availability_rule_id", "tzid", "weekly_periods"),
    availability_rule_id=TEXT,
    tzid=TEXT,
    calendar_ids=listed(TEXT),
    weekly_periods=listed(_HOURS),
)
ONE_RULE = record(("availability_rule",), availability_rule=RULE)
RULES = record(("availability_rules",), availability_rules=listed(RULE))
PERIOD = record(("available_period_id", "start", "end"), available_period_id=TEXT, start=_WIRE_TIME, end=_WIRE_TIME)
PERIOD_ID = record(("available_period_id",), available_period_id=TEXT)

_PROFILE: Mapping[str, Shape] = {"provider_name": TEXT, "profile_id": TEXT, "profile_name": TEXT}
_HEALTH: Mapping[str, Shape] = {
    "profile_connected": FLAG,
    "profile_initial_sync_required": FLAG,
    "profile_relink_url": TEXT,
}
_CALENDAR: Mapping[str, Shape] = {
    "calendar_id": TEXT,
    "calendar_name": TEXT,
    "calendar_readonly": FLAG,
    "calendar_deleted": FLAG,
    "calendar_primary": FLAG,
    "calendar_integrated_conferencing_available": FLAG,
    "calendar_attachments_available": FLAG,
    "permission_level": TEXT,
}
CALENDAR = record((*_PROFILE, *_CALENDAR), **_PROFILE, **_CALENDAR)
CALENDARS = record(("calendars",), calendars=listed(CALENDAR))
NEW_CALENDAR = record(("profile_id", "name"), profile_id=TEXT, name=TEXT)
ONE_CALENDAR = record(("calendar",), calendar=CALENDAR)
PROFILES = record(("profiles",), profiles=listed(record(tuple(_PROFILE), **_PROFILE, **_HEALTH)))
_WHOLE_PROFILE = record(
    (*_PROFILE, "profile_calendars"),
    **_PROFILE,
    **_HEALTH,
    profile_calendars=listed(record(tuple(_CALENDAR), **_CALENDAR)),
)
_DATA = record(
    ("authorization", "profiles"),
    authorization=record(("scope", "status"), scope=TEXT, status=TEXT),
    profiles=listed(_WHOLE_PROFILE),
)
USERINFO = record(
    ("sub", "email", "name", "zoneinfo", "cronofy.type", "cronofy.data"),
    **{"sub": TEXT, "email": TEXT, "name": TEXT, "zoneinfo": TEXT, "cronofy.type": TEXT, "cronofy.data": _DATA},
)
ACCOUNT = record(
    ("account",),
    account=record(
        ("account_id", "email", "name", "scope", "default_tzid"),
        account_id=TEXT,
        email=TEXT,
        name=TEXT,
        type=TEXT,
        scope=TEXT,
        default_tzid=TEXT,
    ),
)

_TRANSPARENCY = one_of("opaque", "transparent")
_GUEST = record(("email",), email=TEXT, display_name=TEXT)
NEW_EVENT = record(
    event_id=TEXT,
    event_uid=TEXT,
    summary=TEXT,
    description=TEXT,
    start=_WIRE_TIME,
    end=_WIRE_TIME,
    tzid=TEXT,
    location=record(description=TEXT, lat=TEXT, long=TEXT),
    url=TEXT,
    reminders=listed(_LENGTH),
    reminders_create_only=FLAG,
    transparency=_TRANSPARENCY,
    extended_transparency=TEXT,
    event_private=FLAG,
    attendees=record(invite=listed(_GUEST), remove=listed(record(("email",), email=TEXT))),
    conferencing=record(profile_id=TEXT, provider_description=TEXT, join_url=TEXT),
    color=TEXT,
)
EVENT_NAMED = record(event_id=TEXT, event_uid=TEXT)
BULK = record(delete_all=FLAG, calendar_ids=listed(TEXT))
STATUS = record(("status",), status=one_of("accepted", "tentative", "declined"))
_EVENT = record(
    (
        *("calendar_id", "event_uid", "summary", "description", "start", "end", "deleted", "created", "updated"),
        *("participation_status", "attendees", "transparency", "status", "categories", "recurring", "event_private"),
        "options",
    ),
    calendar_id=TEXT,
    event_uid=TEXT,
    event_id=TEXT,
    summary=TEXT,
    description=TEXT,
    start=_WIRE_TIME,
    end=_WIRE_TIME,
    deleted=FLAG,
    created=MOMENT,
    updated=MOMENT,
    location=record(description=TEXT, lat=TEXT, long=TEXT),
    participation_status=TEXT,
    attendees=listed(record(("email", "display_name", "status"), email=TEXT, display_name=TEXT, status=TEXT)),
    organizer=record(("email", "display_name"), email=TEXT, display_name=TEXT),
    transparency=_TRANSPARENCY,
    status=one_of("confirmed", "tentative", "cancelled"),
    categories=listed(TEXT),
    recurring=FLAG,
    series_identifier=TEXT,
    event_private=FLAG,
    options=record(("delete", "update", "change_participation_status"), delete=FLAG, update=FLAG),
    meeting_url=TEXT,
)
_STATUS = one_of("busy", "free", "tentative", "unknown")
_FREE_BUSY = record(
    ("calendar_id", "start", "end", "free_busy_status"),
    calendar_id=TEXT,
    start=_WIRE_TIME,
    end=_WIRE_TIME,
    free_busy_status=_STATUS,
)


def paged(name: str, item: Shape) -> Shape:
    """A page of a list; `next_page` is the address of the next one."""
    pages = record(("current", "total"), current=INTEGER, total=INTEGER, next_page=TEXT)
    return record(("pages", name), **{"pages": pages, name: listed(item)})


EVENTS, FREE_BUSY = paged("events", _EVENT), paged("free_busy", _FREE_BUSY)
PERIODS = paged("available_periods", PERIOD)

_PAGE = query("page", INTEGER, description="From 1")
_LOCALIZED = query("localized_times", FLAG)
_BOUNDS = (query("from", TEXT, description="A date or a time"), query("to", TEXT, description="A date or a time"))
PERIOD_QUERY = (*_BOUNDS, query("tzid", TEXT, description="Needed with from or to"), _LOCALIZED, _PAGE)
EVENT_QUERY = (
    query("tzid", TEXT, required=True),
    *_BOUNDS,
    query("last_modified", TEXT),
    *(query(name, FLAG) for name in ("include_managed", "only_managed", "include_deleted", "include_geo")),
    _LOCALIZED,
    _PAGE,
)

TOKEN_ASKED = record(
    ("grant_type", "client_secret"),
    client_id=TEXT,
    client_secret=TEXT,
    grant_type=one_of("authorization_code", "refresh_token"),
    code=TEXT,
    redirect_uri=TEXT,
    refresh_token=TEXT,
)
TOKENS = record(
    ("token_type", "access_token", "expires_in", "refresh_token", "scope"),
    token_type=TEXT,
    access_token=TEXT,
    expires_in=INTEGER,
    refresh_token=TEXT,
    scope=TEXT,
    account_id=TEXT,
    sub=TEXT,
    linking_profile=record(tuple(_PROFILE), **_PROFILE),
)
REVOKED = record(("client_secret", "token"), client_id=TEXT, client_secret=TEXT, token=TEXT)

_EMPTY = (401, 403, 404)
_TOLD = (405, 409, 413, 415, 422, 429)


def told(
    summary: str,
    answer: Shape | None,
    *,
    status: int = 200,
    takes: Shape | None = None,
    parameters: Sequence[Any] = (),
) -> Callable[[Method], Method]:
    """Describe a method: 401, 403 and 404 have no body, every other refusal names the fields."""
    answers: dict[int, Shape | None] = {status: answer} | dict.fromkeys(_EMPTY)
    return operation(summary, takes=takes, answers=answers, parameters=parameters, refusals=_TOLD, refusal=REFUSAL)


def granted(summary: str, answer: Shape | None, *, takes: Shape) -> Callable[[Method], Method]:
    """Describe a method of the token endpoints, whose errors are those of RFC 6749."""
    refusals = (400, 401, 405, 413, 415, 429)
    return operation(summary, takes=takes, answers={200: answer}, refusals=refusals, refusal=OAUTH_REFUSAL)
