"""Cronofy's paths that we answer."""

from __future__ import annotations

from django.urls import path

from . import views

dialect = views.DIALECT
urlpatterns = [
    path("v1/scheduler_requests", views.SchedulerRequests.as_view()),
    path("v1/scheduling_requests", views.SchedulingRequests.as_view()),
    path("v1/scheduling_requests/query", views.SchedulingRequestQuery.as_view()),
    path("v1/scheduling_requests/cancel", views.SchedulingRequestCancel.as_view()),
    path("v1/scheduling_requests/<str:request_id>", views.SchedulingRequest.as_view()),
]
