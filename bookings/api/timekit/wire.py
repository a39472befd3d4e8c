"""Timekit's words, both ways. Nothing outside this folder knows them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bookings.api.reader import Reader
from bookings.api.refusals import Problem
from bookings.api.timekit.constraints import Rules, of_week
from bookings.api.timekit.times import Clock, Stamp, Unreadable
from bookings.domain.agenda import Entry
from bookings.domain.errors import SlotTaken
from bookings.domain.event_rows import home_zone, is_address
from bookings.engine.zones import ymd, zone
from bookings.models import Account, Calendar, Event, Host, Participant

SURFACE = "timekit"

Names = dict[uuid.UUID, str]
"""What our objects are called here, by our ids."""

CLOCK_HEADERS = ("InputTimestampFormat", "OutputTimestampFormat", "Timezone")

EVENT_FIELDS = {
    "title": "what",
    "location": "where",
    "start_wall": "start",
    "duration": "end",
    "people": "participants",
}
BOOKING_FIELDS = EVENT_FIELDS | {
    "email": "customer.email",
    "name": "customer.name",
    "phone": "customer.phone",
    "timezone": "customer.timezone",
    "host": "resource_id",
    "event_type": "project_id",
}
RESOURCE_FIELDS = {"weekly": "availability_constraints", "days": "availability_constraints"}
CALENDAR_FIELDS = {"colour": "backgroundcolor"}
PROJECT_FIELDS = {
    "durations": "availability.length",
    "buffer_before": "availability.buffer",
    "buffer_after": "availability.buffer",
    "slot_interval": "availability.timeslot_increments",
    "minimum_notice": "availability.from",
    "window_days": "availability.to",
    "place_detail": "booking.where",
    "team": "resources",
    "weekly": "availability_constraints",
}
"""Where the domain's fields stand in the bodies of each kind."""

RSVP = {
    "accepted": Participant.Rsvp.ACCEPTED,
    "needsAction": Participant.Rsvp.NEEDS_ACTION,
    "declined": Participant.Rsvp.DECLINED,
    "tentative": Participant.Rsvp.TENTATIVE,
}
_RSVP_SHOWN: dict[str, str] = {ours: theirs for theirs, ours in RSVP.items()}

NOT_BLOCKING = ("free", "transparent", "ignore_availability", "ignored")
"""Names that clients give the flag "will not block availability"; the vendor's page lost its own."""

_TRUTH = {True: True, False: False, "1": True, "0": False, "true": True, "false": False}


def problems(found: Sequence[Problem]) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    for problem in found:
        errors.setdefault(problem.path or "request", []).append(problem.message)
    return errors


def taken(refusal: SlotTaken) -> dict[str, Any]:
    """A time that cannot be had; beside the vendor's shape, why and which times could be."""
    free = [datetime.fromtimestamp(start, UTC).isoformat() for start in refusal.next_free]
    return {"errors": {"start": [refusal.message]}, "reason": refusal.reason, "next_free": free}


def flag(body: dict[str, Any], name: str, reader: Reader) -> bool | None:
    """A truth value as the vendor's framework takes it; None when it is not given."""
    value = body.get(name)
    if value is None:
        return None
    known = _TRUTH.get(value) if isinstance(value, (bool, int, str)) else None
    if known is None:
        reader.wrong(name, "invalid", f"{name} must be true or false.")
    return known


def stamp(body: dict[str, Any], name: str, reader: Reader, clock: Clock, *, required: bool = False) -> Stamp | None:
    """A timestamp of a body; None when it is not given or cannot be read."""
    value = body.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)  # an input format may be U, seconds since 1970
    text = reader.text({name: value}, name, name, required=required)
    if not text.strip():
        return None
    try:
        return clock.read(text)
    except Unreadable as error:
        reader.wrong(name, "invalid", f"{name} {error}.")
        return None


# ── Events ──


@dataclass(frozen=True)
class AskedEvent:
    """What a request says of an event; None for what it does not say. `timezone` is in which it says times."""

    timezone: str
    start: Stamp | None
    end: Stamp | None
    what: str | None
    where: str | None
    description: str | None
    participants: tuple[str, ...] | None
    invite: bool | None
    my_rsvp: str | None
    all_day: bool | None
    free: bool | None


def read_event(body: dict[str, Any], reader: Reader, clock: Clock, *, whole: bool) -> AskedEvent:
    """Read what to make (`whole`: what is required must be there) or to change. Problems go to the reader."""
    free = [told for name in NOT_BLOCKING if (told := flag(body, name, reader)) is not None]
    return AskedEvent(
        timezone=clock.timezone,
        start=stamp(body, "start", reader, clock, required=whole),
        end=stamp(body, "end", reader, clock, required=whole),
        what=said(body, "what", reader, required=whole or "what" in body, longest=1024),
        where=said(body, "where", reader, required=whole or "where" in body, longest=1024),
        description=said(body, "description", reader, one_line=False),
        participants=addresses(body, "participants", reader),
        invite=flag(body, "invite", reader),
        my_rsvp=my_rsvp(body, reader),
        all_day=flag(body, "all_day", reader),
        free=any(free) if free else None,
    )


def said(body: dict[str, Any], name: str, reader: Reader, **limits: Any) -> str | None:
    """A text of a body; None when it is not given."""
    text = reader.text(body, name, name, **limits)
    return None if body.get(name) is None else text


def addresses(body: dict[str, Any], name: str, reader: Reader) -> tuple[str, ...] | None:
    """E-mail addresses, each once; None when they are not given."""
    if body.get(name) is None:
        return None
    found: dict[str, str] = {}
    for index, each in enumerate(reader.array(body, name, name)):
        if isinstance(each, str) and is_address(each.strip()):
            found.setdefault(each.strip().casefold(), each.strip())
        else:
            reader.wrong(f"{name}.{index}", "invalid", f"{name}.{index} must be an e-mail address.")
    return tuple(found.values())


def my_rsvp(body: dict[str, Any], reader: Reader) -> str | None:
    given = reader.text(body, "my_rsvp", "my_rsvp")
    if given and given not in RSVP:
        reader.wrong("my_rsvp", "invalid", f"my_rsvp must be one of {', '.join(RSVP)}.")
    return given or None


@dataclass(frozen=True)
class Named:
    """What names an event here: the event itself, or the series that it is an occurrence of."""

    pk: uuid.UUID
    organisation_id: uuid.UUID


def naming(found: Event) -> Named:
    return Named(found.master_id or found.pk, found.organisation_id)


def event_key(entry: Entry, names: Names) -> str:
    """What an event is called here. Each occurrence of a series is called after the series and its original start, so
    that its name stays when it is changed."""
    assert entry.event is not None
    base = names[naming(entry.event).pk]
    return base if entry.recurrence_wall is None else f"{base}_{entry.recurrence_wall}"


def split_key(external_id: str) -> tuple[str, int | None]:
    """The name of an event, and which occurrence of it is meant, if one is."""
    base, mark, number = external_id.partition("_")
    if mark and number.lstrip("-").isdecimal() and number.isascii() and len(number) < 14:
        return base, int(number)
    return external_id, None


def event(entry: Entry, names: Names, clock: Clock, *, public: bool = False) -> dict[str, Any]:
    """One event, of an entry that has one. `public`: as a page may see it."""
    thing = entry.event
    assert thing is not None
    place = thing.calendar
    owner = place.account.host
    home = home_zone(place, owner)
    return {
        "id": event_key(entry, names),
        "what": entry.title,
        "where": entry.location,
        "description": entry.description,
        "start": clock.show(entry.start_s, home),
        "end": clock.show(entry.end_s, home),
        "all_day": thing.all_day,
        "participants": participants(entry, public=public),
        "invite": thing.notify_guests,
        "rsvp": rsvp(entry, owner),
        "free": thing.free_busy_status == Event.Busy.FREE,
        "status": entry.status,
        "calendar_id": names[place.pk],
        "calendar": calendar(place, names, clock, public=public),
        "resource_id": names[owner.pk],
        "created_at": clock.noted(thing.created_at.timestamp()),
        "updated_at": clock.noted(thing.updated_at.timestamp()),
    }


def participants(entry: Entry, *, public: bool = False) -> list[str]:
    """`public`: without those who host, whose addresses a page need not know."""
    return [person.email for person in entry.people if person.email and not (public and person.role != "attendee")]


def rsvp(entry: Entry, owner: Host) -> str:
    """How the owner of the calendar answered; who is not among the participants has accepted."""
    for person in entry.people:
        if person.email and person.email.casefold() == owner.email.casefold():
            return _RSVP_SHOWN.get(person.rsvp, "needsAction")
    return "accepted"


# ── Calendars ──


def calendar(place: Calendar, names: Names, clock: Clock, *, public: bool = False) -> dict[str, Any]:
    """`public`: without how it is connected, which a page need not know."""
    if public:
        return {"id": names[place.pk], "name": place.name, "display_name": place.name}
    local = place.account.provider == Account.Provider.LOCAL
    made = clock.noted(place.account.created_at.timestamp())
    return {
        "id": names[place.pk],
        "name": place.name,
        "display_name": place.name,
        "description": "",
        "foregroundcolor": "#000000",
        "backgroundcolor": place.colour or "#ffffff",
        "provider": None if local else place.account.provider,
        "provider_id": None if local else place.external_id,
        "provider_access": "owner" if place.is_writable else "reader",
        "provider_primary": place.is_primary,
        "provider_sync": place.blocks,
        "created_at": made,
        "updated_at": made,
    }


# ── Resources ──


def bookable(host: Host, names: Names) -> dict[str, Any]:
    """A resource as a slot names it: what anybody on a web page may know."""
    return {"id": names[host.pk], "name": host.name, "timezone": host.timezone}


def resource(
    host: Host, calendars: Sequence[Calendar], names: Names, kept: dict[str, Any], clock: Clock
) -> dict[str, Any]:
    first, _, last = host.name.partition(" ")
    made = clock.noted(host.created_at.timestamp())
    return {
        "id": names[host.pk],
        "first_name": first,
        "last_name": last,
        "name": host.name,
        "email": host.email,
        "timezone": host.timezone,
        "image": kept.get("image"),
        "meta": kept.get("meta", {}),
        "availability_constraints": _constraints(host, kept),
        "calendars": [calendar(place, names, clock) for place in calendars],
        "created_at": made,
        "updated_at": made,
    }


def _constraints(host: Host, kept: dict[str, Any]) -> list[Any]:
    """As they were written, while the hours are still those they mean; otherwise the hours as they are."""
    week = host.schedule.weekly
    if "constraints" in kept and kept.get("week") == week:
        said: list[Any] = kept["constraints"]
        return said
    return [] if week == Rules().usual_week else of_week(week)


def date_of(instant: int, tzid: str) -> str:
    """The local date of an instant."""
    return "{:04}-{:02}-{:02}".format(*ymd(zone(tzid).day_of(instant)))
