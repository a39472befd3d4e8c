"""Reading a CalDAV calendar: what changed since a token, or by comparing entity tags when tokens are missing or lie."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

from bookings.domain.calendar import Changes, PulledObject
from bookings.formats import icalendar
from providers.base import Ended, Outcome, PullFailed
from providers.caldav.calls import GONE, Calls, classify
from providers.caldav.webdav import (
    CALDAV,
    CALSERVER,
    DAV,
    Member,
    MultiStatus,
    NotDav,
    clean_etag,
    multiget,
    propfind,
    read_multistatus,
    sync_collection,
)
from providers.http import Response

log = logging.getLogger(__name__)

CHUNK = 50
LONGEST_ID = 1000
_PAGES = 200
_TOKENS = propfind([f"{DAV}sync-token", f"{CALSERVER}getctag"])
_LISTING = propfind([f"{DAV}getetag", f"{DAV}resourcetype", f"{DAV}getcontenttype"])
_DEAD_TOKEN = frozenset({400, 403, 405, 409, 410, 412, 415, 500, 501})
_SYNC, _CTAG = "sync:", "ctag:"


class Reader:
    """Reads one calendar. `target` is its URL; times without a zone are read in `default_timezone`."""

    def __init__(
        self, calls: Calls, target: str, *, default_timezone: str, owner_emails: Sequence[str], limit_s: float
    ) -> None:
        self._calls = calls
        self._target = target
        self._zone = default_timezone
        self._owners = owner_emails
        self._deadline = time.monotonic() + limit_s

    def changes(self, token: str, known: Mapping[str, str]) -> Changes:
        """What changed since `token`; without one, or when the server knows it no more, everything is compared.

        `known` maps the URLs we hold to their tags. Raises PullFailed; nothing of what was read is then returned.
        """
        try:
            if token.startswith(_SYNC):
                since = self._since(token.removeprefix(_SYNC), known)
                if since is not None:
                    return since
            return self._compared(token, known)
        except Ended as ended:
            result = ended.result
            raise PullFailed(result.outcome, result.detail, result.retry_after) from ended

    def _since(self, token: str, known: Mapping[str, str]) -> Changes | None:
        """Changes since a sync token (RFC 6578), or None when the server does not honour it."""
        members: list[Member] = []
        for _ in range(_PAGES):
            answer = self._calls.dav("REPORT", self._target, "0", sync_collection(token))
            if answer.status in _DEAD_TOKEN:
                return None
            page = self._multistatus(answer)
            if not page.sync_token or (page.sync_token == token and page.members):
                return None
            members += page.members
            token = page.sync_token
            if not any(member.status == 507 for member in page.members):
                break
        removed = [member.url for member in members if member.status in (404, 410)]
        return self._fetched(self._changed(members, known), removed, known, f"{_SYNC}{token}")

    def _compared(self, token: str, known: Mapping[str, str]) -> Changes:
        """Compare what is listed with what we hold. The token is read first, so that no change falls between."""
        fresh = self._token()
        if fresh.startswith(_CTAG) and fresh == token:
            return Changes(objects=[], removed=[], complete=False, token=token)
        answer = self._calls.dav("PROPFIND", self._target, "1", _LISTING)
        members = self._multistatus(answer).members
        listed = {member.url for member in members if member.status < 400}
        removed = [url for url in known if url not in listed]
        return self._fetched(self._changed(members, known), removed, known, fresh)

    def _token(self) -> str:
        """How later changes can be told: by sync token, by the calendar's own tag, or (empty) not at all."""
        answer = self._calls.dav("PROPFIND", self._target, "0", _TOKENS)
        member = self._multistatus(answer).at(self._target)
        if member is None or member.status in (404, 410):
            raise PullFailed(Outcome.TARGET_GONE, GONE)
        if token := member.text(f"{DAV}sync-token"):
            return f"{_SYNC}{token}"
        tag = member.text(f"{CALSERVER}getctag")
        return f"{_CTAG}{tag}" if tag else ""

    def _changed(self, members: Iterable[Member], known: Mapping[str, str]) -> list[str]:
        """URLs of events whose tag is not the one we hold; the collection itself and tasks are left out."""
        home = self._target.rstrip("/")
        return [
            member.url
            for member in members
            if member.status < 400
            and member.url.rstrip("/") != home
            and not member.has(f"{DAV}resourcetype", f"{DAV}collection")
            and _may_be_event(member.text(f"{DAV}getcontenttype"))
            and (not member.etag or known.get(member.url) != member.etag)
        ]

    def _fetched(self, urls: list[str], removed: list[str], known: Mapping[str, str], token: str) -> Changes:
        """Fetch and read what changed. When time runs out the rest is left for the next reading (no token)."""
        objects: list[PulledObject] = []
        gone = list(removed)
        for chunk in _chunks(urls):
            if time.monotonic() > self._deadline:
                token = ""
                break
            for url, text, etag in self._contents(chunk):
                if text is None:
                    gone.append(url)
                else:
                    objects.append(self._read(url, text, etag))
        removed_once = [url for url in dict.fromkeys(gone) if url in known]
        return Changes(objects=objects, removed=removed_once, complete=False, token=token)

    def _contents(self, urls: list[str]) -> Iterator[tuple[str, str | None, str]]:
        """(URL, text, tag) of each; text None when it is gone. What a multiget leaves out is asked for singly."""
        answer = self._calls.dav("REPORT", self._target, "0", multiget(urls))
        if answer.status in (401, 429) or (answer.status >= 500 and answer.status != 501):
            raise Ended(classify(answer))
        missing = set(urls)
        try:
            members = read_multistatus(answer).members
        except NotDav:
            members = []
        for member in members:
            if member.url in missing and member.status in (404, 410):
                missing.discard(member.url)
                yield member.url, None, ""
            elif member.url in missing and f"{CALDAV}calendar-data" in member.props:
                missing.discard(member.url)
                yield member.url, member.props[f"{CALDAV}calendar-data"].text or "", member.etag
        for url in sorted(missing):
            yield self._single(url)

    def _single(self, url: str) -> tuple[str, str | None, str]:
        answer = self._calls.send("GET", url)
        if answer.status in (404, 410):
            return url, None, ""
        if answer.status != 200:
            raise Ended(classify(answer))
        return url, answer.text, clean_etag(answer.header("ETag"))

    def _read(self, url: str, text: str, etag: str) -> PulledObject:
        """One object. What cannot be read becomes a problem of its own and never costs the calendar."""
        if len(url) > LONGEST_ID:
            problem = icalendar.Problem(uid="", reason="Its address on the server is too long.", start_s=None)
            return PulledObject(remote_id=url, etag=etag, events=[], problems=[problem])
        try:
            parsed = icalendar.parse(text, default_timezone=self._zone, owner_emails=self._owners)
        except icalendar.Malformed as error:
            problem = icalendar.Problem(uid="", reason=str(error), start_s=None)
            return PulledObject(remote_id=url, etag=etag, events=[], problems=[problem])
        return PulledObject(remote_id=url, etag=etag, events=list(parsed.events), problems=list(parsed.problems))

    def _multistatus(self, answer: Response) -> MultiStatus:
        if answer.status in (404, 410):
            raise PullFailed(Outcome.TARGET_GONE, GONE)
        if answer.status != 207:
            raise Ended(classify(answer))
        try:
            found = read_multistatus(answer)
        except NotDav:
            raise PullFailed(Outcome.AMBIGUOUS, "The server's answer cannot be read.") from None
        itself = next((m for m in found.members if m.url.rstrip("/") == self._target.rstrip("/")), None)
        if itself is not None and itself.status in (404, 410):
            raise PullFailed(Outcome.TARGET_GONE, GONE)
        return found


def _may_be_event(content_type: str) -> bool:
    """Whether a listed resource can hold events; servers that tell the component spare us the tasks."""
    told = content_type.lower().replace(" ", "")
    return "component=" not in told or "component=vevent" in told


def _chunks(urls: list[str]) -> Iterator[list[str]]:
    rest = iter(urls)
    while chunk := list(itertools.islice(rest, CHUNK)):
        yield chunk
