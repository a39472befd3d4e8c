"""The form of an event: what people choose, turned into the domain's EventData and back."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _

from bookings.domain.calendar import data_of
from bookings.domain.errors import DomainError, Invalid
from bookings.engine.zones import DAY
from bookings.formats.event import EventData, Person
from bookings.models import Account, Calendar, Event, Organisation
from bookings.pages.staff import series
from bookings.pages.zones import grouped

_EPOCH = dt.date(1970, 1, 1)
_FIELDS = {"recurrence_rules": "repeats", "start_wall": "day", "timezone": "timezone", "duration": "end"}
"""Where the domain's names are found in the form."""


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
    repeats = forms.ChoiceField(label=_("Repeats"), choices=series.CHOICES, required=False)
    until = forms.DateField(
        label=_("Until"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("Empty: no last day"),
    )
    location = forms.CharField(label=_("Place"), max_length=1024, required=False)
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

    def __init__(self, organisation: Organisation, *args: Any, event: Event | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._event = event
        self.fields["title"].widget.attrs.pop("maxlength", None)
        for name in ("start", "end", "repeats"):
            self.fields[name].depends = True  # type: ignore[attr-defined]  # needed or not by other fields: no “optional”
        self._calendars = _writable(organisation, event)
        self.fields["calendar"].choices = _by_host(self._calendars)  # type: ignore[attr-defined]
        self.fields["timezone"].choices = grouped()  # type: ignore[attr-defined]
        if event is not None and self.initial.get("repeats") == series.CUSTOM:
            words = series.in_words(tuple(event.recurrence_rules), event.timezone, with_last_day=False)
            self.fields["repeats"].choices = [*series.CHOICES, (series.CUSTOM, words)]  # type: ignore[attr-defined]

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
        if given.get("until") and given["until"] < given["day"]:
            self.add_error("until", _("The repetition would end before it begins."))
        return given

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

    def event_data(self) -> EventData:
        """What was chosen. For an event that exists, what the form does not ask for stays as it is."""
        given = self.cleaned_data
        last = given["end_day"] or given["day"]
        first = (given["day"] - _EPOCH).days * DAY
        start = first if given["all_day"] else first + _seconds(given["start"])
        end = (last - _EPOCH).days * DAY + (DAY if given["all_day"] else _seconds(given["end"]))
        base = data_of(self._event) if self._event else EventData("", 0, "UTC", 0)
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
            free_busy_status=given["free_busy_status"],
            recurrence_rules=series.rules_of(given["repeats"], given["until"], base.recurrence_rules, base.timezone),
            people=_people(base, given["guests"]),
        )


def initial_of(data: EventData, calendar: Calendar) -> dict[str, Any]:
    """What the form shows of an event."""
    start = _EPOCH + dt.timedelta(days=data.start_wall // DAY)
    end_wall = data.start_wall + data.duration - (DAY if data.all_day else 0)
    end = _EPOCH + dt.timedelta(days=end_wall // DAY)
    choice, until = series.choice_of(data.recurrence_rules, data.timezone)
    return {
        "title": data.title,
        "calendar": str(calendar.pk),
        "day": start,
        "start": None if data.all_day else _time(data.start_wall),
        "end_day": end if end != start else None,
        "end": None if data.all_day else _time(end_wall),
        "all_day": data.all_day,
        "timezone": data.timezone,
        "repeats": choice,
        "until": until,
        "location": data.location,
        "guests": ", ".join(person.email for person in data.people if person.role == "attendee" and person.email),
        "description": data.description,
        "free_busy_status": data.free_busy_status,
    }


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
