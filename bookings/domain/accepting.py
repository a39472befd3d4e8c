"""What somebody changed in a connected calendar becomes true here too, once staff accept it."""

from __future__ import annotations

from dataclasses import replace

from django.db import transaction

from bookings.engine.zones import DAY, zone
from bookings.models import Booking, Event, Mirror

from . import calendar, reserve
from .audit import Actor, record
from .errors import NotAllowed

ANY_MINUTE = 60


def accept(mirror: Mirror, *, actor: Actor, forced: bool = False) -> None:
    """Move the event to where it was moved there, or cancel it when it was deleted there.

    A booking is moved by the same decision as ever, except that it may begin at any minute; guests and the other
    calendars are told as of any move. `forced` moves it whatever stands in the way.

    :raises SlotTaken: when the new time is not free for a booking; then nothing has changed.
    :raises NotAllowed: when nothing was moved or deleted there, or it is no longer so.
    """
    difference, event = mirror.difference, mirror.event
    if mirror.desired != Mirror.Desired.PRESENT or difference.get("kind") not in ("moved", "deleted"):
        raise NotAllowed("There is no new time to accept: this calendar shows the event where it is here.")
    booking: Booking | None = Booking.everywhere.filter(event=event).first()
    if difference["kind"] == "deleted":
        _cancel(event, booking, actor)
    else:
        start, end = int(difference["start_s"]), int(difference["end_s"])
        if booking is not None:
            terms = replace(reserve.terms_of(booking), length=end - start, step=ANY_MINUTE)
            reserve.move(booking, terms, start, actor=actor, forced=forced)
        else:
            _move(event, start, end, actor)
    Mirror.everywhere.filter(pk=mirror.pk).update(difference={})
    record(actor, "mirror.accepted", mirror, after=difference)


def _cancel(event: Event, booking: Booking | None, actor: Actor) -> None:
    if booking is not None:
        reserve.cancel(booking, by=Booking.By.HOST, actor=actor, reason="Deleted in the calendar.")
    else:
        calendar.delete(event, actor=actor)


@transaction.atomic
def _move(event: Event, start: int, end: int, actor: Actor) -> None:
    """Give an event, or a whole series by its first occurrence, the bounds that it has there."""
    home = event.calendar.account.host.timezone
    clock = zone(home if event.all_day or event.floating else event.timezone)
    begins, ends = clock.to_wall(start), clock.to_wall(end)
    length = round((ends - begins) / DAY) * DAY if event.all_day else end - start
    calendar.change(event, replace(calendar.data_of(event), start_wall=begins, duration=length), actor=actor)
