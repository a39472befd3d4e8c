"""iCalendar text (RFC 5545, 7986) into events. Behind bookings.formats.icalendar."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from bookings.engine.recurrence import RuleError, parse_rule
from bookings.engine.zones import DAY, UnknownZone, zone

from .event import DECLINED, EARLIEST, LATEST, EventData, Person, is_datable
from .ical_parts import MAPPED, alerts_of, conference_of, people_of, unmapped
from .ical_series import FOLLOWING, IMPLIED, MAX_OVERRIDES, ONE, Changed, Moment, join
from .lines import Component, Line, Malformed, read, unescape
from .times import read_day, read_duration, read_wall
from .vtimezone import match
from .zone_names import known, told_by_offset

MAX_DATES = 5_000
LONGEST = 2**31 - 1
"""Seconds: what the table holds, 68 years."""

_STATUS = {"CANCELLED": "cancelled", "TENTATIVE": "tentative"}
_PRIVACY = {"PRIVATE": "private", "CONFIDENTIAL": "secret"}
_CDO_STATUS = {"FREE": "free", "TENTATIVE": "tentative", "OOF": "away"}
_FREEBUSY = {"FREE": "free", "BUSY-TENTATIVE": "tentative", "BUSY-UNAVAILABLE": "away"}


@dataclass(frozen=True)
class Problem:
    """An event that could not be used. `reason` is for people; `start_s` its start in UTC seconds where readable,
    so that at least that day can be kept busy."""

    uid: str
    reason: str
    start_s: int | None = None


@dataclass
class Parsed:
    """What a file holds: masters before the changed occurrences of their series, and what could not be used."""

    events: list[EventData] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    method: str = ""
    timezone: str = ""
    """The calendar's own zone (X-WR-TIMEZONE), where it says."""
    complete: bool = True
    """False when the file ends in the middle: what is not in it may still exist."""


class _Unusable(Exception):
    """One event cannot be used; the text says why."""


def parse(source: str | bytes, *, default_timezone: str, owner_emails: Collection[str] = ()) -> Parsed:
    """Read a calendar file: a resource of a CalDAV server, a feed, an attachment.

    One event that cannot be used becomes a Problem and never costs the others.

    :param default_timezone: IANA zone of floating times and dates, unless the file names its own.
    :param owner_emails: addresses of the calendar's owner: an invitation they declined is marked as such.
    :raises Malformed: when nothing can be read, or the file is beyond 5 MB or 20,000 components.
    """
    calendars = [component for component in read(source) if component.name in ("VCALENDAR", "VEVENT", "VFREEBUSY")]
    if not calendars:
        raise Malformed("This is not an iCalendar file.")
    parsed = Parsed()
    changed: list[Changed] = []
    for calendar in calendars:
        changed += _Reader(calendar, default_timezone, owner_emails, parsed).read()
    parsed.events, beyond = join(parsed.events, changed)
    reason = f"The series has more than {MAX_OVERRIDES:,} changed occurrences; the others are read as first planned."
    parsed.problems += [Problem(uid, reason) for uid in beyond]
    return parsed


class _Reader:
    """Reads one VCALENDAR (or a lone VEVENT) into a Parsed."""

    def __init__(self, calendar: Component, default: str, owners: Collection[str], parsed: Parsed) -> None:
        self.calendar = calendar
        self.parsed = parsed
        self.owners = frozenset(email.casefold() for email in owners)
        self.zones: dict[str, str] = {}
        own = calendar.first("X-WR-TIMEZONE")
        named = known(own.value) if own else None
        parsed.timezone = parsed.timezone or named or ""
        self.default = named or default
        self.changed: list[Changed] = []
        self.definitions = {part.text("TZID").strip(): part for part in calendar.parts if part.name == "VTIMEZONE"}

    def read(self) -> list[Changed]:
        """Put masters and problems into the Parsed; return the changed occurrences."""
        self.parsed.method = self.parsed.method or self.calendar.text("METHOD").upper()
        self.parsed.complete = self.parsed.complete and not self.calendar.faults
        parts = self.calendar.parts if self.calendar.name == "VCALENDAR" else [self.calendar]
        for part in parts:
            if part.name == "VEVENT":
                self._take(part)
            elif part.name == "VFREEBUSY":
                self._take_periods(part)
        return self.changed

    def _take(self, part: Component) -> None:
        try:
            if part.faults:
                raise _Unusable(part.faults[0])
            event = self._event(part)
            if not is_datable(event):
                raise _Unusable("It does not lie between the years 2 and 9998.")
            if replaced := part.first("RECURRENCE-ID"):
                self._change(event, replaced)
            else:
                self.changed += list(self._periods(part, event))
                self.parsed.events.append(event)
        except (_Unusable, RuleError, UnknownZone) as fault:
            self.parsed.problems.append(Problem(part.text("UID"), str(fault)[:300], self._readable_start(part)))

    def _readable_start(self, part: Component) -> int | None:
        for line in filter(None, map(part.first, ("DTSTART", "RECURRENCE-ID"))):
            try:
                if (moment := self._readable(line)) and EARLIEST <= moment.wall <= LATEST:
                    return self._instant(moment)
            except UnknownZone:
                continue
        return None

    def _readable(self, line: Line) -> Moment | None:
        """The time of a line, or at least its date."""
        try:
            return self._moment(line)
        except _Unusable:
            day = read_day(line.value)
            return None if day is None else Moment(day, None, True)

    # ── Times ──

    def _zone_of(self, tzid: str, wall: int) -> str | None:
        """The IANA zone a TZID means; None, so that the time floats, when nothing tells."""
        name = unescape(tzid).strip()
        if not name:
            return None
        if name not in self.zones:
            definition = self.definitions.get(name)
            found = known(name) or (match(definition, wall, self.default) if definition else None)
            self.zones[name] = found or told_by_offset(name, self.default) or ""
        return self.zones[name] or None

    def _moment(self, line: Line, value: str | None = None) -> Moment:
        text = (line.value if value is None else value).strip().upper()
        at = read_wall(text)
        if at is None:
            raise _Unusable(f"{line.name} is not a time: {text[:40]}")
        if "T" not in text:
            return Moment(at, None, True)
        return Moment(at, "UTC" if text.endswith("Z") else self._zone_of(line.params.get("TZID", ""), at), False)

    def _instant(self, moment: Moment) -> int:
        return zone(moment.tzid or self.default).to_utc(moment.wall)

    def _wall_in(self, moment: Moment, tzid: str, start: Moment) -> int:
        """A moment as wall seconds in the event's zone; where one of date and time was meant, that is mended."""
        if start.is_date:
            return moment.day_in(tzid)
        if moment.is_date:
            return moment.wall + start.wall % DAY
        return moment.wall if moment.tzid in (None, tzid) else zone(tzid).to_wall(self._instant(moment))

    def _length(self, part: Component, start: Moment) -> int:
        """Elapsed seconds; whole days of 86,400 s for dates (RFC 5545 3.6.1)."""
        end, lasting = part.first("DTEND"), part.first("DURATION")
        if end:
            length = self._until(self._moment(end), start)
        elif lasting:
            length = self._lasting(start, lasting.value)
        else:
            length = DAY if start.is_date else 0
        if length < 0:
            raise _Unusable("It ends before it starts.")
        if length > LONGEST:
            raise _Unusable("It lasts longer than 68 years.")
        # An end on the same date is wrong, but meant as that day.
        return max(-(-length // DAY) * DAY, DAY) if start.is_date else length

    def _until(self, end: Moment, start: Moment) -> int:
        if start.is_date:
            return end.wall - start.wall
        return self._instant(end._replace(tzid=end.tzid or start.tzid)) - self._instant(start)

    def _lasting(self, start: Moment, text: str) -> int:
        duration = read_duration(text)
        if duration is None:
            raise _Unusable(f"DURATION is not a duration: {text[:40]}")
        days, seconds = duration
        if start.is_date:
            return days * DAY + seconds
        try:
            return self._instant(start._replace(wall=start.wall + days * DAY)) + seconds - self._instant(start)
        except OverflowError:
            raise _Unusable("It lasts too long.") from None

    def _rule(self, text: str, start: Moment) -> str:
        rule = parse_rule(text)
        if start.is_date and rule.until is not None and rule.until_kind == "utc":
            # Its last second means a day as its midnight does.
            until = rule.until - (DAY - 1 if rule.until % DAY == DAY - 1 else 0)
            rule = replace(rule, until=Moment(until, "UTC", False).day_in(self.default), until_kind="date")
        return str(rule)

    def _dates(self, part: Component, name: str, tzid: str, start: Moment) -> tuple[int, ...]:
        found: set[int] = set()
        for line in part.all(name):
            for value in line.value.split(","):
                if value.strip():
                    found.add(self._wall_in(self._moment(line, value.split("/")[0]), tzid, start))
                if len(found) > MAX_DATES:
                    raise _Unusable(f"It has more than {MAX_DATES:,} {name} dates.")
        return tuple(sorted(found))

    # ── Events ──

    def _event(self, part: Component) -> EventData:
        line = part.first("DTSTART")
        if line is None:
            raise _Unusable("It has no start.")
        start = self._moment(line)
        tzid = start.tzid or self.default
        people = people_of(part)
        said, conference = self._said(part, people), conference_of(part)
        if (url := conference.get("url")) and said["location"] == url:
            said["location"] = ""
        return EventData(
            start_wall=start.wall,
            timezone=tzid,
            duration=self._length(part, start),
            all_day=start.is_date,
            floating=start.tzid is None and not start.is_date,
            uid=part.text("UID").strip()[:512] or _uid_for(part, line),
            conference=conference,
            recurrence_rules=tuple(self._rule(each.value, start) for each in part.all("RRULE")),
            exclusion_rules=tuple(self._rule(each.value, start) for each in part.all("EXRULE")),
            recurrence_dates=self._dates(part, "RDATE", tzid, start),
            excluded_dates=self._dates(part, "EXDATE", tzid, start),
            people=people,
            alerts=alerts_of(part),
            **said,
        )

    def _change(self, event: EventData, replaced: Line) -> None:
        origin = self._moment(replaced)
        reach = replaced.params.get("RANGE", "").strip().upper()
        if reach not in ("", "THISANDFUTURE"):
            reason = "A change of this and all earlier occurrences is read as a change of this one."
            self.parsed.problems.append(Problem(event.uid, reason))
        self.changed.append(Changed(_single(event), origin, FOLLOWING if reach == "THISANDFUTURE" else ONE))

    def _periods(self, part: Component, event: EventData) -> Iterator[Changed]:
        """Additional occurrences that have a length of their own (RFC 5545 3.8.5.2)."""
        for line in part.all("RDATE"):
            for begin, slash, end in (value.partition("/") for value in line.value.split(",")):
                if not slash or event.all_day:
                    continue
                start = self._moment(line, begin)
                length = self._period_length(line, start, end)
                if length != event.duration:
                    wall = self._wall_in(start, event.timezone, start)
                    yield Changed(replace(_single(event), start_wall=wall, duration=length), start, IMPLIED)

    def _period_length(self, line: Line, start: Moment, end: str) -> int:
        spelt_out = not end.strip().upper().startswith("P")
        length = self._until(self._moment(line, end), start) if spelt_out else self._lasting(start, end)
        if not 0 <= length <= LONGEST:
            raise _Unusable("A period ends before it starts, or lasts longer than 68 years.")
        return length

    def _said(self, part: Component, people: tuple[Person, ...]) -> dict[str, Any]:
        raw: dict[str, Any] = {"properties": kept} if (kept := unmapped(part, MAPPED)) else {}
        status = _STATUS.get(part.text("STATUS").strip().upper(), "confirmed")
        busy = _busy_status(part, status)
        mine = [person.rsvp for person in people if person.email.casefold() in self.owners]
        if "declined" in mine:
            raw[DECLINED], busy = True, "free"
        elif "tentative" in mine and busy == "busy":
            busy = "tentative"
        sequence = part.text("SEQUENCE").strip()
        return {
            "title": part.text("SUMMARY").strip(),
            "description": part.text("DESCRIPTION"),
            "location": part.text("LOCATION").strip(),
            "status": status,
            "free_busy_status": busy,
            "privacy": _PRIVACY.get(part.text("CLASS").strip().upper(), "public"),
            "colour": part.text("COLOR").strip()[:32],
            "sequence": int(sequence[:9]) if sequence.isascii() and sequence.isdigit() else 0,
            "raw": raw,
        }

    def _take_periods(self, part: Component) -> None:
        """Published busy times (RFC 5545 3.6.4): each period an event without words."""
        for line in part.all("FREEBUSY"):
            for value in line.value.split(","):
                begin, _, end = value.partition("/")
                try:
                    self.parsed.events.append(self._period(part, line, begin, end))
                except (_Unusable, UnknownZone) as fault:
                    self.parsed.problems.append(Problem(part.text("UID"), str(fault)))

    def _period(self, part: Component, line: Line, begin: str, end: str) -> EventData:
        start = self._moment(line, begin)._replace(tzid="UTC", is_date=False)
        length = self._period_length(line, start, end)
        if not EARLIEST <= start.wall < LATEST:
            raise _Unusable("A busy time lies beyond all calendars.")
        return EventData(
            title="",
            start_wall=start.wall,
            timezone="UTC",
            duration=length,
            uid=f"{part.text('UID') or 'freebusy'}/{begin.strip()}"[:512],
            free_busy_status=_FREEBUSY.get(line.params.get("FBTYPE", "").upper(), "busy"),
        )


def _busy_status(part: Component, status: str) -> str:
    """busy, tentative, free or away: TRANSP decides first, since every program that edits an event keeps it right."""
    if part.text("TRANSP").strip().upper() == "TRANSPARENT":
        return "free"
    outlook = _CDO_STATUS.get(part.text("X-MICROSOFT-CDO-BUSYSTATUS").strip().upper(), "busy")
    if outlook == "free" and part.first("TRANSP"):
        return "busy"
    return "tentative" if outlook == "busy" and status == "tentative" else outlook


def _single(event: EventData) -> EventData:
    return replace(event, recurrence_rules=(), exclusion_rules=(), recurrence_dates=(), excluded_dates=())


def _uid_for(part: Component, start: Line) -> str:
    """A stable name for an event without one, which some servers store."""
    return "no-uid-" + hashlib.sha256(f"{start.value}|{part.text('SUMMARY')}".encode()).hexdigest()[:32]
