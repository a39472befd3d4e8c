"""Cronofy's paths that we answer."""

from __future__ import annotations

from django.urls import path

from . import availability, calendars, events, managed, oauth, scheduling, writing
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
    path("v1/availability_rules/<str:rule_id>", managed.AvailabilityRule.as_view()),
    path("v1/available_periods", managed.AvailablePeriods.as_view()),
    path("v1/calendars", calendars.Calendars.as_view()),
    path("v1/calendars/<str:calendar_id>/events", writing.CalendarEvents.as_view()),
    path(
        "v1/calendars/<str:calendar_id>/events/<str:event_uid>/participation_status",
        writing.ParticipationStatus.as_view(),
    ),
    path("v1/events", writing.AccountEvents.as_view()),
    path("v1/free_busy", events.FreeBusy.as_view()),
    path("v1/profiles", calendars.Profiles.as_view()),
    path("v1/profiles/<str:profile_id>/revoke", calendars.ProfileRevocation.as_view()),
    path("v1/userinfo", calendars.UserInfo.as_view()),
    path("v1/account", calendars.AccountInfo.as_view()),
    path("oauth/token", oauth.Token.as_view()),
    path("oauth/token/revoke", oauth.Revocation.as_view()),
]
