"""Morgen's words, both ways: ids, events, calendars, accounts. Nothing outside this folder knows them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bookings.domain.agenda import Entry
from bookings.domain.event_rows import data_of
from bookings.formats.event import EventData
from bookings.formats.jscalendar import to_jscalendar
from bookings.formats.times import local, read_local
from bookings.models import Account, Calendar, Event, Participant

SURFACE = "morgen"

ROOM = "morgen.so:requestVirtualRoom"
METADATA = "morgen.so:metadata"
COLOUR = "google.com:colorId"

ANSWERS = {
    "accept": Participant.Rsvp.ACCEPTED,
    "decline": Participant.Rsvp.DECLINED,
    "tentativelyAccept": Participant.Rsvp.TENTATIVE,
}

FIELDS = {
    "start_wall": "start",
    "timezone": "timeZone",
    "description_type": "descriptionContentType",
    "free_busy_status": "freeBusyStatus",
    "location": "locations",
    "people": "participants",
    "colour": "color",
    "recurrence_rules": "recurrenceRules",
    "exclusion_rules": "excludedRecurrenceRules",
    "recurrence_dates": "recurrenceOverrides",
    "excluded_dates": "recurrenceOverrides",
    "end": "duration",
}
"""Where the domain's fields stand in an event, if they are called otherwise there."""

INTEGRATIONS = {
    Account.Provider.LOCAL: "local",
    Account.Provider.CALDAV: "caldav",
    Account.Provider.ICSFEED: "feed",
    Account.Provider.GOOGLE: "google",
    Account.Provider.MICROSOFT: "o365",
}
"""What Morgen calls the services; others keep our name."""

DEFAULT_COLOUR = "#4285f4"
_LONGEST_ID = 1024


def integration(account: Account) -> str:
    return INTEGRATIONS.get(Account.Provider(account.provider), account.provider)


# ── Ids ──


def named(event_id: str) -> tuple[str, int | None]:
    """The id of the event that an id names, and for one occurrence of a series its original start in wall seconds."""
    parts = _unpacked(event_id)
    if len(parts) != 4:
        return event_id, None
    wall = read_local(parts[3])
    return (event_id, None) if wall is None else (_packed(parts[:3]), wall)


def occurrence_id(series_id: str, wall: int) -> str:
    """The id of one occurrence: that of the series with the original start behind it."""
    return _packed([*_unpacked(series_id), local(wall)])


def _unpacked(text: str) -> list[str]:
    """The texts of a base64url JSON array; none of them for anything else."""
    if len(text) > _LONGEST_ID:
        return []
    try:
        parts = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, RecursionError):
        return []
    return parts if isinstance(parts, list) and all(isinstance(part, str) for part in parts) else []


def _packed(parts: list[str]) -> str:
    text = json.dumps(parts, separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode(errors="replace")).decode().rstrip("=")


# ── Events ──


@dataclass(frozen=True)
class Names:
    """What the things in an answer are called: {our id: theirs}."""

    events: Mapping[Any, str]
    calendars: Mapping[Any, str]
    accounts: Mapping[Any, str]


class EventWriter:
    """Writes entries as Morgen's events. What all events of a calendar or all occurrences of a series have in common
    is worked out once."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._bodies: dict[Any, dict[str, Any]] = {}
        self._places: dict[Any, tuple[dict[str, Any], set[str]]] = {}

    def event(self, entry: Entry, place: Calendar, master: Event | None = None) -> dict[str, Any]:
        """One event, or one occurrence of a series.

        :param place: the calendar in which the caller sees it.
        :param master: of a changed occurrence, its series.
        """
        event = entry.event
        assert event is not None
        where, addresses = self._places.get(place.pk) or self._place(place)
        body = (self._bodies.get(event.pk) or self._body(event, addresses)) | where
        body["id"] = self._names.events.get(event.pk, "")
        series = master or (event if entry.recurrence_wall is not None and event.master_id is None else None)
        body["baseEventId"] = base = (series or event).remote_id or (series or event).uid
        if series or event.recurrence_rules:
            body["masterBaseEventId"] = base
        if entry.booking is not None:
            body["status"] = entry.status
        if entry.recurrence_wall is not None:
            self._name_occurrence(body, entry, event, series)
        return body

    def _place(self, place: Calendar) -> tuple[dict[str, Any], set[str]]:
        where = {
            "calendarId": self._names.calendars[place.pk],
            "accountId": self._names.accounts[place.account_id],
            "integrationId": integration(place.account),
        }
        self._places[place.pk] = found = where, place.account.addresses
        return found

    def _body(self, event: Event, addresses: set[str]) -> dict[str, Any]:
        self._bodies[event.pk] = body = event_body(_said(event), addresses)
        body["created"], body["updated"] = _moment(event.created_at), _moment(event.updated_at)
        return body

    def _name_occurrence(self, body: dict[str, Any], entry: Entry, event: Event, series: Event | None) -> None:
        wall, source = entry.recurrence_wall, series or event
        assert wall is not None
        body.pop("recurrenceOverrides", None)
        body["recurrenceId"] = local(wall)
        body["recurrenceIdTimeZone"] = None if source.floating or source.all_day else source.timezone
        if series is not None:
            body["masterEventId"] = series_id = self._names.events[series.pk]
            body["id"] = occurrence_id(series_id, wall)
        if series is event:
            body["start"] = body["recurrenceId"]


def event_body(data: EventData, addresses: set[str]) -> dict[str, Any]:
    """What an event says, whoever asks and wherever it is.

    :param addresses: those of the account's owner, in small letters.
    """
    body: dict[str, Any] = {
        "description": "",
        "descriptionContentType": "text/plain",
        "privacy": "public",
        "freeBusyStatus": "busy",
        "locations": {},
        "participants": {},
        "alerts": {},
        "useDefaultAlerts": False,
    } | to_jscalendar(data)
    for person in body["participants"].values():
        if person.get("email", "").casefold() in addresses:
            person["accountOwner"] = True
    if url := data.conference.get("url"):
        body["morgen.so:derived"] = {"virtualRoom": {"url": url}}
    return body


def _said(event: Any) -> EventData:
    """What an event says. Light rows have the properties of EventData under the same names."""
    if not hasattr(event, "people"):
        return data_of(event)
    event.people.sort(key=lambda person: (len(person.key), person.key))
    light: EventData = event
    return light


def _moment(at: datetime) -> str:
    """19 characters of UTC, without a Z."""
    return (at.astimezone(UTC) if at.utcoffset() else at).isoformat()[:19]


# ── Calendars and accounts ──


def calendar(place: Calendar, names: Names, order: int, kept: Mapping[str, Any]) -> dict[str, Any]:
    """:param kept: what the caller set that we have no column for."""
    writes = place.is_writable and place.state not in (Calendar.State.READ_ONLY, Calendar.State.GONE)
    return {
        "@type": "Calendar",
        "id": names.calendars[place.pk],
        "accountId": names.accounts[place.account_id],
        "integrationId": integration(place.account),
        "name": place.name,
        "color": place.colour or DEFAULT_COLOUR,
        "sortOrder": order,
        "myRights": {
            "mayReadFreeBusy": True,
            "mayReadItems": True,
            "mayWriteAll": writes,
            "mayWriteOwn": writes,
            "mayUpdatePrivate": writes,
            "mayRSVP": writes,
            "mayAdmin": False,
            "mayDelete": False,
        },
        "defaultAlertsWithTime": {},
        "defaultAlertsWithoutTime": {},
        METADATA: {"busy": place.blocks} | {name: value for name, value in kept.items() if value is not None},
    }


def account(each: Account, account_id: str, user_id: str) -> dict[str, Any]:
    reconnect = each.health == Account.Health.REAUTH
    return {
        "id": account_id,
        "providerId": each.external_id or account_id,
        "userId": user_id,
        "clientId": "convene",
        "providerUserId": each.username or each.host.email,
        "providerUserDisplayName": each.host.name,
        "preferredEmail": each.username if "@" in each.username else each.host.email,
        "name": each.label,
        "integrationId": integration(each),
        "integrationGroups": ["calendars"],
        "lastCheckedAt": None if each.last_ok_at is None else f"{_moment(each.last_ok_at)}Z",
        "lastCheckedError": each.last_error or None,
        "requiresAuthentication": reconnect or None,
        "shouldReconnect": reconnect,
        "shouldReconnectReason": each.last_error if reconnect else None,
        "createdAt": f"{_moment(each.created_at)}Z",
    }


_SERVICES = [
    ("local", "On this server", []),
    ("google", "Google Calendar", ["oauth"]),
    ("o365", "Office 365", ["oauth"]),
    ("caldav", "CalDAV", ["password"]),
    ("feed", "Calendar feed", ["url"]),
]


def integrations() -> dict[str, Any]:
    """The services whose calendars can be connected here."""
    found = [
        {
            "id": name,
            "authId": name,
            "groups": ["calendars"],
            "displayName": label,
            "supportedAuthMethods": ways,
            "iconData": "",
        }
        for name, label, ways in _SERVICES
    ]
    return {"integrations": found, "groups": [{"displayName": "Calendars", "type": "calendars"}]}
