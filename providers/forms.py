"""Forms of the calendar pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet

from bookings.models import Account, Calendar, Host


class ConnectForm(forms.Form):
    """Whose calendar it is, and how to sign in at its server. The password never comes back to the page."""

    host = forms.ModelChoiceField(Host.everywhere.none(), label="Whose calendar is it?", empty_label=None)
    server_url = forms.CharField(
        label="Server address",
        max_length=1000,
        help_text="As your calendar's settings give it, for example https://cloud.example.com/dav/",
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "url", "spellcheck": "false"}),
    )
    username = forms.CharField(
        label="User name",
        max_length=320,
        strip=True,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    password = forms.CharField(
        label="Password",
        max_length=500,
        strip=False,
        help_text="With two-step sign-in, make an app password for Convene. It is stored encrypted.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    label = forms.CharField(label="Name for this account", max_length=200, required=False, help_text="Such as “Work”")

    def __init__(self, *args: Any, hosts: QuerySet[Host], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["host"].queryset = hosts  # type: ignore[attr-defined]


class ReconnectForm(forms.Form):
    password = forms.CharField(
        label="New password",
        max_length=500,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )


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
