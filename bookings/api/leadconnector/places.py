"""Where appointments take place: a calendar's configured locations, and which of them a request means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bookings.api.leadconnector.wire import LOCATION_TYPES, Asked
from bookings.domain import rooms
from bookings.models import EventType

DEFAULT = "default"

KINDS = {
    "custom": "custom",
    "zoom_conference": "zoom",
    "google_conference": "gmeet",
    "inbound_call": "phone",
    "outbound_call": "phone",
    "physical": "address",
    "booker": "custom",
    "ms_teams_conference": "ms_teams",
}
"""The kinds of a calendar's locations, and the types of an appointment's."""

_KIND_OF = {
    EventType.Place.IN_PERSON: "physical",
    EventType.Place.PHONE: "outbound_call",
    EventType.Place.LINK: "custom",
    EventType.Place.JITSI: "custom",
    EventType.Place.MEET: "google_conference",
    EventType.Place.TEAMS: "ms_teams_conference",
}
_PLACE_OF = {
    "physical": EventType.Place.IN_PERSON,
    "inbound_call": EventType.Place.PHONE,
    "outbound_call": EventType.Place.PHONE,
    "google_conference": EventType.Place.MEET,
    "ms_teams_conference": EventType.Place.TEAMS,
}
WORDS = {"zoom": "Zoom", "gmeet": "Google Meet", "google": "Google Meet", "ms_teams": "Microsoft Teams"}
"""What stands for the address of a room that has none yet."""

_ROOMS = {"gmeet": rooms.MEET, "google": rooms.MEET, "ms_teams": rooms.TEAMS, "zoom": rooms.LINK}
"""Who says Zoom means the host's own room: we have no account there."""

_NUMBERED = re.compile(rf"({'|'.join(LOCATION_TYPES)})_\d{{1,3}}", re.ASCII)


@dataclass(frozen=True)
class Place:
    """`type` is one of LOCATION_TYPES, `text` what was said of it, `room` the kind of virtual room (`rooms.KINDS`): ""
    for none, None for that of the event type."""

    type: str
    text: str
    room: str | None = ""


def configured(event_type: EventType, kept: Mapping[str, Any], user_id: str) -> list[dict[str, Any]]:
    """The locations of a calendar, the user's own before its: each with kind, location and meetingId."""
    team = kept.get("teamMembers") or []
    own = [each for member in team if member.get("userId") == user_id for each in _listed(member)]
    found = own + _listed(kept) or [each for member in team[:1] if not user_id for each in _listed(member)]
    if not found and event_type.place != EventType.Place.NONE:
        found = [{"kind": _KIND_OF[EventType.Place(event_type.place)], "location": event_type.place_detail}]
    return [{"meetingId": f"{KINDS[each['kind']]}_{index}", **each} for index, each in enumerate(found)]


def _listed(holder: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [each for each in holder.get("locationConfigurations") or [] if each.get("kind") in KINDS]


def of_kind(kind: str) -> str:
    """Which of our places a calendar with such a location has."""
    return _PLACE_OF.get(kind, EventType.Place.NONE)


def chosen(asked: Asked, locations: list[dict[str, Any]], event_type: EventType) -> Place:
    """The place of an appointment. With the type given alone, or with `overrideLocationConfig`, the type decides; else
    the id does, among the calendar's locations. An address alone is a custom place."""
    override = asked.override if asked.override is not None else bool(asked.place_type) and not asked.place_id
    if asked.address and not asked.place_type and not asked.place_id:
        return Place("custom", asked.address)
    if override and asked.place_type:
        return _typed(asked.place_type, asked.address or "", locations)
    wanted = asked.place_id or DEFAULT
    for index, each in enumerate(locations):
        if each["meetingId"] == wanted or (wanted == DEFAULT and index == 0):
            return _configured(each, asked.address or "", event_type)
    if wanted == DEFAULT and not asked.place_type:
        return Place("custom", asked.address or "", None)
    numbered = _NUMBERED.fullmatch(wanted)
    return _typed(asked.place_type or (numbered[1] if numbered else "custom"), asked.address or "", locations)


def _configured(location: Mapping[str, Any], address: str, event_type: EventType) -> Place:
    kind, said = KINDS[location["kind"]], address or str(location.get("location") or "")
    if kind == "custom" and event_type.place in (EventType.Place.JITSI, EventType.Place.LINK):
        return Place(kind, "" if said == event_type.place_detail else said, None)
    return _spoken(kind, said)


def _typed(kind: str, address: str, locations: list[dict[str, Any]]) -> Place:
    alike = next((each for each in locations if KINDS[each["kind"]] == kind), {})
    return _spoken(kind, address or str(alike.get("location") or ""))


def _spoken(kind: str, said: str) -> Place:
    """A room is made only where nobody said where it is."""
    if kind == "zoom" and not said:
        return Place(kind, WORDS[kind], _ROOMS[kind])
    return Place(kind, said, "" if said else _ROOMS.get(kind, ""))
