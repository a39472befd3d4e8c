"""Forms of the staff pages. They check shapes; the domain decides, and its refusals are put beside their fields."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from bookings.domain.errors import DomainError, Invalid
from bookings.domain.requests import LONGEST, SUMMARY_LIMIT
from bookings.models import GroupRule, Host, Organisation


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
            if isinstance(field, HostOrRuleField):
                field.fill(organisation)

    def refuse(self, error: DomainError) -> None:
        """Show a refusal of the domain beside the field it names, or above the form."""
        field = error.field if isinstance(error, Invalid) and error.field in self.fields else None
        self.add_error(field, error.message)

    def who(self) -> dict[str, Host | GroupRule]:
        """The chosen host or group rule as the keyword the domain takes."""
        chosen = self.cleaned_data["host"]
        return {"host": chosen} if isinstance(chosen, Host) else {"group_rule": chosen}


class RequestForm(OfOrganisation):
    host = HostOrRuleField(label=_("Whose time"))
    recipient_email = forms.EmailField(
        label=_("Recipient’s e-mail"), max_length=320, widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    recipient_name = forms.CharField(label=_("Recipient’s name"), max_length=200, required=False)
    summary = forms.CharField(
        label=_("What is it about?"),
        max_length=SUMMARY_LIMIT,
        help_text=_("The recipient sees this, and it becomes the title in the calendar."),
        error_messages={"max_length": _("The summary may have 1,024 characters at most.")},
    )
    duration = forms.IntegerField(label=_("Length in minutes"), min_value=1, max_value=LONGEST, initial=30)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The limit is told by the server with the text kept, not by a browser that cuts it off.
        self.fields["summary"].widget.attrs.pop("maxlength", None)
        self.fields["duration"].widget.attrs["list"] = "lengths"


class CancelForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"), max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )


class WhyForm(OfOrganisation):
    host = HostOrRuleField(label=_("Whose time"))
    day = forms.DateField(label=_("Day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    time = forms.TimeField(label=_("Time"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    duration = forms.IntegerField(label=_("Length in minutes"), min_value=1, max_value=LONGEST, initial=30)

    def minute(self) -> tuple[dt.date, dt.time]:
        return self.cleaned_data["day"], self.cleaned_data["time"]
