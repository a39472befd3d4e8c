"""Google Calendar: one event, one object, under an id that every attempt shares.

Google checks ids only as far as a distributed system can, so a 409 means: go and look. A deleted event keeps its id,
so what is made again needs a new one (the generation in the key). Every change reads first: guests answer inside the
event, and what an earlier attempt of unknown end had written need not be written, and mailed, twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import orjson
from django.conf import settings

from bookings.domain.accounts import FoundCalendar
from bookings.domain.calendar import Changes
from bookings.domain.rooms import FAILED, MEET
from bookings.engine.zones import canonical
from bookings.formats.event import EventData
from bookings.models import Account, Calendar
from providers import oauth
from providers.base import PULL_S, Answer, Capability, Ended, Outcome, Provider, PullFailed, Push, Remote, Result
from providers.google import busy, channels, wire, writing
from providers.google.calls import Calls
from providers.google.reading import Reader, failed
from providers.google.scopes import NO_READING, Allowed, allowed, service
from providers.http import Bearer
from providers.rest import Json, decoded

__all__ = ["Google", "Login", "from_account", "leave", "service"]

DELETED_THERE = "Somebody deleted this event in the calendar."
KEEPS_CHANGING = "The event keeps changing in the calendar."
NO_OCCURRENCE = "The series in the calendar has no occurrence at the time of one that was changed here."
UNINVITED = "The owner of this calendar is not among the guests."
_ATTEMPTS = 3
_BUSY_EVERY_S = 300
_WRITERS = ("owner", "writer", "writerWithoutPrivateAccess")
_READERS = (*_WRITERS, "reader", "freeBusyReader")


@dataclass(frozen=True)
class Login:
    """Who we are at Google, and what is known of their calendars.

    :param token: a token that works; given the one that was refused, another. Raises Ended.
    :param addresses: where the owner is invited, in lower case. :param zones: calendar id -> IANA zone.
    """

    base: str
    token: Callable[[str], str] = field(repr=False)
    addresses: tuple[str, ...] = ()
    zones: Mapping[str, str] = field(default_factory=dict)
    host_zone: str = "UTC"
    allowed: Allowed = field(default_factory=Allowed)


class Google(Provider):
    name = Account.Provider.GOOGLE

    def __init__(self, login: Login) -> None:
        self.login = login
        self._token = ""
        self._calls = Calls(login.base, self._bearer)

    @property
    def capability(self) -> Capability:
        may = self.login.allowed
        usual = Capability(write=may.writing, invites=True, incremental=may.reading, conference=True, notes=may.notes)
        return usual if may.reading else replace(usual, pull_every_s=_BUSY_EVERY_S)

    @property
    def calls(self) -> Calls:
        return self._calls

    def _bearer(self) -> Bearer:
        self._token = self.login.token("")
        return Bearer(self._token)

    def renew(self) -> Result:
        try:
            self.login.token(self._token)
        except Ended as ended:
            return ended.result
        return Result(Outcome.OK)

    # ── Reading ──

    def list_calendars(self) -> list[FoundCalendar]:
        try:
            if not self.login.allowed.listing:
                return [self._main_calendar()]
            entries = list(self._calls.calendars())
        except Ended as ended:
            raise failed(ended.result) from ended
        return [_found(entry, self.login.allowed) for entry in entries if entry.get("accessRole") in _READERS]

    def owner(self) -> str:
        """As whom Google knows the login: the id of the main calendar is its owner's address."""
        try:
            if self.login.allowed.listing:
                return str(self._calls.json("GET", "/users/me/calendarList/primary").get("id", ""))
            summary = self._main_calendar().name
        except Ended as ended:
            raise failed(ended.result) from ended
        return summary if "@" in summary else ""

    def _main_calendar(self) -> FoundCalendar:
        """The one calendar that can be reached without permission to list them."""
        path = "/calendars/primary/events"
        told = self._calls.json("GET", path, query={"maxResults": 1}) if self.login.allowed.reading else {}
        name, tz = str(told.get("summary") or "Google Calendar"), str(told.get("timeZone", ""))
        return FoundCalendar("primary", name, timezone=tz, writable=self.login.allowed.writing, primary=True)

    def changes(self, target: str, token: str, known: Mapping[str, str], limit_s: float = PULL_S) -> Changes:
        may, home = self.login.allowed, self._home(target)
        if may.reading:
            reader = Reader(self._calls, target, home=home, owners=self.login.addresses, limit_s=limit_s)
            return reader.changes(token)
        if may.busy:
            return busy.changes(self._calls, target, known)
        raise PullFailed(Outcome.AUTH_DEAD, NO_READING)

    def health(self) -> Result:
        may = self.login.allowed
        path = "/users/me/calendarList" if may.listing else "/calendars/primary/events"
        try:
            self._calls.json("GET", path, query={"maxResults": 1})
        except Ended as ended:
            return ended.result
        return Result(Outcome.OK, status=200)

    def _home(self, target: str) -> str:
        return canonical(self.login.zones.get(target, "")) or self.login.host_zone

    # ── Writing ──

    def freeze(self, push: Push) -> str:
        # How guests are told belongs to the create as much as its content does.
        return orjson.dumps({"notify": push.notify, "event": writing.create_body(push)}).decode()

    def create(self, target: str, push: Push, body: str) -> Result:
        return _ended(lambda: self._create(target, push, orjson.loads(body)))

    def update(self, target: str, push: Push) -> Result:
        return _ended(lambda: self._update(target, push))

    def delete(self, target: str, push: Push) -> Result:
        return _ended(lambda: self._delete(target, push))

    def find(self, target: str, push: Push) -> Result | None:
        try:
            found = self._calls.get(target, writing.event_id(push.key)) or self._tagged(target, push)
        except Ended as ended:
            return ended.result
        return self._adopted(target, found, push) if found and found.get("status") != "cancelled" else None

    def rsvp(self, target: str, push: Push, answer: Answer) -> Result:
        return _ended(lambda: self._rsvp(target, push, answer))

    def _create(self, target: str, push: Push, frozen: Json) -> Result:
        answer = self._calls.insert(target, frozen["event"], frozen["notify"])
        if answer.status == 200:
            made = decoded(answer)
            return self._stored(target, made, push, revision=0 if _is_unfinished(push) else None)
        if answer.status == 409:
            return self._adopt(target, push)
        if answer.status in (404, 410):
            self._calls.require_calendar(target)
        return self._calls.classify(answer)

    def _adopt(self, target: str, push: Push) -> Result:
        """The id is taken: by an earlier attempt of ours, unless that was deleted since."""
        found = self._calls.get(target, writing.event_id(push.key))
        if found is None:
            return Result(Outcome.AMBIGUOUS, status=409, detail="Google knows this event but does not show it yet.")
        if found.get("status") == "cancelled" and not wire.was_ended_by_us(found):
            return Result(Outcome.CONFLICT, status=410, detail=DELETED_THERE)
        return self._adopted(target, found, push)

    def _tagged(self, target: str, push: Push) -> Json | None:
        tag = push.tag.rpartition("|")[0]
        found = self._calls.tagged(target, wire.TAG, tag)
        return next((item for item in found if "recurringEventId" not in item), None)

    def _update(self, target: str, push: Push) -> Result:
        """Read, merge, write with the tag just read; a guest's answer in between only means another round."""
        for _ in range(_ATTEMPTS):
            current = self._current(target, push)
            if current is None:
                return Result(Outcome.CONFLICT, status=404, detail=DELETED_THERE)
            body = writing.change_body(push, push.events[0], current)
            if self._is_written(push, current):
                return self._finish(target, push, current, wrote=False)
            answer = self._calls.patch(target, current["id"], body, push.notify, current.get("etag", ""))
            if answer.status == 200:
                return self._finish(target, push, decoded(answer), wrote=True)
            if answer.status not in (404, 410, 412):
                return self._calls.classify(answer)
        return Result(Outcome.CONFLICT, push.remote, status=412, detail=KEEPS_CHANGING)

    def _current(self, target: str, push: Push) -> Json | None:
        """The event as it is there now; None when the host deleted it."""
        current = self._calls.get(target, push.remote.id)
        if current is None:
            self._calls.require_calendar(target)
            return None
        deleted = current.get("status") == "cancelled" and not wire.was_ended_by_us(current)
        return None if deleted else current

    def _is_written(self, push: Push, current: Json) -> bool:
        """Whether an earlier attempt of this very revision arrived; writing it again would mail the guests again."""
        tag, _, revision = push.tag.rpartition("|")
        return wire.tag_of(current) == tag and revision.isdigit() and wire.revision_of(current) == int(revision)

    def _finish(self, target: str, push: Push, item: Json, *, wrote: bool) -> Result:
        """The changed occurrences after the series itself, and what is known of the whole then."""
        root = push.events[0]
        if len(push.events) == 1 and not (writing.data_recurs(root) and root.excluded_dates):
            # What an earlier attempt wrote is compared when it is read next: the host may have changed it since.
            return self._stored(target, item, push, etag=None if wrote else "")
        before = {each["id"]: each for each in self._calls.series(target, str(item.get("iCalUID", "")))}
        refusals = [self._write_occurrence(target, push, data, item["id"]) for data in push.events[1:]]
        refusals += [self._drop_occurrence(target, push, each, root) for each in before.values()]
        refused = next(filter(None, refusals), None)
        if refused is not None:
            return replace(refused, remote=Remote(item["id"], item.get("iCalUID", ""), "", ""))
        items = self._calls.series(target, str(item.get("iCalUID", "")))
        return self._stored(target, item, push, etag=wire.series_etag(items))

    def _write_occurrence(self, target: str, push: Push, data: EventData, series: str) -> Result | None:
        """Bring one changed occurrence to our state. None when it is."""
        original = writing.start_text(push.events[0], data.recurrence_wall or 0)
        for _ in range(_ATTEMPTS):
            current = self._calls.instance(target, series, original)
            if current is None:
                return Result(Outcome.PERMANENT, status=404, detail=NO_OCCURRENCE)
            if wire.is_changed(current) and self._is_written(push, current):
                return None
            body = writing.change_body(push, data, current)
            answer = self._calls.patch(target, current["id"], body, push.notify, current.get("etag", ""))
            if answer.status == 200:
                decoded(answer)  # what is no event was not written by Google
                return None
            if answer.status != 412:
                return self._calls.classify(answer)
        return Result(Outcome.CONFLICT, push.remote, status=412, detail=KEEPS_CHANGING)

    def _drop_occurrence(self, target: str, push: Push, item: Json, root: EventData) -> Result | None:
        """Take away what Google keeps of an occurrence that is excluded now."""
        if "recurringEventId" not in item or item.get("status") == "cancelled":
            return None
        if wire.original_wall(item, root, self._home(target)) not in root.excluded_dates:
            return None
        gone = self._calls.take_away(target, item["id"], push.notify)
        return None if gone.is_done else gone

    def _delete(self, target: str, push: Push) -> Result:
        return self._calls.take_away(target, push.remote.id or writing.event_id(push.key), push.notify)

    def _rsvp(self, target: str, push: Push, answer: Answer) -> Result:
        if answer.wall is None:
            found = self._whole(target, push)
        else:
            one = self._calls.instance(target, push.remote.id, writing.start_text(push.events[0], answer.wall))
            found = [one] if one is not None else []
        if not found:
            self._calls.require_calendar(target)
            return Result(Outcome.CONFLICT, status=404, detail=DELETED_THERE)
        return self._answer(target, push, answer, found)

    def _whole(self, target: str, push: Push) -> list[Json]:
        """The event, or the series with its changed occurrences, as far as they take place."""
        current = self._current(target, push)
        if current is None or not current.get("recurrence"):
            return [current] if current else []
        return [each for each in self._calls.series(target, current["iCalUID"]) if each.get("status") != "cancelled"]

    def _answer(self, target: str, push: Push, answer: Answer, items: list[Json]) -> Result:
        """Answer each; the organiser is told once."""
        notify, found = answer.notify, False
        for item in sorted(items, key=lambda each: "recurringEventId" in each):
            entry = wire.own_entry(item, self.login.addresses)
            if entry is None:
                continue
            found = True
            body = writing.answer_body(entry, answer)
            if writing.is_answered(entry, answer):
                continue
            written = self._calls.patch(target, item["id"], body, notify)
            if written.status != 200:
                return self._calls.classify(written)
            decoded(written)
            notify = False
        if found:
            # Without its tag it is read again: what was answered may be newer than what we know.
            return Result(Outcome.OK, replace(push.remote, etag=""), status=200)
        if any(wire.tag_of(item) == push.tag.rpartition("|")[0] for item in items):
            return Result(Outcome.OK, push.remote, status=200)  # our own event: its organiser comes
        return Result(Outcome.PERMANENT, detail=UNINVITED)

    # ── What is learnt ──

    def _stored(
        self, target: str, item: Json, push: Push, *, etag: str | None = None, revision: int | None = None
    ) -> Result:
        """A write that was accepted, and what Google says of the room it was asked for."""
        tag = str(item.get("etag", "")) if etag is None else etag
        meaning = wire.meaning(item, self._home(target), self.login.addresses)
        remote = Remote(item["id"], str(item.get("iCalUID", "")), tag, meaning)
        return Result(Outcome.OK, remote, status=200, revision=revision, room=_room(push, item))

    def _adopted(self, target: str, found: Json, push: Push) -> Result:
        """What an earlier attempt left there. Its tag tells the revision; without one it is brought up to date."""
        is_ours = wire.tag_of(found) == push.tag.rpartition("|")[0]
        revision = wire.revision_of(found) if is_ours and not _is_unfinished(push) else 0
        # Without its tag it is compared when it is read next: the host may have been faster than we.
        stored = self._stored(target, found, push, etag="", revision=revision)
        return replace(stored, outcome=Outcome.ADOPT)


def _ended(call: Callable[[], Result]) -> Result:
    try:
        return call()
    except Ended as ended:
        return ended.result


def _is_unfinished(push: Push) -> bool:
    """Whether a create leaves something to do: changed occurrences are written one by one, by the update after it."""
    return len(push.events) > 1


def _room(push: Push, item: Json) -> Json:
    """What became of the room that was asked for; nothing where none was."""
    if not (push.leads and push.events and push.events[0].conference.get("kind") == MEET):
        return {}
    room = wire.conference_of(item)
    return {"state": room.get("state", FAILED), "url": room.get("url", "")}


def _found(entry: Json, may: Allowed) -> FoundCalendar:
    colour = str(entry.get("backgroundColor", ""))
    return FoundCalendar(
        external_id=str(entry["id"]),
        name=str(entry.get("summaryOverride") or entry.get("summary") or entry["id"]),
        colour=colour if len(colour) == 7 else "",
        timezone=canonical(str(entry.get("timeZone", ""))) or "",
        writable=may.writing and entry.get("accessRole") in _WRITERS,
        primary=bool(entry.get("primary")),
    )


def from_account(account: Account) -> Google:
    """The adapter for a connected account."""
    held = account.credentials()
    here = service()
    calendars = Calendar.everywhere.filter(account=account).values_list("external_id", "timezone")
    login = Login(
        base=account.server_url or settings.GOOGLE_URLS["api"],
        token=lambda rejected: oauth.access_token(account, here, rejected=rejected),
        addresses=tuple(sorted(account.addresses)),
        zones=dict(calendars) if not account._state.adding else {},
        host_zone=account.host.timezone,
        allowed=allowed(str(held.get("scope", ""))),
    )
    return Google(login)


def keep_watch(account: Account) -> None:
    """Have Google tell us of changes, where it can reach us; called once an hour."""
    if channels.is_possible() and account.health != Account.Health.REAUTH:
        channels.renew(account, from_account(account).calls)


def leave(account: Account) -> None:
    """Give up what only Google can end, before an account is forgotten."""
    channels.stop_all(account, from_account(account).calls)
