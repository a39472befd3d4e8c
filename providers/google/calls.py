"""Calls to Google Calendar and what its errors mean (error reasons of the API's guide, "Handle API errors")."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from providers.base import Ended, Outcome, Result
from providers.http import Basic, Bearer, Response
from providers.rest import STRANGE, Json, Manners, Rest, Said, decoded

GONE = "This calendar is no longer there, or is no longer shared with this account."
READ_ONLY = "Events in this calendar can only be read by this account."
SCOPE_MISSING = "Convene was not allowed to do this at Google. Connect the account again and leave everything ticked."
NOT_OURS = "Only whoever organises this event can change it."
LONG_LIMIT = "Google's limit for this account is used up; it is tried again in an hour."
_LONG_WAIT_S = 3600
PAGE = 1000

_CODES = {
    "ratelimitexceeded": Outcome.TRANSIENT,
    "userratelimitexceeded": Outcome.TRANSIENT,
    "quotaexceeded": Outcome.TRANSIENT,
    "dailylimitexceeded": Outcome.TRANSIENT,
    "calendarusagelimitsexceeded": Outcome.TRANSIENT,
    "accessnotconfigured": Outcome.TRANSIENT,  # the operator's registration; nothing is wrong with the account
    "access_token_scope_insufficient": Outcome.TARGET_GONE,
    "insufficientpermissions": Outcome.TARGET_GONE,
    "forbidden": Outcome.TARGET_GONE,
    "requiredaccesslevel": Outcome.TARGET_GONE,
    "forbiddenfornonorganizer": Outcome.PERMANENT,
    "autherror": Outcome.AUTH_REFRESH,
    "backenderror": Outcome.AMBIGUOUS,
}
_WORDS = {
    "access_token_scope_insufficient": SCOPE_MISSING,
    "insufficientpermissions": SCOPE_MISSING,
    "forbidden": READ_ONLY,
    "requiredaccesslevel": READ_ONLY,
    "forbiddenfornonorganizer": NOT_OURS,
}
_LONG = ("quotaexceeded", "dailylimitexceeded", "calendarusagelimitsexceeded")
SCOPES = ("access_token_scope_insufficient", "insufficientpermissions")


class Calls(Rest):
    """The methods of the API that we use. Every write says whether guests are mailed."""

    def __init__(self, base: str, auth: Callable[[], Bearer | Basic | None]) -> None:
        super().__init__(Manners(base.rstrip("/"), said=_said, codes=_CODES), auth)

    def classify(self, answer: Response) -> Result:
        result, code = super().classify(answer), self.said(answer).code
        if code in _WORDS:
            return replace(result, detail=_WORDS[code])
        if code in _LONG:
            return replace(result, detail=LONG_LIMIT, retry_after=max(result.retry_after or 0, _LONG_WAIT_S))
        return result

    # ── Events ──

    def insert(self, target: str, body: Json, notify: bool) -> Response:
        return self._write("POST", _events(target), body, notify, {})

    def get(self, target: str, event: str) -> Json | None:
        """An event or one occurrence, deleted ones too; None when Google does not know it."""
        answer = self.send("GET", _events(target, event))
        if answer.status in (404, 410):
            return None
        return self._told(answer)

    def patch(self, target: str, event: str, body: Json, notify: bool, etag: str = "") -> Response:
        return self._write("PATCH", _events(target, event), body, notify, {"If-Match": etag} if etag else {})

    def take_away(self, target: str, event: str, notify: bool) -> Result:
        """Delete an event; one that is gone already is fine. A success has no content: whatever has, was not Google."""
        answer = self.send("DELETE", _events(target, event), query={"sendUpdates": _updates(notify)})
        if answer.status in (404, 410) or (answer.status in (200, 204) and not answer.body):
            return Result(Outcome.OK, status=answer.status)
        if answer.status < 300:
            return Result(Outcome.AMBIGUOUS, status=answer.status, detail=STRANGE)
        return self.classify(answer)

    def instance(self, target: str, series: str, original_start: str) -> Json | None:
        """One occurrence of a series by its original start (RFC 3339, or a date)."""
        query = {"originalStart": original_start, "showDeleted": "true", "maxResults": 1}
        answer = self.send("GET", _events(target, series, "/instances"), query=query)
        if answer.status in (404, 410):
            return None
        return next(iter(self._told(answer).get("items", ())), None)

    def series(self, target: str, ical_uid: str) -> list[Json]:
        """A series and its changed and cancelled occurrences."""
        return [item for page in self.pages(target, {"iCalUID": ical_uid}) for item in page.get("items", ())]

    def tagged(self, target: str, name: str, value: str) -> list[Json]:
        """Events that carry a private extended property."""
        query = {"privateExtendedProperty": f"{name}={value}"}
        return [item for page in self.pages(target, query, deleted=False) for item in page.get("items", ())]

    def pages(self, target: str, query: Json, deleted: bool = True) -> Iterator[Json]:
        """The pages of a listing. Pages may be short or empty while more follow."""
        asked = {"maxResults": PAGE, "singleEvents": "false", "showDeleted": "true" if deleted else "false", **query}
        while True:
            page = self.json("GET", _events(target), query=asked)
            yield page
            if not page.get("nextPageToken"):
                return
            asked["pageToken"] = page["nextPageToken"]

    def require_calendar(self, target: str) -> None:
        """Raise Ended with TARGET_GONE when it is the calendar that is not there."""
        answer = self.send("GET", _events(target), query={"maxResults": 1, "fields": "kind"})
        if answer.status in (404, 410):
            raise Ended(Result(Outcome.TARGET_GONE, status=404, detail=GONE))

    # ── Calendars, channels ──

    def calendars(self) -> Iterator[Json]:
        query: Json = {"maxResults": 250, "showHidden": "true"}
        while True:
            page = self.json("GET", "/users/me/calendarList", query=query)
            yield from page.get("items", ())
            if not page.get("nextPageToken"):
                return
            query["pageToken"] = page["nextPageToken"]

    def watch(self, target: str, channel: Json) -> Json:
        return self.json("POST", _events(target, rest="/watch"), body=channel)

    def stop(self, channel: str, resource: str) -> None:
        answer = self.send("POST", "/channels/stop", body={"id": channel, "resourceId": resource})
        if answer.status >= 300 and answer.status not in (404, 410):
            raise Ended(self.classify(answer))

    def _write(self, method: str, path: str, body: Json, notify: bool, headers: dict[str, str]) -> Response:
        """A calendar that makes no rooms refuses the whole event; then it is written without one."""
        answer = self.send(method, path, query=_writing(notify), body=body, headers=headers)
        if (
            answer.status != 400
            or not body.get("conferenceData")
            or "conference" not in self.said(answer).words.lower()
        ):
            return answer
        bare = {name: value for name, value in body.items() if name != "conferenceData"}
        return self.send(method, path, query=_writing(notify), body=bare, headers=headers)

    def _told(self, answer: Response) -> Json:
        if answer.status >= 300:
            raise Ended(self.classify(answer))
        return decoded(answer)


def _events(target: str, event: str = "", rest: str = "") -> str:
    of_one = f"/{quote(event, safe='')}" if event else ""
    return f"/calendars/{quote(target, safe='')}/events{of_one}{rest}"


def _writing(notify: bool) -> Json:
    # Without the version Google ignores conference data, and would drop it in some updates.
    return {"sendUpdates": _updates(notify), "conferenceDataVersion": 1}


def _updates(notify: bool) -> str:
    return "all" if notify else "none"


def _said(body: Any) -> Said:
    error = body["error"]
    told = [each.get("reason", "") for each in (*error.get("details", ()), *error.get("errors", ()))]
    known = [reason for reason in told if reason.lower() in _CODES]
    code = next(iter(known or [reason for reason in told if reason]), "")
    return Said(str(code).lower(), str(error.get("message", "")))
