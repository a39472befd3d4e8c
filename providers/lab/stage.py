"""The doubles as a demo needs them: a login for a person at each service, and something in their calendars."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from providers.lab.cronofy import CronofyDouble
from providers.lab.double import Double
from providers.lab.google import Google
from providers.lab.leadconnector import LOCATION, LeadConnectorDouble
from providers.lab.microsoft import MicrosoftDouble
from providers.lab.morgen import MorgenDouble
from providers.lab.morph import CONNECTOR, OWNER, MorphDouble
from providers.lab.strict import Book
from providers.lab.timekit import TimekitDouble

KEY = "lab-key"


@dataclass(frozen=True)
class Login:
    """How a person signs in at a double: the slug of the kind, and what is typed there or was consented to."""

    slug: str
    given: dict[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Stand:
    """A double and what opens it for one person. `admit(person, scopes, start_s, end_s)` also enters one event."""

    double: Double
    admit: Callable[[str, str, int, int], Login]


def stands() -> list[Stand]:
    """Every double there is, empty."""
    books = (
        (CronofyDouble(keys=[KEY]), {"access_token": KEY}, ""),
        (TimekitDouble(keys=[KEY]), {"api_key": KEY}, ""),
        (MorgenDouble(keys=[KEY]), {"api_key": KEY}, "/v3"),
        (LeadConnectorDouble(keys=[KEY]), {"token": KEY, "location_id": LOCATION}, ""),
        (
            MorphDouble(keys=[KEY]),
            {"api_key": f"pk_{KEY}", "api_secret": KEY, "connector_id": CONNECTOR, "owner_id": OWNER},
            "",
        ),
    )
    return [_google(), _microsoft(), *(_book(double, given, path) for double, given, path in books)]


def _google() -> Stand:
    double = Google()
    double.people.clear()

    def admit(person: str, scopes: str, start_s: int, end_s: int) -> Login:
        double.calendar(person)
        double.calendar(person, f"private-{person}", summary="Private")
        double.add(person, summary="Dentist", start={"dateTime": _zulu(start_s)}, end={"dateTime": _zulu(end_s)})
        return Login("google", double.issue(person, scopes))

    return Stand(double, admit)


def _microsoft() -> Stand:
    double = MicrosoftDouble()
    double.people.clear()

    def admit(person: str, scopes: str, start_s: int, end_s: int) -> Login:
        double.people.append(person)
        double.mailbox(person)
        double.add(person, subject="Board meeting", start=_graph(start_s), end=_graph(end_s))
        return Login("microsoft", double.issue(person, scopes))

    return Stand(double, admit)


def _book(double: Book, given: dict[str, str], path: str) -> Stand:
    def admit(person: str, scopes: str, start_s: int, end_s: int) -> Login:
        double.add(next(iter(double.places)), "Workshop", start_s, end_s)
        return Login(double.name, given | {"server_url": f"{double.url}{path}"})

    return Stand(double, admit)


def _zulu(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _graph(second: int) -> dict[str, str]:
    return {"dateTime": datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S"), "timeZone": "UTC"}
