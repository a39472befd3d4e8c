"""Timekit's paths that we answer. Its clients end some of them with a slash, and a redirect would lose the body: every
path is there with and without."""

from __future__ import annotations

from django.urls import URLPattern, path

from . import availability, events, views

dialect = views.DIALECT


def _both(route: str, view: type[views.TimekitView]) -> list[URLPattern]:
    return [path(f"v2/{route}{end}", view.as_view()) for end in ("", "/")]


urlpatterns: list[URLPattern] = [
    *_both("availability", availability.Availability),
    *_both("availability/dates", availability.Dates),
    *_both("findtime", availability.FindTime),
    *_both("events", events.Events),
    *_both("events/<str:event_id>", events.OneEvent),
]
