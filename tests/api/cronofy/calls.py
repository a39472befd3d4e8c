"""An account's own API as clients call it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.test import Client

from bookings.domain import refs
from bookings.domain.accounts import ensure_local
from bookings.models import Calendar, Host
from tests.api.worlds import World


def day(ahead: int = 7) -> datetime:
    """Midnight UTC of the Monday after so many days."""
    later = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=ahead)
    return later + timedelta(days=-later.weekday() % 7)


def at(hour: float, *, ahead: int = 7) -> str:
    """That Monday at an hour, as the vendor writes times; hours beyond 24 are those of the next days."""
    return (day(ahead) + timedelta(hours=hour)).strftime("%Y-%m-%dT%H:%M:%SZ")


def second(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


@dataclass
class Caller:
    """One secret and the world it belongs to."""

    world: World
    secret: str
    host: Host

    @property
    def calendar(self) -> Calendar:
        return ensure_local(self.host)

    @property
    def calendar_id(self) -> str:
        return refs.ref("cronofy", "calendar", self.calendar)

    def send(self, method: str, path: str, body: Any = None, *, query: Any = None, **headers: str) -> Any:
        """A request as pycronofy makes it: with a JSON body whatever the method."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        where = f"{path}?{urlencode(query, doseq=True)}" if query else path
        content = body if isinstance(body, bytes) else json.dumps(body if body is not None else {}).encode()
        return Client(raise_request_exception=False).generic(
            method,
            where,
            content,
            content_type="application/json",
            headers={"Authorization": f"Bearer {self.secret}"} | named,
        )

    def get(self, path: str, **query: Any) -> Any:
        return self.send(
            "GET", path, query={name.replace("calendar_ids", "calendar_ids[]"): v for name, v in query.items()}
        )

    def post(self, path: str, body: Any, **headers: str) -> Any:
        return self.send("POST", path, body, **headers)

    def delete(self, path: str, body: Any = None) -> Any:
        return self.send("DELETE", path, body)


def caller(world: World, host: Host | None = None, *scopes: str) -> Caller:
    """The access token of a host."""
    whose = host or world.host
    return Caller(world, world.issue(*scopes, host=whose)[1], whose)
