"""What Timekit's paths take and answer, for the dialect's OpenAPI schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bookings.api.openapi import (
    ANYTHING,
    FLAG,
    INTEGER,
    MOMENT,
    TEXT,
    UUID,
    Method,
    Shape,
    listed,
    one_of,
    operation,
    optional,
    query,
    record,
)
from bookings.api.timekit import graphs
from bookings.api.timekit.wire import RSVP

TITLE = "Timekit"
DESCRIPTION = """Resources, projects, availability, bookings and events as Timekit's clients know them.

Times are RFC 3339. `Timekit-InputTimestampFormat` and `Timekit-OutputTimestampFormat` ask for other formats (the
letters of PHP's `date`), and `Timekit-Timezone` for another zone than that of the resource."""
CREDENTIALS: Mapping[str, Mapping[str, str]] = {
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "No user name and an app or widget key; or the e-mail address of a resource and its key.",
    }
}

OBJECT: Shape = {"type": "object"}
REFUSAL = record(error=TEXT, model=TEXT, errors={"type": "object", "additionalProperties": listed(TEXT)})
_ALWAYS = (400, 401, 403, 404, 405, 409, 413, 415, 422, 429)


def data(shape: Shape) -> Shape:
    return record(("data",), data=shape)


def page(item: Shape) -> Shape:
    numbers = dict.fromkeys(("total", "per_page", "current_page", "last_page"), INTEGER)
    links = dict.fromkeys(("next_page_url", "prev_page_url"), optional(TEXT))
    bounds = dict.fromkeys(("from", "to"), optional(INTEGER))
    return record((*numbers, "data"), **numbers, **links, **bounds, data=listed(item))


_NOTED: Mapping[str, Shape] = {"created_at": TEXT, "updated_at": TEXT}
_RSVP = one_of(*RSVP)
_BOOKABLE = record(("id", "name"), id=TEXT, name=TEXT, timezone=TEXT)
CALENDAR = record(
    ("id", "name"),
    id=TEXT,
    name=TEXT,
    display_name=TEXT,
    description=TEXT,
    foregroundcolor=TEXT,
    backgroundcolor=TEXT,
    provider=optional(TEXT),
    provider_id=optional(TEXT),
    provider_access=one_of("owner", "reader"),
    provider_primary=FLAG,
    provider_sync=FLAG,
    resource_id=TEXT,
    **_NOTED,
)
_COLOURS: Mapping[str, Shape] = {"description": TEXT, "foregroundcolor": TEXT, "backgroundcolor": TEXT}
NEW_CALENDAR = record(("name",), name=TEXT, resource_id=TEXT, **_COLOURS)
CHANGED_CALENDAR = record(name=TEXT, provider_sync=FLAG, **_COLOURS)

EVENT = record(
    ("id", "what", "where", "description", "start", "end", "all_day", "participants", "invite", "rsvp", "calendar"),
    id=TEXT,
    what=TEXT,
    where=TEXT,
    description=TEXT,
    start=TEXT,
    end=TEXT,
    all_day=FLAG,
    participants=listed(TEXT),
    invite=FLAG,
    rsvp=_RSVP,
    free=FLAG,
    status=one_of("confirmed", "tentative", "cancelled"),
    synced=FLAG,
    calendar_id=TEXT,
    calendar=CALENDAR,
    resource_id=TEXT,
    **_NOTED,
)
_EVENT_TEXTS: Mapping[str, Shape] = {"what": TEXT, "where": TEXT, "description": TEXT}
_TIMES: Mapping[str, Shape] = {"start": MOMENT, "end": MOMENT}
_PEOPLE: Mapping[str, Shape] = {"participants": listed(TEXT), "invite": FLAG, "my_rsvp": _RSVP}
_SAID: Mapping[str, Shape] = {**_TIMES, **_EVENT_TEXTS, **_PEOPLE, "all_day": FLAG, "free": FLAG}
NEW_EVENT = record(("calendar_id", "start", "end", "what", "where"), calendar_id=UUID, **_SAID, sync_provider=FLAG)
CHANGED_EVENT = record(**_SAID)

_CUSTOMER = record(name=TEXT, email=TEXT, phone=TEXT, voip=TEXT, timezone=TEXT, first_name=TEXT, last_name=TEXT)
_INFO = record(("start", "end", "what", "where", "description"), **dict.fromkeys((*_TIMES, *_EVENT_TEXTS), TEXT))
BOOKING = record(
    ("id", "graph", "state", "completed", "possible_actions", "attributes", "customers", "created_at", "updated_at"),
    id=TEXT,
    graph=one_of(*graphs.FIRST_ACTION, graphs.GROUP_OWNER),
    state=TEXT,
    completed=FLAG,
    possible_actions=listed(one_of(*graphs.LEADS_TO)),
    available_actions=listed(TEXT),
    attributes=record(("event_info",), event_info=_INFO),
    calendar=optional(CALENDAR),
    customers=listed(OBJECT),
    resource=optional(_BOOKABLE),
    project_id=optional(TEXT),
    meta=OBJECT,
    **_NOTED,
)
NEW_BOOKING = record(
    ("start", "end"),
    resource_id=UUID,
    project_id=UUID,
    calendar_id=UUID,
    graph=one_of(*graphs.FIRST_ACTION),
    action=one_of(*sorted(set(graphs.FIRST_ACTION.values()))),
    **_TIMES,
    **_EVENT_TEXTS,
    **_PEOPLE,
    customer=_CUSTOMER,
    meta=OBJECT,
    settings=record(allow_double_bookings=FLAG),
)
CHANGED_BOOKING = record(meta=OBJECT, **_EVENT_TEXTS)
ACTION = record(message=TEXT, **_TIMES)
RESCHEDULE = record(("start",), **_TIMES, message=TEXT, resource_id=UUID)
NEW_BOOKINGS = record(("bookings",), bookings=listed(NEW_BOOKING))
_ACTIONS = record(("id", "action"), id=UUID, action=one_of(*graphs.LEADS_TO))
CHANGED_BOOKINGS = record(bookings=listed(_ACTIONS), ids=listed(UUID), action=one_of(*graphs.LEADS_TO))

_CONSTRAINTS = listed(OBJECT)
RESOURCE = record(
    ("id", "first_name", "last_name", "name", "email", "timezone", "calendars"),
    id=TEXT,
    first_name=TEXT,
    last_name=TEXT,
    name=TEXT,
    email=TEXT,
    timezone=TEXT,
    availability_constraints=listed(ANYTHING),
    calendars=listed(CALENDAR),
    **_NOTED,
)
_NAMES: Mapping[str, Shape] = dict.fromkeys(("name", "first_name", "last_name", "email", "timezone"), TEXT)
NEW_RESOURCE = record(("name", "timezone"), **_NAMES, availability_constraints=_CONSTRAINTS, meta=OBJECT)
CHANGED_RESOURCE = record(**_NAMES, availability_constraints=_CONSTRAINTS, meta=OBJECT)

SLOT = record(("start", "end", "resources"), start=TEXT, end=TEXT, resources=listed(_BOOKABLE))
_LENGTHS: Mapping[str, Shape] = dict.fromkeys(("from", "to", "length", "buffer", "timeslot_increments"), TEXT)
QUESTION = record(
    mode=one_of("roundrobin_random", "roundrobin_prioritized", "mutual", "exclusive"),
    resources=listed(UUID),
    project_id=UUID,
    **_LENGTHS,
    constraints=_CONSTRAINTS,
    output_timezone=TEXT,
)
DATE = record(("date", "resources"), date=TEXT, resources=listed(TEXT))
FIND = record(
    emails=listed(TEXT),
    resource_ids=listed(UUID),
    start=TEXT,
    future=TEXT,
    length=TEXT,
    buffer=TEXT,
    filters=OBJECT,
    all_solutions=FLAG,
    no_day_span=FLAG,
    output_timezone=TEXT,
)
SPAN = record(("start", "end"), start=TEXT, end=TEXT)

_PARTS: Mapping[str, Shape] = dict.fromkeys(("ui", "booking", "availability", "customer_fields", "meta"), OBJECT)
PROJECT = record(
    ("id", "slug", "name", *_PARTS),
    id=TEXT,
    slug=TEXT,
    name=TEXT,
    description=TEXT,
    app_key=optional(TEXT),
    **_PARTS,
    availability_constraints=listed(ANYTHING),
    **_NOTED,
)
_PROJECT_SAID: Mapping[str, Shape] = {
    **{"slug": TEXT, "description": TEXT, "resources": listed(UUID), "availability_constraints": _CONSTRAINTS},
    **_PARTS,
}
NEW_PROJECT = record(("name",), name=TEXT, **_PROJECT_SAID)
CHANGED_PROJECT = record(name=TEXT, **_PROJECT_SAID)
MEMBER = record(("resource_id",), resource_id=UUID)
MEMBERS = record(("resources",), resources=listed(UUID))
BOOKABLE = _BOOKABLE
APP = record(("name", "slug", "timezone"), name=TEXT, slug=TEXT, timezone=TEXT)

PAGING = (query("page", INTEGER), query("limit", INTEGER, description="How many at most, 50 unless said"))
ORDER = (query("orderBy", TEXT), query("sortedBy", one_of("asc", "desc")))
SEARCH = (query("search", TEXT, description="field:value;field2:value2"),)
WINDOW = (query("start", TEXT), query("end", TEXT))
INCLUDE = (query("include", TEXT, description="What to add, separated by commas"),)


def told(
    summary: str,
    *,
    answers: Mapping[int, Shape | None],
    takes: Shape | None = None,
    parameters: Sequence[Any] = (),
) -> Callable[[Method], Method]:
    """Describe a method, whose refusals all have the vendor's shape."""
    return operation(summary, takes=takes, answers=answers, parameters=parameters, refusals=_ALWAYS, refusal=REFUSAL)
