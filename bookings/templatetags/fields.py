"""Several fields of a form at once."""

from __future__ import annotations

from django import forms, template

from bookings.pages.staff.weekly import spell

register = template.Library()


@register.filter
def days_of(form: forms.Form) -> list[forms.BoundField]:
    """The hours of Monday to Sunday."""
    return [form[f"day_{index}"] for index in range(7)]


@register.filter
def spelled(blocks: list[list[int]]) -> str:
    """9:00–12:00, 13:00–17:00, for blocks in minutes of the day."""
    return spell(blocks)
