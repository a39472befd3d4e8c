"""Answering an event in the name of somebody who takes part in it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from bookings.formats.event import DECLINED
from bookings.formats.lines import clean
from bookings.models import Calendar, Event, Mirror, Participant

from . import conflicts, outbox, series
from .audit import Actor, record
from .errors import Invalid, NotAllowed
from .event_rows import home_zone
from .event_writing import adopt, begin, targets_of, write_busy

LONGEST_COMMENT = 8 * 1024


@dataclass(frozen=True)
class _Answer:
    email: str
    rsvp: str
    comment: str
    notify: bool


@transaction.atomic
def answer(
    event: Event,
    email: str,
    status: str,
    *,
    comment: str = "",
    notify: bool = True,
    recurrence_wall: int | None = None,
    actor: Actor,
) -> Event:
    """Say for the participant with this address whether they take part; returns the answered event.

    A series is answered with all its changed occurrences; one occurrence when it is given itself, or named by
    `recurrence_wall` (its original start in wall seconds). What the owner of the calendar declines no longer takes
    their time, and does so again once they take part after all. The owner's answer goes to the calendar it belongs to,
    as an answer: with `notify` the organiser is told of it, as far as that service tells anybody; without, not. The
    answers of others are kept here, since only they can give them there. Saying the same again changes nothing.

    :param status: one of Participant.Rsvp.
    :raises NotAllowed: when nobody takes part under that address, or the calendar cannot be written.
    :raises NotFound: when the series has no such occurrence.
    :raises Invalid: with field `status` or `comment`.
    """
    said = _checked(email, status, comment, notify)
    host = begin(event)
    root = event.master or event
    if recurrence_wall is not None and event.master is None:
        event = series.own_row(root, recurrence_wall, host)
    changed = list(root.overrides.filter(deleted_at=None))
    answered = [row for row in changed if row.pk == event.pk] if event.master is not None else [root, *changed]
    mine = said.email in root.calendar.account.addresses and root.origin != Event.Origin.BOOKING
    if not sum(_take(each, said, mine=mine) for each in answered):
        raise NotAllowed("Nobody takes part in this event under that address.")
    adopt(root)
    write_busy([root, *changed], root.calendar, home_zone(root.calendar, host))
    conflicts.refresh(host.pk)
    _state(root, said, event.recurrence_wall)
    record(actor, "event.answered", event, after={"email": said.email[:320], "rsvp": said.rsvp})
    event.refresh_from_db()
    return event


def _checked(email: str, status: str, comment: str, notify: bool) -> _Answer:
    if status not in Participant.Rsvp.values:
        raise Invalid(f"Possible are: {', '.join(Participant.Rsvp.values)}.", field="status")
    if len(comment) > LONGEST_COMMENT:
        raise Invalid(f"At most {LONGEST_COMMENT:,} characters are possible here.", field="comment")
    return _Answer(clean(email).strip().casefold(), status, clean(comment), notify)


def _take(event: Event, said: _Answer, *, mine: bool) -> int:
    """Note the answer in an event; how many participants have that address."""
    news = {"rsvp": said.rsvp} | ({"comment": said.comment} if said.comment else {})
    rows = Participant.everywhere.filter(event=event, email__iexact=said.email).exclude(email="")
    found = rows.update(**news)
    if found and mine:
        _take_time(event, said.rsvp)
        event.save(update_fields=["raw", "free_busy_status", "updated_at"])
    return found


def _take_time(event: Event, rsvp: str) -> None:
    """The owner's time: free while they decline, tentative while they are not sure (as reading a calendar says it)."""
    raw = dict(event.raw)
    if rsvp == Participant.Rsvp.DECLINED:
        raw.setdefault(DECLINED, event.free_busy_status)
        event.free_busy_status = Event.Busy.FREE
    elif before := raw.pop(DECLINED, None):
        # What was read as declined does not say what it would be otherwise.
        event.free_busy_status = before if before in Event.Busy.values else Event.Busy.BUSY
    if rsvp == Participant.Rsvp.TENTATIVE and event.free_busy_status == Event.Busy.BUSY:
        event.free_busy_status = Event.Busy.TENTATIVE
    is_sure = rsvp == Participant.Rsvp.ACCEPTED and event.status == Event.Status.CONFIRMED
    if is_sure and event.free_busy_status == Event.Busy.TENTATIVE:
        event.free_busy_status = Event.Busy.BUSY
    event.raw = raw


def _state(root: Event, said: _Answer, occurrence: int | None) -> None:
    """Say in the outbox what every calendar should show now, and which of them has an answer to send.

    SEQUENCE stays: only the organiser's changes count (RFC 5546 2.1.4).
    """
    root.revision += 1
    root.save(update_fields=["revision", "updated_at"])
    rows = Mirror.everywhere.filter(event=root)
    before: dict[uuid.UUID, int] = dict(rows.values_list("calendar_id", "desired_revision"))
    for target in targets_of(root):
        outbox.show(root, target)
        if said.email in target.account.addresses:
            _have_it_sent(root, target, said, occurrence, before.get(target.pk, 0))


def _have_it_sent(root: Event, target: Calendar, said: _Answer, occurrence: int | None, since: int) -> None:
    """Add the answer to what waits to be sent. `since` tells whether the mirror has anything else to send: see push."""
    mirror = Mirror.everywhere.select_for_update(no_key=True).get(event=root, calendar=target)
    waiting: list[dict[str, Any]] = []
    for earlier in mirror.answers:
        if earlier["occurrence"] != occurrence:
            waiting.append(earlier)
        elif earlier["revision"] == since:
            since = earlier["since"]
    waiting.append(
        {
            "occurrence": occurrence,
            "rsvp": said.rsvp,
            "comment": said.comment,
            "notify": said.notify,
            "since": since,
            "revision": mirror.desired_revision,
        }
    )
    Mirror.everywhere.filter(pk=mirror.pk).update(answers=waiting)
