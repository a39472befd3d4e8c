"""What customers do with their own booking or seat, by the link that only they have."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from django.utils.timezone import now as utc_now

from bookings.formats.event import Person
from bookings.models import AuditEntry, Booking, Contact, Host, Participant, Seat

from . import availability, calendar, links, requests, reserve, rsvp
from .audit import CUSTOMER, Actor
from .availability import Terms
from .errors import Invalid, LinkClosed, NotAllowed
from .event_rows import is_address
from .ledger import Wish
from .public import MOST_GUESTS

Why = Literal["", "over", "late", "moves", "ended"]
"""Why nothing can be changed: it has begun, it begins too soon, it was moved often enough, it is not live."""

_RELATED = (
    "organisation",
    "event__calendar__account__host",
    "contact",
    "event_type__organisation",
    "scheduler_request",
)


@dataclass(frozen=True)
class Mine:
    """A booking as one customer sees it; with `seat` for one seat of a session."""

    booking: Booking
    hosts: tuple[Host, ...]
    seat: Seat | None = None

    @property
    def contact(self) -> Contact | None:
        return self.seat.contact if self.seat else self.booking.contact

    @property
    def timezone(self) -> str:
        """The customer's IANA zone."""
        said = self.seat.contact.timezone if self.seat else ""
        return said or self.booking.timezone

    @property
    def is_cancelled(self) -> bool:
        ended = (Booking.State.CANCELLED, Booking.State.DECLINED, Booking.State.RESCHEDULED, Booking.State.INVALID)
        return self.booking.state in ended or (self.seat is not None and self.seat.cancelled_at is not None)

    @property
    def waits(self) -> bool:
        """Whether staff still have to confirm it."""
        return self.booking.state in (Booking.State.HELD, Booking.State.REQUESTED)

    @property
    def link(self) -> str:
        return links.seat_url(self.seat.pk) if self.seat else links.manage_url(self.booking.pk)


@dataclass(frozen=True)
class Policy:
    """Why the customer may not move or cancel now, if so. Changes are possible until `closes_s` (UTC seconds)."""

    no_move: Why
    no_cancel: Why
    closes_s: int


def find(token: str) -> Mine:
    """The booking or seat behind a manage link, whatever became of it. Changes nothing.

    :raises LinkClosed: for an unknown link.
    """
    digest = links.digest(token)
    booking: Booking | None = Booking.everywhere.select_related(*_RELATED).filter(manage_digest=digest).first()
    if booking is not None:
        return Mine(booking, _hosts(booking))
    related = ("contact", "booking", *(f"booking__{name}" for name in _RELATED if name != "contact"))
    seat: Seat | None = Seat.everywhere.select_related(*related).filter(manage_digest=digest).first()
    if seat is None:
        raise LinkClosed("This link is not known.")
    return Mine(seat.booking, _hosts(seat.booking), seat)


def policy(mine: Mine) -> Policy:
    """What the event type lets the customer change now."""
    booking, event_type = mine.booking, mine.booking.event_type
    closes = booking.start_s - (event_type.change_notice * 60 if event_type else 0)
    moment = utc_now().timestamp()
    why: Why = ""
    if mine.is_cancelled:
        why = "ended"
    elif moment >= booking.start_s:
        why = "over"
    elif moment >= closes:
        why = "late"
    waits = booking.state == Booking.State.REQUESTED
    return Policy(why or ("ended" if waits else "") or _moved_enough(mine), why, closes)


def terms(mine: Mine) -> Terms:
    """Under which rules the customer may choose another time: those of the first choice, with the same hosts."""
    booking = mine.booking
    if booking.scheduler_request is not None:
        found = requests.terms(booking.scheduler_request)
    elif booking.event_type is not None:
        minutes = (booking.end_s - booking.start_s) // 60
        found = availability.of_event_type(booking.event_type, minutes=minutes)
    else:
        found = reserve.terms_of(booking)
    found = replace(found, length=booking.end_s - booking.start_s)
    if mine.seat is not None:
        return found
    hosts = mine.hosts
    return replace(found, hosts=hosts, required=len(hosts), preference=(), capacity=1, ignore_booking=booking.pk)


def move(mine: Mine, start: int, *, actor: Actor = CUSTOMER) -> Mine:
    """Take another time (UTC seconds) instead. A seat moves to another session, and has another link then.

    :raises SlotTaken: with the next free starts; nothing has changed then.
    :raises NotAllowed: when it may not be moved.
    """
    _require(policy(mine).no_move)
    if start == mine.booking.start_s:
        return mine
    if mine.seat is None:
        return replace(mine, booking=reserve.move(mine.booking, terms(mine), start, actor=actor))
    return _move_seat(mine, mine.seat, start, actor)


def cancel(mine: Mine, *, reason: str = "", actor: Actor = CUSTOMER) -> None:
    """Give the time, or the seat, back. Twice is once.

    :raises NotAllowed: when it may not be cancelled any more.
    """
    if mine.is_cancelled:
        return
    _require(policy(mine).no_cancel)
    if mine.seat is not None:
        reserve.leave_seat(mine.seat, by=Booking.By.INVITEE, actor=actor, reason=reason)
    else:
        reserve.cancel(mine.booking, by=Booking.By.INVITEE, actor=actor, reason=reason)


def can_return(mine: Mine) -> bool:
    """Whether what the customer cancelled can still be taken back: its time is free, and nobody has to agree."""
    booking = mine.booking
    if mine.seat is not None or booking.state != Booking.State.CANCELLED or booking.cancelled_by != Booking.By.INVITEE:
        return False
    asks = booking.event_type is not None and booking.event_type.needs_confirmation
    if asks or booking.start_s <= utc_now().timestamp() or not mine.hosts or _chose_again(booking):
        return False
    return availability.check(reserve.terms_of(booking), booking.start_s).ok


def take_back(mine: Mine, *, actor: Actor = CUSTOMER) -> None:
    """Have what one cancelled again.

    :raises SlotTaken: when somebody else has the time by now.
    :raises NotAllowed: when it cannot be taken back.
    """
    if mine.booking.state == Booking.State.CONFIRMED:
        return
    if not can_return(mine):
        raise NotAllowed("This booking cannot be taken back any more.")
    reserve.confirm(mine.booking, actor=actor)


def guests(mine: Mine) -> list[Person]:
    """Who comes along with the customer; nobody for a seat, whose people are strangers to each other."""
    event = mine.booking.event
    if event is None or mine.seat is not None:
        return []
    return [person for person in calendar.data_of(event).people if _is_guest(person)]


def add_guests(mine: Mine, addresses: Sequence[str], *, actor: Actor = CUSTOMER) -> None:
    """Let more people come along; those who do already are not asked again.

    :raises Invalid: field `guests`, for what is no address or too many.
    :raises NotAllowed: when the booking cannot be changed.
    """
    _require(policy(mine).no_cancel)
    event = mine.booking.event
    if event is None or event.deleted_at or mine.seat is not None:
        raise NotAllowed("Nobody can be added to this booking.")
    for address in addresses:
        if not is_address(address):
            raise Invalid(f"Not a mail address: {address[:60]}", field="guests")
    data = calendar.data_of(event)
    known = {person.email.casefold() for person in data.people}
    fresh = list(dict.fromkeys(each for each in map(str.casefold, addresses) if each not in known))
    if sum(map(_is_guest, data.people)) + len(fresh) > MOST_GUESTS:
        raise Invalid(f"At most {MOST_GUESTS} guests can come along.", field="guests")
    if fresh:
        people = (*data.people, *(Person(address, key=f"guest-{address[:100]}") for address in fresh))
        calendar.change(event, replace(data, people=people), actor=actor)


def find_guest(token: str) -> tuple[Mine, Person]:
    """The booking a guest was asked to, and who they are there.

    :raises LinkClosed: for a link that is not genuine, or of somebody who was taken off.
    """
    key = links.guest_booking(token)
    booking: Booking | None = Booking.everywhere.select_related(*_RELATED).filter(pk=key).first() if key else None
    if booking is not None:
        mine = Mine(booking, _hosts(booking))
        for person in guests(mine):
            if hmac.compare_digest(links.guest_token(booking.pk, person.email).encode(), token.encode()):
                return mine, person
    raise LinkClosed("This link is not known.")


def answer(mine: Mine, guest: Person, status: str, *, comment: str = "", actor: Actor = CUSTOMER) -> None:
    """Note whether a guest comes; `status` is one of Participant.Rsvp.

    :raises NotAllowed: for what is over or cancelled.
    """
    if mine.is_cancelled or mine.booking.event is None or mine.booking.start_s <= utc_now().timestamp():
        raise NotAllowed("This booking takes no more answers.")
    rsvp.answer(mine.booking.event, guest.email, status, comment=comment, actor=actor)


def export(mine: Mine) -> dict[str, Any]:
    """Everything that is kept about this customer and booking, for the customer."""
    booking, contact = mine.booking, mine.contact
    answers = booking.answers.get(f"seat-{mine.seat.number}", {}) if mine.seat else booking.answers
    rows = AuditEntry.everywhere.filter(object_id=mine.seat.pk if mine.seat else booking.pk).order_by("at")
    return {
        "booking": {
            "title": booking.event_type.name if mine.seat and booking.event_type else booking.title,
            "description": booking.description,
            "place": booking.location,
            "start": _iso(booking.start_s),
            "end": _iso(booking.end_s),
            "timezone": mine.timezone,
            "state": Booking.State.CANCELLED if mine.is_cancelled else booking.state,
            "cancel_reason": booking.cancel_reason if booking.cancelled_by == Booking.By.INVITEE else "",
            "booked_at": booking.created_at.isoformat(),
            "answers": answers,
        },
        "you": {
            name: getattr(contact, name) if contact else "" for name in ("name", "email", "phone", "timezone", "locale")
        },
        "with": [host.name for host in mine.hosts],
        "guests": [{"email": each.email, "name": each.name, "answer": each.rsvp} for each in guests(mine)],
        "history": [{"at": at.isoformat(), "what": what} for at, what in rows.values_list("at", "action")],
    }


def _hosts(booking: Booking) -> tuple[Host, ...]:
    rows = Host.everywhere.select_related("schedule").filter(pk__in=booking.assignment.get("hosts", []))
    return tuple(rows.order_by("pk"))


def _require(why: Why) -> None:
    words = {
        "over": "This booking has begun already.",
        "late": "It is too late to change this booking.",
        "moves": "This booking was moved as often as it can be.",
        "ended": "This booking is not live.",
    }
    if why:
        raise NotAllowed(words[why], code=why)


def _moved_enough(mine: Mine) -> Why:
    event_type = mine.booking.event_type
    if event_type is None or event_type.most_moves is None:
        return ""
    moves = AuditEntry.everywhere.filter(
        object_id=mine.booking.pk, action="booking.moved", actor=CUSTOMER.label
    ).count()
    return "moves" if moves >= event_type.most_moves else ""


def _move_seat(mine: Mine, seat: Seat, start: int, actor: Actor) -> Mine:
    """The new seat first: who cannot have it keeps the old one."""
    session = mine.booking
    wish = Wish(
        session.title,
        mine.timezone,
        contact=seat.contact,
        description=session.description,
        surface=session.surface,
        event_type=session.event_type,
        group_rule=session.group_rule,
    )
    fresh = reserve.take_seat(session.organisation, terms(mine), start, wish, actor=actor)
    reserve.leave_seat(seat, by=Booking.By.INVITEE, actor=actor, reason="Moved to another session")
    if said := session.answers.get(f"seat-{seat.number}"):
        answers = fresh.booking.answers | {f"seat-{fresh.number}": said}
        reserve.describe(fresh.booking, answers=answers, actor=actor)
    return Mine(fresh.booking, _hosts(fresh.booking), fresh)


def _chose_again(booking: Booking) -> bool:
    request = booking.scheduler_request
    return request is not None and request.state != request.State.OPEN


def _is_guest(person: Person) -> bool:
    return person.role == Participant.Role.ATTENDEE and person.key != "guest" and bool(person.email)


def _iso(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()
