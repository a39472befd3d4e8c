"""Kinds of keys, what keys may do and how they stand, in words for people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.functional import Promise
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.domain import keys
from bookings.models import ApiKey, Grant

PAIR = "pair"
"""Not a kind of key: a public and a secret key, made together."""

_SOON = timedelta(days=14)


@dataclass(frozen=True)
class Choice:
    """One of several things to choose from: its name in addresses, and what people read."""

    value: str
    title: str | Promise
    text: str | Promise = ""


DIALECTS = [
    Choice("cronofy", "Cronofy", gettext_lazy("Scheduler requests, availability, calendars and their events.")),
    Choice("timekit", "Timekit", gettext_lazy("Resources, events and bookings; also its booking widget.")),
    Choice("morgen", "Morgen", gettext_lazy("Calendars and their events, v1 and v3.")),
    Choice("leadconnector", "LeadConnector", gettext_lazy("HighLevel’s calendars and appointments.")),
    Choice("morph", "Morph", gettext_lazy("Scheduling events through a unified API.")),
]
"""The APIs that programs may speak, in the order in which they are offered."""

_KINDS = {
    ("cronofy", "client_secret"): (
        gettext_lazy("Client secret"),
        gettext_lazy("For a server of yours. Acts for every host."),
    ),
    ("cronofy", "access_token"): (gettext_lazy("Access token"), gettext_lazy("For a program that acts for one host.")),
    ("timekit", "app_key"): (gettext_lazy("App key"), gettext_lazy("For a server of yours. Acts for every resource.")),
    ("timekit", "widget_key"): (
        gettext_lazy("Widget key"),
        gettext_lazy("For the widget on a web page, where everybody can read it."),
    ),
    ("timekit", "api_key"): (
        gettext_lazy("Resource key"),
        gettext_lazy("For one resource, shown with its e-mail address."),
    ),
    ("morgen", "api_key"): (gettext_lazy("API key"), gettext_lazy("What programs of today send, to v3.")),
    ("morgen", "bearer"): (gettext_lazy("Bearer token"), gettext_lazy("What programs of v1 send.")),
    ("leadconnector", "token"): (
        gettext_lazy("Private integration token"),
        gettext_lazy("For a server of yours. Your organisation is one location."),
    ),
    ("morph", PAIR): (gettext_lazy("Public and secret key"), gettext_lazy("What a server sends: both, together.")),
    ("morph", "secret_key"): (
        gettext_lazy("Secret key alone"),
        gettext_lazy("A new secret beside a public key that stays."),
    ),
    ("morph", "public_key"): (
        gettext_lazy("Public key alone"),
        gettext_lazy("Permits nothing without a secret key or a session."),
    ),
}


def kinds_of(dialect: str) -> list[Choice]:
    """What can be made for an API, the most usual first."""
    offered = [PAIR] if dialect == "morph" else []
    offered += [str(kind) for kind in sorted(keys.KINDS[dialect], key=lambda kind: kind == ApiKey.Kind.PUBLIC_KEY)]
    return [Choice(kind, *_KINDS[dialect, kind]) for kind in offered]


_NOUNS = {
    "requests": gettext_lazy("scheduler requests"),
    "availability": gettext_lazy("free times"),
    "calendars": gettext_lazy("calendars"),
    "events": gettext_lazy("events"),
    "bookings": gettext_lazy("bookings"),
}


def may(scopes: Iterable[str]) -> list[str]:
    """What scopes permit, in as few phrases as will do."""
    given = set(scopes)
    if keys.EVERYTHING in given:
        return [_("Everything")]
    verbs = [("read", "write", _("Read and change %s")), ("read", "", _("Read %s")), ("write", "", _("Change %s"))]
    phrases = []
    for one, other, phrase in verbs:
        found = [noun for noun in _NOUNS if {f"{noun}:{verb}" for verb in (one, other) if verb} <= given]
        given -= {f"{noun}:{verb}" for noun in found for verb in (one, other)}
        phrases += [phrase % _listed([str(_NOUNS[noun]) for noun in found])] if found else []
    return phrases + [str(keys.SCOPES.get(scope, scope)) for scope in sorted(given)] or [_("Nothing alone")]


def _listed(words: list[str]) -> str:
    return (
        words[0] if len(words) == 1 else _("%(some)s and %(last)s") % {"some": ", ".join(words[:-1]), "last": words[-1]}
    )


def standing(key: ApiKey) -> tuple[str, str]:
    """A colour and a word for how a key stands: whether a program that shows it gets in."""
    if key.revoked_at is not None:
        return "neutral", _("Revoked")
    if not key.is_live:
        return "neutral", _("Expired")
    if key.host is not None and not key.host.is_active:
        return "failing", _("Host left")
    if key.expires_at is not None and key.expires_at - now() < _SOON:
        return "pending", _("Expires soon")
    return ("ok", _("In use")) if key.last_used_at else ("info", _("Not used yet"))


def standing_of_grant(grant: Grant, used_at: datetime | None) -> tuple[str, str]:
    """The same for what a host lets an application do."""
    if grant.revoked_at is not None:
        return "neutral", _("Ended")
    if not grant.host.is_active:
        return "failing", _("Host left")
    if grant.redeemed_at is None:
        return ("pending", _("Not taken up yet")) if grant.code_expires_at > now() else ("neutral", _("Not taken up"))
    return ("ok", _("In use")) if used_at else ("info", _("Not used yet"))
