"""Telling people: one message for each person and step, written with the change it tells of and sent by the worker.

The payload freezes the facts (times, place, people, what changed), so that a later change does not alter what an
earlier message says. Words, languages and calendar parts are made from it when it is sent: see bookings.mail.

Exactly one party invites. Where the receiving calendar mails the guests itself (its service invites, and the event asks
for that), our mail is a plain notice; otherwise it carries the invitation (RFC 6047).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import django.dispatch
from django.db import transaction
from django.utils.timezone import now

from bookings.formats.event import Person
from bookings.models import Account, Booking, Contact, Event, Host, Message, Organisation, SchedulerRequest, Seat

from .audit import Actor, record
from .errors import NotAllowed
from .event_rows import data_of, is_address
from .statements import Write, insertions, update, write

messages_written = django.dispatch.Signal()
"""Sent inside the transaction that wrote messages; whoever posts them wakes its worker. Arguments: none."""

BOOKED, PENDING, MOVED, CHANGED = "booked", "pending", "moved", "changed"
CANCELLED, DECLINED, REMINDER = "cancelled", "declined", "reminder"
REQUEST, WITHDRAWN, ACCOUNT, TEST = "request", "withdrawn", "account", "test"
HOST = "host_"
"""What the template of a host's notice begins with; the step follows."""

INVITING = (BOOKED, MOVED, CHANGED)
"""Steps whose mail invites (REQUEST) when the booking is firm; CANCELLED takes that back (CANCEL)."""

ROOM_WAIT_S = 60
"""How long a confirmation waits for the link of a virtual room that a calendar service makes."""

_FOR_HOSTS = (BOOKED, PENDING, MOVED, CANCELLED)
_ALONE = (PENDING, DECLINED)
"""Steps that only the customer hears of, not those who come along: the booking is not, or never was, firm."""
_UNFINISHED_ROOM = ("requested", "pending")


@dataclass(frozen=True)
class _To:
    """Somebody to be told. `key` is unique among the people of a booking."""

    key: str
    email: str
    name: str
    zone: str
    locale: str = ""
    seat: Seat | None = None


def tell(booking: Booking, step: str, *, actor: Actor, notify: bool = True, **more: Any) -> None:
    """Write what `about` says."""
    writes = about(booking, step, actor=actor, notify=notify, **more)
    if writes:
        write(*writes)


def about(
    booking: Booking,
    step: str,
    *,
    actor: Actor,
    notify: bool = True,
    firm: bool | None = None,
    hosts: Sequence[Host] | None = None,
    event: Event | None = None,
    before: Mapping[str, Any] | None = None,
) -> tuple[Write, ...]:
    """Messages to everybody concerned by a step of a booking, to be written in the transaction of the change, after it:
    the booking's revision is part of what makes each of them one of its kind.

    :param notify: False when the form or the program said that nobody is to be told.
    :param firm: whether the booking stands, or stood until now; None asks its state.
    :param hosts: who hosts, when that is at hand; likewise `event`, with its `people` and calendar.
    :param before: what was so until now: start_s, end_s, location.
    """
    if not notify:
        return ()
    hosts = list(_hosts_of(booking)) if hosts is None else hosts
    event = booking.event if event is None else event
    firm = booking.state == Booking.State.CONFIRMED if firm is None else firm
    facts = _facts(booking, hosts, event, before)
    rows = [
        _message(booking, step, to, facts | _invitation(event, step, to, firm=firm))
        for to in _customers(booking, step, event)
    ]
    if step in _FOR_HOSTS:
        rows += [_message(booking, HOST + step, to, facts) for to in _told_hosts(hosts, actor)]
    if step == BOOKED and event is not None and event.conference.get("state") in _UNFINISHED_ROOM:
        until = int(now().timestamp()) + ROOM_WAIT_S
        for row in rows:
            row.next_attempt_s = until
    return _written(rows)


def about_seat(seat: Seat, step: str, *, actor: Actor, notify: bool = True) -> tuple[Write, ...]:
    """The same for one seat of a session: nobody else's message, and an event of its own in the customer's calendar."""
    session = seat.booking
    if not notify:
        return ()
    hosts, event = list(_hosts_of(session)), session.event
    facts = _facts(session, hosts, event, None)
    to = _customer(session, seat.contact, seat)
    firm = session.state == Booking.State.CONFIRMED or step == CANCELLED
    rows = [_message(session, step, to, facts | _invitation(event, step, to, firm=firm))] if to else []
    rows += [_message(session, HOST + step, host, facts | _guest(seat.contact)) for host in _told_hosts(hosts, actor)]
    for row in rows:
        row.dedupe_key = f"{seat.pk}:{row.dedupe_key}"[:200]
    return _written(rows)


def room_ready(event: Event) -> None:
    """The room of a booking has its link: the confirmation that waited for it goes now, or else an update follows."""
    booking: Booking | None = Booking.everywhere.select_related("contact").filter(event=event).first()
    if booking is None or booking.state != Booking.State.CONFIRMED:
        return
    if not retell(booking, event):
        booking.revision += 1
        update(booking, "revision")
        tell(booking, CHANGED, actor=Actor("system"), event=event)


def retell(booking: Booking, event: Event | None) -> bool:
    """Bring what has not been sent yet of a booking up to date with what it says now; whether there was anything."""
    waiting = list(
        Message.everywhere.filter(
            booking=booking, state=Message.State.WAITING, attempt=0, kind=Message.Kind.MAIL
        ).exclude(template__contains=CANCELLED)
    )
    fresh = _facts(booking, list(_hosts_of(booking)), event, None) if waiting else {}
    for message in waiting:
        payload = message.payload | {name: value for name, value in fresh.items() if name != "before"}
        if "event" in payload and event is not None:
            payload["event"] = _as_event(event, payload.get("uid", ""))
        Message.everywhere.filter(pk=message.pk, state=Message.State.WAITING).update(payload=payload, next_attempt_s=0)
    if waiting:
        messages_written.send(sender=Message)
    return any(not message.template.startswith(HOST) for message in waiting)


def tell_request(request: SchedulerRequest, *, notify: bool = True) -> None:
    """Send the recipient of a scheduler request its link."""
    if notify:
        write(*_written([_request_message(request, REQUEST)]))


def tell_request_again(request: SchedulerRequest) -> None:
    """Send the link once more, however often that was done before."""
    message = _request_message(request, REQUEST)
    before = Message.everywhere.filter(scheduler_request=request, template=REQUEST).count()
    message.dedupe_key = f"{message.dedupe_key}:{before}" if before else message.dedupe_key
    write(*_written([message]))


def tell_withdrawn(request: SchedulerRequest, *, notify: bool = True) -> None:
    """Say that a link no longer works, to whoever has it from us; one not sent yet is not sent any more."""
    rows = Message.everywhere.filter(scheduler_request=request, template=REQUEST)
    dropped = rows.filter(state=Message.State.WAITING, attempt=0)
    dropped.update(state=Message.State.DROPPED, last_error="The request was withdrawn before.")
    if notify and rows.exclude(state=Message.State.DROPPED).exists():
        write(*_written([_request_message(request, WITHDRAWN)]))


def tell_account(account: Account, words: str) -> None:
    """Tell a host that a connected account needs them, once for each time it stops working."""
    host = account.host
    since = account.last_ok_at or account.created_at
    to = _To(str(host.pk), host.email, host.name, host.timezone)
    if not is_address(to.email):
        return
    payload = _address(to) | {"account": account.label, "service": account.get_provider_display(), "words": words}
    row = Message(
        organisation_id=account.organisation_id,
        template=ACCOUNT,
        recipient=to.email,
        payload=payload,
        dedupe_key=f"{account.pk}:{int(since.timestamp())}:{ACCOUNT}",
    )
    write(*_written([row]))


@transaction.atomic
def send_test(organisation: Organisation, email: str, *, timezone: str, actor: Actor) -> Message:
    """A mail that says nothing but that mail works."""
    row = Message(
        organisation=organisation,
        template=TEST,
        recipient=email,
        payload=_address(_To("test", email, "", timezone)),
        dedupe_key=f"{uuid.uuid4()}:{TEST}",
    )
    write(*_written([row]))
    record(actor, "message.test", row, after={"to": email[:320]})
    return row


_AGAIN = (Message.State.SENT, Message.State.UNKNOWN, Message.State.FAILED, Message.State.DROPPED)


@transaction.atomic
def send_again(message: Message, *, actor: Actor) -> None:
    """Send what was sent, refused, dropped or is in doubt once more; what waits is tried now.

    :raises NotAllowed: while it is being sent.
    """
    fresh = Message.everywhere.select_for_update().get(pk=message.pk)
    if fresh.state == Message.State.SENDING:
        raise NotAllowed("This message is being sent right now.")
    if fresh.state in _AGAIN:
        # Mail systems drop a second mail of the same id, which is right only where the first may have been lost.
        count = int(fresh.payload.get("again", 0)) + (fresh.state == Message.State.SENT)
        fresh.payload = fresh.payload | {"again": count, "asked_s": int(now().timestamp())}
        fresh.state, fresh.attempt, fresh.last_error = Message.State.WAITING, 0, ""
    fresh.next_attempt_s = 0
    fresh.save(update_fields=["payload", "state", "attempt", "last_error", "next_attempt_s"])
    record(actor, "message.again", fresh)
    messages_written.send(sender=Message)


# ── Who ──


def _hosts_of(booking: Booking) -> Iterator[Host]:
    """The hosts a booking is assigned to, in that order."""
    keys = booking.assignment.get("hosts", [])
    there = {str(host.pk): host for host in Host.everywhere.filter(pk__in=keys)}
    return (there[key] for key in keys if key in there)


def _told_hosts(hosts: Iterable[Host], actor: Actor) -> list[_To]:
    """Hosts who did not do it themselves."""
    return [
        _To(f"host-{host.pk}", host.email, host.name, host.timezone)
        for host in hosts
        if is_address(host.email) and (actor.user_id is None or host.user_id != actor.user_id)
    ]


def _customers(booking: Booking, step: str, event: Event | None) -> list[_To]:
    """The customer, or those of the seats, and who comes along."""
    if booking.seats_taken:
        seats = Seat.everywhere.select_related("contact").filter(booking=booking, cancelled_at=None)
        return [to for seat in seats if (to := _customer(booking, seat.contact, seat))]
    first = _customer(booking, booking.contact)
    found = [first] if first else []
    known = {to.email.casefold() for to in found}
    for person in () if step in _ALONE or event is None else data_of(event).people:
        if person.role == "attendee" and is_address(person.email) and person.email.casefold() not in known:
            known.add(person.email.casefold())
            found.append(_To(f"guest-{person.email.casefold()}"[:80], person.email, person.name, booking.timezone))
    return found


def _customer(booking: Booking, contact: Contact | None, seat: Seat | None = None) -> _To | None:
    if contact is None or not is_address(contact.email):
        return None
    zone = (contact.timezone if seat else "") or booking.timezone
    key = f"seat-{seat.pk}" if seat else "customer"
    return _To(key, contact.email, contact.name, zone, contact.locale, seat)


# ── What ──


def _message(booking: Booking, template: str, to: _To, facts: dict[str, Any]) -> Message:
    return Message(
        organisation_id=booking.organisation_id,
        template=template,
        recipient=to.email,
        booking_id=booking.pk,
        payload=facts | _address(to) | ({"seat": str(to.seat.pk)} if to.seat else {}),
        dedupe_key=f"{booking.pk}:{booking.revision}:{template}:{to.key}"[:200],
    )


def _written(rows: Sequence[Message]) -> tuple[Write, ...]:
    if not rows:
        return ()
    messages_written.send(sender=Message)
    return (insertions(rows),)


def _address(to: _To) -> dict[str, Any]:
    return {"to": to.key, "name": to.name, "zone": to.zone, "locale": to.locale}


def _guest(contact: Contact | None) -> dict[str, Any]:
    return {
        "customer": (contact.name or contact.email) if contact else "",
        "customer_email": contact.email if contact else "",
    }


def _facts(
    booking: Booking, hosts: Sequence[Host], event: Event | None, before: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What a message says of a booking, whoever reads it."""
    room = event.conference if event is not None else {}
    kind = booking.event_type.place if booking.event_type_id and booking.event_type else ""
    first = hosts[0] if hosts else None
    is_place = bool(booking.location) and "://" not in booking.location
    return _guest(booking.contact) | {
        "title": booking.title,
        "start_s": booking.start_s,
        "end_s": booking.end_s,
        "hosts": [host.name for host in hosts],
        "host_email": first.email if first else "",
        "venue_zone": first.timezone if first else booking.timezone,
        "description": booking.description,
        "location": booking.location,
        "room": str(room.get("url", "")),
        "room_follows": room.get("state") in _UNFINISHED_ROOM,
        "in_person": kind == "in_person" or (not kind and not room and is_place),
        "reason": booking.cancel_reason,
        "by": booking.cancelled_by,
        "before": dict(before or {}),
    }


def _invitation(event: Event | None, step: str, to: _To, *, firm: bool) -> dict[str, Any]:
    """The calendar part of a mail: its method and the event as it is now; nothing where somebody else invites."""
    method = "REQUEST" if step in INVITING else "CANCEL" if step == CANCELLED else ""
    if event is None or not (method and firm) or _invited_elsewhere(event):
        return {}
    if to.seat is None:
        return {"method": method, "event": _as_event(event)}
    # A seat is an event of its own: strangers share the session, and taking a seat again begins anew.
    uid = f"{to.seat.pk}@{event.uid.rpartition('@')[2]}"
    data = _as_event(event, uid)
    if method == "CANCEL":
        data["sequence"] += 1
    data["people"] = [each for each in data["people"] if each[2] != "attendee"]
    data["people"].append([to.email, to.name, "attendee", "needs-action"])
    return {"method": method, "uid": uid, "event": data}


def _invited_elsewhere(event: Event) -> bool:
    """Whether the service of the event's own calendar mails the guests."""
    return event.notify_guests and bool(event.calendar.account.capabilities.get("invites"))


def _as_event(event: Event, uid: str = "") -> dict[str, Any]:
    data = data_of(event)
    people: list[Person] = list(data.people)
    return {
        "uid": uid or data.uid,
        "sequence": data.sequence,
        "title": data.title,
        "description": data.description,
        "description_type": data.description_type,
        "location": data.location,
        "conference": data.conference,
        "start_wall": data.start_wall,
        "timezone": data.timezone,
        "duration": data.duration,
        "people": [[person.email, person.name, person.role, person.rsvp] for person in people],
    }


def _request_message(request: SchedulerRequest, template: str) -> Message:
    host = request.host
    payload = {
        "to": "recipient",
        "name": request.recipient_name,
        "zone": host.timezone if host else "UTC",
        "locale": request.locale,
        "title": request.summary,
        "description": request.description,
        "minutes": request.duration,
        "hosts": [host.name] if host else [],
        "host_email": host.email if host else "",
        "location": request.location,
        "expires_s": int(request.expires_at.timestamp()),
    }
    return Message(
        organisation_id=request.organisation_id,
        template=template,
        recipient=request.recipient_email,
        scheduler_request=request,
        payload=payload,
        dedupe_key=f"{request.pk}:{template}",
    )
