"""The account owner's answer to an invitation: whether they take part in an event, a series or some of it."""

from __future__ import annotations

import time

from bookings.api.morgen.asked import wrong
from bookings.api.morgen.finding import Found
from bookings.domain import calendar, rsvp, series
from bookings.domain.audit import Actor
from bookings.domain.busy import happenings
from bookings.engine.recurrence import RuleError, TooMany
from bookings.engine.zones import zone
from bookings.formats.event import EventData
from bookings.models import Event

_MOST_EARLIER = 100


def answer(found: Found, status: str, *, comment: str, notify: bool, mode: str, actor: Actor) -> None:
    """Answer for the owner of the account, as far as the mode reaches. Raises Refusal 400 when they are not invited."""
    email = invited_as(found, calendar.data_of(found.event))
    if email is None:
        raise wrong("participants", "The owner of the account does not take part in this event.")
    if found.series is None:
        rsvp.answer(found.event, email, status, comment=comment, notify=notify, actor=actor)
    elif mode == "single":
        wall = found.wall
        rsvp.answer(found.series, email, status, comment=comment, notify=notify, recurrence_wall=wall, actor=actor)
    else:
        earlier = _earlier(found, found.series, email, status) if mode == "future" else {}
        rsvp.answer(found.series, email, status, comment=comment, notify=notify, actor=actor)
        # An invitation is answered as a whole or one by one: those before get the answer again that they had.
        for wall, before in earlier.items():
            rsvp.answer(found.series, email, before, notify=False, recurrence_wall=wall, actor=actor)


def own_answer(found: Found, before: EventData, after: EventData) -> str | None:
    """What a change of the participants says for the owner of the account, if that is new."""
    email = invited_as(found, before)
    said = [_status_of(each, email) for each in (before, after)] if email else [None, None]
    return said[1] if said[0] != said[1] else None


def invited_as(found: Found, data: EventData) -> str | None:
    """The address under which the owner of the account takes part."""
    addresses = found.place.account.addresses
    return next((person.email for person in data.people if person.email.casefold() in addresses), None)


def _status_of(data: EventData, email: str) -> str | None:
    return next((person.rsvp for person in data.people if person.email.casefold() == email.casefold()), None)


def _earlier(found: Found, master: Event, email: str, status: str) -> dict[int, str]:
    """What was said to the occurrences between now and this one, if it was something else: {original start: answer}."""
    now = int(time.time())
    until = zone(found.home if master.all_day or master.floating else master.timezone).to_utc(found.wall)
    try:
        walls = [each.wall for each in happenings(master, found.home, now, max(until, now)) if each.start_s < until]
    except (TooMany, RuleError):
        walls = []
    if len(walls) > _MOST_EARLIER:
        raise wrong("seriesUpdateMode", f"At most {_MOST_EARLIER} occurrences may lie before the one that is answered.")
    said = {wall: _status_of(series.occurrence(master, wall), email) for wall in walls}
    return {wall: before for wall, before in said.items() if before is not None and before != status}
