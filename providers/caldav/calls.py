"""Signed calls to one CalDAV server, and what its answers mean.

A status number alone says little: a UID in use is 409, 412 or 403 on three servers, broken content 400, 412 or 403.
So the XML element inside an error decides, and only then the number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from providers.addresses import Refused, parse
from providers.base import Ended, Outcome, Result
from providers.caldav.webdav import (
    CALDAV,
    DAV,
    NotDav,
    canonical,
    clean_etag,
    preconditions,
    propfind,
    read_multistatus,
    uid_query,
)
from providers.http import Ambiguous, Basic, HttpError, Response, Unreachable, fetch

READ_ONLY = "The server allows reading this calendar, but not writing to it."
GONE = "This calendar is no longer there."
WRONG_PASSWORD = "The server did not accept this user name and password. Some services want an app password here."  # noqa: S105
NO_BASIC = (
    "This server does not let programs sign in with a user name and password sent over https (Basic). "
    "Its operator can turn that on; some servers call it “Basic” instead of “Digest”."
)
STRANGE = "The server gave an answer that makes no sense here."
BUSY = "The server is busy and asks us to come back later."
BROKEN = "The server failed while it handled this."

UID_IN_USE = frozenset({f"{CALDAV}no-uid-conflict", f"{CALDAV}unique-scheduling-object-resource"})
NEVER = {
    f"{CALDAV}valid-calendar-data": "The server does not accept the content of this event.",
    f"{CALDAV}valid-calendar-object-resource": "The server does not accept the content of this event.",
    f"{CALDAV}supported-calendar-data": "The server does not accept events in this format.",
    f"{CALDAV}supported-calendar-component": "This calendar does not take events.",
    f"{CALDAV}max-resource-size": "The event is larger than the server allows.",
    f"{CALDAV}min-date-time": "The event is earlier than the server allows.",
    f"{CALDAV}max-date-time": "The event is later than the server allows.",
    f"{CALDAV}max-instances": "The series has more occurrences than the server allows.",
    f"{CALDAV}max-attendees-per-instance": "The event has more guests than the server allows.",
}
"""Reasons that stay true however often the same is sent."""

_XML = {"Content-Type": "application/xml; charset=utf-8"}
_NUMBERS: dict[int, tuple[Outcome, str]] = {
    401: (Outcome.AUTH_DEAD, WRONG_PASSWORD),
    400: (Outcome.PERMANENT, "The server does not accept the content of this event."),
    403: (Outcome.PERMANENT, "The server forbids this."),
    404: (Outcome.CONFLICT, ""),
    405: (Outcome.PERMANENT, "The server does not offer this."),
    409: (Outcome.UNKNOWN, "The server reports a conflict without saying which."),
    410: (Outcome.CONFLICT, ""),
    412: (Outcome.CONFLICT, "The event was changed in the calendar at the same moment."),
    413: (Outcome.PERMANENT, "The event is larger than the server allows."),
    415: (Outcome.PERMANENT, "The server does not accept events in this format."),
    422: (Outcome.PERMANENT, "The server does not accept the content of this event."),
    423: (Outcome.TRANSIENT, "The calendar is locked at the moment."),
    429: (Outcome.TRANSIENT, BUSY),
    501: (Outcome.PERMANENT, "The server does not offer this."),
    507: (Outcome.TRANSIENT, "The calendar's storage is full."),
}


def sign_in_refused(answer: Response) -> str:
    """What a 401 means for the person who typed the password."""
    offered = answer.header("WWW-Authenticate").lower()
    return WRONG_PASSWORD if not offered or "basic" in offered else NO_BASIC


@dataclass(frozen=True)
class Login:
    """Where and as whom. `zones` maps calendars to the zone in which their floating times are read."""

    server_url: str
    username: str
    password: str = field(repr=False)
    addresses: tuple[str, ...] = ()
    zones: Mapping[str, str] = field(default_factory=dict)
    host_zone: str = "UTC"


@dataclass(frozen=True)
class StoredObject:
    """A calendar object as it is on the server. `etag` is "" when the server gives no strong one."""

    url: str
    text: str
    etag: str


def if_match(etag: str) -> dict[str, str]:
    """The guard against overwriting. Never `*`: iCloud takes it for its opposite, Radicale for a literal."""
    return {"If-Match": etag} if etag else {}


def classify(answer: Response) -> Result:
    """What an answer that is not a success means for a write."""
    named = preconditions(answer)
    status = answer.status
    outcome, detail = _NUMBERS.get(status, (Outcome.UNKNOWN, STRANGE))
    if status == 401:
        detail = sign_in_refused(answer)
    elif reason := next((text for element, text in NEVER.items() if element in named), ""):
        outcome, detail = Outcome.PERMANENT, reason
    elif f"{DAV}need-privileges" in named:
        outcome, detail = Outcome.TARGET_GONE, READ_ONLY
    elif status == 503 and answer.retry_after is not None:
        outcome, detail = Outcome.TRANSIENT, BUSY
    elif status >= 500 and status not in _NUMBERS:
        outcome, detail = Outcome.AMBIGUOUS, BROKEN
    return Result(outcome, status=status, retry_after=answer.retry_after, detail=detail)


class Calls:
    """Calls of one login. Whatever gets no usable answer raises Ended with the result to hand back."""

    def __init__(self, login: Login) -> None:
        self.login = login

    def send(
        self,
        method: str,
        url: str,
        body: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        follow: bool = False,
    ) -> Response:
        """One signed call."""
        try:
            self._require_trusted(url)
            auth = Basic(self.login.username, self.login.password)
            return fetch(method, url, auth=auth, headers=headers, body=body, follow=follow)
        except (Refused, Unreachable) as error:
            raise Ended(Result(Outcome.TRANSIENT, detail=str(error))) from error
        except Ambiguous as error:
            raise Ended(Result(Outcome.AMBIGUOUS, detail=str(error))) from error
        except HttpError as error:
            raise Ended(Result(Outcome.UNKNOWN, detail=str(error))) from error

    def dav(self, method: str, url: str, depth: str, body: bytes, *, follow: bool = False) -> Response:
        """A PROPFIND or REPORT. A redirect elsewhere drops the password; it is shown again where that is trusted."""
        headers = {"Depth": depth, **_XML}
        answer = self.send(method, url, body, headers=headers, follow=follow)
        if follow and answer.status == 401 and parse(answer.url).origin != parse(url).origin:
            answer = self.send(method, answer.url, body, headers=headers)
        return answer

    def put(self, url: str, text: str, guard: Mapping[str, str]) -> Response:
        """Write an object, under the condition in `guard`."""
        return self.send("PUT", url, text.encode(), headers={"Content-Type": "text/calendar; charset=utf-8", **guard})

    def read(self, url: str) -> StoredObject | None:
        """The object at a URL, None when there is none."""
        if not url:
            return None
        answer = self.send("GET", url)
        if answer.status in (404, 410):
            return None
        if answer.status == 200 and b"BEGIN:VCALENDAR" not in answer.body:
            raise Ended(Result(Outcome.AMBIGUOUS, status=200, detail=STRANGE))  # a captive portal, a login page
        if answer.status != 200:
            raise Ended(classify(answer))
        return StoredObject(canonical(url), answer.text, clean_etag(answer.header("ETag")))

    def holder(self, target: str, uid: str) -> StoredObject | None:
        """The object of a UID wherever it lies in the calendar; a server that cannot search has none."""
        answer = self.dav("REPORT", target, "1", uid_query(uid))
        if answer.status == 401 or answer.status in (423, 429) or answer.status >= 500:
            raise Ended(classify(answer))
        try:
            members = read_multistatus(answer).members
        except NotDav:
            return None
        for member in members:
            text = member.text(f"{CALDAV}calendar-data")
            if _names_uid(text, uid):
                return StoredObject(member.url, text, member.etag)
        return None

    def require_collection(self, target: str) -> None:
        """End the call when the calendar itself is gone: then not the event is missing but its place."""
        answer = self.dav("PROPFIND", target, "0", propfind([f"{DAV}resourcetype"]))
        status = answer.status
        if status == 207:
            try:
                member = read_multistatus(answer).at(target)
            except NotDav:
                raise Ended(Result(Outcome.AMBIGUOUS, status=status, detail=STRANGE)) from None
            status = member.status if member else 404
        if status in (404, 410):
            raise Ended(Result(Outcome.TARGET_GONE, status=404, detail=GONE))
        if status >= 400:
            raise Ended(classify(answer))

    def _require_trusted(self, url: str) -> None:
        """The password goes to the server that the person named, and to iCloud's own partitions, to nobody else."""
        home, other = urlsplit(self.login.server_url), urlsplit(url)
        if home.hostname == other.hostname and (home.port == other.port or other.scheme == "https"):
            return
        if (home.hostname or "").endswith(".icloud.com") and (other.hostname or "").endswith(".icloud.com"):
            return
        raise Refused(
            f"This server keeps its calendars at another address ({other.hostname}). "
            "If that is right, connect with that address instead."
        )


def collection_of(url: str) -> str:
    return canonical(urljoin(url, "."))


def _names_uid(text: str, uid: str) -> bool:
    unfolded = text.replace("\r\n ", "").replace("\n ", "").replace("\r\n\t", "").replace("\n\t", "")
    values = (line.partition(":")[2].strip() for line in unfolded.splitlines() if line[:3].upper() == "UID")
    return any(uid in (value, value.replace("\\", "")) for value in values)
