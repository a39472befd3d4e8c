"""Timekit's paths that we answer. Its clients end some of them with a slash, and a redirect would lose the body: every
path is there with and without."""

from __future__ import annotations

from django.urls import URLPattern, path

from . import events, views

dialect = views.DIALECT


def _both(route: str, view: type[views.TimekitView]) -> list[URLPattern]:
    return [path(f"v2/{route}{end}", view.as_view()) for end in ("", "/")]


urlpatterns: list[URLPattern] = [
    *_both("events", events.Events),
    *_both("events/<str:event_id>", events.OneEvent),
]
