"""The form of an event: what people choose, turned into the domain's EventData and back."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from dataclasses import replace
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.translation import gettext_lazy as _

from bookings.domain import rooms
from bookings.domain.calendar import data_of
from bookings.domain.errors import DomainError, Invalid
from bookings.engine.zones import DAY
from bookings.formats.event import EventData, Person
from bookings.models import Account, Calendar, Event, Organisation
from bookings.pages.staff import series
from bookings.pages.staff.repeats import CHOICES, CUSTOM, ENDS, MONTHLY, Repeats
from bookings.pages.staff.repeats import read as read_rules
from bookings.pages.staff.repeats import written as written_rules
from bookings.pages.zones import grouped

_EPOCH = dt.date(1970, 1, 1)
_FIELDS = {
    "recurrence_rules": "repeats",
    "start_wall": "day",
    "timezone": "timezone",
    "duration": "end",
    "conference": "room",
    "people": "guests",
}
"""Where the domain's names are found in the form."""

ROOMS = [
    ("", _("No video call")),
    (rooms.JITSI, _("Jitsi room")),
    (rooms.LINK, _("The host’s own room")),
    (rooms.MEET, _("Google Meet")),
    (rooms.TEAMS, _("Microsoft Teams")),
]
_DEPENDING = ("start", "end", "repeats", "every", "days", "monthly", "ends", "until", "count", "room", "privacy")
"""Fields that are needed or not by what other fields say: not called optional."""
_KEPT = "kept"
"""The choice of a room that none of ROOMS made: it stays as it is."""
_MADE_BY = {rooms.MEET: Account.Provider.GOOGLE, rooms.TEAMS: Account.Provider.MICROSOFT}
ALERTS = [
    ("PT0S", _("At the start")),
    ("-PT5M", _("5 minutes before")),
    ("-PT10M", _("10 minutes before")),
    ("-PT30M", _("30 minutes before")),
    ("-PT1H", _("1 hour before")),
    ("-P1D", _("1 day before")),
]
SCOPES = [("this", _("Only this one")), ("following", _("This one and all that follow")), ("all", _("All of them"))]


class EventForm(forms.Form):
    title = forms.CharField(label=_("Title"), max_length=1024)
    calendar = forms.ChoiceField(label=_("Calendar"))
    day = forms.DateField(label=_("Day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    start = forms.TimeField(
        label=_("From"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    end_day = forms.DateField(
        label=_("Last day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("Empty: the same day"),
    )
    end = forms.TimeField(label=_("To"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    all_day = forms.BooleanField(label=_("All day"), required=False)
    timezone = forms.ChoiceField(label=_("Time zone"))
    repeats = forms.ChoiceField(label=_("Repeats"), choices=CHOICES, required=False)
    every = forms.IntegerField(
        label=_("Every"),
        required=False,
        min_value=1,
        max_value=1000,
        initial=1,
        widget=forms.NumberInput(attrs={"size": 4}),
    )
    days = forms.MultipleChoiceField(
        label=_("On these days"),
        choices=[(str(day), WEEKDAYS_ABBR[day]) for day in range(7)],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    monthly = forms.ChoiceField(label=_("Which day"), choices=MONTHLY, required=False)
    ends = forms.ChoiceField(label=_("Ends"), choices=ENDS, required=False)
    until = forms.DateField(
        label=_("Last day"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    count = forms.IntegerField(label=_("How many times"), required=False, min_value=1, max_value=730)
    location = forms.CharField(label=_("Place"), max_length=1024, required=False)
    room = forms.ChoiceField(label=_("Video call"), choices=ROOMS, required=False)
    guests = forms.CharField(
        label=_("Guests"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("E-mail addresses, separated by commas or new lines"),
    )
    description = forms.CharField(
        label=_("Description"), max_length=20_000, required=False, widget=forms.Textarea(attrs={"rows": 4})
    )
    free_busy_status = forms.ChoiceField(label=_("Shown as"), choices=Event.Busy.choices, initial=Event.Busy.BUSY)
    privacy = forms.ChoiceField(
        label=_("Who may see it"),
        choices=[
            (Event.Privacy.PUBLIC, _("Who sees the calendar")),
            (Event.Privacy.PRIVATE, _("Others see “busy” alone")),
            (Event.Privacy.SECRET, _("Nobody else")),
        ],
        initial=Event.Privacy.PUBLIC,
        required=False,
    )
    alerts = forms.MultipleChoiceField(
        label=_("Reminders"), choices=ALERTS, required=False, widget=forms.CheckboxSelectMultiple
    )
    notify = forms.BooleanField(label=_("Tell the guests by mail"), required=False)
    scope = forms.ChoiceField(
        label=_("Change"), choices=SCOPES, required=False, initial="this", widget=forms.RadioSelect
    )

    def __init__(
        self,
        organisation: Organisation,
        *args: Any,
        event: Event | None = None,
        base: EventData | None = None,
        **kwargs: Any,
    ) -> None:
        """`base` is what is changed when that is not the whole event, but an occurrence of it."""
        super().__init__(*args, **kwargs)
        self._event, self._base = event, base or (data_of(event) if event else EventData("", 0, "UTC", 0))
        self.fields["title"].widget.attrs.pop("maxlength", None)
        for name in _DEPENDING:
            self.fields[name].depends = True  # type: ignore[attr-defined]
        self._calendars = _writable(organisation, event)
        self._choose("calendar", _by_host(self._calendars))
        self._choose("timezone", grouped())
        self._choose("room", _rooms(self._calendars, self.initial.get("room")))
        if event is not None and self.initial.get("repeats") == CUSTOM:
            words = series.in_words(tuple(event.recurrence_rules), event.timezone, with_last_day=False)
            self._choose("repeats", [*CHOICES, (CUSTOM, words)])

    def _choose(self, name: str, choices: Any) -> None:
        self.fields[name].choices = choices  # type: ignore[attr-defined]

    @property
    def more_open(self) -> bool:
        """Whether anything is set among what is asked last, and folded otherwise."""
        busy, privacy, alerts = (self[name].value() for name in ("free_busy_status", "privacy", "alerts"))
        return busy != Event.Busy.BUSY or privacy not in ("", None, Event.Privacy.PUBLIC) or bool(alerts)

    def clean_calendar(self) -> Calendar:
        return self._calendars[self.cleaned_data["calendar"]]

    def clean_guests(self) -> list[str]:
        found = [each for each in re.split(r"[\s,;]+", self.cleaned_data["guests"]) if each]
        for address in found:
            try:
                validate_email(address)
            except ValidationError:
                raise ValidationError(
                    _("“%(address)s” is not an e-mail address."), params={"address": address}
                ) from None
        return list(dict.fromkeys(found))

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if "day" not in given or self.errors:
            return given
        last = given.get("end_day") or given["day"]
        if last < given["day"]:
            self.add_error("end_day", _("The last day is before the first."))
        if not given["all_day"]:
            self._check_times(given, last)
        self._check_ending(given)
        self._check_room(given)
        return given

    def _check_ending(self, given: dict[str, Any]) -> None:
        ends = given.get("ends") or ("until" if given.get("until") else "count" if given.get("count") else "never")
        for name in ("until", "count"):
            if ends == name and not given.get(name) and given.get("repeats"):
                self.add_error(name, _("Say when it ends."))
            elif ends != name:
                given[name] = None
        if given.get("until") and given["until"] < given["day"]:
            self.add_error("until", _("The repetition would end before it begins."))

    def _check_room(self, given: dict[str, Any]) -> None:
        account = given["calendar"].account
        if given["room"] in _MADE_BY and account.provider != _MADE_BY[given["room"]]:
            self.add_error("room", _("The chosen calendar cannot make such a room."))
        elif given["room"] == rooms.LINK and not account.host.room_url and self.initial.get("room") != rooms.LINK:
            self.add_error("room", _("%(host)s has no video room of their own.") % {"host": account.host.name})

    def _check_times(self, given: dict[str, Any], last: dt.date) -> None:
        for name in ("start", "end"):
            if given.get(name) is None:
                self.add_error(name, _("A time is needed, unless the event lasts all day."))
        if given.get("start") and given.get("end") and last == given["day"] and given["end"] <= given["start"]:
            self.add_error("end", _("The end is not after the start."))

    def refuse(self, error: DomainError) -> None:
        """Show a refusal of the domain beside the field it is about, or above the form."""
        name = _FIELDS.get(error.field, error.field) if isinstance(error, Invalid) else ""
        self.add_error(name if name in self.fields else None, error.message)

    def repetition(self) -> Repeats:
        """How often, as chosen; see `repeats`."""
        given = self.cleaned_data
        kind = given["repeats"]
        if not kind:
            return Repeats()
        own = kind in ("daily", "weekly", "monthly", "yearly")
        return Repeats(
            kind,
            (given["every"] or 1) if own else 1,
            tuple(int(day) for day in given["days"]) if kind == "weekly" else (),
            (given["monthly"] or "date") if kind == "monthly" else "date",
            given["until"],
            given["count"],
        )

    def rules(self, before: tuple[str, ...], shown: tuple[str, ...]) -> tuple[str, ...]:
        """The rules chosen, for an event that had those of `before` while the form showed those of `shown`."""
        first = _EPOCH + dt.timedelta(days=self._base.start_wall // DAY)
        was = read_rules(shown, self._base.timezone, first)
        return written_rules(self.repetition(), self.cleaned_data["day"], before, was)

    def event_data(self) -> EventData:
        """What was chosen. For an event that exists, what the form does not ask for stays as it is."""
        given, base = self.cleaned_data, self._base
        last = given["end_day"] or given["day"]
        first = (given["day"] - _EPOCH).days * DAY
        start = first if given["all_day"] else first + _seconds(given["start"])
        end = (last - _EPOCH).days * DAY + (DAY if given["all_day"] else _seconds(given["end"]))
        return replace(
            base,
            title=given["title"],
            start_wall=start,
            timezone=given["timezone"],
            duration=end - start,
            all_day=given["all_day"],
            floating=False,
            location=given["location"],
            description=given["description"],
            conference=self._room(base),
            free_busy_status=given["free_busy_status"],
            privacy=given["privacy"] or base.privacy,
            alerts=_alerts(base, given["alerts"]),
            notify_guests=given["notify"],
            recurrence_rules=self.rules(base.recurrence_rules, base.recurrence_rules),
            people=_people(base, given["guests"]),
        )

    def _room(self, base: EventData) -> dict[str, Any]:
        kind = self.cleaned_data["room"]
        if kind == _room_of(base):
            return base.conference
        key = self._event.pk if self._event else uuid.uuid4()
        return rooms.request(kind, host=self.cleaned_data["calendar"].account.host, key=key) if kind else {}


class RepeatsForm(EventForm):
    """The part of the form that says how often, on its own: for the sentence beside it."""

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if "day" in given:
            self._check_ending(given)
        return given

    def words(self, before: tuple[str, ...]) -> str:
        """The sentence for what is chosen so far, "" while it says nothing yet."""
        names = ("day", "repeats", "every", "days", "monthly", "ends", "until", "count")
        if any(name in self.errors for name in names):
            return ""
        tzid = self.cleaned_data.get("timezone") or "UTC"
        rules = self.rules(before, before)
        return series.in_words(rules, tzid) if rules else ""


def initial_of(data: EventData, calendar: Calendar, rules: tuple[str, ...]) -> dict[str, Any]:
    """What the form shows of an event; `rules` are those of the series that an occurrence belongs to."""
    start = _EPOCH + dt.timedelta(days=data.start_wall // DAY)
    end_wall = data.start_wall + data.duration - (DAY if data.all_day else 0)
    end = _EPOCH + dt.timedelta(days=end_wall // DAY)
    often = read_rules(rules, data.timezone, start)
    return {
        "title": data.title,
        "calendar": str(calendar.pk),
        "day": start,
        "start": None if data.all_day else _time(data.start_wall),
        "end_day": end if end != start else None,
        "end": None if data.all_day else _time(end_wall),
        "all_day": data.all_day,
        "timezone": data.timezone,
        "repeats": often.choice,
        "every": often.every,
        "days": [str(day) for day in often.days],
        "monthly": often.monthly,
        "ends": "until" if often.until else "count" if often.count else "never",
        "until": often.until,
        "count": often.count,
        "location": data.location,
        "room": _room_of(data),
        "guests": ", ".join(person.email for person in data.people if person.role == "attendee" and person.email),
        "description": data.description,
        "free_busy_status": data.free_busy_status,
        "privacy": data.privacy,
        "alerts": [offset for offset in map(_offset, data.alerts.values()) if offset in dict(ALERTS)],
        "notify": data.notify_guests,
    }


def _room_of(data: EventData) -> str:
    kind = data.conference.get("kind", "")
    return kind if kind in rooms.KINDS else _KEPT if data.conference else ""


def _rooms(calendars: dict[str, Calendar], now: str | None) -> list[tuple[str, Any]]:
    """The rooms that at least one of the calendars can have, and the one there is."""
    found = {each.account.provider for each in calendars.values()}
    linked = any(each.account.host.room_url for each in calendars.values())

    def possible(kind: str) -> bool:
        return kind == now or (_MADE_BY[kind] in found if kind in _MADE_BY else kind != rooms.LINK or linked)

    kept = [(_KEPT, _("The room it has"))] if now == _KEPT else []
    return [(kind, words) for kind, words in ROOMS if possible(kind)] + kept


def _alerts(base: EventData, offsets: list[str]) -> dict[str, Any]:
    """Reminders in the shape of JSCalendar (RFC 8984 4.5.2); those that the form has no choice for stay."""
    chosen = set(offsets)
    kept = {key: each for key, each in base.alerts.items() if _offset(each) not in dict(ALERTS)}
    stays = {key: each for key, each in base.alerts.items() if _offset(each) in chosen}
    new = chosen - {_offset(each) for each in stays.values()}
    made = {
        f"at{offset}": {
            "@type": "Alert",
            "trigger": {"@type": "OffsetTrigger", "offset": offset},
            "action": "display",
        }
        for offset in sorted(new)
    }
    return kept | stays | made


def _offset(alert: Any) -> str:
    """The offset of an alert that counts from the start, or ""."""
    trigger = alert.get("trigger") if isinstance(alert, dict) else None
    if not isinstance(trigger, dict) or trigger.get("relativeTo", "start") != "start":
        return ""
    offset = str(trigger.get("offset", ""))
    return {"-PT60M": "-PT1H", "-PT24H": "-P1D", "PT0M": "PT0S", "-PT0S": "PT0S"}.get(offset, offset)


def _writable(organisation: Organisation, event: Event | None) -> dict[str, Calendar]:
    """Calendars an event can be written to; an event that exists stays where it is."""
    found = (
        Calendar.objects.for_tenant(organisation)
        .select_related("account__host")
        .filter(is_writable=True, account__host__is_active=True)
        .exclude(state__in=(Calendar.State.GONE, Calendar.State.READ_ONLY))
        .order_by("account__host__name", "name")
    )
    if event is not None:
        found = Calendar.objects.for_tenant(organisation).filter(pk=event.calendar_id).select_related("account__host")
    return {str(calendar.pk): calendar for calendar in found}


def _by_host(calendars: dict[str, Calendar]) -> list[tuple[str, list[tuple[str, str]]]]:
    groups: dict[str, list[tuple[str, str]]] = {}
    for key, calendar in calendars.items():
        host = calendar.account.host.name
        kept_here = calendar.account.provider == Account.Provider.LOCAL
        name = _("on this server") if kept_here else f"{calendar.name} ({calendar.account.label})"
        groups.setdefault(host, []).append((key, f"{host} · {name}"))
    return list(groups.items())


def _people(base: EventData, guests: list[str]) -> tuple[Person, ...]:
    """Hosts and owner stay, and so do the answers of guests who are still invited."""
    known = {person.email.lower(): person for person in base.people if person.role == "attendee"}
    others = [person for person in base.people if person.role != "attendee"]
    return (*others, *(known.get(address.lower()) or Person(address) for address in guests))


def _seconds(time: dt.time) -> int:
    return time.hour * 3600 + time.minute * 60


def _time(wall: int) -> dt.time:
    return dt.time(wall % DAY // 3600, wall % 3600 // 60)
