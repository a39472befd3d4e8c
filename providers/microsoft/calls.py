"""Calls to Graph for one mailbox, and what its errors mean."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from providers.base import Ended, Outcome, Result
from providers.http import Response
from providers.microsoft.wire import REFERENCE, REVISION
from providers.rest import STRANGE, Json, Manners, Rest, Said, decoded

ME = "/me"
AT_ONCE = 4
"""Calls that Outlook's services carry out for one mailbox at the same time; more are refused."""
_PAGES = 500
_slots: dict[str, threading.BoundedSemaphore] = defaultdict(lambda: threading.BoundedSemaphore(AT_ONCE))

GONE = "This calendar is no longer there."
READ_ONLY = "This calendar can be read, but events cannot be written to it."
NOT_PERMITTED = "Microsoft no longer lets us write to these calendars. Sign in again and permit it."
NO_MAILBOX = "This account has no mailbox with a calendar at Microsoft."

IMMUTABLE = 'IdType="ImmutableId"'
"""Ids that stay when an event is moved inside its mailbox; the preference belongs to every call."""
UTC_TIMES = 'outlook.timezone="UTC"'
AS_TEXT, AS_HTML = 'outlook.body-content-type="text"', 'outlook.body-content-type="html"'

_CODES = {
    "invalidauthenticationtoken": Outcome.AUTH_REFRESH,
    "applicationthrottled": Outcome.TRANSIENT,
    "mailboxconcurrency": Outcome.TRANSIENT,
    "activitylimitreached": Outcome.TRANSIENT,
    "errorirresolvableconflict": Outcome.CONFLICT,
    "erroroccurrencecrossingboundary": Outcome.PERMANENT,
    "mailboxnotenabledforrestapi": Outcome.AUTH_DEAD,
    "mailboxnotsupportedforrestapi": Outcome.AUTH_DEAD,
    "errornonexistentmailbox": Outcome.AUTH_DEAD,
}
DENIED = frozenset({"erroraccessdenied", "authorization_requestdenied", "accessdenied"})
DUPLICATE = "errorduplicatetransactionid"


def manners(base: str) -> Manners:
    return Manners(base.rstrip("/"), {"Prefer": prefer(AS_TEXT)}, _said, _CODES)


def prefer(*more: str) -> str:
    return ", ".join((IMMUTABLE, UTC_TIMES, *more))


def _said(body: Any) -> Said:
    error = body["error"]
    return Said(str(error.get("code", "")).lower(), str(error.get("message", "")))


def escaped(text: str) -> str:
    """A text inside a quoted literal of an OData filter."""
    return text.replace("'", "''")


class Calls:
    """Calls of one mailbox; `root` is /me or /users/{address}. Whatever gets no usable answer raises Ended.

    `mailbox` tells this mailbox from others in this process.
    """

    def __init__(self, rest: Rest, root: str, mailbox: str) -> None:
        self.rest = rest
        self.root = root
        self._slot = _slots[mailbox]

    def send(self, method: str, path: str, **how: Any) -> Response:
        """One call, whatever its status. `path` is below the mailbox, or a whole address that Graph gave."""
        whole = path if path.startswith(("http://", "https://")) else f"{self.root}{path}"
        with self._slot:
            return self.rest.send(method, whole, **how)

    def json(self, method: str, path: str, **how: Any) -> Json:
        answer = self.send(method, path, **how)
        if answer.status >= 300:
            raise Ended(self.rest.classify(answer))
        return decoded(answer)

    def code(self, answer: Response) -> str:
        return self.rest.said(answer).code

    def pages(self, path: str, **how: Any) -> Iterator[Json]:
        """The answers of a listing, page by page. Addresses of other hosts are never called: they would get the token
        (the rest of the listing is then unknown, so it fails)."""
        page = self.json("GET", path, **how)
        for _ in range(_PAGES):
            yield page
            following = page.get("@odata.nextLink")
            if not following:
                return
            if not self.is_ours(following):
                break
            page = self.json("GET", following, headers=how.get("headers"))
        raise Ended(Result(Outcome.UNKNOWN, detail=STRANGE))

    def is_ours(self, address: Any) -> bool:
        """Whether an address that Graph gave is one of the same Graph."""
        return isinstance(address, str) and address.startswith(f"{self.rest.manners.base}/")

    # ── Events ──

    def event(self, target: str, remote_id: str, *, html: bool = False) -> Json | None:
        """An event of a calendar with our mark, None when it is not there."""
        if not remote_id:
            return None
        query = {"$expand": _MARKS}
        answer = self.send("GET", event_path(target, remote_id), query=query, headers=_reading(html))
        return self._found(answer)

    def series(self, target: str, remote_id: str) -> Json | None:
        """A series' master with what was changed in it and left out of it, which Graph tells only when asked."""
        query = {"$select": ",".join(_SERIES), "$expand": f"{_MARKS},exceptionOccurrences"}
        answer = self.send("GET", event_path(target, remote_id), query=query, headers=_reading(False))
        return self._found(answer)

    def instances(self, target: str, remote_id: str, lo: str, hi: str) -> Iterator[Json]:
        """The occurrences of a series that overlap [lo, hi), UTC as 2026-03-01T09:00:00."""
        query = {"startDateTime": lo, "endDateTime": hi, "$top": 500}
        for page in self.pages(f"{event_path(target, remote_id)}/instances", query=query, headers=_reading(False)):
            yield from values(page)

    def marked(self, target: str, condition: str) -> list[Json]:
        """Events whose reference of ours fulfils a condition on `ep/value`."""
        told = f"singleValueExtendedProperties/Any(ep: ep/id eq '{REFERENCE}' and {condition})"
        query = {"$filter": told, "$expand": _MARKS, "$top": 100}
        pages = self.pages(f"{calendar_path(target)}/events", query=query, headers=_reading(False))
        return [event for page in pages for event in values(page)]

    def calendar(self, target: str) -> Json:
        """The calendar itself; ends the call with TARGET_GONE when it is not there."""
        answer = self.send("GET", calendar_path(target))
        if answer.status in (404, 410):
            raise Ended(Result(Outcome.TARGET_GONE, status=404, detail=GONE))
        if answer.status >= 300:
            raise Ended(self.rest.classify(answer))
        return decoded(answer)

    def _found(self, answer: Response) -> Json | None:
        if answer.status in (404, 410) and self.rest.classify(answer).outcome != Outcome.AUTH_DEAD:
            return None
        if answer.status >= 300:
            raise Ended(self.rest.classify(answer))
        event = decoded(answer)
        if not isinstance(event.get("id"), str):
            raise Ended(Result(Outcome.AMBIGUOUS, status=answer.status, detail=STRANGE))
        return event


_MARKS = f"singleValueExtendedProperties($filter=id eq '{REFERENCE}' or id eq '{REVISION}')"
_SERIES = (
    *("id", "changeKey", "subject", "body", "start", "end", "isAllDay", "isCancelled", "isOrganizer", "showAs", "type"),
    *("sensitivity", "location", "recurrence", "attendees", "organizer", "responseStatus", "iCalUId", "onlineMeeting"),
    *("isOnlineMeeting", "onlineMeetingProvider", "originalStartTimeZone", "transactionId", "cancelledOccurrences"),
)


def calendar_path(target: str) -> str:
    return f"/calendars/{quote(target, safe='')}"


def event_path(target: str, remote_id: str) -> str:
    return f"{calendar_path(target)}/events/{quote(remote_id, safe='')}"


def values(page: Json) -> list[Json]:
    """The objects of a page; a page without them is no answer."""
    found = page.get("value")
    if not isinstance(found, list):
        raise Ended(Result(Outcome.AMBIGUOUS, detail=STRANGE))
    return [each for each in found if isinstance(each, dict)]


def _reading(html: bool) -> Mapping[str, str]:
    return {"Prefer": prefer(AS_HTML if html else AS_TEXT)}
