"""Projects in Timekit's words, both ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bookings.api.reader import Reader
from bookings.api.timekit import graphs, wire
from bookings.api.timekit.availability import ALL, ANY_IN_ORDER, ANY_RANDOM, EACH, MODES
from bookings.api.timekit.constraints import Rules, of_week
from bookings.api.timekit.times import Clock, Unreadable, is_relative, moment, seconds
from bookings.api.timekit.wire import Names
from bookings.domain.offers import Member, Team
from bookings.engine.zones import DAY
from bookings.models import EventType, Host, Question

KEPT = ("ui", "booking", "availability", "customer_fields", "meta", "reminders", "allow_conference")
"""What is kept as it was written, besides what we understand of it."""

_LOCALIZATION = {
    "submit_button": "Book it",
    "allocated_resource_prefix": "with",
    "success_message": "We have received your booking and sent a confirmation to %s",
    "reschedule_submit_button": "Reschedule",
    "reschedule_success_message": "We have rescheduled your booking",
}
_UI = {
    "avatar": "",
    "show_credits": False,
    "show_timezone_helper": True,
    "availability_view": "agendaWeek",
    "time_date_format": "12h-mdy-sun",
}
_FIELDS: dict[str, dict[str, Any]] = {
    "name": {"title": "Name", "required": True, "split_name": False},
    "email": {"title": "E-mail", "format": "email", "required": True},
}
_FORMATS: dict[str, str] = {
    Question.Kind.TEXT: "text",
    Question.Kind.NUMBER: "number",
    Question.Kind.PHONE: "tel",
    Question.Kind.SELECT: "select",
    Question.Kind.MULTISELECT: "checkbox",
    Question.Kind.CHECKBOX: "checkbox",
}


def project(
    thing: EventType, team: Team, questions: Sequence[Question], kept: Mapping[str, Any], names: Names, clock: Clock
) -> dict[str, Any]:
    """A project, everything the widget needs to know included: in project mode it has no words of its own."""
    made = clock.noted(thing.created_at.timestamp())
    ui = kept.get("ui", {})
    return {
        "id": names[thing.pk],
        "slug": thing.slug,
        "name": thing.name,
        "description": thing.description,
        "ui": {
            "display_name": thing.name,
            **_UI,
            **ui,
            "localization": _LOCALIZATION | _object(ui.get("localization")),
        },
        "booking": {**kept.get("booking", {}), "graph": _graph(thing)},
        "availability": kept.get("availability", {}) | _availability(thing, team, kept),
        "availability_constraints": _constraints(thing, kept),
        "customer_fields": kept.get("customer_fields") or _FIELDS | {each.key: _field(each) for each in questions},
        "meta": kept.get("meta", {}),
        "reminders": kept.get("reminders", []),
        "allow_conference": kept.get("allow_conference"),
        "created_at": made,
        "updated_at": made,
    }


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _graph(thing: EventType) -> str:
    return graphs.CONFIRM_DECLINE if thing.needs_confirmation else graphs.INSTANT


def _availability(thing: EventType, team: Team, kept: Mapping[str, Any]) -> dict[str, Any]:
    """How times are looked for, as it is now; words that still mean the same stay as they were written."""
    said = kept.get("availability", {})
    length = thing.durations[0] * 60
    found: dict[str, Any] = {"mode": _mode(team, said.get("mode")), "length": _worded(length, said.get("length"))}
    if thing.buffer_before or thing.buffer_after:
        # There is one buffer for both sides here: the longer one keeps what either promises.
        found["buffer"] = _worded(max(thing.buffer_before, thing.buffer_after) * 60, said.get("buffer"))
    if thing.slot_interval:
        found["timeslot_increments"] = _worded(thing.slot_interval * 60, said.get("timeslot_increments"))
    return found


def _mode(team: Team, said: Any) -> str:
    if team.everybody:
        return ALL
    if not team.is_plain:
        return ANY_IN_ORDER
    alike = (ANY_RANDOM, EACH, *([ANY_IN_ORDER] if len(team.members) < 2 else ()))
    return said if said in alike else ANY_RANDOM


def _worded(length: int, said: Any) -> str:
    if isinstance(said, str) and seconds(said) == length:
        return said
    return f"{length // 60} minutes"


def _constraints(thing: EventType, kept: Mapping[str, Any]) -> list[Any]:
    week = thing.schedule.weekly if thing.schedule is not None else None
    if "constraints" in kept and kept.get("week") == week:
        said: list[Any] = kept["constraints"]
        return said
    return of_week(week) if week is not None else []


def _field(question: Question) -> dict[str, Any]:
    """A question as a field of the widget's form."""
    found: dict[str, Any] = {
        "title": question.label,
        "format": _FORMATS[question.kind],
        "required": question.required,
        "prefilled": "",
        "readonly": False,
    }
    if question.options:
        found["enum"] = [
            each.get("label") or each.get("value") if isinstance(each, dict) else each for each in question.options
        ]
    return found


class Asked:
    """What a body says of a project. `settings` are those of `offers.create`, `kept` what is kept beside them; `team`,
    `rules` and the names are None when nothing is said of them."""

    def __init__(
        self, body: dict[str, Any], reader: Reader, clock: Clock, hosts: Sequence[Host] | None, now: int
    ) -> None:
        self.name = wire.said(body, "name", reader, required="name" in body, longest=200)
        self.slug = wire.said(body, "slug", reader, longest=60)
        availability, booking = (reader.object(body, name, name) for name in ("availability", "booking"))
        self.kept = {name: body[name] for name in KEPT if body.get(name) is not None}
        for name in ("ui", "customer_fields", "meta"):
            reader.object(body, name, name)
        self.settings: dict[str, Any] = {}
        self.mode = ""
        if availability is not None:
            self._availability(availability, reader, clock, now)
        if booking is not None:
            self._booking(booking, reader)
        if (description := wire.said(body, "description", reader, one_line=False)) is not None:
            self.settings["description"] = description
        self.team = _team(hosts, self.mode) if hosts is not None else None

    def _availability(self, said: dict[str, Any], reader: Reader, clock: Clock, now: int) -> None:
        self.mode = reader.text(said, "mode", "availability.mode")
        if self.mode and self.mode not in MODES:
            reader.wrong("availability.mode", "invalid", f"availability.mode must be one of {', '.join(MODES)}.")
        if (length := _minutes(said, "length", reader)) is not None:
            self.settings["durations"] = [length]
        if (buffer := _minutes(said, "buffer", reader)) is not None:
            self.settings |= {"buffer_before": buffer, "buffer_after": buffer}
        if (step := _minutes(said, "timeslot_increments", reader)) is not None:
            self.settings["slot_interval"] = step
        begin, until = (_ahead(said, name, reader, clock, now) for name in ("from", "to"))
        if begin is not None:
            self.settings["minimum_notice"] = max(0, begin) // 60
        if until is not None:
            days = -(-max(0, until) // DAY)
            self.settings |= {"window": EventType.Window.ROLLING, "window_days": days}

    def _booking(self, said: dict[str, Any], reader: Reader) -> None:
        graph = reader.text(said, "graph", "booking.graph")
        if graph and graph not in graphs.FIRST_ACTION:
            choices = ", ".join(graphs.FIRST_ACTION)
            reader.wrong("booking.graph", "invalid", f"booking.graph must be one of {choices}.")
        elif graph:
            # What waits for an answer holds no time in this graph.
            self.settings |= {"needs_confirmation": graph == graphs.CONFIRM_DECLINE, "pending_blocks": False}
        reader.text(said, "what", "booking.what", longest=300)
        if where := reader.text(said, "where", "booking.where", longest=1024, one_line=False):
            self.settings["place_detail"] = where


def _team(hosts: Sequence[Host], mode: str) -> Team:
    ranked = mode == ANY_IN_ORDER
    members = [Member(host, priority=len(hosts) - index if ranked else 0) for index, host in enumerate(hosts)]
    return Team(tuple(members), everybody=mode == ALL)


def _minutes(said: dict[str, Any], name: str, reader: Reader) -> int | None:
    path = f"availability.{name}"
    text = reader.text(said, name, path)
    if not text.strip():
        return None
    found = seconds(text)
    if found is None or found < 0 or found % 60 or (found == 0 and name != "buffer"):
        reader.wrong(path, "invalid", f"{path} is not a valid length of time.")
        return None
    return found // 60


def _ahead(said: dict[str, Any], name: str, reader: Reader, clock: Clock, now: int) -> int | None:
    """How many seconds from now a relative bound lies; None for a fixed time, which is only kept."""
    path = f"availability.{name}"
    text = reader.text(said, name, path).strip()
    if not text:
        return None
    try:
        at = moment(text, now, "UTC", clock.input_format)
    except Unreadable as error:
        reader.wrong(path, "invalid", f"{path} {error}.")
        return None
    return at - now if is_relative(text) or at == now else None


def week_of(rules: Rules) -> list[list[tuple[int, int]]]:
    """The weekly hours of a project's constraints; none at all when they leave everything open."""
    if rules.week == Rules().week:
        return []
    return [[(start, end) for start, end in day] for day in rules.week]
