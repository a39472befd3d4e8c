"""Morph's paths that we answer: below /v1/ for servers, and below /v1/s/ for browsers with a session token. Either way
of saying who calls works in both places, since the published client mixes them."""

from __future__ import annotations

from django.urls import URLPattern, path

from . import dialect as module
from . import events
from .views import UnknownModel

dialect = module.DIALECT


def _resources(root: str, *, browser: bool) -> list[URLPattern]:
    at = f"{root}resources/"
    return [
        path(f"{at}schedulingEvent", events.Events.as_view(browser=browser)),
        path(f"{at}schedulingEvent/<str:resource_id>", events.Event.as_view(browser=browser)),
        path(f"{at}<str:model>", UnknownModel.as_view(browser=browser)),
        path(f"{at}<str:model>/<str:resource_id>", UnknownModel.as_view(browser=browser)),
    ]


urlpatterns: list[URLPattern] = [
    *_resources("v1/", browser=False),
    *_resources("v1/s/", browser=True),
]
