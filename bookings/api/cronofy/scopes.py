"""What the vendor calls permissions, and what they are here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from bookings.domain import keys

_SCOPES: Mapping[str, Sequence[str]] = {
    "read_account": (),
    "list_calendars": ("calendars:read",),
    "create_calendar": ("calendars:write",),
    "read_events": ("events:read", "availability:read"),
    "read_free_busy": ("availability:read",),
    "create_event": ("events:write",),
    "delete_event": ("events:write",),
    "change_participation_status": ("events:write",),
    "manage_availability": ("availability:write",),
    "organizational_unit_scheduler": ("requests:read", "requests:write"),
}
"""Each of the vendor's words with what a key needs to have it. The vendor has no word for managing availability."""


def scope_of(scopes: Collection[str]) -> str:
    """The vendor's words for what a key may, with spaces between them."""
    whole = keys.EVERYTHING in scopes
    return " ".join(name for name, needed in _SCOPES.items() if whole or set(needed) <= set(scopes))


def scopes_of(scope: str) -> list[str]:
    """What a key needs for the permissions an application asks for; words we do not know are left out."""
    return sorted({each for name in scope.split() for each in _SCOPES.get(name, ())})
