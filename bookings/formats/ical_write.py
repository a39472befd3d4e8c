"""Events into iCalendar text (RFC 5545, 7986, 6638). Behind bookings.formats.icalendar."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from icalendar.parser import Contentline, Contentlines, Parameters

from bookings.engine.recurrence import RecurrenceSet, TooMany, parse_rule
from bookings.engine.zones import DAY, zone

from .event import EventData, Person, plain
from .lines import Line, clean, escape
from .times import basic, basic_date, duration, read_duration, read_local
from .vtimezone import describe

PRODUCT = "-//Convene//Convene//EN"
METHODS = ("PUBLISH", "REQUEST", "REPLY", "CANCEL")

_YEAR = 366 * DAY
_FAR = 20 * _YEAR
_NAME = re.compile(r"[A-Z0-9-]{1,100}")
_EMAIL = re.compile(r"[^\s\x00-\x20\x7f<>()\[\]\\,;:\"]+@[^\s\x00-\x20\x7f<>()\[\]\\,;:\"@]+")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\x00-\x20\x7f]+")
_STATUS = {"confirmed": "CONFIRMED", "tentative": "TENTATIVE", "cancelled": "CANCELLED"}
_CLASS = {"private": "PRIVATE", "secret": "CONFIDENTIAL"}
_CDO_STATUS = {"tentative": "TENTATIVE", "away": "OOF"}
_FALSE_START = frozenset({"BEGIN", "END", "METHOD", "VERSION", "PRODID"})


def render(
    data: EventData | Sequence[EventData],
    *,
    stamp: datetime,
    method: str | None = None,
    extra: Mapping[str, str] | None = None,
    client_invites: bool = True,
) -> str:
    """One VCALENDAR with an event, or a series and its changed occurrences, and the zones they need.

    Single events that touch a missing or repeated hour are written in UTC, because programs read such wall times
    differently. Text cannot break out of its line: control characters are dropped, the rest is escaped.

    :param stamp: DTSTAMP and LAST-MODIFIED.
    :param method: only for mail and downloads; a CalDAV resource has none (RFC 4791 4.1).
    :param extra: further properties of every event, such as {"X-CONVENE-REF": "…"}, in place of kept ones so named.
    :param client_invites: mark guests with SCHEDULE-AGENT=CLIENT, so that a server does not invite them as well.
    :raises ValueError: for an unknown method, a property name that is none, a rule that cannot be read.
    """
    events = [data] if isinstance(data, EventData) else list(data)
    if method is not None and method not in METHODS:
        raise ValueError(f"Unknown method: {method}")
    masters = {event.uid: event for event in events if event.recurrence_wall is None}
    writers = [_Writer(event, masters.get(event.uid), stamp, extra or {}, client_invites) for event in events]
    bodies = [line for writer in writers for line in writer.lines()]
    lines = [
        Line("BEGIN", {}, "VCALENDAR"),
        Line("VERSION", {}, "2.0"),
        Line("PRODID", {}, PRODUCT),
        *([Line("METHOD", {}, method)] if method else []),
        *(line for definition in _zones(writers) for line in definition),
        *bodies,
        Line("END", {}, "VCALENDAR"),
    ]
    return Contentlines(map(_content_line, lines)).to_ical().decode()


def _content_line(line: Line) -> Contentline:
    params = Parameters({name: clean(value) for name, value in line.params.items() if value})
    written = params.to_ical(sorted=False).decode()
    return Contentline(f"{line.name}{';' + written if written else ''}:{line.value}")


def _zones(writers: Iterable[_Writer]) -> list[tuple[Line, ...]]:
    spans: dict[str, tuple[int, int]] = {}
    for writer in writers:
        for tzid, lo, hi in writer.spans():
            before = spans.get(tzid, (lo, hi))
            spans[tzid] = (min(lo, before[0]), max(hi, before[1]))
    return [describe(tzid, lo, hi) for tzid, (lo, hi) in sorted(spans.items())]


class _Writer:
    def __init__(
        self, event: EventData, master: EventData | None, stamp: datetime, extra: Mapping[str, str], agent: bool
    ) -> None:
        self.event = event
        self.master = master or event
        self.stamp = f"{basic(int(stamp.astimezone(UTC).timestamp()))}Z"
        self.extra = extra
        self.agent = agent
        self.clock = zone(event.timezone)
        self.start = self.clock.to_utc(event.start_wall)
        self.recurs = bool(event.recurrence_rules or event.recurrence_dates)
        self.in_utc = not (event.all_day or event.floating) and (event.timezone == "UTC" or self._unclear())

    def _unclear(self) -> bool:
        """Whether a wall time of a single event is missing or repeated."""
        if self.recurs:
            return False
        walls = (self.event.start_wall, self.clock.to_wall(self.start + self.event.duration))
        return any(self.clock.is_gap(wall) or self.clock.is_overlap(wall) for wall in walls)

    def spans(self) -> list[tuple[str, int, int]]:
        """The zones named in this event, with the time over which each is needed."""
        event, found = self.event, []
        if not (event.all_day or event.floating or self.in_utc):
            found.append((event.timezone, self.start - _YEAR, self._end_of_use() + _YEAR))
        master = self.master
        if event.recurrence_wall is not None and not (master.all_day or master.floating or master.timezone == "UTC"):
            origin = zone(master.timezone).to_utc(event.recurrence_wall)
            found.append((master.timezone, origin - _YEAR, origin + _YEAR))
        return found

    def _end_of_use(self) -> int:
        rules = tuple(map(parse_rule, self.event.recurrence_rules))
        try:
            last = RecurrenceSet(self.event.start_wall, self.event.timezone, rules, self.event.recurrence_dates).last()
        except TooMany:
            last = None
        return min(self.start + _FAR, last if last is not None else self.start + _FAR)

    def lines(self) -> list[Line]:
        event = self.event
        return [
            Line("BEGIN", {}, "VEVENT"),
            Line("UID", {}, escape(clean(event.uid))),
            Line("DTSTAMP", {}, self.stamp),
            Line("LAST-MODIFIED", {}, self.stamp),
            Line("SEQUENCE", {}, str(event.sequence)),
            *self._times(),
            *self._texts(),
            *self._flags(),
            *self._people(),
            *self._room(),
            *self._kept(),
            *self._alarms(),
            Line("END", {}, "VEVENT"),
        ]

    # ── Times ──

    def _at(self, name: str, wall: int, tzid: str, *, of: EventData | None = None) -> Line:
        event = of or self.event
        if event.all_day:
            return Line(name, {"VALUE": "DATE"}, basic_date(wall))
        if event.floating:
            return Line(name, {}, basic(wall))
        if tzid == "UTC" or (event is self.event and self.in_utc):
            return Line(name, {}, f"{basic(zone(tzid).to_utc(wall))}Z")
        return Line(name, {"TZID": tzid}, basic(wall))

    def _times(self) -> list[Line]:
        event, tzid = self.event, self.event.timezone
        lines = [self._at("DTSTART", event.start_wall, tzid), *self._end()]
        lines += [Line("RRULE", {}, _rule(rule, event)) for rule in event.recurrence_rules]
        lines += [Line("EXRULE", {}, _rule(rule, event)) for rule in event.exclusion_rules]
        lines += [self._at("RDATE", wall, tzid) for wall in event.recurrence_dates]
        lines += [self._at("EXDATE", wall, tzid) for wall in event.excluded_dates]
        if event.recurrence_wall is not None:
            lines.append(self._at("RECURRENCE-ID", event.recurrence_wall, self.master.timezone, of=self.master))
        return lines

    def _end(self) -> list[Line]:
        event = self.event
        if event.all_day:
            return [self._at("DTEND", event.start_wall + max(event.duration, DAY), event.timezone)]
        if not event.duration:
            return []
        end = self.start + event.duration
        wall = self.clock.to_wall(end)
        if event.floating or (self.clock.to_utc(wall) == end and not self.clock.is_overlap(wall)):
            return [self._at("DTEND", wall, event.timezone)]
        # A series whose first occurrence ends in a repeated hour.
        return [Line("DTEND", {}, f"{basic(end)}Z")]

    # ── Words ──

    def _texts(self) -> list[Line]:
        event = self.event
        texts = {
            "SUMMARY": event.title,
            "DESCRIPTION": plain(event),
            # Programs that know no CONFERENCE show the room as the place.
            "LOCATION": event.location or str(event.conference.get("url", "")),
            "COLOR": event.colour,
        }
        lines = [Line(name, {}, escape(clean(text))) for name, text in texts.items() if text]
        if event.description_type == "text/html" and event.description:
            lines.append(Line("X-ALT-DESC", {"FMTTYPE": "text/html"}, escape(clean(event.description))))
        return lines

    def _flags(self) -> list[Line]:
        event = self.event
        lines = [Line("STATUS", {}, _STATUS.get(event.status, "CONFIRMED"))]
        lines.append(Line("TRANSP", {}, "TRANSPARENT" if event.free_busy_status == "free" else "OPAQUE"))
        if outlook := _CDO_STATUS.get(event.free_busy_status):
            lines.append(Line("X-MICROSOFT-CDO-BUSYSTATUS", {}, outlook))
        if event.privacy in _CLASS:
            lines.append(Line("CLASS", {}, _CLASS[event.privacy]))
        return lines

    def _people(self) -> list[Line]:
        lines = []
        for person in self.event.people:
            if not _EMAIL.fullmatch(person.email):
                continue
            if person.role == "owner":
                lines.append(Line("ORGANIZER", {"CN": person.name}, f"mailto:{person.email}"))
            if person.role != "owner" or person.rsvp != "needs-action":
                lines.append(self._attendee(person))
        return lines

    def _attendee(self, person: Person) -> Line:
        params = {
            "CN": person.name,
            "ROLE": "REQ-PARTICIPANT" if person.role == "attendee" else "CHAIR",
            "PARTSTAT": person.rsvp.upper(),
            "RSVP": "TRUE" if person.rsvp == "needs-action" else "",
            "SCHEDULE-AGENT": "CLIENT" if self.agent else "",
            "X-RESPONSE-COMMENT": person.comment,
        }
        return Line("ATTENDEE", params, f"mailto:{person.email}")

    def _room(self) -> list[Line]:
        url = str(self.event.conference.get("url", ""))
        if not _URI.fullmatch(url):
            return []
        label = str(self.event.conference.get("label", ""))
        return [Line("CONFERENCE", {"VALUE": "URI", "FEATURE": "VIDEO", "LABEL": label}, url)]

    def _kept(self) -> list[Line]:
        """Properties from elsewhere, without those that would be a component or are given anew."""
        kept = [Line(*each) for each in self.event.raw.get("properties", ()) if each[0] not in self.extra]
        lines = [line for line in kept if _NAME.fullmatch(line.name) and line.name not in _FALSE_START]
        lines = [line._replace(value=clean(line.value).replace("\n", " ")) for line in lines]
        for name, value in self.extra.items():
            if not _NAME.fullmatch(name) or name in _FALSE_START:
                raise ValueError(f"Not a property name: {name!r}")
            lines.append(Line(name, {}, escape(clean(value))))
        return lines

    def _alarms(self) -> list[Line]:
        return [line for key, alert in self.event.alerts.items() for line in _alarm(key, alert, self.event.title)]


def _alarm(key: str, alert: dict[str, object], title: str) -> list[Line]:
    """An alarm on the owner's screen; no server should mail on our behalf."""
    trigger = alert.get("trigger")
    line = _trigger(trigger) if isinstance(trigger, dict) else None
    if line is None:
        return []
    return [
        Line("BEGIN", {}, "VALARM"),
        Line("UID", {}, escape(clean(key))),
        line,
        Line("ACTION", {}, "DISPLAY"),
        Line("DESCRIPTION", {}, escape(clean(title or "Reminder"))),
        Line("END", {}, "VALARM"),
    ]


def _trigger(trigger: dict[str, object]) -> Line | None:
    if when := trigger.get("when"):
        at = read_local(str(when).removesuffix("Z"))
        return Line("TRIGGER", {"VALUE": "DATE-TIME"}, f"{basic(at)}Z") if at is not None else None
    offset = read_duration(str(trigger.get("offset", "")))
    if offset is None:
        return None
    days, seconds = offset
    related = {"RELATED": "END"} if trigger.get("relativeTo") == "end" else {}
    return Line("TRIGGER", related, duration(days * DAY + seconds))


def _rule(text: str, event: EventData) -> str:
    """A rule with its UNTIL in the form that RFC 5545 3.3.10 wants for this kind of start."""
    rule = parse_rule(text)
    if rule.until is None or event.floating:
        return str(rule)
    if event.all_day:
        return str(replace(rule, until=rule.until // DAY * DAY, until_kind="date"))
    if rule.until_kind == "utc":
        return str(rule)
    last = rule.until + (DAY - 1 if rule.until_kind == "date" else 0)
    return str(replace(rule, until=zone(event.timezone).to_utc(last), until_kind="utc"))
