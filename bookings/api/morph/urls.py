"""Morph's paths that we answer: below /v1/ for servers, and below /v1/s/ for browsers with a session token. Either way
of saying who calls works in both places, since the published client mixes them."""

from __future__ import annotations

from django.urls import URLPattern, path

from . import catalogue, connecting, events
from . import dialect as module
from .views import UnknownModel

dialect = module.DIALECT


def _resources(root: str, *, browser: bool) -> list[URLPattern]:
    at = f"{root}resources/"
    return [
        path(f"{at}schedulingEvent", events.Events.as_view(browser=browser)),
        path(f"{at}schedulingEvent/<str:resource_id>", events.Event.as_view(browser=browser)),
        path(f"{at}schedulingEventType", catalogue.EventTypes.as_view(browser=browser)),
        path(f"{at}schedulingEventType/<str:resource_id>", catalogue.OneEventType.as_view(browser=browser)),
        path(f"{at}schedulingSlot", catalogue.Slots.as_view(browser=browser)),
        path(f"{at}schedulingSlot/<str:resource_id>", catalogue.Slot.as_view(browser=browser)),
        path(f"{at}genericUser", catalogue.Users.as_view(browser=browser)),
        path(f"{at}genericUser/<str:resource_id>", catalogue.OneUser.as_view(browser=browser)),
        path(f"{root}models/<str:model>/fields", catalogue.ModelFields.as_view(browser=browser)),
        path(f"{at}<str:model>", UnknownModel.as_view(browser=browser)),
        path(f"{at}<str:model>/<str:resource_id>", UnknownModel.as_view(browser=browser)),
    ]


urlpatterns: list[URLPattern] = [
    *_resources("v1/", browser=False),
    *_resources("v1/s/", browser=True),
    path("v1/s/connection", connecting.OneConnection.as_view(browser=True)),
    path("v1/s/connection/authorization", connecting.Authorization.as_view(browser=True)),
    path("v1/s/connector", connecting.Connector.as_view(browser=True)),
    path("v1/connectors/<str:connector>", connecting.Connector.as_view()),
    path("v1/connections/<str:connector>/<str:owner>", connecting.OneConnection.as_view()),
    path("v1/connections/<str:connector>/<str:owner>/sessions", connecting.Sessions.as_view()),
    path("v1/connections/<str:connector>/<str:owner>/authorization", connecting.Authorization.as_view()),
]
