"""CalDAV (RFC 4791, 6578): one event, one object, written under an address that every attempt shares.

What the standard leaves open was measured on Radicale, Xandikos and Cyrus: a PUT answers without an ETag or with a
weak one here and there, so it is read again; bytes are not preserved, so meanings are compared; some servers ignore
`If-None-Match`, so the address itself is what keeps a second attempt from making a second event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from bookings.domain.accounts import FoundCalendar
from bookings.domain.calendar import Changes
from bookings.formats import icalendar
from bookings.models import Account, Calendar
from providers.base import PULL_S, Answer, Capability, Ended, Outcome, Provider, PullFailed, Push, Remote, Result
from providers.caldav import discovery, merge
from providers.caldav.calls import (
    NEVER,
    STRANGE,
    UID_IN_USE,
    Calls,
    Login,
    StoredObject,
    classify,
    collection_of,
    if_match,
)
from providers.caldav.reading import Reader
from providers.caldav.webdav import DAV, canonical, clean_etag, preconditions, propfind
from providers.http import Response

REFERENCE = "X-CONVENE-REF"
DELETED_THERE = "Somebody deleted this event in the calendar."
ELSEWHERE = "Another calendar of this account already holds this event."
NO_REPLY = {"Schedule-Reply": "F"}
"""The server is not to mail this answer to the organiser (RFC 6638 8.1)."""
_ATTEMPTS = 3
_STORED = (200, 201, 204)


class CalDav(Provider):
    name = Account.Provider.CALDAV

    def __init__(self, login: Login, capability: Capability | None = None) -> None:
        self.login = login
        self._calls = Calls(login)
        self._capability = capability or Capability()

    @property
    def capability(self) -> Capability:
        return self._capability

    # ── Reading ──

    def list_calendars(self) -> list[FoundCalendar]:
        return discovery.find_calendars(self._ask, self.login.server_url)

    def addresses(self) -> list[str]:
        """Mail addresses under which the server itself would send invitations; mostly none."""
        return discovery.find_addresses(self._ask, self.login.server_url)

    def changes(self, target: str, token: str, known: Mapping[str, str], limit_s: float = PULL_S) -> Changes:
        zone = self.login.zones.get(target) or self.login.host_zone
        owners = self.login.addresses
        reader = Reader(self._calls, target, default_timezone=zone, owner_emails=owners, limit_s=limit_s)
        return reader.changes(token, known)

    def health(self) -> Result:
        question = propfind([f"{DAV}current-user-principal"])
        try:
            answer = self._calls.dav("PROPFIND", self.login.server_url, "0", question, follow=True)
        except Ended as ended:
            return ended.result
        return Result(Outcome.OK, status=answer.status) if answer.status in (200, 207) else classify(answer)

    def _ask(self, url: str, depth: str, body: bytes) -> Response:
        try:
            return self._calls.dav("PROPFIND", url, depth, body, follow=True)
        except Ended as ended:
            raise PullFailed(ended.result.outcome, ended.result.detail) from ended

    # ── Writing ──

    def freeze(self, push: Push) -> str:
        return self._render(push)

    def create(self, target: str, push: Push, body: str) -> Result:
        return _ended(lambda: self._create(target, push, body))

    def update(self, target: str, push: Push) -> Result:
        return _ended(lambda: self._update(target, push))

    def delete(self, target: str, push: Push) -> Result:
        return _ended(lambda: self._delete(target, push))

    def find(self, target: str, push: Push) -> Result | None:
        try:
            found = self._calls.read(address(target, push)) or self._calls.holder(target, push.uid)
        except Ended as ended:
            return ended.result
        return _adopted(found, push) if found else None

    def rsvp(self, target: str, push: Push, answer: Answer) -> Result:
        return _ended(lambda: self._rsvp(target, push, answer))

    def _create(self, target: str, push: Push, body: str) -> Result:
        url = address(target, push)
        if not self.capability.keyed_create and (found := self._calls.read(url)):
            return _adopted(found, push)
        answer = self._calls.put(url, body, {"If-None-Match": "*"})
        if answer.status in _STORED:
            return self._stored(target, url, push, body, answer)
        named = preconditions(answer).keys()
        if named & UID_IN_USE:
            return self._adopt_holder(target, push, answer)
        # 412 without a reason: our own earlier attempt lies there. 409: a UID in use (SOGo), or no calendar.
        unexplained = answer.status in (409, 412) and not named & NEVER.keys()
        if unexplained and (found := self._calls.read(url) or self._calls.holder(target, push.uid)):
            return _adopted(found, push)
        return self._refused(target, answer)

    def _update(self, target: str, push: Push) -> Result:
        """Read, merge, write with the tag just read; a guest's answer in between only means another round."""
        for _ in range(_ATTEMPTS):
            current = self._calls.read(push.remote.id) or self._calls.holder(target, push.uid)
            if current is None:
                self._calls.require_collection(target)
                return Result(Outcome.CONFLICT, status=404, detail=DELETED_THERE)
            text = self._merged(current, push)
            answer = self._calls.put(current.url, text, if_match(current.etag))
            if answer.status in _STORED:
                return self._stored(target, current.url, push, text, answer)
            if answer.status != 412 or preconditions(answer).keys() & NEVER.keys():
                return self._refused(target, answer)
        return Result(Outcome.CONFLICT, push.remote, status=412, detail="The event keeps changing in the calendar.")

    def _delete(self, target: str, push: Push) -> Result:
        url, etag = push.remote.id or address(target, push), push.remote.etag
        for _ in range(_ATTEMPTS):
            answer = self._calls.send("DELETE", url, headers=if_match(etag))
            if 200 <= answer.status < 300:
                # A login page is nobody's we asked; a server that does answer so has it away at the next attempt.
                outcome = Outcome.AMBIGUOUS if _is_page(answer) else Outcome.OK
                return Result(outcome, status=answer.status, detail=STRANGE if outcome != Outcome.OK else "")
            if answer.status in (404, 410):
                current = self._calls.holder(target, push.uid)  # some servers rename what they store
                current = current if current and _is_ours(current, push) else None
            elif answer.status == 412:
                current = self._calls.read(url)  # changed there; it is to go all the same
            else:
                return self._refused(target, answer)
            if current is None:
                return Result(Outcome.OK, status=answer.status)
            url, etag = current.url, current.etag
        return Result(Outcome.CONFLICT, push.remote, status=412, detail="The event keeps changing in the calendar.")

    def _rsvp(self, target: str, push: Push, answer: Answer) -> Result:
        for _ in range(_ATTEMPTS):
            current = self._calls.read(push.remote.id)
            if current is None:
                self._calls.require_collection(target)
                return Result(Outcome.CONFLICT, status=404, detail=DELETED_THERE)
            text = merge.answered(current.text, self.login.addresses, answer)
            if text is None:
                # In an event of our own that did not say so before, the owner takes part from now on.
                return self._update(target, push) if _is_ours(current, push) else _uninvited()
            quietly = {} if answer.notify else NO_REPLY
            written = self._calls.put(current.url, text, if_match(current.etag) | quietly)
            if written.status in _STORED:
                # Without its tag it is read again: what was answered may be newer than what we know.
                return Result(Outcome.OK, replace(push.remote, etag=""), status=written.status)
            if written.status != 412 or preconditions(written).keys() & NEVER.keys():
                return self._refused(target, written)
        return Result(Outcome.CONFLICT, push.remote, status=412, detail="The event keeps changing in the calendar.")

    def _merged(self, current: StoredObject, push: Push) -> str:
        ours = self._render(push)
        try:
            return merge.merge(current.text, ours)
        except (ValueError, AssertionError, KeyError, IndexError):
            return ours  # what lies there is damaged; ours mends it

    def _render(self, push: Push) -> str:
        return icalendar.render(push.events, stamp=datetime.now(UTC), extra={REFERENCE: push.tag})

    def _stored(self, target: str, url: str, push: Push, text: str, answer: Response) -> Result:
        """A write of `text` that was accepted, with the tag that later writes need."""
        etag = clean_etag(answer.header("ETag"))
        if not etag:
            found = self._calls.read(url) or self._calls.holder(target, push.uid)
            if found is None:
                return Result(Outcome.AMBIGUOUS, status=answer.status, detail=STRANGE)
            url, etag = found.url, found.etag
        return Result(Outcome.OK, Remote(canonical(url), push.uid, etag, _meaning(text)), status=answer.status)

    def _adopt_holder(self, target: str, push: Push, answer: Response) -> Result:
        """The UID is in use at another address: adopt it when that is in the same calendar (Cyrus names it)."""
        hrefs = [href for named in preconditions(answer).values() for href in named]
        inside = [href for href in hrefs if collection_of(href) == canonical(target)]
        found = self._calls.read(inside[0]) if inside else self._calls.holder(target, push.uid)
        if found is not None:
            return _adopted(found, push)
        return Result(Outcome.UNKNOWN, status=answer.status, detail=ELSEWHERE)

    def _refused(self, target: str, answer: Response) -> Result:
        if answer.status in (404, 409, 410):
            self._calls.require_collection(target)
        return classify(answer)


def address(target: str, push: Push) -> str:
    """Where an event lies: the same for every attempt of a generation."""
    return f"{target.rstrip('/')}/{push.key}.ics"


def _ended(call: Callable[[], Result]) -> Result:
    try:
        return call()
    except Ended as ended:
        return ended.result


def _uninvited() -> Result:
    return Result(Outcome.PERMANENT, detail="The owner of this calendar is not among the guests.")


def _is_page(answer: Response) -> bool:
    """Whether an answer is a page for people."""
    return answer.body.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html"))


def _adopted(found: StoredObject, push: Push) -> Result:
    """What an earlier attempt left there. Its tag tells the revision; without one it is brought up to date."""
    revision = _reference(found.text).rpartition("|")[2] if _is_ours(found, push) else ""
    remote = Remote(found.url, push.uid, found.etag, _meaning(found.text))
    return Result(Outcome.ADOPT, remote, status=200, revision=int(revision) if revision.isdigit() else 0)


def _is_ours(found: StoredObject, push: Push) -> bool:
    """Whether an object was made for the same event, calendar and generation."""
    reference = _reference(found.text)
    return bool(reference) and reference.rpartition("|")[0] == push.tag.rpartition("|")[0]


def _meaning(text: str) -> str:
    """Fingerprint of what was written, by which a later reading tells a real change from a server's rewriting."""
    try:
        parsed = icalendar.parse(text, default_timezone="UTC")
    except icalendar.Malformed:
        return ""
    masters = [event for event in parsed.events if event.recurrence_wall is None]
    return icalendar.fingerprint(masters[0]) if masters else ""


def _reference(text: str) -> str:
    unfolded = text.replace("\r\n", "\n").replace("\n ", "").replace("\n\t", "")
    for line in unfolded.split("\n"):
        name, _, value = line.partition(":")
        if name.partition(";")[0].upper() == REFERENCE:
            return value.strip()
    return ""


def from_account(account: Account) -> CalDav:
    """The adapter for a connected account, with what was learnt about its server."""
    host = account.host
    calendars = Calendar.everywhere.filter(account=account).values_list("external_id", "timezone")
    login = Login(
        server_url=account.server_url,
        username=account.username,
        password=account.credentials().get("password", ""),
        addresses=tuple(sorted(account.addresses)),
        zones=dict(calendars),
        host_zone=host.timezone,
    )
    return CalDav(login, Capability.from_json(account.capabilities))
