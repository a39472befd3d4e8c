"""What a customer is asked while booking, and afterwards."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext_lazy as _

from bookings.domain.public import MOST_GUESTS
from bookings.formats.lines import clean
from bookings.models import EventType, Question

LONGEST_ANSWER = 2000
_FEW = 6
_PHONE = re.compile(r"\+?[\d\s()./-]{5,40}", re.ASCII)
_SALT = "booking form"
_OPEN_FOR_S = 86_400


class ChoiceForm(forms.Form):
    """A start in UTC seconds, chosen on the clock of a zone."""

    start = forms.IntegerField(min_value=0, max_value=2**40, widget=forms.HiddenInput)
    tz = forms.CharField(max_length=64, widget=forms.HiddenInput)


class ConfirmForm(ChoiceForm):
    """Who books, and the answers to the event type's questions."""

    name = forms.CharField(label=_("Your name"), max_length=200, widget=forms.TextInput(attrs={"autocomplete": "name"}))

    def __init__(self, *args: Any, questions: Iterable[Question] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._questions = [question for question in questions if not _asks_for_name_or_mail(question)]
        for question in self._questions:
            self.fields[_field_name(question)] = _field(question)

    @property
    def answers(self) -> dict[str, Any]:
        """{key of the question: answer}, for those that were answered."""
        given = {each.key: self.cleaned_data.get(_field_name(each)) for each in self._questions}
        return {key: value for key, value in given.items() if value not in (None, "", [])}


class PublicForm(ConfirmForm):
    """The same by somebody unknown, who says where they can be reached.

    `website` is a field that people do not see and programs fill in. `ticket` tells one sending of the form from the
    next, and that the form was ours: no cookie is needed, which a frame on another site would not get.
    """

    field_order = ("start", "tz", "ticket", "name", "email", "phone")
    email = forms.EmailField(
        label=_("Your e-mail"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )
    website = forms.CharField(required=False, widget=forms.TextInput(attrs={"autocomplete": "off", "tabindex": "-1"}))
    ticket = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)

    def __init__(self, *args: Any, event_type: EventType, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if event_type.place == EventType.Place.PHONE and not event_type.place_detail:
            self.fields["phone"] = PhoneField(label=_("The number to call you at"))
        if event_type.capacity == 1:
            self.fields["guests"] = GuestsField(
                label=_("Guests"), required=False, help_text=_("Their mail addresses, if somebody comes along")
            )

    @property
    def is_spam(self) -> bool:
        return bool(self.data.get("website"))

    @property
    def nonce(self) -> str:
        """Which showing of the form this is; empty when it was not ours, or open for more than a day."""
        try:
            return str(signing.loads(self.data.get("ticket", ""), salt=_SALT, max_age=_OPEN_FOR_S))
        except signing.BadSignature:
            return ""

    def renew(self) -> None:
        """Take a new ticket along with what was typed."""
        data = MultiValueDict(self.data)
        data["ticket"] = new_ticket()
        self.data = data


def new_ticket() -> str:
    return signing.dumps(uuid.uuid4().hex, salt=_SALT)


class CancelForm(forms.Form):
    reason = forms.CharField(
        label=_("Why? It helps to know, but you need not say."),
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class PhoneField(forms.CharField):
    def __init__(self, **kwargs: Any) -> None:
        widget = forms.TextInput(attrs={"type": "tel", "autocomplete": "tel", "inputmode": "tel"})
        super().__init__(max_length=40, widget=widget, **kwargs)

    def clean(self, value: Any) -> str:
        number = str(super().clean(value))
        if number and (not _PHONE.fullmatch(number) or sum(map(str.isdigit, number)) < 5):
            raise ValidationError(_("Please write a phone number, such as +49 30 123456."))
        return number


class GuestsField(forms.CharField):
    """Mail addresses, in any usual way of listing them."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=4000, widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off"}), **kwargs)

    def clean(self, value: Any) -> list[str]:
        addresses = list(dict.fromkeys(filter(None, re.split(r"[\s,;]+", str(super().clean(value))))))
        for address in addresses:
            try:
                validate_email(address)
            except ValidationError:
                raise ValidationError(
                    _("“%(address)s” is not a mail address."), params={"address": address[:60]}
                ) from None
        if len(addresses) > MOST_GUESTS:
            raise ValidationError(_("At most %(most)d guests can come along."), params={"most": MOST_GUESTS})
        return addresses


class GuestsForm(forms.Form):
    guests = GuestsField(label=_("Mail addresses of your guests"))


class AnswerForm(forms.Form):
    status = forms.ChoiceField(
        choices=[("accepted", _("I am coming")), ("tentative", _("Maybe")), ("declined", _("I am not coming"))]
    )
    comment = forms.CharField(
        label=_("A word to the others"), required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 2})
    )


def _asks_for_name_or_mail(question: Question) -> bool:
    return question.key in ("name", "email")


def _field_name(question: Question) -> str:
    return f"q-{question.key}"


def _field(question: Question) -> forms.Field:
    said: dict[str, Any] = {"label": question.label, "required": question.required}
    kind, kinds = question.kind, Question.Kind
    if kind == kinds.NUMBER:
        return NumberField(**said)
    if kind == kinds.PHONE:
        return PhoneField(**said)
    if kind == kinds.CHECKBOX:
        return forms.BooleanField(**said)
    if kind in (kinds.SELECT, kinds.MULTISELECT):
        return _choice(question, said)
    return AnswerField(**said)


def _choice(question: Question, said: dict[str, Any]) -> forms.Field:
    options = _options(question.options)
    if question.kind == Question.Kind.MULTISELECT:
        return forms.MultipleChoiceField(choices=options, widget=forms.CheckboxSelectMultiple, **said)
    if len(options) <= _FEW:
        return forms.ChoiceField(choices=options, widget=forms.RadioSelect, **said)
    return forms.ChoiceField(choices=[("", _("Please choose")), *options], **said)


class AnswerField(forms.CharField):
    """Words; control characters are dropped."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=LONGEST_ANSWER, widget=forms.Textarea(attrs={"rows": 2}), **kwargs)

    def clean(self, value: Any) -> str:
        return clean(str(super().clean(value)))


class NumberField(forms.DecimalField):
    """A number as JSON has it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=15, decimal_places=6, localize=False, **kwargs)
        self.widget.attrs["step"] = "any"

    def clean(self, value: Any) -> Any:
        found = super().clean(value)
        if found is None:
            return None
        return int(found) if found == found.to_integral_value() else float(found)


def _options(options: Sequence[Any]) -> list[tuple[str, str]]:
    """Options are words, or {value, label} as programs say them."""
    found = []
    for option in options:
        value = option.get("value") or option.get("label") if isinstance(option, dict) else option
        label = option.get("label") or value if isinstance(option, dict) else option
        if value not in (None, ""):
            found.append((str(value), str(label)))
    return found
