"""What every form of the admin refuses: another organisation's things, zones nobody knows, JSON of the wrong shape."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import holidays
from django import forms
from django.db.models import QuerySet
from unfold.forms import PaginationInlineFormSet

from bookings.engine.zones import canonical
from bookings.models import TenantModel


class OperatorForm(forms.ModelForm):
    """A tenant's object, or a row inside one."""

    owner_id: uuid.UUID | None = None

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        owner = values.get("organisation")
        owner_id = owner.pk if owner else self.owner_id or getattr(self.instance, "organisation_id", None)
        for name in [*values]:
            if values[name] is None and name in _SHAPES:
                values[name] = self._meta.model._meta.get_field(name).get_default()  # left empty: JSON, never null
            if problem := _problem(name, values[name], owner_id):
                self.add_error(name, problem)
        if problem := _holiday_problem(values.get("holiday_country", ""), values.get("holiday_region", "")):
            self.add_error("holiday_country", problem)
        if values.get("timezone"):
            values["timezone"] = canonical(values["timezone"])
        return values


class RowsOfParent(PaginationInlineFormSet):
    """Rows edited inside another object belong to the same organisation."""

    def _construct_form(self, i: int, **kwargs: Any) -> Any:
        form = super()._construct_form(i, **kwargs)
        form.owner_id = self.instance.organisation_id
        return form

    def save_new(self, form: Any, commit: bool = True) -> Any:
        form.instance.organisation_id = self.instance.organisation_id
        return super().save_new(form, commit)


def _problem(name: str, value: Any, owner_id: uuid.UUID | None) -> str:
    things = value if isinstance(value, QuerySet) else [value]
    if any(isinstance(thing, TenantModel) and thing.organisation_id != owner_id for thing in things):
        return "This belongs to another organisation."
    if name == "timezone" and value and canonical(value) is None:
        return "This is not a time zone we know. Use an IANA name, such as Europe/Berlin."
    fits, wanted = _SHAPES.get(name, (_anything, ""))
    return "" if fits(value) else wanted


def _holiday_problem(country: str, region: str) -> str:
    known = holidays.list_supported_countries()
    if country and country not in known:
        return "The public holidays of this country are not known. Use its ISO 3166 code, such as DE."
    if region and region not in known.get(country, []):
        return f"This country has no region of that code. Known: {', '.join(known.get(country, [])) or 'none'}."
    return ""


def _anything(value: Any) -> bool:
    return True


def _numbers(least: int) -> Callable[[Any], bool]:
    def fits(value: Any) -> bool:
        return isinstance(value, list) and all(type(number) is int and least <= number <= 44_640 for number in value)

    return fits


def _up_to(most: int) -> Callable[[Any], bool]:
    return lambda value: value is None or value <= most


def _durations(value: Any) -> bool:
    return bool(value) and _numbers(1)(value)


def _limits(value: Any) -> bool:
    known = {"day", "week", "month"}
    return isinstance(value, dict) and value.keys() <= known and _numbers(1)([*value.values()])


def _words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(word, str) and word.strip() for word in value)


def _blocks(value: Any) -> bool:
    if not isinstance(value, list) or not all(isinstance(block, list) and len(block) == 2 for block in value):
        return False
    return all(_numbers(0)(block) and block[0] < block[1] <= 1440 for block in value)


_SHAPES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "buffer_before": (_up_to(1440), "A buffer lasts 24 hours at most, which are 1440 minutes."),
    "buffer_after": (_up_to(1440), "A buffer lasts 24 hours at most, which are 1440 minutes."),
    "window_days": (_up_to(1098), "At most three years ahead can be booked, which are 1098 days."),
    "durations": (_durations, "A list of minutes with at least one, such as [30, 60]."),
    "alerts": (_numbers(0), "A list of minutes before the start, such as [10, 1440]."),
    "limits": (_limits, 'How many at most, such as {"day": 4, "week": 12}.'),
    "customer_limits": (_limits, 'How many at most, such as {"month": 2}.'),
    "options": (_words, 'A list of texts, such as ["Small", "Large"].'),
    "blocks": (_blocks, "A list of [start, end] in minutes of the day, such as [[540, 720]]."),
}
"""What people type and tables do not check, JSON above all: whether it can be used, and what is wanted instead."""
