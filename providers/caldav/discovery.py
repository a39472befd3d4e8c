"""From whatever address a person types to the calendars behind it (RFC 6764, RFC 4791 section 6)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import urljoin, urlsplit

from bookings.domain.accounts import FoundCalendar
from bookings.engine import zones
from providers.base import Outcome, PullFailed
from providers.caldav.calls import sign_in_refused
from providers.caldav.webdav import (
    APPLE,
    CALDAV,
    DAV,
    Member,
    MultiStatus,
    NotDav,
    canonical,
    propfind,
    read_multistatus,
)
from providers.http import Response

NOT_CALDAV = (
    "There is a server at this address, but it does not answer as a CalDAV server. "
    "Look for the CalDAV address in your calendar's settings."
)
NO_CALENDARS = "The sign-in works, but no calendar for events was found in this account."


_WHO = propfind(
    [
        f"{DAV}current-user-principal",
        f"{DAV}resourcetype",
        f"{CALDAV}calendar-home-set",
        f"{CALDAV}calendar-user-address-set",
    ]
)
_WHAT = propfind(
    [
        f"{DAV}resourcetype",
        f"{DAV}displayname",
        f"{DAV}current-user-privilege-set",
        f"{CALDAV}supported-calendar-component-set",
        f"{CALDAV}calendar-timezone",
        f"{APPLE}calendar-color",
    ]
)
_WRITING = tuple(f"{DAV}{name}" for name in ("write", "write-content", "bind", "all"))
_TZID = re.compile(r"^TZID(?:;[^:\r\n]*)?:(.+?)\s*$", re.MULTILINE)
_LONGEST_ID = 1000
_USUAL_NAMES = ("calendar", "default", "personal", "home", "events")

Ask = Callable[[str, str, bytes], Response]
"""(url, depth, body) -> answer of a PROPFIND, redirects followed; raises PullFailed when there is none."""


def find_calendars(ask: Ask, address: str) -> list[FoundCalendar]:
    """The event calendars behind a server root, a principal, a home or a calendar's own URL; raises PullFailed."""
    start = _first_answer(ask, address)
    found: dict[str, FoundCalendar] = {}
    # The typed address itself last: it may be a calendar that somebody shares, or a home that tells of no principal.
    for place in [*_homes(ask, start), start.url]:
        members = _ask(ask, place, "1", _WHAT)
        for member in members.members if members else ():
            if _is_event_calendar(member):
                found.setdefault(member.url, _described(member))
    if not found:
        raise PullFailed(Outcome.PERMANENT, NO_CALENDARS)
    return _with_primary(list(found.values()))


def find_addresses(ask: Ask, address: str) -> list[str]:
    """Mail addresses by which the server knows this user, for invitations (RFC 6638 section 2.4.1); may be empty."""
    start = _first_answer(ask, address)
    told = start.hrefs(f"{CALDAV}calendar-user-address-set")
    for principal in start.hrefs(f"{DAV}current-user-principal"):
        member = _self(_ask(ask, principal, "0", _WHO), principal)
        told += member.hrefs(f"{CALDAV}calendar-user-address-set") if member else []
    return sorted({href[7:].lower() for href in told if href.lower().startswith("mailto:")})


def _first_answer(ask: Ask, address: str) -> Member:
    """What the typed address says of itself, else the well-known place, else the root of the server."""
    for url in _candidates(address):
        member = _self(_ask(ask, url, "0", _WHO), url)
        if member is not None and (member.props.keys() - {f"{DAV}resourcetype"} or _is_collection(member)):
            return member
    raise PullFailed(Outcome.PERMANENT, NOT_CALDAV)


def _candidates(address: str) -> Iterator[str]:
    given = canonical(address)
    has_path = urlsplit(given).path.strip("/")
    if has_path:
        yield given
    yield urljoin(given, "/.well-known/caldav")
    yield given if not has_path else urljoin(given, "/")


def _homes(ask: Ask, start: Member) -> list[str]:
    """Collections that hold this user's calendars: named by the resource itself, or by its principal."""
    homes = start.hrefs(f"{CALDAV}calendar-home-set")
    principal = start.href(f"{DAV}current-user-principal")
    if not homes and principal:
        member = _self(_ask(ask, principal, "0", _WHO), principal)
        homes = member.hrefs(f"{CALDAV}calendar-home-set") if member else []
    return homes


def _ask(ask: Ask, url: str, depth: str, body: bytes) -> MultiStatus | None:
    """A multi-status answer, or None when this is not the place; a refused password is said at once."""
    answer = ask(url, depth, body)
    if answer.status == 401:
        raise PullFailed(Outcome.AUTH_DEAD, sign_in_refused(answer))
    try:
        return read_multistatus(answer)
    except NotDav:
        return None


def _self(members: MultiStatus | None, url: str) -> Member | None:
    if members is None:
        return None
    member = members.at(url) or (members.members[0] if members.members else None)
    return member if member is not None and member.status < 400 else None


def _is_collection(member: Member) -> bool:
    return member.has(f"{DAV}resourcetype", f"{DAV}collection")


def _is_event_calendar(member: Member) -> bool:
    if (
        member.status >= 400
        or len(member.url) > _LONGEST_ID
        or not member.has(f"{DAV}resourcetype", f"{CALDAV}calendar")
    ):
        return False
    kinds = member.props.get(f"{CALDAV}supported-calendar-component-set")
    names = {node.get("name", "").upper() for node in kinds.iter(f"{CALDAV}comp")} if kinds is not None else set()
    return not names or "VEVENT" in names


def _described(member: Member) -> FoundCalendar:
    colour = member.text(f"{APPLE}calendar-color")
    name = member.text(f"{DAV}displayname") or urlsplit(member.url).path.rstrip("/").rpartition("/")[2]
    return FoundCalendar(
        external_id=member.url,
        name=name,
        colour=colour[:7] if re.fullmatch(r"#[0-9A-Fa-f]{6}([0-9A-Fa-f]{2})?", colour) else "",
        timezone=_zone(member.text(f"{CALDAV}calendar-timezone")),
        writable=_is_writable(member),
    )


def _is_writable(member: Member) -> bool:
    """Whether events can be written; a server that tells no privileges is believed to allow it."""
    told = member.props.get(f"{DAV}current-user-privilege-set")
    return told is None or any(told.find(f".//{name}") is not None for name in _WRITING)


def _zone(text: str) -> str:
    match = _TZID.search(text)
    return (zones.canonical(match[1].strip()) or "") if match else ""


def _with_primary(calendars: list[FoundCalendar]) -> list[FoundCalendar]:
    """Mark the likeliest main calendar: CalDAV itself names none outside scheduling."""

    def likelihood(calendar: FoundCalendar) -> tuple[bool, int, str]:
        last = urlsplit(calendar.external_id).path.rstrip("/").rpartition("/")[2].lower()
        rank = _USUAL_NAMES.index(last) if last in _USUAL_NAMES else len(_USUAL_NAMES)
        return not calendar.writable, rank, calendar.name.lower()

    first, *others = sorted(calendars, key=likelihood)
    return [FoundCalendar(**{**vars(first), "primary": True}), *others]
