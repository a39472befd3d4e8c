"""Between an event's one shape (EventData) and its rows: checking, filling, reading back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import count
from typing import Any

from bookings.engine.recurrence import RecurrenceSet, RuleError, TooMany, parse_rule, validate_written
from bookings.engine.zones import DAY, canonical, day, zone
from bookings.formats.event import EventData, Person
from bookings.formats.lines import clean
from bookings.models import Calendar, Event, Host, Participant

from .errors import Invalid

LONGEST = 2**31 - 1
_EARLIEST, _LATEST = day(1900, 1, 1) * DAY, day(2200, 1, 1) * DAY
_MAX_DATES, _MAX_PEOPLE = 5_000, 1_000
_EMAIL = re.compile(r"[^\s@]{1,64}@[^\s@]{1,255}")
_TEXTS = {"title": 1024, "location": 1024, "description": 65_536, "uid": 512, "colour": 32}
_PLAIN = (
    *("title", "description", "description_type", "location", "locations", "conference", "start_wall", "timezone"),
    *("duration", "all_day", "floating", "status", "free_busy_status", "privacy", "alerts", "use_default_alerts"),
    *("colour", "notify_guests", "raw", "recurrence_wall"),
)
_LISTS = ("recurrence_rules", "exclusion_rules", "recurrence_dates", "excluded_dates")
_CHOICES = {"status": Event.Status, "free_busy_status": Event.Busy, "privacy": Event.Privacy}


def home_zone(calendar: Calendar, host: Host) -> str:
    """The IANA zone in which a calendar's all-day and floating events are meant: its own, else its host's."""
    return canonical(calendar.timezone) or canonical(host.timezone) or "UTC"


def recurs(event: Event | EventData) -> bool:
    return bool(event.recurrence_rules or event.recurrence_dates or event.excluded_dates)


def series_of(event: Event | EventData, home: str, without: Iterable[int] = ()) -> RecurrenceSet:
    """The occurrences of an event; `without` are original starts of changed ones. Raises RuleError."""
    return RecurrenceSet(
        start=event.start_wall,
        tzid=home if event.all_day or event.floating else event.timezone,
        rules=tuple(map(parse_rule, event.recurrence_rules)),
        rdates=tuple(event.recurrence_dates),
        exdates=(*event.excluded_dates, *without),
        exrules=tuple(map(parse_rule, event.exclusion_rules)),
    )


def bounds(event: Event | EventData, home: str, start: int) -> tuple[int, int]:
    """First and end second of the occurrence that starts at that instant; all-day ones fill the home zone's days."""
    if not event.all_day:
        return start, start + event.duration
    clock = zone(home)
    first = clock.day_of(start)
    return clock.day_bounds(first)[0], clock.day_bounds(first + max(event.duration // DAY, 1))[0]


def first_bounds(event: Event | EventData, home: str) -> tuple[int, int]:
    """The bounds of DTSTART. Raises UnknownZone."""
    tzid = home if event.all_day or event.floating else event.timezone
    return bounds(event, home, zone(tzid).to_utc(event.start_wall))


def place(event: Event, home: str) -> None:
    """Work out `start_s`, `end_s` and `until_s`. Raises RuleError, UnknownZone."""
    event.start_s, event.end_s = first_bounds(event, home)
    event.until_s = event.end_s
    if recurs(event):
        try:
            last = series_of(event, home).last()
        except TooMany:
            last = None
        event.until_s = None if last is None else max(bounds(event, home, last)[1], event.end_s)


def fill(event: Event, data: EventData, home: str) -> None:
    """Give an event the whole state of `data`. Raises RuleError, UnknownZone."""
    for name in _PLAIN:
        setattr(event, name, getattr(data, name))
    for name in _LISTS:
        setattr(event, name, list(getattr(data, name)))
    event.title = clean(data.title)[:1024]
    event.location = clean(data.location)[:1024]
    event.description = clean(data.description)
    place(event, home)


def data_of(event: Event) -> EventData:
    """What an event says, outside the database."""
    values: dict[str, Any] = {name: getattr(event, name) for name in _PLAIN}
    values |= {name: tuple(getattr(event, name)) for name in _LISTS}
    attached = getattr(event, "people", None)  # of a light row
    invited = event.participants.all() if attached is None else attached
    people = sorted(invited, key=lambda one: (len(one.key), one.key))
    said = tuple(Person(p.email, p.name, p.role, p.rsvp, p.key, p.comment, p.phone) for p in people)
    return EventData(uid=event.uid, sequence=event.sequence, people=said, **values)


def people_rows(event: Event, people: Iterable[Person]) -> list[Participant]:
    """Rows of the people, unsaved; those without a key are numbered."""
    rows, taken = [], set[str]()
    for index, person in enumerate(people):
        key = person.key[:128]
        if not key or key in taken:
            key = next(free for number in count(index) if (free := f"p{number}") not in taken)
        taken.add(key)
        rows.append(
            Participant(
                organisation_id=event.organisation_id,
                event=event,
                key=key,
                email=person.email[:320],
                name=clean(person.name)[:200],
                phone=clean(person.phone)[:50],
                role=person.role,
                rsvp=person.rsvp,
                comment=clean(person.comment),
            )
        )
    return rows


def checked(data: EventData) -> None:
    """Refuse what people and programs must not write here.

    :raises Invalid: with the field's name in EventData.
    """
    for name, longest in _TEXTS.items():
        if len(getattr(data, name)) > longest:
            raise Invalid(f"At most {longest:,} characters are possible here.", field=name)
    for name, choices in _CHOICES.items():
        if getattr(data, name) not in choices.values:
            raise Invalid(f"Possible are: {', '.join(choices.values)}.", field=name)
    if data.description_type not in ("text/plain", "text/html"):
        raise Invalid("Possible are: text/plain, text/html.", field="description_type")
    _check_times(data)
    _check_rules(data)
    _check_people(data)


def _check_times(data: EventData) -> None:
    if canonical(data.timezone) != data.timezone:
        raise Invalid(f"Not a time zone name of IANA: {data.timezone[:60]}", field="timezone")
    if not _EARLIEST <= data.start_wall < _LATEST:
        raise Invalid("The start must lie between the years 1900 and 2200.", field="start_wall")
    if not 0 <= data.duration <= LONGEST:
        raise Invalid("The end must not be before the start, nor 68 years after it.", field="duration")
    if data.all_day and (data.start_wall % DAY or data.duration % DAY or not data.duration):
        raise Invalid("An all-day event starts on a day and lasts whole days.", field="duration")
    for name in ("recurrence_dates", "excluded_dates"):
        dates = getattr(data, name)
        if len(dates) > _MAX_DATES or not all(_EARLIEST <= each < _LATEST for each in dates):
            raise Invalid(f"At most {_MAX_DATES:,} dates from 1900 to 2200 are possible here.", field=name)


def _check_rules(data: EventData) -> None:
    for name in ("recurrence_rules", "exclusion_rules"):
        for text in getattr(data, name):
            try:
                validate_written(parse_rule(text))
            except RuleError as error:
                raise Invalid(str(error), field=name) from None


def is_address(text: str) -> bool:
    """Whether this can be a mail address; no more is asked than that mail programs could take it."""
    return bool(_EMAIL.fullmatch(text))


def _check_people(data: EventData) -> None:
    if len(data.people) > _MAX_PEOPLE:
        raise Invalid(f"At most {_MAX_PEOPLE:,} people are possible.", field="people")
    for person in data.people:
        if person.email and not is_address(person.email):
            raise Invalid(f"Not a mail address: {person.email[:60]}", field="people")
        if person.role not in Participant.Role.values or person.rsvp not in Participant.Rsvp.values:
            raise Invalid("Unknown role or answer.", field="people")
