"""Published calendars (.ics): read again and again, never written.

Most feeds answer a conditional request (RFC 9110 section 13) with 304 when nothing changed. A feed is always the whole
calendar, so what is no longer in it is gone; one that breaks off in the middle is not believed at all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from urllib.parse import urlsplit

from bookings.domain.accounts import FoundCalendar
from bookings.domain.calendar import Changes, PulledObject
from bookings.formats import icalendar
from bookings.formats.event import DECLINED, EventData, fingerprint
from bookings.formats.icalendar import Parsed
from bookings.models import Account
from providers.addresses import Refused, parse
from providers.base import PULL_S, Capability, Outcome, Provider, PullFailed, Push, Result, UnsupportedFeature
from providers.http import TOTAL_S, HttpError, Response, TooLarge, fetch
from providers.kinds import ConnectFailed, Tried

ONLY = "feed"
"""The one calendar of a feed. Its address is a secret, so it is no calendar's id."""
PULL_EVERY_S = 300
_LONGEST_ID = 1000
_LONGEST_URL = 4000
CAPABILITY = Capability(write=False, rsvp=False, incremental=False, pull_every_s=PULL_EVERY_S)

NOT_THERE = "There is no feed at this address any more. Please enter its new address."
FORBIDDEN = "The feed is no longer open to us: its secret address was probably changed. Please enter the new one."
BROKEN_OFF = "The feed breaks off in the middle, so it is not believed."
NO_CALENDAR = "There is no calendar at this address: {reason}"
TOO_LARGE = "The feed is larger than 5 MB, so it is not read."


class IcsFeed(Provider):
    name = Account.Provider.ICSFEED

    def __init__(self, url: str, *, zone: str, addresses: tuple[str, ...] = ()) -> None:
        self._url = url
        self._zone = zone
        self._addresses = addresses

    @property
    def capability(self) -> Capability:
        return CAPABILITY

    def list_calendars(self) -> list[FoundCalendar]:
        parsed = self._parsed(self._asked({}))
        host = urlsplit(self._url).hostname or "Feed"
        return [FoundCalendar(ONLY, f"Feed of {host}", timezone=parsed.timezone, writable=False)]

    def owner(self) -> str:
        """A feed has no login; this tells one from another without giving its address away."""
        digest = hashlib.sha256(self._url.encode()).hexdigest()[:6]
        return f"{urlsplit(self._url).hostname} ({digest})"

    def changes(self, target: str, token: str, known: Mapping[str, str], limit_s: float = PULL_S) -> Changes:
        answer = self._asked(_conditions(token), limit_s)
        if answer.status == 304:
            return Changes(objects=[], removed=[], complete=False, token=token)
        parsed = self._parsed(answer)
        if not parsed.complete:
            raise PullFailed(Outcome.AMBIGUOUS, BROKEN_OFF)
        return Changes(objects=_objects(parsed, known), removed=[], complete=True, token=_token(answer))

    def health(self) -> Result:
        try:
            answer = self._asked({})
        except PullFailed as failure:
            return Result(failure.outcome, detail=failure.detail, retry_after=failure.retry_after)
        return Result(Outcome.OK, status=answer.status)

    def freeze(self, push: Push) -> str:
        raise UnsupportedFeature("write")

    def create(self, target: str, push: Push, body: str) -> Result:
        raise UnsupportedFeature("write")

    def update(self, target: str, push: Push) -> Result:
        raise UnsupportedFeature("write")

    def delete(self, target: str, push: Push) -> Result:
        raise UnsupportedFeature("write")

    def find(self, target: str, push: Push) -> Result | None:
        raise UnsupportedFeature("write")

    def _asked(self, conditions: Mapping[str, str], limit_s: float = TOTAL_S) -> Response:
        headers = {"Accept": "text/calendar, */*;q=0.5", **conditions}
        try:
            answer = fetch("GET", self._url, headers=headers, follow=True, total_s=min(limit_s, TOTAL_S))
        except TooLarge as error:
            raise PullFailed(Outcome.PERMANENT, TOO_LARGE) from error
        except (HttpError, Refused) as error:
            raise PullFailed(Outcome.TRANSIENT, str(error)) from error
        if answer.status in (200, 304):
            return answer
        raise _refusal(answer)

    def _parsed(self, answer: Response) -> Parsed:
        try:
            return icalendar.parse(answer.body, default_timezone=self._zone, owner_emails=self._addresses)
        except icalendar.Malformed as error:
            raise PullFailed(Outcome.UNKNOWN, NO_CALENDAR.format(reason=error)) from error


def _refusal(answer: Response) -> PullFailed:
    if answer.status in (404, 410):
        return PullFailed(Outcome.AUTH_DEAD, NOT_THERE)
    if answer.status in (401, 403):
        return PullFailed(Outcome.AUTH_DEAD, FORBIDDEN)
    words = f"The server of the feed answers {answer.status}."
    return PullFailed(Outcome.TRANSIENT, words, answer.retry_after)


def _conditions(token: str) -> dict[str, str]:
    """Headers that ask only for what is newer than the last reading."""
    return dict(json.loads(token)) if token.startswith("{") else {}


def _token(answer: Response) -> str:
    told = {"If-None-Match": answer.header("ETag"), "If-Modified-Since": answer.header("Last-Modified")}
    kept = {name: value for name, value in told.items() if value}
    return json.dumps(kept) if kept else ""


def _objects(parsed: Parsed, known: Mapping[str, str]) -> list[PulledObject]:
    """One object for each UID. Those that read as before come without their events, so that nothing is written."""
    by_uid: dict[str, list[EventData]] = {}
    for event in parsed.events:
        by_uid.setdefault(event.uid, []).append(event)
    troubled: dict[str, list[icalendar.Problem]] = {}
    for problem in parsed.problems:
        troubled.setdefault(problem.uid, []).append(problem)
    return [
        _object(uid, by_uid.get(uid, []), troubled.get(uid, []), known) for uid in dict.fromkeys([*by_uid, *troubled])
    ]


def _object(
    uid: str, events: list[EventData], problems: list[icalendar.Problem], known: Mapping[str, str]
) -> PulledObject:
    remote_id = uid if 0 < len(uid) <= _LONGEST_ID else hashlib.sha256(uid.encode()).hexdigest()
    etag = hashlib.sha256("|".join(map(_meaning, events)).encode()).hexdigest()[:32]
    if not problems and known.get(remote_id) == etag:
        return PulledObject(remote_id, etag, [])
    return PulledObject(remote_id, etag, events, problems)


def _meaning(event: EventData) -> str:
    return f"{event.raw.get(DECLINED, False)}:{fingerprint(event)}"


def address(typed: str) -> str:
    """The address of a feed as it is fetched: webcal:// means https://. Raises ConnectFailed."""
    url = typed.strip() if "://" in typed else f"https://{typed.strip()}"
    try:
        found = parse(url).url
    except Refused as error:
        raise ConnectFailed(str(error), "feed") from error
    if len(found) > _LONGEST_URL:
        raise ConnectFailed("This address is too long.", "feed")
    return found


def try_login(given: Mapping[str, str]) -> Tried:
    """Read a feed (`feed`) once; raises ConnectFailed."""
    url = address(given["feed"])
    provider = IcsFeed(url, zone="UTC")
    try:
        calendars = provider.list_calendars()
    except PullFailed as failure:
        raise ConnectFailed(failure.detail, "feed") from failure
    return Tried(
        Account.Provider.ICSFEED, username=provider.owner(), credentials={"feed": url}, calendars=tuple(calendars)
    )


def from_account(account: Account) -> IcsFeed:
    """The adapter for a connected feed. Times without a zone are read in the host's."""
    return IcsFeed(
        str(account.credentials().get("feed", "")),
        zone=account.host.timezone,
        addresses=tuple(sorted(account.addresses)),
    )
