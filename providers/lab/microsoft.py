"""A double of Microsoft Graph's calendars: stateful and as strict as the real ones, on loopback.

API at {url}/v1.0, sign-in at {url}/{tenant}/oauth2/v2.0. Tests and operators change a mailbox as its owner would with
`add`, `edit`, `move`, `remove`, `answer` and `invite`; `mails` tells what Exchange mailed to guests.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections import defaultdict, deque
from typing import Any, ClassVar
from urllib.parse import quote

from providers.lab import graph_series as series
from providers.lab import graph_store as store
from providers.lab import graph_views as views
from providers.lab.double import Asked, Told, route
from providers.lab.graph_mailboxes import Mailboxes
from providers.lab.graph_schema import Json, Wrong, check, check_action
from providers.lab.graph_store import CalendarRow, Item

AT_ONCE = 4
_STATUS = {"ErrorDuplicateTransactionId": 409, "ErrorItemNotFound": 404, "ErrorAccessDenied": 403}


class MicrosoftDouble(Mailboxes):
    """Graph itself.

    Further switches: `allowance` (calls, seconds) beyond which it answers 429, `page_size`, `tells_twice` (items of a
    delta come twice).
    """

    name: ClassVar[str] = "microsoft"

    def __init__(self) -> None:
        super().__init__()
        self.rotates = True
        self.tells_twice = False
        self.page_size = 50
        self.allowance: tuple[int, float] | None = None
        self.most_at_once = 0
        self._forgotten = 0
        self._rounds: list[list[Json]] = []
        self._running: dict[str, int] = defaultdict(int)
        self._recent: dict[str, deque[float]] = defaultdict(deque)
        self._counting = threading.Lock()
        self._box = self.mailbox(self.people[0])
        self._root = "/me"

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
            return views.error(429, "ApplicationThrottled", "Application is over its MailboxConcurrency limit.", wait=1)
        if self.allowance is None:
            return None
        calls, seconds = self.allowance
        recent, now = self._recent[who], time.monotonic()
        while recent and recent[0] < now - seconds:
            recent.popleft()
        if len(recent) >= calls:
            return views.error(429, "ApplicationThrottled", "Too many requests.", wait=max(1, round(seconds)))
        recent.append(now)
        return None

    def handle(self, asked: Asked) -> Told:
        try:
            return super().handle(asked)
        except Wrong as wrong:
            return views.error(_STATUS.get(wrong.code, 400), wrong.code, str(wrong))

    def admit(self, asked: Asked) -> Told | None:
        if self.is_login(asked):
            return None
        grant = self.grant_of(asked.bearer)
        if grant is None:
            return views.error(401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.")
        place = re.match(r"/v1\.0/(?:me|users/([^/]+))(?=/|$)", asked.path)
        if place is None:
            return (
                None
                if asked.path.startswith("/v1.0/subscriptions")
                else views.error(400, "BadRequest", "Unknown path.")
            )
        named = (place[1] or "").replace("%40", "@")
        if bool(grant.person) == bool(named) or (named and named not in self.people):
            return views.error(404, "ResourceNotFound", "No such mailbox for this kind of token.")
        writes = asked.method != "GET"
        if grant.scope and writes and "calendars.readwrite" not in grant.scope.lower() and grant.person:
            return views.error(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
        self._box = self.mailbox(grant.person or named)
        self._root = f"/users/{named}" if named else "/me"
        return None

    def lost(self, asked: Asked) -> Told:
        return views.error(404, "ResourceNotFound", f"Resource not found for the segment in '{asked.path}'.")

    # ── Calendars ──

    @route("GET", r"/v1\.0/(?:me|users/[^/]+)")
    def _me(self, asked: Asked) -> Told:
        views.only(asked, "$select")
        return Told(200, {"mail": self._box.person, "userPrincipalName": self._box.person})

    @route("GET", r"/v1\.0/(?:me|users/[^/]+)/calendars")
    def _calendars(self, asked: Asked) -> Told:
        views.only(asked, "$top", "$skip", "$select")
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
        views.only(asked, "$filter", "$expand", "$select", "$top", "$skip")
        self._row(calendar)
        if asked.get("$filter"):  # of extended properties, which are looked for in the whole mailbox
            items = [each for each in self._box.items.values() if views.matches(each, asked.get("$filter"))]
        else:
            items = [each for each in self._box.items.values() if each.calendar == calendar]
        return self._page(asked, [views.viewed(each, asked) for each in items])

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
            return Told(201, views.viewed(item, asked))
        item = self.make(self._box, calendar, said, mail=True)
        if key:
            self._box.transactions[key] = (item.key, digest)
        return Told(201, views.viewed(item, asked))

    @route("GET", r"/v1\.0/(?:me|users/[^/]+)/calendars/{calendar}/events/{key}")
    def _get(self, asked: Asked, calendar: str, key: str) -> Told:
        views.only(asked, "$expand", "$select")
        return Told(200, views.viewed(self._item(calendar, key), asked, alone=True))

    @route("PATCH", r"/v1\.0/(?:me|users/[^/]+)/calendars/{calendar}/events/{key}")
    def _patch(self, asked: Asked, calendar: str, key: str) -> Told:
        item, said = self._item(calendar, key), self._body(asked)
        if "transactionId" in said:
            raise Wrong("The transactionId cannot be changed.", "ErrorInvalidRequest")
        guard = asked.headers.get("if-match", "*")
        if guard not in ("*", f'W/"{store.change_key(item)}"'):
            return views.error(412, "ErrorIrresolvableConflict", "The send or update operation could not be performed.")
        if not self._row(calendar).can_edit:
            raise Wrong("Access is denied. Check credentials and try again.", "ErrorAccessDenied")
        if not item.is_organizer and said.keys() & {"start", "end", "attendees", "recurrence", "subject"}:
            raise Wrong("Only the organizer can change this.", "ErrorInvalidRequest")
        return Told(200, views.viewed(self.change(self._box, item, said, mail=True), asked))

    @route("DELETE", r"/v1\.0/(?:me|users/[^/]+)/calendars/{calendar}/events/{key}")
    def _delete(self, asked: Asked, calendar: str, key: str) -> Told:
        item = self._item(calendar, key)
        self.mail("cancel", item, item.is_organizer)
        self.drop(self._box, item)
        return Told(204)

    @route("DELETE", r"/v1\.0/(?:me|users/[^/]+)/events/{key}")
    def _delete_anywhere(self, asked: Asked, key: str) -> Told:
        item = self._box.item(key)
        return self._delete(asked, item.calendar if item else "", key)

    @route("POST", r"/v1\.0/(?:me|users/[^/]+)/events/{key}/{action}")
    def _act_anywhere(self, asked: Asked, key: str, action: str) -> Told:
        item = self._box.item(key)
        return self._act(asked, item.calendar if item else "", key, action)

    @route("POST", r"/v1\.0/(?:me|users/[^/]+)/calendars/{calendar}/events/{key}/{action}")
    def _act(self, asked: Asked, calendar: str, key: str, action: str) -> Told:
        if action not in ("accept", "decline", "tentativelyAccept", "cancel"):
            return self.lost(asked)
        item, said = self._item(calendar, key), check_action(self._json(asked), action)
        if action == "cancel":
            if not item.is_organizer or not item.said.get("attendees"):
                raise Wrong("Only the organizer of a meeting can cancel it.", "ErrorInvalidRequest")
            self.mail("cancel", item, True)
            self.drop(self._box, item)
            return Told(202)
        if item.is_organizer:
            raise Wrong("You can't respond to this meeting because you're the organizer.", "ErrorInvalidRequest")
        item = self.own(item)
        item.answer = {"accept": "accepted", "decline": "declined"}.get(action, "tentativelyAccepted")
        if said.get("sendresponse") in (None, True):
            self.mails.append(("response", item.key, (item.organizer,)))
        self._box.touch(item)
        return Told(202)

    @route("GET", r"/v1\.0/(?:me|users/[^/]+)/calendars/{calendar}/events/{key}/instances")
    def _instances(self, asked: Asked, calendar: str, key: str) -> Told:
        views.only(asked, "startDateTime", "endDateTime", "$top", "$skip", "$select")
        item = self._item(calendar, key)
        lo, hi = series.parsed(asked.get("startDateTime")), series.parsed(asked.get("endDateTime"))
        return self._page(asked, [views.viewed(each, asked) for each in item.happenings(lo, hi)])

    # ── Delta ──

    @route("GET", r"/v1\.0/(?:me|users/[^/]+)/calendars/{calendar}/calendarView/delta(?:\(\))?")
    def _delta(self, asked: Asked, calendar: str) -> Told:
        views.only(asked, "startDateTime", "endDateTime", "$deltatoken", "$skiptoken")
        self._row(calendar)
        link = asked.get("$deltatoken") or asked.get("$skiptoken")
        token = views.opened(link) if link else None
        if token is None and link:
            raise Wrong("Badly formed token.", "ErrorInvalidRequest")
        if token is None:
            token = {"lo": asked.get("startDateTime"), "hi": asked.get("endDateTime"), "since": 0, "skip": 0}
            token |= {"until": self._box.counter, "epoch": self._forgotten, "calendar": calendar}
        if token["epoch"] != self._forgotten or token["calendar"] != calendar:
            return views.error(410, "SyncStateNotFound", "The sync state generation is not found.")
        if asked.get("$deltatoken"):
            token |= {"since": token["until"], "until": self._box.counter, "skip": 0}
            del token["round"]
        if "round" not in token:
            token["round"] = len(self._rounds)
            self._rounds.append(self._changes(asked, calendar, token))
        items = self._rounds[token["round"]]
        size = min(self.page_size, views.page_size(asked))
        here = items[token["skip"] : token["skip"] + size]
        more = token["skip"] + size < len(items)
        base = f"{self.url}/v1.0{self._root}/calendars/{quote(calendar, safe='')}/calendarView/delta"
        following = views.sealed(token | {"skip": token["skip"] + size})
        kind, name = ("$skiptoken", "@odata.nextLink") if more else ("$deltatoken", "@odata.deltaLink")
        return Told(200, {"value": here, name: f"{base}?{kind}={following}"})

    def _changes(self, asked: Asked, calendar: str, token: Json) -> list[Json]:
        """What changed since the token: deletions, what is outside the window now, and everything of changed series."""
        lo, hi, since, until = series.parsed(token["lo"]), series.parsed(token["hi"]), token["since"], token["until"]
        told: list[Json] = []
        if since:
            gone = [key for at, key, place in self._box.tombstones if since < at <= until and place == calendar]
            told += [views.removed(key) for key in gone]
        for item in self._box.items.values():
            if item.calendar != calendar or not since < item.change <= until:
                continue
            found = list(item.happenings(lo, hi))
            if not found and since:
                told.append(views.removed(item.key))
            if found and item.recurrence:
                told.append(views.viewed(item, asked))
            told += [self._in_delta(each, asked) for each in found]
        return [each for each in told for _ in range(2 if self.tells_twice else 1)]

    def _in_delta(self, item: Item, asked: Asked) -> Json:
        """Occurrences come without what they share with their series."""
        whole = views.viewed(item, asked)
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

    # ── Parts of answers ──

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

    def _page(self, asked: Asked, values: list[Json]) -> Told:
        return views.page(self.url, asked, values, self.page_size)
