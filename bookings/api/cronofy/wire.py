"""Cronofy's words for scheduler requests, both ways. Nothing outside this folder knows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings

from bookings.api.cronofy import times
from bookings.api.reader import Reader
from bookings.domain import links, refs, requests
from bookings.models import SchedulerRequest

SURFACE = "cronofy"

_LONGEST_NAME = 200
_LONGEST_LOCATION = 1024
_LONGEST_LOCALE = 16
_LONGEST_EMAIL = 320

FIELDS = {
    "host": "host.sub",
    "group_rule": "scheduler_group_rule.id",
    "recipient_email": "recipients.email",
    "recipient_name": "recipients.display_name",
    "summary": "event.summary",
    "description": "event.description",
    "duration": "event.duration.minutes",
    "location": "event.location.description",
    "locale": "event.locale",
    "buffer_before": "buffer.before",
    "buffer_after": "buffer.after",
}
"""Where the domain's fields stand in a request's body."""


@dataclass(frozen=True)
class Wrapper:
    """The API was renamed once and both names live on: the object's key and that of its id."""

    name: str

    @property
    def id(self) -> str:
        return f"{self.name}_id"


SCHEDULER = Wrapper("scheduler_request")
SCHEDULING = Wrapper("scheduling_request")


@dataclass(frozen=True)
class Asked:
    """What a create request says. `sub` and `rule_id` are None when it names no host and no group rule; `details` are
    arguments of domain.requests.send."""

    sub: str | None
    rule_id: str | None
    details: dict[str, Any]


def read(body: dict[str, Any], reader: Reader) -> Asked:
    """Read a create request. Problems go to the reader; with any of them, the result is incomplete."""
    recipient = _recipient(body, reader)
    event = reader.object(body, "event", "event", required=True)
    details: dict[str, Any] = {"raw": _unmapped(body, recipient)}
    if recipient is not None:
        details |= _person(recipient, reader)
    if event is not None:
        details |= _event(event, reader)
    details |= buffers(body, reader)
    return Asked(_named(body, reader, "host", "sub"), _named(body, reader, "scheduler_group_rule", "id"), details)


def _named(body: dict[str, Any], reader: Reader, holder: str, key: str) -> str | None:
    """The key of an object that may be left out, but if it is there must name something."""
    if body.get(holder) is None:
        return None
    inner = reader.object(body, holder, holder)
    return "" if inner is None else reader.text(inner, key, f"{holder}.{key}", required=True)


def _recipient(body: dict[str, Any], reader: Reader) -> dict[str, Any] | None:
    recipients = reader.array(body, "recipients", "recipients", required=True)
    if len(recipients) > 1:
        reader.wrong("recipients", "invalid", "Only one recipient is supported.")
    elif recipients and not isinstance(recipients[0], dict):
        reader.wrong("recipients", "invalid", "A recipient must be an object.")
    elif recipients:
        return dict(recipients[0])
    return None


def _person(recipient: dict[str, Any], reader: Reader) -> dict[str, Any]:
    name = "recipients.display_name"
    return {
        "recipient_email": reader.text(recipient, "email", "recipients.email", required=True, longest=_LONGEST_EMAIL),
        "recipient_name": reader.text(recipient, "display_name", name, longest=_LONGEST_NAME),
    }


def _event(event: dict[str, Any], reader: Reader) -> dict[str, Any]:
    location = reader.object(event, "location", "event.location") or {}
    place = reader.text(
        location, "description", "event.location.description", longest=_LONGEST_LOCATION, one_line=False
    )
    length = reader.object(event, "duration", "event.duration") or {}
    minutes = reader.integer(length, "minutes", "event.duration.minutes", least=1, most=requests.LONGEST)
    return {
        "summary": reader.text(event, "summary", "event.summary", required=True, longest=requests.SUMMARY_LIMIT),
        "description": reader.text(event, "description", "event.description", one_line=False),
        "location": place,
        "locale": reader.text(event, "locale", "event.locale", longest=_LONGEST_LOCALE),
        **({} if minutes is None else {"duration": minutes}),
    }


def buffers(body: dict[str, Any], reader: Reader) -> dict[str, Any]:
    """Either side as {"minutes": n} or {"minimum": {"minutes": n}, "maximum": …}; the least gap is kept free."""
    buffer = reader.object(body, "buffer", "buffer") or {}
    found: dict[str, Any] = {}
    for side in ("before", "after"):
        path = f"buffer.{side}"
        gap = reader.object(buffer, side, path) or {}
        minimum = reader.object(gap, "minimum", f"{path}.minimum")
        if minimum is not None:
            gap, path = minimum, f"{path}.minimum"
        minutes = reader.integer(gap, "minutes", f"{path}.minutes", least=0, most=requests.LONGEST)
        if minutes is not None:
            found[f"buffer_{side}"] = minutes
    return found


_UNMAPPED = ("collaborator_groups", "host_group", "availability_mode", "buffer", "tags")


def _unmapped(body: dict[str, Any], recipient: dict[str, Any] | None) -> dict[str, Any]:
    """Documented fields that our table has no column for, kept as they came."""
    kept = {name: body[name] for name in _UNMAPPED if name in body}
    if recipient and "slot_selector" in recipient:
        kept["slot_selector"] = recipient["slot_selector"]
    return kept


def created(request: SchedulerRequest, wrapper: Wrapper) -> dict[str, Any]:
    """The answer to a create request."""
    answer: dict[str, Any] = {
        wrapper.id: refs.ref(SURFACE, "request", request),
        "recipients": [_recipient_of(request)],
    }
    if wrapper is SCHEDULING:
        answer["primary_select_url"] = links.select_url(request.pk)
    return {wrapper.name: answer}


def shown(
    request: SchedulerRequest, external_id: str, booked: bool, taken: tuple[int, int] | None = None
) -> dict[str, Any]:
    """One request as reads show it. `taken`: start and end of what was booked with it, in UTC seconds."""
    url = links.select_url(request.pk)
    detail = {
        "scheduling_request_id": external_id,
        "slot_selection": "complete" if booked else "pending",
        "primary_select_url": url,
        "dashboard_url": f"{settings.BASE_URL}/",
        "summary": request.summary,
        "duration": {"minutes": request.duration},
        "recipient_operations": {"view_url": url},
        "recipients": [{**_recipient_of(request), "slot_selector": request.raw.get("slot_selector", True)}],
        "event": _event_of(request, taken),
    }
    detail |= {name: request.raw[name] for name in ("buffer", "collaborator_groups") if name in request.raw}
    return {"scheduling_request": detail}


def _recipient_of(request: SchedulerRequest) -> dict[str, str]:
    recipient = {"email": request.recipient_email}
    if request.recipient_name:
        recipient["display_name"] = request.recipient_name
    return {**recipient, "select_url": links.select_url(request.pk)}


def _event_of(request: SchedulerRequest, taken: tuple[int, int] | None) -> dict[str, Any]:
    event: dict[str, Any] = {"summary": request.summary, "duration": {"minutes": request.duration}}
    if taken is not None:
        event |= {"start": times.instant(taken[0]), "end": times.instant(taken[1])}
    if request.description:
        event["description"] = request.description
    if request.location:
        event["location"] = {"description": request.location}
    if request.locale:
        event["locale"] = request.locale
    return event
