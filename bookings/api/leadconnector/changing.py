"""Changing and taking back what an event id means: a booking, a series, a seat, a plain event, an occurrence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db import transaction

from bookings.api.base import Principal, Refusal
from bookings.api.leadconnector import finding, making, places, wire
from bookings.api.leadconnector.finding import Found
from bookings.api.leadconnector.places import Place
from bookings.api.leadconnector.wire import SURFACE, Asked
from bookings.domain import agenda, calendar, refs, reserve, rooms, series
from bookings.domain.agenda import Entry
from bookings.domain.audit import Actor
from bookings.domain.terms import Terms
from bookings.models import Booking, Event, EventType, Host


@transaction.atomic
def change(principal: Principal, found: Found, asked: Asked) -> None:
    """Everything that was asked for, or nothing. A change of a series moves all its coming dates by as much as its
    first."""
    if found.seat is not None:
        _change_seat(found, asked, principal.actor)
        return
    shift = asked.start.at - found.entry.start_s if asked.start is not None else 0
    thing = found.series or found.entry.thing
    for entry in found.entries:
        if entry.booking is None:
            own = _change_event(entry, asked, principal.actor)
            thing = own if entry is found.entry else thing
        elif found.series is None or entry.booking.state in Booking.LIVE:
            moved = asked if entry is found.entry else _shifted(asked, shift, entry)
            _change_booking(principal, entry, entry.booking, moved)
    kind = "series" if found.series else "booking" if found.entry.booking is not None else "event"
    refs.keep(SURFACE, kind, thing, _raw(asked))


def take_back(found: Found, actor: Actor) -> None:
    """Cancel it, and leave it out of lists from now on. Twice is once; what has taken place stays on record."""
    with transaction.atomic():
        if found.seat is not None:
            reserve.leave_seat(found.seat, by=Booking.By.HOST, actor=actor)
            refs.keep(SURFACE, "seat", found.seat, {"deleted": True})
            return
        for entry in found.entries:
            _take_back(entry, actor)


def _take_back(entry: Entry, actor: Actor) -> None:
    if entry.booking is None:
        cancel_event(entry, actor)
        return
    if entry.booking.may_become(Booking.State.CANCELLED):
        agenda.cancel(entry, actor=actor)
    refs.keep(SURFACE, "booking", entry.booking, {"deleted": True})


def cancel_event(entry: Entry, actor: Actor) -> None:
    if entry.event is not None and entry.recurrence_wall is not None and entry.event.master is None:
        calendar.exclude_occurrence(entry.event, entry.recurrence_wall, actor=actor)
    else:
        agenda.cancel(entry, actor=actor)


def _change_seat(found: Found, asked: Asked, actor: Actor) -> None:
    assert found.seat is not None
    if asked.start is not None and asked.start.at != found.entry.start_s:
        raise Refusal(400, "seat", "A place in a class cannot be moved. Cancel it and book another.")
    if asked.status == "cancelled":
        reserve.leave_seat(found.seat, by=Booking.By.HOST, actor=actor, notify=asked.tells)
    texts = {"title": asked.title, "description": asked.description}
    said = {key: value for key, value in texts.items() if value is not None}
    refs.keep(SURFACE, "seat", found.seat, _raw(asked) | said)


def _change_event(entry: Entry, asked: Asked, actor: Actor) -> Booking | Event:
    """The event that was changed. A plain one has no status of its own but that it is there."""
    if asked.status == "cancelled":
        cancel_event(entry, actor)
        return entry.thing
    if entry.event is not None and entry.recurrence_wall is not None and entry.event.master is None:
        # From now on the occurrence has a row of its own, which is changed like any event.
        data = series.occurrence(entry.event, entry.recurrence_wall)
        own = series.change_occurrence(entry.event, entry.recurrence_wall, data, actor=actor)
        entry = replace(entry, event=own)
    return agenda.change(
        entry,
        actor=actor,
        start_s=asked.start.at if asked.start else None,
        end_s=asked.end.at if asked.end else None,
        title=asked.title or None,
        description=asked.description,
        location=asked.address,
    ).thing


def _change_booking(principal: Principal, entry: Entry, booking: Booking, asked: Asked) -> None:
    actor = principal.actor
    if asked.status == "confirmed":
        booking = reserve.confirm(booking, actor=actor, notify=asked.tells)
    elif asked.status == "new" and wire.status_of(booking) != "new":
        raise Refusal(400, "status", "The appointment is past being new.")
    start, length = _time(entry, asked)
    event_type = _event_type(principal, booking, asked)
    user = making.host_asked(principal, asked.user_id) if asked.user_id else None
    here = user is None or str(user.pk) in booking.assignment.get("hosts", ())
    if here and (event_type.pk if event_type else None) == booking.event_type_id:
        booking = _moved(booking, start, length, asked, actor)
    else:
        terms = _terms_elsewhere(booking, event_type, user, asked)
        terms = replace(terms, length=length, notice=0 if start == booking.start_s else terms.notice)
        booking = reserve.hand_over(
            booking, terms, start, actor=actor, event_type=event_type, forced=asked.forced, notify=asked.tells
        )
    place = _place(booking, asked)
    location = place.text if place is not None else asked.address
    reserve.describe(
        booking,
        actor=actor,
        title=asked.title or None,
        description=asked.description,
        location=location,
        notify=asked.tells,
    )
    if place is not None and place.room is not None:
        _give_room(booking, place.room, actor)
    making.come_to(booking, asked.status, actor, asked.tells)


def _time(entry: Entry, asked: Asked) -> tuple[int, int]:
    """When it begins from now on, and how long it is."""
    start = asked.start.at if asked.start else entry.start_s
    end = asked.end.at if asked.end else start + entry.end_s - entry.start_s
    if end <= start:
        raise Refusal(400, "times", "endTime must be after startTime.")
    return start, end - start


def _event_type(principal: Principal, booking: Booking, asked: Asked) -> EventType | None:
    if not asked.calendar_id:
        return booking.event_type
    named = finding.event_type(principal, asked.calendar_id)
    if named is None:
        raise finding.unknown("calendar")
    return named


def _moved(booking: Booking, start: int, length: int, asked: Asked, actor: Actor) -> Booking:
    if (start, start + length) == (booking.start_s, booking.end_s):
        return booking
    terms = replace(reserve.terms_of(booking), length=length)
    if asked.any_date or asked.forced:
        terms = replace(terms, earliest=0, latest=None)
    elif booking.event_type is not None:
        terms = replace(terms, notice=booking.event_type.minimum_notice * 60)
    return reserve.move(booking, terms, start, actor=actor, forced=asked.forced, notify=asked.tells)


def _terms_elsewhere(booking: Booking, event_type: EventType | None, user: Host | None, asked: Asked) -> Terms:
    """The terms under which another user or calendar may have it."""
    if event_type is not None:
        return replace(making.terms_for(event_type, booking.contact, user, asked), capacity=1)
    assert user is not None
    return replace(reserve.terms_of(booking), hosts=(user,), required=1)


def _place(booking: Booking, asked: Asked) -> Place | None:
    """Where it takes place from now on; None when nothing was said of that but perhaps an address."""
    if not (asked.place_type or asked.place_id) or booking.event_type is None:
        return None
    kept = refs.kept(SURFACE, "event_type", [booking.event_type])[booking.event_type.pk]
    return places.chosen(asked, places.configured(booking.event_type, kept, asked.user_id), booking.event_type)


def _give_room(booking: Booking, kind: str, actor: Actor) -> None:
    """Let it meet in a room of that kind, or in none."""
    event = agenda.find(booking.organisation_id, booking.pk).event
    if event is None or event.deleted_at is not None:
        return
    host = event.calendar.account.host
    room = rooms.of_booking(booking.event_type, kind, host=host, key=booking.pk) if kind else {}
    if room != event.conference:
        calendar.change(event, replace(calendar.data_of(event), conference=room), actor=actor)


def _shifted(asked: Asked, shift: int, entry: Entry) -> Asked:
    """The same change for another date of the series."""
    start = wire.Moment(entry.start_s + shift, "") if asked.start else None
    length = asked.end.at - asked.start.at if asked.end and asked.start else None
    begin = start.at if start else entry.start_s
    return replace(asked, start=start, end=wire.Moment(begin + length, "") if length else None)


def _raw(asked: Asked) -> dict[str, Any]:
    raw = dict(asked.raw)
    if asked.place_type or asked.place_id or asked.address:
        raw["meetingLocationType"] = asked.place_type or raw.get("meetingLocationType", "custom")
    if asked.start is not None:
        raw["offset"] = asked.start.offset
    if asked.end is not None or asked.start is not None:
        raw["endOffset"] = (asked.end or asked.start or wire.Moment(0, "")).offset
    if asked.user_id:
        raw["assignedUserId"] = asked.user_id
    return raw | ({"deleted": False} if asked.status == "confirmed" else {})
