"""A double of Google Calendar v3: stateful, and as strict as the original.

What it accepts and answers stands in `google_schema`, which a test compares with the vendor's discovery document;
rules that are in no schema (ids that stay taken, tags, sync tokens, roles, scopes, quotas) are those of the guides.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.request import Request, urlopen

from providers.lab import google_rules as rules
from providers.lab.double import Asked, Told, route
from providers.lab.google_listing import entry, expanded, filtered, is_start, signature, takes_time, within
from providers.lab.google_rules import Json, Refusal, text_of
from providers.lab.google_schema import SCOPES
from providers.lab.google_shelf import READ_ONLY, Shelf, made_room, merged, new_event, replaced, shown
from providers.lab.login import LoginDouble

_MINUTE_S = 60
_READERS = ("freeBusyReader", "reader", "writerWithoutPrivateAccess", "writer", "owner")
_WRITERS = ("writerWithoutPrivateAccess", "writer", "owner")
_OWN_TO_GUESTS = frozenset({"reminders", "colorId", "attendees", "attendeesOmitted", "transparency", "visibility"})
_NOT_WITH_TOKEN = (
    *("iCalUID", "orderBy", "privateExtendedProperty", "q", "sharedExtendedProperty", "timeMin", "timeMax"),
    "updatedMin",
)


@dataclass(frozen=True)
class Mail:
    """A mail that Google would have sent: to guests for an event, or to its organiser for an answer."""

    event: str
    kind: str
    updates: str


@dataclass(frozen=True)
class Channel:
    id: str
    resource_id: str
    calendar: str
    address: str
    token: str
    expires_s: float


@dataclass(frozen=True)
class _Cursor:
    """What a page or sync token stands for."""

    calendar: str
    position: int
    asked: tuple[str, ...]
    rest: tuple[Json, ...] = ()


class Google(LoginDouble):
    """Google Calendar for the people of the login.

    Switches: `rooms` ("ready", "pending" or "failure": what becomes of a request for Meet), `per_minute` calls of one
    person with `throttle` (status, reason) beyond that, `largest_page`, `notifies`, `plain_http` (channels may go to
    loopback without TLS). `mails` is what was mailed, `channels` who is told of changes; `post` tells them.
    """

    name: ClassVar[str] = "google"

    def __init__(self) -> None:
        super().__init__()
        self.shelves: dict[str, Shelf] = {}
        self.mails: list[Mail] = []
        self.channels: dict[str, Channel] = {}
        self.rooms = "ready"
        self.per_minute = 600
        self.throttle = (403, "userRateLimitExceeded")
        self.largest_page = 2500
        self.notifies = True
        self.plain_http = True
        self.post: Callable[[str, Mapping[str, str]], None] = _post
        self._cursors: dict[str, _Cursor] = {}
        self._recent: dict[str, deque[float]] = {}
        self._messages = 0

    # ── What people do at Google, for tests and demos ──

    def calendar(self, owner: str, name: str = "", **fields: Any) -> Shelf:
        """A calendar of a person: their main one under their own address, or a further one."""
        if owner not in self.people:
            self.people.append(owner)
        shelf = Shelf(name or owner, owner, primary=not name, **fields)
        shelf.summary = shelf.summary or shelf.id
        self.shelves[shelf.id] = shelf
        return shelf

    def add(self, calendar: str, organiser: str = "", **fields: Any) -> Json:
        """An event that its owner made, or was invited to by `organiser`."""
        shelf = self.shelves[calendar]
        event = new_event(shelf, fields, organiser=organiser)
        rules.check_event(event, creating=True)
        return self._changed(shelf, shelf.keep(event))

    def edit(self, calendar: str, name: str, **fields: Any) -> Json:
        """Change an event or an occurrence as its owner would; None clears."""
        shelf = self.shelves[calendar]
        return self._changed(shelf, shelf.keep(merged(deepcopy(shelf.find(name)), fields)))

    def answer(self, calendar: str, name: str, guest: str, status: str) -> Json:
        """A guest's answer, which changes nothing but the tag and their entry."""
        attendees = deepcopy(self.shelves[calendar].find(name).get("attendees", []))
        for each in attendees:
            if each["email"] == guest:
                each["responseStatus"] = status
        return self.edit(calendar, name, attendees=attendees)

    def remove(self, calendar: str, name: str) -> None:
        """Delete an event, a series or one occurrence."""
        shelf = self.shelves[calendar]
        shelf.bury(name)
        self._changed(shelf, shelf.events[name])

    def forget_tombstones(self, calendar: str) -> None:
        """What happens to deleted events after some weeks."""
        shelf = self.shelves[calendar]
        shelf.events = {name: each for name, each in shelf.events.items() if each["status"] != "cancelled"}

    def expire_tokens(self) -> None:
        """All sync and page tokens are too old now."""
        self._cursors.clear()

    def finish_rooms(self, calendar: str, status: str = "success") -> None:
        """The rooms that were pending are made, or are not."""
        shelf = self.shelves[calendar]
        for event in shelf.live():
            request = event.get("conferenceData", {}).get("createRequest", {})
            if request.get("status", {}).get("statusCode") == "pending":
                made = made_room(request, "ready" if status == "success" else "failure")
                self._changed(shelf, shelf.keep(deepcopy(event) | made))

    # ── Entering ──

    def handle(self, asked: Asked) -> Told:
        try:
            return super().handle(asked)
        except Refusal as refusal:
            return refusal.told

    def lost(self, asked: Asked) -> Told:
        return Refusal(404, "notFound", "Not Found").told

    def admit(self, asked: Asked) -> Told | None:
        if self.is_login(asked):
            return None
        person = self.owner_of(asked.bearer)
        if not person:
            return Refusal(401, "authError", "Invalid Credentials", **{"WWW-Authenticate": "Bearer"}).told
        return self._throttled(person)

    def _throttled(self, person: str) -> Told | None:
        recent, moment = self._recent.setdefault(person, deque()), time.monotonic()
        while recent and moment - recent[0] > _MINUTE_S:
            recent.popleft()
        if len(recent) >= self.per_minute:
            status, reason = self.throttle
            return Refusal(status, reason, "User Rate Limit Exceeded").told
        recent.append(moment)
        return None

    def _enter(self, method: str, asked: Asked) -> str:
        """Who calls, once their scopes and parameters were looked at."""
        grant = self.grant_of(asked.bearer)
        scopes = {each.rpartition("/")[2] for each in grant.scope.split()} if grant else set()
        if scopes and not scopes & SCOPES[method]:
            raise Refusal(403, "insufficientPermissions", "Request had insufficient authentication scopes.")
        rules.check_query(method, asked)
        return grant.person if grant else ""

    def _shelf(self, person: str, name: str, roles: tuple[str, ...] = _READERS) -> Shelf:
        shelf = self.shelves.get(person if name == "primary" else name)
        if shelf is None or shelf.role_of(person) == "none":
            raise Refusal(404, "notFound", "Not Found")
        if shelf.role_of(person) not in roles:
            raise Refusal(403, "requiredAccessLevel", "You need to have writer access to this calendar.")
        return shelf

    # ── Events ──

    @route("POST", "/calendars/{calendar}/events")
    def _insert(self, asked: Asked, calendar: str) -> Told:
        person = self._enter("events.insert", asked)
        shelf, body = self._shelf(person, calendar, _WRITERS), _body(asked, "Event")
        if "id" in body:
            rules.check_id(body["id"])
            if body.get("iCalUID", f"{body['id']}@google.com") != f"{body['id']}@google.com":
                raise rules.invalid("Either id or iCalUID can be given, not both.")
            if body["id"] in shelf.events:
                raise Refusal(409, "duplicate", "The requested identifier already exists.")
        wanted = {name: value for name, value in body.items() if name not in READ_ONLY and value is not None}
        conference = wanted.pop("conferenceData", None)
        event = new_event(shelf, wanted)
        rules.check_event(event, creating=True)
        event |= self._conference(shelf, event, conference, asked)
        self._mail(event, "invitation", asked)
        return self._event(shelf, self._changed(shelf, shelf.keep(event)))

    @route("GET", "/calendars/{calendar}/events/{name}")
    def _get(self, asked: Asked, calendar: str, name: str) -> Told:
        person = self._enter("events.get", asked)
        shelf = self._shelf(person, calendar)
        event = shelf.find(name)
        return Told(200, shown(shelf, event, person), {"ETag": event["etag"]})

    @route("PATCH", "/calendars/{calendar}/events/{name}")
    def _patch(self, asked: Asked, calendar: str, name: str) -> Told:
        return self._write("events.patch", asked, calendar, name, merged)

    @route("PUT", "/calendars/{calendar}/events/{name}")
    def _update(self, asked: Asked, calendar: str, name: str) -> Told:
        return self._write("events.update", asked, calendar, name, replaced)

    def _write(self, method: str, asked: Asked, calendar: str, name: str, change: Callable[[Json, Json], Json]) -> Told:
        person = self._enter(method, asked)
        shelf, body = self._shelf(person, calendar, _WRITERS), _body(asked, "Event")
        before = shelf.find(name)
        _check_tag(asked, before)
        self._check_ownership(shelf, before, body)
        if body.get("attendeesOmitted"):
            return self._answered(shelf, before, body, asked)
        wanted = {each: value for each, value in body.items() if each not in READ_ONLY and each != "id"}
        conference = wanted.pop("conferenceData", None)
        event = change(deepcopy(before), wanted)
        if event.get("eventType") != before.get("eventType"):
            raise rules.invalid("The event type cannot be changed.", "eventTypeRestriction")
        rules.check_event(event, creating=False)
        if conference is not None or "conferenceData" in body:
            event |= self._conference(shelf, event, conference, asked)
        self._mail(event, "cancellation" if event["status"] == "cancelled" else "update", asked)
        return self._event(shelf, self._changed(shelf, shelf.keep(event)))

    def _check_ownership(self, shelf: Shelf, event: Json, body: Json) -> None:
        ours = event["organizer"]["email"] in (shelf.owner, shelf.id)
        strange = body.keys() - _OWN_TO_GUESTS - {"extendedProperties"}
        if not ours and not event.get("guestsCanModify") and strange:
            message = "Shared properties can only be changed by the organizer of the event."
            raise Refusal(403, "forbiddenForNonOrganizer", message)

    def _answered(self, shelf: Shelf, before: Json, body: Json, asked: Asked) -> Told:
        """Only the entries that are given; the other guests are left out of the body, not of the event."""
        event = deepcopy(before)
        for wanted in body.get("attendees") or ():
            own = next((each for each in event.get("attendees", ()) if each["email"] == wanted.get("email")), None)
            if own is None:
                raise rules.invalid("Invalid attendee email.")
            own |= {name: wanted[name] for name in ("responseStatus", "comment") if name in wanted}
        self._mail(event, "answer", asked)
        return self._event(shelf, self._changed(shelf, shelf.keep(event)))

    @route("DELETE", "/calendars/{calendar}/events/{name}")
    def _delete(self, asked: Asked, calendar: str, name: str) -> Told:
        person = self._enter("events.delete", asked)
        shelf = self._shelf(person, calendar, _WRITERS)
        event = shelf.find(name)
        if event["status"] == "cancelled":
            raise Refusal(410, "deleted", "Resource has been deleted")
        _check_tag(asked, event)
        self._mail(event, "cancellation", asked)
        shelf.bury(name)
        self._changed(shelf, shelf.events[name])
        return Told(204)

    @route("GET", "/calendars/{calendar}/events/{name}/instances")
    def _instances(self, asked: Asked, calendar: str, name: str) -> Told:
        person = self._enter("events.instances", asked)
        shelf = self._shelf(person, calendar)
        master = shelf.find(name)
        found = shelf.instances(master) if master.get("recurrence") else []
        if original := asked.get("originalStart"):
            found = [each for each in found if is_start(each["originalStartTime"], original)]
        found = [each for each in found if within(each, asked, shelf)]
        if asked.get("showDeleted") != "true":
            found = [each for each in found if each["status"] != "cancelled"]
        return self._paged(shelf, person, asked, found, len(shelf.log), sync=False)

    def _conference(self, shelf: Shelf, event: Json, wanted: Json | None, asked: Asked) -> Json:
        """What a body's conferenceData makes of the event's; without its version it is ignored."""
        before = event.get("conferenceData")
        if asked.get("conferenceDataVersion") != "1":
            return {}
        if wanted is None:
            event.pop("conferenceData", None)
            event.pop("hangoutLink", None)
            return {}
        request = wanted.get("createRequest")
        if request is None:
            return {"conferenceData": wanted}
        if not request.get("requestId"):
            raise Refusal(400, "required", "Missing conference request id.")
        if before and before.get("createRequest", {}).get("requestId") == request["requestId"]:
            return {}
        if request.get("conferenceSolutionKey", {}).get("type") not in shelf.solutions:
            raise rules.invalid("Invalid conference type value.")
        return made_room(request, self.rooms)

    def _mail(self, event: Json, kind: str, asked: Asked) -> None:
        updates = asked.get("sendUpdates", "none")
        if updates != "none" and (event.get("attendees") or kind == "answer"):
            self.mails.append(Mail(event["id"], kind, updates))

    def _event(self, shelf: Shelf, event: Json) -> Told:
        return Told(200, shown(shelf, event, shelf.owner), {"ETag": event["etag"]})

    # ── Listing ──

    @route("GET", "/calendars/{calendar}/events")
    def _list(self, asked: Asked, calendar: str) -> Told:
        person = self._enter("events.list", asked)
        shelf = self._shelf(person, calendar)
        if asked.get("pageToken"):
            return self._next_page(shelf, person, asked)
        if asked.get("orderBy") == "startTime" and asked.get("singleEvents") != "true":
            raise rules.invalid("The requested ordering is not available for the particular query.", "badRequest")
        position = len(shelf.log)
        token = asked.get("syncToken")
        found = self._since(shelf, asked, token) if token else filtered(shelf, asked)
        return self._paged(shelf, person, asked, found, position, sync=True)

    def _since(self, shelf: Shelf, asked: Asked, token: str) -> list[Json]:
        wrong = [name for name in _NOT_WITH_TOKEN if asked.all(name)]
        if wrong or asked.get("showDeleted") == "false":
            raise rules.invalid(f"Sync token cannot be used with {wrong or ['showDeleted']}.", "badRequest")
        cursor = self._cursors.get(token)
        if cursor is None or cursor.calendar != shelf.id:
            raise Refusal(410, "fullSyncRequired", "Sync token is no longer valid, a full sync is required.")
        if cursor.asked != signature(asked):
            raise rules.invalid("Sync token does not fit these parameters.", "badRequest")
        return list(shelf.since(cursor.position))

    def _next_page(self, shelf: Shelf, person: str, asked: Asked) -> Told:
        cursor = self._cursors.get(asked.get("pageToken"))
        if cursor is None or cursor.calendar != shelf.id:
            raise rules.invalid("Invalid page token value.")
        return self._paged(shelf, person, asked, list(cursor.rest), cursor.position, sync=True)

    def _paged(self, shelf: Shelf, person: str, asked: Asked, found: list[Json], position: int, *, sync: bool) -> Told:
        size = min(int(asked.get("maxResults") or 250), self.largest_page)
        told: Json = {
            "kind": "calendar#events",
            "etag": f'"{position}"',
            "summary": shelf.summary,
            "timeZone": shelf.timezone,
            "accessRole": shelf.role_of(person),
            "defaultReminders": [{"method": "popup", "minutes": 10}],
            "items": [shown(shelf, each, person) for each in found[:size]],
        }
        if len(found) > size:
            told["nextPageToken"] = self._remembered(_Cursor(shelf.id, position, (), tuple(found[size:])))
        elif sync:
            told["nextSyncToken"] = self._remembered(_Cursor(shelf.id, position, signature(asked)))
        if asked.get("fields"):
            told = {name: told[name] for name in asked.get("fields").split(",") if name in told}
        return Told(200, told)

    def _remembered(self, cursor: _Cursor) -> str:
        token = secrets.token_urlsafe(18)
        self._cursors[token] = cursor
        return token

    # ── Calendars, busy times ──

    @route("GET", "/users/me/calendarList")
    def _calendars(self, asked: Asked) -> Told:
        person = self._enter("calendarList.list", asked)
        least = asked.get("minAccessRole")
        roles = _READERS[_READERS.index(least) :] if least else _READERS
        found = [shelf for shelf in self.shelves.values() if shelf.role_of(person) in roles]
        start = int(asked.get("pageToken") or 0)
        end = start + min(int(asked.get("maxResults") or 100), 250, self.largest_page)
        items = [entry(shelf, person) for shelf in found[start:end]]
        told: Json = {"kind": "calendar#calendarList", "etag": '"1"', "items": items}
        return Told(200, told | ({"nextPageToken": str(end)} if end < len(found) else {"nextSyncToken": "list"}))

    @route("GET", "/users/me/calendarList/{calendar}")
    def _calendar(self, asked: Asked, calendar: str) -> Told:
        person = self._enter("calendarList.get", asked)
        shelf = self._shelf(person, calendar)
        return Told(200, entry(shelf, person))

    @route("POST", "/freeBusy")
    def _free_busy(self, asked: Asked) -> Told:
        person = self._enter("freebusy.query", asked)
        body = _body(asked, "FreeBusyRequest")
        if not body.get("timeMin") or not body.get("timeMax"):
            raise Refusal(400, "required", "Missing time range.")
        if len(body.get("items") or ()) > 50:
            raise rules.invalid("Too many calendars requested.", "tooManyCalendarsRequested")
        told = {each["id"]: self._busy(person, each["id"], body) for each in body.get("items") or ()}
        window = {name: body[name] for name in ("timeMin", "timeMax")}
        return Told(200, {"kind": "calendar#freeBusy", **window, "calendars": told})

    def _busy(self, person: str, name: str, body: Json) -> Json:
        shelf = self.shelves.get(person if name == "primary" else name)
        if shelf is None or shelf.role_of(person) == "none":
            return {"busy": [], "errors": [{"domain": "global", "reason": "notFound"}]}
        window = Asked("GET", "", (("timeMin", body["timeMin"]), ("timeMax", body["timeMax"])), {}, b"")
        taken = [each for each in expanded(shelf) if takes_time(shelf, each) and within(each, window, shelf)]
        spans = sorted(tuple(rules.instant(each[side], shelf.timezone) for side in ("start", "end")) for each in taken)
        return {"busy": [{"start": text_of(start, "UTC"), "end": text_of(end, "UTC")} for start, end in spans]}

    # ── Channels ──

    @route("POST", "/calendars/{calendar}/events/watch")
    def _watch(self, asked: Asked, calendar: str) -> Told:
        person = self._enter("events.watch", asked)
        shelf, body = self._shelf(person, calendar), _body(asked, "Channel")
        rules.check_channel(body, plain_http=self.plain_http)
        if body["id"] in self.channels:
            raise Refusal(400, "channelIdNotUnique", f"Channel id {body['id']} not unique")
        week = (time.time() + 7 * 86_400) * 1000
        ends = min(float(body.get("expiration") or week), week)
        channel = Channel(body["id"], f"res-{shelf.id}", shelf.id, body["address"], body.get("token", ""), ends / 1000)
        self.channels[channel.id] = channel
        self._tell(channel, "sync")
        told = {"id": channel.id, "resourceId": channel.resource_id, "expiration": str(int(ends))}
        uri = f"{self.url}/calendars/{shelf.id}/events?alt=json"
        return Told(200, {"kind": "api#channel", **told, "resourceUri": uri, "token": channel.token})

    @route("POST", "/channels/stop")
    def _stop(self, asked: Asked) -> Told:
        self._enter("channels.stop", asked)
        body = _body(asked, "Channel")
        channel = self.channels.get(body.get("id") or "")
        if channel is None or channel.resource_id != body.get("resourceId"):
            raise Refusal(404, "notFound", f"Channel '{body.get('id')}' not found for project")
        del self.channels[channel.id]
        return Told(204)

    def _changed(self, shelf: Shelf, event: Json) -> Json:
        for channel in self.channels.values():
            if channel.calendar == shelf.id and channel.expires_s > time.time():
                self._tell(channel, "exists")
        return event

    def _tell(self, channel: Channel, state: str) -> None:
        if not self.notifies:
            return
        self._messages += 1
        headers = {
            "X-Goog-Channel-ID": channel.id,
            "X-Goog-Channel-Token": channel.token,
            "X-Goog-Channel-Expiration": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(channel.expires_s)),
            "X-Goog-Resource-ID": channel.resource_id,
            "X-Goog-Resource-URI": f"{self.url}/calendars/{channel.calendar}/events?alt=json",
            "X-Goog-Resource-State": state,
            "X-Goog-Message-Number": str(self._messages),
        }
        self.post(channel.address, headers)


def _post(address: str, headers: Mapping[str, str]) -> None:
    """Notify in the background, as somebody who does not care whether it arrives."""

    def send() -> None:
        try:
            with urlopen(Request(address, b"", dict(headers), method="POST"), timeout=5):  # noqa: S310  loopback
                pass
        except OSError:
            return

    threading.Thread(target=send, daemon=True).start()


def _body(asked: Asked, schema: str) -> Json:
    try:
        told = asked.json()
    except ValueError as error:
        raise Refusal(400, "parseError", "Parse Error") from error
    rules.check_shape(schema, told)
    body: Json = told
    return body


def _check_tag(asked: Asked, event: Json) -> None:
    wanted = asked.headers.get("if-match", "*")
    if wanted not in ("*", event["etag"]):
        raise Refusal(412, "conditionNotMet", "Precondition Failed")
