"""Forms about bookings: which ones to list, for whom to book, who takes over, notes."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.domain.requests import LONGEST
from bookings.models import Booking, EventType, Host, Organisation
from bookings.pages.staff.refusing import Refusing
from bookings.pages.zones import grouped

WAITING, CONFLICT = "waiting", "conflict"


def _day(label: Any) -> forms.DateField:
    return forms.DateField(
        label=label, required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )


class FilterForm(forms.Form):
    """Which bookings. What is not understood is left out of account."""

    q = forms.CharField(label=gettext_lazy("Title or customer"), required=False, max_length=200)
    state = forms.ChoiceField(label=gettext_lazy("State"), required=False)
    host = forms.ChoiceField(label=gettext_lazy("With"), required=False)
    type = forms.ChoiceField(label=gettext_lazy("Event type"), required=False)
    since = _day(gettext_lazy("From"))
    until = _day(gettext_lazy("To"))

    def __init__(self, organisation: Organisation, data: Any) -> None:
        super().__init__(data)
        hosts = Host.objects.for_tenant(organisation).order_by("name").values_list("pk", "name")
        types = EventType.objects.for_tenant(organisation).order_by("name").values_list("pk", "name")
        states = [(WAITING, _("Waiting for a yes")), (CONFLICT, _("In conflict")), *Booking.State.choices]
        self._offer("state", _("Any state"), states)
        self._offer("host", _("Anybody"), [(str(pk), name) for pk, name in hosts])
        self._offer("type", _("Any type"), [(str(pk), name) for pk, name in types])

    def _offer(self, name: str, anything: str, choices: list[Any]) -> None:
        self.fields[name].choices = [("", anything), *choices]  # type: ignore[attr-defined]

    def conditions(self) -> Q:
        """What the fields that could be understood ask for."""
        self.is_valid()
        given = {name: value for name, value in self.cleaned_data.items() if value}
        found = Q()
        if words := given.get("q", "").strip():
            found &= Q(title__icontains=words) | Q(contact__name__icontains=words) | Q(contact__email__icontains=words)
        if state := given.get("state"):
            found &= _of_state(state)
        if host := given.get("host"):
            found &= Q(assignment__hosts__icontains=host)
        if kind := given.get("type"):
            found &= Q(event_type=kind)
        return found

    @property
    def is_filtering(self) -> bool:
        self.is_valid()
        return any(self.cleaned_data.values())


def _of_state(state: str) -> Q:
    if state == WAITING:
        return Q(state__in=(Booking.State.HELD, Booking.State.REQUESTED))
    return ~Q(conflict={}) if state == CONFLICT else Q(state=state)


class ReasonForm(Refusing):
    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )


class NotesForm(Refusing):
    notes = forms.CharField(
        label=gettext_lazy("Notes for staff"),
        max_length=20_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy("Customers never see them."),
    )


class WhatForm(forms.Form):
    """What is booked: an event type in one of its lengths, or plain time of one host."""

    what = forms.ChoiceField(label=gettext_lazy("What"))
    minutes = forms.IntegerField(
        label=gettext_lazy("Length in minutes"), min_value=1, max_value=LONGEST, required=False
    )

    def __init__(self, organisation: Organisation, data: Any) -> None:
        super().__init__(data)
        types = EventType.objects.for_tenant(organisation).select_related("group_rule", "schedule", "organisation")
        hosts = Host.objects.for_tenant(organisation).select_related("schedule").filter(is_active=True)
        self.types = {str(each.pk): each for each in types}
        self.hosts = {str(each.pk): each for each in hosts}
        groups = [(_("Event types"), [(key, each.name) for key, each in self.types.items()])]
        groups += [(_("Plain time with"), [(key, each.name) for key, each in self.hosts.items()])]
        self.fields["what"].choices = [group for group in groups if group[1]]  # type: ignore[attr-defined]
        self.fields["minutes"].depends = True  # type: ignore[attr-defined]

    @property
    def event_type(self) -> EventType | None:
        return self.types.get(self.cleaned_data.get("what", ""))

    @property
    def host(self) -> Host | None:
        return self.hosts.get(self.cleaned_data.get("what", ""))

    @property
    def length(self) -> int:
        """Minutes: what was said, or the event type's usual length, or half an hour."""
        said: int | None = self.cleaned_data.get("minutes")
        return said or (self.event_type.durations[0] if self.event_type else 30)


class CustomerForm(Refusing):
    """For whom it is booked."""

    title = forms.CharField(
        label=gettext_lazy("Title"), max_length=1024, required=False, help_text=gettext_lazy("Left empty: what it is.")
    )
    name = forms.CharField(label=gettext_lazy("Customer’s name"), max_length=200)
    email = forms.EmailField(label=gettext_lazy("Customer’s e-mail"), required=False)
    phone = forms.CharField(label=gettext_lazy("Phone"), max_length=50, required=False)
    timezone = forms.ChoiceField(label=gettext_lazy("Customer’s time zone"), choices=grouped)
    notes = forms.CharField(
        label=gettext_lazy("Notes for staff"), required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    notify = forms.BooleanField(label=gettext_lazy("Send the customer a confirmation"), required=False, initial=True)
