"""Moments in the words of a page."""

from __future__ import annotations

from datetime import datetime, timedelta

from django import template
from django.utils.formats import date_format
from django.utils.timesince import timesince
from django.utils.timezone import now

from bookings.models import Event

register = template.Library()


@register.filter
def ago(moment: datetime | None) -> str:
    """How long something is past: "just now", "3 minutes ago", "not yet" for what has not happened."""
    if moment is None:
        return "not yet"
    if now() - moment < timedelta(minutes=1):
        return "just now"
    return f"{timesince(moment, depth=1)} ago"


@register.filter
def chosen_time(event: Event) -> str:
    """When an event begins, as people chose it: "Tue 1 Dec 2026, 09:00 (Europe/Berlin)"."""
    wall = datetime(1970, 1, 1) + timedelta(seconds=event.start_wall)
    day = date_format(wall, "D j M Y")
    return day if event.all_day else f"{day}, {date_format(wall, 'H:i')} ({event.timezone})"
