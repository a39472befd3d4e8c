"""Morgen's paths that we answer: v1 and v3 alike, but that v3 asks for more."""

from __future__ import annotations

from django.urls import URLPattern, path

from . import calendars, events, wire
from .dialect import DIALECT

dialect = DIALECT


def _version(name: str, *, strict: bool) -> list[URLPattern]:
    return [
        path(f"{name}/events/list", events.EventList.as_view(strict=strict)),
        path(f"{name}/events/create", events.EventCreate.as_view(strict=strict)),
        path(f"{name}/events/update", events.EventUpdate.as_view(strict=strict)),
        path(f"{name}/events/delete", events.EventDelete.as_view(strict=strict)),
        *(path(f"{name}/events/{verb}", events.EventAnswer.as_view(verb=verb)) for verb in wire.ANSWERS),
        path(f"{name}/events/", events.OneEvent.as_view()),
        path(f"{name}/calendars/list", calendars.CalendarList.as_view()),
        path(f"{name}/calendars/update", calendars.CalendarUpdate.as_view(strict=strict)),
        path(f"{name}/integrations/accounts/list", calendars.AccountList.as_view()),
        path(f"{name}/integrations/list", calendars.Integrations.as_view()),
    ]


urlpatterns = [*_version("v1", strict=False), *_version("v3", strict=True)]
