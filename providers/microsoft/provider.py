"""Microsoft 365 and Outlook.com: calls and what came of them.

What keeps an event from being made twice: its create carries a transactionId derived from the key and a body that
never changes, and an extended property by which it is found again whatever became of the answer. What keeps guests
from being told twice: an update reads first and sends only what differs, so repeating it sends nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import quote, unquote

from bookings.domain.accounts import FoundCalendar
from bookings.domain.calendar import Changes
from bookings.domain.rooms import FAILED
from providers.base import PULL_S, Answer, Capability, Ended, Outcome, Provider, PullFailed, Push, Remote, Result
from providers.http import Response
from providers.microsoft import wire
from providers.microsoft.amending import Amending, instance_of
from providers.microsoft.calls import (
    DENIED,
    DUPLICATE,
    ME,
    NO_MAILBOX,
    NOT_PERMITTED,
    READ_ONLY,
    Calls,
    calendar_path,
    escaped,
    event_path,
    values,
)
from providers.microsoft.patching import Spelling, patch_for, spellings
from providers.microsoft.reading import Reader, composed_etag, meaning
from providers.microsoft.recurrence import Unsayable, is_series
from providers.rest import STRANGE, Json, decoded

DELETED_THERE = "Somebody deleted this event in the calendar."
KEEPS_CHANGING = "The event keeps changing in the calendar."
UNINVITED = "The owner of this calendar is not among the guests."
TEAMS_STAYS = "A Teams meeting stays with its event; another room means a new event."
NO_ROOM = {"state": FAILED, "url": ""}
_ATTEMPTS = 3
_ACTIONS = {"accepted": "accept", "declined": "decline", "tentative": "tentativelyAccept"}
_ANSWERED = {"accepted": "accepted", "declined": "declined", "tentative": "tentativelyAccepted"}
_COLOURS = {
    "lightBlue": "#a6d1f5",
    "lightGreen": "#87d28e",
    "lightOrange": "#fcab73",
    "lightGray": "#c0c0c0",
    "lightYellow": "#f5e05a",
    "lightTeal": "#4adacc",
    "lightPink": "#f0a6c6",
    "lightBrown": "#d6b59a",
    "lightRed": "#f88c9b",
}

CAPABILITY = Capability(
    keyed_create=True, guards_updates=True, invites=True, conference=True, pull_every_s=60, notes=(TEAMS_STAYS,)
)


class Microsoft(Provider):
    name = "microsoft"

    def __init__(
        self,
        calls: Calls,
        *,
        owner: Callable[[str], wire.Owner],
        renewed: Callable[[], str],
        capability: Capability = CAPABILITY,
    ) -> None:
        """`owner` tells, for a calendar, whose it is; `renewed` fetches a new token in place of the refused one."""
        self.calls = calls
        self._owner = owner
        self._renewed = renewed
        self._capability = capability

    @property
    def capability(self) -> Capability:
        return self._capability

    # ── Reading ──

    def list_calendars(self) -> list[FoundCalendar]:
        try:
            pages = self.calls.pages("/calendars", query={"$top": 50})
            return [_described(each) for page in pages for each in values(page)]
        except Ended as ended:
            raise PullFailed(ended.result.outcome, ended.result.detail, ended.result.retry_after) from ended

    def owner(self) -> str:
        if self.calls.root != ME:
            return unquote(self.calls.root.rpartition("/")[2])
        try:
            person = self.calls.json("GET", "", query={"$select": "mail,userPrincipalName"})
        except Ended as ended:
            raise PullFailed(ended.result.outcome, ended.result.detail, ended.result.retry_after) from ended
        return str(person.get("mail") or person.get("userPrincipalName") or "")

    def changes(self, target: str, token: str, known: Mapping[str, str], limit_s: float = PULL_S) -> Changes:
        return Reader(self.calls, target, self._owner(target), limit_s).changes(token, known)

    def health(self) -> Result:
        try:
            self.calls.json("GET", "/calendar", query={"$select": "id"})
        except Ended as ended:
            return ended.result
        return Result(Outcome.OK, status=200)

    def renew(self) -> Result:
        try:
            self._renewed()
        except Ended as ended:
            return ended.result
        return Result(Outcome.OK)

    # ── Writing ──

    def freeze(self, push: Push) -> str:
        data, part = push.events[0], wire.part_of(push)
        try:
            body = wire.event_of(data, self._owner(""), part)
        except Unsayable as reason:
            return json.dumps({"refused": str(reason)})
        body |= wire.reminder_of(data)
        if part.invites:
            guests = [wire.attendee(each) for each in wire.guests_of(data) if each.email]
            body |= {"attendees": guests, "allowNewTimeProposals": False}
        if part.room:
            body |= wire.TEAMS_MEETING
        body |= {"transactionId": str(push.key), "singleValueExtendedProperties": wire.marks(push.tag)}
        return json.dumps(body, ensure_ascii=False)

    def create(self, target: str, push: Push, body: str) -> Result:
        return _ended(lambda: self._create(target, push, body))

    def update(self, target: str, push: Push) -> Result:
        return _ended(lambda: self._update(target, push))

    def delete(self, target: str, push: Push) -> Result:
        return _ended(lambda: self._delete(target, push))

    def find(self, target: str, push: Push) -> Result | None:
        try:
            found = self._marked(target, push)
        except Ended as ended:
            return ended.result
        return self._adopted(target, found) if found else None

    def rsvp(self, target: str, push: Push, answer: Answer) -> Result:
        return _ended(lambda: self._rsvp(target, push, answer))

    def _create(self, target: str, push: Push, body: str) -> Result:
        wanted = json.loads(body)
        if "refused" in wanted:
            return Result(Outcome.PERMANENT, detail=wanted["refused"])
        roomless = bool(wanted.get("isOnlineMeeting")) and not self._has_teams(target)
        if roomless:
            body = json.dumps({key: wanted[key] for key in wanted if key not in wire.TEAMS_MEETING}, ensure_ascii=False)
        answer = self._sent("POST", f"{calendar_path(target)}/events", body)
        if answer.status == 201:
            event = decoded(answer)
            if event.get("id") and not self._is_as_sent(target, event, wanted):
                return self._changed_since(target, push, event)
            result = self._made(target, push, event, answer.status)
            return replace(result, room=NO_ROOM) if roomless else result
        if self.calls.code(answer) == DUPLICATE or answer.status == 409:
            found = self._marked_here(target, push)
            # The id was used, and what it made is not there any more.
            return self._adopted(target, found) if found else Result(Outcome.CONFLICT, status=409, detail=DELETED_THERE)
        return self._refused(target, answer)

    def _is_as_sent(self, target: str, event: Json, wanted: Json) -> bool:
        """Whether the event of an answer means what was sent; a repeated create is answered with what is there now."""
        said = {name: wanted[name] for name in ("subject", "start", "end") if name in wanted}
        owner = self._owner(target)
        return bool(event.get("recurrence")) or meaning(event | said, owner) == meaning(event, owner)

    def _changed_since(self, target: str, push: Push, event: Json) -> Result:
        """Made by an earlier attempt, and changed there since: it is brought up to date, unless it is newer than what
        we know of."""
        result = self._adopted(target, self.calls.event(target, event["id"]) or event)
        newer = (result.revision or 0) > int(push.tag.rpartition("|")[2])
        return result if newer else replace(result, revision=0)

    def _made(self, target: str, push: Push, event: Json, status: int) -> Result:
        """Of a series only the pattern is there now; what differs from it follows as an update of the same revision."""
        if not isinstance(event.get("id"), str):
            return Result(Outcome.AMBIGUOUS, status=status, detail=STRANGE)
        unfinished = bool(push.events) and (len(push.events) > 1 or bool(push.events[0].excluded_dates))
        result = self._found(Outcome.OK, target, event, status)
        return replace(result, revision=0) if unfinished else result

    def _update(self, target: str, push: Push) -> Result:
        owner, wanted, part = self._owner(target), push.events[0], wire.part_of(push)
        roomless = part.room and not self._has_teams(target)
        part = replace(part, room=part.room and not roomless)
        for _ in range(_ATTEMPTS):
            current = self._current(target, push, rich=wanted.description_type == "text/html" or part.room)
            if current is None:
                self.calls.calendar(target)
                return Result(Outcome.CONFLICT, status=404, detail=DELETED_THERE)
            push = replace(push, remote=replace(push.remote, id=current["id"]))
            try:
                patch = patch_for(current, wanted, owner, part, whole=self._whole(target))
            except Unsayable as reason:
                return Result(Outcome.PERMANENT, detail=str(reason))
            answer = self._patched(target, current, push, patch) if patch else None
            if answer is None or answer.status == 200:
                result = self._finished(target, push, decoded(answer) if answer else current)
                return replace(result, room=NO_ROOM) if roomless else result
            if answer.status not in (404, 409, 412):
                return self._refused(target, answer)
        return Result(Outcome.CONFLICT, push.remote, status=412, detail=KEEPS_CHANGING)

    def _current(self, target: str, push: Push, *, rich: bool) -> Json | None:
        """The event as it is there; found by our mark when its id is void, as after an export and import."""
        return self.calls.event(target, push.remote.id, html=rich) or self._marked_here(target, push)

    def _patched(self, target: str, current: Json, push: Push, patch: Json) -> Response:
        if wire.reference_of(current)[0]:
            patch = patch | {"singleValueExtendedProperties": wire.marks(push.tag)}
        headers = {"If-Match": wire.etag_of(current)}
        return self._sent("PATCH", event_path(target, current["id"]), json.dumps(patch), headers)

    def _finished(self, target: str, push: Push, event: Json) -> Result:
        """What an update left there, once the occurrences that differ from their series are as they should be."""
        if is_series(push.events[0]):
            Amending(self.calls, target, self._owner(target), self._sent, self._refused).run(push)
        if not isinstance(event.get("id"), str):
            return Result(Outcome.AMBIGUOUS, push.remote, status=200, detail=STRANGE)
        return self._found(Outcome.OK, target, event, 200)

    def _delete(self, target: str, push: Push) -> Result:
        """Cancelled where guests were invited, deleted where not: either tells guests once, if there are any."""
        for _ in range(_ATTEMPTS):
            current = self.calls.event(target, push.remote.id)
            path = event_path(target, push.remote.id)
            if current is None and (current := self._marked(target, push)):
                path = self._path(target, current)
            if current is None:
                return Result(Outcome.OK, status=404)
            if current.get("isOrganizer", True) and current.get("attendees"):
                answer = self.calls.send("POST", f"{path}/cancel", body={"comment": ""})
            else:
                answer = self.calls.send("DELETE", path)
            if answer.status < 300 or answer.status in (404, 410):
                return Result(Outcome.OK, status=answer.status)
            if answer.status not in (409, 412):
                return self._refused(target, answer)
        return Result(Outcome.CONFLICT, push.remote, status=412, detail=KEEPS_CHANGING)

    def _rsvp(self, target: str, push: Push, answer: Answer) -> Result:
        event = self.calls.event(target, push.remote.id)
        if event is not None and answer.wall is not None:
            event = instance_of(self.calls, target, event, answer.wall, answer.instant or 0)
        if event is None:
            self.calls.calendar(target)
            return Result(Outcome.CONFLICT, status=404, detail=DELETED_THERE)
        held = str((event.get("responseStatus") or {}).get("response", "none"))
        action = _ACTIONS.get(answer.rsvp)
        remote = replace(push.remote, etag="")
        # Of one's own event nobody asks; and what was answered so before is not mailed again.
        if action is None or event.get("isOrganizer") or held in ("organizer", _ANSWERED[answer.rsvp]):
            return Result(Outcome.OK, remote, status=200)
        if held == "none" and not self._is_invited(event, target):
            return Result(Outcome.PERMANENT, detail=UNINVITED)
        said = {"comment": answer.comment, "sendResponse": answer.notify}
        told = self.calls.send("POST", f"{event_path(target, event['id'])}/{action}", body=said)
        return Result(Outcome.OK, remote, status=told.status) if told.status < 300 else self._refused(target, told)

    def _is_invited(self, event: Json, target: str) -> bool:
        return bool(set(wire.addresses(event.get("attendees") or ())) & self._owner(target).addresses)

    # ── Parts of calls ──

    def _sent(self, method: str, path: str, body: str, headers: Mapping[str, str] | None = None) -> Response:
        """A write, with its zones spelt otherwise when Exchange does not know their IANA names."""
        answer = self.calls.send(method, path, body=body, headers=headers)
        for spelling in spellings(json.loads(body)):
            if answer.status != 400 or not self._is_about_zones(answer):
                break
            answer = self.calls.send(method, path, body=_spelt(spelling), headers=headers)
        return answer

    def _is_about_zones(self, answer: Response) -> bool:
        said = self.calls.rest.said(answer)
        return "timezone" in f"{said.code}{said.words}".lower().replace(" ", "")

    def _marked(self, target: str, push: Push) -> Json | None:
        """The event of this generation, by our mark, wherever in the mailbox it lies: Graph searches all of it. Of
        several the oldest stays, since guests have that one."""
        reference = push.tag.rpartition("|")[0]
        found = self.calls.marked(target, f"ep/value eq '{escaped(reference)}'")
        found.sort(key=lambda each: (str(each.get("createdDateTime", "")), str(each.get("id"))))
        for double in found[1:]:
            self.calls.send("DELETE", self._path(target, double))
        return found[0] if found else None

    def _marked_here(self, target: str, push: Push) -> Json | None:
        """The same, in the calendar it was made for: what the host dragged elsewhere is the host's."""
        found = self._marked(target, push)
        return self.calls.event(target, found["id"]) if found else None

    def _path(self, target: str, event: Json) -> str:
        """Where an event lies that was found by our mark: in the calendar, or dragged into another."""
        inside = self.calls.event(target, event["id"]) is not None
        return event_path(target, event["id"]) if inside else f"/events/{quote(event['id'], safe='')}"

    def _adopted(self, target: str, event: Json) -> Result:
        revision = 0 if event.get("recurrence") else wire.reference_of(event)[1]
        return replace(self._found(Outcome.ADOPT, target, event, 200), revision=revision)

    def _found(self, outcome: Outcome, target: str, event: Json, status: int) -> Result:
        """Where an event is now and what it means there, as the next reading will find it; and its room."""
        body = event.get("body") or {}
        if event.get("recurrence"):
            event = self.calls.series(target, event["id"]) or event
        elif body.get("contentType") != "text":
            event = self.calls.event(target, event["id"]) or event
        uid = str(event.get("iCalUId", ""))[:512]
        remote = Remote(event["id"], uid, composed_etag(event), meaning(event, self._owner(target)))
        return Result(outcome, remote, status=status, room=wire.room_of(event))

    def _has_teams(self, target: str) -> bool:
        offered = self.calls.calendar(target).get("allowedOnlineMeetingProviders")
        return isinstance(offered, list) and wire.TEAMS_PROVIDER in offered

    def _whole(self, target: str) -> Callable[[str], Json | None]:
        return lambda remote_id: self.calls.event(target, remote_id, html=True)

    def _refused(self, target: str, answer: Response) -> Result:
        """A write that was not accepted: for its calendar, for the sign-in, or for what it is."""
        code, result = self.calls.code(answer), self.calls.rest.classify(answer)
        if result.outcome == Outcome.AUTH_DEAD:
            return replace(result, detail=NO_MAILBOX)
        if code in DENIED or answer.status == 404:
            calendar = self.calls.calendar(target)
            if not calendar.get("canEdit", True):
                return Result(Outcome.TARGET_GONE, status=answer.status, detail=READ_ONLY)
            if code in DENIED:
                return Result(Outcome.AUTH_DEAD, status=answer.status, detail=NOT_PERMITTED)
        return result


def _spelt(spelling: Spelling) -> str:
    return json.dumps(spelling, ensure_ascii=False)


def _described(calendar: Json) -> FoundCalendar:
    colour = str(calendar.get("hexColor") or "")
    return FoundCalendar(
        external_id=str(calendar["id"]),
        name=str(calendar.get("name") or "")[:300],
        colour=colour if len(colour) == 7 else _COLOURS.get(str(calendar.get("color")), ""),
        writable=bool(calendar.get("canEdit")),
        primary=bool(calendar.get("isDefaultCalendar")),
    )


def _ended(call: Callable[[], Result]) -> Result:
    try:
        return call()
    except Ended as ended:
        return ended.result
