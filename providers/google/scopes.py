"""What Google is asked for on the consent page, and what still works when somebody unticks a part of it.

Which method takes which scope: discovery document of calendar v3, `scopes` of each method.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from providers.oauth import Service

PREFIX = "https://www.googleapis.com/auth/"
EVENTS, LIST, BUSY = "calendar.events", "calendar.calendarlist.readonly", "calendar.freebusy"
ASKED = (LIST, BUSY, EVENTS)

_ALL = frozenset({"calendar"})
_WRITING = _ALL | {EVENTS, "calendar.events.owned"}
_READING = _WRITING | {"calendar.readonly", "calendar.events.readonly", "calendar.events.owned.readonly"}
_LISTING = _ALL | {LIST, "calendar.readonly", "calendar.calendarlist"}
_BUSY = _ALL | {BUSY, "calendar.readonly", "calendar.events.freebusy"}

NO_WRITING = "You did not allow Convene to change events, so bookings cannot be written to these calendars."
NO_READING = "You did not allow Convene to see events, so only busy times are known."
NO_LISTING = "You did not allow Convene to see your list of calendars, so only your main calendar is offered."


def service(tenant: str = "") -> Service:
    """Google's sign-in, with this installation's registration. Google knows no tenants."""
    urls, registration = settings.GOOGLE_URLS, settings.GOOGLE
    return Service(
        name="Google",
        authorize_url=urls["authorize"],
        token_url=urls["token"],
        revoke_url=urls["revoke"],
        scopes=tuple(PREFIX + scope for scope in ASKED),
        client_id=registration["client_id"],
        client_secret=registration["client_secret"],
        # Without consent asked anew, Google gives a refresh token only the first time.
        parameters={"access_type": "offline", "prompt": "consent", "include_granted_scopes": "true"},
    )


@dataclass(frozen=True)
class Allowed:
    """What the person behind a login allowed."""

    writing: bool = True
    reading: bool = True
    listing: bool = True
    busy: bool = True

    @property
    def notes(self) -> tuple[str, ...]:
        """What is missing, for people."""
        said = ((self.writing, NO_WRITING), (self.reading, NO_READING), (self.listing, NO_LISTING))
        return tuple(words for allowed, words in said if not allowed)


def allowed(granted: str) -> Allowed:
    """Read the `scope` of a token answer. A service that does not tell gave what was asked (RFC 6749 5.1)."""
    if not granted.strip():
        return Allowed()
    given = {scope.rpartition("/")[2] for scope in granted.split()}
    return Allowed(bool(given & _WRITING), bool(given & _READING), bool(given & _LISTING), bool(given & _BUSY))
