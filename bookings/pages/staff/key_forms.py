"""The form of a new key. What it asks depends on the API that the program speaks and the kind of key it shows."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from bookings.domain import keys
from bookings.domain.errors import DomainError, Invalid
from bookings.models import ApiKey, Host, Organisation
from bookings.pages.staff.key_words import PAIR

NEVER, ON_A_DAY = "never", "day"
_FURTHEST = dt.timedelta(days=3653)
_FIELDS = {"expires_at": "until"}
"""Where the domain's names are found in the form."""


class HostField(forms.ModelChoiceField):
    def label_from_instance(self, host: Host) -> str:
        return host.name

    def to_python(self, value: Any) -> Host | None:
        try:
            found: Host | None = super().to_python(value)
        except forms.ValidationError:  # also for what is no id at all, which Django explains to programmers
            raise forms.ValidationError(self.error_messages["invalid_choice"], code="invalid_choice") from None
        return found


class KeyForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=100,
        help_text=_("What the program is, such as “Booking page of our site”. You find the key again by it."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    host = HostField(label=_("Whose calendar"), queryset=Host.everywhere.none(), required=False)
    scopes = forms.MultipleChoiceField(label=_("What it may do"), required=False, widget=forms.CheckboxSelectMultiple)
    expires = forms.ChoiceField(
        label=_("Works until"),
        choices=[
            (NEVER, _("Somebody revokes it")),
            ("30", _("30 days from now")),
            ("90", _("90 days from now")),
            ("365", _("A year from now")),
            (ON_A_DAY, _("A day I choose")),
        ],
        initial="365",
    )
    until = forms.DateField(
        label=_("Last day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, organisation: Organisation, dialect: str, kind: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.dialect, self.pair = dialect, kind == PAIR
        self.kind = str(ApiKey.Kind.SECRET_KEY if self.pair else kind)
        self._zone = ZoneInfo(organisation.timezone)
        self.fields["name"].widget.attrs.pop("maxlength", None)
        self.fields["until"].depends = True  # type: ignore[attr-defined]  # needed or not by another field: no “optional”
        self._ask_host(organisation)
        self._ask_scopes()

    def _ask_host(self, organisation: Organisation) -> None:
        if not keys.takes_host(self.dialect, self.kind):
            del self.fields["host"]
            return
        field: Any = self.fields["host"]
        field.queryset = Host.objects.for_tenant(organisation).filter(is_active=True).order_by("name")
        field.required = keys.needs_host(self.dialect, self.kind)
        field.empty_label = _("Choose a host") if field.required else _("Every host of the organisation")
        field.depends = True

    def _ask_scopes(self) -> None:
        offered = keys.grantable(self.kind)
        if not offered:
            del self.fields["scopes"]
            return
        field: Any = self.fields["scopes"]
        field.choices = [(scope, keys.SCOPES[scope]) for scope in offered]
        field.initial = keys.usual_scopes(self.kind)

    @property
    def usual(self) -> list[Any]:
        """The boxes of scopes that programs need."""
        return [box for box in self["scopes"] if box.data["value"] not in keys.PRIVILEGED]

    @property
    def privileged(self) -> list[Any]:
        """The boxes of scopes that reach further."""
        return [box for box in self["scopes"] if box.data["value"] in keys.PRIVILEGED]

    def clean_scopes(self) -> list[str]:
        chosen: list[str] = self.cleaned_data["scopes"]
        if not chosen:
            raise forms.ValidationError(_("Choose at least one: a key that may do nothing opens nothing."))
        return chosen

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if given.get("expires") == ON_A_DAY and not given.get("until") and "until" not in self.errors:
            self.add_error("until", _("Which day?"))
        last = None if self.errors else self._last_day()
        if last is not None and last > self._today() + _FURTHEST:
            self.add_error("until", _("At most ten years from now. A key can also work until somebody revokes it."))
        if not self.errors:
            self._ask_the_domain()
        return given

    def _ask_the_domain(self) -> None:
        try:
            keys.check(dialect=self.dialect, kind=self.kind, **self.wanted(name=False))
        except DomainError as error:
            field = error.field if isinstance(error, Invalid) else ""
            field = _FIELDS.get(field, field)
            self.add_error(field if field in self.fields else None, error.message)

    def wanted(self, *, name: bool = True) -> dict[str, Any]:
        """What was asked for, as `keys.issue` and `keys.issue_pair` take it."""
        given = self.cleaned_data
        named = {"name": given["name"]} if name else {}
        return named | {
            "scopes": given.get("scopes", []),
            "host": given.get("host"),
            "expires_at": self._expires_at(),
        }

    def _expires_at(self) -> dt.datetime | None:
        """The midnight that ends the last day, where the organisation is."""
        last = self._last_day()
        return None if last is None else dt.datetime.combine(last + dt.timedelta(days=1), dt.time(), self._zone)

    def _last_day(self) -> dt.date | None:
        expires = self.cleaned_data["expires"]
        if expires == NEVER:
            return None
        return self.cleaned_data["until"] if expires == ON_A_DAY else self._today() + dt.timedelta(days=int(expires))

    def _today(self) -> dt.date:
        return now().astimezone(self._zone).date()
