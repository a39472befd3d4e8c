"""An organisation as API clients find it: hosts, a group rule, and keys."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.test import Client

from bookings.domain import keys, refs
from bookings.domain.audit import SYSTEM
from bookings.models import ApiKey, GroupMember, GroupRule, Host, Organisation
from tests import factories

PATH = "/v1/scheduler_requests"


@dataclass
class World:
    organisation: Organisation
    host: Host
    colleague: Host
    rule: GroupRule
    key: ApiKey
    secret: str

    @property
    def sub(self) -> str:
        return refs.ref("cronofy", "host", self.host)

    @property
    def colleague_sub(self) -> str:
        return refs.ref("cronofy", "host", self.colleague)

    @property
    def rule_id(self) -> str:
        return refs.ref("cronofy", "group_rule", self.rule)

    def issue(self, *scopes: str, host: Host | None = None, expires_at: datetime | None = None) -> tuple[ApiKey, str]:
        kind = "access_token" if host else "client_secret"
        return keys.issue(
            self.organisation,
            dialect="cronofy",
            kind=kind,
            name="CRM",
            scopes=scopes,
            host=host,
            expires_at=expires_at,
            actor=SYSTEM,
        )

    def body(self, **changes: Any) -> dict[str, Any]:
        """The seed's example with this world's host; a change to None leaves the field out."""
        whole = {
            "host": {"sub": self.sub},
            "recipients": [{"email": "doc@evenitron.com", "display_name": "Dr Emmet Brown"}],
            "event": {"summary": "Driving lessons - Marty & Doc"},
        } | changes
        return {name: value for name, value in whole.items() if value is not None}

    def post(self, body: Any, path: str = PATH, *, secret: str | None = None, **headers: str) -> Any:
        """POST as a client does. `body` is sent as JSON, or as it is when it is bytes. Headers with underscores."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        label = headers.pop("Content_Type", "application/json; charset=utf-8")
        client = Client(raise_request_exception=False)
        return client.generic("POST", path, content, content_type=label, headers=self._headers(secret, headers))

    def get(self, path: str, *, secret: str | None = None, **headers: str) -> Any:
        return Client(raise_request_exception=False).get(path, headers=self._headers(secret, headers))

    def _headers(self, secret: str | None, headers: dict[str, str]) -> dict[str, str]:
        shown = self.secret if secret is None else secret
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return {"Authorization": f"Bearer {shown}"} | named


def make_world() -> World:
    organisation = factories.organisation()
    host = factories.host(organisation, weekly=factories.ALWAYS)
    colleague = factories.host(organisation, weekly=factories.ALWAYS)
    rule: GroupRule = GroupRule.everywhere.create(organisation=organisation, name="Sales")
    for member in (host, colleague):
        GroupMember.everywhere.create(organisation=organisation, rule=rule, host=member)
    key, secret = keys.issue(organisation, dialect="cronofy", kind="client_secret", name="CRM", scopes=(), actor=SYSTEM)
    return World(organisation, host, colleague, rule, key, secret)


def problems(answer: Any) -> dict[str, list[str]]:
    """{field path: [keys]} of a refusal, whose shape is checked on the way."""
    errors = answer.json()["errors"]
    for entries in errors.values():
        for entry in entries:
            assert set(entry) == {"key", "description"}
            assert entry["description"]
    return {path: [entry["key"] for entry in entries] for path, entries in errors.items()}
