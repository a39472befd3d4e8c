"""Calls to services that speak JSON over HTTP, and what their answers mean for a write.

What differs between services is given by the adapter: how a call is signed, where an error keeps its code and its
words, and which codes mean something else than their status number does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import orjson

from providers.addresses import Refused
from providers.base import Ended, Outcome, Result
from providers.http import TOTAL_S, Ambiguous, Basic, Bearer, HttpError, Response, Unreachable, fetch

Json = dict[str, Any]

STRANGE = "The service gave an answer that makes no sense here."
BUSY = "The service is busy and asks us to come back later."
BROKEN = "The service failed while it handled this."
REFUSED = "The service does not accept the content of this event."
_SECRET = 8
"""Shorter values are versions and words, not keys."""

_NUMBERS: dict[int, tuple[Outcome, str]] = {
    400: (Outcome.PERMANENT, REFUSED),
    401: (Outcome.AUTH_REFRESH, "The service did not accept the sign-in."),
    403: (Outcome.PERMANENT, "The service forbids this."),
    404: (Outcome.CONFLICT, ""),
    405: (Outcome.PERMANENT, "The service does not offer this."),
    408: (Outcome.AMBIGUOUS, BROKEN),
    409: (Outcome.CONFLICT, "The service reports a conflict."),
    410: (Outcome.CONFLICT, ""),
    412: (Outcome.CONFLICT, "The event was changed in the calendar at the same moment."),
    413: (Outcome.PERMANENT, "The event is larger than the service allows."),
    415: (Outcome.PERMANENT, REFUSED),
    422: (Outcome.PERMANENT, REFUSED),
    423: (Outcome.TRANSIENT, "The calendar is locked at the moment."),
    429: (Outcome.TRANSIENT, BUSY),
    501: (Outcome.PERMANENT, "The service does not offer this."),
}


@dataclass(frozen=True)
class Said:
    """What a service says in an error: its own code, lower case, and words for people. Both may be empty."""

    code: str = ""
    words: str = ""


@dataclass(frozen=True)
class Manners:
    """How one service is spoken to.

    :param base: what every path is put behind; no slash at its end.
    :param headers: sent with every call.
    :param said: finds code and words in the decoded body of an error.
    :param codes: outcomes that a code stands for, whatever the status number says.
    :param statuses: outcomes of status numbers that mean something else here than usual.
    :param wait: finds how many seconds an answer asks us to wait.
    """

    base: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    said: Callable[[Any], Said] = lambda body: Said()
    codes: Mapping[str, Outcome] = field(default_factory=dict)
    statuses: Mapping[int, Outcome] = field(default_factory=dict)
    wait: Callable[[Response], int | None] = lambda answer: answer.retry_after


class Rest:
    """Calls of one login. Whatever gets no usable answer raises Ended with the result to hand back.

    `auth` is asked anew for every call, so that a renewed token is used at once; it may raise Ended itself.
    """

    def __init__(self, manners: Manners, auth: Callable[[], Bearer | Basic | None]) -> None:
        self.manners = manners
        self._auth = auth
        self._secrets: set[str] = {value for value in manners.headers.values() if len(value) >= _SECRET}

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | Sequence[tuple[str, Any]] = (),
        body: str | Json | None = None,
        headers: Mapping[str, str] | None = None,
        total_s: float = TOTAL_S,
    ) -> Response:
        """One signed call, whatever its status. `path` may be a whole URL below `base` (a next page); a body that is
        text is sent byte for byte. A success that is a page for people is nobody's we asked: it ends as AMBIGUOUS."""
        url = path if path.startswith(f"{self.manners.base}/") else self.manners.base + path
        if query:
            url += ("&" if "?" in url else "?") + urlencode(query, doseq=True)
        raw = b"" if body is None else body.encode() if isinstance(body, str) else orjson.dumps(body)
        given = {"Accept": "application/json", **self.manners.headers, **(headers or {})}
        if raw:
            given.setdefault("Content-Type", "application/json")
        try:
            auth = self._auth()
            self._remember(auth)
            answer = fetch(method, url, auth=auth, headers=given, body=raw, total_s=total_s)
        except (Refused, Unreachable) as error:
            raise Ended(Result(Outcome.TRANSIENT, detail=str(error))) from error
        except Ambiguous as error:
            raise Ended(Result(Outcome.AMBIGUOUS, detail=str(error))) from error
        except HttpError as error:
            raise Ended(Result(Outcome.UNKNOWN, detail=str(error))) from error
        if answer.status < 300 and answer.body.lstrip().startswith(b"<"):
            raise Ended(Result(Outcome.AMBIGUOUS, status=answer.status, detail=STRANGE))
        return answer

    def json(self, method: str, path: str, **how: Any) -> Json:
        """The object that a call is answered with; an error raises Ended, classified."""
        answer = self.send(method, path, **how)
        if answer.status >= 300:
            raise Ended(self.classify(answer))
        return decoded(answer)

    def said(self, answer: Response) -> Said:
        """What the service says in an error."""
        try:
            said = self.manners.said(json.loads(answer.body or b"null"))
        except (ValueError, KeyError, TypeError, AttributeError, IndexError):
            return Said()
        words = said.words
        for secret in self._secrets:
            words = words.replace(secret, "…")
        return Said(said.code, words)

    def _remember(self, auth: Bearer | Basic | None) -> None:
        """What services may repeat in their errors, and nobody is to read there."""
        shown = auth.token if isinstance(auth, Bearer) else auth.password or auth.username if auth else ""
        if len(shown) >= _SECRET:
            self._secrets.add(shown)

    def classify(self, answer: Response) -> Result:
        """What an answer that is not a success means for a write."""
        said, status = self.said(answer), answer.status
        outcome, detail = _NUMBERS.get(status, (Outcome.UNKNOWN, STRANGE))
        if said.code in self.manners.codes:
            outcome = self.manners.codes[said.code]
        elif status in self.manners.statuses:
            outcome = self.manners.statuses[status]
        elif status == 503 and answer.retry_after is not None:
            outcome, detail = Outcome.TRANSIENT, BUSY
        elif status >= 500 and status not in _NUMBERS:
            outcome, detail = Outcome.AMBIGUOUS, BROKEN
        words = f"{detail} It says: {said.words[:200]}".strip() if said.words else detail
        return Result(outcome, status=status, retry_after=self.manners.wait(answer), detail=words)


def decoded(answer: Response) -> Json:
    """The JSON object of a success; a success that holds none (a login page, half a body) is AMBIGUOUS."""
    try:
        told = json.loads(answer.body or b"{}")
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise Ended(Result(Outcome.AMBIGUOUS, status=answer.status, detail=STRANGE))
    return told
