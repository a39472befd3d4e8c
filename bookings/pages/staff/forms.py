"""Forms of the staff pages. They check shapes; the domain decides, and its refusals are put beside their fields."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from bookings.domain.errors import DomainError, Invalid
from bookings.domain.requests import LONGEST, SUMMARY_LIMIT
from bookings.engine.zones import zone
from bookings.models import EventType, GroupRule, Host, Organisation
from bookings.pages.staff.pasted import MOST_LINES, Line, read_lines


class HostOrRuleField(forms.ChoiceField):
    """One choice among hosts and group rules of an organisation; cleans to a Host or a GroupRule."""

    def fill(self, organisation: Organisation) -> None:
        hosts = Host.objects.for_tenant(organisation).filter(is_active=True)
        rules = GroupRule.objects.for_tenant(organisation)
        self.things: dict[str, Host | GroupRule] = {str(each.pk): each for each in [*hosts, *rules]}
        people = [(str(host.pk), host.name) for host in hosts]
        groups = [(str(rule.pk), f"{rule.name} ({rule.get_mode_display().lower()})") for rule in rules]
        self.choices = [(_("People and resources"), people), *([(_("Groups"), groups)] if groups else [])]

    def clean(self, value: Any) -> Host | GroupRule:
        return self.things[super().clean(value)]


class OfOrganisation(forms.Form):
    """A form whose choices are those of one organisation."""

    def __init__(self, organisation: Organisation, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if isinstance(field, HostOrRuleField | EventTypeField):
                field.fill(organisation)

    def refuse(self, error: DomainError) -> None:
        """Show a refusal of the domain beside the field it names, or above the form."""
        field = error.field if isinstance(error, Invalid) and error.field in self.fields else None
        self.add_error(field, error.message)

    def who(self) -> dict[str, Host | GroupRule]:
        """The chosen host or group rule as the keyword the domain takes."""
        chosen = self.cleaned_data["host"]
        return {"host": chosen} if isinstance(chosen, Host) else {"group_rule": chosen}


class EventTypeField(forms.ChoiceField):
    """An event type in one of its lengths; cleans to (EventType, minutes), or None for a length of one's own."""

    def fill(self, organisation: Organisation) -> None:
        found = EventType.objects.for_tenant(organisation).filter(is_active=True).order_by("name")
        self.things = {f"{each.pk}:{minutes}": (each, minutes) for each in found for minutes in each.durations}
        said = ngettext_lazy("%(name)s (%(minutes)d minute)", "%(name)s (%(minutes)d minutes)", "minutes")
        named = [(key, said % {"name": each.name, "minutes": n}) for key, (each, n) in self.things.items()]
        self.choices = [("", _("None: a length of its own")), *named]

    def clean(self, value: Any) -> tuple[EventType, int] | None:
        key = super().clean(value)
        return self.things[key] if key else None


class RequestBase(OfOrganisation):
    """What every request says, whoever gets it."""

    summary = forms.CharField(
        label=_("What is it about?"),
        max_length=SUMMARY_LIMIT,
        help_text=_("The recipient sees this, and it becomes the title in the calendar."),
        error_messages={"max_length": _("The summary may have 1,024 characters at most.")},
    )
    host = HostOrRuleField(label=_("Whose time"))
    event_type = EventTypeField(
        label=_("Event type"), required=False, help_text=_("Its questions are asked, and its notice is kept.")
    )
    duration = forms.IntegerField(
        label=_("Length in minutes"), min_value=1, max_value=LONGEST, initial=30, required=False
    )
    earliest = forms.DateField(
        label=_("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    latest = forms.DateField(
        label=_("Last day"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    location = forms.CharField(label=_("Place"), max_length=1024, required=False)
    description = forms.CharField(
        label=_("Message"), max_length=5000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    quiet = forms.BooleanField(label=_("Send no mail: I pass the link on myself"), required=False)

    more = ("event_type", "earliest", "latest", "location", "description", "quiet")
    """What is folded until it is wanted."""

    def __init__(self, organisation: Organisation, *args: Any, **kwargs: Any) -> None:
        super().__init__(organisation, *args, **kwargs)
        self._organisation = organisation
        # The limit is told by the server with the text kept, not by a browser that cuts it off.
        self.fields["summary"].widget.attrs.pop("maxlength", None)
        self.fields["duration"].widget.attrs["list"] = "lengths"
        self.fields["duration"].depends = True  # type: ignore[attr-defined]

    @property
    def more_open(self) -> bool:
        """Whether anything among what is folded is filled in or refused."""
        return any(self[name].value() or self[name].errors for name in self.more)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("event_type") is None and given.get("duration") is None and "duration" not in self.errors:
            self.add_error("duration", forms.Field.default_error_messages["required"])
        if given.get("earliest") and given.get("latest") and given["latest"] < given["earliest"]:
            self.add_error("latest", _("The last day is before the first."))
        return given

    def refuse(self, error: DomainError) -> None:
        if isinstance(error, Invalid) and error.field == "latest_s":
            self.add_error("latest", error.message)
        else:
            super().refuse(error)

    def terms(self) -> dict[str, Any]:
        """What all these requests say, as keywords of the domain's `send`."""
        given = self.cleaned_data
        event_type, minutes = given["event_type"] or (None, given["duration"])
        names = ("buffer_before", "buffer_after")
        buffers = {name: getattr(event_type, name) for name in names} if event_type else {}
        return {
            **self.who(),
            **buffers,
            "summary": given["summary"],
            "event_type": event_type,
            "duration": minutes,
            "location": given["location"],
            "description": given["description"],
            "earliest_s": self._second(given["earliest"], 0),
            "latest_s": self._second(given["latest"], 1),
            "notify": not given["quiet"],
        }

    def _second(self, day: dt.date | None, after: int) -> int | None:
        """When a day begins (or, with `after` 1, ends) where the host is."""
        host = self.cleaned_data["host"]
        tzid = host.timezone if isinstance(host, Host) else self._organisation.timezone
        return zone(tzid).day_bounds((day - dt.date(1970, 1, 1)).days)[after] if day else None


class RequestForm(RequestBase):
    recipient_email = forms.EmailField(
        label=_("Recipient’s e-mail"), max_length=320, widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    recipient_name = forms.CharField(label=_("Recipient’s name"), max_length=200, required=False)


class BulkForm(RequestBase):
    """One request for each line of a pasted list; `lines` tells what was found in each."""

    addresses = forms.CharField(
        label=_("Recipients"),
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
        help_text=_("One in each line, at most 100: cleo@example.org, or Cleo Park <cleo@example.org>"),
    )

    lines: list[Line] = []

    def clean_addresses(self) -> str:
        text: str = self.cleaned_data["addresses"]
        self.lines = read_lines(text)
        wrong = sum(1 for line in self.lines if line.error)
        if len(self.lines) > MOST_LINES:
            raise forms.ValidationError(
                _("These are %(count)d recipients; 100 are possible at once."), params={"count": len(self.lines)}
            )
        if wrong:
            raise forms.ValidationError(
                ngettext_lazy("One line cannot be used.", "%(count)d lines cannot be used.", "count") % {"count": wrong}
            )
        return text


class WhyForm(OfOrganisation):
    host = HostOrRuleField(label=_("Whose time"))
    day = forms.DateField(label=_("Day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    time = forms.TimeField(label=_("Time"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    duration = forms.IntegerField(label=_("Length in minutes"), min_value=1, max_value=LONGEST, initial=30)

    def minute(self) -> tuple[dt.date, dt.time]:
        return self.cleaned_data["day"], self.cleaned_data["time"]
