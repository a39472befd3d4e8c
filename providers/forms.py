"""Forms of the calendar pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet

from bookings.models import Account, Calendar, Host
from providers import kinds
from providers.kinds import Kind


class ConnectForm(forms.Form):
    """Whose calendar it is, and what its kind asks for. What is secret never comes back to the page."""

    def __init__(self, *args: Any, kind: Kind, hosts: QuerySet[Host], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["host"] = _everybody(hosts) if kind.for_everybody else _one(hosts)
        self.fields |= {field.name: _typed(field) for field in kind.fields}
        if not kind.for_everybody:
            self.fields["label"] = forms.CharField(
                label="Name for this account", max_length=200, required=False, help_text="Such as “Work”"
            )


class ReconnectForm(forms.Form):
    """The secrets of an account anew; everything else stays as it was."""

    def __init__(self, *args: Any, kind: Kind, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in kind.fields:
            if field.secret:
                self.fields[field.name] = _typed(field)
                self.fields[field.name].label = f"New {field.label[0].lower()}{field.label[1:]}"


def _one(hosts: QuerySet[Host]) -> forms.Field:
    return forms.ModelChoiceField(hosts, label="Whose calendar is it?", empty_label=None)


def _everybody(hosts: QuerySet[Host]) -> forms.Field:
    choice = forms.ModelMultipleChoiceField(
        hosts.exclude(email=""), label="Whose calendars?", widget=forms.CheckboxSelectMultiple
    )
    choice.label_from_instance = _with_address  # type: ignore[method-assign,assignment]
    choice.error_messages["required"] = "Tick at least one host."
    return choice


def _with_address(host: Host) -> str:
    return f"{host.name} – {host.email}"


def _typed(field: kinds.Field) -> forms.Field:
    """A control for what is typed, without the browser's own ideas of what belongs there."""
    plain = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
    words: dict[str, Any] = {"label": field.label, "help_text": field.help, "required": field.required}
    if field.choices:
        return forms.ChoiceField(choices=field.choices, **words)
    if field.lines:
        area = _SecretArea(attrs=plain | {"rows": 6}) if field.secret else forms.Textarea(attrs=plain | {"rows": 6})
        return forms.CharField(max_length=20_000, widget=area, **words)
    if field.secret:
        return forms.CharField(max_length=4000, strip=False, widget=forms.PasswordInput(attrs=plain), **words)
    if field.name == "server_url":
        plain |= {"inputmode": "url", "autocomplete": "url"}
    longest = 1000 if field.name == "server_url" else 320
    return forms.CharField(max_length=longest, widget=forms.TextInput(attrs=plain), **words)


class _SecretArea(forms.Textarea):
    """A textarea that, like a password, comes back empty."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        return super().get_context(name, None, attrs)


class ChooseForm(forms.Form):
    """What the calendars of an account are for."""

    booking_calendar = forms.ModelChoiceField(
        Calendar.everywhere.none(),
        label="Bookings and new events go to",
        empty_label=None,
        widget=forms.RadioSelect,
    )
    blocking = forms.ModelMultipleChoiceField(
        Calendar.everywhere.none(),
        label="Events here make the host busy",
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, account: Account, local: Calendar, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mine = Calendar.everywhere.filter(account=account)
        targets = mine.filter(is_writable=True).exclude(state__in=(Calendar.State.GONE, Calendar.State.READ_ONLY))
        elsewhere = Calendar.everywhere.filter(pk=account.host.booking_calendar_id)
        receiving = self.fields["booking_calendar"]
        receiving.queryset = targets | elsewhere | Calendar.everywhere.filter(pk=local.pk)  # type: ignore[attr-defined]
        receiving.label_from_instance = _described  # type: ignore[attr-defined]
        self.fields["blocking"].queryset = mine  # type: ignore[attr-defined]


def _described(calendar: Calendar) -> str:
    if calendar.account.provider == Account.Provider.LOCAL:
        return f"{calendar.name} – kept on this server only"
    return f"{calendar.name} – {calendar.account.label}"
