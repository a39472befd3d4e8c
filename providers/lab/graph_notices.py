"""Subscriptions of the double of Graph: asking whether somebody is there, and telling what changed."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, unquote
from urllib.request import Request, urlopen

from providers.lab.double import Told
from providers.lab.graph_schema import Json, Wrong, check
from providers.lab.graph_series import parsed, stamp
from providers.lab.graph_store import Item, Mailbox

LONGEST, SHORTEST = timedelta(minutes=4230), timedelta(minutes=45)
_NEEDED = ("changeType", "notificationUrl", "resource", "expirationDateTime")
Post = Callable[[str, Json | None], tuple[int, str, str]]
"""(address, body) -> (status, content type, text)."""


@dataclass
class Subscription:
    key: str
    person: str
    said: Json
    ends: datetime


class Notices:
    """Who wants to know. Switches: `at_once` (tell by itself, from a thread), `dropping` (tell nobody)."""

    def __init__(self) -> None:
        self.at_once = False
        self.dropping = False
        self.post: Post = post
        self.subscriptions: dict[str, Subscription] = {}
        self.waiting: list[tuple[str, Json]] = []

    def listed(self, person: str | None) -> list[Json]:
        return [_shown(each) for each in self._living() if each.person == person]

    def subscribe(self, person: str | None, said: Any) -> Told:
        check(said, "subscription")
        if missing := [name for name in _NEEDED if not said.get(name)]:
            raise Wrong(f"Property {missing[0]} is required.", "InvalidRequest")
        if unknown := set(said["changeType"].split(",")) - {"created", "updated", "deleted"}:
            raise Wrong(f"Unknown changeType {min(unknown)}.", "InvalidRequest")
        if len(said.get("clientState") or "") > 128:
            raise Wrong("clientState is longer than 128 characters.", "InvalidRequest")
        for name in ("notificationUrl", "lifecycleNotificationUrl"):
            self._check_listener(said.get(name))
        made = Subscription(str(uuid.uuid4()), person or "", dict(said), _ends(said))
        self.subscriptions[made.key] = made
        return Told(201, _shown(made))

    def prolong(self, key: str, said: Any) -> Told:
        check(said, "subscription")
        if set(said) != {"expirationDateTime"}:
            raise Wrong("Only expirationDateTime can be changed.", "InvalidRequest")
        found = self._found(key)
        found.ends = _ends(said)
        return Told(200, _shown(found))

    def reauthorize(self, key: str) -> Told:
        self._found(key)
        return Told(204)

    def end(self, key: str) -> Told:
        self._found(key)
        del self.subscriptions[key]
        return Told(204)

    def tell(self, box: Mailbox, item: Item) -> None:
        """Something changed in a calendar. One change is told several times, as Exchange does."""
        if self.dropping:
            return
        for each in self._living():
            if unquote(each.said["resource"]).endswith(f"/calendars/{item.calendar}/events"):
                notice = _notice(each) | {"changeType": "updated", "resource": f"{each.said['resource']}/{item.key}"}
                self.waiting += [(each.said["notificationUrl"], notice)] * 2
        if self.at_once and self.waiting:
            threading.Thread(target=self.flush, daemon=True).start()

    def lifecycle(self, event: str) -> None:
        """Tell every listener that its subscription needs attention: reauthorizationRequired, subscriptionRemoved,
        missed."""
        for each in self._living():
            url = each.said.get("lifecycleNotificationUrl")
            if url:
                self.waiting.append((url, _notice(each) | {"lifecycleEvent": event}))
            if event == "subscriptionRemoved":
                del self.subscriptions[each.key]

    def flush(self) -> list[int]:
        """Post what waits; returns the statuses that were answered."""
        waiting, self.waiting = self.waiting, []
        return [self.post(url, {"value": [notice]})[0] for url, notice in waiting]

    def _living(self) -> list[Subscription]:
        return [each for each in self.subscriptions.values() if each.ends > datetime.now(UTC)]

    def _found(self, key: str) -> Subscription:
        if key not in {each.key for each in self._living()}:
            raise Wrong("The object was not found.", "ErrorItemNotFound")
        return self.subscriptions[key]

    def _check_listener(self, url: str | None) -> None:
        """Both addresses must repeat a token, as plain text."""
        if url is None:
            return
        if not url.startswith(("https://", "http://127.0.0.1", "http://localhost", "http://testserver")):
            raise Wrong("Notification URLs begin with https.", "InvalidRequest")
        token = f"Validation: Testing client application reachability <{uuid.uuid4()}>"
        status, kind, text = self.post(f"{url}?validationToken={quote(token)}", None)
        if status != 200 or text != token or not kind.startswith("text/plain"):
            raise Wrong("Subscription validation request failed.", "ValidationError")


def _ends(said: Json) -> datetime:
    now, wanted = datetime.now(UTC), parsed(said["expirationDateTime"])
    if wanted > now + LONGEST:
        raise Wrong("Subscription expiration can only be 4230 minutes in the future.", "InvalidRequest")
    return max(wanted, now + SHORTEST)


def _shown(subscription: Subscription) -> Json:
    hidden = {"clientState": None}
    return {**subscription.said, **hidden, "id": subscription.key, "expirationDateTime": stamp(subscription.ends)}


def _notice(subscription: Subscription) -> Json:
    return {"subscriptionId": subscription.key, "clientState": subscription.said.get("clientState")}


def post(url: str, body: Json | None) -> tuple[int, str, str]:
    """Call a listener on loopback."""
    data = b"" if body is None else json.dumps(body).encode()
    request = Request(url, data=data, method="POST", headers={"Content-Type": "application/json"})  # noqa: S310
    try:
        with urlopen(request, timeout=3) as answer:  # noqa: S310  only what was checked above
            return answer.status, answer.headers.get("Content-Type", ""), answer.read().decode()
    except HTTPError as error:
        return error.code, "", ""
    except OSError:
        return 0, "", ""
