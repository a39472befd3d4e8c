"""A double of Microsoft Graph's calendars: stateful and as strict as the real ones, on loopback.

API at {url}/v1.0, sign-in at {url}/{tenant}/oauth2/v2.0. Tests and operators change a mailbox as its owner would with
`add`, `edit`, `move`, `remove`, `leave_out`, `answer` and `invite`; `mails` tells what Exchange mailed to guests.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import threading
import time
from collections import defaultdict, deque
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import quote

from providers.lab import graph_series as series
from providers.lab import graph_store as store
from providers.lab.double import Asked, Told, route
from providers.lab.graph_notices import Notices
from providers.lab.graph_schema import WRITABLE, Json, Wrong, check, check_action
from providers.lab.graph_store import CalendarRow, Item, Mailbox
from providers.lab.login import LoginDouble

AT_ONCE = 4
_TAG = r"ep/id eq '(?P<id>(?:[^']|'')*)' and "
_FILTER = re.compile(
    r"singleValueExtendedProperties/Any\(ep: " + _TAG + r"(?:ep/value eq '(?P<eq>(?:[^']|'')*)'"
    r"|contains\(ep/value, ?'(?P<in>(?:[^']|'')*)'\))\)"
)
_EXPAND_MARKS = re.compile(r"singleValueExtendedProperties\(\$filter=((?:id eq '[^']*'(?: or )?)+)\)")
_STATUS = {"ErrorDuplicateTransactionId": 409, "ErrorItemNotFound": 404, "ErrorAccessDenied": 403}


class MicrosoftDouble(LoginDouble):
    """Switches: `iana_zones` (whether it takes IANA names), `teams_later` (join links come with `finish_rooms`),
    `allowance` (calls, seconds) beyond which it answers 429, `page_size`, `tells_twice` (items of a delta come twice).
    """

    name: ClassVar[str] = "microsoft"

    def __init__(self) -> None:
        super().__init__()
        self.rotates = True
        self.iana_zones = True
        self.teams_later = False
        self.tells_twice = False
        self.page_size = 50
        self.allowance: tuple[int, float] | None = None
        self.most_at_once = 0
        self.mails: list[tuple[str, str, tuple[str, ...]]] = []
        self.notices = Notices(self)
        self._boxes: dict[str, Mailbox] = {}
        self._forgotten = 0
        self._rounds: list[list[Json]] = []
        self._running: dict[str, int] = defaultdict(int)
        self._recent: dict[str, deque[float]] = defaultdict(deque)
        self._counting = threading.Lock()
        self._box = self.mailbox(self.people[0])
        self._root = "/me"

    # ── What tests, demos and operators do ──

    def mailbox(self, person: str) -> Mailbox:
        """The mailbox of a person, with its default calendar."""
        if person not in self._boxes:
            box = self._boxes[person] = Mailbox(person)
            key = f"AQMkADAw{hashlib.sha256(person.encode()).hexdigest()[:20]}="
            box.calendars[key] = CalendarRow(key, "Calendar", person, is_default=True)
        return self._boxes[person]

    def default_calendar(self, person: str) -> str:
        return next(each.id for each in self.mailbox(person).calendars.values() if each.is_default)

    def add_calendar(self, person: str, name: str, **fields: Any) -> str:
        key = f"AQMkADAw{hashlib.sha256(f'{person}{name}'.encode()).hexdigest()[:20]}="
        self.mailbox(person).calendars[key] = CalendarRow(key, name, person, **fields)
        return key

    def remove_calendar(self, person: str, calendar: str) -> None:
        box = self.mailbox(person)
        del box.calendars[calendar]
        for item in [each for each in box.items.values() if each.calendar == calendar]:
            box.drop(item)

    def events(self, person: str, calendar: str = "") -> list[Json]:
        """The events there now, as Graph shows them: single ones and series."""
        items = self.mailbox(person).items.values()
        return [self.shown(each) for each in items if calendar in ("", each.calendar)]

    def add(self, person: str, calendar: str = "", **said: Any) -> str:
        """An event that somebody made there by hand; returns its id."""
        box = self.mailbox(person)
        check(said, "event")
        return self._made(box, calendar or self.default_calendar(person), said, mail=False).key

    def invite(self, person: str, organizer: str, **said: Any) -> str:
        """An invitation from somebody else; returns its id."""
        guests = [{"emailAddress": {"address": person, "name": ""}, "type": "required"}]
        item = self.mailbox(person).item(self.add(person, **said, attendees=guests))
        assert item is not None
        item.is_organizer, item.organizer, item.answer = False, organizer, "notResponded"
        return item.key

    def edit(self, person: str, key: str, **said: Any) -> None:
        """Change an event or an occurrence as its owner would in Outlook."""
        box = self.mailbox(person)
        item = box.item(key)
        assert item is not None
        check(said, "event")
        self._change(box, item, said, mail=False)

    def move(self, person: str, key: str, calendar: str) -> None:
        """Drag an event into another calendar: its immutable id stays."""
        box = self.mailbox(person)
        item = box.items[key]
        box.tombstones.append((box.tick(), item.key, item.calendar))
        item.calendar = calendar
        box.touch(item)
        self.notices.tell(box, item)

    def remove(self, person: str, key: str) -> None:
        box = self.mailbox(person)
        item = box.item(key)
        assert item is not None
        self._drop(box, item)

    def answer(self, person: str, key: str, guest: str, response: str) -> None:
        """A guest's answer arrives."""
        box = self.mailbox(person)
        item = box.items[key]
        for each in item.said.get("attendees") or ():
            if each["emailAddress"]["address"].casefold() == guest.casefold():
                each["status"] = {"response": response, "time": series.stamp(store.moment())}
        box.touch(item)
        self.notices.tell(box, item)

    def finish_rooms(self) -> None:
        """The join links that were waited for arrive."""
        for box in self._boxes.values():
            for item in [each for each in box.items.values() if each.said.get("isOnlineMeeting") and not each.join_url]:
                self._open_room(item)
                box.touch(item)
                self.notices.tell(box, item)

    def forget_tokens(self) -> None:
        """Every delta link given so far is answered with 410 from now on."""
        self._forgotten += 1

    # ── Being called ──

    def respond(self, asked: Asked) -> Told:
        if self.is_login(asked):
            return super().respond(asked)
        who = f"{asked.bearer}{asked.path.split('/')[3] if asked.path.startswith('/v1.0/users/') else ''}"
        with self._counting:
            self._running[who] += 1
            self.most_at_once = max(self.most_at_once, self._running[who])
            refusal = self._throttled(who)
        try:
            return refusal or super().respond(asked)
        finally:
            with self._counting:
                self._running[who] -= 1

    def _throttled(self, who: str) -> Told | None:
        if self._running[who] > AT_ONCE:
            return _error(429, "ApplicationThrottled", "Application is over its MailboxConcurrency limit.", wait=1)
        if self.allowance is None:
            return None
        calls, seconds = self.allowance
        recent, now = self._recent[who], time.monotonic()
        while recent and recent[0] < now - seconds:
            recent.popleft()
        if len(recent) >= calls:
            return _error(429, "ApplicationThrottled", "Too many requests.", wait=max(1, round(seconds)))
        recent.append(now)
        return None

    def handle(self, asked: Asked) -> Told:
        try:
            return super().handle(asked)
        except Wrong as wrong:
            return _error(_STATUS.get(wrong.code, 400), wrong.code, str(wrong))

    def admit(self, asked: Asked) -> Told | None:
        if self.is_login(asked):
            return None
        grant = self.grant_of(asked.bearer)
        if grant is None:
            return _error(401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.")
        place = re.match(r"/v1\.0/(?:me|users/([^/]+))(?=/|$)", asked.path)
        if place is None:
            return None if asked.path.startswith("/v1.0/subscriptions") else _error(400, "BadRequest", "Unknown path.")
        named = (place[1] or "").replace("%40", "@")
        if bool(grant.person) == bool(named) or (named and named not in self.people):
            return _error(404, "ResourceNotFound", "No such mailbox for this kind of token.")
        writes = asked.method != "GET"
        if grant.scope and writes and "calendars.readwrite" not in grant.scope.lower() and grant.person:
            return _error(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
        self._box = self.mailbox(grant.person or named)
        self._root = f"/users/{named}" if named else "/me"
        return None

    def lost(self, asked: Asked) -> Told:
        return _error(404, "ResourceNotFound", f"Resource not found for the segment in '{asked.path}'.")

    # ── Calendars ──

    @route("GET", r"/v1\.0/(?:me|users/[^/]+)")
    def _me(self, asked: Asked) -> Told:
        _only(asked, "$select")
        return Told(200, {"mail": self._box.person, "userPrincipalName": self._box.person})

    @route("GET", r"/v1\.0/(?:me|users/[^/]+)/calendars")
    def _calendars(self, asked: Asked) -> Told:
        _only(asked, "$top", "$skip", "$select")
        return self._page(asked, [self._calendar_shown(each) for each in self._box.calendars.values()])

    @route("GET", r"/v1\.0/(?:me|users/[^/]+)/calendar")
    def _default(self, asked: Asked) -> Told:
        return Told(200, self._calendar_shown(self._box.calendars[self.default_calendar(self._box.person)]))

    @route("GET", r"/v1\.0/(?:me|users/[^/]+)/calendars/{calendar}")
    def _calendar(self, asked: Asked, calendar: str) -> Told:
        return Told(200, self._calendar_shown(self._row(calendar)))

    def _row(self, calendar: str) -> CalendarRow:
        if calendar not in self._box.calendars:
            raise Wrong("The specified object was not found in the store.", "ErrorItemNotFound")
        return self._box.calendars[calendar]

    def _calendar_shown(self, row: CalendarRow) -> Json:
        return {
            "id": row.id,
            "name": row.name,
            "color": row.color,
            "hexColor": "",
            "changeKey": "AAAA",
            "canEdit": row.can_edit,
            "isDefaultCalendar": row.is_default,
            "isTallyingResponses": row.is_default,
            "allowedOnlineMeetingProviders": [store.TEAMS] if row.teams else [],
            "defaultOnlineMeetingProvider": store.TEAMS if row.teams else "unknown",
            "owner": {"name": "", "address": row.owner},
        }

    # ── Events ──

    @route("GET", r"/v1\.0/(?:me|users/[^/]+)/calendars/{calendar}/events")
    def _list(self, asked: Asked, calendar: str) -> Told:
        _only(asked, "$filter", "$expand", "$select", "$top", "$skip")
        self._row(calendar)
        items = [each for each in self._box.items.values() if each.calendar == calendar]
        if asked.get("$filter"):
            items = [each for each in items if _matches(each, asked.get("$filter"))]
        return self._page(asked, [self._viewed(each, asked) for each in items])

    @route("POST", r"/v1\.0/(?:me|users/[^/]+)/calendars/{calendar}/events")
    def _create(self, asked: Asked, calendar: str) -> Told:
        said = self._body(asked)
        row = self._row(calendar)
        if not row.can_edit:
            raise Wrong("Access is denied. Check credentials and try again.", "ErrorAccessDenied")
        key = said.get("transactionId")
        digest = hashlib.sha256(f"{calendar}{json.dumps(said, sort_keys=True)}".encode()).hexdigest()
        if key in self._box.transactions:
            made, before = self._box.transactions[key]
            item = self._box.items.get(made)
            if before != digest or item is None:
                words = "Your request can't be completed. The transactionId has been used to create a different event."
                raise Wrong(words, "ErrorDuplicateTransactionId")
            return Told(201, self._viewed(item, asked))
        item = self._made(self._box, calendar, said, mail=True)
        if key:
            self._box.transactions[key] = (item.key, digest)
        return Told(201, self._viewed(item, asked))

    @route("GET", r"/v1\.0/(?:me|users/[^/]+)/calendars/{calendar}/events/{key}")
    def _get(self, asked: Asked, calendar: str, key: str) -> Told:
        _only(asked, "$expand", "$select")
        return Told(200, self._viewed(self._item(calendar, key), asked, alone=True))

    @route("PATCH", r"/v1\.0/(?:me|users/[^/]+)/calendars/{calendar}/events/{key}")
    def _patch(self, asked: Asked, calendar: str, key: str) -> Told:
        item, said = self._item(calendar, key), self._body(asked)
        if "transactionId" in said:
            raise Wrong("The transactionId cannot be changed.", "ErrorInvalidRequest")
        guard = asked.headers.get("if-match", "*")
        if guard not in ("*", f'W/"{store.change_key(item)}"'):
            return _error(412, "ErrorIrresolvableConflict", "The send or update operation could not be performed.")
        if not self._row(calendar).can_edit:
            raise Wrong("Access is denied. Check credentials and try again.", "ErrorAccessDenied")
        if not item.is_organizer and said.keys() & {"start", "end", "attendees", "recurrence", "subject"}:
            raise Wrong("Only the organizer can change this.", "ErrorInvalidRequest")
        return Told(200, self._viewed(self._change(self._box, item, said, mail=True), asked))

    @route("DELETE", r"/v1\.0/(?:me|users/[^/]+)/calendars/{calendar}/events/{key}")
    def _delete(self, asked: Asked, calendar: str, key: str) -> Told:
        item = self._item(calendar, key)
        self._mail("cancel", item, item.is_organizer)
        self._drop(self._box, item)
        return Told(204)

    @route("POST", r"/v1\.0/(?:me|users/[^/]+)/calendars/{calendar}/events/{key}/{action}")
    def _act(self, asked: Asked, calendar: str, key: str, action: str) -> Told:
        if action not in ("accept", "decline", "tentativelyAccept", "cancel"):
            return self.lost(asked)
        item, said = self._item(calendar, key), check_action(self._json(asked), action)
        if action == "cancel":
            if not item.is_organizer or not item.said.get("attendees"):
                raise Wrong("Only the organizer of a meeting can cancel it.", "ErrorInvalidRequest")
            self._mail("cancel", item, True)
            self._drop(self._box, item)
            return Told(202)
        if item.is_organizer:
            raise Wrong("You can't respond to this meeting because you're the organizer.", "ErrorInvalidRequest")
        item = self._own(item)
        item.answer = {"accept": "accepted", "decline": "declined"}.get(action, "tentativelyAccepted")
        if said.get("sendresponse") in (None, True):
            self.mails.append(("response", item.key, (item.organizer,)))
        self._box.touch(item)
        return Told(202)

    @route("GET", r"/v1\.0/(?:me|users/[^/]+)/calendars/{calendar}/events/{key}/instances")
    def _instances(self, asked: Asked, calendar: str, key: str) -> Told:
        _only(asked, "startDateTime", "endDateTime", "$top", "$skip", "$select")
        item = self._item(calendar, key)
        lo, hi = series.parsed(asked.get("startDateTime")), series.parsed(asked.get("endDateTime"))
        return self._page(asked, [self._viewed(each, asked) for each in item.happenings(lo, hi)])

    # ── Delta ──

    @route("GET", r"/v1\.0/(?:me|users/[^/]+)/calendars/{calendar}/calendarView/delta")
    def _delta(self, asked: Asked, calendar: str) -> Told:
        _only(asked, "startDateTime", "endDateTime", "$deltatoken", "$skiptoken")
        self._row(calendar)
        link = asked.get("$deltatoken") or asked.get("$skiptoken")
        token = _opened(link) if link else None
        if token is None and link:
            raise Wrong("Badly formed token.", "ErrorInvalidRequest")
        if token is None:
            token = {"lo": asked.get("startDateTime"), "hi": asked.get("endDateTime"), "since": 0, "skip": 0}
            token |= {"until": self._box.counter, "epoch": self._forgotten, "calendar": calendar}
        if token["epoch"] != self._forgotten or token["calendar"] != calendar:
            return _error(410, "SyncStateNotFound", "The sync state generation is not found.")
        if asked.get("$deltatoken"):
            token |= {"since": token["until"], "until": self._box.counter, "skip": 0}
            del token["round"]
        if "round" not in token:
            token["round"] = len(self._rounds)
            self._rounds.append(self._changes(asked, calendar, token))
        items = self._rounds[token["round"]]
        size = min(self.page_size, _page_size(asked))
        here = items[token["skip"] : token["skip"] + size]
        more = token["skip"] + size < len(items)
        base = f"{self.url}/v1.0{self._root}/calendars/{quote(calendar, safe='')}/calendarView/delta"
        following = _sealed(token | {"skip": token["skip"] + size})
        kind, name = ("$skiptoken", "@odata.nextLink") if more else ("$deltatoken", "@odata.deltaLink")
        return Told(200, {"value": here, name: f"{base}?{kind}={following}"})

    def _changes(self, asked: Asked, calendar: str, token: Json) -> list[Json]:
        """What changed since the token: deletions, what is outside the window now, and everything of changed series."""
        lo, hi, since, until = series.parsed(token["lo"]), series.parsed(token["hi"]), token["since"], token["until"]
        told: list[Json] = []
        if since:
            gone = [key for at, key, place in self._box.tombstones if since < at <= until and place == calendar]
            told += [_removed(key) for key in gone]
        for item in self._box.items.values():
            if item.calendar != calendar or not since < item.change <= until:
                continue
            found = list(item.happenings(lo, hi))
            if not found and since:
                told.append(_removed(item.key))
            if found and item.recurrence:
                told.append(self._viewed(item, asked))
            told += [self._in_delta(each, asked) for each in found]
        return [each for each in told for _ in range(2 if self.tells_twice else 1)]

    def _in_delta(self, item: Item, asked: Asked) -> Json:
        """Occurrences come without what they share with their series."""
        whole = self._viewed(item, asked)
        if item.kind != "occurrence":
            return whole
        return {name: whole[name] for name in ("@odata.etag", "id", "seriesMasterId", "type", "start", "end")}

    # ── Subscriptions ──

    @route("GET", r"/v1\.0/subscriptions")
    def _subscriptions(self, asked: Asked) -> Told:
        return Told(200, {"value": self.notices.listed(self.owner_of(asked.bearer))})

    @route("POST", r"/v1\.0/subscriptions")
    def _subscribe(self, asked: Asked) -> Told:
        return self.notices.subscribe(self.owner_of(asked.bearer), self._json(asked))

    @route("PATCH", r"/v1\.0/subscriptions/{key}")
    def _prolong(self, asked: Asked, key: str) -> Told:
        return self.notices.prolong(key, self._json(asked))

    @route("POST", r"/v1\.0/subscriptions/{key}/reauthorize")
    def _reauthorize(self, asked: Asked, key: str) -> Told:
        return self.notices.reauthorize(key)

    @route("DELETE", r"/v1\.0/subscriptions/{key}")
    def _unsubscribe(self, asked: Asked, key: str) -> Told:
        return self.notices.end(key)

    # ── How events are made, changed and shown ──

    def _json(self, asked: Asked) -> Any:
        try:
            return asked.json()
        except ValueError as error:
            raise Wrong("Unable to read JSON request payload.", "BadRequest") from error

    def _body(self, asked: Asked) -> Json:
        said: Json = self._json(asked)
        check(said, "event")
        return said

    def _item(self, calendar: str, key: str) -> Item:
        self._row(calendar)
        item = self._box.item(key, calendar)
        if item is None:
            raise Wrong("The specified object was not found in the store.", "ErrorItemNotFound")
        return item

    def _made(self, box: Mailbox, calendar: str, said: Json, *, mail: bool) -> Item:
        if "start" not in said or "end" not in said:
            raise Wrong("start and end are needed.", "ErrorInvalidRequest")
        utc = series.zone_named("UTC", iana=True)
        item = Item(store.new_key(), calendar, {}, datetime.min, datetime.min, utc, "UTC", box.tick(), box.person)
        self._take(box, item, said)
        box.items[item.key] = item
        self._mail("invite", item, mail)
        self.notices.tell(box, item)
        return item

    def _change(self, box: Mailbox, item: Item, said: Json, *, mail: bool) -> Item:
        before = {each["emailAddress"]["address"] for each in item.said.get("attendees") or ()}
        item = self._own(item)
        self._take(box, item, said)
        box.touch(item)
        if said.keys() - {"singleValueExtendedProperties"} == {"attendees"}:
            changed = before ^ {each["emailAddress"]["address"] for each in item.said["attendees"]}
            self.mails += [("update", item.key, tuple(sorted(changed)))] if mail and changed else []
        else:
            self._mail("update", item, mail)
        self.notices.tell(box, item)
        return item

    def _own(self, item: Item) -> Item:
        """An occurrence that is changed becomes an exception of its series."""
        if item.master is not None:
            item.master.exceptions.setdefault(item.original_key, item)
        return item

    def _drop(self, box: Mailbox, item: Item) -> None:
        if item.master is not None:
            box.leave_out(item)
        else:
            box.drop(item)
        self.notices.tell(box, item)

    def _take(self, box: Mailbox, item: Item, said: Json) -> None:
        """Check what is said against the rest of the event, then take it over; nothing of it when it is refused."""
        if unknown := said.keys() - WRITABLE - {"@odata.type"}:
            raise Wrong(f"The property '{min(unknown)}' is read-only.", "ErrorInvalidPropertyRequest")
        new = {**item.said, **{name: store.copied(value) for name, value in said.items()}}
        marks = {each["id"]: each["value"] for each in new.pop("singleValueExtendedProperties", None) or ()}
        moved = {name: said.get(name) for name in ("start", "end") if said.get(name)}
        start, end, zone, name = self._times(item, moved)
        _check_times(new, start, end)
        if new.get("recurrence") and item.master is not None:
            raise Wrong("An occurrence does not repeat.", "ErrorInvalidRequest")
        if new.get("recurrence"):
            series.zone_named(
                new["recurrence"].get("range", {}).get("recurrenceTimeZone") or name, iana=self.iana_zones
            )
            series.check_recurrence(new["recurrence"], start)
        self._check_room(box, item, new, said)
        if "body" in said:
            new["body"] = store.stored_body(said["body"])
        if item.master is not None and moved:
            probe = store.copied(item)
            probe.start, probe.end = start, end
            store.check_boundary(probe)
        if item.recurrence and ("recurrence" in said or moved):
            item.exceptions.clear()
            item.cancelled.clear()
        item.said, item.start, item.end, item.zone, item.zone_name = new, start, end, zone, name
        item.marks = {**item.marks, **marks}
        self._keep_room(item, said)

    def _times(self, item: Item, moved: Json) -> tuple[datetime, datetime, Any, str]:
        if not moved:
            return item.start, item.end, item.zone, item.zone_name
        begin, finish = moved.get("start"), moved.get("end")
        if begin is None or finish is None:
            raise Wrong("start and end are changed together.", "ErrorInvalidRequest")
        zone = series.zone_named(begin.get("timeZone"), iana=self.iana_zones)
        until = series.zone_named(finish.get("timeZone"), iana=self.iana_zones)
        end = series.instant(series.wall_of(finish), until).astimezone(zone).replace(tzinfo=None)
        return series.wall_of(begin), end, zone, str(begin["timeZone"])

    def _check_room(self, box: Mailbox, item: Item, new: Json, said: Json) -> None:
        if item.said.get("isOnlineMeeting") and said.get("isOnlineMeeting") is False:
            raise Wrong("An online meeting cannot be made offline.", "ErrorInvalidRequest")
        row = box.calendars[item.calendar]
        if said.get("isOnlineMeeting") and (new.get("onlineMeetingProvider") != store.TEAMS or not row.teams):
            raise Wrong("The online meeting provider is not allowed in this calendar.", "ErrorInvalidRequest")

    def _keep_room(self, item: Item, said: Json) -> None:
        if not item.said.get("isOnlineMeeting"):
            return
        if item.join_url and "body" in said and item.join_url not in item.said["body"]["content"]:
            item.join_url, item.said["isOnlineMeeting"] = "", False  # whoever drops the join text ends the meeting
        elif not item.join_url and not self.teams_later:
            self._open_room(item)

    def _open_room(self, item: Item) -> None:
        item.join_url = f"https://teams.microsoft.com/l/meetup-join/{item.key[-12:]}"
        item.said["body"] = store.with_join_text(store.stored_body(item.said.get("body")), item.join_url)

    def _mail(self, what: str, item: Item, wanted: bool) -> None:
        guests = tuple(each["emailAddress"]["address"] for each in item.said.get("attendees") or ())
        if wanted and guests and item.is_organizer:
            self.mails.append((what, item.key, guests))

    def shown(self, item: Item, *, zone: str = "UTC", body: str = "html") -> Json:
        """An event as Graph answers it, without what has to be asked for."""
        said, kind = item.said, item.kind
        at = series.zone_named(zone, iana=True)
        begin, finish = item.begins, item.ends
        if said.get("isAllDay"):  # dates, whatever the zone
            begin, finish, at, zone = item.start.replace(tzinfo=UTC), item.end.replace(tzinfo=UTC), UTC, "UTC"  # type: ignore[assignment]
        online = bool(said.get("isOnlineMeeting"))
        return {
            "@odata.etag": f'W/"{store.change_key(item)}"',
            "id": item.key,
            "changeKey": store.change_key(item),
            "createdDateTime": series.stamp(item.created),
            "lastModifiedDateTime": series.stamp(item.modified),
            "transactionId": said.get("transactionId"),
            "iCalUId": f"040000008200E{hashlib.sha256(item.key.encode()).hexdigest()[:40].upper()}",
            "subject": said.get("subject") or "",
            "body": store.body_as(store.stored_body(said.get("body")), body),
            "start": series.shown(begin, at, zone),
            "end": series.shown(finish, at, zone),
            "originalStartTimeZone": item.zone_name,
            "originalEndTimeZone": item.zone_name,
            "isAllDay": bool(said.get("isAllDay")),
            "isCancelled": False,
            "isOrganizer": item.is_organizer,
            "location": said.get("location") or {"displayName": ""},
            "showAs": said.get("showAs") or "busy",
            "sensitivity": said.get("sensitivity") or "normal",
            "importance": said.get("importance") or "normal",
            "categories": said.get("categories") or [],
            "isReminderOn": said.get("isReminderOn", True),
            "reminderMinutesBeforeStart": said.get("reminderMinutesBeforeStart", 15),
            "attendees": [_answered(each) for each in said.get("attendees") or ()],
            "organizer": {"emailAddress": {"name": item.organizer, "address": item.organizer}},
            "responseStatus": {"response": item.answer, "time": "0001-01-01T00:00:00Z"},
            "type": kind,
            "seriesMasterId": item.master.key if item.master else None,
            "originalStart": series.stamp(_planned(item)) if item.master else None,
            "recurrence": said.get("recurrence") if kind == "seriesMaster" else None,
            "isOnlineMeeting": online,
            "onlineMeetingProvider": said.get("onlineMeetingProvider") or "unknown",
            "onlineMeeting": {"joinUrl": item.join_url} if online and item.join_url else None,
        }

    def _viewed(self, item: Item, asked: Asked, *, alone: bool = False) -> Json:
        prefer = asked.headers.get("prefer", "")
        zone = re.search(r'outlook\.timezone="([^"]+)"', prefer)
        html = 'outlook.body-content-type="text"' not in prefer
        view = self.shown(item, zone=zone[1] if zone else "UTC", body="html" if html else "text")
        if 'IdType="ImmutableId"' not in prefer:
            view["id"] = f"AAMk{item.key[4:]}"  # another id, which would change with every move
        expand, select = asked.get("$expand"), asked.get("$select")
        left = expand
        if marks := _EXPAND_MARKS.search(expand):
            wanted = re.findall(r"id eq '([^']*)'", marks[1])
            found = [{"id": name, "value": item.marks[name]} for name in wanted if name in item.marks]
            view |= {"singleValueExtendedProperties": found} if found else {}
            left = left.replace(marks[0], "")
        if "exceptionOccurrences" in left.split(","):
            view["exceptionOccurrences"] = [self._viewed(each, _bare(asked)) for each in item.exceptions.values()]
            left = left.replace("exceptionOccurrences", "")
        if left.strip(","):
            raise Wrong(f"Could not find a property to expand in '{left}'.", "BadRequest")
        if alone and "cancelledOccurrences" in select.split(","):
            view["cancelledOccurrences"] = [f"OID.{item.key}.{date}" for date in sorted(item.cancelled)]
        if select:
            kept = {*select.split(","), "id", "@odata.etag", "singleValueExtendedProperties", "exceptionOccurrences"}
            view = {name: value for name, value in view.items() if name in kept}
        return view

    def _page(self, asked: Asked, values: list[Json]) -> Told:
        size = min(int(asked.get("$top") or 10), self.page_size)
        skip = int(asked.get("$skip") or 0)
        told: Json = {"value": values[skip : skip + size]}
        if skip + size < len(values):
            query = [(name, value) for name, value in asked.query if name != "$skip"] + [("$skip", str(skip + size))]
            following = "&".join(f"{quote(name)}={quote(value, safe='')}" for name, value in query)
            told["@odata.nextLink"] = f"{self.url}{asked.path}?{following}"
        return Told(200, told)


def _error(status: int, code: str, words: str, *, wait: int | None = None) -> Told:
    headers = {} if wait is None else {"Retry-After": str(wait)}
    return Told(status, {"error": {"code": code, "message": words, "innerError": {"request-id": "lab"}}}, headers)


def _only(asked: Asked, *known: str) -> None:
    for name, _ in asked.query:
        if name not in known:
            raise Wrong(f"The query option '{name}' is not supported here.", "ErrorInvalidUrlQuery")


def _matches(item: Item, text: str) -> bool:
    asked = _FILTER.fullmatch(text)
    if asked is None:
        raise Wrong(f"Invalid filter clause: {text}", "BadRequest")
    value = item.marks.get(asked["id"].replace("''", "'"))
    if value is None:
        return False
    if asked["eq"] is not None:
        return value == asked["eq"].replace("''", "'")
    return asked["in"].replace("''", "'") in value


def _check_times(said: Json, start: datetime, end: datetime) -> None:
    if end < start:
        raise Wrong("The end is before the start.", "ErrorPropertyValidationFailure")
    if said.get("isAllDay") and (
        start.time() != datetime.min.time() or end.time() != datetime.min.time() or end <= start
    ):
        raise Wrong("An all-day event starts and ends at midnight of its zone.", "ErrorInvalidRequest")


def _answered(attendee: Json) -> Json:
    return {"type": "required", "status": {"response": "none", "time": "0001-01-01T00:00:00Z"}, **attendee}


def _planned(item: Item) -> datetime:
    assert item.master is not None
    assert item.original is not None
    if item.master.said.get("isAllDay"):
        return item.original.replace(tzinfo=UTC)
    return series.instant(item.original, item.master.zone)


def _removed(key: str) -> Json:
    return {"@odata.type": "#microsoft.graph.event", "id": key, "@removed": {"reason": "deleted"}}


def _bare(asked: Asked) -> Asked:
    return Asked(asked.method, asked.path, (), asked.headers, b"")


def _page_size(asked: Asked) -> int:
    found = re.search(r"odata\.maxpagesize=(\d+)", asked.headers.get("prefer", ""))
    return int(found[1]) if found else 10


def _sealed(token: Json) -> str:
    return base64.urlsafe_b64encode(json.dumps(token).encode()).decode()


def _opened(text: str) -> Json | None:
    try:
        found: Json = json.loads(base64.urlsafe_b64decode(text))
    except (ValueError, binascii.Error):
        return None
    return found
