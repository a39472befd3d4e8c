"""Cronofy's paths that we answer."""

from __future__ import annotations

from django.urls import path

from . import availability, managed, scheduling
from . import dialect as cronofy

dialect = cronofy.DIALECT
urlpatterns = [
    path("v1/scheduler_requests", scheduling.SchedulerRequests.as_view()),
    path("v1/scheduling_requests", scheduling.SchedulingRequests.as_view()),
    path("v1/scheduling_requests/query", scheduling.SchedulingRequestQuery.as_view()),
    path("v1/scheduling_requests/cancel", scheduling.SchedulingRequestCancel.as_view()),
    path("v1/scheduling_requests/<str:request_id>", scheduling.SchedulingRequest.as_view()),
    path("v1/availability", availability.Availability.as_view()),
    path("v1/availability_rules", managed.AvailabilityRules.as_view()),
    path("v1/availability_rules/<path:rule_id>", managed.AvailabilityRule.as_view()),
    path("v1/available_periods", managed.AvailablePeriods.as_view()),
]
