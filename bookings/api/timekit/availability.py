"""POST /v2/availability and what is asked in other words of the same times: dates, and the older findtime."""

from __future__ import annotations

import random
import time
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from bookings.api.reader import Reader
from bookings.api.timekit import constraints, finding, schema, wire
from bookings.api.timekit.constraints import Rules
from bookings.api.timekit.times import Clock, Unreadable, moment, seconds
from bookings.api.timekit.views import TimekitView
from bookings.domain import availability, refs
from bookings.domain.availability import Terms
from bookings.engine.intervals import Interval
from bookings.engine.zones import DAY, canonical, zone
from bookings.models import EventType, Host

ANY_RANDOM, ANY_IN_ORDER, ALL, EACH = "roundrobin_random", "roundrobin_prioritized", "mutual", "exclusive"
MODES = (ANY_RANDOM, ANY_IN_ORDER, ALL, EACH)
USUAL_LENGTH = 3600
SHORTEST_STEP = 300
USUAL_WINDOW, LONGEST_WINDOW = "4 weeks", 184 * DAY


@dataclass(frozen=True)
class Asked:
    """One question for free times, in UTC seconds; `order` ranks the resources where one of several is given."""

    terms: Terms
    rules: Rules
    mode: str
    lo: int
    hi: int
    order: dict[Any, int]


Slot = tuple[int, list[Host]]


def slots(asked: Asked) -> Iterator[Slot]:
    """The starts that can be had, ascending, each with the resources to name for it."""
    offered = availability.offer(finding.narrowed(asked.terms, asked.rules), asked.lo, asked.hi)
    length = asked.terms.length
    inside = _Inside(asked.rules, asked.lo, asked.hi)
    for start in offered.starts:
        hosts = [host for host in offered.hosts_at(start) if inside(host, start, start + length)]
        if len(hosts) >= asked.terms.required:
            hosts.sort(key=lambda host: asked.order.get(host.pk, 0))
            yield start, hosts[: asked.terms.required] if asked.mode in (ANY_RANDOM, ANY_IN_ORDER) else hosts


class _Inside:
    """Whether a time lies in what the rules leave open for a resource."""

    def __init__(self, rules: Rules, lo: int, hi: int) -> None:
        self.rules, self.lo, self.hi = rules, lo, hi
        self.open: dict[str, list[Interval]] = {}

    def __call__(self, host: Host, start: int, end: int) -> bool:
        if not self.rules:
            return True
        found = self.open.get(host.timezone)
        if found is None:
            found = self.open[host.timezone] = self.rules.open(host.timezone, self.lo, self.hi)
        place = bisect_right(found, (start, self.hi)) - 1
        return place >= 0 and found[place][0] <= start and end <= found[place][1]


class Search(TimekitView):
    """What all of these read from a body."""

    model = "Resource"
    public = True
    scopes = {"POST": "availability:read"}

    def read(self, reader: Reader) -> Asked:
        body, now = self.body, int(time.time())
        project = finding.project(self.principal, body, reader)
        hosts = self.resources(reader, project)
        terms = self._terms(project, hosts, reader)
        mode = body.get("mode") or self._usual_mode(project)
        if mode not in MODES:
            reader.wrong("mode", "invalid", f"mode must be one of {', '.join(MODES)}.")
        tzid = self._zone(reader)
        lo = self.bound("from", "now", now, tzid, reader)
        hi = self.bound("to", USUAL_WINDOW, now, tzid, reader)
        rules = constraints.read(body.get("constraints"), "constraints", reader, self.clock)
        if body.get("to") is None:
            hi = max(hi, lo + 28 * DAY)
        if not lo < hi <= lo + LONGEST_WINDOW:
            reader.wrong("to", "invalid", "to must be after from, and at most 6 months later.")
        reader.finish()
        order = list(terms.hosts)
        if mode == ANY_RANDOM:
            random.shuffle(order)
        if mode == ALL:
            terms = replace(terms, required=len(terms.hosts))
        return Asked(terms, rules, mode, lo, hi, {host.pk: rank for rank, host in enumerate(order)})

    def resources(self, reader: Reader, project: EventType | None) -> list[Host]:
        """Those named; with a project none need be, and a resource's own key means that resource."""
        found = finding.resources(self.principal, self.body, reader)
        if not found and project is None and not reader.problems:
            if self.own is None:
                reader.wrong("resources", "required", "resources or project_id is required.")
            else:
                found = list(finding.hosts_called(self.principal, [refs.ref(wire.SURFACE, "host", self.own)]).values())
        return found

    def _usual_mode(self, project: EventType | None) -> str:
        return ALL if finding.needs_all(project) else ANY_RANDOM

    def _terms(self, project: EventType | None, hosts: list[Host], reader: Reader) -> Terms:
        length = self.span("length", reader, most=finding.LONGEST)
        if project is None:
            terms = finding.own_terms(self.principal, hosts, length or USUAL_LENGTH)
        else:
            if finding.is_widget(self.principal):
                check_length(project, length, "length", reader)
            terms = finding.project_terms(project, hosts, length)
        step, buffer = self.span("timeslot_increments", reader, most=DAY), self.span("buffer", reader, most=DAY)
        if step is not None and step < SHORTEST_STEP:
            reader.wrong("timeslot_increments", "invalid", "timeslot_increments must be at least 5 minutes.")
        elif step is not None:
            terms = replace(terms, step=step)
        return terms if buffer is None else replace(terms, before=buffer, after=buffer)

    def span(self, name: str, reader: Reader, *, most: int) -> int | None:
        """A length of time such as "1 hour", in seconds; None when it is not given."""
        text = reader.text(self.body, name, name)
        if not text.strip():
            return None
        found = seconds(text)
        least = 0 if name == "buffer" else 60
        if found is None or not least <= found <= most or found % 60:
            reader.wrong(name, "invalid", f"{name} is not a valid length of time.")
            return None
        return found

    def _zone(self, reader: Reader) -> str:
        """In which times are read and shown: `output_timezone`, else the header's, else UTC."""
        given = reader.text(self.body, "output_timezone", "output_timezone")
        known = canonical(given) if given else self.clock.timezone or "UTC"
        if known is None:
            reader.wrong("output_timezone", "invalid", "output_timezone is not a time zone we know.")
        self.clock = Clock(self.clock.input_format, self.clock.output_format, known or "UTC")
        return known or "UTC"

    def bound(self, name: str, usual: str, now: int, tzid: str, reader: Reader) -> int:
        text = reader.text(self.body, name, name) or usual
        try:
            return moment(text, now, tzid, self.clock.input_format)
        except Unreadable as error:
            reader.wrong(name, "invalid", f"{name} {error}.")
            return now


def check_length(project: EventType, length: int | None, name: str, reader: Reader) -> None:
    """Pages offer and book the lengths that the project has."""
    if length is not None and length not in [minutes * 60 for minutes in project.durations]:
        reader.wrong(name, "invalid", "The project has no time slots of this length.")


class Availability(Search):
    """Free slots. The list is not paged: the vendor's widget draws all of it."""

    @schema.told("Find free slots", takes=schema.QUESTION, answers={200: schema.data(schema.listed(schema.SLOT))})
    def post(self, request: Request) -> Response:
        asked = self.read(Reader())
        found = list(slots(asked))
        shown = self.shown(found)
        length, show, home = asked.terms.length, self.clock.show, self.clock.timezone
        return self.done(
            [
                {
                    "start": show(start, home),
                    "end": show(start + length, home),
                    "resources": [shown[host.pk] for host in hosts],
                }
                for start, hosts in found
            ]
        )

    def shown(self, found: list[Slot]) -> dict[Any, dict[str, Any]]:
        """The resources of slots, each once however often it is named: a colleague may stand in for somebody."""
        hosts = list({host.pk: host for _, each in found for host in each}.values())
        names = self.named(("host", hosts))
        return {host.pk: wire.bookable(host, names) for host in hosts}


class Dates(Availability):
    """The dates on which there is any slot, with the resources that have one."""

    @schema.told(
        "Find dates with free slots", takes=schema.QUESTION, answers={200: schema.data(schema.listed(schema.DATE))}
    )
    def post(self, request: Request) -> Response:
        found = list(slots(replace(self.read(Reader()), mode=EACH)))
        shown = self.shown(found)
        days: dict[str, dict[str, None]] = {}
        for start, hosts in found:
            ids = dict.fromkeys(shown[host.pk]["id"] for host in hosts)
            days.setdefault(wire.date_of(start, self.clock.timezone), {}).update(ids)
        return self.done([{"date": day, "resources": list(ids)} for day, ids in days.items()])


class FindTime(Search):
    """The predecessor: times at which all of the resources named by e-mail address or id are free."""

    @schema.told("Find mutual free times", takes=schema.FIND, answers={200: schema.data(schema.listed(schema.SPAN))})
    def post(self, request: Request) -> Response:
        body = self.body
        given = {name: body[name] for name in ("length", "buffer", "output_timezone") if body.get(name) is not None}
        reader = Reader()
        every_quarter, one_day = (wire.flag(body, name, reader) for name in ("all_solutions", "no_day_span"))
        self.body = given | {
            "mode": ALL,
            "resources": self._ids(reader),
            "from": body.get("start") or "now",
            "to": body.get("future") or USUAL_WINDOW,
            "constraints": _constraints(body.get("filters"), reader),
            **({"timeslot_increments": "15 minutes"} if every_quarter else {}),
        }
        asked = self.read(reader)
        length, show, home = asked.terms.length, self.clock.show, self.clock.timezone
        found = [start for start, hosts in slots(asked) if not one_day or _on_one_day(start, length, hosts)]
        return self.done([{"start": show(start, home), "end": show(start + length, home)} for start in found])

    def _ids(self, reader: Reader) -> list[Any]:
        ids = [
            each for name in ("resource_ids", "user_ids", "resources") for each in reader.array(self.body, name, name)
        ]
        emails = [each for each in reader.array(self.body, "emails", "emails") if isinstance(each, str)]
        by_email = {host.email.casefold(): host for host in finding.hosts_with(self.principal, emails)}
        named = self.named(("host", list(by_email.values())))
        for index, email in enumerate(emails):
            if email.casefold() in by_email:
                ids.append(named[by_email[email.casefold()].pk])
            else:
                reader.wrong(f"emails.{index}", "invalid", f"emails.{index} is not the address of a resource.")
        return ids


_FILTERS: dict[str, tuple[str, ...]] = {
    "specific_day": ("allow_day",),
    "specific_time": ("allow_hours",),
    "specific_day_and_time": ("allow_day_and_time",),
    "between_timestamps": ("allow_period",),
    "exclude_weekend": ("block_weekends",),
    "exclude_weekends": ("block_weekends",),
}
"""The older names of constraints."""


def _constraints(filters: Any, reader: Reader) -> list[Any]:
    """`{"and": […], "or": […]}` of filters, as constraints."""
    holder = reader.object({"filters": filters}, "filters", "filters") or {}
    found: list[Any] = []
    for name in ("and", "or"):
        for each in reader.array(holder, name, f"filters.{name}"):
            if not isinstance(each, dict):
                reader.wrong(f"filters.{name}", "invalid", f"filters.{name} must hold objects.")
                continue
            for kind, details in each.items():
                if kind == "business_hours":
                    found += [{"allow_weekdays": {}}, {"allow_hours": {"start": 9, "end": 17}}]
                else:
                    found += [{renamed: details} for renamed in _FILTERS.get(kind, (kind,))]
    return found


def _on_one_day(start: int, length: int, hosts: list[Host]) -> bool:
    return all(zone(host.timezone).day_of(start) == zone(host.timezone).day_of(start + length - 1) for host in hosts)
